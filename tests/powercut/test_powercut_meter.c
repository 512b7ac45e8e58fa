/* test_powercut_meter.c - two days of a meter, with the lights going out at every flash
 * operation.
 *
 * The life has everything that writes: checkpoints, captures, billing, demand, parameters, a
 * calendar written row by row and activated, at once and by its date, a single action written and
 * carried out at its moment, a list of orders by date, clock steps, floods of events, log and profile
 * clears, on a chip so small that its rings turn. Each program and erase is cut once in every
 * torn model: the chip is forked inside the operation, torn, powered up and judged; the life
 * goes on. One power-up in some is cut again. What is judged, against what stood on flash
 * before the operation and what RAM knew: no energy behind or ahead, no row lost or changed,
 * parameters and lists old or new as a whole, pairs of events together, counters never back;
 * and the supply relay: where the last order on flash says, each of its moves counted once. What
 * is due at a date is done as a whole after power-up, or not yet due.
 *
 * Usage: test_powercut_meter [HOURS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crc.h"
#include "base/err.h"
#include "lab.h"
#include "powercut/cuts.h"
#include "store/row.h"

static const int64_t T0 = 1767225600 + 86400 * 30; /* the month ends on the second day */

/* A chip of 88 sectors: each ring of four turns within a day. */
static const struct store_map map = {
    .journal = { 0, 9 },
    .params = { 9, 6 },
    .keys = { 15, 2 },
    .stage = { 17, 3 },
    .segment_sectors = 3,
    .series_count = SERIES_IDS,
    .params_ids = STORE_PARAMS_MAX,
    .keys_ids = STORE_KEYS_MAX,
#define RING(n, size)                                                                          \
    {                                                                                          \
        { 20 + 4 * (n), 4 }, size                                                              \
    }
    .series = { RING(0, 40), RING(1, 40), RING(2, 40), RING(3, 32), RING(4, 32), RING(5, 32),
                RING(6, 32), RING(7, 32), RING(8, 32), RING(9, 32), RING(10, 32), RING(11, 32),
                RING(12, 32), RING(13, 64), RING(14, 64), RING(15, 1360), RING(16, 1360),
                RING(17, 24), RING(18, 24) },
};
enum { SECTORS = 20 + 4 * SERIES_IDS, ROWS_KEPT = 512, ORDERS = 12 };

/* What certainly stands on flash. */
struct diary {
    uint64_t nj[CELLS][DIRECTIONS];
    uint32_t counter[COUNTERS];
    uint32_t first[SERIES_IDS], next[SERIES_IDS];
    uint32_t row[SERIES_IDS][ROWS_KEPT]; /* checksum of the row, by number modulo */
    int32_t scalar[PARAMS];
};

struct life {
    struct lab *lab;
    struct lab *cut; /* whose power goes: that one, or a copy that is being judged */
    struct diary diary;
    int32_t wanted;                 /* PARAM_PULSE_MS on its way */
    bool clearing;                  /* a ring may lose its rows */
    uint16_t orders, orders_wanted; /* writing of the list of orders that stands; on its way */
    int64_t orders_from;            /* when that began */
    bool switching;                 /* the supply relay was ordered to move */
    struct single_action single, single_wanted; /* the list that stands; on its way */
    int64_t due;    /* of both: the single action, the calendar; 0 none */
    bool opens;     /* what the action does */
    uint8_t script; /* of the calendar that comes into force */
    struct cuts cuts;
    uint64_t of_switches; /* cuts around one */
    uint64_t step, seed;
    unsigned hours;
};

static void fail(const struct life *f, const char *what, enum torn model)
{
    fprintf(stderr, "%s (%s, operation %llu, step %llu)\nrepeat: test_powercut_meter %u %llu\n",
            what, torn_name[model], (unsigned long long)f->cuts.operations,
            (unsigned long long)f->step, f->hours, (unsigned long long)f->seed);
    abort();
}

