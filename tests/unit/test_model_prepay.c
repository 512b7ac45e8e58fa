/* Tokens and wallets by DLMS: the gateway of class 115 in every spelling, what accounts,
 * credits and the STS attributes tell, and who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "desk.h"
#include "tools/vend/make.h"

#define T0 INT64_C(1767225600)

static struct desk *k;
static uint32_t tid;
static uint8_t octets[256];
static struct desk_value got;

static int setup(void **state)
{
    (void)state;
    k = desk_new(T0);
    desk_run_s(k, 60);
    tid = 6400000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_free(k);
    return 0;
}

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

static const char *units(uint16_t tenths)
{
    static struct made m;
    const struct sts_key *key = k->meter.decoder;
    struct sts_fields f = { .v = { [STS_TID] = tid++, [STS_VALUE] = tenths } };
    make_token(&m, key, 0, make_block(sts_form_find(0, 0, key->ea), &f));
    return m.digits;
}

static enum dar enter(uint8_t role, const void *token, size_t n)
{
    uint8_t arg[64] = { AXDR_OCTETS, (uint8_t)n };
    memcpy(arg + 2, token, n);
    enum dar dar = desk_call(k, role, 115, desk_ln("0-0:19.40.0"), 1, arg, n + 2, NULL);
    desk_settle(k);
    return dar;
}

/* {status_code, result}; 8 means bit-string of eight */
static void assert_status(uint8_t code, uint8_t result)
{
    const uint8_t want[] = { AXDR_STRUCTURE, 2, AXDR_ENUM, code, AXDR_BITS, 8, result };
    get(115, "0-0:19.40.0", 6);
    assert_int_equal(got.n, sizeof want);
    assert_memory_equal(got.p, want, sizeof want);
}

static void a_token_in_every_spelling(void **state)
{
    (void)state;
    uint8_t bcd[10], binary[9] = { 0 };
    char spaced[32];
    const char *t = units(100);
    assert_status(0, 0);
    assert_int_equal(enter(ROLE_OPERATOR, t, 20), DAR_OK);
    assert_status(3, STS_ACCEPT);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 10000);
    t = units(100);
    for (unsigned i = 0; i < 10; i++)
        bcd[i] = (uint8_t)((t[2 * i] - '0') << 4 | (t[2 * i + 1] - '0'));
    assert_int_equal(enter(ROLE_SUPERVISOR, bcd, 10), DAR_OK);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 20000);
    get(115, "0-0:19.40.0", 2);
    assert_int_equal(got.n, 12);
    assert_memory_equal(got.p + 2, bcd, 10);
    t = units(100);
    snprintf(spaced, sizeof spaced, "%.4s %.4s-%.4s %.4s %.4s", t, t + 4, t + 8, t + 12,
             t + 16);
    assert_int_equal(enter(ROLE_MANAGEMENT, spaced, 24), DAR_OK);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 30000);
    t = units(100);
    for (unsigned i = 0; i < 20; i++) {
        unsigned carry = (unsigned)(t[i] - '0');
        for (unsigned b = 9; b-- > 0;) {
            carry += binary[b] * 10u;
            binary[b] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    assert_int_equal(enter(ROLE_MANAGEMENT, binary, 9), DAR_OK);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 40000);
    assert_int_equal(number(1, "0-0:96.61.8", 2), 40000);
    assert_int_equal(enter(ROLE_MANAGEMENT, binary, 9), DAR_OK);
    assert_status(6, STS_USED);
    assert_int_equal(number(115, "0-0:19.40.0", 5), DELIVERY_REMOTE);
}

