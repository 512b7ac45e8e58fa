#include "dlms/bench.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/sha256.h"
#include "dlms/acse.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

#define must(c)                                                                                \
    ((c) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c), abort()))

#define LLS (1u << 1)

/* -- classes ---------------------------------------------------------------------------- */

static struct bench *of(void *app)
{
    return app;
}

enum { DATA_NAME, DATA_TEXT0, DATA_TEXT1, DATA_LONG, DATA_LIVE, DATA_PENDING, DATA_SIXTY };

static enum dar get_data(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct bench *b = of(app);
    uint8_t sixty[60];
    unsigned id = at->row->bind.id;
    switch (id) {
    case DATA_NAME:
        axdr_emit_octets(o, b->name, b->name_n);
        break;
    case DATA_LONG:
        axdr_emit_octets(o, b->longs, b->long_n);
        break;
    case DATA_LIVE:
        axdr_emit_u32(o, at->frozen ? *(const uint32_t *)at->frozen : b->live);
        break;
    case DATA_SIXTY:
        for (unsigned i = 0; i < sizeof sixty; i++) sixty[i] = (uint8_t)(0x30 + i);
        axdr_emit_octets(o, sixty, sizeof sixty);
        break;
    case DATA_PENDING:
        if (b->calls++ % 3) return DAR_PENDING;
        axdr_emit_u8(o, 7);
        break;
    default:
        axdr_emit_octets(o, b->text[id - DATA_TEXT0], b->text_n[id - DATA_TEXT0]);
    }
    return DAR_OK;
}

static enum dar set_text(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct bench *b = of(app);
    unsigned i = at->row->bind.id - DATA_TEXT0;
    size_t n;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    if (!axdr_is_done(in)) return DAR_TYPE;
    if (i > 1 || n > sizeof b->text[0]) return DAR_OTHER;
    memcpy(b->text[i], p, n);
    b->text_n[i] = (uint8_t)n;
    return DAR_OK;
}

/* parameter 40 octets, answer the same with the high bit turned */
static enum dar call_turn(void *app, const struct cosem_at *at, struct axdr_in *arg,
                          struct cosem_ret *ret)
{
    uint8_t v[128];
    size_t n;
    (void)at;
    of(app)->calls++;
    const uint8_t *p = axdr_read_string(arg, AXDR_OCTETS, &n);
    if (!axdr_is_done(arg)) return DAR_TYPE;
    if (n > sizeof v) return DAR_OTHER;
    for (size_t i = 0; i < n; i++) v[i] = p[i] ^ 0x80;
    axdr_emit_octets(&ret->out, v, n);
    return DAR_OK;
}

static enum dar call_plain(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)at;
    (void)ret;
    if (!cosem_no_arg(arg)) return DAR_TYPE;
    of(app)->calls++;
    return DAR_OK;
}

static enum dar call_script(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    (void)at;
    (void)ret;
    axdr_read_u16(arg);
    if (!axdr_is_done(arg)) return DAR_TYPE;
    of(app)->calls++;
    return DAR_OK;
}

/* gives back all rows of the profile */
static enum dar call_rows(void *app, const struct cosem_at *at, struct axdr_in *arg,
                          struct cosem_ret *ret)
{
    struct bench *b = of(app);
    (void)at;
    if (!cosem_no_arg(arg)) return DAR_TYPE;
    b->calls++;
    ret->span.next = b->first;
    ret->span.end = b->rows;
    return DAR_OK;
}

static enum dar get_clock(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint8_t t[12] = { 0x07, 0xEA, 0x0B, 0x16, 0x07, 0x0A, 0x1E, 0, 0, 0, 0, 0 };
    (void)app;
    (void)at;
    axdr_emit_octets(o, t, sizeof t);
    return DAR_OK;
}

static enum dar set_clock(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t t[12];
    (void)at;
    axdr_read_datetime(in, t);
    if (!axdr_is_done(in)) return DAR_TYPE;
    of(app)->calls++;
    return axdr_is_datetime(t) ? DAR_OK : DAR_OTHER;
}

/* -- a profile: clock, status, two counters, the second of them slow --------------------- */

static uint32_t minute_of(uint32_t row)
{
    return 630 + row * 15; /* half past ten */
}

static void emit_time(struct axdr_out *o, uint32_t minute)
{
    uint8_t t[12] = { 0x07, 0xEA, 11, 22, 7, 0, 0, 0, 0, 0, 0, 0 };
    t[3] = (uint8_t)(1 + (21 + minute / 1440) % 28);
    t[5] = (uint8_t)(minute / 60 % 24);
    t[6] = (uint8_t)(minute % 60);
    axdr_emit_octets(o, t, sizeof t);
}

