/* wave.h - test waves as ADC codes, with their truth in closed form.
 *
 * A wave is a sum of sines: channel c is dc + sum over k of sqrt(2) rms[k] sin(k w t +
 * phase[k]), t taken later by skew, scaled by gain, noise added, rounded to the converter's
 * codes. Shapes with corners (phase fired, half wave, quadriform, ...) are their Fourier series
 * up to WAVE_HARMONICS: what an anti-alias filter lets through. Because everything is a sum of
 * sines, RMS, active and fundamental reactive power follow exactly from the coefficients, and
 * nothing of the meter's arithmetic is used.
 *
 * Double precision; for tests, benches and plots only.
 */
#ifndef TESTS_WAVE_WAVE_H
#define TESTS_WAVE_WAVE_H
#include <stddef.h>
#include <stdint.h>

enum { WAVE_V, WAVE_I, WAVE_N, WAVE_CHANNELS, WAVE_HARMONICS = 50 };

struct wave_channel {
    double rms[WAVE_HARMONICS + 1],
        phase[WAVE_HARMONICS + 1]; /* [1] the fundamental; radians */
    double dc, noise;              /* volts or amperes; noise RMS */
    double gain, skew;             /* 1 and 0 s by default */
    double full_scale;             /* peak at the end of the codes */
};

struct wave {
    double f, rate;
    int bits;
    int gate_on, gate_off; /* cycles with and without currents; 0: always on */
    struct wave_channel ch[WAVE_CHANNELS];
    uint64_t seed, at; /* random state; samples made so far */
};

/* True values of the channels without gain, skew, direct part and noise; gating included. */
struct wave_truth {
    double u, i, n, u1, i1;
    double p, q, s; /* phase: active, fundamental reactive, u x i */
    double pn, qn;  /* neutral */
    double thd_u, thd_i;
};

/* 230 V, 50 Hz, no current, 8 kHz, 24 bits, 500 V and 200 A full scale, no noise. */
void wave_init(struct wave *w);

/* Sine load: current i amperes lagging by phi radians, the same through the neutral. */
void wave_load(struct wave *w, double i, double phi);

struct wave_truth wave_truth(const struct wave *w);

/* The next count samples, v,i,n interleaved. */
void wave_codes(struct wave *w, int32_t *dst, size_t count);

/* Shapes of the influence tests; the current is i amperes RMS of the full wave before shaping.
 */
void wave_fifth(struct wave *w, double i);      /* 40 % in i, 10 % in u, in phase */
void wave_quadriform(struct wave *w, double i); /* IEC 62053-21 annex: flattened */
void wave_peaked(struct wave *w, double i);
void wave_fired(struct wave *w, double i, double degree);    /* phase fired at degree */
void wave_trailing(struct wave *w, double i, double degree); /* cut off at degree */
void wave_half(struct wave *w, double i);  /* half wave: direct and even parts */
void wave_burst(struct wave *w, double i); /* two cycles on, two off */
void wave_probe(struct wave *w, double i, int harmonic, double phi); /* 10 % u, 40 % i */
void wave_q_trap(struct wave *w, double i); /* fifths at 90 degrees: reactive by Budeanu only */

/* A normal random number, mean 0, variance 1, of the wave's own sequence. */
double wave_normal(uint64_t *seed);

#endif
