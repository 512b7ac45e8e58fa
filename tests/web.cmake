# The front panel. standin is a made-up meter behind the real server.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
unit_test(unit/test_panel.c LIBS tool_panel)
fuzz_target(fuzz/fuzz_panel.c LIBS tool_panel)

add_executable(standin web/standin.c)
target_link_libraries(standin PRIVATE tool_panel tool_sys strict m)

add_test(NAME panel_server COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/web/server.py)
set_tests_properties(panel_server PROPERTIES ENVIRONMENT
  "STANDIN=$<TARGET_FILE:standin>;SANITIZE=${SANITIZE};PYTHONDONTWRITEBYTECODE=1")

# Pages in a browser, as `make web` has built them.
function(page_test name)
  add_test(NAME panel_${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/web/run.sh ${CMAKE_CURRENT_SOURCE_DIR}/web/${name}.mjs)
  set_tests_properties(panel_${name} PROPERTIES TIMEOUT 600 LABELS slow ENVIRONMENT
    "STANDIN=$<TARGET_FILE:standin>;MAGNO=$<TARGET_FILE:magno>")
endfunction()
page_test(page)
page_test(vend)
file(STRINGS ${CMAKE_SOURCE_DIR}/tools/commands.def run REGEX "^COMMAND\\(run,")
if(run)
  page_test(meter)
  page_test(sale)
  page_test(supply)
  page_test(prepaid)
endif()
