#include "tools/run/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "meter/display/code.h"
#include "tools/common/say.h"

enum { PRESS_US = 200000 }; /* of a finger that does not linger */

static struct meter *meter_of(const struct show *s)
{
    return &s->box->device.meter;
}

/* -- events -------------------------------------------------------------------------------- */
static const char *const log_name[LOGS] = {
    [LOG_STANDARD] = "Standard",
    [LOG_FRAUD] = "Fraud",
    [LOG_RELAY] = "Relay",
    [LOG_QUALITY] = "Power quality",
    [LOG_COMMUNICATION] = "Communication",
    [LOG_PREPAYMENT] = "Prepayment",
    [LOG_SECURITY] = "Security",
    [LOG_FAILURE] = "Failure",
    [LOG_FIRMWARE] = "Firmware",
    [LOG_POWER] = "Power failures",
};

static void describe(struct panel_event *e, const struct event_row *row)
{
    const char *text = event_text(row->code);
    snprintf(e->text, sizeof e->text, "%s", text ? text : "Event");
    if (row->duration_s)
        snprintf(e->detail, sizeof e->detail, "for %u s", row->duration_s);
    else if (row->who.sap)
        snprintf(e->detail, sizeof e->detail, "client %u", row->who.sap);
}

struct found {
    uint8_t log;
    struct event_row row;
};

static int by_time(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->row.time.s > y->row.time.s) - (x->row.time.s < y->row.time.s);
}

static void number(struct show *s, const struct found *f)
{
    struct panel_event *e = &s->event[s->events % PANEL_EVENTS];
    memset(e, 0, sizeof *e);
    e->id = ++s->events;
    e->time = f->row.time;
    e->time_valid = !(f->row.flags & EVENT_CLOCK_INVALID);
    e->code = f->row.code;
    snprintf(e->log, sizeof e->log, "%s", log_name[f->log]);
    describe(e, &f->row);
}

void show_poll(struct show *s)
{
    struct found found[PANEL_EVENTS];
    size_t n = 0;
    if (!s->box->is_on) return;
    for (unsigned log = 0; log < LOGS; log++) {
        if (log == LOG_NONE || log == LOG_POWER) continue;
        struct event_span span = event_span(meter_of(s), (enum event_log)log);
        uint32_t from = s->seen[log] < span.first ? span.first : s->seen[log];
        if (span.next - from > PANEL_EVENTS / LOGS) from = span.next - PANEL_EVENTS / LOGS;
        for (; from < span.next && n < PANEL_EVENTS; from++)
            if (!event_read(meter_of(s), (enum event_log)log, from, &found[n].row))
                found[n++].log = (uint8_t)log;
        s->seen[log] = span.next;
    }
    qsort(found, n, sizeof found[0], by_time);
    for (size_t i = 0; i < n; i++) number(s, &found[i]);
}

static size_t show_events(void *ctx, struct panel_event *event, size_t max, uint64_t after)
{
    struct show *s = ctx;
    uint64_t oldest = s->events > PANEL_EVENTS ? s->events - PANEL_EVENTS : 0;
    uint64_t from = after < oldest ? oldest : after;
    if (s->events - from > max) from = s->events - max;
    size_t n = 0;
    for (; from < s->events; from++) event[n++] = s->event[from % PANEL_EVENTS];
    return n;
}

/* -- profile ------------------------------------------------------------------------------- */
struct columns {
    int import, export_, tariff;
};

static struct columns find_columns(const struct meter *m)
{
    uint16_t column[PROFILE_COLUMNS];
    struct columns c = { -1, -1, -1 };
    unsigned n = profile_columns(m, 0, column);
    for (unsigned i = 0; i < n; i++) {
        if (column[i] == REG_WH_IMPORT) c.import = (int)i;
        if (column[i] == REG_WH_EXPORT) c.export_ = (int)i;
        if (column[i] == REG_TARIFF) c.tariff = (int)i;
    }
    return c;
}

static uint32_t value_at(const struct profile_row *r, int column)
{
    return column < 0 ? 0 : r->value[column];
}

