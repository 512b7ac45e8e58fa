/* slow_when.h - which days a date with wildcards names, as one would say it: list the days of
 * the month that carry the weekday, pick by position. */
#ifndef TESTS_SLOW_WHEN_H
#define TESTS_SLOW_WHEN_H
#include "meter/clock/when.h"

static inline bool slow_day(const struct when *w, const struct civil *c)
{
    int list[31], n = 0, length = cal_month_days(c->year, c->month);
    for (int d = 1; d <= length; d++) {
        int weekday = (c->weekday - 1 + 7 * 10 + d - c->day) % 7 + 1;
        if (w->weekday == WHEN_ANY || weekday == w->weekday) list[n++] = d;
    }
    if (w->day == WHEN_LAST) return c->day == list[n - 1];
    if (w->day == WHEN_SECOND_LAST) return c->day == list[n - 2];
    for (int i = 0; i < n; i++) {
        if (w->day == WHEN_ANY && list[i] == c->day) return true;
        if (w->day != WHEN_ANY && list[i] >= w->day)
            return list[i] == c->day && (w->weekday != WHEN_ANY || list[i] == w->day);
    }
    return false;
}

static inline bool slow_matches(const struct when *w, const struct civil *c)
{
    if (w->year != WHEN_ANY_YEAR && w->year != c->year) return false;
    if (w->month != WHEN_ANY && w->month != c->month) return false;
    return slow_day(w, c);
}

#endif
