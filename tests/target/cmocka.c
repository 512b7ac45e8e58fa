#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "port/mps2/semihost.h"

static jmp_buf out;

static void say(const char *format, va_list arguments)
{
    char line[256];
    (void)vsnprintf(line, sizeof line, format, arguments);
    semihost_print(line);
}

void print_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void print_message(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void target_fail(const char *file, int line, const char *what, int64_t a, int64_t b)
{
    print_error("%s:%d: %s: %ld, %ld\n", file, line, what, (long)a, (long)b);
    longjmp(out, 1);
}

void target_bytes(const void *a, const void *b, size_t n, bool want, const char *file, int line)
{
    if ((memcmp(a, b, n) == 0) != want) target_fail(file, line, "memory", 0, 0);
}

void target_text(const char *a, const char *b, bool want, const char *file, int line)
{
    if ((strcmp(a, b) == 0) == want) return;
    print_error("\"%s\" and \"%s\"\n", a, b);
    target_fail(file, line, "string", 0, 0);
}

static bool passes(const struct CMUnitTest *t, void **state)
{
    if (setjmp(out)) return false;
    if (t->setup && t->setup(state)) return false;
    t->run(state);
    return !t->teardown || t->teardown(state) == 0;
}

int target_run_tests(const struct CMUnitTest *tests, size_t n, int (*up)(void **),
                     int (*down)(void **))
{
    void *state = NULL;
    int failed = up && up(&state) ? 1 : 0;
    for (size_t k = 0; k < n && !(up && failed && k == 0); k++) {
        bool good = passes(&tests[k], &state);
        print_message("[%s] %s\n", good ? "      OK" : "  FAILED", tests[k].name);
        failed += !good;
    }
    if (down && down(&state)) failed++;
    return failed;
}
