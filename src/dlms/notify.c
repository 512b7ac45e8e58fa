#include "dlms/serve.h"

#include <string.h>

#include "base/err.h"

/* What the meter sends without being asked. A notice is an answer without a request: it is
 * emitted, sealed and cut by the same code, in the session of the push association. Longer
 * than the client takes, it goes in general blocks that nobody acknowledges. */

/* Everything before the body. */
static void put_head(struct dlms_server *d, struct dlms_link *l, struct dlms_transfer *t,
                     const struct dlms_notice *n)
{
    lit_put(t, t->service);
    if (n->event) {
        if (n->dated) lit_put(t, true);
        lit_date(d, t, n->dated);
        return;
    }
    if (!n->repeat) d->invoke = (d->invoke + 1) & LONG_INVOKE_ID;
    l->invoke = n->repeat ? n->invoke : d->invoke;
    lit_long(t, l->invoke | (n->confirmed ? LONG_INVOKE_CONFIRMED : 0));
    lit_date(d, t, n->dated);
}

static struct dlms_session *push_session(struct dlms_server *d, struct dlms_link *l,
                                         const struct dlms_notice *n)
{
    struct dlms_session *s = session_find(l, n->client_sap);
    if (s && s->who.assoc != n->assoc && s->state != DLMS_NONE) return NULL; /* it is here */
    if (!s) s = session_take(d, l, n->client_sap);
    if (!s || s->who.assoc == n->assoc) return s;
    assoc_is(d, s, n->assoc); /* its address is a setting of the push */
    return s;
}

/* HDLC: to this client by UI, from our two-octet address. */
static void aim(struct dlms_server *d, struct dlms_session *s, bool confirmed)
{
    struct dlms_port port;
    if (!is_serial(s->link) || s->hdlc->server.len) return;
    port_of(d, s->link, &port);
    s->hdlc->server =
        (struct hdlc_addr){ .len = 2, .upper = d->cfg->server_sap, .lower = port.lower_short };
    s->hdlc->info_tx = port.info_tx;
    s->hdlc->ui = true;
    s->hdlc->ui_final = confirmed;
}

/* What the policy asks, what this notice asks beyond it, and in which container. */
static void guard(struct dlms_server *d, struct dlms_session *s, const struct dlms_notice *n)
{
    protect_refresh(d, s);
    if (n->plain) s->policy = 0;
    s->policy |= n->more & PROT_RES;
    s->link->guarded = s->policy & PROT_AUTH_RES;
    bool glo = n->event && !n->titled;
    *s->prot = (struct dlms_prot){ .tag = glo ? 0 : XDLMS_GENERAL_GLO, .tid_n = n->tid_n };
    if (!n->more) return;
    if (n->general) {
        s->prot->tag = XDLMS_GENERAL_CIPHERING;
        s->prot->keyinfo = KEYINFO_IDENTIFIED;
    }
    memcpy(s->prot->tid, n->tid, sizeof n->tid);
    memcpy(s->title, n->recipient, sizeof s->title);
}

int dlms_notify(struct dlms_server *d, struct dlms_link *l, const struct dlms_notice *n,
                mono_t now)
{
    d->now = now;
    struct dlms_session *s = push_session(d, l, n);
    if (!s) return E_SPACE;
    if (s->phase != PHASE_IDLE || s->state != DLMS_OPEN) return E_BUSY;
    gbt_drop(d, s);
    transfer_drop(d, s);
    *s->transfer = (struct dlms_transfer){
        .service = n->event ? XDLMS_EVENT_NOTIFICATION : XDLMS_DATA_NOTIFICATION,
        .part = n->part,
        .part_ctx = n->ctx,
        .items = n->parts,
    };
    put_head(d, l, s->transfer, n);
    s->transfer->frozen = host_of(d)->freeze(d->app, s->index);
    guard(d, s, n);
    aim(d, s, n->confirmed);
    serve_apdu(d, s);
    l->fate = DLMS_SENT_NO;
    s->notice = s->running = true;
    s->phase = PHASE_CLAIM;
    return 0;
}

enum dlms_sent dlms_notified(const struct dlms_link *l)
{
    return (enum dlms_sent)l->fate;
}

uint32_t dlms_notice_id(const struct dlms_link *l)
{
    return l->invoke;
}

void dlms_notice_over(struct dlms_server *d, struct dlms_link *l, uint16_t client_sap)
{
    struct dlms_session *s = session_find(l, client_sap);
    if (s && s->flags & ASSOC_PUSH) session_free(d, s);
}

bool dlms_is_quiet(const struct dlms_link *l)
{
    if (l->kind == DLMS_OPTICAL && !mode_e_is_hdlc(l)) return false;
    for (const struct dlms_session *s = l->first; s; s = s->next)
        if (s->hdlc->state || s->phase != PHASE_IDLE) return false;
    return true;
}

void notice_ended(struct dlms_session *s, bool sent)
{
    if (!s->notice) return;
    s->notice = false;
    s->link->fate = sent ? DLMS_SENT_YES : DLMS_SENT_FAILED;
}

/* data-notification-confirm: of the last one, and from who has the key it was under? */
enum run notice_confirmed(struct dlms_server *d, struct dlms_session *s)
{
    struct axdr_in in = axdr_in(s->rx + s->rx_at, s->rx_n);
    (void)d;
    if (s->link->guarded && !(s->prot->bits & PROT_AUTH_REQ)) return RUN_SILENT;
    axdr_read_raw(&in, 1);
    uint32_t id = (uint32_t)axdr_read_raw(&in, 4) & LONG_INVOKE_ID;
    struct dlms_link *l = s->link;
    if (!in.bad && l->fate == DLMS_SENT_YES && id == l->invoke) l->fate = DLMS_SENT_CONFIRMED;
    return RUN_SILENT;
}
