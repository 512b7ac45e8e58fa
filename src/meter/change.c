#include "meter/change.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/meter.h"

static const struct who self = { .link = LINK_SELF };

int change_begin_alone(struct meter *m)
{
    if (store_is_busy(&m->store)) return E_BUSY;
    energy_record(m);
    txn_begin(&m->store);
    m->change.open = true;
    m->change.alarmed = false;
    m->change.alarms = m->alarms;
    return 0;
}

int change_begin(struct meter *m)
{
    int err = change_begin_alone(m);
    if (!err) secure_join(m);
    return err;
}

void change_put(struct meter *m, enum hot type, const void *body, size_t n)
{
    int err = txn_put(&m->store, (uint8_t)type, body, n);
    ensure(m->change.open && err >= 0);
}

/* {first 1, value 4}: the same record as a checkpoint's, of one number. */
void change_count(struct meter *m, unsigned counter)
{
    uint8_t body[5] = { (uint8_t)counter };
    le_put32(body + 1, m->now.counter[counter] + 1);
    change_put(m, HOT_COUNTERS, body, sizeof body);
}

void change_stamp(struct meter *m, unsigned stamp)
{
    uint8_t body[5] = { (uint8_t)stamp };
    le_put32(body + 1, (uint32_t)m->utc.s);
    change_put(m, HOT_STAMPS, body, sizeof body);
}

void change_event_at(struct meter *m, utc_t when, enum event code, const struct who *who,
                     const struct event_detail *detail)
{
    const struct event_info *e = event_find((uint16_t)code);
    uint8_t body[EVENT_BODY];
    ensure(m->change.open && e);
    event_body(m, when, code, who ? who : &self, detail, body);
    ensure(txn_put_row(&m->store, event_series((enum event_log)e->log), body) >= 0);
    if (e->also != LOG_NONE)
        ensure(txn_put_row(&m->store, event_series((enum event_log)e->also), body) >= 0);
    m->change.alarmed |= alarm_of(m, &m->change.alarms, e);
}

void change_event(struct meter *m, enum event code, const struct who *who,
                  const struct event_detail *detail)
{
    change_event_at(m, m->utc, code, who, detail);
}

void change_cancel(struct meter *m)
{
    m->change.open = false;
    txn_cancel(&m->store);
}

int change_commit(struct meter *m)
{
    uint8_t body[JOURNAL_BODY_MAX];
    if (m->change.alarmed)
        change_put(m, HOT_ALARMS, body, (size_t)alarms_save(&m->change.alarms, body));
    m->change.open = false;
    return txn_commit(&m->store);
}
