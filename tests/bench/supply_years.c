/* supply_years.c - meters with sound relays live ordinary lives; nothing may be found wrong.
 *
 * Each meter lives a year: a household's load, appliances that come and go, sags, outages with
 * and without a last gasp, hot summers, remote orders, arrears and overloads now and then. A
 * relay with a feedback contact in every other meter. Whoever then finds a weld, a stuck
 * contact, a bypass, consumption with the supply open, a fire or a malfunction found what is
 * not there.
 *
 * Usage: supply_years [YEARS [SEED]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lab.h"

enum { DAYS = 365, HOURS = 24 };

/* Of the terminals, 0.1 degree: on its way from one hour to the next. */
static struct {
    int from, to;
    uint64_t since_us;
} warm = { 200, 200, 0 };

static uint64_t random_u64(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

static bool chance(uint64_t *x, unsigned one_in)
{
    return random_u64(x) % one_in == 0;
}

static int temperature_at(uint64_t us)
{
    uint64_t past = us > warm.since_us ? us - warm.since_us : 0;
    int64_t part_s = past < 3600000000 ? (int64_t)(past / 1000000) : 3600;
    return warm.from + (int)((warm.to - warm.from) * part_s / 3600);
}

static int temperature_dc(void *ctx)
{
    return temperature_at(((const struct lab *)ctx)->now.us);
}

static const uint16_t never[] = {
    EV_UNEXPECTED_CONSUMPTION, EV_BYPASS,          EV_RELAY_FAILURE,
    EV_RELAY_FAILS_TO_OPEN,    EV_OPEN_FIRE,       EV_RELAY_CORRECTED,
    EV_RELAY_FAILS_TO_CLOSE,   EV_OPEN_MALFUNCTION
};
static const uint8_t logs[] = { LOG_STANDARD, LOG_FRAUD, LOG_RELAY, LOG_FAILURE };

static unsigned found(struct lab *l, uint32_t seen[LOGS])
{
    unsigned n = 0;
    for (unsigned k = 0; k < sizeof logs; k++) {
        struct event_span s = event_span(&l->m, (enum event_log)logs[k]);
        struct event_row e;
        if (seen[logs[k]] < s.first) seen[logs[k]] = s.first;
        for (; seen[logs[k]] < s.next; seen[logs[k]]++) {
            if (event_read(&l->m, (enum event_log)logs[k], seen[logs[k]], &e) < 0) continue;
            for (unsigned i = 0; i < sizeof never / sizeof *never; i++)
                if (e.code == never[i]) printf("event %u\n", e.code), n++;
        }
    }
    return n;
}

static void set(struct lab *l, uint16_t id, int32_t value)
{
    meter_at(&l->m, l->now);
    if (param_set(&l->m, &lab_who, id, value) < 0) abort();
    lab_settle(l);
}

static void order(struct lab *l, enum requester r, enum supply_action a)
{
    meter_at(&l->m, l->now);
    (void)supply_order(&l->m, &lab_who, r, a); /* some are refused, as in life */
    lab_settle(l);
    lab_run_to(l, mono_after(l->now, 1000000), 200000); /* nobody presses twice in a second */
}

static void request(struct lab *l, enum requester r, bool holds)
{
    meter_at(&l->m, l->now);
    supply_request(&l->m, r, holds);
    lab_settle(l);
    lab_run_to(l, mono_after(l->now, 1000000), 200000);
}

static void load(struct lab *l, uint64_t *x)
{
    bool kettle = chance(x, 8), sag = chance(x, 200);
    l->load.u_mv = (int32_t)(215000 + random_u64(x) % 30000) - (sag ? 80000 : 0);
    l->load.p_mw = (int32_t)(80000 + random_u64(x) % 900000 + (kettle ? 2200000 : 0));
    if (chance(x, 3000)) l->load.p_mw = 7000000;
    l->load.q_mvar = (int32_t)(random_u64(x) % 200000);
    l->load.i_ma = (int32_t)((int64_t)l->load.p_mw * 1000 / l->load.u_mv);
}

static void hour(struct lab *l, uint64_t *x, unsigned day, unsigned of_day)
{
    int season = day > 120 && day < 270 ? 200 : 50;
    warm.from = temperature_at(l->now.us);
    warm.to = season + (of_day > 8 && of_day < 20 ? 120 : 20) + l->load.p_mw / 40000;
    warm.since_us = l->now.us;
    for (unsigned i = 0; i < 4; i++) {
        load(l, x);
        lab_run_s(l, 900);
    }
    if (chance(x, 700)) order(l, SUPPLY_REMOTE, ACTION_DISCONNECT);
    if (chance(x, 100)) order(l, SUPPLY_REMOTE, ACTION_RECONNECT);
    if (chance(x, 300)) request(l, SUPPLY_ARREARS, true);
    if (chance(x, 20)) request(l, SUPPLY_ARREARS, false);
    if (chance(x, 50)) order(l, SUPPLY_BUTTON, ACTION_RECONNECT);
}

static int64_t outage(struct lab *l, uint64_t *x, int64_t utc_s)
{
    int64_t now = utc_s + (int64_t)(l->now.us / 1000000);
    warm.from = warm.to = temperature_at(l->now.us);
    warm.since_us = 0;
    lab_power_down(l, chance(x, 2));
    now += 2 + (int64_t)(random_u64(x) % 7200);
    if (lab_power_up(l, now) < 0) abort();
    lab_settle(l);
    return now;
}

static unsigned year(uint64_t seed, uint32_t *operations)
{
    struct lab *l = lab_new(0, 0);
    uint64_t x = seed * 7919 + 13;
    uint32_t seen[LOGS] = { 0 };
    int64_t at = 1767225600;
    unsigned wrong = 0;
    lab_fit_relay(l, seed % 2);
    l->io.temperature_dc = temperature_dc;
    if (lab_power_up(l, at) < 0) abort();
    lab_settle(l);
    set(l, PARAM_SUPPLY_MODE, 1 + (int32_t)(seed % 6));
    set(l, PARAM_PROTECT_MASK, 255 & ~(1 << PROTECT_TAMPER));
    set(l, PARAM_LIMIT_1_NORMAL, 6000);
    for (unsigned day = 0; day < DAYS; day++) {
        for (unsigned h = 0; h < HOURS; h++) hour(l, &x, day, h);
        wrong += found(l, seen);
        if (chance(&x, 30)) at = outage(l, &x, at);
    }
    *operations += l->relay.moves;
    uint32_t counted = l->m.now.counter[CNT_RELAY_OPENS] + l->m.now.counter[CNT_RELAY_CLOSES];
    if (counted != l->relay.moves) printf("%u counted, %u moves\n", counted, l->relay.moves);
    wrong += counted != l->relay.moves;
    lab_free(l);
    return wrong;
}

int main(int argc, char **argv)
{
    unsigned years = argc > 1 ? (unsigned)atoi(argv[1]) : 2, wrong = 0;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    uint32_t operations = 0;
    clock_t from = clock();
    for (unsigned i = 0; i < years; i++) {
        unsigned n = year(seed + i, &operations);
        if (n) printf("repeat: supply_years 1 %" PRIu64 "\n", seed + i);
        wrong += n;
    }
    printf("%u meter-years, %u operations, %u false finds, %.1f s\n", years, operations, wrong,
           (double)(clock() - from) / CLOCKS_PER_SEC);
    return wrong != 0;
}
