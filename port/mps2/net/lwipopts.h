/* lwipopts.h - lwIP for a meter: IPv4, IPv6, UDP and a handful of TCP connections, no sockets, no
 * heap of the C library. Sizes are the RAM budget of docs/state; defaults stand in lwip/opt.h.
 */
#ifndef PORT_MPS2_LWIPOPTS_H
#define PORT_MPS2_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0 /* only the meter's context calls lwIP */
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_DHCP 0
#define LWIP_AUTOIP 0
#define LWIP_STATS 0
#define LWIP_NETIF_HOSTNAME 0
#define IP_REASSEMBLY 0 /* a meter's datagrams fit one frame */
#define IP_FRAG 0
#define LWIP_IPV6 1
#define LWIP_IPV6_FRAG 0
#define LWIP_IPV6_REASS 0
#define LWIP_IPV6_MLD 0 /* the controller takes every multicast */
#define LWIP_IPV6_NUM_ADDRESSES 3
#define LWIP_ND6_NUM_NEIGHBORS 4
#define LWIP_ND6_NUM_DESTINATIONS 4
#define LWIP_ND6_NUM_PREFIXES 2
#define LWIP_ND6_NUM_ROUTERS 2

#define MEM_ALIGNMENT 4
#define MEM_SIZE 8192
#define PBUF_POOL_SIZE 6
#define MEMP_NUM_PBUF 8
#define MEMP_NUM_UDP_PCB 2
#define MEMP_NUM_TCP_PCB 8
#define MEMP_NUM_TCP_PCB_LISTEN 2
#define MEMP_NUM_TCP_SEG 16
#define TCP_MSS 1024
#define TCP_WND (2 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 8
#define LWIP_TCP_KEEPALIVE 1
#define SO_REUSE 0
#define TCP_LISTEN_BACKLOG 1

#endif
