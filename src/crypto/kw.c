#include "crypto/kw.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "crypto/aes.h"

/* A block is the register A of RFC 3394 and one half of 8 octets of key beside it. */
#define R 8

static const uint8_t initial[8] = { 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6 };

/* A ^= t; t is at most 6 * 8 */
static void count(uint8_t block[16], size_t t)
{
    block[R - 1] ^= (uint8_t)t;
}

void kw_wrap(uint8_t *out, const uint8_t *kek, size_t kek_len, const uint8_t *key, size_t n)
{
    struct aes aes;
    uint8_t block[16];
    size_t halves = n / 8;
    ensure(n >= 16 && n <= KW_MAX && n % 8 == 0);
    aes_init(&aes, kek, kek_len);
    memcpy(block, initial, 8);
    memmove(out + 8, key, n);
    for (size_t t = 1; t <= 6 * halves; t++) {
        uint8_t *r = out + 8 + (t - 1) % halves * 8;
        memcpy(block + R, r, 8);
        aes_encrypt(&aes, block, block);
        count(block, t);
        memcpy(r, block + R, 8);
    }
    memcpy(out, block, 8);
    wipe(&aes, sizeof aes);
    wipe(block, sizeof block);
}

int kw_unwrap(uint8_t *out, const uint8_t *kek, size_t kek_len, const uint8_t *wrapped,
              size_t n)
{
    struct aes aes;
    uint8_t block[16];
    size_t halves = n / 8 - 1;
    if (n < 24 || n > KW_MAX + KW_EXTRA || n % 8) return E_FORMAT;
    aes_init_decrypt(&aes, kek, kek_len);
    memcpy(block, wrapped, 8);
    memmove(out, wrapped + 8, n - 8);
    for (size_t t = 6 * halves; t >= 1; t--) {
        uint8_t *r = out + (t - 1) % halves * 8;
        memcpy(block + R, r, 8);
        count(block, t);
        aes_decrypt(&aes, block, block);
        memcpy(r, block + R, 8);
    }
    bool held = same(block, initial, 8);
    wipe(&aes, sizeof aes);
    wipe(block, sizeof block);
    if (!held) wipe(out, n - 8);
    return held ? 0 : E_AUTH;
}
