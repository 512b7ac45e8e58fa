/* The tariff scheme in a living meter: worked examples through fed energy and the wallet, days,
 * ends of months, another scheme, outages; the same money however the energy comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cal.h"
#include "base/err.h"
#include "reckon.h"
#include "schemes.h"
#include "teller.h"

#define T0 INT64_C(1767225600) /* 2026-01-01, midnight */
#define DAY 86400
#define BOUGHT INT64_C(2000000000000) /* 2000 */

static struct lab *l;
static struct teller t;

static int setup(void **state)
{
    (void)state;
    teller_init(&t, STS_EA_STA);
    l = lab_new(0, 0);
    teller_fit(l, &t);
    return lab_power_up(l, T0) < 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_free(l);
    return 0;
}

static void cut(uint64_t dark_s)
{
    int64_t utc = clock_utc(&l->m.clock, l->now).s;
    lab_power_down(l, true);
    assert_true(lab_power_up(l, utc + (int64_t)dark_s) >= 0);
    lab_settle(l);
}

static void set(uint16_t id, int32_t value)
{
    lab_settle(l);
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, id, value), 0);
    lab_settle(l);
}

static void write_passive(const struct scheme *s)
{
    enum scheme_fault fault;
    lab_settle(l);
    meter_at(&l->m, l->now);
    assert_int_equal(expense_scheme_set(&l->m, &lab_who, s, &fault), 0);
    lab_settle(l);
}

static void use_scheme(const struct scheme *s)
{
    write_passive(s);
    assert_int_equal(expense_activate(&l->m, &lab_who), 0);
    lab_settle(l);
}

static void open_account(void)
{
    assert_int_equal(teller_enter(l, &teller_keypad, teller_money(&t, 1)), STS_ACCEPT);
    assert_int_equal(wallet_add(&l->m, &lab_who, 1, BOUGHT - 10000), 0);
    lab_settle(l);
    assert_int_equal(l->m.wallets.wallet[1].bought, BOUGHT);
}

/* 100 Wh a second, until the month has used so much. */
static void use_until_kwh(uint32_t kwh)
{
    struct month_usage u;
    expense_usage(&l->m, 1, &u);
    l->load.p_mw = 360000000;
    lab_run_s(l, ((uint64_t)kwh * 1000 - usage_wh(&u)) / 100);
    l->load.p_mw = 0;
    expense_usage(&l->m, 1, &u);
    assert_int_equal(usage_wh(&u), kwh * 1000);
}

static struct bill bill_now(void)
{
    struct bill b;
    expense_bill(&l->m, 1, &b);
    return b;
}

static void assert_money(struct exact e, const char *decimal)
{
    assert_int_equal(e.nano, schemes_nano(decimal));
    assert_int_equal(e.part, 0);
}

static void assert_wallet(const char *total)
{
    assert_int_equal(wallet_balance(&l->m, 1), BOUGHT - schemes_nano(total));
}

static void example_a(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_ghana_2018(false));
    use_until_kwh(750);
    assert_money(bill_now().energy, "843.165");
    assert_money(bill_now().vat, "149.4006325");
    assert_wallet("1019.2517825"); /* shown 1019.25 */
    assert_int_equal(l->m.now.quantity[VAL_CREDIT_2], 98074);
    cut(10);
    assert_wallet("1019.2517825");
}

static void example_a_with_the_other_mask(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_ghana_2018(true));
    use_until_kwh(750);
    assert_money(bill_now().vat, "154.93156875");
    assert_wallet("1024.78271875"); /* 1024.78 */
}

static void example_b(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_ghana_2025());
    use_until_kwh(350);
    assert_wallet("703.3148235"); /* 703.31 */
}

static void example_b_lifeline(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_ghana_lifeline());
    use_until_kwh(25);
    assert_wallet("23.006835"); /* 23.01 */
}

static void example_c(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_egypt());
    for (const struct schemes_row *r = schemes_egypt_rows; r->kwh; r++) {
        use_until_kwh(r->kwh);
        assert_money(bill_now().energy, r->en);
        assert_wallet(r->t);
        cut(0);
        assert_wallet(r->t);
    }
}

