#include "meter/clock/zone.h"

#include <string.h>

#include "base/sys.h"

void zone_init(struct zone *z)
{
    memset(z, 0, sizeof *z);
}

void zone_changed(struct zone *z)
{
    z->year_from_s = z->year_to_s = 0;
}

/* The rule's moment in a civil year, in local time then in force; a rule without a day in that
 * year (30 February) never comes. */
static int64_t moment(const struct dst_rule *r, uint16_t year)
{
    int32_t day = when_next(&r->day, cal_days(year, 1, 1));
    if (day < 0 || day >= cal_days((uint16_t)(year + 1), 1, 1)) return INT64_MAX;
    return (int64_t)day * CAL_DAY_S + r->hour * 3600 + r->minute * 60 + r->second;
}

static int64_t standard_s(const struct zone *z)
{
    return z->offset_min * 60;
}

static int64_t shifted(int64_t local_s, int64_t by)
{
    return local_s == INT64_MAX ? INT64_MAX : local_s - by;
}

/* The rule is worked out once a year of standard local time. Years above 2198 have none. */
static void work_out(struct zone *z, utc_t u)
{
    if (u.s >= z->year_from_s && u.s < z->year_to_s) return;
    uint16_t year = cal_civil(u.s + standard_s(z)).year;
    if (year >= CAL_YEAR_MAX) year = CAL_YEAR_MAX - 1;
    z->year_from_s = cal_days(year, 1, 1) * INT64_C(86400) - standard_s(z);
    z->year_to_s = cal_days((uint16_t)(year + 1), 1, 1) * INT64_C(86400) - standard_s(z);
    z->begin_s = shifted(moment(&z->begin, year), standard_s(z));
    z->end_s = shifted(moment(&z->end, year), standard_s(z) + z->deviation_min * 60);
}

bool zone_is_dst(struct zone *z, utc_t u)
{
    if (!z->dst) return false;
    work_out(z, u);
    if (z->begin_s <= z->end_s) return u.s >= z->begin_s && u.s < z->end_s;
    return u.s >= z->begin_s || u.s < z->end_s; /* southern summer */
}

int32_t zone_offset_s(struct zone *z, utc_t u)
{
    return (int32_t)standard_s(z) + (zone_is_dst(z, u) ? z->deviation_min * 60 : 0);
}

int32_t zone_day(struct zone *z, utc_t u)
{
    return (int32_t)((u.s + zone_offset_s(z, u)) / CAL_DAY_S);
}

struct civil zone_civil(struct zone *z, utc_t u)
{
    return cal_civil(u.s + zone_offset_s(z, u));
}

/* Two candidates, one for each offset. The earlier that is consistent is the first passage;
 * when neither is, the local time never was, and the clock had just jumped over it. */
utc_t zone_utc(struct zone *z, int64_t local_s)
{
    utc_t plain = { local_s - standard_s(z) };
    if (!z->dst || !z->deviation_min) return plain;
    utc_t summer = { plain.s - z->deviation_min * 60 };
    utc_t early = summer.s < plain.s ? summer : plain,
          late = summer.s < plain.s ? plain : summer;
    if (early.s + zone_offset_s(z, early) == local_s) return early;
    if (late.s + zone_offset_s(z, late) == local_s) return late;
    return zone_next_change(z, (utc_t){ early.s - 1 });
}

static int64_t later(int64_t s, int64_t than, int64_t best)
{
    return s > than && s < best ? s : best;
}

utc_t zone_next_change(struct zone *z, utc_t u)
{
    int64_t best = INT64_MAX;
    if (!z->dst || !z->deviation_min) return (utc_t){ best };
    utc_t year = u;
    for (unsigned i = 0; i < 9 && best == INT64_MAX;
         i++) { /* 29 February may be eight years off */
        work_out(z, year);
        best = later(z->begin_s, u.s, best);
        best = later(z->end_s, u.s, best);
        year.s = z->year_to_s;
    }
    return (utc_t){ best };
}

/* Local time runs evenly up to the next change, so the point is simple before it. At the change
 * itself local time may land on a point, or jump over one: then the change is the point. */
utc_t zone_next_grid(struct zone *z, utc_t u, uint32_t period_s)
{
    ensure(period_s > 0 && CAL_DAY_S % period_s == 0);
    int64_t p = period_s, before = zone_offset_s(z, u);
    utc_t x = zone_next_change(z, u), c = { u.s + p - (u.s + before) % p };
    if (c.s < x.s) return c;
    int64_t local = x.s + zone_offset_s(z, x);
    bool is_jumped = local / p > (x.s - 1 + before) / p;
    return local % p == 0 || is_jumped ? x : (utc_t){ x.s + p - local % p };
}

bool zone_is_grid(struct zone *z, utc_t u, uint32_t period_s)
{
    return zone_next_grid(z, (utc_t){ u.s - 1 }, period_s).s == u.s;
}

/* At most one change lies within a day, so the point is at most two days back. */
utc_t zone_last_grid(struct zone *z, utc_t u, uint32_t period_s)
{
    utc_t c = { u.s - 2 * (int64_t)period_s }, next = zone_next_grid(z, c, period_s);
    for (unsigned i = 0; i < 4 && next.s <= u.s; i++) {
        c = next;
        next = zone_next_grid(z, c, period_s);
    }
    return c;
}

/* Three days: one whose time is past already, one whose time does not exist. */
utc_t zone_next_named(struct zone *z, const uint8_t o[ZONE_NAMED], utc_t u)
{
    struct when w = when_get(o + 4);
    int64_t tod = o[0] % 24 * 3600 + o[1] % 60 * 60 + (o[2] < 60 ? o[2] : 0);
    int32_t day = zone_day(z, u);
    for (unsigned i = 0; i < 3; i++) {
        int32_t d = when_next(&w, day);
        if (d < 0) break;
        utc_t at = zone_utc(z, (int64_t)d * CAL_DAY_S + tod);
        if (at.s > u.s) return at;
        day = d + 1;
    }
    return (utc_t){ UINT32_MAX };
}
