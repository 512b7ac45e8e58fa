/* scan.h - rows of any series between two dates, a slice a step.
 *
 * Surveys, billing rows and logs are all series with their time first. A range selection needs
 * to know how many rows it will give before the first is sent: scan_step() searches sector
 * heads, then, only where the clock was once set back inside the bracket, counts row by row.
 *
 * Cost     a step reads at most 64 sector heads, or 32 rows.
 * Memory   struct scan, the caller's.
 * Context  meter loop only.
 */
#ifndef METER_PROFILE_SCAN_H
#define METER_PROFILE_SCAN_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "meter/event/event.h"
#include "meter/profile/billing.h"
#include "store/series.h"

struct meter;

struct scan {
    struct series_search search;
    utc_t from, to;
    uint32_t first, next; /* the answer: numbers [first, next) bracket the rows */
    uint32_t rows;        /* and so many of them are inside */
    uint32_t at;
    uint8_t series, phase;
};

/* Look for rows with from <= time <= to, both ends inclusive. */
void scan_begin_survey(struct meter *m, struct scan *s, unsigned survey, utc_t from, utc_t to);
void scan_begin_billing(struct meter *m, struct scan *s, enum billing which, utc_t from,
                        utc_t to);
void scan_begin_log(struct meter *m, struct scan *s, enum event_log log, utc_t from, utc_t to);

/* E_BUSY: go on in the next step. 0: done. */
int scan_step(struct meter *m, struct scan *s);

/* Where rows < next - first, each row must be asked. */
static inline bool scan_has(const struct scan *s, utc_t time)
{
    return time.s >= s->from.s && time.s <= s->to.s;
}

#endif
