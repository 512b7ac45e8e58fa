#include "tools/panel/sections.h"

#include <string.h>

#include "tools/common/json.h"
#include "tools/common/when.h"

/* A fixed field may be full and have no closing zero if its host was careless. */
#define TEXT(field) json_text(field, strnlen(field, sizeof field))
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void put(json_t *o, const char *key, json_t *value)
{
    json_object_set_new(o, key, value);
}

static void put_int(json_t *o, const char *key, int64_t v)
{
    put(o, key, json_integer(v));
}

static void put_bool(json_t *o, const char *key, bool v)
{
    put(o, key, json_boolean(v));
}

static json_t *time_json(utc_t t)
{
    char text[WHEN_TEXT];
    return json_string(when_format(text, t));
}

static json_t *identity_json(const struct panel_view *v)
{
    const struct panel_identity *i = &v->state.identity;
    json_t *o = json_object();
    put(o, "product", TEXT(i->product));
    put(o, "serial", TEXT(i->serial));
    put(o, "device", TEXT(i->device));
    put(o, "firmware", TEXT(i->firmware));
    put_int(o, "u_v", i->u_v);
    put_int(o, "ib_a", i->ib_a);
    put_int(o, "imax_a", i->imax_a);
    put_int(o, "f_hz", i->f_hz);
    put(o, "accuracy", TEXT(i->accuracy));
    put_int(o, "pulses_per_kwh", i->pulses_per_kwh);
    put_int(o, "pulses_per_kvarh", i->pulses_per_kvarh);
    if (i->year) put_int(o, "year", i->year);
    put_bool(o, "development_keys", i->development_keys);
    return o;
}

static json_t *clock_json(const struct panel_view *v)
{
    const struct panel_state *s = &v->state;
    static const char *const quality[] = { "valid", "doubtful", "invalid" };
    const struct panel_clock *c = &s->clock;
    json_t *o = json_object();
    put(o, "utc", time_json(c->utc));
    put_int(o, "offset_min", c->offset_min);
    put_bool(o, "dst", c->dst);
    put(o, "quality", json_string(quality[c->quality]));
    put(o, "uptime_s", json_decimal((int64_t)(c->uptime_us / 100000), 1));
    return o;
}

static json_t *measured(bool is, int64_t value, unsigned digits)
{
    return is ? json_decimal(value, digits) : json_null();
}

static json_t *now_json(const struct panel_view *v)
{
    const struct panel_now *n = &v->state.now;
    json_t *o = json_object();
    put_bool(o, "powered", n->powered);
    put(o, "urms_v", json_decimal(n->u_mv, 3));
    put(o, "irms_a", json_decimal(n->i_ma, 3));
    put(o, "in_a", json_decimal(n->in_ma, 3));
    put(o, "p_w", json_decimal(n->p_mw, 3));
    put(o, "q_var", json_decimal(n->q_mvar, 3));
    put(o, "s_va", json_decimal(n->s_mva, 3));
    put(o, "pf", measured(n->quadrant != 0, n->pf_e3, 3));
    put(o, "f_hz", measured(n->f_mhz != 0, n->f_mhz, 3));
    put(o, "angle_deg", measured(n->quadrant != 0, n->angle_e1, 1));
    put_int(o, "quadrant", n->quadrant);
    if (n->thd_u_e2 >= 0) put(o, "thd_u_pct", json_decimal(n->thd_u_e2, 2));
    if (n->thd_i_e2 >= 0) put(o, "thd_i_pct", json_decimal(n->thd_i_e2, 2));
    return o;
}

static const char *const energy_name[] = {
#define ENERGY(id, name, c) name,
#include "tools/panel/energies.def"
#undef ENERGY
};

static void put_energies(json_t *o, const struct panel_energies *e, unsigned tariff)
{
    for (size_t i = 0; i < PANEL_ENERGIES; i++) put_int(o, energy_name[i], e->wh[i][tariff]);
}

static json_t *energy_json(const struct panel_view *v)
{
    const struct panel_energies *e = &v->state.energy;
    json_t *o = json_object(), *list = json_array();
    put_energies(o, e, 0);
    put_int(o, "tariff", e->tariff);
    for (unsigned t = 1; t <= e->tariffs && t <= PANEL_TARIFFS; t++) {
        json_t *one = json_object();
        put_int(one, "tariff", t);
        put_energies(one, e, t);
        json_array_append_new(list, one);
    }
    put(o, "tariffs", list);
    return o;
}

static json_t *pulses_json(const struct panel_view *v)
{
    const struct panel_state *s = &v->state;
    if (!s->has_pulses) return NULL;
    json_t *o = json_object();
    put_int(o, "kwh", (int64_t)s->pulses.kwh);
    put_int(o, "kvarh", (int64_t)s->pulses.kvarh);
    return o;
}

static json_t *profile_json(const struct panel_view *v)
{
    const struct panel_profile *p = &v->state.profile;
    if (!v->state.has_profile) return NULL;
    json_t *o = json_object();
    put_int(o, "interval_s", p->interval_s);
    put(o, "day", time_json(p->day));
    put(o, "running", time_json(p->running));
    put_int(o, "running_wh", p->running_wh);
    put_int(o, "running_export_wh", p->running_export_wh);
    put_int(o, "running_tariff", p->running_tariff);
    return o;
}

