/* sweep.h - every test wave of the accuracy goals, each with the limits it must keep.
 *
 * Samples are ideal (24 bit, 8 kHz) unless a case says otherwise; frequencies are a little off
 * the nominal ones so that rounding to codes is not the same in every cycle. Errors are in
 * parts per million: of active power where there is one, of apparent power otherwise.
 *
 * A quick case belongs to `make test`, all of them are the campaign.
 */
#ifndef TESTS_WAVE_SWEEP_H
#define TESTS_WAVE_SWEEP_H
#include <stdbool.h>

#include "wave/rig.h"

/* The most that is allowed; 0: not judged. */
struct sweep_limit {
    double p_ppm, q_ppm; /* of P (or S); of Q where sin phi is 0.5 or more, else of S */
    double u_ppm, i_ppm;
    double spread_ppm; /* single windows, of S */
    double f_mhz, angle_mdeg;
};

struct sweep_case {
    char group[16], name[96];
    bool quick;
    struct rating rating;
    struct wave wave;
    struct calibration cal; /* of a board whose skew the wave has */
    double seconds;
    struct sweep_limit limit;
};

/* What was found; in the units of the limits, signed. */
struct sweep_result {
    struct wave_truth truth;
    struct rig_result read;
    struct sweep_limit error;
    bool kept;
};

/* Case number n, or false past the last. */
bool sweep_at(unsigned n, struct sweep_case *c);

struct sweep_result sweep_run(const struct sweep_case *c);

#endif
