#include "tools/vend/ask.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/hex.h"
#include "tools/common/when.h"

#define POWER_MAX 36 /* 10^36 and what stands in front of it stay below 2^127 */

void ask_begin(struct ask *a, const json_t *object, const char *path)
{
    a->object = object;
    a->path = path;
    a->wrong[0] = 0;
    if (!json_is_object(object)) {
        snprintf(a->wrong, sizeof a->wrong, "%s%s", *path ? path : "the input",
                 " must be a JSON object");
        a->object = NULL;
    }
}

void ask_fail(struct ask *a, const char *field, const char *format, ...)
{
    va_list args;
    if (a->wrong[0]) return;
    int n = snprintf(a->wrong, sizeof a->wrong, "%s%s: ", a->path, field);
    va_start(args, format);
    vsnprintf(a->wrong + n, sizeof a->wrong - (size_t)n, format, args);
    va_end(args);
}

static const json_t *value_of(const struct ask *a, const char *field)
{
    const json_t *v = a->object ? json_object_get(a->object, field) : NULL;
    return json_is_null(v) ? NULL : v;
}

bool ask_has(const struct ask *a, const char *field)
{
    return value_of(a, field) != NULL;
}

const char *ask_text(struct ask *a, const char *field, char buf[32])
{
    const json_t *v = value_of(a, field);
    if (json_is_string(v)) return json_string_value(v);
    if (json_is_integer(v)) {
        snprintf(buf, 32, "%lld", (long long)json_integer_value(v));
        return buf;
    }
    if (json_is_real(v)) {
        snprintf(buf, 32, "%.15g", json_real_value(v));
        return buf;
    }
    if (v) ask_fail(a, field, "must be text or a number");
    return NULL;
}

static const char *must(struct ask *a, const char *field, char buf[32])
{
    const char *text = ask_text(a, field, buf);
    if (text == NULL) ask_fail(a, field, "is missing");
    return a->wrong[0] ? NULL : text;
}

int64_t ask_int(struct ask *a, const char *field, int64_t low, int64_t high)
{
    char buf[32], *end;
    const char *text = must(a, field, buf);
    if (text == NULL) return 0;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end || isspace((unsigned char)*text))
        ask_fail(a, field, "'%.20s' is not a whole number", text);
    else if (errno || v < low || v > high)
        ask_fail(a, field, "%.20s is not between %lld and %lld", text, (long long)low,
                 (long long)high);
    return a->wrong[0] ? 0 : v;
}

int64_t ask_int_or(struct ask *a, const char *field, int64_t low, int64_t high,
                   int64_t otherwise)
{
    return ask_has(a, field) ? ask_int(a, field, low, high) : otherwise;
}

bool ask_flag(struct ask *a, const char *field)
{
    const json_t *v = value_of(a, field);
    if (json_is_boolean(v)) return json_is_true(v);
    return ask_int_or(a, field, 0, 1, 0);
}

uint64_t ask_hex(struct ask *a, const char *field, int bits)
{
    char buf[32], *end;
    const char *text = must(a, field, buf);
    if (text == NULL) return 0;
    uint64_t v = strtoull(text, &end, 16);
    if (!isxdigit((unsigned char)*text) || *end)
        ask_fail(a, field, "'%.20s' is not hexadecimal", text);
    else if (strlen(text) > 16 || (bits < 64 && v >> bits))
        ask_fail(a, field, "'%.20s' has more than %d bits", text, bits);
    return a->wrong[0] ? 0 : v;
}

size_t ask_octets(struct ask *a, const char *field, uint8_t *out, size_t size)
{
    char buf[32];
    const char *text = must(a, field, buf);
    if (text == NULL) return 0;
    int n = hex_parse(text, size, out);
    if (n <= 0) ask_fail(a, field, "must be 1 to %zu octets in hexadecimal", size);
    return a->wrong[0] ? 0 : (size_t)n;
}

/* Digits and where the point was, without their meaning. */
struct decimal {
    make_money_t digits;
    long power;
    bool is_negative;
};

static bool read_decimal(struct decimal *d, const char *text)
{
    int count = 0;
    bool seen_point = false;
    *d = (struct decimal){ 0, 0, *text == '-' };
    if (*text == '-' || *text == '+') text++;
    for (; isdigit((unsigned char)*text) || (*text == '.' && !seen_point); text++) {
        if (*text == '.') {
            seen_point = true;
            continue;
        }
        d->digits = d->digits * 10 + (*text - '0');
        d->power -= seen_point;
        if (++count > POWER_MAX) return false;
    }
    if (count && (*text == 'e' || *text == 'E')) {
        char *end;
        const char *from = text + 1;
        d->power += strtol(from, &end, 10);
        if (end == from || isspace((unsigned char)*from)) return false;
        text = end;
    }
    return count && *text == 0 && d->power < 1000 && d->power > -1000;
}

make_money_t ask_decimal(struct ask *a, const char *field, int digits)
{
    char buf[32];
    struct decimal d;
    const char *text = must(a, field, buf);
    if (text == NULL) return 0;
    if (!read_decimal(&d, text)) {
        ask_fail(a, field, "'%.40s' is not a number", text);
        return 0;
    }
    make_money_t v = d.digits, limit = 1, rest = 0;
    for (int i = 0; i < POWER_MAX; i++) limit *= 10;
    for (d.power += digits; d.power > 0 && v && v < limit; d.power--) v *= 10;
    for (; d.power < 0 && v; d.power++) {
        rest |= v % 10;
        v /= 10;
    }
    if (d.power > 0 && v) ask_fail(a, field, "%.40s is too large", text);
    if (rest && !d.is_negative) v++;
    return d.is_negative ? -v : v;
}

utc_t ask_time(struct ask *a, const char *field)
{
    char buf[32], zoned[48];
    utc_t t = { 0 };
    const char *text = must(a, field, buf);
    if (text == NULL) return t;
    if (when_parse(&t, text, when_now()) >= 0) return t;
    snprintf(zoned, sizeof zoned, "%.40sZ", text);
    if (when_parse(&t, zoned, when_now()) < 0)
        ask_fail(a, field, "'%.40s' is not a time: %s", text, when_forms);
    return t;
}

json_t *ask_wide(make_money_t v)
{
    char text[48], *p = text + sizeof text;
    make_unsigned_t magnitude = (make_unsigned_t)(v < 0 ? -v : v);
    *--p = 0;
    do *--p = (char)('0' + (int)(magnitude % 10));
    while (magnitude /= 10);
    if (v < 0) *--p = '-';
    return json_string(p);
}
