#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/old.h"

/* Associations: the AARQ's checks in the order of the product's table, the four passes of high
 * level security, release. */

enum { STOC = 16, STOC_ECDSA = 32, CTOS_MIN_ECDSA = 32 };

void serve_note(struct dlms_server *d, const struct dlms_session *s, enum dlms_note n)
{
    host_of(d)->note(d->app, &s->who, n);
}

void serve_failed(struct dlms_server *d, const struct dlms_session *s, enum dlms_note n)
{
    host_of(d)->lock_set(d->app, &s->who, true);
    serve_note(d, s, n);
}

static const struct dlms_assoc *row_of(const struct dlms_server *d,
                                       const struct dlms_session *s)
{
    return &d->cfg->assoc[s->who.assoc];
}

/* What this server can do at all, whatever the table says. */
static const uint32_t offered = XDLMS_C_GENERAL_PROTECTION | XDLMS_C_GBT | XDLMS_C_BLOCK_GET |
                                XDLMS_C_BLOCK_SET | XDLMS_C_BLOCK_ACTION | XDLMS_C_MULTIPLE |
                                XDLMS_C_DATA_NOTIFICATION | XDLMS_C_GET | XDLMS_C_SET |
                                XDLMS_C_SELECTIVE | XDLMS_C_EVENT_NOTIFICATION |
                                XDLMS_C_ACTION | XDLMS_C_ACCESS;
static const uint32_t services = XDLMS_C_GET | XDLMS_C_SET | XDLMS_C_ACTION | XDLMS_C_ACCESS;

static void forget(struct dlms_session *s)
{
    wipe(&s->key, sizeof s->key);
    wipe(s->ded, sizeof s->ded);
    wipe(&s->agreed, sizeof s->agreed);
    s->ded_len = 0;
    s->ded_rx = s->ded_tx = 0;
    s->state = DLMS_NONE;
    s->context = s->mechanism = s->fails = s->user_id = 0;
    s->conformance = 0;
    s->max_send = 0;
    s->quality = 0;
    s->ends = false;
    *s->gbt = (struct dlms_gbt){ 0 };
}

static void preset(struct dlms_server *d, struct dlms_session *s)
{
    const struct dlms_assoc *row = row_of(d, s);
    s->context = s->flags & ASSOC_CIPHERED ? CONTEXT_LN_CIPHERED : CONTEXT_LN;
    s->conformance = row->conformance & offered;
    s->max_send = row->max_pdu;
    if (s->link->kind == DLMS_SEALED) s->rx_size = row->max_pdu;
    protect_refresh(d, s);
    memset(s->transfer, 0, sizeof *s->transfer);
    s->state = DLMS_OPEN;
}

void assoc_end(struct dlms_server *d, struct dlms_session *s)
{
    bool was_open = s->state == DLMS_OPEN;
    if (was_open) transfer_drop(d, s);
    if (s->state == DLMS_PENDING) wipe(s->challenge, sizeof *s->challenge);
    if (CFG_SUITE1) host_of(d)->ec_drop(d->app, s->index);
    forget(s);
    if (s->flags & ASSOC_PRE_ESTABLISHED)
        preset(d, s);
    else if (was_open)
        serve_note(d, s, NOTE_CLOSED);
}

/* The client of sealed links is pre-established there, and nowhere else. */
void assoc_is(struct dlms_server *d, struct dlms_session *s, uint8_t assoc)
{
    bool sealed = s->link->kind == DLMS_SEALED;
    s->who.assoc = assoc;
    s->flags = assoc == 255 ? 0 : row_of(d, s)->flags;
    if (assoc != 255 && sealed != (row_of(d, s)->client_sap == d->cfg->sealed_sap))
        s->flags &= (uint8_t)~ASSOC_PRE_ESTABLISHED;
    if (s->flags & ASSOC_PRE_ESTABLISHED) preset(d, s);
}

/* -- AARE ------------------------------------------------------------------------------- */

