/* standin.c - a made-up meter behind the real panel server, for the tests of server and page
 * and for work on the page: `npm run dev` in web/ talks to it.
 *
 *   standin [PORT [SCENE]]     SCENE: day solar off idle clock locked full bare
 *
 * Its numbers follow from the scene and its own clock, which stands still ("paused") unless a
 * test lets it run, so that screenshots do not depend on the hour. Ends when its standard input
 * does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "tools/common/say.h"
#include "tools/panel/panel.h"

#define DAY INT64_C(1752451200) /* 2025-07-14T00:00:00Z */
#define PI 3.14159265358979323846

enum { TICK_MS = 50 };

static const struct load {
    const char *name;
    double phi_deg, third; /* current behind voltage; third harmonic */
    bool p, q;
} loads[] = {
    { "household", 18, .09, false, false }, { "heater", 0, .01, true, false },
    { "motor", 38, .04, true, false },      { "electronics", -24, .55, true, false },
    { "fixed", 0, 0, true, true },
};
enum { LOADS = sizeof loads / sizeof *loads };

struct world {
    const char *scene;
    double t, wh[4], varh[4], vah[4]; /* seconds since 1970; by quadrant */
    double u, p, q;
    double slot_wh[96];
    uint8_t load;
    uint32_t speed;
    bool supply, reverse;
    uint64_t pulses, events;
    struct panel_event event[64];
};

static bool is(const struct world *w, const char *scene)
{
    return strcmp(w->scene, scene) == 0;
}

