/* clock.h - the one place where monotonic and calendar time meet.
 *
 * utc = base + (mono - base_mono) * (1 + rate). The rate is the measured drift of the sample
 * clock, and for a while, when a small correction is slewed, one part in 60. The calendar chip
 * is read at power-up and once an hour. Setting is queued by clock_set() and applied by the
 * meter between two other things, dated like everything else: up to the window (9 s) slewed,
 * event 256 up to the shift limit (60 s)   stepped, events 4 and 5 beyond the same, and profile
 * rows say "clock adjusted" An invalid clock goes on counting from the last time known; tariffs
 * fall to the default, rows are flagged, and nothing is billed on an invented date.
 *
 * Power cut  the time of the newest record is the floor after power-up: an RTC before it
 *            is invalid.
 * Cost       clock_utc() one multiplication and a division by a constant.
 * Context    meter loop only.
 */
#ifndef METER_CLOCK_CLOCK_H
#define METER_CLOCK_CLOCK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/clock/zone.h"

struct meter;

/* COSEM's clock status (class 8, attribute 4). */
enum {
    CLOCK_INVALID = 1 << 0,
    CLOCK_DOUBTFUL = 1 << 1,
    CLOCK_OTHER_BASE = 1 << 2,
    CLOCK_BAD_STATUS = 1 << 3,
    CLOCK_DST = 1 << 7
};

enum clock_order {
    CLOCK_SET,
    CLOCK_SHIFT,
    CLOCK_QUARTER,
    CLOCK_PERIOD,
    CLOCK_MINUTE,
    CLOCK_PRESET
};

struct clock {
    struct zone zone;
    int64_t base_utc_us;
    uint64_t base_mono_us;
    int32_t drift_ppb; /* of the sample clock, measured against the RTC */
    int32_t rate_ppb;  /* in force: drift, and the slew while there is one */
    int32_t slew_s;    /* still to be slewed, signed */
    uint8_t status;    /* CLOCK_INVALID, CLOCK_DOUBTFUL */
    bool queued;
    uint8_t order;
    struct who by;
    mono_t queued_at;
    int64_t target_s; /* of the order: a time, or a shift */
    int64_t preset_s, preset_from_s, preset_to_s;
};

/* A moment as COSEM shows it: local fields, deviation (UTC minus local, minutes), clock status.
 */
struct stamp12 {
    struct civil local;
    int16_t deviation_min;
    uint8_t status;
};

void clock_init(struct clock *c);

/* Calendar time at t, whole seconds (rounded down), and in microseconds. */
utc_t clock_utc(const struct clock *c, mono_t t);
int64_t clock_utc_us(const struct clock *c, mono_t t);

/* The first mono at which utc u is reached, at the present rate; what is past is clamped to
 * the base. Inverse of clock_utc(): clock_utc(c, clock_mono(c, u)).s == u for all u ahead. */
mono_t clock_mono(const struct clock *c, utc_t u);

bool clock_is_valid(const struct clock *c);

/* Local time, deviation and status of moment u; of an invalid clock the status says so. */
struct stamp12 clock_stamp(struct clock *c, utc_t u);

/* The same as the twelve octets of a COSEM date-time. */
void clock_put_stamp(struct clock *c, utc_t u, uint8_t dt[12]);

/* The clock shows u at t, at the drift known. */
void clock_start(struct clock *c, mono_t t, utc_t u);

/* The same time, counted from t on. */
void clock_rebase(struct clock *c, mono_t t);

/* Gain or lose by_s seconds, one a minute; when that is over. clock_slewed() must be called
 * then, exactly. */
mono_t clock_slew(struct clock *c, mono_t t, int32_t by_s);
void clock_slewed(struct clock *c, mono_t t);

/* Order a change of the clock; it happens when the meter handles it, dated now (the time of
 * what is being handled). target is UTC seconds for CLOCK_SET, a signed shift (-900..900) for
 * CLOCK_SHIFT, 0 for the others: to the nearest quarter, measuring period of survey 1, minute;
 * CLOCK_PRESET to the preset time, inside its validity only. E_BUSY   another order waits
 * E_RANGE  before the newest year of manufacture or after 2199; a shift beyond 900
 * E_STATE who may only shift inside the limit (operators), and this is more */
int clock_order(struct meter *m, const struct who *who, enum clock_order order, int64_t target,
                bool within_limit);

/* Method 5 of class 8: what clock_order(CLOCK_PRESET) will set, and when it may. */
int clock_preset(struct meter *m, const struct who *who, utc_t target, utc_t from, utc_t to);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

enum { CLOCK_BODY = 9 };
int clock_save(const struct clock *c, utc_t u, uint8_t body[CLOCK_BODY]);
int clock_put(const struct meter *m, unsigned k, uint8_t *body);
void clock_take(struct meter *m, const uint8_t *body, size_t n);

/* Read the calendar chip at power-up: the clock runs from it, or, when it is not to be
 * believed, from `last`, the date of the newest record, and is invalid. E_IO: the chip does not
 * answer. */
int clock_power_up(struct meter *m, utc_t last);

/* Do what was ordered; the slew is over; the hourly comparison with the calendar chip. */
void clock_do(struct meter *m);
void clock_slew_end(struct meter *m, utc_t u);
void clock_compare(struct meter *m, utc_t u);

/* Local time changed: a parameter of the zone was written, or daylight saving begins or ends.
 */
void clock_zone_load(struct meter *m);
void clock_zone_switch(struct meter *m, utc_t u);
void clock_zone_plan(struct meter *m);

#endif
