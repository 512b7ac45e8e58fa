/* code.h - checksums, amounts and token identifiers (IEC 62055-41 6.3).
 *
 * Credit amounts (0.1 kWh, 0.1 m3, 0.1 min) and limits (W) are 16 bits: exponent e above
 * mantissa m, worth m for e = 0, else 10^e m + sum of 2^14 10^(n-1), n = 1..e. Money (1e-5 of
 * the currency) is a sign, five bits of e and the same formula; e up to 14 always fits 64 bits.
 * A token identifier is minutes since the first of January of the base year, 24 bits.
 *
 * Context  any; nothing is kept.
 */
#ifndef STS_CODE_H
#define STS_CODE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define STS_AMOUNT_MAX 18201624 /* the largest 16 bits can say */
#define STS_TID_MAX 0xFFFFFFu

/* CRC of a token: over its class and the upper 48 bits of the clear block; in the octet order
 * of a token's lowest 16 bits. The second is CRC_C, for currency credit. */
uint16_t sts_crc(uint8_t class, uint64_t block);
uint16_t sts_crc_c(uint8_t class, uint64_t block);

/* What the 16 bits say. */
uint32_t sts_amount(uint16_t field);

/* mantissa below 2^14, exponent below 32, into units. E_RANGE: the magnitude does not fit. */
int sts_money(int64_t *units_1e5, bool negative, unsigned exponent, unsigned mantissa);

/* The TID of a moment; seconds are dropped. base_year 1993, 2014 or 2035. E_RANGE outside of
 * the 24 bits or for another base. The second goes back. */
int sts_tid_at(uint32_t *tid, utc_t at, int base_year);
utc_t sts_tid_utc(uint32_t tid, int base_year);

#endif
