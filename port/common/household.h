/* household.h - what a home draws at any second: a pure function of seed and time.
 *
 * Appliances start in hours that suit them and run for as long as they do; voltage wanders and
 * sags with the load; frequency wanders. Nothing is remembered, so a meter may be started,
 * killed and started again anywhere on the calendar and the home goes on, and a hundred
 * thousand homes cost no memory. Integers only: the same home on every target.
 *
 * A day is some 7 to 14 kWh. Loads hold for a second.
 *
 * Cost     some 40 hashes, about 5 800 instructions on a Cortex-M4; 150 ns on x86-64.
 * Context  any.
 */
#ifndef PORT_COMMON_HOUSEHOLD_H
#define PORT_COMMON_HOUSEHOLD_H
#include <stdint.h>

#include "base/time.h"
#include "port/common/loadgen.h"

/* The load of this home during second t (UTC; hours of habit are UTC hours too). */
struct load household_at(uint64_t seed, utc_t t);

#endif
