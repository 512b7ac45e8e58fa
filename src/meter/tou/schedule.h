/* schedule.h - a list of orders by date: up to 32 entries that the meter carries out itself.
 *
 * An entry names a time of day (an hour of FF: every hour), the weekdays and special days it is
 * for, the dates between which it counts, and an order of commands.def. On a day of the special
 * days table the special days of the entry decide, on others its weekdays. Dates with wildcards
 * recur: {FFFF, 4, 1} to {FFFF, 9, 30} is every summer, day 1 to day 7 of any month every
 * month's first week. At one moment entries go in order of their index.
 *
 * What fell into a time without supply, or was jumped over by the clock, is made up for in
 * order, each order that is not later than its window (FFFF: however late, up to 31 days); what
 * the clock goes back over comes again (IEC 62056-6-2, class 10). An invalid clock waits.
 *
 * Power cut  a list is the old or the new. An order that was carried out, but not noted when
 *            the lights went out, is carried out again.
 * Cost       at midnight and after an order one look at 32 rows on flash.
 * Memory     33 octets in struct tou.
 * Context    meter loop only.
 */
#ifndef METER_TOU_SCHEDULE_H
#define METER_TOU_SCHEDULE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"

struct meter;

enum { SCHEDULE_MAX = 32, SCHEDULE_SPECIAL_MAX = 64, SCHEDULE_ALWAYS = 0xFFFF };

struct schedule_entry {
    uint16_t index; /* of its own in the list */
    bool enabled;
    uint8_t script[6]; /* kept as written for whoever reads; the order is what counts */
    uint16_t selector;
    uint8_t command; /* enum command, and its argument */
    int8_t arg;
    uint8_t time[4];     /* COSEM time; hour FF: each hour; second and hundredths FF: 0 */
    uint16_t window_min; /* how late it may come */
    uint8_t weekdays;    /* bit 7 Monday .. bit 1 Sunday, as the bit-string has them */
    uint8_t special_n;   /* bits of special, at most 64: bit n is day_id n, first in bit 7 */
    uint8_t special[SCHEDULE_SPECIAL_MAX / 8];
    uint8_t begin[5], end[5]; /* COSEM dates */
};

/* Entries, and the i-th; E_NONE beyond, E_IO, E_CRC. */
int schedule_entries(struct meter *m);
int schedule_entry(struct meter *m, unsigned i, struct schedule_entry *x);

/* The list comes row by row and stands at commit. E_BUSY: another list is being written, or the
 * store is at work. An entry that is not right, or an index that is there twice: E_RANGE, and
 * the list is given up. What is being made up for is forgotten with the old list. */
int schedule_begin(struct meter *m, const struct who *who, unsigned rows);
int schedule_put(struct meter *m, const struct who *who, const struct schedule_entry *x);
int schedule_commit(struct meter *m, const struct who *who);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

/* Done up to here: entries of later moments, or of this one with a higher index, are open. */
struct schedule_mark {
    int64_t s; /* UTC */
    int32_t index;
};

/* Power returns: go on behind what was noted. */
void schedule_power_up(struct meter *m);
/* The list, the special days, the zone or the clock may have changed. */
void schedule_plan(struct meter *m);
void schedule_due(struct meter *m, utc_t due);

#endif
