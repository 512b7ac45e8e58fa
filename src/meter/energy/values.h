/* values.h - what a window means for the registers: last values, means, booking, pulses.
 *
 * Context  meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_ENERGY_VALUES_H
#define METER_ENERGY_VALUES_H
#include "metrology/quantity.h"

struct meter;

/* What the pulse output gives: energy, or a pulse, a window late, where an interval of demand
 * begins, the tariff or the relay's contact changes, or a second of the crystal is over. */
enum pulse_function {
    PULSE_OFF,
    PULSE_WH,
    PULSE_VARH,
    PULSE_VAH,
    PULSE_INTERVAL,
    PULSE_TARIFF,
    PULSE_RELAY,
    PULSE_SECOND
};
struct pulse_mark {
    uint8_t function;
    uint32_t mark;
};

/* Take a window whole: book it under the tariff in force, count its pulses, keep its values. */
void values_take(struct meter *m, const struct quantity *q);

#endif
