/* protect.h - the supply opens by itself: abnormal voltage, tamper, malfunction, fire; and what
 * flows although it is open.
 *
 *     voltage      above or below a percentage of the reference for its time; back within the
 *                  hysteresis for another
 *     fire         terminals above a temperature for its time, or that much hotter than at any
 *                  moment of the last minute; told cool 20 degrees below, released by an order
 *     tamper       the kinds of a mask, when each begins; released by token or head-end, or
 *                  where so set when the last of them ends, or a time after that
 *     malfunction  a converter at its limits or stuck, a relay that does not open
 *     bypass       current for ten seconds although the relay rests open (52, 322, 323); where
 *                  it is the relay that fails only 52
 *
 * Each is switched by PARAM_PROTECT_MASK, bits in the order of 0-0:96.50.23.
 *
 * Power cut  holds last (supply.h); a cause that still holds is found again; the time after a
 *            tamper goes on, in the dark as long as the clock is valid.
 * Cost       some hundred instructions a window.
 * Memory     struct protect 128 octets.
 * Context    meter loop only; for the parts of meter/ alone, but protect_state().
 */
#ifndef METER_SUPPLY_PROTECT_H
#define METER_SUPPLY_PROTECT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "meter/supply/arbiter.h"

struct meter;
struct quantity;

enum protect_bit {
    PROTECT_OVERLOAD,
    PROTECT_OVERVOLTAGE,
    PROTECT_UNDERVOLTAGE,
    PROTECT_ARREARS,
    PROTECT_TAMPER,
    PROTECT_MALFUNCTION,
    PROTECT_FIRE,
    PROTECT_MISMATCH,
    PROTECT_BITS
};

enum tamper_release { RELEASED_BY_ORDER, RELEASED_AT_END, RELEASED_BY_TIME };

enum { FIRE_SAMPLES = 12, FIRE_GRID_S = 5, FIRE_COOL_DC = 200 };

/* A condition that must last: since when it is as `is`, and what was made of it. */
struct lasting {
    mono_t since;
    bool is, told;
};

struct protect {
    struct lasting over, under, hot, flows;
    int16_t minute_dc[FIRE_SAMPLES]; /* temperatures of the last minute */
    uint8_t samples, next;
    uint64_t slot;     /* of the newest, FIRE_GRID_S each */
    uint8_t health;    /* of relay and measurement */
    bool burns;        /* by level or rate, not cool yet */
    bool sensor_fails; /* and told */
    bool bypassed;     /* and told */
    uint16_t tampers;  /* of the mask, that hold: 1 << enum tamper_counter */
    mono_t mended; /* the last of them ended then; MONO_NEVER: they hold, or nothing waits */
    uint32_t waited_s, waited_at; /* before this power-up: so long, recorded at that date */
};

/* Which protections hold now, 1 << enum protect_bit; bits 8 to 10: remote, schedule, button. */
uint16_t protect_state(const struct meter *m);

/* Requesters that are switched off. */
uint16_t protect_off(const struct meter *m);

/* Before the inputs are looked at: what they find ends what held. */
void protect_power_up(struct meter *m);
void protect_window(struct meter *m, const struct quantity *q);
mono_t protect_next(const struct meter *m);
void protect_due(struct meter *m);

/* Does voltage, heat or a tamper ask for r to open? */
bool protect_asks(const struct meter *m, enum requester r);

/* Tamper k (enum tamper_counter) begins, or ends. */
void protect_tamper(struct meter *m, unsigned k, bool begins);

/* What waits for the time after a tamper is journalled. */
enum { WAITING_BODY = 8 };
void protect_minute(struct meter *m);
int waiting_put(const struct meter *m, unsigned k, uint8_t *body);
void waiting_take(struct meter *m, const uint8_t *body, size_t n);

#endif
