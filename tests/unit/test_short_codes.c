/* Short codes: the product's table, one of the utility's, what typing a number comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "desk.h"
#include "meter/display/code.h"
#include "tools/vend/make.h"

static const struct who keypad = { .link = LINK_KEYPAD };
static uint8_t value[8192];

static int type(struct desk *k, uint16_t number)
{
    meter_at(&k->d.meter, k->now);
    int err = code_enter(&k->d.meter, &keypad, number);
    desk_settle(k);
    return err;
}

static struct display_page look(struct desk *k)
{
    struct display_page page;
    display_page(&k->d.meter, k->now, &page);
    return page;
}

static void assert_cells(const struct display_page *p, const char *cells)
{
    assert_memory_equal(p->cell, cells, DISPLAY_CELLS);
}

static enum dar write_table(struct desk *k, uint8_t role, const void *p, size_t n)
{
    enum dar dar = desk_set(k, role, 1, desk_ln("0-0:96.62.3"), 2, p, n, n > 200 ? 150 : 0);
    desk_settle(k);
    return dar;
}

static size_t read_table(struct desk *k)
{
    struct desk_value v = { value, sizeof value };
    assert_int_equal(desk_get(k, ROLE_READER, 1, desk_ln("0-0:96.62.3"), 2, NULL, 100, &v),
                     DAR_OK);
    return v.n;
}

/* One row as a client writes it. */
static size_t put_row(uint8_t *p, uint16_t number, uint16_t cls, const char *ln, int8_t attr,
                      uint8_t format, const char *words, uint8_t action)
{
    struct axdr_out o = axdr_out(p, 64);
    struct obis name = desk_ln(ln);
    axdr_emit_head(&o, AXDR_STRUCTURE, 7);
    axdr_emit_u16(&o, number);
    axdr_emit_u16(&o, cls);
    axdr_emit_octets(&o, &name, 6);
    axdr_emit_i8(&o, attr);
    axdr_emit_u16(&o, format);
    axdr_emit_octets(&o, words, strlen(words));
    axdr_emit_enum(&o, action);
    return o.len;
}

/* Every row of the product shows what it names, for its time. */
static void the_product_has_its_table(void **state)
{
    struct desk *k = *state;
    struct short_code x;
    struct meter *m = &k->d.meter;
    int n = code_rows(m);
    assert_true(n > 15);
    for (unsigned i = 0; i < (unsigned)n; i++) {
        assert_int_equal(code_row(m, i, &x), 0);
        if (x.action != CODE_SHOW) continue;
        assert_int_equal(type(k, x.number), 0);
        struct display_page page = look(k);
        assert_int_equal(page.item.column, x.item.column);
        desk_run_s(k, 19);
        page = look(k);
        assert_int_equal(page.item.column, x.item.column);
        desk_run_s(k, 2);
        assert_false(k->d.meter.display.is_asked && look(k).page > look(k).pages);
    }
    assert_int_equal(code_row(m, (unsigned)n, &x), E_NONE);
    assert_int_equal(type(k, 999), E_NONE);
    assert_int_equal(type(k, 804), 0);
    struct display_page page = look(k);
    assert_cells(&page, "       1");
}

/* Terminal cover, meter cover, module cover, magnet, mismatch, enclosure, until they are cleared. */
static void tampers_are_told(void **state)
{
    struct desk *k = *state;
    assert_int_equal(type(k, 858), 0);
    struct display_page page = look(k);
    assert_cells(&page, "  000000");
    k->inputs = INPUT_TERMINAL_COVER | INPUT_MAGNET;
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, k->inputs), 0);
    desk_run_s(k, 10);
    k->inputs = 0;
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, k->inputs), 0);
    desk_run_s(k, 10);
    assert_int_equal(type(k, 858), 0);
    page = look(k);
    assert_cells(&page, "  100100");
    desk_cut(k, 60);
    desk_run_s(k, 5);
    assert_int_equal(type(k, 858), 0);
    page = look(k);
    assert_cells(&page, "  100100");
}

