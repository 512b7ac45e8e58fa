/* march.h - are the cells of a memory sound? March C-, on all zeros and on every second bit:
 * finds cells that stick, that do not change, and that change with a neighbour.
 *
 * What the memory held is lost. Inlined where it is used: a part tests its RAM before it has
 * any variable.
 *
 * Cost     twenty accesses a word: 50 ms for 128 KiB at 25 MHz.
 * Context  nobody else may use the memory meanwhile.
 */
#ifndef PORT_COMMON_MARCH_H
#define PORT_COMMON_MARCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t march_get(void *ctx, size_t word);
typedef void march_put(void *ctx, size_t word, uint32_t v);

/* Each word must hold `was` and then holds `is`, in rising or falling order. */
static inline __attribute__((always_inline)) bool march_over(void *ctx, size_t words,
                                                             march_get *get, march_put *put,
                                                             bool falling, uint32_t was,
                                                             uint32_t is)
{
    bool good = true;
    for (size_t k = 0; k < words; k++) {
        size_t word = falling ? words - 1 - k : k;
        good &= get(ctx, word) == was;
        put(ctx, word, is);
    }
    return good;
}

static inline __attribute__((always_inline)) bool march(void *ctx, size_t words, march_get *get,
                                                        march_put *put)
{
    bool good = true;
    for (unsigned k = 0; k < 2; k++) {
        uint32_t a = k ? 0x55555555u : 0, b = ~a;
        for (size_t word = 0; word < words; word++) put(ctx, word, a);
        good &= march_over(ctx, words, get, put, false, a, b);
        good &= march_over(ctx, words, get, put, false, b, a);
        good &= march_over(ctx, words, get, put, true, a, b);
        good &= march_over(ctx, words, get, put, true, b, a);
        for (size_t word = 0; word < words; word++) good &= get(ctx, word) == a;
    }
    return good;
}

#endif
