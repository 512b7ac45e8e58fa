#include "tools/client/protect.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/ec.h"
#include "crypto/kdf.h"
#include "crypto/kw.h"
#include "crypto/sha256.h"
#include "dlms/xdlms.h"
#include "tools/client/names.h"

enum { KEY_BOX_MAX = 160, HEAD_MAX = 64 };

void protect_wipe(struct keyring *k)
{
    wipe(k, sizeof *k);
}

/* -- elliptic curves -------------------------------------------------------------------- */

int protect_public(uint8_t point[64], const uint8_t key[32])
{
    uint8_t seed[EC_SEED];
    protect_random(seed, sizeof seed);
    return ec_public(point, key, seed);
}

int protect_sign(uint8_t sig[64], const uint8_t key[32], const void *p, size_t n)
{
    uint8_t hash[SHA256], seed[EC_SEED];
    protect_random(seed, sizeof seed);
    sha256(hash, p, n);
    return ec_sign(sig, key, hash, seed);
}

bool protect_verify(const uint8_t sig[64], const uint8_t point[64], const void *p, size_t n)
{
    uint8_t hash[SHA256];
    sha256(hash, p, n);
    return ec_verify(point, hash, sig) == 0;
}

/* Key from ECDH of key and point, and the two parties. */
static int agree(struct cipher_key *out, const uint8_t ak[32], const uint8_t key[32],
                 const uint8_t point[64], const uint8_t *u, size_t u_n, const uint8_t *v,
                 size_t v_n)
{
    uint8_t z[EC_SHARED], seed[EC_SEED];
    protect_random(seed, sizeof seed);
    int e = ec_agree(z, key, point, seed);
    if (e < 0) return e;
    out->len = 16;
    kdf(out->ek, z, u, u_n, v, v_n);
    memcpy(out->ak, ak, sizeof out->ak);
    wipe(z, sizeof z);
    return 0;
}

/* Party V of C(0e,2s): length and transaction-id, then the receiver's title. */
static size_t static_party(uint8_t v[HEAD_MAX], struct cipher_view id, const uint8_t title[8])
{
    size_t n = id.n < HEAD_MAX - 9 ? id.n : HEAD_MAX - 9;
    v[0] = (uint8_t)n;
    memcpy(v + 1, id.p, n);
    memcpy(v + 1 + n, title, 8);
    return 9 + n;
}

/* -- sealing ---------------------------------------------------------------------------- */

static struct cipher_view view(const void *p, size_t n)
{
    return (struct cipher_view){ p, n };
}

/* Put the box, then the sealed text, behind what out holds. */
static void put_sealed(const struct seal *how, const struct cipher_key *key,
                       const uint8_t title[8], const struct cipher_box *box,
                       const uint8_t *plain, size_t n, struct buf *out)
{
    uint8_t head[HEAD_MAX];
    struct axdr_out aad = axdr_out(head, sizeof head);
    size_t content = n + cipher_extra(how->sc);
    if (box->tag == XDLMS_GENERAL_CIPHERING) { /* the five fields, as they stand in the box */
        const struct cipher_view *f[] = { &box->transaction, &box->originator, &box->recipient,
                                          &box->date_time, &box->other };
        for (size_t i = 0; i < 5; i++) {
            axdr_emit_length(&aad, (uint32_t)f[i]->n);
            axdr_emit(&aad, f[i]->p, f[i]->n);
        }
    }
    struct axdr_out o = buf_room(out, KEY_BOX_MAX + HEAD_MAX + content);
    cipher_emit_box(&o, box, content);
    uint8_t *text = o.buf + o.len;
    memcpy(text + CIPHER_HEAD, plain, n);
    o.len += cipher_seal(text, n, how->sc, how->ic, key, title, head, aad.len);
    buf_took(out, &o);
}

static int need(bool has, const char *what, struct trouble *t)
{
    return has ? 0 : trouble(t, E_STATE, "%s is needed for this protection", what);
}

