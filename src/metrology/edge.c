/* What happens at half turns of the oscillator: RMS, the outputs, windows. The sample
 * that finds the edge only takes the sums it needs; the work is done in slices, one at each of
 * the samples that follow.
 */
#include <string.h>

#include "base/err.h"
#include "metrology/front.h"
#include "metrology/trig.h"

/* The edge lies at fraction of the interval from the last sample to this one; by the trapezoid
 * over the broken interval the old side gives up half of (1 - fraction)^2 of the one and gets
 * half of fraction^2 of the other. */
static struct front_cut cut_at(const struct front *f)
{
    uint32_t over = f->phase & UINT32_C(0x7FFFFFFF);
    uint64_t rest = (uint64_t)over * f->lock.inverse >> 40;
    if (rest > 65536) rest = 65536;
    uint64_t fraction = 65536 - rest;
    return (struct front_cut){ (uint32_t)(rest * rest >> 17),
                               (uint32_t)(fraction * fraction >> 17) };
}

/* What must be added to a sum of products that holds the older one, to end at the edge. The
 * products' last eight bits make room for the weights. */
static int64_t share(const struct front_cut *c, int64_t older, int64_t newer)
{
    return ((newer >> 8) * c->after - (older >> 8) * c->before) >> 8;
}

static int64_t share_of(const struct front_cut *c, int32_t a0, int32_t b0, int32_t a1,
                        int32_t b1)
{
    return share(c, (int64_t)a0 * b0, (int64_t)a1 * b1);
}

void front_flush_isr(struct front *f)
{
    for (int k = 0; k < 3; k++) {
        f->now.sum[SUM_V + k] += f->linear[k];
        f->linear[k] = 0;
    }
}

static bool has_room(const struct front *f)
{
    return (uint8_t)(f->head - f->tail) < FRONT_QUEUE;
}

static struct window *closing(struct front *f)
{
    return &f->queue[f->head % FRONT_QUEUE];
}

/* What is known of a window when it closes; lock_window() learns from whole turns only. */
static void describe(struct front *f, struct window *w, uint64_t edge_q16)
{
    struct lock *l = &f->lock;
    bool whole = l->state == LOCK_ON && !f->broken && !w->missed && w->halves >= f->halves_span;
    w->span_q16 = edge_q16 - w->start_q16 - ((uint64_t)w->missed << 16);
    w->flags = (uint16_t)((whole ? 0 : WINDOW_UNLOCKED) | (l->range ? WINDOW_F_RANGE : 0) |
                          (l->state == LOCK_HOLD ? WINDOW_NO_VOLTAGE : 0) |
                          (w->halves > f->halves_span ? WINDOW_GROWN : 0));
    l->turns = whole ? w->halves / 2 : 0;
    l->span_q16 = w->span_q16;
}

/* The open window goes to its place in the queue, where slices finish it; a new one begins. */
static void close_at(struct front *f, uint64_t edge_q16)
{
    struct window *w = closing(f);
    *w = f->now;
    describe(f, w, edge_q16);
    memset(&f->now, 0, sizeof f->now);
    f->now.start_q16 = edge_q16;
    f->edge_vv = f->edge_ii = f->edge_vc = f->edge_vs = 0;
    f->broken = false;
}

/* One sum: what the edge takes from one side it gives to the other. */
static void split(struct front *f, int sum, int64_t older, int64_t newer)
{
    int64_t part = share(&f->cut, older, newer);
    closing(f)->sum[sum] += part;
    f->now.sum[sum] -= part;
}

/* A plain sum has the room, and needs the bits: its square is taken off the squares. */
static void split_plain(struct front *f, int sum, int32_t older, int32_t newer)
{
    int64_t part = ((int64_t)newer * f->cut.after - (int64_t)older * f->cut.before) >> 16;
    closing(f)->sum[sum] += part;
    f->now.sum[sum] -= part;
}

static void split_phase(struct front *f)
{
    const struct front_point *o = &f->older, *x = &f->newer;
    split_plain(f, SUM_V, o->v, x->v);
    split_plain(f, SUM_I, o->i, x->i);
    split(f, SUM_VV, (int64_t)o->v * o->v, (int64_t)x->v * x->v);
    split(f, SUM_II, (int64_t)o->i * o->i, (int64_t)x->i * x->i);
    split(f, SUM_VI, (int64_t)o->v * o->i, (int64_t)x->v * x->i);
    split(f, SUM_VC, (int64_t)o->v * o->cosine, (int64_t)x->v * x->cosine);
    split(f, SUM_VS, (int64_t)o->v * o->sine, (int64_t)x->v * x->sine);
    split(f, SUM_IC, (int64_t)o->i * o->cosine, (int64_t)x->i * x->cosine);
    split(f, SUM_IS, (int64_t)o->i * o->sine, (int64_t)x->i * x->sine);
}

