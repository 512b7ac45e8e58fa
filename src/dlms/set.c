#include "dlms/serve.h"

#include <string.h>

#include "base/err.h"

/* SET: normal, with-list, and both in blocks. One attribute is decoded and staged as its octets
 * arrive, a list in blocks is gathered first; each item is answered when it is durable. */

static const struct form form = {
    .service = XDLMS_SET_REQ,
    .answer = XDLMS_SET_RES,
    .kinds = 0x3E, /* SET_NORMAL to SET_LIST_FIRST */
    .lists = 1 << SET_LIST | 1 << SET_LIST_FIRST,
    .blocks = 1 << SET_FIRST | 1 << SET_BLOCK | 1 << SET_LIST_FIRST,
    .agreed = 12,
    .last = SET_RES_LAST,
    .ack = SET_RES_BLOCK,
    .none = DAR_NO_LONG_SET,
    .turn = DAR_BLOCK_NUMBER,
    .selections = true,
    .numbered = true,
};

/* -- answers ---------------------------------------------------------------------------- */

static enum run answer_one(struct dlms_server *d, struct dlms_session *s, enum dar dar)
{
    const struct dlms_transfer *t = s->transfer;
    uint8_t inv = t->inv;
    if (t->blocks) return blocks_over(d, s, &form, t->block, dar);
    transfer_drop(d, s);
    uint8_t b[] = { XDLMS_SET_RES, SET_RES_NORMAL, inv, (uint8_t)dar };
    return answer_bytes(s, b, sizeof b);
}

static enum run answer_list(struct dlms_server *d, struct dlms_session *s)
{
    const struct dlms_transfer *t = s->transfer;
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, XDLMS_SET_RES, 1);
    axdr_emit_raw(&o, t->blocks ? SET_RES_LAST_LIST : SET_RES_LIST, 1);
    axdr_emit_raw(&o, t->inv, 1);
    axdr_emit_length(&o, t->items);
    axdr_emit(&o, t->store, t->stored);
    if (t->blocks) axdr_emit_raw(&o, t->block, 4);
    transfer_drop(d, s);
    return answer_done(s, &o);
}

/* -- one item --------------------------------------------------------------------------- */

/* Rights and types of the item that `in` describes. */
static enum dar begin_item(struct dlms_server *d, struct dlms_session *s, struct axdr_in *in,
                           uint8_t *hold, uint16_t size)
{
    struct cosem_at at;
    struct cosem_sel sel;
    enum dar dar = read_object(d, s, in, &at);
    read_selection(in, &sel);
    return dar ? dar : item_write(d, s, &at, &sel, hold, size);
}

/* -- requests in one APDU, and lists that were gathered --------------------------------- */

static enum run run_items(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    struct cosem_at at;
    enum dar dar = item_run(d, s, &at);
    if (dar == DAR_PENDING) return RUN_AGAIN;
    if (!t->list) return answer_one(d, s, dar);
    if (t->stored < t->store_size) t->store[t->stored++] = (uint8_t)dar;
    return ++t->item < t->items ? RUN_AGAIN : answer_list(d, s);
}

/* The whole request, or a list that was gathered. */
static enum run begin(struct dlms_server *d, struct dlms_session *s, struct axdr_in in,
                      bool list)
{
    struct dlms_transfer *t = s->transfer;
    t->store = s->rx + t->end;
    t->store_size = DLMS_RX_EXTRA;
    read_items(t, &in, list, true);
    in.bad |= t->items > t->store_size;
    uint32_t n = list ? axdr_read_length(&in) : 1;
    int fault = read_values(t, in, n);
    if (fault > 0) return refuse(d, s, (uint8_t)fault);
    if (fault == 0) return RUN_AGAIN;
    if (!list) return answer_one(d, s, DAR_TYPE);
    memset(t->store, DAR_TYPE, t->items);
    t->stored = t->items;
    return answer_list(d, s);
}

/* -- blocks ----------------------------------------------------------------------------- */

static enum run refuse_list(struct dlms_server *d, struct dlms_session *s, enum dar dar)
{
    struct dlms_transfer *t = s->transfer;
    t->store = s->rx;
    for (t->stored = 0; t->stored < t->items && t->stored < s->rx_size;)
        t->store[t->stored++] = (uint8_t)dar;
    return answer_list(d, s);
}

/* The raw data of one block. data holds it while a single attribute is being written; a list
 * whose last block is in lies in hold as it would in one APDU. */
static enum run take_block(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    if (!t->list) return RUN_AGAIN;
    if (!hold_put(s, t->data.p, t->data.n)) return refuse_list(d, s, DAR_OTHER);
    if (!t->last) return blocks_ack(s, &form);
    t->end = 0;
    return begin(d, s, axdr_in(hold_of(s, &size), t->hold_n), true);
}

/* A block of a single attribute; behind the last one, whether it is durable. */
static enum run run_block(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    enum dar dar = DAR_OK;
    if (!t->called) dar = cosem_set_block(d->app, &t->set, t->data.p, t->data.n, t->last);
    if (dar == DAR_OK && !t->last) return blocks_ack(s, &form);
    t->called = dar == DAR_OK;
    if (t->called) dar = settled(d);
    s->stalled = t->called && dar == DAR_PENDING;
    return dar == DAR_PENDING ? RUN_AGAIN : answer_one(d, s, dar);
}

/* Is any of these attributes to be had for writing? */
static bool may_any(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    struct axdr_in in = t->req;
    bool any = false;
    uint8_t *results = s->rx + t->end;
    for (uint16_t i = 0; i < t->items; i++) {
        enum dar dar = begin_item(d, s, &in, NULL, 0);
        t->set.attr = NULL;
        any |= dar == DAR_OK;
        results[i] = (uint8_t)dar;
    }
    t->store = results;
    t->stored = t->items;
    return any;
}

static enum run begin_blocks(struct dlms_server *d, struct dlms_session *s, struct request *q)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    enum run r = blocks_first(d, s, &form, q);
    if (r != RUN_AGAIN) return r;
    if (!t->list) {
        uint8_t *hold = hold_of(s, &size);
        enum dar dar = begin_item(d, s, &t->req, hold, size);
        return dar == DAR_OK ? RUN_AGAIN : answer_one(d, s, dar);
    }
    if (t->items > DLMS_RX_EXTRA) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (!may_any(d, s)) return answer_list(d, s);
    t->stored = 0;
    if (!hold_put(s, t->first.p, t->first.n)) return refuse_list(d, s, DAR_OTHER);
    return take_block(d, s);
}

/* -- dispatch --------------------------------------------------------------------------- */

static enum run set_begin(struct dlms_server *d, struct dlms_session *s)
{
    struct request q;
    if (!request_read(s, &form, &q)) return answer_exception(s, SERVICE_NOT_SUPPORTED);
    if (q.kind == SET_BLOCK) {
        enum run r = blocks_next(d, s, &form, &q);
        return r == RUN_AGAIN ? take_block(d, s) : r;
    }
    transfer_begin(d, s, XDLMS_SET_REQ, &q);
    return q.blocks ? begin_blocks(d, s, &q) : begin(d, s, q.in, q.list);
}

enum run set_run(struct dlms_server *d, struct dlms_session *s)
{
    if (!s->running) {
        enum run r = set_begin(d, s);
        if (r != RUN_AGAIN) return r;
        s->running = true;
    }
    bool block = s->transfer->blocks && !s->transfer->list;
    return block ? run_block(d, s) : run_items(d, s);
}
