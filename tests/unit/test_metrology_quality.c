/* Power quality and tampers: when a state begins and ends, and how bad it was. */
#include <math.h>
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

/* -- through samples ----------------------------------------------------------------------- */

struct scene {
    struct rig rig;
    struct quality quality;
    struct quality_cfg quality_cfg;
    struct tamper tamper;
    struct tamper_cfg tamper_cfg;
    struct tamper_field field;
    struct quality_note note[64];
    struct tamper_note fraud[64];
    int notes, frauds;
};
static struct scene at;

static int fresh(void **s)
{
    (void)s;
    memset(&at, 0, sizeof at);
    rig_init(&at.rig, &rating);
    front_init(&at.rig.front, &at.rig.front_cfg);
    measure_init(&at.rig.measure, &at.rig.measure_cfg, &at.rig.cal);
    quality_init(&at.quality);
    tamper_init(&at.tamper);
    at.quality_cfg = quality_cfg_default(&rating);
    at.tamper_cfg = tamper_cfg_default(&rating);
    return 0;
}

static void judge(const struct quantity *q)
{
    at.notes += quality_feed(&at.quality, &at.quality_cfg, q, at.note + at.notes);
    at.frauds += tamper_feed(&at.tamper, &at.tamper_cfg, q, &at.field, at.fraud + at.frauds);
    assert_true(at.notes < 48 && at.frauds < 48);
}

static void feed(const int32_t *codes, size_t n)
{
    struct window win;
    struct quantity q;
    front_samples(&at.rig.front, codes, n);
    while (window_take(&at.rig.front, &win)) {
        quantity_of(&q, &at.rig.measure, &win);
        judge(&q);
    }
}

static void live(struct wave *w, double seconds)
{
    int32_t codes[3 * 80];
    for (int k = 0; k < (int)(seconds * 100 + 0.5); k++) {
        wave_codes(w, codes, 80);
        feed(codes, 80);
    }
}

/* So many samples with voltage times factor, starting anywhere in the cycle. */
static void dip(struct wave *w, double factor, unsigned samples)
{
    int32_t codes[3];
    double u = w->ch[WAVE_V].rms[1];
    w->ch[WAVE_V].rms[1] = u * factor;
    for (unsigned k = 0; k < samples; k++) {
        wave_codes(w, codes, 1);
        feed(codes, 1);
    }
    w->ch[WAVE_V].rms[1] = u;
}

static const struct quality_note *note_of(unsigned kind, bool begins)
{
    for (int k = 0; k < at.notes; k++)
        if (at.note[k].kind == kind && at.note[k].begins == begins) return &at.note[k];
    return NULL;
}

static struct wave load(double i, double phi)
{
    struct wave w;
    wave_init(&w);
    wave_load(&w, i, phi);
    return w;
}

/* Dips, swells and interruptions of any length from two cycles and at any point of the wave:
 * residual within 0.2 % of Un, times within half a cycle. */
static void dips_and_swells(void **s)
{
    static const struct {
        double factor;
        enum quality_kind kind;
    } row[] = { { 0.7, QUALITY_SAG },
                { 0.4, QUALITY_SAG },
                { 0.1, QUALITY_SAG },
                { 0.0, QUALITY_INTERRUPTION },
                { 1.25, QUALITY_SWELL } };
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        for (unsigned shift = 0; shift < 160; shift += 23) {
            for (unsigned length = 320; length < 8000; length = length * 3 + 7) {
                fresh(s);
                struct wave w = load(5, 0);
                live(&w, 1);
                dip(&w, 1, shift);
                double began = (double)w.at / w.rate;
                dip(&w, row[r].factor, length);
                double ended = (double)w.at / w.rate;
                live(&w, 1);
                const struct quality_note *a = note_of(row[r].kind, true);
                const struct quality_note *b = note_of(row[r].kind, false);
                assert_true(a && b);
                assert_true(fabs((double)b->extreme * 1e-6 - 230 * row[r].factor) < 0.46);
                assert_true(fabs((double)a->at.us * 1e-6 - began) < 0.0101 + 0.001);
                assert_true(fabs((double)b->at.us * 1e-6 - ended) < 0.0101 + 0.001);
                assert_true(b->duration_us == b->at.us - a->at.us);
                assert_false(quality_is_active(&at.quality, row[r].kind));
            }
        }
    }
}

/* IEC 62052-11: the events are told, a swell of 5 % is none. */
static void small_changes_are_none(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    live(&w, 1);
    dip(&w, 0.93, 8000);
    dip(&w, 1.07, 8000);
    live(&w, 1);
    assert_int_equal(at.notes, 0);
}

