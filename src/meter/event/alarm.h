/* alarm.h - three alarm registers, their descriptors, two error registers.
 *
 * A bit is set while its condition holds and stays set until a client writes 0 into it; one
 * whose condition still holds cannot be cleared. A bit that rises, and passes the filter, sets
 * its bit in the descriptor; a descriptor that rises is pushed, once, until the head-end clears
 * it. Error registers collect the bits of faults.
 *
 * Power cut  registers and descriptors are a record each time one changed.
 * Context    meter loop only.
 */
#ifndef METER_EVENT_ALARM_H
#define METER_EVENT_ALARM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/who.h"
#include "meter/event/event.h"

struct meter;

enum { ALARMS = 3, ERRORS = 2 };

struct alarms {
    uint32_t set[ALARMS];  /* the registers */
    uint32_t held[ALARMS]; /* conditions that hold */
    uint32_t descriptor[ALARMS];
    uint32_t error[ERRORS];
    uint8_t push;    /* descriptors that rose and are to be pushed, a bit each */
    uint8_t sending; /* those on their way: to be pushed again if the lights go out */
};

/* What an event does to them; true when anything changed. */
bool alarm_of(const struct meter *m, struct alarms *a, const struct event_info *e);

/* Write alarm register, descriptor or error register k: bits written 0 are cleared unless their
 * condition holds; bits written 1 stay as they are. Events 11, 267 and 10, 266. */
int alarm_clear(struct meter *m, const struct who *who, unsigned k, uint32_t value);
int alarm_clear_descriptor(struct meter *m, const struct who *who, unsigned k, uint32_t value);
int alarm_clear_error(struct meter *m, const struct who *who, unsigned k, uint32_t value);

/* Of the descriptors in mask, those that are to be pushed are now on their way: which. And how
 * it ended for them: done (one record), or to be tried again. The store is ready. */
uint8_t alarm_push_begin(struct meter *m, uint8_t mask);
void alarm_push_end(struct meter *m, uint8_t mask, bool done);

/* Nobody wants to hear of them: no longer on their way, and no record of that. */
void alarm_push_ignore(struct meter *m, uint8_t mask);

/* The registers among the values (VAL_ALARM_1 ..). */
void alarm_show(struct meter *m);

int alarms_save(const struct alarms *a, uint8_t *body);
int alarms_put(const struct meter *m, unsigned k, uint8_t *body);
void alarms_take(struct meter *m, const uint8_t *body, size_t n);

#endif
