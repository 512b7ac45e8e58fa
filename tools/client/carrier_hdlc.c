/* carrier_hdlc.c - the client's side of an HDLC link: it alone may speak unasked, so every turn
 * is ours, ends with P, and is over when the meter answers with F. */
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/client/carrier.h"
#include "tools/common/say.h"

enum { READ_SIZE = 4096, IDLE_MIN_MS = 5, IDLE_MAX_MS = 200, INBOX_MAX = 256 << 20 };
enum turn { TURN_LOST, TURN_DONE }; /* no answer in time; the meter said F */

static const uint8_t llc_out[HDLC_LLC] = { 0xE6, 0xE6, 0x00 };
static const uint8_t llc_in[HDLC_LLC] = { 0xE6, 0xE7, 0x00 };

static struct hdlc_addr own_address(const struct carrier_hdlc *h)
{
    return (struct hdlc_addr){ .len = 1, .upper = h->cfg.client };
}

static int put_frame(struct carrier_hdlc *h, uint8_t control, bool segmented,
                     const uint8_t *info, size_t n, struct trouble *t)
{
    uint8_t frame[HDLC_FRAME_MAX];
    struct hdlc_frame f = { h->cfg.server, own_address(h), control, segmented, info, n };
    int len = hdlc_frame_write(frame, sizeof frame, &f);
    if (len < 0) return trouble(t, E_RANGE, "a frame of %zu octets cannot be sent", n);
    return channel_write(h->channel, frame, (size_t)len, t);
}

/* Milliseconds that octets take on the line, ten bits each. */
static int line_ms(const struct carrier_hdlc *h, size_t octets)
{
    return h->channel->baud ? (int)(octets * 10000 / h->channel->baud) : 0;
}

/* One more frame from the meter to us. 1; 0 when none came before end_ms; E_IO. The views of f
 * live until the next call. */
static int get_frame(struct carrier_hdlc *h, struct hdlc_frame *f, size_t *used,
                     uint64_t end_ms, struct trouble *t)
{
    uint8_t piece[READ_SIZE];
    for (;;) {
        int n = hdlc_frame_read(h->in.p, h->in.n, f, used);
        if (n > 0) {
            *used = (size_t)n;
            if (f->dst.len == 1 && f->dst.upper == h->cfg.client) return 1;
            buf_drop(&h->in, (size_t)n);
            continue;
        }
        buf_drop(&h->in, *used);
        uint64_t now = say_now_ms();
        if (now >= end_ms) return 0;
        n = channel_read(h->channel, piece, sizeof piece, (int)(end_ms - now), t);
        if (n < 0) return n;
        buf_put(&h->in, piece, (size_t)n);
    }
}

/* -- connecting ------------------------------------------------------------------------- */

static int judge_ua(struct carrier_hdlc *h, const struct hdlc_frame *f, struct trouble *t)
{
    struct hdlc_params ua;
    uint8_t kind = f->control & (uint8_t)~HDLC_PF;
    if (kind == HDLC_DM)
        return trouble(t, E_IO,
                       "%s refuses the link: client %u or the server address is not known "
                       "there",
                       h->channel->peer, h->cfg.client);
    if (kind != HDLC_UA) return 0;
    if (hdlc_params_read(f->info, f->n, &ua) < 0)
        return trouble(t, E_FORMAT, "%s answers with a broken UA", h->channel->peer);
    const struct hdlc_params *own = &h->cfg.offer; /* theirs to us is in their view */
    h->agreed.info_tx = own->info_tx < ua.info_rx ? own->info_tx : ua.info_rx;
    h->agreed.info_rx = own->info_rx < ua.info_tx ? own->info_rx : ua.info_tx;
    h->agreed.window_tx = own->window_tx < ua.window_rx ? own->window_tx : ua.window_rx;
    h->agreed.window_rx = own->window_rx < ua.window_tx ? own->window_rx : ua.window_tx;
    return 1;
}

static int try_connect(struct carrier_hdlc *h, struct trouble *t)
{
    uint8_t info[HDLC_PARAMS_MAX];
    struct hdlc_frame f;
    size_t used;
    int n = hdlc_params_write(info, &h->cfg.offer);
    int e = put_frame(h, HDLC_SNRM | HDLC_PF, false, info, (size_t)n, t);
    uint64_t end = say_now_ms() + (uint64_t)(h->cfg.timeout_ms + line_ms(h, 80));
    while (e == 0 && (e = get_frame(h, &f, &used, end, t)) == 1) {
        e = judge_ua(h, &f, t);
        buf_drop(&h->in, used);
        if (e) return e;
    }
    return e;
}

