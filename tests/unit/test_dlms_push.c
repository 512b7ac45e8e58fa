/* What the meter sends by itself, and what is sent to all meters: notices, confirmations, long
 * ones in general blocks, UI frames, broadcast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "cases.h"
#include "dlms/bench.h"
#include "dlms/cipher.h"
#include "dlms/hdlc.h"
#include "dlms/xdlms.h"

enum { MAX = 8192 };
static struct bench *b;
static struct cases c;
static struct {
    uint8_t p[MAX];
    size_t n;
} body;

static int setup(void **state)
{
    b = bench_setup(state, DLMS_TCP, LINK_WAN);
    return 0;
}

static void find(const char *name)
{
    cases_seek(&c, ROOT "/tests/vectors/dlms.txt", name);
}

static enum dar emit_body(void *app, const void *ctx, uint16_t i, const void *frozen,
                          struct cosem_get *g, struct axdr_out *o)
{
    (void)app, (void)ctx, (void)frozen, (void)g;
    assert_int_equal(i, 0);
    axdr_emit(o, body.p, body.n);
    return DAR_OK;
}

/* The body is that of a plain notification: behind `head` octets. */
static void take_body(const char *field, size_t head)
{
    body.n = cases_hex(&c, field, body.p, MAX) - head;
    memmove(body.p, body.p + head, body.n);
}

static struct dlms_notice notice(void)
{
    return (struct dlms_notice){
        .assoc = ROLE_PUSH, .client_sap = SAP_PUSH, .parts = 1, .part = emit_body
    };
}

static void send_notice(const struct dlms_notice *n)
{
    b->port[0].out_n = 0;
    assert_int_equal(dlms_notify(&b->server, &b->port[0].link, n, b->now), 0);
    bench_run(b);
}

static void expect_apdu(const char *field)
{
    uint8_t want[MAX];
    const uint8_t *a;
    size_t at = 0, m = cases_hex(&c, field, want, MAX), n = bench_next(b, 0, &at, &a);
    assert_int_equal(n, m);
    assert_memory_equal(a, want, n);
    assert_int_equal(at, b->port[0].out_n);
}

static void test_plain(void **state)
{
    (void)state;
    find("push-v2");
    take_body("out_plain", 18);
    struct dlms_notice n = notice();
    n.dated = true;
    b->server.invoke = 6;
    send_notice(&n);
    expect_apdu("out_plain");
    assert_int_equal(dlms_notified(&b->port[0].link), DLMS_SENT_YES);
}

static void test_sealed(void **state)
{
    uint8_t want[MAX];
    (void)state;
    find("push-v2");
    take_body("out_plain", 18);
    b->security.policy = PROT_AUTH_RES | PROT_CRYPT_RES;
    b->counter[0] = 0x20;
    b->reserved[0] = 0x400;
    b->server.invoke = 6;
    struct dlms_notice n = notice();
    n.dated = true;
    b->busy_counter = 3;
    send_notice(&n);
    expect_apdu("out_apdu");
    size_t m = cases_hex(&c, "out_wrapper", want, MAX);
    assert_int_equal(b->port[0].out_n, m);
    assert_memory_equal(b->port[0].out, want, m);
    find("event-notification");
    take_body("out_without_time", 2);
    n = notice();
    n.event = true;
    send_notice(&n);
    expect_apdu("out_glo");
}

static void test_event(void **state)
{
    (void)state;
    find("event-notification");
    take_body("out_without_time", 2);
    struct dlms_notice n = notice();
    n.event = true;
    send_notice(&n);
    expect_apdu("out_without_time");
    n.dated = true;
    send_notice(&n);
    expect_apdu("out_with_time");
}

static void test_confirmed(void **state)
{
    uint8_t v[MAX];
    const uint8_t *a;
    (void)state;
    find("push-v2-confirmed");
    take_body("out_notification", 6);
    struct dlms_notice n = notice();
    n.confirmed = true;
    b->server.invoke = 7;
    send_notice(&n);
    expect_apdu("out_notification");
    size_t m = cases_hex(&c, "out_confirm", v, MAX);
    v[4]++; /* of another one */
    assert_int_equal(bench_ask(b, 0, SAP_PUSH, v, m, &a), 0);
    assert_int_equal(dlms_notified(&b->port[0].link), DLMS_SENT_YES);
    v[4]--;
    assert_int_equal(bench_ask(b, 0, SAP_PUSH, v, m, &a), 0);
    assert_int_equal(dlms_notified(&b->port[0].link), DLMS_SENT_CONFIRMED);
    n.repeat = true;
    n.invoke = dlms_notice_id(&b->port[0].link);
    b->server.invoke += 3; /* others were sent meanwhile */
    send_notice(&n);
    expect_apdu("out_notification");
    /* anything else from there is dropped */
    static const uint8_t get[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0 };
    assert_int_equal(bench_ask(b, 0, SAP_PUSH, get, sizeof get, &a), 0);
}

