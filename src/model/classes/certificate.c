/* certificate.c - class 64, methods 3 to 8: key agreement, key pairs and certificates. Each
 * step on a curve is a job; a method that waits for one is called again, and looks at nothing
 * else until it is done. span.work counts.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/kdf.h"
#include "crypto/kw.h"
#include "crypto/sha256.h"
#include "model/classes.h"
#include "model/curve.h"
#include "model/security.h"

enum { W_STEP, W_BEGUN, W_SLOT, W_GIVEN, W_STAGE, W_NEXT };
enum { NO_SESSION = UINT16_MAX, KEY_DATA = EC_POINT + EC_SIG, KEYS_MAX = DEVICE_KEYS };

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

/* Even steps prepare a job, odd ones wait for it. */
static unsigned jobs_done(const struct cosem_ret *ret)
{
    return ret->span.work[W_STEP] / 2;
}

/* What the last job came to, and the slot for the next of so many. DAR_OK: d->curve.made has
 * its result, and it is the next one's turn. */
static enum dar await(struct device *d, const struct cosem_at *at, struct cosem_ret *ret,
                      unsigned jobs)
{
    uint32_t *work = ret->span.work;
    uint16_t session = index_of(at);
    int err = 0;
    if (!work[W_BEGUN]) curve_end(d, session); /* of a call that was given up */
    work[W_BEGUN] = 1;
    if (work[W_STEP] % 2) {
        err = curve_take(d, session);
        if (err == E_BUSY) return DAR_PENDING;
        if (err) return DAR_OTHER;
        work[W_STEP]++;
    }
    if (jobs_done(ret) < jobs) err = curve_claim(d, session);
    return err == E_BUSY ? DAR_PENDING : err;
}

/* The input is wiped: it may hold a private key. */
static enum dar start(struct device *d, struct cosem_ret *ret, enum job_kind kind,
                      struct job_in *in)
{
    int err = curve_start(d, kind, in);
    wipe(in, sizeof *in);
    if (!err) ret->span.work[W_STEP]++;
    return err && err != E_BUSY ? err : DAR_PENDING;
}

/* -- key pairs and requests -----------------------------------------------------------------
 */

enum dar call_generate(void *app, const struct cosem_at *at, struct axdr_in *arg,
                       struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    struct job_in in = { .seed = { 0 } };
    uint8_t use = axdr_read_enum(arg);
    if (arg->bad) return DAR_TYPE;
    if (use > CERT_AGREE) return DAR_OTHER;
    enum dar dar = await(d, at, ret, 1);
    if (dar == DAR_OK && !jobs_done(ret)) dar = start(d, ret, JOB_KEYGEN, &in);
    if (dar != DAR_OK) return done(d, at, dar);
    struct secure_key k = { .slot = (enum secure_slot)(SECURE_SIGN_NEXT + use),
                            .length = SECURE_SCALAR };
    memcpy(k.octets, d->curve.made.key, EC_KEY);
    int err = secure_keys_set(&d->meter, at->who, &k, 1, NULL);
    wipe(&k, sizeof k);
    return done(d, at, err);
}

/* The pending key, or else the one in use. */
static int key_of(struct device *d, uint8_t use, uint8_t key[EC_KEY])
{
    return curve_own_key(d, SECURE_SIGN_NEXT + use, key)
               ? curve_own_key(d, SECURE_SIGN + use, key)
               : 0;
}

