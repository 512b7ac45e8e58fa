#include "dlms/axdr.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"

/* Octets behind each tag: >= 0 a fixed width, VAR a length field comes first, NOT no tag. */
enum { VAR = -1, NOT = -2 };
enum { MORE = -1000 }; /* more octets are needed */
static const int8_t width[] = {
    [AXDR_NULL] = 0,
    [AXDR_ARRAY] = VAR,
    [AXDR_STRUCTURE] = VAR,
    [AXDR_BOOL] = 1,
    [AXDR_BITS] = VAR,
    [AXDR_I32] = 4,
    [AXDR_U32] = 4,
    [7] = NOT,
    [8] = NOT,
    [AXDR_OCTETS] = VAR,
    [AXDR_VISIBLE] = VAR,
    [0x0B] = NOT,
    [AXDR_UTF8] = VAR,
    [AXDR_BCD] = 1,
    [0x0E] = NOT,
    [AXDR_I8] = 1,
    [AXDR_I16] = 2,
    [AXDR_U8] = 1,
    [AXDR_U16] = 2,
    [AXDR_COMPACT] = VAR,
    [AXDR_I64] = 8,
    [AXDR_U64] = 8,
    [AXDR_ENUM] = 1,
    [AXDR_F32] = 4,
    [AXDR_F64] = 8,
    [AXDR_DATETIME] = 12,
    [AXDR_DATE] = 5,
    [AXDR_TIME] = 4,
    [AXDR_DELTA_I8] = 1,
    [AXDR_DELTA_I16] = 2,
    [AXDR_DELTA_I32] = 4,
    [AXDR_DELTA_U8] = 1,
    [AXDR_DELTA_U16] = 2,
    [AXDR_DELTA_U32] = 4,
};

static const uint32_t signed_tags = 1u << AXDR_I32 | 1u << AXDR_BCD | 1u << AXDR_I8 |
                                    1u << AXDR_I16 | 1u << AXDR_I64 | 1u << AXDR_DELTA_I8 |
                                    1u << AXDR_DELTA_I16 | 1u << AXDR_DELTA_I32;

static int width_of(uint8_t tag)
{
    if (tag == AXDR_DONT_CARE) return 0;
    return tag < sizeof width ? width[tag] : NOT;
}

int axdr_width(uint8_t tag)
{
    int w = width_of(tag);
    return w < 0 ? -1 : w;
}

static bool is_signed(uint8_t tag)
{
    return tag < 32 && (signed_tags >> tag & 1);
}

/* -- writing ---------------------------------------------------------------------------- */

struct axdr_out axdr_out(uint8_t *buf, size_t cap)
{
    return (struct axdr_out){ .buf = buf, .cap = cap };
}

int axdr_emit(struct axdr_out *o, const void *p, size_t n)
{
    const uint8_t *s = p;
    size_t eat = n < o->skip ? n : o->skip;
    o->skip -= eat;
    n -= eat;
    if (n > o->cap - o->len) {
        n = o->cap - o->len;
        o->full = true;
    }
    if (n && o->buf) memcpy(o->buf + o->len, s + eat, n);
    o->len += n;
    return 0;
}

int axdr_emit_raw(struct axdr_out *o, uint32_t v, unsigned n)
{
    uint8_t b[4];
    be_put32(b, v);
    return axdr_emit(o, b + 4 - n, n);
}

int axdr_emit_length(struct axdr_out *o, uint32_t n)
{
    unsigned octets = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : n < 0x1000000 ? 3 : 4;
    if (octets) axdr_emit_raw(o, 0x80u + octets, 1);
    return axdr_emit_raw(o, n, octets ? octets : 1);
}

int axdr_emit_head(struct axdr_out *o, uint8_t tag, uint32_t n)
{
    axdr_emit_raw(o, tag, 1);
    return axdr_emit_length(o, n);
}

int axdr_emit_struct(struct axdr_out *o, uint32_t n)
{
    return axdr_emit_head(o, AXDR_STRUCTURE, n);
}

int axdr_emit_array(struct axdr_out *o, uint32_t n)
{
    return axdr_emit_head(o, AXDR_ARRAY, n);
}

int axdr_emit_null(struct axdr_out *o)
{
    return axdr_emit_raw(o, AXDR_NULL, 1);
}

