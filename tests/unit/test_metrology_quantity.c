/* What a window means: constants applied, small things ignored, faults named. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wave/rig.h"

static const struct rating rating = { 230000, 5000, 100000, 50 };
static struct rig rig;

/* The last quantity after seconds of w. */
static struct quantity last_of(struct wave *w, double seconds)
{
    int32_t codes[3 * 80];
    struct window win;
    struct quantity q = { 0 };
    front_init(&rig.front, &rig.front_cfg);
    if (rig.calibrated) front_calibrate(&rig.front, &rig.cal);
    measure_init(&rig.measure, &rig.measure_cfg, rig.calibrated ? &rig.cal : NULL);
    for (int k = 0; k < (int)(seconds * 100); k++) {
        wave_codes(w, codes, 80);
        front_samples(&rig.front, codes, 80);
        while (window_take(&rig.front, &win)) quantity_of(&q, &rig.measure, &win);
    }
    return q;
}

static int fresh(void **s)
{
    (void)s;
    rig_init(&rig, &rating);
    rig.calibrated = true;
    return 0;
}

static struct wave load(double i, double degree)
{
    struct wave w;
    wave_init(&w);
    w.f = 50.0137;
    wave_load(&w, i, degree * M_PI / 180);
    return w;
}

static int near(double read, double want, double part)
{
    return fabs(read - want) <= fabs(want) * part + 1e-9;
}

static void values_of_a_load(void **s)
{
    (void)s;
    struct wave w = load(10, 30);
    w.ch[WAVE_V].rms[3] = 11.5;
    w.ch[WAVE_I].rms[5] = 2;
    struct quantity q = last_of(&w, 2);
    struct wave_truth t = wave_truth(&w);
    const struct element *e = &q.element[0];
    assert_true(near(q.u_uv, t.u * 1e6, 1e-6) && near(q.u1_uv, 230e6, 1e-6));
    assert_true(near(e->i_ua, t.i * 1e6, 1e-6) && near(e->i1_ua, 10e6, 1e-6));
    assert_true(near((double)e->p_uw, t.p * 1e6, 1e-6));
    assert_true(near((double)e->p1_uw, t.p * 1e6, 1e-6));
    assert_true(near((double)e->q_uvar, t.q * 1e6, 1e-6));
    assert_true(near((double)e->s_uva, t.s * 1e6, 1e-6));
    assert_true(near(e->pf_ppm, t.p / t.s * 1e6, 1e-5));
    assert_int_equal(e->angle_mdeg, 30000);
    assert_true(abs((int)q.thd_u_bp - 500) <= 1 && abs((int)e->thd_i_bp - 2000) <= 1);
    assert_true(near((double)e->q_total_uvar, sqrt(t.s * t.s - t.p * t.p) * 1e6, 1e-5));
    assert_int_equal(q.f_uhz / 10, 5001370);
    assert_true(near((double)e->active_nj, t.p * (double)q.span_ns, 1e-6));
    assert_true(near((double)e->apparent_nj, t.s * (double)q.span_ns, 1e-6));
    assert_int_equal(q.flags, QTY_HAS_N | QTY_HAS_WAVES);
    assert_int_equal(q.halves, 20);
    for (int h = 0; h < q.halves; h++) {
        assert_true(near(q.u_half_uv[h], t.u * 1e6, 2e-4));
        assert_true(near(q.i_half_ua[h], t.i * 1e6, 2e-4));
        if (h) assert_true(llabs((int64_t)(q.half_us[h] - q.half_us[h - 1]) - 9997) < 130);
    }
    assert_true(q.half_us[19] <= q.end.us && q.half_us[19] + 300 > q.end.us);
}

