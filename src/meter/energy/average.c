#include "meter/energy/average.h"

#include "base/bytes.h"
#include "meter/meter.h"

static const uint8_t source[MEANS] = { VAL_U_MV, VAL_I_MA, VAL_IN_MA, VAL_PF_MILLI, VAL_F_MHZ };

/* An interval without a window shows no extremes: the least starts above, the greatest below.
 */
void average_begin(const struct average *a, struct interval *i)
{
    for (unsigned k = 0; k < MEANS; k++) i->sum[k] = a->sum[k];
    i->us = a->us;
    i->u_min_mv = INT32_MAX;
    i->u_max_mv = i->i_max_ma = 0;
}

static void extremes(struct interval *i, const struct regs *r)
{
    int32_t u = r->quantity[VAL_U_MV], a = r->quantity[VAL_I_MA];
    if (u < i->u_min_mv) i->u_min_mv = u;
    if (u > i->u_max_mv) i->u_max_mv = u;
    if (a > i->i_max_ma) i->i_max_ma = a;
}

void average_add(struct meter *m, uint64_t us)
{
    struct average *a = &m->average;
    for (unsigned k = 0; k < MEANS; k++) a->sum[k] += (uint64_t)m->now.quantity[source[k]] * us;
    a->us += us;
    for (unsigned k = 0; k < CFG_SURVEYS; k++) extremes(&m->survey[k].interval, &m->now);
}

static int32_t mean(uint64_t sum, uint64_t us)
{
    int64_t v = (int64_t)sum, n = (int64_t)us;
    return (int32_t)((v < 0 ? v - n / 2 : v + n / 2) / n);
}

void average_read(const struct average *a, const struct interval *i, struct regs *r)
{
    uint64_t us = a->us - i->us;
    for (unsigned k = 0; k < MEANS; k++)
        r->quantity[VAL_U_AVG_MV + k] = us ? mean(a->sum[k] - i->sum[k], us) : 0;
    r->quantity[VAL_U_MIN_MV] = i->u_min_mv == INT32_MAX ? 0 : i->u_min_mv;
    r->quantity[VAL_U_MAX_MV] = i->u_max_mv;
    r->quantity[VAL_I_MAX_MA] = i->i_max_ma;
}

/* -- what the last gasp keeps: {milliseconds 4, five sums / 1000 6 each, three extremes 4}
 * ------- */

static void put48(uint8_t *p, int64_t v)
{
    le_put32(p, (uint32_t)(uint64_t)v);
    le_put16(p + 4, (uint16_t)((uint64_t)v >> 32));
}

static int64_t get48(const uint8_t *p)
{
    int64_t v = (int64_t)(le_get32(p) | (uint64_t)le_get16(p + 4) << 32);
    return v >> 47 ? v - (INT64_C(1) << 48) : v;
}

void average_save(const struct average *a, const struct interval *i, uint8_t body[AVERAGE_BODY])
{
    le_put32(body, (uint32_t)((a->us - i->us) / 1000));
    for (unsigned k = 0; k < MEANS; k++)
        put48(body + 4 + k * 6, (int64_t)(a->sum[k] - i->sum[k]) / 1000);
    uint8_t *p = body + 4 + MEANS * 6;
    le_put32(p, (uint32_t)i->u_min_mv);
    le_put32(p + 4, (uint32_t)i->u_max_mv);
    le_put32(p + 8, (uint32_t)i->i_max_ma);
}

void average_load(const struct average *a, struct interval *i, const uint8_t body[AVERAGE_BODY])
{
    i->us = a->us - le_get32(body) * UINT64_C(1000);
    for (unsigned k = 0; k < MEANS; k++)
        i->sum[k] = a->sum[k] - (uint64_t)(get48(body + 4 + k * 6) * 1000);
    const uint8_t *p = body + 4 + MEANS * 6;
    i->u_min_mv = (int32_t)le_get32(p);
    i->u_max_mv = (int32_t)le_get32(p + 4);
    i->i_max_ma = (int32_t)le_get32(p + 8);
}
