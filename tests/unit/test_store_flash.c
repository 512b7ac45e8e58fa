#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "powercut/nor_sim.h"
#include "store/flash.h"

#define UNUSED(state) (void)(state)

struct bench {
    struct nor_sim sim;
    struct flash f;
    struct flash_fifo fifo;
    struct sim_op log[64];
    unsigned n;
    enum sim_fate fate[64];
};

static enum sim_fate watch(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct bench *b = ctx;
    (void)sim;
    assert_true(b->n < 64);
    b->log[b->n] = *op;
    return b->fate[b->n++];
}

static void begin(struct bench *b, uint32_t prog_us, uint32_t erase_us)
{
    memset(b, 0, sizeof *b);
    nor_sim_init(&b->sim, 8, (struct nor_times){ prog_us, erase_us }, 1);
    b->sim.watch = watch;
    b->sim.watch_ctx = b;
    flash_init(&b->f, &b->sim.nor, &b->fifo);
}

static void put(struct bench *b, uint32_t at, size_t n, uint8_t seal, int octet)
{
    memset(flash_put(&b->f, 1, at, n, seal), octet, n);
    flash_pump(&b->f);
}

static void drain(struct bench *b)
{
    for (int i = 0; i < 10000 && !flash_is_down(&b->f); i++) flash_pump(&b->f);
    assert_true(flash_is_down(&b->f));
}

static int at(struct bench *b, uint32_t address)
{
    uint8_t octet;
    assert_int_equal(flash_read(&b->f, address, &octet, 1), 0);
    return octet;
}

/* What is queued reads as if it were there; it happens in order, cut at pages and before the
 * seal, never two at a time. */
static void queue_in_order(void **state)
{
    UNUSED(state);
    struct bench b;
    begin(&b, 2000, 9000);
    put(&b, 200, 100, 2, 0x11);
    put(&b, 4096, 10, 0, 0x22);
    assert_int_equal(at(&b, 299), 0x11);
    assert_int_equal(at(&b, 300), 0xFF);
    assert_int_equal(at(&b, 4100), 0x22);
    assert_true(flash_is_pending(&b.f, 4096));
    assert_false(flash_is_pending(&b.f, 8192));
    assert_int_equal(b.n, 0);
    drain(&b);
    assert_int_equal(b.n, 4);
    static const uint32_t where[4] = { 200, 256, 298, 4096 };
    static const size_t size[4] = { 56, 42, 2, 10 };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(b.log[i].at, where[i]);
        assert_int_equal(b.log[i].n, size[i]);
    }
    nor_sim_free(&b.sim);
}

/* The copy's memory is a ring: what waits is not overwritten wherever it begins and ends. */
static void arena_is_a_ring(void **state)
{
    UNUSED(state);
    struct bench b;
    uint64_t random = 7;
    uint32_t end = 0;
    begin(&b, 1500, 9000);
    b.sim.watch = NULL;
    uint8_t expect[8 * 4096];
    memset(expect, 0xFF, sizeof expect);
    while (end < sizeof expect - 1000) {
        size_t n = 1 + sim_random(&random) % 300;
        int octet = (int)(sim_random(&random) & 0x7F);
        while (!flash_has_room(&b.f, n)) flash_pump(&b.f);
        put(&b, end, n, 0, octet);
        memset(expect + end, octet, n);
        end += (uint32_t)n;
        for (int i = 0; i < (int)(sim_random(&random) % 4); i++) flash_pump(&b.f);
    }
    drain(&b);
    uint8_t got[sizeof expect];
    nor_sim_peek(&b.sim, 0, got, sizeof got);
    assert_memory_equal(got, expect, sizeof got);
    nor_sim_free(&b.sim);
}

static void urgent_overtakes(void **state)
{
    UNUSED(state);
    struct bench b;
    begin(&b, 2000, 9000);
    put(&b, 0, 8, 0, 1);
    put(&b, 256, 8, 0, 2);
    memset(flash_urgent_page(&b.f), 3, 16);
    flash_urgent_go(&b.f, 512, 16);
    assert_null(flash_urgent_page(&b.f));
    assert_int_equal(at(&b, 512), 3);
    drain(&b);
    assert_int_equal(b.log[0].at, 0); /* it was under way */
    assert_int_equal(b.log[1].at, 512);
    assert_int_equal(b.log[2].at, 256);
    b.f.hold = true;
    put(&b, 1024, 8, 0, 4);
    for (int i = 0; i < 100; i++) flash_pump(&b.f);
    assert_int_equal(b.n, 3);
    b.f.hold = false;
    drain(&b);
    nor_sim_free(&b.sim);
}

