#include "tools/common/pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    SECTION = 0x0A0D0D0A,
    INTERFACE = 1,
    PACKET = 6,
    LINK_RAW = 101,
    LINK_LOOP = 0,
    IP_HEAD = 20,
    TCP_HEAD = 20,
    UDP_HEAD = 8,
    PIECE_MAX = 60000,
    INTERFACES_MAX = 64,
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_PSH = 8,
    TCP_ACK = 16
};

struct pcap {
    FILE *f;
    uint32_t interfaces, plain;
    bool has_plain;
    uint16_t id;
};

/* -- blocks ----------------------------------------------------------------------------- */

static void put32(struct pcap *p, uint32_t v)
{
    uint8_t b[4];
    le_put32(b, v);
    fwrite(b, 1, sizeof b, p->f);
}

static void put16(struct pcap *p, uint16_t v)
{
    uint8_t b[2];
    le_put16(b, v);
    fwrite(b, 1, sizeof b, p->f);
}

static void put_padded(struct pcap *p, const void *octets, size_t n)
{
    static const uint8_t zeros[4];
    fwrite(octets, 1, n, p->f);
    fwrite(zeros, 1, (4 - n % 4) % 4, p->f);
}

static size_t padded(size_t n)
{
    return (n + 3) / 4 * 4;
}

int pcap_open(struct pcap **out, const char *path, struct trouble *t)
{
    struct pcap *p = calloc(1, sizeof *p);
    if (!p) return trouble(t, E_SPACE, "out of memory");
    p->f = fopen(path, "wb");
    if (!p->f) {
        free(p);
        return trouble(t, E_IO, "cannot write %s: %s", path, strerror(errno));
    }
    put32(p, SECTION);
    put32(p, 28);
    put32(p, 0x1A2B3C4D);
    put16(p, 1); /* version 1.0 */
    put16(p, 0);
    put32(p, 0xFFFFFFFF); /* length of the section is not told */
    put32(p, 0xFFFFFFFF);
    put32(p, 28);
    *out = p;
    return 0;
}

uint32_t pcap_interface(struct pcap *p, const char *name)
{
    size_t n = strlen(name), total = 20 + 4 + padded(n) + 4;
    put32(p, INTERFACE);
    put32(p, (uint32_t)total);
    put16(p, LINK_RAW);
    put16(p, 0);
    put32(p, 0); /* no limit of length */
    put16(p, 2); /* if_name */
    put16(p, (uint16_t)n);
    put_padded(p, name, n);
    put32(p, 0); /* end of options */
    put32(p, (uint32_t)total);
    return p->interfaces++;
}

static void put_packet(struct pcap *p, uint32_t interface, const uint8_t *head, size_t head_n,
                       const void *body, size_t n, int64_t utc_us)
{
    static const uint8_t zeros[4];
    size_t whole = head_n + n, total = 32 + padded(whole);
    put32(p, PACKET);
    put32(p, (uint32_t)total);
    put32(p, interface);
    put32(p, (uint32_t)((uint64_t)utc_us >> 32));
    put32(p, (uint32_t)utc_us);
    put32(p, (uint32_t)whole);
    put32(p, (uint32_t)whole);
    fwrite(head, 1, head_n, p->f);
    if (n) fwrite(body, 1, n, p->f);
    fwrite(zeros, 1, padded(whole) - whole, p->f);
    put32(p, (uint32_t)total);
}

/* -- packets ---------------------------------------------------------------------------- */

static uint32_t sum_up(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2) sum += be_get16(p + i);
    if (n % 2) sum += (uint32_t)p[n - 1] << 8;
    return sum;
}

