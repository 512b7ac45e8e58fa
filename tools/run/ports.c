#include "tools/run/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/client/capture.h"
#include "tools/common/pcap.h"
#include "tools/common/say.h"

enum { RX = 4096, TX_HIGH = 1 << 18, UDP_PEERS = 16, BACKLOG = 512 };

struct line; /* one connection */

/* Where a meter hangs on a line. */
struct drop {
    struct drop *next;
    struct line *line;
    struct box *box;
    union {
        struct dlms_link link;
        struct courier courier;
    };
    size_t taken; /* of what waits in the line */
    bool is_courier;
};

/* Which carrier of tokens that port is for this meter; COURIER_KINDS: it is a server's. */
static enum courier_kind courier_of(const struct box *b, enum port_id id)
{
    static const enum courier_kind kind[] = { COURIER_CIU, COURIER_VTC, COURIER_SMS };
    if (id == PORT_RS485) return device_rs485(&b->device);
    return id < PORT_CIU ? COURIER_KINDS : kind[id - PORT_CIU];
}

/* What a trace keeps of one conversation. */
struct traced {
    struct pcap_flow flow;
    struct listener listener; /* of DLMS alone */
    bool is_courier;
};

struct ports {
    uv_loop_t *loop;
    struct box *box;
    uv_tcp_t listener[PORT_IDS]; /* of DLMS: service */
    struct service {
        uv_tcp_t tcp;
        uv_udp_t udp;
        unsigned open; /* handles */
    } * service;
    char address[64];
    unsigned most; /* DLMS clients at a time; 0: as many as there is room for */
    uint16_t number[PORT_IDS];
    uint64_t rx[PORT_IDS], tx[PORT_IDS];
    unsigned peers[PORT_IDS];
    struct line *lines;
    struct pty {
        int master,
            slave; /* the slave is ours too, or the line would hang up between clients */
        char name[64], path[4096];
        struct line *line; /* NULL: dark, or just hung up */
    } pty[PORT_IDS];
    struct udp_peer {
        struct ports *ports;
        struct sockaddr_storage address;
        struct dlms_link link;
        bool open;
        uint64_t used;
        uint8_t out[65536];
        size_t out_n;
        struct traced trace;
    } peer[UDP_PEERS];
    uint64_t turns, heard_ms;
    struct pcap *pcap;
    uint32_t interface[PORT_IDS];
    bool echoes;
};

struct line {
    struct ports *ports;
    struct line *next, **at;
    enum port_id id;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe; /* a pseudo terminal */
    } io;
    struct pty *pty;   /* NULL: TCP */
    struct drop *drop; /* one; on RS485 one for each box */
    bool stopped;      /* reading paused */
    size_t in_n;
    uint8_t in[RX];
    uint8_t *out; /* gathered until the end of a frame */
    size_t out_n, out_cap;
    struct traced trace;
};

/* -- traces -- */

void ports_capture(struct ports *p, struct pcap *pcap)
{
    static const char *const name[PORT_IDS] = {
        "dlms", "optical", "rs485", "ciu", "vtc", "sms"
    };
    p->pcap = pcap;
    for (int i = 0; i < PORT_IDS; i++) p->interface[i] = pcap_interface(pcap, name[i]);
}

/* In IPv4 and IPv6 the port stands at the same place. */
static uint16_t port_of(const struct sockaddr_storage *a)
{
    return ntohs(((const struct sockaddr_in *)a)->sin_port);
}

static void put_plain(void *ctx, const struct describer *d, const uint8_t *apdu, size_t n)
{
    pcap_put_plain(ctx, d->source, d->destination, apdu, n, pcap_now_us());
}

static void not_shown(void *ctx, const struct note *note)
{
    (void)ctx, (void)note;
}

