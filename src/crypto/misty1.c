#include "crypto/misty1.h"

#include "base/bytes.h"

/* The two substitutions as polynomials over the bits of their input, m[i] being all ones where
 * bit i is set: S9 is of the second degree, S7 of the third. Made from the tables of RFC 2994;
 * straight lines, so that no address and no branch depends on a key. A word carries two inputs,
 * one in each half, which are worked out at once. */
#define BOTH UINT32_C(0x10001)
#define LOW9 (0x1FF * BOTH)
#define LOW7 (0x7F * BOTH)

/* A constant in both halves. */
#define C(x) (UINT32_C(x) * BOTH)

static inline uint32_t mask(uint32_t x, int bit)
{
    uint32_t t = x >> bit & BOTH;
    return (t << 16) - t;
}

static inline uint32_t s9(uint32_t x)
{
    uint32_t m[9], y = C(0x1C3);
    for (int i = 0; i < 9; i++) m[i] = mask(x, i);
    y ^= m[0] & C(0x108);
    y ^= m[1] & (C(0x090) ^ (m[0] & C(0x1C4)));
    y ^= m[2] & (C(0x020) ^ (m[0] & C(0x002)) ^ (m[1] & C(0x188)));
    y ^= m[3] & (C(0x042) ^ (m[0] & C(0x030)) ^ (m[1] & C(0x006)) ^ (m[2] & C(0x092)));
    y ^= m[4] & (C(0x104) ^ (m[0] & C(0x085)) ^ (m[1] & C(0x060)) ^ (m[2] & C(0x00C)) ^
                 (m[3] & C(0x026)));
    y ^= m[5] & (C(0x088) ^ (m[0] & C(0x111)) ^ (m[1] & C(0x009)) ^ (m[2] & C(0x140)) ^
                 (m[3] & C(0x018)) ^ (m[4] & C(0x04E)));
    y ^= m[6] & (C(0x010) ^ (m[0] & C(0x006)) ^ (m[1] & C(0x0A1)) ^ (m[2] & C(0x013)) ^
                 (m[3] & C(0x180)) ^ (m[4] & C(0x030)) ^ (m[5] & C(0x11C)));
    y ^= m[7] & (C(0x022) ^ (m[0] & C(0x180)) ^ (m[1] & C(0x00C)) ^ (m[2] & C(0x041)) ^
                 (m[3] & C(0x025)) ^ (m[4] & C(0x080)) ^ (m[5] & C(0x060)) ^ (m[6] & C(0x0B8)));
    y ^= m[8] & (C(0x044) ^ (m[0] & C(0x162)) ^ (m[1] & C(0x080)) ^ (m[2] & C(0x018)) ^
                 (m[3] & C(0x103)) ^ (m[4] & C(0x049)) ^ (m[5] & C(0x002)) ^ (m[6] & C(0x140)) ^
                 (m[7] & C(0x070)));
    return y;
}

static inline uint32_t s7(uint32_t x)
{
    uint32_t m[7], y = C(0x1B);
    for (int i = 0; i < 7; i++) m[i] = mask(x, i);
    y ^= m[0] & C(0x29);
    y ^= m[1] & (C(0x28) ^ (m[0] & C(0x40)));
    y ^= m[2] & (C(0x20) ^ (m[0] & C(0x02)) ^ (m[1] & (C(0x04) ^ (m[0] & C(0x28)))));
    y ^= m[3] & (C(0x40) ^ (m[0] & C(0x68)) ^ (m[1] & C(0x01)) ^
                 (m[2] & (C(0x10) ^ (m[0] & C(0x04)) ^ (m[1] & C(0x20)))));
    y ^= m[4] & (C(0x04) ^ (m[0] & C(0x12)) ^ (m[1] & (C(0x24) ^ (m[0] & C(0x04)))) ^
                 (m[2] & (C(0x08) ^ (m[0] & C(0x20)))) ^
                 (m[3] & (C(0x02) ^ (m[0] & C(0x01)) ^ (m[1] & C(0x10)) ^ (m[2] & C(0x40)))));
    y ^= m[5] & (C(0x10) ^ (m[0] & C(0x64)) ^ (m[1] & (C(0x03) ^ (m[0] & C(0x20)))) ^
                 (m[2] & (C(0x50) ^ (m[0] & C(0x01)) ^ (m[1] & C(0x10)))) ^
                 (m[3] & (C(0x60) ^ (m[0] & C(0x10)) ^ (m[1] & C(0x40)))) ^
                 (m[4] & (C(0x01) ^ (m[0] & C(0x04)) ^ (m[1] & C(0x08)) ^ (m[2] & C(0x02)) ^
                          (m[3] & C(0x04)))));
    y ^= m[6] & (C(0x02) ^ (m[0] & C(0x22)) ^ (m[1] & (C(0x54) ^ (m[0] & C(0x01)))) ^
                 (m[2] & (C(0x09) ^ (m[1] & C(0x40)))) ^
                 (m[3] & (C(0x06) ^ (m[0] & C(0x44)) ^ (m[1] & C(0x08)) ^ (m[2] & C(0x02)))) ^
                 (m[4] & (C(0x44) ^ (m[0] & C(0x08)) ^ (m[1] & C(0x02)) ^ (m[2] & C(0x04)))) ^
                 (m[5] & (C(0x08) ^ (m[0] & C(0x03)) ^ (m[1] & C(0x10)) ^ (m[2] & C(0x60)) ^
                          (m[3] & C(0x01)) ^ (m[4] & C(0x10)))));
    return y;
}

