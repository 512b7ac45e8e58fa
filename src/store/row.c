#include "store/row.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "store/inside.h"

enum { SMALL_MAX = 64 };

static bool is_small(uint16_t row_size)
{
    return row_size <= SMALL_MAX;
}

unsigned row_seal_size(uint16_t row_size)
{
    return is_small(row_size) ? 2 : 4;
}

uint16_t row_size_of(uint16_t n)
{
    return (uint16_t)(n + (is_small((uint16_t)(n + 2)) ? 2 : 4));
}

static uint32_t blank_seal(uint16_t row_size)
{
    return is_small(row_size) ? 0xFFFF : UINT32_MAX;
}

/* Has it at least n bits that are 0, of two or three? */
static bool has_zeros(uint16_t row_size, uint32_t v, unsigned n)
{
    uint32_t zeros = v ^ blank_seal(row_size);
    for (; n > 1 && zeros; n--) zeros &= zeros - 1;
    return zeros != 0;
}

static uint32_t more(uint16_t row_size, uint32_t crc, const void *p, size_t n)
{
    return is_small(row_size) ? crc16_more((uint16_t)crc, p, n) : crc32_more(crc, p, n);
}

/* From the running CRC of the row; the number is its end. */
static uint32_t crc_of(uint16_t row_size, uint32_t crc, uint32_t seq)
{
    uint8_t number[4];
    le_put32(number, seq);
    return more(row_size, crc, number, sizeof number) ^ blank_seal(row_size);
}

/* What a checksum with less than three zeros, which can not be a seal, is turned by. Two rows of
 * one number, one of them turned and the other not, differ in three bits at least, small ones in
 * four, like those of one kind: one wrong bit has one cause. */
static uint32_t turn(uint16_t row_size)
{
    return is_small(row_size) ? 0xFF7E : UINT32_MAX;
}

static uint32_t seal_for(uint16_t row_size, uint32_t crc)
{
    return has_zeros(row_size, crc, 3) ? crc : crc ^ turn(row_size);
}

static uint32_t seal_of(uint16_t row_size, uint32_t crc, uint32_t seq)
{
    return seal_for(row_size, crc_of(row_size, crc, seq));
}

static uint32_t get_seal(const uint8_t *p, uint16_t row_size)
{
    return is_small(row_size) ? le_get16(p) : le_get32(p);
}

void row_put_seal(uint8_t *row, uint16_t row_size, uint32_t seq)
{
    unsigned n = row_size - row_seal_size(row_size);
    uint32_t seal = seal_of(row_size, more(row_size, blank_seal(row_size), row, n), seq);
    if (is_small(row_size))
        le_put16(row + n, (uint16_t)seal);
    else
        le_put32(row + n, seal);
}

bool row_read(struct flash *f, uint32_t at, uint16_t row_size, uint32_t seq, uint8_t *dst)
{
    uint8_t seal[4];
    unsigned n = row_size - row_seal_size(row_size);
    if (flash_read(f, at, dst, n) < 0) return false;
    if (flash_read(f, at + n, seal, row_seal_size(row_size)) < 0) return false;
    uint32_t crc = more(row_size, blank_seal(row_size), dst, n);
    return seal_of(row_size, crc, seq) == get_seal(seal, row_size);
}

static uint8_t count_zeros(uint8_t so_far, const uint8_t *p, size_t n)
{
    unsigned zeros = so_far;
    for (size_t i = 0; zeros < 2 && i < n; i++)
        if (p[i] != 0xFF) zeros += is_one_bit((uint8_t)~p[i]) ? 1 : 2;
    return (uint8_t)(zeros < 2 ? zeros : 2);
}

/* Without two zeros it has no seal, and its checksum is nobody's concern. */
static void read_small(struct flash *f, struct slot *slot)
{
    uint8_t b[SMALL_MAX];
    unsigned n = slot->row_size, end = n - row_seal_size(slot->row_size);
    if (flash_read(f, slot->at, b, n) < 0) memset(b, 0, n);
    slot->time = le_get32(b);
    slot->seal = get_seal(b + end, slot->row_size);
    slot->zeros = count_zeros(0, b, n);
    if (slot->zeros >= 2) slot->crc = more(slot->row_size, slot->crc, b, end);
}

struct slot slot_read(struct flash *f, uint32_t at, uint16_t row_size)
{
    uint8_t b[64];
    struct slot slot = { .at = at, .row_size = row_size, .crc = blank_seal(row_size) };
    unsigned n, end = row_size - row_seal_size(row_size);
    if (is_small(row_size)) {
        read_small(f, &slot);
        return slot;
    }
    for (unsigned got = 0; got < end; got += n) {
        n = end - got < sizeof b ? end - got : sizeof b;
        if (flash_read(f, at + got, b, n) < 0) memset(b, 0, n);
        if (got == 0) slot.time = le_get32(b);
        slot.crc = more(row_size, slot.crc, b, n);
        slot.zeros = count_zeros(slot.zeros, b, n);
    }
    n = row_size - end;
    if (flash_read(f, at + end, b, n) < 0) memset(b, 0, n);
    slot.seal = get_seal(b, row_size);
    slot.zeros = count_zeros(slot.zeros, b, n);
    return slot;
}

bool slot_is_sealed(const struct slot *slot)
{
    return has_zeros(slot->row_size, slot->seal, 2);
}

bool slot_is(const struct slot *slot, uint32_t seq)
{
    return seal_of(slot->row_size, slot->crc, seq) == slot->seal;
}

/* The bit that explains the difference from the checksum turned by `by`, and whether a row with
 * that bit put right has its seal so. */
static int bit_for(const struct slot *slot, uint32_t crc, uint32_t by)
{
    int n = slot->row_size - (int)row_seal_size(slot->row_size);
    uint32_t wrong = crc ^ by ^ slot->seal, right = slot->seal ^ by;
    int bit = is_small(slot->row_size) ? wrong_bit16((size_t)n + 4, (uint16_t)wrong)
                                       : wrong_bit32((size_t)n + 4, wrong);
    if (bit >= n * 8) return -1; /* the number is what is asked for */
    if (is_one_bit(wrong)) {
        bit = n * 8;
        right = crc;
    }
    return seal_for(slot->row_size, right) == (right ^ by) ? bit : -1;
}

int slot_wrong_bit(const struct slot *slot, uint32_t seq)
{
    uint32_t crc = crc_of(slot->row_size, slot->crc, seq);
    int bit = bit_for(slot, crc, 0);
    return bit >= 0 ? bit : bit_for(slot, crc, turn(slot->row_size));
}
