/* What no meter should be fed: an event is told, registers stay what they must be, nothing
 * wraps (the sanitizers look on).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrology/quality.h"
#include "metrology/tamper.h"
#include "wave/rig.h"

static const struct rating rating = { 230000, 5000, 100000, 50 };

struct life {
    struct rig rig;
    struct quality quality;
    struct quality_cfg quality_cfg;
    struct tamper tamper;
    struct tamper_cfg tamper_cfg;
    uint32_t told, flags; /* bits: tampers begun; flags of all quantities */
    int64_t import_nj, export_nj, most_p_uw;
    uint64_t span_ns;
};
static struct life life;

static int fresh(void **s)
{
    (void)s;
    memset(&life, 0, sizeof life);
    rig_init(&life.rig, &rating);
    life.rig.measure_cfg.creep_off = false;
    life.quality_cfg = quality_cfg_default(&rating);
    life.tamper_cfg = tamper_cfg_default(&rating);
    for (int k = 0; k < TAMPER_KINDS; k++) life.tamper_cfg.delay_ms[k] = 0;
    front_init(&life.rig.front, &life.rig.front_cfg);
    measure_init(&life.rig.measure, &life.rig.measure_cfg, &life.rig.cal);
    return 0;
}

static void judge(const struct quantity *q)
{
    static const struct tamper_field none;
    struct quality_note note[QUALITY_NOTES];
    struct tamper_note fraud[TAMPER_NOTES];
    const struct element *e = &q->element[q->billed];
    int n = tamper_feed(&life.tamper, &life.tamper_cfg, q, &none, fraud);
    for (int k = 0; k < n; k++) life.told |= (uint32_t)fraud[k].begins << fraud[k].kind;
    quality_feed(&life.quality, &life.quality_cfg, q, note);
    life.flags |= q->flags;
    life.span_ns += q->span_ns;
    if (e->active_nj > 0)
        life.import_nj += e->active_nj;
    else
        life.export_nj -= e->active_nj;
    if (llabs(e->p_uw) > life.most_p_uw) life.most_p_uw = llabs(e->p_uw);
    assert_true(e->s_uva >= llabs(e->p_uw) && e->apparent_nj >= 0);
}

static void meter(void)
{
    struct window win;
    struct quantity q;
    while (window_take(&life.rig.front, &win)) {
        quantity_of(&q, &life.rig.measure, &win);
        judge(&q);
    }
}

/* Never more than the converters can say: 500 V x 200 A and what a filter overshoots. */
static void stays_physical(void)
{
    assert_true(life.most_p_uw <= INT64_C(150000000000));
    assert_true(life.import_nj >= 0 && life.export_nj >= 0);
    assert_true((life.import_nj + life.export_nj) / 150000 <= (int64_t)life.span_ns);
}

static void feed(struct wave *w, double seconds)
{
    int32_t codes[3 * 80];
    for (int k = 0; k < (int)(seconds * 100); k++) {
        wave_codes(w, codes, 80);
        front_samples(&life.rig.front, codes, 80);
        meter();
    }
}

static struct wave load(double i)
{
    struct wave w;
    wave_init(&w);
    wave_load(&w, i, 0);
    return w;
}

static void rails(void **s)
{
    static const int32_t extreme[] = { INT32_MIN, INT32_MAX, -8388608, 8388607, 0, -1 };
    for (unsigned pattern = 0; pattern < 64; pattern++) {
        fresh(s);
        for (unsigned k = 0; k < 24000; k++) {
            unsigned half = k / (1 + pattern % 8 * 20) & 1;
            front_sample_isr(&life.rig.front, extreme[half ^ (pattern & 1)],
                             extreme[2 + (half ^ (pattern >> 1 & 1))], extreme[k % 6]);
            meter();
        }
        stays_physical();
        assert_true(life.told >> TAMPER_SATURATED & 1);
    }
}

/* Saturated for six seconds and nobody fetches: the sums fill as fast as they can. */
static void rails_unattended(void **s)
{
    (void)s;
    for (unsigned k = 0; k < 100000; k++) {
        int32_t x = k / 80 & 1 ? 8388607 : -8388608;
        front_sample_isr(&life.rig.front, x, x, x);
    }
    struct window win;
    while (window_take(&life.rig.front, &win)) {
        assert_true(win.sum[SUM_VV] > 0 && win.sum[SUM_II] > 0 && win.sum[SUM_VI] > 0);
        struct quantity q;
        quantity_of(&q, &life.rig.measure, &win);
        judge(&q);
    }
    stays_physical();
}

static void stuck_channel(void **s)
{
    (void)s;
    struct wave w = load(5);
    feed(&w, 2);
    int64_t before = life.import_nj;
    w.ch[WAVE_I].rms[1] = 0;
    w.ch[WAVE_I].dc = 50;
    feed(&w, 1);
    int64_t during = life.import_nj;
    feed(&w, 5);
    assert_true(life.told >> TAMPER_STUCK & 1);
    assert_true(before > 0 && life.import_nj == during && life.export_nj == 0);
}

