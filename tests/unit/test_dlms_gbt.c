/* General block transfer: long answers streamed in constant memory, plain and sealed, with
 * lost and repeated blocks in both directions; requests in blocks; aborts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "dlms/bench.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

enum { MAX = 1 << 17 };
static struct bench *b;
static uint32_t seed;

static unsigned chance(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static int setup(void **state)
{
    b = bench_setup(state, DLMS_TCP, LINK_WAN);
    return 0;
}

static const uint8_t get_profile[] = { 0xC0, 1, 0xC1, 0, 7, 1, 0, 99, 1, 0, 0xFF, 2, 0 };
static const uint8_t get_objects[] = { 0xC0, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 0xFF, 2, 0 };
static const uint8_t get_list[] = { 0xC0, 3, 0xC1, 3, 0,  15, 0, 0,    40, 0,    0, 0xFF,
                                    2,    0, 0,    3, 1,  0,  1, 8,    0,  0xFF, 2, 0,
                                    0,    7, 1,    0, 99, 1,  0, 0xFF, 2,  0 };

static void send_gbt(uint16_t sap, const struct gbt *g)
{
    uint8_t p[4096];
    struct wrapper w = { sap, 1, 0 };
    struct axdr_out o = axdr_out(p + WRAPPER_HEAD, sizeof p - WRAPPER_HEAD);
    gbt_emit_head(&o, g);
    axdr_emit(&o, g->data, g->n);
    w.length = (uint16_t)o.len;
    wrapper_write(p, &w);
    b->port[0].out_n = 0;
    bench_feed(b, 0, p, WRAPPER_HEAD + o.len);
}

static size_t collect(uint16_t sap, uint16_t number, uint16_t got, uint8_t window,
                      unsigned lose, uint8_t *dst);

/* A client: sends a request of n octets in blocks of `part`, then collects the answer with that
 * window, losing one block in `lose` (0: none) on either way. Returns the answer's length. */
static size_t talk(uint16_t sap, const uint8_t *p, size_t n, size_t part, uint8_t window,
                   unsigned lose, uint8_t *dst)
{
    uint16_t number = 0, got = 0;
    size_t at = 0;
    for (unsigned rounds = 0; at < n; rounds++) {
        size_t some = n - at < part ? n - at : part;
        struct gbt g = { .last = at + some == n,
                         .window = window,
                         .number = (uint16_t)(number + 1),
                         .acknowledged = got,
                         .data = p + at,
                         .n = some };
        assert_true(rounds < 1000);
        b->port[0].out_n = 0;
        if (lose && chance(lose) == 0) continue; /* lost on the way: sent again */
        send_gbt(sap, &g);
        number++;
        at += some;
        if (g.last) break;
        size_t where = 0;
        const uint8_t *a;
        struct gbt r;
        size_t m = bench_next(b, 0, &where, &a);
        struct axdr_in in = axdr_in(a, m);
        assert_int_equal(gbt_read(&in, &r), 0);
        assert_true(r.n == 0 && r.acknowledged == number && r.number == got + 1);
        got = r.number;
    }
    return collect(sap, number, got, window, lose, dst);
}

/* The answer, in whatever form it comes. */
static size_t collect(uint16_t sap, uint16_t number, uint16_t got, uint8_t window,
                      unsigned lose, uint8_t *dst)
{
    size_t len = 0;
    for (unsigned rounds = 0;; rounds++) {
        size_t where = 0, m;
        const uint8_t *a;
        bool last = false, missing = false;
        assert_true(rounds < 5000);
        while ((m = bench_next(b, 0, &where, &a)) > 0) {
            struct gbt r;
            struct axdr_in in = axdr_in(a, m);
            if (a[0] != XDLMS_GBT) {
                memcpy(dst, a, m);
                return m;
            }
            assert_int_equal(gbt_read(&in, &r), 0);
            if (r.number == 0) return 0; /* aborted */
            if (lose && chance(lose) == 0) {
                missing = true;
                continue;
            }
            if (r.number != got + 1) {
                missing |= r.number > got;
                continue;
            }
            memcpy(dst + len, r.data, r.n);
            len += r.n;
            got = r.number;
            if (r.last) last = true;
        }
        if (last) break;
        struct gbt g = { .last = true,
                         .window = missing ? 1 : window,
                         .number = ++number,
                         .acknowledged = got };
        send_gbt(sap, &g);
    }
    return len;
}

