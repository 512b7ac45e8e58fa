/* ec.h - NIST P-256: key pairs, ECDSA with SHA-256, Diffie-Hellman.
 *
 * Points are X || Y, signatures r || s, scalars 32 octets, all big-endian, as DLMS writes them
 * (no 04, no DER). A point from outside is checked to lie on the curve before it is used.
 * Signatures are those of RFC 6979: the nonce comes from key and digest, never from luck. The
 * seed blinds the arithmetic against power analysis and, for ec_keygen(), is the key's only
 * source: 32 octets from rng.h, fresh each time.
 *
 * Too long for a step of the meter: it calls them through job.h; tools call them at will.
 *
 * Cost     Cortex-M4: new pair, agree and point 8, sign 9, verify 17 million instructions.
 * Memory   stack: under 1 KiB.
 * Context  thread mode or a host thread.
 */
#ifndef CRYPTO_EC_H
#define CRYPTO_EC_H
#include <stdint.h>

#define EC_KEY 32
#define EC_POINT 64
#define EC_SIG 64
#define EC_HASH 32
#define EC_SHARED 32
#define EC_SEED 32

/* All return 0, or what stands beside them. */

/* A new pair; a function of the seed. */
int ec_keygen(uint8_t key[EC_KEY], uint8_t point[EC_POINT], const uint8_t seed[EC_SEED]);

/* The public point of a key. E_RANGE: the key is 0 or not below the order. */
int ec_public(uint8_t point[EC_POINT], const uint8_t key[EC_KEY], const uint8_t seed[EC_SEED]);

/* E_RANGE unless the point lies on the curve and is not its zero. */
int ec_check(const uint8_t point[EC_POINT]);

/* E_RANGE: no such key. */
int ec_sign(uint8_t sig[EC_SIG], const uint8_t key[EC_KEY], const uint8_t hash[EC_HASH],
            const uint8_t seed[EC_SEED]);

/* E_AUTH: not the signature of this digest by this key. E_RANGE: no such point. */
int ec_verify(const uint8_t point[EC_POINT], const uint8_t hash[EC_HASH],
              const uint8_t sig[EC_SIG]);

/* The shared secret Z, the x of key * point; feed it to kdf.h and wipe it. E_RANGE: no such key
 * or point. */
int ec_agree(uint8_t z[EC_SHARED], const uint8_t key[EC_KEY], const uint8_t point[EC_POINT],
             const uint8_t seed[EC_SEED]);

#endif
