/* test_load.c - load files and load specs: what is taken, what is refused and how it is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tools/load/spec.h"

static struct trouble t;

static int parse(struct loadrows *l, const char *text)
{
    char copy[2048];
    snprintf(copy, sizeof copy, "%s", text);
    return loadrows_parse(l, copy, strlen(copy), "x.csv", &t);
}

static void check_row(const struct loadrow *r, int64_t ms, int p, int q, int v, int i)
{
    assert_int_equal(r->at_ms, ms);
    assert_int_equal(r->p_mw, p);
    assert_int_equal(r->q_mvar, q);
    assert_int_equal(r->v_mv, v);
    assert_int_equal(r->i_ma, i);
}

static void csv(void **state)
{
    (void)state;
    struct loadrows l;
    assert_int_equal(parse(&l, "# a comment\n\ntime,p_w,q_var,v_v,i_a\n"
                               "2026-01-01T00:00:00Z,1000.5,-200,230,4.5\r\n"
                               "2026-01-01T01:15:00+01:00,2000,,,\n"),
                     0);
    assert_int_equal(l.rows, 2);
    assert_int_equal(l.start_utc, 1767225600);
    check_row(&l.row[0], 0, 1000500, -200000, 230000, 4500);
    check_row(&l.row[1], 900000, 2000000, -200000, 230000, 4500);
    assert_int_equal(l.end_ms, 1800000);
    assert_int_equal(l.gaps, 0);
    loadrows_free(&l);

    assert_int_equal(
        parse(&l, "\xEF\xBB\xBFtime;kw;kvar\n0;1.234567;0.1\n0.5;-2;0\n1;0;0\n9;1;1\n"), 0);
    assert_int_equal(l.start_utc, LOADROWS_NO_START);
    check_row(&l.row[0], 0, 1234567, 100000, 0, -1);
    check_row(&l.row[1], 500, -2000000, 0, 0, -1);
    assert_int_equal(l.pace_ms, 500);
    assert_int_equal(l.gaps, 1);
    assert_int_equal(l.gap_ms, 8000);
    assert_int_equal(l.gap_row, 3);
    loadrows_free(&l);

    assert_int_equal(parse(&l, "p_w,time\n5,1767225600\n"), 0);
    assert_int_equal(l.start_utc, 1767225600);
    assert_int_equal(l.end_ms, 60000);
    loadrows_free(&l);
}

static void uci_as_it_comes(void **state)
{
    (void)state;
    struct loadrows l;
    assert_int_equal(loadrows_read(&l, ROOT "/tests/data/loads/uci_2007-02-01_02_1min.txt", &t),
                     0);
    assert_int_equal(l.rows, 2880);
    assert_int_equal(l.start_utc, 1170288000); /* 2007-02-01T00:00:00Z */
    assert_int_equal(l.end_ms, 2 * 86400 * 1000);
    assert_int_equal(l.gaps, 0);
    check_row(&l.row[0], 0, 326000, 128000, 243150, 1400);
    int64_t sum = 0;
    for (size_t i = 0; i < l.rows; i++) sum += l.row[i].p_mw;
    assert_true(sum == INT64_C(3492496000));
    loadrows_free(&l);

    assert_int_equal(
        parse(&l, "Date;Time;Global_active_power;Global_reactive_power;Voltage;"
                  "Global_intensity;Sub_metering_1;Sub_metering_2;Sub_metering_3\n"
                  "16/12/2006;17:24:00;4.216;0.418;234.840;18.400;0.000;1.000;17.000\n"
                  "16/12/2006;17:25:00;?;?;?;?;?;?;\n"
                  "16/12/2006;17:26:00;5.360;0.436;233.630;23.000;0.000;1.000;16.000\n"),
        0);
    assert_int_equal(l.rows, 2);
    assert_int_equal(l.start_utc, 1166289840);
    check_row(&l.row[1], 120000, 5360000, 436000, 233630, 23000);
    loadrows_free(&l);
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "", "x.csv: no row" },
        { "time,p_w\n", "x.csv: no row" },
        { "1,2\n", "x.csv:1: unknown column '1'" },
        { "p_w,q_var\n1,2\n", "x.csv:1: no header with a column 'time'" },
        { "time,q_var\n1,2\n", "x.csv:1: no column for the active power" },
        { "time,p_w,kw\n", "x.csv:1: two columns say the same" },
        { "time,p_w,watt\n", "x.csv:1: unknown column 'watt'" },
        { "time,p_w\n0,1\n0,2\n", "x.csv:3: the time does not grow" },
        { "time,p_w\n0,1\n60,abc\n", "x.csv:3: 'abc' is not a number" },
        { "time,p_w\n0,nan\n", "x.csv:2: 'nan' is not a number" },
        { "time,p_w\n0,3e9\n", "x.csv:2: '3e9' is not a number in range" },
        { "time,p_w,v_v\n0,1,-230\n", "x.csv:2: '-230' is not a number in range" },
        { "time,p_w\nsoon,1\n", "x.csv:2: 'soon' is not a time" },
        { "time,p_w\n2026-01-01 00:00:00,1\n", "x.csv:2: '2026-01-01 00:00:00' is not a time" },
        { "time,p_w\n0,1,2\n", "x.csv:2: 3 columns where the header has 2" },
        { "time,p_w\n0\n", "x.csv:2: 1 columns where the header has 2" },
    };
    struct loadrows l;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parse(&l, rows[i][0]), E_FORMAT);
        if (strstr(t.text, rows[i][1]) != t.text) fail_msg("%s", t.text);
        assert_null(l.row);
    }
    char zero[] = "time,p_w\n0,1\0\n1,2\n";
    assert_int_equal(loadrows_parse(&l, zero, sizeof zero - 1, "x.csv", &t), E_FORMAT);
    assert_int_equal(loadrows_read(&l, "/nonexistent", &t), E_IO);
}

