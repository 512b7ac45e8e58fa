#include "store/inside.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"

/* A turn goes: the next segment is clean, or made so; its checkpoint is programmed through the
 * urgent place; when END is down it is the open segment and the old one is wiped. */
enum { OPEN, CLEAN, EMIT, ENDED };
enum { RECORD_HEAD = 8, KIND = 0x4A, NO_SEGMENT = 0xFFFF, LOW_PAGES = 12, STORE_PIECES = 3 };
enum { GENERATION_MAX = 1 << 30 }; /* no flash lives to see it */
enum { COUNTER_BLOCK = 1024, COUNTER_AHEAD = 256, ONE_SERIES = 11 };

/* ---- geometry ---- */

static unsigned segments(const struct store *s)
{
    return s->map->journal.sectors / s->map->segment_sectors;
}

static uint16_t first_sector(const struct store *s, uint16_t segment)
{
    return (uint16_t)(s->map->journal.first + segment * s->map->segment_sectors);
}

static uint32_t base_of(const struct store *s, uint16_t segment)
{
    return sector_at(first_sector(s, segment));
}

static uint32_t segment_size(const struct store *s)
{
    return sector_at(s->map->segment_sectors);
}

static uint32_t page_up(uint32_t at)
{
    return (at + NOR_PAGE - 1) / NOR_PAGE * NOR_PAGE;
}

static bool is_good(const struct store *s, uint16_t segment)
{
    for (unsigned i = 0; i < s->map->segment_sectors; i++)
        if (store_is_retired(s, (uint16_t)(first_sector(s, segment) + i))) return false;
    return true;
}

/* The good segment after `segment` that is not the open one, or NO_SEGMENT. */
static uint16_t next_good(const struct store *s, uint16_t segment)
{
    unsigned n = segments(s);
    unsigned from = segment == NO_SEGMENT ? n - 1 : segment;
    for (unsigned i = 1; i <= n; i++) {
        uint16_t k = (uint16_t)((from + i) % n);
        if (k != s->journal.segment && is_good(s, k)) return k;
    }
    return NO_SEGMENT;
}

static bool is_clean(const struct store *s, uint16_t segment)
{
    const struct journal *j = &s->journal;
    return j->clean == segment && j->clean_sectors == s->map->segment_sectors;
}

/* Look at one more sector of a segment: E_BUSY until all were found clean, E_STATE where one is
 * not. Once found clean, or wiped, a segment stays so until it is opened. */
static int look(struct store *s, uint16_t segment)
{
    struct journal *j = &s->journal;
    if (j->clean != segment) j->clean_sectors = 0;
    j->clean = segment;
    if (is_clean(s, segment)) return 0;
    uint32_t at = base_of(s, segment) + sector_at(j->clean_sectors);
    bool clean = j->clean_sectors ? flash_is_blank(&s->flash, at, NOR_SECTOR)
                                  : store_is_clean(s, at, NOR_SECTOR);
    if (!clean) j->clean = NO_SEGMENT;
    if (!clean) return E_STATE;
    j->clean_sectors++;
    return is_clean(s, segment) ? 0 : E_BUSY;
}

/* ---- records ---- */

static uint32_t record_crc(uint32_t generation, const uint8_t *record)
{
    uint8_t g[4];
    le_put32(g, generation);
    uint32_t crc = crc32_more(CRC32_SEED, g, sizeof g);
    crc = crc32_more(crc, record, 4);
    return crc32_end(crc32_more(crc, record + RECORD_HEAD, record[1]));
}

static void form(uint8_t *to, uint32_t generation, uint16_t number, uint8_t type,
                 const void *body, size_t n)
{
    to[0] = type;
    to[1] = (uint8_t)n;
    le_put16(to + 2, number);
    if (n) memcpy(to + RECORD_HEAD, body, n);
    le_put32(to + 4, record_crc(generation, to));
}

/* Is there a whole record at pos of a page? */
static bool is_record(const uint8_t page[NOR_PAGE], unsigned pos, uint32_t generation)
{
    const uint8_t *r = page + pos;
    if (pos + RECORD_HEAD + r[1] > NOR_PAGE) return false;
    return record_crc(generation, r) == le_get32(r + 4);
}