static enum dar buffer_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                            struct span *s)
{
    struct bench *b = of(app);
    struct cosem_range r;
    struct cosem_entry e;
    (void)at;
    if (s->work[0]++ < 2) return DAR_PENDING; /* as a search through flash would */
    s->next = b->first;
    s->end = b->rows;
    cols_add(&s->cols, 0, 4);
    if (sel->selector == 1) {
        enum dar dar = cosem_read_range(sel, &r);
        if (dar != DAR_OK) return dar;
        uint8_t from[12], to[12];
        axdr_read_datetime(&r.from, from);
        axdr_read_datetime(&r.to, to);
        if (r.from.bad || r.to.bad) return DAR_TYPE;
        uint32_t lo = ((from[3] - 22u) * 24u + from[5]) * 60u + from[6];
        uint32_t hi = ((to[3] - 22u) * 24u + to[5]) * 60u + to[6];
        while (s->next < s->end && minute_of(s->next) < lo) s->next++;
        while (s->end > s->next && minute_of(s->end - 1) > hi) s->end--;
    } else if (sel->selector == 2) {
        enum dar dar = cosem_read_entry(sel, &e);
        if (dar != DAR_OK) return dar;
        uint32_t n = b->rows - b->first, to = e.to && e.to < n ? e.to : n;
        s->end = b->first + to;
        s->next = b->first + (e.from - 1 < n ? e.from - 1 : n);
        if (s->next > s->end) s->next = s->end;
        s->cols = (struct cols){ 0 };
        cols_add(&s->cols, e.first - 1u, e.last && e.last < 4 ? e.last : 4);
    }
    return DAR_OK;
}

/* clock, status, four counters of which one seldom moves */
static enum dar wide_row(const struct bench *b, uint32_t i, bool whole, struct axdr_out *o)
{
    axdr_emit_head(o, AXDR_STRUCTURE, 6);
    whole |= !b->nulls;
    if (whole)
        emit_time(o, minute_of(i));
    else
        axdr_emit_null(o);
    if (whole)
        axdr_emit_u8(o, 0);
    else
        axdr_emit_null(o);
    for (uint32_t k = 1; k <= 4; k++) {
        uint32_t v = i * 100 * k / (k == 4 ? 4000 : 1);
        bool same = i && v == (i - 1) * 100 * k / (k == 4 ? 4000 : 1);
        if (whole || !same)
            axdr_emit_u32(o, v);
        else
            axdr_emit_null(o);
    }
    return DAR_OK;
}

static enum dar buffer_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                           struct axdr_out *o)
{
    (void)at;
    if (i < of(app)->first) return DAR_BLOCK; /* it fell off */
    if (of(app)->wide) return wide_row(app, i, i == s->start, o);
    axdr_emit_head(o, AXDR_STRUCTURE, cols_count(&s->cols));
    if (cols_has(&s->cols, 0)) emit_time(o, minute_of(i));
    if (cols_has(&s->cols, 1)) axdr_emit_u8(o, 0);
    if (cols_has(&s->cols, 2)) axdr_emit_u32(o, 0x1391 + i * 7);
    if (cols_has(&s->cols, 3)) axdr_emit_u32(o, 12 + i / 9);
    return of(app)->slow ? DAR_ENOUGH : DAR_OK;
}

static enum dar rows_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    (void)app;
    (void)at;
    (void)s;
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_u32(o, i);
    axdr_emit_u32(o, i * i);
    return DAR_OK;
}

/* -- an array that is written row by row -------------------------------------------------- */

static enum dar days_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                          struct span *s)
{
    (void)at;
    (void)sel;
    s->end = of(app)->days;
    return DAR_OK;
}

static enum dar days_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    (void)at;
    (void)s;
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_u16(o, (uint16_t)i);
    axdr_emit_u8(o, of(app)->day[i]);
    return DAR_OK;
}

static enum dar days_begin(void *app, const struct cosem_at *at, uint32_t rows)
{
    struct bench *b = of(app);
    (void)at;
    if (b->staging) return DAR_TEMPORARY;
    if (rows > BENCH_ROWS) return DAR_OTHER;
    b->staging = true;
    b->staged_n = (uint16_t)rows;
    return DAR_OK;
}

static enum dar days_put(void *app, const struct cosem_at *at, uint32_t i, struct axdr_in *in)
{
    (void)at;
    axdr_read_struct(in, 2);
    axdr_read_u16(in);
    of(app)->staged[i] = axdr_read_u8(in);
    if (!axdr_is_done(in)) return DAR_TYPE;
    return of(app)->staged[i] > 200 ? DAR_OTHER : DAR_OK;
}

static enum dar days_commit(void *app, const struct cosem_at *at)
{
    struct bench *b = of(app);
    (void)at;
    b->staging = false;
    b->days = b->staged_n;
    memcpy(b->day, b->staged, sizeof b->day);
    return DAR_OK;
}

static void days_abort(void *app, const struct cosem_at *at)
{
    (void)at;
    of(app)->staging = false;
    of(app)->aborted++;
}

/* -- object_list -------------------------------------------------------------------------- */

static enum dar list_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                          struct span *s)
{
    (void)sel;
    s->end = cosem_list_count(&of(app)->model, at, -1);
    return DAR_OK;
}

