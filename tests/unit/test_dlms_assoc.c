/* Associations: every reason to refuse an AARQ and its answer, in the order of the checks; HLS
 * 5 and 6; release; lock-out; time-outs; several clients; sessions running out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cases.h"
#include "crypto/ec.h"
#include "crypto/old.h"
#include "dlms/acse.h"
#include "dlms/bench.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

enum { MAX = 1024 };
static struct bench *b;

static int setup(void **state)
{
    b = bench_setup(state, DLMS_TCP, LINK_WAN);
    return 0;
}

static const uint8_t get_name[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0 };
static const char challenge[] = "0123456789abcdef0123456789ABCDEF";
static uint8_t plain[64];
static struct initiate_req req;

/* A good AARQ of the reader, to be spoilt. */
static struct acse_aarq good(void)
{
    req = (struct initiate_req){
        .response = true, .version = 6, .conformance = 0x00FFFFFF, .max_pdu = 0x400
    };
    struct axdr_out o = axdr_out(plain, sizeof plain);
    initiate_emit_req(&o, &req);
    return (struct acse_aarq){ .has_context = true,
                               .context = CONTEXT_LN,
                               .has_mechanism = true,
                               .mechanism = MECH_LLS,
                               .auth = { (const uint8_t *)"12345678", 8 },
                               .user = { plain, o.len } };
}

static void rebuild(struct acse_aarq *a)
{
    struct axdr_out o = axdr_out(plain, sizeof plain);
    initiate_emit_req(&o, &req);
    a->user = (struct acse_view){ plain, o.len };
}

static size_t ask(uint16_t sap, const struct acse_aarq *a, struct acse_aare *e)
{
    uint8_t v[MAX];
    const uint8_t *answer;
    int n = acse_write_aarq(v, sizeof v, a);
    assert_true(n > 0);
    size_t m = bench_ask(b, 0, sap, v, (size_t)n, &answer);
    if (m) assert_int_equal(acse_read_aare(answer, m, e), 0);
    return m;
}

static void refused(uint16_t sap, const struct acse_aarq *a, uint8_t result, bool provider,
                    uint8_t diagnostic, int error)
{
    struct acse_aare e;
    assert_true(ask(sap, a, &e) > 0);
    assert_int_equal(e.result, result);
    assert_int_equal(e.provider, provider);
    assert_int_equal(e.diagnostic, diagnostic);
    if (error < 0) {
        assert_null(e.user.p);
    } else {
        const uint8_t want[4] = { 0x0E, 1, (uint8_t)(error >> 8), (uint8_t)error };
        assert_int_equal(e.user.n, 4);
        assert_memory_equal(e.user.p, want, 4);
    }
    const uint8_t *answer; /* and nothing is open */
    assert_int_equal(bench_ask(b, 0, sap, get_name, sizeof get_name, &answer), 3);
    assert_memory_equal(answer, ((uint8_t[]){ 0xD8, 1, 2 }), 3);
}

static void test_accepted(void **state)
{
    struct acse_aare e;
    struct initiate_res r;
    (void)state;
    struct acse_aarq a = good();
    assert_true(ask(SAP_READER, &a, &e) > 0);
    assert_true(e.result == 0 && e.diagnostic == 0 && !e.title.p && !e.has_mechanism);
    struct axdr_in in = axdr_in(e.user.p, e.user.n);
    assert_int_equal(initiate_read_res(&in, &r), 0);
    assert_true(r.version == 6 && r.vaa == 7 && r.max_pdu == BENCH_RX && !r.has_quality);
    assert_int_equal(r.conformance & XDLMS_C_SN, 0);
    req.has_quality = true;
    req.quality = -3;
    req.version = 7;
    rebuild(&a);
    assert_true(ask(SAP_READER, &a, &e) > 0);
    in = axdr_in(e.user.p, e.user.n);
    assert_int_equal(initiate_read_res(&in, &r), 0);
    assert_true(e.result == 0 && r.has_quality && r.quality == -3 && r.version == 6);
    req.response = false; /* an unconfirmed association */
    rebuild(&a);
    assert_int_equal(ask(SAP_READER, &a, &e), 0);
    const uint8_t *answer;
    assert_int_equal(bench_ask(b, 0, SAP_READER, get_name, sizeof get_name, &answer), 14);
}

