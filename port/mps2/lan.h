/* lan.h - the LAN9118 Ethernet controller as a network interface of lwIP; for net.c alone. */
#ifndef PORT_MPS2_LAN_H
#define PORT_MPS2_LAN_H
#include <stdbool.h>

#include "lwip/err.h"
#include "lwip/netif.h"

bool lan_is_there(void);
/* For netif_add(). */
err_t lan_up(struct netif *n);
/* Is somebody at the other end of the cable? Some 50 accesses of the controller. */
bool lan_has_link(void);
/* Hand waiting frames to lwIP and let the next one interrupt. */
void lan_pump(struct netif *n);

#endif
