/* Accounts, credits and charges by DLMS: what they show, what is taken, what is refused; the mode
 * by SET and by date; days left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "desk.h"
#include "meter/display/sum.h"
#include "schemes.h"

#define T0 INT64_C(1767225600) /* 2026-01-01 */
#define DAY 86400

static struct desk *k;
static uint8_t octets[2048];
static struct desk_value got;
static const struct who client = { .sap = 1, .link = LINK_OPTICAL, .assoc = ROLE_MANAGEMENT };

static int setup(void **state)
{
    (void)state;
    k = desk_new(T0);
    k->metered = true;
    desk_run_s(k, 5);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_free(k);
    return 0;
}

static struct axdr_in get(uint16_t cls, const char *ln, uint8_t attr)
{
    got = (struct desk_value){ octets, sizeof octets };
    assert_int_equal(desk_get(k, ROLE_READER, cls, desk_ln(ln), attr, NULL, 0, &got), DAR_OK);
    return axdr_in(got.p, got.n);
}

static int64_t number(uint16_t cls, const char *ln, uint8_t attr)
{
    struct axdr_in in = get(cls, ln, attr);
    int64_t v = axdr_read_number(&in, NULL);
    assert_true(axdr_is_done(&in));
    return v;
}

static enum dar put(uint8_t role, uint16_t cls, const char *ln, uint8_t attr,
                    const struct axdr_out *o)
{
    enum dar dar = desk_set(k, role, cls, desk_ln(ln), attr, o->buf, o->len, 0);
    desk_settle(k);
    return dar;
}

static enum dar call(uint16_t cls, const char *ln, uint8_t method, const struct axdr_out *o)
{
    enum dar dar =
        desk_call(k, ROLE_MANAGEMENT, cls, desk_ln(ln), method, o->buf, o->len, NULL);
    desk_settle(k);
    return dar;
}

static enum dar call_i32(uint16_t cls, const char *ln, uint8_t method, int32_t v)
{
    uint8_t b[8];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_i32(&o, v);
    return call(cls, ln, method, &o);
}

static enum dar call_none(uint16_t cls, const char *ln, uint8_t method)
{
    uint8_t b[8];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_i8(&o, 0);
    return call(cls, ln, method, &o);
}

static enum dar put_i32(uint16_t cls, const char *ln, uint8_t attr, int32_t v)
{
    uint8_t b[8];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_i32(&o, v);
    return put(ROLE_MANAGEMENT, cls, ln, attr, &o);
}

static void use_scheme(const struct scheme *s)
{
    enum scheme_fault fault;
    desk_settle(k);
    assert_int_equal(expense_scheme_set(&k->d.meter, &client, s, &fault), 0);
    desk_settle(k);
    assert_int_equal(expense_activate(&k->d.meter, &client), 0);
    desk_settle(k);
}

static const struct scheme *one_a_kwh(void)
{
    static struct scheme s = { .name = "one", .steps = 1 };
    for (unsigned t = 0; t < TARIFFS; t++) s.step[0].price[t] = 1000000;
    return &s;
}

static void wh(uint32_t energy)
{
    k->p_mw = 3600000;
    desk_run_s(k, energy);
    k->p_mw = 0;
}

static unsigned logged(uint16_t code)
{
    struct event_span s = event_span(&k->d.meter, LOG_PREPAYMENT);
    struct event_row row;
    unsigned n = 0;
    for (uint32_t i = s.first; i < s.next; i++)
        n += event_read(&k->d.meter, LOG_PREPAYMENT, i, &row) == 0 && row.code == code;
    return n;
}

/* -- charges ------------------------------------------------------------------------------- */

/* Head of a5 and a6: the scale; in stands at the first row then. */
static int scale_of(struct axdr_in *in, unsigned *rows)
{
    uint8_t ln[6];
    axdr_read_struct(in, 3);
    axdr_read_struct(in, 2);
    axdr_read_i8(in);
    int scale = axdr_read_i8(in);
    axdr_read_struct(in, 3);
    axdr_read_u16(in);
    axdr_read_octets(in, ln, 6);
    axdr_read_i8(in);
    *rows = axdr_read_head(in, AXDR_ARRAY);
    assert_false(in->bad);
    return scale;
}

static int row_of(struct axdr_in *in, uint8_t index[2])
{
    size_t n = 0;
    axdr_read_struct(in, 2);
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    for (unsigned i = 0; i < 2; i++) index[i] = i < n ? p[i] : 0;
    return (int)axdr_read_int(in, AXDR_I16);
}

static void prices_are_shown_rounded(void **state)
{
    (void)state;
    uint8_t index[2];
    unsigned rows;
    use_scheme(schemes_ghana_2025()); /* 1.801867 to 300 kWh, 2.380873 */
    struct axdr_in in = get(113, "0-0:19.21.0", 5);
    assert_int_equal(scale_of(&in, &rows), -4);
    assert_int_equal(rows, schemes_ghana_2025()->steps * TARIFFS);
    assert_int_equal(row_of(&in, index), 18019);
    assert_int_equal(index[0] << 8 | index[1], 0x0101);
    for (unsigned i = 1; i < TARIFFS; i++) row_of(&in, index);
    assert_int_equal(row_of(&in, index), 23809);
    assert_int_equal(index[0] << 8 | index[1], 0x0201);
    assert_int_equal(number(113, "0-0:19.21.0", 4), 1);
    in = get(113, "0-0:19.21.0", 9);
    assert_int_equal(got.p[2], 0x40); /* continuous */
}

