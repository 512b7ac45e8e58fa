/* schemes.h - the tariff schemes of the worked examples, for tests.
 *
 * Prices: Electricity Company of Ghana, refund notice of 2018 and tariff of July 2025; Egyptian
 * slabs of 2021; and one that uses every feature.
 *
 * Context  tests.
 */
#ifndef TESTS_SCHEMES_H
#define TESTS_SCHEMES_H
#include "meter/prepay/scheme.h"

struct schemes_row {
    uint32_t kwh;
    const char *en, *sv, *f, *l, *s, *v, *t;
};

/* "149.4006325" in 1e-9. */
int64_t schemes_nano(const char *decimal);

const struct scheme *schemes_ghana_2018(bool vat_on_levies); /* example A */
const struct scheme *schemes_ghana_2025(void);               /* B */
const struct scheme *schemes_ghana_lifeline(void);
const struct scheme *schemes_egypt(void); /* C */
const struct scheme *schemes_full(void);  /* D: 30 days, 5 kW contracted */
extern const struct schemes_row schemes_egypt_rows[], schemes_full_rows[];

#endif
