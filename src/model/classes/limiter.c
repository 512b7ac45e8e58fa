/* limiter.c - class 71: a limit of a register, and which script passing it runs. */
#include "base/err.h"
#include "model/classes.h"

#include <string.h>

#include "base/bytes.h"

static unsigned index_of(const struct cosem_at *at)
{
    return (unsigned)at->row->bind.id + at->k;
}

static uint16_t param_of(const struct cosem_at *at, unsigned what)
{
    return (uint16_t)(PARAM_LIMIT_1_REG + index_of(at) * LIMIT_PARAMS + what);
}

static int32_t value_of(void *app, const struct cosem_at *at, unsigned what)
{
    return param_get(meter_of(app), param_of(at, what));
}

static uint8_t tag_of(void *app, const struct cosem_at *at)
{
    return model_reg_tag((uint16_t)value_of(app, at, LIMIT_REG));
}

/* -- what is looked at --------------------------------------------------------------------- */

int emit_monitored(struct axdr_out *o, uint16_t reg)
{
    static const struct profile_view none = { .which = 0 };
    struct cosem_capture c = model_capture_of(reg, &none);
    return emit_attribute(o, &c);
}

enum dar set_monitored_by(struct meter *m, const struct who *who, uint16_t param,
                          struct axdr_in *in)
{
    struct cosem_capture c = { .index = 0 };
    axdr_read_struct(in, 3);
    c.class_id = axdr_read_u16(in);
    axdr_read_octets(in, &c.ln, 6);
    c.attr = axdr_read_i8(in);
    if (in->bad) return DAR_TYPE;
    int reg = model_column_of(&c);
    if (reg < 0 || reg >= REG_COUNT) return DAR_OTHER;
    return param_set(m, who, param, reg);
}

static enum dar get_monitored(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_monitored(o, (uint16_t)value_of(app, at, LIMIT_REG));
}

static enum dar set_monitored(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_monitored_by(meter_of(app), at->who, param_of(at, LIMIT_REG), in);
}

/* -- thresholds, of the type of what is looked at ------------------------------------------ */

static enum dar get_active(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_int(o, tag_of(app, at), limiter_threshold(meter_of(app), index_of(at)));
}

static struct setting threshold(void *app, const struct cosem_at *at)
{
    return (struct setting){ param_of(at, at->id == 4 ? LIMIT_NORMAL : LIMIT_EMERGENCY),
                             tag_of(app, at) };
}

static enum dar get_threshold(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_setting(app, o, threshold(app, at));
}

static enum dar set_threshold(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_setting(app, at, in, threshold(app, at));
}

/* -- emergency ----------------------------------------------------------------------------- */

static const struct axdr_field profile_field[] = {
    AXDR_NESTED(3),
    AXDR_FIELD(U16, struct emergency, id),
    AXDR_FIELD(OCTETS, struct emergency, time),
    AXDR_FIELD(U32, struct emergency, duration_s),
};

static enum dar get_profile(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct emergency e;
    limiter_emergency(meter_of(app), index_of(at), &e);
    return axdr_emit_fields(o, profile_field, COUNT(profile_field), &e);
}

/* A time that is not specified names nothing: the profile is never in force. */
static enum dar set_profile(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    static const uint8_t open[5] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    struct emergency e = { .from = { 0 } };
    (void)axdr_read_fields(in, profile_field, COUNT(profile_field), &e);
    if (in->bad) return DAR_TYPE;
    bool none = !memcmp(e.time, open, sizeof open);
    if (!none && moment_get(meter_of(app), e.time, &e.from)) return DAR_OTHER;
    return limiter_set_emergency(meter_of(app), at->who, index_of(at), &e);
}

static uint16_t groups_of(const struct cosem_at *at)
{
    return (uint16_t)(PARAM_LIMIT_1_GROUPS + index_of(at));
}

static enum dar get_groups(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t ids[LIMIT_GROUPS * 2];
    int n = param_read(meter_of(app), groups_of(at), ids, sizeof ids);
    if (n < 0) return n;
    axdr_emit_array(o, (uint32_t)n / 2);
    for (int i = 0; i + 1 < n; i += 2) axdr_emit_u16(o, le_get16(ids + i));
    return DAR_OK;
}

static enum dar set_groups(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t ids[LIMIT_GROUPS * 2];
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (in->bad) return DAR_TYPE;
    if (n > LIMIT_GROUPS) return DAR_OTHER;
    for (uint32_t i = 0; i < n; i++) le_put16(ids + 2 * i, axdr_read_u16(in));
    if (in->bad) return DAR_TYPE;
    return param_write(meter_of(app), at->who, groups_of(at), ids, n * 2);
}

static enum dar get_is_active(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_bool(o, limiter_is_emergency(meter_of(app), index_of(at)));
}

/* -- actions ------------------------------------------------------------------------------- */

int emit_scripts(struct axdr_out *o, const struct obis *table, int32_t up, int32_t down)
{
    axdr_emit_struct(o, 2);
    emit_script(o, table, (unsigned)up);
    return emit_script(o, table, (unsigned)down);
}

/* A script of another table is out of range; of none at all any may be named with the relay's. */
enum dar set_scripts_of(struct meter *m, const struct who *who, const struct obis *table,
                        uint16_t up, struct axdr_in *in)
{
    struct param_value v[2];
    bool good = true;
    axdr_read_struct(in, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct obis ln = *table;
        axdr_read_struct(in, 2);
        axdr_read_octets(in, &ln, sizeof ln);
        v[i] = (struct param_value){ (uint16_t)(up + i), axdr_read_u16(in) };
        bool none = v[i].value == 0 && table == &supply_scripts;
        good &= none || !memcmp(&ln, table, sizeof ln);
    }
    if (in->bad) return DAR_TYPE;
    return good ? param_set_all(m, who, v, 2) : DAR_OTHER;
}

static enum dar get_scripts(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_scripts(o, &supply_scripts, value_of(app, at, LIMIT_UP),
                        value_of(app, at, LIMIT_DOWN));
}

static enum dar set_scripts(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_scripts_of(meter_of(app), at->who, &supply_scripts, param_of(at, LIMIT_UP), in);
}

const struct cosem_attr limiter_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_monitored, .set = set_monitored },
    [COSEM_ATTR(3)] = { .get = get_active },
    [COSEM_ATTR(4)] = { .get = get_threshold, .set = set_threshold },
    [COSEM_ATTR(5)] = { .get = get_threshold, .set = set_threshold },
    [COSEM_ATTR(6)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(7)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(8)] = { .get = get_profile, .set = set_profile },
    [COSEM_ATTR(9)] = { .get = get_groups, .set = set_groups },
    [COSEM_ATTR(10)] = { .get = get_is_active },
    [COSEM_ATTR(11)] = { .get = get_scripts, .set = set_scripts },
};
