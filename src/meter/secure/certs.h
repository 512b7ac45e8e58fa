/* certs.h - the certificates of suite 1 that a meter holds: whose key is which.
 *
 * A certificate is a parameter (PARAM_CERT_1..) of its own: who it is of, then its DER as it
 * came. Nothing here judges it; one that replaces another of the same owner and use takes its
 * place. Private keys of the meter are slots of secure.h and change in the same transaction.
 *
 * Power cut  a certificate, the key that goes with it and their rows in the who-log are one
 *            transaction.
 * Cost       a search reads a few octets of each from flash; cert_read() checks its one;
 *            cert_sum() 45 instructions an octet.
 * Context    meter loop only.
 */
#ifndef METER_SECURE_CERTS_H
#define METER_SECURE_CERTS_H
#include "crypto/sha256.h"
#include "meter/secure/secure.h"

/* As class 64 counts them. */
enum cert_entity { CERT_SERVER, CERT_CLIENT, CERT_CA, CERT_OTHER };
enum cert_use { CERT_SIGN, CERT_AGREE, CERT_TLS, CERT_ANY };
enum { CERTS = 8, CERT_TITLE = 8, CERT_MAX = 758 };

struct cert {
    uint8_t entity, use;
    uint8_t title[CERT_TITLE]; /* of its owner; of an authority the start of its key */
};

/* Whose is in slot 0..CERTS - 1, by what is written there? E_NONE: nobody's. */
int cert_get(struct meter *m, unsigned slot, struct cert *c);

/* Its slot, or E_NONE. An authority is found by title alone. */
int cert_find(struct meter *m, const struct cert *c);

/* The DER of a slot; its length. E_NONE; E_CRC: damaged. */
int cert_read(struct meter *m, unsigned slot, uint8_t der[CERT_MAX]);

/* Where c would go: over the one of the same owner and use, or to a free slot. E_SPACE. */
int cert_room(struct meter *m, const struct cert *c);

/* What the who-log will tell of a change, worked out before it: digests of what stands in `slot`
 * and of what comes there. Zeroed but for the slot by the caller, who sees to it that no
 * certificate changes until the change itself. */
struct cert_sum {
    struct sha256 sum;
    uint8_t digest[2][8];
    uint16_t at;
    uint8_t slot, which;
};

/* One piece of 512 octets a call. E_BUSY: there is more; 0. c NULL: the slot is forgotten. */
int cert_sum(struct meter *m, const struct cert *c, const uint8_t *der, size_t n,
             struct cert_sum *s);

/* Keep n octets of DER in the slot that was summed, together with n_keys keys. c NULL: forget
 * what is there. E_SPACE: too long. */
int cert_put(struct meter *m, const struct who *who, const struct cert *c, const uint8_t *der,
             size_t n, const struct cert_sum *s, struct secure_key *key, unsigned n_keys);

#endif
