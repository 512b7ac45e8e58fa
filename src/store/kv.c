#include "store/inside.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"
#include "store/keys.h"
#include "store/params.h"

enum { VALUE = 1, STAGE, LINK };
enum { ENTRY = 16, WHOLE_AT = 1, LINK_BODY = 4 };
enum { STEADY, WAITING, COPYING };
enum { WIPE_DUE, WIPE_ERASE, WIPE_DONE };

/* One of the two logs, with what is constant about it. */
struct log {
    struct kv *kv;
    uint16_t *index;
    const struct part *part;
    uint16_t ids;
    uint8_t owner, kind;
};

static struct log log_of(struct store *s, uint8_t owner)
{
    if (owner == OWN_PARAMS)
        return (struct log){ &s->params,         s->params_index, &s->map->params,
                             s->map->params_ids, owner,           0x50 };
    return (
        struct log){ &s->keys, s->keys_index, &s->map->keys, s->map->keys_ids, owner, 0x4B };
}

/* ---- geometry: offsets count from the start of a half ---- */

static unsigned half_sectors(const struct log *l)
{
    return l->part->sectors / 2u;
}

static uint32_t half_size(const struct log *l)
{
    return sector_at(half_sectors(l));
}

static uint16_t sector_of(const struct log *l, unsigned half, unsigned i)
{
    return (uint16_t)(l->part->first + half * half_sectors(l) + i);
}

static uint32_t base_of(const struct log *l, unsigned half)
{
    return sector_at(sector_of(l, half, 0));
}

/* Offset of the first sector that is not retired, or half_size(). */
static uint32_t head_at(const struct store *s, const struct log *l, unsigned half)
{
    unsigned i = 0;
    while (i < half_sectors(l) && store_is_retired(s, sector_of(l, half, i))) i++;
    return sector_at(i);
}

/* Octets kept free at the end, so that a transaction always finds room. */
static uint32_t reserve_of(const struct log *l)
{
    uint32_t reserve = half_size(l) / 8;
    return reserve < 1024 ? 1024 : reserve > NOR_SECTOR ? NOR_SECTOR : reserve;
}

/* Is the sector at offset at one to be left out? */
static bool is_out(const struct store *s, const struct log *l, unsigned half, uint32_t at)
{
    uint16_t sector = sector_of(l, half, at / NOR_SECTOR);
    bool failed = l->kv->is_bad && half == l->kv->active && sector == l->kv->bad_sector;
    return failed || store_is_retired(s, sector);
}

/* Where an entry of n octets goes at or after offset `at`; it may be behind the end. */
static uint32_t place(const struct store *s, const struct log *l, unsigned half, uint32_t at,
                      size_t n)
{
    at = (at + 3) / 4 * 4;
    if (at % NOR_PAGE + ENTRY > NOR_PAGE) at = (at / NOR_PAGE + 1) * NOR_PAGE;
    uint32_t clear = at / NOR_SECTOR * NOR_SECTOR;
    while (clear < at + n && at + n <= half_size(l)) {
        if (is_out(s, l, half, clear)) at = clear + NOR_SECTOR;
        clear += NOR_SECTOR;
    }
    return at;
}

/* ---- entries ---- */

struct entry {
    uint32_t at, generation, crc; /* at: offset of its head */
    uint16_t id, length;
    uint8_t kind;
    bool is_whole; /* was compared when it was written */
};

/* 0, E_NONE where nothing was written, E_CRC. One wrong bit is put right; where that makes
 * sense of a torn head, its value does not hold. */
