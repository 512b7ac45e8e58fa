/* client.h - who talks to the meter in a scenario: one connection at a time. */
#ifndef APP_SCENARIO_CLIENT_H
#define APP_SCENARIO_CLIENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/device.h"

enum { CLIENT_OUT = 768, CLIENT_APDU = 160 };

struct client {
    struct dlms_link link;
    uint16_t sap;
    bool up, hung_up;
    size_t n; /* octets the meter sent since the last request */
    uint8_t out[CLIENT_OUT];
};

struct scenario;

extern const struct sts_key client_decoder;

/* The connection is gone. */
void client_gone(struct scenario *s);

#endif
