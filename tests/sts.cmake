unit_test(unit/test_sts_vectors.c LIBS cases sts_make)
unit_test(unit/test_sts_sample.c LIBS cases base
  SOURCES ${CMAKE_SOURCE_DIR}/src/sts/sta.c ${CMAKE_SOURCE_DIR}/src/sts/sta_sample.c)
unit_test(unit/test_sts_judge.c LIBS sts_make)
if(SANITIZE)
  unit_test(unit/test_sts_random.c LIBS sts_make ARGS 100000)
else()
  unit_test(unit/test_sts_random.c LIBS sts_make ARGS 1000000)
endif()
fuzz_target(fuzz/fuzz_token.c LIBS sts)
fuzz_target(fuzz/fuzz_key_change.c LIBS sts_make)

add_executable(bench_sts bench/bench_sts.c)
target_link_libraries(bench_sts PRIVATE sts_make panic strict)
target_compile_definitions(bench_sts PRIVATE _POSIX_C_SOURCE=200809L)

# The station: its rules, its API, PostgreSQL where there is one, its page.
unit_test(unit/test_vend.c LIBS tool_station PkgConfig::OPENSSL)
target_compile_definitions(test_vend PRIVATE _GNU_SOURCE)
fuzz_target(fuzz/fuzz_vend.c LIBS tool_station)
if(FUZZ)
  target_compile_definitions(fuzz_vend PRIVATE _GNU_SOURCE)
endif()
