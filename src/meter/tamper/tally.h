/* tally.h - how often a tamper came, when last, and how long in all: numbers no reset touches.
 *
 * Power cut  each number is a record.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_TAMPER_TALLY_H
#define METER_TAMPER_TALLY_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct meter;

/* Tamper k (enum tamper_counter) begins at `when`: 0; or ends: how long it lasted. */
uint32_t tally_tamper(struct meter *m, unsigned k, bool begins, utc_t when);

/* A counter (enum cnt) grows by one. */
void tally_count(struct meter *m, unsigned counter);

#endif