static size_t show_rows(void *ctx, struct panel_row *row, size_t max, utc_t from)
{
    const struct show *s = ctx;
    if (!s->box->is_on) return 0;
    struct meter *m = meter_of(s);
    struct columns c = find_columns(m);
    struct profile_span span = profile_span(m, 0);
    uint32_t period = profile_period_s(m, 0), first = span.next;
    struct profile_row r, before;
    if (c.import < 0) return 0;
    while (first > span.first && span.next - first <= max) { /* newest backwards to `from` */
        if (profile_read(m, 0, first - 1, &r) || r.time.s <= from.s) break;
        first--;
    }
    size_t n = 0;
    bool has = first > span.first && !profile_read(m, 0, first - 1, &before);
    if (!has && first == 0) { /* the first row of a meter's life counts from nothing */
        before = (struct profile_row){ 0 };
        has = true;
    }
    for (; first < span.next && n < max; first++) {
        if (profile_read(m, 0, first, &r)) continue;
        struct panel_row *p = &row[n];
        p->end = r.time;
        p->start.s =
            has && r.time.s - before.time.s < period ? before.time.s : r.time.s - period;
        p->import_wh =
            has ? (uint32_t)(value_at(&r, c.import) - value_at(&before, c.import)) : 0;
        p->export_wh =
            has ? (uint32_t)(value_at(&r, c.export_) - value_at(&before, c.export_)) : 0;
        p->status = (uint16_t)(r.status & 0xFF);
        p->tariff = c.tariff < 0 ? 1 : (uint8_t)value_at(&r, c.tariff);
        if (has || n) n++;
        before = r;
        has = true;
    }
    return n;
}

static void fill_profile(const struct show *s, struct panel_state *st)
{
    struct meter *m = meter_of(s);
    struct profile_span span = profile_span(m, 0);
    struct profile_row last;
    struct columns c = find_columns(m);
    if (c.import < 0) return;
    uint32_t period = profile_period_s(m, 0);
    int64_t local = st->clock.utc.s + st->clock.offset_min * 60;
    st->has_profile = period > 0;
    st->profile.interval_s = (uint16_t)period;
    st->profile.day.s = st->clock.utc.s - local % 86400;
    st->profile.running.s = period ? st->clock.utc.s - local % period : 0;
    st->profile.running_tariff = (uint8_t)m->now.quantity[VAL_TARIFF];
    if (span.next == span.first || profile_read(m, 0, span.next - 1, &last)) return;
    st->profile.running_wh =
        (uint32_t)(reg_at(&m->now, REG_WH_IMPORT) - value_at(&last, c.import));
    st->profile.running_export_wh =
        (uint32_t)(reg_at(&m->now, REG_WH_EXPORT) - value_at(&last, c.export_));
}

/* -- the rest of the state ----------------------------------------------------------------- */
static void fill_identity(const struct show *s, struct panel_identity *id)
{
    const struct meter_cfg *c = &s->box->meter_cfg;
    snprintf(id->product, sizeof id->product, "Magno 22");
    snprintf(id->serial, sizeof id->serial, "%08u", c->serial);
    snprintf(id->device, sizeof id->device, "%s%011u", c->type, c->serial);
    snprintf(id->firmware, sizeof id->firmware, "%s", s->box->cfg.firmware);
    id->u_v = (uint16_t)(c->rating.un_mv / 1000);
    id->ib_a = (uint16_t)(c->rating.ib_ma / 1000);
    id->imax_a = (uint16_t)(c->rating.imax_ma / 1000);
    id->f_hz = (uint16_t)(c->rating.fn_hz);
    snprintf(id->accuracy, sizeof id->accuracy, "1");
    id->pulses_per_kwh = (uint32_t)param_get(&s->box->device.meter, PARAM_LED_WH);
    id->pulses_per_kvarh = (uint32_t)param_get(&s->box->device.meter, PARAM_LED_VARH);
    id->development_keys = !s->box->has_keys;
}

