#include "tools/common/comtrade.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/common/file.h"

enum { FIELDS_MAX = 16, CFG_MAX = 8 << 20, LINE_TAIL = 4096 };
static const size_t DAT_MAX = (size_t)2 << 30;

enum kind { ASCII, BINARY, BINARY32, FLOAT32 };

/* Where we are, for messages. */
struct reader {
    struct comtrade *c;
    struct trouble *t;
    const char *name; /* of the file now read */
    unsigned line;
    char *at;
    const char *end;
    enum kind kind;
    double timemult;
};

static int wrong(struct reader *r, const char *what)
{
    return trouble(r->t, E_FORMAT, "%s:%u: %s", r->name, r->line, what);
}

static bool read_number(const char *text, double *value)
{
    char *end;
    if (!*text) return false;
    *value = strtod(text, &end);
    return *end == 0 && isfinite(*value);
}

static bool read_count(const char *text, size_t max, size_t *value)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    unsigned long long n = strtoull(text, &end, 10);
    *value = (size_t)n;
    return *end == 0 && n <= max;
}

/* "24A": a count with its letter. */
static bool read_lettered(char *text, char letter, size_t *value)
{
    size_t n = strlen(text);
    if (n && (text[n - 1] | 32) == letter) text[n - 1] = 0;
    return read_count(text, COMTRADE_CHANNELS_MAX * 16, value);
}