static void emit_prices(struct axdr_out *o, int scale, uint8_t step, uint8_t tariff, int16_t v)
{
    static const uint8_t energy[6] = { 1, 0, 1, 8, 0, 255 };
    axdr_emit_head(o, AXDR_STRUCTURE, 3);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_i8(o, 3);
    axdr_emit_i8(o, (int8_t)scale);
    axdr_emit_head(o, AXDR_STRUCTURE, 3);
    axdr_emit_u16(o, 3);
    axdr_emit_octets(o, energy, 6);
    axdr_emit_i8(o, 2);
    axdr_emit_head(o, AXDR_ARRAY, 1);
    axdr_emit_head(o, AXDR_STRUCTURE, 2);
    axdr_emit_octets(o, (uint8_t[]){ step, tariff }, 2);
    axdr_emit_i16(o, v);
}

/* One price of the passive scheme; the others keep every digit. What is not right changes
 * nothing. */
static void a_price_is_written(void **state)
{
    (void)state;
    uint8_t b[100];
    struct scheme s;
    enum scheme_fault fault;
    assert_int_equal(expense_scheme_set(&k->d.meter, &client, schemes_ghana_2025(), &fault), 0);
    desk_settle(k);
    struct axdr_out o = axdr_out(b, sizeof b);
    emit_prices(&o, -4, 2, 3, 12345);
    assert_int_equal(put(ROLE_OPERATOR, 113, "0-0:19.21.0", 6, &o), DAR_DENIED);
    assert_int_equal(put(ROLE_SUPERVISOR, 113, "0-0:19.21.0", 6, &o), DAR_OK);
    assert_int_equal(expense_scheme_get(&k->d.meter, SCHEME_PASSIVE, &s), 0);
    assert_int_equal(s.step[1].price[2], 1234500);
    assert_int_equal(s.step[1].price[1], 2380873);
    static const struct {
        int scale;
        uint8_t step, tariff;
        int16_t v;
    } wrong[] = {
        { -7, 1, 1, 1 }, { -4, 9, 1, 1 }, { -4, 1, 9, 1 }, { -4, 1, 1, -1 }, { 0, 1, 1, 32767 }
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct scheme is;
        o = axdr_out(b, sizeof b);
        emit_prices(&o, wrong[i].scale, wrong[i].step, wrong[i].tariff, wrong[i].v);
        assert_int_equal(put(ROLE_SUPERVISOR, 113, "0-0:19.21.0", 6, &o), DAR_OTHER);
        assert_int_equal(expense_scheme_get(&k->d.meter, SCHEME_PASSIVE, &is), 0);
        assert_memory_equal(&is, &s, sizeof is);
    }
    assert_int_equal(call_none(113, "0-0:19.21.0", 2), DAR_OK); /* in force */
    assert_int_equal(k->d.meter.expense.scheme.step[1].price[2], 1234500);
    assert_int_equal(call_none(113, "0-0:19.21.0", 3), DAR_OTHER); /* nothing to collect */
    assert_int_equal(call_i32(113, "0-0:19.21.0", 5, 100), DAR_OTHER);
}

/* VAT is a percentage, as its proportion says; an update is at the scale that is shown. */
static void a_rate_is_updated(void **state)
{
    (void)state;
    uint8_t b[40];
    struct scheme s;
    enum scheme_fault fault;
    assert_int_equal(expense_scheme_set(&k->d.meter, &client, schemes_full(), &fault), 0);
    desk_settle(k);
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_head(&o, AXDR_ARRAY, 1);
    axdr_emit_head(&o, AXDR_STRUCTURE, 2);
    axdr_emit_octets(&o, "", 0);
    axdr_emit_i16(&o, 1750);
    assert_int_equal(call(113, "0-0:19.21.10", 1, &o), DAR_OK);
    assert_int_equal(expense_scheme_get(&k->d.meter, SCHEME_PASSIVE, &s), 0);
    assert_int_equal(s.vat[0].rate, 1750);
    use_scheme(&s);
    assert_int_equal(number(113, "0-0:19.21.10", 13), 1750);
    get(113, "0-0:19.21.10", 9);
    assert_int_equal(got.p[2], 0xC0);
    assert_int_equal(number(113, "0-0:19.21.2", 8), DAY); /* fixed 1, a day */
    get(113, "0-0:19.21.19", 3);
    assert_int_equal(got.p[1], 2); /* by payment */
}