static enum dar list_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    return cosem_list_emit(&of(app)->model, at, i, NULL, true, s, o);
}

static enum dar get_partners(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct dlms_info info;
    (void)app;
    dlms_info_get(at->session, &info);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_i8(o, (int8_t)info.client_sap);
    axdr_emit_u16(o, info.server_sap);
    return DAR_OK;
}

static const struct cosem_seq buffer_seq = { .selectors = 6,
                                             .open = buffer_open,
                                             .row = buffer_row };
static const struct cosem_seq rows_seq = { .row = rows_row };
static const struct cosem_seq days_seq = { .open = days_open,
                                           .row = days_row,
                                           .begin = days_begin,
                                           .put_row = days_put,
                                           .commit = days_commit,
                                           .abort = days_abort };
static const struct cosem_seq list_seq = { .open = list_open, .row = list_row };

static const struct cosem_attr data_attr[] = { [COSEM_ATTR(2)] = { .get = get_data,
                                                                   .set = set_text } };
static const struct cosem_attr clock_attr[] = { [COSEM_ATTR(2)] = { .get = get_clock,
                                                                    .set = set_clock } };
static const struct cosem_attr profile_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &buffer_seq },
    [COSEM_ATTR(3)] = { .get = get_data },
};
static const struct cosem_attr days_attr[] = { [COSEM_ATTR(2)] = { .seq = &days_seq } };
static const struct cosem_attr assoc_attr[] = { [COSEM_ATTR(2)] = { .seq = &list_seq },
                                                [COSEM_ATTR(3)] = { .get = get_partners } };
static const struct cosem_method script_method[] = {
    [COSEM_METHOD(1)] = { .call = call_plain },
    [COSEM_METHOD(2)] = { .call = call_rows, .ret = &rows_seq },
    [COSEM_METHOD(6)] = { .call = call_turn }
};

static const struct cosem_method table_method[] = { [COSEM_METHOD(1)] = { .call =
                                                                              call_script } };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum {
    INDEX_class_data,
    INDEX_class_register,
    INDEX_class_profile,
    INDEX_class_clock,
    INDEX_class_days,
    INDEX_class_assoc,
    INDEX_class_script,
    INDEX_class_security
};
static const struct cosem_class classes[] = {
    [INDEX_class_data] = { 1, 0, COUNT(data_attr), 0, data_attr, NULL },
    [INDEX_class_register] = { 3, 0, 1, 0, data_attr, NULL },
    [INDEX_class_profile] = { 7, 1, COUNT(profile_attr), 0, profile_attr, NULL },
    [INDEX_class_clock] = { 8, 0, COUNT(clock_attr), 0, clock_attr, NULL },
    [INDEX_class_days] = { 11, 0, COUNT(days_attr), 0, days_attr, NULL },
    [INDEX_class_assoc] = { 15, 3, COUNT(assoc_attr), 0, assoc_attr, NULL },
    [INDEX_class_script] = { 9, 0, 0, 1, data_attr, table_method },
    [INDEX_class_security] = { 64, 1, 0, COUNT(script_method), data_attr, script_method },
};

/* -- rows and rights ---------------------------------------------------------------------- */

#define R(r) (1u << ROLE_##r)
#define ALL_ROLES ((1u << ROLES) - 1)
#define METERED (ALL_ROLES & ~R(PUBLIC) & ~R(BROADCAST) & ~R(PUSH))
#define MANAGERS (R(MANAGEMENT) | R(CIPHERED_LLS) | R(SHA) | R(ECDSA))
enum { ACL_ALL, ACL_METERED, ACL_WRITE, ACL_READ, ACL_LIMITED, ACL_CLOCK };
static const struct cosem_limit only_read_one[] = { { .roles = R(READER), .get = COSEM_ID(1) },
                                                    { .roles = 0 } };
static const struct cosem_acl acl[] = {
    [ACL_ALL] = { .read = ALL_ROLES },
    [ACL_METERED] = { .read = METERED, .act = METERED },
    [ACL_WRITE] = { .read = METERED, .write = METERED, .act = METERED },
    [ACL_READ] = { .read = METERED },
    [ACL_LIMITED] = { .read = METERED, .write = MANAGERS, .only = only_read_one },
    [ACL_CLOCK] = { .read = METERED | R(PUBLIC), .write = METERED | R(BROADCAST) },
};

#define ROW(a, c, d, e, n, acl_, cls_, id_)                                                    \
    {                                                                                          \
        a, 0, c, d, e, .span = n, .acl = acl_, .cls = INDEX_##cls_, .bind = {.id = id_ }       \
    }
