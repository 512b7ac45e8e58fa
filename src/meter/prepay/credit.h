/* credit.h - what happens at the end of credit: free, emergency and friendly credit, alarm
 * levels, debts, postpaid accounts; and who asks the arbiter to open the supply for arrears.
 *
 * A wallet's credits are layers over one balance (wallet.h), so that none can lose a grain to
 * another. Available is the balance and what is left of the month's free credit. Below that
 *
 *     emergency  once the customer took it, until its preset is used; a top-up repays it, for
 *                the balance is what was used: left + owed = preset. It can be taken again when
 *                nothing is owed.
 *     reserved   in friendly time, down to PARAM_FRIENDLY_DEBT: arrears do not cut.
 *
 * Free credit, by month or for a month of little use (lifeline), comes in with the local month
 * and ends with the next; each month once, wherever a clock is set back to (passed.h). It is not
 * owed: a top-up, or the end of the month, writes what was used of it into the ledger as bought.
 *
 * An open account of the wallet whose turn it is, without any of this left, asks for the supply
 * to be opened (SUPPLY_ARREARS): after PARAM_ARREARS_DELAY_S, or after PARAM_FRIENDLY_GRACE_S
 * where friendly time ended, at once where more than PARAM_ARREARS_DEBT is owed; and lets go with
 * credit above PARAM_CLEARANCE_1. It is no more than a request. The last PARAM_ARREARS_BEEPS
 * seconds of the wait are counted: half a second of sound each, whatever else sounds. In friendly
 * time nothing is asked; what was cut before stays cut, unless PARAM_FRIENDLY_RECONNECT.
 *
 * Friendly time is what its calendar says (script 1 of 0-0:10.1.100), and all of the weekdays of
 * PARAM_FRIENDLY_DAYS, in local time; an invalid clock has none.
 *
 * Alarm levels rise with falling credit and fall only after it was topped up above them: the
 * refund of a charge does not. A silenced alarm sounds again at the next level.
 *
 * Debts: an amount a day, taken at the first moment of a local day (days in the dark at
 * power-up), and a share of each token before it is credited, rounded down; both until nothing
 * remains.
 *
 * Postpaid: nothing is asked for, the balance stands, charges go to the bill (wallet_due()).
 * The mode is one for the meter. Prepayment makes control mode 4 of the relay mode 6, where it
 * returns by itself after a top-up; others are left alone.
 *
 * Tokens (prepay/token.c) call inside their change: credit_put_token() for credit,
 * credit_put_mode() for the mode, param_put_scalar() of PARAM_EMERGENCY_1.., PARAM_FRIENDLY_ENABLE
 * and credit_put_level() for the rest of the manufacturer's set.
 *
 * Power cut  what is kept is written in transactions. What a cut left to do (a level, a day's
 *            debt, the month's free credit) follows from the ledger and is done at power-up.
 * Cost       a booked Wh some comparisons of 64 bits.
 * Memory     in struct wallets.
 * Context    meter loop only.
 */
#ifndef METER_PREPAY_CREDIT_H
#define METER_PREPAY_CREDIT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/event/output.h"
#include "meter/prepay/wallet.h"

/* Of the wallet's grains. Balance and free credit: less than nothing is owed. */
int64_t credit_available(const struct meter *m, unsigned w);

/* What is left of free credit of a kind: FREE_MONTH, FREE_LIFELINE. */
int64_t credit_free(const struct meter *m, unsigned w, unsigned kind);

/* What is left of emergency credit that was taken; its preset; may it be taken now? */
int64_t credit_emergency(const struct meter *m, unsigned w);
int64_t credit_preset(const struct meter *m, unsigned w);
bool credit_is_offered(const struct meter *m, unsigned w);

/* What friendly time would still give, whether it is on or not; and is it? */
int64_t credit_reserved(const struct meter *m, unsigned w);
bool credit_is_friendly(const struct meter *m);

/* What must be paid until the account is clear: 0 or more. */
int64_t credit_to_clear(const struct meter *m, unsigned w);

/* Days that the available credit lasts at the mean of the last seven, or as many as there were;
 * CREDIT_NO_USE. Reads a row of flash. */
enum { CREDIT_NO_USE = 9999 };
uint16_t credit_days_left(struct meter *m, unsigned w);

/* Take the emergency credit. E_STATE: it is not offered. E_BUSY. */
int credit_take_emergency(struct meter *m, const struct who *who, unsigned w);

