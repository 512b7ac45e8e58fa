/* Published and computed known answers, through the code of client, codec and server alike:
 * tests/vectors/dlms.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "cases.h"
#include "crypto/kdf.h"
#include "dlms/acse.h"
#include "dlms/bench.h"
#include "dlms/cipher.h"
#include "dlms/hdlc.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

enum { MAX = 2048 };
static struct bench *b;
static struct cases c;

/* Stand at the case of that name. */
static void find(const char *name)
{
    cases_seek(&c, ROOT "/tests/vectors/dlms.txt", name);
}

static size_t hex(const char *field, uint8_t out[MAX])
{
    return cases_hex(&c, field, out, MAX);
}

static void print(const char *what, const uint8_t *p, size_t n)
{
    print_error("%s %s: ", c.name, what);
    for (size_t i = 0; i < n; i++) print_error("%02X", p[i]);
    print_error("\n");
}

static void expect(const char *field, const uint8_t *got, size_t n)
{
    uint8_t want[MAX];
    size_t m = hex(field, want);
    if (m != n || memcmp(want, got, n)) {
        print(field, want, m);
        print("got", got, n);
    }
    assert_int_equal(n, m);
    if (n) assert_memory_equal(got, want, n);
}

/* -- HDLC ------------------------------------------------------------------------------- */

static void check_frame(const char *field)
{
    uint8_t p[MAX], back[MAX];
    struct hdlc_frame f;
    size_t n = hex(field, p), used;
    assert_int_equal(hdlc_frame_read(p, n, &f, &used), (int)n - 1);
    int m = hdlc_frame_write(back, sizeof back, &f);
    assert_int_equal(m, (int)n);
    assert_memory_equal(back, p, n);
    for (size_t i = 1; i + 1 < n; i++) { /* one bit turned anywhere: no frame */
        p[i] = (uint8_t)(p[i] ^ 1u << i % 8);
        assert_int_equal(hdlc_frame_read(p, n, &f, &used), E_MORE);
        p[i] = (uint8_t)(p[i] ^ 1u << i % 8);
    }
}

static void test_hdlc(void **state)
{
    static const char *const names[] = { "hdlc-1", "hdlc-2", "hdlc-3", "hdlc-4" };
    struct hdlc_frame f;
    struct hdlc_params p;
    uint8_t v[MAX];
    size_t used;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        find(names[i]);
        check_frame("in_frame");
    }
    find("hdlc-2");
    used = hex("in_frame", v);
    assert_true(hdlc_frame_read(v, used, &f, &used) > 0);
    assert_int_equal(hdlc_params_read(f.info, f.n, &p), 0);
    assert_true(p.info_tx == 154 && p.info_rx == 154 && p.window_tx == 1 && p.window_rx == 1);
    find("hdlc-ui");
    check_frame("out");
    find("hdlc-bcast");
    check_frame("out");
    used = hex("out", v);
    assert_true(hdlc_frame_read(v, used, &f, &used) > 0);
    assert_true(f.dst.upper == HDLC_ALL_SHORT && f.dst.lower == HDLC_ALL_SHORT);
    assert_true(f.src.len == 1 && f.src.upper == 102 && f.control == HDLC_UI);
}

static void check_addr(const char *name, uint8_t len, uint16_t upper, uint16_t lower)
{
    uint8_t v[MAX], back[4];
    struct hdlc_addr a;
    find(name);
    size_t n = hex("out", v);
    assert_int_equal(hdlc_addr_read(v, n, &a), len);
    assert_true(a.len == len && a.upper == upper && a.lower == lower);
    assert_int_equal(hdlc_addr_write(back, &a), len);
    assert_memory_equal(v, back, len);
}

static void test_addresses(void **state)
{
    (void)state;
    check_addr("hdlc-addr-21", 1, 16, 0);
    check_addr("hdlc-addr-03", 1, 1, 0);
    check_addr("hdlc-addr-95", 1, 74, 0);
    check_addr("hdlc-addr-4b", 1, 37, 0);
    check_addr("hdlc-addr-0223", 2, 1, 17);
    check_addr("hdlc-addr4", 4, 1, 5694);
}

