#include "tools/common/when.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cal.h"
#include "base/err.h"

const char when_forms[] = "write 2026-01-01T00:00:00Z, an offset in place of Z, seconds since "
                          "1970, or +2d, +36h, -15m from now";

static const int64_t utc_max = INT64_C(7258118399); /* 2199-12-31T23:59:59Z */

/* Exactly n digits at *p, and step over them. */
static bool take_digits(const char **p, int n, int *value)
{
    *value = 0;
    for (int i = 0; i < n; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9') return false;
        *value = *value * 10 + (c - '0');
    }
    *p += n;
    return true;
}

static bool take(const char **p, char c)
{
    if (**p != c) return false;
    ++*p;
    return true;
}

/* hh:mm[:ss[.fraction]]; the fraction is dropped. */
static bool take_clock(const char **p, int *h, int *m, int *s)
{
    if (!take_digits(p, 2, h) || !take(p, ':') || !take_digits(p, 2, m)) return false;
    *s = 0;
    if (!take(p, ':')) return true;
    if (!take_digits(p, 2, s)) return false;
    if (**p != '.' && **p != ',') return true;
    ++*p;
    if (!isdigit((unsigned char)**p)) return false;
    while (isdigit((unsigned char)**p)) ++*p;
    return true;
}

/* Z, +hh, +hhmm or +hh:mm, up to the end of the text. */
static bool take_zone(const char **p, int *offset_s)
{
    int h = 0, m = 0, sign = **p == '-' ? -1 : 1;
    *offset_s = 0;
    if (take(p, 'Z') || take(p, 'z')) return **p == 0;
    if (!take(p, '+') && !take(p, '-')) return false;
    if (!take_digits(p, 2, &h)) return false;
    take(p, ':');
    if (**p && !take_digits(p, 2, &m)) return false;
    *offset_s = sign * (h * 3600 + m * 60);
    return **p == 0 && h <= 14 && m < 60;
}

static int parse_iso(utc_t *t, const char *p)
{
    int year, month, day, h = 0, m = 0, s = 0, offset_s;
    if (!take_digits(&p, 4, &year) || !take(&p, '-') || !take_digits(&p, 2, &month) ||
        !take(&p, '-') || !take_digits(&p, 2, &day))
        return E_FORMAT;
    bool clock = take(&p, 'T') || take(&p, 't') || take(&p, ' ');
    if (clock && !take_clock(&p, &h, &m, &s)) return E_FORMAT;
    if (!take_zone(&p, &offset_s)) return E_FORMAT;
    struct civil c = { (uint16_t)year, (uint8_t)month, (uint8_t)day, 0,
                       (uint8_t)h,     (uint8_t)m,     (uint8_t)s };
    if (!cal_is_valid(&c)) return E_RANGE;
    t->s = cal_seconds(&c) - offset_s;
    return t->s < 0 || t->s > utc_max ? E_RANGE : 0;
}

static int64_t unit_s(char c)
{
    switch (c) {
    case 'w':
        return 7 * 86400;
    case 'd':
        return 86400;
    case 'h':
        return 3600;
    case 'm':
        return 60;
    case 's':
        return 1;
    default:
        return 0;
    }
}

/* One or more of number and unit. */
static int parse_units(int64_t *seconds, const char *p)
{
    if (*p == 0) return E_FORMAT;
    for (*seconds = 0; *p;) {
        char *end;
        if (!isdigit((unsigned char)*p)) return E_FORMAT;
        unsigned long long n = strtoull(p, &end, 10);
        int64_t unit = unit_s(*end);
        if (unit == 0) return E_FORMAT;
        if (n > (unsigned long long)(utc_max / unit)) return E_RANGE;
        *seconds += (int64_t)n * unit;
        if (*seconds > utc_max) return E_RANGE;
        p = end + 1;
    }
    return 0;
}

static bool is_number(const char *p)
{
    return *p && p[strspn(p, "0123456789")] == 0;
}

static int parse_number(int64_t *seconds, const char *p)
{
    if (strlen(p) > 10) return E_RANGE;
    *seconds = (int64_t)strtoull(p, NULL, 10);
    return *seconds > utc_max ? E_RANGE : 0;
}

int when_parse_span(int64_t *seconds, const char *text)
{
    return is_number(text) ? parse_number(seconds, text) : parse_units(seconds, text);
}

int when_parse(utc_t *t, const char *text, utc_t now)
{
    int64_t span;
    if (strcmp(text, "now") == 0) return *t = now, 0;
    if (*text == '@') return is_number(text + 1) ? parse_number(&t->s, text + 1) : E_FORMAT;
    if (is_number(text)) return parse_number(&t->s, text);
    if (*text != '+' && *text != '-') return parse_iso(t, text);
    int e = parse_units(&span, text + 1);
    if (e < 0) return e;
    t->s = now.s + (*text == '-' ? -span : span);
    return t->s < 0 || t->s > utc_max ? E_RANGE : 0;
}

const char *when_format(char text[WHEN_TEXT], utc_t t)
{
    struct civil c = cal_civil(t.s);
    snprintf(text, WHEN_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", c.year % 10000u, c.month % 100u,
             c.day % 100u, c.hour % 100u, c.minute % 100u, c.second % 100u);
    return text;
}

utc_t when_now(void)
{
    return (utc_t){ (int64_t)time(NULL) };
}