static uint32_t row_sum(struct lab *l, unsigned id, uint32_t number, bool *lost)
{
    uint8_t row[SERIES_ROW_MAX];
    uint16_t n = series_row_size(&l->m.store, id);
    *lost = series_read(&l->m.store, id, number, row) < 0;
    return *lost ? 0 : crc32(row, n);
}

/* The store is down: all that RAM knows is on flash, but for what was booked since the record.
 */
static void write_diary(struct life *f)
{
    struct meter *m = &f->lab->m;
    struct diary *d = &f->diary;
    bool lost;
    if (!store_is_down(&m->store) || !meter_is_ready(m)) return;
    if (!(m->energy.dirty_cells | m->energy.dirty_rests))
        for (unsigned k = 0; k < CELLS * DIRECTIONS; k++)
            d->nj[k / DIRECTIONS][k % DIRECTIONS] =
                energy_nj(&m->energy, &m->now, k / DIRECTIONS, k % DIRECTIONS);
    memcpy(d->counter, m->now.counter, sizeof d->counter);
    memcpy(d->scalar, m->scalar, sizeof d->scalar);
    for (unsigned id = 0; id < SERIES_IDS; id++) {
        uint32_t next = series_next(&m->store, id);
        for (; d->next[id] < next; d->next[id]++)
            d->row[id][d->next[id] % ROWS_KEPT] = row_sum(f->lab, id, d->next[id], &lost);
        d->first[id] = series_first(&m->store, id);
    }
}

/* -- judging ------------------------------------------------------------------------------- */

static const char *judge_energy(const struct life *f, struct lab *l)
{
    const struct meter *live = &f->lab->m;
    for (unsigned k = 0; k < CELLS * DIRECTIONS; k++) {
        unsigned cell = k / DIRECTIONS, d = k % DIRECTIONS;
        uint64_t has = energy_nj(&l->m.energy, &l->m.now, cell, d);
        if (has < f->diary.nj[cell][d]) return "energy went back";
        if (has > energy_nj(&live->energy, &live->now, cell, d)) return "energy is ahead";
    }
    return NULL;
}

/* Slots that one cut costs a ring at most: the torn one, one more, and of rows that are not
 * longer than 640 octets what reaches into the rest of that page and the one behind. */
static uint32_t left_out(uint16_t octets)
{
    uint32_t size = row_size_of(octets);
    return size > FLASH_ARENA ? 2 : 2 + (2 * NOR_PAGE - 1 + size - 1) / size;
}

static const char *judge_rows(const struct life *f, struct lab *l)
{
    for (unsigned id = 0; id < SERIES_IDS; id++) {
        uint32_t first = series_first(&l->m.store, id), next = series_next(&l->m.store, id);
        uint32_t had = f->diary.next[id] - f->diary.first[id];
        uint32_t keeps = series_capacity(&l->m.store, id, series_row_size(&l->m.store, id));
        keeps -= (f->cuts.again ? 2 : 1) * left_out(series_row_size(&l->m.store, id));
        if (keeps > had) keeps = had;
        if (next < f->diary.next[id]) return "a row was lost";
        if (!f->clearing && next - first < keeps) return "old rows were lost";
        for (uint32_t i = first; i < f->diary.next[id]; i++) {
            bool lost;
            if (row_sum(l, id, i, &lost) != f->diary.row[id][i % ROWS_KEPT] || lost)
                return "a row changed";
        }
    }
    return NULL;
}

static const char *judge_numbers(const struct life *f, struct lab *l)
{
    for (unsigned i = 0; i < COUNTERS; i++)
        if (l->m.now.counter[i] < f->diary.counter[i]) return "a counter went back";
    uint32_t boots = l->m.now.counter[CNT_BOOTS] - f->diary.counter[CNT_BOOTS];
    if (boots != 1 && !(boots == 2 && f->cuts.again)) return "boots are miscounted";
    for (unsigned i = 0; i < PARAMS; i++) {
        bool moving =
            i == PARAM_PULSE_MS || i == PARAM_CALENDAR_SIDES || i == PARAM_SURVEY_3_PERIOD_S;
        if (!moving && l->m.scalar[i] != f->diary.scalar[i]) return "a parameter changed";
    }
    int32_t v = l->m.scalar[PARAM_PULSE_MS];
    if (v != f->diary.scalar[PARAM_PULSE_MS] && v != f->wanted)
        return "a parameter is neither old nor new";
    return NULL;
}

