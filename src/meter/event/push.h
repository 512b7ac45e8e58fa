/* push.h - what is to be sent without being asked: which pushes were ordered, and what became
 * of them. What a push says and where it goes is the model's business (model/push.h).
 *
 * A push is ordered by command (schedules, scripts, clients), by a moment that recurs, or by a
 * descriptor that rises (alarm.h). An order is in force until somebody takes it.
 *
 * Power cut  orders are forgotten, but those of alarms: they stand until one of them arrived or
 *            was given up, so a cut in between sends it again. What the head-end confirmed, and
 *            that it knows this meter, is a record each time.
 * Context    meter loop only.
 */
#ifndef METER_EVENT_PUSH_H
#define METER_EVENT_PUSH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"

struct meter;

enum push_id {
    PUSH_CONNECTIVITY,
    PUSH_INTERVAL_1,
    PUSH_INTERVAL_2,
    PUSH_INTERVAL_3,
    PUSH_ALARM,
    PUSH_POWER_DOWN,
    PUSH_CONSUMER,
    PUSH_INSTALLATION,
    PUSHES
};
enum { PUSH_TIMES = 4, PUSH_TIME = 9 }; /* moments that order the first four */

struct pushes {
    uint8_t ordered;            /* a bit each, since taken */
    bool registered;            /* the head-end knows this meter: PUSH_INSTALLATION arrived */
    uint32_t confirmed[PUSHES]; /* when one was last, UTC; 0 never */
};

/* Order push n. 0; E_RANGE. */
int push_order(struct meter *m, unsigned n);

/* What was ordered since last asked. */
uint8_t push_take(struct meter *m);

/* Push n arrived, and was confirmed. One record. The store is ready. */
void push_confirmed(struct meter *m, unsigned n);

/* PUSH_INSTALLATION arrived, or is to be sent again (n.b.: at the next power-up, or when
 * ordered). Event 458 the first time. */
void push_register(struct meter *m, bool registered);

/* Moment i, {time 4, date 5} with wildcards, of class 22; all not specified: none. Writing:
 * E_RANGE no such moment, else as param_write(). */
void push_get_time(struct meter *m, unsigned i, uint8_t o[PUSH_TIME]);
int push_set_time(struct meter *m, const struct who *who, unsigned i,
                  const uint8_t o[PUSH_TIME]);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

void push_plan(struct meter *m);
void push_due(struct meter *m, utc_t due);
int pushes_put(const struct meter *m, unsigned k, uint8_t *body);
void pushes_take(struct meter *m, const uint8_t *body, size_t n);

#endif
