/* The oscillator follows the voltage's fundamental. A cycle at a time it finds frequency after
 * a start or a break; a window at a time, once locked, it measures frequency by how far the
 * phase moved between the middles of two windows, and pulls its own phase to zero.
 */
#include "metrology/front.h"

#include "metrology/trig.h"

enum {
    F_MIN = 40,
    F_MAX = 70,
    NEAR = 1 << 23,  /* 1/512 turn a cycle, 0.1 Hz: frequency found */
    WILD = 43000000, /* 1/100 turn a cycle: a break of phase, or 0.5 Hz off */
    APART = 1 << 26, /* 1/64 turn: set the phase instead of pulling it */
    PULL = 8,
    WILD_MAX = 4,     /* cycles in a row before frequency is sought anew */
    TURNS_MAX = 64,   /* windows longer than that say nothing about frequency */
    FLOOR_PERCENT = 5 /* of Un: less is no voltage */
};

static void set_step(struct lock *l, int64_t step)
{
    uint32_t low = l->hertz * F_MIN, high = l->hertz * F_MAX;
    l->range = step < low || step > high;
    if (step < low) step = low;
    if (step > high) step = high;
    l->step = (uint32_t)step;
    l->inverse = (uint32_t)((UINT64_C(1) << 56) / l->step);
}

/* The phasor of one cycle of Un x 5 %, over 2^24: amplitude x samples / 2 x 2^22 / 2^24. */
static uint64_t floor_of(const struct front_cfg *cfg)
{
    uint64_t rms_code = ((uint64_t)cfg->rating.un_mv * 1000 * FLOOR_PERCENT / 100 << 23) /
                        cfg->sampling.full_scale_uv;
    uint64_t half = rms_code * (cfg->sampling.rate_hz / cfg->rating.fn_hz) / 8;
    return 2 * half * half;
}

void lock_init(struct lock *l, const struct front_cfg *cfg)
{
    uint32_t hertz = (uint32_t)((UINT64_C(1) << 32) / cfg->sampling.rate_hz);
    *l = (struct lock){ .hertz = hertz,
                        .f_uhz_q9 = cfg->sampling.rate_hz / 8 * 15625,
                        .floor = floor_of(cfg),
                        .state = LOCK_HOLD };
    set_step(l, (int64_t)(((uint64_t)cfg->rating.fn_hz << 32) / cfg->sampling.rate_hz));
}

static uint32_t f_uhz_of(const struct lock *l, uint64_t step_q8)
{
    return (uint32_t)((step_q8 * l->f_uhz_q9 + (UINT64_C(1) << 30)) >> 31);
}

/* Frequency from one cycle to the next: the oscillator was d turns behind in one turn. The
 * cycle after a change of step saw both, so it is left out. */
static void acquire(struct lock *l, int32_t d)
{
    if (l->skip) {
        l->skip--;
        return;
    }
    set_step(l, l->step + ((int64_t)l->step * d >> 32));
    l->skip = 1;
    l->good = d > -NEAR && d < NEAR && !l->range ? (uint8_t)(l->good + 1) : 0;
    if (l->good < 2) return;
    l->state = LOCK_PHASE;
    l->jump = l->theta_cycle + (uint32_t)(d / 2); /* from the middle of the cycle to its end */
}

static void watch(struct lock *l, int32_t d)
{
    if (d > -WILD && d < WILD) {
        l->wild = 0;
        return;
    }
    l->jumped = true;
    if (++l->wild < WILD_MAX) return;
    l->state = LOCK_ACQUIRE;
    l->wild = l->good = l->skip = 0;
}

void lock_cycle(struct lock *l)
{
    int64_t c = l->cycle_c >> 24, s = l->cycle_s >> 24;
    uint32_t theta = trig_angle(l->cycle_s, l->cycle_c);
    int32_t d = (int32_t)(theta - l->theta_cycle);
    l->theta_cycle = theta;
    if (l->state == LOCK_ON && l->skip) {
        l->skip--;
    } else if ((uint64_t)(c * c) + (uint64_t)(s * s) < l->floor) {
        l->state = LOCK_HOLD;
        l->good = l->wild = 0;
        l->jumped = true;
    } else if (l->state == LOCK_HOLD) {
        l->state = LOCK_ACQUIRE;
        l->skip = 1; /* this cycle may not have been whole */
    } else if (l->state == LOCK_ACQUIRE) {
        acquire(l, d);
    } else if (l->state == LOCK_ON) {
        watch(l, d);
    }
}

/* Steps a sample, 2^-8, from the phase gained between the middles of two windows. */
static uint64_t step_between(const struct lock *l, int32_t d)
{
    uint64_t turns = (uint64_t)(l->turns + l->turns_last) << 32;
    return ((turns + (uint64_t)(2 * (int64_t)d)) << 24) / (l->span_q16 + l->span_last_q16);
}

/* Of the phase that will be left at the end of this window an eighth is taken out over the
 * next: more would make the windows uneven. */
static void steer(struct lock *l, uint32_t theta, int64_t step)
{
    int32_t n = (int32_t)(l->span_q16 >> 16);
    int32_t left = (int32_t)(theta + (uint32_t)((step - l->step) * n / 2));
    if (left > APART || left < -APART) {
        l->state = LOCK_PHASE;
        l->jump = (uint32_t)left;
    } else {
        step += left / (PULL * n);
    }
    set_step(l, step);
}

void lock_window(struct lock *l, int64_t c, int64_t s)
{
    bool whole = l->state == LOCK_ON && !l->jumped && l->turns && l->turns <= TURNS_MAX;
    uint32_t theta = trig_angle(s, c);
    l->jumped = false;
    if (whole && l->fresh) {
        uint64_t step_q8 = step_between(l, (int32_t)(theta - l->theta_window));
        int64_t step = (int64_t)((step_q8 + 128) >> 8), change = step - l->step;
        if (change > -(int64_t)l->hertz && change < (int64_t)l->hertz) {
            l->f_uhz = f_uhz_of(l, step_q8);
            steer(l, theta, step);
        }
    } else {
        l->f_uhz = l->state == LOCK_HOLD ? 0 : f_uhz_of(l, (uint64_t)l->step << 8);
    }
    l->fresh = whole;
    l->theta_window = theta;
    l->turns_last = l->turns;
    l->span_last_q16 = l->span_q16;
}
