#include "base/fixed.h"

#include "base/sys.h"

struct u128 mul_u64(uint64_t a, uint64_t b)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
    uint64_t mid = (ll >> 32) + (uint32_t)lh + (uint32_t)hl;
    return (struct u128){ hh + (lh >> 32) + (hl >> 32) + (mid >> 32),
                          mid << 32 | (uint32_t)ll };
}

/* Shift-and-subtract: plain, exact, and the same everywhere. n.hi < c keeps it in 64 bits. */
static uint64_t div_u128(struct u128 n, uint64_t c)
{
    if (n.hi == 0) return n.lo / c;
    uint64_t rest = n.hi, q = 0;
    for (int i = 63; i >= 0; i--) {
        uint64_t top = rest >> 63;
        rest = rest << 1 | (n.lo >> i & 1);
        q <<= 1;
        if (top || rest >= c) {
            rest -= c;
            q |= 1;
        }
    }
    return q;
}

uint64_t muldiv_u64(uint64_t a, uint64_t b, uint64_t c)
{
    ensure(c > 0);
    struct u128 n = mul_u64(a, b);
    uint64_t lo = n.lo + c / 2;
    n.hi += lo < n.lo;
    n.lo = lo;
    return n.hi >= c ? UINT64_MAX : div_u128(n, c);
}

int64_t muldiv_i64(int64_t a, int64_t b, int64_t c)
{
    ensure(c > 0);
    uint64_t q = muldiv_u64(abs_i64(a), abs_i64(b), (uint64_t)c);
    if (q > INT64_MAX) q = INT64_MAX;
    return (a < 0) != (b < 0) ? -(int64_t)q : (int64_t)q;
}

uint32_t isqrt_u64(uint64_t v)
{
    uint64_t root = 0, bit = UINT64_C(1) << 62;
    while (bit > v) bit >>= 2;
    for (; bit; bit >>= 2) {
        if (v >= root + bit) {
            v -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}