int axdr_emit_int(struct axdr_out *o, uint8_t tag, int64_t v)
{
    int w = width_of(tag);
    ensure(w > 0 && w <= 8);
    uint8_t b[9];
    be_put64(b + 1, (uint64_t)v);
    b[8 - w] = tag;
    return axdr_emit(o, b + 8 - w, (size_t)w + 1);
}

int axdr_emit_string(struct axdr_out *o, uint8_t tag, const void *p, size_t n)
{
    axdr_emit_head(o, tag, (uint32_t)n);
    return axdr_emit(o, p, n);
}

int axdr_emit_octets(struct axdr_out *o, const void *p, size_t n)
{
    return axdr_emit_string(o, AXDR_OCTETS, p, n);
}

/* Calls are many: what each of them leaves out is worth a function. */
static int emit_word(struct axdr_out *o, uint8_t tag, int32_t v)
{
    return axdr_emit_int(o, tag, v);
}

int axdr_emit_bool(struct axdr_out *o, bool v)
{
    return emit_word(o, AXDR_BOOL, v);
}

int axdr_emit_enum(struct axdr_out *o, uint8_t v)
{
    return emit_word(o, AXDR_ENUM, v);
}

int axdr_emit_i8(struct axdr_out *o, int8_t v)
{
    return emit_word(o, AXDR_I8, v);
}

int axdr_emit_u8(struct axdr_out *o, uint8_t v)
{
    return emit_word(o, AXDR_U8, v);
}

int axdr_emit_i16(struct axdr_out *o, int16_t v)
{
    return emit_word(o, AXDR_I16, v);
}

int axdr_emit_u16(struct axdr_out *o, uint16_t v)
{
    return emit_word(o, AXDR_U16, v);
}

int axdr_emit_i32(struct axdr_out *o, int32_t v)
{
    return emit_word(o, AXDR_I32, v);
}

int axdr_emit_u32(struct axdr_out *o, uint32_t v)
{
    return emit_word(o, AXDR_U32, (int32_t)v);
}

int axdr_emit_i64(struct axdr_out *o, int64_t v)
{
    return axdr_emit_int(o, AXDR_I64, v);
}

int axdr_emit_u64(struct axdr_out *o, uint64_t v)
{
    return axdr_emit_int(o, AXDR_U64, (int64_t)v);
}

int axdr_emit_bits(struct axdr_out *o, const uint8_t *p, uint32_t n)
{
    axdr_emit_head(o, AXDR_BITS, n);
    axdr_emit(o, p, n / 8);
    return n % 8 ? axdr_emit_raw(o, p[n / 8] & 0xFF00u >> n % 8, 1) : 0;
}

/* -- reading ---------------------------------------------------------------------------- */

bool axdr_is_done(const struct axdr_in *in)
{
    return !in->bad && in->n == 0;
}

int axdr_peek(const struct axdr_in *in)
{
    return in->bad || in->n == 0 ? -1 : in->p[0];
}

const uint8_t *axdr_read_view(struct axdr_in *in, size_t n)
{
    if (in->bad || in->n < n) {
        in->bad = true;
        return NULL;
    }
    in->p += n;
    in->n -= n;
    return in->p - n;
}

uint64_t axdr_read_raw(struct axdr_in *in, unsigned n)
{
    const uint8_t *b = axdr_read_view(in, n);
    uint64_t v = 0;
    for (unsigned i = 0; b && i < n; i++) v = v << 8 | b[i];
    return v;
}

static bool take_tag(struct axdr_in *in, uint8_t tag)
{
    const uint8_t *b = axdr_read_view(in, 1);
    in->bad |= !b || *b != tag;
    return !in->bad;
}

uint32_t axdr_read_length(struct axdr_in *in)
{
    uint32_t v = 0;
    int used = in->bad ? -1 : axdr_length_octets(in->p, in->n, &v);
    in->bad |= used <= 0;
    if (in->bad) return 0;
    axdr_read_view(in, (size_t)used);
    return v;
}

uint32_t axdr_read_head(struct axdr_in *in, uint8_t tag)
{
    if (!take_tag(in, tag)) return 0;
    uint32_t n = axdr_read_length(in);
    uint32_t octets = tag == AXDR_BITS ? n / 8 + (n % 8 != 0) : n;
    in->bad |= octets > in->n;
    return in->bad ? 0 : n;
}

bool axdr_read_struct(struct axdr_in *in, uint32_t n)
{
    in->bad |= axdr_read_head(in, AXDR_STRUCTURE) != n;
    return !in->bad;
}

