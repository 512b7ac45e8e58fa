/* account.c - classes 111 and 112: a wallet as the payment model of COSEM shows it.
 *
 * Amounts are what wallet_published() makes of them: 1e-3 kWh or 1e-2 of the currency, rounded
 * down.
 */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

/* 0-0:19.10.e are the credits of 0-0:19.0.0, 19.20.e its charges; 19.11.e, 19.21.e of 19.1.0. */
enum { CREDIT_NEXT = 10, CHARGE_NEXT = 20, CHARGES = 20 };
enum {
    IN_CREDIT = 0x80,
    LOW_CREDIT = 0x40,
    NEXT_ENABLED = 0x20,
    NEXT_SELECTABLE = 0x10,
    NEXT_SELECTED = 0x08,
    NEXT_IN_USE = 0x04,
    OUT_OF_CREDIT = 0x02
};
enum credit_kind {
    CREDIT_TOKEN,
    CREDIT_EMERGENCY,
    CREDIT_RESERVED,
    CREDIT_MONTH,
    CREDIT_LIFELINE,
    CREDITS
};
enum { CURRENCY_NAME = 8 };
enum { UNIT_CONSUMPTION = 1, UNIT_MONETARY = 2 };
enum { CREDIT_ENABLED, CREDIT_SELECTABLE, CREDIT_SELECTED, CREDIT_IN_USE, CREDIT_EXHAUSTED };

static unsigned wallet_of(const struct cosem_at *at)
{
    return at->row->bind.id;
}

static const struct wallet *at_wallet(void *app, const struct cosem_at *at)
{
    return &meter_of(app)->wallets.wallet[wallet_of(at)];
}

static void emit_ln(struct axdr_out *o, uint8_t d, uint8_t e)
{
    axdr_emit_octets(o, (uint8_t[]){ 0, 0, 19, d, e, 255 }, 6);
}

static int emit_amount(void *app, const struct cosem_at *at, struct axdr_out *o, int64_t v)
{
    return axdr_emit_i32(o, wallet_published(meter_of(app), wallet_of(at), v));
}

static uint8_t flags_of(void *app, const struct cosem_at *at)
{
    return at_wallet(app, at)->fund.flags;
}

static int emit_level(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_i32(
        o, meter_of(app)->wallets.watchman.level[wallet_of(at) * CREDIT_LEVELS].threshold);
}

/* Of this wallet: the parameter of the first is `first`. */
static struct setting setting(const struct cosem_at *at, unsigned first, uint8_t tag)
{
    return (struct setting){ (uint16_t)(first + wallet_of(at)), tag };
}

/* -- account ------------------------------------------------------------------------------- */

static enum dar get_mode(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_struct(o, 2);
    axdr_emit_enum(o, wallet_is_postpaid(meter_of(app)) ? MODE_POSTPAID : MODE_PREPAYMENT);
    return axdr_emit_enum(o, at_wallet(app, at)->status);
}

/* The mode, of the meter; a status is changed by methods alone. */
static enum dar set_mode(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    struct mode_change c = { .mode = 0 };
    axdr_read_struct(in, 2);
    c.mode = axdr_read_enum(in);
    uint8_t status = axdr_read_enum(in);
    if (in->bad) return DAR_TYPE;
    if (status != at_wallet(app, at)->status) return DAR_OTHER;
    if (c.mode == MODE_POSTPAID + !wallet_is_postpaid(m)) return DAR_OK;
    return credit_set_mode(m, at->who, &c);
}

/* By place in the list of credits. */
static enum dar get_in_use(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    unsigned w = wallet_of(at);
    bool empty = wallet_balance(m, w) <= 0;
    bool held = m->wallets.watchman.saved && wallet_active(m) == w;
    return axdr_emit_u8(o, !empty                             ? CREDIT_TOKEN
                           : credit_free(m, w, FREE_LIFELINE) ? CREDIT_LIFELINE
                           : credit_free(m, w, FREE_MONTH)    ? CREDIT_MONTH
                           : credit_emergency(m, w)           ? CREDIT_EMERGENCY
                           : held                             ? CREDIT_RESERVED
                                                              : CREDIT_TOKEN);
}

