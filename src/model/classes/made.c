/* made.c - values that are kept nowhere: worked out when somebody asks. */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/event/output.h"
#include "model/classes.h"

/* A value of the meter, by what a row names beside it. */
struct made {
    int64_t (*value)(struct meter *m, unsigned arg);
    uint8_t unit;
    int8_t scaler;
};

static int64_t billing_rows(struct meter *m, unsigned arg)
{
    struct billing_span s = billing_span(m, (enum billing)arg);
    return s.next - s.first;
}

/* Of the newest row; 0 without one. */
static int64_t billing_status(struct meter *m, unsigned arg)
{
    struct billing_row row;
    struct billing_span s = billing_span(m, (enum billing)arg);
    if (s.first == s.next || billing_read(m, (enum billing)arg, s.next - 1, &row) < 0) return 0;
    return row.status;
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

/* Covers and magnet are inputs; the others are what was told begun and not ended. */
static bool is_tampered(const struct meter *m, unsigned which)
{
    static const uint16_t level[TAMPERS] = {
        [TAMPER_MAGNET] = INPUT_MAGNET,
        [TAMPER_METER_COVER] = INPUT_METER_COVER,
        [TAMPER_TERMINAL_COVER] = INPUT_TERMINAL_COVER,
        [TAMPER_MODULE_COVER] = INPUT_MODULE_COVER,
    };
    if (which == TAMPER_METROLOGY) return watch_is_tampered(m);
    if (which == TAMPER_BYPASS) return m->protect.bypassed;
    return (m->inputs.settled & level[which]) != 0;
}

/* How long this one has been there. */
static int64_t tamper_now_s(struct meter *m, unsigned arg)
{
    return is_tampered(m, arg) ? since(m, m->now.stamp[STAMP_TAMPER + arg]) : 0;
}

static int64_t battery_left_s(struct meter *m, unsigned arg)
{
    int64_t life_s = param_get(m, PARAM_BATTERY_DAYS) * INT64_C(86400);
    int64_t used_s = m->now.counter[CNT_BATTERY_S];
    (void)arg;
    return used_s < life_s ? life_s - used_s : 0;
}

static int64_t friendly(struct meter *m, unsigned arg)
{
    (void)arg;
    return credit_is_friendly(m);
}

/* These four of the wallet that pays now, or that the bill is in; exact, in its grains. */
static int64_t days_left(struct meter *m, unsigned arg)
{
    (void)arg;
    return credit_days_left(m, wallet_active(m));
}

static int64_t credit_used(struct meter *m, unsigned arg)
{
    unsigned w = wallet_active(m);
    return wallet_collected(m, w) - model_charged_at(m, w, (enum billing)arg, 1);
}

static int64_t debts(struct meter *m, unsigned arg)
{
    const struct debt *d = m->wallets.wallet[wallet_active(m)].debt;
    (void)arg;
    return d[DEBT_DAY].remaining + d[DEBT_SHARE].remaining;
}

/* 1e-6 of the currency, of all wallets of money; Wh where there is none. */
static int64_t due(struct meter *m, unsigned arg)
{
    int64_t nano = 0;
    (void)arg;
    if (expense_wallet(m) < 0) return wallet_due(m, wallet_active(m));
    for (unsigned w = 0; w < WALLETS; w++)
        if (wallet_is_used(m, w) && wallet_is_money(m, w)) nano += wallet_due(m, w);
    return nano / 1000 - (nano % 1000 < 0);
}

static int64_t battery_percent(struct meter *m, unsigned arg)
{
    return battery_left_s(m, arg) * 100 / (param_get(m, PARAM_BATTERY_DAYS) * INT64_C(86400));
}

static int64_t most(int64_t v)
{
    return v < UINT16_MAX ? v : UINT16_MAX;
}

static int64_t last_duration_s(struct meter *m, unsigned arg)
{
    return most(m->watch.last[arg].duration_s);
}

static int64_t last_dv(struct meter *m, unsigned arg)
{
    return most(m->watch.last[arg].extreme / 100);
}

static int64_t last_ca(struct meter *m, unsigned arg)
{
    return most(m->watch.last[arg].extreme / 10);
}

static const struct made made[] = {
    [MADE_FRIENDLY] = { friendly, UNIT_NONE, 0 },
    [MADE_DAYS_LEFT] = { days_left, UNIT_NONE, 0 },
    [MADE_CREDIT_USED] = { credit_used, UNIT_NONE, 0 },
    [MADE_DEBT] = { debts, UNIT_NONE, 0 },
    [MADE_DUE] = { due, UNIT_NONE, 0 },
    [MADE_LAST_DURATION] = { last_duration_s, UNIT_S, 0 },
    [MADE_LAST_MAGNITUDE_V] = { last_dv, UNIT_V, -1 },
    [MADE_LAST_MAGNITUDE_A] = { last_ca, UNIT_A, -2 },
    [MADE_BATTERY_PERCENT] = { battery_percent, UNIT_PERCENT, 0 },
    [MADE_BATTERY_LEFT] = { battery_left_s, UNIT_S, 0 },
    [MADE_BILLING_ROWS] = { billing_rows, UNIT_NONE, 0 },
    [MADE_BILLING_AGE] = { billing_age_s, UNIT_S, 0 },
    [MADE_BILLING_STATUS] = { billing_status, UNIT_NONE, 0 },
    [MADE_LONG_FAILURE] = { long_failure_s, UNIT_S, 0 },
    [MADE_TAMPER_NOW] = { tamper_now_s, UNIT_S, 0 },
};

static const struct made *made_of(const struct cosem_at *at)
{
    return &made[at->row->bind.id];
}

static enum dar get_made(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    int64_t v = made_of(at)->value(meter_of(app), at->row->bind.arg);
    return axdr_emit_int(o, at->row->bind.tag, v);
}

static enum dar get_made_unit(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_unit(o, made_of(at)->scaler, made_of(at)->unit);
}

const struct cosem_attr made_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_made },
};
const struct cosem_attr made_register_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_made },
    [COSEM_ATTR(3)] = { .get = get_made_unit },
};