static void test_context(void **state)
{
    struct acse_aare e;
    (void)state;
    struct acse_aarq a = good();
    a.context = CONTEXT_SN;
    refused(SAP_READER, &a, 1, false, ACSE_D_CONTEXT, -1);
    a.context = CONTEXT_LN_CIPHERED; /* not this client's */
    refused(SAP_READER, &a, 1, false, ACSE_D_CONTEXT, -1);
    a.has_context = false;
    refused(SAP_READER, &a, 1, false, ACSE_D_CONTEXT, -1);
    a = good();
    assert_int_equal(ask(99, &a, &e), 0); /* nobody's address: silence */
    assert_int_equal(ask(SAP_PUSH, &a, &e), 0);
}

static void test_version(void **state)
{
    static const uint8_t good_bits[] = { 0x80, 2, 2, 0x84 }, bad_bits[] = { 0x80, 2, 2, 0x44 };
    uint8_t v[MAX];
    const uint8_t *answer;
    struct acse_aare e;
    (void)state;
    struct acse_aarq a = good();
    int n = acse_write_aarq(v, sizeof v, &a);
    memmove(v + 6, v + 2, (size_t)n - 2);
    v[1] = (uint8_t)(v[1] + 4);
    memcpy(v + 2, good_bits, 4); /* 100001 contains version 1 */
    size_t m = bench_ask(b, 0, SAP_READER, v, (size_t)n + 4, &answer);
    assert_true(acse_read_aare(answer, m, &e) == 0 && e.result == 0);
    memcpy(v + 2, bad_bits, 4);
    m = bench_ask(b, 0, SAP_READER, v, (size_t)n + 4, &answer);
    assert_true(acse_read_aare(answer, m, &e) == 0 && e.result == 1 && e.provider &&
                e.diagnostic == 2);
}

static void test_authentication(void **state)
{
    (void)state;
    struct acse_aarq a = good();
    a.auth.p = (const uint8_t *)"12345679";
    refused(SAP_READER, &a, 1, false, ACSE_D_AUTH_FAILED, -1);
    assert_int_equal(b->failures, 1);
    assert_true(bench_noted(b, NOTE_AUTH_FAILED));
    a.auth = (struct acse_view){ (const uint8_t *)"123456789", 9 };
    refused(SAP_READER, &a, 1, false, ACSE_D_AUTH_FAILED, -1);
    a.auth = (struct acse_view){ (const uint8_t *)"1234567", 7 };
    refused(SAP_READER, &a, 1, false, ACSE_D_AUTH_FAILED, -1);
    a.auth.p = NULL;
    refused(SAP_READER, &a, 1, false, ACSE_D_AUTH_FAILED, -1);
    assert_int_equal(b->failures, 4);
    a = good();
    a.has_mechanism = false;
    refused(SAP_READER, &a, 1, false, ACSE_D_MECHANISM_REQUIRED, -1);
    a.auth.p = NULL;
    refused(SAP_READER, &a, 1, false, ACSE_D_AUTH_REQUIRED, -1);
    a = good();
    a.mechanism = MECH_GMAC;
    a.title = (struct acse_view){ b->security.client_title, 8 };
    refused(SAP_READER, &a, 1, false, ACSE_D_MECHANISM_UNKNOWN, -1);
    a = good();
    a.mechanism = 9;
    refused(SAP_READER, &a, 1, false, ACSE_D_MECHANISM_UNKNOWN, -1);
    struct acse_aare e;
    a = good();
    assert_true(ask(SAP_READER, &a, &e) > 0 && e.result == 0);
    assert_int_equal(b->failures, 0);
}

static void test_locked(void **state)
{
    (void)state;
    b->locked[LINK_WAN] = true;
    struct acse_aarq a = good();
    refused(SAP_READER, &a, 2, false, ACSE_D_NO_REASON, -1);
    assert_true(bench_noted(b, NOTE_LOCKED));
    bench_open(b, 0, DLMS_TCP, LINK_RS485); /* another way in is not */
    struct acse_aare e;
    assert_true(ask(SAP_READER, &a, &e) > 0 && e.result == 0);
}

static void test_initiate(void **state)
{
    (void)state;
    struct acse_aarq a = good();
    req.version = 5;
    rebuild(&a);
    refused(SAP_READER, &a, 1, false, ACSE_D_NO_REASON, 0x0601);
    a = good();
    req.max_pdu = 11;
    rebuild(&a);
    refused(SAP_READER, &a, 1, false, ACSE_D_NO_REASON, 0x0603);
    a = good();
    req.conformance = XDLMS_C_SN | XDLMS_C_BLOCK_GET;
    rebuild(&a);
    refused(SAP_READER, &a, 1, false, ACSE_D_NO_REASON, 0x0602);
    a = good();
    req.dedicated = true;
    req.key_len = 16;
    rebuild(&a);
    refused(SAP_READER, &a, 1, false, ACSE_D_NO_REASON, 0x0000);
    a = good();
    a.user.p = NULL;
    refused(SAP_READER, &a, 1, false, ACSE_D_NO_REASON, 0x0600);
    a = good();
    a.user.n--;
    refused(SAP_READER, &a, 1, false, ACSE_D_NO_REASON, 0x0600);
}

