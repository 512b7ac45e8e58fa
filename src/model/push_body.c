/* push_body.c - what a push says: its list of objects, read as the client it goes to would. */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

enum { ELEMENT_MAX = 160, SELECTION = 512 };

unsigned push_entries(struct device *d, unsigned n)
{
    uint8_t list[PUSH_LIST];
    struct axdr_in in = axdr_in(list, push_list_octets(d, n, list));
    return axdr_read_head(&in, AXDR_ARRAY);
}

/* Entry i of push n; its views lie in list. */
static int find_entry(struct device *d, unsigned n, unsigned i, uint8_t list[PUSH_LIST],
                      struct push_entry *e)
{
    struct axdr_in in = axdr_in(list, push_list_octets(d, n, list));
    axdr_read_head(&in, AXDR_ARRAY);
    while (i--) (void)axdr_read_value(&in);
    return push_read_entry(e, &in);
}

/* -- parts of attributes ------------------------------------------------------------------- */

/* Element `index` (from 1) of the structure or array that the attribute is. */
static void emit_element(void *app, const struct cosem_at *at, uint16_t index,
                         struct axdr_out *o)
{
    uint8_t whole[ELEMENT_MAX];
    struct axdr_out w = axdr_out(whole, sizeof whole);
    const struct cosem_attr *a = cosem_attr(at);
    enum dar dar = a && a->get ? a->get(app, at, &w) : DAR_SCOPE;
    struct axdr_in in = axdr_in(whole, w.len);
    int tag = axdr_peek(&in);
    uint32_t n =
        tag == AXDR_STRUCTURE || tag == AXDR_ARRAY ? axdr_read_head(&in, (uint8_t)tag) : 0;
    for (uint32_t i = 1; i < index && !in.bad; i++) (void)axdr_read_value(&in);
    struct axdr_in element = axdr_read_value(&in);
    if (dar != DAR_OK || w.full || index > n || in.bad)
        axdr_emit_null(o);
    else
        axdr_emit(o, element.p, element.n);
}

/* All attributes that may be read, as one structure; rows have no end and are left out. */
static void emit_all(void *app, struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_struct(o, cosem_attrs(at->cls));
    for (at->id = 1; at->id <= cosem_attrs(at->cls); at->id++) {
        const struct cosem_attr *a = cosem_attr(at);
        bool may = cosem_rights(&device_model, at) & CAN_READ;
        if (!may || !a->get || a->get(app, at, o) != DAR_OK) axdr_emit_null(o);
    }
}

/* -- selections ---------------------------------------------------------------------------- */

static void put_range(const struct push_entry *e, struct axdr_out *o)
{
    static const struct cosem_capture clock = { 8, { 0, 0, 1, 0, 0, 255 }, 2, 0 };
    static const uint8_t open[12] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 128, 0, 255
    };
    bool dated = e->bound == PUSH_BY_DATE;
    axdr_emit_struct(o, 4);
    cosem_emit_capture(o, &clock);
    axdr_emit_octets(o, dated ? e->from : open, 12);
    axdr_emit_octets(o, dated ? e->to : open, 12);
    axdr_emit_array(o, e->n_columns);
    if (e->n_columns) axdr_emit(o, e->columns.p, e->columns.n);
}

static void put_rows(const struct push_entry *e, struct axdr_out *o)
{
    axdr_emit_struct(o, 4);
    axdr_emit_u32(o, e->first);
    axdr_emit_u32(o, e->last);
    axdr_emit_u16(o, 1);
    axdr_emit_u16(o, 0);
}

static struct cosem_sel select_rows(const struct push_entry *e, uint8_t octets[SELECTION])
{
    struct axdr_out o = axdr_out(octets, SELECTION);
    struct cosem_sel sel = { .selector = e->bound == PUSH_BY_ENTRY ? 2 : 1 };
    if (e->bound == PUSH_ALL && !e->n_columns) return (struct cosem_sel){ 0 };
    if (sel.selector == 2)
        put_rows(e, &o);
    else
        put_range(e, &o);
    sel.arg = axdr_in(octets, o.full ? 0 : o.len);
    return sel;
}

