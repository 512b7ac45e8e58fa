#include "model/curve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/sha256.h"

/* -- the slot ------------------------------------------------------------------------------ */

int curve_hold(struct device *d, uint16_t session)
{
    struct curve *c = &d->curve;
    uint32_t owner = 1u + session;
    if (c->owner && c->owner != owner) return E_BUSY;
    c->owner = owner;
    return 0;
}

int curve_claim(struct device *d, uint16_t session)
{
    struct curve *c = &d->curve;
    if (!CFG_SUITE1) return E_STATE;
    int err = curve_hold(d, session);
    if (err || c->is_seeded) return err;
    rng_get(&d->rng, c->seed, sizeof c->seed);
    c->is_seeded = true;
    return E_BUSY;
}

int curve_start(struct device *d, enum job_kind kind, struct job_in *in)
{
    struct curve *c = &d->curve;
    memcpy(in->seed, c->seed, sizeof in->seed);
    int err = job_start(&d->job, kind, in);
    wipe(in, sizeof *in);
    if (err) return err;
    c->job = (uint8_t)kind;
    c->is_seeded = false;
    wipe(c->seed, sizeof c->seed);
    return 0;
}

void curve_end(struct device *d, uint16_t session)
{
    if (d->curve.owner != 1u + session) return;
    job_drop(&d->job);
    wipe(&d->curve, sizeof d->curve);
}

static void keep(struct job_out *made, enum job_kind kind, const struct job_out *out)
{
    if (kind == JOB_KEYGEN) memcpy(made->key, out->key, sizeof made->key);
    if (kind <= JOB_PUBLIC) memcpy(made->point, out->point, sizeof made->point);
    if (kind == JOB_SIGN) memcpy(made->sig, out->sig, sizeof made->sig);
    if (kind == JOB_AGREE) memcpy(made->shared, out->shared, sizeof made->shared);
}

int curve_take(struct device *d, uint16_t session)
{
    struct job_out out;
    if (d->curve.owner != 1u + session) return E_STATE;
    int err = job_done(&d->job, &out);
    if (err == E_BUSY) return err;
    if (err == 0)
        keep(&d->curve.made, (enum job_kind)d->curve.job, &out);
    else
        curve_end(d, session);
    wipe(&out, sizeof out);
    return err;
}

/* -- keys and certificates ------------------------------------------------------------------
 */

bool curve_is_valid_now(struct device *d, const struct x509 *x)
{
    return !clock_is_valid(&d->meter.clock) || x509_is_valid_at(x, meter_utc(&d->meter));
}

int curve_own_key(struct device *d, unsigned slot, uint8_t key[EC_KEY])
{
    int n = secure_key_get(&d->meter, (enum secure_slot)slot, key, EC_KEY);
    return n == EC_KEY ? 0 : E_NONE;
}

int curve_point_of(struct device *d, enum cert_entity entity, enum cert_use use,
                   const uint8_t title[CERT_TITLE], uint8_t point[EC_POINT])
{
    struct cert c = { .entity = (uint8_t)entity, .use = (uint8_t)use };
    uint8_t der[CERT_MAX];
    struct x509 x;
    memcpy(c.title, title, sizeof c.title);
    int slot = cert_find(&d->meter, &c);
    int n = slot < 0 ? slot : cert_read(&d->meter, (unsigned)slot, der);
    if (n < 0 || x509_read(&x, der, (size_t)n) || !curve_is_valid_now(d, &x)) return E_NONE;
    memcpy(point, x.point, EC_POINT);
    return 0;
}

enum { SIGNS = 1 << CERT_SIGN, AGREES = 1 << CERT_AGREE, CLIENT = 4, AUTHORITY = 8, ALL = 15 };
enum { ABLE = 16 }; /* the client looked at can sign: can it agree? */

/* Can the client of this certificate do what is asked next, now? */
static bool is_able(struct device *d, struct cert c, unsigned use, unsigned without)
{
    uint8_t point[EC_POINT];
    c.use = (uint8_t)use;
    return cert_find(&d->meter, &c) != (int)without &&
           curve_point_of(d, CERT_CLIENT, (enum cert_use)use, c.title, point) == 0;
}

/* A slot is looked at twice: for who is there, and for the other certificate of a client. True
 * when one was read, which is enough for a step. */
static bool look_on(struct device *d, struct curve_look *l)
{
    struct cert c;
    unsigned slot = l->at / 2u, use = l->at % 2u;
    l->at++;
    if (slot == l->without || cert_get(&d->meter, slot, &c) < 0) return false;
    if (c.entity == CERT_CA) l->has |= AUTHORITY;
    if (c.entity == CERT_SERVER && c.use <= CERT_AGREE) l->has |= (uint8_t)(1u << c.use);
    if (c.entity != CERT_CLIENT || c.use != CERT_SIGN || l->has & CLIENT) return false;
    if (use == CERT_AGREE && !(l->has & ABLE)) return false;
    l->has &= (uint8_t)~ABLE;
    if (is_able(d, c, use, l->without)) l->has |= use == CERT_SIGN ? ABLE : CLIENT;
    return true;
}

