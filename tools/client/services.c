/* services.c - GET, SET, ACTION, alone and in lists, whole and in blocks. */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/client/session.h"

enum { ITEM_ROOM = 12, BLOCK_EXTRA = 16, LIST_MAX = 32 };

/* -- building --------------------------------------------------------------------------- */

static void put_raw(struct buf *b, uint32_t v, unsigned n)
{
    struct axdr_out o = buf_room(b, n);
    axdr_emit_raw(&o, v, n);
    buf_took(b, &o);
}

static void put_length(struct buf *b, size_t n)
{
    struct axdr_out o = buf_room(b, 5);
    axdr_emit_length(&o, (uint32_t)n);
    buf_took(b, &o);
}

static void put_head(struct session *s, struct buf *b, uint8_t tag, uint8_t kind)
{
    buf_clear(b);
    buf_put(b, (uint8_t[]){ tag, kind, session_invoke(s) }, 3);
}

static void put_target(struct buf *b, const struct target *o)
{
    put_raw(b, o->class_id, 2);
    buf_put(
        b,
        (uint8_t[]){ o->ln.a, o->ln.b, o->ln.c, o->ln.d, o->ln.e, o->ln.f, (uint8_t)o->attr },
        7);
}

static void put_selection(struct buf *b, const struct selection *sel)
{
    bool has = sel && sel->selector;
    buf_put_u8(b, has);
    if (!has) return;
    buf_put_u8(b, sel->selector);
    buf_put(b, sel->arg.p, sel->arg.n);
}

void selection_range(struct selection *sel, const uint8_t from[12], const uint8_t to[12])
{
    sel->selector = 1;
    buf_clear(&sel->arg);
    struct axdr_out o = buf_room(&sel->arg, 64);
    axdr_emit_head(&o, AXDR_STRUCTURE, 4);
    axdr_emit_head(&o, AXDR_STRUCTURE, 4);
    axdr_emit_u16(&o, 8);
    axdr_emit_octets(&o, (const uint8_t[]){ 0, 0, 1, 0, 0, 255 }, 6);
    axdr_emit_i8(&o, 2);
    axdr_emit_u16(&o, 0);
    axdr_emit_octets(&o, from, 12);
    axdr_emit_octets(&o, to, 12);
    axdr_emit_head(&o, AXDR_ARRAY, 0);
    buf_took(&sel->arg, &o);
}

void selection_entry(struct selection *sel, uint32_t from, uint32_t to, uint16_t first_column,
                     uint16_t last_column)
{
    sel->selector = 2;
    buf_clear(&sel->arg);
    struct axdr_out o = buf_room(&sel->arg, 32);
    axdr_emit_head(&o, AXDR_STRUCTURE, 4);
    axdr_emit_u32(&o, from);
    axdr_emit_u32(&o, to);
    axdr_emit_u16(&o, first_column);
    axdr_emit_u16(&o, last_column);
    buf_took(&sel->arg, &o);
}

static int need_class(const struct target *o, struct trouble *t)
{
    char text[NAMES_OBIS_TEXT];
    if (o->class_id) return 0;
    return trouble(t, E_STATE, "the class of %s is not known; write CLASS/%s",
                   names_obis(text, o->ln), text);
}

static int broken(struct trouble *t, const char *what)
{
    return trouble(t, E_FORMAT, "a broken %s", what);
}

/* -- answers in service blocks ---------------------------------------------------------- */

/* Read a DataBlock: whether it is the last, its number, its octets; GET has a choice between
 * data and a result before them. 0 or the result. */
struct block {
    bool last;
    uint32_t number;
    const uint8_t *p;
    size_t n;
};

static int read_block(struct axdr_in *in, bool choice, struct block *b)
{
    b->last = axdr_read_raw(in, 1) != 0;
    b->number = (uint32_t)axdr_read_raw(in, 4);
    if (choice && axdr_read_raw(in, 1)) {
        int dar = (int)axdr_read_raw(in, 1);
        return in->bad ? E_FORMAT : dar ? dar : E_FORMAT;
    }
    b->n = axdr_read_length(in);
    b->p = axdr_read_view(in, b->n);
    return axdr_is_done(in) ? 0 : E_FORMAT;
}

