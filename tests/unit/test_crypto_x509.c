/* Certificates and requests: OpenSSL makes what we read, and reads what we make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/err.h"
#include "crypto/rng.h"
#include "crypto/sha256.h"
#include "crypto/x509.h"

static struct rng dice;

static int setup(void **state)
{
    (void)state;
    rng_seed(&dice, "x509", 4);
    return 0;
}

struct pair {
    uint8_t key[EC_KEY], point[EC_POINT];
};

static struct pair new_pair(void)
{
    struct pair p;
    uint8_t seed[EC_SEED];
    rng_get(&dice, seed, sizeof seed);
    assert_int_equal(ec_keygen(p.key, p.point, seed), 0);
    return p;
}

static int sealed(uint8_t *buf, int n, size_t size, const struct pair *by)
{
    uint8_t hash[EC_HASH], sig[EC_SIG], seed[EC_SEED] = { 0 };
    sha256(hash, buf, (size_t)n);
    assert_int_equal(ec_sign(sig, by->key, hash, seed), 0);
    return x509_seal(buf, (size_t)n, size, sig);
}

static bool holds(const struct x509 *x, const uint8_t point[EC_POINT])
{
    uint8_t hash[EC_HASH];
    x509_hash(x, hash);
    return ec_verify(point, hash, x->sig) == 0;
}

/* ---- ours, read by OpenSSL */

static const uint8_t title[8] = { 'M', 'A', 'G', 0x22, 0, 0xBC, 0x61, 0x4E };

static void openssl_takes_our_request(void **state)
{
    uint8_t buf[512];
    const uint8_t *p = buf;
    char cn[32];
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct pair own = new_pair();
        struct x509 x;
        int n = x509_put_request(buf, sizeof buf, title, own.point);
        assert_true(n > 0);
        n = sealed(buf, n, sizeof buf, &own);
        assert_true(n > 0);
        p = buf;
        X509_REQ *req = d2i_X509_REQ(NULL, &p, n);
        assert_non_null(req);
        assert_ptr_equal(p, buf + n);
        EVP_PKEY *key = X509_REQ_get_pubkey(req);
        assert_int_equal(X509_REQ_verify(req, key), 1);
        X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(req), NID_commonName, cn,
                                  sizeof cn);
        assert_string_equal(cn, "4D41472200BC614E");
        EVP_PKEY_free(key);
        X509_REQ_free(req);
        assert_int_equal(x509_read_request(&x, buf, (size_t)n), 0);
        assert_true(x509_is_titled(&x, title));
        assert_memory_equal(x.point, own.point, EC_POINT);
        assert_true(holds(&x, own.point));
    }
}

static void openssl_takes_our_certificates(void **state)
{
    uint8_t root[X509_MAX], leaf[X509_MAX];
    (void)state;
    for (int i = 0; i < 30; i++) {
        struct pair ca = new_pair(), own = new_pair();
        struct x509_plan plan = { .serial = { 0, 0, 1, (uint8_t)rng_below(&dice, 256) },
                                  .issuer_cn = "Magno development CA",
                                  .subject_cn = "Magno development CA",
                                  .not_before = { 1767225600 },
                                  .not_after = { i % 2 ? 2524607999 : 4102444800 },
                                  .usage = X509_KEY_CERT_SIGN };
        const uint8_t *p = root, *q = leaf;
        memcpy(plan.point, ca.point, EC_POINT);
        int n = x509_put_cert(root, sizeof root, &plan);
        n = sealed(root, n, sizeof root, &ca);
        assert_true(n > 0);
        X509 *rx = d2i_X509(NULL, &p, n);
        assert_non_null(rx);

        plan.issuer_point = ca.point;
        plan.subject_cn = "4D41472200BC614E";
        plan.usage = i % 3 ? X509_DIGITAL_SIGNATURE : X509_KEY_AGREEMENT;
        memcpy(plan.point, own.point, EC_POINT);
        int m = x509_put_cert(leaf, sizeof leaf, &plan);
        m = sealed(leaf, m, sizeof leaf, &ca);
        assert_true(m > 0);
        X509 *lx = d2i_X509(NULL, &q, m);
        assert_non_null(lx);
        assert_ptr_equal(q, leaf + m);

        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *ctx = X509_STORE_CTX_new();
        X509_STORE_add_cert(store, rx);
        X509_STORE_CTX_init(ctx, store, lx, NULL);
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), 1800000000);
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
        assert_int_equal(X509_verify_cert(ctx), 1);
        assert_int_equal(
            ASN1_STRING_cmp(X509_get0_subject_key_id(rx), X509_get0_authority_key_id(lx)), 0);
        assert_int_not_equal(
            ASN1_STRING_cmp(X509_get0_subject_key_id(rx), X509_get0_subject_key_id(lx)), 0);
        X509_STORE_CTX_free(ctx);
        assert_int_equal(X509_get_key_usage(lx),
                         i % 3 ? X509v3_KU_DIGITAL_SIGNATURE : X509v3_KU_KEY_AGREEMENT);

        struct x509 a, b;
        assert_int_equal(x509_read(&a, root, (size_t)n), 0);
        assert_int_equal(x509_read(&b, leaf, (size_t)m), 0);
        assert_true(x509_issued(&a, &a) && x509_issued(&a, &b) && !x509_issued(&b, &b));
        assert_true(holds(&a, ca.point) && holds(&b, ca.point) && !holds(&b, own.point));
        assert_true(x509_is_titled(&b, title) && !x509_is_titled(&a, title));
        assert_int_equal(b.usage, plan.usage);
        assert_true(a.is_ca && !b.is_ca);
        assert_true(b.not_before.s == plan.not_before.s && b.not_after.s == plan.not_after.s);
        assert_true(x509_is_valid_at(&b, plan.not_after) && x509_is_valid_at(&b, b.not_before));
        assert_false(x509_is_valid_at(&b, (utc_t){ plan.not_after.s + 1 }));
        assert_false(x509_is_valid_at(&b, (utc_t){ plan.not_before.s - 1 }));
        X509_STORE_free(store);
        X509_free(rx);
        X509_free(lx);
    }
}