static const struct cosem_row table[] = {
    ROW(0, 96, 1, 0, 1, ACL_ALL, class_data, DATA_NAME),
    ROW(0, 96, 13, 0, 1, ACL_WRITE, class_data, DATA_TEXT0),
    ROW(0, 96, 13, 1, 1, ACL_READ, class_data, DATA_TEXT1),
    ROW(0, 96, 1, 10, 1, ACL_WRITE, class_data, DATA_TEXT1),
    ROW(0, 96, 50, 0, 1, ACL_WRITE, class_data, DATA_LONG),
    ROW(0, 96, 51, 0, 4, ACL_METERED, class_data, DATA_LIVE),
    ROW(0, 96, 52, 0, 1, ACL_METERED, class_data, DATA_PENDING),
    ROW(0, 96, 53, 0, 1, ACL_METERED, class_data, DATA_SIXTY),
    ROW(0, 96, 54, 0, 1, ACL_LIMITED, class_data, DATA_TEXT0),
    ROW(0, 1, 0, 0, 1, ACL_CLOCK, class_clock, 0),
    ROW(0, 10, 0, 0, 1, ACL_WRITE, class_script, 0),
    ROW(0, 11, 0, 0, 1, ACL_WRITE, class_days, 0),
    ROW(0, 40, 0, 0, 1, ACL_ALL, class_assoc, 0),
    ROW(0, 43, 0, 0, 1, ACL_WRITE, class_security, 0),
    ROW(1, 99, 1, 0, 1, ACL_METERED, class_profile, 0),
    ROW(1, 1, 8, 0, 200, ACL_METERED, class_register, DATA_LIVE),
};
static const struct cosem_group group = { table, COUNT(table) };
static const struct cosem_group *const groups[] = { &group };

/* -- host --------------------------------------------------------------------------------- */

static const void *freeze(void *app, uint16_t session)
{
    of(app)->frozen[session] = of(app)->live;
    return &of(app)->frozen[session];
}

static int settle(void *app)
{
    if (of(app)->busy_settle > 0) return of(app)->busy_settle--, E_BUSY;
    if (!of(app)->settle_error) of(app)->kept = of(app)->transaction;
    return of(app)->settle_error;
}

static void now_get(void *app, uint8_t dt[12])
{
    static const uint8_t t[12] = { 0x07, 0xEA, 0x0B, 0x16, 0x07, 0x0A, 0x1E, 0, 0, 0, 0, 0 };
    (void)app;
    memcpy(dt, t, 12);
}

static void random_get(void *app, uint8_t *dst, size_t n)
{
    struct bench *b = of(app);
    for (size_t i = 0; i < n; i++)
        dst[i] = i < b->random_n ? b->random[i] : (uint8_t)(b->seed++ * 37 + 11);
}

static void security_get(void *app, uint8_t assoc, struct dlms_security *s)
{
    *s = of(app)->security;
    if (assoc == ROLE_ECDSA) s->suite = 1;
}

static bool may_open(void *app, const struct who *who, uint8_t mechanism)
{
    (void)app;
    (void)who;
    (void)mechanism;
    return true;
}

static int key_get(void *app, uint8_t assoc, enum dlms_key k, uint8_t dst[DLMS_SECRET_MAX])
{
    struct bench *b = of(app);
    const char *text = assoc == ROLE_SHA ? "sha256-secret-of-client-1" : "12345678";
    int len = b->security.suite == 2 ? 32 : 16;
    switch (k) {
    case DLMS_KEY_UNICAST:
        memcpy(dst, b->unicast, 32);
        return len;
    case DLMS_KEY_BROADCAST:
        memcpy(dst, b->broadcast, 32);
        return len;
    case DLMS_KEY_AUTH:
        memcpy(dst, b->auth, 32);
        return len;
    case DLMS_KEY_MASTER:
        memcpy(dst, b->master, 16);
        return 16;
    default:
        memcpy(dst, text, strlen(text));
        return (int)strlen(text);
    }
}

static int counter_take(void *app, uint8_t assoc, enum dlms_key k, uint32_t *ic)
{
    struct bench *b = of(app);
    unsigned i = k == DLMS_KEY_BROADCAST;
    (void)assoc;
    if (b->busy_counter > 0) return b->busy_counter--, E_BUSY;
    if (b->counter[i] == UINT32_MAX) return E_RANGE;
    if (b->counter[i] == b->reserved[i])
        b->reserved[i] = b->counter[i] > UINT32_MAX - 1024 ? UINT32_MAX : b->counter[i] + 1024;
    *ic = b->counter[i]++;
    return 0;
}

static uint32_t counter_floor(void *app, uint8_t assoc, enum dlms_key k)
{
    return of(app)->floor[assoc][k == DLMS_KEY_BROADCAST];
}

static void counter_raise(void *app, uint8_t assoc, enum dlms_key k, uint32_t floor)
{
    must(floor > of(app)->floor[assoc][k == DLMS_KEY_BROADCAST]);
    of(app)->floor[assoc][k == DLMS_KEY_BROADCAST] = floor;
}

static uint64_t transaction_floor(void *app, uint8_t assoc)
{
    (void)assoc;
    return of(app)->transaction;
}

