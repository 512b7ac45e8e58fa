/* connect.h - the options by which every client command finds and opens its meter, and the
 * opening itself. One argp child for all commands.
 *
 * Nothing given means the development meter on this machine: 127.0.0.1:4059, client 1, HLS with
 * GMAC and the development keys. Those defaults hold for loopback addresses and pseudo
 * terminals only; for anything else keys and passwords are taken from options or from the
 * environment (MAGNO_EK, MAGNO_AK, MAGNO_PASSWORD, MAGNO_MASTER), and without any the client is
 * the public one.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_CONNECT_H
#define TOOLS_CLIENT_CONNECT_H
#include <argp.h>

#include "tools/client/session.h"

struct connect_options {
    const char *host, *device, *mode_e, *pcap, *keys;
    unsigned port, baud;
    bool hdlc, wrapper, udp, trace, json;
    int client, server, address, address_size; /* -1: not given */
    const char *auth, *password, *ek, *ak, *dk, *master, *broadcast, *title, *server_title;
    const char *sign_key, *agree_key, *peer_cert[2], *protect, *policy;
    bool dedicated, sign, ciphered, no_state;
    int suite, gbt, max_pdu, window, info;
    double timeout_s;
    uint32_t first_counter;
    bool keyed; /* keys of some kind were given */
};

/* The argp child; its input is a struct connect_options that connect_defaults() has seen. */
extern const struct argp connect_argp, connect_keys_argp; /* the second: keys alone */
void connect_defaults(struct connect_options *o);

/* Keys alone, for `magno decode`. 0, or a negative error with its sentence. */
int connect_keys(const struct connect_options *o, struct keyring *k, struct trouble *t);

/* What a session needs, by the options and what follows from each other; fills in o->client.
 * Wipe c->keys afterwards. */
int connect_config(struct connect_options *o, struct session_config *c, struct trouble *t);

/* A meter on this machine, and no keys given: the development defaults hold. */
bool connect_is_development(const struct connect_options *o);

struct connection {
    struct channel channel;
    struct carrier_wrapper wrapper;
    struct carrier_hdlc hdlc;
    struct session session;
    struct connect_options o;
    struct trace *trace;
};

/* Connect, link and associate; messages go to standard error. 0 or the exit code of exit.h. */
int connect_open(struct connection *c, const struct connect_options *o);

/* Release, hang up, finish the pcap file. */
void connect_close(struct connection *c);

/* The exit code for an error of a service. */
int connect_exit(int error);

/* Show progress of long answers under this label (NULL: none). */
void connect_progress(struct connection *c, const char *what);

#endif
