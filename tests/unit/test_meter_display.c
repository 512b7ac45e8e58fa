/* The display: what a person reads, against what the registers say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lab.h"

static const int64_t T0 = 1767225600;
static uint8_t lamp_seen[LAMPS];

static void lamp(void *ctx, mono_t t, enum lamp which, uint8_t pattern)
{
    (void)ctx, (void)t;
    lamp_seen[which] = pattern;
}

static struct lab *start(void)
{
    struct lab *l = lab_new(0, 0);
    memset(lamp_seen, 0, sizeof lamp_seen);
    l->io.lamp = lamp;
    assert_int_equal(lab_power_up(l, T0), 0);
    l->load = (struct lab_load){ 1234567, 200000, 230400, 5432 };
    return l;
}

static struct display_page look(struct lab *l)
{
    struct display_page p;
    display_page(&l->m, l->now, &p);
    return p;
}

static void assert_shows(const struct display_page *p, const char *cells, unsigned point)
{
    char text[DISPLAY_CELLS + 1] = { 0 };
    memcpy(text, p->cell, DISPLAY_CELLS);
    assert_string_equal(text, cells);
    assert_int_equal(p->point, point);
}

static void press(struct lab *l, uint64_t ms)
{
    assert_int_equal(meter_feed_inputs(&l->m, l->now, INPUT_BUTTON), 0);
    lab_run_to(l, mono_after(l->now, ms * 1000), 60000000);
    assert_int_equal(meter_feed_inputs(&l->m, l->now, 0), 0);
    lab_run_to(l, mono_after(l->now, 100000), 60000000);
}

static void pages_turn_by_themselves(void **state)
{
    struct lab *l = start();
    (void)state;
    struct display_page p = look(l);
    assert_shows(&p, "88888888", 0);
    assert_int_equal(p.icons, ICON_ALL);
    assert_int_equal(alarm_clear(&l->m, &lab_who, 0, 0), 0); /* power-up is an alarm bit */
    lab_settle(l);
    assert_int_equal(alarm_clear(&l->m, &lab_who, 1, 0), 0);
    lab_settle(l);
    lab_run_s(l, 3600); /* 10 pages x 6 s: page 0 again */
    p = look(l);
    assert_int_equal(p.pages, 10);
    assert_int_equal(p.page, 0);
    assert_shows(&p, "     123", 2);
    assert_int_equal(p.unit, UNIT_WH);
    assert_int_equal(p.icons & (ICON_IMPORT | ICON_INDUCTIVE | ICON_ALARM),
                     ICON_IMPORT | ICON_INDUCTIVE);
    lab_run_s(l, 6);
    p = look(l);
    assert_shows(&p, "    2304", 1);
    lab_run_s(l, 6);
    p = look(l);
    assert_shows(&p, "    5432", 3);
    lab_run_s(l, 6);
    p = look(l);
    assert_shows(&p, "    1235", 3);
    assert_memory_equal(p.item.label, ((uint8_t[]){ 1, 7, 0 }), 3);
    lab_run_s(l, 30);
    p = look(l);
    assert_shows(&p, "01-00-48", 0); /* time of day */
    lab_run_s(l, 6);
    p = look(l);
    assert_shows(&p, "26-01-01", 0);
    lab_free(l);
}

static void the_button_leads_through_its_list(void **state)
{
    struct lab *l = start();
    (void)state;
    lab_run_s(l, 100);
    press(l, 200);
    struct display_page p = look(l);
    assert_false(p.automatic);
    assert_int_equal(p.page, 0);
    assert_int_equal(p.item.column, REG_WH_IMPORT);
    press(l, 200);
    p = look(l);
    assert_int_equal(p.item.column, REG_WH_IMPORT + 1);
    assert_int_equal(p.icons & ICON_MANUAL, ICON_MANUAL);
    press(l, 3500);
    p = look(l);
    assert_int_equal(p.item.column, DISPLAY_TEST);
    assert_shows(&p, "88888888", 0);
    lab_run_s(l, 19);
    assert_false(look(l).automatic);
    lab_run_s(l, 2);
    assert_true(look(l).automatic);
    lab_free(l);
}

