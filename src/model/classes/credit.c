/* credit.c - what a utility sets for the end of credit: objects 0-0:96.61.0, .3 and .6, class 1.
 */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

/* -- alarm levels, three of each wallet ---------------------------------------------------- */

static const struct axdr_field level_field[] = {
    AXDR_NESTED(5),
    AXDR_FIELD(I32, struct level_row, threshold),
    AXDR_FIELD(U8, struct level_row, buzzer),
    AXDR_FIELD(U8, struct level_row, led),
    AXDR_FIELD(U16, struct level_row, repeat_s),
    AXDR_FIELD(BOOL, struct level_row, blip),
};

static const struct level_row *levels_of(void *app)
{
    return meter_of(app)->wallets.watchman.level;
}

static enum dar get_levels(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    axdr_emit_array(o, LEVEL_ROWS);
    for (unsigned i = 0; i < LEVEL_ROWS; i++)
        axdr_emit_fields(o, level_field, COUNT(level_field), &levels_of(app)[i]);
    return DAR_OK;
}

static enum dar set_levels(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct level_row row[LEVEL_ROWS];
    memset(row, 0, sizeof row);
    if (axdr_read_head(in, AXDR_ARRAY) != LEVEL_ROWS) return in->bad ? DAR_TYPE : DAR_OTHER;
    for (unsigned i = 0; i < LEVEL_ROWS; i++)
        if (axdr_read_fields(in, level_field, COUNT(level_field), &row[i])) return DAR_TYPE;
    if (in->bad) return DAR_TYPE;
    return credit_set_levels(meter_of(app), at->who, row);
}

/* -- the payment mode by date -------------------------------------------------------------- */

/* {mode, date-time, wallets go on as they were, the bill becomes a debt} */

static enum dar get_mode(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    (void)at;
    axdr_emit_struct(o, 4);
    axdr_emit_enum(o, (uint8_t)param_get(m, PARAM_MODE_NEXT));
    emit_moment(m, o, (utc_t){ (uint32_t)param_get(m, PARAM_MODE_AT_S) });
    axdr_emit_bool(o, param_get(m, PARAM_MODE_CARRY) != 0);
    return axdr_emit_bool(o, param_get(m, PARAM_MODE_DEBT) != 0);
}

/* A date without a year: never. What is past comes at once. */
static enum dar set_mode(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    uint8_t dt[12];
    utc_t u = { 0 };
    axdr_read_struct(in, 4);
    int32_t mode = axdr_read_enum(in);
    axdr_read_octets(in, dt, sizeof dt);
    int32_t carry = axdr_read_bool(in), debt = axdr_read_bool(in);
    if (in->bad) return DAR_TYPE;
    bool dated = dt[0] != 0xFF || dt[1] != 0xFF;
    if (dated && (!axdr_is_datetime(dt) || moment_get(m, dt, &u))) return DAR_OTHER;
    if (dated && (u.s < 1 || u.s > UINT32_MAX)) return DAR_OTHER;
    const struct param_value v[] = { { PARAM_MODE_NEXT, mode },
                                     { PARAM_MODE_AT_S, (int32_t)(uint32_t)u.s },
                                     { PARAM_MODE_CARRY, carry },
                                     { PARAM_MODE_DEBT, debt } };
    return param_set_all(m, at->who, v, COUNT(v));
}

/* -- emergency credit: {amount, offered at, by itself, uses a month} of each wallet -------- */

enum { EMERGENCY_PARAMS = 4 };
static const uint16_t emergency_param[EMERGENCY_PARAMS] = {
    PARAM_EMERGENCY_1, PARAM_EMERGENCY_1_BELOW, PARAM_EMERGENCY_1_AUTO, PARAM_EMERGENCY_1_USES
};
static const uint8_t emergency_tag[EMERGENCY_PARAMS] = { AXDR_I32, AXDR_I32, AXDR_BOOL,
                                                         AXDR_U8 };

static enum dar get_emergency(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    axdr_emit_array(o, WALLETS);
    for (unsigned w = 0; w < WALLETS; w++) {
        axdr_emit_struct(o, EMERGENCY_PARAMS);
        for (unsigned i = 0; i < EMERGENCY_PARAMS; i++)
            axdr_emit_int(o, emergency_tag[i],
                          param_get(meter_of(app), (uint16_t)(emergency_param[i] + w)));
    }
    return DAR_OK;
}

static enum dar set_emergency(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct param_value v[WALLETS * EMERGENCY_PARAMS], *x = v;
    if (axdr_read_head(in, AXDR_ARRAY) != WALLETS) return in->bad ? DAR_TYPE : DAR_OTHER;
    for (unsigned w = 0; w < WALLETS; w++) {
        axdr_read_struct(in, EMERGENCY_PARAMS);
        for (unsigned i = 0; i < EMERGENCY_PARAMS; i++)
            *x++ = (struct param_value){ (uint16_t)(emergency_param[i] + w),
                                         (int32_t)axdr_read_int(in, emergency_tag[i]) };
    }
    if (in->bad) return DAR_TYPE;
    return param_set_all(meter_of(app), at->who, v, COUNT(v));
}

#define DATA(name)                                                                             \
    const struct cosem_attr name##_attr[] = {                                                  \
        [COSEM_ATTR(2)] = { .get = get_##name, .set = set_##name },                            \
    }
DATA(levels);
DATA(mode);
DATA(emergency);