/* What an AARQ comes to. From V_DECIPHERING on the xDLMS context is at fault. */
enum verdict {
    V_GOOD,
    V_CHALLENGE,
    V_VERSION,
    V_LOCKED,
    V_CONTEXT,
    V_TITLE,
    V_AUTH_REQUIRED,
    V_MECHANISM_REQUIRED,
    V_MECHANISM_UNKNOWN,
    V_AUTH_FAILED,
    V_REPLAY, /* answered by an exception-response instead */
    V_DECIPHERING,
    V_DEDICATED,
    V_INITIATE,
    V_INITIATE_VERSION,
    V_INITIATE_SIZE,
    V_INITIATE_CONFORMANCE
};
static const struct {
    uint8_t result, diagnostic;
    bool provider;
    uint8_t group, value; /* of the confirmedServiceError */
} verdicts[] = {
    [V_CHALLENGE] = { .result = ACSE_ACCEPTED, .diagnostic = ACSE_D_AUTH_REQUIRED },
    [V_VERSION] = { .result = ACSE_REJECTED,
                    .diagnostic = ACSE_P_NO_COMMON_VERSION,
                    .provider = true },
    [V_LOCKED] = { .result = ACSE_REJECTED_TRANSIENT, .diagnostic = ACSE_D_NO_REASON },
    [V_CONTEXT] = { .result = ACSE_REJECTED, .diagnostic = ACSE_D_CONTEXT },
    [V_TITLE] = { .result = ACSE_REJECTED, .diagnostic = ACSE_D_CALLING_TITLE },
    [V_AUTH_REQUIRED] = { .result = ACSE_REJECTED, .diagnostic = ACSE_D_AUTH_REQUIRED },
    [V_MECHANISM_REQUIRED] = { .result = ACSE_REJECTED,
                               .diagnostic = ACSE_D_MECHANISM_REQUIRED },
    [V_MECHANISM_UNKNOWN] = { .result = ACSE_REJECTED, .diagnostic = ACSE_D_MECHANISM_UNKNOWN },
    [V_AUTH_FAILED] = { .result = ACSE_REJECTED, .diagnostic = ACSE_D_AUTH_FAILED },
#define AT_FAULT(group, value)                                                                 \
    {                                                                                          \
        ACSE_REJECTED, ACSE_D_NO_REASON, false, group, value                                   \
    }
    [V_DECIPHERING] = AT_FAULT(INITIATE_GROUP_REFERENCE, REFERENCE_DECIPHERING),
    [V_DEDICATED] = AT_FAULT(INITIATE_GROUP_REFERENCE, INITIATE_OTHER),
    [V_INITIATE] = AT_FAULT(INITIATE_GROUP_INITIATE, INITIATE_OTHER),
    [V_INITIATE_VERSION] = AT_FAULT(INITIATE_GROUP_INITIATE, INITIATE_VERSION),
    [V_INITIATE_SIZE] = AT_FAULT(INITIATE_GROUP_INITIATE, INITIATE_PDU_SIZE),
    [V_INITIATE_CONFORMANCE] = AT_FAULT(INITIATE_GROUP_INITIATE, INITIATE_CONFORMANCE),
#undef AT_FAULT
};

/* n octets stand in tx, as they go out; < 0: they did not fit. */
static enum run written(struct dlms_session *s, int n)
{
    s->bare = true;
    s->tx_at = 0;
    s->tx_n = (uint16_t)(n < 0 ? 0 : n);
    return n < 0 ? RUN_SILENT : RUN_ANSWER;
}

static enum run write_aare(struct dlms_session *s, enum verdict v, struct acse_view user)
{
    bool hls = v == V_CHALLENGE;
    bool titled = s->context == CONTEXT_LN_CIPHERED || s->mechanism >= MECH_GMAC;
    uint8_t context = s->flags & ASSOC_CIPHERED ? CONTEXT_LN_CIPHERED : CONTEXT_LN;
    struct acse_aare a = {
        .has_context = true,
        .context = s->context ? s->context : context,
        .result = verdicts[v].result,
        .provider = verdicts[v].provider,
        .diagnostic = verdicts[v].diagnostic,
        .user = user,
    };
    if (v <= V_CHALLENGE && titled) a.title = (struct acse_view){ s->own, CIPHER_TITLE };
    if (hls) {
        a.has_mechanism = true;
        a.mechanism = s->mechanism;
        a.auth = (struct acse_view){ s->challenge->stoc, s->challenge->stoc_n };
    }
    return written(s, acse_write_aare(s->tx, s->tx_size, &a));
}

