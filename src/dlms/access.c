#include "dlms/serve.h"

#include <string.h>

#include "base/err.h"

/* ACCESS: gets, sets and actions of one APDU, in order, each answered by a Data (null-data
 * where there is none) and, behind all of them, by a result. Items are carried out as the
 * answer is emitted. Choice and result of an item replace the octets of its specification,
 * which are longer and no longer needed. */

static bool is_selected(uint8_t kind)
{
    return kind == ACCESS_GET_SEL || kind == ACCESS_SET_SEL;
}

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
        uint8_t kind = (uint8_t)axdr_read_raw(in, 1);
        in->bad |= kind < ACCESS_GET || kind > ACCESS_SET_SEL;
        axdr_read_view(in, 9);
        if (!is_selected(kind)) continue;
        axdr_read_raw(in, 1);
        axdr_read_value(in);
    }
    return in->bad ? (struct axdr_in){ .bad = true } : axdr_in(p, (size_t)(in->p - p));
}

/* Head of the answer, with a copy of the specifications when they were asked for. */
static void put_head(struct dlms_server *d, struct dlms_transfer *t, bool dated,
                     struct axdr_in specs)
{
    uint8_t now[12];
    bool copy = t->long_invoke & LONG_INVOKE_SELF_DESCRIPTIVE;
    lit_put(t, XDLMS_ACCESS_RES);
    for (int shift = 24; shift >= 0; shift -= 8) lit_put(t, (uint8_t)(t->long_invoke >> shift));
    lit_put(t, dated ? sizeof now : 0);
    if (dated) host_of(d)->now(d->app, now);
    for (size_t i = 0; dated && i < sizeof now; i++) lit_put(t, now[i]);
    lit_put(t, copy);
    if (!copy) return;
    lit_length(t, t->items);
    t->store = (uint8_t *)(uintptr_t)specs.p; /* in rx, which is ours to write */
    t->stored = (uint16_t)specs.n;
}

static enum run refuse(struct dlms_server *d, struct dlms_session *s, uint8_t service)
{
    transfer_drop(d, s);
    return answer_exception(s, STATE_NOT_ALLOWED, service);
}

static enum run access_begin(struct dlms_server *d, struct dlms_session *s)
{
    bool dated;
    struct dlms_transfer *t = transfer_begin(d, s, XDLMS_ACCESS_REQ, 0, 0);
    struct axdr_in in = axdr_in(s->rx + 1, s->rx_n - 1u);
    t->long_invoke = (uint32_t)axdr_read_raw(&in, 4);
    read_date(&in, &dated);
    t->items = (uint16_t)axdr_read_length(&in);
    t->req = read_specs(&in, t->items);
    uint32_t values = axdr_read_length(&in);
    if (in.bad) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (values != t->items) return refuse(d, s, SERVICE_OTHER);
    int err = check_values(in, values);
    if (err == E_MORE) return refuse(d, s, SERVICE_NOT_SUPPORTED);
    if (err) return refuse(d, s, SERVICE_OTHER);
    t->data = in;
    t->results = s->rx + (t->req.p - s->rx);
    t->frozen = host_of(d)->freeze(d->app, s->index);
    put_head(d, t, dated, t->req);
    /* If it must, the answer goes in general blocks. */
    if (has(s, XDLMS_C_GBT) && !s->gbt.in && !s->hdlc.ui)
        s->gbt = (struct dlms_gbt){ .in = true, .window = 1, .own = 1, .next = 1 };
    return RUN_AGAIN;
}

/* -- items ------------------------------------------------------------------------------ */

static enum dar get(struct dlms_server *d, struct dlms_session *s, const struct cosem_at *at,
                    const struct cosem_sel *sel)
{
    struct dlms_transfer *t = &s->transfer;
    if (sel->selector && !has(s, XDLMS_C_SELECTIVE)) return DAR_SCOPE;
    if (!t->opened) t->get = (struct cosem_get){ 0 };
    enum dar dar = cosem_get_begin(d->cfg->model, d->app, &t->get, at, sel);
    t->reading = dar == DAR_OK;
    return dar;
}

static enum dar set(struct dlms_server *d, struct dlms_session *s, const struct cosem_at *at,
                    const struct cosem_sel *sel, struct axdr_in value)
{
    struct dlms_transfer *t = &s->transfer;
    enum dar dar = DAR_OK;
    if (!t->opened) dar = cosem_set_begin(d->cfg->model, d->app, &s->set, at, NULL, 0);
    if (dar == DAR_OK && sel->selector) {
        s->set.attr = NULL;
        return DAR_SCOPE;
    }
    return dar == DAR_OK ? cosem_set_block(d->app, &s->set, value.p, value.n, true) : dar;
}