/* Hysteresis: between 90 and 92 % a sag goes on and none begins. */
static void hysteresis(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    live(&w, 1);
    dip(&w, 0.91, 4000);
    assert_int_equal(at.notes, 0);
    dip(&w, 0.85, 4000);
    dip(&w, 0.91, 8000);
    assert_true(note_of(QUALITY_SAG, true) && !note_of(QUALITY_SAG, false));
    live(&w, 1);
    assert_true(note_of(QUALITY_SAG, false) != NULL);
}

static void over_current_waits(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    live(&w, 1);
    wave_load(&w, 120, 0);
    dip(&w, 1, 640); /* 80 ms of 100 */
    wave_load(&w, 5, 0);
    live(&w, 1);
    assert_int_equal(at.notes, 0);
    wave_load(&w, 120, 0);
    dip(&w, 1, 1600);
    wave_load(&w, 5, 0);
    live(&w, 1);
    const struct quality_note *b = note_of(QUALITY_OVER_CURRENT, false);
    assert_true(b && llabs(b->extreme - 120000000) < 120000);
    assert_true(b->duration_us > 180000 && b->duration_us < 220000);
}

/* The slow rows: begin after their delay, dated when the condition began. */
static void slow_rows(void **s)
{
    static const struct {
        enum quality_kind kind;
        double f, i, phi, u3, i3;
    } row[] = {
        { QUALITY_FREQUENCY_HIGH, 50.8, 5, 0, 0, 0 },
        { QUALITY_FREQUENCY_LOW, 49.3, 5, 0, 0, 0 },
        { QUALITY_LOW_PF, 50, 5, 1.2, 0, 0 },
        { QUALITY_OVER_POWER, 50, 111, 0, 0, 0 },
        { QUALITY_THD_U, 50, 5, 0, 20, 0 },
        { QUALITY_THD_I, 50, 5, 0, 0, 2 },
    };
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        fresh(s);
        for (unsigned k = 0; k < QUALITY_KINDS; k++)
            if (k != row[r].kind) at.quality_cfg.limit[k].limit = 0;
        at.quality_cfg.limit[row[r].kind].delay_ms = 3000;
        struct wave w = load(5, 0);
        live(&w, 2);
        double began = (double)w.at / w.rate;
        w.f = row[r].f;
        wave_load(&w, row[r].i, row[r].phi);
        w.ch[WAVE_V].rms[3] = row[r].u3;
        w.ch[WAVE_I].rms[3] = row[r].i3;
        live(&w, 2.5);
        assert_int_equal(at.notes, 0);
        live(&w, 1.5);
        assert_int_equal(at.notes, 1);
        assert_true(at.note[0].begins && at.note[0].kind == row[r].kind);
        assert_true(fabs((double)at.note[0].at.us * 1e-6 - began) < 0.45);
        w = load(5, 0);
        w.at = 0;
        live(&w, 2);
        assert_int_equal(at.notes, 2);
        assert_false(at.note[1].begins);
    }
}

/* Low PF and THD mean nothing without load. */
static void nothing_without_load(void **s)
{
    (void)s;
    struct wave w = load(0.003, 1.5);
    w.ch[WAVE_I].rms[3] = 0.004;
    for (int k = 0; k < QUALITY_KINDS; k++) at.quality_cfg.limit[k].delay_ms = 0;
    live(&w, 5);
    assert_int_equal(at.notes, 0);
}

/* -- without samples ----------------------------------------------------------------------- */

/* A chip gives means only: the same rows, judged by them. */
static void means_are_judged(void **s)
{
    (void)s;
    struct quantity q = { .end = { 1000000 }, .u_uv = 230000000, .f_uhz = 50000000 };
    q.element[0].i_ua = 5000000;
    judge(&q);
    q.start = q.end;
    q.end.us = 2000000;
    q.u_uv = 180000000;
    judge(&q);
    q.start = q.end;
    q.end.us = 3000000;
    q.u_uv = 230000000;
    judge(&q);
    assert_int_equal(at.notes, 2);
    assert_true(at.note[0].kind == QUALITY_SAG && at.note[0].at.us == 1000000);
    assert_true(at.note[1].duration_us == 1000000 && at.note[1].extreme == 180000000);
}

