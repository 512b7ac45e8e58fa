/* profile.h - three load profiles, each with its own columns and period, on the clock's grid.
 *
 * A survey captures registers by id, in rows {time, status, values}. Its rows stand on the
 * local grid of its period (quarter hours, midnight); the row of 12:15 is what was measured up
 * to 12:15. Rows keep UTC. outage         the open interval is closed on its own grid point,
 * flagged; rows between are gaps; the interval in which power came back is flagged as well step
 * forward   over a grid point: the open interval closes at the first one passed; gaps step back
 * beyond the shift limit over a grid point: the open interval closes at the old time, off the
 * grid; rows of the same date may come again, none is overwritten invalid clock  rows go on,
 * flagged Changing columns or period erases that survey alone and posts 254.
 *
 * Power cut  a row is there or is not; the interval a cut opened is closed at the next
 *            power-up.
 * Cost       one prog a row; profile_read() one read; profile_find() 64 sector headers a
 *            call.
 * Memory     struct survey, about 220 octets, in struct meter.
 * Context    meter loop only.
 */
#ifndef METER_PROFILE_PROFILE_H
#define METER_PROFILE_PROFILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/cfg.h"
#include "meter/energy/average.h"

struct meter;

/* Row status (AMR profile status): what a head-end should know about an interval. */
enum {
    PROFILE_CRITICAL = 1 << 0,
    PROFILE_CLOCK_INVALID = 1 << 1,
    PROFILE_NOT_VALID = 1 << 2,
    PROFILE_DST = 1 << 3,
    PROFILE_CLOCK_ADJUSTED = 1 << 5,
    PROFILE_POWER_DOWN = 1 << 7,
    PROFILE_RECOVERED = 1 << 8 /* ours: a billing row made up after an outage */
};

/* Columns are register ids, or one of these; clock and status cost no room in a row. */
enum { COLUMN_CLOCK = 0xFFFF, COLUMN_STATUS = 0xFFFE };
enum { PROFILE_COLUMNS = CFG_CHANNELS + 2 };

struct profile_row {
    utc_t time;
    uint16_t status;
    uint32_t
        value[PROFILE_COLUMNS]; /* by column: time, status or the low 32 bits of the register */
};

struct survey {
    uint16_t column[PROFILE_COLUMNS];
    uint8_t columns, values; /* columns, and those that are registers */
    uint16_t pending;        /* what the open interval will be flagged with */
    utc_t begin;             /* of the open interval */
    uint32_t turned;         /* the newest row that is older than the one before it */
    struct interval interval;
};

/* Columns of survey 0..2 as the client gave them; how many there are. */
unsigned profile_columns(const struct meter *m, unsigned survey,
                         uint16_t column[PROFILE_COLUMNS]);
uint32_t profile_period_s(const struct meter *m, unsigned survey);

/* Give a survey other columns (at most 60 registers beside clock and status), or another
 * period: minutes that divide 60, or 60, or 1440. The survey is erased, events 254 and 47
 * follow. Nothing is changed on error, and nothing erased when what is written stands already.
 * E_RANGE  no such register or period; E_SPACE too many columns; E_BUSY a commit is in flight
 */
int profile_set_columns(struct meter *m, const struct who *who, unsigned survey,
                        const uint16_t *column, unsigned columns);
int profile_set_period_s(struct meter *m, const struct who *who, unsigned survey, uint32_t s);

/* Methods reset and capture of class 7. A row captured out of turn stands off the grid. */
int profile_reset(struct meter *m, const struct who *who, unsigned survey);
/* Into the open change: all surveys are forgotten. */
void profile_put_clear(struct meter *m, const struct who *who);
int profile_capture(struct meter *m, const struct who *who, unsigned survey);

/* Rows that can be read: numbers [first, next) for ever. */
struct profile_span {
    uint32_t first, next;
};
struct profile_span profile_span(const struct meter *m, unsigned survey);
uint32_t profile_in_use(const struct meter *m, unsigned survey);
/* How many rows the survey's share of the pool holds at its width. */
uint32_t profile_entries(const struct meter *m, unsigned survey);

/* Row `number`. E_NONE fell off the ring or was erased; E_IO. */
int profile_read(struct meter *m, unsigned survey, uint32_t number, struct profile_row *row);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

/* Columns and the newest row from flash; a ring whose rows have another size is started anew.
 */
void profile_mount(struct meter *m);

/* The grid point of survey k; and find the next one. */
void profile_due(struct meter *m, unsigned k, utc_t u);
void profile_plan(struct meter *m);

/* Into the open change: rows that close the intervals broken by an outage since m->last; by
 * the clock's step to `to`, which is `far` when beyond the shift limit. */
void profile_put_outage(struct meter *m);
void profile_put_step(struct meter *m, utc_t to, bool far);

int surveys_put(const struct meter *m, unsigned k, uint8_t *body);
void surveys_take(struct meter *m, const uint8_t *body, size_t n);
void columns_take(struct meter *m, const uint8_t *body, size_t n);

#endif