/* Four quadrants by the signs; zero keeps the last one. */
static void quadrants(void **s)
{
    (void)s;
    static const struct {
        double degree;
        int quadrant;
    } row[] = { { 30, 1 }, { 150, 2 }, { 210, 3 }, { 330, 4 } };
    for (size_t k = 0; k < 4; k++) {
        struct wave w = load(5, row[k].degree);
        struct quantity q = last_of(&w, 1);
        const struct element *e = &q.element[0];
        assert_int_equal(quantity_quadrant(e->active_nj, e->reactive_nj, 1), row[k].quadrant);
        assert_true(e->apparent_nj > 0);
        assert_true(labs(e->angle_mdeg - (long)(row[k].degree * 1000)) <= 1);
    }
    for (int last = 1; last <= 4; last++) assert_int_equal(quantity_quadrant(0, 0, last), last);
    assert_int_equal(quantity_quadrant(5, 0, 3), 4);
    assert_int_equal(quantity_quadrant(0, -5, 1), 4);
    assert_int_equal(quantity_quadrant(-5, 0, 1), 2);
}

/* Total reactive power by the Hilbert pair is the sum over harmonics; the billed one is not. */
static void hilbert_total(void **s)
{
    (void)s;
    struct wave w = load(10, 20);
    double want = 230 * 10 * sin(20 * M_PI / 180), first = want;
    for (int k = 3; k <= 39; k += 4) {
        w.ch[WAVE_V].rms[k] = 8;
        w.ch[WAVE_I].rms[k] = 2;
        w.ch[WAVE_I].phase[k] = -1;
        want += 8 * 2 * sin(1);
    }
    rig.front_cfg.hilbert = true;
    rig.measure_cfg.q_total = Q_TOTAL_HILBERT;
    struct rig_result r = rig_run(&rig, &w, 4);
    assert_true(near(r.q_total, want, 2e-4)); /* 0.0052 degrees at the most */
    assert_true(near(r.q, first, 5e-6));
}

/* Below half of the starting current, or of its power, nothing counts, each quantity for
 * itself; what was below must rise a tenth above. */
static void no_load(void **s)
{
    (void)s;
    static const struct {
        double i, degree;
        uint32_t creeps;
    } row[] = {
        { 0.0095, 0, QTY_CREEP_P | QTY_CREEP_Q | QTY_CREEP_S },
        { 0.0105, 0, QTY_CREEP_P | QTY_CREEP_Q | QTY_CREEP_S }, /* not a tenth above */
        { 0.016, 0, QTY_CREEP_Q },
        { 0.020, 0, QTY_CREEP_Q },
        { 0.020, 90, QTY_CREEP_P },
        { 0.020, 45, 0 },
        { 0.020, 80, QTY_CREEP_P },
        { 5, 0, QTY_CREEP_Q },
    };
    rig.measure_cfg.creep_off = false;
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        struct wave w = load(row[k].i, row[k].degree);
        struct quantity q = last_of(&w, 2);
        const struct element *e = &q.element[0];
        assert_int_equal(q.flags & (QTY_CREEP_P | QTY_CREEP_Q | QTY_CREEP_S), row[k].creeps);
        assert_int_equal(e->active_nj == 0, (row[k].creeps & QTY_CREEP_P) != 0);
        assert_int_equal(e->reactive_nj == 0, (row[k].creeps & QTY_CREEP_Q) != 0);
        assert_int_equal(e->apparent_nj == 0, (row[k].creeps & QTY_CREEP_S) != 0);
        assert_true(e->p_uw != 0 && e->i_ua > 9000); /* shown, not counted */
    }
    struct wave w = load(0.016, 0); /* was on: 9.5 mA is below, 10.5 mA is not */
    int32_t codes[3 * 80];
    struct quantity q = last_of(&w, 2);
    for (int k = 0; k < 400; k++) {
        struct window win;
        if (k == 0) wave_load(&w, 0.0105, 0);
        if (k == 200) wave_load(&w, 0.0095, 0);
        wave_codes(&w, codes, 80);
        front_samples(&rig.front, codes, 80);
        while (window_take(&rig.front, &win)) quantity_of(&q, &rig.measure, &win);
        if (k == 199) assert_true(q.element[0].active_nj > 0);
    }
    assert_true(q.element[0].active_nj == 0);
}

