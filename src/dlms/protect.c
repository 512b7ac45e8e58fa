#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"

/* Protection of requests and answers. A request is unwrapped in place, layer by layer: rx_at
 * and rx_n always show what is still wrapped. Order: form, key, tag, counter, policy. */

enum { SLICE = 256, FAILS_MAX = 8 };

/* -- failures --------------------------------------------------------------------------- */

void protect_refuse(struct dlms_server *d, struct dlms_session *s, uint8_t service)
{
    serve_ended(d, s, answer_exception(s, service));
}

/* One more failure running; eight end the association. */
static void count_failure(struct dlms_server *d, struct dlms_session *s)
{
    if (s->fails < FAILS_MAX) s->fails++;
    if (s->fails < FAILS_MAX || s->flags & ASSOC_PRE_ESTABLISHED) return;
    serve_note(d, s, NOTE_FLOOD);
    s->ends = true;
}

void protect_failed(struct dlms_server *d, struct dlms_session *s)
{
    serve_failed(d, s, NOTE_DECRYPT_FAILED);
    count_failure(d, s);
}

/* -- keys ------------------------------------------------------------------------------- */

static size_t key_size(const struct dlms_session *s)
{
    return s->suite == 2 ? 32 : 16;
}

int protect_secret(struct dlms_server *d, const struct dlms_session *s, enum dlms_key kind,
                   uint8_t dst[DLMS_SECRET_MAX])
{
    return host_of(d)->key_get(d->app, s->who.assoc, kind, dst);
}

static bool load(struct dlms_server *d, struct dlms_session *s, enum dlms_key kind,
                 uint8_t dst[32])
{
    uint8_t key[DLMS_SECRET_MAX];
    int n = protect_secret(d, s, kind, key);
    bool good = n == (int)key_size(s);
    if (good) memcpy(dst, key, key_size(s));
    wipe(key, sizeof key);
    return good;
}

void protect_refresh(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_security sec;
    if (s->who.assoc == 255) return;
    host_of(d)->security_get(d->app, s->who.assoc, &sec);
    if (s->rekey || s->suite != sec.suite) wipe(&s->key, sizeof s->key);
    s->rekey = false;
    s->suite = sec.suite;
    s->policy = s->context == CONTEXT_LN_CIPHERED ? sec.policy : 0;
    memcpy(s->own, sec.server_title, sizeof s->own);
    if (s->flags & ASSOC_PRE_ESTABLISHED) memcpy(s->title, sec.client_title, sizeof s->title);
}

static bool is_to_all(const struct dlms_session *s)
{
    return s->flags & ASSOC_BROADCAST;
}

bool protect_load(struct dlms_server *d, struct dlms_session *s)
{
    enum dlms_key kind = is_to_all(s) ? DLMS_KEY_BROADCAST : DLMS_KEY_UNICAST;
    if (s->key.len) return true;
    bool both = load(d, s, kind, s->key.ek) && load(d, s, DLMS_KEY_AUTH, s->key.ak);
    s->key.len = both ? (uint8_t)key_size(s) : 0;
    return both;
}

bool protect_key(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b,
                 uint8_t sc, struct cipher_key *k)
{
    bool broadcast = sc & SC_BROADCAST;
    if (broadcast != is_to_all(s) || (broadcast && b->dedicated)) return false;
    if (b->tag == XDLMS_GENERAL_CIPHERING && b->keyinfo == KEYINFO_IDENTIFIED &&
        b->key_id != broadcast)
        return false;
    if ((b->dedicated && s->ded_len != key_size(s)) || !protect_load(d, s)) return false;
    *k = s->key;
    if (b->dedicated) memcpy(k->ek, s->ded, s->ded_len);
    return true;
}

bool protect_count(struct dlms_server *d, struct dlms_session *s, enum count key, uint32_t ic)
{
    enum dlms_key kind = key == COUNT_BROADCAST ? DLMS_KEY_BROADCAST : DLMS_KEY_UNICAST;
    uint32_t *own = key == COUNT_DEDICATED ? &s->ded_rx
                    : key >= COUNT_AGREED  ? &s->agreed.rx
                                           : NULL;
    uint32_t floor = key == COUNT_NEW ? 0
                     : own            ? *own
                                      : host_of(d)->counter_floor(d->app, s->who.assoc, kind);
    s->prot->floor = floor;
    if (ic < floor || ic == UINT32_MAX) return false;
    if (own)
        *own = ic + 1;
    else
        host_of(d)->counter_raise(d->app, s->who.assoc, kind, ic + 1);
    return true;
}

