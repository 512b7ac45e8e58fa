# Promises kept in files: the access matrix.
if(TARGET model)
  add_executable(golden_dump golden/dump.c)
  target_link_libraries(golden_dump PRIVATE model panic strict)
  add_test(NAME golden_access COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/golden/access.py $<TARGET_FILE:golden_dump>)
endif()
