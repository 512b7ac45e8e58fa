#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "store/kv.h"

/* ---- when ---- */

/* While a long value comes in, which a turn-over would lose, half the reserve is used too, and
 * half as many entries again as a mount should have to read. */
void kv_judge(const struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    uint32_t reserve = kv_reserve(l), most = KV_ENTRIES_MAX;
    bool stays = l->owner == OWN_PARAMS && s->stage.open;
    if (stays) reserve /= 2;
    if (stays) most += most / 2;
    bool can = kv_head_at(s, l, 1u - kv->active) < kv_half_size(l);
    bool full =
        kv->at > kv->start && (kv->at + reserve > kv_half_size(l) || kv->entries >= most);
    kv->is_low = can && (full || kv->is_bad || kv->is_wanted);
}

bool kv_is_low(const struct store *s)
{
    return s->params.is_low || s->keys.is_low;
}

bool kv_is_turning(const struct store *s)
{
    return s->params.state != KV_STEADY || s->keys.state != KV_STEADY;
}

/* Sectors of a half that are in use, in octets, less what a turn-over must leave free. */
static uint32_t room_of(const struct store *s, const struct log *l, unsigned half)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < kv_half_sectors(l); i++)
        if (!store_is_retired(s, kv_sector(l, half, i))) n += NOR_SECTOR;
    return n > kv_reserve(l) + NOR_PAGE ? n - kv_reserve(l) - NOR_PAGE : 0;
}

/* No flash lives to see the last one; a foreign image may say that it did. */
bool kv_has_generation(struct store *s, uint8_t owner)
{
    return kv_log(s, owner).kv->generation <= INT32_MAX;
}

/* What it replaces makes room; what the transaction holds already may need twice its octets.
 * One in sixteen is what heads that may not cross a page can cost. */
bool kv_can_take(struct store *s, uint8_t owner, uint16_t id, size_t n)
{
    struct log l = kv_log(s, owner);
    struct entry old;
    if (!kv_has_generation(s, owner)) return false;
    uint32_t live = l.kv->live + kv_aligned(KV_ENTRY + n) + 2u * s->txn_length;
    if (kv_find(s, &l, id, &old) == 0) live -= kv_aligned(KV_ENTRY + (size_t)old.length);
    live += live / 16;
    return live <= room_of(s, &l, 0) && live <= room_of(s, &l, 1);
}

/* ---- copying ---- */

/* A sector of the other half is bad: begin again with what is left of it. */
static void begin_again(struct store *s, const struct log *l, uint32_t at)
{
    struct kv *kv = l->kv;
    store_retire(s, kv_sector(l, 1u - kv->active, at / NOR_SECTOR), true);
    kv->state = KV_STEADY;
    kv->wipe_state = KV_WIPE_DUE;
    s->work |= 1u << l->owner;
    kv_scan(s, l);
}

static int put_now(struct store *s, const struct log *l, uint32_t at, const void *src, size_t n)
{
    int e = flash_now(&s->flash, kv_base(l, 1u - l->kv->active) + at, src, n);
    if (e < 0) begin_again(s, l, at);
    return e;
}

static uint16_t count_live(const struct log *l)
{
    uint16_t n = 0;
    for (unsigned id = 0; id < l->ids; id++)
        if (l->index[id]) n++;
    return n;
}

void kv_turn_end(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    uint8_t b[HEAD - 2];
    uint32_t at = kv_head_at(s, l, 1u - kv->active);
    memset(b, 0xFF, sizeof b);
    b[0] = l->kind;
    b[1] = FORMAT_VERSION;
    le_put32(b + 2, kv->half_number + 1);
    le_put16(b + 12, crc16(b, 12));
    if (put_now(s, l, at + 2, b, 12) < 0 || put_now(s, l, at + 14, b + 12, 2) < 0) return;
    kv->half_number++;
    kv->active = (uint8_t)(1 - kv->active);
    kv->at = kv->start = kv->copied;
    kv->entries = count_live(l);
    kv->state = KV_STEADY;
    kv->wipe_state = KV_WIPE_DUE;
    s->work |= 1u << l->owner;
    if (kv->is_bad) store_retire(s, kv->bad_sector, true);
    kv->is_bad = kv->is_wanted = false;
    s->read_generation = 0; /* its copy was mended */
    if (l->owner == OWN_PARAMS) s->stage.open = false;
    kv_judge(s, l);
}

/* The bit of a value that is wrong, to be put right in its copy: one that stayed wrong might be
 * joined by another. */
static int32_t wrong_bit_of(struct store *s, const struct log *l, const struct entry *e)
{
    uint32_t wrong = kv_value_crc(s, l, l->kv->active, e) ^ e->crc;
    return wrong == 0 || !e->is_whole ? -1 : wrong_bit32(e->length, wrong);
}

/* Up to a page of the value, from where copying stands, mended. */
static size_t copy_piece(struct store *s, const struct log *l, const struct entry *e,
                         uint8_t b[NOR_PAGE])
{
    const struct kv *kv = l->kv;
    size_t left = (size_t)(e->length - kv->offset), n = left < NOR_PAGE ? left : NOR_PAGE;
    uint32_t from = kv_base(l, kv->active) + e->value + kv->offset;
    if (n && flash_read(&s->flash, from, b, n) < 0) memset(b, 0, n);
    int32_t bit = kv->wrong_bit - kv->offset * 8;
    if (kv->wrong_bit >= 0 && bit >= 0 && bit < (int32_t)n * 8)
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    return n;
}