/* At 0.8 and 1.15 of 120 and 230 V: 0.8 Ist counts, 0.4 Ist does not. */
static void start_over_the_range(void **s)
{
    (void)s;
    rig.measure_cfg.creep_off = false;
    for (int k = 0; k < 4; k++) {
        double un = k & 1 ? 120 : 230, u = un * (k & 2 ? 1.15 : 0.8);
        rig.measure_cfg.rating = rig.front_cfg.rating =
            (struct rating){ (uint32_t)(un * 1000), 5000, 80000, 50 };
        struct wave w = load(0.016, 0);
        w.ch[WAVE_V].rms[1] = u;
        assert_true(last_of(&w, 2).element[0].active_nj > 0);
        w = load(0.008, 0);
        w.ch[WAVE_V].rms[1] = u;
        assert_true(last_of(&w, 2).element[0].active_nj == 0);
    }
}

static void constants_apply(void **s)
{
    (void)s;
    rig.cal.gain_v = (uint32_t)(1.01 * CAL_GAIN_ONE);
    rig.cal.gain_i = (uint32_t)(0.97 * CAL_GAIN_ONE);
    rig.cal.gain_n = (uint32_t)(1.05 * CAL_GAIN_ONE);
    rig.cal.gain_p[0] = (uint32_t)(1.002 * CAL_GAIN_ONE);
    rig.cal.clock_ppb = 50000;
    rig.cal.offset_p_uw[0] = 200000;
    rig.cal.offset_q_uvar[0] = -300000;
    struct wave w = load(5, 60);
    struct quantity q = last_of(&w, 2);
    const struct element *e = &q.element[0];
    assert_true(near(q.u_uv, 230e6 * 1.01, 1e-6));
    assert_true(near(e->i_ua, 5e6 * 0.97, 1e-6));
    assert_true(near(q.element[1].i_ua, 5e6 * 1.05, 1e-6));
    assert_true(near((double)e->p_uw, 575e6 * 1.01 * 0.97 * 1.002 - 200000, 2e-6));
    assert_true(
        near((double)e->q_uvar, 1150e6 * sin(M_PI / 3) * 1.01 * 0.97 * 1.002 + 300000, 2e-6));
    assert_true(near(q.f_uhz, 50.0137e6 * 1.00005, 1e-7));
    assert_true(near((double)q.span_ns, 10 / (50.0137 * 1.00005) * 1e9, 1e-6));
    assert_true(near((double)e->active_nj, (double)e->p_uw * (double)q.span_ns * 1e-6, 1e-8));
}

/* A transformer that leads by an angle falling with current: taken out of P and Q. */
static void angle_table(void **s)
{
    (void)s;
    rig.cal.angle[0][0] = (struct cal_angle){ 1000, 2000000 };
    rig.cal.angle[0][1] = (struct cal_angle){ 9000, 1000000 };
    static const double row[][2] = { { 0.5, 2 }, { 1, 2 }, { 5, 1.5 }, { 9, 1 }, { 50, 1 } };
    for (size_t k = 0; k < 5; k++) {
        struct wave w = load(row[k][0], 60 - row[k][1]);
        struct quantity q = last_of(&w, 2);
        double s_uva = 230e6 * row[k][0];
        assert_true(fabs((double)q.element[0].p_uw - s_uva * 0.5) < s_uva * 5e-6);
        assert_true(fabs((double)q.element[0].q_uvar - s_uva * sqrt(0.75)) < s_uva * 5e-6);
        assert_true(abs(q.element[0].angle_mdeg - 60000) <= 1);
    }
}

/* A board that samples current late or early by up to two samples: harmless when it is known.
 */
