#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"

/* General block transfer. Blocks are numbered from 1 in each direction and never change: a lost
 * one goes again as it was, so a sealed APDU spends one counter whatever is lost.
 *
 * A request is assembled at the start of rx. An answer that is longer than tx is made twice
 * when it is sealed: first to know its length, which stands before the text, then block by
 * block through AES-GCM into the ring. */

enum { RECOVERIES = 10, HEAD_MAX = 9, SLICE = 256 };

/* -- sending ---------------------------------------------------------------------------- */

static void put_block(struct dlms_session *s, const struct gbt *g)
{
    struct axdr_out o = axdr_out(s->pre, sizeof s->pre);
    gbt_emit_head(&o, g);
    s->pre_n = (uint8_t)o.len;
    s->body = g->data;
    s->body_n = (uint16_t)g->n;
    s->tx_sent = 0;
    s->phase = PHASE_SEND;
}

/* An empty block: it acknowledges, or asks for what is missing. */
static void send_ack(struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    struct gbt g = { .last = true,
                     .window = x->own,
                     .number = x->next++,
                     .acknowledged = x->got,
                     .data = s->tx };
    put_block(s, &g);
}

void gbt_drop(struct dlms_server *d, struct dlms_session *s)
{
    *s->gbt = (struct dlms_gbt){ 0 };
    if (d->streams != s) return;
    wipe(&d->cs, sizeof d->cs);
    d->streams = NULL;
}

static void send_abort(struct dlms_server *d, struct dlms_session *s)
{
    gbt_drop(d, s);
    transfer_drop(d, s);
    s->keep = 0;
    put_block(s, &(struct gbt){ .last = true, .data = s->tx });
}

bool gbt_more(const struct dlms_session *s)
{
    const struct dlms_gbt *x = s->gbt;
    return x->out && (x->left || x->unconfirmed) && (x->end == 0 || x->next <= x->end);
}

/* Data octets in a block for this client. */
static uint16_t block_size(const struct dlms_session *s, size_t most)
{
    size_t limit = s->max_send ? s->max_send : SIZE_MAX;
    size_t frame = (size_t)s->hdlc->info_tx - HDLC_LLC; /* UI frames have no segments */
    if (s->hdlc->ui && frame < limit) limit = frame;
    size_t n = limit > HEAD_MAX ? limit - HEAD_MAX : 1;
    if (limit <= 7 + 0x7F) n = limit > 7 ? limit - 7 : 1;
    return (uint16_t)(n < most ? n : most);
}

void gbt_begin(struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    x->out = true;
    x->base = (uint16_t)(x->next - 1);
    x->acked = x->base;
    x->size = block_size(s, s->tx_n ? s->tx_n : 1);
    x->end = (uint16_t)(x->base + (s->tx_n + x->size - 1) / x->size);
    x->tail = (uint16_t)(s->tx_n - (x->end - x->base - 1) * x->size);
    x->left = x->window;
    s->phase = PHASE_BLOCK;
}

static void send_block(struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    uint16_t i = (uint16_t)(x->next - x->base - 1);
    size_t at =
        x->made_as_sent ? (size_t)(i % x->slots) * x->size : s->tx_at + (size_t)i * x->size;
    bool last = x->next == x->end;
    if (!x->unconfirmed) x->left--;
    struct gbt g = { .last = last,
                     .streaming = x->left && !last,
                     .window = x->own,
                     .number = x->next++,
                     .acknowledged = x->got,
                     .data = s->tx + at,
                     .n = last ? x->tail : x->size };
    put_block(s, &g);
}

/* -- answers longer than tx ------------------------------------------------------------- */

/* What stands before the text: container, security control, counter. */
static void stream_head(const struct dlms_session *s, struct axdr_out *o)
{
    uint8_t service = s->transfer->service;
    uint8_t plain = service == XDLMS_GET_REQ      ? XDLMS_GET_RES
                    : service == XDLMS_ACTION_REQ ? XDLMS_ACTION_RES
                                                  : service;
    uint8_t sc = reply_sc(s);
    struct cipher_box b = reply_box(s, plain);
    cipher_emit_box(o, &b, s->gbt->text + cipher_extra(sc));
    axdr_emit_raw(o, sc, 1);
    axdr_emit_raw(o, s->ic, 4);
}

static bool is_simple(const struct dlms_session *s)
{
    return !(s->prot->reply & PROT_SIGN_REQ) && s->prot->key_n == 0;
}

