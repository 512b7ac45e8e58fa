/* Objects do what they say: calendars come back octet by octet and switch tariffs, schedules
 * end billing periods, scripts order, alarm words clear, structures are written whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "crypto/kw.h"
#include "crypto/sha256.h"
#include "desk.h"
#include "meter/display/display.h"
#include "meter/profile/scan.h"
#include "model/classes.h"

enum { LONG = 1 << 16 };
static const int64_t T0 = 1767225600 + 9 * 86400 + 7 * 3600; /* 2026-01-10T07:00Z, a Saturday */
static uint8_t in[LONG], out[LONG];

static struct desk_value get(struct desk *k, uint16_t cls, const char *ln, uint8_t attr)
{
    struct desk_value v = { out, sizeof out };
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, cls, desk_ln(ln), attr, NULL, 0, &v), DAR_OK);
    return v;
}

static int64_t number(struct desk *k, uint16_t cls, const char *ln, uint8_t attr)
{
    struct desk_value v = get(k, cls, ln, attr);
    struct axdr_in i = axdr_in(v.p, v.n);
    int64_t n = axdr_read_number(&i, NULL);
    assert_true(axdr_is_done(&i));
    return n;
}

static enum dar set(struct desk *k, uint16_t cls, const char *ln, uint8_t attr,
                    const struct axdr_out *o)
{
    return desk_set(k, ROLE_SUPERVISOR, cls, desk_ln(ln), attr, o->buf, o->len, 100);
}

static enum dar call(struct desk *k, uint8_t role, uint16_t cls, const char *ln, uint8_t method,
                     const struct axdr_out *o)
{
    return desk_call(k, role, cls, desk_ln(ln), method, o->buf, o->len, NULL);
}

static struct axdr_out open_in(void)
{
    return axdr_out(in, sizeof in);
}

static void set_equal(struct desk *k, uint16_t cls, const char *ln, uint8_t attr,
                      const struct axdr_out *o)
{
    assert_int_equal(set(k, cls, ln, attr, o), DAR_OK);
    struct desk_value v = get(k, cls, ln, attr);
    assert_int_equal(v.n, o->len);
    assert_memory_equal(v.p, in, v.n);
}

/* -- the calendar at its limits ------------------------------------------------------------ */
static void put_seasons(struct axdr_out *o, unsigned n)
{
    axdr_emit_head(o, AXDR_ARRAY, n);
    for (unsigned i = 0; i < n; i++) {
        uint8_t start[12] = {
            0xFF, 0xFF, (uint8_t)(i + 1), 1, 0xFF, 0, 0, 0, 0, 0x80, 0, 0xFF
        };
        axdr_emit_head(o, AXDR_STRUCTURE, 3);
        axdr_emit_octets(o, &(char){ (char)('a' + i) }, 1);
        axdr_emit_octets(o, start, 12);
        axdr_emit_octets(o, &(char){ (char)('A' + i) }, 1);
    }
}

static void put_weeks(struct axdr_out *o, unsigned n)
{
    axdr_emit_head(o, AXDR_ARRAY, n);
    for (unsigned i = 0; i < n; i++) {
        axdr_emit_head(o, AXDR_STRUCTURE, 8);
        axdr_emit_octets(o, &(char){ (char)('A' + i) }, 1);
        for (unsigned d = 0; d < 7; d++) axdr_emit_u8(o, (uint8_t)(i * 4 + d % 4));
    }
}

static const uint8_t table[6] = { 0, 0, 10, 0, 100, 255 };

static void put_days(struct axdr_out *o, unsigned n)
{
    axdr_emit_head(o, AXDR_ARRAY, n);
    for (unsigned i = 0; i < n; i++) {
        axdr_emit_head(o, AXDR_STRUCTURE, 2);
        axdr_emit_u8(o, (uint8_t)i);
        axdr_emit_head(o, AXDR_ARRAY, 24);
        for (unsigned s = 0; s < 24; s++) {
            uint8_t start[4] = { (uint8_t)s, 0, 0, 0 };
            axdr_emit_head(o, AXDR_STRUCTURE, 3);
            axdr_emit_octets(o, start, 4);
            axdr_emit_octets(o, table, 6);
            axdr_emit_u16(o, (uint16_t)(s % 8 + 1));
        }
    }
}

static void put_special(struct axdr_out *o, unsigned n)
{
    axdr_emit_head(o, AXDR_ARRAY, n);
    for (unsigned i = 0; i < n; i++) {
        uint8_t date[5] = { 0xFF, 0xFF, (uint8_t)(i % 12 + 1), (uint8_t)(i / 12 + 1), 0xFF };
        axdr_emit_head(o, AXDR_STRUCTURE, 3);
        axdr_emit_u16(o, (uint16_t)(i * 300));
        axdr_emit_octets(o, date, 5);
        axdr_emit_u8(o, 47);
    }
}

static void fill_calendar(struct desk *k)
{
    struct axdr_out o = open_in();
    axdr_emit_octets(&o, "winter-2026", 11);
    set_equal(k, 20, "0-0:13.0.0", 6, &o);
    o = open_in();
    put_seasons(&o, 12);
    set_equal(k, 20, "0-0:13.0.0", 7, &o);
    o = open_in();
    put_weeks(&o, 12);
    set_equal(k, 20, "0-0:13.0.0", 8, &o);
    o = open_in();
    put_days(&o, 48);
    set_equal(k, 20, "0-0:13.0.0", 9, &o);
}

static void a_calendar_comes_back_and_switches(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out o = axdr_out(in, 0);
    (void)state;
    fill_calendar(k);
    assert_int_equal(get(k, 20, "0-0:13.0.0", 5).n, 2); /* nothing is in force yet */
    assert_int_equal(call(k, ROLE_SUPERVISOR, 20, "0-0:13.0.0", 1, &o), DAR_OK);
    o = open_in();
    put_days(&o, 48);
    struct desk_value v = get(k, 20, "0-0:13.0.0", 5);
    assert_int_equal(v.n, o.len);
    assert_memory_equal(v.p, in, v.n);
    for (unsigned h = 7; h < 24; h++) { /* on the hour, hour by hour */
        assert_int_equal(number(k, 1, "0-0:96.14.0", 2), h % 8 + 1);
        v = get(k, 6, "0-0:14.0.0", 4);
        assert_int_equal(v.p[2], '1' + h % 8);
        desk_run_s(k, 3600);
    }
    desk_cut(k, 60);
    v = get(k, 1, "1-0:0.2.2", 2);
    assert_memory_equal(v.p + 2, "winter-2026", 11);
    desk_free(k);
}

static void lists_beyond_the_limits_are_refused_whole(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    fill_calendar(k);
    struct axdr_out o = open_in();
    put_seasons(&o, 13);
    assert_int_equal(set(k, 20, "0-0:13.0.0", 7, &o), DAR_OTHER);
    o = open_in();
    put_days(&o, 49);
    assert_int_equal(set(k, 20, "0-0:13.0.0", 9, &o), DAR_OTHER);
    o = open_in();
    put_special(&o, 201);
    assert_int_equal(set(k, 11, "0-0:11.0.0", 2, &o), DAR_OTHER);
    o = open_in();
    put_special(&o, 200);
    set_equal(k, 11, "0-0:11.0.0", 2, &o);
    o = open_in();
    put_days(&o, 48);
    in[o.len - 4] ^= 1; /* the script table's name in the last switch */
    assert_int_equal(set(k, 20, "0-0:13.0.0", 9, &o), DAR_OTHER);
    in[o.len - 4] ^= 1;
    struct desk_value v = get(k, 20, "0-0:13.0.0", 9);
    assert_memory_equal(v.p, in, v.n);
    desk_free(k);
}

static void special_days_come_and_go_one_by_one(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    (void)state;
    axdr_emit_head(&o, AXDR_STRUCTURE, 3);
    axdr_emit_u16(&o, 7);
    axdr_emit_octets(&o, (uint8_t[]){ 0xFF, 0xFF, 12, 25, 0xFF }, 5);
    axdr_emit_u8(&o, 3);
    assert_int_equal(call(k, ROLE_SUPERVISOR, 11, "0-0:11.0.0", 1, &o), DAR_OK);
    struct desk_value v = get(k, 11, "0-0:11.0.0", 2);
    assert_int_equal(v.n, o.len + 2);
    assert_memory_equal(v.p + 2, in, o.len);
    o = open_in();
    axdr_emit_u16(&o, 8);
    assert_int_equal(call(k, ROLE_SUPERVISOR, 11, "0-0:11.0.0", 2, &o), DAR_OTHER);
    o = open_in();
    axdr_emit_u16(&o, 7);
    assert_int_equal(call(k, ROLE_SUPERVISOR, 11, "0-0:11.0.0", 2, &o), DAR_OK);
    assert_int_equal(get(k, 11, "0-0:11.0.0", 2).n, 2);
    desk_free(k);
}