static int64_t extend(uint64_t v, uint8_t tag, int w)
{
    unsigned up = 64u - 8u * (unsigned)w;
    if (tag == AXDR_BOOL) return v != 0;
    if (!is_signed(tag) || up == 0) return (int64_t)v;
    uint64_t sign = UINT64_C(1) << (8 * w - 1);
    return (int64_t)((v ^ sign) - sign);
}

int64_t axdr_read_int(struct axdr_in *in, uint8_t tag)
{
    int w = width_of(tag);
    ensure(w > 0 && w <= 8);
    if (!take_tag(in, tag)) return 0;
    uint64_t v = axdr_read_raw(in, (unsigned)w);
    return in->bad ? 0 : extend(v, tag, w);
}

bool axdr_read_bool(struct axdr_in *in)
{
    return axdr_read_int(in, AXDR_BOOL) != 0;
}

uint8_t axdr_read_enum(struct axdr_in *in)
{
    return (uint8_t)axdr_read_int(in, AXDR_ENUM);
}

int8_t axdr_read_i8(struct axdr_in *in)
{
    return (int8_t)axdr_read_int(in, AXDR_I8);
}

uint8_t axdr_read_u8(struct axdr_in *in)
{
    return (uint8_t)axdr_read_int(in, AXDR_U8);
}

int16_t axdr_read_i16(struct axdr_in *in)
{
    return (int16_t)axdr_read_int(in, AXDR_I16);
}

uint16_t axdr_read_u16(struct axdr_in *in)
{
    return (uint16_t)axdr_read_int(in, AXDR_U16);
}

int32_t axdr_read_i32(struct axdr_in *in)
{
    return (int32_t)axdr_read_int(in, AXDR_I32);
}

uint32_t axdr_read_u32(struct axdr_in *in)
{
    return (uint32_t)axdr_read_int(in, AXDR_U32);
}

int64_t axdr_read_i64(struct axdr_in *in)
{
    return axdr_read_int(in, AXDR_I64);
}

uint64_t axdr_read_u64(struct axdr_in *in)
{
    return (uint64_t)axdr_read_int(in, AXDR_U64);
}

int64_t axdr_read_number(struct axdr_in *in, uint8_t *tag)
{
    static const uint32_t numbers = 1u << AXDR_I8 | 1u << AXDR_U8 | 1u << AXDR_I16 |
                                    1u << AXDR_U16 | 1u << AXDR_I32 | 1u << AXDR_U32 |
                                    1u << AXDR_I64 | 1u << AXDR_U64 | 1u << AXDR_ENUM;
    int t = axdr_peek(in);
    if (tag) *tag = 0;
    in->bad |= t < 0 || t > 31 || !(numbers >> t & 1);
    if (in->bad) return 0;
    int64_t v = axdr_read_int(in, (uint8_t)t);
    in->bad |= t == AXDR_U64 && v < 0;
    if (tag) *tag = (uint8_t)t;
    return in->bad ? 0 : v;
}

const uint8_t *axdr_read_string(struct axdr_in *in, uint8_t tag, size_t *n)
{
    *n = axdr_read_head(in, tag);
    const uint8_t *p = axdr_read_view(in, *n);
    if (in->bad) *n = 0;
    return p;
}

void axdr_read_octets(struct axdr_in *in, void *dst, size_t n)
{
    size_t len;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &len);
    in->bad |= len != n;
    if (in->bad)
        memset(dst, 0, n);
    else
        memcpy(dst, p, n);
}

void axdr_read_bits(struct axdr_in *in, uint8_t *dst, uint32_t n)
{
    size_t octets = (n + 7) / 8;
    uint32_t bits = axdr_read_head(in, AXDR_BITS);
    in->bad |= bits != n;
    const uint8_t *p = axdr_read_view(in, octets);
    memset(dst, 0, octets);
    if (!p) return;
    memcpy(dst, p, octets);
    if (n % 8) dst[octets - 1] = (uint8_t)(dst[octets - 1] & 0xFF00u >> n % 8);
}

static void read_tagged(struct axdr_in *in, uint8_t tag, uint8_t *dst, size_t n)
{
    if (axdr_peek(in) != tag) {
        axdr_read_octets(in, dst, n);
        return;
    }
    axdr_read_view(in, 1);
    const uint8_t *p = axdr_read_view(in, n);
    memset(dst, 0, n);
    if (p) memcpy(dst, p, n);
}

