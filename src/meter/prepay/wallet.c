#include "meter/prepay/wallet.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"

/* {wallet 1, bought 8, purchased 8, opened 4, closed 4, status 1} */
enum { BODY = 26 };

#define PUBLISHED_MONEY INT64_C(10000000) /* grains of 1e-2 currency */

/* a - b without a trap: records that are damaged may say anything. */
static int64_t less(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* -- what a wallet is ---------------------------------------------------------------------- */

static enum arrangement arrangement(const struct meter *m)
{
    return (enum arrangement)param_get(m, PARAM_WALLET_ARRANGEMENT);
}

/* A wallet that shows the debts of the other is of the same kind. */
bool wallet_is_money(const struct meter *m, unsigned w)
{
    if (arrangement(m) == WALLETS_MAIN_DEBT) w = 0;
    return param_get(m, (uint16_t)(PARAM_WALLET_1_MONEY + w)) != 0;
}

int64_t wallet_collected(const struct meter *m, unsigned w)
{
    const struct wallet *wallet = &m->wallets.wallet[w];
    return wallet_is_money(m, w) ? wallet->charged : wallet->accrued;
}

bool wallet_is_postpaid(const struct meter *m)
{
    return (m->wallets.wallet[0].fund.flags & FUND_POSTPAID) != 0;
}

int64_t wallet_billed(const struct meter *m, unsigned w)
{
    const struct fund *f = &m->wallets.wallet[w].fund;
    if (!(f->flags & FUND_POSTPAID)) return f->billed;
    return less(f->billed, less(f->since, wallet_collected(m, w)));
}

int64_t wallet_due(const struct meter *m, unsigned w)
{
    return less(wallet_billed(m, w), m->wallets.wallet[w].fund.settled);
}

/* Of main and debt the second is what the first owes. */
static int64_t debt_of(const struct meter *m, unsigned w)
{
    const struct debt *d = m->wallets.wallet[w].debt;
    return d[DEBT_DAY].remaining + d[DEBT_SHARE].remaining;
}

int64_t wallet_balance(const struct meter *m, unsigned w)
{
    const struct wallet *x = &m->wallets.wallet[w];
    if (w == 1 && arrangement(m) == WALLETS_MAIN_DEBT) return -debt_of(m, 0);
    int64_t used = less(wallet_collected(m, w), wallet_billed(m, w));
    for (unsigned i = 0; i < DEBTS; i++) used = less(used, -x->debt[i].paid);
    return less(x->bought, used);
}

bool wallet_is_used(const struct meter *m, unsigned w)
{
    return w == 0 || (arrangement(m) != WALLETS_SINGLE && arrangement(m) != WALLETS_MAIN_DEBT);
}

bool wallet_is_open(const struct meter *m, unsigned w)
{
    return wallet_is_used(m, w) && m->wallets.wallet[w].status == ACCOUNT_ACTIVE;
}

/* Of two in a row the first that has credit pays; then the first with emergency credit; when
 * all is empty the first. */
static unsigned in_order(const struct meter *m)
{
    unsigned first = arrangement(m) == WALLETS_MONEY_UNITS;
    const unsigned order[WALLETS] = { first, !first };
    for (unsigned emergency = 0; emergency < 2; emergency++)
        for (unsigned i = 0; i < WALLETS; i++) {
            if (!wallet_is_open(m, order[i])) continue;
            int64_t has =
                emergency ? credit_emergency(m, order[i]) : credit_available(m, order[i]);
            if (has > 0) return order[i];
        }
    return wallet_is_open(m, first) || !wallet_is_open(m, !first) ? first : !first;
}

/* A bill is in money where there is a wallet of it. */
static unsigned on_the_bill(const struct meter *m)
{
    for (unsigned w = 0; w < WALLETS; w++)
        if (wallet_is_open(m, w) && wallet_is_money(m, w)) return w;
    return 0;
}

unsigned wallet_active(const struct meter *m)
{
    switch (arrangement(m)) {
    case WALLETS_UNITS_MONEY:
    case WALLETS_MONEY_UNITS:
        return wallet_is_postpaid(m) ? on_the_bill(m) : in_order(m);
    case WALLETS_SOURCES:
        return m->tou.second ? (unsigned)param_get(m, PARAM_RESOURCE_WALLET) : 0;
    case WALLETS_SINGLE:
    case WALLETS_MAIN_DEBT:
        break;
    }
    return 0;
}

int64_t wallet_limit(const struct meter *m, unsigned w)
{
    int64_t limit = param_get(m, (uint16_t)(PARAM_CREDIT_MAX_1 + w));
    if (limit == 0) return WALLET_MAX;
    return limit * (wallet_is_money(m, w) ? MONEY_UNIT : 1000);
}

int64_t wallet_grains(const struct meter *m, unsigned w, int64_t published)
{
    return published * (wallet_is_money(m, w) ? PUBLISHED_MONEY : 1);
}

int32_t wallet_published(const struct meter *m, unsigned w, int64_t grains)
{
    int64_t each = wallet_is_money(m, w) ? PUBLISHED_MONEY : 1;
    int64_t v = grains / each - (grains % each < 0);
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

/* -- what is used -------------------------------------------------------------------------- */

uint16_t wallet_basis(const struct meter *m)
{
    static const uint16_t basis[] = { [REGISTRATION_SEPARATE] = REG_WH_IMPORT,
                                      [REGISTRATION_ABSOLUTE] = REG_WH_ABS,
                                      [REGISTRATION_NET] = REG_WH_NET,
                                      [REGISTRATION_IMPORT_ONLY] = REG_WH_IMPORT };
    return basis[param_get(m, PARAM_REGISTRATION)];
}

static int64_t basis_wh(const struct meter *m)
{
    return reg_at(&m->now, wallet_basis(m));
}

/* Up to where everything is drawn: as it stands, but for what was fed back and not used up. */
static void begin(struct meter *m)
{
    struct wallets *x = &m->wallets;
    int64_t now = basis_wh(m), ahead = less(x->seen_wh, now);
    bool net = wallet_basis(m) == REG_WH_NET;
    bool holds = net && x->net && ahead >= 0 && ahead <= reg_at(&m->now, REG_WH_EXPORT);
    if (!holds) x->seen_wh = now;
    x->moved |= net != x->net;
    x->net = net;
}

static void show(struct meter *m)
{
    for (unsigned w = 0; w < WALLETS; w++)
        m->now.quantity[VAL_CREDIT_1 + w] = wallet_published(m, w, wallet_balance(m, w));
}

void wallet_show(struct meter *m)
{
    show(m);
    credit_look(m);
}

static void draw(struct meter *m, unsigned w, uint64_t wh)
{
    if (!wh || !wallet_is_open(m, w)) return;
    if (wallet_is_money(m, w)) {
        expense_use(m, w, (uint32_t)wh); /* a window is far below 2^32 */
        return;
    }
    m->wallets.wallet[w].accrued += (int64_t)wh;
    m->wallets.dirty[w] |= 1;
}

/* A window that empties the first wallet of two goes on with the second. */
void wallet_draw(struct meter *m)
{
    int64_t now = basis_wh(m);
    if (now <= m->wallets.seen_wh) return;
    uint64_t wh = (uint64_t)(now - m->wallets.seen_wh);
    m->wallets.seen_wh = now;
    m->wallets.moved |= m->wallets.net;
    unsigned w = wallet_active(m);
    int64_t left = credit_available(m, w);
    if (!wallet_is_money(m, w) && left > 0 && wh > (uint64_t)left) {
        draw(m, w, (uint64_t)left);
        wh -= (uint64_t)left;
        w = wallet_active(m);
    }
    draw(m, w, wh);
    wallet_show(m);
}

void wallet_init(struct meter *m)
{
    for (unsigned w = 0; w < WALLETS; w++) m->wallets.wallet[w].status = ACCOUNT_NEW;
    credit_init(m);
}

void wallet_plan(struct meter *m)
{
    begin(m);
    expense_plan(m);
    show(m);
    credit_plan(m);
}

/* -- orders -------------------------------------------------------------------------------- */

static int put_status(struct meter *m, const struct who *who, unsigned w, struct wallet *new,
                      enum event code)
{
    struct event_detail d = { .what = (uint16_t)w };
    int err = change_begin(m);
    if (err < 0) return err;
    if (code == EV_ACCOUNT_ACTIVATED) {
        credit_put_open(m, w, new);
        expense_put_open(m, w);
    }
    credit_put_bought(m, w, new);
    change_event(m, code, who, &d);
    return change_commit(m);
}

int wallet_open(struct meter *m, const struct who *who, unsigned w)
{
    struct wallet new = m->wallets.wallet[w];
    if (new.status == ACCOUNT_ACTIVE) return E_STATE;
    if (billing_is_behind(m)) return E_BUSY; /* what ended before is not the account's */
    new.status = ACCOUNT_ACTIVE;
    new.opened_s = (uint32_t)m->utc.s;
    return put_status(m, who, w, &new, EV_ACCOUNT_ACTIVATED);
}

int wallet_close(struct meter *m, const struct who *who, unsigned w)
{
    struct wallet new = m->wallets.wallet[w];
    if (new.status != ACCOUNT_ACTIVE) return E_STATE;
    new.status = ACCOUNT_CLOSED;
    new.closed_s = (uint32_t)m->utc.s;
    return put_status(m, who, w, &new, EV_ACCOUNT_CLOSED);
}

int wallet_reset(struct meter *m, const struct who *who, unsigned w)
{
    struct wallet new = m->wallets.wallet[w];
    struct event_detail d = { .what = (uint16_t)(CHANGED_CREDIT + w),
                              .magnitude =
                                  (uint32_t)wallet_published(m, w, wallet_balance(m, w)) };
    if (new.status == ACCOUNT_ACTIVE || !wallet_is_used(m, w)) return E_STATE;
    int err = change_begin(m);
    if (err < 0) return err;
    new.bought = less(new.bought, wallet_balance(m, w));
    new.status = ACCOUNT_NEW;
    new.opened_s = new.closed_s = 0;
    wallet_put_new(m, w, &new);
    credit_put_reset(m, w);
    change_event(m, EV_CHANGED_PREPAY, who, &d);
    return change_commit(m);
}

int wallet_add(struct meter *m, const struct who *who, unsigned w, int64_t grains)
{
    struct event_detail d = { .what = (uint16_t)(CHANGED_CREDIT + w),
                              .magnitude = (uint32_t)wallet_published(m, w, grains) };
    int64_t bought = m->wallets.wallet[w].bought;
    if (!wallet_is_used(m, w)) return E_STATE;
    if (grains > WALLET_MAX || grains < -WALLET_MAX || !wallet_holds(bought + grains))
        return E_RANGE;
    if (grains > 0 && wallet_balance(m, w) > wallet_limit(m, w) - grains) return E_RANGE;
    int err = change_begin(m);
    if (err < 0) return err;
    struct wallet new = m->wallets.wallet[w];
    new.bought += grains;
    credit_put_bought(m, w, &new);
    change_event(m, EV_CHANGED_PREPAY, who, &d);
    return change_commit(m);
}

int wallet_set_money(struct meter *m, const struct who *who, unsigned w, bool is_money)
{
    const struct wallet *wallet = &m->wallets.wallet[w];
    if (wallet->status != ACCOUNT_NEW || wallet->bought || wallet->accrued) return E_STATE;
    return param_set(m, who, (uint16_t)(PARAM_WALLET_1_MONEY + w), is_money);
}

/* -- records ------------------------------------------------------------------------------- */

static int save(unsigned w, const struct wallet *wallet, uint8_t *body)
{
    body[0] = (uint8_t)w;
    le_put64(body + 1, (uint64_t)wallet->bought);
    le_put64(body + 9, (uint64_t)wallet->purchased);
    le_put32(body + 17, wallet->opened_s);
    le_put32(body + 21, wallet->closed_s);
    body[25] = wallet->status;
    return BODY;
}

void wallet_put_new(struct meter *m, unsigned w, const struct wallet *wallet)
{
    uint8_t body[BODY];
    change_put(m, HOT_WALLET, body, (size_t)save(w, wallet, body));
}

int wallet_put(const struct meter *m, unsigned k, uint8_t *body)
{
    return save(k, &m->wallets.wallet[k], body);
}

void wallet_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != BODY || body[0] >= WALLETS || body[25] < ACCOUNT_NEW || body[25] > ACCOUNT_CLOSED)
        return;
    if (!wallet_holds((int64_t)le_get64(body + 1)) ||
        !wallet_holds((int64_t)le_get64(body + 9)))
        return;
    struct wallet *wallet = &m->wallets.wallet[body[0]];
    wallet->bought = (int64_t)le_get64(body + 1);
    wallet->purchased = (int64_t)le_get64(body + 9);
    wallet->opened_s = le_get32(body + 17);
    wallet->closed_s = le_get32(body + 21);
    wallet->status = body[25];
    if (m->live) m->replan = true; /* deadlines are not moved, but who pays is looked at */
}

