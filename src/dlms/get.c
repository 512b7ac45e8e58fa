#include "dlms/serve.h"

/* GET: normal, next, with-list. The request is parsed whole before anything is read; items
 * are then read one by one as the answer is emitted, from registers frozen at the start. */

static enum run refused(struct dlms_session *s, uint8_t inv, enum dar dar)
{
    uint8_t b[] = { XDLMS_GET_RES, GET_RES_NORMAL, inv, 1, (uint8_t)dar };
    return answer_bytes(s, b, sizeof b);
}

static enum run wrong_block(struct dlms_server *d, struct dlms_session *s, uint8_t inv,
                            uint32_t number, enum dar dar)
{
    transfer_drop(d, s);
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, XDLMS_GET_RES << 8 | GET_RES_BLOCK, 2);
    axdr_emit_raw(&o, (uint32_t)inv << 8 | 1, 2);
    axdr_emit_raw(&o, number, 4);
    axdr_emit_raw(&o, 0x0100u | (uint8_t)dar, 2);
    return answer_done(s, &o);
}

static enum run get_next(struct dlms_server *d, struct dlms_session *s, struct request *q)
{
    struct dlms_transfer *t = s->transfer;
    uint32_t number = (uint32_t)axdr_read_raw(&q->in, 4);
    if (q->in.bad) return refused(s, q->inv, DAR_DENIED);
    if (q->in.n) return answer_exception(s, SERVICE_OTHER);
    if (!has(s, XDLMS_C_BLOCK_GET)) return answer_exception(s, SERVICE_NOT_SUPPORTED);
    if (t->service != XDLMS_GET_REQ || t->block == 0)
        return wrong_block(d, s, q->inv, number, DAR_NO_LONG);
    if (number != t->block) return wrong_block(d, s, q->inv, number, DAR_BLOCK_NUMBER);
    t->inv = q->inv;
    return RUN_AGAIN;
}

static enum run get_begin(struct dlms_server *d, struct dlms_session *s)
{
    static const struct form form = { .kinds = 0x0E, .lists = 1 << GET_LIST };
    struct request q;
    bool agreed = request_read(s, &form, &q);
    if (q.in.bad) return answer_exception(s, SERVICE_OTHER);
    if (q.kind == GET_NEXT) return get_next(d, s, &q);
    if (q.kind != GET_NORMAL && q.kind != GET_LIST) return refused(s, q.inv, DAR_DENIED);
    if (!agreed) return answer_exception(s, SERVICE_NOT_SUPPORTED);
    struct dlms_transfer *t = transfer_begin(d, s, XDLMS_GET_REQ, &q);
    read_items(t, &q.in, q.list, true);
    if (q.in.bad) {
        transfer_drop(d, s);
        return refused(s, q.inv, DAR_DENIED);
    }
    if (q.in.n) return refuse(d, s, SERVICE_OTHER);
    t->first = t->req;
    t->get = (struct cosem_get){ 0 };
    if (!t->list) return RUN_AGAIN;
    t->frozen = host_of(d)->freeze(d->app, s->index);
    lit_length(t, t->items);
    return RUN_AGAIN;
}

enum run get_run(struct dlms_server *d, struct dlms_session *s)
{
    if (!s->running) {
        enum run r = get_begin(d, s);
        if (r != RUN_AGAIN) return r;
        s->running = true;
    }
    return answer_block(d, s);
}
