#include "meter/meter.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/energy/sensor.h"
#include "meter/energy/values.h"
#include "meter/hot.h"

_Static_assert(sizeof(struct meter) <= CFG_RAM_METER, "struct meter outgrew its budget");

const struct meter_cfg cfg_single_phase = {
    .map = &store_map,
    .type = "MAG22",
    .serial = 1,
    .rating = { 230000, 5000, 100000, 50 },
    .relay = { .poles = 1, .pulse_ms = 60, .feedback = true },
    .checkpoint_s = 60,
    .year = 2024,
};

const struct meter_cfg cfg_two_pole = {
    .map = &store_map,
    .type = "MAG22",
    .serial = 1,
    .rating = { 230000, 5000, 80000, 50 },
    .relay = { .poles = 2, .pulse_ms = 60, .feedback = true },
    .checkpoint_s = 60,
    .year = 2024,
};

/* -- what the store tells ------------------------------------------------------------------ */

static bool is_wallets(uint32_t type)
{
    return type == HOT_WALLET || type == HOT_ACCRUED || type == HOT_PERIOD ||
           type == HOT_FUND || type == HOT_DEBT;
}

static void note(void *ctx, enum store_note note, uint32_t detail)
{
    static const uint16_t code[] = { [STORE_RETIRED] = EV_SECTOR_RETIRED,
                                     [STORE_MENDED] = EV_ENERGY_RESTORED,
                                     [STORE_FORGOT] = EV_CONFIGURATION_RESTORED,
                                     [STORE_FULL] = EV_NV_MEMORY,
                                     [STORE_LOST] = EV_ENERGY_LOST };
    struct event_detail d = { .magnitude = detail };
    struct meter *m = ctx;
    bool wallet = note == STORE_MENDED && is_wallets(detail);
    if (!m->live) m->utc = m->last; /* the clock is not read yet */
    event_post(m, wallet ? EV_WALLET_REPAIRED : (enum event)code[note], NULL, &d);
}

void meter_init(struct meter *m, const struct meter_cfg *cfg, const struct meter_io *io)
{
    memset(m, 0, sizeof *m);
    m->cfg = cfg;
    m->io = io;
    m->sampled = io->sampled;
    m->app =
        (struct store_app){ m, hot_checkpoint, hot_replay, note, audit_chain, SERIES_CHANGES };
    m->now.quantity[VAL_TARIFF] = m->now.quantity[VAL_DEMAND_TARIFF] = 1;
    clock_init(&m->clock);
    timer_init(&m->timers);
    event_init(&m->events);
    param_init(m);
    wallet_init(m);
    token_init(m);
    store_init(&m->store, cfg->map, io->nor, io->scratch, &m->app);
    sensor_init(m);
    watch_init(m);
    supply_init(m);
}

/* -- power-up ------------------------------------------------------------------------------ */

static const struct who self = { .link = LINK_SELF };

static void first_plans(struct meter *m)
{
    clock_zone_load(m);
    clock_zone_plan(m);
    energy_plan(m);
    demand_plan(m);
    profile_plan(m);
    billing_plan(m);
    sensor_plan(m);
    watch_plan(m);
    calendar_plan(m);
    input_plan(m);
}

static void last_plans(struct meter *m)
{
    single_plan(m);
    supply_plan(m);
    wallet_plan(m);
    push_plan(m);
    secure_plan(m);
    timer_clock_changed(m);
    m->outputs_stale = true;
}

/* Deadlines of everything that goes by the calendar, from where things stand: what looks ahead
 * through many days, or many orders, has a step of its own. */
static void (*const plans[])(struct meter *m) = { first_plans, tou_plan, schedule_plan,
                                                  last_plans };

/* What moves a deadline meanwhile begins another round. */
static void plan(struct meter *m)
{
    if (m->planned == 0) m->replan = false;
    plans[m->planned](m);
    m->planned = (uint8_t)((m->planned + 1u) % (sizeof plans / sizeof *plans));
}

static bool is_planning(const struct meter *m)
{
    return m->replan || m->planned;
}

/* How long it was dark, by the calendar chip; 0 where nobody knows. */
static void put_power_events(struct meter *m, bool was_valid)
{
    bool valid = clock_is_valid(&m->clock);
    uint32_t dark_s = valid ? (uint32_t)(m->utc.s - m->last.s) : 0;
    token_power_up(m, dark_s);
    bool is_long = dark_s >= (uint32_t)param_get(m, PARAM_LONG_FAILURE_S);
    struct event_detail d = { .duration_s = dark_s };
    change_count(m, CNT_POWER_FAILURES);
    change_stamp(m, STAMP_POWER_FAILURE);
    change_event_at(m, m->last, EV_POWER_DOWN, NULL, NULL);
    if (!valid && was_valid) change_event(m, EV_CLOCK_INVALID, NULL, NULL);
    if (valid && !was_valid) change_event(m, EV_CLOCK_VALID, NULL, NULL);
    change_event(m, EV_POWER_UP, NULL, &d);
    if (valid)
        change_event(m, is_long ? EV_LONG_INTERRUPTION : EV_SHORT_INTERRUPTION, NULL, &d);
    if (!is_long) return;
    uint8_t row[EVENT_BODY];
    change_count(m, CNT_LONG_FAILURES);
    event_body(m, m->utc, EV_LONG_INTERRUPTION, &self, &d, row);
    ensure(txn_put_row(&m->store, event_series(LOG_POWER), row) >= 0);
}