static void a_utility_writes_its_own(void **state)
{
    struct desk *k = *state;
    uint8_t p[512] = { AXDR_ARRAY, 3 };
    size_t n = 2;
    n += put_row(p + n, 7, 3, "1-0:32.7.0", 2, 1, "volts", CODE_SHOW);
    n += put_row(p + n, 1234, 1, "1-0:0.0.0", 2, 0, "number", CODE_SHOW);
    n += put_row(p + n, 55, 70, "0-0:96.3.10", 3, 0, "on", CODE_RECONNECT);
    assert_int_not_equal(write_table(k, ROLE_OPERATOR, p, n), DAR_OK);
    assert_int_equal(write_table(k, ROLE_SUPERVISOR, p, n), DAR_OK);
    assert_int_equal(read_table(k), n);
    assert_memory_equal(value, p, n);
    desk_cut(k, 60); /* it lasts */
    desk_run_s(k, 5);
    assert_int_equal(type(k, 806), E_NONE);
    assert_int_equal(type(k, 1234), 0);
    struct display_page page = look(k);
    assert_cells(&page, "       1");
    assert_int_equal(type(k, 7), 0);
    page = look(k);
    assert_int_equal(page.item.column, REG_U);
    assert_int_equal(page.item.label[0], 32);
    /* none: the product's again */
    static const uint8_t none[] = { AXDR_ARRAY, 0 };
    assert_int_equal(write_table(k, ROLE_SUPERVISOR, none, sizeof none), DAR_OK);
    assert_int_equal(type(k, 806), 0);
}

static void a_wrong_table_is_refused_whole(void **state)
{
    struct desk *k = *state;
    size_t was_n = read_table(k);
    uint8_t *was = malloc(was_n), p[128] = { AXDR_ARRAY, 2 };
    memcpy(was, value, was_n);
    static const struct {
        uint16_t number, cls;
        const char *ln;
        int8_t attr;
        uint8_t format;
        const char *words;
        uint8_t action;
    } wrong[] = {
        { 1, 3, "1-0:32.7.0", 2, 1, "number is there", CODE_SHOW },
        { 10000, 3, "1-0:32.7.0", 2, 1, "too large", CODE_SHOW },
        { 2, 3, "1-0:32.7.9", 2, 1, "no such object", CODE_SHOW },
        { 2, 3, "1-0:32.7.0", 9, 1, "no attribute", CODE_SHOW },
        { 2, 3, "1-0:32.7.0", 2, 9, "9 decimals", CODE_SHOW },
        { 2, 3, "1-0:32.7.0", 2, 1, "seventeen letters", CODE_SHOW },
        { 2, 3, "1-0:32.7.0", 2, 1, "no such action", CODE_ACTIONS },
        { 2, 15, "0-0:40.0.4", 7, 0, "a password", CODE_SHOW },
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t n = 2 + put_row(p + 2, 1, 3, "1-0:32.7.0", 2, 1, "volts", CODE_SHOW);
        n += put_row(p + n, wrong[i].number, wrong[i].cls, wrong[i].ln, wrong[i].attr,
                     wrong[i].format, wrong[i].words, wrong[i].action);
        assert_int_not_equal(write_table(k, ROLE_MANAGEMENT, p, n), DAR_OK);
        assert_int_equal(read_table(k), was_n);
        assert_memory_equal(value, was, was_n);
    }
    free(was);
}

