/* test_panel.c - commands, origins, display pages and JSON of the front panel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tools/panel/command.h"
#include "tools/panel/lcd.h"
#include "tools/panel/origin.h"
#include "tools/panel/sections.h"

static int parse(struct command_text *t, const char *text)
{
    return command_parse(t, text, strlen(text));
}

static void commands_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum panel_order order;
        int64_t number;
        const char *name;
    } good[] = {
        { "{\"do\":\"button\"}", PANEL_DO_BUTTON, 0, "" },
        { "{\"do\":\"supply\",\"value\":true}", PANEL_DO_SUPPLY, 1, "" },
        { "{\"do\":\"supply\",\"value\":false}", PANEL_DO_SUPPLY, 0, "" },
        { "{\"do\":\"voltage\",\"value\":230.5}", PANEL_DO_VOLTAGE, 230500, "" },
        { "{\"do\":\"voltage\",\"value\":0}", PANEL_DO_VOLTAGE, 0, "" },
        { "{\"do\":\"voltage\",\"value\":500}", PANEL_DO_VOLTAGE, 500000, "" },
        { "{\"do\":\"load\",\"value\":\"heater\"}", PANEL_DO_LOAD, 0, "heater" },
        { "{\"do\":\"power\",\"value\":-2000}", PANEL_DO_POWER, -2000, "" },
        { "{\"do\":\"reactive\",\"value\":1.4}", PANEL_DO_REACTIVE, 1, "" },
        { "{\"do\":\"reverse\",\"value\":true}", PANEL_DO_REVERSE, 1, "" },
        { "{\"do\":\"token\",\"value\":\"1234 5678 9012 3456 7890\"}", PANEL_DO_TOKEN, 0,
          "1234 5678 9012 3456 7890" },
        { "{\"do\":\"speed\",\"value\":3600}", PANEL_DO_SPEED, 3600, "" },
        { "{\"do\":\"speed\",\"value\":\"max\"}", PANEL_DO_SPEED, PANEL_SPEED_MAX, "" },
        { " {\"id\" : -9, \"value\":true, \"do\":\"reverse\"} ", PANEL_DO_REVERSE, 1, "" },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct command_text t;
        assert_int_equal(parse(&t, good[i].text), E_OK);
        assert_int_equal(t.command.order, good[i].order);
        assert_int_equal(t.command.number, good[i].number);
        assert_string_equal(t.command.text, good[i].name);
        assert_string_equal(t.why, "");
    }
}

static void bad_commands_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
    } bad[] = {
        { "", E_FORMAT },
        { "{", E_FORMAT },
        { "[]", E_FORMAT },
        { "null", E_FORMAT },
        { "{}", E_FORMAT },
        { "{\"do\":7}", E_FORMAT },
        { "{\"do\":\"button\"} x", E_FORMAT },
        { "{\"do\":\"button\",\"do\":\"button\"}", E_FORMAT },
        { "{\"do\":\"button\",\"extra\":1}", E_FORMAT },
        { "{\"do\":\"format-disk\"}", E_NONE },
        { "{\"do\":\"\"}", E_NONE },
        { "{\"do\":\"button\",\"value\":1}", E_TYPE },
        { "{\"do\":\"button\",\"id\":\"x\"}", E_TYPE },
        { "{\"do\":\"supply\"}", E_TYPE },
        { "{\"do\":\"supply\",\"value\":1}", E_TYPE },
        { "{\"do\":\"supply\",\"value\":null}", E_TYPE },
        { "{\"do\":\"voltage\",\"value\":\"230\"}", E_TYPE },
        { "{\"do\":\"voltage\",\"value\":500.001}", E_RANGE },
        { "{\"do\":\"voltage\",\"value\":-1}", E_RANGE },
        { "{\"do\":\"voltage\",\"value\":1e300}", E_RANGE },
        { "{\"do\":\"power\",\"value\":9223372036854775807}", E_RANGE },
        { "{\"do\":\"load\",\"value\":\"\"}", E_TYPE },
        { "{\"do\":\"load\",\"value\":\"123456789012345678901234\"}", E_RANGE },
        { "{\"do\":\"load\",\"value\":\"a\\u0000b\"}", E_FORMAT },
        { "{\"do\":\"speed\",\"value\":\"fast\"}", E_TYPE },
        { "{\"do\":\"speed\",\"value\":86401}", E_RANGE },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct command_text t;
        if (parse(&t, bad[i].text) != bad[i].error) fail_msg("%s", bad[i].text);
        assert_true(strlen(t.why) > 5);
    }
}

static void command_keeps_its_bounds(void **state)
{
    (void)state;
    char text[COMMAND_MAX + 2];
    struct command_text t;
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"do\":\"button\"", 14);
    text[COMMAND_MAX - 1] = '}';
    assert_int_equal(command_parse(&t, text, COMMAND_MAX), E_OK);
    assert_int_equal(command_parse(&t, text, COMMAND_MAX + 1), E_FORMAT);
    memset(text, '[', sizeof text);
    assert_int_equal(command_parse(&t, text, COMMAND_MAX), E_FORMAT);
}

static void id_comes_back(void **state)
{
    (void)state;
    struct command_text t;
    parse(&t, "{\"do\":\"button\",\"id\":77}");
    assert_int_equal(t.id, 77);
    parse(&t, "{\"do\":\"no\",\"id\":78}");
    assert_int_equal(t.id, 78);
}

static void hosts(void **state)
{
    (void)state;
    static const char *const good[] = { "127.0.0.1",      "127.0.0.1:8022", "localhost",
                                        "LocalHost:8022", "[::1]:8022",     "[::1]",
                                        "192.0.2.7:80" };
    static const char *const bad[] = { "",
                                       "evil.example",
                                       "evil.example:8022",
                                       "localhost.evil.example",
                                       "localhost:8022:1",
                                       "127.0.0.1.evil.example",
                                       "127.0.0.1:",
                                       "127.0.0.1:80x",
                                       "127.0.0.1:1234567",
                                       "[::1",
                                       "[]",
                                       "[::1]x",
                                       "[evil]",
                                       "::1",
                                       "1",
                                       ":80" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!origin_is_host(good[i])) fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (origin_is_host(bad[i])) fail_msg("%s", bad[i]);
    assert_false(origin_is_host(NULL));
}

static void origins(void **state)
{
    (void)state;
    assert_true(origin_is_ours(NULL, "127.0.0.1:8022"));
    assert_true(origin_is_ours("", "127.0.0.1:8022"));
    assert_true(origin_is_ours("http://127.0.0.1:8022", "127.0.0.1:8022"));
    assert_true(origin_is_ours("http://LOCALHOST:8022", "localhost:8022"));
    assert_false(origin_is_ours("https://127.0.0.1:8022", "127.0.0.1:8022"));
    assert_false(origin_is_ours("http://127.0.0.1:9000", "127.0.0.1:8022"));
    assert_false(origin_is_ours("http://evil.example", "127.0.0.1:8022"));
    assert_false(origin_is_ours("http://127.0.0.1:8022.evil.example", "127.0.0.1:8022"));
    assert_false(origin_is_ours("null", "127.0.0.1:8022"));
    assert_false(origin_is_ours("http://127.0.0.1:8022", NULL));
}

static void some_state(struct panel_state *s)
{
    memset(s, 0, sizeof *s);
    s->now = (struct panel_now){ .powered = true,
                                 .u_mv = 230049,
                                 .i_ma = 5856,
                                 .p_mw = -1281999,
                                 .pf_e3 = -951,
                                 .f_mhz = 50012,
                                 .quadrant = 2 };
    s->energy.wh[PANEL_WH_IMPORT][0] = 4812369;
    s->energy.wh[PANEL_WH_EXPORT][0] = 999999999999;
    s->energy.tariff = 2;
    s->clock.utc.s = 1752503840; /* 2025-07-14T14:37:20Z */
    s->clock.offset_min = 120;
}

