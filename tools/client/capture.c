#include "tools/client/capture.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dlms/hdlc.h"
#include "dlms/wrapper.h"
#include "tools/common/pcap.h"

enum { FLOWS_MAX = 4096, BUFFER_MAX = 4 << 20, PROTO_TCP = 6, PROTO_UDP = 17, TCP_SYN = 2 };

struct endpoint {
    uint8_t ip[16];
    uint8_t ip_n;
    uint16_t port;
};

struct segment { /* of one packet */
    struct endpoint from, to;
    bool tcp, syn;
    uint32_t seq;
    const uint8_t *p;
    size_t n;
};

struct flow {
    struct endpoint a, b; /* a sent the first packet */
    bool tcp;
    struct listener listener;
    struct way {
        bool started;
        uint32_t next; /* sequence number wanted */
    } way[2];
};

struct walk {
    struct flow *flow;
    size_t flows;
    const struct keyring *keys;
    void (*each)(void *ctx, const struct capture_message *m);
    void *ctx;
    int messages;
};

/* -- packets ---------------------------------------------------------------------------- */

static bool read_transport(struct segment *s, uint8_t protocol, const uint8_t *p, size_t n)
{
    if (protocol == PROTO_UDP) {
        if (n < 8) return false;
        size_t length = be_get16(p + 4);
        if (length < 8 || length > n) length = n;
        s->p = p + 8;
        s->n = length - 8;
    } else if (protocol == PROTO_TCP) {
        size_t head = n >= 20 ? (size_t)(p[12] >> 4) * 4 : 0;
        if (head < 20 || head > n) return false;
        s->tcp = true;
        s->syn = (p[13] & TCP_SYN) != 0;
        s->seq = be_get32(p + 4);
        s->p = p + head;
        s->n = n - head;
    } else {
        return false;
    }
    s->from.port = be_get16(p);
    s->to.port = be_get16(p + 2);
    return true;
}

static bool read_ip(struct segment *s, const uint8_t *p, size_t n)
{
    *s = (struct segment){ 0 };
    if (n >= 20 && p[0] >> 4 == 4) {
        size_t head = (size_t)(p[0] & 15) * 4, total = be_get16(p + 2);
        if (head < 20 || total < head || (be_get16(p + 6) & 0x1FFF)) return false;
        if (total > n) total = n;
        if (head > total) return false;
        s->from.ip_n = s->to.ip_n = 4;
        memcpy(s->from.ip, p + 12, 4);
        memcpy(s->to.ip, p + 16, 4);
        return read_transport(s, p[9], p + head, total - head);
    }
    if (n >= 40 && p[0] >> 4 == 6) {
        size_t body = be_get16(p + 4);
        if (body > n - 40) body = n - 40;
        s->from.ip_n = s->to.ip_n = 16;
        memcpy(s->from.ip, p + 8, 16);
        memcpy(s->to.ip, p + 24, 16);
        return read_transport(s, p[6], p + 40, body);
    }
    return false;
}

/* What stands before IP on each kind of link. */
static bool read_link(struct segment *s, const struct pcap_packet *k)
{
    static const struct {
        uint16_t type;
        uint8_t head, ethertype; /* where the ethertype stands, 0: there is none */
    } links[] = { { 0, 4, 0 },   { 1, 14, 12 }, { 12, 0, 0 },    { 14, 0, 0 },
                  { 101, 0, 0 }, { 108, 4, 0 }, { 113, 16, 14 }, { 276, 20, 0 } };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        size_t head = links[i].head;
        if (links[i].type != k->link_type || k->n < head) continue;
        if (links[i].ethertype && be_get16(k->p + links[i].ethertype) == 0x8100) head += 4;
        return k->n >= head && read_ip(s, k->p + head, k->n - head);
    }
    return false;
}

/* -- flows ------------------------------------------------------------------------------ */

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && a->ip_n == b->ip_n && memcmp(a->ip, b->ip, a->ip_n) == 0;
}

static struct flow *find_flow(struct walk *w, const struct segment *s)
{
    for (size_t i = w->flows; i-- > 0;) {
        struct flow *f = &w->flow[i];
        bool there = same_end(&f->a, &s->from) && same_end(&f->b, &s->to);
        bool back = same_end(&f->b, &s->from) && same_end(&f->a, &s->to);
        if (f->tcp == s->tcp && (there || back)) return f;
    }
    return NULL;
}

static struct flow *new_flow(struct walk *w, const struct segment *s)
{
    if (w->flows == FLOWS_MAX) return NULL;
    w->flow = must_grow(w->flow, (w->flows + 1) * sizeof *w->flow);
    struct flow *f = &w->flow[w->flows++];
    *f = (struct flow){ .a = s->from, .b = s->to, .tcp = s->tcp };
    listener_init(&f->listener, w->keys);
    return f;
}

static void put_end(char text[64], const struct endpoint *e)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    inet_ntop(e->ip_n == 4 ? AF_INET : AF_INET6, e->ip, ip, sizeof ip);
    snprintf(text, 64, e->ip_n == 4 ? "%s:%u" : "[%s]:%u", ip, e->port);
}

/* Octets of one whole message at the front; 0: more are needed; all of them when nothing can be
 * made of it. */
