#include "base/bytes.h"
#include "base/err.h"
#include "dlms/wrapper.h"
#include "tools/client/carrier.h"
#include "tools/common/say.h"

enum { READ_SIZE = 65536 };

static int wrapper_send(struct carrier *c, const uint8_t *apdu, size_t n, struct trouble *t)
{
    struct carrier_wrapper *w = (struct carrier_wrapper *)c;
    struct buf out = { 0 };
    uint8_t head[WRAPPER_HEAD];
    if (n > UINT16_MAX) return trouble(t, E_RANGE, "an APDU of %zu octets cannot be sent", n);
    wrapper_write(head, &(struct wrapper){ w->client, w->server, (uint16_t)n });
    buf_put(&out, head, sizeof head);
    buf_put(&out, apdu, n);
    int e = channel_write(w->channel, out.p, out.n, t);
    buf_free(&out);
    return e;
}

/* Take one whole APDU off the front: 1, 0 when it is not all there, E_FORMAT. */
static int take(struct carrier_wrapper *w, struct buf *apdu, struct trouble *t)
{
    struct wrapper head;
    if (w->in.n < WRAPPER_HEAD) return 0;
    if (wrapper_read(w->in.p, &head) < 0)
        return trouble(t, E_FORMAT, "%s does not speak the DLMS wrapper; try --hdlc",
                       w->channel->peer);
    if (w->in.n < WRAPPER_HEAD + (size_t)head.length) return 0;
    buf_clear(apdu);
    buf_put(apdu, w->in.p + WRAPPER_HEAD, head.length);
    buf_drop(&w->in, WRAPPER_HEAD + (size_t)head.length);
    return head.destination == w->client ? 1 : 0;
}

static int wrapper_receive(struct carrier *c, struct buf *apdu, int timeout_ms,
                           struct trouble *t)
{
    struct carrier_wrapper *w = (struct carrier_wrapper *)c;
    uint64_t end = say_now_ms() + (uint64_t)timeout_ms, now;
    uint8_t piece[READ_SIZE];
    for (;;) {
        size_t before = w->in.n;
        int got = take(w, apdu, t);
        if (got) return got;
        if (w->in.n < before) continue; /* somebody else's; look at what follows */
        if ((now = say_now_ms()) >= end) return 0;
        int n = channel_read(w->channel, piece, sizeof piece, (int)(end - now), t);
        if (n < 0) return n;
        if (w->channel->datagram) buf_clear(&w->in); /* a datagram is whole, or is nothing */
        buf_put(&w->in, piece, (size_t)n);
    }
}

static void wrapper_close(struct carrier *c)
{
    (void)c; /* the end of the connection says it */
}

void carrier_wrapper(struct carrier_wrapper *w, struct channel *channel, uint16_t client,
                     uint16_t server)
{
    *w = (struct carrier_wrapper){
        .base = { wrapper_send, wrapper_receive, wrapper_close, channel->datagram },
        .channel = channel,
        .client = client,
        .server = server,
    };
}

void carrier_wrapper_free(struct carrier_wrapper *w)
{
    buf_free(&w->in);
}
