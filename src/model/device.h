/* device.h - where a meter and a DLMS server become one thing; all an application knows.
 *
 * The application owns the memory: one struct device, the sessions and their buffers.
 * It feeds samples (front_sample_isr on device.meter.front), octets
 * (device_feed_link) and inputs, and calls device_step() until nothing is due.
 *
 *     device_init(&d, &cfg, &io);  device_mount(&d);
 *     d.meter.front <- samples          device_feed_link(&d, &link, octets, n, t)
 *     while (device_step(&d, now).us <= now.us) {}
 *
 * Power cut  meter.h and server.h say what a cut leaves; a device adds nothing of its own.
 * Cost       one step at most 60 000 Cortex-M instructions (runtime budget,
 *            docs/architecture.md).
 * Memory     struct device about 20 KiB with its registers frozen apart
 *            (device_cfg.frozen).
 * Context    meter loop only, but for what is named _isr in metrology/front.h.
 */
#ifndef MODEL_DEVICE_H
#define MODEL_DEVICE_H
#include "crypto/job.h"
#include "crypto/kw.h"
#include "crypto/rng.h"
#include "crypto/suite.h"
#include "dlms/server.h"
#include "meter/meter.h"
#include "meter/secure/certs.h"
#include "model/courier.h"
#include "model/push.h"

enum { DEVICE_SAP = 1, DEVICE_UNIT_SAP = 96, DEVICE_ROOT_KEY = 16, DEVICE_KEY = 16 };

/* Keys and passwords of a product that has none of its own yet: the slots of meter/secure are
 * asked first. Const, and public by definition. */
struct device_secrets {
    uint8_t key[4][16];      /* enum secure_slot: unicast, broadcast, authentication, master */
    const char *password[3]; /* LLS levels 1 to 3; NULL: locked */
};

/* The network; IPv4 addresses as numbers. */
enum { DEVICE_IP6 = 3 };
struct device_net {
    uint16_t port, mss;
    uint8_t connections; /* at a time */
    bool dhcp;
    bool up; /* somebody is at the other end of the cable; where that is not known, false */
    uint32_t address, mask, gateway, dns[2];
    uint8_t mac[6];
    uint8_t ip6_n, ip6[DEVICE_IP6][16], gateway6[16], dns6[2][16];
};

/* How the port has it; and have it so: port, connections, address, mask, gateway, name servers.
 * What the port cannot do it leaves as it is, and says so at the next get(). get() false: there
 * is no network. */
struct device_net_ops {
    bool (*get)(void *ctx, struct device_net *n);
    void (*set)(void *ctx, const struct device_net *n); /* NULL: as it is */
};

/* How the port reaches the destination of a push: a connection, or a peer for datagrams. The
 * port opens a link there (device_link_open) and says so by device_reached(), in the call or
 * later; with NULL where it cannot. `to->at_once`, of the last gasp: in the call. One at a
 * time. */
struct device_dialler {
    void (*dial)(void *ctx, enum dlms_link_kind kind, const struct push_peer *to);
};

struct device_cfg {
    const struct meter_cfg *meter;
    const struct device_secrets *secrets; /* NULL: only what key slots hold */
    const char *firmware, *hardware;      /* names of at most 48 characters */
    uint8_t
        hls; /* bits 3, 4, 6: mechanisms the three levels may use instead of their password in
                    the open, which is then their secret; 0: none */
    struct dlms_pool *pool;           /* initialised sessions */
    struct regs *frozen;              /* one a session of the pool */
    const struct device_net_ops *net; /* NULL: no network */
    void *net_ctx;
    const struct device_dialler *dialler; /* NULL: no pushes over a network */
    void *dial_ctx;
};

/* A capture list on its way in: one writer at a time. */
struct column_stage {
    bool open;
    uint8_t n;
    uint16_t column[PROFILE_COLUMNS];
};

/* Keys on their way to device_keys_set(), wrapped as the key store wants them, one a step. */
enum { DEVICE_KEYS = 4 };
struct device_keys {
    uint8_t n, slot[DEVICE_KEYS];
    uint8_t same; /* bit n: the n-th equals the one in force */
    uint8_t wrapped[DEVICE_KEYS][DEVICE_KEY + KW_EXTRA];
};

/* Who has the slot for elliptic curves, and what several jobs in a row leave to each other. */
struct curve {
    uint32_t owner; /* 1 + session; 0: free */
    bool is_seeded; /* the next job can start */
    uint8_t seed[EC_SEED];
    uint8_t job; /* enum job_kind of the last */
    uint8_t kind, step;
    bool is_looking; /* which of these is meant */
    union {
        struct job_out made;
        struct cert_sum sum;
        struct curve_look {
            uint32_t changes; /* rows of the who-log when it began */
            uint8_t without, at, has;
        } look;
    };
    union {
        struct device_keys fresh;   /* that were agreed, in the order asked */
        uint8_t own[KEYS_WRAP_MAX]; /* a key that takes over, plain or wrapped */
    };
};

