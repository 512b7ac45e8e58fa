/* The nonce ledger: every counter that leaves the meter under a key is written down with what
 * it sealed, over power cuts, key changes, lost answers, notices and general blocks. None comes
 * twice with other octets. And whatever was accepted once is never accepted again.
 *
 * MESSAGES in the environment sets how many (200 000), a power cut every thousand of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "dlms/bench.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

enum { MAX = 8192, LEDGER = 1 << 21, ROUND = 1000 };

static struct bench b;
static uint32_t seed = 1, ic;
static uint32_t ledger[LEDGER]; /* [counter]: what it sealed, 0 nothing yet */
static unsigned long written, repeats, replays;

static unsigned draw(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

static unsigned number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* A counter and the octets under it. */
static void enter(uint32_t counter, const uint8_t *p, size_t n)
{
    assert_true(counter < LEDGER && ledger[counter] == 0);
    ledger[counter] = crc32(p, n) | 1;
    written++;
}

static void new_key(void)
{
    memset(ledger, 0, sizeof ledger);
    b.unicast[draw(16)] ^= (uint8_t)(1 + draw(255));
    b.counter[0] = b.reserved[0] = 0;
    memset(b.floor, 0, sizeof b.floor);
    ic = 0;
    dlms_rekey(&b.server);
}

/* Everything sealed in an APDU: itself, and the answer of HLS 5 inside. */
static void enter_apdu(const uint8_t *p, size_t n)
{
    struct cipher_box box;
    struct cipher_key k = { .len = 16 };
    uint8_t text[MAX], sc;
    uint32_t counter;
    size_t text_n;
    if (n && (p[0] == 0x61 || p[0] == 0x63)) { /* initiateResponse at its end */
        const uint8_t *q = memchr(p, 0xBE, n);
        if (!q || q[4] != 0x28) return;
        p = q + 4;
        n = q[3];
    }
    if (n == 0 || !cipher_is_box(p[0])) return;
    assert_int_equal(cipher_read_box(p, n, &box), 0);
    if (box.dedicated) return;
    assert_int_equal(cipher_look(box.content.p, box.content.n, &sc, &counter, &text_n), 0);
    enter(counter, box.content.p, box.content.n);
    memcpy(k.ek, b.unicast, 16);
    memcpy(k.ak, b.auth, 16);
    memcpy(text, box.content.p, box.content.n);
    int m = cipher_open(text, box.content.n, &k, b.security.server_title, NULL, 0);
    const uint8_t *t = text + CIPHER_HEAD;
    bool answer = m == 25 && t[0] == 0xC7 && t[3] == 0 && t[6] == 9 && t[7] == HLS5_ANSWER;
    if (answer) enter(be_get32(t + 9), t + 8, HLS5_ANSWER);
}

static uint8_t whole[1 << 16];
static size_t whole_n, block_at[1 << 12];
static unsigned blocks;

/* What came over the link: APDUs, or blocks of one. */
static void enter_all(unsigned link)
{
    const uint8_t *a;
    size_t at = 0, n;
    whole_n = 0;
    while ((n = bench_next(&b, link, &at, &a)) > 0) {
        struct gbt g;
        struct axdr_in in = axdr_in(a, n);
        if (a[0] != XDLMS_GBT) {
            enter_apdu(a, n);
            continue;
        }
        assert_int_equal(gbt_read(&in, &g), 0);
        if (g.number == 1) whole_n = 0;
        blocks = g.number;
        block_at[blocks & 0xFFF] = whole_n;
        memcpy(whole + whole_n, g.data, g.n);
        whole_n += g.n;
        if (g.last) enter_apdu(whole, whole_n);
    }
}

/* Blocks that come again are the octets that came before. */
static void enter_repeats(unsigned link)
{
    const uint8_t *a;
    size_t at = 0, n;
    while ((n = bench_next(&b, link, &at, &a)) > 0) {
        struct gbt g;
        struct axdr_in in = axdr_in(a, n);
        assert_int_equal(gbt_read(&in, &g), 0);
        size_t from = block_at[g.number & 0xFFF];
        if (g.n == 0 || g.number > blocks) continue;
        assert_memory_equal(whole + from, g.data, g.n);
        repeats++;
    }
}

/* -- traffic ------------------------------------------------------------------------------ */

static const uint8_t get_name[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0 };
static const uint8_t get_rows[] = { 0xC0, 1, 0xC1, 0, 7, 1, 0, 99, 1, 0, 0xFF, 2, 0 };
static const uint8_t set_text[] = {
    0xC1, 1, 0xC1, 0, 1, 0, 0, 96, 13, 0, 0xFF, 2, 0, 9, 1, 65
};

static void send(unsigned link, const uint8_t *p, size_t n)
{
    uint8_t head[WRAPPER_HEAD];
    struct wrapper w = { SAP_CIPHERED_LLS, 1, (uint16_t)n };
    b.port[link].out_n = 0;
    wrapper_write(head, &w);
    bench_feed(&b, link, head, sizeof head);
    bench_feed(&b, link, p, n);
}

static size_t sealed(const uint8_t *p, size_t n, uint8_t *out)
{
    struct cipher_key k = { .len = 16 };
    struct cipher_box box = { .tag = cipher_tag_of(p[0], false) };
    struct axdr_out o = axdr_out(out, 16);
    memcpy(k.ek, b.unicast, 16);
    memcpy(k.ak, b.auth, 16);
    cipher_emit_box(&o, &box, n + 17);
    memcpy(out + o.len + CIPHER_HEAD, p, n);
    return o.len +
           cipher_seal(out + o.len, n, 0x30, ic++, &k, b.security.client_title, NULL, 0);
}

static enum dar body(void *app, const void *ctx, uint16_t i, const void *frozen,
                     struct cosem_get *g, struct axdr_out *o)
{
    (void)app, (void)ctx, (void)i, (void)frozen, (void)g;
    axdr_emit_u32(o, 7);
    return DAR_OK;
}

/* The same octets again, now or on another link: refused with the counter that is wanted. */
static void replay(unsigned link, const uint8_t *p, size_t n)
{
    send(link, p, n);
    const uint8_t *a = b.port[link].out + WRAPPER_HEAD;
    assert_int_equal(b.port[link].out_n, WRAPPER_HEAD + 7);
    assert_memory_equal(a, ((uint8_t[]){ 0xD8, 1, 6 }), 3);
    assert_int_equal(be_get32(a + 3), ic);
    replays++;
}

static void message(void)
{
    static const struct {
        const uint8_t *p;
        size_t n;
    } asks[] = { { get_name, sizeof get_name },
                 { get_rows, sizeof get_rows },
                 { set_text, sizeof set_text } };
    uint8_t p[256], q[300];
    unsigned i = draw(3), link = draw(2);
    b.busy_counter = (int)draw(3) == 0;
    b.busy_settle = (int)draw(3) == 0;
    size_t n = sealed(asks[i].p, asks[i].n, p);
    if (draw(4) == 0) { /* in a general block, acknowledged badly */
        struct axdr_out o = axdr_out(q, sizeof q);
        gbt_emit_head(&o, &(struct gbt){ .last = true, .window = 3, .number = 1, .n = n });
        axdr_emit(&o, p, n);
        send(link, q, o.len);
        enter_all(link);
        static const uint8_t again[] = { 0xE0, 0x83, 0, 2, 0, 1, 0 };
        send(link, again, sizeof again);
        enter_repeats(link);
        return;
    }
    send(link, p, n);
    enter_all(link);
    if (draw(4) == 0) replay(draw(2), p, n);
}

static void start(void)
{
    for (unsigned link = 0; link < 2; link++) {
        bench_open(&b, link, DLMS_TCP, LINK_WAN);
        bench_associate(&b, link, SAP_CIPHERED_LLS, (uint16_t)(120 + draw(900)), &ic);
        enter_all(link);
    }
    uint32_t management = ic;
    bench_associate(&b, 0, SAP_MANAGEMENT, 0, &management); /* the answer counts twice */
    enter_all(0);
}

static void notify(void)
{
    struct dlms_notice n = {
        .assoc = ROLE_PUSH, .client_sap = SAP_PUSH, .parts = 1, .part = body
    };
    b.port[0].out_n = 0;
    assert_int_equal(dlms_notify(&b.server, &b.port[0].link, &n, b.now), 0);
    bench_run(&b);
    enter_all(0);
}

static void test_ledger(void **state)
{
    unsigned count = number("MESSAGES", 200000), cuts = 0, keys = 0;
    seed = number("SEED", 1) * 2654435761u | 1;
    (void)state;
    bench_init(&b, 1024, 1024);
    b.security.policy = PROT_AUTH_RES | PROT_CRYPT_RES;
    b.rows = 30;
    start();
    for (unsigned i = 1; i <= count; i++) {
        message();
        if (draw(50) == 0) notify();
        if (b.counter[0] > LEDGER - 4096 || draw(20000) == 0) {
            new_key();
            keys++;
            start();
        }
        if (i % ROUND == 0) { /* in the middle of an answer, as often as not */
            b.port[1].room = draw(60);
            uint8_t p[64];
            size_t n = sealed(get_name, sizeof get_name, p);
            uint8_t head[WRAPPER_HEAD];
            wrapper_write(head, &(struct wrapper){ SAP_CIPHERED_LLS, 1, (uint16_t)n });
            dlms_feed_link(&b.server, &b.port[1].link, head, sizeof head, b.now);
            dlms_feed_link(&b.server, &b.port[1].link, p, n, b.now);
            for (unsigned s = draw(8); s; s--) dlms_step(&b.server, b.now);
            bench_cut(&b);
            cuts++;
            start();
        }
    }
    print_message("%lu counters, %u power cuts, %u keys, %lu blocks sent again, "
                  "%lu replays refused\n",
                  written, cuts, keys, repeats, replays);
    assert_true(written > count / 2);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_ledger) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
