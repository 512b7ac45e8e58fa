/* row.h - one row on flash: its seal, and what is left of it after a cut.
 *
 * A row ends in its seal, a checksum over the row and its number: CRC-16 in rows of up to 64
 * octets, CRC-32 in longer ones. The seal is programmed by itself after the row was compared,
 * so a torn row has none. FF is no seal, nor is FF that a cut beside it took one bit from; so
 * that no single bit makes one of a seal, a checksum with less than three zeros is turned into
 * another.
 *
 * Context  for store/ alone.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/flash.h"

struct slot {
    uint32_t at, time;
    uint32_t crc, seal; /* crc: running, over the row without its number */
    uint16_t row_size;
    uint8_t zeros; /* bits that are 0, counted up to 2 */
};

/* Octets on flash of a row of n octets; octets of its seal. */
uint16_t row_size_of(uint16_t n);
unsigned row_seal_size(uint16_t row_size);

/* Write the seal behind the row. */
void row_put_seal(uint8_t *row, uint16_t row_size, uint32_t seq);

/* Read row seq from address at into dst; false where it is not there as it was written. */
bool row_read(struct flash *f, uint32_t at, uint16_t row_size, uint32_t seq, uint8_t *dst);

/* What lies at address at; is it sealed; is it row seq? */
struct slot slot_read(struct flash *f, uint32_t at, uint16_t row_size);
bool slot_is_sealed(const struct slot *slot);
bool slot_is(const struct slot *slot, uint32_t seq);

/* The bit of the row that must be wrong if this is row seq and one bit is; one of the seal
 * counts as the bit behind the row; -1: none explains it. */
int slot_wrong_bit(const struct slot *slot, uint32_t seq);

#endif
