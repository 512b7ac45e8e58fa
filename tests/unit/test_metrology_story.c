/* Ten minutes of a meter's life, made of integers: steps, dips, tampers, faults. The same file
 * runs on the host and on the Cortex-M; registers, pulses, events and every quantity of every
 * window must be these, so both are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/fixed.h"
#include "metrology/front.h"
#include "metrology/quality.h"
#include "metrology/quantity.h"
#include "metrology/tamper.h"
#include "metrology/trig.h"

/* The memory of the whole core with its queue of four windows. */
_Static_assert(sizeof(struct front) + sizeof(struct measure) + sizeof(struct quality) +
                       sizeof(struct tamper) <=
                   3072,
               "3 KiB");

enum what { PLAIN, FULL_SCALE, STUCK, LOST, MAGNET, HARMONICS, LATE };

struct scene {
    uint16_t seconds;
    uint16_t u_permille; /* of 230 V */
    uint32_t i_ma, n_ma;
    int16_t angle_deg, n_angle_deg;
    uint32_t f_mhz;
    uint8_t what;
};

static const struct scene story[] = {
    { 20, 1000, 0, 0, 0, 0, 50000, PLAIN },
    { 60, 1000, 20, 20, 0, 0, 50000, PLAIN },
    { 20, 1000, 5000, 5000, 0, 0, 50000, PLAIN },
    { 30, 1000, 100000, 100000, 30, 30, 50020, PLAIN },
    { 10, 700, 5000, 5000, 30, 30, 50020, PLAIN },
    { 2, 0, 0, 0, 0, 0, 50000, PLAIN },
    { 20, 1050, 20000, 20000, -40, -40, 49950, PLAIN },
    { 15, 1200, 5000, 5000, 0, 0, 49950, PLAIN },
    { 30, 1000, 40000, 40000, 120, 120, 51500, PLAIN },
    { 30, 1000, 10000, 10000, 200, 200, 48500, PLAIN },
    { 90, 1000, 10000, 6000, 10, 10, 50000, PLAIN },
    { 20, 1000, 5000, 5000, 0, 180, 50000, PLAIN },
    { 15, 0, 5000, 5000, 0, 0, 50000, PLAIN },
    { 20, 1000, 120000, 120000, 0, 0, 50000, FULL_SCALE },
    { 10, 1000, 5000, 5000, 0, 0, 50000, STUCK },
    { 15, 1000, 5000, 5000, 60, 60, 50000, LOST },
    { 10, 1000, 5000, 5000, 0, 0, 50000, MAGNET },
    { 20, 1000, 5000, 5000, 0, 0, 36000, PLAIN },
    { 60, 1000, 30000, 30000, 45, 45, 50100, HARMONICS },
    { 20, 1000, 5000, 5000, 0, 0, 50100, LATE },
    { 83, 1000, 2500, 2500, 15, 15, 50050, PLAIN },
};

struct life {
    struct front front;
    struct measure measure;
    struct quality quality;
    struct tamper tamper;
    struct quality_cfg quality_cfg;
    struct tamper_cfg tamper_cfg;
    struct tamper_field field;
    int64_t rest_nj[2][2];
    uint32_t units[2][2];
    uint32_t windows, notes, frauds;
    uint32_t crc_quantities, crc_notes;
    uint32_t phase, noise;
};
static struct life life;

static void digest(uint32_t *crc, uint64_t x)
{
    uint8_t b[8];
    le_put64(b, x);
    *crc = crc32_more(*crc, b, sizeof b);
}

static void digest_element(uint32_t *crc, const struct element *e)
{
    digest(crc, (uint64_t)e->active_nj);
    digest(crc, (uint64_t)e->reactive_nj);
    digest(crc, (uint64_t)e->apparent_nj);
    digest(crc, (uint64_t)e->p_uw);
    digest(crc, (uint64_t)e->q_uvar);
    digest(crc, (uint64_t)e->s_uva);
    digest(crc, (uint64_t)e->q_total_uvar);
    digest(crc, (uint64_t)e->i_ua << 32 | e->i1_ua);
    digest(crc, (uint64_t)(uint32_t)e->pf_ppm << 32 | (uint32_t)e->angle_mdeg);
    digest(crc, e->thd_i_bp);
}

static void digest_quantity(uint32_t *crc, const struct quantity *q)
{
    digest(crc, q->start.us);
    digest(crc, q->end.us);
    digest(crc, q->span_ns);
    digest(crc, (uint64_t)q->flags << 16 | (uint64_t)q->billed << 8 | q->halves);
    digest(crc, (uint64_t)q->u_uv << 32 | q->u1_uv);
    digest(crc, (uint64_t)q->thd_u_bp << 32 | q->f_uhz);
    digest(crc, q->diff_ua);
    for (int k = 0; k < ELEMENTS; k++) digest_element(crc, &q->element[k]);
    for (int h = 0; h < q->halves; h++) {
        digest(crc, (uint64_t)q->u_half_uv[h] << 32 | q->i_half_ua[h]);
        digest(crc, q->half_us[h]);
    }
}

static void book(const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    const int64_t nj[2] = { e->active_nj, e->reactive_nj };
    for (unsigned k = 0; k < 2; k++) {
        unsigned dir = nj[k] < 0;
        pulse_book(front_pulse(&life.front, k), nj[k]);
        int64_t rest = life.rest_nj[k][dir] + (int64_t)abs_i64(nj[k]);
        life.units[k][dir] += (uint32_t)(rest / INT64_C(3600000000000));
        life.rest_nj[k][dir] = rest % INT64_C(3600000000000);
    }
}

