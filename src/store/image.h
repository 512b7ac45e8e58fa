/* image.h - one slot for a firmware image that comes in blocks, in any order, over days.
 *
 * The slot's first sector says what is coming (size, block size, a tag of the caller's, such as
 * a digest of its identification) and holds one bit a block, cleared when the block is on
 * flash: the bitmap is the progress, and it outlives power cuts. Sectors are erased when the
 * first block for them comes.
 *
 * Power cut  a block is marked or it is not; one that is not may be sent again.
 * Cost       a block: its pages and one program for its bit.
 * Memory     struct image, the caller's: 48 octets.
 * Context    meter loop only. The flash may be the store's or another chip's.
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
    uint16_t wiped;      /* sectors from the first that are erased, or erased and written */
    uint8_t state;
};

/* Bind to a slot and read what it holds. 0, or 1 when an image or a part of one is there. */
int image_mount(struct image *i, struct flash *flash, const struct part *part);

/* Forget what is there and wait for an image. E_RANGE: too large for the slot, or the block
 * size is not one of the above. Erasing begins; E_BUSY from image_put() until it is done. */
int image_begin(struct image *i, uint32_t size, uint16_t block_size,
                const uint8_t tag[IMAGE_TAG]);

/* Block number n with its octets (the last one may be short). E_BUSY: erasing, ask again.
 * E_STATE: no image begun. E_RANGE: no such block, or a wrong length. A block that is there
 * already is compared: 0 when equal, E_FORMAT when not. */
int image_put(struct image *i, uint32_t n, const void *data, size_t length);

/* Is block n there? Number of the first block that is missing; the number of blocks if none. */
bool image_has(struct image *i, uint32_t n);
uint32_t image_first_missing(struct image *i);

/* Octets of the image, whatever is there. */
int image_read(struct image *i, uint32_t offset, void *dst, size_t n);

/* The tag given at image_begin(). E_NONE when the slot is empty. */
int image_tag(struct image *i, uint8_t tag[IMAGE_TAG]);

/* Go on with erasing; true while there is any. */
bool image_step(struct image *i);

#endif
