#include "tools/client/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "tools/client/names.h"
#include "tools/common/hex.h"
#include "tools/common/json.h"
#include "tools/common/when.h"

/* -- dates ------------------------------------------------------------------------------ */

bool value_utc(const uint8_t dt[12], utc_t *t)
{
    struct civil c = { be_get16(dt), dt[2], dt[3], 0, dt[5], dt[6], dt[7] };
    int deviation_min = (int16_t)be_get16(dt + 9);
    if (c.second == 0xFF) c.second = 0;
    if (!cal_is_valid(&c) || deviation_min < -720 || deviation_min > 840) return false;
    t->s = cal_seconds(&c) + deviation_min * 60;
    return true;
}

const char *value_time_status(const uint8_t dt[12])
{
    uint8_t status = dt[11];
    if (status == 0xFF || (status & 0x0F) == 0) return "";
    if (status & 0x01) return "invalid";
    if (status & 0x02) return "doubtful";
    return status & 0x04 ? "other clock base" : "invalid status";
}

/* A two-digit field, "**" when open. */
static void put_field(char *text, uint8_t v)
{
    if (v == 0xFF)
        memcpy(text, "**", 3);
    else
        snprintf(text, 4, "%02u", v);
}

static const char *put_month(char *text, uint8_t v)
{
    if (v == 0xFE) return "DST-begin";
    if (v == 0xFD) return "DST-end";
    put_field(text, v);
    return text;
}

static const char *put_day(char *text, uint8_t v)
{
    if (v == 0xFE) return "last";
    if (v == 0xFD) return "last-but-one";
    put_field(text, v);
    return text;
}

const char *value_date_text(char text[VALUE_TIME], const uint8_t date[5])
{
    static const char *const days[] = { "",     " Mon", " Tue", " Wed",
                                        " Thu", " Fri", " Sat", " Sun" };
    char year[8] = "****", month[4], day[4];
    uint16_t y = be_get16(date);
    if (y != 0xFFFF) snprintf(year, sizeof year, "%04u", y);
    bool open = y == 0xFFFF || date[2] > 12 || date[3] > 31;
    snprintf(text, VALUE_TIME, "%s-%s-%s%s", year, put_month(month, date[2]),
             put_day(day, date[3]), open && date[4] < 8 ? days[date[4]] : "");
    return text;
}

const char *value_clock_text(char text[VALUE_TIME], const uint8_t time[4])
{
    char h[4], m[4], s[4];
    put_field(h, time[0]);
    put_field(m, time[1]);
    put_field(s, time[2]);
    if (time[3] != 0xFF && time[3] != 0)
        snprintf(text, VALUE_TIME, "%s:%s:%s.%02u", h, m, s, time[3]);
    else
        snprintf(text, VALUE_TIME, "%s:%s:%s", h, m, s);
    return text;
}

const char *value_time_text(char text[VALUE_TIME], const uint8_t dt[12])
{
    utc_t t;
    char date[VALUE_TIME], clock[VALUE_TIME], utc[WHEN_TEXT];
    if (value_utc(dt, &t)) {
        snprintf(text, VALUE_TIME, "%s", when_format(utc, t));
    } else {
        snprintf(text, VALUE_TIME, "%.20s%c%.14s", value_date_text(date, dt),
                 dt[2] <= 12 && dt[3] <= 31 && be_get16(dt) != 0xFFFF ? 'T' : ' ',
                 value_clock_text(clock, dt + 5));
    }
    return text;
}

void value_put_utc(uint8_t dt[12], utc_t t)
{
    struct civil c = cal_civil(t.s);
    be_put16(dt, c.year);
    dt[2] = c.month;
    dt[3] = c.day;
    dt[4] = c.weekday;
    dt[5] = c.hour;
    dt[6] = c.minute;
    dt[7] = c.second;
    dt[8] = 0;
    be_put16(dt + 9, 0);
    dt[11] = 0;
}

static const uint8_t nothing[1];

/* The octets of a string value, and how many. */
static const uint8_t *string_of(struct axdr_in in, size_t *n)
{
    const uint8_t *p = axdr_read_string(&in, (uint8_t)axdr_peek(&in), n);
    return p && *n ? p : nothing;
}

/* A real date: a year of this and the next centuries, or an open one with a definite rest. */
static bool is_plausible(const uint8_t dt[12])
{
    uint16_t year = be_get16(dt);
    return axdr_is_datetime(dt) && ((year >= 1970 && year <= 2199) || year == 0xFFFF);
}

const uint8_t *value_as_time(struct axdr_in in)
{
    size_t n;
    int tag = axdr_peek(&in);
    if (tag == AXDR_DATETIME && in.n == 13) return in.p + 1;
    if (tag != AXDR_OCTETS) return NULL;
    const uint8_t *p = string_of(in, &n);
    return n == 12 && is_plausible(p) ? p : NULL;
}

/* -- JSON ------------------------------------------------------------------------------- */

static bool is_text(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < 0x20 || p[i] > 0x7E) return false;
    return n > 0;
}

