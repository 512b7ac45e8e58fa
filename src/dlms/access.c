#include "dlms/serve.h"

#include <string.h>

#include "base/err.h"

/* ACCESS: gets, sets and actions of one APDU, in order, each answered by a Data (null-data
 * where there is none) and, behind all of them, by a result. Items are carried out as the
 * answer is emitted. Choice and result of an item replace the octets of its specification,
 * which are longer and no longer needed. */

/* -- request ---------------------------------------------------------------------------- */

static void read_date(struct axdr_in *in, bool *given)
{
    uint32_t n = axdr_read_length(in);
    axdr_read_view(in, n);
    in->bad |= n != 0 && n != 12;
    *given = n != 0;
}

/* The specifications, taken off in. */
static struct axdr_in read_specs(struct axdr_in *in, uint32_t n)
{
    const uint8_t *p = in->p;
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        struct cosem_sel sel;
        unsigned kind = (unsigned)axdr_read_raw(in, 1);
        in->bad |= kind < ACCESS_GET || kind > ACCESS_SET_SEL;
        axdr_read_view(in, 9);
        if (access_is_selected(&kind)) read_selector(in, &sel);
    }
    return in->bad ? (struct axdr_in){ .bad = true } : axdr_in(p, (size_t)(in->p - p));
}

/* Head of the answer, with a copy of the specifications when they were asked for. */
static void put_head(struct dlms_server *d, struct dlms_transfer *t, bool dated,
                     struct axdr_in specs)
{
    bool copy = t->long_invoke & LONG_INVOKE_SELF_DESCRIPTIVE;
    lit_put(t, XDLMS_ACCESS_RES);
    lit_long(t, t->long_invoke);
    lit_date(d, t, dated);
    lit_put(t, copy);
    if (!copy) return;
    lit_length(t, t->items);
    t->store = (uint8_t *)(uintptr_t)specs.p; /* in rx, which is ours to write */
    t->stored = (uint16_t)specs.n;
}

static enum run access_begin(struct dlms_server *d, struct dlms_session *s)
{
    bool dated;
    struct request q = { 0 };
    struct dlms_transfer *t = transfer_begin(d, s, XDLMS_ACCESS_REQ, &q);
    struct axdr_in in = axdr_in(s->rx + 1, s->rx_n - 1u);
    t->long_invoke = (uint32_t)axdr_read_raw(&in, 4);
    read_date(&in, &dated);
    t->items = (uint16_t)axdr_read_length(&in);
    t->req = read_specs(&in, t->items);
    uint32_t values = axdr_read_length(&in);
    if (in.bad) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (values != t->items) return refuse(d, s, SERVICE_OTHER);
    int fault = check_values(in, values);
    if (fault) return refuse(d, s, fault > 0 ? (uint8_t)fault : SERVICE_OTHER);
    t->data = in;
    t->results = s->rx + (t->req.p - s->rx);
    t->frozen = host_of(d)->freeze(d->app, s->index);
    put_head(d, t, dated, t->req);
    /* If it must, the answer goes in general blocks. */
    if (has(s, XDLMS_C_GBT) && !s->gbt->in && !s->hdlc->ui)
        *s->gbt = (struct dlms_gbt){ .in = true, .window = 1, .own = 1, .next = 1 };
    return RUN_AGAIN;
}

/* -- items ------------------------------------------------------------------------------ */

/* Short return values wait behind the request until they are emitted. */
static void open_window(struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    t->store = s->rx + t->end;
    t->stored = t->sent = 0;
    t->ret = (struct cosem_ret){ 0 };
    t->ret.out = axdr_out(t->store, (size_t)s->rx_size + DLMS_STORE_EXTRA - t->end);
}

/* What the method gave back is emitted next. */
static enum dar take_return(struct dlms_transfer *t, const struct cosem_at *at)
{
    struct cosem_ret ret = t->ret;      /* get takes its place */
    if (ret.out.full) return DAR_BLOCK; /* done, but its answer is too long */
    t->reading = cosem_ret_rows(cosem_method(at)) != NULL;
    if (t->reading)
        cosem_ret_begin(&t->get, at, &ret);
    else
        t->stored = (uint16_t)ret.out.len;
    return DAR_OK;
}

static void run_item(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    unsigned kind = t->req.p[0];
    uint8_t *result = t->results + 2 * t->item;
    struct cosem_at at;
    access_is_selected(&kind);
    bool act = kind == ACCESS_ACTION;
    if (act && !t->opened && !t->called) open_window(s);
    enum dar dar = item_run(d, s, &at);
    if (dar == DAR_PENDING) return;
    if (act && dar == DAR_OK) dar = take_return(t, &at);
    t->failed |= dar != DAR_OK;
    result[0] = (uint8_t)kind;
    result[1] = (uint8_t)dar;
    t->item++;
    if (!t->reading && t->sent == t->stored) lit_put(t, AXDR_NULL);
}

void access_item(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    if (t->step == ACCESS_HEAD) {
        lit_length(t, t->items);
        t->step = ACCESS_ITEMS;
    } else if (t->item < t->items) {
        run_item(d, s);
    } else {
        lit_length(t, t->items);
        t->store = t->results;
        t->stored = (uint16_t)(2 * t->items);
        t->sent = 0;
        t->step = ACCESS_RESULTS;
    }
}

void access_failed(struct dlms_session *s)
{
    struct dlms_transfer *t = s->transfer;
    t->reading = false;
    t->failed = true;
    t->results[2 * t->item - 1] = (uint8_t)t->dar;
    lit_put(t, AXDR_NULL);
}

enum run access_run(struct dlms_server *d, struct dlms_session *s)
{
    if (!s->running) {
        enum run r = access_begin(d, s);
        if (r != RUN_AGAIN) return r;
        s->running = true;
    }
    return answer_block(d, s);
}
