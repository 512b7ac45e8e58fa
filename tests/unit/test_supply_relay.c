/* The relay of a living meter: driven, verified, found out, restored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "lab.h"

static const int64_t T0 = 1772438400;

static struct lab *fresh(bool feedback)
{
    struct lab *l = lab_new(0, 0);
    lab_fit_relay(l, feedback);
    l->load = (struct lab_load){ 2300000, 0, 230000, 10000 };
    assert_int_equal(lab_power_up(l, T0), 0);
    lab_settle(l);
    return l;
}

static void run(struct lab *l, unsigned s)
{
    lab_run_to(l, mono_after(l->now, s * UINT64_C(1000000)), 200000);
}

static int order(struct lab *l, enum requester r, enum supply_action a)
{
    meter_at(&l->m, l->now);
    int err = supply_order(&l->m, &lab_who, r, a);
    lab_settle(l);
    return err;
}

static void request(struct lab *l, enum requester r, bool holds)
{
    meter_at(&l->m, l->now);
    supply_request(&l->m, r, holds);
    lab_settle(l);
}

static uint32_t counted(const struct lab *l, unsigned counter)
{
    return l->m.now.counter[counter];
}

static void mode(struct lab *l, int32_t mode)
{
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_SUPPLY_MODE, mode), 0);
    lab_settle(l);
}

/* -- the walk: each mode, each set of holds, the contact and what the meter says of it ----- */

static void raise(struct lab *l, unsigned set)
{
    for (unsigned r = 0; r < REQUESTERS; r++)
        if (set >> r & 1) {
            if (r == SUPPLY_REMOTE || r == SUPPLY_BUTTON)
                order(l, (enum requester)r, ACTION_DISCONNECT);
            else
                request(l, (enum requester)r, true);
        }
}

static void release(struct lab *l)
{
    for (unsigned r = 0; r < SUPPLY_BUTTON; r++) {
        request(l, (enum requester)r, false);
        if (r == SUPPLY_REMOTE || arbiter_row(r)->latched) {
            if (l->m.supply.state.held & SUPPLY_BIT(r))
                order(l, (enum requester)r, ACTION_RECONNECT);
        }
    }
    l->m.supply.client.left = 6; /* the walk is no flood */
    if (l->m.supply.state.held) order(l, SUPPLY_BUTTON, ACTION_RECONNECT);
}

static void contact_follows_every_set(void **state)
{
    struct lab *l = fresh(true);
    (void)state;
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_PROTECT_MASK, 255), 0);
    lab_settle(l);
    for (int32_t k = 0; k < SUPPLY_MODES; k++) {
        mode(l, k);
        for (unsigned set = 0; set < 1u << REQUESTERS; set++) {
            raise(l, set);
            run(l, 1);
            uint16_t held = l->m.supply.state.held;
            bool opens = k != 0 && set != 0;
            if (set == SUPPLY_BIT(SUPPLY_BUTTON))
                opens = arbiter_mode((unsigned)k)->button_opens;
            assert_int_equal(l->relay.closed, !opens);
            assert_int_equal(supply_is_on(&l->m), l->relay.closed);
            assert_int_equal(l->m.now.quantity[VAL_SUPPLY_ON], l->relay.closed);
            assert_int_equal(held != 0, opens);
            assert_int_equal(l->m.now.quantity[VAL_I_MA], l->relay.closed ? 10000 : 0);
            release(l);
            run(l, 1);
            assert_int_equal(l->m.supply.state.held, 0);
            assert_true(l->relay.closed);
            assert_true(supply_is_on(&l->m));
        }
    }
    assert_int_equal(counted(l, CNT_RELAY_OPENS) + counted(l, CNT_RELAY_CLOSES),
                     l->relay.moves);
    assert_int_equal(l->relay.moves, l->relay.pulses);
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_FAILURE), 0);
    assert_int_equal(counted(l, CNT_RELAY_OPEN_FAILS) + counted(l, CNT_RELAY_CLOSE_FAILS), 0);
    lab_free(l);
}

/* -- what can be wrong with it ------------------------------------------------------------- */

