#include "meter/supply/limiter.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/hot.h"
#include "meter/meter.h"

#define SECOND_US UINT64_C(1000000)
enum { EMERGENCY_BODY = 26, UNKNOWN = -1, AGAIN_S = 60 };

static const uint8_t requester[LIMITERS] = { SUPPLY_LIMIT, SUPPLY_OVERCURRENT, SUPPLY_LIMIT };
static const uint8_t retries[RETRIES] = { SUPPLY_OVERCURRENT, SUPPLY_LIMIT };

static int32_t get(const struct meter *m, unsigned k, unsigned what)
{
    return param_get(m, (uint16_t)(PARAM_LIMIT_1_REG + k * LIMIT_PARAMS + what));
}

/* -- the active threshold ------------------------------------------------------------------ */

bool limiter_is_emergency(const struct meter *m, unsigned k)
{
    const struct limiter *x = &m->limiters.of[k];
    bool in_force = clock_is_valid(&m->clock) && m->utc.s >= x->from.s && m->utc.s < x->until.s;
    return in_force || (k == 0 && tou_says(m, CALENDAR_LOAD) == CALENDAR_EMERGENCY);
}

int32_t limiter_threshold(const struct meter *m, unsigned k)
{
    int32_t second = param_get(m, PARAM_RESOURCE_LIMIT_W);
    if (limiter_is_emergency(m, k)) return get(m, k, LIMIT_EMERGENCY);
    if (k == 0 && m->now.quantity[VAL_SOURCE] && second) return second;
    return get(m, k, LIMIT_NORMAL);
}

static void look(struct meter *m, unsigned k)
{
    struct limiter *x = &m->limiters.of[k];
    int32_t is = limiter_threshold(m, k);
    struct event_detail d = { .what = (uint16_t)(k + 1), .magnitude = (uint32_t)is };
    bool first = x->threshold == UNKNOWN;
    if (is == x->threshold) return;
    x->threshold = is;
    if (!first) event_post(m, EV_LIMITER_CHANGED, NULL, &d);
}

/* {id 2, time 12, duration 4, from 8} */
void limiter_emergency(struct meter *m, unsigned k, struct emergency *e)
{
    uint8_t o[EMERGENCY_BODY];
    memset(e, 0, sizeof *e);
    memset(e->time, 0xFF, sizeof e->time);
    if (param_read(m, (uint16_t)(PARAM_LIMIT_1_PROFILE + k), o, sizeof o) != EMERGENCY_BODY)
        return;
    e->id = le_get16(o);
    memcpy(e->time, o + 2, sizeof e->time);
    e->duration_s = le_get32(o + 14);
    e->from.s = (int64_t)le_get64(o + 18);
}

int limiter_set_emergency(struct meter *m, const struct who *who, unsigned k,
                          const struct emergency *e)
{
    uint8_t o[EMERGENCY_BODY];
    struct emergency was;
    limiter_emergency(m, k, &was);
    bool same = was.id == e->id && was.duration_s == e->duration_s && was.from.s == e->from.s;
    if (same && !memcmp(was.time, e->time, sizeof e->time)) return 0;
    le_put16(o, e->id);
    memcpy(o + 2, e->time, sizeof e->time);
    le_put32(o + 14, e->duration_s);
    le_put64(o + 18, (uint64_t)e->from.s);
    return param_write(m, who, (uint16_t)(PARAM_LIMIT_1_PROFILE + k), o, sizeof o);
}

int limiter_begin_emergency(struct meter *m, const struct who *who, unsigned k)
{
    struct emergency e;
    limiter_emergency(m, k, &e);
    if (!e.duration_s || !clock_is_valid(&m->clock)) return E_STATE;
    e.from = m->utc;
    clock_put_stamp(&m->clock, m->utc, e.time);
    return limiter_set_emergency(m, who, k, &e);
}

