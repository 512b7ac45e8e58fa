/* headend.h - who hears the pushes of the meter in a scenario. */
#ifndef APP_SCENARIO_HEADEND_H
#define APP_SCENARIO_HEADEND_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/device.h"

enum { HEADEND_IN = 768 };
enum headend_manner { HEADEND_GONE, HEADEND_SILENT, HEADEND_CONFIRMS };

struct headend {
    struct dlms_link link;
    bool up;
    uint8_t manner;
    uint32_t counter; /* of what it seals */
    struct device_net net;
    size_t n;
    uint8_t in[HEADEND_IN];
};

struct scenario;

extern const struct device_dialler headend_dialler; /* dial_ctx, net_ctx: the scenario */
extern const struct device_net_ops headend_net;

/* What came is answered, if it is to be. True: the meter has something to do. */
bool headend_speaks(struct scenario *s);

/* The connection is gone. */
void headend_gone(struct scenario *s);

#endif
