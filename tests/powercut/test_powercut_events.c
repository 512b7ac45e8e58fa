/* test_powercut_events.c - floods of events, with the lights going out at every flash operation.
 *
 * Of a code that comes again and again a row is held back. Whenever the power goes, what was
 * posted up to the last full minute is told after power-up, by rows and by the number in the
 * last of them, and nothing is told twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lab.h"
#include "powercut/cuts.h"

static const int64_t T0 = 1767225600;
enum { CODES = 3, HOURS = 3, EVERY_S = 20 };
static const uint16_t code[CODES] = { EV_SAG, EV_REPLAY, EV_RECONNECT_REFUSED };

struct life {
    struct lab *lab;
    uint32_t posted[CODES], certain[CODES];
    struct cuts cuts;
};

/* Events of a code that its rows tell of; *held: what they do not tell yet. */
static uint32_t told(struct lab *l, uint16_t what, uint32_t *held)
{
    uint32_t n = 0;
    unsigned log = event_find(what)->log;
    for (unsigned k = 0; k < 2; k++) {
        struct event_span s = event_span(&l->m, (enum event_log)log);
        for (uint32_t i = s.first; i < s.next; i++) {
            struct event_row e;
            assert_int_equal(event_read(&l->m, (enum event_log)log, i, &e), 0);
            if (e.code == what) n += 1 + (e.flags & EVENT_REPEATED ? e.magnitude : 0);
        }
        if (log != LOG_FRAUD) break;
        log = LOG_SECURITY; /* attempts that find no room there */
    }
    *held = 0;
    for (unsigned i = 0; i < FLOODS; i++)
        if (l->m.events.flood[i].code == what) *held += l->m.events.flood[i].missed;
    return n;
}

static void judge(void *ctx, struct nor_sim *chip, enum torn model)
{
    struct life *f = ctx;
    struct lab *l = lab_new_on(&chip->nor, &store_map);
    uint32_t held;
    (void)model;
    assert_int_equal(lab_power_up(l, clock_utc(&f->lab->m.clock, f->lab->now).s + 5), 0);
    lab_run_s(l, 1);
    lab_settle(l);
    for (unsigned k = 0; k < CODES; k++) {
        uint32_t n = told(l, code[k], &held);
        assert_int_equal(held, 0);
        assert_in_range(n, f->certain[k], f->posted[k]);
    }
    lab_free(l);
}

static void no_refusal_is_lost(void **state)
{
    static struct nor_sim sim;
    struct life f = { .cuts = { .every = 12, .of = 20, .judge = judge, .random = 7 } };
    uint32_t held, last = 0;
    (void)state;
    nor_sim_init(&sim, 2048, (struct nor_times){ 0, 0 }, 3);
    f.lab = lab_new_on(&sim.nor, &store_map);
    f.cuts.ctx = &f;
    assert_int_equal(lab_power_up(f.lab, T0), 0);
    lab_settle(f.lab);
    cuts_watch(&f.cuts, &sim);
    for (unsigned i = 0; i < HOURS * 3600 / EVERY_S; i++) {
        for (unsigned k = 0; k < CODES; k++) {
            if (k == 2 && i % 7) continue;
            f.posted[k]++;
            event_post(&f.lab->m, (enum event)code[k], &lab_who, NULL);
        }
        lab_settle(f.lab);
        lab_run_s(f.lab, EVERY_S);
        if (!store_is_down(&f.lab->m.store) || f.lab->m.events.held) continue;
        for (unsigned k = 0; k < CODES; k++) f.certain[k] = f.posted[k];
        last = i;
    }
    assert_true(last > HOURS * 3600 / EVERY_S - 4);
    sim.watch = NULL;
    for (unsigned k = 0; k < CODES; k++) {
        uint32_t n = told(f.lab, code[k], &held);
        assert_int_equal(n + held, f.posted[k]);
    }
    printf("%llu operations, %llu cuts, %llu second cuts: each event told once\n",
           (unsigned long long)f.cuts.operations, (unsigned long long)f.cuts.cuts,
           (unsigned long long)f.cuts.second_cuts);
    lab_free(f.lab);
    nor_sim_free(&sim);
}

/* With a last gasp nothing at all; with none up to the last full minute. */
static void the_supply_fails_in_a_flood(void **state)
{
    (void)state;
    for (unsigned gasp = 0; gasp < 2; gasp++) {
        uint32_t held;
        struct lab *l = lab_new(0, 0);
        assert_int_equal(lab_power_up(l, T0), 0);
        for (unsigned i = 0; i < 90; i++) {
            event_post(&l->m, EV_SAG, NULL, NULL);
            lab_settle(l);
            lab_run_s(l, 1);
        }
        assert_int_equal(told(l, EV_SAG, &held), 10);
        assert_int_equal(held, 80);
        lab_power_down(l, gasp);
        assert_int_equal(lab_power_up(l, T0 + 100), 0);
        lab_run_s(l, 1);
        lab_settle(l);
        uint32_t n = told(l, EV_SAG, &held);
        assert_int_equal(held, 0);
        assert_int_equal(n, gasp ? 90 : 60);
        assert_int_equal(lab_events(l, LOG_QUALITY, EV_SAG), 11);
        lab_power_down(l, false);
        assert_int_equal(lab_power_up(l, T0 + 200), 0);
        lab_run_s(l, 4000);
        assert_int_equal(told(l, EV_SAG, &held), n); /* and not again */
        lab_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_supply_fails_in_a_flood),
        cmocka_unit_test(no_refusal_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
