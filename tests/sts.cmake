unit_test(unit/test_sts_vectors.c LIBS cases sts_make)
unit_test(unit/test_sts_sample.c LIBS cases base
  SOURCES ${CMAKE_SOURCE_DIR}/src/sts/sta.c ${CMAKE_SOURCE_DIR}/src/sts/sta_sample.c)
