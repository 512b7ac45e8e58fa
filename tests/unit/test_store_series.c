#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "powercut/box.h"

#define UNUSED(state) (void)(state)

static const struct nor_times at_once = { 0, 0 }, slow = { 2000, 30000 };

/* One series of `sectors`, rows of size octets on flash. */
static struct store_map map_of(uint16_t sectors, uint16_t size)
{
    return (struct store_map){ .journal = { 0, 4 },
                               .params = { 4, 2 },
                               .keys = { 6, 2 },
                               .stage = { 8, 2 },
                               .segment_sectors = 1,
                               .series_count = 1,
                               .params_ids = 4,
                               .keys_ids = 4,
                               .series = { { { 10, sectors }, size } } };
}

static void row_of(const struct box *b, uint8_t *row, uint32_t seq, uint32_t time)
{
    box_fill(row, series_row_size(&b->store, 0), seq ^ 0x5EED);
    le_put32(row, time);
}

static void append(struct box *b, uint32_t time)
{
    uint8_t row[SERIES_ROW_MAX];
    uint32_t seq = series_next(&b->store, 0);
    row_of(b, row, seq, time);
    if (series_row_size(&b->store, 0) > 600) {
        txn_begin(&b->store);
        assert_int_equal(txn_put_row(&b->store, 0, row), seq);
        assert_int_equal(txn_commit(&b->store), 0);
    } else {
        assert_int_equal(series_append(&b->store, 0, row), seq);
    }
    while (store_is_busy(&b->store)) store_step(&b->store);
    assert_int_equal(series_next(&b->store, 0), seq + 1);
}

static void check_rows(struct box *b, uint32_t first, uint32_t next)
{
    uint8_t row[SERIES_ROW_MAX], expect[SERIES_ROW_MAX];
    uint16_t n = series_row_size(&b->store, 0);
    assert_int_equal(series_first(&b->store, 0), first);
    assert_int_equal(series_next(&b->store, 0), next);
    for (uint32_t seq = first; seq < next; seq++) {
        assert_int_equal(series_read(&b->store, 0, seq, row), 0);
        row_of(b, expect, seq, le_get32(row));
        assert_memory_equal(row, expect, n);
    }
    assert_int_equal(series_read(&b->store, 0, first - 1, row), E_NONE);
    assert_int_equal(series_read(&b->store, 0, next, row), E_NONE);
}

/* Every size of row, every fill of the ring: what was promised is there, in order, after any
 * power-up, and numbers go on. */
static void ring_keeps_what_it_promises(void **state)
{
    UNUSED(state);
    static const uint16_t size[] = { 8, 9, 32, 40, 64, 67, 248, 500, 1360 };
    for (unsigned k = 0; k < sizeof size / sizeof *size; k++) {
        struct store_map map = map_of(5, size[k]);
        struct box *b = box_new(&map, 20, k % 2 ? slow : at_once);
        assert_int_equal(box_mount(b), 1);
        uint32_t capacity = series_capacity(&b->store, 0, series_row_size(&b->store, 0));
        assert_int_equal(capacity, 3 * (4080 / size[k]));
        uint32_t steps = capacity / 7 + 1;
        for (uint32_t i = 0; i < 4 * capacity; i++) {
            append(b, i * 60);
            uint32_t next = series_next(&b->store, 0), first = series_first(&b->store, 0);
            assert_true(next - first >= (next < capacity ? next : capacity));
            if (i % steps) continue;
            check_rows(b, first, next);
            store_rest(&b->store);
            assert_int_equal(box_mount(b), 0);
            check_rows(b, first, next);
        }
        assert_int_equal(b->sim.broken, 0);
        box_free(b);
    }
}

/* A long ring in its first lap: no row is given up before the ring is full. */
static void first_lap_of_a_long_ring(void **state)
{
    UNUSED(state);
    struct store_map map = map_of(100, 500);
    struct box *b = box_new(&map, 110, at_once);
    box_mount(b);
    for (uint32_t i = 0; i < 8 * 98; i++) {
        append(b, i);
        if (i % 50) continue;
        box_mount(b);
        assert_int_equal(series_first(&b->store, 0), 0);
    }
    check_rows(b, 0, 8 * 98);
    box_free(b);
}

