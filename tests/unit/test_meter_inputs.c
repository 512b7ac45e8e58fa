/* Covers, magnets, second sources: levels that come and go, with supply and in the dark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lab.h"

static const int64_t T0 = 1767225600;

static struct dark_edge dark[CFG_DARK_EDGES];
static int darks;

static int dark_take(void *ctx, struct dark_edge *dst, size_t n)
{
    int had = darks;
    (void)ctx;
    assert_true((size_t)had <= n);
    memcpy(dst, dark, (size_t)had * sizeof *dst);
    darks = 0;
    return had;
}

static struct lab *start(void)
{
    struct lab *l = lab_new(0, 0);
    l->io.dark_take = dark_take;
    assert_int_equal(lab_power_up(l, T0), 0);
    l->load = (struct lab_load){ 1000000, 0, 230000, 4300 };
    return l;
}

static void feed(struct lab *l, uint16_t levels)
{
    l->inputs = levels;
    assert_int_equal(meter_feed_inputs(&l->m, l->now, levels), 0);
}

static void run_ms(struct lab *l, uint64_t ms)
{
    lab_run_to(l, mono_after(l->now, ms * 1000), 60000000);
}

static int find(struct lab *l, enum event_log log, uint16_t code, struct event_row *e)
{
    struct event_span s = event_span(&l->m, log);
    int n = 0;
    for (uint32_t i = s.first; i < s.next; i++) {
        struct event_row row;
        assert_int_equal(event_read(&l->m, log, i, &row), 0);
        if (row.code != code) continue;
        *e = row;
        n++;
    }
    return n;
}

static void a_cover_that_only_shakes_is_not_told(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    for (int i = 0; i < 20; i++) {
        feed(l, i % 2 ? 0 : INPUT_METER_COVER);
        run_ms(l, 300);
    }
    feed(l, 0);
    run_ms(l, 2000);
    assert_int_equal(find(l, LOG_FRAUD, EV_METER_COVER_OPEN, &e), 0);
    feed(l, INPUT_METER_COVER);
    run_ms(l, 500);
    assert_int_equal(find(l, LOG_FRAUD, EV_METER_COVER_OPEN, &e), 1);
    lab_free(l);
}

static void a_cover_is_dated_counted_and_timed(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    run_ms(l, 100000);
    feed(l, INPUT_TERMINAL_COVER);
    run_ms(l, 50000);
    assert_int_equal(find(l, LOG_FRAUD, EV_TERMINAL_COVER_OPEN, &e), 1);
    assert_int_equal(e.time.s, T0 + 100);
    assert_int_equal(e.flags & EVENT_DARK, 0);
    assert_int_equal(reg_at(&l->m.now, REG_ALARM_3) & 1, 1);
    feed(l, 0);
    run_ms(l, 1000);
    assert_int_equal(find(l, LOG_FRAUD, EV_TERMINAL_COVER_CLOSED, &e), 1);
    assert_int_equal(e.time.s, T0 + 150);
    assert_int_equal(e.duration_s, 50);
    assert_int_equal(reg_at(&l->m.now, REG_TAMPER_TERMINAL_COVER), 1);
    assert_int_equal(reg_at(&l->m.now, REG_TAMPER_TERMINAL_COVER_S), 50);
    assert_int_equal(reg_at(&l->m.now, REG_AT_TERMINAL_COVER), T0 + 100);
    lab_power_down(l, false);
    assert_int_equal(lab_power_up(l, T0 + 500), 0);
    assert_int_equal(reg_at(&l->m.now, REG_TAMPER_TERMINAL_COVER_S), 50);
    lab_free(l);
}

static void covers_are_watched_in_the_dark(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    run_ms(l, 60000);
    lab_power_down(l, true);
    dark[0] = (struct dark_edge){ T0 + 1000, INPUT_METER_COVER };
    dark[1] = (struct dark_edge){ T0 + 1600, 0 };
    dark[2] = (struct dark_edge){ T0 + 2000, INPUT_METER_COVER };
    darks = 3;
    l->inputs = INPUT_METER_COVER;
    assert_int_equal(lab_power_up(l, T0 + 5000), 0);
    lab_settle(l);
    assert_int_equal(find(l, LOG_FRAUD, EV_METER_COVER_CLOSED, &e), 1);
    assert_int_equal(e.time.s, T0 + 1600);
    assert_int_equal(e.duration_s, 600);
    assert_int_equal(find(l, LOG_FRAUD, EV_METER_COVER_OPEN, &e), 2);
    assert_int_equal(e.time.s, T0 + 2000);
    assert_int_equal(e.flags & EVENT_DARK, EVENT_DARK);
    assert_int_equal(reg_at(&l->m.now, REG_TAMPER_METER_COVER), 2);
    lab_power_down(l, true); /* it stays open: nothing new to tell */
    assert_int_equal(lab_power_up(l, T0 + 6000), 0);
    lab_settle(l);
    assert_int_equal(find(l, LOG_FRAUD, EV_METER_COVER_OPEN, &e), 2);
    lab_free(l);
}

