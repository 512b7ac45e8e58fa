/* test_powercut_token.c - tokens of every kind, schemes that come into force, days and months
 * that end, changes of the payment mode, emergency credit and debts, with the lights going out at
 * every flash operation of each.
 *
 * A token is first entered into a copy of the meter that nobody disturbs: that is what "after"
 * means. Then it is entered into the meter, and each program and erase until the flash is at
 * rest is cut once in every torn model: the chip is forked inside the operation, torn, powered
 * up. What comes back must be wholly as before or wholly as after: wallets, TIDs, key, limit,
 * lock-out, count, token row. Where it is as before, entering the tokens again must lead to
 * "after"; where it is as after, the meter must refuse them and change nothing. One power-up in
 * some is cut again. The load runs all the while, so energy records fall between. Days and
 * months end by themselves: what a cut left undone must be done at power-up, to the same money.
 *
 * Usage: test_powercut_token [ROUNDS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "powercut/cuts.h"
#include "schemes.h"
#include "teller.h"

static const int64_t T0 = 1767225600;

static const struct store_map map = {
    .journal = { 0, 9 },
    .params = { 9, 6 },
    .keys = { 15, 4 },
    .stage = { 19, 1 },
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
enum { SECTORS = 20 + 4 * SERIES_IDS };

/* What a token may change; no padding is compared. */
struct snap {
    int64_t bought[WALLETS], purchased[WALLETS];
    uint32_t status[WALLETS], wrong[TOKEN_CHANNELS];
    uint32_t tid[STS_TIDS];
    uint8_t key[16], numbers[8], bcd[STS_DIGITS / 2], row[STS_DIGITS / 2];
    uint32_t sgc, tokens, limit, side, months;
    uint32_t held, credits, charges, emergency, friendly;
    uint32_t paired[UNIT_PLACES], floor[UNIT_PLACES]; /* customers' units */
    int32_t level;
    uint32_t days[WALLETS], demand[WALLETS], wh[WALLETS][TARIFFS];
    int64_t base[WALLETS], part[WALLETS], accrued[WALLETS];
    int64_t billed[WALLETS], since[WALLETS], settled[WALLETS], from[WALLETS];
    int64_t free[WALLETS][FREES], owed[WALLETS][DEBTS], paid[WALLETS][DEBTS];
    uint32_t flags[WALLETS], uses[WALLETS], month[WALLETS];
};

struct life {
    struct lab *lab;
    struct teller teller;
    struct sts_key factory;
    struct snap before, after;
    const struct who *who;
    char token[4][STS_DIGITS + 1];
    int n;
    const char *kind;
    bool counts;               /* it takes effect, and so can be used up */
    bool by_itself;            /* no token: the meter does it, and makes up for it */
    int (*act)(struct lab *l); /* what is done instead of entering tokens */
    struct cuts cuts;
    uint64_t seed;
    unsigned rounds;
};

static void fail(const struct life *f, const char *what, const char *model)
{
    fprintf(stderr, "%s: %s (%s, operation %llu)\nrepeat: test_powercut_token %u %llu\n",
            f->kind, what, model, (unsigned long long)f->cuts.operations, f->rounds,
            (unsigned long long)f->seed);
    abort();
}

static void look_at_credit(const struct wallet *x, struct snap *s, unsigned w)
{
    const struct fund *f = &x->fund;
    s->billed[w] = f->billed;
    s->since[w] = f->since;
    s->settled[w] = f->settled;
    s->from[w] = f->from;
    s->flags[w] = f->flags;
    s->uses[w] = f->uses;
    s->month[w] = f->month;
    for (unsigned i = 0; i < FREES; i++) s->free[w][i] = f->free[i];
    for (unsigned i = 0; i < DEBTS; i++) {
        s->owed[w][i] = x->debt[i].remaining;
        s->paid[w][i] = x->debt[i].paid;
    }
}

