/* front_state.h - what is inside struct front: for its owner's memory, not for reading.
 *
 * Include front.h. Everything here belongs to the sample interrupt, but for `tail`, `billed`
 * and the mailboxes of the pulse outputs.
 */
#ifndef METROLOGY_FRONT_STATE_H
#define METROLOGY_FRONT_STATE_H
#include "metrology/front.h"

/* How the oscillator stands to the mains. */
enum lock_state { LOCK_HOLD, LOCK_ACQUIRE, LOCK_PHASE, LOCK_ON };

struct lock {
    uint32_t step, step_min, step_max; /* 2^-32 turn a sample */
    uint32_t inverse;                  /* 2^56 / step */
    uint32_t theta_cycle,
        theta_window;           /* phase of the voltage before the oscillator, 2^-32 turn */
    int64_t edge_vc, edge_vs;   /* sums at the last whole turn */
    int64_t cycle_vc, cycle_vs; /* of the turn just ended, for the slice */
    int64_t window_vc, window_vs;
    uint64_t floor;                   /* least phasor^2 that is a voltage */
    uint64_t span_q16, span_last_q16; /* of the window just closed, of the one before */
    uint32_t f_uhz;
    uint32_t jump; /* turn to add to the phase at the next edge */
    uint16_t turns, turns_last;
    uint8_t state; /* enum lock_state */
    uint8_t good;  /* cycles in a row that agree */
    uint8_t wild;  /* cycles in a row that do not */
    bool fresh;    /* theta_window belongs to the window before the present one */
    bool jumped;   /* a cycle of this window did not agree */
    bool range;    /* the mains is outside the range of the oscillator */
};

struct front {
    /* every sample */
    uint64_t count; /* samples since power-up */
    uint32_t phase; /* of the sample last taken */
    uint32_t at;    /* place in the delay lines */
    int32_t lo;     /* codes are good from lo to lo + width - 1 */
    uint32_t width;
    int32_t offset[3];
    uint8_t shift; /* to 24 bits */
    uint8_t channels;
    bool hilbert;
    uint8_t slice;     /* what the next samples still have to do */
    uint16_t whole[2]; /* places back to the first tap, i and n */
    int32_t x[9];      /* last sample: v i n, sin cos, Hilbert v i n */
    int32_t tap[2][FRONT_TAPS];
    int32_t line_v[FRONT_LINE / 2];
    int32_t line[2][2 * FRONT_LINE];
    int32_t pass[3][2][FRONT_SECTIONS + 1];
    /* half cycles, windows */
    int64_t edge_vv, edge_ii;         /* sums at the last half edge */
    uint64_t half_vv, half_ii;        /* of the half cycle before */
    int64_t last_p, last_ic, last_is; /* sums at the last feed of the outputs */
    int64_t cycle_ic, cycle_is;
    uint64_t dark;     /* mean square below which the supply fails */
    uint64_t last_q16; /* edge of the last window */
    struct lock lock;
    struct pulse_out pulse[PULSE_OUTPUTS];
    struct scale energy[2][PULSE_OUTPUTS]; /* of either element: code^2 -> nJ */
    uint16_t halves;                       /* since the last window edge */
    uint8_t span_halves;                   /* wanted: 20 or 24 */
    bool cut, is_dark;
    volatile uint8_t head, tail, billed;
    struct window queue[FRONT_QUEUE + 1]; /* the one at head is open */
};

#endif