/* A conversation begins, with the addresses and ports of the client and of this side. */
static void trace_begin(struct ports *p, struct traced *t, enum port_id id, bool udp,
                        const struct sockaddr_storage *client)
{
    const struct device_secrets *s = p->box->cfg.secrets;
    struct keyring keys = { .has_global = true, .has_broadcast = true, .has_master = true };
    t->is_courier = courier_of(p->box, id) != COURIER_KINDS;
    if (!p->pcap) return;
    uint16_t known = (uint16_t)(4059 + id); /* by which dissectors know it */
    t->flow = pcap_flow(p->interface[id], udp, port_of(client), known);
    if (client->ss_family == AF_INET)
        memcpy(t->flow.client_ip, &((const struct sockaddr_in *)client)->sin_addr,
               sizeof t->flow.client_ip);
    keys.global.len = keys.broadcast.len = sizeof s->key[0];
    memcpy(keys.global.ek, s->key[SECURE_UNICAST], sizeof s->key[0]);
    memcpy(keys.global.ak, s->key[SECURE_AUTH], sizeof s->key[0]);
    memcpy(keys.broadcast.ek, s->key[SECURE_BROADCAST], sizeof s->key[0]);
    memcpy(keys.broadcast.ak, s->key[SECURE_AUTH], sizeof s->key[0]);
    memcpy(keys.master, s->key[SECURE_MASTER], sizeof keys.master);
    listener_init(&t->listener, &keys);
    protect_wipe(&keys);
    t->listener.d.plain = put_plain;
    t->listener.d.ctx = p->pcap;
    pcap_begin(p->pcap, &t->flow, pcap_now_us());
}

static void trace(struct ports *p, struct traced *t, bool from_client, const void *octets,
                  size_t n)
{
    if (!p->pcap || n == 0) return;
    pcap_put(p->pcap, &t->flow, from_client, octets, n, pcap_now_us());
    if (!t->is_courier)
        listener_take(&t->listener, from_client, t->flow.udp, octets, n, not_shown, NULL);
    pcap_flush(p->pcap);
}

static void trace_end(struct ports *p, struct traced *t)
{
    if (!p->pcap) return;
    pcap_end(p->pcap, &t->flow, pcap_now_us());
    listener_end(&t->listener);
}

/* -- who talks -- */
enum { TALK_MS = 500 };

static void heard(struct ports *p)
{
    p->heard_ms = uv_now(p->loop);
}

bool ports_is_talking(const struct ports *p)
{
    return p->heard_ms && uv_now(p->loop) - p->heard_ms < TALK_MS;
}

/* -- octets out ---------------------------------------------------------------------------- */
struct parcel {
    uv_write_t req;
    uint8_t octets[];
};

static void written(uv_write_t *req, int status)
{
    (void)status;
    free(req->data);
}

static void flush(struct line *l)
{
    struct parcel *p = malloc(sizeof *p + l->out_n);
    if (!p) return; /* the peer will ask again */
    memcpy(p->octets, l->out, l->out_n);
    p->req.data = p;
    uv_buf_t buf = uv_buf_init((char *)p->octets, (unsigned)l->out_n);
    l->ports->tx[l->id] += l->out_n;
    trace(l->ports, &l->trace, false, l->out, l->out_n);
    l->out_n = 0;
    heard(l->ports);
    if (uv_write(&p->req, &l->io.stream, &buf, 1, written)) free(p);
}

/* A server's link, or a carrier of tokens. */
static void drop_open(struct drop *d, enum port_id id, struct link_io io)
{
    static const enum dlms_link_kind kind[] = { DLMS_TCP, DLMS_OPTICAL, DLMS_HDLC };
    static const uint8_t channel[] = { LINK_WAN, LINK_OPTICAL, LINK_RS485 };
    struct device *device = &d->box->device;
    enum courier_kind courier = courier_of(d->box, id);
    d->is_courier = courier != COURIER_KINDS;
    if (d->is_courier)
        device_courier_open(device, &d->courier, courier, io);
    else
        device_link_open(device, &d->link, kind[id], channel[id], io, box_mono(d->box));
}

static void drop_close(struct drop *d)
{
    if (!d->box->is_on) return;
    if (d->is_courier)
        device_courier_close(&d->box->device, &d->courier);
    else
        device_link_close(&d->box->device, &d->link);
}

static size_t drop_feed(struct drop *d, const uint8_t *p, size_t n)
{
    struct device *device = &d->box->device;
    return d->is_courier ? device_feed_courier(device, &d->courier, p, n, box_mono(d->box))
                         : device_feed_link(device, &d->link, p, n, box_mono(d->box));
}

static size_t tcp_room(void *ctx)
{
    struct line *l = ((struct drop *)ctx)->line;
    size_t queued = uv_stream_get_write_queue_size(&l->io.stream) + l->out_n;
    return queued < TX_HIGH ? TX_HIGH - queued : 0;
}

