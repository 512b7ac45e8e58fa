#include "store/kv.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"
#include "store/keys.h"

enum { LINK_BODY = 4 };

struct log kv_log(struct store *s, uint8_t owner)
{
    const struct store_map *m = s->map;
    if (owner == OWN_PARAMS)
        return (
            struct log){ &s->params, s->params_index, &m->params, m->params_ids, owner, 0x50 };
    return (struct log){ &s->keys, s->keys_index, &m->keys, m->keys_ids, owner, 0x4B };
}

/* ---- geometry ---- */

unsigned kv_half_sectors(const struct log *l)
{
    return l->part->sectors / 2u;
}

uint32_t kv_half_size(const struct log *l)
{
    return sector_at(kv_half_sectors(l));
}

uint16_t kv_sector(const struct log *l, unsigned half, unsigned i)
{
    return (uint16_t)(l->part->first + half * kv_half_sectors(l) + i);
}

uint32_t kv_base(const struct log *l, unsigned half)
{
    return sector_at(kv_sector(l, half, 0));
}

uint32_t kv_head_at(const struct store *s, const struct log *l, unsigned half)
{
    unsigned i = 0;
    while (i < kv_half_sectors(l) && store_is_retired(s, kv_sector(l, half, i))) i++;
    return sector_at(i);
}

uint32_t kv_reserve(const struct log *l)
{
    uint32_t reserve = kv_half_size(l) / 8;
    return reserve < 1024 ? 1024 : reserve > NOR_SECTOR ? NOR_SECTOR : reserve;
}

/* Is the sector at an offset to be left out? */
static bool is_out(const struct store *s, const struct log *l, unsigned half, uint32_t at)
{
    uint16_t sector = kv_sector(l, half, at / NOR_SECTOR);
    bool failed = l->kv->is_bad && half == l->kv->active && sector == l->kv->bad_sector;
    return failed || store_is_retired(s, sector);
}

uint32_t kv_place(const struct store *s, const struct log *l, unsigned half, uint32_t at,
                  size_t n)
{
    at = kv_aligned(at);
    if (at % NOR_PAGE + KV_ENTRY > NOR_PAGE) at = (at / NOR_PAGE + 1) * NOR_PAGE;
    uint32_t sector = at / NOR_SECTOR * NOR_SECTOR;
    for (; sector < at + n && at + n <= kv_half_size(l); sector += NOR_SECTOR)
        if (is_out(s, l, half, sector)) at = sector + NOR_SECTOR;
    return at;
}

/* ---- entries ---- */

void kv_form(uint8_t to[KV_ENTRY], const struct entry *e)
{
    to[0] = e->kind;
    to[KV_WHOLE_AT] = 0xFF;
    le_put16(to + 2, e->id);
    le_put16(to + 4, e->length);
    le_put32(to + 6, e->generation);
    le_put32(to + 10, e->crc);
    le_put16(to + 14, crc16(to, 14));
}

uint32_t kv_entry_crc(const struct entry *e)
{
    uint8_t b[8];
    le_put16(b, e->id);
    le_put16(b + 2, e->length);
    le_put32(b + 4, e->generation);
    return crc32_more(CRC32_SEED, b, sizeof b);
}

static size_t size_of(const struct entry *e)
{
    return KV_ENTRY + (e->kind == KV_LINK ? (size_t)LINK_BODY : e->length);
}

static void form_link(uint8_t to[LINK_BODY], uint32_t at)
{
    le_put16(to, (uint16_t)(at / 4));
    le_put16(to + 2, crc16(to, 2));
}

/* Where a link points to; the half's size when that is nowhere. */
static uint32_t follow(struct store *s, const struct log *l, unsigned half,
                       const struct entry *e)
{
    uint8_t b[LINK_BODY];
    uint32_t size = kv_half_size(l);
    if (flash_read(&s->flash, kv_base(l, half) + e->at + KV_ENTRY, b, sizeof b) < 0)
        return size;
    uint16_t wrong = crc16(b, 2) ^ le_get16(b + 2);
    if (wrong && !mend16(b, 2, wrong)) return size;
    uint32_t at = le_get16(b) * 4u;
    return at <= size && e->length <= size - at ? at : size;
}