/* Its public point, then the signature over the request. */
enum dar call_request(void *app, const struct cosem_at *at, struct axdr_in *arg,
                      struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    struct job_in in = { .seed = { 0 } };
    uint8_t buf[384], title[DLMS_TITLE], use = axdr_read_enum(arg);
    if (arg->bad) return DAR_TYPE;
    if (use > CERT_AGREE) return DAR_OTHER;
    enum dar dar = await(d, at, ret, 2);
    if (dar != DAR_OK) return done(d, at, dar);
    unsigned jobs = jobs_done(ret);
    if (jobs < 2 && key_of(d, use, in.key)) return done(d, at, DAR_OTHER);
    if (jobs == 0) return done(d, at, start(d, ret, JOB_PUBLIC, &in));
    device_title(d, title);
    int n = x509_put_request(buf, sizeof buf, title, d->curve.made.point);
    if (n > 0 && jobs == 1) {
        sha256(in.hash, buf, (size_t)n);
        return done(d, at, start(d, ret, JOB_SIGN, &in));
    }
    if (n > 0) n = x509_seal(buf, (size_t)n, sizeof buf, d->curve.made.sig);
    if (n > 0) axdr_emit_octets(&ret->out, buf, (size_t)n);
    return done(d, at, n > 0 ? DAR_OK : DAR_OTHER);
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
 * the first. A slot each call; E_BUSY: there are more. */
static int issuer_of(struct device *d, const struct x509 *x, uint32_t *slot,
                     uint8_t point[EC_POINT])
{
    uint8_t der[CERT_MAX];
    struct cert c = { .entity = CERT_CA, .use = CERT_ANY };
    struct x509 ca;
    bool any = false;
    for (unsigned i = 0; i < CERTS; i++)
        any |= cert_get(&d->meter, i, &c) == 0 && c.entity == CERT_CA;
    if (!any && (!x->is_ca || !x509_issued(x, x))) return E_NONE;
    if (!any) memcpy(point, x->point, EC_POINT);
    if (!any) return 0;
    for (; *slot < CERTS; ++*slot)
        if (cert_get(&d->meter, *slot, &c) == 0 && c.entity == CERT_CA) break;
    if (*slot == CERTS) return E_NONE;
    int n = cert_read(&d->meter, *slot, der);
    if (n < 0 || x509_read(&ca, der, (size_t)n) || !x509_issued(&ca, x) ||
        !curve_is_valid_now(d, &ca)) {
        ++*slot;
        return E_BUSY;
    }
    memcpy(point, ca.point, EC_POINT);
    return 0;
}

/* Own certificates: of the pending key, which then takes over, or of the one in use: whose
 * point is it? The jobs behind the first tell; DAR_OK with *next whether it was the pending
 * one. */
static enum dar match_own(struct device *d, struct cosem_ret *ret, const struct x509 *x,
                          uint8_t use, bool *next)
{
    enum { VERIFIED = 1, TRIED_NEXT, TRIED_USED };
    struct job_in in = { .seed = { 0 } };
    unsigned jobs = jobs_done(ret);
    *next = jobs == TRIED_NEXT;
    if (jobs > VERIFIED && !memcmp(d->curve.made.point, x->point, EC_POINT)) return DAR_OK;
    if (jobs == VERIFIED && curve_own_key(d, SECURE_SIGN_NEXT + use, in.key)) {
        ret->span.work[W_STEP] += 2; /* there is none, and nothing to wait for */
        memset(d->curve.made.point, 0, EC_POINT);
        jobs++;
    }
    if (jobs == TRIED_NEXT && curve_own_key(d, SECURE_SIGN + use, in.key)) return DAR_OTHER;
    return jobs == TRIED_USED ? DAR_OTHER : start(d, ret, JOB_PUBLIC, &in);
}

enum { MATCH, UNWRAP, WRAP, SUM, PUT };

/* Whose it is is known: a pending key that takes over is wrapped for its new place, what the
 * who-log will tell is summed, each in steps of its own; then all of it is one change. */
static enum dar store(struct device *d, const struct cosem_at *at, struct cosem_ret *ret,
                      const struct cert *c, const struct x509 *x)
{
    uint32_t *work = ret->span.work;
    struct curve *v = &d->curve;
    struct secure_key k[2] = {
        { .slot = (enum secure_slot)(SECURE_SIGN + c->use), .length = SECURE_SCALAR },
        { .slot = (enum secure_slot)(SECURE_SIGN_NEXT + c->use) },
    };
    int err = E_BUSY;
    memcpy(k[0].octets, v->own, sizeof v->own);
    switch (work[W_STAGE]) {
    case UNWRAP:
        err = curve_own_key(d, k[1].slot, v->own);
        break;
    case WRAP:
        err = secure_key_wrap(&d->meter, &k[0]);
        memcpy(v->own, k[0].octets, sizeof v->own);
        break;
    case SUM:
        err = cert_sum(&d->meter, c, x->whole.p, x->whole.n, &v->sum);
        break;
    default:
        k[0].is_wrapped = true;
        k[0].length = SECURE_SCALAR + KW_EXTRA;
        err = cert_put(&d->meter, at->who, c, x->whole.p, x->whole.n, &v->sum, k,
                       work[W_NEXT] ? 2 : 0);
        return err;
    }
    wipe(k, sizeof k);
    if (!err) work[W_STAGE]++;
    return err && err != E_BUSY ? err : DAR_PENDING;
}

/* Where it goes; what the jobs left makes room for the sums. */
static enum dar matched(struct device *d, struct cosem_ret *ret, const struct cert *c,
                        bool next)
{
    int slot = cert_room(&d->meter, c);
    if (slot < 0) return slot;
    memset(&d->curve.sum, 0, sizeof d->curve.sum);
    d->curve.sum.slot = (uint8_t)slot;
    ret->span.work[W_NEXT] = next;
    ret->span.work[W_STAGE] = next ? UNWRAP : SUM;
    return DAR_PENDING;
}

/* Its signature is verified; an own one is compared with the pending key and the used one. */
enum dar call_import(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    struct job_in in = { .seed = { 0 } };
    struct x509 x;
    struct cert c;
    size_t n = 0;
    bool next = false;
    const uint8_t *p = axdr_read_string(arg, AXDR_OCTETS, &n);
    if (arg->bad) return DAR_TYPE;
    enum dar dar = await(d, at, ret, 3);
    if (dar != DAR_OK) return done(d, at, dar);
    if (n > CERT_MAX || x509_read(&x, p, n) || !identify(d, &x, &c) ||
        !curve_is_valid_now(d, &x))
        return done(d, at, DAR_OTHER);
    if (jobs_done(ret) == 0) {
        int err = issuer_of(d, &x, &ret->span.work[W_SLOT], in.point);
        if (err) return done(d, at, err == E_BUSY ? DAR_PENDING : DAR_OTHER);
        x509_hash(&x, in.hash);
        memcpy(in.sig, x.sig, EC_SIG);
        return done(d, at, start(d, ret, JOB_VERIFY, &in));
    }
    if (ret->span.work[W_STAGE] != MATCH) return done(d, at, store(d, at, ret, &c, &x));
    if (c.entity == CERT_SERVER) dar = match_own(d, ret, &x, c.use, &next);
    if (dar == DAR_OK) dar = matched(d, ret, &c, next);
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

/* One is read a call: E_BUSY, with *next the one to go on with. */
static int find_serial(struct device *d, struct axdr_in *arg, uint32_t *next)
{
    uint8_t der[CERT_MAX];
    struct x509 x;
    size_t serial_n = 0, issuer_n = 0;
    axdr_read_struct(arg, 2);
    const uint8_t *serial = axdr_read_string(arg, AXDR_OCTETS, &serial_n);
    const uint8_t *issuer = axdr_read_string(arg, AXDR_OCTETS, &issuer_n);
    if (arg->bad) return E_TYPE;
    if (*next >= CERTS) return E_NONE;
    uint32_t i = (*next)++;
    int n = cert_read(&d->meter, i, der);
    if (n < 0 || x509_read(&x, der, (size_t)n)) return E_BUSY;
    bool is = is_serial(&x, serial, serial_n) && is_issuer(&x, issuer, issuer_n);
    return is ? (int)i : E_BUSY;
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
    if (arg->bad) return E_TYPE;
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

/* The slot of {how, options}; E_BUSY: ask again. */
static int find(struct device *d, struct axdr_in *arg, uint32_t *next)
{
    axdr_read_struct(arg, 2);
    uint8_t how = axdr_read_enum(arg);
    if (arg->bad || how > 1) return E_TYPE;
    return how ? find_serial(d, arg, next) : find_entity(d, arg);
}

enum dar call_export(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret)
{
    struct device *d = device_of(app);
    uint8_t der[CERT_MAX];
    (void)at;
    int slot = find(d, arg, &ret->span.work[W_SLOT]);
    if (slot == E_BUSY) return DAR_PENDING;
    int n = slot < 0 ? slot : cert_read(&d->meter, (unsigned)slot, der);
    if (n < 0) return n;
    return axdr_emit_octets(&ret->out, der, (size_t)n);
}

enum dar suite1_is_complete(struct device *d, const struct cosem_at *at)
{
    int err = curve_look(d, index_of(at), CERTS);
    return done(d, at, err == E_BUSY ? DAR_PENDING : err ? DAR_DENIED : DAR_OK);
}

/* May it go? Never the last authority, and nothing that the suite in use needs. */
static enum dar may_go(struct device *d, const struct cosem_at *at, unsigned slot)
{
    struct cert c, other;
    unsigned authorities = 0;
    for (unsigned i = 0; i < CERTS; i++)
        authorities += cert_get(&d->meter, i, &other) == 0 && other.entity == CERT_CA;
    int err = cert_get(&d->meter, slot, &c);
    if (err) return err;
    if (c.entity == CERT_CA && authorities == 1) return DAR_DENIED;
    if (param_get(&d->meter, PARAM_SECURITY_SUITE) == 0) return DAR_OK;
    err = curve_look(d, index_of(at), slot);
    return err == E_BUSY ? DAR_PENDING : err ? DAR_DENIED : DAR_OK;
}

/* Found, looked after, summed; then it is one change. */
enum dar call_remove(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret)
{
    enum { FIND, LOOK, ADD, GO };
    struct device *d = device_of(app);
    struct curve *v = &d->curve;
    uint32_t *work = ret->span.work;
    enum dar dar = await(d, at, ret, 0);
    if (dar != DAR_OK || curve_hold(d, index_of(at))) return DAR_PENDING;
    int err = E_BUSY;
    switch (work[W_STAGE]) {
    case FIND:
        err = find(d, arg, &work[W_SLOT]);
        if (err >= 0) work[W_SLOT] = (uint32_t)err;
        break;
    case LOOK:
        dar = may_go(d, at, work[W_SLOT]);
        if (dar != DAR_OK) return done(d, at, dar);
        v->sum = (struct cert_sum){ .slot = (uint8_t)work[W_SLOT] };
        err = 0;
        break;
    case ADD:
        err = cert_sum(&d->meter, NULL, NULL, 0, &v->sum);
        break;
    default:
        return done(d, at, cert_put(&d->meter, at->who, NULL, NULL, 0, &v->sum, NULL, 0));
    }
    if (err >= 0) work[W_STAGE]++;
    return done(d, at, err < 0 && err != E_BUSY ? err : DAR_PENDING);
}

/* -- key agreement ------------------------------------------------------------------------- */

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
    return arg->bad ? E_TYPE : (int)n;
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
    switch (move) {
    case 0:
        digest(o->id, o->data, in->hash);
        memcpy(in->sig, o->data + EC_POINT, EC_SIG);
        return curve_point_of(d, CERT_CLIENT, CERT_SIGN, session_of(at)->title, in->point);
    case 1:
        return 0;
    case 2:
        digest(o->id, made->point, in->hash);
        return curve_own_key(d, SECURE_SIGN, in->key);
    default:
        memcpy(in->key, made->key, EC_KEY);
        memcpy(in->point, o->data, EC_POINT);
        return 0;
    }
}

static int agreed(struct device *d, const struct cosem_at *at, const struct offer *o,
                  struct axdr_out *out)
{
    const struct job_out *made = &d->curve.made;
    uint8_t title[DLMS_TITLE], data[KEY_DATA], fresh[DEVICE_KEY];
    device_title(d, title);
    kdf(fresh, made->shared, session_of(at)->title, DLMS_TITLE, title, sizeof title);
    memcpy(data, made->point, EC_POINT);
    memcpy(data + EC_POINT, made->sig, EC_SIG);
    axdr_emit_struct(out, 2);
    axdr_emit_enum(out, o->id);
    axdr_emit_octets(out, data, sizeof data);
    int err = device_keys_add(d, &d->curve.fresh, o->id, fresh);
    wipe(fresh, sizeof fresh);
    return err;
}

enum dar call_agree(void *app, const struct cosem_at *at, struct axdr_in *arg,
                    struct cosem_ret *ret)
{
    static const uint8_t job[] = { JOB_VERIFY, JOB_KEYGEN, JOB_SIGN, JOB_AGREE };
    struct device *d = device_of(app);
    struct offer offer[KEYS_MAX];
    struct job_in in = { .seed = { 0 } };
    uint32_t *given = &ret->span.work[W_GIVEN];
    int n = read_offers(arg, offer);
    if (n < 0) return n;
    if (!at->session || param_get(&d->meter, PARAM_SECURITY_SUITE) == 0) return DAR_DENIED;
    enum dar dar = await(d, at, ret, COUNT(job) * (unsigned)n);
    if (dar != DAR_OK) return done(d, at, dar);
    unsigned key = jobs_done(ret) / COUNT(job), move = jobs_done(ret) % COUNT(job);
    if (*given < key) {
        if (*given == 0) axdr_emit_array(&ret->out, (uint32_t)n);
        int err = agreed(d, at, &offer[*given], &ret->out);
        ++*given;
        return err ? done(d, at, err) : DAR_PENDING;
    }
    if (key == (unsigned)n) return done(d, at, device_keys_store(d, at->who, &d->curve.fresh));
    if (prepare(d, at, &offer[key], move, &in)) return done(d, at, DAR_OTHER);
    return done(d, at, start(d, ret, (enum job_kind)job[move], &in));
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
    axdr_emit_struct(o, 6);
    axdr_emit_enum(o, c.entity);
    axdr_emit_enum(o, c.use);
    axdr_emit_octets(o, x.serial.p, x.serial.n);
    axdr_emit_octets(o, x.issuer.p, x.issuer.n);
    axdr_emit_octets(o, x.subject.p, x.subject.n);
    return axdr_emit_octets(o, "", 0);
}

const struct cosem_seq seq_certificates = { .open = certificates_open,
                                            .row = certificates_row };
