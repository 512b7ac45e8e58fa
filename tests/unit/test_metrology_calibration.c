/* The record of a board's constants, and the procedure that finds them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "wave/rig.h"

static const struct rating rating = { 230000, 5000, 100000, 50 };
static const struct sampling sampling = { 8000, 500000000, 200000000, 200000000, 24, 3 };

static struct calibration full(void)
{
    struct calibration c;
    calibration_init(&c);
    c.number = 7;
    c.gain_v = 0x40123456;
    c.gain_i = 0x3FEDCBA9;
    c.gain_n = 0x41000001;
    c.clock_ppb = -12345;
    for (int k = 0; k < 3; k++) c.offset[k] = 1000 - 999 * k;
    for (int k = 0; k < 2; k++) {
        c.gain_p[k] = CAL_GAIN_ONE + 77u - (unsigned)k;
        c.phase_ns[k] = -54321 + k;
        c.sigma_na[k] = 1400000;
        c.offset_p_uw[k] = -5;
        c.offset_q_uvar[k] = 6;
        for (int a = 0; a < CAL_ANGLES; a++)
            c.angle[k][a] = (struct cal_angle){ 1000u + (unsigned)a, -2000000 + a };
    }
    return c;
}

static void record_comes_back(void **s)
{
    (void)s;
    uint8_t b[CAL_BYTES];
    struct calibration c = full(), d;
    memset(&d, 0, sizeof d);
    calibration_encode(b, &c);
    assert_int_equal(calibration_decode(&d, b), 0);
    assert_memory_equal(&c, &d, sizeof c);
    assert_int_equal(le_get32(b + 4), 7); /* docs: "MC", version, 0, then words */
    assert_int_equal(le_get32(b + 8), 0x40123456);
}

/* Any octet changed: not believed, and nothing taken over. */
static void damaged_records_are_refused(void **s)
{
    (void)s;
    uint8_t b[CAL_BYTES];
    struct calibration c = full(), d = c;
    calibration_encode(b, &c);
    d.number = 99;
    for (size_t k = 0; k < sizeof b; k++) {
        b[k] ^= 0x10;
        int r = calibration_decode(&d, b);
        assert_int_equal(r, k < 4 ? E_FORMAT : E_CRC);
        assert_int_equal(d.number, 99);
        b[k] ^= 0x10;
    }
}

/* A record with a good checksum and a constant that cannot be. */
static void ranges_are_checked(void **s)
{
    (void)s;
    static const struct {
        int word;
        uint32_t value;
    } row[] = { { 1, 0 },        { 2, 0x80000000 },  { 3, 0x1FFFFFFF }, { 4, 0x00100001 },
                { 7, 200001 },   { 8, 0 },           { 9, 240001 },     { 10, 100000001 },
                { 11, 1000001 }, { 12, 0x80000000 }, { 14, 5000001 },   { 18, 0xFFFC567F } };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        uint8_t b[CAL_BYTES];
        struct calibration c = full(), d = c;
        calibration_encode(b, &c);
        le_put32(b + 4 + 4 * row[k].word, row[k].value);
        le_put32(b + CAL_BYTES - 4, crc32(b, CAL_BYTES - 4));
        assert_int_equal(calibration_decode(&d, b), E_RANGE);
        assert_memory_equal(&c, &d, sizeof c);
    }
}

/* -- the procedure ------------------------------------------------------------------------- */

struct board {
    double gain[3], skew[2], dc, noise[3], clock;
};

static void fit(struct wave *w, const struct board *b)
{
    for (int c = 0; c < WAVE_CHANNELS; c++) {
        w->ch[c].gain = b->gain[c];
        w->ch[c].dc = b->dc * w->ch[c].full_scale;
        w->ch[c].noise = b->noise[c];
    }
    w->ch[WAVE_I].skew = b->skew[0];
    w->ch[WAVE_N].skew = b->skew[1];
    w->rate = 8000 * (1 + b->clock);
}

/* Feed a step from power-up until it has enough; windows it refuses are counted. */
static int take(struct calibrate *c, const struct calibration *now, const struct board *b,
                double i, double phi, double f)
{
    static struct front front;
    struct front_cfg cfg = front_cfg_default(&rating);
    struct wave w;
    int32_t codes[3 * 800];
    int refused = 0, r = 0;
    wave_init(&w);
    w.f = f;
    fit(&w, b);
    wave_load(&w, i, phi);
    front_init(&front, &cfg);
    front_calibrate(&front, now);
    for (int k = 0; k < 2000 && r != 1; k++) {
        struct window win;
        wave_codes(&w, codes, 800);
        front_samples(&front, codes, 800);
        while (window_take(&front, &win)) {
            r = calibrate_feed(c, &win);
            refused += r < 0;
        }
    }
    assert_int_equal(r, 1);
    return refused;
}

