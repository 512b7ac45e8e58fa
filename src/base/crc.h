/* crc.h - the checksums of the meter. Start with the seed, feed pieces in order.
 *
 * crc16  X.25, polynomial 1021 reflected, seed FFFF, final complement: HCS and FCS of HDLC
 *        (IEC 62056-46), rows and records on flash. "123456789" gives 906E.
 * crc32  ISO 3309, polynomial 04C11DB7 reflected: images and long values. "123456789" gives
 *        CBF43926.
 *
 * Cost     on a Cortex-M4 about 7 instructions an octet; tables of 256 and 512 octets.
 * Context  any.
 */
#ifndef BASE_CRC_H
#define BASE_CRC_H
#include <stddef.h>
#include <stdint.h>

/* Whole message in one call. */
uint16_t crc16(const void *p, size_t n);
uint32_t crc32(const void *p, size_t n);

/* In pieces: crc = CRC16_SEED; crc = crc16_more(crc, ...); result is crc16_end(crc). */
#define CRC16_SEED UINT16_C(0xFFFF)
#define CRC32_SEED UINT32_C(0xFFFFFFFF)
uint16_t crc16_more(uint16_t crc, const void *p, size_t n);
uint32_t crc32_more(uint32_t crc, const void *p, size_t n);

static inline uint16_t crc16_end(uint16_t crc)
{
    return (uint16_t)~crc;
}

static inline uint32_t crc32_end(uint32_t crc)
{
    return ~crc;
}

#endif