static void test_wrapper(void **state)
{
    uint8_t v[MAX], head[WRAPPER_HEAD];
    struct wrapper w;
    (void)state;
    find("wrapper-2");
    size_t n = hex("out", v);
    assert_int_equal(wrapper_read(v, &w), 0);
    assert_true(w.source == 16 && w.destination == 1 && w.length == n - WRAPPER_HEAD);
    wrapper_write(head, &w);
    assert_memory_equal(head, v, sizeof head);
}

/* -- ACSE: read and written again ------------------------------------------------------- */

static void check_aarq(const char *name, const char *field)
{
    uint8_t v[MAX], back[MAX];
    struct acse_aarq a;
    find(name);
    size_t n = hex(field, v);
    assert_int_equal(acse_read_aarq(v, n, &a), 0);
    int m = acse_write_aarq(back, sizeof back, &a);
    expect(field, back, (size_t)m);
    for (size_t i = 1; i < n; i++) assert_int_equal(acse_read_aarq(v, i, &a), E_FORMAT);
}

static void check_aare(const char *name, const char *field, uint8_t result, uint8_t diagnostic)
{
    uint8_t v[MAX], back[MAX];
    struct acse_aare a;
    find(name);
    size_t n = hex(field, v);
    assert_int_equal(acse_read_aare(v, n, &a), 0);
    assert_true(a.result == result && a.diagnostic == diagnostic);
    int m = acse_write_aare(back, sizeof back, &a);
    expect(field, back, (size_t)m);
    for (size_t i = 1; i < n; i++) assert_int_equal(acse_read_aare(v, i, &a), E_FORMAT);
}

static void test_acse(void **state)
{
    uint8_t v[MAX], back[64];
    struct acse_release r;
    (void)state;
    check_aarq("aarq-none", "out");
    check_aarq("aarq-lls", "out");
    check_aarq("aarq-hls5", "out");
    check_aarq("aarq-lls-ciphered", "out");
    check_aarq("hls7", "out_aarq");
    check_aare("aare-ok", "out", 0, 0);
    check_aare("aare-bad-context", "out", 1, 2);
    check_aare("aare-hls5", "out", 0, 14);
    check_aare("aare-pdu-short", "out", 1, 1);
    check_aare("aare-lls-wrong", "out", 1, 13);
    check_aare("aare-acse-version", "out", 1, 2);
    check_aare("hls6", "out_aare", 0, 14);
    find("rlrq-plain");
    size_t n = hex("out", v);
    assert_int_equal(acse_read_release(v, n, ACSE_RLRQ, &r), 0);
    expect("out", back, (size_t)acse_write_release(back, sizeof back, ACSE_RLRQ, &r));
    find("hls5-session");
    n = hex("out7_apdu", v);
    assert_int_equal(acse_read_release(v, n, ACSE_RLRQ, &r), 0);
    assert_true(r.user.p && r.user.p[0] == 0x21);
}

static void test_initiate(void **state)
{
    static const struct {
        const char *name, *field;
    } req[] = { { "init-req-plain", "out" },
                { "init-req-dk", "out" },
                { "hls5-session", "in_initiate_request" } };
    uint8_t v[MAX], back[MAX];
    struct initiate_req r;
    struct initiate_res a;
    (void)state;
    for (size_t i = 0; i < sizeof req / sizeof req[0]; i++) {
        find(req[i].name);
        struct axdr_in in = axdr_in(v, hex(req[i].field, v));
        assert_int_equal(initiate_read_req(&in, &r), 0);
        struct axdr_out o = axdr_out(back, sizeof back);
        initiate_emit_req(&o, &r);
        expect(req[i].field, back, o.len);
    }
    find("hls5-session");
    struct axdr_in in = axdr_in(v, hex("in_initiate_response", v));
    assert_int_equal(initiate_read_res(&in, &a), 0);
    struct axdr_out o = axdr_out(back, sizeof back);
    initiate_emit_res(&o, &a);
    expect("in_initiate_response", back, o.len);
}

/* -- ciphering, from both ends ---------------------------------------------------------- */

static void key_of(struct cipher_key *k, const char *ek)
{
    k->len = (uint8_t)cases_hex(&c, ek, k->ek, sizeof k->ek);
    if (cases_find(&c, "in_ak")) cases_hex(&c, "in_ak", k->ak, sizeof k->ak);
}

