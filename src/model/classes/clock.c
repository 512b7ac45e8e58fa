/* clock.c - class 8 and the other faces of the clock. */
#include <string.h>

#include "base/err.h"
#include "base/bytes.h"
#include "model/classes.h"

/* -- moments ----------------------------------------------------------------------------------
 */
void moment_put(struct meter *m, utc_t u, uint8_t dt[12])
{
    clock_put_stamp(&m->clock, u, dt);
}

int emit_moment(struct meter *m, struct axdr_out *o, utc_t u)
{
    static const uint8_t never[12] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0x80, 0x00, 0xFF };
    uint8_t dt[12];
    moment_put(m, u, dt);
    return axdr_emit_octets(o, u.s ? dt : never, sizeof dt);
}

/* A deviation that is given says where the time was taken; without one it is our local time. */
int moment_get(struct meter *m, const uint8_t dt[12], utc_t *u)
{
    struct civil c = {
        .year = be_get16(dt),
        .month = dt[2],
        .day = dt[3],
        .hour = dt[5],
        .minute = dt[6],
        .second = dt[7] == 0xFF ? 0 : dt[7],
    };
    int16_t deviation = (int16_t)be_get16(dt + 9);
    if (!cal_is_valid(&c)) return E_RANGE;
    if (deviation == INT16_MIN) {
        *u = zone_utc(&m->clock.zone, cal_seconds(&c));
        return 0;
    }
    if (deviation < -720 || deviation > 840) return E_RANGE;
    u->s = cal_seconds(&c) + deviation * 60;
    return 0;
}

static utc_t now_of(void *app)
{
    return meter_utc(meter_of(app));
}

/* -- class 8 ----------------------------------------------------------------------------------
 */
static enum dar get_time(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_moment(meter_of(app), o, now_of(app));
}

static enum dar set_time(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    uint8_t dt[12];
    utc_t u;
    axdr_read_datetime(in, dt);
    if (in->bad) return DAR_TYPE;
    int err = moment_get(m, dt, &u);
    if (err) return err;
    bool within = at->who->assoc == ROLE_OPERATOR;
    return clock_order(m, at->who, CLOCK_SET, u.s, within);
}

static enum dar get_zone(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at; /* COSEM counts UTC minus local */
    return axdr_emit_i16(o, (int16_t)-param_get(meter_of(app), PARAM_ZONE_MIN));
}

static enum dar set_zone(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    int16_t v = axdr_read_i16(in);
    if (in->bad) return DAR_TYPE;
    return param_set(meter_of(app), at->who, PARAM_ZONE_MIN, -(int32_t)v);
}

static enum dar get_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_u8(o, clock_stamp(&meter_of(app)->clock, now_of(app)).status);
}

/* The rule of daylight saving is kept as it was written, so it reads back octet by octet. */
static uint16_t dst_param(const struct cosem_at *at)
{
    return at->id == 5 ? PARAM_DST_BEGIN : PARAM_DST_END;
}

static int dst_date(struct meter *m, uint16_t param, uint8_t dt[12])
{
    int n = param_read(m, param, dt, 12);
    if (n >= 0 && n != 12) memcpy(dt, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x80\x00\xFF", 12);
    return n;
}

static enum dar get_dst_date(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t dt[12];
    int n = dst_date(meter_of(app), dst_param(at), dt);
    if (n < 0) return n;
    return axdr_emit_octets(o, dt, sizeof dt);
}

/* What stands, if only by default, is not written again. */
static enum dar set_dst_date(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t dt[12], was[12];
    axdr_read_datetime(in, dt);
    if (in->bad) return DAR_TYPE;
    if (!axdr_is_datetime(dt)) return DAR_OTHER;
    int n = dst_date(meter_of(app), dst_param(at), was);
    if (n >= 0 && !memcmp(was, dt, sizeof dt)) return DAR_OK;
    return param_write(meter_of(app), at->who, dst_param(at), dt, sizeof dt);
}

/* Methods 1 to 4 differ only in the order they give. */
static enum dar call_adjust(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    static const enum clock_order order[] = {
        [1] = CLOCK_QUARTER, [2] = CLOCK_PERIOD, [3] = CLOCK_MINUTE, [4] = CLOCK_PRESET
    };
    (void)arg, (void)ret;
    return clock_order(meter_of(app), at->who, order[at->id], 0, false);
}

static enum dar call_preset(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    uint8_t dt[3][12];
    utc_t u[3];
    (void)ret;
    axdr_read_struct(arg, 3);
    for (unsigned i = 0; i < 3; i++) axdr_read_datetime(arg, dt[i]);
    if (arg->bad) return DAR_TYPE;
    for (unsigned i = 0; i < 3; i++)
        if (moment_get(m, dt[i], &u[i])) return DAR_OTHER;
    return clock_preset(m, at->who, u[0], u[1], u[2]);
}

static enum dar call_shift(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    int16_t s = axdr_read_i16(arg);
    (void)ret;
    if (arg->bad) return DAR_TYPE;
    bool within = at->who->assoc == ROLE_OPERATOR;
    return clock_order(meter_of(app), at->who, CLOCK_SHIFT, s, within);
}

const struct cosem_attr clock_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_time, .set = set_time },
    [COSEM_ATTR(3)] = { .get = get_zone, .set = set_zone },
    [COSEM_ATTR(4)] = { .get = get_status },
    [COSEM_ATTR(5)] = { .get = get_dst_date, .set = set_dst_date },
    [COSEM_ATTR(6)] = { .get = get_dst_date, .set = set_dst_date },
    [COSEM_ATTR(7)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(8)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(9)] = { .get = get_shown },
};
const struct cosem_method clock_method[] = {
    [COSEM_METHOD(1)] = { .call = call_adjust, .ret = &cosem_order },
    [COSEM_METHOD(2)] = { .call = call_adjust, .ret = &cosem_order },
    [COSEM_METHOD(3)] = { .call = call_adjust, .ret = &cosem_order },
    [COSEM_METHOD(4)] = { .call = call_adjust, .ret = &cosem_order },
    [COSEM_METHOD(5)] = { .call = call_preset },
    [COSEM_METHOD(6)] = { .call = call_shift },
};

/* -- the same clock as plain data -------------------------------------------------------------
 */
static enum dar get_unix(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_u32(o, (uint32_t)now_of(app).s);
}

static enum dar get_local_time(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t dt[12];
    (void)at;
    moment_put(meter_of(app), now_of(app), dt);
    return axdr_emit_octets(o, dt + 5, 4);
}

static enum dar get_local_date(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t dt[12];
    (void)at;
    moment_put(meter_of(app), now_of(app), dt);
    return axdr_emit_octets(o, dt, 5);
}

const struct cosem_attr unix_clock_attr[] = { [COSEM_ATTR(2)] = { .get = get_unix } };
const struct cosem_attr local_time_attr[] = { [COSEM_ATTR(2)] = { .get = get_local_time } };
const struct cosem_attr local_date_attr[] = { [COSEM_ATTR(2)] = { .get = get_local_date } };
