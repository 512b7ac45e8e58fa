pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET libcrypto)
add_library(cases STATIC cases.c)
target_include_directories(cases PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(cases PRIVATE strict)

unit_test(unit/test_crypto_vectors.c LIBS cases crypto)
