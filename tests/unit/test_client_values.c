/* test_client_values.c - names, values and compact arrays as the client shows and takes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tools/client/names.h"
#include "tools/client/value.h"
#include "tools/common/hex.h"

static struct trouble t;

static struct buf from_hex(const char *hex)
{
    struct buf b = { 0 };
    uint8_t p[512];
    int n = hex_parse(hex, sizeof p, p);
    assert_true(n >= 0);
    buf_put(&b, p, (size_t)n);
    return b;
}

static void check_json(const char *hex, const char *expected)
{
    struct buf b = from_hex(hex);
    json_t *j = json_object();
    value_to_object(j, buf_in(&b), false);
    char *text = json_dumps(j, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(j);
    buf_free(&b);
}

static void check_text(const char *hex, int scaler, const char *unit, const char *expected)
{
    struct buf b = from_hex(hex), line = { 0 };
    value_print(&line, buf_in(&b), scaler, unit);
    buf_put_u8(&line, 0);
    assert_string_equal((char *)line.p, expected);
    buf_free(&b);
    buf_free(&line);
}

static void objects_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint16_t class_id;
        struct obis ln;
        int attr;
    } good[] = {
        { "1-0:1.8.0.255", 3, { 1, 0, 1, 8, 0, 255 }, 0 },
        { "1-0:1.8.0*255", 3, { 1, 0, 1, 8, 0, 255 }, 0 },
        { "1-0:1.8.0", 3, { 1, 0, 1, 8, 0, 255 }, 0 },
        { "1.0.1.8.0.255", 3, { 1, 0, 1, 8, 0, 255 }, 0 },
        { "0100010800FF", 3, { 1, 0, 1, 8, 0, 255 }, 0 },
        { "1-0:1.8.0:3", 3, { 1, 0, 1, 8, 0, 255 }, 3 },
        { "1-0:1.8.0.255:scaler_unit", 3, { 1, 0, 1, 8, 0, 255 }, 3 },
        { "energy:2", 3, { 1, 0, 1, 8, 0, 255 }, 2 },
        { "Clock", 8, { 0, 0, 1, 0, 0, 255 }, 0 },
        { "1-0:1.6.3", 4, { 1, 0, 1, 6, 3, 255 }, 0 },
        { "1-0:1.4.0", 5, { 1, 0, 1, 4, 0, 255 }, 0 },
        { "0-0:96.1.0", 1, { 0, 0, 96, 1, 0, 255 }, 0 },
        { "7/0-0:96.1.0:-3", 7, { 0, 0, 96, 1, 0, 255 }, -3 },
        { "1-0:99.1.2", 7, { 1, 0, 99, 1, 2, 255 }, 0 },
        { "9-9:9.9.9.9", 0, { 9, 9, 9, 9, 9, 9 }, 0 },
        { "clock:logical_name", 8, { 0, 0, 1, 0, 0, 255 }, 1 },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct target o;
        if (names_parse(&o, good[i].text, false, &t) < 0)
            fail_msg("%s: %s", good[i].text, t.text);
        assert_int_equal(o.class_id, good[i].class_id);
        assert_memory_equal(&o.ln, &good[i].ln, 6);
        assert_int_equal(o.attr, good[i].attr);
    }
    static const char *const bad[] = { "",
                                       "energyy",
                                       "1-0:1.8",
                                       "1-0:1.8.256",
                                       "1-0:1.8.0.255.1",
                                       "0/1-0:1.8.0",
                                       "99999/1-0:1.8.0",
                                       "energy:nothing",
                                       "energy:200",
                                       "1-0:1.8.0:",
                                       "x/energy",
                                       "1-0:1..0" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct target o;
        if (names_parse(&o, bad[i], false, &t) != E_FORMAT) fail_msg("'%s' was taken", bad[i]);
    }
    struct target o;
    assert_int_equal(names_parse(&o, "relay:remote_reconnect", true, &t), 0);
    assert_int_equal(o.attr, 2);
    assert_int_equal(names_parse(&o, "enrgy", false, &t), E_FORMAT);
    assert_non_null(strstr(t.text, "did you mean 'energy'?"));
}

static void names_read_well(void **state)
{
    (void)state;
    static const struct {
        struct obis ln;
        const char *name;
    } rows[] = {
        { { 1, 0, 1, 8, 0, 255 }, "active import +A, energy" },
        { { 1, 0, 2, 8, 3, 255 }, "active export -A, energy, tariff 3" },
        { { 1, 0, 32, 7, 0, 255 }, "voltage L1, now" },
        { { 1, 0, 71, 7, 0, 255 }, "current L3, now" },
        { { 1, 0, 51, 7, 124, 255 }, "current L2, now, THD" },
        { { 1, 0, 99, 1, 1, 255 }, "Load profile survey 2" },
        { { 0, 0, 19, 20, 7, 255 }, "Charge, wallet 1: levy 3" },
        { { 9, 9, 9, 9, 9, 9 }, "" },
    };
    char text[NAMES_TEXT];
    uint16_t cls;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(names_object(text, rows[i].ln, &cls), rows[i].name);
    assert_string_equal(names_attr(text, 3, 3), "scaler_unit");
    assert_string_equal(names_attr(text, 3, 9), "attribute 9");
    assert_string_equal(names_method(text, 8, 6), "shift_time");
    assert_string_equal(names_class(text, 7), "Profile generic");
    assert_string_equal(names_class(text, 9999), "class 9999");
    assert_string_equal(names_enum(70, 3, 2), "ready for reconnection");
    assert_null(names_enum(70, 3, 9));
    assert_null(names_enum(70, 3, -1));
    assert_null(names_enum(1, 2, 0));
    assert_string_equal(names_unit(text, 30), "Wh");
    assert_string_equal(names_unit(text, 255), "");
    assert_string_equal(names_unit(text, 200), "unit 200");
    assert_int_equal(names_attrs(3), 3);
    for (int tag = 0; tag < 256; tag++) {
        const char *name = names_type((uint8_t)tag);
        if (strcmp(name, "unknown")) assert_int_equal(names_type_find(name), tag);
    }
}

static void values_as_json(void **state)
{
    (void)state;
    check_json("06000004D2", "{\"type\":\"double-long-unsigned\",\"value\":1234}");
    check_json("05FFFFFFFE", "{\"type\":\"double-long\",\"value\":-2}");
    check_json("15FFFFFFFFFFFFFFFF",
               "{\"type\":\"long64-unsigned\",\"value\":\"18446744073709551615\"}");
    check_json("0904DEADBEEF", "{\"type\":\"octet-string\",\"value\":\"DEADBEEF\"}");
    check_json("09024142", "{\"type\":\"octet-string\",\"value\":\"4142\",\"text\":\"AB\"}");
    check_json("0900", "{\"type\":\"octet-string\",\"value\":\"\"}");
    check_json("0A024142", "{\"type\":\"visible-string\",\"value\":\"AB\"}");
    check_json("0C02C3A9", "{\"type\":\"utf8-string\",\"value\":\"\xC3\xA9\"}");
    check_json("0405B0", "{\"type\":\"bit-string\",\"value\":\"10110\"}");
    check_json("0301", "{\"type\":\"boolean\",\"value\":true}");
    check_json("00", "{\"type\":\"null-data\",\"value\":null}");
    check_json("173FC00000", "{\"type\":\"float32\",\"value\":1.5}");
    check_json("177FC00000", "{\"type\":\"float32\",\"value\":\"NaN\"}");
    check_json("0202110516 07", "{\"type\":\"structure\",\"value\":[5,7]}");
    check_json("090C07EA0B16070A1E0000000000",
               "{\"type\":\"octet-string\",\"value\":\"07EA0B16070A1E0000000000\","
               "\"time\":\"2026-11-22T10:30:00Z\"}");
    check_json("1907EA0B16070A1E0000FFC400",
               "{\"type\":\"date-time\",\"value\":\"07EA0B16070A1E0000FFC400\","
               "\"time\":\"2026-11-22T09:30:00Z\"}");
    check_json("090C07EA0B16070A1E0000000001",
               "{\"type\":\"octet-string\",\"value\":\"07EA0B16070A1E0000000001\","
               "\"time\":\"2026-11-22T10:30:00Z\",\"status\":\"invalid\"}");
    check_json("1AFFFF0CFEFF",
               "{\"type\":\"date\",\"value\":\"FFFF0CFEFF\",\"date\":\"****-12-last\"}");
    check_json("1B0A1E0000",
               "{\"type\":\"time\",\"value\":\"0A1E0000\",\"clock\":\"10:30:00\"}");
}

static void values_as_text(void **state)
{
    (void)state;
    check_text("0600003039", -3, "kWh", "12.345 kWh");
    check_text("0600000005", -3, "V", "0.005 V");
    check_text("0600000000", -1, "V", "0.0 V");
    check_text("0600000005", 2, "W", "500 W");
    check_text("05FFFFFFFF", -2, "", "-0.01");
    check_text("148000000000000000", 0, "", "-9223372036854775808");
    check_text("15FFFFFFFFFFFFFFFF", -1, "", "1844674407370955161.5");
    check_text("1101", 0, "", "1");
    check_text("09024142", 0, "", "\"AB\"");
    check_text("0901FF", 0, "", "FF");
    check_text("02031101090241420103110111021103", 0, "", "{1, \"AB\", [1, 2, 3]}");
    check_text("190FFF0101FF000000000000FF", 0, "", "4095-01-01T00:00:00");
    check_text("090C07EA0B16070A1E00008000FF", 0, "", "2026-11-22T10:30:00");
    check_text("090CFFFF0301FF020000008000FF", 0, "", "****-03-01 02:00:00");
    check_text("090C07EA0B16070A1E0000000001", 0, "", "2026-11-22T10:30:00Z (invalid)");
    check_text("FF", 0, "", "(any)");
}

/* Whatever value_parse() writes, value_json() reads back. */
static void values_from_text(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        { "unsigned:5", "1105" },
        { "u16:0x1234", "121234" },
        { "long:-3", "10FFFD" },
        { "integer:-128", "0F80" },
        { "long64-unsigned:18446744073709551615", "15FFFFFFFFFFFFFFFF" },
        { "long64:-9223372036854775808", "148000000000000000" },
        { "octet-string:0A 0B", "09020A0B" },
        { "octet-string:", "0900" },
        { "text:hello, world", "090C68656C6C6F2C20776F726C64" },
        { "visible-string:AB", "0A024142" },
        { "boolean:true", "0301" },
        { "enum:3", "1603" },
        { "bit-string:10110", "0405B0" },
        { "null", "00" },
        { "float32:1.5", "173FC00000" },
        { "float64:-0.25", "18BFD0000000000000" },
        { "dt:2026-11-22T10:30:00Z", "090C07EA0B16070A1E0000000000" },
        { "date-time:2026-11-22T10:30:00Z", "1907EA0B16070A1E0000000000" },
        { "date-time:07EA0B16FF0A1E00008000FF", "1907EA0B16FF0A1E00008000FF" },
        { "time:0A1E0000", "1B0A1E0000" },
        { "obis:1-0:1.8.0", "09060100010800FF" },
        { "hex:02021105 1607", "020211051607" },
        { "structure(u8:5, enum:7)", "020211051607" },
        { "array( structure(u8:1,text:a) , structure(u8:2,text:\"b,)\") )",
          "010202021101090161020211020903622C29" },
        { "array()", "0100" },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct buf b = { 0 }, expected = from_hex(good[i][1]);
        if (value_parse(&b, good[i][0], &t) < 0) fail_msg("%s: %s", good[i][0], t.text);
        assert_int_equal(b.n, expected.n);
        assert_memory_equal(b.p, expected.p, b.n);
        buf_free(&b);
        buf_free(&expected);
    }
    static const struct {
        const char *text;
        int error;
    } bad[] = {
        { "", E_FORMAT },
        { "5", E_FORMAT },
        { "unsigned:256", E_RANGE },
        { "unsigned:-1", E_RANGE },
        { "integer:128", E_RANGE },
        { "integer:-129", E_RANGE },
        { "unsigned:", E_FORMAT },
        { "unsigned:5x", E_FORMAT },
        { "nonsense:5", E_FORMAT },
        { "octet-string:0", E_FORMAT },
        { "boolean:maybe", E_FORMAT },
        { "bit-string:012", E_FORMAT },
        { "structure(u8:1", E_FORMAT },
        { "structure(u8:1 u8:2)", E_FORMAT },
        { "hex:0202", E_FORMAT },
        { "hex:1105 00", E_FORMAT },
        { "hex:", E_FORMAT },
        { "dt:yesterday", E_FORMAT },
        { "array(u8:1) x", E_FORMAT },
        { "u8(1)", E_FORMAT },
        { "long64:9223372036854775808", E_RANGE },
        { "time:0A", E_FORMAT },
        { "array(array(array(array(array(array(array(array(array(array(u8:1))))))))))",
          E_RANGE },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b = { 0 };
        int e = value_parse(&b, bad[i].text, &t);
        if (e != bad[i].error) fail_msg("'%s' gave %d", bad[i].text, e);
        buf_free(&b);
    }
}

