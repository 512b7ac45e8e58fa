#include "lab.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/fixed.h"
#include "base/sys.h"

const struct who lab_who = { .sap = 1, .link = LINK_OPTICAL, .assoc = 4 };

/* -- terminals ----------------------------------------------------------------------------- */

static int rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    struct lab *l = ctx;
    if (l->rtc_dead) return E_IO;
    if (l->rtc_lost) return E_STATE;
    int64_t us = (int64_t)(t.us - l->rtc_at.us);
    utc->s = l->rtc_s + (us + us / 1000000 * l->rtc_ppm) / 1000000;
    return 0;
}

static int rtc_write(void *ctx, mono_t t, utc_t utc)
{
    struct lab *l = ctx;
    l->rtc_s = utc.s;
    l->rtc_at = t;
    l->rtc_lost = false;
    return l->rtc_dead ? E_IO : 0;
}

static void impulse(void *ctx, mono_t t, enum impulse output, uint32_t n)
{
    struct lab *l = ctx;
    (void)t;
    l->pulses[output] += n;
}

static uint16_t inputs(void *ctx, mono_t t)
{
    const struct lab *l = ctx;
    bool closed = l->cfg.relay.feedback && relay_sim_feedback(&l->relay);
    (void)t;
    return (uint16_t)(l->inputs | (closed ? INPUT_RELAY_CLOSED : 0));
}

static void relay(void *ctx, mono_t t, enum coil coil)
{
    relay_sim_drive(&((struct lab *)ctx)->relay, t, coil);
}

void lab_fit_relay(struct lab *l, bool feedback)
{
    l->io.relay = relay;
    l->cfg.relay.feedback = feedback;
}

/* -- the bench ----------------------------------------------------------------------------- */

struct lab *lab_new_on(const struct nor *nor, const struct store_map *map)
{
    struct lab *l = calloc(1, sizeof *l);
    l->cfg = cfg_single_phase;
    l->cfg.map = map;
    l->io = (struct meter_io){ .ctx = l,
                               .nor = nor,
                               .scratch = &l->scratch,
                               .rtc_read = rtc_read,
                               .rtc_write = rtc_write,
                               .impulse = impulse,
                               .inputs = inputs };
    l->load = (struct lab_load){ 0, 0, 230000, 0 };
    l->cfg.relay.feedback = false;
    relay_sim_init(&l->relay);
    return l;
}

struct lab *lab_new(uint32_t prog_us, uint32_t erase_us)
{
    enum { SIZE = 8 << 20 };
    struct lab *l = lab_new_on(NULL, &store_map);
    l->image = malloc(SIZE);
    memset(l->image, 0xFF, SIZE);
    nor_mem_init(&l->flash, l->image, SIZE, (struct nor_times){ prog_us, erase_us });
    l->io.nor = &l->flash.nor;
    return l;
}

void lab_free(struct lab *l)
{
    free(l->image);
    free(l);
}

int lab_power_up(struct lab *l, int64_t utc_s)
{
    l->now = (mono_t){ 0 };
    l->rtc_s = utc_s;
    l->rtc_at = l->now;
    relay_sim_restart(&l->relay);
    meter_init(&l->m, &l->cfg, &l->io);
    return meter_mount(&l->m, l->now);
}

void lab_power_down(struct lab *l, bool gasp)
{
    if (gasp) {
        meter_last_gasp(&l->m, l->now);
        for (int i = 0; i < 1000 && !store_is_down(&l->m.store); i++) store_step(&l->m.store);
    }
    memset(&l->m, 0xA5, sizeof l->m);
    memset(&l->scratch, 0xA5, sizeof l->scratch);
}

/* One step of a device that has no links. */
static mono_t step(struct lab *l, mono_t now)
{
    struct meter *m = &l->m;
    if (!meter_is_ready(m)) {
        meter_drain_events(m);
        meter_store_step(m);
        return now;
    }
    mono_t t = meter_next(m);
    if (t.us > now.us) return t;
    meter_handle(m);
    meter_drain_events(m);
    meter_store_step(m);
    return now;
}

static mono_t settle(struct lab *l)
{
    mono_t next = l->now;
    for (unsigned i = 0; next.us <= l->now.us; i++) {
        ensure(i < 10000000);
        next = step(l, l->now);
    }
    return next;
}

void lab_settle(struct lab *l)
{
    settle(l);
    store_rest(&l->m.store);
    settle(l);
}

static void feed(struct lab *l, mono_t end)
{
    const struct lab_load off = { .u_mv = l->load.u_mv };
    const struct lab_load *load = relay_sim_conducts(&l->relay) ? &l->load : &off;
    uint64_t us = end.us - l->now.us;
    int64_t s_mva = isqrt_u64(
        (uint64_t)((int64_t)load->p_mw * load->p_mw + (int64_t)load->q_mvar * load->q_mvar));
    struct quantity q = {
        .start = l->now, .end = end, .span_ns = us * 1000, .f_uhz = 50000000
    };
    struct element *e = &q.element[ELEMENT_PHASE];
    q.u_uv = (uint32_t)load->u_mv * 1000;
    e->i_ua = (uint32_t)load->i_ma * 1000;
    e->p_uw = load->p_mw * INT64_C(1000);
    e->q_uvar = load->q_mvar * INT64_C(1000);
    e->s_uva = s_mva * 1000;
    e->pf_ppm = s_mva ? (int32_t)(load->p_mw * INT64_C(1000000) / s_mva) : 0;
    e->active_nj = load->p_mw * (int64_t)us; /* 1 mW x 1 us = 1 nJ */
    e->reactive_nj = load->q_mvar * (int64_t)us;
    e->apparent_nj = s_mva * (int64_t)us;
    ensure(meter_feed_quantities(&l->m, &q) == 0);
    l->fed_nj[0][load->p_mw < 0] += abs_i64(e->active_nj);
    l->fed_nj[1][load->q_mvar < 0] += abs_i64(e->reactive_nj);
    l->fed_nj[2][load->p_mw < 0] += abs_i64(e->apparent_nj);
    l->windows++;
}

void lab_run_to(struct lab *l, mono_t until, uint64_t step_us)
{
    while (l->now.us < until.us) {
        mono_t next = settle(l);
        mono_t end = mono_min(mono_min(next, until), mono_after(l->now, step_us));
        end = mono_min(end, relay_sim_next(&l->relay));
        feed(l, end);
        l->now = end;
        if (relay_sim_next(&l->relay).us > end.us) continue;
        relay_sim_step(&l->relay, end);
        meter_feed_inputs(&l->m, end, inputs(l, end));
    }
    settle(l);
}

void lab_run_s(struct lab *l, uint64_t s)
{
    lab_run_to(l, mono_after(l->now, s * 1000000), 60000000);
}

void lab_run_until(struct lab *l, int64_t utc_s)
{
    while (clock_utc(&l->m.clock, l->now).s < utc_s) {
        mono_t t = clock_mono(&l->m.clock, (utc_t){ utc_s });
        lab_run_to(l, mono_min(t, mono_after(l->now, 3600000000)), 60000000);
    }
}

uint32_t lab_hash(const struct lab *l)
{
    return crc32(l->image, l->flash.nor.size);
}

unsigned lab_events(struct lab *l, enum event_log log, uint16_t code)
{
    struct event_span s = event_span(&l->m, log);
    unsigned n = 0;
    for (uint32_t i = s.first; i < s.next; i++) {
        struct event_row e;
        ensure(event_read(&l->m, log, i, &e) == 0);
        n += e.code == code;
    }
    return n;
}
