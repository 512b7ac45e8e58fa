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
    int32_t v[BLOCK], i[BLOCK], n[BLOCK], sine[BLOCK], cosine[BLOCK], hv[BLOCK], hi[BLOCK];
};

/* How many samples can go before something happens. */
static uint32_t quiet(const struct front *f, size_t count)
{
    if (f->mode & MODE_DEAF) return 0;
    uint32_t m = count < BLOCK ? (uint32_t)count : BLOCK;
    uint32_t half = UINT32_C(0x7FFFFFFF), left = (half - (f->phase & half)) / f->lock.step;
    if (left < m) m = left;
    if (f->left - 1 < m) m = f->left - 1;
    return m;
}

static void codes_in(struct front *f, const int32_t *codes, uint32_t m, int channel, int32_t *x)
{
    size_t step = f->sampling.channels;
    for (uint32_t k = 0; k < m; k++) x[k] = chain_code(f, codes[k * step], channel);
}

static int32_t filter(const int32_t *x, const int32_t tap[FRONT_TAPS], uint32_t m, int32_t *y,
                      int32_t carry)
{
    for (; m; m--, x++) {
        int64_t sum = carry;
        for (ptrdiff_t t = 0; t < FRONT_TAPS; t++) sum += (int64_t)x[-t] * tap[t];
        *y++ = (int32_t)(sum >> DELAY_BITS);
        carry = (int32_t)(sum & ((1 << DELAY_BITS) - 1));
    }
    return carry;
}

/* The line, oldest sample first, then the new codes; afterwards their last sixteen are the
 * line. */
static void through_line(struct front *f, const int32_t *codes, uint32_t m, int channel,
                         int32_t *y)
{
    int32_t x[HISTORY + BLOCK], tap[FRONT_TAPS];
    uint32_t at = f->at + f->ahead[channel];
    for (int t = 0; t < FRONT_TAPS; t++) tap[t] = f->tap[t].one[channel];
    for (uint32_t k = 0; k < HISTORY; k++)
        x[HISTORY - 1 - k] = f->line[(at + k) & (FRONT_LINE - 1)].one[channel];
    codes_in(f, codes, m, channel + 1, x + HISTORY);
    f->carry.one[channel] =
        filter(x + HISTORY - FIRST_TAP + f->ahead[channel], tap, m, y, f->carry.one[channel]);
    for (uint32_t k = 0; k < HISTORY && k < m; k++) {
        union front_pair *place = &f->line[(at - m + k) & (FRONT_LINE - 1)];
        place[0].one[channel] = place[FRONT_LINE].one[channel] = x[HISTORY + m - 1 - k];
    }
}

static void voltage(struct front *f, const int32_t *codes, uint32_t m, int32_t *y)
{
    int32_t x[DELAY_V + BLOCK];
    for (uint32_t k = 0; k < DELAY_V; k++) x[DELAY_V - 1 - k] = f->line_v[(f->at + k) & 7];
    codes_in(f, codes, m, 0, x + DELAY_V);
    memcpy(y, x, m * sizeof *y);
    for (uint32_t k = 0; k < DELAY_V && k < m; k++)
        f->line_v[(f->at - m + k) & 7] = x[DELAY_V + m - 1 - k];
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
        chain_quadrature(f, f->at - k - 1, b->v[k], b->i[k]);
        b->hv[k] = f->quad.v;
        b->hi[k] = f->quad.i;
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
    int64_t *sum = f->now.sum;
    sums_voltage(f, sum, b);
    sums_current(f, sum, b, 0);
    if (f->mode & MODE_NEUTRAL) {
        sums_current(f, sum, b, 1);
        sum[SUM_IN] += dot(b->i, b->n, b->m);
    }
    if (f->mode & MODE_HILBERT) {
        sum[SUM_HI] += dot(b->hv, b->hi, b->m);
    }
}

/* What front_edge_isr() will want of the sample before the edge. */
static void remember(struct front *f, const struct block *b)
{
    uint32_t k = b->m - 1;
    f->last = (struct front_point){ b->v[k], b->i[k], f->mode & MODE_NEUTRAL ? b->n[k] : 0,
                                    b->sine[k], b->cosine[k] };
}

static void run(struct front *f, struct block *b, const int32_t *codes)
{
    voltage(f, codes, b->m, b->v);
    through_line(f, codes + 1, b->m, 0, b->i);
    if (f->mode & MODE_NEUTRAL) through_line(f, codes + 2, b->m, 1, b->n);
    oscillate(f, b);
    if (f->mode & MODE_HILBERT) quadratures(f, b);
    f->at = (f->at - b->m) & (FRONT_LINE - 1);
    sums(f, b);
    remember(f, b);
    f->left -= b->m;
}

unsigned front_samples(struct front *f, const int32_t *codes, size_t count)
{
    unsigned report = 0;
    struct block b;
    for (size_t step = f->sampling.channels; count; count -= b.m, codes += b.m * step) {
        b.m = quiet(f, count);
        if (b.m) {
            run(f, &b, codes);
            report |= f->lamps; /* no output changes inside a block */
            continue;
        }
        report |= front_sample_isr(f, codes[0], codes[1], step > 2 ? codes[2] : 0);
        b.m = 1;
    }
    return report;
}
