/* Classes 70 and 68 asked as clients ask: rights, refusals, what is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "desk.h"
#include "meter/display/code.h"

static const uint8_t zero[] = { AXDR_I8, 0 };
static uint8_t value[4096];

static enum dar call(struct desk *k, uint8_t role, uint16_t cls, const char *ln, uint8_t method,
                     const void *p, size_t n)
{
    enum dar dar = desk_call(k, role, cls, desk_ln(ln), method, p, n, NULL);
    desk_settle(k);
    desk_run_s(k, 3);
    return dar;
}

static enum dar remote(struct desk *k, uint8_t role, uint8_t method)
{
    return call(k, role, 70, "0-0:96.3.10", method, zero, sizeof zero);
}

/* {actor, one action} */
static enum dar act(struct desk *k, uint8_t role, uint8_t actor, unsigned action)
{
    uint8_t p[] = {
        AXDR_STRUCTURE, 2, AXDR_U8, actor, AXDR_BITS, 3, (uint8_t)(0x80u >> (action - 1))
    };
    return call(k, role, 68, "0-0:96.3.20", 1, p, sizeof p);
}

static const uint8_t *get(struct desk *k, uint16_t cls, const char *ln, uint8_t attr)
{
    struct desk_value v = { value, sizeof value };
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, cls, desk_ln(ln), attr, NULL, 0, &v), DAR_OK);
    return value;
}

static void sees(struct desk *k, bool output, unsigned control)
{
    static const char ln[] = "0-0:96.3.10";
    assert_int_equal(get(k, 70, ln, 2)[1] != 0, output);
    assert_int_equal(get(k, 70, ln, 3)[1], control);
    assert_int_equal(k->relay.closed, output);
}

static enum dar set_mode(struct desk *k, uint8_t role, uint8_t mode)
{
    uint8_t p[] = { AXDR_ENUM, mode };
    enum dar dar = desk_set(k, role, 70, desk_ln("0-0:96.3.10"), 4, p, sizeof p, 0);
    desk_settle(k);
    return dar;
}

static void remote_orders_by_role(void **state)
{
    struct desk *k = *state;
    sees(k, true, 1);
    assert_int_not_equal(remote(k, ROLE_READER, 1), DAR_OK);
    assert_int_not_equal(remote(k, ROLE_OPERATOR, 1), DAR_OK);
    sees(k, true, 1);
    assert_int_equal(remote(k, ROLE_SUPERVISOR, 1), DAR_OK);
    sees(k, false, 0);
    assert_int_equal(get(k, 1, "0-0:96.50.20", 2)[1], SUPPLY_REMOTE + 1);
    assert_int_equal(remote(k, ROLE_OPERATOR, 2), DAR_OK);
    sees(k, true, 1);
    assert_int_equal(remote(k, ROLE_BROADCAST, 1), DAR_OK);
    sees(k, false, 0);
    assert_int_not_equal(remote(k, ROLE_BROADCAST, 2), DAR_OK);
    sees(k, false, 0);
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 2), DAR_OK);
    sees(k, true, 1);
    const uint8_t *count = get(k, 1, "0-0:96.50.21", 2);
    static const uint8_t two_two[] = {
        AXDR_STRUCTURE, 4, AXDR_U32, 0, 0, 0,        2, AXDR_U32, 0, 0, 0, 2,
        AXDR_U32,       0, 0,        0, 0, AXDR_U32, 0, 0,        0, 0
    };
    assert_memory_equal(count, two_two, sizeof two_two);
}

static void modes_by_the_book(void **state)
{
    struct desk *k = *state;
    assert_int_not_equal(set_mode(k, ROLE_SUPERVISOR, 6), DAR_OK);
    assert_int_equal(set_mode(k, ROLE_MANAGEMENT, 7), DAR_OTHER);
    assert_int_equal(set_mode(k, ROLE_MANAGEMENT, 6), DAR_OK);
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 1), DAR_OK);
    assert_int_equal(set_mode(k, ROLE_MANAGEMENT, 0), DAR_TEMPORARY); /* it would close */
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 2), DAR_OK);
    sees(k, false, 2);                                     /* the button is awaited */
    assert_int_equal(get(k, 1, "0-0:96.4.0", 2)[3], 0x40); /* and it is that which holds */
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 2), DAR_TEMPORARY);
    assert_int_equal(act(k, ROLE_MANAGEMENT, SUPPLY_BUTTON + 1, ACTION_RECONNECT), DAR_OK);
    sees(k, true, 1);
    assert_int_equal(set_mode(k, ROLE_MANAGEMENT, 0), DAR_OK);
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 1), DAR_TEMPORARY);
    sees(k, true, 1);
}

