/* compact.c - class 62: a few values in as few octets as can be. Types are said once, in the
 * template; the buffer has the contents alone, one row, in the order of the list, whose first
 * entry is the object's own template_id, so that whoever gets a buffer knows its template.
 *
 * Values come from objects of plain attributes that the reader's client may read; arrays have no
 * fixed form and are refused. What cannot be had makes the row a temporary failure: there is no
 * way to leave it out. */
#include "base/err.h"
#include "model/classes.h"

#include <string.h>

enum { LIST = 768, ENTRIES = 32, VALUE = 256 };

static unsigned which(const struct cosem_at *at)
{
    return at->k;
}

/* -- the list ------------------------------------------------------------------------------ */

static const struct capture_row delivered[COMPACTS][4] = {
    { { 8, { 0, 0, 1, 0, 0 }, 2, 0 },
      { 3, { 1, 0, 1, 8, 0 }, 2, 0 },
      { 3, { 1, 0, 2, 8, 0 }, 2, 0 } },
    { { 8, { 0, 0, 1, 0, 0 }, 2, 0 },
      { 1, { 0, 0, 97, 98, 20 }, 2, 0 },
      { 1, { 0, 0, 97, 98, 21 }, 2, 0 },
      { 1, { 0, 0, 97, 98, 22 }, 2, 0 } },
};

static void emit_entry(struct axdr_out *o, const struct cosem_capture *c)
{
    axdr_emit_struct(o, 5);
    push_emit_object(o, c);
}

static size_t list_octets(struct meter *m, unsigned k, uint8_t dst[LIST])
{
    int got = param_read(m, (uint16_t)(PARAM_COMPACT_1 + k), dst, LIST);
    if (got > 0) return (size_t)got;
    struct cosem_capture own = { 62, { 0, 0, 66, 0, (uint8_t)k, 255 }, 4, 0 };
    struct axdr_out o = axdr_out(dst, LIST);
    unsigned n = 0;
    while (n < COUNT(delivered[k]) && delivered[k][n].class_id) n++;
    axdr_emit_array(&o, n + 1);
    emit_entry(&o, &own);
    for (unsigned i = 0; i < n; i++) {
        struct cosem_capture c = cosem_capture(&delivered[k][i]);
        emit_entry(&o, &c);
    }
    return o.len;
}

/* An entry without a restriction, of an attribute that the reader may read. */
static int read_entry(struct axdr_in *in, struct cosem_at *at)
{
    static const struct who reader = { .assoc = ROLE_READER };
    struct cosem_capture c = { .index = 0 };
    axdr_read_struct(in, 5);
    push_read_object(in, &c);
    axdr_read_struct(in, 2);
    uint8_t bound = axdr_read_enum(in);
    (void)axdr_read_value(in);
    if (in->bad) return E_TYPE;
    *at = (struct cosem_at){ .who = &reader, .id = (uint8_t)c.attr, .prot = PROT_REQ };
    if (bound != PUSH_ALL || c.index || c.attr < 1) return E_RANGE;
    if (cosem_find(&device_model, c.class_id, c.ln, at) != DAR_OK) return E_RANGE;
    const struct cosem_attr *a = cosem_attr(at);
    if (!a || !a->get || !(cosem_rights(&device_model, at) & CAN_READ)) return E_RANGE;
    bool itself = c.class_id == 62 && (c.attr == 2 || c.attr == 5);
    return itself || c.class_id == 15 ? E_RANGE : 0;
}

/* -- values without their types, and types without values ---------------------------------- */

/* One value off `in`: its type description, or its contents. E_TYPE: arrays, and what may be
 * there or not. */
static int strip(struct axdr_in *in, struct axdr_out *type, struct axdr_out *content)
{
    unsigned left = 1;
    for (; left && !in->bad; left--) {
        int tag = axdr_peek(in);
        struct axdr_in whole = *in;
        if (tag == AXDR_STRUCTURE) {
            uint32_t n = axdr_read_head(in, AXDR_STRUCTURE);
            axdr_emit_raw(type, AXDR_STRUCTURE, 1);
            axdr_emit_length(type, n);
            left += n;
            continue;
        }
        if (tag <= 0 || tag == AXDR_ARRAY || tag == AXDR_COMPACT || tag == AXDR_DONT_CARE)
            return E_TYPE;
        struct axdr_in v = axdr_read_value(in);
        if (in->bad) return E_TYPE;
        axdr_emit_raw(type, (uint8_t)tag, 1);
        axdr_emit(content, whole.p + 1, v.n - 1);
    }
    return in->bad ? E_TYPE : 0;
}