static void what_is_no_token(void **state)
{
    (void)state;
    static const uint8_t full[9] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    static const uint8_t hex[10] = { 0xAB, 0xCD };
    static const uint8_t u8[] = { AXDR_U8, 1 };
    char text[45];
    memset(text, '1', sizeof text);
    assert_int_equal(enter(ROLE_OPERATOR, full, 9), DAR_OK);
    assert_status(4, STS_FORMAT);
    assert_int_equal(enter(ROLE_OPERATOR, hex, 10), DAR_OK);
    assert_status(4, STS_FORMAT);
    assert_int_equal(enter(ROLE_OPERATOR, "", 0), DAR_OK);
    assert_status(4, STS_FORMAT);
    assert_int_equal(enter(ROLE_OPERATOR, text, 40), DAR_OK);
    assert_status(4, STS_FORMAT);
    assert_int_equal(enter(ROLE_OPERATOR, text, 41), DAR_OTHER);
    assert_int_equal(enter(ROLE_READER, units(10), 20), DAR_DENIED);
    assert_int_equal(
        desk_call(k, ROLE_OPERATOR, 115, desk_ln("0-0:19.40.0"), 1, u8, sizeof u8, NULL),
        DAR_TYPE);
    assert_int_equal(number(112, "0-0:19.10.0", 2), 0);
    get(115, "0-0:19.40.0", 2);
    assert_int_equal(got.n, 2); /* no digits of a token that was refused */
}

static void accounts_and_credits(void **state)
{
    (void)state;
    static const uint8_t add[] = { AXDR_I32, 0, 0, 4, 0xD2 },
                         minus[] = { AXDR_I32, 0xFF, 0xFF, 0xFF, 0x00 };
    static const uint8_t none[] = { AXDR_I8, 0 };
    struct obis credit = desk_ln("0-0:19.11.0"), account = desk_ln("0-0:19.1.0");
    static const uint8_t new[] = { AXDR_STRUCTURE, 2, AXDR_ENUM, 2, AXDR_ENUM, 1 };
    get(111, "0-0:19.1.0", 2);
    assert_memory_equal(got.p, new, sizeof new);
    assert_int_equal(desk_call(k, ROLE_SUPERVISOR, 112, credit, 1, add, 5, NULL), DAR_DENIED);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 112, credit, 1, add, 5, NULL), DAR_OK);
    desk_settle(k);
    assert_int_equal(number(112, "0-0:19.11.0", 2), 1234); /* 12.34 */
    assert_int_equal(number(111, "0-0:19.1.0", 5), 1234);
    assert_int_equal(wallet_balance(&k->d.meter, 1), INT64_C(12340000000));
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 112, credit, 2, minus, 5, NULL), DAR_OK);
    desk_settle(k);
    assert_int_equal(number(112, "0-0:19.11.0", 2), -256);
    assert_int_equal(number(111, "0-0:19.1.0", 5), 0);
    assert_int_equal(number(111, "0-0:19.1.0", 6), -256);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 111, account, 1, none, 2, NULL), DAR_OK);
    desk_settle(k);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 111, account, 1, none, 2, NULL),
                     DAR_TEMPORARY);
    desk_cut(k, 5);
    get(111, "0-0:19.1.0", 2);
    assert_int_equal(got.p[5], ACCOUNT_ACTIVE);
    assert_int_equal(number(112, "0-0:19.11.0", 2), -256);
}

static void a_currency_has_a_name(void **state)
{
    (void)state;
    static const uint8_t ghs[] = { AXDR_STRUCTURE, 3,    AXDR_UTF8, 3, 'G', 'H', 'S',
                                   AXDR_I8,        0xFE, AXDR_ENUM, 2 };
    static const uint8_t wrong[] = { AXDR_STRUCTURE, 3,    AXDR_UTF8, 3, 'G', 'H', 'S',
                                     AXDR_I8,        0xFD, AXDR_ENUM, 2 };
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 111, desk_ln("0-0:19.1.0"), 15, wrong, sizeof wrong, 0),
        DAR_OTHER);
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 111, desk_ln("0-0:19.0.0"), 15, ghs, sizeof ghs, 0),
        DAR_OK); /* the first wallet becomes one of money */
    desk_settle(k);
    get(111, "0-0:19.0.0", 15);
    assert_int_equal(got.n, sizeof ghs);
    assert_memory_equal(got.p, ghs, sizeof ghs);
    assert_true(wallet_is_money(&k->d.meter, 0));
}

