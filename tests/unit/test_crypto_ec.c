/* P-256 and the job slot; OpenSSL as the second opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "crypto/ec.h"
#include "crypto/job.h"
#include "crypto/rng.h"

#define ROUNDS 40

static struct rng dice;

static int setup(void **state)
{
    (void)state;
    rng_seed(&dice, "curve", 5);
    return 0;
}

static void random_octets(void *p, size_t n)
{
    rng_get(&dice, p, n);
}

/* The key as OpenSSL holds it; NULL key: a public one. */
static EVP_PKEY *evp_key(const uint8_t *key, const uint8_t point[EC_POINT])
{
    uint8_t octets[1 + EC_POINT] = { 4 };
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;
    BIGNUM *d = key ? BN_bin2bn(key, EC_KEY, NULL) : NULL;
    memcpy(octets + 1, point, EC_POINT);
    OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof octets);
    if (d) OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_fromdata_init(ctx);
    assert_int_equal(
        EVP_PKEY_fromdata(ctx, &pkey, key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(d);
    return pkey;
}

static bool evp_verify(EVP_PKEY *pkey, const uint8_t hash[EC_HASH], const uint8_t sig[EC_SIG])
{
    uint8_t der[80], *p = der;
    ECDSA_SIG *s = ECDSA_SIG_new();
    ECDSA_SIG_set0(s, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL));
    int n = i2d_ECDSA_SIG(s, &p);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    EVP_PKEY_verify_init(ctx);
    bool held = EVP_PKEY_verify(ctx, der, (size_t)n, hash, EC_HASH) == 1;
    EVP_PKEY_CTX_free(ctx);
    ECDSA_SIG_free(s);
    return held;
}

static void evp_sign(EVP_PKEY *pkey, uint8_t sig[EC_SIG], const uint8_t hash[EC_HASH])
{
    uint8_t der[80];
    const uint8_t *p = der;
    size_t n = sizeof der;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    EVP_PKEY_sign_init(ctx);
    assert_int_equal(EVP_PKEY_sign(ctx, der, &n, hash, EC_HASH), 1);
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32);
    ECDSA_SIG_free(s);
    EVP_PKEY_CTX_free(ctx);
}

static void evp_agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t z[EC_SHARED])
{
    size_t n = EC_SHARED;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    EVP_PKEY_derive_init(ctx);
    assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
    assert_int_equal(EVP_PKEY_derive(ctx, z, &n), 1);
    EVP_PKEY_CTX_free(ctx);
}

static void agrees_with_openssl(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t seed[EC_SEED], key[2][EC_KEY], point[2][EC_POINT], hash[EC_HASH], sig[EC_SIG];
        uint8_t z[2][EC_SHARED], again[EC_POINT];
        EVP_PKEY *pkey[2];
        for (int k = 0; k < 2; k++) {
            random_octets(seed, sizeof seed);
            assert_int_equal(ec_keygen(key[k], point[k], seed), 0);
            random_octets(seed, sizeof seed);
            assert_int_equal(ec_public(again, key[k], seed), 0);
            assert_memory_equal(again, point[k], EC_POINT);
            pkey[k] = evp_key(key[k], point[k]); /* checks nothing yet: */
            EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey[k], NULL);
            assert_int_equal(EVP_PKEY_check(ctx), 1);
            EVP_PKEY_CTX_free(ctx);
        }
        random_octets(hash, sizeof hash);
        if (i < 2) memset(hash, i ? 0xFF : 0, sizeof hash); /* above the order, and zero */
        random_octets(seed, sizeof seed);
        assert_int_equal(ec_sign(sig, key[0], hash, seed), 0);
        assert_true(evp_verify(pkey[0], hash, sig));
        evp_sign(pkey[0], sig, hash);
        assert_int_equal(ec_verify(point[0], hash, sig), 0);
        assert_int_equal(ec_verify(point[1], hash, sig), E_AUTH);
        assert_int_equal(ec_agree(z[0], key[0], point[1], seed), 0);
        evp_agree(pkey[1], pkey[0], z[1]);
        assert_memory_equal(z[0], z[1], EC_SHARED);
        for (int k = 0; k < 2; k++) EVP_PKEY_free(pkey[k]);
    }
}

