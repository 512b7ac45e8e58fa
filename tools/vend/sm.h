/* sm.h - the software security module: vending keys go in, tokens come out, nothing else does.
 *
 * A vending key is kept as text that only this module can open: AES-256-GCM under a key made
 * from the passphrase by PBKDF2, with everything the key may be used for bound to it. The
 * module holds that one key while it is unlocked, in memory that is locked, never dumped and
 * wiped at the end. A vending or decoder key exists in the clear for the microseconds a token
 * takes.
 *
 * What it refuses, whoever asks: a wrong passphrase, a changed key text, a key used for another
 * supply group, revision or base date than it was made for, a TID beyond the key's expiry
 * number, more tokens a minute than its limit.
 *
 * It does not replace hardware: who can read the process's memory, or has both the database and
 * the passphrase, has the keys.
 *
 * Context  host programs, one thread.
 */
#ifndef TOOLS_VEND_SM_H
#define TOOLS_VEND_SM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sts/pan.h"
#include "tools/vend/make.h"

#define SM_ROUNDS 600000 /* of PBKDF2-HMAC-SHA-256 */
#define SM_BLOB 128      /* text of a wrapped key, with its closing 0 */
#define SM_DIGEST 65     /* text of an audit digest, with its closing 0 */
#define SM_LIMIT 1200    /* tokens a minute, unless told */

struct sm;

/* What the station keeps for the module: no secret. */
struct sm_lock {
    char salt[33];
    uint32_t rounds;
    char check[SM_BLOB]; /* opens under the right passphrase alone */
};

/* What a vending key may be used for. */
struct sm_use {
    uint32_t sgc;
    uint16_t base_year;
    uint8_t dkga, kt, krn, ken;
};

struct sm_key {
    struct sm_use use;
    char blob[SM_BLOB];
};

/* Which meter, and what of its key the vending key does not say. */
struct sm_meter {
    char pan[STS_PAN_DIGITS + 1];
    uint8_t ea, ti;
};

/* A new lock for this passphrase; random salt. rounds 0: SM_ROUNDS. E_IO: no random numbers. */
int sm_new(struct sm_lock *lock, const char *passphrase, uint32_t rounds);

/* Unlock. E_AUTH: wrong passphrase. E_SPACE: no memory to lock. */
int sm_open(struct sm **sm, const struct sm_lock *lock, const char *passphrase);
void sm_close(struct sm *sm);

/* Wrap a vending key of n octets for a use; the second makes one at random.
 * E_RANGE: dkga and n do not go together, or a field is out of range. */
int sm_wrap(struct sm *sm, struct sm_key *key, const struct sm_use *use,
            const uint8_t *vending_key, size_t n);
int sm_generate(struct sm *sm, struct sm_key *key, const struct sm_use *use);

/* Make a token of class 0 or 2, not a key change. clear: its block, by make_block().
 * E_AUTH   the key's text was changed, or belongs to another module
 * E_STATE  the key has expired for this TID
 * E_BUSY   too many tokens in this minute
 * E_RANGE  meter and key do not go together */
int sm_token(struct sm *sm, struct made *m, const struct sm_key *key,
             const struct sm_meter *meter, uint8_t class, uint64_t clear);

/* The tokens that lead a meter from one key and tariff index to another; three with EA07 and
 * with_sgc. How many, or as above. */
int sm_key_change(struct sm *sm, struct made m[4], const struct sm_key *from,
                  const struct sm_meter *before, const struct sm_key *to,
                  const struct sm_meter *after, bool with_sgc);

/* Tokens a minute; a campaign asks for as many as it has meters. */
void sm_limit(struct sm *sm, uint32_t tokens_a_minute);
void sm_permit(struct sm *sm, uint64_t tokens);

/* The digest that chains a line of the audit trail to the one before: HMAC under a key of the
 * module, so that the trail cannot be rewritten with the database alone. */
void sm_chain(struct sm *sm, char digest[SM_DIGEST], const char *before, const char *line);

/* PBKDF2-HMAC-SHA-256 (RFC 8018), 32 octets. */
void sm_pbkdf2(uint8_t out[32], const char *password, const uint8_t *salt, size_t salt_len,
               uint32_t rounds);

#endif
