#include "app/scenario/words.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"

/* -- words --------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool words_cut(struct words *w)
{
    char *p = w->text;
    w->n = 0;
    for (;;) {
        while (is_space(*p)) *p++ = '\0';
        if (!*p || *p == '#') break;
        if (w->n == WORDS_MAX) return false;
        bool quoted = *p == '"';
        w->word[w->n++] = p += quoted;
        while (*p && (quoted ? *p != '"' : !is_space(*p))) p++;
        if (quoted && *p) *p++ = '\0';
    }
    *p = '\0';
    return true;
}

static char plain(char c)
{
    if (c >= 'A' && c <= 'Z') return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

bool word_is(const char *word, const char *name)
{
    while (*word && plain(*word) == plain(*name)) word++, name++;
    return !*word && !*name;
}

/* -- numbers ------------------------------------------------------------------------------- */

/* Digits, and k of them behind the point; what follows is left in *end. */
static bool number(const char *p, unsigned k, int64_t *v, const char **end)
{
    bool negative = *p == '-', any = false;
    int64_t n = 0;
    p += negative || *p == '+';
    for (; *p >= '0' && *p <= '9' && n < INT64_C(100000000000000); p++, any = true)
        n = n * 10 + (*p - '0');
    if (*p == '.' && k)
        for (p++; *p >= '0' && *p <= '9' && k; p++, k--) n = n * 10 + (*p - '0');
    for (; k; k--) n *= 10;
    *v = negative ? -n : n;
    *end = p;
    return any;
}

bool word_fixed(const char *word, unsigned k, int64_t *v)
{
    const char *end;
    return number(word, k, v, &end) && !*end;
}

bool word_int(const char *word, int64_t *v)
{
    return word_fixed(word, 0, v);
}

bool word_with_unit(const char *word, const char *unit, unsigned k, int64_t *v)
{
    const char *end;
    return number(word, k, v, &end) && word_is(end, unit);
}

bool word_duration(const char *word, uint64_t *us)
{
    static const struct {
        char unit[3];
        uint64_t us;
    } units[] = { { "ms", 1000 },
                  { "d", 86400000000 },
                  { "h", 3600000000 },
                  { "m", 60000000 },
                  { "s", 1000000 } };
    *us = 0;
    while (*word) {
        int64_t v;
        unsigned u = 0;
        if (!number(word, 0, &v, &word) || v < 0) return false;
        while (u < 5 && strncmp(word, units[u].unit, strlen(units[u].unit)) != 0) u++;
        if (u == 5 || v > 100000000) return false;
        word += strlen(units[u].unit);
        *us += (uint64_t)v * units[u].us;
    }
    return true;
}

/* -- dates --------------------------------------------------------------------------------- */

/* n digits. */
static bool digits(const char **p, unsigned n, unsigned *v)
{
    for (*v = 0; n; n--, ++*p) {
        if (**p < '0' || **p > '9') return false;
        *v = *v * 10 + (unsigned)(**p - '0');
    }
    return true;
}

static bool mark(const char **p, char c)
{
    return *(*p)++ == c;
}

bool word_time(const char *p, int64_t *s)
{
    unsigned y, mo, d, h, mi, se;
    if (!digits(&p, 4, &y) || !mark(&p, '-') || !digits(&p, 2, &mo) || !mark(&p, '-') ||
        !digits(&p, 2, &d) || !mark(&p, 'T') || !digits(&p, 2, &h) || !mark(&p, ':') ||
        !digits(&p, 2, &mi) || !mark(&p, ':') || !digits(&p, 2, &se) || !mark(&p, 'Z') || *p)
        return false;
    struct civil c = { (uint16_t)y, (uint8_t)mo, (uint8_t)d, 0,
                       (uint8_t)h,  (uint8_t)mi, (uint8_t)se };
    *s = cal_seconds(&c);
    return cal_is_valid(&c);
}

bool word_minute(const char *p, unsigned *minute)
{
    unsigned h, m;
    if (!digits(&p, 2, &h) || !mark(&p, ':') || !digits(&p, 2, &m) || *p) return false;
    *minute = h * 60 + m;
    return h < 24 && m < 60;
}

static bool field(const char **p, unsigned n, unsigned any, unsigned *v)
{
    if (**p != '*') return digits(p, n, v);
    ++*p;
    *v = any;
    return true;
}

static bool day_field(const char **p, unsigned *v)
{
    if (strncmp(*p, "last", 4) != 0) return field(p, 2, 0xFF, v);
    *p += 4;
    *v = **p == '2' ? 0xFD : 0xFE;
    *p += **p == '2';
    return true;
}

bool word_date(const char *p, uint8_t date[5])
{
    unsigned y, m, d, w = 0xFF;
    if (!field(&p, 4, 0xFFFF, &y) || !mark(&p, '-') || !field(&p, 2, 0xFF, &m) ||
        !mark(&p, '-') || !day_field(&p, &d))
        return false;
    if (*p == '/' && (p++, !digits(&p, 1, &w))) return false;
    be_put16(date, (uint16_t)y);
    date[2] = (uint8_t)m;
    date[3] = (uint8_t)d;
    date[4] = (uint8_t)w;
    return !*p;
}

/* -- text ---------------------------------------------------------------------------------- */

void text_put(struct text *t, const char *s)
{
    for (; *s && t->n + 1 < sizeof t->s; s++) t->s[t->n++] = *s;
    t->s[t->n] = '\0';
}

static void put_digits(struct text *t, uint64_t v, unsigned least)
{
    char out[21];
    unsigned i = sizeof out;
    out[--i] = '\0';
    do {
        out[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v || sizeof out - 1 - i < least);
    text_put(t, out + i);
}

void text_int(struct text *t, int64_t v)
{
    if (v < 0) text_put(t, "-");
    put_digits(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1);
}

void text_time(struct text *t, int64_t utc_s)
{
    struct civil c = cal_civil(utc_s);
    put_digits(t, c.year, 4);
    text_put(t, "-");
    put_digits(t, c.month, 2);
    text_put(t, "-");
    put_digits(t, c.day, 2);
    text_put(t, "T");
    put_digits(t, c.hour, 2);
    text_put(t, ":");
    put_digits(t, c.minute, 2);
    text_put(t, ":");
    put_digits(t, c.second, 2);
    text_put(t, "Z");
}
