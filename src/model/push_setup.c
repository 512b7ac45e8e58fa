#include "model/push_setup.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/suite.h"
#include "model/classes.h"

/* -- as delivered -------------------------------------------------------------------------- */

/* No destination, so silent; three tries 10, 20, 40 s apart; client 64; unconfirmed. */
static const uint8_t delivered[] = {
    0x02, 3,   0x16, 0,  0x09, 0,    0x16, 0,                    /* 3 */
    0x01, 0,                                                     /* 4 */
    0x12, 0,   0,                                                /* 5 */
    0x11, 3,                                                     /* 6 */
    0x02, 3,   0x12, 0,  10,   0x12, 0,    200, 0x12, 3,   0x84, /* 7 */
    0x09, 6,   0,    0,  25,   0,    0,    255,                  /* 8 */
    0x0F, 64,                                                    /* 9 */
    0x01, 0,                                                     /* 10 */
    0x16, 0,                                                     /* 11 */
    0x02, 2,   0x09, 12, 255,  255,  255,  255, 255,  255, 255,
    255,  255, 128,  0,  255,  6,    0,    0,   0,    0, /* 12 */
};
enum { AT_TRANSPORT = 3, AT_RETRIES = 14, AT_OPERATION = 39 };

size_t push_setup_octets(struct device *d, unsigned n, uint8_t dst[PUSH_SETUP])
{
    struct push_setup s;
    int got = param_read(&d->meter, (uint16_t)(PARAM_PUSH_1 + n), dst, PUSH_SETUP);
    if (got > 0 && push_read_setup(&s, dst, (size_t)got) == 0) return (size_t)got;
    memcpy(dst, delivered, sizeof delivered);
    if (n == PUSH_POWER_DOWN) { /* there is no time for a connection, nor for a second try */
        dst[AT_TRANSPORT] = PUSH_UDP;
        dst[AT_RETRIES] = 0;
    }
    if (n == PUSH_INSTALLATION) dst[AT_OPERATION] = PUSH_CONFIRMED;
    return sizeof delivered;
}

/* Every push says which it is, whose, and when; then what it is for. */
static const struct capture_row head[] = {
    { 40, { 0, 0, 25, 9, 0 }, 1, 0 }, /* B is the push's own */
    { 1, { 0, 0, 42, 0, 0 }, 2, 0 },
    { 8, { 0, 0, 1, 0, 0 }, 2, 0 },
};
static const struct capture_row tail[PUSHES][3] = {
    [PUSH_INTERVAL_1] = { { 3, { 1, 0, 1, 8, 0 }, 2, 0 }, { 3, { 1, 0, 2, 8, 0 }, 2, 0 } },
    [PUSH_INTERVAL_2] = { { 3, { 1, 0, 1, 8, 0 }, 2, 0 }, { 3, { 1, 0, 2, 8, 0 }, 2, 0 } },
    [PUSH_INTERVAL_3] = { { 3, { 1, 0, 1, 8, 0 }, 2, 0 }, { 3, { 1, 0, 2, 8, 0 }, 2, 0 } },
    [PUSH_ALARM] = { { 1, { 0, 0, 97, 98, 20 }, 2, 0 },
                     { 1, { 0, 0, 97, 98, 21 }, 2, 0 },
                     { 1, { 0, 0, 97, 98, 22 }, 2, 0 } },
    [PUSH_CONSUMER] = { { 3, { 1, 0, 1, 7, 0 }, 2, 0 }, { 3, { 1, 0, 1, 8, 0 }, 2, 0 } },
    [PUSH_INSTALLATION] = { { 1, { 0, 0, 96, 1, 0 }, 2, 0 }, { 1, { 1, 0, 0, 2, 0 }, 2, 0 } },
};

static const struct axdr_field object_field[] = {
    AXDR_FIELD(U16, struct cosem_capture, class_id),
    AXDR_FIELD(OBIS, struct cosem_capture, ln),
    AXDR_FIELD(I8, struct cosem_capture, attr),
    AXDR_FIELD(U16, struct cosem_capture, index),
};

