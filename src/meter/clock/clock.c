#include "meter/clock/clock.h"

#include <string.h>

#include "base/bytes.h"
#include "base/fixed.h"

#define SECOND_US INT64_C(1000000)
#define GIGA INT64_C(1000000000)

enum { SLEW_SPREAD = 60 }; /* seconds in which one is gained or lost */

void clock_init(struct clock *c)
{
    memset(c, 0, sizeof *c);
    zone_init(&c->zone);
    c->status = CLOCK_INVALID;
}

/* What d microseconds gain, cut towards zero; years of d stay inside 64 bits. */
static int64_t gained_us(int64_t d, int64_t ppb)
{
    return d / GIGA * ppb + d % GIGA * ppb / GIGA;
}

int64_t clock_utc_us(const struct clock *c, mono_t t)
{
    int64_t d = (int64_t)(t.us - c->base_mono_us);
    return c->base_utc_us + d + (c->rate_ppb ? gained_us(d, c->rate_ppb) : 0);
}

static int64_t floor_s(int64_t us)
{
    return us >= 0 ? us / SECOND_US : -((-us + SECOND_US - 1) / SECOND_US);
}

utc_t clock_utc(const struct clock *c, mono_t t)
{
    return (utc_t){ floor_s(clock_utc_us(c, t)) };
}

mono_t clock_mono(const struct clock *c, utc_t u)
{
    if (u.s >= INT64_MAX / SECOND_US) return MONO_NEVER;
    int64_t ahead = u.s * SECOND_US - c->base_utc_us;
    if (ahead <= 0) return (mono_t){ c->base_mono_us };
    if (!c->rate_ppb) return (mono_t){ c->base_mono_us + (uint64_t)ahead };
    uint64_t guess = muldiv_u64((uint64_t)ahead, GIGA, (uint64_t)(GIGA + c->rate_ppb));
    mono_t t = { c->base_mono_us + guess }; /* a microsecond off at most */
    while (clock_utc_us(c, t) < u.s * SECOND_US) t.us++;
    while (t.us > c->base_mono_us && clock_utc_us(c, (mono_t){ t.us - 1 }) >= u.s * SECOND_US)
        t.us--;
    return t;
}

bool clock_is_valid(const struct clock *c)
{
    return !(c->status & CLOCK_INVALID);
}

struct stamp12 clock_stamp(struct clock *c, utc_t u)
{
    bool dst = zone_is_dst(&c->zone, u);
    return (struct stamp12){ zone_civil(&c->zone, u),
                             (int16_t)(-zone_offset_s(&c->zone, u) / 60),
                             (uint8_t)(c->status | (dst ? CLOCK_DST : 0)) };
}

void clock_put_stamp(struct clock *c, utc_t u, uint8_t dt[12])
{
    struct stamp12 s = clock_stamp(c, u);
    be_put16(dt, s.local.year);
    dt[2] = s.local.month;
    dt[3] = s.local.day;
    dt[4] = s.local.weekday;
    dt[5] = s.local.hour;
    dt[6] = s.local.minute;
    dt[7] = s.local.second;
    dt[8] = 0;
    be_put16(dt + 9, (uint16_t)s.deviation_min);
    dt[11] = s.status;
}

/* -- base and rate: the only places that move them -------------------------------------------
 */

void clock_start(struct clock *c, mono_t t, utc_t u)
{
    c->base_mono_us = t.us;
    c->base_utc_us = u.s * SECOND_US;
    c->rate_ppb = c->drift_ppb;
    c->slew_s = 0;
}

void clock_rebase(struct clock *c, mono_t t)
{
    c->base_utc_us = clock_utc_us(c, t);
    c->base_mono_us = t.us;
}

/* One second a minute. The rate is rounded so that the exact end is never behind the clock. */
mono_t clock_slew(struct clock *c, mono_t t, int32_t by_s)
{
    clock_rebase(c, t);
    c->slew_s = by_s;
    c->rate_ppb = c->drift_ppb + (by_s > 0 ? 16666666 : -16666667);
    return mono_after(t, (uint64_t)(by_s < 0 ? -by_s : by_s) * SLEW_SPREAD * 1000000);
}

void clock_slewed(struct clock *c, mono_t t)
{
    int32_t slew_s = c->slew_s;
    c->rate_ppb = c->drift_ppb;
    c->slew_s = 0;
    clock_rebase(c, t);
    c->base_utc_us += slew_s * SECOND_US;
}
