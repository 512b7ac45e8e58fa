/* A meter lives: hours and months of load, cuts, clocks that jump; flash is read back as a
 * client would. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "lab.h"
#include "meter/profile/scan.h"

enum { MAX_ROWS = 4000 };
static const int64_t T0 = 1767225600; /* 2026-01-01T00:00:00Z, a Thursday */

static uint64_t seed = 7;

static uint64_t rnd(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 20) % below;
}

static struct lab *start(int64_t utc)
{
    struct lab *l = lab_new(0, 0);
    assert_int_equal(lab_power_up(l, utc), 0);
    l->load = (struct lab_load){ 2345678, 345678, 231000, 10300 };
    return l;
}

static int64_t reg(struct lab *l, uint16_t id)
{
    return reg_at(&l->m.now, id);
}

static struct profile_row rows[MAX_ROWS];

static unsigned read_rows(struct lab *l, unsigned survey)
{
    struct profile_span s = profile_span(&l->m, survey);
    assert_true(s.next - s.first < MAX_ROWS);
    for (uint32_t i = s.first; i < s.next; i++)
        assert_int_equal(profile_read(&l->m, survey, i, &rows[i - s.first]), 0);
    return s.next - s.first;
}

static struct event_row events[MAX_ROWS];

static unsigned read_log(struct lab *l, enum event_log log)
{
    struct event_span s = event_span(&l->m, log);
    for (uint32_t i = s.first; i < s.next; i++)
        assert_int_equal(event_read(&l->m, log, i, &events[i - s.first]), 0);
    return s.next - s.first;
}

static int find_event(struct lab *l, enum event_log log, uint16_t code)
{
    for (unsigned n = read_log(l, log); n-- > 0;)
        if (events[n].code == code) return (int)n;
    return -1;
}

static unsigned count_events(struct lab *l, enum event_log log, uint16_t code)
{
    unsigned found = 0;
    for (unsigned n = read_log(l, log); n-- > 0;) found += events[n].code == code;
    return found;
}

static void check_energy(struct lab *l)
{
    for (unsigned k = 0; k < CELLS; k++)
        for (unsigned d = 0; d < DIRECTIONS; d++)
            assert_int_equal(energy_nj(&l->m.energy, &l->m.now, k, d), l->fed_nj[k][d]);
}

/* -- counting ------------------------------------------------------------------------------ */

static void hours_are_counted_exactly(void **state)
{
    struct lab *l = start(T0 + 77);
    (void)state;
    lab_run_s(l, 3600);
    l->load = (struct lab_load){ -1500000, -200000, 229000, 6600 };
    lab_run_s(l, 5400);
    check_energy(l);
    assert_int_equal(reg(l, REG_WH_IMPORT), 2345);
    assert_int_equal(reg(l, REG_WH_EXPORT), 2250);
    assert_int_equal(reg(l, REG_WH_NET), 95);
    assert_int_equal(reg(l, REG_WH_Q3), 2250);
    assert_int_equal(l->pulses[IMPULSE_WH], reg(l, REG_WH_ABS));
    assert_int_equal(l->pulses[IMPULSE_VARH], reg(l, REG_VARH_ABS));
    lab_free(l);
}

static void rows_stand_on_the_grid_and_sum_up(void **state)
{
    struct lab *l = start(T0 + 77);
    (void)state;
    for (int i = 0; i < 48; i++) {
        l->load.p_mw = (int32_t)rnd(5000000);
        lab_run_s(l, 1800);
    }
    unsigned n = read_rows(l, 0);
    assert_int_equal(n, 96);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(rows[i].time.s, T0 + 900 * (i + 1));
        assert_int_equal(rows[i].status, 0);
        assert_int_equal(rows[i].value[0], rows[i].time.s);
        assert_int_equal(rows[i].value[1], 0);
        if (i) assert_true(rows[i].value[2] >= rows[i - 1].value[2]);
        assert_int_equal(rows[i].value[8], 2310); /* mean voltage, 0.1 V */
        assert_int_equal(rows[i].value[9], 10300);
    }
    assert_true((int64_t)rows[n - 1].value[2] <= reg(l, REG_WH_IMPORT));
    assert_int_equal(read_rows(l, 1), 24);
    assert_int_equal(read_rows(l, 2), 144);
    lab_free(l);
}

/* The same minutes, whatever the steps: the same flash, bit for bit. (Judging the supply is
 * left out: how soon a limit is seen passed depends on the length of the windows fed.) */
static void steps_leave_no_trace(void **state)
{
    static const uint64_t step[] = { 1000, 200000, 60000000, 3600000000, 0 };
    uint32_t hash[5];
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct lab *l = start(T0 + 10000);
        for (int k = 0; k < 6; k++) {
            l->load.p_mw = (k - 2) * 1111111 + 500000;
            l->load.q_mvar = (k % 3 - 1) * 333333;
            uint64_t until = (uint64_t)(k + 1) * 120 * 1000000;
            while (l->now.us < until) {
                uint64_t end = step[i] ? until : l->now.us + 1 + rnd(90000000);
                if (end > until) end = until;
                lab_run_to(l, (mono_t){ end }, step[i] ? step[i] : 1 + rnd(70000000));
            }
            param_set(&l->m, &lab_who, PARAM_PULSE_MS, 40 + k);
            lab_settle(l);
        }
        hash[i] = lab_hash(l);
        lab_free(l);
    }
    for (int i = 1; i < 5; i++) assert_int_equal(hash[i], hash[0]);
}

