/* calendar.c - classes 20, 11 and 6: the tariff calendar, its special days, and which registers
 * each tariff counts in. Lists come and go row by row; the meter keeps and checks them. */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

static const struct calendar_view *view_of(const struct cosem_at *at)
{
    return at->row->bind.ext;
}

static enum calendar calendar_of(const struct cosem_at *at)
{
    return (enum calendar)view_of(at)->calendar;
}

/* Attributes 2 to 5 are the active side, 6 to 9 the passive one, in the same order. */
enum { NAME, SEASONS, WEEKS, DAYS, FIRST = 2, PARTS = 4 };

static enum side side_of(const struct cosem_at *at)
{
    return at->id < FIRST + PARTS ? SIDE_ACTIVE : SIDE_PASSIVE;
}

static unsigned part_of(const struct cosem_at *at)
{
    return (unsigned)(at->id - FIRST) % PARTS;
}

static enum dar emit_calendar_name(struct meter *m, enum calendar c, enum side s,
                                   struct axdr_out *o)
{
    uint8_t name[CALENDAR_NAME_MAX];
    int n = calendar_name(m, c, s, name);
    if (n < 0) return n;
    return axdr_emit_octets(o, name, (size_t)n);
}

static enum dar get_name(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_calendar_name(meter_of(app), calendar_of(at), side_of(at), o);
}

static enum dar set_name(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    size_t n = 0;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    if (in->bad) return DAR_TYPE;
    if (n > CALENDAR_NAME_MAX) return DAR_OTHER;
    return calendar_set_name(meter_of(app), at->who, calendar_of(at), p, (unsigned)n);
}

/* -- rows, the same table both ways -------------------------------------------------------- */

static const struct axdr_field season_field[] = {
    AXDR_NESTED(3),
    AXDR_FIELD(STRING, struct season, name),
    AXDR_FIELD(DATETIME, struct season, start),
    AXDR_FIELD(STRING, struct season, week),
};
static const struct axdr_field week_field[] = {
    AXDR_NESTED(8),
    AXDR_FIELD(STRING, struct week, name),
    AXDR_FIELD(U8, struct week, day[0]),
    AXDR_FIELD(U8, struct week, day[1]),
    AXDR_FIELD(U8, struct week, day[2]),
    AXDR_FIELD(U8, struct week, day[3]),
    AXDR_FIELD(U8, struct week, day[4]),
    AXDR_FIELD(U8, struct week, day[5]),
    AXDR_FIELD(U8, struct week, day[6]),
};
static const struct axdr_field special_field[] = {
    AXDR_NESTED(3),
    AXDR_FIELD(U16, struct special_day, index),
    AXDR_FIELD(DATE, struct special_day, date),
    AXDR_FIELD(U8, struct special_day, day),
};

static int emit_season(struct meter *m, const struct cosem_at *at, unsigned i,
                       struct axdr_out *o)
{
    struct season x;
    int err = calendar_season(m, calendar_of(at), side_of(at), i, &x);
    return err < 0 ? err : axdr_emit_fields(o, season_field, COUNT(season_field), &x);
}

static int emit_week(struct meter *m, const struct cosem_at *at, unsigned i, struct axdr_out *o)
{
    struct week x;
    int err = calendar_week(m, calendar_of(at), side_of(at), i, &x);
    return err < 0 ? err : axdr_emit_fields(o, week_field, COUNT(week_field), &x);
}

static int emit_day(struct meter *m, const struct cosem_at *at, unsigned i, struct axdr_out *o)
{
    struct day x;
    int err = calendar_day(m, calendar_of(at), side_of(at), i, &x);
    if (err < 0) return err;
    axdr_emit_struct(o, 2);
    axdr_emit_u8(o, x.id);
    axdr_emit_array(o, x.n);
    for (unsigned s = 0; s < x.n; s++) {
        axdr_emit_struct(o, 3);
        axdr_emit_octets(o, x.at[s].start, 4);
        axdr_emit_octets(o, &view_of(at)->script, 6);
        axdr_emit_u16(o, x.at[s].script);
    }
    return 0;
}

static int emit_special(struct meter *m, const struct cosem_at *at, unsigned i,
                        struct axdr_out *o)
{
    struct special_day x;
    int err = special_day(m, calendar_of(at), i, &x);
    return err < 0 ? err : axdr_emit_fields(o, special_field, COUNT(special_field), &x);
}

/* E_TYPE for another shape, E_RANGE, or what the meter says of the row. */
static int take_season(struct meter *m, const struct cosem_at *at, struct axdr_in *in)
{
    struct season x = { .name = { .n = 0 } };
    int err = axdr_read_fields(in, season_field, COUNT(season_field), &x);
    return err ? err : calendar_put_season(m, at->who, &x);
}

