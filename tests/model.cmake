# The meter's COSEM face, asked in process: tests/desk.h.
add_library(desk STATIC desk.c)
target_include_directories(desk PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(desk PUBLIC model meter port_common PRIVATE strict)
unit_test(unit/test_model_matrix.c LIBS desk)
unit_test(unit/test_model_objects.c LIBS desk)
unit_test(unit/test_model_push.c LIBS desk)
unit_test(unit/test_supply_model.c LIBS desk)
unit_test(unit/test_model_prepay.c LIBS desk sts_make)
