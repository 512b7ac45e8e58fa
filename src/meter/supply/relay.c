#include "meter/supply/relay.h"

#include "meter/meter.h"

enum { HOUR_S = 3600, FLOWS_MA = 100, STILL_US = 50000, TREMBLE_US = 1000000 };

static bool has_feedback(const struct meter *m)
{
    return m->cfg->relay.feedback;
}

static bool contact(const struct meter *m)
{
    return (m->inputs.settled & INPUT_RELAY_CLOSED) != 0;
}

static void wait(struct meter *m, uint64_t us)
{
    timer_set(m, TIMER_RELAY, mono_after(m->t, us));
}

/* -- the coil ------------------------------------------------------------------------------ */

static bool can_move(const struct meter *m)
{
    uint64_t percent = (uint64_t)param_get(m, PARAM_RELAY_MIN_PERCENT);
    uint64_t least_mv = (uint64_t)param_get(m, PARAM_REFERENCE_V) * 10 * percent;
    return m->supply.relay.u_mv && m->supply.relay.u_mv >= least_mv;
}

static bool is_at(const struct meter *m, bool closed)
{
    return (has_feedback(m) ? contact(m) : m->supply.relay.seen) == closed;
}

bool relay_will_move(const struct meter *m, bool closed)
{
    return can_move(m) && !is_at(m, closed);
}

static void postpone(struct meter *m)
{
    struct relay *r = &m->supply.relay;
    struct event_detail d = { .magnitude = r->u_mv };
    r->phase = RELAY_WAIT;
    if (r->postponed || !r->u_mv) return;
    r->postponed = true;
    event_post(m, EV_RELAY_POSTPONED, NULL, &d);
}

static void try(struct meter *m)
{
    struct relay *r = &m->supply.relay;
    if (!can_move(m)) {
        postpone(m);
        return;
    }
    if (r->tries == 0 && !supply_moves(m)) {
        r->phase = RELAY_WAIT; /* for the next window */
        return;
    }
    r->postponed = false;
    r->phase = RELAY_PULSE;
    r->pulsed = r->target;
    m->io->relay(m->io->ctx, m->t, r->target ? COIL_CLOSE : COIL_OPEN);
    wait(m, m->cfg->relay.pulse_ms * UINT64_C(1000));
}

void relay_order(struct meter *m, bool closed)
{
    struct relay *r = &m->supply.relay;
    r->target = closed;
    r->is_known = true;
    r->tries = 0;
    if (r->phase != RELAY_PULSE) try(m); /* a pulse that began goes to its end */
}

void relay_due(struct meter *m)
{
    struct relay *r = &m->supply.relay;
    if (r->phase == RELAY_PULSE) {
        m->io->relay(m->io->ctx, m->t, COIL_OFF);
        if (r->pulsed != r->target) {
            try(m);
            return;
        }
        r->phase = RELAY_SETTLE;
        wait(m, RELAY_SETTLE_MS * UINT64_C(1000));
    } else if (r->phase == RELAY_SETTLE) {
        r->phase = RELAY_JUDGE;
        r->from = m->t;
    } else if (r->phase == RELAY_HOUR) {
        r->tries = RELAY_TRIES - 1; /* one try an hour */
        try(m);
    }
}

/* -- the look ------------------------------------------------------------------------------ */

uint32_t relay_current_ma(const struct meter *m)
{
    return m->supply.relay.i_ma;
}

bool relay_is_closed(const struct meter *m)
{
    const struct relay *r = &m->supply.relay;
    if (!m->io->relay) return true;
    if (has_feedback(m)) return contact(m);
    return r->target || r->i_ma >= FLOWS_MA;
}

bool relay_leaks(const struct meter *m)
{
    const struct relay *r = &m->supply.relay;
    bool rests = r->phase == RELAY_REST || r->phase == RELAY_HOUR;
    return m->io->relay && r->is_known && !r->target && rests && r->i_ma >= FLOWS_MA;
}

/* A contact that still bounces when it is looked at did not arrive. */
static bool is_still(const struct meter *m)
{
    return !has_feedback(m) || input_is_still(m, INPUT_RELAY_CLOSED, STILL_US);
}

static bool is_there(const struct meter *m)
{
    return is_still(m) && relay_is_closed(m) == m->supply.relay.target;
}

/* While the store is busy the next window finds the same. */
static void give_up(struct meter *m)
{
    if (store_is_busy(&m->store)) return;
    m->supply.relay.phase = RELAY_HOUR;
    wait(m, HOUR_S * UINT64_C(1000000));
    supply_failed(m);
}

static void judge(struct meter *m)
{
    struct relay *r = &m->supply.relay;
    if (is_there(m)) {
        r->phase = RELAY_REST;
        r->seen = r->target;
        r->rested = m->t;
        r->tries = 0;
        supply_arrived(m);
    } else if (++r->tries < RELAY_TRIES) {
        try(m);
    } else {
        give_up(m);
    }
}

/* It should rest. One that moved is driven back, but not for ever; one that trembles for a
 * second is as bad as one that does not arrive. */
static void watch(struct meter *m)
{
    struct relay *r = &m->supply.relay;
    if (!is_still(m)) {
        if (m->t.us - r->rested.us >= TREMBLE_US) give_up(m);
        return;
    }
    r->rested = m->t;
    if (relay_is_closed(m) == r->target) return;
    if (m->t.us - r->strayed.us >= HOUR_S * UINT64_C(1000000)) r->strays = 0;
    if (r->strays == 0) r->strayed = m->t;
    if (++r->strays > RELAY_TRIES)
        give_up(m);
    else
        supply_corrected(m);
}

/* With two poles both currents must have ceased. */
static uint32_t current_ma(const struct meter *m, const struct quantity *q)
{
    uint32_t i_ua = q->element[ELEMENT_PHASE].i_ua, n_ua = q->element[ELEMENT_NEUTRAL].i_ua;
    return (m->cfg->relay.poles > 1 && n_ua > i_ua ? n_ua : i_ua) / 1000;
}

void relay_window(struct meter *m, const struct quantity *q)
{
    struct relay *r = &m->supply.relay;
    r->u_mv = q->u_uv / 1000;
    r->i_ma = current_ma(m, q);
    if (!m->io->relay || !r->is_known) return;
    if (r->phase == RELAY_WAIT && can_move(m))
        try(m);
    else if (r->phase == RELAY_JUDGE && q->start.us >= r->from.us)
        judge(m);
    else if (r->phase == RELAY_REST && has_feedback(m))
        watch(m);
}
