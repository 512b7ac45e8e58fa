/* test_wear.c - fifteen years of wear, and a chip whose sectors die.
 *
 *   years  a meter with three surveys, ten outages a day, two parameters written a day: how
 * often each sector is erased, how even within its ring, and how many octets are programmed for
 *          one that is kept (bodies of records, rows, values: what the meter handed to the
 * store) dying  every sector fails for good after 100 erases: the meter tells (event 342), and
 * what it shows is what was counted, also when it can keep nothing more (event 341); then it
 *          does not start again
 *
 * Usage: test_wear [YEARS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "lab.h"
#include "powercut/nor_sim.h"

enum { SECTORS = 2048, OUTAGES = 10, WRITES = 2, DAY = 86400, ENDURANCE = 100 };
static const int64_t T0 = 1767225600;

static uint64_t payload, random_state;

/* What the meter hands to the store is counted on its way (linked with --wrap). */
#define COUNTED(name, n, parameters, arguments)                                                \
    extern int __real_##name parameters;                                                       \
    int __wrap_##name parameters;                                                              \
    int __wrap_##name parameters                                                               \
    {                                                                                          \
        payload += (n);                                                                        \
        return __real_##name arguments;                                                        \
    }
COUNTED(journal_put, n, (struct store * s, uint8_t type, const void *body, size_t n),
        (s, type, body, n))
COUNTED(journal_gasp, n, (struct store * s, uint8_t type, const void *body, size_t n),
        (s, type, body, n))
COUNTED(txn_put, n, (struct store * s, uint8_t type, const void *body, size_t n),
        (s, type, body, n))
COUNTED(txn_put_param, n, (struct store * s, uint16_t id, const void *value, size_t n),
        (s, id, value, n))

extern int64_t __real_series_append(struct store *s, unsigned id, const void *row);
int64_t __wrap_series_append(struct store *s, unsigned id, const void *row);
int64_t __wrap_series_append(struct store *s, unsigned id, const void *row)
{
    payload += series_row_size(s, id);
    return __real_series_append(s, id, row);
}

extern int64_t __real_txn_put_row(struct store *s, unsigned id, const void *row);
int64_t __wrap_txn_put_row(struct store *s, unsigned id, const void *row);
int64_t __wrap_txn_put_row(struct store *s, unsigned id, const void *row)
{
    payload += series_row_size(s, id);
    return __real_txn_put_row(s, id, row);
}