/* The 101st kWh begins with a Wh that costs 28.00077. */
static void a_cliff_opens_the_relay(void **state)
{
    (void)state;
    lab_fit_relay(l, true);
    cut(0);
    open_account();
    use_scheme(schemes_egypt());
    use_until_kwh(100);
    int64_t rest = wallet_balance(&l->m, 1);
    assert_int_equal(wallet_add(&l->m, &lab_who, 1, 20 * MONEY_UNIT - rest), 0);
    lab_settle(l);
    assert_int_equal(wallet_balance(&l->m, 1), 20 * MONEY_UNIT);
    assert_true(l->m.supply.state.closed);
    l->load.p_mw = 3600000;
    lab_run_s(l, 1);
    assert_int_equal(wallet_balance(&l->m, 1), INT64_C(-8000770000));
    l->load.p_mw = 0;
    lab_run_s(l, 5);
    assert_false(l->m.supply.state.closed);
    struct event_row row;
    struct event_span s = event_span(&l->m, LOG_PREPAYMENT);
    unsigned steps = 0, exhausted = 0;
    for (uint32_t i = s.first; i < s.next; i++) {
        assert_int_equal(event_read(&l->m, LOG_PREPAYMENT, i, &row), 0);
        steps += row.code == EV_STEP_CHANGED && row.magnitude == 3;
        exhausted += row.code == EV_CREDIT_EXHAUSTED;
    }
    assert_int_equal(steps, 1);
    assert_int_equal(exhausted, 1);
}

static void example_d(void **state)
{
    (void)state;
    set(PARAM_CONTRACT_W, 5000);
    open_account();
    use_scheme(schemes_full());
    lab_run_until(l, T0 + 29 * DAY + 3600); /* the thirtieth day */
    for (const struct schemes_row *r = schemes_full_rows; r->t; r++) {
        use_until_kwh(r->kwh);
        struct bill b = bill_now();
        assert_money(b.energy, r->en);
        assert_money(b.service, r->sv);
        assert_money(b.fixed, r->f);
        assert_money(b.levy, r->l);
        assert_money(b.subsidy, r->s);
        assert_money(b.vat, r->v);
        assert_wallet(r->t);
        if (r->kwh == 300) cut(60);
    }
}

/* -- paths --------------------------------------------------------------------------------- */

static int64_t life_in_steps(uint64_t step_us)
{
    struct param_value v[] = { { PARAM_CONTRACT_W, 3000 } };
    teller_init(&t, STS_EA_STA);
    l = lab_new(0, 0);
    teller_fit(l, &t);
    assert_true(lab_power_up(l, T0 + 100) >= 0);
    assert_int_equal(param_set_all(&l->m, &lab_who, v, 1), 0);
    open_account();
    use_scheme(schemes_full());
    for (unsigned i = 0; i < 40; i++) {
        l->load.p_mw = (int32_t)(i * 7919 % 60 * 1000000);
        meter_at(&l->m, l->now);
        assert_int_equal(command_do(&l->m, &lab_who, CMD_TARIFF, (int32_t)(1 + i % 8)), 0);
        lab_settle(l);
        lab_run_to(l, mono_after(l->now, 1800000000), step_us);
    }
    int64_t charged = wallet_collected(&l->m, 1);
    lab_free(l);
    return charged;
}

static void portions_do_not_matter(void **state)
{
    (void)state;
    int64_t charged = life_in_steps(200000);
    assert_true(charged > 10 * MONEY_UNIT);
    assert_int_equal(charged, life_in_steps(60000000));
    assert_int_equal(charged, life_in_steps(1777777));
    assert_int_equal(charged, life_in_steps(1000000));
}

/* A million windows of one Wh each. */
static void a_million_deductions(void **state)
{
    (void)state;
    struct month_usage u = { .days = 1 };
    struct bill b;
    open_account();
    use_scheme(schemes_egypt());
    l->load.p_mw = 360000000; /* one Wh in 10 ms */
    lab_run_to(l, mono_after(l->now, UINT64_C(10000000000)), 10000);
    scheme_use(schemes_egypt(), &u, 0, 1000000);
    scheme_bill(schemes_egypt(), &u, &b);
    assert_int_equal(BOUGHT - wallet_balance(&l->m, 1), b.total.nano);
    assert_int_equal(b.total.part, 0);
}

/* -- days and months ----------------------------------------------------------------------- */

static void months_end_and_begin(void **state)
{
    (void)state;
    struct billing_row row;
    set(PARAM_CONTRACT_W, 5000);
    open_account();
    use_scheme(schemes_full());
    use_until_kwh(301);
    lab_run_until(l, T0 + 31 * DAY - 10);
    struct bill january = bill_now();
    assert_int_equal(january.charge[CHARGE_FIXED].nano, 31 * INT64_C(50000000));
    lab_run_until(l, T0 + 31 * DAY + 10);
    struct bill february = bill_now();
    assert_int_equal(february.energy.nano, 0);
    assert_int_equal(february.charge[CHARGE_FIXED].nano, INT64_C(50000000));
    struct exact both = exact_add(january.total, february.total);
    assert_int_equal(wallet_collected(&l->m, 1), both.nano);
    struct billing_span s = billing_span(&l->m, BILLING_MONTHLY);
    assert_int_equal(billing_read(&l->m, BILLING_MONTHLY, s.next - 1, &row), 0);
    assert_int_equal(row.expense[1].energy, january.energy.nano);
    assert_int_equal(row.expense[1].vat, january.vat.nano);
    assert_int_equal(row.expense[1].charged, january.total.nano);
    assert_int_equal(row.expense[1].balance, BOUGHT - january.total.nano);
    use_until_kwh(10);
    cut(0);
    assert_int_equal(wallet_collected(&l->m, 1),
                     exact_add(january.total, bill_now().total).nano);
    lab_run_s(l, 200);
    meter_at(&l->m, l->now); /* an end that a client orders is no end of a month */
    assert_int_equal(billing_end(&l->m, &lab_who, BILLING_REMOTE), 0);
    lab_settle(l);
    assert_int_equal(bill_now().energy.nano, schemes_nano("1"));
}

