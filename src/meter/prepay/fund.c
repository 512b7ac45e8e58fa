/* fund.c - the transactions of credit.h, and its records. */
#include "meter/prepay/fund.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/profile/passed.h"

enum { FUND_BODY = 64, DEBT_ONE = 40, DEBT_BODY = 1 + DEBTS * DEBT_ONE, LEVEL_BODY = 9 };
enum { CHARGE_DEBT = 18 }; /* e of 0-0:19.20.e: by day, by payment */
#define DEBT_MAX (WALLET_MAX / 4)

/* -- debts --------------------------------------------------------------------------------- */

static int debt_save(unsigned w, const struct debt debt[DEBTS], uint8_t *body)
{
    body[0] = (uint8_t)w;
    for (unsigned i = 0; i < DEBTS; i++) {
        uint8_t *p = body + 1 + i * DEBT_ONE;
        le_put64(p, (uint64_t)debt[i].remaining);
        le_put64(p + 8, (uint64_t)debt[i].paid);
        le_put64(p + 16, (uint64_t)debt[i].last);
        le_put32(p + 24, debt[i].last_s);
        le_put64(p + 28, (uint64_t)debt[i].provided);
        le_put32(p + 36, debt[i].period);
    }
    return DEBT_BODY;
}

static void put_debts(struct meter *m, unsigned w, const struct debt debt[DEBTS])
{
    uint8_t body[DEBT_BODY];
    change_put(m, HOT_DEBT, body, (size_t)debt_save(w, debt, body));
}

/* So much of a debt is paid now; `owed` at most. */
static int64_t pay(struct meter *m, const struct who *who, unsigned w, unsigned which,
                   struct debt *d, int64_t amount)
{
    if (amount > d->remaining) amount = d->remaining;
    int32_t published = wallet_published(m, w, amount);
    struct event_detail x = { .what = (uint16_t)(w << 8 | (CHARGE_DEBT + which)),
                              .magnitude = (uint32_t)published };
    if (amount <= 0) return 0;
    d->remaining -= amount;
    d->paid += amount;
    d->last = amount;
    d->last_s = (uint32_t)m->utc.s;
    change_event(m, EV_CHARGE_COLLECTED, who, &x);
    token_put_charge(m, w, CHARGE_DEBT + which, published);
    return amount;
}

static int64_t instalment(const struct meter *m, unsigned w)
{
    return wallet_grains(m, w, param_get(m, (uint16_t)(PARAM_DEBT_1_DAY + w)));
}

int credit_set_debt(struct meter *m, const struct who *who, unsigned w, unsigned debt,
                    int64_t remaining)
{
    struct debt next[DEBTS];
    struct event_detail d = { .what = (uint16_t)(CHANGED_DEBT + WALLETS * debt + w),
                              .magnitude = (uint32_t)wallet_published(m, w, remaining) };
    if (remaining < 0 || remaining > DEBT_MAX) return E_RANGE;
    memcpy(next, m->wallets.wallet[w].debt, sizeof next);
    next[debt].remaining = remaining;
    int err = change_begin(m);
    if (err < 0) return err;
    put_debts(m, w, next);
    change_event(m, EV_CHANGED_PREPAY, who, &d);
    return change_commit(m);
}

int credit_collect(struct meter *m, const struct who *who, unsigned w)
{
    struct debt next[DEBTS];
    memcpy(next, m->wallets.wallet[w].debt, sizeof next);
    if (!wallet_is_open(m, w) || !next[DEBT_DAY].remaining || instalment(m, w) <= 0)
        return E_STATE;
    int err = change_begin(m);
    if (err < 0) return err;
    pay(m, who, w, DEBT_DAY, &next[DEBT_DAY], instalment(m, w));
    put_debts(m, w, next);
    return change_commit(m);
}