static json_t *bits_json(struct axdr_in in)
{
    axdr_read_raw(&in, 1);
    uint32_t n = axdr_read_length(&in);
    char *text = must_alloc((size_t)n + 1);
    for (uint32_t i = 0; i < n && i / 8 < in.n; i++)
        text[i] = in.p[i / 8] & 0x80 >> i % 8 ? '1' : '0';
    json_t *j = json_string(text);
    free(text);
    return j;
}

static json_t *float_json(struct axdr_in in)
{
    double v;
    if (axdr_peek(&in) == AXDR_F32) {
        uint32_t bits = (uint32_t)axdr_read_int(&in, AXDR_F32);
        float f;
        memcpy(&f, &bits, sizeof f);
        v = (double)f;
    } else {
        uint64_t bits = (uint64_t)axdr_read_int(&in, AXDR_F64);
        memcpy(&v, &bits, sizeof v);
    }
    return isfinite(v) ? json_real(v)
                       : json_string(isnan(v) ? "NaN"
                                     : v > 0  ? "Infinity"
                                              : "-Infinity");
}

static json_t *items_json(struct axdr_in in, bool typed)
{
    json_t *list = json_array();
    uint32_t n = axdr_read_head(&in, (uint8_t)axdr_peek(&in));
    for (uint32_t i = 0; i < n; i++) {
        struct axdr_in item = axdr_read_value(&in);
        if (typed) {
            json_t *object = json_object();
            value_to_object(object, item, true);
            json_array_append_new(list, object);
        } else {
            json_array_append_new(list, value_json(item, false));
        }
    }
    return list;
}

static json_t *compact_json(struct axdr_in in, bool typed)
{
    struct buf plain = { 0 };
    json_t *j = json_null();
    if (value_expand(&plain, in) == 0) j = items_json(buf_in(&plain), typed);
    buf_free(&plain);
    return j;
}

json_t *value_json(struct axdr_in in, bool typed)
{
    size_t n;
    const uint8_t *p;
    switch (axdr_peek(&in)) {
    case AXDR_ARRAY:
    case AXDR_STRUCTURE:
        return items_json(in, typed);
    case AXDR_COMPACT:
        return compact_json(in, typed);
    case AXDR_BOOL:
        return json_boolean(axdr_read_int(&in, AXDR_BOOL) != 0);
    case AXDR_BITS:
        return bits_json(in);
    case AXDR_OCTETS:
        p = string_of(in, &n);
        return json_hex(p, n);
    case AXDR_VISIBLE:
    case AXDR_UTF8:
        p = string_of(in, &n);
        return json_text((const char *)p, n);
    case AXDR_F32:
    case AXDR_F64:
        return float_json(in);
    case AXDR_DATETIME:
    case AXDR_DATE:
    case AXDR_TIME:
        return json_hex(in.p + 1, in.n - 1);
    case AXDR_U64: {
        uint64_t v = (uint64_t)axdr_read_int(&in, AXDR_U64);
        char text[24];
        if (v <= INT64_MAX) return json_integer((json_int_t)v);
        snprintf(text, sizeof text, "%" PRIu64, v);
        return json_string(text);
    }
    case AXDR_NULL:
    case AXDR_DONT_CARE:
    case -1:
        return json_null();
    default:
        return json_integer(axdr_read_int(&in, (uint8_t)axdr_peek(&in)));
    }
}

static void add_meaning(json_t *object, struct axdr_in in)
{
    char text[VALUE_TIME];
    size_t n;
    const uint8_t *dt = value_as_time(in);
    if (dt) {
        json_object_set_new(object, "time", json_string(value_time_text(text, dt)));
        if (*value_time_status(dt))
            json_object_set_new(object, "status", json_string(value_time_status(dt)));
        return;
    }
    switch (axdr_peek(&in)) {
    case AXDR_DATE:
        json_object_set_new(object, "date", json_string(value_date_text(text, in.p + 1)));
        return;
    case AXDR_TIME:
        json_object_set_new(object, "clock", json_string(value_clock_text(text, in.p + 1)));
        return;
    case AXDR_OCTETS: {
        const uint8_t *p = string_of(in, &n);
        if (is_text(p, n)) json_object_set_new(object, "text", json_text((const char *)p, n));
        return;
    }
    default:
        return;
    }
}

void value_to_object(json_t *object, struct axdr_in in, bool typed)
{
    int tag = axdr_peek(&in);
    json_object_set_new(object, "type",
                        json_string(tag < 0 ? "broken" : names_type((uint8_t)tag)));
    json_object_set_new(object, "value", value_json(in, typed));
    add_meaning(object, in);
}

/* -- text ------------------------------------------------------------------------------- */

static void put_text(struct buf *line, const char *text)
{
    buf_put(line, text, strlen(text));
}

bool value_number(struct axdr_in in, int64_t *value)
{
    int tag = axdr_peek(&in);
    if (tag == AXDR_BOOL) return *value = axdr_read_int(&in, AXDR_BOOL), !in.bad;
    *value = axdr_read_number(&in, NULL);
    return !in.bad;
}

