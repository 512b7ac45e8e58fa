/* resample.h - another sample rate for a whole record.
 *
 * Context  host programs.
 */
#ifndef TOOLS_MEASURE_RESAMPLE_H
#define TOOLS_MEASURE_RESAMPLE_H
#include <stdbool.h>
#include <stddef.h>

/* y[0..m) at out samples a second from x[0..n) at in; a loop runs round the end of x, otherwise
 * the record is mirrored there. Sinc of 64 lobes under a Kaiser window: flat to 1e-6 up to 90 %
 * of half the lower rate, -100 dB above half. */
void resample(const double *x, size_t n, double in, double *y, size_t m, double out, bool loop);

#endif
