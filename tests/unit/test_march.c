/* The march over a memory finds every cell that sticks, that does not change one way, and that
 * follows another; and leaves a sound one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/common/march.h"

enum { WORDS = 9 };
enum fault { NONE, STUCK_0, STUCK_1, NEVER_RISES, NEVER_FALLS, INVERTED_BY_RISE, SET_BY_FALL };

struct memory {
    uint32_t word[WORDS];
    enum fault fault;
    unsigned victim, other; /* bits, counted through the words */
};

static bool bit(const struct memory *m, unsigned n)
{
    return m->word[n / 32] >> n % 32 & 1;
}

static void put_bit(struct memory *m, unsigned n, bool v)
{
    uint32_t mask = UINT32_C(1) << n % 32;
    m->word[n / 32] = v ? m->word[n / 32] | mask : m->word[n / 32] & ~mask;
}

static uint32_t get(void *ctx, size_t word)
{
    return ((struct memory *)ctx)->word[word];
}

static void put(void *ctx, size_t word, uint32_t v)
{
    struct memory *m = ctx;
    bool victim = bit(m, m->victim), other = bit(m, m->other);
    m->word[word] = v;
    bool now = bit(m, m->victim), rose = !other && bit(m, m->other),
         fell = other && !bit(m, m->other);
    if (m->fault == STUCK_0 || (m->fault == NEVER_RISES && !victim)) put_bit(m, m->victim, 0);
    if (m->fault == STUCK_1 || (m->fault == NEVER_FALLS && victim)) put_bit(m, m->victim, 1);
    if (m->fault == INVERTED_BY_RISE && rose) put_bit(m, m->victim, !now);
    if (m->fault == SET_BY_FALL && fell) put_bit(m, m->victim, 1);
}

static bool is_sound(enum fault fault, unsigned victim, unsigned other)
{
    struct memory m = { .fault = fault, .victim = victim, .other = other };
    for (unsigned i = 0; i < WORDS; i++) m.word[i] = 0x9E3779B9u * i;
    return march(&m, WORDS, get, put);
}

static void a_sound_memory_passes(void **state)
{
    (void)state;
    assert_true(is_sound(NONE, 0, 0));
}

static void a_cell_that_sticks_is_found(void **state)
{
    (void)state;
    for (unsigned n = 0; n < WORDS * 32; n++)
        for (enum fault f = STUCK_0; f <= NEVER_FALLS; f++) assert_false(is_sound(f, n, n));
}

static void a_cell_that_follows_another_is_found(void **state)
{
    (void)state;
    for (unsigned victim = 0; victim < WORDS * 32; victim += 5)
        for (unsigned other = 0; other < WORDS * 32; other++) {
            if (other / 32 == victim / 32) continue; /* written together with it */
            assert_false(is_sound(INVERTED_BY_RISE, victim, other));
            assert_false(is_sound(SET_BY_FALL, victim, other));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_memory_passes),
        cmocka_unit_test(a_cell_that_sticks_is_found),
        cmocka_unit_test(a_cell_that_follows_another_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
