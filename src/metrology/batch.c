/* The same chain for many samples at once, as a host likes it: between two events (an edge, a
 * slice, a pulse) every stage runs over a block, and its sums stay in registers. Integers add
 * up to the same whatever the order, so the states after front_samples() and after as many
 * calls of front_sample_isr() are equal octet by octet.
 */
#include <string.h>

#include "metrology/delay.h"
#include "metrology/chain.h"
#include "metrology/trig.h"

enum { BLOCK = 64, HISTORY = FRONT_LINE };

struct block {
    uint32_t m; /* samples in it */
    int32_t v[BLOCK], i[BLOCK], n[BLOCK], sine[BLOCK], cosine[BLOCK], hv[BLOCK], hi[BLOCK],
        hn[BLOCK];
};

/* How many samples can go before something happens. */
static uint32_t quiet(const struct front *f, size_t count)
{
    if (f->slice || f->deaf) return 0;
    uint32_t m = count < BLOCK ? (uint32_t)count : BLOCK;
    uint32_t half = UINT32_C(0x7FFFFFFF), left = (half - (f->phase & half)) / f->lock.step;
    if (left < m) m = left;
    for (int k = 0; k < PULSE_OUTPUTS; k++) {
        int32_t ahead = (int32_t)(f->pulse[k].event_at - f->count);
        if (ahead < (int32_t)m) m = ahead > 0 ? (uint32_t)ahead : 0;
    }
    return m;
}

static void codes_in(struct front *f, const int32_t *codes, uint32_t m, int channel, int32_t *x)
{
    size_t step = f->channels;
    for (uint32_t k = 0; k < m; k++) x[k] = chain_code(f, codes[k * step], channel);
}

static void filter(const int32_t *x, const int32_t tap[FRONT_TAPS], uint32_t m, int32_t *y)
{
    for (; m; m--, x++) {
        int64_t sum = INT64_C(1) << 29;
        for (ptrdiff_t t = 0; t < FRONT_TAPS; t++) sum += (int64_t)x[-t] * tap[t];
        *y++ = (int32_t)(sum >> 30);
    }
}

/* The line, oldest sample first, then the new codes; afterwards their last sixteen are the
 * line. */
static void through_line(struct front *f, const int32_t *codes, uint32_t m, int channel,
                         int32_t *y)
{
    int32_t x[HISTORY + BLOCK], *line = f->line[channel];
    for (uint32_t k = 0; k < HISTORY; k++) x[HISTORY - 1 - k] = line[f->at + k];
    codes_in(f, codes, m, channel + 1, x + HISTORY);
    filter(x + HISTORY - f->whole[channel], f->tap[channel], m, y);
    for (uint32_t k = 0; k < HISTORY && k < m; k++) {
        uint32_t at = (f->at - m + k) & (FRONT_LINE - 1);
        line[at] = line[at + FRONT_LINE] = x[HISTORY + m - 1 - k];
    }
}

static void voltage(struct front *f, const int32_t *codes, uint32_t m, int32_t *y)
{
    int32_t x[8 + BLOCK];
    for (uint32_t k = 0; k < 8; k++) x[7 - k] = f->line_v[(f->at + k) & 7];
    codes_in(f, codes, m, 0, x + 8);
    for (uint32_t k = 0; k < m; k++) y[k] = x[8 + k - DELAY_V];
    for (uint32_t k = 0; k < 8 && k < m; k++) f->line_v[(f->at - m + k) & 7] = x[7 + m - k];
}

static void oscillate(struct front *f, struct block *b)
{
    for (uint32_t k = 0; k < b->m; k++)
        trig_sincos(f->phase + (k + 1) * f->lock.step, &b->sine[k], &b->cosine[k]);
    f->phase += b->m * f->lock.step;
}

static void quadratures(struct front *f, struct block *b)
{
    for (uint32_t k = 0; k < b->m; k++) {
        struct tap_point x = { .v = b->v[k], .i = b->i[k], .n = b->n[k] };
        chain_quadrature(f, (f->count + k) & 1, &x);
        b->hv[k] = x.hv;
        b->hi[k] = x.hi;
        b->hn[k] = x.hn;
    }
}