static void test_broken(void **state)
{
    uint8_t v[MAX];
    const uint8_t *answer;
    (void)state;
    struct acse_aarq a = good();
    int n = acse_write_aarq(v, sizeof v, &a);
    for (int k = 1; k < n; k++)
        assert_int_equal(bench_ask(b, 0, SAP_READER, v, (size_t)k, &answer), 0);
    assert_true(bench_noted(b, NOTE_BROKEN));
    assert_false(b->port[0].closed);
    struct acse_aare e;
    assert_true(ask(SAP_READER, &a, &e) > 0 && e.result == 0);
}

/* -- ciphered contexts -------------------------------------------------------------------- */

static size_t glo_initiate(uint8_t *out, uint8_t sc, uint32_t ic)
{
    struct cipher_key k = { .len = 16 };
    struct cipher_box box = { .tag = 0x21 };
    struct axdr_out text = axdr_out(plain, sizeof plain), o = axdr_out(out, 8);
    initiate_emit_req(&text, &req);
    memcpy(k.ek, b->unicast, 16);
    memcpy(k.ak, b->auth, 16);
    cipher_emit_box(&o, &box, text.len + cipher_extra(sc));
    memcpy(out + o.len + CIPHER_HEAD, plain, text.len);
    return o.len +
           cipher_seal(out + o.len, text.len, sc, ic, &k, b->security.client_title, NULL, 0);
}

static void test_ciphered(void **state)
{
    uint8_t sealed[128], v[MAX];
    struct acse_aare e;
    (void)state;
    struct acse_aarq a = good();
    a.context = CONTEXT_LN_CIPHERED;
    refused(SAP_CIPHERED_LLS, &a, 1, false, ACSE_D_CALLING_TITLE, -1);
    a.title = (struct acse_view){ b->security.client_title, 7 };
    refused(SAP_CIPHERED_LLS, &a, 1, false, ACSE_D_CALLING_TITLE, -1);
    b->security.titled = true;
    a.title = (struct acse_view){ (const uint8_t *)"MGC\0\0\0\0\2", 8 };
    refused(SAP_CIPHERED_LLS, &a, 1, false, ACSE_D_CALLING_TITLE, -1);
    a.title.p = b->security.client_title;
    b->security.policy = PROT_AUTH_REQ | PROT_CRYPT_REQ;
    refused(SAP_CIPHERED_LLS, &a, 1, false, ACSE_D_NO_REASON, 0x0006); /* plain */
    assert_true(bench_noted(b, NOTE_POLICY));
    a.user = (struct acse_view){ sealed, glo_initiate(sealed, 0x10, 3) };
    refused(SAP_CIPHERED_LLS, &a, 1, false, ACSE_D_NO_REASON, 0x0006); /* not encrypted */
    a.user = (struct acse_view){ sealed, glo_initiate(sealed, 0x31, 4) };
    refused(SAP_CIPHERED_LLS, &a, 1, false, ACSE_D_NO_REASON, 0x0006); /* another suite */
    a.user = (struct acse_view){ sealed, glo_initiate(sealed, 0x30, 5) };
    sealed[12] ^= 1;
    refused(SAP_CIPHERED_LLS, &a, 1, false, ACSE_D_NO_REASON, 0x0006);
    assert_true(bench_noted(b, NOTE_DECRYPT_FAILED));
    assert_int_equal(b->failures, 1);
    a.user = (struct acse_view){ sealed, glo_initiate(sealed, 0x30, 5) };
    assert_true(ask(SAP_CIPHERED_LLS, &a, &e) > 0 && e.result == 0);
    assert_true(e.title.n == 8 && e.user.p[0] == 0x28);
    /* the same octets again: told which counter is wanted */
    const uint8_t *answer;
    a.user = (struct acse_view){ sealed, glo_initiate(sealed, 0x30, 5) };
    int n = acse_write_aarq(v, sizeof v, &a);
    assert_int_equal(bench_ask(b, 0, SAP_CIPHERED_LLS, v, (size_t)n, &answer), 7);
    assert_memory_equal(answer, ((uint8_t[]){ 0xD8, 1, 6, 0, 0, 0, 6 }), 7);
    assert_true(bench_noted(b, NOTE_REPLAY));
}

