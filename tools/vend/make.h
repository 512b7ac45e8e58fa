/* make.h - tokens made: the vending half of STS, by the same tables as the meter's half.
 *
 * A token is made in three moves: fill struct sts_fields, make_block() puts them into a clear
 * block by its form and adds the checksum, make_token() enciphers it and writes the digits.
 * Who may have which token, and under which TID, is the vending station's business.
 *
 * Context  host programs and tests; a firmware image cannot link it.
 */
#ifndef TOOLS_VEND_MAKE_H
#define TOOLS_VEND_MAKE_H
#include <stdbool.h>
#include <stdint.h>

#include "sts/form.h"
#include "sts/judge.h"
#include "sts/token.h"

/* Money in 1e-5 of the currency; a token can say up to 1.82e35. */
__extension__ typedef __int128 make_money_t;
__extension__ typedef unsigned __int128 make_unsigned_t;

struct made {
    uint64_t clear, sealed;
    char token66[18]; /* 66 bits in hexadecimal */
    char digits[STS_DIGITS + 1];
};

/* The 16 bits for an amount in 0.1 kWh, 0.1 m3, 0.1 min or W; what cannot be said exactly is
 * rounded up. E_RANGE: above STS_AMOUNT_MAX. */
int make_amount(uint16_t *field, uint64_t units);

/* Fill sign, exponent and mantissa of f; rounded towards plus infinity. E_RANGE: too large. */
int make_money(struct sts_fields *f, make_money_t units_1e5);

/* What such fields are worth, for any exponent. */
make_money_t make_money_worth(const struct sts_fields *f);

/* The clear block of a form, checksum included. Fields longer than their bits are a defect. */
uint64_t make_block(const struct sts_form *form, const struct sts_fields *f);

/* Encipher under key (class 1: key may be NULL) and write the token. */
void make_token(struct made *m, const struct sts_key *key, uint8_t class, uint64_t clear);

/* Four random bits for STS_RND. */
uint64_t make_nibble(void);

/* The tokens that lead a meter from one key to another: under EA07 two, or three when with_sgc;
 * under EA11 four. Both keys must be of one algorithm. How many. */
int make_key_change(struct made m[4], const struct sts_key *from, const struct sts_key *to,
                    bool is_rollover, bool with_sgc);

#endif