/* Put one wrong bit right: in the length, which says how far the CRC goes, or anywhere. */
static bool mend_record(uint8_t *page, unsigned pos, uint32_t generation)
{
    uint8_t b[4 + NOR_PAGE], *r = page + pos;
    for (unsigned bit = 0; bit < 8; bit++) {
        r[1] ^= (uint8_t)(1u << bit);
        if (is_record(page, pos, generation)) return true;
        r[1] ^= (uint8_t)(1u << bit);
    }
    if (pos + RECORD_HEAD + r[1] > NOR_PAGE) return false;
    le_put32(b, generation);
    memcpy(b + 4, r, 4);
    memcpy(b + 8, r + RECORD_HEAD, r[1]);
    if (!mend32(b, 8u + r[1], record_crc(generation, r) ^ le_get32(r + 4))) return false;
    memcpy(r, b + 4, 4);
    memcpy(r + RECORD_HEAD, b + 8, r[1]);
    return le_get32(b) == generation;
}

enum { NO_RECORD, SOUND, MENDED };

/* The same for a page from flash, where `number` is due. What was mended must carry it. */
static int take_record(uint8_t page[NOR_PAGE], unsigned pos, uint32_t generation,
                       uint16_t number)
{
    if (pos + RECORD_HEAD > NOR_PAGE) return NO_RECORD;
    uint8_t *r = page + pos;
    if (r[0] == 0xFF && r[1] == 0xFF && le_get32(r + 4) == UINT32_MAX) return NO_RECORD;
    if (is_record(page, pos, generation)) return le_get16(r + 2) >= number ? SOUND : NO_RECORD;
    bool mended = mend_record(page, pos, generation) && le_get16(r + 2) == number;
    return mended ? MENDED : NO_RECORD;
}

/* Where a record of n octets would begin; it may be behind the end. */
static uint32_t place(const struct store *s, size_t n)
{
    uint32_t at = s->journal.at;
    return at % NOR_PAGE + RECORD_HEAD + n > NOR_PAGE ? page_up(at) : at;
}

static bool fits(const struct store *s, size_t n)
{
    return place(s, n) + RECORD_HEAD + n <= segment_size(s);
}

/* Queue a record that fits; the queue has room. */
static void put(struct store *s, uint8_t type, const void *body, size_t n)
{
    struct journal *j = &s->journal;
    uint32_t at = place(s, n);
    uint8_t *to =
        flash_put(&s->flash, OWN_JOURNAL, base_of(s, j->segment) + at, RECORD_HEAD + n, 0);
    form(to, j->generation, j->number++, type, body, n);
    j->at = at + RECORD_HEAD + (uint32_t)n;
    flash_pump(&s->flash);
}

static void lose(struct store *s)
{
    if (!s->journal.lost) store_note(s, STORE_LOST, 0);
    s->journal.lost = true;
    s->journal.is_bad = false;
    s->journal.state = OPEN;
    flash_drop(&s->flash, OWN_JOURNAL);
    s->flash.hold = false;
}

/* Wait until a segment is open and the queue has room for a record. */
static int wait_open(struct store *s, size_t n)
{
    while (!s->journal.lost &&
           (s->journal.state != OPEN || !flash_has_room(&s->flash, RECORD_HEAD + n)))
        store_drive(s);
    return s->journal.lost ? E_IO : 0;
}

int journal_put_own(struct store *s, uint8_t type, const void *body, size_t n)
{
    txn_finish(s);
    if (wait_open(s, n) < 0) return E_IO;
    if (fits(s, n)) {
        put(s, type, body, n);
        return 0;
    }
    journal_turn(s);        /* what the record says is in RAM, so the checkpoint says it too */
    return wait_open(s, n); /* and is down before whatever the caller queues next */
}

int journal_put(struct store *s, uint8_t type, const void *body, size_t n)
{
    ensure(type >= JOURNAL_APP && type < JOURNAL_APP_END && n <= JOURNAL_BODY_MAX);
    return journal_put_own(s, type, body, n);
}

int journal_put_page(struct store *s, const uint8_t *body, size_t n)
{
    if (s->journal.state != OPEN || !flash_has_room(&s->flash, RECORD_HEAD + n)) return E_BUSY;
    if (!fits(s, n)) return E_SPACE;
    put(s, REC_TXN, body, n);
    return 0;
}

