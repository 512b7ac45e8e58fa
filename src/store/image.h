/* image.h - one slot for a firmware image that comes in blocks, in any order, over days.
 *
 * The slot's first sector says what is coming (size, block size, a tag of the caller's, such as
 * a digest of its identification) and holds one bit a block, cleared when the block is on
 * flash: the bitmap is the progress, and it outlives power cuts. The sectors are erased when an
 * image is begun, one after the other by image_step(), before the first block is taken.
 *
 * Power cut  a block is marked or it is not; one that is not is sent again. While the slot
 *            is being erased it is empty.
 * Cost       image_put() programs at most one page and one octet a call; image_step()
 *            polls.
 * Memory     struct image, the caller's: 56 octets.
 * Context    meter loop only. The flash may be the store's own (&store.flash) or another
 *            chip's, set up with flash_init().
 */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/flash.h"
#include "store/part.h"

enum { IMAGE_TAG = 16, IMAGE_BLOCKS_MAX = 4096 };

struct image {
    struct flash *flash;
    struct part part;
    uint32_t size;       /* octets; 0: the slot is empty */
    uint16_t block_size; /* 64, 128, 256, 512 or 1024 */
    uint16_t wiped;      /* sectors from the first that are erased */
    uint16_t pages;      /* of the block under way that are on flash */
    uint8_t state;
    uint8_t tag[IMAGE_TAG];
};

/* Bind to a slot and read what it holds. 1: an image or a part of one; 0: none. */
int image_mount(struct image *i, struct flash *flash, const struct part *part);

/* Forget what is there and wait for an image. Erasing begins; image_put() answers E_BUSY until
 * it is done. E_RANGE: too large for the slot, too many blocks, or no such block size. */
int image_begin(struct image *i, uint32_t size, uint16_t block_size,
                const uint8_t tag[IMAGE_TAG]);

/* Block number n with its octets; only the last one is shorter than block_size. E_BUSY: call
 * again with the same block (erasing, or more pages to go). E_STATE: no image begun. E_RANGE:
 * no such block, or a wrong length. E_IO: the flash did not take it; begin anew. A block that
 * is there already is compared: 0 when equal, E_FORMAT when not. */
int image_put(struct image *i, uint32_t n, const void *data, size_t length);

/* Is block n there? The first block that is missing; the number of blocks when none is. */
bool image_has(struct image *i, uint32_t n);
uint32_t image_first_missing(struct image *i);
uint32_t image_blocks(const struct image *i);

/* n octets from offset, inside size; blocks that are missing read as anything. 0, E_RANGE,
 * E_IO. */
int image_read(struct image *i, uint32_t offset, void *dst, size_t n);

/* Go on with erasing; true while there is more to do. */
bool image_step(struct image *i);

#endif
