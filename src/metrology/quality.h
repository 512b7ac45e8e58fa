/* quality.h - power quality: sag, swell, interruption, over-current and the slow limits.
 *
 * One row a kind: which value, above or below which limit, by how much it must return
 * (hysteresis), how long it must last (delay), and when the value means anything. Sag, swell,
 * interruption and over-current judge the one-cycle RMS at each half cycle (IEC
 * 61000-4-30, 5.4); the others judge windows. A note is made when a state begins and when it
 * ends; the end carries the duration and the extreme.
 *
 * Quantities without half cycles (a metering chip, a fleet) are judged by their means.
 *
 * Power cut  state is RAM; a state open at the cut is closed by the meter's power-down record.
 * Cost       some 7 000 instructions a window of 20 half cycles on a Cortex-M4.
 * Memory     struct quality 200 bytes; limits are the meter's parameters.
 * Context    meter only.
 */
#ifndef METROLOGY_QUALITY_H
#define METROLOGY_QUALITY_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "metrology/quantity.h"

enum quality_kind {
    QUALITY_SAG,            /* Urms(1/2), uV */
    QUALITY_SWELL,          /* Urms(1/2), uV */
    QUALITY_INTERRUPTION,   /* Urms(1/2), uV */
    QUALITY_OVER_CURRENT,   /* Irms(1/2) of the phase, uA */
    QUALITY_UNDER_VOLTAGE,  /* U, uV */
    QUALITY_OVER_VOLTAGE,   /* U, uV */
    QUALITY_OVER_POWER,     /* import P of the billed element, uW */
    QUALITY_LOW_PF,         /* |PF| x 1e6, above the starting current */
    QUALITY_FREQUENCY_HIGH, /* uHz */
    QUALITY_FREQUENCY_LOW,
    QUALITY_THD_U,     /* 0.01 % */
    QUALITY_THD_I,     /* 0.01 %, above the basic current / 10 */
    QUALITY_IMBALANCE, /* I of phase against I of neutral, 0.01 % of the larger, likewise */
    QUALITY_KINDS
};

enum { QUALITY_NOTES = 16 };

struct quality_limit {
    int64_t limit;      /* in the unit above; 0 switches the row off */
    int64_t hysteresis; /* same unit; the state ends this far on the good side */
    uint32_t delay_ms;  /* the limit must be passed for this long; 0: at once */
};

struct quality_cfg {
    struct quality_limit limit[QUALITY_KINDS];
    struct rating rating;
};

struct quality_state {
    uint64_t since_us : 62; /* beginning of the condition */
    uint64_t active : 1, pending : 1;
    int64_t extreme;
};

struct quality {
    struct quality_state state[QUALITY_KINDS];
};

struct quality_note {
    uint8_t kind; /* enum quality_kind */
    bool begins;
    mono_t at;            /* when the condition began or ended, not when it was seen */
    uint64_t duration_us; /* at the end */
    int64_t extreme;      /* worst so far, in the unit of the kind */
};

/* Limits of IEC 61000-4-30 and EN 50160 for a rating: 90 %, 110 %, 5 % of Un with 2 %
 * hysteresis; 1.1 Imax; slow limits with 10 s. */
struct quality_cfg quality_cfg_default(const struct rating *r);

void quality_init(struct quality *s);

/* Judge q; the notes, oldest first, their number returned. A state that finds no room waits for
 * the next quantity: nothing is lost, it is late. */
int quality_feed(struct quality *s, const struct quality_cfg *cfg, const struct quantity *q,
                 struct quality_note out[QUALITY_NOTES]);

/* Is this state on? */
bool quality_is_active(const struct quality *s, enum quality_kind kind);

#endif