/* The answer so far is a first block; ask for the others and put all together in raw. */
static int read_blocks(struct session *s, uint8_t request_tag, uint8_t answer_tag,
                       struct buf *answer, struct buf *raw, struct trouble *t)
{
    struct buf next = { 0 };
    struct block b = { 0 };
    bool get = request_tag == XDLMS_GET_REQ;
    uint8_t kind = get ? GET_NEXT : ACTION_NEXT;
    int e = 0;
    for (uint32_t want = 1; !b.last; want++) {
        struct axdr_in in = axdr_in(answer->p + 3, answer->n < 3 ? 0 : answer->n - 3);
        if (answer->n < 3 ||
            answer->p[1] != GET_RES_BLOCK) { /* ended by a result: last octets */
            int dar = answer->n > 3 ? answer->p[answer->n - 1] : 0;
            e = dar ? dar : broken(t, "answer in blocks");
            break;
        }
        e = read_block(&in, get, &b);
        if (e > 0) break;
        if (e < 0) {
            e = broken(t, "block");
            break;
        }
        if (b.number != want) {
            e = trouble(t, E_FORMAT, "block %u where %u was due", b.number, want);
            break;
        }
        buf_put(raw, b.p, b.n);
        if (s->hooks.progress) s->hooks.progress(s->hooks.ctx, raw->n);
        if (raw->n > SESSION_ANSWER_MAX) {
            e = broken(t, "answer: it never ends");
            break;
        }
        if (b.last) break;
        buf_clear(&next);
        buf_put(&next, (uint8_t[]){ request_tag, kind, answer->p[2] }, 3);
        put_raw(&next, want, 4);
        if ((e = session_exchange(s, &next, answer_tag, answer, t)) < 0) break;
    }
    buf_free(&next);
    return e;
}

/* -- GET -------------------------------------------------------------------------------- */

static int keep_value(struct axdr_in in, struct buf *data, struct trouble *t)
{
    struct axdr_in one = axdr_read_value(&in);
    if (one.bad || !axdr_is_done(&in)) return broken(t, "value");
    buf_clear(data);
    buf_put(data, one.p, one.n);
    return 0;
}

int session_get(struct session *s, const struct target *o, const struct selection *sel,
                struct buf *data, struct trouble *t)
{
    struct buf request = { 0 }, answer = { 0 }, raw = { 0 };
    int e = need_class(o, t);
    if (e < 0) return e;
    put_head(s, &request, XDLMS_GET_REQ, GET_NORMAL);
    put_target(&request, o);
    put_selection(&request, sel);
    e = session_exchange(s, &request, XDLMS_GET_RES, &answer, t);
    if (e == 0 && answer.p[1] == GET_RES_BLOCK) {
        e = read_blocks(s, XDLMS_GET_REQ, XDLMS_GET_RES, &answer, &raw, t);
        if (e == 0) e = keep_value(buf_in(&raw), data, t);
    } else if (e == 0) {
        struct axdr_in in = axdr_in(answer.p + 3, answer.n - 3);
        bool refused = axdr_read_raw(&in, 1) != 0;
        bool is_normal = answer.p[1] == GET_RES_NORMAL && !in.bad;
        if (refused) e = (int)axdr_read_raw(&in, 1);
        if (is_normal && !refused)
            e = keep_value(in, data, t);
        else if (!is_normal || e == 0 || in.bad)
            e = broken(t, "get-response");
    }
    buf_free(&request);
    buf_free(&answer);
    buf_free(&raw);
    return e;
}

