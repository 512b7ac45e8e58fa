/* A meter on samples: from codes to registers, pulses and flash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab.h"
#include "port/common/loadgen.h"

static const int64_t T0 = 1767225600;
static struct loadgen gen;

static struct lab *start(void)
{
    struct lab *l = lab_new(0, 0);
    l->io.sampled = true;
    assert_int_equal(lab_power_up(l, T0), 0);
    loadgen_init(&gen, 1);
    return l;
}

/* Samples up to t, the meter stepped every step_us. */
static void run(struct lab *l, uint64_t until_us, uint64_t step_us)
{
    struct loadgen_sample s;
    while (l->now.us < until_us) {
        uint64_t to = l->now.us + step_us < until_us ? l->now.us + step_us : until_us;
        for (; l->now.us < to; l->now.us += 125) {
            loadgen_run(&gen, &s, 1);
            front_sample_isr(&l->m.front, s.v, s.i, s.n);
        }
        lab_settle(l);
    }
}

static void set(int32_t p_mw, int32_t q_mvar)
{
    struct load load = LOAD_OFF;
    load.p_mw = p_mw;
    load.q_mvar = q_mvar;
    assert_int_equal(loadgen_set(&gen, &load), 0);
}

static void codes_become_watt_hours(void **state)
{
    struct lab *l = start();
    (void)state;
    set(7200000, 3600000);
    run(l, 5000000, 200000);
    uint64_t from = energy_nj(&l->m.energy, &l->m.now, CELL_WH, FORWARD);
    run(l, 65000000, 200000);
    uint64_t got = energy_nj(&l->m.energy, &l->m.now, CELL_WH, FORWARD) - from;
    assert_in_range(got, UINT64_C(431950000000000), UINT64_C(432050000000000)); /* 432 kJ */
    assert_in_range(l->m.now.quantity[VAL_U_MV], 229990, 230010);
    assert_in_range(l->m.now.quantity[VAL_F_MHZ], 49999, 50001);
    assert_in_range(l->m.now.quantity[VAL_Q_MVAR], 3599000, 3601000);
    assert_int_equal(l->m.now.quantity[VAL_QUADRANT], 1);
    uint64_t wh = (uint64_t)reg_at(&l->m.now, REG_WH_IMPORT);
    uint32_t pulses = front_pulse(&l->m.front, PULSE_ACTIVE)->count;
    assert_in_range(pulses, wh - 1, wh + 1);
    lab_free(l);
}

static void pieces_of_samples_leave_no_trace(void **state)
{
    static const uint64_t step[] = { 1000, 25000, 200000, 700000 };
    uint32_t hash[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct lab *l = start();
        set(2300000, 100000);
        run(l, 30000000, step[i]);
        set(-1500000, 700000);
        run(l, 70000000, step[i]);
        lab_power_down(l, true);
        hash[i] = lab_hash(l);
        lab_free(l);
        assert_int_equal(hash[i], hash[0]);
    }
}

static void the_open_window_is_not_lost(void **state)
{
    struct lab *l = start();
    (void)state;
    set(5000000, 0);
    run(l, 10077000, 77000); /* in the middle of a window */
    meter_last_gasp(&l->m, l->now);
    uint64_t had = energy_nj(&l->m.energy, &l->m.now, CELL_WH, FORWARD);
    assert_in_range(had, UINT64_C(50100000000000),
                    UINT64_C(50500000000000)); /* 5 kW x 10.08 s */
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 60), 0);
    assert_int_equal(energy_nj(&l->m.energy, &l->m.now, CELL_WH, FORWARD), had);
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_become_watt_hours),
        cmocka_unit_test(pieces_of_samples_leave_no_trace),
        cmocka_unit_test(the_open_window_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
