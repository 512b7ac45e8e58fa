/* Load on a running meter over loopback: bench_dlms_net PORT PLAIN|SEALED CONNECTIONS SECONDS
 * [rows|streamed].
 *
 * One thread, one request in flight on each connection, GET of one register; associations are
 * made before the clock starts. PLAIN is LLS level 1; SEALED is HLS 5 with suite 0
 * authenticated encryption, a dedicated key for each association; both with the development
 * keys. Answers are opened and judged. Port 0 measures an echo server of this program's own
 * instead, the same octets to and fro: what the machine's sockets give at most. One line:
 * requests a second, p50 and p99 in microseconds. With "rows" one connection reads the whole of
 * load profile 1 again and again, in blocks of the service, and takes each row apart: rows a
 * second. With "streamed" the answer comes in general blocks of 4 KiB, windows of them sent
 * without waiting. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "dlms/acse.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

enum { MOST = 512, BUCKETS = 200000, ANSWER = 200 };

static const uint8_t get[] = { 0xC0, 1, 0xC1, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0 };
static const uint8_t title[8] = { 0x4D, 0x47, 0x43, 0, 0, 0, 0, 1 };
static uint8_t server_title[8];
static struct cipher_key key = { .len = 16 };
static uint32_t ic;
static bool sealed, echo, streamed;
static uint32_t bucket[BUCKETS]; /* microseconds */

static const uint8_t get_rows[] = { 0xC0, 1, 0xC1, 0, 7, 1, 0, 99, 1, 0, 255, 2, 0 };
enum { BLOCK = 4096, WINDOW = 63 };
static uint8_t answer[UINT16_MAX], profile[64 << 20];

static struct connection {
    int fd;
    double since;
    uint8_t in[ANSWER];
    size_t n;
    struct cipher_key ded;
    uint32_t ic;
} link_of[MOST];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static uint16_t sap(void)
{
    return sealed ? 1 : 32;
}

static void send_apdu(int fd, const uint8_t *p, size_t n)
{
    uint8_t out[512];
    wrapper_write(out, &(struct wrapper){ sap(), 1, (uint16_t)n });
    memcpy(out + WRAPPER_HEAD, p, n);
    if (write(fd, out, WRAPPER_HEAD + n) != (ssize_t)(WRAPPER_HEAD + n)) die("write");
}

static size_t read_apdu(int fd, uint8_t *p)
{
    struct wrapper w;
    uint8_t head[WRAPPER_HEAD];
    if (recv(fd, head, sizeof head, MSG_WAITALL) != sizeof head || wrapper_read(head, &w))
        die("head");
    if (recv(fd, p, w.length, MSG_WAITALL) != w.length) die("apdu");
    return w.length;
}

/* Under the global key, or under the connection's own. */
static size_t seal(struct connection *c, const uint8_t *p, size_t n, uint8_t *out)
{
    struct cipher_box box = { .tag = cipher_tag_of(p[0], c != NULL) };
    struct axdr_out o = axdr_out(out, 16);
    cipher_emit_box(&o, &box, n + 17);
    memmove(out + o.len + CIPHER_HEAD, p, n);
    return o.len + cipher_seal(out + o.len, n, 0x30, c ? c->ic++ : ic++, c ? &c->ded : &key,
                               title, NULL, 0);
}

static size_t open_box(const struct connection *c, uint8_t *p, size_t n)
{
    struct cipher_box box;
    if (cipher_read_box(p, n, &box)) return 0;
    uint8_t *content = p + (box.content.p - p);
    int m = cipher_open(content, box.content.n, c ? &c->ded : &key, server_title, NULL, 0);
    if (m < 0) return 0;
    memmove(p, content + CIPHER_HEAD, (size_t)m);
    return (size_t)m;
}

static void pass_three(int fd, const struct acse_aare *e)
{
    uint8_t f[32] = { 0xC3, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 255, 1, 1, 9, HLS5_ANSWER }, p[512];
    memcpy(server_title, e->title.p, sizeof server_title);
    hls5_answer(f + 15, 0, ic++, &key, title, e->auth.p, e->auth.n);
    send_apdu(fd, p, seal(NULL, f, sizeof f, p));
    size_t n = open_box(NULL, p, read_apdu(fd, p));
    if (n < 4 || p[3]) exit(4);
}