static const struct {
    const uint8_t *p;
    size_t n;
} asks[] = { { get_profile, sizeof get_profile },
             { get_objects, sizeof get_objects },
             { get_list, sizeof get_list } };

static void test_plain(void **state)
{
    static uint8_t want[MAX], got[MAX];
    uint32_t ic = 0;
    (void)state;
    b->rows = 2000;
    for (unsigned i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        bench_free(b);
        bench_init(b, 1024, 65000); /* one that has room to answer at once */
        b->rows = 2000;
        bench_open(b, 0, DLMS_TCP, LINK_WAN);
        bench_associate(b, 0, SAP_READER, 0, &ic);
        size_t n = talk(SAP_READER, asks[i].p, asks[i].n, 500, 63, 0, want);
        assert_true(n > 1500);
        bench_free(b);
        bench_init(b, BENCH_RX, BENCH_TX);
        b->rows = 2000;
        bench_open(b, 0, DLMS_TCP, LINK_WAN);
        for (uint16_t size = 20; size < 1100; size = (uint16_t)(size + 37)) {
            bench_associate(b, 0, SAP_READER, size, &ic);
            size_t m =
                talk(SAP_READER, asks[i].p, asks[i].n, 500, (uint8_t)(1 + size % 63), 0, got);
            assert_int_equal(m, n);
            assert_memory_equal(got, want, n);
        }
    }
}

/* Open what came as glo-get-response. */
static size_t open_answer(uint8_t *p, size_t n)
{
    struct cipher_box box;
    struct cipher_key k = { .len = 16 };
    memcpy(k.ek, b->unicast, 16);
    memcpy(k.ak, b->auth, 16);
    assert_int_equal(cipher_read_box(p, n, &box), 0);
    assert_int_equal(box.plain, XDLMS_GET_RES);
    uint8_t *content = p + (box.content.p - p);
    int m = cipher_open(content, box.content.n, &k, b->security.server_title, NULL, 0);
    assert_true(m > 0);
    memmove(p, content + CIPHER_HEAD, (size_t)m);
    return (size_t)m;
}

static size_t sealed_request(uint32_t ic, const uint8_t *p, size_t n, uint8_t *out)
{
    struct cipher_key k = { .len = 16 };
    struct cipher_box box = { .tag = 0xC8 };
    struct axdr_out o = axdr_out(out, 16);
    memcpy(k.ek, b->unicast, 16);
    memcpy(k.ak, b->auth, 16);
    cipher_emit_box(&o, &box, n + 17);
    memcpy(out + o.len + CIPHER_HEAD, p, n);
    return o.len + cipher_seal(out + o.len, n, 0x30, ic, &k, b->security.client_title, NULL, 0);
}

static void test_sealed(void **state)
{
    static uint8_t want[MAX], got[MAX];
    uint8_t ask[512];
    uint32_t ic = 0;
    (void)state;
    b->rows = 700;
    for (unsigned i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        bench_associate(b, 0, SAP_READER, 200, &ic);
        size_t n = talk(SAP_READER, asks[i].p, asks[i].n, 500, 5, 0, want);
        for (uint16_t size = 47; size < 1100; size = (uint16_t)(size + 101)) {
            bench_associate(b, 0, SAP_CIPHERED_LLS, size, &ic);
            uint32_t before = b->counter[0];
            size_t m = sealed_request(ic++, asks[i].p, asks[i].n, ask);
            m = talk(SAP_CIPHERED_LLS, ask, m, 20, (uint8_t)(1 + size % 63), 0, got);
            m = open_answer(got, m);
            assert_int_equal(b->counter[0], before + 1); /* one counter, whatever its length */
            /* the lists of two clients differ; the profile does not */
            if (asks[i].p == get_profile) assert_int_equal(m, n);
            if (asks[i].p == get_profile) assert_memory_equal(got, want, n);
            assert_null(b->server.streams);
        }
    }
}

