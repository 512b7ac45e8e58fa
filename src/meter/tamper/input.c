#include "meter/tamper/input.h"

#include "base/bytes.h"
#include "base/err.h"
#include "meter/hot.h"
#include "meter/meter.h"
#include "meter/tamper/tally.h"

struct input_row {
    uint16_t mask, debounce_ms;
    uint16_t on, off; /* events; 0 none */
    uint8_t counter;  /* enum tamper_counter + 1; 0 none */
};

static const struct input_row table[] = {
    { INPUT_TERMINAL_COVER, 500, EV_TERMINAL_COVER_OPEN, EV_TERMINAL_COVER_CLOSED,
      TAMPER_TERMINAL_COVER + 1 },
    { INPUT_METER_COVER, 500, EV_METER_COVER_OPEN, EV_METER_COVER_CLOSED,
      TAMPER_METER_COVER + 1 },
    { INPUT_MODULE_COVER, 500, EV_MODULE_COVER_OPEN, EV_MODULE_COVER_CLOSED,
      TAMPER_MODULE_COVER + 1 },
    { INPUT_MAGNET, 0, 0, 0, 0 }, /* tamper/watch judges it */
    { INPUT_ENCLOSURE, 1000, EV_ENCLOSURE_OPEN, EV_ENCLOSURE_CLOSED, 0 },
    { INPUT_RESOURCE, 0, 0, 0, 0 },
    { INPUT_RATE_0, 0, 0, 0, 0 },
    { INPUT_RATE_1, 0, 0, 0, 0 },
    { INPUT_RATE_2, 0, 0, 0, 0 },
    { INPUT_ALERT, 1000, EV_EXTERNAL_ALERT, 0, 0 },
    { INPUT_BUTTON, 50, 0, 0, 0 },
    { INPUT_SEAL_BUTTON, 3000, 0, 0, 0 },
    { INPUT_MODULE, 1000, EV_MODULE_INSERTED, EV_MODULE_REMOVED, 0 },
    { INPUT_BATTERY_LOW, 10000, EV_BATTERY_LOW, EV_BATTERY_NORMAL, 0 },
    { INPUT_RELAY_CLOSED, 50, 0, 0, 0 }, /* supply/relay judges it */
    { INPUT_AC_FIELD, 0, 0, 0, 0 },      /* tamper/watch judges it */
};
_Static_assert(sizeof table / sizeof table[0] == INPUTS, "a row for each input");

enum { TARIFF_INPUTS = INPUT_RESOURCE | INPUT_RATE_0 | INPUT_RATE_1 | INPUT_RATE_2 };

static void tell(struct meter *m, const struct input_row *x, bool on, utc_t when, bool dark)
{
    struct event_detail d = { .dark = dark };
    if (x->counter) d.duration_s = tally_tamper(m, x->counter - 1u, on, when);
    uint16_t code = on ? x->on : x->off;
    if (code) event_post_at(m, when, (enum event)code, NULL, &d);
}

/* -- what a settled level does ------------------------------------------------------------- */

/* Polarity is of the contact of the source alone. */
static unsigned resource(const struct meter *m)
{
    unsigned contact = param_get(m, PARAM_RESOURCE_POLARITY) ? 0 : INPUT_RESOURCE;
    unsigned read = (unsigned)param_get(m, PARAM_RESOURCE_INPUTS) * INPUT_RESOURCE;
    return (m->inputs.settled ^ contact) & read;
}

static void drive_tariff(struct meter *m)
{
    unsigned active = resource(m);
    tou_inputs(m, active & INPUT_RESOURCE, active / INPUT_RATE_0);
}

void input_plan(struct meter *m)
{
    unsigned known = (m->tou.second ? INPUT_RESOURCE : 0) | m->tou.rate * INPUT_RATE_0;
    if (resource(m) != known) drive_tariff(m);
}

static void press_seal(struct meter *m)
{
    static const struct who button = { .link = LINK_KEYPAD };
    billing_end(m, &button, BILLING_BUTTON);
}

static void believe(struct meter *m, uint16_t levels, utc_t when, bool dark)
{
    uint16_t changed = m->inputs.settled ^ levels;
    m->inputs.settled = levels;
    for (unsigned i = 0; i < INPUTS; i++)
        if (changed & table[i].mask)
            tell(m, &table[i], (levels & table[i].mask) != 0, when, dark);
    if (changed & TARIFF_INPUTS) drive_tariff(m);
    if (changed) hot_put(m, HOT_INPUT, 0);
    if (changed & INPUT_BUTTON) display_button(m, (levels & INPUT_BUTTON) != 0);
    if (changed & levels & INPUT_SEAL_BUTTON && !dark) press_seal(m);
}

/* -- edges --------------------------------------------------------------------------------- */