static bool is_title(struct cipher_view v, const uint8_t title[CIPHER_TITLE])
{
    return v.n == CIPHER_TITLE && memcmp(v.p, title, CIPHER_TITLE) == 0;
}

bool protect_title(const struct dlms_session *s, const struct cipher_box *b)
{
    if (b->tag == XDLMS_GENERAL_GLO || b->tag == XDLMS_GENERAL_DED)
        return b->title.n == 0 || is_title(b->title, s->title);
    if (b->tag != XDLMS_GENERAL_CIPHERING && b->tag != XDLMS_GENERAL_SIGNING) return true;
    return is_title(b->originator, s->title) && is_title(b->recipient, s->own);
}

/* -- requests --------------------------------------------------------------------------- */

static bool is_request(uint8_t tag)
{
    static const uint8_t requests[] = { XDLMS_GET_REQ,    XDLMS_SET_REQ,
                                        XDLMS_ACTION_REQ, XDLMS_ACCESS_REQ,
                                        XDLMS_GBT,        XDLMS_DATA_NOTIFICATION_CONFIRM };
    return memchr(requests, tag, sizeof requests) || cipher_is_box(tag);
}

/* Short names are known, but nobody is offered them. */
static void unknown(struct dlms_server *d, struct dlms_session *s, uint8_t tag)
{
    bool known = tag == XDLMS_READ_REQ || tag == XDLMS_WRITE_REQ;
    serve_ended(d, s, known ? answer_exception(s, SERVICE_NOT_SUPPORTED) : answer_unknown(s));
}

/* What all layers have been taken off of: has it enough protection? */
static void judge_plain(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t tag = s->rx_n ? s->rx[s->rx_at] : 0;
    if (s->link->kind == DLMS_SEALED) s->prot->bits = PROT_AUTH_REQ | PROT_CRYPT_REQ;
    if (s->policy & PROT_REQ & ~s->prot->bits) {
        serve_note(d, s, NOTE_POLICY);
        count_failure(d, s);
        protect_refuse(d, s, SERVICE_DECIPHERING);
        return;
    }
    s->fails = 0;
    s->slice = 0;
    if (s->prot->inner && tag != s->prot->inner)
        protect_refuse(d, s, SERVICE_OTHER);
    else
        s->phase = PHASE_CLAIM;
}

static bool may_box(const struct dlms_session *s, uint8_t tag)
{
    bool general = tag >= XDLMS_GENERAL_GLO;
    return s->context == CONTEXT_LN_CIPHERED &&
           (!general || s->conformance & XDLMS_C_GENERAL_PROTECTION);
}

/* Which key opens it? Agreed ones are found in AGREE, before it is deciphered. */
static bool find_key(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b)
{
    struct dlms_prot *p = s->prot;
    struct cipher_key k;
    bool tells = b->tag == XDLMS_GENERAL_CIPHERING && b->keyinfo != KEYINFO_IDENTIFIED;
    s->phase = PHASE_DECIPHER;
    p->count = b->dedicated           ? COUNT_DEDICATED
               : p->sc & SC_BROADCAST ? COUNT_BROADCAST
                                      : COUNT_UNICAST;
    if (tells) return agree_key(d, s, b);
    bool known = protect_key(d, s, b, p->sc, &k);
    wipe(&k, sizeof k);
    return known;
}

static bool look_box(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b)
{
    struct dlms_prot *p = s->prot;
    size_t text_n;
    if (!protect_title(s, b)) return false;
    if (b->tag == XDLMS_GENERAL_SIGNING) return CFG_SUITE1 && agree_signed(d, s, b);
    if (p->tag || cipher_look(b->content.p, b->content.n, &p->sc, &p->ic, &text_n) < 0)
        return false;
    if ((p->sc & SC_SUITE) != s->suite || p->sc & SC_COMPRESSED) return false;
    p->tag = b->tag;
    p->inner = b->plain;
    p->dedicated = b->dedicated;
    p->broadcast = p->sc & SC_BROADCAST;
    p->keyinfo = b->keyinfo;
    p->key_id = b->key_id;
    p->text_at = (uint16_t)(b->content.p + CIPHER_HEAD - s->rx);
    p->text_n = (uint16_t)text_n;
    p->aad_n = 0;
    if (b->tag == XDLMS_GENERAL_CIPHERING) {
        p->aad_at = (uint16_t)(b->head.p - s->rx);
        p->aad_n = (uint16_t)b->head.n;
    }
    return find_key(d, s, b);
}

