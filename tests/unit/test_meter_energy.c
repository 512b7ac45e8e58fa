/* Booking and registers: every identity, every window, against a counter that knows nothing
 * else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "meter/energy/energy.h"
#include "meter/event/event.h"
#include "meter/regs.h"

static uint64_t seed = 1;

static uint64_t rnd(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 16) % below;
}

/* The booking rule as one would say it: a bucket a direction, a unit at a time. */
struct slow {
    uint64_t bucket[CELLS][DIRECTIONS], cell[CELLS][QUADRANTS][TARIFFS], fed[CELLS][DIRECTIONS];
};

static void slow_add(struct slow *s, unsigned cell, unsigned d, unsigned q, unsigned t,
                     uint64_t nj)
{
    s->fed[cell][d] += nj;
    s->bucket[cell][d] += nj;
    while (s->bucket[cell][d] >= (uint64_t)ENERGY_UNIT_NJ) {
        s->bucket[cell][d] -= (uint64_t)ENERGY_UNIT_NJ;
        s->cell[cell][q][t]++;
    }
}

static int64_t total(const struct regs *r, uint16_t id)
{
    return reg_at(r, id);
}

static void check_identities(const struct regs *r)
{
    static const uint16_t in[] = { REG_WH_IMPORT, REG_VARH_IMPORT, REG_VAH_IMPORT };
    static const uint16_t out[] = { REG_WH_EXPORT, REG_VARH_EXPORT, REG_VAH_EXPORT };
    static const uint16_t abs[] = { REG_WH_ABS, REG_VARH_ABS, REG_VAH_ABS };
    static const uint16_t q1[] = { REG_WH_Q1, REG_VARH_Q1, REG_VAH_Q1 };
    for (unsigned k = 0; k < CELLS; k++) {
        for (unsigned n = 0; n < FAMILY; n++) {
            int64_t q[QUADRANTS];
            for (unsigned i = 0; i < QUADRANTS; i++)
                q[i] = total(r, (uint16_t)(q1[k] + i * FAMILY + n));
            unsigned other = k == CELL_VARH ? 1 : 3; /* which quadrant goes with Q1 */
            assert_int_equal(total(r, (uint16_t)(in[k] + n)), q[0] + q[other]);
            assert_int_equal(total(r, (uint16_t)(out[k] + n)),
                             q[2] + q[k == CELL_VARH ? 3 : 1]);
            assert_int_equal(total(r, (uint16_t)(abs[k] + n)),
                             total(r, (uint16_t)(in[k] + n)) +
                                 total(r, (uint16_t)(out[k] + n)));
        }
        int64_t sum = 0;
        for (unsigned n = 1; n < FAMILY; n++) sum += total(r, (uint16_t)(in[k] + n));
        assert_int_equal(sum, total(r, in[k]));
    }
    for (unsigned n = 0; n < FAMILY; n++)
        assert_int_equal(total(r, (uint16_t)(REG_WH_NET + n)),
                         total(r, (uint16_t)(REG_WH_IMPORT + n)) -
                             total(r, (uint16_t)(REG_WH_EXPORT + n)));
}

static void booking_agrees_with_the_bucket(void **state)
{
    static struct slow s;
    struct energy e = { 0 };
    struct regs r = { 0 };
    (void)state;
    for (int i = 0; i < 300000; i++) {
        unsigned q = (unsigned)rnd(4), t = (unsigned)rnd(8), back = q == 1 || q == 2;
        uint64_t big = rnd(50) == 0 ? 50 : 1; /* now and then a window of several units */
        struct share w = { rnd(1500000000000) * big, rnd(900000000000),
                           rnd(1600000000000) * big, (uint8_t)q };
        if (rnd(5) == 0) w.wh_nj = 0;
        energy_book(&e, &r, &w, t);
        slow_add(&s, CELL_WH, back, q, t, w.wh_nj);
        slow_add(&s, CELL_VARH, q >= 2, q, t, w.varh_nj);
        slow_add(&s, CELL_VAH, back, q, t, w.vah_nj);
        assert_memory_equal(r.cell, s.cell, sizeof r.cell);
        for (unsigned k = 0; k < CELLS * DIRECTIONS; k++)
            assert_int_equal(energy_nj(&e, &r, k / 2, k % 2), s.fed[k / 2][k % 2]);
        if (i % 64 == 0) check_identities(&r);
    }
    check_identities(&r);
}

