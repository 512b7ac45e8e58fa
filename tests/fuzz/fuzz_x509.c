/* Any octets as a certificate and as a request: an error, or views that lie inside of them. */
#include <stdint.h>

#include "base/err.h"
#include "base/sys.h"
#include "crypto/x509.h"

static void inside(const uint8_t *p, size_t n, struct x509_view v)
{
    ensure(v.n == 0 || (v.p >= p && v.n <= n && v.p - p <= (ptrdiff_t)(n - v.n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static int (*const read[])(struct x509 *, const uint8_t *, size_t) = { x509_read,
                                                                           x509_read_request };
    for (int i = 0; i < 2; i++) {
        struct x509 x;
        if (read[i](&x, p, n)) continue;
        inside(p, n, x.tbs);
        inside(p, n, x.serial);
        inside(p, n, x.issuer);
        inside(p, n, x.subject);
        inside(p, n, x.cn);
        uint8_t hash[EC_HASH];
        x509_hash(&x, hash);
        (void)x509_issued(&x, &x);
    }
    return 0;
}
