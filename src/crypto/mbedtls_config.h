/* mbedtls_config.h - what a DLMS suite 0 and 1 meter and an STS token need of Mbed TLS, and no
 * more. One list for every target; what differs stands at the end.
 */
#ifndef CRYPTO_MBEDTLS_CONFIG_H
#define CRYPTO_MBEDTLS_CONFIG_H
#include <stddef.h>

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

/* P-256: signatures and key agreement. ecdsa.c asks for the ASN.1 files; the linker drops them.
 */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_WINDOW_SIZE 4
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_HAVE_ASM

/* Big numbers take their memory from the arena of the running curve: see arena.h */
void *arena_calloc(size_t n, size_t size);
void arena_free(void *p);
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_CALLOC_MACRO arena_calloc
#define MBEDTLS_PLATFORM_FREE_MACRO arena_free
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS
#define MBEDTLS_PLATFORM_SNPRINTF_ALT

#if defined(__x86_64__)
#define MBEDTLS_AESNI_C
#endif

#endif