/* FI of two inputs with two keys. */
static uint32_t fi(uint32_t x, uint32_t key)
{
    uint32_t d9 = x >> 7 & LOW9, d7 = x & LOW7;
    d9 = s9(d9) ^ d7;
    d7 = s7(d7) ^ (d9 & LOW7);
    d7 ^= key >> 9 & LOW7;
    d9 ^= key & LOW9;
    d9 = s9(d9) ^ d7;
    return d7 << 9 | d9;
}

static uint32_t pair(uint32_t high, uint32_t low)
{
    return high << 16 | low;
}

/* key[0..7] is K, key[8..15] is K'; round numbers are those of the RFC. Of its three FI the first
 * two do not wait for each other. */
static uint32_t fo(const struct misty1 *m, uint32_t in, int k)
{
    const uint16_t *key = m->key, *prime = m->key + 8;
    uint32_t low = in & 0xFFFF, both;
    both =
        fi(in ^ pair(key[k], key[(k + 2) % 8]), pair(prime[(k + 5) % 8], prime[(k + 1) % 8]));
    uint32_t a = both >> 16 ^ low, b = (both & 0xFFFF) ^ a;
    a = (fi(a ^ key[(k + 7) % 8], prime[(k + 3) % 8]) & 0xFFFF) ^ b;
    return pair(b ^ key[(k + 4) % 8], a);
}

struct fl_keys {
    uint16_t all, any;
};

static struct fl_keys fl_keys(const struct misty1 *m, int k)
{
    const uint16_t *key = m->key, *prime = m->key + 8;
    int h = k / 2;
    if (k % 2) return (struct fl_keys){ prime[(h + 2) % 8], key[(h + 4) % 8] };
    return (struct fl_keys){ key[h], prime[(h + 6) % 8] };
}

static uint32_t fl(const struct misty1 *m, uint32_t in, int k)
{
    struct fl_keys f = fl_keys(m, k);
    uint16_t a = (uint16_t)(in >> 16), b = (uint16_t)in;
    b ^= a & f.all;
    a = (uint16_t)(a ^ (b | f.any));
    return (uint32_t)a << 16 | b;
}

static uint32_t fl_inverse(const struct misty1 *m, uint32_t in, int k)
{
    struct fl_keys f = fl_keys(m, k);
    uint16_t a = (uint16_t)(in >> 16), b = (uint16_t)in;
    a = (uint16_t)(a ^ (b | f.any));
    b ^= a & f.all;
    return (uint32_t)a << 16 | b;
}

void misty1_init(struct misty1 *m, const uint8_t key[16])
{
    for (int i = 0; i < 8; i++) m->key[i] = be_get16(key + 2 * i);
    for (int i = 0; i < 8; i += 2) {
        uint32_t both =
            fi(pair(m->key[i], m->key[i + 1]), pair(m->key[i + 1], m->key[(i + 2) % 8]));
        m->key[8 + i] = (uint16_t)(both >> 16);
        m->key[9 + i] = (uint16_t)both;
    }
}

uint64_t misty1_encrypt(const struct misty1 *m, uint64_t block)
{
    uint32_t a = (uint32_t)(block >> 32), b = (uint32_t)block;
    for (int k = 0; k < 8; k += 2) {
        a = fl(m, a, k);
        b = fl(m, b, k + 1);
        b ^= fo(m, a, k);
        a ^= fo(m, b, k + 1);
    }
    return (uint64_t)fl(m, b, 9) << 32 | fl(m, a, 8);
}

uint64_t misty1_decrypt(const struct misty1 *m, uint64_t block)
{
    uint32_t b = fl_inverse(m, (uint32_t)(block >> 32), 9);
    uint32_t a = fl_inverse(m, (uint32_t)block, 8);
    for (int k = 6; k >= 0; k -= 2) {
        a ^= fo(m, b, k + 1);
        b ^= fo(m, a, k);
        b = fl_inverse(m, b, k + 1);
        a = fl_inverse(m, a, k);
    }
    return (uint64_t)a << 32 | b;
}