static int read_entry(struct store *s, const struct log *l, unsigned half, uint32_t at,
                      struct entry *e)
{
    uint8_t b[ENTRY], blank = 0xFF;
    if (flash_read(&s->flash, base_of(l, half) + at, b, sizeof b) < 0) return E_CRC;
    for (unsigned i = 0; i < ENTRY; i++) blank &= b[i];
    if (blank == 0xFF) return E_NONE;
    bool is_whole = b[WHOLE_AT] == 0;
    b[WHOLE_AT] = 0xFF;
    uint16_t wrong = crc16(b, 14) ^ le_get16(b + 14);
    if (wrong && !mend16(b, 14, wrong)) return E_CRC;
    *e = (struct entry){ .at = at,
                         .kind = b[0],
                         .is_whole = is_whole,
                         .id = le_get16(b + 2),
                         .length = le_get16(b + 4),
                         .generation = le_get32(b + 6),
                         .crc = le_get32(b + 10) };
    return e->kind >= VALUE && e->kind <= LINK && b[WHOLE_AT] == 0xFF ? 0 : E_CRC;
}

static void form_entry(uint8_t to[ENTRY], const struct entry *e)
{
    to[0] = e->kind;
    to[WHOLE_AT] = 0xFF;
    le_put16(to + 2, e->id);
    le_put16(to + 4, e->length);
    le_put32(to + 6, e->generation);
    le_put32(to + 10, e->crc);
    le_put16(to + 14, crc16(to, 14));
}

/* The running CRC of an entry before its value. */
static uint32_t entry_crc(const struct entry *e)
{
    uint8_t b[ENTRY];
    form_entry(b, e);
    return crc32_more(CRC32_SEED, b + 2, 8);
}

static size_t entry_size(const struct entry *e)
{
    return ENTRY + (e->kind == LINK ? (size_t)LINK_BODY : e->length);
}

static void form_link(uint8_t to[LINK_BODY], uint32_t at)
{
    le_put16(to, (uint16_t)(at / 4));
    le_put16(to + 2, crc16(to, 2));
}

/* Where the octets of its value are; half_size() when that is nowhere. */
static uint32_t value_at(struct store *s, const struct log *l, unsigned half,
                         const struct entry *e)
{
    uint8_t b[LINK_BODY];
    uint32_t at = e->at + ENTRY;
    if (e->kind != LINK) return at;
    if (flash_read(&s->flash, base_of(l, half) + at, b, sizeof b) < 0) return half_size(l);
    uint16_t wrong = crc16(b, 2) ^ le_get16(b + 2);
    if (wrong && !mend16(b, 2, wrong)) return half_size(l);
    at = le_get16(b) * 4u;
    return at <= half_size(l) - e->length ? at : half_size(l);
}

/* The CRC that the value on flash gives. */
static uint32_t value_crc(struct store *s, const struct log *l, unsigned half,
                          const struct entry *e)
{
    uint8_t b[64];
    uint32_t crc = entry_crc(e), at = value_at(s, l, half, e);
    if (at + e->length > half_size(l)) return ~e->crc;
    for (unsigned got = 0; got < e->length; got += sizeof b) {
        size_t n = e->length - got < sizeof b ? e->length - got : sizeof b;
        if (flash_read(&s->flash, base_of(l, half) + at + got, b, n) < 0) return ~e->crc;
        crc = crc32_more(crc, b, n);
    }
    return crc32_end(crc);
}

/* In a turn-over the ids before the cursor are in the other half already. */
static unsigned half_of(const struct log *l, uint16_t id)
{
    bool moved = l->kv->state == COPYING && id < l->kv->cursor;
    return moved ? 1u - l->kv->active : l->kv->active;
}

static int find(struct store *s, const struct log *l, uint16_t id, struct entry *e)
{
    if (l->index[id] == 0) return E_NONE;
    return read_entry(s, l, half_of(l, id), l->index[id] * 4u, e) == 0 ? 0 : E_CRC;
}

static uint32_t generation_of(struct store *s, const struct log *l, uint16_t id)
{
    struct entry e;
    return find(s, l, id, &e) == 0 ? e.generation : 0;
}

static uint32_t aligned(size_t n)
{
    return (uint32_t)(n + 3) / 4 * 4;
}

