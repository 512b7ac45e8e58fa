/* pcap.h - traffic as a pcapng file that Wireshark and tshark read: octets of any carrier, put
 * into IPv4 packets of TCP connections or UDP on the ports by which dissectors know them.
 *
 * A flow is one connection, serial head or peer. Its packets carry sequence numbers and
 * checksums as if they had been caught on a wire. Beside protected APDUs their plain twins may
 * be written: wrapper packets over UDP between 127.0.0.2 and 127.0.0.3, on an interface called
 * "plain", so that everything can be read without keys.
 *
 * Source     pcapng as in draft-ietf-opsawg-pcapng: section, interface and enhanced packet
 *            blocks; link type 101 (raw IP), times in microseconds.
 * Context    host programs, one thread a file. What was put is in the file after
 *            pcap_flush().
 */
#ifndef TOOLS_COMMON_PCAP_H
#define TOOLS_COMMON_PCAP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/common/trouble.h"

struct pcap;

struct pcap_flow {
    uint32_t interface; /* of pcap_interface() */
    bool udp;
    uint16_t client_port, server_port;
    uint8_t client_ip[4], server_ip[4];
    uint32_t seq[2]; /* of the client, of the server */
};

/* A new file. E_IO with a sentence. */
int pcap_open(struct pcap **p, const char *path, struct trouble *t);

/* Name one more interface ("optical"); its number. At most 64. */
uint32_t pcap_interface(struct pcap *p, const char *name);

/* A flow between 127.0.0.1 and itself; change the addresses before the first packet. */
struct pcap_flow pcap_flow(uint32_t interface, bool udp, uint16_t client_port,
                           uint16_t server_port);

/* TCP: the three packets that open, the two that end a connection. UDP: nothing. */
void pcap_begin(struct pcap *p, struct pcap_flow *f, int64_t utc_us);
void pcap_end(struct pcap *p, struct pcap_flow *f, int64_t utc_us);

/* n octets in one direction; split where they are longer than a packet. */
void pcap_put(struct pcap *p, struct pcap_flow *f, bool from_client, const void *octets,
              size_t n, int64_t utc_us);

/* A plain APDU between two wPorts, as the twin of a protected one. */
void pcap_put_plain(struct pcap *p, uint16_t source, uint16_t destination, const void *apdu,
                    size_t n, int64_t utc_us);

/* Microseconds of the host's clock since 1970. */
int64_t pcap_now_us(void);

/* To the disk what was put. E_IO when any of it could not be written. */
int pcap_flush(struct pcap *p);

/* Flush and close; NULL: nothing. */
void pcap_close(struct pcap *p);

/* -- reading ---------------------------------------------------------------------------- */

struct pcap_packet {
    int64_t utc_us;
    uint32_t interface;
    uint16_t link_type;
    const uint8_t *p; /* the captured octets */
    size_t n;
};

/* Walk over n octets of a pcapng or classic pcap file: *at begins at 0. 1 with the next packet,
 * 0 at the end, E_FORMAT. Cut files end at their last whole packet. */
struct pcap_reader {
    const uint8_t *file;
    size_t n, at;
    bool classic, swapped, nano;
    uint16_t link_type[64];
    uint64_t resolution[64]; /* ticks a second */
    uint32_t interfaces;
};
int pcap_read_begin(struct pcap_reader *r, const void *file, size_t n);
int pcap_read(struct pcap_reader *r, struct pcap_packet *packet);

#endif