/* -- the checks of an AARQ -------------------------------------------------------------- */

static bool knows(const struct dlms_assoc *row, uint8_t mechanism)
{
    bool old = mechanism == MECH_MD5 || mechanism == MECH_SHA1;
    return mechanism < MECHS && row->mechanisms >> mechanism & 1 && (CFG_OLD_HLS || !old);
}

static bool check_context(const struct dlms_session *s, const struct acse_aarq *a)
{
    if (!a->has_context) return false;
    if (a->context == CONTEXT_LN) return s->flags & ASSOC_PLAIN;
    return a->context == CONTEXT_LN_CIPHERED && s->flags & ASSOC_CIPHERED;
}

static bool check_title(struct dlms_server *d, struct dlms_session *s,
                        const struct acse_aarq *a)
{
    struct dlms_security sec;
    bool needed = a->context == CONTEXT_LN_CIPHERED ||
                  (a->has_mechanism && a->mechanism >= MECH_GMAC && a->mechanism < MECHS);
    if (!needed) return true;
    if (!a->title.p || a->title.n != CIPHER_TITLE) return false;
    host_of(d)->security_get(d->app, s->who.assoc, &sec);
    memcpy(s->title, a->title.p, CIPHER_TITLE);
    return !sec.titled || memcmp(sec.client_title, a->title.p, CIPHER_TITLE) == 0;
}

static enum verdict check_mechanism(struct dlms_server *d, struct dlms_session *s,
                                    const struct acse_aarq *a)
{
    const struct dlms_assoc *row = row_of(d, s);
    bool none = !a->has_mechanism && !a->bad_mechanism;
    if (none && !knows(row, MECH_NONE)) {
        bool nothing = !a->authentication && !a->auth.p;
        return nothing ? V_AUTH_REQUIRED : V_MECHANISM_REQUIRED;
    }
    uint8_t m = none ? MECH_NONE : a->mechanism;
    if (a->bad_mechanism || m == MECH_MANUFACTURER || !knows(row, m) ||
        !host_of(d)->may_open(d->app, &s->who, m))
        return V_MECHANISM_UNKNOWN;
    s->mechanism = m;
    return V_GOOD;
}

/* Compared over the whole length whatever is given: the time tells nothing. */
static bool check_password(struct dlms_server *d, struct dlms_session *s,
                           const struct acse_aarq *a)
{
    uint8_t secret[DLMS_SECRET_MAX] = { 0 }, given[DLMS_SECRET_MAX] = { 0 };
    int n = protect_secret(d, s, DLMS_KEY_SECRET, secret);
    size_t some = a->auth.n < sizeof given ? a->auth.n : sizeof given;
    if (a->auth.p) memcpy(given, a->auth.p, some);
    bool good = same(secret, given, sizeof secret);
    wipe(secret, sizeof secret);
    wipe(given, sizeof given);
    return good & (n > 0) & ((size_t)n == a->auth.n);
}

/* Is that the challenge of the meter to some client? Then it comes from a mirror. */
static bool is_mirrored(const struct dlms_server *d, struct acse_view auth)
{
    for (const struct dlms_link *l = d->links; l; l = l->next)
        for (const struct dlms_session *s = l->first; s; s = s->next)
            if (s->state == DLMS_PENDING && s->challenge->stoc_n == auth.n &&
                memcmp(s->challenge->stoc, auth.p, auth.n) == 0)
                return true;
    return false;
}

static bool check_challenge(struct dlms_server *d, struct dlms_session *s,
                            const struct acse_aarq *a)
{
    size_t least = s->mechanism == MECH_ECDSA ? CTOS_MIN_ECDSA : CHALLENGE_MIN;
    return a->auth.p && a->auth.n >= least && a->auth.n <= CHALLENGE_MAX &&
           !is_mirrored(d, a->auth);
}