/* All days of a side carry one script, and there are as many as were written. */
static const char *judge_calendar(struct lab *l)
{
    for (unsigned side = 0; side < 2; side++) {
        struct day x, y;
        int n = calendar_days(&l->m, CALENDAR_TARIFF, (enum side)side);
        if (n != 0 && n != 20) return "a calendar in part";
        for (int i = 0; i < n; i++) {
            if (calendar_day(&l->m, CALENDAR_TARIFF, (enum side)side, (unsigned)i, &x) < 0)
                return "a calendar cannot be read";
            if (i && x.at[0].script != y.at[0].script) return "a calendar of two";
            y = x;
        }
    }
    return NULL;
}

/* All orders of the list are of one writing, and it says from when it counts. */
static const char *judge_orders(const struct life *f, struct lab *l)
{
    int n = schedule_entries(&l->m);
    if (n != 0 && n != ORDERS) return "a list of orders in part";
    for (int i = 0; i < n; i++) {
        struct schedule_entry x;
        if (schedule_entry(&l->m, (unsigned)i, &x) < 0) return "an order cannot be read";
        if (x.selector != f->orders && x.selector != f->orders_wanted)
            return "orders are neither old nor new";
        if (x.index != i + 1) return "an order is another";
        if (x.selector == f->orders_wanted &&
            l->m.now.stamp[STAMP_SCHEDULE] < (uint32_t)f->orders_from)
            return "orders of a time before they were written";
    }
    return NULL;
}

static const char *judge_pairs(struct lab *l)
{
    struct event_span s = event_span(&l->m, LOG_STANDARD);
    struct event_row e;
    int old = 0, new = 0;
    for (uint32_t i = s.first; i < s.next; i++) {
        if (event_read(&l->m, LOG_STANDARD, i, &e) < 0) return "an event cannot be read";
        old += e.code == EV_CLOCK_OLD;
        new += e.code == EV_CLOCK_NEW;
    }
    if (old > new || new > old + 1)
        return "half a pair of events"; /* the oldest may have left */
    struct billing_span b = billing_span(&l->m, BILLING_MONTHLY);
    if (b.next != l->m.now.counter[CNT_BILLINGS]) return "a billing row without its count";
    return NULL;
}

/* Some seconds later. A contact that moved was counted; one that was counted moved. */
static const char *judge_supply(struct lab *l)
{
    const uint32_t *counter = l->m.now.counter;
    lab_run_to(l, mono_after(l->now, 2000000), 200000);
    if (l->relay.closed != (l->m.supply.state.held == 0)) return "the relay is elsewhere";
    if (supply_is_on(&l->m) != l->relay.closed) return "the output is not what it is";
    if (counter[CNT_RELAY_OPENS] + counter[CNT_RELAY_CLOSES] != l->relay.moves)
        return "operations are miscounted";
    struct event_span s = event_span(&l->m, LOG_RELAY);
    for (uint32_t i = s.first; i < s.next; i++) {
        struct event_row e;
        if (event_read(&l->m, LOG_RELAY, i, &e) < 0) return "an event cannot be read";
        if (e.code == EV_RELAY_CORRECTED || e.code == EV_RELAY_FAILURE)
            return "a sound relay was blamed";
    }
    return NULL;
}

static bool is_single(const struct single_action *a, const struct single_action *b)
{
    return a->selector == b->selector && a->type == b->type && a->n == b->n &&
           !memcmp(a->when, b->when, (size_t)a->n * SINGLE_TIME);
}

