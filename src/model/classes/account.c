/* account.c - classes 111 and 112: a wallet as the payment model of COSEM shows it.
 *
 * Amounts are what wallet_published() makes of them: 1e-3 kWh or 1e-2 of the currency, rounded
 * down. An account has one credit, the tokens bought; more come with rows.
 */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

enum { CREDIT_NEXT = 10 }; /* 0-0:19.10.e are the credits of 0-0:19.0.0, 19.11.e of 19.1.0 */
enum { PREPAYMENT = 2, IN_CREDIT = 0x80, OUT_OF_CREDIT = 0x02 };
enum { CURRENCY_NAME = 8 };
enum { UNIT_CONSUMPTION = 1, UNIT_MONETARY = 2 };
enum { CREDIT_ENABLED = 0, CREDIT_IN_USE = 3, CREDIT_EXHAUSTED = 4 };

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

static int32_t balance(void *app, const struct cosem_at *at)
{
    struct meter *m = meter_of(app);
    return wallet_published(m, wallet_of(at), wallet_balance(m, wallet_of(at)));
}

static enum dar get_zero(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_i32(o, 0);
    return DAR_OK;
}

static enum dar get_none(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_head(o, AXDR_ARRAY, 0);
    return DAR_OK;
}

/* -- account
 * --------------------------------------------------------------------------------------- */

static enum dar get_mode(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_enum(o, PREPAYMENT);
    axdr_emit_enum(o, at_wallet(app, at)->status);
    return DAR_OK;
}

static enum dar get_in_use(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_u8(o, 0);
    return DAR_OK;
}

static enum dar get_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t bits = balance(app, at) > 0 ? IN_CREDIT : OUT_OF_CREDIT;
    axdr_emit_bits(o, &bits, 8);
    return DAR_OK;
}

static enum dar get_available(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    int32_t v = balance(app, at);
    axdr_emit_i32(o, v > 0 ? v : 0);
    return DAR_OK;
}

static enum dar get_to_clear(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    int32_t v = balance(app, at);
    axdr_emit_i32(o, v < 0 ? v : 0);
    return DAR_OK;
}

static enum dar get_credits(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    axdr_emit_head(o, AXDR_ARRAY, 1);
    emit_ln(o, (uint8_t)(CREDIT_NEXT + wallet_of(at)), 0);
    return DAR_OK;
}

/* All of a token goes to the credit of tokens. */
static enum dar get_gateway(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    axdr_emit_head(o, AXDR_ARRAY, 1);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    emit_ln(o, (uint8_t)(CREDIT_NEXT + wallet_of(at)), 0);
    axdr_emit_u8(o, 100);
    return DAR_OK;
}

static enum dar get_opened(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    emit_moment(meter_of(app), o, (utc_t){ at_wallet(app, at)->opened_s });
    return DAR_OK;
}

static enum dar get_closed(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    emit_moment(meter_of(app), o, (utc_t){ at_wallet(app, at)->closed_s });
    return DAR_OK;
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
    axdr_emit_head(o, AXDR_STRUCTURE, 3);
    axdr_emit_string(o, AXDR_UTF8, name, n);
    axdr_emit_i8(o, money ? -2 : -3);
    axdr_emit_enum(o, money ? UNIT_MONETARY : UNIT_CONSUMPTION);
    return DAR_OK;
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
    if (!axdr_is_done(in)) return DAR_TYPE;
    if (n == 0 || n > CURRENCY_NAME || scale != (to_money ? -2 : -3)) return DAR_OTHER;
    if (!to_money && (unit != UNIT_CONSUMPTION || n != 3 || memcmp(name, "kWh", 3)))
        return DAR_OTHER;
    if (to_money != money) {
        int err = wallet_set_money(m, at->who, wallet_of(at), to_money);
        return err == E_BUSY || !err ? DAR_PENDING : dar_of(err);
    }
    uint8_t was[CURRENCY_NAME];
    bool stands = currency_name(m, money, was) == n && !memcmp(was, name, n);
    return stands ? DAR_OK : dar_of(param_write(m, at->who, PARAM_CURRENCY, name, n));
}

static enum dar get_word_zero(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_u16(o, 0);
    return DAR_OK;
}

static enum dar call_open(void *app, const struct cosem_at *at, struct axdr_in *arg,
                          struct cosem_ret *ret)
{
    (void)ret;
    if (!cosem_no_arg(arg)) return DAR_TYPE;
    return dar_of(wallet_open(meter_of(app), at->who, wallet_of(at)));
}

static enum dar call_close(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)ret;
    if (!cosem_no_arg(arg)) return DAR_TYPE;
    return dar_of(wallet_close(meter_of(app), at->who, wallet_of(at)));
}

