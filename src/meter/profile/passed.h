/* passed.h - which local days, ends of billing periods and months have come: once is for ever.
 *
 * A bit each, a value of the store for each year that had any: so what a day or a month costs, or
 * brings, is charged or given once, however often and however far a clock goes back. Nothing
 * takes a bit back, no clearing of histories and no reset of an account. Years are told apart
 * within any 112 that follow each other (1995 to 2106); a value of another is none.
 *
 * Power cut  a bit stands and falls with the change it is part of.
 * Cost       the first look at a year one read of flash; a put 108 octets of a transaction.
 * Memory     none but the caller's struct passed_year.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_PROFILE_PASSED_H
#define METER_PROFILE_PASSED_H
#include <stdbool.h>
#include <stdint.h>

struct meter;

enum passed {
    PASSED_DAY,  /* the midnight that the day begins with */
    PASSED_END,  /* the end of the billing period on that day, if it has one */
    PASSED_FREE, /* free credit of the month of that day: of wallet 1, the next of wallet 2 */
};

enum { PASSED_BITS = 366 + 366 + 12 + 12, PASSED_OCTETS = (PASSED_BITS + 7) / 8 };
struct passed_year {
    uint16_t year;      /* 0 none */
    int32_t first, end; /* its days */
    uint8_t bits[PASSED_OCTETS];
};

/* Has that come? Days are local ones since 1970. *y becomes the year of the day, if it is not. */
bool passed_is(struct meter *m, struct passed_year *y, unsigned what, int32_t day);

/* It has: in *y, and no more than there. */
void passed_mark(struct meter *m, struct passed_year *y, unsigned what, int32_t day);

/* Into the open change: the year as it is now. */
void passed_put(struct meter *m, const struct passed_year *y);

#endif