/* 0, or the counter that the meter wants. */
static uint32_t associate(struct connection *c)
{
    int fd = c->fd;
    uint8_t text[64], box[128], p[512];
    struct initiate_req r = { .response = true,
                              .version = 6,
                              .conformance = 0xFFFFFF & ~(streamed ? 0 : XDLMS_C_GBT),
                              .max_pdu = streamed ? BLOCK : 0 };
    struct axdr_out o = axdr_out(text, sizeof text);
    if (sealed) {
        r.dedicated = true;
        r.key_len = 16;
        for (unsigned i = 0; i < 16; i++) r.key[i] = (uint8_t)(fd * 31 + (int)i * 7);
        c->ded = key;
        memcpy(c->ded.ek, r.key, 16);
    }
    initiate_emit_req(&o, &r);
    struct acse_aarq a = { .has_context = true,
                           .context = sealed ? CONTEXT_LN_CIPHERED : CONTEXT_LN,
                           .has_mechanism = true,
                           .mechanism = sealed ? MECH_GMAC : MECH_LLS,
                           .auth = { (const uint8_t *)"00000001", 8 },
                           .user = { text, o.len } };
    if (sealed) a.title = (struct acse_view){ title, 8 };
    if (sealed) a.user = (struct acse_view){ box, seal(NULL, text, o.len, box) };
    send_apdu(fd, p, (size_t)acse_write_aarq(p, sizeof p, &a));
    size_t n = read_apdu(fd, p);
    struct acse_aare e;
    if (p[0] == XDLMS_EXCEPTION && p[2] == SERVICE_COUNTER) return be_get32(p + 3);
    if (acse_read_aare(p, n, &e) || e.result) exit(4);
    if (sealed) pass_three(fd, &e);
    return 0;
}

static int dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void ask(struct connection *c)
{
    uint8_t p[64];
    c->n = 0;
    c->since = now();
    if (sealed)
        send_apdu(c->fd, p, seal(c, get, sizeof get, p));
    else
        send_apdu(c->fd, get, sizeof get);
}

/* True when the answer is whole and right. */
static bool hear(struct connection *c)
{
    struct wrapper w;
    ssize_t got = read(c->fd, c->in + c->n, sizeof c->in - c->n);
    if (got <= 0) die("read");
    c->n += (size_t)got;
    if (c->n < WRAPPER_HEAD) return false;
    if (wrapper_read(c->in, &w)) die("wrapper");
    if (c->n < (size_t)WRAPPER_HEAD + w.length) return false;
    uint8_t *p = c->in + WRAPPER_HEAD;
    size_t n = w.length;
    if (echo) return true;
    if (sealed) n = open_box(c, p, n);
    if (n < 5 || p[0] != XDLMS_GET_RES || p[3]) {
        fprintf(stderr, "a wrong answer\n");
        exit(1);
    }
    return true;
}

/* -- rows ------------------------------------------------------------------------------------ */

/* One request, one answer, opened. */
static size_t exchange(struct connection *c, const uint8_t *request, size_t n)
{
    uint8_t p[64];
    if (sealed)
        send_apdu(c->fd, p, seal(c, request, n, p));
    else
        send_apdu(c->fd, request, n);
    size_t m = read_apdu(c->fd, answer);
    return sealed ? open_box(c, answer, m) : m;
}

static void wrong(void)
{
    fprintf(stderr, "a wrong answer\n");
    exit(1);
}

/* The octets of the whole profile into profile; how many. */
static size_t read_profile(struct connection *c)
{
    size_t n = exchange(c, get_rows, sizeof get_rows), at = 0;
    if (n > 4 && answer[1] == GET_RES_NORMAL) {
        memcpy(profile, answer + 4, n - 4);
        return n - 4;
    }
    for (bool last = false; !last;) {
        struct axdr_in in = axdr_in(answer + 3, n < 3 ? 0 : n - 3);
        last = axdr_read_raw(&in, 1) != 0;
        uint32_t number = (uint32_t)axdr_read_raw(&in, 4);
        if (axdr_read_raw(&in, 1)) wrong();
        size_t some = axdr_read_length(&in);
        const uint8_t *p = axdr_read_view(&in, some);
        if (in.bad || answer[0] != XDLMS_GET_RES || some > sizeof profile - at) wrong();
        memcpy(profile + at, p, some);
        at += some;
        uint8_t next[7] = { XDLMS_GET_REQ, GET_NEXT, 0xC1 };
        be_put32(next + 3, number);
        if (!last) n = exchange(c, next, sizeof next);
    }
    return at;
}

static void send_block(struct connection *c, struct gbt g)
{
    uint8_t p[128];
    struct axdr_out o = axdr_out(p, sizeof p);
    gbt_emit_head(&o, &g);
    axdr_emit(&o, g.data, g.n);
    send_apdu(c->fd, p, o.len);
}

/* The same in general blocks: what they carry is the whole answer, sealed or not. */
static size_t stream_profile(struct connection *c)
{
    uint8_t p[64];
    size_t n = sealed ? seal(c, get_rows, sizeof get_rows, p) : sizeof get_rows, at = 0;
    struct gbt g, mine = { .last = true, .window = WINDOW, .number = 1 };
    mine.data = sealed ? p : get_rows;
    mine.n = n;
    send_block(c, mine);
    do {
        struct axdr_in in = axdr_in(answer, read_apdu(c->fd, answer));
        bool next = gbt_read(&in, &g) == 0 && g.number == mine.acknowledged + 1;
        if (!next || g.n > sizeof profile - at) wrong();
        memcpy(profile + at, g.data, g.n);
        at += g.n;
        mine.acknowledged = g.number;
        mine.n = 0;
        if (g.streaming) continue;
        mine.number++;
        send_block(c, mine);
    } while (!g.last);
    if (sealed) at = open_box(c, profile, at);
    if (at < 4 || profile[0] != XDLMS_GET_RES || profile[1] != GET_RES_NORMAL || profile[3])
        wrong();
    memmove(profile, profile + 4, at - 4);
    return at - 4;
}

