# Mbed TLS 3.6 as tools/setup.sh unpacked it: one static library, our configuration, its own
# warnings left to its authors. src/crypto alone links it.
set(MBEDTLS_DIR "${THIRD_PARTY}/mbedtls")
if(NOT EXISTS ${MBEDTLS_DIR}/include/mbedtls/build_info.h)
  message(FATAL_ERROR "Mbed TLS is not in ${MBEDTLS_DIR}: run tools/setup.sh first")
endif()
file(GLOB mbedtls_sources ${MBEDTLS_DIR}/library/*.c)
list(FILTER mbedtls_sources EXCLUDE REGEX "/(ssl_|net_sockets|psa_|mps_)")
add_library(mbedcrypto STATIC ${mbedtls_sources})
target_include_directories(mbedcrypto SYSTEM PUBLIC ${MBEDTLS_DIR}/include)
target_compile_definitions(mbedcrypto PUBLIC
  MBEDTLS_CONFIG_FILE="${CMAKE_SOURCE_DIR}/src/crypto/mbedtls_config.h")
target_compile_options(mbedcrypto PRIVATE -w)
