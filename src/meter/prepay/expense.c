#include "meter/prepay/expense.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/meter.h"

/* {wallet 1, charged before 8 and its fraction 8, accrued 8, Wh by tariff 8 x 4, days 2, last
 * day 4, demand 4} */
enum { BODY = 67, NEXT = 0x8000, BEGUN = 0x4000 /* beside days */ };

static uint16_t place(const struct meter *m, enum scheme_side side)
{
    bool second = (param_get(m, PARAM_SCHEME_SIDE) != 0) != (side == SCHEME_PASSIVE);
    return second ? PARAM_SCHEME_B : PARAM_SCHEME;
}

int expense_scheme_get(struct meter *m, enum scheme_side side, struct scheme *s)
{
    uint8_t body[SCHEME_BODY];
    int n = param_read(m, place(m, side), body, sizeof body);
    if (n <= 0) return n < 0 ? n : E_NONE;
    return scheme_load(s, body, (size_t)n) && !scheme_check(s) ? 0 : E_NONE;
}

static bool is_charged(const struct meter *m, unsigned w)
{
    return wallet_is_used(m, w) && wallet_is_money(m, w);
}

int expense_wallet(const struct meter *m)
{
    for (unsigned w = 0; w < WALLETS; w++)
        if (is_charged(m, w)) return (int)w;
    return E_NONE;
}

/* -- the month under way ------------------------------------------------------------------- */

uint32_t expense_demand(const struct meter *m, unsigned w)
{
    const struct period *p = &m->wallets.wallet[w].period;
    uint32_t since = m->now.maximum[DEMAND_P_IMPORT][0].value;
    return p->begun && since > p->demand_w ? since : p->demand_w;
}

/* No more than scheme_check() answers for. */
static uint16_t days_of(int32_t days)
{
    return (uint16_t)(days < SCHEME_DAYS ? days : SCHEME_DAYS);
}

void expense_usage(const struct meter *m, unsigned w, struct month_usage *u)
{
    const struct wallet *wallet = &m->wallets.wallet[w];
    const struct period *p = &wallet->period;
    memset(u, 0, sizeof *u);
    if (!is_charged(m, w)) return;
    u->energy = wallet->accrued - p->accrued;
    if (u->energy < 0 || u->energy > m->expense.most) /* only a damaged record says so */
        u->energy = u->energy < 0 ? 0 : m->expense.most;
    uint32_t room = SCHEME_MONTH_KWH * 1000;
    for (unsigned t = 0; t < TARIFFS; t++) {
        uint32_t wh = wallet->wh[t] - p->wh[t];
        u->wh[t] = wh < room ? wh : room;
        room -= u->wh[t];
    }
    u->days = days_of(p->days);
    u->contract_w = (uint32_t)param_get(m, PARAM_CONTRACT_W);
    u->demand_w = expense_demand(m, w);
    if (u->demand_w > SCHEME_MONTH_W) u->demand_w = SCHEME_MONTH_W;
}

/* Nothing is charged before the account is open. */
static void bill_of(const struct meter *m, unsigned w, const struct month_usage *u,
                    struct bill *b)
{
    memset(b, 0, sizeof *b);
    if (m->expense.has && m->wallets.wallet[w].period.begun)
        scheme_bill(&m->expense.scheme, u, b);
}

void expense_bill(const struct meter *m, unsigned w, struct bill *b)
{
    struct month_usage u;
    expense_usage(m, w, &u);
    bill_of(m, w, &u, b);
}

/* All that was charged; a damaged record cannot make it more than a wallet ever comes to. */
static int64_t charged_of(const struct period *p, const struct bill *b)
{
    int64_t v = exact_add(p->base, b->total).nano;
    return v > WALLET_MAX ? WALLET_MAX : v < -WALLET_MAX ? -WALLET_MAX : v;
}

/* Subsidies that the energy of the month has: without any, none is told yet. */
static uint8_t granted_of(const struct month_usage *u, const struct bill *b)
{
    uint8_t granted = 0;
    for (unsigned i = 0; i < SCHEME_SUBSIDIES && usage_wh(u); i++) {
        const struct exact *s = &b->charge[CHARGE_SUBSIDY + i];
        if (s->nano || s->part) granted |= (uint8_t)(1u << i);
    }
    return granted;
}

static void charge(struct meter *m, unsigned w)
{
    struct bill b;
    struct month_usage u;
    struct wallet *wallet = &m->wallets.wallet[w];
    expense_usage(m, w, &u);
    bill_of(m, w, &u, &b);
    wallet->charged = charged_of(&wallet->period, &b);
    m->expense.granted[w] = granted_of(&u, &b);
}

