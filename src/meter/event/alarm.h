/* alarm.h - three alarm registers, their descriptors, two error registers.
 *
 * A bit is set while its condition holds and stays set until a client writes 0 into it; one
 * whose condition still holds cannot be cleared. An event whose bit passes the filter sets the
 * same bit in the descriptor, however long the register has had it. A monitor watches each descriptor as a number: rising above its
 * threshold (0 as delivered: any bit) calls a push script, once, until the head-end clears it;
 * falling back may call another. Error registers collect the bits of faults.
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

/* Of register 3: covers, magnet, mismatch, enclosure; what a clear-tamper token is for. */
enum { ALARM_TAMPERS = 6, TAMPER_ALARMS = (1 << ALARM_TAMPERS) - 1 };

struct alarms {
    uint32_t set[ALARMS];  /* the registers */
    uint32_t held[ALARMS]; /* conditions that hold */
    uint32_t descriptor[ALARMS];
    uint32_t error[ERRORS];
    uint8_t push;    /* to be pushed: descriptors that rose, and ALARMS up, those that fell */
    uint8_t sending; /* those on their way: to be pushed again if the lights go out */
};

/* What an event does to them; true when anything changed. */
bool alarm_of(const struct meter *m, struct alarms *a, const struct event_info *e);

/* Write alarm register, descriptor or error register k: bits written 0 are cleared unless their
 * condition holds; bits written 1 stay as they are. Events 11, 267 and 10, 266. */
int alarm_clear(struct meter *m, const struct who *who, unsigned k, uint32_t value);
int alarm_clear_descriptor(struct meter *m, const struct who *who, unsigned k, uint32_t value);
int alarm_clear_error(struct meter *m, const struct who *who, unsigned k, uint32_t value);

/* Of the crossings in mask (bits of alarms.push), those that are to be pushed are now on their
 * way: which. And how it ended for them: done (one record), or to be tried again. The store is
 * ready. */
uint8_t alarm_push_begin(struct meter *m, uint8_t mask);
void alarm_push_end(struct meter *m, uint8_t mask, bool done);
/* The parameters of a monitor, in the order of meter/params.def. */
enum { ALARM_MONITOR_THRESHOLD, ALARM_MONITOR_UP, ALARM_MONITOR_DOWN, ALARM_MONITOR_PARAMS };

/* The push script its monitor runs for crossing i < 2 ALARMS (bit i of alarms.push); 0 none. */
unsigned alarm_script(const struct meter *m, unsigned i);

/* The registers among the values (VAL_ALARM_1 ..). */
void alarm_show(struct meter *m);

int alarms_save(const struct alarms *a, uint8_t *body);
int alarms_put(const struct meter *m, unsigned k, uint8_t *body);
void alarms_take(struct meter *m, const uint8_t *body, size_t n);

#endif
