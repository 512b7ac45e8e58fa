#include "dlms/cipher.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "crypto/sha256.h"
#include "dlms/xdlms.h"

_Static_assert(CIPHER_TAG == GCM_TAG && CIPHER_TITLE + 4 == GCM_IV, "GCM as DLMS uses it");

/* -- one APDU --------------------------------------------------------------------------- */

size_t cipher_extra(uint8_t sc)
{
    return sc & SC_AUTH ? CIPHER_HEAD + CIPHER_TAG : CIPHER_HEAD;
}

void cipher_begin(struct cipher *c, bool opening, uint8_t sc, uint32_t ic,
                  const struct cipher_key *k, const uint8_t title[CIPHER_TITLE],
                  const uint8_t *aad, size_t aad_n)
{
    uint8_t iv[GCM_IV];
    memcpy(iv, title, CIPHER_TITLE);
    be_put32(iv + CIPHER_TITLE, ic);
    c->sc = sc;
    c->opening = opening;
    (opening ? gcm_open_begin : gcm_seal_begin)(&c->g, k->ek, k->len, iv);
    if (!(sc & SC_AUTH)) return;
    gcm_aad(&c->g, &sc, 1);
    gcm_aad(&c->g, k->ak, k->len);
    gcm_aad(&c->g, aad, aad_n);
}

void cipher_more(struct cipher *c, uint8_t *text, size_t n)
{
    if (n == 0) return;
    if (c->sc & SC_CRYPT)
        gcm_more(&c->g, text, text, n);
    else if (c->sc & SC_AUTH)
        gcm_aad(&c->g, text, n);
}

void cipher_seal_end(struct cipher *c, uint8_t tag[CIPHER_TAG])
{
    if (c->sc & SC_AUTH)
        gcm_seal_end(&c->g, tag);
    else
        wipe(&c->g, sizeof c->g);
}

int cipher_open_end(struct cipher *c, const uint8_t tag[CIPHER_TAG])
{
    if (c->sc & SC_AUTH) return gcm_open_end(&c->g, tag);
    wipe(&c->g, sizeof c->g);
    return 0;
}

size_t cipher_seal(uint8_t *content, size_t n, uint8_t sc, uint32_t ic,
                   const struct cipher_key *k, const uint8_t title[CIPHER_TITLE],
                   const uint8_t *aad, size_t aad_n)
{
    struct cipher c;
    content[0] = sc;
    be_put32(content + 1, ic);
    cipher_begin(&c, false, sc, ic, k, title, aad, aad_n);
    cipher_more(&c, content + CIPHER_HEAD, n);
    cipher_seal_end(&c, content + CIPHER_HEAD + n);
    return n + cipher_extra(sc);
}

int cipher_look(const uint8_t *content, size_t n, uint8_t *sc, uint32_t *ic, size_t *text_n)
{
    if (n < CIPHER_HEAD || n < cipher_extra(content[0])) return E_FORMAT;
    *sc = content[0];
    *ic = be_get32(content + 1);
    *text_n = n - cipher_extra(*sc);
    return 0;
}

int cipher_open(uint8_t *content, size_t n, const struct cipher_key *k,
                const uint8_t title[CIPHER_TITLE], const uint8_t *aad, size_t aad_n)
{
    struct cipher c;
    uint8_t sc, *text = content + CIPHER_HEAD;
    uint32_t ic;
    size_t text_n;
    if (cipher_look(content, n, &sc, &ic, &text_n) < 0) return E_FORMAT;
    cipher_begin(&c, true, sc, ic, k, title, aad, aad_n);
    cipher_more(&c, text, text_n);
    if (cipher_open_end(&c, text + text_n) == 0) return (int)text_n;
    wipe(text, text_n);
    return E_AUTH;
}

/* -- containers ------------------------------------------------------------------------- */

/* glo is the plain tag + 20 below C0 and + 8 above, ded + 40 and + 10. */
static const struct {
    uint8_t plain, glo, ded;
} tags[] = {
    { XDLMS_INITIATE_REQ, 0x21, 0x41 },  { XDLMS_INITIATE_RES, 0x28, 0x48 },
    { XDLMS_SERVICE_ERROR, 0x2E, 0x4E }, { XDLMS_GET_REQ, 0xC8, 0xD0 },
    { XDLMS_SET_REQ, 0xC9, 0xD1 },       { XDLMS_EVENT_NOTIFICATION, 0xCA, 0xD2 },
    { XDLMS_ACTION_REQ, 0xCB, 0xD3 },    { XDLMS_GET_RES, 0xCC, 0xD4 },
    { XDLMS_SET_RES, 0xCD, 0xD5 },       { XDLMS_ACTION_RES, 0xCF, 0xD7 },
};
enum { TAGS = sizeof tags / sizeof tags[0] };

uint8_t cipher_tag_of(uint8_t plain, bool dedicated)
{
    for (unsigned i = 0; i < TAGS; i++)
        if (tags[i].plain == plain) return dedicated ? tags[i].ded : tags[i].glo;
    return 0;
}

static bool is_service(uint8_t tag, struct cipher_box *b)
{
    for (unsigned i = 0; i < TAGS; i++)
        if (tags[i].glo == tag || tags[i].ded == tag) {
            b->plain = tags[i].plain;
            b->dedicated = tags[i].ded == tag;
            return true;
        }
    return false;
}

bool cipher_is_box(uint8_t tag)
{
    struct cipher_box b;
    return tag == XDLMS_GENERAL_GLO || tag == XDLMS_GENERAL_DED ||
           tag == XDLMS_GENERAL_CIPHERING || tag == XDLMS_GENERAL_SIGNING ||
           is_service(tag, &b);
}