/* The list is one of two; what is due is done, and nothing before. */
static const char *judge_dates(const struct life *f, struct lab *l)
{
    struct single_action x;
    struct day d;
    single_get(&l->m, SINGLE_SUPPLY, &x);
    if (!is_single(&x, &f->single) && !is_single(&x, &f->single_wanted))
        return "a single action is neither old nor new";
    if (!f->due) return NULL;
    lab_run_to(l, mono_after(l->now, 2000000), 200000);
    bool past = clock_utc(&l->m.clock, l->now).s >= f->due;
    bool open = l->m.supply.state.held >> SUPPLY_SCHEDULE & 1;
    if (open != (past ? f->opens : !f->opens))
        return past ? "a single action was missed" : "a single action came early";
    bool active = calendar_day(&l->m, CALENDAR_TARIFF, SIDE_ACTIVE, 0, &d) >= 0 &&
                  d.at[0].script == f->script;
    if (active != past) return past ? "a calendar was missed" : "a calendar came early";
    return NULL;
}

static const char *judge(const struct life *f, struct lab *l)
{
    const char *e = judge_energy(f, l);
    if (!e) e = judge_rows(f, l);
    if (!e) e = judge_numbers(f, l);
    if (!e) e = judge_calendar(l);
    if (!e) e = judge_orders(f, l);
    if (!e) e = judge_pairs(l);
    if (!e) e = judge_dates(f, l);
    return e || !f->switching ? e : judge_supply(l);
}

/* -- cutting ------------------------------------------------------------------------------- */

static struct lab *power_up(struct life *f, struct nor_sim *sim)
{
    const struct lab *parent = f->lab;
    struct lab *l = lab_new_on(&sim->nor, &map);
    l->cfg = parent->cfg;
    l->cfg.map = &map;
    lab_fit_relay(l, true);
    l->relay = f->cut->relay;
    f->cut = l;
    int64_t utc = clock_utc(&parent->m.clock, parent->now).s + 5;
    int64_t rtc = parent->rtc_s + (int64_t)((parent->now.us - parent->rtc_at.us) / 1000000) + 5;
    if (lab_power_up(l, utc > rtc ? utc : rtc) < 0) {
        lab_free(l);
        return NULL;
    }
    return l;
}

static void judge_copy(void *ctx, struct nor_sim *chip, enum torn model)
{
    struct life *f = ctx;
    struct lab *was = f->cut, *l = power_up(f, chip);
    if (!l) fail(f, "does not mount", model);
    f->of_switches += f->switching;
    const char *e = judge(f, l);
    if (e) fail(f, e, model);
    if (sim_random(&f->cuts.random) % 64 == 0) lab_run_s(l, 2000);
    f->cut = was;
    lab_free(l);
}

/* -- the life ------------------------------------------------------------------------------ */

static void settle(struct life *f)
{
    lab_settle(f->lab);
    write_diary(f);
}

static void minutes(struct life *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        lab_run_s(f->lab, 60);
        write_diary(f);
    }
}

static void write_passive(struct life *f, uint8_t script)
{
    struct meter *m = &f->lab->m;
    struct item_name name = { 1, { 'a' } };
    struct season s = { name, name, { 0xFF, 0xFF, 1, 1, 0xFF } };
    struct week w = { name, { 1, 2, 3, 4, 5, 6, 7 } };
    int err;
    while ((err = calendar_begin(m, &lab_who, CALENDAR_TARIFF, LIST_DAYS, 20)) == E_BUSY)
        settle(f);
    for (uint8_t i = 1; i <= 20 && err >= 0; i++) {
        struct day d = { .id = i, .n = 1, .at = { { { 0 }, script } } };
        err = calendar_put_day(m, &lab_who, &d);
        settle(f);
    }
    if (err >= 0) err = calendar_commit(m, &lab_who);
    settle(f);
    if (err >= 0) err = calendar_begin(m, &lab_who, CALENDAR_TARIFF, LIST_WEEKS, 1);
    if (err >= 0) err = calendar_put_week(m, &lab_who, &w);
    if (err >= 0) err = calendar_commit(m, &lab_who);
    settle(f);
    if (err >= 0) err = calendar_begin(m, &lab_who, CALENDAR_TARIFF, LIST_SEASONS, 1);
    if (err >= 0) err = calendar_put_season(m, &lab_who, &s);
    if (err >= 0) err = calendar_commit(m, &lab_who);
    settle(f);
    if (err < 0) fail(f, err_text(err), TORN_NOTHING);
}

