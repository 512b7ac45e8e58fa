#include "metrology/quality.h"

#include <string.h>

#include "base/fixed.h"

enum { PF_ONE = 1000000 };

/* From what a kind is judged. */
enum source { HALF_U, HALF_I, MEAN_U, POWER, PF, FREQUENCY, THD_U, THD_I, IMBALANCE };

/* When the RMS of a whole cycle passes a limit, the voltage itself did so earlier. How much
 * earlier depends on the depth; these lie in the middle of what is possible, so that a time is
 * right to half a cycle for anything beyond 85 or 115 %. In hundredths of a half cycle. */
static const struct {
    uint8_t source;
    bool above;
    uint8_t began, ended;
} row[QUALITY_KINDS] = {
    [QUALITY_SAG] = { HALF_U, false, 140, 176 },
    [QUALITY_SWELL] = { HALF_U, true, 150, 170 },
    [QUALITY_INTERRUPTION] = { HALF_U, false, 250, 50 },
    [QUALITY_OVER_CURRENT] = { HALF_I, true, 150, 170 },
    [QUALITY_UNDER_VOLTAGE] = { MEAN_U, false, 0, 0 },
    [QUALITY_OVER_VOLTAGE] = { MEAN_U, true, 0, 0 },
    [QUALITY_OVER_POWER] = { POWER, true, 0, 0 },
    [QUALITY_LOW_PF] = { PF, false, 0, 0 },
    [QUALITY_FREQUENCY_HIGH] = { FREQUENCY, true, 0, 0 },
    [QUALITY_FREQUENCY_LOW] = { FREQUENCY, false, 0, 0 },
    [QUALITY_THD_U] = { THD_U, true, 0, 0 },
    [QUALITY_THD_I] = { THD_I, true, 0, 0 },
    [QUALITY_IMBALANCE] = { IMBALANCE, true, 0, 0 },
};

struct quality_cfg quality_cfg_default(const struct rating *r)
{
    int64_t un_uv = (int64_t)r->un_mv * 1000, imax_ua = (int64_t)r->imax_ma * 1000;
    int64_t f_uhz = (int64_t)r->fn_hz * 1000000, smax_uw = (int64_t)r->un_mv * r->imax_ma;
    return (struct quality_cfg){
        .rating = *r,
        .limit = { [QUALITY_SAG] = { un_uv * 90 / 100, un_uv * 2 / 100, 0 },
                   [QUALITY_SWELL] = { un_uv * 110 / 100, un_uv * 2 / 100, 0 },
                   [QUALITY_INTERRUPTION] = { un_uv * 5 / 100, un_uv * 2 / 100, 0 },
                   [QUALITY_OVER_CURRENT] = { imax_ua * 110 / 100, imax_ua * 5 / 100, 100 },
                   [QUALITY_UNDER_VOLTAGE] = { un_uv * 85 / 100, un_uv * 2 / 100, 10000 },
                   [QUALITY_OVER_VOLTAGE] = { un_uv * 115 / 100, un_uv * 2 / 100, 10000 },
                   [QUALITY_OVER_POWER] = { smax_uw * 110 / 100, smax_uw * 5 / 100, 10000 },
                   [QUALITY_LOW_PF] = { PF_ONE / 2, PF_ONE / 20, 60000 },
                   [QUALITY_FREQUENCY_HIGH] = { f_uhz * 101 / 100, f_uhz / 1000, 10000 },
                   [QUALITY_FREQUENCY_LOW] = { f_uhz * 99 / 100, f_uhz / 1000, 10000 },
                   [QUALITY_THD_U] = { 800, 100, 60000 },
                   [QUALITY_THD_I] = { 3000, 300, 60000 },
                   [QUALITY_IMBALANCE] = { 2000, 300, 60000 } }
    };
}

void quality_init(struct quality *s)
{
    memset(s, 0, sizeof *s);
}

/* One value of one kind, true from began to ended if the state turns on or off here. */
struct look {
    int64_t value;
    bool valid;
    uint64_t began_us, ended_us, now_us;
};

struct judge {
    struct quality *s;
    const struct quality_cfg *cfg;
    const struct quantity *q;
    struct quality_note *out;
    int notes;
};

static bool put(struct judge *j, int kind, bool begins, uint64_t at_us)
{
    const struct quality_state *s = &j->s->state[kind];
    if (j->notes == QUALITY_NOTES) return false;
    uint64_t since = s->since_us;
    j->out[j->notes++] =
        (struct quality_note){ .kind = (uint8_t)kind,
                               .begins = begins,
                               .at = { begins ? since : at_us },
                               .duration_us = begins || at_us < since ? 0 : at_us - since,
                               .extreme = s->extreme };
    return true;
}

