#include "tools/client/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/client/value.h"

enum {
    ATTR_BUFFER = 2,
    ATTR_COLUMNS = 3,
    ATTR_PERIOD = 4,
    ATTR_ENTRIES = 7,
    COLUMNS_MAX = 2048
};

/* -- what there is ---------------------------------------------------------------------- */

static int parse_columns(struct profile *p, struct axdr_in in, struct trouble *t)
{
    size_t n = axdr_read_head(&in, AXDR_ARRAY);
    if (n > COLUMNS_MAX) return trouble(t, E_FORMAT, "a profile of %zu columns", n);
    p->column = must_alloc((n + 1) * sizeof *p->column);
    for (; p->columns < n; p->columns++) {
        struct profile_column *c = &p->column[p->columns];
        uint8_t ln[6];
        axdr_read_struct(&in, 4);
        c->target.class_id = axdr_read_u16(&in);
        axdr_read_octets(&in, ln, sizeof ln);
        c->target.ln = (struct obis){ ln[0], ln[1], ln[2], ln[3], ln[4], ln[5] };
        c->target.attr = (int8_t)axdr_read_number(&in, NULL);
        c->index = axdr_read_u16(&in);
        c->unit = 255;
        c->is_clock = c->target.class_id == 8 && c->target.attr == 2;
        c->at = p->sent++;
    }
    return axdr_is_done(&in) ? 0
                             : trouble(t, E_FORMAT, "the columns of this profile are broken");
}

/* Where the scaler and unit of this attribute stand; 0: nowhere. */
static int8_t scaler_attr(const struct target *o)
{
    if ((o->class_id == 3 || o->class_id == 4) && o->attr == 2) return 3;
    if (o->class_id == 5 && (o->attr == 2 || o->attr == 3)) return 4;
    return 0;
}

/* Units are a comfort: columns whose scaler may not be read stay bare. */
static int read_units(struct profile *p, struct session *s, struct trouble *t)
{
    struct item *items = must_alloc((p->columns + 1) * sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < p->columns; i++) {
        if (!scaler_attr(&p->column[i].target)) continue;
        items[n].target = p->column[i].target;
        items[n++].target.attr = scaler_attr(&p->column[i].target);
    }
    int e = n ? session_get_list(s, items, n, t) : 0;
    for (size_t i = 0, k = 0; i < p->columns && e == 0; i++) {
        if (!scaler_attr(&p->column[i].target)) continue;
        struct item *it = &items[k++];
        struct profile_column *c = &p->column[i];
        if (it->result || value_scaler_unit(buf_in(&it->data), &c->scaler, &c->unit) < 0)
            c->scaler = 0, c->unit = 255;
    }
    for (size_t i = 0; i < n; i++) buf_free(&items[i].data);
    free(items);
    return e;
}

static uint32_t small_number(const struct item *it)
{
    int64_t v = 0;
    return it->result == 0 && value_number(buf_in(&it->data), &v) && v >= 0 && v <= UINT32_MAX
               ? (uint32_t)v
               : 0;
}

int profile_open(struct profile *p, struct session *s, const struct target *o,
                 struct trouble *t)
{
    struct item items[3] = { { .target = *o }, { .target = *o }, { .target = *o } };
    items[0].target.attr = ATTR_COLUMNS;
    items[1].target.attr = ATTR_PERIOD;
    items[2].target.attr = ATTR_ENTRIES;
    *p = (struct profile){ .target = *o };
    p->target.attr = ATTR_BUFFER;
    int e = session_get_list(s, items, 3, t);
    if (e == 0) e = items[0].result;
    if (e == 0) e = parse_columns(p, buf_in(&items[0].data), t);
    if (e == 0) p->capture_period_s = small_number(&items[1]);
    if (e == 0) p->entries = small_number(&items[2]);
    if (e == 0) e = read_units(p, s, t);
    for (int i = 0; i < 3; i++) buf_free(&items[i].data);
    if (e) profile_free(p);
    return e;
}

void profile_free(struct profile *p)
{
    free(p->column);
    buf_free(&p->buffer);
    *p = (struct profile){ 0 };
}

/* Entries: all columns from the first wanted one to the last. */
static void select_span(struct profile *p, struct selection *sel, size_t first, size_t last)
{
    if (sel->selector == 0) selection_entry(sel, 1, 0, 1, 0);
    be_put16(sel->arg.p + 13, (uint16_t)(first + 1));
    be_put16(sel->arg.p + 16, (uint16_t)(last + 1));
    p->sent = last - first + 1;
}

/* A range ends with an empty array of columns, which is replaced. */
static void select_named(struct profile *p, struct selection *sel, const size_t *columns,
                         size_t n)
{
    sel->arg.n -= 2;
    buf_put_head(&sel->arg, AXDR_ARRAY, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct profile_column *c = &p->column[columns[i]];
        struct axdr_out o = buf_room(&sel->arg, 32);
        axdr_emit_head(&o, AXDR_STRUCTURE, 4);
        axdr_emit_u16(&o, c->target.class_id);
        axdr_emit_octets(&o, &c->target.ln, 6);
        axdr_emit_i8(&o, c->target.attr);
        axdr_emit_u16(&o, c->index);
        buf_took(&sel->arg, &o);
    }
    p->sent = n;
}