static bool check_authentication(struct dlms_server *d, struct dlms_session *s,
                                 const struct acse_aarq *a)
{
    if (s->mechanism == MECH_NONE) return true;
    if (s->mechanism > MECH_LLS) return check_challenge(d, s, a);
    bool good = check_password(d, s, a);
    if (good)
        host_of(d)->lock_set(d->app, &s->who, false);
    else
        serve_failed(d, s, NOTE_AUTH_FAILED);
    return good;
}

/* -- user information ------------------------------------------------------------------- */

/* Open a protected initiateRequest in place. */
static enum verdict open_initiate(struct dlms_server *d, struct dlms_session *s,
                                  struct acse_view *user)
{
    struct dlms_prot *p = s->prot;
    struct cipher_box b;
    struct cipher_key k;
    size_t n;
    bool good = s->context == CONTEXT_LN_CIPHERED && cipher_read_box(user->p, user->n, &b) == 0;
    good =
        good && (b.plain == XDLMS_INITIATE_REQ || b.tag == XDLMS_GENERAL_GLO) && !b.dedicated;
    good = good && cipher_look(b.content.p, b.content.n, &p->sc, &p->ic, &n) == 0;
    good = good && (p->sc & SC_SUITE) == s->suite && !(p->sc & SC_COMPRESSED);
    good = good && !s->rekey && protect_title(s, &b) && protect_key(d, s, &b, p->sc, &k);
    if (!good) return V_DECIPHERING;
    uint8_t *content = s->rx + (b.content.p - s->rx);
    int text = cipher_open(content, b.content.n, &k, s->title, NULL, 0);
    wipe(&k, sizeof k);
    if (text < 0) {
        protect_failed(d, s);
        return V_DECIPHERING;
    }
    if (!protect_count(d, s, COUNT_UNICAST, p->ic)) {
        serve_note(d, s, NOTE_REPLAY);
        return V_REPLAY;
    }
    p->tag = b.tag;
    p->bits = (uint8_t)((p->sc & SC_AUTH ? PROT_AUTH_REQ : 0) |
                        (p->sc & SC_CRYPT ? PROT_CRYPT_REQ : 0));
    *user = (struct acse_view){ content + CIPHER_HEAD, (size_t)text };
    return V_GOOD;
}

/* Can the client take, however it is protected, a block of an answer and f(CtoS)? */
static bool is_size_enough(const struct dlms_server *d, struct dlms_session *s)
{
    enum { REPLY = 8 }; /* octets before f(CtoS) */
    static const uint8_t least[MECHS] = {
        [MECH_NONE] = XDLMS_PDU_MIN,       [MECH_LLS] = XDLMS_PDU_MIN,
        [MECH_MD5] = REPLY + 16,           [MECH_SHA1] = REPLY + 20,
        [MECH_GMAC] = REPLY + HLS5_ANSWER, [MECH_SHA256] = REPLY + 32,
        [MECH_ECDSA] = REPLY + 64,
    };
    return protect_room(d, s) >= least[s->mechanism];
}

static enum verdict judge_initiate(struct dlms_server *d, struct dlms_session *s,
                                   const struct initiate_req *r)
{
    uint32_t common = r->conformance & row_of(d, s)->conformance & offered & ~XDLMS_C_SN;
    bool ciphered = s->context == CONTEXT_LN_CIPHERED;
    if (r->version < XDLMS_VERSION) return V_INITIATE_VERSION;
    s->max_send = r->max_pdu;
    if (!is_size_enough(d, s)) return V_INITIATE_SIZE;
    if (!(common & services)) return V_INITIATE_CONFORMANCE;
    if (r->dedicated && (!ciphered || r->key_len != (s->suite == 2 ? 32 : 16)))
        return V_DEDICATED;
    s->conformance = common;
    s->quality = r->quality;
    s->ded_len = r->dedicated ? r->key_len : 0;
    memcpy(s->ded, r->key, s->ded_len);
    s->quiet |= !r->response;
    return V_GOOD;
}

