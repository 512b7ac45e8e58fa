# Timelines that must come out the same on every target.
if(TARGET model)
  add_executable(hour scenario/hour.c)
  target_link_libraries(hour PRIVATE model port_common panic strict)
endif()
