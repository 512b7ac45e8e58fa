/* monitor.c - class 65: which parameter was changed last. Every parameter is monitored, always;
 * the rows of 0-0:99.16.0 say the same of each change. Values are read where they live: the
 * monitor tells their digest (SHA-256, its first eight octets). */
#include "base/err.h"
#include "model/classes.h"

int emit_changed(struct axdr_out *o, uint16_t param)
{
    struct cosem_capture c = model_object_of(param);
    axdr_emit_struct(o, 4);
    axdr_emit_u16(o, c.class_id);
    axdr_emit_octets(o, &c.ln, 6);
    axdr_emit_i8(o, c.attr);
    return axdr_emit_null(o);
}

/* The newest row; before the first all of it is zero. */
static struct audit_row newest(struct meter *m)
{
    struct audit_row row = { .param = PARAMS };
    struct audit_span s = audit_span(m);
    if (s.first == s.next || audit_read(m, s.next - 1, &row) < 0) row.param = PARAMS;
    return row;
}

static enum dar get_changed(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    emit_changed(o, newest(meter_of(app)).param);
    return DAR_OK;
}

static enum dar get_time(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_moment(meter_of(app), o, (utc_t){ newest(meter_of(app)).utc_s });
}

/* Element i is the i-th parameter that an object shows; where it was found is kept in the span.
 */
enum { W_PARAM, W_INDEX, W_BEGUN, PARAMS_A_STEP = 3 };

static enum dar list_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                          struct span *s)
{
    (void)app, (void)at, (void)sel;
    uint32_t *id = &s->work[W_PARAM];
    for (unsigned n = 0; n < PARAMS_A_STEP && *id < PARAMS; n++, ++*id)
        s->end += model_object_of((uint16_t)*id).class_id != 0;
    if (*id < PARAMS) return DAR_PENDING;
    *id = 0;
    return DAR_OK;
}

static enum dar list_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    (void)app, (void)at;
    if (i < s->work[W_INDEX]) s->work[W_PARAM] = s->work[W_INDEX] = 0;
    if (s->work[W_BEGUN] != i + 1) { /* a search in a step */
        s->work[W_BEGUN] = i + 1;
        return DAR_PENDING;
    }
    for (unsigned n = 0; s->work[W_PARAM] < PARAMS; n++, s->work[W_PARAM]++) {
        if (n == PARAMS_A_STEP) return DAR_PENDING;
        struct cosem_capture c = model_object_of((uint16_t)s->work[W_PARAM]);
        if (!c.class_id) continue;
        if (s->work[W_INDEX] == i) {
            return emit_attribute(o, &c);
        }
        s->work[W_INDEX]++;
    }
    return DAR_BLOCK;
}

static enum dar get_name(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_octets(o, "all", 3);
}

static enum dar get_algorithm(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_enum(o, 1);
}

static enum dar get_digest(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct audit_row row = newest(meter_of(app));
    (void)at;
    bool is_shown = row.param != PARAMS && row.param < AUDIT_SECRET;
    return axdr_emit_octets(o, row.new_digest, is_shown ? sizeof row.new_digest : 0);
}

static enum dar get_values(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_struct(o, 0);
}

static const struct cosem_seq list_seq = { .open = list_open, .row = list_row };
const struct cosem_attr monitor_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_changed },   [COSEM_ATTR(3)] = { .get = get_time },
    [COSEM_ATTR(4)] = { .seq = &list_seq },     [COSEM_ATTR(5)] = { .get = get_name },
    [COSEM_ATTR(6)] = { .get = get_algorithm }, [COSEM_ATTR(7)] = { .get = get_digest },
    [COSEM_ATTR(8)] = { .get = get_values },
};