static void transaction_raise(void *app, uint8_t assoc, uint64_t floor)
{
    (void)assoc;
    of(app)->transaction = floor;
}

static void send_ephemeral(struct bench *b)
{
    uint8_t key[32], seed[32] = { 7 }, hash[32];
    int err = ec_keygen(key, b->sent, seed);
    sha256(hash, b->sent, 64);
    err |= ec_sign(b->sent + 64, b->server_sign, hash, seed);
    err |= ec_agree(b->sent + 128, key, b->client_agree_q, seed);
    must(err == 0);
    b->sends = true;
}

static int ec_start(void *app, uint16_t session, const struct who *who, enum dlms_ec kind,
                    const uint8_t *in, size_t n)
{
    struct bench *b = of(app);
    struct job_in j = { { 1 }, { 0 }, { 0 }, { 0 }, { 0 } };
    (void)session;
    (void)who;
    enum job_kind k = JOB_AGREE;
    switch (kind) {
    case DLMS_EC_SIGN:
        must(n == 32);
        memcpy(j.key, b->server_sign, 32);
        memcpy(j.hash, in, 32);
        k = JOB_SIGN;
        break;
    case DLMS_EC_VERIFY:
        must(n == 96);
        memcpy(j.point, b->client_sign_q, 64);
        memcpy(j.hash, in, 32);
        memcpy(j.sig, in + 32, 64);
        k = JOB_VERIFY;
        break;
    case DLMS_EC_AGREE_1E:
        must(n == 64);
        memcpy(j.key, b->server_agree, 32);
        memcpy(j.point, in, 64);
        break;
    case DLMS_EC_SEND_1E: /* the test's own pair, made without a job */
        send_ephemeral(b);
        return 0;
    default:
        memcpy(j.key, b->server_agree, 32);
        memcpy(j.point, b->client_agree_q, 64);
    }
    int err = job_start(&b->job, k, &j);
    b->job_kind = (uint8_t)k;
    return err;
}

static int ec_take(void *app, uint16_t session, uint8_t out[DLMS_EC_OUT])
{
    struct bench *b = of(app);
    struct job_out o;
    (void)session;
    if (b->sends) {
        memcpy(out, b->sent, sizeof b->sent);
        b->sends = false;
        return sizeof b->sent;
    }
    job_run(&b->job);
    int err = job_done(&b->job, &o);
    if (err < 0) return err;
    if (b->job_kind == JOB_SIGN) memcpy(out, o.sig, 64);
    if (b->job_kind == JOB_AGREE) memcpy(out, o.shared, 32);
    return b->job_kind == JOB_SIGN ? 64 : b->job_kind == JOB_AGREE ? 32 : 0;
}

static void ec_drop(void *app, uint16_t session)
{
    (void)session;
    job_drop(&of(app)->job);
}

static bool lock_get(void *app, const struct who *who)
{
    return of(app)->locked[who->link];
}

static void lock_set(void *app, const struct who *who, bool failed)
{
    struct bench *b = of(app);
    b->failures = failed ? b->failures + 1 : 0;
    (void)who;
}

static void port_get(void *app, uint8_t link, struct dlms_port *p)
{
    (void)link;
    *p = of(app)->serial;
}

static int readout(void *app, unsigned line, uint8_t *dst, size_t cap)
{
    static const char text[] = "1-0:1.8.0(000123.45*kWh)";
    (void)app;
    if (line) return E_NONE;
    must(cap >= sizeof text);
    memcpy(dst, text, sizeof text - 1);
    return (int)sizeof text - 1;
}

static void note(void *app, const struct who *who, enum dlms_note n)
{
    struct bench *b = of(app);
    (void)who;
    b->note[b->notes++ % BENCH_NOTES] = (uint8_t)n;
}

static const struct dlms_host host = {
    .freeze = freeze,
    .settled = settle,
    .now = now_get,
    .random = random_get,
    .security_get = security_get,
    .may_open = may_open,
    .key_get = key_get,
    .counter_take = counter_take,
    .counter_floor = counter_floor,
    .counter_raise = counter_raise,
    .transaction_floor = transaction_floor,
    .transaction_raise = transaction_raise,
    .ec_start = ec_start,
    .ec_take = ec_take,
    .ec_drop = ec_drop,
    .lock_get = lock_get,
    .lock_set = lock_set,
    .port_get = port_get,
    .readout = readout,
    .note = note,
};

