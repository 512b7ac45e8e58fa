/* Tariff schemes: the worked examples to the last digit; random schemes against a slow
 * evaluator that counts every Wh and keeps every fraction; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/prepay/scheme.h"
#include "reckon.h"
#include "schemes.h"

static void assert_equal(const struct bill *b, const struct sums *x)
{
    for (unsigned c = 0; c < SCHEME_CHARGES; c++)
        assert_true(reckon_exact(b->charge[c]) == x->charge[c]);
    assert_true(reckon_exact(b->energy) == x->en);
    assert_true(reckon_exact(b->service) == x->sv);
    assert_true(reckon_exact(b->fixed) == x->f);
    assert_true(reckon_exact(b->levy) == x->l);
    assert_true(reckon_exact(b->subsidy) == x->s);
    assert_true(reckon_exact(b->vat) == x->v);
    assert_true(reckon_exact(b->total) == x->t);
}

/* Every Wh booked by itself is billed as the slow way says; and in portions it is the same. */
static void random_schemes_to_every_digit(void **state)
{
    static struct scheme s;
    static struct count c;
    static struct sums x;
    struct bill b, whole;
    uint64_t bills = 0;
    (void)state;
    for (unsigned n = 0; n < 1000; n++) {
        uint32_t month = 200 + reckon_below(6000);
        unsigned tariff = 0;
        uint32_t run = 0;
        reckon_scheme(&s);
        memset(&c, 0, sizeof c);
        struct month_usage one = { .days = (uint16_t)reckon_below(32),
                                   .contract_w = reckon_below(9000),
                                   .demand_w = reckon_below(9000) };
        struct month_usage portions = one;
        for (uint32_t wh = 0; wh <= month; wh++) {
            if (wh) {
                scheme_use(&s, &one, tariff, 1);
                reckon_one(&s, &c, tariff);
                run++;
            }
            if (wh == month || reckon_below(40) == 0) { /* another tariff, another portion */
                scheme_use(&s, &portions, tariff, run);
                run = 0;
                tariff = reckon_below(TARIFFS);
                reckon(&s, &c, &one, &x);
                scheme_bill(&s, &one, &b);
                assert_equal(&b, &x);
                scheme_bill(&s, &portions, &whole);
                assert_memory_equal(&whole.total, &b.total, sizeof b.total);
                bills++;
            } else if (wh % 7 == 0) {
                reckon(&s, &c, &one, &x);
                scheme_bill(&s, &one, &b);
                assert_equal(&b, &x);
                bills++;
            }
        }
    }
    print_message("%llu bills equal to the last of 21 decimals\n", (unsigned long long)bills);
}

/* -- the worked examples ------------------------------------------------------------------- */

static struct bill bill_at(const struct scheme *s, uint32_t wh)
{
    struct month_usage u = { .days = 30, .contract_w = 5000 };
    struct bill b;
    assert_int_equal(scheme_check(s), SCHEME_SOUND);
    scheme_use(s, &u, 0, wh);
    scheme_bill(s, &u, &b);
    return b;
}

/* 1e-9 of the currency, nothing behind it. */
static void assert_money(struct exact e, const char *decimal)
{
    assert_int_equal(e.nano, schemes_nano(decimal));
    assert_int_equal(e.part, 0);
}

static void example_a(void **state)
{
    (void)state;
    struct bill b = bill_at(schemes_ghana_2018(false), 750000);
    assert_money(b.energy, "843.165");
    assert_money(b.service, "10.5529");
    assert_money(b.charge[CHARGE_LEVY], "25.29495");
    assert_money(b.charge[CHARGE_LEVY + 1], "16.8633");
    assert_money(b.subsidy, "26.025");
    assert_int_equal(b.vat.nano, 149400632500);
    assert_int_equal((b.total.nano + 5000000) / 10000000, 101925);
    b = bill_at(schemes_ghana_2018(true), 750000);
    assert_money(b.vat, "154.93156875");
    assert_int_equal((b.total.nano + 5000000) / 10000000, 102478);
}

