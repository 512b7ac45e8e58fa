/* cmocka.h - the part of cmocka that our unit tests use, for images without an operating
 * system: the same test files run on the Cortex-M. Output and exit status go to the host behind
 * QEMU.
 */
#ifndef TESTS_TARGET_CMOCKA_H
#define TESTS_TARGET_CMOCKA_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
};

#define cmocka_unit_test(f)                                                                    \
    {                                                                                          \
#f, f, NULL, NULL                                                                      \
    }
#define cmocka_unit_test_setup(f, up)                                                          \
    {                                                                                          \
#f, f, up, NULL                                                                        \
    }
#define cmocka_unit_test_setup_teardown(f, up, down)                                           \
    {                                                                                          \
#f, f, up, down                                                                        \
    }
#define cmocka_run_group_tests(tests, up, down)                                                \
    target_run_tests(tests, sizeof(tests) / sizeof(tests)[0], up, down)

int target_run_tests(const struct CMUnitTest *tests, size_t n, int (*up)(void **),
                     int (*down)(void **));
void target_fail(const char *file, int line, const char *what, int64_t a, int64_t b);
void target_bytes(const void *a, const void *b, size_t n, bool want, const char *file,
                  int line);
void target_text(const char *a, const char *b, bool want, const char *file, int line);
void print_error(const char *format, ...);
void print_message(const char *format, ...);

#define TARGET_CHECK(holds, what, a, b)                                                        \
    ((holds) ? (void)0 : target_fail(__FILE__, __LINE__, what, (int64_t)(a), (int64_t)(b)))

#define assert_true(c) TARGET_CHECK(c, #c, 0, 0)
#define assert_false(c) TARGET_CHECK(!(c), "not " #c, 0, 0)
#define assert_int_equal(a, b) TARGET_CHECK((uint64_t)(a) == (uint64_t)(b), #a " == " #b, a, b)
#define assert_int_not_equal(a, b)                                                             \
    TARGET_CHECK((uint64_t)(a) != (uint64_t)(b), #a " != " #b, a, b)
#define assert_in_range(a, low, high)                                                          \
    TARGET_CHECK((uint64_t)(a) >= (uint64_t)(low) && (uint64_t)(a) <= (uint64_t)(high),        \
                 #a " in " #low ".." #high, a, 0)
#define assert_null(p) TARGET_CHECK((p) == NULL, #p " is NULL", 0, 0)
#define assert_non_null(p) TARGET_CHECK((p) != NULL, #p " is not NULL", 0, 0)
#define assert_ptr_equal(a, b) TARGET_CHECK((a) == (b), #a " == " #b, 0, 0)
#define assert_memory_equal(a, b, n) target_bytes(a, b, n, true, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, n) target_bytes(a, b, n, false, __FILE__, __LINE__)
#define assert_string_equal(a, b) target_text(a, b, true, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) target_text(a, b, false, __FILE__, __LINE__)
#define fail() target_fail(__FILE__, __LINE__, "fail()", 0, 0)
#define fail_msg(...) (print_error(__VA_ARGS__), target_fail(__FILE__, __LINE__, "fail", 0, 0))

#endif