static int take_week(struct meter *m, const struct cosem_at *at, struct axdr_in *in)
{
    struct week x = { .name = { .n = 0 } };
    int err = axdr_read_fields(in, week_field, COUNT(week_field), &x);
    return err ? err : calendar_put_week(m, at->who, &x);
}

/* A switch calls the calendar's own script table: another one would do nothing. */
static bool read_switch(struct axdr_in *in, const struct cosem_at *at, struct day_switch *x)
{
    struct obis script;
    axdr_read_struct(in, 3);
    axdr_read_time(in, x->start);
    axdr_read_octets(in, &script, 6);
    uint16_t selector = axdr_read_u16(in);
    x->script = (uint8_t)selector;
    return selector <= UINT8_MAX && !memcmp(&script, &view_of(at)->script, 6);
}

static int take_day(struct meter *m, const struct cosem_at *at, struct axdr_in *in)
{
    struct day x = { .id = 0 };
    bool good = true;
    axdr_read_struct(in, 2);
    x.id = axdr_read_u8(in);
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (n > SWITCHES_MAX) return E_RANGE;
    x.n = (uint8_t)n;
    for (uint32_t i = 0; i < n; i++) good &= read_switch(in, at, &x.at[i]);
    if (in->bad) return E_TYPE;
    return good ? calendar_put_day(m, at->who, &x) : E_RANGE;
}

static int read_special(struct axdr_in *in, struct special_day *x)
{
    return axdr_read_fields(in, special_field, COUNT(special_field), x);
}

static int take_special(struct meter *m, const struct cosem_at *at, struct axdr_in *in)
{
    struct special_day x;
    int err = read_special(in, &x);
    return err ? err : calendar_put_special(m, at->who, &x);
}

/* -- lists --------------------------------------------------------------------------------- */
static int count_seasons(struct meter *m, const struct cosem_at *at)
{
    return calendar_seasons(m, calendar_of(at), side_of(at));
}

static int count_weeks(struct meter *m, const struct cosem_at *at)
{
    return calendar_weeks(m, calendar_of(at), side_of(at));
}

static int count_days(struct meter *m, const struct cosem_at *at)
{
    return calendar_days(m, calendar_of(at), side_of(at));
}

static int count_special(struct meter *m, const struct cosem_at *at)
{
    return special_days(m, calendar_of(at));
}

/* The lists of class 20 by part; the list of class 11 stands in NAME's place. */
static const struct {
    enum calendar_list list;
    int (*count)(struct meter *m, const struct cosem_at *at);
    int (*emit)(struct meter *m, const struct cosem_at *at, unsigned i, struct axdr_out *o);
    int (*take)(struct meter *m, const struct cosem_at *at, struct axdr_in *in);
} lists[] = {
    { LIST_SPECIAL, count_special, emit_special, take_special },
    [SEASONS] = { LIST_SEASONS, count_seasons, emit_season, take_season },
    [WEEKS] = { LIST_WEEKS, count_weeks, emit_week, take_week },
    [DAYS] = { LIST_DAYS, count_days, emit_day, take_day },
};

static enum dar list_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                          struct span *s)
{
    (void)sel;
    int n = lists[part_of(at)].count(meter_of(app), at);
    if (n < 0) return n;
    s->end = (uint32_t)n;
    return DAR_OK;
}

static enum dar list_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    (void)s;
    int err = lists[part_of(at)].emit(meter_of(app), at, i, o);
    return err == E_NONE ? DAR_BLOCK : err;
}

static enum dar list_begin(void *app, const struct cosem_at *at, uint32_t rows)
{
    return calendar_begin(meter_of(app), at->who, calendar_of(at), lists[part_of(at)].list,
                          rows);
}

static enum dar list_put(void *app, const struct cosem_at *at, uint32_t i, struct axdr_in *in)
{
    (void)i;
    return lists[part_of(at)].take(meter_of(app), at, in);
}

static enum dar list_commit(void *app, const struct cosem_at *at)
{
    return calendar_commit(meter_of(app), at->who);
}

static void list_abort(void *app, const struct cosem_at *at)
{
    calendar_abort(meter_of(app), at->who);
}

static const struct cosem_seq active_seq = { .open = list_open, .row = list_row };
static const struct cosem_seq passive_seq = { .open = list_open,
                                              .row = list_row,
                                              .begin = list_begin,
                                              .put_row = list_put,
                                              .commit = list_commit,
                                              .abort = list_abort };

/* -- activation ---------------------------------------------------------------------------- */
static enum dar get_time(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t dt[12];
    int n = calendar_time(meter_of(app), calendar_of(at), dt);
    if (n < 0) return n;
    if (n != (int)sizeof dt) return emit_moment(meter_of(app), o, (utc_t){ 0 });
    return axdr_emit_octets(o, dt, sizeof dt);
}

static enum dar set_time(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t dt[12];
    axdr_read_datetime(in, dt);
    if (in->bad) return DAR_TYPE;
    return calendar_set_time(meter_of(app), at->who, calendar_of(at), dt);
}

