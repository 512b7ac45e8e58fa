#include "meter/profile/billing.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/prepay/credit.h"
#include "meter/profile/passed.h"
#include "meter/profile/scan.h"

/* A row: {time 4, status 2, cause 1, 0 x 5, cells 96 x 8, maxima 54 x (value 4, date 4),
 * money of two wallets 2 x 64, the rest 0}. */
enum {
    HEAD = 12,
    CELLS_AT = HEAD,
    MAXIMA_AT = CELLS_AT + 96 * 8,
    MONEY_AT = MAXIMA_AT + DEMANDS * FAMILY * 8,
    ROW = 1356,
    DAY_S = 86400,
    DAYS_A_STEP = 31
};
_Static_assert(MONEY_AT + WALLETS * EXPENSE_ROW <= ROW, "a row holds it all");
_Static_assert(ROW + 4 <= SERIES_ROW_MAX, "and a series the row");

unsigned billing_series(enum billing which)
{
    return which == BILLING_DAILY ? SERIES_DAILY : SERIES_MONTHLY;
}

struct billing_span billing_span(const struct meter *m, enum billing which)
{
    unsigned id = billing_series(which);
    return (struct billing_span){ scan_oldest(m, id), series_next(&m->store, id) };
}

/* -- rows ---------------------------------------------------------------------------------- */

static void make_row(const struct meter *m, utc_t when, unsigned status, unsigned cause,
                     uint8_t row[ROW])
{
    const uint64_t *cell = &m->now.cell[0][0][0];
    const struct maximum *x = &m->now.maximum[0][0];
    memset(row, 0, ROW);
    le_put32(row, (uint32_t)when.s);
    le_put16(row + 4, (uint16_t)status);
    row[6] = (uint8_t)cause;
    for (unsigned i = 0; i < CELLS * QUADRANTS * TARIFFS; i++)
        le_put64(row + CELLS_AT + i * 8, cell[i]);
    for (unsigned i = 0; i < DEMANDS * FAMILY; i++) {
        le_put32(row + MAXIMA_AT + i * 8, x[i].value);
        le_put32(row + MAXIMA_AT + i * 8 + 4, x[i].utc_s);
    }
}

static void cells_of(const uint8_t row[ROW], struct regs *r)
{
    uint64_t *cell = &r->cell[0][0][0];
    for (unsigned i = 0; i < CELLS * QUADRANTS * TARIFFS; i++)
        cell[i] = le_get64(row + CELLS_AT + i * 8);
}

static void maxima_of(const uint8_t row[ROW], struct regs *r)
{
    struct maximum *x = &r->maximum[0][0];
    for (unsigned i = 0; i < DEMANDS * FAMILY; i++)
        x[i] = (struct maximum){ le_get32(row + MAXIMA_AT + i * 8),
                                 le_get32(row + MAXIMA_AT + i * 8 + 4) };
}

/* -- bases: what values since billing and since midnight are counted from ------------------ */

static void bases_now(const struct regs *r, enum billing which, uint32_t base[BASES])
{
    static const uint16_t total[] = { REG_WH_ABS,      REG_WH_NET,     REG_VARH_IMPORT,
                                      REG_VARH_EXPORT, REG_VAH_IMPORT, REG_VAH_EXPORT };
    uint32_t *day = base + BASES_BILLING;
    if (which == BILLING_DAILY) {
        day[0] = (uint32_t)reg_at(r, REG_WH_IMPORT);
        day[1] = (uint32_t)reg_at(r, REG_WH_EXPORT);
        for (unsigned i = 0; i < 6; i++) day[2 + i] = (uint32_t)reg_at(r, total[i]);
        return;
    }
    for (unsigned i = 0; i < FAMILY; i++) {
        base[i] = (uint32_t)reg_at(r, (uint16_t)(REG_WH_IMPORT + i));
        base[FAMILY + i] = (uint32_t)reg_at(r, (uint16_t)(REG_WH_EXPORT + i));
    }
    for (unsigned i = 0; i < 6; i++) base[2 * FAMILY + i] = (uint32_t)reg_at(r, total[i]);
}