/* From the 20th of January to the 11th of February in the dark: what each month owes is owed.
 */
static void days_in_the_dark_are_charged(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_full());
    use_until_kwh(100);
    lab_run_until(l, T0 + 19 * DAY + 3600);
    cut(22 * DAY);
    lab_run_s(l, 60);
    struct month_usage u = { .days = 31 }, now;
    struct bill january;
    scheme_use(schemes_full(), &u, 0, 100000);
    scheme_bill(schemes_full(), &u, &january);
    expense_usage(&l->m, 1, &now);
    assert_int_equal(now.days, 11);
    assert_int_equal(usage_wh(&now), 0);
    assert_int_equal(wallet_collected(&l->m, 1),
                     exact_add(january.total, bill_now().total).nano);
}

static void assert_rows(enum billing which, unsigned n, const int64_t *newest_first,
                        int64_t first)
{
    struct billing_span span = billing_span(&l->m, which);
    struct billing_row row;
    assert_true(span.next >= n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(billing_read_row(&l->m, which, span.next - 1 - i, &row), 0);
        assert_int_equal(row.time.s, i == n - 1 ? first : newest_first[i]);
    }
}

/* From the 20th of January 2026 for ten years, ten days and an hour: each month is charged by its
 * own days, in order; every month has its row, of the days the first and those that are kept. */
static void ten_years_in_the_dark(void **state)
{
    (void)state;
    static int64_t newest[130];
    struct scheme s = { .name = "monthly", .steps = 1 };
    int64_t from = T0 + 19 * DAY + 3600, to = from + 3662 * (int64_t)DAY + 3600;
    unsigned months = 0, n = 0;
    s.fixed[0] = (struct price_fixed){ FIXED_MONTH, 5000000 };
    s.fixed[1] = (struct price_fixed){ FIXED_DAY, 100000 };
    open_account();
    use_scheme(&s);
    set(PARAM_DEBT_2_DAY, 10);
    meter_at(&l->m, l->now);
    assert_int_equal(credit_set_debt(&l->m, &lab_who, 1, DEBT_DAY, 900 * MONEY_UNIT), 0);
    lab_run_until(l, from);
    int64_t paid = l->m.wallets.wallet[1].debt[DEBT_DAY].paid;
    cut(3662 * DAY + 3600);
    lab_run_s(l, 60);
    for (int64_t day = to / DAY; day * DAY > from; day--) {
        if (cal_civil(day * DAY).day != 1) continue;
        months++;
        newest[n++] = day * DAY;
    }
    assert_int_equal(months, 120);
    assert_int_equal(wallet_collected(&l->m, 1),
                     (121 * INT64_C(5000000) + (20 + 3662) * INT64_C(100000)) * 1000);
    assert_int_equal(l->m.wallets.wallet[1].debt[DEBT_DAY].paid - paid, 3662 * MONEY_UNIT / 10);
    assert_rows(BILLING_MONTHLY, 120, newest, newest[119]);
    for (unsigned i = 0; i < 62; i++) newest[i] = (to / DAY - i) * DAY;
    assert_rows(BILLING_DAILY, 63, newest, T0 + 20 * DAY);
}

static void nothing_is_charged_before_the_account_is_open(void **state)
{
    (void)state;
    use_scheme(schemes_full());
    l->load.p_mw = 3600000;
    lab_run_until(l, T0 + 5 * DAY);
    assert_int_equal(wallet_balance(&l->m, 1), 0);
    l->load.p_mw = 0;
    open_account();
    lab_run_s(l, 10);
    struct month_usage u;
    expense_usage(&l->m, 1, &u);
    assert_int_equal(u.days, 1);
    assert_int_equal(usage_wh(&u), 0);
}

