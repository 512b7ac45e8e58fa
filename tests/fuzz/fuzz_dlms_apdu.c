/* APDUs, each behind two octets of length, to a client that is associated without ciphering:
 * every service, in any order, block transfers left anywhere. Then a correct request. */
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "dlms/bench.h"

static const uint8_t get_name[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct bench b;
    const uint8_t *a;
    uint32_t ic = 0;
    if (n < 2) return 0;
    bench_init(&b, 512, 512);
    b.security.policy = 0;
    bench_open(&b, 0, DLMS_TCP, LINK_WAN);
    bench_associate(&b, 0, SAP_READER, (uint16_t)(p[0] & 1 ? 0 : 40 + p[1]), &ic);
    b.busy_settle = p[0] >> 1 & 3;
    for (size_t at = 2; at + 2 < n;) {
        size_t len = be_get16(p + at) % 512;
        at += 2;
        if (len == 0) continue;
        if (len > n - at) len = n - at;
        if (len == 0) break;
        bench_send(&b, 0, SAP_READER, p + at, len);
        for (size_t from = 0, m = 1; m; ensure(m <= 512)) m = bench_next(&b, 0, &from, &a);
        if (b.port[0].closed) break;
        at += len;
    }
    ensure(!b.port[0].closed);
    if (dlms_find_session(&b.server, ROLE_READER) == NULL)
        bench_associate(&b, 0, SAP_READER, 0, &ic);
    size_t m = bench_ask(&b, 0, SAP_READER, get_name, sizeof get_name, &a);
    ensure(m == 14 && a[0] == 0xC4 && a[3] == 0);
    bench_free(&b);
    return 0;
}
