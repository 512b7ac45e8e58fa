/* average.h - mean, least and greatest of voltage, current, power factor and frequency.
 *
 * Sums of value x microseconds run on for ever, modulo 2^64; a survey keeps them as they stood
 * when its interval began, so three surveys with three periods cost one addition a window.
 *
 * Power cut  the last gasp keeps the open intervals' sums; without it a mean is that of
 *            the rest of its interval, whose row says "power down".
 * Context    meter loop only.
 */
#ifndef METER_ENERGY_AVERAGE_H
#define METER_ENERGY_AVERAGE_H
#include <stddef.h>
#include <stdint.h>

struct meter;
struct regs;

enum { MEANS = 5 }; /* U, I, neutral I, power factor, frequency: order of VAL_U_AVG_MV.. */

struct average {
    uint64_t sum[MEANS], us;
};

struct interval {
    uint64_t sum[MEANS], us; /* as they stood when it began */
    int32_t u_min_mv, u_max_mv, i_max_ma;
};

/* Add a window whose values stand in m->now. */
void average_add(struct meter *m, uint64_t us);

/* The means and extremes of an interval into r (VAL_U_AVG_MV .. VAL_I_MAX_MA); 0 where nothing
 * was measured. */
void average_read(const struct average *a, const struct interval *i, struct regs *r);

/* A new interval begins now. */
void average_begin(const struct average *a, struct interval *i);

enum { AVERAGE_BODY = 4 + MEANS * 6 + 12 };
void average_save(const struct average *a, const struct interval *i,
                  uint8_t body[AVERAGE_BODY]);
void average_load(const struct average *a, struct interval *i,
                  const uint8_t body[AVERAGE_BODY]);

#endif
