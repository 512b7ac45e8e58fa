/* wallet.h - the ledger: bought = collected + balance, at every instant.
 *
 * Two wallets, each of units (Wh) or of money (1e-9 of the currency: its grain). Tokens and
 * clients own what was bought, energy records own what was collected; neither writes the other,
 * so no cut can split them, and a balance is a difference that is exact at every instant. What
 * a window used is drawn at once, from the wallet whose turn it is (PARAM_WALLET_ARRANGEMENT):
 *
 *     0 single       wallet 1
 *     1 units, money wallet 1 while it has credit, then wallet 2; when both are empty emergency
 *                    credit in the same order
 *     2 sources      wallet 1 on the grid, wallet 2 on the second source (1 there as well where
 *                    PARAM_RESOURCE_WALLET says so); one never pays for the other
 *     3 main, debt   wallet 1; wallet 2 shows its debts as a balance below zero, and pays for
 *                    nothing
 *     4 money, units as 1, wallet 2 first
 *
 * Collected is what energy and charges took, what went to debts, and not what a postpaid account
 * owes as a bill: while it is postpaid charges go there and the balance stands. Credits beside
 * the bought one, what happens at the end of credit and who may say so: credit.h.
 *
 * An account that is new or closed is not drawn from; the first credit token opens it. Charges
 * look at imported energy; under absolute registration at import and export; under net
 * registration at import less export, as far as that is more than it ever was since the
 * registration is net: a Wh fed back pays for one that is imported later, whatever its tariff.
 *
 * Power cut  a purchase is all or nothing; what was drawn is as old as the energy beside it.
 * Cost       a window one register; of money, what expense.h says.
 * Memory     struct wallets, asserted with struct meter.
 * Context    meter loop only.
 */
#ifndef METER_PREPAY_WALLET_H
#define METER_PREPAY_WALLET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/prepay/exact.h"
#include "meter/regs.h"

struct meter;

enum { WALLETS = 2 };

/* As account_status of class 111 numbers them. */
enum account_status { ACCOUNT_NEW = 1, ACCOUNT_ACTIVE, ACCOUNT_CLOSED };
enum arrangement {
    WALLETS_SINGLE,
    WALLETS_UNITS_MONEY,
    WALLETS_SOURCES,
    WALLETS_MAIN_DEBT,
    WALLETS_MONEY_UNITS
};

#define MONEY_UNIT INT64_C(1000000000) /* grains of one unit of the currency */

/* No wallet ever holds, or was ever sold, more than this many grains. */
#define WALLET_MAX INT64_C(4000000000000000000)

/* The month under way, and what came before it (expense.h). Transactions alone change it. */
struct period {
    struct exact base; /* charged before the month */
    int64_t accrued;   /* as it stood when the month began; so Wh by tariff */
    uint32_t wh[TARIFFS];
    int32_t day;       /* the last local day that was counted, since 1970 */
    uint32_t demand_w; /* highest of the month before maxima were reset in it */
    uint16_t days;     /* of the month, begun */
    bool begun;        /* the account was open in it: else nothing is charged */
    bool next;         /* the month began with the passive scheme, which is not in force yet */
};

/* What belongs to the credits and the mode of an account. Transactions alone change it. */
enum { FREE_MONTH, FREE_LIFELINE, FREES, DEBT_DAY = 0, DEBT_SHARE, DEBTS };
enum fund_flag {
    FUND_POSTPAID = 1, /* charges go to the bill; the same in all accounts */
    FUND_OFFERED = 2,  /* emergency credit was offered */
    FUND_SELECTED = 4, /* it was taken, */
    FUND_USED = 8,     /* some of it is owed, */
    FUND_SPENT = 16,   /* or all of it */
    FUND_EMPTY = 32,   /* the end of credit was told */
    FUND_HELD = 64     /* friendly time holds arrears back; of wallet 1, for all */
};
struct fund {
    int64_t billed;  /* grains charged while postpaid, up to the present period of it */
    int64_t since;   /* postpaid: collected when that began */
    int64_t settled; /* of the bill: no longer due */
    int64_t from;    /* available when emergency credit was taken, 0 or less */
    int64_t rearm;   /* bought when the alarm level was reached */
    int64_t
        free[FREES]; /* of the month's free credit, what is left but for the present debit */
    uint16_t month;  /* the local month last looked at, since year 0 */
    uint8_t flags;   /* enum fund_flag */
    uint8_t level, silenced; /* alarm level reached, 0 none; silenced up to that */
    uint8_t uses;            /* of emergency credit in this month */
    uint8_t ordered; /* friendly time: 1 on, 2 off, 0 as the calendar says; of wallet 1 */
};
struct debt {
    int64_t remaining, paid; /* grains; paid only grows */
    int64_t last;            /* taken the last time, */
    uint32_t last_s;         /* and when; 0 never */
    int64_t provided;        /* of shares of tokens, in the period of class 111 */
    uint32_t period;         /* which, counted from 1970 */
};

struct wallet {
    int64_t bought;              /* grains; tokens and clients alone change it */
    int64_t purchased;           /* of it, by credit tokens that added; only grows */
    uint32_t opened_s, closed_s; /* UTC; 0 never */
    uint8_t status;              /* enum account_status */
    /* energy records own these: */
    int64_t accrued;      /* ever: Wh drawn, or energy charges of a wallet of money in 1e-9 */
    uint32_t wh[TARIFFS]; /* ever, modulo 2^32, of a wallet of money */
    struct period period;
    int64_t charged; /* of a wallet of money: follows from the above */
    struct fund fund;
    struct debt debt[DEBTS]; /* by day, by payment */
};

