#include "port/mps2/net.h"

#include <string.h>

#include "base/sys.h"
#include "lwip/ethip6.h"
#include "lwip/init.h"
#include "lwip/nd6.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"
#include "port/mps2/lan.h"

struct connection {
    struct tcp_pcb *tcp; /* NULL: free, unless `waiting` still has octets */
    struct pbuf *waiting;
    bool opened, gone;
    bool calling; /* ours, and not answered yet */
};

struct peer {
    ip_addr_t ip;
    uint16_t port;
    bool used;
    uint64_t heard_us;
};

static struct net {
    bool up;
    struct netif netif;
    struct udp_pcb *udp;
    struct tcp_pcb *listener;
    uint16_t number;
    uint8_t connections; /* at most */
    uint32_t random;
    struct connection connection[PORT_TCP];
    struct connection call; /* the one the meter makes */
    struct peer peer[PORT_UDP];
    uint8_t answer[NET_DATAGRAM]; /* gathers the pieces of one */
    uint16_t answered;
    const struct port_events *events; /* while net_pump() runs */
    uint64_t look_us;                 /* at the link, next */
} net;

uint32_t net_random(void)
{
    uint32_t x = net.random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return net.random = x;
}

u32_t sys_now(void)
{
    return (u32_t)(port_mono().us / 1000);
}

/* -- TCP ---------------------------------------------------------------------------------- */

static err_t tcp_octets(void *arg, struct tcp_pcb *tcp, struct pbuf *p, err_t err)
{
    (void)tcp;
    (void)err;
    struct connection *c = arg;
    if (!p) {
        c->gone = true; /* the peer's half is closed: a DLMS client that does this has left */
    } else if (c->waiting) {
        pbuf_cat(c->waiting, p);
    } else {
        c->waiting = p;
    }
    return ERR_OK;
}

/* lwIP has freed the connection already: reset, or out of memory. */
static void tcp_failed(void *arg, err_t err)
{
    (void)err;
    struct connection *c = arg;
    c->tcp = NULL;
    c->gone = true;
}

static void tcp_end(struct connection *c)
{
    if (!c->tcp) return;
    struct tcp_pcb *tcp = c->tcp;
    tcp_arg(tcp, NULL);
    tcp_recv(tcp, NULL);
    tcp_err(tcp, NULL);
    c->tcp = NULL;
    if (tcp_close(tcp) != ERR_OK) tcp_abort(tcp);
}

/* Offer what waits; the window opens by what was taken. */
static void tcp_offer(struct connection *c, unsigned link)
{
    const struct port_events *e = net.events;
    while (c->waiting) {
        size_t n = c->waiting->len;
        size_t took = e->octets(e->ctx, link, c->waiting->payload, n, port_mono());
        if (c->tcp && took) tcp_recved(c->tcp, (u16_t)took);
        c->waiting = pbuf_free_header(c->waiting, (u16_t)took);
        if (took < n) return;
    }
}

static void connection_over(struct connection *c, unsigned link)
{
    const struct port_events *e = net.events;
    if (c->opened) e->closed(e->ctx, link);
    if (c->waiting) pbuf_free(c->waiting);
    tcp_end(c);
    *c = (struct connection){ 0 };
}

static void connection_pump(struct connection *c, unsigned link)
{
    const struct port_events *e = net.events;
    bool spoke = c->waiting != NULL;
    if (c->tcp && !c->opened && !c->calling) {
        c->opened = true;
        e->opened(e->ctx, link);
    }
    if (c->opened) tcp_offer(c, link);
    if (!c->gone || spoke) return; /* its last words are heard before it goes */
    bool refused = c->calling;
    connection_over(c, link);
    if (refused) e->refused(e->ctx);
}

static void connections_pump(void)
{
    for (unsigned k = 0; k < PORT_TCP; k++)
        connection_pump(&net.connection[k], PORT_FIRST_TCP + k);
    connection_pump(&net.call, PORT_CALL);
}

static struct connection *free_connection(void)
{
    connections_pump(); /* those that left a moment ago make room */
    struct connection *found = NULL;
    unsigned taken = 0;
    for (unsigned k = 0; k < PORT_TCP; k++) {
        struct connection *c = &net.connection[k];
        if (c->tcp || c->opened)
            taken++;
        else if (!found)
            found = c;
    }
    return taken < net.connections ? found : NULL;
}

static err_t tcp_opened(void *arg, struct tcp_pcb *tcp, err_t err)
{
    (void)arg;
    if (err != ERR_OK || !tcp) return ERR_VAL;
    struct connection *c = free_connection();
    if (!c) return tcp_close(tcp); /* the seventh is refused politely */
    *c = (struct connection){ .tcp = tcp };
    tcp_nagle_disable(tcp);
    ip_set_option(tcp, SOF_KEEPALIVE);
    tcp_arg(tcp, c);
    tcp_recv(tcp, tcp_octets);
    tcp_err(tcp, tcp_failed);
    return ERR_OK;
}

