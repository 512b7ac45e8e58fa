/* connect_options.c - the command line of a connection: who asks, with which keys, how. */
#include "tools/client/connect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/client/keyfile.h"
#include "tools/client/keyset.h"
#include "tools/common/hex.h"

enum {
    O_HOST = 0x100,
    O_PORT,
    O_HDLC,
    O_WRAPPER,
    O_UDP,
    O_DEVICE,
    O_BAUD,
    O_MODE_E,
    O_CLIENT,
    O_SERVER,
    O_ADDRESS,
    O_ADDRESS_SIZE,
    O_AUTH,
    O_PASSWORD,
    O_EK,
    O_AK,
    O_DK,
    O_DED,
    O_MASTER,
    O_BROADCAST,
    O_TITLE,
    O_SERVER_TITLE,
    O_SUITE,
    O_SIGN_KEY,
    O_AGREE_KEY,
    O_PEER_CERT,
    O_PROTECT,
    O_POLICY,
    O_SIGN,
    O_CIPHERED,
    O_COUNTER,
    O_NO_STATE,
    O_GBT,
    O_MAX_PDU,
    O_WINDOW,
    O_INFO,
    O_TIMEOUT,
    O_PCAP,
    O_TRACE,
    O_JSON,
    O_KEYS
};

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "Where the meter is:", 10 },
    { "host", O_HOST, "ADDR", 0, "Host name or address (127.0.0.1)", 0 },
    { "port", O_PORT, "N", 0, "TCP or UDP port (4059; with --hdlc 4060)", 0 },
    { "wrapper", O_WRAPPER, NULL, 0, "DLMS wrapper over TCP (this is the default)", 0 },
    { "udp", O_UDP, NULL, 0, "DLMS wrapper over UDP", 0 },
    { "hdlc", O_HDLC, NULL, 0, "HDLC over TCP, or over the device", 0 },
    { "device", O_DEVICE, "FILE", 0, "Serial line or pseudo terminal, HDLC", 0 },
    { "baud", O_BAUD, "N", 0, "Speed of the device (9600)", 0 },
    { "mode-e", O_MODE_E, "ADDRESS", OPTION_ARG_OPTIONAL,
      "Sign on by IEC 62056-21 mode E first", 0 },
    { "address", O_ADDRESS, "N", 0,
      "HDLC lower address of the meter (none: upper address alone)", 0 },
    { "address-size", O_ADDRESS_SIZE, "1|2|4", 0, "Octets of the HDLC server address", 0 },
    { "info", O_INFO, "N", 0, "HDLC information field offered, 32 to 2030 (2030)", 0 },
    { "window", O_WINDOW, "N", 0, "HDLC window offered, 1 to 7 (7)", 0 },
    { "timeout", O_TIMEOUT, "S", 0, "Seconds to wait for an answer (10)", 0 },
    { NULL, 0, NULL, 0, "Who asks:", 20 },
    { "client", O_CLIENT, "SAP", 0,
      "Client: 1 management, 16 public, 32 33 34 LLS levels 1 to 3", 0 },
    { "server", O_SERVER, "N", 0, "Logical device (1)", 0 },
    { "auth", O_AUTH, "KIND", 0,
      "none, low, gmac, ecdsa, sha256, sha1 or md5 (by what else is given)", 0 },
    { "password", O_PASSWORD, "TEXT", 0, "Password of low, secret of sha256; 0x... for octets",
      0 },
    { "keys", O_KEYS, "PATH", 0, "Keys from a folder or file of `magno keys make`", 0 },
    { "ek", O_EK, "HEX", 0, "Global unicast encryption key", 0 },
    { "ak", O_AK, "HEX", 0, "Authentication key", 0 },
    { "dk", O_DK, "HEX", 0, "Dedicated key (a fresh one with --ded)", 0 },
    { "ded", O_DED, NULL, 0, "Use a dedicated key", 0 },
    { "master", O_MASTER, "HEX", 0, "Master key, for --protect wrapped", 0 },
    { "broadcast-key", O_BROADCAST, "HEX", 0, "Global broadcast key, for `magno decode`", 0 },
    { "title", O_TITLE, "HEX", 0, "The client's system title (4D47430000000001)", 0 },
    { "server-title", O_SERVER_TITLE, "HEX", 0,
      "The meter's system title; another one is refused", 0 },
    { "suite", O_SUITE, "0|1", 0, "Security suite (0)", 0 },
    { "sign-key", O_SIGN_KEY, "FILE", 0, "The client's signature key: PEM, DER or hex", 0 },
    { "agree-key", O_AGREE_KEY, "FILE", 0, "The client's key agreement key", 0 },
    { "peer-cert", O_PEER_CERT, "FILE", 0, "The meter's certificate; give it twice for both",
      0 },
    { NULL, 0, NULL, 0, "How it asks:", 30 },
    { "protect", O_PROTECT, "KIND", 0,
      "glo, ded, general-glo, general-ded, identified, wrapped, one-pass, static", 0 },
    { "policy", O_POLICY, "KIND", 0, "auth, encrypt or both (both)", 0 },
    { "sign", O_SIGN, NULL, 0, "General-signing around every request", 0 },
    { "ciphered", O_CIPHERED, NULL, 0, "Ciphered context also with --auth none or low", 0 },
    { "ic", O_COUNTER, "N", 0, "Start the invocation counter here at least", 0 },
    { "no-state", O_NO_STATE, NULL, 0, "Keep no invocation counters in the state folder", 0 },
    { "gbt", O_GBT, "WINDOW", 0, "General block transfer with this window, 1 to 63", 0 },
    { "max-pdu", O_MAX_PDU, "N", 0, "Longest APDU we take (65535)", 0 },
    { "pcap", O_PCAP, "FILE", 0, "Write the traffic as pcapng, for Wireshark", 0 },
    { "trace", O_TRACE, NULL, 0, "Show the traffic on standard error", 0 },
    { "json", O_JSON, NULL, 0, "One JSON object a line on standard output", 0 },
    { 0 },
};

