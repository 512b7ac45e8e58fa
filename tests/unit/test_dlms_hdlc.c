/* The server's side of HDLC: frames of the vectors, states, errors, time-outs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cases.h"
#include "dlms/bench.h"
#include "dlms/hdlc.h"
#include "dlms/xdlms.h"

enum { MAX = 4096 };
static struct bench *b;
static struct cases c;

static int setup(void **state)
{
    b = bench_setup(state, DLMS_HDLC, LINK_RS485);
    b->assoc[ROLE_MANAGEMENT].mechanisms = 1; /* the vectors' client 1 asks for nothing */
    b->assoc[ROLE_MANAGEMENT].conformance = 0xFFFFFF;
    return 0;
}

static void find(const char *name)
{
    cases_seek(&c, ROOT "/tests/vectors/dlms.txt", name);
}

static void feed_field(const char *field)
{
    uint8_t v[MAX];
    size_t n = cases_hex(&c, field, v, MAX);
    b->port[0].out_n = 0;
    bench_feed(b, 0, v, n);
}

/* What the server sent so far is exactly these frames, one behind the other. */
static void expect_fields(unsigned first, unsigned last)
{
    uint8_t want[2 * MAX];
    size_t n = 0;
    for (unsigned i = first; i <= last; i++) {
        char field[32];
        snprintf(field, sizeof field, "out%u_frame", i);
        n += cases_hex(&c, field, want + n, MAX);
    }
    if (b->port[0].out_n != n) {
        for (size_t i = 0; i < b->port[0].out_n; i++) print_error("%02X", b->port[0].out[i]);
        print_error("\n");
    }
    assert_int_equal(b->port[0].out_n, n);
    if (n) assert_memory_equal(b->port[0].out, want, n);
}

/* -- a client of a few lines -------------------------------------------------------------- */

static struct hdlc_frame last;
static uint8_t seen[MAX];

static void send_frame(uint8_t control, const void *info, size_t n, bool segmented)
{
    uint8_t p[MAX];
    struct hdlc_frame f = { .dst = { 2, 1, 17 },
                            .src = { 1, 1, 0 },
                            .control = control,
                            .segmented = segmented,
                            .info = info,
                            .n = n };
    int len = hdlc_frame_write(p, sizeof p, &f);
    assert_true(len > 0);
    b->port[0].out_n = 0;
    bench_feed(b, 0, p, (size_t)len);
}

/* Frames that came back; the last one is in `last`. */
static unsigned frames(void)
{
    size_t at = 0, used;
    unsigned n = 0;
    memcpy(seen, b->port[0].out, b->port[0].out_n);
    while (hdlc_frame_read(seen + at, b->port[0].out_n - at, &last, &used) > 0) {
        at += used;
        n++;
    }
    return n;
}

static void expect_control(uint8_t control)
{
    assert_int_equal(frames(), 1);
    assert_int_equal(last.control, control);
}

static const uint8_t aarq[] = { 0xE6, 0xE6, 0x00, 0x60, 0x1D, 0xA1, 0x09, 0x06, 0x07,
                                0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0xBE, 0x10,
                                0x04, 0x0E, 0x01, 0x00, 0x00, 0x00, 0x06, 0x5F, 0x1F,
                                0x04, 0x00, 0x02, 0xFE, 0xDF, 0x04, 0xB0 };
static const uint8_t get[] = {
    0xE6, 0xE6, 0x00, 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0
};

static void connect(void)
{
    send_frame(HDLC_SNRM | HDLC_PF, NULL, 0, false);
    expect_control(HDLC_UA | HDLC_PF);
}

static void associate(void)
{
    connect();
    send_frame(0x10, aarq, sizeof aarq, false);
    expect_control(0x30);
    assert_int_equal(last.info[3], 0x61);
}

static void test_vector_segments(void **state)
{
    static uint8_t name[300];
    (void)state;
    for (unsigned i = 0; i < sizeof name; i++) name[i] = (uint8_t)i;
    b->name = name;
    b->name_n = sizeof name;
    b->serial.info_tx = b->serial.info_rx = 128;
    b->serial.window_tx = b->serial.window_rx = 2;
    find("hdlc-seg-w2");
    feed_field("out1_frame");
    expect_fields(2, 2);
    send_frame(0x10, aarq, sizeof aarq, false);
    find("hdlc-seg-w2");
    feed_field("out3_frame");
    expect_fields(4, 5);
    feed_field("out6_frame");
    expect_fields(7, 7);
    feed_field("out8_frame");
    expect_fields(9, 9);
}