/* The page that shows code, reached by the button. */
static const struct panel_lcd *page(struct panel_state *s, const char *code)
{
    struct lcd l = { 0 };
    for (unsigned i = 0; i < 20; i++) {
        lcd_compose(&l, s, 0);
        if (strcmp(s->lcd.code, code) == 0) return &s->lcd;
        lcd_press(&l, true, 0);
    }
    fail_msg("no page %s", code);
    return NULL;
}

static void pages_show_registers(void **state)
{
    (void)state;
    struct panel_state s;
    some_state(&s);
    assert_string_equal(page(&s, "1.8.0")->digits, "4812.36");   /* cut, not rounded */
    assert_string_equal(page(&s, "2.8.0")->digits, "999999.99"); /* rolled over at a million */
    assert_string_equal(page(&s, "32.7.0")->digits, "230.0");
    assert_string_equal(page(&s, "31.7.0")->digits, "5.856");
    assert_string_equal(page(&s, "1.7.0")->digits, "-1.281");
    assert_string_equal(page(&s, "13.7.0")->digits, "-0.951");
    assert_string_equal(page(&s, "14.7.0")->digits, "50.01");
    assert_string_equal(page(&s, "0.9.1")->digits, "16-37-20");
    assert_string_equal(page(&s, "0.9.2")->digits, "25-07-14");
    assert_string_equal(page(&s, "1.7.0")->unit, "kW");
    assert_int_equal(s.lcd.icons, PANEL_ICON_EXPORT);
    s.clock.quality = PANEL_CLOCK_INVALID;
    assert_string_equal(page(&s, "0.9.1")->digits, "-- -- --");
    assert_int_equal(s.lcd.icons, PANEL_ICON_EXPORT | PANEL_ICON_CLOCK);
    s.now.quadrant = 0;
    assert_string_equal(page(&s, "13.7.0")->digits, "-----");
}

