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

/* -- any block size gives the same octets -------------------------------------------------- */

static void open_sized(uint16_t size)
{
    uint8_t p[128];
    const uint8_t *a;
    size_t n = unhex(AARQ_LLS, p);
    memcpy(p + n - 5, (uint8_t[]){ 0x02, 0xFE, 0xDF, (uint8_t)(size >> 8), (uint8_t)size }, 5);
    size_t m = bench_ask(b, 0, SAP_READER, p, n, &a);
    assert_int_equal(m, 43);
}

/* Raw data of a GET, over as many blocks as it takes; the octets of each answer at most size.
 */
static size_t fetch(const char *ask, uint16_t size, uint8_t *dst, unsigned *blocks)
{
    uint8_t p[512];
    const uint8_t *a;
    size_t got = 0, n = unhex(ask, p), m = bench_ask(b, 0, SAP_READER, p, n, &a);
    bool list = p[1] == GET_LIST;
    *blocks = 0;
    assert_true(m > 3 && (size == 0 || m <= size));
    if (a[1] != GET_RES_BLOCK) {
        memcpy(dst, a + (list ? 3 : 4), m - (list ? 3 : 4));
        return m - (list ? 3 : 4);
    }
    for (;;) {
        struct axdr_in in = axdr_in(a + 3, m - 3);
        bool last = axdr_read_raw(&in, 1);
        ++*blocks;
        assert_int_equal(axdr_read_raw(&in, 4), *blocks);
        assert_int_equal(axdr_read_raw(&in, 1), 0);
        uint32_t len = axdr_read_length(&in);
        assert_true(!in.bad && len == in.n && (size == 0 || m <= size));
        assert_true(last || m + 3 >= size || size == 0); /* filled as far as lengths allow */
        memcpy(dst + got, in.p, len);
        got += len;
        if (last) return got;
        b->live++; /* the meter counts on */
        uint8_t next[7] = { 0xC0, 2, 0xC1, 0, 0, (uint8_t)(*blocks >> 8), (uint8_t)*blocks };
        m = bench_ask(b, 0, SAP_READER, next, sizeof next, &a);
    }
}

#define LIST                                                                                   \
    "C003C106"                                                                                 \
    "00010000600100FF0200"                                                                     \
    "00080000010000FF0200"                                                                     \
    "00030100010800FF0200"                                                                     \
    "00070100630100FF020102020406000000010600000005120001120000"                               \
    "00030100010900FF0200"                                                                     \
    "00010100010800FF0200"

static void test_sizes(void **state)
{
    static const char *const asks[] = {
        "C001C1000F0000280000FF0200",                                       /* object list */
        "C001C100070100630100FF0200",                                       /* whole profile */
        "C001C100070100630100FF02010202040600000003060000002A120002120003", /* entries */
        "C001C100010000603200FF0200",                                       /* one long value */
        LIST,
    };
    static uint8_t want[65536], got[65536];
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        unsigned blocks;
        b->live = 255;
        open_sized(0);
        size_t whole = fetch(asks[i], 0, want, &blocks);
        for (uint16_t size = 14; size <= 1030;
             size = (uint16_t)(size + (size < 300 ? 1 : 17))) {
            b->live = 255;
            open_sized(size);
            size_t n = fetch(asks[i], size, got, &blocks);
            assert_int_equal(n, whole);
            assert_memory_equal(got, want, n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_public, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
