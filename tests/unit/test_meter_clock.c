/* Dates with wildcards, local time, the clock: against the C library's zones and plain
 * counting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "meter/clock/clock.h"
#include "meter/clock/when.h"
#include "meter/clock/zone.h"
#include "unit/slow_when.h"

static uint64_t seed = 22;

static uint64_t rnd(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 20) % below;
}

/* -- when -------------------------------------------------------------------------------------
 */

static struct when random_when(void)
{
    static const uint8_t special[] = { WHEN_ANY, WHEN_LAST, WHEN_SECOND_LAST };
    struct when w = { WHEN_ANY_YEAR, WHEN_ANY, WHEN_ANY, WHEN_ANY };
    if (rnd(3) == 0) w.year = (uint16_t)(2000 + rnd(100));
    if (rnd(2)) w.month = (uint8_t)(1 + rnd(12));
    w.day = rnd(2) ? (uint8_t)(1 + rnd(31)) : special[rnd(3)];
    if (rnd(2)) w.weekday = (uint8_t)(1 + rnd(7));
    return w;
}

static void dates_match_like_the_slow_evaluator(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct when w = random_when();
        int32_t from = cal_days((uint16_t)(2000 + rnd(95)), 1, 1);
        for (int32_t d = from; d < from + 1500; d++) {
            struct civil c = cal_civil((int64_t)d * CAL_DAY_S);
            assert_int_equal(when_matches(&w, &c), slow_matches(&w, &c));
        }
    }
}

static void next_date_is_the_first_that_matches(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct when w = random_when();
        int32_t day = cal_days(2024, 1, 1) + (int32_t)rnd(20000), next = when_next(&w, day),
                d = day;
        for (; d < day + 366 * 8; d++) {
            struct civil c = cal_civil((int64_t)d * CAL_DAY_S);
            if (slow_matches(&w, &c)) break;
        }
        assert_int_equal(next, d < day + 366 * 8 ? d : -1);
    }
}

static void last_date_is_the_newest_that_matched(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct when w = random_when();
        int32_t day = cal_days(2024, 1, 1) + (int32_t)rnd(20000), d = day;
        for (; d > day - 366 * 8; d--) {
            struct civil c = cal_civil((int64_t)d * CAL_DAY_S);
            if (slow_matches(&w, &c)) break;
        }
        assert_int_equal(when_last(&w, day), d > day - 366 * 8 ? d : -1);
    }
}

static void impossible_dates_are_refused(void **state)
{
    (void)state;
    const struct when bad[] = {
        { 2027, 2, 29, WHEN_ANY },          { WHEN_ANY_YEAR, 2, 30, WHEN_ANY },
        { WHEN_ANY_YEAR, 13, 1, WHEN_ANY }, { WHEN_ANY_YEAR, 0, 1, WHEN_ANY },
        { WHEN_ANY_YEAR, 1, 32, WHEN_ANY }, { WHEN_ANY_YEAR, 1, 1, 8 },
        { 1500, 1, 1, WHEN_ANY },           { WHEN_ANY_YEAR, 4, 31, WHEN_ANY }
    };
    const struct when good[] = { { WHEN_ANY_YEAR, 2, 29, WHEN_ANY },
                                 { 2028, 2, 29, WHEN_ANY },
                                 { WHEN_ANY_YEAR, WHEN_ANY, WHEN_LAST, 7 },
                                 { WHEN_ANY_YEAR, WHEN_ANY, 31, 1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(when_is_valid(&bad[i]));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(when_is_valid(&good[i]));
}

/* -- zone: the C library's POSIX rules are the second opinion ------------------------------ */

struct place {
    const char *tz;
    int16_t offset_min;
    struct dst_rule begin, end;
};

static const struct place places[] = {
    { "CET-1CEST,M3.5.0,M10.5.0/3",
      60,
      { { WHEN_ANY_YEAR, 3, WHEN_LAST, 7 }, 2, 0, 0 },
      { { WHEN_ANY_YEAR, 10, WHEN_LAST, 7 }, 3, 0, 0 } },
    { "EST5EDT,M3.2.0,M11.1.0",
      -300,
      { { WHEN_ANY_YEAR, 3, 8, 7 }, 2, 0, 0 },
      { { WHEN_ANY_YEAR, 11, 1, 7 }, 2, 0, 0 } },
    { "AEST-10AEDT,M10.1.0,M4.1.0/3",
      600,
      { { WHEN_ANY_YEAR, 10, 1, 7 }, 2, 0, 0 },
      { { WHEN_ANY_YEAR, 4, 1, 7 }, 3, 0, 0 } },
    { "IST-5:30", 330, { { 0, 0, 0, 0 }, 0, 0, 0 }, { { 0, 0, 0, 0 }, 0, 0, 0 } },
};

static struct zone zone_at(const struct place *p)
{
    struct zone z;
    zone_init(&z);
    z.offset_min = p->offset_min;
    z.deviation_min = 60;
    z.dst = p->begin.day.month != 0;
    z.begin = p->begin;
    z.end = p->end;
    setenv("TZ", p->tz, 1);
    tzset();
    return z;
}

static long libc_offset(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;
    localtime_r(&t, &tm);
    return (long)(cal_seconds(&(struct civil){ (uint16_t)(tm.tm_year + 1900),
                                               (uint8_t)(tm.tm_mon + 1), (uint8_t)tm.tm_mday, 0,
                                               (uint8_t)tm.tm_hour, (uint8_t)tm.tm_min,
                                               (uint8_t)tm.tm_sec }) -
                  s);
}

static void offsets_agree_with_the_c_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct zone z = zone_at(&places[i]);
        for (int k = 0; k < 20000; k++) {
            utc_t u = { INT64_C(946684800) + (int64_t)rnd(100ull * 365 * 86400) };
            assert_int_equal(zone_offset_s(&z, u), libc_offset(u.s));
        }
        for (utc_t u = { 1700000000 }; u.s < 1900000000;) { /* both sides of every change */
            utc_t x = zone_next_change(&z, u);
            if (x.s == INT64_MAX) break;
            assert_int_equal(zone_offset_s(&z, (utc_t){ x.s - 1 }), libc_offset(x.s - 1));
            assert_int_equal(zone_offset_s(&z, x), libc_offset(x.s));
            assert_int_not_equal(libc_offset(x.s - 1), libc_offset(x.s));
            u = x;
        }
    }
}

