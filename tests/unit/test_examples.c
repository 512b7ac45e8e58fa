/* The worked examples of tariff expense and prepayment through the running meter: energy is fed,
 * orders and figures go by DLMS. Exact amounts are those of 0-0:96.61.10, in 1e-9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "desk.h"
#include "schemes.h"
#include "tools/vend/make.h"

#define T0 INT64_C(1767225600) /* 2026-01-01, a Thursday, midnight */
#define DAY 86400

static struct desk *k;
static uint32_t tid;
static uint8_t octets[2048];
static struct desk_value got;
static const struct who client = { .sap = 1, .link = LINK_OPTICAL, .assoc = ROLE_MANAGEMENT };

static int setup(void **state)
{
    (void)state;
    k = desk_new(T0);
    k->metered = true;
    tid = 6400000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_free(k);
    return 0;
}

/* -- by DLMS ------------------------------------------------------------------------------- */

static void get(uint16_t cls, const char *ln, uint8_t attr)
{
    got = (struct desk_value){ octets, sizeof octets };
    assert_int_equal(desk_get(k, ROLE_READER, cls, desk_ln(ln), attr, NULL, 0, &got), DAR_OK);
}

static int64_t number(uint16_t cls, const char *ln, uint8_t attr)
{
    get(cls, ln, attr);
    struct axdr_in in = axdr_in(got.p, got.n);
    int64_t v = axdr_read_number(&in, NULL);
    assert_true(axdr_is_done(&in));
    return v;
}

static enum dar call(uint8_t role, uint16_t cls, const char *ln, uint8_t method, uint8_t tag,
                     int32_t v)
{
    uint8_t arg[5] = { tag, (uint8_t)v };
    if (tag == AXDR_I32) be_put32(arg + 1, (uint32_t)v);
    enum dar dar =
        desk_call(k, role, cls, desk_ln(ln), method, arg, tag == AXDR_I32 ? 5 : 2, NULL);
    desk_settle(k);
    return dar;
}

static void order(uint16_t cls, const char *ln, uint8_t method, int32_t v)
{
    assert_int_equal(call(ROLE_MANAGEMENT, cls, ln, method, AXDR_I32, v), DAR_OK);
}

static void set_number(uint16_t cls, const char *ln, uint8_t attr, uint8_t tag, int32_t v)
{
    uint8_t o[5] = { tag, (uint8_t)v };
    size_t n = tag == AXDR_I32 ? 5 : tag == AXDR_U16 ? 3 : 2;
    if (n == 5) be_put32(o + 1, (uint32_t)v);
    if (n == 3) be_put16(o + 1, (uint16_t)v);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, cls, desk_ln(ln), attr, o, n, 0), DAR_OK);
    desk_settle(k);
}

static void open_account(const char *ln)
{
    assert_int_equal(call(ROLE_MANAGEMENT, 111, ln, 1, AXDR_I8, 0), DAR_OK);
}

static void param(uint16_t id, int32_t v)
{
    desk_settle(k);
    meter_at(&k->d.meter, k->now);
    assert_int_equal(param_set(&k->d.meter, &client, id, v), 0);
    desk_settle(k);
}

static void with_a_relay(void)
{
    desk_fit_relay(k);
    param(PARAM_SUPPLY_MODE, 6);
}

static void use_scheme(const struct scheme *s)
{
    enum scheme_fault fault;
    desk_settle(k);
    meter_at(&k->d.meter, k->now);
    assert_int_equal(expense_scheme_set(&k->d.meter, &client, s, &fault), 0);
    desk_settle(k);
    assert_int_equal(expense_activate(&k->d.meter, &client), 0);
    desk_settle(k);
}

