/* battery.h - the cell that keeps the clock and watches the covers, looked at once an hour.
 *
 * Below its limit the cell is low (event 8, normal again 356); after its rated life it is to be
 * replaced (event 7, once a day). The time it has been in use is a counter; replacing it starts
 * the count anew and is told (264). The temperature of the terminals is read along.
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
void battery_hour(struct meter *m);

#endif
