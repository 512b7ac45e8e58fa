/* supply.c - classes 70 and 68: the relay as its clients see it, and who may order what.
 *
 * Actors of class 68 are the requesters of meter/supply/arbiter.h, 1 to 10; actions 1 to 3 are
 * the scripts of 0-0:10.0.106. Bit 0 of a bit-string is action 1. */
#include "base/err.h"
#include "model/classes.h"

const struct obis supply_scripts = SUPPLY_SCRIPTS;

static enum dar answered(int err)
{
    return err == E_DENIED ? DAR_TEMPORARY : err;
}

/* May this client say that a fire is out, a tamper mended? */
static bool is_trusted(const struct meter *m, const struct who *who)
{
    bool supervisor = param_get(m, PARAM_FIRE_RELEASE) && who->assoc == ROLE_SUPERVISOR;
    return supervisor || who->assoc == ROLE_MANAGEMENT;
}

/* -- class 70 ------------------------------------------------------------------------------ */

static enum dar get_output(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_bool(o, supply_is_on(meter_of(app)));
}

static enum dar get_control(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_enum(o, (uint8_t)supply_state(meter_of(app)));
}

static enum dar get_mode(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_enum(o, (uint8_t)param_get(meter_of(app), PARAM_SUPPLY_MODE));
}

static enum dar set_mode(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t mode = axdr_read_enum(in);
    if (in->bad) return DAR_TYPE;
    return answered(param_set(meter_of(app), at->who, PARAM_SUPPLY_MODE, mode));
}

static enum dar call_disconnect(void *app, const struct cosem_at *at, struct axdr_in *arg,
                                struct cosem_ret *ret)
{
    (void)ret;
    axdr_read_i8(arg);
    if (arg->bad) return DAR_TYPE;
    return answered(supply_order(meter_of(app), at->who, SUPPLY_REMOTE, ACTION_DISCONNECT));
}

static enum dar call_reconnect(void *app, const struct cosem_at *at, struct axdr_in *arg,
                               struct cosem_ret *ret)
{
    (void)ret;
    axdr_read_i8(arg);
    if (arg->bad) return DAR_TYPE;
    const struct meter *m = meter_of(app);
    return answered(supply_reconnect(meter_of(app), at->who, is_trusted(m, at->who)));
}

const struct cosem_attr disconnect_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_output },
    [COSEM_ATTR(3)] = { .get = get_control },
    [COSEM_ATTR(4)] = { .get = get_mode, .set = set_mode },
};
const struct cosem_method disconnect_method[] = {
    [COSEM_METHOD(1)] = { .call = call_disconnect },
    [COSEM_METHOD(2)] = { .call = call_reconnect }
};

/* -- class 68 ------------------------------------------------------------------------------ */

static enum dar get_actions(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_array(o, ACTIONS);
    for (unsigned n = 1; n <= ACTIONS; n++) emit_script(o, &supply_scripts, n);
    return DAR_OK;
}

static int emit_bits_each(struct axdr_out *o, const uint8_t of[REQUESTERS])
{
    axdr_emit_array(o, REQUESTERS);
    for (unsigned r = 0; r < REQUESTERS; r++) emit_flags(o, of[r], ACTIONS);
    return 0;
}

static enum dar get_permissions(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_bits_each(o, meter_of(app)->supply.weights.may);
}

static enum dar set_permissions(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    struct weights w = m->supply.weights;
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != REQUESTERS) return DAR_OTHER;
    for (unsigned r = 0; r < REQUESTERS; r++) w.may[r] = (uint8_t)read_flags(in, ACTIONS);
    if (in->bad) return DAR_TYPE;
    return supply_set_weights(m, at->who, &w);
}

static enum dar get_weights(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct weights *w = &meter_of(app)->supply.weights;
    (void)at;
    axdr_emit_array(o, REQUESTERS);
    for (unsigned r = 0; r < REQUESTERS; r++) {
        axdr_emit_array(o, ACTIONS);
        for (unsigned a = 0; a < ACTIONS; a++) axdr_emit_u16(o, w->of[r][a]);
    }
    return DAR_OK;
}

