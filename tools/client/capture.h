/* capture.h - the conversations in a pcapng or pcap file, message by message.
 *
 * TCP is put together by sequence numbers (what comes twice is dropped, a hole is said and
 * stepped over), UDP is taken as it is; IPv4 and IPv6 on Ethernet, loopback, Linux cooked and
 * raw links. What a connection speaks is seen from its first octets.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_CAPTURE_H
#define TOOLS_CLIENT_CAPTURE_H
#include "tools/client/describe.h"

/* Octets of one conversation as they come, cut into whole messages. */
struct listener {
    struct describer d;
    struct buf in[2]; /* from the client, from the meter */
};
void listener_init(struct listener *l, const struct keyring *keys);
void listener_end(struct listener *l);

/* n octets from one side; each(ctx, note) for every message that is whole now. A datagram is
 * whole at once. */
void listener_take(struct listener *l, bool from_client, bool datagram, const uint8_t *p,
                   size_t n, void (*each)(void *ctx, const struct note *note), void *ctx);

struct capture_message {
    int64_t utc_us;
    char source[64], destination[64]; /* "127.0.0.1:4059" */
    const struct note *note;
};

/* Call each for every message in n octets of file. E_FORMAT: no capture; else the number of
 * messages. */
int capture_walk(const void *file, size_t n, const struct keyring *keys,
                 void (*each)(void *ctx, const struct capture_message *m), void *ctx,
                 struct trouble *t);

/* Does it look like a capture? */
bool capture_is(const void *file, size_t n);

#endif