void push_read_object(struct axdr_in *in, struct cosem_capture *c)
{
    (void)axdr_read_fields(in, object_field, COUNT(object_field), c);
}

void push_emit_object(struct axdr_out *o, const struct cosem_capture *c)
{
    axdr_emit_fields(o, object_field, COUNT(object_field), c);
    axdr_emit_struct(o, 2);
    axdr_emit_enum(o, PUSH_ALL);
    axdr_emit_null(o);
}

static void emit_entry(struct axdr_out *o, const struct cosem_capture *c)
{
    axdr_emit_struct(o, 6);
    push_emit_object(o, c);
    axdr_emit_array(o, 0);
}

size_t push_list_octets(struct device *d, unsigned n, uint8_t dst[PUSH_LIST])
{
    int got = param_read(&d->meter, (uint16_t)(PARAM_PUSH_1_LIST + n), dst, PUSH_LIST);
    if (got > 0) return (size_t)got;
    struct axdr_out o = axdr_out(dst, PUSH_LIST);
    unsigned more = 0;
    while (more < COUNT(tail[n]) && tail[n][more].class_id) more++;
    axdr_emit_array(&o, (uint32_t)(COUNT(head) + more));
    for (unsigned i = 0; i < COUNT(head); i++) {
        struct cosem_capture c = cosem_capture(&head[i]);
        if (i == 0) c.ln.b = (uint8_t)n;
        emit_entry(&o, &c);
    }
    for (unsigned i = 0; i < more; i++) {
        struct cosem_capture c = cosem_capture(&tail[n][i]);
        emit_entry(&o, &c);
    }
    return o.len;
}

/* -- addresses ----------------------------------------------------------------------------- */

static int read_number(const uint8_t **p, const uint8_t *end, unsigned most)
{
    unsigned v = 0, n = 0;
    for (; *p < end && **p >= '0' && **p <= '9' && n < 5; (*p)++, n++) v = v * 10 + **p - '0';
    return n && v <= most ? (int)v : E_RANGE;
}

static bool read_v4(const uint8_t **p, const uint8_t *end, uint8_t ip[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i && (*p == end || *(*p)++ != '.')) return false;
        int v = read_number(p, end, 255);
        if (v < 0) return false;
        ip[i] = (uint8_t)v;
    }
    return true;
}

static int hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Groups between colons; "::" once, for as many zeros as are missing. */
static bool read_v6(const uint8_t **p, const uint8_t *end, uint8_t ip[16])
{
    unsigned n = 0, gap = 0;
    bool gapped = false;
    memset(ip, 0, 16);
    if (end - *p >= 2 && (*p)[0] == ':' && (*p)[1] == ':') {
        gapped = true;
        *p += 2;
    }
    while (n < 8 && *p < end && hex_of(**p) >= 0) {
        unsigned v = 0, digits = 0;
        for (; *p < end && hex_of(**p) >= 0 && digits < 5; (*p)++, digits++)
            v = v << 4 | (unsigned)hex_of(**p);
        if (digits > 4) return false;
        be_put16(ip + 2 * n++, (uint16_t)v);
        if (*p == end || **p != ':') break;
        (*p)++;
        if (*p < end && **p == ':') {
            if (gapped) return false;
            gapped = true;
            gap = n;
            (*p)++;
        } else if (*p == end || hex_of(**p) < 0) {
            return false;
        }
    }
    if (gapped ? n > 7 : n != 8) return false;
    unsigned behind = 2 * (n - gap);
    memmove(ip + 16 - behind, ip + 2 * gap, behind);
    memset(ip + 2 * gap, 0, 16 - behind - 2 * gap);
    return true;
}

int push_read_peer(struct push_peer *to, const uint8_t *text, size_t n)
{
    const uint8_t *p = text, *end = text + n;
    *to = (struct push_peer){ .v6 = n && *p == '[' };
    if (to->v6) p++;
    if (!(to->v6 ? read_v6(&p, end, to->ip) : read_v4(&p, end, to->ip))) return E_RANGE;
    if (to->v6 && (p == end || *p++ != ']')) return E_RANGE;
    if (p == end || *p++ != ':') return E_RANGE;
    int port = read_number(&p, end, 65535);
    if (port <= 0 || p != end) return E_RANGE;
    to->port = (uint16_t)port;
    return 0;
}

