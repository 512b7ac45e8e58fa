#include "port/common/loadgen.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/fixed.h"

/* sin(2 pi k / 256) x 2^30: 2^30 and not more, so that a sum of products stays in 64 bits. */
static const int32_t sine[256] = {
    0,           26350943,    52686014,    78989349,    105245103,   131437462,   157550647,
    183568930,   209476638,   235258165,   260897982,   286380643,   311690799,   336813204,
    361732726,   386434353,   410903207,   435124548,   459083786,   482766489,   506158392,
    529245404,   552013618,   574449320,   596538995,   618269338,   639627258,   660599890,
    681174602,   701339000,   721080937,   740388522,   759250125,   777654384,   795590213,
    813046808,   830013654,   846480531,   862437520,   877875009,   892783698,   907154608,
    920979082,   934248793,   946955747,   959092290,   970651112,   981625251,   992008094,
    1001793390,  1010975242,  1019548121,  1027506862,  1034846671,  1041563127,  1047652185,
    1053110176,  1057933813,  1062120190,  1065666786,  1068571464,  1070832474,  1072448455,
    1073418433,  1073741824,  1073418433,  1072448455,  1070832474,  1068571464,  1065666786,
    1062120190,  1057933813,  1053110176,  1047652185,  1041563127,  1034846671,  1027506862,
    1019548121,  1010975242,  1001793390,  992008094,   981625251,   970651112,   959092290,
    946955747,   934248793,   920979082,   907154608,   892783698,   877875009,   862437520,
    846480531,   830013654,   813046808,   795590213,   777654384,   759250125,   740388522,
    721080937,   701339000,   681174602,   660599890,   639627258,   618269338,   596538995,
    574449320,   552013618,   529245404,   506158392,   482766489,   459083786,   435124548,
    410903207,   386434353,   361732726,   336813204,   311690799,   286380643,   260897982,
    235258165,   209476638,   183568930,   157550647,   131437462,   105245103,   78989349,
    52686014,    26350943,    0,           -26350943,   -52686014,   -78989349,   -105245103,
    -131437462,  -157550647,  -183568930,  -209476638,  -235258165,  -260897982,  -286380643,
    -311690799,  -336813204,  -361732726,  -386434353,  -410903207,  -435124548,  -459083786,
    -482766489,  -506158392,  -529245404,  -552013618,  -574449320,  -596538995,  -618269338,
    -639627258,  -660599890,  -681174602,  -701339000,  -721080937,  -740388522,  -759250125,
    -777654384,  -795590213,  -813046808,  -830013654,  -846480531,  -862437520,  -877875009,
    -892783698,  -907154608,  -920979082,  -934248793,  -946955747,  -959092290,  -970651112,
    -981625251,  -992008094,  -1001793390, -1010975242, -1019548121, -1027506862, -1034846671,
    -1041563127, -1047652185, -1053110176, -1057933813, -1062120190, -1065666786, -1068571464,
    -1070832474, -1072448455, -1073418433, -1073741824, -1073418433, -1072448455, -1070832474,
    -1068571464, -1065666786, -1062120190, -1057933813, -1053110176, -1047652185, -1041563127,
    -1034846671, -1027506862, -1019548121, -1010975242, -1001793390, -992008094,  -981625251,
    -970651112,  -959092290,  -946955747,  -934248793,  -920979082,  -907154608,  -892783698,
    -877875009,  -862437520,  -846480531,  -830013654,  -813046808,  -795590213,  -777654384,
    -759250125,  -740388522,  -721080937,  -701339000,  -681174602,  -660599890,  -639627258,
    -618269338,  -596538995,  -574449320,  -552013618,  -529245404,  -506158392,  -482766489,
    -459083786,  -435124548,  -410903207,  -386434353,  -361732726,  -336813204,  -311690799,
    -286380643,  -260897982,  -235258165,  -209476638,  -183568930,  -157550647,  -131437462,
    -105245103,  -78989349,   -52686014,   -26350943,
};

struct turn {
    int32_t sin, cos; /* x 2^30 */
};

/* The nearest of the 256 points, turned by the angle a that is left, |a| <= pi / 256:
 * sin a = a - a^3/6, cos a = 1 - a^2/2, good to a^4/24 = 1e-9. */
