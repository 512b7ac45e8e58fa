/* file.h - whole files in memory, bounded.
 *
 * Context  host programs.
 */
#ifndef TOOLS_COMMON_FILE_H
#define TOOLS_COMMON_FILE_H
#include <stddef.h>

#include "tools/common/trouble.h"

struct file {
    char *text; /* size octets, and a zero behind them that does not count */
    size_t size;
};

/* Read all of path, "-" being standard input. E_IO when it cannot be read, E_SPACE when it is
 * larger than max octets. On success file_free() gives the memory back. */
int file_read(struct file *f, const char *path, size_t max, struct trouble *t);
void file_free(struct file *f);

/* The next line of *at: ends it with a zero in place of LF or CR LF and returns its start;
 * NULL when no octet is left before end. */
char *file_line(char **at, const char *end);

/* Cut text at each comma (or other separator) into at most max fields, blanks around them
 * taken off; returns how many there are, max + 1 when there are more. */
size_t file_fields(char *text, char separator, size_t max, char *field[]);

#endif
