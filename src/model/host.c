/* host.c - what the DLMS server asks of its device, answered by the meter. */
#include <string.h>

#include "base/err.h"
#include "base/bytes.h"
#include "crypto/suite.h"
#include "dlms/acse.h"
#include "model/classes.h"
#include "model/curve.h"
#include "model/readout.h"
#include "dlms/hdlc.h"
#include "model/roles.h"

/* -- registers and storage ----------------------------------------------------------------- */
static const void *freeze(void *app, uint16_t session)
{
    struct device *d = app;
    if (!d->cfg->frozen) return NULL;
    d->cfg->frozen[session] = d->meter.now;
    return &d->cfg->frozen[session];
}

/* An effect stands, and the counter of the APDU that had it, before anybody is told. A change
 * under way carries the counter with it: nothing is put beside it that would wait for it. */
static int settled(void *app)
{
    struct meter *m = meter_of(app);
    if (meter_is_ready(m)) {
        secure_settle(m);
        meter_drain_events(m);
    }
    meter_store_step(m);
    return meter_is_ready(m) ? 0 : E_BUSY;
}

/* -- time and chance ----------------------------------------------------------------------- */
static void now(void *app, uint8_t dt[12])
{
    moment_put(meter_of(app), meter_utc(meter_of(app)), dt);
}

static void random_get(void *app, uint8_t *dst, size_t n)
{
    rng_get(&device_of(app)->rng, dst, n);
}

/* -- security ------------------------------------------------------------------------------ */
static void security_get(void *app, uint8_t assoc, struct dlms_security *s)
{
    struct meter *m = meter_of(app);
    bool setup = assoc == ROLE_MANAGEMENT || assoc == ROLE_UTILITY;
    uint8_t more = setup ? (uint8_t)param_get(m, PARAM_SECURITY_POLICY) : 0;
    *s = (struct dlms_security){
        .policy = device_demand[assoc] | more,
        .suite = (uint8_t)param_get(m, PARAM_SECURITY_SUITE),
    };
    device_title(app, s->server_title);
}

static bool may_open(void *app, const struct who *who, uint8_t mechanism)
{
    bool signs = CFG_SUITE1 && param_get(meter_of(app), PARAM_SECURITY_SUITE);
    uint8_t usual = 1u << MECH_NONE | 1u << MECH_LLS | 1u << MECH_GMAC;
    if (signs) usual |= 1u << MECH_ECDSA;
    if (!((usual | device_of(app)->cfg->hls) >> mechanism & 1)) return false;
    return who->assoc != ROLE_FACTORY || secure_is_factory(meter_of(app));
}

static int slot_of(uint8_t assoc, enum dlms_key k)
{
    switch (k) {
    case DLMS_KEY_UNICAST:
        return SECURE_UNICAST;
    case DLMS_KEY_BROADCAST:
        return SECURE_BROADCAST;
    case DLMS_KEY_AUTH:
        return SECURE_AUTH;
    case DLMS_KEY_MASTER:
        return SECURE_MASTER;
    case DLMS_KEY_SECRET:
        break;
    }
    bool level = assoc >= ROLE_READER && assoc <= ROLE_SUPERVISOR;
    return level ? SECURE_PASSWORD_1 + assoc - ROLE_READER : E_NONE;
}

/* What the product carries where a slot was never written. */
static int fallback(const struct device *d, int slot, uint8_t dst[DLMS_SECRET_MAX])
{
    const struct device_secrets *s = d->cfg->secrets;
    if (!s) return E_NONE;
    if (slot <= SECURE_MASTER) {
        memcpy(dst, s->key[slot], SECURE_KEY);
        return SECURE_KEY;
    }
    const char *password = s->password[slot - SECURE_PASSWORD_1];
    if (!password) return E_NONE;
    size_t n = strlen(password);
    memcpy(dst, password, n);
    return (int)n;
}

static int key_get(void *app, uint8_t assoc, enum dlms_key k, uint8_t dst[DLMS_SECRET_MAX])
{
    int slot = slot_of(assoc, k);
    if (slot < 0) return slot;
    int n = secure_key_get(meter_of(app), (enum secure_slot)slot, dst, DLMS_SECRET_MAX);
    return n == E_NONE ? fallback(device_of(app), slot, dst) : n;
}

static int counter_take(void *app, uint8_t assoc, enum dlms_key k, uint32_t *ic)
{
    (void)assoc;
    return secure_counter_take(meter_of(app),
                               k == DLMS_KEY_BROADCAST ? SECURE_BROADCAST : SECURE_UNICAST, ic);
}

static uint32_t counter_floor(void *app, uint8_t assoc, enum dlms_key k)
{
    (void)k; /* a client row talks under one key */
    return secure_floor_get(meter_of(app), assoc);
}

static void counter_raise(void *app, uint8_t assoc, enum dlms_key k, uint32_t floor)
{
    (void)k;
    secure_floor_raise(meter_of(app), assoc, floor);
}

static uint64_t transaction_floor(void *app, uint8_t assoc)
{
    return secure_spent_get(meter_of(app), assoc);
}

static void transaction_raise(void *app, uint8_t assoc, uint64_t floor)
{
    secure_spend(meter_of(app), assoc, floor);
}

/* -- ports --------------------------------------------------------------------------------- */
static int port_of(uint8_t link)
{
    return link <= LINK_WAN ? link : E_NONE;
}

static bool port_is_locked(void *app, const struct who *who)
{
    int port = port_of(who->link);
    return port >= 0 && secure_is_locked(meter_of(app), (unsigned)port);
}

