/* exchange.c - one request out, its answer in: protection, general block transfer, repeats. */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/client/session.h"
#include "tools/common/say.h"

enum {
    GBT_RECOVERIES = 10,
    GBT_WAIT_MS = 1500,
    GBT_EXTRA = 10,
    GBT_WINDOW_MAX = 63,
    STALE_MAX = 64
};

/* -- protection ------------------------------------------------------------------------- */

/* ACSE APDUs protect what they carry themselves. */
static bool is_acse(uint8_t tag)
{
    return tag >= ACSE_AARQ && tag <= ACSE_RLRE;
}

static int take_counter(struct session *s, struct seal *how, struct trouble *t)
{
    bool ded = how->guard == GUARD_DED || how->guard == GUARD_GENERAL_DED;
    if (ded) {
        how->ic = s->dedicated_ic++;
        return 0;
    }
    if (how->guard > GUARD_IDENTIFIED) return 0; /* a key of its own, and its first use */
    return counter_take(&s->counter, &how->ic, t);
}

/* The dedicated key holds from the end of the authentication on. */
static enum guard guard_of(const struct session *s)
{
    if (!s->cfg.ciphered) return GUARD_NONE;
    if (s->proving && s->cfg.guard == GUARD_DED) return GUARD_GLO;
    if (s->proving && s->cfg.guard == GUARD_GENERAL_DED) return GUARD_GENERAL_GLO;
    return s->cfg.guard;
}

static struct seal seal_of(const struct session *s)
{
    return (struct seal){ .guard = guard_of(s),
                          .sign = s->cfg.ciphered && s->cfg.sign,
                          .sc = s->cfg.policy | s->cfg.suite };
}

static int protect(struct session *s, const struct buf *plain, struct buf *out,
                   struct trouble *t)
{
    struct seal how = seal_of(s);
    buf_clear(out);
    if (is_acse(plain->p[0]) || how.guard == GUARD_NONE) {
        buf_put(out, plain->p, plain->n);
        return 0;
    }
    how.transaction = s->transaction++;
    int e = take_counter(s, &how, t);
    return e < 0 ? e : protect_seal(&s->cfg.keys, &how, plain->p, plain->n, out, t);
}

/* The counters of the meter must grow, for each key alone. */
static int judge_layer(struct session *s, const struct layer *l, struct trouble *t)
{
    uint32_t *floor = l->key == KEY_DEDICATED ? &s->dedicated_floor
                      : l->key == KEY_AGREED  ? &s->agreed_floor
                                              : &s->global_floor;
    if (l->key == KEY_SIGNATURE || l->key == KEY_BROADCAST) return 0;
    if (l->key == KEY_AGREED) return 0; /* judged by its transaction, new each time */
    if (l->ic < *floor)
        return trouble(
            t, E_AUTH,
            "the meter repeats an invocation counter: an old answer was played back");
    *floor = l->ic + 1;
    return 0;
}

/* Is it at least as well protected as what was asked? Exceptions are always plain. */
static int judge_protection(struct session *s, const struct layers *found,
                            const struct buf *plain, struct trouble *t)
{
    uint8_t sc = 0, wanted = s->cfg.ciphered ? s->cfg.policy : 0;
    for (unsigned i = 0; i < found->n; i++) {
        int e = judge_layer(s, &found->layer[i], t);
        if (e < 0) return e;
        sc |= found->layer[i].sc;
    }
    bool free_of = !s->associated || is_acse(plain->p[0]) || plain->p[0] == XDLMS_EXCEPTION ||
                   plain->p[0] == XDLMS_SERVICE_ERROR;
    if (free_of || (sc & wanted) == wanted) return 0;
    return trouble(t, E_AUTH, "the meter answers with less protection than was asked");
}

static int unprotect(struct session *s, const struct buf *apdu, struct buf *plain,
                     struct trouble *t)
{
    struct layers found;
    int e = protect_open(&s->cfg.keys, apdu->p, apdu->n, plain, &found, t);
    if (e == E_NONE)
        e = trouble(t, E_AUTH, "the answer is ciphered with a key that was not given");
    if (e < 0) return e;
    if (plain->n == 0) return trouble(t, E_FORMAT, "an empty APDU");
    e = judge_protection(s, &found, plain, t);
    if (e == 0 && found.n && s->hooks.plain)
        s->hooks.plain(s->hooks.ctx, false, plain->p, plain->n);
    return e;
}

