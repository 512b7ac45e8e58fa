/* Suite 1 at the server: HLS 7, general-signing, general-ciphering with wrapped and agreed
 * keys, by the vectors and back. */
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
#include "crypto/kw.h"
#include "crypto/sha256.h"
#include "dlms/acse.h"
#include "dlms/bench.h"
#include "dlms/cipher.h"
#include "dlms/xdlms.h"

enum { MAX = 2048 };
static struct bench *b;
static struct cases c;

static int setup(void **state)
{
    b = bench_setup(state, DLMS_TCP, LINK_WAN);
    return 0;
}

static void take(const char *field, void *dst, size_t n)
{
    if (cases_find(&c, field)) cases_octets(&c, field, dst, n);
}

static void find(const char *name)
{
    cases_seek(&c, ROOT "/tests/vectors/dlms.txt", name);
    take("in_server_sign_d", b->server_sign, 32);
    take("in_client_sign_q", b->client_sign_q, 64);
    take("in_sign_q", b->client_sign_q, 64);
    take("in_server_agree_d", b->server_agree, 32);
    take("in_client_agree_q", b->client_agree_q, 64);
}

/* -- HLS 7 -------------------------------------------------------------------------------- */

static void keys(struct cipher_key *k)
{
    *k = (struct cipher_key){ .len = 16 };
    memcpy(k->ek, b->unicast, 16);
    memcpy(k->ak, b->auth, 16);
}

static void test_hls7(void **state)
{
    uint8_t v[MAX], want[MAX];
    const uint8_t *a;
    struct cipher_key k;
    struct acse_aare e;
    struct cipher_box box;
    (void)state;
    find("hls7");
    b->random_n = cases_hex(&c, "in_stoc", b->random, sizeof b->random);
    b->counter[0] = b->reserved[0] = 1;
    size_t n = cases_hex(&c, "out_aarq", v, MAX), m;
    m = bench_ask(b, 0, SAP_ECDSA, v, n, &a);
    assert_int_equal(acse_read_aare(a, m, &e), 0);
    assert_true(e.result == 0 && e.diagnostic == 14 && e.mechanism == 7);
    assert_int_equal(e.auth.n, b->random_n);
    assert_memory_equal(e.auth.p, b->random, e.auth.n);
    assert_int_equal(cipher_read_box(e.user.p, e.user.n, &box), 0);
    keys(&k);
    memcpy(want, box.content.p, box.content.n);
    assert_int_equal(cipher_open(want, box.content.n, &k, b->security.server_title, NULL, 0),
                     14);
    n = cases_hex(&c, "out_pass3", v, MAX);
    m = bench_ask(b, 0, SAP_ECDSA, v, n, &a);
    n = cases_hex(&c, "out_pass4", want, MAX);
    assert_int_equal(m, n);
    assert_memory_equal(a, want, n);
    assert_true(bench_noted(b, NOTE_OPENED));
    assert_int_equal(b->failures, 0);
}

static void test_hls7_wrong(void **state)
{
    uint8_t v[MAX];
    const uint8_t *a;
    (void)state;
    find("hls7");
    b->random_n = cases_hex(&c, "in_stoc", b->random, sizeof b->random);
    b->random[0] ^= 1; /* another challenge than the one that was signed */
    size_t n = cases_hex(&c, "out_aarq", v, MAX);
    bench_ask(b, 0, SAP_ECDSA, v, n, &a);
    n = cases_hex(&c, "out_pass3", v, MAX);
    assert_true(bench_ask(b, 0, SAP_ECDSA, v, n, &a) > 0);
    assert_true(bench_noted(b, NOTE_AUTH_FAILED));
    assert_int_equal(b->failures, 1);
    assert_null(dlms_find_session(&b->server, ROLE_ECDSA));
}

/* -- containers -----------------------------------------------------------------------------
 */

static const uint8_t answer[] = {
    0xC4, 1, 0xC1, 0, 9, 8, '2', '2', '0', '0', '0', '0', '4', '2'
};