static enum verdict check_user(struct dlms_server *d, struct dlms_session *s,
                               const struct acse_aarq *a, struct initiate_req *r)
{
    struct acse_view user = a->user;
    enum verdict v = V_GOOD;
    if (!user.p || user.n == 0) return V_INITIATE;
    if (cipher_is_box(user.p[0])) v = open_initiate(d, s, &user);
    if (v) return v;
    if (s->policy & PROT_REQ & ~(s->prot->bits | PROT_SIGN_REQ)) {
        serve_note(d, s, NOTE_POLICY);
        return V_DECIPHERING;
    }
    struct axdr_in in = axdr_in(user.p, user.n);
    if (initiate_read_req(&in, r) < 0) return V_INITIATE;
    return judge_initiate(d, s, r);
}

static enum verdict judge_aarq(struct dlms_server *d, struct dlms_session *s,
                               const struct acse_aarq *a)
{
    if (!a->version_ok) return V_VERSION;
    if (host_of(d)->lock_get(d->app, &s->who)) {
        serve_note(d, s, NOTE_LOCKED);
        return V_LOCKED;
    }
    if (!check_context(s, a)) return V_CONTEXT;
    s->context = a->context;
    protect_refresh(d, s);
    if (!check_title(d, s, a)) return V_TITLE;
    enum verdict v = check_mechanism(d, s, a);
    if (v) return v;
    return check_authentication(d, s, a) ? V_GOOD : V_AUTH_FAILED;
}

/* -- accepting -------------------------------------------------------------------------- */

static void emit_response(const struct dlms_session *s, struct axdr_out *o)
{
    initiate_emit_res(o, &(struct initiate_res){
                             .has_quality = s->has_quality,
                             .quality = s->quality,
                             .version = XDLMS_VERSION,
                             .conformance = s->conformance,
                             .max_pdu = s->rx_size,
                             .vaa = XDLMS_VAA_LN,
                         });
}

static enum run write_rlre(struct dlms_session *s, struct acse_view user)
{
    struct acse_release r = { .has_reason = s->with_reason, .user = user };
    s->ends = true;
    return written(s, acse_write_release(s->tx, s->tx_size, ACSE_RLRE, &r));
}

static void set_open(struct dlms_server *d, struct dlms_session *s)
{
    memset(s->transfer, 0, sizeof *s->transfer);
    s->state = DLMS_OPEN;
    serve_note(d, s, NOTE_OPENED);
}

static enum run reject(struct dlms_session *s, enum verdict v)
{
    uint8_t context = s->context;
    const uint8_t error[] = { XDLMS_SERVICE_ERROR, SERVICE_ERROR_INITIATE, verdicts[v].group,
                              verdicts[v].value };
    forget(s);
    s->context = context;
    if (v == V_REPLAY) return answer_counter(s, s->prot->floor);
    enum run run =
        write_aare(s, v, (struct acse_view){ v >= V_DECIPHERING ? error : NULL, sizeof error });
    s->context = 0;
    return run;
}

/* What an AARQ asks arithmetic for comes in moves, each a step of its own; s->slice counts
 * them. The request stands in rx until the last. */
enum { MOVE_KEYS, MOVE_USER, MOVE_CHALLENGE, MOVE_ANSWER };

static enum run move_on(struct dlms_session *s, uint16_t to)
{
    s->phase = PHASE_ACCEPT;
    s->slice = to;
    s->stalled = false;
    return RUN_AGAIN;
}

static enum run take_user(struct dlms_server *d, struct dlms_session *s)
{
    struct acse_aarq a;
    struct initiate_req r = { 0 };
    acse_read_aarq(s->rx + s->rx_at, s->rx_n, &a);
    enum verdict v = check_user(d, s, &a, &r);
    wipe(&r.key, sizeof r.key);
    if (v) return reject(s, v);
    s->has_quality = r.has_quality;
    if (s->mechanism <= MECH_LLS) {
        set_open(d, s);
        return move_on(s, MOVE_ANSWER);
    }
    memset(s->challenge, 0, sizeof *s->challenge);
    s->challenge->ctos_n = (uint8_t)a.auth.n;
    memcpy(s->challenge->ctos, a.auth.p, a.auth.n);
    return move_on(s, MOVE_CHALLENGE);
}

