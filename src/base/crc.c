#include "base/crc.h"

/* Row k: a nibble followed by k zero nibbles. Eight lookups that do not wait for each other
 * take four octets at once; records and rows are summed every minute of a meter's life. */
static const uint16_t nibble16[8][16] = {
    {
        0x0000,
        0x1081,
        0x2102,
        0x3183,
        0x4204,
        0x5285,
        0x6306,
        0x7387,
        0x8408,
        0x9489,
        0xA50A,
        0xB58B,
        0xC60C,
        0xD68D,
        0xE70E,
        0xF78F,
    },
    {
        0x0000,
        0x1189,
        0x2312,
        0x329B,
        0x4624,
        0x57AD,
        0x6536,
        0x74BF,
        0x8C48,
        0x9DC1,
        0xAF5A,
        0xBED3,
        0xCA6C,
        0xDBE5,
        0xE97E,
        0xF8F7,
    },
    {
        0x0000,
        0x9591,
        0x2333,
        0xB6A2,
        0x4666,
        0xD3F7,
        0x6555,
        0xF0C4,
        0x8CCC,
        0x195D,
        0xAFFF,
        0x3A6E,
        0xCAAA,
        0x5F3B,
        0xE999,
        0x7C08,
    },
    {
        0x0000,
        0x19D8,
        0x33B0,
        0x2A68,
        0x6760,
        0x7EB8,
        0x54D0,
        0x4D08,
        0xCEC0,
        0xD718,
        0xFD70,
        0xE4A8,
        0xA9A0,
        0xB078,
        0x9A10,
        0x83C8,
    },
    {
        0x0000,
        0x8595,
        0x033B,
        0x86AE,
        0x0676,
        0x83E3,
        0x054D,
        0x80D8,
        0x0CEC,
        0x8979,
        0x0FD7,
        0x8A42,
        0x0A9A,
        0x8F0F,
        0x09A1,
        0x8C34,
    },
    {
        0x0000,
        0x5ADC,
        0xB5B8,
        0xEF64,
        0x6361,
        0x39BD,
        0xD6D9,
        0x8C05,
        0xC6C2,
        0x9C1E,
        0x737A,
        0x29A6,
        0xA5A3,
        0xFF7F,
        0x101B,
        0x4AC7,
    },
    {
        0x0000,
        0xC3A1,
        0x8F53,
        0x4CF2,
        0x16B7,
        0xD516,
        0x99E4,
        0x5A45,
        0x2D6E,
        0xEECF,
        0xA23D,
        0x619C,
        0x3BD9,
        0xF878,
        0xB48A,
        0x772B,
    },
    {
        0x0000,
        0x1CBB,
        0x3976,
        0x25CD,
        0x72EC,
        0x6E57,
        0x4B9A,
        0x5721,
        0xE5D8,
        0xF963,
        0xDCAE,
        0xC015,
        0x9734,
        0x8B8F,
        0xAE42,
        0xB2F9,
    },
};

static uint32_t four(const uint8_t b[4])
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint16_t crc16_octet(uint16_t crc, uint8_t b)
{
    crc = (uint16_t)(crc >> 4 ^ nibble16[0][(crc ^ b) & 15]);
    return (uint16_t)(crc >> 4 ^ nibble16[0][(crc ^ b >> 4) & 15]);
}

uint16_t crc16_more(uint16_t crc, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (; n >= 4; n -= 4, b += 4) {
        uint32_t x = crc ^ four(b);
        crc = nibble16[7][x & 15] ^ nibble16[6][x >> 4 & 15] ^ nibble16[5][x >> 8 & 15] ^
              nibble16[4][x >> 12 & 15] ^ nibble16[3][x >> 16 & 15] ^
              nibble16[2][x >> 20 & 15] ^ nibble16[1][x >> 24 & 15] ^ nibble16[0][x >> 28];
    }
    for (; n; n--, b++) crc = crc16_octet(crc, *b);
    return crc;
}