static int bases_save(const uint32_t base[BASES], uint8_t *body)
{
    for (unsigned i = 0; i < BASES; i++) le_put32(body + i * 4, base[i]);
    return BASES * 4;
}

int bases_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return bases_save(m->now.base, body);
}

void bases_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != BASES * 4) return;
    for (unsigned i = 0; i < BASES; i++) m->now.base[i] = le_get32(body + i * 4);
}

int billing_read_row(struct meter *m, enum billing which, uint32_t number,
                     struct billing_row *row)
{
    uint8_t octets[ROW];
    int err = series_read(&m->store, billing_series(which), number, octets);
    if (err < 0) return err;
    memset(row, 0, sizeof *row);
    row->time.s = row->regs.utc_s = le_get32(octets);
    row->status = le_get16(octets + 4);
    row->cause = octets[6];
    cells_of(octets, &row->regs);
    maxima_of(octets, &row->regs);
    for (unsigned w = 0; w < WALLETS; w++)
        expense_row_load(&row->expense[w], octets + MONEY_AT + w * EXPENSE_ROW);
    return 0;
}

int billing_read(struct meter *m, enum billing which, uint32_t number, struct billing_row *row)
{
    uint8_t octets[ROW];
    unsigned id = billing_series(which);
    int err = billing_read_row(m, which, number, row);
    if (err < 0) return err;
    if (!number || series_read(&m->store, id, number - 1, octets) < 0) return 0;
    struct regs before = { 0 }; /* only its cells */
    cells_of(octets, &before);
    for (unsigned i = 0; i < BILLINGS; i++) bases_now(&before, (enum billing)i, row->regs.base);
    return 0;
}

/* -- ends of periods ----------------------------------------------------------------------- */

static void put_bases(struct meter *m, enum billing which)
{
    uint8_t body[BASES * 4];
    uint32_t base[BASES];
    memcpy(base, m->now.base, sizeof base);
    bases_now(&m->now, which, base);
    change_put(m, HOT_BASES, body, (size_t)bases_save(base, body));
}

/* {the day of the next end 2 x 2, instalments 2 x 2, days in the dark from 2, up to 2} */
enum { DARK_AT = (BILLINGS + WALLETS) * 2, STATE_BODY = DARK_AT + 4 };

static int state_save(const struct billing_state *b, uint8_t *body)
{
    for (unsigned i = 0; i < BILLINGS; i++) le_put16(body + i * 2, b->day[i]);
    for (unsigned w = 0; w < WALLETS; w++)
        le_put16(body + (BILLINGS + w) * 2, b->instalments[w]);
    le_put16(body + DARK_AT, b->dark_from);
    le_put16(body + DARK_AT + 2, b->dark_to);
    return STATE_BODY;
}

void billing_put_state(struct meter *m, const struct billing_state *b)
{
    uint8_t body[STATE_BODY];
    change_put(m, HOT_BILLING, body, (size_t)state_save(b, body));
}

int billing_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return state_save(&m->billing, body);
}

void billing_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != STATE_BODY) return;
    for (unsigned i = 0; i < BILLINGS; i++) m->billing.day[i] = le_get16(body + i * 2);
    for (unsigned w = 0; w < WALLETS; w++)
        m->billing.instalments[w] = le_get16(body + (BILLINGS + w) * 2);
    m->billing.dark_from = le_get16(body + DARK_AT);
    m->billing.dark_to = le_get16(body + DARK_AT + 2);
    m->replan = true;
}

static void put_reset(struct meter *m)
{
    uint8_t body[JOURNAL_BODY_MAX];
    change_put(m, HOT_RESET, body, (size_t)reset_put(m, 0, body));
}

static unsigned status_now(struct meter *m, utc_t when)
{
    unsigned status = 0;
    if (!clock_is_valid(&m->clock)) status |= PROFILE_CLOCK_INVALID;
    if (zone_is_dst(&m->clock.zone, when)) status |= PROFILE_DST;
    return status;
}

