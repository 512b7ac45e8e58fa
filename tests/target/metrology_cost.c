/* What a sample costs on the Cortex-M4: target_metrology.py counts the calls of these
 * functions.
 *
 * Ten seconds of a load with all that a chain meets: it locks after power-up, loses and finds
 * the voltage again, closes windows, gives pulses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrology/front.h"
#include "metrology/quality.h"
#include "metrology/quantity.h"
#include "metrology/tamper.h"
#include "metrology/trig.h"

#define COST __attribute__((noinline))

void cost_billing(int32_t v, int32_t i, int32_t n);
void cost_two_channels(int32_t v, int32_t i, int32_t n);
void cost_every_option(int32_t v, int32_t i, int32_t n);
void cost_quantity(void);
void cost_detectors(void);

enum { BILLING, TWO, EVERY, CHAINS };
static struct front front[CHAINS];
static struct measure measure;
static struct window window;
static struct quantity quantity;
static struct quality quality;
static struct tamper tamper;
static struct quality_cfg quality_cfg;
static struct tamper_cfg tamper_cfg;

COST void cost_billing(int32_t v, int32_t i, int32_t n)
{
    front_sample_isr(&front[BILLING], v, i, n);
}

COST void cost_two_channels(int32_t v, int32_t i, int32_t n)
{
    front_sample_isr(&front[TWO], v, i, n);
}

COST void cost_every_option(int32_t v, int32_t i, int32_t n)
{
    front_sample_isr(&front[EVERY], v, i, n);
}

COST void cost_quantity(void)
{
    quantity_of(&quantity, &measure, &window);
}

COST void cost_detectors(void)
{
    static struct quality_note note[QUALITY_NOTES];
    static struct tamper_note fraud[TAMPER_NOTES];
    static const struct tamper_field none;
    quality_feed(&quality, &quality_cfg, &quantity, note);
    tamper_feed(&tamper, &tamper_cfg, &quantity, &none, fraud);
}

static void settle(struct front *f)
{
    const struct element *e = &quantity.element[0];
    const int64_t nj[2] = { e->active_nj, e->reactive_nj };
    for (int k = 0; k < 2; k++) pulse_book(front_pulse(f, k), nj[k]);
}

static int32_t wave(uint32_t phase, int32_t peak)
{
    int32_t sine, cosine;
    trig_sincos(phase, &sine, &cosine);
    return (int32_t)((int64_t)sine * peak >> TRIG_BITS);
}

static void ten_seconds(void **state)
{
    (void)state;
    const struct rating r = RATING_230V_100A;
    for (int k = 0; k < CHAINS; k++) {
        struct front_cfg cfg = front_cfg_default(&r);
        cfg.sampling.channels = k == TWO ? 2 : 3;
        cfg.hilbert = k == EVERY;
        if (k == EVERY) cfg.constant_wh = cfg.constant_varh = 10000;
        front_init(&front[k], &cfg);
    }
    struct measure_cfg cfg = measure_cfg_default(&r);
    measure_init(&measure, &cfg, NULL);
    quality_cfg = quality_cfg_default(&r);
    tamper_cfg = tamper_cfg_default(&r);
    uint32_t phase = 0, windows = 0;
    for (int n = 0; n < 80000; n++) {
        int32_t peak = n > 40000 && n < 44000 ? 0 : 5457041;
        if (n == 60000) phase += 0x30000000;
        phase += 26900000;
        int32_t v = wave(phase, peak), i = wave(phase - 0x10000000, 5931642);
        cost_billing(v, i, i);
        cost_two_channels(v, i, i);
        cost_every_option(v, i, i);
        for (int k = 0; k < CHAINS; k++) {
            if (!window_take(&front[k], &window)) continue;
            cost_quantity();
            cost_detectors();
            settle(&front[k]);
            windows += k == BILLING;
        }
    }
    assert_in_range(windows, 45, 52);
    assert_in_range(front_pulse(&front[EVERY], PULSE_ACTIVE)->count, 300, 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ten_seconds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
