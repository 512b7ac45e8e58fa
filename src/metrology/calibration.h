/* calibration.h - the constants that make a meter of a board, and the procedure that finds
 * them.
 *
 * Codes are corrected in this order: offset (a code), delay of each current channel against
 * voltage (nanoseconds: converter skew, anti-alias mismatch), then at window rate: gains (Q30),
 * a residual gain of power, an angle that depends on current (a current transformer's), noise
 * taken off RMS, crosstalk taken off powers.
 *
 * The record is versioned, little-endian and ends in a CRC-32. A meter whose record does not
 * hold runs on nominal constants and says so in every quantity.
 *
 * The procedure (order matters): clock, open input, Un and Ib at PF 1, Ib at PF 0.5 inductive,
 * check. Each step is fed windows and a reference reading; the solution replaces nothing until
 * calibrate_result() accepts it, and the caller journals record and seal event as one thing.
 *
 * Power cut  nothing here touches flash.
 * Cost       a few thousand instructions a step.
 * Memory     struct calibration 104 bytes, struct calibrate 512 during the procedure.
 * Context    meter only.
 */
#ifndef METROLOGY_CALIBRATION_H
#define METROLOGY_CALIBRATION_H
#include <stdbool.h>
#include <stdint.h>

#include "metrology/rating.h"
#include "metrology/window.h"

enum {
    CAL_VERSION = 1,
    CAL_BYTES = 112,        /* encoded record with its CRC */
    CAL_GAIN_ONE = 1 << 30, /* gains run from half to just under twice this */
    CAL_PHASE_NS_MAX = 240000,
    CAL_ANGLES = 2
};

/* Angle by which a channel's current leads the truth, at one current; between two points it is
 * interpolated, outside them held. */
struct cal_angle {
    uint32_t i_ma;
    int32_t angle_udeg; /* -5 000 000 to 5 000 000 */
};

struct calibration {
    uint32_t number;                 /* counts adjustments; 0 is the nominal record */
    uint32_t gain_v, gain_i, gain_n; /* Q30, true over read */
    uint32_t gain_p[2];              /* Q30, residual of phase and neutral power */
    int32_t phase_ns[2];             /* i, n sampled so much later than v; +-CAL_PHASE_NS_MAX */
    int32_t offset[3];               /* 24-bit codes at zero input: v, i, n */
    uint32_t sigma_na[2];            /* RMS noise of i and n with open input, calibrated */
    int32_t clock_ppb;               /* sample clock fast: positive; +-200 000 */
    int32_t offset_p_uw[2], offset_q_uvar[2]; /* crosstalk, taken off; +-1 W */
    struct cal_angle angle[2][CAL_ANGLES];    /* phase, neutral; i_ma 0 twice: none */
};

/* Gains of one, nothing corrected. */
void calibration_init(struct calibration *c);

/* All constants inside the ranges above? */
bool calibration_is_valid(const struct calibration *c);

/* The record as octets, little-endian, CRC-32 last. */
void calibration_encode(uint8_t dst[CAL_BYTES], const struct calibration *c);

/* E_FORMAT other version, E_CRC, E_RANGE a constant outside its range; *c is then untouched. */
int calibration_decode(struct calibration *c, const uint8_t src[CAL_BYTES]);

enum cal_step {
    CAL_STEP_OPEN,  /* Un, currents open: noise, offsets */
    CAL_STEP_GAIN,  /* Un, Ib, PF 1: gains, power gain, and the clock from the reference
                       frequency */
    CAL_STEP_PHASE, /* Un, Ib, PF 0.5 inductive: delays */
    CAL_STEP_CHECK, /* any load: error in ppm against the reference */
    CAL_STEPS
};

/* What the reference reads at a step: true values. Neutral carries the phase current. */
struct cal_reference {
    uint32_t u_uv, i_ua;
    int64_t p_uw, q_uvar;
    uint32_t f_uhz; /* 0: no reference of frequency; the clock stays as it is */
};

struct cal_sums {
    int64_t u_uv, f_uhz; /* sums over windows, of means */
    int64_t i_ua[2], p_uw[2], q_uvar[2];
    uint64_t ii_ua2[2];
    int64_t code[3];
    uint32_t windows;
};

struct calibrate {
    struct sampling sampling;
    struct rating rating;
    struct calibration now;      /* in force while the windows were taken */
    struct calibration next;     /* being solved */
    struct cal_sums sums, unity; /* of the step under way; of the gain step */
    struct cal_reference unity_ref;
    uint8_t step;         /* enum cal_step; CAL_STEPS: none */
    uint8_t done;         /* bit a step */
    uint16_t windows;     /* wanted a step */
    int32_t error_ppm[2]; /* of the last check: active power of phase, neutral; of S */
    int32_t error_q_ppm[2];
};

/* Begin: windows are taken under *now (nominal, or the last record); a step wants n windows, 5
 * to 3000 (25 is five seconds). E_RANGE. */
int calibrate_init(struct calibrate *c, const struct sampling *s, const struct rating *r,
                   const struct calibration *now, uint16_t n);

/* Start a step, forgetting what it had. E_STATE for the phase before the gains are known. */
int calibrate_step(struct calibrate *c, enum cal_step step);

/* One more window of the step under way. 1 when the step has enough, else 0. E_STATE without a
 * step, and for a window that is unlocked, saturated, grown or incomplete: not counted, feed
 * the next. */
int calibrate_feed(struct calibrate *c, const struct window *w);

/* Solve the step against the reference (not read by CAL_STEP_OPEN). E_MORE too few windows;
 * E_RANGE the constants would be outside their ranges: the board is faulty or miswired; the
 * step is not done and may be started again. */
int calibrate_solve(struct calibrate *c, const struct cal_reference *ref);

/* The record, number raised by one. E_STATE before gain and phase are done. */
int calibrate_result(const struct calibrate *c, struct calibration *out);

#endif
