/* The sample chain: what leaves it is a sum of what went in, whatever happens on the way. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "metrology/front.h"
#include "metrology/trig.h"
#include "wave/wave.h"

static const struct rating rating = { 230000, 5000, 100000, 50 };
static struct front one, other;

static uint64_t state = 1;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static struct wave load(double f, double i, double phi)
{
    struct wave w;
    wave_init(&w);
    w.f = f;
    wave_load(&w, i, phi);
    return w;
}

/* Every option both ways, odd block sizes, pulses, dips, lost samples: the block form leaves
 * the same octets behind as single samples. */
static void blocks_equal_samples(void **s)
{
    (void)s;
    for (unsigned option = 0; option < 8; option++) {
        struct front_cfg cfg = front_cfg_default(&rating);
        cfg.hilbert = option & 1;
        cfg.sampling.channels = option & 2 ? 2 : 3;
        cfg.sampling.bits = option & 4 ? 16 : 24;
        cfg.constant_wh = 10000;
        struct wave w = load(50.3, 90, 0.7);
        struct calibration cal;
        calibration_init(&cal);
        cal.phase_ns[0] = 31000;
        cal.phase_ns[1] = -140000;
        cal.offset[1] = 777;
        w.bits = cfg.sampling.bits;
        memset(&one, 0, sizeof one);
        memset(&other, 0, sizeof other);
        front_init(&one, &cfg);
        front_init(&other, &cfg);
        front_calibrate(&one, &cal);
        front_calibrate(&other, &cal);
        for (int round = 0; round < 400; round++) {
            int32_t codes[3 * 512], packed[3 * 512];
            size_t n = 1 + rnd() % 512;
            w.ch[WAVE_V].rms[1] = round % 50 < 4 ? 20 : 230;
            wave_codes(&w, codes, n);
            unsigned a = 0, b, step = cfg.sampling.channels;
            for (size_t k = 0; k < n; k++) {
                memcpy(packed + k * step, codes + 3 * k, step * sizeof *packed);
                a |= front_sample_isr(&one, codes[3 * k], codes[3 * k + 1], codes[3 * k + 2]);
            }
            b = front_samples(&other, packed, n);
            assert_int_equal(a, b);
            if (round % 97 == 96) {
                front_missed_isr(&one, 333);
                front_missed_isr(&other, 333);
            }
            struct window x, y;
            while (window_take(&one, &x)) {
                assert_true(window_take(&other, &y));
                assert_memory_equal(&x, &y, sizeof x);
                for (unsigned k = 0; k < 2; k++) {
                    int64_t nj = (int64_t)(rnd() >> 21) - (INT64_C(1) << 41);
                    pulse_book(front_pulse(&one, k), nj);
                    pulse_book(front_pulse(&other, k), nj);
                }
            }
            assert_memory_equal(&one, &other, sizeof one);
        }
        assert_true(one.pulse[0].count > 50);
    }
}

/* Sums over all windows are sums over all samples, octet for octet: no edge loses or doubles.
 * With the currents exactly undelayed, the samples behind the chain are those before it. */
static void sums_are_conserved(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(50.1234, 40, 1);
    int64_t want[WINDOW_SUMS] = { 0 }, got[WINDOW_SUMS] = { 0 };
    int32_t line[8][3] = { { 0 } };
    uint64_t next = 0, windows = 0, span = 0, samples = 400000;
    front_init(&one, &cfg);
    for (uint64_t k = 0; k < samples; k++) {
        int32_t c[3];
        struct window x;
        if (k == 100000) w.ch[WAVE_V].rms[1] = 5; /* a dip: the oscillator runs on */
        if (k == 130000) w.ch[WAVE_V].rms[1] = 230;
        if (k == 200000) w.ch[WAVE_V].phase[1] = 2; /* a jump of phase */
        wave_codes(&w, c, 1);
        front_sample_isr(&one, c[0], c[1], c[2]);
        int64_t v = line[k % 8][0], i = line[k % 8][1], n = line[k % 8][2];
        memcpy(line[k % 8], c, sizeof c);
        int64_t p[] = { v, i, n, v * v, i * i, n * n, v * i, v * n, i * n };
        for (int m = 0; m <= SUM_IN; m++) want[m] += p[m];
        while (window_take(&one, &x)) {
            for (int m = 0; m < WINDOW_SUMS; m++) got[m] += x.sum[m];
            if (windows++) assert_true(x.start_q16 == next); /* no gap, no overlap */
            next = x.start_q16 + x.span_q16;
            span += x.span_q16;
        }
    }
    assert_int_equal(front_close(&one), 0);
    struct window x;
    while (window_take(&one, &x)) {
        for (int m = 0; m < WINDOW_SUMS; m++) got[m] += x.sum[m];
        span += x.span_q16;
    }
    for (int m = 0; m <= SUM_IN; m++) assert_true(got[m] == want[m]);
    assert_true(span == (samples << 16) - 0x8000);
    assert_true(windows > 240);
}