static void example_b(void **state)
{
    (void)state;
    struct bill b = bill_at(schemes_ghana_2025(), 350000);
    assert_money(b.energy, "659.60375");
    assert_money(b.levy, "32.9801875");
    assert_int_equal((b.total.nano + 5000000) / 10000000, 70331);
    b = bill_at(schemes_ghana_lifeline(), 25000);
    assert_int_equal((b.total.nano + 5000000) / 10000000, 2301);
}

static void example_c(void **state)
{
    (void)state;
    for (const struct schemes_row *r = schemes_egypt_rows; r->kwh; r++) {
        struct bill b = bill_at(schemes_egypt(), r->kwh * 1000);
        assert_money(b.energy, r->en);
        assert_money(b.total, r->t);
    }
    struct bill at = bill_at(schemes_egypt(), 100000), next = bill_at(schemes_egypt(), 100001);
    assert_money(exact_sub(next.total, at.total), "28.00077");
}

static void example_d(void **state)
{
    (void)state;
    for (const struct schemes_row *r = schemes_full_rows; r->t; r++) {
        struct bill b = bill_at(schemes_full(), r->kwh * 1000);
        assert_money(b.energy, r->en);
        assert_money(b.service, r->sv);
        assert_money(b.fixed, r->f);
        assert_money(b.levy, r->l);
        assert_money(b.subsidy, r->s);
        assert_money(b.vat, r->v);
        assert_money(b.total, r->t);
    }
}

/* -- what is refused ----------------------------------------------------------------------- */

static void hostile_schemes(void **state)
{
    struct scheme s;
    (void)state;
#define REFUSED(change, fault)                                                                 \
    s = *schemes_full();                                                                       \
    change;                                                                                    \
    assert_int_equal(scheme_check(&s), fault)
    REFUSED(s.steps = 0, SCHEME_NO_STEP);
    REFUSED(s.steps = 11, SCHEME_NO_STEP);
    REFUSED(s.step[3].limit_wh = s.step[2].limit_wh, SCHEME_STEP_ORDER);
    REFUSED(s.step[3].limit_wh = 1, SCHEME_STEP_ORDER);
    REFUSED(s.step[9].limit_wh = 2000000, SCHEME_LAST_STEP);
    REFUSED(s.step[4].limit_wh = 0, SCHEME_LAST_STEP);
    REFUSED(s.services = 9, SCHEME_SERVICE_COUNT);
    REFUSED(s.service[1].limit_kwh = 100, SCHEME_SERVICE_ORDER);
    REFUSED(s.service[4].limit_kwh = 5000, SCHEME_SERVICE_ORDER);
    REFUSED(s.service[0].amount = -1, SCHEME_NEGATIVE);
    REFUSED(s.fixed[0].kind = 5, SCHEME_KIND);
    REFUSED(s.fixed[0].amount = -1, SCHEME_NEGATIVE);
    REFUSED(s.levy[0].kind = 5, SCHEME_KIND);
    REFUSED(s.levy[0].value = 10001, SCHEME_PERCENT);
    REFUSED(s.levy[0].value = -1, SCHEME_NEGATIVE);
    REFUSED(s.levy[4].base |= 1u << (CHARGE_LEVY + 4), SCHEME_BASE);
    REFUSED(s.levy[4].base |= 1u << CHARGE_VAT, SCHEME_BASE);
    REFUSED(s.vat[0].base |= 1u << CHARGE_VAT, SCHEME_BASE);
    REFUSED(s.vat[0].base |= 1u << (CHARGE_VAT + 1), SCHEME_BASE);
    REFUSED(s.vat[0].base |= 1u << SCHEME_CHARGES, SCHEME_BASE);
    REFUSED(s.subsidy[4].base |= 1u << CHARGE_LEVY, SCHEME_BASE);
    REFUSED(s.subsidy[0].kind = 6, SCHEME_KIND);
    REFUSED((s.subsidy[0].from_kwh = 200, s.subsidy[0].to_kwh = 100), SCHEME_BOUNDS);
    REFUSED(s.subsidy[0].to_kwh = 4294968, SCHEME_BOUNDS);
    REFUSED((s.levy[0].min_kwh = 5, s.levy[0].max_kwh = 5), SCHEME_BOUNDS);
    REFUSED((s.subsidy[2].claw_back = false, s.subsidy[2].eligible_kwh = 300), SCHEME_LIMIT);
    REFUSED(s.step[9].price[7] = UINT32_MAX, SCHEME_TOO_DEAR);
    REFUSED(s.fixed[1].amount = INT64_MAX, SCHEME_TOO_DEAR);
    REFUSED(s.levy[2].value = INT64_MAX, SCHEME_TOO_DEAR);
    REFUSED(s.subsidy[0].value = INT64_MAX, SCHEME_TOO_DEAR);
    /* VAT on a levy on a levy on the energy charge */
    REFUSED((s.levy[3].kind = LEVY_BASE, s.levy[3].value = 100,
             s.levy[3].base = 1u << CHARGE_LEVY, s.levy[4].base = 1u << (CHARGE_LEVY + 3),
             s.vat[2].base = 1u << (CHARGE_LEVY + 4)),
            SCHEME_DEPTH);
    for (unsigned i = 0; i < SCHEME_FAULTS; i++)
        assert_true(strlen(scheme_fault_text((enum scheme_fault)i)) > 10);
}

