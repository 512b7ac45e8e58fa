#include "store/inside.h"
#include "store/row.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"

enum { KIND = 0x53, RAN_BACK = 1, NO_SECTOR = 0xFFFF };
enum { AHEAD_DIRTY, AHEAD_ERASE, AHEAD_READY };
enum { HOLES = STORE_RETIRED_MAX + 3 }; /* sectors in a run that may hold no rows */
enum { HEADS_A_STEP = 16, OCTETS_A_STEP = 2048, ROW_COST = 32, WITNESSES = 4 };

/* ---- geometry ---- */

static const struct part *ring_of(const struct store *s, unsigned id)
{
    return &s->map->series[id].ring;
}

static uint16_t sector_of(const struct store *s, unsigned id, unsigned k)
{
    return (uint16_t)(ring_of(s, id)->first + k);
}

static uint32_t base_of(const struct store *s, unsigned id, unsigned k)
{
    return sector_at(sector_of(s, id, k));
}

static unsigned slots(uint16_t row_size)
{
    return (unsigned)(NOR_SECTOR - HEAD) / row_size;
}

static unsigned after(const struct store *s, unsigned id, unsigned k)
{
    return k + 1u < ring_of(s, id)->sectors ? k + 1u : 0;
}

/* ---- heads ---- */

struct head {
    uint32_t first, time;
    uint16_t row_size;
    bool ran_back, mended;
};

/* Does one of the first sealed slots behind it say the same number? Those before may be torn, or
 * damaged; a row that stands alone may have one wrong bit. */
static bool has_witness(struct store *s, uint32_t rows, const struct head *h)
{
    unsigned seen = 0;
    int bit = -1;
    for (unsigned i = 0; i < slots(h->row_size) && seen < WITNESSES; i++) {
        struct slot slot = slot_read(&s->flash, rows + i * h->row_size, h->row_size);
        if (!slot_is_sealed(&slot)) continue;
        for (unsigned n = 0; n <= seen; n++)
            if (slot_is(&slot, h->first + n)) return true;
        bit = seen++ ? -1 : slot_wrong_bit(&slot, h->first);
    }
    return bit >= 0;
}

/* A head with one wrong bit is put right. But one that was torn while it was written or killed
 * may look like that, and one whose checksum was never programmed may fit FFFF: where the head
 * alone does not tell, a row does. */
static bool read_head(struct store *s, unsigned id, unsigned k, struct head *h)
{
    uint8_t b[HEAD];
    uint32_t at = base_of(s, id, k);
    if (flash_read(&s->flash, at, b, sizeof b) < 0 || !is_mark(b)) return false;
    uint16_t seal = le_get16(b + 14), wrong = crc16(b + 2, 12) ^ seal, zeros = (uint16_t)~seal;
    bool is_sealed = zeros && !is_one_bit(zeros);
    if (wrong && !mend16(b + 2, 12, wrong)) return false;
    *h = (struct head){ .first = le_get32(b + 6),
                        .time = le_get32(b + 10),
                        .row_size = le_get16(b + 4),
                        .ran_back = b[3] & RAN_BACK,
                        .mended = wrong || le_get16(b) != MARK };
    return b[2] == KIND && h->row_size >= SERIES_ROW_MIN && h->row_size <= SERIES_ROW_MAX &&
           !store_is_passed(s, sector_of(s, id, k)) &&
           ((!wrong && is_sealed) || has_witness(s, at + HEAD, h));
}

/* All but the mark. */
static void form_head(uint8_t to[HEAD - 2], const struct head *h)
{
    to[0] = KIND;
    to[1] = h->ran_back ? RAN_BACK : 0;
    le_put16(to + 2, h->row_size);
    le_put32(to + 4, h->first);
    le_put32(to + 8, h->time);
    le_put16(to + 12, crc16(to, 12));
}

/* Among `count` sectors from `start` round the ring, whose heads grow: the last one with a
 * first row at most `span` after `base`. Its distance from start, or -1. Sectors without a head
 * may lie anywhere between. */
