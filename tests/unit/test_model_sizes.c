/* Whatever the client can take at a time, it gets the same octets: the object list and the load
 * profile of a year, by GET in blocks and by general block transfer, for every size from 16 to
 * 1024 octets and twenty larger ones.
 *
 * The object list is read at every size, the year at every fiftieth; with SIZES=all in the
 * environment that too at every one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "air.h"

enum { SMALLEST = 16, LARGEST = 1024, MORE = 20, YEAR_S = 365 * 86400, UTC = 1767225600 };
static const struct target list = { 15, { 0, 0, 40, 0, 0, 255 }, 2 };
static const struct target year = { 7, { 1, 0, 99, 1, 0, 255 }, 2 };

static struct desk *desk;
static struct air air;

static void fetch(const struct target *o, uint16_t size, uint8_t gbt, struct buf *data)
{
    struct session_config c;
    struct session s;
    struct trouble t;
    air_open(&air, desk, 32);
    session_config_default(&c);
    c.mechanism = MECH_LLS;
    c.secret_n = 8;
    memcpy(c.secret, "00000001", 8);
    c.max_pdu = size;
    c.gbt_window = gbt;
    session_init(&s, &c, &air.base);
    if (session_open(&s, &t) || session_get(&s, o, NULL, data, &t))
        fail_msg("%u: %s", size, t.text);
    session_close(&s);
    air_shut(&air);
}

static uint16_t size_of(unsigned i)
{
    unsigned more = i - (LARGEST - SMALLEST);
    return (uint16_t)(i <= LARGEST - SMALLEST ? SMALLEST + i : LARGEST + more * more * 157);
}

static void same_at_all_sizes(const struct target *o, unsigned each, uint8_t gbt)
{
    struct buf want = { 0 }, got = { 0 };
    fetch(o, 65535, 0, &want);
    assert_true(want.n > 10000);
    for (unsigned i = 0; i <= LARGEST - SMALLEST + MORE; i++) {
        if (i % each && i <= LARGEST - SMALLEST) continue;
        if (gbt && size_of(i) < 40) continue; /* too narrow for its heads */
        fetch(o, size_of(i), gbt, &got);
        assert_int_equal(got.n, want.n);
        assert_memory_equal(got.p, want.p, want.n);
    }
    print_message("%zu octets\n", want.n);
    buf_free(&want);
    buf_free(&got);
}

static void the_object_list(void **state)
{
    (void)state;
    same_at_all_sizes(&list, 1, 0);
}

static void the_object_list_in_general_blocks(void **state)
{
    (void)state;
    same_at_all_sizes(&list, 7, 5);
}

static void a_year(void **state)
{
    const char *which = getenv("SIZES");
    (void)state;
    same_at_all_sizes(&year, which && !strcmp(which, "all") ? 1 : 50, 0);
}

static int set_up(void **state)
{
    (void)state;
    desk = desk_new(UTC);
    desk_run_s(desk, YEAR_S);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    desk_free(desk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_object_list),
        cmocka_unit_test(the_object_list_in_general_blocks),
        cmocka_unit_test(a_year),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
