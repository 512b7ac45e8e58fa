#include "metrology/front.h"

#include <stdatomic.h>
#include <string.h>

#include "base/sys.h"
#include "metrology/delay.h"

struct front_cfg front_cfg_default(const struct rating *r)
{
    return (struct front_cfg){
        .sampling = SAMPLING_DEFAULT, .rating = *r, .constant_wh = 1000, .constant_varh = 1000
    };
}

/* Mean square of the code at dark_mv. */
static uint64_t dark_of(const struct front_cfg *cfg)
{
    uint64_t code = ((uint64_t)cfg->dark_mv * 1000 << 23) / cfg->sampling.full_scale_uv;
    return code * code;
}

void front_init(struct front *f, const struct front_cfg *cfg)
{
    static const int64_t none[PULSE_DIRS] = { 0 };
    const struct sampling *s = &cfg->sampling;
    ensure(sampling_is_valid(s) && rating_is_valid(&cfg->rating));
    memset(f, 0, sizeof *f);
    f->lo = 1 - (1 << (s->bits - 1));
    f->width = (1u << s->bits) - 2;
    f->shift = (uint8_t)(24 - s->bits);
    f->mode =
        (uint8_t)((s->channels > 2 ? MODE_NEUTRAL : 0) | (cfg->hilbert ? MODE_HILBERT : 0));
    f->due = f->left = 1;
    f->carry.one[0] = f->carry.one[1] = DELAY_CARRY;
    f->halves_span = cfg->rating.fn_hz == 60 ? 24 : 20;
    f->dark = dark_of(cfg);
    f->blind = 3;
    f->pack[0] = f->pack[1] = WINDOW_UNKNOWN;
    f->sampling = *s;
    lock_init(&f->lock, cfg);
    pulse_init(&f->pulse[PULSE_ACTIVE], cfg->constant_wh, s->rate_hz, none);
    pulse_init(&f->pulse[PULSE_REACTIVE], cfg->constant_varh, s->rate_hz, none);
    front_calibrate(f, NULL);
}

/* i was sampled later by ns, so it waits longer: 8 samples like voltage, and ns more. The
 * filter itself takes between 4 and 5; what is left are places in the line. */
static void set_delay(struct front *f, int channel, int32_t ns)
{
    int32_t tap[FRONT_TAPS];
    int64_t wait = (INT64_C(8) << 32) +
                   (int64_t)ns * f->sampling.rate_hz * (INT64_C(1) << 32) / 1000000000;
    int64_t places = (wait >> 32) - (FRONT_TAPS / 2 - 1);
    f->ahead[channel] = (uint8_t)(5 - places);
    delay_taps(tap, (uint32_t)wait);
    for (int t = 0; t < FRONT_TAPS; t++) f->tap[t].one[channel] = tap[t];
}

void front_calibrate(struct front *f, const struct calibration *cal)
{
    struct calibration nominal;
    calibration_init(&nominal);
    if (!cal || !calibration_is_valid(cal)) cal = &nominal;
    for (int k = 0; k < 2; k++) set_delay(f, k, cal->phase_ns[k]);
    for (int k = 0; k < 3; k++) f->offset[k] = cal->offset[k];
}

void front_missed_isr(struct front *f, uint32_t count)
{
    front_flush_isr(f);
    f->due += count;
    front_schedule_isr(f, 1);
    f->phase += (uint32_t)((uint64_t)f->lock.step * count);
    f->now.missed += count;
    f->blind = 3;
    f->lock.skip = 3;
    if ((uint8_t)(f->head - f->tail) < FRONT_QUEUE) f->mode &= (uint8_t)~MODE_DEAF;
}

uint64_t front_count(const struct front *f)
{
    return front_count_isr(f);
}

mono_t front_mono(const struct front *f)
{
    return (mono_t){ front_count(f) * (1000000 / f->sampling.rate_hz) };
}

mono_t front_deadline(const struct front *f)
{
    const struct window *w = &f->now;
    uint32_t halves = w->halves < f->halves_span ? (uint32_t)(f->halves_span - w->halves) : 1u;
    uint64_t turn = ((uint64_t)halves << 31) - (f->phase & UINT32_C(0x7FFFFFFF));
    uint64_t slices = 10;
    return (mono_t){ (front_count(f) + turn / f->lock.step + slices) *
                     (1000000 / f->sampling.rate_hz) };
}

/* The copy must be done before the place is given back, and the compiler must know it. */
bool window_take(struct front *f, struct window *w)
{
    if (f->tail == f->head) return false;
    *w = f->queue[f->tail % FRONT_QUEUE];
    atomic_signal_fence(memory_order_acq_rel);
    f->tail++;
    return true;
}

const struct window *window_peek(const struct front *f)
{
    return f->tail == f->head ? NULL : &f->queue[f->tail % FRONT_QUEUE];
}

struct pulse_out *front_pulse(struct front *f, enum pulse_output k)
{
    return &f->pulse[k];
}