/* The newest row of a token that was taken: a section, a refusal has one as well, each time. */
static void look_at_row(struct meter *m, uint8_t bcd[STS_DIGITS / 2])
{
    struct token_span s = token_span(m, TOKENS_ALL);
    struct token_row row;
    for (uint32_t i = s.next; i-- > s.first;) {
        if (token_read(m, TOKENS_ALL, i, &row) < 0 || row.last.result != STS_ACCEPT) continue;
        memcpy(bcd, row.last.bcd, sizeof row.last.bcd);
        return;
    }
}

static void look_at_units(struct meter *m, struct snap *s)
{
    struct unit_entry e[UNIT_PLACES];
    unit_list(m, e);
    for (unsigned i = 0; i < UNIT_PLACES; i++) {
        s->paired[i] = e[i].serial;
        s->floor[i] = e[i].serial ? unit_floor(m, e[i].serial) : 0;
    }
}

static void look(struct lab *l, struct snap *s)
{
    struct meter *m = &l->m;
    struct sts_key k = { 0 };
    memset(s, 0, sizeof *s);
    for (unsigned w = 0; w < WALLETS; w++) {
        s->bought[w] = m->wallets.wallet[w].bought;
        s->purchased[w] = m->wallets.wallet[w].purchased;
        const struct period *p = &m->wallets.wallet[w].period;
        s->status[w] = m->wallets.wallet[w].status;
        s->days[w] = p->days;
        s->demand[w] = p->demand_w;
        s->base[w] = p->base.nano;
        s->part[w] = p->base.part;
        s->accrued[w] = p->accrued;
        for (unsigned t = 0; t < TARIFFS; t++) s->wh[w][t] = p->wh[t];
        look_at_credit(&m->wallets.wallet[w], s, w);
    }
    for (unsigned c = 0; c < TOKEN_CHANNELS; c++) s->wrong[c] = m->tokens.lock[c].wrong;
    memcpy(s->tid, m->tokens.tids.tid, sizeof s->tid);
    if (prepay_key_get(m, &k)) memset(&k, 0xEE, sizeof k);
    memcpy(s->key, k.key, sizeof s->key);
    memcpy(s->numbers, (uint8_t[]){ k.ea, k.kt, k.krn, k.ti, k.ken, 0, 0, 0 }, 8);
    memcpy(s->bcd, m->tokens.last.bcd, sizeof s->bcd);
    s->sgc = k.sgc;
    s->tokens = m->now.counter[CNT_TOKENS];
    look_at_row(m, s->row);
    look_at_units(m, s);
    s->credits = token_span(m, TOKENS_CREDIT).next;
    s->charges = token_span(m, TOKENS_CHARGES).next;
    s->emergency = (uint32_t)param_get(m, PARAM_EMERGENCY_1);
    s->friendly = (uint32_t)param_get(m, PARAM_FRIENDLY_ENABLE);
    s->level = m->wallets.watchman.level[0].threshold;
    s->held = m->supply.state.held & SUPPLY_BIT(SUPPLY_REMOTE);
    s->limit = (uint32_t)param_get(m, PARAM_LIMIT_3_NORMAL);
    s->side = (uint32_t)param_get(m, PARAM_SCHEME_SIDE);
    s->months = billing_span(m, BILLING_MONTHLY).next;
}

/* A lock-out of the present and one more section in RAM are nobody's loss: only what is written
 * is compared, and a last token that was refused is not. */
static bool is_same(const struct snap *a, const struct snap *b)
{
    struct snap x = *a, y = *b;
    memset(x.bcd, 0, sizeof x.bcd);
    memset(y.bcd, 0, sizeof y.bcd);
    return !memcmp(&x, &y, sizeof x);
}

static int enter_all(const struct life *f, struct lab *l)
{
    int result = 0;
    if (f->act) return f->act(l);
    for (int i = 0; i < f->n; i++) result = teller_enter(l, f->who, f->token[i]);
    return result;
}

/* -- judging ------------------------------------------------------------------------------- */

static struct lab *power_up(const struct life *f, struct nor_sim *sim)
{
    const struct lab *parent = f->lab;
    struct lab *l = lab_new_on(&sim->nor, &map);
    l->cfg = parent->cfg;
    l->io.root_key = parent->io.root_key;
    l->load = parent->load;
    lab_fit_relay(l, true);
    l->relay.closed = parent->relay.closed;
    int64_t utc = clock_utc(&parent->m.clock, parent->now).s + 5;
    if (lab_power_up(l, utc) < 0) {
        lab_free(l);
        return NULL;
    }
    lab_settle(l);
    return l;
}

