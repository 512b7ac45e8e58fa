#include "meter/tamper/watch.h"

#include "base/bytes.h"
#include "meter/hot.h"
#include "meter/meter.h"
#include "meter/tamper/tally.h"

/* -- limits -------------------------------------------------------------------------------- */

static void limit(struct quality_limit *x, int64_t value, uint32_t delay_s)
{
    x->limit = value;
    x->delay_ms = delay_s * 1000;
}

void watch_plan(struct meter *m)
{
    struct quality_limit *x = m->watch.quality_cfg.limit;
    struct tamper_cfg *t = &m->watch.tamper_cfg;
    int64_t under_uv = param_get(m, PARAM_UNDER_DV) * INT64_C(100000);
    int64_t over_uv = param_get(m, PARAM_OVER_DV) * INT64_C(100000);
    limit(&x[QUALITY_SAG], under_uv, 0);
    limit(&x[QUALITY_SWELL], over_uv, 0);
    limit(&x[QUALITY_INTERRUPTION], param_get(m, PARAM_MISSING_DV) * INT64_C(100000), 0);
    limit(&x[QUALITY_UNDER_VOLTAGE], under_uv, (uint32_t)param_get(m, PARAM_UNDER_S));
    limit(&x[QUALITY_OVER_VOLTAGE], over_uv, (uint32_t)param_get(m, PARAM_OVER_S));
    limit(&x[QUALITY_OVER_CURRENT], param_get(m, PARAM_OVERCURRENT_MA) * INT64_C(1000),
          (uint32_t)param_get(m, PARAM_OVERCURRENT_S));
    t->mismatch_ua = (uint32_t)param_get(m, PARAM_MISMATCH_MA) * 1000;
    t->mismatch_permille = (uint32_t)param_get(m, PARAM_MISMATCH_PERCENT) * 10;
    t->delay_ms[TAMPER_NEUTRAL_MISMATCH] =
        (uint32_t)param_get(m, PARAM_MISMATCH_START_S) * 1000;
    t->over_ms[TAMPER_NEUTRAL_MISMATCH] = (uint32_t)param_get(m, PARAM_MISMATCH_END_S) * 1000;
    t->export_allowed = param_get(m, PARAM_REGISTRATION) != REGISTRATION_IMPORT_ONLY;
}

void watch_init(struct meter *m)
{
    m->watch.quality_cfg = quality_cfg_default(&m->cfg->rating);
    m->watch.tamper_cfg = tamper_cfg_default(&m->cfg->rating);
    quality_init(&m->watch.quality);
    tamper_init(&m->watch.tamper);
}

/* -- notes --------------------------------------------------------------------------------- */

struct note_row {
    uint16_t begins, ends;
    uint8_t counter; /* enum cnt + 1, of tampers the first of theirs; 0 none */
    uint32_t unit;   /* what the extreme is divided by: mV, mA, W, mHz, 0.001, 0.01 % */
    uint8_t last;    /* kept as the last of its kind: 1 + LAST_ */
};

static const struct note_row quality_rows[QUALITY_KINDS] = {
    [QUALITY_SAG] = { EV_SAG, EV_SAG_END, CNT_SAGS + 1, 1000, LAST_SAG + 1 },
    [QUALITY_SWELL] = { EV_SWELL, EV_SWELL_END, CNT_SWELLS + 1, 1000, LAST_SWELL + 1 },
    [QUALITY_INTERRUPTION] = { EV_MISSING_VOLTAGE, EV_NORMAL_VOLTAGE, CNT_MISSING + 1, 1000,
                               0 },
    [QUALITY_OVER_CURRENT] = { EV_OVERCURRENT, EV_OVERCURRENT_END, CNT_OVERCURRENT + 1, 1000,
                               LAST_OVER_CURRENT + 1 },
    [QUALITY_UNDER_VOLTAGE] = { EV_UNDERVOLTAGE, EV_NORMAL_VOLTAGE, 0, 1000, 0 },
    [QUALITY_OVER_VOLTAGE] = { EV_OVERVOLTAGE, EV_NORMAL_VOLTAGE, 0, 1000, 0 },
    [QUALITY_OVER_POWER] = { EV_OVERLOAD, EV_OVERLOAD_END, 0, 1000000, 0 },
    [QUALITY_LOW_PF] = { EV_LOW_PF, EV_LOW_PF_END, 0, 1000, 0 },
    [QUALITY_FREQUENCY_HIGH] = { EV_FREQUENCY_HIGH, EV_FREQUENCY_HIGH_END, 0, 1000, 0 },
    [QUALITY_FREQUENCY_LOW] = { EV_FREQUENCY_LOW, EV_FREQUENCY_LOW_END, 0, 1000, 0 },
    [QUALITY_THD_U] = { EV_THD_U_HIGH, EV_THD_U_HIGH_END, 0, 1, 0 },
    [QUALITY_THD_I] = { EV_THD_I_HIGH, EV_THD_I_HIGH_END, 0, 1, 0 },
    [QUALITY_IMBALANCE] = { EV_IMBALANCE, EV_IMBALANCE_END, 0, 1, 0 },
};