static enum dar get_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    unsigned w = wallet_of(at);
    bool own = credit_available(m, w) > 0, taken = flags_of(app, at) & FUND_SELECTED;
    bool left = credit_emergency(m, w) > 0;
    uint8_t bits = own || left ? IN_CREDIT : OUT_OF_CREDIT;
    if (at_wallet(app, at)->fund.level) bits |= LOW_CREDIT;
    if (credit_preset(m, w)) bits |= NEXT_ENABLED;
    if (credit_is_offered(m, w)) bits |= NEXT_SELECTABLE;
    if (taken && own) bits |= NEXT_SELECTED;
    if (left && !own) bits |= NEXT_IN_USE;
    return axdr_emit_bits(o, &bits, 8);
}

static enum dar get_available(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    int64_t v = credit_available(m, wallet_of(at));
    return emit_amount(app, at, o, (v > 0 ? v : 0) + credit_emergency(m, wallet_of(at)));
}

static enum dar get_to_clear(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_amount(app, at, o, -credit_to_clear(meter_of(app), wallet_of(at)));
}

static enum dar get_debt(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct debt *d = at_wallet(app, at)->debt;
    return emit_amount(app, at, o, d[DEBT_DAY].remaining + d[DEBT_SHARE].remaining);
}

static int emit_names(struct axdr_out *o, unsigned d, unsigned n)
{
    axdr_emit_array(o, n);
    for (unsigned e = 0; e < n; e++) emit_ln(o, (uint8_t)d, (uint8_t)e);
    return 0;
}

static enum dar get_credits(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_names(o, CREDIT_NEXT + wallet_of(at), CREDITS);
}

static enum dar get_charges(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_names(o, CHARGE_NEXT + wallet_of(at), CHARGES);
}

/* Which parameter says when a charge is taken; energy and what stands on it always is. */
static uint16_t collection_param(unsigned e)
{
    if (e >= CHARGE_FIXED && e < CHARGE_FIXED + SCHEME_FIXEDS) return PARAM_COLLECT_FIXED;
    return e >= SCHEME_CHARGES ? PARAM_COLLECT_DEBT : 0;
}

static uint32_t collection_of(void *app, unsigned e)
{
    uint16_t param = collection_param(e);
    return param ? (uint32_t)param_get(meter_of(app), param) : 7;
}

static enum dar get_collection(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    unsigned w = wallet_of(at);
    axdr_emit_array(o, CHARGES);
    for (unsigned e = 0; e < CHARGES; e++) {
        axdr_emit_struct(o, 3);
        emit_ln(o, (uint8_t)(CREDIT_NEXT + w), 0);
        emit_ln(o, (uint8_t)(CHARGE_NEXT + w), (uint8_t)e);
        emit_flags(o, collection_of(app, e), 3);
    }
    return DAR_OK;
}

/* All rows, in order; fixed charges have one configuration, debts another, the rest has none of
 * its own. */
static enum dar set_collection(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct param_value v[] = { { PARAM_COLLECT_FIXED, -1 }, { PARAM_COLLECT_DEBT, -1 } };
    bool fits = true;
    if (axdr_read_head(in, AXDR_ARRAY) != CHARGES) return in->bad ? DAR_TYPE : DAR_OTHER;
    for (unsigned e = 0; e < CHARGES; e++) {
        uint8_t ln[2][6];
        axdr_read_struct(in, 3);
        axdr_read_octets(in, ln[0], 6);
        axdr_read_octets(in, ln[1], 6);
        int32_t says = (int32_t)read_flags(in, 3);
        if (in->bad) return DAR_TYPE;
        fits &= ln[0][3] == CREDIT_NEXT + wallet_of(at) && ln[0][4] == 0 &&
                ln[1][3] == CHARGE_NEXT + wallet_of(at) && ln[1][4] == e;
        struct param_value *of = collection_param(e) == PARAM_COLLECT_DEBT ? &v[1] : &v[0];
        fits &= collection_param(e) ? of->value < 0 || of->value == says : says == 7;
        if (collection_param(e)) of->value = says;
    }
    if (in->bad) return DAR_TYPE;
    return fits ? param_set_all(meter_of(app), at->who, v, 2) : DAR_OTHER;
}

