/* IEC 62056-21 at the optical head: sign-on into HDLC, readout, refusal, breaks, time-outs. */
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

enum { MAX = 512, MS = 1000 };
static struct bench *b;
static struct cases c;

static int setup(void **state)
{
    b = bench_setup(state, DLMS_OPTICAL, LINK_OPTICAL);
    return 0;
}

static void find(const char *name)
{
    cases_seek(&c, ROOT "/tests/vectors/dlms.txt", name);
}

static void say(const char *text)
{
    b->port[0].out_n = 0;
    bench_feed(b, 0, text, strlen(text));
}

/* Nothing before the reaction time, this behind it. */
static void hear(const void *p, size_t n, unsigned reaction_ms)
{
    assert_int_equal(b->port[0].out_n, 0);
    bench_wait(b, (reaction_ms - 1) * MS);
    assert_int_equal(b->port[0].out_n, 0);
    bench_wait(b, 2 * MS);
    if (b->port[0].out_n != n)
        print_error("%.*s\n", (int)b->port[0].out_n, (const char *)b->port[0].out);
    assert_int_equal(b->port[0].out_n, n);
    if (n) assert_memory_equal(b->port[0].out, p, n);
}

static void hear_text(const char *text)
{
    hear(text, strlen(text), 200);
}

#define IDENT "/MAG5\\2MAGNO22\r\n"
#define READOUT                                                                                \
    "\x02"                                                                                     \
    "1-0:1.8.0(000123.45*kWh)\r\n!\r\n\x03\x5D"

static void test_vectors(void **state)
{
    uint8_t v[MAX], want[MAX];
    (void)state;
    find("mode-e");
    assert_int_equal(b->port[0].baud, 300);
    for (unsigned i = 1; i <= 3; i += 2) {
        char field[32];
        snprintf(field, sizeof field, "out%u_octets", i);
        size_t n = cases_hex(&c, field, v, MAX);
        snprintf(field, sizeof field, "out%u_octets", i + 1);
        size_t m = cases_hex(&c, field, want, MAX);
        b->port[0].out_n = 0;
        bench_feed(b, 0, v, n);
        hear(want, m, 200);
    }
    assert_int_equal(b->port[0].baud, 9600);
    size_t n = cases_hex(&c, "out5_octets", v, MAX);
    b->port[0].out_n = 0;
    bench_feed(b, 0, v, n);
    assert_true(b->port[0].out_n > 20 && b->port[0].out[7 - 1] == 0x73); /* UA */
}

static void test_readout(void **state)
{
    uint8_t v[MAX], want[MAX];
    (void)state;
    say("/?!\r\n");
    hear_text(IDENT);
    find("mode-c");
    size_t n = cases_hex(&c, "out1_octets", v, MAX),
           m = cases_hex(&c, "out2_octets", want, MAX);
    b->port[0].out_n = 0;
    bench_feed(b, 0, v, n);
    hear(want, m, 200);
    for (unsigned i = 0; i < 2; i++) { /* twice more, then it is enough */
        say("\x15");
        hear(want, m, 200);
    }
    say("\x15");
    bench_wait(b, 300 * MS);
    assert_int_equal(b->port[0].out_n, 0);
    say("/?!\r\n");
    hear_text(IDENT);
}

static void test_addresses(void **state)
{
    (void)state;
    memcpy(b->serial.address, "00012345", 8);
    b->serial.address_len = 8;
    say("/?12345!\r\n");
    hear_text(IDENT);
    say("\x01"
        "B0\x03\x71");
    say("/?0000012345!\r\n");
    hear_text(IDENT);
    say("\x01"
        "B0\x03\x71");
    say("/?12346!\r\n");
    bench_wait(b, 3000 * MS);
    assert_int_equal(b->port[0].out_n, 0);
    say("/?!\r\n");
    hear_text(IDENT);
}

static void test_no_acknowledgement(void **state)
{
    (void)state;
    say("/?!\r\n");
    hear_text(IDENT);
    b->port[0].out_n = 0;
    bench_wait(b, 1400 * MS);
    assert_int_equal(b->port[0].out_n, 0);
    bench_wait(b, 400 * MS); /* 1.5 s and the reaction time */
    assert_int_equal(b->port[0].out_n, sizeof READOUT - 1);
    assert_memory_equal(b->port[0].out, READOUT, sizeof READOUT - 1);
    assert_int_equal(b->port[0].baud, 300);
}

static void test_refusal(void **state)
{
    (void)state;
    say("/?!\r\n");
    hear_text(IDENT);
    say("\x06"
        "051\r\n");
    hear("\x01"
         "B0\x03\x71",
         5, 200);
    assert_int_equal(b->port[0].baud, 300);
    say("/?!\r\n");
    hear_text(IDENT);
}

static void test_speeds(void **state)
{
    static const uint32_t bauds[] = { 300, 600, 1200, 2400, 4800, 9600, 9600, 9600 };
    (void)state;
    for (unsigned z = 0; z < 8; z++) {
        char ack[] = "\x06"
                     "2Z2\r\n";
        ack[2] = (char)('0' + z);
        say("/?!\r\n");
        hear_text(IDENT);
        say(ack);
        ack[2] = (char)('0' + (z < 5 ? z : 5));
        hear_text(ack);
        assert_int_equal(b->port[0].baud, bauds[z]);
        bench_wait(b, 121000 * MS); /* nothing said: back to rest */
        assert_int_equal(b->port[0].baud, 300);
    }
    b->serial.fast_reaction = true;
    say("/?!\r\n");
    hear("/MAg5\\2MAGNO22\r\n", 16, 20);
}

static void test_rubbish(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 2000; seed++) {
        uint8_t junk[64];
        uint32_t x = seed * 2654435761u;
        for (size_t i = 0; i < sizeof junk; i++) {
            x = x * 1664525 + 1013904223;
            junk[i] =
                x >> 29 == 0 ? (uint8_t) "/?!\r\n\x06\x01B"[x >> 20 & 7] : (uint8_t)(x >> 12);
            if (junk[i] == 0x7E) junk[i] = 0;
        }
        bench_feed(b, 0, junk, sizeof junk);
        bench_wait(b, 200000 * MS); /* whatever it was taken for is over */
        say("/?!\r\n");
        hear_text(IDENT);
        say("\x01"
            "B0\x03\x71");
    }
}

static void test_direct_hdlc(void **state)
{
    uint8_t p[64];
    struct hdlc_frame f = { .dst = { 2, 1, 17 },
                            .src = { 1, 16, 0 },
                            .control = HDLC_SNRM | HDLC_PF };
    (void)state;
    int n = hdlc_frame_write(p, sizeof p, &f);
    b->port[0].out_n = 0;
    bench_feed(b, 0, p, (size_t)n);
    assert_true(b->port[0].out_n > 20);
    f.control = HDLC_DISC | HDLC_PF;
    n = hdlc_frame_write(p, sizeof p, &f);
    bench_feed(b, 0, p, (size_t)n);
    say("/?!\r\n"); /* with no link up, a sign-on may follow */
    hear_text(IDENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vectors, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_readout, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_addresses, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_no_acknowledgement, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_refusal, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_speeds, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_rubbish, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_direct_hdlc, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
