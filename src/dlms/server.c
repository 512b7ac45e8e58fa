#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"

enum { POLL_US = 1000, LOOK_US = 1000000, PENDING_US = 30000000 };

/* -- pool ------------------------------------------------------------------------------- */

void dlms_pool_init(struct dlms_pool *p, struct dlms_session *session, uint16_t n, uint8_t *buf,
                    uint16_t rx, uint16_t tx)
{
    ensure(rx >= DLMS_BUFFER_MIN && rx <= 65000);
    ensure(tx >= DLMS_BUFFER_MIN && tx <= 65000);
    *p = (struct dlms_pool){ .session = session, .n = n, .rx = rx, .tx = tx };
    for (uint16_t i = n; i-- > 0;) {
        struct dlms_session *s = &session[i];
        memset(s, 0, sizeof *s);
        s->index = i;
        s->rx = buf + (size_t)i * DLMS_POOL_BYTES(1, rx, tx);
        s->tx = s->rx + rx + DLMS_RX_EXTRA;
        s->next = p->free;
        p->free = s;
    }
}

struct dlms_session *session_find(const struct dlms_link *l, uint16_t sap)
{
    struct dlms_session *s = l->first;
    while (s && s->who.sap != sap) s = s->next;
    return s;
}

int assoc_of(const struct dlms_server *d, uint16_t sap)
{
    for (uint8_t i = 0; i < d->cfg->n_assoc; i++)
        if (d->cfg->assoc[i].client_sap == sap) return i;
    return E_NONE;
}

/* The pool is empty: of the clients of this server that have no association and no data link,
 * the one that was silent longest makes room. */
static void give_up_one(struct dlms_server *d)
{
    struct dlms_session *oldest = NULL;
    for (struct dlms_link *l = d->links; l; l = l->next)
        for (struct dlms_session *s = l->first; s; s = s->next) {
            bool idle = s->state == DLMS_NONE && s->phase == PHASE_IDLE && s->hdlc->state == 0;
            if (idle && (!oldest || mono_before(s->active, oldest->active))) oldest = s;
        }
    if (oldest) session_free(d, oldest);
}

struct dlms_session *session_take(struct dlms_server *d, struct dlms_link *l, uint16_t sap)
{
    if (!d->pool->free) give_up_one(d);
    struct dlms_session *s = d->pool->free;
    if (!s) return NULL;
    d->pool->free = s->next;
    struct dlms_session fresh = { .index = s->index, .rx = s->rx, .tx = s->tx };
    *s = fresh;
    s->challenge = &s->far.challenge;
    s->transfer = &s->far.transfer;
    s->prot = &s->far.prot;
    s->gbt = &s->far.gbt;
    s->hdlc = &s->far.hdlc;
    s->rx_size = d->pool->rx;
    s->tx_size = d->pool->tx;
    s->link = l;
    s->next = l->first;
    l->first = s;
    s->who = (struct who){ .sap = sap, .link = l->channel };
    s->server_sap = d->cfg->server_sap;
    s->active = d->now;
    int row = assoc_of(d, sap);
    assoc_is(d, s, row < 0 ? 255 : (uint8_t)row);
    return s;
}

/* Take s off the queue, wherever it stands. */
static void unqueue(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_session *before = NULL;
    if (!s->queued) return;
    for (struct dlms_session *i = d->work; i != s; i = i->work) before = i;
    if (before)
        before->work = s->work;
    else
        d->work = s->work;
    if (d->last == s) d->last = before;
    s->queued = false;
    d->queued--;
}

void session_queue(struct dlms_server *d, struct dlms_session *s)
{
    if (s->queued) return;
    s->queued = true;
    s->work = NULL;
    if (d->work)
        d->last->work = s;
    else
        d->work = s;
    d->last = s;
    d->queued++;
    d->waited = 0;
}

void session_stop(struct dlms_server *d, struct dlms_session *s)
{
    unqueue(d, s);
    s->phase = PHASE_IDLE;
    if (d->crypts == s) {
        wipe(&d->c, sizeof d->c);
        d->crypts = NULL;
    }
    gbt_drop(d, s);
    assoc_end(d, s);
}

