/* The load generator against double precision: what it makes is what was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/crc.h"
#include "base/err.h"
#include "port/common/loadgen.h"

#define PI 3.14159265358979323846
#define VOLT (500.0 / LOADGEN_CODE_MAX)
#define AMPERE (200.0 / LOADGEN_CODE_MAX)

static struct loadgen gen;

static struct load load_of(int32_t p_mw, int32_t q_mvar)
{
    struct load l = LOAD_OFF;
    l.p_mw = p_mw;
    l.q_mvar = q_mvar;
    return l;
}

/* Sums over n samples: P, Q (voltage a quarter turn late), U^2, I^2, N^2. */
struct sums {
    double p, q, uu, ii, nn, v, i;
};

static struct sums measure(double f_hz, size_t n)
{
    struct sums s = { 0 };
    double w = 2 * PI * f_hz / LOADGEN_RATE;
    double vs = 0, vc = 0, is = 0, ic = 0;
    for (size_t k = 0; k < n; k++) {
        struct loadgen_sample x;
        loadgen_run(&gen, &x, 1);
        double v = x.v * VOLT, i = x.i * AMPERE, m = x.n * AMPERE;
        s.p += v * i;
        s.uu += v * v;
        s.ii += i * i;
        s.nn += m * m;
        s.v += v;
        s.i += i;
        double a = w * (double)k;
        vs += v * sin(a);
        vc += v * cos(a);
        is += i * sin(a);
        ic += i * cos(a);
    }
    double m = (double)n;
    s.p /= m;
    s.q = 2 * (vc * is - vs * ic) / m / m;
    s.uu = sqrt(s.uu / m);
    s.ii = sqrt(s.ii / m);
    s.nn = sqrt(s.nn / m);
    s.v /= m;
    s.i /= m;
    return s;
}

static void assert_near(double is, double want, double tolerance)
{
    if (fabs(is - want) > tolerance)
        print_error("%.9g is not %.9g within %.3g\n", is, want, tolerance);
    assert_true(fabs(is - want) <= tolerance);
}

static void test_power(void **state)
{
    (void)state;
    static const struct {
        int32_t p_mw, q_mvar;
        uint32_t u_mv, f_mhz;
    } cases[] = {
        { 4600, 0, 230000, 50000 },          { 4600, 0, 230000, 49500 },
        { 2300, 3984, 230000, 50000 },       { 1150000, 0, 230000, 50000 },
        { 23000000, 0, 230000, 50000 },      { 11500000, 19918585, 230000, 52500 },
        { -1000000, 500000, 230000, 47500 }, { 800000, -600000, 115000, 60000 },
        { -3000, -4000, 240000, 62500 },     { 12345678, -1234567, 253000, 50050 },
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        loadgen_init(&gen, 1);
        struct load l = load_of(cases[k].p_mw, cases[k].q_mvar);
        l.u_mv = cases[k].u_mv;
        l.f_mhz = cases[k].f_mhz;
        assert_int_equal(loadgen_set(&gen, &l), 0);
        double f = l.f_mhz / 1000.0, p = l.p_mw / 1000.0, q = l.q_mvar / 1000.0;
        double s = sqrt(p * p + q * q);
        struct sums m = measure(f, 10 * LOADGEN_RATE * 2); /* whole cycles of all of these */
        assert_near(m.p, p, 5e-7 * s);
        assert_near(m.q, q, 5e-7 * s);
        assert_near(m.uu, l.u_mv / 1000.0, 1e-6 * l.u_mv / 1000.0);
        assert_near(m.nn, m.ii, 1e-6 * m.ii);
        assert_near(m.v, 0, 1e-5);
        assert_near(m.i, 0, 1e-6);
    }
}

/* Every sample within two codes of the real sine: half for its own rounding, up to one and a
 * half for the two before it. */