static void fill_clock(const struct show *s, struct panel_clock *c)
{
    c->utc = box_rtc(s->box);
    if (!s->box->is_on) return;
    struct meter *m = &s->box->device.meter;
    c->utc = meter_utc(m);
    struct stamp12 stamp = clock_stamp(&m->clock, c->utc);
    c->offset_min = (int16_t)-stamp.deviation_min;
    c->dst = stamp.status & CLOCK_DST;
    c->quality = stamp.status & CLOCK_INVALID    ? PANEL_CLOCK_INVALID
                 : stamp.status & CLOCK_DOUBTFUL ? PANEL_CLOCK_DOUBTFUL
                                                 : PANEL_CLOCK_VALID;
    c->uptime_us = box_mono(s->box).us;
}

static void fill_now(const struct show *s, struct panel_now *n)
{
    const int32_t *q = meter_of(s)->now.quantity;
    n->powered = s->box->is_on;
    if (!n->powered) return;
    n->u_mv = q[VAL_U_MV];
    n->i_ma = q[VAL_I_MA];
    n->in_ma = q[VAL_IN_MA];
    n->p_mw = q[VAL_P_MW];
    n->q_mvar = q[VAL_Q_MVAR];
    n->s_mva = abs(q[VAL_S_MVA]);
    n->pf_e3 = q[VAL_PF_MILLI];
    n->f_mhz = q[VAL_F_MHZ];
    n->angle_e1 = q[VAL_ANGLE_I_MDEG] / 100;
    n->thd_u_e2 = q[VAL_THD_U_MILLI] * 10;
    n->thd_i_e2 = q[VAL_QUADRANT] ? q[VAL_THD_I_MILLI] * 10 : -1;
    n->quadrant = (uint8_t)q[VAL_QUADRANT];
}

/* The panel lists its energies in the order of the register table. */
_Static_assert((int)REG_VAH_Q4 == (int)REG_WH_IMPORT + (PANEL_ENERGIES - 1) * FAMILY, "order");

static void fill_energies(const struct show *s, struct panel_energies *e)
{
    const struct regs *r = &meter_of(s)->now;
    for (unsigned i = 0; i < PANEL_ENERGIES; i++)
        for (unsigned t = 0; t <= PANEL_TARIFFS; t++)
            e->wh[i][t] = reg_at(r, (uint16_t)(REG_WH_IMPORT + i * FAMILY + t));
    e->tariff = (uint8_t)r->quantity[VAL_TARIFF];
    e->tariffs = 1;
}

static void fill_port(const struct show *s, struct panel_state *st, enum port_id id,
                      const char *name)
{
    struct ports_status p = ports_status(s->ports, id);
    if (p.port == 0) return;
    struct panel_port *to = &st->port[st->ports++];
    snprintf(to->name, sizeof to->name, "%s", name);
    snprintf(to->address, sizeof to->address, "%s:%u", s->address, p.port);
    to->rx = p.rx;
    to->tx = p.tx;
    to->state = !s->box->is_on ? PANEL_PORT_OFF
                : p.peers      ? PANEL_PORT_CONNECTED
                               : PANEL_PORT_IDLE;
    if (p.peers) snprintf(to->detail, sizeof to->detail, "%u connected", p.peers);
}

static void fill_prepay(struct meter *m, struct panel_prepay *p)
{
    const struct token_last *l = &m->tokens.last;
    for (unsigned w = 0; w < WALLETS; w++) {
        struct panel_wallet *x = &p->wallet[p->wallets];
        bool money = wallet_is_money(m, w);
        if (!wallet_is_used(m, w)) continue;
        int n = money ? param_read(m, PARAM_CURRENCY, x->unit, sizeof x->unit - 1) : 0;
        if (n <= 0) snprintf(x->unit, sizeof x->unit, "%s", money ? "currency" : "kWh");
        x->balance = wallet_published(m, w, wallet_balance(m, w));
        x->decimals = money ? 2 : 3;
        x->open = m->wallets.wallet[w].status == ACCOUNT_ACTIVE;
        x->active = wallet_active(m) == w;
        p->wallets++;
    }
    p->owes = m->wallets.owes;
    p->locked_s = prepay_locked_s(m, LINK_KEYPAD);
    if (!l->utc_s) return;
    p->result = l->result;
    snprintf(p->name, sizeof p->name, "%s", sts_result_name(l->result));
    snprintf(p->words, sizeof p->words, "%s", sts_result_words(l->result));
    p->time.s = l->utc_s;
}

