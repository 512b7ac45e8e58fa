/* watcher.c - class 21: thresholds of a register, of an alarm descriptor, of a credit or of the
 * energy of a month, and a script for each way across them. */
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

static struct setting threshold(void *app, const struct cosem_at *at)
{
    return (struct setting){ param_of(at, MONITOR_THRESHOLD),
                             model_reg_tag((uint16_t)value_of(app, at, MONITOR_REG)) };
}

static enum dar get_thresholds(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_array(o, 1);
    return emit_setting(app, o, threshold(app, at));
}

static enum dar set_thresholds(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    return set_setting(app, at, in, threshold(app, at));
}

static enum dar get_monitored(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_monitored(o, (uint16_t)value_of(app, at, MONITOR_REG));
}

static enum dar set_monitored(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_monitored_by(meter_of(app), at->who, param_of(at, MONITOR_REG), in);
}

static enum dar get_actions(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_array(o, 1);
    return emit_scripts(o, &supply_scripts, value_of(app, at, MONITOR_UP),
                        value_of(app, at, MONITOR_DOWN));
}

static enum dar set_actions(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    return set_scripts_of(meter_of(app), at->who, &supply_scripts, param_of(at, MONITOR_UP),
                          in);
}

const struct cosem_attr watcher_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_thresholds, .set = set_thresholds },
    [COSEM_ATTR(3)] = { .get = get_monitored, .set = set_monitored },
    [COSEM_ATTR(4)] = { .get = get_actions, .set = set_actions },
};

/* -- an alarm descriptor, watched as a number: its scripts push ---------------------------- */

static const struct obis pushes = { 0, 0, 10, 0, 108, 255 };

static uint16_t alarm_param(const struct cosem_at *at, unsigned what)
{
    return (uint16_t)(PARAM_ALARM_MONITOR_1_THRESHOLD + (unsigned)at->k * ALARM_MONITOR_PARAMS +
                      what);
}

static enum dar get_alarm_threshold(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_array(o, 1);
    return axdr_emit_u32(
        o, (uint32_t)param_get(meter_of(app), alarm_param(at, ALARM_MONITOR_THRESHOLD)));
}

static enum dar set_alarm_threshold(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    return set_setting(app, at, in,
                       (struct setting){ alarm_param(at, ALARM_MONITOR_THRESHOLD), AXDR_U32 });
}

static enum dar get_descriptor(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_attribute(
        o, &(struct cosem_capture){ 1, { 0, 0, 97, 98, (uint8_t)(20 + at->k), 255 }, 2, 0 });
}

static enum dar get_pushes(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct meter *m = meter_of(app);
    axdr_emit_array(o, 1);
    return emit_scripts(o, &pushes, param_get(m, alarm_param(at, ALARM_MONITOR_UP)),
                        param_get(m, alarm_param(at, ALARM_MONITOR_DOWN)));
}

static enum dar set_pushes(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != 1) return DAR_OTHER;
    return set_scripts_of(meter_of(app), at->who, &pushes, alarm_param(at, ALARM_MONITOR_UP),
                          in);
}

const struct cosem_attr alarm_monitor_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_alarm_threshold, .set = set_alarm_threshold },
    [COSEM_ATTR(3)] = { .get = get_descriptor },
    [COSEM_ATTR(4)] = { .get = get_pushes, .set = set_pushes },
};

/* -- the steps of the tariff --------------------------------------------------------------- */

/* Watched as the energy of the month. No script is run: the scheme takes the step with every Wh
 * that is booked. How many steps there are changes with their prices (0-0:96.60.1). */

static unsigned boundaries(const struct meter *m)
{
    return m->expense.has ? m->expense.scheme.steps - 1u : 0;
}

static const struct axdr_field limit_field[] = {
    AXDR_FIELD(U32, struct price_step, limit_wh),
};
static const struct row_shape limit_shape = { limit_field, 1, sizeof(struct price_step),
                                              SCHEME_STEPS - 1 };

static enum dar get_boundaries(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct meter *m = meter_of(app);
    (void)at;
    return emit_rows(o, &limit_shape, m->expense.scheme.step, boundaries(m));
}

static enum dar set_boundaries(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    static const struct axdr_field number = { .kind = AXDR_K_U32 };
    static const struct row_shape numbers = { &number, 1, sizeof(uint32_t), SCHEME_STEPS - 1 };
    uint32_t limit_wh[SCHEME_STEPS];
    int n = read_rows(in, &numbers, limit_wh);
    return n < 0 ? n : expense_set_limits(meter_of(app), at->who, limit_wh, (unsigned)n);
}

static enum dar get_basis(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint16_t basis = wallet_basis(meter_of(app));
    (void)at;
    return emit_monitored(o, basis == REG_WH_ABS   ? REG_BILLING_WH_ABS
                             : basis == REG_WH_NET ? REG_BILLING_WH_NET
                                                   : REG_BILLING_WH_IMPORT);
}

static enum dar get_no_scripts(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const struct obis tariffs = { 0, 0, 10, 0, 100, 255 };
    unsigned n = boundaries(meter_of(app));
    (void)at;
    axdr_emit_array(o, n);
    for (unsigned i = 0; i < n; i++) emit_scripts(o, &tariffs, 0, 0);
    return DAR_OK;
}

const struct cosem_attr step_monitor_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_boundaries, .set = set_boundaries },
    [COSEM_ATTR(3)] = { .get = get_basis },
    [COSEM_ATTR(4)] = { .get = get_no_scripts },
};

/* -- the alarm levels of the first wallet -------------------------------------------------- */

/* Watched as its available credit. A level that is reached raises its alarm, and the monitor of
 * that pushes. */

static const struct axdr_field threshold_field[] = {
    AXDR_FIELD(I32, struct level_row, threshold),
};
static const struct row_shape threshold_shape = { threshold_field, 1, sizeof(struct level_row),
                                                  CREDIT_LEVELS };

static enum dar get_levels(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_rows(o, &threshold_shape, meter_of(app)->wallets.watchman.level, CREDIT_LEVELS);
}

static enum dar set_levels(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    struct level_row row[LEVEL_ROWS];
    memcpy(row, m->wallets.watchman.level, sizeof row);
    int n = read_rows(in, &threshold_shape, row);
    if (n < 0) return n;
    return n == CREDIT_LEVELS ? credit_set_levels(m, at->who, row) : DAR_OTHER;
}

static enum dar get_credit(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const struct cosem_capture available = { 111, { 0, 0, 19, 0, 0, 255 }, 5, 0 };
    (void)app, (void)at;
    return emit_attribute(o, &available);
}

static enum dar get_level_scripts(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    int32_t down = param_get(meter_of(app), PARAM_ALARM_MONITOR_3_UP);
    (void)at;
    axdr_emit_array(o, CREDIT_LEVELS);
    for (unsigned i = 0; i < CREDIT_LEVELS; i++) emit_scripts(o, &pushes, 0, down);
    return DAR_OK;
}

const struct cosem_attr level_monitor_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_levels, .set = set_levels },
    [COSEM_ATTR(3)] = { .get = get_credit },
    [COSEM_ATTR(4)] = { .get = get_level_scripts },
};