static void same_seed_same_key_any_seed_same_signature(void **state)
{
    uint8_t seed[EC_SEED] = { 1 }, other[EC_SEED] = { 2 }, key[3][EC_KEY], point[EC_POINT];
    uint8_t hash[EC_HASH] = { 3 }, sig[2][EC_SIG];
    (void)state;
    assert_int_equal(ec_keygen(key[0], point, seed), 0);
    assert_int_equal(ec_keygen(key[1], point, other), 0);
    assert_int_equal(ec_keygen(key[2], point, seed), 0);
    assert_memory_equal(key[0], key[2], EC_KEY);
    assert_memory_not_equal(key[0], key[1], EC_KEY);
    assert_int_equal(ec_sign(sig[0], key[0], hash, seed), 0);
    assert_int_equal(ec_sign(sig[1], key[0], hash, other), 0);
    assert_memory_equal(sig[0], sig[1], EC_SIG);
}

static void every_changed_bit_is_found(void **state)
{
    uint8_t seed[EC_SEED] = { 1 }, key[EC_KEY], point[EC_POINT], hash[EC_HASH] = { 5 };
    uint8_t sig[EC_SIG];
    (void)state;
    assert_int_equal(ec_keygen(key, point, seed), 0);
    assert_int_equal(ec_sign(sig, key, hash, seed), 0);
    for (int bit = 0; bit < EC_SIG * 8; bit += 5) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ec_verify(point, hash, sig), E_AUTH);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (int bit = 0; bit < EC_HASH * 8; bit += 5) {
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ec_verify(point, hash, sig), E_AUTH);
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (int bit = 0; bit < EC_POINT * 8; bit += 5) { /* off the curve, all of them */
        point[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ec_check(point), E_RANGE);
        assert_int_equal(ec_verify(point, hash, sig), E_RANGE);
        assert_int_equal(ec_agree(key, key, point, seed), E_RANGE);
        point[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(ec_check(point), 0);
    assert_int_equal(ec_verify(point, hash, sig), 0);
}

static void values_at_the_edge_are_refused(void **state)
{
    static const uint8_t order[EC_KEY] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
        0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    };
    uint8_t seed[EC_SEED] = { 1 }, key[EC_KEY] = { 0 }, point[EC_POINT] = { 0 }, out[EC_POINT];
    uint8_t hash[EC_HASH] = { 7 }, sig[EC_SIG] = { 0 };
    (void)state;
    assert_int_equal(ec_check(point), E_RANGE);
    assert_int_equal(ec_public(out, key, seed), E_RANGE);
    assert_int_equal(ec_sign(out, key, hash, seed), E_RANGE);
    assert_int_equal(ec_public(out, order, seed), E_RANGE);
    assert_int_equal(ec_sign(out, order, hash, seed), E_RANGE);
    memcpy(key, order, EC_KEY);
    key[EC_KEY - 1]--; /* the largest key; its point is minus the generator */
    assert_int_equal(ec_public(point, key, seed), 0);
    assert_int_equal(ec_agree(out, order, point, seed), E_RANGE);
    assert_int_equal(ec_verify(point, hash, sig), E_AUTH);
    memcpy(sig, order, 32);
    memcpy(sig + 32, order, 32);
    assert_int_equal(ec_verify(point, hash, sig), E_AUTH);
}

struct worker {
    uint8_t seed[EC_SEED], sig[EC_SIG];
};

static void *work(void *ctx)
{
    struct worker *w = ctx;
    uint8_t key[EC_KEY], point[EC_POINT], hash[EC_HASH] = { 9 };
    for (int i = 0; i < 30; i++) {
        if (ec_keygen(key, point, w->seed) || ec_sign(w->sig, key, hash, w->seed) ||
            ec_verify(point, hash, w->sig))
            return NULL;
    }
    return w;
}

static void threads_do_not_meet(void **state)
{
    static struct worker w[4];
    pthread_t t[4];
    uint8_t key[EC_KEY], point[EC_POINT], hash[EC_HASH] = { 9 }, sig[EC_SIG];
    (void)state;
    for (int i = 0; i < 4; i++) {
        w[i].seed[0] = (uint8_t)i;
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *ok;
        pthread_join(t[i], &ok);
        assert_non_null(ok);
        assert_int_equal(ec_keygen(key, point, w[i].seed), 0);
        assert_int_equal(ec_sign(sig, key, hash, w[i].seed), 0);
        assert_memory_equal(sig, w[i].sig, EC_SIG);
    }
}

static bool is_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    while (n && *b == 0) b++, n--;
    return n == 0;
}

