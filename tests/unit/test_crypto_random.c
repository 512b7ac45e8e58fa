/* The symmetric part of src/crypto against OpenSSL on random inputs, cut into random pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "crypto/aes.h"
#include "crypto/des.h"
#include "crypto/gcm.h"
#include "crypto/kw.h"
#include "crypto/misty1.h"
#include "crypto/old.h"
#include "crypto/rng.h"
#include "crypto/sha256.h"
#include "unit/misty1_tables.h"

#define MAX 1500
#define ROUNDS 2000

static struct rng dice;

static uint32_t roll(uint32_t below)
{
    return rng_below(&dice, below);
}

static int setup(void **state)
{
    (void)state;
    rng_seed(&dice, "crypto", 6);
    return 0;
}

static void evp_block(const EVP_CIPHER *type, uint8_t *out, const uint8_t *key,
                      const uint8_t *in, int n, int is_encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int made = 0;
    assert_int_equal(EVP_CipherInit_ex(ctx, type, NULL, key, NULL, is_encrypt), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    assert_int_equal(EVP_CipherUpdate(ctx, out, &made, in, n), 1);
    assert_int_equal(made, n);
    EVP_CIPHER_CTX_free(ctx);
}

static void aes_blocks(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t key[32], in[16], out[16], want[16];
        size_t n = roll(2) ? 16 : 32;
        struct aes a;
        rng_get(&dice, key, sizeof key);
        rng_get(&dice, in, sizeof in);
        evp_block(n == 16 ? EVP_aes_128_ecb() : EVP_aes_256_ecb(), want, key, in, 16, 1);
        aes_init(&a, key, n);
        aes_encrypt(&a, out, in);
        assert_memory_equal(out, want, 16);
        aes_init_decrypt(&a, key, n);
        aes_decrypt(&a, out, out);
        assert_memory_equal(out, in, 16);
    }
}

/* Sealed by OpenSSL with the whole tag; want is n octets and 12 of the tag. */
static void evp_gcm(uint8_t *want, const uint8_t *key, size_t key_len, const uint8_t *iv,
                    const uint8_t *aad, int aad_len, const uint8_t *in, int n)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int made;
    EVP_EncryptInit_ex(ctx, key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), NULL, key,
                       iv);
    if (aad_len) EVP_EncryptUpdate(ctx, NULL, &made, aad, aad_len);
    if (n) EVP_EncryptUpdate(ctx, want, &made, in, n);
    EVP_EncryptFinal_ex(ctx, want + n, &made);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, GCM_TAG, want + n), 1);
    EVP_CIPHER_CTX_free(ctx);
}

/* in or out of place, in pieces of any length */
static void feed(struct gcm *g, uint8_t *out, const uint8_t *in, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t part = 1 + roll(300);
        if (part > n - at) part = n - at;
        gcm_more(g, out + at, in + at, part);
        at += part;
    }
}

static void feed_aad(struct gcm *g, const uint8_t *aad, size_t n)
{
    size_t cut = roll((uint32_t)n + 1);
    gcm_aad(g, aad, cut);
    gcm_aad(g, aad + cut, n - cut);
}

static void gcm_in_pieces(void **state)
{
    static uint8_t in[MAX], aad[MAX], want[MAX + GCM_TAG], out[MAX];
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t key[32], iv[GCM_IV], tag[GCM_TAG];
        size_t key_len = roll(2) ? 16 : 32, n = roll(MAX + 1), aad_len = roll(MAX + 1);
        struct gcm g;
        rng_get(&dice, key, sizeof key);
        rng_get(&dice, iv, sizeof iv);
        rng_get(&dice, in, n);
        rng_get(&dice, aad, aad_len);
        evp_gcm(want, key, key_len, iv, aad, (int)aad_len, in, (int)n);

        gcm_seal_begin(&g, key, key_len, iv);
        feed_aad(&g, aad, aad_len);
        memcpy(out, in, n);
        feed(&g, out, roll(2) ? in : out, n);
        gcm_seal_end(&g, tag);
        assert_memory_equal(out, want, n);
        assert_memory_equal(tag, want + n, GCM_TAG);

        gcm_open_begin(&g, key, key_len, iv);
        feed_aad(&g, aad, aad_len);
        feed(&g, out, roll(2) ? want : out, n);
        assert_int_equal(gcm_open_end(&g, tag), 0);
        assert_memory_equal(out, in, n);
    }
}