bool gbt_may_stream(const struct dlms_server *d, const struct dlms_session *s)
{
    return is_simple(s) && !(reply_sealed(s) && d->streams);
}

enum run gbt_stream(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    bool sealed = reply_sealed(s);
    if (!gbt_may_stream(d, s)) {
        transfer_drop(d, s);
        if (s->notice) { /* not to be sent at all; or not now, which it is not told */
            s->notice = !is_simple(s);
            return RUN_SILENT;
        }
        return answer_exception(s, SERVICE_NOT_POSSIBLE);
    }
    if (!x->in)
        *x = (struct dlms_gbt){ .window = 1, .own = 1, .next = 1, .unconfirmed = s->notice };
    answer_freeze(d, s);
    answer_rewind(s);
    x->out = x->made_as_sent = true;
    x->base = x->acked = x->made = (uint16_t)(x->next - 1);
    x->size = block_size(s, s->tx_size / 2u);
    x->slots = (uint16_t)(s->tx_size / x->size);
    x->end = x->part = 0;
    x->at = x->text = 0;
    x->head = 0;
    x->left = x->window < x->slots ? x->window : (uint8_t)x->slots;
    s->keep = s->transfer->list ? s->transfer->end : 0;
    if (sealed) d->streams = s;
    s->phase = sealed ? PHASE_COUNT : PHASE_BLOCK;
    return RUN_AGAIN;
}

/* One slice of the first pass. */
static void count_slice(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    struct axdr_out o = axdr_out(NULL, SLICE);
    struct cipher_key k;
    enum fill f = answer_fill(d, s, &o);
    x->text += (uint32_t)o.len;
    if (f == FILL_FAIL) send_abort(d, s);
    if (f != FILL_DONE) return;
    answer_rewind(s);
    reply_key(s, &k);
    uint8_t head[AGREE_HEAD_MAX];
    size_t n = s->prot->tag == XDLMS_GENERAL_CIPHERING ? agree_head(s, head) : 0;
    cipher_begin(&d->cs, false, reply_sc(s), s->ic, &k, s->own, head, n);
    wipe(&k, sizeof k);
    struct axdr_out count = axdr_out(NULL, SIZE_MAX);
    stream_head(s, &count);
    x->head = (uint8_t)count.len;
    s->phase = PHASE_BLOCK;
}

/* Text into the window; false when it is over, or came to nothing. */
static enum fill make_text(struct dlms_server *d, struct dlms_session *s, uint8_t *p, size_t n)
{
    struct dlms_gbt *x = s->gbt;
    struct axdr_out o = axdr_out(p, n);
    enum fill f = answer_fill(d, s, &o);
    if (reply_sealed(s)) cipher_more(&d->cs, p, o.len);
    x->part = (uint16_t)(x->part + o.len);
    x->at += (uint32_t)o.len;
    return f;
}

/* What is not text: the head, or the tag. */
static void make_around(struct dlms_session *s, uint8_t *p, size_t n)
{
    struct dlms_gbt *x = s->gbt;
    size_t head = x->head;
    struct axdr_out o = axdr_out(p, n);
    if (x->at < head) {
        o.skip = x->at;
        o.cap = n < head - x->at ? n : head - x->at;
        stream_head(s, &o);
    } else {
        o.skip = x->at - head - x->text;
        axdr_emit(&o, x->tag, reply_tail(s));
    }
    x->part = (uint16_t)(x->part + o.len);
    x->at += (uint32_t)o.len;
}

static void block_made(struct dlms_session *s, bool last)
{
    struct dlms_gbt *x = s->gbt;
    x->made++;
    if (last) x->end = x->made;
    if (last) x->tail = x->part;
    x->part = 0;
}

/* The text is over: a plain answer ends here, a sealed one when it is as long as was counted.
 */
static bool text_made(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    bool sealed = reply_sealed(s);
    if (sealed && x->at != x->head + x->text) return false;
    if (sealed && reply_tail(s))
        cipher_seal_end(&d->cs, x->tag);
    else if (sealed)
        wipe(&d->cs, sizeof d->cs);
    if (sealed) d->streams = NULL;
    x->text = x->at - x->head;
    return true;
}

