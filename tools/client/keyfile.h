/* keyfile.h - P-256 keys and certificates in files: PEM, DER, or bare hexadecimal digits.
 *
 * Private keys: PKCS#8 or SEC1, or 32 octets. Certificates: X.509 v3 of crypto/x509.h; or a
 * bare public key of 64 octets, in hex.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_KEYFILE_H
#define TOOLS_CLIENT_KEYFILE_H
#include <stdio.h>

#include "tools/client/protect.h"

enum { KEYFILE_MAX = 65536 };

/* path, or the hex digits themselves. E_IO, E_FORMAT with a sentence. */
int keyfile_private(const char *path, uint8_t key[32], struct trouble *t);

/* ECPrivateKey (RFC 5915) of key, with its point, appended to der. E_RANGE: no such key. */
int keyfile_private_der(struct buf *der, const uint8_t key[32], struct trouble *t);

/* The meter's public key into the ring: by its key usage for signatures or for key agreement
 * (both when it does not say), with its title when it names one. */
int keyfile_peer(const char *path, struct keyring *k, struct trouble *t);

/* A PEM block of this label, or the octets as they are, appended to der. E_FORMAT. */
int keyfile_pem(const char *text, size_t n, const char *label, struct buf *der,
                struct trouble *t);

/* Write n octets as PEM. */
void keyfile_pem_write(FILE *f, const char *label, const uint8_t *der, size_t n);

#endif
