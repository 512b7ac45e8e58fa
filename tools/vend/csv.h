/* csv.h - comma-separated text (RFC 4180), the way spreadsheets write and read it.
 *
 * Cells that a spreadsheet would take for a formula get an apostrophe in front when they are
 * written. Reading takes quoted cells with commas, quotes and line ends in them, CR LF and LF.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_CSV_H
#define TOOLS_VEND_CSV_H
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#define CSV_COLUMNS 32

/* One row, quoted where needed, CR LF behind it. */
void csv_write(FILE *f, const char *const *cells, int n);

struct csv {
    char *at, *end; /* in text of the caller's, which is written into */
    int line;
};

void csv_begin(struct csv *c, char *text, size_t n);

/* The next row: how many cells, 0 at the end, -1 for what is no CSV or more than CSV_COLUMNS.
 * Cells live in the caller's text. Empty lines are passed over. */
int csv_read(struct csv *c, char *cells[CSV_COLUMNS]);

#endif