/* One token of 1e-5 of the currency, by the token gateway. */
static void enter(int64_t units_1e5)
{
    struct made m;
    uint8_t arg[22] = { AXDR_OCTETS, 20 };
    const struct sts_key *key = k->meter.decoder;
    struct sts_fields f = { .v = { [STS_TID] = tid++ } };
    assert_int_equal(make_money(&f, units_1e5), 0);
    make_token(&m, key, 0, make_block(sts_form_find(0, 4, key->ea), &f));
    memcpy(arg + 2, m.digits, 20);
    assert_int_equal(
        desk_call(k, ROLE_OPERATOR, 115, desk_ln("0-0:19.41.0"), 1, arg, sizeof arg, NULL),
        DAR_OK);
    desk_settle(k);
    get(115, "0-0:19.41.0", 6);
    assert_int_equal(got.p[3], 3); /* done */
}

/* A token has fourteen bits and a power of ten, and is rounded up: an exact sum takes several. */
static void top_up(int64_t units_1e5)
{
    while (units_1e5) {
        int64_t base = 0, step = 1;
        while (units_1e5 >= base + 16384 * step) {
            base += 16384 * step;
            step *= 10;
        }
        int64_t most = (units_1e5 - base) / step,
                one = base + (most > 16383 ? 16383 : most) * step;
        enter(one);
        units_1e5 -= one;
    }
}

static void wh(uint32_t energy)
{
    if (energy == 0) return;
    k->p_mw = 3600000; /* a Wh a second */
    desk_run_s(k, energy);
    k->p_mw = 0;
}

static void kwh_until(uint32_t kwh)
{
    int64_t to = (int64_t)kwh * 1000 - number(3, "1-0:1.8.0", 2);
    assert_int_equal(to % 100, 0);
    k->p_mw = 360000000; /* 100 Wh a second */
    desk_run_s(k, (uint64_t)to / 100);
    k->p_mw = 0;
    assert_int_equal(number(3, "1-0:1.8.0", 2), kwh * 1000);
}

static bool relay_is_on(void)
{
    get(70, "0-0:96.3.10", 2);
    assert_int_equal(got.p[1] != 0, k->relay.closed);
    return k->relay.closed;
}

/* Energy is written down from minute to minute. */
static void cut(uint64_t dark_s)
{
    k->p_mw = 0;
    desk_run_s(k, 61);
    desk_cut(k, dark_s);
}

/* Of a credit. */
static unsigned status(const char *ln)
{
    get(112, ln, 8);
    return got.p[1];
}

/* -- A to D: what it all comes to ---------------------------------------------------------- */

#define BOUGHT 200000000 /* 2000.00000 */

static void begin(const struct scheme *s)
{
    param(PARAM_CONTRACT_W, 5000);
    top_up(BOUGHT);
    use_scheme(s);
}

/* To the last digit, and as it is shown on the account, rounded down. */
static void assert_cost(const char *total)
{
    int64_t nano = schemes_nano(total), left = 2000 * MONEY_UNIT - nano;
    assert_int_equal(number(1, "0-0:96.61.10", 2), nano);
    assert_int_equal(number(1, "0-0:96.60.26", 2), nano / 1000);
    assert_int_equal(number(112, "0-0:19.11.0", 2), left / 10000000);
    assert_int_equal(number(111, "0-0:19.1.0", 5), left / 10000000);
}

static void example_a(void **state)
{
    (void)state;
    begin(schemes_ghana_2018(false));
    kwh_until(750);
    assert_cost("1019.2517825"); /* shown 1019.25 */
    assert_int_equal(number(1, "0-0:96.60.20", 2), 843165000);
    cut(10);
    assert_cost("1019.2517825");
}

static void example_a_with_the_other_mask(void **state)
{
    (void)state;
    begin(schemes_ghana_2018(true));
    kwh_until(750);
    assert_cost("1024.78271875");
}

static void example_b(void **state)
{
    (void)state;
    begin(schemes_ghana_2025());
    kwh_until(350);
    assert_cost("703.3148235");
}

static void example_b_lifeline(void **state)
{
    (void)state;
    begin(schemes_ghana_lifeline());
    kwh_until(25);
    assert_cost("23.006835");
}

