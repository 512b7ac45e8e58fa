/* One sample through the chain. Everything that happens at every sample is in this file,
 * inlined into its two doors; what happens at half turns is in edge.c.
 */
#include "metrology/chain.h"
#include "metrology/trig.h"

/* A code at or beyond the ends of the converter: counted, and kept within them. */
int32_t chain_clamp(struct front *f, int32_t code, int channel)
{
    int32_t low = f->lo - 1, high = -f->lo;
    uint16_t *count = &f->queue[f->open].saturated[channel];
    if (*count < UINT16_MAX) ++*count;
    return code < low ? low : code > high ? high : code;
}

static inline int32_t delayed(const int32_t x[FRONT_TAPS], const int32_t tap[FRONT_TAPS])
{
    int64_t y = INT64_C(1) << 29;
    for (int k = 0; k < FRONT_TAPS; k++) y += (int64_t)x[k] * tap[k];
    return (int32_t)(y >> 30);
}

/* Both lines are written twice, so that the taps are never split. */
static inline int32_t through_line(struct front *f, int channel, int32_t x)
{
    int32_t *line = f->line[channel];
    line[f->at] = line[f->at + FRONT_LINE] = x;
    return delayed(line + f->at + f->whole[channel], f->tap[channel]);
}

static inline void add(int64_t *sum, int32_t a, int32_t b)
{
    *sum += (int64_t)a * b;
}

static inline void accumulate(struct front *f, const struct tap_point *x)
{
    int64_t *sum = f->queue[f->open].sum;
    f->linear[0] += x->v;
    f->linear[1] += x->i;
    add(&sum[SUM_VV], x->v, x->v);
    add(&sum[SUM_VC], x->v, x->cosine);
    add(&sum[SUM_VS], x->v, x->sine);
    add(&sum[SUM_II], x->i, x->i);
    add(&sum[SUM_VI], x->v, x->i);
    add(&sum[SUM_IC], x->i, x->cosine);
    add(&sum[SUM_IS], x->i, x->sine);
    if (f->channels > 2) {
        f->linear[2] += x->n;
        add(&sum[SUM_NN], x->n, x->n);
        add(&sum[SUM_VN], x->v, x->n);
        add(&sum[SUM_IN], x->i, x->n);
        add(&sum[SUM_NC], x->n, x->cosine);
        add(&sum[SUM_NS], x->n, x->sine);
    }
    if (f->hilbert) {
        add(&sum[SUM_HI], x->hv, x->hi);
        add(&sum[SUM_HN], x->hv, x->hn);
    }
}

static inline unsigned outputs(struct front *f)
{
    return (pulse_tick_isr(&f->pulse[PULSE_ACTIVE], f->count) ? FRONT_PULSE_WH : 0u) |
           (pulse_tick_isr(&f->pulse[PULSE_REACTIVE], f->count) ? FRONT_PULSE_VARH : 0u);
}

unsigned chain_sample(struct front *f, int32_t v, int32_t i, int32_t n)
{
    struct tap_point x = { 0 };
    unsigned report = 0;
    f->at = (f->at - 1) & (FRONT_LINE - 1);
    f->line_v[f->at & 7] = chain_code(f, v, 0);
    x.v = f->line_v[(f->at + DELAY_V) & 7];
    x.i = through_line(f, 0, chain_code(f, i, 1));
    if (f->channels > 2) x.n = through_line(f, 1, chain_code(f, n, 2));
    uint32_t before = f->phase;
    f->phase += f->lock.step;
    trig_sincos(f->phase, &x.sine, &x.cosine);
    if (f->hilbert) chain_quadrature(f, f->count & 1, &x);
    if ((before ^ f->phase) >> 31)
        report = front_edge_isr(f, &x);
    else if (f->slice)
        report = front_slice_isr(f);
    accumulate(f, &x);
    f->last = x;
    report |= outputs(f);
    if (++f->count == 0) f->count_high++;
    return report;
}

unsigned front_sample_isr(struct front *f, int32_t v, int32_t i, int32_t n)
{
    if (f->deaf) {
        front_missed_isr(f, 1);
        return 0;
    }
    return chain_sample(f, v, i, n);
}