static void check_cipher(const char *name, const char *ek, const char *title, const char *plain,
                         const char *field, int sc_given)
{
    uint8_t v[MAX], text[MAX], t[8], ic[4], back[MAX], sc;
    struct cipher_key k = { 0 };
    struct cipher_box box;
    find(name);
    key_of(&k, ek);
    cases_octets(&c, title, t, sizeof t);
    cases_octets(&c, "in_ic", ic, sizeof ic);
    size_t n = hex(field, v), m = hex(plain, text), text_n;
    uint32_t counter;
    assert_int_equal(cipher_read_box(v, n, &box), 0);
    assert_int_equal(cipher_look(box.content.p, box.content.n, &sc, &counter, &text_n), 0);
    assert_true(counter == be_get32(ic) && text_n == m);
    if (sc_given >= 0) assert_int_equal(sc, sc_given);
    struct axdr_out o = axdr_out(back, sizeof back);
    cipher_emit_box(&o, &box, box.content.n);
    size_t head = o.len;
    memcpy(back + head + CIPHER_HEAD, text, m);
    bool dd = box.tag == XDLMS_GENERAL_CIPHERING;
    size_t content = cipher_seal(back + head, m, sc, counter, &k, t, dd ? box.head.p : NULL,
                                 dd ? box.head.n : 0);
    expect(field, back, head + content);
    int got =
        cipher_open(back + head, content, &k, t, dd ? box.head.p : NULL, dd ? box.head.n : 0);
    assert_int_equal(got, (int)m);
    assert_memory_equal(back + head + CIPHER_HEAD, text, m);
    if (!(sc & SC_AUTH)) return;
    for (size_t i = head; i < head + content; i++) { /* one bit anywhere */
        memcpy(back, v, n);
        back[i] ^= 0x40;
        if (i == head) continue; /* the control octet says how to read the rest */
        assert_int_equal(cipher_open(back + head, content, &k, t, dd ? box.head.p : NULL,
                                     dd ? box.head.n : 0),
                         E_AUTH);
    }
}

static void test_cipher(void **state)
{
    (void)state;
    check_cipher("glo-init-req", "in_ek", "in_system_title", "in_plain", "out", 0x30);
    check_cipher("glo-get-10", "in_ek", "in_system_title", "in_plain", "out", 0x10);
    check_cipher("glo-get-30", "in_ek", "in_system_title", "in_plain", "out", 0x30);
    check_cipher("glo-sc20", "in_ek", "in_client_title", "in_plain", "out", 0x20);
    check_cipher("glo-get-suite2", "in_ek", "in_client_title", "in_plain", "out", 0x32);
    check_cipher("ded-get", "in_dk", "in_client_title", "in_plain", "out", 0x30);
    check_cipher("broadcast", "in_gbek", "in_client_title", "in_plain", "out", 0x70);
    check_cipher("gen-ciph-identified", "in_ek", "in_originator", "in_plain", "out_apdu", 0x31);
    check_cipher("gen-ciph-wrapped", "in_session_key", "in_originator", "in_plain", "out_apdu",
                 0x31);
}

static void test_push_box(void **state)
{
    uint8_t v[MAX];
    struct cipher_box box;
    (void)state;
    find("wrapper-1");
    size_t n = hex("out", v);
    assert_int_equal(cipher_read_box(v + 8, n - 8, &box), 0);
    assert_true(box.tag == XDLMS_GENERAL_GLO && box.title.n == 8);
}

static void test_hls5(void **state)
{
    uint8_t answer[HLS5_ANSWER], t[8], challenge[MAX], ic[4];
    struct cipher_key k = { 0 };
    uint32_t counter;
    (void)state;
    find("hls5-fstoc");
    key_of(&k, "in_ek");
    cases_octets(&c, "in_system_title", t, sizeof t);
    cases_octets(&c, "in_ic", ic, sizeof ic);
    size_t n = hex("in_challenge", challenge);
    hls5_answer(answer, 0, be_get32(ic), &k, t, challenge, n);
    expect("out", answer, sizeof answer);
    assert_true(hls5_check(answer, 0, &k, t, challenge, n, &counter) && counter == 1);
    answer[16] ^= 1;
    assert_false(hls5_check(answer, 0, &k, t, challenge, n, &counter));
    answer[16] ^= 1;
    answer[0] = 0x11;
    assert_false(hls5_check(answer, 0, &k, t, challenge, n, &counter));
}