/* -- reading ------------------------------------------------------------------------------- */

static const struct {
    struct obis ln;
    uint8_t link;
    bool serial;
} ports[] = {
    { { 0, 0, 25, 0, 0, 255 }, LINK_WAN, false },
    { { 0, 0, 20, 0, 0, 255 }, LINK_OPTICAL, true },
    { { 0, 0, 22, 0, 0, 255 }, LINK_OPTICAL, true },
    { { 0, 0, 20, 0, 1, 255 }, LINK_RS485, true },
    { { 0, 1, 22, 0, 0, 255 }, LINK_RS485, true },
    { { 0, 2, 22, 0, 0, 255 }, LINK_WAN, true },
};

/* Whom a push may speak to: as who, and whether in plain text. */
static const struct {
    int8_t sap;
    uint8_t role;
    bool plain;
} clients[] = {
    { 64, ROLE_MANAGEMENT, false }, { 1, ROLE_MANAGEMENT, false }, { 2, ROLE_UTILITY, false },
    { 16, ROLE_PUBLIC, true },      { 32, ROLE_READER, true },     { 33, ROLE_OPERATOR, true },
    { 34, ROLE_SUPERVISOR, true },
};

static bool read_destination(struct push_setup *s, struct axdr_in *in)
{
    size_t n = 0;
    struct push_peer to;
    axdr_read_struct(in, 3);
    s->transport = axdr_read_enum(in);
    const uint8_t *host = axdr_read_string(in, AXDR_OCTETS, &n);
    s->message = axdr_read_enum(in);
    if (in->bad) return true;
    bool ip = s->transport == PUSH_TCP || s->transport == PUSH_UDP;
    if (!ip && s->transport != PUSH_HDLC) return false;
    if (s->message != PUSH_DATA && s->message != PUSH_EVENT) return false;
    if (n > PUSH_HOST || (ip && n && push_read_peer(&to, host, n) < 0)) return false;
    s->host_n = (uint8_t)n;
    if (n) memcpy(s->host, host, n);
    return true;
}

static bool read_windows(struct push_setup *s, struct axdr_in *in)
{
    uint8_t dt[12];
    bool good = true;
    const uint8_t *p = in->p;
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        axdr_read_struct(in, 2);
        for (unsigned k = 0; k < 2; k++) {
            axdr_read_datetime(in, dt);
            good &= in->bad || axdr_is_datetime(dt);
        }
    }
    if (!in->bad) s->windows = axdr_in(p, (size_t)(in->p - p));
    return good && n <= PUSH_WINDOWS;
}

static bool read_delay(struct push_setup *s, struct axdr_in *in)
{
    axdr_read_struct(in, 3);
    s->delay_s = axdr_read_u16(in);
    s->exponent = axdr_read_u16(in);
    s->delay_max_s = axdr_read_u16(in);
    return true;
}

static bool read_port(struct push_setup *s, struct axdr_in *in)
{
    struct obis ln = { 0 };
    axdr_read_octets(in, &ln, sizeof ln);
    for (unsigned i = 0; i < COUNT(ports); i++)
        if (!memcmp(&ln, &ports[i].ln, sizeof ln)) {
            s->link = ports[i].link;
            return true;
        }
    return in->bad;
}

static bool read_client(struct push_setup *s, struct axdr_in *in)
{
    int8_t sap = axdr_read_i8(in);
    for (unsigned i = 0; i < COUNT(clients); i++)
        if (clients[i].sap == sap) {
            s->client_sap = (uint8_t)sap;
            s->role = clients[i].role;
            s->plain = clients[i].plain;
            return true;
        }
    return in->bad;
}

static bool read_string(struct axdr_in *in, uint8_t *dst, size_t cap, size_t *n)
{
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, n);
    if (in->bad || *n > cap) return in->bad;
    if (*n && dst) memcpy(dst, p, *n);
    return true;
}

