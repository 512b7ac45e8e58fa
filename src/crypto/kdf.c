#include "crypto/kdf.h"

#include <string.h>

#include "base/bytes.h"
#include "crypto/sha256.h"

void kdf(uint8_t key[16], const uint8_t z[32], const void *u, size_t u_len, const void *v,
         size_t v_len)
{
    static const uint8_t counter[4] = { 0, 0, 0, 1 };
    static const uint8_t algorithm[7] = { 0x60, 0x85, 0x74, 0x05, 0x08, 0x03, 0x00 };
    struct sha256 s;
    uint8_t digest[SHA256];
    sha256_begin(&s);
    sha256_more(&s, counter, sizeof counter);
    sha256_more(&s, z, 32);
    sha256_more(&s, algorithm, sizeof algorithm);
    sha256_more(&s, u, u_len);
    sha256_more(&s, v, v_len);
    sha256_end(&s, digest);
    memcpy(key, digest, 16);
    wipe(digest, sizeof digest);
}
