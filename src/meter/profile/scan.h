/* scan.h - rows of any series between two dates, a slice a step.
 *
 * Surveys, billing rows and logs are all series with their time first. A range selection needs
 * to know how many rows it will give before the first is sent: scan_step() searches sector
 * heads, then, only where the clock was once set back inside the bracket, counts row by row.
 *
 * Cost     a step reads at most 16 sector heads, and rows of about 2 KiB.
 * Memory   struct scan, 36 octets, the caller's; it may be kept as nine words.
 * Context  meter loop only.
 */
#ifndef METER_PROFILE_SCAN_H
#define METER_PROFILE_SCAN_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "meter/event/event.h"
#include "meter/prepay/token.h"
#include "meter/profile/billing.h"
#include "store/series.h"

struct meter;

struct scan {
    struct series_search
        search;    /* its first and end are the bracket: scan_first(), scan_next() */
    uint32_t rows; /* so many of them are inside */
};
_Static_assert(sizeof(struct scan) <= 36, "kept in nine words");

/* The oldest row that is shown of a series: as many as it promises, and none that its ring
 * happens to keep beyond that. */
uint32_t scan_oldest(const struct meter *m, unsigned series);

/* Look for rows with from <= time <= to, both ends inclusive. */
void scan_begin_survey(struct meter *m, struct scan *s, unsigned survey, utc_t from, utc_t to);
void scan_begin_billing(struct meter *m, struct scan *s, enum billing which, utc_t from,
                        utc_t to);
void scan_begin_log(struct meter *m, struct scan *s, enum event_log log, utc_t from, utc_t to);

void scan_begin_changes(struct meter *m, struct scan *s, utc_t from, utc_t to); /* param.h */

void scan_begin_tokens(struct meter *m, struct scan *s, enum token_log log, utc_t from,
                       utc_t to); /* prepay/token.h */

/* E_BUSY: go on in the next step. 0: done, and numbers [scan_first, scan_next) bracket the
 * rows. Other errors as series_read(). */
int scan_step(struct meter *m, struct scan *s);

static inline uint32_t scan_first(const struct scan *s)
{
    return s->search.first;
}

static inline uint32_t scan_next(const struct scan *s)
{
    return s->search.end;
}

/* Where rows < next - first, each row of the bracket must be asked. */
static inline bool scan_has(const struct scan *s, utc_t time)
{
    return time.s >= s->search.from && time.s <= s->search.to;
}

#endif