static size_t message_size(const struct buf *b, enum describe_kind *kind)
{
    struct hdlc_frame f;
    size_t used;
    *kind = DESCRIBE_AUTO;
    if (b->p[0] == HDLC_FLAG) {
        int n = hdlc_frame_read(b->p, b->n, &f, &used);
        *kind = DESCRIBE_HDLC;
        return n > 0 ? (size_t)n : used;
    }
    if (b->n >= WRAPPER_HEAD && b->p[0] == 0 && b->p[1] == 1) {
        size_t n = WRAPPER_HEAD + (size_t)be_get16(b->p + 6);
        *kind = DESCRIBE_WRAPPER;
        return n <= b->n ? n : 0;
    }
    if (b->p[0] == 0 && b->n < WRAPPER_HEAD) return 0;
    const uint8_t *lf = memchr(b->p, '\n', b->n);
    bool line = (b->p[0] & 0x7F) == '/' || b->p[0] == 0x06;
    if (line) return lf ? (size_t)(lf - b->p) + 1 : 0;
    return b->n;
}

void listener_init(struct listener *l, const struct keyring *keys)
{
    *l = (struct listener){ 0 };
    describe_init(&l->d, keys);
}

void listener_end(struct listener *l)
{
    describe_end(&l->d);
    buf_free(&l->in[0]);
    buf_free(&l->in[1]);
}

void listener_take(struct listener *l, bool from_client, bool datagram, const uint8_t *p,
                   size_t n, void (*each)(void *ctx, const struct note *note), void *ctx)
{
    struct buf *in = &l->in[!from_client];
    if (datagram) buf_clear(in);
    buf_put(in, p, n);
    while (in->n) {
        enum describe_kind kind;
        size_t m = message_size(in, &kind);
        if (m == 0 && in->n < BUFFER_MAX) return;
        if (m == 0) m = in->n;
        bool flag_alone = m == 1 && in->p[0] == HDLC_FLAG;
        size_t shown = m; /* the flag that closes a frame may open the next: shown, and kept */
        if (kind == DESCRIBE_HDLC && m < in->n && in->p[m] == HDLC_FLAG) shown++;
        if (!flag_alone) {
            l->d.hint = !from_client;
            struct note *note = describe(&l->d, in->p, shown, kind);
            each(ctx, note);
            note_free(note);
        }
        buf_drop(in, m);
    }
}

/* -- flows, message by message ---------------------------------------------------------- */

struct saying {
    struct walk *w;
    const struct segment *s;
    int64_t utc_us;
};

static void say(void *ctx, const struct note *note)
{
    const struct saying *x = ctx;
    struct capture_message m = { .utc_us = x->utc_us, .note = note };
    put_end(m.source, &x->s->from);
    put_end(m.destination, &x->s->to);
    x->w->each(x->w->ctx, &m);
    x->w->messages++;
}

static void take_octets(struct walk *w, struct flow *f, const struct segment *s, int64_t utc_us)
{
    struct saying x = { w, s, utc_us };
    bool from_client = same_end(&f->a, &s->from); /* who connects is the client */
    listener_take(&f->listener, from_client, !f->tcp, s->p, s->n, say, &x);
}

/* What was there before is dropped; a hole ends what was being put together. */
static void take_tcp(struct walk *w, struct flow *f, struct way *way, struct segment *s,
                     int64_t utc_us)
{
    struct buf *in = &f->listener.in[way != f->way];
    if (!way->started || s->syn) way->next = s->seq + s->syn, buf_clear(in);
    way->started = true;
    int32_t ahead = (int32_t)(s->seq + s->syn - way->next);
    if (ahead < 0) {
        size_t old = (size_t)(0 - (int64_t)ahead);
        if (old >= s->n) return;
        s->p += old;
        s->n -= old;
    } else if (ahead > 0) {
        buf_clear(in);
        way->next = s->seq;
    }
    way->next += (uint32_t)s->n;
    if (s->n) take_octets(w, f, s, utc_us);
}

static void take_segment(struct walk *w, struct segment *s, int64_t utc_us)
{
    struct flow *f = find_flow(w, s);
    if (f && s->syn && same_end(&f->a, &s->from)) f = NULL; /* the port is used anew */
    if (!f) f = new_flow(w, s);
    if (!f) return;
    struct way *way = &f->way[!same_end(&f->a, &s->from)];
    if (s->tcp) {
        take_tcp(w, f, way, s, utc_us);
    } else if (s->n) {
        take_octets(w, f, s, utc_us);
    }
}

bool capture_is(const void *file, size_t n)
{
    struct pcap_reader r;
    return pcap_read_begin(&r, file, n) == 0;
}

int capture_walk(const void *file, size_t n, const struct keyring *keys,
                 void (*each)(void *ctx, const struct capture_message *m), void *ctx,
                 struct trouble *t)
{
    struct walk w = { .keys = keys, .each = each, .ctx = ctx };
    struct pcap_reader r;
    struct pcap_packet packet;
    struct segment s;
    int got = pcap_read_begin(&r, file, n);
    while (got >= 0 && (got = pcap_read(&r, &packet)) == 1)
        if (read_link(&s, &packet)) take_segment(&w, &s, packet.utc_us);
    for (size_t i = 0; i < w.flows; i++) listener_end(&w.flow[i].listener);
    free(w.flow);
    return got < 0 ? trouble(t, E_FORMAT, "not a pcapng or pcap file, or a broken one")
                   : w.messages;
}