static void put_row(struct meter *m, enum billing which, utc_t when, unsigned status,
                    unsigned cause)
{
    uint8_t row[ROW];
    make_row(m, when, status, cause, row);
    for (unsigned w = 0; w < WALLETS; w++)
        expense_row(m, w, when, which == BILLING_MONTHLY && cause == BILLING_SCHEDULE,
                    row + MONEY_AT + w * EXPENSE_ROW);
    ensure(txn_put_row(&m->store, billing_series(which), row) >= 0);
}

static int end_period(struct meter *m, const struct who *who, utc_t when, unsigned status,
                      enum billing_cause cause)
{
    enum event code = status & PROFILE_RECOVERED  ? EV_BILLING_RECOVERED
                      : cause == BILLING_SCHEDULE ? EV_BILLING_SCHEDULED
                                                  : EV_BILLING_MANUAL;
    struct event_detail d = { .what = (uint16_t)cause, .magnitude = (uint32_t)when.s };
    int err = cause == BILLING_SCHEDULE ? change_begin_alone(m) : change_begin(m);
    if (err < 0) return err;
    put_row(m, BILLING_MONTHLY, when, status, cause);
    put_reset(m);
    put_bases(m, BILLING_MONTHLY);
    change_count(m, CNT_BILLINGS);
    change_stamp(m, STAMP_BILLING);
    change_event(m, code, who, &d);
    return 0;
}

/* -- when ---------------------------------------------------------------------------------- */

void billing_get_time(struct meter *m, uint8_t o[BILLING_TIME])
{
    if (param_read(m, PARAM_BILLING_TIME, o, BILLING_TIME) != BILLING_TIME)
        memcpy(o, "\0\0\0\0\xFF\xFF\xFF\1\xFF", BILLING_TIME);
}

static utc_t next_period(struct meter *m, utc_t u)
{
    uint8_t o[BILLING_TIME];
    billing_get_time(m, o);
    return zone_next_named(&m->clock.zone, o, u);
}

static utc_t next_of(struct meter *m, enum billing which, utc_t u)
{
    if (which == BILLING_DAILY) return zone_next_grid(&m->clock.zone, u, DAY_S);
    return next_period(m, u);
}

/* Nobody reads more rows than the ring keeps. */
static utc_t kept_from(const struct meter *m, enum billing which)
{
    int64_t keep_s = which == BILLING_DAILY ? CFG_DAYS * DAY_S : CFG_MONTHS * 31 * DAY_S;
    return (utc_t){ m->utc.s - keep_s };
}

static bool was_dark(const struct billing_state *b, int32_t day)
{
    return day >= b->dark_from && day < b->dark_to;
}

static bool is_dark_pending(const struct billing_state *b)
{
    return was_dark(b, b->day[BILLING_DAILY]) || was_dark(b, b->day[BILLING_MONTHLY]);
}

/* The end after `due`. What passed in the dark is made up to the last; where a calendar was set
 * ahead, the first end and those that the ring keeps. */
static utc_t following(struct meter *m, enum billing which, utc_t due)
{
    const struct billing_state *b = &m->billing;
    utc_t from = kept_from(m, which);
    utc_t dark = { zone_utc(&m->clock.zone, (int64_t)b->dark_from * DAY_S).s - 1 };
    bool ahead = b->dark_from < b->dark_to && dark.s > due.s;
    if (was_dark(b, zone_day(&m->clock.zone, due)) || from.s < due.s) from = due;
    return next_of(m, which, ahead && dark.s < from.s ? dark : from);
}

/* Into the open change: the supply was off from `last` to now, and the calendar went on. Where
 * what passed in the dark before is not made up yet, that goes on. */