/* The others on the line hear it, too. */
static void tcp_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct line *l = ((struct drop *)ctx)->line;
    for (struct drop *d = l->drop; d; d = d->next)
        if (d != ctx) drop_feed(d, p, n);
    if (l->out_n + n > l->out_cap) {
        size_t cap = (l->out_n + n) * 2;
        uint8_t *bigger = realloc(l->out, cap);
        if (!bigger) return;
        l->out = bigger;
        l->out_cap = cap;
    }
    memcpy(l->out + l->out_n, p, n);
    l->out_n += n;
    if (!more) flush(l);
}

static void line_end(struct line *l);

static void tcp_close(void *ctx)
{
    struct line *l = ((struct drop *)ctx)->line;
    if (!l->drop->next) line_end(l); /* one of many cannot hang up for all */
}

static const struct link_ops tcp_ops = { .room = tcp_room,
                                         .send = tcp_send,
                                         .close = tcp_close };

/* -- connections --------------------------------------------------------------------------- */
static void line_free(uv_handle_t *h)
{
    struct line *l = h->data;
    for (struct drop *d = l->drop, *next; d; d = next) {
        next = d->next;
        free(d);
    }
    free(l->out);
    free(l);
}

static void line_end(struct line *l)
{
    if (uv_is_closing(&l->io.handle)) return;
    for (struct drop *d = l->drop; d; d = d->next) drop_close(d);
    trace_end(l->ports, &l->trace);
    *l->at = l->next;
    if (l->next) l->next->at = l->at;
    if (l->pty)
        l->pty->line = NULL;
    else
        l->ports->peers[l->id]--;
    uv_close(&l->io.handle, line_free);
}

static void alloc(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
    struct line *l = h->data;
    (void)want;
    *buf = uv_buf_init((char *)l->in + l->in_n, (unsigned)(sizeof l->in - l->in_n));
}

static void received(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

static void echo(struct line *l, const uint8_t *p, size_t n)
{
    uv_buf_t buf = uv_buf_init((char *)p, (unsigned)n);
    if (l->ports->echoes && (l->id == PORT_OPTICAL || l->id == PORT_RS485))
        (void)uv_try_write(&l->io.stream, &buf, 1);
}

/* Give the servers what they take; pause the peer while there is more than one buffer waiting.
 */
static void offer(struct line *l)
{
    size_t least = l->in_n;
    for (struct drop *d = l->drop; d; d = d->next) {
        size_t left = l->in_n - d->taken;
        if (left) d->taken += drop_feed(d, l->in + d->taken, left);
        if (d->taken < least) least = d->taken;
    }
    for (struct drop *d = l->drop; d; d = d->next) d->taken -= least;
    memmove(l->in, l->in + least, l->in_n - least);
    l->in_n -= least;
    bool full = l->in_n == sizeof l->in;
    if (full && !l->stopped) uv_read_stop(&l->io.stream);
    if (!full && l->stopped) uv_read_start(&l->io.stream, alloc, received);
    l->stopped = full;
}

static void received(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct line *l = s->data;
    (void)buf;
    if (n < 0) {
        line_end(l);
        return;
    }
    heard(l->ports);
    echo(l, l->in + l->in_n, (size_t)n);
    trace(l->ports, &l->trace, true, l->in + l->in_n, (size_t)n);
    l->in_n += (size_t)n;
    l->ports->rx[l->id] += (uint64_t)n;
    offer(l);
    box_step(l->ports->box);
}

static void refuse(uv_handle_t *h)
{
    free(h->data);
}

/* A conversation may begin on this line. */
static void line_begin(struct ports *p, struct line *l, enum port_id id,
                       const struct sockaddr_storage *client)
{
    l->ports = p;
    l->id = id;
    l->next = p->lines;
    l->at = &p->lines;
    if (l->next) l->next->at = &l->next;
    p->lines = l;
    trace_begin(p, &l->trace, id, false, client);
    for (struct box *b = p->box; b; b = id == PORT_RS485 ? b->next : NULL) {
        struct drop *d = calloc(1, sizeof *d);
        if (!d) break;
        *d = (struct drop){ .next = l->drop, .line = l, .box = b };
        l->drop = d;
        drop_open(d, id, (struct link_io){ &tcp_ops, d });
    }
    uv_read_start(&l->io.stream, alloc, received);
}

static void accepted(uv_stream_t *listener, int status)
{
    struct ports *p = listener->data;
    bool dlms = p->service && listener == (uv_stream_t *)&p->service->tcp;
    enum port_id id = dlms ? PORT_DLMS : (enum port_id)((uv_tcp_t *)listener - p->listener);
    struct line *l = status ? NULL : calloc(1, sizeof *l);
    struct sockaddr_storage from = { 0 };
    int length = sizeof from;
    if (!l) return;
    uv_tcp_init(p->loop, &l->io.tcp);
    l->io.tcp.data = l;
    bool full = dlms ? p->most && p->peers[id] >= p->most : p->peers[id] > 0;
    if (uv_accept(listener, &l->io.stream) || full || !p->box->is_on) {
        uv_close(&l->io.handle, refuse);
        return;
    }
    uv_tcp_nodelay(&l->io.tcp, 1);
    uv_tcp_getpeername(&l->io.tcp, (struct sockaddr *)&from, &length);
    p->peers[id]++;
    line_begin(p, l, id, &from);
}

/* What was said to a dark meter was said to nobody. */
static void pty_begin(struct ports *p, enum port_id id)
{
    struct pty *y = &p->pty[id];
    int fd = fcntl(y->master, F_DUPFD_CLOEXEC, 0);
    struct line *l = fd >= 0 ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        if (fd >= 0) close(fd);
        return;
    }
    tcflush(y->slave, TCIOFLUSH);
    uv_pipe_init(p->loop, &l->io.pipe, 0);
    uv_pipe_open(&l->io.pipe, fd);
    l->io.pipe.data = l;
    l->pty = y;
    y->line = l;
    line_begin(p, l, id, &(struct sockaddr_storage){ 0 });
}

