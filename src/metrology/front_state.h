/* front_state.h - what is inside struct front: for its owner's memory, not for reading.
 *
 * Include front.h. Everything here belongs to the sample interrupt, but for `tail` and what the
 * pulse outputs are told.
 */
#ifndef METROLOGY_FRONT_STATE_H
#define METROLOGY_FRONT_STATE_H

/* How the oscillator stands to the mains: no voltage, frequency being found, phase about to be
 * set, locked. */
enum lock_state { LOCK_HOLD, LOCK_ACQUIRE, LOCK_PHASE, LOCK_ON };

struct lock {
    uint32_t step;                      /* 2^-32 turn a sample */
    uint32_t hertz;                     /* the step of one hertz */
    uint32_t inverse;                   /* 2^56 / step */
    uint32_t theta_cycle, theta_window; /* voltage before oscillator, 2^-32 turn */
    uint32_t jump;                      /* turn to add to the phase at the next whole turn */
    uint32_t f_uhz_q9;                  /* uHz a step, 2^-9 */
    uint32_t f_uhz;
    int64_t cycle_c, cycle_s;         /* voltage phasor of the turn just ended */
    uint64_t floor;                   /* least square of a cycle's phasor / 2^24 */
    uint64_t span_q16, span_last_q16; /* of the window just closed, of the one before */
    uint16_t turns, turns_last;
    uint8_t state; /* enum lock_state */
    uint8_t skip;  /* cycles not to be compared with the one before */
    uint8_t good;  /* cycles in a row that agree */
    uint8_t wild;  /* cycles in a row that do not */
    bool fresh;    /* theta_window and span_last_q16 are of the window before */
    bool jumped;   /* the phase of the mains was broken in this window */
    bool range;    /* the mains is outside the range of the oscillator */
};

/* One instant of the chain: what the sums are made of. */
struct front_point {
    int32_t v, i, n, sine, cosine;
};

/* The same instant behind the Hilbert pair. */
struct front_quad {
    int32_t v, i;
};

/* An edge between two samples: the old side gives up `before` of the older one and gets `after`
 * of the newer; 2^16 is one. A window's length is the sum of these weights, exactly. */
struct front_cut {
    uint32_t before, after;
};

/* The currents, or their taps, side by side: one load brings both. */
union front_pair {
    int32_t one[2]; /* phase, neutral */
    uint64_t both;
};

struct front {
    /* every sample */
    uint32_t left; /* samples until something is due: a slice, a pulse */
    uint32_t phase;
    uint32_t at; /* place of the newest sample in the delay lines */
    int32_t lo;  /* codes are good from lo to lo + width - 1 */
    uint32_t width;
    int32_t offset[3];
    int32_t linear[3];   /* plain sums of this half cycle */
    uint8_t mode;        /* enum front_mode */
    uint8_t shift;       /* to 24 bits */
    uint8_t lamps;       /* enum front_report of the outputs */
    uint8_t halves_span; /* half cycles of a window: 20 or 24 */
    uint8_t ahead[2];    /* places before the newest at which i and n are written: less delay */
    union front_pair tap[FRONT_TAPS];
    union front_pair carry; /* what rounding left of the last sample, 2^30 is a code */
    struct front_point last;
    struct front_quad quad, quad_last;
    struct window now; /* open */
    int32_t line_v[FRONT_LINE / 2];
    union front_pair line[2 * FRONT_LINE];
    int32_t pass[2][2][FRONT_SECTIONS + 1];
    int32_t late; /* one sample more for the odd branch */
    /* edges */
    struct front_cut cut;
    struct front_point older, newer; /* beside the edge of the window just closed */
    struct front_quad quad_older, quad_newer;
    int64_t edge_vv, edge_ii, edge_vc, edge_vs; /* sums at the last half edge, whole turn */
    int64_t half_vv, half_ii;                   /* of the half cycle that ended */
    int64_t last_vv, last_ii;                   /* of the one before */
    uint64_t dark;                              /* mean square below which the supply fails */
    struct lock lock;
    struct pulse_out pulse[PULSE_OUTPUTS];
    struct sampling sampling;
    uint64_t due;     /* samples since power-up when left is 0 */
    uint8_t slice;    /* bits: what the next samples still have to do, lowest first */
    uint16_t pack[2]; /* one-cycle mean squares last believed */
    uint8_t blind;    /* half cycles whose RMS is not to be believed */
    bool broken;      /* the open window is not of whole turns */
    bool is_dark;
    volatile uint8_t head, tail;
    struct window queue[FRONT_QUEUE]; /* tail to head - 1 wait, modulo twice the size */
};

/* What the chain has to do; deaf: the window can grow no more, samples are missed. */
enum front_mode { MODE_NEUTRAL = 1 << 0, MODE_HILBERT = 1 << 1, MODE_DEAF = 1 << 2 };

/* What an edge leaves to the samples after it, in this order. */
enum front_slice {
    SLICE_HALF = 1 << 0,
    SLICE_CYCLE = 1 << 1,
    SLICE_PLAY = 1 << 2,
    SLICE_SPLIT = 1 << 3,
    SLICE_SPLIT_N = 1 << 4,
    SLICE_THETA = 1 << 5,
    SLICE_PUBLISH = 1 << 6
};

/* An oscillator edge lies between the last sample and x, which is not summed yet. */
void front_edge_isr(struct front *f, const struct front_point *x);

/* What is due now: one slice of what an edge left, a pulse. */
unsigned front_event_isr(struct front *f);

/* The plain sums of this half cycle into the open window. */
void front_flush_isr(struct front *f);

/* Samples since power-up: the number of the sample being taken. */
static inline uint64_t front_count_isr(const struct front *f)
{
    return f->due - f->left;
}

/* Something is due after so many more samples, this one included. */
static inline void front_schedule_isr(struct front *f, uint32_t samples)
{
    f->due = front_count_isr(f) + samples;
    f->left = samples;
}

void lock_init(struct lock *l, const struct front_cfg *cfg);
void lock_cycle(struct lock *l);
void lock_window(struct lock *l, int64_t c, int64_t s);

#endif
