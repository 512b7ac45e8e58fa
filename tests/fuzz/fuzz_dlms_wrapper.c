/* Any octets on a TCP link, cut into any segments: answers keep the wrapper's form, and a new
 * connection is served. The first octet tells the size of the segments. */
#include <stdint.h>
#include <string.h>

#include "base/sys.h"
#include "dlms/bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct bench b;
    const uint8_t *a;
    size_t at = 0;
    uint32_t ic = 0;
    if (n < 2) return 0;
    size_t part = 1u + p[0];
    bench_init(&b, 512, 512);
    bench_open(&b, 0, DLMS_TCP, LINK_WAN);
    bench_open(&b, 1, DLMS_UDP, LINK_WAN);
    for (size_t i = 1; i < n; i += part) {
        size_t some = n - i < part ? n - i : part;
        bench_feed(&b, 0, p + i, some);
        bench_feed(&b, 1, p + i, some);
    }
    while (bench_next(&b, 0, &at, &a) > 0) {
    }
    ensure(at == b.port[0].out_n);
    bench_open(&b, 2, DLMS_TCP, LINK_WAN);
    bench_associate(&b, 2, SAP_PUBLIC, 0, &ic);
    bench_free(&b);
    return 0;
}
