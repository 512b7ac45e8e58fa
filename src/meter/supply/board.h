/* board.h - the meter looks at the board it runs on.
 *
 * The program in memory is summed a piece a second, from power-up and from each hour on: what
 * differs in the first pass was wrong when the meter started (event 12), later it went wrong
 * while it ran (355). At power-up the port says what its test of the RAM found (13), and whether
 * the watchdog began this start (15). Each hour the driver of the display must keep a pattern
 * (349), a module that is there must answer (348), and the capacitor of the last gasp must hold
 * 4 V (346). A fault is told once while it lasts. What is not fitted is not asked (io.h).
 *
 * Power cut  a pass begins anew; a fault that lasts is told again.
 * Cost       a piece of the program 8 000 instructions, once a second for some minutes an hour.
 * Memory     struct board 16 octets, part of struct meter.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_SUPPLY_BOARD_H
#define METER_SUPPLY_BOARD_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct meter;

struct board {
    uint32_t at, sum; /* of the pass under way: octets summed, their CRC-32 so far */
    bool again;       /* a pass ended since power-up */
    uint8_t faults;   /* as told */
};

void board_power_up(struct meter *m);
void board_hour(struct meter *m);
void board_due(struct meter *m, utc_t due);

#endif
