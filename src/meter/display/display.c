#include "meter/display/display.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/display/sum.h"
#include "meter/meter.h"

#define SECOND_US UINT64_C(1000000)

enum { TEST_S = 3, PART_S = 4, LONG_PRESS_S = 3, ITEM = 6, KILO = 0x80, DECIMALS_MAX = 5 };

#define KWH(reg, c, e)                                                                         \
    {                                                                                          \
        reg, 2, true,                                                                          \
        {                                                                                      \
            c, 8, e                                                                            \
        }                                                                                      \
    }
static const struct display_item everyday[] = {
    KWH(REG_WH_IMPORT, 1, 0),
    { REG_U, 1, false, { 32, 7, 0 } },
    { REG_I, 3, false, { 31, 7, 0 } },
    { REG_P_IMPORT, 3, true, { 1, 7, 0 } },
    { REG_PF, 3, false, { 13, 7, 0 } },
    { REG_F, 2, false, { 14, 7, 0 } },
    KWH(REG_WH_EXPORT, 2, 0),
    KWH(REG_VARH_IMPORT, 3, 0),
    { DISPLAY_TIME, 0, false, { 0, 9, 1 } },
    { DISPLAY_DATE, 0, false, { 0, 9, 2 } },
};
static const struct display_item button[] = {
    KWH(REG_WH_IMPORT, 1, 0),
    KWH(REG_WH_IMPORT + 1, 1, 1),
    KWH(REG_WH_IMPORT + 2, 1, 2),
    KWH(REG_WH_IMPORT + 3, 1, 3),
    KWH(REG_WH_IMPORT + 4, 1, 4),
    KWH(REG_WH_EXPORT, 2, 0),
    KWH(REG_VARH_IMPORT, 3, 0),
    KWH(REG_VARH_EXPORT, 4, 0),
    KWH(REG_VAH_IMPORT, 9, 0),
    { REG_MD_P_IMPORT, 3, true, { 1, 6, 0 } },
    { REG_D_P_IMPORT, 3, true, { 1, 4, 0 } },
    { DISPLAY_HOLDER, 0, false, { 96, 3, 10 } },
    { DISPLAY_CAUSE, 0, false, { 96, 50, 20 } },
    { DISPLAY_SERIAL, 0, false, { 0, 0, 0 } },
};
static const struct display_item service[] = {
    { DISPLAY_TEST, 0, false, { 8, 8, 8 } },
    KWH(REG_WH_Q1, 17, 0),
    KWH(REG_WH_Q2, 18, 0),
    KWH(REG_WH_Q3, 19, 0),
    KWH(REG_WH_Q4, 20, 0),
    { REG_IN, 3, false, { 91, 7, 0 } },
    { REG_ANGLE_I, 1, false, { 81, 7, 4 } },
    { REG_THD_U, 1, false, { 32, 7, 124 } },
    { REG_TEMP, 1, false, { 96, 9, 0 } },
    { REG_POWER_FAILURES, 0, false, { 96, 7, 0 } },
};
static const struct {
    const struct display_item *item;
    uint8_t n;
} product[DISPLAY_LISTS] = { { everyday, sizeof everyday / sizeof *everyday },
                             { button, sizeof button / sizeof *button },
                             { service, sizeof service / sizeof *service } };

/* -- lists: {column 2, decimals 1 with the top bit for kilo, label 3} ---------------------- */

static uint16_t list_param(enum display_list list)
{
    return list == DISPLAY_READOUT ? PARAM_READOUT : (uint16_t)(PARAM_DISPLAY_1 + list);
}