static void test_losses(void **state)
{
    static uint8_t want[MAX], got[MAX];
    uint8_t ask[128];
    uint32_t ic = 0;
    unsigned whole = 0, aborted = 0;
    (void)state;
    b->rows = 300;
    bench_associate(b, 0, SAP_READER, 0, &ic);
    size_t n = talk(SAP_READER, asks[0].p, asks[0].n, 500, 63, 0, want);
    for (seed = 1; seed < 400; seed += 1) {
        uint32_t keep = seed;
        bool sealed = keep % 2;
        uint16_t sap = sealed ? SAP_CIPHERED_LLS : SAP_READER;
        bench_associate(b, 0, sap, (uint16_t)(60 + keep % 400), &ic);
        size_t m = asks[0].n;
        memcpy(ask, asks[0].p, m);
        if (sealed) m = sealed_request(ic++, asks[0].p, asks[0].n, ask);
        m = talk(sap, ask, m, 9, (uint8_t)(1 + keep % 20), 60, got);
        seed = keep;
        if (m == 0) {
            aborted++;
            continue;
        }
        if (sealed) m = open_answer(got, m);
        assert_int_equal(m, n);
        assert_memory_equal(got, want, n);
        whole++;
    }
    assert_true(whole > 200); /* ten recoveries and more do happen with small blocks */
    (void)aborted;
}

static void test_abort_and_errors(void **state)
{
    uint32_t ic = 0;
    const uint8_t *a;
    size_t at = 0;
    (void)state;
    static const uint8_t abort_apdu[] = { 0xE0, 0x80, 0, 0, 0, 0, 0 };
    bench_associate(b, 0, SAP_READER, 100, &ic);
    struct gbt g = {
        .last = true, .window = 2, .number = 1, .data = get_profile, .n = sizeof get_profile
    };
    send_gbt(SAP_READER, &g);
    assert_true(b->port[0].out_n > 190);
    g = (struct gbt){ .last = true, .window = 2, .number = 2, .acknowledged = 77 };
    send_gbt(SAP_READER, &g); /* more than was sent */
    size_t n = bench_next(b, 0, &at, &a);
    assert_int_equal(n, sizeof abort_apdu);
    assert_memory_equal(a, abort_apdu, n);
    n = bench_ask(b, 0, SAP_READER, get_objects, sizeof get_objects, &a);
    assert_true(n > 50 && a[0] == XDLMS_GET_RES); /* the association goes on */
    send_gbt(SAP_READER, &(struct gbt){ .last = true });
    assert_int_equal(b->port[0].out_n, 0);
    n = bench_ask(b, 0, SAP_PUBLIC, abort_apdu, sizeof abort_apdu, &a);
    assert_true(n == 3 && a[0] == 0xD8 && a[2] == 2);
    /* a request that outgrows the buffer */
    uint8_t part[500] = { 0 };
    for (uint16_t i = 1; i <= 3; i++) {
        g = (struct gbt){ .window = 1, .number = i, .data = part, .n = sizeof part };
        send_gbt(SAP_READER, &g);
    }
    at = 0;
    n = bench_next(b, 0, &at, &a);
    assert_int_equal(n, sizeof abort_apdu);
    assert_memory_equal(a, abort_apdu, n);
}

/* What is too long is refused, and the answer that waits for its acknowledgement is none the
 * worse. */
