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

static enum run refuse(struct dlms_server *d, struct dlms_session *s, uint8_t service)
{
    transfer_drop(d, s);
    return answer_exception(s, STATE_NOT_ALLOWED, service);
}

static enum run wrong_block(struct dlms_server *d, struct dlms_session *s, uint8_t inv,
                            enum dar dar)
{
    transfer_drop(d, s);
    uint8_t b[] = { XDLMS_ACTION_RES, ACTION_RES_NORMAL, inv, (uint8_t)dar, 0 };
    return answer_bytes(s, b, sizeof b);
}

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

static enum dar call(struct dlms_server *d, struct dlms_session *s, struct cosem_at *at)
{
    struct dlms_transfer *t = s->transfer;
    struct axdr_in in = t->req, value = axdr_in(t->data.p, 0);
    enum dar dar = read_object(d, s, &in, at);
    int n = t->data.n ? axdr_length(t->data.p, t->data.n) : 0;
    if (n > 0) value.n = (size_t)n;
    if (n == 1 && value.p[0] == AXDR_NULL) value.n = 0;
    if (!t->called) {
        if (!t->opened) open_window(t);
        if (dar == DAR_OK) dar = cosem_call(d->cfg->model, d->app, at, &value, &t->ret);
        t->opened = dar == DAR_PENDING;
        s->stalled = t->opened;
        if (t->opened) return dar;
        t->dar = dar;
        t->called = true;
    }
    dar = settled(d);
    s->stalled = dar == DAR_PENDING;
    if (dar == DAR_PENDING) return dar;
    t->called = false;
    t->req = in;
    axdr_read_view(&t->data, n > 0 ? (size_t)n : 0);
    return t->dar == DAR_OK ? dar : t->dar;
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
    enum dar dar = call(d, s, &at);
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

static enum run check_list(struct dlms_server *d, struct dlms_session *s, struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    t->list = true;
    t->items = (uint16_t)axdr_read_length(&in);
    t->req = read_descriptors(&in, t->items, false);
    uint32_t n = axdr_read_length(&in);
    t->data = in;
    int err = in.bad || n != t->items || n == 0 ? E_MORE : check_values(in, n);
    if (err == E_FORMAT) return refuse(d, s, SERVICE_OTHER);
    if (!err && n > t->store_size / RESULT_MIN) return refuse(d, s, SERVICE_TOO_LONG);
    return err ? refuse(d, s, SERVICE_NOT_SUPPORTED) : RUN_AGAIN;
}

/* Descriptor, presence, Data. */
static enum run check_normal(struct dlms_server *d, struct dlms_session *s, struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    t->items = 1;
    t->req = read_descriptors(&in, 1, false);
    bool given = axdr_read_raw(&in, 1) != 0;
    t->data = in;
    int err = in.bad ? E_MORE : check_values(in, given);
    if (err == E_FORMAT) return refuse(d, s, SERVICE_OTHER);
    if (err == E_MORE) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    return err ? wrong_block(d, s, t->inv, DAR_TYPE) : RUN_AGAIN;
}

/* -- blocks: gathered in hold as they would stand in one APDU ---------------------------- */

static enum run answer_ack(struct dlms_session *s)
{
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, XDLMS_ACTION_RES << 8 | ACTION_RES_NEXT, 2);
    axdr_emit_raw(&o, s->transfer->inv, 1);
    axdr_emit_raw(&o, s->transfer->block, 4);
    return answer_done(s, &o);
}

static bool keep(struct dlms_session *s, const uint8_t *p, size_t n)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    uint8_t *hold = hold_of(s, &size);
    if (n > (size_t)size - t->hold_n) return false;
    if (n) memcpy(hold + t->hold_n, p, n);
    t->hold_n = (uint16_t)(t->hold_n + n);
    return true;
}

static enum run take_block(struct dlms_server *d, struct dlms_session *s, struct axdr_in raw,
                           bool last)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    if (!keep(s, raw.p, raw.n)) return wrong_block(d, s, t->inv, DAR_OTHER);
    if (!last) return answer_ack(s);
    struct axdr_in in = axdr_in(hold_of(s, &size), t->hold_n);
    set_store(s, 0);
    t->blocks = false;
    return t->kind == ACTION_FIRST ? check_normal(d, s, in) : check_list(d, s, in);
}

static enum run begin_blocks(struct dlms_server *d, struct dlms_session *s, struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    const uint8_t *head = in.p;
    bool last, single = t->kind == ACTION_FIRST;
    uint32_t number;
    read_descriptors(&in, single ? 1 : axdr_read_length(&in), false);
    size_t n = in.bad ? 0 : (size_t)(in.p - head);
    struct axdr_in raw = read_block(&in, &last, &number);
    if (in.bad) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (in.n) return refuse(d, s, SERVICE_OTHER);
    if (number != 1) return wrong_block(d, s, t->inv, DAR_LONG_ABORTED);
    t->block = 1;
    t->blocks = true;
    if (!keep(s, head, n) || (single && !keep(s, (const uint8_t[]){ 1 }, 1)))
        return wrong_block(d, s, t->inv, DAR_OTHER);
    return take_block(d, s, raw, last);
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
    if (t->service != XDLMS_ACTION_REQ || !t->blocks)
        return wrong_block(d, s, inv, DAR_NO_LONG);
    if (number != t->block + 1) return wrong_block(d, s, inv, DAR_LONG_ABORTED);
    t->block = number;
    t->inv = inv;
    return take_block(d, s, raw, last);
}

/* The next block of an answer. */
static enum run action_next(struct dlms_server *d, struct dlms_session *s, uint8_t inv,
                            struct axdr_in in)
{
    struct dlms_transfer *t = s->transfer;
    uint32_t number = (uint32_t)axdr_read_raw(&in, 4);
    if (in.bad) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (in.n) return refuse(d, s, SERVICE_OTHER);
    if (t->service != XDLMS_ACTION_REQ || !t->emits) return wrong_block(d, s, inv, DAR_NO_LONG);
    if (number != t->block) return wrong_block(d, s, inv, DAR_LONG_ABORTED);
    t->inv = inv;
    return RUN_AGAIN;
}

/* -- dispatch --------------------------------------------------------------------------- */

static enum run action_begin(struct dlms_server *d, struct dlms_session *s)
{
    struct axdr_in in = axdr_in(s->rx + s->rx_at, s->rx_n);
    axdr_read_raw(&in, 1);
    uint8_t kind = (uint8_t)axdr_read_raw(&in, 1), inv = (uint8_t)axdr_read_raw(&in, 1);
    bool list = kind == ACTION_LIST || kind == ACTION_LIST_FIRST;
    bool blocks = kind != ACTION_NORMAL && kind != ACTION_LIST;
    bool agreed =
        (!list || has(s, XDLMS_C_MULTIPLE)) && (!blocks || has(s, XDLMS_C_BLOCK_ACTION));
    if (in.bad || kind < ACTION_NORMAL || kind > ACTION_BLOCK || !agreed)
        return answer_exception(s, STATE_NOT_ALLOWED, SERVICE_NOT_SUPPORTED);
    if (kind == ACTION_NEXT) return action_next(d, s, inv, in);
    if (kind == ACTION_BLOCK) return next_block(d, s, inv, in);
    transfer_begin(d, s, XDLMS_ACTION_REQ, kind, inv);
    set_store(s, s->rx_n);
    in = axdr_in(s->rx + 3, s->rx_n - 3u);
    if (kind == ACTION_NORMAL) return check_normal(d, s, in);
    return kind == ACTION_LIST ? check_list(d, s, in) : begin_blocks(d, s, in);
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
