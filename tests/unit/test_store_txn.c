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

static void finish(struct box *b)
{
    while (store_is_busy(&b->store)) store_step(&b->store);
}

/* RAM changes when the last page is down, by replay() alone, and not before store_step(). */
static void applied_after_the_commit(void **state)
{
    UNUSED(state);
    for (int k = 0; k < 2; k++) {
        struct box *b = box_new(&toy_map, 20, k ? slow : at_once);
        uint8_t body[4] = { 42 };
        box_mount(b);
        store_rest(&b->store);
        txn_begin(&b->store);
        assert_int_equal(txn_put(&b->store, JOURNAL_APP, body, 4), 0);
        assert_int_equal(txn_commit(&b->store), 0);
        assert_int_equal(b->state[0], 0);
        assert_true(store_is_busy(&b->store));
        finish(b);
        assert_int_equal(b->state[0], 42);
        assert_int_equal(b->records, 1);
        txn_begin(&b->store);
        body[0] = 43;
        assert_int_equal(txn_put(&b->store, JOURNAL_APP, body, 4), 0);
        txn_cancel(&b->store);
        txn_begin(&b->store);
        assert_int_equal(txn_commit(&b->store), 0); /* nothing is nothing */
        finish(b);
        box_mount(b);
        assert_int_equal(b->state[0], 42);
        box_free(b);
    }
}

/* As long as it may be, to the octet; longer is refused and leaves it as it was. */
static void to_the_last_octet(void **state)
{
    UNUSED(state);
    for (size_t n = 0; n <= TXN_BYTES; n += n < 300 ? 1 : 61) {
        struct box *b = box_new(&toy_map, 20, at_once);
        uint8_t body[TXN_BYTES + 1];
        box_fill(body, sizeof body, (uint32_t)n);
        box_mount(b);
        txn_begin(&b->store);
        int e = txn_put(&b->store, 0x80, body, n);
        assert_int_equal(e, n + 9 <= TXN_BYTES ? 0 : E_SPACE);
        if (e == 0)
            assert_int_equal(txn_put(&b->store, 0x81, body, TXN_BYTES - n - 17), E_SPACE);
        if (e == 0 && n + 18 <= TXN_BYTES)
            assert_int_equal(txn_put(&b->store, 0x81, body, TXN_BYTES - n - 18), 0);
        assert_int_equal(txn_commit(&b->store), 0);
        finish(b);
        unsigned parts = e ? 0 : n + 18 <= TXN_BYTES ? 2 : 1;
        assert_int_equal(b->records, parts);
        box_mount(b);
        assert_int_equal(b->records, BOX_STATE + parts);
        if (e == 0) assert_int_equal(b->seen[BOX_STATE].n, n);
        if (n >= 4 && e == 0) assert_int_equal(b->seen[BOX_STATE].first, le_get32(body));
        box_free(b);
    }
}

/* Rows are numbered as they will be; several of one series follow one another. */
static void rows_of_one_transaction(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, slow);
    uint8_t row[64], got[64];
    box_mount(b);
    uint16_t n = series_row_size(&b->store, TOY_B);
    for (uint32_t k = 0; k < 50; k++) {
        txn_begin(&b->store);
        for (uint32_t i = 0; i < 5; i++) {
            box_fill(row, n, k * 5 + i);
            assert_int_equal(txn_put_row(&b->store, TOY_B, row), k * 5 + i);
        }
        assert_int_equal(txn_commit(&b->store), 0);
        finish(b);
    }
    box_mount(b);
    for (uint32_t i = series_first(&b->store, TOY_B); i < 250; i++) {
        assert_int_equal(series_read(&b->store, TOY_B, i, got), 0);
        assert_true(box_is_filled(got, n, i));
    }
    box_free(b);
}

/* {time 4, own 4, first octets of the row before 4}; one a step, and nothing goes by it. */
static unsigned linked;

static void link_row(void *ctx, const uint8_t *before, uint8_t *row)
{
    struct box *b = ctx;
    uint8_t newest[SERIES_ROW_MAX] = { 0 };
    uint32_t next = series_next(&b->store, TOY_B);
    if (!before && next) assert_int_equal(series_read(&b->store, TOY_B, next - 1, newest), 0);
    memcpy(row + 8, before ? before : newest, 4);
    linked++;
}

