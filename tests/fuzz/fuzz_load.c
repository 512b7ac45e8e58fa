/* fuzz_load.c - any load file: rows that grow in time, or a reason. */
#include <stdlib.h>
#include <string.h>

#include "tools/load/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct loadrows l;
    struct trouble t;
    memcpy(text, data, size);
    text[size] = 0;
    if (loadrows_parse(&l, text, size, "fuzz", &t) == 0) {
        for (size_t i = 1; i < l.rows; i++)
            if (l.row[i].at_ms <= l.row[i - 1].at_ms) abort();
        if (!loadrows_at(&l, l.end_ms, true) || l.end_ms <= 0) abort();
        loadrows_free(&l);
    }
    free(text);
    return 0;
}