static int last_within(struct store *s, unsigned id, unsigned start, unsigned count,
                       uint32_t base, uint32_t span, struct head *found)
{
    unsigned low = 0, high = count, n = ring_of(s, id)->sectors;
    int best = -1;
    while (low < high) {
        unsigned mid = low + (high - low) / 2, m = mid;
        struct head h;
        while (m < high && !read_head(s, id, (start + m) % n, &h)) m++;
        if (m < high && h.first - base <= span) {
            best = (int)m;
            *found = h;
            low = m + 1;
        } else {
            high = mid;
        }
    }
    return best;
}

/* ---- slots ---- */

/* The rows of a sector, one after the other. A slot without a seal is torn and has no number;
 * one that is sealed, fits none and cannot be mended may have been a row, which had one. */
struct walk {
    uint32_t base, next;  /* address; number expected */
    uint32_t known;       /* rows below this number there were */
    uint16_t row_size, i; /* slot to be looked at */
    uint16_t stop;        /* and the one behind the last */
    uint16_t damaged;     /* sealed slots since the last good one */
    uint16_t used;        /* slots up to the last that is not blank */
    uint16_t mended;      /* slots up to the last that was mended; 0: it was the head */
    bool was_mended;
    bool is_torn;       /* the last slot used holds no row */
    uint32_t seq, time; /* of the row found */
    int bit;            /* of it that is wrong; -1: none */
};

static struct walk walk_of(const struct store *s, unsigned id, unsigned k, const struct head *h,
                           uint32_t known)
{
    return (struct walk){ .base = base_of(s, id, k) + HEAD,
                          .next = h->first,
                          .known = known,
                          .row_size = h->row_size,
                          .stop = (uint16_t)slots(h->row_size),
                          .was_mended = h->mended };
}

/* The slot before w->i is sealed and fits no number. A torn seal, or one of a row that was
 * whole and suffered a cut beside it? Behind a torn row a slot is left out (fresh_slot()), and
 * the next row takes its number, and may have suffered a cut of its own. Where the cut left
 * nothing to see of the row behind, a later row tells, or the journal. */
static bool was_whole(struct store *s, const struct walk *w)
{
    uint32_t skip = 0; /* of those behind, too, some may be damaged */
    for (unsigned i = w->i; i < slots(w->row_size) && skip < WITNESSES; i++) {
        uint32_t at = w->base + i * w->row_size;
        struct slot slot = slot_read(&s->flash, at, w->row_size);
        if (i == w->i && slot.zeros >= 2) return true;
        if (!slot_is_sealed(&slot)) continue;
        if (slot_is(&slot, w->next)) return false;
        skip++;
        for (uint32_t n = 1; n <= skip; n++)
            if (slot_is(&slot, w->next + n)) return true;
        if (slot_wrong_bit(&slot, w->next) >= 0) return false;
    }
    return (int32_t)(w->known - w->next) > 0;
}

/* Is it a row? Its number is the one expected, or later where rows before it are damaged. */
static bool judge(struct store *s, struct walk *w, const struct slot *slot)
{
    w->bit = -1;
    w->time = slot->time;
    if (!slot_is_sealed(slot)) return false;
    for (unsigned skip = 0; skip <= w->damaged; skip++) {
        w->seq = w->next + skip;
        if (slot_is(slot, w->seq)) return true;
    }
    w->seq = w->next;
    int bit = slot_wrong_bit(slot, w->seq);
    if (bit < 0 || !was_whole(s, w)) return false;
    w->bit = bit;
    w->mended = w->i;
    w->was_mended = true;
    if (bit < 32) w->time ^= UINT32_C(1) << bit;
    return true;
}

static bool walk_next(struct store *s, struct walk *w)
{
    while (w->i < w->stop) {
        uint32_t at = w->base + (uint32_t)w->i++ * w->row_size;
        struct slot slot = slot_read(&s->flash, at, w->row_size);
        if (slot.zeros == 0) continue;
        w->used = w->i;
        w->is_torn = !judge(s, w, &slot);
        if (w->is_torn) {
            w->damaged = (uint16_t)(w->damaged + slot_is_sealed(&slot));
            continue;
        }
        w->next = w->seq + 1;
        w->damaged = 0;
        return true;
    }
    return false;
}

/* ---- reading ---- */

uint32_t series_first(const struct store *s, unsigned id)
{
    ensure(id < s->map->series_count);
    return s->series[id].first;
}