static void check(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

/* -- a day ------------------------------------------------------------------------------- */

static void compare(struct lab *l, bool gasp)
{
    for (unsigned k = 0; k < CELLS * DIRECTIONS; k++) {
        uint64_t has = energy_nj(&l->m.energy, &l->m.now, k / 2, k % 2);
        uint64_t *fed = &l->fed_nj[k / 2][k % 2];
        check(has <= *fed, "a total is ahead");
        check(!gasp || has == *fed, "a gasp lost energy");
        check(*fed - has <= UINT64_C(20000000) * 61000000, "more than a minute is lost");
        *fed = has;
    }
}

/* The supply goes for five minutes. What lab_power_up() says. */
static int outage(struct lab *l, bool gasp)
{
    int64_t utc = clock_utc(&l->m.clock, l->now).s;
    lab_power_down(l, gasp);
    return lab_power_up(l, utc + 300);
}

/* 0; 1 when the store has said that it keeps nothing more; or what a power-up said. */
static int day(struct lab *l, uint64_t number)
{
    for (unsigned i = 0; i < OUTAGES; i++) {
        uint64_t r = sim_random(&random_state);
        l->load.p_mw = (int32_t)(r % 20000000) - 5000000;
        l->load.q_mvar = (int32_t)(r >> 32) % 2000000;
        lab_run_s(l, DAY / OUTAGES - 300);
        if (i < WRITES) {
            meter_at(&l->m, l->now);
            param_set(&l->m, &lab_who, PARAM_PULSE_MS, 10 + (int32_t)(number * 2 + i) % 200);
            lab_settle(l);
        }
        if (l->m.store.journal.lost) return 1;
        bool gasp = r & 1;
        int e = outage(l, gasp);
        if (e < 0) return e;
        compare(l, gasp);
    }
    return 0;
}

/* -- fifteen years ----------------------------------------------------------------------- */

static uint32_t highest;

static void show_ring(const struct nor_sim *sim, const char *name, struct part p)
{
    uint32_t max = 0, min = UINT32_MAX;
    uint64_t sum = 0;
    for (unsigned i = p.first; i < (unsigned)p.first + p.sectors; i++) {
        uint32_t w = sim->wear[i];
        sum += w;
        max = w > max ? w : max;
        min = w < min ? w : min;
    }
    double mean = (double)sum / p.sectors;
    if (max > highest) highest = max;
    printf("%-10s %4u sectors, erases %5u to %5u, mean %8.1f, max/mean %.3f\n", name, p.sectors,
           min, max, mean, mean > 0 ? max / mean : 0);
    check(max - min <= 1 || max <= 1.2 * mean, "wear is even within a ring");
}

static void years(unsigned n)
{
    static struct nor_sim sim;
    char name[16];
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, 1);
    struct lab *l = lab_new_on(&sim.nor, &store_map);
    check(lab_power_up(l, T0) >= 0, "a blank chip mounts");
    payload = 0;
    for (uint64_t d = 0; d < n * UINT64_C(365); d++) check(day(l, d) == 0, "it mounts");
    show_ring(&sim, "journal", store_map.journal);
    show_ring(&sim, "params", store_map.params);
    for (unsigned id = 0; id < SERIES_IDS; id++) {
        snprintf(name, sizeof name, "series %u", id);
        show_ring(&sim, name, store_map.series[id].ring);
    }
    double amplification = (double)sim.programmed / (double)payload;
    printf("%u years, %u outages a day: highest erase count %u, amplification %.3f (%.1f MB "
           "programmed for %.1f MB)\n",
           n, OUTAGES, highest, amplification, (double)sim.programmed * 1e-6,
           (double)payload * 1e-6);
    check(highest <= 50000, "half of 100 000 erases");
    check(amplification <= 2.0, "two octets programmed for one kept");
    check(sim.broken == 0, "no program wants a bit back");
    lab_free(l);
    nor_sim_free(&sim);
}

/* -- a chip that dies -------------------------------------------------------------------- */

static unsigned events(struct lab *l, uint16_t code)
{
    struct event_span s = event_span(&l->m, LOG_FAILURE);
    struct event_row row;
    unsigned n = 0;
    for (uint32_t i = s.first; i < s.next; i++)
        n += event_read(&l->m, LOG_FAILURE, i, &row) == 0 && row.code == code;
    return n;
}

static void dying(void)
{
    static struct nor_sim sim;
    unsigned days = 0, first = 0;
    int e = 0;
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, 2);
    sim.endurance = ENDURANCE;
    struct lab *l = lab_new_on(&sim.nor, &store_map);
    check(lab_power_up(l, T0) >= 0, "a blank chip mounts");
    while (days < 3000 && e == 0) {
        e = day(l, days++);
        if (!first && e == 0 && events(l, EV_SECTOR_RETIRED)) first = days;
    }
    unsigned told = events(l, EV_SECTOR_RETIRED), lost = events(l, EV_ENERGY_LOST);
    bool is_end = e == 1 || e == E_IO; /* the journal was lost in use, or at power-up */
    check(is_end && first && told && lost, "events tell of failed sectors, and of the end");
    for (unsigned k = 0; k < CELLS * DIRECTIONS; k++)
        check(energy_nj(&l->m.energy, &l->m.now, k / 2, k % 2) == l->fed_nj[k / 2][k % 2],
              "what is shown is what was counted");
    printf(
        "sectors die after %u erases: told on day %u, %u rows 342 and %u rows 341 in the log, "
        "totals true to the last day, %u\n",
        ENDURANCE, first, told, lost, days);
    check(outage(l, false) == E_IO, "what could not be kept is not shown as if it had been");
    lab_free(l);
    nor_sim_free(&sim);
}

int main(int argc, char **argv)
{
    clock_t from = clock();
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 15;
    random_state = 5;
    if (n) years(n);
    random_state = 6;
    dying();
    printf("%.1f s\n", (double)(clock() - from) / CLOCKS_PER_SEC);
    return 0;
}