static void clear_and_another_size(void **state)
{
    UNUSED(state);
    struct store_map map = map_of(4, 40);
    struct box *b = box_new(&map, 20, at_once);
    box_mount(b);
    static const uint16_t octets[] = { 38, 10, 246, 10, 60 };
    for (unsigned k = 0; k < 40; k++) {
        uint32_t first = series_next(&b->store, 0);
        uint16_t n = octets[k % 5];
        txn_begin(&b->store);
        assert_int_equal(txn_put_clear(&b->store, 0, first, n), 0);
        assert_int_equal(txn_commit(&b->store), 0);
        store_rest(&b->store);
        assert_int_equal(series_row_size(&b->store, 0), n);
        check_rows(b, first, first);
        if (k % 3 == 0) box_mount(b);
        for (unsigned i = 0; i < k * 3; i++) append(b, i);
        if (k % 3 == 1) box_mount(b);
        check_rows(b, series_first(&b->store, 0), first + k * 3);
        assert_true(series_first(&b->store, 0) >= first);
    }
    txn_begin(&b->store);
    assert_int_equal(txn_put_clear(&b->store, 0, 0, 2000), E_RANGE);
    assert_int_equal(txn_put_clear(&b->store, 0, series_next(&b->store, 0) + 1, 0), E_RANGE);
    txn_cancel(&b->store);
    box_free(b);
}

/* ---- search by time, against the obvious ---- */

static uint32_t time_of(struct box *b, uint32_t seq)
{
    uint8_t row[SERIES_ROW_MAX];
    assert_int_equal(series_read(&b->store, 0, seq, row), 0);
    return le_get32(row);
}

static void check_search(struct box *b, const uint32_t *time, uint32_t from, uint32_t to)
{
    struct series_search q;
    uint32_t low = series_first(&b->store, 0), next = series_next(&b->store, 0);
    uint32_t first = 0, end = 0;
    for (uint32_t seq = low; seq < next; seq++) {
        if (time[seq] < from || time[seq] > to) continue;
        if (first == end) first = seq;
        end = seq + 1;
    }
    series_search_begin(&b->store, 0, &q, from, to);
    unsigned steps = 0;
    while (series_search_step(&b->store, &q) == E_BUSY) assert_true(steps++ < 200);
    assert_int_equal(q.first == q.end, first == end);
    if (first == end) return;
    assert_int_equal(q.first, first);
    assert_int_equal(q.end, end);
}

/* Sealed slots that hold no row any more, a few here and there and one sector nearly full of them:
 * a search that stops within sectors finds what whole walks from their starts can read. */
static void search_passes_over_damage(void **state)
{
    UNUSED(state);
    enum { SIZE = 12, SLOTS = 340, ROWS = 5 * SLOTS };
    struct store_map map = map_of(8, SIZE);
    struct box *b = box_new(&map, 20, at_once);
    uint64_t random = 7;
    static uint32_t time[ROWS];
    static const uint8_t zeros[SIZE - 2];
    uint32_t alive = 0;
    box_mount(b);
    for (uint32_t i = 0; i < ROWS; i++) append(b, 1000 + i * 60);
    for (uint32_t i = 0; i < ROWS; i++) {
        bool is_bad =
            i / SLOTS == 2 ? i % SLOTS > 3 && i % SLOTS < 300 : sim_random(&random) % 16 == 0;
        uint32_t at = (10 + i / SLOTS) * 4096 + 16 + i % SLOTS * SIZE;
        if (is_bad) nor_sim_poke(&b->sim, at, zeros, sizeof zeros);
    }
    box_mount(b);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint8_t row[SIZE];
        bool is = series_read(&b->store, 0, i, row) == 0;
        time[i] = is ? le_get32(row) : UINT32_MAX;
        assert_true(!is || time[i] == 1000 + i * 60);
        alive += is;
    }
    assert_true(alive > ROWS / 2 && alive < ROWS - 296);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t from = (uint32_t)(sim_random(&random) % (ROWS * 60));
        check_search(b, time, from, from + (uint32_t)(sim_random(&random) % 9000));
    }
    box_free(b);
}

