/* The household is a plausible home, and rows of a recording are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "port/common/household.h"
#include "port/common/loadrows.h"

#define DAY 86400
#define START 1767225600 /* 2026-01-01T00:00:00Z */

static void test_days(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        int64_t wh_day = 0;
        for (int64_t s = 0; s < DAY; s++) {
            struct load l = household_at(seed, (utc_t){ START + (int64_t)seed * DAY + s });
            assert_int_equal(load_check(&l), 0);
            assert_in_range(l.p_mw, 60000, 15000000);
            assert_in_range(l.u_mv, 207000, 253000); /* EN 50160: within 10 % */
            assert_in_range(l.f_mhz, 49900, 50100);
            wh_day += l.p_mw;
        }
        wh_day /= 3600 * 1000;
        if (wh_day < least) least = wh_day;
        if (wh_day > most) most = wh_day;
    }
    assert_in_range(least, 5000, 12000);
    assert_in_range(most, 12000, 25000);
}

static void test_is_a_function(void **state)
{
    (void)state;
    struct load a = household_at(5, (utc_t){ START + 12345 });
    (void)household_at(6, (utc_t){ START });
    struct load b = household_at(5, (utc_t){ START + 12345 });
    assert_memory_equal(&a, &b, sizeof a);
    int differ = 0;
    for (int64_t s = 0; s < DAY; s += 600) {
        a = household_at(5, (utc_t){ START + s });
        b = household_at(6, (utc_t){ START + s });
        differ += a.p_mw != b.p_mw;
        assert_int_equal(a.f_mhz, b.f_mhz);
    }
    assert_in_range(differ, 100, 144);
    (void)household_at(5, (utc_t){ -1 });
    (void)household_at(5, (utc_t){ INT64_C(7258118400) });
}

/* The mean of a hundred homes has an evening peak and a quiet night. */
static void test_evening(void **state)
{
    (void)state;
    int64_t night = 0, evening = 0;
    for (uint64_t seed = 100; seed < 200; seed++) {
        for (int64_t s = 0; s < 3600; s += 10) {
            night += household_at(seed, (utc_t){ START + 3 * 3600 + s }).p_mw;
            evening += household_at(seed, (utc_t){ START + 18 * 3600 + s }).p_mw;
        }
    }
    assert_true(evening > 3 * night);
}

/* The same home on every target. */
static void test_same_everywhere(void **state)
{
    (void)state;
    uint32_t sum = 0;
    for (int64_t s = 0; s < DAY; s += 97) {
        struct load l = household_at(22, (utc_t){ START + s });
        sum = sum * 31 + (uint32_t)l.p_mw;
        sum = sum * 31 + (uint32_t)l.q_mvar;
        sum = sum * 31 + l.u_mv;
        sum = sum * 31 + l.f_mhz;
    }
    assert_int_equal(sum, 0x8f5d423c);
}

static void put(uint8_t *rows, size_t k, uint32_t at_s, int32_t p_mw)
{
    struct load_row row = { at_s, p_mw, -p_mw, 230000, 50000 };
    load_row_put(rows + k * LOAD_ROW_BYTES, &row);
}

static void test_rows(void **state)
{
    (void)state;
    uint8_t rows[3 * LOAD_ROW_BYTES];
    put(rows, 0, 0, 1000);
    put(rows, 1, 60, 2000);
    put(rows, 2, 3600, -3000);
    assert_int_equal(load_rows_check(rows, 3), 0);
    static const struct {
        uint32_t t, next_s;
        int32_t p_mw;
    } cases[] = { { 0, 60, 1000 },
                  { 59, 60, 1000 },
                  { 60, 3600, 2000 },
                  { 3599, 3600, 2000 },
                  { 3600, UINT32_MAX, -3000 },
                  { 4000000000, UINT32_MAX, -3000 } };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        uint32_t next;
        struct load l = load_rows_at(rows, 3, cases[k].t, &next);
        assert_int_equal(l.p_mw, cases[k].p_mw);
        assert_int_equal(l.q_mvar, -cases[k].p_mw);
        assert_int_equal(l.u_mv, 230000);
        assert_int_equal(next, cases[k].next_s);
    }
    struct load_row back = load_row_get(rows + 2 * LOAD_ROW_BYTES);
    assert_int_equal(back.p_mw, -3000);
    assert_int_equal(load_rows_check(rows, 0), E_FORMAT);
    put(rows, 1, 3600, 2000);
    assert_int_equal(load_rows_check(rows, 3), E_FORMAT);
    put(rows, 0, 1, 1000);
    assert_int_equal(load_rows_check(rows, 1), E_FORMAT);
    struct load_row bad = { 0, 1, 0, 0, 50000 };
    load_row_put(rows, &bad);
    assert_int_equal(load_rows_check(rows, 1), E_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),    cmocka_unit_test(test_is_a_function),
        cmocka_unit_test(test_evening), cmocka_unit_test(test_same_everywhere),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
