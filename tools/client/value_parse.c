/* value_parse.c - values as people and JSON write them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/client/names.h"
#include "tools/client/value.h"
#include "tools/common/hex.h"
#include "tools/common/when.h"

static int parse_value(struct buf *out, const char **at, struct trouble *t, int depth);

static void skip_blanks(const char **at)
{
    while (isspace((unsigned char)**at)) ++*at;
}

/* Range of the integer tags: [-2^(bits-1), ...) or [0, 2^bits). */
static int put_integer(struct buf *out, uint8_t tag, const char *text, struct trouble *t)
{
    char *end;
    bool negative = *text == '-';
    unsigned bits = 8u * (unsigned)axdr_width(tag);
    bool is_signed = tag == AXDR_I8 || tag == AXDR_I16 || tag == AXDR_I32 || tag == AXDR_I64 ||
                     tag == AXDR_BCD || (tag >= AXDR_DELTA_I8 && tag <= AXDR_DELTA_I32);
    unsigned long long v = strtoull(text + negative, &end, 0);
    if (!isdigit((unsigned char)text[negative]) || *end)
        return trouble(t, E_FORMAT, "'%s' is not a whole number", text);
    uint64_t max =
        is_signed ? (UINT64_C(1) << (bits - 1)) - !negative : UINT64_MAX >> (64 - bits);
    if (v > max || (negative && !is_signed && v))
        return trouble(t, E_RANGE, "%s does not fit %s", text, names_type(tag));
    struct axdr_out o = buf_room(out, 9);
    axdr_emit_int(&o, tag, (int64_t)(negative ? 0 - (uint64_t)v : (uint64_t)v));
    buf_took(out, &o);
    return 0;
}

static void put_string(struct buf *out, uint8_t tag, const void *p, size_t n)
{
    buf_put_head(out, tag, (uint32_t)n);
    buf_put(out, p, n);
}

static int put_hex(struct buf *out, uint8_t tag, const char *text, struct trouble *t)
{
    size_t room = strlen(text) / 2 + 1;
    uint8_t *p = must_alloc(room);
    int n = hex_parse(text, room, p);
    if (n >= 0 && tag) put_string(out, tag, p, (size_t)n);
    if (n >= 0 && !tag) buf_put(out, p, (size_t)n);
    free(p);
    return n < 0 ? trouble(t, E_FORMAT, "'%s' is not hexadecimal", text) : 0;
}

/* Encoded as it stands: it must be one whole value. */
static int put_encoded(struct buf *out, const char *text, struct trouble *t)
{
    size_t from = out->n;
    int e = put_hex(out, 0, text, t);
    if (e < 0) return e;
    size_t n = out->n - from;
    if (n == 0 || axdr_length(out->p + from, n) != (int)n)
        return trouble(t, E_FORMAT, "'%s' is not one encoded value", text);
    return 0;
}

static int put_bits(struct buf *out, const char *text, struct trouble *t)
{
    size_t n = strlen(text);
    if (text[strspn(text, "01")]) return trouble(t, E_FORMAT, "'%s' is not of 0 and 1", text);
    uint8_t *p = must_alloc(n / 8 + 1);
    for (size_t i = 0; i < n; i++)
        if (text[i] == '1') p[i / 8] = (uint8_t)(p[i / 8] | 0x80 >> i % 8);
    buf_put_head(out, AXDR_BITS, (uint32_t)n);
    buf_put(out, p, (n + 7) / 8);
    free(p);
    return 0;
}

static int put_bool(struct buf *out, const char *text, struct trouble *t)
{
    bool yes = !strcasecmp(text, "true") || !strcmp(text, "1") || !strcasecmp(text, "on");
    bool no = !strcasecmp(text, "false") || !strcmp(text, "0") || !strcasecmp(text, "off");
    if (!yes && !no) return trouble(t, E_FORMAT, "'%s' is neither true nor false", text);
    buf_put(out, (uint8_t[]){ AXDR_BOOL, yes }, 2);
    return 0;
}

static int put_double(struct buf *out, uint8_t tag, const char *text, struct trouble *t)
{
    char *end;
    double v = strtod(text, &end);
    uint64_t bits = 0;
    if (end == text || *end) return trouble(t, E_FORMAT, "'%s' is not a number", text);
    if (tag == AXDR_F32) {
        float f = (float)v;
        uint32_t word;
        memcpy(&word, &f, sizeof word);
        bits = word;
    } else {
        memcpy(&bits, &v, sizeof bits);
    }
    struct axdr_out o = buf_room(out, 9);
    axdr_emit_int(&o, tag, (int64_t)bits);
    buf_took(out, &o);
    return 0;
}

/* A date-time as octet-string (what attributes are served as) or under its own tag; hex of the
 * twelve octets where fields are to stay open. */