static void json_round_trip(void **state)
{
    (void)state;
    static const char *const values[] = { "1105",
                                          "05FFFFFFFE",
                                          "06FFFFFFFF",
                                          "090201FF",
                                          "0A024142",
                                          "0405B0",
                                          "0301",
                                          "00",
                                          "1607",
                                          "173FC00000",
                                          "18BFD0000000000000",
                                          "15FFFFFFFFFFFFFFFF",
                                          "14FFFFFFFFFFFFFFFD",
                                          "1907EA0B16070A1E0000000000",
                                          "1A07EA0B1607",
                                          "1B0A1E0000",
                                          "0102020211010901610202110209016200" };
    for (size_t i = 0; i + 1 < sizeof values / sizeof *values; i++) {
        struct buf b = from_hex(values[i]), back = { 0 };
        json_t *j = json_object();
        value_to_object(j, buf_in(&b), true);
        if (value_parse_json(&back, j, &t) < 0) fail_msg("%s: %s", values[i], t.text);
        assert_int_equal(back.n, b.n);
        assert_memory_equal(back.p, b.p, b.n);
        json_decref(j);
        buf_free(&b);
        buf_free(&back);
    }
}

static void compact_arrays(void **state)
{
    (void)state;
    struct buf in = from_hex("13020409110606420C07EA0B16070A00000000000000000013910000000C0C07E"
                             "A0B16070A0F0000000000000000139D"
                             "0000000C0C07EA0B16070A1E000000000004000013AE0000000C"),
               out = { 0 };
    struct buf plain =
        from_hex("01030204090C07EA0B16070A00000000000011000600001391060000000C0204090C07EA0B160"
                 "70A0F0000000000110006"
                 "0000139D060000000C0204090C07EA0B16070A1E0000000000110406000013AE060000000C");
    assert_int_equal(value_expand(&out, buf_in(&in)), 0);
    assert_int_equal(out.n, plain.n);
    assert_memory_equal(out.p, plain.p, out.n);
    static const char *const bad[] = {
        "1302021112 04 01020304",   /* contents end within a row */
        "13000100",                 /* rows of no octets */
        "1301FFFF01FFFF00 02 0000", /* would expand without end */
        "13010000110100",           /* an array of nothing */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b = from_hex(bad[i]);
        buf_clear(&out);
        assert_true(value_expand(&out, buf_in(&b)) < 0);
        buf_free(&b);
    }
    buf_free(&in);
    buf_free(&out);
    buf_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_named), cmocka_unit_test(names_read_well),
        cmocka_unit_test(values_as_json),    cmocka_unit_test(values_as_text),
        cmocka_unit_test(values_from_text),  cmocka_unit_test(json_round_trip),
        cmocka_unit_test(compact_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
