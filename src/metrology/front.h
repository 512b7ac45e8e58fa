/* front.h - samples in, windows out: everything that runs at 8 kHz.
 *
 * A sample is the codes of voltage, phase current and neutral current taken together. The
 * chain, integer from end to end:
 *
 *   code -> 24 bits, offset off -> delay (i and n: 10-tap fractional filter, +-2 samples)
 *        -> sums of squares and products, products with the oscillator's sine and cosine
 *        -> half cycles: one-cycle RMS, booked energy to the pulse outputs
 *        -> window edge: shares of the two edge samples, oscillator steered, window queued
 *
 * The oscillator is locked to the fundamental of the voltage, so edges come from its phase:
 * they have no jitter, do not see harmonics, and go on at the last frequency through a dip.
 * Direct components are taken off per window (quantity.h), so no high-pass filter stands in the
 * path, and gain is flat over frequency.
 *
 * Samples are time: sample n is at n x 1e6 / rate microseconds since power-up. Four windows
 * wait for the meter; when none is free the window stays open and grows, so a late meter loses
 * resolution and never energy. Nothing here depends on when the meter fetches.
 *
 * Cost     Cortex-M4, counted: 234 instructions a sample in the mean with three channels, 326
 *          with the Hilbert pair, 1200 at the worst; a window closes in slices over the samples
 *          that follow.
 * Memory   struct front 2.3 KiB, four windows included.
 * Context  names ending in _isr and front_samples(): sample interrupt. window_take(): meter.
 *          Others: before samples start, or with the interrupt masked.
 */
#ifndef METROLOGY_FRONT_H
#define METROLOGY_FRONT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "metrology/calibration.h"
#include "metrology/pulse.h"
#include "metrology/rating.h"
#include "metrology/window.h"

enum {
    FRONT_QUEUE = 4,
    FRONT_LINE = 16, /* delay lines, written twice so that taps are contiguous */
    FRONT_TAPS = 10,
    FRONT_SECTIONS = 5 /* all-pass sections of each branch of the Hilbert pair */
};

/* What a call of the chain reports; bits. */
enum front_report {
    FRONT_WINDOW = 1 << 0,   /* a window went into the queue */
    FRONT_PULSE_WH = 1 << 1, /* output is on */
    FRONT_PULSE_VARH = 1 << 2,
    FRONT_DARK = 1 << 3 /* the last half cycle was below dark_mv: the supply may be failing */
};

struct front_cfg {
    struct sampling sampling;
    struct rating rating;
    uint32_t constant_wh, constant_varh; /* imp/kWh, imp/kvarh, 100 to 10 000 */
    uint32_t dark_mv;                    /* one-cycle RMS; 0: never report FRONT_DARK */
    bool hilbert;                        /* total reactive power, 120 instructions more */
};

struct front;

/* The defaults of the product for a rating. */
struct front_cfg front_cfg_default(const struct rating *r);

/* Begin at sample 0 with an empty queue, the oscillator at nominal frequency, nominal
 * constants, pulse accounts at 0. cfg must be valid (ensured). */
void front_init(struct front *f, const struct front_cfg *cfg);

/* Offsets and delays from the record. A record that is not valid counts as
 * nominal. */
void front_calibrate(struct front *f, const struct calibration *cal);

/* One sample; n is ignored with two channels. Returns enum front_report. Codes outside the
 * declared bits are clamped and counted as saturated. */
unsigned front_sample_isr(struct front *f, int32_t v, int32_t i, int32_t n);

/* count samples, v,i,n (or v,i) interleaved: exactly what as many single calls leave, and the
 * union of what they report. Faster on a host. */
unsigned front_samples(struct front *f, const int32_t *codes, size_t count);

/* count samples were lost (converter overrun): time goes on, no energy is invented. */
void front_missed_isr(struct front *f, uint32_t count);

/* Close the window at the last sample, as the supply fails. E_SPACE when the queue is full:
 * take one window and call again. 0 otherwise, also when there was nothing to close. */
int front_close(struct front *f);

/* Samples since power-up, missed ones included, and their time. */
uint64_t front_count(const struct front *f);
mono_t front_mono(const struct front *f);

/* End of the window now open if nothing disturbs it: when the meter should look again. */
mono_t front_deadline(const struct front *f);

/* The oldest window, or false. */
bool window_take(struct front *f, struct window *w);

/* The oldest window without taking it, or NULL; valid until window_take(). */
const struct window *window_peek(const struct front *f);

/* The output itself: count, or pulse_book(). */
struct pulse_out *front_pulse(struct front *f, enum pulse_output k);

#include "metrology/front_state.h"

#endif
