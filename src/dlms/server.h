/* server.h - the DLMS server: octets of any number of links in, answers out.
 *
 * A link carries HDLC, IEC 62056-21 and then HDLC, or the wrapper. A session is one client on
 * one link: its association, its buffers, its transfer under way. Sessions come from a pool
 * that the application gives; many servers may share one pool (a fleet on one thread).
 *
 *     dlms_init(&server, &cfg, &pool, device);
 *     dlms_link_open(&server, &link, DLMS_TCP, LINK_WAN, io, now);
 *     taken = dlms_feed_link(&server, &link, octets, n, now);
 *     do next = dlms_step(&server, now); while (next.us <= now.us);
 *
 * An answer is stored, sealed, until the client shows that it has it (the next request, an HDLC
 * N(R), a GBT acknowledgement): a lost one is sent again as it was, never made again, so no
 * counter is used twice and no value changes between two copies.
 *
 * Power cut  nothing is kept here: a cut ends all associations. Counters and lock-outs are the
 *            host's.
 * Cost       one slice a step: opening, parsing or running one item, one block, 256 octets of
 *            AES-GCM; at most 60 000 Cortex-M instructions. Elliptic curves are host's jobs.
 * Memory     struct dlms_server, one struct dlms_link a link, one struct dlms_session and two
 *            buffers a session; all the caller's.
 * Context    meter loop only.
 */
#ifndef DLMS_SERVER_H
#define DLMS_SERVER_H
#include "base/time.h"
#include "dlms/cosem.h"
#include "dlms/host.h"
#include "dlms/link.h"
#include "dlms/session.h"

struct dlms_cfg {
    const struct cosem_model *model;
    const struct dlms_host *host;
    const struct dlms_assoc *assoc; /* row = role = bit of the rights masks */
    uint8_t n_assoc;
    uint16_t server_sap; /* of the management logical device: 1 */
    uint16_t sealed_sap; /* the client of DLMS_SEALED links, pre-established there, and refused
                            on all others; 0: none */
};

struct dlms_server {
    const struct dlms_cfg *cfg;
    const struct dlms_host *host; /* of cfg, which is asked at every turn */
    void *app;
    struct dlms_pool *pool;
    struct dlms_link *links;            /* open ones */
    struct dlms_session *work, *last;   /* with something to do, first come first served */
    uint16_t queued, waited;            /* how many; how many of them waited in turn */
    bool hang_up;                       /* some link is to be closed */
    mono_t now;                         /* of the call under way */
    mono_t due;                         /* not before this need timers be looked at */
    uint32_t invoke;                    /* long-invoke-id of unsolicited APDUs */
    const struct dlms_session *crypts;  /* whose message is in c */
    const struct dlms_session *streams; /* whose long answer is in cs */
    struct cipher c, cs;
};

/* -- setting up ------------------------------------------------------------------------- */

/* n sessions with an rx and a tx buffer each: buf holds DLMS_POOL_BYTES(n, rx, tx) octets. rx
 * is the longest APDU taken (announced to clients), tx the longest stored answer; both
 * DLMS_BUFFER_MIN to 65000. ensure: that. */
void dlms_pool_init(struct dlms_pool *p, struct dlms_session *session, uint16_t n, uint8_t *buf,
                    uint16_t rx, uint16_t tx);
#define DLMS_POOL_BYTES(n, rx, tx)                                                             \
    ((size_t)(n) * ((size_t)(rx) + DLMS_RX_EXTRA + (size_t)(tx) + DLMS_TX_EXTRA))

/* cfg and pool are kept until the owner dies. */
void dlms_init(struct dlms_server *d, const struct dlms_cfg *cfg, struct dlms_pool *pool,
               void *app);

/* -- links ------------------------------------------------------------------------------ */

/* A way in has come up: a port at start, a TCP connection accepted, the first datagram of a
 * peer. l and io.ctx are kept until dlms_link_close(). channel: enum link_id of the logs. */
void dlms_link_open(struct dlms_server *d, struct dlms_link *l, enum dlms_link_kind kind,
                    uint8_t channel, struct link_io io, mono_t now);

/* The carrier is gone: its associations end, long transfers and staged writes with them. */
void dlms_link_close(struct dlms_server *d, struct dlms_link *l);

/* Octets that arrived on a link, `at` the time of the last one; for DLMS_UDP one whole
 * datagram, for DLMS_SEALED one APDU. Returns how many were taken: fewer than n when a client is
 * still busy with an earlier APDU (TCP) - offer the rest again after dlms_step(); none of an
 * APDU that is too long or finds no session. Serial links take all. */