uint32_t series_next(const struct store *s, unsigned id)
{
    ensure(id < s->map->series_count);
    return s->series[id].next;
}

static uint16_t octets(const struct series *r)
{
    return (uint16_t)(r->row_size - row_seal_size(r->row_size));
}

uint16_t series_row_size(const struct store *s, unsigned id)
{
    ensure(id < s->map->series_count);
    return octets(&s->series[id]);
}

uint32_t series_capacity(const struct store *s, unsigned id, uint16_t row_size)
{
    ensure(id < s->map->series_count && row_size > 0 && row_size <= SERIES_ROW_MAX);
    return (ring_of(s, id)->sectors - 2u) * slots(row_size_of(row_size));
}

static uint32_t slot_at(const struct store *s, unsigned id, unsigned k, unsigned i)
{
    return base_of(s, id, k) + HEAD + i * s->series[id].row_size;
}

/* The sector that holds row seq, by its head. */
static int find_sector(struct store *s, unsigned id, uint32_t seq, struct head *h)
{
    const struct series *r = &s->series[id];
    unsigned n = ring_of(s, id)->sectors;
    unsigned count = (r->head + n - r->tail) % n + 1;
    int m = last_within(s, id, r->tail, count, r->first - n * slots(SERIES_ROW_MIN),
                        seq - (r->first - n * slots(SERIES_ROW_MIN)), h);
    return m < 0 ? E_NONE : (int)((r->tail + (unsigned)m) % n);
}

/* Torn slots before it have moved the row from where it should be, or a bit of it is wrong. */
static int read_moved(struct store *s, unsigned id, unsigned k, const struct head *h,
                      uint32_t seq, uint8_t *dst)
{
    struct walk w = walk_of(s, id, k, h, seq + 1);
    bool more;
    while ((more = walk_next(s, &w)) && w.seq != seq) {
    }
    if (!more) return E_CRC;
    unsigned n = octets(&s->series[id]);
    if (flash_read(&s->flash, slot_at(s, id, k, w.i - 1u), dst, n) < 0) return E_CRC;
    if (w.bit < 0) return 0;
    if (w.bit < (int)n * 8) dst[w.bit / 8] ^= (uint8_t)(1 << w.bit % 8);
    store_note(s, STORE_MENDED, 0);
    return 0;
}

int series_read(struct store *s, unsigned id, uint32_t seq, void *dst)
{
    ensure(id < s->map->series_count);
    struct series *r = &s->series[id];
    if (seq - r->first >= r->next - r->first) return E_NONE;
    unsigned i = seq - r->seen_first;
    if (r->seen != NO_SECTOR && i < slots(r->row_size) &&
        row_read(&s->flash, slot_at(s, id, r->seen, i), r->row_size, seq, dst))
        return 0;
    struct head h;
    int k = find_sector(s, id, seq, &h);
    if (k < 0 || h.row_size != r->row_size) return E_CRC;
    i = seq - h.first;
    r->seen = (uint16_t)k;
    r->seen_first = h.first;
    if (i < slots(r->row_size) &&
        row_read(&s->flash, slot_at(s, id, (unsigned)k, i), r->row_size, seq, dst))
        return 0;
    return read_moved(s, id, (unsigned)k, &h, seq, dst);
}

/* ---- appending ---- */

/* Sector k is about to be wiped or passed: the oldest rows go with it. */
static void give_up(struct store *s, unsigned id, unsigned k)
{
    struct series *r = &s->series[id];
    unsigned at = k;
    if (r->tail != k || r->head == NO_SECTOR) return;
    for (unsigned i = 1; i < ring_of(s, id)->sectors; i++) {
        struct head h = { .first = r->head_first };
        at = after(s, id, at);
        if (at != r->head && !read_head(s, id, at, &h)) continue;
        r->tail = (uint16_t)at;
        if ((int32_t)(h.first - r->first) > 0) r->first = h.first;
        return;
    }
}

/* The sector to be filled after k: the next that is not retired, or NO_SECTOR. Retired ones on
 * the way are passed for good, and so are the rows that they may still hold. */
