/* battery.h - the cell that keeps the clock and watches the covers, and what else the board says
 * of itself, looked at once an hour.
 *
 * Below its limit the cell is low (event 8, normal again 356); after its rated life it is to be
 * replaced (event 7, once a day). The time it has been in use is a counter; replacing it starts
 * the count anew and is told (264). The temperature of the terminals is read along. Faults that
 * the board found (io.h: program 12 and 355, RAM 13, watchdog 15, module 348, display 349) and a
 * capacitor below 4 V (346) are told once while they last.
 *
 * Power cut  the hour under way is not counted.
 * Context    meter loop only.
 */
#ifndef METER_SUPPLY_BATTERY_H
#define METER_SUPPLY_BATTERY_H
#include "base/time.h"
#include "base/who.h"

struct meter;

/* A new cell was put in. */
int battery_replaced(struct meter *m, const struct who *who);

/* -- for the parts of meter/ alone */
void board_power_up(struct meter *m);
void battery_hour(struct meter *m);

#endif
