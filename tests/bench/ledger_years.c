/* ledger_years.c - random years of a prepayment meter beside books of the test's own.
 *
 * A life has a wallet of units and one of money, a scheme, debts, free credit; what happens to it
 * is drawn: energy under random tariffs, tokens of both kinds, money given and taken by clients,
 * payment modes with and without carrying on, schemes that replace the one in force, outages
 * with and without a last gasp, clocks set forward and back, also over ends of months and to
 * before the first, the light going out over the end of a month; and after each year up to ten
 * in the dark. After each step, of each wallet: bought = collected + balance, and each of the
 * three is what the books say; no Wh is missing from, or twice in, what was collected.
 *
 * Usage: ledger_years [YEARS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cal.h"
#include "base/err.h"
#include "base/sys.h"
#include "reckon.h"
#include "schemes.h"
#include "teller.h"

#define T0 INT64_C(1767225600) /* 2026-01-01 */
#define DAY 86400
#define FIRST (T0 / DAY - 1000) /* of the calendar: no clock goes back further */

enum { UNITS, MONEY };
struct book { /* of a wallet */
    int64_t bought, collected, billed, settled, paid;
    int64_t debt[DEBTS], free;
};
struct life {
    struct lab *l;
    struct teller t;
    struct book book[WALLETS];
    struct scheme s;
    struct month_usage month;
    struct exact before;
    uint64_t wh;
    bool crossed[8000];    /* local days that have begun, from FIRST */
    bool given[2040 * 12]; /* months that brought free credit */
    int32_t day, local_month;
    unsigned instalments;
    bool postpaid;
    int64_t instalment, share, grant;
    uint64_t steps, checks, seed;
    unsigned year, last;
};

static const char *const step_name[] = { "energy", "units",  "money",  "client",
                                         "mode",   "scheme", "outage", "hard outage",
                                         "clock",  "tariff", "debt",   "long outage" };
enum { STEPS = sizeof step_name / sizeof *step_name };

static void fail(const struct life *k, const char *what, int64_t is, int64_t want)
{
    fprintf(stderr, "%s: %lld, the books say %lld (year %u, step %llu, after %s)\n", what,
            (long long)is, (long long)want, k->year, (unsigned long long)k->steps,
            step_name[k->last]);
    fprintf(stderr, "repeat: ledger_years 1 %llu\n", (unsigned long long)k->seed);
    abort();
}

static void must(const struct life *k, const char *what, int64_t is, int64_t want)
{
    if (is != want) fail(k, what, is, want);
}

static int64_t utc(const struct life *k)
{
    return clock_utc(&k->l->m.clock, k->l->now).s;
}

/* -- the books ----------------------------------------------------------------------------- */

static int64_t balance_of(const struct book *b)
{
    return b->bought - (b->collected - b->billed) - b->paid;
}

static void charge_money(struct life *k)
{
    struct bill b;
    struct book *money = &k->book[MONEY];
    scheme_bill(&k->s, &k->month, &b);
    int64_t collected = exact_add(k->before, b.total).nano;
    if (k->postpaid) money->billed += collected - money->collected;
    money->collected = collected;
}

/* Units first; what they do not hold, and all of it while postpaid, is paid in money. */
static void use(struct life *k, unsigned tariff)
{
    struct book *units = &k->book[UNITS];
    uint64_t now = (uint64_t)reg_at(&k->l->m.now, REG_WH_IMPORT), wh = now - k->wh;
    int64_t has = k->postpaid ? 0 : balance_of(units);
    uint64_t from_units = has <= 0 ? 0 : wh < (uint64_t)has ? wh : (uint64_t)has;
    k->wh = now;
    units->collected += (int64_t)from_units;
    scheme_use(&k->s, &k->month, tariff, (uint32_t)(wh - from_units));
    charge_money(k);
}

static void settle_free(struct book *b)
{
    int64_t debit = -balance_of(b), used = debit < 0 ? 0 : debit < b->free ? debit : b->free;
    b->bought += used;
    b->free -= used;
}

static void pay(struct book *b, unsigned which, int64_t amount)
{
    if (amount > b->debt[which]) amount = b->debt[which];
    b->debt[which] -= amount;
    b->paid += amount;
}

