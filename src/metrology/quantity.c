/* From sums to quantities. Span N is in samples; a product sum less its direct part over N is a
 * mean. Everything is done on whole sums, so nothing is rounded before it is scaled.
 */
#include "metrology/quantity.h"

#include <string.h>

#include "base/fixed.h"
#include "base/sys.h"
#include "metrology/trig.h"

enum {
    CREEP_P = 1 << 0,
    CREEP_Q = 1 << 1,
    CREEP_S = 1 << 2,
    STUCK_CODE = 1 << 17,    /* a still code nearer to zero may be an offset without load */
    SINGLE_WIRE_UA = 500000, /* current that is billed without voltage */
    NO_VOLTAGE_PERCENT = 5,
    THD_MAX_BP = 100000
};

struct measure_cfg measure_cfg_default(const struct rating *r)
{
    return (struct measure_cfg){ .rating = *r,
                                 .sampling = SAMPLING_DEFAULT,
                                 .q_total = Q_TOTAL_VECTOR,
                                 .mismatch_permille = 100,
                                 .mismatch_ua = 200000 };
}

/* The name of the table of sums that belongs to an element. */
struct sums_of {
    uint8_t one, square, power, c, s, hilbert;
};

static const struct sums_of sums_of[ELEMENTS] = {
    { SUM_I, SUM_II, SUM_VI, SUM_IC, SUM_IS, SUM_HI },
    { SUM_N, SUM_NN, SUM_VN, SUM_NC, SUM_NS, SUM_HI },
};

static struct scale code_scale(uint32_t full_scale, uint32_t gain)
{
    return scale_mul(scale_mul(scale_one(), full_scale, -23), gain, -30);
}

/* uV x nA x samples, to nJ: a sample lasts 1e9 / ((1e9 + ppb) rate) seconds. */
static struct scale energy_scale(const struct measure *m, int el)
{
    struct scale s = scale_times(m->u, m->i[el]);
    s = scale_mul(s, m->cal.gain_p[el], -30);
    s = scale_mul(s, 1000, 0);
    return scale_div(scale_div(s, m->cfg.sampling.rate_hz),
                     (uint64_t)(INT64_C(1000000000) + m->cal.clock_ppb));
}

void measure_init(struct measure *m, const struct measure_cfg *cfg,
                  const struct calibration *cal)
{
    struct measure next = { .cfg = *cfg }; /* cfg and cal may lie in *m */
    const struct sampling *s = &cfg->sampling;
    ensure(sampling_is_valid(s) && rating_is_valid(&cfg->rating));
    next.calibrated = cal && calibration_is_valid(cal);
    if (next.calibrated)
        next.cal = *cal;
    else
        calibration_init(&next.cal);
    *m = next;
    s = &m->cfg.sampling;
    m->u = code_scale(s->full_scale_uv, m->cal.gain_v);
    m->i[0] = scale_mul(code_scale(s->full_scale_ua, m->cal.gain_i), 1000, 0);
    m->i[1] = scale_mul(code_scale(s->full_scale_n_ua, m->cal.gain_n), 1000, 0);
    for (int k = 0; k < ELEMENTS; k++) {
        m->energy[k] = energy_scale(m, k);
        m->creep[k] = CREEP_P | CREEP_Q | CREEP_S;
    }
}

/* What is being worked out: a window, its length, and what is common to its elements. */
struct work {
    struct measure *m;
    const struct window *w;
    struct quantity *q;
    uint64_t n_q16;
    struct scale per_n;    /* 1 / samples */
    struct scale per_span; /* nJ to uW */
    int64_t vc, vs;        /* voltage phasor, code x 2^22 */
};

/* s x 2^bits, without a multiplication. */
static struct scale times_2(struct scale s, int bits)
{
    s.shift = (int16_t)(s.shift - bits);
    return s;
}

static int64_t mean(const struct work *k, int64_t sum)
{
    return scale_apply(k->per_n, sum);
}

/* Sum of a x b without the direct components: whole cycles leave only those in the plain sums.
 */
static int64_t pure(const struct work *k, int ab, int a, int b)
{
    const int64_t *sum = k->w->sum;
    return sum[ab] - mul_shift_i64(sum[a], scale_apply(times_2(k->per_n, 24), sum[b]), 24);
}

/* A root with as many bits as fit: value = root x 2^-shift. */
struct root {
    uint32_t root;
    int shift;
};