/* -- general block transfer ------------------------------------------------------------- */

/* Answers in blocks: what is there without a gap, and what waits beyond one. */
struct gathering {
    struct buf whole;
    uint16_t got; /* highest number without a gap */
    bool last_known;
    uint16_t last;
    struct {
        uint16_t number;
        struct buf data;
    } ahead[GBT_WINDOW_MAX];
    size_t n_ahead;
};

static void gather_free(struct gathering *g)
{
    for (size_t i = 0; i < g->n_ahead; i++) buf_free(&g->ahead[i].data);
    buf_free(&g->whole);
}

static void gather_ahead(struct gathering *g)
{
    for (size_t i = 0; i < g->n_ahead;) {
        if (g->ahead[i].number > g->got + 1) {
            i++;
            continue;
        }
        if (g->ahead[i].number == g->got + 1) {
            buf_put(&g->whole, g->ahead[i].data.p, g->ahead[i].data.n);
            g->got++;
        }
        buf_free(&g->ahead[i].data);
        g->ahead[i] = g->ahead[--g->n_ahead];
        i = 0;
    }
}

/* An empty block only acknowledges, and its "last" means nothing. */
static void gather(struct gathering *g, const struct gbt *b)
{
    if (b->last && b->n) g->last_known = true, g->last = b->number;
    if (b->number == g->got + 1) {
        buf_put(&g->whole, b->data, b->n);
        g->got++;
    } else if (b->number > g->got && g->n_ahead < GBT_WINDOW_MAX) {
        g->ahead[g->n_ahead].number = b->number;
        g->ahead[g->n_ahead].data = (struct buf){ 0 };
        buf_put(&g->ahead[g->n_ahead++].data, b->data, b->n);
    }
    gather_ahead(g);
}

static bool is_gathered(const struct gathering *g)
{
    return g->last_known && g->got >= g->last;
}

static int send_block(struct session *s, const struct gbt *b, struct trouble *t)
{
    struct buf out = { 0 };
    struct axdr_out o = buf_room(&out, b->n + GBT_EXTRA + 4);
    gbt_emit_head(&o, b);
    buf_took(&out, &o);
    buf_put(&out, b->data, b->n);
    int e = s->way->send(s->way, out.p, out.n, t);
    buf_free(&out);
    return e;
}

static uint8_t own_window(const struct session *s)
{
    return s->cfg.gbt_window ? s->cfg.gbt_window : 1;
}

/* How many to send next: those that are missing before the ones that are kept, else a window.
 */
static uint8_t wanted(const struct session *s, const struct gathering *g)
{
    uint16_t missing = own_window(s);
    for (size_t i = 0; i < g->n_ahead; i++) {
        uint16_t hole = (uint16_t)(g->ahead[i].number - g->got - 1);
        if (hole < missing) missing = hole;
    }
    return (uint8_t)missing;
}

static int acknowledge(struct session *s, const struct gathering *g, struct trouble *t)
{
    struct gbt ack = {
        .last = true, .window = wanted(s, g), .number = ++s->gbt_number, .acknowledged = g->got
    };
    return send_block(s, &ack, t);
}

static int gbt_abort(struct session *s, struct trouble *t, const char *why)
{
    struct trouble ignored;
    send_block(s, &(struct gbt){ .last = true }, &ignored);
    return trouble(t, E_FORMAT, "general block transfer: %s", why);
}

/* One APDU off the carrier while blocks are awaited: 1 a block in *b (its data in apdu), 0 none
 * in time. Anything else that comes is not for us now. */
static int receive_block(struct session *s, struct buf *apdu, struct gbt *b, struct trouble *t)
{
    int got = s->way->receive(s->way, apdu, GBT_WAIT_MS, t);
    if (got <= 0) return got;
    struct axdr_in in = buf_in(apdu);
    if (apdu->n == 0 || apdu->p[0] != XDLMS_GBT) return 0;
    return gbt_read(&in, b) < 0 ? gbt_abort(s, t, "a broken block") : 1;
}

