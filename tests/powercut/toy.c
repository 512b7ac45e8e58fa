#include "powercut/toy.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"

enum { REC_ENERGY = JOURNAL_APP, REC_BOOT, REC_WALLET };
enum { ROW_A = 400, ROW_B = 32, ROW_C = 1360, VALUE_MAX = 1600 };

const struct store_map toy_map = {
    .journal = { 0, 4 },
    .params = { 4, 4 },
    .keys = { 8, 2 },
    .stage = { 19, 1 },
    .segment_sectors = 1,
    .series_count = 3,
    .params_ids = TOY_PARAMS,
    .keys_ids = TOY_KEYS,
    .series = { { { 10, 3 }, ROW_A }, { { 13, 3 }, ROW_B }, { { 16, 3 }, ROW_C } },
};

const struct store_map toy_spare_map = {
    .journal = { 0, 8 },
    .params = { 8, 8 },
    .keys = { 16, 6 },
    .stage = { 46, 2 },
    .segment_sectors = 1,
    .series_count = 3,
    .params_ids = TOY_PARAMS,
    .keys_ids = TOY_KEYS,
    .series = { { { 22, 8 }, ROW_A }, { { 30, 8 }, ROW_B }, { { 38, 8 }, ROW_C } },
};

const struct store_map toy_fuzz_map = {
    .journal = { 0, 3 },
    .params = { 3, 2 },
    .keys = { 5, 2 },
    .stage = { 15, 1 },
    .segment_sectors = 1,
    .series_count = 2,
    .params_ids = TOY_PARAMS,
    .keys_ids = TOY_KEYS,
    .series = { { { 7, 4 }, 40 }, { { 11, 4 }, ROW_B } },
};

/* ---- content that can be made again ---- */

static void fill(uint8_t *to, size_t n, uint32_t seed)
{
    uint64_t r = seed;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(i % 8 ? r >> i % 8 * 8 : (r = sim_random(&r)));
}

static bool is_filled(const uint8_t *p, size_t n, uint32_t seed)
{
    uint8_t b[2048];
    fill(b, n, seed);
    return memcmp(p, b, n) == 0;
}

static uint32_t sum(const uint32_t cell[TOY_CELLS])
{
    uint32_t s = 0;
    for (unsigned i = 0; i < TOY_CELLS; i++) s += cell[i];
    return s;
}

/* ---- what the store asks ---- */

static int pack(uint8_t *body, const uint32_t *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) le_put32(body + 4 * i, v[i]);
    return (int)(4 * n);
}

static int pack_wallet(const struct toy *t, uint8_t *body)
{
    uint32_t v[3] = { t->wallet, t->txns, t->larges };
    return pack(body, v, 3);
}

static int checkpoint(void *ctx, unsigned piece, uint8_t *type, uint8_t body[JOURNAL_BODY_MAX])
{
    const struct toy *t = ctx;
    *type = (uint8_t)(JOURNAL_APP + piece);
    switch (piece) {
    case 0:
        return pack(body, t->energy, TOY_CELLS);
    case 1:
        return pack(body, &t->boots, 1);
    case 2:
        return pack_wallet(t, body);
    default:
        return E_NONE;
    }
}

static void replay(void *ctx, uint8_t type, const uint8_t *body, size_t n)
{
    struct toy *t = ctx;
    if (type == REC_ENERGY && n == 4 * TOY_CELLS)
        for (unsigned i = 0; i < TOY_CELLS; i++) t->energy[i] = le_get32(body + 4 * i);
    if (type == REC_BOOT && n == 4) t->boots = le_get32(body);
    if (type == REC_WALLET && n == 12) {
        t->wallet = le_get32(body);
        t->txns = le_get32(body + 4);
        t->larges = le_get32(body + 8);
    }
}

static void note(void *ctx, enum store_note what, uint32_t detail)
{
    struct toy *t = ctx;
    (void)detail;
    t->notes[what]++;
    if (what == STORE_LOST || what == STORE_FULL) t->is_lost = true;
}

/* ---- power ---- */

int toy_look(struct toy *t, const struct store_map *map, const struct nor *nor,
             struct toy_diary *diary)
{
    memset(t, 0, sizeof *t);
    memset(&t->scratch, 0xA5, sizeof t->scratch); /* the store may not count on it */
    t->app = (struct store_app){ t, checkpoint, replay, note, NULL, 0 };
    t->diary = diary;
    store_init(&t->store, map, nor, &t->scratch, &t->app);
    return store_mount(&t->store);
}

