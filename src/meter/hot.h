/* hot.h - the hot state in pieces: what a checkpoint holds, and how each piece comes back.
 *
 * A const table has a row a kind of piece: its record type, how many there are, how one is put
 * into octets and taken back. A record in life is the same octets; so replay, checkpoint and
 * transaction are one code. Octets come from flash: a taker checks length and ranges, and
 * keeps the old on doubt.
 *
 * Power cut  as store/journal.h.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_HOT_H
#define METER_HOT_H
#include <stddef.h>
#include <stdint.h>

#include "store/journal.h"

struct meter;

/* Types of records, for ever. */
enum hot {
    HOT_CELLS = JOURNAL_APP, /* 3: a quantity's 32 cells */
    HOT_ENERGY,              /* date, rests, changed cells */
    HOT_DEMAND,              /* a period ended: readings at its end, maxima that rose */
    HOT_RING,                /* 5: readings at the ends of periods */
    HOT_MAXIMA,              /* 6: a demand's maxima and their sum */
    HOT_RESET,               /* maxima were reset: sums */
    HOT_COUNTERS,            /* 2 */
    HOT_STAMPS,
    HOT_BASES,
    HOT_CLOCK,   /* date, status, drift */
    HOT_SURVEYS, /* pending flags, interval starts */
    HOT_GASP,    /* the last gasp: as HOT_ENERGY, and the sums of open intervals */
    HOT_BILLING, /* when due, lock-out */
    HOT_ALARMS,
    HOT_LOGS, /* last codes, allowances */
    HOT_TARIFF,
    HOT_INPUT,
    HOT_SCALAR,   /* a parameter took this value */
    HOT_OCTETS,   /* a parameter of octets changed: its first octets */
    HOT_COLUMNS,  /* a survey took these columns */
    HOT_SECURE,   /* counters of clients, lock-outs (secure/) */
    HOT_SUPPLY,   /* who holds the supply open, where the relay was ordered to */
    HOT_WALLET,   /* 2: what was bought (prepay/) */
    HOT_ACCRUED,  /* 3: what was drawn from it, and up to where */
    HOT_TIDS,     /* tokens taken: all, or some */
    HOT_LOCKS,    /* lock-outs of token entry */
    HOT_TOKEN,    /* the last token taken */
    HOT_SPENT,    /* transaction-ids of clients */
    HOT_LIMITERS, /* attempts, lock-outs of load limits */
    HOT_PERIOD,   /* 2: the month of a wallet */
    HOT_FUND,     /* 2: credits, mode of an account */
    HOT_DEBT,     /* 2: its debts */
    HOT_PUSHES,   /* what was confirmed of pushes */
    HOT_QUALITY,  /* the last of each kind, the week of EN 50160 */
    HOT_UNITS,    /* what was heard of customers' units */
    HOT_PAST,     /* how they were heard, by the hour */
    HOT_FLOODS,   /* 2: rows of events that are held back */
    HOT_WAITING,  /* how long the supply has waited after a tamper */
    HOT_END
};
_Static_assert((int)HOT_END <= (int)JOURNAL_APP_END, "record types of the application");

/* For struct store_app. */
int hot_checkpoint(void *m, unsigned piece, uint8_t *type, uint8_t body[JOURNAL_BODY_MAX]);
void hot_replay(void *m, uint8_t type, const uint8_t *body, size_t n);

/* Journal piece k of a kind as RAM has it now. */
void hot_put(struct meter *m, enum hot type, unsigned k);

/* Journal one number of HOT_COUNTERS or HOT_STAMPS. */
void hot_number(struct meter *m, enum hot type, unsigned index);

#endif
