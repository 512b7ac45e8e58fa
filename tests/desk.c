#include "desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

static const struct device_net wire = { .port = 4059,
                                        .mss = 1460,
                                        .connections = 4,
                                        .address = 0x7F000001,
                                        .mask = 0xFF000000,
                                        .mac = { 2, 0x4D, 0x41, 0, 0, 1 } };
static bool net_get(void *ctx, struct device_net *n)
{
    const struct desk *k = ctx;
    *n = k->net;
    return true;
}

static void net_set(void *ctx, const struct device_net *n)
{
    ((struct desk *)ctx)->net = *n;
}

static const struct device_net_ops net = { .get = net_get, .set = net_set };
enum { FLASH = 8 << 20, HOLD = 1024, TRIES = 100000 };

static int rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    struct desk *k = ctx;
    utc->s = k->utc_s + (int64_t)(t.us / 1000000);
    return 0;
}

static int rtc_write(void *ctx, mono_t t, utc_t utc)
{
    struct desk *k = ctx;
    k->utc_s = utc.s - (int64_t)(t.us / 1000000);
    return 0;
}

static uint16_t inputs(void *ctx, mono_t t)
{
    const struct desk *k = ctx;
    bool closed = k->meter.relay.feedback && relay_sim_feedback(&k->relay);
    (void)t;
    return (uint16_t)(k->inputs | (closed ? INPUT_RELAY_CLOSED : 0));
}

static void relay(void *ctx, mono_t t, enum coil coil)
{
    relay_sim_drive(&((struct desk *)ctx)->relay, t, coil);
}

static int battery_mv(void *ctx)
{
    (void)ctx;
    return 3600;
}

static int temperature_dc(void *ctx)
{
    (void)ctx;
    return 253;
}

static int root_key(void *ctx, uint8_t key[16])
{
    (void)ctx;
    memset(key, 0x22, 16);
    return 0;
}

static int entropy_get(void *ctx, uint8_t *dst, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) dst[i] = (uint8_t)(i * 37 + 5);
    return 0;
}

static void power_up(struct desk *k)
{
    k->now = (mono_t){ 0 };
    relay_sim_restart(&k->relay);
    dlms_pool_init(&k->pool, k->session, DESK_SESSIONS, k->buffers, DESK_APDU, DESK_APDU);
    device_init(&k->d, &k->cfg, &k->io);
    ensure(device_mount(&k->d) == 0);
    desk_settle(k);
}

static const struct sts_key decoder = {
    .key = { 0x87, 0xF3, 0xEC, 0xBB, 0x2E, 0x46, 0xB4, 0x8F },
    .sgc = 201457,
    .ea = STS_EA_STA,
    .kt = STS_KT_UNIQUE,
    .krn = 1,
    .ti = 1,
    .ken = STS_KEN_NEVER,
};

struct desk *desk_new(int64_t utc_s)
{
    uint8_t *image = malloc(FLASH);
    struct nor_mem *flash = malloc(sizeof *flash);
    ensure(image && flash);
    memset(image, 0xFF, FLASH);
    nor_mem_init(flash, image, FLASH, (struct nor_times){ 0, 0 });
    struct desk *k = desk_on(&flash->nor, utc_s);
    k->image = image;
    k->flash = flash;
    return k;
}

struct desk *desk_on(const struct nor *chip, int64_t utc_s)
{
    struct desk *k = calloc(1, sizeof *k);
    ensure(k);
    k->meter = cfg_single_phase;
    k->meter.decoder = &decoder;
    k->meter.map = &store_map;
    k->meter.version = "0.0.1";
    k->meter.relay.feedback = false;
    relay_sim_init(&k->relay);
    k->entropy = (struct entropy){ .get = entropy_get };
    k->io = (struct meter_io){ .ctx = k,
                               .nor = chip,
                               .scratch = &k->scratch,
                               .rtc_read = rtc_read,
                               .rtc_write = rtc_write,
                               .inputs = inputs,
                               .entropy = &k->entropy,
                               .root_key = root_key,
                               .battery_mv = battery_mv,
                               .temperature_dc = temperature_dc };
    k->cfg = (struct device_cfg){ .meter = &k->meter,
                                  .secrets = &device_development,
                                  .firmware = "0.0.0+desk",
                                  .hardware = "desk",
                                  .net = &net,
                                  .net_ctx = k,
                                  .pool = &k->pool,
                                  .frozen = k->frozen };
    k->utc_s = utc_s;
    k->net = wire;
    power_up(k);
    return k;
}

