/* The server over the wrapper: services, blocks, errors, on the device of tests/dlms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dlms/bench.h"
#include "dlms/xdlms.h"

static struct bench *b;

static int setup(void **state)
{
    (void)state;
    b = malloc(sizeof *b);
    bench_init(b, BENCH_RX, BENCH_TX);
    bench_open(b, 0, DLMS_TCP, LINK_WAN);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bench_free(b);
    free(b);
    return 0;
}

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned v;
    for (; *hex; hex += 2) {
        assert_int_equal(sscanf(hex, "%2x", &v), 1);
        out[n++] = (uint8_t)v;
    }
    return n;
}

/* Ask in hexadecimal; the answer must be this. NULL or "": silence. */
static void exchange(uint16_t sap, const char *ask, const char *answer)
{
    uint8_t p[2048], want[4096];
    const uint8_t *got;
    size_t n = unhex(ask, p), m = unhex(answer, want);
    size_t k = bench_ask(b, 0, sap, p, n, &got);
    if (k != m || (k && memcmp(got, want, k))) {
        print_error("%s ->\n", ask);
        for (size_t i = 0; i < k; i++) print_error("%02X", got[i]);
        print_error("\n");
    }
    assert_int_equal(k, m);
    if (k) assert_memory_equal(got, want, k);
}

#define AARQ_NONE "601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0"
#define AARQ_LLS                                                                               \
    "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738"             \
    "BE10040E01000000065F1F0400007E1F04B0"

static void open_reader(void)
{
    exchange(SAP_READER, AARQ_LLS,
             "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F0400001E1F"
             "04000007");
}

static void test_public(void **state)
{
    (void)state;
    exchange(SAP_PUBLIC, "C001C100010000600100FF0200", "D80102");
    exchange(SAP_PUBLIC, AARQ_NONE,
             "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F0400001E1F"
             "04000007");
    exchange(SAP_PUBLIC, "C001C100010000600100FF0200", "C401C10009083232303030303432");
    exchange(SAP_PUBLIC, "C001C100010000600D00FF0200", "C401C10104");
    exchange(SAP_PUBLIC, "6203800100", "6303800100");
    exchange(SAP_PUBLIC, "C001C100010000600100FF0200", "D80102");
}

static void test_reader(void **state)
{
    (void)state;
    open_reader();
    exchange(SAP_READER, "C101C100010000600D00FF0200090341424300", "D80103");
    exchange(SAP_READER, "C101C100010000600D00FF02000903414243", "C501C100");
    exchange(SAP_READER, "C001C100010000600D00FF0200", "C401C1000903414243");
    exchange(SAP_READER, "C301C1004000002B0000FF0600", "C701C10C00");
    exchange(SAP_READER, "C301C1004000002B0000FF060109020102",
             "C701C1000100"
             "09028182");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_public, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
