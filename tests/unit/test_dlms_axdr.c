/* A-XDR: every type both ways, windows of any size, bounds, dates, field tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "dlms/cosem.h"

static uint8_t buf[512];

static void test_numbers(void **state)
{
    static const struct {
        uint8_t tag;
        int64_t v[4];
    } rows[] = {
        { AXDR_BOOL, { 0, 1, 0, 1 } },
        { AXDR_I8, { 0, 1, -1, INT8_MIN } },
        { AXDR_U8, { 0, 1, 128, UINT8_MAX } },
        { AXDR_ENUM, { 0, 1, 128, UINT8_MAX } },
        { AXDR_I16, { 0, 256, -1, INT16_MIN } },
        { AXDR_U16, { 0, 256, 0x8000, UINT16_MAX } },
        { AXDR_I32, { 0, 65536, -1, INT32_MIN } },
        { AXDR_U32, { 0, 65536, 0x80000000, UINT32_MAX } },
        { AXDR_I64, { 0, INT64_MAX, -1, INT64_MIN } },
        { AXDR_U64, { 0, INT64_MAX, 1, 77 } },
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (unsigned i = 0; i < 4; i++) {
            struct axdr_out o = axdr_out(buf, sizeof buf);
            axdr_emit_int(&o, rows[r].tag, rows[r].v[i]);
            assert_int_equal(o.len, 1 + axdr_width(rows[r].tag));
            struct axdr_in in = axdr_in(buf, o.len);
            assert_true(axdr_read_int(&in, rows[r].tag) == rows[r].v[i] && axdr_is_done(&in));
            uint8_t tag;
            in = axdr_in(buf, o.len);
            if (rows[r].tag == AXDR_BOOL) continue;
            assert_true(axdr_read_number(&in, &tag) == rows[r].v[i] && tag == rows[r].tag);
            in = axdr_in(buf, o.len - 1);
            assert_true(axdr_read_int(&in, rows[r].tag) == 0 && in.bad);
            in = axdr_in(buf, o.len);
            axdr_read_octets(&in, buf + 100, 4);
            assert_true(in.bad);
        }
    struct axdr_out o = axdr_out(buf, sizeof buf);
    axdr_emit_u64(&o, UINT64_MAX);
    struct axdr_in in = axdr_in(buf, o.len);
    axdr_read_number(&in, NULL);
    assert_true(in.bad); /* has no place in 64 bits with a sign */
    in = axdr_in(buf, o.len);
    assert_true(axdr_read_u64(&in) == UINT64_MAX);
}

static void emit_all(struct axdr_out *o)
{
    static const uint8_t bits[] = { 0xB7, 0xFF };
    axdr_emit_head(o, AXDR_STRUCTURE, 5);
    axdr_emit_octets(o, "0123456789", 10);
    axdr_emit_bits(o, bits, 11);
    axdr_emit_u32(o, 0xDEADBEEF);
    axdr_emit_string(o, AXDR_VISIBLE, "Magno 22", 8);
    axdr_emit_null(o);
}

/* Any window shows its part of the whole, and counting agrees. */
static void test_windows(void **state)
{
    uint8_t whole[128], part[128];
    struct axdr_out o = axdr_out(whole, sizeof whole), count = axdr_out(NULL, SIZE_MAX);
    (void)state;
    emit_all(&o);
    emit_all(&count);
    size_t n = o.len;
    assert_true(count.len == n && !o.full);
    assert_int_equal(axdr_length(whole, n), (int)n);
    for (size_t skip = 0; skip <= n; skip++)
        for (size_t cap = 0; cap <= n; cap++) {
            o = axdr_out(part, cap);
            o.skip = skip;
            emit_all(&o);
            size_t shown = n - skip < cap ? n - skip : cap;
            assert_int_equal(o.len, shown);
            assert_memory_equal(part, whole + skip, shown);
            assert_int_equal(o.full, n - skip > cap);
        }
    struct axdr_in in = axdr_in(whole, n);
    uint8_t bits[2];
    assert_true(axdr_read_struct(&in, 5));
    axdr_read_value(&in);
    axdr_read_bits(&in, bits, 11);
    assert_memory_equal(bits, ((uint8_t[]){ 0xB7, 0xE0 }), 2);
}