/* Everything queued is on flash: what was begun is what must be. */
static void acknowledge(struct toy *t)
{
    struct toy_diary *d = t->diary;
    if (!store_is_busy(&t->store)) d->must = d->may;
    if (!store_is_down(&t->store)) return;
    memcpy(d->energy_must, d->energy_may, sizeof d->energy_must);
    d->a_must = d->a_may;
    d->boots_must = d->boots_may;
}

static void until_ready(struct toy *t)
{
    while (store_is_busy(&t->store)) store_step(&t->store);
    acknowledge(t);
}

int toy_mount(struct toy *t, const struct store_map *map, const struct nor *nor,
              struct toy_diary *diary)
{
    int e = toy_look(t, map, nor, diary);
    if (e < 0) return e;
    t->boots++;
    diary->boots_may = t->boots;
    uint8_t body[4];
    journal_put(&t->store, REC_BOOT, body, (size_t)pack(body, &t->boots, 1));
    until_ready(t);
    return e;
}

/* ---- life ---- */

static void book(struct toy *t, uint64_t *r)
{
    uint32_t more = (uint32_t)(sim_random(r) % 1000);
    t->energy[sim_random(r) % TOY_CELLS] += more; /* a life is the same with every compiler */
    memcpy(t->diary->energy_may, t->energy, sizeof t->energy);
}

static void put_energy(struct toy *t, uint64_t *r, bool gasp)
{
    uint8_t body[JOURNAL_BODY_MAX];
    book(t, r);
    size_t n = (size_t)pack(body, t->energy, TOY_CELLS);
    if (gasp)
        journal_gasp(&t->store, REC_ENERGY, body, n);
    else
        journal_put(&t->store, REC_ENERGY, body, n);
}

static void make_row(struct toy *t, uint8_t *row, size_t n, uint32_t seed)
{
    le_put32(row, t->time);
    fill(row + 8, n - 8, seed);
}

static void put_row(struct toy *t, uint64_t *r)
{
    struct toy_diary *d = t->diary;
    uint8_t row[ROW_A];
    uint32_t seq = series_next(&t->store, TOY_A), seed = (uint32_t)sim_random(r);
    put_energy(t, r, false);
    make_row(t, row, series_row_size(&t->store, TOY_A), seed);
    le_put32(row + 4, sum(t->energy));
    d->row_seed[seq % TOY_ROWS] = seed;
    d->row_energy[seq % TOY_ROWS] = sum(t->energy);
    d->a_may = seq + 1;
    int64_t got = series_append(&t->store, TOY_A, row);
    ensure(got == seq || t->is_lost);
}

/* Every transaction counts itself and leaves a row of B. */
static void open_txn(struct toy *t)
{
    struct toy_mind *m = &t->diary->may;
    uint8_t row[ROW_B], body[12];
    until_ready(t);
    m->txns++;
    m->wallet += 7;
    txn_begin(&t->store);
    make_row(t, row, series_row_size(&t->store, TOY_B), m->txns);
    le_put32(row + 4, m->wallet);
    ensure(txn_put_row(&t->store, TOY_B, row) == m->txns - 1 || t->is_lost);
    uint32_t v[3] = { m->wallet, m->txns, m->larges };
    ensure(txn_put(&t->store, REC_WALLET, body, (size_t)pack(body, v, 3)) == 0);
}

static void close_txn(struct toy *t)
{
    if (txn_commit(&t->store) < 0) t->diary->may = t->diary->must;
}

static void txn_value(struct toy *t, uint64_t *r)
{
    uint8_t value[300];
    unsigned id = (unsigned)(sim_random(r) % TOY_PARAMS);
    uint32_t seed = (uint32_t)sim_random(r);
    size_t n = sim_random(r) % 4 ? 40 : sizeof value;
    n = sim_random(r) % n;
    fill(value, n, seed);
    open_txn(t);
    if (txn_put_param(&t->store, (uint16_t)id, value, n) == 0) {
        t->diary->may.param_n[id] = (uint16_t)(n + 1);
        t->diary->may.param_seed[id] = seed;
    }
    close_txn(t);
}