void axdr_read_datetime(struct axdr_in *in, uint8_t dst[12])
{
    read_tagged(in, AXDR_DATETIME, dst, 12);
}

void axdr_read_date(struct axdr_in *in, uint8_t dst[5])
{
    read_tagged(in, AXDR_DATE, dst, 5);
}

void axdr_read_time(struct axdr_in *in, uint8_t dst[4])
{
    read_tagged(in, AXDR_TIME, dst, 4);
}

struct axdr_in axdr_read_value(struct axdr_in *in)
{
    int n = in->bad ? -1 : axdr_length(in->p, in->n);
    in->bad |= n <= 0;
    if (in->bad) return (struct axdr_in){ .bad = true };
    return axdr_in(axdr_read_view(in, (size_t)n), (size_t)n);
}

/* -- how long is a value? --------------------------------------------------------------- */

int axdr_length_octets(const uint8_t *p, size_t n, uint32_t *v)
{
    *v = 0;
    if (n == 0) return 0;
    if (p[0] < 0x80) {
        *v = p[0];
        return 1;
    }
    unsigned more = p[0] & 0x7Fu;
    if (more == 0 || more > 4) return E_FORMAT;
    if (n < 1 + more) return 0;
    for (unsigned i = 1; i <= more; i++) *v = *v << 8 | p[i];
    return (int)(1 + more);
}

/* Type description of a compact array: how many octets it takes; 0, < 0 as axdr_length(). */
static int description_length(const uint8_t *p, size_t n)
{
    size_t at = 0;
    for (uint64_t types = 1; types; types--) {
        if (at >= n) return 0;
        uint8_t tag = p[at++];
        if (width_of(tag) == NOT || tag == AXDR_COMPACT) return E_FORMAT;
        if (tag == AXDR_ARRAY) {
            at += 2; /* how many elements */
            types++;
        } else if (tag == AXDR_STRUCTURE) {
            uint32_t fields;
            int used = axdr_length_octets(p + (at < n ? at : n), at < n ? n - at : 0, &fields);
            if (used <= 0) return used;
            at += (size_t)used;
            types += fields;
        }
    }
    return at > n ? 0 : (int)at;
}

/* The octets of the value behind tag that belong to it alone: all of them for a plain value,
 * the count for an array or structure, whose elements follow. */
static int own_length(uint8_t tag, const uint8_t *p, size_t n, uint32_t *elements)
{
    int w = width_of(tag), head = 0;
    *elements = 0;
    if (w == NOT) return E_FORMAT;
    if (w >= 0) return w;
    if (tag == AXDR_COMPACT && (head = description_length(p, n)) <= 0)
        return head ? head : MORE;
    uint32_t len;
    int used = axdr_length_octets(p + head, n - (size_t)head, &len);
    if (used <= 0) return used ? used : MORE;
    if (tag == AXDR_ARRAY || tag == AXDR_STRUCTURE) {
        *elements = len;
        return used;
    }
    if (tag == AXDR_BITS) len = len / 8 + (len % 8 != 0);
    return len > INT32_MAX / 2 ? E_FORMAT : head + used + (int)len;
}

int axdr_length(const uint8_t *p, size_t n)
{
    uint32_t left[AXDR_DEPTH + 1] = { 1 }; /* values still to come on each level */
    int depth = 0;
    size_t at = 0;
    while (depth >= 0) {
        if (left[depth] == 0) {
            depth--;
            continue;
        }
        left[depth]--;
        if (at >= n) return 0;
        uint32_t elements;
        int own = own_length(p[at], p + at + 1, n - at - 1, &elements);
        if (own == MORE) return 0;
        if (own < 0) return own;
        if ((size_t)own > n - at - 1) return 0;
        at += 1 + (size_t)own;
        if (elements == 0) continue;
        if (depth == AXDR_DEPTH) return E_RANGE;
        left[++depth] = elements;
    }
    return (int)at;
}

/* -- dates ------------------------------------------------------------------------------ */

static bool upto(uint8_t v, uint8_t max)
{
    return v <= max || v == 0xFF;
}

bool axdr_is_date(const uint8_t v[5])
{
    bool month = (v[2] >= 1 && v[2] <= 12) || v[2] >= 0xFD;
    bool day = (v[3] >= 1 && v[3] <= 31) || v[3] >= 0xFD;
    bool weekday = (v[4] >= 1 && v[4] <= 7) || v[4] == 0xFF;
    return month && day && weekday;
}