/* A calendar that was set years ahead is not years that passed. */
static void a_clock_that_is_set_costs_no_years(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_full());
    lab_run_s(l, 100);
    meter_at(&l->m, l->now);
    assert_int_equal(clock_order(&l->m, &lab_who, CLOCK_SET, T0 + 800 * (int64_t)DAY, false),
                     0);
    lab_settle(l);
    lab_run_s(l, 3600);
    struct month_usage u;
    expense_usage(&l->m, 1, &u);
    assert_in_range(u.days, 1, 70);
}

/* A billing period that nobody ends is charged for as long as a scheme answers for, and then
 * stands: a charge a day that is as dear as may be does not run over. */
static void a_month_without_end(void **state)
{
    (void)state;
    struct scheme s = { .name = "dear", .steps = 1 };
    struct month_usage u;
    s.fixed[0] = (struct price_fixed){ FIXED_DAY, INT64_C(10000000) * 1000000 };
    open_account();
    use_scheme(&s);
    l->m.wallets.wallet[1].period.days = 32000;
    l->m.wallets.wallet[1].wh[0] = UINT32_MAX;
    expense_usage(&l->m, 1, &u);
    assert_int_equal(u.days, SCHEME_DAYS);
    assert_int_equal(usage_wh(&u), SCHEME_MONTH_KWH * 1000);
    assert_int_equal(bill_now().total.nano, SCHEME_DAYS * INT64_C(10000000) * MONEY_UNIT);
}

/* Who resets the maxima in the month gets nothing back; the next month begins without them. */
static void a_demand_is_charged_to_the_end_of_the_month(void **state)
{
    (void)state;
    struct scheme s = { .name = "demand", .steps = 1 };
    s.fixed[0] = (struct price_fixed){ FIXED_DEMAND_KW, 1000000 };
    open_account();
    use_scheme(&s);
    l->load.p_mw = 8000000;
    lab_run_until(l, T0 + DAY);
    l->load.p_mw = 0;
    int64_t charged = bill_now().total.nano;
    assert_int_equal(charged, 8 * MONEY_UNIT);
    for (unsigned i = 0; i < 2; i++) {
        lab_run_s(l, 7200);
        meter_at(&l->m, l->now);
        assert_int_equal(i ? billing_end(&l->m, &lab_who, BILLING_REMOTE)
                           : billing_reset_maxima(&l->m, &lab_who),
                         0);
        lab_settle(l);
        assert_int_equal(l->m.now.maximum[DEMAND_P_IMPORT][0].value, 0);
        assert_int_equal(bill_now().total.nano, charged);
        cut(0);
        assert_int_equal(bill_now().total.nano, charged);
        assert_int_equal(wallet_collected(&l->m, 1), charged);
    }
    lab_run_until(l, T0 + 31 * DAY + 7200);
    assert_int_equal(bill_now().total.nano, 0);
    assert_int_equal(wallet_collected(&l->m, 1), charged);
}

/* -- clocks, zones and outages in any order ------------------------------------------------ */

enum { MONTHLY = 5000000, DAILY = 100000, CALENDAR = 60 * 366 }; /* 5.00 and 0.10; from 1990 */
static const int32_t FIRST = 7305;                               /* 1990-01-01 */

static void use_monthly(void)
{
    struct scheme s = { .name = "monthly", .steps = 1 };
    s.fixed[0] = (struct price_fixed){ FIXED_MONTH, MONTHLY };
    s.fixed[1] = (struct price_fixed){ FIXED_DAY, DAILY };
    use_scheme(&s);
}

static int64_t utc_now(void)
{
    return clock_utc(&l->m.clock, l->now).s;
}

static void set_clock(int64_t utc)
{
    lab_settle(l);
    meter_at(&l->m, l->now);
    assert_int_equal(clock_order(&l->m, &lab_who, CLOCK_SET, utc, false), 0);
    lab_settle(l);
}

static void assert_charged(unsigned months, unsigned days)
{
    assert_int_equal(wallet_collected(&l->m, 1),
                     (months * INT64_C(5000000) + days * INT64_C(100000)) * 1000);
}

/* From the 20th of January back to before the meter's first month: its beginning is no end of a
 * month, nor are its days new. */
static void a_clock_set_back_before_the_first_month(void **state)
{
    (void)state;
    lab_run_until(l, T0 + 19 * DAY + 3600);
    open_account();
    use_monthly();
    assert_charged(1, 1);
    set_clock(T0 - 11 * DAY + 7200);
    lab_run_until(l, T0 + 20 * DAY - 60);
    assert_charged(1, 1 + 10); /* of December */
    cut(0);
    lab_run_until(l, T0 + 31 * DAY - 60);
    assert_charged(1, 1 + 10 + 11);
    lab_run_until(l, T0 + 31 * DAY + 60);
    assert_charged(2, 1 + 10 + 11 + 1);
}