static enum run make_challenge(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_challenge *c = s->challenge;
    c->stoc_n = s->mechanism == MECH_ECDSA ? STOC_ECDSA : STOC;
    host_of(d)->random(d->app, c->stoc, c->stoc_n);
    s->state = DLMS_PENDING;
    server_due(d, s->pending);
    return move_on(s, MOVE_ANSWER);
}

/* initiateResponse in AARE or RLRE, protected as the request was and as the policy asks. */
static enum run write_response(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t plain[SMALL_MAX], sealed[SMALL_SEALED];
    struct axdr_out o = axdr_out(plain, sizeof plain);
    struct acse_view user = { NULL, 0 };
    if (!s->released || s->with_user) {
        emit_response(s, &o);
        user = (struct acse_view){ plain, o.len };
        int n = protect_small(d, s, sealed, plain, o.len);
        s->stalled = n == E_BUSY;
        if (n < 0) return n == E_BUSY ? RUN_AGAIN : RUN_SILENT;
        if (n > 0) user = (struct acse_view){ sealed, (size_t)n };
    }
    if (s->released) return write_rlre(s, user);
    enum verdict v = s->state == DLMS_PENDING ? V_CHALLENGE : V_GOOD;
    return write_aare(s, v, user);
}

enum run assoc_answer(struct dlms_server *d, struct dlms_session *s)
{
    switch (s->slice) {
    case MOVE_KEYS:
        protect_load(d, s);
        return move_on(s, MOVE_USER);
    case MOVE_USER:
        return take_user(d, s);
    case MOVE_CHALLENGE:
        return make_challenge(d, s);
    default:
        return write_response(d, s);
    }
}

enum run assoc_open(struct dlms_server *d, struct dlms_session *s)
{
    struct acse_aarq a;
    if (s->flags & ASSOC_PRE_ESTABLISHED) return RUN_SILENT;
    if (acse_read_aarq(s->rx + s->rx_at, s->rx_n, &a) < 0) {
        serve_note(d, s, NOTE_BROKEN);
        return RUN_SILENT;
    }
    assoc_end(d, s);
    enum verdict v = judge_aarq(d, s, &a);
    if (v) return reject(s, v);
    if (a.user_id.p && a.user_id.n == 1) s->user_id = a.user_id.p[0];
    s->pending = d->now;
    s->released = false;
    return move_on(s, s->context == CONTEXT_LN_CIPHERED ? MOVE_KEYS : MOVE_USER);
}

/* -- pass 3: the client's answer, and ours ---------------------------------------------- */

/* C3 01 inv 000F 0000280000FF 01 01 09 n f(StoC): anything else is refused while pending. The
 * logical name may be that of the association in use or of the client's own object. */
static struct cipher_view read_reply(const struct dlms_session *s, uint8_t *inv)
{
    struct axdr_in in = axdr_in(s->rx + s->rx_at, s->rx_n);
    size_t n = 0;
    in.bad |= axdr_read_raw(&in, 2) != (XDLMS_ACTION_REQ << 8 | ACTION_NORMAL);
    *inv = (uint8_t)axdr_read_raw(&in, 1);
    in.bad |= axdr_read_raw(&in, 6) != 0x000F00002800;
    axdr_read_raw(&in, 1);
    in.bad |= axdr_read_raw(&in, 3) != 0xFF0101;
    const uint8_t *p = axdr_read_string(&in, AXDR_OCTETS, &n);
    if (!axdr_is_done(&in)) return (struct cipher_view){ NULL, 0 };
    return (struct cipher_view){ p, n };
}

static struct cipher_view view(const uint8_t *p, size_t n)
{
    return (struct cipher_view){ p, n };
}

/* Mechanism 5. Where the counter inside is of the same key as that around it, it is not above
 * it. */
static bool check_gmac(struct dlms_server *d, struct dlms_session *s, struct cipher_view f)
{
    const struct dlms_challenge *c = s->challenge;
    uint32_t ic;
    struct cipher_box any = { .tag = XDLMS_GENERAL_GLO };
    struct cipher_key k;
    if (f.n != HLS5_ANSWER || !protect_key(d, s, &any, 0, &k)) return false;
    bool good = hls5_check(f.p, s->suite, &k, s->title, c->stoc, c->stoc_n, &ic);
    wipe(&k, sizeof k);
    if (!good) return false;
    if (s->prot->tag && s->prot->count == COUNT_UNICAST)
        return ic >= s->prot->floor && ic <= s->prot->ic;
    return protect_count(d, s, COUNT_UNICAST, ic);
}

