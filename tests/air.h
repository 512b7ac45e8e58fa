/* air.h - the client behind `magno` and a whole device in one thread: what one sends the other
 * has, by the wrapper; while the client waits, the device's time goes on.
 */
#ifndef TESTS_AIR_H
#define TESTS_AIR_H
#include "desk.h"
#include "tools/client/session.h"

enum { AIR_OUT = 1 << 17 };

struct air {
    struct carrier base; /* for session_init() */
    struct desk *desk;
    struct dlms_link link;
    uint16_t sap;
    uint8_t out[AIR_OUT];
    size_t n;
};

/* A connection of that client, and its end. */
void air_open(struct air *a, struct desk *k, uint16_t sap);
void air_shut(struct air *a);

#endif
