/* world.h - what is around the meter in a scenario: time, supply, load, calendar chip,
 * terminals. */
#ifndef APP_SCENARIO_WORLD_H
#define APP_SCENARIO_WORLD_H
#include "app/scenario/scenario.h"

/* Say something, dated now; it counts into the trace. */
void world_say(struct scenario *s, enum scenario_kind kind, const char *text);

/* The meter's terminals, played by the world. */
void world_wire(struct scenario *s);

/* What may break of it: the flash, the board. */
void trouble_wire(struct scenario *s);

/* Supply on: mount; off: with a last gasp, or without. Negative: the meter did not mount. */
int world_power(struct scenario *s, bool on, bool gasp);

/* Time passes. */
void world_pass(struct scenario *s, uint64_t us);

/* Everything due is done, and what was logged is said. */
void world_settle(struct scenario *s);

/* Other levels at the terminals; in the dark the chip notes them. */
void world_inputs(struct scenario *s, uint16_t levels);

#endif
