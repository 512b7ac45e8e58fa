/* session.c - association: AARQ to AARE, high level authentication, release. */
#include "tools/client/session.h"

#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/old.h"

enum { APDU_SMALL = 1024, OPEN_TRIES = 2 };
static const struct target reply_to_hls = { 15, { 0, 0, 40, 0, 0, 255 }, 1 };

void session_config_default(struct session_config *c)
{
    *c = (struct session_config){
        .suite = 0,
        .policy = SC_AUTH | SC_CRYPT,
        .guard = GUARD_GLO,
        .conformance = XDLMS_C_GENERAL_PROTECTION | XDLMS_C_GBT | XDLMS_C_DELTA |
                       XDLMS_C_ATTRIBUTE0_SET | XDLMS_C_PRIORITY | XDLMS_C_ATTRIBUTE0_GET |
                       XDLMS_C_BLOCK_GET | XDLMS_C_BLOCK_SET | XDLMS_C_BLOCK_ACTION |
                       XDLMS_C_MULTIPLE | XDLMS_C_DATA_NOTIFICATION | XDLMS_C_ACCESS |
                       XDLMS_C_GET | XDLMS_C_SET | XDLMS_C_SELECTIVE |
                       XDLMS_C_EVENT_NOTIFICATION | XDLMS_C_ACTION,
        .max_pdu = 65535,
        .high = true,
        .timeout_ms = 10000,
        .tries = 3,
        .challenge_n = 32,
        .keep_counter = true,
    };
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void session_init(struct session *s, const struct session_config *cfg, struct carrier *way)
{
    *s = (struct session){ .cfg = *cfg, .way = way };
    struct keyring *k = &s->cfg.keys;
    if (k->has_global && k->has_client_title)
        counter_init(&s->counter, &k->global, k->client_title, cfg->keep_counter);
    counter_raise(&s->counter, cfg->first_counter);
    if (cfg->dedicated && !k->has_dedicated) {
        k->dedicated.len = k->global.len ? k->global.len : 16;
        protect_random(k->dedicated.ek, k->dedicated.len);
        k->has_dedicated = true;
    }
    memcpy(k->dedicated.ak, k->global.ak, sizeof k->dedicated.ak);
    s->transaction = now_ns(); /* grows from one run to the next */
}

static bool needs_title(const struct session *s)
{
    return s->cfg.ciphered || s->cfg.mechanism >= MECH_GMAC;
}

/* -- user information ------------------------------------------------------------------- */

/* The initiate request, protected by the global key whatever guards the rest. */
static int put_user_info(struct session *s, struct buf *info, struct trouble *t)
{
    struct initiate_req r = {
        .response = true,
        .version = XDLMS_VERSION,
        .conformance = s->cfg.conformance,
        .max_pdu = s->cfg.max_pdu,
    };
    struct buf plain = { 0 };
    struct keyring *k = &s->cfg.keys;
    if (s->cfg.ciphered && k->has_dedicated) {
        r.dedicated = true;
        r.key_len = k->dedicated.len;
        memcpy(r.key, k->dedicated.ek, r.key_len);
    }
    struct axdr_out o = buf_room(&plain, 128);
    initiate_emit_req(&o, &r);
    buf_took(&plain, &o);
    wipe(&r, sizeof r);
    int e = 0;
    if (s->hooks.plain && s->cfg.ciphered) s->hooks.plain(s->hooks.ctx, true, plain.p, plain.n);
    if (!s->cfg.ciphered) {
        buf_put(info, plain.p, plain.n);
    } else {
        bool general = s->cfg.guard == GUARD_GENERAL_GLO || s->cfg.guard == GUARD_GENERAL_DED;
        struct seal how = { .guard = general ? GUARD_GENERAL_GLO : GUARD_GLO,
                            .sc = s->cfg.policy | s->cfg.suite };
        e = counter_take(&s->counter, &how.ic, t);
        if (e == 0) e = protect_seal(k, &how, plain.p, plain.n, info, t);
    }
    if (plain.p) wipe(plain.p, plain.n);
    buf_free(&plain);
    return e;
}

static int service_error(const struct buf *info, struct trouble *t)
{
    uint8_t group = info->n > 2 ? info->p[2] : 255, value = info->n > 3 ? info->p[3] : 0;
    bool keys = group == INITIATE_GROUP_REFERENCE && value == REFERENCE_DECIPHERING;
    return trouble(t, keys ? E_AUTH : E_DENIED, "the meter refuses the association: %s",
                   names_service_error(group, value));
}

/* Refusals for which keys, names or mechanisms are the reason. */
static bool is_about_identity(uint8_t diagnostic)
{
    return diagnostic == ACSE_D_CALLING_TITLE ||
           (diagnostic >= ACSE_D_MECHANISM_UNKNOWN && diagnostic <= ACSE_D_AUTH_REQUIRED);
}

static int refused(const struct session *s, const struct buf *info, struct trouble *t)
{
    if (info->n && info->p[0] == XDLMS_SERVICE_ERROR) return service_error(info, t);
    if (s->aare.result == ACSE_REJECTED_TRANSIENT)
        return trouble(
            t, E_AUTH,
            "the meter refuses the association: %s; ask again, but after failed attempts a "
            "port stays locked for a while",
            names_diagnostic(s->aare.provider, s->aare.diagnostic));
    int e = !s->aare.provider && is_about_identity(s->aare.diagnostic) ? E_AUTH : E_DENIED;
    return trouble(t, e, "the meter refuses the association: %s",
                   names_diagnostic(s->aare.provider, s->aare.diagnostic));
}

/* What the answer agreed on, taken off its protection when it has any. */
static int open_user_info(struct session *s, struct acse_view user, struct buf *info,
                          struct trouble *t)
{
    struct layers found;
    if (!user.p) return 0;
    int e = protect_open(&s->cfg.keys, user.p, user.n, info, &found, t);
    if (e < 0)
        return e == E_NONE
                   ? trouble(t, E_AUTH,
                             "the meter's answer is ciphered, and the keys were not given")
                   : e;
    if (found.n && s->hooks.plain) s->hooks.plain(s->hooks.ctx, false, info->p, info->n);
    if (found.n) s->global_floor = found.layer[found.n - 1].ic + 1;
    if (s->cfg.ciphered && found.n == 0 && info->n && info->p[0] == XDLMS_INITIATE_RES)
        return trouble(t, E_AUTH, "the meter answers a ciphered association without ciphering");
    return 0;
}

static int take_initiate(struct session *s, const struct buf *info, struct trouble *t)
{
    struct initiate_res r;
    struct axdr_in in = buf_in(info);
    if (info->n == 0) return trouble(t, E_FORMAT, "the meter accepts, and does not say what");
    if (info->p[0] == XDLMS_SERVICE_ERROR) return service_error(info, t);
    if (initiate_read_res(&in, &r) < 0)
        return trouble(t, E_FORMAT, "a broken initiate response");
    if (r.vaa != XDLMS_VAA_LN) return trouble(t, E_DENIED, "the meter uses short names");
    s->conformance = r.conformance & s->cfg.conformance;
    s->server_max = r.max_pdu;
    if (r.max_pdu && r.max_pdu < XDLMS_PDU_MIN)
        return trouble(t, E_FORMAT, "the meter takes no more than %u octets", r.max_pdu);
    return 0;
}

/* -- AARQ and AARE ---------------------------------------------------------------------- */

struct challenges {
    uint8_t ours[CHALLENGE_MAX], theirs[CHALLENGE_MAX];
    size_t theirs_n;
};

static int put_aarq(struct session *s, const struct challenges *c, struct buf *out,
                    struct trouble *t)
{
    struct buf info = { 0 };
    uint8_t user_id = (uint8_t)s->cfg.user_id;
    struct acse_aarq a = {
        .version_ok = true,
        .has_context = true,
        .context = s->cfg.ciphered ? CONTEXT_LN_CIPHERED : CONTEXT_LN,
        .has_mechanism = s->cfg.mechanism != MECH_NONE,
        .mechanism = s->cfg.mechanism,
        .authentication = s->cfg.mechanism != MECH_NONE,
    };
    int e = put_user_info(s, &info, t);
    a.user = (struct acse_view){ info.p, info.n };
    if (needs_title(s)) a.title = (struct acse_view){ s->cfg.keys.client_title, 8 };
    if (user_id) a.user_id = (struct acse_view){ &user_id, 1 };
    if (s->cfg.mechanism == MECH_LLS)
        a.auth = (struct acse_view){ s->cfg.secret, s->cfg.secret_n };
    if (s->cfg.mechanism > MECH_LLS) a.auth = (struct acse_view){ c->ours, s->cfg.challenge_n };
    if (e == 0) {
        struct axdr_out o = buf_room(out, APDU_SMALL);
        int n = acse_write_aarq(o.buf, o.cap, &a);
        if (n < 0)
            e = trouble(t, E_SPACE, "the association request is too long");
        else
            out->n += (size_t)n;
    }
    buf_free(&info);
    return e;
}

static int keep_titles(struct session *s, struct trouble *t)
{
    struct keyring *k = &s->cfg.keys;
    if (s->aare.title.p && s->aare.title.n == 8) {
        if (k->has_server_title && memcmp(k->server_title, s->aare.title.p, 8) != 0)
            return trouble(t, E_AUTH,
                           "another meter answers: its system title is not the one given");
        memcpy(k->server_title, s->aare.title.p, 8);
        k->has_server_title = true;
    }
    if (needs_title(s) && s->aare.result == ACSE_ACCEPTED && !k->has_server_title)
        return trouble(t, E_FORMAT, "the meter does not tell its system title");
    return 0;
}

static int keep_challenge(const struct session *s, struct challenges *c, struct trouble *t)
{
    size_t n = s->aare.auth.n;
    if (!s->aare.auth.p || n < CHALLENGE_MIN || n > CHALLENGE_MAX)
        return trouble(t, E_FORMAT, "the meter sends a challenge of %zu octets", n);
    if (n == s->cfg.challenge_n && memcmp(s->aare.auth.p, c->ours, n) == 0)
        return trouble(t, E_AUTH, "the meter sends our own challenge back");
    memcpy(c->theirs, s->aare.auth.p, n);
    c->theirs_n = n;
    return 0;
}

/* 1: high level authentication follows. */
static int judge_aare(struct session *s, const struct buf *answer, struct challenges *c,
                      struct trouble *t)
{
    struct buf info = { 0 };
    if (acse_read_aare(answer->p, answer->n, &s->aare) < 0)
        return trouble(t, E_FORMAT, "the meter answers with something that is no AARE");
    int e = keep_titles(s, t);
    if (e == 0) e = open_user_info(s, s->aare.user, &info, t);
    if (s->aare.result != ACSE_ACCEPTED)
        e = refused(s, &info, t); /* says more than a tag that did not verify */
    else if (e == 0)
        e = take_initiate(s, &info, t);
    bool pending = s->aare.diagnostic == ACSE_D_AUTH_REQUIRED;
    if (e == 0 && s->cfg.mechanism > MECH_LLS && !pending)
        e = trouble(t, E_AUTH, "the meter lets us in without high level authentication");
    if (e == 0 && s->cfg.mechanism > MECH_LLS) e = keep_challenge(s, c, t);
    buf_free(&info);
    return e < 0 ? e : s->cfg.mechanism > MECH_LLS;
}

/* -- high level authentication ---------------------------------------------------------- */

static struct cipher_view view(const void *p, size_t n)
{
    return (struct cipher_view){ p, n };
}

/* Mechanism 7: titles and challenges one after the other, signed. */
static size_t put_signed(uint8_t text[16 + 2 * CHALLENGE_MAX], const uint8_t one[8],
                         const uint8_t other[8], struct cipher_view theirs,
                         struct cipher_view own)
{
    memcpy(text, one, 8);
    memcpy(text + 8, other, 8);
    memcpy(text + 16, theirs.p, theirs.n);
    memcpy(text + 16 + theirs.n, own.p, own.n);
    return 16 + theirs.n + own.n;
}

/* Mechanisms 3 and 4: a digest of challenge and secret. */
static int put_old(const struct session *s, const uint8_t *challenge, size_t n,
                   uint8_t digest[32])
{
    struct buf text = { 0 };
    bool is_md5 = s->cfg.mechanism == MECH_MD5;
    buf_put(&text, challenge, n);
    buf_put(&text, s->cfg.secret, s->cfg.secret_n);
    (is_md5 ? md5 : sha1)(digest, text.p, text.n);
    wipe(text.p, text.n);
    buf_free(&text);
    return is_md5 ? 16 : 20;
}

static int make_answer(struct session *s, const struct challenges *c, uint8_t answer[64],
                       struct trouble *t)
{
    struct keyring *k = &s->cfg.keys;
    uint8_t text[16 + 2 * CHALLENGE_MAX];
    struct cipher_view theirs = view(c->theirs, c->theirs_n),
                       ours = view(c->ours, s->cfg.challenge_n);
    uint32_t ic;
    int e;
    switch (s->cfg.mechanism) {
    case MECH_GMAC:
        if ((e = counter_take(&s->counter, &ic, t)) < 0) return e;
        hls5_answer(answer, s->cfg.suite, ic, &k->global, k->client_title, c->theirs,
                    c->theirs_n);
        return HLS5_ANSWER;
    case MECH_MD5:
    case MECH_SHA1:
        return put_old(s, c->theirs, c->theirs_n, answer);
    case MECH_SHA256:
        hls_digest(answer, view(s->cfg.secret, s->cfg.secret_n), k->client_title,
                   k->server_title, theirs, ours);
        return 32;
    case MECH_ECDSA:
        if (!k->has_sign) return trouble(t, E_STATE, "--auth ecdsa needs --sign-key");
        e = protect_sign(answer, k->sign, text,
                         put_signed(text, k->client_title, k->server_title, theirs, ours));
        return e < 0 ? trouble(t, E_STATE, "the signature key is no key of P-256") : 64;
    default:
        return trouble(t, E_STATE, "mechanism %u is not offered here", s->cfg.mechanism);
    }
}

static bool is_genuine(struct session *s, const struct challenges *c, const uint8_t *p,
                       size_t n)
{
    struct keyring *k = &s->cfg.keys;
    uint8_t text[16 + 2 * CHALLENGE_MAX], digest[32];
    struct cipher_view theirs = view(c->theirs, c->theirs_n),
                       ours = view(c->ours, s->cfg.challenge_n);
    uint32_t ic;
    switch (s->cfg.mechanism) {
    case MECH_GMAC:
        return n == HLS5_ANSWER && hls5_check(p, s->cfg.suite, &k->global, k->server_title,
                                              c->ours, s->cfg.challenge_n, &ic);
    case MECH_MD5:
    case MECH_SHA1:
        return n == (size_t)put_old(s, c->ours, s->cfg.challenge_n, digest) &&
               same(p, digest, n);
    case MECH_SHA256:
        hls_digest(digest, view(s->cfg.secret, s->cfg.secret_n), k->server_title,
                   k->client_title, ours, theirs);
        return n == sizeof digest && same(p, digest, n);
    case MECH_ECDSA:
        return n == 64 && k->has_peer_sign &&
               protect_verify(p, k->peer_sign, text,
                              put_signed(text, k->server_title, k->client_title, ours, theirs));
    default:
        return false;
    }
}

static int authenticate(struct session *s, const struct challenges *c, struct trouble *t)
{
    struct buf param = { 0 }, ret = { 0 };
    uint8_t answer[64];
    if (s->cfg.mechanism == MECH_ECDSA && !s->cfg.keys.has_peer_sign)
        return trouble(t, E_STATE,
                       "--auth ecdsa needs the meter's signature certificate (--peer-cert)");
    int n = make_answer(s, c, answer, t);
    if (n < 0) return n;
    buf_put_head(&param, AXDR_OCTETS, (uint32_t)n);
    buf_put(&param, answer, (size_t)n);
    s->proving = true;
    int e = session_action(s, &reply_to_hls, &param, &ret, t);
    s->proving = false;
    s->associated = e == 0; /* refused: the meter has ended it, too */
    if (e > 0)
        e = trouble(
            t, E_AUTH,
            "the meter does not accept our authentication (%s): wrong key, secret or title",
            names_dar((unsigned)e));
    if (e == 0) {
        struct axdr_in in = buf_in(&ret);
        size_t m;
        const uint8_t *p = axdr_read_string(&in, AXDR_OCTETS, &m);
        if (!p || in.bad || !is_genuine(s, c, p, m))
            e = trouble(t, E_AUTH,
                        "the meter cannot prove that it knows the key: do not trust it");
    }
    buf_free(&param);
    buf_free(&ret);
    return e;
}

/* -- opening and closing ---------------------------------------------------------------- */

static int associate(struct session *s, struct trouble *t)
{
    struct buf aarq = { 0 }, answer = { 0 };
    struct challenges c;
    protect_random(c.ours, sizeof c.ours);
    s->conformance = s->cfg.conformance;
    s->server_max = 0;
    int e = put_aarq(s, &c, &aarq, t);
    if (e == 0) e = session_exchange(s, &aarq, ACSE_AARE, &answer, t);
    if (e == 0) e = judge_aare(s, &answer, &c, t);
    if (e >= 0) s->associated = true;
    if (e == 1) e = authenticate(s, &c, t);
    buf_free(&aarq);
    buf_free(&answer);
    return e;
}

int session_open(struct session *s, struct trouble *t)
{
    struct keyring *k = &s->cfg.keys;
    if (needs_title(s) && !k->has_client_title)
        return trouble(t, E_STATE, "the client's system title is needed (--title)");
    if ((s->cfg.ciphered || s->cfg.mechanism == MECH_GMAC) && !k->has_global)
        return trouble(t, E_STATE,
                       "the encryption and authentication keys are needed (--ek, --ak)");
    int e = E_REPLAY;
    for (int i = 0; i < OPEN_TRIES && e == E_REPLAY; i++) e = associate(s, t);
    return e == E_REPLAY ? E_AUTH : e;
}

/* In a ciphered context the release carries a ciphered initiate request, as the books want. */
void session_close(struct session *s)
{
    struct buf rlrq = { 0 }, info = { 0 }, answer = { 0 };
    struct trouble t;
    struct acse_release r = { .has_reason = true };
    if (s->associated) {
        struct session_hooks hooks = s->hooks;
        s->hooks = (struct session_hooks){ 0 };
        if (s->cfg.ciphered && put_user_info(s, &info, &t) == 0)
            r.user = (struct acse_view){ info.p, info.n };
        struct axdr_out o = buf_room(&rlrq, APDU_SMALL);
        int n = acse_write_release(o.buf, o.cap, ACSE_RLRQ, &r);
        rlrq.n = n > 0 ? (size_t)n : 0;
        if (s->cfg.timeout_ms > 2000) s->cfg.timeout_ms = 2000;
        s->hooks = hooks;
        if (n > 0) session_exchange(s, &rlrq, ACSE_RLRE, &answer, &t);
    }
    s->associated = false;
    protect_wipe(&s->cfg.keys);
    wipe(s->cfg.secret, sizeof s->cfg.secret);
    buf_free(&rlrq);
    buf_free(&info);
    buf_free(&answer);
}
