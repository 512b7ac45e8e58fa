/* mem.c - copy, fill and compare by words. The C library's small build does them by octets,
 * five instructions each; the core does little else with its flash. A Cortex-M4 reads words
 * at any address.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef __clang__ /* or these loops become calls of themselves */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

struct word {
    uint32_t v;
} __attribute__((packed, may_alias));

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    for (; n >= 4; n -= 4, d += 4, s += 4) ((struct word *)d)->v = ((const struct word *)s)->v;
    while (n--) *d++ = *s++;
    return dst;
}

void *memset(void *dst, int octet, size_t n)
{
    uint8_t *d = dst;
    uint32_t four = (uint8_t)octet * 0x01010101u;
    for (; n >= 4; n -= 4, d += 4) ((struct word *)d)->v = four;
    while (n--) *d++ = (uint8_t)octet;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;
    for (; n >= 4 && ((const struct word *)p)->v == ((const struct word *)q)->v; n -= 4) {
        p += 4;
        q += 4;
    }
    for (; n && *p == *q; n--) {
        p++;
        q++;
    }
    return n ? *p - *q : 0;
}