/* Neither the loss of the history, nor ends that clients order, make it forget. */
static void a_month_that_history_forgot_is_not_charged_again(void **state)
{
    (void)state;
    open_account();
    use_monthly();
    lab_run_until(l, T0 + 31 * DAY + 3600);
    assert_charged(2, 32);
    meter_at(&l->m, l->now);
    assert_int_equal(billing_clear(&l->m, &lab_who), 0);
    set_clock(T0 + 30 * DAY);
    lab_run_until(l, T0 + 31 * DAY + 7200);
    assert_charged(2, 32);
}

/* What an invalid clock slept over is still due where it is set to a little less than it shows.
 */
static void an_end_in_an_invalid_night_is_made_up_for(void **state)
{
    (void)state;
    open_account();
    use_monthly();
    lab_run_until(l, T0 + 31 * DAY - 3600);
    lab_power_down(l, true);
    l->rtc_lost = true;
    assert_true(lab_power_up(l, T0 + 31 * DAY) >= 0);
    l->rtc_lost = false;
    lab_run_s(l, 5 * 86400);
    assert_charged(1, 31);
    set_clock(T0 + 32 * DAY + 3600);
    lab_run_s(l, 60);
    assert_charged(2, 33);
}

/* The zone moves east over the end of a month, and back. */
static void a_zone_moves_no_end(void **state)
{
    (void)state;
    open_account();
    use_monthly();
    lab_run_until(l, T0 + 31 * DAY - 7200);
    set(PARAM_ZONE_MIN, 300);
    lab_run_s(l, 60);
    assert_charged(2, 32);
    set(PARAM_ZONE_MIN, -300);
    lab_run_s(l, 60);
    lab_run_until(l, T0 + 32 * DAY);
    assert_charged(2, 32);
}

/* Two months in the dark, the scheme of the second is another: each is charged by its own. */
static void a_scheme_comes_between_months_in_the_dark(void **state)
{
    (void)state;
    struct scheme s = { .name = "twice", .steps = 1 };
    s.fixed[0] = (struct price_fixed){ FIXED_MONTH, 2 * MONTHLY };
    open_account();
    use_monthly();
    write_passive(&s);
    set(PARAM_SCHEME_AT_S, (int32_t)T0 + 20 * DAY);
    lab_run_until(l, T0 + 25 * DAY);
    cut(60 * DAY); /* to the 27th of March */
    lab_run_s(l, 60);
    assert_string_equal(l->m.expense.scheme.name, "twice");
    assert_charged(1 + 2 + 2, 31);
}

/* While the account is closed nothing is charged. */
static void a_closed_account_owes_no_month(void **state)
{
    (void)state;
    open_account();
    use_monthly();
    lab_run_until(l, T0 + 9 * DAY + 3600);
    assert_charged(1, 10);
    meter_at(&l->m, l->now);
    assert_int_equal(wallet_close(&l->m, &lab_who, 1), 0);
    lab_settle(l);
    lab_run_until(l, T0 + 65 * DAY + 3600);
    assert_charged(1, 10);
    meter_at(&l->m, l->now);
    assert_int_equal(wallet_open(&l->m, &lab_who, 1), 0);
    lab_settle(l);
    assert_charged(2, 11);
    cut(0);
    lab_run_until(l, T0 + 91 * DAY + 3600); /* the 2nd of April */
    assert_charged(3, 11 + 26);
}

static void give(int64_t grains)
{
    lab_settle(l);
    meter_at(&l->m, l->now);
    assert_int_equal(wallet_add(&l->m, &lab_who, 1, grains), 0);
    lab_settle(l);
}

/* Free credit of a month comes once, however often a clock goes back by months. */
static void a_month_brings_free_credit_once(void **state)
{
    (void)state;
    set_clock(T0 + 100 * DAY); /* in April */
    set(PARAM_FREE_2_MONTH, 500);
    open_account();
    give(-BOUGHT);
    for (unsigned i = 0; i < 3; i++) {
        int64_t brings = i ? 0 : 5 * MONEY_UNIT;
        assert_int_equal(credit_available(&l->m, 1), brings);
        give(-brings);
        set_clock(T0 + 3 * DAY); /* January */
        lab_run_s(l, 60);
        assert_int_equal(credit_available(&l->m, 1), brings);
        give(-brings);
        cut(60);
        set_clock(T0 + 100 * DAY);
        lab_run_s(l, 60);
    }
    lab_run_until(l, T0 + 121 * DAY); /* May */
    assert_int_equal(credit_available(&l->m, 1), 5 * MONEY_UNIT);
}