static struct cal_reference reference(double i, double phi, double f)
{
    return (struct cal_reference){ 230000000, (uint32_t)(i * 1e6 + 0.5),
                                   llround(230e6 * i * cos(phi)), llround(230e6 * i * sin(phi)),
                                   (uint32_t)(f * 1e6 + 0.5) };
}

static struct calibration adjust(const struct board *b, double f)
{
    struct calibrate c;
    struct calibration nominal, found;
    struct cal_reference ref;
    calibration_init(&nominal);
    assert_int_equal(calibrate_init(&c, &sampling, &rating, &nominal, 100), 0);
    assert_int_equal(calibrate_step(&c, CAL_STEP_OPEN), 0);
    take(&c, &nominal, b, 0, 0, f);
    assert_int_equal(calibrate_solve(&c, NULL), 0);
    assert_int_equal(calibrate_step(&c, CAL_STEP_GAIN), 0);
    assert_int_equal(calibrate_solve(&c, &ref), E_MORE);
    assert_true(take(&c, &nominal, b, 5, 0, f) > 0); /* the windows before it was locked */
    ref = reference(5, 0, f);
    assert_int_equal(calibrate_solve(&c, &ref), 0);
    assert_int_equal(calibrate_result(&c, &found), E_STATE);
    assert_int_equal(calibrate_step(&c, CAL_STEP_PHASE), 0);
    take(&c, &nominal, b, 5, M_PI / 3, f);
    ref = reference(5, M_PI / 3, f);
    assert_int_equal(calibrate_solve(&c, &ref), 0);
    assert_int_equal(calibrate_result(&c, &found), 0);
    assert_int_equal(found.number, 1);
    return found;
}

/* Errors of the adjusted board over loads: of S in parts per million, and of the angle. */
static void check(const struct board *b, const struct calibration *cal, double f)
{
    static const double loads[][2] = { { 5, 0 },    { 5, 1.0472 }, { 5, -0.6435 }, { 100, 0.5 },
                                       { 0.25, 0 }, { 5, 1.5708 }, { 5, 2.5 } };
    struct rig rig;
    rig_init(&rig, &rating);
    rig.cal = *cal;
    rig.calibrated = true;
    for (size_t k = 0; k < sizeof loads / sizeof *loads; k++) {
        struct wave w;
        wave_init(&w);
        w.f = f;
        fit(&w, b);
        wave_load(&w, loads[k][0], loads[k][1]);
        double peak = 1.42 * loads[k][0] * b->gain[1] + b->dc * 200;
        if (peak > 199) continue;
        struct wave_truth t = wave_truth(&w);
        struct rig_result r = rig_run(&rig, &w, 8);
        double noise = b->noise[1] / t.i * 1e6 / 50;
        assert_true(fabs(rig_ppm(r.p, t.p, t.s)) < 3 + noise);
        assert_true(fabs(rig_ppm(r.q, t.q, t.s)) < 3 + noise);
        assert_true(fabs(rig_ppm(r.pn, t.pn, t.s)) < 3 + noise);
        assert_true(fabs(rig_ppm(r.qn, t.qn, t.s)) < 3 + noise);
        assert_true(fabs(rig_ppm(r.u, t.u, t.u)) < 3);
        assert_true(fabs(rig_ppm(r.i, t.i, t.i)) < 5 + noise);
        double angle = remainder(r.angle - loads[k][1] * 180 / M_PI, 360);
        assert_true(fabs(angle) < 0.0005 + noise * 1e-4);
        assert_true(fabs(r.f - f) < 1e-5);
    }
}

/* From 5 % of gain, 3 degrees, 1 % of offset, 100 ppm of clock, with and without noise, at 50
 * and 60 Hz: back to 0.0003 % and 0.0005 degrees. */
static void boards_are_adjusted(void **s)
{
    (void)s;
    static const struct board board[] = {
        { { 1, 1, 1 }, { 0, 0 }, 0, { 0, 0, 0 }, 0 },
        { { 1.05, 0.95, 0.95 }, { 166.6e-6, -166.6e-6 }, 0.01, { 0, 0, 0 }, 0 },
        { { 0.95, 1.05, 1.05 }, { -166.6e-6, 138e-6 }, -0.01, { 0, 0, 0 }, 100e-6 },
        { { 0.95, 0.95, 1.05 }, { 62.5e-6, 62.5e-6 }, 0.01, { 0, 0, 0 }, -100e-6 },
        { { 1.05, 1.05, 0.95 }, { 20e-6, -90e-6 }, 0.01, { 0.005, 0.0014, 0.0014 }, 30e-6 },
    };
    for (size_t k = 0; k < sizeof board / sizeof *board; k++) {
        for (double f = 50.01; f < 61; f += 10) {
            struct calibration found = adjust(&board[k], f);
            check(&board[k], &found, f);
            assert_true(abs(found.phase_ns[0] - (int)lround(board[k].skew[0] * 1e9)) < 60);
            assert_true(fabs(found.clock_ppb * 1e-9 - board[k].clock) <
                        2e-8 + 1e-7 * board[k].noise[1]);
            double sigma_na = board[k].noise[1] * 1e9 / board[k].gain[1];
            assert_true(fabs(found.sigma_na[0] - sigma_na) < 150000 + 0.1 * sigma_na);
        }
    }
}