/* Arrears hold the supply as long as the wallet whose turn it is says so, and no longer. */
static void agree(const struct life *f, struct lab *l, const char *model)
{
    const struct meter *m = &l->m;
    unsigned w = wallet_active(m);
    bool empty = wallet_is_open(m, w) && !wallet_is_postpaid(m) &&
                 credit_available(m, w) <= 0 && credit_emergency(m, w) <= 0;
    bool held = (m->supply.state.held & SUPPLY_BIT(SUPPLY_ARREARS)) != 0;
    if (empty != held || m->wallets.owes != held) fail(f, "relay and wallet differ", model);
}

static void judge(const struct life *f, struct lab *l, const char *model)
{
    struct snap is, then;
    look(l, &is);
    agree(f, l, model);
    bool old = is_same(&is, &f->before), new = is_same(&is, &f->after);
    if (f->by_itself) {
        lab_run_s(l, 2); /* it is past its time */
        look(l, &is);
        if (!is_same(&is, &f->after)) fail(f, "not made up for", model);
        return;
    }
    if (!old && !new) fail(f, "neither before nor after", model);
    if (!f->counts) return;
    int result = enter_all(f, l);
    look(l, &then);
    agree(f, l, model);
    if (!new && !is_same(&then, &f->after)) fail(f, "cannot be entered again", model);
    if (new && (result == STS_ACCEPT || then.tokens != f->after.tokens))
        fail(f, "counted twice", model);
}

static void judge_copy(void *ctx, struct nor_sim *chip, enum torn model)
{
    struct life *f = ctx;
    struct lab *l = power_up(f, chip);
    if (!l) fail(f, "does not mount", torn_name[model]);
    chip->watch = NULL;
    judge(f, l, torn_name[model]);
    lab_free(l);
}

/* -- the life ------------------------------------------------------------------------------ */

/* The tokens of f->teller, entered by f->who: the last of them shall come to `expected`. */
static void cut_tokens(struct life *f, struct nor_sim *sim, const char *kind, int expected)
{
    struct nor_sim copy;
    f->kind = kind;
    f->n = f->teller.tokens;
    memcpy(f->token, f->teller.token, sizeof f->token);
    f->counts = expected == STS_ACCEPT;
    lab_settle(f->lab);
    look(f->lab, &f->before);
    nor_sim_fork(&copy, sim, 1);
    struct lab *l = power_up(f, &copy);
    if (!l) fail(f, "the copy does not mount", "-");
    if (enter_all(f, l) != expected) fail(f, "another answer", "-");
    look(l, &f->after);
    lab_free(l);
    nor_sim_free(&copy);
    for (int i = 0; i < f->n - 1; i++) teller_enter(f->lab, f->who, f->token[i]);
    cuts_watch(&f->cuts, sim);
    int result = teller_enter(f->lab, f->who, f->token[f->n - 1]);
    sim->watch = NULL;
    if (result != expected) fail(f, "another answer in life", "-");
    struct snap is;
    look(f->lab, &is);
    if (!is_same(&is, &f->after)) fail(f, "life differs from the copy", "-");
    lab_run_s(f->lab, 70);
}

/* The same for what is no token: act() does it, in the copy and in life. */
static void cut_act(struct life *f, struct nor_sim *sim, const char *kind,
                    int (*act)(struct lab *l), bool by_itself)
{
    struct nor_sim copy;
    f->kind = kind;
    f->act = act;
    f->counts = !by_itself;
    f->by_itself = by_itself;
    lab_settle(f->lab);
    look(f->lab, &f->before);
    nor_sim_fork(&copy, sim, 1);
    struct lab *l = power_up(f, &copy);
    if (!l) fail(f, "the copy does not mount", "-");
    if (act(l) < 0) fail(f, "refused", "-");
    look(l, &f->after);
    lab_free(l);
    nor_sim_free(&copy);
    if (is_same(&f->before, &f->after)) fail(f, "nothing happened", "-");
    cuts_watch(&f->cuts, sim);
    if (act(f->lab) < 0) fail(f, "refused in life", "-");
    sim->watch = NULL;
    struct snap is;
    look(f->lab, &is);
    if (!is_same(&is, &f->after)) fail(f, "life differs from the copy", "-");
    f->act = NULL;
    f->by_itself = false;
}