static void test_samples(void **state)
{
    (void)state;
    loadgen_init(&gen, 1);
    struct load l = load_of(5000000, 3000000);
    l.f_mhz = 50123;
    assert_int_equal(loadgen_set(&gen, &l), 0);
    double turn = 0, worst = 0;
    for (int k = 0; k < 200000; k++) {
        struct loadgen_sample x;
        loadgen_run(&gen, &x, 1);
        double a = 2 * PI * turn, r2 = sqrt(2.0);
        double v = 230 * r2 * sin(a) / VOLT;
        double i = r2 * (5000 * sin(a) - 3000 * cos(a)) / 230 / AMPERE;
        worst = fmax(worst, fmax(fabs(x.v - v), fabs(x.i - i)));
        turn += 50.123 / LOADGEN_RATE;
        turn -= floor(turn);
    }
    assert_true(worst < 2.01);
    assert_true(worst > 0.5); /* the comparison looks at something */
}

static void test_no_jump(void **state)
{
    (void)state;
    loadgen_init(&gen, 1);
    struct loadgen_sample last = { 0 }, x;
    int32_t steepest = (int32_t)(325.3 * 2 * PI * 60 / LOADGEN_RATE / VOLT) + 2;
    for (int k = 0; k < 20000; k++) {
        struct load l = load_of(k % 7 * 1000000, k % 5 * 1000);
        l.f_mhz = 45000 + (uint32_t)(k * 7919 % 15000);
        assert_int_equal(loadgen_set(&gen, &l), 0);
        loadgen_run(&gen, &x, 1);
        if (k) assert_in_range(x.v - last.v + steepest, 0, 2 * steepest);
        last = x;
    }
}

static void test_harmonics(void **state)
{
    (void)state;
    loadgen_init(&gen, 1);
    struct load l = load_of(2300000, 0);
    assert_int_equal(loadgen_set(&gen, &l), 0);
    /* 5th: 10 % of voltage, 40 % of current, in phase: 4 % more power */
    struct load_harmonic h = { LOAD_V, 5, 100000, 30000000 };
    assert_int_equal(loadgen_harmonic_append(&gen, &h), 0);
    h = (struct load_harmonic){ LOAD_I, 5, 400000, 30000000 };
    assert_int_equal(loadgen_harmonic_append(&gen, &h), 0);
    struct sums m = measure(50, 80000);
    assert_near(m.p, 2300 * 1.04, 2300e-6);
    assert_near(m.uu, 230 * sqrt(1.01), 230e-6);
    assert_near(m.ii, 10 * sqrt(1.16), 10e-6);
    /* opposed: 4 % less; a load set later scales them */
    loadgen_harmonics_clear(&gen);
    h.phase_udeg = -150000000;
    assert_int_equal(loadgen_harmonic_append(&gen, &h), 0);
    h = (struct load_harmonic){ LOAD_V, 5, 100000, 30000000 };
    assert_int_equal(loadgen_harmonic_append(&gen, &h), 0);
    l = load_of(4600, 0);
    assert_int_equal(loadgen_set(&gen, &l), 0);
    m = measure(50, 80000);
    assert_near(m.p, 4.6 * 0.96, 4.6e-6);
    h.order = 1;
    assert_int_equal(loadgen_harmonic_append(&gen, &h), E_RANGE);
    h.order = 2;
    for (int k = 2; k < LOADGEN_HARMONICS; k++)
        assert_int_equal(loadgen_harmonic_append(&gen, &h), 0);
    assert_int_equal(loadgen_harmonic_append(&gen, &h), E_SPACE);
}

