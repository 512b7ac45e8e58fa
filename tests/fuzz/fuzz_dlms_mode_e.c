/* Any octets at the optical head, with pauses as in fuzz_dlms_hdlc.c: after enough silence the
 * head is at rest and signs on. */
#include <stdint.h>
#include <string.h>

#include "base/sys.h"
#include "dlms/bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct bench b;
    size_t from = 0;
    bench_init(&b, 512, 512);
    bench_open(&b, 0, DLMS_OPTICAL, LINK_OPTICAL);
    for (size_t i = 0; i + 1 < n; i++) {
        if (p[i] != 0xFF || p[i + 1] > 7) continue;
        bench_feed(&b, 0, p + from, i - from);
        bench_wait(&b, UINT64_C(10000) << 2 * p[i + 1]);
        b.port[0].out_n = 0;
        from = i + 2;
        i++;
    }
    bench_feed(&b, 0, p + from, n - from);
    bench_wait(&b, 400000000);
    ensure(b.port[0].baud == 300);
    b.port[0].out_n = 0;
    bench_feed(&b, 0, "/?!\r\n", 5);
    bench_wait(&b, 210000);
    ensure(b.port[0].out_n == 16 && memcmp(b.port[0].out, "/MAG5\\2MAGNO22\r\n", 16) == 0);
    bench_free(&b);
    return 0;
}
