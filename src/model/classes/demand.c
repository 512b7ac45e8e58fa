/* demand.c - class 5: the mean power of the period under way and of the last one. */
#include "base/err.h"
#include "model/classes.h"

/* Row bind.id is the running demand; the last one stands DEMANDS registers behind it. */
static uint16_t demand_of(const struct cosem_at *at)
{
    return at->row->bind.id;
}

static enum dar get_last(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct regs *r = at->frozen ? at->frozen : &meter_of(app)->now;
    return axdr_emit_int(o, at->row->bind.tag, reg_at(r, (uint16_t)(demand_of(at) + DEMANDS)));
}

static enum dar get_ended(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_moment(meter_of(app), o, (utc_t){ meter_of(app)->demand.ended_s });
}

static enum dar get_start(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_moment(meter_of(app), o, meter_of(app)->demand.start);
}

/* Period and number are the meter's: the same for every demand. */
static struct setting setting_of(const struct cosem_at *at)
{
    return at->id == 8 ? (struct setting){ PARAM_DEMAND_PERIOD_S, AXDR_U32 }
                       : (struct setting){ PARAM_DEMAND_PERIODS, AXDR_U16 };
}

static enum dar get_of_all(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_setting(app, o, setting_of(at));
}

static enum dar set_of_all(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_setting(app, at, in, setting_of(at));
}

const struct cosem_attr demand_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_reg_value },
    [COSEM_ATTR(3)] = { .get = get_last },
    [COSEM_ATTR(4)] = { .get = get_reg_unit },
    [COSEM_ATTR(5)] = { .get = get_null },
    [COSEM_ATTR(6)] = { .get = get_ended },
    [COSEM_ATTR(7)] = { .get = get_start },
    [COSEM_ATTR(8)] = { .get = get_of_all, .set = set_of_all },
    [COSEM_ATTR(9)] = { .get = get_of_all, .set = set_of_all },
};
