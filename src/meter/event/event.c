#include "meter/event/event.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/profile/scan.h"

#define HOUR_US (3600 * UINT64_C(1000000))

enum { A_HOUR = 10, RESTORED = A_HOUR + 1, ALLOWANCE = 64 };
enum {
    AT_TIME = 0,
    AT_CODE = 4,
    AT_FLAGS = 6,
    AT_LINK = 7,
    AT_SAP = 8,
    AT_ASSOC = 10,
    AT_WHAT = 12,
    AT_MAGNITUDE = 14,
    AT_DURATION = 18,
    AT_ENERGY = 22
};

void event_init(struct events *e)
{
    memset(e, 0, sizeof *e);
    e->allowance = ALLOWANCE;
}

/* Nine logs of codes, then the power failures; there is no log 3. */
unsigned event_series(enum event_log log)
{
    unsigned i = log == LOG_POWER ? 9u : log > LOG_NONE ? log - 1u : log;
    ensure(log != LOG_NONE && log < LOGS);
    return SERIES_LOG_1 + i;
}

/* -- rows: {time 4, code 2, flags 1, channel 1, client 2, association 1, 0, what 2, magnitude
 * 4, duration 4, energy 4, 0 x 4} ------------------------------------------------------- */

void event_body(struct meter *m, utc_t when, enum event code, const struct who *who,
                const struct event_detail *detail, uint8_t body[EVENT_BODY])
{
    memset(body, 0, EVENT_BODY);
    le_put32(body + AT_TIME, (uint32_t)when.s);
    le_put16(body + AT_CODE, (uint16_t)code);
    body[AT_FLAGS] = clock_is_valid(&m->clock) ? 0 : EVENT_CLOCK_INVALID;
    body[AT_LINK] = who->link;
    le_put16(body + AT_SAP, who->sap);
    body[AT_ASSOC] = who->assoc;
    le_put32(body + AT_ENERGY, (uint32_t)reg_at(&m->now, REG_WH_ABS));
    if (!detail) return;
    body[AT_FLAGS] |= detail->dark ? EVENT_DARK : 0;
    le_put16(body + AT_WHAT, detail->what);
    le_put32(body + AT_MAGNITUDE, detail->magnitude);
    le_put32(body + AT_DURATION, detail->duration_s);
}

static void body_get(const uint8_t *body, struct event_row *row)
{
    row->time.s = le_get32(body + AT_TIME);
    row->code = le_get16(body + AT_CODE);
    row->flags = body[AT_FLAGS];
    row->who.link = body[AT_LINK];
    row->who.sap = le_get16(body + AT_SAP);
    row->who.assoc = body[AT_ASSOC];
    row->what = le_get16(body + AT_WHAT);
    row->magnitude = le_get32(body + AT_MAGNITUDE);
    row->duration_s = le_get32(body + AT_DURATION);
    row->energy_wh = le_get32(body + AT_ENERGY);
}

struct event_span event_span(const struct meter *m, enum event_log log)
{
    unsigned id = event_series(log);
    return (struct event_span){ scan_oldest(m, id), series_next(&m->store, id) };
}

int event_read(struct meter *m, enum event_log log, uint32_t number, struct event_row *row)
{
    uint8_t body[EVENT_BODY];
    int err = series_read(&m->store, event_series(log), number, body);
    if (err >= 0) body_get(body, row);
    return err < 0 ? err : 0;
}

uint16_t event_last(struct meter *m, enum event_log log)
{
    struct event_row row;
    uint32_t next = event_span(m, log).next;
    return next && event_read(m, log, next - 1, &row) >= 0 ? row.code : 0;
}

/* -- posting ------------------------------------------------------------------------------- */

void event_post_at(struct meter *m, utc_t when, enum event code, const struct who *who,
                   const struct event_detail *detail)
{
    static const struct who self = { .link = LINK_SELF };
    struct events *e = &m->events;
    ensure(event_find((uint16_t)code));
    if (e->count == CFG_EVENT_QUEUE) {
        e->lost++;
        return;
    }
    unsigned at = (e->head + e->count++) % CFG_EVENT_QUEUE;
    event_body(m, when, code, who ? who : &self, detail, e->queue[at]);
}

void event_post(struct meter *m, enum event code, const struct who *who,
                const struct event_detail *detail)
{
    event_post_at(m, m->utc, code, who, detail);
}

bool event_is_idle(const struct meter *m)
{
    return m->events.count == 0;
}

/* -- floods -------------------------------------------------------------------------------- */

/* Of a code that comes again and again the first rows of an hour stand, then the last, with the
 * number left out between. What is held back is journalled when it begins, each minute and at
 * the last gasp; after a power-up it stands at once. */

