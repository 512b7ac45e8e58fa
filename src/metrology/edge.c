/* What happens at half turns of the oscillator: RMS, energy to the outputs, windows. The sample
 * that finds the edge splits it; the rest is done in slices over the samples that follow.
 */
#include <string.h>

#include "base/err.h"
#include "metrology/front.h"

/* The edge lies at fraction of the interval between two samples. By the trapezoid over the
 * broken interval the old side gives up `before` of the older sample and gets `after` of the
 * newer. */
struct cut {
    uint32_t fraction, before, after; /* 2^16 is one */
};

static struct cut cut_at(const struct front *f)
{
    uint32_t over = f->phase & UINT32_C(0x7FFFFFFF);
    uint32_t part = (uint32_t)((uint64_t)over * f->lock.inverse >> 40);
    uint32_t rest = part > 65536 ? 65536 : part;
    return (struct cut){ 65536 - rest, rest * rest >> 17,
                         (65536 - rest) * (65536 - rest) >> 17 };
}

/* What must be added to a sum that holds the older product, to end at the edge. */
static int64_t share(struct cut c, int64_t older, int64_t newer)
{
    return ((newer >> 8) * c.after - (older >> 8) * c.before) >> 8;
}

static void products(const struct tap_point *x, int64_t p[WINDOW_SUMS])
{
    int64_t v = x->v, i = x->i, n = x->n, s = x->sine, c = x->cosine;
    p[SUM_V] = v;
    p[SUM_I] = i;
    p[SUM_N] = n;
    p[SUM_VV] = v * v;
    p[SUM_II] = i * i;
    p[SUM_NN] = n * n;
    p[SUM_VI] = v * i;
    p[SUM_VN] = v * n;
    p[SUM_IN] = i * n;
    p[SUM_VC] = v * c;
    p[SUM_VS] = v * s;
    p[SUM_IC] = i * c;
    p[SUM_IS] = i * s;
    p[SUM_NC] = n * c;
    p[SUM_NS] = n * s;
    p[SUM_HI] = (int64_t)x->hv * x->hi;
    p[SUM_HN] = (int64_t)x->hv * x->hn;
}

void front_flush_isr(struct front *f)
{
    struct window *w = &f->queue[f->open];
    for (int k = 0; k < 3; k++) {
        w->sum[SUM_V + k] += f->linear[k];
        f->linear[k] = 0;
    }
}

/* One-cycle mean square from two half cycles: their sum over 2^32 / step samples. */
static uint64_t mean_square(const struct front *f, uint64_t halves)
{
    return (halves >> 20) * f->lock.step >> 12;
}

static void keep_half(struct front *f, struct window *w, int64_t vv, int64_t ii)
{
    uint64_t half_vv = vv > f->edge_vv ? (uint64_t)(vv - f->edge_vv) : 0;
    uint64_t half_ii = ii > f->edge_ii ? (uint64_t)(ii - f->edge_ii) : 0;
    uint64_t square = mean_square(f, half_vv + f->half_vv);
    if (f->blind)
        f->blind--;
    else {
        f->pack[0] = window_pack(square);
        f->pack[1] = window_pack(mean_square(f, half_ii + f->half_ii));
        f->is_dark = square < f->dark;
    }
    if (w->halves < WINDOW_HALVES) {
        w->vv_half[w->halves] = f->pack[0];
        w->ii_half[w->halves] = f->pack[1];
    }
    if (w->halves < UINT16_MAX) w->halves++;
    f->half_vv = half_vv;
    f->half_ii = half_ii;
    f->edge_vv = vv;
    f->edge_ii = ii;
}

/* The billed current's place in the sums. */
static int64_t billed(const struct front *f, const struct window *w, int phase, int neutral)
{
    return w->sum[f->billed_now ? neutral : phase];
}

static void mark_fed(struct front *f, const struct window *w)
{
    f->fed_p = billed(f, w, SUM_VI, SUM_VN);
    f->fed_vc = w->sum[SUM_VC];
    f->fed_vs = w->sum[SUM_VS];
    f->fed_ic = billed(f, w, SUM_IC, SUM_NC);
    f->fed_is = billed(f, w, SUM_IS, SUM_NS);
}

/* Energy and phasors of the half cycle, to the sample before the edge: the window settles the
 * rest. */
