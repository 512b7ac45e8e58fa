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

static int emit_amount(void *app, const struct cosem_at *at, struct axdr_out *o, int64_t v)
{
    return axdr_emit_i32(o, wallet_published(meter_of(app), wallet_of(at), v));
}

/* -- the numbers of a charge --------------------------------------------------------------- */

/* Charge e of a scheme, or a debt: what it takes is a parameter. */
struct charge {
    struct meter *m;
    const struct cosem_at *at;
    struct scheme s;
    int32_t debt;
    uint16_t param;
    bool is_new; /* the debt is another one now */
};

static void load(struct charge *c, void *app, const struct cosem_at *at, enum scheme_side side)
{
    *c = (struct charge){ .m = meter_of(app), .at = at };
    if (is_debt(at)) {
        unsigned first = debt_of(at) == DEBT_DAY ? PARAM_DEBT_1_DAY : PARAM_DEBT_1_SHARE;
        c->param = (uint16_t)(first + wallet_of(at));
        c->debt = param_get(c->m, c->param);
    } else {
        model_scheme(c->m, side, &c->s);
    }
}

static unsigned values_of(const struct charge *c)
{
    if (c->at->k == CHARGE_ENERGY) return c->s.steps * TARIFFS;
    return c->at->k == CHARGE_SERVICE ? c->s.services : 1;
}

/* Where the values of charges stand, from charge `first` on: groups of `inner` values side by
 * side, `every` octets apart, each an unsigned number of so many bits. */
static const struct value_place {
    uint8_t first, bits, inner, every;
    uint16_t at;
} parts[] = {
    { CHARGE_DEBTS, 31, 1, 0, offsetof(struct charge, debt) },
    { CHARGE_SUBSIDY, 63, 1, sizeof(struct price_subsidy),
      offsetof(struct charge, s.subsidy[0].value) },
    { CHARGE_VAT, 16, 1, sizeof(struct price_vat), offsetof(struct charge, s.vat[0].rate) },
    { CHARGE_LEVY, 63, 1, sizeof(struct price_levy), offsetof(struct charge, s.levy[0].value) },
    { CHARGE_FIXED, 63, 1, sizeof(struct price_fixed),
      offsetof(struct charge, s.fixed[0].amount) },
    { CHARGE_SERVICE, 63, 1, sizeof(struct price_service),
      offsetof(struct charge, s.service[0].amount) },
    { CHARGE_ENERGY, 32, TARIFFS, sizeof(struct price_step),
      offsetof(struct charge, s.step[0].price) },
};

static const struct value_place *part_of(const struct charge *c)
{
    const struct value_place *p = parts;
    while (c->at->k < p->first) p++;
    return p;
}

static size_t place_of(const struct charge *c, unsigned i)
{
    const struct value_place *p = part_of(c);
    unsigned n = c->at->k - p->first + i;
    return p->at + n / p->inner * p->every + n % p->inner * sizeof(uint32_t);
}

static int64_t value_at(const struct charge *c, unsigned i)
{
    const uint8_t *at = (const uint8_t *)c + place_of(c, i);
    uint16_t h;
    uint32_t w;
    int64_t d;
    switch (part_of(c)->bits) {
    case 16:
        memcpy(&h, at, sizeof h);
        return h;
    case 63:
        memcpy(&d, at, sizeof d);
        return d;
    default:
        memcpy(&w, at, sizeof w);
        return w;
    }
}

/* False: it does not fit. */
static bool put_value(struct charge *c, unsigned i, int64_t v)
{
    uint8_t *at = (uint8_t *)c + place_of(c, i), bits = part_of(c)->bits;
    uint16_t h = (uint16_t)v;
    uint32_t w = (uint32_t)v;
    if (v < 0 || v >> bits) return false;
    c->is_new = true;
    if (bits == 16)
        memcpy(at, &h, sizeof h);
    else if (bits == 63)
        memcpy(at, &v, sizeof v);
    else
        memcpy(at, &w, sizeof w);
    return true;
}

