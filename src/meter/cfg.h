/* cfg.h - sizes of a meter, and what one product is made of.
 *
 * Sizes are macros: they shape structs and the flash map. What differs between two products of
 * one image (ratings, checkpoint period) is a const struct meter_cfg the application passes in.
 *
 * Memory   the limits of struct meter are asserted in meter.c against CFG_RAM_METER.
 * Context  any.
 */
#ifndef METER_CFG_H
#define METER_CFG_H
#include <stdbool.h>
#include <stdint.h>

#include "metrology/rating.h"
#include "sts/judge.h"
#include "store/part.h"

#define CFG_SURVEYS 3         /* load profiles: 1-0:99.1.0 .. 99.1.2 */
#define CFG_CHANNELS 60       /* columns of a survey beside its clock and status */
#define CFG_LOG_ROWS 256      /* rows a log promises to keep */
#define CFG_MONTHS 36         /* rows of monthly billing */
#define CFG_DAYS 62           /* rows of daily billing */
#define CFG_EVENT_QUEUE 16    /* events between two drains */
#define CFG_INPUT_QUEUE 8     /* edges of inputs between two steps */
#define CFG_DARK_EDGES 16     /* edges of covers kept while unpowered */
#define CFG_DEMAND_PERIODS 15 /* sub-periods of a sliding demand */
#define CFG_RAM_METER 16384   /* octets, with metrology */

/* The relay that is fitted; 0 in all of it where none is. */
struct relay_cfg {
    uint8_t poles;    /* 1: phase; 2: phase and neutral */
    uint8_t pulse_ms; /* of the coil: three times what the relay needs */
    bool feedback;    /* INPUT_RELAY_CLOSED is wired */
};

/* The product: never changes while a meter runs. */
struct meter_cfg {
    const struct store_map *map; /* store/part.h */
    const char *type;            /* "MAG22", first octets of the logical device name */
    const char *version;         /* of the firmware, for the display; NULL: not shown */
    uint32_t serial;             /* 1..99 999 999 */
    struct rating rating;        /* what the name plate says */
    struct relay_cfg relay;
    uint16_t checkpoint_s;         /* an energy record that often: 60; 900 in a fleet */
    uint16_t year;                 /* of manufacture: the clock is never earlier */
    const struct sts_key *decoder; /* while its slot is empty; NULL: no token is taken */
};

extern const struct meter_cfg cfg_single_phase; /* 230 V 5(100) A 50 Hz, one pole, serial 1 */
extern const struct meter_cfg cfg_two_pole;     /* 230 V 5(80) A 50 Hz, two poles, serial 1 */

#endif
