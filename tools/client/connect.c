#include "tools/client/connect.h"

#include <string.h>

#include "base/err.h"
#include "tools/client/trace.h"
#include "tools/common/say.h"
#include "tools/exit.h"

enum { CONNECT_MS = 10000, PORT_WRAPPER = 4059, PORT_OPTICAL = 4060 };

int connect_exit(int error)
{
    switch (error) {
    case E_IO:
        return EXIT_CONNECT;
    case E_AUTH:
        return EXIT_AUTH;
    case E_STATE:
    case E_RANGE:
        return EXIT_USAGE;
    default:
        return EXIT_REFUSED;
    }
}

static int open_channel(struct connection *c, struct trouble *t)
{
    struct connect_options *o = &c->o;
    const char *host = o->host ? o->host : "127.0.0.1";
    if (o->device) o->hdlc = true;
    if (!o->port) o->port = o->hdlc ? PORT_OPTICAL : PORT_WRAPPER;
    if (o->hdlc && (o->udp || o->wrapper))
        return trouble(t, E_STATE, "--hdlc and the wrapper exclude each other");
    if (o->device) return channel_serial(&c->channel, o->device, o->baud, false, t);
    if (o->udp) return channel_udp(&c->channel, host, o->port, t);
    return channel_tcp(&c->channel, host, o->port, CONNECT_MS, t);
}

static struct hdlc_addr server_address(const struct connect_options *o)
{
    int size = o->address_size;
    if (size < 0) size = o->address < 0 ? 1 : o->address > 0x7F || o->server > 0x7F ? 4 : 2;
    return (struct hdlc_addr){ (uint8_t)size, (uint16_t)o->server,
                               (uint16_t)(o->address < 0 ? 0 : o->address) };
}

static int open_hdlc(struct connection *c, struct trouble *t)
{
    const struct connect_options *o = &c->o;
    struct mode_e found;
    struct carrier_hdlc_config cfg = {
        .client = (uint16_t)o->client,
        .server = server_address(o),
        .offer = { (uint16_t)o->info, (uint16_t)o->info, (uint8_t)o->window,
                   (uint8_t)o->window },
        .timeout_ms = o->timeout_s < 1.5 ? (int)(o->timeout_s * 1000) : 1500,
        .tries = 3,
    };
    int e = 0;
    if (o->mode_e) e = mode_e_sign_on(&c->channel, o->mode_e, o->baud, &found, t);
    carrier_hdlc(&c->hdlc, &c->channel, &cfg);
    return e < 0 ? e : carrier_hdlc_connect(&c->hdlc, t);
}

static int open_carrier(struct connection *c, struct carrier **way, struct trouble *t)
{
    *way = c->o.hdlc ? &c->hdlc.base : &c->wrapper.base;
    if (c->o.hdlc) return open_hdlc(c, t);
    carrier_wrapper(&c->wrapper, &c->channel, (uint16_t)c->o.client, (uint16_t)c->o.server);
    return 0;
}

static void close_carrier(struct connection *c)
{
    if (c->o.hdlc && c->hdlc.base.close) c->hdlc.base.close(&c->hdlc.base);
    carrier_hdlc_free(&c->hdlc);
    carrier_wrapper_free(&c->wrapper);
    channel_close(&c->channel);
}

static int link_up(struct connection *c, struct carrier **way, struct trouble *t)
{
    int e = open_channel(c, t);
    if (e < 0) return e;
    if (c->trace) trace_tap(c->trace, &c->channel, c->o.hdlc);
    e = open_carrier(c, way, t);
    if (e < 0) close_carrier(c);
    return e;
}

/* -- counters --------------------------------------------------------------------------- */

/* The public client may read them: 0-0:43.1.0 and its neighbours hold the last value taken. */
static uint32_t ask_counter(struct connection *c)
{
    struct session_config public;
    struct session s;
    struct carrier *way;
    struct trouble t;
    uint32_t highest = 0;
    int client = c->o.client;
    session_config_default(&public);
    public.timeout_ms = 3000;
    c->o.client = 16;
    if (link_up(c, &way, &t) == 0) {
        session_init(&s, &public, way);
        if (session_open(&s, &t) == 0) {
            struct target o = { 1, { 0, 0, 43, 1, 0, 255 }, 2 };
            struct buf data = { 0 };
            struct axdr_in in;
            if (session_get(&s, &o, NULL, &data, &t) == 0) {
                in = buf_in(&data);
                int64_t v = axdr_read_number(&in, NULL);
                if (!in.bad && v >= 0 && v < UINT32_MAX) highest = (uint32_t)v + 1;
            }
            buf_free(&data);
        }
        session_close(&s);
        close_carrier(c);
    }
    c->o.client = client;
    return highest;
}

static int associate(struct connection *c, const struct session_config *cfg, struct trouble *t)
{
    struct carrier *way;
    int e = link_up(c, &way, t);
    if (e < 0) return e;
    session_init(&c->session, cfg, way);
    if (c->trace)
        trace_session(c->trace, &c->session, (uint16_t)c->o.client, (uint16_t)c->o.server);
    e = session_open(&c->session, t);
    if (e < 0) {
        session_close(&c->session);
        close_carrier(c);
    }
    return e;
}

/* Meters that do not say which counter they want refuse the association for "no reason", or say
 * nothing at all: then the public client is asked for it, once. */
static bool may_be_counter(const struct connection *c, const struct session_config *cfg, int e)
{
    const struct acse_aare *a = &c->session.aare;
    bool locked = a->result == ACSE_REJECTED_TRANSIENT;
    bool vague = e == E_DENIED || e == E_IO ||
                 (e == E_AUTH && a->diagnostic == ACSE_D_NO_REASON && !locked);
    return vague && cfg->ciphered && !cfg->first_counter && c->o.client != 16;
}

static int open_all(struct connection *c, struct trouble *t)
{
    struct session_config cfg;
    int e = connect_config(&c->o, &cfg, t);
    if (e == 0 && (c->o.trace || c->o.pcap))
        e = trace_open(&c->trace, c->o.pcap, c->o.trace, t) ? E_FORMAT : 0;
    if (e == 0) e = associate(c, &cfg, t);
    if (e < 0 && c->session.way && may_be_counter(c, &cfg, e)) {
        uint32_t floor = ask_counter(c);
        struct trouble again;
        cfg.first_counter = floor;
        if (floor > c->session.counter.next && associate(c, &cfg, &again) == 0) e = 0;
    }
    protect_wipe(&cfg.keys);
    return e;
}

int connect_open(struct connection *c, const struct connect_options *o)
{
    struct trouble t;
    *c = (struct connection){ .o = *o, .channel = { .fd = -1 } };
    int e = open_all(c, &t);
    if (e == 0) return 0;
    trace_close(c->trace);
    const char *hint = e == E_AUTH && connect_is_development(o)
                           ? " (development keys were used; give --keys, or --ek and --ak)"
                           : "";
    return say_fail(connect_exit(e), "%s%s", t.text, hint);
}

void connect_close(struct connection *c)
{
    session_close(&c->session);
    close_carrier(c);
    trace_close(c->trace);
}

static struct progress progress;

static void on_progress(void *ctx, size_t octets)
{
    (void)ctx;
    progress_set(&progress, octets);
}

void connect_progress(struct connection *c, const char *what)
{
    progress_end(&progress);
    if (what) progress_start(&progress, what, 0);
    c->session.hooks.progress = what ? on_progress : NULL;
}