/* count x (choice, value or result) */
static int take_results(struct axdr_in in, struct item *items, size_t n, struct trouble *t)
{
    if (axdr_read_length(&in) != n) return broken(t, "list of results: their number is wrong");
    for (size_t i = 0; i < n; i++) {
        items[i].result = 0;
        if (axdr_read_raw(&in, 1)) {
            items[i].result = (int)axdr_read_raw(&in, 1);
            continue;
        }
        struct axdr_in one = axdr_read_value(&in);
        buf_clear(&items[i].data);
        if (!one.bad) buf_put(&items[i].data, one.p, one.n);
    }
    return axdr_is_done(&in) ? 0 : broken(t, "list of results");
}

static int get_batch(struct session *s, struct item *items, size_t n, struct trouble *t)
{
    struct buf request = { 0 }, answer = { 0 }, raw = { 0 };
    int e = 0;
    put_head(s, &request, XDLMS_GET_REQ, GET_LIST);
    put_length(&request, n);
    for (size_t i = 0; i < n && e == 0; i++) {
        e = need_class(&items[i].target, t);
        put_target(&request, &items[i].target);
        put_selection(&request, items[i].selection);
    }
    if (e == 0) e = session_exchange(s, &request, XDLMS_GET_RES, &answer, t);
    if (e == 0 && answer.p[1] == GET_RES_BLOCK) {
        e = read_blocks(s, XDLMS_GET_REQ, XDLMS_GET_RES, &answer, &raw, t);
        if (e == 0) e = take_results(buf_in(&raw), items, n, t);
    } else if (e == 0 && answer.p[1] == GET_RES_LIST) {
        e = take_results(axdr_in(answer.p + 3, answer.n - 3), items, n, t);
    } else if (e == 0) { /* all refused with one result */
        e = answer.n > 4 && answer.p[3] == 1 ? answer.p[4] : broken(t, "get-response");
    }
    buf_free(&request);
    buf_free(&answer);
    buf_free(&raw);
    return e;
}

/* -- requests in blocks ----------------------------------------------------------------- */

/* How raw data goes in blocks behind a first part: SET 2 or 5 then 3, ACTION 4 or 5 then 6. */
struct outgoing {
    uint8_t tag, answer_tag;
    uint8_t first, more; /* kinds */
    uint8_t ack;         /* kind of the answer to a block that is not the last */
};

static int check_ack(const struct outgoing *how, const struct buf *answer, uint32_t number,
                     struct trouble *t)
{
    if (answer->p[1] != how->ack) return 1; /* the meter ended it */
    if (answer->n != 7 || be_get32(answer->p + 3) != number)
        return broken(t, "acknowledgement of a block");
    return 0;
}

/* head: what stands between the invoke-id and the first block. The answer to the last block is
 * left in answer. */
static int send_blocks(struct session *s, const struct outgoing *how, const struct buf *head,
                       const struct buf *raw, struct buf *answer, struct trouble *t)
{
    struct buf request = { 0 };
    size_t room = session_room(s), at = 0;
    uint8_t invoke = session_invoke(s);
    int e = 0;
    for (uint32_t number = 1; e == 0; number++) {
        buf_clear(&request);
        buf_put(&request, (uint8_t[]){ how->tag, number == 1 ? how->first : how->more, invoke },
                3);
        if (number == 1) buf_put(&request, head->p, head->n);
        if (request.n + BLOCK_EXTRA > room) {
            e = trouble(t, E_SPACE, "the meter takes too short requests for this");
            break;
        }
        size_t n = room - request.n - BLOCK_EXTRA;
        if (n > raw->n - at) n = raw->n - at;
        bool last = at + n == raw->n;
        buf_put_u8(&request, last);
        put_raw(&request, number, 4);
        put_length(&request, n);
        buf_put(&request, raw->p + at, n);
        at += n;
        e = session_exchange(s, &request, how->answer_tag, answer, t);
        if (e < 0 || last) break;
        e = check_ack(how, answer, number, t);
        if (s->hooks.progress) s->hooks.progress(s->hooks.ctx, at);
    }
    buf_free(&request);
    return e == 1 ? 0 : e;
}