size_t dlms_feed_link(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n,
                      mono_t at);

/* No APDU of its clients is under way, and none of their answers or writes in blocks. */
bool dlms_is_at_rest(const struct dlms_link *l);

/* Do one slice of what is due and return when to come again: `now` when there is more,
 * MONO_NEVER when only octets (or a finished job) can bring work. */
mono_t dlms_step(struct dlms_server *d, mono_t now);

/* End every association of client row `assoc` (client removed, seal), after the answer that is
 * under way. assoc 255: of all clients. */
void dlms_end(struct dlms_server *d, uint8_t assoc);

/* Keys, suite or policy changed: every session loads them anew for its next APDU. The answer
 * under way still goes out under the old ones. */
void dlms_rekey(struct dlms_server *d);

/* -- what the model shows of associations ----------------------------------------------- */

/* State of an association as class 15 shows it. */
struct dlms_info {
    uint8_t status;    /* 0 non-associated, 1 pending, 2 associated */
    uint8_t context;   /* 1 LN, 3 LN with ciphering */
    uint8_t mechanism; /* 0..7 */
    uint8_t version;   /* 6 */
    uint32_t conformance;
    uint16_t max_receive, max_send;
    uint16_t client_sap, server_sap;
    int8_t quality;
    uint8_t user_id;      /* 0: none given */
    bool dedicated;       /* a dedicated key was given */
    const uint8_t *title; /* the client's, as long as the session lives; NULL: not asked */
};

/* Of the asker (at->session). */
void dlms_info_get(const struct dlms_session *s, struct dlms_info *info);

/* First session of client row `assoc` that is at least pending, or NULL. */
const struct dlms_session *dlms_find_session(const struct dlms_server *d, uint8_t assoc);

/* -- unsolicited ------------------------------------------------------------------------ */

/* What to send to a client without being asked: the Data (for event-notification the attribute
 * descriptor and the Data), in parts one behind the other. */
struct dlms_notice {
    uint8_t assoc;       /* row of the push association */
    uint16_t client_sap; /* destination */
    bool event;          /* event-notification C2 instead of data-notification 0F */
    bool confirmed;      /* data-notification: bit 30, wait for the confirm */
    bool repeat;         /* once more, under the id `invoke` */
    bool dated;          /* carry host->now() */
    bool plain;          /* the policy does not ask for protection of this one */
    uint8_t more;        /* protection beyond the policy: bits of PROT_RES */
    bool titled;         /* event: by general-glo, for who does not know the meter's title */
    bool general;        /* general-ciphering under the unicast key, with these fields: */
    uint8_t tid_n, tid[16];
    uint8_t recipient[DLMS_TITLE];
    uint32_t invoke; /* of what is repeated */
    uint16_t parts;
    /* Emit part i. Either octets of its own, the same each time and under o->skip, with g left
     * alone; or an attribute: begun in g (all zero at first; to be read from `frozen`) and
     * read on by cosem_get_block(). o->full: there is more of this part. */
    enum dar (*part)(void *app, const void *ctx, uint16_t i, const void *frozen,
                     struct cosem_get *g, struct axdr_out *o);
    const void *ctx; /* kept until the notice is gone */
};
enum dlms_sent {
    DLMS_SENT_NO,        /* not yet */
    DLMS_SENT_YES,       /* all of it is with the link */
    DLMS_SENT_CONFIRMED, /* the client said so */
    DLMS_SENT_FAILED     /* too long for the client, no counter, its body failed */
};

/* Queue it on this link. 0; E_BUSY: the link's push session still sends another; E_SPACE: no
 * session free. */
int dlms_notify(struct dlms_server *d, struct dlms_link *l, const struct dlms_notice *n,
                mono_t now);

/* Fate of the last notice of this link, and its long-invoke-id. */
enum dlms_sent dlms_notified(const struct dlms_link *l);
uint32_t dlms_notice_id(const struct dlms_link *l);

/* The notices to this client are through: its session goes back to the pool. */
void dlms_notice_over(struct dlms_server *d, struct dlms_link *l, uint16_t client_sap);

/* May the meter speak on this serial line: no data link is up, no sign-on under way? */
bool dlms_is_quiet(const struct dlms_link *l);

/* Close the link by the port, once what was sent is with it. */
void dlms_hang_up(struct dlms_server *d, struct dlms_link *l);

#endif