static void fire_is_released_by_seniors_once_cool(void **state)
{
    struct desk *k = *state;
    supply_request(&k->d.meter, SUPPLY_FIRE, true);
    desk_settle(k);
    desk_run_s(k, 3);
    sees(k, false, 2);
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 2), DAR_TEMPORARY);
    assert_int_equal(act(k, ROLE_MANAGEMENT, SUPPLY_FIRE + 1, ACTION_RECONNECT), DAR_TEMPORARY);
    supply_request(&k->d.meter, SUPPLY_FIRE, false);
    assert_int_equal(remote(k, ROLE_OPERATOR, 2), DAR_TEMPORARY);
    sees(k, false, 2);
    assert_int_equal(remote(k, ROLE_SUPERVISOR, 2), DAR_OK);
    sees(k, true, 1);
}

static bool shows(struct desk *k, const struct display_item *item, const char *cells)
{
    struct display_page page = { .item = *item };
    display_show(&k->d.meter, k->now, &page);
    return !memcmp(page.cell, cells, strlen(cells));
}

/* The pages that the button turns through hold both, one of those that turn by themselves the
 * holder; short code 806 shows the cause; and the icon is on. */
static void lcd_tells(struct desk *k, const char *holder, const char *cause)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    struct display_item item[DISPLAY_ITEMS];
    struct display_page page;
    struct meter *m = &k->d.meter;
    unsigned n = display_items(m, DISPLAY_BUTTON, item), told = 0;
    for (unsigned i = 0; i < n; i++) {
        if (item[i].column == DISPLAY_HOLDER) told += shows(k, &item[i], holder);
        if (item[i].column == DISPLAY_CAUSE) told += shows(k, &item[i], cause);
    }
    assert_int_equal(told, 2);
    for (unsigned s = 0; s < 600; s += 6) {
        display_page(m, mono_after(k->now, s * UINT64_C(1000000)), &page);
        told +=
            page.item.column == DISPLAY_HOLDER && !memcmp(page.cell, holder, strlen(holder));
        assert_true(page.icons & ICON_OPEN);
    }
    assert_true(told > 2 + 5);
    meter_at(m, k->now);
    assert_int_equal(code_enter(m, &keypad, 806), 0);
    display_page(m, k->now, &page);
    assert_int_equal(page.item.column, DISPLAY_CAUSE);
    assert_memory_equal(page.cell, cause, strlen(cause));
}

static void top_up_does_not_undo_a_remote_order(void **state)
{
    struct desk *k = *state;
    assert_int_equal(set_mode(k, ROLE_MANAGEMENT, 6), DAR_OK);
    supply_request(&k->d.meter, SUPPLY_ARREARS, true);
    desk_settle(k);
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 1), DAR_OK);
    sees(k, false, 0);
    supply_request(&k->d.meter, SUPPLY_ARREARS, false);
    desk_settle(k);
    desk_run_s(k, 3);
    sees(k, false, 0);
    assert_int_equal(get(k, 1, "0-0:96.4.0", 2)[2], 0x10); /* REMOTE, bit 3 */
    lcd_tells(k, "UtiLity", "CrEdit 0");                   /* who holds, who moved it */
    desk_cut(k, 100);
    desk_run_s(k, 3);
    sees(k, false, 0);
}