static void gcm_finds_every_changed_bit(void **state)
{
    uint8_t key[16] = { 7 }, iv[GCM_IV] = { 9 }, aad[17] = { 1 }, in[21] = { 2 };
    uint8_t sealed[21], tag[GCM_TAG], out[21];
    uint8_t zero[21] = { 0 };
    struct {
        uint8_t *p;
        size_t n;
    } part[] = { { key, 16 }, { iv, GCM_IV }, { aad, 17 }, { sealed, 21 }, { tag, GCM_TAG } };
    (void)state;
    gcm_seal(sealed, tag, key, 16, iv, aad, 17, in, 21);
    for (size_t i = 0; i < 5; i++)
        for (size_t bit = 0; bit < part[i].n * 8; bit++) {
            part[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            memset(out, 0xEE, sizeof out);
            assert_int_equal(gcm_open(out, key, 16, iv, aad, 17, sealed, 21, tag), E_AUTH);
            assert_memory_equal(out, zero, sizeof out);
            part[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    assert_int_equal(gcm_open(out, key, 16, iv, aad, 17, sealed, 21, tag), 0);
}

static void key_wraps(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t kek[32], key[KW_MAX], want[KW_MAX + 16], out[KW_MAX + KW_EXTRA];
        size_t kek_len = roll(2) ? 16 : 32, n = 16 + 8 * roll(7);
        int made = 0;
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        rng_get(&dice, kek, sizeof kek);
        rng_get(&dice, key, n);
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        EVP_EncryptInit_ex(ctx, kek_len == 16 ? EVP_aes_128_wrap() : EVP_aes_256_wrap(), NULL,
                           kek, NULL);
        assert_int_equal(EVP_EncryptUpdate(ctx, want, &made, key, (int)n), 1);
        EVP_CIPHER_CTX_free(ctx);
        kw_wrap(out, kek, kek_len, key, n);
        assert_memory_equal(out, want, n + KW_EXTRA);
        assert_int_equal(kw_unwrap(out, kek, kek_len, out, n + KW_EXTRA), 0); /* in place */
        assert_memory_equal(out, key, n);
        want[roll((uint32_t)n + 8)] ^= (uint8_t)(1 << roll(8));
        assert_int_equal(kw_unwrap(out, kek, kek_len, want, n + KW_EXTRA), E_AUTH);
    }
}

static void key_wrap_lengths(void **state)
{
    uint8_t kek[16] = { 0 }, in[96] = { 0 }, out[96];
    (void)state;
    for (size_t n = 0; n < sizeof in; n++) {
        bool fits = n >= 24 && n <= KW_MAX + KW_EXTRA && n % 8 == 0;
        assert_int_equal(kw_unwrap(out, kek, 16, in, n), fits ? E_AUTH : E_FORMAT);
    }
}

static void digests(void **state)
{
    static uint8_t in[MAX], key[200];
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t want[64], out[SHA256];
        size_t n = roll(MAX + 1), cut = roll((uint32_t)n + 1), key_len = roll(sizeof key + 1);
        unsigned made;
        struct sha256 s;
        struct hmac h;
        rng_get(&dice, in, n);
        rng_get(&dice, key, key_len);
        EVP_Digest(in, n, want, &made, EVP_sha256(), NULL);
        sha256_begin(&s);
        sha256_more(&s, in, cut);
        sha256_more(&s, in + cut, n - cut);
        sha256_end(&s, out);
        assert_memory_equal(out, want, SHA256);
        HMAC(EVP_sha256(), key, (int)key_len, in, n, want, &made);
        hmac_begin(&h, key, key_len);
        hmac_more(&h, in, cut);
        hmac_more(&h, in + cut, n - cut);
        hmac_end(&h, out);
        assert_memory_equal(out, want, SHA256);
        EVP_Digest(in, n, want, &made, EVP_md5(), NULL);
        md5(out, in, n);
        assert_memory_equal(out, want, 16);
        EVP_Digest(in, n, want, &made, EVP_sha1(), NULL);
        sha1(out, in, n);
        assert_memory_equal(out, want, 20);
    }
}

static void des_blocks(void **state)
{
    OSSL_PROVIDER *old = OSSL_PROVIDER_load(NULL, "legacy"); /* single DES lives there */
    OSSL_PROVIDER *now = OSSL_PROVIDER_load(NULL, "default");
    (void)state;
    assert_non_null(old);
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t key[16], in[8], out[8], want[8];
        rng_get(&dice, key, sizeof key);
        rng_get(&dice, in, sizeof in);
        evp_block(EVP_des_ecb(), want, key, in, 8, 1);
        des_encrypt(out, key, in);
        assert_memory_equal(out, want, 8);
        des_decrypt(out, key, out);
        assert_memory_equal(out, in, 8);
        evp_block(EVP_des_ede_ecb(), want, key, in, 8, 1);
        des3_encrypt(out, key, in);
        assert_memory_equal(out, want, 8);
        des3_decrypt(out, key, out);
        assert_memory_equal(out, in, 8);
    }
    OSSL_PROVIDER_unload(old);
    OSSL_PROVIDER_unload(now);
}