void ports_poll(struct ports *p)
{
    if (!p->box->is_on) return;
    for (struct line *l = p->lines, *next; l; l = next) {
        next = l->next;
        if (l->in_n) offer(l);
    }
    for (int id = 0; id < PORT_IDS; id++)
        if (p->pty[id].name[0] && !p->pty[id].line) pty_begin(p, (enum port_id)id);
}

static void peer_end(struct ports *p, struct udp_peer *u)
{
    if (p->box->is_on) device_link_close(&p->box->device, &u->link);
    trace_end(p, &u->trace);
    u->open = false;
}

void ports_dark(struct ports *p)
{
    while (p->lines) line_end(p->lines);
    for (unsigned i = 0; i < UDP_PEERS; i++)
        if (p->peer[i].open) peer_end(p, &p->peer[i]);
}

/* -- pushes: the meter calls --------------------------------------------------------------- */
static void reached(struct ports *p, struct dlms_link *l)
{
    if (p->box->is_on) device_reached(&p->box->device, l);
}

static void address_put(struct sockaddr_storage *at, const struct push_peer *to)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)at;
    *at = (struct sockaddr_storage){ 0 };
    v4->sin_port = htons(to->port); /* in IPv6 it stands at the same place */
    if (to->v6) {
        v6->sin6_family = AF_INET6;
        memcpy(&v6->sin6_addr, to->ip, sizeof to->ip);
    } else {
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, to->ip, sizeof v4->sin_addr);
    }
}

struct call {
    uv_connect_t req;
    struct line *line;
    struct sockaddr_storage to;
};

static void called(struct ports *p, struct line *l, const struct sockaddr_storage *to)
{
    uv_tcp_nodelay(&l->io.tcp, 1);
    p->peers[PORT_DLMS]++;
    line_begin(p, l, PORT_DLMS, to);
    if (!device_reached(&p->box->device, &l->drop->link)) line_end(l);
}

static void connected(uv_connect_t *req, int status)
{
    struct call *c = req->data;
    struct line *l = c->line;
    struct ports *p = l->ports;
    if (status || !p->box->is_on) {
        if (!uv_is_closing(&l->io.handle)) uv_close(&l->io.handle, refuse);
        reached(p, NULL);
    } else {
        called(p, l, &c->to);
        box_step(p->box);
    }
    free(c);
}