/* Does it fit one request? Else blocks, when they were agreed, or GBT in session_exchange(). */
static bool in_blocks(const struct session *s, uint32_t bit, size_t n)
{
    return n > session_room(s) && session_can(s, bit);
}

/* -- SET -------------------------------------------------------------------------------- */

static const struct outgoing set_one = { XDLMS_SET_REQ, XDLMS_SET_RES, SET_FIRST, SET_BLOCK,
                                         SET_RES_BLOCK };
static const struct outgoing set_many = { XDLMS_SET_REQ, XDLMS_SET_RES, SET_LIST_FIRST,
                                          SET_BLOCK, SET_RES_BLOCK };

static int judge_set(const struct buf *answer, struct trouble *t)
{
    bool known = answer->p[1] == SET_RES_NORMAL || answer->p[1] == SET_RES_LAST;
    return known && answer->n > 3 ? answer->p[3] : broken(t, "set-response");
}

int session_set(struct session *s, const struct target *o, const struct selection *sel,
                const struct buf *data, struct trouble *t)
{
    struct buf head = { 0 }, request = { 0 }, answer = { 0 };
    int e = need_class(o, t);
    if (e < 0) return e;
    put_target(&head, o);
    put_selection(&head, sel);
    if (in_blocks(s, XDLMS_C_BLOCK_SET, head.n + data->n + 3)) {
        e = send_blocks(s, &set_one, &head, data, &answer, t);
    } else {
        put_head(s, &request, XDLMS_SET_REQ, SET_NORMAL);
        buf_put(&request, head.p, head.n);
        buf_put(&request, data->p, data->n);
        e = session_exchange(s, &request, XDLMS_SET_RES, &answer, t);
    }
    if (e == 0) e = judge_set(&answer, t);
    buf_free(&head);
    buf_free(&request);
    buf_free(&answer);
    return e;
}

static int take_set_list(const struct buf *answer, struct item *items, size_t n,
                         struct trouble *t)
{
    struct axdr_in in = axdr_in(answer->p + 3, answer->n - 3);
    uint8_t kind = answer->p[1];
    if (kind == SET_RES_NORMAL || kind == SET_RES_LAST) { /* all refused with one result */
        int dar = (int)axdr_read_raw(&in, 1);
        for (size_t i = 0; i < n; i++) items[i].result = dar;
        return in.bad || dar == 0 ? broken(t, "set-response") : 0;
    }
    if ((kind != SET_RES_LIST && kind != SET_RES_LAST_LIST) || axdr_read_length(&in) != n)
        return broken(t, "set-response");
    for (size_t i = 0; i < n; i++) items[i].result = (int)axdr_read_raw(&in, 1);
    return in.bad ? broken(t, "set-response") : 0;
}

/* count x descriptor, and apart count x value */
static int put_list(struct item *items, size_t n, bool selections, struct buf *head,
                    struct buf *values, struct trouble *t)
{
    put_length(head, n);
    put_length(values, n);
    for (size_t i = 0; i < n; i++) {
        int e = need_class(&items[i].target, t);
        if (e < 0) return e;
        put_target(head, &items[i].target);
        if (selections) put_selection(head, items[i].selection);
        if (items[i].data.n)
            buf_put(values, items[i].data.p, items[i].data.n);
        else
            buf_put_u8(values, AXDR_NULL);
    }
    return 0;
}

static int send_list(struct session *s, const struct outgoing *how, uint8_t kind, uint32_t bit,
                     struct item *items, size_t n, struct buf *answer, struct trouble *t)
{
    struct buf head = { 0 }, values = { 0 }, request = { 0 };
    int e = put_list(items, n, how->tag == XDLMS_SET_REQ, &head, &values, t);
    if (e == 0 && in_blocks(s, bit, head.n + values.n + 3)) {
        e = send_blocks(s, how, &head, &values, answer, t);
    } else if (e == 0) {
        put_head(s, &request, how->tag, kind);
        buf_put(&request, head.p, head.n);
        buf_put(&request, values.p, values.n);
        e = session_exchange(s, &request, how->answer_tag, answer, t);
    }
    buf_free(&head);
    buf_free(&values);
    buf_free(&request);
    return e;
}

