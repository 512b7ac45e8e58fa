/* rig.h - a test bench for the metrology core: a wave in, what the meter makes of it out.
 *
 * The rig is front and measure with their defaults, fed through the calls that a port makes.
 * The first seconds are left out, as a laboratory does after switching on; then energies, means
 * and spreads are taken over whole windows. All conversions to double happen here, after the
 * integers.
 */
#ifndef TESTS_WAVE_RIG_H
#define TESTS_WAVE_RIG_H
#include "metrology/front.h"
#include "metrology/quantity.h"
#include "wave/wave.h"

struct rig {
    struct front_cfg front_cfg;
    struct measure_cfg measure_cfg;
    struct calibration cal;
    bool calibrated;
    double skip_s;     /* 1 by default */
    bool windows_even; /* leave out the last of an odd number */
    struct front front;
    struct measure measure;
};

/* Means over the windows that count. */
struct rig_result {
    unsigned windows;
    double seconds;
    double p, q, s; /* phase: energy over time */
    double pn, qn;  /* neutral */
    double u, i, n, u1, i1, f, angle, pf, thd_u,
        thd_i; /* angle in degrees, -180 to 180; THD as ratio */
    double q_total;
    double spread_p, spread_q; /* RMS deviation of single windows from their mean */
    uint32_t flags;            /* of all of them */
};

/* Defaults for a rating: nominal constants, creep off. */
void rig_init(struct rig *r, const struct rating *rating);

/* seconds of w through r, from power-up. */
struct rig_result rig_run(struct rig *r, struct wave *w, double seconds);

/* (read - truth) / of in parts per million. */
double rig_ppm(double read, double truth, double of);

#endif
