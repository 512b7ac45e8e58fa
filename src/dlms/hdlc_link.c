#include "dlms/serve.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"

/* The server's side of HDLC. A session stands for one data link (client, server address): it
 * exists from SNRM to DISC, so "no session" is NDM. Information goes into the session's rx
 * while it arrives and counts only when the frame proves good. An answer is cut from tx,
 * window by window, whenever the client polls; a poll always begins at the first frame that
 * is not acknowledged, which makes lost frames and repeated requests the same case. */

enum state { NDM, NRM, FRMR };
enum rx { HUNT, HEAD, INFO, TAIL, CLOSE };
enum whom { NOT_US, US, ALL };
enum { MIN_LENGTH = 7, RNR_US = 400000, FRMR_W = 1, FRMR_X = 2, FRMR_Y = 4, FRMR_Z = 8 };

static const uint8_t llc_to_client[HDLC_LLC] = { 0xE6, 0xE7, 0x00 };

/* -- sending ---------------------------------------------------------------------------- */

/* A frame with f->n octets of information: those from `at` on of what lies in the pieces. */
static bool put_frame(struct dlms_link *l, const struct hdlc_frame *f, const struct piece *info,
                      size_t at)
{
    uint8_t head[1 + HDLC_HEAD_MAX], tail[3];
    uint16_t crc;
    if (link_room(l) < f->n + sizeof head + sizeof tail) return false;
    size_t n = (size_t)hdlc_head_write(head, f, &crc);
    link_send(l, head, n, true);
    link_pieces(l, info, at, f->n, true, &crc);
    le_put16(tail, crc16_end(crc));
    tail[2] = HDLC_FLAG;
    link_send(l, tail, sizeof tail, false);
    l->echo = (uint16_t)(l->echo + n + f->n + sizeof tail);
    return true;
}

/* The answer's addresses are the request's, turned round. */
static void reply(struct dlms_link *l, const struct hdlc_addr *server, uint16_t client,
                  uint8_t control, const uint8_t *info, size_t n)
{
    struct hdlc_frame f = { .dst = { .len = 1, .upper = client },
                            .src = *server,
                            .control = (uint8_t)(control | HDLC_PF),
                            .n = n };
    put_frame(l, &f, &(struct piece){ info, n }, 0);
}

static void reply_s(struct dlms_session *s, uint8_t control)
{
    s->hdlc->polled = false;
    reply(s->link, &s->hdlc->server, s->who.sap, (uint8_t)(control | s->hdlc->vr << 5), NULL,
          0);
}

/* The same with n octets of the answer, which lie behind an LLC, from `at` on. */
static bool put_answer(struct dlms_session *s, struct hdlc_frame *f, size_t at, size_t n)
{
    const struct piece info[] = { { llc_to_client, HDLC_LLC },
                                  { s->pre, s->pre_n },
                                  { s->body, s->body_n } };
    f->dst = (struct hdlc_addr){ .len = 1, .upper = s->who.sap };
    f->src = s->hdlc->server;
    f->n = n;
    return put_frame(s->link, f, info, at);
}

static size_t answer_size(const struct dlms_session *s)
{
    return (size_t)HDLC_LLC + s->pre_n + s->body_n;
}

/* Frames of the answer for the present poll. False: the port has no room, go on later. */
static bool send_window(struct dlms_session *s)
{
    struct dlms_hdlc *h = s->hdlc;
    size_t total = answer_size(s);
    while (h->polled) {
        size_t at = h->base + (size_t)(uint8_t)((h->vs - h->na) & 7) * h->info_tx;
        size_t left = total - at, n = left < h->info_tx ? left : h->info_tx;
        bool final = h->burst == 1 || n == left;
        struct hdlc_frame f = {
            .control = (uint8_t)(h->vr << 5 | (final ? HDLC_PF : 0) | h->vs << 1),
            .segmented = n < left,
        };
        if (!put_answer(s, &f, at, n)) return false;
        h->vs = (h->vs + 1) & 7;
        h->burst--;
        h->polled = !final;
    }
    return true;
}

static bool is_working(const struct dlms_session *s)
{
    return s->phase != PHASE_IDLE;
}

