/* test_powercut_heads.c - two cuts in the heads of a ring.
 *
 * Rings that never had a row, whose first sector is full, and a lap later; rows of all kinds. A
 * row is appended, and a cut is tried at each operation of that and of the erase ahead, in every
 * torn model; after each the ring is mounted, takes that row again, and each operation of all
 * this is cut once more. A head that is written or killed is besides torn in ways that random
 * bits hit once in thousands: what is left has the right checksum, or one wrong bit of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "powercut/box.h"
#include "store/inside.h"

enum { SECTORS = 5, RING = 10, FORGED = 8, TRIES = 400000, DEPTH = 2 };

static const struct nor_times at_once = { 0, 0 };

struct ring {
    struct box *box[DEPTH + 1];
    struct store_map map;
    uint32_t first, next; /* rows there were before the one that is cut */
    unsigned depth;       /* cuts so far */
    uint64_t random, cuts[DEPTH], forged;
};

static void row_of(const struct box *b, uint8_t *row, uint32_t seq)
{
    box_fill(row, series_row_size(&b->store, 0), seq ^ 0x4EAD);
    le_put32(row, 1800000000 + 60 * seq);
}

static void append(struct box *b)
{
    uint8_t row[SERIES_ROW_MAX];
    row_of(b, row, series_next(&b->store, 0));
    if (b->store.series[0].row_size > FLASH_ARENA) {
        txn_begin(&b->store);
        assert_true(txn_put_row(&b->store, 0, row) >= 0);
        assert_int_equal(txn_commit(&b->store), 0);
    } else {
        assert_true(series_append(&b->store, 0, row) >= 0);
    }
    while (store_is_busy(&b->store)) store_step(&b->store);
}

/* The rows there were, and perhaps the new one; the oldest sector may have gone, and with each
 * cut at most one more. */
static void check(const struct ring *r, struct box *b, unsigned cuts, bool with_new)
{
    uint8_t row[SERIES_ROW_MAX], expect[SERIES_ROW_MAX];
    uint32_t first = series_first(&b->store, 0), next = series_next(&b->store, 0);
    uint32_t a_sector = (NOR_SECTOR - HEAD) / r->map.series[0].row_size;
    bool is_lap = r->next >= (SECTORS - 1) * a_sector;
    assert_in_range(next, r->next + with_new, r->next + 1);
    assert_in_range(first, r->first, r->first + (is_lap ? (1 + cuts) * a_sector : 0));
    for (uint32_t seq = first; seq < next; seq++) {
        assert_int_equal(series_read(&b->store, 0, seq, row), 0);
        row_of(b, expect, seq);
        assert_memory_equal(row, expect, series_row_size(&b->store, 0));
    }
}

/* ---- forged heads ---- */

static bool is_plain(const uint8_t head[HEAD])
{
    return (le_get16(head + 14) ^ crc16(head + 2, 12)) == 0;
}

static bool seems_right(const uint8_t head[HEAD], bool plain)
{
    uint8_t b[HEAD];
    memcpy(b, head, HEAD);
    uint16_t wrong = crc16(b + 2, 12) ^ le_get16(b + 14);
    if (wrong && (plain || !mend16(b + 2, 12, wrong))) return false;
    return is_mark(b) && b[2] == 0x53 && le_get16(b + 4) >= SERIES_ROW_MIN &&
           le_get16(b + 4) <= SERIES_ROW_MAX;
}

/* Leave of an operation on a head what seems right and is not what there was, nor what was to be.
 * What says that it is a head is kept, or written. */
static bool forge(struct ring *r, struct nor_sim *chip, const struct sim_op *op, bool plain)
{
    uint8_t was[HEAD], full[HEAD], b[HEAD];
    uint32_t at = op->at / NOR_SECTOR * NOR_SECTOR;
    bool is_kill = op->at == at;
    nor_sim_peek(chip, at, was, HEAD);
    memcpy(full, was, HEAD);
    for (size_t i = 0; i < op->n; i++) full[op->at - at + i] &= op->src[i];
    for (unsigned tries = 0; tries < TRIES; tries++) {
        uint64_t density = sim_random(&r->random) % 3;
        memcpy(b, is_kill ? was : full, 6);
        for (unsigned i = 6; i < HEAD; i++) {
            uint64_t x = sim_random(&r->random);
            uint8_t which = (uint8_t)(density ? x & x >> 8 : x);
            if (density == 2) which = (uint8_t)(which & x >> 16);
            b[i] = (uint8_t)(was[i] & (full[i] | ~which));
        }
        if (!seems_right(b, plain) || memcmp(b, was, HEAD) == 0) continue;
        if (!is_kill && memcmp(b, full, HEAD) == 0) continue;
        nor_sim_poke(chip, at, b, HEAD);
        return true;
    }
    return false;
}