static void debts_are_set_added_and_collected(void **state)
{
    (void)state;
    uint8_t b[40];
    assert_int_equal(call_i32(113, "0-0:19.20.18", 5, 5000), DAR_OK);
    assert_int_equal(call_i32(113, "0-0:19.20.18", 4, 1500), DAR_OK);
    assert_int_equal(call_i32(113, "0-0:19.20.18", 4, -7000), DAR_OTHER);
    assert_int_equal(number(113, "0-0:19.20.18", 12), 6500);
    assert_int_equal(number(111, "0-0:19.0.0", 8), 6500);
    assert_int_equal(number(1, "0-0:96.61.11", 2), 6500);
    assert_int_equal(call_none(113, "0-0:19.20.18", 3), DAR_TEMPORARY); /* no instalment */
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_head(&o, AXDR_ARRAY, 1);
    axdr_emit_head(&o, AXDR_STRUCTURE, 2);
    axdr_emit_octets(&o, "", 0);
    axdr_emit_i16(&o, 2000);
    assert_int_equal(call(113, "0-0:19.20.18", 1, &o), DAR_OK);
    assert_int_equal(call_i32(112, "0-0:19.10.0", 1, 10000), DAR_OK);
    assert_int_equal(call_none(113, "0-0:19.20.18", 3), DAR_TEMPORARY); /* no account */
    assert_int_equal(call_none(111, "0-0:19.0.0", 1), DAR_OK);
    assert_int_equal(call_none(113, "0-0:19.20.18", 3), DAR_OK);
    assert_int_equal(number(113, "0-0:19.20.18", 12), 4500);
    assert_int_equal(number(113, "0-0:19.20.18", 2), 2000);
    assert_int_equal(number(113, "0-0:19.20.18", 11), 2000);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 8000);
    for (unsigned i = 0; i < 4; i++) desk_run_s(k, DAY); /* 2000, 2000, the rest */
    assert_int_equal(number(113, "0-0:19.20.18", 12), 0);
    assert_int_equal(number(113, "0-0:19.20.18", 11), 500);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 3500);
    assert_int_equal(logged(EV_CHARGE_COLLECTED), 4);
    static const uint16_t taken[] = { 2000, 2000, 2000, 500 };
    struct axdr_in in = get(7, "0-0:99.14.0", 2);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), 4);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t dt[12];
        axdr_read_struct(&in, 3);
        axdr_read_octets(&in, dt, sizeof dt);
        assert_int_equal(axdr_read_u16(&in), 18); /* wallet 1, debt by day */
        assert_int_equal(axdr_read_u32(&in), taken[i]);
    }
    assert_true(axdr_is_done(&in));
}

/* -- schemes that are none ----------------------------------------------------------------- */

static void emit_scheme(struct axdr_out *o, const struct scheme *s)
{
    axdr_emit_head(o, AXDR_STRUCTURE, 7);
    axdr_emit_octets(o, s->name, strlen(s->name));
    axdr_emit_head(o, AXDR_ARRAY, s->steps);
    for (unsigned i = 0; i < s->steps; i++) {
        axdr_emit_head(o, AXDR_STRUCTURE, 3);
        axdr_emit_u32(o, s->step[i].limit_wh);
        axdr_emit_head(o, AXDR_ARRAY, 1);
        axdr_emit_u32(o, s->step[i].price[0]);
        axdr_emit_bool(o, s->step[i].rerate);
    }
    axdr_emit_head(o, AXDR_ARRAY, s->services);
    for (unsigned i = 0; i < s->services; i++) {
        axdr_emit_head(o, AXDR_STRUCTURE, 2);
        axdr_emit_u32(o, s->service[i].limit_kwh);
        axdr_emit_i64(o, s->service[i].amount);
    }
    axdr_emit_head(o, AXDR_ARRAY, SCHEME_FIXEDS);
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) {
        axdr_emit_head(o, AXDR_STRUCTURE, 2);
        axdr_emit_enum(o, s->fixed[i].kind);
        axdr_emit_i64(o, s->fixed[i].amount);
    }
    axdr_emit_head(o, AXDR_ARRAY, SCHEME_LEVIES);
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        const struct price_levy *x = &s->levy[i];
        axdr_emit_head(o, AXDR_STRUCTURE, 5);
        axdr_emit_enum(o, x->kind);
        axdr_emit_i64(o, x->value);
        axdr_emit_u32(o, x->base);
        axdr_emit_u32(o, x->min_kwh);
        axdr_emit_u32(o, x->max_kwh);
    }
    axdr_emit_head(o, AXDR_ARRAY, SCHEME_VATS);
    for (unsigned i = 0; i < SCHEME_VATS; i++) {
        axdr_emit_head(o, AXDR_STRUCTURE, 2);
        axdr_emit_u16(o, s->vat[i].rate);
        axdr_emit_u32(o, s->vat[i].base);
    }
    axdr_emit_head(o, AXDR_ARRAY, SCHEME_SUBSIDIES);
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        const struct price_subsidy *x = &s->subsidy[i];
        axdr_emit_head(o, AXDR_STRUCTURE, 7);
        axdr_emit_enum(o, x->kind);
        axdr_emit_i64(o, x->value);
        axdr_emit_u32(o, x->base);
        axdr_emit_u32(o, x->from_kwh);
        axdr_emit_u32(o, x->to_kwh);
        axdr_emit_u32(o, x->eligible_kwh);
        axdr_emit_bool(o, x->claw_back);
    }
}

