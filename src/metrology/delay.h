/* delay.h - taps of a fractional delay, and the coefficients of the Hilbert pair.
 *
 * A delay of FRONT_TAPS / 2 - 1 + mu samples. At the mains' frequency it is exact to 1e-7; at 8
 * kHz and the worst mu it loses 2e-4 at 1.3 kHz, 1.5e-3 at 2 kHz, 5e-3 at 2.4 kHz. The tables
 * come from tools/design/filters.c.
 *
 * Cost     delay_taps some 600 instructions, when a calibration is loaded.
 * Context  any.
 */
#ifndef METROLOGY_DELAY_H
#define METROLOGY_DELAY_H
#include <stdint.h>

#include "metrology/front.h"

/* Taps for mu = mu_q32 / 2^32, newest sample first; 2^30 is one. */
void delay_taps(int32_t tap[FRONT_TAPS], uint32_t mu_q32);

/* Both currents through their filters: FRONT_TAPS samples, newest first, and as many taps; the
 * result as a pair. What rounding to a code leaves is carried to the next sample: a delay of
 * nanoseconds moves a small current by less than a code, and would otherwise be lost. A
 * function of its own, because inlined it runs out of registers. Sample interrupt; about 65
 * instructions. */
uint64_t delay_both(const union front_pair *x, const union front_pair *h,
                    union front_pair *carry);

/* The carry to begin with: half a code. */
enum { DELAY_CARRY = 1 << 29, DELAY_BITS = 30 };

/* Even sections filter the voltage, odd ones (behind one more sample of delay) the currents;
 * 2^31 is one. */
extern const int32_t hilbert_even[FRONT_SECTIONS], hilbert_odd[FRONT_SECTIONS];

#endif