static void pages_turn(void **state)
{
    (void)state;
    struct panel_state s;
    struct lcd l = { 0 };
    some_state(&s);
    lcd_compose(&l, &s, 1000);
    lcd_compose(&l, &s, 1000 + LCD_TURN_MS - 1);
    assert_int_equal(s.lcd.page, 0);
    lcd_compose(&l, &s, 1000 + LCD_TURN_MS);
    assert_int_equal(s.lcd.page, 1);
    assert_true(s.lcd.automatic);
    lcd_press(&l, true, 8000);
    lcd_compose(&l, &s, 8000 + 100 * LCD_TURN_MS);
    assert_int_equal(s.lcd.page, 2); /* by hand: stays */
    assert_false(s.lcd.automatic);
    uint64_t now = 9000 + 100 * LCD_TURN_MS;
    lcd_auto(&l, now);
    lcd_compose(&l, &s, now + LCD_TURN_MS);
    assert_int_equal(s.lcd.page, 3);
    for (unsigned i = 0; i < s.lcd.pages; i++) lcd_press(&l, true, now);
    lcd_compose(&l, &s, now);
    assert_int_equal(s.lcd.page, 3); /* all round */
    s.has_world = true;
    lcd_auto(&l, now);
    lcd_compose(&l, &s, now + 10 * LCD_TURN_MS);
    assert_int_equal(s.lcd.page, 3); /* paused */
}

static void dark_display_wakes(void **state)
{
    (void)state;
    struct panel_state s;
    struct lcd l = { 0 };
    some_state(&s);
    s.now.powered = false;
    lcd_compose(&l, &s, 100);
    assert_false(s.lcd.lit);
    lcd_press(&l, false, 200);
    lcd_compose(&l, &s, 200);
    assert_true(s.lcd.lit);
    assert_int_equal(s.lcd.page, 0); /* the first press only wakes */
    lcd_press(&l, false, 300);
    lcd_compose(&l, &s, 300 + LCD_WAKE_MS - 1);
    assert_true(s.lcd.lit);
    assert_int_equal(s.lcd.page, 1);
    lcd_compose(&l, &s, 300 + LCD_WAKE_MS);
    assert_false(s.lcd.lit);
}

static json_t *section(const struct panel_view *v, const char *name)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (strcmp(sections[i].name, name) == 0) return sections[i].json(v);
    fail_msg("no section %s", name);
    return NULL;
}

static void expect(const struct panel_view *v, const char *name, const char *json)
{
    json_t *j = section(v, name);
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    if (json)
        assert_string_equal(text, json);
    else
        assert_null(text);
    free(text);
    json_decref(j);
}

