/* link.h - what a port's link offers the DLMS server. Owned here, implemented by ports.
 *
 * A link is one way in: a serial head, a bus, a TCP connection, the peer of a UDP socket.
 * Octets come in by dlms_feed_link() (server.h); everything else goes through this table.
 *
 * Cost     send() is called once a piece: head, body, tail of a frame.
 * Context  meter loop only; no call may wait.
 */
#ifndef DLMS_LINK_H
#define DLMS_LINK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_form { LINE_8N1, LINE_7E1 };

struct link_ops {
    /* Octets that send() takes now without losing any. A TCP link says 0 while its buffer is
     * full; the server asks again after 2 ms. */
    size_t (*room)(void *ctx);

    /* Send n octets, never more than room() said. more: the rest of the same frame follows at
     * once, the port may gather it. */
    void (*send)(void *ctx, const uint8_t *p, size_t n, bool more);

    /* Serial lines: from the end of what was sent so far, go on with this speed and form. NULL
     * where there is none (TCP, UDP). */
    void (*set_line)(void *ctx, uint32_t baud, enum line_form form);

    /* Serial lines: octets given to send() that are not on the line yet; NULL: always 0. */
    size_t (*unsent)(void *ctx);

    /* Hang up: TCP close. The port answers with dlms_link_close(), now or later. NULL where a
     * link cannot be ended. */
    void (*close)(void *ctx);
};

struct link_io {
    const struct link_ops *ops;
    void *ctx;
};

/* The speed that a baud character of IEC 62056-21 stands for, 0 (300) to 9 (115 200). */
uint32_t link_baud(unsigned code);
#endif