/* What was begun is carried out, and what was typed before: an answer tells what stands. A meter takes a few
 * hundred steps for the longest commit. */
static void settle(struct show *s)
{
    enum { STEPS = 100000 };
    for (unsigned i = 0; i < STEPS; i++) {
        box_step(s->box);
        if (meter_is_ready(meter_of(s))) return;
    }
}

/* A token typed on the keypad; what it came to is in the state. */
static int type_token(struct show *s, const char *text)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    struct meter *m = meter_of(s);
    if (!s->box->is_on) return E_STATE;
    settle(s);
    meter_at(m, box_mono(s->box));
    int err = prepay_enter_text(m, &keypad, wallet_active(m), text, strlen(text));
    settle(s);
    return err;
}

/* -- the display --------------------------------------------------------------------------- */

static const struct {
    uint16_t first; /* register, and the members of its family */
    const char *words;
} item_words[] = {
    { REG_WH_IMPORT, "import energy" },
    { REG_WH_EXPORT, "export energy" },
    { REG_WH_Q1, "energy of quadrant 1" },
    { REG_WH_Q2, "energy of quadrant 2" },
    { REG_WH_Q3, "energy of quadrant 3" },
    { REG_WH_Q4, "energy of quadrant 4" },
    { REG_VARH_IMPORT, "reactive energy" },
    { REG_VARH_EXPORT, "reactive energy, export" },
    { REG_VAH_IMPORT, "apparent energy" },
    { REG_MD_P_IMPORT, "highest demand" },
    { REG_D_P_IMPORT, "demand now" },
    { REG_BILLING_WH_IMPORT, "energy this month" },
    { REG_U, "voltage" },
    { REG_I, "current" },
    { REG_IN, "neutral current" },
    { REG_P_IMPORT, "power" },
    { REG_PF, "power factor" },
    { REG_F, "frequency" },
    { REG_ANGLE_I, "angle" },
    { REG_THD_U, "distortion of the voltage" },
    { REG_TEMP, "temperature" },
    { REG_TARIFF, "tariff" },
    { REG_BOOTS, "power-ups" },
    { DISPLAY_TIME, "time" },
    { DISPLAY_DATE, "date" },
    { DISPLAY_SERIAL, "meter number" },
    { DISPLAY_TEST, "all segments" },
    { DISPLAY_ALARM, "alarm" },
    { DISPLAY_TEXT, "alarm" },
    { DISPLAY_TAMPERS, "tampers" },
    { DISPLAY_ERROR, "error" },
};

static const char *words_of(uint16_t item, unsigned *member)
{
    unsigned n = sizeof item_words / sizeof *item_words;
    const char *name = item < REG_COUNT ? reg_name_at(item, member) : NULL;
    for (unsigned i = 0; i < n; i++) {
        uint16_t first = item_words[i].first;
        if (first == item) return item_words[i].words;
        if (name && *member && first + *member == item) return item_words[i].words;
    }
    return NULL;
}

/* r: enum requester. */
static const char *name_of(unsigned r)
{
    return r < REQUESTERS ? arbiter_row(r)->name : "nobody";
}

/* As the short code that shows it says. */
static bool say_code(struct meter *m, uint16_t item, char *to, size_t n)
{
    struct short_code x;
    for (unsigned i = 0; code_row(m, i, &x) >= 0; i++) {
        if (x.item.column != item) continue;
        snprintf(to, n, "%.*s", x.words_n, x.words);
        return true;
    }
    return false;
}