/* A passive side that does not hold together is refused as data, not as a type. */
static enum dar call_activate(void *app, const struct cosem_at *at, struct axdr_in *arg,
                              struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    int err = calendar_activate(meter_of(app), at->who, calendar_of(at));
    return err == E_FORMAT ? DAR_OTHER : err;
}

const struct cosem_attr calendar_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_name },
    [COSEM_ATTR(3)] = { .seq = &active_seq },
    [COSEM_ATTR(4)] = { .seq = &active_seq },
    [COSEM_ATTR(5)] = { .seq = &active_seq },
    [COSEM_ATTR(6)] = { .get = get_name, .set = set_name },
    [COSEM_ATTR(7)] = { .seq = &passive_seq },
    [COSEM_ATTR(8)] = { .seq = &passive_seq },
    [COSEM_ATTR(9)] = { .seq = &passive_seq },
    [COSEM_ATTR(10)] = { .get = get_time, .set = set_time },
};
const struct cosem_method calendar_method[] = { [COSEM_METHOD(1)] = { .call = call_activate,
                                                                      .ret = &cosem_order } };

/* -- class 11 ------------------------------------------------------------------------------ */
static enum dar call_insert(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    struct special_day x;
    (void)ret;
    int err = read_special(arg, &x);
    return err ? err : special_day_insert(meter_of(app), at->who, calendar_of(at), &x);
}

static enum dar call_delete(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    uint16_t index = axdr_read_u16(arg);
    (void)ret;
    if (arg->bad) return DAR_TYPE;
    int err = special_day_delete(meter_of(app), at->who, calendar_of(at), index);
    return err == E_NONE ? DAR_OTHER : err;
}

const struct cosem_attr special_days_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &passive_seq },
};
const struct cosem_method special_method[] = {
    [COSEM_METHOD(1)] = { .call = call_insert },
    [COSEM_METHOD(2)] = { .call = call_delete },
};

/* -- the calendar's name as plain data: row bind.id is the side ---------------------------- */
static enum dar get_side_name(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_calendar_name(meter_of(app), CALENDAR_TARIFF, (enum side)at->row->bind.id, o);
}

const struct cosem_attr calendar_name_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_side_name },
};

/* -- class 6: tariff t counts in member t of every family ---------------------------------- */
static const struct activation *activation_of(const struct cosem_at *at)
{
    return at->row->bind.ext;
}

static enum dar assignment_open(void *app, const struct cosem_at *at,
                                const struct cosem_sel *sel, struct span *s)
{
    (void)app, (void)sel;
    s->end = TARIFFS * (uint32_t)activation_of(at)->n;
    return DAR_OK;
}

static enum dar assignment_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                               struct axdr_out *o)
{
    const struct activation *x = activation_of(at);
    uint8_t ln[6] = { 1, 0, x->c[i % x->n], x->d, (uint8_t)(i / x->n + 1), 255 };
    (void)app, (void)s;
    axdr_emit_struct(o, 2);
    axdr_emit_u16(o, x->class_id);
    return axdr_emit_octets(o, ln, sizeof ln);
}

static void emit_mask_name(struct axdr_out *o, unsigned tariff)
{
    axdr_emit_octets(o, &(uint8_t){ (uint8_t)('0' + tariff) }, 1);
}

static enum dar masks_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                           struct span *s)
{
    (void)app, (void)at, (void)sel;
    s->end = TARIFFS;
    return DAR_OK;
}

static enum dar masks_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                          struct axdr_out *o)
{
    const struct activation *x = activation_of(at);
    (void)app, (void)s;
    axdr_emit_struct(o, 2);
    emit_mask_name(o, i + 1);
    axdr_emit_array(o, x->n);
    for (unsigned k = 1; k <= x->n; k++) axdr_emit_u8(o, (uint8_t)(i * x->n + k));
    return DAR_OK;
}

static enum dar get_mask(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    emit_mask_name(o, (unsigned)reg_at(&meter_of(app)->now, activation_of(at)->reg));
    return DAR_OK;
}

/* The same order as the script that writes this name: both activations follow. */
static enum dar set_mask(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    size_t n = 0;
    const uint8_t *name = axdr_read_string(in, AXDR_OCTETS, &n);
    if (in->bad) return DAR_TYPE;
    if (n != 1) return DAR_OTHER;
    return model_order(meter_of(app), at->who, CMD_TARIFF, name[0] - '0');
}

static const struct cosem_seq assignment_seq = { .open = assignment_open,
                                                 .row = assignment_row };
static const struct cosem_seq masks_seq = { .open = masks_open, .row = masks_row };
const struct cosem_attr activation_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &assignment_seq },
    [COSEM_ATTR(3)] = { .seq = &masks_seq },
    [COSEM_ATTR(4)] = { .get = get_mask, .set = set_mask },
};
