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
#include "schemes.h"

/* -- an evaluator that shares nothing with the meter's
 * ------------------------------------------- */

__extension__ typedef __int128 wide; /* of 1e-25 of the currency */
#define NANO ((wide)10000000000000000)

struct count {
    uint64_t wh[SCHEME_STEPS][TARIFFS]; /* every Wh lies at the step that prices it */
    unsigned step;
    uint64_t total;
};

static void count_one(const struct scheme *s, struct count *c, unsigned tariff)
{
    c->total++;
    while (c->step + 1 < s->steps && c->total > s->step[c->step].limit_wh) {
        c->step++;
        if (!s->step[c->step].rerate) continue;
        for (unsigned i = 0; i < c->step; i++)
            for (unsigned t = 0; t < TARIFFS; t++) {
                c->wh[c->step][t] += c->wh[i][t];
                c->wh[i][t] = 0;
            }
    }
    c->wh[c->step][tariff]++;
}

static wide percent(wide v, uint64_t rate)
{
    wide p = v * (wide)rate;
    assert_true(p % 10000 == 0); /* the reference has room for every digit */
    return p / 10000;
}

struct sums {
    wide charge[SCHEME_CHARGES], en, sv, f, l, s, v, t;
};

static wide masked(const struct sums *x, uint32_t mask)
{
    wide sum = 0;
    for (int c = 0; c < SCHEME_CHARGES; c++)
        if (mask & (1u << c)) sum += c >= CHARGE_SUBSIDY ? -x->charge[c] : x->charge[c];
    return sum > 0 ? sum : 0;
}

static wide slow_subsidy(const struct scheme *s, const struct sums *x,
                         const struct price_subsidy *y, uint64_t wh)
{
    uint64_t most = y->eligible_kwh * UINT64_C(1000);
    uint64_t granted = 0;
    if (most && wh > most && y->claw_back) return 0;
    if (y->kind == SUBSIDY_LUMP)
        return wh > y->from_kwh * UINT64_C(1000) &&
                       (!y->to_kwh || wh <= y->to_kwh * UINT64_C(1000))
                   ? y->value * 1000 * NANO
                   : 0;
    if (y->kind == SUBSIDY_PERCENT || y->kind == SUBSIDY_BASE) {
        uint64_t from = y->from_kwh * UINT64_C(1000), to = y->to_kwh * UINT64_C(1000);
        if ((from && wh <= from) || (to && wh > to)) return 0;
        return percent(y->kind == SUBSIDY_PERCENT ? x->charge[0] : masked(x, y->base),
                       (uint64_t)y->value);
    }
    if (y->kind == SUBSIDY_OFF) return 0;
    for (uint64_t n = 1; n <= wh; n++) { /* Wh by Wh */
        if (most && n > most) break;
        if (y->kind == SUBSIDY_FREE)
            granted += n <= (uint64_t)y->value * 1000;
        else
            granted += n > y->from_kwh * UINT64_C(1000) &&
                       (!y->to_kwh || n <= y->to_kwh * UINT64_C(1000));
    }
    int64_t each = y->kind == SUBSIDY_FREE ? (int64_t)s->step[0].price[0] : y->value;
    return (wide)granted * each * NANO;
}

static void slow(const struct scheme *s, const struct count *c, const struct month_usage *u,
                 struct sums *x)
{
    uint64_t wh = c->total, service = 0;
    memset(x, 0, sizeof *x);
    for (unsigned i = 0; i < SCHEME_STEPS; i++)
        for (unsigned t = 0; t < TARIFFS; t++)
            x->charge[0] += (wide)c->wh[i][t] * s->step[i].price[t] * NANO;
    for (unsigned i = s->services; i-- > 0;)
        if (i + 1u == s->services || wh <= s->service[i].limit_kwh * UINT64_C(1000))
            service = (uint64_t)s->service[i].amount;
    x->charge[1] = (wide)service * 1000 * NANO;
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) {
        wide times = s->fixed[i].kind == 1   ? u->days * (wide)1000
                     : s->fixed[i].kind == 2 ? 1000
                     : s->fixed[i].kind == 3 ? u->contract_w
                     : s->fixed[i].kind == 4 ? u->demand_w
                                             : 0;
        x->charge[CHARGE_FIXED + i] = times * s->fixed[i].amount * NANO;
    }
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++)
        x->charge[CHARGE_SUBSIDY + i] = slow_subsidy(s, x, &s->subsidy[i], wh);
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        const struct price_levy *y = &s->levy[i];
        wide v = 0;
        bool on = wh >= y->min_kwh * UINT64_C(1000) &&
                  (!y->max_kwh || wh <= y->max_kwh * UINT64_C(1000));
        if (y->kind == LEVY_PERCENT) v = percent(x->charge[0], (uint64_t)y->value);
        if (y->kind == LEVY_KWH) v = (wide)wh * y->value * NANO;
        if (y->kind == LEVY_MONTH) v = (wide)y->value * 1000 * NANO;
        if (y->kind == LEVY_BASE) v = percent(masked(x, y->base), (uint64_t)y->value);
        x->charge[CHARGE_LEVY + i] = on ? v : 0;
    }
    for (unsigned i = 0; i < SCHEME_VATS; i++)
        x->charge[CHARGE_VAT + i] = percent(masked(x, s->vat[i].base), s->vat[i].rate);
    x->en = x->charge[0];
    x->sv = x->charge[1];
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) x->f += x->charge[CHARGE_FIXED + i];
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) x->l += x->charge[CHARGE_LEVY + i];
    for (unsigned i = 0; i < SCHEME_VATS; i++) x->v += x->charge[CHARGE_VAT + i];
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) x->s += x->charge[CHARGE_SUBSIDY + i];
    x->t = x->en + x->sv + x->f + x->l + x->v - x->s;
}

