/* session.h - the state of links and sessions; only the server reads it. See server.h.
 *
 * Memory   struct dlms_session about 700 octets on 32 bits beside its two buffers.
 */
#ifndef DLMS_SESSION_H
#define DLMS_SESSION_H
#include "base/time.h"
#include "dlms/cosem.h"
#include "dlms/link.h"

enum dlms_link_kind { DLMS_HDLC, DLMS_OPTICAL, DLMS_TCP, DLMS_UDP };

/* Beside the longest APDU: a request that a list answer still reads stays in the buffer while
 * the next request, which only asks for the next block, comes in behind it. */
enum { DLMS_RX_EXTRA = 192 };

struct dlms_session {
    struct dlms_session *next;
    uint8_t *rx, *tx;
};

struct dlms_pool {
    struct dlms_session *session, *free;
    uint16_t n, rx, tx;
};

struct dlms_link {
    struct dlms_link *next;
    struct dlms_session *first;
    struct link_io io;
    uint8_t kind, channel;
};

#endif
