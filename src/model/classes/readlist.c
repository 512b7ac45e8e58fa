/* readlist.c - what the display shows, as class 7: a list of objects, and one row of their
 * values as they stand. Formats of the items are data of their own. */
#include <string.h>

#include "base/err.h"
#include "meter/display/display.h"
#include "model/classes.h"

static enum display_list list_of(const struct cosem_at *at)
{
    return (enum display_list)(at->row->bind.id + at->k);
}

static unsigned items_of(void *app, const struct cosem_at *at,
                         struct display_item item[DISPLAY_ITEMS])
{
    return display_items(meter_of(app), list_of(at), item);
}

/* -- values -------------------------------------------------------------------------------- */

static enum dar one_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                         struct span *s)
{
    (void)app, (void)at;
    if (sel->selector) return DAR_SCOPE;
    s->end = 1;
    return DAR_OK;
}

/* What is no register is told as its segments show it. */
static void emit_shown(struct meter *m, const struct display_item *item, struct axdr_out *o)
{
    struct display_page page = { .item = *item };
    display_show(m, m->t, &page);
    axdr_emit_octets(o, page.cell, sizeof page.cell);
}

static void emit_item(void *app, const struct display_item *item, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    uint8_t dt[12];
    moment_put(m, meter_utc(m), dt);
    if (item->column == DISPLAY_TIME)
        axdr_emit_octets(o, dt + 5, 4);
    else if (item->column == DISPLAY_DATE)
        axdr_emit_octets(o, dt, 5);
    else if (item->column == DISPLAY_TEST)
        axdr_emit_null(o);
    else
        emit_shown(m, item, o);
}

static enum dar values_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                           struct axdr_out *o)
{
    struct display_item item[DISPLAY_ITEMS];
    const struct regs *r = at->frozen ? at->frozen : &meter_of(app)->now;
    unsigned n = items_of(app, at, item);
    (void)s;
    if (i) return DAR_BLOCK;
    axdr_emit_struct(o, n);
    for (unsigned k = 0; k < n; k++) {
        uint16_t column = item[k].column;
        if (column >= REG_COUNT)
            emit_item(app, &item[k], o);
        else if (reg_kind_at(column) == REG_TIME)
            emit_moment(meter_of(app), o, (utc_t){ reg_at(r, column) });
        else
            axdr_emit_int(o, model_reg_tag(column), reg_at(r, column));
    }
    return DAR_OK;
}

static const struct cosem_seq values_seq = { .open = one_open, .row = values_row };

/* -- the list ------------------------------------------------------------------------------ */

static enum dar items_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                           struct span *s)
{
    struct display_item item[DISPLAY_ITEMS];
    if (sel->selector) return DAR_SCOPE;
    s->end = items_of(app, at, item);
    return DAR_OK;
}

static enum dar items_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                          struct axdr_out *o)
{
    struct display_item item[DISPLAY_ITEMS];
    (void)s;
    if (i >= items_of(app, at, item)) return DAR_BLOCK;
    struct cosem_capture c = model_capture_of_item(item[i].column);
    cosem_emit_capture(o, &c);
    return DAR_OK;
}

/* Collected where capture lists of surveys are: one writer at a time. */
static enum dar items_begin(void *app, const struct cosem_at *at, uint32_t rows)
{
    struct column_stage *st = &device_of(app)->columns;
    (void)at;
    if (st->open) return DAR_TEMPORARY;
    if (rows > DISPLAY_ITEMS) return DAR_OTHER;
    *st = (struct column_stage){ .open = true };
    return DAR_OK;
}

static enum dar items_put(void *app, const struct cosem_at *at, uint32_t i, struct axdr_in *in)
{
    struct column_stage *st = &device_of(app)->columns;
    struct cosem_capture c;
    (void)at;
    if (cosem_read_capture(in, &c)) return DAR_TYPE;
    int column = model_item_of(&c);
    if (column < 0 || i >= DISPLAY_ITEMS) return DAR_OTHER;
    st->column[i] = (uint16_t)column;
    st->n = (uint8_t)(i + 1);
    return DAR_OK;
}

/* The label is what the object is called; an object that stood in the list keeps its format. */
static enum dar items_commit(void *app, const struct cosem_at *at)
{
    struct column_stage *st = &device_of(app)->columns;
    struct display_item item[DISPLAY_ITEMS];
    for (unsigned i = 0; i < st->n; i++) {
        item[i] = display_item_of(meter_of(app), list_of(at), st->column[i]);
        struct cosem_capture c = model_capture_of_item(item[i].column);
        if (c.class_id) memcpy(item[i].label, (uint8_t[]){ c.ln.c, c.ln.d, c.ln.e }, 3);
    }
    int err = display_set_items(meter_of(app), at->who, list_of(at), item, st->n);
    if (err != E_BUSY) st->open = false;
    return err;
}

static void items_abort(void *app, const struct cosem_at *at)
{
    (void)at;
    device_of(app)->columns.open = false;
}

static const struct cosem_seq items_seq = { .open = items_open,
                                            .row = items_row,
                                            .begin = items_begin,
                                            .put_row = items_put,
                                            .commit = items_commit,
                                            .abort = items_abort };

static enum dar get_zero(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_u32(o, 0);
}

static enum dar get_one(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_u32(o, 1);
}

static enum dar get_method(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_enum(o, 1);
}

static enum dar get_unsorted(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct cosem_capture none = { .attr = 0 };
    (void)app, (void)at;
    cosem_emit_capture(o, &none);
    return DAR_OK;
}

const struct cosem_attr readlist_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &values_seq },  [COSEM_ATTR(3)] = { .seq = &items_seq },
    [COSEM_ATTR(4)] = { .get = get_zero },     [COSEM_ATTR(5)] = { .get = get_method },
    [COSEM_ATTR(6)] = { .get = get_unsorted }, [COSEM_ATTR(7)] = { .get = get_one },
    [COSEM_ATTR(8)] = { .get = get_one },
};

/* -- formats: of item i, decimals and whether thousands of the unit are shown -------------- */

static const struct axdr_field format_field[] = {
    AXDR_NESTED(2),
    AXDR_FIELD(U8, struct display_item, decimals),
    AXDR_FIELD(BOOL, struct display_item, kilo),
};

static const struct row_shape format_shape = { format_field, COUNT(format_field),
                                               sizeof(struct display_item), DISPLAY_ITEMS };

static enum dar get_formats(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct display_item item[DISPLAY_ITEMS];
    return emit_rows(o, &format_shape, item, items_of(app, at, item));
}

static enum dar set_formats(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct display_item item[DISPLAY_ITEMS];
    unsigned has = items_of(app, at, item);
    int n = read_rows(in, &format_shape, item);
    if (n < 0) return n;
    if ((unsigned)n != has) return DAR_OTHER;
    return display_set_items(meter_of(app), at->who, list_of(at), item, has);
}

const struct cosem_attr formats_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_formats, .set = set_formats },
};
