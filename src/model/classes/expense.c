/* expense.c - the tariff scheme and what it comes to: objects 0-0:96.60.x, class 1. */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"
#include "model/scheme.h"

/* -- a scheme, as {name, steps, service, fixed, levy, vat, subsidy} ------------------------ */
/* The tables of a scheme, in the order of 0-0:96.60.3 to .8; behind the first, of the whole. */
static const struct axdr_field tables[] = {
    AXDR_ROWS(3, struct scheme, step, steps),
    AXDR_NESTED(2),
    AXDR_FIELD(U32, struct price_step, limit_wh),
    AXDR_FIELD(BOOL, struct price_step, rerate),
    AXDR_ROWS(3, struct scheme, service, services),
    AXDR_NESTED(2),
    AXDR_FIELD(U32, struct price_service, limit_kwh),
    AXDR_FIELD(I64, struct price_service, amount),
    AXDR_ALL_ROWS(3, struct scheme, fixed),
    AXDR_NESTED(2),
    AXDR_ENUM_TO(UINT8_MAX, struct price_fixed, kind),
    AXDR_FIELD(I64, struct price_fixed, amount),
    AXDR_ALL_ROWS(6, struct scheme, levy),
    AXDR_NESTED(5),
    AXDR_ENUM_TO(UINT8_MAX, struct price_levy, kind),
    AXDR_FIELD(I64, struct price_levy, value),
    AXDR_FIELD(U32, struct price_levy, base),
    AXDR_FIELD(U32, struct price_levy, min_kwh),
    AXDR_FIELD(U32, struct price_levy, max_kwh),
    AXDR_ALL_ROWS(3, struct scheme, vat),
    AXDR_NESTED(2),
    AXDR_FIELD(U16, struct price_vat, rate),
    AXDR_FIELD(U32, struct price_vat, base),
    AXDR_ALL_ROWS(8, struct scheme, subsidy),
    AXDR_NESTED(7),
    AXDR_ENUM_TO(UINT8_MAX, struct price_subsidy, kind),
    AXDR_FIELD(I64, struct price_subsidy, value),
    AXDR_FIELD(U32, struct price_subsidy, base),
    AXDR_FIELD(U32, struct price_subsidy, from_kwh),
    AXDR_FIELD(U32, struct price_subsidy, to_kwh),
    AXDR_FIELD(U32, struct price_subsidy, eligible_kwh),
    AXDR_FIELD(BOOL, struct price_subsidy, claw_back),
};

static const uint8_t table_at[] = { 0, 5, 10, 15, 23, 28, COUNT(tables) }; /* rows of tables */
enum { BEHIND_STEPS = 5 };

/* One price where all tariffs have the same: a request must fit a small buffer. */
static unsigned prices_of(const struct price_step *step)
{
    unsigned n = TARIFFS;
    while (n > 1 && step->price[n - 1] == step->price[n - 2]) n--;
    return n;
}

static void emit_steps(struct axdr_out *o, const struct scheme *s)
{
    axdr_emit_array(o, s->steps);
    for (unsigned i = 0; i < s->steps; i++) {
        unsigned n = prices_of(&s->step[i]);
        axdr_emit_struct(o, 3);
        axdr_emit_u32(o, s->step[i].limit_wh);
        axdr_emit_array(o, n);
        for (unsigned t = 0; t < n; t++) axdr_emit_u32(o, s->step[i].price[t]);
        axdr_emit_bool(o, s->step[i].rerate);
    }
}

int emit_scheme(struct axdr_out *o, const struct scheme *s)
{
    size_t n = 0;
    while (n < sizeof s->name && s->name[n]) n++;
    axdr_emit_struct(o, 7);
    axdr_emit_octets(o, s->name, n);
    emit_steps(o, s);
    return axdr_emit_fields(o, tables + BEHIND_STEPS, COUNT(tables) - BEHIND_STEPS, s);
}

/* A count of rows, at most max; bad beyond. */
static unsigned rows_of(struct axdr_in *in, unsigned max)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (n > max) in->bad = true;
    return in->bad ? 0 : n;
}

static void read_steps(struct axdr_in *in, struct scheme *s)
{
    s->steps = (uint8_t)rows_of(in, SCHEME_STEPS);
    for (unsigned i = 0; i < s->steps; i++) {
        struct price_step *x = &s->step[i];
        axdr_read_struct(in, 3);
        x->limit_wh = axdr_read_u32(in);
        unsigned n = rows_of(in, TARIFFS);
        if (!n) in->bad = true;
        for (unsigned t = 0; t < TARIFFS; t++)
            x->price[t] = t < n ? axdr_read_u32(in) : t ? x->price[t - 1] : 0;
        x->rerate = axdr_read_bool(in);
    }
}

void model_scheme(struct meter *m, enum scheme_side side, struct scheme *s)
{
    if (expense_scheme_get(m, side, s)) memset(s, 0, sizeof *s);
}

static enum dar get_scheme(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct scheme s;
    model_scheme(meter_of(app), (enum scheme_side)at->row->bind.id, &s);
    return emit_scheme(o, &s);
}

/* A scheme without a step takes the passive one away by nothing but not being one: as it
 * stands, when there is none. */
