#include "meter/supply/protect.h"

#include "base/bytes.h"
#include "meter/hot.h"
#include "meter/meter.h"
#include "meter/tamper/tally.h"

#define SECOND_US UINT64_C(1000000)
enum { UNKNOWN, SOUND, FAULTY };
#define NO_DATE UINT32_MAX /* the clock did not tell */
enum { FLOW_S = 10, COLDEST_DC = -400, HOTTEST_DC = 2000 };

static bool is_on(const struct meter *m, enum protect_bit bit)
{
    return param_get(m, PARAM_PROTECT_MASK) >> bit & 1;
}

uint16_t protect_off(const struct meter *m)
{
    uint16_t off = 0;
    if (!is_on(m, PROTECT_OVERLOAD))
        off |= SUPPLY_BIT(SUPPLY_LIMIT) | SUPPLY_BIT(SUPPLY_OVERCURRENT);
    if (!is_on(m, PROTECT_ARREARS)) off |= SUPPLY_BIT(SUPPLY_ARREARS);
    if (!is_on(m, PROTECT_TAMPER) && !is_on(m, PROTECT_MISMATCH))
        off |= SUPPLY_BIT(SUPPLY_TAMPER);
    if (!is_on(m, PROTECT_MALFUNCTION)) off |= SUPPLY_BIT(SUPPLY_MALFUNCTION);
    if (!is_on(m, PROTECT_FIRE)) off |= SUPPLY_BIT(SUPPLY_FIRE);
    return off;
}

uint16_t protect_state(const struct meter *m)
{
    static const struct {
        uint8_t requester, bit;
    } shown[] = { { SUPPLY_LIMIT, PROTECT_OVERLOAD },
                  { SUPPLY_OVERCURRENT, PROTECT_OVERLOAD },
                  { SUPPLY_ARREARS, PROTECT_ARREARS },
                  { SUPPLY_TAMPER, PROTECT_TAMPER },
                  { SUPPLY_MALFUNCTION, PROTECT_MALFUNCTION },
                  { SUPPLY_FIRE, PROTECT_FIRE },
                  { SUPPLY_REMOTE, 8 },
                  { SUPPLY_SCHEDULE, 9 },
                  { SUPPLY_BUTTON, 10 } };
    uint16_t held = m->supply.state.held, state = 0;
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++)
        if (held & SUPPLY_BIT(shown[i].requester)) state |= (uint16_t)(1u << shown[i].bit);
    if (held & SUPPLY_BIT(SUPPLY_VOLTAGE))
        state |=
            (uint16_t)(1u << (m->supply.opened == EV_OPEN_UNDERVOLTAGE ? PROTECT_UNDERVOLTAGE
                                                                       : PROTECT_OVERVOLTAGE));
    if (m->protect.tampers >> TAMPER_METROLOGY & 1 && held & SUPPLY_BIT(SUPPLY_TAMPER))
        state |= 1u << PROTECT_MISMATCH;
    return state;
}

/* -- what must last ------------------------------------------------------------------------ */

static void note(struct lasting *x, bool is, mono_t from)
{
    if (x->is != is) x->since = from;
    x->is = is;
}

static mono_t ripe(const struct lasting *x, uint64_t on_s, uint64_t off_s)
{
    return x->is == x->told ? MONO_NEVER
                            : mono_after(x->since, (x->is ? on_s : off_s) * SECOND_US);
}

/* True when it has just become what it is. */
static bool turns(const struct meter *m, struct lasting *x, uint64_t on_s, uint64_t off_s)
{
    if (m->t.us < ripe(x, on_s, off_s).us) return false;
    x->told = x->is;
    return true;
}

static uint64_t get(const struct meter *m, uint16_t param)
{
    return (uint64_t)param_get(m, param);
}

/* -- voltage ------------------------------------------------------------------------------- */

static uint32_t percent_mv(const struct meter *m, uint64_t percent)
{
    return (uint32_t)(get(m, PARAM_REFERENCE_V) * 10 * percent);
}