static struct root rms_of(const struct work *k, int64_t squares)
{
    int64_t sum = squares > 0 ? squares : 0;
    uint64_t square = (uint64_t)mean(k, sum) + 1;
    int shift = (__builtin_clzll(square) - 2) / 2;
    square = (uint64_t)scale_apply(times_2(k->per_n, 2 * shift), sum);
    return (struct root){ isqrt_u64(square), shift };
}

static int64_t scaled(struct scale s, struct root r)
{
    return scale_apply(times_2(s, -r.shift), r.root);
}

/* RMS of a phasor of half amplitudes x 2^22: root 2 times its length. */
static int64_t scaled_phasor(struct scale s, int64_t c, int64_t v)
{
    uint64_t a = abs_i64(c), b = abs_i64(v);
    int shift = 33 - __builtin_clzll(a | b | 1);
    if (shift < 0) shift = 0;
    a >>= shift;
    b >>= shift;
    s = scale_mul(s, UINT64_C(6074001000), -32);
    return scaled(s, (struct root){ isqrt_u64(a * a + b * b), 22 - shift });
}

static uint32_t to_u32(struct quantity *q, int64_t x)
{
    if (x >= 0 && x <= UINT32_MAX) return (uint32_t)x;
    q->flags |= QTY_OVERFLOW;
    return x < 0 ? 0 : UINT32_MAX;
}

/* sqrt(x^2 - y^2) for x >= y; scaled down where the squares would not fit. */
static uint64_t leg(uint64_t x, uint64_t y)
{
    int shift = 33 - __builtin_clzll(x | 1);
    if (y >= x) return 0;
    if (shift < 0) shift = 0;
    x >>= shift;
    y >>= shift;
    return (uint64_t)isqrt_u64((x - y) * (x + y)) << shift;
}

static uint32_t thd_bp(uint64_t rms, uint64_t fundamental)
{
    if (fundamental == 0) return 0;
    uint64_t bp = leg(rms, fundamental) * 10000 / fundamental;
    return bp > THD_MAX_BP ? THD_MAX_BP : (uint32_t)bp;
}

static void voltage(struct work *k)
{
    struct quantity *q = k->q;
    k->vc = mean(k, k->w->sum[SUM_VC]);
    k->vs = mean(k, k->w->sum[SUM_VS]);
    struct scale nano = scale_mul(k->m->u, 1000, 0);
    struct root rms = rms_of(k, pure(k, SUM_VV, SUM_V, SUM_V));
    int64_t u1_nv = scaled_phasor(nano, k->vc, k->vs);
    q->u_uv = to_u32(q, scaled(k->m->u, rms));
    q->u1_uv = to_u32(q, (u1_nv + 500) / 1000);
    q->thd_u_bp = thd_bp((uint64_t)scaled(nano, rms), (uint64_t)u1_nv);
}

/* The angle table: held outside its points, straight between them; millionths of a degree. */
static int32_t angle_at(const struct cal_angle a[CAL_ANGLES], int64_t i_ua)
{
    int64_t i0 = (int64_t)a[0].i_ma * 1000, i1 = (int64_t)a[1].i_ma * 1000;
    if (i_ua <= i0 || i1 <= i0) return a[0].angle_udeg;
    if (i_ua >= i1) return a[1].angle_udeg;
    return a[0].angle_udeg +
           (int32_t)((int64_t)(a[1].angle_udeg - a[0].angle_udeg) * (i_ua - i0) / (i1 - i0));
}

static const int64_t pi_180_q52 = INT64_C(0x477D1A894A75);

/* Take out the angle by which the current's transformer leads: the fundamental turns, and with
 * it its part of the power. Sine and cosine by their series: the angle is below 5 degrees. */
static void turn_back(const struct work *k, int el, int64_t i_ua, int64_t *p, int64_t *p1,
                      int64_t *q1)
{
    int32_t udeg = angle_at(k->m->cal.angle[el], i_ua);
    if (udeg == 0) return;
    int64_t a = muldiv_i64(udeg, pi_180_q52, INT64_C(1000000) << 12);
    int64_t sine, less;
    trig_small(a, &sine, &less);
    int64_t dp = -mul_shift_i64(*p1, less, 40) - mul_shift_i64(*q1, sine, 40);
    int64_t dq = mul_shift_i64(*p1, sine, 40) - mul_shift_i64(*q1, less, 40);
    *p += dp;
    *p1 += dp;
    *q1 += dq;
}

/* Mean power in millionths, of an energy. */
static int64_t power(const struct work *k, int64_t e_nj)
{
    return scale_apply(k->per_span, e_nj);
}

