#include "meter/timer.h"

#include "base/sys.h"
#include "meter/meter.h"

struct timer_row {
    bool utc;
    void (*handle)(struct meter *m, utc_t due);
};

static void survey_1(struct meter *m, utc_t due)
{
    profile_due(m, 0, due);
}

static void survey_2(struct meter *m, utc_t due)
{
    profile_due(m, 1, due);
}

static void survey_3(struct meter *m, utc_t due)
{
    profile_due(m, 2, due);
}

static void relay(struct meter *m, utc_t due)
{
    (void)due;
    relay_due(m);
}

static void supply(struct meter *m, utc_t due)
{
    (void)due;
    supply_due(m);
}

static const struct timer_row table[TIMERS] = {
    [TIMER_SLEW] = { false, clock_slew_end },   [TIMER_MINUTE] = { true, energy_minute },
    [TIMER_DEMAND] = { true, demand_end },      [TIMER_SURVEY_1] = { true, survey_1 },
    [TIMER_SURVEY_2] = { true, survey_2 },      [TIMER_SURVEY_3] = { true, survey_3 },
    [TIMER_DAY] = { true, billing_day },        [TIMER_BILLING] = { true, billing_period },
    [TIMER_ZONE] = { true, clock_zone_switch }, [TIMER_RTC] = { false, clock_compare },
    [TIMER_CALENDAR] = { true, calendar_due },  [TIMER_TARIFF] = { true, tou_due },
    [TIMER_INPUT] = { false, input_settle },    [TIMER_RELAY] = { false, relay },
    [TIMER_SUPPLY] = { false, supply },         [TIMER_FLOOD] = { false, event_flood_over },
    [TIMER_TOKEN] = { false, token_due },       [TIMER_SCHEDULE] = { true, schedule_due },
    [TIMER_SCHEME] = { true, expense_due },     [TIMER_MODE] = { true, credit_mode_due },
    [TIMER_CREDIT] = { false, credit_due },     [TIMER_PUSH] = { true, push_due },
    [TIMER_SINGLE] = { true, single_due },      [TIMER_PORT] = { true, secure_port_due },
    [TIMER_BOARD] = { false, board_due },       [TIMER_OUTPUT] = { false, output_due },
};

void timer_init(struct timers *t)
{
    for (unsigned i = 0; i < TIMERS; i++) t->due[i] = MONO_NEVER;
    t->next = MONO_NEVER;
}

static void find_next(struct timers *t)
{
    t->next = t->due[0];
    for (unsigned i = 1; i < TIMERS; i++) t->next = mono_min(t->next, t->due[i]);
}

/* What should have happened already happens now. */
static mono_t not_before_now(const struct meter *m, mono_t due)
{
    return mono_before(due, m->t) ? m->t : due;
}

static void set(struct meter *m, enum timer id, mono_t due)
{
    struct timers *t = &m->timers;
    bool was_next = t->due[id].us == t->next.us;
    t->due[id] = not_before_now(m, due);
    if (was_next)
        find_next(t);
    else
        t->next = mono_min(t->next, t->due[id]);
}

void timer_set(struct meter *m, enum timer id, mono_t due)
{
    ensure(!table[id].utc);
    set(m, id, due);
}

void timer_set_utc(struct meter *m, enum timer id, utc_t due)
{
    ensure(table[id].utc);
    m->timers.utc[id] = due;
    set(m, id, clock_mono(&m->clock, due));
}

void timer_stop(struct meter *m, enum timer id)
{
    m->timers.due[id] = MONO_NEVER;
    find_next(&m->timers);
}

void timer_clock_changed(struct meter *m)
{
    struct timers *t = &m->timers;
    for (unsigned i = 0; i < TIMERS; i++)
        if (table[i].utc && t->due[i].us != MONO_NEVER.us)
            t->due[i] = not_before_now(m, clock_mono(&m->clock, t->utc[i]));
    find_next(t);
}

void timer_handle(struct meter *m)
{
    struct timers *t = &m->timers;
    unsigned id = 0;
    while (t->due[id].us != t->next.us) id++;
    t->due[id] = MONO_NEVER;
    find_next(t);
    table[id].handle(m, table[id].utc ? t->utc[id] : m->utc);
}
