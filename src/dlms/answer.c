#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"

enum { SLICE = 128 }; /* octets emitted in one step */

/* Answers of any length in constant memory. The data of an answer always begins at the same
 * place, BLOCK_HEAD octets into the plain APDU; the head is written before it when it is known
 * whether all fitted: then it is short, and the APDU begins further right. What was emitted
 * beyond the smaller room of a block goes out first in the next one, as literal octets. */

static void lit_all(struct dlms_transfer *t, const uint8_t *p, size_t n)
{
    if (t->lit_at == t->lit_n) t->lit_at = t->lit_n = 0;
    ensure(t->lit_n + n <= sizeof t->lit);
    memcpy(t->lit + t->lit_n, p, n);
    t->lit_n = (uint8_t)(t->lit_n + n);
}

void lit_put(struct dlms_transfer *t, uint8_t v)
{
    lit_all(t, &v, 1);
}

void lit_long(struct dlms_transfer *t, uint32_t v)
{
    uint8_t b[4];
    be_put32(b, v);
    lit_all(t, b, sizeof b);
}

void lit_date(struct dlms_server *d, struct dlms_transfer *t, bool given)
{
    uint8_t b[13] = { 0 };
    if (given) {
        b[0] = 12;
        host_of(d)->now(d->app, b + 1);
    }
    lit_all(t, b, 1u + b[0]);
}

void lit_length(struct dlms_transfer *t, uint32_t n)
{
    uint8_t b[5];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_length(&o, n);
    lit_all(t, b, o.len);
}

static bool is_get(const struct dlms_transfer *t)
{
    return t->service == XDLMS_GET_REQ;
}

static bool is_access(const struct dlms_transfer *t)
{
    return t->service == XDLMS_ACCESS_REQ;
}

/* As many of n octets as fit; how many. */
static size_t emit_some(struct axdr_out *o, const uint8_t *p, size_t n)
{
    size_t room = o->cap - o->len, some = n < room ? n : room;
    axdr_emit(o, p, some);
    return some;
}

/* Go on with an attribute. */
static enum fill fill_read(struct dlms_server *d, struct dlms_session *s, struct axdr_out *o)
{
    struct dlms_transfer *t = s->transfer;
    size_t from = o->len;
    enum cosem_more more = cosem_get_block(d->app, &t->get, o, &t->dar);
    s->stalled = t->dar == DAR_PENDING && o->len == from; /* not a step's work alone */
    if (t->dar == DAR_PENDING) return FILL_AGAIN;
    if (t->dar != DAR_OK) return FILL_FAIL;
    if (more == COSEM_MORE) return FILL_MORE;
    t->reading = false;
    return FILL_DONE;
}

static bool has_items(const struct dlms_transfer *t)
{
    if (t->service == XDLMS_ACCESS_REQ) return t->step != ACCESS_RESULTS;
    return t->item < t->items;
}

/* Begin the next item of a GET, one a slice. */
static enum fill fill_get(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    struct cosem_at at;
    t->dar = item_run(d, s, &at);
    if (t->dar == DAR_PENDING) return FILL_AGAIN;
    t->item++;
    if (!t->list) return t->reading ? FILL_AGAIN : FILL_FAIL;
    lit_put(t, t->dar != DAR_OK);
    if (t->dar != DAR_OK) lit_put(t, (uint8_t)t->dar);
    return FILL_AGAIN;
}

/* Go on with a part of a notice; one a slice. */
static enum fill fill_part(struct dlms_server *d, struct dlms_session *s, struct axdr_out *o)
{
    struct dlms_transfer *t = s->transfer;
    size_t from = o->len;
    if (!t->get.at.row) o->skip = t->get.skip;
    t->dar = t->part(d->app, t->part_ctx, t->item, t->frozen, &t->get, o);
    s->stalled = t->dar == DAR_PENDING;
    if (s->stalled) return FILL_AGAIN;
    if (t->dar != DAR_OK) return FILL_FAIL;
    if (!t->get.at.row && o->full) t->get.skip += o->len - from;
    if (o->full) return FILL_MORE;
    o->skip = 0;
    t->get = (struct cosem_get){ 0 };
    t->item++;
    return has_items(t) ? FILL_AGAIN : FILL_DONE;
}

