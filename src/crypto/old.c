#include "crypto/old.h"

#include "base/sys.h"
#include "mbedtls/md5.h"
#include "mbedtls/sha1.h"

void md5(uint8_t digest[16], const void *p, size_t n)
{
    ensure(mbedtls_md5(p, n, digest) == 0);
}

void sha1(uint8_t digest[20], const void *p, size_t n)
{
    ensure(mbedtls_sha1(p, n, digest) == 0);
}