/* 890 is the button's order, no more: it does not undo what others hold. */
static void the_keypad_reconnects(void **state)
{
    struct desk *k = *state;
    static const uint8_t zero[] = { AXDR_I8, 0 };
    struct obis relay = desk_ln("0-0:96.3.10");
    assert_int_equal(param_set(&k->d.meter, &keypad, PARAM_SUPPLY_MODE, 6), 0);
    desk_settle(k);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 70, relay, 1, zero, sizeof zero, NULL),
                     DAR_OK);
    desk_run_s(k, 3);
    assert_int_equal(type(k, 890), E_DENIED);
    struct display_page page = look(k);
    assert_cells(&page, "UtiLity ");
    assert_false(k->relay.closed);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 70, relay, 2, zero, sizeof zero, NULL),
                     DAR_OK);
    desk_run_s(k, 3);
    assert_false(k->relay.closed);
    assert_int_equal(type(k, 890), 0);
    desk_run_s(k, 3);
    assert_true(k->relay.closed);
    page = look(k);
    assert_cells(&page, "nonE    ");
    assert_int_equal(type(k, 806), 0);
    page = look(k);
    assert_cells(&page, "button  ");
}

static void shows(struct desk *k, uint16_t number, const char *cells, unsigned point)
{
    assert_int_equal(type(k, number), 0);
    struct display_page page = look(k);
    assert_cells(&page, cells);
    assert_int_equal(page.point, point);
}

static int pay(struct desk *k, uint32_t tid, uint16_t tenths)
{
    struct made made;
    const struct sts_key *key = k->meter.decoder;
    struct sts_fields f = { .v = { [STS_TID] = tid, [STS_VALUE] = tenths } };
    make_token(&made, key, 0, make_block(sts_form_find(0, 0, key->ea), &f));
    meter_at(&k->d.meter, k->now);
    int result = prepay_enter_text(&k->d.meter, &keypad, 0, made.digits, STS_DIGITS);
    desk_settle(k);
    return result;
}

/* 2, 819: what was bought ever, and how many tokens it took; one that is refused is none. */
static void tokens_are_counted(void **state)
{
    struct desk *k = *state;
    shows(k, 819, "       0", 0);
    shows(k, 2, "    0000", 3);
    assert_int_equal(pay(k, 6400000, 100), STS_ACCEPT);
    shows(k, 819, "       1", 0);
    shows(k, 2, "   10000", 3);
    assert_int_equal(pay(k, 6400000, 100), STS_USED);
    assert_int_equal(pay(k, 6400001, 25), STS_ACCEPT);
    shows(k, 819, "       2", 0);
    shows(k, 2, "   12500", 3);
    desk_cut(k, 60);
    desk_run_s(k, 5);
    shows(k, 819, "       2", 0);
    shows(k, 2, "   12500", 3);
}

/* 0: emergency credit, where 811 would give it. */
static void what_is_offered(void **state)
{
    struct desk *k = *state;
    shows(k, 0, "nonE    ", 0);
    assert_int_equal(type(k, 811), E_STATE);
    assert_int_equal(param_set(&k->d.meter, &keypad, PARAM_EMERGENCY_1, 5000), 0);
    desk_settle(k);
    shows(k, 0, "nonE    ", 0); /* the account is not open yet */
    assert_int_equal(pay(k, 6400000, 20), STS_ACCEPT);
    if (!wallet_is_open(&k->d.meter, 0))
        assert_int_equal(wallet_open(&k->d.meter, &keypad, 0), 0);
    assert_int_equal(param_set(&k->d.meter, &keypad, PARAM_EMERGENCY_1_BELOW, 2000), 0);
    desk_settle(k);
    shows(k, 0, "    5000", 3);
    assert_int_equal(type(k, 811), 0);
    shows(k, 0, "nonE    ", 0); /* it was taken */
}

static int setup(void **state)
{
    struct desk *k = desk_new(1772438400);
    desk_fit_relay(k);
    desk_run_s(k, 5);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_product_has_its_table), TEST(tampers_are_told),
        TEST(a_utility_writes_its_own),  TEST(a_wrong_table_is_refused_whole),
        TEST(the_keypad_reconnects),     TEST(tokens_are_counted),
        TEST(what_is_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