static int64_t energy(const struct work *k, int64_t p_uw)
{
    return muldiv_i64(p_uw, (int64_t)k->q->span_ns, 1000000);
}

/* RMS without its noise: sqrt(i^2 - sigma^2); where i^2 would not fit the first term will do.
 */
static int64_t quiet(int64_t i_na, int64_t sigma_na)
{
    if (i_na <= sigma_na) return 0;
    if (i_na >> 32) return i_na - sigma_na * sigma_na / (2 * i_na);
    return isqrt_u64((uint64_t)(i_na - sigma_na) * (uint64_t)(i_na + sigma_na));
}

static void current(struct work *k, int el)
{
    const struct sums_of *at = &sums_of[el];
    struct element *e = &k->q->element[el];
    int64_t c = mean(k, k->w->sum[at->c]), s = mean(k, k->w->sum[at->s]);
    struct root rms = rms_of(k, pure(k, at->square, at->one, at->one));
    int64_t all_na = scaled(k->m->i[el], rms);
    int64_t i_na = quiet(all_na, k->m->cal.sigma_na[el]);
    int64_t i1_na = scaled_phasor(k->m->i[el], c, s);
    e->i_ua = to_u32(k->q, (i_na + 500) / 1000);
    e->i1_ua = to_u32(k->q, (i1_na + 500) / 1000);
    e->thd_i_bp = thd_bp((uint64_t)i_na, (uint64_t)i1_na);
    e->s_uva = muldiv_i64(k->q->u_uv, i_na, 1000000000);
}

/* Energies of an element as measured: 2 / N of the phasors' product, each x 2^22, is the energy
 * of the fundamental. */
static void powers(struct work *k, int el)
{
    const struct sums_of *at = &sums_of[el];
    const struct calibration *cal = &k->m->cal;
    struct element *e = &k->q->element[el];
    struct scale unit = k->m->energy[el];
    int64_t c = k->w->sum[at->c], s = k->w->sum[at->s];
    int64_t p = scale_apply(unit, pure(k, at->power, SUM_V, at->one));
    int64_t p1 = scale_apply(unit, mul_shift_i64(k->vc, c, 43) + mul_shift_i64(k->vs, s, 43));
    int64_t q1 = scale_apply(unit, mul_shift_i64(k->vc, s, 43) - mul_shift_i64(k->vs, c, 43));
    int64_t qh = -scale_apply(unit, k->w->sum[at->hilbert]);
    turn_back(k, el, e->i_ua, &p, &p1, &q1);
    e->active_nj = p - energy(k, cal->offset_p_uw[el]);
    e->reactive_nj = q1 - energy(k, cal->offset_q_uvar[el]);
    e->p_uw = power(k, e->active_nj);
    e->q_uvar = power(k, e->reactive_nj);
    e->p1_uw = power(k, p1);
    if (e->s_uva < (int64_t)abs_i64(e->p_uw)) e->s_uva = (int64_t)abs_i64(e->p_uw);
    e->apparent_nj = energy(k, e->s_uva);
    if (k->m->cfg.q_total == Q_TOTAL_HILBERT) e->q_total_uvar = power(k, qh);
    if (k->m->cfg.q_total == Q_TOTAL_VECTOR) {
        int64_t q = (int64_t)leg((uint64_t)e->s_uva, abs_i64(e->p_uw));
        e->q_total_uvar = e->q_uvar < 0 ? -q : q;
    }
}

/* A latch: closed below the limit, open again 10 % above it. */
static bool below(bool was, uint64_t x, uint64_t limit)
{
    return was ? x * 10 < limit * 11 : x < limit;
}

/* Start and no load: half of the starting current, or half of its power, each quantity for
 * itself. What is below counts nothing. */
