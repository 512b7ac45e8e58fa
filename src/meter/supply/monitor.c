#include "meter/supply/monitor.h"

#include "meter/meter.h"

/* Crossing the threshold this way is what the monitor is for: the event of it, and of the way
 * back. */
struct monitor_row {
    uint16_t up, down;
    uint8_t requester;
};

static const struct monitor_row rows[MONITORS] = {
    { EV_MONITOR_1_EXCEEDED, EV_MONITOR_1_OK, SUPPLY_OVERCURRENT },
    { EV_MONITOR_2_EXCEEDED, EV_MONITOR_2_OK, SUPPLY_VOLTAGE },
    { EV_MONITOR_3_OK, EV_MONITOR_3_EXCEEDED, SUPPLY_VOLTAGE },
    { 0, 0, SUPPLY_FIRE },
    { 0, 0, SUPPLY_TAMPER },
};

static int32_t get(const struct meter *m, unsigned k, unsigned what)
{
    return param_get(m, (uint16_t)(PARAM_MONITOR_1_REG + k * MONITOR_PARAMS + what));
}

static int32_t script_of(const struct meter *m, unsigned k, bool above)
{
    unsigned n = (unsigned)get(m, k, above ? MONITOR_UP : MONITOR_DOWN);
    return (int32_t)param_script(m, PARAM_SUPPLY_SCRIPTS, n);
}

/* Once it is open no current flows, which is no reason to close: what over-current opened comes
 * back by the attempts of limiter.h. */
static void run(struct meter *m, enum requester r, int32_t script)
{
    bool held = (m->supply.state.held & SUPPLY_BIT(r)) != 0;
    if (script == ACTION_DISCONNECT) supply_request(m, r, true);
    if (script == ACTION_DISCONNECT || !held || r == SUPPLY_OVERCURRENT) return;
    if (script == ACTION_READY)
        supply_ready(m, r);
    else if (script == ACTION_RECONNECT && supply_may_return(m))
        supply_request(m, r, false);
}

static void cross(struct meter *m, unsigned k, bool up, int64_t value)
{
    const struct monitor_row *x = &rows[k];
    struct event_detail d = { .what = (uint16_t)(k + 1), .magnitude = (uint32_t)value };
    uint16_t code = up ? x->up : x->down;
    if (code) event_post(m, (enum event)code, NULL, &d);
    run(m, (enum requester)x->requester, script_of(m, k, up));
    supply_forgo(m, (enum requester)x->requester);
}

bool monitor_asks(const struct meter *m, enum requester r)
{
    for (unsigned k = 0; k < MONITORS; k++) {
        uint8_t side = m->monitors.side[k];
        if (rows[k].requester != r || side == SIDE_UNKNOWN) continue;
        if (script_of(m, k, side == SIDE_ABOVE) == ACTION_DISCONNECT) return true;
    }
    return false;
}

void monitor_plan(struct meter *m)
{
    for (unsigned k = 0; k < MONITORS; k++)
        if (!get(m, k, MONITOR_THRESHOLD)) m->monitors.side[k] = SIDE_UNKNOWN;
}

void monitor_window(struct meter *m, const struct quantity *q)
{
    (void)q;
    for (unsigned k = 0; k < MONITORS; k++) {
        int32_t threshold = get(m, k, MONITOR_THRESHOLD);
        if (!threshold) continue;
        int64_t value = reg_at(&m->now, (uint16_t)get(m, k, MONITOR_REG));
        uint8_t was = m->monitors.side[k], is = value > threshold ? SIDE_ABOVE : SIDE_BELOW;
        m->monitors.side[k] = is;
        if (was != SIDE_UNKNOWN && was != is) cross(m, k, is == SIDE_ABOVE, value);
    }
}