void desk_cut(struct desk *k, uint64_t dark_s)
{
    k->utc_s += (int64_t)(k->now.us / 1000000 + dark_s);
    memset(&k->d, 0xA5, sizeof k->d);
    memset(&k->scratch, 0xA5, sizeof k->scratch);
    power_up(k);
}

void desk_fit_relay(struct desk *k)
{
    k->io.relay = relay;
    k->meter.relay.feedback = true;
    desk_cut(k, 1);
}

void desk_free(struct desk *k)
{
    free(k->flash);
    free(k->image);
    free(k);
}

void desk_settle(struct desk *k)
{
    do device_rest(&k->d, k->now);
    while (job_run(&k->d.job));
}

static void add_load(const struct desk *k, struct quantity *q)
{
    struct element *e = &q->element[ELEMENT_PHASE];
    int64_t us = (int64_t)(q->end.us - q->start.us);
    if (!k->p_mw || !relay_sim_conducts(&k->relay)) return;
    e->p_uw = (int64_t)k->p_mw * 1000;
    e->s_uva = e->p_uw < 0 ? -e->p_uw : e->p_uw;
    e->i_ua = (uint32_t)(e->s_uva / 230);
    e->pf_ppm = 1000000;
    e->active_nj = k->p_mw * us; /* 1 mW x 1 us = 1 nJ */
    e->apparent_nj = e->active_nj;
}

/* Windows of 200 ms (without a relay of a second), cut at what is due and where the contact
 * moves. */
static void live(struct desk *k, mono_t end)
{
    while (k->now.us < end.us) {
        desk_settle(k);
        mono_t to = mono_after(k->now, k->io.relay ? 200000 : 1000000);
        to = mono_min(to, meter_next(&k->d.meter));
        to = mono_min(mono_min(to, relay_sim_next(&k->relay)), end);
        struct quantity q = { .start = k->now,
                              .end = to,
                              .span_ns = (to.us - k->now.us) * 1000,
                              .u_uv = 230000000,
                              .f_uhz = 50000000 };
        add_load(k, &q);
        ensure(meter_feed_quantities(&k->d.meter, &q) == 0);
        k->now = to;
        if (relay_sim_next(&k->relay).us > to.us) continue;
        relay_sim_step(&k->relay, to);
        meter_feed_inputs(&k->d.meter, to, inputs(k, to));
    }
    desk_settle(k);
}

void desk_run_s(struct desk *k, uint64_t s)
{
    mono_t end = mono_after(k->now, s * 1000000);
    if (k->io.relay || k->metered) {
        live(k, end);
        return;
    }
    while (k->now.us < end.us) {
        k->now = mono_min(mono_after(k->now, 60000000), end);
        desk_settle(k);
    }
}

/* -- asking -------------------------------------------------------------------------------- */
static struct who who_of(uint8_t role)
{
    return (
        struct who){ .sap = device_assoc[role].client_sap, .link = LINK_WAN, .assoc = role };
}

static enum dar find(struct cosem_at *at, const struct who *who, uint16_t cls, struct obis ln,
                     uint8_t id)
{
    *at = (struct cosem_at){ .who = who, .prot = PROT_REQ | PROT_RES };
    enum dar dar = cosem_find(&device_model, cls, ln, at);
    at->id = id;
    return dar;
}

