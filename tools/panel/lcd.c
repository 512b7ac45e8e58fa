#include "tools/panel/lcd.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cal.h"

typedef void page_text(char *out, size_t size, const struct panel_state *s);

/* value / 10^digits with that many decimals. */
static void fixed(char *out, size_t size, int64_t value, unsigned digits)
{
    int64_t scale = 1, abs_value = value < 0 ? -value : value;
    for (unsigned i = 0; i < digits; i++) scale *= 10;
    snprintf(out, size, "%s%" PRId64 ".%0*" PRId64, value < 0 ? "-" : "", abs_value / scale,
             (int)digits, abs_value % scale);
}

/* Wh as kWh with two decimals; eight cells, so it rolls over at a million. */
static void counter(char *out, size_t size, int64_t wh)
{
    fixed(out, size, wh / 10 % 100000000, 2);
}

static void page_import(char *out, size_t size, const struct panel_state *s)
{
    counter(out, size, s->energy.wh[PANEL_WH_IMPORT][0]);
}

static void page_export(char *out, size_t size, const struct panel_state *s)
{
    counter(out, size, s->energy.wh[PANEL_WH_EXPORT][0]);
}

static void page_reactive(char *out, size_t size, const struct panel_state *s)
{
    counter(out, size, s->energy.wh[PANEL_VARH_IMPORT][0]);
}

static void page_voltage(char *out, size_t size, const struct panel_state *s)
{
    fixed(out, size, (s->now.u_mv + 50) / 100, 1);
}

static void page_current(char *out, size_t size, const struct panel_state *s)
{
    fixed(out, size, s->now.i_ma, 3);
}

static void page_power(char *out, size_t size, const struct panel_state *s)
{
    fixed(out, size, s->now.p_mw / 1000, 3);
}

static void page_pf(char *out, size_t size, const struct panel_state *s)
{
    if (s->now.quadrant)
        fixed(out, size, s->now.pf_e3, 3);
    else
        snprintf(out, size, "-----");
}

static void page_frequency(char *out, size_t size, const struct panel_state *s)
{
    fixed(out, size, (s->now.f_mhz + 5) / 10, 2);
}

static struct civil local(const struct panel_clock *c)
{
    return cal_civil(c->utc.s + c->offset_min * 60);
}

static void page_time(char *out, size_t size, const struct panel_state *s)
{
    struct civil t = local(&s->clock);
    if (s->clock.quality == PANEL_CLOCK_INVALID)
        snprintf(out, size, "-- -- --");
    else
        snprintf(out, size, "%02d-%02d-%02d", t.hour, t.minute, t.second);
}

static void page_date(char *out, size_t size, const struct panel_state *s)
{
    struct civil t = local(&s->clock);
    if (s->clock.quality == PANEL_CLOCK_INVALID)
        snprintf(out, size, "-- -- --");
    else
        snprintf(out, size, "%02d-%02d-%02d", t.year % 100, t.month, t.day);
}

static const struct page {
    const char *code, *what, *unit;
    page_text *text;
} pages[] = {
    { "1.8.0", "import energy", "kWh", page_import },
    { "32.7.0", "voltage", "V", page_voltage },
    { "31.7.0", "current", "A", page_current },
    { "1.7.0", "power", "kW", page_power },
    { "13.7.0", "power factor", "PF", page_pf },
    { "14.7.0", "frequency", "Hz", page_frequency },
    { "2.8.0", "export energy", "kWh", page_export },
    { "3.8.0", "reactive energy", "kvarh", page_reactive },
    { "0.9.1", "time", "", page_time },
    { "0.9.2", "date", "", page_date },
};
enum { PAGES = sizeof pages / sizeof *pages };

static uint32_t icons(const struct panel_state *s)
{
    uint32_t on = 0;
    if (s->now.quadrant == 1 || s->now.quadrant == 4) on |= PANEL_ICON_IMPORT;
    if (s->now.quadrant == 2 || s->now.quadrant == 3) on |= PANEL_ICON_EXPORT;
    if (s->clock.quality == PANEL_CLOCK_INVALID) on |= PANEL_ICON_CLOCK;
    if (s->alarms) on |= PANEL_ICON_ALARM;
    return on;
}

static void turn(struct lcd *l, const struct panel_state *s, uint64_t now_ms)
{
    bool paused = s->has_world && s->world.speed == 0;
    if (!l->started || l->manual || paused) {
        l->started = true;
        l->turned_ms = now_ms;
    } else if (now_ms - l->turned_ms >= LCD_TURN_MS) {
        l->page = (uint8_t)((l->page + 1) % PAGES);
        l->turned_ms = now_ms;
    }
}

void lcd_compose(struct lcd *l, struct panel_state *s, uint64_t now_ms)
{
    turn(l, s, now_ms);
    const struct page *p = &pages[l->page];
    struct panel_lcd *o = &s->lcd;
    *o = (struct panel_lcd){
        .lit = s->now.powered || now_ms < l->wake_ms,
        .automatic = !l->manual,
        .page = l->page,
        .pages = PAGES,
        .tariff = s->energy.tariff,
        .quadrant = s->now.quadrant,
        .icons = icons(s),
    };
    p->text(o->digits, sizeof o->digits, s);
    snprintf(o->code, sizeof o->code, "%s", p->code);
    snprintf(o->unit, sizeof o->unit, "%s", p->unit);
    snprintf(o->what, sizeof o->what, "%s", p->what);
    s->has_lcd = true;
}

void lcd_press(struct lcd *l, bool powered, uint64_t now_ms)
{
    bool dark = !powered && now_ms >= l->wake_ms;
    l->wake_ms = now_ms + LCD_WAKE_MS;
    if (dark) return;
    l->page = (uint8_t)((l->page + 1) % PAGES);
    l->manual = true;
}

void lcd_auto(struct lcd *l, uint64_t now_ms)
{
    l->manual = false;
    l->turned_ms = now_ms;
}