/* -- high level -----------------------------------------------------------------------------
 */

static size_t play(const struct cases *c, const char *field, uint16_t sap, const uint8_t **a)
{
    uint8_t v[MAX];
    size_t n = cases_hex(c, field, v, MAX);
    return bench_ask(b, 0, sap, v, n, a);
}

static void find(struct cases *c, const char *name)
{
    cases_seek(c, ROOT "/tests/vectors/dlms.txt", name);
}

static void test_hls6(void **state)
{
    static struct cases c;
    const uint8_t *a;
    uint8_t want[MAX];
    (void)state;
    find(&c, "hls6");
    b->random_n = cases_hex(&c, "in_stoc", b->random, sizeof b->random);
    b->assoc[ROLE_SHA].conformance = 0x60FE9F;
    size_t n = play(&c, "out_aarq", SAP_SHA, &a), m = cases_hex(&c, "out_aare", want, MAX);
    want[m - 6] = 0x1E; /* attribute 0 and priority are not offered here */
    assert_int_equal(n, m);
    assert_memory_equal(a, want, n);
    assert_int_equal(bench_ask(b, 0, SAP_SHA, get_name, sizeof get_name, &a), 3); /* pending */
    assert_memory_equal(a, ((uint8_t[]){ 0xD8, 1, 1 }), 3);
    n = play(&c, "out_pass3", SAP_SHA, &a);
    m = cases_hex(&c, "out_pass4", want, MAX);
    assert_int_equal(n, m);
    assert_memory_equal(a, want, n);
    assert_int_equal(bench_ask(b, 0, SAP_SHA, get_name, sizeof get_name, &a), 14);
    play(&c, "out_aarq", SAP_SHA, &a);
    b->server.links->first->challenge->stoc[0] ^=
        1; /* another challenge: the same answer fails */
    n = play(&c, "out_pass3", SAP_SHA, &a);
    assert_int_equal(n, 5);
    assert_memory_equal(a, ((uint8_t[]){ 0xC7, 1, 0xC1, 250, 0 }), 5);
    assert_int_equal(b->failures, 1);
    assert_int_equal(bench_ask(b, 0, SAP_SHA, get_name, sizeof get_name, &a), 3);
}

static void test_hls5(void **state)
{
    uint32_t ic = 0;
    const uint8_t *a;
    (void)state;
    bench_associate(b, 0, SAP_MANAGEMENT, 0, &ic);
    assert_int_equal(ic, 3); /* initiate, the answer, the APDU around it */
    assert_int_equal(b->floor[ROLE_MANAGEMENT][0], 3);
    assert_int_equal(b->counter[0], 3);
    b->assoc[ROLE_MANAGEMENT].flags = ASSOC_PLAIN; /* the counter is judged there too */
    bench_associate(b, 0, SAP_MANAGEMENT, 0, &ic);
    assert_int_equal(b->floor[ROLE_MANAGEMENT][0], 4);
    assert_int_equal(bench_ask(b, 0, SAP_MANAGEMENT, get_name, sizeof get_name, &a), 14);
}

/* Mechanisms 3 and 4, only where a row of the table allows them: H(challenge || secret). */
static void test_hls_old(void **state)
{
    (void)state;
    for (unsigned m = MECH_MD5; m <= MECH_SHA1; m++) {
        uint8_t f[64] = { 0xC3, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 255, 1, 1, 9 }, text[64],
                want[20];
        const uint8_t *answer;
        size_t n = m == MECH_MD5 ? 16 : 20;
        struct acse_aare e;
        struct acse_aarq a = good();
        b->assoc[ROLE_READER].mechanisms = 1u << 1;
        a.mechanism = (uint8_t)m;
        a.auth = (struct acse_view){ (const uint8_t *)"abcdefgh", 8 };
        refused(SAP_READER, &a, 1, false, ACSE_D_MECHANISM_UNKNOWN, -1);
        b->assoc[ROLE_READER].mechanisms = (uint8_t)(1u << m);
        assert_true(ask(SAP_READER, &a, &e) > 0 && e.result == 0 && e.diagnostic == 14);
        memcpy(text, e.auth.p, e.auth.n);
        memcpy(text + e.auth.n, "12345678", 8);
        f[14] = (uint8_t)n;
        (m == MECH_MD5 ? md5 : sha1)(f + 15, text, e.auth.n + 8);
        size_t got = bench_ask(b, 0, SAP_READER, f, 15 + n, &answer);
        assert_int_equal(got, 8 + n);
        memcpy(text, "abcdefgh12345678", 16);
        (m == MECH_MD5 ? md5 : sha1)(want, text, 16);
        assert_memory_equal(answer + 8, want, n);
        assert_int_equal(bench_ask(b, 0, SAP_READER, get_name, sizeof get_name, &answer), 14);
        ask(SAP_READER, &a, &e);
        f[20] ^= 1;
        assert_int_equal(bench_ask(b, 0, SAP_READER, f, 15 + n, &answer), 5);
        assert_int_equal(answer[3], 250);
    }
}