static bool is_percentage(const struct charge *c)
{
    unsigned e = c->at->k;
    if (is_debt(c->at)) return debt_of(c->at) == DEBT_SHARE;
    if (e < CHARGE_LEVY) return false;
    if (e < CHARGE_VAT)
        return c->s.levy[e - CHARGE_LEVY].kind == LEVY_PERCENT ||
               c->s.levy[e - CHARGE_LEVY].kind == LEVY_BASE;
    if (e < CHARGE_SUBSIDY) return true;
    return c->s.subsidy[e - CHARGE_SUBSIDY].kind == SUBSIDY_PERCENT ||
           c->s.subsidy[e - CHARGE_SUBSIDY].kind == SUBSIDY_BASE;
}

/* kWh, not money, is what a subsidy of free units gives; an instalment is as published, a share
 * 0.01 %. */
static int own_scale(const struct charge *c)
{
    unsigned e = c->at->k;
    if (is_percentage(c)) return RATE_SCALE;
    if (is_debt(c->at)) return wallet_is_money(c->m, wallet_of(c->at)) ? -2 : -3;
    if (e >= CHARGE_SUBSIDY && c->s.subsidy[e - CHARGE_SUBSIDY].kind == SUBSIDY_FREE) return 0;
    return PRICE_SCALE;
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
static int tens_of(const struct charge *c)
{
    int tens = 0;
    for (unsigned i = 0; i < values_of(c); i++)
        while (rounded(value_at(c, i), tens) > INT16_MAX) tens++;
    return tens;
}

/* -- tables -------------------------------------------------------------------------------- */

/* {{unit, scale}, {class, name, attribute}}: what a charge is for, energy, or nothing that is
 * counted. */
struct head {
    int8_t units, scale, attr;
    uint16_t class_id;
    struct obis ln;
};
static const struct axdr_field head_field[] = {
    AXDR_NESTED(3),
    AXDR_NESTED(2),
    AXDR_FIELD(I8, struct head, units),
    AXDR_FIELD(I8, struct head, scale),
    AXDR_NESTED(3),
    AXDR_FIELD(U16, struct head, class_id),
    AXDR_FIELD(OBIS, struct head, ln),
    AXDR_FIELD(I8, struct head, attr),
};

static struct head head_of(const struct cosem_at *at, int scale)
{
    struct head h = { .units = 3, .attr = 2, .class_id = 3, .ln = { 1, 0, 1, 8, 0, 255 } };
    if (at->k != CHARGE_ENERGY) h = (struct head){ .units = 0 };
    h.scale = (int8_t)scale;
    return h;
}

static unsigned index_of(unsigned e, unsigned i, uint8_t index[INDEX_MAX])
{
    index[0] = (uint8_t)((e == CHARGE_ENERGY ? i / TARIFFS : i) + 1);
    index[1] = (uint8_t)(i % TARIFFS + 1);
    return e == CHARGE_ENERGY ? 2 : e == CHARGE_SERVICE ? 1 : 0;
}

static int emit_table(void *app, const struct cosem_at *at, enum scheme_side side,
                      struct axdr_out *o)
{
    struct charge c;
    uint8_t index[INDEX_MAX];
    load(&c, app, at, side);
    int tens = tens_of(&c);
    struct head h = head_of(at, own_scale(&c) + tens);
    axdr_emit_fields(o, head_field, COUNT(head_field), &h);
    axdr_emit_array(o, values_of(&c));
    for (unsigned i = 0; i < values_of(&c); i++) {
        axdr_emit_struct(o, 2);
        axdr_emit_octets(o, index, index_of(at->k, i, index));
        axdr_emit_i16(o, (int16_t)rounded(value_at(&c, i), tens));
    }
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
static int find_index(const struct charge *c, const uint8_t *p, size_t n)
{
    uint8_t index[INDEX_MAX];
    for (unsigned i = 0; i < values_of(c); i++)
        if (n == index_of(c->at->k, i, index) && (!n || !memcmp(p, index, n))) return (int)i;
    return -1;
}

/* Rows {index, 16 bits} at 10^scale. What stands, rounded, stays; of a debt only as it is
 * shown. */
static enum dar read_prices(struct axdr_in *in, struct charge *c, int scale)
{
    bool debt = is_debt(c->at);
    int tens = scale - own_scale(c), shown = tens_of(c);
    uint32_t rows = axdr_read_head(in, AXDR_ARRAY);
    if (in->bad) return DAR_TYPE;
    if (rows > values_of(c) || rows < debt || tens < 0 || tens > (debt ? 9 : 12))
        return DAR_OTHER;
    for (; rows; rows--) {
        size_t n = 0;
        axdr_read_struct(in, 2);
        const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
        int64_t v = axdr_read_int(in, AXDR_I16);
        if (in->bad) return DAR_TYPE;
        int i = find_index(c, p, n);
        if (i < 0) return DAR_OTHER;
        bool stands = v == rounded(value_at(c, (unsigned)i), tens) && (!debt || tens == shown);
        if (!stands && !put_value(c, (unsigned)i, v * power_of_ten(tens))) return DAR_OTHER;
    }
    return DAR_OK;
}

/* An instalment has no passive one: it is set at once. */
static enum dar write_passive(const struct charge *c)
{
    struct scheme was;
    enum scheme_fault fault;
    uint8_t body[2][SCHEME_BODY];
    if (!c->is_new) return DAR_OK;
    if (is_debt(c->at)) return param_set(c->m, c->at->who, c->param, c->debt);
    model_scheme(c->m, SCHEME_PASSIVE, &was);
    scheme_save(&c->s, body[0]);
    scheme_save(&was, body[1]);
    if (!memcmp(body[0], body[1], SCHEME_BODY)) return DAR_OK;
    return expense_scheme_set(c->m, c->at->who, &c->s, &fault);
}

static enum dar set_passive(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct charge c;
    struct head h, must;
    if (axdr_read_fields(in, head_field, COUNT(head_field), &h)) return DAR_TYPE;
    must = head_of(at, h.scale);
    if (h.units != must.units || h.class_id != must.class_id || h.attr != must.attr ||
        memcmp(&h.ln, &must.ln, sizeof h.ln) != 0)
        return DAR_OTHER;
    load(&c, app, at, SCHEME_PASSIVE);
    enum dar dar = read_prices(in, &c, h.scale);
    return dar == DAR_OK ? write_passive(&c) : dar;
}

/* At the scale of the passive table as it is shown; an instalment at its own, at once. */
static enum dar call_update(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    struct charge c;
    (void)ret;
    load(&c, app, at, SCHEME_PASSIVE);
    enum dar dar = read_prices(arg, &c, own_scale(&c) + tens_of(&c));
    return dar == DAR_OK ? write_passive(&c) : dar;
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

static bool is_timely(const struct charge *c)
{
    unsigned e = c->at->k;
    if (is_debt(c->at)) return debt_of(c->at) == DEBT_DAY;
    if (e == CHARGE_SERVICE || (e >= CHARGE_FIXED && e < CHARGE_LEVY)) return true;
    return e >= CHARGE_LEVY && e < CHARGE_VAT && c->s.levy[e - CHARGE_LEVY].kind == LEVY_MONTH;
}

static enum dar get_type(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct charge c;
    load(&c, app, at, SCHEME_ACTIVE);
    bool payment = is_debt(at) && debt_of(at) == DEBT_SHARE;
    return axdr_emit_enum(o, payment ? 2 : is_timely(&c));
}

static enum dar get_priority(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return axdr_emit_u8(o, (uint8_t)(at->k + 1));
}

/* A month has thirty days here; it ends with the billing period. */
static enum dar get_period(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct charge c;
    load(&c, app, at, SCHEME_ACTIVE);
    bool daily = is_debt(at) || (at->k >= CHARGE_FIXED && at->k < CHARGE_LEVY &&
                                 c.s.fixed[at->k - CHARGE_FIXED].kind == FIXED_DAY);
    return axdr_emit_u32(o, !is_timely(&c) ? 0 : daily ? DAY_S : MONTH_S);
}

static enum dar get_configuration(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct charge c;
    load(&c, app, at, SCHEME_ACTIVE);
    uint8_t bits =
        (uint8_t)((is_percentage(&c) ? PERCENTAGE : 0) | (is_debt(at) ? 0 : CONTINUOUS));
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
    struct charge c;
    load(&c, app, at, SCHEME_ACTIVE);
    return axdr_emit_u16(o, (uint16_t)(is_percentage(&c) ? value_at(&c, 0) : 0));
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