/* A pre-established client whose title nobody set says it with each APDU. */
static void take_title(struct dlms_session *s, const struct cipher_box *b)
{
    static const uint8_t none[CIPHER_TITLE];
    bool preset = s->flags & ASSOC_PRE_ESTABLISHED;
    if (preset && b->title.n == CIPHER_TITLE && !memcmp(s->title, none, sizeof none))
        memcpy(s->title, b->title.p, CIPHER_TITLE);
}

/* A protected layer: see what it takes to open it. */
static void judge_box(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    struct cipher_box b;
    s->slice = 0;
    if (!may_box(s, s->rx[s->rx_at])) {
        protect_refuse(d, s, SERVICE_NOT_SUPPORTED);
        return;
    }
    bool good =
        cipher_read_box(s->rx + s->rx_at, s->rx_n, &b) == 0 && b.transaction.n <= sizeof p->tid;
    if (good) take_title(s, &b);
    if (good && b.transaction.n) {
        p->tid_n = (uint8_t)b.transaction.n;
        memcpy(p->tid, b.transaction.p, b.transaction.n);
    }
    if (!good || !look_box(d, s, &b)) protect_refuse(d, s, SERVICE_DECIPHERING);
}

/* Inside of a layer there may be one of the other kind, or the service itself. */
void protect_inner(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t tag = s->rx_n ? s->rx[s->rx_at] : 0;
    bool box = cipher_is_box(tag), sign = tag == XDLMS_GENERAL_SIGNING;
    if (box && (sign ? s->prot->is_signed : s->prot->tag != 0))
        protect_refuse(d, s, SERVICE_OTHER);
    else if (box)
        judge_box(d, s);
    else
        judge_plain(d, s);
}

void protect_unwrapped(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t tag = s->rx_n ? s->rx[s->rx_at] : 0;
    *s->prot = (struct dlms_prot){ 0 };
    if (!is_request(tag) || tag == XDLMS_GBT)
        unknown(d, s, tag);
    else if (cipher_is_box(tag))
        judge_box(d, s);
    else
        judge_plain(d, s);
}

void protect_judge(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t tag = s->rx[s->rx_at];
    protect_refresh(d, s);
    bool ciphered = s->state != DLMS_NONE && s->context == CONTEXT_LN_CIPHERED;
    if (ciphered && !s->key.len && protect_load(d, s)) return; /* a step of its own */
    if (tag != XDLMS_GBT) { /* an acknowledgement goes on with the answer as it is */
        gbt_drop(d, s);
        *s->prot = (struct dlms_prot){ 0 };
    }
    if (s->who.assoc == 255)
        serve_ended(d, s, RUN_SILENT);
    else if (tag == ACSE_AARQ)
        serve_ended(d, s, assoc_open(d, s));
    else if (tag == ACSE_RLRQ)
        serve_ended(d, s, assoc_release(d, s));
    else if (!is_request(tag))
        unknown(d, s, tag);
    else if (s->state == DLMS_NONE)
        protect_refuse(d, s, SERVICE_NOT_SUPPORTED);
    else if (tag == XDLMS_GBT)
        gbt_take(d, s);
    else
        protect_unwrapped(d, s);
}

/* -- deciphering ------------------------------------------------------------------------ */

static bool begin_message(struct dlms_server *d, struct dlms_session *s)
{
    s->stalled = d->crypts && d->crypts != s;
    if (!s->stalled) d->crypts = s;
    return !s->stalled;
}

static bool decipher_begin(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    struct cipher_box b = { .tag = p->tag, .dedicated = p->dedicated };
    struct cipher_key k;
    if (p->count >= COUNT_AGREED) {
        if (!protect_load(d, s)) return false;
        k = s->key;
        memcpy(k.ek, p->count == COUNT_NEW ? p->peer : s->agreed.peer, sizeof p->peer);
    } else if (!protect_key(d, s, &b, p->sc, &k)) {
        return false;
    }
    cipher_begin(&d->c, true, p->sc, p->ic, &k, s->title, s->rx + p->aad_at, p->aad_n);
    wipe(&k, sizeof k);
    return true;
}

