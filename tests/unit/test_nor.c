/* The flash model keeps what nor.h promises and stops every mistake nor.h names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "port/common/nor_mem.h"

#define SIZE (4u * NOR_SECTOR)

static uint8_t image[SIZE];
static struct nor_mem mem;
static const struct nor *nor = &mem.nor;

static void fresh(struct nor_times times)
{
    memset(image, 0xFF, sizeof image);
    nor_mem_init(&mem, image, SIZE, times);
}

/* Polls until it is over; how many answers were E_BUSY. */
static int wait_for(enum nor_op op)
{
    int busy = 0, e;
    while ((e = nor->poll(nor->ctx, op)) == E_BUSY) busy++;
    assert_int_equal(e, 0);
    return busy;
}

static void test_bits(void **state)
{
    (void)state;
    fresh((struct nor_times){ 0 });
    uint8_t a[4] = { 0xF0, 0x0F, 0xFF, 0x00 }, b[4] = { 0xCC, 0xCC, 0x55, 0xFF }, got[6];
    assert_int_equal(nor->prog_start(nor->ctx, 252, a, 4), 0);
    assert_int_equal(wait_for(NOR_PROG), 0);
    assert_int_equal(nor->prog_start(nor->ctx, 252, b, 4), 0);
    assert_int_equal(wait_for(NOR_PROG), 0);
    assert_int_equal(nor->read(nor->ctx, 251, got, 6), 0);
    const uint8_t want[6] = { 0xFF, 0xC0, 0x0C, 0x55, 0x00, 0xFF };
    assert_memory_equal(got, want, 6);
    assert_int_equal(nor->erase_start(nor->ctx, 0), 0);
    assert_int_equal(wait_for(NOR_ERASE), 0);
    for (size_t k = 0; k < SIZE; k++) assert_int_equal(image[k], 0xFF);
    assert_int_equal(mem.programs, 2);
    assert_int_equal(mem.programmed_bytes, 8);
    assert_int_equal(mem.erases, 1);
}

/* Without a clock polls are time, and always end. */
static void test_polls(void **state)
{
    (void)state;
    fresh((struct nor_times){ .prog_us = 2500, .erase_us = 20000 });
    uint8_t zero = 0, got = 0;
    assert_int_equal(nor->prog_start(nor->ctx, 100, &zero, 1), 0);
    assert_int_equal(nor->read(nor->ctx, 100, &got, 1), 0);
    assert_true(got != 0 && got != 0xFF); /* neither old nor new */
    assert_int_equal(nor->read(nor->ctx, 101, &got, 1), 0);
    assert_int_equal(got, 0xFF);
    uint8_t some[3];
    assert_int_equal(nor->read(nor->ctx, 98, some, 3), 0);
    assert_true(some[0] == 0xFF && some[1] == 0xFF && some[2] != 0xFF);
    assert_int_equal(nor->read(nor->ctx, 99, some, 3), 0);
    assert_true(some[0] == 0xFF && some[1] != 0xFF && some[2] == 0xFF);
    assert_int_equal(wait_for(NOR_PROG), 3);
    assert_int_equal(nor->read(nor->ctx, 100, &got, 1), 0);
    assert_int_equal(got, 0);

    /* a program during an erase: both end, the erase later by what it cost */
    assert_int_equal(nor->erase_start(nor->ctx, NOR_SECTOR), 0);
    assert_int_equal(nor->prog_start(nor->ctx, 101, &zero, 1), 0);
    assert_int_equal(wait_for(NOR_PROG), 3);
    assert_int_equal(wait_for(NOR_ERASE), 20); /* 20 ms + 2.6 ms, 3 of which are over */
}

static uint64_t clock_now;

static uint64_t now(void *ctx)
{
    (void)ctx;
    return clock_now;
}

static void test_clock(void **state)
{
    (void)state;
    fresh(NOR_TIMES_TYPICAL);
    mem.clock_us = now;
    clock_now = 5000;
    assert_int_equal(nor->erase_start(nor->ctx, 0), 0);
    clock_now = 64999;
    for (int k = 0; k < 100; k++) assert_int_equal(nor->poll(nor->ctx, NOR_ERASE), E_BUSY);
    clock_now = 65000;
    assert_int_equal(nor->poll(nor->ctx, NOR_ERASE), 0);
}

