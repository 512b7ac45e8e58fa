/* front_state.h - what is inside struct front: for its owner's memory, not for reading.
 *
 * Include front.h. Everything here belongs to the sample interrupt, but for `tail`, `billed`
 * and the mailboxes of the pulse outputs.
 */
#ifndef METROLOGY_FRONT_STATE_H
#define METROLOGY_FRONT_STATE_H

/* How the oscillator stands to the mains: no voltage, frequency being found, phase about to be
 * set, locked. */
enum lock_state { LOCK_HOLD, LOCK_ACQUIRE, LOCK_PHASE, LOCK_ON };

struct lock {
    uint32_t step, step_min, step_max;  /* 2^-32 turn a sample */
    uint32_t hertz;                     /* the step of one hertz */
    uint32_t inverse;                   /* 2^56 / step */
    uint32_t theta_cycle, theta_window; /* voltage before oscillator, 2^-32 turn */
    uint32_t jump;                      /* turn to add to the phase at the next whole turn */
    uint32_t f_uhz_q9;                  /* uHz a step, 2^-9 */
    uint32_t f_uhz;
    int64_t cycle_c, cycle_s;         /* voltage phasor of the turn just ended */
    int64_t window_c, window_s;       /* and of the window */
    uint64_t floor;                   /* least square of a cycle's phasor / 2^24 */
    uint64_t span_q16, span_last_q16; /* of the window just closed, of the one before */
    uint16_t turns, turns_last;
    uint8_t state; /* enum lock_state */
    uint8_t skip;  /* cycles not to be compared with the one before */
    uint8_t good;  /* cycles in a row that agree */
    uint8_t wild;  /* cycles or windows in a row that do not */
    bool fresh;    /* theta_window and span_last_q16 are of the window before */
    bool jumped;   /* the phase of the mains was broken in this window */
    bool range;    /* the mains is outside the range of the oscillator */
};

/* One instant of the chain: what the sums are made of. */
struct tap_point {
    int32_t v, i, n, sine, cosine, hv, hi, hn;
};

struct front {
    /* every sample */
    uint32_t count; /* samples since power-up, low word */
    uint32_t phase;
    uint32_t at; /* place of the newest sample in the delay lines */
    int32_t lo;  /* codes are good from lo to lo + width - 1 */
    uint32_t width;
    int32_t offset[3];
    int32_t linear[3]; /* plain sums of this half cycle */
    uint8_t shift;     /* to 24 bits */
    uint8_t channels;
    bool hilbert;
    uint8_t slice;     /* bits: what the next samples still have to do, lowest first */
    uint16_t whole[2]; /* places back to the first tap, i and n */
    struct tap_point last;
    int32_t tap[2][FRONT_TAPS];
    int32_t line_v[FRONT_LINE / 2];
    int32_t line[2][2 * FRONT_LINE];
    int32_t pass[3][2][FRONT_SECTIONS + 1];
    int32_t late[2]; /* one sample more for the odd branch */
    /* half cycles, windows */
    int64_t edge_vv, edge_ii, edge_vc, edge_vs;    /* sums at the last half edge, whole turn */
    uint64_t half_vv, half_ii;                     /* of the half cycle before */
    int64_t fed_p, fed_ic, fed_is, fed_vc, fed_vs; /* sums when the outputs were last fed */
    int64_t half_p;
    int32_t phasor[2][4]; /* vc vs ic is of the last two half cycles */
    uint64_t dark;        /* mean square below which the supply fails */
    uint64_t edge_q16;    /* start of the open window */
    struct lock lock;
    struct pulse_out pulse[PULSE_OUTPUTS];
    struct scale energy[2]; /* of either element: code^2 -> nJ */
    uint32_t count_high;
    uint32_t period_us;
    struct sampling sampling;
    uint8_t halves_span; /* wanted: 20 or 24 */
    uint8_t blind;       /* half cycles whose RMS is not to be believed */
    bool force;          /* close at the next whole turn */
    bool deaf;           /* the window can grow no more: samples are missed */
    bool is_dark;
    uint16_t pack[2]; /* one-cycle mean squares last believed */
    uint8_t open, billed_now;
    volatile uint8_t head, tail, billed;
    struct window queue[FRONT_QUEUE + 1]; /* tail..head-1 wait, open is being filled */
};

/* Of the chain, for its own files. */
enum front_slice {
    SLICE_CYCLE = 1 << 0,
    SLICE_ACTIVE = 1 << 1,
    SLICE_REACTIVE = 1 << 2,
    SLICE_THETA = 1 << 3,
    SLICE_PUBLISH = 1 << 4
};

/* An oscillator edge lies between the last sample and x; x is summed here. */
unsigned front_edge_isr(struct front *f, const struct tap_point *x);

/* The plain sums of this half cycle into the open window. */
void front_flush_isr(struct front *f);

/* One slice of what an edge left to do. */
unsigned front_slice_isr(struct front *f);

void lock_init(struct lock *l, const struct front_cfg *cfg);
void lock_cycle(struct lock *l);
void lock_window(struct lock *l);
void lock_set(struct lock *l, int64_t step);
uint32_t lock_f_uhz(const struct lock *l, uint64_t step_q8);

#endif
