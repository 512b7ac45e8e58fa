/* The array manager, 0-0:18.0.0: long lists read a page at a time are the lists read whole; entries
 * come, change and go one by one, for whom the list itself may be written, whole or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "desk.h"
#include "meter/display/code.h"

enum { NUMBER = 1, RETRIEVE, INSERT, UPDATE, REMOVE, METHODS = REMOVE };
enum { TARIFF = 1, FRIENDLY, LOAD, CODES, PAST, SCHEDULE, LISTS = SCHEDULE };
enum { DAY_OCTETS = 14, VALUE = 1 << 14 };
static const int64_t T0 = 1767225600 + 9 * 86400; /* 2026-01-10 */
static const struct {
    uint8_t cls;
    const char *ln;
} list[LISTS + 1] = { [TARIFF] = { 11, "0-0:11.0.0" }, [FRIENDLY] = { 11, "0-0:11.0.1" },
                      [LOAD] = { 11, "0-0:11.0.2" },   [CODES] = { 1, "0-0:96.62.3" },
                      [PAST] = { 1, "0-0:96.62.5" },   [SCHEDULE] = { 10, "0-0:12.0.0" } };

static struct desk *desk;
static uint8_t asked[VALUE], given[VALUE], whole[VALUE], before[VALUE], row[64];
static size_t given_n, whole_n, before_n;

static enum dar call(uint8_t role, uint8_t method, const struct axdr_out *o)
{
    struct desk_value v = { given, sizeof given };
    enum dar dar =
        desk_call(desk, role, 123, desk_ln("0-0:18.0.0"), method, o->buf, o->len, &v);
    given_n = dar == DAR_OK ? v.n : 0;
    return dar;
}

static struct axdr_out ask(unsigned id, unsigned index)
{
    struct axdr_out o = axdr_out(asked, sizeof asked);
    axdr_emit_struct(&o, 2);
    axdr_emit_u8(&o, (uint8_t)id);
    axdr_emit_struct(&o, 2);
    axdr_emit_u16(&o, (uint16_t)index);
    return o;
}

static enum dar range(uint8_t role, uint8_t method, unsigned id, unsigned from, unsigned to)
{
    struct axdr_out o = ask(id, from);
    axdr_emit_u16(&o, (uint16_t)to);
    return call(role, method, &o);
}

static enum dar entry(uint8_t role, uint8_t method, unsigned id, unsigned index, const void *p,
                      size_t n)
{
    struct axdr_out o = ask(id, index);
    axdr_emit(&o, p, n);
    return call(role, method, &o);
}

static enum dar number(uint8_t role, unsigned id, unsigned *n)
{
    struct axdr_out o = axdr_out(asked, sizeof asked);
    axdr_emit_u8(&o, (uint8_t)id);
    enum dar dar = call(role, NUMBER, &o);
    struct axdr_in in = axdr_in(given, given_n);
    if (dar != DAR_OK) return dar;
    *n = axdr_read_u16(&in);
    assert_true(axdr_is_done(&in));
    return dar;
}

/* The attribute itself, into `whole`; its rows. */
static unsigned read_whole(unsigned id)
{
    struct desk_value v = { whole, sizeof whole };
    assert_int_equal(
        desk_get(desk, ROLE_MANAGEMENT, list[id].cls, desk_ln(list[id].ln), 2, NULL, 0, &v),
        DAR_OK);
    whole_n = v.n;
    struct axdr_in in = axdr_in(whole, whole_n);
    return axdr_read_head(&in, AXDR_ARRAY);
}

/* A special day that is like no other with another index. */
static size_t day(unsigned index)
{
    struct axdr_out o = axdr_out(row, sizeof row);
    axdr_emit_struct(&o, 3);
    axdr_emit_u16(&o, (uint16_t)index);
    axdr_emit_octets(&o,
                     (uint8_t[]){ 0xFF, 0xFF, (uint8_t)(index % 12 + 1),
                                  (uint8_t)(index / 12 % 28 + 1), 0xFF },
                     5);
    axdr_emit_u8(&o, (uint8_t)index);
    assert_int_equal(o.len, DAY_OCTETS);
    return o.len;
}

static enum dar put(uint8_t method, unsigned id, unsigned at, unsigned index)
{
    size_t n = day(index);
    return entry(ROLE_SUPERVISOR, method, id, at, row, n);
}

