/* Seven days of a load profile over a serial line, in the time its octets take: 672 rows of
 * clock, status and four 32-bit values, LLS, information fields of 2030 octets, windows of 7.
 * From SNRM to the last octet: at most 29 s at 9600 baud as it is, 20 s with null-data.
 *
 * The line is half duplex, ten bits an octet, and turns round in the reaction time of a fast
 * head, 20 ms. The client takes no time. */
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

enum { MAX = 1 << 16, ROWS = 672, TURN_US = 20000 };
static struct bench b;
static unsigned long octets, turns;
static uint8_t vs, vr;
static uint8_t apdu[MAX];
static size_t apdu_n;
static bool whole;

static void say(uint8_t control, const uint8_t *info, size_t n)
{
    uint8_t p[4096];
    struct hdlc_frame f = { .dst = { 2, 1, 17 },
                            .src = { 1, SAP_READER, 0 },
                            .control = control,
                            .info = info,
                            .n = n };
    int len = hdlc_frame_write(p, sizeof p, &f);
    size_t at = 0, used;
    b.port[0].out_n = 0;
    bench_feed(&b, 0, p, (size_t)len);
    octets += (size_t)len + b.port[0].out_n;
    turns += 2;
    while (hdlc_frame_read(b.port[0].out + at, b.port[0].out_n - at, &f, &used) > 0) {
        at += used;
        if (!hdlc_is_i(f.control)) continue;
        assert_int_equal(hdlc_ns(f.control), vr);
        vr = (vr + 1) & 7;
        memcpy(apdu + apdu_n, f.info, f.n);
        apdu_n += f.n;
        whole = !f.segmented;
    }
}

static void ask(const uint8_t *p, size_t n)
{
    uint8_t info[256] = { 0xE6, 0xE6, 0 };
    memcpy(info + 3, p, n);
    apdu_n = 0;
    whole = false;
    say((uint8_t)(0x10 | vr << 5 | vs << 1), info, n + 3);
    vs = (vs + 1) & 7;
    while (!whole) say((uint8_t)(HDLC_RR | 0x10 | vr << 5), NULL, 0);
}

static size_t read_profile(void)
{
    static const uint8_t aarq[] = { 0x60, 0x36, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05,
                                    0x08, 0x01, 0x01, 0x8A, 0x02, 0x07, 0x80, 0x8B, 0x07, 0x60,
                                    0x85, 0x74, 0x05, 0x08, 0x02, 0x01, 0xAC, 0x0A, 0x80, 0x08,
                                    '1',  '2',  '3',  '4',  '5',  '6',  '7',  '8',  0xBE, 0x10,
                                    0x04, 0x0E, 0x01, 0x00, 0x00, 0x00, 0x06, 0x5F, 0x1F, 0x04,
                                    0x00, 0x02, 0xFE, 0xDF, 0x00, 0x00 };
    static const uint8_t get[] = { 0xC0, 1, 0xC1, 0, 7, 1, 0, 99, 1, 0, 0xFF, 2, 0 };
    struct hdlc_params p = { 2030, 2030, 7, 7 };
    uint8_t info[HDLC_PARAMS_MAX];
    size_t data = 0;
    octets = turns = 0;
    vs = vr = 0;
    say(HDLC_SNRM | 0x10, info, (size_t)hdlc_params_write(info, &p));
    ask(aarq, sizeof aarq);
    ask(get, sizeof get);
    for (uint32_t block = 1;; block++) {
        assert_true(apdu_n > 15 && apdu[3] == 0xC4 && apdu[4] == 2);
        data += apdu_n - 3 - 12;
        if (apdu[6]) return data;
        uint8_t next[] = { 0xC0, 2, 0xC1, 0, 0, (uint8_t)(block >> 8), (uint8_t)block };
        ask(next, sizeof next);
    }
}

static double seconds(uint32_t baud)
{
    return 10.0 * (double)octets / baud + 1e-6 * TURN_US * (double)turns;
}

static void run(bool nulls, double limit_9600)
{
    static const uint32_t bauds[] = { 300, 2400, 9600, 115200 };
    bench_init(&b, 1024, 2048);
    b.rows = ROWS;
    b.wide = true;
    b.nulls = nulls;
    b.serial.info_tx = b.serial.info_rx = 2030;
    bench_open(&b, 0, DLMS_HDLC, LINK_RS485);
    size_t data = read_profile();
    assert_true(nulls || data == ROWS * 38 + 4);
    print_message("%s: %zu octets of rows, %lu on the line, %lu turns:",
                  nulls ? "null-data" : "as it is", data, octets, turns);
    for (unsigned i = 0; i < 4; i++)
        print_message(" %.1f s at %u", seconds(bauds[i]), (unsigned)bauds[i]);
    print_message("\n");
    assert_true(seconds(9600) <= limit_9600);
    bench_free(&b);
}

static void test_seven_days(void **state)
{
    (void)state;
    run(false, 29);
    run(true, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_seven_days) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