/* Digest of mechanisms 6 and 7, for the client's answer or for ours. */
static void digest(struct dlms_server *d, struct dlms_session *s, bool ours, uint8_t h[32])
{
    const struct dlms_challenge *c = s->challenge;
    struct cipher_view stoc = view(c->stoc, c->stoc_n), ctos = view(c->ctos, c->ctos_n);
    uint8_t secret[DLMS_SECRET_MAX];
    int n = 0;
    if (s->mechanism == MECH_SHA256) n = protect_secret(d, s, DLMS_KEY_SECRET, secret);
    struct cipher_view key = view(secret, n > 0 ? (size_t)n : 0);
    if (ours)
        hls_digest(h, key, s->own, s->title, ctos, stoc);
    else
        hls_digest(h, key, s->title, s->own, stoc, ctos);
    wipe(secret, sizeof secret);
}

/* Mechanisms 3 and 4: challenge || secret under a digest that is broken; off by default. */
static size_t old_digest(struct dlms_server *d, struct dlms_session *s,
                         const uint8_t *challenge, size_t n, uint8_t h[20])
{
    uint8_t text[CHALLENGE_MAX + DLMS_SECRET_MAX];
    memcpy(text, challenge, n);
    int len = protect_secret(d, s, DLMS_KEY_SECRET, text + n);
    if (len > 0) n += (size_t)len;
    if (s->mechanism == MECH_MD5)
        md5(h, text, n);
    else
        sha1(h, text, n);
    wipe(text, sizeof text);
    return s->mechanism == MECH_MD5 ? 16 : 20;
}

static bool check_old(struct dlms_server *d, struct dlms_session *s, struct cipher_view f)
{
    const struct dlms_challenge *c = s->challenge;
    uint8_t h[20];
    size_t n = old_digest(d, s, c->stoc, c->stoc_n, h);
    return f.n == n && same(h, f.p, n);
}

static bool check_sha256(struct dlms_server *d, struct dlms_session *s, struct cipher_view f)
{
    uint8_t h[32];
    digest(d, s, false, h);
    return f.n == sizeof h && same(h, f.p, sizeof h);
}

/* Elliptic-curve work of mechanism 7; step counts started and finished jobs. E_BUSY: wait. */
static int run_job(struct dlms_server *d, struct dlms_session *s, uint8_t step,
                   enum dlms_ec kind, const uint8_t *in, size_t n, uint8_t out[DLMS_EC_OUT])
{
    struct dlms_challenge *c = s->challenge;
    if (c->step == step) {
        int err = host_of(d)->ec_start(d->app, s->index, &s->who, kind, in, n);
        if (err < 0) return err;
        c->step++;
    }
    int got = host_of(d)->ec_take(d->app, s->index, out);
    if (got >= 0) c->step++;
    return got;
}

static int check_ecdsa(struct dlms_server *d, struct dlms_session *s, struct cipher_view f)
{
    uint8_t in[32 + 64], none[DLMS_EC_OUT];
    if (s->challenge->step >= 2) return 0;
    if (f.n != 64) return E_AUTH;
    digest(d, s, false, in);
    memcpy(in + 32, f.p, 64);
    return run_job(d, s, 0, DLMS_EC_VERIFY, in, sizeof in, none);
}

static int check_reply(struct dlms_server *d, struct dlms_session *s, struct cipher_view f)
{
    if (s->mechanism == MECH_GMAC) {
        if (s->challenge->step) return 0;
        if (!check_gmac(d, s, f)) return E_AUTH;
        s->challenge->step = 1; /* the client's counter is spent: not to be judged again */
        return E_MORE;
    }
    if (s->mechanism < MECH_GMAC) return CFG_OLD_HLS && check_old(d, s, f) ? 0 : E_AUTH;
    if (s->mechanism == MECH_SHA256) return check_sha256(d, s, f) ? 0 : E_AUTH;
    return CFG_SUITE1 ? check_ecdsa(d, s, f) : E_AUTH;
}