static void say_item(struct meter *m, const struct display_item *x, char *to, size_t n)
{
    unsigned member = 0;
    const char *words = words_of(x->column, &member);
    if (x->column == DISPLAY_HOLDER)
        snprintf(to, n, "supply held open by: %s", name_of(supply_holder(m)));
    else if (x->column == DISPLAY_CAUSE)
        snprintf(to, n, "last switched by: %s", name_of(m->supply.state.cause - 1u));
    else if (words && member)
        snprintf(to, n, "%s, tariff %u", words, member);
    else if (words)
        snprintf(to, n, "%s", words);
    else if (!say_code(m, x->column, to, n))
        snprintf(to, n, "register");
}

static const char *unit_of(const struct display_page *p)
{
    static const struct {
        uint8_t unit;
        const char *one, *kilo;
    } names[] = { { UNIT_WH, "Wh", "kWh" },    { UNIT_VARH, "varh", "kvarh" },
                  { UNIT_VAH, "VAh", "kVAh" }, { UNIT_W, "W", "kW" },
                  { UNIT_VAR, "var", "kvar" }, { UNIT_VA, "VA", "kVA" },
                  { UNIT_V, "V", "kV" },       { UNIT_A, "A", "kA" },
                  { UNIT_HZ, "Hz", "kHz" } };
    if (p->item.column == REG_PF) return "PF";
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].unit == p->unit) return p->item.kilo ? names[i].kilo : names[i].one;
    return "";
}

static void put_cells(const struct display_page *p, char digits[24])
{
    for (unsigned i = 0; i < DISPLAY_CELLS; i++) {
        *digits++ = p->cell[i];
        if (p->point && i + 1 + p->point == DISPLAY_CELLS) *digits++ = '.';
    }
    *digits = '\0';
}

/* By the wall since somebody last asked, so that a page can be read at any speed; but what it
 * shows is of now. */
static void look(struct show *s, struct display_page *p)
{
    struct meter *m = meter_of(s);
    mono_t now = box_mono(s->box);
    mono_t acted =
        m->display.since.us > m->display.asked.us ? m->display.since : m->display.asked;
    if (acted.us != s->acted.us || now.us < s->acted.us) {
        s->acted = acted;
        s->acted_ms = say_now_ms();
    }
    mono_t wall = mono_after(acted, (say_now_ms() - s->acted_ms) * 1000);
    display_page(m, mono_min(wall, now), p);
    display_show(m, now, p);
}

static void fill_lcd(struct show *s, struct panel_lcd *l)
{
    static const struct {
        uint16_t icon;
        uint32_t shown;
    } icons[] = { { ICON_IMPORT, PANEL_ICON_IMPORT },
                  { ICON_EXPORT, PANEL_ICON_EXPORT },
                  { ICON_CLOCK, PANEL_ICON_CLOCK },
                  { ICON_ALARM, PANEL_ICON_ALARM },
                  { ICON_OPEN, PANEL_ICON_OPEN } };
    struct display_page p;
    if (!s->box->is_on) return;
    look(s, &p);
    l->lit = true;
    l->automatic = p.automatic;
    l->page = p.page;
    l->pages = p.pages;
    l->tariff = p.tariff;
    l->quadrant = p.quadrant;
    for (unsigned i = 0; i < sizeof icons / sizeof *icons; i++)
        if (p.icons & icons[i].icon) l->icons |= icons[i].shown;
    put_cells(&p, l->digits);
    snprintf(l->code, sizeof l->code, "%u.%u.%u", p.item.label[0], p.item.label[1],
             p.item.label[2]);
    snprintf(l->unit, sizeof l->unit, "%s", unit_of(&p));
    say_item(meter_of(s), &p.item, l->what, sizeof l->what);
}

/* -- the relay ----------------------------------------------------------------------------- */

static void put_who(struct panel_who *w, unsigned r)
{
    w->rank = (uint8_t)(r + 1);
    snprintf(w->name, sizeof w->name, "%s", name_of(r));
}

