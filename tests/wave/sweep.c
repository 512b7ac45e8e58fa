#include "wave/sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double degree = 0.017453292519943295;

/* The goals: current and power factor decide. Ten times tighter than asked where nothing but
 * the arithmetic stands in the way. */
static struct sweep_limit goal(double i, double phi)
{
    struct sweep_limit l = { .u_ppm = 5, .spread_ppm = 2, .f_mhz = 0.01, .angle_mdeg = 1 };
    bool unity = fabs(cos(phi)) > 0.99;
    l.p_ppm = i >= 0.1 ? (unity ? 2 : 5) : i >= 0.02 ? (unity ? 20 : 50) : 100;
    l.q_ppm = i >= 0.1 ? 5 : i >= 0.02 ? 50 : 100;
    l.i_ppm = i >= 0.1 ? 5 : 200;
    if (i < 1) l.spread_ppm = i < 0.1 ? 0 : 5; /* rounding of the codes themselves */
    if (i < 0.1) l.angle_mdeg = 5;
    return l;
}

static void start(struct sweep_case *c, const char *group, bool quick, double f)
{
    memset(c, 0, sizeof *c);
    snprintf(c->group, sizeof c->group, "%s", group);
    c->quick = quick;
    c->rating = (struct rating){ 230000, 5000, 100000, f < 55 ? 50 : 60 };
    calibration_init(&c->cal);
    wave_init(&c->wave);
    c->wave.f = f;
    c->seconds = 12;
}

static const double currents[] = { 100, 80,  50,   20,  10,   5,    2,
                                   1,   0.5, 0.25, 0.1, 0.05, 0.02, 0.01 };
static const double angles[] = { 0,    60,  -36.869897645844,   90,  -90,
                                 30,   -30, 14.477512185929925, 180, 120,
                                 -120, 150, -14.477512185929925 };
enum { CURRENTS = sizeof currents / sizeof *currents, ANGLES = sizeof angles / sizeof *angles };

static bool by_current(unsigned n, struct sweep_case *c)
{
    if (n >= CURRENTS * ANGLES) return false;
    double i = currents[n / ANGLES], a = angles[n % ANGLES];
    start(c, "current", (n * 7) % 10 < 3 || i == 0.02, 50.0137);
    snprintf(c->name, sizeof c->name, "%g A, %.4g deg", i, a);
    wave_load(&c->wave, i, a * degree);
    c->limit = goal(i, a * degree);
    if (i < 0.1) c->seconds = 60;
    return true;
}

static bool by_frequency(unsigned n, struct sweep_case *c)
{
    static const double loads[][2] = {
        { 5, 0 }, { 5, 60 }, { 5, 90 }, { 100, 60 }, { 0.25, 0 }
    };
    if (n >= 46 * 5) return false;
    unsigned k = n / 5;
    double f = k < 21 ? 47.5 + 0.25 * k : 57 + 0.25 * (k - 21);
    start(c, "frequency", k % 5 == 0 && n % 5 < 2, f);
    snprintf(c->name, sizeof c->name, "%g Hz, %g A, %g deg", f, loads[n % 5][0],
             loads[n % 5][1]);
    wave_load(&c->wave, loads[n % 5][0], loads[n % 5][1] * degree);
    c->limit = goal(loads[n % 5][0], loads[n % 5][1] * degree);
    c->limit.p_ppm =
        fmax(c->limit.p_ppm, loads[n % 5][0] < 1 ? 20 : 2); /* codes repeat at some */
    if (loads[n % 5][0] < 1) c->limit.i_ppm = 20;
    return true;
}

static bool by_voltage(unsigned n, struct sweep_case *c)
{
    if (n >= 16) return false;
    unsigned step = n / 2;
    double u = 0.8 + 0.05 * step, phi = n % 2 ? 60 : 0;
    start(c, "voltage", n < 2 || n > 13, 50.0137);
    snprintf(c->name, sizeof c->name, "%.2f Un, 5 A, %g deg", u, phi);
    c->wave.ch[WAVE_V].rms[1] = 230 * u;
    wave_load(&c->wave, 5, phi * degree);
    c->limit = goal(5, phi * degree);
    return true;
}

