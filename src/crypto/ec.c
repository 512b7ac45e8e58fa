#include "crypto/ec.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/rng.h"
#include "mbedtls/ecdsa.h"
#include "mbedtls/ecp.h"

/* What one call needs: the curve, a scalar, a point, two numbers, and the generator that
 * blinds. Opened on the arena, closed before it is given up. */
struct work {
    struct arena *arena;
    mbedtls_ecp_group curve;
    mbedtls_ecp_point point;
    mbedtls_mpi key, r, s;
    struct rng rng;
};

static int draw(void *rng, unsigned char *out, size_t n)
{
    rng_get(rng, out, n);
    return 0;
}

static int begin(struct work *w, struct arena *a, const uint8_t seed[EC_SEED])
{
    w->arena = a;
    arena_enter(a);
    mbedtls_ecp_group_init(&w->curve);
    mbedtls_ecp_point_init(&w->point);
    mbedtls_mpi_init(&w->key);
    mbedtls_mpi_init(&w->r);
    mbedtls_mpi_init(&w->s);
    if (seed) rng_seed(&w->rng, seed, EC_SEED);
    return mbedtls_ecp_group_load(&w->curve, MBEDTLS_ECP_DP_SECP256R1);
}

static int end(struct work *w, int ret)
{
    mbedtls_mpi_free(&w->s);
    mbedtls_mpi_free(&w->r);
    mbedtls_mpi_free(&w->key);
    mbedtls_ecp_point_free(&w->point);
    mbedtls_ecp_group_free(&w->curve);
    arena_leave(w->arena);
    wipe(w, sizeof *w);
    switch (ret) {
    case 0:
        return 0;
    case MBEDTLS_ERR_MPI_ALLOC_FAILED:
    case MBEDTLS_ERR_ECP_ALLOC_FAILED:
        return E_SPACE;
    case MBEDTLS_ERR_ECP_VERIFY_FAILED:
        return E_AUTH;
    default:
        return E_RANGE;
    }
}

static int load_key(struct work *w, const uint8_t key[EC_KEY])
{
    int ret = mbedtls_mpi_read_binary(&w->key, key, EC_KEY);
    return ret ? ret : mbedtls_ecp_check_privkey(&w->curve, &w->key);
}

static int load_point(struct work *w, const uint8_t point[EC_POINT])
{
    uint8_t octets[1 + EC_POINT] = { 4 }; /* SEC 1, uncompressed */
    memcpy(octets + 1, point, EC_POINT);
    int ret = mbedtls_ecp_point_read_binary(&w->curve, &w->point, octets, sizeof octets);
    return ret ? ret : mbedtls_ecp_check_pubkey(&w->curve, &w->point);
}

static int save_point(struct work *w, uint8_t point[EC_POINT])
{
    uint8_t octets[1 + EC_POINT];
    size_t n;
    int ret = mbedtls_ecp_point_write_binary(&w->curve, &w->point, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                             &n, octets, sizeof octets);
    if (ret == 0) memcpy(point, octets + 1, EC_POINT);
    return ret;
}

/* point = key * generator */
static int make_public(struct work *w, uint8_t point[EC_POINT])
{
    int ret = mbedtls_ecp_mul(&w->curve, &w->point, &w->key, &w->curve.G, draw, &w->rng);
    return ret ? ret : save_point(w, point);
}

int ec_keygen(struct arena *a, uint8_t key[EC_KEY], uint8_t point[EC_POINT],
              const uint8_t seed[EC_SEED])
{
    struct work w;
    int ret = begin(&w, a, seed);
    if (ret == 0) ret = mbedtls_ecp_gen_privkey(&w.curve, &w.key, draw, &w.rng);
    if (ret == 0) ret = mbedtls_mpi_write_binary(&w.key, key, EC_KEY);
    if (ret == 0) ret = make_public(&w, point);
    return end(&w, ret);
}