/* Nor does a debt take more than an instalment of a day. */
static void a_day_takes_one_instalment(void **state)
{
    (void)state;
    const struct debt *d = &l->m.wallets.wallet[1].debt[DEBT_DAY];
    lab_run_until(l, T0 + 120 * DAY);
    open_account();
    set(PARAM_DEBT_2_DAY, 100);
    meter_at(&l->m, l->now);
    assert_int_equal(credit_set_debt(&l->m, &lab_who, 1, DEBT_DAY, 900 * MONEY_UNIT), 0);
    lab_run_until(l, T0 + 130 * DAY + 60);
    assert_int_equal(d->paid, 10 * MONEY_UNIT);
    for (unsigned i = 0; i < 2; i++) {
        set_clock(T0 + 50 * DAY);
        cut(60);
        lab_run_until(l, T0 + 55 * DAY);
        set_clock(T0 + 129 * DAY);
        lab_run_until(l, T0 + 130 * DAY + 60);
        assert_int_equal(d->paid, 10 * MONEY_UNIT);
    }
    cut(700 * DAY); /* each of them */
    lab_run_s(l, 60);
    assert_int_equal(d->paid, (10 + 700) * MONEY_UNIT);
}

/* A calendar on paper: midnights are crossed off, and firsts of months; a month is paid where its
 * first is. */
struct paper {
    bool day[CALENDAR], end[CALENDAR];
    int64_t local, utc; /* now */
    bool open, begun;
    int32_t last, due; /* the day counted last; the next to come */
    unsigned months, days, of_month;
};

/* No month has more days than SCHEME_DAYS. */
static void count_day(struct paper *p, int32_t day)
{
    if (p->of_month++ < SCHEME_DAYS) p->days++;
    p->last = day;
}

static void cross_day(struct paper *p, int32_t day)
{
    bool *crossed = &p->day[day - FIRST];
    if (!*crossed && p->open) count_day(p, day);
    *crossed = true;
}

static void cross_end(struct paper *p, int32_t day)
{
    bool *crossed = &p->end[day - FIRST];
    if (!*crossed && p->begun) {
        p->begun = p->open;
        p->months += p->open;
        p->of_month = 0;
    }
    *crossed = true;
}

/* Local time goes on to `local`, in the dark or else: of more than 62 days that a clock was set
 * forward the first and the newest 62 are made up, of months all. One before the next is the
 * next, if it has not come. */
static void go_on(struct paper *p, int64_t local, int64_t utc, bool dark)
{
    int32_t first = (int32_t)(p->local / DAY) + 1, last = (int32_t)(local / DAY);
    p->local = local;
    p->utc = utc;
    if (first < p->due && !p->day[first - FIRST]) p->due = first;
    for (int32_t day = first; day <= last; day++) {
        if (cal_civil(day * INT64_C(86400)).day == 1) cross_end(p, day);
        if (dark || day == p->due || day * INT64_C(86400) > local - 62 * INT64_C(86400))
            cross_day(p, day);
    }
    if (p->due <= last) p->due = last + 1;
}

static void open_or_close(struct paper *p)
{
    int32_t day = (int32_t)(p->local / DAY);
    meter_at(&l->m, l->now);
    assert_int_equal(
        p->open ? wallet_close(&l->m, &lab_who, 1) : wallet_open(&l->m, &lab_who, 1), 0);
    lab_settle(l);
    p->open = !p->open;
    if (!p->open) return;
    p->months += !p->begun;
    if (!p->begun || p->last < day) count_day(p, day);
    p->begun = true;
}

static bool can_go_back(const struct paper *p, int64_t by)
{
    return p->utc - by >= (FIRST + 2000) * (int64_t)DAY;
}

static void set_back(struct paper *p, int64_t by)
{
    int64_t zone = p->local - p->utc;
    if (!can_go_back(p, by)) return;
    set_clock(p->utc - by);
    p->utc = utc_now();
    p->local = p->utc + zone;
    p->due = (int32_t)(p->local / DAY) + 1;
}

static void lose_the_time(void)
{
    lab_power_down(l, true);
    l->rtc_lost = true;
    assert_true(lab_power_up(l, 0) >= 0);
    l->rtc_lost = false;
    lab_settle(l);
    lab_run_s(l, 1 + reckon_below(100000));
}