static void port_attempt(void *app, const struct who *who, bool failed)
{
    struct meter *m = meter_of(app);
    int port = port_of(who->link);
    if (port >= 0 && secure_attempt(m, (unsigned)port, who->assoc, failed))
        event_post(m, EV_PORT_LOCKED, who, NULL);
    secure_settle(m);
}

static int32_t setting(struct meter *m, unsigned first, unsigned each, uint8_t link,
                       unsigned which)
{
    return param_get(m, (uint16_t)(first + link * each + which));
}

static void get_line(struct meter *m, uint8_t link, struct dlms_port *p)
{
    static const uint16_t address[] = { PARAM_LOCAL_1_ADDRESS, PARAM_LOCAL_2_ADDRESS };
    p->direct = setting(m, PARAM_LOCAL_1_MODE, LOCALS, link, LOCAL_MODE) != 0;
    p->prop_baud = (uint8_t)setting(m, PARAM_LOCAL_1_MODE, LOCALS, link, LOCAL_PROPOSAL);
    p->fast_reaction = setting(m, PARAM_LOCAL_1_MODE, LOCALS, link, LOCAL_RESPONSE) == 0;
    int n = param_read(m, address[link], p->address, sizeof p->address);
    p->address_len = n > 0 ? (uint8_t)n : 0;
}

static void port_get(void *app, uint8_t link, struct dlms_port *p)
{
    struct device *d = device_of(app);
    struct meter *m = meter_of(app);
    uint8_t port = link <= LINK_WAN ? link : LINK_WAN;
    uint16_t lower = device_lower_address(d, port);
    int32_t h[HDLCS];
    for (unsigned i = 0; i < HDLCS; i++) h[i] = setting(m, PARAM_HDLC_1_SPEED, HDLCS, port, i);
    *p = (struct dlms_port){
        .lower = lower,
        .lower_short = (uint8_t)(h[HDLC_ADDRESS] && lower < HDLC_LOWER_CALLING_SHORT
                                     ? lower
                                     : HDLC_LOWEST + d->cfg->meter->serial % 100),
        .window_tx = (uint8_t)h[HDLC_WINDOW_TX],
        .window_rx = (uint8_t)h[HDLC_WINDOW_RX],
        .info_tx = (uint16_t)h[HDLC_INFO_TX],
        .info_rx = (uint16_t)h[HDLC_INFO_RX],
        .inter_octet_ms = (uint16_t)h[HDLC_OCTET_MS],
        .inactivity_s = (uint16_t)h[HDLC_INACTIVITY],
        .idle_s = (uint16_t)param_get(m, PARAM_TCP_IDLE_S),
        .baud = link_baud((unsigned)h[HDLC_SPEED]),
        .direct = true,
        .maker = "MAG",
        .ident = "22",
    };
    if (port != LINK_WAN) get_line(m, port, p);
}

static int readout(void *app, unsigned line, uint8_t *dst, size_t cap)
{
    return model_readout(device_of(app), line, dst, cap);
}

static void note(void *app, const struct who *who, enum dlms_note n)
{
    static const struct {
        uint16_t remote, local;
        bool attempt; /* somebody stood at the meter and asked to be let in */
    } event[] = {
        [NOTE_OPENED] = { EV_REMOTE_STARTED, EV_LOCAL_STARTED, true },
        [NOTE_CLOSED] = { EV_REMOTE_ENDED, EV_LOCAL_ENDED, false },
        [NOTE_AUTH_FAILED] = { EV_ASSOCIATION_FAILED, EV_ASSOCIATION_FAILED, true },
        [NOTE_DECRYPT_FAILED] = { EV_DECRYPTION_FAILED, EV_DECRYPTION_FAILED, false },
        [NOTE_REPLAY] = { EV_REPLAY, EV_REPLAY, false },
        [NOTE_POLICY] = { EV_ACCESS_DENIED, EV_ACCESS_DENIED, false },
        [NOTE_LOCKED] = { EV_ACCESS_DENIED, EV_ACCESS_DENIED, true },
        [NOTE_BROKEN] = { EV_ACCESS_DENIED, EV_ACCESS_DENIED, false },
        [NOTE_COUNTER_END] = { EV_DECRYPTION_FAILED, EV_DECRYPTION_FAILED, false },
        [NOTE_FLOOD] = { EV_ACCESS_DENIED, EV_ACCESS_DENIED, false },
    };
    struct meter *m = meter_of(app);
    uint16_t code = who->link == LINK_WAN ? event[n].remote : event[n].local;
    if (event[n].attempt && who->link < LINK_WAN) event_post(m, EV_LOCAL_ATTEMPT, who, NULL);
    event_post(m, (enum event)code, who, NULL);
    if (n == NOTE_OPENED && who->assoc == ROLE_FACTORY)
        event_post(m, EV_FACTORY_OPENED, who, NULL);
    secure_settle(m);
}

const struct dlms_host device_host = {
    .freeze = freeze,
    .settled = settled,
    .now = now,
    .random = random_get,
    .security_get = security_get,
    .may_open = may_open,
    .key_get = key_get,
    .counter_take = counter_take,
    .counter_floor = counter_floor,
    .counter_raise = counter_raise,
    .transaction_floor = transaction_floor,
    .transaction_raise = transaction_raise,
    .ec_start = CFG_SUITE1 ? curve_host_start : NULL,
    .ec_take = CFG_SUITE1 ? curve_host_take : NULL,
    .ec_drop = CFG_SUITE1 ? curve_host_drop : NULL,
    .lock_get = port_is_locked,
    .lock_set = port_attempt,
    .port_get = port_get,
    .readout = readout,
    .note = note,
};
