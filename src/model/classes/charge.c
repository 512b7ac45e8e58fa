/* charge.c - class 113: the parts of a tariff scheme, and the debts of a wallet, as charges.
 *
 * Member e of 0-0:19.20.e (wallet 1), 19.21.e (wallet 2): energy, service, fixed 1 to 3, levy 1
 * to 5, VAT 1 to 3, subsidy 1 to 5, debt by day, debt by payment. A price here has 16 bits and a
 * scale: it is the exact one of 0-0:96.60.0 rounded half up. Its index is {step, tariff} of
 * energy, {step} of service, nothing for others. What was paid is what it came to this month so
 * far; of debts, ever.
 */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

enum { CHARGE_DEBTS = SCHEME_CHARGES, CHARGES = SCHEME_CHARGES + DEBTS };
enum { INDEX_MAX = 2, PRICE_SCALE = -6, RATE_SCALE = -2, DAY_S = 86400, MONTH_S = 30 * DAY_S };
enum { PERCENTAGE = 0x80, CONTINUOUS = 0x40 };

static unsigned wallet_of(const struct cosem_at *at)
{
    return at->row->bind.id;
}

static bool is_debt(const struct cosem_at *at)
{
    return at->k >= CHARGE_DEBTS;
}

static unsigned debt_of(const struct cosem_at *at)
{
    return at->k - (unsigned)CHARGE_DEBTS;
}

static const struct debt *at_debt(void *app, const struct cosem_at *at)
{
    return &meter_of(app)->wallets.wallet[wallet_of(at)].debt[debt_of(at)];
}

static uint16_t debt_param(const struct cosem_at *at)
{
    unsigned first = debt_of(at) == DEBT_DAY ? PARAM_DEBT_1_DAY : PARAM_DEBT_1_SHARE;
    return (uint16_t)(first + wallet_of(at));
}

static int emit_amount(void *app, const struct cosem_at *at, struct axdr_out *o, int64_t v)
{
    return axdr_emit_i32(o, wallet_published(meter_of(app), wallet_of(at), v));
}

/* -- the numbers of a charge in a scheme --------------------------------------------------- */

static unsigned values_of(const struct scheme *s, unsigned e)
{
    if (e == CHARGE_ENERGY) return s->steps * TARIFFS;
    return e == CHARGE_SERVICE ? s->services : 1;
}

static int64_t value_at(const struct scheme *s, unsigned e, unsigned i)
{
    if (e == CHARGE_ENERGY) return s->step[i / TARIFFS].price[i % TARIFFS];
    if (e == CHARGE_SERVICE) return s->service[i].amount;
    if (e < CHARGE_LEVY) return s->fixed[e - CHARGE_FIXED].amount;
    if (e < CHARGE_VAT) return s->levy[e - CHARGE_LEVY].value;
    if (e < CHARGE_SUBSIDY) return s->vat[e - CHARGE_VAT].rate;
    return s->subsidy[e - CHARGE_SUBSIDY].value;
}

static void put_value(struct scheme *s, unsigned e, unsigned i, int64_t v)
{
    if (e == CHARGE_ENERGY)
        s->step[i / TARIFFS].price[i % TARIFFS] = (uint32_t)v;
    else if (e == CHARGE_SERVICE)
        s->service[i].amount = v;
    else if (e < CHARGE_LEVY)
        s->fixed[e - CHARGE_FIXED].amount = v;
    else if (e < CHARGE_VAT)
        s->levy[e - CHARGE_LEVY].value = v;
    else if (e < CHARGE_SUBSIDY)
        s->vat[e - CHARGE_VAT].rate = (uint16_t)v;
    else
        s->subsidy[e - CHARGE_SUBSIDY].value = v;
}

