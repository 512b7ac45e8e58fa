#include "store/inside.h"
#include "store/row.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"

/* IDLE: the buffer is free. BUILDING: between begin and commit. CHAIN: rows of the series that
 * hangs together get their link, one a step. PAGES: they are being queued, one a step.
 * DOWN: the last one is awaited. REDO: rows and values are being queued. SETTLE: they are
 * awaited; only then may the buffer, which they are programmed from, be used again. */
enum { IDLE, BUILDING, CHAIN, PAGES, DOWN, REDO, SETTLE };
enum { PAGE_HEAD = 4, CHUNK = JOURNAL_BODY_MAX - PAGE_HEAD };
_Static_assert(TXN_BYTES == 8 * CHUNK, "eight pages");

bool txn_is_in_flight(const struct store *s)
{
    return s->txn_state > BUILDING;
}

bool txn_is_before_redo(const struct store *s)
{
    return s->txn_state < REDO && !s->is_mounting;
}

void txn_finish(struct store *s)
{
    while (txn_is_in_flight(s)) {
        store_drive(s);
        txn_step(s);
    }
}

/* ---- building ---- */

void txn_begin(struct store *s)
{
    txn_finish(s);
    s->txn_state = BUILDING;
    s->txn_length = 0;
}

void txn_cancel(struct store *s)
{
    ensure(s->txn_state == BUILDING);
    s->txn_state = IDLE;
    s->txn_length = 0;
}

/* Room for a part, its head written; NULL where there is none. */
static uint8_t *add(struct store *s, uint8_t kind, uint16_t id, uint32_t number, size_t n)
{
    ensure(s->txn_state == BUILDING);
    if (n > (size_t)(TXN_BYTES - PART_HEAD - s->txn_length)) return NULL;
    uint8_t *to = s->scratch->txn + s->txn_length;
    to[0] = kind;
    le_put16(to + 1, (uint16_t)n);
    le_put16(to + 3, id);
    le_put32(to + 5, number);
    s->txn_length = (uint16_t)(s->txn_length + PART_HEAD + n);
    return to + PART_HEAD;
}

static int add_copy(struct store *s, uint8_t kind, uint16_t id, uint32_t number,
                    const void *body, size_t n)
{
    uint8_t *to = n <= TXN_BYTES ? add(s, kind, id, number, n) : NULL;
    if (!to) return E_SPACE;
    if (n) memcpy(to, body, n);
    return 0;
}

/* The part at *pos of the stream; *pos goes behind it. False at the end, or at nonsense. */
static bool next_part(struct store *s, uint16_t *pos, struct txn_part *part)
{
    uint8_t *p = s->scratch->txn + *pos;
    unsigned left = (unsigned)(s->txn_length - *pos);
    if (left < PART_HEAD || left - PART_HEAD < le_get16(p + 1)) return false;
    *part = (struct txn_part){ .kind = p[0],
                               .n = le_get16(p + 1),
                               .id = le_get16(p + 3),
                               .number = le_get32(p + 5),
                               .body = p + PART_HEAD };
    *pos = (uint16_t)(*pos + PART_HEAD + part->n);
    return true;
}

int txn_put(struct store *s, uint8_t type, const void *body, size_t n)
{
    ensure(type >= JOURNAL_APP && type < JOURNAL_APP_END);
    return add_copy(s, PART_FIELDS, type, 0, body, n);
}

/* The number the next row of series id will have: a clear may have come before in this one. */
int64_t txn_put_row(struct store *s, unsigned id, const void *row)
{
    ensure(id < s->map->series_count);
    uint32_t seq = s->series[id].next;
    uint16_t size = s->series[id].row_size, pos = 0;
    for (struct txn_part part; next_part(s, &pos, &part);) {
        if (part.kind == PART_ROW && part.id == id) seq++;
        if (part.kind == PART_CLEAR && part.id == id) size = le_get16(part.body);
    }
    uint8_t *to = add(s, PART_ROW, (uint16_t)id, seq, size);
    if (!to) return E_SPACE;
    memcpy(to, row, size - row_seal_size(size));
    row_put_seal(to, size, seq);
    return seq;
}