int carrier_hdlc_connect(struct carrier_hdlc *h, struct trouble *t)
{
    for (int i = 0; i < h->cfg.tries; i++) {
        int e = try_connect(h, t);
        if (e < 0) return e;
        if (e == 1) return h->connected = true, 0;
    }
    return trouble(t, E_IO,
                   "no answer from %s to the call for an HDLC link (SNRM); check client, "
                   "server address and speed",
                   h->channel->peer);
}

/* -- the turns -------------------------------------------------------------------------- */

static uint8_t ns_of(const struct carrier_hdlc *h, size_t segment)
{
    return (uint8_t)((h->first_ns + segment) & 7);
}

static size_t segment_size(const struct carrier_hdlc *h, size_t i)
{
    size_t whole = h->agreed.info_tx;
    return i + 1 < h->segments ? whole : h->tx.n - i * whole;
}

static int send_segments(struct carrier_hdlc *h, struct trouble *t)
{
    size_t end = h->acked + h->agreed.window_tx;
    if (end > h->segments) end = h->segments;
    for (int e; h->next < end; h->next++) {
        uint8_t control = (uint8_t)(h->vr << 5 | ns_of(h, h->next) << 1);
        if (h->next + 1 == end) control |= HDLC_PF;
        e = put_frame(h, control, h->next + 1 < h->segments,
                      h->tx.p + h->next * h->agreed.info_tx, segment_size(h, h->next), t);
        if (e < 0) return e;
    }
    return 0;
}

/* N(R) acknowledges all before it; one that was never sent is ignored. */
static void take_nr(struct carrier_hdlc *h, uint8_t nr)
{
    size_t more = (nr - ns_of(h, h->acked)) & 7;
    if (h->acked + more <= h->next) h->acked += more;
}

static void keep_apdu(struct carrier_hdlc *h, const uint8_t *p, size_t n)
{
    uint8_t length[4];
    if (n < HDLC_LLC || memcmp(p, llc_in, HDLC_LLC) != 0 || h->inbox.n > INBOX_MAX) return;
    be_put32(length, (uint32_t)(n - HDLC_LLC));
    buf_put(&h->inbox, length, sizeof length);
    buf_put(&h->inbox, p + HDLC_LLC, n - HDLC_LLC);
}

static void take_i(struct carrier_hdlc *h, const struct hdlc_frame *f)
{
    take_nr(h, hdlc_nr(f->control));
    if (hdlc_ns(f->control) != h->vr || h->rx.n > INBOX_MAX) return; /* will be sent again */
    h->vr = (h->vr + 1) & 7;
    buf_put(&h->rx, f->info, f->n);
    if (f->segmented) return;
    keep_apdu(h, h->rx.p, h->rx.n);
    buf_clear(&h->rx);
}

static int take_frame(struct carrier_hdlc *h, const struct hdlc_frame *f, struct trouble *t)
{
    uint8_t kind = f->control & (uint8_t)~HDLC_PF;
    if (hdlc_is_i(f->control)) {
        take_i(h, f);
    } else if (hdlc_is_s(f->control)) {
        h->peer_busy = (f->control & 0x0F) == HDLC_RNR;
        take_nr(h, hdlc_nr(f->control));
    } else if (kind == HDLC_UI) {
        keep_apdu(h, f->info, f->n);
        return 0; /* may come at any time, and ends no turn */
    } else if (kind == HDLC_DM || kind == HDLC_FRMR || kind == HDLC_DISC) {
        h->connected = false;
        return trouble(t, E_IO, "%s ended the HDLC link (%s)", h->channel->peer,
                       kind == HDLC_FRMR ? "frame reject" : "disconnected mode");
    }
    return (f->control & HDLC_PF) != 0;
}

/* The meter's side of a turn: frames until F. */
static int listen(struct carrier_hdlc *h, size_t sent, struct trouble *t)
{
    struct hdlc_frame f;
    size_t used, window = (size_t)h->agreed.window_rx * (h->agreed.info_rx + 16u);
    uint64_t wait = (uint64_t)h->cfg.timeout_ms + (uint64_t)line_ms(h, sent + window);
    int e;
    while ((e = get_frame(h, &f, &used, say_now_ms() + wait, t)) == 1) {
        e = take_frame(h, &f, t);
        buf_drop(&h->in, used);
        if (e) return e < 0 ? e : TURN_DONE;
    }
    return e < 0 ? e : TURN_LOST;
}

