#include "meter/tou/schedule.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/clock/when.h"
#include "meter/meter.h"

/* A row: {index 2, enabled 1, script 6, selector 2, command 1, argument 1, time 4, window 2,
 * weekdays 1, special days 1 + 8, begin 5, end 5, 0} */
enum { ROW = 40, BUSY_S = 60, MAKE_UP_S = 31 * CAL_DAY_S, LAST_INDEX = INT32_MAX };

static void row_put(const struct schedule_entry *x, uint8_t o[ROW])
{
    memset(o, 0, ROW);
    le_put16(o, x->index);
    o[2] = x->enabled;
    memcpy(o + 3, x->script, 6);
    le_put16(o + 9, x->selector);
    o[11] = x->command;
    o[12] = (uint8_t)x->arg;
    memcpy(o + 13, x->time, 4);
    le_put16(o + 17, x->window_min);
    o[19] = x->weekdays;
    o[20] = x->special_n;
    memcpy(o + 21, x->special, 8);
    memcpy(o + 29, x->begin, 5);
    memcpy(o + 34, x->end, 5);
}

static void row_get(const uint8_t o[ROW], struct schedule_entry *x)
{
    x->index = le_get16(o);
    x->enabled = o[2] != 0;
    memcpy(x->script, o + 3, 6);
    x->selector = le_get16(o + 9);
    x->command = o[11];
    x->arg = (int8_t)o[12];
    memcpy(x->time, o + 13, 4);
    x->window_min = le_get16(o + 17);
    x->weekdays = o[19];
    x->special_n = o[20] <= SCHEDULE_SPECIAL_MAX ? o[20] : SCHEDULE_SPECIAL_MAX;
    memcpy(x->special, o + 21, 8);
    memcpy(x->begin, o + 29, 5);
    memcpy(x->end, o + 34, 5);
}

int schedule_entries(struct meter *m)
{
    return param_rows(m, PARAM_SCHEDULE);
}

int schedule_entry(struct meter *m, unsigned i, struct schedule_entry *x)
{
    uint8_t o[ROW];
    int err = param_row_read(m, PARAM_SCHEDULE, i, o, sizeof o);
    if (err >= 0) row_get(o, x);
    return err;
}

/* -- writing ------------------------------------------------------------------------------- */

static bool is_zero_or_any(uint8_t x)
{
    return x == 0 || x == WHEN_ANY;
}

static bool is_good(const struct schedule_entry *x)
{
    struct when begin = when_get(x->begin), end = when_get(x->end);
    bool hour = x->time[0] < 24 || x->time[0] == WHEN_ANY;
    bool time = hour && x->time[1] < 60 && (x->time[2] < 60 || x->time[2] == WHEN_ANY) &&
                is_zero_or_any(x->time[3]);
    return time && x->special_n <= SCHEDULE_SPECIAL_MAX && when_is_valid(&begin) &&
           when_is_valid(&end) && command_takes(x->command, x->arg);
}

static bool is_new_index(struct meter *m, uint16_t index)
{
    uint8_t had[ROW];
    for (unsigned i = 0; i < m->stage.put; i++)
        if (param_stage_read(m, i, had, ROW) < 0 || le_get16(had) == index) return false;
    return true;
}

int schedule_begin(struct meter *m, const struct who *who, unsigned rows)
{
    return param_stage_begin(m, who, PARAM_SCHEDULE, rows);
}

static bool is_staged(const struct meter *m)
{
    return m->stage.open && m->stage.id == PARAM_SCHEDULE;
}

int schedule_put(struct meter *m, const struct who *who, const struct schedule_entry *x)
{
    uint8_t o[ROW];
    if (!is_staged(m)) return E_STATE;
    row_put(x, o);
    int err =
        is_good(x) && is_new_index(m, x->index) ? param_stage_put(m, who, o, ROW) : E_RANGE;
    if (err < 0 && err != E_BUSY) param_stage_abort(m, who);
    return err;
}

static void mark_at(struct meter *m, int64_t s)
{
    m->tou.mark = (struct schedule_mark){ s, LAST_INDEX };
}

