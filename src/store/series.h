/* series.h - append-only rows of equal size on rings of sectors.
 *
 * Every row gets the next number of its series, for ever: rows series_first() up to
 * series_next() - 1 exist. When the ring is full the oldest sector is given up as a whole; the
 * sector after the one being filled is always erased ahead. The first four octets of a row are
 * its UTC time in seconds, little-endian. A row ends in a seal, a
 * checksum over it and its number: 2 octets in rows of up to 64 on flash, 4 in longer ones.
 *
 * Power cut  an append happened or it did not: the seal is programmed by itself, last, and
 *            a torn row takes no number. Older rows are never harmed: one bit of a row
 *            that a cut beside it flipped is mended when it is read. A torn row costs the
 *            ring the rest of its page and one more, however often one row is cut at most the
 *            rest of its sector.
 * Cost       append: two programs, one more for each page crossed, a record of 19 octets in
 *            the journal a page of rows, one erase a sector of rows. read: a binary search over sector heads (16 octets each), none for the
 *            row after the one read last.
 * Memory     40 octets a series, in struct store; no buffers.
 * Context    meter loop only.
 */
#ifndef STORE_SERIES_H
#define STORE_SERIES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum { SERIES_ROW_MIN = 8, SERIES_ROW_MAX = 1360 }; /* on flash, with the seal */

struct series {
    uint32_t first, next; /* rows that can be read: [first, next) */
    uint32_t head_first;  /* number of the first row of the sector being filled */
    uint32_t seen_first;  /* of the sector read last */
    uint32_t time;        /* of the newest row */
    uint16_t row_size;    /* octets on flash */
    uint16_t head, slot;  /* sector being filled, and its next free slot */
    uint16_t tail, ahead; /* oldest sector; the one to be filled next */
    uint16_t seen;        /* sector read last */
    uint8_t ahead_state;
    bool is_full;  /* no row may follow in this sector */
    bool ran_back; /* times did since the first row of this sector */
    bool is_dead;
};

/* Append one row of series_row_size() octets; its number (>= 0) is returned. It can be read at
 * once and is on flash when store_is_down(). Rows of more than 640 octets go by txn_put_row()
 * only. E_IO: the ring has no good sector left. */
int64_t series_append(struct store *s, unsigned id, const void *row);

/* Row number seq, series_row_size() octets, into dst. E_NONE: not, or no longer, there. E_CRC:
 * it was written and is damaged. */
int series_read(struct store *s, unsigned id, uint32_t seq, void *dst);

uint32_t series_first(const struct store *s, unsigned id);
uint32_t series_next(const struct store *s, unsigned id);

/* Octets of a row as the caller sees it, without the seal. */
uint16_t series_row_size(const struct store *s, unsigned id);

/* Rows a ring keeps at least when the caller's rows have row_size octets. */
uint32_t series_capacity(const struct store *s, unsigned id, uint16_t row_size);

/* Search by time: the shortest span [first, end) that holds every row with from <= time <= to.
 * Times may run backwards where the clock was set, so rows outside may lie within; the reader
 * passes over them. */
struct series_search {
    uint32_t from, to;
    uint32_t first, end; /* the answer; first == end: none */
    uint32_t low, stop;  /* rows [low, stop) are looked at */
    uint16_t sector;     /* of the ring, to be looked at next */
    uint8_t id, state;
    uint16_t slot;        /* of it; 0: it is not begun */
    uint8_t lag, damaged; /* slots before that one without a number; sealed ones at their end */
};

/* Begin. Then step until it answers 0; E_BUSY means there is more to do. One step reads at most
 * 16 sector heads and 2 KiB of rows. Rows appended meanwhile are not looked at. */
void series_search_begin(struct store *s, unsigned id, struct series_search *q, uint32_t from,
                         uint32_t to);
int series_search_step(struct store *s, struct series_search *q);

#endif