static int seal_service(struct keyring *k, const struct seal *how, const uint8_t *plain,
                        size_t n, struct buf *out, struct trouble *t)
{
    bool ded = how->guard == GUARD_DED || how->guard == GUARD_GENERAL_DED;
    bool general = how->guard == GUARD_GENERAL_GLO || how->guard == GUARD_GENERAL_DED;
    int e = need(ded ? k->has_dedicated : k->has_global,
                 ded ? "a dedicated key (--ded)" : "the keys (--ek and --ak)", t);
    if (e == 0) e = need(k->has_client_title, "the client's system title (--title)", t);
    if (e < 0) return e;
    struct cipher_box box = { .tag = general ? 0 : cipher_tag_of(plain[0], ded) };
    if (box.tag == 0) {
        box.tag = ded ? XDLMS_GENERAL_DED : XDLMS_GENERAL_GLO;
        box.title = view(k->client_title, 8);
    }
    put_sealed(how, ded ? &k->dedicated : &k->global, k->client_title, &box, plain, n, out);
    return 0;
}

static int make_wrapped(struct keyring *k, struct cipher_box *box, uint8_t info[KEY_BOX_MAX],
                        struct trouble *t)
{
    int e = need(k->has_master, "the master key (--master)", t);
    if (e < 0) return e;
    k->agreed = (struct cipher_key){ .len = 16 };
    protect_random(k->agreed.ek, 16);
    kw_wrap(info, k->master, sizeof k->master, k->agreed.ek, 16);
    box->keyinfo = KEYINFO_WRAPPED;
    box->key = view(info, 16 + KW_EXTRA);
    return 0;
}

/* An ephemeral pair; its point and our signature of it go with the APDU. */
static int make_one_pass(struct keyring *k, struct cipher_box *box, uint8_t info[KEY_BOX_MAX],
                         struct trouble *t)
{
    uint8_t key[EC_KEY], seed[EC_SEED];
    int e = need(k->has_sign, "the client's signature key (--sign-key)", t);
    if (e == 0)
        e = need(k->has_peer_agree, "the meter's key agreement certificate (--peer-cert)", t);
    if (e < 0) return e;
    protect_random(seed, sizeof seed);
    e = ec_keygen(key, info, seed);
    if (e == 0) e = protect_sign(info + EC_POINT, k->sign, info, EC_POINT);
    if (e == 0)
        e = agree(&k->agreed, k->global.ak, key, k->peer_agree, k->client_title, 8,
                  k->server_title, 8);
    wipe(key, sizeof key);
    box->keyinfo = KEYINFO_AGREED;
    box->key_id = 1;
    box->key = view(info, EC_POINT + EC_SIG);
    return e < 0 ? trouble(t, e, "the meter's key agreement key is no point of the curve") : 0;
}

static int make_static(struct keyring *k, struct cipher_box *box, struct trouble *t)
{
    uint8_t v[HEAD_MAX];
    int e = need(k->has_agree, "the client's key agreement key (--agree-key)", t);
    if (e == 0)
        e = need(k->has_peer_agree, "the meter's key agreement certificate (--peer-cert)", t);
    if (e < 0) return e;
    size_t n = static_party(v, box->transaction, k->server_title);
    e = agree(&k->agreed, k->global.ak, k->agree, k->peer_agree, k->client_title, 8, v, n);
    box->keyinfo = KEYINFO_AGREED;
    box->key_id = 2;
    return e < 0 ? trouble(t, e, "the meter's key agreement key is no point of the curve") : 0;
}