void billing_put_dark(struct meter *m, utc_t last)
{
    struct billing_state b = m->billing;
    int32_t from = zone_day(&m->clock.zone, last) + 1;
    if (!is_dark_pending(&b)) b.dark_from = (uint16_t)from;
    b.dark_to = (uint16_t)(zone_day(&m->clock.zone, m->utc) + 1);
    billing_put_state(m, &b);
}

/* -- what has passed ----------------------------------------------------------------------- */

static bool has_passed(struct meter *m, enum billing which, utc_t due)
{
    struct passed_year y = { 0 };
    return passed_is(m, &y, (enum passed)which, zone_day(&m->clock.zone, due));
}

static void put_passed(struct meter *m, enum passed what, int32_t from, int32_t to)
{
    struct passed_year y = { 0 };
    for (int32_t day = from; day <= to; day++) {
        passed_mark(m, &y, what, day);
        if (day == to || day + 1 == y.end) passed_put(m, &y);
    }
}

/* The last end before u; u where there is none in more than a year. */
static utc_t end_before(struct meter *m, enum billing which, utc_t u)
{
    utc_t last = u, next = u;
    for (int64_t days = 1; days <= 512 && next.s >= u.s; days *= 2)
        next = next_of(m, which, (utc_t){ u.s - days * DAY_S });
    for (; next.s < u.s; next = next_of(m, which, next)) last = next;
    return last;
}

/* The meter knows the time for the first time: the month under way has begun, and so has the day.
 */
static void begin(struct meter *m, enum billing which)
{
    struct billing_state b = m->billing;
    int32_t today = zone_day(&m->clock.zone, m->utc);
    utc_t last = end_before(m, which, (utc_t){ m->utc.s + 1 });
    if (change_begin_alone(m) < 0) return;
    b.day[which] = (uint16_t)zone_day(&m->clock.zone, next_of(m, which, m->utc));
    put_passed(m, (enum passed)which, zone_day(&m->clock.zone, last), today);
    billing_put_state(m, &b);
    change_commit(m);
}

/* All days of the period that ends are over, so that no other schedule ends them again: a change
 * of its own before that of the end, whose row leaves no room for it, nor its step the time. True:
 * there are some. */
static bool close_days(struct meter *m, utc_t due)
{
    struct passed_year y = { 0 };
    if (m->billing.closed.s == due.s) return false;
    int32_t to = zone_day(&m->clock.zone, due) - 1;
    int32_t from = zone_day(&m->clock.zone, end_before(m, BILLING_MONTHLY, due)) + 1;
    while (from <= to && passed_is(m, &y, PASSED_END, from)) from++;
    if (from <= to && change_begin_alone(m) < 0) return true;
    m->billing.closed = due;
    if (from > to) return false;
    put_passed(m, PASSED_END, from, to);
    billing_put_state(m, &m->billing);
    change_commit(m);
    return true;
}

static unsigned lateness(const struct meter *m, utc_t due)
{
    return m->utc.s > due.s ? PROFILE_RECOVERED : 0;
}

/* An end has come: it has passed, and there is a next. */
static void put_end(struct meter *m, enum billing which, utc_t due, utc_t next,
                    struct billing_state *b)
{
    int32_t day = zone_day(&m->clock.zone, due);
    b->day[which] = (uint16_t)zone_day(&m->clock.zone, next);
    put_passed(m, (enum passed)which, day, day);
    billing_put_state(m, b);
}

/* Days in the dark that are too old for a row, up to the end of a month and so many a step. */
static int32_t last_without_row(struct meter *m, int32_t day)
{
    const struct billing_state *b = &m->billing;
    int32_t last = day + DAYS_A_STEP - 1;
    int32_t old = zone_day(&m->clock.zone, kept_from(m, BILLING_DAILY));
    int32_t month = zone_day(&m->clock.zone, b->due[BILLING_MONTHLY]);
    if (last > old) last = old;
    if (last >= b->dark_to) last = b->dark_to - 1;
    return b->day[BILLING_MONTHLY] && last > month ? month : last;
}