static void example_c(void **state)
{
    (void)state;
    begin(schemes_egypt());
    for (const struct schemes_row *r = schemes_egypt_rows; r->kwh; r++) {
        kwh_until(r->kwh);
        assert_int_equal(number(1, "0-0:96.60.20", 2), schemes_nano(r->en) / 1000);
        assert_cost(r->t);
    }
}

/* Thirty days, then energy: each part as an object, the whole in the wallet. */
static void example_d(void **state)
{
    (void)state;
    k->p_mw = 0;
    begin(schemes_full());
    for (unsigned day = 0; day < 29; day++) desk_run_s(k, DAY);
    for (const struct schemes_row *r = schemes_full_rows; r->t; r++) {
        kwh_until(r->kwh);
        assert_cost(r->t);
        assert_int_equal(number(1, "0-0:96.60.20", 2), schemes_nano(r->en) / 1000);
        assert_int_equal(number(1, "0-0:96.60.21", 2), schemes_nano(r->sv) / 1000);
        int64_t parts[4] = { 0 };
        for (unsigned i = 0; i < 4; i++) {
            char ln[] = "0-0:96.60.22";
            ln[11] = (char)('2' + i);
            get(1, ln, 2);
            for (unsigned p = 2; p < got.n; p += 9)
                parts[i] += (int64_t)be_get64(got.p + p + 1);
        }
        /* each charge is rounded down to 1e-6: no more than so many are missing */
        assert_in_range(schemes_nano(r->f) / 1000 - parts[0], 0, 3);
        assert_in_range(schemes_nano(r->l) / 1000 - parts[1], 0, 5);
        assert_in_range(schemes_nano(r->v) / 1000 - parts[2], 0, 3);
        assert_in_range(schemes_nano(r->s) / 1000 - parts[3], 0, 5);
    }
}

/* -- E: emergency and repayment ------------------------------------------------------------ */

static const struct scheme *one_a_kwh(void)
{
    static struct scheme s = { .name = "one", .steps = 1 };
    for (unsigned t = 0; t < TARIFFS; t++) s.step[0].price[t] = 1000000;
    return &s;
}

/* Preset 10.00, offered at 2.00; a debt of 100.00, 20 % of each payment; credit 1.10. */
static void begin_e(void)
{
    static const uint8_t share[] = { AXDR_ARRAY, 1,        AXDR_STRUCTURE, 2,   AXDR_OCTETS,
                                     0,          AXDR_I16, 0x07,           0xD0 };
    with_a_relay();
    use_scheme(one_a_kwh());
    set_number(112, "0-0:19.11.1", 9, AXDR_I32, 1000);
    set_number(112, "0-0:19.11.1", 10, AXDR_I32, 200);
    top_up(500000);
    assert_int_equal(status("0-0:19.11.1"), 0);
    wh(3000);
    assert_int_equal(status("0-0:19.11.1"), 1); /* selectable, at 2.00 */
    assert_int_equal(call(ROLE_CIU, 112, "0-0:19.11.0", 3, AXDR_I8, 0), DAR_DENIED);
    wh(900);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 110);
    order(113, "0-0:19.21.19", 5, 10000);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 113, desk_ln("0-0:19.21.19"), 1, share,
                               sizeof share, NULL),
                     DAR_OK);
    desk_settle(k);
    assert_int_equal(number(113, "0-0:19.21.19", 13), 2000);
    assert_int_equal(call(ROLE_CIU, 112, "0-0:19.11.1", 3, AXDR_I8, 0), DAR_OK);
    assert_int_equal(status("0-0:19.11.1"), 2);
    assert_int_equal(number(111, "0-0:19.1.0", 5), 1110); /* 1.10 + 10.00 */
    assert_int_equal(call(ROLE_CIU, 112, "0-0:19.11.1", 3, AXDR_I8, 0), DAR_TEMPORARY);
    for (unsigned i = 0; i < 4; i++) {
        wh(1850);
        int64_t left = number(112, "0-0:19.11.1", 2), owed = -number(111, "0-0:19.1.0", 6);
        assert_int_equal(left + owed, 1000); /* always */
        if (i == 1) cut(5);
    }
    assert_int_equal(status("0-0:19.11.1"), 3);
    assert_int_equal(number(112, "0-0:19.11.1", 2), 370);
    assert_int_equal(number(111, "0-0:19.1.0", 6), -630);
    assert_true(relay_is_on());
}

