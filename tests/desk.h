/* desk.h - a whole device on a desk: flash in memory, a calendar chip, time that moves when
 * told, and its objects asked as a client of any role would ask, below the wire.
 */
#ifndef TESTS_DESK_H
#define TESTS_DESK_H
#include "lab.h"
#include "model/device.h"
#include "model/roles.h"

enum { DESK_APDU = 1024, DESK_SESSIONS = 4, DESK_VALUE = 1 << 20 };

struct desk {
    struct device d;
    struct device_cfg cfg;
    struct meter_cfg meter;
    struct meter_io io;
    struct nor_mem *flash;
    struct store_scratch scratch;
    struct entropy entropy;
    struct dlms_pool pool;
    struct dlms_session session[DESK_SESSIONS];
    struct regs frozen[DESK_SESSIONS];
    uint8_t buffers[DLMS_POOL_BYTES(DESK_SESSIONS, DESK_APDU, DESK_APDU)];
    uint8_t *image; /* NULL: on a chip of somebody else's */
    mono_t now;
    int64_t utc_s; /* of the calendar chip at mono 0 */
    uint16_t inputs;
    struct device_net net;  /* as the port has it */
    bool metered;           /* windows are fed, from power-up on: set before time passes */
    int32_t p_mw;           /* of the load, while the relay conducts */
    struct relay_sim relay; /* where desk_fit_relay() was called */
};

/* Fit a relay with a feedback contact, by a cut; from then on 230 V are measured, as where `metered`
 * is set. */
void desk_fit_relay(struct desk *k);

/* A device on this chip, running, at this date. */
struct desk *desk_on(const struct nor *chip, int64_t utc_s);

/* The same on a blank chip of its own; and the same flash after a cut, some seconds later. */
struct desk *desk_new(int64_t utc_s);
void desk_cut(struct desk *k, uint64_t dark_s);
void desk_free(struct desk *k);

/* Let time pass; let everything finish, what is worked out below the meter too. */
void desk_run_s(struct desk *k, uint64_t s);
void desk_settle(struct desk *k);

/* GET, SET, ACTION as that role, protected as much as can be. out holds cap octets. What is
 * pending is asked again. A long value goes in pieces of `piece` octets (0: whole). */
struct desk_value {
    uint8_t *p;
    size_t n;
};
enum dar desk_get(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t attr,
                  const struct cosem_sel *sel, size_t piece, struct desk_value *v);
enum dar desk_set(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t attr,
                  const void *p, size_t n, size_t piece);
enum dar desk_call(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t method,
                   const void *p, size_t n, struct desk_value *v);

/* "1-0:1.8.0" as a logical name. */
struct obis desk_ln(const char *s);

#endif
