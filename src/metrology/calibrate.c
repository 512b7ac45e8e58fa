/* The procedure works on quantities: every window is converted with the constants it was taken
 * under, less what is sought, and averaged. Ratios to the reference then correct those
 * constants.
 */
#include <string.h>

#include "base/err.h"
#include "base/fixed.h"
#include "metrology/calibration.h"
#include "metrology/quantity.h"
#include "metrology/trig.h"

enum { WINDOWS_MIN = 5, WINDOWS_MAX = 3000, TURN_TO_NS_MAX = 1000000 };

int calibrate_init(struct calibrate *c, const struct sampling *s, const struct rating *r,
                   const struct calibration *now, uint16_t n)
{
    if (!sampling_is_valid(s) || !rating_is_valid(r) || !calibration_is_valid(now) ||
        n < WINDOWS_MIN || n > WINDOWS_MAX)
        return E_RANGE;
    memset(c, 0, sizeof *c);
    c->sampling = *s;
    c->rating = *r;
    c->now = c->next = *now;
    c->windows = n;
    c->step = CAL_STEPS;
    return 0;
}

int calibrate_step(struct calibrate *c, enum cal_step step)
{
    if (step >= CAL_STEPS || (step == CAL_STEP_PHASE && !(c->done >> CAL_STEP_GAIN & 1)))
        return E_STATE;
    c->step = (uint8_t)step;
    memset(&c->sums, 0, sizeof c->sums);
    return 0;
}

/* The constants of the windows, without what the procedure does not correct by ratio. */
static void convert(const struct calibrate *c, const struct window *w, struct quantity *q)
{
    struct measure m;
    struct measure_cfg cfg = measure_cfg_default(&c->rating);
    struct calibration plain = c->now;
    cfg.sampling = c->sampling;
    cfg.creep_off = true;
    if (c->step != CAL_STEP_CHECK) {
        memset(plain.sigma_na, 0, sizeof plain.sigma_na);
        memset(plain.offset_p_uw, 0, sizeof plain.offset_p_uw);
        memset(plain.offset_q_uvar, 0, sizeof plain.offset_q_uvar);
        memset(plain.angle, 0, sizeof plain.angle);
    }
    measure_init(&m, &cfg, &plain);
    quantity_of(q, &m, w);
}

static int64_t mean_code(const struct window *w, int sum)
{
    return muldiv_i64(w->sum[sum], 65536, (int64_t)w->span_q16);
}

int calibrate_feed(struct calibrate *c, const struct window *w)
{
    struct quantity q;
    if (c->step == CAL_STEPS) return E_STATE;
    if (w->flags || w->missed || w->saturated[0] || w->saturated[1] || w->saturated[2] ||
        w->span_q16 == 0)
        return E_STATE;
    if (c->sums.windows == c->windows) return 1;
    convert(c, w, &q);
    struct cal_sums *s = &c->sums;
    s->u_uv += q.u_uv;
    s->f_uhz += q.f_uhz;
    for (int k = 0; k < 3; k++) s->code[k] += mean_code(w, SUM_V + k);
    for (int el = 0; el < 2; el++) {
        const struct element *e = &q.element[el];
        s->i_ua[el] += e->i_ua;
        s->ii_ua2[el] += (uint64_t)e->i_ua * e->i_ua;
        s->p_uw[el] += e->p_uw;
        s->q_uvar[el] += e->q_uvar;
    }
    return ++s->windows == c->windows;
}

static int elements(const struct calibrate *c)
{
    return c->sampling.channels > 2 ? 2 : 1;
}

/* Open input: what is left is noise, and the middle of the converter. */
static int solve_open(struct calibrate *c)
{
    const struct cal_sums *s = &c->sums;
    for (int el = 0; el < elements(c); el++)
        c->next.sigma_na[el] = isqrt_u64(s->ii_ua2[el] * 1000 / s->windows * 1000);
    for (int k = 0; k < 1 + elements(c); k++)
        c->next.offset[k] = c->now.offset[k] + (int32_t)(s->code[k] / (int64_t)s->windows);
    return calibration_is_valid(&c->next) ? 0 : E_RANGE;
}

/* gain x want / (sum / n), or 0 when it is no gain. */
static uint32_t gain(uint32_t was, int64_t want, int64_t sum, uint32_t n)
{
    if (want <= 0 || sum <= 0) return 0;
    uint64_t g = muldiv_u64((uint64_t)want * n, was, (uint64_t)sum);
    return g < UINT32_MAX ? (uint32_t)g : 0;
}

/* The noise is in the reading and not in the reference: sqrt(i^2 - sigma^2) = i - sigma^2 / 2
 * i. */
static int64_t without_noise(const struct calibrate *c, int el)
{
    int64_t sum = c->sums.i_ua[el], n = c->sums.windows, sigma = c->next.sigma_na[el];
    return sum > 0 ? sum - muldiv_i64(sigma * sigma / 2000000, n * n, sum) : 0;
}

