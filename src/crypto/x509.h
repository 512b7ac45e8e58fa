/* x509.h - the certificates of suite 1 (Green Book 9.2.6.4, RFC 5280): read, judged, written.
 *
 * A certificate here is DER, X.509 v3, key on P-256, signed by ECDSA with SHA-256, at most
 * X509_MAX octets. x509_read() looks at every octet and leaves pointers into the caller's
 * buffer; nothing is copied. It judges form alone. Whether it may be trusted is three further
 * questions: x509_is_valid_at(), x509_issued() and, as a job of job.h, the signature over
 * x509_hash().
 *
 * Requests and certificates are written in two moves, because signing is a job:
 * x509_put_request() writes the part to be signed and x509_seal() wraps it with the signature.
 *
 * Cost     a read is one pass; no recursion, nesting is fixed by the standard.
 * Memory   struct x509, 200 octets; buffers are the caller's.
 * Context  any.
 */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/ec.h"

#define X509_MAX 1024
#define X509_CN 16 /* a system title as 16 hex digits */

enum {
    X509_DIGITAL_SIGNATURE = 1,
    X509_KEY_AGREEMENT = 2,
    X509_KEY_CERT_SIGN = 4,
};

struct x509_view {
    const uint8_t *p;
    size_t n;
};

struct x509 {
    struct x509_view whole, tbs;      /* the certificate; its signed part, head included */
    struct x509_view serial;          /* contents of the INTEGER */
    struct x509_view issuer, subject; /* DER Names */
    struct x509_view cn;         /* last common name of the subject; empty when there is none */
    utc_t not_before, not_after; /* both included */
    uint8_t usage;               /* X509_ bits; 0 when the extension is absent */
    bool is_ca;
    uint8_t point[EC_POINT];
    uint8_t sig[EC_SIG];
};

/* E_FORMAT: no such certificate. E_SPACE: longer than X509_MAX. E_TYPE: a good one, of another
 * algorithm, curve or version, or with a critical extension unknown here. */
int x509_read(struct x509 *x, const uint8_t *der, size_t n);

/* Read a PKCS#10 request (RFC 2986) in the same way: subject, cn, point, tbs and sig are
 * filled, the rest is zero. For whoever issues certificates. */
int x509_read_request(struct x509 *x, const uint8_t *der, size_t n);

bool x509_is_valid_at(const struct x509 *x, utc_t now);

/* Is the common name this system title, as 16 hex digits? Case does not matter. */
bool x509_is_titled(const struct x509 *x, const uint8_t title[8]);

/* Does ca claim to have issued x: names match, ca may sign certificates? Says nothing of the
 * signature. */
bool x509_issued(const struct x509 *ca, const struct x509 *x);

/* SHA-256 of the signed part. */
void x509_hash(const struct x509 *x, uint8_t hash[EC_HASH]);

/* The signed part of a PKCS#10 request (RFC 2986): subject CN = title, key point.
 * Length, or E_SPACE. Hash it with sha256(), sign by a job, then x509_seal(). */
int x509_put_request(uint8_t *out, size_t size, const uint8_t title[8],
                     const uint8_t point[EC_POINT]);

struct x509_plan {
    uint8_t serial[8];      /* positive, first octet below 0x80 */
    const char *issuer_cn;  /* at most 64 characters */
    const char *subject_cn; /* the same for a CA that signs itself */
    utc_t not_before, not_after;
    uint8_t usage; /* X509_ bits; X509_KEY_CERT_SIGN makes it a CA */
    uint8_t point[EC_POINT];
    const uint8_t *issuer_point; /* the key that signs; NULL: its own */
};

/* The signed part of a certificate, key identifiers of subject and issuer included. Length, or
 * E_SPACE. Used by the factory and by tools. */
int x509_put_cert(uint8_t *out, size_t size, const struct x509_plan *plan);

/* Wrap the n octets at buf, of size octets, with their signature: the finished request or
 * certificate. Length, or E_SPACE. */
int x509_seal(uint8_t *buf, size_t n, size_t size, const uint8_t sig[EC_SIG]);

/* The 16 hex digits of a system title, upper case, and a final 0. */
void x509_title_text(char text[X509_CN + 1], const uint8_t title[8]);

#endif