static bool is_percentage(const struct scheme *s, unsigned e)
{
    if (e < CHARGE_LEVY) return false;
    if (e < CHARGE_VAT)
        return s->levy[e - CHARGE_LEVY].kind == LEVY_PERCENT ||
               s->levy[e - CHARGE_LEVY].kind == LEVY_BASE;
    if (e < CHARGE_SUBSIDY) return true;
    return s->subsidy[e - CHARGE_SUBSIDY].kind == SUBSIDY_PERCENT ||
           s->subsidy[e - CHARGE_SUBSIDY].kind == SUBSIDY_BASE;
}

/* kWh, not money, is what a subsidy of free units gives. */
static int own_scale(const struct scheme *s, unsigned e)
{
    if (e >= CHARGE_SUBSIDY && s->subsidy[e - CHARGE_SUBSIDY].kind == SUBSIDY_FREE) return 0;
    return is_percentage(s, e) ? RATE_SCALE : PRICE_SCALE;
}

static int64_t power_of_ten(int n)
{
    int64_t p = 1;
    while (n-- > 0) p *= 10;
    return p;
}

static int64_t rounded(int64_t v, int tens)
{
    int64_t by = power_of_ten(tens);
    return (v + by / 2) / by;
}

/* How many digits go so that all of a charge fits 16 bits. */
static int tens_of(const struct scheme *s, unsigned e)
{
    int tens = 0;
    for (unsigned i = 0; i < values_of(s, e); i++)
        while (rounded(value_at(s, e, i), tens) > INT16_MAX) tens++;
    return tens;
}

/* -- tables -------------------------------------------------------------------------------- */

/* What a charge is for: energy, or nothing that is counted. */
static const uint8_t commodity[2][6] = { { 0 }, { 1, 0, 1, 8, 0, 255 } };

static int emit_head(struct axdr_out *o, unsigned e, int scale, unsigned rows)
{
    bool units = e == CHARGE_ENERGY;
    axdr_emit_struct(o, 3);
    axdr_emit_struct(o, 2);
    axdr_emit_i8(o, units ? 3 : 0); /* a kWh */
    axdr_emit_i8(o, (int8_t)scale);
    axdr_emit_struct(o, 3);
    axdr_emit_u16(o, units ? 3 : 0);
    axdr_emit_octets(o, commodity[units], 6);
    axdr_emit_i8(o, units ? 2 : 0);
    return axdr_emit_array(o, rows);
}

static int emit_row(struct axdr_out *o, const uint8_t *index, unsigned n, int64_t v)
{
    axdr_emit_struct(o, 2);
    axdr_emit_octets(o, index, n);
    return axdr_emit_i16(o, (int16_t)v);
}

static unsigned index_of(unsigned e, unsigned i, uint8_t index[INDEX_MAX])
{
    index[0] = (uint8_t)((e == CHARGE_ENERGY ? i / TARIFFS : i) + 1);
    index[1] = (uint8_t)(i % TARIFFS + 1);
    return e == CHARGE_ENERGY ? 2 : e == CHARGE_SERVICE ? 1 : 0;
}

/* An instalment is as published, a share 0.01 %: both are cut to 16 bits by their scale. */
static int debt_scale(void *app, const struct cosem_at *at)
{
    bool money = wallet_is_money(meter_of(app), wallet_of(at));
    return debt_of(at) == DEBT_SHARE || money ? -2 : -3;
}

static int debt_tens(int64_t v)
{
    int tens = 0;
    while (rounded(v, tens) > INT16_MAX) tens++;
    return tens;
}

static int emit_debt(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    int64_t v = param_get(meter_of(app), debt_param(at));
    int tens = debt_tens(v);
    emit_head(o, at->k, debt_scale(app, at) + tens, 1);
    return emit_row(o, NULL, 0, rounded(v, tens));
}