static void weights_are_data(void **state)
{
    struct desk *k = *state;
    struct desk_value v = { value, sizeof value };
    struct obis ln = desk_ln("0-0:96.3.20");
    assert_int_equal(desk_get(k, ROLE_SUPERVISOR, 68, ln, 4, NULL, 0, &v), DAR_OK);
    /* array 10 of array 3 of u16: the remote requester's weight for reconnection */
    size_t at = 2 + SUPPLY_REMOTE * (2 + 3 * 3) + 2 + 3 + 1;
    uint8_t was = value[at + 1];
    assert_int_equal(was, 0);
    value[at + 1] = 101; /* above fire */
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 68, ln, 4, value, v.n, 0), DAR_OTHER);
    value[at + 1] = 95; /* above all but fire */
    assert_int_not_equal(desk_set(k, ROLE_SUPERVISOR, 68, ln, 4, value, v.n, 0), DAR_OK);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 68, ln, 4, value, v.n, 0), DAR_OK);
    desk_settle(k);
    supply_request(&k->d.meter, SUPPLY_VOLTAGE, true);
    desk_settle(k);
    desk_run_s(k, 3);
    sees(k, false, 2);
    desk_cut(k, 60); /* they last */
    desk_run_s(k, 3);
    sees(k, false, 2);
    assert_int_equal(remote(k, ROLE_MANAGEMENT, 2), DAR_OK);
    sees(k, true, 1);
    assert_int_equal(get(k, 68, "0-0:96.3.20", 6)[1], ACTION_RECONNECT);
    assert_int_equal(call(k, ROLE_MANAGEMENT, 68, "0-0:96.3.20", 2, zero, 2), DAR_OK);
    assert_int_equal(get(k, 68, "0-0:96.3.20", 6)[1], 0);
    sees(k, true, 1);
}

static void permissions_bind_every_actor(void **state)
{
    struct desk *k = *state;
    struct desk_value v = { value, sizeof value };
    struct obis ln = desk_ln("0-0:96.3.20");
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 68, ln, 3, NULL, 0, &v), DAR_OK);
    value[2 + 3 * SUPPLY_ARREARS + 2] = 0x60; /* arrears may not disconnect */
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 68, ln, 3, value, v.n, 0), DAR_OK);
    desk_settle(k);
    supply_request(&k->d.meter, SUPPLY_ARREARS, true);
    desk_settle(k);
    desk_run_s(k, 3);
    sees(k, true, 1);
    assert_int_equal(act(k, ROLE_MANAGEMENT, SUPPLY_ARREARS + 1, ACTION_DISCONNECT),
                     DAR_DENIED);
    assert_int_equal(act(k, ROLE_MANAGEMENT, 0, ACTION_DISCONNECT), DAR_OTHER);
    assert_int_equal(act(k, ROLE_MANAGEMENT, 11, ACTION_DISCONNECT), DAR_OTHER);
    sees(k, true, 1);
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 68, ln, 3, NULL, 0, &v), DAR_OK);
    value[2 + 3 * SUPPLY_FIRE + 2] = 0; /* but fire must be able to */
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 68, ln, 3, value, v.n, 0), DAR_OTHER);
}

static void scripts_are_remote_orders(void **state)
{
    struct desk *k = *state;
    static const uint8_t open[] = { AXDR_U16, 0, 1 }, close[] = { AXDR_U16, 0, 2 },
                         ready[] = { AXDR_U16, 0, 3 }, four[] = { AXDR_U16, 0, 9 };
    assert_int_equal(call(k, ROLE_BROADCAST, 9, "0-0:10.0.106", 1, open, 3), DAR_OK);
    sees(k, false, 0);
    assert_int_equal(call(k, ROLE_MANAGEMENT, 9, "0-0:10.0.106", 1, ready, 3), DAR_OK);
    sees(k, false, 2);
    assert_int_equal(call(k, ROLE_MANAGEMENT, 9, "0-0:10.0.106", 1, close, 3), DAR_OK);
    sees(k, true, 1);
    assert_int_equal(call(k, ROLE_MANAGEMENT, 9, "0-0:10.0.106", 1, four, 3), DAR_OTHER);
}

static enum dar put(struct desk *k, uint8_t attr, const void *p, size_t n)
{
    enum dar dar = desk_set(k, ROLE_SUPERVISOR, 71, desk_ln("0-0:17.0.0"), attr, p, n, 0);
    desk_settle(k);
    return dar;
}

static uint32_t active_limit(struct desk *k)
{
    const uint8_t *v = get(k, 71, "0-0:17.0.0", 3);
    return (uint32_t)v[1] << 24 | (uint32_t)v[2] << 16 | (uint32_t)v[3] << 8 | v[4];
}