/* Point an id to its newest entry and keep count of what lives. */
static void set_index(struct store *s, const struct log *l, const struct entry *e)
{
    struct entry old;
    if (find(s, l, e->id, &old) == 0) l->kv->live -= aligned(ENTRY + (size_t)old.length);
    l->kv->live += aligned(ENTRY + (size_t)e->length);
    l->index[e->id] = (uint16_t)(e->at / 4);
}

/* ---- writing ---- */

static void put_copy(struct store *s, const struct log *l, uint32_t at, const void *src,
                     size_t n)
{
    uint32_t base = base_of(l, l->kv->active);
    memcpy(flash_put(&s->flash, l->owner, base + at, n, 0), src, n);
}

/* The octets of a key that is replaced go. */
static void forget(struct store *s, const struct log *l, uint16_t id)
{
    static const uint8_t zeros[KEYS_WRAP_MAX];
    struct entry old;
    if (l->owner != OWN_KEYS || find(s, l, id, &old) < 0 || old.length > sizeof zeros) return;
    put_copy(s, l, old.at + ENTRY, zeros, old.length);
}

/* Is a turn-over due? While a long value comes in, which would be lost by it, half the reserve
 * is used too. */
static void judge(const struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    uint32_t reserve = reserve_of(l);
    if (l->owner == OWN_PARAMS && s->stage.open) reserve /= 2;
    bool can = head_at(s, l, 1u - kv->active) < half_size(l);
    bool full = kv->at > kv->start && kv->at + reserve > half_size(l);
    kv->is_low = can && (full || kv->is_bad || kv->is_wanted);
}

/* Queue an entry with its value; it fits. Where it is whole, that is said last. */
static void put_entry(struct store *s, const struct log *l, struct entry *e,
                      const uint8_t *value)
{
    static const uint8_t zero = 0;
    uint8_t head[ENTRY];
    e->at = place(s, l, l->kv->active, l->kv->at, entry_size(e));
    form_entry(head, e);
    put_copy(s, l, e->at, head, sizeof head);
    if (e->kind == VALUE && e->length)
        flash_put_in_place(&s->flash, l->owner, base_of(l, l->kv->active) + e->at + ENTRY,
                           value, e->length, 0);
    if (e->kind == LINK) {
        form_link(head, le_get32(value));
        put_copy(s, l, e->at + ENTRY, head, LINK_BODY);
    }
    if (e->kind != STAGE) {
        put_copy(s, l, e->at + WHOLE_AT, &zero, 1);
        forget(s, l, e->id);
        set_index(s, l, e);
    }
    l->kv->at = e->at + aligned(entry_size(e));
    flash_pump(&s->flash);
    judge(s, l);
}

static bool fits(const struct store *s, const struct log *l, size_t n)
{
    return place(s, l, l->kv->active, l->kv->at, n) + n <= half_size(l);
}

/* Sectors of a half that are in use, in octets, less what a turn-over must leave free. */
static uint32_t room_of(const struct store *s, const struct log *l, unsigned half)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < half_sectors(l); i++)
        if (!store_is_retired(s, sector_of(l, half, i))) n += NOR_SECTOR;
    return n > reserve_of(l) + NOR_PAGE ? n - reserve_of(l) - NOR_PAGE : 0;
}

/* Sixteenths: what heads that may not cross a page can cost. */
static bool can_take(const struct store *s, const struct log *l, size_t n)
{
    uint32_t live = l->kv->live + aligned(ENTRY + n);
    return live + live / 16 <= room_of(s, l, 0) && live + live / 16 <= room_of(s, l, 1);
}

bool kv_can_take(struct store *s, uint8_t owner, size_t n)
{
    struct log l = log_of(s, owner);
    return can_take(s, &l, n);
}

/* ---- reading ---- */

/* A value read as a whole is checked, and one wrong bit put right. */
static int check(struct store *s, const struct entry *e, uint8_t *value)
{
    uint32_t wrong = crc32_end(crc32_more(entry_crc(e), value, e->length)) ^ e->crc;
    if (wrong == 0) return 0;
    if (!e->is_whole || !mend32(value, e->length, wrong)) return E_CRC;
    store_note(s, STORE_MENDED, 0);
    return 0;
}