static int set_batch(struct session *s, struct item *items, size_t n, struct trouble *t)
{
    struct buf answer = { 0 };
    int e = send_list(s, &set_many, SET_LIST, XDLMS_C_BLOCK_SET, items, n, &answer, t);
    if (e == 0) e = take_set_list(&answer, items, n, t);
    buf_free(&answer);
    return e;
}

/* -- ACTION ----------------------------------------------------------------------------- */

static const struct outgoing act_one = { XDLMS_ACTION_REQ, XDLMS_ACTION_RES, ACTION_FIRST,
                                         ACTION_BLOCK, ACTION_RES_NEXT };
static const struct outgoing act_many = { XDLMS_ACTION_REQ, XDLMS_ACTION_RES, ACTION_LIST_FIRST,
                                          ACTION_BLOCK, ACTION_RES_NEXT };

/* result, and perhaps return parameters: data, or a result of their own */
static int take_returned(struct axdr_in *in, struct buf *ret)
{
    int result = (int)axdr_read_raw(in, 1);
    buf_clear(ret);
    if (in->n == 0 || axdr_read_raw(in, 1) == 0) return result;
    if (axdr_read_raw(in, 1)) {
        int dar = (int)axdr_read_raw(in, 1);
        return result ? result : dar;
    }
    struct axdr_in one = axdr_read_value(in);
    if (!one.bad) buf_put(ret, one.p, one.n);
    return result;
}

static int take_action(struct session *s, struct buf *answer, struct buf *ret,
                       struct trouble *t)
{
    struct buf raw = { 0 };
    struct axdr_in in = axdr_in(answer->p + 3, answer->n - 3);
    int e = 0;
    if (answer->p[1] == ACTION_RES_BLOCK) {
        e = read_blocks(s, XDLMS_ACTION_REQ, XDLMS_ACTION_RES, answer, &raw, t);
        in = buf_in(&raw);
    } else if (answer->p[1] != ACTION_RES_NORMAL) {
        e = broken(t, "action-response");
    }
    if (e == 0) e = take_returned(&in, ret);
    if (e >= 0 && in.bad) e = broken(t, "action-response");
    buf_free(&raw);
    return e;
}

int session_action(struct session *s, const struct target *o, const struct buf *param,
                   struct buf *ret, struct trouble *t)
{
    struct buf head = { 0 }, request = { 0 }, answer = { 0 };
    int e = need_class(o, t);
    if (e < 0) return e;
    put_target(&head, o);
    if (param->n && in_blocks(s, XDLMS_C_BLOCK_ACTION, head.n + param->n + 4)) {
        e = send_blocks(s, &act_one, &head, param, &answer, t);
    } else {
        put_head(s, &request, XDLMS_ACTION_REQ, ACTION_NORMAL);
        buf_put(&request, head.p, head.n);
        buf_put_u8(&request, param->n != 0);
        buf_put(&request, param->p, param->n);
        e = session_exchange(s, &request, XDLMS_ACTION_RES, &answer, t);
    }
    if (e == 0) e = take_action(s, &answer, ret, t);
    buf_free(&head);
    buf_free(&request);
    buf_free(&answer);
    return e;
}

