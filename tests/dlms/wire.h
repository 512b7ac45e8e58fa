/* wire.h - the device of bench.h behind a socket: a thread that feeds what comes in, sends what
 * goes out, and lets its time pass as real time does. It can damage octets both ways.
 */
#ifndef TESTS_DLMS_WIRE_H
#define TESTS_DLMS_WIRE_H
#include "dlms/bench.h"

struct wire {
    struct bench *bench;
    void *thread;
    int near, far; /* ends of the pair; near is the client's */
    bool datagram, stop;
    unsigned damage_ppm; /* octets of a million that get another value, each way */
    unsigned lose_ppm;   /* pieces of a million that vanish */
    unsigned long seed;
    unsigned damaged;
};

/* Start serving link 0 of a fresh bench, opened as this kind. */
void wire_start(struct wire *w, struct bench *b, enum dlms_link_kind kind);

/* End the thread and close the pair; the bench can be looked at then. */
void wire_stop(struct wire *w);

#endif
