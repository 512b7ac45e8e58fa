#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "powercut/box.h"
#include "powercut/toy.h"

#define UNUSED(state) (void)(state)

static const struct nor_times at_once = { 0, 0 }, slow = { 2000, 30000 };

static void blank_chip_begins_anew(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, at_once);
    assert_int_equal(box_mount(b), 1);
    assert_int_equal(b->records, 0);
    store_rest(&b->store);
    assert_int_equal(box_mount(b), 0);
    assert_int_equal(b->records, BOX_STATE);
    box_free(b);
}

/* Another's data is neither taken nor touched. */
static void foreign_chip_is_left_alone(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, at_once);
    uint8_t junk[4096], is[4096];
    for (uint32_t i = 0; i < 20; i++) {
        box_fill(junk, sizeof junk, i);
        nor_sim_poke(&b->sim, i * 4096, junk, sizeof junk);
    }
    assert_int_equal(box_mount(b), E_FORMAT);
    assert_int_equal(b->sim.operations, 0);
    for (uint32_t i = 0; i < 20; i++) {
        nor_sim_peek(&b->sim, i * 4096, is, sizeof is);
        assert_true(box_is_filled(is, sizeof is, i));
    }
    box_free(b);
}

/* The newest value of each comes back, through dozens of segments, on a fast and a slow chip.
 */
static void newest_values_come_back(void **state)
{
    UNUSED(state);
    for (int k = 0; k < 2; k++) {
        struct box *b = box_new(&toy_map, 20, k ? slow : at_once);
        uint64_t random = 3;
        uint32_t expect[BOX_STATE] = { 0 };
        assert_int_equal(box_mount(b), 1);
        for (int i = 0; i < 6000; i++) {
            unsigned id = (unsigned)(sim_random(&random) % BOX_STATE);
            expect[id] = (uint32_t)sim_random(&random);
            assert_int_equal(box_set(b, id, expect[id]), 0);
            while (store_is_busy(&b->store)) store_step(&b->store);
            if (i % 997) continue;
            store_rest(&b->store);
            assert_int_equal(box_mount(b), 0);
            assert_memory_equal(b->state, expect, sizeof expect);
        }
        assert_true(b->sim.erases > 20);
        assert_int_equal(b->sim.broken, 0);
        box_free(b);
    }
}

/* Records are handed back in the order they were put, with their octets. */
static void order_and_octets(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, at_once);
    uint8_t body[JOURNAL_BODY_MAX];
    box_mount(b);
    for (uint32_t i = 0; i < 20; i++) {
        size_t n = i % 3 ? i * 12 : 0;
        box_fill(body, sizeof body, i);
        assert_int_equal(journal_put(&b->store, 0xE0, body, n), 0);
    }
    box_mount(b);
    assert_int_equal(b->records, BOX_STATE + 20);
    for (uint32_t i = 0; i < 20; i++) {
        box_fill(body, sizeof body, i);
        assert_int_equal(b->seen[BOX_STATE + i].n, i % 3 ? i * 12 : 0);
        assert_int_equal(b->seen[BOX_STATE + i].first, i % 3 ? le_get32(body) : 0);
    }
    box_free(b);
}

/* One program, before all that waits; nothing of the queue is needed to understand it. */
static void gasp_overtakes_the_queue(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, slow);
    uint8_t body[4];
    box_mount(b);
    store_rest(&b->store);
    uint64_t before = b->sim.programs;
    box_set(b, 0, 1);
    box_set(b, 1, 2);
    le_put32(body, 77);
    assert_int_equal(journal_gasp(&b->store, JOURNAL_APP + 5, body, 4), 0);
    for (int i = 0; i < 100 && b->sim.programs < before + 2; i++) store_step(&b->store);
    assert_int_equal(b->sim.programs, before + 2); /* one was under way */
    box_mount(b);
    assert_int_equal(b->state[5], 77);
    assert_int_equal(b->state[1], 0);
    box_free(b);
}