static double hertz(double f, double seconds, uint16_t *flags, double *phase)
{
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(f, 5, 0);
    struct window x = { 0 };
    int32_t codes[3 * 80];
    front_init(&one, &cfg);
    for (int k = 0; k < (int)(seconds * 100); k++) {
        wave_codes(&w, codes, 80);
        front_samples(&one, codes, 80);
        while (window_take(&one, &x)) {
        }
    }
    *flags = x.flags;
    *phase = atan2((double)x.sum[SUM_VC], (double)x.sum[SUM_VS]);
    return x.f_uhz * 1e-6;
}

/* From 40 to 70 Hz: found within half a second, right to 0.1 mHz, phase at zero. */
static void finds_the_mains(void **s)
{
    (void)s;
    for (double f = 40.1; f < 70; f += 0.73) {
        uint16_t flags;
        double phase, got = hertz(f, 0.9, &flags, &phase);
        assert_int_equal(flags, 0);
        assert_true(fabs(got - f) < 1e-4);
        assert_true(fabs(phase) < 0.01);
        assert_true(fabs(hertz(f, 3, &flags, &phase) - f) < 5e-6);
    }
}

static void says_when_it_cannot(void **s)
{
    (void)s;
    uint16_t flags;
    double phase;
    hertz(35, 2, &flags, &phase);
    assert_true(flags & WINDOW_F_RANGE && flags & WINDOW_UNLOCKED);
    hertz(78, 2, &flags, &phase);
    assert_true(flags & (WINDOW_F_RANGE | WINDOW_NO_VOLTAGE) && flags & WINDOW_UNLOCKED);
}

/* A step of frequency, a jump of phase, an outage: locked again within half a second. */
static void locks_again(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(50, 5, 0);
    int32_t codes[3 * 80];
    front_init(&one, &cfg);
    for (int k = 0; k < 1000; k++) {
        struct window x;
        if (k == 200) w.f = 52.5;
        if (k == 400) w.ch[WAVE_V].phase[1] += 1.5;
        if (k == 600) w.ch[WAVE_V].rms[1] = 0;
        if (k == 700) w.ch[WAVE_V].rms[1] = 230;
        if (k == 800) w.f = 51.6;
        wave_codes(&w, codes, 80);
        front_samples(&one, codes, 80);
        while (window_take(&one, &x)) {
            if (k > 600 + 21 && k < 700)
                assert_true(x.flags & WINDOW_NO_VOLTAGE);
            else if (k % 200 > 70 && (k < 600 || k > 750))
                assert_int_equal(x.flags, 0);
        }
    }
}

/* Nobody fetches: the window grows and loses nothing, until there is no more room in its sums;
 * then samples are missed and counted. */
static void grows_when_late(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(50, 5, 0);
    int32_t codes[3 * 800];
    struct window x;
    front_init(&one, &cfg);
    for (int k = 0; k < 40; k++) {
        wave_codes(&w, codes, 800);
        front_samples(&one, codes, 800);
    }
    int waiting = 0;
    while (window_take(&one, &x)) waiting++;
    assert_int_equal(waiting, FRONT_QUEUE);
    wave_codes(&w, codes, 800);
    front_samples(&one, codes, 800);
    assert_true(window_take(&one, &x));
    assert_true(x.flags & WINDOW_GROWN && !(x.flags & WINDOW_UNLOCKED));
    assert_true(x.span_q16 >> 16 > 20000 && x.halves > 200 && x.missed == 0);
    uint64_t end = x.start_q16 + x.span_q16;
    for (int k = 0; k < 240; k++) {
        wave_codes(&w, codes, 800);
        front_samples(&one, codes, 800);
    }
    for (waiting = 0; waiting < FRONT_QUEUE; waiting++) assert_true(window_take(&one, &x));
    end = x.start_q16 + x.span_q16;
    for (unsigned k = 0; k < 2; k++) {
        wave_codes(&w, codes, 800);
        front_samples(&one, codes, 800);
    }
    assert_true(window_take(&one, &x));
    assert_true(x.start_q16 == end && x.missed > 20000);
    assert_true(x.span_q16 >> 16 >= WINDOW_SAMPLES_MAX);
    assert_true((x.start_q16 + x.span_q16) >> 16 <= front_count(&one) - x.missed);
    assert_true(front_count(&one) == 283 * 800);
}