static void make_up(struct meter *m, int32_t day, int32_t last)
{
    struct billing_state b = m->billing;
    struct passed_year y = { 0 };
    uint16_t days = 0;
    int32_t newest = day;
    for (int32_t d = day; d <= last; d++) {
        if (passed_is(m, &y, PASSED_DAY, d)) continue;
        newest = d;
        days++;
    }
    if (change_begin_alone(m) < 0) return;
    for (unsigned w = 0; w < WALLETS && days; w++)
        if (credit_owes_day(m, w)) b.instalments[w] = (uint16_t)(b.instalments[w] + days);
    b.day[BILLING_DAILY] = (uint16_t)(last + 1);
    put_passed(m, PASSED_DAY, day, last);
    billing_put_state(m, &b);
    if (days) expense_put_days(m, newest, days);
    change_commit(m);
}

void billing_day(struct meter *m, utc_t due)
{
    struct billing_state b = m->billing;
    int32_t day = zone_day(&m->clock.zone, due);
    if (!b.day[BILLING_DAILY]) {
        begin(m, BILLING_DAILY);
        return;
    }
    if (was_dark(&b, day) && day > b.dark_from && last_without_row(m, day) >= day) {
        make_up(m, day, last_without_row(m, day));
        return;
    }
    utc_t next = following(m, BILLING_DAILY, due);
    bool is_new = !has_passed(m, BILLING_DAILY, due);
    if (change_begin_alone(m) < 0) return;
    put_row(m, BILLING_DAILY, due, status_now(m, due) | lateness(m, due), BILLING_SCHEDULE);
    put_bases(m, BILLING_DAILY);
    for (unsigned w = 0; w < WALLETS && is_new; w++) b.instalments[w] += credit_owes_day(m, w);
    put_end(m, BILLING_DAILY, due, next, &b);
    if (is_new) expense_put_days(m, day, 1);
    change_commit(m);
}

void billing_period(struct meter *m, utc_t due)
{
    static const struct who self = { .link = LINK_SELF };
    struct billing_state b = m->billing;
    if (!b.day[BILLING_MONTHLY]) {
        begin(m, BILLING_MONTHLY);
        return;
    }
    if (close_days(m, due)) return;
    utc_t next = following(m, BILLING_MONTHLY, due);
    unsigned status = status_now(m, due) | lateness(m, due);
    bool is_new = !has_passed(m, BILLING_MONTHLY, due);
    if (end_period(m, &self, due, status, BILLING_SCHEDULE) < 0) return;
    put_end(m, BILLING_MONTHLY, due, next, &b);
    if (is_new) expense_put_month(m, due);
    change_commit(m);
}

/* The day of the next end is kept on flash from the beginning, so that it can be missed. The
 * moment follows from schedule and zone as they are now; a zone further west may have another
 * before it. */
static void find_due(struct meter *m)
{
    struct billing_state *b = &m->billing;
    for (unsigned i = 0; i < BILLINGS; i++) {
        enum billing which = (enum billing)i;
        utc_t next = next_of(m, which, m->utc);
        utc_t midnight = zone_utc(&m->clock.zone, (int64_t)b->day[i] * DAY_S);
        b->due[i] = b->day[i] ? next_of(m, which, (utc_t){ midnight.s - 1 }) : m->utc;
        if (!b->day[i] || !clock_is_valid(&m->clock)) continue;
        if (next.s >= b->due[i].s || has_passed(m, which, next)) continue;
        b->day[i] = (uint16_t)zone_day(&m->clock.zone, next);
        b->due[i] = next;
        hot_put(m, HOT_BILLING, 0);
    }
}

/* On an invalid clock nothing is due; what was missed is made up once it is set, in the order
 * in which it was missed: ends of months between midnights, and another scheme at the end that
 * brings it. */