static void a_buffer_too_small_is_an_error(void **state)
{
    uint8_t buf[X509_MAX], sig[EC_SIG] = { 0x80 };
    struct x509_plan plan = {
        .serial = { 1 }, .issuer_cn = "a", .subject_cn = "b", .usage = X509_KEY_CERT_SIGN
    };
    int whole = x509_put_cert(buf, sizeof buf, &plan);
    int request = x509_put_request(buf, sizeof buf, title, plan.point);
    (void)state;
    for (int n = 0; n < whole; n++)
        assert_int_equal(x509_put_cert(buf, (size_t)n, &plan), E_SPACE);
    for (int n = 0; n < request; n++)
        assert_int_equal(x509_put_request(buf, (size_t)n, title, plan.point), E_SPACE);
    int done = x509_seal(buf, (size_t)request, sizeof buf, sig);
    assert_true(done > request);
    request = x509_put_request(buf, sizeof buf, title, plan.point);
    for (int n = 0; n < done; n++)
        assert_int_equal(x509_seal(buf, (size_t)request, (size_t)n, sig), E_SPACE);
    assert_int_equal(x509_seal(buf, (size_t)request, (size_t)done, sig), done);
}

/* ---- OpenSSL's, read by us */

struct wish {
    const char *curve, *usage, *basic, *cn, *extra;
    const EVP_MD *md;
    const char *from, *to;
};

static int made(uint8_t *out, const struct wish *w, EVP_PKEY **key)
{
    X509 *x = X509_new();
    X509V3_CTX ctx;
    *key = EVP_EC_gen(w->curve ? w->curve : "P-256");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1234);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"Some utility", -1, -1,
                               0);
    if (w->cn)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)w->cn, -1, -1, 0);
    X509_set_issuer_name(x, name);
    ASN1_TIME_set_string_X509(X509_getm_notBefore(x), w->from ? w->from : "20260101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), w->to ? w->to : "20491231235959Z");
    X509_set_pubkey(x, *key);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    const char *ext[][2] = { { "keyUsage", w->usage },
                             { "basicConstraints", w->basic },
                             { "subjectKeyIdentifier", "hash" },
                             { w->extra ? "1.2.3.4" : NULL, w->extra } };
    for (int i = 0; i < 4; i++) {
        if (ext[i][1] == NULL) continue;
        X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, ext[i][0], ext[i][1]);
        assert_non_null(e);
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
    assert_true(X509_sign(x, *key, w->md ? w->md : EVP_sha256()) > 0);
    uint8_t *p = out;
    assert_true(i2d_X509(x, NULL) <= X509_MAX);
    int n = i2d_X509(x, &p);
    X509_free(x);
    return n;
}

