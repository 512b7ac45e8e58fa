/* made.c - values that are kept nowhere: worked out when somebody asks. */
#include "base/err.h"
#include "model/classes.h"

/* A value of the meter, by what a row names beside it. */
struct made {
    int64_t (*value)(struct meter *m, unsigned arg);
    uint8_t unit;
};

static int64_t billing_rows(struct meter *m, unsigned arg)
{
    struct billing_span s = billing_span(m, (enum billing)arg);
    return s.next - s.first;
}

static int64_t since(struct meter *m, int64_t s)
{
    int64_t now = meter_utc(m).s;
    return s && now > s ? now - s : 0;
}

static int64_t billing_age_s(struct meter *m, unsigned arg)
{
    (void)arg;
    return since(m, m->now.stamp[STAMP_BILLING]);
}

/* The newest row of the failure log: long ones alone stand there. */
static int64_t long_failure_s(struct meter *m, unsigned arg)
{
    struct event_row row;
    struct event_span s = event_span(m, LOG_POWER);
    (void)arg;
    if (s.first == s.next || event_read(m, LOG_POWER, s.next - 1, &row) < 0) return 0;
    return row.duration_s;
}

/* Covers: how long this one has been open. */
static int64_t cover_open_s(struct meter *m, unsigned arg)
{
    static const uint16_t level[TAMPERS] = {
        [TAMPER_METER_COVER] = INPUT_METER_COVER,
        [TAMPER_TERMINAL_COVER] = INPUT_TERMINAL_COVER,
        [TAMPER_MODULE_COVER] = INPUT_MODULE_COVER,
    };
    if (!(m->inputs.settled & level[arg])) return 0;
    return since(m, m->now.stamp[STAMP_TAMPER + arg]);
}

static const struct made made[] = {
    [MADE_BILLING_ROWS] = { billing_rows, UNIT_NONE },
    [MADE_BILLING_AGE] = { billing_age_s, UNIT_S },
    [MADE_LONG_FAILURE] = { long_failure_s, UNIT_S },
    [MADE_COVER_OPEN] = { cover_open_s, UNIT_S },
};

static const struct made *made_of(const struct cosem_at *at)
{
    return &made[at->row->bind.id];
}

static enum dar get_made(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    int64_t v = made_of(at)->value(meter_of(app), at->row->bind.arg);
    axdr_emit_int(o, at->row->bind.tag, v);
    return DAR_OK;
}

static enum dar get_made_unit(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    emit_unit(o, 0, made_of(at)->unit);
    return DAR_OK;
}

static const struct cosem_attr made_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_made },
};
static const struct cosem_attr made_register_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_made },
    { .id = 3, .get = get_made_unit },
};
const struct cosem_class class_made = { .id = 1, .n_attr = 2, .attr = made_attr };
const struct cosem_class class_made_register = { .id = 3,
                                                 .n_attr = 3,
                                                 .attr = made_register_attr };

/* -- levels of the inputs, in the order of 0-0:96.3.1
 * ------------------------------------------
 */
static enum dar get_inputs(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint16_t level[] = { INPUT_RESOURCE,    INPUT_ENCLOSURE,
                                      INPUT_MODULE,      INPUT_TERMINAL_COVER,
                                      INPUT_METER_COVER, INPUT_MODULE_COVER,
                                      INPUT_MAGNET };
    uint8_t bits = 0;
    (void)at;
    for (unsigned i = 0; i < COUNT(level); i++)
        if (meter_of(app)->inputs.settled & level[i]) bits |= (uint8_t)(0x80u >> i);
    axdr_emit_bits(o, &bits, 8);
    return DAR_OK;
}

static const struct cosem_attr inputs_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_inputs },
};
const struct cosem_class class_inputs = { .id = 1, .n_attr = 2, .attr = inputs_attr };

/* -- alarm and error words: what a client writes 0 into goes out, unless it still holds
 * --------
 */
typedef int (*clearer)(struct meter *m, const struct who *who, unsigned k, uint32_t value);

static enum dar set_word(void *app, const struct cosem_at *at, struct axdr_in *in, clearer f)
{
    uint32_t v = axdr_read_u32(in);
    if (!axdr_is_done(in)) return DAR_TYPE;
    return dar_of(f(meter_of(app), at->who, at->k, v));
}

static enum dar set_alarm(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_word(app, at, in, alarm_clear);
}

static enum dar set_error(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_word(app, at, in, alarm_clear_error);
}

static enum dar set_descriptor(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_word(app, at, in, alarm_clear_descriptor);
}

static enum dar get_descriptor(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_u32(o, meter_of(app)->alarms.descriptor[at->k]);
    return DAR_OK;
}

static const struct cosem_attr alarm_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_reg_value, .set = set_alarm },
};
static const struct cosem_attr error_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_reg_value, .set = set_error },
};
static const struct cosem_attr descriptor_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_descriptor, .set = set_descriptor },
};
const struct cosem_class class_alarm = { .id = 1, .n_attr = 2, .attr = alarm_attr };
const struct cosem_class class_error = { .id = 1, .n_attr = 2, .attr = error_attr };
const struct cosem_class class_descriptor = { .id = 1, .n_attr = 2, .attr = descriptor_attr };

/* -- the signal that says which source feeds the load
 * ------------------------------------------
 */
static const uint16_t resource_param[] = { PARAM_RESOURCE_MODE, PARAM_RESOURCE_POLARITY,
                                           PARAM_RESOURCE_DEBOUNCE_MS, PARAM_RESOURCE_TARIFF };
static const uint8_t resource_tag[] = { AXDR_ENUM, AXDR_BOOL, AXDR_U16, AXDR_U8 };

static enum dar get_resource(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    axdr_emit_head(o, AXDR_STRUCTURE, COUNT(resource_param));
    for (unsigned i = 0; i < COUNT(resource_param); i++)
        axdr_emit_int(o, resource_tag[i], param_get(meter_of(app), resource_param[i]));
    return DAR_OK;
}

static enum dar set_resource(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct param_value v[COUNT(resource_param)];
    axdr_read_struct(in, COUNT(resource_param));
    for (unsigned i = 0; i < COUNT(resource_param); i++)
        v[i] = (struct param_value){ resource_param[i],
                                     (int32_t)axdr_read_int(in, resource_tag[i]) };
    if (!axdr_is_done(in)) return DAR_TYPE;
    return dar_of(param_set_all(meter_of(app), at->who, v, COUNT(v)));
}

static const struct cosem_attr resource_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_resource, .set = set_resource },
};
const struct cosem_class class_resource = { .id = 1, .n_attr = 2, .attr = resource_attr };
