/* The flash file and the root key: made whole, kept, locked, refused when they are not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "port/linux/flash_file.h"
#include "port/linux/secrets.h"

#define SIZE (16u * NOR_SECTOR)
#define QUICK ((struct nor_times){ 0 })

static char folder[] = "/tmp/m22-port-XXXXXX", path[128];

static int up(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/flash", folder);
    return 0;
}

static int down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int forget(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void put(struct flash_file *f, uint32_t at, uint8_t octet)
{
    const struct nor *nor = &f->mem.nor;
    assert_int_equal(nor->prog_start(nor->ctx, at, &octet, 1), 0);
    assert_int_equal(nor->poll(nor->ctx, NOR_PROG), 0);
}

static uint8_t get(struct flash_file *f, uint32_t at)
{
    uint8_t octet;
    assert_int_equal(f->mem.nor.read(f->mem.nor.ctx, at, &octet, 1), 0);
    return octet;
}

static void test_made_and_kept(void **state)
{
    (void)state;
    struct flash_file f;
    assert_int_equal(flash_file_open(&f, path, SIZE, QUICK), 0);
    for (uint32_t at = 0; at < SIZE; at++) assert_int_equal(get(&f, at), 0xFF);
    put(&f, 1000, 0x22);
    assert_int_equal(flash_file_sync(&f), 0);
    flash_file_close(&f);
    assert_int_equal(flash_file_open(&f, path, SIZE, QUICK), 0);
    assert_int_equal(get(&f, 1000), 0x22);
    flash_file_close(&f);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* What a killed process programmed is there; what it had locked is free. */
static void test_killed(void **state)
{
    (void)state;
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        struct flash_file f;
        if (flash_file_open(&f, path, SIZE, QUICK)) _exit(1);
        put(&f, 5, 0x5A);
        (void)!write(told[1], "x", 1);
        for (;;) pause();
    }
    char x;
    assert_int_equal(read(told[0], &x, 1), 1);
    struct flash_file f;
    assert_int_equal(flash_file_open(&f, path, SIZE, QUICK), E_BUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(flash_file_open(&f, path, SIZE, QUICK), 0);
    assert_int_equal(get(&f, 5), 0x5A);
    flash_file_close(&f);
    close(told[0]);
    close(told[1]);
}

static void test_refused(void **state)
{
    (void)state;
    struct flash_file f;
    assert_int_equal(flash_file_open(&f, folder, SIZE, QUICK), E_IO);
    assert_int_equal(flash_file_open(&f, "/nowhere/at/all", SIZE, QUICK), E_IO);
    assert_int_equal(errno, ENOENT);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "short", 5), 5);
    close(fd);
    assert_int_equal(flash_file_open(&f, path, SIZE, QUICK), E_FORMAT);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 5); /* left as it was */
}

static void test_root_key(void **state)
{
    (void)state;
    uint8_t key[ROOT_KEY], again[ROOT_KEY], zero[ROOT_KEY] = { 0 };
    assert_int_equal(root_key_read(path, key), 0);
    assert_memory_not_equal(key, zero, ROOT_KEY);
    assert_int_equal(root_key_read(path, again), 0);
    assert_memory_equal(key, again, ROOT_KEY);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(root_key_read(path, again), E_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 15), 0);
    assert_int_equal(root_key_read(path, again), E_FORMAT);
    assert_int_equal(root_key_read("/nowhere/key", again), E_IO);
}

static void test_entropy(void **state)
{
    (void)state;
    uint8_t a[64], b[64];
    assert_int_equal(kernel_entropy.get(kernel_entropy.ctx, a, sizeof a), 0);
    assert_int_equal(kernel_entropy.get(kernel_entropy.ctx, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_made_and_kept, forget),
        cmocka_unit_test_teardown(test_killed, forget),
        cmocka_unit_test_teardown(test_refused, forget),
        cmocka_unit_test_teardown(test_root_key, forget),
        cmocka_unit_test(test_entropy),
    };
    return cmocka_run_group_tests(tests, up, down);
}
