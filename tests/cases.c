#include "cases.h"

#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const struct cases *c, const char *field, const char *what)
{
    fprintf(stderr, "%s [%s] %s: %s\n", c->path, c->name, field, what);
    abort();
}

void cases_open(struct cases *c, const char *path)
{
    memset(c, 0, sizeof *c);
    c->path = path;
    c->file = fopen(path, "r");
    if (c->file == NULL) fail(c, "", "cannot be opened");
}

static void add_field(struct cases *c, char *line, size_t *used)
{
    char *colon = strstr(line, ": "), *end = line + strlen(line);
    if (colon == NULL && end > line && end[-1] == ':') colon = end - 1;
    if (colon == NULL || c->fields == CASES_FIELDS) fail(c, line, "not a field");
    size_t n = (size_t)(end - line) + 2;
    if (*used + n > sizeof c->text) fail(c, line, "case too long");
    char *copy = c->text + *used;
    memcpy(copy, line, n - 1);
    copy[n - 1] = 0;
    *used += n;
    copy[colon - line] = 0;
    c->field[c->fields].name = copy;
    c->field[c->fields++].value = copy + (colon - line) + (colon[1] == ' ' ? 2 : 1);
}

bool cases_next(struct cases *c)
{
    char line[8192];
    size_t used = 0;
    c->fields = 0;
    memcpy(c->name, c->pending, sizeof c->name);
    c->pending[0] = 0;
    while (fgets(line, sizeof line, c->file)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 0 || line[0] == '#') continue;
        if (line[0] != '[') {
            add_field(c, line, &used);
            continue;
        }
        snprintf(c->pending, sizeof c->pending, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
        if (c->name[0]) return true;
        memcpy(c->name, c->pending, sizeof c->name);
    }
    if (c->name[0]) return true;
    fclose(c->file);
    return false;
}

void cases_seek(struct cases *c, const char *path, const char *name)
{
    cases_open(c, path);
    do
        if (!cases_next(c)) fail(c, name, "no such case");
    while (strcmp(c->name, name));
    fclose(c->file);
}

const char *cases_find(const struct cases *c, const char *field)
{
    for (int i = 0; i < c->fields; i++)
        if (strcmp(c->field[i].name, field) == 0) return c->field[i].value;
    return NULL;
}

const char *cases_at(const struct cases *c, const char *field)
{
    const char *value = cases_find(c, field);
    if (value == NULL) fail(c, field, "missing");
    return value;
}

bool cases_is(const struct cases *c, const char *field, const char *value)
{
    const char *have = cases_find(c, field);
    return have && strcmp(have, value) == 0;
}

long long cases_int(const struct cases *c, const char *field)
{
    char *end;
    const char *value = cases_at(c, field);
    long long v = strtoll(value, &end, 10);
    if (end == value || *end) fail(c, field, "not a number");
    return v;
}

size_t cases_hex(const struct cases *c, const char *field, uint8_t *out, size_t max)
{
    const char *value = cases_at(c, field);
    size_t n = strlen(value) / 2;
    if (strlen(value) % 2 || n > max) fail(c, field, "wrong length");
    for (size_t i = 0; i < n; i++) {
        char two[3] = { value[2 * i], value[2 * i + 1], 0 }, *end;
        out[i] = (uint8_t)strtoul(two, &end, 16);
        if (end != two + 2) fail(c, field, "not hexadecimal");
    }
    return n;
}

void cases_octets(const struct cases *c, const char *field, uint8_t *out, size_t n)
{
    if (cases_hex(c, field, out, n) != n) fail(c, field, "wrong length");
}

uint64_t cases_u64(const struct cases *c, const char *field)
{
    char *end;
    const char *value = cases_at(c, field);
    uint64_t v = strtoull(value, &end, 16);
    if (end == value || *end) fail(c, field, "not hexadecimal");
    return v;
}