/* -- levels of the inputs, in the order of 0-0:96.3.1 -------------------------------------- */
static enum dar get_inputs(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint16_t level[] = { INPUT_RESOURCE,    INPUT_ENCLOSURE,
                                      INPUT_MODULE,      INPUT_TERMINAL_COVER,
                                      INPUT_METER_COVER, INPUT_MODULE_COVER,
                                      INPUT_MAGNET };
    uint32_t flags = 0;
    (void)at;
    for (unsigned i = 0; i < COUNT(level); i++)
        if (meter_of(app)->inputs.settled & level[i]) flags |= UINT32_C(1) << i;
    return emit_flags(o, flags, 8);
}

const struct cosem_attr inputs_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_inputs },
};

/* -- levels of the outputs: pulses, the relay as ordered and as it is, lamp, buzzer -------- */

static enum dar get_output_state(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct meter *m = meter_of(app);
    const bool on[] = { param_get(m, PARAM_PULSE_FUNCTION) != 0, m->supply.state.closed,
                        supply_is_on(m), m->lamp[LAMP_ALARM] != 0, m->lamp[LAMP_BUZZER] != 0 };
    uint32_t flags = 0;
    (void)at;
    for (unsigned i = 0; i < COUNT(on); i++) flags |= (uint32_t)on[i] << i;
    return emit_flags(o, flags, 8);
}

const struct cosem_attr output_state_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_output_state },
};

/* -- status words: the conditions of alarm register k that hold now, told or not ----------- */

static enum dar get_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_flags(o, meter_of(app)->alarms.held[at->row->bind.id], 32);
}

const struct cosem_attr status_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_status },
};

/* -- when the battery is to be changed: its life, from the day it was put in --------------- */

static int64_t installed_s(const struct meter *m)
{
    return m->now.stamp[STAMP_BATTERY];
}

static enum dar get_battery_date(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    int64_t life_s = param_get(m, PARAM_BATTERY_DAYS) * INT64_C(86400);
    (void)at;
    return emit_moment(m, o, (utc_t){ installed_s(m) ? installed_s(m) + life_s : 0 });
}

static enum dar set_battery_date(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    uint8_t dt[12];
    utc_t u;
    axdr_read_datetime(in, dt);
    if (in->bad) return DAR_TYPE;
    if (!installed_s(m)) return be_get16(dt) == 0xFFFF ? DAR_OK : DAR_OTHER;
    if (moment_get(m, dt, &u) || u.s <= installed_s(m)) return DAR_OTHER;
    int64_t days = (u.s - installed_s(m)) / 86400;
    return days > INT32_MAX ? DAR_OTHER
                            : param_set(m, at->who, PARAM_BATTERY_DAYS, (int32_t)days);
}

