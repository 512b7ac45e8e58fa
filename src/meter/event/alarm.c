#include "meter/event/alarm.h"

#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/hot.h"
#include "meter/meter.h"

/* Faults among the alarms: what the error registers keep. */
static const uint32_t fault[ERRORS] = { 0x00001F03, 0x07003000 };
static const uint8_t fault_of[ERRORS] = { 0, 2 }; /* alarm registers 1 and 3 */
enum { FRAUD_BIT = 13 };

void alarm_show(struct meter *m)
{
    for (unsigned i = 0; i < ALARMS; i++)
        m->now.quantity[VAL_ALARM_1 + i] = (int32_t)m->alarms.set[i];
    for (unsigned i = 0; i < ERRORS; i++)
        m->now.quantity[VAL_ERROR_1 + i] = (int32_t)m->alarms.error[i];
    m->outputs_stale = true;
}

static int32_t monitor(const struct meter *m, unsigned k, unsigned what)
{
    return param_get(
        m, (uint16_t)(PARAM_ALARM_MONITOR_1_THRESHOLD + k * ALARM_MONITOR_PARAMS + what));
}

/* Across the monitor's threshold, up or down. */
static void set_descriptor(const struct meter *m, struct alarms *a, unsigned k, uint32_t to)
{
    uint32_t threshold = (uint32_t)monitor(m, k, ALARM_MONITOR_THRESHOLD);
    bool was = a->descriptor[k] > threshold, is = to > threshold;
    uint8_t up = (uint8_t)(1u << k), down = (uint8_t)(up << ALARMS);
    if (is && !was) a->push = (uint8_t)((a->push & ~down) | up);
    if (was && !is) a->push = (uint8_t)((a->push & ~up) | down);
    a->descriptor[k] = to;
}

/* Each event rises anew: its bit stays in the register until somebody clears it, and who cleared
 * the descriptor wants to hear of the next one all the same. */
static void raise(const struct meter *m, struct alarms *a, unsigned k, uint32_t bit)
{
    uint32_t filter = (uint32_t)param_get(m, (uint16_t)(PARAM_ALARM_FILTER_1 + k));
    if (filter & bit) set_descriptor(m, a, k, a->descriptor[k] | bit);
    a->set[k] |= bit;
    for (unsigned i = 0; i < ERRORS; i++)
        if (fault_of[i] == k) a->error[i] |= bit & fault[i];
}

static void begin(const struct meter *m, struct alarms *a, const struct event_info *e)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!e->alarm[i]) continue;
        unsigned k = e->alarm[i] / 32u - 1;
        uint32_t bit = UINT32_C(1) << e->alarm[i] % 32;
        if (e->kind == EVENT_START) a->held[k] |= bit;
        raise(m, a, k, bit);
    }
}

/* The condition is over; the fraud bit covers many and is held by none. */
static void end(struct alarms *a, const struct event_info *start)
{
    for (unsigned i = 0; i < 2; i++)
        if (start->alarm[i])
            a->held[start->alarm[i] / 32u - 1] &= ~(UINT32_C(1) << start->alarm[i] % 32);
}

bool alarm_of(const struct meter *m, struct alarms *a, const struct event_info *e)
{
    struct alarms was = *a;
    begin(m, a, e);
    if (e->kind == EVENT_END)
        for (unsigned i = 0; event_table_at(i); i++)
            if (event_table_at(i)->other == e->code && event_table_at(i)->kind == EVENT_START)
                end(a, event_table_at(i));
    a->held[0] &= ~(UINT32_C(1) << FRAUD_BIT);
    for (unsigned k = 0; k < ALARMS; k++)
        if (was.set[k] != a->set[k] || was.held[k] != a->held[k] ||
            was.descriptor[k] != a->descriptor[k])
            return true;
    return false;
}

unsigned alarm_script(const struct meter *m, unsigned i)
{
    unsigned what = i < ALARMS ? ALARM_MONITOR_UP : ALARM_MONITOR_DOWN;
    return param_script(m, PARAM_PUSH_SCRIPTS, (unsigned)monitor(m, i % ALARMS, what));
}

