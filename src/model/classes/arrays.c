/* arrays.c - class 123: entries of long lists, a page at a time and one by one, for who may read or
 * write the list itself. Entries count from 1. A change is the whole list staged again, with the
 * setter's own checks: all of it or nothing. */
#include "model/classes.h"

enum { ENTRY_MAX = 96 }; /* octets of the longest entry of any of the lists */
enum { NUMBER = 1, RETRIEVE, INSERT, UPDATE, REMOVE };

static const struct arrays *arrays_of(const struct cosem_at *at)
{
    return at->row->bind.ext;
}

/* List `id`, with all its rows. */
static enum dar find(void *app, const struct cosem_at *by, uint32_t id, struct cosem_get *g)
{
    static const struct cosem_sel all = { .selector = 0 };
    if (id - 1 >= arrays_of(by)->n) return DAR_UNDEFINED;
    struct cosem_capture c = cosem_capture(&arrays_of(by)->list[id - 1]);
    *g = (struct cosem_get){ .at = *by };
    enum dar dar = cosem_find(&device_model, c.class_id, c.ln, &g->at);
    g->at.id = (uint8_t)c.attr;
    return dar == DAR_OK ? cosem_get_begin(&device_model, app, g, &g->at, &all) : dar;
}

static enum dar get_arrays(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct arrays *a = arrays_of(at);
    (void)app;
    axdr_emit_array(o, a->n);
    for (unsigned i = 0; i < a->n; i++) {
        struct cosem_capture c = cosem_capture(&a->list[i]);
        axdr_emit_struct(o, 2);
        axdr_emit_u8(o, (uint8_t)(i + 1));
        emit_attribute(o, &c);
    }
    return DAR_OK;
}

/* The list without rows [from, to), 0 the first, and with `entry` in their place, written as the
 * client would: the head, then a row a block. Where storage is busy nothing is staged, and it is
 * asked again; that somebody writes a list is a temporary failure. */
static enum dar change(void *app, struct cosem_get *g, struct cosem_set *s, uint32_t from,
                       uint32_t to, const struct axdr_in *entry)
{
    uint8_t block[ENTRY_MAX];
    uint32_t more = (entry != NULL) + from - to, rows = g->rows.end + more;
    const struct store *store = &meter_of(app)->store;
    enum dar dar = DAR_OK;
    if (store_is_busy(store)) return DAR_PENDING;
    for (uint32_t n = 0; n <= rows && dar == DAR_OK; n++) {
        struct axdr_out o = axdr_out(block, sizeof block);
        uint32_t i = n - 1;
        if (n == 0)
            axdr_emit_array(&o, rows);
        else if (entry && i == from)
            axdr_emit(&o, entry->p, entry->n);
        else
            dar = g->seq->row(app, &g->at, i < from ? i : i - more, &g->rows, &o);
        if (dar == DAR_OK) dar = cosem_set_block(app, s, block, o.len, n == rows);
    }
    cosem_set_abort(app, s);
    return dar == DAR_TEMPORARY && store_is_busy(store) ? DAR_PENDING : dar;
}

/* {id, {from, to}}, {id, {index, entry}}, or id alone. */
struct ask {
    uint16_t from, to;
    uint8_t id;
};
static const struct axdr_field ask_field[] = {
    AXDR_NESTED(2),
    AXDR_FIELD(U8, struct ask, id),
    AXDR_NESTED(2),
    AXDR_FIELD(U16, struct ask, from),
    AXDR_FIELD(U16, struct ask, to),
};

/* An entry goes in behind the one of that index: 0 before the first, beyond the last behind it. To
 * beyond the last is to the last. */
static enum dar call(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret)
{
    struct ask k;
    struct cosem_get g;
    struct cosem_set s;
    unsigned what = at->id, number = what == NUMBER;
    bool has_entry = what == INSERT || what == UPDATE;
    (void)axdr_read_fields(arg, ask_field + number, number ? 1 : has_entry ? 4 : 5, &k);
    struct axdr_in after = *arg;
    if (has_entry) (void)axdr_read_value(&after);
    if (!axdr_is_done(&after)) return DAR_TYPE;
    enum dar dar = find(app, at, k.id, &g);
    if (dar == DAR_OK && what > RETRIEVE)
        dar = cosem_set_begin(&device_model, app, &s, &g.at, NULL, 0);
    if (dar != DAR_OK) return dar;
    if (number) return axdr_emit_u16(&ret->out, (uint16_t)g.rows.end);
    uint32_t to = has_entry ? k.from : k.to, from = k.from - 1u;
    if (to > g.rows.end) to = g.rows.end;
    if (what == INSERT) from = to;
    if (what != INSERT && from >= to) return DAR_OTHER;
    if (what != RETRIEVE) return change(app, &g, &s, from, to, has_entry ? arg : NULL);
    ret->span.next = from;
    ret->span.end = to;
    ret->span.work[0] = k.id;
    return DAR_OK;
}

static enum dar entry_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                          struct axdr_out *o)
{
    struct cosem_get g;
    enum dar dar = find(app, at, s->work[0], &g);
    return dar != DAR_OK ? dar : g.seq->row(app, &g.at, i, &g.rows, o);
}

static const struct cosem_seq entries = { .row = entry_row };
const struct cosem_attr arrays_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_arrays },
};
const struct cosem_method arrays_method[] = {
    [COSEM_METHOD(NUMBER)] = { .call = call },
    [COSEM_METHOD(RETRIEVE)] = { .call = call, .ret = &entries },
    [COSEM_METHOD(INSERT)] = { .call = call },
    [COSEM_METHOD(UPDATE)] = { .call = call },
    [COSEM_METHOD(REMOVE)] = { .call = call },
};
