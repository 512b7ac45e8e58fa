/* wave.h - recorded voltage and current as the ADC codes of a meter: for `magno measure` and
 * `magno calibrate`.
 *
 *   x.cfg           COMTRADE, channels by name
 *   --raw           little-endian int32 codes, interleaved v,i,n
 *   --raw-float N   little-endian float32 or float64 in volts and amperes, interleaved v,i,n
 *
 * Codes come out at 4 or 8 kHz. Other rates are resampled (a band-limited interpolation with
 * the sharper of the two rates as its limit); a short record of whole cycles can be looped
 * without a seam. A float that is not a number is a sample that is missing.
 *
 * Memory     raw streams as they are read; whatever is resampled, looped or shifted is
 *            held whole.
 * Context    host programs.
 */
#ifndef TOOLS_MEASURE_WAVE_H
#define TOOLS_MEASURE_WAVE_H
#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "metrology/rating.h"
#include "tools/common/trouble.h"

enum { WAVE_BLOCK = 2000 };

struct wave_options {
    const char *v, *i, *n;   /* COMTRADE channels; NULL: the first of their kind, n none */
    bool raw;                /* int32 codes */
    int raw_float;           /* 32 or 64 */
    double rate;             /* of a raw file; 8000 */
    int channels;            /* of a raw file; 3 */
    double full_v, full_i;   /* peak at the end of the codes; 0: 500 and 200, or what fits */
    double un, ib, imax, fn; /* volts, amperes, hertz */
    int bits;                /* 24 */
    double loop_s;           /* play the record again and again for so long; 0: once */
    bool keep_mean;          /* of COMTRADE, where a recorder's offset is taken off */
    bool remove_mean;        /* of a raw record */
};

struct wave_source {
    struct sampling sampling; /* of the codes that come out */
    struct rating rating;
    double resampled_from; /* 0: not */
    uint64_t repaired;     /* missing samples filled in before resampling */
    FILE *stream;          /* raw as it comes */
    const char *path;
    int octets; /* of a value in the stream; 4 or 8 */
    bool is_float;
    uint8_t buffer[3 * 8 * WAVE_BLOCK]; /* what was read of it */
    size_t frames;                      /* in there */
    double *held[3];                    /* else: everything, volts and amperes */
    size_t count, at;                   /* held; the next of held or buffer */
};

/* codes, and samples that are missing before them. */
struct wave_block {
    int32_t codes[3 * WAVE_BLOCK];
    size_t count;
    uint32_t missed;
};

/* Options for argp, input struct wave_options *. */
extern const struct argp wave_argp;
void wave_options_init(struct wave_options *o);

/* Open path ("-": standard input). E_IO, E_FORMAT, E_RANGE, E_SPACE, E_NONE with a sentence. */
int wave_open(struct wave_source *s, const char *path, const struct wave_options *o,
              struct trouble *t);

/* The next block, interleaved by sampling.channels: 1, 0 at the end, or an error. */
int wave_next(struct wave_source *s, struct wave_block *b, struct trouble *t);

void wave_close(struct wave_source *s);

#endif