unsigned display_items(struct meter *m, enum display_list list,
                       struct display_item item[DISPLAY_ITEMS])
{
    uint8_t o[DISPLAY_ITEMS * ITEM];
    int n = param_read(m, list_param(list), o, sizeof o);
    if (n < ITEM && list == DISPLAY_READOUT) {
        list = DISPLAY_AUTOMATIC;
        n = param_read(m, list_param(list), o, sizeof o);
    }
    if (n < ITEM || n % ITEM) {
        memcpy(item, product[list].item, product[list].n * sizeof *item);
        return product[list].n;
    }
    for (unsigned i = 0; i < (unsigned)n / ITEM; i++) {
        const uint8_t *p = o + i * ITEM;
        item[i] = (struct display_item){
            le_get16(p), p[2] & ~KILO & 0xFF, (p[2] & KILO) != 0, { p[3], p[4], p[5] }
        };
    }
    return (unsigned)n / ITEM;
}

bool display_has(const struct display_item *x)
{
    bool special = (x->column >= DISPLAY_TIME && x->column <= DISPLAY_CAUSE) ||
                   x->column == DISPLAY_TAMPERS || x->column == DISPLAY_VERSION ||
                   (x->column >= SUM_FIRST && x->column < SUM_END);
    return (x->column < REG_COUNT || special) && x->decimals <= DECIMALS_MAX;
}

static struct display_item by_unit(uint16_t column)
{
    struct display_item x = { .column = column };
    if (column >= REG_COUNT) return x;
    struct reg_unit u = reg_unit_at(column);
    bool energy = u.unit >= UNIT_WH && u.unit <= UNIT_VARH;
    bool power = u.unit >= UNIT_W && u.unit <= UNIT_VAR;
    int decimals = u.scaler < 0 ? -u.scaler : 0;
    x.kilo = energy || power;
    x.decimals = (uint8_t)(energy ? 2 : power ? 3 : decimals);
    return x;
}

struct display_item display_item_of(struct meter *m, enum display_list list, uint16_t column)
{
    struct display_item item[DISPLAY_ITEMS];
    unsigned n = display_items(m, list, item);
    for (unsigned i = 0; i < n; i++)
        if (item[i].column == column) return item[i];
    for (unsigned k = 0; k < DISPLAY_LISTS; k++)
        for (unsigned i = 0; i < product[k].n; i++)
            if (product[k].item[i].column == column) return product[k].item[i];
    return by_unit(column);
}

static bool is_same(const struct display_item *a, const struct display_item *b)
{
    return a->column == b->column && a->decimals == b->decimals && a->kilo == b->kilo &&
           !memcmp(a->label, b->label, sizeof a->label);
}

/* Does the list stand like this already? */
static bool stands(struct meter *m, enum display_list list, const struct display_item *item,
                   unsigned n)
{
    struct display_item was[DISPLAY_ITEMS];
    if (display_items(m, list, was) != n) return false;
    for (unsigned i = 0; i < n; i++)
        if (!is_same(&was[i], &item[i])) return false;
    return true;
}

int display_set_items(struct meter *m, const struct who *who, enum display_list list,
                      const struct display_item *item, unsigned n)
{
    uint8_t o[DISPLAY_ITEMS * ITEM];
    if (n > DISPLAY_ITEMS) return E_RANGE;
    if (stands(m, list, item, n)) return 0;
    for (unsigned i = 0; i < n; i++) {
        if (!display_has(&item[i])) return E_RANGE;
        le_put16(o + i * ITEM, item[i].column);
        o[i * ITEM + 2] = (uint8_t)(item[i].decimals | (item[i].kilo ? KILO : 0));
        memcpy(o + i * ITEM + 3, item[i].label, 3);
    }
    return param_write(m, who, list_param(list), o, n * ITEM);
}

/* -- cells --------------------------------------------------------------------------------- */

static void all(struct display_page *p, char c)
{
    memset(p->cell, c, DISPLAY_CELLS);
}

/* Right-aligned, with zeros up to the point; what does not fit rolls over, as a counter does.
 */
void display_number(struct display_page *p, int64_t v)
{
    bool negative = v < 0;
    uint64_t left = negative ? 0 - (uint64_t)v : (uint64_t)v;
    all(p, ' ');
    unsigned i = DISPLAY_CELLS;
    do {
        p->cell[--i] = (char)('0' + left % 10);
        left /= 10;
    } while (i > (negative ? 1u : 0u) && (left || DISPLAY_CELLS - i <= p->point));
    if (negative) p->cell[i - 1] = '-';
}