static void test_vector_lost(void **state)
{
    static uint8_t name[300];
    (void)state;
    for (unsigned i = 0; i < sizeof name; i++) name[i] = (uint8_t)i;
    b->name = name;
    b->name_n = sizeof name;
    b->serial.window_tx = b->serial.window_rx = 2;
    find("hdlc-seg-w2");
    feed_field("out1_frame");
    send_frame(0x10, aarq, sizeof aarq, false);
    feed_field("out3_frame");
    find("hdlc-seg-lost");
    expect_fields(1, 2);
    feed_field("out3_frame");
    expect_fields(4, 5);
    feed_field("out6_frame");
    expect_fields(7, 7);
}

static void test_vector_disc(void **state)
{
    (void)state;
    connect();
    find("hdlc-disc");
    for (unsigned i = 1; i <= 5; i += 2) {
        char field[32];
        snprintf(field, sizeof field, "out%u_frame", i);
        feed_field(field);
        expect_fields(i + 1, i + 1);
    }
}

static void test_vector_frmr(void **state)
{
    uint8_t big[129] = { 0xE6, 0xE6, 0 }, want[64];
    (void)state;
    connect();
    send_frame(0x10, big, sizeof big, false);
    find("hdlc-frmr");
    size_t n = cases_hex(&c, "out_frame", want, sizeof want);
    assert_int_equal(b->port[0].out_n, n);
    assert_memory_equal(b->port[0].out, want, n);
    send_frame(0x11, NULL, 0, false); /* the same again */
    assert_memory_equal(b->port[0].out, want, n);
    connect();
}

static void test_repeats(void **state)
{
    (void)state;
    associate();
    send_frame(0x32, get, sizeof get, false); /* N(S) 1, N(R) 1, P */
    expect_control(0x52);
    unsigned calls = b->server.queued;
    send_frame(0x32, get, sizeof get, false); /* its answer was lost: the same comes again */
    expect_control(0x52);
    assert_int_equal(calls, b->server.queued);
    send_frame(0x51, NULL, 0, false); /* RR, N(R) 2 */
    expect_control(0x51);
}

static void test_errors(void **state)
{
    (void)state;
    associate();
    send_frame(0x11 | 5 << 5, NULL, 0, false); /* N(R) 5 was never sent */
    expect_control(HDLC_FRMR | HDLC_PF);
    assert_int_equal(last.info[2], 8);
    associate();
    send_frame(0x1F, NULL, 0, false);
    expect_control(HDLC_FRMR | HDLC_PF);
    assert_int_equal(last.info[2], 1);
    connect();
    send_frame(HDLC_SNRM, NULL, 0, false); /* without P: dropped */
    assert_int_equal(frames(), 0);
}

static void test_segments_in(void **state)
{
    (void)state;
    connect();
    send_frame(0x10, aarq, 20, true);
    expect_control(0x31); /* RR, N(R) 1 */
    send_frame(0x12, aarq + 20, sizeof aarq - 20, false);
    expect_control(0x50);
    assert_int_equal(last.info[3], 0x61);
}

/* A request in segments that outgrows the buffer is refused in plain words, also where the
 * client spoke in general blocks before. */
static void test_too_long(void **state)
{
    static const uint8_t block[] = { 0xE6, 0xE6, 0x00, 0xE0, 0x81, 0,  1, 0, 0,    13, 0xC0, 1,
                                     0xC1, 0,    1,    0,    0,    96, 1, 0, 0xFF, 2,  0 };
    uint8_t open[sizeof aarq], part[100] = { 0xE6, 0xE6, 0x00, 0xC0, 1, 0xC1 };
    uint8_t ns = 2, nr = 1;
    (void)state;
    memcpy(open, aarq, sizeof aarq);
    open[sizeof aarq - 5] |= 0x20; /* general block transfer */
    connect();
    send_frame(0x10, open, sizeof open, false);
    send_frame(0x32, block, sizeof block, false);
    assert_int_equal(frames(), 1);
    assert_int_equal(last.info[3], XDLMS_GBT);
    for (size_t sent = 0; sent < BENCH_RX + 300; sent += sizeof part, ns++) {
        bool more = sent + sizeof part < BENCH_RX + 300;
        nr = 2;
        send_frame((uint8_t)(nr << 5 | 0x10 | (ns & 7) << 1), part, sizeof part, more);
        assert_int_equal(frames(), 1);
    }
    assert_int_equal(last.n, 6);
    assert_memory_equal(last.info + 3, ((uint8_t[]){ XDLMS_EXCEPTION, 1, 4 }), 3);
}