/* -- scripts and schedules ----------------------------------------------------------------- */
static enum dar script(struct desk *k, uint8_t role, const char *ln, uint16_t n)
{
    struct axdr_out o = open_in();
    axdr_emit_u16(&o, n);
    return call(k, role, 9, ln, 1, &o);
}

static void scripts_order(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    assert_int_equal(script(k, ROLE_MANAGEMENT, "0-0:10.0.100", 5), DAR_OK);
    assert_int_equal(number(k, 1, "0-0:96.14.0", 2), 5);
    assert_int_equal(script(k, ROLE_MANAGEMENT, "0-0:10.0.100", 9), DAR_OTHER);
    assert_int_equal(script(k, ROLE_SUPERVISOR, "0-0:10.0.100", 1), DAR_DENIED);
    assert_int_equal(script(k, ROLE_OPERATOR, "0-0:10.0.1", 1), DAR_OK);
    assert_int_equal(number(k, 1, "1-0:0.1.0", 2), 1);
    assert_int_equal(number(k, 1, "1-0:0.1.1", 2), 1);
    assert_int_equal(script(k, ROLE_OPERATOR, "0-0:10.0.1", 1), DAR_TEMPORARY); /* locked */
    desk_run_s(k, 121);
    assert_int_equal(number(k, 3, "1-0:0.9.0", 2), 121);
    assert_int_equal(script(k, ROLE_READER, "0-0:10.0.1", 1), DAR_UNDEFINED);
    assert_int_equal(script(k, ROLE_OPERATOR, "0-0:10.0.1", 2), DAR_OK);
    assert_int_equal(number(k, 1, "1-0:0.1.0", 2), 1);
    desk_free(k);
}

static enum dar set_clock(struct desk *k, uint8_t role, int64_t by_s)
{
    uint8_t dt[12];
    struct axdr_out o = open_in();
    meter_at(&k->d.meter, k->now);
    moment_put(&k->d.meter, (utc_t){ meter_utc(&k->d.meter).s + by_s }, dt);
    axdr_emit_octets(&o, dt, sizeof dt);
    enum dar dar = desk_set(k, role, 8, desk_ln("0-0:1.0.0"), 2, o.buf, o.len, 0);
    desk_run_s(k, 60);
    return dar;
}

static void an_operator_shifts_the_clock_a_little(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    assert_int_equal(set_clock(k, ROLE_OPERATOR, 50), DAR_OK);
    assert_int_equal(set_clock(k, ROLE_OPERATOR, 70), DAR_TEMPORARY); /* the limit is 60 s */
    assert_int_equal(set_clock(k, ROLE_OPERATOR, -70), DAR_TEMPORARY);
    assert_int_equal(set_clock(k, ROLE_READER, 5), DAR_DENIED);
    assert_int_equal(set_clock(k, ROLE_SUPERVISOR, 70), DAR_OK);
    desk_free(k);
}

static void put_entry(struct axdr_out *o, uint16_t index, uint8_t hour, uint8_t script)
{
    static const uint8_t any[5] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    axdr_emit_head(o, AXDR_STRUCTURE, 10);
    axdr_emit_u16(o, index);
    axdr_emit_bool(o, true);
    axdr_emit_octets(o, (uint8_t[]){ 0, 0, 10, 0, 100, 255 }, 6);
    axdr_emit_u16(o, script);
    axdr_emit_octets(o, (uint8_t[]){ hour, 30, 0, 0 }, 4);
    axdr_emit_u16(o, (uint16_t)(index * 7));
    axdr_emit_bits(o, (uint8_t[]){ 0xFE }, 7);
    axdr_emit_bits(o, (uint8_t[]){ 0xA5, (uint8_t)index, 0xC0 }, index % 25);
    axdr_emit_octets(o, any, 5);
    axdr_emit_octets(o, any, 5);
}

static struct axdr_out entries(unsigned n)
{
    struct axdr_out o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, n);
    for (unsigned i = 0; i < n; i++)
        put_entry(&o, (uint16_t)(40 - i), (uint8_t)(9 + i % 12), (uint8_t)(1 + i % 8));
    return o;
}

/* The largest list comes back octet by octet and is carried out; a wrong one changes nothing.
 */
static void orders_by_date(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out o = entries(32);
    (void)state;
    set_equal(k, 10, "0-0:12.0.0", 2, &o);
    desk_run_s(k, 2 * 3600);            /* 9:00 */
    for (unsigned h = 0; h < 12; h++) { /* of the same minute the highest index goes last */
        assert_int_equal(number(k, 1, "0-0:96.14.0", 2), h ? (h - 1) % 8 + 1 : 1);
        desk_run_s(k, 3600);
    }
    o = entries(33);
    assert_int_equal(set(k, 10, "0-0:12.0.0", 2, &o), DAR_OTHER);
    o = entries(3);
    in[9 + 7] ^= 1; /* no such script table */
    assert_int_equal(set(k, 10, "0-0:12.0.0", 2, &o), DAR_OTHER);
    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 1);
    put_entry(&o, 1, 3, 9); /* no such script */
    assert_int_equal(set(k, 10, "0-0:12.0.0", 2, &o), DAR_OTHER);
    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 1);
    put_entry(&o, 1, 24, 1);
    assert_int_equal(set(k, 10, "0-0:12.0.0", 2, &o), DAR_OTHER);
    o = entries(32);
    struct desk_value v = get(k, 10, "0-0:12.0.0", 2);
    assert_int_equal(v.n, o.len);
    assert_memory_equal(v.p, in, v.n);
    o = entries(0);
    set_equal(k, 10, "0-0:12.0.0", 2, &o);
    o = entries(1);
    in[15] = 106; /* the relay's scripts: not for those who may not call them */
    assert_int_equal(set(k, 10, "0-0:12.0.0", 2, &o), DAR_OTHER);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 10, desk_ln("0-0:12.0.0"), 2, in, o.len, 100),
                     DAR_OK);
    desk_free(k);
}

static void put_time(struct axdr_out *o, const uint8_t time[4], const uint8_t date[5])
{
    axdr_emit_head(o, AXDR_ARRAY, 1);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_octets(o, time, 4);
    axdr_emit_octets(o, date, 5);
}

/* Is ln among the capture objects of a profile? */
static bool shows_column(struct desk *k, const char *profile, const uint8_t ln[6])
{
    struct desk_value v = get(k, 7, profile, 3);
    for (size_t i = 0; i + 6 <= v.n; i++)
        if (!memcmp(v.p + i, ln, 6)) return true;
    return false;
}

static void a_schedule_ends_the_period_under_way(void **state)
{
    static const uint8_t daily[5] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    (void)state;
    put_time(&o, (uint8_t[]){ 9, 30, 0, 0 }, daily);
    set_equal(k, 22, "0-0:15.0.0", 4, &o);
    desk_run_s(k, 2 * 3600);
    assert_int_equal(number(k, 7, "0-0:98.1.0", 7), 0);
    desk_run_s(k, 3600);
    assert_int_equal(number(k, 7, "0-0:98.1.0", 7), 1);
    assert_int_equal(number(k, 1, "0-0:96.10.5", 2), 0);
    assert_true(shows_column(k, "0-0:98.1.0", (uint8_t[]){ 0, 0, 96, 10, 5, 255 }));
    assert_true(shows_column(k, "1-0:99.1.1", (uint8_t[]){ 0, 0, 96, 10, 2, 255 }));
    assert_false(shows_column(k, "0-0:98.1.0", (uint8_t[]){ 0, 0, 96, 10, 2, 255 }));
    desk_run_s(k, 2 * 86400);
    assert_int_equal(number(k, 7, "0-0:98.1.0", 7), 3);
    o = open_in();
    put_time(&o, (uint8_t[]){ 0xFF, 30, 0, 0 }, daily); /* no moment of a day */
    assert_int_equal(set(k, 22, "0-0:15.0.0", 4, &o), DAR_OTHER);
    desk_free(k);
}

static void put_capture(struct axdr_out *o, uint16_t cls, const char *name, int8_t attr)
{
    struct cosem_capture c = { .class_id = cls, .ln = desk_ln(name), .attr = attr };
    cosem_emit_capture(o, &c);
}

static void put_moment(struct axdr_out *o, uint8_t hour, const uint8_t date[5])
{
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_octets(o, (uint8_t[]){ hour, 0, 0, 0 }, 4);
    axdr_emit_octets(o, date, 5);
}

/* Two single actions a day would be two objects; one opens at the dates it names, once each,
 * and once for all it missed in the dark. */