int schedule_commit(struct meter *m, const struct who *who)
{
    if (!is_staged(m)) return E_STATE;
    if (param_stage_is(m, who, PARAM_SCHEDULE)) {
        param_stage_abort(m, who);
        return 0;
    }
    int err = param_begin_stage(m, who);
    if (err < 0) return err;
    bool valid = clock_is_valid(&m->clock); /* else from when it is set */
    uint32_t from = valid ? (uint32_t)m->utc.s : UINT32_MAX;
    uint8_t body[5] = { STAMP_SCHEDULE };
    le_put32(body + 1, from);
    change_put(m, HOT_STAMPS, body, sizeof body);
    mark_at(m, from);
    return change_commit(m);
}

/* -- which days ---------------------------------------------------------------------------- */

static int sign(int a, int b)
{
    return (a > b) - (a < b);
}

/* The day of a bound in that month; 0 when it is not said. */
static int day_in(const struct when *w, const struct civil *date)
{
    int last = cal_month_days(date->year, w->month == WHEN_ANY ? date->month : w->month);
    if (w->day == WHEN_LAST) return last;
    if (w->day == WHEN_SECOND_LAST) return last - 1;
    return w->day == WHEN_ANY ? 0 : w->day;
}

/* A bound against a date, field by field from the year down; what is not said is equal. */
static int compare(const struct when *w, const struct civil *date)
{
    int day = day_in(w, date);
    if (w->year != WHEN_ANY_YEAR && w->year != date->year) return sign(w->year, date->year);
    if (w->month != WHEN_ANY && w->month != date->month) return sign(w->month, date->month);
    return day ? sign(day, date->day) : 0;
}

/* A period that begins later in the year (or month) than it ends goes over its turn. */
static bool is_between(const struct schedule_entry *x, const struct civil *date)
{
    struct when begin = when_get(x->begin), end = when_get(x->end);
    bool after = compare(&begin, date) <= 0, before = compare(&end, date) >= 0;
    bool recurs = begin.year == WHEN_ANY_YEAR && end.year == WHEN_ANY_YEAR;
    bool turned = false;
    if (recurs && begin.month == end.month)
        turned = day_in(&end, date) && day_in(&begin, date) > day_in(&end, date);
    else if (recurs && begin.month != WHEN_ANY && end.month != WHEN_ANY)
        turned = begin.month > end.month;
    return turned ? after || before : after && before;
}

/* special: the day's id in the special days table, or E_NONE. */
static bool is_for(const struct schedule_entry *x, const struct civil *date, int special)
{
    if (!x->enabled || !is_between(x, date)) return false;
    if (special < 0) return x->weekdays & 0x80 >> (date->weekday - 1);
    return special < x->special_n && x->special[special / 8] & 0x80 >> special % 8;
}

/* -- what is next -------------------------------------------------------------------------- */

static bool is_after(const struct schedule_mark *a, const struct schedule_mark *b)
{
    return a->s > b->s || (a->s == b->s && a->index > b->index);
}

/* Moments of an entry on a local day, the first behind the mark: of every hour those from the
 * one before it on. */
static void offer_entry(struct meter *m, const struct schedule_entry *x, int64_t midnight,
                        int hour, struct schedule_mark *best)
{
    bool hourly = x->time[0] == WHEN_ANY;
    int second = x->time[1] * 60 + (x->time[2] == WHEN_ANY ? 0 : x->time[2]);
    int last = hourly ? 23 : x->time[0];
    for (hour = !hourly ? last : hour > 0 ? hour - 1 : 0; hour <= last; hour++) {
        utc_t u = zone_utc(&m->clock.zone, midnight + hour * 3600 + second);
        struct schedule_mark moment = { u.s, x->index };
        if (!is_after(&moment, &m->tou.mark)) continue;
        if (is_after(best, &moment)) *best = moment;
        return;
    }
}

/* One entry after the other, read some at a time: what is read costs more than what is done
 * with it. */
struct batch {
    uint8_t o[4 * ROW];
    int n;
};