/* Identified, unicast: a plain enum, or one alone in a structure. */
static bool read_key(struct axdr_in *in)
{
    axdr_read_struct(in, 2);
    uint8_t kind = axdr_read_enum(in);
    struct axdr_in option = axdr_read_value(in);
    if (in->bad) return true;
    if (axdr_peek(&option) == AXDR_STRUCTURE) axdr_read_struct(&option, 1);
    return kind == 0 && axdr_read_enum(&option) == 0 && axdr_is_done(&option);
}

/* One layer: {type, {transaction-id, originator, recipient, other information, key}}. Both have
 * the same names. */
static bool read_layer(struct push_setup *s, struct axdr_in *in, bool first)
{
    static const uint8_t bits[] = { PROT_AUTH_RES, PROT_CRYPT_RES,
                                    PROT_AUTH_RES | PROT_CRYPT_RES, PROT_SIGN_RES };
    uint8_t tid[sizeof s->tid] = { 0 }, recipient[sizeof s->recipient] = { 0 }, title[8];
    size_t tid_n = 0, own_n = 0, recipient_n = 0, other_n = 0;
    axdr_read_struct(in, 2);
    uint8_t type = axdr_read_enum(in);
    axdr_read_struct(in, 5);
    bool good = read_string(in, tid, sizeof tid, &tid_n);
    good &= read_string(in, title, sizeof title, &own_n); /* ours goes out whatever it says */
    good &= read_string(in, recipient, sizeof recipient, &recipient_n);
    good &= read_string(in, NULL, 0, &other_n);
    good &= read_key(in);
    good &= recipient_n == 0 || recipient_n == sizeof s->recipient;
    if (in->bad || !good || type >= sizeof bits) return in->bad;
    if (first) {
        memcpy(s->tid, tid, sizeof s->tid);
        memcpy(s->recipient, recipient, sizeof s->recipient);
        s->tid_n = (uint8_t)tid_n;
    }
    good = tid_n == s->tid_n && !memcmp(s->tid, tid, sizeof s->tid) &&
           !memcmp(s->recipient, recipient, sizeof s->recipient);
    bool sealed = bits[type] != PROT_SIGN_RES;
    good &= sealed ? first : CFG_SUITE1 && !(s->guard & PROT_SIGN_RES);
    s->general |= sealed;
    s->guard |= bits[type];
    return good;
}

/* A seal, a signature, or the one around the other. */
static bool read_guard(struct push_setup *s, struct axdr_in *in)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    bool good = n <= 2;
    for (uint32_t i = 0; i < n && !in->bad; i++) good &= read_layer(s, in, i == 0);
    return good;
}

static bool read_confirmation(struct push_setup *s, struct axdr_in *in)
{
    axdr_read_struct(in, 2);
    axdr_read_datetime(in, s->confirm_from);
    s->confirm_every_s = axdr_read_u32(in);
    return in->bad || axdr_is_datetime(s->confirm_from);
}

int push_read_setup(struct push_setup *s, const uint8_t *p, size_t n)
{
    struct axdr_in in = axdr_in(p, n);
    memset(s, 0, sizeof *s);
    bool good = read_destination(s, &in);
    good &= read_windows(s, &in);
    s->spread_s = axdr_read_u16(&in);
    s->retries = axdr_read_u8(&in);
    good &= read_delay(s, &in);
    good &= read_port(s, &in);
    good &= read_client(s, &in);
    good &= read_guard(s, &in);
    s->operation = axdr_read_enum(&in);
    good &= s->operation <= PUSH_CONFIRMED;
    good &= read_confirmation(s, &in);
    if (good && !axdr_is_done(&in)) return E_TYPE;
    return good ? 0 : in.bad ? E_TYPE : E_RANGE;
}

/* -- entries ------------------------------------------------------------------------------- */

/* A date may come without its time: from its first moment, up to its last. */
static void read_bound(struct axdr_in *in, uint8_t dt[12], bool first)
{
    size_t n = 0;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    memcpy(dt,
           first ? "\xFF\xFF\xFF\xFF\xFF\0\0\0\0\x80\0\xFF"
                 : "\xFF\xFF\xFF\xFF\xFF\x17\x3B\x3B\x63\x80\0\xFF",
           12);
    in->bad |= n != 5 && n != 12;
    if (!in->bad) memcpy(dt, p, n);
}

