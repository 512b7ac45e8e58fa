/* gcm.h - AES-GCM as DLMS uses it (NIST SP 800-38D): 96-bit IV, tag of the first 12 octets.
 *
 * A long message goes in pieces, so that the server can do 256 octets a step:
 *
 *     gcm_seal_begin(&g, key, 16, iv);          or gcm_open_begin
 *     gcm_aad(&g, ...); gcm_aad(&g, ...);       all of it before the first gcm_more
 *     gcm_more(&g, out, in, n); ...             any lengths, out may be in
 *     gcm_seal_end(&g, tag);                    or gcm_open_end: 0 or E_AUTH
 *
 * GMAC is the same without gcm_more. What gcm_more() deciphers is not to be looked at before
 * gcm_open_end() returned 0; after E_AUTH the caller wipes it.
 * An IV may be used once with a key: that is the caller's counter's business.
 *
 * Cost     Cortex-M4: 8 000 instructions to begin and end, then about 100 an octet.
 * Memory   struct gcm, owned by the caller; the _end functions wipe it. Call wipe() where a
 *          message is given up half way.
 * Context  any.
 */
#ifndef CRYPTO_GCM_H
#define CRYPTO_GCM_H
#include <stddef.h>
#include <stdint.h>

#define GCM_IV 12
#define GCM_TAG 12

struct gcm {
    uint64_t space[84];
};

/* key_len is 16 or 32. */
void gcm_seal_begin(struct gcm *g, const uint8_t *key, size_t key_len,
                    const uint8_t iv[GCM_IV]);
void gcm_open_begin(struct gcm *g, const uint8_t *key, size_t key_len,
                    const uint8_t iv[GCM_IV]);

/* Octets that are authenticated and not ciphered; as often as needed, before gcm_more(). */
void gcm_aad(struct gcm *g, const void *aad, size_t n);

/* The next n octets of the message. out has room for n and is in, or does not overlap it. */
void gcm_more(struct gcm *g, uint8_t *out, const uint8_t *in, size_t n);

/* The tag of what was sealed. */
void gcm_seal_end(struct gcm *g, uint8_t tag[GCM_TAG]);

/* 0 when the tag is that of what was opened, else E_AUTH. Compared in constant time. */
int gcm_open_end(struct gcm *g, const uint8_t tag[GCM_TAG]);

/* Whole messages in one call. out has room for n; n may be 0 with out and in NULL: a GMAC. */
void gcm_seal(uint8_t *out, uint8_t tag[GCM_TAG], const uint8_t *key, size_t key_len,
              const uint8_t iv[GCM_IV], const void *aad, size_t aad_len, const uint8_t *in,
              size_t n);

/* 0, or E_AUTH with out wiped. */
int gcm_open(uint8_t *out, const uint8_t *key, size_t key_len, const uint8_t iv[GCM_IV],
             const void *aad, size_t aad_len, const uint8_t *in, size_t n,
             const uint8_t tag[GCM_TAG]);

#endif
