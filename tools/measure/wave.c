#include "tools/measure/wave.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/common/comtrade.h"
#include "tools/common/number.h"
#include "tools/measure/resample.h"

enum {
    O_V = 0x300,
    O_I,
    O_N,
    O_RAW,
    O_RAW_FLOAT,
    O_RATE,
    O_CHANNELS,
    O_BITS,
    O_FULL_V,
    O_FULL_I,
    O_UN,
    O_IB,
    O_IMAX,
    O_FN,
    O_LOOP,
    O_KEEP,
    O_MEAN
};

static const struct argp_option options[] = {
    { 0, 0, 0, 0, "Recording", 1 },
    { "v", O_V, "NAME", 0, "COMTRADE channel of the voltage, or #NUMBER; the first in volts",
      0 },
    { "i", O_I, "NAME", 0, "of the phase current; the first in amperes", 0 },
    { "n", O_N, "NAME", 0, "of the neutral current; none", 0 },
    { "raw", O_RAW, 0, 0, "the file is little-endian int32 ADC codes: v,i,n v,i,n ...", 0 },
    { "raw-float", O_RAW_FLOAT, "BITS", 0, "float32 or float64 in volts and amperes: 32 or 64",
      0 },
    { "rate", O_RATE, "HZ", 0, "samples a second of a raw file (8000)", 0 },
    { "channels", O_CHANNELS, "N", 0, "of a raw file: 3 (v,i,n) or 2 (v,i)", 0 },
    { "bits", O_BITS, "N", 0, "of the converter, 16 to 24 (24)", 0 },
    { "full-scale-v", O_FULL_V, "VOLTS", 0, "peak voltage at the end of the codes (500)", 0 },
    { "full-scale-i", O_FULL_I, "AMPERES", 0, "peak current at the end of the codes (200)", 0 },
    { "loop", O_LOOP, "SECONDS", 0, "play the record for so long: it holds whole cycles", 0 },
    { "keep-mean", O_KEEP, 0, 0, "leave the direct component of a COMTRADE record in it", 0 },
    { "remove-mean", O_MEAN, 0, 0, "take the direct component off a raw record", 0 },
    { 0, 0, 0, 0, "Meter", 2 },
    { "un", O_UN, "VOLTS", 0, "reference voltage, 100 to 400 (230)", 0 },
    { "ib", O_IB, "AMPERES", 0, "basic current, 1 to 20 (5)", 0 },
    { "imax", O_IMAX, "AMPERES", 0, "maximum current, up to 200 (100)", 0 },
    { "fn", O_FN, "HZ", 0, "50 or 60 (50)", 0 },
    { 0 },
};

void wave_options_init(struct wave_options *o)
{
    *o = (struct wave_options){
        .rate = 8000, .channels = 3, .un = 230, .ib = 5, .imax = 100, .fn = 50, .bits = 24
    };
}

/* A number between two others, or the end of the program with what it should have been. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct wave_options *o = state->input;
    switch (key) {
    case O_V:
        o->v = arg;
        return 0;
    case O_I:
        o->i = arg;
        return 0;
    case O_N:
        o->n = arg;
        return 0;
    case O_RAW:
        o->raw = true;
        return 0;
    case O_RAW_FLOAT:
        o->raw_float = (int)number_option(state, "raw-float", arg, 32, 64);
        if (o->raw_float != 32 && o->raw_float != 64)
            argp_error(state, "--raw-float is 32 or 64");
        return 0;
    case O_RATE:
        o->rate = number_option(state, "rate", arg, 500, 10e6);
        return 0;
    case O_CHANNELS:
        o->channels = (int)number_option(state, "channels", arg, 2, 3);
        return 0;
    case O_BITS:
        o->bits = (int)number_option(state, "bits", arg, 16, 24);
        return 0;
    case O_FULL_V:
        o->full_v = number_option(state, "full-scale-v", arg, 1, 4000);
        return 0;
    case O_FULL_I:
        o->full_i = number_option(state, "full-scale-i", arg, 1, 4000);
        return 0;
    case O_UN:
        o->un = number_option(state, "un", arg, 100, 400);
        return 0;
    case O_IB:
        o->ib = number_option(state, "ib", arg, 1, 20);
        return 0;
    case O_IMAX:
        o->imax = number_option(state, "imax", arg, 1, 200);
        return 0;
    case O_FN:
        o->fn = number_option(state, "fn", arg, 50, 60);
        if (o->fn != 50 && o->fn != 60) argp_error(state, "--fn is 50 or 60");
        return 0;
    case O_LOOP:
        o->loop_s = number_option(state, "loop", arg, 0.1, 86400);
        return 0;
    case O_KEEP:
        o->keep_mean = true;
        return 0;
    case O_MEAN:
        o->remove_mean = true;
        return 0;
    case ARGP_KEY_END:
        if (o->raw && o->raw_float) argp_error(state, "--raw or --raw-float, not both");
        if (o->imax < o->ib) argp_error(state, "--imax is below --ib");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp wave_argp = { options, parse, NULL, NULL, NULL, NULL, NULL };

/* -- what is held in memory ---------------------------------------------------------------- */

