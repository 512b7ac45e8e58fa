/* sha256.h - SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), whole or in pieces.
 *
 * Cost     44 instructions an octet on a Cortex-M4; an image goes 1 KiB a step.
 * Memory   struct sha256 and struct hmac, owned by the caller; the _end functions wipe them. A
 *          struct may be copied to go on from the same point twice.
 * Context  any.
 */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H
#include <stddef.h>
#include <stdint.h>

#define SHA256 32

struct sha256 {
    uint64_t space[14];
};

struct hmac {
    struct sha256 inner, outer;
};

void sha256(uint8_t digest[SHA256], const void *p, size_t n);

void sha256_begin(struct sha256 *s);
void sha256_more(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, uint8_t digest[SHA256]);

/* A key of any length, the empty one included. */
void hmac(uint8_t mac[SHA256], const void *key, size_t key_len, const void *p, size_t n);

void hmac_begin(struct hmac *h, const void *key, size_t key_len);
void hmac_more(struct hmac *h, const void *p, size_t n);
void hmac_end(struct hmac *h, uint8_t mac[SHA256]);

#endif
