#include "dlms/serve.h"

#include <string.h>

#include "base/err.h"

/* SET: normal, with-list, and both in blocks. One attribute is decoded and staged as its octets
 * arrive, a list in blocks is gathered first; each item is answered when it is durable. */

static enum run refuse(struct dlms_server *d, struct dlms_session *s, uint8_t service)
{
    transfer_drop(d, s);
    return answer_exception(s, STATE_NOT_ALLOWED, service);
}

/* A block that nobody waits for, or out of turn: the transfer is over. */
static enum run wrong_block(struct dlms_server *d, struct dlms_session *s, uint8_t inv,
                            uint32_t number, enum dar dar)
{
    transfer_drop(d, s);
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, XDLMS_SET_RES << 8 | SET_RES_LAST, 2);
    axdr_emit_raw(&o, (uint32_t)inv << 8 | (uint8_t)dar, 2);
    axdr_emit_raw(&o, number, 4);
    return answer_done(s, &o);
}

/* -- answers ---------------------------------------------------------------------------- */

static enum run answer_one(struct dlms_server *d, struct dlms_session *s, enum dar dar)
{
    const struct dlms_transfer *t = s->transfer;
    uint8_t inv = t->inv;
    if (t->blocks) return wrong_block(d, s, inv, t->block, dar);
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

static enum run answer_ack(struct dlms_session *s)
{
    const struct dlms_transfer *t = s->transfer;
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, XDLMS_SET_RES << 8 | SET_RES_BLOCK, 2);
    axdr_emit_raw(&o, t->inv, 1);
    axdr_emit_raw(&o, t->block, 4);
    return answer_done(s, &o);
}

/* -- one item --------------------------------------------------------------------------- */

/* Its result, or DAR_PENDING: ask again. value: its octets, or the present block of them. */
static enum dar write_item(struct dlms_server *d, struct dlms_session *s, struct axdr_in value,
                           bool last)
{
    struct dlms_transfer *t = s->transfer;
    if (!t->called) {
        enum dar dar = cosem_set_block(d->app, &t->set, value.p, value.n, last);
        if (dar != DAR_OK || !last) return dar;
        t->called = true;
    }
    enum dar dar = settled(d);
    if (dar != DAR_PENDING) t->called = false;
    return dar;
}

/* Rights and types of the item that `in` describes. */
static enum dar begin_item(struct dlms_server *d, struct dlms_session *s, struct axdr_in *in,
                           uint8_t *hold, uint16_t size)
{
    struct cosem_set *set = &s->transfer->set;
    struct cosem_at at;
    struct cosem_sel sel;
    enum dar dar = read_object(d, s, in, &at);
    read_selection(in, &sel);
    if (in->bad) return DAR_OTHER;
    if (dar == DAR_OK) dar = cosem_set_begin(d->cfg->model, d->app, set, &at, hold, size);
    if (dar != DAR_OK || !sel.selector) return dar;
    set->attr = NULL;
    return DAR_SCOPE;
}

/* -- requests in one APDU, and lists that were gathered --------------------------------- */

static enum run run_items(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    int n = axdr_length(t->data.p, t->data.n);
    struct axdr_in value = axdr_in(t->data.p, n > 0 ? (size_t)n : 0);
    if (!t->opened) {
        t->dar = begin_item(d, s, &t->req, NULL, 0);
        t->opened = true;
    }
    enum dar dar = t->dar == DAR_OK ? write_item(d, s, value, true) : t->dar;
    s->stalled = dar == DAR_PENDING && t->called;
    if (dar == DAR_PENDING) return RUN_AGAIN;
    t->opened = false;
    axdr_read_view(&t->data, value.n);
    if (!t->list) return answer_one(d, s, dar);
    if (t->stored < t->store_size) t->store[t->stored++] = (uint8_t)dar;
    return ++t->item < t->items ? RUN_AGAIN : answer_list(d, s);
}

/* count and Data of a list, both there and whole? */
static enum run check_list(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    uint32_t n = axdr_read_length(&t->data);
    int err = t->data.bad || n != t->items ? E_MORE : check_values(t->data, n);
    if (err == E_MORE) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (err == E_FORMAT) return refuse(d, s, SERVICE_OTHER);
    for (uint32_t i = 0; err && i < n; i++) t->store[t->stored++] = DAR_TYPE;
    return err ? answer_list(d, s) : RUN_AGAIN;
}

static enum run begin_list(struct dlms_server *d, struct dlms_session *s, struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    t->list = true;
    t->items = (uint16_t)axdr_read_length(&in);
    t->req = read_descriptors(&in, t->items, true);
    t->data = in;
    t->store = s->rx + t->end;
    t->store_size = DLMS_RX_EXTRA;
    if (in.bad || t->items == 0 || t->items > t->store_size)
        return refuse(d, s, SERVICE_NOT_SUPPORTED);
    return check_list(d, s);
}

static enum run begin_normal(struct dlms_server *d, struct dlms_session *s, struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    t->items = 1;
    t->req = read_descriptors(&in, 1, true);
    t->data = in;
    if (in.bad) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    int err = check_values(in, 1);
    if (err == E_MORE) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (err == E_FORMAT) return refuse(d, s, SERVICE_OTHER);
    return err ? answer_one(d, s, DAR_TYPE) : RUN_AGAIN;
}

/* -- blocks ----------------------------------------------------------------------------- */

static bool keep_block(struct dlms_session *s, struct axdr_in raw)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    uint8_t *hold = hold_of(s, &size);
    if (raw.n > (size_t)size - t->hold_n) return false;
    memcpy(hold + t->hold_n, raw.p, raw.n);
    t->hold_n = (uint16_t)(t->hold_n + raw.n);
    return true;
}

