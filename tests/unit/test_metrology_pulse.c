/* The test outputs: a pulse is a booked unit, evenly told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fixed.h"
#include "wave/rig.h"

static const struct rating rating = { 230000, 5000, 100000, 50 };
static struct rig rig;

/* The books of a meter, as short as they can be: rests and units of a direction. */
struct books {
    int64_t rest_nj[2][2];
    uint64_t units[2][2]; /* of a pulse */
};
static struct books books;

static void book(const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    const int64_t nj[2] = { e->active_nj, e->reactive_nj };
    for (unsigned k = 0; k < 2; k++) {
        struct pulse_out *p = front_pulse(&rig.front, k);
        unsigned dir = nj[k] < 0;
        pulse_book(p, nj[k]);
        int64_t rest = books.rest_nj[k][dir] + (int64_t)abs_i64(nj[k]);
        books.units[k][dir] += (uint64_t)(rest / p->unit_nj);
        books.rest_nj[k][dir] = rest % p->unit_nj;
    }
}

/* How far the output is behind the books. */
static int64_t behind(unsigned k)
{
    return (int64_t)(books.units[k][0] + books.units[k][1]) -
           (int64_t)front_pulse(&rig.front, k)->count;
}

/* Most of a play that a window brings: as much as a window at 1.15 x 100 A, and the pulse that
 * was begun. */
static int64_t one_window(uint32_t constant)
{
    return 1 + (int64_t)(230 * 100 * 0.205 * constant / 3.6e6);
}

static void begin(uint32_t constant)
{
    rig_init(&rig, &rating);
    rig.measure_cfg.creep_off = false;
    rig.front_cfg.constant_wh = rig.front_cfg.constant_varh = constant;
    front_init(&rig.front, &rig.front_cfg);
    measure_init(&rig.measure, &rig.measure_cfg, &rig.cal);
    memset(&books, 0, sizeof books);
}

static void fetch(void)
{
    struct window win;
    struct quantity q;
    while (window_take(&rig.front, &win)) {
        quantity_of(&q, &rig.measure, &win);
        book(&q);
    }
}

/* Seconds of w; the meter looks every 10 ms. An output is never ahead of the books; how far it
 * is behind them at most, just after a window was booked. */
static int64_t live(struct wave *w, double seconds)
{
    int32_t codes[3 * 80];
    int64_t most = 0;
    for (int n = 0; n < (int)(seconds * 100 + 0.5); n++) {
        wave_codes(w, codes, 80);
        front_samples(&rig.front, codes, 80);
        fetch();
        for (unsigned k = 0; k < 2; k++) {
            assert_true(behind(k) >= 0);
            if (behind(k) > most) most = behind(k);
        }
    }
    return most;
}

/* IEC start: 20 mA at PF 1 for varh at sin phi 1 as well, within a hundredth of 3600 / 4.6 s.
 */
static void starts_in_time(void **s)
{
    (void)s;
    for (unsigned k = 0; k < 2; k++) {
        struct wave w;
        int32_t codes[3 * 8000];
        wave_init(&w);
        wave_load(&w, 0.02, k ? M_PI / 2 : 0);
        wave_codes(&w, codes, 8000); /* a second is whole cycles: the same again and again */
        begin(1000);
        uint64_t at = 0;
        while (front_pulse(&rig.front, k)->count == 0 && at < 8000 * 900) {
            struct window win;
            struct quantity q;
            front_samples(&rig.front, codes + 3 * (at % 8000), 80);
            at += 80;
            while (window_take(&rig.front, &win)) {
                quantity_of(&q, &rig.measure, &win);
                book(&q);
            }
        }
        assert_true(fabs((double)at / 8000 / (3600 / 4.6) - 1) < 0.01);
        assert_int_equal(front_pulse(&rig.front, !k)->count, 0);
    }
}

/* Steps of load through all quadrants, reversals and all, from milliamperes to 100 A, at every
 * constant: never ahead, a window behind at most, and equal a moment after any load is off. */
