#include "metrology/window.h"

/* 11 bits of mantissa with the leading one implied: a value below 2^15 has exponent 0 and is
 * kept in steps of 16. The largest is kept below WINDOW_UNKNOWN. */
uint16_t window_pack(uint64_t mean_square)
{
    uint64_t m = (mean_square + 8) >> 4;
    if (m >> 11 == 0) return (uint16_t)m;
    unsigned top = 63 - (unsigned)__builtin_clzll(m);
    m += UINT64_C(1) << (top - 11) >> 1;
    if (m >> (top + 1)) top++; /* rounded up to the next power */
    uint64_t packed = (uint64_t)(top - 10) << 11 | (m >> (top - 11) & 0x7FF);
    return packed < WINDOW_UNKNOWN ? (uint16_t)packed : WINDOW_UNKNOWN - 1;
}

uint64_t window_unpack(uint16_t packed)
{
    uint32_t exponent = packed >> 11;
    uint64_t m = packed & 0x7FF;
    return exponent ? (m | 0x800) << (exponent - 1) << 4 : m << 4;
}
