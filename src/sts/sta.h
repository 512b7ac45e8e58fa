/* sta.h - the standard transfer algorithm, encryption algorithm 07 (IEC 62055-41 7.3.3).
 *
 * 16 rounds of substitution of nibbles, by one of two tables each as a key bit says, and a
 * permutation of the 64 bits. The operative tables are the STS Association's and stand alone in
 * sta_tables.c; the sample tables of the standard can be linked in their place.
 *
 * Cost     one block under 1 us on a host, some 18 000 instructions on a Cortex-M4. All
 *          sixteen nibbles are substituted at once; no address and no branch depends on key or
 *          text.
 * Context  any.
 */
#ifndef STS_STA_H
#define STS_STA_H
#include <stdint.h>

/* The key as printed, most significant digit first, read as an integer. */
uint64_t sta_encrypt(uint64_t key, uint64_t block);
uint64_t sta_decrypt(uint64_t key, uint64_t block);

/* sta_tables.c: the two substitutions of encryption, and where each bit goes. */
extern const uint8_t sta_subst[2][16];
extern const uint8_t sta_place[64];

#endif
