#include "crypto/aes.h"

#include "base/sys.h"
#include "mbedtls/aes.h"

_Static_assert(sizeof(mbedtls_aes_context) <= sizeof(struct aes), "struct aes is too small");

static mbedtls_aes_context *inside(struct aes *a)
{
    return (mbedtls_aes_context *)(void *)a->space;
}

void aes_init(struct aes *a, const uint8_t *key, size_t key_len)
{
    ensure(key_len == 16 || key_len == 32);
    mbedtls_aes_init(inside(a));
    ensure(mbedtls_aes_setkey_enc(inside(a), key, (unsigned)key_len * 8) == 0);
}

void aes_init_decrypt(struct aes *a, const uint8_t *key, size_t key_len)
{
    ensure(key_len == 16 || key_len == 32);
    mbedtls_aes_init(inside(a));
    ensure(mbedtls_aes_setkey_dec(inside(a), key, (unsigned)key_len * 8) == 0);
}

void aes_encrypt(struct aes *a, uint8_t out[16], const uint8_t in[16])
{
    ensure(mbedtls_aes_crypt_ecb(inside(a), MBEDTLS_AES_ENCRYPT, in, out) == 0);
}

void aes_decrypt(struct aes *a, uint8_t out[16], const uint8_t in[16])
{
    ensure(mbedtls_aes_crypt_ecb(inside(a), MBEDTLS_AES_DECRYPT, in, out) == 0);
}