/* After the end of a window, or a silence: say what is there, so that the rest comes. */
static int ask_on(struct session *s, const struct gathering *g, uint16_t *said, int *stuck,
                  struct trouble *t)
{
    *stuck = g->got == *said ? *stuck + 1 : 0;
    *said = g->got;
    if (*stuck > GBT_RECOVERIES) return gbt_abort(s, t, "blocks stay missing");
    return acknowledge(s, g, t);
}

/* apdu holds the first block; the others are asked for. The whole APDU goes to apdu. */
static int gather_blocks(struct session *s, struct buf *apdu, struct trouble *t)
{
    struct gathering g = { .got = s->gbt_peer };
    struct gbt b;
    struct axdr_in in = buf_in(apdu);
    uint16_t said = g.got;
    int e = gbt_read(&in, &b) < 0 ? gbt_abort(s, t, "a broken block") : 0, have = 1, stuck = 0;
    while (e == 0) {
        if (have && b.number == 0) e = trouble(t, E_DENIED, "the meter broke off the transfer");
        if (have && e == 0) gather(&g, &b);
        if (e < 0 || is_gathered(&g)) break;
        if (g.whole.n > SESSION_ANSWER_MAX) e = gbt_abort(s, t, "the answer never ends");
        if (s->hooks.progress) s->hooks.progress(s->hooks.ctx, g.whole.n);
        if (e == 0 && (!have || !b.streaming)) e = ask_on(s, &g, &said, &stuck, t);
        if (e == 0) have = receive_block(s, apdu, &b, t);
        if (have < 0) e = have;
    }
    s->gbt_peer = g.got;
    buf_clear(apdu);
    buf_put(apdu, g.whole.p, g.whole.n);
    gather_free(&g);
    return e;
}

/* One window of blocks; *sent moves on. */
static int send_window(struct session *s, const struct buf *sealed, size_t size,
                       unsigned window, uint16_t *sent, struct trouble *t)
{
    for (unsigned k = 0; k < window && *sent * size < sealed->n; k++, ++*sent) {
        size_t at = *sent * size, n = sealed->n - at < size ? sealed->n - at : size;
        bool last = at + n == sealed->n;
        struct gbt b = { .last = last,
                         .streaming = !last && k + 1 < window,
                         .window = own_window(s),
                         .number = (uint16_t)(*sent + 1),
                         .acknowledged = s->gbt_peer,
                         .data = sealed->p + at,
                         .n = n };
        int e = send_block(s, &b, t);
        if (e < 0) return e;
    }
    return 0;
}

/* Send sealed octets in blocks, window by window. When the meter's word that it has them all is
 * already the first block of its answer, that stands in *apdu. */
static int send_in_blocks(struct session *s, const struct buf *sealed, struct buf *apdu,
                          struct trouble *t)
{
    size_t size = (s->server_max ? s->server_max : 65535u) - GBT_EXTRA;
    uint16_t total = (uint16_t)((sealed->n + size - 1) / size), sent = 0, acked = 0;
    uint8_t window = 1;
    if (sealed->n / size > 60000)
        return trouble(t, E_SPACE, "the request is too long for blocks");
    for (int quiet = 0; quiet <= GBT_RECOVERIES; quiet++) {
        struct gbt b;
        int e = send_window(s, sealed, size, window, &sent, t);
        s->gbt_number = total;
        if (e < 0) return e;
        int got =
            s->way->receive(s->way, apdu, sent < total ? GBT_WAIT_MS : s->cfg.timeout_ms, t);
        if (got < 0) return got;
        struct axdr_in in = buf_in(apdu);
        if (got == 1 && (apdu->n == 0 || apdu->p[0] != XDLMS_GBT)) return 0; /* an exception */
        if (got == 1 && gbt_read(&in, &b) < 0) return gbt_abort(s, t, "a broken block");
        if (got == 1 && b.number == 0)
            return trouble(t, E_DENIED, "the meter broke off the transfer");
        if (got == 1 && b.n && sent == total) return 0;
        if (got == 1 && b.number > s->gbt_peer) s->gbt_peer = b.number;
        if (got == 1 && b.acknowledged > acked) acked = b.acknowledged, quiet = 0;
        if (got == 1 && b.window) window = b.window;
        buf_clear(apdu);
        if (acked >= total) return 0;
        sent = acked;
    }
    return gbt_abort(s, t, "no acknowledgement");
}

