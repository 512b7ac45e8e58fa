/* Any octets as attributes 3 to 12 of a push setup, as its object list and as a destination:
 * what is taken is inside its bounds, and its views inside the input. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "model/classes.h"

static bool inside(const struct axdr_in *in, const uint8_t *p, size_t n)
{
    return in->n == 0 || (in->p >= p && in->n <= n && (size_t)(in->p - p) <= n - in->n);
}

static void try_setup(const uint8_t *p, size_t n)
{
    struct push_setup s;
    struct push_peer to;
    int err = push_read_setup(&s, p, n);
    ensure(err == 0 || err == E_TYPE || err == E_RANGE);
    if (err) return;
    bool ip = s.transport != PUSH_HDLC;
    ensure(s.operation <= PUSH_CONFIRMED && s.host_n <= PUSH_HOST && s.tid_n <= sizeof s.tid);
    ensure(!ip || !s.host_n || push_read_peer(&to, s.host, s.host_n) == 0);
    ensure(s.role < ROLES && s.link <= LINK_WAN && inside(&s.windows, p, n));
    unsigned seal = PROT_AUTH_RES | PROT_CRYPT_RES;
    ensure((s.guard & ~(seal | PROT_SIGN_RES)) == 0 && s.general == ((s.guard & seal) != 0));
    uint32_t before = 0;
    for (unsigned tries = 1; tries < 8; tries++) {
        uint32_t delay = push_delay_s(&s, tries);
        ensure(delay <= s.delay_max_s && (s.exponent < 100 || delay >= before));
        before = delay;
    }
}

static void try_list(const uint8_t *p, size_t n)
{
    struct axdr_in in = axdr_in(p, n);
    struct push_entry e;
    uint32_t entries = axdr_read_head(&in, AXDR_ARRAY);
    for (uint32_t i = 0; i < entries && i < PUSH_ENTRIES; i++) {
        int err = push_read_entry(&e, &in);
        ensure(err == 0 || err == E_TYPE || err == E_RANGE);
        if (err == E_TYPE) return;
        ensure(e.bound <= PUSH_BY_ENTRY || err);
        ensure(inside(&e.columns, p, n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct push_peer to;
    if (n > 1024) return 0;
    try_setup(p, n);
    try_list(p, n);
    if (n <= PUSH_HOST && push_read_peer(&to, p, n) == 0) ensure(to.port > 0);
    return 0;
}