static const struct note_row tamper_rows[TAMPER_KINDS] = {
    [TAMPER_REVERSE] = { EV_REVERSAL, EV_REVERSAL_END, CNT_TAMPER + TAMPER_METROLOGY + 1, 1,
                         0 },
    [TAMPER_REVERSE_PHASE] = { EV_PHASE_REVERSAL, EV_PHASE_REVERSAL_END, 0, 1, 0 },
    [TAMPER_REVERSE_NEUTRAL] = { EV_NEUTRAL_REVERSAL, EV_NEUTRAL_REVERSAL_END, 0, 1, 0 },
    [TAMPER_NEUTRAL_MISMATCH] = { EV_MISMATCH, EV_MISMATCH_END,
                                  CNT_TAMPER + TAMPER_METROLOGY + 1, 1, 0 },
    [TAMPER_NEUTRAL_MISSING] = { EV_SINGLE_WIRE, EV_SINGLE_WIRE_END,
                                 CNT_TAMPER + TAMPER_METROLOGY + 1, 1, 0 },
    [TAMPER_EXCHANGED] = { EV_EXCHANGED, EV_EXCHANGED_END, 0, 1, 0 },
    [TAMPER_MAGNET_DC] = { EV_MAGNET, EV_MAGNET_END, CNT_TAMPER + TAMPER_MAGNET + 1, 1, 0 },
    [TAMPER_MAGNET_AC] = { EV_AC_FIELD, EV_AC_FIELD_END, 0, 1, 0 },
    [TAMPER_SATURATED] = { EV_MEASUREMENT_ERROR, 0, 0, 1, 0 },
    [TAMPER_STUCK] = { EV_MEASUREMENT_ERROR, 0, 0, 1, 0 },
    [TAMPER_MISSED] = { EV_METERING_IC_FAILURE, 0, 0, 1, 0 },
    [TAMPER_F_RANGE] = { EV_MEASUREMENT_ERROR, 0, 0, 1, 0 },
    [TAMPER_NO_CALIBRATION] = { EV_CALIBRATION_ERROR, 0, 0, 1, 0 },
};

uint16_t watch_quality_code(enum quality_kind kind, bool begins)
{
    return begins ? quality_rows[kind].begins : quality_rows[kind].ends;
}

uint16_t watch_tamper_code(enum tamper_kind kind, bool begins)
{
    return begins ? tamper_rows[kind].begins : tamper_rows[kind].ends;
}

static void count(struct meter *m, unsigned counter, bool begins, utc_t when)
{
    if (counter >= CNT_TAMPER)
        tally_tamper(m, counter - CNT_TAMPER, begins, when);
    else if (begins)
        tally_count(m, counter);
}

/* What a row cannot say alone. A wire that carries current without voltage is fraud, and to the
 * quality of supply it is the neutral that is missing. A fault of a part that loses samples stays
 * or comes back now and then; losses one after the other are sparks or a transmitter held against
 * the case. */
enum { SPARKS_US = 60000000 };

static void tell_more(struct meter *m, uint16_t code, mono_t at, const struct event_detail *d)
{
    struct watch *w = &m->watch;
    if (code == EV_SINGLE_WIRE)
        event_post_at(m, clock_utc(&m->clock, at), EV_MISSING_NEUTRAL, NULL, d);
    if (code != EV_METERING_IC_FAILURE) return;
    if (!w->sparks || mono_after(w->spark, SPARKS_US).us < at.us) {
        w->spark = at;
        w->sparks = 0;
    }
    if (++w->sparks == SPARKS)
        event_post_at(m, clock_utc(&m->clock, at), EV_JAMMING, NULL, NULL);
}

static void tell(struct meter *m, const struct note_row *x, bool begins, mono_t at,
                 uint64_t duration_us, int64_t extreme)
{
    uint16_t code = begins ? x->begins : x->ends;
    if (!code) return;
    uint64_t ten_ms = duration_us / 10000;
    struct event_detail d = { .what = ten_ms < UINT16_MAX ? (uint16_t)ten_ms : UINT16_MAX,
                              .magnitude = (uint32_t)(extreme / x->unit),
                              .duration_s = (uint32_t)(duration_us / 1000000) };
    utc_t when = clock_utc(&m->clock, at);
    event_post_at(m, when, (enum event)code, NULL, &d);
    if (begins) tell_more(m, code, at, &d);
    if (x->counter) count(m, x->counter - 1u, begins, when);
    if (begins || !x->last) return;
    m->watch.last[x->last - 1] = (struct watch_last){ d.duration_s, d.magnitude };
    hot_put(m, HOT_QUALITY, 0);
}

