/* keys.h - wrapped keys by slot. The store sees only what the root key closed.
 *
 * A slot holds 1..40 octets: an RFC 3394 wrap of 24, 32 or 40 made by the caller. The log, its
 * two halves and its turn-over are those of params.h; besides, a slot that is replaced has its
 * old octets programmed to zero, and a half left behind is erased at once.
 *
 * Power cut  as params.h: the transaction decides (txn_put_key()).
 * Context    meter loop only.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H
#include <stddef.h>
#include <stdint.h>

struct store;

enum { KEYS_WRAP_MAX = 40 };

/* The wrapped key of a slot; its length. E_NONE: empty. E_CRC: damaged. */
int keys_read(struct store *s, uint16_t id, uint8_t wrapped[KEYS_WRAP_MAX]);

/* Grows with every change of the slot; 0: empty. */
uint32_t keys_generation(struct store *s, uint16_t id);

#endif
