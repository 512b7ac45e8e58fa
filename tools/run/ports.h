/* ports.h - sockets in front of the device's links.
 *
 *   DLMS     TCP and UDP, the wrapper (IEC 62056-47): any number of clients
 *   optical  TCP, IEC 62056-21 mode E then HDLC, or HDLC at once: one head at a time
 *   RS485    TCP, HDLC: one master at a time; all boxes of the line hear it and each other. Where
 *            0-0:96.64.5 says so it carries tokens from the next connection on
 *   optical and RS485 also as pseudo terminals, for software that wants a serial device
 *   CIU, VTC, SMS  TCP, the carriers of tokens (model/courier.h): one peer at a time each
 *
 * A connection is a link; what the server does not take waits here, and the peer is not read
 * from meanwhile. Without supply everything is closed, as on a dark meter.
 *
 * Memory   about 70 KiB a connection while it sends much, little else.
 * Context  the thread of the libuv loop.
 */
#ifndef TOOLS_RUN_PORTS_H
#define TOOLS_RUN_PORTS_H
#include <uv.h>

#include "tools/run/box.h"

enum port_id { PORT_DLMS, PORT_OPTICAL, PORT_RS485, PORT_CIU, PORT_VTC, PORT_SMS, PORT_IDS };

struct ports;

struct ports_status {
    uint16_t port;   /* 0: not open */
    unsigned peers;  /* connections now */
    uint64_t rx, tx; /* octets since the process began */
};

/* Listen on address; number[id] < 0: that port not at all, 0: any free one. E_BUSY with a
 * sentence: a port is taken; E_RANGE: no address of this machine. */
int ports_open(struct ports **p, uv_loop_t *loop, struct box *box, const char *address,
               const int number[PORT_IDS], struct trouble *t);

/* From now on the serial ports send back what they hear, as optical heads and two-wire lines
 * do. */
void ports_echo(struct ports *p);

/* A pseudo terminal beside that port, optical or RS485; path becomes a symbolic link to it, in
 * the place of a link that is there. E_IO with a sentence. Its name until ports_close(). */
int ports_pty(struct ports *p, enum port_id id, const char *path, struct trouble *t);
const char *ports_pty_name(const struct ports *p, enum port_id id);

/* Hang up all; the sockets go on listening. */
void ports_dark(struct ports *p);

struct ports_status ports_status(const struct ports *p, enum port_id id);

/* Write all traffic from now on to this file, and what is protected by the meter's first keys
 * once more in plain; kept until ports_close(). */
struct pcap;
void ports_capture(struct ports *p, struct pcap *pcap);

/* Did octets come in or go out within the last half second of the wall clock? Then a client is
 * talking, and its time-outs are in its own time: the world should not run faster than that. */
bool ports_is_talking(const struct ports *p);

/* Octets the server did not take a moment ago: offer them again. Called after steps. */
void ports_poll(struct ports *p);

void ports_close(struct ports *p);

#endif