/* What happens is drawn. No clock goes forward by more than is made up of months: 36. */
static void something_happens(struct paper *p)
{
    int64_t by = 1 + (int64_t)reckon_below(50 * 86400), zone = p->local - p->utc;
    bool dark = false;
    switch (reckon_below(10)) {
    case 0:
        lab_run_s(l, 1 + reckon_below(200000));
        break;
    case 1:
        set_clock(p->utc + by);
        break;
    case 2:
        set_back(p, by);
        break;
    case 3:
        set_back(p, by * 40);
        break;
    case 4:
        if (p->utc < T0 + 5000 * (int64_t)DAY && !reckon_below(3)) by *= 40; /* years */
        cut((uint64_t)by);
        dark = true;
        break;
    case 5:
        zone = ((int64_t)reckon_below(1560) - 720) * 60;
        set(PARAM_ZONE_MIN, (int32_t)(zone / 60));
        if (p->utc + zone < p->local) p->local = p->utc + zone;
        break;
    case 6:
        open_or_close(p);
        break;
    case 7:
        lose_the_time();
        if (reckon_below(2) && can_go_back(p, by))
            set_back(p, by);
        else
            set_clock(p->utc + by);
        break;
    case 8:
        set_clock(p->utc + by * (1 + (int64_t)reckon_below(12)));
        break;
    default:
        meter_at(&l->m, l->now);
        if (reckon_below(2))
            billing_end(&l->m, &lab_who, BILLING_REMOTE);
        else
            billing_clear(&l->m, &lab_who);
        lab_settle(l);
    }
    go_on(p, utc_now() + zone, utc_now(), dark);
    lab_run_s(l, 120);
    go_on(p, utc_now() + zone, utc_now(), false);
}

static void each_day_and_month_once(void **state)
{
    static struct paper p;
    for (uint64_t seed = 1; seed < 21; seed++) {
        reckon_seed = seed;
        memset(&p, 0, sizeof p);
        l->cfg.year = 1995;
        set_clock(T0 + (int64_t)reckon_below(60 * 86400));
        open_account();
        use_monthly();
        p.utc = p.local = utc_now();
        p.open = p.begun = true;
        p.months = p.days = p.of_month = 1;
        p.last = (int32_t)(p.utc / DAY);
        p.due = p.last + 1;
        for (int64_t u = T0; u <= p.utc; u += DAY)
            p.day[u / DAY - FIRST] = p.end[u / DAY - FIRST] = true;
        for (unsigned i = 0; i < 150 && p.utc < T0 + 2000 * (int64_t)DAY; i++) {
            something_happens(&p);
            assert_charged(p.months, p.days);
        }
        teardown(state);
        assert_int_equal(setup(state), 0);
    }
}

/* -- another scheme ------------------------------------------------------------------------ */

static void a_new_scheme_waits_for_the_month(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_ghana_2018(false));
    use_until_kwh(100);
    write_passive(schemes_egypt());
    set(PARAM_SCHEME_AT_S, (int32_t)(T0 + 5 * DAY));
    lab_run_until(l, T0 + 10 * DAY);
    assert_string_equal(l->m.expense.scheme.name, "Ghana 2018");
    int64_t january = wallet_collected(&l->m, 1);
    lab_run_until(l, T0 + 31 * DAY + 60);
    assert_string_equal(l->m.expense.scheme.name, "Egypt 2021");
    assert_int_equal(param_get(&l->m, PARAM_SCHEME_AT_S), 0);
    use_until_kwh(101);
    assert_int_equal(wallet_collected(&l->m, 1), january + schemes_nano("83.77"));
    cut(5);
    assert_int_equal(wallet_collected(&l->m, 1), january + schemes_nano("83.77"));
}

/* Of what was used before, only what is still to come has the new price. */
static void a_new_scheme_pro_rata(void **state)
{
    (void)state;
    open_account();
    use_scheme(schemes_ghana_2018(false));
    use_until_kwh(100);
    int64_t before = wallet_collected(&l->m, 1);
    write_passive(schemes_egypt());
    set(PARAM_SCHEME_PRO_RATA, 1);
    set(PARAM_SCHEME_AT_S, (int32_t)(T0 + 5 * DAY));
    lab_run_until(l, T0 + 5 * DAY - 1);
    assert_string_equal(l->m.expense.scheme.name, "Ghana 2018");
    lab_run_until(l, T0 + 5 * DAY + 1);
    assert_string_equal(l->m.expense.scheme.name, "Egypt 2021");
    assert_int_equal(wallet_collected(&l->m, 1), before); /* nothing is priced again */
    use_until_kwh(101);
    assert_int_equal(wallet_collected(&l->m, 1), before + schemes_nano("28.77"));
    cut(5);
    assert_int_equal(wallet_collected(&l->m, 1), before + schemes_nano("28.77"));
}

static void an_unsound_scheme_changes_nothing(void **state)
{
    (void)state;
    struct scheme s = *schemes_full();
    enum scheme_fault fault;
    assert_int_equal(expense_activate(&l->m, &lab_who), E_NONE);
    s.step[1].limit_wh = 1;
    assert_int_equal(expense_scheme_set(&l->m, &lab_who, &s, &fault), E_RANGE);
    assert_int_equal(fault, SCHEME_STEP_ORDER);
    assert_int_equal(expense_scheme_get(&l->m, SCHEME_PASSIVE, &s), E_NONE);
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_SCHEME, &s, 10), E_TYPE);
}