/* The alarm is silent until the next level. E_BUSY. */
int credit_silence(struct meter *m, const struct who *who);

/* Friendly time by hand until its calendar switches: 1 on, 2 off. E_BUSY. */
int credit_order_friendly(struct meter *m, const struct who *who, unsigned script);

/* PREPAYMENT or POSTPAID, as class 111 numbers them. From postpaid wallets go on as they were,
 * or from zero; the bill may become a debt by day. E_STATE: it is so already. E_BUSY. */
enum payment_mode { MODE_POSTPAID = 1, MODE_PREPAYMENT };
struct mode_change {
    uint8_t mode;
    bool from_zero, bill_to_debt;
};
int credit_set_mode(struct meter *m, const struct who *who, const struct mode_change *c);

/* A debt of a wallet is set to so many grains, 0 or more. E_RANGE. E_BUSY. */
int credit_set_debt(struct meter *m, const struct who *who, unsigned w, unsigned debt,
                    int64_t remaining);

/* An instalment of the debt by day now, whatever the day. E_STATE: none is open. E_BUSY. */
int credit_collect(struct meter *m, const struct who *who, unsigned w);

/* The rows of 0-0:96.61.0: three of each wallet, each lower than the one before. E_RANGE. */
enum { LEVEL_ROWS = WALLETS * CREDIT_LEVELS, LEVELS_BODY = LEVEL_ROWS * 9 };
int credit_set_levels(struct meter *m, const struct who *who,
                      const struct level_row row[LEVEL_ROWS]);

/* May a charge be taken now, by the bits of its collection configuration: 0 while the supply is
 * disconnected, 1 while its power is limited, 2 while friendly time holds arrears? */
bool credit_collects(const struct meter *m, unsigned bits);

/* Lamp and sound of the level reached; false: none is, or its level is silent and dark. */
bool credit_output(const struct meter *m, struct output_row *row);

/* One of the beeps before a cut sounds now. */
bool credit_counts(const struct meter *m);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

void credit_init(struct meter *m);
/* Parameters, clock or records may have changed. */
void credit_plan(struct meter *m);
/* The day, the month, or what the friendly calendar says may have. */
void credit_calendar(struct meter *m);
/* A balance has: ask for the supply, or let go. */
void credit_look(struct meter *m);
/* Deadlines: a delay, a sound; the mode by date. */
void credit_due(struct meter *m, utc_t u);
void credit_mode_due(struct meter *m, utc_t u);

/* A second without supply, as a test: can the meter do that, and return from it by itself? */
bool credit_can_blip(const struct meter *m);
void credit_blip(struct meter *m);

/* Something waits for credit_step(), which writes it down when the store is free. */
bool credit_is_due(const struct meter *m);
void credit_step(struct meter *m);

/* Does an instalment belong to the midnight that comes now? */
bool credit_owes_day(const struct meter *m, unsigned w);

/* Into the open change: an account as it is once it is open from now on; the wallet is the
 * caller's to put. */
void credit_put_open(struct meter *m, unsigned w, struct wallet *new);

/* Into the open change. A wallet as it will be, more bought: free credit that was used stays
 * used. The same for a token, whose share for a debt is taken first: what the wallet gets. An
 * account is reset. The mode; the same, wallets and
 * bill as parameters say. A threshold, as published, where it can: lower than the level
 * before, higher than the next. */
void credit_put_bought(struct meter *m, unsigned w, struct wallet *new);
int64_t credit_put_token(struct meter *m, const struct who *who, unsigned w, struct wallet *new,
                         int64_t grains);
void credit_put_reset(struct meter *m, unsigned w);
void credit_put_mode(struct meter *m, const struct who *who, const struct mode_change *c);
void credit_put_mode_as_set(struct meter *m, const struct who *who, uint8_t mode);
bool credit_can_level(const struct meter *m, unsigned w, unsigned level, int32_t threshold);
void credit_put_level(struct meter *m, const struct who *who, unsigned w, unsigned level,
                      int32_t threshold);

int fund_put(const struct meter *m, unsigned k, uint8_t *body);
void fund_take(struct meter *m, const uint8_t *body, size_t n);
int debt_put(const struct meter *m, unsigned k, uint8_t *body);
void debt_take(struct meter *m, const uint8_t *body, size_t n);

#endif