static enum dar set_weights(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    struct weights w = m->supply.weights;
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && n != REQUESTERS) return DAR_OTHER;
    for (unsigned r = 0; r < REQUESTERS; r++) {
        n = axdr_read_head(in, AXDR_ARRAY);
        if (!in->bad && n != ACTIONS) return DAR_OTHER;
        for (unsigned a = 0; a < ACTIONS; a++) w.of[r][a] = axdr_read_u16(in);
    }
    if (in->bad) return DAR_TYPE;
    return supply_set_weights(m, at->who, &w);
}

static enum dar get_requests(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_bits_each(o, meter_of(app)->supply.state.asked);
}

static enum dar get_outcome(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_u8(o, meter_of(app)->supply.state.outcome);
}

/* Of several actions that are asked for and allowed the weightiest; the first among equals. */
static unsigned chosen(const struct weights *w, unsigned r, uint32_t bits)
{
    unsigned best = 0;
    for (unsigned a = 1; a <= ACTIONS; a++) {
        if (!(bits & w->may[r] & 1u << (a - 1))) continue;
        if (!best || w->of[r][a - 1] > w->of[r][best - 1]) best = a;
    }
    return best;
}

static enum dar call_request(void *app, const struct cosem_at *at, struct axdr_in *arg,
                             struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    (void)ret;
    axdr_read_struct(arg, 2);
    unsigned actor = axdr_read_u8(arg);
    uint32_t bits = read_flags(arg, ACTIONS);
    if (arg->bad) return DAR_TYPE;
    if (actor < 1 || actor > REQUESTERS) return DAR_OTHER;
    unsigned action = chosen(&m->supply.weights, actor - 1, bits);
    if (!action) return DAR_DENIED;
    return answered(
        supply_order(m, at->who, (enum requester)(actor - 1), (enum supply_action)action));
}

static enum dar call_forget(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    (void)ret;
    axdr_read_i8(arg);
    if (arg->bad) return DAR_TYPE;
    return supply_forget(meter_of(app), at->who);
}

const struct cosem_attr arbitrator_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_actions },
    [COSEM_ATTR(3)] = { .get = get_permissions, .set = set_permissions },
    [COSEM_ATTR(4)] = { .get = get_weights, .set = set_weights },
    [COSEM_ATTR(5)] = { .get = get_requests },
    [COSEM_ATTR(6)] = { .get = get_outcome },
};
const struct cosem_method arbitrator_method[] = { [COSEM_METHOD(1)] = { .call = call_request },
                                                  [COSEM_METHOD(2)] = { .call = call_forget } };

/* -- what the relay did, and who holds it -------------------------------------------------- */

/* {opens, closes, failed opens, failed closes} */
static enum dar get_operations(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const uint32_t *counter = meter_of(app)->now.counter;
    (void)at;
    axdr_emit_struct(o, 4);
    for (unsigned i = CNT_RELAY_OPENS; i <= CNT_RELAY_CLOSE_FAILS; i++)
        axdr_emit_u32(o, counter[i]);
    return DAR_OK;
}

/* Bits 0 to 9: requesters that hold the supply open, by rank; 16 the relay is on its way, 17 it
 * fails to open, 18 to close. */
static enum dar get_signals(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct supply_state *s = &meter_of(app)->supply.state;
    uint32_t bits =
        s->held | (uint32_t)(s->moving != MOVES_NOT) << 16 | (uint32_t)s->fault << 17;
    (void)at;
    return emit_flags(o, bits, 32);
}

const struct cosem_attr operations_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_operations },
};
const struct cosem_attr signals_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_signals },
};

/* -- flags --------------------------------------------------------------------------------- */

/* A parameter of so many bits, the first is bit 0; without one, the self-protection that holds. */

static enum dar get_word(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct meter *m = meter_of(app);
    uint16_t id = at->row->bind.id;
    return emit_flags(o, id < PARAMS ? (uint32_t)param_get(m, id) : protect_state(m),
                      at->row->bind.tag);
}

static enum dar set_word(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint32_t word = read_flags(in, at->row->bind.tag);
    if (in->bad) return DAR_TYPE;
    return param_set(meter_of(app), at->who, at->row->bind.id, (int32_t)word);
}

const struct cosem_attr bits_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_word, .set = set_word },
};