/* -- power --------------------------------------------------------------------------------- */

static void a_gasp_loses_nothing(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    lab_run_s(l, 7 * 60 + 33); /* in the middle of a minute and an interval */
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 1000), 0);
    check_energy(l);
    lab_run_s(l, 1000);
    check_energy(l);
    unsigned n = read_rows(l, 0);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].time.s, T0 + 900);
    assert_int_equal(rows[0].status, PROFILE_POWER_DOWN);
    assert_int_equal(rows[0].value[8], 2310); /* the mean survived */
    assert_int_equal(rows[1].time.s, T0 + 1800);
    assert_int_equal(rows[1].status, PROFILE_POWER_DOWN);
    lab_free(l);
}

static void a_short_cut_inside_an_interval_flags_it_once(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    lab_run_s(l, 7 * 60);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 480), 0);
    lab_run_s(l, 2000);
    assert_int_equal(read_rows(l, 0), 2);
    assert_int_equal(rows[0].time.s, T0 + 900);
    assert_int_equal(rows[0].status, PROFILE_POWER_DOWN);
    assert_int_equal(rows[1].status, 0);
    lab_free(l);
}

static void an_outage_is_dated_and_told(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    lab_run_s(l, 600);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 7200), 0);
    unsigned n = read_log(l, LOG_STANDARD);
    assert_int_equal(n, 3);
    assert_int_equal(events[0].code, EV_POWER_UP);
    assert_int_equal(events[1].code, EV_POWER_DOWN);
    assert_int_equal(events[1].time.s, T0 + 600);
    assert_int_equal(events[2].code, EV_POWER_UP);
    assert_int_equal(events[2].time.s, T0 + 7200);
    assert_int_equal(events[2].duration_s, 6600);
    assert_int_equal(read_log(l, LOG_POWER), 1);
    assert_int_equal(events[0].time.s, T0 + 7200);
    assert_int_equal(events[0].duration_s, 6600);
    assert_int_equal(reg(l, REG_POWER_FAILURES), 1);
    assert_int_equal(reg(l, REG_LONG_FAILURES), 1);
    assert_int_equal(reg(l, REG_BOOTS), 2);
    assert_true(find_event(l, LOG_QUALITY, EV_LONG_INTERRUPTION) >= 0);
    /* gaps, no invented rows: one row closes the interval of 00:15 */
    assert_int_equal(read_rows(l, 0), 1);
    assert_int_equal(rows[0].time.s, T0 + 900);
    lab_free(l);
}

/* Cut between two dated records: the power went after what was told last, not before. */
static void an_outage_comes_after_what_was_told(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    lab_run_s(l, 612);
    event_post(&l->m, EV_UNEXPECTED_CONSUMPTION, NULL, NULL);
    lab_run_s(l, 5);
    lab_power_down(l, false);
    assert_int_equal(lab_power_up(l, T0 + 7200), 0);
    unsigned n = read_log(l, LOG_STANDARD);
    assert_int_equal(events[n - 2].code, EV_POWER_DOWN);
    assert_int_equal(events[n - 2].time.s, T0 + 612);
    lab_free(l);
}

/* Killed at any moment, hard: never ahead, at most a minute behind, rows whole, events in
 * order. */
static void thunderbolts_cost_a_minute_at_most(void **state)
{
    struct lab *l = start(T0);
    int64_t utc = T0;
    (void)state;
    for (int i = 0; i < 300; i++) {
        l->load = (struct lab_load){ (int32_t)rnd(9000000) - 3000000,
                                     (int32_t)rnd(2000000) - 1000000, 230000, 5000 };
        uint64_t us = rnd(1200000000);
        lab_run_to(l, mono_after(l->now, us), 1 + rnd(60000000));
        utc = clock_utc(&l->m.clock, l->now).s;
        lab_power_down(l, i % 3 == 0);
        utc += (int64_t)rnd(3000);
        assert_int_equal(lab_power_up(l, utc), 0);
        for (unsigned k = 0; k < CELLS; k++) {
            for (unsigned d = 0; d < DIRECTIONS; d++) {
                uint64_t has = energy_nj(&l->m.energy, &l->m.now, k, d),
                         *fed = &l->fed_nj[k][d];
                uint64_t minute = 60 * UINT64_C(10000000) * 1000000;
                assert_true(has <= *fed && *fed - has <= minute);
                if (i % 3 == 0) assert_int_equal(has, *fed);
                *fed = has;
            }
        }
    }
    unsigned n = read_rows(l, 0);
    for (unsigned i = 1; i < n; i++) {
        assert_true(rows[i].time.s > rows[i - 1].time.s);
        assert_int_equal(rows[i].time.s % 900, 0);
        assert_true(rows[i].value[2] >= rows[i - 1].value[2]);
    }
    n = read_log(l, LOG_STANDARD);
    for (unsigned i = 1; i < n; i++) assert_true(events[i].time.s >= events[i - 1].time.s);
    assert_int_equal(reg(l, REG_POWER_FAILURES), 300);
    lab_free(l);
}

