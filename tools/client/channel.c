#include "tools/client/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/common/say.h"

enum { WRITE_PATIENCE_MS = 10000 };

bool channel_is_loopback(const char *host)
{
    struct in6_addr six;
    struct in_addr four;
    if (strcasecmp(host, "localhost") == 0) return true;
    if (inet_pton(AF_INET, host, &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static int wait_for(int fd, short events, int timeout_ms)
{
    uint64_t end = say_now_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
    for (;;) {
        uint64_t now = say_now_ms();
        struct pollfd p = { .fd = fd, .events = events };
        int n = poll(&p, 1, now < end ? (int)(end - now) : 0);
        if (n >= 0 || errno != EINTR) return n;
    }
}

/* 0, or the errno of the connection. */
static int connect_within(int fd, const struct addrinfo *a, int timeout_ms)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (wait_for(fd, POLLOUT, timeout_ms) <= 0) return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) ? errno : error;
}

static int refuse(const struct channel *c, const char *host, int error, struct trouble *t)
{
    const char *hint = "; check the address and the port";
    if (error == ECONNREFUSED && channel_is_loopback(host))
        hint = "; is the meter running? try `magno run`";
    return trouble(t, E_IO, "cannot connect to %s: %s%s", c->peer, strerror(error), hint);
}

static int open_socket(struct channel *c, const char *host, unsigned port, int type,
                       int timeout_ms, struct trouble *t)
{
    struct addrinfo hints = { .ai_socktype = type }, *list;
    char service[8];
    int error = ECONNREFUSED;
    *c = (struct channel){ .fd = -1, .datagram = type == SOCK_DGRAM };
    snprintf(c->peer, sizeof c->peer, strchr(host, ':') ? "[%.80s]:%u" : "%.80s:%u", host,
             port);
    snprintf(service, sizeof service, "%u", port);
    int e = getaddrinfo(host, service, &hints, &list);
    if (e) return trouble(t, E_IO, "cannot find %s: %s", host, gai_strerror(e));
    for (struct addrinfo *a = list; a && c->fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        error = connect_within(fd, a, timeout_ms);
        if (error)
            close(fd);
        else
            c->fd = fd;
    }
    freeaddrinfo(list);
    return c->fd < 0 ? refuse(c, host, error, t) : 0;
}

int channel_tcp(struct channel *c, const char *host, unsigned port, int timeout_ms,
                struct trouble *t)
{
    int e = open_socket(c, host, port, SOCK_STREAM, timeout_ms, t), yes = 1;
    if (e == 0) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return e;
}

int channel_udp(struct channel *c, const char *host, unsigned port, struct trouble *t)
{
    return open_socket(c, host, port, SOCK_DGRAM, 0, t);
}

static speed_t speed_of(unsigned baud)
{
    static const struct {
        unsigned baud;
        speed_t speed;
    } speeds[] = {
        { 300, B300 },     { 600, B600 },       { 1200, B1200 },   { 2400, B2400 },
        { 4800, B4800 },   { 9600, B9600 },     { 19200, B19200 }, { 38400, B38400 },
        { 57600, B57600 }, { 115200, B115200 },
    };
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
        if (speeds[i].baud == baud) return speeds[i].speed;
    return B0;
}

int channel_set_line(struct channel *c, unsigned baud, bool even7, struct trouble *t)
{
    struct termios line;
    speed_t speed = speed_of(baud);
    if (!c->serial) return 0;
    if (speed == B0) return trouble(t, E_RANGE, "%u baud is no speed of this port", baud);
    if (tcgetattr(c->fd, &line) < 0)
        return trouble(t, E_IO, "%s is not a serial line: %s", c->peer, strerror(errno));
    cfmakeraw(&line);
    line.c_cflag &= ~(tcflag_t)(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS);
    line.c_cflag |= CLOCAL | CREAD | (even7 ? CS7 | PARENB : CS8);
    cfsetspeed(&line, speed);
    if (tcsetattr(c->fd, TCSADRAIN, &line) < 0)
        return trouble(t, E_IO, "cannot set %s to %u baud: %s", c->peer, baud, strerror(errno));
    c->baud = baud;
    return 0;
}

int channel_serial(struct channel *c, const char *path, unsigned baud, bool even7,
                   struct trouble *t)
{
    *c = (struct channel){ .serial = true };
    snprintf(c->peer, sizeof c->peer, "%s", path);
    c->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (c->fd < 0)
        return trouble(t, E_IO, "cannot open %s: %s; is the optical head plugged in?", path,
                       strerror(errno));
    int e = channel_set_line(c, baud, even7, t);
    if (e < 0) channel_close(c);
    if (e == 0) tcflush(c->fd, TCIOFLUSH);
    return e;
}

void channel_take(struct channel *c, int fd, const char *peer)
{
    *c = (struct channel){ .fd = fd };
    snprintf(c->peer, sizeof c->peer, "%s", peer);
}

int channel_write(struct channel *c, const uint8_t *p, size_t n, struct trouble *t)
{
    if (c->tap.octets) c->tap.octets(c->tap.ctx, true, p, n);
    while (n) {
        ssize_t done = c->serial ? write(c->fd, p, n) : send(c->fd, p, n, MSG_NOSIGNAL);
        if (done >= 0) {
            p += done;
            n -= (size_t)done;
            continue;
        }
        bool full = errno == EAGAIN || errno == EWOULDBLOCK;
        if (errno == EINTR) continue;
        if (!full) return trouble(t, E_IO, "cannot send to %s: %s", c->peer, strerror(errno));
        if (wait_for(c->fd, POLLOUT, WRITE_PATIENCE_MS) <= 0)
            return trouble(t, E_IO, "%s takes nothing more", c->peer);
    }
    return 0;
}

int channel_read(struct channel *c, uint8_t *p, size_t cap, int timeout_ms, struct trouble *t)
{
    int ready = wait_for(c->fd, POLLIN, timeout_ms);
    if (ready <= 0) return 0;
    ssize_t n = read(c->fd, p, cap);
    if (n > 0) {
        if (c->tap.octets) c->tap.octets(c->tap.ctx, false, p, (size_t)n);
        return (int)n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n == 0 && c->datagram) return 0;
    if (n < 0 && errno == ECONNREFUSED)
        return trouble(t, E_IO, "nobody listens at %s; is the meter running?", c->peer);
    if (n < 0 && errno != EIO)
        return trouble(t, E_IO, "cannot read from %s: %s", c->peer, strerror(errno));
    return trouble(t, E_IO, "%s closed the connection", c->peer);
}

void channel_close(struct channel *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}
