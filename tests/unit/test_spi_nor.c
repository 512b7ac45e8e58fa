/* The serial flash driver against a model of the chip that minds its manners: it ignores what a
 * busy chip ignores, wants write-enable before each change, knows suspension, and counts every
 * breach. The same random work is done on nor_mem; both must end with the same octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "port/common/nor_mem.h"
#include "port/template/spi_nor.h"

#define SIZE (16u * NOR_SECTOR)

static struct chip {
    uint8_t cell[SIZE];
    bool enabled, suspended, dead;
    int prog_left, erase_left; /* status reads until over; 0: not running */
    uint32_t erase_at;
    unsigned breaches, suspensions;
} chip;

static void chip_time(void)
{
    if (chip.prog_left) {
        chip.prog_left--;
    } else if (chip.erase_left && !chip.suspended && --chip.erase_left == 0) {
        memset(chip.cell + chip.erase_at, 0xFF, NOR_SECTOR);
    }
}

static bool busy(void)
{
    return chip.prog_left || (chip.erase_left && !chip.suspended);
}

static void breach_unless(bool good)
{
    chip.breaches += !good;
}

static uint32_t at_of(const uint8_t *out)
{
    return (uint32_t)out[1] << 16 | (uint32_t)out[2] << 8 | out[3];
}

static bool in_suspended(uint32_t at, size_t n)
{
    return chip.erase_left && at < chip.erase_at + NOR_SECTOR && chip.erase_at < at + n;
}

static void chip_read(const uint8_t *out, uint8_t *in, size_t n)
{
    uint32_t at = at_of(out);
    breach_unless(!busy() && !in_suspended(at, n) && at + n <= SIZE);
    memcpy(in, chip.cell + at, n);
}

static void chip_program(const uint8_t *out, size_t n)
{
    uint32_t at = at_of(out);
    breach_unless(!busy() && chip.enabled && !in_suspended(at, n - 4) && n > 4);
    breach_unless(at / NOR_PAGE == (at + n - 5) / NOR_PAGE);
    for (size_t k = 4; k < n; k++) chip.cell[at + k - 4] &= out[k];
    chip.enabled = false;
    chip.prog_left = 3;
}

static void chip_erase(const uint8_t *out)
{
    breach_unless(!busy() && !chip.erase_left && chip.enabled && at_of(out) % NOR_SECTOR == 0);
    chip.erase_at = at_of(out);
    chip.enabled = false;
    chip.suspended = false;
    chip.erase_left = 40;
}

static int transfer(void *bus, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    (void)bus;
    if (chip.dead) return E_IO;
    switch (out[0]) {
    case 0x05:
        chip_time();
        in[0] = busy();
        break;
    case 0x06:
        breach_unless(!busy());
        chip.enabled = true;
        break;
    case 0x75:
        breach_unless(chip.erase_left && !chip.suspended && !chip.prog_left);
        chip.suspended = true;
        chip.suspensions++;
        break;
    case 0x7A:
        breach_unless(chip.erase_left && chip.suspended && !chip.prog_left);
        chip.suspended = false;
        break;
    case 0x03:
        chip_read(out, in, n_in);
        break;
    case 0x02:
        chip_program(out, n_out);
        break;
    case 0x20:
        chip_erase(out);
        break;
    default:
        chip.breaches++;
    }
    return 0;
}

static struct spi_nor driver;
static struct nor_mem mem;
static uint8_t image[SIZE];

static int up(void **state)
{
    (void)state;
    memset(&chip, 0, sizeof chip);
    memset(chip.cell, 0xFF, SIZE);
    memset(image, 0xFF, SIZE);
    spi_nor_init(&driver, SIZE, transfer, NULL);
    nor_mem_init(&mem, image, SIZE, (struct nor_times){ 0 });
    return 0;
}

static uint32_t dice(uint32_t below)
{
    static uint64_t x = 22;
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(x >> 33) % below;
}

static int finish(const struct nor *nor, enum nor_op op)
{
    int e;
    while ((e = nor->poll(nor->ctx, op)) == E_BUSY) {
    }
    return e;
}

