/* energy.h - windows of power become whole units in cells.
 *
 * What has not made a unit yet is a rest, kept in nanojoules per quantity and direction: Wh and
 * VAh follow the sign of P, varh the sign of Q. A window lies in one quadrant; whole units go
 * to the cell of the quadrant and tariff in force when they became whole: a unit is never
 * split, truncation happens once. Pulses are counted from cells and rests, so a pulse at 1000 a
 * kWh is a booked Wh.
 *
 * Power cut  cells and rests are written together; what was booked since the last record
 *            is lost.
 * Cost       three additions, and a division only when a unit became whole.
 * Context    meter loop only.
 */
#ifndef METER_ENERGY_ENERGY_H
#define METER_ENERGY_ENERGY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/regs.h"

#define ENERGY_UNIT_NJ INT64_C(3600000000000) /* one Wh, varh or VAh */

enum { FORWARD, BACKWARD, DIRECTIONS };

/* PARAM_REGISTRATION: what charges look at (prepay/wallet.h), and whether pulses are given for what is
 * fed back, as they are but for import only; cells always count. */
enum registration {
    REGISTRATION_SEPARATE,
    REGISTRATION_ABSOLUTE,
    REGISTRATION_NET,
    REGISTRATION_IMPORT_ONLY
};

struct energy {
    int64_t rest_nj[CELLS][DIRECTIONS]; /* 0 <= rest < one unit */
    uint16_t phase[CELLS][DIRECTIONS]; /* whole units of a direction, modulo 1000: for pulses */
    uint32_t dirty[3];                 /* cells changed since the last record, 96 bits */
    uint8_t dirty_cells;               /* how many */
    uint8_t dirty_rests;               /* a bit each */
    uint8_t quadrant;                  /* 0..3, of the last window that had a sign */
};

/* What one window adds: sizes, 0 where a quantity is below its creep threshold. */
struct share {
    uint64_t wh_nj, varh_nj, vah_nj;
    uint8_t quadrant; /* 0..3 */
};

/* Book a window under tariff 0..7. */
void energy_book(struct energy *e, struct regs *r, const struct share *s, unsigned tariff);

/* Nanojoules of a quantity in a direction since ever, modulo 2^64: for differences (demand,
 * pulses). */
uint64_t energy_nj(const struct energy *e, const struct regs *r, unsigned cell,
                   unsigned direction);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

struct meter;

/* After the cells came back from flash. */
void energy_restored(struct energy *e, const struct regs *r);

/* Journal what was booked since the last record, dated now. Before every row and transaction.
 */
void energy_record(struct meter *m);

/* The record of the last gasp. What it says stays to be recorded again, should the supply stay.
 */
void energy_gasp(struct meter *m);

/* The same while there is supply, to see that it works (event 268). E_BUSY. */
int energy_gasp_test(struct meter *m, const struct who *who);

/* Another window might touch more cells than a record holds. */
bool energy_is_full(const struct energy *e);

/* The record of each checkpoint period, and when the next is due. */
void energy_minute(struct meter *m, utc_t u);
void energy_plan(struct meter *m);

int cells_put(const struct meter *m, unsigned k, uint8_t *body);
void cells_take(struct meter *m, const uint8_t *body, size_t n);
int energy_put(const struct meter *m, unsigned k, uint8_t *body);
void energy_take(struct meter *m, const uint8_t *body, size_t n);
void gasp_take(struct meter *m, const uint8_t *body, size_t n);

#endif