/* -- the meter calls -- */

static err_t tcp_answered(void *arg, struct tcp_pcb *tcp, err_t err)
{
    struct connection *c = arg;
    (void)tcp;
    (void)err;
    c->calling = false;
    return ERR_OK;
}

static ip_addr_t address_of(const struct port_host *to)
{
    ip_addr_t ip;
    if (to->v6) {
        ip6_addr_t *six = ip_2_ip6(&ip);
        memcpy(six->addr, to->ip, sizeof six->addr);
        ip6_addr_assign_zone(six, IP6_UNKNOWN, &net.netif);
        IP_SET_TYPE_VAL(ip, IPADDR_TYPE_V6);
    } else {
        IP_ADDR4(&ip, to->ip[0], to->ip[1], to->ip[2], to->ip[3]);
    }
    return ip;
}

void net_call(const struct port_host *to)
{
    struct connection *c = &net.call;
    if (net.events) connection_over(c, PORT_CALL); /* the last one may still be closing */
    *c = (struct connection){ .calling = true };
    ip_addr_t ip = address_of(to);
    if (net.up) c->tcp = tcp_new_ip_type(IP_GET_TYPE(&ip));
    if (!c->tcp) {
        c->gone = true;
        return;
    }
    tcp_nagle_disable(c->tcp);
    tcp_arg(c->tcp, c);
    tcp_recv(c->tcp, tcp_octets);
    tcp_err(c->tcp, tcp_failed);
    if (tcp_connect(c->tcp, &ip, to->number, tcp_answered) != ERR_OK) c->gone = true;
}

static size_t tcp_room(void *ctx)
{
    const struct connection *c = ctx;
    if (!c->tcp) return SIZE_MAX / 2; /* gone: whatever is sent now is dropped */
    return tcp_sndqueuelen(c->tcp) + 4 < TCP_SND_QUEUELEN ? tcp_sndbuf(c->tcp) : 0;
}

static void tcp_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct connection *c = ctx;
    if (!c->tcp) return;
    if (tcp_write(c->tcp, p, (u16_t)n,
                  (u8_t)(TCP_WRITE_FLAG_COPY | (more ? TCP_WRITE_FLAG_MORE : 0))) != ERR_OK) {
        c->gone = true; /* a hole in the stream cannot be mended */
        return;
    }
    if (!more) tcp_output(c->tcp);
}

static void tcp_hang_up(void *ctx)
{
    struct connection *c = ctx;
    c->gone = true;
}

static const struct link_ops tcp_ops = { .room = tcp_room,
                                         .send = tcp_send,
                                         .close = tcp_hang_up };

/* -- UDP ---------------------------------------------------------------------------------- */

static struct peer *peer_of(const ip_addr_t *ip, uint16_t port)
{
    struct peer *oldest = &net.peer[0];
    for (unsigned k = 0; k < PORT_UDP; k++) {
        struct peer *p = &net.peer[k];
        if (p->used && p->port == port && ip_addr_cmp(&p->ip, ip)) return p;
        if (!p->used || (oldest->used && p->heard_us < oldest->heard_us)) oldest = p;
    }
    const struct port_events *e = net.events;
    unsigned link = PORT_FIRST_UDP + (unsigned)(oldest - net.peer);
    if (oldest->used) e->closed(e->ctx, link);
    *oldest = (struct peer){ .ip = *ip, .port = port, .used = true };
    e->opened(e->ctx, link);
    return oldest;
}

/* Called by lwIP below net_pump(). */
static void udp_datagram(void *arg, struct udp_pcb *udp, struct pbuf *p, const ip_addr_t *ip,
                         u16_t port)
{
    (void)arg;
    (void)udp;
    static uint8_t whole[NET_DATAGRAM];
    u16_t n = pbuf_copy_partial(p, whole, sizeof whole, 0);
    pbuf_free(p);
    struct peer *from = peer_of(ip, port);
    from->heard_us = port_mono().us;
    const struct port_events *e = net.events;
    (void)e->octets(e->ctx, PORT_FIRST_UDP + (unsigned)(from - net.peer), whole, n,
                    port_mono());
}

int net_peer(const struct port_host *to)
{
    if (!net.up || !net.events) return -1;
    ip_addr_t ip = address_of(to);
    struct peer *p = peer_of(&ip, to->number);
    p->heard_us = port_mono().us;
    return (int)(PORT_FIRST_UDP + (unsigned)(p - net.peer));
}

static size_t udp_room(void *ctx)
{
    (void)ctx;
    return NET_DATAGRAM - net.answered;
}

static void udp_answer(void *ctx, const uint8_t *p, size_t n, bool more)
{
    const struct peer *to = ctx;
    ensure(n <= udp_room(ctx));
    memcpy(net.answer + net.answered, p, n);
    net.answered = (uint16_t)(net.answered + n);
    if (more) return;
    struct pbuf *whole = pbuf_alloc(PBUF_TRANSPORT, net.answered, PBUF_RAM);
    if (whole) { /* else it is lost, as datagrams may be */
        pbuf_take(whole, net.answer, net.answered);
        udp_sendto(net.udp, whole, &to->ip, to->port);
        pbuf_free(whole);
    }
    net.answered = 0;
}

