/* tariff_months.c - random schemes in a running meter, month after month, against tests/reckon.h.
 *
 * Each scheme gets a meter of its own. Energy comes in windows of one Wh at random powers and
 * under random tariffs; days pass; the month ends, by itself, and another begins. At every Wh
 * that is booked, and at every midnight, the wallet must have been charged what the reckoner
 * says, to 1e-9, and the bill behind it to every digit.
 *
 * Usage: tariff_months [SCHEMES [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cal.h"
#include "base/sys.h"
#include "reckon.h"
#include "teller.h"

#define T0 INT64_C(1767225600) /* 2026-01-01 */
#define DAY 86400

struct month {
    struct lab *l;
    struct scheme s;
    struct count c;
    struct month_usage u;
    wide before; /* months that ended */
    uint64_t bills;
    uint64_t seed;
    unsigned n;
};

static void fail(const struct month *k, const char *what)
{
    fprintf(stderr, "%s: scheme %u after %llu bills\nrepeat: tariff_months %u %llu\n", what,
            k->n, (unsigned long long)k->bills, k->n + 1, (unsigned long long)k->seed);
    abort();
}

/* 1e-25 to 1e-9, down. */
static int64_t floor_nano(wide v)
{
    wide q = v / NANO;
    return (int64_t)(v % NANO < 0 ? q - 1 : q);
}

static void look(struct month *k)
{
    struct sums x;
    struct bill b;
    struct meter *m = &k->l->m;
    k->u.demand_w = (uint32_t)m->now.maximum[DEMAND_P_IMPORT][0].value;
    reckon(&k->s, &k->c, &k->u, &x);
    expense_bill(m, 1, &b);
    if (reckon_exact(b.total) != x.t) fail(k, "another bill");
    if (wallet_collected(m, 1) != floor_nano(k->before + x.t)) fail(k, "another charge");
    k->bills++;
}

static uint64_t wh_now(struct month *k)
{
    return (uint64_t)reg_at(&k->l->m.now, REG_WH_IMPORT);
}

static int64_t utc(const struct month *k)
{
    return clock_utc(&k->l->m.clock, k->l->now).s;
}

static void tariff(struct month *k)
{
    lab_settle(k->l);
    meter_at(&k->l->m, k->l->now);
    if (command_do(&k->l->m, &lab_who, CMD_TARIFF, (int32_t)(1 + reckon_below(8))))
        fail(k, "no tariff");
    lab_settle(k->l);
}

/* Some Wh, a window each: 36 kW to 3.6 kW are 100 ms to 1 s. */
static void use(struct month *k, unsigned wh)
{
    static const int32_t mw[] = { 36000000, 18000000, 7200000, 3600000 };
    static const uint64_t us[] = { 100000, 200000, 500000, 1000000 };
    for (unsigned i = 0; i < wh; i++) {
        unsigned p = reckon_below(4), t = (unsigned)k->l->m.now.quantity[VAL_TARIFF] - 1;
        uint64_t was = wh_now(k);
        k->l->load.p_mw = mw[p];
        lab_run_to(k->l, mono_after(k->l->now, us[p]), us[p]);
        if (wh_now(k) != was + 1) fail(k, "not one Wh");
        reckon_one(&k->s, &k->c, t);
        look(k);
    }
    k->l->load.p_mw = 0;
}

/* To the next midnight, and what ends there. */
static void pass_midnight(struct month *k)
{
    struct sums x;
    int64_t midnight = (utc(k) / DAY + 1) * DAY;
    lab_run_until(k->l, midnight - 2);
    look(k);
    k->u.demand_w = (uint32_t)k->l->m.now.maximum[DEMAND_P_IMPORT][0].value;
    reckon(&k->s, &k->c, &k->u, &x);
    lab_run_until(k->l, midnight + 1);
    lab_settle(k->l);
    k->u.days++;
    if (cal_civil(midnight).day == 1) {
        k->before += x.t;
        memset(&k->c, 0, sizeof k->c);
        k->u.days = 1;
    }
    look(k);
}

static void fit(struct month *k, struct teller *t)
{
    enum scheme_fault fault;
    struct lab *l = k->l;
    static const struct param_value contract = { PARAM_CONTRACT_W, 5000 };
    k->u.contract_w = 5000;
    k->u.days = 1;
    if (param_set_all(&l->m, &lab_who, &contract, 1)) fail(k, "no contract");
    if (teller_enter(l, &teller_keypad, teller_money(t, 1)) != STS_ACCEPT) fail(k, "no token");
    if (expense_scheme_set(&l->m, &lab_who, &k->s, &fault)) fail(k, scheme_fault_text(fault));
    lab_settle(l);
    if (expense_activate(&l->m, &lab_who)) fail(k, "no scheme");
    lab_settle(l);
}

static void live(struct month *k)
{
    struct teller t;
    static const int64_t starts[] = { 26, 27, 28, 29 };
    k->l = lab_new(0, 0);
    k->before = 0;
    memset(&k->c, 0, sizeof k->c);
    memset(&k->u, 0, sizeof k->u);
    teller_init(&t, STS_EA_STA);
    teller_fit(k->l, &t);
    if (lab_power_up(k->l, T0 + starts[reckon_below(4)] * DAY + 100)) fail(k, "no power");
    fit(k, &t);
    for (unsigned day = 0; day < 8; day++) {
        unsigned parts = reckon_below(4);
        for (unsigned i = 0; i < parts; i++) {
            tariff(k);
            use(k, reckon_below(300));
        }
        pass_midnight(k);
    }
    lab_free(k->l);
}

int main(int argc, char **argv)
{
    static struct month k;
    clock_t from = clock();
    unsigned schemes = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
    k.seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    reckon_seed = k.seed;
    for (k.n = 0; k.n < schemes; k.n++) {
        reckon_scheme(&k.s);
        live(&k);
    }
    printf("%u schemes, %llu bills of a running meter, %.1f s: equal to every digit\n", schemes,
           (unsigned long long)k.bills, (double)(clock() - from) / CLOCKS_PER_SEC);
    return 0;
}