/* -- small PDUs ---------------------------------------------------------------------------- */

/* An APDU as it is, or under the keys; its answer, opened. */
static size_t say(bool ciphered, bool general, uint32_t *ic, const void *p, size_t n,
                  uint8_t *out)
{
    const uint8_t *answer;
    if (ciphered) return bench_ask_sealed(b, 0, SAP_MANAGEMENT, general, ic, p, n, out);
    n = bench_ask(b, 0, SAP_MANAGEMENT, p, n, &answer);
    memcpy(out, answer, n);
    return n;
}

/* f(StoC) by mechanism; its length. */
static size_t reply_of(uint8_t mechanism, struct acse_view stoc, uint32_t *ic, uint8_t *f)
{
    const uint8_t *own = b->security.client_title, *theirs = b->security.server_title;
    const uint8_t seed[32] = { 7 };
    struct cipher_key k = { .len = 16 };
    struct cipher_view got = { stoc.p, stoc.n }, sent = { (const uint8_t *)challenge, 32 };
    uint8_t text[128], h[32];
    switch (mechanism) {
    case MECH_GMAC:
        memcpy(k.ek, b->unicast, 16);
        memcpy(k.ak, b->auth, 16);
        hls5_answer(f, b->security.suite, (*ic)++, &k, own, stoc.p, stoc.n);
        return HLS5_ANSWER;
    case MECH_SHA256:
        hls_digest(f, (struct cipher_view){ (const uint8_t *)"12345678", 8 }, own, theirs, got,
                   sent);
        return 32;
    case MECH_ECDSA:
        hls_digest(h, (struct cipher_view){ NULL, 0 }, own, theirs, got, sent);
        assert_int_equal(ec_sign(f, b->server_sign, h, seed), 0);
        return 64;
    }
    memcpy(text, stoc.p, stoc.n);
    memcpy(text + stoc.n, "12345678", 8);
    (mechanism == MECH_MD5 ? md5 : sha1)(f, text, stoc.n + 8);
    return mechanism == MECH_MD5 ? 16 : 20;
}

/* The name by GET, in however many blocks; no answer is longer than `most`. */
static void fetch_name(bool ciphered, bool general, uint32_t *ic, size_t most)
{
    uint8_t out[MAX], next[] = { 0xC0, 2, 0xC1, 0, 0, 0, 0 }, data[16];
    size_t got = 0, n = say(ciphered, general, ic, get_name, sizeof get_name, out);
    assert_true(b->port[0].out_n <= most + WRAPPER_HEAD);
    if (out[1] == 1) {
        assert_int_equal(n, 14);
        assert_memory_equal(out + 3,
                            "\0\x09\x08"
                            "22000042",
                            11);
        return;
    }
    for (bool last = false; !last; next[6]++) {
        if (next[6]) n = say(ciphered, general, ic, next, sizeof next, out);
        assert_true(b->port[0].out_n <= most + WRAPPER_HEAD);
        assert_true(n > 10 && out[0] == 0xC4 && out[1] == 2 && out[8] == 0);
        assert_int_equal(n, 10u + out[9]);
        assert_true(got + out[9] <= sizeof data);
        memcpy(data + got, out + 10, out[9]);
        got += out[9];
        last = out[3];
    }
    assert_int_equal(got, 10);
    assert_memory_equal(data,
                        "\x09\x08"
                        "22000042",
                        10);
}

/* Associate as a client that takes so many octets, and read. Was the size refused, with its
 * error? That all else is well is asserted. */
