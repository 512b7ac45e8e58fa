# The whole path: `magno run` started, fed, read, killed. Python scripts of tests/path.
function(path_test name)
  add_test(NAME path_${name} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/path/${name}.py)
  set_tests_properties(path_${name} PROPERTIES LABELS slow ENVIRONMENT
    "MAGNO=$<TARGET_FILE:magno>;DATA=${CMAKE_CURRENT_SOURCE_DIR}/data;PYTHONDONTWRITEBYTECODE=1")
endfunction()
if(TARGET tool_run)
  path_test(two_days)
  path_test(kill)
  path_test(wrong_input)
  path_test(keys)
  path_test(keating)
  path_test(client)
endif()
