/* test_powercut_suite1.c - a client takes a meter from suite 0 to suite 1 and renews its keys,
 * with the lights going out at every flash operation.
 *
 * The client is the one behind `magno`, the meter a whole device: key pairs, requests,
 * certificates, the suite, HLS 7, an exchange with a dedicated key, one ciphered and signed by
 * an agreed key, key agreement, key transfer, a policy of signatures. Each program and erase is
 * cut once, torn in one of six ways; what came up must have the keys from before or those from
 * after as a whole, use no counter again, and the client must be able to go on to the end from
 * the step that was cut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/kdf.h"
#include "crypto/kw.h"
#include "crypto/x509.h"
#include "air.h"
#include "model/classes.h"
#include "model/curve.h"
#include "powercut/nor_sim.h"
#include "tools/client/session.h"
#include "tools/client/value.h"

enum { SECTORS = 2048, UTC = 1795305600, DAY_S = 86400 };
static const struct target setup_of = { 64, { 0, 0, 43, 0, 0, 255 }, 0 };
static const struct target energy = { 3, { 1, 0, 1, 8, 0, 255 }, 2 };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}
#define must(c) ((c) ? (void)0 : fail(__func__, #c))

/* -- what the client knows -------------------------------------------------------------------
 */

struct life {
    struct desk *desk;
    struct keyring keys;
    uint8_t ca[32], ca_point[64]; /* the authority's pair */
    uint8_t pending[16];          /* a unicast key on its way; zero: none */
    uint32_t ic, floor;           /* next to use; lowest that the meter may use */
    uint64_t transaction;
    uint8_t suite;
    bool sign;
    unsigned step;
};

/* One association, one thing done in it, and its end. */
typedef int act(struct life *l, struct session *s, struct trouble *t);

static int in_session(struct life *l, uint8_t mechanism, enum guard guard, bool sign, act *what)
{
    struct air *a = malloc(sizeof *a);
    struct session_config c;
    struct session s;
    struct trouble t;
    must(a);
    air_open(a, l->desk, 1);
    session_config_default(&c);
    c.keys = l->keys;
    c.mechanism = mechanism;
    c.ciphered = true;
    c.guard = guard;
    c.dedicated = guard == GUARD_DED;
    c.suite = l->suite;
    c.policy = SC_AUTH | SC_CRYPT;
    c.sign = sign;
    c.keep_counter = false;
    c.first_counter = l->ic;
    c.timeout_ms = 3000;
    session_init(&s, &c, &a->base);
    s.transaction = l->transaction;
    int e = session_open(&s, &t);
    if (e == 0 && s.global_floor <= l->floor) fail("a counter of the meter", "comes again");
    if (e == 0) {
        l->floor = s.global_floor;
        e = what(l, &s, &t);
    }
    l->ic = s.counter.next > l->ic ? s.counter.next : l->ic + 300;
    l->transaction = s.transaction + 16;
    memcpy(l->keys.server_title, s.cfg.keys.server_title, 8);
    l->keys.has_server_title |= s.cfg.keys.has_server_title;
    session_close(&s);
    air_shut(a);
    free(a);
    return e;
}

static int method(struct session *s, int8_t number, const struct buf *arg, struct buf *ret,
                  struct trouble *t)
{
    struct target o = setup_of;
    o.attr = number;
    return session_action(s, &o, arg, ret, t);
}

static int method_enum(struct session *s, int8_t number, uint8_t value, struct buf *ret,
                       struct trouble *t)
{
    struct buf arg = { 0 };
    buf_put(&arg, (uint8_t[]){ AXDR_ENUM, value }, 2);
    int e = method(s, number, &arg, ret, t);
    buf_free(&arg);
    return e;
}

/* -- the steps; each may be done again ----------------------------------------------------- */

static int read_energy(struct life *l, struct session *s, struct trouble *t)
{
    struct buf data = { 0 };
    (void)l;
    int e = session_get(s, &energy, NULL, &data, t);
    buf_free(&data);
    return e;
}

static int certify(struct life *l, const char *cn, const uint8_t point[64], uint8_t usage,
                   uint8_t *der)
{
    uint8_t sig[64];
    struct x509_plan p = { .serial = { 1, 2, 3, usage, (uint8_t)strlen(cn) },
                           .issuer_cn = "authority",
                           .subject_cn = cn,
                           .not_before = { UTC - DAY_S },
                           .not_after = { UTC + 100 * DAY_S },
                           .usage = usage,
                           .issuer_point = l->ca_point };
    memcpy(p.point, point, 64);
    int n = x509_put_cert(der, X509_MAX, &p);
    must(n > 0 && protect_sign(sig, l->ca, der, (size_t)n) == 0);
    return x509_seal(der, (size_t)n, X509_MAX, sig);
}