/* For `magno decode`: the keys alone. */
static const struct argp_option key_options[] = {
    { NULL, 0, NULL, 0, "Keys, for what is protected:", 20 },
    { "keys", O_KEYS, "PATH", 0, "Keys from a folder or file of `magno keys make`", 0 },
    { "ek", O_EK, "HEX", 0, "Global unicast encryption key", 0 },
    { "ak", O_AK, "HEX", 0, "Authentication key", 0 },
    { "dk", O_DK, "HEX", 0, "Dedicated key", 0 },
    { "master", O_MASTER, "HEX", 0, "Master key, for wrapped keys", 0 },
    { "broadcast-key", O_BROADCAST, "HEX", 0, "Global broadcast key", 0 },
    { "title", O_TITLE, "HEX", 0, "The client's system title (4D47430000000001)", 0 },
    { "server-title", O_SERVER_TITLE, "HEX", 0, "The meter's system title", 0 },
    { "agree-key", O_AGREE_KEY, "FILE", 0, "The client's key agreement key", 0 },
    { "peer-cert", O_PEER_CERT, "FILE", 0, "The meter's certificate; give it twice for both",
      0 },
    { "json", O_JSON, NULL, 0, "One JSON object a line on standard output", 0 },
    { 0 },
};

void connect_defaults(struct connect_options *o)
{
    *o = (struct connect_options){ .client = -1,
                                   .server = 1,
                                   .address = -1,
                                   .address_size = -1,
                                   .baud = 9600,
                                   .window = 7,
                                   .info = HDLC_INFO_MAX,
                                   .max_pdu = 65535,
                                   .timeout_s = 10 };
    o->password = getenv("MAGNO_PASSWORD");
    o->ek = getenv("MAGNO_EK");
    o->ak = getenv("MAGNO_AK");
    o->master = getenv("MAGNO_MASTER");
    o->keyed = o->password || o->ek || o->ak;
}

/* A whole number from low to high, or usage. */
static long wide(struct argp_state *state, const char *name, const char *arg, long low,
                 long high)
{
    char *end;
    long v = strtol(arg, &end, 0);
    if (!*arg || *end || v < low || v > high)
        argp_error(state, "--%s wants a number from %ld to %ld, not '%s'", name, low, high,
                   arg);
    return v;
}

static int number(struct argp_state *state, const char *name, const char *arg, int low,
                  int high)
{
    return (int)wide(state, name, arg, low, high);
}

