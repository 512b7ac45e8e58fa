#include "store/inside.h"

/* Flipping one bit of a message changes its CRC by the same pattern whatever the message says:
 * the polynomial for the bit processed last, moved on by a step for every bit before it. */

int wrong_bit16(size_t n, uint16_t wrong)
{
    uint16_t pattern = 0x8408;
    for (size_t i = n * 8; i-- > 0;) {
        if (pattern == wrong) return (int)i;
        pattern = (uint16_t)(pattern & 1 ? pattern >> 1 ^ 0x8408 : pattern >> 1);
    }
    return -1;
}

int wrong_bit32(size_t n, uint32_t wrong)
{
    uint32_t pattern = 0xEDB88320;
    for (size_t i = n * 8; i-- > 0;) {
        if (pattern == wrong) return (int)i;
        pattern = pattern & 1 ? pattern >> 1 ^ 0xEDB88320 : pattern >> 1;
    }
    return -1;
}

bool mend16(uint8_t *p, size_t n, uint16_t wrong)
{
    if (is_one_bit(wrong)) return true;
    int bit = wrong_bit16(n, wrong);
    if (bit >= 0) p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    return bit >= 0;
}

bool mend32(uint8_t *p, size_t n, uint32_t wrong)
{
    if (is_one_bit(wrong)) return true;
    int bit = wrong_bit32(n, wrong);
    if (bit >= 0) p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    return bit >= 0;
}