static int import(struct session *s, const uint8_t *der, int n, struct trouble *t)
{
    struct buf arg = { 0 }, ret = { 0 };
    buf_put_head(&arg, AXDR_OCTETS, (uint32_t)n);
    buf_put(&arg, der, (size_t)n);
    int e = method(s, 6, &arg, &ret, t);
    buf_free(&arg);
    buf_free(&ret);
    return e;
}

static int give_authority(struct life *l, struct session *s, struct trouble *t)
{
    uint8_t der[X509_MAX];
    return import(s, der, certify(l, "authority", l->ca_point, X509_KEY_CERT_SIGN, der), t);
}

static int give_client(struct life *l, struct session *s, struct trouble *t)
{
    uint8_t der[X509_MAX], point[64];
    char cn[X509_CN + 1];
    int e = 0;
    x509_title_text(cn, l->keys.client_title);
    for (int use = 0; use < 2 && e == 0; use++) {
        must(protect_public(point, use ? l->keys.agree : l->keys.sign) == 0);
        e = import(
            s, der,
            certify(l, cn, point, use ? X509_KEY_AGREEMENT : X509_DIGITAL_SIGNATURE, der), t);
    }
    return e;
}

/* A pair of the meter, its request, its certificate. */
static int renew(struct life *l, struct session *s, uint8_t use, struct trouble *t)
{
    uint8_t der[X509_MAX];
    char cn[X509_CN + 1];
    struct x509 x;
    struct buf ret = { 0 };
    int e = method_enum(s, 4, use, &ret, t);
    if (e == 0) e = method_enum(s, 5, use, &ret, t);
    if (e == 0) {
        struct axdr_in in = buf_in(&ret);
        size_t n;
        const uint8_t *p = axdr_read_string(&in, AXDR_OCTETS, &n);
        must(p && x509_read_request(&x, p, n) == 0 &&
             protect_verify(x.sig, x.point, x.tbs.p, x.tbs.n));
        must(x509_is_titled(&x, l->keys.server_title));
        x509_title_text(cn, l->keys.server_title);
        e = import(
            s, der,
            certify(l, cn, x.point, use ? X509_KEY_AGREEMENT : X509_DIGITAL_SIGNATURE, der), t);
        if (e == 0) memcpy(use ? l->keys.peer_agree : l->keys.peer_sign, x.point, 64);
        l->keys.has_peer_sign = l->keys.has_peer_agree = true;
    }
    buf_free(&ret);
    return e;
}

static int renew_sign(struct life *l, struct session *s, struct trouble *t)
{
    return renew(l, s, 0, t);
}

static int renew_agree(struct life *l, struct session *s, struct trouble *t)
{
    return renew(l, s, 1, t);
}

static int write_suite(struct life *l, struct session *s, struct trouble *t)
{
    struct target o = setup_of;
    struct buf value = { 0 };
    (void)l;
    o.attr = 3;
    buf_put(&value, (uint8_t[]){ AXDR_ENUM, 1 }, 2);
    int e = session_set(s, &o, NULL, &value, t);
    buf_free(&value);
    return e;
}

static int transfer(struct life *l, struct session *s, struct trouble *t)
{
    struct buf arg = { 0 }, ret = { 0 };
    uint8_t wrapped[24];
    for (unsigned i = 0; i < 16; i++) l->pending[i] = (uint8_t)(l->step * 16 + i);
    kw_wrap(wrapped, l->keys.master, 16, l->pending, 16);
    buf_put(&arg, (uint8_t[]){ AXDR_ARRAY, 1, AXDR_STRUCTURE, 2, AXDR_ENUM, 0 }, 6);
    buf_put_head(&arg, AXDR_OCTETS, sizeof wrapped);
    buf_put(&arg, wrapped, sizeof wrapped);
    int e = method(s, 2, &arg, &ret, t);
    buf_free(&arg);
    buf_free(&ret);
    return e;
}

static void one_half(struct buf *b, uint8_t id, const uint8_t key[32], const uint8_t q[64])
{
    uint8_t text[65], sig[64];
    text[0] = id;
    memcpy(text + 1, q, 64);
    must(protect_sign(sig, key, text, sizeof text) == 0);
    buf_put(b, (uint8_t[]){ AXDR_STRUCTURE, 2, AXDR_ENUM, id }, 4);
    buf_put_head(b, AXDR_OCTETS, 128);
    buf_put(b, q, 64);
    buf_put(b, sig, 64);
}

