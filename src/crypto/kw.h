/* kw.h - AES key wrap (RFC 3394, the default initial value).
 *
 * Wraps keys for key_transfer, general-ciphering and for the slots on flash. The wrap is 8
 * octets longer than the key and authenticates it.
 *
 * Cost     6 AES blocks for each 8 octets of key.
 * Memory   about 400 bytes of stack, wiped.
 * Context  any.
 */
#ifndef CRYPTO_KW_H
#define CRYPTO_KW_H
#include <stddef.h>
#include <stdint.h>

#define KW_MAX 64 /* longest key, octets */
#define KW_EXTRA 8

/* Wrap n octets (16 to KW_MAX, a multiple of 8) into out[n + 8]. kek_len is 16 or 32. */
void kw_wrap(uint8_t *out, const uint8_t *kek, size_t kek_len, const uint8_t *key, size_t n);

/* Unwrap n octets (24 to KW_MAX + 8, a multiple of 8) into out[n - 8].
 * E_FORMAT  n is no length a wrap can have.
 * E_AUTH    wrong kek or changed octets; out is wiped. */
int kw_unwrap(uint8_t *out, const uint8_t *kek, size_t kek_len, const uint8_t *wrapped,
              size_t n);

#endif