static void fill_relay(struct meter *m, struct panel_relay *r)
{
    static const enum panel_control control[] = { [CONTROL_DISCONNECTED] = PANEL_DISCONNECTED,
                                                  [CONTROL_CONNECTED] = PANEL_CONNECTED,
                                                  [CONTROL_READY] = PANEL_READY };
    const struct supply_state *state = &m->supply.state;
    const uint32_t *count = m->now.counter;
    uint16_t left = state->held;
    r->on = supply_is_on(m);
    r->ordered = state->closed;
    r->control = control[supply_state(m)];
    r->mode = (uint8_t)param_get(m, PARAM_SUPPLY_MODE);
    if (state->cause) put_who(&r->cause, state->cause - 1u);
    while (left) {
        unsigned h = arbiter_holder(&m->supply.weights, left);
        put_who(&r->holder[r->holders++], h);
        left &= (uint16_t)~SUPPLY_BIT(h);
    }
    r->locked = limiter_is_locked(m);
    r->opens = count[CNT_RELAY_OPENS];
    r->closes = count[CNT_RELAY_CLOSES];
    r->failures = count[CNT_RELAY_OPEN_FAILS] + count[CNT_RELAY_CLOSE_FAILS];
}

static const struct {
    const char *name;
    uint8_t trouble;
} troubles[] = { { "sound", RELAY_SOUND },
                 { "welds", RELAY_WELDS },
                 { "sticks", RELAY_STICKS },
                 { "bounces", RELAY_RATTLES },
                 { "bypassed", RELAY_BYPASSED } };
enum { TROUBLES = sizeof troubles / sizeof *troubles };
_Static_assert((int)TROUBLES <= (int)PANEL_TROUBLES, "the panel lists them all");

static int set_trouble(struct box *b, const char *name)
{
    for (unsigned i = 0; i < TROUBLES; i++) {
        if (strcmp(troubles[i].name, name) != 0) continue;
        relay_sim_trouble(&b->relay, box_mono(b), troubles[i].trouble);
        box_inputs(b, b->inputs);
        return 0;
    }
    return E_NONE;
}

static void set_input(struct box *b, uint16_t mask, bool on)
{
    box_inputs(b, (uint16_t)(on ? b->inputs | mask : b->inputs & ~mask));
}

/* A short code typed on the keypad: digits alone. */
static int type_code(struct show *s, const char *text)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    struct meter *m = meter_of(s);
    if (!s->box->is_on) return E_STATE;
    settle(s);
    meter_at(m, box_mono(s->box));
    int err = code_type(m, &keypad, text, strlen(text));
    settle(s);
    return err;
}

static void fill_lab(const struct show *s, struct panel_world *w)
{
    const struct box *b = s->box;
    w->troubles = TROUBLES;
    for (unsigned i = 0; i < TROUBLES; i++) {
        snprintf(w->trouble[i], sizeof w->trouble[i], "%s", troubles[i].name);
        if (troubles[i].trouble == b->relay.trouble) w->suffers = (uint8_t)i;
    }
    w->terminal_e1 = b->terminal_dc;
    w->cover = (b->inputs & INPUT_TERMINAL_COVER) != 0;
    w->magnet = (b->inputs & INPUT_MAGNET) != 0;
}

static void fill_world(const struct show *s, struct panel_world *w)
{
    static const char *const text[WORLD_LOADS] = {
        [WORLD_HEATER] = "heater",
        [WORLD_MOTOR] = "motor",
        [WORLD_ELECTRONICS] = "electronics",
        [WORLD_FIXED] = "fixed P and Q",
        [WORLD_NONE] = "nothing",
    };
    w->supply = s->world->supply;
    w->reverse = s->world->reverse;
    w->u_mv =
        s->world->u_mv ? (int32_t)s->world->u_mv : (int32_t)s->box->meter_cfg.rating.un_mv;
    w->p_w_max = 25000;
    w->p_w = s->world->gen.load.p_mw / 1000;
    w->q_var = s->world->gen.load.q_mvar / 1000;
    w->load = (uint8_t)s->world->load;
    w->loads = WORLD_LOADS;
    for (unsigned i = 0; i < WORLD_LOADS; i++) {
        struct panel_load *k = &w->kinds[i];
        snprintf(k->name, sizeof k->name, "%s", world_load_name[i]);
        snprintf(k->text, sizeof k->text, "%s", i == WORLD_SPEC ? s->load : text[i]);
        k->has_p = i != WORLD_SPEC && i != WORLD_NONE;
        k->has_q = i == WORLD_FIXED;
    }
    fill_lab(s, w);
    w->speed = s->pace->speed;
    w->pace_e1 = s->pace->pace_e1;
}