static void deciphered(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    uint8_t *text = s->rx + p->text_at;
    d->crypts = NULL;
    bool good = cipher_open_end(&d->c, text + p->text_n) == 0;
    if (!good || s->rekey) { /* of the new keys nothing was received yet: floors are low */
        wipe(text, p->text_n);
        if (!good) protect_failed(d, s);
        protect_refuse(d, s, SERVICE_DECIPHERING);
        return;
    }
    if (!protect_count(d, s, (enum count)p->count, p->ic)) {
        serve_note(d, s, NOTE_REPLAY);
        count_failure(d, s);
        serve_ended(d, s, answer_counter(s, p->floor));
        return;
    }
    if (p->count == COUNT_NEW) {
        s->agreed.given = true;
        s->agreed.tx = 0;
        memcpy(s->agreed.peer, p->peer, sizeof p->peer);
        memcpy(s->agreed.own, p->own, sizeof p->own);
        agree_taken(d, s);
    }
    p->bits |= (p->sc & SC_AUTH ? PROT_AUTH_REQ : 0) | (p->sc & SC_CRYPT ? PROT_CRYPT_REQ : 0);
    s->rx_at = p->text_at;
    s->rx_n = p->text_n;
    protect_inner(d, s);
}

static void decipher_slice(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    bool first = d->crypts != s;
    if (!begin_message(d, s)) return;
    if (first && !decipher_begin(d, s)) { /* the keys changed since it was judged */
        d->crypts = NULL;
        protect_refuse(d, s, SERVICE_DECIPHERING);
        return;
    }
    size_t left = (size_t)p->text_n - s->slice, n = left < SLICE ? left : SLICE;
    cipher_more(&d->c, s->rx + p->text_at + s->slice, n);
    s->slice = (uint16_t)(s->slice + n);
    if (n == left) deciphered(d, s);
}

/* -- answers ---------------------------------------------------------------------------- */

/* The answer has what the request had and what policy and rights ask of answers. */
static uint8_t reply_bits(const struct dlms_server *d, const struct dlms_session *s)
{
    uint8_t asked = s->policy;
    if (s->prot->bits) asked |= d->cfg->model->demand[s->who.assoc];
    if (s->context != CONTEXT_LN_CIPHERED) return 0;
    return (uint8_t)((s->prot->bits & (PROT_AUTH_REQ | PROT_CRYPT_REQ)) |
                     (asked & PROT_RES) >> 3);
}

bool reply_sealed(const struct dlms_session *s)
{
    return !s->bare && s->prot->reply & (PROT_AUTH_REQ | PROT_CRYPT_REQ);
}

int protect_counter(struct dlms_server *d, struct dlms_session *s, enum count key, uint32_t *ic)
{
    uint32_t *own = key == COUNT_DEDICATED ? &s->ded_tx
                    : key >= COUNT_AGREED  ? &s->agreed.tx
                                           : NULL;
    if (!protect_load(d, s)) return E_NONE;
    if (own && *own == UINT32_MAX) return E_RANGE;
    int err = 0;
    if (own)
        *ic = (*own)++;
    else
        err = host_of(d)->counter_take(d->app, s->who.assoc, DLMS_KEY_UNICAST, ic);
    if (err == E_RANGE) serve_note(d, s, NOTE_COUNTER_END);
    return err;
}

/* Under which key the answer goes. */
enum count reply_count(const struct dlms_session *s)
{
    if (s->prot->dedicated) return COUNT_DEDICATED;
    return s->prot->count >= COUNT_AGREED ? COUNT_AGREED : COUNT_UNICAST;
}

/* Take the answer's key and counter before anything is done: what is done may change the keys,
 * and the answer still goes out under the old ones. The HLS reply spends a counter inside, so
 * its own is taken later. */
bool protect_claim(struct dlms_server *d, struct dlms_session *s)
{
    s->prot->reply = reply_bits(d, s);
    if (s->quiet || s->state == DLMS_NONE || !reply_sealed(s)) return true;
    bool open = s->state == DLMS_OPEN;
    int err = s->prot->count >= COUNT_AGREED ? agree_reply(d, s) : 0;
    if (err == 0 && open) err = protect_counter(d, s, reply_count(s), &s->ic);
    if (err == E_BUSY) return false;
    if (err) s->quiet = true;
    s->claimed = err == 0 && open;
    return true;
}

