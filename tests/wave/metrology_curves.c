/* metrology_curves NAME - points of an error curve for gnuplot: current, reactive, frequency,
 * voltage, harmonics, noise. Errors are magnitudes in percent, not below 1e-8 so that a
 * logarithmic axis can show them.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "wave/rig.h"

static const double degree = 0.017453292519943295;
static struct rating rating = { 230000, 5000, 100000, 50 };

struct point {
    double p, q, spread; /* percent: of P (of S where there is none), of S, of S */
};

static double percent(double read, double truth, double of)
{
    return fmax(fabs(read - truth) / of * 100, 1e-8);
}

static struct point run(struct wave *w, const struct calibration *cal, double seconds)
{
    struct rig rig;
    struct wave_truth t = wave_truth(w);
    rig_init(&rig, &rating);
    if (cal) {
        rig.cal = *cal;
        rig.calibrated = true;
    }
    struct rig_result r = rig_run(&rig, w, seconds);
    double of_p = fabs(t.p) > 0.01 * t.s ? fabs(t.p) : t.s;
    double of_q = fabs(t.q) > 0.1 * t.s ? fabs(t.q) : t.s;
    return (struct point){ percent(r.p, t.p, of_p), percent(r.q, t.q, of_q),
                           fmax(fmax(r.spread_p, r.spread_q) / t.s * 100, 1e-8) };
}

static struct wave load(double f, double u, double i, double deg)
{
    struct wave w;
    wave_init(&w);
    w.f = f;
    w.ch[WAVE_V].rms[1] = u;
    wave_load(&w, i, deg * degree);
    return w;
}

/* 10 mA to 100 A; a minute where rounding to codes is what is left. */
static double seconds_at(double i)
{
    return i < 0.2 ? 61 : 11;
}

static void current(void)
{
    puts("# A  PF1  0.5ind  0.8cap  spread");
    for (int step = 0; step <= 40; step++) {
        double i = 0.01 * pow(10, 0.1 * step);
        struct point a[3];
        static const double deg[] = { 0, 60, -36.8699 };
        for (int k = 0; k < 3; k++) {
            struct wave w = load(50.0137, 230, i, deg[k]);
            a[k] = run(&w, NULL, seconds_at(i));
        }
        printf("%g %g %g %g %g\n", i, a[0].p, a[1].p, a[2].p, a[1].spread);
    }
}

static void reactive(void)
{
    puts("# A  sin1  sin0.5  sin0.25  sin-1");
    for (int step = 0; step <= 40; step++) {
        double i = 0.01 * pow(10, 0.1 * step);
        static const double deg[] = { 90, 30, 14.4775, -90 };
        printf("%g", i);
        for (int k = 0; k < 4; k++) {
            struct wave w = load(50.0137, 230, i, deg[k]);
            printf(" %g", run(&w, NULL, seconds_at(i)).q);
        }
        putchar('\n');
    }
}

static void frequency(void)
{
    puts("# Hz  PF1  0.5ind  Q");
    for (int step = 0; step <= 40; step++) {
        double f = 45.03 + 0.5 * step;
        struct wave a = load(f, 230, 5, 0), b = load(f, 230, 5, 60);
        struct point x = run(&a, NULL, 11), y = run(&b, NULL, 11);
        printf("%g %g %g %g\n", f, x.p, y.p, y.q);
    }
}

static void voltage(void)
{
    puts("# percent of Un  PF1  0.5ind  Q");
    for (int step = 0; step <= 24; step++) {
        double u = 20 + 5 * step;
        struct wave a = load(50.0137, 2.3 * u, 5, 0), b = load(50.0137, 2.3 * u, 5, 60);
        struct point x = run(&a, NULL, 11), y = run(&b, NULL, 11);
        printf("%g %g %g %g\n", u, x.p, y.p, y.q);
    }
}

/* 10 % of u and 40 % of i at each harmonic; ideal, and current sampled half a sample late. */
static void harmonics(void)
{
    puts("# order  ideal  late");
    for (int k = 2; k <= 40; k++) {
        struct calibration cal;
        struct wave a = load(50.0137, 230, 5, 0), b;
        calibration_init(&cal);
        wave_probe(&a, 5, k, 60 * degree);
        b = a;
        cal.phase_ns[0] = cal.phase_ns[1] = 62500;
        b.ch[WAVE_I].skew = b.ch[WAVE_N].skew = 62500e-9;
        printf("%d %g %g\n", k, run(&a, NULL, 11).p, run(&b, &cal, 11).p);
    }
}

/* 100 dB and 88 dB of noise, one minute. */
static void noise(void)
{
    puts("# A  100dB  88dB");
    for (int step = 0; step <= 20; step++) {
        double i = 0.01 * pow(10, 0.2 * step);
        printf("%g", i);
        for (int k = 0; k < 2; k++) {
            struct wave w = load(50.0137, 230, i, 0);
            w.ch[WAVE_V].noise = k ? 0.02 : 0.005;
            w.ch[WAVE_I].noise = w.ch[WAVE_N].noise = k ? 0.0056 : 0.0014;
            printf(" %g", run(&w, NULL, 61).p);
        }
        putchar('\n');
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*draw)(void);
    } curve[] = { { "current", current },     { "reactive", reactive },
                  { "frequency", frequency }, { "voltage", voltage },
                  { "harmonics", harmonics }, { "noise", noise } };
    for (size_t k = 0; argc == 2 && k < sizeof curve / sizeof *curve; k++)
        if (!strcmp(argv[1], curve[k].name)) return curve[k].draw(), 0;
    fputs("usage: metrology_curves current|reactive|frequency|voltage|harmonics|noise\n",
          stderr);
    return 2;
}
