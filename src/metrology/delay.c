#include "metrology/delay.h"

enum { DEGREE = 10 };

/* Polynomials in t = 2 mu - 1, 2^30 is one; the other half of the taps has them in -t. */
static const int32_t half[FRONT_TAPS / 2][DEGREE + 1] = {
    {
        2274633,
        -234974,
        -2703458,
        279029,
        452912,
        -46515,
        -24649,
        2535,
        574,
        -76,
        -12,
    },
    {
        -15586723,
        2112838,
        18404735,
        -2492460,
        -2962851,
        398919,
        147818,
        -19788,
        -3032,
        489,
        53,
    },
    {
        57709493,
        -11214199,
        -67023743,
        13011084,
        9693080,
        -1868634,
        -385729,
        73287,
        7004,
        -1535,
        -106,
    },
    {
        -169452908,
        55867614,
        184773784,
        -60850626,
        -15829068,
        5144848,
        516628,
        -164906,
        -8548,
        3064,
        112,
    },
    {
        661926430,
        -661078038,
        -133451331,
        132432629,
        8645918,
        -8465217,
        -254041,
        243980,
        3975,
        -4259,
        -39,
    },
};

const int32_t hilbert_even[FRONT_SECTIONS] = { 110504392, 772635756, 1444284959, 1844878491,
                                               2048744469 };
const int32_t hilbert_odd[FRONT_SECTIONS] = { 399902392, 1138061907, 1677240033, 1963189970,
                                              2116291497 };

/* Horner: every step stays below 2^31, so a product stays below 2^61. */
static int32_t poly(const int32_t p[DEGREE + 1], int64_t t_q30)
{
    int64_t y = 0;
    for (int k = DEGREE; k >= 0; k--) y = (y * t_q30 >> 30) + p[k];
    return (int32_t)y;
}

void delay_taps(int32_t tap[FRONT_TAPS], uint32_t mu_q32)
{
    int64_t t = (int64_t)(mu_q32 >> 1) - (INT64_C(1) << 30);
    for (int k = 0; k < FRONT_TAPS / 2; k++) {
        tap[k] = poly(half[k], t);
        tap[FRONT_TAPS - 1 - k] = poly(half[k], -t);
    }
}

/* Both currents over one tap. Volatile makes the compiler read a pair in one piece: on a
 * Cortex-M4 that is one instruction where it would take two, and there are twenty. */
static inline void tap(int64_t *low, int64_t *high, const volatile uint64_t *x,
                       const volatile uint64_t *h)
{
    uint64_t a = *x, b = *h;
    *low += (int64_t)(int32_t)(uint32_t)a * (int32_t)(uint32_t)b;
    *high += (int64_t)(int32_t)(a >> 32) * (int32_t)(b >> 32);
}

_Static_assert(FRONT_TAPS == 10, "written out below: a loop costs as much as the work");

uint64_t delay_both(const union front_pair *x, const union front_pair *h,
                    union front_pair *carry)
{
    const uint32_t mask = (UINT32_C(1) << DELAY_BITS) - 1;
    int64_t low = (uint32_t)carry->both, high = (int64_t)(carry->both >> 32);
    tap(&low, &high, &x[0].both, &h[0].both);
    tap(&low, &high, &x[1].both, &h[1].both);
    tap(&low, &high, &x[2].both, &h[2].both);
    tap(&low, &high, &x[3].both, &h[3].both);
    tap(&low, &high, &x[4].both, &h[4].both);
    tap(&low, &high, &x[5].both, &h[5].both);
    tap(&low, &high, &x[6].both, &h[6].both);
    tap(&low, &high, &x[7].both, &h[7].both);
    tap(&low, &high, &x[8].both, &h[8].both);
    tap(&low, &high, &x[9].both, &h[9].both);
    carry->both = ((uint32_t)low & mask) | (uint64_t)((uint32_t)high & mask) << 32;
    return (uint32_t)(low >> DELAY_BITS) | (uint64_t)(high >> DELAY_BITS) << 32;
}
