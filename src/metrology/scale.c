#include "metrology/scale.h"

#include "base/fixed.h"
#include "base/sys.h"

/* hi is not 0. */
static struct scale normal(uint64_t hi, uint64_t lo, int shift)
{
    int up = __builtin_clzll(hi);
    if (up) hi = hi << up | lo >> (64 - up);
    return (struct scale){ hi, (int16_t)(shift + up) };
}

struct scale scale_one(void)
{
    return (struct scale){ UINT64_C(1) << 63, 63 };
}

struct scale scale_mul(struct scale s, uint64_t n, int e)
{
    ensure(n > 0);
    struct u128 p = mul_u64(s.m, n);
    return p.hi ? normal(p.hi, p.lo, s.shift - 64 - e) : normal(p.lo, 0, s.shift - e);
}

struct scale scale_times(struct scale a, struct scale b)
{
    struct u128 p = mul_u64(a.m, b.m);
    return normal(p.hi, p.lo, a.shift + b.shift - 64);
}

/* The quotient of two mantissas lies between 1/2 and 2: divide half of m, with 64 more bits. */
struct scale scale_div(struct scale s, uint64_t n)
{
    ensure(n > 0);
    int up = __builtin_clzll(n);
    uint64_t q = muldiv_u64(s.m >> 1, UINT64_C(1) << 63, n << up);
    return normal(q, 0, s.shift + 62 - up);
}

/* p >> shift, rounded half up, as a magnitude that fits int64. */
static uint64_t shift_round(struct u128 p, unsigned shift)
{
    if (shift > 127) return 0;
    if (shift) {
        uint64_t half_lo = shift <= 64 ? UINT64_C(1) << (shift - 1) : 0;
        uint64_t half_hi = shift > 64 ? UINT64_C(1) << (shift - 65) : 0;
        p.lo += half_lo;
        p.hi += half_hi + (p.lo < half_lo);
    }
    if (shift >= 64) {
        p.lo = p.hi >> (shift - 64);
        p.hi = 0;
    } else if (shift) {
        p.lo = p.lo >> shift | p.hi << (64 - shift);
        p.hi >>= shift;
    }
    return p.hi || p.lo > INT64_MAX ? INT64_MAX : p.lo;
}

static int64_t with_sign(uint64_t magnitude, int negative)
{
    return negative ? -(int64_t)magnitude : (int64_t)magnitude;
}

int64_t scale_apply(struct scale s, int64_t x)
{
    if (s.shift < 0) return x ? with_sign(INT64_MAX, x < 0) : 0;
    return with_sign(shift_round(mul_u64(s.m, abs_i64(x)), (unsigned)s.shift), x < 0);
}

int64_t mul_shift_i64(int64_t a, int64_t b, unsigned shift)
{
    ensure(shift < 128);
    return with_sign(shift_round(mul_u64(abs_i64(a), abs_i64(b)), shift), (a < 0) != (b < 0));
}
