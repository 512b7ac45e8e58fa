/* single.h - single actions: an order that the meter carries out at dates (class 22).
 *
 * Each single action is a list of up to eight moments {time, date with wildcards} and one script
 * of the table it belongs to. What fell into a time without supply, or was jumped over by the
 * clock, is carried out once, however often it was missed; what the clock goes back over comes
 * again. An invalid clock waits. The end of the billing period has a schedule of its own
 * (profile/billing.h), since each period that was missed is made up for.
 *
 * Power cut  a list is the old or the new. An order that was carried out, but not noted when the
 *            lights went out, is carried out again.
 * Cost       at power-up and after an action the next of eight moments: days are walked.
 * Memory     struct single, 24 octets.
 * Context    meter loop only.
 */
#ifndef METER_TOU_SINGLE_H
#define METER_TOU_SINGLE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"

struct meter;

enum single_id {
    SINGLE_SUPPLY, /* 0-0:15.0.1: scripts 1 to 3 of 0-0:10.0.106, as the schedule */
    SINGLES
};
enum { SINGLE_ENTRIES = 8, SINGLE_TIME = 9 };

struct single_action {
    uint8_t selector;                          /* script of its table; 1.. */
    uint8_t type;                              /* 1..5, as class 22 has them */
    uint8_t n;                                 /* moments; 0: never */
    uint8_t when[SINGLE_ENTRIES][SINGLE_TIME]; /* COSEM time and date, as written */
};

/* As it stands; type 1 without a moment where it was never written. */
void single_get(struct meter *m, enum single_id id, struct single_action *x);

/* Write it. From now on its moments count. E_RANGE: no such script or type, a moment that is
 * none, one that its type forbids (1 one moment; 2, 3 all of one time; 2, 4 no wildcards). */
int single_set(struct meter *m, const struct who *who, enum single_id id,
               const struct single_action *x);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

struct single {
    utc_t due[SINGLES]; /* INT64_MAX: never */
    bool noting;        /* what was done is to be noted */
    uint8_t done;       /* enum single_id */
};

/* A list, the zone or the clock may have changed. */
void single_plan(struct meter *m);
void single_due(struct meter *m, utc_t due);

#endif