bool axdr_is_time(const uint8_t v[4])
{
    return upto(v[0], 23) && upto(v[1], 59) && upto(v[2], 59) && upto(v[3], 99);
}

bool axdr_is_datetime(const uint8_t v[12])
{
    int deviation = (int16_t)be_get16(v + 9);
    bool known = deviation >= -720 && deviation <= 840;
    return axdr_is_date(v) && axdr_is_time(v + 5) && (known || deviation == INT16_MIN);
}

/* -- field tables ----------------------------------------------------------------------- */

static const struct {
    uint8_t tag, size;
} plain[] = {
    [AXDR_K_BOOL] = { AXDR_BOOL, 1 },
    [AXDR_K_I8] = { AXDR_I8, 1 },
    [AXDR_K_U8] = { AXDR_U8, 1 },
    [AXDR_K_I16] = { AXDR_I16, 2 },
    [AXDR_K_U16] = { AXDR_U16, 2 },
    [AXDR_K_I32] = { AXDR_I32, 4 },
    [AXDR_K_U32] = { AXDR_U32, 4 },
    [AXDR_K_I64] = { AXDR_I64, 8 },
    [AXDR_K_U64] = { AXDR_U64, 8 },
    [AXDR_K_ENUM] = { AXDR_ENUM, 1 },
    [AXDR_K_OCTETS] = { AXDR_OCTETS, 0 },
    [AXDR_K_OBIS] = { AXDR_OCTETS, 6 },
    [AXDR_K_DATETIME] = { AXDR_OCTETS, 12 },
    [AXDR_K_DATE] = { AXDR_OCTETS, 5 },
    [AXDR_K_TIME] = { AXDR_OCTETS, 4 },
    [AXDR_K_BITS] = { AXDR_BITS, 0 },
    [AXDR_K_STRING] = { AXDR_OCTETS, 0 },
    [AXDR_K_VISIBLE] = { AXDR_VISIBLE, 0 },
    [AXDR_K_UTF8] = { AXDR_UTF8, 0 },
};

static unsigned size_of(const struct axdr_field *f)
{
    if (plain[f->kind].size) return plain[f->kind].size;
    return f->kind == AXDR_K_BITS ? (f->arg + 7u) / 8 : f->kind == AXDR_K_STRUCT ? 0 : f->arg;
}

/* Members are the machine's own integers; the table says how wide. */
static int64_t load(const uint8_t *m, unsigned size)
{
    uint16_t h;
    uint32_t w;
    uint64_t d;
    switch (size) {
    case 1:
        return *m;
    case 2:
        memcpy(&h, m, 2);
        return h;
    case 4:
        memcpy(&w, m, 4);
        return w;
    default:
        memcpy(&d, m, 8);
        return (int64_t)d;
    }
}

static void store(uint8_t *m, unsigned size, int64_t v)
{
    uint8_t b = (uint8_t)v;
    uint16_t h = (uint16_t)v;
    uint32_t w = (uint32_t)v;
    uint64_t d = (uint64_t)v;
    memcpy(m,
           size == 1   ? (void *)&b
           : size == 2 ? (void *)&h
           : size == 4 ? (void *)&w
                       : &d,
           size);
}

static void emit_field(struct axdr_out *o, const struct axdr_field *f, const uint8_t *m)
{
    switch (f->kind) {
    case AXDR_K_STRUCT:
        axdr_emit_struct(o, f->arg);
        break;
    case AXDR_K_NULL:
        axdr_emit_null(o);
        break;
    case AXDR_K_OCTETS:
    case AXDR_K_OBIS:
    case AXDR_K_DATETIME:
    case AXDR_K_DATE:
    case AXDR_K_TIME:
        axdr_emit_octets(o, m, size_of(f));
        break;
    case AXDR_K_BITS:
        axdr_emit_bits(o, m, f->arg);
        break;
    case AXDR_K_STRING:
    case AXDR_K_VISIBLE:
    case AXDR_K_UTF8:
        ensure(m[0] < f->arg);
        axdr_emit_string(o, plain[f->kind].tag, m + 1, m[0]);
        break;
    default:
        axdr_emit_int(o, plain[f->kind].tag, load(m, size_of(f)));
    }
}

