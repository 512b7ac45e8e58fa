#include "wave/wave.h"

#include <math.h>
#include <string.h>

enum { RESYNC = 512 };
static const double two_pi = 6.283185307179586476925286766559;

void wave_init(struct wave *w)
{
    memset(w, 0, sizeof *w);
    w->f = 50;
    w->rate = 8000;
    w->bits = 24;
    w->seed = 0x9E3779B97F4A7C15;
    for (int c = 0; c < WAVE_CHANNELS; c++) {
        w->ch[c].gain = 1;
        w->ch[c].full_scale = c == WAVE_V ? 500 : 200;
    }
    w->ch[WAVE_V].rms[1] = 230;
}

static void both(struct wave *w, int k, double rms, double phase)
{
    for (int c = WAVE_I; c <= WAVE_N; c++) {
        w->ch[c].rms[k] = rms;
        w->ch[c].phase[k] = phase;
    }
}

void wave_load(struct wave *w, double i, double phi)
{
    both(w, 1, i, w->ch[WAVE_V].phase[1] - phi);
}

/* Lines of two channels meet only at their own frequency; a gate halves what a current does. */
struct wave_truth wave_truth(const struct wave *w)
{
    struct wave_truth t = { 0 };
    const struct wave_channel *v = &w->ch[WAVE_V], *i = &w->ch[WAVE_I], *n = &w->ch[WAVE_N];
    double duty = w->gate_on ? (double)w->gate_on / (w->gate_on + w->gate_off) : 1;
    for (int k = 1; k <= WAVE_HARMONICS; k++) {
        t.u += v->rms[k] * v->rms[k];
        t.i += i->rms[k] * i->rms[k] * duty;
        t.n += n->rms[k] * n->rms[k] * duty;
        t.p += v->rms[k] * i->rms[k] * cos(v->phase[k] - i->phase[k]) * duty;
        t.pn += v->rms[k] * n->rms[k] * cos(v->phase[k] - n->phase[k]) * duty;
    }
    t.q = v->rms[1] * i->rms[1] * sin(v->phase[1] - i->phase[1]) * duty;
    t.qn = v->rms[1] * n->rms[1] * sin(v->phase[1] - n->phase[1]) * duty;
    t.u1 = v->rms[1];
    t.i1 = i->rms[1] * duty;
    t.thd_u = t.u1 > 0 ? sqrt(fmax(0, t.u - t.u1 * t.u1)) / t.u1 : 0;
    t.thd_i = t.i1 > 0 ? sqrt(fmax(0, t.i - t.i1 * t.i1)) / t.i1 : 0;
    t.u = sqrt(t.u);
    t.i = sqrt(t.i);
    t.n = sqrt(t.n);
    t.s = t.u * t.i;
    return t;
}

static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* Marsaglia's polar method. */
double wave_normal(uint64_t *seed)
{
    double a, b, r;
    do {
        a = (double)(next(seed) >> 11) * 0x1p-52 - 1;
        b = (double)(next(seed) >> 11) * 0x1p-52 - 1;
        r = a * a + b * b;
    } while (r >= 1 || r == 0);
    return a * sqrt(-2 * log(r) / r);
}

/* One channel over a block that starts at sample w->at: every line is a turning phasor. */
static void channel(struct wave *w, int c, double *x, size_t n)
{
    const struct wave_channel *ch = &w->ch[c];
    for (size_t s = 0; s < n; s++) x[s] = 0;
    for (int k = 1; k <= WAVE_HARMONICS; k++) {
        if (ch->rms[k] == 0) continue;
        long double turns = (long double)k * w->f * ((long double)w->at / w->rate + ch->skew);
        double angle = two_pi * (double)(turns - floorl(turns)) + ch->phase[k];
        double re = cos(angle), im = sin(angle), step = two_pi * k * w->f / w->rate;
        double cr = cos(step), ci = sin(step), peak = sqrt(2) * ch->rms[k];
        for (size_t s = 0; s < n; s++) {
            x[s] += peak * im;
            double t = re * cr - im * ci;
            im = re * ci + im * cr;
            re = t;
        }
    }
}

static int is_on(const struct wave *w, uint64_t at, double skew)
{
    if (!w->gate_on) return 1;
    double cycle = w->f * ((double)at / w->rate + skew);
    return fmod(cycle, w->gate_on + w->gate_off) < w->gate_on;
}

static int32_t code(const struct wave *w, const struct wave_channel *ch, double x)
{
    double top = ldexp(1, w->bits - 1), y = rint(x * ch->gain / ch->full_scale * top);
    return (int32_t)(y > top - 1 ? top - 1 : y < -top ? -top : y);
}