/* 2026-03-02T08:10:00Z, 600 s, for group 7 */
static void an_emergency_lasts_its_time(void **state)
{
    static const uint8_t normal[] = { AXDR_U32, 0, 0, 0x13, 0x88 };
    static const uint8_t low[] = { AXDR_U32, 0, 0, 1, 0xF4 };
    static const uint8_t groups[] = { AXDR_ARRAY, 2, AXDR_U16, 0, 3, AXDR_U16, 0, 7 };
    uint8_t profile[] = { AXDR_STRUCTURE,
                          3,
                          AXDR_U16,
                          0,
                          7,
                          AXDR_OCTETS,
                          12,
                          0x07,
                          0xEA,
                          3,
                          2,
                          0xFF,
                          8,
                          10,
                          0,
                          0,
                          0,
                          0,
                          0,
                          AXDR_U32,
                          0,
                          0,
                          2,
                          0x58 };
    struct desk *k = *state; /* 08:00:00 and some */
    assert_int_equal(put(k, 4, normal, sizeof normal), DAR_OK);
    assert_int_equal(put(k, 5, low, sizeof low), DAR_OK);
    assert_int_equal(put(k, 8, profile, sizeof profile), DAR_OK);
    desk_run_s(k, 700);
    assert_int_equal(active_limit(k), 5000); /* not in the group */
    profile[13] = 30;
    assert_int_equal(put(k, 8, profile, sizeof profile), DAR_OK);
    assert_int_equal(put(k, 9, groups, sizeof groups), DAR_OK);
    int64_t left = 1772438400 + 1800 - meter_utc(&k->d.meter).s;
    desk_run_s(k, (uint64_t)left - 1);
    assert_int_equal(active_limit(k), 5000);
    assert_int_equal(get(k, 71, "0-0:17.0.0", 10)[1], 0);
    desk_run_s(k, 2);
    assert_int_equal(active_limit(k), 500);
    assert_int_equal(get(k, 71, "0-0:17.0.0", 10)[1], 1);
    assert_int_equal(event_last(&k->d.meter, LOG_RELAY), EV_LIMITER_CHANGED);
    desk_cut(k, 60); /* it goes by the calendar */
    desk_run_s(k, 2);
    assert_int_equal(active_limit(k), 500);
    desk_run_s(k, 600);
    assert_int_equal(active_limit(k), 5000);
}

static void a_limiter_refuses_what_it_does_not_know(void **state)
{
    static const uint8_t text[] = { AXDR_OCTETS, 2, 1, 2 };
    static const uint8_t huge[] = { AXDR_U32, 0xFF, 0xFF, 0xFF, 0xFF };
    static const uint8_t clock[] = {
        AXDR_STRUCTURE, 3, AXDR_U16, 0, 8, AXDR_OCTETS, 6, 0, 0, 1, 0, 0, 255, AXDR_I8, 2
    };
    static const uint8_t demand[] = {
        AXDR_STRUCTURE, 3, AXDR_U16, 0, 5, AXDR_OCTETS, 6, 1, 0, 1, 4, 0, 255, AXDR_I8, 2
    };
    static const uint8_t other[] = { AXDR_STRUCTURE,
                                     2,
                                     AXDR_STRUCTURE,
                                     2,
                                     AXDR_OCTETS,
                                     6,
                                     0,
                                     0,
                                     10,
                                     0,
                                     1,
                                     255,
                                     AXDR_U16,
                                     0,
                                     1,
                                     AXDR_STRUCTURE,
                                     2,
                                     AXDR_OCTETS,
                                     6,
                                     0,
                                     0,
                                     10,
                                     0,
                                     106,
                                     255,
                                     AXDR_U16,
                                     0,
                                     0 };
    struct desk *k = *state;
    assert_int_equal(put(k, 4, text, sizeof text), DAR_TYPE);
    assert_int_equal(put(k, 4, huge, sizeof huge), DAR_OTHER);
    assert_int_equal(put(k, 2, clock, sizeof clock), DAR_OTHER);
    assert_int_equal(put(k, 11, other, sizeof other), DAR_OTHER);
    assert_int_equal(put(k, 2, demand, sizeof demand), DAR_OK);
    assert_memory_equal(get(k, 71, "0-0:17.0.0", 2), demand, sizeof demand);
    assert_int_equal(active_limit(k), 0);
}

static int begin(void **state)
{
    struct desk *k = desk_new(1772438400);
    desk_fit_relay(k);
    desk_run_s(k, 3);
    *state = k;
    return 0;
}

static int end(void **state)
{
    desk_free(*state);
    return 0;
}

