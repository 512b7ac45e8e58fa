/* fixed.h - exact integer arithmetic wider than the machine has: one result, the same on
 * x86-64 and on a Cortex-M4 that knows no 128-bit integer.
 *
 * Cost     mul_u64 4 multiplications; muldiv_u64 about 200, isqrt_u64 about 400 instructions
 *          on a Cortex-M4.
 * Context  any; no table, no state.
 */
#ifndef BASE_FIXED_H
#define BASE_FIXED_H
#include <stdint.h>

struct u128 {
    uint64_t hi, lo;
};

/* The whole 128-bit product. */
struct u128 mul_u64(uint64_t a, uint64_t b);

/* a * b / c, rounded to nearest (halves up), by a 128-bit intermediate; UINT64_MAX where the
 * quotient does not fit. c > 0. */
uint64_t muldiv_u64(uint64_t a, uint64_t b, uint64_t c);

/* The same for signed a and b, rounded to nearest with halves away from zero; saturates at
 * INT64_MIN + 1 and INT64_MAX. c > 0. */
int64_t muldiv_i64(int64_t a, int64_t b, int64_t c);

/* Floor of the square root. */
uint32_t isqrt_u64(uint64_t v);

static inline uint64_t abs_i64(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

#endif
