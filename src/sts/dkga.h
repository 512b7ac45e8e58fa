/* dkga.h - decoder keys from vending keys (IEC 62055-41 6.5.3).
 *
 *     01  DES_VK(X) xor X                  no published vector: by the text alone
 *     02  DES_VK(X) xor X xor VK
 *     03  3DES_VK(X) xor X, two keys       no published vector
 *     04  first octets of HMAC-SHA-256(VK, labels and context), VK of 160 bits
 *
 * where X = PANBlock xor CONTROLBlock. A meter in service never computes its own key: this is
 * for vending, for tests, and for the development key of a meter that was given none. A product
 * image does not refer to it, so it is not linked.
 *
 * Context  any; intermediate keys are wiped.
 */
#ifndef STS_DKGA_H
#define STS_DKGA_H
#include <stdint.h>

#include "sts/judge.h"
#include "sts/pan.h"

struct sts_key_plan {
    uint8_t dkga; /* 1 to 4 */
    uint8_t vending_key[20];
    uint8_t vending_key_len; /* 8, 8, 16, 20 */
    uint16_t base_year;      /* 1993, 2014, 2035 */
    uint8_t ea, kt, krn, ti;
    uint32_t sgc;
    char pan[STS_PAN_DIGITS + 1];
};

/* The decoder key: *key filled, ken STS_KEN_NEVER. E_RANGE: a field outside of its range, a key
 * length that is not the algorithm's, EA11 under DKGA 1 to 3. E_FORMAT: pan is no MeterPAN. */
int sts_dkga(struct sts_key *key, const struct sts_key_plan *plan);

/* The blocks and the message on the way, for whoever has to show them: PANBlock, CONTROLBlock.
 */
uint64_t sts_pan_block(const char pan[STS_PAN_DIGITS], uint8_t kt);
uint64_t sts_control_block(const struct sts_key_plan *plan);

#endif
