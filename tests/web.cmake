# The front panel. standin is a made-up meter behind the real server.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
unit_test(unit/test_panel.c LIBS panel)
fuzz_target(fuzz/fuzz_panel.c LIBS panel)

add_executable(standin web/standin.c)
target_link_libraries(standin PRIVATE panel tool_sys strict m)

add_test(NAME panel_server COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/web/server.py)
set_tests_properties(panel_server PROPERTIES ENVIRONMENT
  "STANDIN=$<TARGET_FILE:standin>;SANITIZE=${SANITIZE};PYTHONDONTWRITEBYTECODE=1")
