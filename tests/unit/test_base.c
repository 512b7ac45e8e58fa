#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/fixed.h"
#include "base/ring.h"
#include "base/sys.h"

#define UNUSED(state) (void)(state)

/* Bit by bit, as the polynomial is written. */
static uint32_t slow_crc(uint32_t poly, uint32_t ones, const uint8_t *p, size_t n)
{
    uint32_t crc = ones;
    for (size_t i = 0; i < n * 8; i++) {
        uint32_t bit = (crc ^ (uint32_t)(p[i / 8] >> i % 8)) & 1;
        crc = crc >> 1 ^ (bit ? poly : 0);
    }
    return crc ^ ones;
}

static void crcs_agree_with_slow_ones(void **state)
{
    uint8_t p[67];
    (void)state;
    for (size_t n = 0; n < sizeof p; n++) {
        for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(i * 37 + n * 11 + (i * i >> 3));
        uint32_t slow32 = slow_crc(UINT32_C(0xEDB88320), UINT32_MAX, p, n);
        uint32_t slow16 = slow_crc(0x8408, UINT16_MAX, p, n);
        for (size_t cut = 0; cut <= n; cut++) {
            uint32_t c = crc32_more(CRC32_SEED, p, cut);
            assert_int_equal(crc32_end(crc32_more(c, p + cut, n - cut)), slow32);
            uint16_t d = crc16_more(CRC16_SEED, p, cut);
            assert_int_equal(crc16_end(crc16_more(d, p + cut, n - cut)), slow16);
        }
    }
}

static void crc_known_answers(void **state)
{
    UNUSED(state);
    assert_int_equal(crc16("123456789", 9), 0x906E);
    assert_int_equal(crc32("123456789", 9), 0xCBF43926);
    uint16_t c = crc16_more(CRC16_SEED, "1234", 4);
    assert_int_equal(crc16_end(crc16_more(c, "56789", 5)), 0x906E);
}

static void calendar_agrees_with_a_slow_count(void **state)
{
    UNUSED(state);
    int32_t day = 0;
    uint8_t weekday = 4; /* 1970-01-01 */
    for (uint16_t y = CAL_YEAR_MIN; y <= CAL_YEAR_MAX; y++)
        for (uint8_t m = 1; m <= 12; m++)
            for (uint8_t d = 1; d <= cal_month_days(y, m); d++, day++) {
                assert_int_equal(cal_days(y, m, d), day);
                struct civil c = cal_civil((int64_t)day * CAL_DAY_S + 86399);
                assert_true(c.year == y && c.month == m && c.day == d && c.hour == 23 &&
                            c.minute == 59 && c.second == 59);
                assert_int_equal(c.weekday, weekday);
                assert_true(cal_is_valid(&c));
                assert_int_equal(cal_seconds(&c), (int64_t)day * CAL_DAY_S + 86399);
                weekday = (uint8_t)(weekday % 7 + 1);
            }
    assert_int_equal(cal_month_days(2000, 2), 29);
    assert_int_equal(cal_month_days(2100, 2), 28);
    struct civil wrong = { .year = 2026, .month = 2, .day = 29 };
    assert_false(cal_is_valid(&wrong));
}

static uint64_t random64(void)
{
    static uint64_t x = 1;
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (x ^ x >> 33) >> (x >> 58);
}

/* The oracle, where the compiler has one; the code under test has none. */
#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

static void agrees(uint64_t a, uint64_t b, uint64_t c)
{
    wide n = (wide)a * b;
    struct u128 p = mul_u64(a, b);
    assert_true(p.hi == (uint64_t)(n >> 64) && p.lo == (uint64_t)n);
    wide q = (n + c / 2) / c;
    assert_true(muldiv_u64(a, b, c) == (q > UINT64_MAX ? UINT64_MAX : (uint64_t)q));
    uint32_t r = isqrt_u64(a);
    assert_true((uint64_t)r * r <= a);
    assert_true((wide)(r + UINT64_C(1)) * (r + UINT64_C(1)) > a);
}
#else
static void agrees(uint64_t a, uint64_t b, uint64_t c)
{
    (void)a;
    (void)b;
    (void)c;
}
#endif

/* The sum was made beside the oracle and must come out on every target. */
static void wide_arithmetic_is_exact(void **state)
{
    UNUSED(state);
    uint64_t sum = 0;
    for (int i = 0; i < 200000; i++) {
        uint64_t a = random64(), b = random64(), c = random64() | 1;
        agrees(a, b, c);
        struct u128 p = mul_u64(a, b);
        sum = sum * 31 + (p.hi ^ p.lo ^ muldiv_u64(a, b, c) ^ isqrt_u64(a));
    }
    assert_true(sum == UINT64_C(0x46142E69965CFBDE));
    assert_int_equal(muldiv_i64(-3, 1, 2), -2);
    assert_int_equal(muldiv_i64(3, -1, 2), -2);
    assert_int_equal(muldiv_i64(INT64_MIN, 1, 1), -INT64_MAX);
}

static void ring_keeps_order_and_refuses_when_full(void **state)
{
    UNUSED(state);
    uint8_t buf[16], out[16];
    struct ring r;
    ring_init(&r, buf, sizeof buf);
    uint8_t in = 0, expect = 0;
    for (int turn = 0; turn < 70000; turn++) {
        while (ring_put_isr(&r, in)) in++;
        assert_int_equal(ring_room(&r), 0);
        size_t n = ring_take(&r, out, (size_t)(turn % 16) + 1);
        for (size_t i = 0; i < n; i++) assert_int_equal(out[i], expect++);
    }
}

static void bytes_round_trip(void **state)
{
    UNUSED(state);
    uint8_t b[8];
    le_put64(b, UINT64_C(0x0123456789ABCDEF));
    assert_int_equal(b[0], 0xEF);
    assert_true(le_get64(b) == UINT64_C(0x0123456789ABCDEF));
    be_put64(b, UINT64_C(0x0123456789ABCDEF));
    assert_int_equal(b[0], 0x01);
    assert_true(be_get64(b) == UINT64_C(0x0123456789ABCDEF));
    assert_true(same("abc", "abc", 3));
    assert_false(same("abc", "abd", 3));
    wipe(b, sizeof b);
    for (int i = 0; i < 8; i++) assert_int_equal(b[i], 0);
    assert_string_equal(err_text(E_CRC), "a checksum does not hold");
    assert_string_equal(err_text(-999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_known_answers),
        cmocka_unit_test(crcs_agree_with_slow_ones),
        cmocka_unit_test(calendar_agrees_with_a_slow_count),
        cmocka_unit_test(wide_arithmetic_is_exact),
        cmocka_unit_test(ring_keeps_order_and_refuses_when_full),
        cmocka_unit_test(bytes_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
