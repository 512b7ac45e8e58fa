# The store: units, lives with the lights going out, wear.
add_library(nor_sim STATIC powercut/nor_sim.c powercut/cuts.c)
target_include_directories(nor_sim PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(nor_sim PUBLIC port_common base PRIVATE strict)
add_library(toy STATIC powercut/toy.c powercut/box.c)
target_link_libraries(toy PUBLIC nor_sim store PRIVATE strict)

foreach(part flash journal txn row series params image)
  unit_test(unit/test_store_${part}.c LIBS toy)
endforeach()
unit_test(powercut/test_powercut_store.c LIBS toy)
add_test(NAME test_powercut_first_heads COMMAND test_powercut_store double 1795408127 1)
unit_test(powercut/test_powercut_heads.c LIBS toy)
fuzz_target(fuzz/fuzz_store.c LIBS toy port_common)

# The store beside littlefs, which `tools/setup.sh bench` fetches.
if(EXISTS ${CMAKE_SOURCE_DIR}/third_party/littlefs/lfs2.c)
  add_library(littlefs STATIC ${CMAKE_SOURCE_DIR}/third_party/littlefs/lfs2.c
    ${CMAKE_SOURCE_DIR}/third_party/littlefs/lfs2_util.c)
  target_include_directories(littlefs SYSTEM PUBLIC ${CMAKE_SOURCE_DIR}/third_party/littlefs)
  target_compile_options(littlefs PRIVATE -w)
  target_compile_definitions(littlefs PUBLIC LFS2_NO_DEBUG LFS2_NO_WARN LFS2_NO_ERROR)
  add_executable(bench_store bench/bench_store.c)
  target_link_libraries(bench_store PRIVATE toy littlefs panic strict)
endif()