/* What holds of alarm register 3, or is waiting to be acknowledged. */
static const struct {
    uint8_t bit;
    const char *text;
} alarms[] = { { 13, "Fire at the terminals" }, { 12, "Relay fault" },
               { 0, "Terminal cover opened" },  { 1, "Meter cover opened" },
               { 2, "Module cover opened" },    { 3, "Magnet" },
               { 4, "Neutral mismatch" },       { 11, "Cut: tamper" },
               { 7, "Over-current" },           { 6, "Overload" },
               { 8, "Over-voltage" },           { 9, "Under-voltage" },
               { 10, "Cut: no credit" },        { 16, "Credit alarm, level 3" },
               { 15, "Credit alarm, level 2" }, { 14, "Credit alarm, level 1" },
               { 17, "Credit exhausted" },      { 18, "Emergency credit in use" },
               { 19, "Token entry locked" } };

/* The worst that any event says of its bit. */
static enum panel_severity severity_of(unsigned bit)
{
    const struct event_info *e;
    uint8_t alarm = (uint8_t)(3 * 32 + bit), worst = EVENT_WARNING;
    for (unsigned i = 0; (e = event_table_at(i)); i++)
        if ((e->alarm[0] == alarm || e->alarm[1] == alarm) && e->severity > worst)
            worst = e->severity;
    return worst == EVENT_ALARM ? PANEL_BAD : PANEL_WARN;
}

static void fill_alarms(struct show *s, struct panel_state *st)
{
    uint32_t set = meter_of(s)->alarms.set[2];
    for (unsigned i = 0; i < sizeof alarms / sizeof *alarms; i++) {
        if (!(set >> alarms[i].bit & 1) || st->alarms == PANEL_ALARMS) continue;
        struct panel_alarm *a = &st->alarm[st->alarms++];
        snprintf(a->text, sizeof a->text, "%s", alarms[i].text);
        a->severity = severity_of(alarms[i].bit);
    }
}

static void show_fill(void *ctx, struct panel_state *st)
{
    struct show *s = ctx;
    show_poll(s);
    fill_identity(s, &st->identity);
    fill_clock(s, &st->clock);
    fill_now(s, &st->now);
    fill_energies(s, &st->energy);
    st->has_pulses = true;
    struct front *front = &s->box->device.meter.front; /* with samples, it pulses */
    st->pulses.kwh = front_pulse(front, PULSE_ACTIVE)->count;
    st->pulses.kvarh = front_pulse(front, PULSE_REACTIVE)->count;
    if (s->box->is_on) fill_profile(s, st);
    st->has_world = true;
    st->has_prepay = s->box->is_on;
    if (s->box->is_on) fill_prepay(meter_of(s), &st->prepay);
    fill_world(s, &st->world);
    st->has_lcd = true;
    fill_lcd(s, &st->lcd);
    st->has_relay = s->box->is_on;
    if (s->box->is_on) fill_relay(meter_of(s), &st->relay);
    fill_port(s, st, PORT_DLMS, "DLMS");
    fill_port(s, st, PORT_OPTICAL, "Optical");
    fill_port(s, st, PORT_RS485, "RS485");
    fill_port(s, st, PORT_CIU, "CIU");
    fill_port(s, st, PORT_VTC, "VTC");
    fill_port(s, st, PORT_SMS, "SMS");
    if (st->clock.quality == PANEL_CLOCK_INVALID && s->box->is_on) {
        snprintf(st->alarm[0].text, sizeof st->alarm[0].text, "Clock invalid");
        st->alarm[0].severity = PANEL_WARN;
        st->alarms = 1;
    }
    if (s->box->is_on) fill_alarms(s, st);
}