/* -- A-XDR ------------------------------------------------------------------------------ */

static void test_axdr(void **state)
{
    static const char *const whole[] = { "profile-array", "profile-compact", "profile-null",
                                         "profile-delta" };
    static const uint32_t lengths[] = { 127, 128, 255, 256, 65535, 65536 };
    uint8_t v[MAX], back[8];
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        find(whole[i]);
        size_t n = hex("out_data", v);
        assert_int_equal(axdr_length(v, n), (int)n);
        for (size_t k = 0; k < n; k++) assert_int_equal(axdr_length(v, k), 0);
    }
    find("data-types");
    size_t n = hex("out", v);
    assert_int_equal(axdr_length(v, n), (int)n);
    find("length-forms");
    for (unsigned i = 0; i < 6; i++) {
        char field[8];
        uint32_t got;
        snprintf(field, sizeof field, "out%u", i + 1);
        struct axdr_out o = axdr_out(back, sizeof back);
        axdr_emit_length(&o, lengths[i]);
        expect(field, back, o.len);
        assert_int_equal(axdr_length_octets(back, o.len, &got), (int)o.len);
        assert_int_equal(got, lengths[i]);
    }
}

/* -- sessions: the octets of the client in, those of the server out ---------------------- */

static int setup(void **state)
{
    b = bench_setup(state, DLMS_TCP, LINK_WAN);
    return 0;
}

/* AARQ with LLS and that PDU size. */
static void open_reader(uint16_t size)
{
    uint8_t v[MAX];
    const uint8_t *a;
    find("aarq-lls");
    size_t n = hex("out", v);
    memcpy(v + n - 5, (uint8_t[]){ 0x62, 0xFE, 0xDF }, 3);
    be_put16(v + n - 2, size);
    size_t m = bench_ask(b, 0, SAP_READER, v, n, &a);
    assert_true(m > 20 && a[0] == ACSE_AARE && a[17 - 0] == 0);
}

/* Play requests out1, out3, ... and compare the answers. */
static void play(const char *name, uint16_t sap, const char *suffix)
{
    find(name);
    for (unsigned i = 1;; i += 2) {
        uint8_t v[MAX];
        const uint8_t *a;
        char field[32];
        snprintf(field, sizeof field, "out%u_%s", i, suffix);
        if (!cases_find(&c, field)) break;
        size_t n = hex(field, v);
        n = bench_ask(b, 0, sap, v, n, &a);
        snprintf(field, sizeof field, "out%u_%s", i + 1, suffix);
        expect(field, a, n);
    }
}

static void test_blocks(void **state)
{
    (void)state;
    open_reader(0);
    play("set-blocks", SAP_READER, "apdu");
    assert_int_equal(b->text_n[0], 45);
    play("set-list-blocks", SAP_READER, "apdu");
    assert_int_equal(b->text_n[0], 20);
    open_reader(26); /* 16 octets of data in a block */
    play("get-list-blocks", SAP_READER, "apdu");
    open_reader(33); /* 24 octets */
    play("action-blocks", SAP_READER, "apdu");
    assert_int_equal(b->calls, 1);
    open_reader(30);
    uint8_t v[MAX];
    const uint8_t *a;
    static const uint8_t get[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 50, 0, 255, 2, 0 };
    size_t n = bench_ask(b, 0, SAP_READER, get, sizeof get, &a);
    assert_int_equal(n, 30);
    find("get-next-wrong");
    n = hex("out1_apdu", v);
    n = bench_ask(b, 0, SAP_READER, v, n, &a);
    expect("out2_apdu", a, n);
}

static void test_access(void **state)
{
    (void)state;
    open_reader(0);
    find("access-mixed");
    uint8_t v[MAX];
    const uint8_t *a;
    size_t n = hex("out_request", v);
    n = bench_ask(b, 0, SAP_READER, v, n, &a);
    expect("out_response", a, n);
    assert_int_equal(b->text_n[1], 12);
    assert_int_equal(b->calls, 1);
    find("access-selection");
    n = hex("out_request", v);
    n = bench_ask(b, 0, SAP_READER, v, n, &a);
    expect("out_response", a, n);
}

