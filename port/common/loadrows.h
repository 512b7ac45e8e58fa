/* loadrows.h - a recorded load: rows of power and voltage, each valid until the next.
 *
 * A recording is an array of rows of 20 octets, little-endian: second, P in mW, Q in mvar, U in
 * mV, f in mHz, seconds counted from the first row and rising. `magno` makes it from CSV;
 * the Cortex-M image gets the same octets, and both meter the same samples.
 *
 * Cost     load_rows_at: one binary search.
 * Memory   none; the octets are borrowed.
 * Context  any.
 */
#ifndef PORT_COMMON_LOADROWS_H
#define PORT_COMMON_LOADROWS_H
#include <stddef.h>
#include <stdint.h>

#include "port/common/loadgen.h"

#define LOAD_ROW_BYTES 20

struct load_row {
    uint32_t at_s;
    int32_t p_mw, q_mvar;
    uint32_t u_mv, f_mhz;
};

void load_row_put(uint8_t dst[LOAD_ROW_BYTES], const struct load_row *row);
struct load_row load_row_get(const uint8_t src[LOAD_ROW_BYTES]);

/* 0 when these are n rows, n > 0, whose seconds rise from 0; E_FORMAT when they do not, E_RANGE
 * when loadgen_set() would refuse one. */
int load_rows_check(const uint8_t *rows, size_t n);

/* The load at second t: of the last row at or before it, there is one for every t. *next_s is
 * the second of the row that follows, UINT32_MAX after the last. n > 0, rows checked. */
struct load load_rows_at(const uint8_t *rows, size_t n, uint32_t t, uint32_t *next_s);

#endif