static void put(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

static void event(struct world *w, double t, uint16_t code, const char *log, const char *text,
                  const char *detail)
{
    struct panel_event *e = &w->event[w->events % 64];
    *e = (struct panel_event){ .id = ++w->events, .time.s = (int64_t)t, .code = code };
    e->time_valid = !is(w, "clock");
    put(e->log, sizeof e->log, log);
    put(e->text, sizeof e->text, text);
    put(e->detail, sizeof e->detail, detail);
}

/* A day of a household, in W: nights, breakfast, noon, evening. */
static double household(double t)
{
    double h = fmod(t - (double)DAY, 86400) / 3600;
    return 180 + 120 * (sin(t / 97) > .6) + 960 * exp(-pow(h - 7.4, 2) / .9) +
           680 * exp(-pow(h - 12.7, 2) / 1.3) + 1200 * exp(-pow(h - 19.2, 2) / 3) +
           40 * sin(t / 11);
}

static uint8_t tariff(double t)
{
    double h = fmod(t - (double)DAY, 86400) / 3600;
    return h < 7 || h >= 22 ? 1 : h < 17 ? 2 : 3;
}

struct phasor {
    double u, i, p, q, s, phi;
    unsigned quadrant;
};

static struct phasor measure(const struct world *w, double t)
{
    const struct load *l = &loads[w->load];
    double u = w->supply ? w->u : 0, k = w->u > 0 ? u / 230 * u / 230 : 0;
    double p = (w->load == 0 ? household(t) : w->p) * k;
    double q = l->q ? w->q * k : p * tan(l->phi_deg * PI / 180);
    if (is(w, "solar")) p = -2140 * k, q = 310 * k;
    if (is(w, "full")) p = 23000 * k, q = 0;
    if (is(w, "idle")) p = q = 0;
    if (w->reverse) p = -p, q = -q;
    double s = hypot(p, q);
    struct phasor m = { u, u > 0 ? s / u : 0, p, q, s, fmod(atan2(q, p) * 180 / PI + 360, 360),
                        0 };
    if (m.i > .02) m.quadrant = p >= 0 ? (q >= 0 ? 1 : 4) : (q >= 0 ? 2 : 3);
    return m;
}

static void live(struct world *w, double dt)
{
    struct phasor m = measure(w, w->t);
    unsigned k = m.quadrant ? m.quadrant - 1 : 0;
    w->t += dt;
    if (w->supply && m.quadrant) {
        double before = w->wh[0] + w->wh[3];
        w->wh[k] += fabs(m.p) * dt / 3600;
        w->varh[k] += fabs(m.q) * dt / 3600;
        w->vah[k] += m.s * dt / 3600;
        w->pulses += (uint64_t)(w->wh[0] + w->wh[3]) - (uint64_t)before;
        w->slot_wh[(int64_t)w->t / 900 % 96] += fmax(0, m.p) * dt / 3600;
    }
}

static void fill_identity(struct panel_identity *i)
{
    *i = (struct panel_identity){ .u_v = 230,
                                  .ib_a = 5,
                                  .imax_a = 100,
                                  .f_hz = 50,
                                  .year = 2025,
                                  .pulses_per_kwh = 1000,
                                  .pulses_per_kvarh = 1000,
                                  .development_keys = true };
    put(i->product, sizeof i->product, "Magno 22");
    put(i->serial, sizeof i->serial, "22000147");
    put(i->device, sizeof i->device, "MAG2200022000147");
    put(i->firmware, sizeof i->firmware, "0.1.0");
    put(i->accuracy, sizeof i->accuracy, "1");
}

static void fill_energy(const struct world *w, struct panel_energies *e)
{
    const double *const q[] = { w->wh, w->varh, w->vah };
    static const uint8_t first[] = { PANEL_WH_Q1, PANEL_VARH_Q1, PANEL_VAH_Q1 };
    e->tariff = is(w, "clock") ? 1 : tariff(w->t);
    e->tariffs = 3;
    for (unsigned t = 0; t <= 3; t++) {
        double share = t == 0 ? 1 : t == 1 ? .25 : t == 2 ? .6 : .15;
        int64_t(*wh)[1 + PANEL_TARIFFS] = e->wh;
        for (unsigned k = 0; k < 3; k++)
            for (unsigned i = 0; i < 4; i++) wh[first[k] + i][t] = (int64_t)(q[k][i] * share);
        wh[PANEL_WH_IMPORT][t] = wh[PANEL_WH_Q1][t] + wh[PANEL_WH_Q4][t];
        wh[PANEL_WH_EXPORT][t] = wh[PANEL_WH_Q2][t] + wh[PANEL_WH_Q3][t];
        wh[PANEL_WH_ABS][t] = wh[PANEL_WH_IMPORT][t] + wh[PANEL_WH_EXPORT][t];
        wh[PANEL_WH_NET][t] = wh[PANEL_WH_IMPORT][t] - wh[PANEL_WH_EXPORT][t];
        wh[PANEL_VARH_IMPORT][t] = wh[PANEL_VARH_Q1][t] + wh[PANEL_VARH_Q2][t];
        wh[PANEL_VARH_EXPORT][t] = wh[PANEL_VARH_Q3][t] + wh[PANEL_VARH_Q4][t];
        wh[PANEL_VARH_ABS][t] = wh[PANEL_VARH_IMPORT][t] + wh[PANEL_VARH_EXPORT][t];
        wh[PANEL_VAH_IMPORT][t] = wh[PANEL_VAH_Q1][t] + wh[PANEL_VAH_Q4][t];
        wh[PANEL_VAH_EXPORT][t] = wh[PANEL_VAH_Q2][t] + wh[PANEL_VAH_Q3][t];
        wh[PANEL_VAH_ABS][t] = wh[PANEL_VAH_IMPORT][t] + wh[PANEL_VAH_EXPORT][t];
    }
}

static void fill_now(const struct world *w, struct panel_now *n)
{
    struct phasor m = measure(w, w->t);
    n->powered = w->supply;
    n->u_mv = (int32_t)(m.u * 1000);
    n->i_ma = (int32_t)(m.i * 1000);
    n->in_ma = (int32_t)(m.i * 998);
    n->p_mw = (int64_t)(m.p * 1000);
    n->q_mvar = (int64_t)(m.q * 1000);
    n->s_mva = (int64_t)(m.s * 1000);
    n->pf_e3 = m.s > 0 ? (int32_t)(m.p / m.s * 1000) : 0;
    n->f_mhz = w->supply ? 50010 : 0;
    n->angle_e1 = (int32_t)(m.phi * 10);
    n->thd_u_e2 = 180;
    n->thd_i_e2 = (int32_t)(loads[w->load].third * 10000);
    n->quadrant = (uint8_t)m.quadrant;
}

static void fill_world(const struct world *w, struct panel_world *o)
{
    struct phasor m = measure(w, w->t);
    o->supply = w->supply;
    o->reverse = w->reverse;
    o->u_mv = (int32_t)lround(w->u * 1000);
    o->p_w_max = 23000;
    o->p_w = w->load == 0 ? (int64_t)m.p : (int64_t)w->p;
    o->q_var = (int64_t)w->q;
    o->load = w->load;
    o->loads = LOADS;
    for (size_t i = 0; i < LOADS; i++) {
        put(o->kinds[i].name, sizeof o->kinds[i].name, loads[i].name);
        put(o->kinds[i].text, sizeof o->kinds[i].text, loads[i].name);
        o->kinds[i].has_p = loads[i].p;
        o->kinds[i].has_q = loads[i].q;
    }
    o->speed = w->speed;
    o->pace_e1 = w->speed == PANEL_SPEED_MAX ? 864000 : w->speed * 10;
}

static void port(struct panel_state *s, const char *name, const char *address,
                 enum panel_port_state state, const char *detail)
{
    struct panel_port *p = &s->port[s->ports++];
    put(p->name, sizeof p->name, name);
    put(p->address, sizeof p->address, address);
    put(p->detail, sizeof p->detail, detail);
    p->state = s->now.powered ? state : PANEL_PORT_OFF;
}

static void alarm_put(struct panel_state *s, const char *text, enum panel_severity severity)
{
    put(s->alarm[s->alarms].text, sizeof s->alarm[0].text, text);
    s->alarm[s->alarms++].severity = severity;
}

static void fill(void *ctx, struct panel_state *s)
{
    struct world *w = ctx;
    fill_identity(&s->identity);
    s->clock = (struct panel_clock){ .utc.s = (int64_t)w->t,
                                     .quality = is(w, "clock") ? PANEL_CLOCK_INVALID
                                                               : PANEL_CLOCK_VALID };
    fill_now(w, &s->now);
    fill_energy(w, &s->energy);
    s->has_pulses = s->has_profile = s->has_world = true;
    s->pulses.kwh = w->pulses;
    s->pulses.kvarh = w->pulses / 3;
    int64_t slot = (int64_t)w->t / 900;
    s->profile = (struct panel_profile){ .interval_s = 900,
                                         .day.s = slot / 96 * 86400,
                                         .running.s = slot * 900,
                                         .running_wh = (int64_t)w->slot_wh[slot % 96],
                                         .running_tariff = s->energy.tariff };
    fill_world(w, &s->world);
    port(s, "DLMS", "127.0.0.1:4059", PANEL_PORT_ASSOCIATED, "client 1, HLS, ciphered");
    port(s, "Optical", "127.0.0.1:4060", PANEL_PORT_IDLE, "");
    if (is(w, "locked"))
        port(s, "RS485", "127.0.0.1:4061", PANEL_PORT_LOCKED, "42 s, 3 wrong passwords");
    else
        port(s, "RS485", "127.0.0.1:4061", PANEL_PORT_CONNECTED, "HDLC");
    if (is(w, "clock")) alarm_put(s, "Clock invalid", PANEL_BAD);
    if (is(w, "bare")) s->has_pulses = s->has_profile = s->has_world = false;
    if (is(w, "locked")) alarm_put(s, "Port locked", PANEL_WARN);
}

static size_t rows(void *ctx, struct panel_row *row, size_t max, utc_t from)
{
    struct world *w = ctx;
    size_t n = 0;
    for (int64_t at = from.s; at + 900 <= (int64_t)w->t && n < max; at += 900, n++) {
        row[n] = (struct panel_row){ .start.s = at,
                                     .end.s = at + 900,
                                     .import_wh = (int64_t)w->slot_wh[at / 900 % 96],
                                     .tariff = tariff((double)at) };
        if (n == 13) row[n].status = PANEL_ROW_POWER_DOWN;
    }
    return n;
}

static size_t events(void *ctx, struct panel_event *out, size_t max, uint64_t after)
{
    struct world *w = ctx;
    uint64_t first = w->events > 64 ? w->events - 64 : 0;
    size_t n = 0;
    for (uint64_t i = after > first ? after : first; i < w->events && n < max; i++)
        out[n++] = w->event[i % 64];
    return n;
}

static void wave(void *ctx, struct panel_wave *o)
{
    struct world *w = ctx;
    struct phasor m = measure(w, w->t);
    double third = loads[w->load].third;
    o->period_ns = 125000;
    o->samples = w->supply ? 480 : 0;
    for (int k = 0; k < 480; k++) {
        double a = (k + fmod(w->t, 1) * 8000) / 160. * 2 * PI + 1, b = a - m.phi * PI / 180;
        o->u_mv[k] = (int32_t)(m.u * 1414.2 * (sin(a) + .012 * sin(5 * a)));
        o->i_ma[k] = (int32_t)(m.i * 1414.2 * (sin(b) + third * .9 * sin(3 * b)));
        o->in_ma[k] = (int32_t)(o->i_ma[k] * .998);
    }
}

static int set_load(struct world *w, const char *name)
{
    for (uint8_t i = 0; i < LOADS; i++)
        if (strcmp(loads[i].name, name) == 0) {
            w->load = i;
            return E_OK;
        }
    return E_NONE;
}

static int command(void *ctx, const struct panel_command *c)
{
    struct world *w = ctx;
    switch (c->order) {
    case PANEL_DO_SUPPLY:
        if (w->supply != (c->number != 0))
            event(w, w->t, c->number ? 2 : 1, "Standard", c->number ? "Power up" : "Power down",
                  "");
        w->supply = c->number;
        return E_OK;
    case PANEL_DO_VOLTAGE:
        w->u = (double)c->number / 1000;
        return E_OK;
    case PANEL_DO_LOAD:
        return set_load(w, c->text);
    case PANEL_DO_POWER:
        if (!loads[w->load].p) return E_STATE;
        w->p = (double)c->number;
        return E_OK;
    case PANEL_DO_REACTIVE:
        if (!loads[w->load].q) return E_STATE;
        w->q = (double)c->number;
        return E_OK;
    case PANEL_DO_REVERSE:
        w->reverse = c->number;
        return E_OK;
    case PANEL_DO_SPEED:
        w->speed = (uint32_t)c->number;
        return E_OK;
    default:
        return E_NONE;
    }
}

static void set_scene(struct world *w)
{
    double now = (double)DAY + 14 * 3600 + 37 * 60 + 20;
    w->supply = true;
    w->u = 230;
    w->p = 1280;
    for (int i = 0; i < 96; i++) w->slot_wh[i] = household((double)DAY + i * 900 + 450) / 4;
    w->slot_wh[13] = 21;
    w->wh[0] = 4812364, w->wh[1] = 36108, w->varh[0] = 911700, w->varh[3] = 20100;
    w->vah[0] = 4897800, w->vah[1] = 36900;
    event(w, (double)DAY + 7200, 256, "Standard", "Time synchronised", "+0.4 s");
    event(w, (double)DAY + 12051, 1, "Standard", "Power down", "");
    event(w, (double)DAY + 12112, 2, "Standard", "Power up", "off for 61 s");
    event(w, now - 372, 26, "Security", "Communication started, remote", "client 1");
    if (is(w, "off")) event(w, now - 5, 1, "Standard", "Power down", "");
    if (is(w, "clock")) event(w, now - 9, 6, "Failure", "Clock invalid", "");
    w->supply = !is(w, "off");
    w->t = now;
}

static struct panel *panel;

static void tick(uv_timer_t *t)
{
    struct world *w = t->data;
    live(w, (w->speed == PANEL_SPEED_MAX ? 86400 : w->speed) * TICK_MS / 1000.);
}

static void on_input(uv_stream_t *in, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n >= 0) return;
    panel_close(panel);
    uv_close((uv_handle_t *)in->data, NULL);
    uv_close((uv_handle_t *)in, NULL);
}