/* A list whose last block is in: it lies in hold as it would in one APDU. */
static enum run gathered(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    t->end = 0;
    return begin_list(d, s, axdr_in(hold_of(s, &size), t->hold_n));
}

static enum run refuse_list(struct dlms_server *d, struct dlms_session *s, enum dar dar)
{
    struct dlms_transfer *t = s->transfer;
    t->store = s->rx;
    for (t->stored = 0; t->stored < t->items && t->stored < s->rx_size;)
        t->store[t->stored++] = (uint8_t)dar;
    return answer_list(d, s);
}

/* The raw data of one block. data holds it while a single attribute is being written. */
static enum run take_block(struct dlms_server *d, struct dlms_session *s, struct axdr_in raw,
                           bool last)
{
    struct dlms_transfer *t = s->transfer;
    if (t->list) {
        if (!keep_block(s, raw)) return refuse_list(d, s, DAR_OTHER);
        return last ? gathered(d, s) : answer_ack(s);
    }
    t->data = raw;
    t->emits = last; /* here: this is the last block */
    return RUN_AGAIN;
}

static enum run run_block(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    enum dar dar = write_item(d, s, t->data, t->emits);
    s->stalled = dar == DAR_PENDING && t->called;
    if (dar == DAR_PENDING) return RUN_AGAIN;
    return dar == DAR_OK && !t->emits ? answer_ack(s) : answer_one(d, s, dar);
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

static enum run first_of_list(struct dlms_server *d, struct dlms_session *s, struct axdr_in *in)
{
    struct dlms_transfer *t = s->transfer;
    const uint8_t *head = in->p;
    t->list = true;
    t->items = (uint16_t)axdr_read_length(in);
    t->req = read_descriptors(in, t->items, true);
    if (in->bad || t->items == 0 || t->items > DLMS_RX_EXTRA) {
        in->bad = true;
        return RUN_AGAIN;
    }
    if (!may_any(d, s)) return answer_list(d, s);
    t->stored = 0;
    if (!keep_block(s, axdr_in(head, (size_t)(in->p - head))))
        return refuse_list(d, s, DAR_OTHER);
    return RUN_AGAIN;
}

static enum run first_of_one(struct dlms_server *d, struct dlms_session *s, struct axdr_in *in)
{
    uint16_t size;
    uint8_t *hold = hold_of(s, &size);
    enum dar dar = begin_item(d, s, in, hold, size);
    return in->bad || dar == DAR_OK ? RUN_AGAIN : answer_one(d, s, dar);
}

static enum run begin_blocks(struct dlms_server *d, struct dlms_session *s, struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    bool last;
    uint32_t number;
    struct axdr_in parsed = in;
    t->blocks = true;
    read_descriptors(&parsed, t->kind == SET_LIST_FIRST ? axdr_read_length(&parsed) : 1, true);
    read_block(&parsed, &last, &number);
    if (parsed.bad) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (parsed.n) return refuse(d, s, SERVICE_OTHER);
    if (number != 1) return wrong_block(d, s, t->inv, number, DAR_BLOCK_NUMBER);
    t->block = number;
    enum run r = t->kind == SET_FIRST ? first_of_one(d, s, &in) : first_of_list(d, s, &in);
    if (r != RUN_AGAIN) return r;
    struct axdr_in raw = read_block(&in, &last, &number);
    return in.bad ? refuse(d, s, SERVICE_NOT_SUPPORTED) : take_block(d, s, raw, last);
}

static enum run next_block(struct dlms_server *d, struct dlms_session *s, uint8_t inv,
                           struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    bool last;
    uint32_t number;
    struct axdr_in raw = read_block(&in, &last, &number);
    if (in.bad) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (in.n) return refuse(d, s, SERVICE_OTHER);
    if (t->service != XDLMS_SET_REQ || !t->blocks)
        return wrong_block(d, s, inv, number, DAR_NO_LONG_SET);
    if (number != t->block + 1) return wrong_block(d, s, inv, number, DAR_BLOCK_NUMBER);
    t->block = number;
    t->inv = inv;
    return take_block(d, s, raw, last);
}

/* -- dispatch --------------------------------------------------------------------------- */

static enum run set_begin(struct dlms_server *d, struct dlms_session *s)
{
    struct axdr_in in = axdr_in(s->rx + s->rx_at, s->rx_n);
    axdr_read_raw(&in, 1);
    uint8_t kind = (uint8_t)axdr_read_raw(&in, 1), inv = (uint8_t)axdr_read_raw(&in, 1);
    bool list = kind == SET_LIST || kind == SET_LIST_FIRST;
    bool blocks = kind == SET_FIRST || kind == SET_BLOCK || kind == SET_LIST_FIRST;
    bool agreed = (!list || has(s, XDLMS_C_MULTIPLE)) && (!blocks || has(s, XDLMS_C_BLOCK_SET));
    if (in.bad || kind < SET_NORMAL || kind > SET_LIST_FIRST || !agreed)
        return answer_exception(s, STATE_NOT_ALLOWED, SERVICE_NOT_SUPPORTED);
    if (kind == SET_BLOCK) return next_block(d, s, inv, in);
    transfer_begin(d, s, XDLMS_SET_REQ, kind, inv);
    in = axdr_in(s->rx + 3, s->rx_n - 3u);
    if (kind == SET_NORMAL) return begin_normal(d, s, in);
    return kind == SET_LIST ? begin_list(d, s, in) : begin_blocks(d, s, in);
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
