/* aes.h - one block of AES (FIPS 197) with a key of 128 or 256 bits.
 *
 * For what is no mode of its own here: key wrap, HLS mechanisms that ask for a bare block.
 * Messages are protected by gcm.h.
 *
 * Cost     key 2 300, block 1 300 instructions on a Cortex-M4; a few ns with AES-NI.
 * Memory   struct aes, owned by the caller; holds a key: wipe() it.
 * Context  any.
 */
#ifndef CRYPTO_AES_H
#define CRYPTO_AES_H
#include <stddef.h>
#include <stdint.h>

struct aes {
    uint64_t space[38];
};

/* Prepare for aes_encrypt() or, with the second, for aes_decrypt(). key_len is 16 or 32. */
void aes_init(struct aes *a, const uint8_t *key, size_t key_len);
void aes_init_decrypt(struct aes *a, const uint8_t *key, size_t key_len);

/* One block; out and in may be the same. */
void aes_encrypt(struct aes *a, uint8_t out[16], const uint8_t in[16]);
void aes_decrypt(struct aes *a, uint8_t out[16], const uint8_t in[16]);

#endif
