/* A day of samples, a day without load, fifteen years of windows: to the last count.
 *
 * The registers are the meter's own (meter/energy); beside them every window is added up once
 * more in 128 bits, and the identities are checked while it runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fixed.h"
#include "meter/energy/energy.h"
#include "wave/rig.h"

__extension__ typedef __int128 wide;

static const struct rating rating = { 230000, 5000, 100000, 50 };
static struct rig rig;
static struct energy energy;
static struct regs regs;
static wide fed[CELLS][DIRECTIONS];
static uint64_t state;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int clear(void **s)
{
    (void)s;
    memset(&energy, 0, sizeof energy);
    memset(&regs, 0, sizeof regs);
    memset(fed, 0, sizeof fed);
    state = 20261122;
    return 0;
}

static void book(int64_t p_nj, int64_t q_nj, int64_t s_nj, unsigned tariff)
{
    int quadrant = quantity_quadrant(p_nj, q_nj, energy.quadrant + 1) - 1;
    unsigned back = quadrant == 1 || quadrant == 2, down = quadrant >= 2;
    struct share share = { abs_i64(p_nj), abs_i64(q_nj), (uint64_t)s_nj, (uint8_t)quadrant };
    energy_book(&energy, &regs, &share, tariff);
    fed[CELL_WH][back] += abs_i64(p_nj);
    fed[CELL_VARH][down] += abs_i64(q_nj);
    fed[CELL_VAH][back] += (uint64_t)s_nj;
}

static uint64_t cells(unsigned cell, unsigned quadrants)
{
    uint64_t n = 0;
    for (unsigned q = 0; q < QUADRANTS; q++)
        for (unsigned t = 0; t < TARIFFS; t++)
            if (quadrants >> q & 1) n += regs.cell[cell][q][t];
    return n;
}

/* Whole units are what was fed, truncated once; |A| = A+ + A-, quadrants add up to totals. */
static void identities(void)
{
    static const unsigned of[CELLS][DIRECTIONS] = {
        [CELL_WH] = { 9, 6 }, [CELL_VARH] = { 3, 12 }, [CELL_VAH] = { 9, 6 }
    };
    for (unsigned c = 0; c < CELLS; c++) {
        for (unsigned d = 0; d < DIRECTIONS; d++) {
            assert_true((wide)cells(c, of[c][d]) == fed[c][d] / ENERGY_UNIT_NJ);
            assert_true(energy.rest_nj[c][d] == (int64_t)(fed[c][d] % ENERGY_UNIT_NJ));
        }
        assert_true(cells(c, of[c][0]) + cells(c, of[c][1]) == cells(c, 15));
        assert_true(cells(c, 1) + cells(c, 2) + cells(c, 4) + cells(c, 8) == cells(c, 15));
    }
}

/* Samples in, windows booked. */
static void live(const int32_t *codes, size_t n, unsigned tariff)
{
    struct window win;
    struct quantity q;
    front_samples(&rig.front, codes, n);
    while (window_take(&rig.front, &win)) {
        quantity_of(&q, &rig.measure, &win);
        const struct element *e = &q.element[q.billed];
        book(e->active_nj, e->reactive_nj, e->apparent_nj, tariff);
        pulse_book(front_pulse(&rig.front, PULSE_ACTIVE), e->active_nj);
        pulse_book(front_pulse(&rig.front, PULSE_REACTIVE), e->reactive_nj);
    }
}

static void power_up(void)
{
    rig_init(&rig, &rating);
    rig.measure_cfg.creep_off = false;
    front_init(&rig.front, &rig.front_cfg);
    measure_init(&rig.measure, &rig.measure_cfg, &rig.cal);
}

enum { BLOCK = 4000, LOADS = 24, DAY = 172800 };

/* 691 200 000 samples: loads of all quadrants, from the starting current to 100 A, in seconds
 * to minutes, over eight tariffs. */
