#include "base/crc.h"

uint16_t crc16_more(uint16_t crc, const void *p, size_t n)
{
    static const uint16_t nibble[16] = {
        0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
        0x8408, 0x9489, 0xA50A, 0xB58B, 0xC60C, 0xD68D, 0xE70E, 0xF78F,
    };
    const uint8_t *b = p;
    for (; n; n--, b++) {
        crc = (uint16_t)(crc >> 4 ^ nibble[(crc ^ *b) & 15]);
        crc = (uint16_t)(crc >> 4 ^ nibble[(crc ^ *b >> 4) & 15]);
    }
    return crc;
}

uint32_t crc32_more(uint32_t crc, const void *p, size_t n)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    const uint8_t *b = p;
    for (; n; n--, b++) {
        crc = crc >> 4 ^ nibble[(crc ^ *b) & 15];
        crc = crc >> 4 ^ nibble[(crc ^ (uint32_t)*b >> 4) & 15];
    }
    return crc;
}

uint16_t crc16(const void *p, size_t n)
{
    return crc16_end(crc16_more(CRC16_SEED, p, n));
}

uint32_t crc32(const void *p, size_t n)
{
    return crc32_end(crc32_more(CRC32_SEED, p, n));
}