static struct flood *flood_of(struct meter *m, uint16_t code)
{
    struct flood *f = m->events.flood, *oldest = f;
    for (unsigned i = 0; i < FLOODS; i++) {
        if (f[i].rows && f[i].code == code) return &f[i];
        if (!f[i].rows || (oldest->rows && f[i].since.us < oldest->since.us)) oldest = &f[i];
    }
    /* One that still holds back a row is not given up: then this code goes unlimited. */
    return oldest->missed ? NULL : oldest;
}

static mono_t over(const struct flood *f)
{
    return mono_after(f->since, HOUR_US);
}

static void plan_flood(struct meter *m)
{
    mono_t due = MONO_NEVER;
    for (unsigned i = 0; i < FLOODS; i++) {
        const struct flood *f = &m->events.flood[i];
        if (f->missed) due = mono_min(due, f->rows == RESTORED ? m->t : over(f));
    }
    timer_set(m, TIMER_FLOOD, due);
}

/* True: write it. */
static bool admit(struct meter *m, const uint8_t body[EVENT_BODY])
{
    uint16_t code = le_get16(body + AT_CODE);
    struct flood *f = flood_of(m, code);
    if (!f) return true;
    if (f->code != code || !f->rows || (!f->missed && m->t.us >= over(f).us))
        *f = (struct flood){ .since = m->t, .code = code };
    if (f->rows < A_HOUR) {
        f->rows++;
        return true;
    }
    memcpy(f->body, body, EVENT_BODY);
    m->events.held = (uint8_t)(m->events.held | 1u << (f - m->events.flood) / FLOOD_GROUP);
    if (f->missed++ == 0) {
        plan_flood(m);
        event_minute(m);
    }
    return false;
}

void event_minute(struct meter *m)
{
    for (unsigned k = 0; k < FLOODS / FLOOD_GROUP; k++)
        if (m->events.held >> k & 1) hot_put(m, HOT_FLOODS, k);
    m->events.held = 0;
}

/* The record: {group 1, of each of its floods rows left out 4 and, if there are, the last 30} */
static int floods_save(const struct flood *f, unsigned k, uint8_t *body)
{
    uint8_t *p = body;
    *p++ = (uint8_t)k;
    f += k * FLOOD_GROUP;
    for (unsigned i = 0; i < FLOOD_GROUP; i++, f++) {
        le_put32(p, f->missed);
        p += 4;
        if (!f->missed) continue;
        memcpy(p, f->body, EVENT_BODY);
        p += EVENT_BODY;
    }
    return (int)(p - body);
}

/* A checkpoint has no record of a group that holds back nothing. */
int floods_put(const struct meter *m, unsigned k, uint8_t *body)
{
    const struct flood *f = m->events.flood + k * FLOOD_GROUP;
    bool holds = false;
    for (unsigned i = 0; i < FLOOD_GROUP; i++) holds |= f[i].missed != 0;
    return holds ? floods_save(m->events.flood, k, body) : 0;
}

/* What a power cut found held back is due at once; in life the record says what stands now. */
static void take_flood(struct meter *m, struct flood *f, uint32_t missed, const uint8_t *body)
{
    if (!missed && f->missed) *f = (struct flood){ 0 };
    if (!missed || !event_find(le_get16(body + AT_CODE))) return;
    if (!m->live) *f = (struct flood){ .since = m->t, .rows = RESTORED };
    f->code = le_get16(body + AT_CODE);
    f->missed = missed;
    memcpy(f->body, body, EVENT_BODY);
}

void floods_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n < 1 || body[0] >= FLOODS / FLOOD_GROUP) return;
    const uint8_t *p = body + 1, *end = body + n;
    for (unsigned i = 0; i < FLOOD_GROUP && end - p >= 4; i++) {
        uint32_t missed = le_get32(p);
        p += 4;
        if (missed && end - p < EVENT_BODY) return;
        take_flood(m, &m->events.flood[body[0] * FLOOD_GROUP + i], missed, p);
        if (missed) p += EVENT_BODY;
    }
    plan_flood(m);
}

static enum event_log log_of(const struct event_info *e, uint8_t *left);

/* Into the open change: the last row that was held back, with the number of those before it. */
static void put_last(struct meter *m, struct flood *f, uint8_t *allowance)
{
    const struct event_info *e = event_find(f->code);
    if (f->missed > 1) {
        f->body[AT_FLAGS] |= EVENT_REPEATED;
        le_put32(f->body + AT_MAGNITUDE, f->missed - 1);
    }
    ensure(txn_put_row(&m->store, event_series(log_of(e, allowance)), f->body) >= 0);
    if (e->also != LOG_NONE)
        ensure(txn_put_row(&m->store, event_series((enum event_log)e->also), f->body) >= 0);
    *f = (struct flood){ 0 };
}

