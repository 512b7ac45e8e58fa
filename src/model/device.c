#include "base/err.h"
#include "model/device.h"

#include <string.h>

#include "base/bytes.h"
#include "crypto/kw.h"
#include "model/classes.h"

/* The keys of the interface contract, good for a bench and for nothing else. */
const struct device_secrets device_development = {
    .key = {
        { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D,
          0x0E, 0x0F },
        { 0x0F, 0x0E, 0x0D, 0x0C, 0x0B, 0x0A, 0x09, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02,
          0x01, 0x00 },
        { 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD,
          0xDE, 0xDF },
        { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD,
          0xEE, 0xFF },
    },
    .password = { "00000001", "00000002", "00000003" },
};

static const struct dlms_cfg server_cfg = {
    .model = &device_model,
    .host = &device_host,
    .assoc = device_assoc,
    .n_assoc = ROLES,
    .server_sap = DEVICE_SAP,
    .sealed_sap = DEVICE_UNIT_SAP,
};

void device_init(struct device *d, const struct device_cfg *cfg, const struct meter_io *io)
{
    memset(d, 0, sizeof *d);
    d->cfg = cfg;
    d->server_due = MONO_NEVER;
    d->net_due = (mono_t){ 0 };
    meter_init(&d->meter, cfg->meter, io);
    push_init(&d->push);
    job_init(&d->job);
    dlms_init(&d->server, &server_cfg, cfg->pool, d);
}

static int entropy_get(void *ctx, uint8_t *dst, size_t n)
{
    const struct meter_io *io = ctx;
    return io->entropy->get(io->entropy->ctx, dst, n);
}

/* The boot record that meter_mount() wrote makes this start's numbers different from the last.
 */
int device_mount(struct device *d)
{
    int err = meter_mount(&d->meter, (mono_t){ 0 });
    if (err) return err;
    union {
        const struct meter_io *io;
        void *ctx;
    } io = { .io = d->meter.io };
    const struct entropy e = { .ctx = io.ctx, .get = entropy_get };
    uint32_t boots = d->meter.now.counter[CNT_BOOTS];
    /* no boot was counted before: what was drawn earlier, if anything, is not known */
    if (boots == 1) event_post(&d->meter, EV_RNG_REINITIALISED, NULL, NULL);
    err = rng_init(&d->rng, &e, d->cfg->meter->serial, boots);
    if (!err) push_power_up(d);
    return err;
}

/* -- the network --------------------------------------------------------------------------- */
bool device_net_get(struct device *d, struct device_net *n)
{
    const struct device_net_ops *net = d->cfg->net;
    *n = (struct device_net){ 0 };
    return net && net->get(d->cfg->net_ctx, n);
}

/* What was set goes before what the port has. */
static void set_up_net(struct device *d)
{
    struct device_net n = { 0 };
    uint32_t *word[] = { &n.address, &n.mask, &n.gateway, &n.dns[0], &n.dns[1] };
    if (!device_net_get(d, &n) || !d->cfg->net->set) return;
    int32_t port = param_get(&d->meter, PARAM_NET_PORT);
    int32_t most = param_get(&d->meter, PARAM_NET_CONNECTIONS);
    if (port) n.port = (uint16_t)port;
    if (most) n.connections = (uint8_t)most;
    for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++) {
        int32_t set = param_get(&d->meter, (uint16_t)(PARAM_NET_ADDRESS + i));
        if (set) *word[i] = (uint32_t)set;
    }
    d->cfg->net->set(d->cfg->net_ctx, &n);
}

/* Changes since it was looked at last; the first look after power-up tells nothing. */
static void tell_net(struct device *d)
{
    struct device_net n;
    if (!device_net_get(d, &n)) return;
    struct event_detail to = { .magnitude = n.address };
    if (d->net.is_known && n.up != d->net.up)
        event_post(&d->meter, n.up ? EV_LINK_UP : EV_LINK_DOWN, NULL, NULL);
    if (d->net.is_known && n.address != d->net.address)
        event_post(&d->meter, EV_IP_CHANGED, NULL, &to);
    d->net.is_known = true;
    d->net.up = n.up;
    d->net.address = n.address;
}

void device_net_changed(struct device *d)
{
    if (d->net_due.us != MONO_NEVER.us) return; /* it will be looked at */
    d->net_due = d->meter.t;
    d->net_stirred = true;
}