static enum fill fill_access(struct dlms_server *d, struct dlms_session *s,
                             const struct axdr_out *o)
{
    s->transfer->mark = (uint16_t)o->len;
    access_item(d, s);
    return FILL_AGAIN;
}

enum fill answer_fill(struct dlms_server *d, struct dlms_session *s, struct axdr_out *o)
{
    struct dlms_transfer *t = s->transfer;
    t->lit_at =
        (uint8_t)(t->lit_at + emit_some(o, t->lit + t->lit_at, (size_t)t->lit_n - t->lit_at));
    if (t->lit_at < t->lit_n) return FILL_MORE;
    if (t->sent < t->stored) {
        size_t n = emit_some(o, t->store + t->sent, (size_t)t->stored - t->sent);
        t->sent = (uint16_t)(t->sent + n);
        if (t->sent < t->stored) return FILL_MORE;
    }
    if (t->reading) {
        enum fill f = fill_read(d, s, o);
        if (f != FILL_DONE) return f;
    }
    if (!has_items(t)) return FILL_DONE;
    if (t->part) return fill_part(d, s, o);
    return is_access(t) ? fill_access(d, s, o) : fill_get(d, s);
}

/* -- heads ------------------------------------------------------------------------------ */

size_t answer_head(const struct dlms_transfer *t, uint8_t b[BLOCK_HEAD])
{
    if (is_access(t) || t->part) return 0; /* it is part of the data */
    b[0] = is_get(t) ? XDLMS_GET_RES : XDLMS_ACTION_RES;
    b[1] = t->list ? GET_RES_LIST : GET_RES_NORMAL;
    b[2] = t->inv;
    b[3] = 0; /* GET: data, not a result */
    return is_get(t) && !t->list ? 4 : 3;
}

static size_t block_head(const struct dlms_transfer *t, bool last, size_t n,
                         uint8_t b[BLOCK_HEAD])
{
    struct axdr_out o = axdr_out(b, BLOCK_HEAD);
    answer_head(t, b);
    b[1] = GET_RES_BLOCK;
    b[3] = last;
    o.len = 4;
    axdr_emit_raw(&o, t->block, 4);
    if (is_get(t)) axdr_emit_raw(&o, 0, 1);
    axdr_emit_length(&o, (uint32_t)n);
    return o.len;
}

/* The most octets that fit into `room` with their length before them. */
static size_t with_length(size_t room)
{
    if (room <= 0x80) return room ? room - 1 : 0;
    if (room <= 0x101) return room == 0x81 ? 0x7F : room - 2;
    return room == 0x102 ? 0xFF : room - 3;
}

/* Room for data in a block when the plain APDU may have `room` octets. */
static size_t block_room(const struct dlms_transfer *t, size_t room)
{
    size_t fixed = is_get(t) ? 9 : 8;
    return room > fixed ? with_length(room - fixed) : 0;
}

static enum run put_head(struct dlms_session *s, const uint8_t *head, size_t n, size_t filled)
{
    size_t data_at = reply_head(s) + BLOCK_HEAD;
    memcpy(s->tx + data_at - n, head, n);
    s->tx_at = (uint16_t)(data_at - n);
    s->tx_n = (uint16_t)(n + filled);
    return RUN_ANSWER;
}

/* -- one answer ------------------------------------------------------------------------- */

/* The transfer cannot go on, or the value cannot be had at all. */
static enum run answer_fail(struct dlms_server *d, struct dlms_session *s, enum dar dar)
{
    struct dlms_transfer *t = s->transfer;
    uint8_t b[BLOCK_HEAD];
    bool get = is_get(t), access = is_access(t);
    size_t n = 5;
    t->list = false;
    if (get && t->block++) {
        n = block_head(t, true, 0, b);
        if (dar == DAR_BLOCK) dar = DAR_LONG_ABORTED;
    } else
        answer_head(t, b);
    b[n - 2] = get ? 1 : (uint8_t)dar; /* a result in place of the data */
    b[n - 1] = get ? (uint8_t)dar : 0;
    transfer_drop(d, s);
    if (t->part) return RUN_SILENT;
    if (access) return answer_exception(s, SERVICE_TOO_LONG);
    return answer_bytes(s, b, n);
}

static bool can_block(const struct dlms_session *s)
{
    if (is_access(s->transfer) || s->transfer->part) return false;
    return has(s, is_get(s->transfer) ? XDLMS_C_BLOCK_GET : XDLMS_C_BLOCK_ACTION);
}

