# The command line: helpers by cmocka, `magno` itself by Python scripts that run it.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
unit_test(unit/test_tool_common.c LIBS tool_common)
unit_test(unit/test_comtrade.c LIBS tool_common m)
unit_test(unit/test_load.c LIBS tool_load)
unit_test(unit/test_client_values.c LIBS tool_client)
# The device of tests/dlms behind a socket, in a thread.
find_package(Threads REQUIRED)
add_library(wire STATIC dlms/wire.c)
target_link_libraries(wire PUBLIC bench Threads::Threads PRIVATE strict)
target_compile_definitions(wire PRIVATE _POSIX_C_SOURCE=200809L)
unit_test(unit/test_client_session.c LIBS tool_client wire)
unit_test(unit/test_client_vectors.c LIBS tool_client cases)

function(cli_test path)
  get_filename_component(name ${path} NAME_WE)
  add_test(NAME ${name} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/${path})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT
    "MAGNO=$<TARGET_FILE:magno>;DATA=${CMAKE_CURRENT_SOURCE_DIR}/data;PYTHONDONTWRITEBYTECODE=1")
endfunction()
cli_test(tools/cli_basics.py)
cli_test(tools/cli_token.py)

fuzz_target(fuzz/fuzz_comtrade.c LIBS tool_common)
fuzz_target(fuzz/fuzz_load.c LIBS tool_load)
