/* Every case of vectors/crypto.txt through the primitive its op names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "cases.h"
#include "crypto/des.h"
#include "crypto/ec.h"
#include "crypto/gcm.h"
#include "crypto/kdf.h"
#include "crypto/kw.h"
#include "crypto/misty1.h"
#include "crypto/sha256.h"

#define MAX 512

static const uint8_t seed[EC_SEED] = { 1 };

static void gcm_case(const struct cases *c)
{
    uint8_t key[32], iv[GCM_IV], aad[MAX], plain[MAX], cipher[MAX], tag[GCM_TAG], out[MAX];
    uint8_t made[GCM_TAG];
    size_t key_len = cases_hex(c, "key", key, sizeof key);
    size_t aad_len = cases_hex(c, "aad", aad, sizeof aad);
    size_t n = cases_hex(c, "plain", plain, sizeof plain);
    bool has_tag = cases_at(c, "tag")[0];
    cases_octets(c, "iv", iv, GCM_IV);
    cases_octets(c, "cipher", cipher, n);
    gcm_seal(out, made, key, key_len, iv, aad, aad_len, plain, n);
    assert_memory_equal(out, cipher, n);
    if (!has_tag) return;
    cases_octets(c, "tag", tag, GCM_TAG);
    assert_memory_equal(made, tag, GCM_TAG);
    assert_int_equal(gcm_open(out, key, key_len, iv, aad, aad_len, cipher, n, tag), 0);
    assert_memory_equal(out, plain, n);
}

static void wrap_case(const struct cases *c)
{
    uint8_t kek[32], key[KW_MAX], wrapped[KW_MAX + KW_EXTRA], out[KW_MAX + KW_EXTRA];
    size_t kek_len = cases_hex(c, "kek", kek, sizeof kek), n = cases_hex(c, "key", key, KW_MAX);
    cases_octets(c, "wrapped", wrapped, n + KW_EXTRA);
    kw_wrap(out, kek, kek_len, key, n);
    assert_memory_equal(out, wrapped, n + KW_EXTRA);
    assert_int_equal(kw_unwrap(out, kek, kek_len, wrapped, n + KW_EXTRA), 0);
    assert_memory_equal(out, key, n);
}

static void agree_case(const struct cases *c)
{
    uint8_t key[EC_KEY], peer[EC_POINT], z[EC_SHARED], out[EC_POINT];
    cases_octets(c, "key", key, EC_KEY);
    cases_octets(c, "peer", peer, EC_POINT);
    cases_octets(c, "z", z, EC_SHARED);
    assert_int_equal(ec_agree(out, key, peer, seed), 0);
    assert_memory_equal(out, z, EC_SHARED);
    if (cases_find(c, "point") == NULL) return;
    cases_octets(c, "point", peer, EC_POINT);
    assert_int_equal(ec_public(out, key, seed), 0);
    assert_memory_equal(out, peer, EC_POINT);
}

static void kdf_case(const struct cases *c)
{
    uint8_t z[EC_SHARED], u[MAX], v[MAX], key[16], out[16];
    size_t u_len = cases_hex(c, "u", u, MAX), v_len = cases_hex(c, "v", v, MAX);
    cases_octets(c, "z", z, EC_SHARED);
    cases_octets(c, "key", key, 16);
    kdf(out, z, u, u_len, v, v_len);
    assert_memory_equal(out, key, 16);
}

/* op sign: the signature is that of RFC 6979; op verify: it only has to hold. */
static void sign_case(const struct cases *c)
{
    uint8_t key[EC_KEY], data[MAX], sig[EC_SIG], out[EC_SIG], hash[EC_HASH], point[EC_POINT];
    size_t n = cases_hex(c, "data", data, MAX);
    cases_octets(c, "sig", sig, EC_SIG);
    sha256(hash, data, n);
    if (cases_is(c, "op", "sign")) {
        cases_octets(c, "key", key, EC_KEY);
        assert_int_equal(ec_sign(out, key, hash, seed), 0);
        assert_memory_equal(out, sig, EC_SIG);
        assert_int_equal(ec_public(point, key, seed), 0);
    }
    if (cases_find(c, "point")) cases_octets(c, "point", out, EC_POINT);
    if (cases_is(c, "op", "verify")) memcpy(point, out, EC_POINT);
    if (cases_find(c, "point")) assert_memory_equal(point, out, EC_POINT);
    assert_int_equal(ec_verify(point, hash, sig), 0);
    sig[n % EC_SIG] ^= 0x10;
    assert_int_equal(ec_verify(point, hash, sig), E_AUTH);
}

static void digest_case(const struct cases *c)
{
    uint8_t key[MAX], data[MAX], want[SHA256], out[SHA256];
    size_t n = cases_hex(c, "data", data, MAX);
    if (cases_find(c, "key")) {
        size_t key_len = cases_hex(c, "key", key, MAX);
        cases_octets(c, "mac", want, SHA256);
        hmac(out, key, key_len, data, n);
    } else {
        cases_octets(c, "digest", want, SHA256);
        sha256(out, data, n);
    }
    assert_memory_equal(out, want, SHA256);
}

static void block_case(const struct cases *c)
{
    uint8_t key[16], plain[8], cipher[8], out[8];
    struct misty1 m;
    cases_octets(c, "plain", plain, 8);
    cases_octets(c, "cipher", cipher, 8);
    if (cases_is(c, "op", "des")) {
        cases_octets(c, "key", key, 8);
        des_encrypt(out, key, plain);
        assert_memory_equal(out, cipher, 8);
        des_decrypt(out, key, cipher);
        assert_memory_equal(out, plain, 8);
        return;
    }
    cases_octets(c, "key", key, 16);
    misty1_init(&m, key);
    assert_int_equal(misty1_encrypt(&m, be_get64(plain)), be_get64(cipher));
    assert_int_equal(misty1_decrypt(&m, be_get64(cipher)), be_get64(plain));
}

static const struct {
    const char *op;
    void (*run)(const struct cases *c);
} ops[] = {
    { "gcm", gcm_case },       { "wrap", wrap_case },   { "agree", agree_case },
    { "kdf", kdf_case },       { "sign", sign_case },   { "verify", sign_case },
    { "sha256", digest_case }, { "hmac", digest_case }, { "des", block_case },
    { "misty1", block_case },
};

static void every_case(void **state)
{
    static struct cases c;
    int done = 0;
    (void)state;
    cases_open(&c, ROOT "/tests/vectors/crypto.txt");
    while (cases_next(&c)) {
        int before = done;
        for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
            if (!cases_is(&c, "op", ops[i].op)) continue;
            print_message("  %s\n", c.name);
            ops[i].run(&c);
            done++;
        }
        assert_int_equal(done, before + 1);
    }
    assert_int_equal(done, 52);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_case) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