static void example_e(void **state)
{
    (void)state;
    begin_e();
    top_up(2500000);
    assert_int_equal(number(113, "0-0:19.21.19", 2), 500); /* 5.00 to debt */
    assert_int_equal(number(113, "0-0:19.21.19", 12), 9500);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 1370); /* 6.30 repaid */
    assert_int_equal(number(112, "0-0:19.11.1", 2), 1000); /* rearmed */
    assert_int_equal(number(111, "0-0:19.1.0", 6), 0);
    assert_int_equal(status("0-0:19.11.1"), 0);
    assert_int_equal(wallet_balance(&k->d.meter, 1), schemes_nano("13.70"));
}

static void example_e_with_less(void **state)
{
    (void)state;
    begin_e();
    top_up(400000);
    assert_int_equal(number(113, "0-0:19.21.19", 2), 80);
    assert_int_equal(number(111, "0-0:19.1.0", 6), -310); /* owed 3.10 */
    assert_int_equal(number(112, "0-0:19.11.1", 2), 690); /* left 6.90 */
    assert_true(relay_is_on());
    assert_int_equal(call(ROLE_CIU, 112, "0-0:19.11.1", 3, AXDR_I8, 0), DAR_TEMPORARY);
    wh(6899);
    assert_true(relay_is_on());
    wh(2);
    desk_run_s(k, 2);
    assert_false(relay_is_on()); /* used up */
    assert_int_equal(status("0-0:19.11.1"), 4);
    assert_int_equal(call(ROLE_CIU, 112, "0-0:19.11.1", 3, AXDR_I8, 0), DAR_TEMPORARY);
    top_up(1300000); /* 2.60 to debt: 10.40 against what is owed, 10.00 and a little */
    desk_run_s(k, 2);
    assert_true(relay_is_on());
    assert_int_equal(number(112, "0-0:19.11.1", 2), 1000);
}

/* No more than 3.00 a day goes to the debt: 20 % of 25.00 would be 5.00. */
static void example_e_with_a_provision(void **state)
{
    (void)state;
    begin_e();
    set_number(111, "0-0:19.1.0", 18, AXDR_U16, 300);
    set_number(111, "0-0:19.1.0", 19, AXDR_I32, 86400);
    assert_int_equal(number(111, "0-0:19.1.0", 18), 300);
    assert_int_equal(number(111, "0-0:19.1.0", 19), 86400);
    top_up(1000000); /* 2.00 */
    assert_int_equal(number(113, "0-0:19.21.19", 2), 200);
    top_up(2500000); /* and what is left of 3.00 */
    assert_int_equal(number(113, "0-0:19.21.19", 2), 300);
    cut(5);
    top_up(1000000);
    assert_int_equal(number(113, "0-0:19.21.19", 2), 300);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 4500 - 630 - 300);
    desk_run_s(k, 86400);
    top_up(1000000);
    assert_int_equal(number(113, "0-0:19.21.19", 2), 500);
    assert_int_equal(number(113, "0-0:19.21.19", 12), 9500);
}

/* -- F: friendly time ---------------------------------------------------------------------- */

static void ok(int err)
{
    assert_true(err >= 0);
    desk_settle(k);
}

