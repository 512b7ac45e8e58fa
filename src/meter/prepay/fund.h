/* fund.h - between credit.c, which decides, and fund.c, which writes it down.
 *
 * Power cut  each is part of an open change, or one change.
 * Context    credit.c and fund.c alone.
 */
#ifndef METER_PREPAY_FUND_H
#define METER_PREPAY_FUND_H
#include <stdbool.h>
#include <stdint.h>

#include "meter/prepay/credit.h"

/* Into the open change: the fund as it will be. */
void credit_put_fund(struct meter *m, unsigned w, const struct fund *f);

/* Of free credit of a kind, what the present debit takes. */
int64_t credit_used(const struct meter *m, unsigned w, unsigned kind);

/* Did a local day or month begin that this wallet does not know? One change for all that did. */
bool credit_is_new_day(const struct meter *m, unsigned w);
void credit_put_days(struct meter *m);

void credit_load_levels(struct meter *m);

#endif
