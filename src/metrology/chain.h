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
    DELAY_V = 6,     /* samples; i and n are delayed by 6 +- 1.92 */
    HILBERT_BITS = 3 /* of fraction inside the all-pass chains, and 16 times of room above */
};

/* A code at or beyond the ends of the converter: counted, and kept within them. */
int32_t chain_clamp(struct front *f, int32_t code, int channel);

/* One sample through the whole chain. */
unsigned chain_sample(struct front *f, int32_t v, int32_t i, int32_t n);

/* To 24 bits, offset off. */
static inline int32_t chain_code(struct front *f, int32_t code, int channel)
{
    if ((uint32_t)code - (uint32_t)f->lo >= f->width) code = chain_clamp(f, code, channel);
    return (int32_t)((uint32_t)code << f->shift) - f->offset[channel];
}

/* All-pass sections in z^-2: even and odd samples each have their own memory. */
static inline int32_t chain_all_pass(int32_t s[FRONT_SECTIONS + 1],
                                     const int32_t a[FRONT_SECTIONS], int32_t x)
{
    for (int k = 0; k < FRONT_SECTIONS; k++) {
        int32_t y = (int32_t)((int64_t)(x + s[k + 1]) * a[k] >> 31) - s[k];
        s[k] = x;
        x = y;
    }
    s[FRONT_SECTIONS] = x;
    return x >> HILBERT_BITS;
}

/* Voltage and currents through the Hilbert pair; the currents' branch lies one sample behind.
 */
static inline void chain_quadrature(struct front *f, unsigned parity, struct tap_point *x)
{
    x->hv = chain_all_pass(f->pass[0][parity], hilbert_even, x->v * (1 << HILBERT_BITS));
    x->hi = chain_all_pass(f->pass[1][parity], hilbert_odd, f->late[0]);
    f->late[0] = x->i * (1 << HILBERT_BITS);
    if (f->channels > 2) {
        x->hn = chain_all_pass(f->pass[2][parity], hilbert_odd, f->late[1]);
        f->late[1] = x->n * (1 << HILBERT_BITS);
    }
}

#endif
