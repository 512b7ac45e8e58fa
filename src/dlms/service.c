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
    return o->full ? answer_exception(s, STATE_NOT_ALLOWED, SERVICE_TOO_LONG) : RUN_ANSWER;
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

enum run answer_exception(struct dlms_session *s, uint8_t state, uint8_t service)
{
    return answer_bare(s, (uint8_t[]){ XDLMS_EXCEPTION, state, service }, 3);
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

void read_selection(struct axdr_in *in, struct cosem_sel *sel)
{
    *sel = (struct cosem_sel){ 0 };
    if (axdr_read_raw(in, 1) == 0) return;
    sel->selector = (uint8_t)axdr_read_raw(in, 1);
    sel->arg = axdr_read_value(in);
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

int check_values(struct axdr_in in, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int len = axdr_length(in.p, in.n);
        if (len <= 0) return len ? E_TYPE : E_MORE;
        axdr_read_view(&in, (size_t)len);
    }
    return in.n ? E_FORMAT : 0;
}

struct axdr_in read_block(struct axdr_in *in, bool *last, uint32_t *number)
{
    *last = axdr_read_raw(in, 1) != 0;
    *number = (uint32_t)axdr_read_raw(in, 4);
    size_t n = axdr_read_length(in);
    const uint8_t *p = axdr_read_view(in, n);
    return axdr_in(p, in->bad ? 0 : n);
}

/* -- transfers -------------------------------------------------------------------------- */

void transfer_drop(struct dlms_server *d, struct dlms_session *s)
{
    if (s->state != DLMS_OPEN) return;
    cosem_set_abort(d->app, &s->transfer->set);
    s->transfer->service = 0;
    s->keep = 0;
}

struct dlms_transfer *transfer_begin(struct dlms_server *d, struct dlms_session *s,
                                     uint8_t service, uint8_t kind, uint8_t inv)
{
    transfer_drop(d, s);
    memmove(s->rx, s->rx + s->rx_at, s->rx_n);
    s->rx_at = 0;
    *s->transfer =
        (struct dlms_transfer){ .service = service, .kind = kind, .inv = inv, .end = s->rx_n };
    return s->transfer;
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
        if (!has(s, XDLMS_C(service[i].bit)))
            return answer_exception(s, STATE_NOT_ALLOWED, SERVICE_NOT_SUPPORTED);
        uint8_t at = service[i].invoke_at;
        bool confirmed = s->rx_n <= at || p[at] & INVOKE_CONFIRMED;
        if (!confirmed || s->prot->broadcast) s->quiet = true;
        return service[i].run(d, s);
    }
    return answer_exception(s, STATE_UNKNOWN, SERVICE_NOT_SUPPORTED);
}