static void txn_key(struct toy *t, uint64_t *r)
{
    uint8_t key[40];
    unsigned id = (unsigned)(sim_random(r) % TOY_KEYS);
    uint32_t seed = (uint32_t)sim_random(r);
    size_t n = 24 + 8 * (sim_random(r) % 3);
    fill(key, n, seed);
    open_txn(t);
    ensure(txn_put_key(&t->store, (uint16_t)id, key, n) == 0);
    t->diary->may.key_n[id] = (uint16_t)n;
    t->diary->may.key_seed[id] = seed;
    close_txn(t);
}

static void txn_large(struct toy *t)
{
    uint8_t row[ROW_C], body[12];
    struct toy_mind *m = &t->diary->may;
    if (t->store.map->series_count <= TOY_C) return;
    open_txn(t);
    m->larges++;
    make_row(t, row, series_row_size(&t->store, TOY_C), m->larges);
    le_put32(row + 4, m->wallet);
    ensure(txn_put_row(&t->store, TOY_C, row) == m->larges - 1 || t->is_lost);
    uint32_t v[3] = { m->wallet, m->txns, m->larges };
    ensure(txn_put(&t->store, REC_WALLET, body, (size_t)pack(body, v, 3)) == 0);
    close_txn(t);
}

static void txn_clear(struct toy *t)
{
    open_txn(t);
    uint32_t next = series_next(&t->store, TOY_A);
    ensure(txn_put_clear(&t->store, TOY_A, next, 0) == 0);
    t->diary->may.a_first = next;
    close_txn(t);
}

static void txn_long(struct toy *t, uint64_t *r)
{
    uint8_t value[VALUE_MAX];
    unsigned id = (unsigned)(sim_random(r) % TOY_PARAMS);
    uint32_t seed = (uint32_t)sim_random(r);
    size_t n = 400 + sim_random(r) % (sizeof value - 400);
    fill(value, n, seed);
    until_ready(t);
    int e = params_stage_begin(&t->store, (uint16_t)id, n);
    for (unsigned i = 0; e == E_BUSY && i < 10000; i++) {
        until_ready(t);
        e = params_stage_begin(&t->store, (uint16_t)id, n);
    }
    if (e < 0) return;
    for (size_t at = 0, part; at < n; at += part) {
        part = 1 + sim_random(r) % 300;
        if (part > n - at) part = n - at;
        if (params_stage_put(&t->store, value + at, part) < 0) return;
        if (sim_random(r) % 4 == 0) until_ready(t);
    }
    open_txn(t);
    if (sim_random(r) % 8 == 0) {
        params_stage_abort(&t->store);
    } else if (txn_put_stage(&t->store) == 0) {
        t->diary->may.param_n[id] = (uint16_t)(n + 1);
        t->diary->may.param_seed[id] = seed;
    }
    close_txn(t);
}

static void take_counters(struct toy *t, uint64_t *r)
{
    unsigned id = (unsigned)(sim_random(r) % TOY_COUNTERS);
    for (unsigned n = (unsigned)(sim_random(r) % 700); n > 0; n--) {
        uint32_t number;
        if (counters_take(&t->store, id, &number) < 0) return;
        ensure(number > t->diary->taken[id]);
        t->diary->taken[id] = number;
    }
}

void toy_live(struct toy *t, uint64_t seed, unsigned step)
{
    uint64_t r = seed * 1000003 + step;
    until_ready(t);
    t->time += (uint32_t)(sim_random(&r) % 8 ? 60 : 0);
    if (sim_random(&r) % 32 == 0) t->time -= 3000;
    switch (sim_random(&r) % 20) {
    case 0:
    case 1:
        put_energy(t, &r, true);
        break;
    case 2:
    case 3:
    case 4:
        put_row(t, &r);
        break;
    case 5:
    case 6:
    case 7:
        txn_value(t, &r);
        break;
    case 8:
        txn_key(t, &r);
        break;
    case 9:
        take_counters(t, &r);
        break;
    case 10:
        txn_large(t);
        break;
    case 11:
        txn_long(t, &r);
        break;
    case 12:
        txn_clear(t);
        break;
    case 13:
        for (int i = 0; i < 4; i++) put_row(t, &r);
        break;
    default:
        put_energy(t, &r, false);
    }
    unsigned steps = (unsigned)(sim_random(&r) % 4);
    if (steps == 3) store_rest(&t->store);
    for (; steps > 0; steps--) store_step(&t->store);
    acknowledge(t);
}

/* ---- verdict ---- */

