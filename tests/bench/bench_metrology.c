/* What a sample costs on this machine, beside a plain loop in double precision that does the
 * same sums: delays, squares, products, a fundamental. The best of several rounds, each a
 * second of samples.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wave/rig.h"

enum { SECOND = 8000, ROUNDS = 40 };

static int32_t codes[3 * SECOND];
static const struct rating rating = { 230000, 5000, 100000, 50 };

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* -- the plain loop ------------------------------------------------------------------------ */

struct plain {
    double v[16], i[16], n[16], tap_i[10], tap_n[10], re, im, step_re, step_im;
    double vv, ii, nn, vi, vn, in, vc, vs, ic, is, nc, ns, v1, i1, n1;
    unsigned at;
};

static double delayed(const double *line, const double *tap, unsigned at)
{
    double y = 0;
    for (unsigned k = 0; k < 10; k++) y += line[(at + 16 - k) & 15] * tap[k];
    return y;
}

static void plain_second(struct plain *p)
{
    for (int k = 0; k < SECOND; k++) {
        unsigned at = p->at = (p->at + 1) & 15;
        p->v[at] = codes[3 * k];
        p->i[at] = codes[3 * k + 1];
        p->n[at] = codes[3 * k + 2];
        double v = p->v[(at + 12) & 15], i = delayed(p->i, p->tap_i, at),
               n = delayed(p->n, p->tap_n, at);
        double re = p->re * p->step_re - p->im * p->step_im;
        p->im = p->re * p->step_im + p->im * p->step_re;
        p->re = re;
        p->v1 += v;
        p->i1 += i;
        p->n1 += n;
        p->vv += v * v;
        p->ii += i * i;
        p->nn += n * n;
        p->vi += v * i;
        p->vn += v * n;
        p->in += i * n;
        p->vc += v * p->re;
        p->vs += v * p->im;
        p->ic += i * p->re;
        p->is += i * p->im;
        p->nc += n * p->re;
        p->ns += n * p->im;
    }
}

static double time_plain(void)
{
    static struct plain p;
    double best = 1e18;
    p.re = 1;
    p.step_re = cos(2 * M_PI * 50 / SECOND);
    p.step_im = sin(2 * M_PI * 50 / SECOND);
    p.tap_i[4] = p.tap_n[4] = 0.7;
    p.tap_i[5] = p.tap_n[5] = 0.3;
    for (int r = 0; r < ROUNDS; r++) {
        double from = now_ns();
        plain_second(&p);
        best = fmin(best, now_ns() - from);
    }
    if (p.vv + p.ii + p.nn + p.vi + p.vn + p.in + p.vc + p.ns + p.nc + p.is < 0) puts("");
    return best / SECOND;
}

/* -- the meter's chain --------------------------------------------------------------------- */

static void meter(struct rig *r)
{
    struct window w;
    struct quantity q;
    while (window_take(&r->front, &w)) {
        quantity_of(&q, &r->measure, &w);
        for (unsigned k = 0; k < 2; k++) {
            int64_t nj = k ? q.element[0].reactive_nj : q.element[0].active_nj;
            pulse_book(front_pulse(&r->front, k), nj);
        }
    }
}

static double time_chain(bool hilbert, bool single)
{
    static struct rig r;
    double best = 1e18;
    rig_init(&r, &rating);
    r.front_cfg.hilbert = hilbert;
    r.cal.phase_ns[0] = 31000;
    r.cal.phase_ns[1] = -20000;
    front_init(&r.front, &r.front_cfg);
    front_calibrate(&r.front, &r.cal);
    measure_init(&r.measure, &r.measure_cfg, &r.cal);
    for (int k = 0; k < ROUNDS; k++) {
        double from = now_ns();
        for (int s = 0; s < SECOND; s += 800) {
            if (!single) front_samples(&r.front, codes + 3 * s, 800);
            for (int n = s; single && n < s + 800; n++)
                front_sample_isr(&r.front, codes[3 * n], codes[3 * n + 1], codes[3 * n + 2]);
            meter(&r);
        }
        best = fmin(best, now_ns() - from);
    }
    return best / SECOND;
}

static void line(const char *what, double ns, double plain, const char *goal)
{
    printf("  %-46s %6.1f ns  %5.0f M/s  %4.2f x plain  %s\n", what, ns, 1e3 / ns, ns / plain,
           goal);
}

int main(void)
{
    struct wave w;
    wave_init(&w);
    wave_load(&w, 20, 0.5);
    wave_codes(&w, codes, SECOND);
    double plain = time_plain(), block = time_chain(false, false);
    puts("A sample of voltage, phase and neutral current, windows and quantities included:");
    line("plain loop in double precision, sums only", plain, plain, "");
    line("billing chain, blocks (front_samples)", block, plain, "goal 15 ns, 60 M/s");
    line("billing chain, one call a sample", time_chain(false, true), plain, "");
    line("every option, blocks", time_chain(true, false), plain, "");
    printf("  a day at 8 kHz in %.1f s (goal 12)\n", block * 86400 * 8000 * 1e-9);
    return 0;
}