int txn_put_clear(struct store *s, unsigned id, uint32_t first, uint16_t row_size)
{
    ensure(id < s->map->series_count);
    const struct series *r = &s->series[id];
    uint16_t size = row_size ? row_size_of(row_size) : r->row_size;
    if (size < SERIES_ROW_MIN || size > SERIES_ROW_MAX) return E_RANGE;
    if (size != r->row_size) first = r->next;
    if (first - r->first > r->next - r->first) return E_RANGE;
    uint8_t body[2];
    le_put16(body, size);
    return add_copy(s, PART_CLEAR, (uint16_t)id, first, body, sizeof body);
}

int txn_put_param(struct store *s, uint16_t id, const void *value, size_t n)
{
    ensure(id < s->map->params_ids);
    if (n > TXN_BYTES || !kv_can_take(s, OWN_PARAMS, id, n)) return E_SPACE;
    return add_copy(s, PART_PARAM, id, s->params.generation++, value, n);
}

int txn_put_key(struct store *s, uint16_t id, const void *wrapped, size_t n)
{
    ensure(id < s->map->keys_ids && n > 0 && n <= 40);
    if (!kv_can_take(s, OWN_KEYS, id, n)) return E_SPACE;
    return add_copy(s, PART_KEY, id, s->keys.generation++, wrapped, n);
}

int txn_put_stage(struct store *s)
{
    uint8_t body[KV_STAGE_BODY];
    if (!kv_has_generation(s, OWN_PARAMS)) return E_SPACE;
    uint32_t generation = s->params.generation++;
    int e = kv_stage_end(s, generation, body);
    return e < 0 ? e : add_copy(s, PART_STAGE, s->stage.id, generation, body, sizeof body);
}

/* ---- commit, apply, redo ---- */

static unsigned pages_of(const struct store *s)
{
    return (s->txn_length + CHUNK - 1u) / CHUNK;
}

/* Nothing of it is on flash, or what is does not count. */
void txn_restart(struct store *s)
{
    if (s->txn_state < PAGES) return;
    s->txn_state = PAGES;
    s->txn_at = 0;
    s->txn_page = 0;
    s->txn_number++;
}

static int put_page(struct store *s)
{
    uint8_t body[JOURNAL_BODY_MAX];
    unsigned left = (unsigned)(s->txn_length - s->txn_at), n = left < CHUNK ? left : CHUNK;
    le_put16(body, s->txn_number);
    body[2] = s->txn_page;
    body[3] = n == left;
    memcpy(body + PAGE_HEAD, s->scratch->txn + s->txn_at, n);
    int e = journal_put_page(s, body, PAGE_HEAD + n);
    if (e < 0) return e;
    s->txn_at = (uint16_t)(s->txn_at + n);
    s->txn_page++;
    return 0;
}

/* All pages lie in one segment, and one page stays free for the last gasp. */
static void put_next_page(struct store *s)
{
    if (!journal_is_open(s)) return;
    int e = 0;
    if (s->txn_at == 0 && !journal_has_pages(s, pages_of(s) + 1)) e = E_SPACE;
    if (e == 0) e = put_page(s);
    if (e == 0 && s->txn_at == s->txn_length) s->txn_state = DOWN;
    if (e != E_SPACE) return;
    journal_turn(s);
    txn_restart(s);
}

/* The row of the same series before this one, where this transaction has it too. */
static const uint8_t *row_before(struct store *s, const struct txn_part *row)
{
    uint16_t pos = 0;
    for (struct txn_part p; next_part(s, &pos, &p);)
        if (p.kind == PART_ROW && p.id == row->id && p.number == row->number - 1) return p.body;
    return NULL;
}

/* The next row that gets its link; false when none is left. */
static bool chain_row(struct store *s)
{
    const struct store_app *app = s->app;
    for (struct txn_part p; app->chain && next_part(s, &s->txn_at, &p);) {
        if (p.kind != PART_ROW || p.id != app->chained) continue;
        app->chain(app->ctx, row_before(s, &p), p.body);
        row_put_seal(p.body, (uint16_t)p.n, p.number);
        return true;
    }
    s->txn_state = PAGES;
    txn_restart(s);
    return false;
}

int txn_commit(struct store *s)
{
    ensure(s->txn_state == BUILDING);
    s->txn_state = IDLE;
    if (s->journal.lost) return E_IO;
    if (s->txn_length == 0) return 0;
    if (!journal_can_hold(s, pages_of(s) + 1)) return E_SPACE;
    s->txn_state = CHAIN; /* store_step() does the rest, however fast the flash */
    s->txn_at = 0;
    return 0;
}