static void a_cut_on_the_grid_point_makes_no_row_twice(void **state)
{
    (void)state;
    for (int late = 0; late < 3; late++) {
        struct lab *l = start(T0);
        lab_run_s(l, 900 + (uint64_t)late);
        lab_power_down(l, late == 1);
        assert_int_equal(lab_power_up(l, T0 + 1000), 0);
        lab_run_s(l, 1600);
        assert_int_equal(read_rows(l, 0), 2);
        assert_int_equal(rows[0].time.s, T0 + 900);
        assert_int_equal(rows[0].status, 0);
        assert_int_equal(rows[1].time.s, T0 + 1800);
        assert_int_equal(rows[1].status, PROFILE_POWER_DOWN);
        lab_free(l);
    }
}

/* -- clock --------------------------------------------------------------------------------- */

static void set_clock(struct lab *l, int64_t utc)
{
    meter_at(&l->m, l->now);
    assert_int_equal(clock_order(&l->m, &lab_who, CLOCK_SET, utc, false), 0);
    lab_settle(l);
}

static int64_t now(struct lab *l)
{
    return clock_utc(&l->m.clock, l->now).s;
}

static void nine_seconds_are_slewed(void **state)
{
    struct lab *l = start(T0 + 100);
    (void)state;
    set_clock(l, T0 + 109);
    assert_int_equal(now(l), T0 + 100);
    lab_run_s(l, 540);
    assert_int_equal(now(l), T0 + 649);
    lab_run_s(l, 1000);
    assert_int_equal(now(l), T0 + 1649);
    assert_true(find_event(l, LOG_STANDARD, EV_CLOCK_SLEWED) >= 0);
    assert_int_equal(find_event(l, LOG_STANDARD, EV_CLOCK_OLD), -1);
    assert_int_equal(read_rows(l, 0), 1);
    assert_int_equal(rows[0].time.s, T0 + 900);
    assert_int_equal(rows[0].status, 0);
    check_energy(l);
    lab_free(l);
}

static void a_minute_is_stepped_and_told(void **state)
{
    struct lab *l = start(T0 + 100);
    (void)state;
    set_clock(l, T0 + 140);
    assert_int_equal(now(l), T0 + 140);
    unsigned n = read_log(l, LOG_STANDARD);
    assert_int_equal(events[n - 2].code, EV_CLOCK_OLD);
    assert_int_equal(events[n - 2].time.s, T0 + 100);
    assert_int_equal(events[n - 1].code, EV_CLOCK_NEW);
    assert_int_equal(events[n - 1].time.s, T0 + 140);
    assert_int_equal(events[n - 1].who.sap, lab_who.sap);
    assert_true(find_event(l, LOG_SECURITY, EV_CLOCK_CHANGED) >= 0);
    lab_run_s(l, 900);
    assert_int_equal(read_rows(l, 0), 1);
    assert_int_equal(rows[0].status, 0);
    lab_free(l);
}

static void a_small_step_back_repeats_no_row(void **state)
{
    struct lab *l = start(T0 + 100);
    (void)state;
    lab_run_s(l, 810); /* 00:15:10 */
    set_clock(l, T0 + 890);
    lab_run_s(l, 1000);
    assert_int_equal(read_rows(l, 0), 2);
    assert_int_equal(rows[0].time.s, T0 + 900);
    assert_int_equal(rows[1].time.s, T0 + 1800);
    lab_free(l);
}

static void a_far_step_forward_leaves_a_gap(void **state)
{
    struct lab *l = start(T0 + 100);
    (void)state;
    lab_run_s(l, 1000); /* 00:18:20 */
    set_clock(l, T0 + 3 * 3600 + 300);
    lab_run_s(l, 2000);
    unsigned n = read_rows(l, 0);
    assert_int_equal(n, 4);
    assert_int_equal(rows[0].time.s, T0 + 900);
    assert_int_equal(rows[1].time.s, T0 + 1800);
    assert_int_equal(rows[1].status, PROFILE_CLOCK_ADJUSTED);
    assert_int_equal(rows[2].time.s, T0 + 3 * 3600 + 900);
    assert_int_equal(rows[2].status, PROFILE_CLOCK_ADJUSTED);
    assert_int_equal(rows[3].status, 0);
    check_energy(l);
    lab_free(l);
}

