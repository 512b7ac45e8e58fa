/* certificate.c - class 64, methods 3 to 8: key agreement, key pairs and certificates. Each
 * step on a curve is a job; a method that waits for one is called again, and span.work counts.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/kdf.h"
#include "crypto/sha256.h"
#include "model/classes.h"
#include "model/curve.h"
#include "model/security.h"

enum { W_STEP, NO_SESSION = UINT16_MAX, KEY_DATA = EC_POINT + EC_SIG, KEYS_MAX = 4, MOVES = 8 };

static const struct dlms_session *session_of(const struct cosem_at *at)
{
    return at->session;
}

static uint16_t index_of(const struct cosem_at *at)
{
    return at->session ? session_of(at)->index : NO_SESSION;
}

static enum dar done(struct device *d, const struct cosem_at *at, enum dar dar)
{
    if (dar != DAR_PENDING) curve_end(d, index_of(at));
    return dar;
}

/* Even steps start a job, odd ones wait for it. DAR_OK: d->curve.made has its result. The input
 * is wiped: it may hold a private key. */
static enum dar run(struct device *d, const struct cosem_at *at, struct cosem_ret *ret,
                    enum job_kind kind, struct job_in *in)
{
    uint32_t *step = &ret->span.work[W_STEP];
    uint16_t session = index_of(at);
    int err = 0;
    bool starts = *step % 2 == 0;
    if (*step == 0) curve_end(d, session); /* of a call that was given up */
    if (starts) err = curve_start(d, session, kind, in);
    wipe(in, sizeof *in);
    if (starts) {
        if (err == 0) ++*step;
        return err == 0 || err == E_BUSY ? DAR_PENDING : dar_of(err);
    }
    err = curve_take(d, session, kind);
    if (err == E_BUSY) return DAR_PENDING;
    ++*step;
    return err == 0 ? DAR_OK : DAR_OTHER;
}

/* -- key pairs and requests -----------------------------------------------------------------
 */

enum dar call_generate(void *app, const struct cosem_at *at, struct axdr_in *arg,
                       struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    struct job_in in;
    uint8_t use = axdr_read_enum(arg);
    if (!axdr_is_done(arg)) return DAR_TYPE;
    if (use > CERT_AGREE) return DAR_OTHER;
    memset(&in, 0, sizeof in);
    enum dar dar = run(d, at, ret, JOB_KEYGEN, &in);
    if (dar != DAR_OK) return done(d, at, dar);
    struct secure_key k = { .slot = (enum secure_slot)(SECURE_SIGN_NEXT + use),
                            .length = SECURE_SCALAR };
    memcpy(k.octets, d->curve.made.key, EC_KEY);
    int err = secure_keys_set(&d->meter, at->who, &k, 1, NULL);
    wipe(&k, sizeof k);
    return done(d, at, dar_of(err));
}

/* The pending key, or else the one in use. */
static int key_of(struct device *d, uint8_t use, uint8_t key[EC_KEY])
{
    int n = secure_key_get(&d->meter, (enum secure_slot)(SECURE_SIGN_NEXT + use), key, EC_KEY);
    if (n != SECURE_SCALAR)
        n = secure_key_get(&d->meter, (enum secure_slot)(SECURE_SIGN + use), key, EC_KEY);
    return n == SECURE_SCALAR ? 0 : E_NONE;
}

enum dar call_request(void *app, const struct cosem_at *at, struct axdr_in *arg,
                      struct cosem_ret *ret)
{
    enum { PUBLIC_TAKEN = 2 };
    struct device *d = device_of(app);
    struct job_in in;
    uint8_t buf[384], title[DLMS_TITLE], use = axdr_read_enum(arg);
    if (!axdr_is_done(arg)) return DAR_TYPE;
    memset(&in, 0, sizeof in);
    if (use > CERT_AGREE) return DAR_OTHER;
    if (ret->span.work[W_STEP] < PUBLIC_TAKEN) {
        if (key_of(d, use, in.key)) return done(d, at, DAR_OTHER);
        enum dar taken = run(d, at, ret, JOB_PUBLIC, &in);
        if (taken != DAR_OK) return done(d, at, taken);
    }
    device_title(d, title);
    int n = x509_put_request(buf, sizeof buf, title, d->curve.made.point);
    if (n < 0 || key_of(d, use, in.key)) return done(d, at, DAR_OTHER);
    sha256(in.hash, buf, (size_t)n);
    enum dar dar = run(d, at, ret, JOB_SIGN, &in);
    if (dar == DAR_OK) {
        n = x509_seal(buf, (size_t)n, sizeof buf, d->curve.made.sig);
        axdr_emit_octets(&ret->out, buf, n < 0 ? 0 : (size_t)n);
    }
    return done(d, at, dar);
}