/* One that was passed is passed until it is left by the hysteresis. */
static void look_at_voltage(struct meter *m, const struct quantity *q)
{
    struct protect *p = &m->protect;
    uint32_t u_mv = q->u_uv / 1000;
    uint64_t back = get(m, PARAM_PROTECT_BACK_PERCENT);
    uint64_t over = get(m, PARAM_PROTECT_OVER_PERCENT) - (p->over.told ? back : 0);
    uint64_t under = get(m, PARAM_PROTECT_UNDER_PERCENT) + (p->under.told ? back : 0);
    bool above = is_on(m, PROTECT_OVERVOLTAGE) && u_mv > percent_mv(m, over);
    bool below = is_on(m, PROTECT_UNDERVOLTAGE) && u_mv < percent_mv(m, under);
    note(&p->over, above, q->start);
    note(&p->under, below, q->start);
}

static void judge_voltage(struct meter *m)
{
    struct protect *p = &m->protect;
    uint64_t back_s = get(m, PARAM_PROTECT_BACK_S);
    bool over = turns(m, &p->over, get(m, PARAM_PROTECT_OVER_S), back_s);
    bool under = turns(m, &p->under, get(m, PARAM_PROTECT_UNDER_S), back_s);
    if (!over && !under) return;
    if (p->over.told || p->under.told)
        m->supply.opened = p->over.told ? EV_OPEN_OVERVOLTAGE : EV_OPEN_UNDERVOLTAGE;
    supply_request(m, SUPPLY_VOLTAGE, p->over.told || p->under.told);
}

/* -- fire ---------------------------------------------------------------------------------- */

static int coldest_dc(const struct protect *p)
{
    int least = p->minute_dc[0];
    for (unsigned i = 1; i < p->samples; i++)
        if (p->minute_dc[i] < least) least = p->minute_dc[i];
    return least;
}

static void remember(struct meter *m, int dc)
{
    struct protect *p = &m->protect;
    uint64_t slot = m->t.us / (FIRE_GRID_S * SECOND_US);
    if (p->samples && slot == p->slot) return;
    p->slot = slot;
    p->minute_dc[p->next] = (int16_t)dc;
    p->next = (uint8_t)((p->next + 1) % FIRE_SAMPLES);
    if (p->samples < FIRE_SAMPLES) p->samples++;
}

static bool reads(struct meter *m, int dc)
{
    struct protect *p = &m->protect;
    bool fails = dc < COLDEST_DC || dc > HOTTEST_DC;
    if (fails && !p->sensor_fails) event_post(m, EV_TEMPERATURE_FAILURE, NULL, NULL);
    p->sensor_fails = fails;
    return !fails;
}

static void ignite(struct meter *m)
{
    m->protect.burns = true;
    supply_request(m, SUPPLY_FIRE, true);
}

static void look_at_terminals(struct meter *m, const struct quantity *q)
{
    struct protect *p = &m->protect;
    int trip_dc = param_get(m, PARAM_FIRE_TRIP_C) * 10;
    int rise_dc = param_get(m, PARAM_FIRE_RATE_C) * 10;
    if (!m->io->temperature_dc) return;
    int dc = m->io->temperature_dc(m->io->ctx);
    if (!reads(m, dc)) {
        p->samples = p->next = 0; /* what it says later is no rise */
        return;
    }
    m->now.quantity[VAL_TEMP_DC] = dc;
    remember(m, dc);
    note(&p->hot, dc > trip_dc, q->start);
    if (rise_dc && dc - coldest_dc(p) >= rise_dc) ignite(m);
    bool cool = dc <= trip_dc - FIRE_COOL_DC && dc - coldest_dc(p) < rise_dc;
    if (!p->burns || !(cool || (rise_dc == 0 && dc <= trip_dc - FIRE_COOL_DC))) return;
    p->burns = false;
    supply_request(m, SUPPLY_FIRE, false);
}