/* Cut, not rounded, like a counter. */
static int64_t scaled(int64_t v, int drop)
{
    for (; drop > 0; drop--) v /= 10;
    for (; drop < 0; drop++) v *= 10;
    return v;
}

static void show_register(struct meter *m, struct display_page *p)
{
    const struct display_item *x = &p->item;
    struct reg_unit u = reg_unit_at(x->column);
    int have =
        -u.scaler + (x->kilo ? 3 : 0); /* decimals of the raw number, in the unit shown */
    p->unit = u.unit;
    p->point = x->decimals;
    display_number(p, scaled(reg_at(&m->now, x->column), have - x->decimals));
}

void display_three(struct display_page *p, unsigned a, unsigned b, unsigned c)
{
    const unsigned v[3] = { a, b, c };
    all(p, '-');
    for (unsigned i = 0; i < 3; i++) {
        p->cell[i * 3] = (char)('0' + v[i] / 10 % 10);
        p->cell[i * 3 + 1] = (char)('0' + v[i] % 10);
    }
}

static void show_clock(struct meter *m, struct display_page *p, mono_t t)
{
    struct civil c = zone_civil(&m->clock.zone, clock_utc(&m->clock, t));
    all(p, '-');
    if (!clock_is_valid(&m->clock)) return;
    if (p->item.column == DISPLAY_TIME)
        display_three(p, c.hour, c.minute, c.second);
    else
        display_three(p, c.year, c.month, c.day);
}

/* Bits that tell what went on, not that something is wrong: power up, configuration changed; power
 * failed and resumed, voltage resumed, keys exchanged, somebody at the optical port. */
static const uint32_t news[ALARMS] = { UINT32_C(0x14), UINT32_C(0x42023), 0 };

static void alarming(const struct meter *m, uint32_t set[ALARMS])
{
    for (unsigned k = 0; k < ALARMS; k++) set[k] = m->alarms.set[k] & ~news[k];
}

static bool is_alarming(const struct meter *m)
{
    uint32_t set[ALARMS];
    alarming(m, set);
    return set[0] | set[1] | set[2];
}

/* Register and bit of one that is set, "1-13": the next each time the pages come round. */
static void show_bits(struct display_page *p, const uint32_t *word, unsigned words)
{
    unsigned n = 0;
    all(p, ' ');
    for (unsigned k = 0; k < words; k++) n += (unsigned)__builtin_popcount(word[k]);
    unsigned skip = n ? p->round % n : 0;
    for (unsigned i = 0; n && i < words * 32; i++) {
        unsigned k = i / 32, b = i % 32;
        if (!(word[k] >> b & 1) || skip--) continue;
        memcpy(p->cell + 4,
               (char[]){ (char)('1' + k), '-', (char)('0' + b / 10), (char)('0' + b % 10) }, 4);
        return;
    }
}

/* 0.1 kWh, or 1e-5 of the currency; shown with one decimal, with two. */
static void show_amount(struct meter *m, struct display_page *p)
{
    const struct token_last *l = &m->tokens.last;
    bool money = l->effect == STS_CURRENCY;
    p->point = money ? 2 : 1;
    p->unit = money ? UNIT_NONE : UNIT_WH;
    display_number(p, scaled(l->amount, money ? 3 : 0));
}

static void show_tampers(struct meter *m, struct display_page *p)
{
    all(p, ' ');
    for (unsigned i = 0; i < ALARM_TAMPERS; i++)
        p->cell[DISPLAY_CELLS - ALARM_TAMPERS + i] = (char)('0' + (m->alarms.set[2] >> i & 1));
}

static void show_text(struct display_page *p, const char *text)
{
    size_t n = strlen(text);
    all(p, ' ');
    memcpy(p->cell, text, n < DISPLAY_CELLS ? n : DISPLAY_CELLS);
}

