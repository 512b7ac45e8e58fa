/* watcher.c - class 21: a threshold of a register or of an alarm descriptor, and a script for
 * each way across it. */
#include "base/err.h"
#include "model/classes.h"

#include <string.h>

static uint16_t param_of(const struct cosem_at *at, unsigned what)
{
    return (uint16_t)(PARAM_MONITOR_1_REG + (unsigned)at->k * MONITOR_PARAMS + what);
}

static int32_t value_of(void *app, const struct cosem_at *at, unsigned what)
{
    return param_get(meter_of(app), param_of(at, what));
}

static uint8_t tag_of(void *app, const struct cosem_at *at)
{
    return model_reg_tag((uint16_t)value_of(app, at, MONITOR_REG));
}

static enum dar get_thresholds(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_head(o, AXDR_ARRAY, 1);
    axdr_emit_int(o, tag_of(app, at), value_of(app, at, MONITOR_THRESHOLD));
    return DAR_OK;
}

static enum dar set_thresholds(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    int64_t v = axdr_read_int(in, tag_of(app, at));
    if (!axdr_is_done(in)) return DAR_TYPE;
    if (v < 0 || v > INT32_MAX) return DAR_OTHER;
    return dar_of(
        param_set(meter_of(app), at->who, param_of(at, MONITOR_THRESHOLD), (int32_t)v));
}

static enum dar get_monitored(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    emit_monitored(o, (uint16_t)value_of(app, at, MONITOR_REG));
    return DAR_OK;
}

static enum dar set_monitored(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_monitored_by(meter_of(app), at->who, param_of(at, MONITOR_REG), in);
}

static enum dar get_actions(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_head(o, AXDR_ARRAY, 1);
    emit_supply_scripts(o, value_of(app, at, MONITOR_UP), value_of(app, at, MONITOR_DOWN));
    return DAR_OK;
}

static enum dar set_actions(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    return set_supply_scripts(meter_of(app), at->who, param_of(at, MONITOR_UP), in);
}

static const struct cosem_attr watcher_attr[] = {
    { .id = 2, .get = get_thresholds, .set = set_thresholds },
    { .id = 3, .get = get_monitored, .set = set_monitored },
    { .id = 4, .get = get_actions, .set = set_actions },
};
const struct cosem_class class_watcher = { .id = 21,
                                           .n_attr = COUNT(watcher_attr),
                                           .attr = watcher_attr };

/* -- an alarm descriptor, watched as a number: its scripts push
 * ----------------------------------------------------- */

static const struct obis pushes = { 0, 0, 10, 0, 108, 255 };

static uint16_t alarm_param(const struct cosem_at *at, unsigned what)
{
    return (uint16_t)(PARAM_ALARM_MONITOR_1_THRESHOLD + (unsigned)at->k * ALARM_MONITOR_PARAMS +
                      what);
}

static enum dar get_alarm_threshold(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_head(o, AXDR_ARRAY, 1);
    axdr_emit_u32(o,
                  (uint32_t)param_get(meter_of(app), alarm_param(at, ALARM_MONITOR_THRESHOLD)));
    return DAR_OK;
}

static enum dar set_alarm_threshold(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    int32_t v = (int32_t)axdr_read_u32(in);
    if (!axdr_is_done(in)) return DAR_TYPE;
    return dar_of(
        param_set(meter_of(app), at->who, alarm_param(at, ALARM_MONITOR_THRESHOLD), v));
}

static enum dar get_descriptor(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    axdr_emit_head(o, AXDR_STRUCTURE, 3);
    axdr_emit_u16(o, 1);
    axdr_emit_octets(o, (uint8_t[]){ 0, 0, 97, 98, (uint8_t)(20 + at->k), 255 }, 6);
    axdr_emit_i8(o, 2);
    return DAR_OK;
}

static enum dar get_pushes(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_head(o, AXDR_ARRAY, 1);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    for (unsigned i = ALARM_MONITOR_UP; i <= ALARM_MONITOR_DOWN; i++) {
        axdr_emit_head(o, AXDR_STRUCTURE, 2);
        axdr_emit_octets(o, &pushes, sizeof pushes);
        axdr_emit_u16(o, (uint16_t)param_get(meter_of(app), alarm_param(at, i)));
    }
    return DAR_OK;
}

static enum dar set_pushes(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct param_value v[2];
    bool good = true;
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    axdr_read_struct(in, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct obis ln = pushes;
        axdr_read_struct(in, 2);
        axdr_read_octets(in, &ln, sizeof ln);
        v[i] = (struct param_value){ alarm_param(at, ALARM_MONITOR_UP + i), axdr_read_u16(in) };
        good &= !memcmp(&ln, &pushes, sizeof ln);
    }
    if (!axdr_is_done(in)) return DAR_TYPE;
    return good ? dar_of(param_set_all(meter_of(app), at->who, v, 2)) : DAR_OTHER;
}

static const struct cosem_attr alarm_monitor_attr[] = {
    { .id = 2, .get = get_alarm_threshold, .set = set_alarm_threshold },
    { .id = 3, .get = get_descriptor },
    { .id = 4, .get = get_pushes, .set = set_pushes },
};
const struct cosem_class class_alarm_monitor = { .id = 21,
                                                 .n_attr = COUNT(alarm_monitor_attr),
                                                 .attr = alarm_monitor_attr };
