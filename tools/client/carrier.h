/* carrier.h - whole APDUs to and from one meter, whatever carries them: the wrapper over TCP or
 * UDP, HDLC over TCP or a serial line.
 *
 * A carrier reports what it could not do; it repeats what its own layer repeats (HDLC frames)
 * and nothing else.
 *
 * Context  host programs; one thread a carrier.
 */
#ifndef TOOLS_CLIENT_CARRIER_H
#define TOOLS_CLIENT_CARRIER_H
#include "dlms/hdlc.h"
#include "tools/client/buf.h"
#include "tools/client/channel.h"

struct carrier {
    /* 0 when the APDU is on its way (HDLC: acknowledged), E_IO. */
    int (*send)(struct carrier *c, const uint8_t *apdu, size_t n, struct trouble *t);
    /* 1 with the next APDU in *apdu, 0 when none came in time, E_IO. */
    int (*receive)(struct carrier *c, struct buf *apdu, int timeout_ms, struct trouble *t);
    /* End the link politely. */
    void (*close)(struct carrier *c);
    bool lossy; /* an APDU may be lost without a sign: UDP */
};

/* -- wrapper ---------------------------------------------------------------------------- */

struct carrier_wrapper {
    struct carrier base;
    struct channel *channel;
    uint16_t client, server; /* wPorts */
    struct buf in;
};

/* channel is kept until carrier_wrapper_free(). */
void carrier_wrapper(struct carrier_wrapper *w, struct channel *channel, uint16_t client,
                     uint16_t server);
void carrier_wrapper_free(struct carrier_wrapper *w);

/* -- HDLC ------------------------------------------------------------------------------- */

struct carrier_hdlc_config {
    uint16_t client; /* SAP */
    struct hdlc_addr server;
    struct hdlc_params offer; /* what SNRM offers */
    int timeout_ms;           /* for a frame, beside the time the line takes; 1500 */
    int tries;                /* 3 */
};

struct carrier_hdlc {
    struct carrier base;
    struct channel *channel;
    struct carrier_hdlc_config cfg;
    struct hdlc_params agreed;
    bool connected, peer_busy;
    uint8_t vr;                   /* next N(S) wanted */
    uint8_t first_ns;             /* N(S) of segment 0 of tx */
    struct buf tx;                /* LLC and APDU under way */
    size_t acked, next, segments; /* of tx */
    struct buf rx;                /* segments of the APDU that comes in */
    struct buf inbox;             /* whole APDUs, each with a length of 4 octets before it */
    struct buf in;                /* octets not yet a frame */
};

/* Ready to connect; channel is kept. */
void carrier_hdlc(struct carrier_hdlc *h, struct channel *channel,
                  const struct carrier_hdlc_config *cfg);

/* SNRM and UA. E_IO: no answer, or the meter refuses (DM). */
int carrier_hdlc_connect(struct carrier_hdlc *h, struct trouble *t);
void carrier_hdlc_free(struct carrier_hdlc *h);

/* -- IEC 62056-21 ----------------------------------------------------------------------- */

struct mode_e {
    char maker[4], ident[33];
    unsigned baud; /* agreed */
};

/* Sign on at 300 baud and change to HDLC at no more than max_baud; address "" for any meter.
 * E_IO: no answer; E_DENIED: the meter does not offer mode E. */
int mode_e_sign_on(struct channel *c, const char *address, unsigned max_baud,
                   struct mode_e *found, struct trouble *t);

#endif