static void five_tries_then_told(struct lab *l, unsigned trouble, bool opens)
{
    relay_sim_trouble(&l->relay, l->now, trouble);
    uint32_t pulses = l->relay.pulses;
    order(l, SUPPLY_REMOTE, opens ? ACTION_DISCONNECT : ACTION_RECONNECT);
    run(l, 20);
    assert_int_equal(l->relay.pulses - pulses, 5);
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_FAILURE), 1);
    assert_int_equal(
        lab_events(l, LOG_FAILURE, opens ? EV_RELAY_FAILS_TO_OPEN : EV_RELAY_FAILS_TO_CLOSE),
        1);
    assert_int_equal(supply_is_on(&l->m), opens); /* as measured, not as ordered */
    assert_true(l->m.alarms.set[1] >> 31 & 1 && l->m.alarms.set[2] >> 12 & 1);
    run(l, 3 * 3600);
    assert_int_equal(l->relay.pulses - pulses, 8); /* once an hour */
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_FAILURE), 1);
    relay_sim_trouble(&l->relay, l->now, RELAY_SOUND);
    run(l, 3600);
    assert_int_equal(supply_is_on(&l->m), !opens);
    assert_int_equal(l->m.supply.state.fault, 0);
}

static void a_weld_is_found(void **state)
{
    (void)state;
    for (int feedback = 0; feedback < 2; feedback++) {
        struct lab *l = fresh(feedback);
        five_tries_then_told(l, RELAY_WELDS, true);
        assert_int_equal(counted(l, CNT_RELAY_OPEN_FAILS), 1);
        assert_int_equal(counted(l, CNT_RELAY_OPENS), 1);
        lab_free(l);
    }
}

static void a_stuck_one_is_found(void **state)
{
    (void)state;
    struct lab *l = fresh(true);
    assert_int_equal(order(l, SUPPLY_REMOTE, ACTION_DISCONNECT), 0);
    run(l, 5);
    five_tries_then_told(l, RELAY_STICKS, false);
    assert_int_equal(counted(l, CNT_RELAY_CLOSE_FAILS), 1);
    lab_free(l);
}

static void a_rattle_is_found(void **state)
{
    (void)state;
    struct lab *l = fresh(true);
    relay_sim_trouble(&l->relay, l->now, RELAY_RATTLES);
    run(l, 10);
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_FAILURE), 1);
    lab_free(l);
}

static void a_blow_is_corrected(void **state)
{
    (void)state;
    struct lab *l = fresh(true);
    relay_sim_knock(&l->relay, l->now, false);
    run(l, 2);
    assert_true(l->relay.closed);
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_CORRECTED), 1);
    assert_int_equal(counted(l, CNT_RELAY_CLOSES), 1);
    assert_int_equal(counted(l, CNT_RELAY_OPENS), 1);
    for (unsigned i = 0; i < 20; i++) { /* whoever hammers on it does not wear it out */
        relay_sim_knock(&l->relay, l->now, false);
        run(l, 2);
    }
    assert_true(lab_events(l, LOG_RELAY, EV_RELAY_CORRECTED) <= 6);
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_FAILURE), 1);
    lab_free(l);
}

static void a_weak_supply_waits(void **state)
{
    (void)state;
    struct lab *l = fresh(true);
    l->load.u_mv = 160000; /* 69.6 % */
    run(l, 1);
    assert_int_equal(order(l, SUPPLY_REMOTE, ACTION_DISCONNECT), 0);
    run(l, 60);
    assert_true(l->relay.closed);
    assert_int_equal(l->relay.pulses, 0);
    assert_int_equal(lab_events(l, LOG_RELAY, EV_RELAY_POSTPONED), 1);
    assert_true(supply_is_on(&l->m));
    assert_int_equal(supply_state(&l->m), CONTROL_DISCONNECTED);
    l->load.u_mv = 162000;
    run(l, 1);
    assert_false(l->relay.closed);
    assert_false(supply_is_on(&l->m));
    lab_free(l);
}

/* -- floods and doors ---------------------------------------------------------------------- */