static bool by_shape(unsigned n, struct sweep_case *c)
{
    static const char *const name[] = {
        "5th harmonic, 50 A",         "quadriform, 10 A",    "peaked, 10 A",
        "phase fired 90, 5 A",        "phase fired 45, 5 A", "phase fired 135, 5 A",
        "trailing edge 90, 5 A",      "half wave, 70.7 A",   "burst 2 on 2 off, 5 A",
        "5th at 90 deg (Q trap), 5 A"
    };
    if (n >= sizeof name / sizeof *name) return false;
    start(c, "shape", true, n == 8 ? 50 : 50.0137);
    snprintf(c->name, sizeof c->name, "%s", name[n]);
    struct wave *w = &c->wave;
    switch (n) {
    case 0:
        wave_fifth(w, 50);
        break;
    case 1:
        wave_quadriform(w, 10);
        break;
    case 2:
        wave_peaked(w, 10);
        break;
    case 3:
        wave_fired(w, 5, 90);
        break;
    case 4:
        wave_fired(w, 5, 45);
        break;
    case 5:
        wave_fired(w, 5, 135);
        break;
    case 6:
        wave_trailing(w, 5, 90);
        break;
    case 7:
        wave_half(w, 70.7);
        break;
    case 8:
        wave_burst(w, 5);
        break;
    default:
        wave_q_trap(w, 5);
        break;
    }
    c->limit =
        (struct sweep_limit){ .p_ppm = 10, .q_ppm = 10, .u_ppm = 5, .i_ppm = 5, .f_mhz = 0.01 };
    if (n == 8) { /* windows of ten cycles hold two or three bursts: means over many */
        c->seconds = 61;
        c->limit =
            (struct sweep_limit){ .p_ppm = 100, .q_ppm = 100, .u_ppm = 5, .f_mhz = 0.01 };
    }
    return true;
}

/* Harmonic by harmonic, in phase and at 60 degrees, through an ideal front end and through one
 * that samples current half a sample late, where the delay filter is at its worst. */
static bool by_harmonic(unsigned n, struct sweep_case *c)
{
    if (n >= 39 * 4) return false;
    int k = 2 + (int)(n / 4);
    bool late = n & 2;
    start(c, late ? "harmonic late" : "harmonic", k == 3 || k == 21 || k == 40, 50.0137);
    snprintf(c->name, sizeof c->name, "10 %% u 40 %% i at %d f, %d deg", k, n & 1 ? 60 : 0);
    wave_probe(&c->wave, 5, k, n & 1 ? 60 * degree : 0);
    if (late) {
        for (int ch = WAVE_I; ch <= WAVE_N; ch++) c->wave.ch[ch].skew = 62500e-9;
        c->cal.phase_ns[0] = c->cal.phase_ns[1] = 62500;
    }
    c->limit = (struct sweep_limit){
        .p_ppm = k > 21 ? 500 : 100, .q_ppm = 10, .u_ppm = 5, .f_mhz = 0.01
    };
    if (!late) c->limit.p_ppm = 5;
    return true;
}

/* 100 dB: 1.4 mA and 5 mV RMS, one minute. */
static bool by_noise(unsigned n, struct sweep_case *c)
{
    static const double loads[][2] = { { 100, 0 },  { 5, 0 },   { 5, 60 },   { 5, 90 },
                                       { 0.5, 60 }, { 0.1, 0 }, { 0.1, 60 }, { 0.1, -36.87 },
                                       { 0.02, 0 }, { 0.01, 0 } };
    if (n >= sizeof loads / sizeof *loads) return false;
    double i = loads[n][0], phi = loads[n][1];
    start(c, "noise", true, 50.0137);
    snprintf(c->name, sizeof c->name, "1.4 mA 5 mV noise, %g A, %g deg", i, phi);
    wave_load(&c->wave, i, phi * degree);
    c->wave.ch[WAVE_V].noise = 0.005;
    c->wave.ch[WAVE_I].noise = c->wave.ch[WAVE_N].noise = 0.0014;
    c->cal.sigma_na[0] = c->cal.sigma_na[1] = 1400000;
    c->seconds = 61;
    c->limit = (struct sweep_limit){ .u_ppm = 100, .f_mhz = 1 };
    c->limit.p_ppm = i >= 0.1 ? (phi != 0 ? 200 : 100) : i >= 0.02 ? 500 : 1000;
    c->limit.q_ppm = i >= 0.1 ? 200 : 0;
    c->limit.i_ppm = i >= 0.1 ? 100 : 5000;
    c->limit.angle_mdeg = i >= 5 ? 10 : 0;
    return true;
}

