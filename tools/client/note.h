/* note.h - an explanation as a tree: what stands where, what it is called, what it means.
 *
 *     get-request  13 octets
 *       kind                1  normal
 *       attribute           1-0:1.8.0.255 class 3 (Register) attribute 2 (value)
 *
 * As JSON each note is {"name":,"at":,"length":,"text":,"value":,"items":[]}, leaving out what
 * it has not; "at" counts octets from the start of the APDU or frame it stands in.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_NOTE_H
#define TOOLS_CLIENT_NOTE_H
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct note {
    char *name, *text;
    json_t *value;
    size_t at, n;
    struct note **item;
    size_t items;
};

/* A note of its own, and one below another. text is made from format (NULL: none). */
struct note *note_new(const char *name);
struct note *note_add(struct note *above, const char *name, size_t at, size_t n,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Replace the text. */
void note_say(struct note *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

void note_free(struct note *x);

/* Indented lines; JSON of all of it. */
void note_print(const struct note *x, FILE *f, int depth);
json_t *note_json(const struct note *x);

/* First note of that name, depth first; NULL. */
const struct note *note_find(const struct note *x, const char *name);

#endif