/* Once done it is not done again: the active scheme's name tells. */
static int activate_egypt(struct lab *l)
{
    if (l->m.expense.has && !strcmp(l->m.expense.scheme.name, "Egypt 2021")) return 0;
    meter_at(&l->m, l->now);
    int err = expense_activate(&l->m, &lab_who);
    lab_settle(l);
    return err < 0 ? err : STS_ACCEPT;
}

static int64_t shown_utc(struct lab *l)
{
    return clock_utc(&l->m.clock, l->now).s;
}

static int64_t midnight; /* the one that is cut */

static int end_day(struct lab *l)
{
    lab_run_until(l, midnight);
    lab_settle(l);
    return 0;
}

static int reset_maxima(struct lab *l)
{
    int err;
    while ((err = billing_reset_maxima(&l->m, &lab_who)) == E_BUSY) lab_settle(l);
    lab_settle(l);
    return err;
}

static void write_scheme(struct life *f, const struct scheme *s)
{
    enum scheme_fault fault;
    int err;
    while ((err = expense_scheme_set(&f->lab->m, &lab_who, s, &fault)) == E_BUSY)
        lab_settle(f->lab);
    if (err < 0) fail(f, "scheme refused", "-");
    lab_settle(f->lab);
}

static void set(struct life *f, uint16_t id, int32_t value)
{
    while (param_set(&f->lab->m, &lab_who, id, value) == E_BUSY) lab_settle(f->lab);
    lab_settle(f->lab);
}

static int order(struct lab *l, int err)
{
    lab_settle(l);
    return err;
}

/* So that the wallet of money has exactly this much. */
static void fill(struct life *f, int64_t grains)
{
    struct lab *l = f->lab;
    lab_settle(l);
    meter_at(&l->m, l->now);
    if (order(l, wallet_add(&l->m, &lab_who, 1, grains - wallet_balance(&l->m, 1))) < 0)
        fail(f, "cannot be filled", "-");
}

/* To two seconds before a midnight, without load: what a cut forgets is no energy then. */
static void before_midnight(struct life *f, bool of_a_month)
{
    int64_t day = shown_utc(f->lab) / 86400 + 1;
    f->lab->load.p_mw = 3600000;
    lab_run_s(f->lab, 5000);
    f->lab->load.p_mw = 0;
    while (of_a_month && cal_civil(day * 86400).day != 1) day++;
    if (day * 86400 - 10 < shown_utc(f->lab)) day++;
    midnight = day * 86400;
    lab_run_until(f->lab, midnight - 2);
    lab_settle(f->lab);
}

static void set_clock(struct life *f, int64_t utc)
{
    struct lab *l = f->lab;
    meter_at(&l->m, l->now);
    if (order(l, clock_order(&l->m, &lab_who, CLOCK_SET, utc, false)) < 0)
        fail(f, "the clock cannot be set", "-");
    lab_run_s(l, 1);
}

/* The clock goes back over the end of the month, which then comes again: another row of history
 * and nothing else, wherever the light goes out. */
static void a_month_ends_again(struct life *f, struct nor_sim *sim)
{
    set_clock(f, midnight - 3600);
    lab_run_until(f->lab, midnight - 2);
    lab_settle(f->lab);
    cut_act(f, sim, "a month ends again", end_day, true);
    struct snap once = f->after;
    once.months = f->before.months;
    memcpy(once.month, f->before.month, sizeof once.month); /* it is looked at, no more */
    if (!is_same(&once, &f->before)) fail(f, "it ended twice", "-");
}

