#include "tools/measure/source.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/common/comtrade.h"
#include "tools/common/file.h"

enum { HALF_TAPS = 32, KERNEL_STEPS = 2048 };
#define FILE_MAX (UINT64_C(4) << 30)

static int allocate(struct source *s, unsigned channels, size_t samples, struct trouble *t)
{
    s->samples = samples;
    for (unsigned c = 0; c < channels; c++) {
        s->value[c] = malloc(samples * sizeof(double));
        if (!s->value[c]) return trouble(t, E_SPACE, "out of memory");
    }
    return 0;
}

/* -- COMTRADE
 * ------------------------------------------------------------------------------------ */
static int pick(const struct comtrade *c, const char *name, char kind)
{
    if (name) return comtrade_find(c, name);
    for (size_t i = 0; i < c->channels; i++) {
        char k = 0;
        (void)comtrade_unit(c->channel[i].unit, &k);
        if (k == kind) return (int)i;
    }
    return E_NONE;
}

/* One rate all through: a record with several must be cut first. */
static int find_rate(const struct comtrade *c, double *hz, struct trouble *t)
{
    double length = c->time_s[c->samples - 1];
    *hz = (double)(c->samples - 1) / length;
    for (size_t k = 1; k < c->samples; k++) {
        double step = c->time_s[k] - c->time_s[k - 1];
        if (fabs(step * *hz - 1) > 0.05)
            return trouble(t, E_FORMAT,
                           "the sample rate changes at sample %zu of the record; cut it there",
                           k + 1);
    }
    if (c->rates == 1 && c->rate[0].hz > 0) *hz = c->rate[0].hz;
    return 0;
}

static int take_channel(struct source *s, const struct comtrade *c, unsigned to, int from)
{
    char kind = 0;
    double factor = comtrade_unit(c->channel[from].unit, &kind);
    for (size_t k = 0; k < c->samples; k++) {
        double v = c->channel[from].value[k] * factor;
        s->value[to][k] = isnan(v) ? 0 : v;
    }
    return 0;
}

static int read_comtrade(struct source *s, const struct source_options *o, struct trouble *t)
{
    struct comtrade c;
    static const char kinds[SOURCE_CHANNELS] = { 'V', 'A', 'A' };
    int from[SOURCE_CHANNELS], err = comtrade_read(&c, o->path, t);
    if (err) return err;
    unsigned channels = o->name[2] ? 3 : 2;
    for (unsigned k = 0; k < channels && !err; k++) {
        from[k] = pick(&c, o->name[k], kinds[k]);
        if (from[k] < 0)
            err = trouble(t, E_NONE,
                          "%s has no channel %s; `--v`, `--i` and `--n` take names or #numbers",
                          o->path,
                          o->name[k] ? o->name[k]
                          : k        ? "in amperes"
                                     : "in volts");
    }
    if (!err && c.samples < 16)
        err = trouble(t, E_FORMAT, "%s has only %zu samples", o->path, c.samples);
    if (!err) err = find_rate(&c, &s->rate_hz, t);
    if (!err) err = allocate(s, channels, c.samples, t);
    for (unsigned k = 0; k < channels && !err; k++) err = take_channel(s, &c, k, from[k]);
    comtrade_free(&c);
    return err;
}

/* -- raw
 * -------------------------------------------------------------------------------------------
 */