static void judge_terminals(struct meter *m)
{
    struct protect *p = &m->protect;
    if (turns(m, &p->hot, get(m, PARAM_FIRE_TRIP_S), 0) && p->hot.told) ignite(m);
}

/* -- tamper and malfunction ---------------------------------------------------------------- */

static uint16_t kinds(const struct meter *m)
{
    uint16_t mask = is_on(m, PROTECT_TAMPER) ? (uint16_t)param_get(m, PARAM_TAMPER_MASK) : 0;
    if (is_on(m, PROTECT_MISMATCH)) mask |= 1u << TAMPER_METROLOGY;
    return mask;
}

/* When what tampers opened returns without an order. */
static mono_t returns(const struct meter *m)
{
    int32_t by = param_get(m, PARAM_TAMPER_RELEASE);
    mono_t mended = m->protect.mended;
    if (by == RELEASED_BY_ORDER || mended.us == MONO_NEVER.us) return MONO_NEVER;
    uint64_t s = by == RELEASED_BY_TIME ? get(m, PARAM_TAMPER_RELEASE_S) : 0;
    uint64_t waited = m->protect.waited_s;
    return mono_after(mended, s > waited ? (s - waited) * SECOND_US : 0);
}

static bool is_waiting(const struct meter *m)
{
    return m->protect.mended.us != MONO_NEVER.us &&
           m->supply.state.held & SUPPLY_BIT(SUPPLY_TAMPER) &&
           param_get(m, PARAM_TAMPER_RELEASE) == RELEASED_BY_TIME;
}

/* The record: {seconds waited 4, date 4}, empty where nothing waits. What a power-up has read and
 * not used yet stays as it is. */
int waiting_put(const struct meter *m, unsigned k, uint8_t *body)
{
    const struct protect *p = &m->protect;
    bool waits = !p->waited_at && is_waiting(m);
    uint64_t more_s = waits ? (m->t.us - p->mended.us) / SECOND_US : 0;
    uint32_t date = clock_is_valid(&m->clock) ? (uint32_t)m->utc.s : NO_DATE;
    (void)k;
    if (!waits && !p->waited_at) return 0;
    le_put32(body, (uint32_t)(p->waited_s + more_s));
    le_put32(body + 4, waits ? date : p->waited_at);
    return WAITING_BODY;
}

void waiting_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != WAITING_BODY && n != 0) return;
    m->protect.waited_s = n ? le_get32(body) : 0;
    m->protect.waited_at = n ? le_get32(body + 4) : 0;
}

void protect_minute(struct meter *m)
{
    if (is_waiting(m)) hot_put(m, HOT_WAITING, 0);
}

static void judge_tamper(struct meter *m)
{
    if (m->t.us < returns(m).us) return;
    m->protect.mended = MONO_NEVER;
    supply_let_go(m, SUPPLY_TAMPER);
}

void protect_tamper(struct meter *m, unsigned k, bool begins)
{
    struct protect *p = &m->protect;
    uint16_t bit = (uint16_t)(1u << k);
    if (!(bit & (begins ? kinds(m) : p->tampers))) return;
    p->tampers = begins ? p->tampers | bit : p->tampers & (uint16_t)~bit;
    p->mended = p->tampers ? MONO_NEVER : m->t;
    p->waited_s = p->waited_at = 0;
    hot_put(m, HOT_WAITING, 0);
    supply_request(m, SUPPLY_TAMPER, p->tampers != 0);
    judge_tamper(m);
}

static void judge_faults(struct meter *m)
{
    const struct tamper *t = &m->watch.tamper;
    bool measures =
        !tamper_is_active(t, TAMPER_SATURATED) && !tamper_is_active(t, TAMPER_STUCK);
    bool welded = m->supply.state.fault & RELAY_FAILS_TO_OPEN;
    uint8_t now = !measures || welded ? FAULTY : SOUND;
    if (now == m->protect.health) return;
    m->protect.health = now;
    supply_request(m, SUPPLY_MALFUNCTION, now == FAULTY);
}