static int emit_table(void *app, const struct cosem_at *at, enum scheme_side side,
                      struct axdr_out *o)
{
    struct scheme s;
    uint8_t index[INDEX_MAX];
    if (is_debt(at)) return emit_debt(app, at, o);
    model_scheme(meter_of(app), side, &s);
    int tens = tens_of(&s, at->k);
    emit_head(o, at->k, own_scale(&s, at->k) + tens, values_of(&s, at->k));
    for (unsigned i = 0; i < values_of(&s, at->k); i++)
        emit_row(o, index, index_of(at->k, i, index), rounded(value_at(&s, at->k, i), tens));
    return 0;
}

static enum dar get_active(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_table(app, at, SCHEME_ACTIVE, o);
}

static enum dar get_passive(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_table(app, at, SCHEME_PASSIVE, o);
}

/* Which value of the charge an index names; -1 none. */
static int find_index(const struct scheme *s, unsigned e, const uint8_t *p, size_t n)
{
    uint8_t index[INDEX_MAX];
    for (unsigned i = 0; i < values_of(s, e); i++)
        if (n == index_of(e, i, index) && (!n || !memcmp(p, index, n))) return (int)i;
    return -1;
}

/* Rows {index, 16 bits} at 10^scale into the passive scheme. */
static enum dar read_prices(struct axdr_in *in, struct scheme *s, unsigned e, int scale)
{
    int tens = scale - own_scale(s, e);
    uint32_t rows = axdr_read_head(in, AXDR_ARRAY);
    if (in->bad) return DAR_TYPE;
    if (rows > values_of(s, e) || tens < 0 || tens > 12) return DAR_OTHER;
    for (uint32_t k = 0; k < rows; k++) {
        size_t n = 0;
        axdr_read_struct(in, 2);
        const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
        int64_t v = axdr_read_int(in, AXDR_I16);
        if (in->bad) return DAR_TYPE;
        int i = find_index(s, e, p, n);
        if (i >= 0 && v == rounded(value_at(s, e, (unsigned)i), tens)) continue; /* it stands */
        v *= power_of_ten(tens);
        bool fits = v >= 0 && (e != CHARGE_ENERGY || v <= UINT32_MAX) &&
                    (e < CHARGE_VAT || e >= CHARGE_SUBSIDY || v <= UINT16_MAX);
        if (i < 0 || !fits) return DAR_OTHER;
        put_value(s, e, (unsigned)i, v);
    }
    return in->bad ? DAR_TYPE : DAR_OK;
}

static enum dar write_passive(void *app, const struct cosem_at *at, const struct scheme *s)
{
    struct scheme was;
    enum scheme_fault fault;
    uint8_t body[2][SCHEME_BODY];
    model_scheme(meter_of(app), SCHEME_PASSIVE, &was);
    scheme_save(s, body[0]);
    scheme_save(&was, body[1]);
    if (!memcmp(body[0], body[1], SCHEME_BODY)) return DAR_OK;
    return expense_scheme_set(meter_of(app), at->who, s, &fault);
}

/* An instalment has no passive one: it is set at once. What stands, rounded, stays. */
static enum dar read_debt(void *app, const struct cosem_at *at, struct axdr_in *in, int scale)
{
    size_t n = 0;
    struct meter *m = meter_of(app);
    int32_t was = param_get(m, debt_param(at));
    int tens = scale - debt_scale(app, at);
    if (axdr_read_head(in, AXDR_ARRAY) != 1) return in->bad ? DAR_TYPE : DAR_OTHER;
    axdr_read_struct(in, 2);
    axdr_read_string(in, AXDR_OCTETS, &n);
    int64_t v = axdr_read_int(in, AXDR_I16);
    if (in->bad) return DAR_TYPE;
    if (n || tens < 0 || tens > 9) return DAR_OTHER;
    if (tens == debt_tens(was) && v == rounded(was, tens)) return DAR_OK;
    v *= power_of_ten(tens);
    if (v < 0 || v > INT32_MAX) return DAR_OTHER;
    return param_set(m, at->who, debt_param(at), (int32_t)v);
}

