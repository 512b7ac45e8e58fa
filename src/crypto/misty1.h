/* misty1.h - MISTY1 with eight rounds (RFC 2994), one block of 64 bits, key of 128.
 *
 * STS encryption algorithm 11. Mbed TLS has no MISTY1; this is our own.
 *
 * Cost     some 10 000 instructions on a Cortex-M4 for a key and a block. The substitutions are
 *          computed, not looked up: no address and no branch depends on key or text.
 * Memory   struct misty1, owned by the caller; holds a key: wipe() it.
 * Context  any.
 */
#ifndef CRYPTO_MISTY1_H
#define CRYPTO_MISTY1_H
#include <stdint.h>

struct misty1 {
    uint16_t key[16]; /* K and K' */
};

void misty1_init(struct misty1 *m, const uint8_t key[16]);

/* Blocks as the RFC prints them: the first octet is the most significant of the integer. */
uint64_t misty1_encrypt(const struct misty1 *m, uint64_t block);
uint64_t misty1_decrypt(const struct misty1 *m, uint64_t block);

#endif