/* One change: the boot, what the outage did to the intervals, its events; and the present as
 * the date of the newest record. */
static int put_boot(struct meter *m, bool blank, bool was_valid)
{
    uint8_t body[CLOCK_BODY];
    if (change_begin(m) < 0) return E_BUSY;
    change_count(m, CNT_BOOTS);
    if (blank) {
        if (!clock_is_valid(&m->clock)) change_event(m, EV_CLOCK_INVALID, NULL, NULL);
        change_event(m, EV_POWER_UP, NULL, NULL);
    } else {
        put_power_events(m, was_valid);
        profile_put_outage(m);
        if (was_valid && clock_is_valid(&m->clock)) billing_put_dark(m, m->last);
    }
    change_put(m, HOT_CLOCK, body, (size_t)clock_save(&m->clock, m->utc, body));
    return change_commit(m);
}

static void begin_intervals(struct meter *m)
{
    for (unsigned k = 0; k < CFG_SURVEYS; k++) {
        m->survey[k].begin = m->utc;
        average_begin(&m->average, &m->survey[k].interval);
    }
}

int meter_mount(struct meter *m, mono_t t)
{
    m->t = m->window_end = m->compared = t;
    begin_intervals(m);
    int blank = store_mount(&m->store);
    if (blank < 0) return blank;
    energy_restored(&m->energy, &m->now);
    alarm_show(m);
    param_mount(m);
    event_mount(m);
    profile_mount(m);
    sensor_mount(m);
    store_rest(&m->store);
    bool was_valid = clock_is_valid(&m->clock);
    utc_t down = m->last;
    if (clock_power_up(m, m->last) == E_IO) event_post(m, EV_RTC_FAILURE, NULL, NULL);
    clock_zone_load(m);
    schedule_power_up(m);
    if (blank) begin_intervals(m);
    int err = put_boot(m, blank != 0, was_valid);
    store_rest(&m->store);
    m->live = true;
    if (blank) demand_restart(m);
    do plan(m);
    while (m->planned);
    protect_power_up(m);
    board_power_up(m);
    input_power_up(m, down);
    supply_power_up(m);
    timer_set(m, TIMER_RTC, mono_after(t, 3600 * UINT64_C(1000000)));
    store_rest(&m->store);
    event_drain(m);
    m->outputs_stale = true;
    output_drive(m);
    return m->store.journal.lost ? E_IO : err;
}

/* -- one thing at a time ------------------------------------------------------------------- */

static mono_t order_due(const struct meter *m)
{
    return m->clock.queued ? m->clock.queued_at : MONO_NEVER;
}

mono_t meter_next(const struct meter *m)
{
    mono_t t = mono_min(mono_min(m->timers.next, input_next(m)), order_due(m));
    return mono_min(sensor_next(m), t);
}

static void now_is(struct meter *m, mono_t t)
{
    if (mono_before(m->t, t)) m->t = t;
    m->utc = clock_utc(&m->clock, m->t);
    m->now.utc_s = m->utc.s;
}

void meter_at(struct meter *m, mono_t t)
{
    now_is(m, t);
    demand_refresh(m);
}

utc_t meter_utc(const struct meter *m)
{
    return m->utc;
}

void meter_handle(struct meter *m)
{
    mono_t t = meter_next(m), window = sensor_next(m);
    ensure(meter_is_ready(m) && t.us != MONO_NEVER.us);
    now_is(m, t);
    if (window.us <= t.us)
        sensor_take(m);
    else if (input_next(m).us <= t.us)
        input_handle(m);
    else if (order_due(m).us <= t.us)
        clock_do(m);
    else
        timer_handle(m);
    if (energy_is_full(&m->energy) || drawn_is_full(m)) energy_record(m);
}

void meter_drain_events(struct meter *m)
{
    event_drain(m);
}

bool meter_is_ready(const struct meter *m)
{
    return !store_is_busy(&m->store) && !is_planning(m) && !m->outputs_stale &&
           event_is_idle(m) && !supply_is_due(m) && !credit_is_due(m);
}

bool meter_store_step(struct meter *m)
{
    store_step(&m->store);
    if (store_is_busy(&m->store)) return true;
    if (is_planning(m)) plan(m);
    if (is_planning(m)) return true;
    event_drain(m);
    output_drive(m);
    credit_step(m);
    supply_step(m);
    return !store_is_at_rest(&m->store) || !meter_is_ready(m);
}

/* -- inputs -------------------------------------------------------------------------------- */

int meter_feed_quantities(struct meter *m, const struct quantity *q)
{
    if (!meter_is_ready(m)) return E_BUSY;
    if (q->start.us != m->window_end.us || mono_before(meter_next(m), q->end)) return E_STATE;
    now_is(m, q->end);
    values_take(m, q);
    m->window_end = q->end;
    if (energy_is_full(&m->energy) || drawn_is_full(m)) energy_record(m);
    return 0;
}

int meter_feed_inputs(struct meter *m, mono_t t, uint16_t levels)
{
    return input_feed(m, t, levels);
}

void meter_last_gasp(struct meter *m, mono_t t)
{
    now_is(m, t);
    if (m->sampled) sensor_close(m);
    energy_gasp(m);
    if (!store_is_busy(&m->store)) event_minute(m);
}