unsigned drawn_count(const struct meter *m)
{
    unsigned n = m->wallets.moved;
    for (unsigned w = 0; w < WALLETS; w++)
        for (unsigned bits = m->wallets.dirty[w]; bits; bits &= bits - 1) n++;
    return n;
}

bool drawn_is_full(const struct meter *m)
{
    const struct wallets *x = &m->wallets;
    return drawn_count(m) + WALLETS + (x->net && !x->moved) > DRAWN_MAX;
}

static void save_seen(const struct meter *m, uint8_t p[DRAWN])
{
    p[0] = (uint8_t)(WALLETS << 4 | m->wallets.net);
    le_put64(p + 1, (uint64_t)m->wallets.seen_wh);
    le_put32(p + 9, 0);
}

static void load_seen(struct meter *m, const uint8_t p[DRAWN])
{
    m->wallets.net = p[0] & 1;
    m->wallets.seen_wh = (int64_t)le_get64(p + 1);
}

uint8_t *drawn_save(const struct meter *m, uint8_t *p)
{
    if (m->wallets.moved) {
        save_seen(m, p);
        p += DRAWN;
    }
    for (unsigned w = 0; w < WALLETS; w++)
        for (unsigned t = 0; t < TARIFFS; t++) {
            if (!(m->wallets.dirty[w] >> t & 1)) continue;
            *p = (uint8_t)(w << 4 | t);
            le_put64(p + 1, (uint64_t)m->wallets.wallet[w].accrued);
            le_put32(p + 9, m->wallets.wallet[w].wh[t]);
            p += DRAWN;
        }
    return p;
}