static int put_time(struct buf *out, uint8_t tag, const char *text, struct trouble *t)
{
    uint8_t dt[12];
    utc_t when;
    if (hex_parse(text, sizeof dt, dt) != 12) {
        if (when_parse(&when, text, when_now()) < 0)
            return trouble(t, E_FORMAT, "'%s' is not a time; %s", text, when_forms);
        value_put_utc(dt, when);
    }
    if (tag == AXDR_OCTETS)
        buf_put(out, (uint8_t[]){ AXDR_OCTETS, 12 }, 2);
    else
        buf_put_u8(out, tag);
    buf_put(out, dt, sizeof dt);
    return 0;
}

static int put_fixed(struct buf *out, uint8_t tag, const char *text, struct trouble *t)
{
    uint8_t p[12];
    int n = hex_parse(text, sizeof p, p);
    if (n != axdr_width(tag))
        return trouble(t, E_FORMAT, "%s wants %d octets in hexadecimal", names_type(tag),
                       axdr_width(tag));
    buf_put_u8(out, tag);
    buf_put(out, p, (size_t)n);
    return 0;
}

static int put_obis(struct buf *out, const char *text, struct trouble *t)
{
    struct target o;
    int e = names_parse(&o, text, false, t);
    if (e < 0) return e;
    put_string(out, AXDR_OCTETS, (uint8_t[]){ o.ln.a, o.ln.b, o.ln.c, o.ln.d, o.ln.e, o.ln.f },
               6);
    return 0;
}

static int put_plain(struct buf *out, uint8_t tag, const char *text, struct trouble *t)
{
    switch (tag) {
    case AXDR_BOOL:
        return put_bool(out, text, t);
    case AXDR_BITS:
        return put_bits(out, text, t);
    case AXDR_OCTETS:
        return put_hex(out, tag, text, t);
    case AXDR_VISIBLE:
    case AXDR_UTF8:
        return put_string(out, tag, text, strlen(text)), 0;
    case AXDR_F32:
    case AXDR_F64:
        return put_double(out, tag, text, t);
    case AXDR_DATETIME:
        return put_time(out, tag, text, t);
    case AXDR_DATE:
    case AXDR_TIME:
        return put_fixed(out, tag, text, t);
    default:
        if (axdr_width(tag) > 0) return put_integer(out, tag, text, t);
        return trouble(t, E_FORMAT, "%s cannot be written like that", names_type(tag));
    }
}

static const struct {
    const char *name;
    uint8_t tag;
} shorts[] = {
    { "i8", AXDR_I8 },     { "i16", AXDR_I16 },       { "i32", AXDR_I32 },
    { "i64", AXDR_I64 },   { "u8", AXDR_U8 },         { "u16", AXDR_U16 },
    { "u32", AXDR_U32 },   { "u64", AXDR_U64 },       { "bool", AXDR_BOOL },
    { "bits", AXDR_BITS }, { "octets", AXDR_OCTETS }, { "utf8", AXDR_UTF8 },
    { "f32", AXDR_F32 },   { "f64", AXDR_F64 },
};

static int find_type(const char *name)
{
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (strcasecmp(shorts[i].name, name) == 0) return shorts[i].tag;
    return names_type_find(name);
}

static int put_named(struct buf *out, const char *type, const char *text, struct trouble *t)
{
    int tag = find_type(type);
    if (tag >= 0) return put_plain(out, (uint8_t)tag, text, t);
    if (strcasecmp(type, "text") == 0)
        return put_string(out, AXDR_OCTETS, text, strlen(text)), 0;
    if (strcasecmp(type, "time-octets") == 0 || strcasecmp(type, "dt") == 0)
        return put_time(out, AXDR_OCTETS, text, t);
    if (strcasecmp(type, "obis") == 0) return put_obis(out, text, t);
    if (strcasecmp(type, "hex") == 0) return put_encoded(out, text, t);
    return trouble(
        t, E_FORMAT,
        "'%s' is no type; try unsigned, long-unsigned, double-long-unsigned, integer, "
        "octet-string, text, dt, boolean, enum, obis, hex",
        type);
}

/* array( value, value ) */
static int parse_items(struct buf *out, uint8_t tag, const char **at, struct trouble *t,
                       int depth)
{
    struct buf items = { 0 };
    uint32_t n = 0;
    int e = 0;
    ++*at; /* the bracket */
    skip_blanks(at);
    while (**at != ')' && e == 0) {
        e = parse_value(&items, at, t, depth + 1);
        n++;
        skip_blanks(at);
        if (e == 0 && **at == ',')
            ++*at;
        else if (e == 0 && **at != ')')
            e = trouble(t, E_FORMAT, "a ')' is missing");
    }
    if (e == 0) {
        ++*at;
        buf_put_head(out, tag, n);
        buf_put(out, items.p, items.n);
    }
    buf_free(&items);
    return e;
}

/* A bare value: type, and what stands behind its colon up to the next ',' or ')' of a list, or
 * to the end when it stands alone. Quotes keep commas and brackets. */