/* The client polls: answer with what there is, or wait a little for it. */
static void answer_poll(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_hdlc *h = s->hdlc;
    h->polled = true;
    bool next = !is_working(s) && !h->answering && gbt_more(s); /* block of the window */
    if (next) {
        s->phase = PHASE_BLOCK;
        session_queue(d, s);
    }
    if (is_working(s)) {
        h->answer_by = server_in(d, RNR_US);
    } else if (h->answering && !h->peer_busy) {
        h->vs = h->na;
        h->burst = h->window_tx;
        if (!send_window(s)) server_due(d, d->now);
    } else {
        reply_s(s, HDLC_RR);
    }
}

static void send_ui(struct dlms_session *s)
{
    struct hdlc_frame f = { .control = (uint8_t)(HDLC_UI | (s->hdlc->ui_final ? HDLC_PF : 0)) };
    size_t n = answer_size(s);
    if (n <= s->hdlc->info_tx) put_answer(s, &f, 0, n);
}

bool hdlc_send(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_hdlc *h = s->hdlc;
    if (h->ui) {
        send_ui(s);
        return true;
    }
    h->answering = true;
    h->base = 0;
    h->na = h->vs;
    h->burst = h->window_tx;
    if (h->polled && !h->peer_busy && !send_window(s)) server_due(d, d->now);
    return true;
}

void hdlc_silent(struct dlms_session *s)
{
    s->hdlc->answering = false;
    if (s->hdlc->polled) reply_s(s, HDLC_RR);
}

/* -- frames ----------------------------------------------------------------------------- */

static void reject(struct dlms_session *s, const struct hdlc_frame *f, uint8_t why)
{
    struct dlms_hdlc *h = s->hdlc;
    h->state = FRMR;
    h->frmr[0] = f->control;
    h->frmr[1] = (uint8_t)(h->vr << 5 | h->vs << 1);
    h->frmr[2] = why;
    if (f->control & HDLC_PF)
        reply(s->link, &h->server, s->who.sap, HDLC_FRMR, h->frmr, sizeof h->frmr);
}

/* N(R) tells what has arrived. False: it names frames that were never sent. */
static bool acknowledge(struct dlms_session *s, uint8_t nr)
{
    struct dlms_hdlc *h = s->hdlc;
    unsigned arrived = (nr - h->na) & 7u;
    if (arrived > ((h->vs - h->na) & 7u)) return false;
    h->base += arrived * h->info_tx;
    h->na = nr;
    if (h->answering && h->base >= answer_size(s)) h->answering = false;
    return true;
}

static uint16_t lower_of(uint16_t a, uint16_t b)
{
    return a < b ? a : b;
}

static void connect(struct dlms_server *d, struct dlms_link *l, const struct hdlc_frame *f,
                    struct dlms_session *s)
{
    struct hdlc_params theirs, ours;
    struct dlms_port port;
    uint8_t info[HDLC_PARAMS_MAX];
    if (hdlc_params_read(l->frame->small, f->n <= sizeof l->frame->small ? f->n : 1, &theirs) <
        0)
        hdlc_params_default(&theirs);
    port_of(d, l, &port);
    ours = (struct hdlc_params){ lower_of(port.info_tx, theirs.info_rx),
                                 lower_of(port.info_rx, theirs.info_tx),
                                 (uint8_t)lower_of(port.window_tx, theirs.window_rx),
                                 (uint8_t)lower_of(port.window_rx, theirs.window_tx) };
    if (!s) s = session_take(d, l, f->src.upper);
    if (!s) {
        reply(l, &f->dst, f->src.upper, HDLC_DM, NULL, 0);
        return;
    }
    session_stop(d, s);
    s->keep = 0;
    s->active = d->now;
    *s->hdlc = (struct dlms_hdlc){ .server = f->dst,
                                   .state = NRM,
                                   .window_tx = ours.window_tx,
                                   .info_tx = ours.info_tx,
                                   .info_rx = ours.info_rx };
    int n = hdlc_params_write(info, &ours);
    reply(l, &f->dst, f->src.upper, HDLC_UA, info, (size_t)n);
}