bool credit_collects(const struct meter *m, unsigned bits)
{
    const uint16_t limits = SUPPLY_BIT(SUPPLY_LIMIT) | SUPPLY_BIT(SUPPLY_OVERCURRENT);
    uint16_t held = m->supply.state.held;
    if (!(bits & 1) && held & ~limits) return false;
    if (!(bits & 2) && held & limits) return false;
    return bits & 4 || !m->wallets.watchman.saved;
}

/* -- free credit --------------------------------------------------------------------------- */

/* What was used of it becomes bought: it is used for good. */
static void settle(const struct meter *m, unsigned w, struct wallet *new)
{
    for (unsigned kind = 0; kind < FREES; kind++) {
        int64_t used = credit_used(m, w, kind);
        new->bought += used;
        new->fund.free[kind] -= used;
    }
}

static void grant(const struct meter *m, unsigned w, struct fund *f)
{
    f->free[FREE_MONTH] = wallet_grains(m, w, param_get(m, (uint16_t)(PARAM_FREE_1_MONTH + w)));
    f->free[FREE_LIFELINE] =
        wallet_grains(m, w, param_get(m, (uint16_t)(PARAM_FREE_1_LIFELINE + w)));
    f->uses = 0;
}

/* A month begins. One that was not there yet ends what is left of the one before; one that was,
 * under a clock that was set back, brings and ends nothing. True: *y is to be put. */
static bool next_month(struct meter *m, unsigned w, struct wallet *new, struct passed_year *y)
{
    const struct watchman *g = &m->wallets.watchman;
    if (!g->day || new->fund.month == g->month) return false;
    settle(m, w, new);
    new->fund.month = g->month;
    if (passed_is(m, y, PASSED_FREE + w, g->day)) return false;
    passed_mark(m, y, PASSED_FREE + w, g->day);
    grant(m, w, &new->fund);
    return true;
}

bool credit_owes_day(const struct meter *m, unsigned w)
{
    if (!wallet_is_open(m, w) || wallet_is_postpaid(m)) return false;
    if (!m->wallets.wallet[w].debt[DEBT_DAY].remaining || instalment(m, w) <= 0) return false;
    return credit_collects(m, (unsigned)param_get(m, PARAM_COLLECT_DEBT));
}

/* Instalments of the days that passed. */
static void put_instalments(struct meter *m, unsigned w, struct wallet *new)
{
    static const struct who self = { .link = LINK_SELF };
    int64_t n = m->billing.instalments[w];
    if (n && pay(m, &self, w, DEBT_DAY, &new->debt[DEBT_DAY], instalment(m, w) * n))
        put_debts(m, w, new->debt);
}

bool credit_is_new_day(const struct meter *m, unsigned w)
{
    const struct watchman *g = &m->wallets.watchman;
    if (!g->day || !wallet_is_open(m, w)) return false;
    if (billing_is_behind(m)) return false; /* what the day and the month cost comes first */
    return m->wallets.wallet[w].fund.month != g->month || m->billing.instalments[w];
}

void credit_put_days(struct meter *m)
{
    struct passed_year y = { 0 };
    struct billing_state b = m->billing;
    bool marked = false;
    if (change_begin_alone(m) < 0) return;
    for (unsigned w = 0; w < WALLETS; w++) {
        struct wallet new = m->wallets.wallet[w];
        if (!credit_is_new_day(m, w)) continue;
        marked |= next_month(m, w, &new, &y);
        wallet_put_new(m, w, &new);
        put_instalments(m, w, &new);
        b.instalments[w] = 0;
        credit_put_fund(m, w, &new.fund);
    }
    if (marked) passed_put(m, &y);
    billing_put_state(m, &b);
    change_commit(m);
}

/* -- accounts ------------------------------------------------------------------------------ */

void credit_put_bought(struct meter *m, unsigned w, struct wallet *new)
{
    const struct fund *was = &m->wallets.wallet[w].fund;
    bool settled = new->fund.month != was->month;
    if (new->bought > m->wallets.wallet[w].bought && !settled) settle(m, w, new);
    wallet_put_new(m, w, new);
    if (memcmp(was->free, new->fund.free, sizeof was->free) || was->month != new->fund.month)
        credit_put_fund(m, w, &new->fund);
}