static void schemes_and_months(struct life *f, struct nor_sim *sim)
{
    fill(f, 100000 * MONEY_UNIT); /* the supply is on */
    write_scheme(f, schemes_ghana_2018(true));
    while (expense_activate(&f->lab->m, &lab_who) == E_BUSY) lab_settle(f->lab);
    lab_settle(f->lab);
    f->lab->load.p_mw = 360000000;
    lab_run_s(f->lab, 1000);
    f->lab->load.p_mw = 0;
    lab_run_s(f->lab, 61);
    write_scheme(f, schemes_egypt());
    cut_act(f, sim, "a scheme comes into force", activate_egypt, false);
    before_midnight(f, false);
    cut_act(f, sim, "a day ends", end_day, true);
    cut_act(f, sim, "maxima are reset", reset_maxima, false);
    before_midnight(f, true);
    cut_act(f, sim, "a month ends", end_day, true);
    a_month_ends_again(f, sim);
    write_scheme(f, schemes_full());
    set(f, PARAM_SCHEME_AT_S, (int32_t)shown_utc(f->lab));
    before_midnight(f, true);
    cut_act(f, sim, "a month ends with another scheme", end_day, true);
}

/* -- the mode, emergency credit, debts ----------------------------------------------------- */

static int done(struct lab *l, int err)
{
    lab_settle(l);
    return err < 0 ? err : STS_ACCEPT;
}

static int to_mode(struct lab *l, uint8_t mode)
{
    const struct mode_change c = { .mode = mode, .from_zero = true, .bill_to_debt = true };
    meter_at(&l->m, l->now);
    if ((mode == MODE_POSTPAID) == wallet_is_postpaid(&l->m)) return 0;
    return done(l, credit_set_mode(&l->m, &lab_who, &c));
}

static int to_postpaid(struct lab *l)
{
    return to_mode(l, MODE_POSTPAID);
}

static int to_prepayment(struct lab *l)
{
    return to_mode(l, MODE_PREPAYMENT);
}

static int take_emergency(struct lab *l)
{
    meter_at(&l->m, l->now);
    if (l->m.wallets.wallet[1].fund.flags & FUND_SELECTED) return 0;
    return done(l, credit_take_emergency(&l->m, &lab_who, 1));
}

static int collect(struct lab *l)
{
    static const int64_t all = 70 * MONEY_UNIT;
    meter_at(&l->m, l->now);
    if (l->m.wallets.wallet[1].debt[DEBT_DAY].remaining < all) return 0;
    return done(l, credit_collect(&l->m, &lab_who, 1));
}

/* By a unit that asks, of a count, while a token permits it. */
static int pair_unit(struct lab *l)
{
    static const struct who unit = { .link = LINK_CIU };
    meter_at(&l->m, l->now);
    if (unit_is_paired(&l->m, 7001)) return 0;
    unit_open_window(&l->m);
    return done(l, unit_pair(&l->m, &unit, 7001, 41));
}

static int pair_other(struct lab *l)
{
    static const struct unit_entry e[] = { { 7002, UNIT_PLC }, { 7001, UNIT_PLC } };
    meter_at(&l->m, l->now);
    if (unit_is_paired(&l->m, 7002)) return 0;
    return done(l, unit_set(&l->m, &lab_who, e, 2));
}

static void units_of_customers(struct life *f, struct nor_sim *sim)
{
    cut_act(f, sim, "a unit is paired", pair_unit, false);
    cut_act(f, sim, "two units are", pair_other, false);
    teller_function(&f->teller, 11, STS_FN_UNIT, 0);
    cut_tokens(f, sim, "units are forgotten", STS_ACCEPT);
}