static int action_batch(struct session *s, struct item *items, size_t n, struct trouble *t)
{
    struct buf answer = { 0 }, raw = { 0 };
    int e = send_list(s, &act_many, ACTION_LIST, XDLMS_C_BLOCK_ACTION, items, n, &answer, t);
    struct axdr_in in =
        axdr_in(answer.p ? answer.p + 3 : NULL, answer.n < 3 ? 0 : answer.n - 3);
    bool whole = e == 0 && answer.p[1] == ACTION_RES_NORMAL;
    if (e == 0 && answer.p[1] == ACTION_RES_BLOCK) {
        e = read_blocks(s, XDLMS_ACTION_REQ, XDLMS_ACTION_RES, &answer, &raw, t);
        in = buf_in(&raw);
    } else if (e == 0 && answer.p[1] != ACTION_RES_LIST && !whole) {
        e = broken(t, "action-response");
    }
    if (whole) { /* all refused with one result */
        int result = (int)axdr_read_raw(&in, 1);
        for (size_t i = 0; i < n; i++) items[i].result = result;
        if (in.bad || result == 0) e = broken(t, "action-response");
    } else if (e == 0) {
        if (axdr_read_length(&in) != n) e = broken(t, "list of results");
        for (size_t i = 0; i < n && e == 0; i++)
            items[i].result = take_returned(&in, &items[i].data);
        if (e == 0 && in.bad) e = broken(t, "list of results");
    }
    buf_free(&answer);
    buf_free(&raw);
    return e;
}

/* -- lists ------------------------------------------------------------------------------ */

static int one_by_one(struct session *s, struct item *items, size_t n, struct trouble *t)
{
    for (size_t i = 0; i < n; i++) {
        struct item *it = &items[i];
        struct buf in = { 0 };
        int e = 0;
        if (it->kind == ITEM_GET) e = session_get(s, &it->target, it->selection, &it->data, t);
        if (it->kind == ITEM_SET) e = session_set(s, &it->target, it->selection, &it->data, t);
        if (it->kind == ITEM_ACTION) {
            buf_put(&in, it->data.p, it->data.n);
            e = session_action(s, &it->target, &in, &it->data, t);
        }
        buf_free(&in);
        if (e < 0) return e;
        it->result = e;
    }
    return 0;
}

/* As many items as one request holds. */
static size_t batch_size(const struct session *s, const struct item *items, size_t n)
{
    size_t room = session_room(s), used = 8, i = 0;
    for (; i < n && i < LIST_MAX; i++) {
        used += ITEM_ROOM + (items[i].selection ? items[i].selection->arg.n : 0);
        if (used > room) break;
    }
    return i ? i : 1;
}

static int in_lists(struct session *s, struct item *items, size_t n,
                    int (*batch)(struct session *, struct item *, size_t, struct trouble *),
                    struct trouble *t)
{
    if (!session_can(s, XDLMS_C_MULTIPLE) || n == 1) return one_by_one(s, items, n, t);
    for (size_t at = 0; at < n;) {
        size_t k = batch_size(s, items + at, n - at);
        int e = k == 1 ? 1 : batch(s, items + at, k, t);
        if (e == E_DENIED && s->associated) e = 1; /* lists are not its strength */
        if (e > 0) e = one_by_one(s, items + at, k, t);
        if (e < 0) return e;
        at += k;
    }
    return 0;
}

int session_get_list(struct session *s, struct item *items, size_t n, struct trouble *t)
{
    for (size_t i = 0; i < n; i++) items[i].kind = ITEM_GET;
    return in_lists(s, items, n, get_batch, t);
}

/* Writing twice is not writing once: a list that was refused as a whole is not tried again. */
int session_set_list(struct session *s, struct item *items, size_t n, struct trouble *t)
{
    for (size_t i = 0; i < n; i++) items[i].kind = ITEM_SET;
    if (!session_can(s, XDLMS_C_MULTIPLE) || n == 1) return one_by_one(s, items, n, t);
    return set_batch(s, items, n, t);
}

int session_action_list(struct session *s, struct item *items, size_t n, struct trouble *t)
{
    for (size_t i = 0; i < n; i++) items[i].kind = ITEM_ACTION;
    if (!session_can(s, XDLMS_C_MULTIPLE) || n == 1) return one_by_one(s, items, n, t);
    return action_batch(s, items, n, t);
}

/* -- ACCESS ----------------------------------------------------------------------------- */

