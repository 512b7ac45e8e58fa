#include "app/scenario/world.h"

#include <string.h>

#include "app/scenario/words.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/fixed.h"
#include "base/sys.h"
#include "port/common/household.h"

static const uint8_t logs[] = { LOG_STANDARD, LOG_FRAUD,         LOG_RELAY,
                                LOG_QUALITY,  LOG_COMMUNICATION, LOG_PREPAYMENT,
                                LOG_SECURITY, LOG_FAILURE,       LOG_FIRMWARE };
static const char *const log_name[LOGS] = { "standard",   "fraud",    "relay",
                                            "",           "quality",  "communication",
                                            "prepayment", "security", "failure",
                                            "firmware",   "power" };

/* -- what is said -------------------------------------------------------------------------- */

void world_say(struct scenario *s, enum scenario_kind kind, const char *text)
{
    struct scenario_said said = { kind, (int64_t)(s->true_us / 1000000), s->line, text };
    struct text t = { .n = 0 };
    text_time(&t, said.utc_s);
    text_put(&t, " ");
    text_int(&t, kind);
    text_put(&t, " ");
    s->trace = crc32_more(s->trace, t.s, t.n);
    s->trace = crc32_more(s->trace, text, strlen(text));
    s->host.say(s->host.ctx, &said);
}

static void say_event(struct scenario *s, unsigned log, const struct event_row *e)
{
    struct text t = { .n = 0 };
    text_put(&t, log_name[log]);
    text_put(&t, " ");
    text_int(&t, e->code);
    text_put(&t, " ");
    text_put(&t, event_text(e->code));
    text_put(&t, " at ");
    text_time(&t, e->time.s);
    if (e->what) text_put(&t, ", what "), text_int(&t, e->what);
    if (e->magnitude) text_put(&t, ", magnitude "), text_int(&t, e->magnitude);
    if (e->duration_s)
        text_put(&t, ", duration "), text_int(&t, e->duration_s), text_put(&t, " s");
    if (e->flags & EVENT_DARK) text_put(&t, ", in the dark");
    world_say(s, SAID_EVENT, t.s);
}

/* What the table of events promises of each: its log, its alarm bits and their descriptors, and
 * what the matrix of outputs makes of them. Attempts over the wire may stand in the security log
 * instead of that of fraud; what a story clears (registers) it does not look at again. */
static bool is_kept(const struct scenario *s, unsigned log, const struct event_row *e)
{
    const struct meter *m = &s->host.device->meter;
    const struct event_info *info = event_find(e->code);
    bool attempt = info->log == LOG_FRAUD && log == LOG_SECURITY && e->who.link <= LINK_WAN;
    if (e->code == EV_LOG_CLEARED || log == LOG_POWER) return true;
    if (info->log != log && info->also != log && !attempt) return false;
    if (info->kind == EVENT_END) return true;
    for (unsigned i = 0; i < 2; i++) {
        if (!info->alarm[i]) continue;
        unsigned k = info->alarm[i] / 32u - 1;
        uint32_t bit = UINT32_C(1) << info->alarm[i] % 32;
        uint32_t filter = (uint32_t)param_get(m, (uint16_t)(PARAM_ALARM_FILTER_1 + k));
        if (!(m->alarms.set[k] & bit)) return false;
        if (filter & bit && !(m->alarms.descriptor[k] & bit)) return false;
    }
    return true;
}

static void check_event(struct scenario *s, unsigned log, const struct event_row *e)
{
    struct text t = { .n = 0 };
    if (is_kept(s, log, e)) return;
    text_put(&t, "the table of events says something else of ");
    text_int(&t, e->code);
    s->missed++;
    world_say(s, SAID_MISSED, t.s);
}

static void say_logged(struct scenario *s)
{
    struct meter *m = &s->host.device->meter;
    for (unsigned i = 0; i < sizeof logs; i++) {
        enum event_log log = (enum event_log)logs[i];
        struct event_span span = event_span(m, log);
        if (s->logged[log] < span.first) s->logged[log] = span.first;
        for (; s->logged[log] < span.next; s->logged[log]++) {
            struct event_row e;
            if (event_read(m, log, s->logged[log], &e) < 0) continue;
            say_event(s, log, &e);
            check_event(s, log, &e);
        }
    }
}

