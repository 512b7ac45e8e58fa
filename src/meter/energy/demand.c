#include "meter/energy/demand.h"

#include <string.h>

#include "base/bytes.h"
#include "base/fixed.h"
#include "meter/hot.h"
#include "meter/meter.h"

/* A reading: quantity and direction. */
static const uint8_t reading[READINGS][2] = { { CELL_WH, FORWARD },
                                              { CELL_WH, BACKWARD },
                                              { CELL_VARH, FORWARD },
                                              { CELL_VARH, BACKWARD },
                                              { CELL_VAH, FORWARD } };
/* Which readings a demand adds, a bit each: order of enum demand. */
static const uint8_t adds[DEMANDS] = { 1, 2, 1 | 2, 4, 8, 16 };

static void read_now(const struct meter *m, uint64_t nj[READINGS])
{
    for (unsigned i = 0; i < READINGS; i++)
        nj[i] = energy_nj(&m->energy, &m->now, reading[i][0], reading[i][1]);
}

static uint32_t period_s(const struct meter *m)
{
    return (uint32_t)param_get(m, PARAM_DEMAND_PERIOD_S);
}

static unsigned periods(const struct meter *m)
{
    return (unsigned)param_get(m, PARAM_DEMAND_PERIODS);
}

/* Whole W, var or VA, cut off: a demand is never more than was measured. 1 W s = 1e9 nJ. */
static uint32_t mean(const uint64_t from[READINGS], const uint64_t to[READINGS], unsigned which,
                     uint64_t s)
{
    uint64_t nj = 0;
    for (unsigned i = 0; i < READINGS; i++)
        if (which >> i & 1) nj += to[i] - from[i];
    return (uint32_t)(nj / (s * UINT64_C(1000000000)));
}

static const uint64_t *back(const struct demand *d, unsigned n)
{
    return d->ring_nj[(d->at + RING - n) % RING];
}

void demand_refresh(struct meter *m)
{
    uint64_t now[READINGS];
    unsigned n = periods(m);
    uint64_t s = (uint64_t)period_s(m) * n;
    read_now(m, now);
    for (unsigned i = 0; i < DEMANDS; i++)
        m->now.quantity[VAL_DEMAND_NOW + i] =
            (int32_t)mean(back(&m->demand, n - 1), now, adds[i], s);
}

/* -- the end of a period ------------------------------------------------------------------- */

static void rise(struct maximum *x, uint32_t value, utc_t u)
{
    if (value <= x->value) return;
    x->value = value;
    x->utc_s = (uint32_t)u.s;
}

/* From RAM alone: what a record or a checkpoint brought back gives the same last demands. */
static void derive_last(struct meter *m)
{
    unsigned n = periods(m);
    uint64_t s = (uint64_t)period_s(m) * n;
    for (unsigned i = 0; i < DEMANDS; i++)
        m->now.quantity[VAL_DEMAND_LAST + i] =
            (int32_t)mean(back(&m->demand, n), back(&m->demand, 0), adds[i], s);
}

static void close_period(struct meter *m, utc_t u)
{
    struct demand *d = &m->demand;
    unsigned member = (unsigned)m->now.quantity[VAL_DEMAND_TARIFF];
    d->at = (uint8_t)((d->at + 1) % RING);
    d->start = u;
    d->ended_s = (uint32_t)u.s;
    d->fresh = false;
    read_now(m, d->ring_nj[d->at]);
    derive_last(m);
    for (unsigned i = 0; i < DEMANDS; i++) {
        uint32_t last = (uint32_t)m->now.quantity[VAL_DEMAND_LAST + i];
        rise(&m->now.maximum[i][0], last, u);
        rise(&m->now.maximum[i][member], last, u);
    }
}

static void next_end(struct meter *m)
{
    utc_t from = m->demand.start.s > m->utc.s ? m->demand.start : m->utc;
    timer_set_utc(m, TIMER_DEMAND, zone_next_grid(&m->clock.zone, from, period_s(m)));
}

static void keep(struct meter *m)
{
    energy_record(m);
    hot_put(m, HOT_DEMAND, 0);
}

void demand_end(struct meter *m, utc_t u)
{
    close_period(m, u);
    keep(m);
    next_end(m);
    expense_refresh(m);
}

/* All slots hold now: no demand reaches back before it. */
static void forget(struct meter *m)
{
    struct demand *d = &m->demand;
    read_now(m, d->ring_nj[0]);
    for (unsigned i = 1; i < RING; i++)
        memcpy(d->ring_nj[i], d->ring_nj[0], sizeof d->ring_nj[0]);
    d->at = 0;
    d->start = m->utc;
    d->fresh = true;
    derive_last(m);
}

void demand_restart(struct meter *m)
{
    forget(m);
    keep(m);
    next_end(m);
}

/* The interrupted period ends on its own date, or, where the clock was set back, on the old
 * one. When more than it passed unmeasured, demands begin anew. */
void demand_plan(struct meter *m)
{
    utc_t start = m->demand.start;
    utc_t end = zone_next_grid(&m->clock.zone, start, period_s(m));
    bool behind = start.s > m->utc.s + param_get(m, PARAM_SHIFT_LIMIT_S);
    if (behind || end.s <= m->utc.s) {
        close_period(m, behind ? start : end);
        if (behind || zone_next_grid(&m->clock.zone, end, period_s(m)).s <= m->utc.s) forget(m);
        keep(m);
    }
    next_end(m);
}