/* 16:00 to 10:00, Friday all day. */
static void write_windows(void)
{
    struct meter *m = &k->d.meter;
    struct day days[2] = {
        { .id = 1, .n = 2, .at = { { { 10, 0, 0, 0 }, 2 }, { { 16, 0, 0, 0 }, 1 } } },
        { .id = 2, .n = 1, .at = { { { 0, 0, 0, 0 }, 1 } } }
    };
    struct week week = { .name = { 1, { 'W' } }, .day = { 1, 1, 1, 1, 2, 1, 1 } };
    struct season season = { .name = { 1, { 'S' } },
                             .week = { 1, { 'W' } },
                             .start = { 0xFF, 0xFF, 1, 1, 0xFF, 0, 0, 0, 0, 0x80, 0, 0xFF } };
    ok(calendar_begin(m, &client, CALENDAR_FRIENDLY, LIST_DAYS, 2));
    for (unsigned i = 0; i < 2; i++) ok(calendar_put_day(m, &client, &days[i]));
    ok(calendar_commit(m, &client));
    ok(calendar_begin(m, &client, CALENDAR_FRIENDLY, LIST_WEEKS, 1));
    ok(calendar_put_week(m, &client, &week));
    ok(calendar_commit(m, &client));
    ok(calendar_begin(m, &client, CALENDAR_FRIENDLY, LIST_SEASONS, 1));
    ok(calendar_put_season(m, &client, &season));
    ok(calendar_commit(m, &client));
    ok(calendar_activate(m, &client, CALENDAR_FRIENDLY));
    param(PARAM_FRIENDLY_ENABLE, 1);
}

/* Thursday 2026-01-01, credit 0.05, 375 W at 1.00 a kWh: eight minutes. */
static void begin_f(unsigned minute)
{
    with_a_relay();
    write_windows();
    use_scheme(one_a_kwh());
    while (k->utc_s + (int64_t)(k->now.us / 1000000) < T0 + (int64_t)minute * 60)
        desk_run_s(k, 1);
    top_up(5000);
    k->p_mw = 375000;
}

static int64_t utc(void)
{
    return meter_utc(&k->d.meter).s;
}

static unsigned logged(enum event_log log, uint16_t code, int64_t at)
{
    struct event_span s = event_span(&k->d.meter, log);
    struct event_row row;
    unsigned n = 0;
    for (uint32_t i = s.first; i < s.next; i++)
        n += event_read(&k->d.meter, log, i, &row) == 0 && row.code == code &&
             (at < 0 || row.time.s == at);
    return n;
}

static void example_f_cut_before(void **state)
{
    (void)state;
    begin_f(15 * 60 + 50);
    desk_run_s(k, 479);
    assert_true(relay_is_on());
    desk_run_s(k, 1);
    desk_run_s(k, 2);
    assert_false(relay_is_on()); /* 15:58, outside */
    assert_int_equal(logged(LOG_RELAY, EV_OPEN_ARREARS, T0 + 15 * 3600 + 58 * 60), 1);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 0);
    desk_run_s(k, 300);
    assert_false(relay_is_on()); /* 16:03, inside: what was cut stays */
    get(1, "0-0:96.61.2", 2);
    assert_int_equal(got.p[1], 1);
    cut(30);
    desk_run_s(k, 30);
    assert_false(relay_is_on());
    param(PARAM_FRIENDLY_RECONNECT, 1);
    desk_run_s(k, 2);
    assert_true(relay_is_on());
}