static void a_single_action_opens_the_relay(void **state)
{
    static const uint8_t tomorrow[5] = { 2026 >> 8, 2026 & 0xFF, 1, 11, 0xFF };
    static const struct who self = { .link = LINK_SELF };
    static const uint8_t tenth[5] = { 0xFF, 0xFF, 0xFF, 10, 0xFF };
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    (void)state;
    desk_fit_relay(k);
    assert_int_equal(param_set(&k->d.meter, &self, PARAM_SUPPLY_MODE, 6), 0);
    desk_settle(k);
    axdr_emit_enum(&o, 5);
    set_equal(k, 22, "0-0:15.0.1", 3, &o);
    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 2);
    put_moment(&o, 9, tomorrow);
    put_moment(&o, 7, tenth);
    set_equal(k, 22, "0-0:15.0.1", 4, &o);
    o = open_in(); /* a type that allows no wildcards, one of one moment, one that is none */
    axdr_emit_enum(&o, 4);
    assert_int_equal(set(k, 22, "0-0:15.0.1", 3, &o), DAR_OTHER);
    in[1] = 1;
    assert_int_equal(set(k, 22, "0-0:15.0.1", 3, &o), DAR_OTHER);
    in[1] = 6;
    assert_int_equal(set(k, 22, "0-0:15.0.1", 3, &o), DAR_OTHER);
    o = open_in();
    axdr_emit_head(&o, AXDR_STRUCTURE, 2);
    axdr_emit_octets(&o, (uint8_t[]){ 0, 0, 10, 0, 106, 255 }, 6);
    axdr_emit_u16(&o, 4); /* no such script */
    assert_int_equal(set(k, 22, "0-0:15.0.1", 2, &o), DAR_OTHER);
    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 9);
    for (unsigned i = 0; i < 9; i++) put_moment(&o, 9, tomorrow);
    assert_int_equal(set(k, 22, "0-0:15.0.1", 4, &o), DAR_OTHER);
    assert_int_equal(number(k, 1, "0-0:96.50.20", 2), 0);
    desk_run_s(k, 26 * 3600 - 10);
    assert_int_equal(number(k, 1, "0-0:96.50.20", 2), 0);
    desk_run_s(k, 60);
    assert_int_equal(number(k, 1, "0-0:96.50.20", 2), SUPPLY_SCHEDULE + 1);
    assert_int_equal(command_do(&k->d.meter, &self, CMD_SUPPLY_RECONNECT, SUPPLY_SCHEDULE), 0);
    desk_run_s(k, 60);
    uint32_t opens = (uint32_t)reg_at(&k->d.meter.now, REG_RELAY_OPENS);
    desk_cut(k, 40 * 86400); /* the tenth of February passes */
    desk_run_s(k, 60);
    assert_int_equal(reg_at(&k->d.meter.now, REG_RELAY_OPENS), opens + 1);
    desk_free(k);
}

/* -- what the display shows ---------------------------------------------------------------- */

static void the_display_shows_what_it_is_told(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    struct display_page page;
    (void)state;
    k->d.meter.now.cell[CELL_WH][0][4] = 1234567;
    desk_run_s(k, 4);
    axdr_emit_head(&o, AXDR_ARRAY, 2);
    put_capture(&o, 3, "1-0:1.8.5", 2);
    put_capture(&o, 1, "1-0:0.9.1", 2);
    set_equal(k, 7, "0-0:21.0.1", 3, &o);
    display_page(&k->d.meter, k->now, &page);
    assert_int_equal(page.pages, 2);
    k->d.meter.display.since = k->now;
    display_page(&k->d.meter, k->now, &page);
    assert_memory_equal(page.cell, "  123456", 8);
    assert_int_equal(page.point, 2);
    assert_memory_equal(page.item.label, ((uint8_t[]){ 1, 8, 5 }), 3);
    o = open_in(); /* its format: no decimals of a Wh */
    axdr_emit_head(&o, AXDR_ARRAY, 2);
    for (unsigned i = 0; i < 2; i++) {
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_u8(&o, 0);
        axdr_emit_bool(&o, false);
    }
    set_equal(k, 1, "0-0:96.50.60", 2, &o);
    display_page(&k->d.meter, k->now, &page);
    assert_memory_equal(page.cell, " 1234567", 8);
    struct desk_value v = get(k, 7, "0-0:21.0.1", 2); /* and its values as one row */
    struct axdr_in i = axdr_in(v.p, v.n);
    assert_int_equal(axdr_read_head(&i, AXDR_ARRAY), 1);
    axdr_read_struct(&i, 2);
    assert_int_equal(axdr_read_number(&i, NULL), 1234567);
    o = open_in(); /* what is nobody's value: refused, the list stands */
    axdr_emit_head(&o, AXDR_ARRAY, 1);
    put_capture(&o, 3, "1-0:1.8.9", 2);
    assert_int_equal(set(k, 7, "0-0:21.0.1", 3, &o), DAR_OTHER);
    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 33);
    for (unsigned n = 0; n < 33; n++) put_capture(&o, 3, "1-0:1.8.0", 2);
    assert_int_equal(set(k, 7, "0-0:21.0.1", 3, &o), DAR_OTHER);
    assert_int_equal(display_items(&k->d.meter, DISPLAY_AUTOMATIC,
                                   (struct display_item[DISPLAY_ITEMS]){ { 0 } }),
                     2);
    o = open_in(); /* none: the product's again */
    axdr_emit_head(&o, AXDR_ARRAY, 0);
    assert_int_equal(set(k, 7, "0-0:21.0.1", 3, &o), DAR_OK);
    assert_true(display_items(&k->d.meter, DISPLAY_AUTOMATIC,
                              (struct display_item[DISPLAY_ITEMS]){ { 0 } }) > 2);
    desk_free(k);
}

/* -- words and structures ------------------------------------------------------------------ */
static void alarms_clear_when_their_cause_is_gone(void **state)
{
    enum { COVER = INPUT_METER_COVER };
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    (void)state;
    axdr_emit_u32(&o, 0);
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, COVER), 0);
    desk_run_s(k, 100);
    assert_int_equal(number(k, 1, "0-0:96.20.0", 2), 1);
    assert_int_equal(number(k, 3, "0-0:96.20.2", 2), 100);
    int64_t raised = 0;
    for (unsigned e = 0; e < 3; e++) {
        char ln[] = "0-0:97.98.0";
        ln[10] = (char)('0' + e);
        raised |= number(k, 1, ln, 2);
    }
    assert_int_not_equal(raised, 0);
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, 0), 0);
    desk_run_s(k, 10);
    assert_int_equal(number(k, 3, "0-0:96.20.2", 2), 0);
    assert_int_equal(number(k, 3, "0-0:96.20.3", 2), 100);
    for (unsigned e = 0; e < 3; e++) {
        char ln[] = "0-0:97.98.0";
        ln[10] = (char)('0' + e);
        assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, desk_ln(ln), 2, in, o.len, 0), DAR_OK);
        assert_int_equal(number(k, 1, ln, 2), 0);
    }
    desk_free(k);
}

/* The pushes that are on their way, which is then the end of them. */
static uint8_t pushed(struct desk *k)
{
    uint8_t which = 0;
    for (unsigned n = 0; n < PUSHES; n++) {
        if (k->d.push.job[n].waiting) which |= (uint8_t)(1u << n);
        push_reset(&k->d, n);
    }
    return which;
}

/* A serial line nobody listens at: pushes stay on their way. */
static void aim(struct desk *k, uint8_t n)
{
    struct axdr_out o = open_in();
    axdr_emit_head(&o, AXDR_STRUCTURE, 3);
    axdr_emit_enum(&o, PUSH_HDLC);
    axdr_emit_octets(&o, NULL, 0);
    axdr_emit_enum(&o, 0);
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 40, (struct obis){ 0, n, 25, 9, 0, 255 }, 3, in, o.len, 0),
        DAR_OK);
}

static uint8_t opens_cover(struct desk *k)
{
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, INPUT_METER_COVER), 0);
    desk_run_s(k, 10);
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, 0), 0);
    desk_run_s(k, 10);
    return pushed(k);
}

/* Write the monitor of descriptor 3: threshold, scripts up and down. */
static void monitor(struct desk *k, uint32_t threshold, uint16_t up, uint16_t down)
{
    struct axdr_out o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 1);
    axdr_emit_u32(&o, threshold);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 21, desk_ln("0-0:16.1.2"), 2, in, o.len, 0),
                     DAR_OK);
    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 1);
    axdr_emit_head(&o, AXDR_STRUCTURE, 2);
    for (unsigned i = 0; i < 2; i++) {
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_octets(&o, (uint8_t[]){ 0, 0, 10, 0, 108, 255 }, 6);
        axdr_emit_u16(&o, i ? down : up);
    }
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 21, desk_ln("0-0:16.1.2"), 4, in, o.len, 0),
                     up > 8 ? DAR_OTHER : DAR_OK);
    assert_int_equal(set(k, 21, "0-0:16.1.2", 4, &o), DAR_DENIED);
}