void profile_select(struct profile *p, struct selection *sel, const size_t *columns, size_t n)
{
    bool named = sel->selector == 1;
    if (named)
        select_named(p, sel, columns, n);
    else
        select_span(p, sel, columns[0], columns[n - 1]);
    for (size_t i = 0; i < n; i++) {
        p->column[i] = p->column[columns[i]];
        p->column[i].at = named ? i : columns[i] - columns[0];
    }
    p->columns = n;
}

int profile_fetch(struct profile *p, struct session *s, const struct selection *sel,
                  struct trouble *t)
{
    struct buf data = { 0 };
    int e = session_get(s, &p->target, sel, &data, t);
    buf_clear(&p->buffer);
    if (e == 0 && value_expand(&p->buffer, buf_in(&data)) < 0)
        e = trouble(t, E_FORMAT, "a broken compact array");
    buf_free(&data);
    return e;
}

/* -- rows ------------------------------------------------------------------------------- */

void profile_rows(struct profile_row *r, const struct profile *p)
{
    *r = (struct profile_row){ .in = buf_in(&p->buffer), .p = p };
    r->sent = must_alloc((p->sent + 1) * sizeof *r->sent);
    r->value = must_alloc((p->columns + 1) * sizeof(struct buf *));
    for (size_t i = 0; i < p->columns; i++) r->value[i] = &r->sent[p->column[i].at];
    r->left = axdr_read_head(&r->in, AXDR_ARRAY);
}

void profile_rows_free(struct profile_row *r)
{
    for (size_t i = 0; i < r->p->sent; i++) buf_free(&r->sent[i]);
    free(r->sent);
    free(r->value);
    r->sent = NULL;
    r->value = NULL;
}

static void keep(struct buf *value, struct axdr_in in)
{
    buf_clear(value);
    buf_put(value, in.p, in.n);
}

/* The next time of the grid, in the zone of the one above. */
static void step_clock(struct buf *value, uint32_t period_s)
{
    utc_t t;
    struct axdr_in in = buf_in(value);
    const uint8_t *above = value_as_time(in);
    if (!above || !value_utc(above, &t)) return;
    int16_t deviation_min = (int16_t)be_get16(above + 9);
    uint8_t *dt = value->p + (above - value->p), status = above[11];
    value_put_utc(dt, (utc_t){ t.s + period_s - deviation_min * 60 });
    be_put16(dt + 9, (uint16_t)deviation_min);
    dt[11] = status;
}

/* The sum keeps the type of the value above, and wraps in it. */
static int add_delta(struct buf *value, struct axdr_in delta)
{
    struct axdr_in above = buf_in(value);
    int tag = axdr_peek(&above), delta_tag = axdr_peek(&delta);
    if (tag < 0 || axdr_width((uint8_t)tag) <= 0 || tag > AXDR_U64) return E_FORMAT;
    int64_t v = axdr_read_int(&above, (uint8_t)tag),
            d = axdr_read_int(&delta, (uint8_t)delta_tag);
    if (above.bad || delta.bad) return E_FORMAT;
    struct axdr_out o = axdr_out(value->p, value->n);
    axdr_emit_int(&o, (uint8_t)tag, (int64_t)((uint64_t)v + (uint64_t)d));
    return 0;
}

static bool is_clock(const struct profile *p, size_t at)
{
    for (size_t i = 0; i < p->columns; i++)
        if (p->column[i].at == at) return p->column[i].is_clock;
    return false;
}

static int take_field(struct profile_row *r, size_t i)
{
    struct axdr_in one = axdr_read_value(&r->in);
    int tag = axdr_peek(&one);
    if (one.bad) return E_FORMAT;
    if (i >= r->p->sent) return 0; /* more than it said: not ours to show */
    if (tag >= AXDR_DELTA_I8 && tag <= AXDR_DELTA_U32) return add_delta(&r->sent[i], one);
    if (tag != AXDR_NULL || r->sent[i].n == 0) return keep(&r->sent[i], one), 0;
    if (r->number > 1 && is_clock(r->p, i)) step_clock(&r->sent[i], r->p->capture_period_s);
    return 0;
}

/* Shorter rows leave the rest as it was. */
int profile_next(struct profile_row *r)
{
    if (r->left == 0) return axdr_is_done(&r->in) ? 0 : E_FORMAT;
    r->left--;
    r->number++;
    uint32_t n = axdr_read_head(&r->in, AXDR_STRUCTURE);
    for (uint32_t i = 0; i < n; i++) {
        int e = take_field(r, i);
        if (e < 0) return e;
    }
    return r->in.bad ? E_FORMAT : 1;
}