/* Both the unicast and the authentication key. */
static int agree_keys(struct life *l, struct session *s, struct trouble *t)
{
    static const uint8_t ids[2] = { 0, 2 };
    uint8_t own[2][32], q[64], seed[32], z[32], fresh[2][16], text[65];
    struct buf arg = { 0 }, ret = { 0 };
    buf_put(&arg, (uint8_t[]){ AXDR_ARRAY, 2 }, 2);
    for (int i = 0; i < 2; i++) {
        protect_random(seed, sizeof seed);
        must(ec_keygen(own[i], q, seed) == 0);
        one_half(&arg, ids[i], l->keys.sign, q);
    }
    int e = method(s, 3, &arg, &ret, t);
    struct axdr_in in = buf_in(&ret);
    if (e == 0) must(axdr_read_head(&in, AXDR_ARRAY) == 2);
    for (int i = 0; i < 2 && e == 0; i++) {
        size_t n = 0;
        axdr_read_struct(&in, 2);
        must(axdr_read_enum(&in) == ids[i]);
        const uint8_t *p = axdr_read_string(&in, AXDR_OCTETS, &n);
        must(p && n == 128);
        text[0] = ids[i];
        memcpy(text + 1, p, 64);
        must(protect_verify(p + 64, l->keys.peer_sign, text, sizeof text));
        must(ec_agree(z, own[i], p, seed) == 0);
        kdf(fresh[i], z, l->keys.client_title, 8, l->keys.server_title, 8);
    }
    if (e == 0) {
        memcpy(l->keys.global.ek, fresh[0], 16);
        memcpy(l->keys.global.ak, fresh[1], 16);
        l->ic = 0;
    }
    buf_free(&arg);
    buf_free(&ret);
    return e;
}

static int strengthen(struct life *l, struct session *s, struct trouble *t)
{
    struct buf ret = { 0 };
    (void)l;
    int e = method_enum(s, 1, 0xFC, &ret, t);
    buf_free(&ret);
    return e;
}

/* What suite 1 stands on stays: every certificate is asked to go. */
static int keep_certificates(struct life *l, struct session *s, struct trouble *t)
{
    for (unsigned i = 0; i < 5; i++) {
        uint8_t entity = i < 2 ? CERT_SERVER : i < 4 ? CERT_CLIENT : CERT_CA;
        const uint8_t *title = i < 2 ? l->keys.server_title : l->keys.client_title;
        struct buf arg = { 0 }, ret = { 0 };
        buf_put(&arg, (uint8_t[]){ AXDR_STRUCTURE, 2, AXDR_ENUM, 0, AXDR_STRUCTURE, 3 }, 6);
        buf_put(&arg, (uint8_t[]){ AXDR_ENUM, entity, AXDR_ENUM, i % 2 }, 4);
        buf_put_head(&arg, AXDR_OCTETS, i < 4 ? 8 : 0);
        buf_put(&arg, title, i < 4 ? 8 : 0);
        int e = method(s, 8, &arg, &ret, t);
        buf_free(&arg);
        buf_free(&ret);
        if (e != DAR_DENIED) return e < 0 ? e : E_STATE;
    }
    return 0;
}