static uint16_t next_good(struct store *s, unsigned id, unsigned k)
{
    unsigned at = k;
    for (unsigned i = 1; i < ring_of(s, id)->sectors; i++) {
        at = after(s, id, at);
        give_up(s, id, at);
        if (!store_is_retired(s, sector_of(s, id, at))) return (uint16_t)at;
        store_retire(s, sector_of(s, id, at), true);
    }
    return NO_SECTOR;
}

/* Choose the sector that is erased ahead. */
static void look_ahead(struct store *s, unsigned id)
{
    struct series *r = &s->series[id];
    r->ahead = next_good(s, id, r->head == NO_SECTOR ? ring_of(s, id)->sectors - 1u : r->head);
    r->ahead_state = AHEAD_DIRTY;
    if (r->ahead == NO_SECTOR) {
        r->is_dead = true;
        store_note(s, STORE_FULL, id);
        return;
    }
    s->work |= 1u << id;
}

static void ahead_failed(struct store *s, unsigned id)
{
    store_retire(s, sector_of(s, id, s->series[id].ahead), true);
    look_ahead(s, id);
}

/* The oldest rows go only when the sector that takes their place has its first one. */
static bool is_opening(struct store *s, unsigned id)
{
    const struct series *r = &s->series[id];
    return r->head != NO_SECTOR && flash_is_pending(&s->flash, base_of(s, id, r->head));
}

bool series_work(struct store *s, unsigned id)
{
    struct series *r = &s->series[id];
    if (r->is_dead || r->ahead_state == AHEAD_READY) return false;
    uint32_t at = base_of(s, id, r->ahead);
    int e = 0;
    if (r->ahead_state == AHEAD_DIRTY) {
        if (flash_is_pending(&s->flash, at) || is_opening(s, id)) return true;
        e = store_kill(s, at);
        r->ahead_state = AHEAD_ERASE;
    } else {
        e = flash_erase(&s->flash, at);
        if (e == E_BUSY) return true;
        if (e == 0) e = store_mark(s, at);
        r->ahead_state = AHEAD_READY;
    }
    if (e < 0) ahead_failed(s, id);
    if (r->ahead_state != AHEAD_READY) return !r->is_dead;
    s->tight &= ~(1u << id);
    return false;
}

/* Go on in the sector that was erased ahead; its first row will be seq. */
static int open_sector(struct store *s, unsigned id, uint32_t seq, uint32_t time)
{
    struct series *r = &s->series[id];
    while (!r->is_dead && (r->ahead_state != AHEAD_READY || !flash_has_room(&s->flash, HEAD)))
        store_drive(s);
    if (r->is_dead) return E_IO;
    struct head h = { .first = seq,
                      .time = time,
                      .row_size = r->row_size,
                      .ran_back = r->ran_back || (r->head != NO_SECTOR && time < r->time) };
    form_head(flash_put(&s->flash, (uint8_t)(OWN_FORM + id), base_of(s, id, r->ahead) + 2,
                        HEAD - 2, 2),
              &h);
    flash_pump(&s->flash);
    if (r->head == NO_SECTOR) r->tail = r->ahead;
    r->head = r->ahead;
    r->head_first = seq;
    r->slot = 0;
    r->is_full = r->ran_back = false;
    r->time = time;
    look_ahead(s, id);
    return 0;
}

/* Queue a row into its slot. */
static void put_row(struct store *s, unsigned id, uint32_t seq, const uint8_t *row,
                    bool in_place)
{
    struct series *r = &s->series[id];
    uint32_t at = slot_at(s, id, r->head, r->slot);
    uint16_t n = r->row_size;
    uint8_t seal = (uint8_t)row_seal_size(n);
    if (in_place) {
        flash_put_in_place(&s->flash, (uint8_t)id, at, row, n, seal);
    } else {
        uint8_t *to = flash_put(&s->flash, (uint8_t)id, at, n, seal);
        memcpy(to, row, octets(r));
        row_put_seal(to, n, seq);
    }
    flash_pump(&s->flash);
}

static bool has_room(const struct store *s, const struct series *r, bool in_place)
{
    return in_place ? s->flash.fifo->count < FLASH_FIFO
                    : flash_has_room(&s->flash, r->row_size);
}

