/* One sample through the chain: what happens at every sample. Half turns are edge.c's, blocks
 * batch.c's. Written for a Cortex-M4: values stay in registers, sums are loaded and stored in
 * pairs.
 */
#include "metrology/chain.h"

#include "metrology/trig.h"

int32_t chain_clamp(struct front *f, int32_t code, int channel)
{
    int32_t low = f->lo - 1, high = -f->lo;
    uint16_t *count = &f->now.saturated[channel];
    if (*count < UINT16_MAX) ++*count;
    return code < low ? low : code > high ? high : code;
}

/* The line is written twice, so that the taps are never split. */
static inline void into_line(struct front *f, uint32_t at, int channel, int32_t x)
{
    union front_pair *place = &f->line[(at + f->ahead[channel]) & (FRONT_LINE - 1)];
    place[0].one[channel] = place[FRONT_LINE].one[channel] = x;
}

static inline void add(int64_t *sum, int32_t a, int32_t b)
{
    *sum += (int64_t)a * b;
}

static inline void sum_voltage(struct front *f, int32_t v, int32_t sine, int32_t cosine)
{
    f->linear[0] += v;
    add(&f->now.sum[SUM_VV], v, v);
    add(&f->now.sum[SUM_VC], v, cosine);
    add(&f->now.sum[SUM_VS], v, sine);
}

static inline void sum_phase(struct front *f, int32_t v, int32_t i, int32_t sine,
                             int32_t cosine)
{
    f->linear[1] += i;
    add(&f->now.sum[SUM_II], i, i);
    add(&f->now.sum[SUM_VI], v, i);
    add(&f->now.sum[SUM_IC], i, cosine);
    add(&f->now.sum[SUM_IS], i, sine);
}

static inline void sum_neutral(struct front *f, int32_t v, int32_t i, int32_t n, int32_t sine,
                               int32_t cosine)
{
    f->linear[2] += n;
    add(&f->now.sum[SUM_NN], n, n);
    add(&f->now.sum[SUM_VN], v, n);
    add(&f->now.sum[SUM_IN], i, n);
    add(&f->now.sum[SUM_NC], n, cosine);
    add(&f->now.sum[SUM_NS], n, sine);
}

unsigned front_sample_isr(struct front *f, int32_t code_v, int32_t code_i, int32_t code_n)
{
    unsigned mode = f->mode;
    int32_t sine, cosine;
    if (mode & MODE_DEAF) {
        front_missed_isr(f, 1);
        return 0;
    }
    uint32_t at = f->at = (f->at - 1) & (FRONT_LINE - 1);
    int32_t *place = &f->line_v[at & (DELAY_V - 1)];
    int32_t v = *place;
    *place = chain_code(f, code_v, 0);
    into_line(f, at, 0, chain_code(f, code_i, 1));
    if (mode & MODE_NEUTRAL) into_line(f, at, 1, chain_code(f, code_n, 2));
    union front_pair both = { .both = delay_both(&f->line[at + FIRST_TAP], f->tap, &f->carry) };
    int32_t i = both.one[0], n = both.one[1];
    uint32_t before = f->phase, phase = before + f->lock.step;
    f->phase = phase;
    trig_sincos(phase, &sine, &cosine);
    if (mode & MODE_HILBERT) chain_quadrature(f, at, v, i);
    if ((before ^ phase) >> 31) {
        struct front_point x = { v, i, n, sine, cosine };
        front_edge_isr(f, &x);
    }
    sum_voltage(f, v, sine, cosine);
    sum_phase(f, v, i, sine, cosine);
    if (mode & MODE_NEUTRAL) sum_neutral(f, v, i, n, sine, cosine);
    if (mode & MODE_HILBERT) add(&f->now.sum[SUM_HI], f->quad.v, f->quad.i);
    f->last = (struct front_point){ v, i, n, sine, cosine };
    return --f->left ? f->lamps : front_event_isr(f);
}
