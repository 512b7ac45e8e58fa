/* rating.h - what the name plate says, and what the analogue front end is.
 *
 * Starting current Ist is 0.4 % of Ib (IEC 62053-21), the no-load limits are half of it: 10 mA
 * and 2.3 W on a 230 V, 5(100) A meter. Operating ranges: 220-240 V and 110-120 V, 5(100) A and
 * 5(80) A, 50 and 60 Hz.
 *
 * Memory   constants of the product, 16 bytes.
 * Context  any.
 */
#ifndef METROLOGY_RATING_H
#define METROLOGY_RATING_H
#include <stdbool.h>
#include <stdint.h>

struct rating {
    uint32_t un_mv;   /* reference voltage, 100 000 to 400 000 */
    uint32_t ib_ma;   /* basic current, 1 000 to 20 000 */
    uint32_t imax_ma; /* maximum current, at most 200 000 */
    uint32_t fn_hz;   /* 50 or 60 */
};

/* The samples: how often, how fine, and what a code is worth. Codes of fewer than 24 bits are
 * brought to 24 by shifting, so everything downstream is the same. */
struct sampling {
    uint32_t rate_hz;         /* 4000 or 8000 */
    uint32_t full_scale_uv;   /* peak at the end of the ADC; 500 V: 59.6 uV a 24-bit code */
    uint32_t full_scale_ua;   /* 200 A: 23.8 uA */
    uint32_t full_scale_n_ua; /* of the neutral channel */
    uint8_t bits;             /* 16 to 24 */
    uint8_t channels;         /* 2: v and i; 3: with n */
};

#define SAMPLING_DEFAULT                                                                       \
    ((struct sampling){ 8000, UINT32_C(500000000), UINT32_C(200000000), UINT32_C(200000000),   \
                        24, 3 })

#define RATING_230V_100A ((struct rating){ 230000, 5000, 100000, 50 })
#define RATING_230V_80A ((struct rating){ 230000, 5000, 80000, 50 })
#define RATING_120V_100A ((struct rating){ 120000, 5000, 100000, 60 })
#define RATING_120V_80A ((struct rating){ 120000, 5000, 80000, 60 })

/* Inside the ranges above? */
static inline bool rating_is_valid(const struct rating *r)
{
    return r->un_mv >= 100000 && r->un_mv <= 400000 && r->ib_ma >= 1000 && r->ib_ma <= 20000 &&
           r->imax_ma >= r->ib_ma && r->imax_ma <= 200000 && (r->fn_hz == 50 || r->fn_hz == 60);
}

static inline bool sampling_is_valid(const struct sampling *s)
{
    return (s->rate_hz == 4000 || s->rate_hz == 8000) && s->bits >= 16 && s->bits <= 24 &&
           (s->channels == 2 || s->channels == 3) && s->full_scale_uv >= 1000000 &&
           s->full_scale_ua >= 1000000 && s->full_scale_n_ua >= 1000000;
}

/* Starting current, 0.4 % of Ib. */
static inline uint32_t rating_ist_ua(const struct rating *r)
{
    return r->ib_ma * 4;
}

#endif