/* -- exchange --------------------------------------------------------------------------- */

size_t session_room(const struct session *s)
{
    struct seal how = seal_of(s);
    size_t max = s->server_max ? s->server_max : 65535;
    size_t extra = protect_overhead(&how);
    return max > extra + XDLMS_PDU_MIN ? max - extra : XDLMS_PDU_MIN;
}

uint8_t session_invoke(struct session *s)
{
    s->invoke = (s->invoke + 1) & INVOKE_ID;
    return (uint8_t)(s->invoke | INVOKE_CONFIRMED | (s->cfg.high ? INVOKE_HIGH : 0));
}

static int exception(struct session *s, const struct buf *a, struct trouble *t)
{
    uint8_t state = a->n > 1 ? a->p[1] : 0, service = a->n > 2 ? a->p[2] : 0;
    if (service == SERVICE_COUNTER && a->n >= 7) {
        uint32_t floor = be_get32(a->p + 3);
        counter_raise(&s->counter, floor);
        return trouble(t, E_REPLAY,
                       "the meter has seen this invocation counter; it takes %u next", floor);
    }
    return trouble(t,
                   service == SERVICE_DECIPHERING ? E_AUTH
                   : service == SERVICE_TOO_LONG  ? E_SPACE
                                                  : E_DENIED,
                   "refused: %s (exception %u %u)", names_exception(state, service), state,
                   service);
}

/* Does it carry the id of this request? The other bits of that octet vary from meter to meter.
 */
static bool is_to(const struct buf *request, const struct buf *a)
{
    if (a->p[0] == XDLMS_ACCESS_RES)
        return a->n > 4 && request->n > 4 && memcmp(a->p + 2, request->p + 2, 3) == 0;
    return a->n > 2 && request->n > 2 && ((a->p[2] ^ request->p[2]) & INVOKE_ID) == 0;
}

/* Answers and errors; stale ones of an earlier request are dropped (0). */
static int judge(struct session *s, const struct buf *request, uint8_t tag, const struct buf *a,
                 struct trouble *t)
{
    uint8_t got = a->p[0];
    if (got == XDLMS_EXCEPTION) return exception(s, a, t);
    if (got == XDLMS_SERVICE_ERROR)
        return trouble(t, E_DENIED, "refused: %s",
                       a->n > 3 ? names_service_error(a->p[2], a->p[3])
                                : "confirmed service error");
    if (got == XDLMS_DATA_NOTIFICATION || got == XDLMS_EVENT_NOTIFICATION) {
        if (s->hooks.notice) s->hooks.notice(s->hooks.ctx, a->p, a->n);
        return 0;
    }
    if (got != tag)
        return trouble(t, E_FORMAT, "the meter answers with %s (%02X)",
                       names_apdu(got) ? names_apdu(got) : "an unknown APDU", got);
    if (is_acse(got)) return 1;
    return is_to(request, a) ? 1 : 0;
}

/* One of several requests that belong together: blocks of the services, which need no other
 * blocks around them. */
static bool is_part(const struct buf *request)
{
    uint8_t tag = request->p[0], kind = request->n > 1 ? request->p[1] : 0;
    if (tag == XDLMS_GET_REQ) return kind == GET_NEXT;
    if (tag == XDLMS_SET_REQ)
        return kind == SET_FIRST || kind == SET_BLOCK || kind == SET_LIST_FIRST;
    return tag == XDLMS_ACTION_REQ && kind != ACTION_NORMAL && kind != ACTION_LIST;
}

static bool by_blocks(const struct session *s, const struct buf *request,
                      const struct buf *sealed)
{
    bool can = s->associated && session_can(s, XDLMS_C_GBT) && !is_acse(sealed->p[0]);
    bool too_long = s->server_max && sealed->n > s->server_max;
    return can && ((s->cfg.gbt_window && !is_part(request)) || too_long);
}