/* -- import -----------------------------------------------------------------------------------
 */

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_title(struct x509_view cn, uint8_t title[CERT_TITLE])
{
    if (cn.n != X509_CN) return false;
    for (unsigned i = 0; i < CERT_TITLE; i++) {
        int high = nibble(cn.p[2 * i]), low = nibble(cn.p[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        title[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Whose is it, and for what? It is for one thing. */
static bool identify(struct device *d, const struct x509 *x, struct cert *c)
{
    uint8_t own[DLMS_TITLE];
    device_title(d, own);
    if (x->is_ca) {
        *c = (struct cert){ .entity = CERT_CA, .use = CERT_ANY };
        memcpy(c->title, x->point, CERT_TITLE);
        return x->usage & X509_KEY_CERT_SIGN;
    }
    c->entity = x509_is_titled(x, own) ? CERT_SERVER : CERT_CLIENT;
    c->use = x->usage == X509_KEY_AGREEMENT ? CERT_AGREE : CERT_SIGN;
    return (x->usage == X509_KEY_AGREEMENT || x->usage == X509_DIGITAL_SIGNATURE) &&
           read_title(x->cn, c->title);
}

/* The key that must have signed x: of an authority that is held, or its own when it is to be
 * the first. */
static int issuer_of(struct device *d, const struct x509 *x, uint8_t point[EC_POINT])
{
    uint8_t der[CERT_MAX];
    bool any = false;
    for (unsigned i = 0; i < CERTS; i++) {
        struct cert c;
        struct x509 ca;
        if (cert_get(&d->meter, i, &c) < 0 || c.entity != CERT_CA) continue;
        int n = cert_read(&d->meter, i, der);
        any = true;
        if (n < 0 || x509_read(&ca, der, (size_t)n) || !x509_issued(&ca, x)) continue;
        if (!curve_is_valid_now(d, &ca)) continue;
        memcpy(point, ca.point, EC_POINT);
        return 0;
    }
    if (any || !x->is_ca || !x509_issued(x, x)) return E_NONE;
    memcpy(point, x->point, EC_POINT);
    return 0;
}

/* Own certificates: of the pending key, which then takes over, or of the one in use. Jobs tell:
 * DAR_OK with *next whether it was the pending one. */
static enum dar match_own(struct device *d, const struct cosem_at *at, struct cosem_ret *ret,
                          const struct x509 *x, uint8_t use, bool *next)
{
    enum { TRY_NEXT = 2, TRY_USED = 4, NONE = 6 };
    struct job_in in;
    uint32_t *step = &ret->span.work[W_STEP];
    while (*step < NONE) {
        *next = *step < TRY_USED;
        memset(&in, 0, sizeof in);
        unsigned slot = use + (unsigned)(*next ? SECURE_SIGN_NEXT : SECURE_SIGN);
        int n = secure_key_get(&d->meter, (enum secure_slot)slot, in.key, EC_KEY);
        if (n != SECURE_SCALAR) {
            *step = *next ? TRY_USED : NONE;
            continue;
        }
        enum dar dar = run(d, at, ret, JOB_PUBLIC, &in);
        if (dar != DAR_OK) return dar;
        if (!memcmp(d->curve.made.point, x->point, EC_POINT)) return DAR_OK;
    }
    return DAR_OTHER;
}

static int store(struct device *d, const struct cosem_at *at, const struct cert *c,
                 const struct x509 *x, bool next)
{
    struct secure_key k[2] = {
        { .slot = (enum secure_slot)(SECURE_SIGN + c->use), .length = SECURE_SCALAR },
        { .slot = (enum secure_slot)(SECURE_SIGN_NEXT + c->use) },
    };
    if (next && secure_key_get(&d->meter, k[1].slot, k[0].octets, EC_KEY) != SECURE_SCALAR)
        return E_NONE;
    int err = cert_put(&d->meter, at->who, c, x->whole.p, x->whole.n, k, next ? 2 : 0);
    wipe(k, sizeof k);
    return err;
}

enum dar call_import(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret)
{
    enum { VERIFIED = 2 };
    struct device *d = device_of(app);
    struct job_in in;
    struct x509 x;
    struct cert c;
    size_t n = 0;
    bool next = false;
    enum dar dar = DAR_OK;
    const uint8_t *p = axdr_read_string(arg, AXDR_OCTETS, &n);
    if (!axdr_is_done(arg)) return DAR_TYPE;
    if (n > CERT_MAX || x509_read(&x, p, n) || !identify(d, &x, &c)) return DAR_OTHER;
    if (!curve_is_valid_now(d, &x)) return DAR_OTHER;
    if (ret->span.work[W_STEP] < VERIFIED) {
        memset(&in, 0, sizeof in);
        if (issuer_of(d, &x, in.point)) return DAR_OTHER;
        x509_hash(&x, in.hash);
        memcpy(in.sig, x.sig, EC_SIG);
        dar = run(d, at, ret, JOB_VERIFY, &in);
    }
    if (dar == DAR_OK && c.entity == CERT_SERVER) dar = match_own(d, at, ret, &x, c.use, &next);
    if (dar == DAR_OK) dar = dar_of(store(d, at, &c, &x, next));
    return done(d, at, dar);
}

/* -- finding, giving, forgetting --------------------------------------------------------------
 */

/* As DER or as the contents of the INTEGER; issuers as DER or as text. */
static bool is_serial(const struct x509 *x, const uint8_t *p, size_t n)
{
    if (n > 2 && p[0] == 2 && p[1] == n - 2) p += 2, n -= 2;
    return n == x->serial.n && !memcmp(p, x->serial.p, n);
}

static bool is_issuer(const struct x509 *x, const uint8_t *p, size_t n)
{
    if (!n || n > x->issuer.n) return false;
    const uint8_t *end = x->issuer.p + x->issuer.n - n; /* text: the last value, whole */
    return (n == x->issuer.n || end[-1] == n) && !memcmp(p, end, n);
}

static int find_serial(struct device *d, struct axdr_in *arg, uint8_t der[CERT_MAX])
{
    size_t serial_n = 0, issuer_n = 0;
    axdr_read_struct(arg, 2);
    const uint8_t *serial = axdr_read_string(arg, AXDR_OCTETS, &serial_n);
    const uint8_t *issuer = axdr_read_string(arg, AXDR_OCTETS, &issuer_n);
    if (!axdr_is_done(arg)) return E_TYPE;
    for (unsigned i = 0; i < CERTS; i++) {
        struct x509 x;
        int n = cert_read(&d->meter, i, der);
        if (n < 0 || x509_read(&x, der, (size_t)n)) continue;
        if (is_serial(&x, serial, serial_n) && is_issuer(&x, issuer, issuer_n)) return (int)i;
    }
    return E_NONE;
}

/* An authority is asked for without its use; without a title the first one is meant. */
static int find_entity(struct device *d, struct axdr_in *arg)
{
    struct cert c = { 0 };
    size_t n = 0;
    axdr_read_struct(arg, 3);
    c.entity = axdr_read_enum(arg);
    c.use = axdr_read_enum(arg);
    const uint8_t *title = axdr_read_string(arg, AXDR_OCTETS, &n);
    if (!axdr_is_done(arg)) return E_TYPE;
    if (c.entity == CERT_CA) c.use = CERT_ANY;
    if (c.entity == CERT_CA && n == 0) {
        for (unsigned i = 0; i < CERTS; i++)
            if (cert_get(&d->meter, i, &c) == 0 && c.entity == CERT_CA) return (int)i;
        return E_NONE;
    }
    if (n != CERT_TITLE) return E_NONE;
    memcpy(c.title, title, n);
    return cert_find(&d->meter, &c);
}

/* The slot of {how, options}; der is room to look into. */
static int find(struct device *d, struct axdr_in *arg, uint8_t der[CERT_MAX])
{
    axdr_read_struct(arg, 2);
    uint8_t how = axdr_read_enum(arg);
    if (arg->bad || how > 1) return E_TYPE;
    return how ? find_serial(d, arg, der) : find_entity(d, arg);
}

enum dar call_export(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    uint8_t der[CERT_MAX];
    (void)at;
    int slot = find(d, arg, der);
    int n = slot < 0 ? slot : cert_read(&d->meter, (unsigned)slot, der);
    if (n < 0) return dar_of(n);
    axdr_emit_octets(&ret->out, der, (size_t)n);
    return DAR_OK;
}

enum dar call_remove(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    uint8_t der[CERT_MAX];
    struct cert c, other;
    unsigned authorities = 0;
    (void)ret;
    int slot = find(d, arg, der);
    if (slot < 0) return dar_of(slot);
    for (unsigned i = 0; i < CERTS; i++)
        authorities += cert_get(&d->meter, i, &other) == 0 && other.entity == CERT_CA;
    int err = cert_get(&d->meter, (unsigned)slot, &c);
    if (err) return dar_of(err);
    bool used = param_get(&d->meter, PARAM_SECURITY_SUITE) == 1 &&
                !curve_is_complete(d, (unsigned)slot);
    if (used || (c.entity == CERT_CA && authorities == 1)) return DAR_DENIED;
    return dar_of(cert_remove(&d->meter, at->who, (unsigned)slot));
}

/* -- key agreement
 * ------------------------------------------------------------------------------
 */

struct offer {
    uint8_t id;
    const uint8_t *data; /* point, signature */
};

static int read_offers(struct axdr_in *arg, struct offer offer[KEYS_MAX])
{
    uint32_t n = axdr_read_head(arg, AXDR_ARRAY);
    if (n == 0 || n > KEYS_MAX) return E_TYPE;
    for (uint32_t i = 0; i < n; i++) {
        size_t len = 0;
        axdr_read_struct(arg, 2);
        offer[i].id = axdr_read_enum(arg);
        offer[i].data = axdr_read_string(arg, AXDR_OCTETS, &len);
        if (arg->bad || len != KEY_DATA) return E_TYPE;
        if (offer[i].id > SECURE_MASTER) return E_RANGE;
    }
    return axdr_is_done(arg) ? (int)n : E_TYPE;
}

static void digest(uint8_t id, const uint8_t point[EC_POINT], uint8_t hash[EC_HASH])
{
    struct sha256 s;
    sha256_begin(&s);
    sha256_more(&s, &id, 1);
    sha256_more(&s, point, EC_POINT);
    sha256_end(&s, hash);
}

/* What the next of the four jobs of one key needs: its signature is verified, a pair is made,
 * signed, and brought together with the client's. */
static int prepare(struct device *d, const struct cosem_at *at, const struct offer *o,
                   unsigned move, struct job_in *in)
{
    const struct job_out *made = &d->curve.made;
    int n = SECURE_SCALAR;
    switch (move) {
    case 0:
        digest(o->id, o->data, in->hash);
        memcpy(in->sig, o->data + EC_POINT, EC_SIG);
        return curve_point_of(d, CERT_CLIENT, CERT_SIGN, session_of(at)->title, in->point);
    case 1:
        return 0;
    case 2:
        digest(o->id, made->point, in->hash);
        n = secure_key_get(&d->meter, SECURE_SIGN, in->key, EC_KEY);
        return n == SECURE_SCALAR ? 0 : E_NONE;
    default:
        memcpy(in->key, made->key, EC_KEY);
        memcpy(in->point, o->data, EC_POINT);
        return 0;
    }
}

static void agreed(struct device *d, const struct cosem_at *at, const struct offer *o,
                   uint8_t fresh[DEVICE_KEY], struct axdr_out *out)
{
    const struct job_out *made = &d->curve.made;
    uint8_t title[DLMS_TITLE], data[KEY_DATA];
    device_title(d, title);
    kdf(fresh, made->shared, session_of(at)->title, DLMS_TITLE, title, sizeof title);
    memcpy(data, made->point, EC_POINT);
    memcpy(data + EC_POINT, made->sig, EC_SIG);
    axdr_emit_head(out, AXDR_STRUCTURE, 2);
    axdr_emit_enum(out, o->id);
    axdr_emit_octets(out, data, sizeof data);
}

static enum dar take_over(struct device *d, const struct cosem_at *at,
                          const struct offer offer[KEYS_MAX], unsigned n)
{
    struct secure_key k[KEYS_MAX] = { 0 };
    for (unsigned i = 0; i < n; i++) {
        k[i].slot = (enum secure_slot)offer[i].id;
        k[i].length = SECURE_KEY;
        memcpy(k[i].octets, d->curve.fresh[i], SECURE_KEY);
    }
    int err = device_keys_set(d, at->who, k, n);
    wipe(k, sizeof k);
    return dar_of(err);
}

enum dar call_agree(void *app, const struct cosem_at *at, struct axdr_in *arg,
                    struct cosem_ret *ret)
{
    static const uint8_t job[] = { JOB_VERIFY, JOB_KEYGEN, JOB_SIGN, JOB_AGREE };
    struct device *d = device_of(app);
    struct offer offer[KEYS_MAX];
    struct job_in in;
    int n = read_offers(arg, offer);
    if (n < 0) return dar_of(n);
    if (!at->session || param_get(&d->meter, PARAM_SECURITY_SUITE) == 0) return DAR_DENIED;
    uint32_t step = ret->span.work[W_STEP];
    unsigned key = step / MOVES, move = step % MOVES / 2;
    memset(&in, 0, sizeof in);
    if (prepare(d, at, &offer[key], move, &in)) return done(d, at, DAR_OTHER);
    enum dar dar = run(d, at, ret, (enum job_kind)job[move], &in);
    if (dar != DAR_OK) return done(d, at, dar);
    if (move < 3) return DAR_PENDING;
    if (key == 0) axdr_emit_head(&ret->out, AXDR_ARRAY, (uint32_t)n);
    agreed(d, at, &offer[key], d->curve.fresh[key], &ret->out);
    if (key + 1 < (unsigned)n) return DAR_PENDING;
    return done(d, at, take_over(d, at, offer, (unsigned)n));
}

/* -- attribute 6 -----------------------------------------------------------------------------
 */

static enum dar certificates_open(void *app, const struct cosem_at *at,
                                  const struct cosem_sel *sel, struct span *s)
{
    struct cert c;
    (void)at, (void)sel;
    for (unsigned i = 0; i < CERTS; i++) s->end += cert_get(meter_of(app), i, &c) == 0;
    return DAR_OK;
}

static enum dar certificates_row(void *app, const struct cosem_at *at, uint32_t i,
                                 struct span *s, struct axdr_out *o)
{
    struct cert c;
    struct x509 x;
    uint8_t der[CERT_MAX];
    unsigned slot = 0;
    (void)at, (void)s;
    for (uint32_t left = i; slot < CERTS; slot++)
        if (cert_get(meter_of(app), slot, &c) == 0 && left-- == 0) break;
    int n = slot < CERTS ? cert_read(meter_of(app), slot, der) : E_NONE;
    if (n < 0 || x509_read(&x, der, (size_t)n)) return DAR_BLOCK;
    axdr_emit_head(o, AXDR_STRUCTURE, 6);
    axdr_emit_enum(o, c.entity);
    axdr_emit_enum(o, c.use);
    axdr_emit_octets(o, x.serial.p, x.serial.n);
    axdr_emit_octets(o, x.issuer.p, x.issuer.n);
    axdr_emit_octets(o, x.subject.p, x.subject.n);
    axdr_emit_octets(o, "", 0);
    return DAR_OK;
}

const struct cosem_seq seq_certificates = { .open = certificates_open,
                                            .row = certificates_row };
