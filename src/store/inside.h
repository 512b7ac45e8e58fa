/* inside.h - what the files of store/ tell each other and nobody else.
 *
 * store_drive() is the one place where the queue goes on and failures are dealt with; every
 * wait is a loop around it. Work that writes is done by the step functions below, in the order
 * of store_step(): transaction, journal, turn-over, then erases.
 *
 * Power cut  see the public headers.
 * Context    meter loop only.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H
#include "store/store.h"

enum { MARK = 0x594D, HEAD = 16, FORMAT_VERSION = 1 };

/* Owners of programs, and bits of store.work: series 0 .. 16, then these. Heads, marks and
 * kills of a series' sectors are owned by OWN_FORM + its id. */
enum { OWN_JOURNAL = 20, OWN_PARAMS, OWN_KEYS, OWN_FORM = 64 };

enum { /* store-owned record types: docs/formats.md 3 */
       REC_END = 1,
       REC_COUNTERS,
       REC_SERIES,
       REC_RETIRED,
       REC_TXN
};

enum { PART_FIELDS = 1, PART_ROW, PART_CLEAR, PART_PARAM, PART_STAGE, PART_KEY, PART_HEAD = 9 };

struct txn_part {
    uint8_t kind;
    uint16_t n, id;
    uint32_t number;
    uint8_t *body;
};

static inline uint32_t sector_at(uint32_t sector)
{
    return sector * NOR_SECTOR;
}

/* store.c */
void store_drive(struct store *s);
void store_wait_down(struct store *s);
void store_note(struct store *s, enum store_note note, uint32_t detail);
bool store_is_retired(const struct store *s, uint16_t sector);
bool store_is_passed(const struct store *s, uint16_t sector);
void store_retire(struct store *s, uint16_t sector, bool passed);
/* At once: zeros over the head at `at`; the mark; kill, erase and mark one sector. 0 or E_IO.
 */
int store_kill(struct store *s, uint32_t at);
int store_mark(struct store *s, uint32_t at);
int store_wipe(struct store *s, uint32_t at);
/* Is there a mark, and the rest of those n octets erased? */
bool store_is_clean(struct store *s, uint32_t at, uint32_t n);

/* journal.c */
int journal_put_own(struct store *s, uint8_t type, const void *body, size_t n);
/* One page of a transaction: E_BUSY, or E_SPACE where the segment is full. */
int journal_put_page(struct store *s, const uint8_t *body, size_t n);
bool journal_has_pages(const struct store *s, unsigned pages);
bool journal_can_hold(const struct store *s, unsigned pages); /* after a turn, if need be */
bool journal_wants_turn(const struct store *s);
bool journal_is_bad(const struct store *s);
void journal_put_retired(struct store *s);
void journal_put_series(struct store *s, unsigned id); /* rows below the next are queued */
bool journal_is_open(const struct store *s);
void journal_turn(struct store *s); /* begin a checkpoint in the next segment */
void journal_turn_step(struct store *s);
bool journal_work(struct store *s); /* wipe behind and ahead; true while there is more */
void journal_failed(struct store *s);
void journal_urgent_failed(struct store *s);
int journal_find(struct store *s); /* mount: the newest whole segment; 1: none; E_FORMAT */

typedef void journal_taker(struct store *s, uint8_t type, const uint8_t *body, size_t n);
/* The records of the open segment, in order: before, and after, others may be put. */
void journal_replay(struct store *s, journal_taker *take);
void journal_redo(struct store *s, journal_taker *take);
void journal_play(struct store *s, uint8_t type, const uint8_t *body, size_t n);

/* txn.c */
void txn_step(struct store *s);
void txn_finish(struct store *s); /* wait until the one in flight is done */
bool txn_is_in_flight(const struct store *s);
bool txn_is_before_redo(const struct store *s);
void txn_restart(struct store *s); /* the journal moved: its pages have to be put again */
void txn_play(struct store *s, const uint8_t *body, size_t n); /* mount, first pass: fields */
journal_taker txn_redo;                                        /* mount, second pass */

/* series.c */
int64_t series_put(struct store *s, unsigned id, uint32_t seq, const uint8_t *row,
                   bool in_place); /* in place: with its checksum, kept by the caller */
uint32_t series_down(struct store *s, unsigned id); /* rows below it are on flash */
void series_clear(struct store *s, unsigned id, uint32_t first, uint16_t row_size);
void series_mount(struct store *s, unsigned id);
bool series_work(struct store *s, unsigned id); /* erase ahead; true while there is more */
void series_failed(struct store *s, unsigned id);

/* kv.c: owner is OWN_PARAMS or OWN_KEYS */
void kv_mount(struct store *s, uint8_t owner, bool is_new);
void kv_redo(struct store *s, uint8_t owner, const struct txn_part *part);
bool kv_has_generation(struct store *s, uint8_t owner);
bool kv_can_take(struct store *s, uint8_t owner, uint16_t id, size_t n);
enum { KV_STAGE_BODY = 10 };
int kv_stage_end(struct store *s, uint32_t generation, uint8_t body[KV_STAGE_BODY]);
bool kv_take_retry(struct store *s); /* a program of a value failed: redo once more */
bool kv_is_turning(const struct store *s);
bool kv_is_low(const struct store *s); /* one of them wants a turn-over */
void kv_turn_step(struct store *s);    /* begin what is wanted, do one step of it */
bool kv_work(struct store *s, uint8_t owner);
void kv_failed(struct store *s, uint8_t owner);

/* mend.c: `wrong` is the exclusive-or of the CRC that n octets give and the one stored. Which
 * bit of them, from the lowest of the first octet, explains it? -1: none. mend...(): put it
 * right; the wrong bit may also be one of the stored CRC. False: it is not one bit. */
int wrong_bit16(size_t n, uint16_t wrong);
int wrong_bit32(size_t n, uint32_t wrong);
bool mend16(uint8_t *p, size_t n, uint16_t wrong);
bool mend32(uint8_t *p, size_t n, uint32_t wrong);

static inline bool is_one_bit(uint32_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

/* A mark that a cut beside it took one bit from is one. */
static inline bool is_mark(const uint8_t p[2])
{
    uint32_t wrong = (uint32_t)(p[0] | p[1] << 8) ^ MARK;
    return wrong == 0 || is_one_bit(wrong);
}

#endif