static void lists_may_be_rewritten(void **state)
{
    struct lab *l = start();
    struct display_item back[DISPLAY_ITEMS];
    struct display_item item[2] = { { REG_WH_NET, 3, true, { 16, 8, 0 } },
                                    { DISPLAY_SERIAL, 0, false, { 0, 0, 0 } } };
    (void)state;
    meter_at(&l->m, l->now);
    item[0].column = REG_COUNT;
    assert_int_equal(display_set_items(&l->m, &lab_who, DISPLAY_AUTOMATIC, item, 2), E_RANGE);
    item[0].column = REG_WH_NET;
    item[0].decimals = 6;
    assert_int_equal(display_set_items(&l->m, &lab_who, DISPLAY_AUTOMATIC, item, 2), E_RANGE);
    item[0].decimals = 3;
    assert_int_equal(display_set_items(&l->m, &lab_who, DISPLAY_AUTOMATIC, item, 2), 0);
    lab_settle(l);
    assert_int_equal(display_items(&l->m, DISPLAY_AUTOMATIC, back), 2);
    assert_memory_equal(&back[0], &item[0],
                        offsetof(struct display_item, label) + sizeof item[0].label);
    l->load.p_mw = -3000000;
    lab_run_s(l, 3600);
    struct display_page p = look(l);
    if (p.item.column != REG_WH_NET) {
        lab_run_s(l, 12);
        p = look(l);
    }
    while (p.item.column != REG_WH_NET) {
        lab_run_s(l, 6);
        p = look(l);
    }
    assert_int_equal(p.cell[3], '-');
    assert_int_equal(p.point, 3);
    assert_int_equal(p.icons & ICON_EXPORT, ICON_EXPORT);
    lab_free(l);
}

static void small_and_large_numbers_fit(void **state)
{
    struct lab *l = start();
    struct display_page p;
    struct display_item item = { REG_WH_EXPORT, 2, true, { 2, 8, 0 } };
    (void)state;
    assert_int_equal(display_set_items(&l->m, &lab_who, DISPLAY_AUTOMATIC, &item, 1), 0);
    lab_settle(l);
    l->m.alarms = (struct alarms){ 0 };
    static const struct {
        uint64_t wh;
        const char *cells;
    } want[] = {
        { 0, "     000" },      { 9, "     000" },         { 10, "     001" },
        { 123456, "   12345" }, { 999999999, "99999999" }, { 1234567890, "23456789" }
    };
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
        l->m.now.cell[CELL_WH][1][0] = want[i].wh;
        display_page(&l->m, (mono_t){ 60000000 }, &p);
        assert_shows(&p, want[i].cells, 2);
    }
    lab_free(l);
}

static void an_alarm_lights_its_lamp(void **state)
{
    struct lab *l = start();
    struct output_row row = { 3, 0, OUTPUT_STEADY, OUTPUT_SLOW, 0, 0, 9, 0 };
    (void)state;
    lab_run_s(l, 10);
    assert_int_equal(lamp_seen[LAMP_ALARM], OUTPUT_OFF);
    event_post(&l->m, EV_TERMINAL_COVER_OPEN, NULL, NULL);
    lab_settle(l);
    assert_int_equal(lamp_seen[LAMP_ALARM], OUTPUT_FAST);
    struct display_page p;
    display_page(&l->m, (mono_t){ 60000000 * 1 }, &p);
    assert_int_equal(p.pages, 12);
    p.item = (struct display_item){ .column = DISPLAY_TEXT };
    display_show(&l->m, l->now, &p);
    assert_shows(&p, "tAnPEr  ", 0);
    meter_at(&l->m, l->now);
    assert_int_equal(output_set_rows(&l->m, &lab_who, &row, 1), 0);
    lab_settle(l); /* at once */
    assert_int_equal(lamp_seen[LAMP_ALARM], OUTPUT_STEADY);
    assert_int_equal(lamp_seen[LAMP_BUZZER], OUTPUT_SLOW);
    assert_int_equal(output_now(&l->m).text, 9);
    display_show(&l->m, l->now, &p); /* no letters for that one */
    assert_shows(&p, "       9", 0);
    event_post(&l->m, EV_TERMINAL_COVER_CLOSED, NULL, NULL);
    lab_settle(l);
    assert_int_equal(alarm_clear(&l->m, &lab_who, 2, 0), 0);
    lab_settle(l);
    assert_int_equal(lamp_seen[LAMP_ALARM], OUTPUT_OFF);
    row.bit = 32;
    assert_int_equal(output_set_rows(&l->m, &lab_who, &row, 1), E_RANGE);
    lab_free(l);
}