static void search_finds_the_span(void **state)
{
    UNUSED(state);
    for (unsigned jumps = 0; jumps < 3; jumps++) {
        struct store_map map = map_of(12, 120);
        struct box *b = box_new(&map, 24, at_once);
        uint64_t random = jumps + 1;
        static uint32_t time[2000];
        uint32_t t = 1000000;
        box_mount(b);
        for (uint32_t i = 0; i < 900; i++) {
            t += (uint32_t)(sim_random(&random) % 4) * 60;
            if (jumps && sim_random(&random) % 80 == 0)
                t -= (uint32_t)(sim_random(&random) % (jumps * 4000));
            time[i] = t;
            append(b, t);
            if (i == 555) box_mount(b);
        }
        assert_int_equal(time_of(b, 899), t);
        for (unsigned i = 0; i < 300; i++) {
            uint32_t from = 996000 + (uint32_t)(sim_random(&random) % 90000);
            uint32_t width = (uint32_t)(sim_random(&random) % (i % 3 ? 900 : 60000));
            check_search(b, time, from, from + width);
        }
        check_search(b, time, 0, UINT32_MAX);
        check_search(b, time, 5, 4);
        box_free(b);
    }
}

/* ---- damage ---- */

/* Any one bit of a sector that is not the last: its rows are read as they were. */
static void one_wrong_bit(uint16_t size)
{
    struct store_map map = map_of(4, size);
    struct box *b = box_new(&map, 20, at_once);
    uint8_t row[SERIES_ROW_MAX], expect[SERIES_ROW_MAX], octet;
    uint32_t a_sector = 4080u / size;
    box_mount(b);
    for (uint32_t i = 0; i < 2 * a_sector; i++) append(b, i * 900);
    store_rest(&b->store);
    for (uint32_t bit = 0; bit < 4096 * 8; bit += 17) {
        struct nor_sim saved = b->sim;
        nor_sim_fork(&b->sim, &saved, 5);
        nor_sim_peek(&b->sim, 10 * 4096 + bit / 8, &octet, 1);
        octet ^= (uint8_t)(1u << bit % 8);
        nor_sim_poke(&b->sim, 10 * 4096 + bit / 8, &octet, 1);
        assert_int_equal(box_mount(b), 0);
        assert_int_equal(series_next(&b->store, 0), 2 * a_sector);
        for (uint32_t seq = 0; seq < a_sector; seq++) {
            assert_int_equal(series_read(&b->store, 0, seq, row), 0);
            row_of(b, expect, seq, seq * 900);
            assert_memory_equal(row, expect, series_row_size(&b->store, 0));
        }
        nor_sim_free(&b->sim);
        b->sim = saved;
    }
    box_free(b);
}

static void wrong_bits_are_mended(void **state)
{
    UNUSED(state);
    one_wrong_bit(40);
    one_wrong_bit(400);
}

/* ---- cuts ---- */

/* The first program of a row is cut, and nothing is to be seen of it but one bit that is wrong
 * in the page before. */
struct unseen {
    struct box *b;
    uint32_t rows; /* there must be; one more where its transaction is redone */
    unsigned depth, stride, tried;
    bool armed;
};

static void unseen_again(struct unseen *u, struct box *c);

static void unseen_bit(struct unseen *u, uint32_t page, unsigned bit)
{
    uint8_t octet;
    nor_sim_peek(&u->b->sim, page + bit / 8, &octet, 1);
    if (!(octet >> bit % 8 & 1)) return;
    struct box *c = box_new(u->b->store.map, 20, at_once);
    nor_sim_fork(&c->sim, &u->b->sim, bit);
    octet ^= (uint8_t)(1u << bit % 8);
    nor_sim_poke(&c->sim, page + bit / 8, &octet, 1);
    assert_int_equal(box_mount(c), 0);
    uint32_t next = series_next(&c->store, 0);
    assert_true(next == u->rows || next == u->rows + 1);
    check_rows(c, series_first(&c->store, 0), next);
    unseen_again(u, c);
    box_free(c);
    u->tried++;
}

