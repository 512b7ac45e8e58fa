add_library(lab STATIC lab.c)
target_include_directories(lab PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(lab PUBLIC meter port_common PRIVATE strict)

unit_test(unit/test_meter_clock.c LIBS meter)
unit_test(unit/test_meter_energy.c LIBS meter)
unit_test(unit/test_meter_life.c LIBS lab)