/* grains of 1e-9 times 0.01 %, without going beyond 64 bits. */
static int64_t share_of(int64_t grains, int32_t rate)
{
    return grains / PERCENT_100 * rate + grains % PERCENT_100 * rate / PERCENT_100;
}

/* Of tokens of one period a debt gets no more than is provided for. */
static int64_t share_now(const struct meter *m, unsigned w, int64_t grains, struct debt *d)
{
    int64_t share = share_of(grains, param_get(m, (uint16_t)(PARAM_DEBT_1_SHARE + w)));
    int32_t most = param_get(m, (uint16_t)(PARAM_PROVISION_1 + w));
    int32_t period_s = param_get(m, (uint16_t)(PARAM_PROVISION_1_S + w));
    if (!most || !period_s) return share;
    uint32_t period = (uint32_t)(m->utc.s / period_s);
    if (d->period != period) d->provided = 0;
    d->period = period;
    int64_t room = wallet_grains(m, w, most) - d->provided;
    return share < room ? share : room > 0 ? room : 0;
}

int64_t credit_put_token(struct meter *m, const struct who *who, unsigned w, struct wallet *new,
                         int64_t grains)
{
    int64_t share = 0;
    new->bought += grains;
    if (grains > 0) {
        new->purchased += grains;
        struct debt *d = &new->debt[DEBT_SHARE];
        share = pay(m, who, w, DEBT_SHARE, d, share_now(m, w, grains, d));
        d->provided += share;
    }
    if (share) put_debts(m, w, new->debt);
    credit_put_bought(m, w, new);
    return grains - share;
}

void credit_put_open(struct meter *m, unsigned w, struct wallet *new)
{
    struct passed_year y = { 0 };
    if (next_month(m, w, new, &y)) passed_put(m, &y);
}

void credit_put_reset(struct meter *m, unsigned w)
{
    const struct wallet *x = &m->wallets.wallet[w];
    const struct fund *was = &x->fund;
    struct fund f = { .billed = was->billed, .since = was->since, .settled = was->settled };
    struct debt debt[DEBTS] = { { .paid = x->debt[0].paid }, { .paid = x->debt[1].paid } };
    f.flags = was->flags & (FUND_POSTPAID | FUND_HELD);
    f.month = was->month;
    struct billing_state b = m->billing;
    b.instalments[w] = 0;
    billing_put_state(m, &b);
    put_debts(m, w, debt);
    credit_put_fund(m, w, &f);
}

/* -- the mode ------------------------------------------------------------------------------ */

static void to_postpaid(struct meter *m, unsigned w, struct wallet *new)
{
    struct fund *f = &new->fund;
    f->settled = f->billed; /* the bill begins */
    f->since = wallet_collected(m, w);
    f->flags |= FUND_POSTPAID;
}

static void to_prepayment(struct meter *m, unsigned w, struct wallet *new,
                          const struct mode_change *c)
{
    struct fund *f = &new->fund;
    int64_t due = wallet_due(m, w);
    f->billed = wallet_billed(m, w);
    f->flags &= (uint8_t)~FUND_POSTPAID;
    if (c->bill_to_debt && due > 0 && due <= DEBT_MAX - new->debt[DEBT_DAY].remaining) {
        new->debt[DEBT_DAY].remaining += due;
        f->settled = f->billed;
        put_debts(m, w, new->debt);
    }
    if (!c->from_zero || !wallet_is_used(m, w)) return;
    new->bought -= wallet_balance(m, w);
    f->free[FREE_MONTH] = f->free[FREE_LIFELINE] = 0;
    wallet_put_new(m, w, new);
}

