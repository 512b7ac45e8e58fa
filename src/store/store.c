#include "store/store.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "store/inside.h"

enum { PASSED = 0x8000 }; /* in the list of retired sectors */
enum { CROWDED = FLASH_FIFO / 2, ARENA_LOW = FLASH_ARENA / 2 };

static void check_map(const struct store_map *map, uint32_t sectors)
{
    ensure(map->segment_sectors > 0 && map->series_count <= STORE_SERIES_MAX);
    ensure(map->journal.sectors / map->segment_sectors >= 3);
    ensure(map->journal.first + map->journal.sectors <= sectors);
    ensure(map->params.sectors >= 2 && map->params.sectors <= 128);
    ensure(map->keys.sectors >= 2 && map->keys.sectors <= 128);
    ensure(map->params.first + map->params.sectors <= sectors);
    ensure(map->keys.first + map->keys.sectors <= sectors);
    ensure(map->params_ids <= STORE_PARAMS_MAX && map->keys_ids <= STORE_KEYS_MAX);
    for (unsigned i = 0; i < map->series_count; i++) {
        const struct series_part *p = &map->series[i];
        ensure(p->ring.sectors >= 3 && p->ring.first + p->ring.sectors <= sectors);
        ensure(p->row_size >= SERIES_ROW_MIN && p->row_size <= SERIES_ROW_MAX);
    }
}

void store_init(struct store *s, const struct store_map *map, const struct nor *nor,
                struct store_scratch *scratch, const struct store_app *app)
{
    check_map(map, nor->size / NOR_SECTOR);
    memset(s, 0, sizeof *s);
    s->map = map;
    s->app = app;
    s->scratch = scratch;
    flash_init(&s->flash, nor, &scratch->fifo);
}

void store_note(struct store *s, enum store_note note, uint32_t detail)
{
    s->app->note(s->app->ctx, note, detail);
}

/* ---- retired sectors ---- */

static int find_retired(const struct store *s, uint16_t sector)
{
    for (unsigned i = 0; i < s->retired_count; i++)
        if ((s->retired[i] & ~PASSED) == sector) return (int)i;
    return E_NONE;
}

bool store_is_retired(const struct store *s, uint16_t sector)
{
    return s->retired_count && find_retired(s, sector) >= 0;
}

bool store_is_passed(const struct store *s, uint16_t sector)
{
    int i = s->retired_count ? find_retired(s, sector) : E_NONE;
    return i >= 0 && s->retired[i] & PASSED;
}

/* Where the list is full the sector is stepped over each time anew. */
void store_retire(struct store *s, uint16_t sector, bool passed)
{
    int i = find_retired(s, sector);
    uint16_t entry = (uint16_t)(sector | (passed ? PASSED : 0));
    if (i >= 0 && s->retired[i] == entry) return;
    if (i < 0) store_note(s, STORE_RETIRED, sector);
    if (i < 0 && s->retired_count == STORE_RETIRED_MAX) return;
    if (i < 0) i = s->retired_count++;
    s->retired[i] = entry;
    journal_put_retired(s);
}

/* ---- wiping ---- */

int store_kill(struct store *s, uint32_t at)
{
    static const uint8_t zeros[HEAD];
    if (s->flash.is_erasing && s->flash.erasing / NOR_SECTOR == at / NOR_SECTOR)
        flash_end_erase(&s->flash);
    return flash_now(&s->flash, at, zeros, sizeof zeros);
}

int store_mark(struct store *s, uint32_t at)
{
    static const uint8_t mark[2] = { MARK & 0xFF, MARK >> 8 };
    return flash_now(&s->flash, at, mark, sizeof mark);
}

int store_wipe(struct store *s, uint32_t at)
{
    flash_end_erase(&s->flash);
    if (store_kill(s, at) < 0) return E_IO;
    int e = E_BUSY;
    while (e == E_BUSY) e = flash_erase(&s->flash, at);
    return e < 0 ? e : store_mark(s, at);
}

bool store_is_clean(struct store *s, uint32_t at, uint32_t n)
{
    uint8_t head[2];
    if (flash_read(&s->flash, at, head, sizeof head) < 0) return false;
    return le_get16(head) == MARK && flash_is_blank(&s->flash, at + 2, n - 2);
}

