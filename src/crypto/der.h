/* der.h - the little of DER (X.690) that certificates are made of. For x509.c alone.
 *
 * Reading walks forward and never beyond the end it was given; lengths are definite and in
 * their shortest form, tags below 31. Writing fills a buffer from its end to its front, because
 * a length is known only when the contents stand.
 *
 * Context  any; nothing is copied by the reader.
 */
#ifndef CRYPTO_DER_H
#define CRYPTO_DER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/x509.h"

enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_UTF8 = 0x0C,
    DER_UTC_TIME = 0x17,
    DER_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31
};
#define DER_CONTEXT(n) (0x80 + (n))
#define DER_NESTED(n) (0xA0 + (n))

struct der {
    const uint8_t *p, *end;
};

static inline struct der der_of(struct x509_view v)
{
    return (struct der){ v.p, v.p + v.n };
}

static inline size_t der_left(const struct der *in)
{
    return (size_t)(in->end - in->p);
}

/* The tag that comes next, -1 at the end. */
int der_peek(const struct der *in);

/* Take the next element: its contents, or the second time head and all. The tag, or E_FORMAT.
 */
int der_any(struct der *in, struct x509_view *contents);
int der_whole(struct der *in, struct x509_view *element);

/* Take the next element, which must have this tag, and read on inside. 0 or E_FORMAT. */
int der_into(struct der *in, int tag, struct der *inside);

struct der_out {
    uint8_t *start;
    size_t left;  /* octets still free in front of what stands */
    size_t floor; /* of which so many must stay free */
    bool is_full;
};

static inline struct der_out der_out(uint8_t *buf, size_t size)
{
    return (struct der_out){ buf, size, 0, false };
}

/* Put n octets in front. */
void der_put(struct der_out *o, const void *p, size_t n);

/* Put tag and length in front of everything written since left was from. */
void der_wrap(struct der_out *o, int tag, size_t from);

/* Put one element. */
void der_put_one(struct der_out *o, int tag, const void *p, size_t n);

#endif
