/* values.h - what a window means for the registers: last values, means, booking, pulses.
 *
 * Context  meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_ENERGY_VALUES_H
#define METER_ENERGY_VALUES_H
#include "metrology/quantity.h"

struct meter;

/* Take a window whole: book it under the tariff in force, count its pulses, keep its values. */
void values_take(struct meter *m, const struct quantity *q);

#endif