/* Whoever stands before the meter sees them all. */
static void each_alarm_has_its_round(void **state)
{
    static const char *const shown[] = { "    1-13", "    2-31", "    3-26" };
    struct lab *l = start();
    struct display_item item = { REG_WH_IMPORT, 2, true, { 1, 8, 0 } };
    struct display_page p;
    (void)state;
    assert_int_equal(display_set_items(&l->m, &lab_who, DISPLAY_AUTOMATIC, &item, 1), 0);
    lab_settle(l);
    l->m.alarms =
        (struct alarms){ .set = { UINT32_C(1) << 13 | 1 << 2, UINT32_C(1) << 31, 1 << 26 } };
    for (uint64_t round = 1; round < 10; round++) {
        display_page(&l->m, (mono_t){ (round * 12 + 1) * 1000000 }, &p);
        assert_int_equal(p.pages, 2);
        assert_int_equal(p.item.column, REG_WH_IMPORT);
        display_page(&l->m, (mono_t){ (round * 12 + 7) * 1000000 }, &p);
        assert_int_equal(p.item.column, DISPLAY_ALARM);
        assert_shows(&p, shown[round % 3], 0);
    }
    lab_free(l);
}

/* Two seconds of sound, then the pause of its row; another row begins anew. */
static void the_sound_of_an_alarm_pauses(void **state)
{
    struct lab *l = start();
    const struct output_row rows[] = { { 3, 3, OUTPUT_FAST, OUTPUT_FAST, 0, 0, 0, 0 },
                                       { 3, 0, OUTPUT_SLOW, OUTPUT_SLOW, 0, 0, 0, 10 } };
    (void)state;
    meter_at(&l->m, l->now);
    assert_int_equal(output_set_rows(&l->m, &lab_who, rows, 2), 0);
    lab_settle(l);
    event_post(&l->m, EV_TERMINAL_COVER_OPEN, NULL, NULL);
    lab_settle(l);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lamp_seen[LAMP_BUZZER], OUTPUT_SLOW);
        lab_run_s(l, 1);
        assert_int_equal(lamp_seen[LAMP_BUZZER], OUTPUT_SLOW);
        lab_run_s(l, 2);
        assert_int_equal(lamp_seen[LAMP_BUZZER], OUTPUT_OFF);
        assert_int_equal(lamp_seen[LAMP_ALARM], OUTPUT_SLOW);
        lab_run_s(l, 8);
        assert_int_equal(lamp_seen[LAMP_BUZZER], OUTPUT_OFF);
        lab_run_s(l, 1);
    }
    lab_run_s(l, 3);
    event_post(&l->m, EV_MAGNET, NULL, NULL); /* this one does not pause */
    lab_settle(l);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(lamp_seen[LAMP_BUZZER], OUTPUT_FAST);
        lab_run_s(l, 1);
    }
    lab_free(l);
}

static int battery_mv;

static int battery(void *ctx)
{
    (void)ctx;
    return battery_mv;
}

static bool has(struct lab *l, enum event_log log, uint16_t code)
{
    struct event_span s = event_span(&l->m, log);
    struct event_row e;
    for (uint32_t i = s.first; i < s.next; i++)
        if (event_read(&l->m, log, i, &e) == 0 && e.code == code) return true;
    return false;
}

static void a_cell_grows_old(void **state)
{
    struct lab *l = start();
    (void)state;
    l->io.battery_mv = battery;
    battery_mv = 3600;
    lab_run_s(l, 7300);
    assert_int_equal(reg_at(&l->m.now, REG_BATTERY), 360);
    assert_int_equal(reg_at(&l->m.now, REG_BATTERY_S), 7200);
    assert_false(has(l, LOG_FAILURE, EV_BATTERY_LOW));
    battery_mv = 3000;
    lab_run_s(l, 7200);
    assert_true(has(l, LOG_FAILURE, EV_BATTERY_LOW));
    assert_true(has(l, LOG_STANDARD, EV_BATTERY_LOW));
    battery_mv = 3500;
    lab_run_s(l, 7200);
    assert_true(has(l, LOG_FAILURE, EV_BATTERY_NORMAL));
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_BATTERY_DAYS, 1), 0);
    lab_settle(l);
    lab_run_s(l, 86400);
    assert_true(has(l, LOG_FAILURE, EV_REPLACE_BATTERY));
    assert_int_equal(command_do(&l->m, &lab_who, CMD_BATTERY_REPLACED, 0), 0);
    lab_settle(l);
    assert_int_equal(reg_at(&l->m.now, REG_BATTERY_S), 0);
    assert_true(has(l, LOG_STANDARD, EV_BATTERY_REPLACED));
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_turn_by_themselves),
        cmocka_unit_test(the_button_leads_through_its_list),
        cmocka_unit_test(lists_may_be_rewritten),
        cmocka_unit_test(small_and_large_numbers_fit),
        cmocka_unit_test(an_alarm_lights_its_lamp),
        cmocka_unit_test(each_alarm_has_its_round),
        cmocka_unit_test(the_sound_of_an_alarm_pauses),
        cmocka_unit_test(a_cell_grows_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
