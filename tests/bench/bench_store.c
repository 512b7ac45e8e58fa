/* bench_store.c - the store beside littlefs: the same rows appended to the same NOR chip.
 *
 * Rows of 38 octets, 8160 of them kept: a ring of 82 sectors, or 80 files of 102 rows of which
 * the oldest is removed (littlefs has no rings; it gets all of the chip of 128 sectors for it).
 * A row is safe when its append is over: queue empty, or file synced; or a day of 96 rows at a
 * time. Counted by the chip: what is erased, programmed and read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "powercut/box.h"

#include "lfs2.h"

enum { SECTORS = 128, ROW = 38, ROWS_A_FILE = 102, FILES = 80, ROWS = 60000 };

static const struct store_map map = {
    .journal = { 0, 8 },
    .params = { 8, 4 },
    .keys = { 12, 2 },
    .stage = { 126, 2 },
    .segment_sectors = 2,
    .series_count = 1,
    .params_ids = 8,
    .keys_ids = 2,
    .series = { { { 14, 82 }, ROW + 2 } },
};

struct cost {
    uint64_t erases, programs, programmed, reads, read_octets;
    uint32_t next; /* row to be written after the mount */
};

static void fill(uint8_t row[ROW], uint32_t n)
{
    box_fill(row, ROW, n);
    le_put32(row, n * 900);
}

static struct cost cost_of(const struct nor_sim *sim)
{
    return (struct cost){ sim->erases, sim->programs,    sim->programmed,
                          sim->reads,  sim->read_octets, 0 };
}

static struct cost since(const struct nor_sim *sim, struct cost from)
{
    struct cost c = cost_of(sim);
    return (struct cost){ c.erases - from.erases,           c.programs - from.programs,
                          c.programmed - from.programmed,   c.reads - from.reads,
                          c.read_octets - from.read_octets, 0 };
}

/* -- ours -------------------------------------------------------------------------------- */

static void ours(unsigned batch, struct cost *append, struct cost *mount)
{
    struct box *b = box_new(&map, SECTORS, (struct nor_times){ 0, 0 });
    uint8_t row[ROW];
    ensure(box_mount(b) == 1);
    store_rest(&b->store);
    struct cost from = cost_of(&b->sim);
    for (uint32_t n = 0; n < ROWS; n++) {
        fill(row, n);
        ensure(series_append(&b->store, 0, row) == n);
        if (n % batch == batch - 1) store_rest(&b->store);
    }
    store_rest(&b->store);
    *append = since(&b->sim, from);
    from = cost_of(&b->sim);
    ensure(box_mount(b) == 0);
    *mount = since(&b->sim, from);
    mount->next = series_next(&b->store, 0);
    for (uint32_t n = series_first(&b->store, 0); n < ROWS; n++)
        ensure(series_read(&b->store, 0, n, row) == 0 && le_get32(row) == n * 900);
    ensure(b->sim.broken == 0 && ROWS - series_first(&b->store, 0) >= FILES * ROWS_A_FILE);
    box_free(b);
}

/* -- littlefs ---------------------------------------------------------------------------- */

static int wait(struct nor_sim *sim, enum nor_op op)
{
    int e = E_BUSY;
    while (e == E_BUSY) e = sim->nor.poll(sim, op);
    return e < 0 ? LFS2_ERR_IO : 0;
}

static int lfs_read(const struct lfs2_config *c, lfs2_block_t block, lfs2_off_t off, void *dst,
                    lfs2_size_t n)
{
    struct nor_sim *sim = c->context;
    return sim->nor.read(sim, block * NOR_SECTOR + off, dst, n) < 0 ? LFS2_ERR_IO : 0;
}

static int lfs_prog(const struct lfs2_config *c, lfs2_block_t block, lfs2_off_t off,
                    const void *src, lfs2_size_t n)
{
    struct nor_sim *sim = c->context;
    const uint8_t *from = src;
    uint32_t at = block * NOR_SECTOR + off, part;
    int e = 0;
    for (; n && e == 0; n -= part, at += part, from += part) {
        part = NOR_PAGE - at % NOR_PAGE < n ? NOR_PAGE - at % NOR_PAGE : n;
        if (sim->nor.prog_start(sim, at, from, part) < 0) return LFS2_ERR_IO;
        e = wait(sim, NOR_PROG);
    }
    return e;
}

static int lfs_erase(const struct lfs2_config *c, lfs2_block_t block)
{
    struct nor_sim *sim = c->context;
    if (sim->nor.erase_start(sim, block * NOR_SECTOR) < 0) return LFS2_ERR_IO;
    return wait(sim, NOR_ERASE);
}