static const struct dlms_assoc assocs[ROLES] = {
    [ROLE_PUBLIC] = { SAP_PUBLIC, 1, ASSOC_PLAIN, 0x007E1F, 0 },
    [ROLE_READER] = { SAP_READER, LLS, ASSOC_PLAIN, 0xFFFFFF, 0 },
    [ROLE_MANAGEMENT] = { SAP_MANAGEMENT, 1u << 5, ASSOC_CIPHERED | ASSOC_PLAIN, 0x60FE9F, 0 },
    [ROLE_CIPHERED_LLS] = { SAP_CIPHERED_LLS, LLS, ASSOC_CIPHERED, 0xFFFFFF, 0 },
    [ROLE_BROADCAST] = { SAP_BROADCAST, 0,
                         ASSOC_CIPHERED | ASSOC_PRE_ESTABLISHED | ASSOC_BROADCAST, 0xFFFFFF,
                         0 },
    [ROLE_PUSH] = { SAP_PUSH, 0, ASSOC_CIPHERED | ASSOC_PRE_ESTABLISHED | ASSOC_PUSH, 0xFFFFFF,
                    0 },
    [ROLE_SHA] = { SAP_SHA, 1u << 6, ASSOC_CIPHERED | ASSOC_PLAIN, 0xFFFFFF, 0 },
    [ROLE_ECDSA] = { SAP_ECDSA, 1u << 7, ASSOC_CIPHERED, 0xFFFFFF, 0 },
};

/* -- links -------------------------------------------------------------------------------- */

static size_t port_room(void *ctx)
{
    return ((struct bench_port *)ctx)->room;
}

static void port_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct bench_port *x = ctx;
    (void)more;
    must(n <= x->room && x->out_n + n <= BENCH_OUT);
    memcpy(x->out + x->out_n, p, n);
    x->out_n += n;
}

static void port_line(void *ctx, uint32_t baud, enum line_form form)
{
    (void)form;
    ((struct bench_port *)ctx)->baud = baud;
}

static void port_close(void *ctx)
{
    ((struct bench_port *)ctx)->closed = true;
}

static const struct link_ops stream_ops = { .room = port_room,
                                            .send = port_send,
                                            .close = port_close };
static const struct link_ops serial_ops = { .room = port_room,
                                            .send = port_send,
                                            .set_line = port_line };

/* -- the device --------------------------------------------------------------------------- */

static void set_keys(struct bench *b)
{
    for (unsigned i = 0; i < 32; i++) {
        b->unicast[i] = (uint8_t)i;
        b->auth[i] = (uint8_t)(0xD0 + i);
        b->broadcast[i] = (uint8_t)(0x0F - i);
    }
    for (unsigned i = 0; i < 16; i++) b->master[i] = (uint8_t)(i * 0x11);
    memcpy(b->security.server_title, "MAG\x22\x00\xBC\x61\x4E", 8);
    memcpy(b->security.client_title, "MGC\x00\x00\x00\x00\x01", 8);
}

static void set_tables(struct bench *b)
{
    memcpy(b->assoc, assocs, sizeof assocs);
    b->model = (struct cosem_model){ .group = groups,
                                     .cls = classes,
                                     .acl = acl,
                                     .demand = b->demand,
                                     .n_group = 1,
                                     .n_role = ROLES };
    b->cfg = (struct dlms_cfg){
        .model = &b->model, .host = &host, .assoc = b->assoc, .n_assoc = ROLES, .server_sap = 1
    };
    b->name = (const uint8_t *)"22000042";
    b->name_n = 8;
}

/* Buffers of the bench before, for a fuzzer that makes a bench for every input. */
static struct {
    uint8_t *p;
    size_t n;
} spare;

static uint8_t *take_memory(size_t n)
{
    uint8_t *p = spare.p && spare.n == n ? spare.p : malloc(n);
    if (p == spare.p) spare.p = NULL;
    must(p);
    return p;
}

static void keep_memory(uint8_t *p, size_t n)
{
    free(spare.p);
    spare.p = p;
    spare.n = n;
}

void bench_init(struct bench *b, uint16_t rx, uint16_t tx)
{
    const size_t size = DLMS_POOL_BYTES(BENCH_SESSIONS, rx, tx);
    memset(b, 0, sizeof *b);
    b->memory = take_memory(size);
    b->memory_n = size;
    dlms_pool_init(&b->pool, b->session, BENCH_SESSIONS, b->memory, rx, tx);
    set_tables(b);
    dlms_init(&b->server, &b->cfg, &b->pool, b);
    job_init(&b->job);
    set_keys(b);
    b->serial = (struct dlms_port){ .lower = 5694,
                                    .lower_short = 17,
                                    .window_tx = 7,
                                    .window_rx = 7,
                                    .info_tx = 128,
                                    .info_rx = 128,
                                    .inter_octet_ms = 25,
                                    .inactivity_s = 120,
                                    .idle_s = 120,
                                    .baud = 9600,
                                    .prop_baud = 5,
                                    .maker = "MAG",
                                    .ident = "MAGNO22" };
    static uint8_t longs[BENCH_LONG];
    for (unsigned i = longs[1] ? BENCH_LONG : 0; i < BENCH_LONG; i++) longs[i] = (uint8_t)i;
    memcpy(b->longs, longs, sizeof longs);
    b->long_n = 300;
    b->rows = 120;
    b->live = 0x1391;
    b->now.us = 1000000;
}

