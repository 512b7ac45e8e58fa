/* relay.h - one relay: a pulse, and then a look whether it moved.
 *
 * A bistable relay is driven by a pulse of its coil. No pulse is given below the least voltage
 * at which the coil moves (PARAM_RELAY_MIN_PERCENT): it waits and event 393 tells. When the
 * contact has come to rest, the first whole window judges: the feedback contact, where there is
 * one, and after an opening the current. Five tries, then events 68 and 343 or 344; again each
 * hour and at power-up. A contact that moves by itself is driven back (394).
 *
 * Power cut  a pulse cut short is given again at power-up.
 * Cost       a comparison a window while nothing moves.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_SUPPLY_RELAY_H
#define METER_SUPPLY_RELAY_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct meter;
struct quantity;

enum { RELAY_TRIES = 5, RELAY_SETTLE_MS = 100 };
enum relay_phase { RELAY_REST, RELAY_WAIT, RELAY_PULSE, RELAY_SETTLE, RELAY_JUDGE, RELAY_HOUR };
enum relay_fault { RELAY_FAILS_TO_OPEN = 1, RELAY_FAILS_TO_CLOSE = 2, RELAY_FAULTS = 3 };

struct relay {
    mono_t from;         /* windows that begin no earlier tell of the last try */
    uint32_t u_mv, i_ma; /* of the last window; u_mv 0 before the first */
    mono_t rested;       /* when it was last seen still */
    mono_t strayed;      /* first move by itself of an hour */
    uint8_t phase, tries;
    uint8_t strays;
    bool target;    /* closed */
    bool pulsed;    /* direction of the pulse */
    bool seen;      /* where it was seen last */
    bool is_known;  /* a target was given since power-up */
    bool postponed; /* and told */
};

/* Go there. */
void relay_order(struct meter *m, bool closed);

/* Would an order to go there move it now? Not where it is already, nor with a weak supply. */
bool relay_will_move(const struct meter *m, bool closed);

/* A deadline of the driver is over. */
void relay_due(struct meter *m);

/* A window was measured. */
void relay_window(struct meter *m, const struct quantity *q);

/* The measured position: see supply_is_on(). */
bool relay_is_closed(const struct meter *m);

/* Current flows although the contact rests open, or cannot be brought to open. */
bool relay_leaks(const struct meter *m);

/* Current that means a closed path, in mA. */
uint32_t relay_current_ma(const struct meter *m);

#endif