static void follows_the_books(void **s)
{
    (void)s;
    static const uint32_t constants[] = { 100, 1000, 10000 };
    uint64_t seed = 7;
    for (size_t c = 0; c < 3; c++) {
        struct wave w;
        wave_init(&w);
        w.f = 50.1;
        begin(constants[c]);
        for (int step = 0; step < 60; step++) {
            double i = 100 / pow(10, 2.5 * fabs(wave_normal(&seed)));
            wave_load(&w, i, wave_normal(&seed) * 2);
            assert_true(live(&w, 1 + 0.37 * (step % 5)) <= one_window(constants[c]));
            if (step % 3) continue;
            wave_load(&w, 0, 0);
            live(&w, 0.7); /* what is left of the window, the next one, half a cycle */
            assert_int_equal(behind(PULSE_ACTIVE), 0);
            assert_int_equal(behind(PULSE_REACTIVE), 0);
        }
        assert_true(front_pulse(&rig.front, PULSE_ACTIVE)->count > 5 * constants[c] / 1000);
        assert_true(books.units[PULSE_ACTIVE][1] > 0);
    }
}

static double booked_j(unsigned k)
{
    double nj = (double)(books.rest_nj[k][0] + books.rest_nj[k][1]);
    return nj * 1e-9 + (double)(books.units[k][0] + books.units[k][1]) * 3600;
}

/* IEC 62052-11, voltage dips and interruptions: three of 100 % for a second, 50 ms apart; one
 * cycle; a minute at 50 %. Without load nothing is counted; with Ib what was there, but for two
 * half cycles at each edge of the supply at most. */
static void dips_give_no_pulse(void **s)
{
    static const struct {
        double seconds, share;
    } step[] = { { 1, 0 }, { 0.05, 1 }, { 1, 0 }, { 0.05, 1 }, { 1, 0 },
                 { 1, 1 }, { 0.02, 0 }, { 2, 1 }, { 60, 0.5 }, { 2, 1 } };
    (void)s;
    for (unsigned loaded = 0; loaded < 2; loaded++) {
        struct wave w;
        double truth = 0, current = loaded ? 5 : 0;
        wave_init(&w);
        wave_load(&w, current, 0);
        begin(1000);
        live(&w, 2);
        assert_int_equal(front_close(&rig.front), 0);
        fetch();
        double from = booked_j(PULSE_ACTIVE);
        for (size_t k = 0; k < sizeof step / sizeof *step; k++) {
            w.ch[WAVE_V].rms[1] = 230 * step[k].share;
            w.ch[WAVE_I].rms[1] = w.ch[WAVE_N].rms[1] = current * step[k].share;
            truth += 230 * current * step[k].share * step[k].share * step[k].seconds;
            live(&w, step[k].seconds);
        }
        assert_int_equal(front_close(&rig.front), 0);
        fetch();
        double lost = truth - (booked_j(PULSE_ACTIVE) - from);
        if (loaded) print_message("lost in five dips: %.3f J of %.0f\n", lost, truth);
        assert_true(fabs(lost) <= 5 * 2 * 0.01 * 230 * current);
        wave_load(&w, 0, 0);
        live(&w, 0.7);
        assert_int_equal(behind(PULSE_ACTIVE), 0);
        assert_int_equal(front_pulse(&rig.front, PULSE_REACTIVE)->count, 0);
        if (!loaded) assert_int_equal(front_pulse(&rig.front, PULSE_ACTIVE)->count, 0);
    }
}

/* Full load whose direction turns every 130 ms, so that windows are netted: not a pulse more
 * than was booked at any sample. */
static void reversals_give_nothing_twice(void **s)
{
    (void)s;
    struct wave w;
    wave_init(&w);
    begin(10000);
    for (int turn = 0; turn < 300; turn++) {
        wave_load(&w, 100, turn % 2 ? 0.2 : 0.2 + M_PI);
        live(&w, turn % 7 ? 0.13 : 0.61);
    }
    wave_load(&w, 0, 0);
    live(&w, 0.7);
    for (unsigned k = 0; k < 2; k++) {
        assert_int_equal(behind(k), 0);
        assert_true(books.units[k][0] > 20 && books.units[k][1] > 20);
    }
}

/* 26 kW: pulses at 7.2 Hz whose intervals differ by less than half a hundredth; on for 80 ms at
 * the most and not more than half of the time. */
static void falls_evenly(void **s)
{
    (void)s;
    struct wave w;
    wave_init(&w);
    w.f = 50.03;
    wave_load(&w, 113, 0);
    begin(1000);
    live(&w, 2);
    uint64_t last = 0, on = 0, all = 0;
    double least = 1e9, most = 0;
    unsigned before = 0;
    for (int n = 0; n < 8000 * 20; n++) {
        int32_t c[3];
        struct window win;
        struct quantity q;
        wave_codes(&w, c, 1);
        unsigned report = front_sample_isr(&rig.front, c[0], c[1], c[2]);
        if (report & FRONT_PULSE_WH && !(before & FRONT_PULSE_WH)) {
            if (last) least = fmin(least, (double)(all - last));
            if (last) most = fmax(most, (double)(all - last));
            last = all;
        }
        on += !!(report & FRONT_PULSE_WH);
        all++;
        before = report;
        while (window_take(&rig.front, &win)) {
            quantity_of(&q, &rig.measure, &win);
            book(&q);
        }
    }
    double mean = 8000 * 3600. / (230 * 113);
    assert_true(fabs(least - mean) < 0.005 * mean && fabs(most - mean) < 0.005 * mean);
    assert_true(on * 2 <= all + 100 && on > all / 3);
}