int64_t series_put(struct store *s, unsigned id, uint32_t seq, const uint8_t *row,
                   bool in_place)
{
    struct series *r = &s->series[id];
    uint32_t time = le_get32(row);
    while (!has_room(s, r, in_place)) store_drive(s);
    if (r->head == NO_SECTOR || r->is_full || seq != r->next) {
        if (open_sector(s, id, seq, time) < 0) return E_IO;
        while (!has_room(s, r, in_place)) store_drive(s);
    }
    put_row(s, id, seq, row, in_place);
    r->ran_back = r->ran_back || time < r->time;
    r->time = time;
    r->next = seq + 1;
    r->is_full = ++r->slot >= slots(r->row_size);
    if (r->is_full && r->ahead_state != AHEAD_READY) s->tight |= 1u << id;
    return seq;
}

/* Is the row before the next one in a page before it, and in this sector? A cut between the two
 * may spoil a bit of that one and leave nothing to see of this one, whose time is its beginning.
 * Rows of transactions are told by these. */
static bool is_beside(const struct store *s, unsigned id)
{
    const struct series *r = &s->series[id];
    if (r->head == NO_SECTOR || r->is_full || r->slot == 0) return false;
    uint32_t before = slot_at(s, id, r->head, r->slot - 1u);
    return before / NOR_PAGE != (before + r->row_size + 3) / NOR_PAGE;
}

int64_t series_append(struct store *s, unsigned id, const void *row)
{
    ensure(id < s->map->series_count && s->series[id].row_size <= FLASH_ARENA);
    txn_finish(s);
    if (is_beside(s, id)) journal_put_series(s, id);
    return series_put(s, id, s->series[id].next, row, false);
}

void series_clear(struct store *s, unsigned id, uint32_t first, uint16_t row_size)
{
    struct series *r = &s->series[id];
    r->first = first;
    r->seen = NO_SECTOR;
    if (row_size < SERIES_ROW_MIN || row_size > SERIES_ROW_MAX || row_size == r->row_size)
        return;
    r->row_size = row_size;
    r->is_full = true;
}

/* Rows of the series that wait in the queue; *oldest is the first of them. */
static unsigned rows_waiting(struct store *s, unsigned id, const struct flash_prog **oldest)
{
    unsigned n = 0;
    for (unsigned i = s->flash.fifo->count; i-- > 0;) {
        const struct flash_prog *p = flash_waiting(&s->flash, i);
        if (p->owner != id) continue;
        *oldest = p;
        n++;
    }
    return n;
}

uint32_t series_down(struct store *s, unsigned id)
{
    const struct flash_prog *oldest;
    return s->series[id].next - rows_waiting(s, id, &oldest);
}

/* ---- failure ---- */

/* The next clean sector, with a head, at once; NO_SECTOR when the ring has none. */
static uint16_t replace_head(struct store *s, unsigned id, unsigned k, const struct head *h)
{
    for (uint16_t next; (next = next_good(s, id, k)) != NO_SECTOR;) {
        uint8_t b[HEAD - 2];
        uint32_t at = base_of(s, id, next);
        form_head(b, h);
        if ((store_is_clean(s, at, NOR_SECTOR) || store_wipe(s, at) == 0) &&
            flash_now(&s->flash, at + 2, b, sizeof b) == 0)
            return next;
        store_retire(s, sector_of(s, id, next), true);
    }
    return NO_SECTOR;
}

static void move_rows(struct store *s, unsigned id, unsigned k)
{
    for (unsigned i = 0, slot = 0; i < s->flash.fifo->count; i++) {
        struct flash_prog *p = flash_waiting(&s->flash, i);
        if (p->owner != id) continue;
        p->at = slot_at(s, id, k, slot++);
        p->done = 0;
    }
}

static void die(struct store *s, unsigned id)
{
    s->series[id].is_dead = s->series[id].is_full = true;
    flash_drop(&s->flash, (uint8_t)id);
    store_note(s, STORE_FULL, id);
}

/* A sector took a row badly: all rows that wait go to the sector after it, under the same
 * numbers. Its older rows stay where they are. */