/* What a sound scheme can come to at most does not overflow, and is not negative in its parts.
 */
static void the_largest_month(void **state)
{
    static struct scheme s;
    (void)state;
    for (unsigned n = 0; n < 2000; n++) {
        struct month_usage u = { .days = SCHEME_DAYS,
                                 .contract_w = SCHEME_MONTH_W,
                                 .demand_w = SCHEME_MONTH_W };
        struct bill b;
        reckon_scheme(&s);
        for (unsigned t = 0; t < TARIFFS; t++)
            scheme_use(&s, &u, t, SCHEME_MONTH_KWH * 1000 / TARIFFS);
        scheme_bill(&s, &u, &b);
        for (unsigned c = 0; c < SCHEME_CHARGES; c++) assert_true(b.charge[c].nano >= 0);
        assert_true(b.total.nano < INT64_C(4000000000) * 1000000000);
        assert_true(b.total.nano > INT64_C(-4000000000) * 1000000000);
    }
}

/* Currencies of large numbers have tariffs, too. */
static void a_dear_kwh(void **state)
{
    (void)state;
    struct scheme s = { .name = "large", .steps = 1 };
    struct month_usage u = { .days = 1 };
    struct bill b;
    s.step[0].price[0] = 2500000000;
    assert_int_equal(scheme_check(&s), SCHEME_SOUND);
    scheme_use(&s, &u, 0, SCHEME_MONTH_KWH * 1000);
    scheme_bill(&s, &u, &b);
    assert_int_equal(b.total.nano, INT64_C(2500) * SCHEME_MONTH_KWH * 1000000000);
    assert_int_equal(scheme_energy_max(&s), b.total.nano);
    s.step[0].price[0] = 2700000000;
    assert_int_equal(scheme_check(&s), SCHEME_TOO_DEAR);
}

static void on_flash_and_back(void **state)
{
    struct scheme s, back;
    uint8_t body[SCHEME_BODY], again[SCHEME_BODY];
    (void)state;
    for (unsigned n = 0; n < 200; n++) {
        reckon_any(&s);
        scheme_save(&s, body);
        assert_true(scheme_load(&back, body, sizeof body));
        scheme_save(&back, again);
        assert_memory_equal(body, again, sizeof body);
        assert_int_equal(back.subsidy[4].claw_back, s.subsidy[4].claw_back);
        assert_int_equal(back.step[9].price[7], s.step[9].price[7]);
    }
    assert_false(scheme_load(&back, body, sizeof body - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_a),
        cmocka_unit_test(example_b),
        cmocka_unit_test(example_c),
        cmocka_unit_test(example_d),
        cmocka_unit_test(hostile_schemes),
        cmocka_unit_test(the_largest_month),
        cmocka_unit_test(a_dear_kwh),
        cmocka_unit_test(on_flash_and_back),
        cmocka_unit_test(random_schemes_to_every_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
