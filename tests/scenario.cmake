# Timelines that must come out the same on every target.
if(TARGET model)
  add_executable(hour scenario/hour.c)
  target_link_libraries(hour PRIVATE model port_common panic strict)
endif()

# Stories: tests/scenario/stories/, docs/scenarios.md.
file(GLOB STORIES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/scenario/stories/*.txt)
if(TARGET magno)
  add_test(NAME stories COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/scenario/stories.py $<TARGET_FILE:magno> ${STORIES})
  add_test(NAME story_events COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/scenario/events.py $<TARGET_FILE:magno> ${STORIES})
endif()