static void spoil(struct scheme *s, enum scheme_fault fault)
{
    *s = *schemes_egypt();
    switch (fault) {
    case SCHEME_NO_STEP:
        s->steps = 0;
        break;
    case SCHEME_STEP_ORDER: /* steps that overlap */
        s->step[2].limit_wh = s->step[1].limit_wh;
        break;
    case SCHEME_LAST_STEP:
        s->step[s->steps - 1].limit_wh = 2000000;
        break;
    case SCHEME_SERVICE_ORDER:
        s->service[1].limit_kwh = 0;
        break;
    case SCHEME_KIND:
        s->fixed[0].kind = 9;
        break;
    case SCHEME_NEGATIVE:
        s->levy[0] = (struct price_levy){ .kind = LEVY_KWH, .value = -1 };
        break;
    case SCHEME_PERCENT:
        s->vat[0].rate = 10001;
        break;
    case SCHEME_BASE: /* a loop: VAT 1 on VAT 2, VAT 2 on VAT 1 */
        s->vat[0] = (struct price_vat){ 100, 1u << (CHARGE_VAT + 1) };
        s->vat[1] = (struct price_vat){ 100, 1u << CHARGE_VAT };
        break;
    case SCHEME_DEPTH:
        s->levy[0] = (struct price_levy){ LEVY_PERCENT, 100, 0, 0, 0 };
        s->levy[1] = (struct price_levy){ LEVY_BASE, 100, 1u << CHARGE_LEVY, 0, 0 };
        s->levy[2] = (struct price_levy){ LEVY_BASE, 100, 2u << CHARGE_LEVY, 0, 0 };
        s->levy[3] = (struct price_levy){ LEVY_BASE, 100, 4u << CHARGE_LEVY, 0, 0 };
        break;
    case SCHEME_BOUNDS: /* a range that ends before it begins */
        s->levy[0] = (struct price_levy){ LEVY_KWH, 1, 0, 50, 20 };
        break;
    case SCHEME_LIMIT:
        s->subsidy[0] =
            (struct price_subsidy){ .kind = SUBSIDY_PERCENT, .value = 100, .eligible_kwh = 50 };
        break;
    default: /* more than 64 bits hold, at a billion kWh */
        s->step[s->steps - 1].price[0] = UINT32_MAX;
        break;
    }
}

/* Refused as a whole, by DLMS and with the reason inside; what was there stands, nothing is
 * written. */
static void hostile_schemes(void **state)
{
    (void)state;
    uint8_t b[1400];
    struct scheme s;
    enum scheme_fault fault;
    assert_int_equal(expense_scheme_set(&k->d.meter, &client, schemes_ghana_2018(true), &fault),
                     0);
    desk_settle(k);
    uint32_t changes = k->d.meter.now.counter[CNT_CHANGES];
    for (int f = SCHEME_NO_STEP; f < SCHEME_FAULTS; f++) {
        struct axdr_out o = axdr_out(b, sizeof b);
        if (f == SCHEME_SERVICE_COUNT) continue; /* does not even decode */
        spoil(&s, (enum scheme_fault)f);
        assert_int_equal(scheme_check(&s), f);
        emit_scheme(&o, &s);
        assert_false(o.full);
        assert_int_equal(put(ROLE_SUPERVISOR, 1, "0-0:96.60.1", 2, &o), DAR_OTHER);
        get(1, "0-0:96.60.13", 2); /* the reason */
        assert_int_equal(got.n, 2);
        assert_int_equal(got.p[1], f);
        assert_int_equal(expense_scheme_get(&k->d.meter, SCHEME_PASSIVE, &s), 0);
        assert_string_equal(s.name, schemes_ghana_2018(true)->name);
    }
    assert_int_equal(k->d.meter.now.counter[CNT_CHANGES], changes);
    struct axdr_out o = axdr_out(b, sizeof b);
    emit_scheme(&o, schemes_egypt());
    for (size_t n = 0; n < o.len; n++) { /* cut short anywhere */
        struct axdr_out shorter = { .buf = b, .len = n };
        enum dar dar = put(ROLE_SUPERVISOR, 1, "0-0:96.60.1", 2, &shorter);
        assert_true(dar == DAR_TYPE || dar == DAR_OTHER);
    }
    assert_int_equal(k->d.meter.now.counter[CNT_CHANGES], changes);
    assert_int_equal(put(ROLE_SUPERVISOR, 1, "0-0:96.60.1", 2, &o), DAR_OK);
    get(1, "0-0:96.60.13", 2);
    assert_int_equal(got.p[1], SCHEME_SOUND);
}

/* No month may be left out: not by a day that some have not, nor by a date that never comes. */
static void missing_months(void **state)
{
    (void)state;
    static const uint8_t any[] = { 0xFF, 0xFF, 0xFF, 1, 0xFF };
    static const struct {
        uint8_t day;
        enum dar dar;
    } end[] = { { 29, DAR_OTHER },   { 30, DAR_OTHER }, { 31, DAR_OTHER },
                { 32, DAR_OTHER },   { 28, DAR_OK },    { WHEN_LAST, DAR_OK },
                { WHEN_ANY, DAR_OK } };
    static const uint8_t never[][5] = { { 0x07, 0xEA, 4, 31, 0xFF },
                                        { 0x07, 0xEA, 2, 30, 0xFF },
                                        { 0x07, 0xEA, 13, 1, 0xFF },
                                        { 0x07, 0xEA, 0, 1, 0xFF } };
    uint8_t was[BILLING_TIME], is[BILLING_TIME], b[40];
    for (unsigned i = 0; i < sizeof end / sizeof *end; i++) {
        struct axdr_out o = axdr_out(b, sizeof b);
        billing_get_time(&k->d.meter, was);
        axdr_emit_head(&o, AXDR_ARRAY, 1);
        axdr_emit_head(&o, AXDR_STRUCTURE, 2);
        axdr_emit_octets(&o, (uint8_t[]){ 0, 0, 0, 0 }, 4);
        axdr_emit_octets(&o, any, sizeof any);
        o.buf[o.len - 2] = end[i].day;
        assert_int_equal(put(ROLE_SUPERVISOR, 22, "0-0:15.0.0", 4, &o), end[i].dar);
        billing_get_time(&k->d.meter, is);
        if (end[i].dar == DAR_OK)
            assert_int_equal(is[7], end[i].day);
        else
            assert_memory_equal(is, was, sizeof is);
    }
    for (unsigned i = 0; i < sizeof never / sizeof *never; i++) {
        struct axdr_out o = axdr_out(b, sizeof b);
        uint8_t dt[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0 };
        memcpy(dt, never[i], 5);
        axdr_emit_octets(&o, dt, sizeof dt);
        assert_int_equal(put(ROLE_SUPERVISOR, 1, "0-0:96.60.2", 2, &o), DAR_OTHER);
        assert_int_equal(param_get(&k->d.meter, PARAM_SCHEME_AT_S), 0);
    }
}