static void set(struct lab *l, uint16_t id, int32_t v)
{
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, id, v), 0);
    lab_settle(l);
}

static void the_second_source_counts_on_its_own_tariff(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    set(l, PARAM_RESOURCE_MODE, 1);
    l->load.p_mw = 3600000; /* a Wh a second */
    feed(l, INPUT_RESOURCE);
    run_ms(l, 300);
    feed(l, 0); /* 300 ms: nothing */
    run_ms(l, 9700);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT + 1), 10);
    assert_int_equal(find(l, LOG_STANDARD, EV_SECOND_SOURCE, &e), 0);
    feed(l, INPUT_RESOURCE);
    run_ms(l, 1500);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 5); /* 1 + 4 */
    assert_int_equal(reg_at(&l->m.now, REG_SOURCE), 1);
    assert_int_equal(find(l, LOG_STANDARD, EV_SECOND_SOURCE, &e), 1);
    run_ms(l, 100500);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT + 5), 101);
    lab_power_down(l, true); /* power returns on the second source: no Wh goes astray */
    assert_int_equal(lab_power_up(l, T0 + 1000), 0);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 5);
    run_ms(l, 10000);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT + 5), 111);
    set(l, PARAM_RESOURCE_TARIFF, 3);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 3);
    feed(l, 0);
    run_ms(l, 1000);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 1);
    assert_int_equal(find(l, LOG_STANDARD, EV_GRID_SOURCE, &e), 1);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT), l->fed_nj[0][0] / ENERGY_UNIT_NJ);
    lab_free(l);
}

static void a_rate_number_is_read_from_three_inputs(void **state)
{
    struct lab *l = start();
    (void)state;
    set(l, PARAM_RESOURCE_MODE, 2);
    for (unsigned rate = 0; rate < 8; rate++) {
        feed(l, (uint16_t)(rate * INPUT_RATE_0));
        run_ms(l, 4000);
        assert_int_equal(l->m.now.quantity[VAL_TARIFF], rate + 1);
    }
    set(l, PARAM_RESOURCE_INPUTS, 1 | 1 << 2); /* the middle one alone is wired */
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 2 + 1);
    feed(l, INPUT_RATE_0);
    run_ms(l, 4000);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 0 + 1);
    lab_free(l);
}

static void an_input_that_is_not_read_is_the_grid(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    set(l, PARAM_RESOURCE_MODE, 1);
    for (int polarity = 1; polarity >= 0; polarity--) {
        set(l, PARAM_RESOURCE_POLARITY, polarity);
        set(l, PARAM_RESOURCE_INPUTS, 15);
        feed(l, polarity ? INPUT_RESOURCE : 0);
        run_ms(l, 4000);
        assert_int_equal(reg_at(&l->m.now, REG_SOURCE), 1);
        set(l, PARAM_RESOURCE_INPUTS, 14); /* at once, and told */
        assert_int_equal(reg_at(&l->m.now, REG_SOURCE), 0);
        assert_int_equal(l->m.now.quantity[VAL_TARIFF], 1);
        assert_int_equal(find(l, LOG_STANDARD, EV_GRID_SOURCE, &e), 2 - polarity);
    }
    set(l, PARAM_RESOURCE_INPUTS, 1);
    assert_int_equal(reg_at(&l->m.now, REG_SOURCE), 1);
    set(l, PARAM_RESOURCE_POLARITY, 1);
    assert_int_equal(reg_at(&l->m.now, REG_SOURCE), 0);
    lab_free(l);
}

