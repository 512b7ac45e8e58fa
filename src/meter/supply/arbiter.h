/* arbiter.h - who may open and close the supply: ten requesters, seven modes, one table each.
 *
 * The supply is open while any requester holds it; the heaviest of those is the holder. An
 * order names a requester and an action. A requester lets go of its own hold, and of those its
 * weight for the action exceeds; as delivered no weight exceeds any. What remains held stays
 * open: a lower rank never closes what a higher one holds. Fire is out of reach of all weights.
 *
 * Disconnect control (class 70, version 0, modes 0 to 6) is the same set of holds seen from
 * outside: held by REMOTE is disconnected, held by others ready, by none connected. Where a
 * mode wants the button before the supply returns, the button holds.
 *
 * Cost       a pass over ten rows.
 * Memory     struct weights 70 octets.
 * Context    any; pure functions of their arguments.
 * Source     IEC 62056-6-2 classes 68 and 70; docs/supply.md prints these tables.
 */
#ifndef METER_SUPPLY_ARBITER_H
#define METER_SUPPLY_ARBITER_H
#include <stdbool.h>
#include <stdint.h>

/* In order of rank, highest first. On the wire and in rows of the log they are 1 to 10. */
enum requester {
    SUPPLY_FIRE,
    SUPPLY_MALFUNCTION,
    SUPPLY_VOLTAGE,
    SUPPLY_REMOTE,
    SUPPLY_OVERCURRENT,
    SUPPLY_LIMIT,
    SUPPLY_TAMPER,
    SUPPLY_SCHEDULE,
    SUPPLY_ARREARS,
    SUPPLY_BUTTON,
    REQUESTERS
};
#define SUPPLY_BIT(r) ((uint16_t)(1u << (r)))
enum { SUPPLY_ALL = (1 << REQUESTERS) - 1, SUPPLY_MODES = 7, SUPPLY_NOBODY = REQUESTERS };

/* Numbers of the actions of class 68 and of the scripts of 0-0:10.0.106. */
enum supply_action { ACTION_DISCONNECT = 1, ACTION_RECONNECT, ACTION_READY, ACTIONS = 3 };

/* Control state of class 70. */
enum control_state { CONTROL_DISCONNECTED, CONTROL_CONNECTED, CONTROL_READY };

struct requester_row {
    const char *name;
    const char *cells; /* on a display of seven segments, at most eight */
    const char *released_by;
    uint16_t lets_go; /* beside its own hold, whatever the weights */
    bool latched;     /* the end of the cause does not release it: an order does */
    bool closes;      /* its release closes as a remote one does, without local reconnection */
};

struct mode_row {
    bool opens; /* anything does */
    bool button_opens;
    bool remote_closes; /* at once; else the button is awaited */
    bool local_closes;  /* a local cause that ends closes; else the button is awaited */
};

/* Class 68: weight of each requester for each action (index action - 1), and which actions it
 * may ask for (bit action - 1). */
struct weights {
    uint16_t of[REQUESTERS][ACTIONS];
    uint8_t may[REQUESTERS];
};
_Static_assert(sizeof(struct weights) == REQUESTERS * (2 * ACTIONS + 1), "no holes");

struct verdict {
    uint16_t held;   /* who holds it then */
    bool refused;    /* nothing was done */
    uint8_t blocked; /* who holds it open all the same; SUPPLY_NOBODY */
};

const struct requester_row *arbiter_row(unsigned r);
const struct mode_row *arbiter_mode(unsigned mode);

/* As delivered. */
extern const struct weights arbiter_product;

/* No weight for reconnection or readiness reaches fire's for disconnection, unknown bits are
 * clear, and fire may ask for what it needs. */
bool arbiter_is_valid(const struct weights *w);

/* The heaviest of those that hold; the first of the table among equals; SUPPLY_NOBODY. */
unsigned arbiter_holder(const struct weights *w, uint16_t held);

/* What becomes of `held` when requester r orders an action. */
struct verdict arbiter_judge(const struct weights *w, unsigned mode, uint16_t held, unsigned r,
                             enum supply_action action);

enum control_state arbiter_state(unsigned mode, uint16_t held);

#endif