static void credit_and_modes(struct life *f, struct nor_sim *sim)
{
    struct lab *l = f->lab;
    set(f, PARAM_SUPPLY_MODE, 4);
    cut_act(f, sim, "to postpaid", to_postpaid, false);
    l->load.p_mw = 3600000;
    lab_run_s(l, 4000);
    l->load.p_mw = 0;
    lab_run_s(l, 61);
    cut_act(f, sim, "to prepayment", to_prepayment, false);
    set(f, PARAM_WALLET_ARRANGEMENT, WALLETS_SINGLE);
    set(f, PARAM_WALLET_ARRANGEMENT, WALLETS_UNITS_MONEY);
    meter_at(&l->m, l->now);
    if (order(l, wallet_add(&l->m, &lab_who, 0, -wallet_balance(&l->m, 0))) < 0)
        fail(f, "cannot be emptied", "-");
    set(f, PARAM_EMERGENCY_2, 1000);
    set(f, PARAM_EMERGENCY_2_BELOW, 200);
    fill(f, 0);
    lab_run_s(l, 5);
    cut_act(f, sim, "emergency credit", take_emergency, false);
    fill(f, -3 * MONEY_UNIT);
    if (order(l, credit_set_debt(&l->m, &lab_who, 1, DEBT_SHARE, 50 * MONEY_UNIT)) < 0 ||
        order(l, credit_set_debt(&l->m, &lab_who, 1, DEBT_DAY, 70 * MONEY_UNIT)) < 0)
        fail(f, "no debt", "-");
    set(f, PARAM_DEBT_2_SHARE, 2000);
    teller_money(&f->teller, 10000);
    cut_tokens(f, sim, "a token that repays", STS_ACCEPT);
    teller_money(&f->teller, 500000);
    cut_tokens(f, sim, "a token that clears", STS_ACCEPT);
    fill(f, 500 * MONEY_UNIT);
    set(f, PARAM_DEBT_2_DAY, 500);
    cut_act(f, sim, "an instalment", collect, false);
    set(f, PARAM_FREE_2_MONTH, 3000);
    before_midnight(f, false);
    cut_act(f, sim, "a day of debt", end_day, true);
    before_midnight(f, true);
    fill(f, -2 * MONEY_UNIT);
    cut_act(f, sim, "a month of free credit", end_day, true);
    fill(f, -1 * MONEY_UNIT);
    before_midnight(f, true);
    cut_act(f, sim, "free credit that was used", end_day, true);
    set(f, PARAM_DEBT_2_SHARE, 0);
    set(f, PARAM_DEBT_2_DAY, 0);
    set(f, PARAM_FREE_2_MONTH, 0);
    set(f, PARAM_EMERGENCY_2, 0);
}

static void set_key(struct life *f)
{
    f->lab->cfg.decoder = NULL;
    while (prepay_key_set(&f->lab->m, &lab_who, &f->factory, 6000000) == E_BUSY)
        lab_settle(f->lab);
    lab_settle(f->lab);
}

static void stranger(struct life *f)
{
    struct teller t = f->teller;
    t.key.key[2] ^= 0x5A;
    t.tid += (uint32_t)f->cuts.operations;
    teller_units(&t, 10);
    memcpy(f->teller.token, t.token, sizeof t.token);
    f->teller.tokens = 1;
}

static void cut_function(struct life *f, struct nor_sim *sim, const char *kind, unsigned number,
                         unsigned data)
{
    teller_function(&f->teller, 11, number, data);
    cut_tokens(f, sim, kind, STS_ACCEPT);
}