static bool next_entry(struct meter *m, struct batch *b, unsigned i, struct schedule_entry *x)
{
    unsigned k = i % (sizeof b->o / ROW);
    if (k == 0) b->n = param_rows_read(m, PARAM_SCHEDULE, i, b->o, sizeof b->o);
    if ((int)k >= b->n) return false;
    row_get(b->o + k * ROW, x);
    return true;
}

/* The first open moment of the local day of the mark, or the midnight that ends it. */
static struct schedule_mark next_moment(struct meter *m)
{
    struct zone *z = &m->clock.zone;
    struct schedule_entry x;
    int64_t local = m->tou.mark.s + zone_offset_s(z, (utc_t){ m->tou.mark.s });
    int64_t midnight = local - local % CAL_DAY_S;
    struct civil date = cal_civil(midnight);
    struct schedule_mark best = { zone_utc(z, midnight + CAL_DAY_S).s, -1 };
    int special = calendar_special_of(m, &date);
    struct batch b = { .n = 0 };
    for (unsigned i = 0; next_entry(m, &b, i, &x); i++)
        if (is_for(&x, &date, special))
            offer_entry(m, &x, midnight, (int)(local % CAL_DAY_S / 3600), &best);
    return best;
}

static void arm(struct meter *m)
{
    struct tou *t = &m->tou;
    struct schedule_mark now = { m->utc.s, LAST_INDEX };
    if (!clock_is_valid(&m->clock) || schedule_entries(m) <= 0) {
        timer_stop(m, TIMER_SCHEDULE);
        return;
    }
    if (is_after(&t->mark, &now)) t->mark = now; /* the clock went back */
    if (t->mark.s < now.s - MAKE_UP_S) t->mark.s = now.s - MAKE_UP_S;
    t->next = next_moment(m);
    timer_set_utc(m, TIMER_SCHEDULE, t->noting ? m->utc : (utc_t){ t->next.s });
}

void schedule_plan(struct meter *m)
{
    arm(m);
}

void schedule_power_up(struct meter *m)
{
    mark_at(m, m->now.stamp[STAMP_SCHEDULE]);
}

static int find(struct meter *m, int32_t index, struct schedule_entry *x)
{
    struct batch b = { .n = 0 };
    for (unsigned i = 0; next_entry(m, &b, i, x); i++)
        if (x->index == index) return 0;
    return E_NONE;
}

/* E_BUSY: it could not be begun now, and may be later: the least window is a minute then. What
 * is refused otherwise is over, as it is for a client. */
static int carry_out(struct meter *m, const struct schedule_mark *at)
{
    static const struct who self = { .link = LINK_SELF };
    struct schedule_entry x;
    if (at->index < 0 || find(m, at->index, &x) < 0) return 0;
    bool always = x.window_min == SCHEDULE_ALWAYS;
    int64_t late_s = m->utc.s - at->s, window_s = x.window_min * 60;
    if (late_s > (m->tou.retrying ? window_s + BUSY_S : window_s) && !always) return 0;
    return command_do(m, &self, x.command, x.arg) == E_BUSY ? E_BUSY : 0;
}

/* One order a call. That it was done is noted in a call of its own, because the store is at
 * work until then, and only with the last of its moment. */
void schedule_due(struct meter *m, utc_t due)
{
    struct tou *t = &m->tou;
    (void)due;
    if (t->noting) {
        t->noting = false;
        arm(m);
        if (t->next.s == t->mark.s) return;
        m->now.stamp[STAMP_SCHEDULE] = (uint32_t)t->mark.s;
        hot_number(m, HOT_STAMPS, STAMP_SCHEDULE);
        return;
    }
    struct schedule_mark now = t->next;
    t->retrying = carry_out(m, &now) == E_BUSY;
    if (t->retrying) {
        timer_set_utc(m, TIMER_SCHEDULE, (utc_t){ m->utc.s + 1 });
        return;
    }
    t->mark = now;
    t->noting = true;
    timer_set_utc(m, TIMER_SCHEDULE, m->utc);
}
