/* The worked example of IEC 62055-41 with the standard's sample tables linked in place of the
 * operative ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cases.h"
#include "sts/sta.h"

static void worked_example(void **state)
{
    static struct cases c;
    int done = 0;
    (void)state;
    cases_open(&c, ROOT "/tests/vectors/sts.txt");
    while (cases_next(&c)) {
        if (!cases_is(&c, "kind", "sta_sample")) continue;
        const char *token66 = cases_at(&c, "token66"); /* class 0: block bits 28, 27 on top */
        uint64_t sealed = sta_encrypt(cases_u64(&c, "key"), cases_u64(&c, "clear_block"));
        char text[18];
        snprintf(text, sizeof text, "%u%016llx", (unsigned)(sealed >> 27 & 3),
                 (unsigned long long)(sealed & ~(UINT64_C(3) << 27)));
        assert_string_equal(text, token66);
        assert_int_equal(sta_decrypt(cases_u64(&c, "key"), sealed),
                         cases_u64(&c, "clear_block"));
        done++;
    }
    assert_int_equal(done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(worked_example) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