/* Refused, and silently not done: both are failures, and the queue stands until told. */
static void failures_are_seen(void **state)
{
    UNUSED(state);
    for (int lies = 0; lies < 2; lies++) {
        struct bench b;
        begin(&b, 0, 0);
        b.fate[1] = lies ? SIM_LIES : SIM_FAILS;
        memset(flash_put(&b.f, 5, 0, 8, 0), 0, 8);
        memset(flash_put(&b.f, 6, 4096, 8, 0), 0, 8);
        memset(flash_put(&b.f, 5, 256, 8, 0), 0, 8);
        flash_pump(&b.f);
        assert_int_equal(flash_failed(&b.f)->owner, 6);
        assert_false(flash_is_down(&b.f));
        flash_pump(&b.f);
        assert_int_equal(b.n, 2);
        flash_drop(&b.f, 6);
        assert_null(flash_failed(&b.f));
        drain(&b);
        assert_int_equal(b.log[2].at, 256);
        b.fate[3] = lies ? SIM_LIES : SIM_FAILS;
        assert_int_equal(flash_now(&b.f, 8192, "x", 1), E_IO);
        b.fate[4] = lies ? SIM_LIES : SIM_FAILS;
        uint8_t zero = 0;
        nor_sim_poke(&b.sim, 12288 + 4095, &zero, 1);
        assert_int_equal(flash_erase(&b.f, 12288), E_BUSY);
        assert_int_equal(flash_erase(&b.f, 12288), E_IO);
        nor_sim_free(&b.sim);
    }
}

/* One at a time; each owner learns the end of his, whoever came upon it, on any chip. */
static void erases_have_owners(void **state)
{
    UNUSED(state);
    for (uint32_t us = 0; us <= 5000; us += 1000) {
        struct bench b;
        begin(&b, us / 5, us);
        unsigned done = 0, begun[3] = { 0 };
        for (int i = 0; i < 1000 && done != 7; i++)
            for (unsigned k = 0; k < 3; k++) {
                if (done >> k & 1) continue;
                int e = flash_erase(&b.f, k * 4096);
                assert_true(e == 0 || e == E_BUSY);
                if (e == 0) done |= 1u << k;
            }
        assert_int_equal(done, 7);
        for (unsigned i = 0; i < b.n; i++) begun[b.log[i].at / 4096]++;
        for (unsigned k = 0; k < 3; k++) assert_int_equal(begun[k], 1);
        put(&b, 0, 4, 0, 0); /* what was programmed since is not erased any more */
        drain(&b);
        int e = E_BUSY; /* the end of an erase that nobody asks for holds up nobody for ever */
        flash_erase(&b.f, 4096);
        for (int i = 0; i < 10000 && e == E_BUSY; i++) e = flash_erase(&b.f, 0);
        assert_int_equal(e, 0);
        assert_int_equal(at(&b, 0), 0xFF);
        nor_sim_free(&b.sim);
    }
}

static void dropping_keeps_the_rest(void **state)
{
    UNUSED(state);
    struct bench b;
    begin(&b, 2000, 9000);
    for (unsigned i = 0; i < 9; i++)
        memset(flash_put(&b.f, (uint8_t)(i % 3), i * 256, 60, 0), (int)i, 60);
    flash_drop(&b.f, 1);
    assert_int_equal(b.fifo.count, 6);
    while (flash_has_room(&b.f, 60)) memset(flash_put(&b.f, 2, 20 * 256, 60, 0), 0xFF, 60);
    drain(&b);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(at(&b, i * 256 + 59), i % 3 == 1 ? 0xFF : i);
    assert_int_equal(b.fifo.arena_used, 0);
    nor_sim_free(&b.sim);
}

static int never(void *ctx, enum nor_op which)
{
    (void)ctx, (void)which;
    return E_BUSY;
}

/* A chip whose busy bit sticks is broken: nobody waits for it for ever. */
static void an_erase_that_never_ends(void **state)
{
    UNUSED(state);
    for (unsigned waits = 0; waits < 2; waits++) {
        struct bench b;
        begin(&b, 0, 0);
        struct nor stuck = *b.f.nor;
        stuck.poll = never;
        b.f.nor = &stuck;
        int result = flash_erase(&b.f, 0);
        assert_int_equal(result, E_BUSY);
        if (waits) flash_end_erase(&b.f);
        while (!waits && result == E_BUSY) result = flash_erase(&b.f, 0);
        if (!waits) assert_int_equal(result, E_IO);
        assert_false(b.f.is_erasing);
        nor_sim_free(&b.sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_in_order),           cmocka_unit_test(arena_is_a_ring),
        cmocka_unit_test(urgent_overtakes),         cmocka_unit_test(failures_are_seen),
        cmocka_unit_test(erases_have_owners),       cmocka_unit_test(dropping_keeps_the_rest),
        cmocka_unit_test(an_erase_that_never_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
