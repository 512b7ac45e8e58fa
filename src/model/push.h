/* push.h - the pushes of a meter: from an order to the head-end's confirmation.
 *
 * An order (meter/event/push.h, an alarm, the push method, a moment that recurs) waits for its
 * random delay and its window; then, one at a time, the last gasp and alarms first, the meter
 * reaches for the destination, composes the notice and sends it. What fails is tried again after
 * a delay that grows, with the invoke id of the first try; after the last try event 457 tells.
 * The installation push goes on until the head-end knows the meter (event 458).
 *
 * TCP        a connection of its own: connect 10 s, confirmation 5 s, then it is closed.
 * UDP, HDLC  a datagram; a UI frame on the port that the setup names, when nobody talks there.
 * Power cut  orders wait in RAM, but alarms (meter/event/alarm.h) and the installation.
 * Cost       a step is one slice: an entry of the list, or a decision; up to 8 of 20 000
 *            instructions when an order comes.
 * Memory     struct push, 200 octets.
 * Context    meter loop only.
 */
#ifndef MODEL_PUSH_H
#define MODEL_PUSH_H
#include "dlms/server.h"
#include "meter/event/push.h"
#include "model/push_setup.h"

struct device;

struct push_job {
    bool waiting;
    bool repeat; /* tried before */
    uint8_t tries;
    uint8_t alarms; /* descriptors that it tells of */
    uint32_t invoke;
    mono_t due;
};

struct push {
    struct push_job job[PUSHES];
    uint8_t phase, active; /* the one under way */
    uint8_t client_sap;    /* whom it speaks to */
    uint8_t role;          /* whose rights what it says has */
    bool confirm;          /* and whether that must say so */
    bool gasps;            /* there is no later */
    uint8_t fate;          /* enum dlms_sent, of a link that is gone */
    uint8_t idle;          /* crossings of alarms nobody wants to hear of ... */
    uint32_t changes;      /* ... as things were set up then */
    struct dlms_link *link;
    mono_t until, due;
};

void push_init(struct push *p);

/* Power-up: what is to be sent because of it. */
void push_power_up(struct device *d);

/* Orders that came up in what was just handled. Cheap when there are none. */
void push_collect(struct device *d);

/* Do one slice of what is due. */
void push_step(struct device *d, mono_t now);

/* Forget push n: what waits, and what is under way. */
void push_reset(struct device *d, unsigned n);

/* The last gasp: send PUSH_POWER_DOWN now, before anything else, as often as 0-0:96.64.3 says. */
void push_gasp(struct device *d, mono_t now);

/* The link goes down; it may have been a push's. */
void push_lost(struct device *d, const struct dlms_link *l);

/* What the notice of push n says (dlms_notice.part); ctx is its index. */
enum dar push_part(void *app, const void *ctx, uint16_t i, const void *frozen,
                   struct cosem_get *g, struct axdr_out *o);
enum dar push_event_part(void *app, const void *ctx, uint16_t i, const void *frozen,
                         struct cosem_get *g, struct axdr_out *o);

/* Entries of the list. */
unsigned push_entries(struct device *d, unsigned n);

#endif