/* The list is these special days, in this order. */
static void assert_days(unsigned id, const unsigned *index, unsigned n)
{
    assert_int_equal(read_whole(id), n);
    const uint8_t *p = whole + whole_n - n * DAY_OCTETS;
    for (unsigned i = 0; i < n; i++, p += DAY_OCTETS) {
        day(index[i]);
        assert_memory_equal(p, row, DAY_OCTETS);
    }
}
#define expect_days(id, ...)                                                                   \
    assert_days(id, (unsigned[]){ __VA_ARGS__ },                                               \
                sizeof(unsigned[]){ __VA_ARGS__ } / sizeof(unsigned))

/* Page by page as whole; and no page before the first or behind the last. */
static void pages_are_the_whole(unsigned id, unsigned page)
{
    unsigned rows = read_whole(id), n = 0, said;
    struct axdr_in in = axdr_in(whole, whole_n);
    axdr_read_head(&in, AXDR_ARRAY);
    assert_int_equal(number(ROLE_SUPERVISOR, id, &said), DAR_OK);
    assert_int_equal(said, rows);
    for (unsigned from = 1; from <= rows; from += page) {
        assert_int_equal(range(ROLE_SUPERVISOR, RETRIEVE, id, from, from + page - 1), DAR_OK);
        struct axdr_in out = axdr_in(given, given_n);
        unsigned here = axdr_read_head(&out, AXDR_ARRAY);
        assert_int_equal(here, page < rows - n ? page : rows - n);
        n += here;
        assert_true(out.n <= in.n);
        assert_memory_equal(out.p, axdr_read_view(&in, out.n), out.n);
    }
    assert_int_equal(n, rows);
    assert_true(axdr_is_done(&in));
    assert_int_equal(range(ROLE_SUPERVISOR, RETRIEVE, id, rows + 1, 0xFFFF), DAR_OTHER);
    assert_int_equal(range(ROLE_SUPERVISOR, RETRIEVE, id, 0, 1), DAR_OTHER);
}

static int start(void **state)
{
    (void)state;
    desk = desk_new(T0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    desk_free(desk);
    return 0;
}

/* -- what it says -------------------------------------------------------------------------- */

static void it_names_its_lists(void **state)
{
    struct desk_value v = { given, sizeof given };
    (void)state;
    assert_int_equal(desk_get(desk, ROLE_READER, 123, desk_ln("0-0:18.0.0"), 2, NULL, 0, &v),
                     DAR_OK);
    struct axdr_in in = axdr_in(given, v.n);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), LISTS);
    for (unsigned i = 1; i <= LISTS; i++) {
        struct obis ln, is = desk_ln(list[i].ln);
        axdr_read_struct(&in, 2);
        assert_int_equal(axdr_read_u8(&in), i);
        axdr_read_struct(&in, 3);
        assert_int_equal(axdr_read_u16(&in), list[i].cls);
        axdr_read_octets(&in, &ln, sizeof ln);
        assert_memory_equal(&ln, &is, sizeof ln);
        assert_int_equal(axdr_read_i8(&in), 2);
    }
    assert_true(axdr_is_done(&in));
}

/* -- special days, one by one -------------------------------------------------------------- */

static void days_come_change_and_go(void **state)
{
    unsigned n;
    (void)state;
    for (unsigned id = TARIFF; id <= LOAD; id++) {
        assert_int_equal(number(ROLE_SUPERVISOR, id, &n), DAR_OK);
        assert_int_equal(n, 0);
        assert_int_equal(range(ROLE_SUPERVISOR, RETRIEVE, id, 1, 1), DAR_OTHER);
        assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, id, 1, 1), DAR_OTHER);
        assert_int_equal(put(UPDATE, id, 1, 5), DAR_OTHER);
        assert_int_equal(put(INSERT, id, 0, 5), DAR_OK); /* the first */
        assert_int_equal(put(INSERT, id, 0, 3), DAR_OK);
        assert_int_equal(put(INSERT, id, 2, 9), DAR_OK);
        assert_int_equal(put(INSERT, id, 0xFFFF, 7), DAR_OK); /* the last */
        expect_days(id, 3, 5, 9, 7);
        assert_int_equal(put(INSERT, id, 1, 4), DAR_OK);
        expect_days(id, 3, 4, 5, 9, 7);
        assert_int_equal(put(UPDATE, id, 1, 1), DAR_OK);
        assert_int_equal(put(UPDATE, id, 5, 11), DAR_OK);
        assert_int_equal(put(UPDATE, id, 3, 6), DAR_OK);
        expect_days(id, 1, 4, 6, 9, 11);
        assert_int_equal(put(UPDATE, id, 6, 12), DAR_OTHER);
        assert_int_equal(put(UPDATE, id, 0, 12), DAR_OTHER);
        pages_are_the_whole(id, 2);
        assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, id, 2, 3), DAR_OK);
        expect_days(id, 1, 9, 11);
        assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, id, 2, 1), DAR_OTHER);
        assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, id, 0, 3), DAR_OTHER);
        assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, id, 4, 4), DAR_OTHER);
        expect_days(id, 1, 9, 11);
    }
    desk_cut(desk, 60);
    for (unsigned id = TARIFF; id <= LOAD; id++) {
        expect_days(id, 1, 9, 11);
        assert_int_equal(range(ROLE_MANAGEMENT, REMOVE, id, 1, 0xFFFF), DAR_OK);
        assert_int_equal(read_whole(id), 0);
    }
}