/* 0, E_NONE where nothing was written, E_CRC. One wrong bit is put right; where that makes
 * sense of a torn head, its value does not hold. */
static int read_entry(struct store *s, const struct log *l, unsigned half, uint32_t at,
                      struct entry *e)
{
    uint8_t b[KV_ENTRY], blank = 0xFF;
    if (flash_read(&s->flash, kv_base(l, half) + at, b, sizeof b) < 0) return E_CRC;
    for (unsigned i = 0; i < sizeof b; i++) blank &= b[i];
    if (blank == 0xFF) return E_NONE;
    bool is_whole = b[KV_WHOLE_AT] == 0;
    b[KV_WHOLE_AT] = 0xFF;
    uint16_t wrong = crc16(b, 14) ^ le_get16(b + 14);
    if (wrong && !mend16(b, 14, wrong)) return E_CRC;
    *e = (struct entry){ .at = at,
                         .value = at + KV_ENTRY,
                         .kind = b[0],
                         .is_whole = is_whole,
                         .id = le_get16(b + 2),
                         .length = le_get16(b + 4),
                         .generation = le_get32(b + 6),
                         .crc = le_get32(b + 10) };
    if (b[0] < KV_VALUE || b[0] > KV_LINK || b[KV_WHOLE_AT] != 0xFF) return E_CRC;
    if (e->generation > INT32_MAX) return E_CRC; /* no flash lives to write that many */
    if (e->kind == KV_LINK) e->value = follow(s, l, half, e);
    return 0;
}

uint32_t kv_value_crc(struct store *s, const struct log *l, unsigned half,
                      const struct entry *e)
{
    uint8_t b[64];
    uint32_t crc = kv_entry_crc(e);
    if (e->value + e->length > kv_half_size(l)) return ~e->crc;
    for (unsigned got = 0; got < e->length; got += sizeof b) {
        size_t n = e->length - got < sizeof b ? e->length - got : sizeof b;
        if (flash_read(&s->flash, kv_base(l, half) + e->value + got, b, n) < 0) return ~e->crc;
        crc = crc32_more(crc, b, n);
    }
    return crc32_end(crc);
}

/* In a turn-over the ids before the cursor are in the other half already. */
unsigned kv_half_of(const struct log *l, uint16_t id)
{
    bool moved = l->kv->state == KV_COPYING && id < l->kv->cursor;
    return moved ? 1u - l->kv->active : l->kv->active;
}

int kv_find(struct store *s, const struct log *l, uint16_t id, struct entry *e)
{
    if (l->index[id] == 0) return E_NONE;
    return read_entry(s, l, kv_half_of(l, id), l->index[id] * 4u, e) == 0 ? 0 : E_CRC;
}

uint32_t kv_generation(struct store *s, const struct log *l, uint16_t id)
{
    struct entry e;
    return kv_find(s, l, id, &e) == 0 ? e.generation : 0;
}

/* Point an id to its newest entry, old being the one before or NULL, and keep count of what lives.
 */
static void set_index(const struct log *l, const struct entry *e, const struct entry *old)
{
    if (old) l->kv->live -= kv_aligned(KV_ENTRY + (size_t)old->length);
    l->kv->live += kv_aligned(KV_ENTRY + (size_t)e->length);
    l->index[e->id] = (uint16_t)(e->at / 4);
}

/* ---- reading ---- */

/* A value read as a whole is checked, and one wrong bit put right. */
static int check(struct store *s, const struct entry *e, uint8_t *value)
{
    uint32_t wrong = crc32_end(crc32_more(kv_entry_crc(e), value, e->length)) ^ e->crc;
    if (wrong == 0) return 0;
    if (!e->is_whole || !mend32(value, e->length, wrong)) return E_CRC;
    store_note(s, STORE_MENDED, 0);
    return 0;
}

/* The wrong bit of a value, -1 for none. Of the value read last in parts it is remembered, so a
 * list costs one pass over it, not one a row. */
