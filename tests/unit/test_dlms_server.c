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
#include "dlms/cipher.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

static struct bench *b;

static int setup(void **state)
{
    b = bench_setup(state, DLMS_TCP, LINK_WAN);
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

/* A row that fills a step ends it, and nothing else: the next step follows without a pause, and
 * the blocks are as full as ever. */
static void test_slow_rows(void **state)
{
    static uint8_t want[8192], got[8192];
    unsigned blocks, slow_blocks;
    (void)state;
    open_sized(500);
    mono_t began = b->now;
    size_t n = fetch("C001C100070100630100FF0200", 500, want, &blocks);
    uint64_t took = b->now.us - began.us;
    began = b->now;
    b->slow = true;
    assert_int_equal(fetch("C001C100070100630100FF0200", 500, got, &slow_blocks), n);
    assert_memory_equal(got, want, n);
    assert_int_equal(slow_blocks, blocks);
    assert_int_equal(b->now.us - began.us, took);
    assert_true(blocks > 1);
}

/* -- faults of requests ---------------------------------------------------------------------
 */

static void open_all(uint16_t size)
{
    uint32_t ic = 0;
    bench_associate(b, 0, SAP_READER, size, &ic);
}

static void test_faults(void **state)
{
    (void)state;
    open_all(0);
    exchange(SAP_READER, "C001C100010000606300FF0200", "C401C10104"); /* no such object */
    exchange(SAP_READER, "C001C100010000600100FF0900", "C401C10104"); /* nor attribute */
    exchange(SAP_READER, "C001C100030000600100FF0200", "C401C10109"); /* another class */
    exchange(SAP_READER, "C001C100010000603600FF0200", "C401C10103"); /* no right */
    exchange(SAP_READER, "C001C100010000603600FF0100",
             "C401C1000906000060"
             "3600FF");
    exchange(SAP_READER, "C001C100010000600100FF02", "C401C10103");   /* cut short */
    exchange(SAP_READER, "C007C100010000600100FF0200", "C401C10103"); /* no such kind */
    exchange(SAP_READER, "C001C100010000600100FF020000", "D80103");   /* something behind */
    exchange(SAP_READER, "C001", "D80103");
    exchange(SAP_READER, "C001C100010000600100FF02010100",
             "C401C1010D"); /* no selection there */
    exchange(SAP_READER, "C001C100070100630100FF02010100",
             "C401C1010C"); /* bad selection data */
    exchange(SAP_READER, "C001C100070100630100FF02010900", "C401C1010D"); /* no such selector */
    exchange(SAP_READER, "C007", "D80103");
    exchange(SAP_READER, "05010002", "D80102"); /* short names */
    exchange(SAP_READER, "0601020002010900", "D80102");
    exchange(SAP_READER, "E6000000", "D80202"); /* gateway */
    exchange(SAP_READER,
             "C101C100010000600D00FF02000903414243"
             "00",
             "D80103");
    exchange(SAP_READER, "C101C100010000600D00FF020009034142", "D80102");
    exchange(SAP_READER, "C109C100010000600D00FF02000900", "D80102");
    exchange(SAP_READER, "C101C100010000600D00FF02001101", "C501C10C"); /* another type */
    exchange(SAP_READER, "C101C100010000600D00FF0200F701", "C501C10C"); /* no type at all */
    exchange(SAP_READER, "C101C100010000600D00FF020101000900", "C501C10D");
    exchange(SAP_READER, "C101C100010000600D01FF02000900", "C501C103");
    exchange(SAP_READER, "C101C100010000606300FF02000900", "C501C104");
    exchange(SAP_READER, "C301C1004000002B0000FF0900", "C701C10400"); /* no such method */
    exchange(SAP_READER, "C301C1004000002B0000FF06", "D80102");
    exchange(SAP_READER,
             "C301C1004000002B0000FF01010F00"
             "00",
             "D80103");
    exchange(SAP_READER, "C301C1004000002B0000FF01010F00", "C701C10000");
    exchange(SAP_READER, "C301C1004000002B0000FF010100", "C701C10000"); /* null is nothing */
    exchange(SAP_READER, "C301C1004000002B0000FF01010F01", "C701C10C00");
    exchange(SAP_READER, "C002C100000001", "C402C101000000010110"); /* none in progress */
    exchange(SAP_READER,
             "C103C1010000000201"
             "00",
             "C503C11200000002");
    exchange(SAP_READER, "C302C100000001", "C701C11000");
    exchange(SAP_READER, "C306C1010000000100", "C701C11000");
    exchange(SAP_READER,
             "D940000001000101"
             "00010000600100FF02"
             "0200"
             "00",
             "D80103");
    exchange(SAP_READER,
             "D940000001000101"
             "00010000600100FF02",
             "D80102");
    exchange(SAP_READER,
             "D940000001000109"
             "00010000600100FF02"
             "0100",
             "D80102");
}

/* A list of n calls of a method with this parameter: refused as a whole, or all results. */
static bool call_list(unsigned n, uint8_t method, const char *parameter)
{
    uint8_t p[2048], one[16];
    const uint8_t *a;
    size_t size = unhex("C303C1", p), each = unhex(parameter, one), given = 0;
    p[size++] = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        size += unhex("004000002B0000FF", p + size);
        p[size++] = method;
    }
    p[size++] = (uint8_t)n;
    for (unsigned i = 0; i < n; i++, size += each) memcpy(p + size, one, each);
    unsigned calls = b->calls;
    size_t m = bench_ask(b, 0, SAP_READER, p, size, &a);
    if (m == 3) {
        assert_memory_equal(a, "\xD8\x01\x04", 3);
        assert_int_equal(b->calls, calls); /* and nothing was done */
        return false;
    }
    struct axdr_in in = axdr_in(a, m);
    assert_int_equal(axdr_read_raw(&in, 3), 0xC703C1);
    assert_int_equal(axdr_read_length(&in), n);
    for (unsigned i = 0; i < n; i++) {
        axdr_read_raw(&in, 1);
        if (!axdr_read_raw(&in, 1)) continue;
        if (axdr_read_raw(&in, 1))
            assert_int_equal(axdr_read_raw(&in, 1), DAR_BLOCK);
        else
            axdr_read_value(&in), given++;
    }
    assert_true(axdr_is_done(&in));
    assert_true(method != 6 || given);
    return true;
}

