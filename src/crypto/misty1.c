#include "crypto/misty1.h"

#include "base/bytes.h"

/* The two substitutions as polynomials over their input bits, so that no address depends on a
 * key: S9 is of the second degree, S7 of the third. Below are the outputs each product of bits
 * adds, in the order of the loops that form the products; made from the tables of RFC 2994. */
static const uint16_t s9_terms[45] = { 0x108, 0x090, 0x1C4, 0x020, 0x002, 0x188, 0x042, 0x030,
                                       0x006, 0x092, 0x104, 0x085, 0x060, 0x00C, 0x026, 0x088,
                                       0x111, 0x009, 0x140, 0x018, 0x04E, 0x010, 0x006, 0x0A1,
                                       0x013, 0x180, 0x030, 0x11C, 0x022, 0x180, 0x00C, 0x041,
                                       0x025, 0x080, 0x060, 0x0B8, 0x044, 0x162, 0x080, 0x018,
                                       0x103, 0x049, 0x002, 0x140, 0x070 };
static const uint8_t s7_terms[63] = { 0x29, 0x28, 0x40, 0x20, 0x02, 0x04, 0x28, 0x40, 0x68,
                                      0x01, 0x00, 0x10, 0x04, 0x20, 0x04, 0x12, 0x24, 0x04,
                                      0x08, 0x20, 0x00, 0x02, 0x01, 0x10, 0x40, 0x10, 0x64,
                                      0x03, 0x20, 0x50, 0x01, 0x10, 0x60, 0x10, 0x40, 0x00,
                                      0x01, 0x04, 0x08, 0x02, 0x04, 0x02, 0x22, 0x54, 0x01,
                                      0x09, 0x00, 0x40, 0x06, 0x44, 0x08, 0x02, 0x44, 0x08,
                                      0x02, 0x04, 0x00, 0x08, 0x03, 0x10, 0x60, 0x01, 0x10 };

static uint32_t mask(uint32_t x, int bit)
{
    return 0 - (x >> bit & 1);
}

static uint32_t s9(uint32_t x)
{
    const uint16_t *term = s9_terms;
    uint32_t y = 0x1C3, m[9];
    for (int i = 0; i < 9; i++) {
        uint32_t with_i = *term++;
        for (int j = 0; j < i; j++) with_i ^= m[j] & *term++;
        m[i] = mask(x, i);
        y ^= m[i] & with_i;
    }
    return y;
}

static uint32_t s7(uint32_t x)
{
    const uint8_t *term = s7_terms;
    uint32_t y = 0x1B, m[7];
    for (int i = 0; i < 7; i++) {
        uint32_t with_i = *term++;
        for (int j = 0; j < i; j++) {
            uint32_t with_j = *term++;
            for (int k = 0; k < j; k++) with_j ^= m[k] & *term++;
            with_i ^= m[j] & with_j;
        }
        m[i] = mask(x, i);
        y ^= m[i] & with_i;
    }
    return y;
}

static uint16_t fi(uint32_t x, uint32_t key)
{
    uint32_t d9 = x >> 7, d7 = x & 0x7F;
    d9 = s9(d9) ^ d7;
    d7 = s7(d7) ^ (d9 & 0x7F);
    d7 ^= key >> 9;
    d9 ^= key & 0x1FF;
    d9 = s9(d9) ^ d7;
    return (uint16_t)(d7 << 9 | d9);
}

/* key[0..7] is K, key[8..15] is K'; round numbers are those of the RFC. */
static uint32_t fo(const struct misty1 *m, uint32_t in, int k)
{
    const uint16_t *key = m->key, *prime = m->key + 8;
    uint16_t a = (uint16_t)(in >> 16), b = (uint16_t)in;
    a = (uint16_t)(fi(a ^ key[k], prime[(k + 5) % 8]) ^ b);
    b = (uint16_t)(fi(b ^ key[(k + 2) % 8], prime[(k + 1) % 8]) ^ a);
    a = (uint16_t)(fi(a ^ key[(k + 7) % 8], prime[(k + 3) % 8]) ^ b);
    b ^= key[(k + 4) % 8];
    return (uint32_t)b << 16 | a;
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
    for (int i = 0; i < 8; i++) m->key[8 + i] = fi(m->key[i], m->key[(i + 1) % 8]);
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