static json_t *words(uint32_t bits, const char *const *word, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        if (bits >> i & 1 && word[i]) json_array_append_new(a, json_string(word[i]));
    return a;
}

static json_t *lcd_json(const struct panel_view *v)
{
    const struct panel_state *s = &v->state;
    static const char *const icon[] = { "import", "export", "clock", "alarm", "open" };
    const struct panel_lcd *l = &s->lcd;
    if (!v->state.has_lcd) return NULL;
    json_t *o = json_object();
    put_bool(o, "lit", l->lit);
    put_bool(o, "automatic", l->automatic);
    put(o, "digits", TEXT(l->digits));
    put(o, "code", TEXT(l->code));
    put(o, "unit", TEXT(l->unit));
    put(o, "what", TEXT(l->what));
    put_int(o, "page", l->page);
    put_int(o, "pages", l->pages);
    put_int(o, "tariff", l->tariff);
    put_int(o, "quadrant", l->quadrant);
    put(o, "icons", words(l->icons, icon, COUNT(icon)));
    return o;
}

static json_t *loads_json(const struct panel_world *w)
{
    json_t *a = json_array();
    for (size_t i = 0; i < w->loads && i < PANEL_LOADS; i++) {
        const struct panel_load *l = &w->kinds[i];
        json_t *o = json_object();
        put(o, "name", TEXT(l->name));
        put(o, "text", TEXT(l->text));
        put_bool(o, "p", l->has_p);
        put_bool(o, "q", l->has_q);
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *troubles_json(const struct panel_world *w)
{
    json_t *a = json_array();
    for (size_t i = 0; i < w->troubles && i < PANEL_TROUBLES; i++)
        json_array_append_new(a, TEXT(w->trouble[i]));
    return a;
}

static json_t *world_json(const struct panel_view *v)
{
    const struct panel_world *w = &v->state.world;
    if (!v->state.has_world) return NULL;
    json_t *o = json_object();
    put_bool(o, "supply", w->supply);
    put(o, "u_v", json_decimal(w->u_mv, 3));
    put_bool(o, "reverse", w->reverse);
    put(o, "loads", loads_json(w));
    put_int(o, "load", w->load);
    put(o, "troubles", troubles_json(w));
    put_int(o, "trouble", w->suffers);
    put(o, "terminal_c", json_decimal(w->terminal_e1, 1));
    put_bool(o, "cover", w->cover);
    put_bool(o, "magnet", w->magnet);
    put_int(o, "p_w", w->p_w);
    put_int(o, "q_var", w->q_var);
    put_int(o, "p_w_max", w->p_w_max);
    put(o, "speed", w->speed == PANEL_SPEED_MAX ? json_string("max") : json_integer(w->speed));
    put(o, "pace", json_decimal(w->pace_e1, 1));
    return o;
}

static json_t *alarms_json(const struct panel_view *v)
{
    const struct panel_state *s = &v->state;
    static const char *const severity[] = { "ok", "warn", "bad" };
    json_t *a = json_array();
    for (size_t i = 0; i < s->alarms && i < PANEL_ALARMS; i++) {
        json_t *o = json_object();
        put(o, "text", TEXT(s->alarm[i].text));
        put(o, "severity", json_string(severity[s->alarm[i].severity]));
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *ports_json(const struct panel_view *v)
{
    const struct panel_state *s = &v->state;
    static const char *const state[] = { "idle", "connected", "associated", "locked", "off" };
    json_t *a = json_array();
    for (size_t i = 0; i < s->ports && i < PANEL_PORTS; i++) {
        const struct panel_port *p = &s->port[i];
        json_t *o = json_object();
        put(o, "name", TEXT(p->name));
        put(o, "address", TEXT(p->address));
        put(o, "state", json_string(state[p->state]));
        put(o, "detail", TEXT(p->detail));
        put_int(o, "rx", (int64_t)p->rx);
        put_int(o, "tx", (int64_t)p->tx);
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *rows_json(const struct panel_view *v)
{
    static const char *const flag[] = { "critical error",
                                        "clock invalid",
                                        "data invalid",
                                        "summer time",
                                        NULL,
                                        "clock adjusted",
                                        NULL,
                                        "power down" };
    if (!v->state.has_profile) return NULL;
    json_t *a = json_array();
    for (size_t i = 0; i < v->rows; i++) {
        const struct panel_row *r = &v->row[i];
        json_t *o = json_object();
        put(o, "start", time_json(r->start));
        put(o, "end", time_json(r->end));
        put_int(o, "import_wh", r->import_wh);
        put_int(o, "export_wh", r->export_wh);
        put_int(o, "tariff", r->tariff);
        put_int(o, "status", r->status);
        put(o, "flags", words(r->status, flag, COUNT(flag)));
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *events_json(const struct panel_view *v)
{
    if (!v->has_events) return NULL;
    json_t *a = json_array();
    for (size_t i = 0; i < v->events; i++) {
        const struct panel_event *e = &v->event[i];
        json_t *o = json_object();
        put_int(o, "id", (int64_t)e->id);
        put(o, "time", e->time_valid ? time_json(e->time) : json_null());
        put_int(o, "code", e->code);
        put(o, "log", TEXT(e->log));
        put(o, "text", TEXT(e->text));
        if (e->detail[0]) put(o, "detail", TEXT(e->detail));
        json_array_append_new(a, o);
    }
    return a;
}

/* Where the voltage rises through zero for the next time from `at` on, after having been
 * clearly below: noise around zero is not a cycle. n when it does not. */
static size_t rising(const struct panel_wave *w, size_t n, size_t at, int32_t below_mv)
{
    bool was_below = false;
    for (; at < n; at++) {
        if (w->u_mv[at] < below_mv) was_below = true;
        if (was_below && w->u_mv[at] >= 0) return at;
    }
    return n;
}

struct cut {
    size_t from, to;
};

/* Two cycles from a rising zero on, so that the picture stands still; all there is when the
 * voltage has none. */
static struct cut two_cycles(const struct panel_wave *w)
{
    size_t n = w->samples < PANEL_SAMPLES ? w->samples : PANEL_SAMPLES;
    int32_t lowest_mv = 0;
    for (size_t i = 0; i < n; i++)
        if (w->u_mv[i] < lowest_mv) lowest_mv = w->u_mv[i];
    size_t first = rising(w, n, 0, lowest_mv / 4);
    if (first == n) return (struct cut){ 0, n };
    size_t second = rising(w, n, first, lowest_mv / 4);
    return (struct cut){ first, rising(w, n, second, lowest_mv / 4) };
}

static json_t *samples(const int32_t *v, struct cut c)
{
    json_t *a = json_array();
    for (size_t i = c.from; i < c.to; i++) json_array_append_new(a, json_integer(v[i]));
    return a;
}

static json_t *wave_json(const struct panel_view *v)
{
    const struct panel_wave *w = &v->wave;
    if (!w->samples) return NULL;
    struct cut c = two_cycles(w);
    json_t *o = json_object();
    put_int(o, "period_ns", w->period_ns);
    put(o, "u_mv", samples(w->u_mv, c));
    put(o, "i_ma", samples(w->i_ma, c));
    put(o, "in_ma", samples(w->in_ma, c));
    return o;
}

static json_t *prepay_json(const struct panel_view *v)
{
    const struct panel_prepay *p = &v->state.prepay;
    if (!v->state.has_prepay) return NULL;
    json_t *o = json_object(), *wallets = json_array();
    for (size_t i = 0; i < p->wallets && i < PANEL_WALLETS; i++) {
        const struct panel_wallet *w = &p->wallet[i];
        json_t *each = json_object();
        put(each, "unit", TEXT(w->unit));
        put(each, "balance", json_decimal(w->balance, w->decimals));
        put_bool(each, "open", w->open);
        put_bool(each, "active", w->active);
        json_array_append_new(wallets, each);
    }
    put(o, "wallets", wallets);
    put_bool(o, "owes", p->owes);
    put_int(o, "locked_s", p->locked_s);
    if (!p->result) return o;
    put_int(o, "result", p->result);
    put(o, "name", TEXT(p->name));
    put(o, "words", TEXT(p->words));
    put(o, "time", time_json(p->time));
    return o;
}

static json_t *who_json(const struct panel_who *w)
{
    json_t *o = json_object();
    put_int(o, "rank", w->rank);
    put(o, "name", TEXT(w->name));
    return o;
}

static json_t *relay_json(const struct panel_view *v)
{
    static const char *const control[] = { "disconnected", "connected", "ready" };
    const struct panel_relay *r = &v->state.relay;
    if (!v->state.has_relay) return NULL;
    json_t *o = json_object(), *holders = json_array();
    put_bool(o, "on", r->on);
    put_bool(o, "ordered", r->ordered);
    put(o, "control", json_string(control[r->control]));
    put_int(o, "mode", r->mode);
    put(o, "cause", r->cause.rank ? who_json(&r->cause) : json_null());
    for (size_t i = 0; i < r->holders && i < PANEL_HOLDERS; i++)
        json_array_append_new(holders, who_json(&r->holder[i]));
    put(o, "holders", holders);
    put_bool(o, "locked", r->locked);
    put_int(o, "opens", r->opens);
    put_int(o, "closes", r->closes);
    put_int(o, "failures", r->failures);
    return o;
}

const struct section sections[SECTIONS] = {
    { "identity", identity_json }, { "clock", clock_json },   { "now", now_json },
    { "energy", energy_json },     { "pulses", pulses_json }, { "profile", profile_json },
    { "rows", rows_json },         { "events", events_json }, { "lcd", lcd_json },
    { "world", world_json },       { "alarms", alarms_json }, { "ports", ports_json },
    { "wave", wave_json },         { "prepay", prepay_json }, { "relay", relay_json },
};
