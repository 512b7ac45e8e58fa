#include "crypto/rng.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "crypto/sha256.h"

#define FAIR_TRIES 64 /* each fails at worst every second time */
#define ENTROPY 48    /* security strength of 256 bits and the nonce of SP 800-90A 8.6.7 */

/* One half of HMAC_DRBG_Update: K = HMAC(K, V || step || input), V = HMAC(K, V). h has K. */
static void turn(struct rng *r, struct hmac *h, uint8_t step, const void *p, size_t n)
{
    hmac_more(h, r->v, sizeof r->v);
    hmac_more(h, &step, 1);
    hmac_more(h, p, n);
    hmac_end(h, r->k);
    hmac(r->v, r->k, sizeof r->k, r->v, sizeof r->v);
}

void rng_stir(struct rng *r, const void *p, size_t n)
{
    struct hmac h;
    uint8_t steps = n ? 2 : 1;
    for (uint8_t step = 0; step < steps; step++) {
        hmac_begin(&h, r->k, sizeof r->k);
        turn(r, &h, step, p, n);
    }
}

void rng_seed(struct rng *r, const void *seed, size_t n)
{
    memset(r->k, 0, sizeof r->k);
    memset(r->v, 1, sizeof r->v);
    rng_stir(r, seed, n);
}

int rng_init(struct rng *r, const struct entropy *e, uint32_t serial, uint32_t boots)
{
    uint8_t seed[ENTROPY + 8];
    int err = e->get(e->ctx, seed, ENTROPY);
    if (err >= 0) {
        be_put32(seed + ENTROPY, serial);
        be_put32(seed + ENTROPY + 4, boots);
        rng_seed(r, seed, sizeof seed);
        err = 0;
    }
    wipe(seed, sizeof seed);
    return err;
}

void rng_get(struct rng *r, void *dst, size_t n)
{
    uint8_t *out = dst;
    struct hmac keyed, h; /* K is worked in once for all of it */
    ensure(n <= 65536);
    hmac_begin(&keyed, r->k, sizeof r->k);
    while (n) {
        size_t part = n < sizeof r->v ? n : sizeof r->v;
        h = keyed;
        hmac_more(&h, r->v, sizeof r->v);
        hmac_end(&h, r->v);
        memcpy(out, r->v, part);
        out += part;
        n -= part;
    }
    turn(r, &keyed, 0, NULL, 0); /* what was given cannot be found again in the state */
}

uint32_t rng_below(struct rng *r, uint32_t below)
{
    uint8_t b[4];
    uint32_t v = 0;
    ensure(below > 0);
    uint32_t fair = UINT32_MAX - UINT32_MAX % below; /* a multiple of below */
    for (int tries = 0; tries < FAIR_TRIES; tries++) {
        rng_get(r, b, sizeof b);
        v = be_get32(b);
        if (v < fair) break;
    }
    return v % below;
}