static enum dar read_value(struct device *d, const struct cosem_at *at, struct axdr_out *type,
                           struct axdr_out *content)
{
    uint8_t value[VALUE];
    struct axdr_out o = axdr_out(value, sizeof value);
    enum dar dar = model_gate(d, at);
    if (dar == DAR_OK) dar = cosem_attr(at)->get(d, at, &o);
    struct axdr_in in = axdr_in(value, o.len);
    if (dar == DAR_OK && (o.full || strip(&in, type, content) < 0)) dar = DAR_TEMPORARY;
    return dar;
}

/* The template, and one row. */
static enum dar read_row(struct device *d, unsigned k, const struct axdr_in *list,
                         const void *frozen, struct axdr_out *type, struct axdr_out *content)
{
    uint8_t octets[LIST];
    struct axdr_in in = axdr_in(octets, list ? 0 : list_octets(&d->meter, k, octets));
    if (list) in = *list;
    uint32_t n = axdr_read_head(&in, AXDR_ARRAY);
    axdr_emit_raw(type, AXDR_STRUCTURE, 1);
    axdr_emit_length(type, n);
    for (uint32_t i = 0; i < n; i++) {
        struct cosem_at at;
        int err = read_entry(&in, &at);
        if (err) return err;
        at.frozen = frozen;
        enum dar dar = read_value(d, &at, type, content);
        if (dar != DAR_OK) return dar;
    }
    if (!axdr_is_done(&in)) return DAR_TYPE;
    return content->full || type->full ? DAR_OTHER : DAR_OK;
}

/* -- attributes ---------------------------------------------------------------------------- */

static bool on_reading(struct device *d, unsigned k)
{
    return param_get(&d->meter, (uint16_t)(PARAM_COMPACT_1_METHOD + k)) == 1;
}

static enum dar get_buffer(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct device *d = device_of(app);
    unsigned k = which(at);
    struct compact row = { .n = 0 }, *shown = &d->compact[k];
    if (on_reading(d, k)) {
        struct axdr_out type = axdr_out(NULL, SIZE_MAX), content = axdr_out(row.at, COMPACT);
        enum dar dar = read_row(d, k, NULL, at->frozen, &type, &content);
        if (dar != DAR_OK) return dar;
        row.n = (uint16_t)content.len;
        shown = &row;
    }
    return axdr_emit_octets(o, shown->at, shown->n);
}

static enum dar get_list(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t list[LIST];
    return axdr_emit(o, list, list_octets(meter_of(app), which(at), list));
}

/* A list whose values cannot be had now is not taken: nobody could know its template. */
static enum dar set_list(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct device *d = device_of(app);
    uint8_t was[LIST];
    struct axdr_in head = *in;
    struct axdr_out type = axdr_out(NULL, LIST), content = axdr_out(NULL, COMPACT);
    uint32_t n = axdr_read_head(&head, AXDR_ARRAY);
    if (head.bad) return DAR_TYPE;
    if (n > ENTRIES || in->n > LIST) return DAR_OTHER;
    size_t had = list_octets(&d->meter, which(at), was);
    if (had == in->n && !memcmp(was, in->p, had)) return DAR_OK;
    enum dar dar = read_row(d, which(at), in, NULL, &type, &content);
    if (dar != DAR_OK) return dar == DAR_TEMPORARY ? DAR_OTHER : dar;
    d->compact[which(at)].n = 0;
    return param_write(&d->meter, at->who, (uint16_t)(PARAM_COMPACT_1 + which(at)), in->p,
                       in->n);
}

static enum dar get_template(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t octets[LIST];
    struct axdr_out type = axdr_out(octets, sizeof octets), content = axdr_out(NULL, SIZE_MAX);
    enum dar dar = read_row(device_of(app), which(at), NULL, at->frozen, &type, &content);
    if (dar == DAR_OK) axdr_emit_octets(o, octets, type.len);
    return dar;
}

static enum dar call_reset(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    device_of(app)->compact[which(at)].n = 0;
    return DAR_OK;
}

static enum dar call_capture(void *app, const struct cosem_at *at, struct axdr_in *arg,
                             struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    struct compact row;
    struct axdr_out type = axdr_out(NULL, SIZE_MAX), content = axdr_out(row.at, COMPACT);
    (void)arg, (void)ret;
    enum dar dar = read_row(d, which(at), NULL, NULL, &type, &content);
    if (dar != DAR_OK) return dar;
    row.n = (uint16_t)content.len;
    d->compact[which(at)] = row;
    return DAR_OK;
}

const struct cosem_attr compact_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_buffer },
    [COSEM_ATTR(3)] = { .get = get_list, .set = set_list },
    [COSEM_ATTR(4)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(5)] = { .get = get_template },
    [COSEM_ATTR(6)] = { .get = get_shown, .set = set_shown },
};
const struct cosem_method compact_method[] = {
    [COSEM_METHOD(1)] = { .call = call_reset, .ret = &cosem_order },
    [COSEM_METHOD(2)] = { .call = call_capture, .ret = &cosem_order }
};