/* MISTY1 once more, as the RFC writes it, with its tables: nothing shared with misty1.c. */
static uint16_t slow_fi(uint16_t in, uint16_t key)
{
    uint16_t d9 = in >> 7, d7 = in & 0x7F;
    d9 = misty1_s9[d9] ^ d7;
    d7 = (uint16_t)((misty1_s7[d7] ^ d9) & 0x7F);
    d7 ^= key >> 9;
    d9 ^= key & 0x1FF;
    d9 = misty1_s9[d9] ^ d7;
    return (uint16_t)(d7 << 9 | d9);
}

static uint32_t slow_fo(const uint16_t *ek, uint32_t in, int k)
{
    uint16_t t0 = (uint16_t)(in >> 16), t1 = (uint16_t)in;
    t0 ^= ek[k];
    t0 = slow_fi(t0, ek[(k + 5) % 8 + 8]) ^ t1;
    t1 ^= ek[(k + 2) % 8];
    t1 = slow_fi(t1, ek[(k + 1) % 8 + 8]) ^ t0;
    t0 ^= ek[(k + 7) % 8];
    t0 = slow_fi(t0, ek[(k + 3) % 8 + 8]) ^ t1;
    t1 ^= ek[(k + 4) % 8];
    return (uint32_t)t1 << 16 | t0;
}

static uint32_t slow_fl(const uint16_t *ek, uint32_t in, int k)
{
    uint16_t d0 = (uint16_t)(in >> 16), d1 = (uint16_t)in;
    if (k % 2 == 0) {
        d1 ^= d0 & ek[k / 2];
        d0 = (uint16_t)(d0 ^ (d1 | ek[(k / 2 + 6) % 8 + 8]));
    } else {
        d1 ^= d0 & ek[((k - 1) / 2 + 2) % 8 + 8];
        d0 = (uint16_t)(d0 ^ (d1 | ek[((k - 1) / 2 + 4) % 8]));
    }
    return (uint32_t)d0 << 16 | d1;
}

static uint64_t slow_misty1(const uint8_t key[16], uint64_t p)
{
    uint16_t ek[16];
    uint32_t d0 = (uint32_t)(p >> 32), d1 = (uint32_t)p;
    for (int i = 0; i < 8; i++) ek[i] = (uint16_t)(key[2 * i] << 8 | key[2 * i + 1]);
    for (int i = 0; i < 8; i++) ek[i + 8] = slow_fi(ek[i], ek[(i + 1) % 8]);
    for (int k = 0; k < 8; k += 2) {
        d0 = slow_fl(ek, d0, k);
        d1 = slow_fl(ek, d1, k + 1);
        d1 ^= slow_fo(ek, d0, k);
        d0 ^= slow_fo(ek, d1, k + 1);
    }
    return (uint64_t)slow_fl(ek, d1, 9) << 32 | slow_fl(ek, d0, 8);
}

static void misty1_blocks(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t key[16], in[8];
        struct misty1 m;
        rng_get(&dice, key, sizeof key);
        rng_get(&dice, in, sizeof in);
        misty1_init(&m, key);
        uint64_t out = misty1_encrypt(&m, be_get64(in));
        assert_true(out == slow_misty1(key, be_get64(in)));
        assert_true(misty1_decrypt(&m, out) == be_get64(in));
    }
}