/* So much for each kW of what was contracted, from when it is written. */
static void a_contracted_power_is_charged(void **state)
{
    (void)state;
    struct scheme s = *one_a_kwh();
    uint8_t b[8];
    s.fixed[0] = (struct price_fixed){ FIXED_CONTRACT_KW, 500000 };
    assert_int_equal(call_none(111, "0-0:19.1.0", 1), DAR_OK);
    use_scheme(&s);
    assert_int_equal(number(1, "0-0:96.60.26", 2), 0);
    for (unsigned i = 0; i < 2; i++) { /* a megawatt is the most */
        struct axdr_out o = axdr_out(b, sizeof b);
        axdr_emit_u32(&o, i ? 1000001 : 5000);
        assert_int_equal(put(ROLE_SUPERVISOR, 3, "0-0:96.60.9", 2, &o), i ? DAR_OTHER : DAR_OK);
        assert_int_equal(number(3, "0-0:96.60.9", 2), 5000);
        assert_int_equal(number(1, "0-0:96.60.26", 2), 2500000);
    }
    assert_int_equal(wallet_collected(&k->d.meter, 1), 5 * MONEY_UNIT / 2);
}

/* Today, yesterday and this month cost the same by DLMS and on the display. */
static void costs_are_alike(void **state)
{
    (void)state;
    static const struct {
        const char *ln, *cells;
        int64_t micro;
    } want[] = { { "0-0:96.60.31", "     300", 3000000 },
                 { "0-0:96.60.33", "     500", 5000000 },
                 { "0-0:96.60.26", "    1000", 10000000 } };
    assert_int_equal(call_none(111, "0-0:19.1.0", 1), DAR_OK);
    use_scheme(one_a_kwh());
    wh(2000);
    desk_run_s(k, DAY - 2000);
    wh(5000);
    desk_run_s(k, DAY - 5000);
    wh(3000);
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
        struct display_page page = { .item = { .column = (uint16_t)(SUM_COST + i) } };
        assert_int_equal(number(1, want[i].ln, 2), want[i].micro);
        display_sum(&k->d.meter, &page, 0);
        assert_memory_equal(page.cell, want[i].cells, DISPLAY_CELLS);
        assert_int_equal(page.point, 2);
    }
}

/* -- accounts ------------------------------------------------------------------------------ */

static void what_is_collected_when(void **state)
{
    (void)state;
    uint8_t copy[700];
    get(111, "0-0:19.1.0", 11);
    size_t n = got.n;
    assert_int_equal(n, 2 + 20 * (2 + 8 + 8 + 3));
    memcpy(copy, got.p, n);
    struct axdr_out o = { .buf = copy, .len = n };
    for (unsigned e = 18; e < 20; e++) copy[2 + e * 21 + 20] = 0xE0; /* debts always */
    assert_int_equal(put(ROLE_MANAGEMENT, 111, "0-0:19.1.0", 11, &o), DAR_OK);
    assert_int_equal(param_get(&k->d.meter, PARAM_COLLECT_DEBT), 7);
    copy[2 + 19 * 21 + 20] = 0x40; /* not both alike */
    assert_int_equal(put(ROLE_MANAGEMENT, 111, "0-0:19.1.0", 11, &o), DAR_OTHER);
    copy[2 + 19 * 21 + 20] = 0xE0;
    copy[2 + 20] = 0x20; /* energy is always taken */
    assert_int_equal(put(ROLE_MANAGEMENT, 111, "0-0:19.1.0", 11, &o), DAR_OTHER);
    assert_int_equal(put(ROLE_SUPERVISOR, 111, "0-0:19.1.0", 11, &o), DAR_DENIED);
}

