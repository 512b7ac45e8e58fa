/* mbedtls_config.h - what a DLMS suite 0 and 1 meter and an STS token need of Mbed TLS, and no
 * more. One list for every target; what differs stands at the end. Nothing here allocates.
 * P-256 is p256-m's, which ec.c includes.
 */
#ifndef CRYPTO_MBEDTLS_CONFIG_H
#define CRYPTO_MBEDTLS_CONFIG_H

/* AES-GCM (without the cipher layer: that allocates), DES of the older STS key generations */
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_GCM_C
#define MBEDTLS_DES_C

/* SHA-256; MD5 and SHA-1 for HLS mechanisms 3 and 4 alone */
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA1_C
#define MBEDTLS_MD5_C

#if defined(__x86_64__)
#define MBEDTLS_HAVE_ASM
#define MBEDTLS_AESNI_C
#endif

#endif