static int wrong_bit(struct store *s, const struct log *l, const struct entry *e, int32_t *bit)
{
    if (s->read_generation != e->generation || l->owner != OWN_PARAMS) {
        uint32_t wrong = kv_value_crc(s, l, kv_half_of(l, e->id), e) ^ e->crc;
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
static int mend_part(struct store *s, const struct log *l, const struct entry *e, size_t offset,
                     uint8_t *part, size_t n)
{
    int32_t bit;
    if (wrong_bit(s, l, e, &bit) < 0) return E_CRC;
    if (bit >= 0 && (size_t)bit / 8 >= offset && (size_t)bit / 8 < offset + n)
        part[(size_t)bit / 8 - offset] ^= (uint8_t)(1 << bit % 8);
    return (int)n;
}

int kv_read(struct store *s, const struct log *l, uint16_t id, size_t offset, void *dst,
            size_t n)
{
    struct entry e;
    int r = kv_find(s, l, id, &e);
    if (r < 0) return r;
    if (offset >= e.length) return 0;
    if (n > e.length - offset) n = e.length - offset;
    if (e.value + e.length > kv_half_size(l)) return E_CRC;
    uint32_t at = kv_base(l, kv_half_of(l, id)) + e.value + (uint32_t)offset;
    if (flash_read(&s->flash, at, dst, n) < 0) return E_CRC;
    if (n < e.length) return mend_part(s, l, &e, offset, dst, n);
    return check(s, &e, dst) < 0 ? E_CRC : (int)n;
}

/* ---- writing ---- */

static void put_copy(struct store *s, const struct log *l, uint32_t at, const void *src,
                     size_t n)
{
    uint32_t base = kv_base(l, l->kv->active);
    memcpy(flash_put(&s->flash, l->owner, base + at, n, 0), src, n);
}

/* The octets of a key that is replaced go. */
static void forget(struct store *s, const struct log *l, const struct entry *old)
{
    static const uint8_t zeros[KEYS_WRAP_MAX];
    if (l->owner != OWN_KEYS || old->kind != KV_VALUE) return;
    if (old->length == 0 || old->length > sizeof zeros) return; /* not of our making */
    put_copy(s, l, old->value, zeros, old->length);
}

bool kv_fits(const struct store *s, const struct log *l, const struct entry *e)
{
    uint32_t at = kv_place(s, l, l->kv->active, l->kv->at, size_of(e));
    return at + size_of(e) <= kv_half_size(l);
}

/* Head, value, and last the octet that says it is whole. */
void kv_put(struct store *s, const struct log *l, struct entry *e, const uint8_t *value)
{
    static const uint8_t zero = 0;
    uint8_t head[KV_ENTRY], link[LINK_BODY];
    e->at = kv_place(s, l, l->kv->active, l->kv->at, size_of(e));
    kv_form(head, e);
    put_copy(s, l, e->at, head, sizeof head);
    if (e->kind == KV_VALUE && e->length)
        flash_put_in_place(&s->flash, l->owner, kv_base(l, l->kv->active) + e->at + KV_ENTRY,
                           value, e->length, 0);
    if (e->kind == KV_LINK) {
        form_link(link, e->value);
        put_copy(s, l, e->at + KV_ENTRY, link, sizeof link);
    }
    if (e->kind != KV_STAGE) {
        put_copy(s, l, e->at + KV_WHOLE_AT, &zero, 1);
        struct entry old;
        bool is_second = kv_find(s, l, e->id, &old) == 0;
        if (is_second) forget(s, l, &old);
        set_index(l, e, is_second ? &old : NULL);
    }
    l->kv->at = e->at + kv_aligned(size_of(e));
    l->kv->entries++;
    flash_pump(&s->flash);
    kv_judge(s, l);
}

/* What a part of a transaction says of an id. */
static struct entry entry_of(const struct txn_part *part)
{
    bool link = part->kind == PART_STAGE;
    struct entry e = { .kind = link ? KV_LINK : KV_VALUE,
                       .id = part->id,
                       .generation = part->number,
                       .length = link ? le_get16(part->body + 4) : part->n };
    if (link) e.value = le_get32(part->body);
    e.crc = link ? le_get32(part->body + 6)
                 : crc32_end(crc32_more(kv_entry_crc(&e), part->body, part->n));
    return e;
}

/* A staged value lies in the active half: where its link finds no room there, which takes many
 * cuts, the turn-over copies it. */
void kv_redo(struct store *s, uint8_t owner, const struct txn_part *part)
{
    struct log l = kv_log(s, owner);
    if (part->id >= l.ids || (part->kind == PART_STAGE && part->n != KV_STAGE_BODY)) return;
    if (part->number > INT32_MAX) return; /* not of our making */
    if (l.kv->generation <= part->number) l.kv->generation = part->number + 1;
    if (kv_generation(s, &l, part->id) >= part->number) return;
    struct entry e = entry_of(part);
    if (!kv_fits(s, &l, &e)) kv_turn_now(s, &l, e.kind == KV_LINK ? &e : NULL);
    if (kv_generation(s, &l, part->id) >= part->number) return;
    if (e.kind == KV_VALUE && kv_fits(s, &l, &e))
        kv_put(s, &l, &e, part->body);
    else if (e.kind == KV_LINK && kv_fits(s, &l, &e))
        kv_put(s, &l, &e, NULL);
    else
        store_note(s, STORE_FORGOT, owner == OWN_KEYS);
}

/* The rest of that sector is left out; what it swallowed is redone elsewhere; it is retired
 * when all that lives has been copied. */
void kv_failed(struct store *s, uint8_t owner)
{
    struct log l = kv_log(s, owner);
    uint32_t at = flash_failed(&s->flash)->at;
    flash_drop(&s->flash, owner);
    l.kv->is_bad = l.kv->retry = true;
    l.kv->bad_sector = (uint16_t)(at / NOR_SECTOR);
    if (owner == OWN_PARAMS) s->stage.open = false;
    kv_scan(s, &l);
}

bool kv_take_retry(struct store *s)
{
    bool retry = s->params.retry || s->keys.retry;
    s->params.retry = s->keys.retry = false;
    return retry;
}

/* ---- mount ---- */

/* A cut came between a key and the end of the one before it. */
static void forget_now(struct store *s, const struct log *l, const struct entry *old)
{
    static const uint8_t zeros[KEYS_WRAP_MAX];
    uint8_t b[KEYS_WRAP_MAX];
    uint32_t at = kv_base(l, l->kv->active) + old->value;
    if (old->kind != KV_VALUE || old->length > sizeof b) return;
    if (flash_read(&s->flash, at, b, old->length) < 0) return;
    if (memcmp(b, zeros, old->length) != 0) flash_now(&s->flash, at, zeros, old->length);
}

/* An entry whose value does not hold is passed over: it is torn, and its transaction is redone.
 * One that lacks only the word that it is whole gets it. One of a generation above all before it
 * is the newest of its id without a look at the one before. */
static void take_entry(struct store *s, const struct log *l, const struct entry *e)
{
    static const uint8_t zero = 0;
    struct kv *kv = l->kv;
    struct entry old;
    if (e->kind == KV_STAGE || e->id >= l->ids) return;
    if (!e->is_whole) {
        if (kv_value_crc(s, l, kv->active, e) != e->crc) return;
        flash_now(&s->flash, kv_base(l, kv->active) + e->at + KV_WHOLE_AT, &zero, 1);
    }
    bool is_newest = e->generation >= kv->generation;
    if (is_newest) kv->generation = e->generation + 1;
    bool ask = l->index[e->id] && (!is_newest || l->owner == OWN_KEYS);
    bool is_second = ask && kv_find(s, l, e->id, &old) == 0;
    if (is_second && old.generation >= e->generation) return;
    l->index[e->id] = (uint16_t)(e->at / 4);
    if (is_second && l->owner == OWN_KEYS) forget_now(s, l, &old);
}

/* Where to look after offset `at`, which holds no entry: at the next page; behind two blank
 * pages at the next sector, for one that failed was left out. */
static uint32_t skip(struct store *s, const struct log *l, uint32_t at, uint32_t *used)
{
    uint32_t base = kv_base(l, l->kv->active);
    uint32_t page = (at / NOR_PAGE + 1) * NOR_PAGE;
    uint32_t sector = (at / NOR_SECTOR + 1) * NOR_SECTOR;
    if (at % NOR_PAGE || !flash_is_blank(&s->flash, base + at, NOR_PAGE)) return *used = page;
    bool more = page < sector && !flash_is_blank(&s->flash, base + page, NOR_PAGE);
    return more ? page : sector;
}

/* Octets that a turn-over would copy. */
static uint32_t live_octets(struct store *s, const struct log *l)
{
    uint32_t n = 0;
    struct entry e;
    for (uint16_t id = 0; id < l->ids; id++)
        if (kv_find(s, l, id, &e) == 0) n += kv_aligned(KV_ENTRY + (size_t)e.length);
    return n;
}

/* Writing goes on one page behind the last one used: the values there have suffered one cut
 * beside them, and need not suffer another. */
void kv_scan(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    uint32_t at = kv_head_at(s, l, kv->active) + HEAD, used = at;
    memset(l->index, 0, l->ids * sizeof l->index[0]);
    kv->entries = 0;
    while (at < kv_half_size(l)) {
        struct entry e;
        bool fits = at % NOR_PAGE + KV_ENTRY <= NOR_PAGE;
        if (store_is_retired(s, kv_sector(l, kv->active, at / NOR_SECTOR))) {
            at = (at / NOR_SECTOR + 1) * NOR_SECTOR;
        } else if (fits && read_entry(s, l, kv->active, at, &e) == 0 &&
                   size_of(&e) <= kv_half_size(l) - at) {
            take_entry(s, l, &e);
            kv->entries++;
            used = at = at + kv_aligned(size_of(&e));
        } else {
            at = skip(s, l, at, &used);
        }
    }
    kv->at = (used + NOR_PAGE - 1) / NOR_PAGE * NOR_PAGE + NOR_PAGE;
    kv->start = kv_head_at(s, l, kv->active) + HEAD;
    kv->live = live_octets(s, l);
    kv_judge(s, l);
}

/* The number of a half; 0: it has no head. What makes sense of a torn one leaves zeros where
 * there are none. */
static uint32_t number_of(struct store *s, const struct log *l, unsigned half)
{
    uint8_t b[HEAD];
    uint32_t at = kv_head_at(s, l, half);
    if (at == kv_half_size(l)) return 0;
    if (flash_read(&s->flash, kv_base(l, half) + at, b, sizeof b) < 0) return 0;
    uint16_t wrong = crc16(b + 2, 12) ^ le_get16(b + 14);
    if (!is_mark(b) || (wrong && !mend16(b + 2, 12, wrong))) return 0;
    uint8_t blank = b[8] & b[9] & b[10] & b[11] & b[12] & b[13];
    return b[2] == l->kind && b[3] == FORMAT_VERSION && blank == 0xFF ? le_get32(b + 4) : 0;
}

/* No half was ever written: make one, at once. */
static void format(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    kv->active = 1; /* so that the first is the one to be wiped */
    kv->wipe_state = KV_WIPE_DUE;
    memset(l->index, 0, l->ids * sizeof l->index[0]);
    while (kv->wipe_state != KV_WIPE_DONE && kv_work(s, l->owner)) {
    }
    if (kv->wipe_state != KV_WIPE_DONE) return;
    kv->copied = kv_head_at(s, l, 0) + HEAD;
    kv_turn_end(s, l);
}

void kv_mount(struct store *s, uint8_t owner, bool is_new)
{
    struct log l = kv_log(s, owner);
    uint32_t number[2] = { number_of(s, &l, 0), number_of(s, &l, 1) };
    *l.kv = (struct kv){ .generation = 1 };
    if (number[0] == 0 && number[1] == 0) {
        format(s, &l);
        if (!is_new) store_note(s, STORE_FORGOT, owner == OWN_KEYS);
        return;
    }
    l.kv->active = number[1] > number[0];
    l.kv->half_number = number[l.kv->active];
    kv_scan(s, &l);
    uint32_t head = kv_head_at(s, &l, 1u - l.kv->active);
    uint32_t at = kv_base(&l, 1u - l.kv->active) + head;
    bool clean = head < kv_half_size(&l) && store_is_clean(s, at, NOR_SECTOR);
    l.kv->wipe_state = clean ? KV_WIPE_DONE : KV_WIPE_DUE;
    if (!clean) s->work |= 1u << owner;
}
