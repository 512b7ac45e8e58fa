#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"

enum { RTC_NOTICE_S = 2, DRIFT_MAX_PPB = 200000, LAST_YEAR = 2199, QUARTER_S = 900 };

static int64_t year_s(uint16_t year)
{
    return cal_days(year, 1, 1) * INT64_C(86400);
}

static bool is_time(const struct meter *m, int64_t s)
{
    return s >= year_s(m->cfg->year) && s < year_s(LAST_YEAR);
}

/* -- orders -------------------------------------------------------------------------------- */

/* To the nearest multiple in local time, halves up. */
static int64_t nearest(struct zone *z, utc_t u, int64_t of_s)
{
    int64_t over = (u.s + zone_offset_s(z, u)) % of_s;
    return u.s - over + (2 * over >= of_s ? of_s : 0);
}

static int64_t target_of(struct meter *m, enum clock_order order, int64_t target)
{
    struct clock *c = &m->clock;
    uint32_t period_s = profile_period_s(m, 0);
    switch (order) {
    case CLOCK_SET:
        return target;
    case CLOCK_SHIFT:
        return m->utc.s + target;
    case CLOCK_QUARTER:
        return nearest(&c->zone, m->utc, QUARTER_S);
    case CLOCK_PERIOD:
        return nearest(&c->zone, m->utc, period_s ? period_s : QUARTER_S);
    case CLOCK_MINUTE:
        return nearest(&c->zone, m->utc, 60);
    case CLOCK_PRESET:
        break;
    }
    return c->preset_s;
}

static int64_t size(int64_t v)
{
    return v < 0 ? -v : v;
}

int clock_order(struct meter *m, const struct who *who, enum clock_order order, int64_t target,
                bool within_limit)
{
    struct clock *c = &m->clock;
    if (c->queued) return E_BUSY;
    if (order == CLOCK_SHIFT && size(target) > 900) return E_RANGE;
    if (order == CLOCK_PRESET && (m->utc.s < c->preset_from_s || m->utc.s > c->preset_to_s))
        return E_STATE;
    int64_t s = target_of(m, order, target);
    if (!is_time(m, s)) return E_RANGE;
    if (within_limit && size(s - m->utc.s) > param_get(m, PARAM_SHIFT_LIMIT_S)) return E_STATE;
    c->queued = true;
    c->by = *who;
    c->queued_at = m->t;
    c->target_s = s;
    return 0;
}

int clock_preset(struct meter *m, const struct who *who, utc_t target, utc_t from, utc_t to)
{
    (void)who;
    if (!is_time(m, target.s) || from.s > to.s) return E_RANGE;
    m->clock.preset_s = target.s;
    m->clock.preset_from_s = from.s;
    m->clock.preset_to_s = to.s;
    return 0;
}

/* -- setting ------------------------------------------------------------------------------- */

static void rtc_write(struct meter *m, int64_t s)
{
    if (m->io->rtc_write) m->io->rtc_write(m->io->ctx, m->t, (utc_t){ s });
}

static int slew(struct meter *m, int64_t by_s)
{
    struct clock *c = &m->clock;
    struct event_detail d = { .magnitude = (uint32_t)size(by_s) };
    if (change_begin(m) < 0) return E_BUSY;
    change_stamp(m, STAMP_CLOCK_SET);
    change_event(m, EV_CLOCK_SLEWED, &c->by, &d);
    change_commit(m);
    rtc_write(m, c->target_s);
    if (c->slew_s) clock_slewed(c, m->t);
    timer_set(m, TIMER_SLEW, clock_slew(c, m->t, (int32_t)by_s));
    timer_clock_changed(m);
    return 0;
}

/* The chip is never behind the newest record: forward it is set before the commit, back after
 * it (clock_take). A cut between leaves a right clock without its events, never an invalid one.
 */
static int step(struct meter *m, bool far)
{
    struct clock *c = &m->clock;
    utc_t to = { c->target_s };
    uint8_t body[CLOCK_BODY];
    struct event_detail d = { .magnitude = (uint32_t)m->utc.s };
    struct clock next = *c;
    if (change_begin(m) < 0) return E_BUSY;
    if (to.s >= m->utc.s) rtc_write(m, to.s);
    change_stamp(m, STAMP_CLOCK_SET);
    change_event_at(m, m->utc, EV_CLOCK_OLD, &c->by, &d);
    change_event_at(m, to, EV_CLOCK_NEW, &c->by, &d);
    if (!clock_is_valid(c)) change_event_at(m, to, EV_CLOCK_VALID, &c->by, NULL);
    if (c->by.link != LINK_SELF) change_event_at(m, to, EV_CLOCK_CHANGED, &c->by, &d);
    profile_put_step(m, to, far);
    billing_put_step(m, to);
    next.status &= (uint8_t)~CLOCK_INVALID;
    change_put(m, HOT_CLOCK, body, (size_t)clock_save(&next, to, body));
    return change_commit(m);
}

void clock_do(struct meter *m)
{
    struct clock *c = &m->clock;
    int64_t by = c->target_s - m->utc.s;
    bool valid = clock_is_valid(c);
    if (valid && size(by) <= param_get(m, PARAM_SYNC_WINDOW_S))
        slew(m, by);
    else
        step(m, !valid || size(by) > param_get(m, PARAM_SHIFT_LIMIT_S));
    c->queued = false;
}

