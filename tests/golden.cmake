# Promises kept in files: the access matrix.
if(TARGET model)
  add_executable(golden_dump golden/dump.c)
  target_link_libraries(golden_dump PRIVATE model panic strict)
  add_test(NAME golden_access COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/golden/access.py $<TARGET_FILE:golden_dump>)
  add_executable(golden_objects golden/objects.c)
  target_link_libraries(golden_objects PRIVATE desk panic strict)
  add_test(NAME golden_objects COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/golden/objects.py
    $<TARGET_FILE:golden_objects> $<TARGET_FILE:golden_dump>)
endif()