static void a_far_step_back_keeps_both_sides(void **state)
{
    struct lab *l = start(T0 + 100);
    (void)state;
    lab_run_s(l, 3600 + 500); /* 01:10 */
    set_clock(l, T0 + 600);
    lab_run_s(l, 1300);
    unsigned n = read_rows(l, 0);
    assert_int_equal(n, 7);
    assert_int_equal(rows[3].time.s, T0 + 3600);
    assert_int_equal(rows[4].time.s, T0 + 4200); /* off the grid: the old time */
    assert_int_equal(rows[4].status, PROFILE_CLOCK_ADJUSTED);
    assert_int_equal(rows[5].time.s, T0 + 900); /* again */
    assert_int_equal(rows[5].status, PROFILE_CLOCK_ADJUSTED);
    assert_int_equal(rows[6].status, 0);
    for (unsigned i = 1; i < n; i++) assert_true(rows[i].value[2] >= rows[i - 1].value[2]);
    struct scan s;
    scan_begin_survey(&l->m, &s, 0, (utc_t){ T0 + 900 }, (utc_t){ T0 + 1800 });
    while (scan_step(&l->m, &s) == E_BUSY) {
    }
    assert_int_equal(s.rows, 4);
    unsigned in = 0;
    for (uint32_t i = scan_first(&s); i < scan_next(&s); i++) in += scan_has(&s, rows[i].time);
    assert_int_equal(in, 4);
    lab_free(l);
}

static void a_lost_clock_is_invalid_until_set(void **state)
{
    struct lab *l = start(T0 + 100);
    (void)state;
    lab_run_s(l, 600);
    lab_power_down(l, true);
    l->rtc_lost = true;
    assert_int_equal(lab_power_up(l, 0), 0);
    assert_false(clock_is_valid(&l->m.clock));
    assert_true(find_event(l, LOG_FAILURE, EV_CLOCK_INVALID) >= 0);
    assert_true(find_event(l, LOG_STANDARD, EV_CLOCK_INVALID) >= 0);
    assert_int_equal(reg(l, REG_ALARM_1) & 1, 1);
    assert_int_equal(now(l), T0 + 700); /* goes on from the last it knew */
    lab_run_s(l, 300);
    assert_int_equal(read_rows(l, 0), 1);
    assert_int_equal(rows[0].status, PROFILE_POWER_DOWN | PROFILE_CLOCK_INVALID);
    set_clock(l, T0 + 86400 * 3 + 50);
    assert_true(clock_is_valid(&l->m.clock));
    assert_true(find_event(l, LOG_FAILURE, EV_CLOCK_VALID) >= 0);
    assert_int_equal(l->rtc_lost, false);
    lab_run_s(l, 2000);
    assert_int_equal(read_rows(l, 0), 4);
    assert_int_equal(rows[1].status, PROFILE_CLOCK_INVALID | PROFILE_CLOCK_ADJUSTED);
    assert_int_equal(rows[2].status, PROFILE_CLOCK_ADJUSTED);
    assert_int_equal(rows[3].status, 0);
    check_energy(l);
    lab_free(l);
}

static void a_clock_before_the_newest_record_is_not_believed(void **state)
{
    struct lab *l = start(T0 + 100);
    (void)state;
    lab_run_s(l, 600);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0), 0);
    assert_false(clock_is_valid(&l->m.clock));
    assert_int_equal(now(l), T0 + 700);
    lab_free(l);
}

static void summer_time_begins_and_ends(void **state)
{
    static const uint8_t begin[12] = { 0xFF, 0xFF, 3, 0xFE, 7, 2, 0, 0, 0, 0x80, 0, 0xFF };
    static const uint8_t end[12] = { 0xFF, 0xFF, 10, 0xFE, 7, 3, 0, 0, 0, 0x80, 0, 0xFF };
    struct lab *l = start(1774741500); /* 2026-03-28T23:45Z */
    (void)state;
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_ZONE_MIN, 60), 0);
    lab_settle(l);
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_DST_BEGIN, begin, 12), 0);
    lab_settle(l);
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_DST_END, end, 12), 0);
    lab_settle(l);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_DST_ENABLED, 1), 0);
    lab_settle(l);
    lab_run_s(l, 4 * 3600);
    int at = find_event(l, LOG_STANDARD, EV_DST_CHANGED);
    assert_true(at >= 0);
    assert_int_equal(events[at].time.s, 1774746000); /* 01:00Z */
    unsigned n = read_rows(l, 0);
    assert_int_equal(n, 16); /* no row missing: rows count UTC */
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(rows[i].time.s, 1774742400 + 900 * (int64_t)i);
        assert_int_equal(rows[i].status, rows[i].time.s > 1774746000 ? PROFILE_DST : 0);
    }
    struct stamp12 s = clock_stamp(&l->m.clock, (utc_t){ 1774746000 });
    assert_int_equal(s.local.hour, 3);
    assert_int_equal(s.deviation_min, -120);
    assert_int_equal(s.status, CLOCK_DST);
    lab_free(l);
}

static void the_calendar_chip_is_followed(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    l->rtc_ppm = 100;
    lab_run_s(l, 20 * 86400);
    int64_t rtc = l->rtc_s + (int64_t)(l->now.us / 1000000) * 1000100 / 1000000;
    assert_in_range(now(l) - rtc + 10, 7, 13);
    assert_true(l->m.clock.drift_ppb > 50000);
    check_energy(l);
    lab_free(l);
}