static void sections_say_what_is(void **state)
{
    (void)state;
    struct panel_view *v = calloc(1, sizeof *v);
    some_state(&v->state);
    v->state.now.thd_u_e2 = 180;
    v->state.now.thd_i_e2 = -1;
    expect(v, "clock",
           "{\"utc\":\"2025-07-14T14:37:20Z\",\"offset_min\":120,\"dst\":false,"
           "\"quality\":\"valid\",\"uptime_s\":0}");
    expect(v, "now",
           "{\"powered\":true,\"urms_v\":230.049,\"irms_a\":5.856,\"in_a\":0,\"p_w\":-1281.999,"
           "\"q_var\":0,\"s_va\":0,\"pf\":-0.951,\"f_hz\":50.012,\"angle_deg\":0,"
           "\"quadrant\":2,\"thd_u_pct\":1.8}");
    v->state.now.quadrant = 0;
    v->state.now.f_mhz = 0;
    v->state.now.thd_u_e2 = -1;
    v->state.now.p_mw = 0;
    expect(
        v, "now",
        "{\"powered\":true,\"urms_v\":230.049,\"irms_a\":5.856,\"in_a\":0,\"p_w\":0,"
        "\"q_var\":0,\"s_va\":0,\"pf\":null,\"f_hz\":null,\"angle_deg\":null,\"quadrant\":0}");
    static const char *const optional[] = { "pulses", "profile", "rows", "lcd",
                                            "world",  "wave",    "relay" };
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        expect(v, optional[i], NULL);
    v->has_events = true;
    expect(v, "events", "[]");
    free(v);
}

static void sections_list_things(void **state)
{
    (void)state;
    struct panel_view *v = calloc(1, sizeof *v);
    struct panel_state *s = &v->state;
    s->has_pulses = s->has_profile = true;
    s->pulses = (struct panel_pulses){ 7, 1 };
    expect(v, "pulses", "{\"kwh\":7,\"kvarh\":1}");
    v->rows = 1;
    v->row[0] = (struct panel_row){
        .start.s = 0, .end.s = 900, .import_wh = 21, .tariff = 1, .status = 0xa2
    };
    expect(v, "rows",
           "[{\"start\":\"1970-01-01T00:00:00Z\",\"end\":\"1970-01-01T00:15:00Z\","
           "\"import_wh\":21,\"export_wh\":0,\"tariff\":1,\"status\":162,"
           "\"flags\":[\"clock invalid\",\"clock adjusted\",\"power down\"]}]");
    v->has_events = true;
    v->events = 1;
    v->event[0] = (struct panel_event){ .id = 5, .code = 6, .log = "Failure", .text = "\xff" };
    expect(v, "events",
           "[{\"id\":5,\"time\":null,\"code\":6,\"log\":\"Failure\",\"text\":\"?\"}]");
    v->wave = (struct panel_wave){ .period_ns = 125000, .samples = 2, .u_mv = { 1, -2 } };
    expect(v, "wave", "{\"period_ns\":125000,\"u_mv\":[1,-2],\"i_ma\":[0,0],\"in_ma\":[0,0]}");
    free(v);
}

/* Two cycles from a rising zero on, whatever the phase, with noise around zero. */
static void waves_stand_still(void **state)
{
    (void)state;
    struct panel_view *v = calloc(1, sizeof *v);
    v->wave.samples = PANEL_SAMPLES;
    for (int phase = 0; phase < 160; phase += 7) {
        for (int i = 0; i < PANEL_SAMPLES; i++) {
            int at = (i + phase) % 160; /* a triangle of 160 samples a cycle */
            v->wave.u_mv[i] = at < 40 ? at * 8 : at < 120 ? (80 - at) * 8 : (at - 160) * 8;
            v->wave.u_mv[i] += i % 2 ? 12 : -12;
            v->wave.i_ma[i] = i;
        }
        json_t *w = section(v, "wave"), *u = json_object_get(w, "u_mv");
        long first = (long)json_integer_value(json_array_get(json_object_get(w, "i_ma"), 0));
        assert_in_range(json_array_size(u), 318, 322);
        assert_in_range(json_integer_value(json_array_get(u, 0)), 0, 30);
        assert_true((first + phase) % 160 <= 3 || (first + phase) % 160 >= 157);
        json_decref(w);
    }
    free(v);
}

