/* misty1.h - MISTY1 with eight rounds (RFC 2994), one block of 64 bits, key of 128.
 *
 * STS encryption algorithm 11. Mbed TLS has no MISTY1; this is our own.
 *
 * Cost     some 3 000 instructions a block on a Cortex-M4, tables of 640 octets. Its lookups
 *          depend on key and text: harmless where memory has no cache, a side channel on a
 *          shared host; vending keys never meet it, only the decoder key of one meter.
 * Memory   struct misty1, owned by the caller; holds a key: wipe() it.
 * Context  any.
 */
#ifndef CRYPTO_MISTY1_H
#define CRYPTO_MISTY1_H
#include <stdint.h>

struct misty1 {
    uint16_t key[32]; /* K, K', and their spread over nine and seven bits */
};

void misty1_init(struct misty1 *m, const uint8_t key[16]);

/* Blocks as the RFC prints them: the first octet is the most significant of the integer. */
uint64_t misty1_encrypt(const struct misty1 *m, uint64_t block);
uint64_t misty1_decrypt(const struct misty1 *m, uint64_t block);

#endif