static void keep(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static char *next_line(struct reader *r)
{
    r->line++;
    return file_line(&r->at, r->end);
}

static int next_fields(struct reader *r, size_t least, char *field[FIELDS_MAX], size_t *n)
{
    char *line = next_line(r);
    if (!line) return wrong(r, "the file ends too early");
    *n = file_fields(line, ',', FIELDS_MAX, field);
    if (*n < least || *n > FIELDS_MAX)
        return wrong(r, "another number of fields than expected");
    return 0;
}

/* Station, device, year of the standard. */
static int parse_head(struct reader *r)
{
    char *f[FIELDS_MAX];
    size_t n, year = 1991, total;
    int e = next_fields(r, 1, f, &n);
    if (e < 0) return e;
    keep(r->c->station, sizeof r->c->station, f[0]);
    if (n > 1) keep(r->c->device, sizeof r->c->device, f[1]);
    if (n > 2 && *f[2] && !read_count(f[2], 2999, &year))
        return wrong(r, "no year of the standard");
    r->c->year = (int)year;
    if ((e = next_fields(r, 3, f, &n)) < 0) return e;
    if (!read_count(f[0], SIZE_MAX, &total) || !read_lettered(f[1], 'a', &r->c->channels) ||
        !read_lettered(f[2], 'd', &r->c->digital))
        return wrong(r, "expected the numbers of channels, like 8,8A,0D");
    if (r->c->channels == 0) return wrong(r, "no analogue channel");
    if (r->c->channels > COMTRADE_CHANNELS_MAX) return wrong(r, "too many channels");
    r->c->channel = calloc(r->c->channels, sizeof *r->c->channel);
    return r->c->channel ? 0 : trouble(r->t, E_SPACE, "out of memory");
}

static double or_else(const char *text, double otherwise)
{
    double v;
    return read_number(text, &v) ? v : otherwise;
}

/* number, name, phase, component, unit, a, b, skew, min, max, primary, secondary, P or S */
static int parse_channel(struct reader *r, struct comtrade_channel *ch)
{
    char *f[FIELDS_MAX];
    size_t n;
    int e = next_fields(r, 7, f, &n);
    if (e < 0) return e;
    keep(ch->name, sizeof ch->name, f[1]);
    keep(ch->phase, sizeof ch->phase, f[2]);
    keep(ch->unit, sizeof ch->unit, f[4]);
    if (!read_number(f[5], &ch->a) || !read_number(f[6], &ch->b))
        return wrong(r, "the factors a and b of a channel are not numbers");
    ch->skew_us = n > 7 ? or_else(f[7], 0) : 0;
    ch->primary = n > 10 ? or_else(f[10], 1) : 1;
    ch->secondary = n > 11 ? or_else(f[11], 1) : 1;
    char side = n > 12 ? (char)(f[12][0] & ~32) : 0;
    ch->side = side == 'P' || side == 'S' ? side : 0;
    return 0;
}

static int parse_channels(struct reader *r)
{
    for (size_t i = 0; i < r->c->channels; i++) {
        int e = parse_channel(r, &r->c->channel[i]);
        if (e < 0) return e;
    }
    for (size_t i = 0; i < r->c->digital; i++)
        if (!next_line(r)) return wrong(r, "the file ends within the digital channels");
    return 0;
}

static int parse_rate(struct reader *r, struct comtrade_rate *rate)
{
    char *f[FIELDS_MAX];
    size_t n;
    int e = next_fields(r, 2, f, &n);
    if (e < 0) return e;
    if (!read_number(f[0], &rate->hz) || rate->hz < 0 ||
        !read_count(f[1], DAT_MAX, &rate->last))
        return wrong(r, "expected a sampling rate and the number of its last sample");
    if (rate->last <= r->c->samples) return wrong(r, "the last sample does not grow");
    r->c->samples = rate->last;
    return 0;
}

/* Line frequency, number of rates, rates. No rate at all is written as 0 and one line. */
static int parse_rates(struct reader *r)
{
    char *f[FIELDS_MAX];
    size_t n, count;
    int e = next_fields(r, 1, f, &n);
    if (e < 0) return e;
    if (*f[0] && (!read_number(f[0], &r->c->line_hz) || r->c->line_hz < 0))
        return wrong(r, "the line frequency is not a number");
    if ((e = next_fields(r, 1, f, &n)) < 0) return e;
    if (!read_count(f[0], COMTRADE_RATES_MAX, &count)) return wrong(r, "no number of rates");
    r->c->rates = count ? count : 1;
    r->c->rate = calloc(r->c->rates, sizeof *r->c->rate);
    if (!r->c->rate) return trouble(r->t, E_SPACE, "out of memory");
    for (size_t i = 0; i < r->c->rates; i++)
        if ((e = parse_rate(r, &r->c->rate[i])) < 0) return e;
    return 0;
}

static int parse_kind(struct reader *r)
{
    static const char *const names[] = { "ASCII", "BINARY", "BINARY32", "FLOAT32" };
    char *f[FIELDS_MAX];
    size_t n;
    int e = next_fields(r, 1, f, &n);
    if (e < 0) return e;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(f[0], names[i]) == 0) return r->kind = (enum kind)i, 0;
    return wrong(r, "the kind of data is none of ASCII, BINARY, BINARY32, FLOAT32");
}

/* Start and trigger times, kind of data, factor of the time stamps. */
static int parse_tail(struct reader *r)
{
    char *line = next_line(r);
    if (!line) return wrong(r, "the time of the first sample is missing");
    keep(r->c->start, sizeof r->c->start, line);
    if (!next_line(r)) return wrong(r, "the time of the trigger is missing");
    int e = parse_kind(r);
    char *mult = next_line(r);
    r->timemult = mult ? or_else(mult, 1) : 1;
    return e;
}

static int make_room(struct reader *r)
{
    struct comtrade *c = r->c;
    c->time_s = calloc(c->samples, sizeof *c->time_s);
    bool ok = c->time_s != NULL;
    for (size_t i = 0; i < c->channels && ok; i++) {
        c->channel[i].value = calloc(c->samples, sizeof(double));
        ok = c->channel[i].value != NULL;
    }
    return ok ? 0 : trouble(r->t, E_SPACE, "out of memory");
}

static int cut_short(struct reader *r, size_t got)
{
    return trouble(r->t, E_FORMAT, "%s: ends after %zu of %zu samples; the file was cut short",
                   r->name, got, r->c->samples);
}

