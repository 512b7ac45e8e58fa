/* fuzz_store.c - any file as the image of a flash of 16 sectors: it mounts, or fails cleanly.
 *
 * What is shorter than the chip is followed by FF. A chip that mounts is read throughout, lives
 * on for a while, and mounts again with what was committed. Checksums would keep chance
 * outside, so most mutations have theirs made good.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "port/common/nor_mem.h"
#include "powercut/toy.h"
#include "store/row.h"

enum { CHIP = 16 * NOR_SECTOR, TIMES = 8, ROWS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

struct owner {
    struct nor_mem nor;
    struct store store;
    struct store_scratch scratch;
    uint32_t records;
    bool complained;
};
static _Alignas(4) uint8_t image[CHIP];

/* -- the owner of the store -------------------------------------------------------------- */

static int checkpoint(void *ctx, unsigned piece, uint8_t *type, uint8_t body[JOURNAL_BODY_MAX])
{
    (void)ctx;
    if (piece > 1) return E_NONE;
    *type = (uint8_t)(JOURNAL_APP + piece);
    le_put32(body, piece);
    return 4;
}

static void replay(void *ctx, uint8_t type, const uint8_t *body, size_t n)
{
    struct owner *o = ctx;
    o->records += type;
    for (size_t i = 0; i < n; i++) o->records += body[i]; /* all of it is there */
}

static void note(void *ctx, enum store_note what, uint32_t detail)
{
    struct owner *o = ctx;
    (void)detail;
    o->complained |= what != STORE_MENDED;
}

static int mount(struct owner *o)
{
    static struct store_app app = { .checkpoint = checkpoint, .replay = replay, .note = note };
    app.ctx = o;
    o->complained = false;
    nor_mem_init(&o->nor, image, CHIP, (struct nor_times){ 0, 0 });
    store_init(&o->store, &toy_fuzz_map, &o->nor.nor, &o->scratch, &app);
    return store_mount(&o->store);
}

/* -- what is done with it ---------------------------------------------------------------- */

/* Of each ring the oldest and the newest rows: one that is damaged costs a walk through its
 * sector. */
static void read_rows(struct store *s, unsigned id)
{
    uint8_t b[SERIES_ROW_MAX];
    uint32_t first = series_first(s, id), next = series_next(s, id);
    if (next - first > INT32_MAX) abort();
    for (uint32_t i = 0; i < ROWS && i < next - first; i++) {
        (void)series_read(s, id, first + i, b);
        (void)series_read(s, id, next - 1 - i, b);
    }
}

/* All rows are looked at. */
static void search(struct store *s, unsigned id)
{
    struct series_search q;
    series_search_begin(s, id, &q, 0, UINT32_MAX);
    while (series_search_step(s, &q) == E_BUSY) {
    }
    if (q.end - q.first > series_next(s, id) - series_first(s, id)) abort();
}

static void read_values(struct store *s)
{
    uint8_t b[SERIES_ROW_MAX], key[KEYS_WRAP_MAX];
    for (uint16_t id = 0; id < TOY_PARAMS; id++) {
        int n = params_read(s, id, 0, b, sizeof b);
        for (int at = 0; at < n; at += 100) (void)params_read(s, id, (size_t)at, b, 30);
    }
    for (uint16_t id = 0; id < TOY_KEYS; id++)
        if (keys_read(s, id, key) > KEYS_WRAP_MAX) abort();
}

static void until_ready(struct store *s)
{
    while (store_is_busy(s)) store_step(s);
}