static enum sim_fate cut_unseen(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct unseen *u = ctx;
    uint32_t page = op->at / NOR_PAGE * NOR_PAGE;
    (void)sim;
    if (!u->armed || op->op == NOR_ERASE || op->at / 4096 < 10) return SIM_DONE;
    if (op->at % 4096 < 16) return SIM_DONE; /* a head, a mark: no row */
    u->armed = false;
    if (page % 4096 == 0) return SIM_DONE;
    for (unsigned bit = u->rows % u->stride; bit < NOR_PAGE * 8; bit += u->stride)
        unseen_bit(u, page - NOR_PAGE, bit);
    return SIM_DONE;
}

static void live_cut_unseen(struct unseen *u)
{
    u->b->sim.watch = cut_unseen;
    u->b->sim.watch_ctx = u;
    u->rows = series_next(&u->b->store, 0);
    u->armed = true;
    append(u->b, 5000 + u->rows * 60);
    u->b->sim.watch = NULL;
}

/* After the one cut another, wherever writing goes on. */
static void unseen_again(struct unseen *u, struct box *c)
{
    struct unseen next = { .b = c, .depth = u->depth + 1, .stride = 307 };
    if (u->depth == 0) live_cut_unseen(&next);
}

static void cuts_that_leave_nothing_to_see(void **state)
{
    UNUSED(state);
    static const uint16_t size[] = { 32, 40, 400, 1360 };
    for (unsigned k = 0; k < sizeof size / sizeof *size; k++) {
        struct store_map map = map_of(4, size[k]);
        struct unseen u = { .b = box_new(&map, 20, at_once), .stride = 53 };
        box_mount(u.b);
        for (uint32_t i = 0; i < 2 * (4080u / size[k]); i++) live_cut_unseen(&u);
        assert_true(u.tried > 40);
        box_free(u.b);
    }
}

/* A cut leaves a row whole but for one bit of its seal; the row that takes its number suffers a
 * cut beside it. That one is mended, and the torn one is none. */
static void torn_seal(struct box *b, uint32_t seq, unsigned stride)
{
    uint8_t seal[4], row[SERIES_ROW_MAX], octet;
    uint16_t n = b->store.series[0].row_size, k = n > 64 ? 4 : 2;
    append(b, 7000);
    store_rest(&b->store);
    uint32_t at =
        (10u + b->store.series[0].head) * NOR_SECTOR + 16 + (b->store.series[0].slot - 1u) * n;
    nor_sim_peek(&b->sim, at + n - k, seal, k);
    unsigned bit = 0;
    while (seal[bit / 8] >> bit % 8 & 1) bit++;
    seal[bit / 8] |= (uint8_t)(1u << bit % 8);
    nor_sim_poke(&b->sim, at + n - k, seal, k);
    assert_int_equal(box_mount(b), 0);
    assert_int_equal(series_next(&b->store, 0), seq);
    append(b, 9000);
    at = (10u + b->store.series[0].head) * NOR_SECTOR + 16 + (b->store.series[0].slot - 1u) * n;
    append(b, 9000);
    store_rest(&b->store);
    bool is_behind = b->store.series[0].slot > 1;
    for (bit = seq % stride; bit < n * 8u; bit += stride) {
        struct nor_sim saved = b->sim;
        nor_sim_fork(&b->sim, &saved, 5);
        nor_sim_peek(&b->sim, at + bit / 8, &octet, 1);
        octet ^= (uint8_t)(1u << bit % 8);
        nor_sim_poke(&b->sim, at + bit / 8, &octet, 1);
        /* of the row behind it a second cut left nothing */
        memset(row, 0xFF, n);
        if (is_behind) nor_sim_poke(&b->sim, at + n, row, n);
        assert_int_equal(box_mount(b), 0);
        assert_in_range(series_next(&b->store, 0), seq, seq + 2);
        if (series_next(&b->store, 0) > seq && series_read(&b->store, 0, seq, row) == 0)
            assert_int_equal(le_get32(row), 9000);
        nor_sim_free(&b->sim);
        b->sim = saved;
    }
}

static void a_torn_seal_is_no_row(void **state)
{
    UNUSED(state);
    static const uint16_t size[] = { 32, 40, 248, 400 };
    for (unsigned k = 0; k < sizeof size / sizeof *size; k++) {
        struct store_map map = map_of(4, size[k]);
        for (uint32_t rows = 0; rows < 4080u / size[k]; rows++) {
            struct box *b = box_new(&map, 20, at_once);
            box_mount(b);
            for (uint32_t i = 0; i < rows; i++) append(b, i * 900);
            torn_seal(b, rows, 37);
            box_free(b);
        }
    }
}