static inline struct turn turn_at(uint32_t phase)
{
    uint32_t k = (phase + (1u << 23)) >> 24;
    int32_t d = (int32_t)(phase - (k << 24));
    int32_t a = (int32_t)((int64_t)d * 1686629713 >> 23); /* x 2^37: 2 pi 2^28 */
    int32_t dip = (int32_t)((int64_t)a * a >> 44);        /* a^2/2 x 2^31 */
    int32_t cube = (int32_t)((int64_t)((int64_t)a * dip >> 37) * 715827883 >> 31); /* a^3/6 */
    int32_t sin_a = (a >> 6) - cube;                                               /* x 2^31 */
    int32_t s = sine[k & 255], c = sine[(k + 64) & 255];
    return (struct turn){
        .sin = s + (int32_t)(((int64_t)c * sin_a - (int64_t)s * dip) >> 31),
        .cos = c - (int32_t)(((int64_t)s * sin_a + (int64_t)c * dip) >> 31),
    };
}

/* Codes x 2^35 to a code. The error of the last two roundings is taken back, so that what is
 * left of it at the line's frequency is a six-hundredth. */
static inline int32_t code(int64_t x, struct loadgen_rest *r)
{
    x += 2 * r->last - r->before;
    int32_t c = (int32_t)((x + (INT64_C(1) << 34)) >> 35);
    r->before = r->last;
    r->last = x - c * (INT64_C(1) << 35);
    return c > LOADGEN_CODE_MAX    ? LOADGEN_CODE_MAX
           : c < -LOADGEN_CODE_MAX ? -LOADGEN_CODE_MAX
                                   : c;
}

struct wide {
    int64_t v, i, n; /* codes x 2^35 */
};

static void tones_add(const struct loadgen *g, struct wide *w)
{
    uint32_t phase = (uint32_t)(g->phase >> 32);
    for (size_t k = 0; k < g->harmonics; k++) {
        const struct loadgen_tone *t = &g->tone[k];
        int32_t s = turn_at(phase * t->order + t->phase).sin;
        w->v += (int64_t)t->v_amp * s;
        w->i += (int64_t)t->i_amp * s >> g->fine;
        w->n += (int64_t)t->n_amp * s >> g->fine;
    }
}

static int32_t triangle(uint64_t r)
{
    return (int32_t)(r & 1023) + (int32_t)(r >> 10 & 1023) - 1023;
}

static void noise_add(struct loadgen *g, struct wide *w)
{
    uint64_t r = g->random; /* xorshift, period 2^64 - 1 */
    r ^= r << 13;
    r ^= r >> 7;
    r ^= r << 17;
    g->random = r;
    w->v += (int64_t)triangle(r) * g->noise_amp * 1024;
    w->i += (int64_t)triangle(r >> 20) * g->noise_amp * 1024;
    w->n += (int64_t)triangle(r >> 40) * g->noise_amp * 1024;
}

/* All of the current comes back, without noise of its own: the neutral is the phase. */
static bool is_plain(const struct loadgen *g)
{
    return g->load.neutral_ppm == 1000000 && g->noise_amp == 0;
}

void loadgen_run(struct loadgen *g, struct loadgen_sample *out, size_t n)
{
    bool plain = is_plain(g);
    for (size_t k = 0; k < n; k++) {
        struct turn t = turn_at((uint32_t)(g->phase >> 32));
        struct wide w = {
            .v = (int64_t)g->v_amp * t.sin,
            .i = ((int64_t)g->i_sin * t.sin + (int64_t)g->i_cos * t.cos) >> g->fine,
        };
        if (!plain) w.n = ((int64_t)g->n_sin * t.sin + (int64_t)g->n_cos * t.cos) >> g->fine;
        if (g->harmonics) tones_add(g, &w);
        if (g->noise_amp) noise_add(g, &w);
        out[k].v = code(w.v, &g->rest[0]);
        out[k].i = code(w.i, &g->rest[1]);
        out[k].n = plain ? out[k].i : code(w.n, &g->rest[2]);
        g->phase += g->step;
    }
}

/* Amplitude of the current that carries p: codes x 2^20. sqrt(2) (2^23 - 1) / 200 codes an
 * ampere, and mW / mV is one. */
