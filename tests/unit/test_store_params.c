#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "powercut/box.h"
#include "store/kv.h"

#define UNUSED(state) (void)(state)

enum { IDS = 40, KEYS = 8 };
static const struct nor_times at_once = { 0, 0 }, slow = { 2000, 30000 };
static const struct store_map map = {
    .journal = { 0, 4 },
    .params = { 4, 16 },
    .keys = { 20, 2 },
    .stage = { 22, 2 },
    .segment_sectors = 1,
    .params_ids = IDS,
    .keys_ids = KEYS,
};

static void finish(struct box *b)
{
    while (store_is_busy(&b->store)) store_step(&b->store);
}

struct shadow {
    int n[IDS]; /* -1: never written */
    uint32_t seed[IDS];
};

static int write_short(struct box *b, uint16_t id, size_t n, uint32_t seed)
{
    uint8_t value[TXN_BYTES];
    box_fill(value, n, seed);
    txn_begin(&b->store);
    int e = txn_put_param(&b->store, id, value, n);
    if (e < 0) {
        txn_cancel(&b->store);
        return e;
    }
    assert_int_equal(txn_commit(&b->store), 0);
    finish(b);
    return 0;
}

static int write_long(struct box *b, uint16_t id, size_t n, size_t max, uint32_t seed)
{
    static uint8_t value[PARAMS_VALUE_MAX];
    int e;
    box_fill(value, n, seed);
    for (int i = 0; i < 5 && (e = params_stage_begin(&b->store, id, max)) == E_BUSY; i++)
        finish(b);
    if (e < 0) return e;
    for (size_t at = 0; at < n;) {
        size_t part = n - at < 500 ? n - at : 1 + (at * 7 + seed) % 500;
        assert_int_equal(params_stage_put(&b->store, value + at, part), 0);
        at += part;
    }
    txn_begin(&b->store);
    assert_int_equal(txn_put_stage(&b->store), 0);
    assert_int_equal(txn_commit(&b->store), 0);
    finish(b);
    return 0;
}

static void check_all(struct box *b, const struct shadow *w)
{
    static uint8_t value[PARAMS_VALUE_MAX];
    for (uint16_t id = 0; id < (uint16_t)IDS; id++) {
        int n = params_read(&b->store, id, 0, value, sizeof value);
        assert_int_equal(n, w->n[id] < 0 ? E_NONE : w->n[id]);
        assert_int_equal(params_length(&b->store, id), n);
        assert_int_equal(params_check(&b->store, id), n < 0 ? n : 0);
        assert_int_equal(params_generation(&b->store, id) > 0, n >= 0);
        if (n >= 0) assert_true(box_is_filled(value, (size_t)n, w->seed[id]));
    }
}

/* Short and long values, dozens of turn-overs, power-ups between: each id has its newest. */
static void newest_values_stay(void **state)
{
    UNUSED(state);
    for (int k = 0; k < 2; k++) {
        struct box *b = box_new(&map, 24, k ? slow : at_once);
        struct shadow w;
        uint64_t random = 17;
        memset(w.n, 0xFF, sizeof w.n);
        box_mount(b);
        for (int i = 0; i < 2000; i++) {
            uint16_t id = (uint16_t)(sim_random(&random) % IDS);
            uint32_t seed = (uint32_t)sim_random(&random);
            bool is_long = sim_random(&random) % 12 == 0;
            size_t n = sim_random(&random) % (is_long                   ? 900
                                              : sim_random(&random) % 8 ? 50
                                                                        : 300);
            int e = is_long ? write_long(b, id, n, n + 1 + seed % 100, seed)
                            : write_short(b, id, n, seed);
            assert_int_equal(e, 0);
            w.n[id] = (int)n;
            w.seed[id] = seed;
            if (i % 61) continue;
            check_all(b, &w);
            store_rest(&b->store);
            assert_int_equal(box_mount(b), 0);
            check_all(b, &w);
        }
        assert_true(b->store.params.half_number > 4);
        assert_int_equal(b->sim.broken, 0);
        box_free(b);
    }
}

/* A stage is one at a time, read back, given up without a trace; it says no rather than break.
 */
static void stage(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&map, 24, at_once);
    uint8_t value[512], got[2048];
    box_mount(b);
    assert_int_equal(params_stage_put(&b->store, value, 1), E_STATE);
    assert_int_equal(params_stage_begin(&b->store, 1, PARAMS_VALUE_MAX + 1), E_SPACE);
    assert_int_equal(params_stage_begin(&b->store, 1, 1000), 0);
    assert_int_equal(params_stage_begin(&b->store, 2, 1000), E_BUSY);
    box_fill(value, sizeof value, 1);
    assert_int_equal(params_stage_put(&b->store, value, 500), 0);
    assert_int_equal(params_stage_put(&b->store, value, 500), 0);
    assert_int_equal(params_stage_put(&b->store, value, 1), E_SPACE);
    assert_int_equal(params_stage_read(&b->store, 500, got, sizeof got), 500);
    assert_true(box_is_filled(got, 500, 1));
    assert_int_equal(params_length(&b->store, 1), E_NONE);
    params_stage_abort(&b->store);
    txn_begin(&b->store);
    assert_int_equal(txn_put_stage(&b->store), E_STATE);
    txn_cancel(&b->store);
    assert_int_equal(params_stage_begin(&b->store, 3, 100), 0);
    assert_int_equal(params_stage_put(&b->store, value, 10), 0);
    box_mount(b); /* a cut leaves pieces that nobody names */
    assert_int_equal(params_length(&b->store, 3), E_NONE);
    assert_int_equal(params_stage_begin(&b->store, 3, 100), 0);
    box_free(b);
}

