#include "dlms/serve.h"

#include <string.h>

#include "base/err.h"

/* What the meter sends without being asked. A notice is an answer without a request: it is
 * emitted, sealed and cut by the same code, in the session of the push association. Longer
 * than the client takes, it goes in general blocks that nobody acknowledges. */

static void put_long(struct dlms_transfer *t, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) lit_put(t, (uint8_t)(v >> shift));
}

static void put_date(struct dlms_server *d, struct dlms_transfer *t)
{
    uint8_t now[12];
    host_of(d)->now(d->app, now);
    lit_put(t, sizeof now);
    for (size_t i = 0; i < sizeof now; i++) lit_put(t, now[i]);
}

/* Everything before the body. */
static void put_head(struct dlms_server *d, struct dlms_link *l, struct dlms_transfer *t,
                     const struct dlms_notice *n)
{
    lit_put(t, t->service);
    if (n->event) {
        lit_put(t, n->dated);
        if (n->dated) put_date(d, t);
        return;
    }
    if (!n->repeat) d->invoke = (d->invoke + 1) & LONG_INVOKE_ID;
    l->invoke = d->invoke;
    put_long(t, d->invoke | (n->confirmed ? LONG_INVOKE_CONFIRMED : 0));
    if (n->dated)
        put_date(d, t);
    else
        lit_put(t, 0);
}

static struct dlms_session *push_session(struct dlms_server *d, struct dlms_link *l,
                                         const struct dlms_notice *n, mono_t now)
{
    struct dlms_session *s = session_find(l, n->client_sap);
    if (!s) s = session_take(d, l, n->client_sap, d->cfg->server_sap, now);
    if (!s || s->who.assoc == n->assoc) return s;
    s->who.assoc = n->assoc; /* its address is a setting of the push */
    assoc_preset(d, s);
    return s;
}

/* HDLC: to this client by UI, from our two-octet address. */
static void aim(struct dlms_server *d, struct dlms_session *s, bool confirmed)
{
    struct dlms_port port;
    if (s->link->kind == DLMS_TCP || s->link->kind == DLMS_UDP || s->hdlc.server.len) return;
    host_of(d)->port_get(d->app, s->link->channel, &port);
    s->hdlc.server =
        (struct hdlc_addr){ .len = 2, .upper = d->cfg->server_sap, .lower = port.lower_short };
    s->hdlc.info_tx = port.info_tx;
    s->hdlc.ui = true;
    s->hdlc.ui_final = confirmed;
}

int dlms_notify(struct dlms_server *d, struct dlms_link *l, const struct dlms_notice *n,
                mono_t now)
{
    struct dlms_session *s = push_session(d, l, n, now);
    if (!s) return E_SPACE;
    if (s->phase != PHASE_IDLE || s->state != DLMS_OPEN) return E_BUSY;
    gbt_drop(d, s);
    transfer_drop(d, s);
    s->transfer = (struct dlms_transfer){
        .service = n->event ? XDLMS_EVENT_NOTIFICATION : XDLMS_DATA_NOTIFICATION,
        .body = n->body,
        .body_ctx = n->ctx,
        .reading = true,
    };
    put_head(d, l, &s->transfer, n);
    protect_refresh(d, s);
    s->prot = (struct dlms_prot){ .tag = n->event ? 0 : XDLMS_GENERAL_GLO };
    aim(d, s, n->confirmed);
    serve_apdu(d, s, now);
    l->fate = DLMS_SENT_NO;
    s->notice = s->running = true;
    s->phase = PHASE_CLAIM;
    return 0;
}

enum dlms_sent dlms_notified(const struct dlms_link *l)
{
    return (enum dlms_sent)l->fate;
}

void notice_ended(struct dlms_session *s, bool sent)
{
    if (!s->notice) return;
    s->notice = false;
    s->link->fate = sent ? DLMS_SENT_YES : DLMS_SENT_FAILED;
}

/* data-notification-confirm: of the last one? */
enum run notice_confirmed(struct dlms_server *d, struct dlms_session *s)
{
    struct axdr_in in = axdr_in(s->rx + s->rx_at, s->rx_n);
    (void)d;
    axdr_read_raw(&in, 1);
    uint32_t id = (uint32_t)axdr_read_raw(&in, 4) & LONG_INVOKE_ID;
    struct dlms_link *l = s->link;
    if (!in.bad && l->fate == DLMS_SENT_YES && id == l->invoke) l->fate = DLMS_SENT_CONFIRMED;
    return RUN_SILENT;
}