int ec_public(struct arena *a, uint8_t point[EC_POINT], const uint8_t key[EC_KEY],
              const uint8_t seed[EC_SEED])
{
    struct work w;
    int ret = begin(&w, a, seed);
    if (ret == 0) ret = load_key(&w, key);
    if (ret == 0) ret = make_public(&w, point);
    return end(&w, ret);
}

int ec_check(struct arena *a, const uint8_t point[EC_POINT])
{
    struct work w;
    int ret = begin(&w, a, NULL);
    if (ret == 0) ret = load_point(&w, point);
    return end(&w, ret);
}

/* The nonce of RFC 6979: HMAC_DRBG seeded with the key and the digest modulo the order. */
static int nonce_seed(struct work *w, struct rng *nonce, const uint8_t key[EC_KEY],
                      const uint8_t hash[EC_HASH])
{
    uint8_t seed[EC_KEY + EC_HASH];
    int ret = mbedtls_mpi_read_binary(&w->r, hash, EC_HASH);
    if (ret == 0 && mbedtls_mpi_cmp_mpi(&w->r, &w->curve.N) >= 0)
        ret = mbedtls_mpi_sub_mpi(&w->r, &w->r, &w->curve.N);
    if (ret == 0) ret = mbedtls_mpi_write_binary(&w->r, seed + EC_KEY, EC_HASH);
    memcpy(seed, key, EC_KEY);
    rng_seed(nonce, seed, sizeof seed);
    wipe(seed, sizeof seed);
    return ret;
}

int ec_sign(struct arena *a, uint8_t sig[EC_SIG], const uint8_t key[EC_KEY],
            const uint8_t hash[EC_HASH], const uint8_t seed[EC_SEED])
{
    struct work w;
    struct rng nonce;
    int ret = begin(&w, a, seed);
    if (ret == 0) ret = load_key(&w, key);
    if (ret == 0) ret = nonce_seed(&w, &nonce, key, hash);
    if (ret == 0)
        ret = mbedtls_ecdsa_sign_restartable(&w.curve, &w.r, &w.s, &w.key, hash, EC_HASH, draw,
                                             &nonce, draw, &w.rng, NULL);
    if (ret == 0) ret = mbedtls_mpi_write_binary(&w.r, sig, EC_SIG / 2);
    if (ret == 0) ret = mbedtls_mpi_write_binary(&w.s, sig + EC_SIG / 2, EC_SIG / 2);
    wipe(&nonce, sizeof nonce);
    return end(&w, ret);
}

int ec_verify(struct arena *a, const uint8_t point[EC_POINT], const uint8_t hash[EC_HASH],
              const uint8_t sig[EC_SIG])
{
    struct work w;
    int ret = begin(&w, a, NULL);
    if (ret == 0) ret = load_point(&w, point);
    if (ret == 0) ret = mbedtls_mpi_read_binary(&w.r, sig, EC_SIG / 2);
    if (ret == 0) ret = mbedtls_mpi_read_binary(&w.s, sig + EC_SIG / 2, EC_SIG / 2);
    if (ret == 0) ret = mbedtls_ecdsa_verify(&w.curve, hash, EC_HASH, &w.point, &w.r, &w.s);
    return end(&w, ret);
}

int ec_agree(struct arena *a, uint8_t z[EC_SHARED], const uint8_t key[EC_KEY],
             const uint8_t point[EC_POINT], const uint8_t seed[EC_SEED])
{
    struct work w;
    uint8_t product[EC_POINT];
    int ret = begin(&w, a, seed);
    if (ret == 0) ret = load_key(&w, key);
    if (ret == 0) ret = load_point(&w, point);
    if (ret == 0) ret = mbedtls_ecp_mul(&w.curve, &w.point, &w.key, &w.point, draw, &w.rng);
    if (ret == 0) ret = save_point(&w, product);
    if (ret == 0) memcpy(z, product, EC_SHARED); /* its x */
    wipe(product, sizeof product);
    return end(&w, ret);
}