/* Fixed charges and debts of days on which the supply was disconnected, or its power limited. */
static void charges_of_days_without_supply(void **state)
{
    (void)state;
    struct scheme s = *one_a_kwh();
    struct month_usage u;
    static const struct param_value v[] = { { PARAM_COLLECT_FIXED, 6 },
                                            { PARAM_DEBT_2_DAY, 100 } };
    s.fixed[0] = (struct price_fixed){ FIXED_DAY, 1000000 };
    desk_fit_relay(k);
    use_scheme(&s);
    assert_int_equal(param_set_all(&k->d.meter, &client, v, 2), 0);
    desk_settle(k);
    assert_int_equal(call_i32(112, "0-0:19.11.0", 1, 50000), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.1.0", 1), DAR_OK);
    assert_int_equal(call_i32(113, "0-0:19.21.18", 5, 10000), DAR_OK);
    desk_run_s(k, DAY);
    expense_usage(&k->d.meter, 1, &u);
    assert_int_equal(u.days, 2);
    assert_int_equal(number(113, "0-0:19.21.18", 2), 100);
    assert_int_equal(call_none(70, "0-0:96.3.10", 1), DAR_OK);
    desk_run_s(k, DAY);
    expense_usage(&k->d.meter, 1, &u);
    assert_int_equal(u.days, 2); /* not while disconnected */
    assert_int_equal(number(113, "0-0:19.21.18", 2), 100);
    assert_int_equal(param_set(&k->d.meter, &client, PARAM_COLLECT_DEBT, 5), 0);
    desk_settle(k);
    desk_cut(k, 3 * DAY); /* nor in the dark, as long as it stays so */
    desk_run_s(k, 5);
    expense_usage(&k->d.meter, 1, &u);
    assert_int_equal(u.days, 2);
    assert_int_equal(number(113, "0-0:19.21.18", 2), 400);
    assert_int_equal(call_none(70, "0-0:96.3.10", 2), DAR_OK);
    desk_run_s(k, 5);
    desk_cut(k, 2 * DAY);
    desk_run_s(k, 5);
    expense_usage(&k->d.meter, 1, &u);
    assert_int_equal(u.days, 4);
    assert_int_equal(number(113, "0-0:19.21.18", 2), 600);
}

static void levels_fall(void **state)
{
    (void)state;
    uint8_t copy[200];
    get(1, "0-0:96.61.0", 2);
    size_t n = got.n, row = 2 + 5 + 2 + 2 + 3 + 2;
    assert_int_equal(n, 2 + LEVEL_ROWS * row);
    memcpy(copy, got.p, n);
    struct axdr_out o = { .buf = copy, .len = n };
    be_put32(copy + 2 + 3, 50000);
    assert_int_equal(put(ROLE_SUPERVISOR, 1, "0-0:96.61.0", 2, &o), DAR_OK);
    assert_int_equal(number(111, "0-0:19.0.0", 16), 50000);
    assert_int_equal(number(112, "0-0:19.10.0", 5), 50000);
    be_put32(copy + 2 + row + 3, 50000); /* no lower than the one before */
    assert_int_equal(put(ROLE_SUPERVISOR, 1, "0-0:96.61.0", 2, &o), DAR_OTHER);
    be_put32(copy + 2 + row + 3, (uint32_t)-5);
    assert_int_equal(put(ROLE_SUPERVISOR, 1, "0-0:96.61.0", 2, &o), DAR_OTHER);
    assert_int_equal(put_i32(112, "0-0:19.10.0", 5, 4000), DAR_OTHER); /* below the second */
    assert_int_equal(put_i32(112, "0-0:19.10.0", 5, 60000), DAR_OK);
}

/* -- register monitors of credit and of steps ---------------------------------------------- */

/* {class, name, attribute} */
static bool monitors(const char *monitor, uint16_t cls, const char *ln, int8_t attr)
{
    struct axdr_in in = get(21, monitor, 3);
    struct obis want = desk_ln(ln), name;
    axdr_read_struct(&in, 3);
    bool same = axdr_read_u16(&in) == cls;
    axdr_read_octets(&in, &name, sizeof name);
    same &= axdr_read_i8(&in) == attr && !memcmp(&name, &want, sizeof name);
    return same && axdr_is_done(&in);
}

/* So many pairs of {up, down}, each of that table. */
static bool acts(const char *monitor, unsigned n, const char *table, uint16_t up, uint16_t down)
{
    struct axdr_in in = get(21, monitor, 4);
    struct obis want = desk_ln(table), name;
    bool same = axdr_read_head(&in, AXDR_ARRAY) == n;
    for (unsigned i = 0; i < 2 * n; i++) {
        if (i % 2 == 0) axdr_read_struct(&in, 2);
        axdr_read_struct(&in, 2);
        axdr_read_octets(&in, &name, sizeof name);
        same &= axdr_read_u16(&in) == (i % 2 ? down : up);
        same &= !memcmp(&name, &want, sizeof name);
    }
    return same && axdr_is_done(&in);
}

static enum dar put_levels(uint8_t role, unsigned n, int32_t a, int32_t b, int32_t c)
{
    const int32_t v[] = { a, b, c };
    uint8_t p[24];
    struct axdr_out o = axdr_out(p, sizeof p);
    axdr_emit_head(&o, AXDR_ARRAY, n);
    for (unsigned i = 0; i < n; i++) axdr_emit_i32(&o, v[i]);
    return put(role, 21, "0-0:16.0.20", 2, &o);
}

static void the_levels_are_a_monitor(void **state)
{
    static const uint8_t product[] = { AXDR_ARRAY, 3,        AXDR_I32, 0,    0,    0x27,
                                       0x10,       AXDR_I32, 0,        0,    0x13, 0x88,
                                       AXDR_I32,   0,        0,        0x03, 0xE8 };
    (void)state;
    get(21, "0-0:16.0.20", 2);
    assert_int_equal(got.n, sizeof product);
    assert_memory_equal(got.p, product, sizeof product);
    assert_true(monitors("0-0:16.0.20", 111, "0-0:19.0.0", 5));
    assert_true(acts("0-0:16.0.20", 3, "0-0:10.0.108", 0, 5));
    assert_int_not_equal(put_levels(ROLE_OPERATOR, 3, 900, 500, 100), DAR_OK);
    assert_int_equal(put_levels(ROLE_SUPERVISOR, 2, 900, 500, 100), DAR_OTHER);
    assert_int_equal(put_levels(ROLE_SUPERVISOR, 3, 900, 900, 100), DAR_OTHER);
    assert_int_equal(put_levels(ROLE_SUPERVISOR, 3, -1, 0, 0), DAR_OTHER);
    assert_int_equal(number(111, "0-0:19.0.0", 16), 10000);
    assert_int_equal(put_levels(ROLE_SUPERVISOR, 3, 900, 500, 100), DAR_OK);
    assert_int_equal(number(111, "0-0:19.0.0", 16), 900);
    /* and they are what is watched: a level a monitor was given is told */
    assert_int_equal(call_i32(112, "0-0:19.10.0", 1, 1000), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.0.0", 1), DAR_OK);
    wh(99);
    assert_int_equal(logged(EV_CREDIT_LEVEL_1), 0);
    wh(2);
    assert_int_equal(logged(EV_CREDIT_LEVEL_1), 1);
    assert_int_equal(logged(EV_CREDIT_LEVEL_2), 0);
}

static void the_steps_are_a_monitor(void **state)
{
    (void)state;
    struct axdr_in in = get(21, "0-0:16.0.10", 2);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), 0); /* no scheme yet */
    assert_true(axdr_is_done(&in));
    assert_true(acts("0-0:16.0.10", 0, "0-0:10.0.100", 0, 0));
    use_scheme(schemes_egypt());
    const struct scheme *s = schemes_egypt();
    in = get(21, "0-0:16.0.10", 2);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), s->steps - 1);
    for (unsigned i = 0; i + 1 < s->steps; i++)
        assert_int_equal(axdr_read_u32(&in), s->step[i].limit_wh);
    assert_true(axdr_is_done(&in));
    assert_true(acts("0-0:16.0.10", s->steps - 1u, "0-0:10.0.100", 0, 0));
    assert_true(monitors("0-0:16.0.10", 3, "1-0:1.9.0", 2));
    assert_int_equal(param_set(&k->d.meter, &client, PARAM_REGISTRATION, 1), 0);
    desk_settle(k);
    assert_true(monitors("0-0:16.0.10", 3, "1-0:15.9.0", 2));
    assert_int_equal(param_set(&k->d.meter, &client, PARAM_REGISTRATION, 2), 0);
    desk_settle(k);
    assert_true(monitors("0-0:16.0.10", 3, "1-0:16.9.0", 2));
    use_scheme(schemes_full());
    in = get(21, "0-0:16.0.10", 2);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), 9);
}