enum { CREDIT_LEVELS = 3 };
struct level_row {       /* 0-0:96.61.0 */
    int32_t threshold;   /* as published; 0: no alarm */
    uint16_t repeat_s;   /* of the sound, which lasts two seconds; 0: while it lasts */
    uint8_t buzzer, led; /* enum output_pattern */
    bool blip;           /* a second without supply when it is reached */
};

/* What the end of credit is watched with; nothing of it is kept over a cut. */
struct watchman {
    struct level_row level[WALLETS * CREDIT_LEVELS]; /* three of each wallet */
    mono_t wait, blip, beep; /* when a delay, a blip, a silence or sound is over */
    int32_t day;             /* the local day, 0: the clock is invalid */
    uint16_t month;
    uint8_t says;      /* of the friendly calendar, when last looked */
    bool saved;        /* friendly time holds arrears back */
    bool asked;        /* the supply was asked to open */
    bool blips, beeps; /* the blip, the sound is under way */
    bool counts;       /* a beep of those before a cut is */
    bool tries;        /* the blip is a test token's */
    bool stale;        /* something is to be written down */
};

struct wallets {
    struct wallet wallet[WALLETS];
    int64_t seen_wh;          /* of what charges look at: drawn up to here */
    bool net, moved;          /* that is the highest of net; it is to be recorded */
    uint8_t dirty[WALLETS];   /* tariffs drawn under since the last energy record, a bit each */
    uint8_t active;           /* whose turn it was when last looked */
    bool owes, known;         /* the supply was asked to open; both are known */
    struct watchman watchman; /* credit.h */
};

/* Of the wallet's grains: Wh, or 1e-9 currency. */
bool wallet_is_money(const struct meter *m, unsigned w);
int64_t wallet_collected(const struct meter *m, unsigned w);
int64_t wallet_balance(const struct meter *m, unsigned w);

/* Charged to the bill of a postpaid account, ever; and what of it is due. */
int64_t wallet_billed(const struct meter *m, unsigned w);
int64_t wallet_due(const struct meter *m, unsigned w);

/* Is the supply postpaid now? */
bool wallet_is_postpaid(const struct meter *m);

/* May it be drawn from: used, and its account open? */
bool wallet_is_open(const struct meter *m, unsigned w);

/* Does the arrangement have this wallet, and may tokens be put into it? */
bool wallet_is_used(const struct meter *m, unsigned w);

/* The wallet that pays for what is used now. */
unsigned wallet_active(const struct meter *m);

/* The most that it may hold, grains: PARAM_CREDIT_MAX_1, _2; WALLET_MAX without one. */
int64_t wallet_limit(const struct meter *m, unsigned w);

/* As COSEM publishes an amount: 1e-3 kWh or 1e-2 currency, rounded down, saturated. */
int32_t wallet_published(const struct meter *m, unsigned w, int64_t grains);

/* The account is opened or closed by a client, dated now. E_STATE: it is so already; a closed
 * account keeps its balance and can be opened again. E_BUSY. */
int wallet_open(struct meter *m, const struct who *who, unsigned w);
int wallet_close(struct meter *m, const struct who *who, unsigned w);

/* The account becomes a new one: nothing bought, nothing owed, its emergency credit whole. E_STATE:
 * it is open. E_BUSY. */
int wallet_reset(struct meter *m, const struct who *who, unsigned w);

/* A client adds grains (class 112), less than none takes. E_RANGE: beyond the limit of the
 * wallet, or of arithmetic; E_STATE: the arrangement has no such wallet. E_BUSY. */
int wallet_add(struct meter *m, const struct who *who, unsigned w, int64_t grains);

/* A wallet of units becomes one of money, or the reverse. E_STATE: it was used already. */
int wallet_set_money(struct meter *m, const struct who *who, unsigned w, bool is_money);

/* Can a wallet have come to so many grains? Else a record is damaged. */
static inline bool wallet_holds(int64_t grains)
{
    return grains >= -WALLET_MAX && grains <= WALLET_MAX;
}

/* Grains of an amount as it is published; and of one that a parameter holds. */
int64_t wallet_grains(const struct meter *m, unsigned w, int64_t published);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

void wallet_init(struct meter *m);

/* What charges look at may have changed: nothing that was counted so far is drawn. Also the
 * balances among the values. */
void wallet_plan(struct meter *m);

/* A balance may have changed: shown, and looked at. */
void wallet_show(struct meter *m);

/* A window was booked. */
void wallet_draw(struct meter *m);

/* Into the open change: the wallet as it will be. */
void wallet_put_new(struct meter *m, unsigned w, const struct wallet *wallet);

/* Energy records end with what was drawn since the last: DRAWN octets {wallet << 4 | tariff 1,
 * accrued 8, Wh 4} for each wallet and tariff, and, of no wallet, {WALLETS << 4 | is registration
 * net 1, drawn up to 8, 0 4}. How many; written, and done with; taken back. Another window adds
 * one a wallet at most, and the last: full, when it might not fit. */
enum { DRAWN = 13, DRAWN_MAX = 2 * WALLETS };
unsigned drawn_count(const struct meter *m);
bool drawn_is_full(const struct meter *m);
uint8_t *drawn_save(const struct meter *m, uint8_t *p);
void drawn_done(struct meter *m);
void drawn_load(struct meter *m, const uint8_t *p, size_t n);

/* The register that charges look at. */
uint16_t wallet_basis(const struct meter *m);

int wallet_put(const struct meter *m, unsigned k, uint8_t *body);
void wallet_take(struct meter *m, const uint8_t *body, size_t n);
int accrued_put(const struct meter *m, unsigned k, uint8_t *body);
void accrued_take(struct meter *m, const uint8_t *body, size_t n);

#endif