static void rows_hang_together(void **state)
{
    UNUSED(state);
    for (int k = 0; k < 2; k++) {
        struct box *b = box_new(&toy_map, 20, k ? slow : at_once);
        uint8_t row[SERIES_ROW_MAX], before[4] = { 0 };
        b->app.chain = link_row;
        b->app.chained = TOY_B;
        box_mount(b);
        for (uint32_t i = 0; i < 40; i += 4) {
            txn_begin(&b->store);
            for (uint32_t r = i; r < i + 4; r++) {
                memset(row, 0, sizeof row);
                le_put32(row, 0x1000 + r);
                assert_int_equal(txn_put_row(&b->store, TOY_B, row), r);
                box_fill(row, 4, r);
                assert_true(txn_put_row(&b->store, TOY_A, row) >= 0);
            }
            assert_int_equal(txn_commit(&b->store), 0);
            while (store_is_busy(&b->store)) {
                unsigned was = linked;
                store_step(&b->store);
                assert_true(linked <= was + 1);
            }
        }
        assert_int_equal(linked, 40 * (k + 1));
        box_mount(b);
        for (uint32_t r = 0; r < 40; r++) {
            assert_int_equal(series_read(&b->store, TOY_B, r, row), 0);
            assert_memory_equal(row + 8, before, 4);
            memcpy(before, row, 4);
        }
        box_free(b);
    }
}

/* Whoever writes while one is in flight waits for it: its rows keep their numbers. */
static void others_wait_their_turn(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&toy_map, 20, slow);
    uint8_t row[64] = { 0 }, body[4] = { 9 };
    box_mount(b);
    txn_begin(&b->store);
    assert_int_equal(txn_put_row(&b->store, TOY_B, row), 0);
    assert_int_equal(txn_put(&b->store, JOURNAL_APP + 1, body, 4), 0);
    assert_int_equal(txn_commit(&b->store), 0);
    assert_int_equal(series_append(&b->store, TOY_B, row), 1);
    assert_int_equal(b->state[1], 9);
    txn_begin(&b->store);
    assert_int_equal(txn_put_row(&b->store, TOY_B, row), 2);
    assert_int_equal(txn_commit(&b->store), 0);
    assert_int_equal(box_set(b, 2, 5), 0);
    store_rest(&b->store);
    box_mount(b);
    assert_int_equal(series_next(&b->store, TOY_B), 3);
    assert_int_equal(b->state[2], 5);
    box_free(b);
}

static void live_at(struct nor_times times, uint64_t seed, uint8_t image[20 * 4096])
{
    static struct toy toy;
    static struct toy_diary diary;
    struct nor_sim sim;
    memset(&diary, 0, sizeof diary);
    nor_sim_init(&sim, 20, times, 1);
    assert_int_equal(toy_mount(&toy, &toy_map, &sim.nor, &diary), 1);
    for (unsigned step = 0; step < 1500; step++) toy_live(&toy, seed, step);
    store_rest(&toy.store);
    nor_sim_peek(&sim, 0, image, 20 * 4096);
    nor_sim_free(&sim);
}

/* The clock of the chip changes nothing on flash: same calls, same octets. */
static void same_octets_at_any_pace(void **state)
{
    UNUSED(state);
    static uint8_t image[3][20 * 4096];
    for (uint64_t seed = 99; seed < 119; seed++) {
        live_at((struct nor_times){ 0, 0 }, seed, image[0]);
        live_at((struct nor_times){ 700, 60000 }, seed, image[1]);
        live_at((struct nor_times){ 3000, 400000 }, seed, image[2]);
        assert_memory_equal(image[0], image[1], sizeof image[0]);
        assert_memory_equal(image[0], image[2], sizeof image[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applied_after_the_commit), cmocka_unit_test(to_the_last_octet),
        cmocka_unit_test(rows_of_one_transaction),  cmocka_unit_test(others_wait_their_turn),
        cmocka_unit_test(rows_hang_together),       cmocka_unit_test(same_octets_at_any_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
