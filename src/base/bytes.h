/* bytes.h - integers to and from octets, byte by byte: no padding, no alignment, no host order.
 *
 * Flash is little-endian (le_*), the wire big-endian (be_*). wipe() is for secrets: the
 * compiler may not drop it. same() compares secrets in time that depends on n alone.
 *
 * Cost     a few instructions an octet, inlined.
 * Context  any, interrupts too.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void le_put16(uint8_t p[2], uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void le_put32(uint8_t p[4], uint32_t v)
{
    le_put16(p, (uint16_t)v);
    le_put16(p + 2, (uint16_t)(v >> 16));
}

static inline void le_put64(uint8_t p[8], uint64_t v)
{
    le_put32(p, (uint32_t)v);
    le_put32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t le_get16(const uint8_t p[2])
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le_get32(const uint8_t p[4])
{
    return le_get16(p) | (uint32_t)le_get16(p + 2) << 16;
}

static inline uint64_t le_get64(const uint8_t p[8])
{
    return le_get32(p) | (uint64_t)le_get32(p + 4) << 32;
}

static inline void be_put16(uint8_t p[2], uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void be_put32(uint8_t p[4], uint32_t v)
{
    be_put16(p, (uint16_t)(v >> 16));
    be_put16(p + 2, (uint16_t)v);
}

static inline void be_put64(uint8_t p[8], uint64_t v)
{
    be_put32(p, (uint32_t)(v >> 32));
    be_put32(p + 4, (uint32_t)v);
}

static inline uint16_t be_get16(const uint8_t p[2])
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be_get32(const uint8_t p[4])
{
    return (uint32_t)be_get16(p) << 16 | be_get16(p + 2);
}

static inline uint64_t be_get64(const uint8_t p[8])
{
    return (uint64_t)be_get32(p) << 32 | be_get32(p + 4);
}

/* Overwrite n octets with zeros; never optimised away. */
void wipe(void *p, size_t n);

/* Equal over n octets? Takes the same time wherever they differ. */
bool same(const void *a, const void *b, size_t n);

#endif