static int64_t current_amp(int64_t p_mw, uint32_t u_mv)
{
    return u_mv ? muldiv_i64(p_mw, 62197762825, u_mv) : 0;
}

/* Twice full scale, codes x 2^5: a fundamental of two parts and eight harmonics of this size
 * still add up in 63 bits. */
#define AMP_MAX (1 << 29)

static int32_t hold(int64_t amp)
{
    return amp > AMP_MAX ? AMP_MAX : amp < -AMP_MAX ? -AMP_MAX : (int32_t)amp;
}

/* Small currents get up to 15 more bits. */
static void currents_set(struct loadgen *g)
{
    int64_t along = current_amp(g->load.p_mw, g->load.u_mv);
    int64_t ahead = -current_amp(g->load.q_mvar, g->load.u_mv);
    uint64_t both = abs_i64(along) | abs_i64(ahead);
    g->fine = 15;
    while (g->fine > 0 && both >> (15 - g->fine) > AMP_MAX) g->fine--;
    int64_t unit = INT64_C(1) << (15 - g->fine);
    g->i_sin = hold(along / unit);
    g->i_cos = hold(ahead / unit);
    g->n_sin = hold(muldiv_i64(g->i_sin, g->load.neutral_ppm, 1000000));
    g->n_cos = hold(muldiv_i64(g->i_cos, g->load.neutral_ppm, 1000000));
}

static void tone_set(struct loadgen *g, size_t k)
{
    const struct load_harmonic *h = &g->harmonic[k];
    struct loadgen_tone *t = &g->tone[k];
    *t = (struct loadgen_tone){ .order = h->order,
                                .phase = (uint32_t)muldiv_i64(h->phase_udeg, INT64_C(1) << 32,
                                                              360000000) };
    if (h->channel == LOAD_V) {
        t->v_amp = hold(muldiv_i64(g->v_amp, h->amplitude_ppm, 1000000));
        return;
    }
    int64_t square = (int64_t)g->i_sin * g->i_sin + (int64_t)g->i_cos * g->i_cos;
    t->i_amp = hold(muldiv_i64(isqrt_u64((uint64_t)square), h->amplitude_ppm, 1000000));
    t->n_amp = hold(muldiv_i64(t->i_amp, g->load.neutral_ppm, 1000000));
}

int load_check(const struct load *load)
{
    if (load->u_mv > 700000 || load->f_mhz > 1000000) return E_RANGE;
    if (load->neutral_ppm > 1000000 || load->noise_mcode > 1000000) return E_RANGE;
    return load->u_mv == 0 && (load->p_mw || load->q_mvar) ? E_RANGE : 0;
}

int loadgen_set(struct loadgen *g, const struct load *load)
{
    if (load_check(load) < 0) return E_RANGE;
    g->load = *load;
    g->step = muldiv_u64(load->f_mhz, 1ull << 61, 1000000);
    /* sqrt(2) (2^23 - 1) / 500 000 codes a millivolt, x 2^5 x 2^26 */
    g->v_amp = hold((int64_t)((load->u_mv * 50952407306u + (1u << 25)) >> 26));
    /* two uniform numbers below 1024 have a standard deviation of 418.046 */
    g->noise_amp = (int32_t)muldiv_u64(load->noise_mcode, 1u << 25, 418046);
    currents_set(g);
    for (size_t k = 0; k < g->harmonics; k++) tone_set(g, k);
    return 0;
}

void loadgen_init(struct loadgen *g, uint64_t seed)
{
    memset(g, 0, sizeof *g);
    g->random = (seed + 1) * 0x9E3779B97F4A7C15u | 1;
    (void)loadgen_set(g, &LOAD_OFF);
}

int loadgen_harmonic_append(struct loadgen *g, const struct load_harmonic *harmonic)
{
    if (harmonic->order < 2 || harmonic->order > 63 || harmonic->amplitude_ppm > 1000000)
        return E_RANGE;
    if (g->harmonics == LOADGEN_HARMONICS) return E_SPACE;
    g->harmonic[g->harmonics] = *harmonic;
    tone_set(g, g->harmonics++);
    return 0;
}

void loadgen_harmonics_clear(struct loadgen *g)
{
    g->harmonics = 0;
}
