#include "meter/hot.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/meter.h"

/* -- numbers: {first 1, values 4 each} ----------------------------------------------------- */

enum { NUMBERS = 56 }; /* of a piece */

static int numbers_save(const uint32_t *v, unsigned first, unsigned end, uint8_t *body)
{
    unsigned n = end - first < NUMBERS ? end - first : NUMBERS;
    body[0] = (uint8_t)first;
    for (unsigned i = 0; i < n; i++) le_put32(body + 1 + i * 4, v[first + i]);
    return (int)(1 + n * 4);
}

static void numbers_load(uint32_t *v, unsigned end, const uint8_t *body, size_t n)
{
    if (n < 1 || (n - 1) % 4 || body[0] + (n - 1) / 4 > end) return;
    for (unsigned i = 0; i < (n - 1) / 4; i++) v[body[0] + i] = le_get32(body + 1 + i * 4);
}

static int counters_put(const struct meter *m, unsigned k, uint8_t *body)
{
    return numbers_save(m->now.counter, k * NUMBERS, COUNTERS, body);
}

static void counters_take_record(struct meter *m, const uint8_t *body, size_t n)
{
    numbers_load(m->now.counter, COUNTERS, body, n);
}

static int stamps_put(const struct meter *m, unsigned k, uint8_t *body)
{
    return numbers_save(m->now.stamp, k * NUMBERS, STAMPS, body);
}

static void stamps_take(struct meter *m, const uint8_t *body, size_t n)
{
    numbers_load(m->now.stamp, STAMPS, body, n);
}

static int secure_put_record(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    secure_put(&m->secure, body);
    return SECURE_RECORD;
}

static void secure_take_record(struct meter *m, const uint8_t *body, size_t n)
{
    secure_take(&m->secure, body, n);
}

static int spent_put_record(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    spent_put(&m->secure, body);
    return SPENT_RECORD;
}

static void spent_take_record(struct meter *m, const uint8_t *body, size_t n)
{
    spent_take(&m->secure, body, n);
}

/* -- the table ----------------------------------------------------------------------------- */

struct hot_row {
    uint8_t type, pieces; /* of a checkpoint; 0: only a record */
    int (*put)(const struct meter *m, unsigned k, uint8_t *body);
    void (*take)(struct meter *m, const uint8_t *body, size_t n);
};

static const struct hot_row table[] = {
    { HOT_CELLS, CELLS, cells_put, cells_take },
    { HOT_ENERGY, 1, energy_put, energy_take },
    { HOT_RING, READINGS, readings_put, readings_take },
    { HOT_MAXIMA, DEMANDS, maxima_put, maxima_take },
    { HOT_DEMAND, 1, demand_put, demand_take },
    { HOT_RESET, 0, reset_put, reset_take },
    { HOT_COUNTERS, (COUNTERS + NUMBERS - 1) / NUMBERS, counters_put, counters_take_record },
    { HOT_STAMPS, 1, stamps_put, stamps_take },
    { HOT_BASES, 1, bases_put, bases_take },
    { HOT_CLOCK, 1, clock_put, clock_take },
    { HOT_SURVEYS, 1, surveys_put, surveys_take },
    { HOT_GASP, 0, NULL, gasp_take },
    { HOT_BILLING, 1, billing_put, billing_take },
    { HOT_ALARMS, 1, alarms_put, alarms_take },
    { HOT_PUSHES, 1, pushes_put, pushes_take },
    { HOT_LOGS, 1, logs_put, logs_take },
    { HOT_TARIFF, 1, tou_put, tou_take },
    { HOT_INPUT, 1, input_put, input_take },
    { HOT_SECURE, 1, secure_put_record, secure_take_record },
    { HOT_SUPPLY, 1, supply_put, supply_take },
    { HOT_WALLET, WALLETS, wallet_put, wallet_take },
    { HOT_ACCRUED, WALLETS + 1, accrued_put, accrued_take },
    { HOT_PERIOD, WALLETS, period_put, period_take },
    { HOT_FUND, WALLETS, fund_put, fund_take },
    { HOT_DEBT, WALLETS, debt_put, debt_take },
    { HOT_TIDS, 1, tids_put, tids_take },
    { HOT_LOCKS, 1, locks_put, locks_take },
    { HOT_TOKEN, 1, last_put, last_take },
    { HOT_SPENT, 1, spent_put_record, spent_take_record },
    { HOT_LIMITERS, 1, limiter_put, limiter_take },
    { HOT_QUALITY, 1, watch_put, watch_restore },
    { HOT_UNITS, 1, units_put, units_take },
    { HOT_PAST, 1, past_put, past_take },
    { HOT_FLOODS, FLOODS / FLOOD_GROUP, floods_put, floods_take },
    { HOT_WAITING, 1, waiting_put, waiting_take },
    { HOT_SCALAR, 0, NULL, scalar_take },
    { HOT_OCTETS, 0, NULL, octets_take },
    { HOT_COLUMNS, 0, NULL, columns_take },
};
enum { ROWS = sizeof table / sizeof table[0] };
_Static_assert((int)STAMPS <= (int)NUMBERS, "one piece");

int hot_checkpoint(void *ctx, unsigned piece, uint8_t *type, uint8_t body[JOURNAL_BODY_MAX])
{
    const struct meter *m = ctx;
    for (unsigned i = 0; i < ROWS; i++) {
        if (piece < table[i].pieces) {
            *type = table[i].type;
            return table[i].put(m, piece, body);
        }
        piece -= table[i].pieces;
    }
    return E_NONE;
}

void hot_replay(void *ctx, uint8_t type, const uint8_t *body, size_t n)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (table[i].type == type) table[i].take(ctx, body, n);
}

void hot_put(struct meter *m, enum hot type, unsigned k)
{
    uint8_t body[JOURNAL_BODY_MAX];
    for (unsigned i = 0; i < ROWS; i++)
        if (table[i].type == type)
            journal_put(&m->store, (uint8_t)type, body, (size_t)table[i].put(m, k, body));
}

void hot_number(struct meter *m, enum hot type, unsigned index)
{
    uint8_t body[5] = { (uint8_t)index };
    le_put32(body + 1, type == HOT_COUNTERS ? m->now.counter[index] : m->now.stamp[index]);
    journal_put(&m->store, (uint8_t)type, body, sizeof body);
}
