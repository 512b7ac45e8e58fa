/* kv.h - the log of values in two halves that params.h and keys.h are.
 *
 * Entries are appended to the active half; an index in RAM points to the newest of each id. A
 * half that fills up, or holds too many, is copied to the other (turn.c). Offsets count from the start of a half.
 *
 * Context  for store/ alone.
 */
#ifndef STORE_KV_H
#define STORE_KV_H
#include "store/inside.h"

enum { KV_VALUE = 1, KV_STAGE, KV_LINK };
enum { KV_ENTRY = 16, KV_WHOLE_AT = 1 }; /* its head; the octet that says it was compared */
enum { KV_STEADY, KV_WAITING, KV_COPYING };
enum { KV_WIPE_DUE, KV_WIPE_ERASE, KV_WIPE_DONE };

/* Entries that make a turn-over due, however small: a mount reads them all. */
enum { KV_ENTRIES_MAX = STORE_PARAMS_MAX + 384 };

/* One of the two logs, with what is constant about it. */
struct log {
    struct kv *kv;
    uint16_t *index;
    const struct part *part;
    uint16_t ids;
    uint8_t owner, kind;
};

struct entry {
    uint32_t at, value; /* offsets of its head, and of the first octet of its value */
    uint32_t generation, crc;
    uint16_t id, length;
    uint8_t kind;
    bool is_whole; /* was compared when it was written */
};

struct log kv_log(struct store *s, uint8_t owner);
uint32_t kv_half_size(const struct log *l);
unsigned kv_half_sectors(const struct log *l);
uint16_t kv_sector(const struct log *l, unsigned half, unsigned i);
uint32_t kv_base(const struct log *l, unsigned half);

/* Offset of the first sector that is not retired, or the half's size. */
uint32_t kv_head_at(const struct store *s, const struct log *l, unsigned half);

/* Octets kept free at the end, so that a transaction always finds room. */
uint32_t kv_reserve(const struct log *l);

/* Where an entry of n octets goes at or after offset `at`; it may be behind the end. */
uint32_t kv_place(const struct store *s, const struct log *l, unsigned half, uint32_t at,
                  size_t n);

static inline uint32_t kv_aligned(size_t n)
{
    return (uint32_t)(n + 3) / 4 * 4;
}

/* The newest entry of an id: 0, E_NONE, E_CRC. Which half it lies in; its generation, or 0. */
int kv_find(struct store *s, const struct log *l, uint16_t id, struct entry *e);
unsigned kv_half_of(const struct log *l, uint16_t id);
uint32_t kv_generation(struct store *s, const struct log *l, uint16_t id);

/* The running CRC of an entry before its value; the CRC that the value on flash gives. */
uint32_t kv_entry_crc(const struct entry *e);
uint32_t kv_value_crc(struct store *s, const struct log *l, unsigned half,
                      const struct entry *e);
void kv_form(uint8_t to[KV_ENTRY], const struct entry *e);

/* Read a value as params_read() does. */
int kv_read(struct store *s, const struct log *l, uint16_t id, size_t offset, void *dst,
            size_t n);

/* Queue an entry with its value, for which there must be room; e->at is set. */
void kv_put(struct store *s, const struct log *l, struct entry *e, const uint8_t *value);
bool kv_fits(const struct store *s, const struct log *l, const struct entry *e);

/* Find all entries of the active half again. */
void kv_scan(struct store *s, const struct log *l);

/* Say whether a turn-over is due. Make one at once; `extra` counts as the newest of its id. Its
 * end, which makes the other half the active one. */
void kv_judge(const struct store *s, const struct log *l);
void kv_turn_now(struct store *s, const struct log *l, const struct entry *extra);
void kv_turn_end(struct store *s, const struct log *l);

#endif
