/* A meter on samples: from codes to registers, pulses and flash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "lab.h"
#include "meter/change.h"
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

static unsigned failures(struct lab *l, unsigned code)
{
    unsigned n = 0;
    struct event_row e;
    struct event_span s = event_span(&l->m, LOG_FAILURE);
    for (uint32_t i = s.first; i < s.next; i++)
        n += event_read(&l->m, LOG_FAILURE, i, &e) == 0 && e.code == code;
    return n;
}

/* A board nobody has calibrated says so at each power-up; one with a record does not, and one
 * whose record is broken does. */
static void without_calibration_it_says_so(void **state)
{
    struct lab *l = start();
    struct calibration cal;
    uint8_t record[CAL_BYTES];
    (void)state;
    set(1000000, 0);
    run(l, 3000000, 100000);
    assert_int_equal(failures(l, EV_CALIBRATION_ERROR), 1);
    calibration_init(&cal);
    calibration_encode(record, &cal);
    assert_int_equal(l->m.now.stamp[STAMP_CALIBRATION], 0);
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_CALIBRATION, record, CAL_BYTES), 0);
    lab_settle(l);
    assert_in_range(l->m.now.stamp[STAMP_CALIBRATION], T0, T0 + 3);
    assert_int_equal(l->m.now.counter[CNT_PROTECTED_CHANGES], 1);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 100), 0);
    run(l, 3000000, 100000);
    assert_int_equal(failures(l, EV_CALIBRATION_ERROR), 1);
    record[20] ^= 1;
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_CALIBRATION, record, CAL_BYTES),
                     E_RANGE);
    assert_int_equal(/* what no client can do */
                     param_begin_octets(&l->m, &lab_who, PARAM_CALIBRATION, record, CAL_BYTES),
                     0);
    assert_int_equal(change_commit(&l->m), 0);
    lab_settle(l);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 200), 0);
    run(l, 3000000, 100000);
    assert_int_equal(failures(l, EV_CALIBRATION_ERROR), 2);
    lab_free(l);
}

/* 90 Hz: an event, once, and power that is still counted. */
static void mains_out_of_range_is_an_event(void **state)
{
    struct lab *l = start();
    struct load load = LOAD_OFF;
    (void)state;
    load.p_mw = 3600000;
    assert_int_equal(loadgen_set(&gen, &load), 0);
    run(l, 5000000, 100000);
    assert_int_equal(failures(l, EV_MEASUREMENT_ERROR), 0);
    load.f_mhz = 90000;
    assert_int_equal(loadgen_set(&gen, &load), 0);
    uint64_t from = energy_nj(&l->m.energy, &l->m.now, CELL_WH, FORWARD);
    run(l, 25000000, 100000);
    assert_int_equal(failures(l, EV_MEASUREMENT_ERROR), 1);
    uint64_t got = energy_nj(&l->m.energy, &l->m.now, CELL_WH, FORWARD) - from;
    assert_in_range(got, UINT64_C(71000000000000), UINT64_C(73000000000000));
    lab_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_become_watt_hours),
        cmocka_unit_test(pieces_of_samples_leave_no_trace),
        cmocka_unit_test(the_open_window_is_not_lost),
        cmocka_unit_test(without_calibration_it_says_so),
        cmocka_unit_test(mains_out_of_range_is_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