/* More happens in a window than there is room for: it comes later, nothing is lost. */
static void no_room_means_later(void **s)
{
    (void)s;
    struct quantity q = { .halves = WINDOW_HALVES, .u_uv = 230000000, .f_uhz = 50000000 };
    uint64_t t = 0;
    int begins = 0, ends = 0;
    for (int k = 0; k < 200; k++) {
        struct quality_note out[QUALITY_NOTES];
        q.start.us = t;
        for (int h = 0; h < WINDOW_HALVES; h++) {
            bool low = k < 100 && h & 1;
            q.u_half_uv[h] = low ? 1000000 : 230000000;
            q.half_us[h] = t += 10000;
        }
        q.end.us = t;
        int n = quality_feed(&at.quality, &at.quality_cfg, &q, out);
        assert_true(n <= QUALITY_NOTES);
        for (int m = 0; m < n; m++) {
            begins += out[m].begins;
            ends += !out[m].begins;
        }
    }
    assert_true(begins == ends && begins > 100);
    for (unsigned k = 0; k < QUALITY_KINDS; k++)
        assert_false(quality_is_active(&at.quality, k));
}

static void switched_off_rows(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    live(&w, 1);
    dip(&w, 0.5, 4000);
    at.quality_cfg.limit[QUALITY_SAG].limit = 0; /* while it is on: it ends */
    live(&w, 0.5);
    assert_true(note_of(QUALITY_SAG, true) && note_of(QUALITY_SAG, false));
    at.notes = 0;
    dip(&w, 0.5, 8000);
    live(&w, 1);
    assert_true(note_of(QUALITY_SAG, true) == NULL);
}

/* -- tampers ------------------------------------------------------------------------------- */

static const struct tamper_note *fraud_of(unsigned kind, bool begins)
{
    for (int k = 0; k < at.frauds; k++)
        if (at.fraud[k].kind == kind && at.fraud[k].begins == begins) return &at.fraud[k];
    return NULL;
}

/* Every tamper that signals can show: begins after its delay, dated when it began, ends two
 * seconds after it stopped, and brings no other with it but those named. */
static void tampers(void **s)
{
    static const struct {
        enum tamper_kind kind;
        uint32_t with;
        double u, i, n, phase_i, phase_n, f;
    } row[] = {
        { TAMPER_REVERSE, 1u << TAMPER_EXCHANGED, 230, 5, 5, M_PI, M_PI, 50 },
        { TAMPER_EXCHANGED, 1u << TAMPER_REVERSE, 230, 5, 5, M_PI, M_PI, 50 },
        { TAMPER_REVERSE_PHASE, 1u << TAMPER_REVERSE | 1u << TAMPER_NEUTRAL_MISMATCH, 230, 5, 5,
          M_PI, 0, 50 },
        { TAMPER_REVERSE_NEUTRAL, 1u << TAMPER_NEUTRAL_MISMATCH, 230, 5, 5, 0, M_PI, 50 },
        { TAMPER_NEUTRAL_MISMATCH, 0, 230, 5, 4, 0, 0, 50 },
        { TAMPER_NEUTRAL_MISMATCH, 0, 230, 5, 5, 0, 0.5, 50 },
        { TAMPER_NEUTRAL_MISSING, 0, 0, 5, 5, 0, 0, 50 },
        { TAMPER_SATURATED, 1u << TAMPER_NEUTRAL_MISMATCH, 230, 180, 5, 0, 0, 50 },
        { TAMPER_F_RANGE, 0, 230, 5, 5, 0, 0, 34 },
    };
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        fresh(s);
        for (int k = 0; k < TAMPER_KINDS; k++) at.tamper_cfg.delay_ms[k] = 3000;
        struct wave w = load(5, 0);
        live(&w, 1);
        assert_int_equal(at.frauds, 0);
        double began = (double)w.at / w.rate;
        w.f = row[r].f;
        w.ch[WAVE_V].rms[1] = row[r].u;
        w.ch[WAVE_I].rms[1] = row[r].i;
        w.ch[WAVE_N].rms[1] = row[r].n;
        w.ch[WAVE_I].phase[1] = row[r].phase_i;
        w.ch[WAVE_N].phase[1] = row[r].phase_n;
        live(&w, 2.5);
        assert_int_equal(at.frauds, 0);
        live(&w, 2);
        const struct tamper_note *a = fraud_of(row[r].kind, true);
        assert_true(a && fabs((double)a->at.us * 1e-6 - began) < 0.5);
        assert_true(tamper_is_active(&at.tamper, row[r].kind));
        for (int k = 0; k < at.frauds; k++)
            assert_true((1u << at.fraud[k].kind) & (row[r].with | 1u << row[r].kind));
        double over = (double)w.at / w.rate;
        w = load(5, 0);
        live(&w, 4);
        const struct tamper_note *b = fraud_of(row[r].kind, false);
        assert_true(b && fabs((double)b->at.us * 1e-6 - over) < 0.5);
        assert_true(b->duration_us == b->at.us - a->at.us);
        assert_false(tamper_is_active(&at.tamper, row[r].kind));
    }
}