/* A fresh key has a counter of its own: this APDU is its first. */
static int seal_general(struct keyring *k, const struct seal *how, const uint8_t *plain,
                        size_t n, struct buf *out, struct trouble *t)
{
    uint8_t id[8], info[KEY_BOX_MAX];
    struct cipher_box box = { .tag = XDLMS_GENERAL_CIPHERING,
                              .transaction = view(id, sizeof id),
                              .originator = view(k->client_title, 8),
                              .recipient = view(k->server_title, 8) };
    struct seal own = *how;
    int e = need(k->has_client_title && k->has_server_title, "both system titles", t);
    if (e == 0) e = need(k->has_global, "the authentication key (--ak)", t);
    if (e < 0) return e;
    be_put64(id, how->transaction);
    if (how->guard == GUARD_IDENTIFIED) box.keyinfo = KEYINFO_IDENTIFIED;
    if (how->guard == GUARD_WRAPPED) e = make_wrapped(k, &box, info, t);
    if (how->guard == GUARD_ONE_PASS) e = make_one_pass(k, &box, info, t);
    if (how->guard == GUARD_STATIC) e = make_static(k, &box, t);
    if (e < 0) return e;
    if (how->guard != GUARD_IDENTIFIED) {
        memcpy(k->agreed.ak, k->global.ak, sizeof k->agreed.ak);
        k->has_agreed = true;
        own.ic = 0;
    }
    put_sealed(&own, how->guard == GUARD_IDENTIFIED ? &k->global : &k->agreed, k->client_title,
               &box, plain, n, out);
    return 0;
}

/* DF: the header's octets and the APDU, without the length before it, are signed. */
static int sign_around(struct keyring *k, const struct seal *how, const struct buf *inner,
                       struct buf *out, struct trouble *t)
{
    uint8_t id[8], sig[EC_SIG];
    struct buf signed_part = { 0 };
    struct cipher_box box = { .tag = XDLMS_GENERAL_SIGNING,
                              .transaction = view(id, sizeof id),
                              .originator = view(k->client_title, 8),
                              .recipient = view(k->server_title, 8) };
    int e = need(k->has_sign, "the client's signature key (--sign-key)", t);
    if (e == 0) e = need(k->has_client_title && k->has_server_title, "both system titles", t);
    if (e < 0) return e;
    be_put64(id, how->transaction);
    struct axdr_out o = buf_room(out, HEAD_MAX + 8);
    cipher_emit_box(&o, &box, inner->n);
    size_t head = 1 + 9 + 9 + 9 + 1 + 1;
    buf_put(&signed_part, o.buf + 1, head - 1);
    buf_took(out, &o);
    buf_put(&signed_part, inner->p, inner->n);
    buf_put(out, inner->p, inner->n);
    e = protect_sign(sig, k->sign, signed_part.p, signed_part.n);
    buf_put_u8(out, EC_SIG);
    buf_put(out, sig, sizeof sig);
    buf_free(&signed_part);
    return e < 0 ? trouble(t, E_STATE, "the signature key is no key of P-256") : 0;
}

static int seal_inner(struct keyring *k, const struct seal *how, const uint8_t *plain, size_t n,
                      struct buf *out, struct trouble *t)
{
    if (how->guard == GUARD_NONE) return buf_put(out, plain, n), 0;
    if (how->guard < GUARD_IDENTIFIED) return seal_service(k, how, plain, n, out, t);
    return seal_general(k, how, plain, n, out, t);
}

int protect_seal(struct keyring *k, const struct seal *how, const uint8_t *plain, size_t n,
                 struct buf *out, struct trouble *t)
{
    struct buf inner = { 0 };
    if (!how->sign) return seal_inner(k, how, plain, n, out, t);
    int e = seal_inner(k, how, plain, n, &inner, t);
    if (e == 0) e = sign_around(k, how, &inner, out, t);
    buf_free(&inner);
    return e;
}

size_t protect_overhead(const struct seal *how)
{
    static const uint8_t extra[GUARD_KINDS] = {
        [GUARD_NONE] = 0,         [GUARD_GLO] = 30,         [GUARD_DED] = 30,
        [GUARD_GENERAL_GLO] = 30, [GUARD_GENERAL_DED] = 30, [GUARD_IDENTIFIED] = 54,
        [GUARD_WRAPPED] = 80,     [GUARD_ONE_PASS] = 190,   [GUARD_STATIC] = 56,
    };
    return extra[how->guard] + (how->sign ? 100u : 0);
}

/* -- opening ---------------------------------------------------------------------------- */

/* Requests and what comes unasked by a client; the rest comes from the meter. */
static bool is_from_server(uint8_t plain)
{
    return plain == XDLMS_INITIATE_RES || plain == XDLMS_SERVICE_ERROR ||
           plain == XDLMS_EVENT_NOTIFICATION || plain == XDLMS_GET_RES ||
           plain == XDLMS_SET_RES || plain == XDLMS_ACTION_RES;
}

