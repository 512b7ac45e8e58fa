/* scale.h - a positive real factor as an integer: 64-bit mantissa and a shift.
 *
 * value = m x 2^-shift with bit 63 of m set; relative error of a product of k factors is below
 * k x 2^-62. Applying one costs four multiplications.
 *
 * Cost     scale_apply about 140 instructions on a Cortex-M4.
 * Context  any, interrupts too.
 */
#ifndef METROLOGY_SCALE_H
#define METROLOGY_SCALE_H
#include <stdint.h>

struct scale {
    uint64_t m;
    int16_t shift;
};

/* One. */
struct scale scale_one(void);

/* s x n x 2^e; n > 0. */
struct scale scale_mul(struct scale s, uint64_t n, int e);

/* s / n; n > 0. */
struct scale scale_div(struct scale s, uint64_t n);

/* a x b. */
struct scale scale_times(struct scale a, struct scale b);

/* x times s, rounded to nearest, halves away from zero; saturates at +-INT64_MAX. */
int64_t scale_apply(struct scale s, int64_t x);

/* (a x b) >> shift rounded to nearest by a 128-bit product; shift 0..127; saturates. */
int64_t mul_shift_i64(int64_t a, int64_t b, unsigned shift);

#endif