void billing_plan(struct meter *m)
{
    static const enum timer timer[BILLINGS] = { TIMER_DAY, TIMER_BILLING };
    const utc_t *due = m->billing.due;
    find_due(m);
    for (unsigned i = 0; i < BILLINGS; i++) {
        bool waits = due[i].s <= m->utc.s && (due[i].s > due[!i].s || expense_is_due(m));
        if (clock_is_valid(&m->clock) && !waits)
            timer_set_utc(m, timer[i], due[i]);
        else
            timer_stop(m, timer[i]);
    }
}

bool billing_is_behind(const struct meter *m)
{
    bool behind = false;
    for (unsigned i = 0; i < BILLINGS; i++)
        behind |= m->billing.day[i] && m->billing.due[i].s <= m->utc.s;
    return behind && clock_is_valid(&m->clock);
}

/* A step is no time in the dark, but what waits for that to be made up still does. */
void billing_put_step(struct meter *m, utc_t to)
{
    struct billing_state b = m->billing;
    bool back = to.s < m->utc.s - param_get(m, PARAM_SHIFT_LIMIT_S);
    if (!is_dark_pending(&b)) b.dark_from = b.dark_to = 0;
    for (unsigned i = 0; i < BILLINGS; i++)
        if (back && b.day[i] && b.due[i].s > to.s)
            b.day[i] = (uint16_t)zone_day(&m->clock.zone, next_of(m, (enum billing)i, to));
    billing_put_state(m, &b);
}

/* -- orders -------------------------------------------------------------------------------- */

static bool is_locked(const struct meter *m)
{
    int64_t since = m->utc.s - (int64_t)m->now.stamp[STAMP_BILLING];
    return since >= 0 && since < param_get(m, PARAM_BILLING_LOCKOUT_S);
}

int billing_end(struct meter *m, const struct who *who, enum billing_cause cause)
{
    if (is_locked(m)) return E_DENIED;
    int err = end_period(m, who, m->utc, status_now(m, m->utc), cause);
    return err < 0 ? err : change_commit(m);
}

int billing_reset_maxima(struct meter *m, const struct who *who)
{
    if (is_locked(m)) return E_DENIED;
    int err = change_begin(m);
    if (err < 0) return err;
    put_reset(m);
    change_stamp(m, STAMP_BILLING);
    change_event(m, EV_MAXIMA_RESET, who, NULL);
    return change_commit(m);
}

int billing_clear(struct meter *m, const struct who *who)
{
    if (is_locked(m)) return E_DENIED;
    int err = change_begin(m);
    if (err < 0) return err;
    profile_put_clear(m, who);
    for (unsigned i = 0; i < BILLINGS; i++) {
        unsigned id = billing_series((enum billing)i);
        ensure(txn_put_clear(&m->store, id, series_next(&m->store, id), 0) >= 0);
    }
    put_reset(m);
    change_stamp(m, STAMP_BILLING);
    change_event(m, EV_DATA_CLEARED, who, NULL);
    return change_commit(m);
}

/* A day that some months have not would leave those out: the last of the month is FE. */
static bool leaves_months_out(const struct when *w)
{
    return w->month == WHEN_ANY && w->day > 28 && w->day <= 31;
}

/* The period under way ends when the new schedule says. */
int billing_set_time(struct meter *m, const struct who *who, const uint8_t o[BILLING_TIME])
{
    uint8_t was[BILLING_TIME];
    struct when w = when_get(o + 4);
    if (o[0] > 23 || o[1] > 59 || o[2] > 59 || !when_is_valid(&w) || leaves_months_out(&w))
        return E_RANGE;
    billing_get_time(m, was);
    if (!memcmp(was, o, sizeof was)) return 0;
    int err = param_begin_octets(m, who, PARAM_BILLING_TIME, o, BILLING_TIME);
    if (err < 0) return err;
    struct billing_state b = m->billing;
    m->billing.closed.s = 0;
    utc_t next = zone_next_named(&m->clock.zone, o, m->utc);
    if (b.day[BILLING_MONTHLY])
        b.day[BILLING_MONTHLY] = (uint16_t)zone_day(&m->clock.zone, next);
    billing_put_state(m, &b);
    return change_commit(m);
}