static const struct step {
    const char *name;
    act *act;
    uint8_t mechanism; /* 0: HLS 5 */
    enum guard guard;
    bool sign;
} steps[] = {
    { "a read in suite 0", read_energy, 0, GUARD_GLO, false },
    { "a read by a dedicated key", read_energy, MECH_GMAC, GUARD_DED, false },
    { "key transfer in suite 0", transfer, MECH_GMAC, GUARD_DED, false },
    { "a read by the new key", read_energy, 0, GUARD_DED, false },
    { "the authority", give_authority, 0, GUARD_GLO, false },
    { "the client's certificates", give_client, 0, GUARD_GLO, false },
    { "the meter's pair for signatures", renew_sign, 0, GUARD_GLO, false },
    { "the meter's pair for key agreement", renew_agree, 0, GUARD_GLO, false },
    { "suite 1", write_suite, 0, GUARD_GLO, false },
    { "a read after HLS 7", read_energy, MECH_ECDSA, GUARD_GLO, false },
    { "a read by an agreed key, signed", read_energy, MECH_ECDSA, GUARD_ONE_PASS, true },
    { "a read by static keys", read_energy, MECH_ECDSA, GUARD_STATIC, false },
    { "key agreement", agree_keys, MECH_ECDSA, GUARD_GLO, false },
    { "key transfer", transfer, MECH_ECDSA, GUARD_GLO, false },
    { "another pair for signatures", renew_sign, MECH_ECDSA, GUARD_GLO, false },
    { "certificates that must stay", keep_certificates, MECH_ECDSA, GUARD_GLO, false },
    { "a policy of signatures", strengthen, MECH_ECDSA, GUARD_GLO, false },
    { "a signed read", read_energy, MECH_ECDSA, GUARD_GLO, true },
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* What is known once the step is done. */
static void learn(struct life *l)
{
    static const uint8_t none[16];
    if (steps[l->step].act == write_suite) l->suite = 1;
    if (steps[l->step].act == strengthen) l->sign = true;
    if (!memcmp(l->pending, none, sizeof none)) return;
    memcpy(l->keys.global.ek, l->pending, 16);
    memset(l->pending, 0, sizeof l->pending);
    l->ic = 0;
}

static void live(struct life *l)
{
    for (; l->step < STEPS; l->step++) {
        const struct step *s = &steps[l->step];
        uint8_t mechanism = s->mechanism ? s->mechanism : MECH_GMAC;
        if (in_session(l, mechanism, s->guard, s->sign || l->sign, s->act)) {
            fail("refused", s->name);
            return;
        }
        learn(l);
    }
}

/* -- cutting ------------------------------------------------------------------------------- */

static unsigned long cuts, before, after;

/* After a cut the keys are those from before the step or those from after, all of them. */
static void judge(struct life *l)
{
    uint8_t ek[DLMS_SECRET_MAX], ak[DLMS_SECRET_MAX];
    struct device *d = &l->desk->d;
    must(device_host.key_get(d, ROLE_MANAGEMENT, DLMS_KEY_UNICAST, ek) == 16);
    must(device_host.key_get(d, ROLE_MANAGEMENT, DLMS_KEY_AUTH, ak) == 16);
    bool same_ek = !memcmp(ek, l->keys.global.ek, 16),
         same_ak = !memcmp(ak, l->keys.global.ak, 16);
    if (steps[l->step].act == agree_keys && !(same_ek && same_ak)) {
        /* new ones, which the client was not told: both are */
        must(!same_ek && !same_ak);
        memcpy(l->keys.global.ek, ek, 16);
        memcpy(l->keys.global.ak, ak, 16);
        l->ic = 0;
        after++;
    } else if (!same_ek) {
        must(steps[l->step].act == transfer && same_ak && !memcmp(ek, l->pending, 16));
        learn(l);
        after++;
    } else {
        before++;
    }
    memset(l->pending, 0, sizeof l->pending);
    if (param_get(&d->meter, PARAM_SECURITY_SUITE)) l->suite = 1;
    if (param_get(&d->meter, PARAM_SECURITY_POLICY) & PROT_SIGN_REQ) l->sign = true;
    struct cert own = { .entity = CERT_SERVER, .use = CERT_SIGN };
    memcpy(own.title, l->keys.server_title, 8);
    uint8_t point[64];
    if (curve_point_of(d, CERT_SERVER, CERT_SIGN, own.title, point) == 0)
        memcpy(l->keys.peer_sign, point, 64), l->keys.has_peer_sign = true;
    if (curve_point_of(d, CERT_SERVER, CERT_AGREE, own.title, point) == 0)
        memcpy(l->keys.peer_agree, point, 64), l->keys.has_peer_agree = true;
}

static enum sim_fate cut_here(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    const struct life *l = ctx;
    struct nor_sim child;
    if (!l->desk) return SIM_DONE; /* its first power-up */
    struct life other = *l;
    enum torn model = (enum torn)(cuts++ % TORN_MODELS);
    nor_sim_fork(&child, sim, cuts);
    nor_sim_tear(&child, op, model);
    nor_sim_power_up(&child);
    other.ic += 300; /* the client has used some that it was not told of by this */
    other.transaction += 64;
    other.desk = desk_on(&child.nor, UTC + 60);
    judge(&other);
    live(&other);
    desk_free(other.desk);
    nor_sim_free(&child);
    return SIM_DONE;
}

int main(void)
{
    static struct nor_sim sim;
    static struct life l;
    uint8_t seed[32] = { 1 };
    struct keyring *k = &l.keys;
    must(ec_keygen(l.ca, l.ca_point, seed) == 0);
    uint8_t point[64];
    seed[1] = 1;
    must(ec_keygen(k->sign, point, seed) == 0);
    seed[1] = 2;
    must(ec_keygen(k->agree, point, seed) == 0);
    k->has_sign = k->has_agree = k->has_global = k->has_master = k->has_client_title = true;
    k->global.len = 16;
    memcpy(k->global.ek, device_development.key[SECURE_UNICAST], 16);
    memcpy(k->global.ak, device_development.key[SECURE_AUTH], 16);
    memcpy(k->master, device_development.key[SECURE_MASTER], 16);
    memcpy(k->client_title, "MGC\x00\x00\x00\x00\x01", 8);
    l.transaction = 1;
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, 1);
    l.desk = desk_on(&sim.nor, UTC);
    sim.watch = cut_here;
    sim.watch_ctx = &l;
    live(&l);
    printf("%u steps, %lu cuts (%lu with the old keys, %lu with the new): all lived on to the "
           "end\n",
           (unsigned)STEPS, cuts, before, after);
    must(cuts > 100 && after > 0);
    desk_free(l.desk);
    nor_sim_free(&sim);
    return 0;
}