/* Push 4 goes to a line nobody listens at: there it waits. */
static void aim_at_nobody(struct desk *k)
{
    static const uint8_t nowhere[] = { AXDR_STRUCTURE, 3, AXDR_ENUM, PUSH_HDLC,
                                       AXDR_OCTETS,    0, AXDR_ENUM, 0 };
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 40, desk_ln("0-4:25.9.0"), 3, nowhere, sizeof nowhere, 0),
        DAR_OK);
    desk_settle(k);
    push_reset(&k->d, 4);
}

static bool is_pushed(struct desk *k)
{
    desk_run_s(k, 3);
    return k->d.push.job[4].waiting;
}

static bool is_set(struct desk *k, const char *descriptor, unsigned bit)
{
    const uint8_t *p = get(k, 1, descriptor, 2);
    uint32_t v = 0;
    for (unsigned i = 1; i <= 4; i++) v = v << 8 | p[i];
    return v >> bit & 1;
}

/* A relay that does not do what it was told sets bit 31 of register 2 and 12 of register 3, and
 * both are pushed; a bypass is fraud. */
static void what_fails_is_pushed(void **state)
{
    static const unsigned troubles[] = { RELAY_WELDS, RELAY_STICKS, RELAY_RATTLES };
    struct desk *k = *state;
    for (unsigned i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        aim_at_nobody(k);
        relay_sim_trouble(&k->relay, k->now, troubles[i]);
        remote(k, ROLE_MANAGEMENT, 1);
        desk_run_s(k, 30);
        assert_true(is_set(k, "0-0:97.98.22", 12));
        assert_true(is_set(k, "0-0:97.98.21", 31));
        assert_true(is_pushed(k));
        end(state);
        begin(state);
        k = *state;
    }
    aim_at_nobody(k);
    remote(k, ROLE_MANAGEMENT, 1);
    assert_false(is_pushed(k));                             /* an order is no alarm */
    static const uint8_t none[] = { AXDR_U32, 0, 0, 0, 0 }; /* that power came was told */
    static const char *const words[] = { "0-0:97.98.0", "0-0:97.98.20" };
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            desk_set(k, ROLE_MANAGEMENT, 1, desk_ln(words[i]), 2, none, sizeof none, 0),
            DAR_OK);
        desk_settle(k);
    }
    event_post(&k->d.meter, EV_BYPASS, NULL, NULL);
    assert_true(is_pushed(k));
    assert_true(is_set(k, "0-0:97.98.20", 13));
}

/* {least voltage, delay, beeps, most owed} */
static enum dar set_arrears(struct desk *k, uint8_t role, uint8_t percent, uint8_t beeps,
                            uint8_t top)
{
    uint8_t p[] = { AXDR_STRUCTURE, 4,     AXDR_U8,  percent, AXDR_U16, 0, 60,
                    AXDR_U8,        beeps, AXDR_I32, top,     0,        1, 0 };
    enum dar dar = desk_set(k, role, 1, desk_ln("0-0:96.50.24"), 2, p, sizeof p, 0);
    desk_settle(k);
    return dar;
}

static void arrears_are_settings(void **state)
{
    static const uint8_t product[] = {
        AXDR_STRUCTURE, 4,  AXDR_U8,  70,   AXDR_U16, 0,    0,
        AXDR_U8,        10, AXDR_I32, 0x7F, 0xFF,     0xFF, 0xFF
    };
    struct desk *k = *state;
    assert_memory_equal(get(k, 1, "0-0:96.50.24", 2), product, sizeof product);
    assert_int_not_equal(set_arrears(k, ROLE_OPERATOR, 70, 3, 0), DAR_OK);
    assert_int_equal(set_arrears(k, ROLE_SUPERVISOR, 49, 3, 0), DAR_OTHER);
    assert_int_equal(set_arrears(k, ROLE_SUPERVISOR, 70, 121, 0), DAR_OTHER);
    assert_int_equal(set_arrears(k, ROLE_SUPERVISOR, 70, 3, 0x80), DAR_OTHER); /* negative */
    assert_memory_equal(get(k, 1, "0-0:96.50.24", 2), product, sizeof product);
    assert_int_equal(set_arrears(k, ROLE_SUPERVISOR, 70, 3, 0), DAR_OK);
    assert_int_equal(param_get(&k->d.meter, PARAM_ARREARS_BEEPS), 3);
    assert_int_equal(param_get(&k->d.meter, PARAM_ARREARS_DEBT), 256);
    assert_int_equal(param_get(&k->d.meter, PARAM_ARREARS_DELAY_S), 60);
}