static bool is_of_head(const struct nor_sim *chip, const struct sim_op *op)
{
    uint8_t b[HEAD];
    if (op->op != NOR_PROG || op->at / NOR_SECTOR < RING || op->at % NOR_SECTOR >= 6)
        return false;
    if (op->at % NOR_SECTOR) return op->n >= 12;
    nor_sim_peek(chip, op->at, b, HEAD);
    return op->n == HEAD && is_plain(b) && is_mark(b) && b[2] == 0x53;
}

/* ---- cuts ---- */

static void judge(struct ring *r, const struct nor_sim *parent, const struct sim_op *op,
                  unsigned model, bool is_forged);

static enum sim_fate cut(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct ring *r = ctx;
    bool head = is_of_head(sim, op);
    for (unsigned model = 0; model < TORN_MODELS; model++) judge(r, sim, op, model, false);
    for (unsigned i = 0; head && i < (r->depth ? 2 : FORGED); i++) judge(r, sim, op, i, true);
    return SIM_DONE;
}

/* Mount what that cut leaves, append the row if it is gone, let the store go on to rest. */
static void judge(struct ring *r, const struct nor_sim *parent, const struct sim_op *op,
                  unsigned model, bool is_forged)
{
    unsigned depth = r->depth + 1;
    struct box *b = r->box[depth];
    nor_sim_fork(&b->sim, parent, sim_random(&r->random));
    if (!is_forged) nor_sim_tear(&b->sim, op, (enum torn)model);
    bool plain = model == 0 && sim_random(&r->random) % (r->depth ? 40 : 1) == 0;
    if (!is_forged || forge(r, &b->sim, op, plain)) {
        r->cuts[depth - 1]++;
        r->forged += is_forged;
        r->depth = depth;
        b->sim.watch = depth < DEPTH ? cut : NULL;
        b->sim.watch_ctx = r;
        assert_true(box_mount(b) >= 0);
        check(r, b, depth, false);
        if (series_next(&b->store, 0) == r->next) append(b);
        store_rest(&b->store);
        b->sim.watch = NULL;
        check(r, b, depth, true);
        assert_int_equal(box_mount(b), 0);
        check(r, b, depth, true);
        assert_int_equal(b->sim.broken, 0);
        r->depth = depth - 1;
    }
    nor_sim_free(&b->sim);
}

static void one_ring(struct ring *r, uint16_t size, uint32_t rows)
{
    r->map = (struct store_map){ .journal = { 0, 4 },
                                 .params = { 4, 2 },
                                 .keys = { 6, 2 },
                                 .stage = { 8, 2 },
                                 .segment_sectors = 1,
                                 .series_count = 1,
                                 .params_ids = 4,
                                 .keys_ids = 4,
                                 .series = { { { RING, SECTORS }, size } } };
    for (unsigned i = 0; i <= DEPTH; i++) r->box[i] = box_new(&r->map, 20, at_once);
    struct box *b = r->box[0];
    assert_int_equal(box_mount(b), 1);
    store_rest(&b->store);
    for (uint32_t i = 0; i < rows; i++) append(b);
    store_rest(&b->store);
    r->first = series_first(&b->store, 0);
    r->next = series_next(&b->store, 0);
    assert_int_equal(r->next, rows);
    b->sim.watch = cut;
    b->sim.watch_ctx = r;
    append(b);
    store_rest(&b->store);
    b->sim.watch = NULL;
    check(r, b, 0, true);
    for (unsigned i = 0; i <= DEPTH; i++) box_free(r->box[i]);
}

/* Where a ring never had a row, where its second sector begins, and where its first one goes. */
static void two_cuts_in_the_heads(void **state)
{
    static const uint16_t size[] = { 8, 32, 248, 1360 };
    struct ring r = { .random = 0x4EAD5 };
    (void)state;
    for (unsigned k = 0; k < sizeof size / sizeof *size; k++) {
        uint32_t a_sector = (NOR_SECTOR - HEAD) / size[k];
        one_ring(&r, size[k], 0);
        one_ring(&r, size[k], a_sector);
        one_ring(&r, size[k], (SECTORS - 1) * a_sector);
        one_ring(&r, size[k], SECTORS * a_sector);
    }
    printf("%llu cuts, %llu second cuts, %llu of them with a forged head: nothing lost\n",
           (unsigned long long)r.cuts[0], (unsigned long long)r.cuts[1],
           (unsigned long long)r.forged);
    assert_true(r.cuts[0] > 1000 && r.cuts[1] > 10000 && r.forged > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(two_cuts_in_the_heads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
