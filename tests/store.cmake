# The store: units, lives with the lights going out, wear.
add_library(nor_sim STATIC powercut/nor_sim.c)
target_include_directories(nor_sim PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(nor_sim PUBLIC port_common base PRIVATE strict)
add_library(toy STATIC powercut/toy.c powercut/box.c)
target_link_libraries(toy PUBLIC nor_sim store PRIVATE strict)

foreach(part flash journal txn series params image)
  unit_test(unit/test_store_${part}.c LIBS toy)
endforeach()
unit_test(powercut/test_powercut_store.c LIBS toy)
fuzz_target(fuzz/fuzz_store.c LIBS toy port_common)
