/* channel.h - octets to and from one meter: a TCP connection, a UDP peer, a serial line or PTY.
 * Blocking calls with time-outs; one thread a channel.
 *
 * Everything that goes over it can be tapped, for traces and pcap files.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_CHANNEL_H
#define TOOLS_CLIENT_CHANNEL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/common/trouble.h"

struct tap {
    void *ctx;
    /* n octets went out, or came in, as one write or read. */
    void (*octets)(void *ctx, bool out, const uint8_t *p, size_t n);
};

struct channel {
    int fd;
    bool datagram, serial;
    unsigned baud; /* of a serial line; 0: so fast that it does not matter */
    struct tap tap;
    char peer[96]; /* for messages: "127.0.0.1:4059", "/dev/ttyUSB0" */
};

/* Connect. E_IO with a sentence that says what to try. host may be a name or an address. */
int channel_tcp(struct channel *c, const char *host, unsigned port, int timeout_ms,
                struct trouble *t);
int channel_udp(struct channel *c, const char *host, unsigned port, struct trouble *t);
int channel_serial(struct channel *c, const char *path, unsigned baud, bool even7,
                   struct trouble *t);

/* Take over a descriptor that is open already: one end of a socket pair, for tests. */
void channel_take(struct channel *c, int fd, const char *peer);

/* Serial lines: go on with this speed and 7E1 or 8N1 once all is out. Nothing elsewhere. */
int channel_set_line(struct channel *c, unsigned baud, bool even7, struct trouble *t);

/* All n octets. E_IO: the other side is gone, or takes nothing for ten seconds. */
int channel_write(struct channel *c, const uint8_t *p, size_t n, struct trouble *t);

/* Up to cap octets; 0 when none came within timeout_ms; E_IO when the other side closed. */
int channel_read(struct channel *c, uint8_t *p, size_t cap, int timeout_ms, struct trouble *t);

void channel_close(struct channel *c);

/* Is this host name or address the own machine? */
bool channel_is_loopback(const char *host);

#endif
