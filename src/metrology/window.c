#include "metrology/window.h"

/* 11 bits of mantissa with the leading one implied: a value below 2^15 has exponent 0 and is
 * kept in steps of 16. The largest is kept below WINDOW_UNKNOWN. */
uint16_t window_pack(uint64_t mean_square)
{
    if (mean_square < (1 << 15) - 8) return (uint16_t)((mean_square + 8) >> 4);
    unsigned top = 63 - (unsigned)__builtin_clzll(mean_square | 1 << 15);
    uint64_t m = mean_square + (UINT64_C(1) << (top - 12));
    if (m >> (top + 1)) top++; /* rounded up to the next power */
    uint64_t packed = (uint64_t)(top - 14) << 11 | (m >> (top - 11) & 0x7FF);
    return packed < WINDOW_UNKNOWN ? (uint16_t)packed : WINDOW_UNKNOWN - 1;
}

uint64_t window_unpack(uint16_t packed)
{
    uint32_t exponent = packed >> 11;
    uint64_t m = packed & 0x7FF;
    return exponent ? (m | 0x800) << (exponent - 1) << 4 : m << 4;
}