static void creep(struct work *k, int el)
{
    struct element *e = &k->q->element[el];
    uint32_t ist_ua = rating_ist_ua(&k->m->cfg.rating);
    uint64_t limit_uw = (uint64_t)k->m->cfg.rating.un_mv * ist_ua / 2000;
    uint8_t was = k->m->creep[el], is = 0;
    const uint64_t power[3] = { abs_i64(e->p_uw), abs_i64(e->q_uvar), (uint64_t)e->s_uva };
    for (int b = 0; b < 3; b++) {
        bool still = was >> b & 1;
        if (below(still, e->i_ua, ist_ua / 2) || below(still, power[b], limit_uw))
            is |= (uint8_t)(1 << b);
    }
    if (k->m->cfg.creep_off) is = 0;
    k->m->creep[el] = is;
    if (is & CREEP_P) e->active_nj = 0;
    if (is & CREEP_Q) e->reactive_nj = 0;
    if (is & CREEP_S) e->apparent_nj = 0;
    if (e->i_ua < ist_ua / 2 && !k->m->cfg.creep_off) return; /* no angle of nothing */
    if (e->s_uva) e->pf_ppm = (int32_t)muldiv_i64(e->p_uw, 1000000, e->s_uva);
    uint64_t turn = trig_angle(e->p1_uw, e->q_uvar);
    e->angle_mdeg = (int32_t)((turn * 360000 + (UINT64_C(1) << 31)) >> 32) % 360000;
}

/* No voltage but current: a neutral was taken away. Where the market says so, Un is assumed. */
static void single_wire(struct work *k, int el)
{
    struct element *e = &k->q->element[el];
    if (!k->m->cfg.single_wire_bills || e->i_ua < SINGLE_WIRE_UA) return;
    int64_t p_uw = muldiv_i64(k->m->cfg.rating.un_mv, e->i_ua, 1000);
    e->active_nj = e->apparent_nj = energy(k, p_uw);
    k->q->flags |= QTY_SINGLE_WIRE;
}

/* RMS of the difference of the currents, from their squares and their product. */
static uint32_t difference(struct work *k)
{
    struct scale s = scale_times(k->m->i[0], k->m->i[1]);
    int64_t product = scale_apply(times_2(k->per_n, 10), pure(k, SUM_IN, SUM_I, SUM_N));
    int64_t i = k->q->element[0].i_ua, n = k->q->element[1].i_ua;
    int64_t d =
        i * i + n * n - 2 * scale_apply(times_2(scale_mul(s, 1125899907, -50), -10), product);
    return d > 0 ? isqrt_u64((uint64_t)d) : 0;
}

/* The larger current is billed while they disagree; back to the phase at half of the limit. */
static void choose(struct work *k)
{
    const struct measure_cfg *cfg = &k->m->cfg;
    uint64_t i = k->q->element[0].i_ua, n = k->q->element[1].i_ua, larger = i > n ? i : n;
    uint64_t limit = larger * cfg->mismatch_permille / 1000, apart = i > n ? i - n : n - i;
    if (limit < cfg->mismatch_ua) limit = cfg->mismatch_ua;
    if (cfg->bill_larger && n > i && apart > limit) k->m->billed = ELEMENT_NEUTRAL;
    if (!cfg->bill_larger || i >= n || apart * 2 < limit) k->m->billed = ELEMENT_PHASE;
    k->q->billed = k->m->billed;
}

/* Floor of the square root of 32 bits: what a packed mean square deserves. */
static uint32_t root_32(uint32_t v)
{
    uint32_t root = 0;
    for (uint32_t bit = UINT32_C(1) << 30; bit; bit >>= 2) {
        uint32_t trial = root + bit;
        root >>= 1;
        if (v >= trial) {
            v -= trial;
            root += bit;
        }
    }
    return root;
}

/* A list of packed mean squares as RMS values; what was broken stands at the mean of the
 * window. The direct component stays in: that of a window in which a dip begins is the dip's.
 */
static void half_list(const struct work *k, uint32_t *dst, const uint16_t *packed,
                      struct scale s, uint32_t broken)
{
    uint64_t unit = s.m >> 32;
    for (int h = 0; h < k->q->halves; h++) {
        uint64_t square = window_unpack(packed[h]);
        int even = (__builtin_clzll(square | 1) - 32) & ~1; /* to 31 or 32 bits; may be < 0 */
        uint64_t v = even > 0 ? square << even : square >> -even;
        uint64_t out = (root_32((uint32_t)v) * unit) >> (s.shift - 32 + even / 2);
        if (packed[h] == WINDOW_UNKNOWN) out = broken;
        dst[h] = out > UINT32_MAX ? UINT32_MAX : (uint32_t)out;
    }
}

static void halves(struct work *k)
{
    const struct window *w = k->w;
    struct quantity *q = k->q;
    struct scale micro = scale_mul(k->m->i[0], 1099511628, -40);
    q->halves = (uint8_t)(w->halves < WINDOW_HALVES ? w->halves : WINDOW_HALVES);
    half_list(k, q->u_half_uv, w->vv_half, k->m->u, q->u_uv);
    half_list(k, q->i_half_ua, w->ii_half, micro, q->element[0].i_ua);
    uint32_t each_us = (uint32_t)(q->end.us - q->start.us) / w->halves;
    for (unsigned h = 0; h < q->halves; h++) q->half_us[h] = q->start.us + (h + 1) * each_us;
}

