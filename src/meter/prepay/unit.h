/* unit.h - the customer's units (CIU): which of them this meter listens to.
 *
 * Two at most are paired, by their serial numbers: a client writes the list, or a unit that was
 * told the meter's number asks while that is permitted: ten minutes from power-up, while the
 * button is held down, ten minutes from a token that says so or from the meter's own keypad. Neighbours share the air: outside
 * of that nobody is paired, and what an unpaired unit says is not done. A unit's frames are
 * counted; a count that was heard is not taken again, also of a unit that is paired anew. A
 * paired unit that is silent for a day of supply is lost (event 462) until one is heard again.
 * What became of them is kept: a row an hour while one is paired, and one at each change.
 *
 * Power cut  the list, what is counted and the events are one transaction. A count is on flash
 *            before the effect of its frame. Silence is kept from hour to hour; a row of the past
 *            stands when the store is ready again.
 * Cost       unit_is_paired() one flash read; unit_heard() one record.
 * Memory     struct units 248 octets, part of struct meter.
 * Context    meter loop only.
 */
#ifndef METER_PREPAY_UNIT_H
#define METER_PREPAY_UNIT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"

struct meter;

enum { UNIT_PLACES = 2, UNIT_SERIAL_MAX = INT32_MAX, UNIT_LOST_S = 86400, UNIT_WINDOW_S = 600 };
enum unit_radio { UNIT_RF_433, UNIT_RF_868, UNIT_PLC, UNIT_RS485, UNIT_RADIOS };
enum unit_state { UNIT_UNPAIRED, UNIT_PAIRED, UNIT_LOST };

/* A place of the list; serial 0: free. */
struct unit_entry {
    uint32_t serial;
    uint8_t radio; /* enum unit_radio */
};

/* What was heard of a unit; it stays when the unit is paired no more, until its place is
 * needed. */
struct unit {
    uint32_t serial;
    uint32_t floor;    /* lowest count taken next */
    uint32_t heard_s;  /* UTC; 0 never */
    uint32_t silent_s; /* with supply, since then */
};

/* The same since power-up. */
enum { UNIT_FRAMES = 16 };
struct unit_link {
    uint16_t whole;     /* its last frames, the newest lowest: 1 heard, 0 missed by its count */
    uint8_t frames;     /* so many are known */
    uint8_t version[3]; /* of its firmware, */
    bool tells;         /* where it told it */
};

/* How they were heard: looked at each minute. */
enum { UNIT_PAST = 24, UNIT_PAST_SIZE = 6 };
struct unit_past {
    uint32_t utc_s;
    uint8_t quality; /* percent of frames; UNIT_UNHEARD: none since power-up */
    uint8_t state;   /* enum unit_state; lost: one of two is */
};
enum { UNIT_UNHEARD = 255 };

struct units {
    struct unit unit[UNIT_PLACES];
    struct unit_link link[UNIT_PLACES]; /* of those */
    uint8_t last;                       /* place of the one heard last */
    mono_t window;                      /* a token, or the keypad, permits pairing before */
    mono_t passed;                      /* silence is counted to here */
    uint8_t past[UNIT_PAST][UNIT_PAST_SIZE]; /* as on flash, the oldest first */
    uint8_t past_n;
};

/* The list as it stands; what is known of an entry of it. */
void unit_list(struct meter *m, struct unit_entry e[UNIT_PLACES]);
const struct unit *unit_known(const struct meter *m,
                              uint32_t serial); /* NULL: never heard of */
enum unit_state unit_state(const struct meter *m, const struct unit_entry *e);

/* Write the list; n at most UNIT_PLACES. E_RANGE: a serial number that is none, or twice; no such
 * link. E_BUSY. */
int unit_set(struct meter *m, const struct who *who, const struct unit_entry *e, unsigned n);

bool unit_is_paired(struct meter *m, uint32_t serial);
uint32_t unit_floor(const struct meter *m, uint32_t serial);

/* A unit asks to be paired, by the frame of this count. E_DENIED: not now; E_SPACE: two are
 * paired. One that is paired already is. */
int unit_pair(struct meter *m, const struct who *who, uint32_t serial, uint32_t count);

/* A paired unit was heard, with this count. */
void unit_heard(struct meter *m, uint32_t serial, uint32_t count);

/* It told the version of its firmware. */
void unit_tells(struct meter *m, uint32_t serial, const uint8_t version[3]);

/* How many are paired; of the unit heard last since power-up: the version it told, NULL none;
 * percent of its last frames that were heard, E_NONE. */
unsigned unit_paired(struct meter *m);
const uint8_t *unit_version(const struct meter *m);
int unit_quality(const struct meter *m);

/* Row i of the past, the oldest first; E_NONE beyond. */
int unit_past(const struct meter *m, unsigned i, struct unit_past *p);

/* The short codes that a unit turns through by itself; how many. Written: E_RANGE a code that is
 * not in the table, or too many of them. */
enum { UNIT_CODES = 16 };
unsigned unit_codes(struct meter *m, uint16_t code[UNIT_CODES]);
int unit_set_codes(struct meter *m, const struct who *who, const uint16_t *code, unsigned n);

/* -- for the parts of meter/ alone */

/* Into the open change, by a token: forget all of them. */
void unit_put_none(struct meter *m, const struct who *who);
/* A token, or the keypad, opens the window. */
void unit_open_window(struct meter *m);
/* Silence goes on. */
void unit_minute(struct meter *m);

int units_put(const struct meter *m, unsigned k, uint8_t *body);
void units_take(struct meter *m, const uint8_t *body, size_t n);
int past_put(const struct meter *m, unsigned k, uint8_t *body);
void past_take(struct meter *m, const uint8_t *body, size_t n);

#endif