/* The wrong bit of a value, -1 for none. Of the value read last in parts it is remembered, so a
 * list costs one pass over it, not one a row. */
static int wrong_bit(struct store *s, const struct log *l, unsigned half, const struct entry *e,
                     int32_t *bit)
{
    if (s->read_generation != e->generation || l->owner != OWN_PARAMS) {
        uint32_t wrong = value_crc(s, l, half, e) ^ e->crc;
        s->read_bit = wrong && !is_one_bit(wrong) ? wrong_bit32(e->length, wrong) : -1;
        bool good = !wrong || (e->is_whole && (is_one_bit(wrong) || s->read_bit >= 0));
        s->read_generation = good && l->owner == OWN_PARAMS ? e->generation : 0;
        if (!good) return E_CRC;
        if (wrong) store_note(s, STORE_MENDED, 0);
    }
    *bit = s->read_bit;
    return 0;
}

/* A part of a value: the wrong bit is put right where it lies inside. */
static int mend_part(struct store *s, const struct log *l, unsigned half, const struct entry *e,
                     size_t offset, uint8_t *part, size_t n)
{
    int32_t bit;
    if (wrong_bit(s, l, half, e, &bit) < 0) return E_CRC;
    if (bit >= 0 && (size_t)bit / 8 >= offset && (size_t)bit / 8 < offset + n)
        part[(size_t)bit / 8 - offset] ^= (uint8_t)(1 << bit % 8);
    return (int)n;
}

static int read_value(struct store *s, const struct log *l, uint16_t id, size_t offset,
                      void *dst, size_t n)
{
    struct entry e;
    int r = find(s, l, id, &e);
    if (r < 0) return r;
    if (offset >= e.length) return 0;
    if (n > e.length - offset) n = e.length - offset;
    unsigned half = half_of(l, id);
    uint32_t at = value_at(s, l, half, &e);
    if (at + e.length > half_size(l)) return E_CRC;
    if (flash_read(&s->flash, base_of(l, half) + at + (uint32_t)offset, dst, n) < 0)
        return E_CRC;
    if (n < e.length) return mend_part(s, l, half, &e, offset, dst, n);
    return check(s, &e, dst) < 0 ? E_CRC : (int)n;
}

int params_read(struct store *s, uint16_t id, size_t offset, void *dst, size_t n)
{
    struct log l = log_of(s, OWN_PARAMS);
    ensure(id < l.ids);
    return read_value(s, &l, id, offset, dst, n);
}

int params_length(struct store *s, uint16_t id)
{
    struct log l = log_of(s, OWN_PARAMS);
    struct entry e;
    ensure(id < l.ids);
    int r = find(s, &l, id, &e);
    return r < 0 ? r : e.length;
}

uint32_t params_generation(struct store *s, uint16_t id)
{
    struct log l = log_of(s, OWN_PARAMS);
    ensure(id < l.ids);
    return generation_of(s, &l, id);
}

int params_check(struct store *s, uint16_t id)
{
    struct log l = log_of(s, OWN_PARAMS);
    struct entry e;
    ensure(id < l.ids);
    int r = find(s, &l, id, &e);
    if (r < 0) return r;
    return value_crc(s, &l, half_of(&l, id), &e) == e.crc ? 0 : E_CRC;
}

int keys_read(struct store *s, uint16_t id, uint8_t wrapped[KEYS_WRAP_MAX])
{
    struct log l = log_of(s, OWN_KEYS);
    ensure(id < l.ids);
    int n = read_value(s, &l, id, 0, wrapped, KEYS_WRAP_MAX);
    return n == 0 ? E_NONE : n;
}

uint32_t keys_generation(struct store *s, uint16_t id)
{
    struct log l = log_of(s, OWN_KEYS);
    ensure(id < l.ids);
    return generation_of(s, &l, id);
}

/* ---- stage ---- */