bool journal_has_pages(const struct store *s, unsigned pages)
{
    return page_up(s->journal.at) + pages * NOR_PAGE <= segment_size(s);
}

bool journal_can_hold(const struct store *s, unsigned pages)
{
    return s->journal.start + pages * NOR_PAGE <= segment_size(s);
}

bool journal_is_open(const struct store *s)
{
    return s->journal.state == OPEN;
}

/* A small segment whose checkpoint leaves little is low only once something was put. */
static bool is_low(const struct store *s)
{
    const struct journal *j = &s->journal;
    uint32_t pages = segment_size(s) / NOR_PAGE / 4;
    if (j->lost || j->at <= j->start) return false;
    if (journal_has_pages(s, pages < LOW_PAGES ? pages : LOW_PAGES)) return false;
    return next_good(s, j->segment) != NO_SEGMENT;
}

bool journal_wants_turn(const struct store *s)
{
    return s->journal.is_bad || is_low(s);
}

/* A page of the open segment failed; a transaction that is being redone is finished first. */
bool journal_is_bad(const struct store *s)
{
    return s->journal.is_bad && s->journal.state == OPEN && txn_is_before_redo(s);
}

/* ---- the last gasp ---- */

static void move_in(struct store *s);

/* A checkpoint half written would mix what was before the gasp with what came after: it is left
 * to be wiped, and if the supply stays another begins elsewhere. */
static void leave_checkpoint(struct store *s)
{
    struct journal *j = &s->journal;
    uint16_t left = j->next;
    j->next = next_good(s, left);
    if (j->next == NO_SEGMENT) j->next = left;
    j->old = left;
    j->state = CLEAN;
}

int journal_gasp(struct store *s, uint8_t type, const void *body, size_t n)
{
    struct journal *j = &s->journal;
    ensure(type >= JOURNAL_APP && type < JOURNAL_APP_END && n <= JOURNAL_BODY_MAX);
    while (!j->lost && !flash_urgent_page(&s->flash)) {
        flash_pump(&s->flash);
        if (s->flash.urgent_failed) journal_urgent_failed(s);
    }
    if (j->lost) return E_IO;
    if (j->state == ENDED) move_in(s);
    if (!journal_has_pages(s, 1)) return E_SPACE;
    j->at = page_up(j->at);
    form(flash_urgent_page(&s->flash), j->generation, j->number++, type, body, n);
    flash_urgent_go(&s->flash, base_of(s, j->segment) + j->at, RECORD_HEAD + n);
    j->at += RECORD_HEAD + (uint32_t)n;
    if (j->state == EMIT) leave_checkpoint(s);
    return 0;
}

/* ---- checkpoint ---- */

void journal_turn(struct store *s)
{
    struct journal *j = &s->journal;
    if (j->lost || j->state != OPEN) return;
    j->next = next_good(s, j->segment);
    j->state = CLEAN;
    if (j->next == NO_SEGMENT) lose(s);
}

static int counters_piece(const struct store *s, uint8_t *body)
{
    int n = 0;
    for (unsigned i = 0; i < STORE_COUNTERS; i++) {
        if (!s->counter[i].ceiling) continue;
        body[n] = (uint8_t)i;
        le_put32(body + n + 1, s->counter[i].ceiling);
        n += 5;
    }
    return n;
}

static void form_series(const struct series *r, uint8_t *to, unsigned id, uint32_t next)
{
    to[0] = (uint8_t)id;
    le_put32(to + 1, r->first);
    le_put32(to + 5, next);
    le_put16(to + 9, r->row_size);
}

static int series_piece(struct store *s, uint8_t *body)
{
    int n = 0;
    for (unsigned i = 0; i < s->map->series_count; i++, n += ONE_SERIES)
        form_series(&s->series[i], body + n, i, series_down(s, i));
    return n;
}
_Static_assert(STORE_SERIES_MAX *ONE_SERIES <= JOURNAL_BODY_MAX, "all series in one record");

/* Behind its rows, which are queued already. A checkpoint says it better. */
void journal_put_series(struct store *s, unsigned id)
{
    uint8_t body[ONE_SERIES];
    if (wait_open(s, sizeof body) < 0 || !fits(s, sizeof body)) return;
    form_series(&s->series[id], body, id, s->series[id].next);
    put(s, REC_SERIES, body, sizeof body);
}