/* -- EN 50160 ------------------------------------------------------------------------------ */

enum { TEN_MINUTES_MS = 600000, WEEK = 1008, WEEK_BAD = WEEK * 5 / 100, SIX_HOURS = 36 };

static void judge_mean(struct meter *m, uint32_t mean_mv)
{
    struct voltage_week *w = &m->watch.week;
    uint32_t un_mv = (uint32_t)param_get(m, PARAM_REFERENCE_V) * 1000;
    bool high = mean_mv > un_mv / 100 * 110, low = mean_mv < un_mv / 100 * 90;
    bool far = high || mean_mv < un_mv / 100 * 85;
    w->done++;
    if (high || low) w->bad++;
    if (!w->told && (far || w->bad > WEEK_BAD)) {
        struct event_detail d = { .what = w->bad, .magnitude = mean_mv };
        event_post(m, EV_BAD_VOLTAGE, NULL, &d);
        w->told = true;
    }
    bool keep = high || low || w->done % SIX_HOURS == 0;
    if (w->done == WEEK) *w = (struct voltage_week){ .done = 0 };
    if (keep) hot_put(m, HOT_QUALITY, 0);
}

/* Ten minutes with voltage, not of the clock: nothing depends on when they begin. */
static void take_voltage(struct meter *m, const struct quantity *q)
{
    struct voltage_week *w = &m->watch.week;
    uint32_t ms = (uint32_t)((q->end.us - q->start.us) / 1000);
    if (q->u_uv < param_get(m, PARAM_MISSING_DV) * INT64_C(100000)) return;
    w->sum_uvms += (uint64_t)q->u_uv * ms;
    w->ms += ms;
    if (w->ms < TEN_MINUTES_MS) return;
    uint32_t mean_mv = (uint32_t)(w->sum_uvms / w->ms / 1000);
    w->sum_uvms = w->ms = 0;
    judge_mean(m, mean_mv);
}

/* {last: duration 4, extreme 4 each; of the week done 2, bad 2, told 1} */
enum { QUALITY_RECORD = LASTS * 8 + 5 };

int watch_put(const struct meter *m, unsigned k, uint8_t *body)
{
    const struct watch *w = &m->watch;
    (void)k;
    for (unsigned i = 0; i < LASTS; i++) {
        le_put32(body + i * 8, w->last[i].duration_s);
        le_put32(body + i * 8 + 4, w->last[i].extreme);
    }
    le_put16(body + LASTS * 8, w->week.done);
    le_put16(body + LASTS * 8 + 2, w->week.bad);
    body[LASTS * 8 + 4] = w->week.told;
    return QUALITY_RECORD;
}

void watch_restore(struct meter *m, const uint8_t *body, size_t n)
{
    struct watch *w = &m->watch;
    if (n != QUALITY_RECORD || m->live) return;
    for (unsigned i = 0; i < LASTS; i++)
        w->last[i] = (struct watch_last){ le_get32(body + i * 8), le_get32(body + i * 8 + 4) };
    w->week.done = le_get16(body + LASTS * 8) % WEEK;
    w->week.bad = le_get16(body + LASTS * 8 + 2);
    w->week.told = body[LASTS * 8 + 4] == 1;
}

bool watch_is_tampered(const struct meter *m)
{
    static const uint8_t kind[] = { TAMPER_REVERSE, TAMPER_NEUTRAL_MISMATCH,
                                    TAMPER_NEUTRAL_MISSING };
    for (unsigned i = 0; i < sizeof kind; i++)
        if (tamper_is_active(&m->watch.tamper, (enum tamper_kind)kind[i])) return true;
    return false;
}

void watch_take(struct meter *m, const struct quantity *q)
{
    struct watch *w = &m->watch;
    struct quality_note quality[QUALITY_NOTES];
    struct tamper_note tamper[TAMPER_NOTES];
    const struct tamper_field field = { .dc = (m->inputs.raw & INPUT_MAGNET) != 0,
                                        .ac = (m->inputs.raw & INPUT_AC_FIELD) != 0 };
    int n = quality_feed(&w->quality, &w->quality_cfg, q, quality);
    for (int i = 0; i < n; i++)
        tell(m, &quality_rows[quality[i].kind], quality[i].begins, quality[i].at,
             quality[i].duration_us, quality[i].extreme);
    n = tamper_feed(&w->tamper, &w->tamper_cfg, q, &field, tamper);
    for (int i = 0; i < n; i++)
        tell(m, &tamper_rows[tamper[i].kind], tamper[i].begins, tamper[i].at,
             tamper[i].duration_us, 0);
    take_voltage(m, q);
}
