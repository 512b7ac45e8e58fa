#include "meter/display/sum.h"

#include <string.h>

#include "base/cal.h"
#include "base/bytes.h"
#include "meter/meter.h"
#include "meter/prepay/credit.h"
#include "sts/judge.h"

enum { TOKEN_PARTS = 3, PRICE_DECIMALS = 4 };

unsigned display_parts(uint16_t item)
{
    if (item >= SUM_TOKEN && item < SUM_TOKEN + 10) return TOKEN_PARTS;
    return item == SUM_PRICE || item == SUM_KEY ? 2 : 1;
}

static void none(struct display_page *p)
{
    memset(p->cell, '-', DISPLAY_CELLS);
    p->point = 0;
}

static void number(struct display_page *p, int64_t v, unsigned decimals)
{
    p->point = (uint8_t)decimals;
    display_number(p, v);
}

/* -- money, and what it bought ------------------------------------------------------------- */

static void amount(struct meter *m, struct display_page *p, unsigned w, int64_t grains)
{
    bool money = wallet_is_money(m, w);
    p->item.kilo = !money;
    p->unit = money ? UNIT_NONE : UNIT_WH;
    number(p, wallet_published(m, w, grains), money ? 2 : 3);
}

static void credit(struct meter *m, struct display_page *p, unsigned which)
{
    unsigned w = which ? which - 1 : wallet_active(m);
    if (wallet_is_used(m, w))
        amount(m, p, w, credit_available(m, w));
    else
        none(p);
}

/* What was charged up to the back-th row from the end; from the beginning before the first. */
static int64_t charged(struct meter *m, unsigned w, enum billing which, unsigned back)
{
    struct billing_row row;
    struct billing_span s = billing_span(m, which);
    if (s.next - s.first < back || billing_read(m, which, s.next - back, &row) < 0) return 0;
    return row.expense[w].charged;
}

enum { TODAY, YESTERDAY, MONTH };

static void cost(struct meter *m, struct display_page *p, unsigned of)
{
    int w = expense_wallet(m);
    if (w < 0) {
        none(p);
        return;
    }
    unsigned k = (unsigned)w;
    if (of == MONTH) { /* as 0-0:96.60.26 */
        struct bill b;
        expense_bill(m, k, &b);
        amount(m, p, k, b.total.nano);
        return;
    }
    int64_t begin = charged(m, k, BILLING_DAILY, of == YESTERDAY ? 2 : 1);
    int64_t end = of == YESTERDAY ? charged(m, k, BILLING_DAILY, 1) : wallet_collected(m, k);
    amount(m, p, k, end - begin);
}

static void month_energy(struct meter *m, struct display_page *p, unsigned back)
{
    struct billing_row row;
    struct billing_span s = billing_span(m, BILLING_MONTHLY);
    none(p);
    if (s.next - s.first < back || billing_read(m, BILLING_MONTHLY, s.next - back, &row) < 0)
        return;
    p->item.kilo = true;
    p->unit = UNIT_WH;
    number(p, reg_at(&row.regs, REG_BILLING_WH_IMPORT) / 10, 2);
}

static void month_cost(struct meter *m, struct display_page *p, unsigned back)
{
    struct billing_span s = billing_span(m, BILLING_MONTHLY);
    int w = expense_wallet(m);
    none(p);
    if (w < 0 || s.next - s.first < back) return;
    unsigned k = (unsigned)w;
    amount(m, p, k,
           charged(m, k, BILLING_MONTHLY, back) - charged(m, k, BILLING_MONTHLY, back + 1));
}

static void price(struct meter *m, struct display_page *p, unsigned part)
{
    struct month_usage u;
    int w = expense_wallet(m);
    none(p);
    if (w < 0 || !m->expense.has) return;
    expense_usage(m, (unsigned)w, &u);
    unsigned step = scheme_step(&m->expense.scheme, usage_wh(&u));
    unsigned tariff = (unsigned)m->now.quantity[VAL_TARIFF] - 1;
    if (part == 0) {
        number(p, step + 1, 0);
        memcpy(p->cell, "StEP", 4);
    } else {
        number(p, m->expense.scheme.step[step].price[tariff] / 100, PRICE_DECIMALS);
    }
}

/* -- tokens -------------------------------------------------------------------------------- */

static bool newest(struct meter *m, enum token_log log, unsigned back, struct token_row *r)
{
    struct token_span s = token_span(m, log);
    return s.next - s.first > back && token_read(m, log, s.next - 1 - back, r) >= 0;
}

/* Of those that were taken, as far as is looked for them. */
static bool taken(struct meter *m, unsigned back, struct token_row *r)
{
    enum { LOOKED_AT = 24 };
    for (unsigned i = 0; i < LOOKED_AT && newest(m, TOKENS_ALL, i, r); i++) {
        bool has_digits = false;
        for (unsigned k = 0; k < sizeof r->last.bcd; k++) has_digits |= r->last.bcd[k] != 0;
        if (has_digits && back-- == 0) return true;
    }
    return false;
}

enum { TOP_UP_DATE, TOP_UP_TIME, TOP_UP_AMOUNT };

