/* Causes of a living meter that begin, end and outlast the power. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "lab.h"

static const int64_t T0 = 1772438400;

static void run(struct lab *l, unsigned s)
{
    lab_run_to(l, mono_after(l->now, s * UINT64_C(1000000)), 200000);
}

static void set(struct lab *l, uint16_t param, int32_t value)
{
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, param, value), 0);
    lab_settle(l);
}

static struct lab *fresh(void)
{
    struct lab *l = lab_new(0, 0);
    lab_fit_relay(l, true);
    l->load = (struct lab_load){ 2300000, 0, 230000, 10000 };
    assert_int_equal(lab_power_up(l, T0), 0);
    lab_settle(l);
    set(l, PARAM_PROTECT_MASK, 255);
    return l;
}

static int reconnect(struct lab *l)
{
    meter_at(&l->m, l->now);
    int err = supply_reconnect(&l->m, &lab_who, true);
    lab_settle(l);
    run(l, 2);
    return err;
}

static void covers(struct lab *l, uint16_t open)
{
    l->inputs = open;
    meter_feed_inputs(&l->m, l->now,
                      (uint16_t)(open | (l->relay.closed ? INPUT_RELAY_CLOSED : 0)));
    run(l, 3);
}

static void power_cut(struct lab *l, uint16_t open)
{
    lab_power_down(l, true);
    l->inputs = open;
    assert_int_equal(lab_power_up(l, T0 + 3600), 0);
    lab_settle(l);
    run(l, 3);
}

static bool holds(const struct lab *l, enum requester r)
{
    return l->m.supply.state.held >> r & 1;
}

/* -- tamper -------------------------------------------------------------------------------- */

static void an_open_cover_outlasts_the_power(void **state)
{
    (void)state;
    struct lab *l = fresh();
    covers(l, INPUT_TERMINAL_COVER);
    assert_true(holds(l, SUPPLY_TAMPER));
    power_cut(l, INPUT_TERMINAL_COVER);
    assert_int_equal(reconnect(l), E_DENIED);
    assert_false(l->relay.closed);
    covers(l, 0);
    assert_int_equal(reconnect(l), 0);
    assert_true(l->relay.closed);
    lab_free(l);
}

static void only_the_last_tamper_that_held_releases(void **state)
{
    (void)state;
    struct lab *l = fresh();
    set(l, PARAM_TAMPER_RELEASE, 1);
    set(l, PARAM_TAMPER_MASK, 1 << TAMPER_TERMINAL_COVER | 1 << TAMPER_METER_COVER);
    covers(l, INPUT_TERMINAL_COVER | INPUT_MODULE_COVER);
    power_cut(l, INPUT_TERMINAL_COVER | INPUT_MODULE_COVER);
    covers(l, INPUT_TERMINAL_COVER); /* that one is not of the mask */
    assert_true(holds(l, SUPPLY_TAMPER));
    power_cut(l, 0); /* closed in the dark */
    assert_false(holds(l, SUPPLY_TAMPER));
    lab_free(l);
}

/* A minute after the last of them ended, in mode 6 without the button; a tamper that comes before
 * begins it anew. */
static void time_releases_what_a_tamper_opened(void **state)
{
    (void)state;
    struct lab *l = fresh();
    set(l, PARAM_SUPPLY_MODE, 6);
    set(l, PARAM_TAMPER_RELEASE, RELEASED_BY_TIME);
    set(l, PARAM_TAMPER_RELEASE_S, 60);
    covers(l, INPUT_TERMINAL_COVER);
    run(l, 100);
    assert_true(holds(l, SUPPLY_TAMPER)); /* not while it lasts */
    covers(l, 0);
    run(l, 50);
    assert_true(holds(l, SUPPLY_TAMPER));
    covers(l, INPUT_TERMINAL_COVER);
    covers(l, 0);
    run(l, 50);
    assert_true(holds(l, SUPPLY_TAMPER));
    assert_false(l->relay.closed);
    run(l, 20);
    assert_false(holds(l, SUPPLY_TAMPER));
    assert_true(l->relay.closed);
    set(l, PARAM_TAMPER_RELEASE, RELEASED_BY_ORDER);
    covers(l, INPUT_TERMINAL_COVER);
    covers(l, 0);
    run(l, 200);
    assert_true(holds(l, SUPPLY_TAMPER));
    lab_free(l);
}