static int lfs_sync(const struct lfs2_config *c)
{
    (void)c;
    return 0;
}

static const char *name_of(uint32_t file)
{
    static char name[16];
    snprintf(name, sizeof name, "%08x", (unsigned)file);
    return name;
}

/* Where the next row goes: behind the newest file. */
static uint32_t find_next(lfs2_t *fs)
{
    struct lfs2_info info, newest = { .name = "" };
    lfs2_dir_t dir;
    ensure(lfs2_dir_open(fs, &dir, "/") == 0);
    while (lfs2_dir_read(fs, &dir, &info) > 0)
        if (info.type == LFS2_TYPE_REG && strcmp(info.name, newest.name) > 0) newest = info;
    ensure(lfs2_dir_close(fs, &dir) == 0);
    return (uint32_t)strtoul(newest.name, NULL, 16) * ROWS_A_FILE + newest.size / ROW;
}

static void littlefs(unsigned batch, struct cost *append, struct cost *mount)
{
    static struct nor_sim sim;
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, 1);
    const struct lfs2_config cfg = { .context = &sim,
                                     .read = lfs_read,
                                     .prog = lfs_prog,
                                     .erase = lfs_erase,
                                     .sync = lfs_sync,
                                     .read_size = 16,
                                     .prog_size = 16,
                                     .block_size = NOR_SECTOR,
                                     .block_count = SECTORS,
                                     .block_cycles = 500,
                                     .cache_size = NOR_PAGE,
                                     .lookahead_size = 16 };
    lfs2_t fs;
    lfs2_file_t file;
    uint8_t row[ROW];
    ensure(lfs2_format(&fs, &cfg) == 0 && lfs2_mount(&fs, &cfg) == 0);
    struct cost from = cost_of(&sim);
    for (uint32_t n = 0; n < ROWS; n++) {
        uint32_t number = n / ROWS_A_FILE;
        if (n % ROWS_A_FILE == 0) {
            if (n) ensure(lfs2_file_close(&fs, &file) == 0);
            if (number >= FILES) ensure(lfs2_remove(&fs, name_of(number - FILES)) == 0);
            ensure(lfs2_file_open(&fs, &file, name_of(number),
                                  LFS2_O_WRONLY | LFS2_O_CREAT | LFS2_O_APPEND) == 0);
        }
        fill(row, n);
        ensure(lfs2_file_write(&fs, &file, row, ROW) == ROW);
        if (n % batch == batch - 1) ensure(lfs2_file_sync(&fs, &file) == 0);
    }
    ensure(lfs2_file_close(&fs, &file) == 0);
    *append = since(&sim, from);
    ensure(lfs2_unmount(&fs) == 0);
    from = cost_of(&sim);
    ensure(lfs2_mount(&fs, &cfg) == 0);
    uint32_t next = find_next(&fs);
    *mount = since(&sim, from);
    mount->next = next;
    ensure(lfs2_unmount(&fs) == 0 && sim.broken == 0);
    nor_sim_free(&sim);
}

/* -- both -------------------------------------------------------------------------------- */

static void line(const char *what, const struct cost *append, const struct cost *mount)
{
    printf("  %-9s %8llu erases %8llu programs %10llu octets, %.2f for one kept; mount %5llu "
           "reads %7llu octets\n",
           what, (unsigned long long)append->erases, (unsigned long long)append->programs,
           (unsigned long long)append->programmed,
           (double)append->programmed / ((double)ROWS * ROW), (unsigned long long)mount->reads,
           (unsigned long long)mount->read_octets);
}

static double ratio(uint64_t a, uint64_t b)
{
    return (double)a / (double)b;
}

int main(void)
{
    static const unsigned batches[] = { 1, 96 };
    for (unsigned i = 0; i < 2; i++) {
        struct cost a = { 0 }, b = { 0 }, am = { 0 }, bm = { 0 };
        ours(batches[i], &a, &am);
        littlefs(batches[i], &b, &bm);
        ensure(am.next == ROWS && bm.next == ROWS);
        printf("%d rows of %d octets, safe %u at a time\n", ROWS, ROW, batches[i]);
        line("store", &a, &am);
        line("littlefs", &b, &bm);
        printf("  littlefs / store: erases %.2f, programs %.2f, octets %.2f, mount reads %.2f, "
               "octets %.2f\n",
               ratio(b.erases, a.erases), ratio(b.programs, a.programs),
               ratio(b.programmed, a.programmed), ratio(bm.reads, am.reads),
               ratio(bm.read_octets, am.read_octets));
    }
    return 0;
}
