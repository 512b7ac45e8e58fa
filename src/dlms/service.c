#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

/* -- short answers ---------------------------------------------------------------------- */

struct axdr_out answer_out(struct dlms_session *s)
{
    s->tx_at = (uint16_t)reply_head(s);
    return axdr_out(s->tx + s->tx_at, reply_room(s));
}

enum run answer_done(struct dlms_session *s, const struct axdr_out *o)
{
    s->tx_n = (uint16_t)o->len;
    return o->full ? answer_exception(s, SERVICE_TOO_LONG) : RUN_ANSWER;
}

enum run answer_bytes(struct dlms_session *s, const uint8_t *p, size_t n)
{
    struct axdr_out o = answer_out(s);
    axdr_emit(&o, p, n);
    return answer_done(s, &o);
}

/* Exceptions have no protected form of their own and go out as they are. */
static enum run answer_bare(struct dlms_session *s, const uint8_t *p, size_t n)
{
    s->bare = true;
    s->tx_at = 0;
    s->tx_n = (uint16_t)n;
    memcpy(s->tx, p, n);
    return RUN_ANSWER;
}

enum run answer_exception(struct dlms_session *s, uint8_t service)
{
    return answer_bare(s, (uint8_t[]){ XDLMS_EXCEPTION, STATE_NOT_ALLOWED, service }, 3);
}

enum run answer_unknown(struct dlms_session *s)
{
    static const uint8_t b[] = { XDLMS_EXCEPTION, STATE_UNKNOWN, SERVICE_NOT_SUPPORTED };
    return answer_bare(s, b, sizeof b);
}

enum run answer_counter(struct dlms_session *s, uint32_t floor)
{
    uint8_t b[7] = { XDLMS_EXCEPTION, STATE_NOT_ALLOWED, SERVICE_COUNTER };
    be_put32(b + 3, floor);
    return answer_bare(s, b, sizeof b);
}

/* -- reading requests ------------------------------------------------------------------- */

enum dar read_object(struct dlms_server *d, struct dlms_session *s, struct axdr_in *in,
                     struct cosem_at *at)
{
    uint16_t cls = (uint16_t)axdr_read_raw(in, 2);
    uint64_t ln = axdr_read_raw(in, 6);
    struct obis q = { (uint8_t)(ln >> 40), (uint8_t)(ln >> 32), (uint8_t)(ln >> 24),
                      (uint8_t)(ln >> 16), (uint8_t)(ln >> 8),  (uint8_t)ln };
    *at = (struct cosem_at){ .who = &s->who, .session = s, .prot = s->prot->bits };
    at->id = (uint8_t)axdr_read_raw(in, 1);
    return in->bad ? DAR_OTHER : cosem_find(d->cfg->model, cls, q, at);
}

bool access_is_selected(unsigned *kind)
{
    bool selected = *kind > ACCESS_ACTION;
    if (selected) *kind -= ACCESS_ACTION;
    return selected;
}

void read_selector(struct axdr_in *in, struct cosem_sel *sel)
{
    sel->selector = (uint8_t)axdr_read_raw(in, 1);
    sel->arg = axdr_read_value(in);
}

void read_selection(struct axdr_in *in, struct cosem_sel *sel)
{
    *sel = (struct cosem_sel){ 0 };
    if (axdr_read_raw(in, 1) == 0) return;
    read_selector(in, sel);
    in->bad |= sel->selector == 0;
}

struct axdr_in read_descriptors(struct axdr_in *in, uint32_t n, bool selections)
{
    const uint8_t *p = in->p;
    struct cosem_sel sel;
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        axdr_read_view(in, 9);
        if (selections) read_selection(in, &sel);
    }
    return in->bad ? (struct axdr_in){ .bad = true } : axdr_in(p, (size_t)(in->p - p));
}

int fault_of(const struct axdr_in *in)
{
    return in->bad ? SERVICE_NOT_SUPPORTED : in->n ? SERVICE_OTHER : 0;
}

int check_values(struct axdr_in in, uint32_t n)
{
    for (uint32_t i = 0; i < n && !in.bad; i++) {
        int len = axdr_length(in.p, in.n);
        if (len < 0) return E_TYPE;
        in.bad = len == 0;
        axdr_read_view(&in, (size_t)len);
    }
    return fault_of(&in);
}

void read_items(struct dlms_transfer *t, struct axdr_in *in, bool list, bool selections)
{
    uint32_t n = list ? axdr_read_length(in) : 1;
    t->list = list;
    t->items = (uint16_t)n;
    t->req = read_descriptors(in, n, selections);
    in->bad |= n == 0;
}

int read_values(struct dlms_transfer *t, struct axdr_in in, uint32_t n)
{
    t->data = in;
    in.bad |= t->list && n != t->items;
    return check_values(in, n);
}

/* -- transfers -------------------------------------------------------------------------- */

void transfer_drop(struct dlms_server *d, struct dlms_session *s)
{
    if (s->state != DLMS_OPEN) return;
    cosem_set_abort(d->app, &s->transfer->set);
    s->transfer->service = 0;
    s->keep = 0;
}