static void collect(struct front *f, const struct window *w)
{
    memcpy(f->phasor[0], f->phasor[1], sizeof f->phasor[0]);
    f->half_p = billed(f, w, SUM_VI, SUM_VN) - f->fed_p;
    f->phasor[1][0] = (int32_t)((w->sum[SUM_VC] - f->fed_vc) >> 21);
    f->phasor[1][1] = (int32_t)((w->sum[SUM_VS] - f->fed_vs) >> 21);
    f->phasor[1][2] = (int32_t)((billed(f, w, SUM_IC, SUM_NC) - f->fed_ic) >> 21);
    f->phasor[1][3] = (int32_t)((billed(f, w, SUM_IS, SUM_NS) - f->fed_is) >> 21);
    mark_fed(f, w);
}

static uint8_t after(uint8_t place)
{
    return place == FRONT_QUEUE ? 0 : (uint8_t)(place + 1);
}

static void open_next(struct front *f)
{
    struct window *w = &f->queue[f->open = after(f->open)];
    memset(w->pulsed_nj, 0, sizeof w->pulsed_nj);
    memset(w->saturated, 0, sizeof w->saturated);
    w->start_q16 = f->edge_q16;
    w->missed = 0;
    w->flags = w->halves = 0;
    f->billed_now = f->billed;
    f->edge_vv = f->edge_ii = f->edge_vc = f->edge_vs = 0;
}

/* What is known of w when it closes; lock_window() learns from whole turns only. */
static void describe(struct front *f, struct window *w, uint64_t edge_q16)
{
    struct lock *l = &f->lock;
    bool whole = l->state == LOCK_ON && !f->force && !w->missed && w->halves >= f->halves_span;
    w->span_q16 = edge_q16 - f->edge_q16 - ((uint64_t)w->missed << 16);
    w->flags |= (uint16_t)((whole ? 0 : WINDOW_UNLOCKED) | (l->range ? WINDOW_F_RANGE : 0) |
                           (l->state == LOCK_HOLD ? WINDOW_NO_VOLTAGE : 0) |
                           (w->halves > f->halves_span ? WINDOW_GROWN : 0));
    l->turns = whole ? w->halves / 2 : 0;
    l->span_q16 = w->span_q16;
    l->window_c = w->sum[SUM_VC];
    l->window_s = w->sum[SUM_VS];
    f->edge_q16 = edge_q16;
    f->force = false;
}

/* The edge parts the open window from the next one: every sum is split, nothing is lost. */
static void close_at(struct front *f, struct cut c, const struct tap_point *x)
{
    struct window *w = &f->queue[f->open];
    int64_t older[WINDOW_SUMS], newer[WINDOW_SUMS];
    products(&f->last, older);
    products(x, newer);
    uint64_t now = (uint64_t)f->count_high << 32 | f->count;
    open_next(f);
    struct window *next = &f->queue[f->open];
    for (int k = 0; k < WINDOW_SUMS; k++) {
        int64_t part = share(c, older[k], newer[k]);
        w->sum[k] += part;
        next->sum[k] = -part;
    }
    describe(f, w, ((now - 1) << 16) + c.fraction);
    next->start_q16 = f->edge_q16;
    mark_fed(f, next);
    f->slice |= SLICE_THETA | SLICE_PUBLISH;
}

/* Frequency is known: bring the phase to that of the voltage. The window that begins here is
 * shorter than its turns, and ends with the first of them. */
static void jump(struct front *f)
{
    f->phase += f->lock.jump;
    f->lock.state = LOCK_ON;
    f->lock.skip = 3; /* the turn before the jump, the broken one, the first whole one */
    f->force = true;
    f->blind = 3;
}

static void turn(struct front *f, struct cut c, const struct tap_point *x)
{
    struct window *w = &f->queue[f->open];
    struct lock *l = &f->lock;
    int64_t vc = w->sum[SUM_VC] +
                 share(c, (int64_t)f->last.v * f->last.cosine, (int64_t)x->v * x->cosine);
    int64_t vs =
        w->sum[SUM_VS] + share(c, (int64_t)f->last.v * f->last.sine, (int64_t)x->v * x->sine);
    l->cycle_c = vc - f->edge_vc;
    l->cycle_s = vs - f->edge_vs;
    f->edge_vc = vc;
    f->edge_vs = vs;
    f->slice |= SLICE_CYCLE;
    if (w->halves < f->halves_span && !f->force && l->state != LOCK_PHASE) return;
    if (after(f->open) == f->tail) return; /* no room: it grows */
    if (f->slice & SLICE_PUBLISH) return;  /* the last one is not out yet */
    bool set_phase = l->state == LOCK_PHASE;
    close_at(f, c, x);
    if (set_phase) jump(f);
}

