/* From cause to coil on the Cortex-M: one call is all that the meter does from the window in
 * which a cause becomes ripe until the pulse begins. target_supply.py counts the calls; the
 * image prints how many pages the flash programmed meanwhile, at most.
 */
#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "meter/meter.h"
#include "port/mps2/port.h"

#define COST __attribute__((noinline))

void cost_overcurrent(void);
void cost_fire(void);

enum { WINDOW_US = 200000, ROUNDS = 60 };

static const struct who self = { .sap = 1, .link = LINK_OPTICAL, .assoc = 4 };

static struct {
    struct meter m;
    struct meter_io io;
    struct meter_cfg cfg;
    struct store_scratch scratch;
    struct nor nor;
    const struct nor *chip;
    mono_t now;
    uint32_t i_ma, programs, most;
    int temperature_dc;
    enum coil coil;
    bool closed;
} app;

/* -- the terminals ------------------------------------------------------------------------- */

static int prog_start(void *ctx, uint32_t at, const void *src, size_t n)
{
    app.programs++;
    return app.chip->prog_start(ctx, at, src, n);
}

static int rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    (void)ctx;
    utc->s = INT64_C(1772438400) + (int64_t)(t.us / 1000000);
    return 0;
}

static void relay(void *ctx, mono_t t, enum coil coil)
{
    (void)ctx, (void)t;
    app.coil = coil;
    if (coil != COIL_OFF) app.closed = coil == COIL_CLOSE;
}

static uint16_t inputs(void *ctx, mono_t t)
{
    (void)ctx, (void)t;
    return app.closed ? INPUT_RELAY_CLOSED : 0;
}

static int temperature_dc(void *ctx)
{
    (void)ctx;
    return app.temperature_dc;
}

/* -- a meter that lives -------------------------------------------------------------------- */

static void settle(void)
{
    for (;;) {
        if (!meter_is_ready(&app.m)) {
            meter_drain_events(&app.m);
            meter_store_step(&app.m);
        } else if (meter_next(&app.m).us <= app.now.us) {
            meter_handle(&app.m);
            meter_drain_events(&app.m);
            meter_store_step(&app.m);
        } else {
            return;
        }
    }
}

static void feed(void)
{
    mono_t end = mono_min(mono_after(app.now, WINDOW_US), meter_next(&app.m));
    struct quantity q = { .start = app.now, .end = end, .u_uv = 230000000, .f_uhz = 50000000 };
    struct element *e = &q.element[ELEMENT_PHASE];
    q.span_ns = (end.us - app.now.us) * 1000;
    e->i_ua = app.closed ? app.i_ma * 1000 : 0;
    e->p_uw = (int64_t)e->i_ua * 230;
    e->active_nj = e->p_uw / 1000 * (int64_t)(end.us - app.now.us);
    ensure(meter_feed_quantities(&app.m, &q) == 0);
    app.now = end;
}

static void live(unsigned windows)
{
    for (unsigned i = 0; i < windows; i++) {
        settle();
        feed();
        meter_feed_inputs(&app.m, app.now, inputs(NULL, app.now));
    }
    settle();
}

/* The window with the cause, then what follows until the coil is driven. */
static void until_pulse(void)
{
    feed();
    while (app.coil != COIL_OPEN) {
        meter_drain_events(&app.m);
        meter_store_step(&app.m);
    }
}

COST void cost_overcurrent(void)
{
    until_pulse();
}

COST void cost_fire(void)
{
    until_pulse();
}

/* -- both causes, many times, wherever the journal stands ---------------------------------- */

static void one_round(void (*cost)(void), enum requester r)
{
    app.coil = COIL_OFF;
    app.programs = 0;
    cost();
    if (app.programs > app.most) app.most = app.programs;
    app.i_ma = 1000;
    app.temperature_dc = 250;
    live(400);
    meter_at(&app.m, app.now);
    app.m.supply.client.left = 6;
    int err = app.closed ? 0 : supply_order(&app.m, &self, r, ACTION_RECONNECT);
    live(20);
    ensure(err >= 0 && app.closed);
}

static void set(uint16_t id, int32_t value)
{
    meter_at(&app.m, app.now);
    ensure(param_set(&app.m, &self, id, value) == 0);
    settle();
}

int main(void)
{
    port_init();
    app.chip = port_io()->nor;
    app.nor = *app.chip;
    app.nor.prog_start = prog_start;
    app.cfg = cfg_single_phase;
    app.closed = true;
    app.i_ma = 1000;
    app.temperature_dc = 250;
    app.io = (struct meter_io){ .nor = &app.nor,
                                .scratch = &app.scratch,
                                .rtc_read = rtc_read,
                                .relay = relay,
                                .inputs = inputs,
                                .temperature_dc = temperature_dc };
    meter_init(&app.m, &app.cfg, &app.io);
    ensure(meter_mount(&app.m, app.now) == 0);
    set(PARAM_SUPPLY_MODE, 6);
    set(PARAM_LIMIT_2_OVER_S, 0);
    set(PARAM_FIRE_TRIP_S, 0);
    live(400);
    for (unsigned i = 0; i < ROUNDS; i++) {
        app.i_ma = 120000;
        one_round(cost_overcurrent, SUPPLY_OVERCURRENT);
        app.temperature_dc = 950;
        one_round(cost_fire, SUPPLY_FIRE);
    }
    port_print("programs=");
    port_print_number(app.most);
    port_print("\n");
    return 0;
}