static bool is_title(struct cipher_view v, const uint8_t title[8], bool has)
{
    return has && v.n == 8 && memcmp(v.p, title, 8) == 0;
}

struct opening {
    struct keyring *k;
    struct cipher_box box;
    struct layer *layer;
    const uint8_t *title; /* of the sender */
    struct cipher_key *key;
    struct trouble *t;
};

static int missing(struct opening *o, const char *what)
{
    return trouble(o->t, E_NONE, "%s is not known (%s)", what, names_apdu(o->box.tag));
}

static int find_service_key(struct opening *o)
{
    struct keyring *k = o->k;
    uint8_t sc = o->box.content.n ? o->box.content.p[0] : 0;
    bool broadcast = sc & SC_BROADCAST && !o->box.dedicated;
    if (o->box.plain)
        o->layer->from_server = is_from_server(o->box.plain);
    else
        o->layer->from_server = is_title(o->box.title, k->server_title, k->has_server_title);
    bool has_title = o->layer->from_server ? k->has_server_title : k->has_client_title;
    o->title = o->layer->from_server ? k->server_title : k->client_title;
    if (o->box.title.n == 8) o->title = o->box.title.p, has_title = true;
    o->layer->key = o->box.dedicated ? KEY_DEDICATED : broadcast ? KEY_BROADCAST : KEY_GLOBAL;
    o->key = o->box.dedicated ? &k->dedicated : broadcast ? &k->broadcast : &k->global;
    if (o->box.dedicated && !k->has_dedicated) return missing(o, "the dedicated key");
    if (broadcast && !k->has_broadcast) return missing(o, "the broadcast key");
    if (!o->box.dedicated && !broadcast && !k->has_global)
        return missing(o, "the encryption key");
    return has_title ? 0
                     : missing(o, o->layer->from_server ? "the meter's system title"
                                                        : "the client's system title");
}

static int open_wrapped(struct opening *o)
{
    struct keyring *k = o->k;
    if (!k->has_master) return missing(o, "the master key");
    if (o->box.key.n != 16 + KW_EXTRA ||
        kw_unwrap(k->agreed.ek, k->master, 16, o->box.key.p, o->box.key.n) < 0)
        return trouble(o->t, E_AUTH, "the wrapped key does not unwrap under this master key");
    k->agreed.len = 16;
    memcpy(k->agreed.ak, k->global.ak, sizeof k->agreed.ak);
    return 0;
}

/* Both schemes: from the other's side, U is always the sender, V the receiver. */
static int open_agreed(struct opening *o, const uint8_t receiver[8])
{
    struct keyring *k = o->k;
    uint8_t v[HEAD_MAX];
    memcpy(v, receiver, 8);
    if (!k->has_agree) return missing(o, "the client's key agreement key");
    if (o->box.key_id == 1) {
        if (o->box.key.n != EC_POINT + EC_SIG)
            return trouble(o->t, E_FORMAT, "a key of another length than its suite has");
        bool good = !k->has_peer_sign || protect_verify(o->box.key.p + EC_POINT, k->peer_sign,
                                                        o->box.key.p, EC_POINT);
        if (!good && o->layer->from_server)
            return trouble(o->t, E_AUTH, "the ephemeral key's signature is wrong");
        if (!good) return missing(o, "the meter's key agreement key, which alone opens this,");
        return agree(&k->agreed, k->global.ak, k->agree, o->box.key.p, o->title, 8, v, 8);
    }
    if (!k->has_peer_agree) return missing(o, "the meter's key agreement certificate");
    size_t n = static_party(v, o->box.transaction, receiver);
    return agree(&k->agreed, k->global.ak, k->agree, k->peer_agree, o->title, 8, v, n);
}