static const struct link_ops udp_ops = { .room = udp_room, .send = udp_answer };

/* -- together ----------------------------------------------------------------------------- */

/* TCP and UDP on this port; what was listened on before is left when the new one stands. */
static bool listen_on(uint16_t number)
{
    struct tcp_pcb *tcp = tcp_new_ip_type(IPADDR_TYPE_ANY);
    struct udp_pcb *udp = udp_new_ip_type(IPADDR_TYPE_ANY);
    bool good = tcp && udp && tcp_bind(tcp, IP_ANY_TYPE, number) == ERR_OK &&
                udp_bind(udp, IP_ANY_TYPE, number) == ERR_OK;
    struct tcp_pcb *listener = good ? tcp_listen_with_backlog(tcp, PORT_TCP) : NULL;
    if (!listener) {
        if (tcp) tcp_abort(tcp);
        if (udp) udp_remove(udp);
        return false;
    }
    tcp_accept(listener, tcp_opened);
    udp_recv(udp, udp_datagram, NULL);
    if (net.listener) tcp_close(net.listener);
    if (net.udp) udp_remove(net.udp);
    net.listener = listener;
    net.udp = udp;
    net.number = number;
    return true;
}

bool net_init(uint32_t ip, uint32_t random)
{
    if (!lan_is_there()) return false;
    net.random = random | 1;
    net.connections = PORT_TCP;
    ip4_addr_t own, mask, gate;
    own.addr = lwip_htonl(ip);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    gate.addr = lwip_htonl((ip & 0xFFFFFF00u) | 2);
    lwip_init();
    netif_add(&net.netif, &own, &mask, &gate, NULL, lan_up, netif_input);
    netif_set_default(&net.netif);
    netif_set_up(&net.netif);
    netif_create_ip6_linklocal_address(&net.netif, 1);
    netif_set_ip6_autoconfig_enabled(&net.netif, 1);
    ensure(listen_on(NET_PORT));
    net.up = true;
    return true;
}

bool net_get(struct port_net *n)
{
    if (!net.up) return false;
    *n = (struct port_net){
        .address = lwip_ntohl(netif_ip4_addr(&net.netif)->addr),
        .mask = lwip_ntohl(netif_ip4_netmask(&net.netif)->addr),
        .gateway = lwip_ntohl(netif_ip4_gw(&net.netif)->addr),
        .mss = TCP_MSS,
        .number = net.number,
        .connections = net.connections,
        .link = netif_is_link_up(&net.netif),
    };
    memcpy(n->mac, net.netif.hwaddr, sizeof n->mac);
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES && n->ip6_n < PORT_IP6; i++)
        if (ip6_addr_isvalid(netif_ip6_addr_state(&net.netif, i)))
            memcpy(n->ip6[n->ip6_n++], netif_ip6_addr(&net.netif, i)->addr, 16);
    return true;
}

void net_set(const struct port_net *n)
{
    struct port_net was;
    if (!net_get(&was)) return;
    net.connections = n->connections < PORT_TCP ? n->connections : PORT_TCP;
    if (n->number != was.number) (void)listen_on(n->number);
    if (n->address == was.address && n->mask == was.mask && n->gateway == was.gateway) return;
    ip4_addr_t own = { lwip_htonl(n->address) }, mask = { lwip_htonl(n->mask) };
    ip4_addr_t gate = { lwip_htonl(n->gateway) };
    netif_set_addr(&net.netif, &own, &mask, &gate);
}

/* Once a second: is somebody at the other end of the cable? */
static void look_at_link(const struct port_events *e)
{
    uint64_t now_us = port_mono().us;
    if (now_us < net.look_us) return;
    net.look_us = now_us + 1000000;
    bool link = lan_has_link(), had = netif_is_link_up(&net.netif);
    if (link == had) return;
    if (link)
        netif_set_link_up(&net.netif);
    else
        netif_set_link_down(&net.netif);
    if (e->network) e->network(e->ctx);
}

void net_pump(const struct port_events *e)
{
    if (!net.up) return;
    net.events = e;
    look_at_link(e);
    lan_pump(&net.netif);
    sys_check_timeouts();
    connections_pump();
}

struct link_io net_link_io(unsigned link)
{
    if (link == PORT_CALL) return (struct link_io){ .ops = &tcp_ops, .ctx = &net.call };
    if (link >= PORT_FIRST_UDP) {
        return (struct link_io){ .ops = &udp_ops, .ctx = &net.peer[link - PORT_FIRST_UDP] };
    }
    return (struct link_io){ .ops = &tcp_ops, .ctx = &net.connection[link - PORT_FIRST_TCP] };
}