struct cipher_box reply_box(const struct dlms_session *s, uint8_t plain)
{
    const struct dlms_prot *p = s->prot;
    struct cipher_box b = { .tag = p->tag, .dedicated = p->dedicated };
    if (p->tag < XDLMS_GENERAL_GLO) b.tag = cipher_tag_of(plain, p->dedicated);
    if (b.tag == 0) b.tag = p->dedicated ? XDLMS_GENERAL_DED : XDLMS_GENERAL_GLO;
    b.title = (struct cipher_view){ s->own, CIPHER_TITLE };
    b.transaction = (struct cipher_view){ p->tid, p->tid_n };
    b.originator = b.title;
    b.recipient = (struct cipher_view){ s->title, CIPHER_TITLE };
    b.keyinfo = p->keyinfo;
    b.key_id = p->key_id;
    b.key = (struct cipher_view){ s->tx, p->key_n };
    return b;
}

uint8_t reply_sc(const struct dlms_session *s)
{
    return (uint8_t)(s->suite | (s->prot->reply & PROT_AUTH_REQ ? SC_AUTH : 0) |
                     (s->prot->reply & PROT_CRYPT_REQ ? SC_CRYPT : 0));
}

/* In blocks an APDU may be as long as it likes. */
static uint32_t reply_limit(const struct dlms_session *s)
{
    bool whole = s->gbt->in || s->max_send == 0 || s->max_send > s->tx_size;
    uint32_t limit = whole ? s->tx_size : s->max_send;
    uint32_t frame = (uint32_t)s->hdlc->info_tx - HDLC_LLC; /* UI frames have no segments */
    return s->hdlc->ui && !s->gbt->in && frame < limit ? frame : limit;
}

static bool reply_signed(const struct dlms_session *s)
{
    return CFG_SUITE1 && !s->bare && s->prot->reply & PROT_SIGN_REQ;
}

size_t reply_head(const struct dlms_session *s)
{
    enum { SIGNED = 1 + AGREE_HEAD_MAX + 3 };
    struct axdr_out count = axdr_out(NULL, SIZE_MAX);
    size_t n = reply_signed(s) ? SIGNED : 0;
    if (!reply_sealed(s)) return n;
    struct cipher_box b = reply_box(s, s->prot->tag ? XDLMS_GET_RES : 0);
    cipher_emit_box(&count, &b, reply_limit(s));
    return n + count.len + CIPHER_HEAD;
}

size_t reply_tail(const struct dlms_session *s)
{
    enum { SIGNED = 1 + 64 };
    size_t tag = reply_sealed(s) && s->prot->reply & PROT_AUTH_REQ ? CIPHER_TAG : 0;
    return tag + (reply_signed(s) ? SIGNED : 0);
}

size_t reply_room(const struct dlms_session *s)
{
    size_t limit = reply_limit(s), extra = reply_head(s) + reply_tail(s);
    return limit > extra ? limit - extra : 0;
}

size_t protect_room(const struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_prot *p = s->prot;
    const uint8_t tag = p->tag, bits = p->bits;
    p->tag = XDLMS_GENERAL_GLO;
    p->bits = PROT_AUTH_REQ | PROT_CRYPT_REQ;
    p->reply = reply_bits(d, s);
    s->bare = false;
    size_t room = reply_room(s);
    p->tag = tag;
    p->bits = bits;
    return room;
}

/* Write the container's head before the content, which begins five octets before the text. What
 * tells the key lies at the start of tx, in the way of the head itself. */
static void wrap(struct dlms_session *s, struct cipher_box *b)
{
    uint8_t key[128];
    struct axdr_out count = axdr_out(NULL, SIZE_MAX);
    ensure(b->key.n <= sizeof key);
    memcpy(key, s->tx, b->key.n);
    b->key.p = key;
    cipher_emit_box(&count, b, s->tx_n);
    ensure(count.len <= s->tx_at);
    s->tx_at = (uint16_t)(s->tx_at - count.len);
    struct axdr_out o = axdr_out(s->tx + s->tx_at, count.len);
    cipher_emit_box(&o, b, s->tx_n);
    s->tx_n = (uint16_t)(s->tx_n + count.len);
    b->key.p = NULL;
}