static struct cipher_view read_string(struct axdr_in *in)
{
    size_t n = axdr_read_length(in);
    const uint8_t *p = axdr_read_view(in, n);
    return (struct cipher_view){ p, in->bad ? 0 : n };
}

static void emit_string(struct axdr_out *o, struct cipher_view v)
{
    axdr_emit_length(o, (uint32_t)v.n);
    axdr_emit(o, v.p, v.n);
}

static void read_head(struct axdr_in *in, struct cipher_box *b)
{
    b->head.p = in->p;
    b->transaction = read_string(in);
    b->originator = read_string(in);
    b->recipient = read_string(in);
    b->date_time = read_string(in);
    b->other = read_string(in);
    b->head.n = in->bad ? 0 : (size_t)(in->p - b->head.p);
}

static void read_keyinfo(struct axdr_in *in, struct cipher_box *b)
{
    b->keyinfo = KEYINFO_NONE;
    if (axdr_read_raw(in, 1) == 0) return;
    uint8_t choice = (uint8_t)axdr_read_raw(in, 1);
    in->bad |= choice > 2;
    b->keyinfo = (uint8_t)(choice + 1);
    if (b->keyinfo == KEYINFO_AGREED) in->bad |= axdr_read_raw(in, 1) != 1; /* parameters */
    b->key_id = (uint8_t)axdr_read_raw(in, 1);
    if (b->keyinfo != KEYINFO_IDENTIFIED) b->key = read_string(in);
}

int cipher_read_box(const uint8_t *p, size_t n, struct cipher_box *b)
{
    struct axdr_in in = axdr_in(p, n);
    *b = (struct cipher_box){ .tag = (uint8_t)axdr_read_raw(&in, 1) };
    if (in.bad || !cipher_is_box(b->tag)) return E_FORMAT;
    b->dedicated = b->tag == XDLMS_GENERAL_DED;
    if (b->tag == XDLMS_GENERAL_GLO || b->tag == XDLMS_GENERAL_DED)
        b->title = read_string(&in);
    else if (!is_service(b->tag, b))
        read_head(&in, b);
    if (b->tag == XDLMS_GENERAL_CIPHERING) read_keyinfo(&in, b);
    b->content = read_string(&in);
    if (b->tag == XDLMS_GENERAL_SIGNING) b->signature = read_string(&in);
    return axdr_is_done(&in) ? 0 : E_FORMAT;
}

static void emit_keyinfo(struct axdr_out *o, const struct cipher_box *b)
{
    axdr_emit_raw(o, b->keyinfo != KEYINFO_NONE, 1);
    if (b->keyinfo == KEYINFO_NONE) return;
    axdr_emit_raw(o, b->keyinfo - 1u, 1);
    if (b->keyinfo == KEYINFO_AGREED) axdr_emit_raw(o, 1, 1);
    axdr_emit_raw(o, b->key_id, 1);
    if (b->keyinfo != KEYINFO_IDENTIFIED) emit_string(o, b->key);
}

void cipher_emit_box(struct axdr_out *o, const struct cipher_box *b, size_t n)
{
    struct cipher_box known;
    axdr_emit_raw(o, b->tag, 1);
    if (b->tag == XDLMS_GENERAL_GLO || b->tag == XDLMS_GENERAL_DED) {
        emit_string(o, b->title);
    } else if (!is_service(b->tag, &known)) {
        emit_string(o, b->transaction);
        emit_string(o, b->originator);
        emit_string(o, b->recipient);
        emit_string(o, b->date_time);
        emit_string(o, b->other);
    }
    if (b->tag == XDLMS_GENERAL_CIPHERING) emit_keyinfo(o, b);
    axdr_emit_length(o, (uint32_t)n);
}

/* -- high level authentication ---------------------------------------------------------- */

static void gmac(uint8_t tag[CIPHER_TAG], uint8_t sc, uint32_t ic, const struct cipher_key *k,
                 const uint8_t title[CIPHER_TITLE], const uint8_t *challenge, size_t n)
{
    struct cipher c;
    cipher_begin(&c, false, sc, ic, k, title, challenge, n);
    cipher_seal_end(&c, tag);
}

void hls5_answer(uint8_t answer[HLS5_ANSWER], uint8_t suite, uint32_t ic,
                 const struct cipher_key *k, const uint8_t title[CIPHER_TITLE],
                 const uint8_t *challenge, size_t n)
{
    answer[0] = (uint8_t)(SC_AUTH | suite);
    be_put32(answer + 1, ic);
    gmac(answer + CIPHER_HEAD, answer[0], ic, k, title, challenge, n);
}

bool hls5_check(const uint8_t answer[HLS5_ANSWER], uint8_t suite, const struct cipher_key *k,
                const uint8_t title[CIPHER_TITLE], const uint8_t *challenge, size_t n,
                uint32_t *ic)
{
    uint8_t tag[CIPHER_TAG];
    *ic = be_get32(answer + 1);
    gmac(tag, (uint8_t)(SC_AUTH | suite), *ic, k, title, challenge, n);
    bool good = same(tag, answer + CIPHER_HEAD, CIPHER_TAG);
    return answer[0] == (SC_AUTH | suite) && good;
}

void hls_digest(uint8_t digest[32], struct cipher_view secret, const uint8_t one[CIPHER_TITLE],
                const uint8_t other[CIPHER_TITLE], struct cipher_view theirs,
                struct cipher_view own)
{
    struct sha256 s;
    sha256_begin(&s);
    sha256_more(&s, secret.p, secret.n);
    sha256_more(&s, one, CIPHER_TITLE);
    sha256_more(&s, other, CIPHER_TITLE);
    sha256_more(&s, theirs.p, theirs.n);
    sha256_more(&s, own.p, own.n);
    sha256_end(&s, digest);
}
