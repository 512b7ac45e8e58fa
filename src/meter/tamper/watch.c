#include "meter/tamper/watch.h"

#include "meter/meter.h"
#include "meter/tamper/tally.h"

/* -- limits
 * ---------------------------------------------------------------------------------------- */

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

/* -- notes
 * ----------------------------------------------------------------------------------------- */

struct note_row {
    uint16_t begins, ends;
    uint8_t counter; /* enum cnt + 1, of tampers the first of theirs; 0 none */
    uint32_t unit;   /* what the extreme is divided by: mV, mA, W, mHz, 0.001, 0.01 % */
};

static const struct note_row quality_rows[QUALITY_KINDS] = {
    [QUALITY_SAG] = { EV_SAG, EV_SAG_END, CNT_SAGS + 1, 1000 },
    [QUALITY_SWELL] = { EV_SWELL, EV_SWELL_END, CNT_SWELLS + 1, 1000 },
    [QUALITY_INTERRUPTION] = { EV_MISSING_VOLTAGE, EV_NORMAL_VOLTAGE, CNT_MISSING + 1, 1000 },
    [QUALITY_OVER_CURRENT] = { EV_OVERCURRENT, EV_OVERCURRENT_END, CNT_OVERCURRENT + 1, 1000 },
    [QUALITY_UNDER_VOLTAGE] = { EV_UNDERVOLTAGE, EV_NORMAL_VOLTAGE, 0, 1000 },
    [QUALITY_OVER_VOLTAGE] = { EV_OVERVOLTAGE, EV_NORMAL_VOLTAGE, 0, 1000 },
    [QUALITY_OVER_POWER] = { EV_OVERLOAD, EV_OVERLOAD_END, 0, 1000000 },
    [QUALITY_LOW_PF] = { EV_LOW_PF, EV_LOW_PF_END, 0, 1000 },
    [QUALITY_FREQUENCY_HIGH] = { EV_FREQUENCY_HIGH, EV_FREQUENCY_HIGH_END, 0, 1000 },
    [QUALITY_FREQUENCY_LOW] = { EV_FREQUENCY_LOW, EV_FREQUENCY_LOW_END, 0, 1000 },
    [QUALITY_THD_U] = { EV_THD_U_HIGH, EV_THD_U_HIGH_END, 0, 1 },
    [QUALITY_THD_I] = { EV_THD_I_HIGH, EV_THD_I_HIGH_END, 0, 1 },
};

static const struct note_row tamper_rows[TAMPER_KINDS] = {
    [TAMPER_REVERSE] = { EV_REVERSAL, EV_REVERSAL_END, CNT_TAMPER + TAMPER_METROLOGY + 1, 1 },
    [TAMPER_REVERSE_PHASE] = { EV_PHASE_REVERSAL, EV_PHASE_REVERSAL_END, 0, 1 },
    [TAMPER_REVERSE_NEUTRAL] = { EV_NEUTRAL_REVERSAL, EV_NEUTRAL_REVERSAL_END, 0, 1 },
    [TAMPER_NEUTRAL_MISMATCH] = { EV_MISMATCH, EV_MISMATCH_END,
                                  CNT_TAMPER + TAMPER_METROLOGY + 1, 1 },
    [TAMPER_NEUTRAL_MISSING] = { EV_SINGLE_WIRE, EV_SINGLE_WIRE_END,
                                 CNT_TAMPER + TAMPER_METROLOGY + 1, 1 },
    [TAMPER_EXCHANGED] = { EV_EXCHANGED, EV_EXCHANGED_END, 0, 1 },
    [TAMPER_MAGNET_DC] = { EV_MAGNET, EV_MAGNET_END, CNT_TAMPER + TAMPER_MAGNET + 1, 1 },
    [TAMPER_MAGNET_AC] = { EV_AC_FIELD, EV_AC_FIELD_END, 0, 1 },
    [TAMPER_SATURATED] = { EV_MEASUREMENT_ERROR, 0, 0, 1 },
    [TAMPER_STUCK] = { EV_MEASUREMENT_ERROR, 0, 0, 1 },
    [TAMPER_MISSED] = { EV_METERING_IC_FAILURE, 0, 0, 1 },
    [TAMPER_F_RANGE] = { EV_MEASUREMENT_ERROR, 0, 0, 1 },
    [TAMPER_NO_CALIBRATION] = { EV_CALIBRATION_ERROR, 0, 0, 1 },
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
    if (x->counter) count(m, x->counter - 1u, begins, when);
}

void watch_take(struct meter *m, const struct quantity *q)
{
    struct watch *w = &m->watch;
    struct quality_note quality[QUALITY_NOTES];
    struct tamper_note tamper[TAMPER_NOTES];
    const struct tamper_field field = { .dc = (m->inputs.raw & INPUT_MAGNET) != 0 };
    int n = quality_feed(&w->quality, &w->quality_cfg, q, quality);
    for (int i = 0; i < n; i++)
        tell(m, &quality_rows[quality[i].kind], quality[i].begins, quality[i].at,
             quality[i].duration_us, quality[i].extreme);
    n = tamper_feed(&w->tamper, &w->tamper_cfg, q, &field, tamper);
    for (int i = 0; i < n; i++)
        tell(m, &tamper_rows[tamper[i].kind], tamper[i].begins, tamper[i].at,
             tamper[i].duration_us, 0);
}