static void off_for(struct lab *l, unsigned s, bool gasp)
{
    int64_t utc = clock_utc(&l->m.clock, l->now).s;
    lab_power_down(l, gasp);
    assert_int_equal(lab_power_up(l, utc + s), 0);
    lab_settle(l);
}

/* Ten minutes: cuts in which the clock goes on cost nothing of them, without it the dark time is
 * not counted, nor what came after the last full minute; and never do they begin anew. */
static void the_time_after_a_tamper_outlasts_the_power(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 2; lost++) {
        struct lab *l = fresh();
        set(l, PARAM_SUPPLY_MODE, 6);
        set(l, PARAM_TAMPER_RELEASE, RELEASED_BY_TIME);
        set(l, PARAM_TAMPER_RELEASE_S, 600);
        covers(l, INPUT_TERMINAL_COVER);
        off_for(l, 1000, false); /* while it lasts */
        run(l, 700);
        assert_true(holds(l, SUPPLY_TAMPER));
        covers(l, 0);
        run(l, 197);
        l->rtc_lost = lost;
        off_for(l, 100, false);
        assert_true(clock_is_valid(&l->m.clock) == !lost);
        run(l, 100);
        off_for(l, lost ? 3000 : 50, true);
        off_for(l, lost ? 3000 : 50, false);
        assert_true(holds(l, SUPPLY_TAMPER));
        assert_false(l->relay.closed);
        run(l, lost ? 290 : 90);
        assert_true(holds(l, SUPPLY_TAMPER));
        run(l, lost ? 135 : 25);
        assert_false(holds(l, SUPPLY_TAMPER));
        assert_true(l->relay.closed);
        covers(l, INPUT_TERMINAL_COVER);
        covers(l, 0);
        run(l, 590);
        assert_true(holds(l, SUPPLY_TAMPER)); /* anew, and whole */
        if (!lost) {                          /* long in the dark: at once */
            off_for(l, 3600, false);
            run(l, 3);
            assert_false(holds(l, SUPPLY_TAMPER));
        }
        lab_free(l);
    }
}

/* -- orders against a cause ---------------------------------------------------------------- */

static void no_order_while_the_cause_lasts(void **state)
{
    static const enum requester causes[] = { SUPPLY_FIRE, SUPPLY_MALFUNCTION, SUPPLY_VOLTAGE,
                                             SUPPLY_TAMPER, SUPPLY_ARREARS };
    (void)state;
    struct lab *l = fresh();
    for (unsigned i = 0; i < sizeof causes / sizeof *causes; i++) {
        supply_request(&l->m, causes[i], true);
        run(l, 2);
        assert_true(holds(l, causes[i]));
        assert_int_equal(supply_order(&l->m, &lab_who, causes[i], ACTION_RECONNECT), E_DENIED);
        run(l, 2);
        assert_true(holds(l, causes[i]));
    }
    lab_free(l);
}

/* -- causes that end while nothing can open ------------------------------------------------ */