static uint8_t specification(const struct item *it)
{
    bool selects = it->selection && it->selection->selector;
    if (it->kind == ITEM_ACTION) return ACCESS_ACTION;
    if (it->kind == ITEM_SET) return selects ? ACCESS_SET_SEL : ACCESS_SET;
    return selects ? ACCESS_GET_SEL : ACCESS_GET;
}

static int put_access(struct session *s, struct item *items, size_t n, bool break_on_error,
                      struct buf *request, struct trouble *t)
{
    uint32_t id = (++s->long_invoke & LONG_INVOKE_ID) | LONG_INVOKE_CONFIRMED |
                  (s->cfg.high ? LONG_INVOKE_HIGH : 0) |
                  (break_on_error ? LONG_INVOKE_BREAK : 0);
    buf_put_u8(request, XDLMS_ACCESS_REQ);
    put_raw(request, id, 4);
    buf_put_u8(request, 0); /* no date-time */
    put_length(request, n);
    for (size_t i = 0; i < n; i++) {
        int e = need_class(&items[i].target, t);
        if (e < 0) return e;
        uint8_t kind = specification(&items[i]);
        buf_put_u8(request, kind);
        put_target(request, &items[i].target);
        if (kind < ACCESS_GET_SEL) continue;
        buf_put_u8(request, items[i].selection->selector);
        buf_put(request, items[i].selection->arg.p, items[i].selection->arg.n);
    }
    put_length(request, n);
    for (size_t i = 0; i < n; i++) {
        bool none = items[i].kind == ITEM_GET || items[i].data.n == 0;
        if (none)
            buf_put_u8(request, AXDR_NULL);
        else
            buf_put(request, items[i].data.p, items[i].data.n);
    }
    return 0;
}

/* Over the specifications, when the meter repeats them. */
static void skip_specifications(struct axdr_in *in)
{
    if (axdr_read_raw(in, 1) == 0) return;
    uint32_t n = axdr_read_length(in);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        uint8_t kind = (uint8_t)axdr_read_raw(in, 1);
        axdr_read_view(in, 9);
        if (kind < ACCESS_GET_SEL) continue;
        axdr_read_raw(in, 1);
        axdr_read_value(in);
    }
}

static int take_access(const struct buf *answer, struct item *items, size_t n,
                       struct trouble *t)
{
    struct axdr_in in = buf_in(answer);
    axdr_read_view(&in, 5);
    axdr_read_view(&in, axdr_read_length(&in)); /* date-time */
    skip_specifications(&in);
    if (axdr_read_length(&in) != n)
        return broken(t, "access-response: the number of its items");
    for (size_t i = 0; i < n; i++) {
        struct axdr_in one = axdr_read_value(&in);
        buf_clear(&items[i].data);
        bool none = items[i].kind == ITEM_SET ||
                    (items[i].kind == ITEM_ACTION && axdr_peek(&one) == AXDR_NULL);
        if (!one.bad && !none) buf_put(&items[i].data, one.p, one.n);
    }
    if (axdr_read_length(&in) != n)
        return broken(t, "access-response: the number of its results");
    for (size_t i = 0; i < n; i++) {
        axdr_read_raw(&in, 1);
        items[i].result = (int)axdr_read_raw(&in, 1);
    }
    return axdr_is_done(&in) ? 0 : broken(t, "access-response");
}

int session_access(struct session *s, struct item *items, size_t n, bool break_on_error,
                   struct trouble *t)
{
    struct buf request = { 0 }, answer = { 0 };
    if (!session_can(s, XDLMS_C_ACCESS))
        return trouble(t, E_DENIED, "the meter did not agree on the ACCESS service");
    int e = put_access(s, items, n, break_on_error, &request, t);
    if (e == 0) e = session_exchange(s, &request, XDLMS_ACCESS_RES, &answer, t);
    if (e == 0) e = take_access(&answer, items, n, t);
    buf_free(&request);
    buf_free(&answer);
    return e;
}