/* -- parameters and logs ------------------------------------------------------------------- */

static void a_parameter_leaves_its_trace(void **state)
{
    struct lab *l = start(T0);
    struct audit_row a;
    (void)state;
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_REGISTRATION, 9), E_RANGE);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_ASSET_NUMBER, 0), E_TYPE);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_REGISTRATION, 3), 0);
    lab_settle(l);
    assert_int_equal(param_get(&l->m, PARAM_REGISTRATION), 3);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_REGISTRATION, 3), 0); /* nothing new */
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_ASSET_NUMBER, "A-1", 3), 0);
    lab_settle(l);
    assert_int_equal(reg(l, REG_CHANGES), 2);
    assert_int_equal(reg(l, REG_PROTECTED_CHANGES), 1);
    struct audit_span s = audit_span(&l->m);
    assert_int_equal(s.next, 2);
    assert_int_equal(audit_read(&l->m, 0, &a), 0);
    assert_int_equal(a.param, PARAM_REGISTRATION);
    assert_int_equal(a.who.sap, lab_who.sap);
    assert_true(find_event(l, LOG_STANDARD, EV_PARAMETER_CHANGED) >= 0);
    assert_true(find_event(l, LOG_SECURITY, EV_CHANGED_OTHER) >= 0);
    assert_int_equal(reg(l, REG_ALARM_1) >> 4 & 1, 1);
    lab_power_down(l, false);
    assert_int_equal(lab_power_up(l, T0 + 60), 0);
    char text[32];
    assert_int_equal(param_get(&l->m, PARAM_REGISTRATION), 3);
    assert_int_equal(param_read(&l->m, PARAM_ASSET_NUMBER, text, sizeof text), 3);
    assert_memory_equal(text, "A-1", 3);
    lab_free(l);
}

static void a_log_that_is_cleared_says_so(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    for (int i = 0; i < 5; i++) event_post(&l->m, EV_MAXIMA_RESET, &lab_who, NULL);
    lab_settle(l);
    uint32_t count = event_span(&l->m, LOG_STANDARD).next;
    assert_int_equal(event_clear(&l->m, &lab_who, LOG_STANDARD), 0);
    lab_settle(l);
    assert_int_equal(read_log(l, LOG_STANDARD), 1);
    assert_int_equal(events[0].code, EV_LOG_CLEARED);
    assert_int_equal(event_span(&l->m, LOG_STANDARD).next, count + 1);
    lab_power_down(l, false);
    assert_int_equal(lab_power_up(l, T0 + 1), 0);
    assert_int_equal(event_span(&l->m, LOG_STANDARD).first, count);
    lab_free(l);
}

static void a_flood_keeps_its_first_and_last(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    for (int i = 0; i < 500; i++) {
        struct event_detail d = { .what = (uint16_t)i };
        lab_run_s(l, 1);
        event_post(&l->m, EV_SAG, NULL, &d);
        lab_settle(l);
    }
    unsigned before = read_log(l, LOG_QUALITY);
    assert_int_equal(before, 10);
    lab_run_s(l, 3600);
    assert_int_equal(read_log(l, LOG_QUALITY), 11);
    assert_int_equal(events[0].what, 0);
    assert_int_equal(events[10].what, 499);
    assert_int_equal(events[10].flags & EVENT_REPEATED, EVENT_REPEATED);
    assert_int_equal(events[10].magnitude, 489);
    assert_int_equal(events[10].time.s, T0 + 500);
    lab_free(l);
}

/* Whoever knocks all year cannot push an open cover out of the fraud log. */
static void attempts_do_not_push_out_tampering(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    event_post(&l->m, EV_METER_COVER_OPEN, NULL, NULL);
    lab_settle(l);
    for (int i = 0; i < 3000; i++) {
        lab_run_s(l, 600);
        event_post(&l->m, i % 2 ? EV_ASSOCIATION_FAILED : EV_REPLAY, &lab_who, NULL);
        lab_settle(l);
    }
    assert_true(find_event(l, LOG_FRAUD, EV_METER_COVER_OPEN) >= 0);
    assert_true(find_event(l, LOG_SECURITY, EV_REPLAY) >= 0);
    lab_free(l);
}