int input_feed(struct meter *m, mono_t t, uint16_t levels)
{
    struct inputs *in = &m->inputs;
    if (levels == in->fed) return 0;
    in->fed = levels;
    if (in->edges == CFG_INPUT_QUEUE) {
        in->edge[in->edges - 1].levels = levels;
        return E_SPACE;
    }
    in->edge[in->edges++] = (struct edge){ t, levels };
    return 0;
}

mono_t input_next(const struct meter *m)
{
    return m->inputs.edges ? m->inputs.edge[0].at : MONO_NEVER;
}

static uint64_t debounce_us(const struct meter *m, unsigned i)
{
    uint32_t ms = table[i].debounce_ms;
    if (table[i].mask & TARIFF_INPUTS) ms = (uint32_t)param_get(m, PARAM_RESOURCE_DEBOUNCE_MS);
    return ms * UINT64_C(1000);
}

/* Nobody holds a key for two minutes. */
enum { KEYS = INPUT_BUTTON | INPUT_SEAL_BUTTON };
#define STUCK_US (120 * UINT64_C(1000000))

static mono_t stuck_at(const struct inputs *in)
{
    mono_t due = MONO_NEVER;
    for (unsigned i = 0; i < INPUTS && !in->stuck; i++)
        if (in->settled & in->raw & table[i].mask & KEYS)
            due = mono_min(due, mono_after(in->since[i], STUCK_US));
    return due;
}

static void plan(struct meter *m)
{
    const struct inputs *in = &m->inputs;
    mono_t due = stuck_at(in);
    for (unsigned i = 0; i < INPUTS; i++)
        if ((in->raw ^ in->settled) & table[i].mask)
            due = mono_min(due, mono_after(in->since[i], debounce_us(m, i)));
    timer_set(m, TIMER_INPUT, due);
}

void input_handle(struct meter *m)
{
    struct inputs *in = &m->inputs;
    struct edge e = in->edge[0];
    in->edges--;
    for (unsigned i = 0; i < in->edges; i++) in->edge[i] = in->edge[i + 1];
    for (unsigned i = 0; i < INPUTS; i++)
        if ((e.levels ^ in->raw) & table[i].mask) in->since[i] = m->t;
    in->raw = e.levels;
    plan(m);
}

bool input_is_still(const struct meter *m, uint16_t mask, uint64_t us)
{
    for (unsigned i = 0; i < INPUTS; i++)
        if (table[i].mask & mask && m->t.us - m->inputs.since[i].us < us) return false;
    return !((m->inputs.raw ^ m->inputs.settled) & mask);
}

uint16_t input_tampers(const struct meter *m)
{
    uint16_t open = 0;
    for (unsigned i = 0; i < INPUTS; i++)
        if (table[i].counter && m->inputs.settled & table[i].mask)
            open |= (uint16_t)(1u << (table[i].counter - 1));
    return open;
}

/* One input at a time, dated to its own edge. */
void input_settle(struct meter *m, utc_t u)
{
    struct inputs *in = &m->inputs;
    (void)u;
    for (unsigned i = 0; i < INPUTS; i++) {
        bool open = ((in->raw ^ in->settled) & table[i].mask) != 0;
        if (!open || mono_after(in->since[i], debounce_us(m, i)).us > m->t.us) continue;
        believe(m, in->settled ^ table[i].mask, clock_utc(&m->clock, in->since[i]), false);
        break;
    }
    if (stuck_at(in).us <= m->t.us) {
        event_post(m, EV_KEYPAD_STUCK, NULL, NULL);
        in->stuck = true;
    }
    if (!(in->raw & KEYS)) in->stuck = false;
    plan(m);
}

/* -- power-up ------------------------------------------------------------------------------ */

/* Levels of no consequence are taken as they are; a cover found in another state than the last
 * one known was moved in the dark at a time nobody knows: now. */
void input_power_up(struct meter *m, utc_t down)
{
    struct inputs *in = &m->inputs;
    struct dark_edge dark[CFG_DARK_EDGES];
    int n = m->io->dark_take ? m->io->dark_take(m->io->ctx, dark, CFG_DARK_EDGES) : 0;
    for (int i = 0; i < n; i++) {
        utc_t when = { dark[i].utc_s < down.s ? down.s : dark[i].utc_s };
        if (when.s > m->utc.s) when = m->utc;
        believe(m, dark[i].levels, when, true);
        store_rest(&m->store);
        event_drain(m);
    }
    uint16_t levels = m->io->inputs ? m->io->inputs(m->io->ctx, m->t) : in->settled;
    believe(m, levels, m->utc, true);
    in->fed = in->raw = levels;
    for (unsigned i = 0; i < INPUTS; i++) in->since[i] = m->t;
    plan(m);
    drive_tariff(m);
}

/* {settled 2} */
int input_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    le_put16(body, m->inputs.settled);
    return 2;
}

void input_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n == 2) m->inputs.settled = le_get16(body);
}