/* What a subsidy came to before this Wh is what is lost, or after it what is won. */
static void tell_subsidies(struct meter *m, unsigned w, uint8_t had,
                           const struct month_usage *was)
{
    struct bill before, after;
    uint8_t has = m->expense.granted[w];
    if (has == had) return;
    bill_of(m, w, was, &before);
    expense_bill(m, w, &after);
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        unsigned e = CHARGE_SUBSIDY + i, bit = 1u << i;
        const struct bill *b = has & bit ? &after : &before;
        struct event_detail d = { .what = (uint16_t)(w << 8 | e),
                                  .magnitude =
                                      (uint32_t)wallet_published(m, w, b->charge[e].nano) };
        if ((had ^ has) & bit)
            event_post(m, has & bit ? EV_SUBSIDY_GRANTED : EV_SUBSIDY_WITHDRAWN, NULL, &d);
    }
}

void expense_refresh(struct meter *m)
{
    if (!m->expense.has) return;
    for (unsigned w = 0; w < WALLETS; w++) charge(m, w);
    wallet_show(m);
}

void expense_use(struct meter *m, unsigned w, uint32_t wh)
{
    struct month_usage u;
    struct wallet *wallet = &m->wallets.wallet[w];
    unsigned tariff = (unsigned)m->now.quantity[VAL_TARIFF] - 1;
    expense_usage(m, w, &u);
    unsigned step = m->expense.has ? scheme_step(&m->expense.scheme, usage_wh(&u)) : 0;
    wallet->wh[tariff] += wh;
    m->wallets.dirty[w] |= (uint8_t)(1u << tariff);
    if (!m->expense.has) return;
    uint8_t had = m->expense.granted[w];
    struct month_usage was = u;
    scheme_use(&m->expense.scheme, &u, tariff, wh);
    wallet->accrued = wallet->period.accrued + u.energy;
    charge(m, w);
    tell_subsidies(m, w, had, &was);
    unsigned now = scheme_step(&m->expense.scheme, usage_wh(&u));
    struct event_detail d = { .what = (uint16_t)w, .magnitude = now + 1 };
    if (now != step) event_post(m, EV_STEP_CHANGED, NULL, &d);
}

/* -- days and months ----------------------------------------------------------------------- */

static int period_save(unsigned w, const struct period *p, uint8_t *body)
{
    body[0] = (uint8_t)w;
    le_put64(body + 1, (uint64_t)p->base.nano);
    le_put64(body + 9, (uint64_t)p->base.part);
    le_put64(body + 17, (uint64_t)p->accrued);
    for (unsigned t = 0; t < TARIFFS; t++) le_put32(body + 25 + t * 4, p->wh[t]);
    le_put16(body + 57, (uint16_t)(p->days | (p->next ? NEXT : 0) | (p->begun ? BEGUN : 0)));
    le_put32(body + 59, (uint32_t)p->day);
    le_put32(body + 63, p->demand_w);
    return BODY;
}

int period_put(const struct meter *m, unsigned k, uint8_t *body)
{
    return period_save(k, &m->wallets.wallet[k].period, body);
}

void period_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != BODY || body[0] >= WALLETS || le_get64(body + 9) >= (uint64_t)EXACT_FRACTION)
        return;
    if (!wallet_holds((int64_t)le_get64(body + 1)) ||
        !wallet_holds((int64_t)le_get64(body + 17)))
        return;
    struct period *p = &m->wallets.wallet[body[0]].period;
    p->base = (struct exact){ (int64_t)le_get64(body + 1), (int64_t)le_get64(body + 9) };
    p->accrued = (int64_t)le_get64(body + 17);
    for (unsigned t = 0; t < TARIFFS; t++) p->wh[t] = le_get32(body + 25 + t * 4);
    p->days = le_get16(body + 57) & (BEGUN - 1);
    p->begun = (le_get16(body + 57) & BEGUN) != 0;
    p->next = le_get16(body + 57) >= NEXT;
    p->day = (int32_t)le_get32(body + 59);
    p->demand_w = le_get32(body + 63);
    if (m->live) m->replan = true; /* what it comes to is worked out when the change is over */
}

static void put(struct meter *m, unsigned w, const struct period *p)
{
    uint8_t body[BODY];
    change_put(m, HOT_PERIOD, body, (size_t)period_save(w, p, body));
}

static void count_days(struct period *p, int32_t newest, unsigned days)
{
    unsigned n = p->days + days;
    p->days = (uint16_t)(n < BEGUN ? n : BEGUN - 1);
    p->day = newest;
}