uint8_t alarm_push_begin(struct meter *m, uint8_t mask)
{
    struct alarms *a = &m->alarms;
    uint8_t begun = a->push & mask;
    a->push &= (uint8_t)~begun;
    a->sending |= begun;
    return begun;
}

void alarm_push_end(struct meter *m, uint8_t mask, bool done)
{
    struct alarms *a = &m->alarms;
    if (!done) a->push |= a->sending & mask;
    a->sending &= (uint8_t)~mask;
    if (done && mask && !store_is_busy(&m->store)) hot_put(m, HOT_ALARMS, 0);
}

/* -- clearing ------------------------------------------------------------------------------ */

/* `next` is how the alarms are to stand. */
static int change_to(struct meter *m, const struct who *who, const struct alarms *next,
                     enum event code)
{
    uint8_t body[JOURNAL_BODY_MAX];
    if (change_begin(m) < 0) return E_BUSY;
    m->change.alarms = *next;
    if (code) change_event(m, code, who, NULL);
    if (m->alarms.set[0] & ~next->set[0] & 1u << FRAUD_BIT)
        change_event(m, EV_FRAUD_CLEARED_HES, who, NULL);
    change_put(m, HOT_ALARMS, body, (size_t)alarms_save(&m->change.alarms, body));
    m->change.alarmed = false;
    return change_commit(m);
}

static int clear(struct meter *m, const struct who *who, struct alarms *next, uint32_t *word,
                 uint32_t to, enum event code)
{
    if (*word == to) return 0;
    *word = to;
    return change_to(m, who, next, code);
}

int alarm_clear(struct meter *m, const struct who *who, unsigned k, uint32_t value)
{
    static const uint16_t code[ALARMS] = { EV_ALARM_CLEARED, EV_ALARM_2_CLEARED,
                                           EV_ALARM_CLEARED };
    struct alarms a = m->alarms;
    if (k >= ALARMS) return E_NONE;
    return clear(m, who, &a, &a.set[k], a.set[k] & (value | a.held[k]), (enum event)code[k]);
}

int alarm_clear_descriptor(struct meter *m, const struct who *who, unsigned k, uint32_t value)
{
    struct alarms a = m->alarms;
    if (k >= ALARMS) return E_NONE;
    if (!(a.descriptor[k] & ~value)) return 0;
    set_descriptor(m, &a, k, a.descriptor[k] & value);
    return change_to(m, who, &a, (enum event)0);
}

int alarm_clear_error(struct meter *m, const struct who *who, unsigned k, uint32_t value)
{
    static const uint16_t code[ERRORS] = { EV_ERROR_CLEARED, EV_ERROR_2_CLEARED };
    struct alarms a = m->alarms;
    if (k >= ERRORS) return E_NONE;
    uint32_t held = a.held[fault_of[k]] & fault[k];
    return clear(m, who, &a, &a.error[k], a.error[k] & (value | held), (enum event)code[k]);
}

/* -- the record: {set, held, descriptor 3 x 4, error 2 x 4, push 1} ------------------------ */

enum { BODY = (3 * ALARMS + ERRORS) * 4 + 1 };

int alarms_save(const struct alarms *a, uint8_t *body)
{
    uint8_t *p = body;
    for (unsigned k = 0; k < ALARMS; k++, p += 12) {
        le_put32(p, a->set[k]);
        le_put32(p + 4, a->held[k]);
        le_put32(p + 8, a->descriptor[k]);
    }
    for (unsigned k = 0; k < ERRORS; k++, p += 4) le_put32(p, a->error[k]);
    *p = a->push | a->sending;
    return BODY;
}

int alarms_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return alarms_save(&m->alarms, body);
}

void alarms_take(struct meter *m, const uint8_t *body, size_t n)
{
    struct alarms *a = &m->alarms;
    const uint8_t *p = body;
    if (n != BODY) return;
    for (unsigned k = 0; k < ALARMS; k++, p += 12) {
        a->set[k] = le_get32(p);
        a->held[k] = le_get32(p + 4);
        a->descriptor[k] = le_get32(p + 8);
    }
    for (unsigned k = 0; k < ERRORS; k++, p += 4) a->error[k] = le_get32(p);
    a->push = (uint8_t)(*p & ((1u << 2 * ALARMS) - 1) & ~a->sending);
    alarm_show(m);
}
