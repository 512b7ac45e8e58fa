#include "sts/sta.h"

#define ROUNDS 16
#define LOWEST UINT32_C(0x11111111) /* the lowest bit of every nibble */

static uint64_t left(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}

static uint64_t right(uint64_t v, int n)
{
    return v >> n | v << (64 - n);
}

/* Eight nibbles at once: for each value, where does it stand, and what becomes of it there.
 * second marks the nibbles that take the second table. Words of 32 bits: a Cortex-M shifts these
 * while it does something else. */
static uint32_t substitute_half(uint32_t half, uint32_t second, const uint8_t table[2][16])
{
    uint32_t out = 0;
    for (unsigned v = 0; v < 16; v++) {
        uint32_t d = half ^ v * LOWEST;
        d |= d >> 2;
        uint32_t here = ~(d | d >> 1) & LOWEST;
        out |= (here & ~second) * table[0][v] | (here & second) * table[1][v];
    }
    return out;
}

/* k: the running key, the fourth bit of each nibble says which table. */
static uint64_t substitute(uint64_t block, uint64_t k, const uint8_t table[2][16])
{
    k >>= 3;
    uint32_t low = substitute_half((uint32_t)block, (uint32_t)k & LOWEST, table);
    uint32_t high =
        substitute_half((uint32_t)(block >> 32), (uint32_t)(k >> 32) & LOWEST, table);
    return (uint64_t)high << 32 | low;
}

/* The 32 bits that stand at these places. */
static uint32_t gather(uint64_t block, const uint8_t place[32])
{
    const uint32_t half[2] = { (uint32_t)block, (uint32_t)(block >> 32) };
    uint32_t out = 0;
    for (unsigned i = 32; i--;) out = out << 1 | (half[place[i] >> 5] >> (place[i] & 31) & 1);
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
        uint64_t in = substitute(block, k, sta_subst);
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
        uint64_t high = gather(block, sta_place + 32);
        uint64_t in = high << 32 | gather(block, sta_place);
        block = substitute(in, k, (const uint8_t(*)[16])back);
        k = right(k, 1);
    }
    return block;
}