/* 10 000 imp/kWh: 72 pulses a second, each shown: on and off for 4 ms at least. */
static void shows_every_pulse(void **s)
{
    (void)s;
    struct wave w;
    wave_init(&w);
    wave_load(&w, 113, 0);
    begin(10000);
    unsigned edges = 0, run = 0, shortest = 1000;
    bool was = false;
    for (int n = 0; n < 8000 * 10; n++) {
        int32_t c[3];
        struct window win;
        struct quantity q;
        wave_codes(&w, c, 1);
        bool is = front_sample_isr(&rig.front, c[0], c[1], c[2]) & FRONT_PULSE_WH;
        if (is != was) {
            edges += is;
            if (edges > 1 && run < shortest) shortest = run;
            run = 0;
        }
        run++;
        was = is;
        while (window_take(&rig.front, &win)) {
            quantity_of(&q, &rig.measure, &win);
            book(&q);
        }
    }
    assert_true(shortest >= 31);
    assert_true(edges + 2 >= front_pulse(&rig.front, PULSE_ACTIVE)->count && edges > 690);
}

/* After a power cut the outputs go on where the registers stand. */
static void goes_on_from_the_rests(void **s)
{
    (void)s;
    struct wave w;
    for (unsigned missing = 0; missing < 2;
         missing++) { /* 1 nJ to the next pulse, or all of it */
        const int64_t rest[2] = { missing ? 0 : INT64_C(3599999999999), 0 };
        wave_init(&w);
        wave_load(&w, 5, 0);
        begin(1000);
        pulse_init(front_pulse(&rig.front, PULSE_ACTIVE), 1000, 8000, rest);
        books.rest_nj[0][0] = rest[0];
        live(&w, 0.5); /* 0.16 Wh */
        assert_int_equal(front_pulse(&rig.front, PULSE_ACTIVE)->count, missing ? 0 : 1);
    }
}

/* A meter that books late, in both directions: all is given, over one play, and shown one after
 * the other. */
static void catches_up(void **s)
{
    (void)s;
    struct pulse_out p;
    const int64_t none[2] = { 0, 0 }, unit = 3600000000000;
    pulse_init(&p, 1000, 8000, none);
    pulse_book(&p, 80 * unit + 5);
    pulse_book(&p, -7 * unit - 9);
    pulse_book(&p, unit - 5);
    pulse_play_isr(&p, 100, 1600);
    unsigned edges = 0;
    bool was = false;
    for (uint32_t n = 101; n < 100000; n++) {
        bool is = pulse_tick_isr(&p, n);
        edges += is && !was;
        was = is;
        if (n == 900) assert_in_range(p.count, 40, 44);
        if (n == 1708) assert_int_equal(p.count, 88);
    }
    assert_int_equal(edges, 88);
    assert_int_equal(p.account_nj[PULSE_EXPORT], 9);
    pulse_play_isr(&p, 100000, 1600); /* nothing was booked */
    for (uint32_t n = 100001; n < 110000; n++) assert_false(pulse_tick_isr(&p, n));
    pulse_book(&p, unit - 1);
    pulse_play_isr(&p, 110000, 1600);
    for (uint32_t n = 110001; n < 120000; n++) assert_false(pulse_tick_isr(&p, n));
    pulse_book(&p, 1);
    pulse_play_isr(&p, 120000, 1600);
    for (uint32_t n = 120001; n < 121602; n++) pulse_tick_isr(&p, n);
    assert_int_equal(p.count, 89);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_in_time),
        cmocka_unit_test(follows_the_books),
        cmocka_unit_test(reversals_give_nothing_twice),
        cmocka_unit_test(dips_give_no_pulse),
        cmocka_unit_test(falls_evenly),
        cmocka_unit_test(shows_every_pulse),
        cmocka_unit_test(goes_on_from_the_rests),
        cmocka_unit_test(catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