static void test_long_lists_of_calls(void **state)
{
    (void)state;
    unsigned whole[2] = { 0 };
    open_all(0);
    for (unsigned n = 1; n < 100; n++) {
        whole[0] += call_list(n, 1, "00");
        whole[1] += call_list(n, 6, "09020102");
    }
    assert_in_range(whole[0], 60, 98);
    assert_in_range(whole[1], 40, 98);
}

static void test_unconfirmed(void **state)
{
    (void)state;
    open_all(0);
    exchange(SAP_READER,
             "C1010100010000600D00FF02000901"
             "5A",
             "");
    assert_int_equal(b->text[0][0], 'Z');
    exchange(SAP_READER, "C1010100010000600D01FF020009015A", "");
    exchange(SAP_READER,
             "C3010100"
             "4000002B0000FF0100",
             "");
    exchange(SAP_READER, "C0010100010000600100FF0200", "");
    assert_int_equal(b->calls, 1);
    exchange(SAP_READER,
             "D900000001"
             "00"
             "01"
             "03000900000A0000FF01"
             "01"
             "120001",
             "");
    assert_int_equal(b->calls, 2);
    exchange(SAP_READER, "C001C100010000600100FF0200", "C401C10009083232303030303432");
}

static void test_not_agreed(void **state)
{
    (void)state;
    b->assoc[ROLE_READER].conformance = XDLMS_C_GET;
    open_all(40);
    exchange(SAP_READER, "C001C100010000600100FF0200", "C401C10009083232303030303432");
    exchange(SAP_READER, "C101C100010000600D00FF02000900", "D80102");
    exchange(SAP_READER, "C301C1004000002B0000FF0100", "D80102");
    exchange(SAP_READER, "C003C10100010000600100FF0200", "D80102");
    exchange(SAP_READER, "C002C100000001", "D80102");
    exchange(SAP_READER, "D94000000100000000", "D80102");
    exchange(SAP_READER, "E08100010000010C", "D80102");
    exchange(SAP_READER, "C001C100010000603200FF0200", "C401C1010E"); /* too long for it */
    exchange(SAP_READER,
             "C001C100070100630100FF020101"
             "00",
             "C401C1010D");
}