/* A host that fills every field to the brim may spoil its own texts, nothing else. */
static void careless_hosts_do_no_harm(void **state)
{
    (void)state;
    struct panel_view *v = malloc(sizeof *v);
    memset(v, 'x', sizeof *v);
    v->state.clock.quality = PANEL_CLOCK_DOUBTFUL;
    v->state.clock.utc.s = INT64_MAX;
    v->state.profile.day.s = v->state.profile.running.s = INT64_MIN;
    v->state.has_pulses = v->state.has_profile = v->state.has_lcd = v->state.has_world = true;
    v->state.now.powered = v->state.identity.development_keys = v->state.clock.dst = true;
    v->state.lcd.lit = v->state.lcd.automatic = true;
    v->state.world.supply = v->state.world.reverse = v->has_events = true;
    v->state.alarms = v->state.ports = v->state.world.loads = 255;
    v->state.has_prepay = v->state.prepay.owes = true;
    v->state.has_relay = v->state.relay.on = v->state.relay.ordered = true;
    v->state.relay.locked = v->state.world.cover = v->state.world.magnet = true;
    v->state.relay.control = PANEL_READY;
    v->state.relay.holders = v->state.world.troubles = 255;
    v->state.prepay.wallets = 255;
    for (size_t i = 0; i < PANEL_WALLETS; i++)
        v->state.prepay.wallet[i].open = v->state.prepay.wallet[i].active = true;
    v->state.prepay.time.s = INT64_MAX;
    for (size_t i = 0; i < PANEL_ALARMS; i++) v->state.alarm[i].severity = PANEL_BAD;
    for (size_t i = 0; i < PANEL_PORTS; i++) v->state.port[i].state = PANEL_PORT_OFF;
    for (size_t i = 0; i < PANEL_LOADS; i++)
        v->state.world.kinds[i].has_p = v->state.world.kinds[i].has_q = false;
    v->rows = v->events = 1;
    v->row[0].start.s = v->row[0].end.s = 0;
    v->event[0].time.s = 0;
    v->event[0].time_valid = true;
    for (size_t i = 0; i < SECTIONS; i++) {
        json_t *j = sections[i].json(v);
        assert_non_null(j);
        json_decref(j);
    }
    json_t *alarms = section(v, "alarms"), *ports = section(v, "ports");
    assert_int_equal(json_array_size(alarms), PANEL_ALARMS);
    assert_int_equal(json_array_size(ports), PANEL_PORTS);
    assert_int_equal(json_string_length(json_object_get(json_array_get(alarms, 0), "text")),
                     sizeof v->state.alarm[0].text);
    json_decref(alarms);
    json_decref(ports);
    free(v);
}

static void energies_by_tariff(void **state)
{
    (void)state;
    struct panel_view *v = calloc(1, sizeof *v);
    struct panel_energies *e = &v->state.energy;
    for (unsigned i = 0; i < PANEL_ENERGIES; i++)
        for (unsigned t = 0; t <= PANEL_TARIFFS; t++) e->wh[i][t] = i * 100 + t;
    e->tariff = 2;
    e->tariffs = 3;
    json_t *o = section(v, "energy"), *list = json_object_get(o, "tariffs");
    assert_int_equal(json_integer_value(json_object_get(o, "q4_vah")), PANEL_VAH_Q4 * 100);
    assert_int_equal(json_integer_value(json_object_get(o, "tariff")), 2);
    assert_int_equal(json_array_size(list), 3);
    for (size_t t = 1; t <= 3; t++)
        assert_int_equal(
            json_integer_value(json_object_get(json_array_get(list, t - 1), "net_wh")),
            PANEL_WH_NET * 100 + t);
    assert_int_equal(json_object_size(json_array_get(list, 0)), PANEL_ENERGIES + 1);
    json_decref(o);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_read),
        cmocka_unit_test(bad_commands_are_refused_with_a_reason),
        cmocka_unit_test(command_keeps_its_bounds),
        cmocka_unit_test(id_comes_back),
        cmocka_unit_test(hosts),
        cmocka_unit_test(origins),
        cmocka_unit_test(pages_show_registers),
        cmocka_unit_test(pages_turn),
        cmocka_unit_test(dark_display_wakes),
        cmocka_unit_test(sections_say_what_is),
        cmocka_unit_test(sections_list_things),
        cmocka_unit_test(waves_stand_still),
        cmocka_unit_test(careless_hosts_do_no_harm),
        cmocka_unit_test(energies_by_tariff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