/* -- one step ------------------------------------------------------------------------------ */
enum { FLASH_POLL_US = 1000 };

/* What happened is told, what it wrote is started, before anything else is looked at. */
static void finish(struct device *d)
{
    meter_drain_events(&d->meter);
    meter_store_step(&d->meter);
}

mono_t device_step(struct device *d, mono_t now)
{
    if (!meter_is_ready(&d->meter)) { /* nothing overtakes a commit */
        meter_store_step(&d->meter);
        return meter_is_ready(&d->meter) ? now : mono_after(now, FLASH_POLL_US);
    }
    push_collect(d);
    mono_t own = meter_next(&d->meter), server = d->server_due, push = d->push.due;
    mono_t first = mono_min(mono_min(own, d->net_due), mono_min(server, push));
    bool due = first.us <= now.us;
    if (due &&
        own.us == first.us) { /* at equal dates the meter comes first, then who asks it */
        meter_handle(&d->meter);
    } else if (couriers_are_due(d)) { /* what a token did stands before it is answered */
        couriers_step(d);
    } else if (!due) {
        return first;
    } else if (server.us == first.us) {
        meter_at(&d->meter, server);
        d->server_due = dlms_step(&d->server, server);
        if (d->push.link) d->push.due = server; /* it may be through */
    } else if (d->net_due.us == first.us) {
        meter_at(&d->meter, d->net_due);
        d->net_due = MONO_NEVER;
        if (!d->net_stirred) set_up_net(d);
        d->net_stirred = false;
        tell_net(d);
    } else {
        meter_at(&d->meter, push);
        push_step(d, push);
    }
    finish(d);
    return now;
}

void device_rest(struct device *d, mono_t now)
{
    for (;;) {
        while (device_step(d, now).us <= now.us) {
        }
        bool was_ready = meter_is_ready(&d->meter); /* or something may still be due */
        while (meter_store_step(&d->meter)) {
        }
        if (was_ready && meter_is_ready(&d->meter) && meter_next(&d->meter).us > now.us) return;
    }
}

void device_supply_failed(struct device *d, mono_t t)
{
    while (meter_next(&d->meter).us <= t.us && meter_is_ready(&d->meter))
        meter_handle(&d->meter);
    meter_last_gasp(&d->meter, t);
    push_gasp(d, t);
}

/* -- links --------------------------------------------------------------------------------- */
static void server_wants(struct device *d, mono_t t)
{
    d->server_due = mono_min(d->server_due, t);
}

void device_link_open(struct device *d, struct dlms_link *l, enum dlms_link_kind kind,
                      uint8_t channel, struct link_io io, mono_t now)
{
    meter_at(&d->meter, now);
    dlms_link_open(&d->server, l, kind, channel, io, now);
    server_wants(d, now);
}

void device_link_close(struct device *d, struct dlms_link *l)
{
    push_lost(d, l);
    dlms_link_close(&d->server, l);
}

/* Whoever is at a port that is switched off does not hear that there is a meter. */
bool device_is_off(const struct device *d, unsigned link)
{
    return link < LINK_WAN &&
           param_get(&d->meter, (uint16_t)(PARAM_GUARD_1_MODE + link * GUARDS)) ==
               SECURE_PORT_LOCKED;
}

size_t device_feed_link(struct device *d, struct dlms_link *l, const uint8_t *p, size_t n,
                        mono_t at)
{
    if (device_is_off(d, l->channel)) return n;
    server_wants(d, at);
    return dlms_feed_link(&d->server, l, p, n, at);
}

/* -- identity and secrets ------------------------------------------------------------------ */
void device_title(const struct device *d, uint8_t title[DLMS_TITLE])
{
    memcpy(title, "MAG\x22", 4);
    be_put32(title + 4, d->cfg->meter->serial);
}

uint16_t device_lower_address(const struct device *d, unsigned link)
{
    int32_t set = param_get(&d->meter, (uint16_t)(PARAM_HDLC_1_ADDRESS + link * HDLCS));
    return (uint16_t)(set ? set : HDLC_LOWEST + (int32_t)(d->cfg->meter->serial % 10000));
}

bool device_has_development_keys(struct device *d)
{
    uint8_t key[SECURE_OCTETS_MAX];
    bool any = false;
    for (unsigned s = 0; s < SECURE_DECODER; s++)
        any |= secure_key_get(&d->meter, (enum secure_slot)s, key, sizeof key) == E_NONE;
    wipe(key, sizeof key);
    return any && d->cfg->secrets == &device_development;
}

