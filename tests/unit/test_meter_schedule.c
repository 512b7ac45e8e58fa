/* Orders by date: what is carried out, and when, against a slow and obvious reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lab.h"
#include "meter/clock/when.h"

static const int64_t T0 = 1767225600; /* 2026-01-01, a Thursday */
static uint64_t seed = 22;
static struct schedule_entry list[SCHEDULE_MAX];
static struct special_day special[8];
static unsigned entries, specials;

static unsigned rnd(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % n;
}

static struct lab *start(void)
{
    struct lab *l = lab_new(0, 0);
    assert_int_equal(lab_power_up(l, T0), 0);
    return l;
}

static const uint8_t any_date[5] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };

/* Every day at that time, whatever day it is. */
static struct schedule_entry daily(uint16_t index, uint8_t hour, uint8_t minute,
                                   enum command command, int8_t arg)
{
    struct schedule_entry x = { .index = index,
                                .enabled = true,
                                .command = (uint8_t)command,
                                .arg = arg,
                                .time = { hour, minute, 0, 0 },
                                .weekdays = 0xFE };
    memcpy(x.begin, any_date, 5);
    memcpy(x.end, any_date, 5);
    return x;
}

static void write_list(struct lab *l)
{
    meter_at(&l->m, l->now);
    assert_int_equal(schedule_begin(&l->m, &lab_who, entries), 0);
    for (unsigned i = 0; i < entries; i++) {
        assert_int_equal(schedule_put(&l->m, &lab_who, &list[i]), 0);
        lab_settle(l);
    }
    assert_int_equal(schedule_commit(&l->m, &lab_who), 0);
    lab_settle(l);
}

static void write_special(struct lab *l)
{
    assert_int_equal(calendar_begin(&l->m, &lab_who, CALENDAR_TARIFF, LIST_SPECIAL, specials),
                     0);
    for (unsigned i = 0; i < specials; i++) {
        assert_int_equal(calendar_put_special(&l->m, &lab_who, &special[i]), 0);
        lab_settle(l);
    }
    assert_int_equal(calendar_commit(&l->m, &lab_who), 0);
    lab_settle(l);
}

/* -- the slow reading ---------------------------------------------------------------------- */

/* A bound in digits, month and day, or day alone; its day may be any, last, last but one. */
static int slow_bound(const uint8_t bound[5], const struct civil *c, int any)
{
    static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int month = bound[2] == 0xFF ? 0 : bound[2], day = bound[3];
    int last = length[(month ? month : c->month) - 1];
    if (day == 0xFF) day = any;
    if (day == 0xFE) day = last;
    if (day == 0xFD) day = last - 1;
    return month * 100 + day;
}

/* The days of 2026 from 1 to 365; a bound as a day of that year, or of the month. */
static bool slow_between(const struct schedule_entry *x, const struct civil *c)
{
    bool yearly = x->begin[2] != 0xFF;
    int from = slow_bound(x->begin, c, 1), to = slow_bound(x->end, c, 31);
    int now = yearly ? c->month * 100 + c->day : c->day;
    for (int at = from;; at = at == 1231 ? 0 : at + 1) { /* round the year, or the month */
        if (at == now) return true;
        if (at == to) return false;
        if (!yearly && at == 31) at = 0;
    }
}

static int slow_special(const struct civil *c)
{
    for (unsigned i = 0; i < specials; i++)
        if (special[i].date[2] == c->month && special[i].date[3] == c->day)
            return special[i].day;
    return -1;
}

static bool slow_is_due(const struct schedule_entry *x, const struct civil *c)
{
    int day = slow_special(c);
    if (!x->enabled || x->time[1] != c->minute) return false;
    if (x->time[0] != 0xFF && x->time[0] != c->hour) return false;
    if (!slow_between(x, c)) return false;
    if (day >= 0) return day < x->special_n && (x->special[day / 8] >> (7 - day % 8) & 1);
    return x->weekdays >> (8 - c->weekday) & 1;
}

/* What is ordered in this minute; of several the one of the highest index. */
static void slow_minute(int64_t utc, int32_t *tariff)
{
    struct civil c = cal_civil(utc);
    int best = -1;
    for (unsigned i = 0; i < entries; i++)
        if (slow_is_due(&list[i], &c) && (int)list[i].index > best) {
            best = list[i].index;
            *tariff = (uint8_t)list[i].arg;
        }
}

static uint8_t random_bound(void)
{
    return (uint8_t)(rnd(3) ? 1 + rnd(28) : 0xFD + rnd(3));
}