/* -- random lives: bought is collected and balance, whatever happens ----------------------- */

static uint64_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

/* The test's own books: usage and what came before, by its own calendar. */
struct books {
    const struct scheme *scheme;
    struct month_usage month;
    struct exact before;
    int64_t bought;
    uint64_t wh;
    int32_t day;
};

static void keep_books(struct books *k, unsigned tariff)
{
    int32_t day = (int32_t)(clock_utc(&l->m.clock, l->now).s / DAY);
    uint64_t wh = (uint64_t)reg_at(&l->m.now, REG_WH_IMPORT);
    scheme_use(k->scheme, &k->month, tariff, (uint32_t)(wh - k->wh));
    k->wh = wh;
    for (; k->day < day; k->day++) {
        struct civil c = cal_civil((int64_t)(k->day + 1) * DAY);
        k->month.days++;
        if (c.day != 1) continue;
        struct bill b;
        k->month.days--;
        scheme_bill(k->scheme, &k->month, &b);
        k->before = exact_add(k->before, b.total);
        k->month = (struct month_usage){ .days = 1 };
    }
    struct bill b;
    scheme_bill(k->scheme, &k->month, &b);
    int64_t charged = exact_add(k->before, b.total).nano;
    assert_int_equal(wallet_collected(&l->m, 1), charged);
    assert_int_equal(l->m.wallets.wallet[1].bought, k->bought);
    assert_int_equal(wallet_balance(&l->m, 1), k->bought - charged);
}

/* Up to each midnight, so that every Wh has its day in the books. */
static void live(struct books *k, uint32_t s)
{
    while (s) {
        unsigned tariff = (unsigned)l->m.now.quantity[VAL_TARIFF] - 1;
        uint32_t left = (uint32_t)(DAY - clock_utc(&l->m.clock, l->now).s % DAY);
        uint32_t part = s < left ? s : left;
        lab_run_s(l, part);
        keep_books(k, tariff);
        s -= part;
    }
}

static void random_lives(void **state)
{
    (void)state;
    uint64_t steps = 0;
    for (seed = 1; seed < 16; seed = seed % 100 + 1) {
        uint64_t life = seed;
        setup(NULL);
        open_account();
        use_scheme(life % 2 ? schemes_full() : schemes_egypt());
        struct books k = { .scheme = life % 2 ? schemes_full() : schemes_egypt(),
                           .month = { .days = 1 },
                           .bought = BOUGHT,
                           .day = (int32_t)(T0 / DAY) };
        struct scheme own = *k.scheme;
        k.scheme = &own;
        for (unsigned i = 0; i < 150; i++, steps++) {
            l->load.p_mw = (int32_t)below(12000) * 1000;
            live(&k, 1 + below(20000));
            switch (below(4)) {
            case 0:
                k.bought += 10000 * INT64_C(16000);
                assert_int_equal(teller_enter(l, &teller_client, teller_money(&t, 16000)),
                                 STS_ACCEPT);
                break;
            case 1:
                l->load.p_mw = 0;
                cut(below(200000));
                lab_run_s(l, 1);
                break;
            case 2:
                meter_at(&l->m, l->now);
                command_do(&l->m, &lab_who, CMD_TARIFF, (int32_t)(1 + below(8)));
                lab_settle(l);
                break;
            default:
                break;
            }
            keep_books(&k, 0);
        }
        teardown(NULL);
        seed = life;
    }
    print_message("%llu steps, the books agree\n", (unsigned long long)steps);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(example_a),
        T(example_a_with_the_other_mask),
        T(example_b),
        T(example_b_lifeline),
        T(example_c),
        T(a_cliff_opens_the_relay),
        T(example_d),
        cmocka_unit_test(portions_do_not_matter),
        T(a_million_deductions),
        T(months_end_and_begin),
        T(days_in_the_dark_are_charged),
        T(ten_years_in_the_dark),
        T(nothing_is_charged_before_the_account_is_open),
        T(a_clock_that_is_set_costs_no_years),
        T(a_month_without_end),
        T(a_demand_is_charged_to_the_end_of_the_month),
        T(a_clock_set_back_before_the_first_month),
        T(a_month_that_history_forgot_is_not_charged_again),
        T(an_end_in_an_invalid_night_is_made_up_for),
        T(a_zone_moves_no_end),
        T(a_scheme_comes_between_months_in_the_dark),
        T(a_closed_account_owes_no_month),
        T(a_month_brings_free_credit_once),
        T(a_day_takes_one_instalment),
        T(each_day_and_month_once),
        T(a_new_scheme_waits_for_the_month),
        T(a_new_scheme_pro_rata),
        T(an_unsound_scheme_changes_nothing),
        cmocka_unit_test(random_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
