/* compact.c - compact arrays written out. */
#include "base/err.h"
#include "tools/client/value.h"

enum { EXPAND_MAX = 64 << 20 };

struct expansion {
    struct buf *out;
    struct axdr_in in; /* the contents */
};

/* A string of the contents: its length octets come with it. */
static void expand_string(struct expansion *x, uint8_t tag)
{
    uint32_t n = axdr_read_length(&x->in);
    const uint8_t *p = axdr_read_view(&x->in, tag == AXDR_BITS ? n / 8 + (n % 8 != 0) : n);
    buf_put_head(x->out, tag, n);
    if (!x->in.bad) buf_put(x->out, p, tag == AXDR_BITS ? n / 8 + (n % 8 != 0) : n);
}

/* One value of the type at *type; the type is walked over. */
static int expand_one(struct expansion *x, struct axdr_in *type, int depth)
{
    uint8_t tag = (uint8_t)axdr_read_raw(type, 1);
    if (depth > AXDR_DEPTH || type->bad || x->in.bad) return E_FORMAT;
    if (x->out->n > EXPAND_MAX) return E_SPACE;
    if (tag == AXDR_ARRAY || tag == AXDR_STRUCTURE) {
        uint32_t n =
            tag == AXDR_ARRAY ? (uint32_t)axdr_read_raw(type, 2) : axdr_read_length(type);
        struct axdr_in element = *type;
        buf_put_head(x->out, tag, n);
        for (uint32_t i = 0; i < n; i++) {
            size_t before = x->in.n;
            if (tag == AXDR_ARRAY) *type = element;
            int e = expand_one(x, type, depth + 1);
            if (e < 0) return e;
            if (tag == AXDR_ARRAY && x->in.n == before) return E_FORMAT; /* out of nothing */
        }
        return n == 0 && tag == AXDR_ARRAY ? E_FORMAT : 0;
    }
    int width = axdr_width(tag);
    if (width < 0) {
        expand_string(x, tag);
    } else {
        const uint8_t *p = axdr_read_view(&x->in, (size_t)width);
        buf_put_u8(x->out, tag);
        if (p) buf_put(x->out, p, (size_t)width);
    }
    return x->in.bad ? E_FORMAT : 0;
}

/* Where the type description ends: that of one value, walked without contents. */
static void skip_type(struct axdr_in *type)
{
    for (uint64_t left = 1; left && !type->bad; left--) {
        uint8_t tag = (uint8_t)axdr_read_raw(type, 1);
        if (tag == AXDR_ARRAY) axdr_read_raw(type, 2), left++;
        if (tag == AXDR_STRUCTURE) left += axdr_read_length(type);
    }
}

/* The rows are counted as they come: their number goes into the head that is put in front. */
static int expand_rows(struct buf *rows, struct axdr_in type, struct axdr_in contents,
                       uint32_t *count)
{
    struct expansion x = { rows, contents };
    for (*count = 0; x.in.n; ++*count) {
        struct axdr_in t = type;
        size_t before = x.in.n;
        int e = expand_one(&x, &t, 1);
        if (e < 0) return e;
        if (x.in.n == before) return E_FORMAT; /* a row of no octets would never end */
    }
    return 0;
}

int value_expand(struct buf *out, struct axdr_in in)
{
    struct buf rows = { 0 };
    uint32_t count;
    if (axdr_peek(&in) != AXDR_COMPACT) return buf_put(out, in.p, in.n), 0;
    axdr_read_raw(&in, 1);
    struct axdr_in type = in;
    skip_type(&in);
    type.n -= in.n;
    uint32_t n = axdr_read_length(&in);
    const uint8_t *p = axdr_read_view(&in, n);
    if (in.bad) return E_FORMAT;
    int e = expand_rows(&rows, type, axdr_in(p, n), &count);
    if (e == 0) buf_put_head(out, AXDR_ARRAY, count);
    if (e == 0) buf_put(out, rows.p, rows.n);
    buf_free(&rows);
    return e;
}
