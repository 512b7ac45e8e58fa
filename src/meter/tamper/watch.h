/* watch.h - what the measurement says beside energy: quality of supply, fraud, faults of the
 * front end.
 *
 * metrology/quality.h and tamper.h judge each window and note when a state begins and ends;
 * here the notes become events, counters and alarms, and parameters become limits. Means of ten
 * minutes are judged by EN 50160: of a week of them (1008, those without voltage left out) 95 %
 * within 10 % of the reference voltage, all within +10 and -15 %. Samples lost three times within
 * a minute are more than a failing part: sparks, a transmitter at the case (event 318).
 *
 * Power cut  a state that was open is found again by its cause; the ten minutes under way are
 *            lost, and of the week's count of good ones at most six hours.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_TAMPER_WATCH_H
#define METER_TAMPER_WATCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrology/quality.h"
#include "metrology/tamper.h"

struct meter;

/* The last sag, swell, over-current: how long, how far (mV, mA). */
enum { LAST_SAG, LAST_SWELL, LAST_OVER_CURRENT, LASTS };
struct watch_last {
    uint32_t duration_s, extreme;
};

struct voltage_week {
    uint64_t sum_uvms; /* of the ten minutes under way: microvolt x millisecond */
    uint32_t ms;
    uint16_t done, bad; /* ten-minute means of the week, and those outside 10 % */
    bool told;
};

enum { SPARKS = 3 }; /* losses of samples within a minute that are a disturbance (event 318) */

struct watch {
    mono_t spark;   /* the first loss of samples of its minute */
    uint8_t sparks; /* since then */
    struct watch_last last[LASTS];
    struct voltage_week week;
    struct quality_cfg quality_cfg;
    struct tamper_cfg tamper_cfg;
    struct quality quality;
    struct tamper tamper;
};

/* Limits from the parameters; states start closed. */
void watch_init(struct meter *m);
void watch_plan(struct meter *m);

void watch_take(struct meter *m, const struct quantity *q);

/* Is one of the tampers on that measurement finds: reversal, mismatch, a single wire? */
bool watch_is_tampered(const struct meter *m);

int watch_put(const struct meter *m, unsigned k, uint8_t *body);
void watch_restore(struct meter *m, const uint8_t *body, size_t n);

/* The event that tells of the begin or end of a state; 0: none does. */
uint16_t watch_quality_code(enum quality_kind kind, bool begins);
uint16_t watch_tamper_code(enum tamper_kind kind, bool begins);

#endif