static void a_full_list_takes_no_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SPECIAL_DAYS_MAX; i++)
        assert_int_equal(put(INSERT, LOAD, i, i), DAR_OK);
    assert_int_equal(read_whole(LOAD), SPECIAL_DAYS_MAX);
    memcpy(before, whole, before_n = whole_n);
    assert_int_equal(put(INSERT, LOAD, 0, 999), DAR_OTHER);
    assert_int_equal(put(INSERT, LOAD, 0xFFFF, 999), DAR_OTHER);
    read_whole(LOAD);
    assert_int_equal(whole_n, before_n);
    assert_memory_equal(whole, before, before_n);
    for (unsigned page = 1; page <= SPECIAL_DAYS_MAX + 1; page += 33)
        pages_are_the_whole(LOAD, page);
    assert_int_equal(put(UPDATE, LOAD, SPECIAL_DAYS_MAX, 999), DAR_OK);
    assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, LOAD, 1, 1), DAR_OK);
    assert_int_equal(put(INSERT, LOAD, 0, 1000), DAR_OK);
    assert_int_equal(read_whole(LOAD), SPECIAL_DAYS_MAX);
}

/* What the setter of the list refuses is refused here, and nothing of it stays. */
static void the_setter_judges(void **state)
{
    static const uint8_t octets[] = { AXDR_OCTETS, 1, 0 }, nothing[] = { AXDR_NULL };
    (void)state;
    for (unsigned i = 1; i <= 3; i++) assert_int_equal(put(INSERT, TARIFF, i, i), DAR_OK);
    assert_int_equal(put(INSERT, TARIFF, 0, 2), DAR_OTHER); /* an index that is taken */
    assert_int_equal(put(INSERT, TARIFF, 3, 1), DAR_OTHER);
    assert_int_equal(put(UPDATE, TARIFF, 1, 3), DAR_OTHER);
    assert_int_equal(put(UPDATE, TARIFF, 3, 3), DAR_OK); /* its own */
    size_t n = day(9);
    row[9] = 13; /* a month */
    assert_int_equal(entry(ROLE_SUPERVISOR, INSERT, TARIFF, 1, row, n), DAR_OTHER);
    assert_int_equal(entry(ROLE_SUPERVISOR, UPDATE, TARIFF, 1, row, n), DAR_OTHER);
    assert_int_equal(entry(ROLE_SUPERVISOR, INSERT, TARIFF, 1, octets, sizeof octets),
                     DAR_TYPE);
    assert_int_equal(entry(ROLE_SUPERVISOR, INSERT, TARIFF, 1, nothing, 1), DAR_TYPE);
    expect_days(TARIFF, 1, 2, 3);
    assert_int_equal(put(INSERT, TARIFF, 3, 4), DAR_OK); /* nobody is in the way */
    expect_days(TARIFF, 1, 2, 3, 4);
}

/* -- the other lists ----------------------------------------------------------------------- */