/* A meter whose supply is gone lives as long as its capacitor: nothing else is done meanwhile. */
static int connect_at_once(const struct sockaddr_storage *to)
{
    enum { CAPACITOR_MS = 1000 };
    bool v6 = to->ss_family == AF_INET6;
    int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), bad = -1;
    struct pollfd wait = { .fd = fd, .events = POLLOUT };
    socklen_t n = sizeof bad;
    if (fd < 0) return -1;
    (void)connect(fd, (const struct sockaddr *)to,
                  v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    if (poll(&wait, 1, CAPACITOR_MS) == 1) (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &bad, &n);
    if (bad == 0) return fd;
    close(fd);
    return -1;
}

static void dial_tcp(struct ports *p, const struct push_peer *to)
{
    struct call *c = calloc(1, sizeof *c);
    struct line *l = c ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        free(c);
        reached(p, NULL);
        return;
    }
    address_put(&c->to, to);
    c->line = l;
    c->req.data = c;
    l->ports = p;
    uv_tcp_init(p->loop, &l->io.tcp);
    l->io.tcp.data = l;
    int fd = to->at_once ? connect_at_once(&c->to) : -1;
    if (fd >= 0 && uv_tcp_open(&l->io.tcp, fd) == 0) {
        called(p, l, &c->to);
        free(c);
        return;
    }
    if (fd >= 0) close(fd);
    if (!to->at_once &&
        uv_tcp_connect(&c->req, &l->io.tcp, (struct sockaddr *)&c->to, connected) == 0)
        return;
    uv_close(&l->io.handle, refuse);
    free(c);
    reached(p, NULL);
}

static struct udp_peer *peer_of(struct ports *p, const struct sockaddr_storage *from);

static void dial(void *ctx, enum dlms_link_kind kind, const struct push_peer *to)
{
    struct ports *p = ctx;
    struct sockaddr_storage at = { 0 };
    if (kind == DLMS_TCP) {
        dial_tcp(p, to);
        return;
    }
    address_put(&at, to);
    struct udp_peer *u = p->service ? peer_of(p, &at) : NULL;
    if (u) u->used = ++p->turns;
    reached(p, u ? &u->link : NULL);
}

static const struct device_dialler dialler = { .dial = dial };

/* -- datagrams ----------------------------------------------------------------------------- */
static size_t udp_room(void *ctx)
{
    const struct udp_peer *u = ctx;
    return sizeof u->out - u->out_n;
}

static void udp_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct udp_peer *u = ctx;
    memcpy(u->out + u->out_n, p, n);
    u->out_n += n;
    if (more) return;
    uv_buf_t buf = uv_buf_init((char *)u->out, (unsigned)u->out_n);
    if (u->ports->service)
        (void)uv_udp_try_send(&u->ports->service->udp, &buf, 1,
                              (const struct sockaddr *)&u->address);
    u->ports->tx[PORT_DLMS] += u->out_n;
    trace(u->ports, &u->trace, false, u->out, u->out_n);
    u->out_n = 0;
}

static const struct link_ops udp_ops = { .room = udp_room, .send = udp_send };

/* The peer with this address, or the place of whoever was silent longest. */
static struct udp_peer *peer_of(struct ports *p, const struct sockaddr_storage *from)
{
    struct udp_peer *oldest = &p->peer[0];
    for (struct udp_peer *u = p->peer; u < p->peer + UDP_PEERS; u++) {
        if (u->open && memcmp(&u->address, from, sizeof *from) == 0) return u;
        if (!u->open || u->used < oldest->used) oldest = u;
        if (!oldest->open) break;
    }
    if (oldest->open) peer_end(p, oldest);
    oldest->ports = p;
    oldest->address = *from;
    oldest->open = true;
    oldest->out_n = 0;
    trace_begin(p, &oldest->trace, PORT_DLMS, true, from);
    device_link_open(&p->box->device, &oldest->link, DLMS_UDP, LINK_WAN,
                     (struct link_io){ &udp_ops, oldest }, box_mono(p->box));
    return oldest;
}

static void udp_alloc(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
    static char datagram[65536]; /* one thread, and each is done before the next is read */
    (void)h, (void)want;
    *buf = uv_buf_init(datagram, sizeof datagram);
}