/* A day, and a month, is charged where it begins for the first time. */
static void begin_day(struct life *k)
{
    struct bill b;
    bool *crossed = &k->crossed[k->day - FIRST];
    if (*crossed) return;
    *crossed = true;
    k->month.days++;
    k->instalments += !k->postpaid && k->book[MONEY].debt[DEBT_DAY];
    if (cal_civil((int64_t)k->day * DAY).day != 1) return;
    k->month.days--;
    scheme_bill(&k->s, &k->month, &b);
    k->before = exact_add(k->before, b.total);
    k->month = (struct month_usage){ .days = 1 };
}

/* Midnights in order: days and months of the scheme, then free credit, then the instalments. */
static void pass_days(struct life *k)
{
    int32_t day = (int32_t)(utc(k) / DAY);
    struct civil now = cal_civil(utc(k));
    struct book *money = &k->book[MONEY];
    int32_t month = now.year * 12 + now.month;
    if (k->day > day) k->day = day;
    while (k->day < day) {
        k->day++;
        begin_day(k);
    }
    charge_money(k);
    if (month != k->local_month) settle_free(money);
    k->local_month = month;
    if (!k->given[month]) money->free = k->grant;
    k->given[month] = true;
    pay(money, DEBT_DAY, k->instalment * k->instalments);
    k->instalments = 0;
}

static void check(struct life *k)
{
    static const char *const what[WALLETS][5] = {
        { "units bought", "units collected", "units billed", "debt paid in units", "units" },
        { "money bought", "money collected", "money billed", "debt paid", "balance" }
    };
    const struct meter *m = &k->l->m;
    for (unsigned w = 0; w < WALLETS; w++) {
        const struct book *b = &k->book[w];
        const struct wallet *x = &m->wallets.wallet[w];
        int64_t paid = x->debt[0].paid + x->debt[1].paid;
        must(k, what[w][1], wallet_collected(m, w), b->collected);
        must(k, what[w][2], wallet_billed(m, w), b->billed);
        must(k, what[w][0], x->bought, b->bought);
        must(k, what[w][3], paid, b->paid);
        must(k, what[w][4], wallet_balance(m, w), balance_of(b));
        /* bought = collected + balance: what was taken for energy, charges and debts */
        int64_t taken = wallet_collected(m, w) - wallet_billed(m, w) + paid;
        must(k, "the ledger", x->bought, taken + wallet_balance(m, w));
        must(k, "due", wallet_due(m, w), b->billed - b->settled);
        for (unsigned i = 0; i < DEBTS; i++) must(k, "debt", x->debt[i].remaining, b->debt[i]);
    }
    must(k, "free credit", m->wallets.wallet[MONEY].fund.free[FREE_MONTH], k->book[MONEY].free);
    uint64_t drawn = (uint64_t)m->wallets.wallet[UNITS].accrued;
    for (unsigned t = 0; t < TARIFFS; t++) drawn += m->wallets.wallet[MONEY].wh[t];
    must(k, "Wh drawn", (int64_t)drawn, reg_at(&m->now, REG_WH_IMPORT));
    k->checks++;
}

/* -- what happens -------------------------------------------------------------------------- */

/* Up to each midnight, so that every Wh has its day. */
static void run(struct life *k, uint64_t s)
{
    while (s) {
        unsigned tariff = (unsigned)k->l->m.now.quantity[VAL_TARIFF] - 1;
        uint64_t left = (uint64_t)(DAY - utc(k) % DAY), part = s < left ? s : left;
        lab_run_s(k->l, part);
        use(k, tariff);
        pass_days(k);
        check(k);
        s -= part;
    }
}

/* Nothing is used until all that was is written down. */
static void rest(struct life *k)
{
    k->l->load.p_mw = 0;
    run(k, 61);
}

static void ready(struct life *k)
{
    lab_settle(k->l);
    meter_at(&k->l->m, k->l->now);
}

static void done(struct life *k, int err)
{
    if (err < 0) fail(k, err_text(err), err, 0);
    lab_settle(k->l);
}

static void set(struct life *k, uint16_t id, int32_t v)
{
    ready(k);
    done(k, param_set(&k->l->m, &lab_who, id, v));
}

static void buy_units(struct life *k)
{
    uint64_t tenths = 1 + reckon_below(1500);
    k->book[UNITS].bought += (int64_t)tenths * 100;
    done(k, teller_enter(k->l, &teller_client, teller_units(&k->t, tenths)) - STS_ACCEPT);
}

/* A token says what 14 bits and a power of ten can: small sums are exact. */
static void buy_money(struct life *k)
{
    struct book *b = &k->book[MONEY];
    int64_t units = 1 + (int64_t)reckon_below(16000), grains = units * 10000;
    int64_t share = grains * k->share / 10000;
    settle_free(b);
    b->bought += grains;
    pay(b, DEBT_SHARE, share);
    done(k, teller_enter(k->l, &teller_keypad, teller_money(&k->t, units)) - STS_ACCEPT);
}