int params_stage_begin(struct store *s, uint16_t id, size_t max)
{
    struct log l = log_of(s, OWN_PARAMS);
    ensure(id < l.ids && max > 0);
    txn_finish(s);
    if (s->stage.open) return E_BUSY;
    if (max > PARAMS_VALUE_MAX || !can_take(s, &l, max)) return E_SPACE;
    uint32_t at = place(s, &l, l.kv->active, l.kv->at, ENTRY + max);
    if (at + ENTRY + max + reserve_of(&l) > half_size(&l)) {
        l.kv->is_wanted = true;
        judge(s, &l);
        return E_BUSY;
    }
    while (!flash_has_room(&s->flash, ENTRY)) store_drive(s);
    struct entry e = { .kind = STAGE, .id = id, .length = (uint16_t)max, .crc = UINT32_MAX };
    e.generation = l.kv->generation++;
    put_entry(s, &l, &e, NULL);
    s->stage = (struct stage){ .at = e.at, .id = id, .max = (uint16_t)max, .open = true };
    return 0;
}

int params_stage_put(struct store *s, const void *data, size_t n)
{
    struct log l = log_of(s, OWN_PARAMS);
    ensure(n > 0 && n <= PARAMS_PIECE_MAX);
    txn_finish(s);
    while (!flash_has_room(&s->flash, n)) store_drive(s);
    if (!s->stage.open) return E_STATE;
    if (n > (size_t)(s->stage.max - s->stage.length)) return E_SPACE;
    put_copy(s, &l, s->stage.at + ENTRY + s->stage.length, data, n);
    flash_pump(&s->flash);
    s->stage.length = (uint16_t)(s->stage.length + n);
    return 0;
}

int params_stage_read(struct store *s, size_t offset, void *dst, size_t n)
{
    struct log l = log_of(s, OWN_PARAMS);
    if (!s->stage.open) return E_STATE;
    if (offset >= s->stage.length) return 0;
    if (n > s->stage.length - offset) n = s->stage.length - offset;
    uint32_t at = base_of(&l, l.kv->active) + s->stage.at + ENTRY + (uint32_t)offset;
    return flash_read(&s->flash, at, dst, n) < 0 ? E_IO : (int)n;
}

static void stage_close(struct store *s)
{
    struct log l = log_of(s, OWN_PARAMS);
    s->stage.open = false;
    judge(s, &l);
}

void params_stage_abort(struct store *s)
{
    stage_close(s);
}

/* Its pieces must be down, and good, before a transaction may name them. */
int kv_stage_end(struct store *s, uint32_t generation, uint8_t body[12])
{
    struct log l = log_of(s, OWN_PARAMS);
    if (!s->stage.open) return E_STATE;
    store_wait_down(s);
    if (!s->stage.open) return E_CRC;
    struct entry e = { .at = s->stage.at,
                       .kind = STAGE,
                       .id = s->stage.id,
                       .length = s->stage.length,
                       .generation = generation };
    le_put32(body, s->stage.at + ENTRY);
    le_put32(body + 4, s->stage.length);
    le_put32(body + 8, value_crc(s, &l, l.kv->active, &e));
    stage_close(s);
    return 0;
}

/* ---- failure ---- */

static void scan(struct store *s, const struct log *l);

/* The rest of that sector is left out; what it swallowed is redone elsewhere; it is retired
 * when all that lives has been copied. */
void kv_failed(struct store *s, uint8_t owner)
{
    struct log l = log_of(s, owner);
    uint32_t at = flash_failed(&s->flash)->at;
    flash_drop(&s->flash, owner);
    l.kv->is_bad = l.kv->retry = true;
    l.kv->bad_sector = (uint16_t)(at / NOR_SECTOR);
    if (owner == OWN_PARAMS) s->stage.open = false;
    scan(s, &l);
}

bool kv_take_retry(struct store *s)
{
    bool retry = s->params.retry || s->keys.retry;
    s->params.retry = s->keys.retry = false;
    return retry;
}