static int turn(struct carrier_hdlc *h, struct trouble *t)
{
    size_t before = h->next;
    int e = h->peer_busy ? 0 : send_segments(h, t);
    if (e < 0) return e;
    if (h->next == before)
        e = put_frame(h, (uint8_t)(h->vr << 5 | HDLC_RR | HDLC_PF), false, NULL, 0, t);
    if (e < 0) return e;
    return listen(h, (h->next - before) * (h->agreed.info_tx + 16u), t);
}

/* A turn, again when it gets lost: first only asked for (RR), so that nothing is done twice. */
static int turn_surely(struct carrier_hdlc *h, struct trouble *t)
{
    for (int i = 0; i < h->cfg.tries; i++) {
        int e = turn(h, t);
        if (e < 0) return e;
        if (e == TURN_LOST) continue;
        if (h->acked < h->next) h->next = h->acked; /* frames got lost: from there again */
        return 0;
    }
    h->connected = false;
    return trouble(t, E_IO, "%s stopped answering", h->channel->peer);
}

/* -- carrier ---------------------------------------------------------------------------- */

static int hdlc_send(struct carrier *c, const uint8_t *apdu, size_t n, struct trouble *t)
{
    struct carrier_hdlc *h = (struct carrier_hdlc *)c;
    int stuck = 0;
    h->first_ns = ns_of(h, h->acked);
    buf_clear(&h->tx);
    buf_put(&h->tx, llc_out, sizeof llc_out);
    buf_put(&h->tx, apdu, n);
    h->segments = (h->tx.n + h->agreed.info_tx - 1) / h->agreed.info_tx;
    h->acked = h->next = 0;
    while (h->acked < h->segments) {
        size_t before = h->acked;
        int e = turn_surely(h, t);
        if (e < 0) return e;
        stuck = h->acked > before ? 0 : stuck + 1;
        if (stuck > 20 * h->cfg.tries)
            return trouble(t, E_IO, "%s does not take the request", h->channel->peer);
        if (h->peer_busy) usleep(IDLE_MAX_MS * 1000);
    }
    return 0;
}

static bool take_inbox(struct carrier_hdlc *h, struct buf *apdu)
{
    if (h->inbox.n < 4) return false;
    uint32_t n = be_get32(h->inbox.p);
    buf_clear(apdu);
    buf_put(apdu, h->inbox.p + 4, n);
    buf_drop(&h->inbox, 4 + (size_t)n);
    return true;
}

/* Ask until an APDU is whole; with nothing new, ever more slowly. */
static int hdlc_receive(struct carrier *c, struct buf *apdu, int timeout_ms, struct trouble *t)
{
    struct carrier_hdlc *h = (struct carrier_hdlc *)c;
    uint64_t end = say_now_ms() + (uint64_t)timeout_ms;
    unsigned idle_ms = IDLE_MIN_MS;
    while (!take_inbox(h, apdu)) {
        size_t before = h->rx.n + h->inbox.n;
        if (say_now_ms() >= end) return 0;
        int e = turn_surely(h, t);
        if (e < 0) return e;
        if (h->rx.n + h->inbox.n != before) {
            end = say_now_ms() + (uint64_t)timeout_ms;
            idle_ms = IDLE_MIN_MS;
            continue;
        }
        usleep(idle_ms * 1000);
        idle_ms = idle_ms * 2 < IDLE_MAX_MS ? idle_ms * 2 : IDLE_MAX_MS;
    }
    return 1;
}

static void hdlc_close(struct carrier *c)
{
    struct carrier_hdlc *h = (struct carrier_hdlc *)c;
    struct hdlc_frame f;
    struct trouble t;
    size_t used;
    if (!h->connected || put_frame(h, HDLC_DISC | HDLC_PF, false, NULL, 0, &t) < 0) return;
    uint64_t end = say_now_ms() + (uint64_t)(h->cfg.timeout_ms + line_ms(h, 80));
    while (get_frame(h, &f, &used, end, &t) == 1) {
        uint8_t kind = f.control & (uint8_t)~HDLC_PF;
        buf_drop(&h->in, used);
        if (kind == HDLC_UA || kind == HDLC_DM) break;
    }
    h->connected = false;
}

void carrier_hdlc(struct carrier_hdlc *h, struct channel *channel,
                  const struct carrier_hdlc_config *cfg)
{
    *h = (struct carrier_hdlc){
        .base = { hdlc_send, hdlc_receive, hdlc_close, false },
        .channel = channel,
        .cfg = *cfg,
    };
    hdlc_params_default(&h->agreed);
}

void carrier_hdlc_free(struct carrier_hdlc *h)
{
    buf_free(&h->tx);
    buf_free(&h->rx);
    buf_free(&h->inbox);
    buf_free(&h->in);
}
