/* cal.h - calendar arithmetic, proleptic Gregorian, years 1970 to 2199.
 *
 * A civil date has no zone: feed it local or UTC seconds, it only counts. Weekdays are COSEM's:
 * 1 Monday to 7 Sunday.
 *
 * Cost     tens of instructions, one division each; no loops over years.
 * Context  any.
 */
#ifndef BASE_CAL_H
#define BASE_CAL_H
#include <stdbool.h>
#include <stdint.h>

enum { CAL_YEAR_MIN = 1970, CAL_YEAR_MAX = 2199, CAL_DAY_S = 86400 };

struct civil {
    uint16_t year;
    uint8_t month, day;           /* 1..12, 1..31 */
    uint8_t weekday;              /* 1 Monday .. 7 Sunday; not read by cal_seconds() */
    uint8_t hour, minute, second; /* 0..23, 0..59, 0..59 */
};

/* Days since 1970-01-01 of a valid date; month 1..12, day 1..31. */
int32_t cal_days(uint16_t year, uint8_t month, uint8_t day);

/* Seconds since 1970-01-01T00:00:00 of c, in c's own zone. */
int64_t cal_seconds(const struct civil *c);

/* The civil time of s seconds since 1970-01-01T00:00:00; s is clamped to the years above. */
struct civil cal_civil(int64_t s);

/* Is c a real date and time inside the years above? The weekday is not judged. */
bool cal_is_valid(const struct civil *c);

/* 28..31; month 1..12. */
uint8_t cal_month_days(uint16_t year, uint8_t month);

#endif