/* A whole request is in: without LLC it is nobody's. */
static void take_apdu(struct dlms_server *d, struct dlms_session *s)
{
    struct dlms_hdlc *h = s->hdlc;
    bool too_long = h->too_long;
    h->answering = false; /* frames of the last answer that are still out do not matter */
    h->vs = h->na;
    h->too_long = false;
    serve_apdu(d, s);
    if (!too_long) return;
    gbt_drop(d, s);
    protect_refuse(d, s, SERVICE_TOO_LONG);
}

static bool is_llc(const uint8_t p[HDLC_LLC])
{
    return (p[0] == 0xE6 || p[0] == 0xFF) && p[1] == 0xE6 && p[2] == 0x00;
}

static void take_i(struct dlms_server *d, struct dlms_session *s, const struct hdlc_frame *f)
{
    struct dlms_hdlc *h = s->hdlc;
    struct dlms_frame *x = s->link->frame;
    bool poll = f->control & HDLC_PF, fresh = hdlc_ns(f->control) == h->vr;
    if (!acknowledge(s, hdlc_nr(f->control))) {
        reject(s, f, FRMR_Z);
        return;
    }
    h->peer_busy = false;
    if (!fresh || x->s != s) { /* a repeated one, or no buffer for it */
        if (poll && fresh)
            reply_s(s, HDLC_RNR);
        else if (poll)
            answer_poll(d, s);
        return;
    }
    size_t llc = x->first ? HDLC_LLC : 0;
    h->vr = (h->vr + 1) & 7;
    if (!h->too_long) s->rx_n = (uint16_t)(s->rx_n + (f->n > llc ? f->n - llc : 0));
    bool good = !x->first || (f->n > llc && is_llc(x->small));
    h->segmented = f->segmented && good;
    if (h->segmented || !good) {
        if (!good) s->rx_n = 0;
        if (poll) reply_s(s, HDLC_RR);
        return;
    }
    h->polled = poll;
    h->ui = false;
    take_apdu(d, s);
    h->answer_by = server_in(d, RNR_US);
}

static void take_s(struct dlms_server *d, struct dlms_session *s, const struct hdlc_frame *f)
{
    bool ready = (f->control & 0x0F) != HDLC_RNR, poll = f->control & HDLC_PF;
    if (!acknowledge(s, hdlc_nr(f->control))) {
        reject(s, f, FRMR_Z);
        return;
    }
    s->hdlc->peer_busy = !ready;
    if (!poll) return;
    if (ready)
        answer_poll(d, s);
    else
        reply_s(s, HDLC_RR);
}

static void take_ui(struct dlms_server *d, struct dlms_link *l, const struct hdlc_frame *f)
{
    struct dlms_session *s = l->frame->s;
    if (!s || f->n <= HDLC_LLC || !is_llc(l->frame->small)) return;
    s->rx_n = (uint16_t)(f->n - HDLC_LLC);
    s->hdlc->ui = s->hdlc->ui_final = true;
    s->hdlc->polled = false;
    s->hdlc->segmented = false;
    take_apdu(d, s);
    s->quiet |= l->frame->whom == ALL || !(f->control & HDLC_PF);
}

/* A frame in a connected link. */
static void take_connected(struct dlms_server *d, struct dlms_session *s,
                           const struct hdlc_frame *f)
{
    bool poll = f->control & HDLC_PF;
    struct dlms_hdlc *h = s->hdlc;
    s->active = d->now;
    if (h->state == FRMR) {
        if (poll) reply(s->link, &h->server, s->who.sap, HDLC_FRMR, h->frmr, sizeof h->frmr);
    } else if (f->n > h->info_rx) {
        reject(s, f, FRMR_Y);
    } else if (hdlc_is_i(f->control)) {
        take_i(d, s, f);
    } else if (!hdlc_is_s(f->control) || (f->control & 0x0F) == 0x0D) {
        reject(s, f, FRMR_W);
    } else if (f->n) {
        reject(s, f, FRMR_X | FRMR_W);
    } else {
        take_s(d, s, f);
    }
}

static void disconnect(struct dlms_server *d, struct dlms_link *l, struct dlms_session *s,
                       const struct hdlc_frame *f)
{
    reply(l, &f->dst, f->src.upper, s ? HDLC_UA : HDLC_DM, NULL, 0);
    if (s) session_free(d, s);
}