static void udp_received(uv_udp_t *h, ssize_t n, const uv_buf_t *buf,
                         const struct sockaddr *from, unsigned flags)
{
    struct ports *p = h->data;
    (void)flags;
    if (n <= 0 || !from || !p->box->is_on) return;
    struct sockaddr_storage address = { 0 };
    memcpy(&address, from,
           from->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                      : sizeof(struct sockaddr_in6));
    struct udp_peer *u = peer_of(p, &address);
    heard(p);
    u->used = ++p->turns;
    p->rx[PORT_DLMS] += (uint64_t)n;
    trace(p, &u->trace, true, buf->base, (size_t)n);
    (void)device_feed_link(&p->box->device, &u->link, (const uint8_t *)buf->base, (size_t)n,
                           box_mono(p->box));
    box_step(p->box);
}

/* -- listening ----------------------------------------------------------------------------- */
static int address_of(struct sockaddr_storage *at, const char *address, int number,
                      struct trouble *t)
{
    if (uv_ip4_addr(address, number, (struct sockaddr_in *)at) &&
        uv_ip6_addr(address, number, (struct sockaddr_in6 *)at))
        return trouble(t, E_RANGE, "%s is no IP address", address);
    return 0;
}

static int listen_tcp(struct ports *p, uv_tcp_t *l, const char *address, int number,
                      uint16_t *got, struct trouble *t)
{
    struct sockaddr_storage at = { 0 }, bound;
    int length = sizeof bound;
    if (address_of(&at, address, number, t)) return E_RANGE;
    uv_tcp_init(p->loop, l);
    l->data = p;
    int err = uv_tcp_bind(l, (const struct sockaddr *)&at, 0);
    if (!err) err = uv_listen((uv_stream_t *)l, BACKLOG, accepted);
    if (err)
        return trouble(t, E_BUSY,
                       "cannot listen on %s port %d: %s; another meter may be running, "
                       "or choose a port",
                       address, number, uv_strerror(err));
    uv_tcp_getsockname(l, (struct sockaddr *)&bound, &length);
    *got = port_of(&bound);
    return 0;
}

static int listen_udp(struct ports *p, uv_udp_t *u, const char *address, int number,
                      struct trouble *t)
{
    struct sockaddr_storage at = { 0 };
    if (address_of(&at, address, number, t)) return E_RANGE;
    uv_udp_init(p->loop, u);
    u->data = p;
    int err = uv_udp_bind(u, (const struct sockaddr *)&at, 0);
    if (!err) err = uv_udp_recv_start(u, udp_alloc, udp_received);
    if (err)
        return trouble(t, E_BUSY, "cannot listen on %s UDP port %d: %s", address, number,
                       uv_strerror(err));
    return 0;
}

static void service_closed(uv_handle_t *h)
{
    struct service *s = h->data;
    if (--s->open == 0) free(s);
}

static void service_end(struct service *s)
{
    if (!s) return;
    s->tcp.data = s->udp.data = s;
    uv_close((uv_handle_t *)&s->tcp, service_closed);
    if (s->open > 1) uv_close((uv_handle_t *)&s->udp, service_closed);
}

/* Listen for DLMS at this place; what was listened on before is left when the new one stands. */
static int serve_at(struct ports *p, const char *address, int number, struct trouble *t)
{
    struct service *s = calloc(1, sizeof *s);
    uint16_t got = 0;
    if (!s) return trouble(t, E_SPACE, "out of memory");
    struct service *was = p->service;
    s->open = 1;
    int err = listen_tcp(p, &s->tcp, address, number, &got, t);
    if (err == E_RANGE) {
        free(s);
        return err;
    }
    if (!err) {
        s->open = 2;
        err = listen_udp(p, &s->udp, address, got, t);
    }
    if (err) {
        service_end(s);
        return err;
    }
    struct sockaddr_storage at = { 0 };
    (void)address_of(&at, address, got, t);
    p->service = s;
    p->number[PORT_DLMS] = p->box->net.port = got;
    memmove(p->address, address, strlen(address) + 1);
    p->box->net.address = 0;
    if (at.ss_family == AF_INET)
        p->box->net.address = ntohl(((struct sockaddr_in *)&at)->sin_addr.s_addr);
    p->box->net.ip6_n = at.ss_family == AF_INET6;
    if (at.ss_family == AF_INET6)
        memcpy(p->box->net.ip6[0], &((struct sockaddr_in6 *)&at)->sin6_addr, 16);
    service_end(was);
    return 0;
}