static int parse_plain(struct buf *out, const char *type, const char **at, struct trouble *t,
                       int depth)
{
    char text[4096];
    size_t n = 0;
    bool quoted = **at == '"';
    const char *stop = quoted ? "\"" : depth ? ",)" : "";
    *at += quoted;
    while (**at && !strchr(stop, **at) && n < sizeof text - 1) text[n++] = *(*at)++;
    if (quoted && **at != '"') return trouble(t, E_FORMAT, "a closing quote is missing");
    *at += quoted;
    while (!quoted && depth && n && isspace((unsigned char)text[n - 1])) n--;
    text[n] = 0;
    return put_named(out, type, text, t);
}

static int parse_value(struct buf *out, const char **at, struct trouble *t, int depth)
{
    char type[32];
    skip_blanks(at);
    size_t n = strcspn(*at, ":(,) \t");
    if (depth > AXDR_DEPTH) return trouble(t, E_RANGE, "more than %d levels", AXDR_DEPTH);
    if (n == 0 || n >= sizeof type)
        return trouble(t, E_FORMAT, "a type is missing before '%.20s'", *at);
    memcpy(type, *at, n);
    type[n] = 0;
    *at += n;
    if (**at == '(') {
        int tag = find_type(type);
        if (tag != AXDR_ARRAY && tag != AXDR_STRUCTURE)
            return trouble(t, E_FORMAT, "'%s(' is neither array( nor structure(", type);
        return parse_items(out, (uint8_t)tag, at, t, depth);
    }
    if (**at != ':') {
        if (strcasecmp(type, "null") && strcasecmp(type, "null-data"))
            return trouble(t, E_FORMAT, "'%s': write type:value, for example unsigned:5", type);
        return buf_put_u8(out, AXDR_NULL), 0;
    }
    ++*at;
    return parse_plain(out, type, at, t, depth);
}

int value_parse(struct buf *out, const char *text, struct trouble *t)
{
    int e = parse_value(out, &text, t, 0);
    if (e < 0) return e;
    skip_blanks(&text);
    return *text ? trouble(t, E_FORMAT, "'%.20s' is left over behind the value", text) : 0;
}

bool value_has_type(const char *text)
{
    char type[32];
    size_t n = strcspn(text, ":(");
    if (n == 0 || n >= sizeof type || !text[n]) return strcmp(text, "null") == 0;
    memcpy(type, text, n);
    type[n] = 0;
    bool more = !strcasecmp(type, "text") || !strcasecmp(type, "dt") ||
                !strcasecmp(type, "obis") || !strcasecmp(type, "hex");
    return more || find_type(type) >= 0;
}

int value_parse_like(struct buf *out, struct axdr_in like, const char *text, struct trouble *t)
{
    int tag = axdr_peek(&like);
    if (tag == AXDR_OCTETS && value_as_time(like)) return put_time(out, AXDR_OCTETS, text, t);
    if (tag == AXDR_OCTETS && strncasecmp(text, "0x", 2) == 0)
        return put_hex(out, AXDR_OCTETS, text, t);
    if (tag == AXDR_OCTETS) return put_string(out, AXDR_OCTETS, text, strlen(text)), 0;
    if (tag < 0 || tag == AXDR_ARRAY || tag == AXDR_STRUCTURE || tag == AXDR_NULL)
        return trouble(t, E_FORMAT,
                       "the attribute is %s; write type:value, array(...) or structure(...)",
                       tag < 0 ? "empty" : names_type((uint8_t)tag));
    return put_plain(out, (uint8_t)tag, text, t);
}

static int parse_json_items(struct buf *out, uint8_t tag, const json_t *list, struct trouble *t)
{
    size_t i;
    json_t *item;
    if (!json_is_array(list)) return trouble(t, E_FORMAT, "%s wants a list", names_type(tag));
    buf_put_head(out, tag, (uint32_t)json_array_size(list));
    json_array_foreach(list, i, item)
    {
        int e = value_parse_json(out, item, t);
        if (e < 0) return e;
    }
    return 0;
}

int value_parse_json(struct buf *out, const json_t *object, struct trouble *t)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    const json_t *v = json_object_get(object, "value");
    char number[32];
    if (!type) return trouble(t, E_FORMAT, "a value wants {\"type\":...,\"value\":...}");
    int tag = find_type(type);
    if (tag == AXDR_NULL) return buf_put_u8(out, AXDR_NULL), 0;
    if (tag == AXDR_ARRAY || tag == AXDR_STRUCTURE)
        return parse_json_items(out, (uint8_t)tag, v, t);
    if (json_is_string(v)) return put_named(out, type, json_string_value(v), t);
    if (json_is_boolean(v)) return put_named(out, type, json_is_true(v) ? "true" : "false", t);
    if (json_is_integer(v))
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v))
        snprintf(number, sizeof number, "%.17g", json_real_value(v));
    else
        return trouble(t, E_FORMAT, "%s wants a value", type);
    return put_named(out, type, number, t);
}