/* Values that do not fit are refused before anything happened; those that are there stay. */
static void full(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&map, 24, at_once);
    struct shadow w;
    memset(w.n, 0xFF, sizeof w.n);
    box_mount(b);
    int e = 0;
    uint32_t total = 0;
    for (uint16_t id = 0; id < IDS && e == 0; id++) {
        e = write_short(b, id, 1800, id);
        if (e < 0) break;
        w.n[id] = 1800;
        w.seed[id] = id;
        total += 1800;
    }
    assert_int_equal(e, E_SPACE);
    assert_true(total > 20000);
    for (uint16_t k = 0; k < 60; k++) {
        uint16_t id = k % 10;
        assert_int_equal(write_short(b, id, 1500, k), 0);
        w.n[id] = 1500;
        w.seed[id] = k;
    }
    check_all(b, &w);
    box_mount(b);
    check_all(b, &w);
    box_free(b);
}

/* A part of a long value, anywhere; and with any one bit wrong. */
static void parts_are_mended_too(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&map, 24, at_once);
    static uint8_t value[2000], part[2000];
    uint8_t octet;
    box_mount(b);
    box_fill(value, sizeof value, 4);
    assert_int_equal(write_long(b, 7, sizeof value, sizeof value, 4), 0);
    uint32_t end = b->store.params.at;
    store_rest(&b->store);
    for (uint32_t bit = 0; bit < end * 8; bit += 13) {
        struct nor_sim saved = b->sim;
        nor_sim_fork(&b->sim, &saved, 5);
        nor_sim_peek(&b->sim, 4 * 4096 + bit / 8, &octet, 1);
        octet ^= (uint8_t)(1u << bit % 8);
        nor_sim_poke(&b->sim, 4 * 4096 + bit / 8, &octet, 1);
        assert_int_equal(box_mount(b), 0);
        size_t at = bit % sizeof value, n = 1 + bit % 97;
        int got = params_read(&b->store, 7, at, part, n);
        assert_int_equal(got, n < sizeof value - at ? n : sizeof value - at);
        assert_memory_equal(part, value + at, (size_t)got);
        assert_int_equal(params_read(&b->store, 7, 0, part, sizeof part), sizeof value);
        assert_memory_equal(part, value, sizeof value);
        nor_sim_free(&b->sim);
        b->sim = saved;
    }
    box_free(b);
}

/* A key that was replaced is nowhere on flash, not in the log nor in the half left behind. */
static void old_keys_go(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&map, 24, at_once);
    uint8_t key[40], got[KEYS_WRAP_MAX];
    static uint8_t image[2 * 4096];
    uint64_t random = 23;
    int n[KEYS] = { 0 };
    uint32_t seed[KEYS] = { 0 };
    box_mount(b);
    assert_int_equal(keys_read(&b->store, 0, got), E_NONE);
    for (uint32_t i = 1; i < 400; i++) {
        uint16_t id = (uint16_t)(sim_random(&random) % KEYS);
        n[id] = 24 + 8 * (int)(sim_random(&random) % 3);
        seed[id] = i;
        box_fill(key, (size_t)n[id], i);
        txn_begin(&b->store);
        assert_int_equal(txn_put_key(&b->store, id, key, (size_t)n[id]), 0);
        assert_int_equal(txn_commit(&b->store), 0);
        finish(b);
        if (i % 37 == 0) box_mount(b);
    }
    store_rest(&b->store);
    for (uint16_t id = 0; id < (uint16_t)KEYS; id++) {
        assert_int_equal(keys_read(&b->store, id, got), n[id]);
        assert_true(box_is_filled(got, (size_t)n[id], seed[id]));
    }
    nor_sim_peek(&b->sim, 20 * 4096, image, sizeof image);
    for (uint32_t i = 1; i < 400; i++) {
        unsigned found = 0, expect = 0;
        box_fill(key, 24, i);
        for (size_t at = 0; at + 24 <= sizeof image; at++)
            found += !memcmp(image + at, key, 24);
        for (unsigned id = 0; id < KEYS; id++) expect += seed[id] == i;
        assert_int_equal(found, expect);
    }
    box_free(b);
}

/* However small they are, a mount has only so many entries to read; half as many again while a
 * long value comes in. */
static void small_values_turn_the_log_over(void **state)
{
    UNUSED(state);
    struct box *b = box_new(&map, 24, at_once);
    const struct kv *kv = &b->store.params;
    struct shadow w;
    memset(&w, 0xFF, sizeof w);
    box_mount(b);
    for (unsigned i = 0, most = 0, is_open = 0; i < 9000; i++) {
        if (i % 997 == 0) {
            uint32_t entries = kv->entries;
            assert_int_equal(box_mount(b), 0);
            assert_true(kv->entries <= entries);
            check_all(b, &w);
            is_open = 0;
        }
        if (i % 1993 == 0) is_open = params_stage_begin(&b->store, 5, 100) == 0;
        w.seed[3] = i;
        w.n[3] = 4;
        assert_int_equal(write_short(b, 3, 4, i), 0);
        unsigned limit = is_open ? KV_ENTRIES_MAX + KV_ENTRIES_MAX / 2 : KV_ENTRIES_MAX;
        assert_in_range(kv->entries, 1, limit);
        if (kv->entries > most) most = kv->entries;
        if (i == 8999) assert_true(most > KV_ENTRIES_MAX);
    }
    assert_true(kv->half_number >= 9000 / KV_ENTRIES_MAX / 2);
    box_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_values_stay),
        cmocka_unit_test(stage),
        cmocka_unit_test(full),
        cmocka_unit_test(parts_are_mended_too),
        cmocka_unit_test(old_keys_go),
        cmocka_unit_test(small_values_turn_the_log_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
