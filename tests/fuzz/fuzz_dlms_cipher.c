/* Any octets as a protected APDU: an error, or views that lie inside of it and are written back
 * as they came; opening what was not sealed fails. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "dlms/cipher.h"
#include "dlms/xdlms.h"

static void inside(const uint8_t *p, size_t n, struct cipher_view v)
{
    ensure(v.n == 0 || (v.p >= p && v.n <= n && v.p - p <= (ptrdiff_t)(n - v.n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static uint8_t copy[4096], again[4096];
    struct cipher_key k = { .len = 16 };
    struct cipher_box b, c;
    struct gbt g;
    if (n > 2048) return 0;
    struct axdr_in in = axdr_in(p, n);
    if (gbt_read(&in, &g) == 0) inside(p, n, (struct cipher_view){ g.data, g.n });
    if (cipher_read_box(p, n, &b)) return 0;
    inside(p, n, b.title);
    inside(p, n, b.head);
    inside(p, n, b.key);
    inside(p, n, b.content);
    inside(p, n, b.signature);
    struct axdr_out o = axdr_out(again, sizeof again);
    cipher_emit_box(&o, &b, b.content.n);
    axdr_emit(&o, b.content.p, b.content.n);
    if (b.tag == XDLMS_GENERAL_SIGNING) axdr_emit_length(&o, (uint32_t)b.signature.n);
    if (b.tag == XDLMS_GENERAL_SIGNING) axdr_emit(&o, b.signature.p, b.signature.n);
    ensure(!o.full && cipher_read_box(again, o.len, &c) == 0);
    ensure(c.content.n == b.content.n && c.keyinfo == b.keyinfo && c.key.n == b.key.n);
    memcpy(copy, b.content.p, b.content.n);
    int err =
        cipher_open(copy, b.content.n, &k, (const uint8_t *)"MGC00001", b.head.p, b.head.n);
    ensure(err < 0 || !(copy[0] & SC_AUTH));
    return 0;
}
