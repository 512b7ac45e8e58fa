/* secure.h - what protects the lines and must outlive a power cut: keys, counters, lock-outs.
 *
 * Keys and passwords lie on flash wrapped under the port's root key (RFC 3394) and are
 * unwrapped for the call that asked. A slot that was never written is empty; the product then
 * falls back on what its description carries. Numbers once used never come back: sending
 * counters are the store's (counters_take), receiving floors are hot state that rides in the
 * transaction of whatever the request changed, or stands alone when a session opens or ends.
 * Lock-outs follow class 124.
 *
 * Power cut  keys, the counters that restart with them and their events are one transaction. A
 *            floor is on flash before the effect of the APDU that raised it. A lock-out goes on
 *            after power-up; time without supply counts when the clock is valid.
 * Cost       secure_key_get() reads flash and runs 12 to 24 AES blocks.
 * Memory     struct secure 200 octets, part of struct meter.
 * Context    meter loop only. Callers wipe() what they were given.
 */
#ifndef METER_SECURE_SECURE_H
#define METER_SECURE_SECURE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "store/keys.h"

struct meter;

/* Slots of the key store. Numbers are on flash: new ones go to the end. */
enum secure_slot {
    SECURE_UNICAST,    /* global unicast encryption key, 16 octets */
    SECURE_BROADCAST,  /* global broadcast encryption key, 16 */
    SECURE_AUTH,       /* global authentication key, 16 */
    SECURE_MASTER,     /* key encryption key, 16 */
    SECURE_PASSWORD_1, /* LLS passwords, 1..31 octets */
    SECURE_PASSWORD_2,
    SECURE_PASSWORD_3,
    SECURE_DECODER,   /* of tokens, and what belongs to it: prepay/token.c */
    SECURE_SIGN,      /* the meter's own private keys on P-256, 32 octets: signatures, */
    SECURE_AGREE,     /* key agreement; */
    SECURE_SIGN_NEXT, /* and the ones that wait for their certificates */
    SECURE_AGREE_NEXT,
    SECURE_SMS_PIN, /* digits that begin a message; empty: none is asked for */
    SECURE_SLOTS
};
enum {
    SECURE_KEY = 16,
    SECURE_PASSWORD_MAX = 31,
    SECURE_SCALAR = 32,
    SECURE_OCTETS_MAX = 32, /* the longest of them */
    SECURE_FLOORS = 12,
    SECURE_PORTS = 3
};

struct secure_lock {
    uint16_t failed;  /* attempts since all who failed came in */
    uint16_t failing; /* bits of the clients whose last attempt failed */
    uint32_t total;   /* ever */
    uint32_t until_s; /* UTC: locked before; 0 not locked */
};

struct secure {
    uint32_t floor[SECURE_FLOORS]; /* lowest receiving counter taken next, by client row */
    uint64_t spent[SECURE_FLOORS]; /* lowest transaction taken next, likewise */
    struct secure_lock lock[SECURE_PORTS];
    bool is_dirty, is_spent; /* floors and locks, transactions in RAM are ahead of flash */
};

/* -- keys -----------------------------------------------------------------------------------
 */

/* What a slot holds, at most cap octets; its length. E_NONE: empty. E_CRC, E_AUTH: damaged, or
 * another root key. E_SPACE: longer than cap. */
int secure_key_get(struct meter *m, enum secure_slot slot, uint8_t *dst, size_t cap);

/* Does the slot hold anything? It is not unwrapped. */
bool secure_has_key(struct meter *m, enum secure_slot slot);

struct secure_key {
    enum secure_slot slot;
    uint8_t length;  /* 16 for keys; 1..31 for passwords, PIN and decoder key; 32 for private
                       ones; 0 empties it */
    bool is_same;    /* equals the one in force: what was received under it stays received */
    bool is_wrapped; /* octets are what secure_key_wrap() made of them, length counts those */
    uint8_t octets[KEYS_WRAP_MAX];
};