/* 120 V and 60 Hz, 4 kHz, 16 bits, direct parts of 1 % of full scale. */
static bool by_variant(unsigned n, struct sweep_case *c)
{
    static const char *const name[] = { "120 V 60 Hz", "4 kHz", "16 bits, 1 code of noise",
                                        "1 % direct" };
    if (n >= 8) return false;
    start(c, "variant", true, n / 2 == 0 ? 60.017 : 50.0137);
    snprintf(c->name, sizeof c->name, "%s, 5 A, %d deg", name[n / 2], n % 2 ? 60 : 0);
    struct wave *w = &c->wave;
    if (n / 2 == 0) {
        w->ch[WAVE_V].rms[1] = 120;
        c->rating.un_mv = 120000;
    }
    wave_load(w, 5, n % 2 ? 60 * degree : 0);
    c->limit = goal(5, n % 2 ? 60 * degree : 0);
    if (n / 2 == 1) w->rate = 4000;
    if (n / 2 == 2) {
        w->bits = 16;
        w->ch[WAVE_V].noise = 500.0 / 32768;
        w->ch[WAVE_I].noise = w->ch[WAVE_N].noise = 200.0 / 32768;
        c->seconds = 61;
        c->limit = (struct sweep_limit){
            .p_ppm = 100, .q_ppm = 200, .u_ppm = 50, .i_ppm = 100, .f_mhz = 1
        };
    }
    if (n / 2 == 3)
        for (int ch = 0; ch < WAVE_CHANNELS; ch++) w->ch[ch].dc = w->ch[ch].full_scale / 100;
    return true;
}

static bool (*const group[])(unsigned n, struct sweep_case *c) = {
    by_current, by_frequency, by_voltage, by_shape, by_harmonic, by_noise, by_variant,
};

bool sweep_at(unsigned n, struct sweep_case *c)
{
    for (size_t g = 0; g < sizeof group / sizeof *group; g++) {
        if (group[g](n, c)) return true;
        unsigned count = 0;
        while (group[g](count, c)) count++;
        n -= count;
    }
    return false;
}

static bool keeps(double error, double limit)
{
    return limit == 0 || fabs(error) <= limit;
}

struct sweep_result sweep_run(const struct sweep_case *c)
{
    struct sweep_result r = { .truth = wave_truth(&c->wave) };
    struct wave w = c->wave;
    struct rig rig;
    rig_init(&rig, &c->rating);
    rig.cal = c->cal;
    rig.calibrated = true;
    rig.front_cfg.sampling.rate_hz = rig.measure_cfg.sampling.rate_hz = (uint32_t)w.rate;
    rig.front_cfg.sampling.bits = rig.measure_cfg.sampling.bits = (uint8_t)w.bits;
    rig.windows_even = c->wave.gate_on;
    r.read = rig_run(&rig, &w, c->seconds);
    const struct wave_truth *t = &r.truth;
    double of_p = fabs(t->p) > 0.01 * t->s ? fabs(t->p) : t->s;
    double of_q = fabs(t->q) > 0.45 * t->s ? fabs(t->q) : t->s;
    double angle = atan2(t->q, t->p) / degree;
    r.error.p_ppm = rig_ppm(r.read.p, t->p, of_p);
    r.error.q_ppm = rig_ppm(r.read.q, t->q, of_q);
    r.error.u_ppm = rig_ppm(r.read.u, t->u, t->u);
    r.error.i_ppm = rig_ppm(r.read.i, t->i, t->i);
    r.error.spread_ppm = fmax(r.read.spread_p, r.read.spread_q) / t->s * 1e6;
    r.error.f_mhz = (r.read.f - w.f) * 1e3;
    r.error.angle_mdeg = remainder(r.read.angle - angle, 360) * 1e3;
    const struct sweep_limit *e = &r.error, *l = &c->limit;
    r.kept = r.read.windows > 20 && keeps(e->p_ppm, l->p_ppm) && keeps(e->q_ppm, l->q_ppm) &&
             keeps(e->u_ppm, l->u_ppm) && keeps(e->i_ppm, l->i_ppm) &&
             keeps(e->spread_ppm, l->spread_ppm) && keeps(e->f_mhz, l->f_mhz) &&
             keeps(e->angle_mdeg, l->angle_mdeg);
    return r;
}
