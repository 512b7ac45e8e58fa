/* test_powercut_dark.c - an outage of years is made up, with the lights going out at every flash
 * operation of that.
 *
 * An account with a charge a day, a charge a month and a debt by day is dark for 16 months; then
 * each program and erase is cut in every torn model. Whatever is left is powered up seconds, or
 * months, later, and makes up for the rest: each day and month is charged once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/cal.h"
#include "powercut/cuts.h"
#include "schemes.h"
#include "teller.h"

#define T0 INT64_C(1767225600) /* 2026-01-01, midnight */
#define DAY INT64_C(86400)

enum { FROM = 19, DARK = 490, ONE_IN = 5 };
#define UP (T0 + (FROM + DARK) * DAY + 3600)

struct life {
    struct lab *lab;
    struct teller t;
    struct cuts cuts;
    uint64_t judged;
};

/* What is owed after so many days from the first, that one counted. */
static void assert_owed(struct lab *l, int64_t days)
{
    const struct wallet *w = &l->m.wallets.wallet[1];
    int64_t months = 1;
    for (int64_t d = 1; d < days; d++) months += cal_civil(T0 + d * DAY).day == 1;
    assert_int_equal(wallet_collected(&l->m, 1),
                     months * 5 * MONEY_UNIT + days * MONEY_UNIT / 10);
    assert_int_equal(w->debt[DEBT_DAY].paid, (days - 1) * MONEY_UNIT / 20);
    assert_int_equal(w->period.days, cal_civil(T0 + (days - 1) * DAY).day);
    assert_false(billing_is_behind(&l->m));
}

static int64_t now_of(const struct lab *l)
{
    return clock_utc(&l->m.clock, l->now).s;
}

static void judge(void *ctx, struct nor_sim *chip, enum torn model)
{
    struct life *f = ctx;
    (void)model;
    if (sim_random(&f->cuts.random) % ONE_IN) return;
    struct lab *l = lab_new_on(&chip->nor, &store_map);
    teller_fit(l, &f->t);
    int64_t later = 3 + (sim_random(&f->cuts.random) % 4 ? 0 : 200 * DAY);
    if (f->cuts.again) later += 200 * DAY; /* the clock goes on */
    later += UP + (int64_t)(f->lab->now.us / 1000000);
    assert_int_equal(lab_power_up(l, later), 0);
    lab_settle(l);
    lab_run_s(l, 2);
    assert_owed(l, (now_of(l) - T0) / DAY + 1);
    lab_free(l);
    f->judged++;
}

static void set(struct lab *l, uint16_t id, int32_t value)
{
    lab_settle(l);
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, id, value), 0);
    lab_settle(l);
}

static void begin(struct life *f)
{
    struct scheme s = { .name = "monthly", .steps = 1 };
    struct lab *l = f->lab;
    enum scheme_fault fault;
    s.fixed[0] = (struct price_fixed){ FIXED_MONTH, 5000000 };
    s.fixed[1] = (struct price_fixed){ FIXED_DAY, 100000 };
    assert_int_equal(teller_enter(l, &teller_keypad, teller_money(&f->t, 1)), STS_ACCEPT);
    assert_int_equal(wallet_add(&l->m, &lab_who, 1, 2000 * MONEY_UNIT), 0);
    lab_settle(l);
    meter_at(&l->m, l->now);
    assert_int_equal(expense_scheme_set(&l->m, &lab_who, &s, &fault), 0);
    lab_settle(l);
    assert_int_equal(expense_activate(&l->m, &lab_who), 0);
    set(l, PARAM_DEBT_2_DAY, 5);
    meter_at(&l->m, l->now);
    assert_int_equal(credit_set_debt(&l->m, &lab_who, 1, DEBT_DAY, 900 * MONEY_UNIT), 0);
    lab_settle(l);
}

static void each_day_and_month_once(void **state)
{
    static struct nor_sim sim;
    static struct life f;
    (void)state;
    f.cuts = (struct cuts){ .every = 60, .of = 90, .judge = judge, .ctx = &f, .random = 11 };
    nor_sim_init(&sim, 2048, (struct nor_times){ 0, 0 }, 5);
    teller_init(&f.t, STS_EA_STA);
    f.lab = lab_new_on(&sim.nor, &store_map);
    teller_fit(f.lab, &f.t);
    assert_int_equal(lab_power_up(f.lab, T0), 0);
    begin(&f);
    lab_run_until(f.lab, T0 + FROM * DAY + 3600);
    assert_owed(f.lab, FROM + 1);
    lab_power_down(f.lab, true);
    cuts_watch(&f.cuts, &sim);
    assert_int_equal(lab_power_up(f.lab, UP), 0);
    lab_settle(f.lab);
    lab_run_s(f.lab, 2);
    sim.watch = NULL;
    assert_owed(f.lab, FROM + DARK + 1);
    printf(
        "%llu operations, %llu cuts, %llu at power-up, %llu judged: each day and month once\n",
        (unsigned long long)f.cuts.operations, (unsigned long long)f.cuts.cuts,
        (unsigned long long)f.cuts.second_cuts, (unsigned long long)f.judged);
    assert_true(f.judged > 500);
    lab_free(f.lab);
    nor_sim_free(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_day_and_month_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
