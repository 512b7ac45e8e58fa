/* The arithmetic under the chain, against long double and against the obvious. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "metrology/delay.h"
#include "metrology/scale.h"
#include "metrology/trig.h"
#include "metrology/window.h"

static uint64_t state = 88172645463325252u;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void sine_and_cosine(void **s)
{
    (void)s;
    double worst = 0, gain = 0;
    for (uint32_t k = 0; k < 2000000; k++) {
        uint32_t phase = k * 2654435761u;
        int32_t sine, cosine;
        trig_sincos(phase, &sine, &cosine);
        double a = phase * (2 * M_PI / 4294967296.0);
        worst = fmax(worst, fabs(sine - sin(a) * 4194304));
        worst = fmax(worst, fabs(cosine - cos(a) * 4194304));
        gain += (sine * sin(a) + cosine * cos(a)) / 4194304 - 1;
    }
    assert_true(worst < 1.9);
    assert_true(fabs(gain / 2000000) < 1e-8);
}

static void angles(void **s)
{
    (void)s;
    assert_int_equal(trig_angle(0, 0), 0);
    for (int k = 0; k < 200000; k++) {
        double a = (double)(rnd() >> 11) * 0x1p-53 * 2 * M_PI,
               m = pow(2, 30 + (double)(rnd() % 32));
        int64_t re = llrint(m * cos(a)), im = llrint(m * sin(a));
        uint32_t want =
            (uint32_t)(int64_t)llrint(atan2((double)im, (double)re) / (2 * M_PI) * 0x1p32);
        assert_true(abs((int32_t)(trig_angle(re, im) - want)) < 32);
    }
    assert_true(abs((int32_t)(trig_angle(INT64_MIN, 0) - 0x80000000u)) < 32);
    assert_true(abs((int32_t)(trig_angle(0, INT64_MAX) - 0x40000000u)) < 32);
    assert_true(abs((int32_t)(trig_angle(0, INT64_MIN) - 0xC0000000u)) < 32);
}

static void small_angles(void **s)
{
    (void)s;
    for (double a = -0.0873; a < 0.0873; a += 0.00013) {
        int64_t sine, less;
        trig_small(llrint(a * 0x1p40), &sine, &less);
        assert_true(fabs((double)sine - sin(a) * 0x1p40) < 16);
        assert_true(fabs((double)less - (1 - cos(a)) * 0x1p40) < 16);
    }
}

static void scales(void **s)
{
    (void)s;
    for (int k = 0; k < 100000; k++) {
        uint64_t a = rnd() >> (rnd() % 60), b = rnd() >> (rnd() % 60),
                 c = rnd() >> (rnd() % 60);
        a += !a;
        b += !b;
        c += !c;
        struct scale x = scale_div(scale_mul(scale_mul(scale_one(), a, 0), b, -20), c);
        long double want = (long double)a * (long double)b / (long double)c * 0x1p-20L;
        long double got = ldexpl((long double)x.m, -x.shift);
        assert_true(x.m >> 63);
        assert_true(fabsl(got / want - 1) < 1e-17L);
        int64_t n = (int64_t)rnd() >> (rnd() % 63);
        long double product = want * (long double)n;
        if (fabsl(product) < 9e18L)
            assert_true(fabsl((long double)scale_apply(x, n) - product) <=
                        0.5L + fabsl(product) * 1e-17L);
        struct scale xx = scale_times(x, x);
        assert_true(fabsl(ldexpl((long double)xx.m, -xx.shift) / (want * want) - 1) < 1e-17L);
    }
}

static void scales_saturate(void **s)
{
    (void)s;
    struct scale big = scale_mul(scale_one(), UINT64_MAX, 40);
    assert_true(scale_apply(big, 3) == INT64_MAX);
    assert_true(scale_apply(big, -3) == -INT64_MAX);
    assert_true(scale_apply(big, 0) == 0);
    struct scale tiny = scale_mul(scale_one(), 1, -200);
    assert_true(scale_apply(tiny, INT64_MAX) == 0);
    assert_true(mul_shift_i64(INT64_MIN, INT64_MIN, 0) == INT64_MAX);
    assert_true(mul_shift_i64(INT64_MIN, INT64_MAX, 63) == -INT64_MAX);
}

__extension__ typedef __int128 wide;

static void rounding(void **s)
{
    (void)s;
    struct scale half = scale_mul(scale_one(), 1, -1);
    assert_true(scale_apply(half, 1) == 1 && scale_apply(half, -1) == -1);
    assert_true(scale_apply(half, 3) == 2 && scale_apply(half, -3) == -2);
    for (int k = 0; k < 100000; k++) {
        int64_t a = (int64_t)rnd() >> (rnd() % 60), b = (int64_t)rnd() >> (rnd() % 60);
        unsigned shift = (unsigned)(rnd() % 120);
        wide p = (wide)a * b, m = p < 0 ? -p : p;
        int minus = p < 0;
        if (shift) m = (m + ((wide)1 << (shift - 1))) >> shift;
        int64_t want = m > INT64_MAX ? INT64_MAX : (int64_t)m;
        assert_true(mul_shift_i64(a, b, shift) == (minus ? -want : want));
    }
}

/* The mains' own band within 1e-7 of a pure delay, whatever the fraction; the rest as the
 * header says. */
