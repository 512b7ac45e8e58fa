/* fuzz_client_line.c - hostile octets on the client's line: HDLC frames, wrapper packets,
 * sign-on lines. They lie in the socket before the client asks, and then it is closed. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/client/carrier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void speak_hdlc(struct channel *c)
{
    struct carrier_hdlc_config cfg = { .client = 1,
                                       .server = { 1, 1, 0 },
                                       .offer = { 128, 128, 3, 3 },
                                       .timeout_ms = 1,
                                       .tries = 2 };
    struct carrier_hdlc h;
    struct trouble t;
    struct buf apdu = { 0 };
    uint8_t request[300] = { 0xC0 };
    carrier_hdlc(&h, c, &cfg);
    if (carrier_hdlc_connect(&h, &t) == 0)
        for (int i = 0; i < 3 && h.base.send(&h.base, request, sizeof request, &t) == 0; i++)
            if (h.base.receive(&h.base, &apdu, 1, &t) < 0) break;
    h.base.close(&h.base);
    carrier_hdlc_free(&h);
    buf_free(&apdu);
}

static void speak_wrapper(struct channel *c)
{
    struct carrier_wrapper w;
    struct trouble t;
    struct buf apdu = { 0 };
    carrier_wrapper(&w, c, 1, 1);
    while (w.base.receive(&w.base, &apdu, 1, &t) == 1)
        if (apdu.n > 65535) abort();
    carrier_wrapper_free(&w);
    buf_free(&apdu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    struct channel c;
    struct mode_e found;
    struct trouble t;
    if (size == 0 || size > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 0;
    if (write(pair[1], data + 1, size - 1) != (ssize_t)(size - 1)) abort();
    shutdown(pair[1], SHUT_WR);
    channel_take(&c, pair[0], "the fuzzer");
    if (data[0] % 3 == 0) speak_hdlc(&c);
    if (data[0] % 3 == 1) speak_wrapper(&c);
    if (data[0] % 3 == 2) mode_e_sign_on(&c, "", 9600, &found, &t);
    channel_close(&c);
    close(pair[1]);
    return 0;
}