bool request_read(const struct dlms_session *s, const struct form *f, struct request *q)
{
    q->in = axdr_in(s->rx + s->rx_at, s->rx_n);
    axdr_read_raw(&q->in, 1);
    q->kind = (uint8_t)axdr_read_raw(&q->in, 1);
    q->inv = (uint8_t)axdr_read_raw(&q->in, 1);
    unsigned bit = q->kind < 8 ? 1u << q->kind : 0;
    q->list = f->lists & bit;
    q->blocks = f->blocks & bit;
    return !q->in.bad && f->kinds & bit && (!q->list || has(s, XDLMS_C_MULTIPLE)) &&
           (!q->blocks || has(s, XDLMS_C(f->agreed)));
}

struct dlms_transfer *transfer_begin(struct dlms_server *d, struct dlms_session *s,
                                     uint8_t service, struct request *q)
{
    struct dlms_transfer *t = s->transfer;
    transfer_drop(d, s);
    memmove(s->rx, s->rx + s->rx_at, s->rx_n);
    s->rx_at = 0;
    q->in.p = s->rx + s->rx_n - q->in.n;
    *t = (struct dlms_transfer){ .service = service, .inv = q->inv, .end = s->rx_n };
    return t;
}

uint8_t *hold_of(struct dlms_session *s, uint16_t *size)
{
    uint16_t below = s->tx_size / 2 < 256 ? s->tx_size / 2 : 256;
    *size = (uint16_t)(s->tx_size - below);
    return s->tx + below;
}

enum dar settled(struct dlms_server *d)
{
    int err = host_of(d)->settled(d->app);
    return err == E_BUSY ? DAR_PENDING : err < 0 ? DAR_HW : DAR_OK;
}

/* -- items ------------------------------------------------------------------------------ */

enum dar item_write(struct dlms_server *d, struct dlms_session *s, const struct cosem_at *at,
                    const struct cosem_sel *sel, uint8_t *hold, uint16_t size)
{
    struct cosem_set *set = &s->transfer->set;
    enum dar dar = cosem_set_begin(d->cfg->model, d->app, set, at, hold, size);
    if (dar != DAR_OK || !sel->selector) return dar;
    set->attr = NULL;
    return DAR_SCOPE;
}

static enum dar read_item(struct dlms_server *d, struct dlms_session *s,
                          const struct cosem_at *at, const struct cosem_sel *sel)
{
    struct dlms_transfer *t = s->transfer;
    if (sel->selector && !has(s, XDLMS_C_SELECTIVE)) return DAR_SCOPE;
    if (!t->opened) t->get = (struct cosem_get){ 0 };
    enum dar dar = cosem_get_begin(d->cfg->model, d->app, &t->get, at, sel);
    t->reading = dar == DAR_OK;
    return dar;
}

static enum dar carry_out(struct dlms_server *d, struct dlms_session *s, unsigned kind,
                          const struct cosem_at *at, const struct cosem_sel *sel,
                          struct axdr_in value)
{
    struct dlms_transfer *t = s->transfer;
    if (kind == ACCESS_GET) return read_item(d, s, at, sel);
    if (kind == ACCESS_SET) {
        enum dar dar = t->opened ? DAR_OK : item_write(d, s, at, sel, NULL, 0);
        return dar ? dar : cosem_set_block(d->app, &t->set, value.p, value.n, true);
    }
    if (value.n == 1 && value.p[0] == AXDR_NULL) value.n = 0;
    return cosem_call(d->cfg->model, d->app, at, &value, &t->ret);
}

enum dar item_run(struct dlms_server *d, struct dlms_session *s, struct cosem_at *at)
{
    struct dlms_transfer *t = s->transfer;
    struct axdr_in in = t->req;
    struct cosem_sel sel = { 0 };
    bool access = t->service == XDLMS_ACCESS_REQ;
    unsigned kind = access                        ? (unsigned)axdr_read_raw(&in, 1)
                    : t->service == XDLMS_GET_REQ ? ACCESS_GET
                    : t->service == XDLMS_SET_REQ ? ACCESS_SET
                                                  : ACCESS_ACTION;
    enum dar dar = read_object(d, s, &in, at);
    at->frozen = t->frozen;
    if (access && access_is_selected(&kind))
        read_selector(&in, &sel);
    else if (!access && kind != ACCESS_ACTION)
        read_selection(&in, &sel);
    int n = t->data.n ? axdr_length(t->data.p, t->data.n) : 0;
    struct axdr_in value = axdr_in(t->data.p, n > 0 ? (size_t)n : 0);
    if (!t->called) {
        if (t->failed && t->long_invoke & LONG_INVOKE_BREAK) dar = DAR_OTHER;
        if (dar == DAR_OK) dar = carry_out(d, s, kind, at, &sel, value);
        t->opened = dar == DAR_PENDING;
        s->stalled = t->opened && kind != ACCESS_SET; /* which goes on with its rows */
        if (t->opened) return dar;
        t->called = true;
        t->dar = dar;
    }
    dar = kind == ACCESS_GET ? DAR_OK : settled(d);
    s->stalled = dar == DAR_PENDING;
    if (s->stalled) return dar;
    t->called = false;
    t->req = in;
    if (value.n) axdr_read_view(&t->data, value.n);
    return t->dar == DAR_OK ? dar : t->dar;
}

