/* chip.h - the board's flash chips: a window of 16 MiB that QEMU backs with a file.
 *
 *   0         data flash, 8 MiB: the store's (store/part.h)
 *   8 MiB     code flash, 2 MiB: boot, two slots, boot state
 *   16 MiB - 4 KiB  factory sector: root key and seed of this one part, written at the works;
 *             blank on a development board, whose secrets are then public
 */
#ifndef PORT_MPS2_CHIP_H
#define PORT_MPS2_CHIP_H
#include <stdint.h>

#include "store/nor.h"

enum { FLASH_DATA_SIZE = 8 << 20, FLASH_FACTORY = (16 << 20) - NOR_SECTOR };

/* The data flash. Until chip_live() its time is polls: a pulled clock stands still in a step.
 * Then operations take as long as on silicon, on the sample clock. */
const struct nor *chip_init(void);
void chip_live(void);

/* The factory sector: 16 octets of root key, 48 of seed. */
const uint8_t *chip_factory(void);

#endif