void credit_put_mode(struct meter *m, const struct who *who, const struct mode_change *c)
{
    bool postpaid = c->mode == MODE_POSTPAID;
    unsigned active = wallet_active(m);
    int64_t tells = postpaid ? wallet_balance(m, active) : wallet_due(m, active);
    struct event_detail d = { .what = (uint16_t)active,
                              .magnitude = (uint32_t)wallet_published(m, active, tells) };
    for (unsigned w = 0; w < WALLETS; w++) {
        struct wallet new = m->wallets.wallet[w];
        if (postpaid)
            to_postpaid(m, w, &new);
        else
            to_prepayment(m, w, &new, c);
        credit_put_fund(m, w, &new.fund);
    }
    if (!postpaid && param_get(m, PARAM_SUPPLY_MODE) == 4)
        param_put_scalar(m, who, PARAM_SUPPLY_MODE, 6);
    change_event(m, postpaid ? EV_MODE_CREDIT : EV_MODE_PREPAYMENT, who, &d);
}

int credit_set_mode(struct meter *m, const struct who *who, const struct mode_change *c)
{
    if (c->mode != MODE_POSTPAID && c->mode != MODE_PREPAYMENT) return E_RANGE;
    if ((c->mode == MODE_POSTPAID) == wallet_is_postpaid(m)) return E_STATE;
    int err = change_begin(m);
    if (err < 0) return err;
    credit_put_mode(m, who, c);
    return change_commit(m);
}

/* -- alarm levels: {threshold 4, repeat 2, buzzer 1, led 1, blip 1}, as many rows ---------- */

static const struct level_row product[CREDIT_LEVELS] = {
    { 0, 0, OUTPUT_OFF, OUTPUT_SLOW, false },
    { 0, 3600, OUTPUT_FAST, OUTPUT_FAST, false },
    { 0, 600, OUTPUT_FAST, OUTPUT_STEADY, false },
};
static const uint8_t product_threshold[CREDIT_LEVELS] = { 10, 5, 1 }; /* kWh, or currency */

void credit_load_levels(struct meter *m)
{
    uint8_t o[LEVELS_BODY];
    bool written = param_read(m, PARAM_LEVELS, o, sizeof o) == LEVELS_BODY;
    for (unsigned i = 0; i < LEVEL_ROWS; i++) {
        unsigned w = i / CREDIT_LEVELS, k = i % CREDIT_LEVELS;
        struct level_row *r = &m->wallets.watchman.level[i];
        const uint8_t *p = o + i * LEVEL_BODY;
        *r = product[k];
        r->threshold = product_threshold[k] * (wallet_is_money(m, w) ? 100 : 1000);
        if (written)
            *r = (struct level_row){ (int32_t)le_get32(p), le_get16(p + 4), p[6], p[7],
                                     p[8] != 0 };
    }
}

static bool is_level(const struct level_row *r, unsigned k)
{
    if (r->threshold < 0 || r->buzzer >= OUTPUT_PATTERNS || r->led >= OUTPUT_PATTERNS)
        return false;
    return k == 0 || !r->threshold || r[-1].threshold > r->threshold;
}

static bool levels_save(const struct level_row row[LEVEL_ROWS], uint8_t o[LEVELS_BODY])
{
    for (unsigned i = 0; i < LEVEL_ROWS; i++) {
        uint8_t *p = o + i * LEVEL_BODY;
        if (!is_level(&row[i], i % CREDIT_LEVELS)) return false;
        le_put32(p, (uint32_t)row[i].threshold);
        le_put16(p + 4, row[i].repeat_s);
        p[6] = row[i].buzzer;
        p[7] = row[i].led;
        p[8] = row[i].blip;
    }
    return true;
}

int credit_set_levels(struct meter *m, const struct who *who,
                      const struct level_row row[LEVEL_ROWS])
{
    uint8_t o[LEVELS_BODY], was[LEVELS_BODY];
    if (!levels_save(row, o)) return E_RANGE;
    if (levels_save(m->wallets.watchman.level, was) && !memcmp(o, was, sizeof o)) return 0;
    return param_write(m, who, PARAM_LEVELS, o, sizeof o);
}

