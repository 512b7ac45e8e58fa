/* monitor.h - register monitors: a threshold of any register, and a script each way.
 *
 * When a value is seen above its threshold and was not, the script "up" runs; when it is seen
 * at or below and was above, "down". The first value after power-up, or after the threshold was
 * changed, only tells on which side it is. Scripts are those of 0-0:10.0.106; each monitor acts
 * as a requester of its own kind. The first three tell events 70 to 75.
 *
 *     0 over-current  1 over-voltage  2 under-voltage  3 temperature  4 neutral mismatch
 *
 * Power cut  sides are found again.
 * Cost       five comparisons a window.
 * Memory     16 octets.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_SUPPLY_MONITOR_H
#define METER_SUPPLY_MONITOR_H
#include <stdbool.h>
#include <stdint.h>

#include "meter/supply/arbiter.h"

struct meter;
struct quantity;

/* The parameters of a monitor, in the order of params.def: first + k * MONITOR_PARAMS. */
enum { MONITOR_REG, MONITOR_THRESHOLD, MONITOR_UP, MONITOR_DOWN, MONITOR_PARAMS };
enum { MONITORS = 5 };
enum monitor_side { SIDE_UNKNOWN, SIDE_BELOW, SIDE_ABOVE };

struct monitors {
    uint8_t side[MONITORS];
};

/* Thresholds may have changed. */
void monitor_plan(struct meter *m);
void monitor_window(struct meter *m, const struct quantity *q);
/* Does a monitor ask for r to open? */
bool monitor_asks(const struct meter *m, enum requester r);

#endif