static void test_noise(void **state)
{
    (void)state;
    loadgen_init(&gen, 7);
    struct load l = { .f_mhz = 50000, .neutral_ppm = 1000000, .noise_mcode = 42000 };
    assert_int_equal(loadgen_set(&gen, &l), 0);
    struct sums m = measure(50, 800000);
    assert_near(m.uu, 0.042e3 * VOLT, 0.042e3 * VOLT * 0.01);
    assert_near(m.ii, 0.042e3 * AMPERE, 0.042e3 * AMPERE * 0.01);
    assert_near(m.p, 0, 42 * VOLT * 42 * AMPERE * 0.006); /* channels are not correlated */
    assert_near(m.i, 0, 42 * AMPERE * 0.006);
    struct loadgen other;
    loadgen_init(&gen, 8);
    loadgen_init(&other, 9);
    assert_int_equal(loadgen_set(&gen, &l), 0);
    assert_int_equal(loadgen_set(&other, &l), 0);
    struct loadgen_sample a[8], b[8];
    loadgen_run(&gen, a, 8);
    loadgen_run(&other, b, 8);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_limits(void **state)
{
    (void)state;
    loadgen_init(&gen, 1);
    struct load l = load_of(INT32_MAX, INT32_MIN + 1);
    assert_int_equal(loadgen_set(&gen, &l), 0);
    l.u_mv = 700000;
    assert_int_equal(loadgen_set(&gen, &l), 0);
    struct loadgen_sample x[1000];
    loadgen_run(&gen, x, 1000);
    int32_t top = 0;
    for (int k = 0; k < 1000; k++) {
        assert_in_range(x[k].v + LOADGEN_CODE_MAX, 0, 2 * LOADGEN_CODE_MAX);
        assert_in_range(x[k].i + LOADGEN_CODE_MAX, 0, 2 * LOADGEN_CODE_MAX);
        if (x[k].v > top) top = x[k].v;
    }
    assert_int_equal(top, LOADGEN_CODE_MAX);
    for (int k = 0; k < LOADGEN_HARMONICS; k++) {
        struct load_harmonic h = { k & 1 ? LOAD_V : LOAD_I, 63, 1000000, 90000000 };
        assert_int_equal(loadgen_harmonic_append(&gen, &h), 0);
    }
    loadgen_run(&gen, x, 1000); /* the sanitizers look for overflow here */
    l.u_mv = 700001;
    assert_int_equal(loadgen_set(&gen, &l), E_RANGE);
    l.u_mv = 0;
    assert_int_equal(loadgen_set(&gen, &l), E_RANGE);
    l = LOAD_OFF;
    l.f_mhz = 1000001;
    assert_int_equal(loadgen_set(&gen, &l), E_RANGE);
    l = LOAD_OFF;
    l.neutral_ppm = 1000001;
    assert_int_equal(loadgen_set(&gen, &l), E_RANGE);
}

/* The same on every target: the figure was made on x86-64 and must come out on a Cortex-M too.
 */
static void test_same_everywhere(void **state)
{
    (void)state;
    loadgen_init(&gen, 22);
    struct load l = load_of(1234567, -345678);
    l.noise_mcode = 1500;
    l.neutral_ppm = 950000;
    assert_int_equal(loadgen_set(&gen, &l), 0);
    struct load_harmonic h = { LOAD_I, 3, 250000, -12345678 };
    assert_int_equal(loadgen_harmonic_append(&gen, &h), 0);
    uint32_t sum = 0;
    for (int k = 0; k < 8000; k++) {
        struct loadgen_sample x;
        loadgen_run(&gen, &x, 1);
        sum = sum * 31 + (uint32_t)x.v;
        sum = sum * 31 + (uint32_t)x.i;
        sum = sum * 31 + (uint32_t)x.n;
    }
    assert_int_equal(sum, 0x9345b403);
}

/* Runs of any length make the same samples. */
static void test_batches(void **state)
{
    (void)state;
    struct loadgen_sample one[500], many[500];
    loadgen_init(&gen, 3);
    struct load l = load_of(777777, 123456);
    l.noise_mcode = 900;
    assert_int_equal(loadgen_set(&gen, &l), 0);
    struct loadgen twin = gen;
    for (int k = 0; k < 500; k++) loadgen_run(&gen, &one[k], 1);
    loadgen_run(&twin, many, 123);
    loadgen_run(&twin, many + 123, 377);
    assert_memory_equal(one, many, sizeof one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power),   cmocka_unit_test(test_samples),
        cmocka_unit_test(test_no_jump), cmocka_unit_test(test_harmonics),
        cmocka_unit_test(test_noise),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_batches), cmocka_unit_test(test_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