static bool is_size_refused(uint16_t size, bool ciphered, bool general, uint8_t mechanism)
{
    static uint32_t ic;
    uint8_t sealed[128], stoc[64], out[MAX];
    uint8_t f[96] = { 0xC3, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 255, 1, 1, 9 };
    struct acse_aare e;
    struct acse_aarq a = good();
    req.max_pdu = size;
    rebuild(&a);
    if (ic < b->floor[ROLE_MANAGEMENT][0]) ic = b->floor[ROLE_MANAGEMENT][0];
    a.context = ciphered ? CONTEXT_LN_CIPHERED : CONTEXT_LN;
    a.title = (struct acse_view){ b->security.client_title, 8 };
    a.mechanism = mechanism;
    a.has_mechanism = mechanism != MECH_NONE;
    if (mechanism == MECH_NONE) a.auth.p = NULL;
    if (mechanism > MECH_LLS) a.auth = (struct acse_view){ (const uint8_t *)challenge, 32 };
    if (ciphered) {
        uint8_t sc = (uint8_t)(SC_AUTH | SC_CRYPT | b->security.suite);
        a.user = (struct acse_view){ sealed, glo_initiate(sealed, sc, ic++) };
    }
    assert_true(ask(SAP_MANAGEMENT, &a, &e) > 0);
    if (e.result) {
        assert_int_equal(e.diagnostic, ACSE_D_NO_REASON);
        assert_int_equal(e.user.n, 4);
        assert_memory_equal(e.user.p, ((uint8_t[]){ 0x0E, 1, 6, 3 }), 4);
        return true;
    }
    if (mechanism > MECH_LLS) {
        memcpy(stoc, e.auth.p, e.auth.n);
        size_t n = reply_of(mechanism, (struct acse_view){ stoc, e.auth.n }, &ic, f + 15);
        f[14] = (uint8_t)n;
        assert_int_equal(say(ciphered, general, &ic, f, 15 + n, out), 8 + n);
        assert_true(out[0] == 0xC7 && out[3] == 0);
    }
    fetch_name(ciphered, general, &ic, size ? size : MAX);
    return false;
}

static void test_small(void **state)
{
    static const uint16_t plain_least[MECHS] = { 12, 12, 0, 24, 28, 25, 40, 72 };
    const uint8_t seed[32] = { 9 };
    (void)state;
    b->random_n = 0;
    assert_int_equal(ec_keygen(b->server_sign, b->client_sign_q, seed), 0);
    b->assoc[ROLE_MANAGEMENT].mechanisms = 0xFF & ~(1u << MECH_MANUFACTURER);
    for (uint8_t m = MECH_NONE; m < MECHS; m++) {
        if (m == MECH_MANUFACTURER) continue;
        b->security.suite = m == MECH_ECDSA;
        for (unsigned ciphered = 0; ciphered < 2; ciphered++) {
            unsigned least = plain_least[m] + (ciphered ? 28u : 0);
            for (unsigned general = 0; general <= ciphered; general++)
                for (uint16_t size = 0; size <= 128; size++)
                    assert_int_equal(is_size_refused(size, ciphered, general, m),
                                     size && size < least);
        }
    }
}

/* A policy that has answers signed leaves less room: what is let in is answered, signed. */
static void test_small_signed(void **state)
{
    enum { LEAST = 147 };
    const uint8_t seed[32] = { 9 }, sc = SC_AUTH | SC_CRYPT | 1;
    uint8_t sealed[128], get[64];
    struct cipher_box box = { .tag = 0xC8 };
    struct cipher_key k = { .len = 16 };
    uint32_t ic = 1;
    (void)state;
    assert_int_equal(ec_keygen(b->server_sign, b->client_sign_q, seed), 0);
    memcpy(k.ek, b->unicast, 16);
    memcpy(k.ak, b->auth, 16);
    b->security.suite = 1;
    b->security.policy = PROT_SIGN_RES;
    for (uint16_t size = 0; size <= LEAST + 3; size++) {
        const uint8_t *answer;
        struct acse_aare e;
        struct acse_aarq a = good();
        req.max_pdu = size;
        a.context = CONTEXT_LN_CIPHERED;
        a.title = (struct acse_view){ b->security.client_title, 8 };
        a.user = (struct acse_view){ sealed, glo_initiate(sealed, sc, ic++) };
        assert_true(ask(SAP_CIPHERED_LLS, &a, &e) > 0);
        assert_int_equal(e.result != 0, size && size < LEAST);
        if (e.result) {
            assert_memory_equal(e.user.p, ((uint8_t[]){ 0x0E, 1, 6, 3 }), 4);
            continue;
        }
        struct axdr_out o = axdr_out(get, sizeof get);
        cipher_emit_box(&o, &box, sizeof get_name + cipher_extra(sc));
        memcpy(get + o.len + CIPHER_HEAD, get_name, sizeof get_name);
        o.len += cipher_seal(get + o.len, sizeof get_name, sc, ic++, &k,
                             b->security.client_title, NULL, 0);
        size_t n = bench_ask(b, 0, SAP_CIPHERED_LLS, get, o.len, &answer);
        assert_true(n > 0 && answer[0] == XDLMS_GENERAL_SIGNING && (size == 0 || n <= size));
    }
}