static void alarms_latch_and_clear(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    assert_int_equal(alarm_clear(&l->m, &lab_who, 0, 0), 0);
    lab_settle(l);
    alarm_push_end(&l->m, alarm_push_begin(&l->m, 7), true);
    assert_int_equal(alarm_clear_descriptor(&l->m, &lab_who, 2, 0), 0);
    lab_settle(l);
    event_post(&l->m, EV_TERMINAL_COVER_OPEN, NULL, NULL);
    lab_settle(l);
    assert_int_equal(reg(l, REG_ALARM_3), 1);
    assert_int_equal(reg(l, REG_ALARM_1) & 1 << 13, 1 << 13);
    assert_int_equal(alarm_push_begin(&l->m, 4), 4);
    assert_int_equal(alarm_push_begin(&l->m, 4), 0);
    alarm_push_end(&l->m, 4, false);
    assert_int_equal(alarm_push_begin(&l->m, 4), 4);
    alarm_push_end(&l->m, 4, true);
    assert_int_equal(alarm_push_begin(&l->m, 4), 0);
    assert_int_equal(alarm_clear(&l->m, &lab_who, 2, 0), 0); /* it is still open */
    lab_settle(l);
    assert_int_equal(reg(l, REG_ALARM_3), 1);
    event_post(&l->m, EV_TERMINAL_COVER_CLOSED, NULL, NULL);
    lab_settle(l);
    assert_int_equal(reg(l, REG_ALARM_3), 1);
    lab_power_down(l, false);
    assert_int_equal(lab_power_up(l, T0 + 2), 0);
    assert_int_equal(reg(l, REG_ALARM_3), 1);
    assert_int_equal(alarm_clear(&l->m, &lab_who, 2, 0), 0);
    lab_settle(l);
    assert_int_equal(reg(l, REG_ALARM_3), 0);
    assert_true(find_event(l, LOG_STANDARD, EV_POWER_UP) >= 0);
    lab_free(l);
}

/* Each of the three says that it was cleared; the second has an event of its own. */
static void clearing_a_register_is_told(void **state)
{
    static const uint16_t told[ALARMS] = { EV_ALARM_CLEARED, EV_ALARM_2_CLEARED,
                                           EV_ALARM_CLEARED };
    struct lab *l = start(T0);
    (void)state;
    event_post(&l->m, EV_TERMINAL_COVER_OPEN, NULL, NULL);
    event_post(&l->m, EV_TERMINAL_COVER_CLOSED, NULL, NULL);
    event_post(&l->m, EV_ASSOCIATION_FAILED, NULL, NULL);
    lab_settle(l);
    for (unsigned k = 0; k < ALARMS; k++) {
        assert_int_not_equal(reg(l, (uint16_t)(REG_ALARM_1 + k)), 0);
        unsigned before = count_events(l, LOG_STANDARD, told[k]);
        assert_int_equal(alarm_clear(&l->m, &lab_who, k, 0), 0);
        lab_settle(l);
        assert_int_equal(count_events(l, LOG_STANDARD, told[k]), before + 1);
        assert_int_equal(alarm_clear(&l->m, &lab_who, k, 0), 0); /* nothing is left to clear */
        lab_settle(l);
        assert_int_equal(count_events(l, LOG_STANDARD, told[k]), before + 1);
    }
    lab_free(l);
}

/* -- surveys ------------------------------------------------------------------------------- */

static void columns_and_period_may_be_changed(void **state)
{
    struct lab *l = start(T0);
    uint16_t column[PROFILE_COLUMNS], back[PROFILE_COLUMNS];
    (void)state;
    lab_run_s(l, 4000);
    column[0] = COLUMN_STATUS;
    column[1] = COLUMN_CLOCK;
    for (unsigned i = 0; i < CFG_CHANNELS; i++) column[2 + i] = (uint16_t)(i + 3);
    assert_int_equal(profile_set_columns(&l->m, &lab_who, 0, column, PROFILE_COLUMNS + 1),
                     E_SPACE);
    column[5] = REG_COUNT;
    assert_int_equal(profile_set_columns(&l->m, &lab_who, 0, column, PROFILE_COLUMNS), E_RANGE);
    column[5] = 6;
    assert_int_equal(profile_set_columns(&l->m, &lab_who, 0, column, PROFILE_COLUMNS), 0);
    lab_settle(l);
    assert_int_equal(read_rows(l, 0), 0);
    assert_int_equal(read_rows(l, 1), 1);
    assert_int_equal(profile_columns(&l->m, 0, back), PROFILE_COLUMNS);
    assert_memory_equal(back, column, sizeof column);
    int at = find_event(l, LOG_STANDARD, EV_PROFILE_CLEARED);
    assert_true(at >= 0);
    assert_int_equal(events[at].what, 0);
    assert_int_equal(profile_set_period_s(&l->m, &lab_who, 0, 420), E_RANGE);
    assert_int_equal(profile_set_period_s(&l->m, &lab_who, 0, 60), 0);
    lab_settle(l);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 4001), 0);
    lab_run_s(l, 600);
    assert_int_equal(read_rows(l, 0), 10);
    assert_int_equal(rows[9].value[1], T0 + 4560 + 60 * 0 + (rows[9].time.s - T0 - 4560));
    for (unsigned i = 0; i < CFG_CHANNELS; i++)
        assert_int_equal(rows[9].value[2 + i] <= (uint32_t)reg(l, column[2 + i]), 1);
    assert_true(profile_entries(&l->m, 0) >= 6500);
    lab_free(l);
}

/* -- billing ------------------------------------------------------------------------------- */