static void a_flood_of_toggles_is_refused(void **state)
{
    (void)state;
    struct lab *l = fresh(true);
    unsigned done = 0, refused = 0;
    for (unsigned i = 0; i < 1800; i++) { /* an hour, one a second each way */
        order(l, SUPPLY_REMOTE, ACTION_DISCONNECT);
        run(l, 1);
        int err = order(l, SUPPLY_REMOTE, ACTION_RECONNECT);
        run(l, 1);
        done += err == 0;
        refused += err == E_DENIED;
    }
    assert_int_equal(done, 6 + 5); /* six, and one in ten minutes; the last is due at the end */
    assert_int_equal(refused, 1800 - done);
    assert_true(counted(l, CNT_RELAY_CLOSES) == done);
    assert_true(lab_events(l, LOG_RELAY, EV_RECONNECT_REFUSED) <=
                12); /* an hour's worth of rows */
    lab_free(l);
}

/* Limits and delays as bad as they may be set, under a load that is always too much. */
static void contradictory_limits_do_not_wear_it_out(void **state)
{
    static const struct param_value worst[] = {
        { PARAM_SUPPLY_MODE, 6 },       { PARAM_LIMIT_1_NORMAL, 1 },
        { PARAM_LIMIT_1_EMERGENCY, 0 }, { PARAM_LIMIT_1_OVER_S, 0 },
        { PARAM_LIMIT_1_UNDER_S, 0 },   { PARAM_LIMIT_1_DOWN, 2 },
        { PARAM_LIMIT_2_NORMAL, 1 },    { PARAM_LIMIT_2_OVER_S, 0 },
        { PARAM_LIMIT_2_DOWN, 2 },      { PARAM_RETRY_DELAY_S, 10 },
        { PARAM_RETRY_MAX, 10 },        { PARAM_RETRY_WINDOW_S, 60 },
        { PARAM_RETRY_LOCKOUT_S, 600 }
    };
    (void)state;
    struct lab *l = fresh(true);
    for (unsigned i = 0; i < sizeof worst / sizeof *worst; i++) {
        meter_at(&l->m, l->now);
        assert_int_equal(param_set(&l->m, &lab_who, worst[i].id, worst[i].value), 0);
        lab_settle(l);
    }
    run(l, 86400);
    assert_true(l->relay.moves > 100);
    assert_true(counted(l, CNT_RELAY_CLOSES) <= 12 + 288);
    assert_int_equal(counted(l, CNT_RELAY_OPENS) + counted(l, CNT_RELAY_CLOSES),
                     l->relay.moves);
    lab_free(l);
}

/* A monitor that opens at any load and closes at none: its own deed is no reason to close. */
static void a_monitor_does_not_chase_itself(void **state)
{
    static const struct param_value set[] = {
        { PARAM_SUPPLY_MODE, 6 },         { PARAM_MONITOR_2_REG, REG_P_IMPORT },
        { PARAM_MONITOR_2_THRESHOLD, 1 }, { PARAM_MONITOR_2_UP, 1 },
        { PARAM_MONITOR_2_DOWN, 2 },      { PARAM_MONITOR_1_THRESHOLD, 1 },
        { PARAM_MONITOR_1_UP, 1 },        { PARAM_MONITOR_1_DOWN, 2 }
    };
    (void)state;
    struct lab *l = fresh(true);
    l->load.p_mw = l->load.i_ma = 0;
    run(l, 1);
    for (unsigned i = 0; i < sizeof set / sizeof *set; i++) {
        meter_at(&l->m, l->now);
        assert_int_equal(param_set(&l->m, &lab_who, set[i].id, set[i].value), 0);
        lab_settle(l);
    }
    run(l, 1);
    l->load = (struct lab_load){ 2300000, 0, 230000, 10000 };
    run(l, 7200);
    assert_true(l->relay.moves >= 2);
    assert_true(counted(l, CNT_RELAY_CLOSES) <= 12 + 24);
    lab_free(l);
}