static void sums_voltage(struct front *f, int64_t *sum, const struct block *b)
{
    int64_t vv = 0, vc = 0, vs = 0;
    int32_t v1 = 0;
    for (uint32_t k = 0; k < b->m; k++) {
        int64_t v = b->v[k];
        v1 += b->v[k];
        vv += v * v;
        vc += v * b->cosine[k];
        vs += v * b->sine[k];
    }
    f->linear[0] += v1;
    sum[SUM_VV] += vv;
    sum[SUM_VC] += vc;
    sum[SUM_VS] += vs;
}

/* Where a current's products go: its square, with v, with cosine and sine. */
static const uint8_t place[2][4] = { { SUM_II, SUM_VI, SUM_IC, SUM_IS },
                                     { SUM_NN, SUM_VN, SUM_NC, SUM_NS } };

static void sums_current(struct front *f, int64_t *sum, const struct block *b, int channel)
{
    const int32_t *x = channel ? b->n : b->i;
    int64_t xx = 0, vx = 0, xc = 0, xs = 0;
    int32_t x1 = 0;
    for (uint32_t k = 0; k < b->m; k++) {
        int64_t one = x[k];
        x1 += x[k];
        xx += one * one;
        vx += one * b->v[k];
        xc += one * b->cosine[k];
        xs += one * b->sine[k];
    }
    f->linear[1 + channel] += x1;
    sum[place[channel][0]] += xx;
    sum[place[channel][1]] += vx;
    sum[place[channel][2]] += xc;
    sum[place[channel][3]] += xs;
}

static int64_t dot(const int32_t *a, const int32_t *b, uint32_t m)
{
    int64_t sum = 0;
    for (uint32_t k = 0; k < m; k++) sum += (int64_t)a[k] * b[k];
    return sum;
}

static void sums(struct front *f, const struct block *b)
{
    int64_t *sum = f->queue[f->open].sum;
    sums_voltage(f, sum, b);
    sums_current(f, sum, b, 0);
    if (f->channels > 2) {
        sums_current(f, sum, b, 1);
        sum[SUM_IN] += dot(b->i, b->n, b->m);
    }
    if (f->hilbert) {
        sum[SUM_HI] += dot(b->hv, b->hi, b->m);
        sum[SUM_HN] += dot(b->hv, b->hn, b->m);
    }
}

/* What front_edge_isr() will want of the sample before the edge. */
static void remember(struct front *f, const struct block *b)
{
    uint32_t k = b->m - 1;
    f->last = (struct tap_point){ b->v[k], b->i[k], 0, b->sine[k], b->cosine[k], 0, 0, 0 };
    if (f->channels > 2) f->last.n = b->n[k];
    if (f->hilbert) {
        f->last.hv = b->hv[k];
        f->last.hi = b->hi[k];
        f->last.hn = f->channels > 2 ? b->hn[k] : 0;
    }
}

static void run(struct front *f, struct block *b, const int32_t *codes)
{
    voltage(f, codes, b->m, b->v);
    through_line(f, codes + 1, b->m, 0, b->i);
    if (f->channels > 2) through_line(f, codes + 2, b->m, 1, b->n);
    f->at = (f->at - b->m) & (FRONT_LINE - 1);
    oscillate(f, b);
    if (f->hilbert) quadratures(f, b);
    sums(f, b);
    remember(f, b);
    if (UINT32_MAX - f->count < b->m) f->count_high++;
    f->count += b->m;
}

/* No output changes inside a block. */
static unsigned outputs_on(const struct front *f)
{
    return (f->pulse[PULSE_ACTIVE].out == PULSE_OUT_ON ? FRONT_PULSE_WH : 0u) |
           (f->pulse[PULSE_REACTIVE].out == PULSE_OUT_ON ? FRONT_PULSE_VARH : 0u);
}

unsigned front_samples(struct front *f, const int32_t *codes, size_t count)
{
    unsigned report = 0;
    struct block b;
    for (size_t step = f->channels; count; count -= b.m, codes += b.m * step) {
        b.m = quiet(f, count);
        if (b.m) {
            run(f, &b, codes);
            report |= outputs_on(f);
            continue;
        }
        report |= front_sample_isr(f, codes[0], codes[1], step > 2 ? codes[2] : 0);
        b.m = 1;
    }
    return report;
}