/* Texts that are kept as they are. */
static const char **text_of(struct connect_options *o, int key)
{
    switch (key) {
    case O_HOST:
        return &o->host;
    case O_DEVICE:
        return &o->device;
    case O_AUTH:
        return &o->auth;
    case O_PASSWORD:
        return &o->password;
    case O_EK:
        return &o->ek;
    case O_AK:
        return &o->ak;
    case O_DK:
        return &o->dk;
    case O_MASTER:
        return &o->master;
    case O_BROADCAST:
        return &o->broadcast;
    case O_TITLE:
        return &o->title;
    case O_SERVER_TITLE:
        return &o->server_title;
    case O_SIGN_KEY:
        return &o->sign_key;
    case O_AGREE_KEY:
        return &o->agree_key;
    case O_PROTECT:
        return &o->protect;
    case O_POLICY:
        return &o->policy;
    case O_PCAP:
        return &o->pcap;
    case O_KEYS:
        return &o->keys;
    default:
        return NULL;
    }
}

static bool *flag_of(struct connect_options *o, int key)
{
    switch (key) {
    case O_HDLC:
        return &o->hdlc;
    case O_WRAPPER:
        return &o->wrapper;
    case O_UDP:
        return &o->udp;
    case O_DED:
        return &o->dedicated;
    case O_SIGN:
        return &o->sign;
    case O_CIPHERED:
        return &o->ciphered;
    case O_NO_STATE:
        return &o->no_state;
    case O_TRACE:
        return &o->trace;
    case O_JSON:
        return &o->json;
    default:
        return NULL;
    }
}