/* One slice of the block after the newest. */
static void make_slice(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    size_t room = (size_t)x->size - x->part;
    uint8_t *p = s->tx + (size_t)((x->made - x->base) % x->slots) * x->size + x->part;
    bool in_text = x->at >= x->head && s->transfer->service;
    if (in_text) {
        enum fill f = make_text(d, s, p, room > SLICE ? SLICE : room);
        bool over = f == FILL_DONE;
        if (f == FILL_FAIL || (over && !text_made(d, s))) {
            send_abort(d, s);
            return;
        }
        if (over) transfer_drop(d, s);
    } else {
        make_around(s, p, room);
    }
    if (x->made == UINT16_MAX) { /* there are no more numbers */
        send_abort(d, s);
        return;
    }
    bool last = !s->transfer->service && x->at == x->head + x->text + reply_tail(s);
    if (last || x->part == x->size) block_made(s, last);
}

void gbt_slice(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    if (s->phase == PHASE_COUNT)
        count_slice(d, s);
    else if (x->made_as_sent && x->next > x->made && !x->end)
        make_slice(d, s);
    else
        send_block(s);
}

/* -- receiving -------------------------------------------------------------------------- */

static void silent(struct dlms_session *s)
{
    s->phase = PHASE_IDLE;
}

/* The client has everything up to g->acknowledged, and can take so many more. */
static void take_ack(struct dlms_server *d, struct dlms_session *s, const struct gbt *g)
{
    struct dlms_gbt *x = s->gbt;
    if (g->number == (uint16_t)(x->got + 1)) x->got = g->number;
    if (!x->out) {
        send_ack(s);
        return;
    }
    if (g->acknowledged < x->acked) { /* its block may be overwritten already */
        send_abort(d, s);
        return;
    }
    bool again = g->acknowledged < x->next - 1;
    if (x->next - 1 > x->top) x->top = (uint16_t)(x->next - 1);
    if (g->acknowledged > x->acked) x->recovered = 0;
    x->acked = g->acknowledged;
    if (x->end && x->acked == x->end) {
        silent(s);
        return;
    }
    if (again && ++x->recovered > RECOVERIES) {
        send_abort(d, s);
        return;
    }
    x->next = (uint16_t)(x->acked + 1);
    x->window = g->window;
    x->left = x->made_as_sent && g->window > x->slots ? (uint8_t)x->slots : g->window;
    s->phase = PHASE_BLOCK;
}

/* A request is whole: it is judged as if it had come alone. */
static void assembled(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_gbt *x = s->gbt;
    x->in = true;
    s->rx_at = 0;
    s->rx_n = x->held;
    s->keep = 0;
    x->held = 0;
    s->phase = PHASE_JUDGE;
    protect_unwrapped(d, s);
}

static void take_data(struct dlms_server *d, struct dlms_session *s, const struct gbt *g)
{
    struct dlms_gbt *x = s->gbt;
    bool fresh = g->number == 1 && x->held == 0;
    if (fresh) { /* of what is under way it may ask for the next block of the service, unless that
                    needs the room of this one */
        if (x->made_as_sent || s->keep) transfer_drop(d, s);
        gbt_drop(d, s);
        x->next = 1;
        x->own = g->window;
    }
    x->window = g->window;
    if (g->number == (uint16_t)(x->got + 1)) {
        if (g->n > (size_t)s->rx_size - x->held) {
            send_abort(d, s);
            return;
        }
        memmove(s->rx + x->held, g->data, g->n);
        x->held = (uint16_t)(x->held + g->n);
        x->got = g->number;
        s->keep = x->held;
        if (g->last) {
            assembled(d, s);
            return;
        }
    } else if (x->held && ++x->recovered > 8 * RECOVERIES) {
        send_abort(d, s);
        return;
    }
    if (g->streaming || s->quiet)
        silent(s);
    else
        send_ack(s);
}

void gbt_take(struct dlms_server *d, struct dlms_session *s)
{
    struct axdr_in in = axdr_in(s->rx + s->rx_at, s->rx_n);
    struct dlms_gbt *x = s->gbt;
    struct gbt g;
    if (!has(s, XDLMS_C_GBT)) {
        protect_refuse(d, s, SERVICE_NOT_SUPPORTED);
        return;
    }
    bool good = gbt_read(&in, &g) == 0;
    if (!good) {
        gbt_drop(d, s);
        protect_refuse(d, s, SERVICE_OTHER);
    } else if (g.number == 0 || g.window == 0) { /* the client gives up */
        gbt_drop(d, s);
        transfer_drop(d, s);
        s->keep = 0;
        silent(s);
    } else if (g.acknowledged && g.acknowledged >= x->next && g.acknowledged > x->top) {
        send_abort(d, s);
    } else if (g.n == 0) {
        take_ack(d, s, &g);
    } else {
        take_data(d, s, &g);
    }
}