/* The same with all codes at the ends of the converter, currents between their samples: sums of
 * 2^46 and what a filter adds stay within int64. */
static void stops_before_a_sum_is_full(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct window x;
    struct calibration cal;
    calibration_init(&cal);
    cal.offset[0] = cal.offset[1] = cal.offset[2] = -(1 << 20);
    cal.phase_ns[0] = cal.phase_ns[1] = 62500;
    assert_true(calibration_is_valid(&cal));
    front_init(&one, &cfg);
    front_calibrate(&one, &cal);
    for (int k = 0; k < 200000; k++) front_sample_isr(&one, INT32_MAX, INT32_MAX, INT32_MAX);
    for (int k = 0; k < FRONT_QUEUE; k++) assert_true(window_take(&one, &x));
    for (int k = 0; k < 2000; k++) front_sample_isr(&one, INT32_MAX, INT32_MAX, INT32_MAX);
    assert_true(window_take(&one, &x));
    assert_true(x.missed > 100000 && x.span_q16 >> 16 > 50000);
    for (int k = SUM_VV; k <= SUM_IN; k++) assert_true(x.sum[k] > INT64_C(1) << 61);
}

/* The supply fails: what was measured is handed over at once, in order, and the meter goes on.
 */
static void closes_early(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(50, 5, 0);
    int32_t codes[3 * 800];
    struct window x;
    front_init(&one, &cfg);
    assert_int_equal(front_close(&one), 0); /* nothing yet */
    assert_false(window_take(&one, &x));
    for (int k = 0; k < 11; k++) {
        wave_codes(&w, codes, 777);
        front_samples(&one, codes, 777);
    }
    while (window_take(&one, &x)) {
    }
    uint64_t next = x.start_q16 + x.span_q16;
    assert_int_equal(front_close(&one), 0);
    assert_ptr_not_equal(window_peek(&one), NULL);
    assert_true(window_take(&one, &x));
    assert_true(x.flags & WINDOW_CUT && x.start_q16 == next);
    assert_true(x.start_q16 + x.span_q16 == (front_count(&one) << 16) - 0x8000);
    assert_int_equal(front_close(&one), 0);
    assert_false(window_take(&one, &x));
    next = (front_count(&one) << 16) - 0x8000;
    for (int k = 0; k < 4; k++) {
        wave_codes(&w, codes, 800);
        front_samples(&one, codes, 800);
    }
    assert_true(window_take(&one, &x));
    assert_true(x.start_q16 == next && x.flags & WINDOW_UNLOCKED);
    while (window_take(&one, &x)) {
    }
    assert_int_equal(x.flags, 0);
    for (int k = 0; k < 40; k++) front_samples(&one, codes, 800);
    assert_int_equal(front_close(&one), E_SPACE);
    assert_true(window_take(&one, &x));
    assert_int_equal(front_close(&one), 0);
}

static void missed_samples_keep_time(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(50, 5, 0);
    int32_t codes[3 * 800];
    struct window x;
    uint64_t missed = 0, span = 0;
    front_init(&one, &cfg);
    for (int k = 0; k < 200; k++) {
        wave_codes(&w, codes, 800);
        if (k % 20 == 19) {
            front_samples(&one, codes, 700);
            front_missed_isr(&one, 100);
        } else {
            front_samples(&one, codes, 800);
        }
        while (window_take(&one, &x)) {
            missed += x.missed;
            span += x.span_q16;
            if (k % 20 > 10) assert_int_equal(x.flags, 0); /* still in step with the mains */
        }
    }
    assert_true(front_count(&one) == 160000);
    assert_int_equal(missed, 900);
    assert_true(front_mono(&one).us == 20000000);
    assert_true((span >> 16) + missed > 155000);
}

