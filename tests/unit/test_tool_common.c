/* test_tool_common.c - times, hex, suggestions and JSON as users see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tools/common/hex.h"
#include "tools/common/json.h"
#include "tools/common/suggest.h"
#include "tools/common/when.h"

static void times_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t s;
    } good[] = {
        { "2026-01-01T00:00:00Z", 1767225600 },
        { "2026-01-01T00:00:00.999Z", 1767225600 },
        { "2026-01-01T01:00:00+01:00", 1767225600 },
        { "2026-01-01T01:00:00+0100", 1767225600 },
        { "2025-12-31T19:30-04:30", 1767225600 },
        { "2026-01-01Z", 1767225600 },
        { "2026-01-01 00:00:00Z", 1767225600 },
        { "1767225600", 1767225600 },
        { "@1767225600", 1767225600 },
        { "0", 0 },
        { "now", 1000000 },
        { "+2d", 1000000 + 172800 },
        { "+36h", 1000000 + 129600 },
        { "-15m", 1000000 - 900 },
        { "+1d12h", 1000000 + 129600 },
        { "+1w1s", 1000000 + 604801 },
        { "2024-02-29T23:59:59Z", 1709251199 },
        { "2199-12-31T23:59:59Z", INT64_C(7258118399) },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        utc_t t = { -1 };
        assert_int_equal(when_parse(&t, good[i].text, (utc_t){ 1000000 }), 0);
        assert_int_equal(t.s, good[i].s);
    }
}

static void times_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
    } bad[] = {
        { "", E_FORMAT },
        { "yesterday", E_FORMAT },
        { "2026-01-01", E_FORMAT },
        { "2026-01-01T00:00:00", E_FORMAT },
        { "+", E_FORMAT },
        { "+2", E_FORMAT },
        { "+2y", E_FORMAT },
        { "+-2d", E_FORMAT },
        { "2025-02-29Z", E_RANGE },
        { "2026-13-01Z", E_RANGE },
        { "2026-01-01T24:00:00Z", E_RANGE },
        { "1969-12-31Z", E_RANGE },
        { "2200-01-01Z", E_RANGE },
        { "1970-01-01T00:00:00+01", E_RANGE },
        { "99999999999", E_RANGE },
        { "-99999w", E_RANGE },
        { "+999999999999999999999d", E_RANGE },
        { "2026-01-01T00:00:00Z ", E_FORMAT },
        { "2026-01-01T00:00:00+25:00", E_FORMAT },
        { "@", E_FORMAT },
        { "2026-01-01T00:00:00.Z", E_FORMAT },
        { "12 ", E_FORMAT },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        utc_t t;
        assert_int_equal(when_parse(&t, bad[i].text, (utc_t){ 1000000 }), bad[i].error);
    }
}

static void times_written_come_back(void **state)
{
    (void)state;
    char text[WHEN_TEXT];
    assert_string_equal(when_format(text, (utc_t){ 1767225600 }), "2026-01-01T00:00:00Z");
    for (int64_t s = 0; s < INT64_C(7258118399); s += 86399 * 7) {
        utc_t back;
        assert_int_equal(when_parse(&back, when_format(text, (utc_t){ s }), (utc_t){ 0 }), 0);
        assert_int_equal(back.s, s);
    }
}

static void spans(void **state)
{
    (void)state;
    int64_t s;
    assert_int_equal(when_parse_span(&s, "90"), 0);
    assert_int_equal(s, 90);
    assert_int_equal(when_parse_span(&s, "1h30m"), 0);
    assert_int_equal(s, 5400);
    assert_int_equal(when_parse_span(&s, "-5m"), E_FORMAT);
    assert_int_equal(when_parse_span(&s, ""), E_FORMAT);
}

static void hex(void **state)
{
    (void)state;
    uint8_t out[4];
    char text[9];
    assert_int_equal(hex_parse("C0 01:c1-0xff", 4, out), 4);
    assert_memory_equal(out, ((uint8_t[]){ 0xC0, 0x01, 0xC1, 0xFF }), 4);
    hex_format(text, out, 4);
    assert_string_equal(text, "C001C1FF");
    assert_int_equal(hex_parse("", 4, out), 0);
    assert_int_equal(hex_parse("C", 4, out), E_FORMAT);
    assert_int_equal(hex_parse("C0 0", 4, out), E_FORMAT);
    assert_int_equal(hex_parse("G0", 4, out), E_FORMAT);
    assert_int_equal(hex_parse("0102030405", 4, out), E_SPACE);
}

static void suggestions(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("read", "read"), 0);
    assert_int_equal(suggest_distance("raed", "read"), 1);
    assert_int_equal(suggest_distance("", "read"), 4);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
    assert_true(suggest_is_near("mesure", suggest_distance("mesure", "measure")));
    assert_false(suggest_is_near("xx", suggest_distance("xx", "read")));
}

static void decimals(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        unsigned digits;
        const char *text;
    } rows[] = {
        { 1250, 3, "1.25" },
        { 1000, 3, "1" },
        { 0, 3, "0" },
        { -5, 1, "-0.5" },
        { 7, 0, "7" },
        { 1, 3, "0.001" },
        { 123456789, 3, "123456.789" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *j = json_decimal(rows[i].value, rows[i].digits);
        char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        assert_string_equal(text, rows[i].text);
        free(text);
        json_decref(j);
    }
}

static void text_is_always_utf8(void **state)
{
    (void)state;
    json_t *j = json_text("a\xFF\xC3z", 4);
    assert_string_equal(json_string_value(j), "a??z");
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_read),
        cmocka_unit_test(times_refused),
        cmocka_unit_test(times_written_come_back),
        cmocka_unit_test(spans),
        cmocka_unit_test(hex),
        cmocka_unit_test(suggestions),
        cmocka_unit_test(decimals),
        cmocka_unit_test(text_is_always_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