/* Short return values wait behind the request until they are emitted. */
static enum dar act(struct dlms_server *d, struct dlms_session *s, const struct cosem_at *at,
                    struct axdr_in value)
{
    struct dlms_transfer *t = &s->transfer;
    if (!t->opened) {
        t->ret = (struct cosem_ret){ 0 };
        t->store = s->rx + t->end;
        t->stored = t->sent = 0;
        t->ret.out = axdr_out(t->store, (size_t)s->rx_size + DLMS_STORE_EXTRA - t->end);
    }
    if (value.n == 1 && value.p[0] == AXDR_NULL) value.n = 0;
    enum dar dar = cosem_call(d->cfg->model, d->app, at, &value, &t->ret);
    if (dar != DAR_OK) return dar;
    if (t->ret.out.full) return DAR_BLOCK; /* done, but its answer is too long */
    const struct cosem_method *x = cosem_method(at);
    struct cosem_ret ret = t->ret; /* get takes its place */
    t->reading = cosem_ret_rows(x) != NULL;
    if (t->reading)
        cosem_ret_begin(&t->get, at, &ret);
    else
        t->stored = (uint16_t)ret.out.len;
    return DAR_OK;
}

static enum dar carry_out(struct dlms_server *d, struct dlms_session *s, uint8_t kind,
                          struct cosem_at *at, const struct cosem_sel *sel,
                          struct axdr_in value)
{
    switch (kind) {
    case ACCESS_GET:
    case ACCESS_GET_SEL:
        return get(d, s, at, sel);
    case ACCESS_SET:
    case ACCESS_SET_SEL:
        return set(d, s, at, sel, value);
    default:
        return act(d, s, at, value);
    }
}

/* One item, up to its durable result. DAR_PENDING: ask again. */
static enum dar run_item(struct dlms_server *d, struct dlms_session *s, uint8_t *kind)
{
    struct dlms_transfer *t = &s->transfer;
    struct axdr_in in = t->req;
    struct cosem_at at;
    struct cosem_sel sel = { 0 };
    *kind = (uint8_t)axdr_read_raw(&in, 1);
    enum dar dar = read_object(d, s, &in, &at);
    if (is_selected(*kind)) {
        sel.selector = (uint8_t)axdr_read_raw(&in, 1);
        sel.arg = axdr_read_value(&in);
    }
    at.frozen = t->frozen;
    int n = axdr_length(t->data.p, t->data.n);
    struct axdr_in value = axdr_in(t->data.p, n > 0 ? (size_t)n : 0);
    bool broken = t->failed && t->long_invoke & LONG_INVOKE_BREAK;
    if (!t->called) {
        if (broken) dar = DAR_OTHER;
        if (dar == DAR_OK) dar = carry_out(d, s, *kind, &at, &sel, value);
        t->opened = dar == DAR_PENDING;
        if (t->opened) return dar;
        t->called = true;
        t->dar = dar;
    }
    dar = settled(d);
    if (dar == DAR_PENDING) return dar;
    t->called = false;
    t->req = in;
    axdr_read_view(&t->data, value.n);
    return t->dar == DAR_OK ? dar : t->dar;
}

static uint8_t choice_of(uint8_t kind)
{
    return kind == ACCESS_ACTION                          ? ACCESS_ACTION
           : kind == ACCESS_GET || kind == ACCESS_GET_SEL ? ACCESS_GET
                                                          : ACCESS_SET;
}

static void record(struct dlms_transfer *t, uint8_t kind, enum dar dar)
{
    t->failed |= dar != DAR_OK;
    t->results[2 * t->item] = choice_of(kind);
    t->results[2 * t->item + 1] = (uint8_t)dar;
    t->item++;
    if (!t->reading && t->sent == t->stored) lit_put(t, AXDR_NULL);
}

bool access_item(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_transfer *t = &s->transfer;
    uint8_t kind;
    if (t->step == ACCESS_HEAD) {
        lit_length(t, t->items);
        t->step = ACCESS_ITEMS;
    } else if (t->item < t->items) {
        enum dar dar = run_item(d, s, &kind);
        if (dar == DAR_PENDING) return false;
        record(t, kind, dar);
    } else {
        lit_length(t, t->items);
        t->store = t->results;
        t->stored = (uint16_t)(2 * t->items);
        t->sent = 0;
        t->step = ACCESS_RESULTS;
    }
    return true;
}

void access_failed(struct dlms_session *s)
{
    struct dlms_transfer *t = &s->transfer;
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
