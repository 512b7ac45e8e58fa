/* fuzz_comtrade.c - any .cfg and .dat: read whole or refused. The two are joined by a zero. */
#include <stdlib.h>
#include <string.h>

#include "tools/common/comtrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = memchr(data, 0, size);
    if (!zero) return 0;
    size_t n = (size_t)(zero - data);
    char *cfg = malloc(n + 1);
    struct comtrade c;
    struct trouble t;
    memcpy(cfg, data, n + 1);
    if (comtrade_parse(&c, cfg, n, (const char *)zero + 1, size - n - 1, "cfg", "dat", &t) ==
        0) {
        if (c.samples == 0 || c.channels == 0 || comtrade_find(&c, "#1") != 0) abort();
        comtrade_free(&c);
    }
    free(cfg);
    return 0;
}
