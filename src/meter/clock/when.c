#include "meter/clock/when.h"

#include "base/bytes.h"

struct when when_get(const uint8_t octets[WHEN_SIZE])
{
    return (struct when){ be_get16(octets), octets[2], octets[3], octets[4] };
}

void when_put(uint8_t octets[WHEN_SIZE], const struct when *w)
{
    be_put16(octets, w->year);
    octets[2] = w->month;
    octets[3] = w->day;
    octets[4] = w->weekday;
}

static bool is_year(uint16_t y)
{
    return y == WHEN_ANY_YEAR || (y >= CAL_YEAR_MIN && y <= CAL_YEAR_MAX);
}

static bool is_field(uint8_t v, uint8_t max)
{
    return v == WHEN_ANY || (v >= 1 && v <= max);
}

/* 29 February of any year exists; 30 February never does, nor 29 February of 2027. */
static bool day_exists(const struct when *w)
{
    uint16_t leap = 2000;
    if (w->day > 31 || w->month == WHEN_ANY) return true;
    return w->day <= cal_month_days(w->year == WHEN_ANY_YEAR ? leap : w->year, w->month);
}

bool when_is_valid(const struct when *w)
{
    bool day = is_field(w->day, 31) || w->day == WHEN_LAST || w->day == WHEN_SECOND_LAST;
    return is_year(w->year) && is_field(w->month, 12) && day && is_field(w->weekday, 7) &&
           day_exists(w);
}

/* The last day of the month, or second last, or that weekday's; 0 where the day is plain. */
static bool is_day(const struct when *w, const struct civil *c)
{
    uint8_t length = cal_month_days(c->year, c->month);
    bool any = w->weekday == WHEN_ANY;
    if (!any && w->weekday != c->weekday) return false;
    if (w->day == WHEN_ANY) return true;
    if (w->day == WHEN_LAST) return any ? c->day == length : c->day > length - 7;
    if (w->day == WHEN_SECOND_LAST)
        return any ? c->day == length - 1 : c->day > length - 14 && c->day <= length - 7;
    return any ? c->day == w->day : c->day >= w->day && c->day < w->day + 7;
}

bool when_matches(const struct when *w, const struct civil *c)
{
    if (w->year != WHEN_ANY_YEAR && w->year != c->year) return false;
    if (w->month != WHEN_ANY && w->month != c->month) return false;
    return is_day(w, c);
}

unsigned when_wildness(const struct when *w)
{
    return (unsigned)(w->year == WHEN_ANY_YEAR) + (w->month == WHEN_ANY) +
           (w->day == WHEN_ANY) + (w->weekday == WHEN_ANY);
}

enum { EIGHT_YEARS = 366 * 8 };

/* The first day of the month that follows c's, or the last of the one before. */
static int32_t month_after(const struct civil *c)
{
    return cal_days(c->year, c->month, 1) + cal_month_days(c->year, c->month);
}

static int32_t month_before(const struct civil *c)
{
    return cal_days(c->year, c->month, 1) - 1;
}

/* How far c is before the day that the rule names by its number; 0 where it names none. */
static int32_t days_to(const struct when *w, const struct civil *c)
{
    return w->weekday == WHEN_ANY && w->day <= 31 ? w->day - c->day : 0;
}

/* Days and months that cannot fit are passed whole, so the walk is short for any rule that names
 * one. */
int32_t when_next(const struct when *w, int32_t day)
{
    for (int32_t d = day; d < day + EIGHT_YEARS;) {
        struct civil c = cal_civil((int64_t)d * CAL_DAY_S);
        if (when_matches(w, &c)) return d;
        bool month = w->month == WHEN_ANY || w->month == c.month;
        int32_t to = days_to(w, &c);
        d = !month || to < 0 ? month_after(&c) : d + (to ? to : 1);
    }
    return -1;
}

int32_t when_last(const struct when *w, int32_t day)
{
    for (int32_t d = day; d > day - EIGHT_YEARS && d >= 0;) {
        struct civil c = cal_civil((int64_t)d * CAL_DAY_S);
        if (when_matches(w, &c)) return d;
        bool month = w->month == WHEN_ANY || w->month == c.month;
        int32_t to = days_to(w, &c);
        d = !month || to > 0 ? month_before(&c) : d + (to ? to : -1);
    }
    return -1;
}