static bool is_listed(struct meter *m, unsigned k, uint16_t id)
{
    uint8_t o[LIMIT_GROUPS * 2];
    int n = param_read(m, (uint16_t)(PARAM_LIMIT_1_GROUPS + k), o, sizeof o);
    for (int i = 0; i + 1 < n; i += 2)
        if (le_get16(o + i) == id) return true;
    return false;
}

void limiter_init(struct meter *m)
{
    for (unsigned i = 0; i < RETRIES; i++) m->limiters.retry[i].due = MONO_NEVER;
    for (unsigned k = 0; k < LIMITERS; k++) m->limiters.of[k].threshold = UNKNOWN;
}

void limiter_plan(struct meter *m)
{
    for (unsigned k = 0; k < LIMITERS; k++) {
        struct limiter *x = &m->limiters.of[k];
        struct emergency e;
        limiter_emergency(m, k, &e);
        bool listed = e.from.s > 0 && is_listed(m, k, e.id);
        x->from.s = listed ? e.from.s : 0;
        x->until.s = listed ? e.from.s + e.duration_s : 0;
    }
}

/* -- the value against it ------------------------------------------------------------------ */

static int32_t script_of(const struct meter *m, unsigned k, bool exceeded)
{
    unsigned n = (unsigned)get(m, k, exceeded ? LIMIT_UP : LIMIT_DOWN);
    return (int32_t)param_script(m, PARAM_SUPPLY_SCRIPTS, n);
}

static bool opens(int32_t script)
{
    return script == ACTION_DISCONNECT || script == ACTION_READY;
}

/* Scripts 1 and 3 open; 2 lets go, as an attempt. */
static void run(struct meter *m, unsigned k, int32_t script)
{
    struct limiters *l = &m->limiters;
    if (opens(script)) supply_request(m, (enum requester)requester[k], true);
    for (unsigned i = 0; i < RETRIES && script == ACTION_RECONNECT; i++)
        if (retries[i] == requester[k] && l->retry[i].due.us != MONO_NEVER.us &&
            !l->retry[i].locked)
            l->retry[i].due = m->t;
}

static uint64_t time_us(const struct meter *m, unsigned k)
{
    bool over = m->limiters.of[k].over;
    return (uint64_t)get(m, k, over ? LIMIT_OVER_S : LIMIT_UNDER_S) * SECOND_US;
}

static mono_t turns(const struct meter *m, unsigned k)
{
    const struct limiter *x = &m->limiters.of[k];
    return x->over == x->exceeded ? MONO_NEVER : mono_after(x->since, time_us(m, k));
}

static void judge(struct meter *m, unsigned k)
{
    struct limiter *x = &m->limiters.of[k];
    if (m->t.us < turns(m, k).us) return;
    int64_t value = reg_at(&m->now, (uint16_t)get(m, k, LIMIT_REG));
    struct event_detail d = { .what = (uint16_t)(k + 1), .magnitude = (uint32_t)value };
    x->exceeded = x->over;
    event_post(m, x->over ? EV_LIMITER_EXCEEDED : EV_LIMITER_OK, NULL, &d);
    run(m, k, script_of(m, k, x->over));
    supply_forgo(m, (enum requester)requester[k]);
}

bool limiter_asks(const struct meter *m, enum requester r)
{
    for (unsigned k = 0; k < LIMITERS; k++) {
        int32_t script = script_of(m, k, m->limiters.of[k].exceeded);
        if (requester[k] == r && opens(script)) return true;
    }
    return false;
}

void limiter_window(struct meter *m, const struct quantity *q)
{
    for (unsigned k = 0; k < LIMITERS; k++) {
        struct limiter *x = &m->limiters.of[k];
        look(m, k);
        int64_t value = reg_at(&m->now, (uint16_t)get(m, k, LIMIT_REG));
        bool over = x->threshold > 0 && value > x->threshold;
        if (over != x->over) x->since = q->start;
        x->over = over;
        judge(m, k);
    }
}

/* -- and back ------------------------------------------------------------------------------ */

static void tell(struct meter *m, unsigned i, enum event code)
{
    struct event_detail d = { .what = (uint16_t)(retries[i] + 1u) };
    event_post(m, code, NULL, &d);
}

