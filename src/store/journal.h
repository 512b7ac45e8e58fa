/* journal.h - the meter's hot state: a checkpoint, then records of new values.
 *
 * The journal is a ring of segments. A segment opens with a checkpoint, which is nothing but
 * records that tell the whole hot state; after it come records as things happen. All hold new
 * values, not differences: playing one twice does no harm. When little is left of a segment the
 * next one takes a checkpoint, and then the old one is erased; so a whole one always exists.
 * Mount finds the newest whole checkpoint and plays its segment to the application.
 *
 * The rule for the caller: change RAM first, then put. A record may be replaced by a
 * checkpoint taken at that moment. (Transactions, txn.h, are the other way round.)
 *
 * Power cut  a record is there or it is not (CRC-32 over it, its number and its segment's
 *            generation); the ones before it are never harmed, and one bit of them that a cut
 *            beside them flipped is mended. After a cut the next record starts a fresh page.
 * Cost       one program a record; one checkpoint and the erase of a segment every 40 pages.
 * Memory     part of struct store.
 * Context    meter loop; journal_gasp() too, it only overtakes the queue.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum {
    JOURNAL_BODY_MAX = 248, /* octets of one record: a page less its 8-octet head */
    JOURNAL_APP = 0x40,     /* record types of the application: 0x40 .. 0xEF */
    JOURNAL_APP_END = 0xF0,
};

/* Append a record of 0..248 octets; type in the application's range. RAM already holds what the
 * record says. Queued behind all that was queued before; store_is_busy() tells when it is down.
 * 0, or E_IO: the journal is lost, every segment failed (STORE_LOST was noted). */
int journal_put(struct store *s, uint8_t type, const void *body, size_t n);

/* The same for the failing supply: into an erased page that is always ready, before all that
 * is queued, one program. Only for records that commute with every other (energy). */
int journal_gasp(struct store *s, uint8_t type, const void *body, size_t n);

/* Numbers that never come back. counters_take() gives the next of counter id (0 ..
 * STORE_COUNTERS - 1), starting at 1; a power cut skips up to 2048 and never repeats one. Once
 * in 1024 numbers, ahead of need, it queues a record; the first time after power-up it waits
 * for that record, one page. E_RANGE when 2^32 - 1 is used up, E_IO as above. */
int counters_take(struct store *s, unsigned id, uint32_t *number);

/* The next number that counters_take() would give. */
uint32_t counters_peek(const struct store *s, unsigned id);

/* Set the next number: a new key starts its counter again. It is on flash when
 * store_is_busy() is false. */
int counters_set(struct store *s, unsigned id, uint32_t next);

struct journal {
    uint32_t generation;      /* of the open segment */
    uint32_t last_generation; /* the greatest ever seen */
    uint32_t at, start;       /* next free octet within the segment; the first after END */
    uint32_t next_at;         /* the same of the segment whose checkpoint is under way */
    uint16_t segment, next;   /* the open one; the one that follows it */
    uint16_t number, next_number;
    uint16_t piece;              /* next piece of the checkpoint */
    uint16_t old, wiping, clean; /* segments: to be wiped, being wiped, clean or looked at */
    uint16_t bad_sector;         /* of the open segment: a program failed there */
    uint8_t state, wipe_sector;
    uint8_t clean_sectors; /* of that segment, found clean so far */
    bool is_wiping, is_bad, lost;
};

#endif