/* A day it was closed and opened on is one day. */
void expense_put_open(struct meter *m, unsigned w)
{
    struct period p = m->wallets.wallet[w].period;
    int32_t day = zone_day(&m->clock.zone, m->utc);
    if (!p.begun || p.day < day) count_days(&p, day, 1);
    p.begun = true;
    put(m, w, &p);
}

static bool is_running(const struct meter *m, unsigned w)
{
    return is_charged(m, w) && m->wallets.wallet[w].status == ACCOUNT_ACTIVE;
}

void expense_put_days(struct meter *m, int32_t newest, unsigned days)
{
    for (unsigned w = 0; w < WALLETS; w++) {
        struct period p = m->wallets.wallet[w].period;
        if (!is_running(m, w)) continue;
        if (!credit_collects(m, (unsigned)param_get(m, PARAM_COLLECT_FIXED))) continue;
        count_days(&p, newest, days);
        put(m, w, &p);
    }
}

/* The usage of the month that ends at due, and whether the day that begins then, which is of the
 * next, is counted already. */
static bool final_usage(struct meter *m, unsigned w, utc_t due, struct month_usage *u)
{
    const struct period *p = &m->wallets.wallet[w].period;
    bool over = p->days && p->day == zone_day(&m->clock.zone, due);
    expense_usage(m, w, u);
    if (over && u->days) u->days = days_of(p->days - 1);
    return over;
}

/* The month that begins has the passive scheme. It comes into force with the next thing that is
 * handled: a billing row leaves no room for it in one transaction. */
static bool begins_another(struct meter *m, utc_t due)
{
    struct scheme next;
    uint32_t at = (uint32_t)param_get(m, PARAM_SCHEME_AT_S);
    bool waits = at && at <= due.s && !param_get(m, PARAM_SCHEME_PRO_RATA);
    return waits && !expense_scheme_get(m, SCHEME_PASSIVE, &next);
}

void expense_put_month(struct meter *m, utc_t due)
{
    bool next = begins_another(m, due);
    for (unsigned w = 0; w < WALLETS; w++) {
        struct month_usage u;
        struct bill b;
        const struct wallet *wallet = &m->wallets.wallet[w];
        struct period p = wallet->period;
        if (!is_charged(m, w) || !p.begun) continue;
        p.days = final_usage(m, w, due, &u);
        bill_of(m, w, &u, &b);
        p.base = exact_add(p.base, b.total);
        p.accrued = wallet->accrued;
        memcpy(p.wh, wallet->wh, sizeof p.wh);
        p.demand_w = 0;
        p.begun = is_running(m, w);
        p.next = next;
        put(m, w, &p);
    }
}

/* -- another scheme ------------------------------------------------------------------------ */

/* The first scheme begins a month of its own: nothing was charged yet. */
static void begin_month(const struct wallet *wallet, struct period *p)
{
    p->accrued = wallet->accrued;
    memcpy(p->wh, wallet->wh, sizeof p->wh);
    if (p->begun) p->days = 1;
}

/* The month as if the new scheme had always held, its energy in the order of the tariffs. Where
 * the month did not begin with it, what that comes to so far is not charged again: it is taken
 * off what was charged before. */
static void as_if(struct meter *m, unsigned w, const struct scheme *next, struct period *p)
{
    struct month_usage was, is;
    struct bill old, new = { .total = { 0, 0 } };
    expense_usage(m, w, &was);
    bill_of(m, w, &was, &old);
    is = was;
    is.energy = 0;
    memset(is.wh, 0, sizeof is.wh);
    for (unsigned t = 0; t < TARIFFS; t++) scheme_use(next, &is, t, was.wh[t]);
    if (p->begun) scheme_bill(next, &is, &new);
    if (!p->next) p->base = exact_sub(exact_add(p->base, old.total), new.total);
    p->accrued = m->wallets.wallet[w].accrued - is.energy;
}

/* Of all wallets, as the scheme comes into force. */
static void put_months(struct meter *m, const struct scheme *next)
{
    for (unsigned w = 0; w < WALLETS; w++) {
        struct period p = m->wallets.wallet[w].period;
        if (!is_charged(m, w)) continue;
        if (m->expense.has)
            as_if(m, w, next, &p);
        else
            begin_month(&m->wallets.wallet[w], &p);
        p.next = false;
        put(m, w, &p);
    }
}

int expense_activate(struct meter *m, const struct who *who)
{
    struct scheme next;
    int err = expense_scheme_get(m, SCHEME_PASSIVE, &next);
    if (!err) err = change_begin(m);
    if (err < 0) return err;
    put_months(m, &next);
    param_put_scalar(m, who, PARAM_SCHEME_SIDE, !param_get(m, PARAM_SCHEME_SIDE));
    if (param_get(m, PARAM_SCHEME_AT_S)) param_put_scalar(m, who, PARAM_SCHEME_AT_S, 0);
    change_event(m, EV_EXPENSE_ACTIVATED, who, NULL);
    return change_commit(m);
}