static void test_busy(void **state)
{
    (void)state;
    associate();
    b->busy_settle = 2000;
    static const uint8_t set[] = { 0xE6, 0xE6, 0x00, 0xC1, 1, 0xC1, 0,    1, 0,  0,
                                   96,   13,   0,    0xFF, 2, 0,    0x09, 1, 'A' };
    uint8_t p[64];
    struct hdlc_frame f = {
        .dst = { 2, 1, 17 }, .src = { 1, 1, 0 }, .control = 0x32, .info = set, .n = sizeof set
    };
    int n = hdlc_frame_write(p, sizeof p, &f);
    b->port[0].out_n = 0;
    dlms_feed_link(&b->server, &b->port[0].link, p, (size_t)n, b->now);
    mono_t start = b->now;
    while (b->now.us < start.us + 390000)
        b->now = mono_after(b->now, 1000), dlms_step(&b->server, b->now);
    assert_int_equal(frames(), 0);
    while (b->now.us < start.us + 500000)
        b->now = mono_after(b->now, 1000), dlms_step(&b->server, b->now);
    expect_control(0x55); /* RNR in good time */
    b->busy_settle = 0;
    bench_run(b);
    send_frame(0x31, NULL, 0, false);
    expect_control(0x52);
    assert_int_equal(last.info[3], 0xC5);
}

static void test_inactivity(void **state)
{
    (void)state;
    associate();
    bench_wait(b, 119000000);
    send_frame(0x31, NULL, 0, false);
    expect_control(0x31);
    bench_wait(b, 121000000);
    assert_true(bench_noted(b, NOTE_CLOSED));
    send_frame(0x31, NULL, 0, false);
    expect_control(HDLC_DM | HDLC_PF);
}

static void test_rubbish(void **state)
{
    uint8_t p[64], junk[200];
    (void)state;
    struct hdlc_frame f = { .dst = { 2, 1, 17 },
                            .src = { 1, 1, 0 },
                            .control = HDLC_SNRM | HDLC_PF };
    int n = hdlc_frame_write(p, sizeof p, &f);
    for (unsigned seed = 0; seed < 3000; seed++) {
        size_t m = seed % sizeof junk;
        uint32_t x = seed * 2654435761u + 1;
        for (size_t i = 0; i < m; i++) {
            x = x * 1664525 + 1013904223;
            junk[i] = x >> 28 == 0 ? 0x7E : (uint8_t)(x >> 13);
            if (i && junk[i - 1] == 0x7E && (junk[i] >> 4) == 0xA) junk[i] = 0;
        }
        b->port[0].out_n = 0;
        bench_feed(b, 0, junk, m);
        bench_feed(b, 0, p, (size_t)n);
        expect_control(HDLC_UA | HDLC_PF);
    }
}

/* What the meter said comes back to it. */
static void echo(void)
{
    uint8_t mine[MAX];
    size_t n = b->port[0].out_n;
    memcpy(mine, b->port[0].out, n);
    bench_feed(b, 0, mine, n);
    assert_int_equal(b->port[0].out_n, n);
}

static void test_echo(void **state)
{
    (void)state;
    b->serial.echo = true;
    connect();
    echo();
    send_frame(0x10, aarq, sizeof aarq, false);
    expect_control(0x30);
    for (unsigned i = 1; i <= 5; i++) {
        echo();
        send_frame((uint8_t)(0x10 | i << 5 | i << 1), get, sizeof get, false);
        expect_control((uint8_t)(0x10 | (1 + i) << 5 | i << 1));
    }
    bench_wait(b, 5000000); /* and a head that stays silent does no harm */
    send_frame(0x10 | 6 << 5 | 6 << 1, get, sizeof get, false);
    expect_control(0x10 | 7 << 5 | 6 << 1);
}

static void test_broadcast(void **state)
{
    uint8_t v[MAX];
    (void)state;
    find("hdlc-bcast"); /* a plain SET: the policy is none */
    b->assoc[ROLE_BROADCAST].flags = ASSOC_PLAIN | ASSOC_PRE_ESTABLISHED;
    size_t n = cases_hex(&c, "out", v, MAX);
    bench_feed(b, 0, v, n);
    assert_int_equal(b->port[0].out_n, 0);
    assert_int_equal(b->calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vector_segments, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_vector_lost, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_vector_disc, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_vector_frmr, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_repeats, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_segments_in, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_too_long, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_busy, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_inactivity, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_rubbish, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_echo, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_broadcast, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