void bench_free(struct bench *b)
{
    for (unsigned i = 0; i < BENCH_LINKS; i++)
        if (b->port[i].up) dlms_link_close(&b->server, &b->port[i].link);
    keep_memory(b->memory, b->memory_n);
}

void bench_open(struct bench *b, unsigned i, enum dlms_link_kind kind, uint8_t channel)
{
    struct bench_port *x = &b->port[i];
    bool stream = kind == DLMS_TCP || kind == DLMS_UDP;
    if (x->up) dlms_link_close(&b->server, &x->link);
    static uint8_t outs[BENCH_LINKS][BENCH_OUT];
    x->out = outs[i];
    x->up = true;
    x->out_n = 0;
    x->room = BENCH_OUT;
    x->closed = false;
    dlms_link_open(&b->server, &x->link, kind, channel,
                   (struct link_io){ stream ? &stream_ops : &serial_ops, x }, b->now);
}

struct bench *bench_setup(void **state, enum dlms_link_kind kind, uint8_t channel)
{
    struct bench *b = malloc(sizeof *b);
    must(b);
    bench_init(b, BENCH_RX, BENCH_TX);
    bench_open(b, 0, kind, channel);
    *state = b;
    return b;
}

int bench_teardown(void **state)
{
    bench_free(*state);
    free(*state);
    return 0;
}

void bench_run(struct bench *b)
{
    for (unsigned i = 0; i < 100000; i++) {
        mono_t next = dlms_step(&b->server, b->now);
        if (!mono_before(b->now, next)) continue;
        if (b->server.work) { /* it waits for storage or a counter: let a millisecond pass */
            b->now = next;
            continue;
        }
        return;
    }
    must(b == NULL); /* the server never comes to rest */
}

void bench_feed(struct bench *b, unsigned i, const void *p, size_t n)
{
    const uint8_t *q = p;
    while (n && !b->port[i].closed) {
        size_t took = dlms_feed_link(&b->server, &b->port[i].link, q, n, b->now);
        bench_run(b);
        q += took;
        n -= took;
    }
    bench_run(b);
}

void bench_wait(struct bench *b, uint64_t us)
{
    mono_t end = mono_after(b->now, us);
    for (;;) {
        mono_t next = dlms_step(&b->server, b->now);
        if (mono_before(b->now, next) && mono_before(end, next)) break;
        if (mono_before(b->now, next)) b->now = next;
    }
    b->now = end;
    bench_run(b);
}

void bench_send(struct bench *b, unsigned i, uint16_t sap, const void *p, size_t n)
{
    uint8_t head[WRAPPER_HEAD];
    b->port[i].out_n = 0;
    wrapper_write(head, &(struct wrapper){ sap, 1, (uint16_t)n });
    bench_feed(b, i, head, sizeof head);
    bench_feed(b, i, p, n);
}

size_t bench_ask(struct bench *b, unsigned i, uint16_t sap, const void *p, size_t n,
                 const uint8_t **answer)
{
    struct bench_port *x = &b->port[i];
    struct wrapper w;
    bench_send(b, i, sap, p, n);
    *answer = NULL;
    if (x->out_n == 0) return 0;
    must(x->out_n > WRAPPER_HEAD && wrapper_read(x->out, &w) == 0);
    must(w.source == 1 && w.destination == sap && w.length == x->out_n - WRAPPER_HEAD);
    *answer = x->out + WRAPPER_HEAD;
    return w.length;
}

size_t bench_next(struct bench *b, unsigned i, size_t *at, const uint8_t **apdu)
{
    struct bench_port *x = &b->port[i];
    struct wrapper w;
    if (*at >= x->out_n) return 0;
    must(x->out_n - *at > WRAPPER_HEAD && wrapper_read(x->out + *at, &w) == 0);
    *apdu = x->out + *at + WRAPPER_HEAD;
    *at += (size_t)WRAPPER_HEAD + w.length;
    must(*at <= x->out_n);
    return w.length;
}

static void client_key(const struct bench *b, struct cipher_key *k)
{
    k->len = b->security.suite == 2 ? 32 : 16;
    memcpy(k->ek, b->unicast, 32);
    memcpy(k->ak, b->auth, 32);
}

static uint8_t suite_of(const struct bench *b, uint16_t sap)
{
    return sap == SAP_ECDSA ? 1 : b->security.suite;
}

static size_t seal(struct bench *b, bool general, uint8_t suite, uint32_t ic, const uint8_t *p,
                   size_t n, uint8_t *out)
{
    struct cipher_key k;
    struct cipher_box box = { .tag = general ? XDLMS_GENERAL_GLO : cipher_tag_of(p[0], false),
                              .title = { b->security.client_title, 8 } };
    struct axdr_out o = axdr_out(out, 64);
    uint8_t sc = (uint8_t)(SC_AUTH | SC_CRYPT | suite);
    client_key(b, &k);
    cipher_emit_box(&o, &box, n + cipher_extra(sc));
    memcpy(out + o.len + CIPHER_HEAD, p, n);
    return o.len + cipher_seal(out + o.len, n, sc, ic, &k, b->security.client_title, NULL, 0);
}

