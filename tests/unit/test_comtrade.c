/* test_comtrade.c - recordings in all four kinds of data, and files that are not what they say.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/common/comtrade.h"

#define CFG(kind)                                                                              \
    "station,device,1999\r\n3,2A,1D\r\n1,Ua,A,,kV,0.5,1,0,-9,9,230,1,S\r\n"                    \
    "2,Ia,A,,A,0.25,-1,0,-9,9\r\n1,trip,,,0\r\n50\r\n2\r\n1000,2\r\n500,4\r\n"                 \
    "01/01/2026,00:00:00.000000\r\n01/01/2026,00:00:00.000000\r\n" kind "\r\n1\r\n"

static int parse(struct comtrade *c, const char *cfg, const void *dat, size_t m,
                 struct trouble *t)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", cfg);
    return comtrade_parse(c, copy, strlen(copy), dat, m, "x.cfg", "x.dat", t);
}

static void check_values(const struct comtrade *c)
{
    static const double ua[] = { 1.5, 2, 0.5, 51 }, ia[] = { -1.25, -0.5, -1, 24 };
    static const double time[] = { 0, 0.001, 0.003, 0.005 };
    assert_int_equal(c->channels, 2);
    assert_int_equal(c->digital, 1);
    assert_int_equal(c->samples, 4);
    assert_int_equal(c->channel[0].side, 'S');
    assert_true(c->channel[0].primary == 230 && c->channel[1].primary == 1);
    for (int i = 0; i < 4; i++) {
        assert_true(c->channel[0].value[i] == ua[i]);
        assert_true(c->channel[1].value[i] == ia[i]);
        assert_true(fabs(c->time_s[i] - time[i]) < 1e-12);
    }
}

static void ascii(void **state)
{
    (void)state;
    struct comtrade c;
    struct trouble t;
    const char *dat =
        "1,0,1,-1,0\r\n2,1000,2,2,0\n3,3000, -1 ,0,1\r\n\r\n4,5000,100,100,1\r\n\x1a";
    assert_int_equal(parse(&c, CFG("ascii"), dat, strlen(dat), &t), 0);
    check_values(&c);
    assert_int_equal(comtrade_find(&c, "ia"), 1);
    assert_int_equal(comtrade_find(&c, "#1"), 0);
    assert_int_equal(comtrade_find(&c, "#3"), E_NONE);
    assert_int_equal(comtrade_find(&c, "#0"), E_NONE);
    assert_int_equal(comtrade_find(&c, "Ub"), E_NONE);
    comtrade_free(&c);
}

static void binary(void **state)
{
    (void)state;
    static const int32_t raw[4][2] = { { 1, -1 }, { 2, 2 }, { -1, 0 }, { 100, 100 } };
    static const char *const cfg[] = { CFG("BINARY"), CFG("BINARY32"), CFG("FLOAT32") };
    for (int kind = 0; kind < 3; kind++) {
        uint8_t dat[4 * 18], *p = dat;
        for (uint32_t i = 0; i < 4; i++) {
            le_put32(p, i + 1);
            le_put32(p + 4, i * 1000);
            p += 8;
            for (int k = 0; k < 2; k++) {
                float f = (float)raw[i][k];
                uint32_t bits = (uint32_t)raw[i][k];
                if (kind == 2) memcpy(&bits, &f, 4);
                if (kind == 0) le_put16(p, (uint16_t)bits), p += 2;
                if (kind != 0) le_put32(p, bits), p += 4;
            }
            le_put16(p, 1);
            p += 2;
        }
        struct comtrade c;
        struct trouble t;
        assert_int_equal(parse(&c, cfg[kind], dat, (size_t)(p - dat), &t), 0);
        check_values(&c);
        comtrade_free(&c);
        assert_int_equal(parse(&c, cfg[kind], dat, (size_t)(p - dat) - 1, &t), E_FORMAT);
        assert_non_null(strstr(t.text, "cut short"));
    }
}

static void missing_values_are_nan(void **state)
{
    (void)state;
    struct comtrade c;
    struct trouble t;
    const char *dat = "1,,,1,0\n2,,2,2,0\n3,,3,3,0\n4,,4,4,0\n";
    assert_int_equal(parse(&c, CFG("ASCII"), dat, strlen(dat), &t), 0);
    assert_true(isnan(c.channel[0].value[0]) && c.channel[1].value[0] == -0.75);
    comtrade_free(&c);
}

static void refused(void **state)
{
    (void)state;
    static const char *const dats[][2] = {
        { "", "x.dat: ends after 0 of 4" },
        { "1,0,1,1,0\n2,0,1,1,0\n3,0,1,1,0\n", "x.dat: ends after 3 of 4" },
        { "1,0,1,1,0\n2,0,1\n3,0,1,1,0\n4,0,0,0,0\n", "x.dat:2: 3 columns where 5" },
        { "1,0,1,abc,0\n2,0,1,1,0\n3,0,1,1,0\n4,0,0,0,0\n", "x.dat:1: 'abc' is not a number" },
        { "1,0,1,inf,0\n2,0,1,1,0\n3,0,1,1,0\n4,0,0,0,0\n", "x.dat:1: 'inf' is not a number" },
    };
    struct comtrade c;
    struct trouble t;
    for (size_t i = 0; i < sizeof dats / sizeof *dats; i++) {
        assert_int_equal(parse(&c, CFG("ASCII"), dats[i][0], strlen(dats[i][0]), &t), E_FORMAT);
        assert_ptr_equal(strstr(t.text, dats[i][1]), t.text);
        assert_null(c.channel);
    }
    static const char *const cfgs[][2] = {
        { "", "x.cfg:1:" },
        { "a,b,c\n", "x.cfg:1: no year" },
        { "a,b,1999\n2,2\n", "x.cfg:2:" },
        { "a,b,1999\n1,0A,1D\n", "x.cfg:2: no analogue channel" },
        { "a,b,1999\n5000,5000A,0D\n", "x.cfg:2: too many channels" },
        { "a,b,1999\n1,1A,0D\n1,Ua,A,,V,x,0\n", "x.cfg:3: the factors" },
        { "a,b,1999\n1,1A,0D\n1,Ua,A,,V,1,0\n50\n1\n1000,0\n", "x.cfg:6: the last sample" },
        { "a,b,1999\n1,1A,0D\n1,Ua,A,,V,1,0\n50\n99999\n", "x.cfg:5: no number of rates" },
        { "a,b,1999\n1,1A,0D\n1,Ua,A,,V,1,0\n50\n1\n1000,9\nt\nt\nPDF\n", "x.cfg:9: the kind" },
        { "a,b,1999\n1,1A,0D\n1,Ua,A,,V,1,0\n50\n1\n1000,999999999\nt\nt\nASCII\n",
          "x.dat: ends after 0 of 999999999" },
        { "a,b,1999\n1,1A,0D\n1,Ua,A,,V,1,0\n50\n0\n0,2\nt\nt\nASCII\n",
          "x.dat: sample 2 has" },
    };
    for (size_t i = 0; i < sizeof cfgs / sizeof *cfgs; i++) {
        const char *dat = i == 10 ? "1,,1\n2,,1\n" : "";
        assert_int_equal(parse(&c, cfgs[i][0], dat, strlen(dat), &t), E_FORMAT);
        assert_ptr_equal(strstr(t.text, cfgs[i][1]), t.text);
    }
}

/* Sums computed apart from this reader, by a few lines of Python over the raw columns. */
static void keating(void **state)
{
    (void)state;
    struct comtrade c;
    struct trouble t;
    assert_int_equal(comtrade_read(&c, ROOT "/tests/data/waveforms/keating_1999.CFG", &t), 0);
    assert_int_equal(c.samples, 2048);
    assert_int_equal(c.channels, 8);
    double uu = 0, ii = 0, ui = 0;
    for (size_t i = 0; i < c.samples; i++) {
        double u = c.channel[4].value[i], a = c.channel[0].value[i];
        uu += u * u;
        ii += a * a;
        ui += u * a;
    }
    assert_true(fabs(sqrt(uu / 2048) - 348.951035731) < 1e-6);
    assert_true(fabs(sqrt(ii / 2048) - 126.107900222) < 1e-6);
    assert_true(fabs(ui / 2048 - 40500.220435) < 1e-4);
    assert_true(fabs(c.time_s[2047] - 2047 / 30707.244140625) < 1e-12);
    comtrade_free(&c);
    assert_int_equal(comtrade_read(&c, "/nonexistent.cfg", &t), E_IO);
    assert_int_equal(comtrade_read(&c, "x.csv", &t), E_FORMAT);
}

static void units(void **state)
{
    (void)state;
    char kind;
    assert_true(comtrade_unit("kV", &kind) == 1000 && kind == 'V');
    assert_true(comtrade_unit("ampere", &kind) == 1 && kind == 'A');
    assert_true(comtrade_unit("mA", &kind) == 1e-3 && kind == 'A');
    assert_true(comtrade_unit("MV", &kind) == 1 && kind == 0);
    assert_true(comtrade_unit("Hz", &kind) == 1 && kind == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii),
        cmocka_unit_test(binary),
        cmocka_unit_test(missing_values_are_nan),
        cmocka_unit_test(refused),
        cmocka_unit_test(keating),
        cmocka_unit_test(units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
