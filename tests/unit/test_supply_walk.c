/* Every mode x every set of holds x every requester x every action, against a second reading of
 * the rules: the table of class 70 as letters, and sentences that must hold whatever happens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meter/supply/arbiter.h"

enum { SETS = 1 << REQUESTERS };

/* Mode by mode: remote, manual, local disconnection; where a remote reconnection leads (r
 * ready, c connected); manual, local reconnection. */
static const char *const book[SUPPLY_MODES] = { "------", "yyyryn", "yyycyn", "ynyryn",
                                                "ynycyn", "yyyryy", "ynyryy" };

static bool says(unsigned mode, unsigned column, char letter)
{
    return book[mode][column] == letter;
}

static uint64_t random_u64(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* -- what an opening order must do --------------------------------------------------------- */

static uint16_t opened(unsigned mode, uint16_t held, unsigned r)
{
    unsigned column = r == SUPPLY_REMOTE ? 0 : r == SUPPLY_BUTTON ? 1 : 2;
    if (!says(mode, column, 'y')) return held;
    if (r == SUPPLY_BUTTON && held) return held; /* only a connected one */
    return held | SUPPLY_BIT(r);
}

/* -- and a closing one, as delivered ------------------------------------------------------- */

static uint16_t let_go(unsigned mode, uint16_t held, unsigned r)
{
    bool disconnected = held & SUPPLY_BIT(SUPPLY_REMOTE);
    if (r == SUPPLY_BUTTON)
        return disconnected ? 0
                            : held & (SUPPLY_BIT(SUPPLY_BUTTON) | SUPPLY_BIT(SUPPLY_LIMIT) |
                                      SUPPLY_BIT(SUPPLY_OVERCURRENT));
    if (r != SUPPLY_REMOTE) return held & SUPPLY_BIT(r);
    uint16_t own = SUPPLY_BIT(SUPPLY_REMOTE);
    if (says(mode, 3, 'c')) own |= SUPPLY_BIT(SUPPLY_BUTTON);
    return held & own;
}

static uint16_t closed(unsigned mode, uint16_t held, unsigned r, enum supply_action a)
{
    uint16_t gone = let_go(mode, held, r), rest = held & (uint16_t)~gone;
    bool at_once = r == SUPPLY_BUTTON || (r == SUPPLY_REMOTE && says(mode, 3, 'c')) ||
                   (r != SUPPLY_REMOTE && says(mode, 5, 'y')) ||
                   (r == SUPPLY_SCHEDULE && says(mode, 3, 'c'));
    if (a == ACTION_READY) at_once = false;
    return gone && !at_once ? rest | SUPPLY_BIT(SUPPLY_BUTTON) : rest;
}

static void every_step_is_as_written(void **state)
{
    (void)state;
    unsigned long steps = 0;
    for (unsigned mode = 0; mode < SUPPLY_MODES; mode++)
        for (unsigned held = 0; held < SETS; held++)
            for (unsigned r = 0; r < REQUESTERS; r++)
                for (unsigned a = 1; a <= ACTIONS; a++, steps++) {
                    struct verdict v = arbiter_judge(&arbiter_product, mode, (uint16_t)held, r,
                                                     (enum supply_action)a);
                    uint16_t want = a == ACTION_DISCONNECT ? opened(mode, (uint16_t)held, r)
                                                           : closed(mode, (uint16_t)held, r,
                                                                    (enum supply_action)a);
                    assert_int_equal(v.held, want);
                    if (v.refused) assert_int_equal(v.held, held);
                    if (a != ACTION_DISCONNECT && v.held == held && held)
                        assert_true(v.refused || v.blocked != SUPPLY_NOBODY ||
                                    held == SUPPLY_BIT(SUPPLY_BUTTON));
                }
    assert_int_equal(steps, 7ul * 1024 * 10 * 3);
}

/* Whatever anybody orders, as delivered: what others hold stays held, but for the two
 * exceptions that are written down. */
static void a_lower_rank_never_closes(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < SUPPLY_MODES; mode++)
        for (unsigned held = 0; held < SETS; held++)
            for (unsigned r = 0; r < REQUESTERS; r++)
                for (unsigned a = ACTION_RECONNECT; a <= ACTIONS; a++) {
                    struct verdict v = arbiter_judge(&arbiter_product, mode, (uint16_t)held, r,
                                                     (enum supply_action)a);
                    uint16_t lost = (uint16_t)(held & ~v.held);
                    uint16_t may = SUPPLY_BIT(r);
                    if (r == SUPPLY_BUTTON)
                        may |= SUPPLY_BIT(SUPPLY_OVERCURRENT) | SUPPLY_BIT(SUPPLY_LIMIT);
                    if (r == SUPPLY_REMOTE) may |= SUPPLY_BIT(SUPPLY_BUTTON);
                    assert_int_equal(lost & ~may, 0);
                    if (held & ~may)
                        assert_int_not_equal(arbiter_state(mode ? mode : 1, v.held),
                                             CONTROL_CONNECTED);
                }
}

