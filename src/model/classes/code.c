/* code.c - 0-0:96.62.3, the short codes: what a number typed on the keypad shows or does. */
#include <string.h>

#include "base/err.h"
#include "meter/display/code.h"
#include "model/classes.h"

/* Of the format: decimals, thousands of the unit, and in the high octet which of several. */
enum { FORMAT_KILO = 0x80, FORMAT_WHICH = 8 };

static enum dar codes_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                           struct span *s)
{
    (void)at, (void)sel;
    int n = code_rows(meter_of(app));
    if (n < 0) return n;
    s->end = (uint32_t)n;
    return DAR_OK;
}

static enum dar codes_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                          struct axdr_out *o)
{
    struct short_code x;
    (void)at, (void)s;
    int err = code_row(meter_of(app), i, &x);
    if (err < 0) return err == E_NONE ? DAR_BLOCK : err;
    struct cosem_capture c = model_capture_of_item(x.item.column);
    axdr_emit_struct(o, 7);
    axdr_emit_u16(o, x.number);
    axdr_emit_u16(o, c.class_id);
    axdr_emit_octets(o, &c.ln, 6);
    axdr_emit_i8(o, c.attr);
    axdr_emit_u16(o, (uint16_t)(x.item.decimals | (x.item.kilo ? FORMAT_KILO : 0) |
                                (unsigned)c.index << FORMAT_WHICH));
    axdr_emit_octets(o, x.words, x.words_n);
    return axdr_emit_enum(o, x.action);
}

/* The label is what the object is called. */
static bool read_item(const struct cosem_capture *c, uint16_t format, struct display_item *x)
{
    int item = model_item_of(c);
    if (item < 0) return false;
    *x = (struct display_item){ .column = (uint16_t)item,
                                .decimals = (uint8_t)(format & ~FORMAT_KILO & 0xFF),
                                .kilo = (format & FORMAT_KILO) != 0,
                                .label = { c->ln.c, c->ln.d, c->ln.e } };
    return true;
}

static enum dar codes_put(void *app, const struct cosem_at *at, uint32_t i, struct axdr_in *in)
{
    struct short_code x = { .number = 0 };
    struct cosem_capture c = { .index = 0 };
    size_t n = 0;
    (void)i;
    axdr_read_struct(in, 7);
    x.number = axdr_read_u16(in);
    c.class_id = axdr_read_u16(in);
    axdr_read_octets(in, &c.ln, 6);
    c.attr = axdr_read_i8(in);
    uint16_t format = axdr_read_u16(in);
    c.index = (uint16_t)(format >> FORMAT_WHICH);
    const uint8_t *words = axdr_read_string(in, AXDR_OCTETS, &n);
    x.action = axdr_read_enum(in);
    if (in->bad) return DAR_TYPE;
    if (n > CODE_WORDS || !read_item(&c, format, &x.item)) return DAR_OTHER;
    memcpy(x.words, words, n);
    x.words_n = (uint8_t)n;
    return code_put(meter_of(app), at->who, &x);
}

static enum dar codes_begin(void *app, const struct cosem_at *at, uint32_t rows)
{
    return code_begin(meter_of(app), at->who, rows);
}

static enum dar codes_commit(void *app, const struct cosem_at *at)
{
    return code_commit(meter_of(app), at->who);
}

static void codes_abort(void *app, const struct cosem_at *at)
{
    param_stage_abort(meter_of(app), at->who);
}

static const struct cosem_seq codes_seq = { .open = codes_open,
                                            .row = codes_row,
                                            .begin = codes_begin,
                                            .put_row = codes_put,
                                            .commit = codes_commit,
                                            .abort = codes_abort };
const struct cosem_attr codes_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &codes_seq },
};