/* All of a token goes to the credit of tokens. */
static enum dar get_gateway(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    axdr_emit_array(o, 1);
    axdr_emit_struct(o, 2);
    emit_ln(o, (uint8_t)(CREDIT_NEXT + wallet_of(at)), 0);
    return axdr_emit_u8(o, 100);
}

static enum dar get_opened(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_moment(meter_of(app), o, (utc_t){ at_wallet(app, at)->opened_s });
}

static enum dar get_closed(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_moment(meter_of(app), o, (utc_t){ at_wallet(app, at)->closed_s });
}

/* What the amounts are in, or the code of ISO 4217 for no currency. */
static size_t currency_name(struct meter *m, bool money, uint8_t name[CURRENCY_NAME])
{
    int n = money ? param_read(m, PARAM_CURRENCY, name, CURRENCY_NAME) : 0;
    if (n > 0) return (size_t)n;
    memcpy(name, money ? (const char[]){ 'X', 'X', 'X' } : "kWh", 3);
    return 3;
}

static enum dar get_currency(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    bool money = wallet_is_money(m, wallet_of(at));
    uint8_t name[CURRENCY_NAME];
    size_t n = currency_name(m, money, name);
    axdr_emit_struct(o, 3);
    axdr_emit_string(o, AXDR_UTF8, name, n);
    axdr_emit_i8(o, money ? -2 : -3);
    return axdr_emit_enum(o, money ? UNIT_MONETARY : UNIT_CONSUMPTION);
}

/* A wallet that was never used may become one of the other kind; scales follow from that. The
 * name is the second of two changes then. */
static enum dar set_currency(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    bool money = wallet_is_money(m, wallet_of(at));
    size_t n = 0;
    axdr_read_struct(in, 3);
    const uint8_t *name = axdr_read_string(in, AXDR_UTF8, &n);
    int8_t scale = axdr_read_i8(in);
    uint8_t unit = axdr_read_enum(in);
    bool to_money = unit == UNIT_MONETARY;
    if (in->bad) return DAR_TYPE;
    if (n == 0 || n > CURRENCY_NAME || scale != (to_money ? -2 : -3)) return DAR_OTHER;
    if (!to_money && (unit != UNIT_CONSUMPTION || n != 3 || memcmp(name, "kWh", 3)))
        return DAR_OTHER;
    if (to_money != money) {
        int err = wallet_set_money(m, at->who, wallet_of(at), to_money);
        return err == E_BUSY || !err ? DAR_PENDING : err;
    }
    uint8_t was[CURRENCY_NAME];
    bool stands = currency_name(m, money, was) == n && !memcmp(was, name, n);
    return stands ? DAR_OK : param_write(m, at->who, PARAM_CURRENCY, name, n);
}

static enum dar call_open(void *app, const struct cosem_at *at, struct axdr_in *arg,
                          struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    return wallet_open(meter_of(app), at->who, wallet_of(at));
}

static enum dar call_close(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    return wallet_close(meter_of(app), at->who, wallet_of(at));
}

static enum dar call_reset(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    return wallet_reset(meter_of(app), at->who, wallet_of(at));
}

static enum dar get_warning(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_level(app, at, o);
}

static enum dar get_next(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_setting(app, o, setting(at, PARAM_EMERGENCY_1_BELOW, AXDR_I32));
}

const struct cosem_attr account_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_mode, .set = set_mode },
    [COSEM_ATTR(3)] = { .get = get_in_use },
    [COSEM_ATTR(4)] = { .get = get_status },
    [COSEM_ATTR(5)] = { .get = get_available },
    [COSEM_ATTR(6)] = { .get = get_to_clear },
    [COSEM_ATTR(7)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(8)] = { .get = get_debt },
    [COSEM_ATTR(9)] = { .get = get_credits },
    [COSEM_ATTR(10)] = { .get = get_charges },
    [COSEM_ATTR(11)] = { .get = get_collection, .set = set_collection },
    [COSEM_ATTR(12)] = { .get = get_gateway },
    [COSEM_ATTR(13)] = { .get = get_opened },
    [COSEM_ATTR(14)] = { .get = get_closed },
    [COSEM_ATTR(15)] = { .get = get_currency, .set = set_currency },
    [COSEM_ATTR(16)] = { .get = get_warning },
    [COSEM_ATTR(17)] = { .get = get_next },
    [COSEM_ATTR(18)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(19)] = { .get = get_shown, .set = set_shown },
};
const struct cosem_method account_method[] = {
    [COSEM_METHOD(1)] = { .call = call_open, .ret = &cosem_order },
    [COSEM_METHOD(2)] = { .call = call_close, .ret = &cosem_order },
    [COSEM_METHOD(3)] = { .call = call_reset, .ret = &cosem_order },
};