static void what_ended_in_mode_0_is_over(void **state)
{
    static const struct param_value monitor[] = { { PARAM_MONITOR_2_REG, REG_P_IMPORT },
                                                  { PARAM_MONITOR_2_THRESHOLD, 5000 },
                                                  { PARAM_MONITOR_2_UP, ACTION_DISCONNECT },
                                                  { PARAM_MONITOR_2_DOWN, 0 } };
    (void)state;
    struct lab *l = fresh();
    for (unsigned i = 0; i < sizeof monitor / sizeof *monitor; i++)
        set(l, monitor[i].id, monitor[i].value);
    set(l, PARAM_LIMIT_1_NORMAL, 5000);
    set(l, PARAM_LIMIT_1_OVER_S, 1);
    set(l, PARAM_LIMIT_1_UNDER_S, 1);
    set(l, PARAM_SUPPLY_MODE, 0);
    run(l, 1);
    l->load.p_mw = 9000000;
    run(l, 5);
    assert_true(l->m.supply.wants & SUPPLY_BIT(SUPPLY_VOLTAGE));
    assert_true(l->m.supply.wants & SUPPLY_BIT(SUPPLY_LIMIT));
    set(l, PARAM_LIMIT_3_REG, REG_P_IMPORT);
    set(l, PARAM_LIMIT_3_NORMAL, 1000);
    set(l, PARAM_LIMIT_3_OVER_S, 1);
    set(l, PARAM_LIMIT_3_UNDER_S, 1);
    run(l, 5);
    l->load.p_mw = 3000000; /* under the first and the monitor, not the third */
    run(l, 5);
    assert_false(l->m.supply.wants & SUPPLY_BIT(SUPPLY_VOLTAGE));
    assert_true(l->m.supply.wants & SUPPLY_BIT(SUPPLY_LIMIT));
    l->load.p_mw = 500000;
    run(l, 5);
    assert_int_equal(l->m.supply.wants, 0);
    set(l, PARAM_SUPPLY_MODE, 4);
    run(l, 5);
    assert_true(l->relay.closed);
    lab_free(l);
}

/* -- heat ---------------------------------------------------------------------------------- */

static int terminals_dc;

static int temperature_dc(void *ctx)
{
    (void)ctx;
    return terminals_dc;
}

static void a_sensor_that_returns_begins_anew(void **state)
{
    (void)state;
    struct lab *l = fresh();
    l->io.temperature_dc = temperature_dc;
    set(l, PARAM_FIRE_RATE_C, 10);
    terminals_dc = 250;
    run(l, 30);
    terminals_dc = INT16_MAX;
    run(l, 3 * 3600);
    terminals_dc = 450; /* a warm afternoon */
    run(l, 70);
    assert_false(holds(l, SUPPLY_FIRE));
    terminals_dc = 560;
    run(l, 10);
    assert_true(holds(l, SUPPLY_FIRE));
    lab_free(l);
}

static void without_a_sensor_fire_is_released(void **state)
{
    (void)state;
    struct lab *l = fresh();
    supply_request(&l->m, SUPPLY_FIRE, true);
    run(l, 2);
    assert_true(holds(l, SUPPLY_FIRE));
    power_cut(l, 0);
    assert_true(holds(l, SUPPLY_FIRE));
    assert_int_equal(reconnect(l), 0);
    assert_true(l->relay.closed);
    lab_free(l);
}

/* -- the push button ----------------------------------------------------------------------- */

static void press(struct lab *l, unsigned s)
{
    uint16_t feedback = l->relay.closed ? INPUT_RELAY_CLOSED : 0;
    l->inputs = INPUT_BUTTON;
    meter_feed_inputs(&l->m, l->now, (uint16_t)(INPUT_BUTTON | feedback));
    run(l, s);
    covers(l, 0);
}

/* In each mode: held by the button alone it closes; held by another it does not; and it opens
 * where the mode says so. */
static void a_long_press(void **state)
{
    (void)state;
    for (unsigned mode = 1; mode < SUPPLY_MODES; mode++) {
        struct lab *l = fresh();
        set(l, PARAM_SUPPLY_MODE, (int32_t)mode);
        press(l, 4); /* too short to open */
        assert_true(l->relay.closed);
        press(l, 9);
        assert_int_equal(!l->relay.closed, arbiter_mode(mode)->button_opens);
        press(l, 1);
        press(l, 4);
        assert_true(l->relay.closed);
        supply_request(&l->m, SUPPLY_VOLTAGE, true);
        run(l, 2);
        press(l, 4);
        assert_false(l->relay.closed);
        supply_request(&l->m, SUPPLY_VOLTAGE, false);
        run(l, 2);
        press(l, 4);
        assert_true(l->relay.closed);
        assert_int_equal(supply_order(&l->m, &lab_who, SUPPLY_REMOTE, ACTION_DISCONNECT), 0);
        run(l, 2);
        press(l, 4);
        assert_false(l->relay.closed);
        lab_free(l);
    }
}

