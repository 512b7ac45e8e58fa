#include "meter/energy/average.h"

#include "base/bytes.h"
#include "meter/meter.h"

static const uint8_t source[MEANS] = { VAL_U_MV, VAL_I_MA, VAL_IN_MA, VAL_PF_MILLI, VAL_F_MHZ };

/* An interval without a window shows no extremes: the least starts above, the greatest below. */
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
    for (unsigned k = 0; k < MEANS; k++)
        a->sum[k] += (uint64_t)m->regs.quantity[source[k]] * us;
    a->us += us;
    for (unsigned k = 0; k < CFG_SURVEYS; k++) extremes(&m->survey[k].interval, &m->regs);
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

/* -- the record: kept by the last gasp and in checkpoints -------------------------------------- */

/* {survey 1, microseconds 8, five sums 8, three extremes 4}, sums since the interval began. */
int average_put(const struct meter *m, unsigned k, uint8_t *body)
{
    const struct interval *i = &m->survey[k].interval;
    body[0] = (uint8_t)k;
    le_put64(body + 1, m->average.us - i->us);
    for (unsigned n = 0; n < MEANS; n++)
        le_put64(body + 9 + n * 8, m->average.sum[n] - i->sum[n]);
    uint8_t *p = body + 9 + MEANS * 8;
    le_put32(p, (uint32_t)i->u_min_mv);
    le_put32(p + 4, (uint32_t)i->u_max_mv);
    le_put32(p + 8, (uint32_t)i->i_max_ma);
    return AVERAGE_BODY;
}

void average_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != AVERAGE_BODY || body[0] >= CFG_SURVEYS) return;
    struct interval *i = &m->survey[body[0]].interval;
    i->us = m->average.us - le_get64(body + 1);
    for (unsigned k = 0; k < MEANS; k++)
        i->sum[k] = m->average.sum[k] - le_get64(body + 9 + k * 8);
    const uint8_t *p = body + 9 + MEANS * 8;
    i->u_min_mv = (int32_t)le_get32(p);
    i->u_max_mv = (int32_t)le_get32(p + 4);
    i->i_max_ma = (int32_t)le_get32(p + 8);
}