/* A descriptor that rises calls its monitor's script once; cleared, the next one calls again. */
static void monitors_of_alarms_call_push_scripts(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    aim(k, 4);
    aim(k, 6);
    monitor(k, 0, 5, 7); /* 6 is that of a power-down, which does not wait */
    monitor(k, 0, 9, 0); /* no such script: both stay */
    /* the cover is bit 13 of register 1 as well: of that one nobody is told */
    assert_int_equal(param_set(&k->d.meter, &(struct who){ 0 }, PARAM_ALARM_MONITOR_1_UP, 0),
                     0);
    desk_settle(k);
    pushed(k);
    struct axdr_out zero = open_in();
    axdr_emit_u32(&zero, 0);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(opens_cover(k) & 1 << 4, 1 << 4);
        assert_int_equal(opens_cover(k), 0);
        assert_int_equal(number(k, 1, "0-0:97.98.22", 2), 1 << 1);
        for (unsigned e = 0; e < 3; e++) {
            char ln[] = "0-0:97.98.20", set_ln[] = "0-0:97.98.0";
            ln[11] = set_ln[10] = (char)('0' + e);
            zero = open_in();
            axdr_emit_u32(&zero, 0);
            assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, desk_ln(ln), 2, in, zero.len, 0),
                             DAR_OK);
            assert_int_equal(
                desk_set(k, ROLE_MANAGEMENT, 1, desk_ln(set_ln), 2, in, zero.len, 0), DAR_OK);
        }
        desk_settle(k);
        assert_int_equal(pushed(k), 1 << 6); /* fell back */
    }
    /* script 5 does what 7 did, once the table says so */
    assert_int_equal(
        param_set(&k->d.meter, &(struct who){ 0 }, PARAM_PUSH_SCRIPTS, (4 ^ 6) << 4 * 3), 0);
    desk_settle(k);
    assert_int_equal(opens_cover(k), 1 << 6);
    monitor(k, 1 << 1, 5, 0); /* above the cover alone: not this one */
    assert_int_equal(opens_cover(k) & 1 << 4, 0);
    desk_free(k);
}

static void a_structure_is_written_whole_or_not_at_all(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    (void)state;
    axdr_emit_head(&o, AXDR_STRUCTURE, 7);
    axdr_emit_enum(&o, 1);
    axdr_emit_u8(&o, 5);
    axdr_emit_bool(&o, false);
    axdr_emit_u16(&o, 2500);
    axdr_emit_u8(&o, 9); /* no such tariff */
    size_t tariff = o.len - 1;
    axdr_emit_u8(&o, 0);
    axdr_emit_u32(&o, 3000);
    struct desk_value v = get(k, 1, "0-0:96.50.10", 2);
    uint8_t was[32];
    assert_true(v.n < sizeof was);
    memcpy(was, v.p, v.n);
    assert_int_equal(set(k, 1, "0-0:96.50.10", 2, &o), DAR_OTHER);
    v = get(k, 1, "0-0:96.50.10", 2);
    assert_memory_equal(v.p, was, v.n);
    int64_t changes = number(k, 1, "0-0:96.2.0", 2);
    in[tariff] = 6;
    set_equal(k, 1, "0-0:96.50.10", 2, &o);
    assert_int_equal(number(k, 1, "0-0:96.2.0", 2), changes + 1);
    desk_cut(k, 5);
    v = get(k, 1, "0-0:96.50.10", 2);
    assert_memory_equal(v.p, in, v.n);
    desk_free(k);
}

/* -- ports --------------------------------------------------------------------------------- */
static struct dlms_port port_of(struct desk *k, uint8_t link)
{
    struct dlms_port p;
    device_host.port_get(&k->d, link, &p);
    return p;
}

static void set_u16(struct desk *k, uint16_t cls, const char *ln, uint8_t attr, uint16_t v)
{
    struct axdr_out o = open_in();
    axdr_emit_u16(&o, v);
    set_equal(k, cls, ln, attr, &o);
}

static void ports_are_as_they_were_set(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    (void)state;
    assert_int_equal(port_of(k, LINK_OPTICAL).lower, 16 + k->meter.serial % 10000);
    assert_false(port_of(k, LINK_OPTICAL).direct);
    assert_true(port_of(k, LINK_RS485).direct);
    set_u16(k, 23, "0-0:22.0.0", 5, 2030);
    set_u16(k, 23, "0-1:22.0.0", 8, 300);
    set_u16(k, 23, "0-1:22.0.0", 9, 77);
    axdr_emit_enum(&o, 9);
    set_equal(k, 23, "0-1:22.0.0", 2, &o);
    o = open_in();
    axdr_emit_octets(&o, "12345678", 8);
    set_equal(k, 19, "0-0:20.0.0", 6, &o);
    o = open_in();
    axdr_emit_octets(&o, "1/2!", 4);
    assert_int_equal(set(k, 19, "0-0:20.0.0", 6, &o), DAR_OTHER);
    desk_cut(k, 5);
    assert_int_equal(port_of(k, LINK_OPTICAL).info_tx, 2030);
    assert_int_equal(port_of(k, LINK_OPTICAL).address_len, 8);
    struct dlms_port p = port_of(k, LINK_RS485);
    assert_int_equal(p.inactivity_s, 300);
    assert_int_equal(p.lower, 77);
    assert_int_equal(p.lower_short, 77);
    assert_int_equal(p.baud, 115200);
    assert_int_equal(p.info_tx, 128);
    o = open_in();
    axdr_emit_u8(&o, 8); /* a window has at most seven */
    assert_int_equal(set(k, 23, "0-0:22.0.0", 3, &o), DAR_OTHER);
    desk_free(k);
}

static const struct who reader = { .sap = 32, .link = LINK_WAN, .assoc = ROLE_READER },
                        other = { .sap = 34, .link = LINK_WAN, .assoc = ROLE_SUPERVISOR };

static bool is_locked(struct desk *k)
{
    meter_at(&k->d.meter, k->now);
    return device_host.lock_get(&k->d, &reader);
}

static void wrong(struct desk *k, unsigned times)
{
    meter_at(&k->d.meter, k->now);
    for (unsigned i = 0; i < times; i++) device_host.lock_set(&k->d, &reader, true);
    desk_settle(k);
}

static void guard(struct desk *k, uint8_t attr, uint8_t tag, uint32_t v)
{
    struct axdr_out o = open_in();
    axdr_emit_int(&o, tag, v);
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 124, desk_ln("0-0:44.2.2"), attr, in, o.len, 0), DAR_OK);
}

static void a_port_locks_as_its_guard_says(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out none = axdr_out(in, 0);
    (void)state;
    guard(k, 3, AXDR_U16, 2);
    guard(k, 4, AXDR_U32, 100);
    guard(k, 5, AXDR_U8, 3);
    guard(k, 6, AXDR_U32, 500);
    wrong(k, 1);
    assert_false(is_locked(k));
    wrong(k, 1);
    assert_int_equal(number(k, 124, "0-0:44.2.2", 8), 1);
    desk_cut(k, 50); /* goes on over a cut */
    assert_true(is_locked(k));
    desk_run_s(k, 51);
    assert_false(is_locked(k));
    wrong(k, 1); /* 300 s */
    desk_run_s(k, 299);
    assert_true(is_locked(k));
    desk_run_s(k, 2);
    assert_false(is_locked(k));
    wrong(k, 1); /* 900 would be longer than the longest */
    desk_run_s(k, 499);
    assert_true(is_locked(k));
    assert_int_equal(call(k, ROLE_SUPERVISOR, 124, "0-0:44.2.2", 1, &none), DAR_DENIED);
    assert_int_equal(call(k, ROLE_MANAGEMENT, 124, "0-0:44.2.2", 1, &none), DAR_OK);
    assert_false(is_locked(k));
    assert_int_equal(number(k, 124, "0-0:44.2.2", 9), 0);
    assert_int_equal(number(k, 124, "0-0:44.2.2", 10), 4);
    guard(k, 2, AXDR_ENUM, 2);
    wrong(k, 50);
    assert_false(is_locked(k));
    guard(k, 2, AXDR_ENUM, 0);
    assert_true(is_locked(k));
    assert_int_equal(number(k, 124, "0-0:44.2.2", 8), 2);
    desk_free(k);
}

/* Whoever knows one password cannot begin the count anew for guesses at another. */
static void one_client_wins_no_guesses_for_another(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    meter_at(&k->d.meter, k->now);
    for (unsigned i = 0; i < 2; i++) {
        device_host.lock_set(&k->d, &other, true);
        device_host.lock_set(&k->d, &reader, false);
    }
    assert_int_equal(number(k, 124, "0-0:44.2.2", 9), 2);
    device_host.lock_set(&k->d, &other, false); /* he himself does */
    assert_int_equal(number(k, 124, "0-0:44.2.2", 9), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(is_locked(k));
        device_host.lock_set(&k->d, &other, true);
        device_host.lock_set(&k->d, &reader, false);
    }
    assert_true(is_locked(k));
    desk_settle(k);
    desk_free(k);
}