void series_failed(struct store *s, unsigned id)
{
    struct series *r = &s->series[id];
    uint16_t bad = (uint16_t)(flash_failed(&s->flash)->at / NOR_SECTOR);
    const struct flash_prog *oldest = NULL;
    flash_end_erase(&s->flash); /* another sector may be the one ahead */
    flash_drop(&s->flash, (uint8_t)(OWN_FORM + id));
    unsigned waiting = rows_waiting(s, id, &oldest);
    struct head h = { .first = r->next - waiting,
                      .time = oldest ? le_get32(oldest->src) : r->time,
                      .row_size = r->row_size,
                      .ran_back = true };
    store_retire(s, bad, h.first == r->head_first);
    r->head = (uint16_t)(bad - ring_of(s, id)->first);
    uint16_t k = replace_head(s, id, r->head, &h);
    if (k == NO_SECTOR || waiting > slots(r->row_size)) {
        die(s, id);
        return;
    }
    move_rows(s, id, k);
    r->head = k;
    r->head_first = h.first;
    r->slot = (uint16_t)waiting;
    r->is_full = waiting == slots(r->row_size);
    r->ran_back = true;
    look_ahead(s, id);
}

/* ---- mount ---- */

static int first_head(struct store *s, unsigned id, struct head *h)
{
    unsigned n = ring_of(s, id)->sectors;
    for (unsigned k = 0; k < n && k < HOLES; k++)
        if (read_head(s, id, k, h)) return (int)k;
    return E_NONE;
}

/* After a torn row, and after a page of which a row was mended, a slot is left out, the page that
 * it ends in and the one behind: what is beside has suffered one cut, and need not suffer
 * another. A slot of rows that only
 * transactions write is longer than all that, and its sector too precious to be left for one
 * row: should a second cut beside it make the torn row whole, that is the row to be redone. */
static uint16_t fresh_slot(const struct walk *w)
{
    bool was_cut = w->was_mended && (w->used - w->mended) * w->row_size < 2 * NOR_PAGE;
    if (!w->is_torn && !was_cut) return w->used;
    if (w->row_size > FLASH_ARENA) return (uint16_t)(w->used + 1);
    uint32_t end = HEAD + (w->used + UINT32_C(1)) * w->row_size;
    uint32_t page = (end + NOR_PAGE - 1) / NOR_PAGE * NOR_PAGE + NOR_PAGE;
    return (uint16_t)((page - HEAD + w->row_size - 1) / w->row_size);
}
_Static_assert(FLASH_ARENA >= 2 * NOR_PAGE, "a left out slot and the guard of a page");

/* Where the last row that the journal knew of stands in the place of its number, no row before
 * it is torn: only the times of those are read, but for the pages a cut may have reached. */
static void skip_known(struct store *s, struct series *r, struct walk *w)
{
    uint32_t last = w->known - 1 - w->next, guard = 2u * NOR_PAGE / w->row_size + 1;
    if (last >= w->stop || last <= guard) return;
    struct slot slot = slot_read(&s->flash, w->base + last * w->row_size, w->row_size);
    if (!slot_is_sealed(&slot) || !slot_is(&slot, w->known - 1)) return;
    for (; w->i < last - guard; w->i++, w->next++) {
        uint8_t b[4] = { 0 };
        flash_read(&s->flash, w->base + (uint32_t)w->i * w->row_size, b, sizeof b);
        r->ran_back = r->ran_back || le_get32(b) < r->time;
        r->time = le_get32(b);
    }
    w->used = w->i;
}

/* Count the rows of the sector being filled. What the journal knew of the next number holds
 * where rows were lost: then a fresh sector starts with it. */
static void mount_head(struct store *s, unsigned id, const struct head *h)
{
    struct series *r = &s->series[id];
    struct walk w = walk_of(s, id, r->head, h, r->next);
    r->head_first = h->first;
    r->time = h->time;
    skip_known(s, r, &w);
    while (walk_next(s, &w)) {
        r->ran_back = r->ran_back || w.time < r->time;
        r->time = w.time;
    }
    r->slot = fresh_slot(&w);
    r->is_full = r->slot >= slots(h->row_size) || h->row_size != r->row_size ||
                 store_is_retired(s, sector_of(s, id, r->head));
    if ((int32_t)(w.next - r->next) >= 0)
        r->next = w.next;
    else
        r->is_full = true;
}

