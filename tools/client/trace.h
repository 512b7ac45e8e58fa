/* trace.h - what goes over the line, for people (--trace) and for Wireshark (--pcap).
 *
 * A pcapng file has the octets as they went, in made-up TCP or UDP packets on the ports a
 * dissector knows, and beside each protected APDU its plain twin (../common/pcap.h).
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_TRACE_H
#define TOOLS_CLIENT_TRACE_H
#include "tools/client/session.h"

struct trace;

/* pcap NULL: no file; show: hex on standard error. E_IO: the file cannot be written. */
int trace_open(struct trace **trace, const char *pcap, bool show, struct trouble *t);
void trace_tap(struct trace *trace, struct channel *c, bool hdlc);
void trace_session(struct trace *trace, struct session *s, uint16_t client, uint16_t server);
void trace_close(struct trace *trace); /* NULL: nothing */

#endif