static void short_codes_page_and_change(void **state)
{
    (void)state;
    unsigned rows = read_whole(CODES);
    assert_in_range(rows, 10, CODES_MAX - 1);
    pages_are_the_whole(CODES, 7);
    pages_are_the_whole(CODES, 1);
    assert_int_equal(range(ROLE_SUPERVISOR, RETRIEVE, CODES, rows, rows), DAR_OK);
    memcpy(before, given + 2, before_n = given_n - 2); /* the last, without the head */
    assert_int_equal(entry(ROLE_SUPERVISOR, INSERT, CODES, 0, before, before_n), DAR_OTHER);
    assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, CODES, rows, rows), DAR_OK);
    assert_int_equal(read_whole(CODES), rows - 1);
    assert_int_equal(entry(ROLE_SUPERVISOR, INSERT, CODES, 0, before, before_n), DAR_OK);
    assert_int_equal(read_whole(CODES), rows);
    pages_are_the_whole(CODES, 11);
    assert_int_equal(range(ROLE_SUPERVISOR, RETRIEVE, CODES, 1, rows), DAR_OK);
    assert_true(given_n == whole_n && !memcmp(given, whole, whole_n));
    bool is_first = false;
    for (size_t at = 2; at <= 3; at++) is_first |= !memcmp(given + at, before, before_n);
    assert_true(is_first);
}

static size_t order(unsigned index, unsigned script)
{
    struct axdr_out o = axdr_out(row, sizeof row);
    axdr_emit_struct(&o, 10);
    axdr_emit_u16(&o, (uint16_t)index);
    axdr_emit_bool(&o, true);
    axdr_emit_octets(&o, (uint8_t[]){ 0, 0, 10, 0, 100, 255 }, 6);
    axdr_emit_u16(&o, (uint16_t)script);
    axdr_emit_octets(&o, (uint8_t[]){ 6, 0, 0, 0 }, 4);
    axdr_emit_u16(&o, 0xFFFF);
    axdr_emit_bits(&o, (uint8_t[]){ 0xFE }, 7);
    axdr_emit_bits(&o, (uint8_t[8]){ 0 }, 64);
    axdr_emit_octets(&o, (uint8_t[]){ 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, 5);
    axdr_emit_octets(&o, (uint8_t[]){ 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, 5);
    return o.len;
}

static void orders_come_and_go(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        size_t n = order(i, i + 1);
        assert_int_equal(entry(ROLE_SUPERVISOR, INSERT, SCHEDULE, i, row, n), DAR_OK);
    }
    pages_are_the_whole(SCHEDULE, 2);
    size_t n = order(7, 99); /* no such script */
    assert_int_equal(entry(ROLE_SUPERVISOR, UPDATE, SCHEDULE, 1, row, n), DAR_OTHER);
    assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, SCHEDULE, 2, 9), DAR_OK);
    n = order(0, 1);
    assert_int_equal(read_whole(SCHEDULE), 1);
    assert_int_equal(whole_n, 2 + n);
    assert_memory_equal(whole + 2, row, n);
}

/* -- rights -------------------------------------------------------------------------------- */

/* As the list of objects says: supervisor and management call. A list that nobody writes is read
 * alone. */
static void who_may_do_what(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++) assert_int_equal(put(INSERT, TARIFF, i, i), DAR_OK);
    for (uint8_t role = 0; role < ROLES; role++) {
        bool may = role == ROLE_SUPERVISOR || role == ROLE_MANAGEMENT;
        bool sees = may || role == ROLE_READER || role == ROLE_OPERATOR || role == ROLE_UTILITY;
        enum dar no = sees ? DAR_DENIED : DAR_UNDEFINED;
        unsigned n;
        size_t len = day(40u + role);
        assert_int_equal(number(role, TARIFF, &n), may ? DAR_OK : no);
        assert_int_equal(range(role, RETRIEVE, TARIFF, 1, 2), may ? DAR_OK : no);
        assert_int_equal(entry(role, INSERT, TARIFF, 0, row, len), may ? DAR_OK : no);
        assert_int_equal(entry(role, UPDATE, TARIFF, 1, row, len), may ? DAR_OK : no);
        assert_int_equal(range(role, REMOVE, TARIFF, 1, 1), may ? DAR_OK : no);
        assert_int_equal(number(role, PAST, &n), may ? DAR_OK : no);
        assert_int_equal(entry(role, INSERT, PAST, 0, row, len), sees ? DAR_DENIED : no);
        assert_int_equal(entry(role, UPDATE, PAST, 1, row, len), sees ? DAR_DENIED : no);
        assert_int_equal(range(role, REMOVE, PAST, 1, 1), sees ? DAR_DENIED : no);
        expect_days(TARIFF, 1, 2, 3);
    }
}

