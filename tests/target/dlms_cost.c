/* The DLMS server on the Cortex-M with the device of tests/dlms: target_dlms.py counts what
 * each dlms_step() and each feeding takes while clients do what costs most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dlms/bench.h"
#include "dlms/hdlc.h"

static struct bench b;
static uint32_t ic;
static uint8_t out[2048];

static const uint8_t get_objects[] = { 0xC0, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 0xFF, 2, 0 };
static const uint8_t get_rows[] = { 0xC0, 1, 0xC1, 0, 7, 1, 0, 99, 1, 0, 0xFF, 2, 0 };

/* A GET to its last block, plain or sealed. */
static void fetch(uint16_t sap, bool sealed, const uint8_t *p, size_t n)
{
    uint8_t next[7] = { 0xC0, 2, 0xC1, 0, 0, 0, 0 };
    const uint8_t *a = out;
    for (unsigned block = 1; block < 100; block++) {
        size_t m = sealed ? bench_ask_sealed(&b, 0, sap, false, &ic, p, n, out)
                          : bench_ask(&b, 0, sap, p, n, &a);
        assert_true(m > 3 && a[0] == 0xC4);
        if (a[1] != 2 || a[3]) return;
        next[6] = (uint8_t)block;
        p = next;
        n = sizeof next;
    }
    fail();
}

static void test_reading(void **state)
{
    (void)state;
    bench_open(&b, 0, DLMS_TCP, LINK_WAN);
    bench_associate(&b, 0, SAP_READER, 0, &ic);
    fetch(SAP_READER, false, get_objects, sizeof get_objects);
    fetch(SAP_READER, false, get_rows, sizeof get_rows);
    bench_associate(&b, 0, SAP_MANAGEMENT, 0, &ic);
    fetch(SAP_MANAGEMENT, true, get_objects, sizeof get_objects);
    fetch(SAP_MANAGEMENT, true, get_rows, sizeof get_rows);
}

static void test_list(void **state)
{
    uint8_t p[1000] = { 0xC0, 3, 0xC1, 60 };
    static const uint8_t item[] = { 0, 3, 1, 0, 1, 8, 0, 255, 2, 0 };
    const uint8_t *a;
    (void)state;
    for (unsigned i = 0; i < 60; i++) memcpy(p + 4 + i * sizeof item, item, sizeof item);
    bench_associate(&b, 0, SAP_READER, 0, &ic);
    size_t m = bench_ask(&b, 0, SAP_READER, p, 4 + 60 * sizeof item, &a);
    assert_int_equal(m, 4 + 60 * 6);
}

static void test_writing(void **state)
{
    uint8_t p[1000] = { 0xC1, 1, 0xC1, 0, 11, 0, 0, 11, 0, 0, 255, 2, 0, 1, 0x81, 130 };
    const uint8_t *a;
    (void)state;
    for (unsigned i = 0; i < 130; i++)
        memcpy(p + 16 + 7 * i, (uint8_t[]){ 2, 2, 18, 0, (uint8_t)i, 17, 5 }, 7);
    size_t m = bench_ask(&b, 0, SAP_READER, p, 16 + 7 * 130, &a);
    assert_true(m == 4 && a[3] == 0);
    assert_int_equal(b.days, 130);
    m = bench_ask_sealed(&b, 0, SAP_MANAGEMENT, false, &ic, p, 16 + 7 * 130, out);
    assert_true(m == 4 && out[3] == 0);
}

static void test_hdlc(void **state)
{
    uint8_t p[2100], info[2030] = { 0xE6, 0xE6, 0 };
    struct hdlc_frame f = { .dst = { 2, 1, 17 }, .src = { 1, SAP_READER, 0 }, .control = 0x93 };
    (void)state;
    b.serial.info_rx = 2030;
    bench_open(&b, 1, DLMS_HDLC, LINK_RS485);
    int n = hdlc_frame_write(p, sizeof p, &f);
    bench_feed(&b, 1, p, (size_t)n);
    f.control = 0x10;
    f.info = info;
    f.n = sizeof info;
    n = hdlc_frame_write(p, sizeof p, &f); /* the longest frame there is, in one run */
    bench_feed(&b, 1, p, (size_t)n);
    assert_true(b.port[1].out_n > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_hdlc),
    };
    bench_init(&b, BENCH_RX, BENCH_TX);
    b.assoc[ROLE_READER].conformance = 0xFFFFFF;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