static void write_calendar(struct life *f, uint8_t script)
{
    write_passive(f, script);
    int err = calendar_activate(&f->lab->m, &lab_who, CALENDAR_TARIFF);
    settle(f);
    if (err < 0) fail(f, err_text(err), TORN_NOTHING);
}

/* In ten minutes the supply opens, or closes again, and another calendar comes into force. */
static void write_dates(struct life *f)
{
    struct meter *m = &f->lab->m;
    struct day d;
    bool has = calendar_day(m, CALENDAR_TARIFF, SIDE_ACTIVE, 0, &d) >= 0;
    uint8_t script = (uint8_t)(has ? d.at[0].script % 8 + 1 : 1);
    write_passive(f, script);
    meter_at(m, f->lab->now);
    int64_t due = (m->utc.s / 60 + 10) * 60;
    struct civil c = cal_civil(due);
    uint8_t dt[12] = { 0, 0, c.month, c.day, 0xFF, c.hour, c.minute, 0, 0, 0x80, 0, 0xFF };
    dt[0] = (uint8_t)(c.year >> 8);
    dt[1] = (uint8_t)c.year;
    f->opens = !f->opens;
    f->single_wanted =
        (struct single_action){ .selector = f->opens ? 1 : 2, .type = 1, .n = 1 };
    memcpy(f->single_wanted.when[0], dt + 5, 4);
    memcpy(f->single_wanted.when[0] + 4, dt, 5);
    int err = single_set(m, &lab_who, SINGLE_SUPPLY, &f->single_wanted);
    settle(f);
    f->single = f->single_wanted;
    if (err >= 0) err = calendar_set_time(m, &lab_who, CALENDAR_TARIFF, dt);
    settle(f);
    if (err < 0) fail(f, err_text(err), TORN_NOTHING);
    f->due = due;
    f->script = script;
    f->switching = true;
    minutes(f, 12);
    f->due = 0;
    f->switching = false;
}

/* One of them counts: a tariff, some minutes on. */
static void write_orders(struct life *f)
{
    struct meter *m = &f->lab->m;
    struct schedule_entry x = { .enabled = true, .command = CMD_TARIFF, .weekdays = 0xFE };
    int err;
    memset(x.begin, 0xFF, sizeof x.begin);
    memset(x.end, 0xFF, sizeof x.end);
    meter_at(m, f->lab->now);
    x.selector = f->orders_wanted = (uint16_t)(f->step + 1);
    f->orders_from = m->utc.s;
    while ((err = schedule_begin(m, &lab_who, ORDERS)) == E_BUSY) settle(f);
    for (uint16_t i = 1; i <= ORDERS && err >= 0; i++) {
        x.index = i;
        x.arg = (int8_t)(1 + (f->step + i) % 8);
        x.time[0] = (uint8_t)(i == 1 ? 0xFF : i % 24);
        x.time[1] = (uint8_t)((f->orders_from / 60 + 3) % 60);
        err = schedule_put(m, &lab_who, &x);
        settle(f);
    }
    if (err >= 0) err = schedule_commit(m, &lab_who);
    settle(f);
    if (err < 0) fail(f, err_text(err), TORN_NOTHING);
    f->orders = f->orders_wanted;
}