/* -- terminals ----------------------------------------------------------------------------- */

static int64_t rtc_now(const struct scenario *s)
{
    int64_t since_s = (int64_t)((s->true_us - s->rtc_set_us) / 1000000);
    return (int64_t)(s->true_us / 1000000) + s->rtc_off_s + since_s * s->rtc_ppm / 1000000;
}

static int rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    struct scenario *s = ctx;
    (void)t; /* a step never runs ahead of the world */
    if (s->rtc_mute) return E_IO;
    if (s->rtc_lost) return E_STATE;
    utc->s = rtc_now(s);
    return 0;
}

static int rtc_write(void *ctx, mono_t t, utc_t utc)
{
    struct scenario *s = ctx;
    (void)t;
    s->rtc_off_s = utc.s - (int64_t)(s->true_us / 1000000);
    s->rtc_set_us = s->true_us;
    s->rtc_lost = false;
    return 0;
}

static void impulse(void *ctx, mono_t t, enum impulse output, uint32_t n)
{
    struct scenario *s = ctx;
    (void)t;
    s->pulses[output] += n;
}

static void lamp(void *ctx, mono_t t, enum lamp which, uint8_t pattern)
{
    struct scenario *s = ctx;
    (void)t;
    s->lamp[which] = pattern;
}

static int dark_take(void *ctx, struct dark_edge *dst, size_t n)
{
    struct scenario *s = ctx;
    size_t had = s->darks < n ? s->darks : n;
    memcpy(dst, s->dark, had * sizeof *dst);
    s->darks = 0;
    return (int)had;
}

static uint16_t levels(const struct scenario *s)
{
    bool closed = relay_sim_feedback(&s->relay);
    return (uint16_t)(s->inputs | (closed ? INPUT_RELAY_CLOSED : 0));
}

static uint16_t inputs(void *ctx, mono_t t)
{
    (void)t;
    return levels(ctx);
}

static void relay(void *ctx, mono_t t, enum coil coil)
{
    relay_sim_drive(&((struct scenario *)ctx)->relay, t, coil);
}

static int temperature_dc(void *ctx)
{
    return ((struct scenario *)ctx)->temperature_dc;
}

/* Wrapped keys lie on flash: the same key everywhere, so the same flash. */
static int root_key(void *ctx, uint8_t key[16])
{
    (void)ctx;
    memset(key, 0x22, 16);
    return 0;
}

void world_wire(struct scenario *s)
{
    s->io = s->host.io;
    s->io.ctx = s;
    s->io.sampled = false;
    s->io.root_key = root_key;
    s->io.rtc_read = rtc_read;
    s->io.rtc_write = rtc_write;
    s->io.impulse = impulse;
    s->io.lamp = lamp;
    s->io.dark_take = dark_take;
    s->io.inputs = inputs;
    s->io.relay = relay;
    s->io.temperature_dc = temperature_dc;
    trouble_wire(s);
    s->host.cfg.meter = &s->meter;
    s->host.cfg.dialler = &headend_dialler;
    s->host.cfg.dial_ctx = s;
    s->host.cfg.net = &headend_net;
    s->host.cfg.net_ctx = s;
    s->headend.net = (struct device_net){
        .port = 4059, .connections = 1, .up = true, .address = 0x0A00020F
    };
}

void world_inputs(struct scenario *s, uint16_t terminals)
{
    s->inputs = terminals;
    if (s->powered)
        meter_feed_inputs(&s->host.device->meter, s->now, levels(s));
    else if (s->darks < CFG_DARK_EDGES)
        s->dark[s->darks++] = (struct dark_edge){ rtc_now(s), levels(s) };
}

/* -- time ---------------------------------------------------------------------------------- */

static void feed_neutral(const struct scenario *s, struct quantity *q, uint64_t us)
{
    struct element *n = &q->element[ELEMENT_NEUTRAL];
    q->flags |= QTY_HAS_N;
    n->i_ua = s->n_ma * 1000;
    n->p_uw = s->n_mw * 1000;
    n->active_nj = s->n_mw * (int64_t)us;
}