/* -- records ------------------------------------------------------------------------------- */

enum { AT = 5, READING = 8, RISEN = 9, FRESH = 0x80 };

static uint8_t *put_risen(const struct meter *m, uint8_t *p)
{
    unsigned member[2] = { 0, (unsigned)m->now.quantity[VAL_DEMAND_TARIFF] };
    for (unsigned i = 0; i < 2 * DEMANDS; i++) {
        unsigned which = i / 2 * FAMILY + member[i % 2];
        const struct maximum *x = &m->now.maximum[i / 2][member[i % 2]];
        *p = (uint8_t)which;
        le_put32(p + 1, x->value);
        le_put32(p + 5, x->utc_s);
        if (x->utc_s == m->demand.ended_s && x->utc_s) p += RISEN;
    }
    return p;
}

/* {slot 1 (top bit: the others are equal), start 4, readings 5 x 8, maxima that rose then:
 * (which 1, value 4, date 4)} */
int demand_put(const struct meter *m, unsigned k, uint8_t *body)
{
    const struct demand *d = &m->demand;
    (void)k;
    body[0] = (uint8_t)(d->at | (d->fresh ? FRESH : 0));
    le_put32(body + 1, (uint32_t)d->start.s);
    for (unsigned i = 0; i < READINGS; i++)
        le_put64(body + AT + i * READING, d->ring_nj[d->at][i]);
    return (int)(put_risen(m, body + AT + READINGS * READING) - body);
}

void demand_take(struct meter *m, const uint8_t *body, size_t n)
{
    struct demand *d = &m->demand;
    size_t head = AT + READINGS * READING;
    if (n < head || (n - head) % RISEN || (body[0] & ~FRESH) >= RING) return;
    d->at = body[0] & (uint8_t)~FRESH;
    d->start.s = le_get32(body + 1);
    for (unsigned i = 0; i < READINGS; i++)
        d->ring_nj[d->at][i] = le_get64(body + AT + i * READING);
    for (unsigned i = 0; i < RING && body[0] & FRESH; i++)
        memmove(d->ring_nj[i], d->ring_nj[d->at], sizeof d->ring_nj[i]);
    for (const uint8_t *p = body + head; p < body + n; p += RISEN)
        if (p[0] < DEMANDS * FAMILY)
            m->now.maximum[p[0] / FAMILY][p[0] % FAMILY] =
                (struct maximum){ le_get32(p + 1), le_get32(p + 5) };
}

/* {reading 1, slots 16 x 8} */
int readings_put(const struct meter *m, unsigned k, uint8_t *body)
{
    body[0] = (uint8_t)k;
    for (unsigned i = 0; i < RING; i++) le_put64(body + 1 + i * 8, m->demand.ring_nj[i][k]);
    return 1 + RING * 8;
}

void readings_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != 1 + RING * 8 || body[0] >= READINGS) return;
    for (unsigned i = 0; i < RING; i++)
        m->demand.ring_nj[i][body[0]] = le_get64(body + 1 + i * 8);
}

/* {demand 1, sum 4, nine of (value 4, date 4)} */
int maxima_put(const struct meter *m, unsigned k, uint8_t *body)
{
    body[0] = (uint8_t)k;
    le_put32(body + 1, (uint32_t)m->now.quantity[VAL_DEMAND_SUM + k]);
    for (unsigned t = 0; t < FAMILY; t++) {
        le_put32(body + 5 + t * 8, m->now.maximum[k][t].value);
        le_put32(body + 9 + t * 8, m->now.maximum[k][t].utc_s);
    }
    return 5 + FAMILY * 8;
}

void maxima_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != 5 + FAMILY * 8 || body[0] >= DEMANDS) return;
    m->now.quantity[VAL_DEMAND_SUM + body[0]] = (int32_t)le_get32(body + 1);
    for (unsigned t = 0; t < FAMILY; t++)
        m->now.maximum[body[0]][t] =
            (struct maximum){ le_get32(body + 5 + t * 8), le_get32(body + 9 + t * 8) };
}

/* Cumulative maxima take in what is reset, and months of wallets keep it: {six sums, a demand
 * for each wallet}; all maxima become nothing. */
enum { RESET = (DEMANDS + WALLETS) * 4 };

int reset_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    for (unsigned i = 0; i < DEMANDS; i++)
        le_put32(body + i * 4,
                 (uint32_t)m->now.quantity[VAL_DEMAND_SUM + i] + m->now.maximum[i][0].value);
    for (unsigned w = 0; w < WALLETS; w++)
        le_put32(body + (DEMANDS + w) * 4, expense_demand(m, w));
    return RESET;
}

void reset_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != RESET) return;
    for (unsigned i = 0; i < DEMANDS; i++)
        m->now.quantity[VAL_DEMAND_SUM + i] = (int32_t)le_get32(body + i * 4);
    for (unsigned w = 0; w < WALLETS; w++)
        m->wallets.wallet[w].period.demand_w = le_get32(body + (DEMANDS + w) * 4);
    memset(m->now.maximum, 0, sizeof m->now.maximum);
}