static void delay_is_taken_out(void **s)
{
    (void)s;
    for (int ns = -240000; ns <= 240000; ns += 15625) {
        struct wave w = load(5, 60);
        w.ch[WAVE_I].skew = ns * 1e-9;
        w.ch[WAVE_N].skew = -ns * 1e-9;
        rig.cal.phase_ns[0] = ns;
        rig.cal.phase_ns[1] = -ns;
        struct quantity q = last_of(&w, 2);
        for (int el = 0; el < 2; el++) {
            assert_true(near((double)q.element[el].p_uw, 575e6, 4e-6));
            assert_true(near((double)q.element[el].q_uvar, 1150e6 * sqrt(0.75), 2e-6));
        }
    }
}

/* The same of a small current, whose samples move by less than a code. */
static void small_delays_of_small_currents(void **s)
{
    (void)s;
    static const int delays[] = { 50, 208, 1000, 4000, -300, -2000 };
    for (size_t k = 0; k < sizeof delays / sizeof *delays; k++) {
        struct wave w = load(0.1, 90);
        w.ch[WAVE_I].skew = delays[k] * 1e-9;
        rig.cal.phase_ns[0] = delays[k];
        struct rig_result r = rig_run(&rig, &w, 20);
        assert_true(fabs(rig_ppm(r.p, 0, 23)) < 6);
    }
}

static void larger_current_is_billed(void **s)
{
    (void)s;
    rig.measure_cfg.bill_larger = true;
    struct wave w = load(5, 0);
    w.ch[WAVE_N].rms[1] = 8;
    struct quantity q = last_of(&w, 2);
    assert_int_equal(q.billed, ELEMENT_NEUTRAL);
    assert_true(near((double)q.element[1].active_nj, 230. * 8 * (double)q.span_ns, 1e-6));
    assert_true(near(q.diff_ua, 3e6, 1e-4));
    w.ch[WAVE_N].rms[1] = 5.3; /* 6 %: below the limit of 10 % */
    assert_int_equal(last_of(&w, 2).billed, ELEMENT_PHASE);
    w.ch[WAVE_N].rms[1] = 3;
    assert_int_equal(last_of(&w, 2).billed, ELEMENT_PHASE);
    rig.measure_cfg.bill_larger = false;
    w.ch[WAVE_N].rms[1] = 8;
    assert_int_equal(last_of(&w, 2).billed, ELEMENT_PHASE);
}

/* Equal currents at another angle: only the difference sample by sample sees it. */
static void difference_sees_phase(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    w.ch[WAVE_N].phase[1] = M_PI / 3;
    struct quantity q = last_of(&w, 2);
    assert_true(near(q.element[1].i_ua, 5e6, 1e-6) && near(q.diff_ua, 5e6, 1e-4));
}

static void without_voltage(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    w.ch[WAVE_V].rms[1] = 0;
    struct quantity q = last_of(&w, 2);
    assert_true(q.flags & QTY_NO_VOLTAGE && !(q.flags & QTY_SINGLE_WIRE));
    assert_true(q.element[0].active_nj == 0 && q.f_uhz == 0);
    assert_true(near(q.element[0].i_ua, 5e6, 1e-3)); /* windows are no whole cycles now */
    rig.measure_cfg.single_wire_bills = true;
    q = last_of(&w, 2);
    assert_true(q.flags & QTY_SINGLE_WIRE);
    assert_true(near((double)q.element[0].active_nj, 1150. * (double)q.span_ns, 1e-3));
    w = load(0.3, 0);
    w.ch[WAVE_V].rms[1] = 0;
    assert_true(last_of(&w, 2).element[0].active_nj == 0);
}