/* What still arrives for s goes nowhere. */
static void forget_reception(struct dlms_link *l, const struct dlms_session *s)
{
    ensure(l != NULL);
    if (l->kind == DLMS_TCP && l->stream.s == s) {
        l->stream.skip = l->stream.left;
        l->stream.left = 0;
        l->stream.s = NULL;
    }
    if (is_serial(l) && l->frame->s == s) l->frame->s = NULL;
}

void session_free(struct dlms_server *d, struct dlms_session *s)
{
    forget_reception(s->link, s);
    struct dlms_session **p = &s->link->first;
    while (*p != s) p = &(*p)->next;
    *p = s->next;
    session_stop(d, s);
    wipe(s->rx, (size_t)s->rx_size + DLMS_RX_EXTRA);
    wipe(s->tx, s->tx_size);
    s->link = NULL;
    s->next = d->pool->free;
    d->pool->free = s;
}

/* -- links ------------------------------------------------------------------------------ */

void dlms_init(struct dlms_server *d, const struct dlms_cfg *cfg, struct dlms_pool *pool,
               void *app)
{
    memset(d, 0, sizeof *d);
    d->cfg = cfg;
    d->host = cfg->host;
    d->pool = pool;
    d->app = app;
    d->due = MONO_NEVER;
}

void server_due(struct dlms_server *d, mono_t t)
{
    d->due = mono_min(d->due, t);
}

mono_t server_in(struct dlms_server *d, uint32_t us)
{
    mono_t t = mono_after(d->now, us);
    server_due(d, t);
    return t;
}

void port_of(const struct dlms_server *d, const struct dlms_link *l, struct dlms_port *p)
{
    host_of(d)->port_get(d->app, l->channel, p);
}

size_t link_room(const struct dlms_link *l)
{
    return l->io.ops->room(l->io.ctx);
}

void link_send(const struct dlms_link *l, const uint8_t *p, size_t n, bool more)
{
    l->io.ops->send(l->io.ctx, p, n, more);
}

void link_pieces(const struct dlms_link *l, const struct piece *piece, size_t at, size_t n,
                 bool more, uint16_t *crc)
{
    for (; n; piece++) {
        size_t skip = at < piece->n ? at : piece->n;
        size_t take = piece->n - skip < n ? piece->n - skip : n;
        const uint8_t *p = piece->p + skip;
        at -= skip;
        n -= take;
        if (take == 0) continue;
        if (crc) *crc = crc16_more(*crc, p, take);
        link_send(l, p, take, more || n);
    }
}

void link_line(struct dlms_link *l, uint32_t baud, enum line_form form)
{
    l->baud = baud;
    if (l->io.ops->set_line) l->io.ops->set_line(l->io.ctx, baud, form);
}

void dlms_link_open(struct dlms_server *d, struct dlms_link *l, enum dlms_link_kind kind,
                    uint8_t channel, struct link_io io, mono_t now)
{
    memset(l, 0, sizeof *l);
    d->now = now;
    l->io = io;
    l->frame = &l->far.frame;
    l->sign = &l->far.sign;
    l->kind = (uint8_t)kind;
    l->channel = channel;
    l->active = d->now;
    l->next = d->links;
    d->links = l;
    server_due(d, d->now);
    if (kind == DLMS_OPTICAL) mode_e_rest(d, l);
    if (kind == DLMS_HDLC) hdlc_open(d, l);
}

void dlms_link_close(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_link **p = &d->links;
    while (*p && *p != l) p = &(*p)->next;
    if (!*p) return;
    *p = l->next;
    while (l->first) session_free(d, l->first);
}

size_t dlms_feed_link(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n,
                      mono_t at)
{
    size_t taken = n;
    if (n == 0 || l->hang_up) return n;
    d->now = at;
    server_in(d, LOOK_US);
    if (l->kind == DLMS_TCP)
        taken = stream_feed(d, l, p, n);
    else if (l->kind == DLMS_UDP)
        datagram_feed(d, l, p, n);
    else if (l->kind == DLMS_SEALED)
        taken = sealed_feed(d, l, p, n);
    else if (l->kind == DLMS_OPTICAL)
        mode_e_feed(d, l, p, n);
    else
        hdlc_feed(d, l, p, n);
    l->active = d->now;
    return taken;
}