/* Who guessed is not forgotten with the power, nor who came in before it went. */
static void a_power_cut_wins_no_guesses(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    meter_at(&k->d.meter, k->now);
    for (unsigned i = 0; i < 2; i++) {
        assert_false(is_locked(k));
        device_host.lock_set(&k->d, &other, true);
        desk_settle(k);
        desk_cut(k, 5);
        meter_at(&k->d.meter, k->now);
        device_host.lock_set(&k->d, &reader, false);
        assert_int_equal(number(k, 124, "0-0:44.2.2", 9), i + 1);
    }
    device_host.lock_set(&k->d, &other, true);
    assert_true(is_locked(k));
    desk_settle(k);
    desk_cut(k, 600);
    assert_false(is_locked(k));
    device_host.lock_set(&k->d, &reader, true);
    device_host.lock_set(&k->d, &other, false); /* of two one is in: this counts as well */
    desk_settle(k);
    desk_cut(k, 600);
    assert_int_equal(number(k, 124, "0-0:44.2.2", 9), 4);
    device_host.lock_set(&k->d, &reader, false);
    assert_int_equal(number(k, 124, "0-0:44.2.2", 9), 0);
    desk_settle(k);
    desk_free(k);
}

static void without_a_network_its_objects_are_unavailable(void **state)
{
    struct desk *k = desk_new(T0);
    struct desk_value v = { out, sizeof out };
    (void)state;
    assert_int_equal(number(k, 41, "0-0:25.0.0", 2), 4059);
    k->cfg.net = NULL;
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 41, desk_ln("0-0:25.0.0"), 2, NULL, 0, &v),
                     DAR_UNAVAILABLE);
    desk_free(k);
}

/* -- selections of the object list --------------------------------------------------------- */
static uint8_t all[LONG];

/* The element of that object in the whole list: where and how long. */
static struct desk_value element(struct desk *k, uint16_t cls, const char *name)
{
    struct desk_value v = { all, sizeof all };
    struct obis ln = desk_ln(name);
    assert_int_equal(desk_get(k, ROLE_SUPERVISOR, 15, desk_ln("0-0:40.0.0"), 2, NULL, 0, &v),
                     0);
    struct axdr_in i = axdr_in(v.p, v.n);
    for (uint32_t n = axdr_read_head(&i, AXDR_ARRAY); n > 0; n--) {
        struct axdr_in e = axdr_read_value(&i), x = e;
        axdr_read_struct(&x, 4);
        uint16_t c = axdr_read_u16(&x);
        axdr_read_u8(&x);
        struct obis l;
        axdr_read_octets(&x, &l, 6);
        if (c == cls && !memcmp(&l, &ln, 6))
            return (struct desk_value){ (uint8_t *)(uintptr_t)e.p, e.n };
    }
    return (struct desk_value){ NULL, 0 };
}

static struct desk_value select_list(struct desk *k, uint8_t selector, const struct axdr_out *o,
                                     enum dar want, size_t piece)
{
    struct desk_value v = { out, sizeof out };
    struct cosem_sel sel = { selector, axdr_in(o->buf, o->len) };
    assert_int_equal(
        desk_get(k, ROLE_SUPERVISOR, 15, desk_ln("0-0:40.0.0"), 2, &sel, piece, &v), want);
    return v;
}

static void put_object(struct axdr_out *o, uint16_t cls, const char *name)
{
    struct obis ln = desk_ln(name);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_u16(o, cls);
    axdr_emit_octets(o, &ln, 6);
}

static void the_object_list_can_be_asked_in_part(void **state)
{
    struct desk *k = desk_new(T0);
    struct axdr_out o = open_in();
    (void)state;
    axdr_emit_head(&o, AXDR_ARRAY, 3); /* the profiles and the clock; one named twice */
    axdr_emit_u16(&o, 8);
    axdr_emit_u16(&o, 7);
    axdr_emit_u16(&o, 8);
    struct desk_value v = select_list(k, 2, &o, DAR_OK, 19);
    struct axdr_in i = axdr_in(v.p, v.n);
    uint32_t n = axdr_read_head(&i, AXDR_ARRAY), clocks = 0;
    assert_true(n > 10);
    for (uint32_t e = 0; e < n; e++) {
        axdr_read_struct(&i, 4);
        uint16_t cls = axdr_read_u16(&i);
        clocks += cls == 8;
        assert_true(cls == 7 || cls == 8);
        axdr_read_u8(&i);
        axdr_read_value(&i);
        assert_int_equal(axdr_read_raw(&i, 1), AXDR_NULL); /* without rights */
    }
    assert_true(axdr_is_done(&i));
    assert_int_equal(clocks, 1);

    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 3);
    put_object(&o, 3, "1-0:2.8.4");
    put_object(&o, 15, "0-0:40.0.5"); /* not for a supervisor */
    put_object(&o, 8, "0-0:1.0.0");
    v = select_list(k, 3, &o, DAR_OK, 19);
    struct desk_value energy = element(k, 3, "1-0:2.8.4"), clock = element(k, 8, "0-0:1.0.0");
    assert_int_equal(v.n, 2 + energy.n + clock.n);
    assert_memory_equal(v.p + 2, energy.p, energy.n);
    assert_memory_equal(v.p + 2 + energy.n, clock.p, clock.n);

    o = open_in();
    put_object(&o, 8, "0-0:1.0.0");
    v = select_list(k, 4, &o, DAR_OK, 0);
    assert_int_equal(v.n, 2 + clock.n);
    o = open_in();
    put_object(&o, 15, "0-0:40.0.5");
    select_list(k, 4, &o, DAR_UNDEFINED, 0);
    o = open_in();
    axdr_emit_u16(&o, 8);
    select_list(k, 2, &o, DAR_TYPE, 0);
    desk_free(k);
}

/* -- the who-log, and rows selected by another column than the clock ----------------------- */
/* Rows of a profile whose column lies in [from, to]; how many; the value in v. */
static uint32_t select_rows(struct desk *k, const char *profile, uint16_t cls, const char *by,
                            int64_t from, int64_t to, enum dar want, struct desk_value *v)
{
    struct axdr_out o = open_in();
    axdr_emit_head(&o, AXDR_STRUCTURE, 4);
    put_capture(&o, cls, by, 2);
    axdr_emit_i64(&o, from);
    axdr_emit_i64(&o, to);
    axdr_emit_head(&o, AXDR_ARRAY, 0);
    struct cosem_sel sel = { 1, axdr_in(in, o.len) };
    *v = (struct desk_value){ out, sizeof out };
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 7, desk_ln(profile), 2, &sel, 23, v), want);
    if (want != DAR_OK) return 0;
    struct axdr_in i = axdr_in(v->p, v->n);
    uint32_t n = axdr_read_head(&i, AXDR_ARRAY);
    *v = (struct desk_value){ (uint8_t *)(uintptr_t)i.p, i.n };
    return n;
}

/* A password of the reader, and two keys under the master key. */
static void renew_secrets(struct desk *k)
{
    static const uint8_t id[] = { 0, 2 }, key[16] = "0123456789ABCDE";
    struct axdr_out o = open_in();
    axdr_emit_octets(&o, "a new one", 9);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 15, desk_ln("0-0:40.0.2"), 7, in, o.len, 0),
                     DAR_OK);
    desk_settle(k);
    uint8_t wrapped[24];
    kw_wrap(wrapped, device_development.key[SECURE_MASTER], 16, key, sizeof key);
    o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, sizeof id);
    for (unsigned i = 0; i < sizeof id; i++) {
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_enum(&o, id[i]);
        axdr_emit_octets(&o, wrapped, sizeof wrapped);
    }
    assert_int_equal(call(k, ROLE_MANAGEMENT, 64, "0-0:43.0.0", 2, &o), DAR_OK);
    desk_settle(k);
}

/* Each row of the who-log names the digest of the row before. */
static void assert_chained(struct desk *k, uint32_t rows)
{
    uint8_t row[64], want[32] = { 0 };
    struct audit_row r;
    for (uint32_t i = 0; i < rows; i++) {
        assert_int_equal(audit_read(&k->d.meter, i, &r), 0);
        assert_memory_equal(r.chain, want, sizeof r.chain);
        assert_int_equal(series_row_size(&k->d.meter.store, SERIES_CHANGES), 62);
        assert_true(series_read(&k->d.meter.store, SERIES_CHANGES, i, row) >= 0);
        sha256(want, row, 62);
    }
}

