/* old.h - digests that are broken and still asked for: MD5 (HLS mechanism 3), SHA-1 (4).
 *
 * Both mechanisms are off until somebody switches them on. Nothing else may use these.
 *
 * Context  any.
 */
#ifndef CRYPTO_OLD_H
#define CRYPTO_OLD_H
#include <stddef.h>
#include <stdint.h>

void md5(uint8_t digest[16], const void *p, size_t n);
void sha1(uint8_t digest[20], const void *p, size_t n);

#endif
