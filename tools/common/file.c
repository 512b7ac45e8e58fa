#include "tools/common/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static int grow(struct file *f, size_t *room, size_t max)
{
    size_t more = *room ? *room * 2 : 65536;
    if (more > max + 1) more = max + 1;
    char *text = realloc(f->text, more + 1);
    if (!text) return E_SPACE;
    f->text = text;
    *room = more;
    return 0;
}

static int fill(struct file *f, FILE *in, size_t max)
{
    size_t room = 0, got;
    do {
        if (f->size == room && grow(f, &room, max) < 0) return E_SPACE;
        got = fread(f->text + f->size, 1, room - f->size, in);
        f->size += got;
        if (f->size > max) return E_SPACE;
    } while (got);
    f->text[f->size] = 0;
    return ferror(in) ? E_IO : 0;
}

int file_read(struct file *f, const char *path, size_t max, struct trouble *t)
{
    bool is_stdin = strcmp(path, "-") == 0;
    *f = (struct file){ 0 };
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    if (!in) return trouble(t, E_IO, "cannot open %s: %s", path, strerror(errno));
    int e = fill(f, in, max);
    if (e == E_IO) trouble(t, e, "cannot read %s: %s", path, strerror(errno));
    if (e == E_SPACE) trouble(t, e, "%s is larger than %zu octets", path, max);
    if (!is_stdin) fclose(in);
    if (e < 0) file_free(f);
    return e;
}

void file_free(struct file *f)
{
    free(f->text);
    *f = (struct file){ 0 };
}

char *file_line(char **at, const char *end)
{
    char *line = *at;
    if (line >= end) return NULL;
    char *stop = memchr(line, '\n', (size_t)(end - line));
    *at = stop ? stop + 1 : line + (end - line);
    if (!stop) return line; /* the zero behind the text ends it */
    *stop = 0;
    if (stop > line && stop[-1] == '\r') stop[-1] = 0;
    return line;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t') text++;
    for (char *end = text + strlen(text); end > text && strchr(" \t\r", end[-1]);) *--end = 0;
    return text;
}

size_t file_fields(char *text, char separator, size_t max, char *field[])
{
    size_t n = 0;
    for (;;) {
        char *stop = strchr(text, separator);
        if (n == max) return max + 1;
        if (stop) *stop = 0;
        field[n++] = trim(text);
        if (!stop) return n;
        text = stop + 1;
    }
}
