/* profile.h - profiles (class 7) as tables: columns with names and units, whole rows.
 *
 * What a meter leaves out of rows that follow each other is put back: null-data repeats the
 * value above, in a clock column it is the time above plus the capture period; deltas are
 * added; compact arrays are written out.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_PROFILE_H
#define TOOLS_CLIENT_PROFILE_H
#include "tools/client/session.h"

struct profile_column {
    struct target target; /* attr and class of what was captured */
    uint16_t index;       /* of an element in it; 0: all of it */
    int scaler;
    uint8_t unit; /* 255: none */
    bool is_clock;
    size_t at; /* place in the rows that the meter sends */
};

struct profile {
    struct target target;
    size_t columns, sent; /* that are wanted; that the meter sends */
    struct profile_column *column;
    uint32_t capture_period_s, entries; /* in use */
    struct buf buffer;                  /* attribute 2, expanded */
};

/* Columns, capture period, number of entries, units: one or two requests. As session_get(). */
int profile_open(struct profile *p, struct session *s, const struct target *o,
                 struct trouble *t);

/* Leave only these columns, n rising indices of p->column, and make the selection say so as far
 * as it can: a range names them, entries have a first and a last one. */
void profile_select(struct profile *p, struct selection *sel, const size_t *columns, size_t n);

/* The rows. As session_get(). */
int profile_fetch(struct profile *p, struct session *s, const struct selection *sel,
                  struct trouble *t);
void profile_free(struct profile *p);

/* Walk the rows: 1 with n values (views that live until the next call), 0 behind the last,
 * E_FORMAT. */
struct profile_row {
    struct axdr_in in;
    struct buf *sent;         /* [p->sent] whole values */
    const struct buf **value; /* [p->columns] of them */
    const struct profile *p;
    uint32_t left, number; /* number of this row, from 1 */
};
void profile_rows(struct profile_row *r, const struct profile *p);
int profile_next(struct profile_row *r);
void profile_rows_free(struct profile_row *r);

#endif
