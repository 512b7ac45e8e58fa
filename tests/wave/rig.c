#include "wave/rig.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 800 };

void rig_init(struct rig *r, const struct rating *rating)
{
    memset(r, 0, sizeof *r);
    r->front_cfg = front_cfg_default(rating);
    r->measure_cfg = measure_cfg_default(rating);
    r->measure_cfg.creep_off = true;
    calibration_init(&r->cal);
    r->skip_s = 1;
}

/* Running sums of one run; squares for the spread, angles as vectors. */
struct tally {
    double e_p, e_q, e_s, e_pn, e_qn, pp, qq, p, q, re, im;
};

static void take(struct rig_result *out, struct tally *t, const struct quantity *q)
{
    const struct element *e = &q->element[0], *n = &q->element[1];
    double s = (double)q->span_ns * 1e-9, p = (double)e->active_nj * 1e-9 / s,
           var = (double)e->reactive_nj * 1e-9 / s;
    out->windows++;
    out->seconds += s;
    out->flags |= q->flags;
    t->e_p += (double)e->active_nj;
    t->e_q += (double)e->reactive_nj;
    t->e_s += (double)e->apparent_nj;
    t->e_pn += (double)n->active_nj;
    t->e_qn += (double)n->reactive_nj;
    t->p += p;
    t->q += var;
    t->pp += p * p;
    t->qq += var * var;
    t->re += cos(e->angle_mdeg * M_PI / 180000);
    t->im += sin(e->angle_mdeg * M_PI / 180000);
    out->u += q->u_uv * 1e-6;
    out->u1 += q->u1_uv * 1e-6;
    out->i += e->i_ua * 1e-6;
    out->i1 += e->i1_ua * 1e-6;
    out->n += n->i_ua * 1e-6;
    out->f += q->f_uhz * 1e-6;
    out->pf += e->pf_ppm * 1e-6;
    out->thd_u += q->thd_u_bp * 1e-4;
    out->thd_i += e->thd_i_bp * 1e-4;
    out->q_total += (double)e->q_total_uvar * 1e-6;
}

static void finish(struct rig_result *r, const struct tally *t)
{
    double n = r->windows ? r->windows : 1, j = r->seconds > 0 ? 1e-9 / r->seconds : 0;
    double *mean[] = { &r->u, &r->i,  &r->n,     &r->u1,    &r->i1,
                       &r->f, &r->pf, &r->thd_u, &r->thd_i, &r->q_total };
    for (size_t k = 0; k < sizeof mean / sizeof *mean; k++) *mean[k] /= n;
    r->p = t->e_p * j;
    r->q = t->e_q * j;
    r->s = t->e_s * j;
    r->pn = t->e_pn * j;
    r->qn = t->e_qn * j;
    r->spread_p = sqrt(fmax(0, t->pp / n - t->p * t->p / n / n));
    r->spread_q = sqrt(fmax(0, t->qq / n - t->q * t->q / n / n));
    r->angle = atan2(t->im, t->re) * 180 / M_PI;
}

struct rig_result rig_run(struct rig *r, struct wave *w, double seconds)
{
    struct rig_result out = { 0 };
    struct tally t = { 0 };
    int32_t codes[3 * BLOCK];
    struct window win;
    struct quantity q, first = { 0 };
    bool holding = false;
    uint64_t total = (uint64_t)(seconds * w->rate), skip_us = (uint64_t)(r->skip_s * 1e6);
    front_init(&r->front, &r->front_cfg);
    if (r->calibrated) front_calibrate(&r->front, &r->cal);
    measure_init(&r->measure, &r->measure_cfg, r->calibrated ? &r->cal : NULL);
    for (uint64_t done = 0; done < total; done += BLOCK) {
        wave_codes(w, codes, BLOCK);
        front_samples(&r->front, codes, BLOCK);
        while (window_take(&r->front, &win)) {
            quantity_of(&q, &r->measure, &win);
            if (q.start.us < skip_us) continue;
            bool held = r->windows_even && !holding;
            if (r->windows_even && holding) take(&out, &t, &first);
            first = q;
            holding = held;
            if (!held) take(&out, &t, &q);
        }
    }
    finish(&out, &t);
    return out;
}

double rig_ppm(double read, double truth, double of)
{
    return (read - truth) / of * 1e6;
}
