#include "metrology/pulse.h"

#include "base/sys.h"

enum { WIDTH_MIN_MS = 4, WIDTH_MAX_MS = 80, PLAY_MAX = 4095, PART_BITS = 20 };

/* No event in sight: looked at again this far on, near enough that differences keep their sign.
 */
static const uint32_t far_off = UINT32_C(1) << 30;

void pulse_init(struct pulse_out *p, uint32_t constant, uint32_t rate_hz,
                const int64_t rest_nj[PULSE_DIRS])
{
    ensure(constant >= PULSE_CONSTANT_MIN && constant <= PULSE_CONSTANT_MAX);
    *p = (struct pulse_out){ .unit_nj = INT64_C(3600000000000000) / constant,
                             .width_min = (uint16_t)(rate_hz * WIDTH_MIN_MS / 1000),
                             .width_max = (uint16_t)(rate_hz * WIDTH_MAX_MS / 1000) };
    for (int d = 0; d < PULSE_DIRS; d++) p->account_nj[d] = rest_nj[d] % p->unit_nj;
    p->width = p->width_max;
    p->event_at = far_off;
}

void pulse_book(struct pulse_out *p, int64_t nj)
{
    uint32_t was = sys_irq_lock();
    if (nj > 0) p->told_nj[PULSE_IMPORT] += nj;
    if (nj < 0) p->told_nj[PULSE_EXPORT] -= nj;
    p->told = p->told || nj;
    sys_irq_unlock(was);
}

/* A unit has passed at sample now: counted here, shown when the output is free. */
static void count_up(struct pulse_out *p, uint32_t now)
{
    uint32_t half = (now - p->last_at) / 2;
    if (half > p->width_max) half = p->width_max;
    if (half < p->width_min || p->due) half = p->width_min;
    p->width = (uint16_t)half;
    p->last_at = now;
    p->count++;
    if (p->due < UINT16_MAX) p->due++;
}

/* How many samples until part of the play is reached; 20 bits of either are enough to say when,
 * and a play ends at its last sample whatever was said. */
static uint32_t samples_to(const struct pulse_out *p, int64_t part)
{
    int bits = 64 - __builtin_clzll((uint64_t)p->play_nj);
    int off = bits > PART_BITS ? bits - PART_BITS : 0;
    return (uint32_t)(part >> off) * p->play_n / (uint32_t)(p->play_nj >> off) + 1;
}

/* When does an account reach its next unit? What is there already goes a pulse a sample. */
static void plan(struct pulse_out *p, uint32_t now)
{
    int64_t missing = p->unit_nj - p->account_nj[p->play_dir];
    uint8_t other = !p->play_dir;
    p->fires = missing <= p->play_nj;
    p->fire_dir = p->play_dir;
    p->fire_at = now + 1;
    if (p->fires && missing > 0) {
        uint32_t at = p->from_at + samples_to(p, missing);
        if ((int32_t)(at - now) > 0) p->fire_at = at;
    } else if (!p->fires && p->account_nj[other] >= p->unit_nj) {
        p->fires = true;
        p->fire_dir = other;
    }
}

/* The output: on for a width, off for a width, ready. */
static void drive(struct pulse_out *p, uint32_t now)
{
    if (p->out != PULSE_OUT_IDLE && (int32_t)(now - p->edge_at) >= 0) {
        p->out = p->out == PULSE_OUT_ON ? PULSE_OUT_GAP : PULSE_OUT_IDLE;
        p->edge_at = now + p->width;
    }
    if (p->out == PULSE_OUT_IDLE && p->due) {
        p->due--;
        p->out = PULSE_OUT_ON;
        p->edge_at = now + p->width;
    }
    uint32_t wait = far_off;
    if (p->out != PULSE_OUT_IDLE) wait = p->edge_at - now;
    if (p->fires && p->fire_at - now < wait) wait = p->fire_at - now;
    p->event_at = now + wait;
}

void pulse_event_isr(struct pulse_out *p, uint32_t now)
{
    if (p->fires && (int32_t)(now - p->fire_at) >= 0) {
        p->account_nj[p->fire_dir] -= p->unit_nj;
        count_up(p, now);
        plan(p, now);
    }
    drive(p, now);
}

void pulse_play_isr(struct pulse_out *p, uint32_t now, uint32_t n)
{
    if (!p->told) return;
    uint8_t dir = p->told_nj[PULSE_EXPORT] > p->told_nj[PULSE_IMPORT];
    p->account_nj[p->play_dir] += p->play_nj;
    p->account_nj[!dir] += p->told_nj[!dir];
    p->play_dir = dir;
    p->play_nj = p->told_nj[dir];
    p->told_nj[0] = p->told_nj[1] = 0;
    p->told = false;
    p->from_at = now;
    p->play_n = n < PLAY_MAX ? n : PLAY_MAX;
    plan(p, now);
    drive(p, now);
}
