/* tou.h - what is in force now: tariffs of energy and demand, load control, friendly time.
 *
 * What a calendar says is a function of the local date and time alone: the latest switch of the
 * day's profile, or the last one of the days before. So nothing is missed while the meter is
 * off, and setting the clock needs no care. Order, highest first: the resource input, while
 * active     (mode 1: a tariff, or the calendar's plus four) the binary rate number (mode 2) a
 * script a client executed           until the calendar's next switch the calendar tariff 1 no
 * calendar, or the clock is invalid A change takes effect between two windows; the unit under
 * way goes where it becomes whole.
 *
 * Power cut  what a client ordered is a record; all else is worked out again.
 * Cost       at a switch a look at 24 of them; at midnight one search of special days and
 *            seasons; at power-up one more, and one for each day before that switches nothing.
 * Memory     struct tou, 300 octets: the day in force of each calendar.
 * Context    meter loop only.
 */
#ifndef METER_TOU_TOU_H
#define METER_TOU_TOU_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/tou/calendar.h"
#include "meter/tou/schedule.h"

struct meter;

struct tou_day { /* the profile of one local day, and what was in force when it began */
    int32_t number;
    uint8_t n, before;
    bool is; /* it has a profile, if only one that switches nothing */
    uint8_t script[SWITCHES_MAX];
    uint16_t minute[SWITCHES_MAX];
};

struct tou {
    struct tou_day day[CALENDARS];
    uint8_t says[CALENDARS]; /* script of each calendar now; 0: it says nothing */
    uint8_t ordered;         /* tariff a client ordered; 0 none */
    uint8_t rate;            /* of the inputs: binary number 0..7 */
    bool second;             /* the second source feeds */
    bool noting;             /* what was done up to mark is to be noted */
    bool retrying;           /* the next order could not be begun yet */
    struct schedule_mark mark, next;
    uint8_t staged, list; /* what is being written: enum calendar, enum calendar_list */
};

/* Script table 0-0:10.0.100: tariff 1..8 of energy and demand. It holds until the calendar's
 * next switch. */
int tou_order(struct meter *m, const struct who *who, unsigned tariff);

/* What calendar c says now: a script number, 0 for nothing. */
unsigned tou_says(const struct meter *m, enum calendar c);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

/* The calendars may have changed, or the clock: work everything out anew. */
void tou_plan(struct meter *m);
/* A switch, or midnight. */
void tou_due(struct meter *m, utc_t due);
/* The inputs say which source feeds, or which rate holds. */
void tou_inputs(struct meter *m, bool second, unsigned rate);

int tou_put(const struct meter *m, unsigned k, uint8_t *body);
void tou_take(struct meter *m, const uint8_t *body, size_t n);

#endif