static void space(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
    static char waste[256];
    (void)h, (void)n;
    *buf = uv_buf_init(waste, sizeof waste);
}

int main(int argc, char **argv)
{
    static struct world w = { .scene = "day" };
    uint16_t at = (uint16_t)(argc > 1 ? atoi(argv[1]) : 8022);
    uv_loop_t loop;
    uv_timer_t timer = { .data = &w };
    uv_pipe_t in = { .data = &timer };
    struct panel_source source = { &w, fill, rows, events, wave, command };
    say_as("standin");
    if (argc > 2) w.scene = argv[2];
    if (is(&w, "bare")) source.events = NULL, source.wave = NULL;
    set_scene(&w);
    uv_loop_init(&loop);
    int e = panel_open(&panel, &loop, "127.0.0.1", at, &source);
    if (e < 0) return say_fail(1, "port %u: %s", at, err_text(e));
    printf("{\"ready\":true,\"panel\":%d}\n", e);
    fflush(stdout);
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, tick, TICK_MS, TICK_MS);
    uv_pipe_init(&loop, &in, 0);
    uv_pipe_open(&in, 0);
    uv_read_start((uv_stream_t *)&in, space, on_input);
    uv_run(&loop, UV_RUN_DEFAULT);
    panel_end(panel);
    return uv_loop_close(&loop) ? say_fail(1, "something of the panel is still open") : 0;
}
