/* txn.h - what must happen together: one transaction, one record of the journal.
 *
 *     txn_begin(s);
 *     txn_put(s, REC_WALLET, body, n);                    new values, as in a journal record
 *     txn_put_row(s, SERIES_TOKENS, row);                 rows of series
 *     txn_put_param(s, id, value, n);                     a short value, or the staged long one
 *     txn_commit(s);                                      queued; return to the step loop
 *
 * Commit, apply, redo. store_step() links rows (struct store_app, chain) and programs the pages,
 * one of them a step, then hands every txn_put() to the
 * application's replay(), then appends rows, values and keys where they live. RAM is changed by
 * replay() and nowhere else, so that life and recovery are the same code. Until store_is_busy()
 * is false nothing else may be handled and nobody be answered.
 *
 * Power cut  before the last page is good nothing happened; after it everything did: mount does
 *            again what was not done, known by the row's or the value's number.
 * Cost       stream / 244 pages rounded up, then one program a row or value.
 * Memory     1952 octets in struct store_scratch, shared as struct flash_fifo is.
 * Context    meter loop. Between begin and commit only txn_put...() and reads.
 */
#ifndef STORE_TXN_H
#define STORE_TXN_H
#include <stddef.h>
#include <stdint.h>

struct store;

enum { TXN_BYTES = 1952, TXN_PART_HEAD = 12 }; /* a part costs its body and at most 12 octets */

/* Start an empty one; one that is still in flight is waited for. */
void txn_begin(struct store *s);

/* New values for replay(ctx, type, body, n); type as in journal_put(), n up to TXN_BYTES.
 * E_SPACE: the transaction is too long; nothing was added. So for all below. */
int txn_put(struct store *s, uint8_t type, const void *body, size_t n);

/* A row of series id: series_row_size() octets, UTC seconds first, as for series_append(). Its
 * number, series_next() plus the rows of that series already in the transaction, is returned.
 */
int64_t txn_put_row(struct store *s, unsigned id, const void *row);

/* Rows below first are forgotten. row_size, if not 0, is how many octets the caller's rows have
 * from now on; when that changes, all rows so far are forgotten. E_RANGE for a size that a
 * sector does not hold, or a first that is not there. */
int txn_put_clear(struct store *s, unsigned id, uint32_t first, uint16_t row_size);

/* Param id takes this value of 0..n octets. */
int txn_put_param(struct store *s, uint16_t id, const void *value, size_t n);

/* Param id takes what params_stage_...() collected. E_STATE when nothing is staged, E_CRC when
 * what is staged cannot be read back. */
int txn_put_stage(struct store *s);

/* Key slot id takes this wrapped key, 1..40 octets; the old one is overwritten with zeros. */
int txn_put_key(struct store *s, uint16_t id, const void *wrapped, size_t n);

/* Forget what was put since begin. */
void txn_cancel(struct store *s);

/* Queue it. 0; E_STATE without begin; E_IO when the journal is lost: nothing happened. */
int txn_commit(struct store *s);

#endif