static const double limits[] = { 500, 1000, 2000, 4000 };

/* The converter's range: as asked, or the first that holds the peaks. */
static double range_for(double asked, double usual, const double *x, size_t n)
{
    double peak = 0;
    if (asked > 0) return asked;
    for (size_t k = 0; k < n; k++) peak = fmax(peak, fabs(x[k]));
    if (peak * 1.05 <= usual) return usual;
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++)
        if (peak * 1.05 <= limits[k] && limits[k] > usual) return limits[k];
    return 4000;
}

static double *grab(size_t n)
{
    double *p = calloc(n ? n : 1, sizeof *p);
    if (!p) {
        fprintf(stderr, "out of memory\n");
        abort();
    }
    return p;
}

/* Missing samples by a straight line between their neighbours. */
static uint64_t repair(double *x, size_t n)
{
    uint64_t repaired = 0;
    for (size_t k = 0; k < n; k++) {
        if (isfinite(x[k])) continue;
        size_t e = k;
        while (e < n && !isfinite(x[e])) e++;
        double a = k ? x[k - 1] : e < n ? x[e] : 0, b = e < n ? x[e] : a;
        repaired += e - k;
        for (size_t j = k; j < e; j++)
            x[j] = a + (b - a) * (double)(j - k + 1) / (double)(e - k + 1);
        k = e;
    }
    return repaired;
}

static void take_mean(double *x, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += x[k];
    for (size_t k = 0; k < n; k++) x[k] -= sum / (double)n;
}

/* Bring what is held to the meter's rate and length. */
static void shape(struct wave_source *s, const struct wave_options *o, double rate,
                  bool no_mean)
{
    uint32_t out = s->sampling.rate_hz;
    double seconds = o->loop_s > 0 ? o->loop_s : (double)s->count / rate;
    size_t m = (size_t)(seconds * out);
    bool as_it_is = rate == out && o->loop_s <= 0;
    if (rate != out) s->resampled_from = rate;
    for (int c = 0; c < s->sampling.channels; c++) {
        double *x = s->held[c];
        if (no_mean || !as_it_is) s->repaired += repair(x, s->count);
        if (no_mean) take_mean(x, s->count);
        if (as_it_is) continue;
        s->held[c] = grab(m);
        resample(x, s->count, rate, s->held[c], m, out, o->loop_s > 0);
        free(x);
    }
    if (!as_it_is) s->count = m;
}

/* -- COMTRADE ------------------------------------------------------------------------------ */

static int first_of(const struct comtrade *c, char kind)
{
    for (size_t k = 0; k < c->channels; k++) {
        char is = 0;
        comtrade_unit(c->channel[k].unit, &is);
        if (is == kind) return (int)k;
    }
    return E_NONE;
}

static void list_channels(const struct comtrade *c, char *text, size_t n)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t k = 0; k < c->channels && used + 24 < n; k++)
        used += (size_t)snprintf(text + used, n - used, "%s%.12s (%.6s)", k ? ", " : "",
                                 c->channel[k].name, c->channel[k].unit);
}

static int channel_of(const struct comtrade *c, const char *name, char kind, const char *option,
                      struct trouble *t)
{
    char names[200];
    int k = name ? comtrade_find(c, name) : first_of(c, kind);
    list_channels(c, names, sizeof names);
    if (k < 0 && name)
        return trouble(t, E_NONE, "there is no channel '%s'; --%s takes one of %s", name,
                       option, names);
    if (k < 0)
        return trouble(t, E_NONE, "no channel in %s; name one with --%s: %s",
                       kind == 'V' ? "volts" : "amperes", option, names);
    return k;
}

/* Equal steps out of what may have several rates: straight lines between the dated samples. */
static double evenly(const struct comtrade *c, const double *x, double *y, size_t *n)
{
    double rate = 0, length = c->time_s[c->samples - 1];
    for (size_t k = 0; k < c->rates; k++) rate = fmax(rate, c->rate[k].hz);
    if (c->rates == 1 && rate > 0) {
        memcpy(y, x, c->samples * sizeof *y);
        *n = c->samples;
        return rate;
    }
    if (rate <= 0) rate = (double)(c->samples - 1) / length;
    size_t j = 0, m = 0;
    for (double at = 0; at <= length && m < c->samples * 4; at = (double)++m / rate) {
        while (j + 2 < c->samples && c->time_s[j + 1] < at) j++;
        double step = c->time_s[j + 1] - c->time_s[j],
               f = step > 0 ? (at - c->time_s[j]) / step : 0;
        y[m] = x[j] + (x[j + 1] - x[j]) * f;
    }
    *n = m;
    return rate;
}