static void test_bounds(void **state)
{
    uint8_t deep[40];
    uint32_t v;
    (void)state;
    for (unsigned depth = 1; depth < 12; depth++) {
        for (unsigned i = 0; i < depth; i++) memcpy(deep + 2 * i, (uint8_t[]){ 1, 1 }, 2);
        deep[2 * depth] = 0;
        int want = depth <= AXDR_DEPTH ? (int)(2 * depth + 1) : E_RANGE;
        assert_int_equal(axdr_length(deep, 2 * depth + 1), want);
    }
    static const uint8_t forms[][6] = {
        { 0x05 }, { 0x81, 5 }, { 0x82, 0, 5 }, { 0x83, 0, 0, 5 }, { 0x84, 0, 0, 0, 5 }
    };
    for (int i = 0; i < 5; i++) {
        assert_int_equal(axdr_length_octets(forms[i], 6, &v), i + 1);
        assert_int_equal(v, 5);
    }
    assert_true(axdr_length_octets((const uint8_t[]){ 0x80 }, 1, &v) < 0);
    assert_true(axdr_length_octets((const uint8_t[]){ 0x85, 0, 0, 0, 0, 5 }, 6, &v) < 0);
    static const uint8_t unknown[] = { 7, 8, 0x0B, 0x0E, 0x22, 0x80, 0xFE };
    for (size_t i = 0; i < sizeof unknown; i++)
        assert_true(axdr_length((const uint8_t[]){ unknown[i], 0, 0 }, 3) < 0);
    static const uint8_t huge[] = { 1, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0 };
    assert_int_equal(axdr_length(huge, sizeof huge), 0);
    struct axdr_in in = axdr_in(huge, sizeof huge);
    assert_true(axdr_read_head(&in, AXDR_ARRAY) == 0 && in.bad); /* more than there can be */
    static const uint8_t compact[] = { 0x13, 2, 2, 0x11, 1, 0, 2, 0x12, 4, 1, 0, 2, 0 };
    assert_int_equal(axdr_length(compact, sizeof compact), (int)sizeof compact);
    assert_int_equal(axdr_length(compact, sizeof compact - 1), 0);
}