/* Put the blocks together; nobody acknowledges any. */
static size_t collect(uint8_t *dst)
{
    size_t at = 0, n, len = 0;
    const uint8_t *a;
    uint16_t number = 0;
    bool last = false;
    while ((n = bench_next(b, 0, &at, &a)) > 0) {
        struct axdr_in in = axdr_in(a, n);
        struct gbt g;
        assert_false(last);
        assert_true(n <= 200 && gbt_read(&in, &g) == 0);
        assert_true(g.number == ++number && g.acknowledged == 0 && g.streaming == !g.last);
        memcpy(dst + len, g.data, g.n);
        len += g.n;
        last = g.last;
    }
    assert_true(last);
    return len;
}

static void test_long(void **state)
{
    static uint8_t got[MAX];
    (void)state;
    body.n = 5000;
    memset(body.p, 0x11, body.n);
    struct dlms_notice n = notice();
    b->assoc[ROLE_PUSH].max_pdu = 200;
    send_notice(&n);
    size_t m = collect(got);
    assert_int_equal(m, 6 + body.n);
    assert_memory_equal(got + 6, body.p, body.n);
    assert_int_equal(dlms_notified(&b->port[0].link), DLMS_SENT_YES);
    bench_open(b, 0, DLMS_TCP, LINK_WAN);
    b->security.policy = PROT_AUTH_RES | PROT_CRYPT_RES;
    send_notice(&n);
    m = collect(got);
    struct cipher_box box;
    struct cipher_key k = { .len = 16 };
    memcpy(k.ek, b->unicast, 16);
    memcpy(k.ak, b->auth, 16);
    assert_int_equal(cipher_read_box(got, m, &box), 0);
    uint8_t *content = got + (box.content.p - got);
    assert_int_equal(cipher_open(content, box.content.n, &k, b->security.server_title, NULL, 0),
                     (int)(6 + body.n));
    bench_open(b, 0, DLMS_TCP, LINK_WAN);
    b->assoc[ROLE_PUSH].conformance &= ~XDLMS_C_GBT;
    send_notice(&n);
    assert_int_equal(b->port[0].out_n, 0);
    assert_int_equal(dlms_notified(&b->port[0].link), DLMS_SENT_FAILED);
}

static void test_hdlc(void **state)
{
    struct hdlc_frame f;
    size_t used;
    (void)state;
    bench_open(b, 0, DLMS_HDLC, LINK_RS485);
    find("push-v2-confirmed");
    take_body("out_notification", 6);
    struct dlms_notice n = notice();
    send_notice(&n);
    assert_true(hdlc_frame_read(b->port[0].out, b->port[0].out_n, &f, &used) > 0);
    assert_true(f.control == HDLC_UI && f.dst.len == 1 && f.dst.upper == SAP_PUSH);
    assert_true(f.src.len == 2 && f.src.upper == 1 && f.src.lower == 17);
    assert_true(f.n == 3 + 6 + body.n && f.info[1] == 0xE7);
}

static void test_broadcast(void **state)
{
    uint8_t v[MAX];
    const uint8_t *a;
    (void)state;
    b->security.policy = PROT_AUTH_REQ | PROT_CRYPT_REQ;
    find("broadcast");
    size_t n = cases_hex(&c, "out", v, MAX);
    assert_int_equal(bench_ask(b, 0, SAP_BROADCAST, v, n, &a), 0);
    assert_int_equal(b->calls, 1);
    assert_int_equal(bench_ask(b, 0, SAP_BROADCAST, v, n, &a), 0); /* a replay: silence */
    assert_int_equal(b->calls, 1);
    assert_true(bench_noted(b, NOTE_REPLAY));
    b->floor[ROLE_BROADCAST][1] = 0;
    v[n - 1] ^= 1;
    assert_int_equal(bench_ask(b, 0, SAP_BROADCAST, v, n, &a), 0);
    assert_true(bench_noted(b, NOTE_DECRYPT_FAILED));
    assert_int_equal(b->calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_sealed, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_event, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_confirmed, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_long, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_hdlc, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_broadcast, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