static void the_job_slot(void **state)
{
    struct job j;
    struct job_in in = { .seed = { 4 } }, agree;
    struct job_out pair, out, none;
    (void)state;
    job_init(&j);
    assert_false(job_run(&j));
    assert_int_equal(job_done(&j, &none), E_STATE);

    assert_int_equal(job_start(&j, JOB_KEYGEN, &in), 0);
    assert_int_equal(job_start(&j, JOB_KEYGEN, &in), E_BUSY);
    assert_int_equal(job_done(&j, &pair), E_BUSY);
    assert_true(job_run(&j));
    assert_false(job_run(&j));
    assert_int_equal(job_start(&j, JOB_KEYGEN, &in), E_BUSY);
    assert_int_equal(job_done(&j, &pair), 0);
    assert_int_equal(job_done(&j, &none), E_STATE);
    assert_true(is_zero(&j.in, sizeof j.in) && is_zero(&j.out, sizeof j.out));

    memcpy(in.key, pair.key, EC_KEY);
    memcpy(in.point, pair.point, EC_POINT);
    assert_int_equal(job_start(&j, JOB_SIGN, &in), 0);
    assert_true(job_run(&j));
    assert_int_equal(job_done(&j, &out), 0);
    memcpy(in.sig, out.sig, EC_SIG);
    assert_int_equal(job_start(&j, JOB_VERIFY, &in), 0);
    assert_true(job_run(&j));
    assert_int_equal(job_done(&j, &out), 0);
    in.sig[3] ^= 1;
    assert_int_equal(job_start(&j, JOB_VERIFY, &in), 0);
    assert_true(job_run(&j));
    assert_int_equal(job_done(&j, &out), E_AUTH);

    agree = in;
    assert_int_equal(job_start(&j, JOB_AGREE, &agree), 0);
    assert_true(job_run(&j));
    assert_int_equal(job_done(&j, &out), 0);
    uint8_t z[EC_SHARED];
    assert_int_equal(ec_agree(z, pair.key, pair.point, in.seed), 0);
    assert_memory_equal(out.shared, z, EC_SHARED);
}

static void a_dropped_job_leaves_the_slot_free(void **state)
{
    struct job j;
    struct job_in in = { .seed = { 4 } };
    struct job_out out;
    (void)state;
    job_init(&j);
    assert_int_equal(job_start(&j, JOB_KEYGEN, &in), 0);
    job_drop(&j); /* while it waits */
    assert_false(job_run(&j));
    assert_int_equal(job_start(&j, JOB_KEYGEN, &in), 0);
    assert_true(job_run(&j));
    job_drop(&j); /* when it is done */
    assert_int_equal(job_done(&j, &out), E_STATE);
    assert_int_equal(job_start(&j, JOB_KEYGEN, &in), 0);
    assert_true(job_run(&j));
    assert_int_equal(job_done(&j, &out), 0);
}

/* Dropped while it runs: the meter interrupts thread mode. A thread stands for that. */
static struct job shared;

static void *below(void *ctx)
{
    (void)ctx;
    while (!job_run(&shared)) {
    }
    return NULL;
}

static void dropped_while_it_runs(void **state)
{
    struct job_in in = { .seed = { 4 } };
    struct job_out out;
    pthread_t t;
    (void)state;
    job_init(&shared);
    assert_int_equal(job_start(&shared, JOB_KEYGEN, &in), 0);
    shared.state = 2; /* running, as seen from an interrupt */
    job_drop(&shared);
    assert_int_equal(job_done(&shared, &out), E_STATE);
    assert_int_equal(job_start(&shared, JOB_KEYGEN, &in), E_BUSY);
    shared.state = 1;
    assert_int_equal(pthread_create(&t, NULL, below, NULL), 0);
    pthread_join(t, NULL);
    assert_int_equal(job_done(&shared, &out), E_STATE);
    assert_int_equal(job_start(&shared, JOB_KEYGEN, &in), 0); /* the dropped one made room */
    assert_true(job_run(&shared));
    assert_int_equal(job_done(&shared, &out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_openssl),
        cmocka_unit_test(same_seed_same_key_any_seed_same_signature),
        cmocka_unit_test(every_changed_bit_is_found),
        cmocka_unit_test(values_at_the_edge_are_refused),
        cmocka_unit_test(threads_do_not_meet),
        cmocka_unit_test(the_job_slot),
        cmocka_unit_test(a_dropped_job_leaves_the_slot_free),
        cmocka_unit_test(dropped_while_it_runs),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
