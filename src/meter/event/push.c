#include "meter/event/push.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/hot.h"
#include "meter/meter.h"

/* -- orders -------------------------------------------------------------------------------- */

int push_order(struct meter *m, unsigned n)
{
    if (n >= PUSHES) return E_RANGE;
    m->pushes.ordered |= (uint8_t)(1u << n);
    return 0;
}

uint8_t push_take(struct meter *m)
{
    uint8_t ordered = m->pushes.ordered;
    m->pushes.ordered = 0;
    return ordered;
}

void push_confirmed(struct meter *m, unsigned n)
{
    m->pushes.confirmed[n] = (uint32_t)m->utc.s;
    hot_put(m, HOT_PUSHES, 0);
}

void push_register(struct meter *m, bool registered)
{
    if (m->pushes.registered == registered) return;
    m->pushes.registered = registered;
    hot_put(m, HOT_PUSHES, 0);
    if (registered) event_post(m, EV_INSTALLATION_ACKNOWLEDGED, NULL, NULL);
}

/* -- moments ------------------------------------------------------------------------------- */

static bool is_open(const uint8_t o[PUSH_TIME])
{
    return o[0] == 0xFF;
}

void push_get_time(struct meter *m, unsigned i, uint8_t o[PUSH_TIME])
{
    if (param_read(m, (uint16_t)(PARAM_PUSH_TIME_1 + i), o, PUSH_TIME) != PUSH_TIME)
        memset(o, 0xFF, PUSH_TIME);
}

int push_set_time(struct meter *m, const struct who *who, unsigned i,
                  const uint8_t o[PUSH_TIME])
{
    struct when w = when_get(o + 4);
    bool time = o[0] <= 23 && o[1] <= 59 && o[2] <= 59;
    uint8_t was[PUSH_TIME];
    if (!is_open(o) && !(time && when_is_valid(&w))) return E_RANGE;
    push_get_time(m, i, was);
    if (!memcmp(was, o, sizeof was)) return 0;
    return param_write(m, who, (uint16_t)(PARAM_PUSH_TIME_1 + i), o, PUSH_TIME);
}

static utc_t next_of(struct meter *m, unsigned i, utc_t after)
{
    uint8_t o[PUSH_TIME];
    push_get_time(m, i, o);
    return is_open(o) ? (utc_t){ UINT32_MAX } : zone_next_named(&m->clock.zone, o, after);
}

/* What fell into a time without supply, or without a clock, is not made up for. */
static void plan_after(struct meter *m, utc_t after)
{
    utc_t first = { UINT32_MAX };
    for (unsigned i = 0; i < PUSH_TIMES && clock_is_valid(&m->clock); i++) {
        utc_t next = next_of(m, i, after);
        if (next.s < first.s) first = next;
    }
    if (first.s < UINT32_MAX)
        timer_set_utc(m, TIMER_PUSH, first);
    else
        timer_stop(m, TIMER_PUSH);
}

void push_plan(struct meter *m)
{
    plan_after(m, m->utc);
}

void push_due(struct meter *m, utc_t due)
{
    for (unsigned i = 0; i < PUSH_TIMES; i++)
        if (next_of(m, i, (utc_t){ due.s - 1 }).s == due.s)
            (void)push_order(m, param_script(m, PARAM_PUSH_SCRIPTS, i + 1) - 1);
    plan_after(m, due.s > m->utc.s ? due : m->utc);
}

/* -- the record: {registered 1, confirmed 4 each} ------------------------------------------ */

enum { BODY = 1 + 4 * PUSHES };

int pushes_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    body[0] = m->pushes.registered;
    for (unsigned i = 0; i < PUSHES; i++) le_put32(body + 1 + 4 * i, m->pushes.confirmed[i]);
    return BODY;
}

void pushes_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != BODY) return;
    m->pushes.registered = body[0] == 1;
    for (unsigned i = 0; i < PUSHES; i++) m->pushes.confirmed[i] = le_get32(body + 1 + 4 * i);
}