/* -- one slice -------------------------------------------------------------------------- */

void serve_apdu(struct dlms_server *d, struct dlms_session *s)
{
    s->phase = PHASE_JUDGE;
    s->active = d->now;
    s->quiet = s->flags & ASSOC_BROADCAST;
    s->bare = false;
    s->claimed = false;
    s->running = false;
    session_queue(d, s);
}

void serve_ended(struct dlms_server *d, struct dlms_session *s, enum run r)
{
    if (r == RUN_AGAIN) return;
    s->running = false;
    s->slice = 0;
    if (r == RUN_ANSWER && !s->quiet) {
        s->phase = PHASE_SEAL;
        return;
    }
    s->tx_n = 0;
    s->phase = PHASE_IDLE;
    notice_ended(s, false);
    gbt_drop(d, s);
    if (s->ends) assoc_end(d, s);
    if (is_serial(s->link)) hdlc_silent(s);
}

void serve_ready(struct dlms_session *s)
{
    s->tx_sent = 0;
    s->pre_n = 0;
    s->body = s->tx + s->tx_at;
    s->body_n = s->tx_n;
    s->phase = PHASE_SEND;
    if (s->gbt->in && (s->gbt->got || (s->max_send && s->tx_n > s->max_send))) gbt_begin(s);
}

static bool send_slice(struct dlms_server *d, struct dlms_session *s)
{
    bool stream = !is_serial(s->link);
    bool sent = stream ? stream_send(s) : hdlc_send(d, s);
    if (!sent) return false;
    bool more = (stream || s->hdlc->ui) && gbt_more(s);
    s->phase = more ? PHASE_BLOCK : PHASE_IDLE;
    if (!more) notice_ended(s, true);
    if (s->ends) assoc_end(d, s);
    return true;
}

/* Do what the phase asks; false: it could not go on. */
static bool serve_slice(struct dlms_server *d, struct dlms_session *s)
{
    switch (s->phase) {
    case PHASE_IDLE:
        return true;
    case PHASE_JUDGE:
        protect_judge(d, s);
        return true;
    case PHASE_ACCEPT:
        serve_ended(d, s, assoc_answer(d, s));
        return s->phase != PHASE_ACCEPT || !s->stalled;
    case PHASE_CLAIM:
        if (!protect_claim(d, s)) return false;
        s->slice = 0;
        s->phase = PHASE_RUN;
        return true;
    case PHASE_RUN:
        s->stalled = false;
        serve_ended(d, s, service_run(d, s));
        return s->phase != PHASE_RUN || !s->stalled;
    case PHASE_COUNT:
    case PHASE_BLOCK:
        s->stalled = false;
        gbt_slice(d, s);
        return !s->stalled;
    case PHASE_SEND:
        return send_slice(d, s);
    default:
        protect_slice(d, s);
        return !s->stalled;
    }
}

static bool work_slice(struct dlms_server *d)
{
    struct dlms_session *s = d->work;
    d->work = s->work;
    if (!d->work) d->last = NULL;
    s->queued = false;
    d->queued--;
    uint16_t waited = d->waited;
    bool went = serve_slice(d, s);
    if (s->link && s->phase != PHASE_IDLE) session_queue(d, s);
    d->waited = went ? 0 : (uint16_t)(waited + 1);
    return went;
}

/* -- time ------------------------------------------------------------------------------- */

static mono_t stream_timer(struct dlms_server *d, struct dlms_link *l)
{
    enum { HALF_US = 30000000 };
    struct dlms_port port;
    mono_t t = MONO_NEVER;
    if (l->hang_up) return t;
    port_of(d, l, &port);
    if (port.idle_s) t = mono_after(l->active, UINT64_C(1000000) * port.idle_s);
    bool half = l->stream.head_n || l->stream.left || l->stream.skip || l->kind == DLMS_SEALED;
    if (half) t = mono_min(t, mono_after(l->stream.since, HALF_US));
    if (!is_due(d, t)) return t;
    dlms_hang_up(d, l);
    return MONO_NEVER;
}

