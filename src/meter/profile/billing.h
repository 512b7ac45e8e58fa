/* billing.h - the registers as they stood: each midnight, each end of a billing period.
 *
 * A billing row holds all cells and maxima, so any register can be asked of it: the row is a
 * struct regs. Periods end by the schedule (local midnight, and the first of the month unless
 * configured), by a client, the sealed button or a script. Ends that passed while the meter was
 * off are made up at power-up, one row each, dated to the boundary and flagged; nothing is
 * billed on an invalid clock. Consumption of a period is the difference of two neighbouring
 * rows.
 *
 * A clock that is set back goes over midnights and ends again, and each has a row again; what it
 * costs is charged once: passed.h knows which have come. An outage that the calendar chip has
 * lived through is made up to the last day, in order: of days older than the ring keeps only the
 * first has a row, up to 31 a step. Of a clock that is set forward the first end and so many as
 * the rings keep are made up; the others have not come.
 *
 * Power cut  row, reset of maxima and new bases are one transaction.
 * Cost       1 360 octets a row: six progs.
 * Context    meter loop only.
 */
#ifndef METER_PROFILE_BILLING_H
#define METER_PROFILE_BILLING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/prepay/expense.h"
#include "meter/prepay/wallet.h"
#include "meter/regs.h"

struct meter;

enum { BILLING_TIME = 9 };
enum billing { BILLING_DAILY, BILLING_MONTHLY, BILLINGS };
enum billing_cause {
    BILLING_SCHEDULE,
    BILLING_REMOTE,
    BILLING_BUTTON,
    BILLING_LOCAL,
    BILLING_TOKEN
};

struct billing_state {
    uint16_t day[BILLINGS];        /* the local day of the next end, 0 none */
    utc_t due[BILLINGS];           /* so that end; past while the clock is invalid */
    uint16_t instalments[WALLETS]; /* of debts by day, not taken yet: a midnight each */
    uint16_t dark_from, dark_to;   /* local days in the dark, the last time: [from, to) */
};

struct billing_row {
    utc_t time;
    uint16_t status;  /* PROFILE_* */
    uint8_t cause;    /* enum billing_cause */
    struct regs regs; /* cells, maxima; bases of the row before it; utc_s = time */
    struct expense_row expense[WALLETS];
};

/* Rows that can be read: numbers [first, next). */
struct billing_span {
    uint32_t first, next;
};
struct billing_span billing_span(const struct meter *m, enum billing which);
/* A row as it was written; registers that count since the period before are left at zero. */
int billing_read_row(struct meter *m, enum billing which, uint32_t number,
                     struct billing_row *row);
/* The same with those registers, for which the row before is read too. */
int billing_read(struct meter *m, enum billing which, uint32_t number, struct billing_row *row);

/* End the billing period now. E_DENIED inside the lock-out (120 s unless configured). */
int billing_end(struct meter *m, const struct who *who, enum billing_cause cause);

/* Reset the maxima only (script 2 of 0-0:10.0.1); the same lock-out. */
int billing_reset_maxima(struct meter *m, const struct who *who);

/* Forget what was recorded: the rows of all surveys, of days and months, and the maxima, in one
 * change (event 253). Registers, counters and logs stay. Errors of billing_reset_maxima(). */
int billing_clear(struct meter *m, const struct who *who);

/* When periods end: COSEM {time 4, date 5}, wildcards in the date; local midnight of the first
 * until it is written. E_RANGE: it names no moment of a day, no date, or one that some months
 * have not (29 to 31 of any month). */
void billing_get_time(struct meter *m, uint8_t o[BILLING_TIME]);
int billing_set_time(struct meter *m, const struct who *who, const uint8_t o[BILLING_TIME]);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

unsigned billing_series(enum billing which);
void billing_day(struct meter *m, utc_t due);
void billing_period(struct meter *m, utc_t due);
void billing_plan(struct meter *m);

/* Something that ended is still to be made up for. */
bool billing_is_behind(const struct meter *m);

/* Into the open change: the clock steps to `to`; back, nothing is billed a second time. */
void billing_put_step(struct meter *m, utc_t to);

/* Into the change of a power-up: it was dark from `last` on, by a calendar that holds. */
void billing_put_dark(struct meter *m, utc_t last);

/* Into the open change: the state as it will be. */
void billing_put_state(struct meter *m, const struct billing_state *b);

int billing_put(const struct meter *m, unsigned k, uint8_t *body);
void billing_take(struct meter *m, const uint8_t *body, size_t n);
int bases_put(const struct meter *m, unsigned k, uint8_t *body);
void bases_take(struct meter *m, const uint8_t *body, size_t n);

#endif