/* A utility may number texts that this meter has no letters for. */
static void show_warning(struct meter *m, struct display_page *p)
{
    unsigned text = output_now(m).text;
    const char *cells = output_text(text);
    if (cells)
        show_text(p, cells);
    else
        display_number(p, text);
}

/* "1.2.3" as 1-2-3: a display has one point. */
static void show_version(struct meter *m, struct display_page *p)
{
    show_text(p, m->cfg->version ? m->cfg->version : "");
    for (unsigned i = 0; i < DISPLAY_CELLS; i++)
        if (p->cell[i] == '.') p->cell[i] = '-';
}

static void show_channel(struct meter *m, struct display_page *p)
{
    show_text(p, "in");
    p->cell[DISPLAY_CELLS - 1] = (char)('0' + m->tokens.last.link % 10);
}

/* r: enum requester. */
static void show_requester(struct display_page *p, unsigned r)
{
    show_text(p, r < REQUESTERS ? arbiter_row(r)->cells : "nonE");
}

/* What comes in parts turns through them, from when it was asked for. */
static unsigned part_of(const struct meter *m, const struct display_page *p, mono_t t)
{
    mono_t from = m->display.is_asked ? m->display.asked : m->display.since;
    uint64_t us = t.us > from.us ? t.us - from.us : 0;
    return (unsigned)(us / (PART_S * SECOND_US) % display_parts(p->item.column));
}

void display_show_part(struct meter *m, mono_t t, struct display_page *p, unsigned part)
{
    uint32_t set[ALARMS];
    p->unit = UNIT_NONE;
    switch (p->item.column) {
    case DISPLAY_TIME:
    case DISPLAY_DATE:
        show_clock(m, p, t);
        break;
    case DISPLAY_SERIAL:
        display_number(p, m->cfg->serial);
        break;
    case DISPLAY_TEST:
        all(p, '8');
        break;
    case DISPLAY_ALARM:
        alarming(m, set);
        show_bits(p, set, ALARMS);
        break;
    case DISPLAY_TEXT:
        show_warning(m, p);
        break;
    case DISPLAY_ERROR:
        show_bits(p, m->alarms.error, ERRORS);
        break;
    case DISPLAY_RESULT:
        display_number(p, m->tokens.last.result);
        break;
    case DISPLAY_AMOUNT:
        show_amount(m, p);
        break;
    case DISPLAY_TAMPERS:
        show_tampers(m, p);
        break;
    case DISPLAY_CHANNEL:
        show_channel(m, p);
        break;
    case DISPLAY_VERSION:
        show_version(m, p);
        break;
    case DISPLAY_HOLDER:
        show_requester(p, supply_holder(m));
        break;
    case DISPLAY_CAUSE:
        show_requester(p, m->supply.state.cause - 1u);
        break;
    default:
        if (p->item.column >= SUM_FIRST)
            display_sum(m, p, part);
        else
            show_register(m, p);
        break;
    }
}

void display_show(struct meter *m, mono_t t, struct display_page *p)
{
    display_show_part(m, t, p, part_of(m, p, t));
}

/* -- icons --------------------------------------------------------------------------------- */

static unsigned icons(const struct meter *m)
{
    static const uint16_t quadrant[] = { ICON_NO_LOAD, ICON_IMPORT | ICON_INDUCTIVE,
                                         ICON_EXPORT | ICON_INDUCTIVE,
                                         ICON_EXPORT | ICON_CAPACITIVE,
                                         ICON_IMPORT | ICON_CAPACITIVE };
    const struct alarms *a = &m->alarms;
    enum {
        OPEN = INPUT_TERMINAL_COVER | INPUT_METER_COVER | INPUT_MODULE_COVER | INPUT_MAGNET
    };
    unsigned on = quadrant[m->now.quantity[VAL_QUADRANT]];
    if (!clock_is_valid(&m->clock)) on |= ICON_CLOCK;
    if (is_alarming(m)) on |= ICON_ALARM;
    if (a->error[0] | a->error[1]) on |= ICON_ERROR;
    if (m->inputs.settled & OPEN) on |= ICON_TAMPER;
    if (m->inputs.settled & INPUT_BATTERY_LOW) on |= ICON_BATTERY;
    if (m->tou.second) on |= ICON_SECOND_SOURCE;
    if (!supply_is_on(m)) on |= ICON_OPEN;
    return on;
}

