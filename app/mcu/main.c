/* main.c - the Cortex-M meter: the board's terminals wired to a device, and nothing else.
 *
 * Live, the meter runs in PendSV: samples, octets and deadlines pend it. With until=SECONDS on
 * the host's command line time is pulled instead: samples are made as fast as the CPU can, the
 * supply fails at the end, and the registers are printed. Both are the same device_step(). With
 * fails=SECONDS the supply of a live meter fails then, and comes back at once.
 */
#include <string.h>

#include "base/sys.h"
#include "model/device.h"
#include "port/mps2/port.h"

enum { SESSIONS = 6, APDU = 1024 };

static struct {
    struct device device;
    struct dlms_pool pool;
    struct dlms_session session[SESSIONS];
    uint8_t buffers[DLMS_POOL_BYTES(SESSIONS, APDU, APDU)];
    struct regs frozen[SESSIONS];
    struct dlms_link link[PORT_LINKS];
    struct courier vtc, bus;
    bool is_bus; /* RS485 carries tokens */
    struct store_scratch scratch;
    struct meter_io io;
    struct meter_cfg meter;
    struct sts_key decoder;
    mono_t fails;
    bool calls; /* for a push, and nobody has answered yet */
} app;

static const struct port_events events;

/* With the capacitor alone there is nothing else to do but wait. */
static void call(const struct port_host *host, bool at_once)
{
    enum { CAPACITOR_US = 500000 };
    mono_t end = mono_after(port_mono(), CAPACITOR_US);
    app.calls = true;
    port_call(host);
    while (at_once && app.calls && mono_before(port_mono(), end)) port_pump(&events);
}

static void dial(void *ctx, enum dlms_link_kind kind, const struct push_peer *to)
{
    struct port_host host = { .v6 = to->v6, .number = to->port };
    (void)ctx;
    memcpy(host.ip, to->ip, sizeof host.ip);
    if (kind == DLMS_TCP) {
        call(&host, to->at_once);
        return;
    }
    int peer = port_peer(&host);
    device_reached(&app.device, peer >= 0 ? &app.link[peer] : NULL);
}

/* What the device shows of the network, and what it wants of it. */
static bool net_get(void *ctx, struct device_net *n)
{
    struct port_net p;
    (void)ctx;
    if (!port_net_get(&p)) return false;
    *n = (struct device_net){ .port = p.number,
                              .mss = p.mss,
                              .connections = p.connections,
                              .up = p.link,
                              .address = p.address,
                              .mask = p.mask,
                              .gateway = p.gateway,
                              .ip6_n = p.ip6_n };
    memcpy(n->mac, p.mac, sizeof n->mac);
    memcpy(n->ip6, p.ip6, sizeof n->ip6);
    return true;
}

static void net_set(void *ctx, const struct device_net *n)
{
    struct port_net p = { .number = n->port,
                          .connections = n->connections,
                          .address = n->address,
                          .mask = n->mask,
                          .gateway = n->gateway };
    (void)ctx;
    port_net_set(&p);
}

static const struct device_net_ops network = { .get = net_get, .set = net_set };

static const struct device_dialler dialler = { .dial = dial };

static const struct device_cfg cfg = {
    .meter = &app.meter,
    .secrets = &device_development,
    .firmware = "magno22-" MAGNO_VERSION,
    .hardware = "mps2-an386",
    .pool = &app.pool,
    .frozen = app.frozen,
    .dialler = &dialler,
    .net = &network,
};

/* -- samples and links --------------------------------------------------------------------- */
static bool take(void *ctx, int32_t v, int32_t i, int32_t n)
{
    return front_sample_isr(ctx, v, i, n) & FRONT_WINDOW;
}

static void opened(void *ctx, unsigned link)
{
    static const struct {
        uint8_t kind, channel;
    } of[] = {
        [PORT_OPTICAL] = { DLMS_OPTICAL, LINK_OPTICAL },
        [PORT_RS485] = { DLMS_HDLC, LINK_RS485 },
        [PORT_WAN] = { DLMS_HDLC, LINK_WAN },
    };
    (void)ctx;
    if (link == PORT_VTC) {
        device_courier_open(&app.device, &app.vtc, COURIER_VTC, port_link_io(link));
        return;
    }
    enum courier_kind bus = link == PORT_RS485 ? device_rs485(&app.device) : COURIER_KINDS;
    if (bus != COURIER_KINDS) {
        app.is_bus = true;
        device_courier_open(&app.device, &app.bus, bus, port_link_io(link));
        app.bus.is_bus = true;
        return;
    }
    bool udp = link >= PORT_FIRST_UDP && link < PORT_CALL;
    uint8_t kind = link < PORT_SERIALS ? of[link].kind : (uint8_t)(udp ? DLMS_UDP : DLMS_TCP);
    uint8_t channel = link < PORT_SERIALS ? of[link].channel : (uint8_t)LINK_WAN;
    device_link_open(&app.device, &app.link[link], (enum dlms_link_kind)kind, channel,
                     port_link_io(link), port_mono());
    if (link != PORT_CALL) return;
    app.calls = false;
    if (!device_reached(&app.device, &app.link[link]))
        dlms_hang_up(&app.device.server, &app.link[link]);
}