static void open_suite1(void)
{
    uint32_t ic = 0;
    b->security.suite = 1;
    bench_associate(b, 0, SAP_CIPHERED_LLS, 0, &ic);
}

static size_t ask_field(const char *field, const uint8_t **a)
{
    uint8_t v[MAX];
    size_t n = cases_hex(&c, field, v, MAX);
    return bench_ask(b, 0, SAP_CIPHERED_LLS, v, n, a);
}

/* Open the answer in a container of this tag under that key. */
static void expect_answer(const uint8_t *a, size_t n, uint8_t tag, const uint8_t ek[16],
                          const uint8_t *text, size_t m)
{
    uint8_t v[MAX];
    struct cipher_box box;
    struct cipher_key k;
    assert_int_equal(cipher_read_box(a, n, &box), 0);
    assert_int_equal(box.tag, tag);
    keys(&k);
    if (ek) memcpy(k.ek, ek, 16);
    memcpy(v, box.content.p, box.content.n);
    int len =
        cipher_open(v, box.content.n, &k, b->security.server_title, box.head.p, box.head.n);
    assert_int_equal(len, (int)m);
    assert_memory_equal(v + CIPHER_HEAD, text, m);
}

static void refused(const char *field)
{
    const uint8_t *a;
    size_t n = ask_field(field, &a);
    assert_int_equal(n, 3);
    assert_memory_equal(a, ((uint8_t[]){ 0xD8, 1, 5 }), 3);
}

static void test_signed_plain(void **state)
{
    const uint8_t *a;
    (void)state;
    find("gen-sign-plain");
    open_suite1();
    size_t n = ask_field("out_apdu", &a);
    assert_int_equal(n, sizeof answer);
    assert_memory_equal(a, answer, n);
    refused("out_apdu"); /* its transaction-id was used */
    b->transaction = 0;
    n = ask_field("out_other_reading_apdu", &a);
    assert_int_equal(n, sizeof answer);
    b->transaction = 0;
    b->client_sign_q[5] ^= 1;
    refused("out_apdu");
}

static void test_signed_glo(void **state)
{
    const uint8_t *a;
    struct cipher_box box;
    uint8_t hash[32];
    struct sha256 h;
    (void)state;
    find("gen-sign-glo");
    memset(b->server_sign, 0x31, sizeof b->server_sign);
    open_suite1();
    size_t n = ask_field("out_apdu", &a);
    expect_answer(a, n, 0xCC, NULL, answer, sizeof answer);
    n = ask_field("out_apdu", &a); /* a replay: the counter inside tells */
    assert_true(n == 7 && a[2] == 6);
    /* answers are signed when the rights ask for it */
    find("gen-sign-glo");
    b->demand[ROLE_CIPHERED_LLS] = PROT_SIGN_RES | PROT_SIGN_REQ;
    b->floor[ROLE_CIPHERED_LLS][0] = 5;
    n = ask_field("out_apdu", &a);
    assert_int_equal(cipher_read_box(a, n, &box), 0);
    assert_int_equal(box.tag, XDLMS_GENERAL_SIGNING);
    assert_int_equal(box.signature.n, 64);
    sha256_begin(&h);
    sha256_more(&h, box.head.p, box.head.n);
    sha256_more(&h, box.content.p, box.content.n);
    sha256_end(&h, hash);
    uint8_t q[64], seed[32] = { 9 };
    assert_int_equal(ec_public(q, b->server_sign, seed), 0);
    assert_int_equal(ec_verify(q, hash, box.signature.p), 0);
    expect_answer(box.content.p, box.content.n, 0xCC, NULL, answer, sizeof answer);
}

static void test_identified(void **state)
{
    const uint8_t *a;
    (void)state;
    find("gen-ciph-identified");
    open_suite1();
    size_t n = ask_field("out_apdu", &a);
    expect_answer(a, n, XDLMS_GENERAL_CIPHERING, NULL, answer, sizeof answer);
    n = ask_field("out_apdu", &a);
    assert_true(n == 7 && a[2] == 6);
}