static void add(struct life *k, int64_t grains)
{
    struct book *b = &k->book[MONEY];
    ready(k);
    if (grains > 0) settle_free(b);
    b->bought += grains;
    done(k, wallet_add(&k->l->m, &lab_who, MONEY, grains));
}

/* Given, or all of it taken and more, so that free credit and emergency credit are used. */
static void by_client(struct life *k)
{
    int64_t all = balance_of(&k->book[MONEY]);
    bool takes = reckon_below(2) && all > 0;
    add(k, takes ? -all - (int64_t)reckon_below(30) * MONEY_UNIT
                 : (int64_t)reckon_below(300) * MONEY_UNIT);
}

/* While energy is used the second wallet never runs out: which pays at the very end of both is
 * told by windows, not by Wh. */
static void enough(struct life *k)
{
    if (balance_of(&k->book[MONEY]) < 100000 * MONEY_UNIT) add(k, 200000 * MONEY_UNIT);
}

static void to_mode(struct life *k)
{
    struct mode_change c = { .mode = k->postpaid ? MODE_PREPAYMENT : MODE_POSTPAID,
                             .from_zero = reckon_below(4) == 0,
                             .bill_to_debt = reckon_below(2) == 0 };
    ready(k);
    k->postpaid = !k->postpaid;
    for (unsigned w = 0; w < WALLETS; w++) {
        struct book *b = &k->book[w];
        int64_t due = b->billed - b->settled;
        if (k->postpaid) {
            b->settled = b->billed;
            continue;
        }
        if (c.bill_to_debt && due > 0) {
            b->debt[DEBT_DAY] += due;
            b->settled = b->billed;
        }
        if (!c.from_zero) continue;
        b->bought -= balance_of(b);
        b->free = 0;
    }
    done(k, credit_set_mode(&k->l->m, &lab_who, &c));
}

/* The month as if the new scheme had held from its beginning; what that would differ by is never
 * charged. */
static void another_scheme(struct life *k)
{
    enum scheme_fault fault;
    struct scheme next;
    struct bill was, is;
    struct month_usage u = k->month;
    reckon_scheme(&next);
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) /* powers are another test's */
        if (next.fixed[i].kind > FIXED_MONTH) next.fixed[i].kind = FIXED_DAY;
    rest(k);
    ready(k);
    if (expense_scheme_set(&k->l->m, &lab_who, &next, &fault))
        fail(k, scheme_fault_text(fault), 0, 0);
    lab_settle(k->l);
    done(k, expense_activate(&k->l->m, &lab_who));
    u = k->month;
    scheme_bill(&k->s, &k->month, &was);
    u.energy = 0;
    memset(u.wh, 0, sizeof u.wh);
    for (unsigned t = 0; t < TARIFFS; t++) scheme_use(&next, &u, t, k->month.wh[t]);
    scheme_bill(&next, &u, &is);
    k->before = exact_sub(exact_add(k->before, was.total), is.total);
    k->month = u;
    k->s = next;
    charge_money(k);
}

static void cut(struct life *k, bool gasp, uint64_t dark_s)
{
    if (!gasp) rest(k);
    int64_t now = utc(k);
    k->l->load.p_mw = 0;
    lab_power_down(k->l, gasp);
    if (lab_power_up(k->l, now + (int64_t)dark_s) < 0) fail(k, "no power", 0, 0);
    lab_settle(k->l);
    lab_run_s(k->l, 1);
    pass_days(k);
}

static bool may_go_back(int64_t to)
{
    return to > (FIRST + 400) * DAY;
}

/* By hours, by weeks either way, by months back: what the clock goes over twice is charged once. */
static void set_clock(struct life *k)
{
    static const uint32_t days[] = { 0, 0, 45, 300 };
    int64_t most = 14400 + (int64_t)days[reckon_below(4)] * DAY;
    int64_t by = (int64_t)reckon_below(2 * (uint32_t)most) - most;
    if (by > 45 * DAY) by = -by;
    rest(k);
    if (by < 0 && !may_go_back(utc(k) + by)) return;
    ready(k);
    done(k, clock_order(&k->l->m, &lab_who, CLOCK_SET, utc(k) + by, false));
    lab_run_s(k->l, 1);
    pass_days(k);
}

