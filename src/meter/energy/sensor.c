#include "meter/energy/sensor.h"

#include "base/err.h"
#include "base/sys.h"
#include "meter/energy/values.h"
#include "meter/meter.h"

void sensor_init(struct meter *m)
{
    struct measure_cfg measure = measure_cfg_default(&m->cfg->rating);
    struct front_cfg front = front_cfg_default(&m->cfg->rating);
    measure_init(&m->measure, &measure, NULL);
    front_init(&m->front, &front);
}

/* -- test outputs: they go on where the booking stands ------------------------------------- */

static uint32_t constant(const struct meter *m, enum pulse_output k)
{
    return (uint32_t)param_get(m, k == PULSE_ACTIVE ? PARAM_LED_WH : PARAM_LED_VARH);
}

static void start_output(struct meter *m, enum pulse_output k)
{
    const struct energy *e = &m->energy;
    int64_t rest[PULSE_DIRS], pulse_nj = 1000 * ENERGY_UNIT_NJ / constant(m, k);
    unsigned cell = k == PULSE_ACTIVE ? CELL_WH : CELL_VARH;
    for (unsigned d = 0; d < PULSE_DIRS; d++)
        rest[d] = (e->phase[cell][d] * ENERGY_UNIT_NJ + e->rest_nj[cell][d]) % pulse_nj;
    uint32_t was = sys_irq_lock();
    pulse_init(front_pulse(&m->front, k), constant(m, k), m->measure.cfg.sampling.rate_hz,
               rest);
    sys_irq_unlock(was);
}

void sensor_plan(struct meter *m)
{
    m->measure.cfg.bill_larger = param_get(m, PARAM_BILL_HIGHER) != 0;
    for (unsigned k = 0; m->sampled && k < PULSE_OUTPUTS; k++) {
        uint32_t pulses = constant(m, (enum pulse_output)k);
        if (m->output_constant[k] != pulses) start_output(m, (enum pulse_output)k);
        m->output_constant[k] = pulses;
    }
}

/* -- calibration --------------------------------------------------------------------------- */

void sensor_mount(struct meter *m)
{
    struct calibration cal;
    uint8_t record[CAL_BYTES];
    struct measure_cfg measure = m->measure.cfg;
    int n = param_read(m, PARAM_CALIBRATION, record, sizeof record);
    if (n != CAL_BYTES || calibration_decode(&cal, record) < 0) return; /* windows say so */
    measure_init(&m->measure, &measure, &cal);
    front_calibrate(&m->front, &cal);
}

/* -- windows ------------------------------------------------------------------------------- */

/* The sample behind its last edge; quantity_of() dates it the same. */
static mono_t window_end(const struct meter *m, const struct window *w)
{
    uint64_t samples = ((w->start_q16 + w->span_q16) >> 16) + w->missed;
    return (mono_t){ samples * 1000000 / m->measure.cfg.sampling.rate_hz };
}

mono_t sensor_next(const struct meter *m)
{
    const struct window *w = m->sampled ? window_peek(&m->front) : NULL;
    return w ? window_end(m, w) : MONO_NEVER;
}

void sensor_take(struct meter *m)
{
    struct window w;
    struct quantity q;
    if (!window_take(&m->front, &w)) return;
    quantity_of(&q, &m->measure, &w);
    if (w.flags & WINDOW_GROWN) m->now.counter[CNT_WINDOWS_LATE]++;
    values_take(m, &q);
    m->window_end = q.end;
}

void sensor_close(struct meter *m)
{
    while (front_close(&m->front) == E_SPACE) sensor_take(m);
    while (window_peek(&m->front)) sensor_take(m);
}
