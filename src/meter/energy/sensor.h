/* sensor.h - the sample chain as part of the meter: constants from flash, windows in their
 * turn, test outputs.
 *
 * A meter that is fed quantities (io->sampled false) has none of it: no window is ever due.
 *
 * Power cut  the calibration record is a parameter; without one, or with one that does not
 *            hold (event 354), the nominal constants count.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_ENERGY_SENSOR_H
#define METER_ENERGY_SENSOR_H
#include <stdint.h>

#include "base/time.h"

struct meter;

void sensor_init(struct meter *m);

/* Calibration and pulse constants, the outputs standing where the registers do. Before samples
 * start. */
void sensor_mount(struct meter *m);

/* A parameter changed: billed element, constants of the outputs. */
void sensor_plan(struct meter *m);

/* End of the oldest window that waits, or MONO_NEVER; and take it. */
mono_t sensor_next(const struct meter *m);
void sensor_take(struct meter *m);

/* The supply fails: close the open window and take all. */
void sensor_close(struct meter *m);

#endif