static void what_belongs_to_the_key(void **state)
{
    (void)state;
    const struct sts_key *key = k->meter.decoder;
    assert_int_equal(number(116, "0-0:19.60.0", 5), STS_EA_STA);
    assert_int_equal(number(116, "0-0:19.60.0", 6), key->sgc);
    assert_int_equal(number(116, "0-0:19.60.0", 7), key->ti);
    assert_int_equal(number(116, "0-0:19.60.0", 8), key->krn);
    assert_int_equal(number(116, "0-0:19.60.0", 9), STS_KT_UNIQUE);
    assert_int_equal(number(116, "0-0:19.60.0", 10), 255);
    get(116, "0-0:19.60.0", 2);
    assert_int_equal(be_get32(got.p + 3), 600727);
    assert_int_equal(be_get64(got.p + 8), 18); /* 0000000001 and its check digit */
}

/* The rows of a log as they come: an array of structures, the first column the clock. */
static struct axdr_in rows_of(const char *ln, uint32_t rows, uint32_t columns)
{
    static uint8_t table[4096];
    got = (struct desk_value){ table, sizeof table };
    assert_int_equal(desk_get(k, ROLE_READER, 7, desk_ln(ln), 2, NULL, 0, &got), DAR_OK);
    struct axdr_in in = axdr_in(got.p, got.n);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), rows);
    got = (struct desk_value){ octets, sizeof octets };
    get(7, ln, 7);
    struct axdr_in count = axdr_in(got.p, got.n);
    assert_int_equal(axdr_read_u32(&count), rows);
    static uint8_t capture[512];
    got = (struct desk_value){ capture, sizeof capture };
    assert_int_equal(desk_get(k, ROLE_READER, 7, desk_ln(ln), 3, NULL, 0, &got), DAR_OK);
    struct axdr_in objects = axdr_in(got.p, got.n);
    assert_int_equal(axdr_read_head(&objects, AXDR_ARRAY), columns);
    return in;
}

static void histories_of_tokens(void **state)
{
    (void)state;
    uint8_t time[12], bcd[10];
    size_t n = 0;
    char limit[STS_DIGITS + 1];
    const struct sts_key *key = k->meter.decoder;
    struct sts_fields f = { .v = { [STS_TID] = tid++, [STS_VALUE] = 2000 } };
    struct made m;
    make_token(&m, key, 2, make_block(sts_form_find(2, 0, key->ea), &f));
    memcpy(limit, m.digits, sizeof limit);
    (void)rows_of("0-0:99.17.0", 0, 8);
    (void)rows_of("0-0:99.15.0", 0, 4);
    assert_int_equal(enter(ROLE_OPERATOR, limit, 20), DAR_OK);
    const char *t = units(123);
    for (unsigned i = 0; i < 10; i++)
        bcd[i] = (uint8_t)((t[2 * i] - '0') << 4 | (t[2 * i + 1] - '0'));
    assert_int_equal(enter(ROLE_OPERATOR, t, 20), DAR_OK);
    assert_int_equal(enter(ROLE_OPERATOR, t, 20), DAR_OK); /* used: a row without digits */
    struct axdr_in in = rows_of("0-0:99.17.0", 3, 8);
    struct axdr_in first = axdr_read_value(&in);
    (void)first;
    assert_true(axdr_read_struct(&in, 8));
    axdr_read_datetime(&in, time);
    const uint8_t *digits = axdr_read_string(&in, AXDR_OCTETS, &n);
    assert_int_equal(n, 10);
    assert_memory_equal(digits, bcd, 10);
    assert_int_equal(axdr_read_u16(&in), 0); /* class 0, sub-class 0 */
    assert_true(axdr_read_struct(&in, 2));
    assert_int_equal(axdr_read_enum(&in), 3);
    uint8_t result = 0;
    axdr_read_bits(&in, &result, 8);
    assert_int_equal(result, STS_ACCEPT);
    assert_int_equal(axdr_read_i64(&in), 123);
    assert_int_equal(axdr_read_enum(&in), DELIVERY_REMOTE);
    (void)axdr_read_u8(&in); /* the channel of the desk's client */
    assert_int_equal(axdr_read_u8(&in), 0);
    assert_true(axdr_read_struct(&in, 8));
    axdr_read_datetime(&in, time);
    axdr_read_string(&in, AXDR_OCTETS, &n);
    assert_int_equal(n, 0);
    assert_int_equal(axdr_read_u16(&in), 0);
    assert_true(axdr_read_struct(&in, 2));
    assert_int_equal(axdr_read_enum(&in), 6);
    axdr_read_bits(&in, &result, 8);
    assert_int_equal(result, STS_USED);
    in = rows_of("0-0:99.15.0", 1, 4);
    assert_true(axdr_read_struct(&in, 4));
    axdr_read_datetime(&in, time);
    assert_int_equal(axdr_read_i64(&in), 123);
    assert_int_equal(axdr_read_u8(&in), 0);
    assert_int_equal(axdr_read_u32(&in), tid - 1);
    assert_true(axdr_is_done(&in));
}

