#include "dlms/serve.h"

#include <string.h>

#include "base/err.h"

/* ACTION: normal, next, with-list, and requests in blocks. Everything is carried out before
 * the first octet of the answer goes; results and short return values wait behind the request
 * in rx, a long return value is read like an attribute. */

enum {
    RESULT_HEAD = 3, /* result, presence, choice */
    RESULT_MIN = 4   /* and why its value is not there */
};

static const struct form form = {
    .service = XDLMS_ACTION_REQ,
    .answer = XDLMS_ACTION_RES,
    .kinds = 0x7E, /* ACTION_NORMAL to ACTION_BLOCK */
    .lists = 1 << ACTION_LIST | 1 << ACTION_LIST_FIRST,
    .blocks = 1 << ACTION_NEXT | 1 << ACTION_FIRST | 1 << ACTION_LIST_FIRST | 1 << ACTION_BLOCK,
    .agreed = 13,
    .last = ACTION_RES_NORMAL,
    .ack = ACTION_RES_NEXT,
    .none = DAR_NO_LONG,
    .turn = DAR_LONG_ABORTED,
};

/* -- one item --------------------------------------------------------------------------- */

static bool store(struct dlms_transfer *t, const uint8_t *p, size_t n)
{
    if (n > (size_t)t->store_size - t->stored) return false;
    if (n) memcpy(t->store + t->stored, p, n);
    t->stored = (uint16_t)(t->stored + n);
    return true;
}

/* Where the method may write a short return value: behind its own result, and before those of
 * the items to come. */
static void open_window(struct dlms_transfer *t)
{
    size_t from = (size_t)t->stored + RESULT_HEAD;
    size_t to = t->store_size - (size_t)RESULT_MIN * (t->items - t->item - 1u);
    t->ret = (struct cosem_ret){ 0 };
    if (from < to) t->ret.out = axdr_out(t->store + from, to - from);
}

/* A long return value inside a list is stored too, or given up as too long. */
static bool store_rows(struct dlms_server *d, struct dlms_transfer *t, struct axdr_out *o)
{
    enum dar dar;
    return cosem_get_block(d->app, &t->get, o, &dar) == COSEM_DONE && dar == DAR_OK;
}

/* Result and return value of the item that was carried out. */
static void record(struct dlms_server *d, struct dlms_transfer *t, const struct cosem_at *at,
                   enum dar dar)
{
    const struct cosem_method *x = at->row ? cosem_method(at) : NULL;
    bool rows = dar == DAR_OK && x && cosem_ret_rows(x), fits = true;
    struct cosem_ret ret = t->ret; /* get takes its place */
    if (rows) cosem_ret_begin(&t->get, at, &ret);
    if (rows && t->list) fits = store_rows(d, t, &ret.out);
    size_t n = dar == DAR_OK ? ret.out.len : 0;
    bool given = n || rows;
    fits = fits && !ret.out.full;
    uint8_t head[4] = { (uint8_t)dar, given, !fits, DAR_BLOCK };
    store(t, head, !given ? 2 : fits ? 3 : 4);
    if (given && fits) t->stored = (uint16_t)(t->stored + n);
    t->reading = t->rows = rows && !t->list;
}

/* Carry out one item; the answer when it was the last. */
static enum run run_items(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    struct cosem_at at;
    if (!t->opened && !t->called) open_window(t);
    enum dar dar = item_run(d, s, &at);
    if (dar == DAR_PENDING) return RUN_AGAIN;
    record(d, t, &at, dar);
    if (++t->item < t->items) return RUN_AGAIN;
    if (t->list) lit_length(t, t->items);
    t->emits = true;
    t->block = 0;
    t->end = (uint16_t)(t->store + t->stored - s->rx);
    return RUN_AGAIN;
}

/* -- requests --------------------------------------------------------------------------- */

/* Results and return values go behind the request, or, when that lies in tx, to the start. */
static void set_store(struct dlms_session *s, uint16_t at)
{
    s->transfer->store = s->rx + at;
    s->transfer->store_size = (uint16_t)(s->rx_size + DLMS_STORE_EXTRA - at);
}

static enum run begin(struct dlms_server *d, struct dlms_session *s, struct axdr_in in,
                      bool list)
{
    struct dlms_transfer *t = s->transfer;
    read_items(t, &in, list, false);
    uint32_t n = list ? axdr_read_length(&in) : axdr_read_raw(&in, 1) != 0;
    int fault = read_values(t, in, n);
    if (fault == 0 && t->items > t->store_size / RESULT_MIN) fault = SERVICE_TOO_LONG;
    if (fault == E_TYPE && list) fault = SERVICE_NOT_SUPPORTED;
    if (fault > 0) return refuse(d, s, (uint8_t)fault);
    return fault ? blocks_over(d, s, &form, 0, DAR_TYPE) : RUN_AGAIN;
}

/* -- blocks: gathered in hold as they would stand in one APDU ---------------------------- */

static enum run take_block(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    if (!hold_put(s, t->data.p, t->data.n)) return blocks_over(d, s, &form, 0, DAR_OTHER);
    if (!t->last) return blocks_ack(s, &form);
    set_store(s, 0);
    t->blocks = false;
    return begin(d, s, axdr_in(hold_of(s, &size), t->hold_n), t->list);
}

static enum run begin_blocks(struct dlms_server *d, struct dlms_session *s, struct request *q)
{
    struct dlms_transfer *t = s->transfer;
    static const uint8_t given = 1;
    enum run r = blocks_first(d, s, &form, q);
    if (r != RUN_AGAIN) return r;
    if (!hold_put(s, t->first.p, t->first.n) || !hold_put(s, &given, !q->list))
        return blocks_over(d, s, &form, 0, DAR_OTHER);
    return take_block(d, s);
}

/* The next block of an answer. */
static enum run action_next(struct dlms_server *d, struct dlms_session *s, struct request *q)
{
    struct dlms_transfer *t = s->transfer;
    uint32_t number = (uint32_t)axdr_read_raw(&q->in, 4);
    int fault = fault_of(&q->in);
    t->inv = q->inv;
    if (fault) return refuse(d, s, (uint8_t)fault);
    if (t->service != XDLMS_ACTION_REQ || !t->emits)
        return blocks_over(d, s, &form, 0, DAR_NO_LONG);
    return number == t->block ? RUN_AGAIN : blocks_over(d, s, &form, 0, DAR_LONG_ABORTED);
}

/* -- dispatch --------------------------------------------------------------------------- */

static enum run action_begin(struct dlms_server *d, struct dlms_session *s)
{
    struct request q;
    if (!request_read(s, &form, &q)) return answer_exception(s, SERVICE_NOT_SUPPORTED);
    if (q.kind == ACTION_NEXT) return action_next(d, s, &q);
    if (q.kind == ACTION_BLOCK) {
        enum run r = blocks_next(d, s, &form, &q);
        return r == RUN_AGAIN ? take_block(d, s) : r;
    }
    transfer_begin(d, s, XDLMS_ACTION_REQ, &q);
    set_store(s, s->rx_n);
    return q.blocks ? begin_blocks(d, s, &q) : begin(d, s, q.in, q.list);
}

enum run action_run(struct dlms_server *d, struct dlms_session *s)
{
    if (!s->running) {
        enum run r = action_begin(d, s);
        if (r != RUN_AGAIN) return r;
        s->running = true;
    }
    return s->transfer->emits ? answer_block(d, s) : run_items(d, s);
}
