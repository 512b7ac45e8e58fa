/* Any samples, any constants, any order of calls: no wrap, no gap, no crash.
 *
 * The input is a little program: the first octets choose the front end, the constants of a
 * record follow, as they come or brought into their ranges, then each octet pair is something
 * that happens to the chain. Invariants are checked after every window.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrology/front.h"
#include "metrology/quality.h"
#include "metrology/quantity.h"
#include "metrology/tamper.h"
#include "metrology/trig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct front front;
static struct measure measure;
static struct quality quality;
static struct tamper tamper;
static struct quality_cfg quality_cfg;
static struct tamper_cfg tamper_cfg;
static uint64_t next_q16;

static void must(int true_)
{
    if (!true_) abort();
}

static void judge(const struct quantity *q)
{
    struct quality_note note[QUALITY_NOTES];
    struct tamper_note fraud[TAMPER_NOTES];
    struct tamper_field field = { 0 };
    must(quality_feed(&quality, &quality_cfg, q, note) <= QUALITY_NOTES);
    must(tamper_feed(&tamper, &tamper_cfg, q, &field, fraud) <= TAMPER_NOTES);
    for (int el = 0; el < ELEMENTS; el++) {
        const struct element *e = &q->element[el];
        must(e->apparent_nj >= 0 && e->s_uva >= llabs(e->p_uw));
        must(e->pf_ppm >= -1000000 && e->pf_ppm <= 1000000);
        must(e->angle_mdeg >= 0 && e->angle_mdeg < 360000);
        must(e->thd_i_bp <= 100000);
    }
    must(q->halves <= WINDOW_HALVES && q->start.us <= q->end.us);
}

static void fetch(void)
{
    struct window w;
    struct quantity q;
    while (window_take(&front, &w)) {
        must(w.start_q16 == next_q16);
        next_q16 = w.start_q16 + w.span_q16 + ((uint64_t)w.missed << 16);
        must(w.sum[SUM_VV] >= -(INT64_C(1) << 50) && w.sum[SUM_II] >= -(INT64_C(1) << 50));
        quantity_of(&q, &measure, &w);
        judge(&q);
        for (int k = 0; k < 2; k++) {
            int64_t nj = k ? q.element[q.billed].reactive_nj : q.element[q.billed].active_nj;
            pulse_book(front_pulse(&front, (enum pulse_output)k), nj);
        }
    }
}

/* A stretch of samples: sine, square, noise or a constant, of some amplitude and frequency. */
static void samples(uint8_t kind, uint8_t what, uint32_t count)
{
    static uint32_t phase, noise = 1;
    uint32_t step = (what & 31u) * 0x00200000u + 0x00800000u;
    int32_t peak = INT32_C(1) << (what >> 5) * 4;
    for (uint32_t k = 0; k < count; k++) {
        int32_t s, c;
        phase += step;
        noise = noise * 1664525 + 1013904223;
        trig_sincos(phase, &s, &c);
        if (kind & 1) s = s < 0 ? -4194304 : 4194304;
        if (kind & 2) s = (int32_t)noise;
        if (kind & 4) s = c = what * 65536;
        int32_t v = (int32_t)((int64_t)s * peak >> 10), i = (int32_t)((int64_t)c * peak >> 9);
        front_sample_isr(&front, v, i, kind & 8 ? ~i : v);
    }
}