static int open_comtrade(struct wave_source *s, const struct wave_options *o, struct trouble *t)
{
    struct comtrade c;
    int r = comtrade_read(&c, s->path, t);
    if (r < 0) return r;
    const char *const name[3] = { o->v, o->i, o->n }, *const option[3] = { "v", "i", "n" };
    double rate = 0;
    s->sampling.channels = o->n ? 3 : 2;
    for (int k = 0; k < s->sampling.channels && r >= 0; k++) {
        char kind = 0;
        r = channel_of(&c, name[k], k ? 'A' : 'V', option[k], t);
        if (r < 0) break;
        const struct comtrade_channel *ch = &c.channel[r];
        double unit = comtrade_unit(ch->unit, &kind);
        s->held[k] = grab(c.samples * 4);
        if (c.samples < 4)
            r = trouble(t, E_FORMAT, "%s holds %zu samples: too few", s->path, c.samples);
        else
            rate = evenly(&c, ch->value, s->held[k], &s->count);
        for (size_t j = 0; j < s->count; j++) s->held[k][j] *= unit;
    }
    comtrade_free(&c);
    if (r < 0) return r;
    shape(s, o, rate, !o->keep_mean);
    return 0;
}

/* -- raw ----------------------------------------------------------------------------------- */

static double value_of(const struct wave_source *s, const uint8_t *p)
{
    if (!s->is_float) return (double)(int32_t)le_get32(p);
    if (s->octets == 8) {
        uint64_t u = le_get64(p);
        double d;
        memcpy(&d, &u, sizeof d);
        return d;
    }
    uint32_t u = le_get32(p);
    float f;
    memcpy(&f, &u, sizeof f);
    return (double)f;
}

/* Up to max samples of the stream; 0 at the end. */
static int read_frames(struct wave_source *s, uint8_t *b, size_t max, struct trouble *t)
{
    size_t frame = (size_t)s->octets * s->sampling.channels;
    size_t got = fread(b, 1, max * frame, s->stream);
    if (ferror(s->stream)) return trouble(t, E_IO, "%s: %s", s->path, strerror(errno));
    if (got % frame)
        return trouble(
            t, E_FORMAT,
            "%s ends in the middle of a sample: %zu octets of %zu. Is it truncated, or are "
            "--channels and --raw-float not those of the file?",
            s->path, got % frame, frame);
    return (int)(got / frame);
}

/* The whole stream in volts and amperes. */
static int hold(struct wave_source *s, const double unit[3], struct trouble *t)
{
    uint8_t b[3 * 8 * 1024];
    size_t room = 0, channels = s->sampling.channels, octets = (size_t)s->octets;
    for (int n; (n = read_frames(s, b, 1024, t)) != 0;) {
        if (n < 0) return n;
        if (s->count + (size_t)n > room) {
            room = room ? room * 2 : 1 << 16;
            if (room > (size_t)1 << 27)
                return trouble(t, E_SPACE, "%s is too long to be resampled or looped", s->path);
            for (size_t c = 0; c < channels; c++) {
                double *more = realloc(s->held[c], room * sizeof *more);
                if (!more) return trouble(t, E_SPACE, "%s does not fit in memory", s->path);
                s->held[c] = more;
            }
        }
        for (size_t k = 0; k < (size_t)n; k++)
            for (size_t c = 0; c < channels; c++)
                s->held[c][s->count + k] =
                    value_of(s, b + (k * channels + c) * octets) * unit[c];
        s->count += (size_t)n;
    }
    return 0;
}

static int open_raw(struct wave_source *s, const struct wave_options *o, struct trouble *t)
{
    double top = ldexp(1, o->bits - 1), v = o->full_v > 0 ? o->full_v : 500,
           i = o->full_i > 0 ? o->full_i : 200;
    const double unit[3] = { s->is_float ? 1 : v / top, s->is_float ? 1 : i / top,
                             s->is_float ? 1 : i / top };
    s->stream = strcmp(s->path, "-") ? fopen(s->path, "rb") : stdin;
    if (!s->stream) return trouble(t, E_IO, "cannot open %s: %s", s->path, strerror(errno));
    s->octets = o->raw_float == 64 ? 8 : 4;
    s->sampling.channels = (uint8_t)o->channels;
    if (o->rate == s->sampling.rate_hz && o->loop_s <= 0 && !o->remove_mean) return 0;
    int r = hold(s, unit, t);
    if (r < 0) return r;
    if (s->count < 4)
        return trouble(t, E_FORMAT, "%s holds %zu samples: too few", s->path, s->count);
    shape(s, o, o->rate, o->remove_mean);
    return 0;
}