const struct cosem_attr battery_date_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_battery_date, .set = set_battery_date },
};

/* -- alarm and error words: what a client writes 0 into goes out, unless it still holds
 * --------
 */
typedef int (*clearer)(struct meter *m, const struct who *who, unsigned k, uint32_t value);

static enum dar set_word(void *app, const struct cosem_at *at, struct axdr_in *in, clearer f)
{
    uint32_t v = axdr_read_u32(in);
    if (in->bad) return DAR_TYPE;
    return f(meter_of(app), at->who, at->k, v);
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
    return axdr_emit_u32(o, meter_of(app)->alarms.descriptor[at->k]);
}

const struct cosem_attr alarm_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_reg_value, .set = set_alarm },
};
const struct cosem_attr error_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_reg_value, .set = set_error },
};
const struct cosem_attr descriptor_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_descriptor, .set = set_descriptor },
};

/* -- parameters that are shown as one structure, and written as one ------------------------ */
static unsigned width_of(const struct cosem_at *at)
{
    return at->row->n & 15u;
}

static unsigned objects_of(const struct cosem_at *at)
{
    return at->row->n >> 4;
}

static unsigned count_of(const struct cosem_at *at)
{
    return width_of(at) * (objects_of(at) ? objects_of(at) : 1);
}

static struct setting setting_of(const struct cosem_at *at, unsigned k)
{
    const struct setting_row *r = at->row->bind.ext;
    r += k % width_of(at);
    return (struct setting){ (uint16_t)(r->id + k / width_of(at)), r->tag };
}

static enum dar get_settings(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    if (objects_of(at)) axdr_emit_array(o, objects_of(at));
    for (unsigned k = 0; k < count_of(at); k++) {
        if (k % width_of(at) == 0) axdr_emit_struct(o, width_of(at));
        emit_setting(app, o, setting_of(at, k));
    }
    return DAR_OK;
}

static enum dar set_settings(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct param_value v[SETTINGS_MAX];
    bool good = !objects_of(at) || axdr_read_head(in, AXDR_ARRAY) == objects_of(at);
    if (!good && !in->bad) return DAR_OTHER;
    for (unsigned k = 0; k < count_of(at); k++) {
        struct setting s = setting_of(at, k);
        if (k % width_of(at) == 0) axdr_read_struct(in, width_of(at));
        int64_t n = read_setting(app, in, s);
        good &= n <= (s.tag == AXDR_DATETIME ? UINT32_MAX : INT32_MAX);
        v[k] = (struct param_value){ s.id, (int32_t)(uint32_t)n };
    }
    if (in->bad) return DAR_TYPE;
    if (!good) return DAR_OTHER;
    return param_set_all(meter_of(app), at->who, v, count_of(at));
}

const struct cosem_attr settings_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_settings, .set = set_settings },
};

/* -- what alarms light and sound ----------------------------------------------------------- */
static const struct axdr_field output_field[] = {
    AXDR_NESTED(8),
    AXDR_FIELD(U8, struct output_row, alarm),
    AXDR_FIELD(U8, struct output_row, bit),
    AXDR_FIELD(U8, struct output_row, led),
    AXDR_FIELD(U8, struct output_row, buzzer),
    AXDR_FIELD(U8, struct output_row, ciu_led),
    AXDR_FIELD(U8, struct output_row, ciu_buzzer),
    AXDR_FIELD(U8, struct output_row, text),
    AXDR_FIELD(U8, struct output_row, repeat_s),
};

static const struct row_shape output_shape = { output_field, COUNT(output_field),
                                               sizeof(struct output_row), OUTPUT_ROWS };

static enum dar get_outputs(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct output_row row[OUTPUT_ROWS];
    unsigned n = output_rows(meter_of(app), row);
    (void)at;
    return emit_rows(o, &output_shape, row, n);
}

static enum dar set_outputs(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct output_row row[OUTPUT_ROWS], was[OUTPUT_ROWS];
    int n = read_rows(in, &output_shape, row);
    if (n < 0) return n;
    bool stands = n == (int)output_rows(meter_of(app), was) &&
                  !memcmp(row, was, (size_t)n * sizeof row[0]);
    return stands ? DAR_OK : output_set_rows(meter_of(app), at->who, row, (unsigned)n);
}

const struct cosem_attr outputs_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_outputs, .set = set_outputs },
};
