/* source.h - recorded voltage and current as samples at a rate the meter takes.
 *
 * COMTRADE, raw ADC codes or raw floating-point values; other rates than 4 and 8 kHz are
 * resampled with a windowed sinc that cuts at 0.45 of the lower rate. A record can be played as
 * a loop, its end joined to its start.
 *
 * Memory   8 octets a sample and channel of the record.
 * Context  host programs.
 */
#ifndef TOOLS_MEASURE_SOURCE_H
#define TOOLS_MEASURE_SOURCE_H
#include <stdbool.h>
#include <stddef.h>

#include "tools/common/trouble.h"

enum { SOURCE_CHANNELS = 3 };

struct source_options {
    const char *path;
    const char *name[SOURCE_CHANNELS]; /* COMTRADE channels of v, i, n; NULL: the first that
                                          fit, n none */
    bool raw;                          /* int32 codes, v,i,n interleaved */
    int raw_float;                     /* 0, 32 or 64: volts and amperes, interleaved */
    double rate_hz;                    /* of raw records */
    unsigned channels;                 /* of raw records: 2 or 3 */
    double full_scale_v, full_scale_i; /* what the largest code means, peak; of raw codes */
    unsigned bits;                     /* of raw codes */
    double loop_s;                     /* play so long; 0: once */
    bool keep_mean;                    /* else the mean of each channel is taken off */
};

struct source {
    double *value[SOURCE_CHANNELS]; /* volts, amperes; [2] NULL: two channels */
    size_t samples;
    double rate_hz;     /* of the record */
    double out_rate_hz; /* 4000 or 8000 */
    size_t out_samples;
    bool loop;
    double *kernel; /* of the resampler */
};

/* E_IO, E_FORMAT, E_RANGE, E_SPACE, with a sentence in t. */
int source_open(struct source *s, const struct source_options *o, struct trouble *t);
void source_close(struct source *s);

/* Channel c at output sample k. */
double source_at(const struct source *s, unsigned c, size_t k);

/* The largest magnitude of channel c. */
double source_peak(const struct source *s, unsigned c);

#endif
