#include "port/common/relay_sim.h"

enum { OPEN = 1, CLOSE = 2 };
#define MS_US UINT64_C(1000)

void relay_sim_init(struct relay_sim *r)
{
    *r = (struct relay_sim){ .next = MONO_NEVER, .closed = true, .touches = true };
}

void relay_sim_restart(struct relay_sim *r)
{
    r->next = MONO_NEVER;
    r->coil = r->bounces = 0;
    r->travels = false;
    r->touches = r->closed;
}

static bool is_held(const struct relay_sim *r, bool goal)
{
    return r->trouble & RELAY_STICKS || (!goal && r->trouble & RELAY_WELDS);
}

/* A contact that is turned round on its way has as far to go back as it came. */
static void turn(struct relay_sim *r, mono_t t)
{
    uint64_t left_us = r->next.us > t.us ? r->next.us - t.us : 0;
    r->goal = !r->goal;
    r->next = mono_after(t, RELAY_OPERATE_MS * MS_US - left_us);
}

static void stop(struct relay_sim *r)
{
    r->travels = false;
    r->next = MONO_NEVER;
}

/* Whoever looks seldom drives the coil more than once between two looks: what the contact did until then comes
 * first. */
void relay_sim_drive(struct relay_sim *r, mono_t t, unsigned coil)
{
    bool goal = coil == CLOSE;
    while (r->travels && r->next.us <= t.us) relay_sim_step(r, r->next);
    if (coil && coil != r->coil) r->pulses++;
    r->coil = (uint8_t)coil;
    if (r->travels) {
        if (!coil)
            stop(r);
        else if (goal != r->goal)
            turn(r, t);
        return;
    }
    if (!coil || goal == r->closed || is_held(r, goal)) return;
    r->goal = goal;
    r->travels = true;
    r->next = mono_after(t, RELAY_OPERATE_MS * MS_US);
}

mono_t relay_sim_next(const struct relay_sim *r)
{
    return r->next;
}

static void land(struct relay_sim *r, mono_t t, bool closed)
{
    r->travels = false;
    r->closed = r->touches = closed;
    r->moves++;
    r->bounces = RELAY_BOUNCES;
    r->next = mono_after(t, RELAY_BOUNCE_MS * MS_US);
}

void relay_sim_step(struct relay_sim *r, mono_t t)
{
    if (t.us < r->next.us) return;
    bool rattles = (r->trouble & RELAY_RATTLES) != 0;
    if (r->travels && r->goal == r->closed) {
        stop(r); /* back where it never came loose */
    } else if (r->travels) {
        land(r, t, r->goal);
    } else if (rattles || r->bounces) {
        if (r->bounces) r->bounces--;
        r->touches = !r->touches;
        r->next = mono_after(t, (rattles ? RELAY_RATTLE_MS : RELAY_BOUNCE_MS) * MS_US);
    } else {
        r->touches = r->closed;
        r->next = MONO_NEVER;
    }
}

bool relay_sim_feedback(const struct relay_sim *r)
{
    return r->touches;
}

bool relay_sim_conducts(const struct relay_sim *r)
{
    return r->closed || r->trouble & RELAY_BYPASSED;
}

void relay_sim_trouble(struct relay_sim *r, mono_t t, unsigned trouble)
{
    bool rattled = (r->trouble & RELAY_RATTLES) != 0;
    r->trouble = (uint8_t)trouble;
    if (r->travels && is_held(r, r->goal)) stop(r);
    if (trouble & RELAY_WELDS && !r->closed) relay_sim_knock(r, t, true);
    if (!rattled && trouble & RELAY_RATTLES && !r->travels)
        r->next = mono_after(t, RELAY_RATTLE_MS * MS_US);
}

void relay_sim_knock(struct relay_sim *r, mono_t t, bool closed)
{
    if (r->closed != closed) land(r, t, closed);
}