static uint16_t sum_end(uint32_t sum)
{
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put_ip(struct pcap *p, const struct pcap_flow *f, bool from_client,
                   uint8_t head[IP_HEAD], uint8_t protocol, size_t n)
{
    memset(head, 0, IP_HEAD);
    head[0] = 0x45;
    be_put16(head + 2, (uint16_t)(IP_HEAD + n));
    be_put16(head + 4, p->id++);
    head[8] = 64;
    head[9] = protocol;
    memcpy(head + 12, from_client ? f->client_ip : f->server_ip, 4);
    memcpy(head + 16, from_client ? f->server_ip : f->client_ip, 4);
    be_put16(head + 10, sum_end(sum_up(0, head, IP_HEAD)));
}

/* Over the addresses, protocol and length, then header and body. */
static uint16_t transport_sum(const uint8_t *packet, size_t transport, const void *body,
                              size_t n)
{
    uint32_t sum = packet[9] + (uint32_t)(transport + n);
    sum = sum_up(sum, packet + 12, 8);
    sum = sum_up(sum, packet + IP_HEAD, transport);
    return sum_end(sum_up(sum, body, n));
}

static void put_ports(const struct pcap_flow *f, bool from_client, uint8_t *head)
{
    be_put16(head, from_client ? f->client_port : f->server_port);
    be_put16(head + 2, from_client ? f->server_port : f->client_port);
}

static void put_tcp(struct pcap *p, struct pcap_flow *f, bool from_client, uint8_t flags,
                    const void *body, size_t n, int64_t utc_us)
{
    uint8_t packet[IP_HEAD + TCP_HEAD] = { 0 }, *head = packet + IP_HEAD;
    put_ip(p, f, from_client, packet, 6, TCP_HEAD + n);
    put_ports(f, from_client, head);
    be_put32(head + 4, f->seq[!from_client]);
    be_put32(head + 8, flags & TCP_ACK ? f->seq[from_client] : 0);
    head[12] = TCP_HEAD / 4 << 4;
    head[13] = flags;
    be_put16(head + 14, 65535);
    be_put16(head + 16, transport_sum(packet, TCP_HEAD, body, n));
    f->seq[!from_client] += (uint32_t)n + ((flags & (TCP_SYN | TCP_FIN)) != 0);
    put_packet(p, f->interface, packet, sizeof packet, body, n, utc_us);
}

static void put_udp(struct pcap *p, struct pcap_flow *f, bool from_client, const void *body,
                    size_t n, int64_t utc_us)
{
    uint8_t packet[IP_HEAD + UDP_HEAD] = { 0 }, *head = packet + IP_HEAD;
    put_ip(p, f, from_client, packet, 17, UDP_HEAD + n);
    put_ports(f, from_client, head);
    be_put16(head + 4, (uint16_t)(UDP_HEAD + n));
    be_put16(head + 6, transport_sum(packet, UDP_HEAD, body, n));
    put_packet(p, f->interface, packet, sizeof packet, body, n, utc_us);
}

struct pcap_flow pcap_flow(uint32_t interface, bool udp, uint16_t client_port,
                           uint16_t server_port)
{
    return (struct pcap_flow){ .interface = interface,
                               .udp = udp,
                               .client_port = client_port,
                               .server_port = server_port,
                               .client_ip = { 127, 0, 0, 1 },
                               .server_ip = { 127, 0, 0, 1 },
                               .seq = { 1000, 2000 } };
}

void pcap_begin(struct pcap *p, struct pcap_flow *f, int64_t utc_us)
{
    if (f->udp) return;
    put_tcp(p, f, true, TCP_SYN, NULL, 0, utc_us);
    put_tcp(p, f, false, TCP_SYN | TCP_ACK, NULL, 0, utc_us);
    put_tcp(p, f, true, TCP_ACK, NULL, 0, utc_us);
}

void pcap_end(struct pcap *p, struct pcap_flow *f, int64_t utc_us)
{
    if (f->udp) return;
    put_tcp(p, f, true, TCP_FIN | TCP_ACK, NULL, 0, utc_us);
    put_tcp(p, f, false, TCP_FIN | TCP_ACK, NULL, 0, utc_us);
}

void pcap_put(struct pcap *p, struct pcap_flow *f, bool from_client, const void *octets,
              size_t n, int64_t utc_us)
{
    const uint8_t *at = octets;
    while (n) {
        size_t piece = n < PIECE_MAX ? n : PIECE_MAX;
        if (f->udp)
            put_udp(p, f, from_client, at, piece, utc_us);
        else
            put_tcp(p, f, from_client, TCP_PSH | TCP_ACK, at, piece, utc_us);
        at += piece;
        n -= piece;
    }
}

void pcap_put_plain(struct pcap *p, uint16_t source, uint16_t destination, const void *apdu,
                    size_t n, int64_t utc_us)
{
    uint8_t body[8 + PIECE_MAX];
    if (n > PIECE_MAX) n = PIECE_MAX;
    if (!p->has_plain) p->plain = pcap_interface(p, "plain");
    p->has_plain = true;
    struct pcap_flow f = pcap_flow(p->plain, true, 4059, 4059);
    f.client_ip[3] = 2;
    f.server_ip[3] = 3;
    be_put16(body, 1);
    be_put16(body + 2, source);
    be_put16(body + 4, destination);
    be_put16(body + 6, (uint16_t)n);
    memcpy(body + 8, apdu, n);
    put_udp(p, &f, true, body, 8 + n, utc_us);
}

int64_t pcap_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int pcap_flush(struct pcap *p)
{
    return fflush(p->f) == 0 && !ferror(p->f) ? 0 : E_IO;
}

void pcap_close(struct pcap *p)
{
    if (!p) return;
    fclose(p->f);
    free(p);
}

/* -- reading ---------------------------------------------------------------------------- */

static uint32_t get32(const struct pcap_reader *r, size_t at)
{
    return r->swapped ? be_get32(r->file + at) : le_get32(r->file + at);
}

static uint16_t get16(const struct pcap_reader *r, size_t at)
{
    return r->swapped ? be_get16(r->file + at) : le_get16(r->file + at);
}

static int begin_classic(struct pcap_reader *r)
{
    uint32_t magic = le_get32(r->file);
    r->swapped = magic == 0xD4C3B2A1 || magic == 0x4D3CB2A1;
    r->nano = magic == 0xA1B23C4D || magic == 0x4D3CB2A1;
    if (!r->swapped && !r->nano && magic != 0xA1B2C3D4) return E_FORMAT;
    if (r->n < 24) return E_FORMAT;
    r->classic = true;
    r->link_type[0] = (uint16_t)get32(r, 20);
    r->at = 24;
    return 0;
}

int pcap_read_begin(struct pcap_reader *r, const void *file, size_t n)
{
    *r = (struct pcap_reader){ .file = file, .n = n };
    if (n < 12) return E_FORMAT;
    return le_get32(r->file) == SECTION ? 0 : begin_classic(r);
}

static int read_classic(struct pcap_reader *r, struct pcap_packet *packet)
{
    if (r->n - r->at < 16) return 0;
    uint32_t n = get32(r, r->at + 8), fraction = get32(r, r->at + 4);
    if (n > r->n - r->at - 16) return 0;
    packet->utc_us =
        (int64_t)get32(r, r->at) * 1000000 + (r->nano ? fraction / 1000 : fraction);
    packet->interface = 0;
    packet->link_type = r->link_type[0];
    packet->p = r->file + r->at + 16;
    packet->n = n;
    r->at += 16 + (size_t)n;
    return 1;
}

/* if_tsresol: a power of ten, or with bit 7 of two. */
static uint64_t resolution(uint8_t code)
{
    uint64_t v = 1;
    unsigned exponent = code & 0x7F;
    if (code & 0x80) return exponent < 63 ? UINT64_C(1) << exponent : 0;
    for (unsigned i = 0; i < exponent && i < 19; i++) v *= 10;
    return v;
}

static void read_interface(struct pcap_reader *r, size_t at, size_t end)
{
    if (r->interfaces == INTERFACES_MAX || end - at < 8) return;
    uint32_t i = r->interfaces++;
    r->link_type[i] = get16(r, at);
    r->resolution[i] = 1000000;
    for (at += 8; end - at >= 4;) {
        uint16_t code = get16(r, at), n = get16(r, at + 2);
        if (code == 0 || n > end - at - 4) return;
        if (code == 9 && n == 1) r->resolution[i] = resolution(r->file[at + 4]);
        size_t step = 4 + padded(n);
        if (step > end - at) return;
        at += step;
    }
}

static bool read_packet(struct pcap_reader *r, size_t at, size_t end,
                        struct pcap_packet *packet)
{
    if (end - at < 20) return false;
    uint32_t i = get32(r, at), n = get32(r, at + 12);
    if (i >= r->interfaces || n > end - at - 20) return false;
    uint64_t ticks = (uint64_t)get32(r, at + 4) << 32 | get32(r, at + 8), hz = r->resolution[i];
    if (hz == 0) hz = 1000000;
    packet->utc_us = (int64_t)(ticks / hz * 1000000 + ticks % hz * 1000000 / hz);
    packet->interface = i;
    packet->link_type = r->link_type[i];
    packet->p = r->file + at + 20;
    packet->n = n;
    return true;
}

int pcap_read(struct pcap_reader *r, struct pcap_packet *packet)
{
    if (r->classic) return read_classic(r, packet);
    while (r->n - r->at >= 12) {
        uint32_t type = get32(r, r->at);
        if (type == SECTION) {
            r->swapped = be_get32(r->file + r->at + 8) == 0x1A2B3C4D;
            r->interfaces = 0;
        }
        uint32_t total = get32(r, r->at + 4);
        if (total < 12 || total % 4) return E_FORMAT;
        if (total > r->n - r->at) return 0;
        size_t at = r->at + 8, end = r->at + total - 4;
        r->at += total;
        if (type == INTERFACE) read_interface(r, at, end);
        if (type == PACKET && read_packet(r, at, end, packet)) return 1;
    }
    return 0;
}