/* How many rows these are; each value of each is looked at. */
static uint32_t take_rows(size_t n)
{
    struct axdr_in in = axdr_in(profile, n);
    uint32_t rows = axdr_read_head(&in, AXDR_ARRAY);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t columns = axdr_read_head(&in, AXDR_STRUCTURE);
        for (uint32_t c = 0; c < columns; c++) axdr_read_value(&in);
    }
    if (!axdr_is_done(&in) || rows == 0) wrong();
    return rows;
}

static void run_rows(double seconds)
{
    double start = now(), t = start;
    uint64_t rows = 0, octets = 0;
    unsigned reads = 0;
    for (; t < start + seconds * 1e6; t = now(), reads++) {
        size_t n = (streamed ? stream_profile : read_profile)(&link_of[0]);
        rows += take_rows(n);
        octets += n;
    }
    printf("%-6s %-8s %9.0f rows a second, %llu octets each, %u times %llu rows\n",
           sealed ? "sealed" : "plain", streamed ? "streamed" : "blocks",
           (double)rows / (t - start) * 1e6, (unsigned long long)(octets / rows), reads,
           (unsigned long long)(rows / reads));
}

static uint32_t quantile(uint64_t count, double q)
{
    uint64_t seen = 0;
    for (uint32_t us = 0; us < BUCKETS; us++)
        if ((double)(seen += bucket[us]) >= q * (double)count) return us;
    return BUCKETS;
}

static void run(unsigned connections, double seconds)
{
    struct pollfd p[MOST];
    uint64_t count = 0;
    for (unsigned i = 0; i < connections; i++)
        p[i] = (struct pollfd){ link_of[i].fd, POLLIN, 0 };
    double start = now(), end = start + seconds * 1e6, t = start;
    for (unsigned i = 0; i < connections; i++) ask(&link_of[i]);
    while (t < end) {
        if (poll(p, connections, 5000) <= 0) die("poll");
        for (unsigned i = 0; i < connections; i++) {
            if (!p[i].revents || !hear(&link_of[i])) continue;
            t = now();
            double us = t - link_of[i].since;
            bucket[us < BUCKETS - 1 ? (uint32_t)us : BUCKETS - 1]++;
            count++;
            ask(&link_of[i]);
        }
    }
    printf("%-6s %4u connections %9.0f a second  p50 %5u us  p99 %5u us\n",
           echo     ? "echo"
           : sealed ? "sealed"
                    : "plain",
           connections, (double)count / (t - start) * 1e6, quantile(count, 0.5),
           quantile(count, 0.99));
}

/* The same octets back, by whoever asks; ends with its parent. */
static int serve_echo(pid_t *child)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, MOST))
        die("listen");
    getsockname(listener, (struct sockaddr *)&at, &len);
    *child = fork();
    if (*child) return ntohs(at.sin_port);
    struct pollfd p[MOST + 1] = { { listener, POLLIN, 0 } };
    for (nfds_t n = 1;;) {
        poll(p, n, -1);
        for (nfds_t i = 1; i < n; i++) {
            uint8_t text[512];
            ssize_t got = p[i].revents ? read(p[i].fd, text, sizeof text) : 0;
            if (p[i].revents && (got <= 0 || write(p[i].fd, text, (size_t)got) != got)) exit(0);
        }
        if (!p[0].revents || n > MOST) continue;
        p[n] = (struct pollfd){ accept(listener, NULL, NULL), POLLIN, 0 };
        setsockopt(p[n++].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: bench_dlms_net PORT PLAIN|SEALED CONNECTIONS SECONDS "
                        "[rows|streamed]\n");
        return 2;
    }
    int port = atoi(argv[1]);
    unsigned connections = (unsigned)atoi(argv[3]);
    pid_t child = 0;
    sealed = strcmp(argv[2], "SEALED") == 0;
    streamed = argc == 6 && strcmp(argv[5], "streamed") == 0;
    echo = port == 0;
    if (connections == 0 || connections > MOST) return 2;
    for (unsigned i = 0; i < 16; i++) {
        key.ek[i] = (uint8_t)i;
        key.ak[i] = (uint8_t)(0xD0 + i);
    }
    if (echo) port = serve_echo(&child);
    for (unsigned i = 0; i < connections; i++) {
        link_of[i].fd = dial(port);
        if (echo) continue;
        uint32_t wanted = associate(&link_of[i]);
        if (wanted) ic = wanted;
        if (wanted && associate(&link_of[i])) exit(4);
    }
    if (argc == 6)
        run_rows(atof(argv[4]));
    else
        run(connections, atof(argv[4]));
    if (child) kill(child, SIGTERM);
    return 0;
}
