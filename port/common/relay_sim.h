/* relay_sim.h - a bistable relay and the terminals behind it, with all that can go wrong.
 *
 * A coil that is driven long enough moves the contact: it travels, then bounces a little, then
 * rests. A fault may be set at any time: the contact may weld (it will not open), stick (it
 * does not move), bounce without end after each move, or be bypassed by a wire. The feedback
 * contact shows the main contact, bounces included.
 *
 *     relay_sim_drive(r, t, coil)      as struct meter_io asks
 *     relay_sim_next(r)                when the contact does something by itself
 *     relay_sim_step(r, t)             it has; the feedback may be another
 *
 * Integers and dates only: the same on every target.
 *
 * Cost       nothing but at its dates.
 * Memory     struct relay_sim, the caller's.
 * Context    one caller.
 */
#ifndef PORT_COMMON_RELAY_SIM_H
#define PORT_COMMON_RELAY_SIM_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

enum {
    RELAY_OPERATE_MS = 20, /* from the beginning of the pulse */
    RELAY_BOUNCES = 4,     /* of a sound contact */
    RELAY_BOUNCE_MS = 2,   /* from one to the next */
    RELAY_RATTLE_MS = 30   /* of one that bounces without end */
};

enum relay_trouble {
    RELAY_SOUND = 0,
    RELAY_WELDS = 1 << 0,
    RELAY_STICKS = 1 << 1,
    RELAY_RATTLES = 1 << 2,
    RELAY_BYPASSED = 1 << 3
};

struct relay_sim {
    mono_t next; /* of its own moves; MONO_NEVER */
    uint32_t pulses, moves;
    uint8_t trouble; /* enum relay_trouble, bits */
    uint8_t bounces; /* to come */
    uint8_t coil;    /* 0 off, 1 open, 2 close */
    bool travels, goal, touches;
    bool closed; /* the main contact, as it came to rest */
};

/* At rest, closed, sound. */
void relay_sim_init(struct relay_sim *r);

/* Power was off: nothing moves by itself, the contact stays where it is. */
void relay_sim_restart(struct relay_sim *r);

/* The coil: 0 off, 1 open, 2 close (enum coil of meter/io.h). A pulse that ends before the
 * contact came loose moves nothing; one that is reversed on the way takes the contact back over
 * the way it came. What the contact was to do before t it has done then. */
void relay_sim_drive(struct relay_sim *r, mono_t t, unsigned coil);

mono_t relay_sim_next(const struct relay_sim *r);
void relay_sim_step(struct relay_sim *r, mono_t t);

/* The feedback contact; whether current can flow. */
bool relay_sim_feedback(const struct relay_sim *r);
bool relay_sim_conducts(const struct relay_sim *r);

/* Troubles from now on, all of them. One that welds closes; one that was knocked moves. */
void relay_sim_trouble(struct relay_sim *r, mono_t t, unsigned trouble);
void relay_sim_knock(struct relay_sim *r, mono_t t, bool closed);

#endif
