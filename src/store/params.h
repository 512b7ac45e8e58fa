/* params.h - what the meter is told: values by id, of any length, each with a generation.
 *
 * A value is a string of octets; its type, range and default are the meter's table. Values are
 * entries of a log in one of two halves; an index of two octets an id points to the newest. A
 * half that fills up is copied to the other without what is out of date, while store_is_busy().
 * Every change is a part of a transaction: txn_put_param() for a short value, txn_put_stage()
 * for a long one collected before. The row that audits a change (who, digests of old and new)
 * is the caller's and goes into the same transaction; params_read() gives it the old value.
 *
 * Power cut  a value changes with its transaction or not at all; pieces that were staged
 *            and not committed belong to nobody and go at the next turn-over.
 * Cost       read: one index, one or two flash reads. Write: its transaction and one
 *            program a page. Turn-over: the live values, once in 64 KiB of writes or 384
 *            values, or more.
 * Memory     index, in struct store.
 * Context    meter loop only.
 */
#ifndef STORE_PARAMS_H
#define STORE_PARAMS_H
#include <stddef.h>
#include <stdint.h>

struct store;

enum { PARAMS_VALUE_MAX = 16384, PARAMS_PIECE_MAX = 512 };

/* Up to n octets of the value of id from offset; how many there were. The value is checked, and
 * one wrong bit of it mended; of a value read in parts once, at the first part. E_NONE: never
 * written, the default holds. E_CRC: damaged. */
int params_read(struct store *s, uint16_t id, size_t offset, void *dst, size_t n);

/* The same of a value that is checked when it is used: as it stands there. */
int params_peek(struct store *s, uint16_t id, size_t offset, void *dst, size_t n);

/* Length of the value of id, or E_NONE. */
int params_length(struct store *s, uint16_t id);

/* Grows with every change of id; 0: never written. A long read compares it between blocks. */
uint32_t params_generation(struct store *s, uint16_t id);

/* Does the value of id agree with its checksum? 0, E_NONE, E_CRC. For values that are only read
 * in parts. */
int params_check(struct store *s, uint16_t id);

/* Collect a long value for id, of at most max octets. One stage a meter: E_BUSY while another
 * is open. E_SPACE: the half cannot hold it, even after a turn-over, which this may start:
 * E_BUSY then too, ask again when store_is_busy() is false. */
int params_stage_begin(struct store *s, uint16_t id, size_t max);

/* The next n octets (1 .. PARAMS_PIECE_MAX). E_SPACE beyond max, E_STATE without a stage. */
int params_stage_put(struct store *s, const void *data, size_t n);

/* What was collected so far: read it back to check it before it is committed. */
int params_stage_read(struct store *s, size_t offset, void *dst, size_t n);

/* Forget it. Nothing staged: nothing happens. */
void params_stage_abort(struct store *s);

#endif