/* A value, a key, a row and a count at once; did it go? */
static bool live(struct store *s, uint32_t n, const uint8_t value[40])
{
    uint8_t row[SERIES_ROW_MAX] = { 0 };
    uint32_t number;
    until_ready(s);
    (void)counters_take(s, n % STORE_COUNTERS, &number);
    le_put32(row, n * 60);
    if (series_row_size(s, TOY_A) <= FLASH_ARENA - 8) (void)series_append(s, TOY_A, row);
    until_ready(s);
    txn_begin(s);
    bool good = txn_put_param(s, 1, value, 40) == 0;
    good = good && txn_put_key(s, 1, value, 24) == 0;
    good = good && txn_put(s, JOURNAL_APP, value, 4) == 0;
    good = good && txn_put_row(s, TOY_B, row) >= 0;
    return txn_commit(s) == 0 && good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct owner o;
    uint8_t value[40] = { 0 }, back[SERIES_ROW_MAX];
    memset(image, 0xFF, sizeof image);
    memcpy(image, data, size < CHIP ? size : CHIP);
    if (mount(&o) < 0) return 0;
    for (unsigned id = 0; id < toy_fuzz_map.series_count; id++) {
        read_rows(&o.store, id);
        search(&o.store, id);
    }
    read_values(&o.store);
    bool good = true;
    for (uint32_t i = 0; i < TIMES; i++) {
        le_put32(value, i);
        good = live(&o.store, i, value);
    }
    store_rest(&o.store);
    good = good && !o.complained;
    uint32_t next = series_next(&o.store, TOY_B);
    uint32_t param = params_generation(&o.store, 1), slot = keys_generation(&o.store, 1);
    int again = mount(&o);
    if (!good) return 0;
    if (again != 0 || series_next(&o.store, TOY_B) != next) abort();
    uint32_t param_now = params_generation(&o.store, 1),
             slot_now = keys_generation(&o.store, 1);
    if (param_now < param || slot_now < slot) abort();
    int n = params_read(&o.store, 1, 0, back, sizeof back);
    if (param_now == param && (n != 40 || memcmp(back, value, 40))) abort();
    n = keys_read(&o.store, 1, back);
    if (slot_now == slot && (n != 24 || memcmp(back, value, 24))) abort();
    for (unsigned id = 0; id < toy_fuzz_map.series_count; id++) read_rows(&o.store, id);
    read_values(&o.store);
    return 0;
}

/* -- checksums made good ----------------------------------------------------------------- */

static void seal_rows(uint8_t *sector)
{
    uint16_t n = le_get16(sector + 4);
    uint32_t seq = le_get32(sector + 6);
    le_put16(sector + 14, crc16(sector + 2, 12));
    if (n < SERIES_ROW_MIN || n > SERIES_ROW_MAX) return;
    for (uint8_t *row = sector + 16; row + n <= sector + NOR_SECTOR; row += n)
        if (row[0] != 0xFF || row[n - 1] != 0xFF) row_put_seal(row, n, seq++);
}

static void seal_records(uint8_t *sector)
{
    le_put32(sector + 8, crc32(sector + 2, 6));
    for (unsigned at = 16; at + 8 <= NOR_SECTOR; at += 8u + sector[at + 1]) {
        uint8_t *r = sector + at;
        if (at % NOR_PAGE + 8u + r[1] > NOR_PAGE || r[0] == 0xFF) {
            at = (at / NOR_PAGE + 1) * NOR_PAGE;
            r = sector + at;
            if (at == NOR_SECTOR || at % NOR_PAGE + 8u + r[1] > NOR_PAGE) return;
        }
        uint32_t crc = crc32_more(CRC32_SEED, sector + 4, 4);
        crc = crc32_more(crc, r, 4);
        le_put32(r + 4, crc32_end(crc32_more(crc, r + 8, r[1])));
    }
}

static void seal_entries(uint8_t *sector)
{
    le_put16(sector + 14, crc16(sector + 2, 12));
    for (unsigned at = 16; at + 16 <= NOR_SECTOR;) {
        uint8_t *e = sector + at, whole = e[1];
        unsigned n = e[0] == 3 ? 4 : le_get16(e + 4);
        if (e[0] == 0xFF || at % NOR_PAGE > NOR_PAGE - 16 || n > NOR_SECTOR - 16 - at) {
            at = (at / NOR_PAGE + 1) * NOR_PAGE;
            continue;
        }
        if (e[0] == 1)
            le_put32(e + 10,
                     crc32_end(crc32_more(crc32_more(CRC32_SEED, e + 2, 8), e + 16, n)));
        if (e[0] == 3) le_put16(e + 18, crc16(e + 16, 2));
        e[1] = 0xFF;
        le_put16(e + 14, crc16(e, 14));
        e[1] = whole;
        at += (16 + n + 3) / 4 * 4;
    }
}

static void seal(uint8_t *sector)
{
    if (sector[2] == 0x53) seal_rows(sector);
    if (sector[2] == 0x4A) seal_records(sector);
    if (sector[2] == 0x50 || sector[2] == 0x4B) seal_entries(sector);
}

/* Mostly of one sector, which is what a mutation costs then; of a file that may grow or shrink
 * now and then. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    bool whole = seed % 64 == 0 || size < NOR_SECTOR;
    size_t at = whole ? 0 : seed / 512 % (size / NOR_SECTOR) * NOR_SECTOR,
           end = at + NOR_SECTOR;
    if (whole)
        end = size = LLVMFuzzerMutate(data, size, max);
    else
        LLVMFuzzerMutate(data + at, NOR_SECTOR, NOR_SECTOR);
    for (; seed / 64 % 8 && at + NOR_SECTOR <= end; at += NOR_SECTOR) seal(data + at);
    return size;
}