static void round_of(struct life *f, struct nor_sim *sim)
{
    struct teller *t = &f->teller;
    uint64_t r = sim_random(&f->cuts.random);
    f->who = r & 1 ? &teller_keypad : &teller_client;
    teller_units(t, 1 + r % 16000);
    cut_tokens(f, sim, "units", STS_ACCEPT);
    teller_money(t, 1 + (int64_t)(r >> 20) % 16000);
    cut_tokens(f, sim, "money", STS_ACCEPT);
    teller_money(t, -1 - (int64_t)(r >> 20) % 8000);
    cut_tokens(f, sim, "money taken", STS_ACCEPT);
    teller_register(t, 0, (uint16_t)(1 + r % 16000));
    cut_tokens(f, sim, "power limit", STS_ACCEPT);
    f->lab->load.p_mw = 0; /* what is cleared shall not depend on what a cut forgot */
    lab_run_s(f->lab, 61);
    teller_register(t, 1, r & 2 ? 0xFFFF : 0);
    cut_tokens(f, sim, "clear credit", STS_ACCEPT);
    f->lab->load.p_mw = 3600000;
    teller_register(t, 5, 0);
    cut_tokens(f, sim, "clear tamper", STS_ACCEPT);
    teller_register(t, 2, (uint16_t)(1 + r % 99));
    cut_tokens(f, sim, "tariff index", STS_ACCEPT);
    t->key.ti = (uint8_t)(1 + r % 99);
    cut_function(f, sim, "level", STS_FN_LEVEL_1, 20 + (unsigned)(r % 1000));
    cut_function(f, sim, "emergency", STS_FN_EMERGENCY, 1 + (unsigned)(r % 1000));
    cut_function(f, sim, "friendly", STS_FN_FRIENDLY,
                 !param_get(&f->lab->m, PARAM_FRIENDLY_ENABLE));
    f->lab->load.p_mw = 0; /* where the bill begins shall not depend on it either */
    lab_run_s(f->lab, 61);
    cut_function(f, sim, "postpaid", STS_FN_MODE, 0);
    cut_function(f, sim, "prepayment", STS_FN_MODE, 1);
    f->lab->load.p_mw = 3600000;
    cut_function(f, sim, "supply opened", STS_FN_SWITCH, 0);
    cut_function(f, sim, "supply released", STS_FN_SWITCH, 1);
    lab_run_s(f->lab, 2); /* ready, in mode 6: a hand closes it */
    while (supply_order(&f->lab->m, &lab_who, SUPPLY_BUTTON, ACTION_RECONNECT) == E_BUSY)
        lab_settle(f->lab);
    lab_run_s(f->lab, 2);
    for (unsigned i = 0; i < 6; i++) {
        stranger(f);
        cut_tokens(f, sim, "wrong token", i < 5 ? STS_CRC : STS_LOCKED_OUT);
        if (i == 4) lab_settle(f->lab);
    }
    lab_run_s(f->lab, 301);
    teller_units(t, 5);
    cut_tokens(f, sim, "units after a lock-out", STS_ACCEPT);
    teller_change(t, (uint8_t)(1 + r % 200), false, true);
    cut_tokens(f, sim, "key change", STS_ACCEPT);
    teller_change(t, (uint8_t)(1 + (r >> 8) % 200), true, true);
    cut_tokens(f, sim, "roll-over", STS_ACCEPT);
    t->tid = 1000;
    teller_units(t, 7);
    cut_tokens(f, sim, "units after a roll-over", STS_ACCEPT);
}

int main(int argc, char **argv)
{
    static struct life f;
    static struct nor_sim sim;
    clock_t from = clock();
    f.rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 4;
    f.seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    f.cuts = (struct cuts){ 50, 4, judge_copy, &f, .random = f.seed * 77777 };
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, f.seed);
    f.lab = lab_new_on(&sim.nor, &map);
    for (unsigned i = 0; i < f.rounds; i++) {
        teller_init(&f.teller, i % 2 ? STS_EA_MISTY1 : STS_EA_STA);
        f.factory = f.teller.key;
        teller_fit(f.lab, &f.teller);
        lab_fit_relay(f.lab, true);
        if (i == 0 && lab_power_up(f.lab, T0) < 0) return 1;
        set(&f, PARAM_SUPPLY_MODE, 6);
        f.lab->load = (struct lab_load){ 3600000, 0, 230000, 15000 };
        while (param_set(&f.lab->m, &lab_who, PARAM_TOKEN_FUNCTIONS, 0x1FF) == E_BUSY)
            lab_settle(f.lab);
        lab_settle(f.lab);
        set_key(&f);
        round_of(&f, &sim);
        schemes_and_months(&f, &sim);
        credit_and_modes(&f, &sim);
        units_of_customers(&f, &sim);
    }
    printf(
        "%u rounds, %llu operations, %llu cuts, %llu second cuts, %.1f s: every token once\n",
        f.rounds, (unsigned long long)f.cuts.operations, (unsigned long long)f.cuts.cuts,
        (unsigned long long)f.cuts.second_cuts, (double)(clock() - from) / CLOCKS_PER_SEC);
    if (sim.broken) fail(&f, "a program wanted a bit back", "-");
    lab_free(f.lab);
    nor_sim_free(&sim);
    return 0;
}
