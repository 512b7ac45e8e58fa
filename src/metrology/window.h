/* window.h - the raw sums of one window of samples: what leaves the sample interrupt.
 *
 * A window spans whole cycles of the mains, ten at 50 Hz and twelve at 60 Hz, with fractional
 * edges: the two samples beside an edge are shared between the windows they part, by the
 * trapezoid over the broken interval. Shares are integers that add up to the sample, so sums of
 * windows are sums of samples, whatever the edges.
 *
 * All sums are over codes brought to 24 bits, less the calibrated offset. No scale is applied
 * here: quantity.h does that, in the meter's own time.
 *
 * Room     a window nobody fetches grows for 131 072 samples (16 s at 8 kHz), then stops and
 *          counts what it misses; earlier only where a sum of squares reaches 2^62, which takes
 *          8 s of codes at the ends of the converter.
 * Memory   264 bytes.
 * Context  filled by front_sample_isr(), read by the meter.
 */
#ifndef METROLOGY_WINDOW_H
#define METROLOGY_WINDOW_H
#include <stdbool.h>
#include <stdint.h>

enum window_sum {
    SUM_V,
    SUM_I,
    SUM_N,
    SUM_VV,
    SUM_II,
    SUM_NN,
    SUM_VI,
    SUM_VN,
    SUM_IN,
    SUM_VC, /* v x cos of the oscillator, 2^22 is one */
    SUM_VS,
    SUM_IC,
    SUM_IS,
    SUM_NC,
    SUM_NS,
    SUM_HI, /* Hilbert pair of v and i: total reactive power; 0 where switched off */
    WINDOW_SUMS
};

enum { WINDOW_HALVES = 24, WINDOW_SAMPLES_MAX = 131072 };

/* What was wrong with a window. A grown one was closed late and holds more than one span. */
enum window_flag {
    WINDOW_UNLOCKED = 1 << 0,   /* the oscillator was not on the mains: edges are not cycles */
    WINDOW_NO_VOLTAGE = 1 << 1, /* too little voltage to lock: frequency held */
    WINDOW_F_RANGE = 1 << 2,    /* the mains is outside 40 to 70 Hz */
    WINDOW_GROWN = 1 << 3,
    WINDOW_CUT = 1 << 4, /* closed early by front_close() */
};

struct window {
    uint64_t start_q16; /* first edge, in samples since power-up, 16 fraction bits */
    uint64_t span_q16;  /* length, same unit; missed samples not included */
    int64_t sum[WINDOW_SUMS];
    uint32_t f_uhz;        /* mains frequency by the nominal sample clock; 0: not known */
    uint32_t missed;       /* samples that never came */
    uint16_t saturated[3]; /* samples at or beyond the ends of the ADC: v, i, n */
    uint16_t flags;        /* enum window_flag */
    uint16_t halves;       /* half cycles that ended in it; the first 24 are kept */
    uint16_t vv_half[WINDOW_HALVES]; /* one-cycle mean square at each, packed */
    uint16_t ii_half[WINDOW_HALVES];
};

/* A mean square (code^2, below 2^46) as 5 bits of exponent and 11 of mantissa: within 0.025 %,
 * so its root within 0.0125 %; below 2^15 (10 mV, 4 mA) in steps of 16. */
#define WINDOW_UNKNOWN UINT16_C(0xFFFF) /* not a mean square: the half cycle was broken */
uint16_t window_pack(uint64_t mean_square);
uint64_t window_unpack(uint16_t packed);

#endif
