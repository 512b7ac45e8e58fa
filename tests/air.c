#include "air.h"

#include <string.h>

#include "dlms/wrapper.h"

static size_t air_room(void *ctx)
{
    return AIR_OUT - ((struct air *)ctx)->n;
}

static void air_out(void *ctx, const uint8_t *p, size_t n, bool more)
{
    struct air *a = ctx;
    (void)more;
    memcpy(a->out + a->n, p, n);
    a->n += n;
}

static void air_hang_up(void *ctx)
{
    (void)ctx;
}

static const struct link_ops air_ops = { .room = air_room,
                                         .send = air_out,
                                         .close = air_hang_up };

static int air_send(struct carrier *c, const uint8_t *apdu, size_t n, struct trouble *t)
{
    struct air *a = (struct air *)c;
    struct wrapper w = { a->sap, 1, (uint16_t)n };
    uint8_t head[WRAPPER_HEAD];
    (void)t;
    wrapper_write(head, &w);
    a->n = 0;
    const uint8_t *part[] = { head, apdu };
    size_t size[] = { sizeof head, n };
    for (int i = 0; i < 2; i++)
        for (size_t at = 0; at < size[i]; desk_settle(a->desk))
            at += device_feed_link(&a->desk->d, &a->link, part[i] + at, size[i] - at,
                                   a->desk->now);
    return 0;
}

static int air_receive(struct carrier *c, struct buf *apdu, int timeout_ms, struct trouble *t)
{
    struct air *a = (struct air *)c;
    struct wrapper w;
    (void)t;
    for (int ms = 0; ms < timeout_ms; ms++) {
        desk_settle(a->desk);
        if (a->n > WRAPPER_HEAD && wrapper_read(a->out, &w) == 0 &&
            a->n >= WRAPPER_HEAD + (size_t)w.length) {
            buf_clear(apdu);
            buf_put(apdu, a->out + WRAPPER_HEAD, w.length);
            a->n -= WRAPPER_HEAD + (size_t)w.length;
            return 1;
        }
        a->desk->now.us += 1000;
    }
    return 0;
}

static void air_close(struct carrier *c)
{
    (void)c;
}

void air_open(struct air *a, struct desk *k, uint16_t sap)
{
    memset(a, 0, sizeof *a);
    a->base = (struct carrier){ .send = air_send, .receive = air_receive, .close = air_close };
    a->desk = k;
    a->sap = sap;
    device_link_open(&k->d, &a->link, DLMS_TCP, LINK_WAN, (struct link_io){ &air_ops, a },
                     k->now);
}

void air_shut(struct air *a)
{
    device_link_close(&a->desk->d, &a->link);
    desk_settle(a->desk);
}
