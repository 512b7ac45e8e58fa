#include "crypto/des.h"

#include "base/bytes.h"
#include "base/sys.h"
#include "mbedtls/des.h"

static void crypt1(mbedtls_des_context *d, uint8_t out[8], const uint8_t in[8])
{
    ensure(mbedtls_des_crypt_ecb(d, in, out) == 0);
    mbedtls_des_free(d); /* wipes */
}

static void crypt3(mbedtls_des3_context *d, uint8_t out[8], const uint8_t in[8])
{
    ensure(mbedtls_des3_crypt_ecb(d, in, out) == 0);
    mbedtls_des3_free(d);
}

void des_encrypt(uint8_t out[8], const uint8_t key[8], const uint8_t in[8])
{
    mbedtls_des_context d;
    mbedtls_des_init(&d);
    ensure(mbedtls_des_setkey_enc(&d, key) == 0);
    crypt1(&d, out, in);
}

void des_decrypt(uint8_t out[8], const uint8_t key[8], const uint8_t in[8])
{
    mbedtls_des_context d;
    mbedtls_des_init(&d);
    ensure(mbedtls_des_setkey_dec(&d, key) == 0);
    crypt1(&d, out, in);
}

void des3_encrypt(uint8_t out[8], const uint8_t key[16], const uint8_t in[8])
{
    mbedtls_des3_context d;
    mbedtls_des3_init(&d);
    ensure(mbedtls_des3_set2key_enc(&d, key) == 0);
    crypt3(&d, out, in);
}

void des3_decrypt(uint8_t out[8], const uint8_t key[16], const uint8_t in[8])
{
    mbedtls_des3_context d;
    mbedtls_des3_init(&d);
    ensure(mbedtls_des3_set2key_dec(&d, key) == 0);
    crypt3(&d, out, in);
}
