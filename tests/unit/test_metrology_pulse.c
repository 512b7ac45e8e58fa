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
        enum pulse_dir dir = nj[k] > 0 ? PULSE_IMPORT : nj[k] < 0 ? PULSE_EXPORT : PULSE_NONE;
        int64_t size = (int64_t)abs_i64(nj[k]);
        pulse_settle(p, q->pulsed_nj[k], dir, size, dir);
        if (dir == PULSE_NONE) continue;
        int64_t rest = books.rest_nj[k][dir] + size;
        books.units[k][dir] += (uint64_t)(rest / p->unit_nj);
        books.rest_nj[k][dir] = rest % p->unit_nj;
    }
}

/* How far the output is from the books. */
static int64_t apart(unsigned k)
{
    return (int64_t)front_pulse(&rig.front, k)->count -
           (int64_t)(books.units[k][0] + books.units[k][1]);
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

/* Seconds of w; the meter looks every 10 ms. Largest distance from the books after a window. */
static int64_t live(struct wave *w, double seconds)
{
    int32_t codes[3 * 80];
    struct window win;
    struct quantity q;
    int64_t most = 0;
    for (int n = 0; n < (int)(seconds * 100 + 0.5); n++) {
        wave_codes(w, codes, 80);
        front_samples(&rig.front, codes, 80);
        while (window_take(&rig.front, &win)) {
            quantity_of(&q, &rig.measure, &win);
            book(&q);
            for (unsigned k = 0; k < 2; k++)
                if (llabs(apart(k)) > llabs(most)) most = apart(k);
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

/* Steps of load through all quadrants, from milliamperes to 100 A, at every constant: one pulse
 * is the most that output and books are apart at any window, and nothing when the load is off.
 */
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
            int64_t most = live(&w, 1 + 0.37 * (step % 5));
            /* one pulse, or what a reversal within the 400 ms of two windows can put the wrong
             * way */
            int64_t bound = 1 + (int64_t)(2 * 230 * 100 * 0.4 * constants[c] / 3.6e6);
            assert_true(llabs(most) <= bound);
        }
        for (int k = 0; k < 4; k++) { /* either direction once more, then nothing */
            wave_load(&w, k % 2 ? 0 : 60, k < 2 ? 0.8 : 0.8 + M_PI);
            live(&w, 2);
        }
        assert_int_equal(apart(PULSE_ACTIVE), 0);
        assert_int_equal(apart(PULSE_REACTIVE), 0);
        assert_true(front_pulse(&rig.front, PULSE_ACTIVE)->count > 5 * constants[c] / 1000);
    }
}

/* A steady load, and steps without reversal: one pulse. */
static void one_pulse_apart(void **s)
{
    (void)s;
    static const uint32_t constants[] = { 100, 1000, 10000 };
    for (size_t c = 0; c < 3; c++) {
        struct wave w;
        wave_init(&w);
        begin(constants[c]);
        wave_load(&w, 100, 0.3);
        live(&w, 1); /* the first window tells the direction */
        for (int step = 0; step < 30; step++) {
            wave_load(&w, step % 3 ? 100. / (1 << step % 7) : 100, 0.3);
            assert_true(llabs(live(&w, 1)) <= 1);
        }
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
    wave_init(&w);
    wave_load(&w, 100, 0);
    begin(1000);
    const int64_t rest[2] = { 3599999999999 % 3600000000000, 0 };
    front_pulse_rest(&rig.front, PULSE_ACTIVE, rest);
    live(&w, 0.5);
    assert_true(front_pulse(&rig.front, PULSE_ACTIVE)->count > 0); /* 1 nJ was missing */
}

/* A meter that books late gives everything at once: counted, shown one after the other. */
static void catches_up(void **s)
{
    (void)s;
    struct pulse_out p;
    const int64_t none[2] = { 0, 0 };
    pulse_init(&p, 1000, 8000, none);
    pulse_settle(&p, none, PULSE_IMPORT, INT64_C(87) * 3600000000000 + 5, PULSE_IMPORT);
    pulse_turn_isr(&p);
    pulse_feed_isr(&p, 0, 100, 80);
    assert_int_equal(p.count, 87);
    unsigned edges = 0;
    bool was = false;
    for (uint32_t n = 101; n < 100000; n++) {
        bool is = pulse_tick_isr(&p, n);
        edges += is && !was;
        was = is;
    }
    assert_int_equal(edges, 87);
    assert_int_equal(p.account_nj[PULSE_IMPORT], 5);
    pulse_settle(&p, none, PULSE_NONE, 0, PULSE_NONE); /* no load: the account is frozen */
    pulse_turn_isr(&p);
    for (uint32_t n = 0; n < 100; n++)
        assert_true(pulse_feed_isr(&p, 1000000000000, 100000 + 80 * n, 80) == 0);
    assert_int_equal(p.count, 87);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_in_time),    cmocka_unit_test(follows_the_books),
        cmocka_unit_test(one_pulse_apart),   cmocka_unit_test(falls_evenly),
        cmocka_unit_test(shows_every_pulse), cmocka_unit_test(goes_on_from_the_rests),
        cmocka_unit_test(catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
