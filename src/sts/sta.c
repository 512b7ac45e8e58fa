#include "sts/sta.h"

#define ROUNDS 16
#define LOWEST UINT64_C(0x1111111111111111) /* the lowest bit of every nibble */

static uint64_t left(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}

static uint64_t right(uint64_t v, int n)
{
    return v >> n | v << (64 - n);
}

/* All sixteen nibbles at once: for each value, where does it stand, and what becomes of it
 * there. second marks the nibbles that take the second table. */
static uint64_t substitute(uint64_t block, uint64_t second, const uint8_t table[2][16])
{
    uint64_t out = 0;
    for (uint8_t v = 0; v < 16; v++) {
        uint64_t d = block ^ v * LOWEST;
        uint64_t here = ~(d | d >> 1 | d >> 2 | d >> 3) & LOWEST;
        out |= (here & ~second) * table[0][v] | (here & second) * table[1][v];
    }
    return out;
}

/* The running key of the first round; each further one is a step to the left. */
static uint64_t first_key(uint64_t key)
{
    return right(~key, 12);
}

uint64_t sta_encrypt(uint64_t key, uint64_t block)
{
    uint64_t k = first_key(key);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t in = substitute(block, k >> 3 & LOWEST, sta_subst);
        block = 0;
        for (int i = 0; i < 64; i++) block |= (in >> i & 1) << sta_place[i];
        k = left(k, 1);
    }
    return block;
}

uint64_t sta_decrypt(uint64_t key, uint64_t block)
{
    uint8_t back[2][16];
    uint64_t k = left(first_key(key), ROUNDS - 1);
    for (uint8_t v = 0; v < 16; v++) {
        back[0][sta_subst[0][v]] = v;
        back[1][sta_subst[1][v]] = v;
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t in = 0;
        for (int i = 0; i < 64; i++) in |= (block >> sta_place[i] & 1) << i;
        block = substitute(in, k >> 3 & LOWEST, (const uint8_t(*)[16])back);
        k = right(k, 1);
    }
    return block;
}