static void rows_hold_until_the_next(void **state)
{
    (void)state;
    struct loadrows l;
    assert_int_equal(parse(&l, "time,p_w\n0,1\n60,2\n120,3\n"), 0);
    assert_int_equal(l.end_ms, 180000);
    static const struct {
        int64_t ms;
        bool repeat;
        int p_w;
    } at[] = {
        { -5, true, 1 },      { 0, true, 1 },          { 59999, true, 1 },
        { 60000, true, 2 },   { 179999, true, 3 },     { 180000, true, 1 },
        { 180000, false, 3 }, { INT64_MAX, false, 3 }, { 18000000 + 60000, true, 2 },
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        assert_int_equal(loadrows_at(&l, at[i].ms, at[i].repeat)->p_mw, at[i].p_w * 1000);
    loadrows_free(&l);
}

static void specs(void **state)
{
    (void)state;
    struct loadspec s;
    assert_int_equal(loadspec_parse(&s, "const:P=1000,Q=200,V=231.5,F=49.9", &t), 0);
    assert_int_equal(s.kind, LOADSPEC_CONST);
    check_row(&s.constant, 0, 1000000, 200000, 231500, -1);
    assert_int_equal(s.f_mhz, 49900);
    loadspec_free(&s);
    assert_int_equal(loadspec_parse(&s, "off", &t), 0);
    check_row(&s.constant, 0, 0, 0, 230000, -1);
    assert_int_equal(loadspec_parse(&s, "household", &t), 0);
    assert_true(s.repeat && s.rows.rows == 2880 && s.rows.start_utc == LOADROWS_NO_START);
    loadspec_free(&s);
    assert_int_equal(
        loadspec_parse(&s, "comtrade:" ROOT "/tests/data/waveforms/keating_1999.CFG", &t), 0);
    assert_true(s.kind == LOADSPEC_WAVE && s.wave.samples == 2048);
    loadspec_free(&s);
    static const struct {
        const char *text;
        int error;
    } bad[] = {
        { "", E_FORMAT },
        { "offf", E_FORMAT },
        { "csv:/nonexistent", E_IO },
        { "const:", E_FORMAT },
        { "const:P", E_FORMAT },
        { "const:P=", E_FORMAT },
        { "const:P=1x", E_FORMAT },
        { "const:X=1", E_FORMAT },
        { "const:V=-1", E_RANGE },
        { "const:P=1e12", E_RANGE },
        { "const:P=nan", E_FORMAT },
        { "household2", E_FORMAT },
        { "comtrade:x.csv", E_FORMAT },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(loadspec_parse(&s, bad[i].text, &t), bad[i].error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv),     cmocka_unit_test(uci_as_it_comes),
        cmocka_unit_test(refused), cmocka_unit_test(rows_hold_until_the_next),
        cmocka_unit_test(specs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