static bool same_addr(const struct hdlc_addr *a, const struct hdlc_addr *b)
{
    return a->len == b->len && a->upper == b->upper && a->lower == b->lower;
}

/* The data link of these addresses; connected or only spoken to by UI. */
static struct dlms_session *find(struct dlms_link *l, const struct hdlc_frame *f)
{
    struct dlms_session *s = l->first;
    while (s && !(s->who.sap == f->src.upper && same_addr(&s->hdlc->server, &f->dst)))
        s = s->next;
    return s;
}

static void take_frame(struct dlms_server *d, struct dlms_link *l)
{
    const struct hdlc_frame *f = &l->frame->f;
    bool poll = f->control & HDLC_PF;
    uint8_t kind = f->control & (uint8_t)~HDLC_PF;
    if (l->frame->whom == NOT_US) return;
    if (kind == HDLC_UI) {
        take_ui(d, l, f);
        return;
    }
    if (l->frame->whom == ALL) return;
    struct dlms_session *s = find(l, f);
    if (kind == HDLC_SNRM) {
        if (poll) connect(d, l, f, s);
        return;
    }
    if (s && s->hdlc->state == NDM) s = NULL;
    if (kind == HDLC_DISC && !(s && f->n)) {
        if (poll) disconnect(d, l, s, f);
    } else if (s) {
        take_connected(d, s, f);
    } else if (poll && (hdlc_is_i(f->control) || hdlc_is_s(f->control))) {
        reply(l, &f->dst, f->src.upper, HDLC_DM, NULL, 0);
    }
}

/* -- receiving -------------------------------------------------------------------------- */

/* Whom does this frame speak to? Our own lower address is put where the client called it. */
static enum whom address(const struct dlms_server *d, const struct dlms_link *l,
                         struct hdlc_frame *f)
{
    struct dlms_port port;
    struct hdlc_addr *a = &f->dst;
    bool wide = a->len == 4;
    uint16_t all = wide ? HDLC_ALL : HDLC_ALL_SHORT;
    uint16_t calling = wide ? HDLC_LOWER_CALLING : HDLC_LOWER_CALLING_SHORT;
    if (f->src.len != 1 || f->src.upper == HDLC_CLIENT_NONE) return NOT_US;
    if (a->upper != d->cfg->server_sap && a->upper != all) return NOT_US;
    if (a->len == 1) return a->upper == all ? ALL : US;
    port_of(d, l, &port);
    uint16_t own = wide ? port.lower : port.lower_short;
    if (a->lower == calling) a->lower = own;
    if (a->lower != own && a->lower != all) return NOT_US;
    return a->upper == all || a->lower == all ? ALL : US;
}

/* Where the information of this frame goes: a session that waits for it, or nowhere. */
static struct dlms_session *destination(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_frame *x = l->frame;
    const struct hdlc_frame *f = &x->f;
    bool ui = (f->control & ~HDLC_PF) == HDLC_UI;
    if (x->whom == NOT_US || !(ui || hdlc_is_i(f->control))) return NULL;
    struct dlms_session *s = x->whom == ALL ? session_find(l, f->src.upper) : find(l, f);
    if (ui && !s && assoc_of(d, f->src.upper) >= 0) {
        s = session_take(d, l, f->src.upper);
        if (s) s->hdlc->server = f->dst;
        if (s) s->hdlc->info_tx = HDLC_INFO_DEFAULT;
    }
    if (!s || is_working(s)) return NULL;
    if (!ui && (s->hdlc->state != NRM || hdlc_ns(f->control) != s->hdlc->vr)) return NULL;
    return s;
}

/* The head is good: get ready for n octets of information. */
static void begin_info(struct dlms_server *d, struct dlms_link *l, size_t n)
{
    struct dlms_frame *x = l->frame;
    bool ui = (x->f.control & ~HDLC_PF) == HDLC_UI;
    x->state = n ? INFO : CLOSE;
    x->info = (uint16_t)n;
    x->at = 0;
    x->s = destination(d, l);
    x->first = true;
    if (!x->s) return;
    x->first = ui || !x->s->hdlc->segmented;
    if (!x->first) return;
    x->s->rx_at = x->s->keep;
    x->s->rx_n = 0;
    x->s->hdlc->too_long = false;
}

