#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "crypto/kdf.h"
#include "crypto/kw.h"
#include "crypto/sha256.h"

/* Suite 1: general-signing, and the keys that general-ciphering brings along. Each step on a
 * curve is a job of the host; s->slice counts the moves: even ones start a job, odd ones wait
 * for it. New keys are used only after the tag over the message proved good. */

enum { POINT = 64, SIGNATURE = 64, SHARED = 32, WRAPPED = 24 };

/* Start or wait: > 0 done, octets of out + 1; 0 not yet; < 0 an error. */
static int job(struct dlms_server *d, struct dlms_session *s, enum dlms_ec kind,
               const uint8_t *in, size_t n, uint8_t out[DLMS_EC_OUT])
{
    const struct dlms_host *h = host_of(d);
    s->stalled = true;
    if (s->slice % 2 == 0) {
        int err = h->ec_start(d->app, s->index, &s->who, kind, in, n);
        if (err == 0) s->slice++;
        return err == E_BUSY ? 0 : err;
    }
    int got = h->ec_take(d->app, s->index, out);
    if (got == E_BUSY) return 0;
    s->stalled = false;
    s->slice++;
    return got < 0 ? got : got + 1;
}

static uint64_t transaction(const struct dlms_prot *p)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < p->tid_n; i++) v = v << 8 | p->tid[i];
    return v;
}

void agree_taken(struct dlms_server *d, const struct dlms_session *s)
{
    host_of(d)->transaction_raise(d->app, s->who.assoc, transaction(s->prot) + 1);
}

/* A transaction-id is taken once: else what it signs, or keys, could be played again. */
static bool is_new(struct dlms_server *d, const struct dlms_session *s)
{
    uint64_t v = transaction(s->prot);
    return s->prot->tid_n && v >= host_of(d)->transaction_floor(d->app, s->who.assoc) &&
           v != UINT64_MAX;
}

/* -- general-signing -------------------------------------------------------------------- */

bool agree_signed(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b)
{
    struct dlms_prot *p = s->prot;
    bool plain = b->content.n && !cipher_is_box(b->content.p[0]) && !p->tag;
    if (s->suite == 0 || b->signature.n != SIGNATURE || b->content.n == 0) return false;
    if (plain && !is_new(d, s)) return false;
    p->aad_at = (uint16_t)(b->head.p - s->rx);
    p->aad_n = (uint16_t)b->head.n;
    p->text_at = (uint16_t)(b->content.p - s->rx);
    p->text_n = (uint16_t)b->content.n;
    s->phase = PHASE_VERIFY;
    return true;
}

/* What is signed: header and content, and by some the content's length between them. */
static void signed_digest(const struct dlms_session *s, bool length, uint8_t digest[32])
{
    const struct dlms_prot *p = s->prot;
    struct sha256 h;
    const uint8_t *head = s->rx + p->aad_at, *text = s->rx + p->text_at;
    size_t between = (size_t)(text - head) - p->aad_n;
    sha256_begin(&h);
    sha256_more(&h, head, p->aad_n + (length ? between : 0));
    sha256_more(&h, text, p->text_n);
    sha256_end(&h, digest);
}

static void answer_digest(const struct dlms_session *s, const uint8_t *head, size_t n,
                          uint8_t digest[32])
{
    struct sha256 h;
    sha256_begin(&h);
    sha256_more(&h, head, n);
    sha256_more(&h, s->tx + s->tx_at, s->tx_n);
    sha256_end(&h, digest);
}

static void verified(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    bool plain = !cipher_is_box(s->rx[p->text_at]) && !p->tag;
    if (plain) agree_taken(d, s);
    p->is_signed = true;
    p->bits |= PROT_SIGN_REQ;
    s->rx_at = p->text_at;
    s->rx_n = p->text_n;
    protect_inner(d, s);
}