static void test_too_long_between(void **state)
{
    static uint8_t want[MAX], got[MAX];
    static const uint8_t huge[8 + BENCH_RX + 1] = {
        0, 1, 0, SAP_READER, 0, 1, (BENCH_RX + 1) >> 8, (BENCH_RX + 1) & 0xFF
    };
    static const uint8_t refused[] = { 0xD8, 1, 4 };
    uint32_t ic = 0;
    const uint8_t *a;
    size_t at = 0;
    (void)state;
    b->rows = 100;
    bench_associate(b, 0, SAP_READER, 300, &ic);
    size_t n = talk(SAP_READER, get_profile, sizeof get_profile, 500, 1, 0, want);
    assert_true(n > 1000);
    struct gbt g = {
        .last = true, .window = 1, .number = 1, .data = get_profile, .n = sizeof get_profile
    };
    send_gbt(SAP_READER, &g); /* its answer is lost */
    b->port[0].out_n = 0;
    bench_feed(b, 0, huge, sizeof huge);
    assert_int_equal(bench_next(b, 0, &at, &a), sizeof refused);
    assert_memory_equal(a, refused, sizeof refused);
    send_gbt(SAP_READER, &(struct gbt){ .last = true, .window = 1, .number = 2 });
    assert_int_equal(collect(SAP_READER, 2, 0, 1, 0, got), n);
    assert_memory_equal(got, want, n);
}

/* ACCESS has no blocks of its own: what is longer than the client takes comes in general ones
 * although it did not speak so itself, and is refused where they were not agreed. */
static void test_access(void **state)
{
    enum { ITEMS = 12 };
    static uint8_t ask[256], want[512], got[512];
    static const uint8_t name[] = { 1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2 };
    uint8_t sealed[512];
    uint32_t ic = 0;
    const uint8_t *a;
    (void)state;
    struct axdr_out o = axdr_out(ask, sizeof ask);
    axdr_emit_raw(&o, XDLMS_ACCESS_REQ, 1);
    axdr_emit_raw(&o, 0x40000007, 4);
    axdr_emit_raw(&o, ITEMS, 2);
    for (unsigned i = 0; i < ITEMS; i++) axdr_emit(&o, name, sizeof name);
    axdr_emit_raw(&o, ITEMS, 1);
    for (unsigned i = 0; i < ITEMS; i++) axdr_emit_null(&o);
    bench_associate(b, 0, SAP_READER, 0, &ic);
    size_t n = bench_ask(b, 0, SAP_READER, ask, o.len, &a);
    assert_true(n > 140 && a[0] == XDLMS_ACCESS_RES);
    memcpy(want, a, n);
    for (uint16_t size = 20; size < n + 3; size = (uint16_t)(size + 7)) {
        bench_associate(b, 0, SAP_READER, size, &ic);
        size_t first = bench_ask(b, 0, SAP_READER, ask, o.len, &a);
        assert_true(first <= size && a[0] == (size < n ? XDLMS_GBT : XDLMS_ACCESS_RES));
        assert_int_equal(collect(SAP_READER, 0, 0, (uint8_t)(1 + size % 5), 0, got), n);
        assert_memory_equal(got, want, n);
    }
    bench_associate(b, 0, SAP_CIPHERED_LLS, 60, &ic);
    size_t m = bench_ask_sealed(b, 0, SAP_CIPHERED_LLS, true, &ic, ask, o.len, sealed);
    assert_true(m > 0 && m <= 60 && sealed[0] == XDLMS_GBT);
    assert_true(collect(SAP_CIPHERED_LLS, 0, 0, 3, 0, got) > n);
    assert_int_equal(got[0], XDLMS_GENERAL_GLO);
    n = bench_ask(b, 0, SAP_PUBLIC, ask, o.len, &a);
    assert_true(n == 3 && a[0] == 0xD8 && a[1] == 1 && a[2] == 2); /* not even agreed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_sealed, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_too_long_between, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_access, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_losses, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_abort_and_errors, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