/* The meter was told to be elsewhere: an address of this machine, a port that is free. */
static void move(void *ctx, const struct device_net *n)
{
    struct ports *p = ctx;
    struct trouble t;
    char address[sizeof p->address];
    uint32_t ip = n->address;
    p->most = n->connections < UINT8_MAX ? n->connections : 0;
    p->box->net.connections = n->connections;
    if (!p->service || (n->port == p->box->net.port && ip == p->box->net.address)) return;
    memcpy(address, p->address, sizeof address);
    if (ip != p->box->net.address)
        snprintf(address, sizeof address, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255,
                 ip >> 8 & 255, ip & 255);
    if (serve_at(p, address, n->port, &t)) say("%s", t.text);
}

int ports_open(struct ports **out, uv_loop_t *loop, struct box *box, const char *address,
               const int number[PORT_IDS], struct trouble *t)
{
    struct ports *p = calloc(1, sizeof *p);
    if (!p) return trouble(t, E_SPACE, "out of memory");
    int err = 0;
    p->loop = loop;
    p->box = box;
    box->cfg.dialler = &dialler;
    box->cfg.dial_ctx = p;
    box->net_move = move;
    box->net_ctx = p;
    *out = p;
    if (strlen(address) >= sizeof p->address)
        return trouble(t, E_RANGE, "%s is no IP address", address);
    if (number[PORT_DLMS] >= 0) err = serve_at(p, address, number[PORT_DLMS], t);
    for (int id = PORT_OPTICAL; id < PORT_IDS && !err; id++)
        if (number[id] >= 0)
            err = listen_tcp(p, &p->listener[id], address, number[id], &p->number[id], t);
    return err;
}

void ports_echo(struct ports *p)
{
    p->echoes = true;
}

static bool pty_make(struct pty *y, const char *path)
{
    struct termios raw;
    struct stat there;
    y->slave = -1;
    y->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (y->master < 0 || grantpt(y->master) || unlockpt(y->master) ||
        ptsname_r(y->master, y->name, sizeof y->name))
        return false;
    y->slave = open(y->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (y->slave < 0 || tcgetattr(y->slave, &raw)) return false;
    cfmakeraw(&raw);
    if (tcsetattr(y->slave, TCSANOW, &raw)) return false;
    if (lstat(path, &there) == 0 && S_ISLNK(there.st_mode)) unlink(path);
    if (strlen(path) >= sizeof y->path || symlink(y->name, path)) return false;
    memcpy(y->path, path, strlen(path) + 1);
    return true;
}

static void pty_end(struct pty *y)
{
    if (y->path[0]) unlink(y->path);
    if (y->slave >= 0) close(y->slave);
    if (y->master >= 0) close(y->master);
    *y = (struct pty){ 0 };
}

int ports_pty(struct ports *p, enum port_id id, const char *path, struct trouble *t)
{
    if (pty_make(&p->pty[id], path)) return 0;
    int why = errno;
    pty_end(&p->pty[id]);
    return trouble(t, E_IO, "no pseudo terminal at %s: %s", path, strerror(why));
}

const char *ports_pty_name(const struct ports *p, enum port_id id)
{
    return p->pty[id].name;
}

struct ports_status ports_status(const struct ports *p, enum port_id id)
{
    struct ports_status s = {
        .port = p->number[id], .peers = p->peers[id], .rx = p->rx[id], .tx = p->tx[id]
    };
    return s;
}

static void quiet(uv_handle_t *h)
{
    (void)h;
}

void ports_close(struct ports *p)
{
    ports_dark(p);
    p->box->cfg.dialler = NULL;
    p->box->net_move = NULL;
    service_end(p->service);
    p->service = NULL;
    for (int id = 0; id < PORT_IDS; id++)
        if (p->pty[id].name[0]) pty_end(&p->pty[id]);
    for (int id = 0; id < PORT_IDS; id++)
        if (p->listener[id].data) uv_close((uv_handle_t *)&p->listener[id], quiet);
    uv_run(p->loop, UV_RUN_DEFAULT);
    free(p);
}