enum run refuse(struct dlms_server *d, struct dlms_session *s, uint8_t service)
{
    transfer_drop(d, s);
    return answer_exception(s, service);
}

/* -- requests that come in blocks ------------------------------------------------------- */

bool hold_put(struct dlms_session *s, const uint8_t *p, size_t n)
{
    struct dlms_transfer *t = s->transfer;
    uint16_t size;
    uint8_t *hold = hold_of(s, &size);
    if (n > (size_t)size - t->hold_n) return false;
    if (n) memcpy(hold + t->hold_n, p, n);
    t->hold_n = (uint16_t)(t->hold_n + n);
    return true;
}

enum run blocks_ack(struct dlms_session *s, const struct form *f)
{
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, (uint32_t)f->answer << 16 | (uint32_t)f->ack << 8 | s->transfer->inv, 3);
    axdr_emit_raw(&o, s->transfer->block, 4);
    return answer_done(s, &o);
}

enum run blocks_over(struct dlms_server *d, struct dlms_session *s, const struct form *f,
                     uint32_t number, enum dar dar)
{
    uint32_t head = (uint32_t)f->answer << 24 | (uint32_t)f->last << 16;
    head |= (uint32_t)s->transfer->inv << 8 | (uint8_t)dar;
    transfer_drop(d, s);
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, head, 4);
    axdr_emit_raw(&o, f->numbered ? number : 0, f->numbered ? 4 : 1);
    return answer_done(s, &o);
}

/* Last, number and raw data. */
static uint32_t read_block(struct dlms_transfer *t, struct axdr_in *in)
{
    t->last = axdr_read_raw(in, 1) != 0;
    uint32_t number = (uint32_t)axdr_read_raw(in, 4);
    size_t n = axdr_read_length(in);
    t->data = axdr_in(axdr_read_view(in, n), n);
    return number;
}

enum run blocks_first(struct dlms_server *d, struct dlms_session *s, const struct form *f,
                      struct request *q)
{
    struct dlms_transfer *t = s->transfer;
    const uint8_t *p = q->in.p;
    t->blocks = true;
    read_items(t, &q->in, q->list, f->selections);
    t->first = axdr_in(p, (size_t)(q->in.p - p));
    t->block = read_block(t, &q->in);
    int fault = fault_of(&q->in);
    if (fault) return refuse(d, s, (uint8_t)fault);
    return t->block == 1 ? RUN_AGAIN : blocks_over(d, s, f, t->block, f->turn);
}

enum run blocks_next(struct dlms_server *d, struct dlms_session *s, const struct form *f,
                     struct request *q)
{
    struct dlms_transfer *t = s->transfer;
    bool awaited = t->service == f->service && t->blocks;
    uint32_t number = read_block(t, &q->in);
    int fault = fault_of(&q->in);
    t->inv = q->inv;
    if (fault) return refuse(d, s, (uint8_t)fault);
    if (!awaited) return blocks_over(d, s, f, number, f->none);
    if (number != t->block + 1) return blocks_over(d, s, f, number, f->turn);
    t->block = number;
    return RUN_AGAIN;
}

/* -- dispatch --------------------------------------------------------------------------- */

static const struct {
    uint8_t tag, invoke_at; /* where the octet with the confirmed bit stands */
    uint8_t bit;            /* of the conformance list */
    enum run (*run)(struct dlms_server *d, struct dlms_session *s);
} service[] = {
    { XDLMS_GET_REQ, 2, 19, get_run },
    { XDLMS_SET_REQ, 2, 20, set_run },
    { XDLMS_ACTION_REQ, 2, 23, action_run },
    { XDLMS_ACCESS_REQ, 1, 17, access_run },
    { XDLMS_DATA_NOTIFICATION_CONFIRM, 1, 16, notice_confirmed },
    { XDLMS_DATA_NOTIFICATION, 0, 0, answer_block }, /* ours: never a request */
    { XDLMS_EVENT_NOTIFICATION, 0, 0, answer_block },
};

enum run service_run(struct dlms_server *d, struct dlms_session *s)
{
    const uint8_t *p = s->rx + s->rx_at;
    if (s->state == DLMS_PENDING) return assoc_reply(d, s);
    if (s->running) p = &s->transfer->service;
    for (size_t i = 0; i < sizeof service / sizeof service[0]; i++) {
        if (service[i].tag != p[0]) continue;
        if (s->running) return service[i].run(d, s);
        if (s->flags & ASSOC_PUSH && p[0] != XDLMS_DATA_NOTIFICATION_CONFIRM) return RUN_SILENT;
        if (!has(s, XDLMS_C(service[i].bit))) return answer_exception(s, SERVICE_NOT_SUPPORTED);
        uint8_t at = service[i].invoke_at;
        bool confirmed = s->rx_n <= at || p[at] & INVOKE_CONFIRMED;
        if (!confirmed || s->prot->broadcast) s->quiet = true;
        return service[i].run(d, s);
    }
    return answer_unknown(s);
}