static int retired_piece(const struct store *s, uint8_t *body)
{
    for (unsigned i = 0; i < s->retired_count; i++) le_put16(body + 2 * i, s->retired[i]);
    return 2 * s->retired_count;
}

/* Piece number `piece` of the whole hot state, the store's own first; E_NONE behind the last.
 */
static int piece_of(struct store *s, unsigned piece, uint8_t *type, uint8_t *body)
{
    switch (piece) {
    case 0:
        *type = REC_COUNTERS;
        return counters_piece(s, body);
    case 1:
        *type = REC_SERIES;
        return series_piece(s, body);
    case 2:
        *type = REC_RETIRED;
        return retired_piece(s, body);
    default:
        return s->app->checkpoint(s->app->ctx, piece - STORE_PIECES, type, body);
    }
}

static void open_head(struct store *s, uint8_t *page)
{
    struct journal *j = &s->journal;
    memset(page, 0xFF, HEAD);
    le_put16(page, MARK);
    page[2] = KIND;
    page[3] = FORMAT_VERSION;
    le_put32(page + 4, ++j->last_generation);
    le_put32(page + 8, crc32(page + 2, 6));
}

static void begin_checkpoint(struct store *s)
{
    struct journal *j = &s->journal;
    j->next_at = j->next_number = j->piece = 0;
    j->clean = NO_SEGMENT;
    j->state = EMIT;
}

/* Fill one page with pieces and program it; an empty one makes no record. */
static void emit_page(struct store *s, uint8_t *page)
{
    struct journal *j = &s->journal;
    unsigned used = 0;
    if (j->next_at == 0) {
        open_head(s, page);
        used = HEAD;
    }
    while (j->state == EMIT) {
        uint8_t type = REC_END, body[JOURNAL_BODY_MAX];
        int n = piece_of(s, j->piece, &type, body);
        bool is_end = n < 0;
        if (is_end) type = REC_END, n = 0;
        if (used + RECORD_HEAD + (unsigned)n > NOR_PAGE) break;
        j->piece++;
        if (n == 0 && !is_end) continue;
        form(page + used, j->last_generation, j->next_number++, type, body, (size_t)n);
        used += RECORD_HEAD + (unsigned)n;
        if (is_end) j->state = ENDED;
    }
    ensure(j->next_at + NOR_PAGE <= segment_size(s)); /* the hot state fits a segment */
    uint32_t at = j->next_at;
    j->next_at += NOR_PAGE;
    flash_urgent_go(&s->flash, base_of(s, j->next) + at, used);
}

/* END is down: the next segment is the open one. */
static void move_in(struct store *s)
{
    struct journal *j = &s->journal;
    j->old = j->segment;
    j->segment = j->next;
    j->generation = j->last_generation;
    j->number = j->next_number;
    j->at = j->start = j->next_at;
    j->state = OPEN;
    s->flash.hold = false;
    s->work |= 1u << OWN_JOURNAL;
    if (j->is_bad) store_retire(s, j->bad_sector, true);
    j->is_bad = false;
}

/* What the checkpoint tells of the rows (series_down()) must not depend on how fast the chip
 * is: all that was queued goes down before it. A queue that is held up waits for the
 * checkpoint. */
static bool is_settled(const struct store *s)
{
    return s->flash.hold || flash_is_down(&s->flash);
}

void journal_turn_step(struct store *s)
{
    struct journal *j = &s->journal;
    if (j->state == CLEAN && !is_good(s, j->next)) {
        j->state = OPEN;
        journal_turn(s);
    } else if (j->state == CLEAN && is_clean(s, j->next)) {
        if (is_settled(s)) begin_checkpoint(s);
    } else if (j->state == CLEAN) {
        s->work |= 1u << OWN_JOURNAL;
    }
    while (j->state == EMIT) {
        uint8_t *page = flash_urgent_page(&s->flash);
        if (!page) return;
        emit_page(s, page);
    }
    if (j->state == ENDED && flash_urgent_page(&s->flash)) move_in(s);
}

/* ---- wiping ---- */