static void begin(const uint8_t b[4])
{
    struct rating r = b[0] & 1 ? RATING_120V_80A : RATING_230V_100A;
    struct front_cfg cfg = front_cfg_default(&r);
    struct measure_cfg mc = measure_cfg_default(&r);
    cfg.sampling.channels = b[0] & 2 ? 2 : 3;
    cfg.sampling.rate_hz = b[0] & 4 ? 4000 : 8000;
    cfg.sampling.bits = (uint8_t)(16 + b[1] % 9);
    cfg.hilbert = b[0] & 8;
    cfg.dark_mv = b[2] * 1000u;
    cfg.constant_wh = 100u + b[3] * 38u;
    mc.sampling = cfg.sampling;
    mc.q_total = b[0] >> 4 & 1 ? Q_TOTAL_HILBERT : Q_TOTAL_VECTOR;
    mc.bill_larger = b[0] & 32;
    mc.single_wire_bills = b[0] & 64;
    mc.creep_off = b[0] & 128;
    next_q16 = 0;
    front_init(&front, &cfg);
    measure_init(&measure, &mc, NULL);
    quality_init(&quality);
    tamper_init(&tamper);
    quality_cfg = quality_cfg_default(&r);
    tamper_cfg = tamper_cfg_default(&r);
}

static int32_t constant(const uint8_t **b, bool tame, int32_t middle, int32_t most)
{
    int32_t x;
    memcpy(&x, *b, sizeof x);
    *b += sizeof x;
    return tame ? middle + x % (most + 1) : x;
}

/* Constants of any value become a record; what reads it takes it exactly when all are within
 * their ranges, and gives them back as they were. */
static bool constants(const uint8_t *b, struct calibration *out)
{
    enum { ONE = CAL_GAIN_ONE, HALF = CAL_GAIN_ONE / 2, OFFSET = 1 << 20, WATT = 1000000 };
    uint8_t record[CAL_BYTES];
    struct calibration c, back;
    bool tame = *b++ & 1;
    memset(&c, 0, sizeof c);
    c.number = (uint32_t)constant(&b, false, 0, 0);
    c.gain_v = (uint32_t)constant(&b, tame, ONE, HALF);
    c.gain_i = (uint32_t)constant(&b, tame, ONE, HALF);
    c.gain_n = (uint32_t)constant(&b, tame, ONE, HALF);
    c.clock_ppb = constant(&b, tame, 0, 200000);
    for (int k = 0; k < 3; k++) c.offset[k] = constant(&b, tame, 0, OFFSET);
    for (int k = 0; k < 2; k++) {
        c.gain_p[k] = (uint32_t)constant(&b, tame, ONE, HALF);
        c.phase_ns[k] = constant(&b, tame, 0, CAL_PHASE_NS_MAX);
        c.sigma_na[k] = (uint32_t)constant(&b, tame, 50000000, 50000000);
        c.offset_p_uw[k] = constant(&b, tame, 0, WATT);
        c.offset_q_uvar[k] = constant(&b, tame, 0, WATT);
        for (int a = 0; a < CAL_ANGLES; a++) {
            c.angle[k][a].i_ma = (uint32_t)constant(&b, false, 0, 0);
            c.angle[k][a].angle_udeg = constant(&b, tame, 0, 5000000);
        }
    }
    calibration_encode(record, &c);
    bool good = calibration_decode(&back, record) == 0;
    must(good == calibration_is_valid(&c));
    must(good || !tame);
    if (good) {
        must(memcmp(&back, &c, sizeof c) == 0);
        *out = back;
    }
    record[b[0] % CAL_BYTES] ^= (uint8_t)(b[1] | 1);
    must(calibration_decode(&back, record) < 0);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct calibration cal;
    size_t at = 4;
    if (n < 4) return 0;
    begin(data);
    if (n >= 4 + CAL_BYTES) {
        if (constants(data + 4, &cal)) {
            front_calibrate(&front, &cal);
            measure_init(&measure, &measure.cfg, &cal);
        }
        at += CAL_BYTES;
    }
    for (uint32_t total = 0; at + 1 < n && total < 40000; at += 2) {
        uint8_t kind = data[at], what = data[at + 1];
        uint32_t count = 1u << kind % 13;
        if (kind < 200)
            samples(kind >> 4, what, count);
        else if (kind < 220)
            front_missed_isr(&front, what * 37u);
        else
            front_close(&front);
        total += count;
        if (kind != 13) fetch();
    }
    return 0;
}