/* One column; empty and the 99999 of 1991 mean no value. */
static bool read_sample(const struct comtrade *c, const char *text, double *value)
{
    if (*text == 0 || (c->year == 1991 && strcmp(text, "99999") == 0))
        return *value = NAN, true;
    return read_number(text, value);
}

static int read_row(struct reader *r, char *line, size_t i, char **field, size_t fields)
{
    struct comtrade *c = r->c;
    size_t n = file_fields(line, ',', fields, field);
    if (n < 2 + c->channels || n > fields)
        return trouble(r->t, E_FORMAT, "%s:%u: %zu columns where %zu are expected", r->name,
                       r->line, n, 2 + c->channels + c->digital);
    c->time_s[i] = or_else(field[1], NAN) * 1e-6 * r->timemult;
    for (size_t k = 0; k < c->channels; k++) {
        double x;
        if (!read_sample(c, field[2 + k], &x))
            return trouble(r->t, E_FORMAT, "%s:%u: '%.40s' is not a number", r->name, r->line,
                           field[2 + k]);
        c->channel[k].value[i] = x * c->channel[k].a + c->channel[k].b;
    }
    return 0;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r\x1a")] == 0;
}

static int read_ascii(struct reader *r, const char *dat, size_t m)
{
    size_t fields = 2 + r->c->channels + r->c->digital + 1, i = 0;
    char *text = malloc(m + 1), **field = malloc(fields * sizeof *field);
    int e = text && field ? 0 : trouble(r->t, E_SPACE, "out of memory");
    if (e == 0) {
        memcpy(text, dat, m);
        text[m] = 0;
        r->at = text;
        r->end = text + m;
    }
    while (e == 0 && i < r->c->samples) {
        char *line = next_line(r);
        if (!line)
            e = cut_short(r, i);
        else if (!is_blank(line))
            e = read_row(r, line, i++, field, fields);
    }
    free(field);
    free(text);
    return e;
}

static double float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return isfinite(f) ? (double)f : (double)NAN;
}

/* The most negative number says that there is no value. */
static double word(enum kind kind, const uint8_t *p)
{
    if (kind == BINARY) {
        int16_t v = (int16_t)le_get16(p);
        return v == INT16_MIN ? (double)NAN : (double)v;
    }
    int32_t v = (int32_t)le_get32(p);
    if (kind == FLOAT32) return float_of(le_get32(p));
    return v == INT32_MIN ? (double)NAN : (double)v;
}

static int read_binary(struct reader *r, const char *dat, size_t m)
{
    struct comtrade *c = r->c;
    size_t width = r->kind == BINARY ? 2 : 4;
    size_t row = 8 + width * c->channels + 2 * ((c->digital + 15) / 16);
    if (m / row < c->samples) return cut_short(r, m / row);
    for (size_t i = 0; i < c->samples; i++) {
        const uint8_t *p = (const uint8_t *)dat + i * row;
        uint32_t stamp = le_get32(p + 4);
        c->time_s[i] = stamp == UINT32_MAX ? NAN : stamp * 1e-6 * r->timemult;
        for (size_t k = 0; k < c->channels; k++)
            c->channel[k].value[i] =
                word(r->kind, p + 8 + width * k) * c->channel[k].a + c->channel[k].b;
    }
    return 0;
}

/* A rate is more exact than stamps of whole microseconds; stamps count where there is none. */
static int settle_times(struct reader *r)
{
    struct comtrade *c = r->c;
    double t = 0, first = c->time_s[0];
    size_t i = 0;
    for (size_t k = 0; k < c->rates; k++) {
        for (; i < c->rate[k].last; i++) {
            if (i) t = c->rate[k].hz > 0 ? t + 1 / c->rate[k].hz : c->time_s[i] - first;
            if (!isfinite(t))
                return trouble(r->t, E_FORMAT, "%s: sample %zu has neither a rate nor a time",
                               r->name, i + 1);
            c->time_s[i] = t;
        }
    }
    return 0;
}