static void read_restriction(struct push_entry *e, struct axdr_in *in)
{
    uint8_t tag;
    axdr_read_struct(in, 2);
    e->bound = axdr_read_enum(in);
    if (e->bound == PUSH_ALL) {
        (void)axdr_read_value(in); /* null-data */
    } else if (e->bound == PUSH_BY_DATE) {
        axdr_read_struct(in, 2);
        read_bound(in, e->from, true);
        read_bound(in, e->to, false);
    } else {
        axdr_read_struct(in, 2);
        e->first = (uint32_t)axdr_read_number(in, &tag);
        e->last = (uint32_t)axdr_read_number(in, &tag);
    }
}

static bool is_readable(const struct push_entry *e)
{
    static const struct who self = { .assoc = ROLE_MANAGEMENT };
    struct cosem_at at = { .who = &self, .id = (uint8_t)e->what.attr };
    if (e->what.class_id == 15) return false; /* tells of the asker, and nobody asks */
    if (cosem_find(&device_model, e->what.class_id, e->what.ln, &at) != DAR_OK) return false;
    if (e->what.attr && !(cosem_rights(&device_model, &at) & CAN_READ)) return false;
    bool rows = cosem_selectors(&at) != 0;
    if ((e->bound || e->n_columns) && (!rows || e->what.index)) return false;
    return e->bound <= PUSH_BY_ENTRY && !(e->bound == PUSH_BY_ENTRY && e->n_columns);
}

int push_read_entry(struct push_entry *e, struct axdr_in *in)
{
    struct cosem_capture column;
    memset(e, 0, sizeof *e);
    axdr_read_struct(in, 6);
    push_read_object(in, &e->what);
    read_restriction(e, in);
    e->n_columns = axdr_read_head(in, AXDR_ARRAY);
    const uint8_t *p = in->p;
    for (uint32_t i = 0; i < e->n_columns && !in->bad; i++)
        if (cosem_read_capture(in, &column) < 0) in->bad = true;
    if (in->bad) return E_TYPE;
    e->columns = axdr_in(p, (size_t)(in->p - p));
    return is_readable(e) ? 0 : E_RANGE;
}

/* -- when ---------------------------------------------------------------------------------- */

enum { HOUR_S = 3600 };

/* {time, date} of a date-time; what is open of the time is its first, or its last moment. */
static utc_t next_bound(struct meter *m, const uint8_t dt[12], bool end)
{
    static const uint8_t last[3] = { 23, 59, 59 };
    uint8_t o[ZONE_NAMED] = { 0 };
    for (unsigned i = 0; i < 3; i++) o[i] = dt[5 + i] != 0xFF ? dt[5 + i] : end ? last[i] : 0;
    memcpy(o + 4, dt, 5);
    return zone_next_named(&m->clock.zone, o, m->utc);
}

uint32_t push_closed_s(struct device *d, const struct push_setup *s)
{
    struct meter *m = &d->meter;
    struct axdr_in in = s->windows;
    uint32_t wait = HOUR_S, n = axdr_read_head(&in, AXDR_ARRAY);
    if (n == 0 || !clock_is_valid(&m->clock)) return 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t from[12], to[12];
        axdr_read_struct(&in, 2);
        axdr_read_datetime(&in, from);
        axdr_read_datetime(&in, to);
        utc_t begins = next_bound(m, from, false), ends = next_bound(m, to, true);
        if (ends.s < begins.s) return 0; /* what comes next is an end: it is open */
        if (begins.s - m->utc.s < wait) wait = (uint32_t)(begins.s - m->utc.s);
    }
    return wait ? wait : 1;
}

uint32_t push_delay_s(const struct push_setup *s, unsigned tries)
{
    uint64_t delay = s->delay_s;
    for (unsigned i = 1; i < tries && delay < s->delay_max_s; i++)
        delay = delay * s->exponent / 100;
    return (uint32_t)(delay < s->delay_max_s ? delay : s->delay_max_s);
}
