/* lab.h - a meter on a bench: flash in memory, a calendar chip, a load, all the switches.
 *
 * The bench feeds quantities: a load is constant power between two moments, so what a meter
 * must have counted is a product of integers. lab_run() walks in steps of any size; results may
 * not depend on it.
 */
#ifndef TESTS_LAB_H
#define TESTS_LAB_H
#include <stdbool.h>
#include <stdint.h>

#include "meter/meter.h"
#include "port/common/nor_mem.h"
#include "port/common/relay_sim.h"
#include "store/store.h"

struct lab_load {
    int32_t p_mw, q_mvar, u_mv, i_ma;
};

struct lab {
    struct meter m;
    struct meter_io io;
    struct meter_cfg cfg;
    struct nor_mem flash;
    uint8_t *image;
    struct store_scratch scratch;
    mono_t now; /* since power-up */
    struct lab_load load;
    /* the calendar chip: shows utc_s at mono rtc_at, drifts */
    int64_t rtc_s, rtc_ppm;
    mono_t rtc_at;
    bool rtc_lost, rtc_dead;
    /* what the meter must have counted, nanojoules: quantity, direction */
    uint64_t fed_nj[3][2];
    uint64_t pulses[IMPULSES];
    uint64_t windows;
    uint16_t inputs;
    struct relay_sim relay; /* where lab_fit_relay() was called */
};

/* Fit a relay with a feedback contact, or without; before the first power-up. */
void lab_fit_relay(struct lab *l, bool feedback);

/* A blank meter and its bench; lab_free() when done. flash_us: 0, or what a program takes. */
struct lab *lab_new(uint32_t prog_us, uint32_t erase_us);

/* The same on a flash of the caller's, laid out as map says. */
struct lab *lab_new_on(const struct nor *nor, const struct store_map *map);
void lab_free(struct lab *l);

/* Power returns when the calendar chip shows utc: 0 or the meter's error. */
int lab_power_up(struct lab *l, int64_t utc_s);

/* The supply fails: with a last gasp, or like a thunderbolt (RAM is gone either way). */
void lab_power_down(struct lab *l, bool gasp);

/* Live on until mono, in steps of at most step_us. */
void lab_run_to(struct lab *l, mono_t until, uint64_t step_us);
/* Until the meter's calendar shows utc, whatever happens to the clock; minute steps. */
void lab_run_until(struct lab *l, int64_t utc_s);
void lab_run_s(struct lab *l, uint64_t s);

/* Let everything finish that is due now. */
void lab_settle(struct lab *l);

/* All of the flash. */
uint32_t lab_hash(const struct lab *l);

/* How many rows of a log have this code; each can be read. */
unsigned lab_events(struct lab *l, enum event_log log, uint16_t code);

/* A client of the bench. */
extern const struct who lab_who;

#endif