static int solve_gain(struct calibrate *c, const struct cal_reference *ref)
{
    struct cal_sums *s = &c->sums;
    struct calibration *next = &c->next;
    const uint32_t was[2] = { c->now.gain_i, c->now.gain_n };
    uint32_t *to[2] = { &next->gain_i, &next->gain_n };
    next->gain_v = gain(c->now.gain_v, ref->u_uv, s->u_uv, s->windows);
    for (int el = 0; el < elements(c); el++)
        *to[el] = gain(was[el], ref->i_ua, without_noise(c, el), s->windows);
    if (ref->f_uhz && s->f_uhz > 0) {
        int64_t want = (int64_t)ref->f_uhz * s->windows;
        next->clock_ppb =
            (int32_t)(c->now.clock_ppb + muldiv_i64(want - s->f_uhz, 1000000000, s->f_uhz));
    }
    c->unity = *s; /* the gain of power waits until the angle is known */
    c->unity_ref = *ref;
    return calibration_is_valid(next) ? 0 : E_RANGE;
}

/* Turns by which the reading lags behind the reference, as a small signed angle. */
static int32_t lag(const struct cal_reference *ref, const struct cal_sums *s, int el)
{
    return (int32_t)(trig_angle(ref->p_uw, ref->q_uvar) -
                     trig_angle(s->p_uw[el], s->q_uvar[el]));
}

/* 2 pi / 2^32 of a turn, as radians x 2^40: pi x 2^9. */
static int64_t radians(int32_t turns_q32)
{
    return muldiv_i64(turns_q32, INT64_C(1608495438638), 1000000000);
}

/* Residual of power: the unity reading, with its new gains and turned by the angle found since,
 * against its reference. */
static uint32_t power_gain(const struct calibrate *c, int el, int32_t turns)
{
    const struct cal_sums *s = &c->unity;
    int64_t sine, less, p = s->p_uw[el], q = s->q_uvar[el];
    trig_small(radians(turns), &sine, &less);
    p -= mul_shift_i64(p, less, 40) + mul_shift_i64(q, sine, 40);
    p = muldiv_i64(p, c->next.gain_v, c->now.gain_v);
    p = el ? muldiv_i64(p, c->next.gain_n, c->now.gain_n)
           : muldiv_i64(p, c->next.gain_i, c->now.gain_i);
    return gain(c->now.gain_p[el], c->unity_ref.p_uw, p, s->windows);
}

static int solve_phase(struct calibrate *c, const struct cal_reference *ref)
{
    const struct cal_sums *s = &c->sums;
    int64_t f_uhz = s->f_uhz / (int64_t)s->windows;
    if (f_uhz <= 0) return E_RANGE;
    for (int el = 0; el < elements(c); el++) {
        int32_t turns = lag(ref, s, el);
        int64_t ns = muldiv_i64((int64_t)turns * 1000000, 1000000000, f_uhz << 32);
        if (ns > TURN_TO_NS_MAX || ns < -TURN_TO_NS_MAX) return E_RANGE;
        c->next.phase_ns[el] = c->now.phase_ns[el] + (int32_t)ns;
        c->next.gain_p[el] = power_gain(c, el, turns);
    }
    return calibration_is_valid(&c->next) ? 0 : E_RANGE;
}

static int32_t parts(int64_t read, int64_t want, int64_t of)
{
    int64_t ppm = of > 0 ? muldiv_i64(read - want, 1000000, of) : 0;
    return ppm > INT32_MAX ? INT32_MAX : ppm < INT32_MIN ? INT32_MIN : (int32_t)ppm;
}

static int solve_check(struct calibrate *c, const struct cal_reference *ref)
{
    int64_t n = c->sums.windows, s_uva = muldiv_i64(ref->u_uv, ref->i_ua, 1000000);
    for (int el = 0; el < elements(c); el++) {
        c->error_ppm[el] = parts(c->sums.p_uw[el], ref->p_uw * n, s_uva * n);
        c->error_q_ppm[el] = parts(c->sums.q_uvar[el], ref->q_uvar * n, s_uva * n);
    }
    return 0;
}

int calibrate_solve(struct calibrate *c, const struct cal_reference *ref)
{
    if (c->step == CAL_STEPS) return E_STATE;
    if (c->sums.windows < c->windows) return E_MORE;
    struct calibration before = c->next;
    int r = E_STATE;
    switch (c->step) {
    case CAL_STEP_OPEN:
        r = solve_open(c);
        break;
    case CAL_STEP_GAIN:
        r = solve_gain(c, ref);
        break;
    case CAL_STEP_PHASE:
        r = solve_phase(c, ref);
        break;
    case CAL_STEP_CHECK:
        r = solve_check(c, ref);
        break;
    }
    if (r < 0)
        c->next = before;
    else
        c->done |= (uint8_t)(1 << c->step);
    return r;
}

int calibrate_result(const struct calibrate *c, struct calibration *out)
{
    uint8_t needed = 1 << CAL_STEP_GAIN | 1 << CAL_STEP_PHASE;
    if ((c->done & needed) != needed) return E_STATE;
    *out = c->next;
    out->number = c->now.number + 1;
    return 0;
}
