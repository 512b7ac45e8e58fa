/* HDLC under faults of the line: conversations of a small client with the server, octets lost,
 * doubled, swapped and turned, frames lost and doubled, both ways, windows 1 to 7, all
 * information sizes. Whatever happens, each request is carried out exactly once or not at all,
 * its answer arrives whole, and a link that was given up can be made anew.
 *
 * CONVERSATIONS in the environment sets how many (20 000); SEED where they begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dlms/bench.h"
#include "dlms/hdlc.h"
#include "dlms/xdlms.h"

enum { MAX = 4096, TRIES = 12, REQUESTS = 4 };

static struct bench b;
static uint32_t seed;
static unsigned fault; /* one octet or frame in so many is hurt; 0: none */

static unsigned draw(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

/* -- the line ----------------------------------------------------------------------------- */

static bool shifted; /* octets were lost or doubled */

/* What arrives of one frame: it may be lost, or one fault may happen to it. CRC-16 finds each
 * of these alone, but several at once, or a loss that the next frame makes up for, it finds
 * only 65 535 times in 65 536: an octet is lost or doubled only before a pause. */
static size_t transmit_frame(const uint8_t *p, size_t n, bool pause, uint8_t *out)
{
    unsigned kind = fault && draw(fault) == 0 ? 1 + draw(5) : 0;
    size_t where = draw((unsigned)n - 1);
    if (!pause && (kind == 1 || kind == 2)) kind = 5;
    shifted = kind == 1 || kind == 2;
    if (kind == 5) return 0;
    memcpy(out, p, n);
    if (kind == 1) { /* an octet is lost */
        memmove(out + where, out + where + 1, n - where - 1);
        return n - 1;
    }
    if (kind == 2) { /* doubled */
        memmove(out + where + 1, p + where, n - where);
        return n + 1;
    }
    if (kind == 3) { /* swapped with the next */
        out[where] = p[where + 1];
        out[where + 1] = p[where];
    }
    if (kind == 4) out[where] = (uint8_t)(p[where] ^ 1u << draw(8));
    return n;
}

static size_t transmit(const uint8_t *p, size_t n, uint8_t *out)
{
    size_t m = 0;
    for (size_t at = 0; at < n;) {
        size_t len = (size_t)((p[at + 1] & 7) << 8 | p[at + 2]) + 2;
        m += transmit_frame(p + at, len, at + len == n, out + m);
        at += len;
    }
    return m;
}

static void to_server(const struct hdlc_frame *f)
{
    uint8_t p[MAX], q[2 * MAX];
    int n = hdlc_frame_write(p, sizeof p, f);
    assert_true(n > 0);
    size_t m = transmit(p, (size_t)n, q);
    for (size_t at = 0; at < m;) { /* in any pieces, a little apart */
        size_t some = 1 + draw(40);
        if (some > m - at) some = m - at;
        bench_feed(&b, 0, q + at, some);
        at += some;
    }
    if (fault && !shifted && draw(fault * 4) == 0)
        bench_feed(&b, 0, p, (size_t)n); /* doubled */
}

static uint8_t heard[1 << 16];
static size_t heard_n;

static void from_server(void)
{
    heard_n = transmit(b.port[0].out, b.port[0].out_n, heard);
    b.port[0].out_n = 0;
}

/* -- the client --------------------------------------------------------------------------- */

static struct {
    uint8_t vs, vr;
    uint16_t info_tx, info_rx;
    uint8_t window;
    struct hdlc_addr server;
    uint8_t answer[MAX];
    size_t answer_n;
    bool whole, dead;
} k;

static void send(uint8_t control, const uint8_t *info, size_t n, bool segmented)
{
    struct hdlc_frame f = { .dst = k.server,
                            .src = { 1, 1, 0 },
                            .control = control,
                            .segmented = segmented,
                            .info = info,
                            .n = n };
    to_server(&f);
    from_server();
}

/* Go through what was heard; true when a frame with F came. */
static bool listen(uint8_t *control, struct hdlc_frame *keep)
{
    struct hdlc_frame f;
    size_t at = 0, used;
    bool final = false;
    while (hdlc_frame_read(heard + at, heard_n - at, &f, &used) > 0) {
        at += used;
        if (f.src.len != k.server.len || f.dst.upper != 1) continue;
        *control = f.control;
        *keep = f;
        final = f.control & HDLC_PF;
        if (!hdlc_is_i(f.control)) continue;
        if (hdlc_ns(f.control) != k.vr || k.whole) continue;
        assert_true(f.n <= k.info_rx);
        k.vr = (k.vr + 1) & 7;
        memcpy(k.answer + k.answer_n, f.info, f.n);
        k.answer_n += f.n;
        k.whole = !f.segmented;
    }
    return final;
}

static bool connect(void)
{
    struct hdlc_params p = { k.info_tx, k.info_rx, k.window, k.window };
    uint8_t info[HDLC_PARAMS_MAX], control;
    struct hdlc_frame f;
    size_t n = (size_t)hdlc_params_write(info, &p);
    for (unsigned i = 0; i < TRIES; i++) {
        send(HDLC_SNRM | HDLC_PF, info, n, false);
        if (listen(&control, &f) && control == (HDLC_UA | HDLC_PF)) {
            assert_int_equal(hdlc_params_read(f.info, f.n, &p), 0);
            k.info_tx = p.info_rx;
            k.info_rx = p.info_tx;
            k.vs = k.vr = 0;
            k.dead = false;
            return true;
        }
        bench_wait(&b, 1500000);
        b.port[0].out_n = 0;
    }
    return false;
}

/* One I frame to the server, until its N(R) says that it came. */
static bool send_part(const uint8_t *p, size_t n, bool segmented)
{
    uint8_t next = (k.vs + 1) & 7, control = 0;
    struct hdlc_frame f;
    bool poll = false;
    for (unsigned i = 0; i < TRIES; i++) {
        if (poll)
            send((uint8_t)(HDLC_RR | HDLC_PF | k.vr << 5), NULL, 0, false);
        else
            send((uint8_t)(HDLC_PF | k.vr << 5 | k.vs << 1), p, n, segmented);
        bool final = listen(&control, &f);
        bool rejected = control == (HDLC_FRMR | HDLC_PF) || control == (HDLC_DM | HDLC_PF);
        if (final && rejected) break;
        bool said = final && (hdlc_is_i(control) || hdlc_is_s(control));
        if (said && hdlc_nr(control) == next) {
            k.vs = next;
            return true;
        }
        if (said && hdlc_nr(control) == k.vs) {
            poll = false; /* it did not come: again */
            continue;
        }
        bench_wait(&b, 1500000);
        from_server();
        poll = draw(2); /* ask, or say it again */
    }
    k.dead = true;
    return false;
}

static bool fetch(void)
{
    uint8_t control = 0;
    struct hdlc_frame f;
    for (unsigned i = 0; i < 40 * TRIES && !k.whole; i++) {
        send((uint8_t)(HDLC_RR | HDLC_PF | k.vr << 5), NULL, 0, false);
        if (!listen(&control, &f)) bench_wait(&b, 1500000);
        if (control == (HDLC_FRMR | HDLC_PF) || control == (HDLC_DM | HDLC_PF)) break;
    }
    k.dead = !k.whole;
    return k.whole;
}

/* An APDU there and its answer back, LLC checked and taken off. */
static bool exchange(const uint8_t *p, size_t n)
{
    uint8_t all[MAX] = { 0xE6, 0xE6, 0x00 };
    memcpy(all + 3, p, n);
    n += 3;
    k.answer_n = 0;
    k.whole = false;
    for (size_t at = 0; at < n;) {
        size_t some = n - at < k.info_tx ? n - at : k.info_tx;
        if (!send_part(all + at, some, at + some < n)) return false;
        at += some;
    }
    if (!k.whole && !fetch()) return false;
    return k.answer_n > 3 && k.answer[0] == 0xE6 && k.answer[1] == 0xE7 && k.answer[2] == 0;
}

/* -- conversations ------------------------------------------------------------------------ */

static const uint8_t aarq[] = { 0x60, 0x1D, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85,
                                0x74, 0x05, 0x08, 0x01, 0x01, 0xBE, 0x10, 0x04,
                                0x0E, 0x01, 0x00, 0x00, 0x00, 0x06, 0x5F, 0x1F,
                                0x04, 0x00, 0x02, 0xFE, 0xDF, 0x04, 0x00 };

/* Calls the method that turns octets; the answer must be those turned, and one call more. */
static bool turn(unsigned salt)
{
    uint8_t p[MAX] = { 0xC3, 1, 0xC1, 0, 64, 0, 0, 43, 0, 0, 255, 6, 1 };
    size_t n = 1 + draw(120);
    unsigned before = b.calls;
    struct axdr_out o = axdr_out(p + 13, sizeof p - 13);
    axdr_emit_head(&o, AXDR_OCTETS, (uint32_t)n);
    for (size_t i = 0; i < n; i++) axdr_emit_raw(&o, (uint8_t)(salt + i * 7), 1);
    bool done = exchange(p, 13 + o.len);
    assert_true(b.calls <= before + 1); /* never twice */
    if (!done) return false;
    assert_int_equal(b.calls, before + 1);
    const uint8_t *a = k.answer + 3;
    assert_int_equal(k.answer_n, 3 + 6 + o.len);
    assert_memory_equal(a, ((uint8_t[]){ 0xC7, 1, 0xC1, 0, 1, 0 }), 6);
    for (size_t i = 0; i < n; i++) assert_int_equal(a[8 + i], (uint8_t)(salt + i * 7) ^ 0x80);
    return true;
}

/* A profile in blocks that fill several windows. */
static bool read_long(void)
{
    static const uint8_t get[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 50, 0, 255, 2, 0 };
    if (!exchange(get, sizeof get)) return false;
    assert_int_equal(k.answer_n, 3 + 4 + 4 + 300);
    for (unsigned i = 0; i < 300; i++) assert_int_equal(k.answer[11 + i], (uint8_t)i);
    return true;
}

static bool converse(unsigned salt)
{
    if (!connect() || !exchange(aarq, sizeof aarq)) return false;
    assert_int_equal(k.answer[3], 0x61);
    for (unsigned i = 0; i < REQUESTS; i++)
        if (!(draw(3) ? turn(salt + i) : read_long())) return false;
    return true;
}

static unsigned number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void test_conversations(void **state)
{
    unsigned count = number("CONVERSATIONS", 20000), first = number("SEED", 1), done = 0;
    (void)state;
    bench_init(&b, 1024, 1024);
    b.assoc[ROLE_MANAGEMENT].mechanisms = 1;
    b.assoc[ROLE_MANAGEMENT].conformance = 0xFFFFFF;
    bench_open(&b, 0, DLMS_HDLC, LINK_RS485);
    for (unsigned i = first; i < first + count; i++) {
        static const unsigned rates[] = { 0, 3, 5, 10, 20, 40 };
        seed = i * 2654435761u | 1;
        fault = rates[i % 6];
        b.serial.window_tx = (uint8_t)(1 + draw(7));
        b.serial.info_tx = (uint16_t)(32 + draw(500));
        b.serial.info_rx = (uint16_t)(32 + draw(500));
        k.window = (uint8_t)(1 + draw(7));
        k.info_tx = (uint16_t)(32 + draw(500));
        k.info_rx = (uint16_t)(32 + draw(500));
        k.server = draw(2) ? (struct hdlc_addr){ 2, 1, 17 } : (struct hdlc_addr){ 4, 1, 5694 };
        bool whole = converse(i);
        assert_true(fault || whole);
        done += whole;
        if (whole) continue;
        fault = 0; /* the line is quiet: the link can be made anew */
        bench_wait(&b, 100000);
        b.port[0].out_n = 0;
        assert_true(converse(i));
    }
    print_message("%u conversations, %u whole in spite of the line\n", count, done);
    assert_true(done > count / 2);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_conversations) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
