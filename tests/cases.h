/* cases.h - known answers kept as text: [name], lines of "field: value", # comments.
 *
 * A reader walks the cases of one file in order. Values live until the next cases_next().
 * A missing field, bad hexadecimal or an unreadable file aborts with file and case name.
 */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CASES_FIELDS 128
#define CASES_TEXT 16384

struct cases {
    const char *path;
    FILE *file;
    char name[80];
    char pending[80];
    char text[CASES_TEXT];
    struct {
        const char *name, *value;
    } field[CASES_FIELDS];
    int fields;
};

void cases_open(struct cases *c, const char *path);

/* False at the end, with the file closed. */
bool cases_next(struct cases *c);

/* The case of that name in a file, closed again; aborts when there is none. */
void cases_seek(struct cases *c, const char *path, const char *name);

/* NULL where the case has no such field; the second aborts. */
const char *cases_find(const struct cases *c, const char *field);
const char *cases_at(const struct cases *c, const char *field);
bool cases_is(const struct cases *c, const char *field, const char *value);

long long cases_int(const struct cases *c, const char *field);

/* Hexadecimal into at most max octets; how many. */
size_t cases_hex(const struct cases *c, const char *field, uint8_t *out, size_t max);

/* Hexadecimal into exactly n. */
void cases_octets(const struct cases *c, const char *field, uint8_t *out, size_t n);
uint64_t cases_u64(const struct cases *c, const char *field);

#endif