/* Send one APDU; what comes back must be these fields, one APDU each. */
static void blocks(uint16_t sap, unsigned ask, unsigned first, unsigned last)
{
    uint8_t v[MAX];
    const uint8_t *a;
    char field[32];
    size_t at = 0;
    struct wrapper w = { sap, 1, 0 };
    snprintf(field, sizeof field, "out%u_apdu", ask);
    w.length = (uint16_t)hex(field, v);
    uint8_t head[8];
    wrapper_write(head, &w);
    b->port[0].out_n = 0;
    bench_feed(b, 0, head, sizeof head);
    bench_feed(b, 0, v, w.length);
    for (unsigned i = first; i <= last; i++) {
        snprintf(field, sizeof field, "out%u_apdu", i);
        size_t n = bench_next(b, 0, &at, &a);
        expect(field, a, n);
    }
    assert_int_equal(at, b->port[0].out_n);
}

static void test_gbt(void **state)
{
    uint8_t sixty[60];
    uint32_t ic = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof sixty; i++) sixty[i] = (uint8_t)(0x30 + i);
    b->name = sixty;
    b->name_n = sizeof sixty;
    open_reader(31);
    find("gbt-plain-lost");
    blocks(SAP_READER, 1, 2, 4);
    blocks(SAP_READER, 5, 6, 6);
    bench_associate(b, 0, SAP_CIPHERED_LLS, 43, &ic);
    b->counter[0] = 0x102;
    b->reserved[0] = 0x200;
    find("gbt-glo-lost");
    blocks(SAP_CIPHERED_LLS, 1, 2, 4);
    assert_int_equal(b->counter[0], 0x103);
    blocks(SAP_CIPHERED_LLS, 5, 6, 6);
    assert_int_equal(b->counter[0], 0x103);
}

/* One request of a session: ask is a field, and so is the answer. */
static void step(uint16_t sap, const char *ask, const char *answer)
{
    uint8_t v[MAX];
    const uint8_t *a;
    size_t n = hex(ask, v);
    n = bench_ask(b, 0, sap, v, n, &a);
    expect(answer, a, n);
}

/* The vector's server offers two services more: seal its initiateResponse anew with ours. */
static void conformance_step(const char *ask, const char *answer)
{
    static const uint8_t box[] = { 0x28, 0x1F, 0x30 };
    uint8_t v[MAX], want[MAX];
    const uint8_t *a;
    struct cipher_key k = { 0 };
    size_t n = hex(ask, v), m = hex(answer, want), at = 0;
    key_of(&k, "in_ek");
    while (memcmp(want + at, box, sizeof box)) at++;
    uint8_t *content = want + at + 2;
    uint32_t ic = be_get32(content + 1);
    assert_int_equal(cipher_open(content, 31, &k, b->security.server_title, NULL, 0), 14);
    assert_int_equal(content[CIPHER_HEAD + 8], 0xFE);
    content[CIPHER_HEAD + 8] = 0x1E; /* without attribute 0 and priority */
    cipher_seal(content, 14, 0x30, ic, &k, b->security.server_title, NULL, 0);
    n = bench_ask(b, 0, SAP_MANAGEMENT, v, n, &a);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) assert_int_equal(a[i], want[i]);
}

static void test_session_hls5(void **state)
{
    (void)state;
    find("hls5-session");
    b->random_n = cases_hex(&c, "in_stoc", b->random, sizeof b->random);
    b->counter[0] = b->reserved[0] = 1; /* the vector counts from 1 */
    conformance_step("out1_apdu", "out2_apdu");
    step(SAP_MANAGEMENT, "out3_apdu", "out4_apdu");
    assert_true(bench_noted(b, NOTE_OPENED));
    step(SAP_MANAGEMENT, "out5_apdu", "out6_apdu");
    conformance_step("out7_apdu", "out8_apdu");
    assert_true(bench_noted(b, NOTE_CLOSED));
    assert_int_equal(b->floor[ROLE_MANAGEMENT][0], 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hdlc),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_wrapper),
        cmocka_unit_test(test_acse),
        cmocka_unit_test(test_initiate),
        cmocka_unit_test(test_cipher),
        cmocka_unit_test(test_push_box),
        cmocka_unit_test(test_hls5),
        cmocka_unit_test(test_axdr),
        cmocka_unit_test_setup_teardown(test_blocks, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_access, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_gbt, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_session_hls5, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