static void changes_say_what_and_who(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    set_u16(k, 23, "0-0:22.0.0", 5, 512); /* supervisor */
    desk_run_s(k, 60);
    guard(k, 3, AXDR_U16, 5); /* management */
    renew_secrets(k);
    struct desk_value v = get(k, 7, "0-0:99.16.0", 2);
    struct axdr_in i = axdr_in(v.p, v.n);
    static const struct {
        uint16_t cls, sap;
        const char *ln;
        int8_t attr;
    } want[] = {
        { 23, 34, "0-0:22.0.0", 5 }, { 124, 1, "0-0:44.2.2", 3 }, { 15, 1, "0-0:40.0.2", 7 },
        { 64, 1, "0-0:43.0.0", 0 },  { 64, 1, "0-0:43.0.0", 0 },
    };
    assert_int_equal(axdr_read_head(&i, AXDR_ARRAY), COUNT(want));
    for (unsigned r = 0; r < COUNT(want); r++) {
        struct obis ln, is = desk_ln(want[r].ln);
        uint8_t dt[12], digest[8];
        static const uint8_t none[8];
        axdr_read_struct(&i, 5);
        axdr_read_datetime(&i, dt);
        axdr_read_struct(&i, 4);
        assert_int_equal(axdr_read_u16(&i), want[r].cls);
        axdr_read_octets(&i, &ln, 6);
        assert_memory_equal(&ln, &is, 6);
        assert_int_equal(axdr_read_i8(&i), want[r].attr);
        assert_int_equal(axdr_read_raw(&i, 1), AXDR_NULL);
        assert_int_equal(axdr_read_u16(&i), want[r].sap);
        assert_int_equal(axdr_read_u8(&i), LINK_WAN);
        axdr_read_octets(&i, digest, 8);
        /* of a secret not even a digest */
        assert_true(!memcmp(digest, none, 8) == (want[r].attr == 0 || want[r].attr == 7));
    }
    assert_true(axdr_is_done(&i));
    assert_chained(k, COUNT(want));
    assert_int_equal(get(k, 65, "0-0:16.2.0", 2).n, 16);
    assert_int_equal(get(k, 65, "0-0:16.2.0", 7).n, 2); /* the newest is a key: no digest */
    /* rows of the supervisor alone */
    assert_int_equal(select_rows(k, "0-0:99.16.0", 1, "0-0:96.50.41", 34, 34, DAR_OK, &v), 1);
    assert_int_equal(select_rows(k, "0-0:99.16.0", 1, "0-0:96.50.41", 0, 0xFFFF, DAR_OK, &v),
                     5);
    assert_int_equal(select_rows(k, "0-0:99.16.0", 1, "0-0:96.50.41", 35, 99, DAR_OK, &v), 0);
    desk_free(k);
}

/* A push setup is one parameter, but what was written is one of its attributes. */
static void a_push_setup_says_which_attribute_was_written(void **state)
{
#define EIGHT "\x09\x0C\xFF\xFF\xFF\xFF\xFF\x08\0\0\0\x80\0\xFF"
    static const struct {
        uint8_t attr, n;
        const char *value;
    } write[] = {
        { 2, 2, "\x01\0" },
        { 3, 17,
          "\x02\x03\x16\0\x09\x09"
          "1.2.3.4:5"
          "\x16\0" },
        { 4, 32, "\x01\x01\x02\x02" EIGHT EIGHT },
        { 5, 3, "\x12\0\x05" },
        { 6, 2, "\x11\x05" },
        { 7, 11, "\x02\x03\x12\0\x0B\x12\0\xC8\x12\x03\x84" },
        { 8, 8, "\x09\x06\0\0\x14\0\0\xFF" },
        { 9, 2, "\x0F\x01" },
        { 10, 22,
          "\x01\x01\x02\x02\x16\x02\x02\x05\x09\0\x09\0\x09\0\x09\0"
          "\x02\x02\x16\0\x16\0" },
        { 11, 2, "\x16\x01" },
        { 12, 21, "\x02\x02" EIGHT "\x06\0\0\0\x3C" },
    };
#undef EIGHT
    struct desk *k = desk_new(T0);
    struct obis ln = desk_ln("0-1:25.9.0"), is;
    (void)state;
    for (unsigned w = 0; w < COUNT(write); w++) {
        assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 40, ln, write[w].attr,
                                  (const uint8_t *)write[w].value, write[w].n, 100),
                         DAR_OK);
        struct desk_value v = get(k, 65, "0-0:16.2.0", 2);
        struct axdr_in i = axdr_in(v.p, v.n);
        axdr_read_struct(&i, 4);
        assert_int_equal(axdr_read_u16(&i), 40);
        axdr_read_octets(&i, &is, sizeof is);
        assert_memory_equal(&is, &ln, sizeof is);
        assert_int_equal(axdr_read_i8(&i), write[w].attr);
        assert_int_equal(get(k, 65, "0-0:16.2.0", 7).n, 10);
        v = get(k, 40, "0-1:25.9.0", write[w].attr);
        assert_int_equal(v.n, write[w].n);
        assert_memory_equal(v.p, write[w].value, v.n);
    }
    desk_free(k);
}

/* Every parameter is shown somewhere, but for those of features without objects. */
static void every_parameter_has_its_object(void **state)
{
    static const uint16_t hidden[][2] = {
        { PARAM_CALENDAR_SIDES, PARAM_CALENDAR_SIDES_3 },
    };
    (void)state;
    for (uint16_t id = 0; id < PARAMS; id++) {
        bool is_hidden = false;
        for (unsigned h = 0; h < sizeof hidden / sizeof hidden[0]; h++)
            is_hidden |= id >= hidden[h][0] && id <= hidden[h][1];
        if (is_hidden == (model_object_of(id).class_id != 0)) print_message("param %u\n", id);
        assert_int_equal(is_hidden, model_object_of(id).class_id == 0);
    }
}

/* What a column of a profile is sent as is what the object of its register is sent as. */
static void columns_have_the_types_of_their_objects(void **state)
{
    unsigned seen = 0;
    (void)state;
    for (uint16_t reg = 0; reg < REG_COUNT; reg++) {
        static const struct profile_view v = { &profile_survey, 0 };
        static const struct who who = { .assoc = ROLE_MANAGEMENT };
        struct cosem_capture c = model_capture_of(reg, &v);
        struct cosem_at at = { .who = &who };
        if (c.class_id == 0 || c.attr != 2 || reg_kind_at(reg) == REG_TIME) continue;
        assert_int_equal(cosem_find(&device_model, c.class_id, c.ln, &at), DAR_OK);
        assert_int_equal(model_reg_tag(reg), at.row->bind.tag);
        seen++;
    }
    assert_true(seen > 200);
}

static void the_readout_is_what_the_display_turns_through(void **state)
{
    struct desk *k = desk_new(T0);
    struct display_item item[DISPLAY_ITEMS];
    uint8_t line[100];
    unsigned lines = 0, values = 0, n = display_items(&k->d.meter, DISPLAY_AUTOMATIC, item);
    bool import = false;
    (void)state;
    k->d.meter.now.cell[CELL_WH][0][0] = 12345678;
    int got;
    for (; (got = device_host.readout(&k->d, lines, line, sizeof line)) >= 0; lines++) {
        line[got] = 0;
        import |= strstr((char *)line, "1-0:1.8.0(") == (char *)line &&
                  strstr((char *)line, "12345.6") && strstr((char *)line, "*kWh)");
        assert_int_equal(line[got - 1], ')');
        if (lines) assert_memory_equal(line, "1-0:", 4);
    }
    for (unsigned i = 0; i < n; i++)
        values += item[i].column < REG_COUNT ||
                  (item[i].column >= DISPLAY_TIME && item[i].column <= DISPLAY_SERIAL);
    assert_int_equal(lines, values + 1);
    assert_true(import);
    assert_int_equal(device_host.readout(&k->d, 0, line, sizeof line), 13);
    assert_memory_equal(line, "F.F(00000000)", 13);
    desk_free(k);
}

static void the_readout_has_a_list_of_its_own(void **state)
{
    static const char *const want[] = { "F.F(00000000)", "1-0:32.7.0(0.0*V)",
                                        "1-0:1.8.0(0000012.3*kWh)" };
    struct desk *k = desk_new(T0);
    struct display_item item[DISPLAY_ITEMS];
    uint8_t line[100];
    (void)state;
    k->d.meter.now.cell[CELL_WH][0][0] = 12345;
    unsigned before = display_items(&k->d.meter, DISPLAY_AUTOMATIC, item);
    struct axdr_out o = open_in();
    axdr_emit_head(&o, AXDR_ARRAY, 2);
    put_capture(&o, 3, "1-0:32.7.0", 2);
    put_capture(&o, 3, "1-0:1.8.0", 2);
    set_equal(k, 7, "0-0:21.0.0", 3, &o);
    o = open_in(); /* formats: one decimal of volts, one of kWh */
    axdr_emit_head(&o, AXDR_ARRAY, 2);
    for (unsigned i = 0; i < 2; i++) {
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_u8(&o, 1);
        axdr_emit_bool(&o, i == 1);
    }
    set_equal(k, 1, "0-0:96.50.64", 2, &o);
    desk_cut(k, 60);
    k->d.meter.now.cell[CELL_WH][0][0] = 12345;
    for (unsigned i = 0; i < COUNT(want); i++) {
        int n = device_host.readout(&k->d, i, line, sizeof line);
        assert_int_equal(n, strlen(want[i]));
        assert_memory_equal(line, want[i], (size_t)n);
    }
    assert_true(device_host.readout(&k->d, COUNT(want), line, sizeof line) < 0);
    assert_int_equal(display_items(&k->d.meter, DISPLAY_AUTOMATIC, item), before);
    desk_free(k);
}

