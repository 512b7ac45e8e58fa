#include "meter/display/code.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/display/sum.h"
#include "meter/meter.h"
#include "meter/prepay/credit.h"

/* A row on flash: {number 2, item 2, decimals 1 with the top bit for kilo, label 3, action 1,
 * octets of words 1, words 16}. */
enum { ROW = 26, KILO = 0x80 };

struct product_row {
    uint16_t number, item;
    uint8_t decimals; /* and KILO */
    uint8_t label[3];
    uint8_t action;
    char words[CODE_WORDS + 1];
};

static const struct product_row product[] = {
    { 800, REG_WH_IMPORT, KILO | 2, { 1, 8, 0 }, CODE_SHOW, "energy" },
    { 801, SUM_CREDIT, 0, { 96, 61, 5 }, CODE_SHOW, "credit" },
    { 802, DISPLAY_DATE, 0, { 0, 9, 2 }, CODE_SHOW, "date" },
    { 803, DISPLAY_TIME, 0, { 0, 9, 1 }, CODE_SHOW, "time" },
    { 804, DISPLAY_SERIAL, 0, { 0, 0, 0 }, CODE_SHOW, "meter number" },
    { 805, SUM_CREDIT + 2, 0, { 19, 1, 0 }, CODE_SHOW, "credit 2" },
    { 806, DISPLAY_CAUSE, 0, { 96, 50, 20 }, CODE_SHOW, "last switching" },
    { 807, REG_U, 1, { 32, 7, 0 }, CODE_SHOW, "voltage" },
    { 808, REG_P_IMPORT, KILO | 3, { 1, 7, 0 }, CODE_SHOW, "power" },
    { 809, REG_TARIFF, 0, { 96, 14, 0 }, CODE_SHOW, "tariff" },
    { 810, SUM_EMERGENCY, 0, { 19, 10, 1 }, CODE_SHOW, "emergency credit" },
    { 811, SUM_EMERGENCY, 0, { 19, 10, 1 }, CODE_EMERGENCY, "take emergency" },
    { 812, SUM_CREDIT, 0, { 96, 61, 5 }, CODE_SILENCE, "silence" },
    { 813, SUM_PRICE, 0, { 96, 60, 11 }, CODE_SHOW, "step and price" },
    { 814, REG_BILLING_WH_IMPORT, KILO | 2, { 1, 9, 0 }, CODE_SHOW, "energy, month" },
    { 815, SUM_TOP_UP, 0, { 19, 40, 0 }, CODE_SHOW, "top-up date" },
    { 816, SUM_TOP_UP + 1, 0, { 19, 40, 0 }, CODE_SHOW, "top-up time" },
    { 817, SUM_TOP_UP + 2, 0, { 19, 40, 0 }, CODE_SHOW, "top-up" },
    { 818, SUM_TOKEN, 0, { 19, 40, 0 }, CODE_SHOW, "last token" },
    { 819, SUM_SEQUENCE, 0, { 99, 15, 0 }, CODE_SHOW, "token sequence" },
    { 820, SUM_MONTH_ENERGY + 0, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-1" },
    { 821, SUM_MONTH_ENERGY + 1, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-2" },
    { 822, SUM_MONTH_ENERGY + 2, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-3" },
    { 823, SUM_MONTH_ENERGY + 3, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-4" },
    { 824, SUM_MONTH_ENERGY + 4, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-5" },
    { 825, SUM_MONTH_ENERGY + 5, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-6" },
    { 826, SUM_MONTH_ENERGY + 6, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-7" },
    { 827, SUM_MONTH_ENERGY + 7, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-8" },
    { 828, SUM_MONTH_ENERGY + 8, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-9" },
    { 829, SUM_MONTH_ENERGY + 9, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-10" },
    { 830, SUM_MONTH_ENERGY + 10, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-11" },
    { 831, SUM_MONTH_ENERGY + 11, 0, { 98, 1, 0 }, CODE_SHOW, "energy, month-12" },
    { 832, SUM_MONTH_COST + 0, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-1" },
    { 833, SUM_MONTH_COST + 1, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-2" },
    { 834, SUM_MONTH_COST + 2, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-3" },
    { 835, SUM_MONTH_COST + 3, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-4" },
    { 836, SUM_MONTH_COST + 4, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-5" },
    { 837, SUM_MONTH_COST + 5, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-6" },
    { 838, SUM_MONTH_COST + 6, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-7" },
    { 839, SUM_MONTH_COST + 7, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-8" },
    { 840, SUM_MONTH_COST + 8, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-9" },
    { 841, SUM_MONTH_COST + 9, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-10" },
    { 842, SUM_MONTH_COST + 10, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-11" },
    { 843, SUM_MONTH_COST + 11, 0, { 96, 60, 30 }, CODE_SHOW, "cost, month-12" },
    { 844, SUM_COST, 0, { 96, 60, 31 }, CODE_SHOW, "cost today" },
    { 845, SUM_COST + 1, 0, { 96, 60, 31 }, CODE_SHOW, "cost yesterday" },
    { 846, SUM_COST + 2, 0, { 96, 60, 31 }, CODE_SHOW, "cost this month" },
    { 847, SUM_DAYS, 0, { 96, 61, 7 }, CODE_SHOW, "days left" },
    { 848, REG_I, 3, { 31, 7, 0 }, CODE_SHOW, "current" },
    { 849, REG_IN, 3, { 91, 7, 0 }, CODE_SHOW, "neutral current" },
    { 850, REG_WH_EXPORT, KILO | 2, { 2, 8, 0 }, CODE_SHOW, "energy, export" },
    { 851, REG_WH_IMPORT, KILO | 2, { 1, 8, 0 }, CODE_SHOW, "energy" },
    { 852, REG_PF, 3, { 13, 7, 0 }, CODE_SHOW, "power factor" },
    { 853, REG_F, 2, { 14, 7, 0 }, CODE_SHOW, "frequency" },
    { 854, REG_MD_P_IMPORT, KILO | 3, { 1, 6, 0 }, CODE_SHOW, "highest demand" },
    { 855, SUM_FRIENDLY, 0, { 96, 61, 2 }, CODE_SHOW, "friendly time" },
    { 856, SUM_MODE, 0, { 19, 0, 0 }, CODE_SHOW, "payment" },
    { 857, SUM_KEY, 0, { 19, 60, 0 }, CODE_SHOW, "SGC, TI-KRN-KT" },
    { 858, DISPLAY_TAMPERS, 0, { 97, 98, 2 }, CODE_SHOW, "tampers" },
    { 859, DISPLAY_VERSION, 0, { 0, 2, 0 }, CODE_SHOW, "firmware" },
    { 860, SUM_UNIT_VERSION, 0, { 0, 2, 0 }, CODE_SHOW, "firmware of unit" },
    { 869, SUM_LIMIT, 0, { 17, 0, 0 }, CODE_SHOW, "power limit" },
    { 871, SUM_TOKEN + 0, 0, { 19, 40, 0 }, CODE_SHOW, "token 1" },
    { 872, SUM_TOKEN + 1, 0, { 19, 40, 0 }, CODE_SHOW, "token 2" },
    { 873, SUM_TOKEN + 2, 0, { 19, 40, 0 }, CODE_SHOW, "token 3" },
    { 874, SUM_TOKEN + 3, 0, { 19, 40, 0 }, CODE_SHOW, "token 4" },
    { 875, SUM_TOKEN + 4, 0, { 19, 40, 0 }, CODE_SHOW, "token 5" },
    { 876, SUM_TOKEN + 5, 0, { 19, 40, 0 }, CODE_SHOW, "token 6" },
    { 877, SUM_TOKEN + 6, 0, { 19, 40, 0 }, CODE_SHOW, "token 7" },
    { 878, SUM_TOKEN + 7, 0, { 19, 40, 0 }, CODE_SHOW, "token 8" },
    { 879, SUM_TOKEN + 8, 0, { 19, 40, 0 }, CODE_SHOW, "token 9" },
    { 880, SUM_TOKEN + 9, 0, { 19, 40, 0 }, CODE_SHOW, "token 10" },
    { 890, DISPLAY_HOLDER, 0, { 96, 3, 10 }, CODE_RECONNECT, "reconnect" },
    { 891, SUM_UNITS, 0, { 96, 62, 0 }, CODE_PAIR, "pair" },
    { 892, SUM_LINK, 0, { 96, 62, 0 }, CODE_SHOW, "link quality" },
    { 893, DISPLAY_TEST, 0, { 0, 0, 0 }, CODE_SHOW, "test" },
    { 0, SUM_OFFER, 0, { 19, 10, 1 }, CODE_SHOW, "emergency offer" },
    { 1, SUM_CREDIT, 0, { 96, 61, 5 }, CODE_SHOW, "credit" },
    { 2, SUM_BOUGHT, 0, { 96, 61, 8 }, CODE_SHOW, "credit bought" },
    { 65, DISPLAY_SERIAL, 0, { 0, 0, 0 }, CODE_SHOW, "meter number" },
};
enum { PRODUCTS = sizeof product / sizeof *product };
_Static_assert((int)PRODUCTS <= (int)CODES_MAX, "a table of the product fits one of a utility");

/* -- rows ---------------------------------------------------------------------------------- */

static void from_product(const struct product_row *p, struct short_code *x)
{
    *x = (struct short_code){
        .number = p->number,
        .action = p->action,
        .words_n = (uint8_t)strlen(p->words),
        .item = { p->item,
                  p->decimals & ~KILO & 0xFF,
                  (p->decimals & KILO) != 0,
                  { p->label[0], p->label[1], p->label[2] } },
    };
    memcpy(x->words, p->words, x->words_n);
}

static void save(const struct short_code *x, uint8_t o[ROW])
{
    memset(o, 0, ROW);
    le_put16(o, x->number);
    le_put16(o + 2, x->item.column);
    o[4] = (uint8_t)(x->item.decimals | (x->item.kilo ? KILO : 0));
    memcpy(o + 5, x->item.label, 3);
    o[8] = x->action;
    o[9] = x->words_n;
    memcpy(o + 10, x->words, x->words_n);
}

static int load(const uint8_t o[ROW], struct short_code *x)
{
    if (o[9] > CODE_WORDS) return E_CRC;
    *x = (struct short_code){
        .number = le_get16(o),
        .action = o[8],
        .words_n = o[9],
        .item = { le_get16(o + 2),
                  o[4] & ~KILO & 0xFF,
                  (o[4] & KILO) != 0,
                  { o[5], o[6], o[7] } },
    };
    memcpy(x->words, o + 10, o[9]);
    return 0;
}

int code_product(unsigned i, struct short_code *x)
{
    if (i >= PRODUCTS) return E_NONE;
    from_product(&product[i], x);
    return 0;
}

int code_rows(struct meter *m)
{
    int n = param_rows(m, PARAM_SHORT_CODES);
    return n ? n : (int)PRODUCTS;
}

int code_row(struct meter *m, unsigned i, struct short_code *x)
{
    uint8_t o[ROW];
    int written = param_rows(m, PARAM_SHORT_CODES);
    if (written < 0) return written;
    if (!written) return code_product(i, x);
    int err = param_row_read(m, PARAM_SHORT_CODES, i, o, sizeof o);
    return err < 0 ? err : load(o, x);
}

/* -- a table written ----------------------------------------------------------------------- */

int code_begin(struct meter *m, const struct who *who, unsigned rows)
{
    return param_stage_begin(m, who, PARAM_SHORT_CODES, rows);
}

/* Rows that were staged before this one. */
static bool is_there(struct meter *m, uint16_t number)
{
    uint8_t o[ROW];
    for (unsigned i = 0; i < m->stage.put; i++)
        if (param_stage_read(m, i, o, sizeof o) >= 0 && le_get16(o) == number) return true;
    return false;
}

static bool is_right(const struct short_code *x)
{
    return x->number <= CODE_LAST && x->action < CODE_ACTIONS && x->words_n <= CODE_WORDS &&
           display_has(&x->item);
}

int code_put(struct meter *m, const struct who *who, const struct short_code *x)
{
    uint8_t o[ROW];
    if (!is_right(x) || is_there(m, x->number)) {
        param_stage_abort(m, who);
        return E_RANGE;
    }
    save(x, o);
    return param_stage_put(m, who, o, sizeof o);
}

/* Is what was staged what stands, be it the product's own? */
static bool stands(struct meter *m, const struct who *who)
{
    uint8_t is[ROW], was[ROW];
    struct short_code x;
    if (param_stage_is(m, who, PARAM_SHORT_CODES)) return true;
    if (m->stage.put != m->stage.rows || code_rows(m) != m->stage.rows) return false;
    for (unsigned i = 0; i < m->stage.rows; i++) {
        if (code_row(m, i, &x) < 0 || param_stage_read(m, i, is, sizeof is) < 0) return false;
        save(&x, was);
        if (memcmp(is, was, sizeof is) != 0) return false;
    }
    return true;
}

int code_commit(struct meter *m, const struct who *who)
{
    if (!m->stage.open || m->stage.id != PARAM_SHORT_CODES) return E_STATE;
    if (stands(m, who)) {
        param_stage_abort(m, who);
        return 0;
    }
    int err = param_begin_stage(m, who);
    return err < 0 ? err : change_commit(m);
}

/* -- one typed ----------------------------------------------------------------------------- */

int code_find(struct meter *m, uint16_t number, struct short_code *x)
{
    int n = code_rows(m);
    if (n < 0) return n;
    for (unsigned i = 0; i < (unsigned)n; i++) {
        int err = code_row(m, i, x);
        if (err < 0) return err;
        if (x->number == number) return 0;
    }
    return E_NONE;
}

/* A code that pairs does so with the meter's number behind it; alone it shows. */
static bool does(const struct short_code *x)
{
    return x->action != CODE_SHOW && x->action != CODE_PAIR;
}

static bool may(const struct meter *m, const struct who *who, enum keypad_bit bit)
{
    return who->link != LINK_KEYPAD || (unsigned)param_get(m, PARAM_KEYPAD) & bit;
}

static int act(struct meter *m, const struct who *who, const struct short_code *x)
{
    switch (x->action) {
    case CODE_RECONNECT:
        return supply_order(m, who, SUPPLY_BUTTON, ACTION_RECONNECT);
    case CODE_DISCONNECT:
        return supply_order(m, who, SUPPLY_BUTTON, ACTION_DISCONNECT);
    case CODE_EMERGENCY:
        return credit_take_emergency(m, who, wallet_active(m));
    case CODE_SILENCE:
        return credit_silence(m, who);
    default:
        return 0;
    }
}

int code_enter(struct meter *m, const struct who *who, uint16_t number)
{
    struct short_code x;
    int err = code_find(m, number, &x);
    if (err < 0) return err;
    if (!may(m, who, does(&x) ? KEYPAD_DOES : KEYPAD_SHOWS)) return E_DENIED;
    err = act(m, who, &x);
    display_ask(m, &x.item);
    return err;
}

int code_tell(struct meter *m, const struct who *who, uint16_t number, unsigned part,
              struct short_code *x, struct display_page *page)
{
    int err = code_find(m, number, x);
    if (err < 0) return err;
    if (part == 0) err = act(m, who, x);
    *page = (struct display_page){ .item = x->item };
    display_show_part(m, m->t, page, part % display_parts(x->item.column));
    return err;
}

/* The meter's number, of eight digits or as vending stations print it. */
static bool names(const struct meter *m, const char *digits, size_t n)
{
    enum { IIN = 6, DRN = 11, SERIAL = 8 };
    char pan[PREPAY_PAN + 1];
    prepay_pan(m, pan);
    return (n == DRN && !memcmp(digits, pan + IIN, DRN)) ||
           (n == SERIAL && !memcmp(digits, pan + IIN + 2, SERIAL));
}

/* A code and the meter's number behind it. */
static int pair(struct meter *m, const struct who *who, const char *digits, size_t n)
{
    struct short_code x;
    uint16_t number = 0;
    for (size_t i = 0; i < CODE_DIGITS; i++) {
        number = (uint16_t)(number * 10 + (digits[i] - '0'));
        if (code_find(m, number, &x) < 0 || x.action != CODE_PAIR) continue;
        if (!may(m, who, KEYPAD_PAIRS)) return E_DENIED;
        if (!names(m, digits + i + 1, n - i - 1)) return E_RANGE;
        unit_open_window(m);
        return display_ask(m, &x.item);
    }
    return E_NONE;
}

int code_type(struct meter *m, const struct who *who, const char *digits, size_t n)
{
    uint16_t number = 0;
    for (size_t i = 0; i < n; i++)
        if (digits[i] < '0' || digits[i] > '9') return E_RANGE;
    if (n < 1 || n > CODE_TYPED) return E_RANGE;
    if (n > CODE_DIGITS) return pair(m, who, digits, n);
    for (size_t i = 0; i < n; i++) number = (uint16_t)(number * 10 + (digits[i] - '0'));
    return code_enter(m, who, number);
}