static double raw_value(const uint8_t *p, const struct source_options *o, unsigned channel)
{
    if (o->raw_float == 64) {
        uint64_t bits = le_get64(p);
        double v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    if (o->raw_float == 32) {
        uint32_t bits = le_get32(p);
        float v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    double full = channel ? o->full_scale_i : o->full_scale_v;
    return (double)(int32_t)le_get32(p) * full / (double)((UINT64_C(1) << (o->bits - 1)) - 1);
}

static int read_raw(struct source *s, const struct source_options *o, struct trouble *t)
{
    struct file f;
    size_t width = o->raw_float == 64 ? 8 : 4, row = width * o->channels;
    int err = file_read(&f, o->path, FILE_MAX, t);
    if (err) return err;
    if (f.size % row || f.size / row < 16)
        err = trouble(t, E_FORMAT,
                      "%s has %zu octets: no whole number of samples of %zu octets, or too few",
                      o->path, f.size, row);
    if (!err) err = allocate(s, o->channels, f.size / row, t);
    s->rate_hz = o->rate_hz;
    const uint8_t *p = (const uint8_t *)f.text;
    for (size_t k = 0; k < s->samples && !err; k++)
        for (unsigned c = 0; c < o->channels && !err; c++, p += width) {
            s->value[c][k] = raw_value(p, o, c);
            if (!isfinite(s->value[c][k]))
                err = trouble(t, E_FORMAT, "%s: sample %zu is not a number", o->path, k + 1);
        }
    file_free(&f);
    return err;
}

/* -- both
 * -------------------------------------------------------------------------------------------
 */
/* sin(pi u) / (pi u) under a raised cosine that ends at HALF_TAPS. */
static double *make_kernel(void)
{
    size_t n = HALF_TAPS * KERNEL_STEPS;
    double *kernel = malloc((n + 2) * sizeof *kernel);
    for (size_t i = 0; kernel && i < n + 2; i++) {
        double u = (double)i / KERNEL_STEPS;
        kernel[i] = i == 0 ? 1
                    : i >= n
                        ? 0
                        : sin(M_PI * u) / (M_PI * u) * (0.5 + 0.5 * cos(M_PI * u / HALF_TAPS));
    }
    return kernel;
}

static void take_mean_off(struct source *s, unsigned c)
{
    double mean = 0;
    for (size_t k = 0; k < s->samples; k++) mean += s->value[c][k] / (double)s->samples;
    for (size_t k = 0; k < s->samples; k++) s->value[c][k] -= mean;
}

int source_open(struct source *s, const struct source_options *o, struct trouble *t)
{
    memset(s, 0, sizeof *s);
    int err = o->raw || o->raw_float ? read_raw(s, o, t) : read_comtrade(s, o, t);
    if (err) {
        source_close(s);
        return err;
    }
    for (unsigned c = 0; c < SOURCE_CHANNELS; c++)
        if (s->value[c] && !o->raw && !o->keep_mean) take_mean_off(s, c);
    s->out_rate_hz = s->rate_hz == 4000 ? 4000 : 8000;
    s->kernel = make_kernel();
    if (!s->kernel) {
        source_close(s);
        return trouble(t, E_SPACE, "out of memory");
    }
    s->loop = o->loop_s > 0;
    double length_s = s->loop ? o->loop_s : (double)s->samples / s->rate_hz;
    s->out_samples = (size_t)(length_s * s->out_rate_hz);
    return 0;
}

void source_close(struct source *s)
{
    for (unsigned c = 0; c < SOURCE_CHANNELS; c++) free(s->value[c]);
    free(s->kernel);
    memset(s, 0, sizeof *s);
}

static double sample(const struct source *s, unsigned c, int64_t k)
{
    int64_t n = (int64_t)s->samples;
    if (s->loop) return s->value[c][(k % n + n) % n];
    return k < 0 || k >= n ? 0 : s->value[c][k];
}

static double kernel_at(const double *kernel, double u)
{
    double x = u * KERNEL_STEPS;
    size_t i = (size_t)x;
    return kernel[i] + (kernel[i + 1] - kernel[i]) * (x - (double)i);
}

double source_at(const struct source *s, unsigned c, size_t k)
{
    if (s->rate_hz == s->out_rate_hz) return sample(s, c, (int64_t)k);
    double at = (double)k * s->rate_hz / s->out_rate_hz;
    if (s->loop) at = fmod(at, (double)s->samples);
    double cut = s->rate_hz > s->out_rate_hz ? 0.9 * s->out_rate_hz / s->rate_hz : 0.9;
    double half = HALF_TAPS / cut, sum = 0, weights = 0;
    for (int64_t j = (int64_t)ceil(at - half); j <= (int64_t)floor(at + half); j++) {
        double w = kernel_at(s->kernel, fabs((double)j - at) * cut);
        sum += w * sample(s, c, j);
        weights += w;
    }
    return sum / weights;
}

double source_peak(const struct source *s, unsigned c)
{
    double peak = 0;
    for (size_t k = 0; k < s->samples; k++) peak = fmax(peak, fabs(s->value[c][k]));
    return peak;
}