int curve_look(struct device *d, uint16_t session, unsigned without)
{
    struct curve *c = &d->curve;
    struct curve_look *l = &c->look;
    uint32_t changes = audit_span(&d->meter).next;
    if (curve_hold(d, session)) return E_BUSY;
    if (!c->is_looking || l->without != without || l->changes != changes) {
        curve_end(d, session);
        curve_hold(d, session);
        c->is_looking = true;
        *l = (struct curve_look){ .changes = changes, .without = (uint8_t)without };
    }
    while (l->at < 2 * CERTS)
        if (look_on(d, l)) return E_BUSY;
    bool has = (l->has & ALL) == ALL && secure_has_key(&d->meter, SECURE_SIGN) &&
               secure_has_key(&d->meter, SECURE_AGREE);
    c->is_looking = false;
    wipe(&c->made, sizeof c->made);
    return has ? 0 : E_NONE;
}

/* -- what the server asks ---------------------------------------------------------------------
 */
static int client_point(struct device *d, uint16_t session, enum cert_use use,
                        uint8_t point[EC_POINT])
{
    const uint8_t *title = d->cfg->pool->session[session].title;
    return curve_point_of(d, CERT_CLIENT, use, title, point);
}

/* What the job needs that step `step` of this work is. */
static int prepare(struct device *d, uint16_t session, enum dlms_ec kind, unsigned step,
                   const uint8_t *in, struct job_in *j)
{
    const struct job_out *made = &d->curve.made;
    switch (kind) {
    case DLMS_EC_SIGN:
        memcpy(j->hash, in, EC_HASH);
        return curve_own_key(d, SECURE_SIGN, j->key);
    case DLMS_EC_VERIFY:
        memcpy(j->hash, in, EC_HASH);
        memcpy(j->sig, in + EC_HASH, EC_SIG);
        return client_point(d, session, CERT_SIGN, j->point);
    case DLMS_EC_AGREE_1E:
        memcpy(j->point, in, EC_POINT);
        return curve_own_key(d, SECURE_AGREE, j->key);
    case DLMS_EC_AGREE_2S:
        if (curve_own_key(d, SECURE_AGREE, j->key)) return E_NONE;
        return client_point(d, session, CERT_AGREE, j->point);
    default:
        break;
    }
    if (step == 0) return 0; /* a new pair; it is signed; it meets the client's */
    if (step == 1) {
        sha256(j->hash, made->point, EC_POINT);
        return curve_own_key(d, SECURE_SIGN, j->key);
    }
    memcpy(j->key, made->key, EC_KEY);
    return client_point(d, session, CERT_AGREE, j->point);
}

static enum job_kind job_of(enum dlms_ec kind, unsigned step)
{
    static const uint8_t one[] = { [DLMS_EC_SIGN] = JOB_SIGN,
                                   [DLMS_EC_VERIFY] = JOB_VERIFY,
                                   [DLMS_EC_AGREE_1E] = JOB_AGREE,
                                   [DLMS_EC_AGREE_2S] = JOB_AGREE };
    static const uint8_t send[] = { JOB_KEYGEN, JOB_SIGN, JOB_AGREE };
    return (enum job_kind)(kind == DLMS_EC_SEND_1E ? send[step] : one[kind]);
}

static int start(struct device *d, uint16_t session, enum dlms_ec kind, unsigned step,
                 const uint8_t *in)
{
    struct job_in j;
    memset(&j, 0, sizeof j);
    int err = curve_claim(d, session);
    if (err == 0) err = prepare(d, session, kind, step, in, &j);
    if (err == 0) err = curve_start(d, job_of(kind, step), &j);
    wipe(&j, sizeof j);
    if (err == 0) {
        d->curve.kind = (uint8_t)kind;
        d->curve.step = (uint8_t)step;
    }
    if (err && err != E_BUSY) curve_end(d, session);
    return err;
}

int curve_host_start(void *app, uint16_t session, const struct who *who, enum dlms_ec kind,
                     const uint8_t *in, size_t n)
{
    struct device *d = app;
    (void)who, (void)n;
    if (!d->curve.is_seeded) curve_end(d, session); /* what was given up */
    return start(d, session, kind, 0, in);
}

static int give(const struct curve *c, uint8_t out[DLMS_EC_OUT])
{
    const struct job_out *made = &c->made;
    switch (job_of((enum dlms_ec)c->kind, c->step)) {
    case JOB_SIGN:
        memcpy(out, made->sig, EC_SIG);
        return EC_SIG;
    case JOB_AGREE:
        break;
    default:
        return 0;
    }
    size_t at = 0;
    if (c->kind == DLMS_EC_SEND_1E) {
        memcpy(out, made->point, EC_POINT);
        memcpy(out + EC_POINT, made->sig, EC_SIG);
        at = EC_POINT + EC_SIG;
    }
    memcpy(out + at, made->shared, EC_SHARED);
    return (int)(at + EC_SHARED);
}

/* The jobs of SEND_1E: when one is done the next is started, the slot claimed again first. */
int curve_host_take(void *app, uint16_t session, uint8_t out[DLMS_EC_OUT])
{
    struct device *d = app;
    struct curve *c = &d->curve;
    enum dlms_ec kind = (enum dlms_ec)c->kind;
    if (c->owner != 1u + session) return E_STATE;
    int err = c->is_seeded ? 0 : curve_take(d, session);
    if (err < 0) return err;
    if (kind == DLMS_EC_SEND_1E && c->step < 2) {
        err = start(d, session, kind, c->step + 1u, NULL);
        return err < 0 ? err : E_BUSY;
    }
    int n = give(c, out);
    curve_end(d, session);
    return n;
}

void curve_host_drop(void *app, uint16_t session)
{
    curve_end(app, session);
}
