/* watch.h - what the measurement says beside energy: quality of supply, fraud, faults of the
 * front end.
 *
 * metrology/quality.h and tamper.h judge each window and note when a state begins and ends;
 * here the notes become events, counters and alarms, and parameters become limits.
 *
 * Power cut  a state that was open is found again by its cause.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_TAMPER_WATCH_H
#define METER_TAMPER_WATCH_H
#include "metrology/quality.h"
#include "metrology/tamper.h"

struct meter;

struct watch {
    struct quality_cfg quality_cfg;
    struct tamper_cfg tamper_cfg;
    struct quality quality;
    struct tamper tamper;
};

/* Limits from the parameters; states start closed. */
void watch_init(struct meter *m);
void watch_plan(struct meter *m);

void watch_take(struct meter *m, const struct quantity *q);

/* The event that tells of the begin or end of a state; 0: none does. */
uint16_t watch_quality_code(enum quality_kind kind, bool begins);
uint16_t watch_tamper_code(enum tamper_kind kind, bool begins);

#endif