static void block(struct wave *w, int32_t *dst, size_t n)
{
    double x[RESYNC];
    for (int c = 0; c < WAVE_CHANNELS; c++) {
        struct wave_channel *ch = &w->ch[c];
        channel(w, c, x, n);
        for (size_t s = 0; s < n; s++) {
            if (c != WAVE_V && !is_on(w, w->at + s, ch->skew)) x[s] = 0;
            x[s] += ch->dc;
            if (ch->noise > 0) x[s] += ch->noise * wave_normal(&w->seed);
            dst[3 * s + (size_t)c] = code(w, ch, x[s]);
        }
    }
    w->at += n;
}

void wave_codes(struct wave *w, int32_t *dst, size_t count)
{
    for (size_t n; count; count -= n, dst += 3 * n) {
        n = count < RESYNC ? count : RESYNC;
        block(w, dst, n);
    }
}

/* Currents from a shape over one cycle: its Fourier coefficients by quadrature of the closed
 * form between its corners are exact to 1e-12, because the integrand is a sine times a sine. */
static void shape(struct wave *w, double i, double from1, double to1, double from2, double to2)
{
    double peak = sqrt(2) * i;
    for (int k = 1; k <= WAVE_HARMONICS; k++) {
        double a = 0, b = 0; /* of cos and sin, times pi */
        const double part[2][2] = { { from1, to1 }, { from2, to2 } };
        for (int p = 0; p < 2; p++) {
            double lo = part[p][0], hi = part[p][1];
            if (hi <= lo) continue;
            if (k == 1) {
                a += (sin(hi) * sin(hi) - sin(lo) * sin(lo)) / 2;
                b += (hi - lo) / 2 - (sin(2 * hi) - sin(2 * lo)) / 4;
            } else {
                a += (cos((k - 1) * hi) - cos((k - 1) * lo)) / (2 * (k - 1)) -
                     (cos((k + 1) * hi) - cos((k + 1) * lo)) / (2 * (k + 1));
                b += (sin((k - 1) * hi) - sin((k - 1) * lo)) / (2 * (k - 1)) -
                     (sin((k + 1) * hi) - sin((k + 1) * lo)) / (2 * (k + 1));
            }
        }
        a *= peak * 2 / two_pi;
        b *= peak * 2 / two_pi;
        both(w, k, sqrt((a * a + b * b) / 2), atan2(a, b));
    }
}

void wave_fired(struct wave *w, double i, double degree)
{
    double a = degree * two_pi / 360, pi = two_pi / 2;
    shape(w, i, a, pi, pi + a, 2 * pi);
}

void wave_trailing(struct wave *w, double i, double degree)
{
    double a = degree * two_pi / 360, pi = two_pi / 2;
    shape(w, i, 0, a, pi, pi + a);
}

void wave_half(struct wave *w, double i)
{
    shape(w, i, 0, two_pi / 2, 0, 0);
}

void wave_burst(struct wave *w, double i)
{
    wave_load(w, i, 0);
    w->gate_on = w->gate_off = 2;
}

static void line(struct wave *w, int k, double u, double i, double phi)
{
    w->ch[WAVE_V].rms[k] = u;
    w->ch[WAVE_V].phase[k] = 0;
    both(w, k, i, -phi);
}

void wave_fifth(struct wave *w, double i)
{
    double u = w->ch[WAVE_V].rms[1];
    wave_load(w, i, 0);
    line(w, 5, 0.10 * u, 0.40 * i, 0);
}

void wave_probe(struct wave *w, double i, int harmonic, double phi)
{
    double u = w->ch[WAVE_V].rms[1];
    wave_load(w, i, 0);
    line(w, harmonic, 0.10 * u, 0.40 * i, phi);
}

void wave_q_trap(struct wave *w, double i)
{
    wave_probe(w, i, 5, two_pi / 4);
}

/* Flattened and peaked waves of the 2020 editions: harmonics of u and i with their angles. */
static void table(struct wave *w, double i, const double u[][3], int n)
{
    double un = w->ch[WAVE_V].rms[1];
    wave_load(w, i, 0);
    for (int r = 0; r < n; r++) {
        int k = (int)u[r][0];
        double turn = u[r][2] < 0 ? two_pi / 2 : 0;
        w->ch[WAVE_V].rms[k] = un * u[r][1] / 100;
        w->ch[WAVE_V].phase[k] = turn;
        both(w, k, i * fabs(u[r][2]) / 100, turn);
    }
}

void wave_quadriform(struct wave *w, double i)
{
    static const double rows[][3] = {
        { 3, 3.8, 30 }, { 5, 2.4, 18 }, { 7, 1.7, 14 }, { 11, 1.0, 9 }, { 13, 0.8, 5 }
    };
    table(w, i, rows, 5);
}

void wave_peaked(struct wave *w, double i)
{
    static const double rows[][3] = {
        { 3, 3.8, -30 }, { 5, 2.4, 18 }, { 7, 1.7, -14 }, { 11, 1.0, -9 }, { 13, 0.8, 5 }
    };
    table(w, i, rows, 5);
}