static void split_rest(struct front *f)
{
    const struct front_point *o = &f->older, *x = &f->newer;
    if (f->mode & MODE_NEUTRAL) {
        split_plain(f, SUM_N, o->n, x->n);
        split(f, SUM_NN, (int64_t)o->n * o->n, (int64_t)x->n * x->n);
        split(f, SUM_VN, (int64_t)o->v * o->n, (int64_t)x->v * x->n);
        split(f, SUM_IN, (int64_t)o->i * o->n, (int64_t)x->i * x->n);
        split(f, SUM_NC, (int64_t)o->n * o->cosine, (int64_t)x->n * x->cosine);
        split(f, SUM_NS, (int64_t)o->n * o->sine, (int64_t)x->n * x->sine);
    }
    if (f->mode & MODE_HILBERT) {
        const struct front_quad *p = &f->quad_older, *q = &f->quad_newer;
        split(f, SUM_HI, (int64_t)p->v * p->i, (int64_t)q->v * q->i);
    }
}

/* A pair of sums against cosine and sine, as if the oscillator had always been so much further.
 * What falls off is 2^22 of some 2^50. */
static void rotate(int64_t *c, int64_t *s, int32_t cosine, int32_t sine)
{
    int64_t was_c = *c >> TRIG_BITS, was_s = *s >> TRIG_BITS;
    *c = was_c * cosine - was_s * sine;
    *s = was_s * cosine + was_c * sine;
}

/* Frequency is known: bring the phase to that of the voltage. The open window goes on, its
 * phasors turned with the oscillator; it will not have been of whole turns. */
static void jump(struct front *f)
{
    int32_t sine, cosine;
    int64_t *sum = f->now.sum;
    trig_sincos(f->lock.jump, &sine, &cosine);
    rotate(&sum[SUM_VC], &sum[SUM_VS], cosine, sine);
    rotate(&sum[SUM_IC], &sum[SUM_IS], cosine, sine);
    rotate(&sum[SUM_NC], &sum[SUM_NS], cosine, sine);
    rotate(&f->edge_vc, &f->edge_vs, cosine, sine);
    f->phase += f->lock.jump;
    f->lock.state = LOCK_ON;
    f->lock.skip = 3; /* the turn before the jump, the broken one, the first whole one */
    f->broken = true;
    f->blind = 3;
}

static void turn(struct front *f, const struct front_point *x)
{
    struct lock *l = &f->lock;
    const struct front_point *o = &f->last;
    const int64_t *sum = f->now.sum;
    int64_t vc = sum[SUM_VC] + share_of(&f->cut, o->v, o->cosine, x->v, x->cosine);
    int64_t vs = sum[SUM_VS] + share_of(&f->cut, o->v, o->sine, x->v, x->sine);
    l->cycle_c = vc - f->edge_vc;
    l->cycle_s = vs - f->edge_vs;
    f->edge_vc = vc;
    f->edge_vs = vs;
    f->slice |= SLICE_CYCLE;
    if (l->state == LOCK_PHASE) {
        jump(f);
        return;
    }
    if (f->now.halves < f->halves_span) return;
    if (!has_room(f) || f->slice & SLICE_PUBLISH) return; /* it grows */
    f->older = *o;
    f->newer = *x;
    f->quad_older = f->quad_last;
    f->quad_newer = f->quad;
    close_at(f, (front_count_isr(f) << 16) - 0x8000 + f->cut.after - f->cut.before);
    f->slice |= SLICE_SPLIT | SLICE_SPLIT_N | SLICE_THETA | SLICE_PUBLISH;
}

/* One-cycle mean square from two half cycles: their sum over 2^32 / step samples. */
static uint64_t mean_square(const struct front *f, int64_t halves)
{
    return halves > 0 ? ((uint64_t)halves >> 20) * f->lock.step >> 12 : 0;
}

static void keep_half(struct front *f)
{
    struct window *w = f->slice & SLICE_PUBLISH ? closing(f) : &f->now;
    int k = w->halves - 1;
    if (f->blind) {
        f->blind--;
    } else {
        uint64_t square = mean_square(f, f->half_vv + f->last_vv);
        f->is_dark = square < f->dark;
        f->pack[0] = window_pack(square);
        f->pack[1] = window_pack(mean_square(f, f->half_ii + f->last_ii));
    }
    f->last_vv = f->half_vv;
    f->last_ii = f->half_ii;
    if (k >= 0 && k < WINDOW_HALVES) {
        w->vv_half[k] = f->pack[0];
        w->ii_half[k] = f->pack[1];
    }
}