/* A run of information octets; kept behind what the session already has. */
static void take_info(struct dlms_server *d, struct dlms_frame *x, const uint8_t *p, size_t n)
{
    struct dlms_session *s = x->s;
    x->crc = crc16_more(x->crc, p, n);
    size_t llc = x->first ? HDLC_LLC : 0, at = x->at;
    x->at = (uint16_t)(x->at + n);
    for (; n && x->first && at < sizeof x->small; at++, p++, n--) {
        x->small[at] = *p;
        if (!s || at < llc) continue;
        break;
    }
    if (!s || n == 0 || s->hdlc->too_long) return;
    size_t to = (size_t)s->rx_at + s->rx_n + at - llc;
    if (to - s->rx_at + n > s->rx_size) {
        s->hdlc->too_long = true;
        return;
    }
    if (to + n > (size_t)s->rx_size + DLMS_RX_EXTRA) {
        uint16_t from = s->rx_at;
        transfer_drop(d, s);
        memmove(s->rx, s->rx + from, to - from);
        s->rx_at = 0;
        to -= from;
    }
    memcpy(s->rx + to, p, n);
}

enum head { HEAD_MORE, HEAD_BAD, HEAD_ALONE, HEAD_INFO };

/* Look at the octets after the flag. HEAD_ALONE: a whole frame without information. */
static enum head look_head(struct dlms_frame *x, size_t *info)
{
    const uint8_t *p = x->head;
    size_t n = x->head_n, at = 2;
    if (n < 2) return HEAD_MORE;
    size_t length = be_get16(p) & HDLC_LENGTH_MAX;
    if (p[0] >> 4 != 0xA || length < MIN_LENGTH) return HEAD_BAD;
    int used = hdlc_addr_read(p + at, n - at, &x->f.dst);
    if (used <= 0) return used ? HEAD_BAD : HEAD_MORE;
    at += (size_t)used;
    used = hdlc_addr_read(p + at, n - at, &x->f.src);
    if (used <= 0) return used ? HEAD_BAD : HEAD_MORE;
    at += (size_t)used + 1 + 2; /* control, HCS or FCS */
    if (length < at || length == at + 1 || length == at + 2) return HEAD_BAD;
    if (n < at) return HEAD_MORE;
    if (crc16(p, at - 2) != le_get16(p + at - 2)) return HEAD_BAD;
    x->f.control = p[at - 3];
    x->f.segmented = p[0] & 0x08;
    x->f.n = *info = length == at ? 0 : length - at - 2;
    x->crc = crc16_more(CRC16_SEED, p, at);
    return length == at ? HEAD_ALONE : HEAD_INFO;
}

/* Not a frame: these octets are to be looked at again, before any new ones. */
static void look_again(struct dlms_frame *x, const uint8_t *p, size_t n)
{
    ensure(x->again_n + n <= sizeof x->again);
    memmove(x->again + n, x->again, x->again_n);
    memcpy(x->again, p, n);
    x->again_n = (uint8_t)(x->again_n + n);
    x->head_n = 0;
    x->state = HUNT;
}

static void take_head(struct dlms_server *d, struct dlms_link *l, uint8_t b)
{
    struct dlms_frame *x = l->frame;
    size_t info;
    if (x->head_n == 0 && b == HDLC_FLAG) return;
    x->head[x->head_n++] = b;
    enum head h = look_head(x, &info);
    if (h == HEAD_MORE) return;
    if (h == HEAD_BAD) {
        look_again(x, x->head, x->head_n);
        return;
    }
    x->whom = (uint8_t)address(d, l, &x->f);
    x->tail_n = 0;
    begin_info(d, l, info);
}

/* The octet after FCS must be a flag, which may open the next frame. */
static void take_close(struct dlms_server *d, struct dlms_link *l, uint8_t b)
{
    struct dlms_frame *x = l->frame;
    bool good = x->tail_n == 0 || le_get16(x->tail) == crc16_end(x->crc);
    x->head_n = 0;
    x->state = HEAD;
    if (b != HDLC_FLAG) { /* an octet was lost: the flag may stand in the tail already */
        look_again(x, &b, 1);
        look_again(x, x->tail, x->tail_n);
    } else if (good) {
        take_frame(d, l);
    }
}