/* -- waveforms ----------------------------------------------------------------------------- */
static int32_t scaled(int32_t code, int32_t full_milli)
{
    return (int32_t)((int64_t)code * full_milli / LOADGEN_CODE_MAX);
}

_Static_assert((int)WORLD_WAVE <= (int)PANEL_SAMPLES, "the panel has room for what is kept");

static void show_wave(void *ctx, struct panel_wave *v)
{
    const struct show *s = ctx;
    const struct world *w = s->world;
    uint32_t n = w->waved < WORLD_WAVE ? w->waved : WORLD_WAVE;
    v->period_ns = 125000;
    v->samples = s->box->is_on ? (uint16_t)n : 0;
    for (uint32_t i = 0; i < v->samples; i++) {
        const int32_t *c = w->wave[(w->waved - n + i) % WORLD_WAVE];
        v->u_mv[i] = scaled(c[0], LOADGEN_FULL_V * 1000);
        v->i_ma[i] = scaled(c[1], LOADGEN_FULL_A * 1000);
        v->in_ma[i] = scaled(c[2], LOADGEN_FULL_A * 1000);
    }
}

/* -- orders -------------------------------------------------------------------------------- */
static int set_load(struct world *w, const char *name)
{
    for (unsigned i = 0; i < WORLD_LOADS; i++)
        if (!strcmp(world_load_name[i], name)) {
            w->load = (enum world_load)i;
            return 0;
        }
    return E_NONE;
}

static int set_supply(struct show *s, bool on)
{
    struct trouble t;
    if (on == s->world->supply) return 0;
    s->world->supply = on;
    if (on) return box_on(s->box, &t);
    box_off(s->box); /* its last gasp still goes out */
    ports_dark(s->ports);
    return 0;
}

static int show_command(void *ctx, const struct panel_command *c)
{
    struct show *s = ctx;
    struct world *w = s->world;
    int err = 0;
    switch (c->order) {
    case PANEL_DO_SUPPLY:
        err = set_supply(s, c->number != 0);
        break;
    case PANEL_DO_VOLTAGE:
        w->u_mv = (uint32_t)c->number;
        break;
    case PANEL_DO_LOAD:
        err = set_load(w, c->text);
        break;
    case PANEL_DO_POWER:
        w->p_w = (int32_t)c->number;
        break;
    case PANEL_DO_REACTIVE:
        w->q_var = (int32_t)c->number;
        break;
    case PANEL_DO_REVERSE:
        w->reverse = c->number != 0;
        break;
    case PANEL_DO_SPEED:
        s->pace->speed = (uint32_t)c->number;
        break;
    case PANEL_DO_TOKEN:
        return type_token(s, c->text);
    case PANEL_DO_CODE:
        return type_code(s, c->text);
    case PANEL_DO_BUTTON:
        box_press(s->box, PRESS_US);
        return s->box->is_on ? 0 : E_STATE;
    case PANEL_DO_HOLD:
        box_press(s->box, (uint64_t)c->number * 1000000 + PRESS_US);
        return s->box->is_on ? 0 : E_STATE;
    case PANEL_DO_RELAY:
        return set_trouble(s->box, c->text);
    case PANEL_DO_HEAT:
        s->box->terminal_dc = (int16_t)c->number;
        return 0;
    case PANEL_DO_COVER:
        set_input(s->box, INPUT_TERMINAL_COVER, c->number != 0);
        return 0;
    case PANEL_DO_MAGNET:
        set_input(s->box, INPUT_MAGNET, c->number != 0);
        return 0;
    case PANEL_ORDERS:
        err = E_STATE;
        break;
    }
    world_changed(w);
    return err;
}

void show_init(struct show *s, struct panel_source *source)
{
    *source = (struct panel_source){ .ctx = s,
                                     .fill = show_fill,
                                     .rows = show_rows,
                                     .events = show_events,
                                     .wave = show_wave,
                                     .command = show_command };
}