static int refuse(void *ctx, enum nor_op op, uint32_t at, const uint8_t *src, size_t n)
{
    (void)n;
    if (op == NOR_PROG && at == 512) {
        image[at] = (uint8_t)(src[0] | 0xF0); /* torn */
        return E_IO;
    }
    ++*(int *)ctx;
    return 0;
}

static void test_intercept(void **state)
{
    (void)state;
    fresh((struct nor_times){ 0 });
    int passed = 0;
    mem.intercept = refuse;
    mem.intercept_ctx = &passed;
    uint8_t zero[2] = { 0 };
    assert_int_equal(nor->prog_start(nor->ctx, 512, zero, 2), 0);
    assert_int_equal(nor->poll(nor->ctx, NOR_PROG), E_IO);
    assert_int_equal(image[512], 0xF0);
    assert_int_equal(image[513], 0xFF);
    assert_int_equal(mem.programs, 0);
    assert_int_equal(nor->erase_start(nor->ctx, 0), 0);
    assert_int_equal(nor->poll(nor->ctx, NOR_ERASE), 0);
    assert_int_equal(passed, 1);
}

/* Each mistake, in a process of its own: it must end by sys_panic(), that is by SIGABRT. */
static uint8_t page[NOR_PAGE + 1];

static void prog(uint32_t at, size_t n)
{
    (void)nor->prog_start(nor->ctx, at, page, n);
}

static void erase(uint32_t at)
{
    (void)nor->erase_start(nor->ctx, at);
}

static void read_at(uint32_t at, size_t n)
{
    static uint8_t sink[2 * NOR_SECTOR];
    (void)nor->read(nor->ctx, at, sink, n);
}

static void over_page(void)
{
    prog(255, 2);
}
static void long_page(void)
{
    prog(256, 257);
}
static void nothing(void)
{
    prog(256, 0);
}
static void past_end(void)
{
    prog(SIZE - 1, 2);
}
static void far_away(void)
{
    prog(UINT32_MAX - 3, 8);
}
static void two_programs(void)
{
    prog(0, 1);
    prog(512, 1);
}
static void odd_erase(void)
{
    erase(256);
}
static void erase_past_end(void)
{
    erase(SIZE);
}
static void two_erases(void)
{
    erase(0);
    erase(NOR_SECTOR);
}
static void prog_in_erase(void)
{
    erase(NOR_SECTOR);
    prog(NOR_SECTOR + 512, 4);
}
static void erase_under_prog(void)
{
    prog(NOR_SECTOR + 512, 4);
    erase(NOR_SECTOR);
}
static void read_in_erase(void)
{
    erase(NOR_SECTOR);
    read_at(NOR_SECTOR - 1, 2);
}
static void read_past_end(void)
{
    read_at(SIZE - 4, 5);
}
static void poll_nothing(void)
{
    (void)nor->poll(nor->ctx, NOR_PROG);
}
static void poll_other(void)
{
    erase(0);
    (void)nor->poll(nor->ctx, NOR_PROG);
}
static void fine(void)
{
    prog(0, NOR_PAGE);
    erase(NOR_SECTOR);
    read_at(0, NOR_SECTOR);
    read_at(2 * NOR_SECTOR, 2 * NOR_SECTOR);
}

static bool stops(void (*mistake)(void))
{
    fresh(NOR_TIMES_TYPICAL);
    pid_t child = fork();
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        mistake();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_mistakes(void **state)
{
    (void)state;
    static void (*const mistakes[])(void) = {
        over_page,        long_page,     nothing,        past_end,     far_away,
        two_programs,     odd_erase,     erase_past_end, two_erases,   prog_in_erase,
        erase_under_prog, read_in_erase, read_past_end,  poll_nothing, poll_other,
    };
    for (size_t k = 0; k < sizeof mistakes / sizeof mistakes[0]; k++) {
        if (!stops(mistakes[k])) fail_msg("mistake %zu went through", k);
    }
    assert_false(stops(fine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),     cmocka_unit_test(test_polls),
        cmocka_unit_test(test_clock),    cmocka_unit_test(test_intercept),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