static void saturation_is_counted(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    cfg.sampling.bits = 16;
    front_init(&one, &cfg);
    struct window x;
    for (int k = 0; k < 3400; k++) {
        int32_t v = k & 1 ? INT32_MAX : INT32_MIN, i = k & 1 ? 32767 : -32768, n = 32766;
        front_sample_isr(&one, v, i, n);
    }
    assert_true(window_take(&one, &x));
    assert_true(x.saturated[0] > 1590 && x.saturated[1] > 1590 && x.saturated[2] == 0);
    assert_true(x.sum[SUM_VV] > 0 && x.sum[SUM_II] > 0 && x.sum[SUM_NN] > 0);
}

/* The last half cycle below the limit is reported before the next has passed. */
static void dark_is_seen_early(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    cfg.dark_mv = 100000;
    struct wave w = load(50, 5, 0);
    int32_t c[3];
    front_init(&one, &cfg);
    for (int k = 0; k < 16000; k++) {
        wave_codes(&w, c, 1);
        assert_false(front_sample_isr(&one, c[0], c[1], c[2]) & FRONT_DARK);
    }
    int late = 0;
    for (; late < 1000; late++)
        if (front_sample_isr(&one, 0, 0, 0) & FRONT_DARK) break;
    assert_true(late <= 250); /* one cycle and a half, of which the RMS takes one */
}

static void deadline_is_kept(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(50.2, 5, 0);
    int32_t c[3];
    struct window x;
    front_init(&one, &cfg);
    uint64_t deadline = 0;
    for (int k = 0; k < 40000; k++) {
        wave_codes(&w, c, 1);
        unsigned report = front_sample_isr(&one, c[0], c[1], c[2]);
        if (report & FRONT_WINDOW) {
            assert_true(window_take(&one, &x));
            if (k > 16000)
                assert_true(llabs((int64_t)front_mono(&one).us - (int64_t)deadline) < 2000);
            deadline = front_deadline(&one).us;
        }
    }
}

/* The chain at 4 kHz and for 60 Hz: windows of 200 ms. */
static void other_rates(void **s)
{
    (void)s;
    for (unsigned k = 0; k < 4; k++) {
        struct rating r = k & 1 ? (struct rating){ 120000, 5000, 100000, 60 } : rating;
        struct front_cfg cfg = front_cfg_default(&r);
        cfg.sampling.rate_hz = k & 2 ? 4000 : 8000;
        struct wave w = load(k & 1 ? 60.2 : 49.8, 5, 0);
        w.rate = cfg.sampling.rate_hz;
        int32_t codes[3 * 400];
        struct window x = { 0 };
        front_init(&one, &cfg);
        for (int b = 0; b < 60; b++) {
            wave_codes(&w, codes, 400);
            front_samples(&one, codes, 400);
            while (window_take(&one, &x)) {
            }
        }
        double seconds = (double)x.span_q16 / 65536 / w.rate;
        assert_true(fabs(seconds - (k & 1 ? 12 : 10) / w.f) < 1e-6);
        assert_int_equal(x.flags, 0);
        assert_true(fabs(x.f_uhz * 1e-6 - w.f) < 1e-5);
    }
}

/* The queue is free-running and its places are reused in turn. */
static void queue_keeps_order(void **s)
{
    (void)s;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w = load(50, 5, 0);
    int32_t codes[3 * 800];
    uint64_t next = 0;
    front_init(&one, &cfg);
    for (int k = 0; k < 4000; k++) {
        struct window x;
        if (k % 8 == 0) wave_codes(&w, codes, 800);
        front_samples(&one, codes, 800);
        if (rnd() % 4) continue;
        while (window_take(&one, &x)) {
            assert_true(x.start_q16 == next || next == 0);
            next = x.start_q16 + x.span_q16;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_equal_samples),
        cmocka_unit_test(sums_are_conserved),
        cmocka_unit_test(finds_the_mains),
        cmocka_unit_test(says_when_it_cannot),
        cmocka_unit_test(locks_again),
        cmocka_unit_test(grows_when_late),
        cmocka_unit_test(stops_before_a_sum_is_full),
        cmocka_unit_test(closes_early),
        cmocka_unit_test(missed_samples_keep_time),
        cmocka_unit_test(saturation_is_counted),
        cmocka_unit_test(dark_is_seen_early),
        cmocka_unit_test(deadline_is_kept),
        cmocka_unit_test(other_rates),
        cmocka_unit_test(queue_keeps_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