static void months_end_and_consumption_adds_up(void **state)
{
    struct lab *l = start(T0 - 86400 * 3 / 2);
    struct billing_row r;
    (void)state;
    for (int i = 0; i < 100; i++) {
        l->load.p_mw = (int32_t)rnd(4000000) - 1000000;
        lab_run_s(l, 86400);
    }
    struct billing_span s = billing_span(&l->m, BILLING_MONTHLY),
                        d = billing_span(&l->m, BILLING_DAILY);
    assert_int_equal(s.next, 4); /* ends of December to March */
    assert_int_equal(d.next, 100);
    assert_int_equal(d.first, 100 - CFG_DAYS); /* what is shown; the ring still has them all */
    int64_t sum = 0;
    for (uint32_t i = s.first; i < s.next; i++) {
        assert_int_equal(billing_read(&l->m, BILLING_MONTHLY, i, &r), 0);
        assert_int_equal(r.status, 0);
        sum += reg_at(&r.regs, REG_BILLING_WH_IMPORT);
    }
    assert_int_equal(r.time.s, T0 + 86400 * (31 + 28 + 31));
    assert_int_equal(sum + reg(l, REG_BILLING_WH_IMPORT), reg(l, REG_WH_IMPORT));
    assert_true(reg_at(&r.regs, REG_MD_P_IMPORT) > 0);
    assert_true(reg(l, REG_CD_P_IMPORT) >= reg_at(&r.regs, REG_MD_P_IMPORT));
    assert_true(find_event(l, LOG_STANDARD, EV_BILLING_SCHEDULED) >= 0);
    sum = 0;
    for (uint32_t i = 0; i < d.next; i++) {
        assert_int_equal(billing_read(&l->m, BILLING_DAILY, i, &r), 0);
        sum += reg_at(&r.regs, REG_DAY_WH_NET);
    }
    assert_int_equal(sum + reg(l, REG_DAY_WH_NET), reg(l, REG_WH_NET));
    lab_free(l);
}

static void missed_months_are_made_up(void **state)
{
    struct lab *l = start(T0 + 86400 * 10);
    struct billing_row r;
    (void)state;
    lab_run_s(l, 86400);
    int64_t before = reg(l, REG_WH_IMPORT);
    lab_power_down(l, true);
    int64_t back = T0 + 86400 * (31 + 28 + 31 + 10) + 5000; /* 11 April */
    assert_int_equal(lab_power_up(l, back), 0);
    lab_settle(l);
    struct billing_span s = billing_span(&l->m, BILLING_MONTHLY);
    assert_int_equal(s.next, 3);
    static const int days[] = { 31, 31 + 28, 31 + 28 + 31 };
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(billing_read(&l->m, BILLING_MONTHLY, i, &r), 0);
        assert_int_equal(r.time.s, T0 + 86400 * days[i]);
        assert_int_equal(r.status, PROFILE_RECOVERED);
        assert_int_equal(reg_at(&r.regs, REG_WH_IMPORT), before);
        assert_int_equal(reg_at(&r.regs, REG_BILLING_WH_IMPORT), i ? 0 : before);
    }
    assert_int_equal(billing_span(&l->m, BILLING_DAILY).next, 2 + CFG_DAYS);
    assert_true(find_event(l, LOG_STANDARD, EV_BILLING_RECOVERED) >= 0);
    lab_free(l);
}

static void a_clock_gone_astray_bills_nothing_twice(void **state)
{
    struct lab *l = start(T0 + 86400 * 10);
    (void)state;
    lab_run_s(l, 1000);
    set_clock(l, T0 + 86400 * 45); /* February */
    lab_settle(l);
    assert_int_equal(billing_span(&l->m, BILLING_MONTHLY).next, 1);
    set_clock(l, T0 + 86400 * 10 + 1000); /* back in January */
    lab_run_s(l, 86400 * 25);
    assert_int_equal(billing_span(&l->m, BILLING_MONTHLY).next, 2);
    lab_power_down(l, true);
    l->rtc_lost = true;
    assert_int_equal(lab_power_up(l, 0), 0);
    lab_run_s(l, 86400 * 40); /* an invalid clock passes a month */
    assert_int_equal(billing_span(&l->m, BILLING_MONTHLY).next, 2);
    set_clock(l, T0 + 86400 * (31 + 28 + 31 + 1));
    lab_settle(l);
    assert_int_equal(billing_span(&l->m, BILLING_MONTHLY).next, 4);
    lab_free(l);
}

static void billing_by_hand_is_locked_for_two_minutes(void **state)
{
    struct lab *l = start(T0 + 1000);
    (void)state;
    lab_run_s(l, 3600);
    assert_true(reg(l, REG_MD_P_IMPORT) > 0);
    assert_int_equal(billing_end(&l->m, &lab_who, BILLING_REMOTE), 0);
    lab_settle(l);
    assert_int_equal(reg(l, REG_MD_P_IMPORT), 0);
    assert_int_equal(billing_end(&l->m, &lab_who, BILLING_REMOTE), E_DENIED);
    lab_run_s(l, 119);
    assert_int_equal(command_do(&l->m, &lab_who, CMD_MAXIMA_RESET, 0), E_DENIED);
    lab_run_s(l, 1);
    assert_int_equal(command_do(&l->m, &lab_who, CMD_BILLING_END, 0), 0);
    lab_settle(l);
    int at = find_event(l, LOG_STANDARD, EV_BILLING_MANUAL);
    assert_true(at >= 0);
    assert_int_equal(events[at].who.sap, lab_who.sap);
    lab_free(l);
}