static void test_waiting(void **state)
{
    (void)state;
    open_all(0);
    exchange(SAP_READER, "C001C100010000603400FF0200", "C401C1001107"); /* pending at first */
    b->busy_settle = 5;
    exchange(SAP_READER, "C101C100010000600D00FF02000900", "C501C100");
    b->settle_error = -1;
    exchange(SAP_READER, "C101C100010000600D00FF02000900", "C501C101"); /* hardware-fault */
    exchange(SAP_READER, "C301C1004000002B0000FF0100", "C701C10100");
    exchange(SAP_READER,
             "C104C101"
             "00010000600D00FF0200"
             "01"
             "0900",
             "C505C10101");
    b->settle_error = 0;
    b->busy_settle = 3;
    exchange(SAP_READER,
             "C104C103"
             "00010000600D00FF0200"
             "00010000600D01FF0200"
             "000100006063"
             "00FF0200"
             "03"
             "090141"
             "090141"
             "090141",
             "C505C103000304");
    exchange(SAP_READER,
             "C303C103"
             "004000002B0000FF01"
             "004000002B0000FF06"
             "004000002B0000FF07"
             "03"
             "00"
             "090101"
             "00",
             "C703C103"
             "0000"
             "0001"
             "00"
             "090181"
             "0400");
    /* a long return value, alone and in a list */
    b->rows = 2;
    exchange(SAP_READER, "C301C1004000002B0000FF0200",
             "C701C1000100"
             "0102"
             "02020600000000"
             "0600000000"
             "02020600000001"
             "0600000001");
    exchange(SAP_READER,
             "C303C102"
             "004000002B0000FF02"
             "004000002B0000FF01"
             "02"
             "0000",
             "C703C102000100"
             "0102"
             "02020600000000"
             "0600000000"
             "02020600000001"
             "0600000001"
             "0000");
}

/* -- long writes ------------------------------------------------------------------------------
 */

static size_t days_value(uint8_t *p, unsigned rows, unsigned salt)
{
    struct axdr_out o = axdr_out(p, 8192);
    axdr_emit_head(&o, AXDR_ARRAY, rows);
    for (unsigned i = 0; i < rows; i++) {
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_u16(&o, (uint16_t)i);
        axdr_emit_u8(&o, (uint8_t)((i + salt) % 200));
    }
    return o.len;
}

/* SET of the days in blocks; stop short of the end when `stop` says so. The last result, or -1
 * when it was given up. */
static int write_days(const uint8_t *p, size_t n, size_t block, size_t stop)
{
    uint32_t number = 1;
    for (size_t at = 0;; number++) {
        uint8_t ask[1200] = { 0xC1, 2, 0xC1, 0, 11, 0, 0, 11, 0, 0, 255, 2, 0 };
        const uint8_t *a;
        size_t some = n - at < block ? n - at : block, head = number == 1 ? 13 : 3;
        bool last = at + some == n;
        if (number > 1) ask[1] = 3;
        struct axdr_out o = axdr_out(ask + head, sizeof ask - head);
        axdr_emit_raw(&o, last, 1);
        axdr_emit_raw(&o, number, 4);
        axdr_emit_length(&o, (uint32_t)some);
        axdr_emit(&o, p + at, some);
        size_t m = bench_ask(b, 0, SAP_READER, ask, head + o.len, &a);
        assert_true(m >= 7 && a[0] == 0xC5);
        if (a[1] == 3) {
            assert_true(m == 8 && (last || a[3]));
            return a[3];
        }
        assert_true(a[1] == 2 && !last && a[6] == (uint8_t)number);
        at += some;
        if (at >= stop) return -1;
    }
}

/* ACCESS while the store is still busy with what others wrote: each item is answered once. */
static void test_access_waits(void **state)
{
    (void)state;
    open_all(0);
    b->rows = 1;
    for (int busy = 0; busy < 12; busy++) {
        b->busy_settle = busy;
        exchange(SAP_READER,
                 "D940000001000401000100006001"
                 "00FF0203004000002B0000FF0603"
                 "004000002B0000FF020100010000"
                 "600100FF020400090101"
                 "0000",
                 "DA40000001000004"
                 "09083232303030303432"
                 "090181"
                 "0101"
                 "02020600000000"
                 "0600000000"
                 "09083232303030303432"
                 "040100030003000100");
    }
}