static void samples_missing(void **s)
{
    (void)s;
    struct wave w = load(5);
    int32_t codes[3 * 80];
    feed(&w, 2);
    life.import_nj = 0;
    life.span_ns = 0;
    for (int k = 0; k < 1000; k++) {
        wave_codes(&w, codes, 80);
        if (k % 10 == 7)
            front_missed_isr(&life.rig.front, 80);
        else
            front_samples(&life.rig.front, codes, 80);
        meter();
    }
    assert_true(life.told >> TAMPER_MISSED & 1);
    /* what came is counted, what did not come is not invented: nine tenths of 10 s x 1150 W */
    assert_true(llabs(life.import_nj - INT64_C(10350000000000)) < INT64_C(300000000000));
}

static void frequency_outside(void **s)
{
    static const double f[] = { 0.5, 20, 35, 39, 71, 80, 100, 150, 400 };
    for (size_t k = 0; k < sizeof f / sizeof *f; k++) {
        fresh(s);
        struct wave w = load(5);
        w.f = f[k];
        feed(&w, 20);
        assert_true(life.told >> TAMPER_F_RANGE & 1);
        double want = 1150e9 * (double)life.span_ns * 1e-9;
        if (f[k] >= 20) /* energy is right all the same, to the part of a cycle */
            assert_true(llabs(life.import_nj - life.export_nj - (int64_t)want) <
                        (int64_t)(want * 0.02));
        struct wave good = load(5);
        feed(&good, 3);
        assert_true(life.rig.front.lock.state == LOCK_ON);
    }
}

static void current_without_voltage(void **s)
{
    (void)s;
    struct wave w = load(50);
    w.ch[WAVE_V].rms[1] = 0;
    feed(&w, 5);
    assert_true(life.told >> TAMPER_NEUTRAL_MISSING & 1);
    assert_true(life.import_nj == 0 && life.export_nj == 0);
}

static void constants_out_of_range(void **s)
{
    (void)s;
    struct wave w = load(5);
    life.rig.cal.gain_v = 0xFFFFFFFF;
    life.rig.cal.phase_ns[0] = INT32_MIN;
    life.rig.cal.offset[1] = INT32_MAX;
    front_calibrate(&life.rig.front, &life.rig.cal);
    measure_init(&life.rig.measure, &life.rig.measure_cfg, &life.rig.cal);
    feed(&w, 3);
    assert_true(life.told >> TAMPER_NO_CALIBRATION & 1);
    stays_physical();
    assert_true(llabs(life.most_p_uw - 1150000000) < 100000); /* nominal constants */
}

/* Constants at the very ends of their ranges are believed, and nothing wraps. */
static void constants_at_the_ends(void **s)
{
    for (unsigned k = 0; k < 32; k++) {
        fresh(s);
        struct calibration *c = &life.rig.cal;
        c->gain_v = k & 1 ? CAL_GAIN_ONE * 2u - 1 : CAL_GAIN_ONE / 2;
        c->gain_i = c->gain_n = k & 2 ? CAL_GAIN_ONE * 2u - 1 : CAL_GAIN_ONE / 2;
        c->gain_p[0] = c->gain_p[1] = c->gain_v;
        c->phase_ns[0] = k & 4 ? CAL_PHASE_NS_MAX : -CAL_PHASE_NS_MAX;
        c->phase_ns[1] = -c->phase_ns[0];
        c->offset[0] = c->offset[1] = c->offset[2] = k & 8 ? 1 << 20 : -(1 << 20);
        c->sigma_na[0] = c->sigma_na[1] = 100000000;
        c->clock_ppb = k & 16 ? 200000 : -200000;
        for (int e = 0; e < 2; e++)
            for (int a = 0; a < CAL_ANGLES; a++)
                c->angle[e][a] = (struct cal_angle){ UINT32_MAX - (unsigned)(1 - a),
                                                     5000000 - 10000000 * a };
        assert_true(calibration_is_valid(c));
        front_calibrate(&life.rig.front, c);
        measure_init(&life.rig.measure, &life.rig.measure_cfg, c);
        for (unsigned n = 0; n < 16000; n++) {
            int32_t x = n / 80 & 1 ? 8388607 : -8388608;
            front_sample_isr(&life.rig.front, x, x, -x);
            meter();
        }
        assert_true(life.most_p_uw <= INT64_C(150000000000) * 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rails, fresh),
        cmocka_unit_test_setup(rails_unattended, fresh),
        cmocka_unit_test_setup(stuck_channel, fresh),
        cmocka_unit_test_setup(samples_missing, fresh),
        cmocka_unit_test_setup(frequency_outside, fresh),
        cmocka_unit_test_setup(current_without_voltage, fresh),
        cmocka_unit_test_setup(constants_out_of_range, fresh),
        cmocka_unit_test_setup(constants_at_the_ends, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
