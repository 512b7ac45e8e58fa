#include "store/image.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"
#include "store/inside.h"

enum { EMPTY, WIPING, READY, FAILED };
enum { KIND = 0x49, HEAD_SIZE = 28, BITMAP_AT = 512 };
_Static_assert(BITMAP_AT + IMAGE_BLOCKS_MAX / 8 <= NOR_SECTOR, "head and bitmap in one sector");

static uint32_t base_of(const struct image *i)
{
    return sector_at(i->part.first);
}

static bool is_block_size(uint32_t n)
{
    return n >= 64 && n <= 1024 && (n & (n - 1)) == 0;
}

static bool fits(const struct image *i, uint32_t size, uint16_t block_size)
{
    if (size == 0 || !is_block_size(block_size)) return false;
    if (size > sector_at(i->part.sectors - 1u)) return false;
    return (size - 1) / block_size < IMAGE_BLOCKS_MAX;
}

int image_mount(struct image *i, struct flash *flash, const struct part *part)
{
    uint8_t b[HEAD_SIZE];
    ensure(part->sectors >= 2);
    memset(i, 0, sizeof *i);
    i->flash = flash;
    i->part = *part;
    if (flash_read(flash, base_of(i), b, sizeof b) < 0) return 0;
    if (!is_mark(b) || b[2] != KIND || b[3] != FORMAT_VERSION) return 0;
    if (crc16(b + 2, 24) != le_get16(b + 26)) return 0;
    if (!fits(i, le_get32(b + 4), le_get16(b + 8))) return 0;
    i->size = le_get32(b + 4);
    i->block_size = le_get16(b + 8);
    memcpy(i->tag, b + 10, IMAGE_TAG);
    i->state = READY;
    return 1;
}

int image_begin(struct image *i, uint32_t size, uint16_t block_size,
                const uint8_t tag[IMAGE_TAG])
{
    static const uint8_t zeros[HEAD_SIZE];
    if (!fits(i, size, block_size)) return E_RANGE;
    i->size = size;
    i->block_size = block_size;
    i->wiped = i->pages = 0;
    memcpy(i->tag, tag, IMAGE_TAG);
    i->state = WIPING;
    flash_end_erase(i->flash);
    if (flash_now(i->flash, base_of(i), zeros, sizeof zeros) < 0) i->state = FAILED;
    return 0;
}

/* The head comes last: with it the slot is an image's. */
static int put_head(struct image *i)
{
    uint8_t b[HEAD_SIZE];
    le_put16(b, MARK);
    b[2] = KIND;
    b[3] = FORMAT_VERSION;
    le_put32(b + 4, i->size);
    le_put16(b + 8, i->block_size);
    memcpy(b + 10, i->tag, IMAGE_TAG);
    le_put16(b + 26, crc16(b + 2, 24));
    if (flash_now(i->flash, base_of(i), b, HEAD_SIZE - 2) < 0) return E_IO;
    return flash_now(i->flash, base_of(i) + HEAD_SIZE - 2, b + HEAD_SIZE - 2, 2);
}

bool image_step(struct image *i)
{
    if (i->state != WIPING) return false;
    uint32_t sectors = 1 + (i->size + NOR_SECTOR - 1) / NOR_SECTOR;
    int e = 0;
    if (i->wiped < sectors) {
        e = flash_erase(i->flash, base_of(i) + sector_at(i->wiped));
        if (e == 0) i->wiped++;
    } else {
        e = put_head(i);
        if (e == 0) i->state = READY;
    }
    if (e < 0 && e != E_BUSY) i->state = FAILED;
    return i->state == WIPING;
}

/* ---- blocks ---- */

uint32_t image_blocks(const struct image *i)
{
    return i->size ? (i->size - 1) / i->block_size + 1 : 0;
}

bool image_has(struct image *i, uint32_t n)
{
    uint8_t b = 0xFF;
    if (i->state != READY || n >= image_blocks(i)) return false;
    flash_read(i->flash, base_of(i) + BITMAP_AT + n / 8, &b, 1);
    return !(b >> n % 8 & 1);
}

uint32_t image_first_missing(struct image *i)
{
    uint32_t n = 0, blocks = image_blocks(i);
    while (n < blocks && image_has(i, n)) n++;
    return n;
}

static uint32_t block_at(const struct image *i, uint32_t n)
{
    return base_of(i) + NOR_SECTOR + n * i->block_size;
}

static int compare(struct image *i, uint32_t n, const uint8_t *data, size_t length)
{
    uint8_t b[64];
    for (size_t got = 0; got < length; got += sizeof b) {
        size_t part = length - got < sizeof b ? length - got : sizeof b;
        if (flash_read(i->flash, block_at(i, n) + (uint32_t)got, b, part) < 0) return E_IO;
        if (memcmp(b, data + got, part) != 0) return E_FORMAT;
    }
    return 0;
}

/* The next page of the block; 0 when it was the last. */
static int put_page(struct image *i, uint32_t n, const uint8_t *data, size_t length)
{
    uint32_t at = i->pages * (uint32_t)NOR_PAGE;
    size_t part = length - at < NOR_PAGE ? length - at : NOR_PAGE;
    if (flash_now(i->flash, block_at(i, n) + at, data + at, part) < 0) return E_IO;
    i->pages++;
    return at + part < length ? E_BUSY : 0;
}

static int mark_block(struct image *i, uint32_t n)
{
    uint8_t bit = (uint8_t) ~(1u << n % 8), was;
    uint32_t at = base_of(i) + BITMAP_AT + n / 8;
    if (flash_read(i->flash, at, &was, 1) < 0) return E_IO;
    bit &= was;
    return flash_now(i->flash, at, &bit, 1);
}

int image_put(struct image *i, uint32_t n, const void *data, size_t length)
{
    if (i->state == EMPTY) return E_STATE;
    if (i->state == FAILED) return E_IO;
    if (i->state == WIPING) return E_BUSY;
    if (n >= image_blocks(i)) return E_RANGE;
    uint32_t left = i->size - n * i->block_size;
    if (length != (left < i->block_size ? left : i->block_size)) return E_RANGE;
    if (i->pages == 0 && image_has(i, n)) return compare(i, n, data, length);
    int e = put_page(i, n, data, length);
    if (e == E_BUSY) return e;
    i->pages = 0;
    if (e == 0) e = mark_block(i, n);
    if (e < 0) i->state = FAILED;
    return e;
}

int image_read(struct image *i, uint32_t offset, void *dst, size_t n)
{
    if (i->state != READY || offset > i->size || n > i->size - offset) return E_RANGE;
    return flash_read(i->flash, base_of(i) + NOR_SECTOR + offset, dst, n) < 0 ? E_IO : 0;
}
