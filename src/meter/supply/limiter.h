/* limiter.h - three limits of the load, and what happens after one was passed.
 *
 * A limiter (class 71) looks at a register each window. Above its active threshold for the time
 * it has (event 65) its script runs, and below for the other time (66) the other one. The
 * active threshold is the normal one; the emergency one while a profile that lists this meter's
 * group is in force, or while the load calendar says 4. Limiter 1 has a threshold of its own
 * for the second source. 0 is no limit.
 *
 *     limiter  0 contracted power  1 over-current   2 power limit by token
 *     asks as  SUPPLY_LIMIT        SUPPLY_OVERCURRENT  SUPPLY_LIMIT
 *
 * What opened comes back by itself after a delay, a number of times within a window; then it is
 * locked for longer (391, 392). The button, or whoever else lets go of the hold, ends both.
 *
 * Power cut  attempts and lock-out are a record; the delay, or the lock-out, begins anew.
 * Cost       three comparisons a window.
 * Memory     struct limiters 200 octets.
 * Context    meter loop only; for the parts of meter/ alone, but what the model reads.
 */
#ifndef METER_SUPPLY_LIMITER_H
#define METER_SUPPLY_LIMITER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/supply/arbiter.h"

struct meter;
struct quantity;

enum { LIMITERS = 3, LIMIT_GROUPS = 16, RETRIES = 2, CALENDAR_EMERGENCY = 4 };

/* The parameters of a limiter, in the order of params.def: first + k * LIMIT_PARAMS. */
enum {
    LIMIT_REG,
    LIMIT_NORMAL,
    LIMIT_EMERGENCY,
    LIMIT_OVER_S,
    LIMIT_UNDER_S,
    LIMIT_UP,
    LIMIT_DOWN,
    LIMIT_PARAMS
};

struct emergency {
    uint16_t id;
    uint8_t time[12]; /* as written */
    uint32_t duration_s;
    utc_t from; /* what time names; 0: nothing */
};

struct limiter {
    mono_t since;      /* it is on this side of the threshold */
    utc_t from, until; /* of the emergency profile, if this meter is in the group */
    int32_t threshold; /* active */
    bool over;         /* the value is */
    bool exceeded;     /* and was for its time */
};

struct retry {
    mono_t due;   /* let go; MONO_NEVER while not held */
    mono_t since; /* first attempt of this window */
    uint8_t attempts;
    bool locked;
};

struct limiters {
    struct limiter of[LIMITERS];
    struct retry retry[RETRIES]; /* over-current, power limit */
};

/* What a client sees of limiter k. */
int32_t limiter_threshold(const struct meter *m, unsigned k);
bool limiter_is_emergency(const struct meter *m, unsigned k);
void limiter_emergency(struct meter *m, unsigned k, struct emergency *e);
int limiter_set_emergency(struct meter *m, const struct who *who, unsigned k,
                          const struct emergency *e);

/* The profile that limiter k was given last begins now. E_STATE: none that would last, or the
 * clock is invalid. */
int limiter_begin_emergency(struct meter *m, const struct who *who, unsigned k);

/* Attempts are used up and the lock-out lasts. */
bool limiter_is_locked(const struct meter *m);

/* -- for supply/ */
void limiter_init(struct meter *m);
void limiter_plan(struct meter *m);
void limiter_window(struct meter *m, const struct quantity *q);
/* Does a limiter ask for r to open? */
bool limiter_asks(const struct meter *m, enum requester r);
/* The holds have changed. */
void limiter_held(struct meter *m);
mono_t limiter_next(const struct meter *m);
void limiter_due(struct meter *m);

int limiter_put(const struct meter *m, unsigned k, uint8_t *body);
void limiter_take(struct meter *m, const uint8_t *body, size_t n);

#endif
