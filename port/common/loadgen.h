/* loadgen.h - a load on a line, as the ADC of a meter sees it: integer samples at 8 kHz.
 *
 * From P, Q, U and f come the codes of three 24-bit channels: voltage, phase current, neutral
 * current. The arithmetic is integer throughout, so x86-64 and Cortex-M make the same samples
 * bit for bit and a scenario ends in the same flash image on both.
 *
 * Phase is a 64-bit accumulator: frequency is exact to 1e-12, and a change of load or frequency
 * never jumps the phase. The sine comes from 256 exact points, turned by the remaining angle
 * with a cubic; it is within 5e-9 of the true one. Rounding to codes carries its error to the
 * next two samples, so that quantisation does not add up into energy even where the samples
 * repeat every cycle. Power over whole cycles is within 5e-7 of what was asked, from 20 mA to
 * 100 A. What exceeds full scale is clipped, as an ADC clips it.
 *
 * Positive P is import; positive Q is a current that lags the voltage.
 *
 * Cost     185 instructions a sample on a Cortex-M4, 7 ns on x86-64; loadgen_set() 2 600.
 * Memory   struct loadgen, owned by the caller; 1 KiB of table.
 * Context  any, one caller a struct.
 */
#ifndef PORT_COMMON_LOADGEN_H
#define PORT_COMMON_LOADGEN_H
#include <stddef.h>
#include <stdint.h>

#define LOADGEN_RATE 8000        /* samples a second */
#define LOADGEN_CODE_MAX 8388607 /* full scale, 2^23 - 1 */
#define LOADGEN_FULL_V 500       /* volts of peak at full scale */
#define LOADGEN_FULL_A 200       /* amperes of peak at full scale */
#define LOADGEN_HARMONICS 8      /* at once, both channels together */

struct load {
    int32_t p_mw, q_mvar;
    uint32_t u_mv;        /* 0: no supply and no current */
    uint32_t f_mhz;       /* up to 1 000 000 */
    uint32_t neutral_ppm; /* share of the phase current that comes back: 1 000 000 is all */
    uint32_t
        noise_mcode; /* standard deviation, thousandths of a code, triangular, each channel */
};

/* A supply with nothing connected. */
#define LOAD_OFF ((struct load){ .u_mv = 230000, .f_mhz = 50000, .neutral_ppm = 1000000 })

/* A sine of `order` (2 to 63) times the fundamental, as large as amplitude_ppm of its channel's
 * fundamental; its angle counts from the rising zero of the voltage's fundamental. */
struct load_harmonic {
    enum load_channel { LOAD_V, LOAD_I } channel;
    uint8_t order;
    uint32_t amplitude_ppm; /* up to 1 000 000 */
    int32_t phase_udeg;     /* millionths of a degree of the harmonic */
};

struct loadgen_sample {
    int32_t v, i, n;
};

struct loadgen_tone {
    uint32_t order, phase;
    int32_t v_amp, i_amp, n_amp;
};

/* Errors of the last two roundings, codes x 2^35. */
struct loadgen_rest {
    int64_t last, before;
};

struct loadgen {
    uint64_t phase, step; /* 2^64 a turn */
    int32_t v_amp;        /* codes x 2^5 */
    int32_t i_sin, i_cos; /* codes x 2^(5 + fine): parts in phase with, and ahead of, v */
    int32_t n_sin, n_cos; /* the same of the neutral */
    uint32_t fine;        /* more bits for small currents, 0 to 15 */
    struct loadgen_rest rest[3];
    uint64_t random;   /* state of the noise */
    int32_t noise_amp; /* codes x 2^25 a step of the triangle */
    struct load load;  /* as set */
    size_t harmonics;
    struct load_harmonic harmonic[LOADGEN_HARMONICS];
    struct loadgen_tone tone[LOADGEN_HARMONICS];
};

/* Phase zero, LOAD_OFF, no harmonics; the noise follows from the seed. */
void loadgen_init(struct loadgen *g, uint64_t seed);

/* E_RANGE when u_mv is over 700 000, f_mhz, neutral_ppm or noise_mcode over 1 000 000, or when
 * P or Q is given without U. */
int load_check(const struct load *load);

/* From the next sample on; E_RANGE as load_check() says, and nothing changes. */
int loadgen_set(struct loadgen *g, const struct load *load);

/* One more harmonic; E_RANGE, or E_SPACE when there are LOADGEN_HARMONICS. */
int loadgen_harmonic_append(struct loadgen *g, const struct load_harmonic *harmonic);
void loadgen_harmonics_clear(struct loadgen *g);

/* The next n samples. */
void loadgen_run(struct loadgen *g, struct loadgen_sample *out, size_t n);

#endif
