/* when.h - dates with wildcards, as COSEM writes them, and the days they name.
 *
 * A field of FF (year FFFF) is any. day FE is the last and FD the second last day of the month;
 * with a weekday beside it, the last and second last such weekday. A weekday beside day 1..31
 * is the first such weekday on or after that day. Source: IEC 62056-6-2, date; the reading of
 * weekday and day together is the one head-ends use for daylight saving rules.
 *
 * Cost     when_matches() tens of instructions; when_next() and when_last() look at each
 *          month once where the day is named by its number, else walk days, at most 366 * 8.
 * Context  any; no state.
 */
#ifndef METER_CLOCK_WHEN_H
#define METER_CLOCK_WHEN_H
#include <stdbool.h>
#include <stdint.h>

#include "base/cal.h"

enum { WHEN_ANY = 0xFF, WHEN_ANY_YEAR = 0xFFFF, WHEN_LAST = 0xFE, WHEN_SECOND_LAST = 0xFD };
enum { WHEN_SIZE = 5 }; /* octets of a date, year first, big-endian, as COSEM sends it */

struct when {
    uint16_t year;
    uint8_t month, day, weekday;
};

/* The five octets of a COSEM date and back. when_get() takes anything; when_is_valid() judges.
 */
struct when when_get(const uint8_t octets[WHEN_SIZE]);
void when_put(uint8_t octets[WHEN_SIZE], const struct when *w);

/* Every field in its range, and some day of some year fits. */
bool when_is_valid(const struct when *w);

/* Does the day of c fit? Only year, month, day and weekday of c are looked at. */
bool when_matches(const struct when *w, const struct civil *c);

/* How many fields are wild: 0 a full date .. 4 every day. Fewer is more specific. */
unsigned when_wildness(const struct when *w);

/* The first day that fits, on or after 1970 day number `day`; -1 where none does within eight
 * years. */
int32_t when_next(const struct when *w, int32_t day);

/* The last day that fits, on or before day; -1 where none does within eight years. */
int32_t when_last(const struct when *w, int32_t day);

#endif
