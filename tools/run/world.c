#include "tools/run/world.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"

enum { SAMPLE_US = 125, CHUNK = 800, SECOND_US = 1000000 };

const char *const world_load_name[WORLD_LOADS] = {
    [WORLD_SPEC] = "file",   [WORLD_HEATER] = "heater",
    [WORLD_MOTOR] = "motor", [WORLD_ELECTRONICS] = "electronics",
    [WORLD_FIXED] = "fixed", [WORLD_NONE] = "none",
};

/* The first channel of that kind and, for n, the next current of the same record. */
static int find_channel(const struct comtrade *c, char kind, int after)
{
    for (size_t i = (size_t)after + 1; i < c->channels; i++) {
        char k = 0;
        (void)comtrade_unit(c->channel[i].unit, &k);
        if (k == kind) return (int)i;
    }
    return -1;
}

static int find_channels(struct world *w, struct trouble *t)
{
    const struct comtrade *c = &w->spec->wave;
    w->v_channel = find_channel(c, 'V', -1);
    w->i_channel = find_channel(c, 'A', -1);
    if (w->v_channel < 0 || w->i_channel < 0 || c->samples < 4)
        return trouble(t, E_FORMAT, "the recording has no voltage and current to play");
    return 0;
}

int world_init(struct world *w, struct box *box, struct loadspec *spec, uint64_t seed,
               struct trouble *t)
{
    memset(w, 0, sizeof *w);
    w->box = box;
    w->spec = spec;
    w->supply = true;
    w->p_w = 1000;
    loadgen_init(&w->gen, seed);
    if (spec->kind == LOADSPEC_ROWS && spec->repeat) {
        int64_t start = spec->rows.start_utc; /* a house of any day begins at midnight */
        int64_t of_day = (box_rtc(box).s - (start == LOADROWS_NO_START ? 0 : start)) % 86400;
        w->skip_ms = (of_day + 86400) % 86400 * 1000;
    }
    w->start_us = box->world_us;
    return spec->kind == LOADSPEC_WAVE ? find_channels(w, t) : 0;
}

void world_changed(struct world *w)
{
    w->change_us = w->box->world_us;
}

/* -- what is drawn ------------------------------------------------------------------------- */
static struct load scaled(const struct world *w, uint32_t q_permille)
{
    struct load l = LOAD_OFF;
    l.p_mw = w->p_w * 1000;
    l.q_mvar = (int32_t)((int64_t)l.p_mw * q_permille / 1000);
    return l;
}

static struct load of_row(const struct world *w, const struct loadrow *r)
{
    struct load l = LOAD_OFF;
    l.p_mw = r->p_mw;
    l.q_mvar = r->q_mvar;
    if (r->v_mv > 0) l.u_mv = (uint32_t)r->v_mv;
    if (w->spec->f_mhz) l.f_mhz = w->spec->f_mhz;
    return l;
}

/* Rows begin when the world does; each holds until the next. */
static struct load of_file(struct world *w, uint64_t *until_us)
{
    const struct loadspec *s = w->spec;
    if (s->kind == LOADSPEC_CONST) return of_row(w, &s->constant);
    int64_t at_ms = w->skip_ms + (int64_t)(w->box->world_us - w->start_us) / 1000;
    *until_us = w->box->world_us - (w->box->world_us - w->start_us) % SECOND_US + SECOND_US;
    if (!s->repeat && at_ms >= s->rows.end_ms) return LOAD_OFF;
    return of_row(w, loadrows_at(&s->rows, at_ms, s->repeat));
}

static struct load drawn(struct world *w, uint64_t *until_us)
{
    *until_us = UINT64_MAX;
    switch (w->load) {
    case WORLD_SPEC:
        return of_file(w, until_us);
    case WORLD_HEATER:
        return scaled(w, 0);
    case WORLD_MOTOR:
        return scaled(w, 620);
    case WORLD_ELECTRONICS:
        return scaled(w, 150);
    case WORLD_FIXED: {
        struct load l = scaled(w, 0);
        l.q_mvar = w->q_var * 1000;
        return l;
    }
    case WORLD_NONE:
    case WORLD_LOADS:
        break;
    }
    return LOAD_OFF;
}

/* A motor lags, electronics draw peaks: third and fifth harmonic in the current. */
static void set_harmonics(struct world *w)
{
    static const struct load_harmonic peak[] = {
        { LOAD_I, 3, 600000, 180000000 },
        { LOAD_I, 5, 300000, 0 },
        { LOAD_I, 7, 120000, 180000000 },
    };
    loadgen_harmonics_clear(&w->gen);
    if (w->load != WORLD_ELECTRONICS) return;
    for (size_t i = 0; i < sizeof peak / sizeof peak[0]; i++)
        (void)loadgen_harmonic_append(&w->gen, &peak[i]);
}

