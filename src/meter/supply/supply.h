/* supply.h - the relay of the customer's supply: who wants it open, where it is, why.
 *
 * Causes ask, the arbiter (arbiter.h) decides, the relay driver (relay.h) carries out and looks
 * whether it is true. What conditions ask for waits until the store is free and then becomes
 * one transaction: the holds, the count of the operation, the events. The coil
 * that opens for a cause does not wait for it; everything else is driven when it stands.
 *
 *     supply_request(m, SUPPLY_ARREARS, owes)            prepayment: it may have changed
 *     supply_order(m, who, SUPPLY_REMOTE, ACTION_RECONNECT)          a client
 *
 * Power cut  before the last page of the transaction the order was not given; after it the
 * relay is driven there, at power-up if need be, and the operation counts once. Holds last.
 * Cost       a request two stores, and the coil when it opens; its transaction 1 or 2 pages
 * Memory     struct supply, part of struct meter
 * Context    meter loop only
 */
#ifndef METER_SUPPLY_SUPPLY_H
#define METER_SUPPLY_SUPPLY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/supply/arbiter.h"
#include "meter/supply/relay.h"

struct meter;

/* An operation that is not over: not counted yet, for the coil waits for voltage; counted. */
enum moving { MOVES_NOT, MOVES_LATER, MOVES_COUNTED };

/* What a record holds. */
struct supply_state {
    uint16_t held;             /* requesters that keep it open, SUPPLY_BIT() each */
    uint8_t cause;             /* requester of the last operation + 1; 0 none yet */
    uint8_t by;                /* of a client's order: its channel, enum link_id */
    uint8_t fault;             /* enum relay_fault, bits */
    bool closed;               /* where the relay was ordered to */
    uint8_t moving;            /* enum moving: not seen there yet */
    uint8_t asked[REQUESTERS]; /* class 68: last request of each, bit action - 1 */
    uint8_t outcome;           /* and the action last carried out; 0 none */
};

/* A relay lives some thousand operations: closings that are left, one more now and then. */
struct budget {
    uint8_t left;
    mono_t refilled;
};

struct supply {
    struct supply_state state;
    struct weights weights;
    struct relay relay;
    uint16_t wants;       /* causes that hold now */
    uint16_t ended;       /* let go since the last decision */
    uint16_t to_button;   /* of those: not without the button */
    uint8_t said;         /* script of the load calendar */
    uint16_t opened;      /* event of what a cause opened for, where it has more than one */
    struct budget client; /* closings that clients may still order: see supply_order() */
    struct budget own;    /* and those the meter may do by itself */
    bool changed;         /* holds, since the last step */
};

/* The cause of requester r (an automatic one) holds, or holds no more. Nothing happens when it
 * is known already. A latched requester (fire, tamper) stays held when its cause ends. In mode
 * 0 nothing opens, and what still holds when the mode changes opens then. */
void supply_request(struct meter *m, enum requester r, bool holds);

/* Would it move the relay, if r asked now? */
bool supply_would_open(const struct meter *m, enum requester r);

/* Its cause holds no more, but the button is awaited. */
void supply_ready(struct meter *m, enum requester r);

/* A client, token, button or schedule acts as requester r. 0: done, or done as far as others
 * let go: then the supply stays open and event 390 names who holds it. E_DENIED: nothing
 * changed: not in this mode or state, its cause still holds (limit, over-current and schedule may
 * be tried), no permission (class 68), or more closings than six and one in ten minutes; 390
 * tells the holder, 0 for the last. E_STATE: no relay in this meter. E_BUSY: a commit is in
 * flight. */
int supply_order(struct meter *m, const struct who *who, enum requester r,
                 enum supply_action action);

/* Remote reconnection. Ordered by one who is trusted with it (supervisor, head-end) it also
 * lets go of fire and tamper, if their causes are over. Errors of supply_order(). */
int supply_reconnect(struct meter *m, const struct who *who, bool trusted);

/* A token orders: SUPPLY_REMOTE opens or lets go as an engineer would, SUPPLY_TAMPER lets go of
 * what a tamper holds. May it, as things stand? E_STATE: no relay in this meter. E_DENIED: not in
 * this mode, or the tamper lasts. Then into the open change, with its events. */
int supply_can_token(const struct meter *m, enum requester r, enum supply_action action);
void supply_put_token(struct meter *m, const struct who *who, enum requester r,
                      enum supply_action action);
/* The push button was held for so long. Ready: three seconds reconnect. Connected: eight
 * disconnect, in the modes that have it. False: the button means nothing to the supply. */
bool supply_press(struct meter *m, unsigned held_s);

/* Who holds it open, SUPPLY_NOBODY when closed. */
unsigned supply_holder(const struct meter *m);

/* State of class 70 as ordered; and the output as measured: by the feedback contact, else by
 * the current that flows, else where it was driven. */
enum control_state supply_state(const struct meter *m);
bool supply_is_on(const struct meter *m);

/* Forget the last requests (class 68, method 2). */
int supply_forget(struct meter *m, const struct who *who);

/* The weights of class 68, as written by a client. E_RANGE: arbiter_is_valid() refuses them. */
int supply_set_weights(struct meter *m, const struct who *who, const struct weights *w);

/* May the control mode become this one? Mode 0 not while anybody holds the supply open: that
 * would close it. */
bool supply_can_mode(const struct meter *m, int32_t mode);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

void supply_init(struct meter *m);
void supply_plan(struct meter *m);
void supply_power_up(struct meter *m);
struct quantity;
void supply_window(struct meter *m, const struct quantity *q);
/* A latched requester lets go without an order: where it is set to. */
void supply_let_go(struct meter *m, enum requester r);
/* A condition of r is over: where none of those that share r asks any more, what could not
 * open while it lasted is forgotten. */
void supply_forgo(struct meter *m, enum requester r);
/* The load calendar may say something else: scripts 1 to 3 of 0-0:10.0.106. */
void supply_calendar(struct meter *m);
/* May the meter close by itself once more? Twelve times, and once in five minutes, whatever the
 * limits and delays are set to. Taken when true. */
bool supply_may_return(struct meter *m);
/* A deadline of limits or protection is over. */
void supply_due(struct meter *m);
/* Something waits for supply_step(). */
bool supply_is_due(const struct meter *m);
/* Decide what was asked, drive what was decided; the store must be free. */
void supply_step(struct meter *m);

/* A first pulse begins. False: the store is busy, and it must wait. */
bool supply_moves(struct meter *m);

/* The relay was seen where it was ordered; it fails to go there (one transaction: not while the
 * store is busy); it moved by itself. */
void supply_arrived(struct meter *m);
void supply_failed(struct meter *m);
void supply_corrected(struct meter *m);

int supply_put(const struct meter *m, unsigned k, uint8_t *body);
void supply_take(struct meter *m, const uint8_t *body, size_t n);

#endif