static int send_sealed(struct session *s, const struct buf *request, const struct buf *sealed,
                       struct buf *apdu, struct trouble *t)
{
    s->gbt_number = s->gbt_peer = 0;
    buf_clear(apdu);
    if (by_blocks(s, request, sealed)) return send_in_blocks(s, sealed, apdu, t);
    if (s->server_max && sealed->n > s->server_max)
        return trouble(t, E_SPACE,
                       "a request of %zu octets is longer than the %u that the meter takes",
                       sealed->n, s->server_max);
    return s->way->send(s->way, sealed->p, sealed->n, t);
}

/* Wait for the answer to what was sent. 1; 0 none in time. */
static int await(struct session *s, const struct buf *request, uint8_t tag, struct buf *apdu,
                 struct buf *answer, struct trouble *t)
{
    uint64_t end = say_now_ms() + (uint64_t)s->cfg.timeout_ms;
    for (int stale = 0; stale < STALE_MAX; stale++) {
        uint64_t now = say_now_ms();
        int e = apdu->n     ? 1
                : now < end ? s->way->receive(s->way, apdu, (int)(end - now), t)
                            : 0;
        if (e <= 0) return e;
        if (apdu->n && apdu->p[0] == XDLMS_GBT && (e = gather_blocks(s, apdu, t)) < 0) return e;
        if (apdu->n == 0) return trouble(t, E_FORMAT, "an empty APDU");
        e = unprotect(s, apdu, answer, t);
        buf_clear(apdu);
        if (e == 0) e = judge(s, request, tag, answer, t);
        if (e) return e;
    }
    return trouble(t, E_FORMAT, "the meter keeps answering older requests");
}

/* Asking twice does no harm where nothing is done: associations and reading. What writes or
 * acts is sent once, and without an answer nobody knows whether it was done. */
static bool may_repeat(const struct session *s, const struct buf *request)
{
    return s->way->lossy && (is_acse(request->p[0]) || request->p[0] == XDLMS_GET_REQ);
}

/* A sealed request is repeated as it was: the same octets, no new counter. */
static int exchange_once(struct session *s, const struct buf *request, uint8_t tag,
                         struct buf *answer, struct trouble *t)
{
    struct buf sealed = { 0 }, apdu = { 0 };
    int tries = may_repeat(s, request) ? s->cfg.tries : 1, got = 0;
    if (s->hooks.plain) s->hooks.plain(s->hooks.ctx, true, request->p, request->n);
    int e = protect(s, request, &sealed, t);
    for (int i = 0; i < tries && e == 0 && got == 0; i++) {
        e = send_sealed(s, request, &sealed, &apdu, t);
        if (e == 0) got = await(s, request, tag, &apdu, answer, t);
        if (got < 0) e = got;
    }
    buf_free(&sealed);
    buf_free(&apdu);
    if (e < 0) return e;
    if (got) return 0;
    return trouble(t, E_IO, "no answer within %g s%s", s->cfg.timeout_ms / 1000.0,
                   tag == ACSE_AARE
                       ? " to the association request; check --client, --server and the port"
                       : "");
}

int session_exchange(struct session *s, const struct buf *request, uint8_t tag,
                     struct buf *answer, struct trouble *t)
{
    int e = exchange_once(s, request, tag, answer, t);
    if (e == E_REPLAY && s->associated) e = exchange_once(s, request, tag, answer, t);
    return e == E_REPLAY && s->associated ? E_AUTH : e;
}

int session_listen(struct session *s, int timeout_ms, struct trouble *t)
{
    struct buf apdu = { 0 }, plain = { 0 };
    int got = s->way->receive(s->way, &apdu, timeout_ms, t), e = 0;
    if (got == 1 && apdu.n && apdu.p[0] == XDLMS_GBT) e = gather_blocks(s, &apdu, t);
    if (got == 1 && e == 0) e = unprotect(s, &apdu, &plain, t);
    if (got == 1 && e == 0 && s->hooks.notice) s->hooks.notice(s->hooks.ctx, plain.p, plain.n);
    buf_free(&apdu);
    buf_free(&plain);
    return e < 0 ? e : got;
}
