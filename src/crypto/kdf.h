/* kdf.h - the key of security suite 1 from a shared secret (NIST SP 800-56A concatenation).
 *
 *     first 16 octets of SHA-256(00000001 || Z || 60857405080300 || party U || party V)
 *
 * What the parties are depends on the scheme (Green Book 9.2.3.4.6):
 *     C(1e,1s)  U sender's title              V receiver's title
 *     C(0e,2s)  U sender's title              V length octet || transaction-id || receiver's
 * title C(2e,0s)  U client's title              V server's title
 *
 * Context  any.
 */
#ifndef CRYPTO_KDF_H
#define CRYPTO_KDF_H
#include <stddef.h>
#include <stdint.h>

void kdf(uint8_t key[16], const uint8_t z[32], const void *u, size_t u_len, const void *v,
         size_t v_len);

#endif