static const uint32_t nibble32[8][16] = {
    {
        0x00000000,
        0x1DB71064,
        0x3B6E20C8,
        0x26D930AC,
        0x76DC4190,
        0x6B6B51F4,
        0x4DB26158,
        0x5005713C,
        0xEDB88320,
        0xF00F9344,
        0xD6D6A3E8,
        0xCB61B38C,
        0x9B64C2B0,
        0x86D3D2D4,
        0xA00AE278,
        0xBDBDF21C,
    },
    {
        0x00000000,
        0x77073096,
        0xEE0E612C,
        0x990951BA,
        0x076DC419,
        0x706AF48F,
        0xE963A535,
        0x9E6495A3,
        0x0EDB8832,
        0x79DCB8A4,
        0xE0D5E91E,
        0x97D2D988,
        0x09B64C2B,
        0x7EB17CBD,
        0xE7B82D07,
        0x90BF1D91,
    },
    {
        0x00000000,
        0x4AC21251,
        0x958424A2,
        0xDF4636F3,
        0xF0794F05,
        0xBABB5D54,
        0x65FD6BA7,
        0x2F3F79F6,
        0x3B83984B,
        0x71418A1A,
        0xAE07BCE9,
        0xE4C5AEB8,
        0xCBFAD74E,
        0x8138C51F,
        0x5E7EF3EC,
        0x14BCE1BD,
    },
    {
        0x00000000,
        0x191B3141,
        0x32366282,
        0x2B2D53C3,
        0x646CC504,
        0x7D77F445,
        0x565AA786,
        0x4F4196C7,
        0xC8D98A08,
        0xD1C2BB49,
        0xFAEFE88A,
        0xE3F4D9CB,
        0xACB54F0C,
        0xB5AE7E4D,
        0x9E832D8E,
        0x87981CCF,
    },
    {
        0x00000000,
        0x1C26A370,
        0x384D46E0,
        0x246BE590,
        0x709A8DC0,
        0x6CBC2EB0,
        0x48D7CB20,
        0x54F16850,
        0xE1351B80,
        0xFD13B8F0,
        0xD9785D60,
        0xC55EFE10,
        0x91AF9640,
        0x8D893530,
        0xA9E2D0A0,
        0xB5C473D0,
    },
    {
        0x00000000,
        0x01C26A37,
        0x0384D46E,
        0x0246BE59,
        0x0709A8DC,
        0x06CBC2EB,
        0x048D7CB2,
        0x054F1685,
        0x0E1351B8,
        0x0FD13B8F,
        0x0D9785D6,
        0x0C55EFE1,
        0x091AF964,
        0x08D89353,
        0x0A9E2D0A,
        0x0B5C473D,
    },
    {
        0x00000000,
        0x5019579F,
        0xA032AF3E,
        0xF02BF8A1,
        0x9B14583D,
        0xCB0D0FA2,
        0x3B26F703,
        0x6B3FA09C,
        0xED59B63B,
        0xBD40E1A4,
        0x4D6B1905,
        0x1D724E9A,
        0x764DEE06,
        0x2654B999,
        0xD67F4138,
        0x866616A7,
    },
    {
        0x00000000,
        0xB8BC6765,
        0xAA09C88B,
        0x12B5AFEE,
        0x8F629757,
        0x37DEF032,
        0x256B5FDC,
        0x9DD738B9,
        0xC5B428EF,
        0x7D084F8A,
        0x6FBDE064,
        0xD7018701,
        0x4AD6BFB8,
        0xF26AD8DD,
        0xE0DF7733,
        0x58631056,
    },
};

static uint32_t crc32_octet(uint32_t crc, uint8_t b)
{
    crc = crc >> 4 ^ nibble32[0][(crc ^ b) & 15];
    return crc >> 4 ^ nibble32[0][(crc ^ (uint32_t)b >> 4) & 15];
}

uint32_t crc32_more(uint32_t crc, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (; n >= 4; n -= 4, b += 4) {
        uint32_t x = crc ^ four(b);
        crc = nibble32[7][x & 15] ^ nibble32[6][x >> 4 & 15] ^ nibble32[5][x >> 8 & 15] ^
              nibble32[4][x >> 12 & 15] ^ nibble32[3][x >> 16 & 15] ^
              nibble32[2][x >> 20 & 15] ^ nibble32[1][x >> 24 & 15] ^ nibble32[0][x >> 28];
    }
    for (; n; n--, b++) crc = crc32_octet(crc, *b);
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
