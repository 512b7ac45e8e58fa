/* Any octets on an HDLC link, with pauses where an octet FF stands before a small number: what
 * the server sends are whole frames, and a correct connection can be made afterwards. */
#include <stdint.h>
#include <string.h>

#include "base/sys.h"
#include "dlms/bench.h"
#include "dlms/hdlc.h"

static void check_frames(struct bench *b)
{
    struct hdlc_frame f;
    size_t at = 0, used;
    while (hdlc_frame_read(b->port[0].out + at, b->port[0].out_n - at, &f, &used) > 0) {
        ensure(f.dst.len == 1);
        at += used;
    }
    ensure(b->port[0].out_n == 0 || at + 1 == b->port[0].out_n);
    b->port[0].out_n = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct bench b;
    uint8_t frame[64];
    struct hdlc_frame f = { .dst = { 2, 1, 17 }, .src = { 1, 3, 0 }, .control = 0x93 };
    size_t from = 0, used;
    struct hdlc_params params;
    (void)hdlc_frame_read(p, n, &f, &used);
    (void)hdlc_params_read(p, n, &params);
    bench_init(&b, 512, 512);
    b.assoc[ROLE_MANAGEMENT].mechanisms = 1;
    b.busy_settle = 3;
    bench_open(&b, 0, DLMS_HDLC, LINK_RS485);
    for (size_t i = 0; i + 1 < n; i++) {
        if (p[i] != 0xFF || p[i + 1] > 7) continue;
        bench_feed(&b, 0, p + from, i - from);
        check_frames(&b);
        bench_wait(&b, UINT64_C(10000) << 2 * p[i + 1]);
        from = i + 2;
        i++;
    }
    bench_feed(&b, 0, p + from, n - from);
    check_frames(&b);
    bench_wait(&b, 100000);
    b.port[0].out_n = 0;
    f = (struct hdlc_frame){ .dst = { 2, 1, 17 }, .src = { 1, 3, 0 }, .control = 0x93 };
    int m = hdlc_frame_write(frame, sizeof frame, &f);
    bench_feed(&b, 0, frame, (size_t)m);
    ensure(hdlc_frame_read(b.port[0].out, b.port[0].out_n, &f, &used) > 0);
    ensure(f.control == (HDLC_UA | HDLC_PF));
    bench_free(&b);
    return 0;
}