static void a_policy_only_grows(void **state)
{
    struct desk *k = desk_new(T0);
    (void)state;
    for (unsigned policy = 0; policy < 256; policy += 4) {
        struct axdr_out o = open_in();
        axdr_emit_enum(&o, (uint8_t)policy);
        assert_int_equal(call(k, ROLE_MANAGEMENT, 64, "0-0:43.0.0", 1, &o),
                         policy == 108 ? DAR_OK : DAR_DENIED);
        assert_int_equal(number(k, 64, "0-0:43.0.0", 2), 108);
    }
    desk_free(k);
}

/* -- class 62 ------------------------------------------------------------------------------ */

/* The vector "compact-data": its own template id and two counters. */
static void compact_data_is_contents_alone(void **state)
{
    struct desk *k = desk_new(T0);
    const struct obis ln = desk_ln("0-0:66.0.0");
    uint8_t octets[600];
    struct desk_value v = { octets, sizeof octets };
    static const uint8_t list[] = {
        1, 3,   2,    5, 0x12, 0, 62,  9,    6, 0,    0, 66, 0, 0, 255,  0x0F, 4, 0x12,
        0, 0,   2,    2, 0x16, 0, 0,   2,    5, 0x12, 0, 3,  9, 6, 1,    0,    1, 8,
        0, 255, 0x0F, 2, 0x12, 0, 0,   2,    2, 0x16, 0, 0,  2, 5, 0x12, 0,    3, 9,
        6, 1,   0,    2, 8,    0, 255, 0x0F, 2, 0x12, 0, 0,  2, 2, 0x16, 0,    0,
    };
    static const uint8_t by_method[] = { AXDR_ENUM, 0 };
    uint8_t bad[sizeof list];
    (void)state;
    assert_int_equal(desk_get(k, ROLE_READER, 62, ln, 5, NULL, 0, &v), DAR_OK);
    assert_memory_equal(octets, "\x09\x06\x02\x04\x11\x09\x06\x06", 8); /* as delivered */
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 62, ln, 3, list, sizeof list, 0), DAR_OK);
    v.n = sizeof octets;
    assert_int_equal(desk_get(k, ROLE_READER, 62, ln, 5, NULL, 0, &v), DAR_OK);
    assert_memory_equal(octets, "\x09\x05\x02\x03\x11\x06\x06", 7);
    k->d.meter.now.cell[0][0][0] = 5009;
    k->d.meter.now.cell[0][1][0] = 12;
    v.n = sizeof octets;
    assert_int_equal(desk_get(k, ROLE_READER, 62, ln, 2, NULL, 0, &v), DAR_OK);
    assert_int_equal(v.n, 11);
    assert_memory_equal(octets, "\x09\x09\x01\0\0\x13\x91\0\0\0\x0C", 11);
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 62, ln, 6, by_method, 2, 0), DAR_OK);
    v.n = sizeof octets;
    assert_int_equal(desk_get(k, ROLE_READER, 62, ln, 2, NULL, 0, &v), DAR_OK);
    assert_int_equal(v.n, 2); /* nothing yet */
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 62, ln, 2, NULL, 0, NULL), DAR_OK);
    k->d.meter.now.cell[0][0][0]++;
    v.n = sizeof octets;
    assert_int_equal(desk_get(k, ROLE_READER, 62, ln, 2, NULL, 0, &v), DAR_OK);
    assert_memory_equal(octets, "\x09\x09\x01\0\0\x13\x91\0\0\0\x0C", 11);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 62, ln, 1, NULL, 0, NULL), DAR_OK);
    v.n = sizeof octets;
    assert_int_equal(desk_get(k, ROLE_READER, 62, ln, 2, NULL, 0, &v), DAR_OK);
    assert_int_equal(v.n, 2);
    memcpy(bad, list, sizeof bad);
    bad[16] = 2; /* its own buffer */
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 62, ln, 3, bad, sizeof bad, 0), DAR_OTHER);
    bad[16] = 3; /* an array */
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 62, ln, 3, bad, sizeof bad, 0), DAR_OTHER);
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 62, ln, 3, list, sizeof list - 1, 0),
                     DAR_TYPE);
    desk_free(k);
}

/* -- what the logs say of themselves ------------------------------------------------------- */

static void expect_last(struct desk *k, unsigned d, int64_t code, int64_t rows)
{
    char ln[32];
    snprintf(ln, sizeof ln, "0-0:96.11.%u", d);
    assert_int_equal(number(k, 1, ln, 2), code);
    snprintf(ln, sizeof ln, "0-0:96.15.%u", d);
    assert_int_equal(number(k, 1, ln, 2), rows);
}

/* The rows of a change of parameters, the last of the standard log and of the security log's
 * topics, name the object. */
static void expect_named(struct desk *k, const char *log, const char *ln, uint8_t attr)
{
    struct desk_value v = get(k, 7, log, 2);
    struct axdr_in i = axdr_in(v.p, v.n);
    struct obis want = desk_ln(ln);
    uint8_t dt[12], name[7] = { 0 };
    uint32_t rows = axdr_read_head(&i, AXDR_ARRAY);
    for (; rows; rows--) {
        axdr_read_struct(&i, 9);
        axdr_read_datetime(&i, dt);
        uint16_t code = axdr_read_u16(&i);
        axdr_read_u8(&i);
        axdr_read_u16(&i);
        axdr_read_u8(&i);
        if (code == EV_PARAMETER_CHANGED || (code >= 372 && code <= 377))
            axdr_read_octets(&i, name, sizeof name);
        else
            axdr_read_u16(&i);
        for (unsigned n = 0; n < 3; n++) axdr_read_u32(&i);
    }
    assert_true(axdr_is_done(&i));
    assert_memory_equal(name, &want, 6);
    assert_int_equal(name[6], attr);
}

static void expect_changed(struct desk *k, const char *ln, uint8_t attr)
{
    desk_settle(k);
    expect_named(k, "0-0:99.98.0", ln, attr);
    expect_named(k, "0-0:99.98.7", ln, attr);
}

/* Each topic, and what changes without being a parameter. */
static void every_change_names_its_object(void **state)
{
    (void)state;
    struct desk *k = desk_new(T0);
    struct meter *m = &k->d.meter;
    static const struct who who = { .sap = 1, .link = LINK_OPTICAL };
    static const struct {
        uint16_t param;
        const char *ln;
        uint8_t attr;
    } topics[] = {
        { PARAM_RESOURCE_DEBOUNCE_MS, "0-0:96.50.10", 2 },
        { PARAM_DEMAND_PERIOD_S, "1-0:0.8.0", 2 },
        { PARAM_LIMIT_2_NORMAL, "0-0:17.0.1", 4 },
        { PARAM_CREDIT_MAX_1, "0-0:19.50.1", 2 },
        { PARAM_TCP_IDLE_S, "0-0:25.0.0", 6 },
        { PARAM_LONG_FAILURE_S, "0-0:96.7.20", 2 },
    };
    for (unsigned i = 0; i < sizeof topics / sizeof *topics; i++) {
        meter_at(m, k->now);
        int32_t v = param_get(m, topics[i].param);
        assert_int_equal(param_set(m, &who, topics[i].param, v + 60), 0);
        expect_changed(k, topics[i].ln, topics[i].attr);
    }
    for (unsigned w = 0; w < WALLETS; w++) {
        char credit[] = "0-0:19.10.0", debt[] = "0-0:19.20.18";
        snprintf(credit, sizeof credit, "0-0:19.1%u.0", w);
        assert_int_equal(wallet_add(m, &who, w, 1000), 0);
        desk_settle(k);
        expect_named(k, "0-0:99.98.7", credit, 2);
        for (unsigned d = 0; d < DEBTS; d++) {
            snprintf(debt, sizeof debt, "0-0:19.2%u.%u", w, 18 + d);
            assert_int_equal(credit_set_debt(m, &who, w, d, 1000), 0);
            desk_settle(k);
            expect_named(k, "0-0:99.98.7", debt, 12);
        }
    }
    assert_int_equal(calendar_activate(m, &who, CALENDAR_FRIENDLY), 0);
    desk_settle(k);
    expect_named(k, "0-0:99.98.7", "0-0:13.0.2", 10);
    struct axdr_out pin = open_in();
    axdr_emit_octets(&pin, "4711", 4);
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 1, desk_ln("0-0:96.64.6"), 2, pin.buf, pin.len, 0),
        DAR_OK);
    desk_settle(k);
    expect_named(k, "0-0:99.98.7", "0-0:96.64.6", 2);
    desk_free(k);
}

