/* arena.h - the working memory of elliptic curves: a small allocator on a buffer of the caller.
 *
 * Mbed TLS's big numbers ask for memory as they go. There is no heap in this core, so whoever
 * runs a curve hands over a buffer, and every piece comes from it and is back when the call
 * ends. Which buffer is meant travels by sys_local(), one pointer a CPU or thread: see
 * docs/adr/0007. Nothing outside src/crypto calls more than arena_init() and arena_peak().
 *
 * Memory   the buffer, EC_ARENA octets of ec.h; wiped after each use.
 * Context  thread mode or a host thread; one user of one arena at a time.
 */
#ifndef CRYPTO_ARENA_H
#define CRYPTO_ARENA_H
#include <stddef.h>
#include <stdint.h>

struct arena {
    uint64_t *mem;       /* bound */
    uint32_t size;       /* octets */
    uint32_t used, peak; /* octets, block heads included */
};

/* words x 8 octets at mem, bound until the owner dies. */
void arena_init(struct arena *a, uint64_t *mem, size_t words);

/* The most that was ever in use, octets: asserted by tests, shown by the build's ledger. */
static inline uint32_t arena_peak(const struct arena *a)
{
    return a->peak;
}

/* For src/crypto: make a the arena of this CPU, empty; and give it up again, wiped. Not nested.
 */
void arena_enter(struct arena *a);
void arena_leave(struct arena *a);

/* For Mbed TLS, which mbedtls_config.h sends here: n x size zeroed octets of this CPU's arena,
 * or NULL. */
void *arena_calloc(size_t n, size_t size);
void arena_free(void *p);

#endif
