#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "port/common/nor_mem.h"
#include "powercut/nor_sim.h"
#include "store/inside.h"
#include "store/row.h"

#define UNUSED(state) (void)(state)

/* One row in a chip of one sector. */
struct bench {
    uint8_t image[NOR_SECTOR];
    struct nor_mem nor;
    struct flash_fifo fifo;
    struct flash flash;
    uint16_t size;
    uint32_t seq;
    uint64_t random;
};
enum { AT = 16 };

static struct bench bench;

static void begin(struct bench *b, uint16_t size)
{
    memset(b, 0, sizeof *b);
    nor_mem_init(&b->nor, b->image, sizeof b->image, (struct nor_times){ 0, 0 });
    flash_init(&b->flash, &b->nor.nor, &b->fifo);
    b->size = size;
    b->random = size;
}

static unsigned width_of(const struct bench *b)
{
    return row_seal_size(b->size) * 8;
}

static uint32_t ones(const struct bench *b)
{
    return width_of(b) == 16 ? 0xFFFF : UINT32_MAX;
}

/* The checksum as it is before it is complemented, n octets on. */
static uint32_t sum(const struct bench *b, uint32_t crc, const uint8_t *p, size_t n)
{
    return width_of(b) == 16 ? crc16_more((uint16_t)crc, p, n) : crc32_more(crc, p, n);
}

/* The checksum as it was as many bits ago as it has, all of which were zero. */
static uint32_t back(const struct bench *b, uint32_t crc)
{
    uint32_t poly = width_of(b) == 16 ? 0x8408 : 0xEDB88320;
    for (unsigned i = 0; i < width_of(b); i++)
        crc = (crc >> (width_of(b) - 1) & 1 ? (crc ^ poly) << 1 | 1 : crc << 1) & ones(b);
    return crc;
}

static unsigned zeros_of(const struct bench *b, uint32_t v)
{
    unsigned n = 0;
    for (v ^= ones(b); v; v &= v - 1) n++;
    return n;
}

/* Any row, under the number with which its checksum is `crc`; its seal is as docs/formats.md
 * says. */
static void make(struct bench *b, uint32_t crc)
{
    uint8_t *row = b->image + AT, low[2];
    unsigned n = b->size - row_seal_size(b->size);
    for (unsigned i = 0; i < n; i++) row[i] = (uint8_t)sim_random(&b->random);
    uint32_t so_far = sum(b, ones(b), row, n), raw = crc ^ ones(b);
    b->seq = 0;
    if (width_of(b) == 16) {
        b->seq = (uint32_t)sim_random(&b->random) & 0xFFFF;
        le_put16(low, (uint16_t)b->seq);
        so_far = sum(b, so_far, low, 2);
    }
    b->seq |= (back(b, raw) ^ so_far) << (32 - width_of(b));
    row_put_seal(row, b->size, b->seq);
    uint32_t turned = width_of(b) == 16 ? 0xFF7E : UINT32_MAX;
    uint32_t seal = zeros_of(b, crc) < 3 ? crc ^ turned : crc;
    assert_int_equal(width_of(b) == 16 ? le_get16(row + n) : le_get32(row + n), seal);
    assert_true(zeros_of(b, seal) >= 3);
}

static void flip(struct bench *b, unsigned bit)
{
    b->image[AT + bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Every bit of it alone: it is no row any more, still sealed, and that bit is named. */
static void each_bit(struct bench *b)
{
    int body = (int)(b->size - row_seal_size(b->size)) * 8;
    struct slot slot = slot_read(&b->flash, AT, b->size);
    assert_true(slot_is_sealed(&slot) && slot_is(&slot, b->seq));
    for (unsigned bit = 0; bit < b->size * 8u; bit++) {
        flip(b, bit);
        slot = slot_read(&b->flash, AT, b->size);
        assert_true(slot_is_sealed(&slot));
        assert_false(slot_is(&slot, b->seq));
        assert_int_equal(slot_wrong_bit(&slot, b->seq), (int)bit < body ? (int)bit : body);
        flip(b, bit);
    }
}

/* Every two bits: it is no row, and no one bit explains it. */
static void each_two_bits(struct bench *b)
{
    for (unsigned i = 1; i < b->size * 8u; i++) {
        flip(b, i);
        for (unsigned k = 0; k < i; k++) {
            flip(b, k);
            struct slot slot = slot_read(&b->flash, AT, b->size);
            assert_false(slot_is(&slot, b->seq));
            assert_int_equal(slot_wrong_bit(&slot, b->seq), -1);
            flip(b, k);
        }
        flip(b, i);
    }
}

static uint32_t bit_of(const struct bench *b, unsigned i)
{
    return i < width_of(b) ? 1u << i : 0;
}

/* Checksums that can not be seals, what they are turned into, and any. */
static void one_wrong_bit_has_one_cause(void **state)
{
    UNUSED(state);
    static const uint16_t size[] = { 8, 9, 32, 38, 40, 64, 67, 248, 1360 };
    for (unsigned i = 0; i < sizeof size / sizeof *size; i++) {
        struct bench *b = &bench;
        begin(b, size[i]);
        uint32_t turned = width_of(b) == 16 ? 0xFF7E : UINT32_MAX;
        for (unsigned x = 0; x <= width_of(b); x += size[i] > 500 ? 8 : 1) {
            for (unsigned y = size[i] > 64 ? x : 0; y <= x; y++) {
                uint32_t crc = ones(b) & ~bit_of(b, x) & ~bit_of(b, y);
                make(b, crc);
                each_bit(b);
                make(b, crc ^ turned);
                each_bit(b);
            }
        }
        for (unsigned k = 0; k < 5; k++) {
            make(b, (uint32_t)sim_random(&b->random) & ones(b));
            each_bit(b);
        }
    }
}

static void two_wrong_bits_are_found(void **state)
{
    UNUSED(state);
    static const uint16_t size[] = { 8, 40, 64 };
    for (unsigned i = 0; i < sizeof size / sizeof *size; i++) {
        struct bench *b = &bench;
        begin(b, size[i]);
        for (unsigned k = 0; k < 4; k++) {
            uint32_t crc = 0xFFFFu & ~(k % 2 << 5) & ~(k / 2 << 11);
            make(b, crc);
            each_two_bits(b);
            make(b, crc ^ 0xFF7E);
            each_two_bits(b);
        }
        make(b, (uint32_t)sim_random(&b->random) & 0xFFFF);
        each_two_bits(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_wrong_bit_has_one_cause),
        cmocka_unit_test(two_wrong_bits_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