/* OpenSSL's HMAC-DRBG on its test source, which gives the entropy it is told to. */
static EVP_RAND_CTX *evp_drbg(const uint8_t *entropy, const uint8_t *nonce, size_t nonce_len,
                              const uint8_t *more, size_t more_len)
{
    unsigned strength = 256;
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_uint(OSSL_RAND_PARAM_STRENGTH, &strength),
        OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_ENTROPY,
                                          (void *)(uintptr_t)entropy, 32),
        OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_NONCE, (void *)(uintptr_t)nonce,
                                          nonce_len),
        OSSL_PARAM_construct_end(),
    };
    EVP_RAND *test = EVP_RAND_fetch(NULL, "TEST-RAND", NULL);
    EVP_RAND *drbg = EVP_RAND_fetch(NULL, "HMAC-DRBG", NULL);
    EVP_RAND_CTX *parent = EVP_RAND_CTX_new(test, NULL);
    EVP_RAND_CTX *ctx = EVP_RAND_CTX_new(drbg, parent);
    char mac[] = "HMAC", digest[] = "SHA256";
    OSSL_PARAM q[] = { OSSL_PARAM_construct_utf8_string(OSSL_DRBG_PARAM_MAC, mac, 0),
                       OSSL_PARAM_construct_utf8_string(OSSL_DRBG_PARAM_DIGEST, digest, 0),
                       OSSL_PARAM_construct_end() };
    assert_int_equal(EVP_RAND_CTX_set_params(parent, p), 1);
    assert_int_equal(EVP_RAND_instantiate(parent, 256, 0, NULL, 0, NULL), 1);
    assert_int_equal(EVP_RAND_CTX_set_params(ctx, q), 1);
    assert_int_equal(EVP_RAND_instantiate(ctx, 256, 0, more, more_len, NULL), 1);
    EVP_RAND_free(test);
    EVP_RAND_free(drbg);
    EVP_RAND_CTX_free(parent);
    return ctx;
}

static void generator_is_hmac_drbg(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        uint8_t seed[32 + 16 + 40], want[300], out[300];
        size_t more = roll(41);
        struct rng r;
        rng_get(&dice, seed, sizeof seed);
        EVP_RAND_CTX *ctx = evp_drbg(seed, seed + 32, 16, seed + 48, more);
        rng_seed(&r, seed, 48 + more);
        for (int draw = 0; draw < 5; draw++) {
            size_t n = 1 + roll(sizeof out);
            assert_int_equal(EVP_RAND_generate(ctx, want, n, 256, 0, NULL, 0), 1);
            rng_get(&r, out, n);
            assert_memory_equal(out, want, n);
        }
        EVP_RAND_CTX_free(ctx);
    }
}

static int fixed_entropy(void *ctx, uint8_t *dst, size_t n)
{
    if (ctx == NULL) return E_IO;
    memset(dst, *(uint8_t *)ctx, n);
    return 0;
}

static void generator_differs_by_seed_serial_and_boot(void **state)
{
    uint8_t byte[2] = { 1, 2 }, out[8][32];
    struct entropy e = { &byte[0], fixed_entropy }, other = { &byte[1], fixed_entropy };
    struct rng r[5];
    (void)state;
    assert_int_equal(rng_init(&r[0], &e, 1, 1), 0);
    assert_int_equal(rng_init(&r[1], &e, 2, 1), 0);
    assert_int_equal(rng_init(&r[2], &e, 1, 2), 0);
    assert_int_equal(rng_init(&r[3], &other, 1, 1), 0);
    assert_int_equal(rng_init(&r[4], &e, 1, 1), 0);
    for (int i = 0; i < 5; i++) rng_get(&r[i], out[i], 32);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) assert_memory_not_equal(out[i], out[j], 32);
    assert_memory_equal(out[0], out[4], 32);
    rng_stir(&r[4], byte, 2);
    rng_get(&r[0], out[0], 32);
    rng_get(&r[4], out[4], 32);
    assert_memory_not_equal(out[0], out[4], 32);
    e.ctx = NULL;
    assert_int_equal(rng_init(&r[0], &e, 1, 1), E_IO);
}

static void below_is_even(void **state)
{
    uint32_t seen[7] = { 0 };
    (void)state;
    for (int i = 0; i < 70000; i++) seen[roll(7)]++;
    for (int i = 0; i < 7; i++) assert_in_range(seen[i], 9600, 10400); /* 4 sigma */
    assert_int_equal(roll(1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes_blocks),
        cmocka_unit_test(gcm_in_pieces),
        cmocka_unit_test(gcm_finds_every_changed_bit),
        cmocka_unit_test(key_wraps),
        cmocka_unit_test(key_wrap_lengths),
        cmocka_unit_test(digests),
        cmocka_unit_test(des_blocks),
        cmocka_unit_test(misty1_blocks),
        cmocka_unit_test(generator_is_hmac_drbg),
        cmocka_unit_test(generator_differs_by_seed_serial_and_boot),
        cmocka_unit_test(below_is_even),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
