#include "crypto/ec.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/rng.h"
#include "psa/crypto.h"

/* The arithmetic is that of Mbed TLS's p256-m: numbers modulo p and n in Montgomery form, points
 * of the curve, all in constant time and without memory of its own. It is included, not linked,
 * because its own calls do not blind and draw their nonces: what uses a secret is written here
 * upon its inner functions (docs/adr/0010). Its generator is nobody's. */
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED
#define psa_generate_random(out, n) ((void)(out), (void)(n), -1)
#ifndef __arm__
#define MUL64_IS_CONSTANT_TIME
#endif
#include "p256-m/p256-m/p256-m.c" /* NOLINT(bugprone-suspicious-include) */

#define WORDS 8
#define TRIES 16 /* a number that is drawn is too large once in 2^32 */

/* A number from 1 to n - 1. */
static int draw(struct rng *r, uint32_t number[WORDS])
{
    uint8_t octets[EC_KEY];
    int err = -1;
    for (int i = 0; err && i < TRIES; i++) {
        rng_get(r, octets, sizeof octets);
        err = scalar_from_bytes(number, octets);
    }
    wipe(octets, sizeof octets);
    return err;
}

/* (rx, ry) = s * (x, y), all as p256-m has them. The signed ladder of its scalar_mult(), which
 * says why no step meets the zero or equal points, but begun at (x z^2 : y z^3 : z) with a
 * random z, so that nothing of two runs with one key is alike to a probe. */
static int multiply(uint32_t rx[WORDS], uint32_t ry[WORDS], const uint32_t x[WORDS],
                    const uint32_t y[WORDS], const uint32_t s[WORDS], struct rng *blind)
{
    uint32_t odd[WORDS], minus[WORDS], use[WORDS], rz[WORDS];
    if (draw(blind, rz)) return -1;

    uint32_t is_even = ~s[0] & 1; /* then (n - s) * -(x, y) */
    u256_sub(odd, p256_n.m, s);
    u256_cmov(odd, s, 1 - is_even);
    u256_set32(use, 0);
    m256_sub_p(minus, use, y);

    u256_cmov(use, y, 1);
    u256_cmov(use, minus, is_even);
    m256_mul_p(ry, rz, rz);
    m256_mul_p(rx, ry, x);
    m256_mul_p(ry, ry, rz);
    m256_mul_p(ry, ry, use);
    for (unsigned i = 255; i > 0; i--) {
        uint32_t bit = odd[i / 32] >> i % 32 & 1;
        u256_cmov(use, y, bit ^ is_even);
        u256_cmov(use, minus, (1 - bit) ^ is_even);
        point_double(rx, ry, rz);
        point_add(rx, ry, rz, x, use);
    }
    point_to_affine(rx, ry, rz);
    wipe(odd, sizeof odd);
    return 0;
}

/* point = s * generator */
static int make_public(uint8_t point[EC_POINT], const uint32_t s[WORDS], struct rng *blind)
{
    uint32_t x[WORDS], y[WORDS];
    int err = multiply(x, y, p256_gx, p256_gy, s, blind);
    if (err == 0) point_to_bytes(point, x, y);
    return err;
}

int ec_keygen(uint8_t key[EC_KEY], uint8_t point[EC_POINT], const uint8_t seed[EC_SEED])
{
    struct rng rng;
    uint32_t s[WORDS];
    rng_seed(&rng, seed, EC_SEED);
    int err = draw(&rng, s);
    u256_to_bytes(key, s);
    if (err == 0) err = make_public(point, s, &rng);
    wipe(s, sizeof s);
    wipe(&rng, sizeof rng);
    return err ? E_RANGE : 0;
}

int ec_public(uint8_t point[EC_POINT], const uint8_t key[EC_KEY], const uint8_t seed[EC_SEED])
{
    struct rng rng;
    uint32_t s[WORDS];
    rng_seed(&rng, seed, EC_SEED);
    int err = scalar_from_bytes(s, key);
    if (err == 0) err = make_public(point, s, &rng);
    wipe(s, sizeof s);
    wipe(&rng, sizeof rng);
    return err ? E_RANGE : 0;
}

int ec_check(const uint8_t point[EC_POINT])
{
    return p256_validate_pubkey(point) == P256_SUCCESS ? 0 : E_RANGE;
}