static void begin(struct meter *m, unsigned i)
{
    struct retry *r = &m->limiters.retry[i];
    uint64_t window_us = (uint64_t)param_get(m, PARAM_RETRY_WINDOW_S) * SECOND_US;
    bool was_locked = r->locked;
    if (r->attempts && m->t.us - r->since.us > window_us) r->attempts = 0;
    r->locked |= r->attempts >= param_get(m, PARAM_RETRY_MAX);
    int32_t wait_s = param_get(m, r->locked ? PARAM_RETRY_LOCKOUT_S : PARAM_RETRY_DELAY_S);
    r->due = mono_after(m->t, (uint64_t)wait_s * SECOND_US);
    if (r->locked == was_locked) return;
    tell(m, i, EV_RECONNECT_LOCKOUT);
    hot_put(m, HOT_LIMITERS, 0);
}

static void unlock(struct meter *m, unsigned i)
{
    struct retry *r = &m->limiters.retry[i];
    if (r->locked) tell(m, i, EV_RECONNECT_LOCKOUT_END);
    r->locked = false;
    r->attempts = 0;
    hot_put(m, HOT_LIMITERS, 0);
}

void limiter_held(struct meter *m)
{
    for (unsigned i = 0; i < RETRIES; i++) {
        struct retry *r = &m->limiters.retry[i];
        bool held = (m->supply.state.held & SUPPLY_BIT(retries[i])) != 0;
        if (held == (r->due.us != MONO_NEVER.us)) continue;
        if (held) {
            begin(m, i);
        } else {
            r->due = MONO_NEVER;
            if (r->locked || (r->attempts && m->supply.state.cause == SUPPLY_BUTTON + 1))
                unlock(m, i);
        }
    }
}

bool limiter_is_locked(const struct meter *m)
{
    bool locked = false;
    for (unsigned i = 0; i < RETRIES; i++) locked |= m->limiters.retry[i].locked;
    return locked;
}

static void let_go(struct meter *m, unsigned i)
{
    struct retry *r = &m->limiters.retry[i];
    if (m->t.us < r->due.us) return;
    if (!supply_may_return(m)) {
        r->due = mono_after(m->t, AGAIN_S * SECOND_US);
        return;
    }
    r->due = MONO_NEVER;
    if (r->locked) {
        unlock(m, i);
    } else {
        if (r->attempts++ == 0) r->since = m->t;
        hot_put(m, HOT_LIMITERS, 0);
    }
    supply_request(m, (enum requester)retries[i], false);
}

mono_t limiter_next(const struct meter *m)
{
    mono_t next = MONO_NEVER;
    for (unsigned i = 0; i < RETRIES; i++) next = mono_min(next, m->limiters.retry[i].due);
    for (unsigned k = 0; k < LIMITERS; k++) {
        const struct limiter *x = &m->limiters.of[k];
        next = mono_min(next, turns(m, k));
        if (x->from.s > m->utc.s) next = mono_min(next, clock_mono(&m->clock, x->from));
        if (x->until.s > m->utc.s) next = mono_min(next, clock_mono(&m->clock, x->until));
    }
    return next;
}

void limiter_due(struct meter *m)
{
    for (unsigned i = 0; i < RETRIES; i++) let_go(m, i);
    for (unsigned k = 0; k < LIMITERS; k++) {
        look(m, k);
        judge(m, k);
    }
}

/* -- the record: {attempts, locked} each --------------------------------------------------- */

int limiter_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    for (unsigned i = 0; i < RETRIES; i++) {
        body[2 * i] = m->limiters.retry[i].attempts;
        body[2 * i + 1] = m->limiters.retry[i].locked;
    }
    return 2 * RETRIES;
}

void limiter_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != 2 * RETRIES) return;
    for (unsigned i = 0; i < RETRIES; i++) {
        if (body[2 * i + 1] > 1) return;
        m->limiters.retry[i].attempts = body[2 * i];
        m->limiters.retry[i].locked = body[2 * i + 1];
    }
}
