/* rng.h - every random octet of a meter: an HMAC-DRBG (NIST SP 800-90A, SHA-256).
 *
 * One generator lives in the device. It is made from entropy, the serial number and the boot
 * count, so that two meters, or one meter started twice, never draw the same octets even where
 * the entropy is a factory seed. Challenges, keys, push delays and the seeds of elliptic-curve
 * jobs come from it; under a fixed entropy all of them repeat, bit for bit, on every target.
 *
 * Power cut  the generator lives in RAM; the boot count must be on flash before rng_init().
 * Cost       some 41 000 instructions on a Cortex-M4 for up to 32 octets.
 * Memory     struct rng, 64 bytes, owned by the caller. Secret.
 * Context    meter loop only; a job gets a seed drawn from it.
 */
#ifndef CRYPTO_RNG_H
#define CRYPTO_RNG_H
#include <stddef.h>
#include <stdint.h>

/* Filled by the port. get() gives n unpredictable octets, 0 or E_IO; n is at most 64. A part
 * without a generator gives its wrapped factory seed: serial and boot count do the rest. */
struct entropy {
    void *ctx;
    int (*get)(void *ctx, uint8_t *dst, size_t n);
};

struct rng {
    uint8_t k[32], v[32];
};

/* Start from 48 octets of entropy, the serial and the boot count. E_IO where entropy failed:
 * the generator is then not to be used. */
int rng_init(struct rng *r, const struct entropy *e, uint32_t serial, uint32_t boots);

/* Start from a seed alone: jobs, tools and tests. */
void rng_seed(struct rng *r, const void *seed, size_t n);

/* Stir n more octets in (SP 800-90A reseed). */
void rng_stir(struct rng *r, const void *p, size_t n);

/* n octets, n at most 65536. */
void rng_get(struct rng *r, void *dst, size_t n);

/* Uniform in [0, below); below > 0. */
uint32_t rng_below(struct rng *r, uint32_t below);

#endif
