/* The simulated relay by itself: what each drive of the coil does to the contact, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/common/relay_sim.h"

enum { OFF, OPEN, CLOSE };

static mono_t ms(uint64_t n)
{
    return (mono_t){ n * 1000 };
}

/* Everything it does by itself up to t. */
static void run(struct relay_sim *r, mono_t t)
{
    while (relay_sim_next(r).us <= t.us) relay_sim_step(r, relay_sim_next(r));
}

static struct relay_sim fresh(void)
{
    struct relay_sim r;
    relay_sim_init(&r);
    return r;
}

static void assert_rests(struct relay_sim *r, bool closed, unsigned moves)
{
    run(r, ms(10000));
    assert_int_equal(r->closed, closed);
    assert_int_equal(relay_sim_feedback(r), closed);
    assert_int_equal(r->moves, moves);
    assert_true(relay_sim_next(r).us == MONO_NEVER.us);
}

static void test_pulse(void **state)
{
    struct relay_sim r = fresh();
    (void)state;
    relay_sim_drive(&r, ms(0), OPEN);
    run(&r, ms(RELAY_OPERATE_MS - 1));
    assert_true(relay_sim_conducts(&r));
    run(&r, ms(RELAY_OPERATE_MS));
    assert_false(relay_sim_conducts(&r));
    assert_rests(&r, false, 1);
    relay_sim_drive(&r, ms(10001), OFF);
    relay_sim_drive(&r, ms(10002), CLOSE);
    run(&r, ms(10002 + RELAY_OPERATE_MS));
    assert_true(r.closed);
}

/* Nobody looked between the beginning of the pulse and its end. */
static void test_pulse_unseen(void **state)
{
    struct relay_sim r = fresh();
    (void)state;
    relay_sim_drive(&r, ms(0), OPEN);
    relay_sim_drive(&r, ms(60), OFF);
    assert_false(relay_sim_conducts(&r));
    assert_false(relay_sim_feedback(&r));
    assert_rests(&r, false, 1);
}

static void test_short_pulse(void **state)
{
    struct relay_sim r = fresh();
    (void)state;
    relay_sim_drive(&r, ms(0), OPEN);
    relay_sim_drive(&r, ms(RELAY_OPERATE_MS - 1), OFF);
    assert_rests(&r, true, 0);
}

/* Turned round after k ms it is back after 2 k; turned twice it arrives as much later. */
static void test_reversal(void **state)
{
    (void)state;
    for (unsigned k = 1; k < RELAY_OPERATE_MS; k++) {
        struct relay_sim r = fresh();
        relay_sim_drive(&r, ms(0), OPEN);
        relay_sim_drive(&r, ms(k), CLOSE);
        assert_int_equal(relay_sim_next(&r).us, 2000 * k);
        assert_int_equal(r.pulses, 2);
        assert_rests(&r, true, 0);

        r = fresh();
        relay_sim_drive(&r, ms(0), OPEN);
        relay_sim_drive(&r, ms(k), CLOSE);
        relay_sim_drive(&r, ms(k + k / 2), OPEN);
        uint64_t gone_ms = k - k / 2;
        assert_int_equal(relay_sim_next(&r).us,
                         1000 * (k + k / 2 + RELAY_OPERATE_MS - gone_ms));
        assert_rests(&r, false, 1);
    }
}

static void test_held(void **state)
{
    (void)state;
    for (unsigned trouble = RELAY_WELDS; trouble <= RELAY_STICKS; trouble <<= 1) {
        struct relay_sim r = fresh();
        relay_sim_trouble(&r, ms(0), trouble);
        relay_sim_drive(&r, ms(1), OPEN);
        assert_rests(&r, true, 0);

        r = fresh(); /* it takes hold on the way */
        relay_sim_drive(&r, ms(0), OPEN);
        relay_sim_trouble(&r, ms(10), trouble);
        assert_rests(&r, true, 0);
    }
}

static void test_bypass(void **state)
{
    struct relay_sim r = fresh();
    (void)state;
    relay_sim_trouble(&r, ms(0), RELAY_BYPASSED);
    relay_sim_drive(&r, ms(0), OPEN);
    assert_rests(&r, false, 1);
    assert_true(relay_sim_conducts(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pulse),        cmocka_unit_test(test_short_pulse),
        cmocka_unit_test(test_pulse_unseen), cmocka_unit_test(test_reversal),
        cmocka_unit_test(test_held),         cmocka_unit_test(test_bypass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