/* What a turn waits for, then what was left behind, then what comes next. */
static uint16_t to_wipe(struct store *s)
{
    struct journal *j = &s->journal;
    if (j->state == CLEAN) return j->next;
    if (j->state != OPEN) return NO_SEGMENT;
    if (j->old != NO_SEGMENT && j->old != j->segment && is_good(s, j->old)) return j->old;
    j->old = NO_SEGMENT;
    return next_good(s, j->segment);
}

static bool is_pending(struct store *s, uint16_t segment)
{
    for (unsigned i = 0; i < s->map->segment_sectors; i++)
        if (flash_is_pending(&s->flash, base_of(s, segment) + sector_at(i))) return true;
    return false;
}

static void wipe_begin(struct store *s, uint16_t segment)
{
    struct journal *j = &s->journal;
    if (is_pending(s, segment)) return;
    j->wiping = segment;
    j->wipe_sector = 0;
    if (store_kill(s, base_of(s, segment)) == 0)
        j->is_wiping = true;
    else
        store_retire(s, first_sector(s, segment), true);
}

static void wipe_more(struct store *s)
{
    struct journal *j = &s->journal;
    uint16_t first = first_sector(s, j->wiping), sector = (uint16_t)(first + j->wipe_sector);
    int e = flash_erase(&s->flash, sector_at(sector));
    if (e == E_BUSY) return;
    if (e == 0 && ++j->wipe_sector < s->map->segment_sectors) return;
    j->is_wiping = false;
    if (e == 0) e = store_mark(s, sector_at(first));
    if (e < 0) store_retire(s, sector, true);
    if (j->wiping == j->old) j->old = NO_SEGMENT;
    if (e < 0) return;
    j->clean = j->wiping;
    j->clean_sectors = s->map->segment_sectors;
}

bool journal_work(struct store *s)
{
    const struct journal *j = &s->journal;
    if (j->is_wiping) {
        wipe_more(s);
        return true;
    }
    uint16_t segment = to_wipe(s);
    if (segment == NO_SEGMENT) return false;
    int e = segment == j->old ? E_STATE : look(s, segment);
    if (e == E_STATE) wipe_begin(s, segment);
    return e < 0;
}

/* ---- failure ---- */

/* A page of the open segment cannot be written. All that waits for it is in RAM, except a
 * transaction, which is put again; a checkpoint elsewhere says it all, and nothing queued
 * behind goes on before it is down. A transaction that is being redone is finished first. */
static void abandon(struct store *s, uint32_t at)
{
    struct journal *j = &s->journal;
    j->is_bad = true;
    j->bad_sector = (uint16_t)(at / NOR_SECTOR);
    if (txn_is_before_redo(s)) {
        s->flash.hold = true;
        txn_restart(s);
        journal_turn(s);
    }
}

/* At once, in a page of its own: whoever retires a sector goes past it right after. Where there
 * is no page left the next checkpoint is near, and says it. */
void journal_put_retired(struct store *s)
{
    struct journal *j = &s->journal;
    uint8_t body[JOURNAL_BODY_MAX], record[NOR_PAGE];
    if (j->lost || j->is_bad || !journal_has_pages(s, 1)) return;
    size_t n = (size_t)retired_piece(s, body);
    j->at = page_up(j->at);
    form(record, j->generation, j->number++, REC_RETIRED, body, n);
    uint32_t at = base_of(s, j->segment) + j->at;
    j->at += RECORD_HEAD + (uint32_t)n;
    if (flash_now(&s->flash, at, record, RECORD_HEAD + n) < 0) abandon(s, at);
}

void journal_failed(struct store *s)
{
    uint32_t at = flash_failed(&s->flash)->at;
    flash_drop(&s->flash, OWN_JOURNAL);
    abandon(s, at);
}

void journal_urgent_failed(struct store *s)
{
    struct journal *j = &s->journal;
    struct flash_prog *p = &s->flash.fifo->urgent;
    uint16_t sector = (uint16_t)(p->at / NOR_SECTOR);
    p->n = 0;
    s->flash.urgent_failed = false;
    if (j->state == OPEN || j->state == CLEAN) {
        abandon(s, sector_at(sector));
        return;
    }
    store_retire(s, sector, true);
    j->state = OPEN;
    journal_turn(s);
}