/* -- credit -------------------------------------------------------------------------------- */

/* Bits of the configuration: visual indication, confirmation, to be paid back, takes tokens. */
static const struct {
    uint8_t type, priority, configuration;
} kinds[CREDITS] = {
    [CREDIT_TOKEN] = { 0, 1, 0x08 },    [CREDIT_EMERGENCY] = { 2, 4, 0xE0 },
    [CREDIT_RESERVED] = { 1, 5, 0xA0 }, [CREDIT_MONTH] = { 3, 3, 0 },
    [CREDIT_LIFELINE] = { 4, 2, 0 },
};

static enum credit_kind kind_of(const struct cosem_at *at)
{
    return (enum credit_kind)(at->row->bind.arg + at->k);
}

static int64_t amount_of(void *app, const struct cosem_at *at)
{
    struct meter *m = meter_of(app);
    unsigned w = wallet_of(at);
    int64_t balance = wallet_balance(m, w), available = credit_available(m, w);
    switch (kind_of(at)) {
    case CREDIT_TOKEN:
        return balance > 0 ? balance : available < 0 ? available : 0;
    case CREDIT_EMERGENCY:
        return flags_of(app, at) & FUND_SELECTED ? credit_emergency(m, w) : credit_preset(m, w);
    case CREDIT_RESERVED:
        return credit_reserved(m, w);
    case CREDIT_MONTH:
        return credit_free(m, w, FREE_MONTH);
    case CREDIT_LIFELINE:
        return credit_free(m, w, FREE_LIFELINE);
    case CREDITS:
        break;
    }
    return 0;
}

static enum dar get_amount(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_amount(app, at, o, amount_of(app, at));
}

static enum dar get_type(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return axdr_emit_enum(o, kinds[kind_of(at)].type);
}

static enum dar get_priority(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return axdr_emit_u8(o, kinds[kind_of(at)].priority);
}

static enum dar get_threshold(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    if (kind_of(at) == CREDIT_TOKEN) return emit_level(app, at, o);
    return axdr_emit_i32(o, 0);
}

static enum dar set_threshold(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct meter *m = meter_of(app);
    struct level_row row[LEVEL_ROWS];
    memcpy(row, m->wallets.watchman.level, sizeof row);
    row[wallet_of(at) * CREDIT_LEVELS].threshold = axdr_read_i32(in);
    if (in->bad) return DAR_TYPE;
    if (kind_of(at) != CREDIT_TOKEN)
        return row[wallet_of(at) * CREDIT_LEVELS].threshold ? DAR_OTHER : DAR_OK;
    return credit_set_levels(m, at->who, row);
}

static enum dar get_limit(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    bool reserved = kind_of(at) == CREDIT_RESERVED;
    return axdr_emit_i32(o, reserved ? -param_get(meter_of(app), PARAM_FRIENDLY_DEBT) : 0);
}

static enum dar set_limit(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    if (kind_of(at) != CREDIT_RESERVED) return set_shown(app, at, in);
    int64_t v = -(int64_t)axdr_read_i32(in);
    if (in->bad) return DAR_TYPE;
    if (v > INT32_MAX) return DAR_OTHER;
    return param_set(meter_of(app), at->who, PARAM_FRIENDLY_DEBT, (int32_t)v);
}

static enum dar get_configuration(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t bits = kinds[kind_of(at)].configuration;
    if (kind_of(at) == CREDIT_EMERGENCY &&
        param_get(meter_of(app), setting(at, PARAM_EMERGENCY_1_AUTO, 0).id))
        bits &= (uint8_t)~0x40;
    return axdr_emit_bits(o, &bits, 5);
}

static unsigned token_status(struct meter *m, unsigned w)
{
    if (wallet_balance(m, w) <= 0) return CREDIT_EXHAUSTED;
    return wallet_active(m) == w ? CREDIT_IN_USE : CREDIT_ENABLED;
}