static void meter(void)
{
    static struct window w;
    static struct quantity q;
    static struct quality_note note[QUALITY_NOTES];
    static struct tamper_note fraud[TAMPER_NOTES];
    while (window_take(&life.front, &w)) {
        quantity_of(&q, &life.measure, &w);
        book(&q);
        life.windows++;
        digest_quantity(&life.crc_quantities, &q);
        int n = quality_feed(&life.quality, &life.quality_cfg, &q, note);
        for (int k = 0; k < n; k++) {
            digest(&life.crc_notes, (uint64_t)note[k].kind << 8 | note[k].begins);
            digest(&life.crc_notes, note[k].at.us);
            digest(&life.crc_notes, (uint64_t)note[k].extreme);
        }
        life.notes += (uint32_t)n;
        n = tamper_feed(&life.tamper, &life.tamper_cfg, &q, &life.field, fraud);
        for (int k = 0; k < n; k++) {
            digest(&life.crc_notes, (uint64_t)fraud[k].kind << 8 | fraud[k].begins);
            digest(&life.crc_notes, fraud[k].at.us);
        }
        life.frauds += (uint32_t)n;
    }
}

static int32_t noise(void)
{
    life.noise = life.noise * 1664525 + 1013904223;
    return (int32_t)(life.noise >> 26) - 32; /* half a millivolt, a third of a milliampere */
}

/* sqrt(2) rms sin, as a 24-bit code of 500 V or 200 A: 2^23 x sqrt(2) / 2^22 / full scale. */
static int32_t code(uint32_t rms_m, uint32_t full_m, uint32_t phase)
{
    int32_t sine, cosine;
    trig_sincos(phase, &sine, &cosine);
    return (int32_t)((int64_t)sine * rms_m * 2896 / full_m / 1024);
}

static uint32_t turn(int32_t degrees)
{
    return (uint32_t)((int64_t)degrees * 11930465);
}

static void sample(const struct scene *s, uint32_t n)
{
    uint32_t u_mv = 230u * s->u_permille, p = life.phase;
    int32_t v = code(u_mv, 500000, p), i = code(s->i_ma, 200000, p - turn(s->angle_deg));
    int32_t k = code(s->n_ma, 200000, p - turn(s->n_angle_deg));
    if (s->what == HARMONICS) {
        v += code(u_mv / 20, 500000, 5 * p);
        i += code(s->i_ma / 3, 200000, 7 * p + 99999999);
    }
    if (s->what == FULL_SCALE) i *= 2;
    if (s->what == STUCK) i = 1234567;
    if (s->what == LOST && n % 1777 == 0) front_missed_isr(&life.front, 5);
    life.phase += (uint32_t)(((uint64_t)s->f_mhz << 32) / 8000000);
    v += noise(); /* one after the other: arguments have no order */
    i += noise();
    k += noise();
    front_sample_isr(&life.front, v, i, k);
}

static void live(const struct scene *s)
{
    life.field.dc = s->what == MAGNET;
    for (uint32_t n = 0; n < s->seconds * 8000u; n++) {
        sample(s, n);
        if (s->what != LATE || n % 20000 == 0) meter();
    }
}

static void ten_minutes(void **state)
{
    (void)state;
    const struct rating r = RATING_230V_100A;
    struct front_cfg front = front_cfg_default(&r);
    struct measure_cfg measure = measure_cfg_default(&r);
    struct calibration cal;
    memset(&life, 0, sizeof life);
    calibration_init(&cal);
    cal.gain_i += 12345678;
    cal.phase_ns[0] = 3456;
    cal.phase_ns[1] = -20000;
    cal.sigma_na[0] = cal.sigma_na[1] = 440000;
    front.hilbert = true;
    measure.q_total = Q_TOTAL_HILBERT;
    measure.bill_larger = true;
    front_init(&life.front, &front);
    front_calibrate(&life.front, &cal);
    measure_init(&life.measure, &measure, &cal);
    quality_init(&life.quality);
    tamper_init(&life.tamper);
    life.quality_cfg = quality_cfg_default(&r);
    life.tamper_cfg = tamper_cfg_default(&r);
    life.crc_quantities = life.crc_notes = CRC32_SEED;
    uint32_t seconds = 0;
    for (size_t k = 0; k < sizeof story / sizeof *story; k++) {
        live(&story[k]);
        seconds += story[k].seconds;
    }
    assert_int_equal(seconds, 600);
    assert_true(front_mono(&life.front).us >= UINT64_C(600000000));
    print_message(
        "%u windows, Wh %u %u, varh %u %u, pulses %u %u, notes %u %u, digests %08x %08x\n",
        (unsigned)life.windows, (unsigned)life.units[0][0], (unsigned)life.units[0][1],
        (unsigned)life.units[1][0], (unsigned)life.units[1][1],
        (unsigned)life.front.pulse[0].count, (unsigned)life.front.pulse[1].count,
        (unsigned)life.notes, (unsigned)life.frauds, (unsigned)crc32_end(life.crc_quantities),
        (unsigned)crc32_end(life.crc_notes));
    for (unsigned k = 0; k < 2; k++)
        assert_int_equal(life.front.pulse[k].count, life.units[k][0] + life.units[k][1]);
    assert_int_equal(life.units[0][0] + life.units[0][1], 658);
    assert_int_equal(life.notes, 34);
    assert_int_equal(life.frauds, 24);
    assert_int_equal(crc32_end(life.crc_quantities), 0x0F819707);
    assert_int_equal(crc32_end(life.crc_notes), 0x1566561F);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ten_minutes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