static void live_in(struct scenario *s)
{
    struct load l = household_at(s->seed, (utc_t){ (int64_t)(s->true_us / 1000000) });
    s->p_mw = l.p_mw;
    s->q_mvar = l.q_mvar;
    s->u_mv = l.u_mv;
    s->f_mhz = l.f_mhz;
}

static void feed(struct scenario *s, mono_t end)
{
    if (s->household) live_in(s);
    uint64_t us = end.us - s->now.us;
    bool on = relay_sim_conducts(&s->relay);
    int64_t p_mw = on ? s->p_mw : 0, q_mvar = on ? s->q_mvar : 0;
    int64_t s_mva = isqrt_u64((uint64_t)(p_mw * p_mw + q_mvar * q_mvar));
    struct quantity q = { .start = s->now, .end = end, .span_ns = us * 1000 };
    struct element *e = &q.element[ELEMENT_PHASE];
    q.u_uv = s->u_mv * 1000;
    q.f_uhz = s->f_mhz * 1000;
    e->i_ua = on ? s->i_ma * 1000 : 0;
    if (!s->i_given && s->u_mv) e->i_ua = (uint32_t)(s_mva * 1000000 / s->u_mv);
    e->p_uw = p_mw * 1000;
    e->q_uvar = q_mvar * 1000;
    e->s_uva = s_mva * 1000;
    e->pf_ppm = s_mva ? (int32_t)(p_mw * 1000000 / s_mva) : 0;
    e->active_nj = p_mw * (int64_t)us; /* 1 mW x 1 us = 1 nJ */
    e->reactive_nj = q_mvar * (int64_t)us;
    e->apparent_nj = s_mva * (int64_t)us;
    if (s->u_mv < s->meter.rating.un_mv / 20) q.flags |= QTY_NO_VOLTAGE;
    if (s->n_given) feed_neutral(s, &q, us);
    if (s->thd_bp[0] || s->thd_bp[1]) q.flags |= QTY_HAS_WAVES;
    q.thd_u_bp = s->thd_bp[0];
    e->thd_i_bp = s->thd_bp[1];
    q.flags |= s->front;
    ensure(meter_feed_quantities(&s->host.device->meter, &q) == 0);
}

/* Until nothing is due and flash has answered; when something is due again. Time stands still
 * meanwhile. */
static mono_t settle(struct scenario *s)
{
    mono_t next;
    do next = device_step(s->host.device, s->now);
    while (next.us <= s->now.us || !meter_is_ready(&s->host.device->meter));
    return next;
}

void world_settle(struct scenario *s)
{
    if (!s->powered) return;
    do device_rest(s->host.device, s->now);
    while (headend_speaks(s));
    say_logged(s);
}

void world_pass(struct scenario *s, uint64_t us)
{
    uint64_t end_us = s->true_us + us;
    while (s->powered && s->true_us < end_us) {
        mono_t next = settle(s), end = mono_after(s->now, s->window_us);
        say_logged(s);
        if (headend_speaks(s)) continue;
        end = mono_min(mono_min(end, next), mono_after(s->now, end_us - s->true_us));
        end = mono_min(end, relay_sim_next(&s->relay));
        feed(s, end);
        s->true_us += end.us - s->now.us;
        s->now = end;
        if (relay_sim_next(&s->relay).us > end.us) continue;
        relay_sim_step(&s->relay, end);
        world_inputs(s, s->inputs);
    }
    s->true_us = end_us;
    world_settle(s);
}

int world_power(struct scenario *s, bool on, bool gasp)
{
    struct device *d = s->host.device;
    if (on == s->powered) return 0;
    client_gone(s);
    headend_gone(s);
    s->powered = on;
    if (!on) {
        if (gasp) device_supply_failed(d, s->now);
        while (gasp && meter_store_step(&d->meter)) {
        }
        return 0;
    }
    s->now = (mono_t){ 0 };
    relay_sim_restart(&s->relay);
    device_init(d, &s->host.cfg, &s->io);
    int err = device_mount(d);
    if (err >= 0) world_settle(s);
    return err;
}