static wide widen(struct exact e)
{
    return (wide)e.nano * NANO + (wide)e.part * 10000;
}

static void assert_equal(const struct bill *b, const struct sums *x)
{
    for (unsigned c = 0; c < SCHEME_CHARGES; c++)
        assert_true(widen(b->charge[c]) == x->charge[c]);
    assert_true(widen(b->energy) == x->en);
    assert_true(widen(b->service) == x->sv);
    assert_true(widen(b->fixed) == x->f);
    assert_true(widen(b->levy) == x->l);
    assert_true(widen(b->subsidy) == x->s);
    assert_true(widen(b->vat) == x->v);
    assert_true(widen(b->total) == x->t);
}

/* -- random schemes
 * -------------------------------------------------------------------------------- */

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static void random_scheme(struct scheme *s)
{
    memset(s, 0, sizeof *s);
    s->steps = (uint8_t)(1 + below(SCHEME_STEPS));
    s->services = (uint8_t)below(SCHEME_SERVICES + 1);
    uint32_t at = 0;
    for (unsigned i = 0; i < s->steps; i++) {
        at += 1 + below(900);
        s->step[i].limit_wh = i + 1u < s->steps ? at : 0;
        s->step[i].rerate = below(4) == 0;
        for (unsigned t = 0; t < TARIFFS; t++) s->step[i].price[t] = below(2000000);
    }
    at = 0;
    for (unsigned i = 0; i < s->services; i++) {
        at += 1 + below(2);
        s->service[i].limit_kwh = i + 1u < s->services ? at : 0;
        s->service[i].amount = below(20000000);
    }
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) {
        s->fixed[i].kind = (uint8_t)below(5);
        s->fixed[i].amount = below(3000000);
    }
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        struct price_levy *x = &s->levy[i];
        x->kind = (uint8_t)below(5);
        x->value = below(10001);
        x->base = below(1u << SCHEME_CHARGES);
        x->min_kwh = below(3) ? 0 : below(3);
        x->max_kwh = below(3) ? 0 : x->min_kwh + 1 + below(3);
    }
    for (unsigned i = 0; i < SCHEME_VATS; i++) {
        s->vat[i].rate = (uint16_t)below(10001);
        s->vat[i].base = below(1u << SCHEME_CHARGES);
    }
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        struct price_subsidy *x = &s->subsidy[i];
        x->kind = (uint8_t)below(6);
        x->value = x->kind == SUBSIDY_FREE ? below(3) : below(10001);
        x->base = below(1u << SCHEME_CHARGES);
        x->from_kwh = below(2) ? 0 : below(3);
        x->to_kwh = below(2) ? 0 : x->from_kwh + 1 + below(3);
        x->eligible_kwh = below(2) ? 0 : 1 + below(3);
        x->claw_back = below(2);
    }
}

/* Sound ones only; bases are thinned until they are. */
static void sound_scheme(struct scheme *s)
{
    do {
        random_scheme(s);
        for (unsigned i = 0; i < 60 && scheme_check(s); i++) {
            for (unsigned k = 0; k < SCHEME_LEVIES; k++)
                s->levy[k].base &= below(1u << SCHEME_CHARGES) & 0x3E01F;
            for (unsigned k = 0; k < SCHEME_VATS; k++)
                s->vat[k].base &= below(1u << SCHEME_CHARGES) & 0x3E3FF;
            for (unsigned k = 0; k < SCHEME_SUBSIDIES; k++)
                s->subsidy[k].base &= below(1u << SCHEME_CHARGES) & 0x1F;
        }
    } while (scheme_check(s));
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
        uint32_t month = 200 + below(6000);
        unsigned tariff = 0;
        uint32_t run = 0;
        sound_scheme(&s);
        memset(&c, 0, sizeof c);
        struct month_usage one = { .days = (uint16_t)below(32),
                                   .contract_w = below(9000),
                                   .demand_w = below(9000) };
        struct month_usage portions = one;
        for (uint32_t wh = 0; wh <= month; wh++) {
            if (wh) {
                scheme_use(&s, &one, tariff, 1);
                count_one(&s, &c, tariff);
                run++;
            }
            if (wh == month || below(40) == 0) { /* another tariff, another portion */
                scheme_use(&s, &portions, tariff, run);
                run = 0;
                tariff = below(TARIFFS);
                slow(&s, &c, &one, &x);
                scheme_bill(&s, &one, &b);
                assert_equal(&b, &x);
                scheme_bill(&s, &portions, &whole);
                assert_memory_equal(&whole.total, &b.total, sizeof b.total);
                bills++;
            } else if (wh % 7 == 0) {
                slow(&s, &c, &one, &x);
                scheme_bill(&s, &one, &b);
                assert_equal(&b, &x);
                bills++;
            }
        }
    }
    print_message("%llu bills equal to the last of 21 decimals\n", (unsigned long long)bills);
}

/* -- the worked examples
 * --------------------------------------------------------------------------- */

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

/* -- what is refused
 * ------------------------------------------------------------------------------- */

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
        sound_scheme(&s);
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
        random_scheme(&s);
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