static void test_dates(void **state)
{
    static const uint8_t good[][12] = {
        { 0x07, 0xEA, 11, 22, 7, 10, 30, 0, 0, 0, 0, 0 },
        { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0xFF },
        { 0xFF, 0xFF, 0xFD, 0xFE, 7, 2, 0, 0, 0, 0xFF, 0xC4, 0x80 },
        { 0x07, 0xEA, 2, 31, 1, 23, 59, 59, 99, 0xFD, 0x30, 0 },
    };
    static const struct {
        uint8_t at, v;
    } bad[] = { { 2, 0 }, { 2, 13 }, { 2, 0xFC }, { 3, 0 },  { 3, 32 }, { 3, 0xFC },
                { 4, 0 }, { 4, 8 },  { 5, 24 },   { 6, 60 }, { 7, 60 }, { 8, 100 } };
    uint8_t v[12], got[12];
    (void)state;
    for (size_t i = 0; i < 4; i++) assert_true(axdr_is_datetime(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(v, good[0], 12);
        v[bad[i].at] = bad[i].v;
        assert_false(axdr_is_datetime(v));
    }
    memcpy(v, good[0], 12);
    memcpy(v + 9, (uint8_t[]){ 0x03, 0x49 }, 2); /* 841 minutes */
    assert_false(axdr_is_datetime(v));
    buf[0] = AXDR_DATETIME;
    memcpy(buf + 1, good[2], 12);
    struct axdr_in in = axdr_in(buf, 13);
    axdr_read_datetime(&in, got);
    assert_true(axdr_is_done(&in));
    assert_memory_equal(got, good[2], 12);
    struct axdr_out o = axdr_out(buf, sizeof buf);
    axdr_emit_octets(&o, good[2], 12);
    in = axdr_in(buf, o.len);
    axdr_read_datetime(&in, got);
    assert_true(axdr_is_done(&in));
}

struct script {
    struct obis name;
    uint16_t selector;
    uint8_t kind;
    int32_t limit;
    AXDR_STRING(5) text;
};
static const struct axdr_field fields[] = {
    AXDR_NESTED(3),
    AXDR_FIELD(OBIS, struct script, name),
    AXDR_NESTED(3),
    AXDR_FIELD(U16, struct script, selector),
    AXDR_ENUM_TO(4, struct script, kind),
    AXDR_FIELD(I32, struct script, limit),
    AXDR_FIELD(STRING, struct script, text),
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

struct table {
    uint8_t n;
    struct pair {
        uint16_t a;
        bool b;
    } row[3];
    struct pair all[2];
};
static const struct axdr_field table_fields[] = {
    AXDR_ROWS(3, struct table, row, n),  AXDR_NESTED(2),
    AXDR_FIELD(U16, struct pair, a),     AXDR_FIELD(BOOL, struct pair, b),
    AXDR_ALL_ROWS(1, struct table, all), AXDR_FIELD(U16, struct pair, a),
};
enum { TABLE_FIELDS = sizeof table_fields / sizeof table_fields[0] };

/* Arrays in a table: as many as are counted, or all; never more than there is room for. */
static void test_rows(void **state)
{
    static const uint8_t want[] = { 1, 2, 2, 2, 18, 0, 7,  3, 1, 2,  2, 18,
                                    1, 0, 3, 0, 1,  2, 18, 0, 5, 18, 0, 6 };
    const struct table a = { 2, { { 7, true }, { 256, false } }, { { 5, 0 }, { 6, 0 } } };
    struct table b = { .n = 9 };
    (void)state;
    struct axdr_out o = axdr_out(buf, sizeof buf);
    assert_int_equal(axdr_emit_fields(&o, table_fields, TABLE_FIELDS, &a), 0);
    assert_int_equal(o.len, sizeof want);
    assert_memory_equal(buf, want, sizeof want);
    for (size_t n = 0; n <= o.len; n++) {
        struct axdr_in in = axdr_in(buf, n);
        int err = axdr_read_fields(&in, table_fields, TABLE_FIELDS, &b);
        assert_int_equal(err, n < o.len ? E_TYPE : 0);
        assert_true(b.n <= 3);
    }
    assert_int_equal(b.n, 2);
    assert_int_equal(b.row[1].a, 256);
    assert_false(b.row[1].b);
    assert_int_equal(b.all[1].a, 6);

    static const uint8_t four[] = { 1, 4, 2,  2, 18, 0, 1, 3, 0, 2,  2, 18, 0, 1, 3, 0,
                                    2, 2, 18, 0, 1,  3, 0, 2, 2, 18, 0, 1,  3, 0, 1, 0 };
    struct axdr_in in = axdr_in(four, sizeof four);
    assert_int_equal(axdr_read_fields(&in, table_fields, TABLE_FIELDS, &b), E_TYPE);
    assert_int_equal(b.n, 0);
}

static void test_fields(void **state)
{
    static const uint8_t want[] = { 2, 3, 9,  6, 0, 0,    10,   0,    100,  255, 2, 3,   18,
                                    0, 7, 22, 3, 5, 0xFF, 0xFF, 0xFF, 0xFE, 9,   2, 'o', 'k' };
    struct script a = { .name = { 0, 0, 10, 0, 100, 255 },
                        .selector = 7,
                        .kind = 3,
                        .limit = -2,
                        .text = { 2, "ok" } },
                  b;
    (void)state;
    struct axdr_out o = axdr_out(buf, sizeof buf);
    axdr_emit_fields(&o, fields, FIELDS, &a);
    assert_int_equal(o.len, sizeof want);
    assert_memory_equal(buf, want, sizeof want);
    assert_int_equal(axdr_size_fields(fields, FIELDS), sizeof want + 3);
    struct axdr_in in = axdr_in(want, sizeof want);
    memset(&b, 0xEE, sizeof b);
    assert_int_equal(axdr_read_fields(&in, fields, FIELDS, &b), 0);
    assert_true(axdr_is_done(&in) && b.selector == 7 && b.kind == 3 && b.limit == -2);
    assert_true(b.text.len == 2 && memcmp(b.text.at, "ok", 2) == 0);
    for (size_t n = 0; n < sizeof want; n++) {
        in = axdr_in(want, n);
        assert_int_equal(axdr_read_fields(&in, fields, FIELDS, &b), E_TYPE);
    }
    memcpy(buf, want, sizeof want);
    buf[16] = 5; /* above the enum's maximum */
    in = axdr_in(buf, sizeof want);
    assert_int_equal(axdr_read_fields(&in, fields, FIELDS, &b), E_RANGE);
    buf[12] = 17; /* the shape is judged first */
    in = axdr_in(buf, sizeof want);
    assert_int_equal(axdr_read_fields(&in, fields, FIELDS, &b), E_TYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_windows),
        cmocka_unit_test(test_bounds),  cmocka_unit_test(test_dates),
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