static void refused(void *ctx)
{
    (void)ctx;
    app.calls = false;
    device_reached(&app.device, NULL);
}

static void closed(void *ctx, unsigned link)
{
    (void)ctx;
    device_link_close(&app.device, &app.link[link]);
}

static void stirred(void *ctx)
{
    (void)ctx;
    device_net_changed(&app.device);
}

static size_t octets(void *ctx, unsigned link, const uint8_t *p, size_t n, mono_t at)
{
    (void)ctx;
    if (link == PORT_VTC) return device_feed_courier(&app.device, &app.vtc, p, n, at);
    if (link == PORT_RS485 && app.is_bus)
        return device_feed_courier(&app.device, &app.bus, p, n, at);
    return device_feed_link(&app.device, &app.link[link], p, n, at);
}

static const struct port_events events = {
    .opened = opened, .refused = refused, .closed = closed, .network = stirred, .octets = octets
};

/* -- live ---------------------------------------------------------------------------------- */
void meter_isr(void)
{
    mono_t next;
    port_pump(&events);
    while ((next = device_step(&app.device, port_mono())).us <= port_mono().us)
        port_pump(&events);
    if (!mono_before(port_mono(), app.fails)) {
        app.fails = MONO_NEVER;
        device_supply_failed(&app.device, port_mono());
        next = port_mono();
    }
    port_wake_at(mono_min(next, app.fails));
}

static _Noreturn void live(void)
{
    for (unsigned link = 0; link < PORT_SERIALS; link++) opened(NULL, link);
    port_start();
    port_wake();
    for (;;)
        if (!CFG_SUITE1 || !job_run(&app.device.job)) port_sleep();
}

/* -- pulled -------------------------------------------------------------------------------- */
static void print_register(const char *name, uint16_t id)
{
    port_print(name);
    port_print("=");
    port_print_number((uint64_t)reg_at(&app.device.meter.now, id));
    port_print("\n");
}

static void pulled(mono_t end)
{
    while (port_mono().us < end.us) {
        mono_t next = device_step(&app.device, port_mono());
        if (next.us > port_mono().us) port_pull(mono_min(next, end));
    }
    device_rest(&app.device, end);
    device_supply_failed(&app.device, end);
    while (meter_store_step(&app.device.meter)) {
    }
    print_register("import_wh", REG_WH_IMPORT);
    print_register("export_wh", REG_WH_EXPORT);
    print_register("import_varh", REG_VARH_IMPORT);
    print_register("import_vah", REG_VAH_IMPORT);
    port_print("stack=");
    port_print_number(port_stack_peak());
    port_print("\n");
}

/* decoder=16 hex digits: the key of tokens that a factory would have loaded, with the numbers of
 * the development key (docs/keys.md). */
static const struct sts_key *decoder_key(void)
{
    const char *hex = port_arg("decoder");
    struct sts_key *k = &app.decoder;
    if (!hex) return NULL;
    *k = (struct sts_key){ .ea = STS_EA_STA,
                           .kt = STS_KT_UNIQUE,
                           .krn = 1,
                           .ti = 1,
                           .ken = STS_KEN_NEVER,
                           .sgc = 123456 };
    for (unsigned i = 0; i < 16 && hex[i]; i++) {
        unsigned digit = hex[i] <= '9' ? (unsigned)(hex[i] - '0') : (hex[i] | 32u) - 'a' + 10;
        k->key[i / 2] = (uint8_t)(k->key[i / 2] << 4 | (digit & 15));
    }
    return k;
}

int main(void)
{
    port_init();
    app.meter = cfg_single_phase;
    app.meter.version = MAGNO_VERSION;
    app.meter.serial = (uint32_t)port_arg_number("serial", 1);
    app.meter.decoder = decoder_key();
    dlms_pool_init(&app.pool, app.session, SESSIONS, app.buffers, APDU, APDU);
    app.io = *port_io();
    app.io.scratch = &app.scratch;
    app.meter.relay.feedback = app.io.inputs != NULL;
    device_init(&app.device, &cfg, &app.io);
    port_sampler(take, &app.device.meter.front);
    int err = device_mount(&app.device);
    ensure(err == 0);
    port_print("magno22: on\n");
    uint64_t fails_s = port_arg_number("fails", 0);
    app.fails = fails_s ? (mono_t){ fails_s * 1000000 } : MONO_NEVER;
    uint64_t until_s = port_arg_number("until", 0);
    if (until_s == 0) live();
    pulled((mono_t){ until_s * 1000000 });
    return 0;
}