static enum dar set_passive(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct scheme s;
    uint8_t ln[6];
    bool counted = at->k == CHARGE_ENERGY;
    model_scheme(meter_of(app), SCHEME_PASSIVE, &s);
    axdr_read_struct(in, 3);
    axdr_read_struct(in, 2);
    int8_t units = axdr_read_i8(in), scale = axdr_read_i8(in);
    axdr_read_struct(in, 3);
    uint16_t class_id = axdr_read_u16(in);
    axdr_read_octets(in, ln, sizeof ln);
    int8_t attr = axdr_read_i8(in);
    if (in->bad) return DAR_TYPE;
    if (units != (counted ? 3 : 0) || class_id != (counted ? 3 : 0) ||
        attr != (counted ? 2 : 0) || memcmp(ln, commodity[counted], sizeof ln) != 0)
        return DAR_OTHER;
    if (is_debt(at)) return read_debt(app, at, in, scale);
    enum dar dar = read_prices(in, &s, at->k, scale);
    return dar == DAR_OK ? write_passive(app, at, &s) : dar;
}

/* At the scale of the passive table as it is shown; an instalment at its own, at once. */
static enum dar call_update(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    struct scheme s;
    (void)ret;
    if (is_debt(at)) {
        int tens = debt_tens(param_get(meter_of(app), debt_param(at)));
        return read_debt(app, at, arg, debt_scale(app, at) + tens);
    }
    model_scheme(meter_of(app), SCHEME_PASSIVE, &s);
    enum dar dar = read_prices(arg, &s, at->k, own_scale(&s, at->k) + tens_of(&s, at->k));
    return dar == DAR_OK ? write_passive(app, at, &s) : dar;
}

/* -- what it came to ----------------------------------------------------------------------- */

static enum dar get_paid(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    struct bill b;
    int64_t v;
    if (is_debt(at)) {
        v = at_debt(app, at)->paid;
    } else {
        expense_bill(m, wallet_of(at), &b);
        v = b.charge[at->k].nano;
        if (at->k >= CHARGE_SUBSIDY) v = -v;
    }
    return emit_amount(app, at, o, v);
}

static bool is_timely(const struct scheme *s, unsigned e)
{
    if (e == CHARGE_SERVICE || (e >= CHARGE_FIXED && e < CHARGE_LEVY)) return true;
    return e >= CHARGE_LEVY && e < CHARGE_VAT && s->levy[e - CHARGE_LEVY].kind == LEVY_MONTH;
}

static enum dar get_type(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct scheme s;
    model_scheme(meter_of(app), SCHEME_ACTIVE, &s);
    bool timely = is_debt(at) ? debt_of(at) == DEBT_DAY : is_timely(&s, at->k);
    bool payment = is_debt(at) && debt_of(at) == DEBT_SHARE;
    return axdr_emit_enum(o, payment ? 2 : timely);
}

static enum dar get_priority(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return axdr_emit_u8(o, (uint8_t)(at->k + 1));
}

/* A month has thirty days here; it ends with the billing period. */
static uint32_t period_of(const struct scheme *s, const struct cosem_at *at)
{
    if (is_debt(at)) return debt_of(at) == DEBT_DAY ? DAY_S : 0;
    if (!is_timely(s, at->k)) return 0;
    bool fixed = at->k >= CHARGE_FIXED && at->k < CHARGE_LEVY;
    return fixed && s->fixed[at->k - CHARGE_FIXED].kind == FIXED_DAY ? DAY_S : MONTH_S;
}

static enum dar get_period(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct scheme s;
    model_scheme(meter_of(app), SCHEME_ACTIVE, &s);
    return axdr_emit_u32(o, period_of(&s, at));
}

static enum dar get_configuration(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct scheme s;
    model_scheme(meter_of(app), SCHEME_ACTIVE, &s);
    bool percentage = is_debt(at) ? debt_of(at) == DEBT_SHARE : is_percentage(&s, at->k);
    uint8_t bits = (uint8_t)((percentage ? PERCENTAGE : 0) | (is_debt(at) ? 0 : CONTINUOUS));
    return axdr_emit_bits(o, &bits, 2);
}

