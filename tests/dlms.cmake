# The DLMS server on a small device of its own: tests/dlms/bench.h.
add_library(bench STATIC dlms/bench.c)
target_link_libraries(bench PUBLIC dlms crypto arena base PRIVATE strict)
target_include_directories(bench PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
unit_test(unit/test_dlms_server.c LIBS bench)
unit_test(unit/test_dlms_suite1.c LIBS bench cases arena)
unit_test(unit/test_dlms_gbt.c LIBS bench)
unit_test(unit/test_dlms_hdlc.c LIBS bench cases)
unit_test(unit/test_dlms_vectors.c LIBS bench cases)