static mono_t session_timer(struct dlms_server *d, struct dlms_session *s)
{
    mono_t t = MONO_NEVER;
    if (s->state == DLMS_PENDING) {
        t = mono_after(s->pending, PENDING_US);
        if (is_due(d, t) && s->phase == PHASE_IDLE) {
            assoc_end(d, s);
            t = MONO_NEVER;
        }
    }
    if (d->streams == s && s->phase == PHASE_IDLE) { /* nobody else can stream meanwhile */
        mono_t end = mono_after(s->active, PENDING_US);
        if (is_due(d, end)) gbt_drop(d, s);
        t = mono_min(t, end);
    }
    return is_serial(s->link) ? mono_min(t, hdlc_timer(d, s)) : t;
}

static mono_t link_timer(struct dlms_server *d, struct dlms_link *l)
{
    mono_t t = MONO_NEVER;
    if (l->kind >= DLMS_TCP) t = stream_timer(d, l);
    if (l->kind == DLMS_OPTICAL) t = mode_e_timer(d, l);
    for (struct dlms_session *s = l->first; s;) {
        struct dlms_session *next = s->next;
        t = mono_min(t, session_timer(d, s));
        s = next;
    }
    return t;
}

/* Ports may close the link inside of close(): one a step, and nothing is touched after it. */
static void hang_up_one(struct dlms_server *d)
{
    static const struct link_ops gone;
    struct dlms_link *l = d->links;
    while (l && !(l->hang_up && l->io.ops->close)) l = l->next;
    if (!l) {
        d->hang_up = false;
        return;
    }
    while (l->first) session_free(d, l->first);
    struct link_io io = l->io;
    l->io.ops = &gone;
    io.ops->close(io.ctx);
}

mono_t dlms_step(struct dlms_server *d, mono_t now)
{
    d->now = now;
    if (d->hang_up) {
        hang_up_one(d);
        return now;
    }
    if (d->work) {
        if (work_slice(d) || d->waited < d->queued) return now;
        d->waited = 0;
        server_in(d, POLL_US);
    }
    if (is_due(d, d->due)) {
        mono_t due = MONO_NEVER;
        for (struct dlms_link *l = d->links; l; l = l->next)
            due = mono_min(due, link_timer(d, l));
        d->due = d->work ? mono_min(due, mono_after(d->now, POLL_US)) : due;
        if (d->hang_up) return now;
    }
    return d->due;
}

/* -- what others ask -------------------------------------------------------------------- */

bool dlms_is_at_rest(const struct dlms_link *l)
{
    const struct dlms_session *s = l->first;
    while (s && s->phase == PHASE_IDLE && !(s->state == DLMS_OPEN && s->transfer->service))
        s = s->next;
    return !s;
}

void dlms_end(struct dlms_server *d, uint8_t assoc)
{
    for (struct dlms_link *l = d->links; l; l = l->next)
        for (struct dlms_session *s = l->first; s; s = s->next) {
            if (s->state == DLMS_NONE || (assoc != 255 && s->who.assoc != assoc)) continue;
            if (s->phase == PHASE_IDLE)
                assoc_end(d, s);
            else
                s->ends = true;
        }
}

void dlms_rekey(struct dlms_server *d)
{
    for (struct dlms_link *l = d->links; l; l = l->next)
        for (struct dlms_session *s = l->first; s; s = s->next) s->rekey = true;
}

void dlms_hang_up(struct dlms_server *d, struct dlms_link *l)
{
    l->hang_up = d->hang_up = true;
}

const struct dlms_session *dlms_find_session(const struct dlms_server *d, uint8_t assoc)
{
    for (const struct dlms_link *l = d->links; l; l = l->next)
        for (const struct dlms_session *s = l->first; s; s = s->next)
            if (s->state != DLMS_NONE && s->who.assoc == assoc) return s;
    return NULL;
}

void dlms_info_get(const struct dlms_session *s, struct dlms_info *info)
{
    *info = (struct dlms_info){
        .status = s->state,
        .context = s->context,
        .mechanism = s->mechanism,
        .version = XDLMS_VERSION,
        .conformance = s->conformance,
        .max_receive = s->rx_size,
        .max_send = s->max_send,
        .client_sap = s->who.sap,
        .server_sap = s->server_sap,
        .quality = s->quality,
        .user_id = s->user_id,
        .dedicated = s->ded_len != 0,
        .title = s->title,
    };
}