/* Adjusting an adjusted board changes nothing to speak of: the steps work from any record. */
static void again_is_the_same(void **s)
{
    (void)s;
    const struct board b = { { 1.03, 0.96, 1.02 }, { 70e-6, -30e-6 }, 0.01, { 0 }, 50e-6 };
    struct calibration first = adjust(&b, 50.01), second;
    struct calibrate c;
    struct cal_reference ref;
    assert_int_equal(calibrate_init(&c, &sampling, &rating, &first, 100), 0);
    assert_int_equal(calibrate_step(&c, CAL_STEP_GAIN), 0);
    take(&c, &first, &b, 5, 0, 50.01);
    ref = reference(5, 0, 50.01);
    assert_int_equal(calibrate_solve(&c, &ref), 0);
    assert_int_equal(calibrate_step(&c, CAL_STEP_PHASE), 0);
    take(&c, &first, &b, 5, M_PI / 3, 50.01);
    ref = reference(5, M_PI / 3, 50.01);
    assert_int_equal(calibrate_solve(&c, &ref), 0);
    assert_int_equal(calibrate_result(&c, &second), 0);
    assert_int_equal(second.number, 2);
    assert_true(llabs((int64_t)second.gain_v - first.gain_v) < 2000); /* 2 ppm */
    assert_true(llabs((int64_t)second.gain_i - first.gain_i) < 2000);
    assert_true(abs(second.phase_ns[0] - first.phase_ns[0]) < 10);
    assert_true(calibrate_step(&c, CAL_STEP_CHECK) == 0);
    take(&c, &first, &b, 5, M_PI / 3, 50.01);
    assert_int_equal(calibrate_solve(&c, &ref), 0);
    assert_true(abs(c.error_ppm[0]) < 5 && abs(c.error_q_ppm[1]) < 5);
}

/* Miswired or dead boards are refused at their step, and what was known stays. */
static void faulty_boards_are_refused(void **s)
{
    (void)s;
    struct calibrate c;
    struct calibration nominal, out;
    struct board b = { { 1, 0.2, 1 }, { 0, 0 }, 0, { 0 }, 0 };
    struct cal_reference ref = reference(5, 0, 50);
    calibration_init(&nominal);
    assert_int_equal(calibrate_init(&c, &sampling, &rating, &nominal, 4), E_RANGE);
    assert_int_equal(calibrate_init(&c, &sampling, &rating, &nominal, 5), 0);
    assert_int_equal(calibrate_step(&c, CAL_STEP_PHASE), E_STATE);
    assert_int_equal(calibrate_solve(&c, &ref), E_STATE);
    assert_int_equal(calibrate_step(&c, CAL_STEP_GAIN), 0);
    take(&c, &nominal, &b, 5, 0, 50);
    assert_int_equal(calibrate_solve(&c, &ref), E_RANGE); /* gain 5 */
    assert_true(c.next.gain_i == CAL_GAIN_ONE);
    assert_int_equal(calibrate_step(&c, CAL_STEP_PHASE), E_STATE);
    b.gain[1] = 1;
    assert_int_equal(calibrate_step(&c, CAL_STEP_GAIN), 0);
    take(&c, &nominal, &b, 5, 0, 50);
    assert_int_equal(calibrate_solve(&c, &ref), 0);
    assert_int_equal(calibrate_step(&c, CAL_STEP_PHASE), 0);
    take(&c, &nominal, &b, 5, M_PI / 3 + M_PI, 50); /* the current is turned round */
    ref = reference(5, M_PI / 3, 50);
    assert_int_equal(calibrate_solve(&c, &ref), E_RANGE);
    assert_int_equal(calibrate_result(&c, &out), E_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_comes_back),  cmocka_unit_test(damaged_records_are_refused),
        cmocka_unit_test(ranges_are_checked), cmocka_unit_test(boards_are_adjusted),
        cmocka_unit_test(again_is_the_same),  cmocka_unit_test(faulty_boards_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
