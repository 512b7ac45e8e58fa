#include "crypto/sha256.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#define BLOCK 64
#define ROUNDS 64

/* Cube roots of the first 64 primes, the first 32 bits behind the point (FIPS 180-4, 4.2.2). */
static const uint32_t root[ROUNDS] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4,
    0xAB1C5ED5, 0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE,
    0x9BDC06A7, 0xC19BF174, 0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F,
    0x4A7484AA, 0x5CB0A9DC, 0x76F988DA, 0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7,
    0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967, 0x27B70A85, 0x2E1B2138, 0x4D2C6DFC,
    0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85, 0xA2BFE8A1, 0xA81A664B,
    0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070, 0x19A4C116,
    0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7,
    0xC67178F2,
};

static inline uint32_t turn(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

/* The words of the block, and the rest made of them (6.2.2 step 1). */
static void spread(uint32_t w[ROUNDS], const uint8_t block[BLOCK])
{
    for (unsigned i = 0; i < 16; i++) w[i] = be_get32(block + 4 * i);
    for (unsigned i = 16; i < ROUNDS; i++) {
        uint32_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ x >> 3) + w[i - 7] +
               (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
    }
}

static void work_in(struct sha256 *s, const uint8_t block[BLOCK])
{
    uint32_t w[ROUNDS];
    uint32_t a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3];
    uint32_t e = s->h[4], f = s->h[5], g = s->h[6], h = s->h[7];
    spread(w, block);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t t =
            h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (g ^ (e & (f ^ g))) + root[i] + w[i];
        uint32_t u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (b ^ ((a ^ b) & (b ^ c)));
        h = g, g = f, f = e, e = d + t;
        d = c, c = b, b = a, a = t + u;
    }
    s->h[0] += a, s->h[1] += b, s->h[2] += c, s->h[3] += d;
    s->h[4] += e, s->h[5] += f, s->h[6] += g, s->h[7] += h;
    wipe(w, sizeof w);
}

void sha256_begin(struct sha256 *s)
{
    *s = (struct sha256){ .h = { 0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F,
                                 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19 } };
}

void sha256_more(struct sha256 *s, const void *p, size_t n)
{
    const uint8_t *in = p;
    while (n) {
        size_t held = s->octets % BLOCK, part = n < BLOCK - held ? n : BLOCK - held;
        bool is_whole = part == BLOCK; /* it need not be copied */
        if (!is_whole) memcpy(s->block + held, in, part);
        if (held + part == BLOCK) work_in(s, is_whole ? in : s->block);
        s->octets += part;
        in += part;
        n -= part;
    }
}

void sha256_end(struct sha256 *s, uint8_t digest[SHA256])
{
    static const uint8_t end[BLOCK] = { 0x80 };
    uint8_t bits[8];
    be_put64(bits, s->octets * 8);
    sha256_more(s, end, 1 + (2 * BLOCK - 9 - s->octets % BLOCK) % BLOCK);
    sha256_more(s, bits, sizeof bits);
    for (unsigned i = 0; i < 8; i++) be_put32(digest + 4 * i, s->h[i]);
    wipe(s, sizeof *s);
}

void sha256(uint8_t digest[SHA256], const void *p, size_t n)
{
    struct sha256 s;
    sha256_begin(&s);
    sha256_more(&s, p, n);
    sha256_end(&s, digest);
}

static void pad(struct sha256 *s, const uint8_t key[BLOCK], uint8_t with)
{
    uint8_t block[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) block[i] = key[i] ^ with;
    sha256_begin(s);
    sha256_more(s, block, BLOCK);
    wipe(block, sizeof block);
}

void hmac_begin(struct hmac *h, const void *key, size_t key_len)
{
    uint8_t block[BLOCK] = { 0 };
    if (key_len > BLOCK)
        sha256(block, key, key_len);
    else if (key_len)
        memcpy(block, key, key_len);
    pad(&h->inner, block, 0x36);
    pad(&h->outer, block, 0x5C);
    wipe(block, sizeof block);
}

void hmac_more(struct hmac *h, const void *p, size_t n)
{
    sha256_more(&h->inner, p, n);
}

void hmac_end(struct hmac *h, uint8_t mac[SHA256])
{
    uint8_t digest[SHA256];
    sha256_end(&h->inner, digest);
    sha256_more(&h->outer, digest, SHA256);
    sha256_end(&h->outer, mac);
    wipe(digest, sizeof digest);
}

void hmac(uint8_t mac[SHA256], const void *key, size_t key_len, const void *p, size_t n)
{
    struct hmac h;
    hmac_begin(&h, key, key_len);
    hmac_more(&h, p, n);
    hmac_end(&h, mac);
}