void drawn_done(struct meter *m)
{
    memset(m->wallets.dirty, 0, sizeof m->wallets.dirty);
    m->wallets.moved = false;
}

void drawn_load(struct meter *m, const uint8_t *p, size_t n)
{
    for (; n >= DRAWN; p += DRAWN, n -= DRAWN) {
        unsigned w = p[0] >> 4, t = p[0] & 15;
        if (w == WALLETS) {
            load_seen(m, p);
            continue;
        }
        if (w >= WALLETS || t >= TARIFFS || !wallet_holds((int64_t)le_get64(p + 1))) return;
        m->wallets.wallet[w].accrued = (int64_t)le_get64(p + 1);
        m->wallets.wallet[w].wh[t] = le_get32(p + 9);
    }
}

/* {wallet 1, accrued 8, Wh by tariff 8 x 4} */
enum { ACCRUED = 41 };

int accrued_put(const struct meter *m, unsigned k, uint8_t *body)
{
    if (k == WALLETS) {
        save_seen(m, body);
        return DRAWN;
    }
    const struct wallet *wallet = &m->wallets.wallet[k];
    body[0] = (uint8_t)k;
    le_put64(body + 1, (uint64_t)wallet->accrued);
    for (unsigned t = 0; t < TARIFFS; t++) le_put32(body + 9 + t * 4, wallet->wh[t]);
    return ACCRUED;
}

void accrued_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n == DRAWN && body[0] >> 4 == WALLETS) load_seen(m, body);
    if (n != ACCRUED || body[0] >= WALLETS || !wallet_holds((int64_t)le_get64(body + 1)))
        return;
    struct wallet *wallet = &m->wallets.wallet[body[0]];
    wallet->accrued = (int64_t)le_get64(body + 1);
    for (unsigned t = 0; t < TARIFFS; t++) wallet->wh[t] = le_get32(body + 9 + t * 4);
}
