#include "tools/common/hex.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hex_parse(const char *text, size_t size, uint8_t out[])
{
    size_t n = 0;
    while (*text) {
        if (strchr(" \t\r\n:-_,", *text)) {
            text++;
        } else if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
            text += 2;
        } else {
            int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
            if (low < 0) return E_FORMAT;
            if (n == size || n == INT_MAX) return E_SPACE;
            out[n++] = (uint8_t)(high << 4 | low);
            text += 2;
        }
    }
    return (int)n;
}

void hex_format(char text[], const uint8_t *octets, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < n; i++) {
        *text++ = digits[octets[i] >> 4];
        *text++ = digits[octets[i] & 15];
    }
    *text = 0;
}

char *hex_text(const uint8_t *octets, size_t n)
{
    char *text = malloc(2 * n + 1);
    if (text) hex_format(text, octets, n);
    return text;
}
