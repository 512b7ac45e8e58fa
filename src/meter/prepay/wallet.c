#include "meter/prepay/wallet.h"

#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"

/* {wallet 1, bought 8, purchased 8, opened 4, closed 4, status 1} */
enum { BODY = 26 };

#define PUBLISHED_MONEY INT64_C(10000000) /* grains of 1e-2 currency */

/* -- what a wallet is
 * ------------------------------------------------------------------------------ */

bool wallet_is_money(const struct meter *m, unsigned w)
{
    return param_get(m, (uint16_t)(PARAM_WALLET_1_MONEY + w)) != 0;
}

int64_t wallet_collected(const struct meter *m, unsigned w)
{
    const struct wallet *wallet = &m->wallets.wallet[w];
    return wallet_is_money(m, w) ? wallet->charged : wallet->accrued;
}

int64_t wallet_balance(const struct meter *m, unsigned w)
{
    return m->wallets.wallet[w].bought - wallet_collected(m, w);
}

static enum arrangement arrangement(const struct meter *m)
{
    return (enum arrangement)param_get(m, PARAM_WALLET_ARRANGEMENT);
}

bool wallet_is_used(const struct meter *m, unsigned w)
{
    return w == 0 || arrangement(m) == WALLETS_UNITS_MONEY || arrangement(m) == WALLETS_SOURCES;
}

static bool is_drawable(const struct meter *m, unsigned w)
{
    return wallet_is_used(m, w) && m->wallets.wallet[w].status == ACCOUNT_ACTIVE;
}

