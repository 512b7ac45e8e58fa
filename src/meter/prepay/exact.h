/* exact.h - money that never loses a digit: 1e-9 of the currency and 1e-12 of that.
 *
 * A percentage in 0.01 % of an amount that is whole in 1e-9 ends four digits later. Twelve
 * digits behind the 1e-9 hold a percentage of a percentage of a percentage, which is as deep as
 * a scheme may go (scheme.h); so nothing is ever rounded. The fraction is 0 or more, also of a
 * negative amount: -0.5e-9 is {-1, 5e11}.
 *
 * Cost     a percentage four divisions of 64 bits, an addition none.
 * Context  any.
 */
#ifndef METER_PREPAY_EXACT_H
#define METER_PREPAY_EXACT_H
#include <stdint.h>

enum { EXACT_DEPTH = 3, PERCENT_100 = 10000 };
#define EXACT_FRACTION INT64_C(1000000000000)

struct exact {
    int64_t nano; /* 1e-9 currency, rounded down */
    int64_t part; /* the rest, 0 .. EXACT_FRACTION - 1, in 1e-21 */
};

static inline struct exact exact_of(int64_t nano)
{
    return (struct exact){ nano, 0 };
}

static inline struct exact exact_add(struct exact a, struct exact b)
{
    struct exact s = { a.nano + b.nano, a.part + b.part };
    if (s.part >= EXACT_FRACTION) {
        s.part -= EXACT_FRACTION;
        s.nano++;
    }
    return s;
}

static inline struct exact exact_sub(struct exact a, struct exact b)
{
    struct exact s = { a.nano - b.nano, a.part - b.part };
    if (s.part < 0) {
        s.part += EXACT_FRACTION;
        s.nano--;
    }
    return s;
}

/* rate in 0.01 %, up to 100 %, of a, which is 0 or more. */
static inline struct exact exact_percent(struct exact a, uint32_t rate)
{
    int64_t whole = a.nano / PERCENT_100 * rate, rest = a.nano % PERCENT_100 * rate;
    int64_t part = rest % PERCENT_100 * EXACT_FRACTION + a.part * rate;
    struct exact p = { whole + rest / PERCENT_100, part / PERCENT_100 };
    if (p.part >= EXACT_FRACTION) {
        p.part -= EXACT_FRACTION;
        p.nano++;
    }
    return p;
}

#endif