static void top_up(struct meter *m, struct display_page *p, unsigned what)
{
    struct token_row r;
    none(p);
    if (!newest(m, TOKENS_CREDIT, 0, &r)) return;
    struct civil c = zone_civil(&m->clock.zone, r.time);
    if (what == TOP_UP_AMOUNT)
        amount(m, p, r.last.wallet,
               r.last.amount * (wallet_is_money(m, r.last.wallet) ? MONEY_UNIT / 100000 : 100));
    else if (what == TOP_UP_TIME)
        display_three(p, c.hour, c.minute, c.second);
    else
        display_three(p, c.year, c.month, c.day);
}

static void token(struct meter *m, struct display_page *p, unsigned back, unsigned part)
{
    struct token_row r;
    none(p);
    if (!taken(m, back, &r)) return;
    memset(p->cell, ' ', DISPLAY_CELLS);
    for (unsigned i = 0; i < DISPLAY_CELLS && part * DISPLAY_CELLS + i < STS_DIGITS; i++) {
        unsigned at = part * DISPLAY_CELLS + i;
        p->cell[i] = (char)('0' + (r.last.bcd[at / 2] >> (at % 2 ? 0 : 4) & 15));
    }
}

static void key(struct meter *m, struct display_page *p, unsigned part)
{
    struct sts_key k;
    none(p);
    if (prepay_key_get(m, &k) < 0) return;
    if (part == 0)
        number(p, k.sgc, 0);
    else
        display_three(p, k.ti, k.krn, k.kt);
    wipe(&k, sizeof k);
}

/* -- the limit ----------------------------------------------------------------------------- */

/* The lowest that is set of those of power: contracted, by token. */
static void limit(struct meter *m, struct display_page *p)
{
    static const uint8_t power[] = { 0, 2 };
    int32_t least = 0;
    for (unsigned i = 0; i < sizeof power; i++) {
        int32_t w = limiter_threshold(m, power[i]);
        if (w && (!least || w < least)) least = w;
    }
    none(p);
    if (!least) return;
    p->item.kilo = true;
    p->unit = UNIT_W;
    number(p, least, 3);
}

/* -- the customer's unit ------------------------------------------------------------------- */

static void link_quality(const struct meter *m, struct display_page *p)
{
    int percent = unit_quality(m);
    none(p);
    if (percent >= 0) number(p, percent, 0);
}

static void unit_firmware(const struct meter *m, struct display_page *p)
{
    const uint8_t *v = unit_version(m);
    none(p);
    if (v) display_three(p, v[0], v[1], v[2]);
}

/* -- what the customer was given, and how he pays ------------------------------------------ */

static void emergency(struct meter *m, struct display_page *p)
{
    unsigned w = wallet_active(m);
    amount(m, p, w, credit_emergency(m, w));
}

static void word(struct display_page *p, const char *text)
{
    memset(p->cell, ' ', DISPLAY_CELLS);
    memcpy(p->cell, text, strlen(text));
}

static void bought(struct meter *m, struct display_page *p, unsigned which)
{
    unsigned w = which ? which - 1 : wallet_active(m);
    amount(m, p, w, m->wallets.wallet[w].purchased);
}

static void offer(struct meter *m, struct display_page *p)
{
    unsigned w = wallet_active(m);
    if (credit_is_offered(m, w))
        amount(m, p, w, credit_preset(m, w));
    else
        word(p, "nonE");
}

static void days(struct meter *m, struct display_page *p)
{
    uint16_t left = credit_days_left(m, wallet_active(m));
    none(p);
    if (left != CREDIT_NO_USE) number(p, left, 0);
}

void display_sum(struct meter *m, struct display_page *p, unsigned part)
{
    unsigned item = p->item.column;
    p->point = 0;
    if (item < SUM_COST)
        credit(m, p, item - SUM_CREDIT);
    else if (item < SUM_MONTH_ENERGY)
        cost(m, p, item - SUM_COST);
    else if (item < SUM_MONTH_COST)
        month_energy(m, p, item - SUM_MONTH_ENERGY + 1);
    else if (item < SUM_PRICE)
        month_cost(m, p, item - SUM_MONTH_COST + 1);
    else if (item == SUM_PRICE)
        price(m, p, part);
    else if (item < SUM_TOKEN)
        top_up(m, p, item - SUM_TOP_UP);
    else if (item < SUM_KEY)
        token(m, p, item - SUM_TOKEN, part);
    else if (item == SUM_KEY)
        key(m, p, part);
    else if (item == SUM_LIMIT)
        limit(m, p);
    else if (item == SUM_EMERGENCY)
        emergency(m, p);
    else if (item == SUM_DAYS)
        days(m, p);
    else if (item == SUM_FRIENDLY)
        word(p, credit_is_friendly(m) ? "on" : "oFF");
    else if (item == SUM_MODE)
        word(p, wallet_is_postpaid(m) ? "PoStPAid" : "PrEPAid");
    else if (item < SUM_OFFER)
        bought(m, p, item - SUM_BOUGHT);
    else if (item == SUM_OFFER)
        offer(m, p);
    else if (item == SUM_SEQUENCE)
        number(p, token_span(m, TOKENS_CREDIT).next, 0);
    else if (item == SUM_UNITS)
        number(p, unit_paired(m), 0);
    else if (item == SUM_LINK)
        link_quality(m, p);
    else
        unit_firmware(m, p);
}