/* Script n gives the pulse output function n - 1, and says so. */
static void output_scripts(void **state)
{
    struct desk *k = *state;
    struct obis function = desk_ln("0-0:96.50.12"), name;
    struct axdr_in in = axdr_in(get(k, 9, "0-0:10.0.103", 2), sizeof value);
    unsigned n = axdr_read_head(&in, AXDR_ARRAY);
    assert_int_equal(n, 8);
    for (unsigned i = 0; i < n; i++) {
        size_t length;
        axdr_read_struct(&in, 2);
        assert_int_equal(axdr_read_u16(&in), i + 1);
        assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), 1);
        axdr_read_struct(&in, 5);
        assert_int_equal(axdr_read_enum(&in), 1);
        assert_int_equal(axdr_read_u16(&in), 1);
        axdr_read_octets(&in, &name, sizeof name);
        assert_memory_equal(&name, &function, sizeof name);
        assert_int_equal(axdr_read_i8(&in), 2);
        const uint8_t *text = axdr_read_string(&in, AXDR_OCTETS, &length);
        assert_int_equal(length, 1);
        assert_int_equal(text[0], '0' + i);
        assert_false(in.bad);
    }
    for (uint8_t i = 0; i < 10; i++) {
        const uint8_t script[] = { AXDR_U16, 0, i };
        unsigned was = get(k, 1, "0-0:96.50.12", 2)[1];
        assert_int_not_equal(call(k, ROLE_SUPERVISOR, 9, "0-0:10.0.103", 1, script, 3), DAR_OK);
        assert_int_equal(get(k, 1, "0-0:96.50.12", 2)[1], was);
        bool is = i >= 1 && i <= 8;
        assert_int_equal(call(k, ROLE_MANAGEMENT, 9, "0-0:10.0.103", 1, script, 3),
                         is ? DAR_OK : DAR_OTHER);
        assert_int_equal(get(k, 1, "0-0:96.50.12", 2)[1], is ? i - 1u : was);
        /* bit 0 of the outputs: whether it gives anything */
        assert_int_equal(get(k, 1, "0-0:96.3.2", 2)[2] >> 7, (is ? i - 1u : was) != 0);
    }
}

/* Scripts numbered from 1 that write these digits to attribute 2 of an object. */
static size_t scripts_of(uint8_t *b, size_t n, const char *ln, const char *digits)
{
    struct axdr_out o = axdr_out(b, n);
    struct obis name = desk_ln(ln);
    axdr_emit_head(&o, AXDR_ARRAY, (uint32_t)strlen(digits));
    for (unsigned i = 0; digits[i]; i++) {
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_u16(&o, (uint16_t)(i + 1));
        axdr_emit_head(&o, AXDR_ARRAY, 1);
        axdr_emit_head(&o, AXDR_STRUCTURE, 5);
        axdr_emit_enum(&o, 1);
        axdr_emit_u16(&o, 1);
        axdr_emit_octets(&o, &name, 6);
        axdr_emit_i8(&o, 2);
        axdr_emit_octets(&o, &digits[i], 1);
    }
    return o.len;
}