/* ---- mount ---- */

static uint32_t generation_of(struct store *s, uint16_t segment)
{
    uint8_t head[HEAD];
    if (flash_read(&s->flash, base_of(s, segment), head, sizeof head) < 0) return 0;
    uint32_t wrong = crc32(head + 2, 6) ^ le_get32(head + 8);
    if (!is_mark(head) || (wrong && !mend32(head + 2, 6, wrong))) return 0;
    return head[2] == KIND && head[3] == FORMAT_VERSION ? le_get32(head + 4) : 0;
}

static bool read_page(struct store *s, uint16_t segment, uint32_t at, uint8_t page[NOR_PAGE])
{
    return flash_read(&s->flash, base_of(s, segment) + at, page, NOR_PAGE) == 0;
}

/* Records 0, 1, 2, ... up to END, without a gap. */
static bool is_whole(struct store *s, uint16_t segment, uint32_t generation)
{
    uint8_t page[NOR_PAGE];
    uint16_t number = 0;
    for (uint32_t at = 0; at < segment_size(s); at += NOR_PAGE) {
        unsigned pos = at ? 0 : HEAD;
        uint16_t before = number;
        if (!read_page(s, segment, at, page)) return false;
        for (; take_record(page, pos, generation, number); pos += RECORD_HEAD + page[pos + 1]) {
            if (le_get16(page + pos + 2) != number++) return false;
            if (page[pos] == REC_END) return true;
        }
        if (number == before) return false;
    }
    return false;
}

static bool is_blank_page(const uint8_t page[NOR_PAGE])
{
    for (unsigned i = 0; i < NOR_PAGE; i++)
        if (page[i] != 0xFF) return false;
    return true;
}

/* Every record of the open segment, in order. Where the next one may stand goes into *at: after
 * the last page that is not blank, one page on where a record of that one was mended: a cut
 * beside it may have left nothing else to see. The next number is returned. */
static uint16_t walk(struct store *s, journal_taker *take, uint32_t *at, bool tells)
{
    struct journal *j = &s->journal;
    uint8_t page[NOR_PAGE];
    uint16_t number = 0;
    for (uint32_t i = 0; i < segment_size(s); i += NOR_PAGE) {
        unsigned pos = i ? 0 : HEAD;
        if (!read_page(s, j->segment, i, page)) continue;
        if (!is_blank_page(page)) *at = i + NOR_PAGE;
        for (int found; (found = take_record(page, pos, j->generation, number)) != NO_RECORD;
             pos += RECORD_HEAD + page[pos + 1]) {
            if (found == MENDED) *at = i + 2 * NOR_PAGE;
            if (found == MENDED && tells) store_note(s, STORE_MENDED, page[pos]);
            number = (uint16_t)(le_get16(page + pos + 2) + 1);
            take(s, page[pos], page + pos + RECORD_HEAD, page[pos + 1]);
        }
    }
    return number;
}

void journal_replay(struct store *s, journal_taker *take)
{
    s->journal.number = walk(s, take, &s->journal.at, false);
}

void journal_redo(struct store *s, journal_taker *take)
{
    uint32_t at;
    walk(s, take, &at, true);
}

/* Could these octets be a head of ours: erased, written, killed, or cut while one of these? */
static bool is_plausible(const uint8_t head[4])
{
    static const uint8_t ours[4] = { MARK & 0xFF, MARK >> 8, KIND, FORMAT_VERSION };
    bool more = true, less = true;
    for (unsigned i = 0; i < sizeof ours; i++) {
        more = more && (head[i] & ours[i]) == ours[i];
        less = less && (head[i] & ~ours[i]) == 0;
    }
    return more || less;
}

static bool is_foreign(struct store *s)
{
    unsigned strange = 0, n = segments(s);
    for (unsigned k = 0; k < n; k++) {
        uint8_t head[4] = { 0 };
        flash_read(&s->flash, base_of(s, (uint16_t)k), head, sizeof head);
        if (!is_plausible(head)) strange++;
    }
    return strange > n / 2;
}