static const struct cosem_attr account_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_mode },
    { .id = 3, .get = get_in_use },
    { .id = 4, .get = get_status },
    { .id = 5, .get = get_available },
    { .id = 6, .get = get_to_clear },
    { .id = 7, .get = get_zero },
    { .id = 8, .get = get_zero },
    { .id = 9, .get = get_credits },
    { .id = 10, .get = get_none },
    { .id = 11, .get = get_none },
    { .id = 12, .get = get_gateway },
    { .id = 13, .get = get_opened },
    { .id = 14, .get = get_closed },
    { .id = 15, .get = get_currency, .set = set_currency },
    { .id = 16, .get = get_zero },
    { .id = 17, .get = get_zero },
    { .id = 18, .get = get_word_zero },
    { .id = 19, .get = get_zero },
};
static const struct cosem_method account_method[] = {
    { .id = 1, .call = call_open },
    { .id = 2, .call = call_close },
};
const struct cosem_class class_account = { .id = 111,
                                           .n_attr = COUNT(account_attr),
                                           .n_method = COUNT(account_method),
                                           .attr = account_attr,
                                           .method = account_method };

/* -- credit
 * ---------------------------------------------------------------------------------------- */

static enum dar get_amount(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    axdr_emit_i32(o, balance(app, at));
    return DAR_OK;
}

static enum dar get_type(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_enum(o, 0); /* bought by tokens */
    return DAR_OK;
}

static enum dar get_priority(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_u8(o, 1);
    return DAR_OK;
}

static enum dar get_configuration(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    static const uint8_t takes_tokens = 0x08; /* bit 4 of five */
    (void)app, (void)at;
    axdr_emit_bits(o, &takes_tokens, 5);
    return DAR_OK;
}

static enum dar get_credit_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    bool used =
        at_wallet(app, at)->status == ACCOUNT_ACTIVE && wallet_is_used(m, wallet_of(at));
    bool turn = wallet_active(m) == wallet_of(at);
    bool empty = wallet_balance(m, wallet_of(at)) <= 0;
    axdr_emit_enum(o, !used   ? CREDIT_ENABLED
                      : empty ? CREDIT_EXHAUSTED
                      : turn  ? CREDIT_IN_USE
                              : CREDIT_ENABLED);
    return DAR_OK;
}

static enum dar get_period(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    emit_moment(meter_of(app), o, (utc_t){ 0 }); /* never again by itself */
    return DAR_OK;
}

static int64_t grains(struct meter *m, unsigned w, int32_t published)
{
    return published * (wallet_is_money(m, w) ? MONEY_UNIT / 100 : 1);
}

static enum dar call_update(void *app, const struct cosem_at *at, struct axdr_in *arg,
                            struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    int32_t v = axdr_read_i32(arg);
    (void)ret;
    if (!axdr_is_done(arg)) return DAR_TYPE;
    return dar_of(wallet_add(m, at->who, wallet_of(at), grains(m, wallet_of(at), v)));
}

static enum dar call_set(void *app, const struct cosem_at *at, struct axdr_in *arg,
                         struct cosem_ret *ret)
{
    struct meter *m = meter_of(app);
    unsigned w = wallet_of(at);
    int32_t v = axdr_read_i32(arg);
    (void)ret;
    if (!axdr_is_done(arg)) return DAR_TYPE;
    return dar_of(wallet_add(m, at->who, w, grains(m, w, v) - wallet_balance(m, w)));
}

static const struct cosem_attr credit_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_amount },
    { .id = 3, .get = get_type },
    { .id = 4, .get = get_priority },
    { .id = 5, .get = get_zero },
    { .id = 6, .get = get_zero },
    { .id = 7, .get = get_configuration },
    { .id = 8, .get = get_credit_status },
    { .id = 9, .get = get_zero },
    { .id = 10, .get = get_zero },
    { .id = 11, .get = get_period },
};
static const struct cosem_method credit_method[] = {
    { .id = 1, .call = call_update },
    { .id = 2, .call = call_set },
};
const struct cosem_class class_credit = { .id = 112,
                                          .n_attr = COUNT(credit_attr),
                                          .n_method = COUNT(credit_method),
                                          .attr = credit_attr,
                                          .method = credit_method };

/* -- what was bought, exact: Wh or 1e-9 currency; member WALLETS: which wallet pays now
 * ----------
 */
static enum dar get_sum(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    if (wallet_of(at) == WALLETS)
        axdr_emit_u8(o, (uint8_t)wallet_active(m));
    else
        axdr_emit_i64(o, at_wallet(app, at)->purchased);
    return DAR_OK;
}

static const struct cosem_attr sum_attr[] = {
    { .id = 1, .get = get_ln },
    { .id = 2, .get = get_sum },
};
const struct cosem_class class_wallet_sum = { .id = 1, .n_attr = 2, .attr = sum_attr };