/* Of two, the second pays once the first is empty; without an account it pays nothing. */
unsigned wallet_active(const struct meter *m)
{
    switch (arrangement(m)) {
    case WALLETS_UNITS_MONEY:
        return is_drawable(m, 1) && wallet_balance(m, 0) <= 0 &&
               (wallet_balance(m, 1) > 0 || !is_drawable(m, 0));
    case WALLETS_SOURCES:
        return m->tou.second;
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

int32_t wallet_published(const struct meter *m, unsigned w, int64_t grains)
{
    int64_t each = wallet_is_money(m, w) ? PUBLISHED_MONEY : 1;
    int64_t v = grains / each - (grains % each < 0);
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

/* -- what is used
 * ---------------------------------------------------------------------------------- */

static uint64_t basis_wh(const struct meter *m)
{
    bool both = param_get(m, PARAM_REGISTRATION) == REGISTRATION_ABSOLUTE;
    return (uint64_t)reg_at(&m->now, both ? REG_WH_ABS : REG_WH_IMPORT);
}

static void show(struct meter *m)
{
    for (unsigned w = 0; w < WALLETS; w++)
        m->now.quantity[VAL_CREDIT_1 + w] = wallet_published(m, w, wallet_balance(m, w));
}

/* Whose turn it is, and whether that wallet still pays. What stood before the cut is no news.
 */
static void look(struct meter *m)
{
    struct wallets *ws = &m->wallets;
    unsigned w = wallet_active(m);
    bool owes = ws->wallet[w].status == ACCOUNT_ACTIVE && wallet_balance(m, w) <= 0;
    struct event_detail d = { .what = (uint16_t)w };
    if (ws->known && w != ws->active) event_post(m, EV_WALLET_CHANGED, NULL, &d);
    if (ws->known && owes && !ws->owes) event_post(m, EV_CREDIT_EXHAUSTED, NULL, &d);
    if (!ws->known || owes != ws->owes) supply_request(m, SUPPLY_ARREARS, owes);
    ws->active = (uint8_t)w;
    ws->owes = owes;
    ws->known = true;
}

static void draw(struct meter *m, unsigned w, uint64_t wh)
{
    if (!wh || !is_drawable(m, w)) return;
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
    uint64_t now = basis_wh(m), wh = now - m->wallets.seen_wh;
    m->wallets.seen_wh = now;
    unsigned w = wallet_active(m);
    int64_t left = wallet_balance(m, w);
    if (!wallet_is_money(m, w) && left > 0 && wh > (uint64_t)left) {
        draw(m, w, (uint64_t)left);
        wh -= (uint64_t)left;
        w = wallet_active(m);
    }
    draw(m, w, wh);
    if (wh) show(m);
    look(m);
}

void wallet_init(struct meter *m)
{
    for (unsigned w = 0; w < WALLETS; w++) m->wallets.wallet[w].status = ACCOUNT_NEW;
}

void wallet_plan(struct meter *m)
{
    m->wallets.seen_wh = basis_wh(m);
    expense_plan(m);
    show(m);
    look(m);
}

/* -- orders
 * ---------------------------------------------------------------------------------------- */

static int put_status(struct meter *m, const struct who *who, unsigned w,
                      const struct wallet *new, enum event code)
{
    struct event_detail d = { .what = (uint16_t)w };
    int err = change_begin(m);
    if (err < 0) return err;
    wallet_put_new(m, w, new);
    if (code == EV_ACCOUNT_ACTIVATED) expense_put_open(m, w);
    change_event(m, code, who, &d);
    return change_commit(m);
}

int wallet_open(struct meter *m, const struct who *who, unsigned w)
{
    struct wallet new = m->wallets.wallet[w];
    if (new.status == ACCOUNT_ACTIVE) return E_STATE;
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

int wallet_add(struct meter *m, const struct who *who, unsigned w, int64_t grains)
{
    struct wallet new = m->wallets.wallet[w];
    struct event_detail d = { .what = (uint16_t)w,
                              .magnitude = (uint32_t)wallet_published(m, w, grains) };
    if (grains > WALLET_MAX || grains < -WALLET_MAX) return E_RANGE;
    new.bought += grains;
    if (new.bought > WALLET_MAX || new.bought < -WALLET_MAX) return E_RANGE;
    if (grains > 0 && wallet_balance(m, w) + grains > wallet_limit(m, w)) return E_RANGE;
    int err = change_begin(m);
    if (err < 0) return err;
    wallet_put_new(m, w, &new);
    change_event(m, EV_CHANGED_PREPAY, who, &d);
    return change_commit(m);
}

int wallet_set_money(struct meter *m, const struct who *who, unsigned w, bool is_money)
{
    const struct wallet *wallet = &m->wallets.wallet[w];
    if (wallet->status != ACCOUNT_NEW || wallet->bought || wallet->accrued) return E_STATE;
    return param_set(m, who, (uint16_t)(PARAM_WALLET_1_MONEY + w), is_money);
}

/* -- records
 * --------------------------------------------------------------------------------------- */

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
    unsigned n = 0;
    for (unsigned w = 0; w < WALLETS; w++)
        for (unsigned bits = m->wallets.dirty[w]; bits; bits &= bits - 1) n++;
    return n;
}

bool drawn_is_full(const struct meter *m)
{
    return drawn_count(m) + WALLETS > DRAWN_MAX;
}

uint8_t *drawn_save(const struct meter *m, uint8_t *p)
{
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

void drawn_load(struct meter *m, const uint8_t *p, size_t n)
{
    for (; n >= DRAWN; p += DRAWN, n -= DRAWN) {
        unsigned w = p[0] >> 4, t = p[0] & 15;
        if (w >= WALLETS || t >= TARIFFS || !wallet_holds((int64_t)le_get64(p + 1))) return;
        m->wallets.wallet[w].accrued = (int64_t)le_get64(p + 1);
        m->wallets.wallet[w].wh[t] = le_get32(p + 9);
    }
}

/* {wallet 1, accrued 8, Wh by tariff 8 x 4} */
enum { ACCRUED = 41 };

int accrued_put(const struct meter *m, unsigned k, uint8_t *body)
{
    const struct wallet *wallet = &m->wallets.wallet[k];
    body[0] = (uint8_t)k;
    le_put64(body + 1, (uint64_t)wallet->accrued);
    for (unsigned t = 0; t < TARIFFS; t++) le_put32(body + 9 + t * 4, wallet->wh[t]);
    return ACCRUED;
}

void accrued_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != ACCRUED || body[0] >= WALLETS || !wallet_holds((int64_t)le_get64(body + 1)))
        return;
    struct wallet *wallet = &m->wallets.wallet[body[0]];
    wallet->accrued = (int64_t)le_get64(body + 1);
    for (unsigned t = 0; t < TARIFFS; t++) wallet->wh[t] = le_get32(body + 9 + t * 4);
}
