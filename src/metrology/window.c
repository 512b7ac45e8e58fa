#include "metrology/window.h"

/* 11 bits of mantissa with the leading one implied: a value below 2^15 has exponent 0 and is
 * kept in steps of 16. The largest is kept below WINDOW_UNKNOWN. */
uint16_t window_pack(uint64_t mean_square)
{
    uint32_t exponent = 0;
    uint64_t m = (mean_square + 8) >> 4;
    while (m >> 12) {
        m = (m + 1) >> 1;
        exponent++;
    }
    if (m >> 11) exponent++;
    uint32_t packed = exponent << 11 | (uint32_t)(m & 0x7FF);
    return (uint16_t)(exponent > 31 || packed == WINDOW_UNKNOWN ? WINDOW_UNKNOWN - 1 : packed);
}

uint64_t window_unpack(uint16_t packed)
{
    uint32_t exponent = packed >> 11;
    uint64_t m = packed & 0x7FF;
    return exponent ? (m | 0x800) << (exponent - 1) << 4 : m << 4;
}