static const char *check_energy(const struct toy *t, const struct toy_diary *d)
{
    for (unsigned i = 0; i < TOY_CELLS; i++) {
        if (t->energy[i] < d->energy_must[i]) return "a register went back";
        if (t->energy[i] > d->energy_may[i]) return "a register is ahead";
    }
    if (t->boots < d->boots_must || t->boots > d->boots_may) return "the boot count is wrong";
    for (unsigned i = 0; i < TOY_COUNTERS; i++)
        if (d->taken[i] && counters_peek(&t->store, i) <= d->taken[i])
            return "a number comes back";
    return NULL;
}

static const char *check_plain_rows(struct toy *t, const struct toy_diary *d)
{
    struct store *s = &t->store;
    uint8_t row[ROW_A];
    uint32_t first = series_first(s, TOY_A), next = series_next(s, TOY_A);
    uint16_t n = series_row_size(s, TOY_A);
    if (next < d->a_must) return "a row is lost";
    if (next > d->a_may) return "a row nobody wrote";
    uint32_t cleared = d->may.a_first, capacity = series_capacity(s, TOY_A, n);
    uint32_t out = 4 * d->cuts + 20 * d->failures; /* slots left out */
    uint32_t torn = out < capacity ? out : capacity;
    if (first > cleared && next - first < capacity - torn)
        return "rows were given up too early";
    for (uint32_t seq = first; seq < next; seq++) {
        if (series_read(s, TOY_A, seq, row) < 0) return "a row cannot be read";
        if (!is_filled(row + 8, n - 8u, d->row_seed[seq % TOY_ROWS])) return "a row is wrong";
        if (le_get32(row + 4) != d->row_energy[seq % TOY_ROWS]) return "a row is wrong";
        if (le_get32(row + 4) > sum(t->energy)) return "a row is ahead of the registers";
    }
    return NULL;
}

static const char *check_txn_rows(struct toy *t, unsigned id, uint32_t count)
{
    struct store *s = &t->store;
    uint8_t row[ROW_C];
    if (id >= s->map->series_count) return NULL;
    if (series_next(s, id) != count) return "rows and state of a transaction differ";
    for (uint32_t seq = series_first(s, id); seq < count; seq++) {
        if (series_read(s, id, seq, row) < 0) return "a row of a transaction cannot be read";
        if (!is_filled(row + 8, series_row_size(s, id) - 8u, seq + 1))
            return "a row of a transaction is wrong";
    }
    return NULL;
}

static bool has_values(struct toy *t, const struct toy_mind *m)
{
    uint8_t b[VALUE_MAX];
    for (uint16_t i = 0; i < TOY_PARAMS; i++) {
        int n = params_read(&t->store, i, 0, b, sizeof b);
        if (n == E_NONE && m->param_n[i] == 0) continue;
        if (n + 1 != m->param_n[i] || !is_filled(b, (size_t)n, m->param_seed[i])) return false;
    }
    for (uint16_t i = 0; i < TOY_KEYS; i++) {
        int n = keys_read(&t->store, i, b);
        if (n == E_NONE && m->key_n[i] == 0) continue;
        if (n != m->key_n[i] || !is_filled(b, (size_t)n, m->key_seed[i])) return false;
    }
    return true;
}

static const char *check_mind(struct toy *t, const struct toy_mind *m)
{
    if (t->wallet != m->wallet || t->larges != m->larges) return "the wallet is wrong";
    if (series_first(&t->store, TOY_A) < m->a_first) return "a clear is lost";
    if (!has_values(t, m)) return "a value or key is wrong";
    const char *e = check_txn_rows(t, TOY_B, m->txns);
    return e ? e : check_txn_rows(t, TOY_C, m->larges);
}

const char *toy_check(struct toy *t, const struct toy_diary *d)
{
    const struct toy_mind *m = t->txns == d->may.txns ? &d->may : &d->must;
    if (t->txns != m->txns) return "a transaction is lost";
    const char *e = check_energy(t, d);
    if (!e) e = check_mind(t, m);
    return e ? e : check_plain_rows(t, d);
}

void toy_accept(struct toy *t, struct toy_diary *d)
{
    d->must = d->may = t->txns == d->may.txns ? d->may : d->must;
    d->cuts++;
    t->diary = d;
    memcpy(d->energy_must, t->energy, sizeof t->energy);
    memcpy(d->energy_may, t->energy, sizeof t->energy);
    d->a_must = d->a_may = series_next(&t->store, TOY_A);
    d->boots_must = d->boots_may = t->boots;
}