int axdr_emit_fields(struct axdr_out *o, const struct axdr_field *f, size_t n, const void *s)
{
    const uint8_t *p = s;
    for (size_t i = 0; i < n; i++) {
        if (f[i].kind != AXDR_K_ROWS) {
            emit_field(o, &f[i], p + f[i].at);
            continue;
        }
        const struct axdr_field *of = &f[i + 1]; /* of each element */
        unsigned rows = of->at == UINT16_MAX ? f[i].arg : p[of->at];
        axdr_emit_array(o, rows);
        for (unsigned r = 0; r < rows; r++)
            for (unsigned k = 1; k <= of->kind; k++)
                emit_field(o, &of[k], p + f[i].at + r * of->arg + of[k].at);
        i += 1u + of->kind;
    }
    return 0;
}

static int read_text(struct axdr_in *in, const struct axdr_field *f, uint8_t *m)
{
    size_t n;
    const uint8_t *p = axdr_read_string(in, plain[f->kind].tag, &n);
    if (in->bad) return E_TYPE;
    if (n >= f->arg) return E_RANGE;
    m[0] = (uint8_t)n;
    memset(m + 1, 0, f->arg - 1u);
    memcpy(m + 1, p, n);
    return 0;
}

static int read_field(struct axdr_in *in, const struct axdr_field *f, uint8_t *m)
{
    bool good = true;
    int64_t v;
    switch (f->kind) {
    case AXDR_K_STRUCT:
        axdr_read_struct(in, f->arg);
        break;
    case AXDR_K_NULL:
        in->bad |= axdr_read_raw(in, 1) != AXDR_NULL;
        break;
    case AXDR_K_OCTETS:
    case AXDR_K_OBIS:
        axdr_read_octets(in, m, size_of(f));
        break;
    case AXDR_K_DATETIME:
        axdr_read_datetime(in, m);
        good = axdr_is_datetime(m);
        break;
    case AXDR_K_DATE:
        axdr_read_date(in, m);
        good = axdr_is_date(m);
        break;
    case AXDR_K_TIME:
        axdr_read_time(in, m);
        good = axdr_is_time(m);
        break;
    case AXDR_K_BITS:
        axdr_read_bits(in, m, f->arg);
        break;
    case AXDR_K_STRING:
    case AXDR_K_VISIBLE:
    case AXDR_K_UTF8:
        return read_text(in, f, m);
    default:
        v = axdr_read_int(in, plain[f->kind].tag);
        good = f->kind != AXDR_K_ENUM || v <= f->arg;
        store(m, size_of(f), v);
    }
    return in->bad ? E_TYPE : good ? 0 : E_RANGE;
}

/* The rows of an array, as the fields behind f tell; *worst is left at the worst of them. */
static void read_rows(struct axdr_in *in, const struct axdr_field *f, uint8_t *s, int *worst)
{
    const struct axdr_field *of = &f[1];
    uint32_t rows = axdr_read_head(in, AXDR_ARRAY);
    in->bad |= rows > f->arg;
    for (uint32_t r = 0; r < rows && !in->bad; r++)
        for (unsigned k = 1; k <= of->kind && !in->bad; k++) {
            int err = read_field(in, &of[k], s + f->at + r * of->arg + of[k].at);
            if (err) *worst = err;
        }
    if (of->at != UINT16_MAX) s[of->at] = in->bad ? 0 : (uint8_t)rows;
}

int axdr_read_fields(struct axdr_in *in, const struct axdr_field *f, size_t n, void *s)
{
    int worst = 0; /* the shape is judged before the values */
    for (size_t i = 0; i < n && !in->bad; i++) {
        if (f[i].kind == AXDR_K_ROWS) {
            read_rows(in, &f[i], s, &worst);
            i += 1u + f[i + 1].kind;
        } else {
            int err = read_field(in, &f[i], (uint8_t *)s + f[i].at);
            if (err) worst = err;
        }
    }
    return in->bad ? E_TYPE : worst;
}

size_t axdr_size_fields(const struct axdr_field *f, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        bool text = f[i].kind >= AXDR_K_STRING, string = f[i].kind >= AXDR_K_OCTETS;
        size_t octets = size_of(&f[i]) - (text ? 1u : 0u);
        size_t head = f[i].kind == AXDR_K_STRUCT ? 2 : !string ? 1 : octets < 128 ? 2 : 3;
        sum += head + octets;
    }
    return sum;
}
