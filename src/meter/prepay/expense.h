/* expense.h - the tariff scheme at work: what a wallet of money pays, Wh by Wh, day by day.
 *
 * A wallet of money is charged by difference: what it has been charged in all is what earlier
 * months came to, exactly, and what this month comes to so far (scheme_bill()). A step, a claw
 * back, a levy that ends: whatever the last Wh did to the whole month is charged with it, and
 * may be a refund. Nothing is rounded but what is shown; the balance is kept to 1e-9 of the
 * currency, rounded down, and the rest behind it is carried from month to month.
 *
 * Days of a month count from midnight to midnight of local time, the first at once; days in the
 * dark are charged at power-up. A month ends with the billing period that the schedule ends
 * (profile/billing.h), not with one a client ends; nor does a client's reset of maxima take
 * back what the highest demand of the month costs. Whatever clock and zone are set to, in any
 * order: a local day counts once, and an end of a month ends a month once. While the account is
 * closed nothing is charged; opened again in another month, it begins that month anew.
 *
 * A subsidy is told when the first Wh brings it in a month, and when a Wh takes it back (428,
 * 429).
 *
 * There are two places for a scheme; PARAM_SCHEME_SIDE says which is in force. The other, once
 * written, comes into force at the first end of a month at or after PARAM_SCHEME_AT_S; or, with
 * PARAM_SCHEME_PRO_RATA, at that date: then the month goes on as if the new scheme had held
 * from its beginning, and what used energy would cost more, or less, is never charged. Where
 * there was no scheme the month begins with it.
 *
 * Power cut  what energy cost is as old as the energy beside it; days, ends of months and
 *            schemes coming into force are transactions with all that belongs to them.
 * Cost       a booked Wh one scheme_bill(); a window without one nothing.
 * Memory     struct expense 1 008 octets on a Cortex-M4.
 * Context    meter loop only.
 */
#ifndef METER_PREPAY_EXPENSE_H
#define METER_PREPAY_EXPENSE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/prepay/scheme.h"
#include "meter/prepay/wallet.h"

struct meter;

struct expense {
    struct scheme scheme;     /* in force */
    bool has;                 /* there is one */
    int64_t most;             /* that the energy of a month costs under it */
    uint8_t granted[WALLETS]; /* subsidies of the month so far, a bit each */
    uint8_t refused;          /* enum scheme_fault: why the last that was written was */
};

/* What a billing row keeps of a wallet, 1e-9 currency rounded down (Wh in balance and charged
 * of a wallet of units): the month so far, or the month that ended. */
struct expense_row {
    int64_t energy, service, fixed, levy, subsidy, vat;
    int64_t charged; /* ever */
    int64_t balance;
};

enum scheme_side { SCHEME_ACTIVE, SCHEME_PASSIVE };

/* A scheme as it stands. E_NONE: there is none. */
int expense_scheme_get(struct meter *m, enum scheme_side side, struct scheme *s);

/* Write the passive scheme: it replaces what was there. E_RANGE: scheme_check() finds it
 * unsound, *fault says why, and so does m->expense.refused until the next is written. E_BUSY. */
int expense_scheme_set(struct meter *m, const struct who *who, const struct scheme *s,
                       enum scheme_fault *fault);

/* The passive scheme comes into force now, as with PARAM_SCHEME_PRO_RATA. E_NONE: there is none
 * that is not in force already. E_BUSY. */
int expense_activate(struct meter *m, const struct who *who);

/* The ends of the n steps but the last, Wh, of the scheme in force: others from now on, as with
 * PARAM_SCHEME_PRO_RATA. E_RANGE: it has not so many steps, or is unsound then (refused says
 * why). E_BUSY. */
int expense_set_limits(struct meter *m, const struct who *who,
                       const uint32_t limit_wh[SCHEME_STEPS], unsigned n);

/* This month of a wallet so far, and what it comes to. All zero for a wallet of units, or
 * without a scheme. */
void expense_usage(const struct meter *m, unsigned w, struct month_usage *u);
void expense_bill(const struct meter *m, unsigned w, struct bill *b);

/* The wallet that the scheme is about: the first one of money. E_NONE. */
int expense_wallet(const struct meter *m);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

/* W, the highest demand of the month of a wallet, whatever resets of maxima there were in it. 0
 * where the account was never open. */
uint32_t expense_demand(const struct meter *m, unsigned w);

/* The scheme, or what it is about, may have changed. */
void expense_plan(struct meter *m);

/* A demand may be higher: what it costs is charged. */
void expense_refresh(struct meter *m);

/* A wallet used energy under the tariff in force. */
void expense_use(struct meter *m, unsigned w, uint32_t wh);

/* Into the open change: so many local days began for the first time, `newest` the last of them;
 * a month ended, at `due`, for the first time. */
void expense_put_days(struct meter *m, int32_t newest, unsigned days);
void expense_put_month(struct meter *m, utc_t due);

/* A month began with the passive scheme: it is due before anything that came later. */
bool expense_is_due(struct meter *m);

/* A scheme is due. */
void expense_due(struct meter *m, utc_t due);

/* Into the open change: the account is open from now on. */
void expense_put_open(struct meter *m, unsigned w);

/* Of a billing row: EXPENSE_ROW octets a wallet; and back. */
enum { EXPENSE_ROW = 64 };
void expense_row(struct meter *m, unsigned w, utc_t when, bool is_month,
                 uint8_t p[EXPENSE_ROW]);
void expense_row_load(struct expense_row *r, const uint8_t p[EXPENSE_ROW]);

int period_put(const struct meter *m, unsigned k, uint8_t *body);
void period_take(struct meter *m, const uint8_t *body, size_t n);

#endif