/* A channel whose code does not move, though it should. */
static bool is_stuck(const struct work *k, int one, int square)
{
    int64_t code = mean(k, k->w->sum[one]), spread = mean(k, pure(k, square, one, one));
    return spread == 0 && (k->m->cfg.expect_noise || abs_i64(code) > STUCK_CODE);
}

static void flags(struct work *k)
{
    const struct window *w = k->w;
    struct quantity *q = k->q;
    uint64_t un_uv = (uint64_t)k->m->cfg.rating.un_mv * 1000;
    bool low = q->u_uv < un_uv * NO_VOLTAGE_PERCENT / 100;
    bool far = w->flags & WINDOW_NO_VOLTAGE && q->u_uv > 2 * (uint64_t)q->u1_uv;
    int channels = k->m->cfg.sampling.channels;
    if (w->saturated[0] || w->saturated[1] || w->saturated[2]) q->flags |= QTY_SATURATED;
    if (w->missed) q->flags |= QTY_MISSED;
    if (low) q->flags |= QTY_NO_VOLTAGE;
    if (w->flags & WINDOW_F_RANGE || (far && !low)) q->flags |= QTY_F_RANGE;
    if (w->flags & WINDOW_UNLOCKED) q->flags |= QTY_UNLOCKED;
    if (w->flags & WINDOW_GROWN) q->flags |= QTY_LATE;
    if (!k->m->calibrated) q->flags |= QTY_NO_CALIBRATION;
    if (is_stuck(k, SUM_V, SUM_VV) || is_stuck(k, SUM_I, SUM_II) ||
        (channels > 2 && is_stuck(k, SUM_N, SUM_NN)))
        q->flags |= QTY_STUCK;
}

static void times(struct work *k)
{
    const struct sampling *s = &k->m->cfg.sampling;
    const struct window *w = k->w;
    struct quantity *q = k->q;
    uint64_t period_us = 1000000 / s->rate_hz,
             clock = (uint64_t)(INT64_C(1000000000) + k->m->cal.clock_ppb);
    uint64_t end = w->start_q16 + w->span_q16 + ((uint64_t)w->missed << 16);
    q->start.us = (w->start_q16 >> 16) * period_us;
    q->end.us = (end >> 16) * period_us;
    q->span_ns =
        muldiv_u64(k->n_q16, UINT64_C(1000000000000000000), s->rate_hz * 65536 * clock);
    q->f_uhz = (uint32_t)muldiv_u64(w->f_uhz, clock, 1000000000);
}

void quantity_of(struct quantity *q, struct measure *m, const struct window *w)
{
    struct work k = { .m = m, .w = w, .q = q, .n_q16 = w->span_q16 ? w->span_q16 : 1 };
    bool neutral = m->cfg.sampling.channels > 2;
    memset(q, 0, sizeof *q);
    q->flags = QTY_HAS_WAVES | (neutral ? QTY_HAS_N : 0);
    k.per_n = times_2(scale_div(scale_one(), k.n_q16), 16);
    times(&k);
    k.per_span = scale_div(scale_mul(scale_one(), 1000000, 0), q->span_ns);
    voltage(&k);
    flags(&k);
    for (int el = 0; el < (neutral ? ELEMENTS : 1); el++) {
        current(&k, el);
        powers(&k, el);
        creep(&k, el);
        if (q->flags & QTY_NO_VOLTAGE) single_wire(&k, el);
    }
    if (neutral) {
        q->diff_ua = difference(&k);
        choose(&k);
    }
    q->flags |= (uint32_t)(m->creep[q->billed] & CREEP_P ? QTY_CREEP_P : 0) |
                (uint32_t)(m->creep[q->billed] & CREEP_Q ? QTY_CREEP_Q : 0) |
                (uint32_t)(m->creep[q->billed] & CREEP_S ? QTY_CREEP_S : 0);
    if (w->halves) halves(&k);
}

int quantity_quadrant(int64_t p, int64_t q, int last)
{
    bool p_minus = p < 0 || (p == 0 && (last == 2 || last == 3));
    bool q_minus = q < 0 || (q == 0 && (last == 3 || last == 4));
    return p_minus ? (q_minus ? 3 : 2) : (q_minus ? 4 : 1);
}
