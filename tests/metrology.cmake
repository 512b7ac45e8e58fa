# Test waves with closed-form truth, and the rig that runs them through the core.
add_library(rig STATIC wave/wave.c wave/rig.c wave/sweep.c)
target_include_directories(rig PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(rig PUBLIC metrology m PRIVATE strict)
target_compile_definitions(rig PRIVATE _DEFAULT_SOURCE)

unit_test(unit/test_metrology_math.c LIBS metrology m)
target_compile_definitions(test_metrology_math PRIVATE _DEFAULT_SOURCE)
unit_test(unit/test_metrology_front.c LIBS rig)
target_compile_definitions(test_metrology_front PRIVATE _DEFAULT_SOURCE)

add_executable(metrology_sweep wave/metrology_sweep.c)
target_link_libraries(metrology_sweep PRIVATE rig panic strict)
add_test(NAME metrology_sweep COMMAND metrology_sweep --quick)
unit_test(unit/test_metrology_quantity.c LIBS rig)
target_compile_definitions(test_metrology_quantity PRIVATE _DEFAULT_SOURCE)