/* One change: those rows, and that they are held back no more. */
void event_flood_over(struct meter *m, utc_t u)
{
    uint8_t body[JOURNAL_BODY_MAX], allowance = m->events.allowance;
    struct flood after[FLOODS];
    (void)u;
    memcpy(after, m->events.flood, sizeof after);
    if (change_begin_alone(m) < 0) return;
    for (struct flood *f = after; f < after + FLOODS; f++)
        if (f->missed && (f->rows == RESTORED || m->t.us >= over(f).us))
            put_last(m, f, &allowance);
    for (unsigned k = 0; k < FLOODS / FLOOD_GROUP; k++)
        change_put(m, HOT_FLOODS, body, (size_t)floods_save(after, k, body));
    change_put(m, HOT_LOGS, &allowance, 1);
    change_commit(m);
    m->events.held = 0;
}

/* -- writing ------------------------------------------------------------------------------- */

/* Attempts over the wire may fill a quarter of the fraud log and then only as much as real
 * tampering does: whoever knocks long enough cannot push an open cover out of it. The others go
 * where attempts belong, into the security log. */
static bool is_attempt(uint16_t code)
{
    return code == EV_ASSOCIATION_FAILED || code == EV_DECRYPTION_FAILED || code == EV_REPLAY;
}

static enum event_log log_of(const struct event_info *e, uint8_t *left)
{
    if (e->log != LOG_FRAUD) return (enum event_log)e->log;
    if (!is_attempt(e->code)) {
        if (*left < ALLOWANCE) ++*left;
        return LOG_FRAUD;
    }
    if (!*left) return LOG_SECURITY;
    --*left;
    return LOG_FRAUD;
}

static void write(struct meter *m, const uint8_t body[EVENT_BODY])
{
    const struct event_info *e = event_find(le_get16(body + AT_CODE));
    uint8_t was = m->events.allowance;
    series_append(&m->store, event_series(log_of(e, &m->events.allowance)), body);
    if (e->also != LOG_NONE)
        series_append(&m->store, event_series((enum event_log)e->also), body);
    if (m->events.allowance != was) hot_put(m, HOT_LOGS, 0);
}

static void tell_lost(struct meter *m)
{
    struct event_detail d = { .magnitude = m->events.lost };
    if (!m->events.lost) return;
    m->now.counter[CNT_EVENTS_LOST] += m->events.lost;
    hot_number(m, HOT_COUNTERS, CNT_EVENTS_LOST);
    m->events.lost = 0;
    event_post(m, EV_DIAGNOSTIC_FAILED, NULL, &d);
}

static void drain_one(struct meter *m)
{
    struct events *e = &m->events;
    uint8_t body[EVENT_BODY];
    memcpy(body, e->queue[e->head], EVENT_BODY);
    e->head = (uint8_t)((e->head + 1) % CFG_EVENT_QUEUE);
    e->count--;
    if (admit(m, body)) write(m, body);
    if (alarm_of(m, &m->alarms, event_find(le_get16(body + AT_CODE)))) {
        hot_put(m, HOT_ALARMS, 0);
        alarm_show(m);
    }
}

void event_drain(struct meter *m)
{
    while (m->events.count && !store_is_busy(&m->store)) {
        drain_one(m);
        if (!m->events.count) tell_lost(m);
    }
}

/* -- clearing ------------------------------------------------------------------------------ */

int event_clear(struct meter *m, const struct who *who, enum event_log log)
{
    uint8_t body[EVENT_BODY];
    struct event_detail d = { .what = (uint16_t)log };
    unsigned id = log < LOGS && log != LOG_NONE ? event_series(log) : 0;
    if (!id) return E_NONE;
    int err = change_begin(m);
    if (err < 0) return err;
    event_body(m, m->utc, EV_LOG_CLEARED, who, &d, body);
    ensure(txn_put_clear(&m->store, id, series_next(&m->store, id), 0) >= 0);
    ensure(txn_put_row(&m->store, id, body) >= 0);
    return change_commit(m);
}

/* -- the record: {allowance 1} ------------------------------------------------------------- */

int logs_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    body[0] = m->events.allowance;
    return 1;
}

void logs_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n == 1 && body[0] <= ALLOWANCE) m->events.allowance = body[0];
}

/* Records are dated each checkpoint_s; what happened since may be a row. One that is dated later
 * still is of a time before the clock was set back. */
static void was_alive(struct meter *m, utc_t dated, const struct event_row *row)
{
    if (row->flags & (EVENT_DARK | EVENT_CLOCK_INVALID)) return;
    if (row->time.s > m->last.s && row->time.s - dated.s <= m->cfg->checkpoint_s)
        m->last = row->time;
}

void event_mount(struct meter *m)
{
    struct event_row row;
    utc_t dated = m->last;
    for (unsigned log = 0; log < LOGS; log++) {
        if (log == LOG_NONE) continue;
        uint32_t next = event_span(m, (enum event_log)log).next;
        if (next && event_read(m, (enum event_log)log, next - 1, &row) >= 0)
            was_alive(m, dated, &row);
    }
}
