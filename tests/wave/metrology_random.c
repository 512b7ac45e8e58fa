/* metrology_random SEED COUNT - random loads on random boards against their closed form.
 *
 * Frequency 45 to 65 Hz, 0.8 to 1.15 Un, 20 mA to 100 A, any angle, up to eight harmonics of u
 * and i, direct parts, currents sampled early or late by up to 200 us and calibrated so. The
 * bound of a case is the sum of what the parts may do. Prints the worst of each, and on failure
 * the seed that repeats it; exit 1.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "wave/rig.h"

static const struct rating rating[2] = { { 230000, 5000, 100000, 50 },
                                         { 230000, 5000, 100000, 60 } };

static double uniform(uint64_t *s, double low, double high)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return low + (high - low) * (double)(*s >> 11) * 0x1p-53;
}

/* What the delay filter may do to a harmonic at 8 kHz, by the header of delay.h. */
static double filter_error(double hz)
{
    return hz < 150 ? 1e-7 : hz < 600 ? 1e-4 : hz < 1350 ? 2.5e-4 : hz < 2050 ? 2e-3 : 7e-3;
}

struct trial {
    struct wave wave;
    struct calibration cal;
    const struct rating *rating;
    double bound; /* of P and Q, parts of S */
};

/* Peaks within the converter. */
static void fit(struct wave *w)
{
    double peak = 0;
    for (int k = 1; k <= WAVE_HARMONICS; k++) peak += w->ch[WAVE_I].rms[k] * 1.4143;
    for (int k = 1; k <= WAVE_HARMONICS && peak > 195; k++) {
        w->ch[WAVE_I].rms[k] *= 195 / peak;
        w->ch[WAVE_N].rms[k] *= 195 / peak;
    }
}

static void draw(struct trial *t, uint64_t seed)
{
    uint64_t s = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    struct wave *w = &t->wave;
    for (int k = 0; k < 8; k++) uniform(&s, 0, 1);
    wave_init(w);
    calibration_init(&t->cal);
    w->f = uniform(&s, 45, 65);
    t->rating = &rating[w->f > 55];
    w->ch[WAVE_V].rms[1] = uniform(&s, 184, 264.5);
    double i = 0.02 * pow(5000, uniform(&s, 0, 1)), u = w->ch[WAVE_V].rms[1];
    w->ch[WAVE_V].phase[1] = uniform(&s, 0, 6.28);
    wave_load(w, i, uniform(&s, 0, 6.28));
    t->bound = 2e-6 + 60e-6 * 0.02 / i; /* leakage of windows; rounding to codes */
    for (int n = (int)uniform(&s, 0, 9); n > 0; n--) {
        int k = 2 + (int)uniform(&s, 0, 38);
        if (k * w->f > 2400) continue;
        double hu = uniform(&s, 0, 0.05) * u, hi = uniform(&s, 0, 0.3) * i;
        w->ch[WAVE_V].rms[k] = hu;
        w->ch[WAVE_V].phase[k] = uniform(&s, 0, 6.28);
        w->ch[WAVE_I].rms[k] = w->ch[WAVE_N].rms[k] = hi;
        w->ch[WAVE_I].phase[k] = w->ch[WAVE_N].phase[k] = uniform(&s, 0, 6.28);
        t->bound += filter_error(k * w->f) * hu * hi / (u * i);
    }
    fit(w);
    for (int c = 0; c < 3; c++) {
        w->ch[c].dc = uniform(&s, -0.01, 0.01) * w->ch[c].full_scale;
        t->cal.offset[c] = (int32_t)(w->ch[c].dc / w->ch[c].full_scale * 8388608);
    }
    for (int c = 0; c < 2; c++) {
        t->cal.phase_ns[c] = (int32_t)uniform(&s, -200000, 200000);
        w->ch[WAVE_I + c].skew = t->cal.phase_ns[c] * 1e-9;
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1,
             count = argc > 2 ? strtoull(argv[2], NULL, 10) : 40;
    double worst_p = 0, worst_q = 0, worst_part = 0, worst_f = 0;
    static struct rig rig;
    for (uint64_t n = seed; n < seed + count; n++) {
        struct trial t;
        draw(&t, n);
        struct wave_truth truth = wave_truth(&t.wave);
        rig_init(&rig, t.rating);
        rig.cal = t.cal;
        rig.calibrated = true;
        struct rig_result r = rig_run(&rig, &t.wave, 13);
        double of = truth.u * truth.i, p = fabs(r.p - truth.p) / of,
               q = fabs(r.q - truth.q) / of;
        double pn = fabs(r.pn - truth.pn) / of, qn = fabs(r.qn - truth.qn) / of;
        double most = fmax(fmax(p, q), fmax(pn, qn)), f = fabs(r.f - t.wave.f);
        worst_p = fmax(worst_p, fmax(p, pn));
        worst_q = fmax(worst_q, fmax(q, qn));
        worst_f = fmax(worst_f, f);
        worst_part = fmax(worst_part, most / t.bound);
        if (most <= t.bound && f < 1e-5 && r.windows > 40) continue;
        printf("case %" PRIu64 ": P %.2f Q %.2f neutral %.2f %.2f ppm of S, bound %.2f, f off "
               "by %g Hz, %u windows\n"
               "again: metrology_random %" PRIu64 " 1\n",
               n, p * 1e6, q * 1e6, pn * 1e6, qn * 1e6, t.bound * 1e6, f, r.windows, n);
        return 1;
    }
    printf("%" PRIu64 " random loads from seed %" PRIu64
           ": worst P %.2f ppm, Q %.2f ppm of S (%.0f %% of the bound), f %.2g mHz\n",
           count, seed, worst_p * 1e6, worst_q * 1e6, worst_part * 100, worst_f * 1e3);
    return 0;
}