static enum dar put_limits(uint8_t by, const uint32_t *kwh, unsigned n)
{
    uint8_t b[64];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_head(&o, AXDR_ARRAY, n);
    for (unsigned i = 0; i < n; i++) axdr_emit_u32(&o, kwh[i] * 1000);
    return put(by, 21, "0-0:16.0.10", 2, &o);
}

/* Other ends of the steps hold from then on: what was used is not priced again. */
static void steps_are_moved(void **state)
{
    static const uint32_t moved[] = { 20, 40 }, wrong[] = { 40, 40 };
    (void)state;
    struct scheme s = { .name = "three", .steps = 3 };
    for (unsigned i = 0; i < 3; i++) {
        s.step[i].limit_wh = i < 2 ? (i + 1) * 50000 : 0;
        for (unsigned t = 0; t < TARIFFS; t++) s.step[i].price[t] = (i + 1) * 100000;
    }
    use_scheme(&s);
    assert_int_equal(call_i32(112, "0-0:19.11.0", 1, 10000), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.1.0", 1), DAR_OK);
    wh(30000); /* 3.00 */
    assert_int_equal(wallet_collected(&k->d.meter, 1), 3 * MONEY_UNIT);
    assert_int_not_equal(put_limits(ROLE_OPERATOR, moved, 2), DAR_OK);
    assert_int_equal(put_limits(ROLE_SUPERVISOR, moved, 1), DAR_OTHER);
    assert_int_equal(put_limits(ROLE_SUPERVISOR, wrong, 2), DAR_OTHER);
    assert_int_equal(put_limits(ROLE_SUPERVISOR, moved, 2), DAR_OK);
    assert_int_equal(wallet_collected(&k->d.meter, 1), 3 * MONEY_UNIT);
    struct axdr_in in = get(21, "0-0:16.0.10", 2);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), 2);
    assert_int_equal(axdr_read_u32(&in), 20000);
    assert_int_equal(axdr_read_u32(&in), 40000);
    desk_cut(k, 5);
    wh(20000); /* ten at 0.20, ten at 0.30 */
    assert_int_equal(wallet_collected(&k->d.meter, 1), 8 * MONEY_UNIT);
}

static enum dar set_mode(uint8_t mode, uint8_t status)
{
    uint8_t b[8];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_head(&o, AXDR_STRUCTURE, 2);
    axdr_emit_enum(&o, mode);
    axdr_emit_enum(&o, status);
    return put(ROLE_MANAGEMENT, 111, "0-0:19.1.0", 2, &o);
}

/* {mode, date, carry, debt}; day 0: no date */
static enum dar set_date(uint8_t mode, uint8_t day, bool carry, bool debt)
{
    uint8_t b[40], dt[12] = { 0x07, 0xEA, 1, day, 0xFF, 12, 0, 0, 0, 0, 0, 0 };
    struct axdr_out o = axdr_out(b, sizeof b);
    if (!day) dt[0] = dt[1] = 0xFF;
    axdr_emit_head(&o, AXDR_STRUCTURE, 4);
    axdr_emit_enum(&o, mode);
    axdr_emit_octets(&o, dt, sizeof dt);
    axdr_emit_bool(&o, carry);
    axdr_emit_bool(&o, debt);
    return put(ROLE_SUPERVISOR, 1, "0-0:96.61.3", 2, &o);
}