static void output_scripts_are_written(void **state)
{
    static const struct {
        const char *ln, *digits;
    } wrong[] = { { "0-0:96.50.12", "8" },
                  { "0-0:96.50.13", "1" },
                  { "0-0:96.50.12", "123456701" },
                  { "0-0:96.50.12", "" } };
    struct desk *k = *state;
    struct obis ln = desk_ln("0-0:10.0.103");
    uint8_t b[300], was[sizeof value];
    struct desk_value v = { was, sizeof was };
    assert_int_equal(desk_get(k, ROLE_SUPERVISOR, 9, ln, 2, NULL, 0, &v), DAR_OK);
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t n = scripts_of(b, sizeof b, wrong[i].ln, wrong[i].digits);
        assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 9, ln, 2, b, n, 0), DAR_OTHER);
        assert_memory_equal(get(k, 9, "0-0:10.0.103", 2), was, v.n);
    }
    size_t n = scripts_of(b, sizeof b, "0-0:96.50.12", "705");
    for (size_t cut = 1; cut < n; cut++)
        assert_int_not_equal(desk_set(k, ROLE_SUPERVISOR, 9, ln, 2, b, cut, 0), DAR_OK);
    assert_int_not_equal(desk_set(k, ROLE_OPERATOR, 9, ln, 2, b, n, 0), DAR_OK);
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 9, ln, 2, b, n, 0), DAR_OK);
    desk_settle(k);
    desk_cut(k, 60);
    assert_memory_equal(get(k, 9, "0-0:10.0.103", 2), b, n);
    for (uint8_t i = 1; i <= 4; i++) {
        const uint8_t script[] = { AXDR_U16, 0, i };
        assert_int_equal(call(k, ROLE_MANAGEMENT, 9, "0-0:10.0.103", 1, script, 3),
                         i <= 3 ? DAR_OK : DAR_OTHER);
        assert_int_equal(get(k, 1, "0-0:96.50.12", 2)[1], "7055"[i - 1] - '0');
    }
    ln = desk_ln("0-0:10.0.106"); /* another table's */
    assert_int_not_equal(desk_set(k, ROLE_MANAGEMENT, 9, ln, 2, b, n, 0), DAR_OK);
}

/* One script of a table as it is written, without its number. */
struct piece {
    size_t at, n;
};

static unsigned pieces_of(const uint8_t *b, size_t n, struct piece piece[8])
{
    struct axdr_in in = axdr_in(b, n);
    unsigned scripts = axdr_read_head(&in, AXDR_ARRAY);
    for (unsigned i = 0; i < scripts; i++) {
        axdr_read_struct(&in, 2);
        axdr_read_u16(&in);
        piece[i].at = (size_t)(in.p - b);
        for (uint32_t k = axdr_read_head(&in, AXDR_ARRAY); k; k--) {
            size_t length;
            axdr_read_struct(&in, 5);
            axdr_read_enum(&in);
            axdr_read_u16(&in);
            axdr_read_string(&in, AXDR_OCTETS, &length);
            axdr_read_i8(&in);
            if (axdr_peek(&in) == AXDR_OCTETS)
                axdr_read_string(&in, AXDR_OCTETS, &length);
            else
                axdr_read_i8(&in);
        }
        piece[i].n = (size_t)(in.p - b) - piece[i].at;
    }
    assert_true(axdr_is_done(&in));
    return scripts;
}

/* Script n does what script order[n - 1] of the product does. */
static size_t ordered(uint8_t *to, size_t size, const uint8_t *b, const struct piece piece[8],
                      const char *order)
{
    struct axdr_out o = axdr_out(to, size);
    axdr_emit_head(&o, AXDR_ARRAY, (uint32_t)strlen(order));
    for (unsigned i = 0; order[i]; i++) {
        const struct piece *x = &piece[order[i] - '1'];
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_u16(&o, (uint16_t)(i + 1));
        axdr_emit(&o, b + x->at, x->n);
    }
    return o.len;
}