void expense_due(struct meter *m, utc_t due)
{
    static const struct who self = { .link = LINK_SELF };
    (void)due;
    expense_activate(m, &self);
}

int expense_scheme_set(struct meter *m, const struct who *who, const struct scheme *s,
                       enum scheme_fault *fault)
{
    uint8_t body[SCHEME_BODY];
    *fault = scheme_check(s);
    m->expense.refused = (uint8_t)*fault;
    if (*fault) return E_RANGE;
    scheme_save(s, body);
    int err = param_begin_octets(m, who, place(m, SCHEME_PASSIVE), body, sizeof body);
    return err < 0 ? err : change_commit(m);
}

int expense_set_limits(struct meter *m, const struct who *who,
                       const uint32_t limit_wh[SCHEME_STEPS], unsigned n)
{
    struct scheme next = m->expense.scheme;
    uint8_t body[SCHEME_BODY];
    bool same = true;
    if (n != (m->expense.has ? next.steps - 1u : 0)) return E_RANGE;
    for (unsigned i = 0; i < n; i++) {
        same &= next.step[i].limit_wh == limit_wh[i];
        next.step[i].limit_wh = limit_wh[i];
    }
    if (same) return 0;
    if (expense_is_due(m)) return E_BUSY; /* another scheme's */
    m->expense.refused = (uint8_t)scheme_check(&next);
    if (m->expense.refused) return E_RANGE;
    scheme_save(&next, body);
    int err = param_begin_octets(m, who, place(m, SCHEME_ACTIVE), body, sizeof body);
    if (err < 0) return err;
    put_months(m, &next);
    change_event(m, EV_EXPENSE_ACTIVATED, who, NULL);
    return change_commit(m);
}

bool expense_is_due(struct meter *m)
{
    struct scheme next;
    bool begun = false;
    for (unsigned w = 0; w < WALLETS; w++) begun |= m->wallets.wallet[w].period.next;
    return begun && !expense_scheme_get(m, SCHEME_PASSIVE, &next);
}

void expense_plan(struct meter *m)
{
    struct scheme next;
    uint32_t at = (uint32_t)param_get(m, PARAM_SCHEME_AT_S);
    bool dated = at && param_get(m, PARAM_SCHEME_PRO_RATA) && clock_is_valid(&m->clock);
    bool begun = expense_is_due(m);
    m->expense.has = expense_scheme_get(m, SCHEME_ACTIVE, &m->expense.scheme) == 0;
    m->expense.most = m->expense.has ? scheme_energy_max(&m->expense.scheme) : 0;
    for (unsigned w = 0; w < WALLETS; w++) charge(m, w);
    if (begun || (dated && !expense_scheme_get(m, SCHEME_PASSIVE, &next)))
        timer_set_utc(m, TIMER_SCHEME, begun ? m->utc : (utc_t){ at });
    else
        timer_stop(m, TIMER_SCHEME);
}

/* -- history: {EN, SV, F, L, S, V, charged ever, balance} of a wallet, 8 octets each ------- */

void expense_row(struct meter *m, unsigned w, utc_t when, bool is_month, uint8_t p[EXPENSE_ROW])
{
    struct month_usage u;
    struct bill b;
    if (is_month)
        final_usage(m, w, when, &u);
    else
        expense_usage(m, w, &u);
    bill_of(m, w, &u, &b);
    int64_t charged = wallet_is_money(m, w) ? charged_of(&m->wallets.wallet[w].period, &b)
                                            : wallet_collected(m, w);
    int64_t balance = wallet_balance(m, w);
    if (!wallet_is_postpaid(m)) balance += wallet_collected(m, w) - charged;
    const int64_t v[EXPENSE_ROW / 8] = { b.energy.nano, b.service.nano, b.fixed.nano,
                                         b.levy.nano,   b.subsidy.nano, b.vat.nano,
                                         charged,       balance };
    for (unsigned i = 0; i < EXPENSE_ROW / 8; i++) le_put64(p + i * 8, (uint64_t)v[i]);
}

void expense_row_load(struct expense_row *r, const uint8_t p[EXPENSE_ROW])
{
    int64_t *const v[EXPENSE_ROW / 8] = { &r->energy,  &r->service, &r->fixed,   &r->levy,
                                          &r->subsidy, &r->vat,     &r->charged, &r->balance };
    for (unsigned i = 0; i < EXPENSE_ROW / 8; i++) *v[i] = (int64_t)le_get64(p + i * 8);
}
