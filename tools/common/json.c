#include "tools/common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/hex.h"
#include "tools/common/say.h"
#include "tools/exit.h"

static json_t *must(json_t *j)
{
    if (!j) exit(say_fail(EXIT_REFUSED, "out of memory"));
    return j;
}

void json_line(json_t *object)
{
    json_dumpf(must(object), stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

json_t *json_error_new(const char *text)
{
    return must(json_pack("{s:o}", "error", json_text(text, strlen(text))));
}

json_t *json_hex(const uint8_t *octets, size_t n)
{
    char *text = hex_text(octets, n);
    json_t *j = text ? json_string(text) : NULL;
    free(text);
    return must(j);
}

json_t *json_text(const char *text, size_t n)
{
    json_t *j = json_stringn(text, n);
    if (j) return j;
    char *copy = malloc(n + 1);
    if (!copy) return must(NULL);
    for (size_t i = 0; i < n; i++) copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    j = json_stringn(copy, n);
    free(copy);
    return must(j);
}

json_t *json_decimal(int64_t value, unsigned digits)
{
    double scale = 1;
    while (digits && value % 10 == 0) value /= 10, digits--;
    if (digits == 0) return must(json_integer(value));
    while (digits--) scale *= 10;
    return must(json_real((double)value / scale));
}