static void take_octet(struct dlms_server *d, struct dlms_link *l, uint8_t b)
{
    struct dlms_frame *x = l->frame;
    switch (x->state) {
    case HUNT:
        x->head_n = 0;
        if (b == HDLC_FLAG) x->state = HEAD;
        break;
    case HEAD:
        take_head(d, l, b);
        break;
    case INFO:
        take_info(d, x, &b, 1);
        if (x->at == x->info) x->state = TAIL;
        break;
    case TAIL:
        x->tail[x->tail_n++] = b;
        if (x->tail_n == sizeof x->tail) x->state = CLOSE;
        break;
    default:
        take_close(d, l, b);
    }
}

/* Octets of one frame follow each other closely; a pause means that some were lost. */
static void check_pause(struct dlms_server *d, struct dlms_link *l, size_t n)
{
    enum { BITS = 10, SECOND_US = 1000000 };
    struct dlms_port port;
    struct dlms_frame *x = l->frame;
    bool inside = x->state > HEAD || (x->state == HEAD && x->head_n);
    if (inside && l->io.ops->set_line) {
        port_of(d, l, &port);
        uint64_t octet = l->baud ? BITS * SECOND_US / l->baud : 0;
        uint64_t allowed = n * octet + UINT64_C(1000) * port.inter_octet_ms;
        if (mono_before(mono_after(x->last, allowed), d->now)) {
            x->state = HUNT;
            x->head_n = x->again_n = 0;
        }
    }
    x->last = d->now;
}

void hdlc_open(struct dlms_server *d, struct dlms_link *l)
{
    struct dlms_port port;
    port_of(d, l, &port);
    link_line(l, port.baud, LINE_8N1);
}

/* A head that hears itself brings back what was sent, and nothing else before that is over. */
static size_t drop_echo(struct dlms_server *d, struct dlms_link *l, size_t n)
{
    enum { BITS = 10, SECOND_US = 1000000, LATE_US = 600000 };
    struct dlms_port port;
    if (l->echo == 0) return 0;
    port_of(d, l, &port);
    uint64_t line = l->baud ? (uint64_t)l->echo * BITS * SECOND_US / l->baud : 0;
    bool late = mono_before(mono_after(l->active, line + LATE_US), d->now);
    size_t drop = !port.echo || late ? 0 : n < l->echo ? n : l->echo;
    l->echo = (uint16_t)(drop ? l->echo - drop : 0);
    return drop;
}

void hdlc_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n)
{
    struct dlms_frame *x = l->frame;
    size_t echo = drop_echo(d, l, n);
    p += echo;
    n -= echo;
    check_pause(d, l, n);
    while (n || x->again_n) {
        if (x->again_n) {
            uint8_t b = x->again[0];
            memmove(x->again, x->again + 1, --x->again_n);
            take_octet(d, l, b);
            continue;
        }
        size_t run = x->state == INFO ? (size_t)x->info - x->at : 1;
        if (run > n) run = n;
        if (run > 1) {
            take_info(d, x, p, run);
            if (x->at == x->info) x->state = TAIL;
        } else {
            take_octet(d, l, *p);
        }
        p += run;
        n -= run;
    }
}

/* -- time ------------------------------------------------------------------------------- */

mono_t hdlc_timer(struct dlms_server *d, struct dlms_session *s)
{
    enum { ROOM_US = 2000 };
    struct dlms_port port;
    struct dlms_hdlc *h = s->hdlc;
    mono_t t = MONO_NEVER;
    if (h->polled && is_working(s)) {
        t = h->answer_by;
        if (is_due(d, t)) {
            reply_s(s, HDLC_RNR);
            t = MONO_NEVER;
        }
    } else if (h->polled && h->answering && !send_window(s)) {
        t = mono_after(d->now, ROOM_US);
    }
    port_of(d, s->link, &port);
    if (port.inactivity_s == 0 || is_working(s)) return t;
    mono_t end = mono_after(s->active, UINT64_C(1000000) * port.inactivity_s);
    if (!is_due(d, end)) return mono_min(t, end);
    session_free(d, s);
    return MONO_NEVER;
}
