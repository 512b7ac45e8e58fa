/* cc.h - what lwIP wants to know of compiler and board. */
#ifndef PORT_MPS2_ARCH_CC_H
#define PORT_MPS2_ARCH_CC_H
#include <stdint.h>

#include "base/sys.h"

uint32_t net_random(void);

#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x) sys_panic("lwip", __LINE__)
#define LWIP_RAND() net_random()
#define LWIP_NO_UNISTD_H 1

#endif