/* -- what flows although it is open -------------------------------------------------------- */

static void judge_flow(struct meter *m)
{
    struct lasting *x = &m->protect.flows;
    struct event_detail d = { .magnitude = relay_current_ma(m) };
    bool fails = (m->supply.state.fault & RELAY_FAILS_TO_OPEN) != 0;
    if (!turns(m, x, FLOW_S, FLOW_S)) return;
    if (x->told) event_post(m, EV_UNEXPECTED_CONSUMPTION, NULL, &d);
    if (x->told && fails) return;
    if (!x->told && !m->protect.bypassed) return;
    m->protect.bypassed = x->told;
    utc_t when = clock_utc(&m->clock, x->since);
    d.duration_s = tally_tamper(m, TAMPER_BYPASS, x->told, when);
    event_post_at(m, when, x->told ? EV_BYPASS : EV_BYPASS_END, NULL, &d);
}

static void look_at_flow(struct meter *m, const struct quantity *q)
{
    note(&m->protect.flows, relay_leaks(m), q->start);
}

/* What was waited before the supply failed, and in the dark where the clock tells. */
static uint32_t waited(const struct meter *m)
{
    const struct protect *p = &m->protect;
    uint32_t dark_s = (uint32_t)m->utc.s - p->waited_at;
    if (!p->waited_at) return 0;
    bool tells = p->waited_at != NO_DATE && clock_is_valid(&m->clock) && dark_s <= INT32_MAX;
    return p->waited_s + (tells && p->waited_s <= INT32_MAX ? dark_s : 0);
}

/* What held before is still there until it is seen to be over; a cover closed in the dark ends
 * by what input_power_up() finds. */
void protect_power_up(struct meter *m)
{
    struct protect *p = &m->protect;
    uint16_t held = m->supply.state.held;
    if (held & SUPPLY_BIT(SUPPLY_VOLTAGE))
        p->over = (struct lasting){ .since = m->t, .is = true, .told = true };
    if (held & SUPPLY_BIT(SUPPLY_FIRE) && m->io->temperature_dc) ignite(m);
    bool waits = held & SUPPLY_BIT(SUPPLY_TAMPER) &&
                 param_get(m, PARAM_TAMPER_RELEASE) == RELEASED_BY_TIME;
    p->tampers = input_tampers(m) & kinds(m);
    p->mended = waits && !p->tampers ? m->t : MONO_NEVER;
    p->waited_s = waits && !p->tampers ? waited(m) : 0;
    p->waited_at = 0;
    if (p->tampers) supply_request(m, SUPPLY_TAMPER, true);
}

bool protect_asks(const struct meter *m, enum requester r)
{
    const struct protect *p = &m->protect;
    if (r == SUPPLY_VOLTAGE) return p->over.told || p->under.told;
    if (r == SUPPLY_FIRE) return p->burns;
    return r == SUPPLY_TAMPER && p->tampers;
}

/* -- all of it ----------------------------------------------------------------------------- */

mono_t protect_next(const struct meter *m)
{
    const struct protect *p = &m->protect;
    uint64_t back_s = get(m, PARAM_PROTECT_BACK_S);
    mono_t t = ripe(&p->over, get(m, PARAM_PROTECT_OVER_S), back_s);
    t = mono_min(t, ripe(&p->under, get(m, PARAM_PROTECT_UNDER_S), back_s));
    t = mono_min(t, ripe(&p->hot, get(m, PARAM_FIRE_TRIP_S), 0));
    t = mono_min(t, returns(m));
    return mono_min(t, ripe(&p->flows, FLOW_S, FLOW_S));
}

void protect_due(struct meter *m)
{
    judge_voltage(m);
    judge_terminals(m);
    judge_tamper(m);
    judge_flow(m);
}

void protect_window(struct meter *m, const struct quantity *q)
{
    look_at_voltage(m, q);
    look_at_terminals(m, q);
    look_at_flow(m, q);
    judge_faults(m);
    protect_due(m);
}
