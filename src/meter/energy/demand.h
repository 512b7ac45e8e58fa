/* demand.h - mean power over a period, block or sliding, and its maxima.
 *
 * At the end of each period the five energy readings (P in, P out, Q in, Q out, S in;
 * nanojoules since ever) go into a ring of CFG_DEMAND_PERIODS + 1. A demand is the difference
 * of two of them over the nominal length: one period is block demand, n periods sliding. What
 * was not measured counts as nothing, so a broken interval can only understate. A maximum
 * belongs to the demand tariff in force when its interval ends.
 *
 * Power cut  readings and maxima are one record at the end of a period.
 * Cost       five divisions a period; demand_refresh() six.
 * Memory     struct demand, 660 octets.
 * Context    meter loop only.
 */
#ifndef METER_ENERGY_DEMAND_H
#define METER_ENERGY_DEMAND_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "meter/cfg.h"

struct meter;

enum { READINGS = 5, RING = CFG_DEMAND_PERIODS + 1 };

struct demand {
    uint64_t ring_nj[RING][READINGS]; /* slot `at` is the start of the open period */
    uint8_t at;
    bool fresh;       /* all slots are equal */
    utc_t start;      /* of the open period */
    uint32_t ended_s; /* date of the last end */
};

/* Start afresh here: the ring holds nothing but now. After power-up on a blank flash, or when
 * the period was changed. */
void demand_restart(struct meter *m);

/* The period that ends at u (its grid point). */
void demand_end(struct meter *m, utc_t u);

/* Find the next end of a period; after power-up and clock changes. The period they broke ends,
 * its demand is what was measured of it. */
void demand_plan(struct meter *m);

/* Bring VAL_DEMAND_NOW up to date. */
void demand_refresh(struct meter *m);

int demand_put(const struct meter *m, unsigned k, uint8_t *body);
void demand_take(struct meter *m, const uint8_t *body, size_t n);
int readings_put(const struct meter *m, unsigned k, uint8_t *body);
void readings_take(struct meter *m, const uint8_t *body, size_t n);
int maxima_put(const struct meter *m, unsigned k, uint8_t *body);
void maxima_take(struct meter *m, const uint8_t *body, size_t n);
int reset_put(const struct meter *m, unsigned k, uint8_t *body);
void reset_take(struct meter *m, const uint8_t *body, size_t n);

#endif