static error_t parse_number(struct connect_options *o, int key, char *arg,
                            struct argp_state *state)
{
    char *end;
    switch (key) {
    case O_PORT:
        o->port = (unsigned)number(state, "port", arg, 1, 65535);
        break;
    case O_BAUD:
        o->baud = (unsigned)number(state, "baud", arg, 300, 115200);
        break;
    case O_CLIENT:
        o->client = number(state, "client", arg, 1, 127);
        break;
    case O_SERVER:
        o->server = number(state, "server", arg, 1, 0x3FFF);
        break;
    case O_ADDRESS:
        o->address = number(state, "address", arg, 0, 0x3FFF);
        break;
    case O_ADDRESS_SIZE:
        o->address_size = number(state, "address-size", arg, 1, 4);
        break;
    case O_SUITE:
        o->suite = number(state, "suite", arg, 0, 1);
        break;
    case O_GBT:
        o->gbt = number(state, "gbt", arg, 1, 63);
        break;
    case O_MAX_PDU:
        o->max_pdu = number(state, "max-pdu", arg, XDLMS_PDU_MIN, 65535);
        break;
    case O_WINDOW:
        o->window = number(state, "window", arg, 1, 7);
        break;
    case O_INFO:
        o->info = number(state, "info", arg, HDLC_INFO_MIN, HDLC_INFO_MAX);
        break;
    case O_COUNTER:
        o->first_counter = (uint32_t)wide(state, "ic", arg, 0, UINT32_MAX - 1L);
        break;
    case O_TIMEOUT:
        o->timeout_s = strtod(arg, &end);
        if (*end || !(o->timeout_s >= 0.05 && o->timeout_s <= 3600))
            argp_error(state, "--timeout is from 0.05 to 3600, not '%s'", arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    if (o->address_size == 3) argp_error(state, "--address-size is 1, 2 or 4");
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct connect_options *o = state->input;
    const char **text = text_of(o, key);
    bool *flag = flag_of(o, key);
    if (key == O_PASSWORD || key == O_EK || key == O_AK || key == O_SIGN_KEY || key == O_KEYS)
        o->keyed = true;
    if (text) return *text = arg, 0;
    if (flag) return *flag = true, 0;
    if (key == O_MODE_E) return o->mode_e = arg ? arg : "", o->hdlc = true, 0;
    if (key == O_PEER_CERT) {
        if (o->peer_cert[1]) argp_error(state, "--peer-cert can be given twice");
        o->peer_cert[o->peer_cert[0] ? 1 : 0] = arg;
        return 0;
    }
    return parse_number(o, key, arg, state);
}

const struct argp connect_argp = { .options = options, .parser = parse };
const struct argp connect_keys_argp = { .options = key_options, .parser = parse };

/* -- keys ------------------------------------------------------------------------------- */

/* Development defaults; every meter that carries them says so and listens on loopback only. */
static const char dev_ek[] = "000102030405060708090A0B0C0D0E0F";
static const char dev_ak[] = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
static const char dev_master[] = "00112233445566778899AABBCCDDEEFF";
static const char dev_broadcast[] = "0F0E0D0C0B0A09080706050403020100";
static const char dev_title[] = "4D47430000000001";

static bool is_local(const struct connect_options *o)
{
    char *device = o->device ? realpath(o->device, NULL) : NULL; /* often a link to one */
    bool is_pty = device && strncmp(device, "/dev/pts/", 9) == 0;
    free(device);
    if (o->device) return is_pty;
    return !o->host || channel_is_loopback(o->host);
}

bool connect_is_development(const struct connect_options *o)
{
    return is_local(o) && !o->keyed;
}

static int read_key(const char *name, const char *text, size_t size, uint8_t *out, bool *has,
                    struct trouble *t)
{
    if (!text) return 0;
    int n = hex_parse(text, size, out);
    if (n != (int)size)
        return trouble(t, E_STATE, "--%s wants %zu octets as hexadecimal digits", name, size);
    *has = true;
    return 0;
}

static const char *or_dev(const struct connect_options *o, const char *text, const char *dev)
{
    return text || !connect_is_development(o) ? text : dev;
}

static int read_symmetric(const struct connect_options *o, struct keyring *k, struct trouble *t)
{
    bool ek = false, ak = false;
    int e = read_key("ek", or_dev(o, o->ek, dev_ek), 16, k->global.ek, &ek, t);
    if (e == 0) e = read_key("ak", or_dev(o, o->ak, dev_ak), 16, k->global.ak, &ak, t);
    if (e == 0) e = read_key("dk", o->dk, 16, k->dedicated.ek, &k->has_dedicated, t);
    if (e == 0)
        e = read_key("master", or_dev(o, o->master, dev_master), 16, k->master, &k->has_master,
                     t);
    if (e == 0)
        e = read_key("broadcast-key", or_dev(o, o->broadcast, dev_broadcast), 16,
                     k->broadcast.ek, &k->has_broadcast, t);
    bool other = ak && (k->has_dedicated || k->has_broadcast); /* what --ak is for as well */
    if (e == 0 && ek != ak && !k->has_global && !other)
        e = trouble(t, E_STATE, "--ek and --ak belong together");
    k->has_global |= ek && ak;
    k->global.len = k->dedicated.len = k->broadcast.len = 16;
    memcpy(k->dedicated.ak, k->global.ak, 16);
    memcpy(k->broadcast.ak, k->global.ak, 16);
    return e;
}

static int read_curves(const struct connect_options *o, struct keyring *k, struct trouble *t)
{
    int e = 0;
    if (o->sign_key) e = keyfile_private(o->sign_key, k->sign, t), k->has_sign = e == 0;
    if (e == 0 && o->agree_key)
        e = keyfile_private(o->agree_key, k->agree, t), k->has_agree = e == 0;
    for (int i = 0; i < 2 && e == 0 && o->peer_cert[i]; i++)
        e = keyfile_peer(o->peer_cert[i], k, t);
    return e;
}

/* A folder of keys first; single options replace what it holds. */
int connect_keys(const struct connect_options *o, struct keyring *k, struct trouble *t)
{
    struct keyset set = { 0 };
    int e = o->keys ? keyset_read(&set, o->keys, t) : 0;
    *k = set.ring;
    wipe(&set, sizeof set);
    if (e == 0) e = read_symmetric(o, k, t);
    const char *title = o->title || k->has_client_title ? o->title : dev_title;
    if (e == 0) e = read_key("title", title, 8, k->client_title, &k->has_client_title, t);
    if (e == 0)
        e = read_key("server-title", o->server_title, 8, k->server_title, &k->has_server_title,
                     t);
    if (e == 0) e = read_curves(o, k, t);
    return e == E_IO ? E_FORMAT : e; /* a file, and no connection */
}

/* -- who asks --------------------------------------------------------------------------- */

static int find_mechanism(const char *name, struct trouble *t)
{
    static const struct {
        const char *name;
        int mechanism;
    } names[] = { { "none", MECH_NONE }, { "low", MECH_LLS },       { "lls", MECH_LLS },
                  { "md5", MECH_MD5 },   { "sha1", MECH_SHA1 },     { "gmac", MECH_GMAC },
                  { "high", MECH_GMAC }, { "sha256", MECH_SHA256 }, { "ecdsa", MECH_ECDSA } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i].name) == 0) return names[i].mechanism;
    return trouble(t, E_RANGE,
                   "--auth is none, low, gmac, ecdsa, sha256, sha1 or md5, not '%s'", name);
}