/* ---- turn-over ---- */

bool kv_is_low(const struct store *s)
{
    return s->params.is_low || s->keys.is_low;
}

bool kv_is_turning(const struct store *s)
{
    return s->params.state != STEADY || s->keys.state != STEADY;
}

/* A sector of the other half is bad: begin again with what is left of it. */
static void turn_again(struct store *s, const struct log *l, uint32_t at)
{
    struct kv *kv = l->kv;
    store_retire(s, sector_of(l, 1u - kv->active, at / NOR_SECTOR), true);
    kv->state = STEADY;
    kv->wipe_state = WIPE_DUE;
    s->work |= 1u << l->owner;
    scan(s, l);
}

static int put_now(struct store *s, const struct log *l, uint32_t at, const void *src, size_t n)
{
    int e = flash_now(&s->flash, base_of(l, 1u - l->kv->active) + at, src, n);
    if (e < 0) turn_again(s, l, at);
    return e;
}

/* The head makes the other half the active one. */
static void turn_end(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    uint8_t b[HEAD - 2];
    uint32_t at = head_at(s, l, 1u - kv->active);
    memset(b, 0xFF, sizeof b);
    b[0] = l->kind;
    b[1] = FORMAT_VERSION;
    le_put32(b + 2, kv->half_number + 1);
    le_put16(b + 12, crc16(b, 12));
    if (put_now(s, l, at + 2, b, 12) < 0 || put_now(s, l, at + 14, b + 12, 2) < 0) return;
    kv->half_number++;
    kv->active = (uint8_t)(1 - kv->active);
    kv->at = kv->start = kv->copied;
    kv->state = STEADY;
    kv->wipe_state = WIPE_DUE;
    s->work |= 1u << l->owner;
    if (kv->is_bad) store_retire(s, kv->bad_sector, true);
    kv->is_bad = kv->is_wanted = false;
    if (l->owner == OWN_PARAMS) s->stage.open = false;
    judge(s, l);
}

/* Copy the head, or up to a page of the value, of the id under the cursor. */
static void copy_step(struct store *s, const struct log *l, struct entry *e)
{
    static const uint8_t zero = 0;
    struct kv *kv = l->kv;
    uint8_t b[NOR_PAGE];
    uint32_t from = base_of(l, kv->active) + value_at(s, l, kv->active, e) + kv->offset;
    uint32_t to = place(s, l, 1u - kv->active, kv->copied, ENTRY + (size_t)e->length);
    size_t left = (size_t)(e->length - kv->offset), n = left < NOR_PAGE ? left : NOR_PAGE;
    if (to + ENTRY + e->length > half_size(l)) { /* only of an image that is not ours */
        l->index[kv->cursor++] = 0;
        return;
    }
    e->kind = VALUE;
    form_entry(b, e);
    if (kv->offset == 0 && put_now(s, l, to, b, ENTRY) < 0) return;
    if (n && flash_read(&s->flash, from, b, n) < 0) memset(b, 0, n);
    if (n && put_now(s, l, to + ENTRY + kv->offset, b, n) < 0) return;
    kv->offset = (uint16_t)(kv->offset + n);
    if (kv->offset < e->length) return;
    if (e->is_whole && put_now(s, l, to + WHOLE_AT, &zero, 1) < 0) return;
    l->index[e->id] = (uint16_t)(to / 4);
    kv->copied = to + aligned(ENTRY + (size_t)e->length);
    kv->offset = 0;
    kv->cursor++;
}

static void copy_more(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    struct entry e;
    while (kv->cursor < l->ids && find(s, l, kv->cursor, &e) < 0) l->index[kv->cursor++] = 0;
    if (kv->cursor < l->ids)
        copy_step(s, l, &e);
    else
        turn_end(s, l);
}

static void turn_begin(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    if (kv->wipe_state != WIPE_DONE) {
        kv->state = WAITING;
        return;
    }
    kv->state = COPYING;
    kv->cursor = kv->offset = 0;
    kv->copied = head_at(s, l, 1u - kv->active) + HEAD;
}

