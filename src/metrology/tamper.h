/* tamper.h - what the signals say about fraud and faults: judged window by window.
 *
 * Reverse currents, phase and neutral that do not agree, a missing neutral, swapped conductors,
 * a magnet at the case. Covers and switches are inputs and belong to the meter. Debounced by
 * time; a note at begin and at end. A state ends when
 * its condition was absent for two seconds.
 *
 * Neutral mismatch asks both for different RMS values and, sharper, for the RMS of i - n sample
 * by sample: equal currents of another phase are seen too. Phase and neutral exchanged: the
 * neutral channel carries load while the phase channel, in which the service's return flows,
 * sees it reversed.
 *
 * Cost     some 300 instructions a window.
 * Memory   struct tamper 120 bytes.
 * Context  meter only.
 */
#ifndef METROLOGY_TAMPER_H
#define METROLOGY_TAMPER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "metrology/quantity.h"

enum tamper_kind {
    TAMPER_REVERSE,         /* P of the billed element negative where export is not allowed */
    TAMPER_REVERSE_PHASE,   /* P of the phase against that of the neutral */
    TAMPER_REVERSE_NEUTRAL, /* P of the neutral negative, phase positive */
    TAMPER_NEUTRAL_MISMATCH,
    TAMPER_NEUTRAL_MISSING, /* single wire: current without voltage */
    TAMPER_EXCHANGED,       /* both reversed: phase and neutral swapped at the terminals */
    TAMPER_MAGNET_DC,
    TAMPER_MAGNET_AC,
    TAMPER_SATURATED,      /* the front end: converter at its limits */
    TAMPER_STUCK,          /* a channel gives one code */
    TAMPER_MISSED,         /* samples are lost */
    TAMPER_F_RANGE,        /* mains outside 40 to 70 Hz */
    TAMPER_NO_CALIBRATION, /* metering on nominal constants */
    TAMPER_KINDS
};

enum { TAMPER_NOTES = TAMPER_KINDS };

/* What the port's sensor says, for as long as it says nothing else; zeros where there is none.
 */
struct tamper_field {
    uint32_t dc_ut; /* microtesla, largest axis, magnitude */
    uint32_t ac_ut; /* amplitude at mains frequency */
    bool dc, ac;    /* a sensor that only switches */
};

struct tamper_cfg {
    struct rating rating;
    uint32_t delay_ms[TAMPER_KINDS]; /* the condition must hold for this long to begin */
    uint32_t over_ms[TAMPER_KINDS];  /* and be absent for this long to end */
    uint32_t off;                    /* bit a kind: not watched */
    uint32_t mismatch_permille;      /* of the larger current, 10 to 500; 100 */
    uint32_t mismatch_ua;            /* and at least; 200 000 */
    uint32_t mismatch_min_ua;        /* not judged below; 100 000 */
    uint32_t missing_ua;             /* current that proves a missing neutral; 500 000 */
    uint32_t magnet_dc_ut;           /* 200 000 */
    uint32_t magnet_ac_ut;           /* 500 */
    bool export_allowed;             /* then TAMPER_REVERSE is not watched */
};

struct tamper_state {
    uint64_t since_us : 62; /* beginning of the condition */
    uint64_t active : 1, pending : 1;
    uint64_t gone_us; /* while active: since when it is absent; 0: it is there */
};

struct tamper {
    struct tamper_state state[TAMPER_KINDS];
};

struct tamper_note {
    uint8_t kind; /* enum tamper_kind */
    bool begins;
    mono_t at;
    uint64_t duration_us; /* at the end */
};

/* To begin: 60 s for mismatch, 2 s for the magnet, 10 s for reversal, at once for the front
 * end; to end: 2 s. */
struct tamper_cfg tamper_cfg_default(const struct rating *r);

void tamper_init(struct tamper *t);

/* Judge q; the notes, their number returned (at most one a kind). */
int tamper_feed(struct tamper *t, const struct tamper_cfg *cfg, const struct quantity *q,
                const struct tamper_field *field, struct tamper_note out[TAMPER_NOTES]);

bool tamper_is_active(const struct tamper *t, enum tamper_kind kind);

#endif