void agree_verify(struct dlms_server *d, struct dlms_session *s)
{
    const struct dlms_prot *p = s->prot;
    uint8_t in[32 + SIGNATURE], out[DLMS_EC_OUT];
    bool second = s->slice >= 2;
    if (s->slice % 2 == 0) signed_digest(s, second, in);
    memcpy(in + 32, s->rx + p->text_at + p->text_n + 1, SIGNATURE);
    int got = job(d, s, DLMS_EC_VERIFY, in, sizeof in, out);
    if (got == 0 || (got == E_AUTH && !second)) return;
    if (got > 0) {
        verified(d, s);
        return;
    }
    if (got == E_AUTH) protect_failed(d, s);
    protect_refuse(d, s, SERVICE_DECIPHERING);
}

/* -- keys of general-ciphering ---------------------------------------------------------- */

static bool unwrap(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b)
{
    uint8_t master[DLMS_SECRET_MAX];
    int n = protect_secret(d, s, DLMS_KEY_MASTER, master);
    bool good = n == 16 && b->key.n == WRAPPED && b->key_id == 0 &&
                kw_unwrap(s->prot->peer, master, 16, b->key.p, WRAPPED) == 0;
    wipe(master, sizeof master);
    return good;
}

bool agree_key(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b)
{
    struct dlms_prot *p = s->prot;
    p->count = b->keyinfo == KEYINFO_NONE ? COUNT_AGREED : COUNT_NEW;
    if (s->suite == 2 || p->sc & SC_BROADCAST) return false;
    if (b->keyinfo == KEYINFO_NONE) return s->agreed.given;
    if (!is_new(d, s)) return false;
    if (b->keyinfo == KEYINFO_WRAPPED) return unwrap(d, s, b);
    bool ephemeral = b->key_id == 1 && b->key.n == POINT + SIGNATURE;
    if (!CFG_SUITE1 || s->suite == 0 || !(ephemeral || (b->key_id == 2 && b->key.n == 0)))
        return false;
    p->peer_at = (uint16_t)(b->key.n ? b->key.p - s->rx : 0);
    s->slice = ephemeral ? 0 : 2; /* the sender's point is signed: that first */
    s->phase = PHASE_AGREE;
    return true;
}

/* Both directions' keys of C(0e,2s); of C(1e,1s) only the sender's. */
static void derive(struct dlms_session *s, const uint8_t z[SHARED])
{
    struct dlms_prot *p = s->prot;
    uint8_t v[1 + sizeof p->tid + CIPHER_TITLE];
    size_t n = 0;
    if (p->key_id == 2) {
        v[0] = p->tid_n;
        memcpy(v + 1, p->tid, p->tid_n);
        n = 1u + p->tid_n;
    }
    memcpy(v + n, s->own, CIPHER_TITLE);
    kdf(p->peer, z, s->title, CIPHER_TITLE, v, n + CIPHER_TITLE);
    memcpy(v + n, s->title, CIPHER_TITLE);
    kdf(p->own, z, s->own, CIPHER_TITLE, v, n + CIPHER_TITLE);
}

void agree_slice(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    const uint8_t *point = s->rx + p->peer_at;
    uint8_t in[32 + SIGNATURE], out[DLMS_EC_OUT];
    bool verify = s->slice < 2;
    enum dlms_ec kind = verify           ? DLMS_EC_VERIFY
                        : p->key_id == 1 ? DLMS_EC_AGREE_1E
                                         : DLMS_EC_AGREE_2S;
    sha256(in, point, POINT);
    memcpy(in + 32, point + POINT, SIGNATURE);
    int got = job(d, s, kind, verify ? in : point,
                  verify                     ? sizeof in
                  : kind == DLMS_EC_AGREE_1E ? POINT
                                             : 0,
                  out);
    if (got == 0) return;
    if (got < 0) {
        if (got == E_AUTH) protect_failed(d, s);
        protect_refuse(d, s, SERVICE_DECIPHERING);
        return;
    }
    if (verify) return;
    derive(s, out);
    wipe(out, sizeof out);
    s->slice = 0;
    s->phase = PHASE_DECIPHER;
}

/* -- answers ---------------------------------------------------------------------------- */

