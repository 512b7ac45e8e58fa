/* quantity.h - what a window means: volts, amperes, watts and nanojoules.
 *
 * quantity_of() turns raw sums into engineering units with the calibration, decides what is too
 * small to be counted (start and creep, IEC 62053-21 8.3), and says what was wrong. The same
 * struct comes from a metering chip or a fleet simulation with spans of any length: then the
 * fields it cannot know are 0 and QTY_HAS_* tell.
 *
 * Signs: P > 0 is import, Q > 0 inductive for import (Q1). Quadrants by the signs of P and of
 * the fundamental Q: Q1 ++, Q2 -+, Q3 --, Q4 +-. Billed reactive energy is that of the
 * fundamental (IEC 62053-24). All powers are means over the window.
 *
 * Integers only: 64-bit sums, 128-bit products; same bits on x86-64 and Cortex-M.
 *
 * Cost     some 32 000 instructions a window on a Cortex-M4.
 * Memory   struct measure 248 bytes; struct quantity 648, on the caller's stack.
 * Context  meter only.
 */
#ifndef METROLOGY_QUANTITY_H
#define METROLOGY_QUANTITY_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "metrology/calibration.h"
#include "metrology/rating.h"
#include "metrology/scale.h"
#include "metrology/window.h"

enum element_id { ELEMENT_PHASE, ELEMENT_NEUTRAL, ELEMENTS };

/* Which reactive power q_total carries beside the billed fundamental. */
enum q_total_kind { Q_TOTAL_NONE, Q_TOTAL_HILBERT, Q_TOTAL_VECTOR };

enum quantity_flag {
    QTY_SATURATED = 1 << 0,      /* ADC codes at the end of their range */
    QTY_MISSED = 1 << 1,         /* samples missing: their energy is not invented */
    QTY_STUCK = 1 << 2,          /* a channel gave one code for the whole window */
    QTY_NO_VOLTAGE = 1 << 3,     /* below the locking limit */
    QTY_F_RANGE = 1 << 4,        /* mains outside 40 to 70 Hz */
    QTY_UNLOCKED = 1 << 5,       /* not whole cycles: powers right in the mean, less so alone */
    QTY_LATE = 1 << 6,           /* the window was fetched late and grew */
    QTY_NO_CALIBRATION = 1 << 7, /* metering with nominal constants */
    QTY_CREEP_P = 1 << 8,        /* billed element below the no-load limit: active_nj is 0 */
    QTY_CREEP_Q = 1 << 9,
    QTY_CREEP_S = 1 << 10,
    QTY_HAS_N = 1 << 11,     /* element[ELEMENT_NEUTRAL] is measured */
    QTY_HAS_WAVES = 1 << 12, /* fundamental, THD, angle and half cycles are measured */
    QTY_SINGLE_WIRE =
        1 << 13,            /* no voltage: energies are the estimate I x Un, see measure_cfg */
    QTY_OVERFLOW = 1 << 14, /* a value did not fit and stands at its limit */
};

/* One current channel with the common voltage. */
struct element {
    int64_t active_nj;   /* P x span, signed; 0 below the no-load limit */
    int64_t reactive_nj; /* fundamental Q x span, signed; 0 below its limit */
    int64_t apparent_nj; /* U x I x span, >= 0; 0 below its limit */
    int64_t p_uw, q_uvar, s_uva;
    int64_t p1_uw;        /* fundamental active power */
    int64_t q_total_uvar; /* vector, or of the phase by Hilbert, as configured; informative */
    uint32_t i_ua;        /* RMS, noise taken off */
    uint32_t i1_ua;       /* RMS of the fundamental */
    int32_t pf_ppm;       /* P / S, -1 000 000 to 1 000 000; 0 below the starting current */
    int32_t angle_mdeg; /* voltage before current, 0 to 359 999; 0 below the starting current */
    uint32_t thd_i_bp;  /* 0.01 %; at most 100 000 */
};

struct quantity {
    mono_t start, end; /* end of one is the start of the next */
    uint64_t span_ns;  /* exact length by the calibrated clock, missed samples left out */
    uint32_t flags;    /* enum quantity_flag */
    uint8_t billed;    /* enum element_id: the one that counts */
    uint8_t halves;
    uint32_t u_uv;     /* RMS */
    uint32_t u1_uv;    /* RMS of the fundamental */
    uint32_t thd_u_bp; /* 0.01 % */
    uint32_t f_uhz;    /* 0: not known */
    uint32_t diff_ua;  /* RMS of i - n, sample by sample */
    struct element element[ELEMENTS];
    uint32_t u_half_uv[WINDOW_HALVES]; /* one-cycle RMS each half cycle (IEC 61000-4-30) */
    uint32_t i_half_ua[WINDOW_HALVES]; /* of the phase */
    uint64_t half_us[WINDOW_HALVES];   /* mono of the end of that half cycle */
};

/* Policy of conversion; constant while metering. */
struct measure_cfg {
    struct rating rating;
    struct sampling sampling;
    uint8_t q_total;            /* enum q_total_kind */
    bool creep_off;             /* count everything: for type tests at 10 000:1 */
    bool expect_noise;          /* a real ADC: a still code is a fault even at zero */
    bool bill_larger;           /* bill the element with the larger current on mismatch */
    bool single_wire_bills;     /* without voltage bill I x Un at PF 1, flagged */
    uint32_t mismatch_permille; /* of the larger, for bill_larger; 100 by default */
    uint32_t mismatch_ua;       /* and at least this; 200 000 by default */
};

struct measure {
    struct measure_cfg cfg;
    struct calibration cal;
    struct scale energy[ELEMENTS]; /* code^2 sums -> nJ */
    struct scale u, i[ELEMENTS];   /* code -> uV, uA */
    uint8_t creep[ELEMENTS];       /* no-load latches: bits P, Q, S */
    uint8_t billed;
    bool calibrated;
};

/* The defaults of the product for a rating: 8 kHz, 24 bits, 500 V and 200 A peak, 3 channels.
 */
struct measure_cfg measure_cfg_default(const struct rating *r);

/* Prepare for conversion. A cal that calibration_is_valid() refuses (or NULL) is replaced by
 * nominal constants and every quantity carries QTY_NO_CALIBRATION. cfg must hold a valid rating
 * and sampling (ensured). Both may point into *m: a new record for the same meter. */
void measure_init(struct measure *m, const struct measure_cfg *cfg,
                  const struct calibration *cal);

/* What w means. Keeps the no-load latches in m, so windows must come in order. */
void quantity_of(struct quantity *q, struct measure *m, const struct window *w);

/* 1 to 4 by the signs of p and q; zero takes the sign of last (1 to 4). */
int quantity_quadrant(int64_t p, int64_t q, int last);

#endif