/* -- demand -------------------------------------------------------------------------------- */

static void block_demand_is_energy_over_time(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    l->load = (struct lab_load){ 1000000, 0, 230000, 4300 };
    lab_run_s(l, 450);
    l->load.p_mw = 3000000;
    lab_run_s(l, 225);
    meter_at(&l->m, l->now);
    assert_int_equal(reg(l, REG_D_P_IMPORT), 500 + 750);
    lab_run_s(l, 225);
    assert_int_equal(reg(l, REG_LD_P_IMPORT), 2000);
    assert_int_equal(reg(l, REG_MD_P_IMPORT), 2000);
    assert_int_equal(reg(l, REG_MD_P_IMPORT + 1), 2000);
    assert_int_equal(reg(l, REG_MD_P_IMPORT + 2), 0);
    assert_int_equal(reg(l, REG_MDT_P_IMPORT), T0 + 900);
    l->load.p_mw = -4000000;
    lab_run_s(l, 450);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 5000), 0);
    /* the broken interval: 4 kW for half of it */
    assert_int_equal(reg(l, REG_MD_P_EXPORT), 2000);
    assert_int_equal(reg(l, REG_MDT_P_EXPORT), T0 + 1800);
    assert_int_equal(reg(l, REG_MD_P_ABS), 2000);
    assert_int_equal(reg(l, REG_MDT_P_ABS), T0 + 900);
    lab_free(l);
}

static void sliding_demand_agrees_with_a_sum_of_minutes(void **state)
{
    struct lab *l = start(T0);
    int32_t minute[600];
    int64_t best = 0;
    (void)state;
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_DEMAND_PERIOD_S, 60), 0);
    lab_settle(l);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_DEMAND_PERIODS, 15), 0);
    lab_settle(l);
    for (int i = 0; i < 600; i++) {
        minute[i] = (int32_t)rnd(6000000);
        l->load.p_mw = minute[i];
        lab_run_s(l, 60);
        int64_t sum = 0;
        for (int k = i > 14 ? i - 14 : 0; k <= i; k++) sum += minute[k];
        assert_int_equal(reg(l, REG_LD_P_IMPORT), sum / 15 / 1000);
        if (sum / 15 / 1000 > best) best = sum / 15 / 1000;
        assert_int_equal(reg(l, REG_MD_P_IMPORT), best);
        if (i % 97 == 0) {
            lab_power_down(l, true);
            assert_int_equal(lab_power_up(l, T0 + (i + 1) * 60), 0);
        }
    }
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_are_counted_exactly),
        cmocka_unit_test(rows_stand_on_the_grid_and_sum_up),
        cmocka_unit_test(steps_leave_no_trace),
        cmocka_unit_test(a_gasp_loses_nothing),
        cmocka_unit_test(a_short_cut_inside_an_interval_flags_it_once),
        cmocka_unit_test(an_outage_is_dated_and_told),
        cmocka_unit_test(an_outage_comes_after_what_was_told),
        cmocka_unit_test(thunderbolts_cost_a_minute_at_most),
        cmocka_unit_test(a_cut_on_the_grid_point_makes_no_row_twice),
        cmocka_unit_test(nine_seconds_are_slewed),
        cmocka_unit_test(a_minute_is_stepped_and_told),
        cmocka_unit_test(a_small_step_back_repeats_no_row),
        cmocka_unit_test(a_far_step_forward_leaves_a_gap),
        cmocka_unit_test(a_far_step_back_keeps_both_sides),
        cmocka_unit_test(a_lost_clock_is_invalid_until_set),
        cmocka_unit_test(a_clock_before_the_newest_record_is_not_believed),
        cmocka_unit_test(summer_time_begins_and_ends),
        cmocka_unit_test(the_calendar_chip_is_followed),
        cmocka_unit_test(a_parameter_leaves_its_trace),
        cmocka_unit_test(a_log_that_is_cleared_says_so),
        cmocka_unit_test(a_flood_keeps_its_first_and_last),
        cmocka_unit_test(attempts_do_not_push_out_tampering),
        cmocka_unit_test(alarms_latch_and_clear),
        cmocka_unit_test(clearing_a_register_is_told),
        cmocka_unit_test(columns_and_period_may_be_changed),
        cmocka_unit_test(months_end_and_consumption_adds_up),
        cmocka_unit_test(missed_months_are_made_up),
        cmocka_unit_test(a_clock_gone_astray_bills_nothing_twice),
        cmocka_unit_test(billing_by_hand_is_locked_for_two_minutes),
        cmocka_unit_test(block_demand_is_energy_over_time),
        cmocka_unit_test(sliding_demand_agrees_with_a_sum_of_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
