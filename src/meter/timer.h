/* timer.h - what is due at a date: one const table of rows {domain, handler}, deadlines in the
 * meter.
 *
 * The order of the table is the order at equal times: what ends is handled before what begins,
 * captures before tariff switches. Rows of the utc domain keep their calendar deadline; setting
 * the clock derives their monotonic one again. Handlers get the date they were due, never the
 * present.
 *
 * Cost     timer_next() one comparison a row.
 * Context  meter loop only.
 */
#ifndef METER_TIMER_H
#define METER_TIMER_H
#include <stdint.h>

#include "base/time.h"

struct meter;

enum timer {
    TIMER_SLEW,     /* mono: the slew is over */
    TIMER_MINUTE,   /* utc: energy record */
    TIMER_DEMAND,   /* utc: a demand period ends */
    TIMER_SURVEY_1, /* utc: captures */
    TIMER_SURVEY_2,
    TIMER_SURVEY_3,
    TIMER_DAY,      /* utc: local midnight, daily billing */
    TIMER_BILLING,  /* utc: end of the billing period */
    TIMER_SCHEME,   /* utc: another tariff scheme */
    TIMER_MODE,     /* utc: prepayment, or no more */
    TIMER_ZONE,     /* utc: daylight saving begins or ends */
    TIMER_CALENDAR, /* utc: a passive calendar comes into force */
    TIMER_TARIFF,   /* utc: the next switch of a calendar, or local midnight */
    TIMER_SCHEDULE, /* utc: an order by date, or local midnight */
    TIMER_PUSH,     /* utc: a push that recurs */
    TIMER_SINGLE,   /* utc: a single action */
    TIMER_RTC,      /* mono: compare with the calendar chip */
    TIMER_INPUT,    /* mono: an input has held for its time */
    TIMER_SUPPLY,   /* mono: a limit was passed for its time, a delay is over */
    TIMER_RELAY,    /* mono: a pulse, a pause of the relay driver is over */
    TIMER_FLOOD,    /* mono: an hour of limited events is over */
    TIMER_PORT,     /* utc: a lock-out of a port is over */
    TIMER_TOKEN,    /* mono: a lock-out of token entry, or the time for a key change, is over */
    TIMER_CREDIT,   /* mono: a delay before arrears cut, a sound */
    TIMER_BOARD,    /* mono: the next piece of the program is summed */
    TIMER_OUTPUT,   /* mono: the sound of an alarm pauses, or goes on */
    TIMERS
};

struct timers {
    mono_t due[TIMERS]; /* both domains, MONO_NEVER when idle */
    utc_t utc[TIMERS];  /* the calendar deadline of rows of that domain */
    mono_t next;        /* the earliest, kept */
};

void timer_init(struct timers *t);
void timer_set(struct meter *m, enum timer id, mono_t due);
void timer_set_utc(struct meter *m, enum timer id, utc_t due);
void timer_stop(struct meter *m, enum timer id);

/* Derive the monotonic deadlines of the utc rows again, after the clock's base or rate changed.
 */
void timer_clock_changed(struct meter *m);

/* Handle the one row that is due first (the lowest id at equal times). It must be due. */
void timer_handle(struct meter *m);

#endif
