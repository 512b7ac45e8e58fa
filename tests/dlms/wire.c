#include "dlms/wire.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "dlms/wrapper.h"

#define must(c)                                                                                \
    ((c) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c), abort()))
enum { PIECE = 4096 };

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned draw(struct wire *w)
{
    w->seed = w->seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(w->seed >> 33) % 1000000;
}

/* False: the whole piece is lost. */
static bool spoil(struct wire *w, uint8_t *p, size_t n)
{
    if (w->lose_ppm && draw(w) < w->lose_ppm) return w->damaged++, false;
    for (size_t i = 0; i < n && w->damage_ppm; i++)
        if (draw(w) < w->damage_ppm) p[i] ^= (uint8_t)(1 + draw(w) % 255), w->damaged++;
    return true;
}

static void flush(struct wire *w)
{
    struct bench_port *x = &w->bench->port[0];
    for (size_t at = 0; at < x->out_n;) {
        size_t n = x->out_n - at;
        if (w->datagram) n = WRAPPER_HEAD + (size_t)be_get16(x->out + at + 6);
        if (spoil(w, x->out + at, n)) must(write(w->far, x->out + at, n) == (ssize_t)n);
        at += n;
    }
    x->out_n = 0;
}

static void *serve(void *arg)
{
    struct wire *w = arg;
    uint8_t piece[PIECE];
    uint64_t last = now_us();
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        struct pollfd p = { .fd = w->far, .events = POLLIN };
        if (poll(&p, 1, 1) > 0) {
            ssize_t n = read(w->far, piece, sizeof piece);
            if (n <= 0) break;
            if (spoil(w, piece, (size_t)n)) bench_feed(w->bench, 0, piece, (size_t)n);
            flush(w);
        }
        uint64_t now = now_us();
        bench_wait(w->bench, now - last);
        last = now;
        flush(w);
        if (w->bench->port[0].closed) shutdown(w->far, SHUT_RDWR);
    }
    return NULL;
}

void wire_start(struct wire *w, struct bench *b, enum dlms_link_kind kind)
{
    int pair[2];
    pthread_t *thread = malloc(sizeof *thread);
    *w = (struct wire){ .bench = b, .thread = thread, .datagram = kind == DLMS_UDP, .seed = 1 };
    must(socketpair(AF_UNIX, w->datagram ? SOCK_SEQPACKET : SOCK_STREAM, 0, pair) == 0);
    w->near = pair[0];
    w->far = pair[1];
    bench_open(b, 0, kind, kind == DLMS_OPTICAL ? LINK_OPTICAL : LINK_WAN);
    must(pthread_create(thread, NULL, serve, w) == 0);
}

void wire_stop(struct wire *w)
{
    __atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
    pthread_join(*(pthread_t *)w->thread, NULL);
    free(w->thread);
    close(w->far);
    close(w->near);
}