/* The oldest sector is the next good one behind the newest, a lap ago; in the first lap it is
 * the first of all, number k. */
static void mount_tail(struct store *s, unsigned id, unsigned k, struct head h)
{
    struct series *r = &s->series[id];
    unsigned at = r->head;
    r->tail = (uint16_t)k;
    for (unsigned i = 1; i < ring_of(s, id)->sectors && i < HOLES; i++) {
        struct head older;
        at = after(s, id, at);
        if (!read_head(s, id, at, &older) || older.first == r->head_first) continue;
        if ((int32_t)(older.first - r->head_first) < 0) {
            r->tail = (uint16_t)at;
            h = older;
        }
        break;
    }
    if ((int32_t)(h.first - r->first) > 0) r->first = h.first;
}

static bool has_row(struct store *s, unsigned id, unsigned k, const struct head *h)
{
    struct walk w = walk_of(s, id, k, h, s->series[id].next);
    return walk_next(s, &w);
}

/* The last of the sectors from k round the ring that begin with the same number; with rows: the
 * last that has one, or k. *h is the head of k, and becomes that of the answer. */
static unsigned same_first(struct store *s, unsigned id, unsigned k, struct head *h,
                           unsigned count, bool with_rows)
{
    unsigned best = k, at = k;
    for (unsigned i = 1; i < count && i < HOLES; i++) {
        struct head next;
        at = after(s, id, at);
        if (!read_head(s, id, at, &next)) continue;
        if (next.first != h->first) break;
        if (with_rows && !has_row(s, id, at, &next)) continue;
        *h = next;
        best = at;
    }
    return best;
}

/* The sector with the greatest first number; *h is the head of k, the first that holds. Sectors
 * that got their head and then no row, whatever was tried, may stand before and behind the one
 * that has the rows. */
static unsigned newest(struct store *s, unsigned id, unsigned k, struct head *h)
{
    unsigned n = ring_of(s, id)->sectors;
    k = same_first(s, id, k, h, n - k, false);
    int m = last_within(s, id, k, n - k, h->first + 1, INT32_MAX, h);
    if (m > 0) k += (unsigned)m;
    return has_row(s, id, k, h) ? k : same_first(s, id, k, h, n, true);
}

/* The newest sector got its head, and no row: it is killed, to be erased again, and the oldest
 * rows stay until a row takes their place, however often that one is cut. What it says of the
 * number counts where it is near what the journal knew, which is told a page of rows. False
 * where it has rows, or can not be killed. */
static bool is_given_back(struct store *s, unsigned id, unsigned k, const struct head *h)
{
    struct series *r = &s->series[id];
    if (has_row(s, id, k, h) || store_kill(s, base_of(s, id, k)) < 0) return false;
    if (h->first - r->next <= slots(h->row_size)) r->next = h->first;
    return true;
}

void series_mount(struct store *s, unsigned id)
{
    struct series *r = &s->series[id];
    struct head first, h;
    int k;
    r->head = r->seen = NO_SECTOR;
    r->is_dead = r->is_full = r->ran_back = false;
    do {
        k = first_head(s, id, &first);
        h = first;
        if (k >= 0) r->head = (uint16_t)newest(s, id, (unsigned)k, &h);
    } while (k >= 0 && is_given_back(s, id, r->head, &h));
    if (k >= 0) {
        mount_head(s, id, &h);
        mount_tail(s, id, (unsigned)k, first);
    } else {
        r->head = NO_SECTOR;
    }
    if (k < 0 || r->next - r->first > INT32_MAX) r->first = r->next;
    look_ahead(s, id);
    if (r->ahead != NO_SECTOR && store_is_clean(s, base_of(s, id, r->ahead), NOR_SECTOR)) {
        r->ahead_state = AHEAD_READY;
        s->work &= ~(1u << id);
    }
}

/* ---- search by time ---- */

enum { FORWARD, BACKWARD, FINISHED, FOUND = 0x40 }; /* with it: a row of this sector */

void series_search_begin(struct store *s, unsigned id, struct series_search *q, uint32_t from,
                         uint32_t to)
{
    const struct series *r = &s->series[id];
    ensure(id < s->map->series_count);
    *q = (struct series_search){ .from = from, .to = to, .low = r->first, .stop = r->next };
    q->id = (uint8_t)id;
    q->sector = r->tail;
    if (r->head == NO_SECTOR || q->low == q->stop || from > to) q->state = FINISHED;
}

