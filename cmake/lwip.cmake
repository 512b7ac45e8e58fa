# lwIP 2.2 as tools/setup.sh unpacked it, without operating system, for the Cortex-M's port alone.
set(LWIP_DIR "${THIRD_PARTY}/lwip")
if(NOT EXISTS ${LWIP_DIR}/src/Filelists.cmake)
  message(FATAL_ERROR "lwIP is not in ${LWIP_DIR}: run tools/setup.sh target first")
endif()
include(${LWIP_DIR}/src/Filelists.cmake)
add_library(lwip STATIC ${lwipcore_SRCS} ${lwipcore4_SRCS} ${lwipcore6_SRCS} ${LWIP_DIR}/src/netif/ethernet.c)
target_include_directories(lwip SYSTEM PUBLIC ${LWIP_DIR}/src/include ${CMAKE_SOURCE_DIR}/port/mps2/net
  ${CMAKE_SOURCE_DIR}/src)
target_compile_options(lwip PRIVATE -w)
