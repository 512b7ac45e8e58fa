#include "dlms/serve.h"

#include <string.h>

#include "dlms/wrapper.h"

/* The wrapper, over TCP and UDP. A header whose client is still busy stays in head[] with all
 * eight octets: the port offers what follows again. */

static const uint8_t refusal[] = { 0x61, 0x17, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74,
                                   0x05, 0x08, 0x01, 0x01, 0xA2, 0x03, 0x02, 0x01, 0x02,
                                   0xA3, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x01 };

static const uint8_t too_long[] = { XDLMS_EXCEPTION, STATE_NOT_ALLOWED, SERVICE_TOO_LONG };

static void send_apdu(struct dlms_link *l, uint16_t from, uint16_t to, const uint8_t *p,
                      size_t n)
{
    uint8_t head[WRAPPER_HEAD];
    wrapper_write(head, &(struct wrapper){ from, to, (uint16_t)n });
    if (link_room(l) < sizeof head + n) return;
    link_send(l, head, sizeof head, true);
    link_send(l, p, n, false);
}

/* The session that w speaks to, made when it must be. NULL: nobody, or no room (then *full). */
static struct dlms_session *target(struct dlms_server *d, struct dlms_link *l,
                                   const struct wrapper *w, bool *full)
{
    bool ours = w->destination == d->cfg->server_sap || w->destination == WRAPPER_ALL;
    *full = false;
    if (!ours || assoc_of(d, w->source) < 0) return NULL;
    struct dlms_session *s = session_find(l, w->source);
    if (!s) s = session_take(d, l, w->source);
    *full = s == NULL;
    return s;
}

/* Make room for n octets at s->rx_at: behind what is kept, or in its place. */
static void make_room(struct dlms_server *d, struct dlms_session *s, size_t n)
{
    if (s->keep + n > (size_t)s->rx_size + DLMS_RX_EXTRA) transfer_drop(d, s);
    s->rx_at = s->keep;
    s->rx_n = 0;
}

/* A whole header is in. False: its client is busy. */
static bool begin_body(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_stream *x = &l->stream;
    struct wrapper w;
    bool full;
    if (wrapper_read(x->head, &w) < 0) {
        dlms_hang_up(d, l);
        return true;
    }
    struct dlms_session *s = target(d, l, &w, &full);
    if (s && s->phase != PHASE_IDLE) return false;
    x->head_n = 0;
    x->refuse = full;
    x->client = w.source;
    x->skip = s ? 0 : w.length;
    if (!s) return true;
    if (w.length > s->rx_size) {
        bool gbt = s->state == DLMS_OPEN && s->conformance & XDLMS_C_GBT;
        if (!gbt) dlms_hang_up(d, l);
        x->skip = w.length;
        /* tx may hold an answer that waits */
        send_apdu(l, s->server_sap, s->who.sap, too_long, sizeof too_long);
        return true;
    }
    make_room(d, s, w.length);
    x->s = s;
    x->left = w.length;
    return true;
}

static size_t take_head(struct dlms_stream *x, const uint8_t *p, size_t n)
{
    size_t some = sizeof x->head - x->head_n;
    if (some > n) some = n;
    memcpy(x->head + x->head_n, p, some);
    x->head_n = (uint8_t)(x->head_n + some);
    return some;
}

static size_t take_skip(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n)
{
    struct dlms_stream *x = &l->stream;
    size_t some = x->skip < n ? x->skip : n;
    if (x->refuse && p[0] == ACSE_AARQ)
        send_apdu(l, d->cfg->server_sap, x->client, refusal, sizeof refusal);
    x->refuse = false;
    x->skip -= (uint32_t)some;
    return some;
}

static size_t take_body(struct dlms_server *d, struct dlms_stream *x, const uint8_t *p,
                        size_t n)
{
    struct dlms_session *s = x->s;
    size_t some = x->left < n ? x->left : n;
    memcpy(s->rx + s->rx_at + s->rx_n, p, some);
    s->rx_n = (uint16_t)(s->rx_n + some);
    x->left = (uint16_t)(x->left - some);
    if (x->left == 0) serve_apdu(d, s);
    return some;
}

size_t stream_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n)
{
    struct dlms_stream *x = &l->stream;
    size_t used = 0;
    while (!l->hang_up) {
        if (x->head_n == sizeof x->head) {
            if (!begin_body(d, l)) return used;
        } else if (used == n) {
            return used;
        } else if (x->skip) {
            used += take_skip(d, l, p + used, n - used);
        } else if (x->left) {
            used += take_body(d, x, p + used, n - used);
        } else {
            if (x->head_n == 0) x->since = d->now;
            used += take_head(x, p + used, n - used);
        }
    }
    return n;
}

/* The session's next APDU came in one piece. */
static bool take_whole(struct dlms_server *d, struct dlms_session *s, const uint8_t *p,
                       size_t n)
{
    if (!s || s->phase != PHASE_IDLE || n > s->rx_size) return false;
    make_room(d, s, n);
    memcpy(s->rx + s->rx_at, p, n);
    s->rx_n = (uint16_t)n;
    serve_apdu(d, s);
    return true;
}

size_t sealed_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n)
{
    struct dlms_session *s = l->first;
    l->stream.since = d->now;
    if (!s) s = session_take(d, l, d->cfg->sealed_sap);
    return take_whole(d, s, p, n) ? n : 0;
}

void datagram_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n)
{
    struct wrapper w;
    bool full;
    if (n <= WRAPPER_HEAD || wrapper_read(p, &w) < 0 || w.length != n - WRAPPER_HEAD) return;
    struct dlms_session *s = target(d, l, &w, &full);
    p += WRAPPER_HEAD;
    if (full && p[0] == ACSE_AARQ)
        send_apdu(l, d->cfg->server_sap, w.source, refusal, sizeof refusal);
    if (take_whole(d, s, p, w.length)) s->quiet |= w.destination == WRAPPER_ALL;
}

bool stream_send(struct dlms_session *s)
{
    uint8_t head[WRAPPER_HEAD];
    size_t head_n = s->link->kind == DLMS_SEALED ? 0 : sizeof head;
    size_t apdu = (size_t)s->pre_n + s->body_n, left = head_n + apdu - s->tx_sent;
    size_t room = link_room(s->link), n = room < left ? room : left;
    if (s->link->kind != DLMS_TCP && n < left) return false;
    wrapper_write(head, &(struct wrapper){ s->server_sap, s->who.sap, (uint16_t)apdu });
    const struct piece piece[] = { { head, head_n },
                                   { s->pre, s->pre_n },
                                   { s->body, s->body_n } };
    link_pieces(s->link, piece, s->tx_sent, n, n < left, NULL);
    s->tx_sent = (uint16_t)(s->tx_sent + n);
    return n == left;
}