/* ---- going on ---- */

static void fail(struct store *s)
{
    uint8_t owner = flash_failed(&s->flash)->owner;
    if (owner == OWN_JOURNAL)
        journal_failed(s);
    else if (owner == OWN_PARAMS || owner == OWN_KEYS)
        kv_failed(s, owner);
    else
        series_failed(s, owner % OWN_FORM);
}

/* Erases, one owner a call and all in turn; none waits for anything. */
static void work(struct store *s)
{
    unsigned i = s->worker;
    do i = (i + 1) % 32;
    while (!(s->work >> i & 1));
    bool more = i == OWN_JOURNAL  ? journal_work(s)
                : i < OWN_JOURNAL ? series_work(s, i)
                                  : kv_work(s, (uint8_t)i);
    s->worker = (uint8_t)i;
    if (!more) s->work &= ~(1u << i);
}

void store_drive(struct store *s)
{
    flash_pump(&s->flash);
    if (s->flash.urgent_failed) journal_urgent_failed(s);
    if (s->flash.failed) fail(s);
    if (journal_is_bad(s)) journal_turn(s);
    if (!journal_is_open(s)) journal_turn_step(s);
    if (s->work) work(s);
}

void store_wait_down(struct store *s)
{
    while (!store_is_down(s)) store_drive(s);
}

/* One thing at a time, in this order: it decides what lies on flash. */
void store_step(struct store *s)
{
    store_drive(s);
    if (txn_is_in_flight(s))
        txn_step(s);
    else if (!journal_is_open(s))
        return;
    else if (journal_wants_turn(s))
        journal_turn(s);
    else if (kv_is_low(s) || kv_is_turning(s))
        kv_turn_step(s);
}

static bool is_crowded(const struct store *s)
{
    const struct flash_fifo *q = s->flash.fifo;
    return q->count >= CROWDED || q->arena_used > ARENA_LOW;
}

bool store_is_busy(const struct store *s)
{
    return txn_is_in_flight(s) || !journal_is_open(s) || is_crowded(s) || s->tight ||
           kv_is_low(s) || kv_is_turning(s) || journal_wants_turn(s);
}

/* Records that a bad page swallowed are down when the checkpoint is that says them again. */
bool store_is_down(const struct store *s)
{
    return flash_is_down(&s->flash) && !s->journal.is_bad;
}

bool store_is_at_rest(const struct store *s)
{
    return flash_is_down(&s->flash) && !s->work && !store_is_busy(s);
}

void store_rest(struct store *s)
{
    while (!store_is_at_rest(s)) store_step(s);
}

/* ---- mount ---- */

/* Heads and indices first, for what transactions name must be known before they are redone. */
static void mount_parts(struct store *s, bool is_new)
{
    kv_mount(s, OWN_PARAMS, is_new);
    kv_mount(s, OWN_KEYS, is_new);
    for (unsigned i = 0; i < s->map->series_count; i++) series_mount(s, i);
}

static void reset(struct store *s)
{
    for (unsigned i = 0; i < s->map->series_count; i++)
        s->series[i] = (struct series){ .row_size = s->map->series[i].row_size };
    memset(s->counter, 0, sizeof s->counter);
    s->stage.open = s->is_mounting = false;
    s->retired_count = 0;
    s->work = s->tight = s->worker = 0;
    s->txn_length = s->txn_state = 0;
    s->read_generation = 0;
}

/* Replay, then find what else there is, then redo what was committed; until that is done the
 * segment that says it stays. */
static void mount_known(struct store *s)
{
    s->is_mounting = true;
    journal_replay(s, journal_play);
    mount_parts(s, false);
    journal_redo(s, txn_redo);
    s->is_mounting = false;
}

int store_mount(struct store *s)
{
    reset(s);
    int found = journal_find(s);
    if (found < 0) return found;
    if (found == 0) mount_known(s);
    if (found == 1) {
        journal_turn(s);
        while (!journal_is_open(s)) store_drive(s);
        mount_parts(s, true);
    }
    s->work |= 1u << OWN_JOURNAL;
    return s->journal.lost ? E_IO : found;
}