/* -- all ----------------------------------------------------------------------------------- */

static bool ends_in_cfg(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && path[n - 4] == '.' && (path[n - 3] | 32) == 'c' &&
           (path[n - 2] | 32) == 'f' && (path[n - 1] | 32) == 'g';
}

static uint32_t micro(double x)
{
    return (uint32_t)llround(x * 1e6);
}

int wave_open(struct wave_source *s, const char *path, const struct wave_options *o,
              struct trouble *t)
{
    memset(s, 0, sizeof *s);
    s->path = path;
    s->is_float = o->raw_float != 0;
    s->sampling = SAMPLING_DEFAULT;
    s->sampling.bits = (uint8_t)o->bits;
    if (o->rate == 4000 && (o->raw || o->raw_float)) s->sampling.rate_hz = 4000;
    s->rating = (struct rating){ micro(o->un) / 1000, micro(o->ib) / 1000,
                                 micro(o->imax) / 1000, (uint32_t)o->fn };
    bool raw = o->raw || o->raw_float;
    if (!raw && !ends_in_cfg(path))
        return trouble(
            t, E_FORMAT,
            "%s is no COMTRADE configuration (.cfg); for a file of samples say --raw or "
            "--raw-float 64",
            path);
    int r = raw ? open_raw(s, o, t) : open_comtrade(s, o, t);
    double full_v = s->held[0] ? range_for(o->full_v, 500, s->held[0], s->count) : o->full_v;
    double full_i = s->held[1] ? range_for(o->full_i, 200, s->held[1], s->count) : o->full_i;
    s->sampling.full_scale_uv = micro(full_v > 0 ? full_v : 500);
    s->sampling.full_scale_ua = s->sampling.full_scale_n_ua = micro(full_i > 0 ? full_i : 200);
    return r;
}

static int32_t code_of(const struct wave_source *s, double x, int channel)
{
    double full = channel ? s->sampling.full_scale_ua : s->sampling.full_scale_uv;
    double y = rint(x * 1e6 / full * ldexp(1, s->sampling.bits - 1));
    return (int32_t)fmax(fmin(y, 2147483647), -2147483648.0);
}

/* One sample in volts and amperes: into the block, or counted as missing. False when it must
 * wait for the next block, because missing samples come before all others of theirs. */
static bool put(const struct wave_source *s, struct wave_block *b, const double x[3])
{
    size_t channels = s->sampling.channels;
    bool whole = isfinite(x[0]) && isfinite(x[1]) && isfinite(x[2]);
    if (!whole && b->count) return false;
    if (!whole) {
        b->missed++;
        return true;
    }
    for (size_t c = 0; c < channels; c++)
        b->codes[b->count * channels + c] = code_of(s, x[c], c > 0);
    b->count++;
    return true;
}

static void next_held(struct wave_source *s, struct wave_block *b)
{
    for (; s->at < s->count && b->count < WAVE_BLOCK; s->at++) {
        double x[3] = { 0 };
        for (int c = 0; c < s->sampling.channels; c++) x[c] = s->held[c][s->at];
        if (!put(s, b, x)) break;
    }
}

static void next_codes(const struct wave_source *s, struct wave_block *b)
{
    size_t values = s->frames * s->sampling.channels;
    for (size_t k = 0; k < values; k++) b->codes[k] = (int32_t)le_get32(s->buffer + 4 * k);
    b->count = s->frames;
}

static void next_floats(struct wave_source *s, struct wave_block *b)
{
    size_t channels = s->sampling.channels, octets = (size_t)s->octets;
    for (; s->at < s->frames && b->count < WAVE_BLOCK; s->at++) {
        double x[3] = { 0 };
        for (size_t c = 0; c < channels; c++)
            x[c] = value_of(s, s->buffer + (s->at * channels + c) * octets);
        if (!put(s, b, x)) break;
    }
}

int wave_next(struct wave_source *s, struct wave_block *b, struct trouble *t)
{
    b->count = 0;
    b->missed = 0;
    if (s->held[0]) {
        next_held(s, b);
        return b->count || b->missed;
    }
    if (s->at >= s->frames) {
        int n = read_frames(s, s->buffer, WAVE_BLOCK, t);
        if (n <= 0) return n;
        s->frames = (size_t)n;
        s->at = s->is_float ? 0 : s->frames;
    }
    if (s->is_float)
        next_floats(s, b);
    else
        next_codes(s, b);
    return 1;
}

void wave_close(struct wave_source *s)
{
    if (s->stream && s->stream != stdin) fclose(s->stream);
    for (int c = 0; c < 3; c++) free(s->held[c]);
    memset(s, 0, sizeof *s);
}