static void the_mode_by_set_and_by_date(void **state)
{
    (void)state;
    use_scheme(one_a_kwh());
    assert_int_equal(call_i32(112, "0-0:19.11.0", 1, 500), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.1.0", 1), DAR_OK);
    wh(1000);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 400);
    assert_int_equal(set_mode(1, 1), DAR_OTHER); /* not its status */
    assert_int_equal(set_mode(3, 2), DAR_OTHER);
    assert_int_equal(set_mode(1, 2), DAR_OK);
    assert_int_equal(logged(EV_MODE_CREDIT), 1);
    get(111, "0-0:19.0.0", 2);
    assert_int_equal(got.p[3], 1); /* both accounts */
    wh(2500);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 400);    /* it stands */
    assert_int_equal(number(1, "0-0:96.60.32", 2), 2500000); /* 2.50 due */
    assert_int_equal(set_date(2, 1, true, true), DAR_OK);    /* today at noon */
    desk_run_s(k, (uint64_t)(T0 + 43200 - meter_utc(&k->d.meter).s - 1));
    assert_int_equal(logged(EV_MODE_PREPAYMENT), 0);
    desk_run_s(k, 2);
    assert_int_equal(logged(EV_MODE_PREPAYMENT), 1);
    assert_int_equal(number(1, "0-0:96.60.32", 2), 0);
    assert_int_equal(number(113, "0-0:19.21.18", 12), 250); /* now a debt */
    assert_int_equal(number(112, "0-0:19.11.0", 2), 400);
    get(1, "0-0:96.61.3", 2);
    assert_int_equal(got.p[6], 0xFF); /* the date is done with */
    assert_int_equal(set_mode(1, 2), DAR_OK);
    wh(100);
    assert_int_equal(number(1, "0-0:96.60.32", 2), 100000);
    assert_int_equal(set_date(2, 1, false, false), DAR_OK); /* past: at once, from zero */
    desk_run_s(k, 1);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 0);
    assert_int_equal(number(1, "0-0:96.60.32", 2), 100000); /* still on the bill */
    assert_int_equal(set_date(1, 0, true, false), DAR_OK);
    desk_run_s(k, DAY);
    assert_int_equal(logged(EV_MODE_CREDIT), 2); /* without a date never */
}

static void an_account_is_reset_once_closed(void **state)
{
    (void)state;
    assert_int_equal(call_i32(112, "0-0:19.10.0", 1, 7000), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.0.0", 1), DAR_OK);
    assert_int_equal(call_i32(113, "0-0:19.20.19", 5, 300), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.0.0", 3), DAR_TEMPORARY);
    assert_int_equal(call_none(111, "0-0:19.0.0", 2), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.0.0", 3), DAR_OK);
    get(111, "0-0:19.0.0", 2);
    assert_int_equal(got.p[5], ACCOUNT_NEW);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 0);
    assert_int_equal(number(113, "0-0:19.20.19", 12), 0);
    desk_cut(k, 5);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 0);
}

/* 24 kWh a day: of 100 kWh four days are left. */
static void days_left(void **state)
{
    (void)state;
    assert_int_equal(call_i32(112, "0-0:19.10.0", 1, 340000), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.0.0", 1), DAR_OK);
    assert_int_equal(number(1, "0-0:96.61.7", 2), CREDIT_NO_USE);
    k->p_mw = 1000000;
    for (unsigned i = 0; i < 10; i++) desk_run_s(k, DAY);
    int64_t left = number(112, "0-0:19.10.0", 2);
    assert_in_range(left, 99000, 101000);
    assert_int_equal(number(1, "0-0:96.61.7", 2), left / 24000);
    k->p_mw = 0;
    for (unsigned i = 0; i < 9; i++) desk_run_s(k, DAY);
    assert_int_equal(number(1, "0-0:96.61.7", 2), CREDIT_NO_USE);
}

/* Free units of the month are used when nothing else is left, and are not owed. */
static void free_units(void **state)
{
    (void)state;
    assert_int_equal(put_i32(112, "0-0:19.10.3", 9, 2000), DAR_OK);
    assert_int_equal(call_i32(112, "0-0:19.10.0", 1, 1000), DAR_OK);
    assert_int_equal(call_none(111, "0-0:19.0.0", 1), DAR_OK);
    assert_int_equal(number(111, "0-0:19.0.0", 5), 3000);
    wh(1500);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 0);
    assert_int_equal(number(112, "0-0:19.10.3", 2), 1500);
    assert_int_equal(number(111, "0-0:19.0.0", 3), 3); /* in use */
    assert_int_equal(call_i32(112, "0-0:19.10.0", 1, 1000), DAR_OK);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 1000); /* none of it is paid back */
    assert_int_equal(number(112, "0-0:19.10.3", 2), 1500);
    wh(3000);
    assert_int_equal(number(112, "0-0:19.10.0", 2), -500);
    assert_int_equal(number(111, "0-0:19.0.0", 6), -500);
    for (unsigned i = 0; i < 31; i++) desk_run_s(k, DAY);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 0); /* February covers what is owed */
    assert_int_equal(number(112, "0-0:19.10.3", 2), 1500);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(prices_are_shown_rounded),
        T(a_price_is_written),
        T(a_rate_is_updated),
        T(debts_are_set_added_and_collected),
        T(what_is_collected_when),
        T(hostile_schemes),
        T(missing_months),
        T(a_contracted_power_is_charged),
        T(costs_are_alike),
        T(charges_of_days_without_supply),
        T(levels_fall),
        T(the_levels_are_a_monitor),
        T(the_steps_are_a_monitor),
        T(steps_are_moved),
        T(the_mode_by_set_and_by_date),
        T(an_account_is_reset_once_closed),
        T(days_left),
        T(free_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