void reply_key(const struct dlms_session *s, struct cipher_key *k)
{
    *k = s->key;
    if (s->prot->dedicated) memcpy(k->ek, s->ded, s->ded_len);
    if (s->prot->count >= COUNT_AGREED) memcpy(k->ek, s->agreed.own, sizeof s->agreed.own);
}

/* The counter, where it was not claimed, and the head. False: not yet, or not at all. */
static bool seal_begin(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t *content = s->tx + s->tx_at - CIPHER_HEAD;
    struct cipher_key k;
    if (!s->claimed) {
        int err = protect_counter(d, s, reply_count(s), &s->ic);
        s->stalled = err == E_BUSY;
        if (err < 0 && err != E_BUSY) serve_ended(d, s, RUN_SILENT);
        if (err < 0) return false;
        s->claimed = true;
    }
    if (!begin_message(d, s)) return false;
    reply_key(s, &k);
    s->prot->inner = s->tx[s->tx_at];
    content[0] = reply_sc(s);
    be_put32(content + 1, s->ic);
    uint8_t head[AGREE_HEAD_MAX];
    size_t n = s->prot->tag == XDLMS_GENERAL_CIPHERING ? agree_head(s, head) : 0;
    cipher_begin(&d->c, false, content[0], s->ic, &k, s->own, head, n);
    wipe(&k, sizeof k);
    return true;
}

static void answer_sealed(struct dlms_session *s)
{
    s->slice = 0;
    if (reply_signed(s))
        s->phase = PHASE_SIGN;
    else
        serve_ready(s);
}

static void seal_slice(struct dlms_server *d, struct dlms_session *s)
{
    if (!reply_sealed(s)) {
        answer_sealed(s);
        return;
    }
    if (d->crypts != s && !seal_begin(d, s)) return;
    size_t left = (size_t)s->tx_n - s->slice, n = left < SLICE ? left : SLICE;
    uint8_t *text = s->tx + s->tx_at;
    cipher_more(&d->c, text + s->slice, n);
    s->slice = (uint16_t)(s->slice + n);
    if (n < left) return;
    uint8_t sc = reply_sc(s);
    struct cipher_box b = reply_box(s, s->prot->inner);
    cipher_seal_end(&d->c, text + s->tx_n);
    d->crypts = NULL;
    s->tx_at = (uint16_t)(s->tx_at - CIPHER_HEAD);
    s->tx_n = (uint16_t)(s->tx_n + cipher_extra(sc));
    wrap(s, &b);
    answer_sealed(s);
}

int protect_small(struct dlms_server *d, struct dlms_session *s, uint8_t dst[SMALL_SEALED],
                  const uint8_t *plain, size_t n)
{
    uint32_t ic;
    struct cipher_key k;
    s->prot->reply = reply_bits(d, s);
    s->bare = false;
    if (!reply_sealed(s)) return 0;
    int err = protect_counter(d, s, COUNT_UNICAST, &ic);
    if (err < 0) return err;
    uint8_t sc = reply_sc(s);
    struct cipher_box b = reply_box(s, plain[0]);
    struct axdr_out o = axdr_out(dst, SMALL_SEALED);
    cipher_emit_box(&o, &b, n + cipher_extra(sc));
    ensure(o.len + n + cipher_extra(sc) <= SMALL_SEALED);
    memcpy(dst + o.len + CIPHER_HEAD, plain, n);
    reply_key(s, &k);
    o.len += cipher_seal(dst + o.len, n, sc, ic, &k, s->own, NULL, 0);
    wipe(&k, sizeof k);
    return (int)o.len;
}

void protect_slice(struct dlms_server *d, struct dlms_session *s)
{
    s->stalled = false;
    if (CFG_SUITE1 && s->phase == PHASE_VERIFY)
        agree_verify(d, s);
    else if (CFG_SUITE1 && s->phase == PHASE_AGREE)
        agree_slice(d, s);
    else if (CFG_SUITE1 && s->phase == PHASE_SIGN)
        agree_sign(d, s);
    else if (s->phase == PHASE_DECIPHER)
        decipher_slice(d, s);
    else
        seal_slice(d, s);
}