static void random_bounds(struct schedule_entry *x)
{
    unsigned kind = rnd(4);
    if (kind == 0) return; /* any day */
    x->begin[3] = random_bound();
    x->end[3] = random_bound();
    if (kind == 1) return; /* days of any month */
    x->begin[2] = (uint8_t)(1 + rnd(12));
    x->end[2] = (uint8_t)(1 + rnd(12));
}

static void random_list(void)
{
    entries = rnd(SCHEDULE_MAX + 1);
    specials = rnd(8);
    for (unsigned i = 0; i < specials; i++)
        special[i] = (struct special_day){ (uint16_t)i,
                                           { 0xFF, 0xFF, 1, (uint8_t)(3 * i + 1), 0xFF },
                                           (uint8_t)rnd(70) };
    for (unsigned i = 0; i < entries; i++) {
        list[i] = daily((uint16_t)((i * 37 + 11) % 64), (uint8_t)rnd(24), (uint8_t)rnd(60),
                        CMD_TARIFF, (int8_t)(1 + rnd(8)));
        if (rnd(8) == 0) list[i].time[0] = 0xFF;
        list[i].enabled = rnd(8) != 0;
        list[i].weekdays = (uint8_t)(rnd(128) << 1);
        list[i].special_n = (uint8_t)rnd(65);
        for (unsigned k = 0; k < 8; k++) list[i].special[k] = (uint8_t)rnd(256);
        if (rnd(2)) random_bounds(&list[i]);
    }
}

static void every_minute_agrees(void **state)
{
    (void)state;
    for (int round = 0; round < 12; round++) {
        struct lab *l = start();
        random_list();
        write_special(l);
        lab_run_until(l, T0 + 30);
        write_list(l);
        int32_t want = 1;
        for (int64_t utc = T0 + 60; utc < T0 + 25 * 86400; utc += 60) {
            slow_minute(utc, &want);
            lab_run_until(l, utc + 1);
            assert_int_equal(l->m.now.quantity[VAL_TARIFF], want);
        }
        lab_free(l);
    }
}

/* -- lights out ---------------------------------------------------------------------------- */

static void off_from_to(struct lab *l, int64_t from, int64_t to)
{
    lab_run_until(l, from);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, to), 0);
    lab_settle(l);
}

static void what_was_missed_comes_within_its_window(void **state)
{
    struct lab *l = start();
    (void)state;
    entries = 4;
    list[0] = daily(1, 6, 0, CMD_TARIFF, 3);
    list[1] = daily(2, 7, 0, CMD_TARIFF, 5);
    list[2] = daily(3, 5, 0, CMD_TARIFF, 2);
    list[3] = daily(4, 12, 0, CMD_TARIFF, 8);
    list[0].window_min = 60;
    list[1].window_min = SCHEDULE_ALWAYS;
    write_list(l);
    off_from_to(l, T0 + 4 * 3600, T0 + 6 * 3600 + 3599); /* 5:00 is late, 6:00 is not */
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 3);
    off_from_to(l, T0 + 13 * 3600, T0 + 86400 + 6 * 3600 + 3660);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 5); /* 7:00 of this day */
    off_from_to(l, T0 + 86400 + 13 * 3600, T0 + 6 * 86400);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 5); /* of the days between */
    lab_free(l);
}

static uint32_t periods(struct lab *l)
{
    return billing_span(&l->m, BILLING_MONTHLY).next;
}

/* Ends of periods can be counted: one a day, though the supply fails just after each. */
static void an_order_comes_once(void **state)
{
    struct lab *l = start();
    (void)state;
    entries = 1;
    list[0] = daily(1, 6, 0, CMD_BILLING_END, 0);
    list[0].window_min = SCHEDULE_ALWAYS;
    write_list(l);
    for (unsigned day = 0; day < 5; day++) {
        int64_t at = T0 + day * 86400 + 6 * 3600;
        off_from_to(l, at + 2 + day * 200, at + 3600);
        assert_int_equal(periods(l), day + 1);
    }
    lab_free(l);
}

/* At its moment the store is at work, for longer than the order's window: it is not lost. */
static void a_busy_store_delays_it(void **state)
{
    struct lab *l = start();
    (void)state;
    entries = 1;
    list[0] = daily(1, 6, 0, CMD_BILLING_END, 0);
    write_list(l);
    lab_run_until(l, T0 + 6 * 3600 - 1);
    for (unsigned i = 0; i < 3; i++) {
        meter_at(&l->m, mono_after(l->now, (1 + i) * UINT64_C(1000000)));
        assert_int_equal(param_set(&l->m, &lab_who, PARAM_PULSE_MS, 50 + (int32_t)i), 0);
        schedule_due(&l->m, l->m.utc);
        assert_int_equal(periods(l), 0);
        lab_settle(l);
    }
    lab_run_s(l, 5);
    assert_int_equal(periods(l), 1);
    lab_run_s(l, 600);
    assert_int_equal(periods(l), 1);
    lab_free(l);
}