static void phase_counts_whole_units(void **state)
{
    struct energy e = { 0 }, again = { 0 };
    struct regs r = { 0 };
    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct share w = { rnd(9000000000000), rnd(9000000000000), rnd(9000000000000),
                           (uint8_t)rnd(4) };
        energy_book(&e, &r, &w, (unsigned)rnd(8));
    }
    memcpy(again.rest_nj, e.rest_nj, sizeof e.rest_nj);
    energy_restored(&again, &r);
    assert_memory_equal(again.phase, e.phase, sizeof e.phase);
}

static void registers_show_values_their_way(void **state)
{
    struct regs r = { 0 };
    (void)state;
    r.quantity[VAL_P_MW] = -1234567;
    r.quantity[VAL_U_MV] = 230049;
    r.quantity[VAL_F_MHZ] = 50005;
    r.maximum[DEMAND_Q_EXPORT][3] = (struct maximum){ 77, 1700000000 };
    r.cell[CELL_WH][0][0] = UINT64_C(0x100000005);
    r.base[0] = 0xFFFFFFFF; /* since billing, over the turn of 32 bits */
    r.base[19] = 10;
    r.cell[CELL_WH][1][0] = UINT64_C(0x100000000);
    assert_int_equal(reg_at(&r, REG_P_IMPORT), 0);
    assert_int_equal(reg_at(&r, REG_P_EXPORT), 1235);
    assert_int_equal(reg_at(&r, REG_P_ABS), 1235);
    assert_int_equal(reg_at(&r, REG_P_NET), -1235);
    assert_int_equal(reg_at(&r, REG_U), 2300);
    assert_int_equal(reg_at(&r, REG_F), 5001);
    assert_int_equal(reg_at(&r, REG_MD_Q_EXPORT + 3), 77);
    assert_int_equal(reg_at(&r, REG_MDT_Q_EXPORT + 3), 1700000000);
    assert_int_equal(reg_at(&r, REG_BILLING_WH_IMPORT), 6);
    assert_int_equal(reg_at(&r, REG_BILLING_WH_NET), -5);
    assert_int_equal(reg_kind_at(REG_WH_NET + 4), REG_SIGNED);
    assert_int_equal(reg_kind_at(REG_WH_IMPORT), REG_UNSIGNED);
    assert_int_equal(reg_kind_at(REG_MDT_P_ABS), REG_TIME);
    assert_int_equal(reg_unit_at(REG_BILLING_VARH_EXPORT).unit, UNIT_VARH);
    assert_int_equal(reg_unit_at(REG_U).scaler, -1);
    unsigned member;
    assert_string_equal(reg_name_at(REG_MD_S_IMPORT + 8, &member), "REG_MD_S_IMPORT");
    assert_int_equal(member, 8);
    for (uint16_t id = 0; id < REG_COUNT; id++) (void)reg_at(&r, id);
}

static void events_are_in_order_and_paired(void **state)
{
    unsigned n = 0;
    (void)state;
    for (const struct event_info *e; (e = event_table_at(n)); n++) {
        assert_ptr_equal(event_find(e->code), e);
        assert_non_null(event_text(e->code));
        if (n) assert_true(e->code > event_table_at(n - 1)->code);
        if (e->kind == EVENT_START) assert_int_equal(event_find(e->other)->kind, EVENT_END);
        if (e->kind == EVENT_END) assert_int_equal(event_find(e->other)->kind, EVENT_START);
        if (e->kind == EVENT_ONCE) assert_int_equal(e->other, 0);
    }
    assert_int_equal(n, 264);
    assert_null(event_find(0));
    assert_null(event_find(999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booking_agrees_with_the_bucket),
        cmocka_unit_test(phase_counts_whole_units),
        cmocka_unit_test(registers_show_values_their_way),
        cmocka_unit_test(events_are_in_order_and_paired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
