add_library(lab STATIC lab.c)
target_include_directories(lab PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(lab PUBLIC meter port_common PRIVATE strict)

unit_test(unit/test_meter_clock.c LIBS meter)
unit_test(unit/test_meter_energy.c LIBS meter)
unit_test(unit/test_meter_life.c LIBS lab)
unit_test(unit/test_meter_tou.c LIBS lab)
unit_test(unit/test_meter_sampled.c LIBS lab)
unit_test(unit/test_meter_inputs.c LIBS lab)
unit_test(unit/test_meter_display.c LIBS lab)
unit_test(unit/test_meter_years.c LIBS lab)
unit_test(unit/test_supply_walk.c LIBS meter)
unit_test(unit/test_supply_relay.c LIBS lab)

add_executable(bench_meter_year bench/bench_meter_year.c)
target_link_libraries(bench_meter_year PRIVATE lab panic strict)
target_compile_definitions(bench_meter_year PRIVATE _POSIX_C_SOURCE=200809L)

unit_test(powercut/test_powercut_meter.c LIBS lab nor_sim)
unit_test(powercut/test_wear.c LIBS lab nor_sim LABEL slow)
foreach(handed journal_put journal_gasp txn_put txn_put_param txn_put_row series_append)
  target_link_options(test_wear PRIVATE -Wl,--wrap=${handed})
endforeach()

add_executable(golden_events golden/events.c)
target_link_libraries(golden_events PRIVATE meter panic strict)
target_compile_definitions(golden_events PRIVATE _POSIX_C_SOURCE=200809L)
add_test(NAME golden_events COMMAND golden_events ${CMAKE_SOURCE_DIR}/docs/events.md)

fuzz_target(fuzz/fuzz_meter_records.c LIBS meter port_common)
fuzz_target(fuzz/fuzz_scenario_words.c LIBS scenario)

# Prepayment: tokens made by the vending half, entered into a living meter.
add_library(teller STATIC teller.c)
target_include_directories(teller PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(teller PUBLIC lab sts_make PRIVATE strict)
unit_test(unit/test_prepay.c LIBS teller)
unit_test(powercut/test_powercut_token.c LIBS teller nor_sim)
