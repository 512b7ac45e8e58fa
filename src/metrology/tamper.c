#include "metrology/tamper.h"

#include <string.h>

struct tamper_cfg tamper_cfg_default(const struct rating *r)
{
    struct tamper_cfg cfg = { .rating = *r,
                              .delay_ms = { [TAMPER_REVERSE] = 10000,
                                            [TAMPER_REVERSE_PHASE] = 10000,
                                            [TAMPER_REVERSE_NEUTRAL] = 10000,
                                            [TAMPER_NEUTRAL_MISMATCH] = 60000,
                                            [TAMPER_NEUTRAL_MISSING] = 2000,
                                            [TAMPER_EXCHANGED] = 10000,
                                            [TAMPER_MAGNET_DC] = 2000,
                                            [TAMPER_MAGNET_AC] = 2000 },
                              .mismatch_permille = 100,
                              .mismatch_ua = 200000,
                              .mismatch_min_ua = 100000,
                              .missing_ua = 500000,
                              .magnet_dc_ut = 200000,
                              .magnet_ac_ut = 500 };
    for (int k = 0; k < TAMPER_KINDS; k++) cfg.over_ms[k] = 2000;
    return cfg;
}

void tamper_init(struct tamper *t)
{
    memset(t, 0, sizeof *t);
}

/* What is judged: on is whether the state is on already, for hysteresis. */
struct scene {
    const struct tamper_cfg *cfg;
    const struct quantity *q;
    const struct tamper_field *field;
    bool on;
};

static const struct element *phase(const struct scene *s)
{
    return &s->q->element[ELEMENT_PHASE];
}

static const struct element *neutral(const struct scene *s)
{
    return &s->q->element[ELEMENT_NEUTRAL];
}

/* Sign of an element's power, 0 where it is too small to have one. */
static int sign_of(const struct scene *s, const struct element *e)
{
    if (e->i_ua < s->cfg->mismatch_min_ua) return 0;
    return e->active_nj < 0 ? -1 : e->active_nj > 0;
}

static bool reverse(const struct scene *s)
{
    return !s->cfg->export_allowed && s->q->element[s->q->billed].active_nj < 0;
}

static bool reverse_phase(const struct scene *s)
{
    return sign_of(s, phase(s)) < 0 && sign_of(s, neutral(s)) > 0;
}

static bool reverse_neutral(const struct scene *s)
{
    return sign_of(s, neutral(s)) < 0 && sign_of(s, phase(s)) > 0;
}

/* Sample by sample, which finds equal currents of another phase; or by RMS alone, where a chip
 * gives no difference. Over at half of the limit. */
static bool mismatch(const struct scene *s)
{
    uint64_t i = phase(s)->i_ua, n = neutral(s)->i_ua, larger = i > n ? i : n;
    uint64_t limit = larger * s->cfg->mismatch_permille / 1000, apart = i > n ? i - n : n - i;
    if (!(s->q->flags & QTY_HAS_N) || larger < s->cfg->mismatch_min_ua) return false;
    if (limit < s->cfg->mismatch_ua) limit = s->cfg->mismatch_ua;
    if (s->q->flags & QTY_HAS_WAVES && s->q->diff_ua > apart) apart = s->q->diff_ua;
    return apart > (s->on ? limit / 2 : limit);
}

static bool neutral_missing(const struct scene *s)
{
    uint64_t i = phase(s)->i_ua, n = neutral(s)->i_ua;
    return s->q->flags & QTY_NO_VOLTAGE && (i > n ? i : n) > s->cfg->missing_ua;
}

static bool exchanged(const struct scene *s)
{
    return !s->cfg->export_allowed && sign_of(s, phase(s)) < 0 && sign_of(s, neutral(s)) < 0;
}

static bool magnet_dc(const struct scene *s)
{
    return s->field->dc || s->field->dc_ut > s->cfg->magnet_dc_ut;
}

static bool magnet_ac(const struct scene *s)
{
    return s->field->ac || s->field->ac_ut > s->cfg->magnet_ac_ut;
}

static const struct {
    bool (*judge)(const struct scene *s); /* or, where there is none, a flag of the quantity */
    uint32_t flag;
} row[TAMPER_KINDS] = {
    [TAMPER_REVERSE] = { reverse, 0 },
    [TAMPER_REVERSE_PHASE] = { reverse_phase, 0 },
    [TAMPER_REVERSE_NEUTRAL] = { reverse_neutral, 0 },
    [TAMPER_NEUTRAL_MISMATCH] = { mismatch, 0 },
    [TAMPER_NEUTRAL_MISSING] = { neutral_missing, 0 },
    [TAMPER_EXCHANGED] = { exchanged, 0 },
    [TAMPER_MAGNET_DC] = { magnet_dc, 0 },
    [TAMPER_MAGNET_AC] = { magnet_ac, 0 },
    [TAMPER_SATURATED] = { NULL, QTY_SATURATED },
    [TAMPER_STUCK] = { NULL, QTY_STUCK },
    [TAMPER_MISSED] = { NULL, QTY_MISSED },
    [TAMPER_F_RANGE] = { NULL, QTY_F_RANGE },
    [TAMPER_NO_CALIBRATION] = { NULL, QTY_NO_CALIBRATION },
};

/* Off: the condition must hold for the delay. Returns whether the state turned. */
static bool turn_on(struct tamper_state *s, bool is, const struct quantity *q,
                    uint32_t delay_ms)
{
    if (!is) {
        s->pending = 0;
        return false;
    }
    if (!s->pending) {
        s->since_us = q->start.us & (UINT64_MAX >> 2);
        s->pending = 1;
    }
    if (q->end.us < s->since_us + (uint64_t)delay_ms * 1000) return false;
    s->active = 1;
    s->pending = 0;
    s->gone_us = 0;
    return true;
}

/* On: the condition must be absent for a while. */
static bool turn_off(struct tamper_state *s, bool is, const struct quantity *q,
                     uint32_t over_ms)
{
    if (is) {
        s->gone_us = 0;
        return false;
    }
    if (!s->gone_us) s->gone_us = q->start.us;
    if (q->end.us < s->gone_us + (uint64_t)over_ms * 1000) return false;
    s->active = 0;
    return true;
}

static struct tamper_note note_of(int kind, const struct tamper_state *s)
{
    uint64_t since = s->since_us, gone = s->gone_us;
    if (s->active) return (struct tamper_note){ (uint8_t)kind, true, { since }, 0 };
    return (struct tamper_note){ (uint8_t)kind, false, { gone }, gone - since };
}

int tamper_feed(struct tamper *t, const struct tamper_cfg *cfg, const struct quantity *q,
                const struct tamper_field *field, struct tamper_note out[TAMPER_NOTES])
{
    int notes = 0;
    for (int kind = 0; kind < TAMPER_KINDS; kind++) {
        struct tamper_state *s = &t->state[kind];
        struct scene scene = { cfg, q, field, s->active };
        bool watched = !(cfg->off >> kind & 1);
        bool is = row[kind].judge ? row[kind].judge(&scene) : q->flags & row[kind].flag;
        is = is && watched;
        bool turned = s->active ? turn_off(s, is, q, cfg->over_ms[kind])
                                : turn_on(s, is, q, cfg->delay_ms[kind]);
        if (turned) out[notes++] = note_of(kind, s);
    }
    return notes;
}

bool tamper_is_active(const struct tamper *t, enum tamper_kind kind)
{
    return t->state[kind].active;
}