struct plug {
    jmp_buf off;
    struct sim_op op;
    unsigned left; /* operations on the ring until it is pulled */
};

static enum sim_fate pull(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct plug *p = ctx;
    (void)sim;
    if (op->op == NOR_ERASE || op->at / 4096 < 10 || p->left-- > 0) return SIM_DONE;
    p->op = *op;
    longjmp(p->off, 1);
}

/* One row, cut again and again: what the ring promised stays, but for the rest of one sector. */
static void cut_again_and_again(uint16_t size, enum torn model)
{
    static struct plug plug;
    static struct box *b;
    static unsigned cuts;
    struct store_map map = map_of(4, size);
    uint32_t a_sector = 4080u / size;
    b = box_new(&map, 20, at_once);
    box_mount(b);
    for (uint32_t i = 0; i < 5 * a_sector + 1; i++) append(b, i);
    cuts = 0;
    if (setjmp(plug.off)) {
        nor_sim_tear(&b->sim, &plug.op, model);
        b->sim.watch = NULL;
        cuts++;
    }
    if (cuts < 40) {
        b->sim.watch = pull;
        b->sim.watch_ctx = &plug;
        plug.left = cuts % 2;
        if (cuts) box_mount(b);
        append(b, 77);
        fail();
    }
    box_mount(b);
    append(b, 78);
    store_rest(&b->store);
    uint32_t first = series_first(&b->store, 0), next = series_next(&b->store, 0);
    assert_true(next > 5 * a_sector + 1 && next - first > a_sector);
    check_rows(b, first, next);
    assert_int_equal(b->sim.broken, 0);
    box_free(b);
}

static void cuts_in_one_row_cost_one_sector(void **state)
{
    UNUSED(state);
    static const uint16_t size[] = { 40, 400, 1360 };
    for (unsigned k = 0; k < 3; k++)
        for (unsigned model = 0; model < TORN_MODELS; model++)
            cut_again_and_again(size[k], (enum torn)model);
}

/* A ring whose sectors die one after the other keeps going on those that are left, and says
 * when it cannot. */
static enum sim_fate dying(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    const uint32_t *dead = ctx;
    (void)sim;
    uint32_t i = op->at / 4096;
    return i >= 10 && *dead >> (i - 10) & 1 ? SIM_FAILS : SIM_DONE;
}

static void sectors_die(void **state)
{
    UNUSED(state);
    struct store_map map = map_of(8, 200);
    struct box *b = box_new(&map, 20, at_once);
    uint32_t dead = 0, got = 0;
    uint8_t row[SERIES_ROW_MAX];
    box_mount(b);
    b->sim.watch = dying;
    b->sim.watch_ctx = &dead;
    for (unsigned k = 0; k < 6; k++) {
        for (unsigned i = 0; i < 130; i++, got++) append(b, got);
        dead |= 1u << (k * 3 % 8);
        uint32_t first = series_first(&b->store, 0);
        assert_true(got - first >= (8 - 2 - k) * 20 - 20);
        store_rest(&b->store);
        box_mount(b);
        check_rows(b, first, got);
    }
    dead = 0xFF;
    int64_t e = 0;
    for (unsigned i = 0; i < 100 && e >= 0; i++) {
        row_of(b, row, series_next(&b->store, 0), got);
        e = series_append(&b->store, 0, row);
        while (store_is_busy(&b->store)) store_step(&b->store);
    }
    assert_int_equal(e, E_IO);
    assert_true(b->notes[STORE_FULL] > 0);
    box_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_keeps_what_it_promises),
        cmocka_unit_test(first_lap_of_a_long_ring),
        cmocka_unit_test(clear_and_another_size),
        cmocka_unit_test(search_finds_the_span),
        cmocka_unit_test(search_passes_over_damage),
        cmocka_unit_test(wrong_bits_are_mended),
        cmocka_unit_test(cuts_that_leave_nothing_to_see),
        cmocka_unit_test(a_torn_seal_is_no_row),
        cmocka_unit_test(cuts_in_one_row_cost_one_sector),
        cmocka_unit_test(sectors_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