static void owe(struct life *k)
{
    unsigned which = reckon_below(DEBTS);
    int64_t debt = (int64_t)reckon_below(50) * MONEY_UNIT;
    ready(k);
    k->book[MONEY].debt[which] = debt;
    done(k, credit_set_debt(&k->l->m, &lab_who, MONEY, which, debt));
}

static void step(struct life *k)
{
    k->last = reckon_below(3) ? 0 : 1 + reckon_below(STEPS - 1);
    switch (k->last) {
    case 0:
        enough(k);
        k->l->load.p_mw = (int32_t)reckon_below(6000) * 1000;
        run(k, 1 + reckon_below(200000));
        break;
    case 1:
        buy_units(k);
        break;
    case 2:
        buy_money(k);
        break;
    case 3:
        by_client(k);
        break;
    case 4:
        to_mode(k);
        break;
    case 5:
        another_scheme(k);
        break;
    case 6:
        cut(k, true, reckon_below(100000));
        break;
    case 7:
        cut(k, false, reckon_below(100000));
        break;
    case 8:
        set_clock(k);
        break;
    case 9:
        ready(k);
        done(k, command_do(&k->l->m, &lab_who, CMD_TARIFF, (int32_t)(1 + reckon_below(8))));
        break;
    case 10:
        owe(k);
        break;
    default:
        cut(k, true, reckon_below(40) * (uint64_t)DAY);
        break;
    }
    check(k);
    k->steps++;
}

/* -- a year -------------------------------------------------------------------------------- */

static void begin(struct life *k)
{
    enum scheme_fault fault;
    struct lab *l = k->l = lab_new(0, 0);
    memset(k->book, 0, sizeof k->book);
    k->before = (struct exact){ 0, 0 };
    k->month = (struct month_usage){ .days = 1 };
    k->wh = 0;
    memset(k->crossed, 0, sizeof k->crossed);
    memset(k->given, 0, sizeof k->given);
    k->day = (int32_t)(T0 / DAY);
    k->instalments = 0;
    k->crossed[k->day - FIRST] = true;
    k->local_month = 2026 * 12 + 1;
    k->given[k->local_month] = true;
    k->postpaid = false;
    k->s = *(reckon_below(2) ? schemes_full() : schemes_egypt());
    k->instalment = (int64_t)reckon_below(100) * 10000000;
    k->share = reckon_below(10001);
    k->grant = (int64_t)reckon_below(2) * (int64_t)reckon_below(2000) * 10000000;
    teller_init(&k->t, STS_EA_STA);
    teller_fit(l, &k->t);
    if (lab_power_up(l, T0 + 10) < 0) fail(k, "no power", 0, 0);
    set(k, PARAM_DEBT_2_DAY, (int32_t)(k->instalment / 10000000));
    set(k, PARAM_DEBT_2_SHARE, (int32_t)k->share);
    set(k, PARAM_FREE_2_MONTH, (int32_t)(k->grant / 10000000));
    set(k, PARAM_EMERGENCY_2, 1000);
    set(k, PARAM_EMERGENCY_2_BELOW, 200);
    set(k, PARAM_EMERGENCY_2_AUTO, 1);
    ready(k);
    if (expense_scheme_set(&l->m, &lab_who, &k->s, &fault)) fail(k, "no scheme", 0, 0);
    lab_settle(l);
    done(k, expense_activate(&l->m, &lab_who));
    for (unsigned w = 0; w < WALLETS; w++) {
        ready(k);
        done(k, wallet_open(&l->m, &lab_who, w));
    }
    k->book[MONEY].free = k->grant;
    charge_money(k);
    check(k);
}

int main(int argc, char **argv)
{
    static struct life k;
    clock_t from = clock();
    unsigned years = argc > 1 ? (unsigned)atoi(argv[1]) : 2;
    reckon_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    for (k.year = 0; k.year < years; k.year++) {
        k.seed = reckon_seed;
        begin(&k);
        while (utc(&k) < T0 + 365 * (int64_t)DAY) step(&k);
        cut(&k, true, reckon_below(3700) * (uint64_t)DAY);
        check(&k);
        for (unsigned i = 0; i < 100; i++) step(&k);
        lab_free(k.l);
    }
    printf("%u years, %llu steps, %llu looks, %.1f s: the books agree\n", years,
           (unsigned long long)k.steps, (unsigned long long)k.checks,
           (double)(clock() - from) / CLOCKS_PER_SEC);
    return 0;
}