/* Clients 32 to 34 come with passwords, 16 with nothing, all others with keys. */
static int usual_mechanism(const struct connect_options *o)
{
    if (o->client == 16) return MECH_NONE;
    if (o->client >= 32 && o->client <= 34) return MECH_LLS;
    if (connect_is_development(o) || o->ek || o->keys) return MECH_GMAC;
    if (o->sign_key) return MECH_ECDSA;
    return o->password ? MECH_LLS : MECH_NONE;
}

static int usual_client(int mechanism)
{
    return mechanism == MECH_NONE ? 16 : mechanism == MECH_LLS ? 32 : 1;
}

/* Text, or octets behind 0x. */
static int put_secret(struct session_config *c, const char *text, struct trouble *t)
{
    size_t n = strlen(text);
    int octets = strncasecmp(text, "0x", 2) ? -1 : hex_parse(text, sizeof c->secret, c->secret);
    if (octets < 0 && n > sizeof c->secret)
        return trouble(t, E_RANGE, "a password has at most %zu octets", sizeof c->secret);
    if (octets < 0) memcpy(c->secret, text, n);
    c->secret_n = octets < 0 ? n : (size_t)octets;
    return 0;
}

static int take_secret(const struct connect_options *o, int client, struct session_config *c,
                       struct trouble *t)
{
    static const char *const dev[] = { "00000001", "00000002", "00000003" };
    bool level = client >= 32 && client <= 34;
    struct keyset set = { 0 };
    const char *text = o->password;
    int e = o->keys && !text ? keyset_read(&set, o->keys, t) : 0;
    if (e < 0) return e;
    if (!text && level && connect_is_development(o)) text = dev[client - 32];
    if (!text && level && *set.password[client - 32]) text = set.password[client - 32];
    bool needed =
        c->mechanism != MECH_NONE && c->mechanism != MECH_GMAC && c->mechanism != MECH_ECDSA;
    if (text)
        e = put_secret(c, text, t);
    else if (needed)
        e = trouble(t, E_STATE, "a password is needed (--password, or MAGNO_PASSWORD)");
    wipe(&set, sizeof set);
    return e;
}

static int find_guard(const struct connect_options *o, struct trouble *t)
{
    static const char *const names[GUARD_KINDS] = { "none",        "glo",         "ded",
                                                    "general-glo", "general-ded", "identified",
                                                    "wrapped",     "one-pass",    "static" };
    if (!o->protect) return o->dedicated || o->dk ? GUARD_DED : GUARD_GLO;
    for (int i = GUARD_GLO; i < GUARD_KINDS; i++)
        if (strcasecmp(o->protect, names[i]) == 0) return i;
    return trouble(t, E_RANGE,
                   "--protect is glo, ded, general-glo, general-ded, identified, wrapped, "
                   "one-pass or static");
}

static int find_policy(const char *name, struct trouble *t)
{
    if (!name || strcasecmp(name, "both") == 0) return SC_AUTH | SC_CRYPT;
    if (strncasecmp(name, "auth", 4) == 0) return SC_AUTH;
    if (strncasecmp(name, "encrypt", 7) == 0) return SC_CRYPT;
    return trouble(t, E_RANGE, "--policy is auth, encrypt or both");
}

int connect_config(struct connect_options *o, struct session_config *c, struct trouble *t)
{
    session_config_default(c);
    int mechanism = o->auth ? find_mechanism(o->auth, t) : usual_mechanism(o);
    if (mechanism < 0) return mechanism;
    if (o->client < 0) o->client = usual_client(mechanism);
    int guard = find_guard(o, t), policy = find_policy(o->policy, t);
    if (guard < 0 || policy < 0) return guard < 0 ? guard : policy;
    c->mechanism = (uint8_t)mechanism;
    c->guard = (enum guard)guard;
    c->policy = (uint8_t)policy;
    c->sign = o->sign;
    c->suite = (uint8_t)o->suite;
    c->max_pdu = (uint16_t)o->max_pdu;
    c->gbt_window = (uint8_t)o->gbt;
    c->timeout_ms = (int)(o->timeout_s * 1000);
    c->keep_counter = !o->no_state;
    c->first_counter = o->first_counter;
    int e = connect_keys(o, &c->keys, t);
    c->ciphered = o->ciphered || mechanism == MECH_GMAC || mechanism == MECH_ECDSA ||
                  (mechanism == MECH_SHA256 && (o->ek || o->keys));
    c->dedicated = guard == GUARD_DED || guard == GUARD_GENERAL_DED;
    return e < 0 ? e : take_secret(o, o->client, c, t);
}