/* The nonce of RFC 6979: HMAC_DRBG seeded with the key and the digest modulo the order. */
static int draw_nonce(uint32_t k[WORDS], const uint8_t key[EC_KEY], const uint8_t hash[EC_HASH])
{
    struct rng nonce;
    uint8_t seed[EC_KEY + EC_HASH];
    uint32_t e[WORDS];
    u256_from_bytes(e, hash);
    ecdsa_m256_mod_n(e);
    memcpy(seed, key, EC_KEY);
    u256_to_bytes(seed + EC_KEY, e);
    rng_seed(&nonce, seed, sizeof seed);
    int err = draw(&nonce, k);
    wipe(seed, sizeof seed);
    wipe(&nonce, sizeof nonce);
    return err;
}

/* s = (e + r d) / k modulo n, as (t d r + t e) / (t k) with a random t: d meets nothing that is
 * known. r: the number r itself. k is used up. */
static int make_s(uint8_t out[EC_SIG / 2], const uint32_t r[WORDS], uint32_t k[WORDS],
                  const uint32_t key[WORDS], const uint8_t hash[EC_HASH], struct rng *blind)
{
    uint32_t t[WORDS], e[WORDS], d[WORDS];
    int err = draw(blind, t); /* in Montgomery form as it is: another random number */
    m256_prep(k, &p256_n);
    m256_mul(k, k, t, &p256_n);
    m256_inv(k, k, &p256_n);
    u256_cmov(d, key, 1);
    m256_prep(d, &p256_n);
    m256_mul(d, d, t, &p256_n);
    u256_cmov(e, r, 1);
    m256_prep(e, &p256_n);
    m256_mul(d, d, e, &p256_n);
    ecdsa_m256_from_hash(e, hash, EC_HASH);
    m256_mul(e, e, t, &p256_n);
    m256_add(d, d, e, &p256_n);
    m256_mul(d, d, k, &p256_n);
    m256_to_bytes(out, d, &p256_n);
    if (u256_diff0(d) == 0) err = -1;
    wipe(t, sizeof t);
    wipe(d, sizeof d);
    return err;
}

int ec_sign(uint8_t sig[EC_SIG], const uint8_t key[EC_KEY], const uint8_t hash[EC_HASH],
            const uint8_t seed[EC_SEED])
{
    struct rng rng;
    uint32_t d[WORDS], k[WORDS], r[WORDS], y[WORDS];
    rng_seed(&rng, seed, EC_SEED);
    int err = scalar_from_bytes(d, key);
    if (err == 0) err = draw_nonce(k, key, hash);
    if (err == 0) err = multiply(r, y, p256_gx, p256_gy, k, &rng);
    if (err == 0) {
        m256_done(r, &p256_p);
        ecdsa_m256_mod_n(r);
        u256_to_bytes(sig, r);
        err = u256_diff0(r) ? make_s(sig + EC_SIG / 2, r, k, d, hash, &rng) : -1;
    }
    wipe(d, sizeof d);
    wipe(k, sizeof k);
    wipe(&rng, sizeof rng);
    return err ? E_RANGE : 0;
}

int ec_verify(const uint8_t point[EC_POINT], const uint8_t hash[EC_HASH],
              const uint8_t sig[EC_SIG])
{
    if (ec_check(point)) return E_RANGE;
    return p256_ecdsa_verify(sig, point, hash, EC_HASH) == P256_SUCCESS ? 0 : E_AUTH;
}

int ec_agree(uint8_t z[EC_SHARED], const uint8_t key[EC_KEY], const uint8_t point[EC_POINT],
             const uint8_t seed[EC_SEED])
{
    struct rng rng;
    uint32_t s[WORDS], px[WORDS], py[WORDS], x[WORDS], y[WORDS];
    rng_seed(&rng, seed, EC_SEED);
    int err = scalar_from_bytes(s, key);
    if (err == 0) err = point_from_bytes(px, py, point);
    if (err == 0) err = multiply(x, y, px, py, s, &rng);
    if (err == 0) m256_to_bytes(z, x, &p256_p);
    wipe(s, sizeof s);
    wipe(x, sizeof x);
    wipe(y, sizeof y);
    wipe(&rng, sizeof rng);
    return err ? E_RANGE : 0;
}
