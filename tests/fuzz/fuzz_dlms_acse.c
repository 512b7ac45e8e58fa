/* Any octets as AARQ, AARE, RLRQ, RLRE, InitiateRequest and -Response: an error, or what is
 * read can be written and read again alike. */
#include <stdint.h>
#include <string.h>

#include "base/sys.h"
#include "dlms/acse.h"
#include "dlms/xdlms.h"

static void same_view(struct acse_view a, struct acse_view b)
{
    ensure((a.p == NULL) == (b.p == NULL) && a.n == b.n);
    ensure(a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void aarq(const uint8_t *p, size_t n)
{
    struct acse_aarq a, b;
    uint8_t out[4096];
    if (n > 2000 || acse_read_aarq(p, n, &a)) return;
    int m = acse_write_aarq(out, sizeof out, &a);
    ensure(m > 0 && acse_read_aarq(out, (size_t)m, &b) == 0);
    same_view(a.title, b.title);
    same_view(a.auth, b.auth);
    same_view(a.user, b.user);
    ensure(a.has_context == b.has_context && a.has_mechanism == b.has_mechanism);
}

static void aare(const uint8_t *p, size_t n)
{
    struct acse_aare a, b;
    uint8_t out[4096];
    if (n > 2000 || acse_read_aare(p, n, &a)) return;
    int m = acse_write_aare(out, sizeof out, &a);
    ensure(m > 0 && acse_read_aare(out, (size_t)m, &b) == 0);
    ensure(a.result == b.result && a.diagnostic == b.diagnostic && a.provider == b.provider);
    same_view(a.user, b.user);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct acse_release r;
    struct initiate_req q;
    struct initiate_res s;
    aarq(p, n);
    aare(p, n);
    (void)acse_read_release(p, n, ACSE_RLRQ, &r);
    (void)acse_read_release(p, n, ACSE_RLRE, &r);
    struct axdr_in in = axdr_in(p, n);
    if (initiate_read_req(&in, &q) == 0) ensure(q.key_len <= sizeof q.key);
    in = axdr_in(p, n);
    (void)initiate_read_res(&in, &s);
    return 0;
}