static void test_pending_ends(void **state)
{
    static struct cases c;
    const uint8_t *a;
    (void)state;
    find(&c, "hls6");
    play(&c, "out_aarq", SAP_SHA, &a);
    assert_non_null(dlms_find_session(&b->server, ROLE_SHA));
    bench_wait(b, 29000000);
    assert_int_equal(bench_ask(b, 0, SAP_SHA, get_name, sizeof get_name, &a), 3);
    assert_non_null(dlms_find_session(&b->server, ROLE_SHA));
    bench_wait(b, 2000000); /* what it asked meanwhile did not win time */
    assert_null(dlms_find_session(&b->server, ROLE_SHA));
    /* a challenge that is the meter's own to somebody else */
    play(&c, "out_aarq", SAP_SHA, &a);
    uint8_t v[MAX];
    size_t n = cases_hex(&c, "out_aarq", v, MAX);
    struct acse_aarq q;
    assert_int_equal(acse_read_aarq(v, n, &q), 0);
    struct dlms_challenge *ch = b->server.links->first->challenge;
    q.auth = (struct acse_view){ ch->stoc, ch->stoc_n };
    q.title = (struct acse_view){ b->security.client_title, 8 };
    q.mechanism = MECH_GMAC;
    struct acse_aare e;
    assert_true(ask(SAP_MANAGEMENT, &q, &e) > 0 && e.result == 1 && e.diagnostic == 13);
}

/* -- release, several clients, the end of the pool --------------------------------------------
 */

static void test_release(void **state)
{
    uint32_t ic = 0;
    const uint8_t *a;
    (void)state;
    static const uint8_t rlrq[] = { 0x62, 3, 0x80, 1, 0 }, bare[] = { 0x62, 0 };
    assert_int_equal(bench_ask(b, 0, SAP_READER, rlrq, sizeof rlrq, &a), 0);
    bench_associate(b, 0, SAP_READER, 0, &ic);
    assert_int_equal(bench_ask(b, 0, SAP_READER, bare, sizeof bare, &a), 2);
    assert_memory_equal(a, ((uint8_t[]){ 0x63, 0 }), 2);
    assert_true(bench_noted(b, NOTE_CLOSED));
    bench_associate(b, 0, SAP_CIPHERED_LLS, 0, &ic);
    static const uint8_t junk[] = { 0x62, 0x0B, 0x80, 1, 0, 0xBE, 6, 4, 4, 0x21, 2, 0x30, 0 };
    assert_int_equal(bench_ask(b, 0, SAP_CIPHERED_LLS, junk, sizeof junk, &a), 0);
    assert_non_null(dlms_find_session(&b->server, ROLE_CIPHERED_LLS));
    assert_int_equal(bench_ask(b, 0, SAP_CIPHERED_LLS, rlrq, sizeof rlrq, &a), 5);
    assert_null(dlms_find_session(&b->server, ROLE_CIPHERED_LLS));
}

static void test_several(void **state)
{
    uint32_t ic = 0;
    const uint8_t *a;
    (void)state;
    static const uint16_t saps[] = { SAP_PUBLIC, SAP_READER, SAP_MANAGEMENT, SAP_CIPHERED_LLS };
    bench_open(b, 1, DLMS_TCP, LINK_RS485);
    for (unsigned i = 0; i < 8; i++) bench_associate(b, i / 4, saps[i % 4], 0, &ic);
    for (unsigned i = 0; i < 8; i++)
        if (i % 4 < 2)
            assert_int_equal(bench_ask(b, i / 4, saps[i % 4], get_name, sizeof get_name, &a),
                             14);
    static const uint8_t partners[] = { 0xC0, 1, 0xC1, 0, 15, 0, 0, 40, 0, 0, 0xFF, 3, 0 };
    assert_int_equal(bench_ask(b, 1, SAP_READER, partners, sizeof partners, &a), 11);
    assert_memory_equal(a + 4, ((uint8_t[]){ 2, 2, 15, 32, 18, 0, 1 }), 7);
    dlms_link_close(&b->server, &b->port[0].link);
    b->port[0].up = false;
    assert_int_equal(bench_ask(b, 1, SAP_READER, get_name, sizeof get_name, &a), 14);
    dlms_end(&b->server, ROLE_READER);
    assert_int_equal(bench_ask(b, 1, SAP_READER, get_name, sizeof get_name, &a), 3);
    assert_int_equal(bench_ask(b, 1, SAP_PUBLIC, get_name, sizeof get_name, &a), 14);
}