/* -- which page ---------------------------------------------------------------------------- */

static uint64_t since_us(const struct display *d, mono_t t)
{
    return t.us > d->since.us ? t.us - d->since.us : 0;
}

static uint64_t back_us(const struct meter *m)
{
    return (uint64_t)param_get(m, PARAM_DISPLAY_BACK_S) * SECOND_US;
}

static bool is_asked(const struct meter *m, mono_t t)
{
    const struct display *d = &m->display;
    return d->is_asked && t.us < d->asked.us + back_us(m);
}

/* Back to everyday when nobody has pressed for a while. */
static bool is_automatic(const struct meter *m, mono_t t)
{
    return m->display.list == DISPLAY_AUTOMATIC || since_us(&m->display, t) >= back_us(m);
}

/* An open supply, alarms and errors stand behind the everyday pages while there are any. */
static unsigned with_alarms(struct meter *m, struct display_item *item, unsigned n)
{
    const struct alarms *a = &m->alarms;
    if (n < DISPLAY_ITEMS && m->supply.state.held)
        item[n++] = (struct display_item){ DISPLAY_HOLDER, 0, false, { 96, 3, 10 } };
    if (n < DISPLAY_ITEMS && output_now(m).text)
        item[n++] = (struct display_item){ DISPLAY_TEXT, 0, false, { 96, 50, 50 } };
    if (n < DISPLAY_ITEMS && is_alarming(m))
        item[n++] = (struct display_item){ DISPLAY_ALARM, 0, false, { 97, 98, 0 } };
    if (n < DISPLAY_ITEMS && (a->error[0] | a->error[1]))
        item[n++] = (struct display_item){ DISPLAY_ERROR, 0, false, { 97, 97, 0 } };
    return n;
}

/* What test tokens ask for, in the order shown. */
static const struct {
    uint16_t test;
    struct display_item item;
} tests[] = {
    { STS_TEST_SWITCH, { DISPLAY_CAUSE, 0, false, { 96, 50, 20 } } },
    { STS_TEST_DISPLAY, { DISPLAY_TEST, 0, false, { 8, 8, 8 } } },
    { STS_SHOW_ENERGY, KWH(REG_WH_IMPORT, 1, 0) },
    { STS_SHOW_KEY_REVISION, { REG_KEY_REVISION, 0, false, { 19, 60, 8 } } },
    { STS_SHOW_TARIFF_INDEX, { REG_TARIFF_INDEX, 0, false, { 19, 60, 7 } } },
    { STS_TEST_READER, { DISPLAY_CHANNEL, 0, false, { 96, 50, 42 } } },
    { STS_SHOW_POWER_LIMIT, { REG_POWER_LIMIT, 0, false, { 17, 0, 2 } } },
    { STS_SHOW_TAMPER, { DISPLAY_TAMPERS, 0, false, { 97, 98, 2 } } },
    { STS_SHOW_POWER, { REG_P_IMPORT, 3, true, { 1, 7, 0 } } },
    { STS_SHOW_VERSION, { DISPLAY_VERSION, 0, false, { 0, 2, 0 } } },
};

/* The pages of the token that was entered last: its result first. */
static unsigned token_items(const struct meter *m, struct display_item *item)
{
    const struct token_last *l = &m->tokens.last;
    unsigned n = 0;
    item[n++] = (struct display_item){ DISPLAY_RESULT, 0, false, { 19, 40, l->wallet } };
    if (l->effect == STS_CREDIT || l->effect == STS_CURRENCY) {
        uint8_t e = (uint8_t)(10 + l->wallet);
        item[n++] = (struct display_item){ DISPLAY_AMOUNT, 0, false, { 19, 40, l->wallet } };
        item[n++] = (struct display_item){
            (uint16_t)(REG_CREDIT_1 + l->wallet), 0, false, { 19, e, 0 }
        };
    }
    for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++)
        if (m->tokens.test & tests[i].test) item[n++] = tests[i].item;
    return n;
}