static void set_clock(struct lab *l, int64_t utc)
{
    assert_int_equal(clock_order(&l->m, &lab_who, CLOCK_SET, utc, false), 0);
    lab_settle(l);
}

static void the_clock_goes_over_it(void **state)
{
    struct lab *l = start();
    (void)state;
    entries = 2;
    list[0] = daily(1, 6, 0, CMD_BILLING_END, 0);
    list[1] = daily(2, 9, 0, CMD_BILLING_END, 0);
    list[0].window_min = SCHEDULE_ALWAYS;
    write_list(l);
    lab_run_until(l, T0 + 3600);
    set_clock(l, T0 + 7 * 3600); /* forward: made up for */
    lab_run_s(l, 10);
    assert_int_equal(periods(l), 1);
    lab_run_s(l, 600);
    set_clock(l, T0 + 5 * 3600); /* back: it comes again */
    lab_run_s(l, 10);
    assert_int_equal(periods(l), 1);
    lab_run_until(l, T0 + 6 * 3600 + 10);
    assert_int_equal(periods(l), 2);
    set_clock(l, T0 + 12 * 3600); /* forward: 9:00 has no window */
    lab_run_s(l, 600);
    assert_int_equal(periods(l), 2);
    lab_free(l);
}

/* -- lists --------------------------------------------------------------------------------- */

static int put_one(struct lab *l, const struct schedule_entry *x, unsigned times)
{
    int err = 0;
    assert_int_equal(schedule_begin(&l->m, &lab_who, 2), 0);
    for (unsigned i = 0; i < times && err >= 0; i++) err = schedule_put(&l->m, &lab_who, x);
    param_stage_abort(&l->m, &lab_who);
    return err;
}

static void wrong_entries_are_refused(void **state)
{
    struct lab *l = start();
    struct schedule_entry good = daily(7, 23, 59, CMD_TARIFF, 8), x;
    (void)state;
    entries = 1;
    list[0] = good;
    write_list(l);
    assert_int_equal(put_one(l, &good, 1), 0);
    assert_int_equal(put_one(l, &good, 2), E_RANGE); /* the index twice */
    x = good, x.time[0] = 24;
    assert_int_equal(put_one(l, &x, 1), E_RANGE);
    x = good, x.time[1] = 0xFF;
    assert_int_equal(put_one(l, &x, 1), E_RANGE);
    x = good, x.arg = 9;
    assert_int_equal(put_one(l, &x, 1), E_RANGE);
    x = good, x.command = COMMANDS;
    assert_int_equal(put_one(l, &x, 1), E_RANGE);
    x = good, x.begin[2] = 13;
    assert_int_equal(put_one(l, &x, 1), E_RANGE);
    x = good, x.special_n = 65;
    assert_int_equal(put_one(l, &x, 1), E_RANGE);
    assert_int_equal(schedule_begin(&l->m, &lab_who, SCHEDULE_MAX + 1), E_RANGE);
    assert_int_equal(schedule_put(&l->m, &lab_who, &good), E_STATE);
    assert_int_equal(schedule_entries(&l->m), 1); /* the old one is kept */
    assert_int_equal(schedule_entry(&l->m, 0, &x), 0);
    assert_memory_equal(&x, &good, sizeof x);
    assert_int_equal(schedule_entry(&l->m, 1, &x), E_NONE);
    lab_free(l);
}

/* Written before the clock was ever right: what is past then is past. */
static void it_waits_for_the_clock(void **state)
{
    struct lab *l = lab_new(0, 0);
    (void)state;
    l->rtc_lost = true;
    lab_power_up(l, T0);
    assert_false(clock_is_valid(&l->m.clock));
    entries = 1;
    list[0] = daily(1, 6, 0, CMD_BILLING_END, 0);
    list[0].window_min = SCHEDULE_ALWAYS;
    write_list(l);
    lab_run_s(l, 2 * 86400);
    assert_int_equal(periods(l), 0);
    set_clock(l, T0 + 5 * 86400 + 3600);
    lab_run_s(l, 3600);
    assert_int_equal(periods(l), 0);
    lab_run_until(l, T0 + 5 * 86400 + 6 * 3600 + 5);
    assert_int_equal(periods(l), 1);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_minute_agrees),
        cmocka_unit_test(what_was_missed_comes_within_its_window),
        cmocka_unit_test(an_order_comes_once),
        cmocka_unit_test(a_busy_store_delays_it),
        cmocka_unit_test(the_clock_goes_over_it),
        cmocka_unit_test(wrong_entries_are_refused),
        cmocka_unit_test(it_waits_for_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
