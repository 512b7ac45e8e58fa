/* token.h - the 66 bits of an STS token and their 20 digits (IEC 62055-41 clause 6.4).
 *
 * A token is a class of two bits and a block of 64. On the way out the class takes the place of
 * block bits 28 and 27, which go on top as bits 65 and 64; the sum is printed as 20 decimal
 * digits. Reading undoes that. The block of classes 0 and 2 is enciphered: judge.h opens it.
 *
 * Context  any; nothing is kept.
 */
#ifndef STS_TOKEN_H
#define STS_TOKEN_H
#include <stddef.h>
#include <stdint.h>

#define STS_DIGITS 20

struct sts_token {
    uint64_t block;
    uint8_t class; /* 0 credit, 1 test, 2 management, 3 reserved */
};

/* Read exactly 20 digits. E_FORMAT: another character. E_RANGE: above 2^66 - 1. */
int sts_token_read(struct sts_token *t, const char digits[STS_DIGITS]);

/* Write them, with a final 0. */
void sts_token_write(char digits[STS_DIGITS + 1], const struct sts_token *t);

/* Take the 20 digits out of what a person typed or sent: spaces and hyphens between them are
 * skipped. E_FORMAT: not 20 digits, or anything else among them. */
int sts_token_clean(char digits[STS_DIGITS], const char *text, size_t n);

#endif