static void local_time_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct zone z = zone_at(&places[i]);
        for (int k = 0; k < 20000; k++) {
            utc_t u = { INT64_C(1700000000) + (int64_t)rnd(300000000) };
            int64_t local = u.s + zone_offset_s(&z, u);
            utc_t back = zone_utc(&z, local);
            assert_int_equal(back.s + zone_offset_s(&z, back), local);
            assert_true(back.s == u.s || back.s == u.s - 3600); /* the hour that comes twice */
        }
    }
}

/* A grid point: local time on a multiple of the period, or jumping over one. */
static bool slow_grid(struct zone *z, int64_t s, int64_t p)
{
    int64_t before = s - 1 + zone_offset_s(z, (utc_t){ s - 1 });
    int64_t now = s + zone_offset_s(z, (utc_t){ s });
    return now % p == 0 || now / p > before / p;
}

static void grids_are_found(void **state)
{
    static const uint32_t period[] = { 60, 300, 900, 1800, 3600, 86400 };
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct zone z = zone_at(&places[i]);
        for (int k = 0; k < 400; k++) {
            uint32_t p = period[rnd(6)];
            utc_t u = { INT64_C(1700000000) + (int64_t)rnd(300000000) };
            utc_t change = zone_next_change(&z, u);
            if (k % 2 && change.s != INT64_MAX) u.s = change.s - 7200 + (int64_t)rnd(14400);
            int64_t s = u.s + 1;
            while (!slow_grid(&z, s, p)) s++;
            assert_int_equal(zone_next_grid(&z, u, p).s, s);
            assert_true(zone_is_grid(&z, (utc_t){ s }, p));
            s = u.s;
            while (!slow_grid(&z, s, p)) s--;
            assert_int_equal(zone_last_grid(&z, u, p).s, s);
        }
    }
}

/* -- clock --------------------------------------------------------------------------------- */

static void a_date_is_reached_when_it_is_shown(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct clock c;
        clock_init(&c);
        c.drift_ppb = (int32_t)rnd(400000) - 200000;
        clock_start(&c, (mono_t){ rnd(1000000000000) }, (utc_t){ 1700000000 });
        if (rnd(2))
            clock_slew(&c, (mono_t){ c.base_mono_us + rnd(3600000000) }, (int)rnd(19) - 9);
        utc_t now = clock_utc(&c, (mono_t){ c.base_mono_us });
        utc_t u = { now.s + 1 + (int64_t)rnd(4000) };
        mono_t t = clock_mono(&c, u);
        assert_int_equal(clock_utc(&c, t).s, u.s);
        assert_int_equal(clock_utc(&c, (mono_t){ t.us - 1 }).s, u.s - 1);
    }
}

static void a_slew_is_exact_and_never_runs_back(void **state)
{
    (void)state;
    for (int by = -9; by <= 9; by++) {
        if (!by) continue;
        struct clock c;
        clock_init(&c);
        clock_start(&c, (mono_t){ 0 }, (utc_t){ 1700000000 });
        mono_t end = clock_slew(&c, (mono_t){ 5000000 }, by);
        int64_t last = 0;
        for (uint64_t us = 5000000; us <= end.us; us += 999983) {
            int64_t now = clock_utc_us(&c, (mono_t){ us });
            assert_true(now > last);
            last = now;
        }
        int64_t before = clock_utc_us(&c, end);
        clock_slewed(&c, end);
        int64_t after = clock_utc_us(&c, end);
        assert_true(after >= before);
        assert_int_equal(after,
                         INT64_C(1700000000000000) + (int64_t)end.us + by * INT64_C(1000000));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_match_like_the_slow_evaluator),
        cmocka_unit_test(next_date_is_the_first_that_matches),
        cmocka_unit_test(last_date_is_the_newest_that_matched),
        cmocka_unit_test(impossible_dates_are_refused),
        cmocka_unit_test(offsets_agree_with_the_c_library),
        cmocka_unit_test(local_time_comes_back),
        cmocka_unit_test(grids_are_found),
        cmocka_unit_test(a_date_is_reached_when_it_is_shown),
        cmocka_unit_test(a_slew_is_exact_and_never_runs_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