/* The segment with the greatest generation below `below`, or NO_SEGMENT. */
static uint16_t newest_below(struct store *s, uint32_t below)
{
    uint16_t best = NO_SEGMENT;
    uint32_t greatest = 0;
    for (unsigned k = 0; k < segments(s); k++) {
        uint32_t g = generation_of(s, (uint16_t)k);
        if (g <= greatest || g >= below) continue;
        greatest = g;
        best = (uint16_t)k;
    }
    return best;
}

int journal_find(struct store *s)
{
    struct journal *j = &s->journal;
    memset(j, 0, sizeof *j);
    j->old = j->segment = j->clean = NO_SEGMENT;
    uint32_t below = UINT32_MAX;
    for (unsigned i = 0; i < segments(s); i++) {
        uint16_t k = newest_below(s, below);
        if (k == NO_SEGMENT) break;
        below = generation_of(s, k);
        bool whole = is_whole(s, k, below);
        if (whole && below > GENERATION_MAX) return E_FORMAT;
        if (below <= GENERATION_MAX && below > j->last_generation) j->last_generation = below;
        if (!whole) continue;
        j->segment = k;
        j->generation = below;
        return 0;
    }
    j->at = segment_size(s);
    return is_foreign(s) ? E_FORMAT : 1;
}

static void play_counters(struct store *s, const uint8_t *body, size_t n)
{
    for (; n >= 5; n -= 5, body += 5) {
        if (body[0] >= STORE_COUNTERS) continue;
        struct counter *c = &s->counter[body[0]];
        c->next = c->ceiling = le_get32(body + 1);
    }
}

static void play_series(struct store *s, const uint8_t *body, size_t n)
{
    for (; n >= ONE_SERIES; n -= ONE_SERIES, body += ONE_SERIES) {
        if (body[0] >= s->map->series_count) continue;
        struct series *r = &s->series[body[0]];
        r->first = le_get32(body + 1);
        r->next = le_get32(body + 5);
        uint16_t size = le_get16(body + 9);
        if (size >= SERIES_ROW_MIN && size <= SERIES_ROW_MAX) r->row_size = size;
    }
}

static void play_retired(struct store *s, const uint8_t *body, size_t n)
{
    s->retired_count = 0;
    for (; n >= 2 && s->retired_count < STORE_RETIRED_MAX; n -= 2, body += 2)
        s->retired[s->retired_count++] = le_get16(body);
}

void journal_play(struct store *s, uint8_t type, const uint8_t *body, size_t n)
{
    switch (type) {
    case REC_END:
        break;
    case REC_COUNTERS:
        play_counters(s, body, n);
        break;
    case REC_SERIES:
        play_series(s, body, n);
        break;
    case REC_RETIRED:
        play_retired(s, body, n);
        break;
    case REC_TXN:
        txn_play(s, body, n);
        break;
    default:
        s->app->replay(s->app->ctx, type, body, n);
    }
}

/* ---- counters ---- */

static int reserve(struct store *s, unsigned id)
{
    uint8_t body[5] = { (uint8_t)id };
    le_put32(body + 1, s->counter[id].ceiling);
    return journal_put_own(s, REC_COUNTERS, body, sizeof body);
}

uint32_t counters_peek(const struct store *s, unsigned id)
{
    ensure(id < STORE_COUNTERS);
    return s->counter[id].next ? s->counter[id].next : 1;
}

int counters_set(struct store *s, unsigned id, uint32_t next)
{
    ensure(id < STORE_COUNTERS && next > 0);
    s->counter[id] = (struct counter){ next, next };
    return reserve(s, id);
}

/* The numbers of a new block are given out only when its record is down: the last 256 of the
 * block before it are the time that may take. */
int counters_take(struct store *s, unsigned id, uint32_t *number)
{
    ensure(id < STORE_COUNTERS);
    struct counter *c = &s->counter[id];
    if (!c->ceiling) c->next = c->ceiling = 1;
    if (c->next >= UINT32_MAX - COUNTER_BLOCK - COUNTER_AHEAD) return E_RANGE;
    if (c->ceiling - c->next <= COUNTER_AHEAD) {
        c->ceiling += COUNTER_BLOCK;
        if (reserve(s, id) < 0) {
            c->ceiling -= COUNTER_BLOCK;
            return E_IO;
        }
    }
    if (c->ceiling - c->next == COUNTER_BLOCK) store_wait_down(s);
    *number = c->next++;
    return 0;
}