void clock_slew_end(struct meter *m, utc_t u)
{
    (void)u;
    clock_slewed(&m->clock, m->t);
    timer_clock_changed(m);
}

/* -- the record ---------------------------------------------------------------------------- */

int clock_save(const struct clock *c, utc_t u, uint8_t body[CLOCK_BODY])
{
    le_put32(body, (uint32_t)u.s);
    le_put32(body + 4, (uint32_t)c->drift_ppb);
    body[8] = c->status;
    return CLOCK_BODY;
}

int clock_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return clock_save(&m->clock, meter_dated(m), body);
}

void clock_take(struct meter *m, const uint8_t *body, size_t n)
{
    struct clock *c = &m->clock;
    if (n != CLOCK_BODY) return;
    utc_t u = { le_get32(body) };
    c->drift_ppb = (int32_t)le_get32(body + 4);
    c->status = body[8] & CLOCK_INVALID;
    m->last = u;
    if (!m->live) return;
    if (u.s < m->utc.s) rtc_write(m, u.s);
    clock_start(c, m->t, u);
    timer_stop(m, TIMER_SLEW);
    m->utc = u;
    m->replan = true;
}

/* -- power-up and drift -------------------------------------------------------------------- */

int clock_power_up(struct meter *m, utc_t last)
{
    struct clock *c = &m->clock;
    utc_t u;
    int rc = m->io->rtc_read ? m->io->rtc_read(m->io->ctx, m->t, &u) : E_STATE;
    bool good = rc >= 0 && u.s >= last.s && is_time(m, u.s);
    if (!good) u.s = last.s > year_s(m->cfg->year) ? last.s : year_s(m->cfg->year);
    clock_start(c, m->t, u);
    m->utc = u;
    c->status = (uint8_t)(good ? c->status & ~CLOCK_INVALID : c->status | CLOCK_INVALID);
    return rc == E_IO ? E_IO : 0;
}

/* The chip keeps the better time. What it gained since the last comparison that showed a
 * difference is the drift of the sample clock. */
static void follow(struct meter *m, int64_t by_s)
{
    struct clock *c = &m->clock;
    int64_t us = (int64_t)(m->t.us - m->compared.us);
    int64_t ppb = us > 0 ? c->drift_ppb + by_s * INT64_C(1000000000000000) / us : c->drift_ppb;
    if (size(ppb) <= DRIFT_MAX_PPB) c->drift_ppb = (int32_t)ppb;
    m->compared = m->t;
    timer_set(m, TIMER_SLEW, clock_slew(c, m->t, (int32_t)by_s));
}

void clock_compare(struct meter *m, utc_t u)
{
    struct clock *c = &m->clock;
    utc_t chip = m->utc;
    (void)u;
    timer_set(m, TIMER_RTC, mono_after(m->t, 3600 * UINT64_C(1000000)));
    battery_hour(m);
    if (c->slew_s) return;
    clock_rebase(c, m->t);
    int rc = m->io->rtc_read ? m->io->rtc_read(m->io->ctx, m->t, &chip) : E_STATE;
    if (rc == E_IO) event_post(m, EV_RTC_FAILURE, NULL, NULL);
    int64_t by_s = chip.s - m->utc.s;
    if (rc >= 0 && clock_is_valid(c) && size(by_s) >= RTC_NOTICE_S && size(by_s) <= 60)
        follow(m, by_s);
    timer_clock_changed(m);
}

/* -- local time ---------------------------------------------------------------------------- */

static struct dst_rule rule_of(struct meter *m, uint16_t id)
{
    uint8_t o[12];
    struct dst_rule r = { { WHEN_ANY_YEAR, WHEN_ANY, WHEN_ANY, WHEN_ANY }, 0, 0, 0 };
    if (param_read(m, id, o, sizeof o) != (int)sizeof o) return r;
    r.day = when_get(o);
    r.hour = o[5] == WHEN_ANY ? 0 : o[5];
    r.minute = o[6] == WHEN_ANY ? 0 : o[6];
    r.second = o[7] == WHEN_ANY ? 0 : o[7];
    return r;
}

void clock_zone_load(struct meter *m)
{
    struct zone *z = &m->clock.zone;
    z->offset_min = (int16_t)param_get(m, PARAM_ZONE_MIN);
    z->deviation_min = (int8_t)param_get(m, PARAM_DST_DEVIATION_MIN);
    z->begin = rule_of(m, PARAM_DST_BEGIN);
    z->end = rule_of(m, PARAM_DST_END);
    /* rules without a month are no rules */
    z->dst = param_get(m, PARAM_DST_ENABLED) && z->begin.day.month != WHEN_ANY &&
             z->end.day.month != WHEN_ANY;
    zone_changed(z);
}

void clock_zone_plan(struct meter *m)
{
    timer_set_utc(m, TIMER_ZONE, zone_next_change(&m->clock.zone, m->utc));
}

void clock_zone_switch(struct meter *m, utc_t u)
{
    struct event_detail d = { .magnitude = zone_is_dst(&m->clock.zone, u) };
    event_post(m, EV_DST_CHANGED, NULL, &d);
    clock_zone_plan(m);
    tou_plan(m);
    schedule_plan(m);
}