/* All levels with this threshold; false: no order of levels. */
static bool with_level(const struct meter *m, unsigned w, unsigned level, int32_t threshold,
                       uint8_t o[LEVELS_BODY])
{
    struct level_row row[LEVEL_ROWS];
    memcpy(row, m->wallets.watchman.level, sizeof row);
    row[w * CREDIT_LEVELS + level].threshold = threshold;
    return levels_save(row, o);
}

bool credit_can_level(const struct meter *m, unsigned w, unsigned level, int32_t threshold)
{
    uint8_t o[LEVELS_BODY];
    return with_level(m, w, level, threshold, o);
}

void credit_put_level(struct meter *m, const struct who *who, unsigned w, unsigned level,
                      int32_t threshold)
{
    uint8_t o[LEVELS_BODY];
    if (with_level(m, w, level, threshold, o))
        param_put_octets(m, who, PARAM_LEVELS, o, sizeof o);
}

/* -- records ------------------------------------------------------------------------------- */

/* {wallet 1, billed 8, since 8, settled 8, from 8, rearm 8, free 2 x 8,
 * month 2, flags, level, silenced, uses, ordered}; {wallet 1, {remaining 8, paid 8, last 8, when
 * 4, provided 8, period 4} x 2} */

static int fund_save(unsigned w, const struct fund *f, uint8_t *body)
{
    const int64_t v[] = { f->billed, f->since,   f->settled, f->from,
                          f->rearm,  f->free[0], f->free[1] };
    body[0] = (uint8_t)w;
    for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
        le_put64(body + 1 + i * 8, (uint64_t)v[i]);
    le_put16(body + 57, f->month);
    body[59] = f->flags;
    body[60] = f->level;
    body[61] = f->silenced;
    body[62] = f->uses;
    body[63] = f->ordered;
    return FUND_BODY;
}

void credit_put_fund(struct meter *m, unsigned w, const struct fund *f)
{
    uint8_t body[FUND_BODY];
    change_put(m, HOT_FUND, body, (size_t)fund_save(w, f, body));
}

int fund_put(const struct meter *m, unsigned k, uint8_t *body)
{
    return fund_save(k, &m->wallets.wallet[k].fund, body);
}

void fund_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != FUND_BODY || body[0] >= WALLETS || body[60] > CREDIT_LEVELS ||
        body[61] > CREDIT_LEVELS || body[63] > 2)
        return;
    struct fund *f = &m->wallets.wallet[body[0]].fund;
    int64_t *const v[] = { &f->billed, &f->since,   &f->settled, &f->from,
                           &f->rearm,  &f->free[0], &f->free[1] };
    for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
        if (!wallet_holds((int64_t)le_get64(body + 1 + i * 8))) return;
    for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
        *v[i] = (int64_t)le_get64(body + 1 + i * 8);
    f->month = le_get16(body + 57);
    f->flags = body[59];
    f->level = body[60];
    f->silenced = body[61];
    f->uses = body[62];
    f->ordered = body[63];
    if (m->live) m->replan = true;
}

int debt_put(const struct meter *m, unsigned k, uint8_t *body)
{
    return debt_save(k, m->wallets.wallet[k].debt, body);
}

void debt_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != DEBT_BODY || body[0] >= WALLETS) return;
    for (unsigned i = 0; i < DEBTS; i++) {
        const uint8_t *p = body + 1 + i * DEBT_ONE;
        struct debt *d = &m->wallets.wallet[body[0]].debt[i];
        int64_t remaining = (int64_t)le_get64(p), paid = (int64_t)le_get64(p + 8);
        int64_t provided = (int64_t)le_get64(p + 28);
        if (remaining < 0 || remaining > DEBT_MAX || !wallet_holds(paid)) return;
        if (!wallet_holds(provided)) return;
        *d = (struct debt){ remaining,        paid,     (int64_t)le_get64(p + 16),
                            le_get32(p + 24), provided, le_get32(p + 36) };
    }
    if (m->live) m->replan = true;
}