static void a_day_of_samples(void **s)
{
    (void)s;
    static int32_t codes[LOADS][3 * BLOCK];
    for (int k = 0; k < LOADS; k++) {
        struct wave w;
        wave_init(&w);
        double i = k < 2 ? 0 : 0.02 * (double)(1 << (k % 13));
        wave_load(&w, i > 100 ? 100 : i, k * 0.7);
        wave_codes(&w, codes[k], BLOCK);
    }
    power_up();
    unsigned now = 2, left = 0;
    for (int n = 0; n < DAY; n++) {
        if (left-- == 0) {
            now = (unsigned)(rnd() % LOADS);
            left = (unsigned)(rnd() % 60);
        }
        if (n > DAY - 40)
            now = n < DAY - 30 || (n > DAY - 20 && n < DAY - 10) ? (n > DAY - 20) * 4 + 11 : 0;
        live(codes[now], BLOCK, (unsigned)n / 1000 % 8);
        if (n % 64 == 0) identities();
    }
    identities();
    assert_true(front_count(&rig.front) == UINT64_C(691200000));
    for (unsigned k = 0; k < 2; k++) {
        uint64_t units = cells(k ? CELL_VARH : CELL_WH, 15);
        assert_true(units > 10000);
        assert_int_equal(front_pulse(&rig.front, k)->count, units); /* 1000 imp/kWh */
    }
}

/* Currents open, 1.15 Un, 5 mA of noise on both: not a pulse, not a unit, not a rest. */
static void a_day_without_load(void **s)
{
    (void)s;
    static int32_t noise[3 * (65536 + BLOCK)];
    struct wave w;
    wave_init(&w);
    w.ch[WAVE_V].rms[1] = 230 * 1.15;
    w.ch[WAVE_V].noise = 0.005;
    w.ch[WAVE_I].noise = w.ch[WAVE_N].noise = 0.005;
    wave_codes(&w, noise, 65536 + BLOCK);
    power_up();
    for (int n = 0; n < DAY; n++) {
        /* from anywhere in the record, in step with the mains */
        live(noise + 3 * 160 * (rnd() % (65536 / 160)), BLOCK, 0);
    }
    for (unsigned k = 0; k < 2; k++) assert_int_equal(front_pulse(&rig.front, k)->count, 0);
    for (unsigned c = 0; c < CELLS; c++) {
        assert_true(cells(c, 15) == 0);
        assert_true(fed[c][0] == 0 && fed[c][1] == 0);
    }
}

static unsigned windows_a_second = 1;

/* 473 472 000 windows of a second; with an argument to the program 2 367 360 000 of 200 ms. */
static void fifteen_years_of_windows(void **s)
{
    (void)s;
    const uint64_t windows = UINT64_C(86400) * (15 * 365 + 5) * windows_a_second;
    const uint64_t most = UINT64_C(26450000000000) / windows_a_second;
    int64_t p = 0, q = 0, va = 0;
    for (uint64_t n = 0; n < windows; n++) {
        if (n % 4096 == 0) { /* a new load every 4096 windows, up to 1.15 Un and Imax */
            uint64_t r = rnd();
            va = (int64_t)(r % most);
            p = (int64_t)(rnd() % (uint64_t)(va + 1));
            q = (int64_t)abs_i64(va - p) / 2;
            if (r >> 60 == 1) p = -p;
            if (r >> 62 == 2) q = -q;
        }
        book(p + (int64_t)(n & 1023), q - (int64_t)(n & 511), va, (unsigned)(n >> 20 & 7));
        if (n % (1 << 22) == 0) identities();
    }
    identities();
    assert_true(cells(CELL_WH, 15) > 400000000); /* hundreds of MWh, all of them there */
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) windows_a_second = 5;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_day_of_samples, clear),
        cmocka_unit_test_setup(a_day_without_load, clear),
        cmocka_unit_test_setup(fifteen_years_of_windows, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