static bool turn_step(struct store *s, const struct log *l)
{
    if (l->kv->state == COPYING)
        copy_more(s, l);
    else if (l->kv->state == WAITING || l->kv->is_low)
        turn_begin(s, l);
    else
        return false;
    return true;
}

void kv_turn_step(struct store *s)
{
    struct log params = log_of(s, OWN_PARAMS), keys = log_of(s, OWN_KEYS);
    if (!turn_step(s, &params)) turn_step(s, &keys);
}

/* Only where a cut left less room than a transaction may need. */
static void turn_now(struct store *s, const struct log *l)
{
    l->kv->is_wanted = true;
    judge(s, l);
    while (turn_step(s, l)) store_drive(s);
}

void kv_redo(struct store *s, uint8_t owner, const struct txn_part *part)
{
    struct log l = log_of(s, owner);
    bool link = part->kind == PART_STAGE;
    if (part->id >= l.ids || (link && part->n != 12)) return;
    if (l.kv->generation <= part->number) l.kv->generation = part->number + 1;
    if (generation_of(s, &l, part->id) >= part->number) return;
    struct entry e = { .kind = link ? LINK : VALUE,
                       .id = part->id,
                       .generation = part->number,
                       .length = link ? (uint16_t)le_get32(part->body + 4) : part->n };
    e.crc = link ? le_get32(part->body + 8)
                 : crc32_end(crc32_more(entry_crc(&e), part->body, part->n));
    if (!fits(s, &l, entry_size(&e))) turn_now(s, &l);
    if (fits(s, &l, entry_size(&e)))
        put_entry(s, &l, &e, part->body);
    else
        store_note(s, STORE_FORGOT, owner == OWN_KEYS);
}

/* ---- the half left behind ---- */

bool kv_work(struct store *s, uint8_t owner)
{
    struct log l = log_of(s, owner);
    struct kv *kv = l.kv;
    unsigned half = 1u - kv->active;
    uint32_t head = head_at(s, &l, half);
    if (kv->wipe_state == WIPE_DONE || head == half_size(&l)) return false;
    if (kv->wipe_state == WIPE_DUE) {
        if (!flash_is_down(&s->flash)) return true;
        store_kill(s, base_of(&l, half) + head);
        kv->wipe_sector = 0;
        kv->wipe_state = WIPE_ERASE;
    }
    if (kv->wipe_sector < half_sectors(&l)) {
        uint16_t sector = sector_of(&l, half, kv->wipe_sector);
        int e = store_is_retired(s, sector) ? 0 : flash_erase(&s->flash, sector_at(sector));
        if (e == E_BUSY) return true;
        if (e < 0) store_retire(s, sector, true);
        kv->wipe_sector++;
        return true;
    }
    kv->wipe_state = WIPE_DONE;
    if (store_mark(s, base_of(&l, half) + head) == 0) return false;
    store_retire(s, sector_of(&l, half, head / NOR_SECTOR), true);
    kv->wipe_state = WIPE_DUE;
    return true;
}

/* ---- mount ---- */

/* Its number; 0: no head. */
static uint32_t number_of(struct store *s, const struct log *l, unsigned half)
{
    uint8_t b[HEAD];
    uint32_t at = head_at(s, l, half);
    if (at == half_size(l)) return 0;
    if (flash_read(&s->flash, base_of(l, half) + at, b, sizeof b) < 0) return 0;
    uint16_t wrong = crc16(b + 2, 12) ^ le_get16(b + 14);
    if (!is_mark(b) || (wrong && !mend16(b + 2, 12, wrong))) return 0;
    return b[2] == l->kind && b[3] == FORMAT_VERSION ? le_get32(b + 4) : 0;
}