/* What a compact data object holds until it is captured again. RAM: empty after a cut. */
enum { COMPACTS = 2, COMPACT = 256 };
struct compact {
    uint16_t n;
    uint8_t at[COMPACT];
};

struct device {
    struct meter meter;
    struct dlms_server server;
    const struct device_cfg *cfg;
    struct job job;
    struct curve curve;
    struct rng rng;
    struct column_stage columns;
    struct push push;
    struct compact compact[COMPACTS];
    mono_t net_due;   /* settings of the network are taken up then */
    bool net_stirred; /* or it is only looked at */
    struct {
        bool is_known, up;
        uint32_t address;
    } net;             /* as it was looked at last */
    mono_t server_due; /* when the server wants to be stepped again */
    struct courier *couriers;
    struct unit_line { /* the session of units (courier.h) */
        struct dlms_link link;
        struct courier *line; /* NULL: it is nobody's */
        uint32_t serial;      /* whose it is */
        uint32_t counter;     /* of the request that is to be answered; UINT32_MAX: none */
    } unit;
};

extern const struct cosem_model device_model;
extern const struct dlms_host device_host;
extern const struct device_secrets device_development; /* docs/keys.md */

/* Prepare memory. cfg and io are kept until the device dies. */
void device_init(struct device *d, const struct device_cfg *cfg, const struct meter_io *io);

/* Power-up: everything meter_mount() does, then the generator. Errors as there; E_IO also when
 * there is no entropy. */
int device_mount(struct device *d);

/* Do the one thing that is due first and return when there is something again: now or before
 * means at once. Samples up to `now` must have been fed. */
mono_t device_step(struct device *d, mono_t now);

/* The supply fails at t: last gasp, then the push of it, for whose confirmation nobody waits. The meter
 * may be dropped, or go on if the supply stays. */
void device_supply_failed(struct device *d, mono_t t);

/* Is this local port switched off (class 122, or class 124 locked)? Its octets are taken and lost,
 * and no push goes there. */
bool device_is_off(const struct device *d, unsigned link);

/* A way in came up or went down; octets from it. As server.h; octets may come back untaken. */
void device_link_open(struct device *d, struct dlms_link *l, enum dlms_link_kind kind,
                      uint8_t channel, struct link_io io, mono_t now);
void device_link_close(struct device *d, struct dlms_link *l);
size_t device_feed_link(struct device *d, struct dlms_link *l, const uint8_t *p, size_t n,
                        mono_t at);

/* What was dialled is up, or (NULL) cannot be reached. False: nobody wants it any more. */
bool device_reached(struct device *d, struct dlms_link *l);

/* The port: the network is another than it was. Its link and its address are told (454 to 456)
 * with the next step. */
void device_net_changed(struct device *d);

/* The network as it is; false: none. */
bool device_net_get(struct device *d, struct device_net *n);

/* Step until nothing is due at `now` and flash is at rest: for tests and before a controlled
 * end. */
void device_rest(struct device *d, mono_t now);

/* MAG, 22, serial: the system title (octets 0 to 2 are the maker's FLAG id). */
void device_title(const struct device *d, uint8_t title[DLMS_TITLE]);

/* Are the public development keys in use? */
bool device_has_development_keys(struct device *d);

/* Lower HDLC address on a link (0 optical, 1 RS485, 2 network): as set, or 16 + serial mod
 * 10000. */
enum { HDLC_LOWEST = 16 };
uint16_t device_lower_address(const struct device *d, unsigned link);

/* -- what classes 15 and 64 do ------------------------------------------------------------- */

/* Receiving counter a client must use next; index is that of 0-0:43.1.e. */
uint32_t device_counter_floor(const struct device *d, unsigned index);

/* Change the password of a role. E_RANGE: 8 to 16 octets; E_NONE: a role without password. */
int device_set_secret(struct device *d, const struct who *who, uint8_t role, const uint8_t *p,
                      size_t n);

/* Store keys, secure_keys_set(); every open session takes them up with its next APDU. */
int device_keys_set(struct device *d, const struct who *who, struct secure_key *key,
                    unsigned n);

/* One more: id is key_id of class 64. E_SPACE: a fifth; E_RANGE: another key_id. */
int device_keys_add(struct device *d, struct device_keys *k, uint8_t id,
                    const uint8_t key[DEVICE_KEY]);
/* The same for one that lies wrapped under the master key. E_RANGE also when it does not unwrap. */
int device_keys_unwrap(struct device *d, struct device_keys *k, uint8_t id,
                       const uint8_t wrapped[DEVICE_KEY + KW_EXTRA]);
int device_keys_store(struct device *d, const struct who *who, const struct device_keys *k);

#endif