size_t bench_ask_sealed(struct bench *b, unsigned i, uint16_t sap, bool general, uint32_t *ic,
                        const void *p, size_t n, uint8_t *out)
{
    uint8_t sealed[4096];
    const uint8_t *a;
    struct cipher_box box;
    struct cipher_key k;
    size_t m = seal(b, general, suite_of(b, sap), (*ic)++, p, n, sealed);
    m = bench_ask(b, i, sap, sealed, m, &a);
    if (m == 0) return 0;
    if (!cipher_is_box(a[0])) {
        memcpy(out, a, m);
        return m;
    }
    must(cipher_read_box(a, m, &box) == 0);
    client_key(b, &k);
    memcpy(out, box.content.p, box.content.n);
    int len = cipher_open(out, box.content.n, &k, b->security.server_title, NULL, 0);
    must(len >= 0);
    memmove(out, out + CIPHER_HEAD, (size_t)len);
    return (size_t)len;
}

static void pass_three(struct bench *b, unsigned i, uint16_t sap, bool ciphered, uint32_t *ic,
                       struct acse_view stoc)
{
    uint8_t f[] = { 0xC3, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 255, 1, 1, 9, HLS5_ANSWER, [31] = 0 };
    uint8_t out[256];
    const uint8_t *a;
    struct cipher_key k;
    client_key(b, &k);
    hls5_answer(f + 15, suite_of(b, sap), (*ic)++, &k, b->security.client_title, stoc.p,
                stoc.n);
    if (ciphered) {
        must(bench_ask_sealed(b, i, sap, false, ic, f, sizeof f, out) > 4 && out[3] == 0);
    } else {
        must(bench_ask(b, i, sap, f, sizeof f, &a) > 4 && a[3] == 0);
    }
}

void bench_associate(struct bench *b, unsigned i, uint16_t sap, uint16_t size, uint32_t *ic)
{
    uint8_t plain[64], sealed[128], aarq[256], stoc[64];
    const uint8_t *answer;
    struct acse_aare e;
    unsigned row = 0;
    while (b->assoc[row].client_sap != sap) row++;
    if (*ic < b->floor[row][0]) *ic = b->floor[row][0]; /* as the public client would read it */
    bool ciphered = b->assoc[row].flags & ASSOC_CIPHERED;
    uint8_t m = b->assoc[row].mechanisms & 1 ? 0 : b->assoc[row].mechanisms & LLS ? 1 : 5;
    struct initiate_req r = {
        .response = true, .version = 6, .conformance = 0xFFFFFF, .max_pdu = size
    };
    struct axdr_out o = axdr_out(plain, sizeof plain);
    initiate_emit_req(&o, &r);
    size_t n =
        ciphered ? seal(b, false, suite_of(b, sap), (*ic)++, plain, o.len, sealed) : o.len;
    struct acse_aarq a = { .has_context = true,
                           .context = ciphered ? CONTEXT_LN_CIPHERED : CONTEXT_LN,
                           .has_mechanism = m != 0,
                           .mechanism = m,
                           .user = { ciphered ? sealed : plain, n } };
    if (ciphered || m == 5) a.title = (struct acse_view){ b->security.client_title, 8 };
    if (m == 1) a.auth = (struct acse_view){ (const uint8_t *)"12345678", 8 };
    if (m == 5) a.auth = (struct acse_view){ (const uint8_t *)"0123456789abcdef", 16 };
    int len = acse_write_aarq(aarq, sizeof aarq, &a);
    must(len > 0);
    n = bench_ask(b, i, sap, aarq, (size_t)len, &answer);
    must(n && acse_read_aare(answer, n, &e) == 0 && e.result == 0);
    if (m != 5) return;
    memcpy(stoc, e.auth.p, e.auth.n);
    pass_three(b, i, sap, ciphered, ic, (struct acse_view){ stoc, e.auth.n });
}

void bench_cut(struct bench *b)
{
    bool up[BENCH_LINKS];
    for (unsigned i = 0; i < BENCH_LINKS; i++) {
        up[i] = b->port[i].up;
        if (up[i]) dlms_link_close(&b->server, &b->port[i].link);
        b->port[i].up = false;
    }
    dlms_init(&b->server, &b->cfg, &b->pool, b);
    for (unsigned i = 0; i < 2; i++) b->counter[i] = b->reserved[i];
    b->transaction = b->kept;
    for (unsigned i = 0; i < BENCH_LINKS; i++)
        if (up[i]) bench_open(b, i, b->port[i].link.kind, b->port[i].link.channel);
}

bool bench_noted(const struct bench *b, enum dlms_note n)
{
    unsigned from = b->notes > BENCH_NOTES ? b->notes - BENCH_NOTES : 0;
    for (unsigned i = from; i < b->notes; i++)
        if (b->note[i % BENCH_NOTES] == n) return true;
    return false;
}