/* What is worked out with each Wh was collected just now. */
static enum dar get_collected_at(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    return emit_moment(m, o, is_debt(at) ? (utc_t){ at_debt(app, at)->last_s } : meter_utc(m));
}

static enum dar get_collected(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_amount(app, at, o, is_debt(at) ? at_debt(app, at)->last : 0);
}

static enum dar get_remaining(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_amount(app, at, o, is_debt(at) ? at_debt(app, at)->remaining : 0);
}

static enum dar get_proportion(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct scheme s;
    int64_t v = 0;
    model_scheme(meter_of(app), SCHEME_ACTIVE, &s);
    if (is_debt(at))
        v = debt_of(at) == DEBT_SHARE ? param_get(meter_of(app), debt_param(at)) : 0;
    else if (is_percentage(&s, at->k))
        v = value_at(&s, at->k, 0);
    return axdr_emit_u16(o, (uint16_t)v);
}

/* -- orders -------------------------------------------------------------------------------- */

static enum dar call_activate(void *app, const struct cosem_at *at, struct axdr_in *arg,
                              struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    if (is_debt(at)) return DAR_OTHER;
    int err = expense_activate(meter_of(app), at->who);
    return err == E_NONE ? DAR_TEMPORARY : err;
}

static enum dar call_collect(void *app, const struct cosem_at *at, struct axdr_in *arg,
                             struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    if (!is_debt(at) || debt_of(at) != DEBT_DAY) return DAR_OTHER;
    return credit_collect(meter_of(app), at->who, wallet_of(at));
}

static enum dar owe(void *app, const struct cosem_at *at, struct axdr_in *arg, bool adds)
{
    struct meter *m = meter_of(app);
    unsigned w = wallet_of(at);
    int32_t v = axdr_read_i32(arg);
    if (arg->bad) return DAR_TYPE;
    if (!is_debt(at)) return DAR_OTHER;
    int64_t was = adds ? at_debt(app, at)->remaining : 0;
    return credit_set_debt(m, at->who, w, debt_of(at), was + wallet_grains(m, w, v));
}

static enum dar call_add(void *app, const struct cosem_at *at, struct axdr_in *arg,
                         struct cosem_ret *ret)
{
    (void)ret;
    return owe(app, at, arg, true);
}

static enum dar call_set(void *app, const struct cosem_at *at, struct axdr_in *arg,
                         struct cosem_ret *ret)
{
    (void)ret;
    return owe(app, at, arg, false);
}

const struct cosem_attr charge_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_paid },
    [COSEM_ATTR(3)] = { .get = get_type },
    [COSEM_ATTR(4)] = { .get = get_priority },
    [COSEM_ATTR(5)] = { .get = get_active },
    [COSEM_ATTR(6)] = { .get = get_passive, .set = set_passive },
    [COSEM_ATTR(7)] = { .get = get_scheme_time, .set = set_scheme_time },
    [COSEM_ATTR(8)] = { .get = get_period },
    [COSEM_ATTR(9)] = { .get = get_configuration },
    [COSEM_ATTR(10)] = { .get = get_collected_at },
    [COSEM_ATTR(11)] = { .get = get_collected },
    [COSEM_ATTR(12)] = { .get = get_remaining },
    [COSEM_ATTR(13)] = { .get = get_proportion },
};
const struct cosem_method charge_method[] = {
    [COSEM_METHOD(1)] = { .call = call_update },
    [COSEM_METHOD(2)] = { .call = call_activate, .ret = &cosem_order },
    [COSEM_METHOD(3)] = { .call = call_collect, .ret = &cosem_order },
    [COSEM_METHOD(4)] = { .call = call_add },
    [COSEM_METHOD(5)] = { .call = call_set },
};
