/* form.h - what the bits of a token mean: one table, used to read and to make every token.
 *
 * A form is a row: class, sub-class, and up to six fields, each some bits of the clear block.
 * sts_form_get() takes a block apart by it; vending (tools/) puts one together by the same row.
 * Bits 63..60 are the sub-class and 15..0 the checksum, in every form.
 *
 * Memory   const table, some 650 octets; struct sts_fields 192 octets, the caller's.
 * Context  any.
 */
#ifndef STS_FORM_H
#define STS_FORM_H
#include <stdbool.h>
#include <stdint.h>

enum sts_field {
    STS_NO_FIELD, /* ends a row */
    STS_RND,      /* four random bits, ignored */
    STS_TID,
    STS_VALUE, /* amount, limit, register, rate: 16 bits */
    STS_SIGN,  /* currency: 1 negative */
    STS_EXP_HIGH,
    STS_EXP_LOW,
    STS_MANTISSA,
    STS_CONTROL, /* class 1 */
    STS_MFR,
    STS_INDEX, /* 2/10 index, 2/11 function */
    STS_DATA,
    STS_KEN_HIGH, /* key change */
    STS_KEN_LOW,
    STS_KRN,
    STS_RO,
    STS_THIRD, /* 3KCT */
    STS_KT,
    STS_TI,
    STS_SGC,
    STS_SGC_HIGH,
    STS_SGC_LOW,
    STS_KEY_PART,
    STS_PAD, /* must be zero */
    STS_FIELDS
};

#define STS_FORM_FIELDS 6

struct sts_form {
    uint8_t class, sub;
    uint8_t ea;    /* 0: every algorithm; else only for keys of this one */
    uint8_t crc_c; /* 1: checksum is CRC_C */
    struct {
        uint8_t field, at, bits; /* bits at .. at + bits - 1 */
    } part[STS_FORM_FIELDS];
    const char *name;
};

struct sts_fields {
    uint64_t v[STS_FIELDS];
};

extern const struct sts_form sts_forms[];
extern const int sts_form_count;

/* The row of a class and sub-class for keys of ea (7 or 11), or NULL: reserved or proprietary.
 */
const struct sts_form *sts_form_find(uint8_t class, uint8_t sub, uint8_t ea);

/* Take the clear block apart; fields it does not have are 0. */
void sts_form_get(struct sts_fields *f, const struct sts_form *form, uint64_t block);

/* Does the checksum of a clear block hold? Reserved sub-classes have one too. */
bool sts_is_authentic(uint8_t class, uint64_t block);

#endif