static void test_pool_ends(void **state)
{
    struct acse_aare e;
    (void)state;
    b->pool.free = b->pool.free->next; /* two sessions are left */
    b->pool.free->next = NULL;
    struct acse_aarq a = good();
    assert_true(ask(SAP_READER, &a, &e) > 0 && e.result == 0);
    assert_true(ask(SAP_PUBLIC, &a, &e) > 0 && e.result == 2); /* rejected, transient */
    assert_false(b->port[0].closed);
    const uint8_t *answer;
    assert_int_equal(bench_ask(b, 0, SAP_READER, get_name, sizeof get_name, &answer), 14);
    static const uint8_t rlrq[] = { 0x62, 0 }; /* who has no association makes room */
    assert_int_equal(bench_ask(b, 0, SAP_READER, rlrq, sizeof rlrq, &answer), 2);
    bench_open(b, 1, DLMS_TCP, LINK_RS485);
    uint32_t ic = 0;
    bench_associate(b, 1, SAP_PUBLIC, 0, &ic);
    assert_int_equal(bench_ask(b, 1, SAP_PUBLIC, get_name, sizeof get_name, &answer), 14);
}

static void test_slow(void **state)
{
    static const uint8_t apdu[] = { 0, 1, 0, 16, 0,  1, 0, 13,   0xC0, 1, 0xC1,
                                    0, 1, 0, 0,  96, 1, 0, 0xFF, 2,    0 };
    (void)state;
    for (unsigned start = 0; start < 12; start += 11) { /* in the head, in the body */
        unsigned i = 0;
        bench_open(b, 0, DLMS_TCP, LINK_WAN);
        bench_feed(b, 0, apdu, start);
        for (; i + start + 1 < sizeof apdu && !b->port[0].closed; i++) {
            bench_feed(b, 0, apdu + start + i, 1);
            bench_wait(b, 8000000); /* an octet now and then does not keep it */
        }
        assert_true(b->port[0].closed && i <= 4);
    }
}

static void test_wrapper(void **state)
{
    (void)state;
    static const uint8_t wrong_version[] = { 0, 2, 0, 16, 0, 1, 0, 1, 0 };
    static const uint8_t half[] = { 0, 1, 0, 16 };
    bench_feed(b, 0, wrong_version, sizeof wrong_version);
    assert_true(b->port[0].closed);
    bench_open(b, 0, DLMS_TCP, LINK_WAN);
    bench_feed(b, 0, half, sizeof half);
    bench_wait(b, 29000000);
    assert_false(b->port[0].closed);
    bench_wait(b, 2000000);
    assert_true(b->port[0].closed);
    bench_open(b, 0, DLMS_TCP, LINK_WAN);
    bench_wait(b, 121000000); /* idle */
    assert_true(b->port[0].closed);
    bench_open(b, 0, DLMS_TCP, LINK_WAN);
    static const uint8_t huge[] = { 0, 1, 0, 16, 0, 1, 0xFF, 0xFF };
    bench_feed(b, 0, huge, sizeof huge);
    assert_true(b->port[0].closed);
    /* several APDUs in one segment, and one octet at a time */
    static const uint8_t two[] = {
        0, 1, 0, 16, 0, 1, 0, 13, 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0,
        0, 1, 0, 16, 0, 1, 0, 13, 0xC0, 1, 0xC2, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0
    };
    uint32_t ic = 0;
    bench_open(b, 0, DLMS_TCP, LINK_WAN);
    bench_associate(b, 0, SAP_PUBLIC, 0, &ic);
    b->port[0].out_n = 0;
    bench_feed(b, 0, two, sizeof two);
    assert_int_equal(b->port[0].out_n, 2 * (8 + 14));
    b->port[0].out_n = 0;
    for (size_t i = 0; i < sizeof two; i++) bench_feed(b, 0, two + i, 1);
    assert_int_equal(b->port[0].out_n, 2 * (8 + 14));
    assert_int_equal(b->port[0].out[8 + 14 + 10], 0xC2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepted, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_context, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_version, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_authentication, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_locked, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_initiate, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_ciphered, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_hls6, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_hls5, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_small, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_small_signed, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_pending_ends, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_release, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_several, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_pool_ends, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_wrapper, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_slow, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_hls_old, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