static void thresholds_out_of_range_are_refused(void **state)
{
    static const struct param_value bad[] = {
        { PARAM_LIMIT_1_REG, REG_COUNT }, { PARAM_LIMIT_1_REG, -1 },
        { PARAM_LIMIT_1_NORMAL, -1 },     { PARAM_LIMIT_1_OVER_S, 86401 },
        { PARAM_LIMIT_1_UP, 4 },          { PARAM_RETRY_DELAY_S, 9 },
        { PARAM_RETRY_MAX, 11 },          { PARAM_RETRY_WINDOW_S, 59 },
        { PARAM_RETRY_LOCKOUT_S, 599 },   { PARAM_RELAY_MIN_PERCENT, 49 },
        { PARAM_RESOURCE_LIMIT_W, -1 }
    };
    (void)state;
    struct lab *l = fresh(true);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(param_set(&l->m, &lab_who, bad[i].id, bad[i].value), E_RANGE);
    run(l, 60);
    assert_int_equal(l->relay.moves, 0);
    assert_int_equal(lab_events(l, LOG_STANDARD, EV_PARAMETER_CHANGED), 0);
    lab_free(l);
}

static void mode_0_is_no_back_door(void **state)
{
    (void)state;
    struct lab *l = fresh(true);
    request(l, SUPPLY_FIRE, true);
    run(l, 2);
    assert_false(l->relay.closed);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_SUPPLY_MODE, 0), E_DENIED);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_SUPPLY_MODE, 7), E_RANGE);
    assert_int_equal(order(l, SUPPLY_FIRE, ACTION_RECONNECT), E_DENIED); /* it still burns */
    assert_int_equal(order(l, SUPPLY_REMOTE, ACTION_RECONNECT), E_DENIED);
    request(l, SUPPLY_FIRE, false);
    run(l, 2);
    assert_false(l->relay.closed); /* cold, but nobody said so */
    assert_int_equal(order(l, SUPPLY_FIRE, ACTION_RECONNECT), 0);
    assert_int_equal(order(l, SUPPLY_BUTTON, ACTION_RECONNECT), 0);
    run(l, 2);
    assert_true(l->relay.closed);
    mode(l, 0);
    request(l, SUPPLY_FIRE, true);
    run(l, 2);
    assert_true(l->relay.closed);
    mode(l, 4); /* and what holds opens when the mode lets it */
    run(l, 2);
    assert_false(l->relay.closed);
    lab_free(l);
}

static void no_relay_no_orders(void **state)
{
    (void)state;
    struct lab *l = lab_new(0, 0);
    assert_int_equal(lab_power_up(l, T0), 0);
    lab_settle(l);
    assert_int_equal(supply_order(&l->m, &lab_who, SUPPLY_REMOTE, ACTION_DISCONNECT), E_STATE);
    request(l, SUPPLY_FIRE, true);
    assert_true(supply_is_on(&l->m));
    assert_int_equal(supply_state(&l->m), CONTROL_CONNECTED);
    lab_free(l);
}

static void two_poles_look_at_both_wires(void **state)
{
    (void)state;
    assert_int_equal(cfg_two_pole.rating.imax_ma, 80000);
    assert_int_equal(cfg_two_pole.relay.poles, 2);
    struct lab *l = fresh(false);
    struct quantity q = { .u_uv = 230000000, .element[ELEMENT_NEUTRAL] = { .i_ua = 5000000 } };
    q.start = q.end = l->now;
    l->cfg.relay.poles = 2;
    relay_window(&l->m, &q);
    assert_int_equal(relay_current_ma(&l->m), 5000);
    l->cfg.relay.poles = 1;
    relay_window(&l->m, &q);
    assert_int_equal(relay_current_ma(&l->m), 0);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contact_follows_every_set),
        cmocka_unit_test(a_weld_is_found),
        cmocka_unit_test(a_stuck_one_is_found),
        cmocka_unit_test(a_rattle_is_found),
        cmocka_unit_test(a_blow_is_corrected),
        cmocka_unit_test(a_weak_supply_waits),
        cmocka_unit_test(a_flood_of_toggles_is_refused),
        cmocka_unit_test(contradictory_limits_do_not_wear_it_out),
        cmocka_unit_test(a_monitor_does_not_chase_itself),
        cmocka_unit_test(thresholds_out_of_range_are_refused),
        cmocka_unit_test(mode_0_is_no_back_door),
        cmocka_unit_test(no_relay_no_orders),
        cmocka_unit_test(two_poles_look_at_both_wires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