static void a_log_names_its_newest_row(void **state)
{
    (void)state;
    struct desk *k = desk_new(T0);
    int64_t rows = number(k, 1, "0-0:96.15.0", 2);
    expect_last(k, 1, 0, 0);
    set_u16(k, 23, "0-0:22.0.0", 5, 512); /* a row of a transaction */
    desk_settle(k);
    expect_last(k, 0, EV_PARAMETER_CHANGED, rows + 1);
    expect_changed(k, "0-0:22.0.0", 5);
    k->inputs |= INPUT_TERMINAL_COVER; /* one of the queue */
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, k->inputs), 0);
    desk_run_s(k, 2);
    expect_last(k, 1, EV_TERMINAL_COVER_OPEN, 1);
    desk_cut(k, 600);
    expect_last(k, 0, EV_POWER_UP, rows + 3);
    expect_last(k, 1, EV_TERMINAL_COVER_OPEN, 1);
    struct axdr_out o = open_in();
    axdr_emit_i8(&o, 0);
    assert_int_equal(call(k, ROLE_MANAGEMENT, 7, "0-0:99.98.1", 1, &o), DAR_OK);
    desk_settle(k);
    expect_last(k, 1, EV_LOG_CLEARED, 2);
    desk_free(k);
}

/* Its ring keeps more, sector by sector: entries_in_use never tells of that, nor does a range. */
static void a_buffer_holds_what_it_promises(void **state)
{
    static const char *const log[] = { "0-0:99.98.0", "0-0:99.16.0" };
    (void)state;
    struct desk *k = desk_new(T0);
    struct meter *m = &k->d.meter;
    for (unsigned i = 0; i < 3 * CFG_LOG_ROWS; i++) {
        set_u16(k, 23, "0-0:22.0.0", 5, (uint16_t)(512 + i % 2));
        desk_settle(k);
    }
    assert_true(series_next(&m->store, SERIES_CHANGES) > 3 * CFG_LOG_ROWS - 2);
    assert_true(series_next(&m->store, SERIES_CHANGES) -
                    series_first(&m->store, SERIES_CHANGES) >
                CFG_LOG_ROWS);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(number(k, 7, log[i], 8), CFG_LOG_ROWS);
        assert_int_equal(number(k, 7, log[i], 7), CFG_LOG_ROWS);
    }
    struct scan q = { .rows = 0 };
    scan_begin_log(m, &q, LOG_STANDARD, (utc_t){ 0 }, (utc_t){ UINT32_MAX });
    while (scan_step(m, &q) == E_BUSY) continue;
    assert_int_equal(q.rows, CFG_LOG_ROWS);
    assert_int_equal(scan_first(&q), event_span(m, LOG_STANDARD).first);
    scan_begin_changes(m, &q, (utc_t){ 0 }, (utc_t){ T0 - 1 }); /* older than all */
    while (scan_step(m, &q) == E_BUSY) continue;
    assert_int_equal(q.rows, 0);
    desk_free(k);
}

/* -- the factory --------------------------------------------------------------------------- */

static enum dar as_factory(struct desk *k, const char *ln, const void *p, size_t n)
{
    struct axdr_out o = open_in();
    axdr_emit_octets(&o, p, n);
    return desk_set(k, ROLE_FACTORY, 1, desk_ln(ln), 2, o.buf, o.len, 0);
}

static enum dar leave(struct desk *k, uint8_t role, unsigned state)
{
    struct axdr_out o = open_in();
    axdr_emit_enum(&o, (uint8_t)state);
    return desk_set(k, role, 1, desk_ln("0-0:96.61.15"), 2, o.buf, o.len, 0);
}

static void expect_octets(struct desk *k, const char *ln, const void *p, size_t n)
{
    struct desk_value v = get(k, 1, ln, 2);
    assert_int_equal(v.n, n + 2);
    assert_memory_equal(v.p + 2, p, n);
}

static void the_factory_makes_what_it_seals(void **state)
{
    (void)state;
    struct desk *k = desk_new(T0);
    struct calibration cal;
    uint8_t record[CAL_BYTES], spoiled[CAL_BYTES];
    calibration_init(&cal);
    cal.number = 1;
    cal.gain_v += 12345;
    calibration_encode(record, &cal);
    memcpy(spoiled, record, sizeof record);
    spoiled[20] ^= 1;
    expect_octets(k, "0-0:96.1.2", "230V 5(100)A 50Hz 1P", 20);
    expect_octets(k, "0-0:96.1.4", "", 0);
    expect_octets(k, "0-0:96.50.70", "", 0);
    assert_int_equal(number(k, 1, "1-0:0.2.4", 2), 1);
    assert_int_equal(as_factory(k, "0-0:96.1.4", "2601 2026-01-09", 15), DAR_OK);
    assert_int_equal(as_factory(k, "0-0:96.1.6", "K-4711", 6), DAR_OK);
    assert_int_equal(as_factory(k, "0-0:96.1.2", "another", 7), DAR_UNDEFINED);
    assert_int_equal(as_factory(k, "0-0:96.50.70", spoiled, sizeof spoiled), DAR_OTHER);
    expect_octets(k, "0-0:96.50.70", "", 0);
    assert_int_equal(as_factory(k, "0-0:96.50.70", record, sizeof record), DAR_OK);
    desk_cut(k, 60);
    expect_octets(k, "0-0:96.1.4", "2601 2026-01-09", 15);
    expect_octets(k, "0-0:96.1.6", "K-4711", 6);
    expect_octets(k, "0-0:96.50.70", record, sizeof record);
    assert_int_equal(number(k, 1, "0-0:96.2.10", 2), 3); /* protected changes */
    assert_int_equal(leave(k, ROLE_FACTORY, 1), DAR_OK);
    for (unsigned cut = 0; cut < 2; cut++) {
        cal.number = 2;
        calibration_encode(record, &cal);
        assert_int_not_equal(as_factory(k, "0-0:96.50.70", record, sizeof record), DAR_OK);
        assert_int_not_equal(as_factory(k, "0-0:96.1.6", "K-4712", 6), DAR_OK);
        assert_int_not_equal(leave(k, ROLE_FACTORY, 0), DAR_OK);
        assert_int_not_equal(leave(k, ROLE_MANAGEMENT, 0), DAR_OK);
        assert_int_equal(leave(k, ROLE_MANAGEMENT, 2 + cut), DAR_OK);
        expect_octets(k, "0-0:96.1.6", "K-4711", 6);
        desk_cut(k, 60);
    }
    desk_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calendar_comes_back_and_switches),
        cmocka_unit_test(lists_beyond_the_limits_are_refused_whole),
        cmocka_unit_test(special_days_come_and_go_one_by_one),
        cmocka_unit_test(scripts_order),
        cmocka_unit_test(an_operator_shifts_the_clock_a_little),
        cmocka_unit_test(orders_by_date),
        cmocka_unit_test(a_schedule_ends_the_period_under_way),
        cmocka_unit_test(a_single_action_opens_the_relay),
        cmocka_unit_test(the_display_shows_what_it_is_told),
        cmocka_unit_test(alarms_clear_when_their_cause_is_gone),
        cmocka_unit_test(monitors_of_alarms_call_push_scripts),
        cmocka_unit_test(a_structure_is_written_whole_or_not_at_all),
        cmocka_unit_test(ports_are_as_they_were_set),
        cmocka_unit_test(a_port_locks_as_its_guard_says),
        cmocka_unit_test(one_client_wins_no_guesses_for_another),
        cmocka_unit_test(a_power_cut_wins_no_guesses),
        cmocka_unit_test(the_object_list_can_be_asked_in_part),
        cmocka_unit_test(changes_say_what_and_who),
        cmocka_unit_test(a_push_setup_says_which_attribute_was_written),
        cmocka_unit_test(every_parameter_has_its_object),
        cmocka_unit_test(columns_have_the_types_of_their_objects),
        cmocka_unit_test(the_readout_is_what_the_display_turns_through),
        cmocka_unit_test(the_readout_has_a_list_of_its_own),
        cmocka_unit_test(a_policy_only_grows),
        cmocka_unit_test(without_a_network_its_objects_are_unavailable),
        cmocka_unit_test(compact_data_is_contents_alone),
        cmocka_unit_test(the_factory_makes_what_it_seals),
        cmocka_unit_test(every_change_names_its_object),
        cmocka_unit_test(a_log_names_its_newest_row),
        cmocka_unit_test(a_buffer_holds_what_it_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
