/* event.h - what happens: one table of codes, ten logs, a bounded queue between.
 *
 * events.def names each event once: code, log, what it does to the alarm registers, what it
 * starts or ends. A cause posts a code; nothing else happens until the meter drains the queue,
 * before the next thing is handled. Draining writes the log row, moves alarm bits and hands
 * pushes on. Rows of a flood are limited per code and hour: the first and the last stand, with
 * the number between. Log numbers are those of the last but one OBIS field: 0 standard .. 9
 * firmware (3 does not exist), 10 power failures.
 *
 * Power cut  a row is there or is not; numbers have no holes. Events that go with a change
 *            of state ride in its transaction. Of a flood what is held back stands after the
 *            power-up, with the number up to the last full minute, or up to the last gasp.
 * Cost       event_post() copies 24 octets; a row is one prog.
 * Memory     queue of CFG_EVENT_QUEUE.
 * Context    meter loop only.
 */
#ifndef METER_EVENT_EVENT_H
#define METER_EVENT_EVENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/cfg.h"

struct meter;

enum event_log {
    LOG_STANDARD,
    LOG_FRAUD,
    LOG_RELAY,
    LOG_NONE,
    LOG_QUALITY,
    LOG_COMMUNICATION,
    LOG_PREPAYMENT,
    LOG_SECURITY,
    LOG_FAILURE,
    LOG_FIRMWARE,
    LOG_POWER,
    LOGS
};

/* The value of the enumeration is the code itself. */
#define EVENT(name, code, log, also, alarm, alarm2, kind, other, severity, cause, text)        \
    name = code,
enum event {
#include "meter/event/events.def"
};
#undef EVENT

enum event_kind {
    EVENT_ONCE,  /* a point in time */
    EVENT_START, /* a condition begins; `other` is the code of its end */
    EVENT_END /* it ends; `other` is the code of its start; the row carries duration and extreme
               */
};

enum event_severity {
    EVENT_NOTICE,  /* it is said, no more */
    EVENT_WARNING, /* somebody should look at it some day */
    EVENT_ALARM    /* something is wrong now */
};

struct event_info {
    uint16_t code, other;
    uint8_t log;      /* enum event_log */
    uint8_t also;     /* a second log, or LOG_NONE */
    uint8_t alarm[2]; /* (register 1..3) * 32 + bit; 0 none */
    uint8_t kind, severity;
};

/* What a row tells beside its code; all zero is fine. */
struct event_detail {
    uint16_t what;      /* parameter, survey, log, cause: by code */
    uint32_t magnitude; /* extreme, amount, old time: by code */
    uint32_t duration_s;
    bool dark; /* it happened while the supply was off */
};

/* A row of a log as kept. */
struct event_row {
    utc_t time;
    uint16_t code;
    uint8_t flags; /* EVENT_DARK, EVENT_CLOCK_INVALID, EVENT_REPEATED */
    struct who who;
    uint16_t what;
    uint32_t magnitude, duration_s;
    uint32_t energy_wh; /* absolute active energy at the event */
};
enum {
    EVENT_DARK = 1,
    EVENT_CLOCK_INVALID = 2,
    EVENT_REPEATED = 4
}; /* REPEATED: magnitude counts
      rows left out before it */

enum { EVENT_BODY = 30, FLOODS = 8, FLOOD_GROUP = 4 }; /* a record of the journal has a group */

struct flood {
    mono_t since;
    uint16_t code, rows; /* written in this hour */
    uint32_t missed;     /* left out since; the last one waits in body */
    uint8_t body[EVENT_BODY];
};

struct events {
    uint8_t queue[CFG_EVENT_QUEUE][EVENT_BODY]; /* rows as they will stand */
    uint8_t head, count;
    uint16_t lost; /* found no place */
    struct flood flood[FLOODS];
    uint8_t held;      /* groups of floods to be journalled, a bit each */
    uint8_t allowance; /* rows of attempts the fraud log still takes: see event.c */
};

/* The table row of a code; NULL where there is none. */
const struct event_info *event_find(uint16_t code);
/* Row i of the table in order of code; NULL past the end: for documents and tests. */
const struct event_info *event_table_at(unsigned i);

/* The code's name as a person reads it; NULL where there is none. */
const char *event_text(uint16_t code);

/* Something happened at the time of what is being handled. who NULL: the meter itself; detail
 * NULL: nothing to tell. A full queue counts the loss and posts event 154 when there is room. */
void event_post(struct meter *m, enum event code, const struct who *who,
                const struct event_detail *detail);

/* The same with a date of its own: what is found out late. */
void event_post_at(struct meter *m, utc_t when, enum event code, const struct who *who,
                   const struct event_detail *detail);

/* Rows a reader sees: numbers [first, next) for ever; next is also the log's event counter,
 * which no reset changes. */
struct event_span {
    uint32_t first, next;
};
struct event_span event_span(const struct meter *m, enum event_log log);

/* Row `number` of a log, first <= number < next. E_NONE outside, E_IO unreadable. */
int event_read(struct meter *m, enum event_log log, uint32_t number, struct event_row *row);

/* The code of a log's newest row (0-0:96.11.x): 0 before the first. One flash read. */
uint16_t event_last(struct meter *m, enum event_log log);

/* Clear a log: its rows stay on flash, its first moves; one row of code 255 stands. */
int event_clear(struct meter *m, const struct who *who, enum event_log log);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

void event_init(struct events *e);
void event_mount(struct meter *m);
unsigned event_series(enum event_log log);
bool event_is_idle(const struct meter *m);
void event_drain(struct meter *m);
void event_flood_over(struct meter *m, utc_t u);
void event_minute(struct meter *m); /* journal what is held back */
void event_body(struct meter *m, utc_t when, enum event code, const struct who *who,
                const struct event_detail *detail, uint8_t body[EVENT_BODY]);

int floods_put(const struct meter *m, unsigned k, uint8_t *body);
void floods_take(struct meter *m, const uint8_t *body, size_t n);
int logs_put(const struct meter *m, unsigned k, uint8_t *body);
void logs_take(struct meter *m, const uint8_t *body, size_t n);

#endif
