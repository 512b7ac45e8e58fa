/* net.h - DLMS over TCP and UDP, port 4059, IPv4 and IPv6: lwIP on the board's LAN9118.
 *
 * The interrupt only says that a frame has come; frames are moved and lwIP runs in net_pump().
 * A TCP connection that finds all numbers taken is closed at once. A UDP peer keeps its number
 * until another needs it and it was silent the longest. The meter may make one connection itself.
 * What the server does not take stays in
 * lwIP, whose window then closes: the peer waits.
 *
 * The address is 10.0.2.15/24, that of QEMU's user network; `ip=` of the arguments changes it, and
 * net_set(). IPv6 addresses are the link's own and what a router announces.
 *
 * Cost     about 6 000 instructions a segment of 100 octets, lwIP included.
 * Memory   lwIP 25 KiB.
 * Context  meter; lan_isr(): interrupt.
 */
#ifndef PORT_MPS2_NET_H
#define PORT_MPS2_NET_H
#include <stdbool.h>
#include <stdint.h>

#include "port/mps2/port.h"

enum { NET_PORT = 4059, NET_DATAGRAM = 1472 };

/* False: no controller on this board; the other calls then do nothing. */
bool net_init(uint32_t ip, uint32_t random);
void lan_isr(void);
void net_pump(const struct port_events *e);
/* As the calls of port.h. */
void net_call(const struct port_host *to);
int net_peer(const struct port_host *to);
bool net_get(struct port_net *n);
void net_set(const struct port_net *n);
/* Number of the TCP connection or UDP peer in enum port_link. */
struct link_io net_link_io(unsigned link);

#endif