/* The smallest file that could hold so many samples, checked before memory is asked for. */
static int check_size(struct reader *r, size_t m)
{
    size_t least = r->kind == ASCII ? 2 * (r->c->channels + 1) : 8 + 2 * r->c->channels;
    return m / least < r->c->samples ? cut_short(r, m / least) : 0;
}

int comtrade_parse(struct comtrade *c, char *cfg, size_t n, const char *dat, size_t m,
                   const char *cfg_name, const char *dat_name, struct trouble *t)
{
    struct reader r = { .c = c, .t = t, .name = cfg_name, .at = cfg, .end = cfg + n };
    *c = (struct comtrade){ 0 };
    int e = parse_head(&r);
    if (e == 0) e = parse_channels(&r);
    if (e == 0) e = parse_rates(&r);
    if (e == 0) e = parse_tail(&r);
    r.name = dat_name;
    r.line = 0;
    if (e == 0) e = check_size(&r, m);
    if (e == 0) e = make_room(&r);
    if (e == 0) e = r.kind == ASCII ? read_ascii(&r, dat, m) : read_binary(&r, dat, m);
    if (e == 0) e = settle_times(&r);
    if (e < 0) comtrade_free(c);
    return e;
}

/* x.cfg -> x.dat, X.CFG -> X.DAT, and the other spelling when that one is not there. */
static char *dat_path(const char *path, struct trouble *t)
{
    size_t n = strlen(path);
    if (n < 4 || strcasecmp(path + n - 4, ".cfg") != 0) {
        trouble(t, E_FORMAT, "%s: a COMTRADE recording is named by its .cfg file", path);
        return NULL;
    }
    char *dat = strdup(path);
    if (!dat) return trouble(t, E_SPACE, "out of memory"), NULL;
    memcpy(dat + n - 3, path[n - 3] == 'c' ? "dat" : "DAT", 3);
    if (access(dat, F_OK) != 0) memcpy(dat + n - 3, path[n - 3] == 'c' ? "DAT" : "dat", 3);
    return dat;
}

int comtrade_read(struct comtrade *c, const char *path, struct trouble *t)
{
    struct file cfg = { 0 }, dat = { 0 };
    char *dat_name = dat_path(path, t);
    if (!dat_name) return E_FORMAT;
    int e = file_read(&cfg, path, CFG_MAX, t);
    if (e == 0) e = file_read(&dat, dat_name, DAT_MAX, t);
    if (e == 0)
        e = comtrade_parse(c, cfg.text, cfg.size, dat.text, dat.size, path, dat_name, t);
    file_free(&dat);
    file_free(&cfg);
    free(dat_name);
    return e;
}

void comtrade_free(struct comtrade *c)
{
    for (size_t i = 0; c->channel && i < c->channels; i++) free(c->channel[i].value);
    free(c->channel);
    free(c->rate);
    free(c->time_s);
    *c = (struct comtrade){ 0 };
}

int comtrade_find(const struct comtrade *c, const char *name)
{
    size_t number;
    if (*name == '#' && read_count(name + 1, c->channels, &number) && number > 0)
        return (int)number - 1;
    for (size_t i = 0; i < c->channels; i++)
        if (strcasecmp(c->channel[i].name, name) == 0) return (int)i;
    return E_NONE;
}

double comtrade_unit(const char *unit, char *kind)
{
    static const struct {
        const char *name;
        char kind;
        double factor;
    } units[] = {
        { "V", 'V', 1 },     { "volt", 'V', 1 },    { "volts", 'V', 1 },  { "kV", 'V', 1e3 },
        { "mV", 'V', 1e-3 }, { "A", 'A', 1 },       { "ampere", 'A', 1 }, { "amp", 'A', 1 },
        { "amps", 'A', 1 },  { "amperes", 'A', 1 }, { "kA", 'A', 1e3 },   { "mA", 'A', 1e-3 },
    };
    bool mega = unit[0] == 'M'; /* not milli */
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!mega && strcasecmp(unit, units[i].name) == 0)
            return *kind = units[i].kind, units[i].factor;
    return *kind = 0, 1;
}