static enum dar read_all(struct desk *k, struct cosem_get *g, size_t piece,
                         struct desk_value *v)
{
    size_t room = v->n;
    v->n = 0;
    for (unsigned i = 0;; i++) {
        enum dar dar;
        size_t left = room - v->n;
        struct axdr_out o = axdr_out(v->p + v->n, piece && piece < left ? piece : left);
        enum cosem_more more = cosem_get_block(&k->d, g, &o, &dar);
        v->n += o.len;
        if (dar != DAR_OK && dar != DAR_PENDING) return dar;
        if (dar == DAR_PENDING) desk_settle(k);
        if (more == COSEM_DONE) return DAR_OK;
        ensure(v->n < room && i < DESK_VALUE + TRIES);
    }
}

enum dar desk_get(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t attr,
                  const struct cosem_sel *sel, size_t piece, struct desk_value *v)
{
    static const struct cosem_sel all = { 0 };
    struct who who = who_of(role);
    struct cosem_at at;
    struct cosem_get g = { 0 };
    meter_at(&k->d.meter, k->now);
    enum dar dar = find(&at, &who, cls, ln, attr);
    if (dar != DAR_OK) return dar;
    do {
        dar = cosem_get_begin(&device_model, &k->d, &g, &at, sel ? sel : &all);
        if (dar == DAR_PENDING) desk_settle(k);
    } while (dar == DAR_PENDING);
    return dar == DAR_OK ? read_all(k, &g, piece, v) : dar;
}

enum dar desk_set(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t attr,
                  const void *p, size_t n, size_t piece)
{
    uint8_t hold[HOLD];
    struct who who = who_of(role);
    struct cosem_at at;
    struct cosem_set s;
    meter_at(&k->d.meter, k->now);
    enum dar dar = find(&at, &who, cls, ln, attr);
    if (dar == DAR_OK) dar = cosem_set_begin(&device_model, &k->d, &s, &at, hold, sizeof hold);
    if (dar != DAR_OK) return dar;
    const uint8_t *from = p;
    for (size_t at_n = 0; at_n < n || !n;) {
        size_t some = piece && piece < n - at_n ? piece : n - at_n;
        bool last = at_n + some == n;
        while ((dar = cosem_set_block(&k->d, &s, from + at_n, some, last)) == DAR_PENDING)
            desk_settle(k);
        if (dar != DAR_OK || last) break;
        at_n += some;
    }
    if (dar != DAR_OK) cosem_set_abort(&k->d, &s);
    desk_settle(k);
    return dar;
}

enum dar desk_call(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t method,
                   const void *p, size_t n, struct desk_value *v)
{
    uint8_t none[8];
    struct who who = who_of(role);
    struct cosem_at at;
    meter_at(&k->d.meter, k->now);
    enum dar dar = find(&at, &who, cls, ln, method);
    if (dar != DAR_OK) return dar;
    struct cosem_ret ret = { .out = v ? axdr_out(v->p, v->n) : axdr_out(none, sizeof none) };
    do {
        struct axdr_in arg = axdr_in(p, n);
        dar = cosem_call(&device_model, &k->d, &at, &arg, &ret);
        if (dar == DAR_PENDING) desk_settle(k);
    } while (dar == DAR_PENDING);
    desk_settle(k);
    if (dar != DAR_OK || !v) return dar;
    const struct cosem_method *x = cosem_method(&at);
    if (cosem_ret_rows(x)) {
        struct cosem_get g;
        cosem_ret_begin(&g, &at, &ret);
        return read_all(k, &g, 0, v);
    }
    v->n = ret.out.len;
    return dar;
}

struct obis desk_ln(const char *s)
{
    unsigned a, b, c, d, e;
    ensure(sscanf(s, "%u-%u:%u.%u.%u", &a, &b, &c, &d, &e) == 5);
    return (struct obis){ (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d, (uint8_t)e, 255 };
}
