#include "metrology/pulse.h"

#include "base/sys.h"

enum { WIDTH_MIN_MS = 4, WIDTH_MAX_MS = 80 };

/* No event in sight: looked at again this far on, near enough that differences keep their sign.
 */
static const uint32_t far_off = UINT32_C(1) << 30;

void pulse_init(struct pulse_out *p, uint32_t constant, uint32_t rate_hz,
                const int64_t rest_nj[PULSE_DIRS])
{
    ensure(constant >= PULSE_CONSTANT_MIN && constant <= PULSE_CONSTANT_MAX);
    *p = (struct pulse_out){ .unit_nj = INT64_C(3600000000000000) / constant,
                             .width_min = (uint16_t)(rate_hz * WIDTH_MIN_MS / 1000),
                             .width_max = (uint16_t)(rate_hz * WIDTH_MAX_MS / 1000),
                             .dir = PULSE_NONE,
                             .ask_dir = PULSE_NONE };
    for (int d = 0; d < PULSE_DIRS; d++) p->account_nj[d] = rest_nj[d] % p->unit_nj;
    p->width = p->width_max;
    p->event_at = far_off;
}

/* n units have passed at sample now: counted here, shown when the output is free. */
static void count_up(struct pulse_out *p, uint32_t n, uint32_t now)
{
    uint32_t half = (now - p->last_at) / 2, due = p->due + n;
    if (half > p->width_max) half = p->width_max;
    if (half < p->width_min || due > 1) half = p->width_min;
    p->width = (uint16_t)half;
    p->last_at = now;
    p->count += n;
    p->due = (uint16_t)(due < UINT16_MAX ? due : UINT16_MAX);
}

/* When does the account, filling evenly since from_at, reach its next unit? */
static void plan(struct pulse_out *p)
{
    int64_t missing = p->unit_nj - p->account_nj[p->play_dir];
    p->fires = p->play_nj > 0 && missing <= p->play_nj;
    if (p->fires) {
        int64_t after = (missing * p->play_n + p->play_nj - 1) / p->play_nj;
        p->fire_at = p->from_at + (uint32_t)after;
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
        p->account_nj[p->play_dir] -= p->unit_nj;
        count_up(p, 1, now);
        plan(p);
    }
    drive(p, now);
}

/* Whole units of an account become pulses at once. */
static void drain(struct pulse_out *p, int d, uint32_t now)
{
    if (p->account_nj[d] < p->unit_nj) return;
    int64_t n = p->account_nj[d] / p->unit_nj;
    p->account_nj[d] -= n * p->unit_nj;
    count_up(p, (uint32_t)n, now);
}

enum pulse_dir pulse_turn_isr(struct pulse_out *p)
{
    return p->dir = p->ask_dir;
}

int64_t pulse_feed_isr(struct pulse_out *p, int64_t e_nj, uint32_t now, uint32_t n)
{
    p->account_nj[p->play_dir] += p->play_nj;
    p->play_nj = 0;
    for (int d = 0; d < PULSE_DIRS; d++) drain(p, d, now);
    if (p->dir == PULSE_NONE) e_nj = 0;
    if (p->dir == PULSE_EXPORT) e_nj = -e_nj;
    if (p->dir != PULSE_NONE) p->play_dir = p->dir;
    if (e_nj < 0)
        p->account_nj[p->play_dir] += e_nj; /* nothing to play: it is only taken off */
    else
        p->play_nj = e_nj;
    p->from_at = now;
    p->play_n = n;
    plan(p);
    drive(p, now);
    return e_nj;
}

/* The accounts take it at once; whole units show at the next feed. */
void pulse_settle(struct pulse_out *p, const int64_t fed_nj[PULSE_DIRS], enum pulse_dir dir,
                  int64_t booked_nj, enum pulse_dir next)
{
    ensure(booked_nj >= 0 && dir <= PULSE_NONE && next <= PULSE_NONE);
    uint32_t was = sys_irq_lock();
    for (int d = 0; d < PULSE_DIRS; d++)
        p->account_nj[d] += (d == (int)dir ? booked_nj : 0) - fed_nj[d];
    sys_irq_unlock(was);
    p->ask_dir = (uint8_t)next;
}