static uint8_t page[NOR_PAGE];

static void program_both(uint32_t busy_sector)
{
    uint32_t sector = dice(SIZE / NOR_SECTOR);
    if (sector == busy_sector) return;
    uint32_t from = dice(NOR_PAGE), n = 1 + dice(NOR_PAGE - from);
    uint32_t at = sector * NOR_SECTOR + dice(16) * NOR_PAGE + from;
    for (uint32_t k = 0; k < n; k++) page[k] = (uint8_t)dice(256);
    assert_int_equal(mem.nor.prog_start(&mem, at, page, n), 0);
    assert_int_equal(finish(&mem.nor, NOR_PROG), 0);
    assert_int_equal(driver.nor.prog_start(&driver, at, page, n), 0);
}

static void read_both(uint32_t busy_sector)
{
    uint8_t a[300], b[300];
    uint32_t n = 1 + dice(300), at = dice(SIZE - n);
    if (at / NOR_SECTOR == busy_sector || (at + n - 1) / NOR_SECTOR == busy_sector) return;
    assert_int_equal(driver.nor.read(&driver, at, a, n), 0);
    assert_int_equal(mem.nor.read(&mem, at, b, n), 0);
    assert_memory_equal(a, b, n);
}

/* Programs, erases and reads in every overlap that nor.h allows. */
static void test_random_work(void **state)
{
    (void)state;
    const uint32_t none = UINT32_MAX;
    uint32_t erasing = none;
    for (int turn = 0; turn < 20000; turn++) {
        if (erasing == none && dice(4) == 0) {
            erasing = dice(SIZE / NOR_SECTOR);
            assert_int_equal(mem.nor.erase_start(&mem, erasing * NOR_SECTOR), 0);
            assert_int_equal(finish(&mem.nor, NOR_ERASE), 0);
            assert_int_equal(driver.nor.erase_start(&driver, erasing * NOR_SECTOR), 0);
        }
        program_both(erasing);
        if (dice(3) == 0) read_both(erasing);
        if (driver.prog != PROG_NONE) assert_int_equal(finish(&driver.nor, NOR_PROG), 0);
        if (erasing != none && driver.nor.poll(&driver, NOR_ERASE) == 0) erasing = none;
        if (dice(5) == 0) read_both(erasing);
    }
    if (erasing != none) assert_int_equal(finish(&driver.nor, NOR_ERASE), 0);
    assert_memory_equal(chip.cell, image, SIZE);
    assert_int_equal(chip.breaches, 0);
    assert_in_range(chip.suspensions, 1000, 100000);
}

/* An erase begun while a program runs: the program's end is not taken for the erase's. */
static void test_erase_behind_a_program(void **state)
{
    (void)state;
    page[0] = 0;
    assert_int_equal(driver.nor.prog_start(&driver, 0, page, 1), 0);
    assert_int_equal(driver.nor.erase_start(&driver, NOR_SECTOR), 0);
    assert_int_equal(driver.nor.poll(&driver, NOR_PROG), 0);
    assert_int_equal(driver.nor.poll(&driver, NOR_ERASE), E_BUSY);
    assert_int_equal(finish(&driver.nor, NOR_ERASE), 0);
    assert_int_equal(chip.breaches, 0);
}

static void test_dead_chip(void **state)
{
    (void)state;
    assert_int_equal(driver.nor.erase_start(&driver, 0), 0);
    chip.dead = true;
    assert_int_equal(driver.nor.poll(&driver, NOR_ERASE), E_IO);
    assert_int_equal(driver.nor.prog_start(&driver, NOR_SECTOR, page, 1), E_IO);
    assert_int_equal(driver.nor.read(&driver, NOR_SECTOR, page, 1), E_IO);
    chip.dead = false;
    chip.erase_left = 1 << 20; /* a chip that never ends */
    driver.erasing = false;
    assert_int_equal(driver.nor.erase_start(&driver, 0), E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random_work, up),
        cmocka_unit_test_setup(test_erase_behind_a_program, up),
        cmocka_unit_test_setup(test_dead_chip, up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