static void test_long_set(void **state)
{
    static uint8_t value[8192];
    (void)state;
    open_all(0);
    for (size_t block = 1; block < 1000; block += block < 40 ? 1 : 83) {
        size_t n = days_value(value, 200, (unsigned)block);
        assert_int_equal(write_days(value, n, block, n), 0);
        assert_int_equal(b->days, 200);
        for (unsigned i = 0; i < 200; i++) assert_int_equal(b->day[i], (i + block) % 200);
    }
    size_t n = days_value(value, 200, 7);
    uint8_t before[BENCH_ROWS];
    memcpy(before, b->day, sizeof before);
    for (size_t stop = 1; stop < n; stop += 97) { /* given up anywhere */
        unsigned aborted = b->aborted;
        assert_int_equal(write_days(value, n, 50, stop), -1);
        exchange(SAP_READER, "C001C100010000600100FF0200", "C401C10009083232303030303432");
        assert_true(!b->staging && (stop < 3 || b->aborted == aborted + 1));
        assert_memory_equal(before, b->day, sizeof before);
    }
    value[3 + 7 * 150 + 6] = 255; /* one bad row */
    assert_int_equal(write_days(value, n, 50, n), DAR_OTHER);
    n = days_value(value, 200, 7);
    assert_int_equal(write_days(value, n - 3, 50, n), DAR_TYPE);
    b->staging = true; /* somebody else is at it */
    n = days_value(value, 5, 1);
    assert_int_equal(write_days(value, n, 20, n), DAR_TEMPORARY);
    b->staging = false;
    assert_memory_equal(before, b->day, sizeof before);
    n = days_value(value, 200, 9); /* the link goes down in the middle */
    assert_int_equal(write_days(value, n, 50, 500), -1);
    assert_true(b->staging);
    dlms_link_close(&b->server, &b->port[0].link);
    b->port[0].up = false;
    assert_false(b->staging);
}

static void test_block_turns(void **state)
{
    (void)state;
    open_all(30);
    exchange(SAP_READER,
             "C102C1000B00000B0000FF0200"
             "00"
             "00000002"
             "020102",
             "C503C11300000002");
    exchange(SAP_READER,
             "C102C1000B00000B0000FF0200"
             "00"
             "00000001"
             "020102",
             "C502C100000001");
    exchange(SAP_READER,
             "C103C1"
             "00"
             "00000003"
             "020102",
             "C503C11300000003");
    exchange(SAP_READER,
             "C103C1"
             "00"
             "00000002"
             "020102",
             "C503C11200000002");
    exchange(SAP_READER,
             "C102C100010000600D01FF0200"
             "00"
             "00000001"
             "020901",
             "C503C10300000001");
    exchange(SAP_READER,
             "C105C101"
             "00010000600D01FF0200"
             "00"
             "00000001"
             "020109",
             "C504C1010300000001");
    exchange(SAP_READER,
             "C304C1004000002B0000FF06"
             "00"
             "00000001"
             "020928",
             "C704C100000001");
    exchange(SAP_READER,
             "C306C1"
             "00"
             "00000003"
             "0101",
             "C701C10F00");
    exchange(SAP_READER,
             "C306C1"
             "00"
             "00000002"
             "0101",
             "C701C11000");
    assert_int_equal(b->calls, 0);
    exchange(SAP_READER,
             "C305C102"
             "004000002B0000FF06"
             "004000002B0000FF01"
             "00"
             "00000001"
             "04"
             "02090301",
             "C704C100000001");
    exchange(SAP_READER,
             "C306C1"
             "01"
             "00000002"
             "03"
             "020300",
             "C703C102"
             "000100"
             "0903818283"
             "0000");
    assert_int_equal(b->calls, 2);
}

static void test_vanished_rows(void **state)
{
    uint8_t ask[13], next[7];
    const uint8_t *a;
    (void)state;
    open_all(200);
    unhex("C001C100070100630100FF0200", ask);
    size_t n = bench_ask(b, 0, SAP_READER, ask, sizeof ask, &a);
    assert_true(n > 190 && a[1] == 2 && a[3] == 0);
    b->first = 60; /* the ring moved on below the reader */
    unhex("C002C100000001", next);
    n = bench_ask(b, 0, SAP_READER, next, sizeof next, &a);
    assert_int_equal(n, 10);
    assert_memory_equal(a, ((uint8_t[]){ 0xC4, 2, 0xC1, 1, 0, 0, 0, 2, 1, 15 }), 10);
}

/* -- protection of requests -------------------------------------------------------------------
 */