static void hour(struct life *f)
{
    struct lab *l = f->lab;
    struct meter *m = &l->m;
    uint64_t r = sim_random(&f->cuts.random);
    l->load.p_mw = (int32_t)(r % 9000000) - 3000000;
    l->load.q_mvar = (int32_t)(r >> 32) % 900000;
    minutes(f, 20);
    meter_at(m, l->now);
    switch (f->step % 8) {
    case 0:
        f->wanted = 10 + (int32_t)(f->step % 200);
        param_set(m, &lab_who, PARAM_PULSE_MS, f->wanted);
        break;
    case 1:
        write_calendar(f, (uint8_t)(1 + f->step / 8 % 8));
        break;
    case 2:
        clock_order(m, &lab_who, CLOCK_SHIFT, f->step % 16 < 8 ? 45 : -600, false);
        break;
    case 3:
        billing_end(m, &lab_who, BILLING_REMOTE);
        settle(f);
        write_orders(f);
        break;
    case 4:
        f->clearing = true;
        event_clear(m, &lab_who, LOG_QUALITY);
        break;
    case 5:
        for (int i = 0; i < 14; i++) event_post(m, EV_LOCAL_STARTED, &lab_who, NULL);
        break;
    case 6:
        f->clearing = true;
        profile_set_period_s(m, &lab_who, 2, f->step % 16 < 8 ? 300 : 600);
        break;
    case 7:
        clock_order(m, &lab_who, CLOCK_SHIFT, 5, false);
        break;
    }
    settle(f);
    f->clearing = false;
    minutes(f, 40);
    f->step++;
}

/* Each millisecond of an operation, whether flash is at work or not. */
static void cut_each_ms(struct life *f, unsigned ms)
{
    struct nor_sim *sim = f->lab->io.nor->ctx;
    for (unsigned i = 0; i < ms; i++) {
        struct nor_sim child;
        lab_run_to(f->lab, mono_after(f->lab->now, 1000), 1000);
        write_diary(f);
        nor_sim_fork(&child, sim, sim_random(&f->cuts.random));
        judge_copy(f, &child, TORN_NOTHING);
        nor_sim_free(&child);
        f->cuts.cuts++;
    }
}

static void switch_supply(struct life *f)
{
    struct meter *m = &f->lab->m;
    f->switching = true;
    meter_at(m, f->lab->now);
    int err = supply_order(m, &lab_who, SUPPLY_REMOTE, ACTION_DISCONNECT);
    cut_each_ms(f, 400);
    meter_at(m, f->lab->now);
    supply_request(m, SUPPLY_ARREARS, true);
    settle(f);
    minutes(f, 20);
    meter_at(m, f->lab->now);
    supply_request(m, SUPPLY_ARREARS, false);
    settle(f);
    if (err >= 0) err = supply_order(m, &lab_who, SUPPLY_REMOTE, ACTION_RECONNECT);
    cut_each_ms(f, 400);
    settle(f);
    f->switching = false;
    if (err < 0) fail(f, err_text(err), TORN_NOTHING);
}

int main(int argc, char **argv)
{
    static struct life f;
    static struct nor_sim sim;
    clock_t from = clock();
    f.hours = argc > 1 ? (unsigned)atoi(argv[1]) : 16;
    f.seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    f.cuts = (struct cuts){ 100, 8, judge_copy, &f, .random = f.seed * 77777 };
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, f.seed % 2 ? 0 : 9000 }, f.seed);
    f.lab = f.cut = lab_new_on(&sim.nor, &map);
    f.lab->cfg.checkpoint_s = 300;
    lab_fit_relay(f.lab, true);
    if (lab_power_up(f.lab, T0) < 0) return 1;
    settle(&f);
    single_get(&f.lab->m, SINGLE_SUPPLY, &f.single);
    f.single_wanted = f.single;
    cuts_watch(&f.cuts, &sim);
    for (unsigned i = 0; i < f.hours; i++) {
        hour(&f);
        if (i % 8 == 0) switch_supply(&f);
        if (i % 4 == 2) write_dates(&f);
    }
    printf(
        "%u hours, %llu operations, %llu cuts, %llu second cuts, %llu around a switch of the "
        "supply, %.1f s: nothing lost\n",
        f.hours, (unsigned long long)f.cuts.operations, (unsigned long long)f.cuts.cuts,
        (unsigned long long)f.cuts.second_cuts, (unsigned long long)f.of_switches,
        (double)(clock() - from) / CLOCKS_PER_SEC);
    if (sim.broken) fail(&f, "a program wanted a bit back", TORN_NOTHING);
    lab_free(f.lab);
    nor_sim_free(&sim);
    return 0;
}