static void what_openssl_makes_is_read(void **state)
{
    static const struct {
        struct wish wish;
        int err;
        uint8_t usage;
        bool is_ca;
        int64_t to;
    } rows[] = {
        { { .cn = "4d41472200bc614e", .usage = "critical,digitalSignature" },
          0,
          X509_DIGITAL_SIGNATURE,
          false,
          2524607999 },
        { { .cn = "4D41472200BC614E", .usage = "keyAgreement", .to = "99991231235959Z" },
          0,
          X509_KEY_AGREEMENT,
          false,
          INT64_MAX },
        { { .cn = "4D41472200BC614E",
            .usage = "critical,keyCertSign,cRLSign",
            .basic = "critical,CA:TRUE,pathlen:0",
            .to = "20990101000000Z" },
          0,
          X509_KEY_CERT_SIGN,
          true,
          4070908800 },
        { { .cn = "4D41472200BC614E", .basic = "CA:FALSE" }, 0, 0, false, 2524607999 },
        { { .cn = "4D41472200BC614E",
            .usage = "digitalSignature,keyAgreement",
            .extra = "ASN1:NULL" },
          0,
          X509_DIGITAL_SIGNATURE | X509_KEY_AGREEMENT,
          false,
          2524607999 },
        { { .cn = "x", .extra = "critical,ASN1:NULL" }, E_TYPE, 0, false, 0 },
        { { .cn = "x", .curve = "P-384" }, E_TYPE, 0, false, 0 },
        { { .cn = "x", .curve = "secp256k1" }, E_TYPE, 0, false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t der[X509_MAX], octets[80];
        EVP_PKEY *key;
        struct x509 x;
        size_t len;
        int n = made(der, &rows[i].wish, &key);
        assert_int_equal(x509_read(&x, der, (size_t)n), rows[i].err);
        if (rows[i].err == 0) {
            EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof octets,
                                            &len);
            assert_memory_equal(x.point, octets + 1, EC_POINT);
            assert_true(holds(&x, x.point));
            assert_true(x509_is_titled(&x, title));
            assert_int_equal(x.usage, rows[i].usage);
            assert_int_equal(x.is_ca, rows[i].is_ca);
            assert_int_equal(x.not_before.s, 1767225600);
            assert_true(x.not_after.s == rows[i].to);
            assert_int_equal(x.serial.n, 2);
            assert_memory_equal(x.serial.p, "\x12\x34", 2);
        }
        EVP_PKEY_free(key);
    }
}

static void another_digest_is_refused(void **state)
{
    uint8_t der[X509_MAX];
    EVP_PKEY *key;
    struct x509 x;
    struct wish w = { .cn = "x", .md = EVP_sha384() };
    (void)state;
    int n = made(der, &w, &key);
    assert_int_equal(x509_read(&x, der, (size_t)n), E_TYPE);
    EVP_PKEY_free(key);
}

/* Cut anywhere, or with any octet changed: an error, or something OpenSSL takes too. */
static void broken_ones_do_no_harm(void **state)
{
    uint8_t der[X509_MAX];
    EVP_PKEY *key;
    struct x509 x;
    struct wish w = { .cn = "4D41472200BC614E", .usage = "critical,digitalSignature" };
    int n = made(der, &w, &key), taken = 0;
    (void)state;
    for (int cut = 0; cut < n; cut++)
        assert_int_equal(x509_read(&x, der, (size_t)cut), E_FORMAT);
    for (int at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            const uint8_t *p = der;
            der[at] ^= (uint8_t)(1 << bit);
            if (x509_read(&x, der, (size_t)n) == 0) {
                X509 *other = d2i_X509(NULL, &p, n);
                bool is_name =
                    (der + at >= x.issuer.p && der + at < x.issuer.p + x.issuer.n) ||
                    (der + at >= x.subject.p && der + at < x.subject.p + x.subject.n);
                bool is_arc = der[at] & 0x80; /* of an identifier nobody here knows */
                assert_true(other != NULL || is_name || is_arc); /* letters are not judged */
                X509_free(other);
                assert_false(holds(&x, x.point));
                taken++;
            }
            der[at] ^= (uint8_t)(1 << bit);
        }
    assert_true(taken > 100); /* names, numbers, key, signature: form alone is not enough */
    assert_int_equal(x509_read(&x, der, X509_MAX + 1), E_SPACE);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_takes_our_request),
        cmocka_unit_test(openssl_takes_our_certificates),
        cmocka_unit_test(a_buffer_too_small_is_an_error),
        cmocka_unit_test(what_openssl_makes_is_read),
        cmocka_unit_test(another_digest_is_refused),
        cmocka_unit_test(broken_ones_do_no_harm),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
