/* des.h - one block of DES (FIPS 46-3) or of two-key triple DES.
 *
 * For the older STS decoder key generations alone (DKGA01 to 03); nothing else may use it.
 * Parity bits of keys are not looked at: published vending keys have them wrong.
 *
 * Context  any; stack 400 bytes, wiped.
 */
#ifndef CRYPTO_DES_H
#define CRYPTO_DES_H
#include <stdint.h>

void des_encrypt(uint8_t out[8], const uint8_t key[8], const uint8_t in[8]);
void des_decrypt(uint8_t out[8], const uint8_t key[8], const uint8_t in[8]);

/* Encrypt by the first 8 octets of the key, decrypt by the second, encrypt by the first. */
void des3_encrypt(uint8_t out[8], const uint8_t key[16], const uint8_t in[8]);
void des3_decrypt(uint8_t out[8], const uint8_t key[16], const uint8_t in[8]);

#endif