/* With any weights a utility may write. */
static void weights_decide_but_never_over_fire(void **state)
{
    (void)state;
    uint64_t x = 22;
    unsigned tables = 0, overridden = 0;
    while (tables < 500) {
        struct weights w;
        for (unsigned r = 0; r < REQUESTERS; r++) {
            for (unsigned a = 0; a < ACTIONS; a++) w.of[r][a] = (uint16_t)(random_u64(&x) % 40);
            w.may[r] = (uint8_t)(random_u64(&x) & 7);
        }
        w.of[SUPPLY_FIRE][0] = 40;
        w.may[SUPPLY_FIRE] |= 3;
        assert_true(arbiter_is_valid(&w));
        tables++;
        for (unsigned k = 0; k < 2000; k++) {
            uint16_t held = (uint16_t)(random_u64(&x) % SETS);
            unsigned mode = (unsigned)(random_u64(&x) % SUPPLY_MODES);
            unsigned r = (unsigned)(random_u64(&x) % REQUESTERS);
            unsigned a = 1 + (unsigned)(random_u64(&x) % ACTIONS);
            struct verdict v = arbiter_judge(&w, mode, held, r, (enum supply_action)a);
            uint16_t lost = held & (uint16_t)~v.held;
            if (held & SUPPLY_BIT(SUPPLY_FIRE) && r != SUPPLY_FIRE)
                assert_true(v.held & SUPPLY_BIT(SUPPLY_FIRE));
            if (!(w.may[r] >> (a - 1) & 1)) assert_int_equal(v.held, held);
            for (unsigned q = 0; q < REQUESTERS; q++) {
                if (!(lost & SUPPLY_BIT(q)) || q == r || q == SUPPLY_BUTTON) continue;
                bool by_hand =
                    r == SUPPLY_BUTTON && (q == SUPPLY_LIMIT || q == SUPPLY_OVERCURRENT);
                overridden++;
                assert_true(by_hand || w.of[r][a - 1] > w.of[q][0]);
            }
        }
    }
    assert_true(overridden > 1000);
    struct weights bad = arbiter_product;
    bad.of[SUPPLY_REMOTE][ACTION_RECONNECT - 1] = 101;
    assert_false(arbiter_is_valid(&bad));
    bad = arbiter_product;
    bad.may[SUPPLY_FIRE] = 0;
    assert_false(arbiter_is_valid(&bad));
    bad = arbiter_product;
    bad.may[3] = 8;
    assert_false(arbiter_is_valid(&bad));
}

/* A utility that puts the head-end's reconnection first: it closes over all but fire. */
static void an_order_of_another_maker(void **state)
{
    (void)state;
    struct weights w = arbiter_product;
    w.of[SUPPLY_REMOTE][ACTION_RECONNECT - 1] = 100;
    assert_true(arbiter_is_valid(&w));
    uint16_t held = SUPPLY_BIT(SUPPLY_VOLTAGE) | SUPPLY_BIT(SUPPLY_ARREARS);
    struct verdict v = arbiter_judge(&w, 4, held, SUPPLY_REMOTE, ACTION_RECONNECT);
    assert_int_equal(v.held, 0);
    held |= SUPPLY_BIT(SUPPLY_FIRE);
    v = arbiter_judge(&w, 4, held, SUPPLY_REMOTE, ACTION_RECONNECT);
    assert_int_equal(v.held, SUPPLY_BIT(SUPPLY_FIRE));
    assert_int_equal(v.blocked, SUPPLY_FIRE);
}

static void the_holder_is_the_heaviest(void **state)
{
    (void)state;
    assert_int_equal(arbiter_holder(&arbiter_product, 0), SUPPLY_NOBODY);
    for (unsigned held = 1; held < SETS; held++) {
        unsigned first = 0;
        while (!(held >> first & 1)) first++;
        assert_int_equal(arbiter_holder(&arbiter_product, (uint16_t)held), first);
    }
    for (unsigned mode = 0; mode < SUPPLY_MODES; mode++)
        for (unsigned held = 0; held < SETS; held++) {
            enum control_state s = arbiter_state(mode, (uint16_t)held);
            if (mode == 0 || held == 0)
                assert_int_equal(s, CONTROL_CONNECTED);
            else
                assert_int_equal(s, held & SUPPLY_BIT(SUPPLY_REMOTE) ? CONTROL_DISCONNECTED
                                                                     : CONTROL_READY);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_as_written),
        cmocka_unit_test(a_lower_rank_never_closes),
        cmocka_unit_test(weights_decide_but_never_over_fire),
        cmocka_unit_test(an_order_of_another_maker),
        cmocka_unit_test(the_holder_is_the_heaviest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