void value_scaled(struct buf *line, int64_t v, bool is_unsigned, int scaler)
{
    char digits[32], text[64];
    uint64_t size = v < 0 && !is_unsigned ? 0 - (uint64_t)v : (uint64_t)v;
    snprintf(digits, sizeof digits, "%" PRIu64, size);
    size_t n = strlen(digits);
    const char *sign = v < 0 && !is_unsigned ? "-" : "";
    if (scaler < -20 || scaler > 20) {
        snprintf(text, sizeof text, "%s%se%d", sign, digits, scaler);
    } else if (scaler >= 0) {
        snprintf(text, sizeof text, "%s%s%.*s", sign, digits, size ? scaler : 0,
                 "00000000000000000000");
    } else if (n > (size_t)-scaler) {
        size_t whole = n - (size_t)-scaler;
        snprintf(text, sizeof text, "%s%.*s.%s", sign, (int)whole, digits, digits + whole);
    } else {
        snprintf(text, sizeof text, "%s0.%.*s%s", sign, -scaler - (int)n,
                 "00000000000000000000", digits);
    }
    put_text(line, text);
}

static void print_octets(struct buf *line, const uint8_t *p, size_t n)
{
    if (is_text(p, n)) {
        buf_put_u8(line, '"');
        buf_put(line, p, n);
        buf_put_u8(line, '"');
        return;
    }
    char *text = hex_text(p, n);
    put_text(line, text);
    if (n == 0) put_text(line, "(empty)");
    free(text);
}

static void print_items(struct buf *line, struct axdr_in in)
{
    bool array = axdr_peek(&in) == AXDR_ARRAY;
    uint32_t n = axdr_read_head(&in, (uint8_t)axdr_peek(&in));
    buf_put_u8(line, array ? '[' : '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i) put_text(line, ", ");
        value_print(line, axdr_read_value(&in), 0, "");
    }
    buf_put_u8(line, array ? ']' : '}');
}

static void print_json(struct buf *line, json_t *j)
{
    char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (json_is_string(j))
        put_text(line, json_string_value(j));
    else if (text)
        put_text(line, text);
    free(text);
    json_decref(j);
}

static void print_number(struct buf *line, struct axdr_in in, int scaler, const char *unit)
{
    int tag = axdr_peek(&in);
    value_scaled(line, axdr_read_int(&in, (uint8_t)tag), tag == AXDR_U64, scaler);
    if (*unit) buf_put_u8(line, ' ');
    put_text(line, unit);
}

static void print_compact(struct buf *line, struct axdr_in in)
{
    struct buf plain = { 0 };
    if (value_expand(&plain, in) == 0)
        print_items(line, buf_in(&plain));
    else
        put_text(line, "(broken)");
    buf_free(&plain);
}

static void print_time(struct buf *line, const uint8_t dt[12])
{
    char text[VALUE_TIME];
    const char *status = value_time_status(dt);
    put_text(line, value_time_text(text, dt));
    if (!*status) return;
    put_text(line, " (");
    put_text(line, status);
    put_text(line, ")");
}

static void print_string(struct buf *line, struct axdr_in in)
{
    size_t n;
    const uint8_t *dt = value_as_time(in), *p;
    if (dt) {
        print_time(line, dt);
    } else {
        p = string_of(in, &n);
        print_octets(line, p, n);
    }
}

void value_print(struct buf *line, struct axdr_in in, int scaler, const char *unit)
{
    char text[VALUE_TIME];
    int tag = axdr_peek(&in);
    switch (tag) {
    case -1:
        put_text(line, "(broken)");
        break;
    case AXDR_NULL:
        put_text(line, "(none)");
        break;
    case AXDR_DONT_CARE:
        put_text(line, "(any)");
        break;
    case AXDR_ARRAY:
    case AXDR_STRUCTURE:
        print_items(line, in);
        break;
    case AXDR_COMPACT:
        print_compact(line, in);
        break;
    case AXDR_OCTETS:
    case AXDR_VISIBLE:
    case AXDR_UTF8:
        print_string(line, in);
        break;
    case AXDR_DATETIME:
        print_time(line, in.p + 1);
        break;
    case AXDR_DATE:
        put_text(line, value_date_text(text, in.p + 1));
        break;
    case AXDR_TIME:
        put_text(line, value_clock_text(text, in.p + 1));
        break;
    case AXDR_BOOL:
    case AXDR_BITS:
    case AXDR_F32:
    case AXDR_F64:
        print_json(line, value_json(in, false));
        break;
    default:
        print_number(line, in, scaler, unit);
    }
}

int value_scaler_unit(struct axdr_in in, int *scaler, uint8_t *unit)
{
    if (!axdr_read_struct(&in, 2)) return E_TYPE;
    *scaler = (int)axdr_read_int(&in, AXDR_I8);
    *unit = axdr_read_enum(&in);
    return in.bad ? E_TYPE : 0;
}