/* That a transaction has a row says that those before it are on flash; of two rows it has in
 * one series only the first says so. */
static void apply_row(struct store *s, const struct txn_part *part, uint32_t *seen)
{
    if (part->id >= s->map->series_count || *seen >> part->id & 1) return;
    struct series *r = &s->series[part->id];
    *seen |= 1u << part->id;
    if ((int32_t)(part->number - r->next) > 0) r->next = part->number;
}

static void apply(struct store *s)
{
    uint16_t pos = 0;
    uint32_t seen = 0;
    for (struct txn_part part; next_part(s, &pos, &part);) {
        if (part.kind == PART_ROW) apply_row(s, &part, &seen);
        if (part.kind == PART_FIELDS)
            s->app->replay(s->app->ctx, (uint8_t)part.id, part.body, part.n);
        if (part.kind == PART_CLEAR && part.id < s->map->series_count && part.n == 2)
            series_clear(s, part.id, part.number, le_get16(part.body));
    }
}

/* What is not the next row is there already, or no transaction of ours. */
static void redo_row(struct store *s, const struct txn_part *part)
{
    if (part->id >= s->map->series_count) return;
    struct series *r = &s->series[part->id];
    if (part->n != r->row_size || part->number != r->next) return;
    series_put(s, part->id, part->number, part->body, true);
}

static void redo(struct store *s, const struct txn_part *part)
{
    switch (part->kind) {
    case PART_ROW:
        redo_row(s, part);
        break;
    case PART_PARAM:
    case PART_STAGE:
        kv_redo(s, OWN_PARAMS, part);
        break;
    case PART_KEY:
        kv_redo(s, OWN_KEYS, part);
        break;
    default:
        break;
    }
}

/* A value takes at most four programs, a row one. */
static void redo_more(struct store *s)
{
    struct txn_part part;
    while (s->flash.fifo->count + 4 <= FLASH_FIFO && flash_has_room(&s->flash, 128)) {
        if (!next_part(s, &s->txn_at, &part)) {
            s->txn_state = SETTLE;
            return;
        }
        redo(s, &part);
    }
}

/* What a bad sector swallowed is queued again; a row that went elsewhere is not. */
static void settle(struct store *s)
{
    if (!flash_is_down(&s->flash)) return;
    s->txn_at = 0;
    s->txn_state = kv_take_retry(s) ? REDO : IDLE;
    if (s->txn_state == IDLE) s->txn_length = 0;
}

void txn_step(struct store *s)
{
    bool queued = s->txn_state > PAGES;
    if (txn_is_in_flight(s) && !queued && s->journal.lost) s->txn_state = IDLE;
    if (s->txn_state == CHAIN && chain_row(s)) return;
    if (s->txn_state == PAGES) put_next_page(s);
    if (!queued) return;
    if (s->txn_state == DOWN && flash_is_down(&s->flash)) {
        apply(s);
        s->txn_at = 0;
        s->txn_state = REDO;
    }
    if (s->txn_state == REDO) redo_more(s);
    if (s->txn_state == SETTLE) settle(s);
}

/* ---- mount ---- */

/* Collect the pages; true when the last one of a transaction came. txn_page counts them. */
static bool collect(struct store *s, const uint8_t *body, size_t n)
{
    if (n < PAGE_HEAD || n > JOURNAL_BODY_MAX) return false;
    if (body[2] == 0) s->txn_length = s->txn_page = 0;
    bool follows = body[2] == s->txn_page && (body[2] == 0 || le_get16(body) == s->txn_number);
    s->txn_number = le_get16(body);
    if (!follows || s->txn_length + n - PAGE_HEAD > TXN_BYTES) {
        s->txn_page = 0xFF;
        return false;
    }
    memcpy(s->scratch->txn + s->txn_length, body + PAGE_HEAD, n - PAGE_HEAD);
    s->txn_length = (uint16_t)(s->txn_length + n - PAGE_HEAD);
    s->txn_page++;
    return body[3] == 1;
}

void txn_play(struct store *s, const uint8_t *body, size_t n)
{
    if (collect(s, body, n)) apply(s);
}

/* Only TXN records come here. What it queues is programmed from the buffer: wait for it. */
void txn_redo(struct store *s, uint8_t type, const uint8_t *body, size_t n)
{
    if (type != REC_TXN || !collect(s, body, n)) return;
    s->txn_state = REDO;
    s->txn_at = 0;
    txn_finish(s);
}