static bool is_full(const struct front *f)
{
    uint64_t now = (uint64_t)f->count_high << 32 | f->count;
    return now - (f->edge_q16 >> 16) > WINDOW_SAMPLES_MAX;
}

unsigned front_edge_isr(struct front *f, const struct tap_point *x)
{
    struct window *w = &f->queue[f->open];
    struct cut c = cut_at(f);
    front_flush_isr(f);
    keep_half(f, w,
              w->sum[SUM_VV] + share(c, (int64_t)f->last.v * f->last.v, (int64_t)x->v * x->v),
              w->sum[SUM_II] + share(c, (int64_t)f->last.i * f->last.i, (int64_t)x->i * x->i));
    collect(f, w);
    f->slice |= SLICE_ACTIVE | SLICE_REACTIVE;
    if (!(f->phase >> 31)) turn(f, c, x);
    f->deaf = is_full(f);
    return f->is_dark ? FRONT_DARK : 0;
}

/* The window that the half cycle just ended belongs to: at a window's end it waits at head. */
static void feed(struct front *f, enum pulse_output k, int64_t raw)
{
    pulse_feed_isr(&f->pulse[k], scale_apply(f->energy[f->billed_now], raw), f->count,
                   UINT32_C(0x80000000) / f->lock.step, f->queue[f->head].pulsed_nj[k]);
}

/* Fundamental reactive energy of half a cycle from the phasors of a whole one. These carry 2^22
 * of the oscillator and lost 2^21; 2 / N of the product is the energy of N samples. */
static int64_t reactive(const struct front *f)
{
    int64_t p[4];
    for (int k = 0; k < 4; k++) p[k] = (int64_t)f->phasor[0][k] + f->phasor[1][k];
    return ((p[0] * p[3] - p[1] * p[2]) >> 26) * f->lock.step >> 8;
}

unsigned front_slice_isr(struct front *f)
{
    unsigned one = f->slice & (0u - f->slice);
    f->slice = (uint8_t)(f->slice & ~one);
    switch (one) {
    case SLICE_CYCLE:
        lock_cycle(&f->lock);
        return 0;
    case SLICE_ACTIVE:
        feed(f, PULSE_ACTIVE, f->half_p);
        return 0;
    case SLICE_REACTIVE:
        feed(f, PULSE_REACTIVE, reactive(f));
        return 0;
    case SLICE_THETA:
        if (f->lock.jumped) f->queue[f->head].flags |= WINDOW_UNLOCKED;
        lock_window(&f->lock);
        return 0;
    default:
        f->queue[f->head].f_uhz = f->lock.f_uhz;
        f->head = f->open; /* last: now the meter may see it */
        return FRONT_WINDOW;
    }
}

int front_close(struct front *f)
{
    while (f->slice) front_slice_isr(f);
    uint64_t now = (uint64_t)f->count_high << 32 | f->count;
    uint64_t edge = now ? (now << 16) - 0x8000 : 0; /* the last sample counts whole */
    struct window *w = &f->queue[f->open];
    if (edge <= f->edge_q16 + ((uint64_t)w->missed << 16)) return 0;
    if (after(f->open) == f->tail) return E_SPACE;
    front_flush_isr(f);
    collect(f, w);
    feed(f, PULSE_ACTIVE, f->half_p);
    open_next(f);
    memset(f->queue[f->open].sum, 0, sizeof f->queue[f->open].sum);
    f->force = true;
    describe(f, w, edge);
    w->flags |= WINDOW_CUT;
    f->queue[f->open].start_q16 = f->edge_q16;
    mark_fed(f, &f->queue[f->open]);
    lock_window(&f->lock);
    w->f_uhz = f->lock.f_uhz;
    f->head = f->open;
    f->force = true;
    f->blind = 2;
    return 0;
}
