#include "tools/client/note.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/buf.h"

enum { NAME_WIDTH = 30 };

static char *format_text(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) must_grow(NULL, SIZE_MAX / 2);
    return text;
}

struct note *note_new(const char *name)
{
    struct note *x = must_alloc(sizeof *x);
    x->name = strdup(name);
    return x;
}

struct note *note_add(struct note *above, const char *name, size_t at, size_t n,
                      const char *format, ...)
{
    struct note *x = note_new(name);
    x->at = at;
    x->n = n;
    if (format) {
        va_list args;
        va_start(args, format);
        x->text = format_text(format, args);
        va_end(args);
    }
    above->item = must_grow(above->item, (above->items + 1) * sizeof(struct note *));
    above->item[above->items++] = x;
    return x;
}

void note_say(struct note *x, const char *format, ...)
{
    va_list args;
    free(x->text);
    va_start(args, format);
    x->text = format_text(format, args);
    va_end(args);
}

void note_free(struct note *x)
{
    if (!x) return;
    for (size_t i = 0; i < x->items; i++) note_free(x->item[i]);
    free(x->item);
    free(x->name);
    free(x->text);
    json_decref(x->value);
    free(x);
}

void note_print(const struct note *x, FILE *f, int depth)
{
    int width = NAME_WIDTH - 2 * depth;
    if (width < 1) width = 1;
    if (x->text)
        fprintf(f, "%*s%-*s  %s\n", 2 * depth, "", width, x->name, x->text);
    else
        fprintf(f, "%*s%s\n", 2 * depth, "", x->name);
    for (size_t i = 0; i < x->items; i++) note_print(x->item[i], f, depth + 1);
}

json_t *note_json(const struct note *x)
{
    json_t *j = json_pack("{s:s,s:I,s:I}", "name", x->name, "at", (json_int_t)x->at, "length",
                          (json_int_t)x->n);
    if (x->text) json_object_set_new(j, "text", json_string(x->text));
    if (x->value) json_object_set(j, "value", x->value);
    if (!x->items) return j;
    json_t *items = json_array();
    for (size_t i = 0; i < x->items; i++) json_array_append_new(items, note_json(x->item[i]));
    json_object_set_new(j, "items", items);
    return j;
}

const struct note *note_find(const struct note *x, const char *name)
{
    if (strcmp(x->name, name) == 0) return x;
    for (size_t i = 0; i < x->items; i++) {
        const struct note *found = note_find(x->item[i], name);
        if (found) return found;
    }
    return NULL;
}
