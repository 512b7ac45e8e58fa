/* rows.h - power over time, from text: a row holds until the next.
 *
 * CSV with a header, separated by ',' or ';', columns in any order:
 *
 *   time   as on the command line (2026-01-01T00:00:00Z, epoch seconds), or seconds from the
 *          first row when it starts below 100 000 000
 *   p_w or kw, q_var or kvar, v_v, i_a    all but p optional; empty: as in the row before
 *
 * The household data set of UCI is taken as it comes, in both of its layouts: semicolons with
 * day/month/year, and blanks with a row number; its '?' is no row. Its local time is taken as
 * UTC. Rows must grow in time. A file is taken whole or refused with line and reason.
 *
 * Memory   24 octets a row.
 * Context  host programs.
 */
#ifndef TOOLS_LOAD_ROWS_H
#define TOOLS_LOAD_ROWS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/common/trouble.h"

#define LOADROWS_NO_START INT64_MIN

struct loadrow {
    int64_t at_ms; /* from the first row */
    int32_t p_mw, q_mvar;
    int32_t v_mv; /* 0: not given */
    int32_t i_ma; /* -1: not given */
};

struct loadrows {
    struct loadrow *row;
    size_t rows;
    int64_t end_ms;    /* when the last row ends: it holds as long as the one before it */
    int64_t start_utc; /* seconds since 1970 of the first row, or LOADROWS_NO_START */
    int64_t pace_ms;   /* the commonest distance of two rows */
    size_t gaps;       /* distances above one and a half of that */
    size_t gap_row;    /* the row after the longest of them */
    int64_t gap_ms;    /* its length */
};

/* Read path. E_IO, E_SPACE, E_FORMAT with the line in t. On success loadrows_free(). */
int loadrows_read(struct loadrows *l, const char *path, struct trouble *t);

/* The same from n octets of text (changed while read, a zero behind them). */
int loadrows_parse(struct loadrows *l, char *text, size_t n, const char *name,
                   struct trouble *t);
void loadrows_free(struct loadrows *l);

/* The row that holds at_ms after the first; before the first, the first; behind the last, the
 * last, or with `repeat` the file from its start again. */
const struct loadrow *loadrows_at(const struct loadrows *l, int64_t at_ms, bool repeat);

#endif