static void renew_load(struct world *w)
{
    struct load l = drawn(w, &w->change_us);
    if (w->u_mv) l.u_mv = w->u_mv;
    if (w->reverse) {
        l.p_mw = -l.p_mw;
        l.q_mvar = -l.q_mvar;
    }
    set_harmonics(w);
    if (loadgen_set(&w->gen, &l)) { /* out of what the terminals can carry: nothing flows */
        l = LOAD_OFF;
        int err = loadgen_set(&w->gen, &l);
        ensure(err == 0);
    }
}

/* -- samples ------------------------------------------------------------------------------- */
static int32_t code_of(double value, double full)
{
    double c = value / full * LOADGEN_CODE_MAX;
    c = c < -LOADGEN_CODE_MAX ? -LOADGEN_CODE_MAX : c > LOADGEN_CODE_MAX ? LOADGEN_CODE_MAX : c;
    return (int32_t)(c < 0 ? c - 0.5 : c + 0.5);
}

/* A cubic through four neighbours, round the end to the start: a recording is played as a loop.
 */
static double recorded(const struct comtrade *c, int channel, double at)
{
    const double *v = c->channel[channel].value;
    size_t n = c->samples, i = (size_t)at;
    double x = at - (double)i, p[4];
    for (size_t k = 0; k < 4; k++) {
        p[k] = v[(i + n + k - 1) % n];
        if (p[k] != p[k]) p[k] = 0; /* missing in the record */
    }
    double a = p[3] - p[2] - p[0] + p[1], b = p[0] - p[1] - a;
    return ((a * x + b) * x + p[2] - p[0]) * x + p[1];
}

static double factor(const struct comtrade *c, int channel)
{
    char kind = 0;
    return comtrade_unit(c->channel[channel].unit, &kind);
}

static void play_recording(struct world *w, struct loadgen_sample *s, size_t n)
{
    const struct comtrade *c = &w->spec->wave;
    double length_s = c->time_s[c->samples - 1] * (double)c->samples / (double)(c->samples - 1);
    double v = factor(c, w->v_channel), a = factor(c, w->i_channel);
    for (size_t i = 0; i < n; i++, w->wave_at_s += 1.0 / LOADGEN_RATE) {
        if (w->wave_at_s >= length_s) w->wave_at_s -= length_s;
        double at = w->wave_at_s / length_s * (double)c->samples;
        s[i].v = code_of(recorded(c, w->v_channel, at) * v, LOADGEN_FULL_V);
        s[i].i = s[i].n = code_of(recorded(c, w->i_channel, at) * a, LOADGEN_FULL_A);
    }
}

static void keep_wave(struct world *w, const struct loadgen_sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++, w->waved++) {
        int32_t *at = w->wave[w->waved % WORLD_WAVE];
        at[0] = s[i].v;
        at[1] = s[i].i;
        at[2] = s[i].n;
    }
}

static void feed(struct world *w, size_t n)
{
    struct loadgen_sample s[CHUNK];
    int32_t codes[CHUNK * 3];
    bool flows = relay_sim_conducts(&w->box->relay);
    if (w->load == WORLD_SPEC && w->spec->kind == LOADSPEC_WAVE)
        play_recording(w, s, n);
    else
        loadgen_run(&w->gen, s, n);
    for (size_t i = 0; i < n; i++) {
        codes[3 * i] = s[i].v;
        codes[3 * i + 1] = s[i].i;
        codes[3 * i + 2] = s[i].n;
    }
    for (size_t i = 0; i < n && !flows; i++) s[i].i = s[i].n = 0;
    keep_wave(w, n > WORLD_WAVE ? s + (n - WORLD_WAVE) : s, n > WORLD_WAVE ? WORLD_WAVE : n);
    box_feed(w->box, codes, n);
}

/* No further than where a contact moves; at least one. */
static uint64_t soonest(const struct box *b, uint64_t samples)
{
    uint64_t still = box_still_us(b);
    if (still / SAMPLE_US >= samples) return samples;
    return still ? (still + SAMPLE_US - 1) / SAMPLE_US : 1;
}

void world_advance(struct world *w, uint64_t samples)
{
    while (samples) {
        uint64_t now = w->box->world_us;
        if (now >= w->change_us) renew_load(w);
        uint64_t left = w->change_us == UINT64_MAX
                            ? CHUNK
                            : (w->change_us - now + SAMPLE_US - 1) / SAMPLE_US;
        uint64_t n = samples < CHUNK ? samples : CHUNK;
        n = n < left ? n : left;
        n = soonest(w->box, n);
        if (w->box->is_on)
            feed(w, n);
        else
            box_pass(w->box, n * SAMPLE_US);
        samples -= n;
    }
}