/* What the meter has booked since is played out until the edge at which it will have booked the
 * next window: half a cycle after that window ended. */
static void play(struct front *f)
{
    uint32_t halves = f->now.halves <= f->halves_span ? f->halves_span + 1u - f->now.halves : 1;
    uint32_t samples = (uint32_t)((uint64_t)halves * f->lock.inverse >> 25);
    for (int k = 0; k < PULSE_OUTPUTS; k++)
        pulse_play_isr(&f->pulse[k], (uint32_t)f->due, samples);
}

static void theta(struct front *f)
{
    struct window *w = closing(f);
    if (f->lock.jumped) w->flags |= WINDOW_UNLOCKED;
    lock_window(&f->lock, w->sum[SUM_VC], w->sum[SUM_VS]);
    w->f_uhz = f->lock.f_uhz;
}

static unsigned run_slice(struct front *f)
{
    unsigned one = f->slice & (0u - f->slice);
    switch (one) {
    case SLICE_HALF:
        keep_half(f);
        break;
    case SLICE_CYCLE:
        lock_cycle(&f->lock);
        break;
    case SLICE_PLAY:
        play(f);
        break;
    case SLICE_SPLIT:
        split_phase(f);
        break;
    case SLICE_SPLIT_N:
        split_rest(f);
        break;
    case SLICE_THETA:
        theta(f);
        break;
    default:
        f->head++;
        break; /* now the meter may see it */
    }
    f->slice = (uint8_t)(f->slice & ~one);
    return one == SLICE_PUBLISH ? FRONT_WINDOW : 0;
}

/* left is 0 here, so due is now. */
unsigned front_event_isr(struct front *f)
{
    uint32_t now = (uint32_t)f->due;
    bool wh = pulse_tick_isr(&f->pulse[PULSE_ACTIVE], now);
    bool varh = pulse_tick_isr(&f->pulse[PULSE_REACTIVE], now);
    unsigned report = f->slice ? run_slice(f) : 0;
    uint32_t a = f->pulse[PULSE_ACTIVE].event_at - now;
    uint32_t b = f->pulse[PULSE_REACTIVE].event_at - now;
    front_schedule_isr(f, f->slice ? 1 : a < b ? a : b);
    f->lamps = (uint8_t)((wh ? FRONT_PULSE_WH : 0) | (varh ? FRONT_PULSE_VARH : 0));
    return report | f->lamps | (f->is_dark ? FRONT_DARK : 0u);
}

/* Products are bounded by the squares of their factors. */
static bool is_full(const struct front *f, int64_t vv, int64_t ii)
{
    return (vv | ii | f->now.sum[SUM_NN]) >> 62 ||
           front_count_isr(f) - (f->now.start_q16 >> 16) > WINDOW_SAMPLES_MAX;
}

void front_edge_isr(struct front *f, const struct front_point *x)
{
    const struct front_point *o = &f->last;
    while (f->slice & (SLICE_SPLIT | SLICE_SPLIT_N)) run_slice(f); /* they need the old cut */
    f->cut = cut_at(f);
    front_flush_isr(f);
    int64_t vv = f->now.sum[SUM_VV] + share_of(&f->cut, o->v, o->v, x->v, x->v);
    int64_t ii = f->now.sum[SUM_II] + share_of(&f->cut, o->i, o->i, x->i, x->i);
    f->half_vv = vv - f->edge_vv;
    f->half_ii = ii - f->edge_ii;
    f->edge_vv = vv;
    f->edge_ii = ii;
    f->slice |= SLICE_HALF | SLICE_PLAY;
    if (f->now.halves < UINT16_MAX) f->now.halves++;
    if (!(f->phase >> 31)) turn(f, x);
    if (is_full(f, vv, ii)) f->mode |= MODE_DEAF;
    front_schedule_isr(f, 2); /* the end of the next sample */
}

int front_close(struct front *f)
{
    while (f->slice) run_slice(f);
    uint64_t now = front_count_isr(f);
    uint64_t edge = now ? (now << 16) - 0x8000 : 0; /* the last sample counts whole */
    if (edge <= f->now.start_q16 + ((uint64_t)f->now.missed << 16)) return 0;
    if (!has_room(f)) return E_SPACE;
    front_flush_isr(f);
    f->broken = true; /* its end is no whole turn, and the next one's start is none */
    close_at(f, edge);
    closing(f)->flags |= WINDOW_CUT;
    theta(f);
    f->head++;
    f->slice = 0;
    f->broken = true;
    f->blind = 2;
    f->lock.skip = 2; /* the broken turn, the first whole one */
    return 0;
}
