#include "meter/tou/tou.h"

#include <string.h>

#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"

enum { DAY_MIN = 1440, BACK = 366, BARE = 8, UNKNOWN = INT32_MIN };
enum { RESOURCE_OFF, RESOURCE_SOURCE, RESOURCE_RATE };

/* -- the day in force ---------------------------------------------------------------------- */

static struct civil date_of(int32_t number)
{
    return cal_civil((int64_t)number * CAL_DAY_S);
}

static int read_day(struct meter *m, enum calendar c, int32_t number, struct day *x)
{
    struct civil date = date_of(number);
    int id = calendar_day_of(m, c, &date);
    return id < 0 ? id : calendar_find_day(m, c, (uint8_t)id, x);
}

/* The last switch of the days before, a year of them: a profile without one passes on what it was
 * given, and so do a week of days that have none. */
static uint8_t script_before(struct meter *m, enum calendar c, int32_t number)
{
    struct day x;
    if (calendar_days(m, c, SIDE_ACTIVE) <= 0) return 0;
    for (int32_t back = 1, bare = 0; back <= BACK && bare < BARE; back++) {
        bool has = read_day(m, c, number - back, &x) >= 0;
        if (has && x.n) return x.at[x.n - 1].script;
        bare += !has;
    }
    return 0;
}

static void load_day(struct meter *m, enum calendar c, int32_t number)
{
    struct tou_day *d = &m->tou.day[c];
    struct day x;
    if (d->number == number) return;
    bool next = d->number == number - 1, is = read_day(m, c, number, &x) >= 0;
    bool whole = is && x.n && x.at[0].start[0] == 0 && x.at[0].start[1] == 0;
    uint8_t last = next && d->n    ? d->script[d->n - 1]
                   : next && d->is ? d->before
                   : whole         ? 0 /* its own first entry holds from midnight on */
                                   : script_before(m, c, number);
    *d = (struct tou_day){ .number = number, .before = last, .is = is };
    if (!is) return;
    d->n = x.n;
    for (unsigned i = 0; i < x.n; i++) {
        d->minute[i] = (uint16_t)(x.at[i].start[0] * 60 + x.at[i].start[1]);
        d->script[i] = x.at[i].script;
    }
}

static uint8_t says_at(const struct tou_day *d, unsigned minute)
{
    uint8_t script = d->before;
    for (unsigned i = 0; i < d->n && d->minute[i] <= minute; i++) script = d->script[i];
    return script;
}

/* The next minute of this local day at which something switches; midnight where nothing does.
 */
static unsigned next_minute(const struct tou *t, unsigned minute)
{
    unsigned next = DAY_MIN;
    for (unsigned c = 0; c < CALENDARS; c++)
        for (unsigned i = 0; i < t->day[c].n; i++)
            if (t->day[c].minute[i] > minute && t->day[c].minute[i] < next)
                next = t->day[c].minute[i];
    return next;
}

/* -- what holds ---------------------------------------------------------------------------- */

static unsigned resource_tariff(const struct meter *m, unsigned calendar)
{
    unsigned mapped = (unsigned)param_get(m, PARAM_RESOURCE_TARIFF);
    if (mapped) return mapped;
    return calendar + 4 <= TARIFFS ? calendar + 4 : calendar;
}

static unsigned tariff_now(const struct meter *m)
{
    const struct tou *t = &m->tou;
    unsigned says = t->ordered ? t->ordered : tou_says(m, CALENDAR_TARIFF);
    unsigned tariff = says ? says : 1;
    int32_t mode = param_get(m, PARAM_RESOURCE_MODE);
    if (mode == RESOURCE_SOURCE && t->second) return resource_tariff(m, tariff);
    return mode == RESOURCE_RATE ? t->rate + 1u : tariff;
}

static void apply(struct meter *m)
{
    int32_t tariff = (int32_t)tariff_now(m);
    m->now.quantity[VAL_TARIFF] = m->now.quantity[VAL_DEMAND_TARIFF] = tariff;
    m->now.quantity[VAL_SOURCE] = m->tou.second;
    supply_calendar(m);
}

/* An invalid clock has no date, so calendars say nothing. */
static void look(struct meter *m)
{
    struct tou *t = &m->tou;
    struct zone *z = &m->clock.zone;
    int64_t local = m->utc.s + zone_offset_s(z, m->utc);
    unsigned minute = (unsigned)(local % CAL_DAY_S / 60);
    if (!clock_is_valid(&m->clock)) {
        memset(t->says, 0, sizeof t->says);
        timer_stop(m, TIMER_TARIFF);
        return;
    }
    for (unsigned c = 0; c < CALENDARS; c++) {
        load_day(m, (enum calendar)c, (int32_t)(local / CAL_DAY_S));
        t->says[c] = says_at(&t->day[c], minute);
    }
    int64_t wait_s = next_minute(t, minute) * 60 - local % CAL_DAY_S;
    timer_set_utc(m, TIMER_TARIFF, (utc_t){ m->utc.s + wait_s });
}

void tou_plan(struct meter *m)
{
    for (unsigned c = 0; c < CALENDARS; c++) m->tou.day[c].number = UNKNOWN;
    look(m);
    apply(m);
}

static void forget_order(struct meter *m)
{
    if (!m->tou.ordered) return;
    m->tou.ordered = 0;
    hot_put(m, HOT_TARIFF, 0);
}

/* What a client ordered ends where the calendar switches, not at a midnight that changes
 * nothing. */
void tou_due(struct meter *m, utc_t due)
{
    uint8_t said = m->tou.says[CALENDAR_TARIFF];
    const struct tou_day *d = &m->tou.day[CALENDAR_TARIFF];
    (void)due;
    look(m);
    int64_t local = m->utc.s + zone_offset_s(&m->clock.zone, m->utc);
    bool switches = m->tou.says[CALENDAR_TARIFF] != said;
    for (unsigned i = 0; i < d->n; i++) switches |= d->minute[i] == local % CAL_DAY_S / 60;
    if (switches) forget_order(m);
    apply(m);
    credit_calendar(m);
}

/* -- orders and inputs --------------------------------------------------------------------- */

int tou_order(struct meter *m, const struct who *who, unsigned tariff)
{
    (void)who;
    if (tariff < 1 || tariff > TARIFFS) return E_RANGE;
    if (store_is_busy(&m->store)) return E_BUSY;
    m->tou.ordered = (uint8_t)tariff;
    hot_put(m, HOT_TARIFF, 0);
    apply(m);
    return 0;
}

unsigned tou_says(const struct meter *m, enum calendar c)
{
    return param_script(m, (uint16_t)(PARAM_TARIFF_SCRIPTS + c), m->tou.says[c]);
}

void tou_inputs(struct meter *m, bool second, unsigned rate)
{
    bool told = param_get(m, PARAM_RESOURCE_MODE) == RESOURCE_SOURCE;
    if (told && second != m->tou.second)
        event_post(m, second ? EV_SECOND_SOURCE : EV_GRID_SOURCE, NULL, NULL);
    m->tou.second = second;
    m->tou.rate = (uint8_t)(rate % TARIFFS);
    hot_put(m, HOT_TARIFF, 0);
    apply(m);
    credit_calendar(m);
}

/* {ordered 1, second source 1} */
int tou_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    body[0] = m->tou.ordered;
    body[1] = m->tou.second;
    return 2;
}

void tou_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != 2 || body[0] > TARIFFS || body[1] > 1) return;
    m->tou.ordered = body[0];
    m->tou.second = body[1];
}