static void test_protection(void **state)
{
    uint8_t v[64], out[512];
    const uint8_t *a;
    uint32_t ic = 0;
    (void)state;
    size_t n = unhex("C001C100010000600100FF0200", v);
    open_all(0);
    exchange(SAP_READER, "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B",
             "D80102"); /* ciphered in a plain context */
    bench_associate(b, 0, SAP_CIPHERED_LLS, 0, &ic);
    b->security.policy = PROT_AUTH_REQ | PROT_CRYPT_REQ | PROT_AUTH_RES | PROT_CRYPT_RES;
    assert_int_equal(bench_ask(b, 0, SAP_CIPHERED_LLS, v, n, &a), 3); /* plain under a policy */
    assert_memory_equal(a, ((uint8_t[]){ 0xD8, 1, 5 }), 3);
    assert_int_equal(bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, false, &ic, v, n, out), 14);
    assert_int_equal(b->port[0].out[8], 0xCC); /* in kind */
    assert_int_equal(bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, true, &ic, v, n, out), 14);
    assert_int_equal(b->port[0].out[8], 0xDB);
    ic--; /* a counter that was used */
    assert_int_equal(bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, false, &ic, v, n, out), 7);
    assert_memory_equal(out, ((uint8_t[]){ 0xD8, 1, 6, 0, 0, 0, (uint8_t)ic }), 7);
    assert_int_equal(b->failures, 0); /* a replay is not a failed attempt */
    b->unicast[3] ^= 1;               /* the client has another key */
    for (unsigned i = 0; i < 7; i++) {
        if (i == 0) b->server.links->first->key.len = 16;
        assert_int_equal(bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, false, &ic, v, n, out), 3);
        assert_memory_equal(out, ((uint8_t[]){ 0xD8, 1, 5 }), 3);
    }
    assert_int_equal(b->failures, 7);
    assert_null(dlms_find_session(&b->server, ROLE_CIPHERED_LLS)); /* eight running */
    assert_true(bench_noted(b, NOTE_FLOOD));
    b->unicast[3] ^= 1;
    bench_associate(b, 0, SAP_CIPHERED_LLS, 0, &ic);
    b->unicast[0] ^= 0x55; /* a new key, from the next APDU on */
    dlms_rekey(&b->server);
    b->floor[ROLE_CIPHERED_LLS][0] = 0;
    ic = 0;
    assert_int_equal(bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, false, &ic, v, n, out), 14);
}

/* Another client changes the keys while a request is being opened: under the old key nothing is
 * taken any more, since the new one's counters start low. */
static void test_keys_change_under_way(void **state)
{
    uint8_t apdu[128] = { 0 }, name[64];
    const uint8_t *a = NULL;
    uint32_t ic = 0;
    struct cipher_key k = { .len = 16 };
    struct cipher_box box = { .tag = 0xC8 };
    (void)state;
    size_t n = unhex("C001C100010000600100FF0200", name), at;
    bench_associate(b, 0, SAP_CIPHERED_LLS, 0, &ic);
    memcpy(k.ek, b->unicast, 16);
    memcpy(k.ak, b->auth, 16);
    struct axdr_out o = axdr_out(apdu + WRAPPER_HEAD, 8);
    cipher_emit_box(&o, &box, n + cipher_extra(SC_AUTH | SC_CRYPT));
    uint8_t *content = apdu + WRAPPER_HEAD + o.len;
    memcpy(content + CIPHER_HEAD, name, n);
    size_t m = o.len + cipher_seal(content, n, SC_AUTH | SC_CRYPT, ic++, &k,
                                   b->security.client_title, NULL, 0);
    wrapper_write(apdu, &(struct wrapper){ SAP_CIPHERED_LLS, 1, (uint16_t)m });
    at = b->port[0].out_n;
    assert_int_equal(
        dlms_feed_link(&b->server, &b->port[0].link, apdu, WRAPPER_HEAD + m, b->now),
        WRAPPER_HEAD + m);
    const struct dlms_session *s = dlms_find_session(&b->server, ROLE_CIPHERED_LLS);
    for (int i = 0; i < 10 && s->phase != PHASE_DECIPHER; i++) dlms_step(&b->server, b->now);
    assert_int_equal(s->phase, PHASE_DECIPHER);
    b->unicast[0] ^= 0x55;
    b->floor[ROLE_CIPHERED_LLS][0] = 0;
    dlms_rekey(&b->server);
    bench_run(b);
    assert_int_equal(bench_next(b, 0, &at, &a), 3);
    assert_memory_equal(a, ((uint8_t[]){ 0xD8, 1, 5 }), 3);
    assert_int_equal(b->floor[ROLE_CIPHERED_LLS][0], 0);
}

static void test_counter_end(void **state)
{
    uint8_t v[64], out[512];
    uint32_t ic = 0;
    (void)state;
    size_t n = unhex("C001C100010000600100FF0200", v);
    bench_associate(b, 0, SAP_CIPHERED_LLS, 0, &ic);
    b->counter[0] = UINT32_MAX;
    assert_int_equal(bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, false, &ic, v, n, out), 0);
    assert_true(bench_noted(b, NOTE_COUNTER_END));
    ic = UINT32_MAX; /* and the last one of the client is never taken */
    b->counter[0] = 5;
    assert_int_equal(bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, false, &ic, v, n, out), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_public, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_reader, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_slow_rows, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_long_lists_of_calls, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_unconfirmed, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_not_agreed, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_access_waits, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_long_set, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_block_turns, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_vanished_rows, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_protection, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_keys_change_under_way, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_counter_end, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
