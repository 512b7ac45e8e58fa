/* input.h - contacts and levels: debounced, dated, told as events, watched while the meter is
 * off.
 *
 * An input that changes must hold for its time; the event is dated to the edge. Covers opened
 * without supply come from the port with the calendar chip's dates and are told at power-up as
 * what they were: events in the dark. The resource input and the rate bits drive the tariff
 * (tou/tou.h), the sealed button ends a billing period.
 *
 * Power cut  the settled levels are a record at each change; an edge not yet settled is
 *            seen again.
 * Cost       a table of 16 rows an edge.
 * Context    meter loop only.
 */
#ifndef METER_TAMPER_INPUT_H
#define METER_TAMPER_INPUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "meter/cfg.h"
#include "meter/io.h"

struct meter;

enum { INPUTS = 16 };

struct edge {
    mono_t at;
    uint16_t levels;
};

struct inputs {
    struct edge edge[CFG_INPUT_QUEUE]; /* fed, not yet handled; oldest first */
    uint8_t edges;
    uint16_t fed;         /* levels of the newest edge */
    uint16_t raw;         /* levels handled */
    uint16_t settled;     /* and believed */
    mono_t since[INPUTS]; /* when raw last changed */
    bool stuck;           /* a key has been down for too long, and that was told */
};

/* Queue the levels from t on. E_SPACE: the queue is full; its newest place now holds these. */
int input_feed(struct meter *m, mono_t t, uint16_t levels);

/* The first edge that waits, or MONO_NEVER; and handle it. */
mono_t input_next(const struct meter *m);
void input_handle(struct meter *m);

/* Has this input not moved for `us`? */
bool input_is_still(const struct meter *m, uint16_t mask, uint64_t us);

/* Covers that are open, 1 << enum tamper_counter. */
uint16_t input_tampers(const struct meter *m);

/* The parameters of the dual resource signal may have changed. */
void input_plan(struct meter *m);

/* A debounce time may be over. */
void input_settle(struct meter *m, utc_t u);

/* At power-up after an outage since `down`: edges in the dark, then the levels as they are now.
 */
void input_power_up(struct meter *m, utc_t down);

int input_put(const struct meter *m, unsigned k, uint8_t *body);
void input_take(struct meter *m, const uint8_t *body, size_t n);

#endif