/* -- an emergency that is ordered ---------------------------------------------------------- */

static void an_emergency_begins_when_ordered(void **state)
{
    static const uint8_t groups[2] = { 7, 0 };
    struct emergency e = { .id = 7, .duration_s = 60 };
    (void)state;
    struct lab *l = fresh();
    assert_int_equal(command_do(&l->m, &lab_who, CMD_LIMIT_EMERGENCY, 0), E_STATE);
    set(l, PARAM_LIMIT_1_EMERGENCY, 1000);
    assert_int_equal(limiter_set_emergency(&l->m, &lab_who, 0, &e), 0);
    lab_settle(l);
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_LIMIT_1_GROUPS, groups, sizeof groups),
                     0);
    lab_settle(l);
    run(l, 2);
    assert_int_equal(limiter_threshold(&l->m, 0), 0);
    meter_at(&l->m, l->now);
    assert_int_equal(command_do(&l->m, &lab_who, CMD_LIMIT_EMERGENCY, 0), 0);
    lab_settle(l);
    run(l, 50);
    assert_int_equal(limiter_threshold(&l->m, 0), 1000);
    run(l, 11);
    assert_int_equal(limiter_threshold(&l->m, 0), 0);
    lab_free(l);
}

/* -- a relay that fails, as the lights go out ---------------------------------------------- */

static unsigned told, untold;

/* Before each operation: what a meter says whose power failed there. */
static int cut(void *ctx, enum nor_op op, uint32_t at, const uint8_t *src, size_t n)
{
    const struct lab *l = ctx;
    struct lab *c = lab_new(0, 0);
    (void)op, (void)at, (void)src, (void)n;
    lab_fit_relay(c, true);
    memcpy(c->image, l->image, l->flash.nor.size);
    c->relay = l->relay;
    assert_int_equal(lab_power_up(c, T0 + 3600), 0);
    bool fails = c->m.supply.state.fault == RELAY_FAILS_TO_OPEN;
    assert_int_equal(lab_events(c, LOG_RELAY, EV_RELAY_FAILURE), fails);
    assert_int_equal(lab_events(c, LOG_FAILURE, EV_RELAY_FAILS_TO_OPEN), fails);
    assert_int_equal(c->m.now.counter[CNT_RELAY_OPEN_FAILS], fails);
    *(fails ? &told : &untold) += 1;
    lab_free(c);
    return 0;
}

static void a_failure_is_told_whole_or_not_at_all(void **state)
{
    (void)state;
    struct lab *l = fresh();
    relay_sim_trouble(&l->relay, l->now, RELAY_WELDS);
    l->flash.intercept = cut;
    l->flash.intercept_ctx = l;
    assert_int_equal(supply_order(&l->m, &lab_who, SUPPLY_REMOTE, ACTION_DISCONNECT), 0);
    run(l, 20);
    lab_settle(l);
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_FAILURE), 1);
    set(l, PARAM_LIMIT_1_OVER_S, 7); /* and one more operation */
    assert_true(told > 0 && untold > 0);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_cover_outlasts_the_power),
        cmocka_unit_test(only_the_last_tamper_that_held_releases),
        cmocka_unit_test(time_releases_what_a_tamper_opened),
        cmocka_unit_test(the_time_after_a_tamper_outlasts_the_power),
        cmocka_unit_test(no_order_while_the_cause_lasts),
        cmocka_unit_test(what_ended_in_mode_0_is_over),
        cmocka_unit_test(a_sensor_that_returns_begins_anew),
        cmocka_unit_test(without_a_sensor_fire_is_released),
        cmocka_unit_test(a_long_press),
        cmocka_unit_test(an_emergency_begins_when_ordered),
        cmocka_unit_test(a_failure_is_told_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
