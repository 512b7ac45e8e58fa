/* token.h - tokens taken: from twenty digits to what they do, once.
 *
 * prepay_enter() judges the digits (sts/judge.h) by what the meter is now and does at once what
 * follows. What lasts is one transaction: the wallet, the TID, the decoder key, the token's row
 * and its events; so a token counts exactly once, and one that was refused for what the meter
 * is at the moment (no room, no such service) can be entered again. Whatever was judged has a
 * row. Wrong tokens lock their way
 * in (sts/lockout.h): one count for the keypad, the CIU and the virtual token carrier, one for
 * DLMS and SMS, so that neither locks the other.
 *
 * The decoder key lies wrapped in its slot (secure.h), the product's own while the slot is
 * empty; without any, every token is answered NOT_READY. Sections of a key change are kept in
 * RAM for ten minutes; a cut drops them, and all can be entered again.
 *
 * Power cut  a token counted with everything it did, or it did not and can be entered again. A
 *            lock-out goes on after power-up; time without supply counts when the clock is
 *            valid, time with it from minute to minute.
 * Cost       sts_judge() (sts/judge.h) and one key unwrapped; one transaction of
 *            two pages.
 * Memory     struct tokens, asserted with struct meter.
 * Context    meter loop only.
 */
#ifndef METER_PREPAY_TOKEN_H
#define METER_PREPAY_TOKEN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/event/event.h"
#include "sts/judge.h"
#include "sts/lockout.h"

struct meter;

enum token_channel { TOKEN_LOCAL, TOKEN_REMOTE, TOKEN_CHANNELS };

/* As class 115 numbers them. */
enum token_delivery { DELIVERY_REMOTE, DELIVERY_LOCAL, DELIVERY_MANUAL };

/* What the last token came to. Digits are kept only of a token that was taken. */
struct token_last {
    int64_t amount; /* of a credit: 0.1 kWh or 1e-5 currency; else as the token says */
    uint32_t utc_s; /* 0: no token yet */
    uint8_t bcd[STS_DIGITS / 2];
    uint8_t result, effect; /* enum sts_result, enum sts_effect */
    uint8_t wallet;         /* the one it went into */
    uint8_t link;           /* enum link_id */
};

struct tokens {
    struct sts_tids tids;
    struct sts_pending pending; /* secret */
    struct sts_lockout lock[TOKEN_CHANNELS];
    mono_t passed; /* lock-outs are brought up to date to here */
    struct token_last last;
    mono_t shown;  /* the last token was entered then: the display tells of it; 0 never */
    mono_t sounds; /* a test token has lamp and buzzer on until then; 0: none */
    uint16_t test; /* STS_TEST_..., STS_SHOW_... of a test token: the display shows them */
};

/* Enter a token into wallet w (where its kind leaves a choice), and do what it says. Returns
 * enum sts_result, which tokens.last tells as well. Where a keypad is switched off that is STS_FUNCTION,
 * of a token that was not judged. E_BUSY: a commit is in flight; nothing was judged, ask again. E_IO: the journal is lost; nothing was done. */
int prepay_enter(struct meter *m, const struct who *who, unsigned w,
                 const char digits[STS_DIGITS]);

/* The same from what a person typed or sent: spaces and hyphens between digits do not matter.
 * What is not twenty digits is answered STS_FORMAT. */
int prepay_enter_text(struct meter *m, const struct who *who, unsigned w, const char *text,
                      size_t n);

/* The 18 digits that name this meter to a vending station, and a final 0. */
enum { PREPAY_PAN = 18 };
void prepay_pan(const struct meter *m, char pan[PREPAY_PAN + 1]);

/* What guards a way in was wrong (the PIN of a message): it counts like a wrong token. E_BUSY. */
int prepay_count_wrong(struct meter *m, const struct who *who, enum event code);

/* Seconds until tokens are taken again on that way in; 0: they are. */
uint32_t prepay_locked_s(const struct meter *m, uint8_t link);

enum token_delivery prepay_delivery(uint8_t link);

/* The key in force, for the numbers beside it. wipe() it. E_NONE: there is none; E_CRC, E_AUTH:
 * damaged. */
int prepay_key_get(struct meter *m, struct sts_key *key);

/* The lowest TID held: what is below is old. It is written with the year from which they count (1993,
 * 2014, 2035), and rises only: to TIDs below it happens what happens to all at the factory.
 * E_RANGE: lower than it stands, no such year; E_BUSY. */
uint32_t prepay_window(const struct meter *m);
int prepay_window_set(struct meter *m, const struct who *who, int32_t year, uint32_t tid);

/* Load a decoder key as a factory does: the TIDs start at `tid` again, in one transaction.
 * E_RANGE: a number in it is none; E_BUSY. */
int prepay_key_set(struct meter *m, const struct who *who, const struct sts_key *key,
                   uint32_t tid);

/* What was entered, in two rings: every token that was judged, taken or not, and credit alone,
 * which others do not drive out. Of a token that was not taken no digits are kept: it may still
 * be good. What was no token, or came during a lock-out, has no row. And a third of the rows of
 * credit, of what was taken for debts. */
enum token_log { TOKENS_ALL, TOKENS_CREDIT, TOKENS_CHARGES };

struct token_row {
    utc_t time;
    struct token_last last; /* of a credit alone: amount, wallet and link */
    int64_t balance;        /* of its wallet then, grains; in TOKENS_ALL */
    uint32_t tid;           /* 0 where it has none, or nobody can tell; in TOKENS_CHARGES the
                               wallet << 8 | the e of 0-0:19.20.e, and in last the amount as
                               published, the wallet */
    uint8_t class, sub;
};
struct token_span {
    uint32_t first, next;
};
struct token_span token_span(const struct meter *m, enum token_log log);
int token_read(struct meter *m, enum token_log log, uint32_t number, struct token_row *row);

/* Forget the rows of one; event 253 tells who did. E_BUSY. */
int token_clear(struct meter *m, const struct who *who, enum token_log log);
unsigned token_series(enum token_log log);

/* Into the open change: so much was taken from a wallet for charge e, as published. */
void token_put_charge(struct meter *m, unsigned w, unsigned e, int32_t amount);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

void token_init(struct meter *m);

/* After power-up: it was dark for so long, 0 where nobody knows. */
void token_power_up(struct meter *m, uint32_t dark_s);

/* A lock-out or the time for sections ended. */
void token_due(struct meter *m, utc_t u);
/* The running lock-out is written down. */
void token_minute(struct meter *m);

int tids_put(const struct meter *m, unsigned k, uint8_t *body);
void tids_take(struct meter *m, const uint8_t *body, size_t n);
int locks_put(const struct meter *m, unsigned k, uint8_t *body);
void locks_take(struct meter *m, const uint8_t *body, size_t n);
int last_put(const struct meter *m, unsigned k, uint8_t *body);
void last_take(struct meter *m, const uint8_t *body, size_t n);

#endif
