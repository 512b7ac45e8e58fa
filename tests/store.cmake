# The store: units, lives with the lights going out, wear.
add_library(nor_sim STATIC powercut/nor_sim.c)
target_include_directories(nor_sim PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(nor_sim PUBLIC port_common base PRIVATE strict)
add_library(toy STATIC powercut/toy.c)
target_link_libraries(toy PUBLIC nor_sim store PRIVATE strict)

unit_test(powercut/test_powercut_store.c LIBS toy)