static enum dar set_scheme(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct scheme s, was;
    enum scheme_fault fault;
    size_t n = 0;
    memset(&s, 0, sizeof s);
    axdr_read_struct(in, 7);
    const uint8_t *name = axdr_read_string(in, AXDR_OCTETS, &n);
    read_steps(in, &s);
    (void)axdr_read_fields(in, tables + BEHIND_STEPS, COUNT(tables) - BEHIND_STEPS, &s);
    if (in->bad) return DAR_TYPE;
    if (n > sizeof s.name) return DAR_OTHER;
    if (n) memcpy(s.name, name, n);
    uint8_t body[2][SCHEME_BODY];
    model_scheme(meter_of(app), SCHEME_PASSIVE, &was);
    scheme_save(&s, body[0]);
    scheme_save(&was, body[1]);
    if (!memcmp(body[0], body[1], SCHEME_BODY)) return DAR_OK;
    return expense_scheme_set(meter_of(app), at->who, &s, &fault);
}

const struct cosem_attr scheme_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_scheme },
};
const struct cosem_attr scheme_passive_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_scheme, .set = set_scheme },
};

/* -- its tables, one by one ---------------------------------------------------------------- */

static enum dar get_part(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const uint8_t *f = &table_at[at->k];
    struct scheme s;
    model_scheme(meter_of(app), SCHEME_ACTIVE, &s);
    return axdr_emit_fields(o, &tables[f[0]], (size_t)f[1] - f[0], &s);
}

const struct cosem_attr scheme_part_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_part },
};

/* -- when the passive one comes into force ------------------------------------------------- */
static const struct setting scheme_at = { PARAM_SCHEME_AT_S, AXDR_DATETIME };

enum dar get_scheme_time(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_setting(app, o, scheme_at);
}

enum dar set_scheme_time(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_setting(app, at, in, scheme_at);
}

/* -- what it comes to: amounts in 1e-6 of the currency, rounded down ----------------------- */
static int64_t micro(int64_t nano)
{
    return nano / 1000 - (nano % 1000 < 0);
}

static int emit_list(struct axdr_out *o, const struct bill *b, unsigned first, unsigned n)
{
    axdr_emit_array(o, n);
    for (unsigned i = 0; i < n; i++) axdr_emit_i64(o, micro(b->charge[first + i].nano));
    return 0;
}

static enum dar get_month(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct bill b = { .total = { 0, 0 } };
    int w = expense_wallet(meter_of(app));
    if (w >= 0) expense_bill(meter_of(app), (unsigned)w, &b);
    static const uint8_t list[][2] = { [2] = { CHARGE_FIXED, SCHEME_FIXEDS },
                                       [3] = { CHARGE_LEVY, SCHEME_LEVIES },
                                       [4] = { CHARGE_VAT, SCHEME_VATS },
                                       [5] = { CHARGE_SUBSIDY, SCHEME_SUBSIDIES } };
    if (at->k >= 2 && at->k <= 5) return emit_list(o, &b, list[at->k][0], list[at->k][1]);
    return axdr_emit_i64(o, micro(at->k == 0   ? b.energy.nano
                                  : at->k == 1 ? b.service.nano
                                               : b.total.nano));
}

const struct cosem_attr month_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_month },
};

int64_t model_charged_at(struct meter *m, unsigned w, enum billing which, unsigned back)
{
    struct billing_row row;
    struct billing_span s = billing_span(m, which);
    if (s.next - s.first < back || billing_read(m, which, s.next - back, &row) < 0) return 0;
    return row.expense[w].charged;
}

/* Today, or the day before it. */
static int64_t of_day(struct meter *m, unsigned w, bool before)
{
    int64_t midnight = model_charged_at(m, w, BILLING_DAILY, 1);
    return before ? midnight - model_charged_at(m, w, BILLING_DAILY, 2)
                  : wallet_collected(m, w) - midnight;
}

static int64_t last_month(struct meter *m, unsigned w)
{
    struct billing_row row;
    struct billing_span s = billing_span(m, BILLING_MONTHLY);
    if (s.first == s.next || billing_read(m, BILLING_MONTHLY, s.next - 1, &row) < 0) return 0;
    const struct expense_row *x = &row.expense[w];
    return x->energy + x->service + x->fixed + x->levy + x->vat - x->subsidy;
}

/* What an hour at this power costs, 1e-6; it stays at the most that the object can say. */
static uint32_t hourly(int64_t w, uint32_t price)
{
    uint64_t cost = w > 0 ? (uint64_t)w * price / 1000 : 0;
    return cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
}

static enum dar get_now(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    struct month_usage u = { .days = 0 };
    int w = expense_wallet(m);
    unsigned tariff = (unsigned)m->now.quantity[VAL_TARIFF] - 1, step = 0;
    uint32_t price = 0;
    bool both = wallet_basis(m) == REG_WH_ABS;
    int64_t w_now = reg_at(&m->now, both ? REG_P_ABS : REG_P_IMPORT);
    if (w >= 0) expense_usage(m, (unsigned)w, &u);
    if (w >= 0 && m->expense.has) {
        step = scheme_step(&m->expense.scheme, usage_wh(&u)) + 1;
        price = m->expense.scheme.step[step - 1].price[tariff];
    }
    switch (at->row->bind.id) {
    case 10:
        return axdr_emit_u8(o, (uint8_t)step);
    case 11:
        return axdr_emit_u32(o, price);
    case 12:
        return axdr_emit_u32(o, hourly(w_now, price));
    case 13:
        return axdr_emit_enum(o, m->expense.refused);
    case 30:
        return axdr_emit_i64(o, w < 0 ? 0 : micro(last_month(m, (unsigned)w)));
    default:
        return axdr_emit_i64(o,
                             w < 0 ? 0 : micro(of_day(m, (unsigned)w, at->row->bind.id == 33)));
    }
}

const struct cosem_attr expense_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_now },
};