static void judge_off(struct judge *j, int kind, const struct look *v, bool over)
{
    const struct quality_limit *l = &j->cfg->limit[kind];
    struct quality_state *s = &j->s->state[kind];
    if (!over) {
        s->pending = 0;
        return;
    }
    bool above = row[kind].above;
    if (!s->pending) {
        s->since_us = v->began_us & (UINT64_MAX >> 2);
        s->extreme = v->value;
        s->pending = 1;
    } else if (above ? v->value > s->extreme : v->value < s->extreme) {
        s->extreme = v->value;
    }
    if (v->now_us < s->since_us + (uint64_t)l->delay_ms * 1000) return;
    if (put(j, kind, true, 0)) {
        s->active = 1;
        s->pending = 0;
    }
}

static void judge_on(struct judge *j, int kind, const struct look *v)
{
    const struct quality_limit *l = &j->cfg->limit[kind];
    struct quality_state *s = &j->s->state[kind];
    bool above = row[kind].above;
    if (v->valid && (above ? v->value > s->extreme : v->value < s->extreme))
        s->extreme = v->value;
    bool back =
        above ? v->value < l->limit - l->hysteresis : v->value >= l->limit + l->hysteresis;
    if ((!v->valid || back || !l->limit) && put(j, kind, false, v->ended_us)) s->active = 0;
}

static void judge(struct judge *j, int kind, const struct look *v)
{
    const struct quality_limit *l = &j->cfg->limit[kind];
    bool over = row[kind].above ? v->value > l->limit : v->value < l->limit;
    if (j->s->state[kind].active)
        judge_on(j, kind, v);
    else
        judge_off(j, kind, v, over && v->valid && l->limit);
}

static void judge_halves(struct judge *j, int kind)
{
    const struct quantity *q = j->q;
    const uint32_t *list = row[kind].source == HALF_U ? q->u_half_uv : q->i_half_ua;
    uint64_t half_us = (q->end.us - q->start.us) / q->halves;
    uint64_t began = half_us * row[kind].began / 100, ended = half_us * row[kind].ended / 100;
    for (int h = 0; h < q->halves; h++) {
        uint64_t t = q->half_us[h];
        struct look v = { list[h], true, t > began ? t - began : 0, t > ended ? t - ended : 0,
                          t };
        judge(j, kind, &v);
    }
}

/* One conductor carries what the other does not: of the larger, 0.01 %. */
static struct look look_at_imbalance(const struct quantity *q, const struct quality_cfg *cfg)
{
    int64_t i_ua = q->element[ELEMENT_PHASE].i_ua, n_ua = q->element[ELEMENT_NEUTRAL].i_ua;
    int64_t larger = i_ua > n_ua ? i_ua : n_ua;
    bool valid = q->flags & QTY_HAS_N && larger >= cfg->rating.ib_ma * INT64_C(100);
    int64_t value = valid ? (int64_t)abs_i64(i_ua - n_ua) * 10000 / larger : 0;
    return (struct look){ value, valid, q->start.us, q->start.us, q->end.us };
}

/* What a slow kind looks at, and whether it means anything now. */
static struct look look_at(const struct quantity *q, const struct quality_cfg *cfg, int source)
{
    const struct element *e = &q->element[q->billed];
    struct look v = { 0, true, q->start.us, q->start.us, q->end.us };
    switch (source) {
    case HALF_I:
        v.value = q->element[ELEMENT_PHASE].i_ua;
        break;
    case POWER:
        v.value = e->p_uw;
        break;
    case PF:
        v.value = (int64_t)abs_i64(e->pf_ppm);
        v.valid = e->i_ua >= rating_ist_ua(&cfg->rating) && !(q->flags & QTY_NO_VOLTAGE);
        break;
    case FREQUENCY:
        v.value = q->f_uhz;
        v.valid = q->f_uhz != 0;
        break;
    case THD_U:
        v.value = q->thd_u_bp;
        v.valid = !(q->flags & QTY_NO_VOLTAGE);
        break;
    case THD_I:
        v.value = e->thd_i_bp;
        v.valid = e->i_ua >= cfg->rating.ib_ma * 100;
        break;
    case IMBALANCE:
        return look_at_imbalance(q, cfg);
    default:
        v.value = q->u_uv;
        break;
    }
    return v;
}

int quality_feed(struct quality *s, const struct quality_cfg *cfg, const struct quantity *q,
                 struct quality_note out[QUALITY_NOTES])
{
    struct judge j = { s, cfg, q, out, 0 };
    for (int kind = 0; kind < QUALITY_KINDS; kind++) {
        if (row[kind].source <= HALF_I && q->halves) {
            judge_halves(&j, kind);
        } else {
            struct look v = look_at(q, cfg, row[kind].source);
            judge(&j, kind, &v);
        }
    }
    return j.notes;
}

bool quality_is_active(const struct quality *s, enum quality_kind kind)
{
    return s->state[kind].active;
}