static void test_wrapped(void **state)
{
    const uint8_t *a;
    uint8_t ek[16];
    struct cipher_box box;
    (void)state;
    find("gen-ciph-wrapped");
    open_suite1();
    size_t n = ask_field("out_apdu", &a);
    assert_int_equal(cipher_read_box(a, n, &box), 0);
    assert_int_equal(box.keyinfo, KEYINFO_WRAPPED);
    assert_int_equal(kw_unwrap(ek, b->master, 16, box.key.p, box.key.n), 0);
    expect_answer(a, n, XDLMS_GENERAL_CIPHERING, ek, answer, sizeof answer);
    refused("out_apdu"); /* the same transaction once more */
}

static void test_onepass(void **state)
{
    const uint8_t *a;
    uint8_t ek[16], z[32], seed[32] = { 3 }, client[32], q[64];
    struct cipher_box box;
    (void)state;
    find("gen-ciph-onepass");
    memset(client, 0x21, sizeof client); /* the client's static agreement key */
    assert_int_equal(ec_public(b->client_agree_q, client, seed), 0);
    memset(b->server_sign, 0x31, sizeof b->server_sign);
    open_suite1();
    size_t n = ask_field("out_apdu", &a);
    assert_int_equal(cipher_read_box(a, n, &box), 0);
    assert_true(box.keyinfo == KEYINFO_AGREED && box.key_id == 1 && box.key.n == 128);
    memcpy(q, box.key.p, 64);
    assert_int_equal(ec_agree(z, client, q, seed), 0);
    kdf(ek, z, b->security.server_title, 8, b->security.client_title, 8);
    expect_answer(a, n, XDLMS_GENERAL_CIPHERING, ek, answer, sizeof answer);
    b->transaction = 0;
    b->client_sign_q[9] ^= 2; /* not its signature */
    refused("out_apdu");
}

static void test_static(void **state)
{
    const uint8_t *a;
    uint8_t ek[16], z[32], v[17] = { 8 };
    (void)state;
    find("gen-ciph-static");
    open_suite1();
    size_t n = ask_field("out_apdu", &a);
    cases_octets(&c, "out_z", z, sizeof z);
    cases_octets(&c, "in_transaction_id", v + 1, 8);
    memcpy(v + 9, b->security.client_title, 8);
    kdf(ek, z, b->security.server_title, 8, v, 17);
    expect_answer(a, n, XDLMS_GENERAL_CIPHERING, ek, answer, sizeof answer);
    refused("out_apdu");
}

/* The answer's key follows from the transaction-id alone, and its counter begins at 0: before
 * it goes out, the id is on flash; or there is no answer. */
static void test_ids_are_kept(void **state)
{
    const uint8_t *a;
    (void)state;
    find("gen-ciph-static");
    open_suite1();
    b->kept = 0;
    b->busy_settle = 3;
    assert_true(ask_field("out_apdu", &a) > 3);
    assert_true(b->kept > 0);
    assert_int_equal(b->kept, b->transaction);
    bench_cut(b);
    open_suite1();
    refused("out_apdu");
    find("gen-ciph-static");
    b->transaction = b->kept = 0;
    b->settle_error = -1;
    assert_int_equal(ask_field("out_apdu", &a), 0);
}

static void test_suite0(void **state)
{
    uint32_t ic = 0;
    (void)state;
    find("gen-sign-plain");
    bench_associate(b, 0, SAP_CIPHERED_LLS, 0, &ic);
    refused("out_apdu");
    find("gen-ciph-identified"); /* suite in the security control differs */
    refused("out_apdu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hls7, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_hls7_wrong, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_signed_plain, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_signed_glo, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_identified, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_wrapped, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_onepass, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_static, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_ids_are_kept, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_suite0, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