static void noise_is_taken_off(void **s)
{
    (void)s;
    struct wave w = load(0.02, 0);
    w.ch[WAVE_I].noise = w.ch[WAVE_N].noise = 0.0056; /* 88 dB */
    struct rig_result raw = rig_run(&rig, &w, 20);
    assert_true(raw.i > 0.02 * 1.035); /* +3.9 % */
    rig.cal.sigma_na[0] = 5600000;
    struct rig_result clean = rig_run(&rig, &w, 20);
    assert_true(near(clean.i, 0.02, 5e-3));
}

/* No calibration, a lost record, constants that cannot be: nominal ones, and every quantity
 * says so. */
static void calibration_is_missed(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    rig.calibrated = false;
    assert_true(last_of(&w, 1).flags & QTY_NO_CALIBRATION);
    rig.calibrated = true;
    rig.cal.gain_i = 0;
    struct quantity q = last_of(&w, 1);
    assert_true(q.flags & QTY_NO_CALIBRATION);
    assert_true(near(q.element[0].i_ua, 5e6, 1e-6));
    rig.cal.gain_i = CAL_GAIN_ONE;
    rig.cal.phase_ns[1] = 1000000;
    assert_true(last_of(&w, 1).flags & QTY_NO_CALIBRATION);
}

static void faults_are_named(void **s)
{
    (void)s;
    int32_t codes[3 * 80];
    struct window win;
    struct quantity q = { 0 };
    struct wave w = load(5, 0);
    last_of(&w, 1);
    for (int k = 0; k < 100; k++) { /* the current channel hangs at an eighth of full scale */
        wave_codes(&w, codes, 80);
        for (int n = 0; n < 80; n++) codes[3 * n + 1] = 1 << 20;
        front_samples(&rig.front, codes, 80);
        while (window_take(&rig.front, &win)) quantity_of(&q, &rig.measure, &win);
    }
    assert_true(q.flags & QTY_STUCK);
    assert_true(q.element[0].i_ua < 100000 && llabs(q.element[0].p_uw) < 100000);
    for (int k = 0; k < 100; k++) { /* and then at zero: a fault only where noise is expected */
        wave_codes(&w, codes, 80);
        for (int n = 0; n < 80; n++) codes[3 * n + 1] = 0;
        front_samples(&rig.front, codes, 80);
        while (window_take(&rig.front, &win)) quantity_of(&q, &rig.measure, &win);
    }
    assert_false(q.flags & QTY_STUCK);
    rig.measure.cfg.expect_noise = true;
    quantity_of(&q, &rig.measure, &win);
    assert_true(q.flags & QTY_STUCK);
    rig.measure.cfg.expect_noise = false;
    w.ch[WAVE_I].rms[1] = 180; /* peaks at 255 A of 200 */
    q = last_of(&w, 1);
    assert_true(q.flags & QTY_SATURATED);
    w = load(5, 0);
    w.f = 35;
    assert_true(last_of(&w, 2).flags & QTY_F_RANGE);
    w.f = 90;
    q = last_of(&w, 2);
    assert_true(q.flags & QTY_F_RANGE && !(q.flags & QTY_NO_VOLTAGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values_of_a_load, fresh),
        cmocka_unit_test_setup(quadrants, fresh),
        cmocka_unit_test_setup(hilbert_total, fresh),
        cmocka_unit_test_setup(no_load, fresh),
        cmocka_unit_test_setup(start_over_the_range, fresh),
        cmocka_unit_test_setup(constants_apply, fresh),
        cmocka_unit_test_setup(angle_table, fresh),
        cmocka_unit_test_setup(delay_is_taken_out, fresh),
        cmocka_unit_test_setup(small_delays_of_small_currents, fresh),
        cmocka_unit_test_setup(larger_current_is_billed, fresh),
        cmocka_unit_test_setup(difference_sees_phase, fresh),
        cmocka_unit_test_setup(without_voltage, fresh),
        cmocka_unit_test_setup(noise_is_taken_off, fresh),
        cmocka_unit_test_setup(calibration_is_missed, fresh),
        cmocka_unit_test_setup(faults_are_named, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