/* The supply stays: what was going on goes on, gasp after gasp. */
static void gasp_in_a_checkpoint(void **state)
{
    UNUSED(state);
    for (unsigned when = 0; when < 60; when++) {
        struct box *b = box_new(&toy_map, 20, slow);
        uint8_t body[4];
        uint32_t i = 0;
        box_mount(b);
        for (; !store_is_busy(&b->store); i++) box_set(b, i % 4, i);
        for (unsigned k = 0; k < when; k++) store_step(&b->store);
        b->state[9] = 1234 + when;
        le_put32(body, b->state[9]);
        assert_int_equal(journal_gasp(&b->store, JOURNAL_APP + 9, body, 4), 0);
        uint32_t expect[BOX_STATE];
        memcpy(expect, b->state, sizeof expect);
        if (when % 2) store_rest(&b->store);
        while (!store_is_down(&b->store)) store_step(&b->store);
        assert_int_equal(box_mount(b), 0);
        assert_memory_equal(b->state, expect, sizeof expect);
        box_free(b);
    }
}

static void counters_never_return(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, slow);
    uint32_t last[STORE_COUNTERS] = { 0 }, number, lost = 0;
    uint64_t random = 11;
    box_mount(b);
    for (int power = 0; power < 40; power++) {
        for (unsigned i = (unsigned)(sim_random(&random) % 3000); i; i--) {
            unsigned id = (unsigned)(sim_random(&random) % STORE_COUNTERS);
            assert_int_equal(counters_peek(&b->store, id) > last[id], 1);
            assert_int_equal(counters_take(&b->store, id, &number), 0);
            assert_true(number > last[id]);
            lost += number - last[id] - 1;
            last[id] = number;
            if (i % 64 == 0) store_step(&b->store);
        }
        box_mount(b);
    }
    assert_true(lost <= 40 * STORE_COUNTERS * 2048);
    counters_set(&b->store, 3, 1);
    store_rest(&b->store);
    box_mount(b);
    counters_take(&b->store, 3, &number);
    assert_int_equal(number, 1);
    counters_set(&b->store, 3, UINT32_MAX - 1000);
    assert_int_equal(counters_take(&b->store, 3, &number), E_RANGE);
    box_free(b);
}

/* Each bit of a segment that is flipped: mended, or the record is not there; never another
 * value. What lies before it is not harmed. */
static void one_wrong_bit_is_mended(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, at_once);
    uint8_t octet;
    box_mount(b);
    for (uint32_t i = 0; i < 30; i++) box_set(b, i % 4, 1000 + i);
    store_rest(&b->store);
    uint32_t expect[BOX_STATE], base = b->store.journal.segment * 4096u;
    memcpy(expect, b->state, sizeof expect);
    for (uint32_t bit = 0; bit < 4096 * 8; bit += 3) {
        struct nor_sim saved = b->sim;
        nor_sim_fork(&b->sim, &saved, 5);
        nor_sim_peek(&b->sim, base + bit / 8, &octet, 1);
        octet ^= (uint8_t)(1u << bit % 8);
        nor_sim_poke(&b->sim, base + bit / 8, &octet, 1);
        b->sim.nor.ctx = &b->sim;
        assert_int_equal(box_mount(b), 0);
        assert_memory_equal(b->state, expect, sizeof expect);
        nor_sim_free(&b->sim);
        b->sim = saved;
    }
    box_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blank_chip_begins_anew),
        cmocka_unit_test(foreign_chip_is_left_alone),
        cmocka_unit_test(newest_values_come_back),
        cmocka_unit_test(order_and_octets),
        cmocka_unit_test(gasp_overtakes_the_queue),
        cmocka_unit_test(gasp_in_a_checkpoint),
        cmocka_unit_test(counters_never_return),
        cmocka_unit_test(one_wrong_bit_is_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