/* -- one entry ----------------------------------------------------------------------------- */

/* Begin to read it; what is short comes out at once. DAR_OK with g->at.row: read on. */
static enum dar begin(struct device *d, const struct push_entry *e, const void *frozen,
                      struct cosem_get *g, struct axdr_out *o)
{
    static const struct who reader[ROLES] = {
        [ROLE_PUBLIC] = { .assoc = ROLE_PUBLIC },
        [ROLE_READER] = { .assoc = ROLE_READER },
        [ROLE_OPERATOR] = { .assoc = ROLE_OPERATOR },
        [ROLE_SUPERVISOR] = { .assoc = ROLE_SUPERVISOR },
        [ROLE_MANAGEMENT] = { .assoc = ROLE_MANAGEMENT },
        [ROLE_UTILITY] = { .assoc = ROLE_UTILITY },
    };
    uint8_t octets[SELECTION];
    bool name = e->what.class_id == 40 && e->what.attr == 1; /* anybody may know */
    struct cosem_at at = { .who = &reader[name ? (unsigned)ROLE_MANAGEMENT : d->push.role],
                           .id = (uint8_t)e->what.attr,
                           .frozen = frozen,
                           .prot = PROT_REQ };
    struct cosem_sel sel = select_rows(e, octets);
    enum dar dar = cosem_find(&device_model, e->what.class_id, e->what.ln, &at);
    if (dar == DAR_OK) dar = model_gate(d, &at);
    if (dar == DAR_OK && e->what.attr == 0) {
        emit_all(d, &at, o);
        return DAR_OK;
    }
    if (dar == DAR_OK) dar = cosem_get_begin(&device_model, d, g, &at, &sel);
    bool whole = e->what.index == 0;
    if (dar != DAR_OK || !whole) g->at.row = NULL; /* pending: begun again, where it was */
    if (dar == DAR_OK && !whole) emit_element(d, &at, e->what.index, o);
    if (dar != DAR_OK && dar != DAR_PENDING) axdr_emit_null(o);
    return dar == DAR_PENDING ? dar : DAR_OK;
}

/* Entry i of push n; one that cannot be read is null-data. */
static enum dar entry_part(struct device *d, unsigned n, unsigned i, const void *frozen,
                           struct cosem_get *g, struct axdr_out *o)
{
    uint8_t list[PUSH_LIST];
    struct push_entry e;
    enum dar dar = DAR_OK;
    if (!g->at.row) {
        if (find_entry(d, n, i, list, &e) < 0)
            axdr_emit_null(o);
        else
            dar = begin(d, &e, frozen, g, o);
        if (dar != DAR_OK || !g->at.row) return dar;
    }
    (void)cosem_get_block(d, g, o, &dar);
    return dar;
}

static unsigned push_of(const void *ctx)
{
    return *(const uint8_t *)ctx;
}

enum dar push_part(void *app, const void *ctx, uint16_t i, const void *frozen,
                   struct cosem_get *g, struct axdr_out *o)
{
    if (i > 0) return entry_part(device_of(app), push_of(ctx), i - 1u, frozen, g, o);
    axdr_emit_struct(o, push_entries(device_of(app), push_of(ctx)));
    return DAR_OK;
}

/* The descriptor of the first entry, and its value. */
enum dar push_event_part(void *app, const void *ctx, uint16_t i, const void *frozen,
                         struct cosem_get *g, struct axdr_out *o)
{
    uint8_t list[PUSH_LIST];
    struct push_entry e;
    if (i > 0) return entry_part(device_of(app), push_of(ctx), 0, frozen, g, o);
    if (find_entry(device_of(app), push_of(ctx), 0, list, &e) < 0) return DAR_UNDEFINED;
    axdr_emit_raw(o, e.what.class_id, 2);
    axdr_emit(o, &e.what.ln, sizeof e.what.ln);
    axdr_emit_raw(o, (uint8_t)e.what.attr, 1);
    return DAR_OK;
}