static void mismatch_has_hysteresis(void **s)
{
    (void)s;
    at.tamper_cfg.delay_ms[TAMPER_NEUTRAL_MISMATCH] = 1000;
    struct wave w = load(5, 0);
    w.ch[WAVE_N].rms[1] = 4.3;
    live(&w, 4);
    assert_true(tamper_is_active(&at.tamper, TAMPER_NEUTRAL_MISMATCH));
    w.ch[WAVE_N].rms[1] = 4.7; /* 6 %: below the limit, above half of it */
    live(&w, 6);
    assert_true(tamper_is_active(&at.tamper, TAMPER_NEUTRAL_MISMATCH));
    w.ch[WAVE_N].rms[1] = 4.9;
    live(&w, 6);
    assert_false(tamper_is_active(&at.tamper, TAMPER_NEUTRAL_MISMATCH));
}

/* It ends when it was away for as long as is asked; back before that, it never ended. */
static void mismatch_ends_after_its_time(void **s)
{
    (void)s;
    at.tamper_cfg.delay_ms[TAMPER_NEUTRAL_MISMATCH] = 1000;
    at.tamper_cfg.over_ms[TAMPER_NEUTRAL_MISMATCH] = 20000;
    struct wave bad = load(5, 0), good = load(5, 0);
    bad.ch[WAVE_N].rms[1] = 4;
    live(&bad, 4);
    live(&good, 15);
    live(&bad, 2);
    live(&good, 18); /* from 21 s on */
    assert_true(tamper_is_active(&at.tamper, TAMPER_NEUTRAL_MISMATCH));
    assert_ptr_equal(fraud_of(TAMPER_NEUTRAL_MISMATCH, false), NULL);
    live(&good, 4);
    assert_false(tamper_is_active(&at.tamper, TAMPER_NEUTRAL_MISMATCH));
    const struct tamper_note *b = fraud_of(TAMPER_NEUTRAL_MISMATCH, false);
    assert_true(b && fabs((double)b->at.us * 1e-6 - 21) < 0.5);
}

static void magnets(void **s)
{
    (void)s;
    struct wave w = load(5, 0);
    at.field.dc_ut = 210000;
    live(&w, 1);
    at.field.dc_ut = 0; /* a second is too short */
    live(&w, 3);
    assert_int_equal(at.frauds, 0);
    at.field.dc_ut = 210000;
    at.field.ac = true;
    live(&w, 3);
    assert_true(fraud_of(TAMPER_MAGNET_DC, true) && fraud_of(TAMPER_MAGNET_AC, true));
    at.tamper_cfg.off = 1u << TAMPER_MAGNET_AC; /* not watched any more: it ends */
    live(&w, 3);
    assert_true(tamper_is_active(&at.tamper, TAMPER_MAGNET_DC));
    assert_false(tamper_is_active(&at.tamper, TAMPER_MAGNET_AC));
}

static void export_may_be_allowed(void **s)
{
    (void)s;
    at.tamper_cfg.export_allowed = true;
    struct wave w = load(5, M_PI);
    live(&w, 15);
    assert_int_equal(at.frauds, 0);
}

/* Saturation that comes and goes from window to window is one event. */
static void flapping_is_one_event(void **s)
{
    (void)s;
    struct quantity q = { .u_uv = 230000000, .flags = QTY_HAS_WAVES };
    for (int k = 0; k < 100; k++) {
        q.start = q.end;
        q.end.us += 200000;
        q.flags = QTY_HAS_WAVES | (k < 80 && k % 5 == 0 ? QTY_SATURATED : 0);
        judge(&q);
    }
    assert_int_equal(at.frauds, 2);
    assert_true(at.fraud[1].duration_us > 14000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(dips_and_swells, fresh),
        cmocka_unit_test_setup(small_changes_are_none, fresh),
        cmocka_unit_test_setup(hysteresis, fresh),
        cmocka_unit_test_setup(over_current_waits, fresh),
        cmocka_unit_test_setup(slow_rows, fresh),
        cmocka_unit_test_setup(nothing_without_load, fresh),
        cmocka_unit_test_setup(means_are_judged, fresh),
        cmocka_unit_test_setup(no_room_means_later, fresh),
        cmocka_unit_test_setup(switched_off_rows, fresh),
        cmocka_unit_test_setup(tampers, fresh),
        cmocka_unit_test_setup(mismatch_has_hysteresis, fresh),
        cmocka_unit_test_setup(mismatch_ends_after_its_time, fresh),
        cmocka_unit_test_setup(magnets, fresh),
        cmocka_unit_test_setup(export_may_be_allowed, fresh),
        cmocka_unit_test_setup(flapping_is_one_event, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