/* While one client writes the list in blocks, another's entries wait, and do not disturb. */
static void a_list_that_is_being_written_is_left_alone(void **state)
{
    static const struct who who = { .sap = 34, .link = LINK_OPTICAL, .assoc = ROLE_SUPERVISOR };
    uint8_t hold[64], block[2 + DAY_OCTETS] = { AXDR_ARRAY, 2 };
    struct cosem_at at = { .who = &who, .id = 2, .prot = PROT_REQ | PROT_RES };
    struct cosem_set s;
    (void)state;
    assert_int_equal(put(INSERT, TARIFF, 0, 1), DAR_OK);
    assert_int_equal(cosem_find(&device_model, 11, desk_ln("0-0:11.0.0"), &at), DAR_OK);
    assert_int_equal(cosem_set_begin(&device_model, &desk->d, &s, &at, hold, sizeof hold),
                     DAR_OK);
    day(20);
    memcpy(block + 2, row, DAY_OCTETS);
    assert_int_equal(cosem_set_block(&desk->d, &s, block, sizeof block, false), DAR_OK);
    assert_int_equal(put(INSERT, TARIFF, 0, 2), DAR_TEMPORARY);
    assert_int_equal(range(ROLE_SUPERVISOR, REMOVE, TARIFF, 1, 1), DAR_TEMPORARY);
    day(21);
    assert_int_equal(cosem_set_block(&desk->d, &s, row, DAY_OCTETS, true), DAR_OK);
    desk_settle(desk);
    expect_days(TARIFF, 20, 21);
    assert_int_equal(put(INSERT, TARIFF, 0, 2), DAR_OK);
    expect_days(TARIFF, 2, 20, 21);
}

/* -- hostile arguments --------------------------------------------------------------------- */

static void arguments_are_what_they_must_be(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++) assert_int_equal(put(INSERT, TARIFF, i, i), DAR_OK);
    for (uint8_t method = NUMBER; method <= METHODS; method++) {
        bool has_entry = method == INSERT || method == UPDATE;
        struct axdr_out o = axdr_out(asked, sizeof asked);
        size_t n = day(9);
        if (method == NUMBER) axdr_emit_u8(&o, TARIFF);
        if (method != NUMBER) o = ask(TARIFF, 9); /* UPDATE, REMOVE, RETRIEVE: out of range */
        if (has_entry) axdr_emit(&o, row, n);
        if (!has_entry && method != NUMBER) axdr_emit_u16(&o, 9);
        size_t good = o.len;
        for (o.len = 0; o.len < good; o.len++) /* cut short */
            assert_int_equal(call(ROLE_MANAGEMENT, method, &o), DAR_TYPE);
        asked[good] = 0;
        o.len = good + 1; /* one too many */
        assert_int_equal(call(ROLE_MANAGEMENT, method, &o), DAR_TYPE);
        o.len = good;
        for (size_t at = 0; at < (method == NUMBER ? 1 : good); at++) { /* bent */
            uint8_t was = asked[at];
            bool is_id = at == 3, is_index = at == 7 || at == 8, in_entry = at >= 9;
            for (unsigned v = 0; v < 256; v++) {
                asked[at] = (uint8_t)v;
                if (v == was || is_id || is_index || in_entry) continue;
                assert_int_equal(call(ROLE_MANAGEMENT, method, &o), DAR_TYPE);
            }
            asked[at] = was;
        }
        size_t id_at = method == NUMBER ? 1 : 3;
        for (unsigned v = 0; v < 256; v++) { /* lists that there are not */
            if (v >= 1 && v <= LISTS) continue;
            asked[id_at] = (uint8_t)v;
            assert_int_equal(call(ROLE_MANAGEMENT, method, &o), DAR_UNDEFINED);
        }
    }
    expect_days(TARIFF, 1, 2, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_names_its_lists, start, end),
        cmocka_unit_test_setup_teardown(days_come_change_and_go, start, end),
        cmocka_unit_test_setup_teardown(a_full_list_takes_no_more, start, end),
        cmocka_unit_test_setup_teardown(the_setter_judges, start, end),
        cmocka_unit_test_setup_teardown(short_codes_page_and_change, start, end),
        cmocka_unit_test_setup_teardown(orders_come_and_go, start, end),
        cmocka_unit_test_setup_teardown(who_may_do_what, start, end),
        cmocka_unit_test_setup_teardown(a_list_that_is_being_written_is_left_alone, start, end),
        cmocka_unit_test_setup_teardown(arguments_are_what_they_must_be, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