/* Copy the head of the entry under the cursor and up to a page of its value; where that was the
 * last, the id belongs to the other half. */
static void copy_step(struct store *s, const struct log *l, struct entry *e)
{
    static const uint8_t zero = 0;
    struct kv *kv = l->kv;
    uint8_t head[KV_ENTRY], b[NOR_PAGE];
    size_t size = KV_ENTRY + (size_t)e->length;
    uint32_t to = kv_place(s, l, 1u - kv->active, kv->copied, size);
    if (to + size > kv_half_size(l)) { /* only in an image that is not ours */
        l->index[kv->cursor++] = 0;
        return;
    }
    if (kv->offset == 0) kv->wrong_bit = wrong_bit_of(s, l, e);
    size_t n = copy_piece(s, l, e, b);
    e->kind = KV_VALUE;
    kv_form(head, e);
    if (kv->offset == 0 && put_now(s, l, to, head, KV_ENTRY) < 0) return;
    if (n && put_now(s, l, to + KV_ENTRY + kv->offset, b, n) < 0) return;
    kv->offset = (uint16_t)(kv->offset + n);
    if (kv->offset < e->length) return;
    if (e->is_whole && put_now(s, l, to + KV_WHOLE_AT, &zero, 1) < 0) return;
    l->index[e->id] = (uint16_t)(to / 4);
    kv->copied = to + kv_aligned(size);
    kv->offset = 0;
    kv->cursor++;
}

static bool choose(struct store *s, const struct log *l, const struct entry *extra,
                   struct entry *e)
{
    if (extra && extra->id == l->kv->cursor) {
        *e = *extra;
        e->is_whole = true; /* it was compared before its transaction was committed */
        return true;
    }
    return kv_find(s, l, l->kv->cursor, e) == 0;
}

static void copy_more(struct store *s, const struct log *l, const struct entry *extra)
{
    struct kv *kv = l->kv;
    struct entry e;
    while (kv->cursor < l->ids && !choose(s, l, extra, &e)) l->index[kv->cursor++] = 0;
    if (kv->cursor < l->ids)
        copy_step(s, l, &e);
    else
        kv_turn_end(s, l);
}

static void turn_begin(struct store *s, const struct log *l)
{
    struct kv *kv = l->kv;
    kv->state = KV_WAITING;
    if (kv->wipe_state != KV_WIPE_DONE) return;
    kv->state = KV_COPYING;
    kv->cursor = kv->offset = 0;
    kv->copied = kv_head_at(s, l, 1u - kv->active) + HEAD;
}

static bool turn_step(struct store *s, const struct log *l, const struct entry *extra)
{
    if (l->kv->state == KV_COPYING)
        copy_more(s, l, extra);
    else if (l->kv->state == KV_WAITING || l->kv->is_low)
        turn_begin(s, l);
    else
        return false;
    return true;
}

void kv_turn_step(struct store *s)
{
    struct log params = kv_log(s, OWN_PARAMS), keys = kv_log(s, OWN_KEYS);
    if (!turn_step(s, &params, NULL)) turn_step(s, &keys, NULL);
}

void kv_turn_now(struct store *s, const struct log *l, const struct entry *extra)
{
    l->kv->is_wanted = true;
    kv_judge(s, l);
    while (turn_step(s, l, extra)) store_drive(s);
}

/* ---- the half left behind ---- */

static int wipe_begin(struct store *s, const struct log *l, uint32_t head)
{
    if (!flash_is_down(&s->flash)) return E_BUSY;
    store_kill(s, kv_base(l, 1u - l->kv->active) + head);
    l->kv->wipe_sector = 0;
    l->kv->wipe_state = KV_WIPE_ERASE;
    return 0;
}

static void wipe_sector(struct store *s, const struct log *l)
{
    uint16_t sector = kv_sector(l, 1u - l->kv->active, l->kv->wipe_sector);
    int e = store_is_retired(s, sector) ? 0 : flash_erase(&s->flash, sector_at(sector));
    if (e == E_BUSY) return;
    if (e < 0) store_retire(s, sector, true);
    l->kv->wipe_sector++;
}

bool kv_work(struct store *s, uint8_t owner)
{
    struct log l = kv_log(s, owner);
    struct kv *kv = l.kv;
    unsigned half = 1u - kv->active;
    uint32_t head = kv_head_at(s, &l, half);
    if (kv->wipe_state == KV_WIPE_DONE || head == kv_half_size(&l)) return false;
    if (kv->wipe_state == KV_WIPE_DUE && wipe_begin(s, &l, head) < 0) return true;
    if (kv->wipe_sector < kv_half_sectors(&l)) {
        wipe_sector(s, &l);
        return true;
    }
    kv->wipe_state = KV_WIPE_DONE;
    if (store_mark(s, kv_base(&l, half) + head) == 0) return false;
    store_retire(s, kv_sector(&l, half, head / NOR_SECTOR), true);
    kv->wipe_state = KV_WIPE_DUE;
    return true;
}