static unsigned emergency_status(struct meter *m, unsigned w)
{
    if (!(m->wallets.wallet[w].fund.flags & FUND_SELECTED))
        return credit_is_offered(m, w) ? CREDIT_SELECTABLE : CREDIT_ENABLED;
    if (!credit_emergency(m, w)) return CREDIT_EXHAUSTED;
    return credit_available(m, w) <= 0 ? CREDIT_IN_USE : CREDIT_SELECTED;
}

static unsigned status_of(void *app, const struct cosem_at *at)
{
    struct meter *m = meter_of(app);
    unsigned w = wallet_of(at);
    if (!wallet_is_open(m, w)) return CREDIT_ENABLED;
    if (kind_of(at) == CREDIT_TOKEN) return token_status(m, w);
    if (kind_of(at) == CREDIT_EMERGENCY) return emergency_status(m, w);
    if (amount_of(app, at) == 0) return CREDIT_EXHAUSTED;
    if (kind_of(at) == CREDIT_RESERVED)
        return m->wallets.watchman.saved && wallet_active(m) == w ? CREDIT_IN_USE
                                                                  : CREDIT_ENABLED;
    return wallet_balance(m, w) <= 0 ? CREDIT_IN_USE : CREDIT_ENABLED;
}

static enum dar get_credit_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_enum(o, (uint8_t)status_of(app, at));
}

/* Free credit comes with the first of each month, others never by themselves. */
static enum dar get_period(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint8_t monthly[12] = { 0xFF, 0xFF, 0xFF, 1, 0xFF, 0, 0, 0, 0, 0x80, 0, 0xFF };
    if (kind_of(at) == CREDIT_MONTH || kind_of(at) == CREDIT_LIFELINE)
        return axdr_emit_octets(o, monthly, sizeof monthly);
    return emit_moment(meter_of(app), o, (utc_t){ 0 });
}

static enum dar call_update(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    int32_t v = axdr_read_i32(arg);
    (void)ret;
    if (arg->bad) return DAR_TYPE;
    if (kind_of(at) != CREDIT_TOKEN) return DAR_OTHER;
    return wallet_add(m, at->who, wallet_of(at), wallet_grains(m, wallet_of(at), v));
}

static enum dar call_set(void *app, const struct cosem_at *at, struct axdr_in *arg,
                         struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    unsigned w = wallet_of(at);
    int32_t v = axdr_read_i32(arg);
    (void)ret;
    if (arg->bad) return DAR_TYPE;
    if (kind_of(at) != CREDIT_TOKEN) return DAR_OTHER;
    return wallet_add(m, at->who, w, wallet_grains(m, w, v) - wallet_balance(m, w));
}

static enum dar call_invoke(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    if (kind_of(at) != CREDIT_EMERGENCY) return DAR_OTHER;
    return credit_take_emergency(meter_of(app), at->who, wallet_of(at));
}

const struct cosem_attr credit_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_amount },
    [COSEM_ATTR(3)] = { .get = get_type },
    [COSEM_ATTR(4)] = { .get = get_priority },
    [COSEM_ATTR(5)] = { .get = get_threshold, .set = set_threshold },
    [COSEM_ATTR(6)] = { .get = get_limit, .set = set_limit },
    [COSEM_ATTR(7)] = { .get = get_configuration },
    [COSEM_ATTR(8)] = { .get = get_credit_status },
    [COSEM_ATTR(9)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(10)] = { .get = get_shown, .set = set_shown },
    [COSEM_ATTR(11)] = { .get = get_period },
};
const struct cosem_method credit_method[] = {
    [COSEM_METHOD(1)] = { .call = call_update },
    [COSEM_METHOD(2)] = { .call = call_set },
    [COSEM_METHOD(3)] = { .call = call_invoke, .ret = &cosem_order },
};

/* -- what was bought, exact: Wh or 1e-9 currency; member WALLETS: which wallet pays now ---- */
static enum dar get_sum(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    if (wallet_of(at) == WALLETS) return axdr_emit_u8(o, (uint8_t)wallet_active(m));
    return axdr_emit_i64(o, at_wallet(app, at)->purchased);
}

const struct cosem_attr wallet_sum_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_sum },
};
