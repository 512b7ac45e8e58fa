#include "crypto/sha256.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "mbedtls/sha256.h"

#define BLOCK 64

_Static_assert(sizeof(mbedtls_sha256_context) <= sizeof(struct sha256),
               "struct sha256 is too small");

static mbedtls_sha256_context *inside(struct sha256 *s)
{
    return (mbedtls_sha256_context *)(void *)s->space;
}

void sha256_begin(struct sha256 *s)
{
    mbedtls_sha256_init(inside(s));
    ensure(mbedtls_sha256_starts(inside(s), 0) == 0);
}

void sha256_more(struct sha256 *s, const void *p, size_t n)
{
    ensure(mbedtls_sha256_update(inside(s), p, n) == 0);
}

void sha256_end(struct sha256 *s, uint8_t digest[SHA256])
{
    ensure(mbedtls_sha256_finish(inside(s), digest) == 0);
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
