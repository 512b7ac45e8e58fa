/* timetable.c - class 10: orders by date. A script is looked up when an entry is written: what
 * the meter keeps is the order it stands for. */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

static enum dar entries_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                             struct span *s)
{
    (void)at, (void)sel;
    int n = schedule_entries(meter_of(app));
    if (n < 0) return n;
    s->end = (uint32_t)n;
    return DAR_OK;
}

/* What is before the special days, of which there may be any number, and what is behind. */
static const struct axdr_field before[] = {
    AXDR_NESTED(10),
    AXDR_FIELD(U16, struct schedule_entry, index),
    AXDR_FIELD(BOOL, struct schedule_entry, enabled),
    AXDR_FIELD(OCTETS, struct schedule_entry, script),
    AXDR_FIELD(U16, struct schedule_entry, selector),
    AXDR_FIELD(TIME, struct schedule_entry, time),
    AXDR_FIELD(U16, struct schedule_entry, window_min),
    AXDR_BIT_FIELD(7, struct schedule_entry, weekdays),
};
static const struct axdr_field behind[] = {
    AXDR_FIELD(DATE, struct schedule_entry, begin),
    AXDR_FIELD(DATE, struct schedule_entry, end),
};

static enum dar entries_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                            struct axdr_out *o)
{
    struct schedule_entry x;
    (void)at, (void)s;
    int err = schedule_entry(meter_of(app), i, &x);
    if (err < 0) return err == E_NONE ? DAR_BLOCK : err;
    axdr_emit_fields(o, before, COUNT(before), &x);
    axdr_emit_bits(o, x.special, x.special_n);
    return axdr_emit_fields(o, behind, COUNT(behind), &x);
}

static bool read_special(struct axdr_in *in, struct schedule_entry *x)
{
    uint32_t bits = axdr_read_head(in, AXDR_BITS), octets = (bits + 7) / 8;
    const uint8_t *p = axdr_read_view(in, octets);
    if (!p || bits > SCHEDULE_SPECIAL_MAX) return false;
    x->special_n = (uint8_t)bits;
    memcpy(x->special, p, octets);
    if (bits % 8) x->special[octets - 1] &= (uint8_t)(0xFF00 >> bits % 8);
    return true;
}

/* Writing an order for later takes the right to give it now; tariffs go with the calendar's,
 * which is as good. */
static bool may_order(const struct cosem_at *at)
{
    struct obis ln = cosem_ln(at), tariffs = { 0, 0, 10, 0, 100, 255 };
    return !memcmp(&ln, &tariffs, sizeof ln) || cosem_may_call(&device_model, at);
}

/* The order behind a script. */
static bool find_script(struct meter *m, const struct cosem_at *by, struct schedule_entry *x)
{
    struct cosem_at at = { .who = by->who, .id = 1 };
    struct obis ln;
    memcpy(&ln, x->script, sizeof ln);
    if (cosem_find(&device_model, 9, ln, &at) != DAR_OK) return false;
    if (!may_order(&at)) return false;
    const struct script *s = model_script(m, at.row->bind.ext, x->selector);
    if (!s) return false;
    x->command = (uint8_t)s->command;
    x->arg = s->arg;
    return true;
}

static enum dar entries_put(void *app, const struct cosem_at *at, uint32_t i,
                            struct axdr_in *in)
{
    struct schedule_entry x = { .index = 0 };
    (void)i;
    (void)axdr_read_fields(in, before, COUNT(before), &x);
    bool good = read_special(in, &x);
    (void)axdr_read_fields(in, behind, COUNT(behind), &x);
    if (in->bad) return DAR_TYPE;
    if (!good || !find_script(meter_of(app), at, &x)) return DAR_OTHER;
    return schedule_put(meter_of(app), at->who, &x);
}

static enum dar entries_begin(void *app, const struct cosem_at *at, uint32_t rows)
{
    return schedule_begin(meter_of(app), at->who, rows);
}

static enum dar entries_commit(void *app, const struct cosem_at *at)
{
    return schedule_commit(meter_of(app), at->who);
}

static void entries_abort(void *app, const struct cosem_at *at)
{
    param_stage_abort(meter_of(app), at->who);
}

static const struct cosem_seq entries_seq = { .open = entries_open,
                                              .row = entries_row,
                                              .begin = entries_begin,
                                              .put_row = entries_put,
                                              .commit = entries_commit,
                                              .abort = entries_abort };
const struct cosem_attr timetable_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &entries_seq },
};