/* Blocks of the service come first, unless the client speaks in general blocks itself and they
 * can be had. An ACCESS is not made twice, as streaming would have to; a list that is kept has
 * no room for the next request in general blocks. */
static bool can_stream(const struct dlms_server *d, const struct dlms_session *s)
{
    if (is_access(s->transfer) || !has(s, XDLMS_C_GBT)) return false;
    if (!can_block(s)) return true;
    return s->gbt->in && (s->transfer->list || gbt_may_stream(d, s));
}

static void rewind_get(struct cosem_get *g)
{
    g->rows.next = g->rows.start;
    g->headed = g->seq && g->seq->bare;
    g->skip = 0;
}

void answer_rewind(struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    uint8_t head[BLOCK_HEAD];
    size_t n = answer_head(t, head);
    t->filled = t->sent = 0;
    if (t->part) { /* its head stands in lit as it was put there */
        t->lit_at = 0;
        t->get = (struct cosem_get){ 0 };
        t->item = 0;
        return;
    }
    t->lit_n = t->lit_at = 0;
    lit_all(t, head, n);
    if (t->list) lit_length(t, t->items);
    if (is_get(t) && t->list) {
        t->req = t->first;
        t->item = 0;
        t->reading = t->opened = false;
    } else if (is_get(t) || t->rows) {
        rewind_get(&t->get);
        t->reading = true;
    }
}

/* More was emitted than a block carries: put what is too much before the next one. */
static void carry(struct dlms_session *s, size_t room)
{
    struct dlms_transfer *t = s->transfer;
    size_t over = t->filled > room ? t->filled - room : 0, left = (size_t)t->lit_n - t->lit_at;
    ensure(over + left <= sizeof t->lit);
    memmove(t->lit + over, t->lit + t->lit_at, left);
    memcpy(t->lit, s->tx + reply_head(s) + BLOCK_HEAD + room, over);
    t->lit_at = 0;
    t->lit_n = (uint8_t)(over + left);
    t->filled = (uint16_t)(t->filled - over);
}

void answer_freeze(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    if (!t->frozen) t->frozen = host_of(d)->freeze(d->app, s->index);
    t->get.at.frozen = t->frozen;
}

static enum run send_block(struct dlms_server *d, struct dlms_session *s, bool last)
{
    struct dlms_transfer *t = s->transfer;
    uint8_t head[BLOCK_HEAD];
    size_t filled = t->filled;
    t->block++;
    t->filled = 0;
    size_t n = block_head(t, last, filled, head);
    s->keep = t->item < t->items || t->sent < t->stored ? t->end : 0;
    if (last) transfer_drop(d, s);
    return put_head(s, head, n, filled);
}

enum run answer_block(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    uint8_t head[BLOCK_HEAD];
    size_t room = reply_room(s), blocks = block_room(t, room), n = answer_head(t, head);
    size_t cap = t->block ? blocks : room > n ? room - n : 0;
    struct axdr_out o = axdr_out(s->tx + reply_head(s) + BLOCK_HEAD, cap);
    o.len = t->filled;
    if (cap - t->filled > SLICE) o.cap = t->filled + SLICE;
    if (s->quiet) o = axdr_out(NULL, SLICE); /* carried out, and never answered */
    enum fill f = answer_fill(d, s, &o);
    t->filled = s->quiet ? 0 : (uint16_t)o.len;
    if (f == FILL_FAIL && is_access(t)) {
        t->filled = t->mark;
        access_failed(s);
        f = FILL_AGAIN;
    }
    if (f == FILL_AGAIN || (f == FILL_MORE && (s->quiet || o.cap < cap))) return RUN_AGAIN;
    if (f == FILL_FAIL) return answer_fail(d, s, t->dar);
    if (t->block == 0 && f == FILL_DONE) {
        size_t filled = t->filled;
        transfer_drop(d, s);
        return put_head(s, head, n, filled);
    }
    if (t->block == 0 && can_stream(d, s)) return gbt_stream(d, s);
    if (t->block == 0 && (!can_block(s) || blocks == 0)) return answer_fail(d, s, DAR_BLOCK);
    if (t->block == 0) {
        carry(s, blocks);
        answer_freeze(d, s);
    }
    return send_block(d, s, f == FILL_DONE);
}
