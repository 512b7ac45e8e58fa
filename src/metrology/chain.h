/* chain.h - the parts of the sample chain that its two forms, one sample and a block, share.
 *
 * For chain.c and batch.c only.
 *
 * Context  sample interrupt.
 */
#ifndef METROLOGY_CHAIN_H
#define METROLOGY_CHAIN_H
#include "metrology/delay.h"
#include "metrology/front.h"

enum {
    DELAY_V = 8,     /* samples, all of its line; i and n are delayed by 8 +- 1.92 */
    FIRST_TAP = 5,   /* places from the newest to the first tap */
    HILBERT_BITS = 3 /* of fraction inside the all-pass chains, and 16 times of room above */
};

/* A code at or beyond the ends of the converter: counted, and kept within them. */
int32_t chain_clamp(struct front *f, int32_t code, int channel);

/* To 24 bits, offset off. */
static inline int32_t chain_code(struct front *f, int32_t code, int channel)
{
    if ((uint32_t)code - (uint32_t)f->lo >= f->width) code = chain_clamp(f, code, channel);
    return (int32_t)((uint32_t)code << f->shift) - f->offset[channel];
}

/* One all-pass section in z^-2: y = a (x + y'') - x'', where s[0] is x'' and s[1] is y''. The
 * product keeps its upper word, half of it, which is then taken twice. */
static inline int32_t chain_section(int32_t *s, int32_t a, int32_t x)
{
    int32_t half = (int32_t)((int64_t)(x + s[1]) * a >> 32);
    int32_t y = 2 * half - s[0];
    s[0] = x;
    return y;
}

/* A branch: even and odd samples each have their own memory. */
static inline int32_t chain_all_pass(int32_t s[FRONT_SECTIONS + 1],
                                     const int32_t a[FRONT_SECTIONS], int32_t x)
{
    x = chain_section(s, a[0], x);
    x = chain_section(s + 1, a[1], x);
    x = chain_section(s + 2, a[2], x);
    x = chain_section(s + 3, a[3], x);
    x = chain_section(s + 4, a[4], x);
    s[FRONT_SECTIONS] = x;
    return x >> HILBERT_BITS;
}

_Static_assert(FRONT_SECTIONS == 5, "written out above");

/* Voltage and phase current through the Hilbert pair; the current's branch lies one sample
 * behind. */
static inline void chain_quadrature(struct front *f, uint32_t at, int32_t v, int32_t i)
{
    int32_t(*pass)[FRONT_SECTIONS + 1] = f->pass[at & 1];
    f->quad_last = f->quad;
    f->quad.v = chain_all_pass(pass[0], hilbert_even, v * (1 << HILBERT_BITS));
    f->quad.i = chain_all_pass(pass[1], hilbert_odd, f->late);
    f->late = i * (1 << HILBERT_BITS);
}

#endif
