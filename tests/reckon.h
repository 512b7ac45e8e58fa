/* reckon.h - what a month costs, counted Wh by Wh with every fraction kept; and schemes at random.
 *
 * It shares nothing with the meter's own evaluator but the description of a scheme. Numbers have
 * 128 bits of 1e-25 of the currency: a percentage of a percentage of a percentage is exact.
 *
 * Cost     a bill some additions a Wh of the month.
 * Context  tests.
 */
#ifndef TESTS_RECKON_H
#define TESTS_RECKON_H
#include <stdint.h>

#include "meter/prepay/scheme.h"

__extension__ typedef __int128 wide; /* of 1e-25 of the currency */
#define NANO ((wide)10000000000000000)

struct count {
    uint64_t wh[SCHEME_STEPS][TARIFFS]; /* every Wh lies at the step that prices it */
    unsigned step;
    uint64_t total;
};
struct sums {
    wide charge[SCHEME_CHARGES], en, sv, f, l, s, v, t;
};

/* One more Wh under tariff 0..7. */
void reckon_one(const struct scheme *s, struct count *c, unsigned tariff);

/* What it all costs; of u the days and the powers. */
void reckon(const struct scheme *s, const struct count *c, const struct month_usage *u,
            struct sums *x);

wide reckon_exact(struct exact e);

/* Numbers at random, a scheme of any numbers, and a sound one that changes within a few kWh. */
extern uint64_t reckon_seed;
uint32_t reckon_below(uint32_t n);
void reckon_any(struct scheme *s);
void reckon_scheme(struct scheme *s);

#endif