/* Receiving counters are kept by role; 0-0:43.1.e names them in this order. Units have one each: the
 * highest is good for all. */
uint32_t device_counter_floor(const struct device *d, unsigned index)
{
    static const uint8_t role[] = { ROLE_MANAGEMENT, ROLE_BROADCAST, ROLE_UTILITY,
                                    ROLE_FIRMWARE,   ROLE_CIU,       ROLE_PUSH };
    const struct unit *unit = d->meter.units.unit;
    uint8_t of = role[index % sizeof role];
    if (of != ROLE_CIU) return secure_floor_get(&d->meter, of);
    return unit[0].floor > unit[1].floor ? unit[0].floor : unit[1].floor;
}

int device_set_secret(struct device *d, const struct who *who, uint8_t role, const uint8_t *p,
                      size_t n)
{
    if (role < ROLE_READER || role > ROLE_SUPERVISOR) return E_NONE;
    if (n < 8 || n > 16) return E_RANGE;
    struct secure_key k = { .slot = (enum secure_slot)(SECURE_PASSWORD_1 + role - ROLE_READER),
                            .length = (uint8_t)n };
    memcpy(k.octets, p, n);
    int err = secure_keys_set(&d->meter, who, &k, 1, NULL);
    wipe(&k, sizeof k);
    return err;
}

/* Is it the key in force? */
static bool is_in_force(struct device *d, unsigned id, const uint8_t octets[SECURE_KEY])
{
    static const uint8_t kind[] = { DLMS_KEY_UNICAST, DLMS_KEY_BROADCAST };
    uint8_t now[DLMS_SECRET_MAX];
    if (id >= sizeof kind) return false;
    int n = device_host.key_get(d, ROLE_MANAGEMENT, (enum dlms_key)kind[id], now);
    bool is = n == SECURE_KEY && same(now, octets, SECURE_KEY);
    wipe(now, sizeof now);
    return is;
}

int device_keys_set(struct device *d, const struct who *who, struct secure_key *key, unsigned n)
{
    int err = secure_keys_set(&d->meter, who, key, n, NULL);
    /* the receiving floors are new: what was sealed under the old key is not to be taken again */
    if (!err) dlms_rekey(&d->server);
    return err;
}

int device_keys_add(struct device *d, struct device_keys *k, uint8_t id,
                    const uint8_t key[DEVICE_KEY])
{
    struct secure_key box = { .slot = (enum secure_slot)id, .length = DEVICE_KEY };
    if (id > SECURE_MASTER) return E_RANGE;
    if (k->n == DEVICE_KEYS) return E_SPACE;
    memcpy(box.octets, key, DEVICE_KEY);
    int err = secure_key_wrap(&d->meter, &box);
    memcpy(k->wrapped[k->n], box.octets, sizeof k->wrapped[0]);
    k->slot[k->n++] = id;
    if (err) wipe(&box, sizeof box);
    return err;
}

int device_keys_unwrap(struct device *d, struct device_keys *k, uint8_t id,
                       const uint8_t wrapped[DEVICE_KEY + KW_EXTRA])
{
    uint8_t master[DLMS_SECRET_MAX], key[DEVICE_KEY];
    int n = device_host.key_get(d, ROLE_MANAGEMENT, DLMS_KEY_MASTER, master);
    int err = n == DEVICE_KEY ? 0 : E_NONE;
    if (!err) err = kw_unwrap(key, master, DEVICE_KEY, wrapped, sizeof k->wrapped[0]);
    if (!err) err = device_keys_add(d, k, id, key);
    if (!err && is_in_force(d, id, key)) k->same |= (uint8_t)(1u << (k->n - 1));
    wipe(key, sizeof key);
    wipe(master, sizeof master);
    return err == E_AUTH ? E_RANGE : err;
}

int device_keys_store(struct device *d, const struct who *who, const struct device_keys *k)
{
    struct secure_key box[DEVICE_KEYS] = { 0 };
    for (unsigned i = 0; i < k->n; i++) {
        box[i].slot = (enum secure_slot)k->slot[i];
        box[i].length = sizeof k->wrapped[0];
        box[i].is_wrapped = true;
        box[i].is_same = k->same >> i & 1;
        memcpy(box[i].octets, k->wrapped[i], sizeof k->wrapped[0]);
    }
    return device_keys_set(d, who, box, k->n);
}