/* Where the rows of sector k end: at the next head, or with the newest row. */
static struct head end_of(struct store *s, unsigned id, unsigned k)
{
    const struct series *r = &s->series[id];
    while (k != r->head) {
        struct head next;
        k = after(s, id, k);
        if (read_head(s, id, k, &next)) return next;
    }
    return (struct head){ .first = r->next, .time = r->time, .ran_back = r->ran_back };
}

/* Can a sector with head h, whose rows end there, hold a row of the span of time? */
static bool may_hold(const struct store *s, const struct series_search *q, const struct head *h,
                     const struct head *end)
{
    if ((int32_t)(h->first - q->stop) >= 0 || h->row_size != s->series[q->id].row_size)
        return false;
    return end->ran_back || (h->time <= q->to && end->time >= q->from);
}

/* Go on in the sector where the last step stopped; a step looks through so many octets of rows,
 * what each costs beside them counted in. */
static struct walk resumed(const struct store *s, const struct series_search *q,
                           const struct head *h, const struct head *end)
{
    struct walk w = walk_of(s, q->id, q->sector, h, end->first);
    unsigned stop = q->slot + OCTETS_A_STEP / (h->row_size + (unsigned)ROW_COST);
    w.i = q->slot;
    w.next += (uint32_t)(q->slot - q->lag);
    w.damaged = q->damaged;
    if (stop < w.stop) w.stop = (uint16_t)stop;
    return w;
}

/* The place where the next step goes on; false where there is more damage before it than can be
 * kept, and the rest of the sector belongs to this step. */
static bool keep_place(struct series_search *q, const struct head *h, const struct walk *w)
{
    unsigned lag = w->i - (w->next - h->first), all = slots(h->row_size);
    bool goes_on = w->i < all;
    if (goes_on && lag > UINT8_MAX) return false;
    q->slot = goes_on ? w->i : 0;
    q->lag = goes_on ? (uint8_t)lag : 0;
    q->damaged = goes_on ? (uint8_t)w->damaged : 0;
    return true;
}

/* Look through rows of the sector and widen the answer. */
static void search_rows(struct store *s, struct series_search *q, const struct head *h,
                        const struct head *end)
{
    struct walk w = resumed(s, q, h, end);
    do {
        while (walk_next(s, &w)) {
            if (w.time < q->from || w.time > q->to) continue;
            if (w.seq - q->low >= q->stop - q->low) continue;
            if (q->first == q->end) q->first = q->end = w.seq;
            if ((int32_t)(w.seq - q->end) >= 0) q->end = w.seq + 1;
            q->state |= FOUND;
        }
        w.stop = (uint16_t)slots(h->row_size);
    } while (!keep_place(q, h, &w));
}

/* One sector on: from the oldest until a row is found, then from the newest until one is. */
static void search_move(struct store *s, struct series_search *q)
{
    const struct series *r = &s->series[q->id];
    unsigned n = ring_of(s, q->id)->sectors;
    bool found = q->state & FOUND;
    q->state &= (uint8_t)~FOUND;
    if (q->state == FORWARD && found) {
        q->state = BACKWARD;
        q->sector = r->head;
    } else if (found || q->sector == (q->state == FORWARD ? r->head : r->tail)) {
        q->state = FINISHED;
    } else if (q->state == FORWARD) {
        q->sector = (uint16_t)after(s, q->id, q->sector);
    } else {
        q->sector = (uint16_t)((q->sector + n - 1) % n);
    }
}

int series_search_step(struct store *s, struct series_search *q)
{
    for (unsigned i = 0; i < HEADS_A_STEP && q->state != FINISHED; i++) {
        struct head h, end = end_of(s, q->id, q->sector);
        bool look = read_head(s, q->id, q->sector, &h) && may_hold(s, q, &h, &end);
        if (look)
            search_rows(s, q, &h, &end);
        else
            q->slot = q->lag = q->damaged = 0;
        if (!q->slot) search_move(s, q);
        if (look) break;
    }
    return q->state == FINISHED ? 0 : E_BUSY;
}
