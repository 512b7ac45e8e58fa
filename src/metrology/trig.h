/* trig.h - sine, cosine and angle for the oscillator: phases are 2^-32 turn, wrapping.
 *
 * Cost     trig_sincos 20, trig_angle about 360 instructions on a Cortex-M4.
 * Memory   a table of 256 pairs of words, in ROM.
 * Context  any, interrupts too.
 */
#ifndef METROLOGY_TRIG_H
#define METROLOGY_TRIG_H
#include <stdint.h>

enum { TRIG_BITS = 22 }; /* one is 2^22: with 24-bit codes a product leaves room for sums */

/* Sine and cosine in the middle of each 256th of a turn; 2^30 is one, and 2^7 more to round. */
struct trig_pair {
    int32_t sine, cosine;
};
extern const struct trig_pair trig_table[256];

/* Sine and cosine of phase, 2^22 is one: the table entry, and two terms of the addition theorem
 * for the at most 1/512 turn that is left. Within 1.8 of the last place; what remains is odd in
 * that rest, so amplitude and phase are right to 1e-9. */
static inline void trig_sincos(uint32_t phase, int32_t *sine, int32_t *cosine)
{
    const int64_t two_pi_q36 =
        INT64_C(0x6487ED51); /* of half a table step, which is 2^31 here */
    const struct trig_pair *t = &trig_table[phase >> 24];
    int32_t s = t->sine, c = t->cosine;
    int32_t off = (int32_t)((phase << 8) - UINT32_C(0x80000000));
    int32_t d = (int32_t)(off * two_pi_q36 >> 32); /* angle left, 2^36 is one */
    int32_t dd = (int32_t)((int64_t)d * d >> 32);  /* its square, 2^40 */
    int32_t s1 = (int32_t)((int64_t)c * d >> 32), s2 = (int32_t)((int64_t)s * dd >> 32);
    int32_t c1 = (int32_t)((int64_t)s * d >> 32), c2 = (int32_t)((int64_t)c * dd >> 32);
    *sine = (s + (s1 >> 4) - (s2 >> 9)) >> 8;
    *cosine = (c - (c1 >> 4) - (c2 >> 9)) >> 8;
}

/* Angle of (re, im) in turns, 0 for (0, 0); within 2^-27 turn. */
uint32_t trig_angle(int64_t re, int64_t im);

/* Sine of a small angle (below 8 degrees) and one less its cosine; radians and results x 2^40.
 */
void trig_small(int64_t angle_q40, int64_t *sine, int64_t *less);

#endif
