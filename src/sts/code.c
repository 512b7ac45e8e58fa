#include "sts/code.h"

#include <stdbool.h>

#include "base/cal.h"
#include "base/err.h"

#define POLYNOMIAL 0xA001u /* x^16 + x^15 + x^2 + 1, reflected */
#define MANTISSAS 16384    /* 2^14 */

static uint16_t crc_octet(uint16_t crc, uint8_t octet)
{
    crc ^= octet;
    for (int i = 0; i < 8; i++) crc = (uint16_t)(crc >> 1 ^ (POLYNOMIAL & (0u - (crc & 1u))));
    return crc;
}

/* Six zero bits, the class, the upper 48 bits of the block. */
static uint16_t crc_block(uint8_t class, uint64_t block)
{
    uint16_t crc = crc_octet(0xFFFF, class);
    for (int at = 56; at >= 16; at -= 8) crc = crc_octet(crc, (uint8_t)(block >> at));
    return crc;
}

static uint16_t swapped(uint16_t v)
{
    return (uint16_t)(v << 8 | v >> 8);
}

uint16_t sts_crc(uint8_t class, uint64_t block)
{
    return swapped(crc_block(class, block));
}

uint16_t sts_crc_c(uint8_t class, uint64_t block)
{
    return swapped(crc_octet(crc_block(class, block), 1));
}

uint32_t sts_amount(uint16_t field)
{
    int64_t units = 0;
    (void)sts_money(&units, false, field >> 14,
                    field & (MANTISSAS - 1)); /* e < 4 always fits */
    return (uint32_t)units;
}

int sts_money(int64_t *units_1e5, bool negative, unsigned exponent, unsigned mantissa)
{
    int64_t power = 1, base = 0;
    for (unsigned n = 0; n < exponent; n++) {
        if (power > (INT64_MAX - base) / MANTISSAS) return E_RANGE;
        base += MANTISSAS * power;
        power *= 10;
    }
    if (mantissa > (uint64_t)(INT64_MAX - base) / (uint64_t)power) return E_RANGE;
    int64_t units = base + power * (int64_t)mantissa;
    *units_1e5 = negative ? -units : units;
    return 0;
}

static int64_t base_s(int base_year)
{
    return (int64_t)cal_days((uint16_t)base_year, 1, 1) * CAL_DAY_S;
}

int sts_tid_at(uint32_t *tid, utc_t at, int base_year)
{
    if (base_year != 1993 && base_year != 2014 && base_year != 2035) return E_RANGE;
    int64_t s = at.s - base_s(base_year);
    if (s < 0 || s / 60 > STS_TID_MAX) return E_RANGE;
    *tid = (uint32_t)(s / 60);
    return 0;
}

utc_t sts_tid_utc(uint32_t tid, int base_year)
{
    return (utc_t){ base_s(base_year) + (int64_t)tid * 60 };
}
