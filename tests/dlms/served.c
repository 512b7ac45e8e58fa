/* served.c - the device of bench.h on real sockets, for scripts that run `magno read` and its
 * like: prints {"dlms":PORT,"hdlc":PORT,"udp":PORT,"pty":"/dev/pts/N"} and serves one
 * conversation after the other until standard input ends.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "dlms/bench.h"
#include "dlms/wrapper.h"

#define must(c)                                                                                \
    ((c) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c), abort()))
enum { TCP, HDLC, UDP, PTY, WAYS, PIECE = 65536 };
static const enum dlms_link_kind kinds[WAYS] = { DLMS_TCP, DLMS_HDLC, DLMS_UDP, DLMS_OPTICAL };

static struct bench bench;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int listen_on(int type, unsigned *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, type, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    must(type == SOCK_DGRAM || listen(fd, 4) == 0);
    must(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void flush(int fd, int way, const struct sockaddr_in *to)
{
    struct bench_port *x = &bench.port[0];
    for (size_t at = 0; at < x->out_n;) {
        size_t n = x->out_n - at;
        if (way == UDP) n = WRAPPER_HEAD + (size_t)be_get16(x->out + at + 6);
        ssize_t done =
            way == UDP ? sendto(fd, x->out + at, n, 0, (const struct sockaddr *)to, sizeof *to)
                       : write(fd, x->out + at, n);
        if (done <= 0) break;
        at += (size_t)done;
    }
    x->out_n = 0;
}

/* One conversation, up to its end or to the end of standard input. */
static void serve(int fd, int way)
{
    static uint8_t piece[PIECE];
    struct sockaddr_in from = { 0 };
    uint64_t last = now_us(), quiet = last;
    bench_open(&bench, 0, kinds[way], LINK_WAN);
    for (;;) {
        struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
        must(poll(p, 2, 1) >= 0);
        if (p[1].revents) exit(0);
        uint64_t now = now_us();
        if (p[0].revents) {
            socklen_t size = sizeof from;
            ssize_t n = way == UDP ? recvfrom(fd, piece, sizeof piece, 0,
                                              (struct sockaddr *)&from, &size)
                                   : read(fd, piece, sizeof piece);
            if (n <= 0) return;
            bench_feed(&bench, 0, piece, (size_t)n);
            quiet = now;
        }
        bench_wait(&bench, now - last);
        last = now;
        flush(fd, way, &from);
        if (bench.port[0].closed || (way >= UDP && now - quiet > 300000)) return;
    }
}

int main(void)
{
    unsigned port[UDP + 1];
    int fd[WAYS] = { listen_on(SOCK_STREAM, &port[TCP]), listen_on(SOCK_STREAM, &port[HDLC]),
                     listen_on(SOCK_DGRAM, &port[UDP]) };
    struct termios raw;
    fd[PTY] = posix_openpt(O_RDWR | O_NOCTTY);
    must(fd[PTY] >= 0 && grantpt(fd[PTY]) == 0 && unlockpt(fd[PTY]) == 0);
    int keep =
        open(ptsname(fd[PTY]), O_RDWR | O_NOCTTY); /* so that it does not hang up between */
    must(keep >= 0 && tcgetattr(keep, &raw) == 0);
    cfmakeraw(&raw);
    must(tcsetattr(keep, TCSANOW, &raw) == 0);
    bench_init(&bench, 1024, 1024);
    printf("{\"dlms\":%u,\"hdlc\":%u,\"udp\":%u,\"pty\":\"%s\"}\n", port[TCP], port[HDLC],
           port[UDP], ptsname(fd[PTY]));
    fflush(stdout);
    for (;;) {
        struct pollfd p[WAYS + 1];
        for (int i = 0; i < WAYS; i++) p[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
        p[WAYS] = (struct pollfd){ .fd = 0, .events = POLLIN };
        must(poll(p, WAYS + 1, -1) > 0);
        if (p[WAYS].revents) return 0;
        for (int i = 0; i < WAYS; i++) {
            if (!p[i].revents) continue;
            int c = i < UDP ? accept(fd[i], NULL, NULL) : fd[i];
            must(c >= 0);
            serve(c, i);
            if (i < UDP) close(c);
        }
    }
}
