#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "powercut/box.h"
#include "store/image.h"

#define UNUSED(state) (void)(state)

static const struct part slot = { 2, 10 };
static const uint8_t tag[IMAGE_TAG] = "meter 1.2.3 etc";

struct bench {
    struct nor_sim sim;
    struct flash f;
    struct flash_fifo fifo;
    struct image i;
};

static int power_up(struct bench *b)
{
    nor_sim_power_up(&b->sim);
    flash_init(&b->f, &b->sim.nor, &b->fifo);
    return image_mount(&b->i, &b->f, &slot);
}

static void put_all(struct bench *b, uint32_t n)
{
    uint8_t data[1024];
    uint32_t left = b->i.size - n * b->i.block_size;
    size_t length = left < b->i.block_size ? left : b->i.block_size;
    int e = E_BUSY;
    box_fill(data, length, n);
    for (int i = 0; i < 8 && e == E_BUSY; i++) e = image_put(&b->i, n, data, length);
    assert_int_equal(e, 0);
}

static void check(struct bench *b)
{
    uint8_t data[1024];
    for (uint32_t n = 0; n < image_blocks(&b->i); n++) {
        uint32_t left = b->i.size - n * b->i.block_size;
        size_t length = left < b->i.block_size ? left : b->i.block_size;
        assert_true(image_has(&b->i, n));
        assert_int_equal(image_read(&b->i, n * b->i.block_size, data, length), 0);
        assert_true(box_is_filled(data, length, n));
    }
}

/* Blocks in any order, over power-ups; each block size, sizes to the octet. */
static void blocks_in_any_order(void **state)
{
    UNUSED(state);
    static const uint32_t size[] = { 1, 63, 64, 4096, 20000, 9 * 4096 };
    for (unsigned k = 0; k < 6; k++)
        for (uint16_t block = 64; block <= 1024; block = (uint16_t)(block * 2)) {
            struct bench b;
            uint64_t random = k * 7 + block;
            nor_sim_init(&b.sim, 12, (struct nor_times){ 0, 5000 }, 1);
            assert_int_equal(power_up(&b), 0);
            assert_int_equal(image_put(&b.i, 0, "", 0), E_STATE);
            assert_int_equal(image_begin(&b.i, size[k], block, tag), 0);
            assert_int_equal(image_put(&b.i, 0, "", 0), E_BUSY);
            while (image_step(&b.i)) {
            }
            uint32_t blocks = image_blocks(&b.i);
            for (uint32_t i = 0; i < 3 * blocks; i++) {
                if (i % 50 == 49) assert_int_equal(power_up(&b), 1);
                put_all(&b, (uint32_t)(sim_random(&random) % blocks));
            }
            for (uint32_t n; (n = image_first_missing(&b.i)) < blocks;) put_all(&b, n);
            assert_int_equal(power_up(&b), 1);
            assert_memory_equal(b.i.tag, tag, IMAGE_TAG);
            check(&b);
            uint8_t wrong[1024] = { 0 };
            assert_int_equal(image_put(&b.i, blocks, wrong, block), E_RANGE);
            if (blocks > 1) {
                assert_int_equal(image_put(&b.i, 0, wrong, block), E_FORMAT);
                assert_int_equal(image_put(&b.i, 0, wrong, block - 1u), E_RANGE);
            }
            assert_int_equal(image_read(&b.i, size[k], wrong, 1), E_RANGE);
            assert_int_equal(b.sim.broken, 0);
            nor_sim_free(&b.sim);
        }
}

static void refusals(void **state)
{
    UNUSED(state);
    struct bench b;
    nor_sim_init(&b.sim, 12, (struct nor_times){ 0, 0 }, 1);
    power_up(&b);
    assert_int_equal(image_begin(&b.i, 0, 256, tag), E_RANGE);
    assert_int_equal(image_begin(&b.i, 9 * 4096 + 1, 256, tag), E_RANGE);
    assert_int_equal(image_begin(&b.i, 100, 100, tag), E_RANGE);
    assert_int_equal(image_begin(&b.i, 100, 32, tag), E_RANGE);
    assert_int_equal(image_begin(&b.i, 100, 2048, tag), E_RANGE);
    nor_sim_free(&b.sim);
}

/* Every operation of a transfer cut once in every model: what is marked is right, the rest is
 * sent again, and the image ends whole. */
struct transfer {
    struct bench *b;
    uint64_t cuts;
};

static enum sim_fate cut(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct transfer *t = ctx;
    for (unsigned model = 0; model < TORN_NEIGHBOUR; model++) {
        struct bench c;
        nor_sim_fork(&c.sim, sim, ++t->cuts);
        nor_sim_tear(&c.sim, op, (enum torn)model);
        if (power_up(&c) == 1) {
            uint8_t data[256];
            for (uint32_t n = 0; n < image_blocks(&c.i); n++) {
                if (!image_has(&c.i, n)) continue;
                uint32_t left = c.i.size - n * 256;
                assert_int_equal(image_read(&c.i, n * 256, data, left < 256 ? left : 256), 0);
                assert_true(box_is_filled(data, left < 256 ? left : 256, n));
            }
            for (uint32_t n; (n = image_first_missing(&c.i)) < image_blocks(&c.i);)
                put_all(&c, n);
            check(&c);
        }
        nor_sim_free(&c.sim);
    }
    return SIM_DONE;
}

static void cut_anywhere(void **state)
{
    UNUSED(state);
    struct bench b;
    struct transfer t = { &b, 0 };
    nor_sim_init(&b.sim, 12, (struct nor_times){ 0, 0 }, 1);
    b.sim.watch = cut;
    b.sim.watch_ctx = &t;
    power_up(&b);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(image_begin(&b.i, 9000, 256, tag), 0);
        while (image_step(&b.i)) {
        }
        for (uint32_t n = 0; n < image_blocks(&b.i); n++) put_all(&b, n);
    }
    assert_true(t.cuts > 500);
    nor_sim_free(&b.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_in_any_order),
        cmocka_unit_test(refusals),
        cmocka_unit_test(cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
