#include "meter/energy/values.h"

#include "base/err.h"
#include "base/fixed.h"
#include "meter/meter.h"

#define KWH_NJ (1000 * (uint64_t)ENERGY_UNIT_NJ)

/* -- last values --------------------------------------------------------------------------- */

static int32_t milli(int64_t micro)
{
    return (int32_t)((micro < 0 ? micro - 500 : micro + 500) / 1000);
}

static void keep(struct regs *r, const struct quantity *q, const struct element *e)
{
    int32_t *v = r->quantity;
    const struct element *n = &q->element[ELEMENT_NEUTRAL];
    bool back = e->p_uw < 0;
    v[VAL_U_MV] = milli(q->u_uv);
    v[VAL_I_MA] = milli(q->element[ELEMENT_PHASE].i_ua);
    v[VAL_IN_MA] = milli(n->i_ua);
    v[VAL_PF_MILLI] = milli(e->pf_ppm);
    v[VAL_F_MHZ] = milli(q->f_uhz);
    v[VAL_ANGLE_I_MDEG] = q->element[ELEMENT_PHASE].angle_mdeg;
    v[VAL_ANGLE_N_MDEG] = n->angle_mdeg;
    v[VAL_P_MW] = q->flags & QTY_CREEP_P ? 0 : milli(e->p_uw);
    v[VAL_Q_MVAR] = q->flags & QTY_CREEP_Q ? 0 : milli(e->q_uvar);
    v[VAL_S_MVA] = q->flags & QTY_CREEP_S ? 0 : milli(back ? -e->s_uva : e->s_uva);
    v[VAL_THD_U_MILLI] = (int32_t)(q->thd_u_bp / 10);
    v[VAL_THD_I_MILLI] = (int32_t)(q->element[ELEMENT_PHASE].thd_i_bp / 10);
}

/* -- booking ------------------------------------------------------------------------------- */

/* By the signs of what counts; what is below its threshold keeps the side it was on. */
static uint8_t quadrant(uint8_t last, int64_t p, int64_t q)
{
    bool back = p ? p < 0 : last == 1 || last == 2;
    bool capacitive = q ? q < 0 : last >= 2;
    return (uint8_t)(back ? (capacitive ? 2 : 1) : (capacitive ? 3 : 0));
}

static struct share share_of(const struct meter *m, const struct element *e)
{
    return (struct share){ .wh_nj = abs_i64(e->active_nj),
                           .varh_nj = abs_i64(e->reactive_nj),
                           .vah_nj = abs_i64(e->apparent_nj),
                           .quadrant =
                               quadrant(m->energy.quadrant, e->active_nj, e->reactive_nj) };
}

/* -- pulses -------------------------------------------------------------------------------- */

#define KWH_UJ UINT64_C(3600000000000)

/* Pulses of an output since the last whole kWh (kvarh, kVAh). The kilo-unit is divided evenly,
 * so at 1000 a pulse is a booked unit. */
static uint64_t pulses_at(const struct energy *e, unsigned cell, unsigned direction,
                          uint32_t constant)
{
    uint64_t nj = e->phase[cell][direction] * (uint64_t)ENERGY_UNIT_NJ +
                  (uint64_t)e->rest_nj[cell][direction];
    return nj / 1000 * constant / KWH_UJ;
}

struct pulse_of {
    uint8_t cell;
    uint16_t constant; /* parameter */
};

/* What each output counts; E_NONE: something else, or nothing. */
static int pulse_of(const struct meter *m, enum impulse k, struct pulse_of *p)
{
    static const struct pulse_of led[] = { { CELL_WH, PARAM_LED_WH },
                                           { CELL_VARH, PARAM_LED_VARH } };
    static const struct pulse_of output[] = { { CELL_WH, PARAM_PULSE_WH },
                                              { CELL_VARH, PARAM_PULSE_VARH },
                                              { CELL_VAH, PARAM_PULSE_WH } };
    unsigned function = (unsigned)param_get(m, PARAM_PULSE_FUNCTION);
    if (k != IMPULSE_OUTPUT) {
        *p = led[k];
        return 0;
    }
    if (function < PULSE_WH || function > PULSE_VAH) return E_NONE;
    *p = output[function - PULSE_WH];
    return 0;
}

static unsigned directions(const struct meter *m, unsigned cell)
{
    return cell != CELL_VARH && param_get(m, PARAM_REGISTRATION) == REGISTRATION_IMPORT_ONLY
               ? 1
               : DIRECTIONS;
}

static void count_pulses(struct meter *m, const struct energy *before, enum impulse k)
{
    struct pulse_of p;
    uint64_t n = 0;
    if (pulse_of(m, k, &p) < 0) return;
    uint32_t constant = (uint32_t)param_get(m, p.constant);
    for (unsigned d = 0; d < directions(m, p.cell); d++) {
        uint64_t from = pulses_at(before, p.cell, d, constant);
        uint64_t to = pulses_at(&m->energy, p.cell, d, constant);
        n += to + (to < from ? constant : 0) - from; /* a window is less than a kilo-unit */
    }
    if (n) m->io->impulse(m->io->ctx, m->t, k, (uint32_t)n);
}

/* What the functions beyond energy give a pulse for: that it is another one than it was. */
static uint32_t mark_of(const struct meter *m, unsigned function)
{
    if (function == PULSE_INTERVAL) return (uint32_t)m->demand.start.s;
    if (function == PULSE_TARIFF) return (uint32_t)m->now.quantity[VAL_TARIFF];
    if (function == PULSE_RELAY) return supply_is_on(m);
    return (uint32_t)(m->t.us / UINT64_C(1000000));
}

/* Of the clock all seconds of a window are given. */
static void mark(struct meter *m)
{
    unsigned function = (unsigned)param_get(m, PARAM_PULSE_FUNCTION);
    struct pulse_mark is = { (uint8_t)function, mark_of(m, function) }, was = m->marked;
    uint32_t n = function == PULSE_SECOND ? is.mark - was.mark : is.mark != was.mark;
    m->marked = is;
    if (function >= PULSE_INTERVAL && was.function == function && n)
        m->io->impulse(m->io->ctx, m->t, IMPULSE_OUTPUT, n);
}

/* With samples the LEDs play out what is booked. */
static void light_leds(struct meter *m, const struct element *e)
{
    if (e->active_nj >= 0 || directions(m, CELL_WH) > 1)
        pulse_book(front_pulse(&m->front, PULSE_ACTIVE), e->active_nj);
    pulse_book(front_pulse(&m->front, PULSE_REACTIVE), e->reactive_nj);
}

/* -- all of it ----------------------------------------------------------------------------- */

void values_take(struct meter *m, const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    struct energy before = m->energy;
    struct share s = share_of(m, e);
    keep(&m->now, q, e);
    energy_book(&m->energy, &m->now, &s, (unsigned)m->now.quantity[VAL_TARIFF] - 1);
    wallet_draw(m);
    m->now.quantity[VAL_QUADRANT] = s.wh_nj | s.varh_nj ? s.quadrant + 1 : 0;
    average_add(m, q->end.us - q->start.us);
    if (q->flags & (QTY_MISSED | QTY_STUCK))
        for (unsigned k = 0; k < CFG_SURVEYS; k++) m->survey[k].pending |= PROFILE_NOT_VALID;
    watch_take(m, q);
    supply_window(m, q);
    if (m->sampled) light_leds(m, e);
    if (!m->io->impulse) return;
    for (unsigned k = m->sampled ? IMPULSE_OUTPUT : 0; k < IMPULSES; k++)
        count_pulses(m, &before, (enum impulse)k);
    mark(m);
}