static void the_sealed_button_ends_a_period(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    run_ms(l, 200000);
    feed(l, INPUT_SEAL_BUTTON);
    run_ms(l, 2500);
    assert_int_equal(billing_span(&l->m, BILLING_MONTHLY).next, 0);
    run_ms(l, 1000);
    assert_int_equal(billing_span(&l->m, BILLING_MONTHLY).next, 1);
    assert_int_equal(find(l, LOG_STANDARD, EV_BILLING_MANUAL, &e), 1);
    assert_int_equal(e.who.link, LINK_KEYPAD);
    lab_free(l);
}

/* -- what windows say ---------------------------------------------------------------------- */

static void a_sag_is_told_with_depth_and_length(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    run_ms(l, 10000);
    l->load.u_mv = 150000;
    run_ms(l, 3000);
    l->load.u_mv = 230000;
    run_ms(l, 10000);
    assert_int_equal(find(l, LOG_QUALITY, EV_SAG, &e), 1);
    assert_int_equal(e.time.s, T0 + 10);
    assert_int_equal(find(l, LOG_QUALITY, EV_SAG_END, &e), 1);
    assert_int_equal(e.magnitude, 150000);
    assert_in_range(e.duration_s, 2, 3);
    assert_int_equal(reg_at(&l->m.now, REG_SAGS), 1);
    assert_int_equal(reg_at(&l->m.now, REG_SWELLS), 0);
    lab_power_down(l, false);
    assert_int_equal(lab_power_up(l, T0 + 500), 0);
    assert_int_equal(reg_at(&l->m.now, REG_SAGS), 1);
    lab_free(l);
}

static void a_limit_that_was_written_counts(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    set(l, PARAM_OVERCURRENT_MA, 4000);
    set(l, PARAM_OVERCURRENT_S, 20);
    run_ms(l, 10000);
    assert_int_equal(find(l, LOG_QUALITY, EV_OVERCURRENT, &e), 0);
    for (int i = 0; i < 30; i++) run_ms(l, 1000);
    assert_int_equal(find(l, LOG_QUALITY, EV_OVERCURRENT, &e), 1);
    assert_int_equal(reg_at(&l->m.now, REG_ALARM_3) >> 7 & 1, 1);
    lab_free(l);
}

static void a_magnet_is_noticed_after_two_seconds(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    feed(l, INPUT_MAGNET);
    for (int i = 0; i < 5; i++) run_ms(l, 200);
    assert_int_equal(find(l, LOG_FRAUD, EV_MAGNET, &e), 0);
    for (int i = 0; i < 10; i++) run_ms(l, 200);
    assert_int_equal(find(l, LOG_FRAUD, EV_MAGNET, &e), 1);
    assert_int_equal(reg_at(&l->m.now, REG_TAMPER_MAGNET), 1);
    feed(l, 0);
    for (int i = 0; i < 30; i++) run_ms(l, 200);
    assert_int_equal(find(l, LOG_FRAUD, EV_MAGNET_END, &e), 1);
    lab_free(l);
}

static void import_only_tells_of_reversal(void **state)
{
    struct lab *l = start();
    struct event_row e;
    (void)state;
    l->load.p_mw = -1000000;
    for (int i = 0; i < 60; i++) run_ms(l, 1000);
    assert_int_equal(find(l, LOG_FRAUD, EV_REVERSAL, &e), 0);
    set(l, PARAM_REGISTRATION, REGISTRATION_IMPORT_ONLY);
    for (int i = 0; i < 60; i++) run_ms(l, 1000);
    assert_int_equal(find(l, LOG_FRAUD, EV_REVERSAL, &e), 1);
    assert_int_equal(reg_at(&l->m.now, REG_TAMPER_METROLOGY), 1);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cover_that_only_shakes_is_not_told),
        cmocka_unit_test(a_cover_is_dated_counted_and_timed),
        cmocka_unit_test(covers_are_watched_in_the_dark),
        cmocka_unit_test(the_second_source_counts_on_its_own_tariff),
        cmocka_unit_test(a_rate_number_is_read_from_three_inputs),
        cmocka_unit_test(an_input_that_is_not_read_is_the_grid),
        cmocka_unit_test(the_sealed_button_ends_a_period),
        cmocka_unit_test(a_sag_is_told_with_depth_and_length),
        cmocka_unit_test(a_limit_that_was_written_counts),
        cmocka_unit_test(a_magnet_is_noticed_after_two_seconds),
        cmocka_unit_test(import_only_tells_of_reversal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
