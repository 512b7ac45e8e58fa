#include "sts/token.h"

#include "base/err.h"
#include "base/fixed.h"

#define TEN10 UINT64_C(10000000000)
#define CLASS_AT 27 /* the class stands in bits 28 and 27 */
#define CLASS_MASK (UINT64_C(3) << CLASS_AT)

static int half_read(uint64_t *v, const char digits[10])
{
    *v = 0;
    for (int i = 0; i < 10; i++) {
        if (digits[i] < '0' || digits[i] > '9') return E_FORMAT;
        *v = *v * 10 + (uint64_t)(digits[i] - '0');
    }
    return 0;
}

int sts_token_read(struct sts_token *t, const char digits[STS_DIGITS])
{
    uint64_t high, low;
    if (half_read(&high, digits) || half_read(&low, digits + 10)) return E_FORMAT;
    struct u128 v = mul_u64(high, TEN10);
    v.lo += low;
    v.hi += v.lo < low;
    if (v.hi > 3) return E_RANGE;
    t->class = (uint8_t)(v.lo >> CLASS_AT & 3);
    t->block = (v.lo & ~CLASS_MASK) | v.hi << CLASS_AT;
    return 0;
}

static void half_write(char digits[10], uint64_t v)
{
    for (int i = 9; i >= 0; i--) {
        digits[i] = (char)('0' + v % 10);
        v /= 10;
    }
}

void sts_token_write(char digits[STS_DIGITS + 1], const struct sts_token *t)
{
    /* 2^64 = 1844674407 * 10^10 + 3709551616, and the top two bits count it */
    uint64_t top = t->block >> CLASS_AT & 3;
    uint64_t low = (t->block & ~CLASS_MASK) | (uint64_t)t->class << CLASS_AT;
    uint64_t rest = top * 3709551616 + low % TEN10;
    half_write(digits, top * 1844674407 + low / TEN10 + rest / TEN10);
    half_write(digits + 10, rest % TEN10);
    digits[STS_DIGITS] = 0;
}

int sts_token_clean(char digits[STS_DIGITS], const char *text, size_t n)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ' ' || text[i] == '-') continue;
        if (text[i] < '0' || text[i] > '9' || found == STS_DIGITS) return E_FORMAT;
        digits[found++] = text[i];
    }
    return found == STS_DIGITS ? 0 : E_FORMAT;
}