/* The credit history keeps what other tokens would drive out; management forgets one of them. */
static void histories_are_two(void **state)
{
    static const uint8_t none[] = { AXDR_I8, 0 };
    (void)state;
    assert_int_equal(enter(ROLE_OPERATOR, units(5), 20), DAR_OK);
    desk_cut(k, 5);
    (void)rows_of("0-0:99.17.0", 1, 8);
    (void)rows_of("0-0:99.15.0", 1, 4);
    struct obis log = desk_ln("0-0:99.17.0");
    assert_int_equal(desk_call(k, ROLE_OPERATOR, 7, log, 1, none, 2, NULL), DAR_DENIED);
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 7, log, 1, none, 2, NULL), DAR_OK);
    desk_settle(k);
    (void)rows_of("0-0:99.17.0", 0, 8);
    (void)rows_of("0-0:99.15.0", 1, 4);
    struct event_row row;
    uint32_t last = event_span(&k->d.meter, LOG_STANDARD).next - 1;
    assert_int_equal(event_read(&k->d.meter, LOG_STANDARD, last, &row), 0);
    assert_int_equal(row.code, EV_DATA_CLEARED);
}

/* A currency of large numbers: the cost of an hour does not wrap. */
static void an_hour_that_costs_too_much_to_say(void **state)
{
    (void)state;
    struct scheme s = { .name = "large", .steps = 1 };
    static const struct who client = { .link = LINK_WAN };
    enum scheme_fault fault;
    for (unsigned t = 0; t < TARIFFS; t++) s.step[0].price[t] = 900000000;
    assert_int_equal(expense_scheme_set(&k->d.meter, &client, &s, &fault), 0);
    desk_settle(k);
    assert_int_equal(expense_activate(&k->d.meter, &client), 0);
    desk_settle(k);
    k->d.meter.now.quantity[VAL_P_MW] = 2000000;
    assert_int_equal(number(1, "0-0:96.60.12", 2), 1800000000);
    k->d.meter.now.quantity[VAL_P_MW] = 8000000;
    assert_int_equal(number(1, "0-0:96.60.12", 2), UINT32_MAX);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_token_in_every_spelling), T(what_is_no_token),
        T(accounts_and_credits),      T(a_currency_has_a_name),
        T(what_belongs_to_the_key),   T(an_hour_that_costs_too_much_to_say),
        T(histories_of_tokens),       T(histories_are_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