static void example_f(void **state)
{
    (void)state;
    int64_t saturday = T0 + 2 * DAY + 10 * 3600;
    begin_f(15 * 60 + 57);
    desk_run_s(k, 480); /* 16:05 */
    assert_int_equal(number(112, "0-0:19.11.0", 2), 0);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_FRIENDLY_START, T0 + 16 * 3600 + 300), 1);
    assert_int_equal(status("0-0:19.11.2"), 3);
    k->p_mw = 80000;
    for (unsigned hour = 0; hour < 40; hour++) desk_run_s(k, 3600); /* 3.2 kWh */
    k->p_mw = 0;
    assert_true(relay_is_on());
    assert_int_equal(number(112, "0-0:19.11.0", 2), -320);
    cut(60);
    assert_true(relay_is_on());
    desk_run_s(k, (uint64_t)(saturday - utc() - 1));
    assert_true(relay_is_on());
    desk_run_s(k, 1);
    desk_run_s(k, 1);
    assert_false(relay_is_on());
    assert_int_equal(number(112, "0-0:19.11.0", 2), -320);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_FRIENDLY_END, saturday), 1);
    assert_int_equal(logged(LOG_RELAY, EV_OPEN_ARREARS, saturday), 1);
    top_up(300000);
    desk_run_s(k, 2);
    assert_int_equal(number(112, "0-0:19.11.0", 2), -20);
    assert_false(relay_is_on());
    top_up(21000);
    desk_run_s(k, 2);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 1);
    assert_true(relay_is_on());
}

/* 3.21 at once. */
static void example_f_the_exact_sum(void **state)
{
    (void)state;
    begin_f(15 * 60 + 57);
    desk_run_s(k, 480);
    k->p_mw = 3200000;
    desk_run_s(k, 3600);
    k->p_mw = 0;
    param(PARAM_FRIENDLY_ENABLE, 0);
    desk_run_s(k, 2);
    assert_false(relay_is_on());
    top_up(321000);
    desk_run_s(k, 2);
    assert_true(relay_is_on());
    assert_int_equal(wallet_balance(&k->d.meter, 1), schemes_nano("0.01"));
}

/* -- G: a wallet of each source ------------------------------------------------------------ */

static void signal_is(bool on)
{
    k->inputs = on ? INPUT_RESOURCE : 0;
    meter_feed_inputs(&k->d.meter, k->now,
                      (uint16_t)(k->inputs | (k->relay.closed ? INPUT_RELAY_CLOSED : 0)));
    desk_run_s(k, 4);
}

static void example_g(void **state)
{
    (void)state;
    static const uint8_t currency[] = { AXDR_STRUCTURE, 3,    AXDR_UTF8, 3, 'G', 'H', 'S',
                                        AXDR_I8,        0xFE, AXDR_ENUM, 2 };
    with_a_relay();
    param(PARAM_RESOURCE_MODE, 1);
    set_number(1, "0-0:96.61.4", 2, AXDR_ENUM, WALLETS_SOURCES);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 111, desk_ln("0-0:19.0.0"), 15, currency,
                              sizeof currency, 0),
                     DAR_OK);
    desk_settle(k);
    use_scheme(one_a_kwh());
    order(112, "0-0:19.10.0", 1, 1200); /* grid 12.00 */
    open_account("0-0:19.0.0");
    open_account("0-0:19.1.0");
    desk_run_s(k, 2);
    assert_true(relay_is_on());
    signal_is(true);
    assert_int_equal(number(1, "0-0:96.61.5", 2), 1);
    assert_false(relay_is_on());
    assert_int_equal(number(1, "0-0:96.50.20", 2), SUPPLY_ARREARS + 1);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 1200);
    wh(10); /* nothing flows */
    signal_is(false);
    assert_int_equal(number(1, "0-0:96.61.5", 2), 0);
    assert_true(relay_is_on());
    assert_int_equal(number(112, "0-0:19.10.0", 2), 1200);
    wh(500);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 1150);
    signal_is(true);
    assert_false(relay_is_on());
    order(112, "0-0:19.11.0", 1, 300);
    desk_run_s(k, 2);
    assert_true(relay_is_on());
    wh(1000);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 200);
    cut(5);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 1150);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 200);
    signal_is(false);
    assert_true(relay_is_on());
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(example_a),
        T(example_a_with_the_other_mask),
        T(example_b),
        T(example_b_lifeline),
        T(example_c),
        T(example_d),
        T(example_e),
        T(example_e_with_less),
        T(example_e_with_a_provision),
        T(example_f_cut_before),
        T(example_f),
        T(example_f_the_exact_sum),
        T(example_g),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