static int send_wrapped(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t master[DLMS_SECRET_MAX];
    int n = protect_secret(d, s, DLMS_KEY_MASTER, master);
    if (n == 16) {
        host_of(d)->random(d->app, s->agreed.own, sizeof s->agreed.own);
        kw_wrap(s->tx, master, 16, s->agreed.own, sizeof s->agreed.own);
        s->prot->key_n = WRAPPED;
        s->agreed.tx = 0;
    }
    wipe(master, sizeof master);
    return n == 16 ? 0 : E_NONE;
}

static int send_ephemeral(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t out[DLMS_EC_OUT];
    int got = job(d, s, DLMS_EC_SEND_1E, NULL, 0, out);
    if (got <= 0) return got ? got : E_BUSY;
    memcpy(s->tx, out, POINT + SIGNATURE);
    s->prot->key_n = POINT + SIGNATURE;
    s->agreed.tx = 0;
    kdf(s->agreed.own, out + POINT + SIGNATURE, s->own, CIPHER_TITLE, s->title, CIPHER_TITLE);
    wipe(out, sizeof out);
    return 0;
}

int agree_reply(struct dlms_server *d, struct dlms_session *s)
{
    const struct dlms_prot *p = s->prot;
    if (p->keyinfo == KEYINFO_WRAPPED) return send_wrapped(d, s);
    bool ephemeral = p->keyinfo == KEYINFO_AGREED && p->key_id == 1;
    if (CFG_SUITE1 && ephemeral) return send_ephemeral(d, s);
    /* Both keys are there already. One that follows from the transaction-id alone must not come
     * back: no answer before the id is on flash. */
    return p->count == COUNT_NEW ? host_of(d)->settled(d->app) : 0;
}

size_t agree_head(const struct dlms_session *s, uint8_t dst[AGREE_HEAD_MAX])
{
    const struct dlms_prot *p = s->prot;
    struct axdr_out o = axdr_out(dst, AGREE_HEAD_MAX);
    axdr_emit_length(&o, p->tid_n);
    axdr_emit(&o, p->tid, p->tid_n);
    axdr_emit_length(&o, CIPHER_TITLE);
    axdr_emit(&o, s->own, CIPHER_TITLE);
    axdr_emit_length(&o, CIPHER_TITLE);
    axdr_emit(&o, s->title, CIPHER_TITLE);
    axdr_emit_raw(&o, 0, 2);
    return o.len;
}

/* The signature behind, the header before: it grows in both directions. */
static void put_signature(struct dlms_session *s, const uint8_t *head, size_t n,
                          const uint8_t signature[SIGNATURE])
{
    uint8_t front[1 + AGREE_HEAD_MAX + 3];
    struct axdr_out o = axdr_out(front, sizeof front);
    axdr_emit_raw(&o, XDLMS_GENERAL_SIGNING, 1);
    axdr_emit(&o, head, n);
    axdr_emit_length(&o, s->tx_n);
    ensure(o.len <= s->tx_at);
    s->tx[s->tx_at + s->tx_n] = SIGNATURE;
    memcpy(s->tx + s->tx_at + s->tx_n + 1, signature, SIGNATURE);
    s->tx_at = (uint16_t)(s->tx_at - o.len);
    memcpy(s->tx + s->tx_at, front, o.len);
    s->tx_n = (uint16_t)(s->tx_n + o.len + 1 + SIGNATURE);
}

void agree_sign(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    uint8_t head[AGREE_HEAD_MAX], digest[32], out[DLMS_EC_OUT];
    if (p->tid_n == 0) {
        p->tid_n = 8;
        be_put64(p->tid, d->invoke++);
    }
    size_t n = agree_head(s, head);
    if (s->slice % 2 == 0) answer_digest(s, head, n, digest);
    int got = job(d, s, DLMS_EC_SIGN, digest, sizeof digest, out);
    if (got == 0) return;
    if (got < 0) {
        serve_ended(d, s, RUN_SILENT);
        return;
    }
    put_signature(s, head, n, out);
    serve_ready(s);
}
