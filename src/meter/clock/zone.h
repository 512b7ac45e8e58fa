/* zone.h - local time: a fixed offset and a daylight saving rule.
 *
 * Everything kept is UTC; local time is computed for grids, calendars and people. Begin and end
 * of daylight saving are given in the local time then in force. In the hour that happens twice,
 * local time means its first passage; in the hour that does not happen, the moment the clock
 * jumped.
 *
 * Cost       zone_offset_s() two rule evaluations a year, kept in struct zone for the year
 *            last asked.
 * Context    meter loop; no flash.
 */
#ifndef METER_CLOCK_ZONE_H
#define METER_CLOCK_ZONE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "meter/clock/when.h"

struct dst_rule {
    struct when day;
    uint8_t hour, minute, second;
};

struct zone {
    int16_t offset_min;   /* local standard time minus UTC: +60 for UTC+1; COSEM's time_zone
                             negated */
    int8_t deviation_min; /* added in daylight saving time, -120..120 */
    bool dst;             /* daylight saving enabled */
    struct dst_rule begin, end;
    /* the rule worked out for one civil year, UTC */
    int64_t year_from_s, year_to_s, begin_s, end_s;
};

/* A zone without daylight saving. */
void zone_init(struct zone *z);

/* Forget what was worked out, after a field was changed. */
void zone_changed(struct zone *z);

/* Is daylight saving in force at u? */
bool zone_is_dst(struct zone *z, utc_t u);

/* Local minus UTC at u, seconds. */
int32_t zone_offset_s(struct zone *z, utc_t u);

/* The local day that u is in, since 1970. */
int32_t zone_day(struct zone *z, utc_t u);

/* Local civil time at u, and the UTC of a local number of seconds since 1970. */
struct civil zone_civil(struct zone *z, utc_t u);
utc_t zone_utc(struct zone *z, int64_t local_s);

/* The next change of the offset after u; INT64_MAX seconds where there is none. */
utc_t zone_next_change(struct zone *z, utc_t u);

/* The first u' > u that stands on the grid of period_s in local time (period_s divides 86400,
 * or is 86400: local midnight). */
utc_t zone_next_grid(struct zone *z, utc_t u, uint32_t period_s);

/* The last one at or before u. */
utc_t zone_last_grid(struct zone *z, utc_t u, uint32_t period_s);

/* The first u' > u that a local {COSEM time 4, date 5} names, its time without wildcards but for
 * seconds (0); UINT32_MAX seconds where none comes within eight years. */
enum { ZONE_NAMED = 4 + WHEN_SIZE };
utc_t zone_next_named(struct zone *z, const uint8_t o[ZONE_NAMED], utc_t u);

/* Is u itself on that grid? */
bool zone_is_grid(struct zone *z, utc_t u, uint32_t period_s);

#endif