/* f(CtoS) into answer; its length, or E_BUSY. */
static int make_reply(struct dlms_server *d, struct dlms_session *s,
                      uint8_t answer[DLMS_EC_OUT])
{
    const struct dlms_challenge *c = s->challenge;
    uint8_t h[32];
    if (s->mechanism == MECH_GMAC) {
        if (c->step == 1) { /* a step for the counter, one for the tag */
            int err = protect_counter(d, s, COUNT_UNICAST, &s->ic);
            if (err < 0) return err;
            s->challenge->step = 2;
            return E_MORE;
        }
        hls5_answer(answer, s->suite, s->ic, &s->key, s->own, c->ctos, c->ctos_n);
        return HLS5_ANSWER;
    }
    if (CFG_OLD_HLS && s->mechanism < MECH_GMAC)
        return (int)old_digest(d, s, c->ctos, c->ctos_n, answer);
    digest(d, s, true, h);
    if (CFG_SUITE1 && s->mechanism == MECH_ECDSA)
        return run_job(d, s, 2, DLMS_EC_SIGN, h, sizeof h, answer);
    memcpy(answer, h, sizeof h);
    return sizeof h;
}

static enum run reply_failed(struct dlms_server *d, struct dlms_session *s, uint8_t inv)
{
    serve_failed(d, s, NOTE_AUTH_FAILED);
    s->ends = true;
    uint8_t b[] = { XDLMS_ACTION_RES, ACTION_RES_NORMAL, inv, DAR_OTHER, 0 };
    return answer_bytes(s, b, sizeof b);
}

enum run assoc_reply(struct dlms_server *d, struct dlms_session *s)
{
    uint8_t inv, answer[DLMS_EC_OUT];
    struct cipher_view f = read_reply(s, &inv);
    if (!f.p) return answer_exception(s, SERVICE_NOT_POSSIBLE);
    int n = check_reply(d, s, f);
    if (n >= 0) n = make_reply(d, s, answer);
    s->stalled = n == E_BUSY;
    if (n == E_BUSY || n == E_MORE) return RUN_AGAIN;
    if (n < 0) return reply_failed(d, s, inv);
    host_of(d)->lock_set(d->app, &s->who, false);
    wipe(s->challenge, sizeof *s->challenge);
    set_open(d, s);
    struct axdr_out o = answer_out(s);
    axdr_emit_raw(&o, XDLMS_ACTION_RES << 8 | ACTION_RES_NORMAL, 2);
    axdr_emit_raw(&o, (uint32_t)inv << 24 | DAR_OK << 16 | 0x0100, 4);
    axdr_emit_octets(&o, answer, (size_t)n);
    return answer_done(s, &o);
}

/* -- release ---------------------------------------------------------------------------- */

/* Is the initiateRequest of an RLRQ one that may end this association? */
static bool check_release(struct dlms_server *d, struct dlms_session *s, struct acse_view user)
{
    struct initiate_req req;
    if (cipher_is_box(user.p[0])) {
        enum verdict v = open_initiate(d, s, &user);
        if (v) return false;
    }
    struct axdr_in in = axdr_in(user.p, user.n);
    bool good = initiate_read_req(&in, &req) == 0;
    wipe(&req, sizeof req);
    return good && !(s->policy & PROT_REQ & ~(s->prot->bits | PROT_SIGN_REQ));
}

enum run assoc_release(struct dlms_server *d, struct dlms_session *s)
{
    struct acse_release r;
    if (s->state == DLMS_NONE || s->flags & ASSOC_PRE_ESTABLISHED) return RUN_SILENT;
    if (acse_read_release(s->rx + s->rx_at, s->rx_n, ACSE_RLRQ, &r) < 0) {
        serve_note(d, s, NOTE_BROKEN);
        return RUN_SILENT;
    }
    bool user = r.user.p && r.user.n;
    if (user && !check_release(d, s, r.user)) return RUN_SILENT;
    s->released = true;
    s->with_user = user;
    s->with_reason = r.has_reason;
    return move_on(s, MOVE_ANSWER);
}