/* Which of them is due at t; none once all were shown, or the button was pressed since. */
static bool token_page(const struct meter *m, mono_t t, uint64_t turn_us,
                       struct display_page *p)
{
    struct display_item item[3 + sizeof tests / sizeof *tests];
    mono_t shown = m->tokens.shown;
    if (!shown.us || t.us < shown.us || m->display.since.us > shown.us) return false;
    unsigned n = token_items(m, item);
    uint64_t at = (t.us - shown.us) / turn_us;
    if (at >= n) return false;
    p->item = item[at];
    p->page = (uint8_t)at;
    p->pages = (uint8_t)n;
    p->automatic = true;
    p->icons &= (uint16_t)~ICON_MANUAL;
    if (p->item.column == DISPLAY_TEST) p->icons = ICON_ALL;
    return true;
}

void display_page(struct meter *m, mono_t t, struct display_page *p)
{
    struct display_item item[DISPLAY_ITEMS];
    const struct display *d = &m->display;
    bool automatic = is_automatic(m, t);
    uint64_t turn_us = (uint64_t)param_get(m, PARAM_DISPLAY_TURN_S) * SECOND_US;
    unsigned n =
        display_items(m, automatic ? DISPLAY_AUTOMATIC : (enum display_list)d->list, item);
    if (automatic) n = with_alarms(m, item, n);
    ensure(n > 0);
    uint64_t turns = since_us(d, t) / turn_us;
    unsigned at = automatic ? (unsigned)(turns % n) : d->index % n;
    *p = (struct display_page){ .item = item[at],
                                .page = (uint8_t)at,
                                .pages = (uint8_t)n,
                                .round = (uint16_t)(automatic ? turns / n : 0),
                                .tariff = (uint8_t)m->now.quantity[VAL_TARIFF],
                                .quadrant = (uint8_t)m->now.quantity[VAL_QUADRANT],
                                .icons = (uint16_t)icons(m),
                                .automatic = automatic };
    if (!automatic) p->icons |= ICON_MANUAL;
    (void)token_page(m, t, turn_us, p);
    if (is_asked(m, t) && d->asked.us >= m->tokens.shown.us) p->item = d->item;
    if (t.us < TEST_S * SECOND_US) { /* power-up: every segment, to be seen */
        p->item = (struct display_item){ DISPLAY_TEST, 0, false, { 8, 8, 8 } };
        p->icons = ICON_ALL;
    }
    display_show(m, t, p);
}

/* -- the button ---------------------------------------------------------------------------- */

int display_ask(struct meter *m, const struct display_item *item)
{
    struct display *d = &m->display;
    if (!display_has(item)) return E_RANGE;
    d->item = *item;
    d->asked = m->t;
    d->is_asked = true;
    return 0;
}

void display_button(struct meter *m, bool down)
{
    static const struct display_item holder = { DISPLAY_HOLDER, 0, false, { 96, 3, 10 } };
    struct display *d = &m->display;
    if (down) {
        d->pressed = m->t;
        return;
    }
    uint64_t held_s = (m->t.us - d->pressed.us) / SECOND_US;
    bool is_long = held_s >= LONG_PRESS_S;
    bool was_automatic = is_automatic(m, m->t);
    d->is_asked = false;
    if (supply_press(m, (unsigned)held_s)) {
        display_ask(m, &holder);
        return;
    }
    if (is_long || was_automatic) {
        d->list = is_long ? DISPLAY_SERVICE : DISPLAY_BUTTON;
        d->index = 0;
    } else {
        d->index++;
    }
    d->since = m->t;
}