/* Store n keys, and restart the receiving counters of encryption keys among them: all of it or
 * nothing.
 * Events and the who-log say who; never what. The keys are left wrapped: who has many wraps
 * them a step each, before. cert: a certificate that changes with them, or NULL. E_RANGE a
 * length; E_SPACE no room is left on worn flash; E_IO. */
struct secure_cert {
    uint16_t param; /* PARAM_CERT_1.. */
    const uint8_t *octets;
    uint16_t n;
    const uint8_t *old_digest, *new_digest; /* 8 octets each, for the who-log */
};
int secure_keys_set(struct meter *m, const struct who *who, struct secure_key *key, unsigned n,
                    const struct secure_cert *cert);

/* Parameter PARAM_SECURITY_POLICY or PARAM_SECURITY_SUITE, with the event of its own. As
 * param_set(). */
int secure_setup_set(struct meter *m, const struct who *who, uint16_t param, uint8_t value);

/* Wrap one, where it lies, as txn_put_key() wants it: 12 to 24 AES blocks. 0; E_RANGE: length.
 */
int secure_key_wrap(struct meter *m, struct secure_key *k);

/* -- counters -------------------------------------------------------------------------------
 */

/* The next sending counter under a key (SECURE_UNICAST or SECURE_BROADCAST): claimed on flash
 * before it is given. E_RANGE used up; E_IO. */
int secure_counter_take(struct meter *m, enum secure_slot slot, uint32_t *ic);

uint32_t secure_floor_get(const struct meter *m, unsigned client);
void secure_floor_raise(struct meter *m, unsigned client, uint32_t floor);

/* The same for transaction-ids of suite 1 (as numbers). */
uint64_t secure_spent_get(const struct meter *m, unsigned client);
void secure_spend(struct meter *m, unsigned client, uint64_t floor);

/* Put raised floors into the journal; cheap when none was. */
void secure_settle(struct meter *m);

/* Put raised floors into the change being made (change.h). */
void secure_join(struct meter *m);

/* -- the factory --------------------------------------------------------------------------- */

/* May the factory talk to the meter: its jumper is in place, the meter cover is open, and the meter
 * never left the factory (PARAM_COMMISSIONING, which does not return to 0)? */
bool secure_is_factory(const struct meter *m);

/* -- lock-outs of ports (class 124): 0 optical, 1 RS485, 2 WAN ----------------------------- */

/* PARAM_GUARD_n_MODE. Attempts, first and longest time and steepness are the parameters behind
 * it, GUARD of them a port. */
enum { SECURE_PORT_LOCKED, SECURE_PORT_GUARDED, SECURE_PORT_OPEN };
enum { GUARD_MODE, GUARD_ATTEMPTS, GUARD_FIRST_S, GUARD_STEEPNESS, GUARD_LONGEST_S, GUARDS };

bool secure_is_locked(struct meter *m, unsigned port);

/* An attempt of a client row on a port failed, or succeeded. True when this one began a
 * lock-out. The count begins again when all have been let in that were not: who may come in as
 * one client gets no more guesses at another's secret, nor does who cuts the power once this is
 * settled. */
bool secure_attempt(struct meter *m, unsigned port, unsigned client, bool failed);

/* -- for the parts of meter/ alone: lock-outs end by themselves (event 368) */
void secure_plan(struct meter *m);
void secure_port_due(struct meter *m, utc_t due);

/* Forget the failed attempts of a port, and the lock-out with them; true when there was one. */
bool secure_reset(struct meter *m, unsigned port);

/* -- the record -------------------------------------------------------------------------------
 */
enum { SECURE_RECORD = SECURE_FLOORS * 4 + SECURE_PORTS * 12 };
void secure_put(const struct secure *s, uint8_t body[SECURE_RECORD]);
void secure_take(struct secure *s, const uint8_t *body, size_t n);
enum { SPENT_RECORD = SECURE_FLOORS * 8 };
void spent_put(const struct secure *s, uint8_t body[SPENT_RECORD]);
void spent_take(struct secure *s, const uint8_t *body, size_t n);

#endif