/* A cut came between a key and the end of the one before it. */
static void forget_now(struct store *s, const struct log *l, const struct entry *old)
{
    static const uint8_t zeros[KEYS_WRAP_MAX];
    uint8_t b[KEYS_WRAP_MAX];
    uint32_t at = base_of(l, l->kv->active) + old->at + ENTRY;
    if (old->length > sizeof b || flash_read(&s->flash, at, b, old->length) < 0) return;
    if (memcmp(b, zeros, old->length) != 0) flash_now(&s->flash, at, zeros, old->length);
}

/* An entry whose value does not hold is passed over: it is torn, and its transaction is redone.
 */
static void take_entry(struct store *s, const struct log *l, const struct entry *e)
{
    struct kv *kv = l->kv;
    if (e->generation >= kv->generation) kv->generation = e->generation + 1;
    if (e->kind == STAGE || e->id >= l->ids) return;
    if (!e->is_whole && value_crc(s, l, kv->active, e) != e->crc) return;
    struct entry old;
    bool is_second = find(s, l, e->id, &old) == 0;
    if (is_second && old.generation >= e->generation) return;
    set_index(s, l, e);
    if (is_second && l->owner == OWN_KEYS) forget_now(s, l, &old);
}

/* Go from entry to entry of the active half; where there is none, to the next page, and from a
 * blank page to the next sector, for one that failed was left out. Writing goes on in the page
 * after the last one used. */
static void scan(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    uint32_t at = head_at(s, l, kv->active) + HEAD, used = at;
    memset(l->index, 0, l->ids * sizeof l->index[0]);
    kv->live = 0;
    while (at < half_size(l)) {
        struct entry e;
        uint32_t page = (at / NOR_PAGE + 1) * NOR_PAGE;
        uint32_t sector = (at / NOR_SECTOR + 1) * NOR_SECTOR;
        uint32_t base = base_of(l, kv->active);
        int r = at + ENTRY > page ? E_CRC : read_entry(s, l, kv->active, at, &e);
        if (store_is_retired(s, sector_of(l, kv->active, at / NOR_SECTOR))) {
            at = sector;
        } else if (r == 0 && entry_size(&e) <= half_size(l) - at) {
            take_entry(s, l, &e);
            used = at = at + aligned(entry_size(&e));
        } else if (at % NOR_PAGE == 0 && flash_is_blank(&s->flash, base + at, NOR_PAGE)) {
            at = sector;
        } else {
            used = at = page;
        }
    }
    kv->at = (used + NOR_PAGE - 1) / NOR_PAGE * NOR_PAGE;
    kv->start = head_at(s, l, kv->active) + HEAD;
    judge(s, l);
}

/* No half was ever written: make one, at once. */
static void format(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    kv->active = 1; /* the half "left behind" is the first */
    kv->half_number = 0;
    kv->wipe_state = WIPE_DUE;
    while (kv->wipe_state != WIPE_DONE && kv_work(s, l->owner)) {
    }
    if (kv->wipe_state != WIPE_DONE) return;
    kv->copied = head_at(s, l, 0) + HEAD;
    kv->cursor = l->ids;
    turn_end(s, l);
}

void kv_mount(struct store *s, uint8_t owner, bool is_new)
{
    struct log l = log_of(s, owner);
    uint32_t number[2] = { number_of(s, &l, 0), number_of(s, &l, 1) };
    *l.kv = (struct kv){ .generation = 1 };
    if (number[0] == 0 && number[1] == 0) {
        memset(l.index, 0, l.ids * sizeof l.index[0]);
        format(s, &l);
        if (!is_new) store_note(s, STORE_FORGOT, owner == OWN_KEYS);
        return;
    }
    l.kv->active = number[1] > number[0];
    l.kv->half_number = number[l.kv->active];
    scan(s, &l);
    uint32_t head = head_at(s, &l, 1u - l.kv->active);
    bool clean = head < half_size(&l) &&
                 store_is_clean(s, base_of(&l, 1u - l.kv->active) + head, NOR_SECTOR);
    l.kv->wipe_state = clean ? WIPE_DONE : WIPE_DUE;
    if (!clean) s->work |= 1u << owner;
}