static void fractional_delay(void **s)
{
    (void)s;
    static const struct {
        double hz, error;
    } limit[] = { { 40, 1e-7 },   { 50, 1e-7 },  { 60, 1e-7 },     { 70, 1e-7 },
                  { 250, 1e-5 },  { 550, 1e-4 }, { 1050, 2.5e-4 }, { 1300, 2.5e-4 },
                  { 2000, 2e-3 }, { 2400, 7e-3 } };
    for (uint64_t mu = 0; mu <= UINT32_MAX; mu += 0x03FFFFFF) {
        int32_t tap[FRONT_TAPS];
        delay_taps(tap, (uint32_t)mu);
        for (size_t k = 0; k < sizeof limit / sizeof *limit; k++) {
            double w = 2 * M_PI * limit[k].hz / 8000, re = -1, im = 0;
            for (int t = 0; t < FRONT_TAPS; t++) {
                double a = w * (t - (FRONT_TAPS / 2 - 1) - (double)mu * 0x1p-32);
                re += tap[t] * 0x1p-30 * cos(a);
                im -= tap[t] * 0x1p-30 * sin(a);
            }
            assert_true(hypot(re, im) < limit[k].error);
        }
    }
}

/* 90 degrees between the branches, 0.0053 at most, from 40 Hz to 3.96 kHz; unit gain by form.
 */
static void hilbert_pair(void **s)
{
    (void)s;
    for (double hz = 40; hz <= 3960; hz += 20) {
        double w = 2 * M_PI * hz / 8000, phase = -w; /* the odd branch's unit delay */
        for (int k = 0; k < 2 * FRONT_SECTIONS; k++) {
            double a =
                (k < FRONT_SECTIONS ? hilbert_even[k] : hilbert_odd[k - FRONT_SECTIONS]) *
                0x1p-31;
            double re = cos(-2 * w), im = sin(-2 * w);
            double section = atan2(-im, a - re) - atan2(-a * im, 1 - a * re);
            phase += k < FRONT_SECTIONS ? -section : section;
        }
        double degree = remainder(phase * 180 / M_PI + 90, 360);
        assert_true(fabs(degree) < 0.0053);
    }
}

static void packed_squares(void **s)
{
    (void)s;
    for (int k = 0; k < 200000; k++) {
        uint64_t x = rnd() >> (19 + rnd() % 45);
        double error = fabs((double)window_unpack(window_pack(x)) - (double)x);
        assert_true(error <= fmax(8, (double)x * 0.00025));
    }
    assert_true(window_pack(UINT64_MAX >> 1) == WINDOW_UNKNOWN - 1);
    assert_true(window_pack(0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_and_cosine),  cmocka_unit_test(angles),
        cmocka_unit_test(small_angles),     cmocka_unit_test(scales),
        cmocka_unit_test(scales_saturate),  cmocka_unit_test(rounding),
        cmocka_unit_test(fractional_delay), cmocka_unit_test(hilbert_pair),
        cmocka_unit_test(packed_squares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