static int find_general_key(struct opening *o)
{
    struct keyring *k = o->k;
    o->layer->from_server = is_title(o->box.originator, k->server_title, k->has_server_title);
    const uint8_t *receiver = o->layer->from_server ? k->client_title : k->server_title;
    if (o->box.originator.n != 8)
        return trouble(o->t, E_FORMAT, "an originator without a title");
    if (!k->has_global) return missing(o, "the authentication key");
    o->title = o->box.originator.p;
    o->layer->key = o->box.keyinfo == KEYINFO_IDENTIFIED ? KEY_GLOBAL : KEY_AGREED;
    int e = 0;
    switch (o->box.keyinfo) {
    case KEYINFO_IDENTIFIED:
        o->key = o->box.key_id == 1 ? &k->broadcast : &k->global;
        return o->box.key_id == 1 && !k->has_broadcast ? missing(o, "the broadcast key") : 0;
    case KEYINFO_WRAPPED:
        e = open_wrapped(o);
        break;
    case KEYINFO_AGREED:
        e = open_agreed(o, receiver);
        break;
    default:
        e = k->has_agreed ? 0 : missing(o, "the key of this exchange");
        break;
    }
    o->key = &k->agreed;
    if (e == 0) k->has_agreed = true;
    return e;
}

static int open_ciphered(struct opening *o, struct buf *plain)
{
    bool general = o->box.tag == XDLMS_GENERAL_CIPHERING;
    size_t text_n;
    int e = general ? find_general_key(o) : find_service_key(o);
    if (e < 0) return e;
    if (cipher_look(o->box.content.p, o->box.content.n, &o->layer->sc, &o->layer->ic, &text_n) <
        0)
        return trouble(o->t, E_FORMAT, "protected content of %zu octets is too short",
                       o->box.content.n);
    struct buf work = { 0 };
    buf_put(&work, o->box.content.p, o->box.content.n);
    int n = cipher_open(work.p, work.n, o->key, o->title, general ? o->box.head.p : NULL,
                        general ? o->box.head.n : 0);
    buf_clear(plain);
    if (n >= 0) buf_put(plain, work.p + CIPHER_HEAD, (size_t)n);
    buf_free(&work);
    if (n < 0)
        return trouble(
            o->t, E_AUTH,
            "the authentication tag is wrong: another key or title, or changed octets");
    return 0;
}

static int open_signed(struct opening *o, struct buf *plain)
{
    struct keyring *k = o->k;
    struct buf text = { 0 };
    o->layer->key = KEY_SIGNATURE;
    o->layer->from_server = is_title(o->box.originator, k->server_title, k->has_server_title);
    bool good = true;
    if (o->layer->from_server && k->has_peer_sign) {
        buf_put(&text, o->box.head.p, o->box.head.n);
        buf_put(&text, o->box.content.p, o->box.content.n);
        good = o->box.signature.n == EC_SIG &&
               protect_verify(o->box.signature.p, k->peer_sign, text.p, text.n);
        o->layer->verified = good;
        buf_free(&text);
    }
    if (!good) return trouble(o->t, E_AUTH, "the signature is wrong");
    buf_clear(plain);
    buf_put(plain, o->box.content.p, o->box.content.n);
    return 0;
}

int protect_open(struct keyring *k, const uint8_t *apdu, size_t n, struct buf *plain,
                 struct layers *found, struct trouble *t)
{
    struct buf now = { 0 };
    int e = 0;
    found->n = 0;
    buf_put(&now, apdu, n);
    while (e == 0 && now.n && cipher_is_box(now.p[0])) {
        if (found->n == PROTECT_LAYERS) {
            e = trouble(t, E_FORMAT, "more than %d layers of protection", PROTECT_LAYERS);
            break;
        }
        struct opening o = { .k = k, .layer = &found->layer[found->n++], .t = t };
        *o.layer = (struct layer){ .tag = now.p[0] };
        struct buf next = { 0 };
        if (cipher_read_box(now.p, now.n, &o.box) < 0)
            e = trouble(t, E_FORMAT, "a broken %s", names_apdu(now.p[0]));
        else
            e = o.box.tag == XDLMS_GENERAL_SIGNING ? open_signed(&o, &next)
                                                   : open_ciphered(&o, &next);
        buf_free(&now);
        now = next;
    }
    buf_clear(plain);
    if (e == 0) buf_put(plain, now.p, now.n);
    buf_free(&now);
    return e;
}