/* Every table that management may write: all of its scripts, in any order, over cuts. */
static void script_tables_are_written(void **state)
{
    static const struct {
        const char *ln, *order, *twice;
    } tables[] = {
        { "0-0:10.0.100", "38125476", "33333333" },
        { "0-0:10.0.106", "2143", "4444" },
        { "0-0:10.1.100", "21", "11" },
        { "0-0:10.0.108", "81234567", "55555555" },
    };
    static uint8_t was[1024], is[1024], b[1024];
    struct desk *k = *state;
    for (unsigned t = 0; t < sizeof tables / sizeof *tables; t++) {
        struct obis ln = desk_ln(tables[t].ln);
        struct desk_value v = { was, sizeof was };
        struct piece piece[8];
        assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 9, ln, 2, NULL, 0, &v), DAR_OK);
        unsigned scripts = pieces_of(was, v.n, piece);
        assert_int_equal(scripts, strlen(tables[t].order));
        size_t n = ordered(b, sizeof b, was, piece, tables[t].order);
        assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 9, ln, 2, b, n, 0), DAR_DENIED);
        for (size_t cut = 1; cut < n; cut++) /* torn off */
            assert_int_not_equal(desk_set(k, ROLE_MANAGEMENT, 9, ln, 2, b, cut, 0), DAR_OK);
        for (size_t at = 0; at < n; at++) { /* one octet wrong: of no script of the product */
            uint8_t right = b[at];
            b[at] ^= 0x40;
            assert_int_not_equal(desk_set(k, ROLE_MANAGEMENT, 9, ln, 2, b, n, 0), DAR_OK);
            b[at] = right;
        }
        char fewer[9]; /* calendars and monitors go by all of the numbers */
        snprintf(fewer, sizeof fewer, "%.*s", (int)scripts - 1, tables[t].order);
        size_t f = ordered(is, sizeof is, was, piece, fewer);
        assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 9, ln, 2, is, f, 0), DAR_OTHER);
        struct desk_value now = { is, sizeof is };
        assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 9, ln, 2, NULL, 0, &now), DAR_OK);
        assert_memory_equal(is, was, v.n);
        for (unsigned round = 0; round < 2; round++) {
            n = ordered(b, sizeof b, was, piece, round ? tables[t].twice : tables[t].order);
            uint32_t changes = k->d.meter.now.counter[CNT_CHANGES];
            for (unsigned again = 0; again < 2; again++) { /* the second changes nothing */
                assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 9, ln, 2, b, n, 0), DAR_OK);
                desk_settle(k);
            }
            assert_int_equal(k->d.meter.now.counter[CNT_CHANGES], changes + 1);
            desk_cut(k, 60);
            now = (struct desk_value){ is, sizeof is };
            assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 9, ln, 2, NULL, 0, &now), DAR_OK);
            assert_int_equal(now.n, n);
            assert_memory_equal(is, b, n);
        }
    }
    const uint8_t script[] = { AXDR_U16, 0, 7 };
    assert_int_equal(call(k, ROLE_MANAGEMENT, 9, "0-0:10.0.100", 1, script, 3), DAR_OK);
    assert_int_equal(get(k, 6, "0-0:14.0.0", 4)[2], '3');
}

/* The name of a mask is the order of a tariff, in both activations. */
static void a_mask_is_activated(void **state)
{
    struct desk *k = *state;
    static const char *const both[] = { "0-0:14.0.0", "0-0:14.0.1" };
    for (char c = '0'; c <= '9'; c++) {
        const char *ln = both[c & 1];
        uint8_t was = get(k, 6, ln, 4)[2], name[] = { AXDR_OCTETS, 1, (uint8_t)c, 0 };
        bool is = c >= '1' && c <= '8';
        struct obis o = desk_ln(ln);
        assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 6, o, 4, name, 3, 0), DAR_DENIED);
        assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 6, o, 4, name, 3, 0),
                         is ? DAR_OK : DAR_OTHER);
        desk_settle(k);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(get(k, 6, both[i], 4)[2], is ? c : was);
        assert_int_not_equal(desk_set(k, ROLE_MANAGEMENT, 6, o, 4, name, 2, 0), DAR_OK);
        name[1] = 2;
        assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 6, o, 4, name, 4, 0), DAR_OTHER);
    }
    desk_cut(k, 60);
    assert_int_equal(get(k, 6, both[0], 4)[2], '8');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(remote_orders_by_role, begin, end),
        cmocka_unit_test_setup_teardown(modes_by_the_book, begin, end),
        cmocka_unit_test_setup_teardown(fire_is_released_by_seniors_once_cool, begin, end),
        cmocka_unit_test_setup_teardown(top_up_does_not_undo_a_remote_order, begin, end),
        cmocka_unit_test_setup_teardown(weights_are_data, begin, end),
        cmocka_unit_test_setup_teardown(permissions_bind_every_actor, begin, end),
        cmocka_unit_test_setup_teardown(scripts_are_remote_orders, begin, end),
        cmocka_unit_test_setup_teardown(an_emergency_lasts_its_time, begin, end),
        cmocka_unit_test_setup_teardown(arrears_are_settings, begin, end),
        cmocka_unit_test_setup_teardown(output_scripts, begin, end),
        cmocka_unit_test_setup_teardown(output_scripts_are_written, begin, end),
        cmocka_unit_test_setup_teardown(script_tables_are_written, begin, end),
        cmocka_unit_test_setup_teardown(a_mask_is_activated, begin, end),
        cmocka_unit_test_setup_teardown(what_fails_is_pushed, begin, end),
        cmocka_unit_test_setup_teardown(a_limiter_refuses_what_it_does_not_know, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
