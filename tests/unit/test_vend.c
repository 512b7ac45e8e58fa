/* The vending station over a database, its tokens entered into a meter made of src/sts.
 * VEND_TEST_DB names another database than one in memory: vend_postgres.py does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "sts/code.h"
#include "sts/dkga.h"
#include "tools/vend/csv.h"
#include "tools/vend/operator.h"
#include "tools/vend/station.h"

#define ROUNDS 10              /* of the passphrase: tests need not wait */
#define T0 INT64_C(1767268800) /* 2026-01-01T12:00:00Z */

static struct station st;
static const struct caller clerk = { "clerk", STATION_CLERK },
                           admin = { "admin", STATION_ADMIN },
                           boss = { "supervisor", STATION_SUPERVISOR };
static int status;

/* ---- helpers */

static const char *url(void)
{
    const char *named = getenv("VEND_TEST_DB");
    return named ? named : ":memory:";
}

static int setup(void **state)
{
    char why[200];
    (void)state;
    if (station_open(&st, url(), "open sesame", ROUNDS, why)) {
        print_error("%s\n", why);
        return -1;
    }
    if (db_is_server(st.db)) {
        static const char *const tables[] = { "DELETE FROM token",
                                              "DELETE FROM sale",
                                              "DELETE FROM change",
                                              "DELETE FROM campaign",
                                              "DELETE FROM meter",
                                              "DELETE FROM customer",
                                              "DELETE FROM tariff",
                                              "DELETE FROM vkey",
                                              "DELETE FROM supply",
                                              "DELETE FROM operator",
                                              "DELETE FROM audit",
                                              "ALTER SEQUENCE customer_id_seq RESTART WITH 1",
                                              "ALTER SEQUENCE vkey_id_seq RESTART WITH 1" };
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
            db_run(st.db, tables[i], "");
    }
    st.fixed.s = T0;
    st.password_rounds = ROUNDS;
    return station_demo(&st, 1);
}

static int teardown(void **state)
{
    (void)state;
    station_close(&st);
    return 0;
}

/* An operation with its fields as JSON in single quotes; the answer is the caller's. */
static json_t *ask_as(const struct caller *who, const char *op, const char *text)
{
    char fields[4096];
    json_error_t error;
    snprintf(fields, sizeof fields, "%s", text);
    for (char *p = fields; *p; p++)
        if (*p == '\'') *p = '"';
    json_t *in = json_loads(fields, 0, &error);
    if (in == NULL) print_error("%s: %s\n", fields, error.text);
    assert_non_null(in);
    json_t *out = station_do(&st, who, op, in, &status);
    json_decref(in);
    assert_non_null(out);
    return out;
}

static json_t *good(const struct caller *who, const char *op, const char *text)
{
    json_t *out = ask_as(who, op, text);
    if (status != STATION_OK)
        print_error("%s %s: %s\n", op, text, json_string_value(json_object_get(out, "error")));
    assert_int_equal(status, STATION_OK);
    return out;
}

static void bad(const struct caller *who, const char *op, const char *text, int want)
{
    json_t *out = ask_as(who, op, text);
    if (status != want) print_error("%s %s: %d\n", op, text, status);
    assert_int_equal(status, want);
    assert_non_null(json_string_value(json_object_get(out, "error")));
    json_decref(out);
}

static void done(const struct caller *who, const char *op, const char *text)
{
    json_decref(good(who, op, text));
}

static const char *text_of(const json_t *j, const char *field)
{
    const char *text = json_string_value(json_object_get(j, field));
    return text ? text : "";
}

/* ---- a meter */

struct meter {
    struct sts_key key;
    struct sts_tids tids;
    struct sts_pending pending;
    struct sts_verdict v;
};

static void make_meter(struct meter *m, int dkga, int ea, const char *vending_key, int base)
{
    struct sts_key_plan p = { .dkga = (uint8_t)dkga,
                              .base_year = (uint16_t)base,
                              .ea = (uint8_t)ea,
                              .kt = STS_KT_UNIQUE,
                              .krn = 1,
                              .ti = 1,
                              .sgc = 123456 };
    memset(m, 0, sizeof *m);
    p.vending_key_len = (uint8_t)(strlen(vending_key) / 2);
    for (int i = 0; i < p.vending_key_len; i++) {
        unsigned octet;
        assert_int_equal(sscanf(vending_key + 2 * i, "%2x", &octet), 1);
        p.vending_key[i] = (uint8_t)octet;
    }
    sts_pan(p.pan, 1);
    assert_int_equal(sts_dkga(&m->key, &p), 0);
}

static int enter(struct meter *m, const char *digits)
{
    static const struct sts_rules rules = { .room_units = INT64_MAX,
                                            .room_currency = INT64_MAX,
                                            .tests = 0x3FF,
                                            .section_ms = 600000,
                                            .management = 0xFFFF,
                                            .functions = 0xFFFF,
                                            .credits = 0x11 };
    sts_judge(&m->v, &rules, &m->key, &m->tids, &m->pending, digits);
    m->pending = m->v.pending;
    sts_tids_put(&m->tids, &m->v);
    if (m->v.effect == STS_CHANGE_KEY) m->key = m->v.key;
    return m->v.result;
}

static struct meter meter;

static void demo_meter(void)
{
    make_meter(&meter, 2, STS_EA_STA, "abababababababab", 2014);
}

#define SELL(rest) "{'meter':'00000000018'," rest "}"

/* ---- the module */

static void passphrases(void **state)
{
    uint8_t ours[32], theirs[32], salt[16] = { 1, 2, 3 };
    struct sm_lock lock;
    struct sm *sm;
    (void)state;
    sm_pbkdf2(ours, "correct horse", salt, sizeof salt, 1000);
    PKCS5_PBKDF2_HMAC("correct horse", 13, salt, sizeof salt, 1000, EVP_sha256(), 32, theirs);
    assert_memory_equal(ours, theirs, 32);
    assert_int_equal(sm_new(&lock, "right", 5), 0);
    assert_int_equal(sm_open(&sm, &lock, "wrong"), E_AUTH);
    assert_null(sm);
    assert_int_equal(sm_open(&sm, &lock, "right"), 0);
    sm_close(sm);
    lock.check[40] = lock.check[40] == '0' ? '1' : '0';
    assert_int_equal(sm_open(&sm, &lock, "right"), E_AUTH);
}

static const struct sm_use use = { 123456, 2014, 2, STS_KT_UNIQUE, 1, STS_KEN_NEVER };
static const uint8_t plain_key[8] = { 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB };

static uint64_t credit_block(uint32_t tid)
{
    struct sts_fields f = { .v = { [STS_TID] = tid, [STS_VALUE] = 100 } };
    return make_block(sts_form_find(0, 0, STS_EA_STA), &f);
}

static void keys_are_bound_to_their_use(void **state)
{
    struct sm_key k, changed;
    struct sm_meter m = { .ea = STS_EA_STA, .ti = 1 };
    struct made made;
    (void)state;
    sts_pan(m.pan, 1);
    assert_int_equal(sm_wrap(st.sm, &k, &use, plain_key, 8), 0);
    assert_int_equal(sm_token(st.sm, &made, &k, &m, 0, credit_block(1000)), 0);
    demo_meter();
    assert_int_equal(enter(&meter, made.digits), STS_ACCEPT);
    for (int field = 0; field < 5; field++) {
        changed = k;
        if (field == 0) changed.use.sgc++;
        if (field == 1) changed.use.base_year = 2035;
        if (field == 2) changed.use.krn = 2;
        if (field == 3) changed.use.ken = 5;
        if (field == 4) changed.blob[60] = changed.blob[60] == '0' ? '1' : '0';
        assert_int_equal(sm_token(st.sm, &made, &changed, &m, 0, credit_block(1000)), E_AUTH);
    }
    assert_int_equal(sm_wrap(st.sm, &k, &use, plain_key, 7), E_RANGE);
    changed.use = use;
    changed.use.dkga = 5;
    assert_int_equal(sm_generate(st.sm, &k, &changed.use), E_RANGE);
    m.ea = STS_EA_MISTY1; /* not under DKGA02 */
    assert_int_equal(sm_wrap(st.sm, &k, &use, plain_key, 8), 0);
    assert_int_equal(sm_token(st.sm, &made, &k, &m, 0, credit_block(1000)), E_RANGE);
}

static void the_module_makes_nothing_else(void **state)
{
    struct sm_key k;
    struct sm_use expiring = use;
    struct sm_meter m = { .ea = STS_EA_STA, .ti = 1 };
    struct made made;
    (void)state;
    sts_pan(m.pan, 1);
    expiring.ken = 5;
    assert_int_equal(sm_wrap(st.sm, &k, &expiring, plain_key, 8), 0);
    assert_int_equal(sm_token(st.sm, &made, &k, &m, 0, credit_block(0x5FFFF)), 0);
    assert_int_equal(sm_token(st.sm, &made, &k, &m, 0, credit_block(0x60000)), E_STATE);
    assert_int_equal(sm_token(st.sm, &made, &k, &m, 1, 0), E_RANGE);
    assert_int_equal(sm_token(st.sm, &made, &k, &m, 2, UINT64_C(3) << 60),
                     E_RANGE); /* key parts */
    assert_int_equal(sm_token(st.sm, &made, &k, &m, 2, UINT64_C(9) << 60), E_RANGE);
    sm_limit(st.sm, 3);
    int made_count = 0;
    for (int i = 0; i < 20; i++)
        made_count += sm_token(st.sm, &made, &k, &m, 0, credit_block(1000)) == 0;
    assert_in_range(made_count, 1, 6); /* a minute may end in between */
    sm_permit(st.sm, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sm_token(st.sm, &made, &k, &m, 0, credit_block(1000)), 0);
}

static void no_key_lies_in_the_file(void **state)
{
    char path[] = "/tmp/m22-vend-XXXXXX", why[200];
    int fd = mkstemp(path);
    struct station other;
    (void)state;
    close(fd);
    assert_int_equal(station_open(&other, path, "secret words", ROUNDS, why), 0);
    other.password_rounds = ROUNDS;
    assert_int_equal(station_demo(&other, 1), 0);
    station_close(&other);
    FILE *f = fopen(path, "rb");
    static char all[1 << 20];
    size_t n = fread(all, 1, sizeof all, f);
    fclose(f);
    assert_true(n > 4096 && n < sizeof all);
    for (size_t i = 0; i + 16 < n; i++) {
        assert_memory_not_equal(all + i, plain_key, 8);
        assert_true(memcmp(all + i, "abababababababab", 16) != 0);
        assert_true(memcmp(all + i, "ABABABABABABABAB", 16) != 0);
        assert_true(memcmp(all + i, "secret words", 12) != 0);
    }
    assert_int_equal(station_open(&other, path, "other words", 0, why), E_AUTH);
    assert_non_null(strstr(why, "passphrase"));
    unlink(path);
}

/* ---- who may do what */

static void rights(void **state)
{
    static const char *const for_clerks[] = { "status",    "groups", "tariffs",
                                              "customers", "meters", "sales" };
    static const char *const not_for_clerks[] = {
        "tokens",     "customer_put", "meter_put",    "manage",   "test",       "key_change",
        "export",     "import",       "group_put",    "keys",     "key_import", "key_generate",
        "tariff_put", "operators",    "operator_put", "rollover", "rollovers",  "audit"
    };
    (void)state;
    for (size_t i = 0; i < sizeof for_clerks / sizeof *for_clerks; i++)
        done(&clerk, for_clerks[i], "{}");
    for (size_t i = 0; i < sizeof not_for_clerks / sizeof *not_for_clerks; i++)
        bad(&clerk, not_for_clerks[i], "{}", STATION_FORBIDDEN);
    for (size_t i = 8; i < sizeof not_for_clerks / sizeof *not_for_clerks; i++)
        bad(&boss, not_for_clerks[i], "{}", STATION_FORBIDDEN);
    bad(&admin, "drop", "{}", STATION_UNKNOWN);
    bad(&admin, "status", "[]", STATION_BAD);
}

static void logins(void **state)
{
    struct caller who;
    (void)state;
    assert_int_equal(station_login(&st, &who, "clerk", "clerk"), 0);
    assert_int_equal(who.role, STATION_CLERK);
    assert_int_equal(station_login(&st, &who, "clerk", "clerk "), E_AUTH);
    assert_int_equal(station_login(&st, &who, "nobody", "clerk"), E_AUTH);
    assert_int_equal(station_login(&st, &who, "", ""), E_AUTH);
    bad(&admin, "operator_put", "{'name':'eve','role':'clerk','password':'short'}",
        STATION_BAD);
    bad(&admin, "operator_put", "{'name':'eve','role':'king','password':'long enough'}",
        STATION_BAD);
    done(&admin, "operator_put", "{'name':'eve','role':'supervisor','password':'long enough'}");
    assert_int_equal(station_login(&st, &who, "eve", "long enough"), 0);
    assert_int_equal(who.role, STATION_SUPERVISOR);
    done(&admin, "operator_put", "{'name':'eve','role':'clerk','password':'another one'}");
    assert_int_equal(station_login(&st, &who, "eve", "long enough"), E_AUTH);
}

/* ---- sales */

static void a_sale(void **state)
{
    (void)state;
    demo_meter();
    /* 11.50 at 15 % VAT leaves 10.00, at 0.25 a kWh 40.0 kWh */
    json_t *r = good(&clerk, "sell", SELL("'amount':'11.50'"));
    assert_string_equal(text_of(r, "amount"), "11.50");
    assert_string_equal(text_of(r, "vat"), "1.50");
    assert_string_equal(text_of(r, "net"), "10.00");
    assert_string_equal(text_of(r, "units_kwh"), "40.0");
    assert_string_equal(text_of(r, "time"), "2026-01-01T12:00:00Z");
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
    assert_int_equal(meter.v.amount, 400);
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_USED);
    uint32_t tid;
    sts_tid_at(&tid, st.fixed, 2014);
    assert_int_equal(meter.v.tid, tid);
    json_decref(r);
    /* 10 kWh cost 2.50 and VAT: 2.875, to the cent 2.88 */
    r = good(&clerk, "sell", SELL("'units':10"));
    assert_string_equal(text_of(r, "amount"), "2.88");
    assert_string_equal(text_of(r, "units_kwh"), "10.0");
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
    assert_int_equal(meter.v.tid, tid + 1); /* the same minute: the next number */
    json_decref(r);
    r = good(&clerk, "quote", SELL("'amount':'11.50'"));
    assert_string_equal(text_of(r, "units_kwh"), "40.0");
    assert_null(json_object_get(r, "token"));
    json_decref(r);
}

static void sales_that_are_refused(void **state)
{
    (void)state;
    bad(&clerk, "sell", SELL("'amount':'0'"), STATION_BAD);
    bad(&clerk, "sell", SELL("'amount':'0.01'"), STATION_BAD);
    bad(&clerk, "sell", SELL("'amount':'-5'"), STATION_BAD);
    bad(&clerk, "sell", SELL("'amount':'1.005'"), STATION_BAD);
    bad(&clerk, "sell", SELL("'amount':'ten'"), STATION_BAD);
    bad(&clerk, "sell", SELL("'amount':'1e30'"), STATION_BAD);
    bad(&clerk, "sell", SELL("'amount':600000"), STATION_BAD); /* more than a token says */
    bad(&clerk, "sell", SELL("'amount':[1]"), STATION_BAD);
    bad(&clerk, "sell", SELL("'units':0"), STATION_BAD);
    bad(&clerk, "sell", SELL("'units':1820162.5"), STATION_BAD);
    bad(&clerk, "sell", "{'amount':5}", STATION_BAD);
    bad(&clerk, "sell", "{'meter':'00000000026','amount':5}", STATION_UNKNOWN);
    bad(&clerk, "sell", "{'meter':{},'amount':5}", STATION_BAD);
    st.fixed.s = INT64_C(2400000000); /* 2046: base date 2014 has run out */
    bad(&clerk, "sell", SELL("'amount':5"), STATION_CONFLICT);
    st.fixed.s = T0;
    assert_int_equal(db_value(st.db, -1, "SELECT count(*) FROM sale", ""), 0);
    assert_int_equal(db_value(st.db, -1, "SELECT count(*) FROM token", ""), 0);
}

static void a_request_counts_once(void **state)
{
    char first[24];
    (void)state;
    json_t *r = good(&clerk, "sell", SELL("'amount':5,'request_id':'shop-7/0001'"));
    snprintf(first, sizeof first, "%s", text_of(r, "token"));
    assert_null(json_object_get(r, "is_repeat"));
    json_decref(r);
    for (int i = 0; i < 3; i++) {
        r = good(&clerk, "sell", SELL("'amount':5,'request_id':'shop-7/0001'"));
        assert_string_equal(text_of(r, "token"), first);
        assert_true(json_is_true(json_object_get(r, "is_repeat")));
        json_decref(r);
    }
    r = good(&clerk, "sell", SELL("'amount':5,'request_id':'shop-7/0002'"));
    assert_string_not_equal(text_of(r, "token"), first);
    json_decref(r);
    assert_int_equal(db_value(st.db, -1, "SELECT count(*) FROM sale", ""), 2);
}

static void identifiers_never_repeat(void **state)
{
    uint32_t midnight;
    (void)state;
    demo_meter();
    st.fixed.s = T0 / 86400 * 86400 + 3 * 86400; /* 00:00; the minute after is kept free */
    sts_tid_at(&midnight, st.fixed, 2014);
    for (uint32_t i = 0; i < 5; i++) {
        json_t *r = good(&clerk, "sell", SELL("'amount':5"));
        assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
        assert_int_equal(meter.v.tid, midnight + i + (i > 0));
        json_decref(r);
    }
    st.fixed.s += 60; /* 00:01: numbers already run ahead */
    json_t *r = good(&clerk, "sell", SELL("'amount':5"));
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
    assert_int_equal(meter.v.tid, midnight + 6);
    json_decref(r);
    st.fixed.s += 86400; /* the next day, exactly 00:01 */
    r = good(&clerk, "sell", SELL("'amount':5"));
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
    assert_int_equal(meter.v.tid, midnight + 1440 + 2);
    json_decref(r);
}

static void receipts_and_history(void **state)
{
    (void)state;
    json_t *r = good(&clerk, "sell", SELL("'amount':5"));
    int64_t id = json_integer_value(json_object_get(r, "receipt"));
    char ask[64];
    snprintf(ask, sizeof ask, "{'receipt':%lld}", (long long)id);
    json_t *again = good(&clerk, "receipt", ask);
    assert_string_equal(text_of(again, "token"), text_of(r, "token"));
    assert_int_equal(json_integer_value(json_object_get(again, "copies")), 1);
    json_decref(again);
    again = good(&clerk, "receipt", ask);
    assert_int_equal(json_integer_value(json_object_get(again, "copies")), 2);
    json_decref(again);
    bad(&clerk, "receipt", "{'receipt':99999}", STATION_UNKNOWN);
    again =
        good(&clerk, "sales", "{'meter':'600727000000000181'}"); /* by its PAN, if it is one */
    json_decref(again);
    again = good(&clerk, "sales", "{}");
    assert_int_equal(json_array_size(json_object_get(again, "sales")), 1);
    json_decref(again);
    again = good(&boss, "tokens", "{'meter':'00000000018'}");
    json_t *token = json_array_get(json_object_get(again, "tokens"), 0);
    assert_string_equal(text_of(token, "token"), text_of(r, "token"));
    assert_string_equal(text_of(token, "operator"), "clerk");
    json_decref(again);
    json_decref(r);
}

static void a_money_meter(void **state)
{
    (void)state;
    done(&admin, "key_import",
         "{'sgc':123456,'dkga':4,'krn':2,'base_date':2014,"
         "'vending_key':'abababababababab949494949494949401234567'}");
    done(&boss, "meter_put",
         "{'meter':'00000000026','sgc':123456,'ti':1,'ea':11,'is_money':1}");
    json_t *r = good(&clerk, "sell", "{'meter':'00000000026','amount':'23.00'}");
    assert_string_equal(text_of(r, "net"), "20.00");
    assert_true(json_is_null(json_object_get(r, "units_kwh")));
    struct sts_key_plan p = { .dkga = 4,
                              .base_year = 2014,
                              .ea = 11,
                              .kt = 2,
                              .krn = 2,
                              .ti = 1,
                              .sgc = 123456,
                              .vending_key_len = 20 };
    static const uint8_t key[20] = {
        0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0x94, 0x94,
        0x94, 0x94, 0x94, 0x94, 0x94, 0x94, 0x01, 0x23, 0x45, 0x67
    };
    memcpy(p.vending_key, key, sizeof key);
    sts_pan(p.pan, 2);
    memset(&meter, 0, sizeof meter);
    assert_int_equal(sts_dkga(&meter.key, &p), 0);
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
    assert_int_equal(meter.v.effect, STS_CURRENCY);
    assert_in_range(meter.v.amount, 2000000, 2001000); /* rounded up to what a token says */
    json_decref(r);
    bad(&clerk, "sell", "{'meter':'00000000026','units':5}", STATION_BAD);
}

static void management(void **state)
{
    static const struct {
        const char *fields;
        int effect;
        int64_t amount;
    } rows[] = {
        { SELL("'kind':'power_limit','value':20000"), STS_POWER_LIMIT, 20004 },
        { SELL("'kind':'clear_credit','value':65535"), STS_CLEAR_CREDIT, 65535 },
        { SELL("'kind':'tariff_rate','value':3"), STS_TARIFF, 3 },
        { SELL("'kind':'clear_tamper'"), STS_CLEAR_TAMPER, 0 },
        { SELL("'kind':'unbalance_limit','value':10"), STS_UNBALANCE_LIMIT, 10 },
        { SELL("'kind':'extended','index':63,'data':5"), STS_EXTENDED, 5 },
        { SELL("'kind':'manufacturer','index':1,'data':1"), STS_MANUFACTURER, 1 },
    };
    (void)state;
    demo_meter();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *r = good(&boss, "manage", rows[i].fields);
        assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
        assert_int_equal(meter.v.effect, rows[i].effect);
        assert_int_equal(meter.v.amount, rows[i].amount);
        json_decref(r);
    }
    bad(&boss, "manage", SELL("'kind':'free_money'"), STATION_BAD);
    bad(&boss, "manage", SELL("'kind':'power_limit'"), STATION_BAD);
    bad(&boss, "manage", SELL("'kind':'extended','index':64,'data':0"), STATION_BAD);
    json_t *r = good(&boss, "test", "{'control':'fffffffff'}");
    assert_string_equal(text_of(r, "token"), "56493153725450313471");
    json_decref(r);
    bad(&boss, "test", "{'control':'1fffffffff'}", STATION_BAD);
}

/* ---- change of key */

static int enter_all(const json_t *tokens)
{
    size_t i;
    json_t *t;
    int result = 0;
    json_array_foreach(tokens, i, t) result = enter(&meter, text_of(t, "token"));
    return result;
}

static void a_change_of_key(void **state)
{
    (void)state;
    demo_meter();
    done(&admin, "group_put", "{'sgc':654321,'name':'Next town'}");
    done(&admin, "key_generate", "{'sgc':654321,'dkga':2,'krn':3,'base_date':2014}");
    json_t *old = good(&clerk, "sell", SELL("'amount':5"));
    json_t *r = good(&boss, "key_change", SELL("'sgc':654321,'krn':3,'ti':7"));
    json_t *tokens = json_object_get(r, "tokens");
    assert_int_equal(json_array_size(tokens), 3); /* another supply group wants a third */
    assert_int_equal(enter_all(tokens), STS_ACCEPT);
    assert_true(meter.key.sgc == 654321 && meter.key.krn == 3 && meter.key.ti == 7);
    assert_int_equal(enter(&meter, text_of(old, "token")), STS_CRC); /* of the old key */
    json_decref(r);
    json_decref(old);
    bad(&clerk, "sell", SELL("'amount':5"), STATION_CONFLICT); /* no tariff 07 */
    done(&admin, "tariff_put", "{'ti':7,'name':'Shops','price':'0.5'}");
    r = good(&clerk, "sell", SELL("'amount':5"));
    assert_int_equal(json_array_size(json_object_get(r, "enter_first")), 3);
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
    json_decref(r);
    r = good(&clerk, "sell", SELL("'amount':5")); /* once is enough */
    assert_int_equal(json_array_size(json_object_get(r, "enter_first")), 0);
    json_decref(r);
    bad(&boss, "key_change", SELL("'krn':9"), STATION_UNKNOWN);
    bad(&boss, "key_change", SELL("'key_id':99999"), STATION_UNKNOWN);
}

static void many_meters(int n)
{
    char *csv = malloc((size_t)n * 40 + 100);
    size_t used = (size_t)sprintf(csv, "meter,sgc,ti\n");
    for (int i = 0; i < n; i++) {
        char drn[12];
        sts_drn(drn, (uint32_t)(1000 + i));
        used += (size_t)sprintf(csv + used, "%s,123456,1\n", drn);
    }
    json_t *in = json_pack("{s:s, s:s}", "list", "meters", "csv", csv);
    json_decref(station_do(&st, &admin, "import", in, &status));
    assert_int_equal(status, STATION_OK);
    json_decref(in);
    free(csv);
}

static void a_campaign_over_all_meters(void **state)
{
    int64_t made = 0, total = 0;
    (void)state;
    demo_meter();
    many_meters(1200);
    done(&admin, "key_generate", "{'sgc':123456,'dkga':2,'krn':2,'base_date':2035}");
    bad(&admin, "rollover", "{'from_base_date':2014,'base_date':2035}", STATION_CONFLICT);
    bad(&admin, "key_change", SELL("'krn':2,'base_date':2035"), STATION_CONFLICT);
    st.fixed.s = INT64_C(2051222400) + 3600; /* 2035-01-01, an hour in: small numbers again */
    bad(&admin, "rollover", "{'from_base_date':2014,'base_date':1993}", STATION_CONFLICT);
    bad(&admin, "rollover", "{'from_base_date':2014,'base_date':2014}", STATION_BAD);
    json_t *r = good(&admin, "rollover", "{'from_base_date':2014,'base_date':2035}");
    int64_t id = json_integer_value(json_object_get(r, "campaign"));
    assert_int_equal(json_integer_value(json_object_get(r, "left")), 1201);
    json_decref(r);
    assert_int_equal(station_rollover_step(&st, id, &made, &total), 500);
    assert_true(made == 500 && total == 1201);
    /* asked for again, as after a crash: the same campaign goes on */
    r = good(&admin, "rollover", "{'from_base_date':2014,'base_date':2035}");
    assert_int_equal(json_integer_value(json_object_get(r, "campaign")), id);
    assert_int_equal(json_integer_value(json_object_get(r, "left")), 701);
    json_decref(r);
    assert_int_equal(station_rollover_step(&st, id, &made, &total), 500);
    assert_int_equal(station_rollover_step(&st, id, &made, &total), 201);
    assert_int_equal(station_rollover_step(&st, id, &made, &total), 0);
    assert_int_equal(made, 1201);
    assert_int_equal(db_value(st.db, 0, "SELECT count(*) FROM change", ""), 1201);
    assert_int_equal(db_value(st.db, 0, "SELECT count(*) FROM token", ""), 2 * 1201);
    assert_int_equal(db_value(st.db, 0, "SELECT count(DISTINCT digits) FROM token", ""),
                     2 * 1201);
    r = good(&admin, "rollovers", "{}");
    assert_true(text_of(json_array_get(json_object_get(r, "campaigns"), 0), "ended")[0] != 0);
    json_decref(r);
    /* the customer buys: change tokens come first, and the TID store is empty after them */
    enter(&meter, "00000000000000000000");
    sts_tids_init(&meter.tids, 9000000);
    r = good(&clerk, "sell", SELL("'amount':5"));
    json_t *first = json_object_get(r, "enter_first");
    assert_int_equal(json_array_size(first), 2);
    assert_int_equal(enter_all(first), STS_ACCEPT);
    assert_true(meter.v.is_rollover);
    assert_int_equal(enter(&meter, text_of(r, "token")), STS_ACCEPT);
    assert_in_range(meter.v.tid, 60, 61);
    json_decref(r);
}

/* ---- audit, lists, hostile input */

static void the_trail_shows_what_was_done_and_changed(void **state)
{
    (void)state;
    done(&clerk, "sell", SELL("'amount':5"));
    done(&boss, "manage", SELL("'kind':'clear_tamper'"));
    json_t *r = good(&admin, "audit", "{'verify':1}");
    json_t *trail = json_object_get(r, "audit");
    assert_true(json_is_true(json_object_get(r, "is_whole")));
    assert_string_equal(text_of(json_array_get(trail, 0), "action"), "manage");
    assert_string_equal(text_of(json_array_get(trail, 1), "operator"), "clerk");
    json_decref(r);
    assert_int_equal(
        db_run(st.db, "UPDATE audit SET detail = 'nothing' WHERE action = 'sale'", ""), 1);
    r = good(&admin, "audit", "{'verify':1}");
    assert_true(json_is_false(json_object_get(r, "is_whole")));
    json_decref(r);
}

static void lists_in_and_out(void **state)
{
    (void)state;
    done(&boss, "import",
         "{'list':'customers','csv':'name,phone,address\\r\\n\\\"Doe, Jane\\\",0123,\\\"1 Main "
         "St, back door\\\"\\r\\n=cmd(),1,x\\r\\n'}");
    bad(&boss, "import", "{'list':'customers','csv':'phone\\n1\\n'}", STATION_BAD);
    bad(&boss, "import", "{'list':'customers','csv':'name\\n\\\"open'}", STATION_BAD);
    bad(&boss, "import", "{'list':'customers','csv':''}", STATION_BAD);
    bad(&boss, "import", "{'list':'customers','csv':'name,fone\\nA,1\\n'}", STATION_BAD);
    bad(&boss, "import", "{'list':'operators','csv':'x'}", STATION_BAD);
    bad(&boss, "import",
        "{'list':'meters','csv':'meter,sgc,ti\\n00000000034,123456,1\\n123,123456,1\\n'}",
        STATION_BAD);
    bad(&clerk, "quote", "{'meter':'00000000034','amount':5}",
        STATION_UNKNOWN); /* none of the rows */
}

static void cells(void **state)
{
    char text[] = "a,\"b \"\"x\"\"\",\r\n\n\"line\nbreak\",2,3,4\nlast";
    struct csv c;
    char *cell[CSV_COLUMNS];
    (void)state;
    csv_begin(&c, text, strlen(text));
    assert_int_equal(csv_read(&c, cell), 3);
    assert_string_equal(cell[1], "b \"x\"");
    assert_string_equal(cell[2], "");
    assert_int_equal(csv_read(&c, cell), 4);
    assert_string_equal(cell[0], "line\nbreak");
    assert_int_equal(csv_read(&c, cell), 1);
    assert_string_equal(cell[0], "last");
    assert_int_equal(csv_read(&c, cell), 0);
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    const char *row[] = { "plain", "a,b", "say \"hi\"", "=1+1", "" };
    csv_write(f, row, 5);
    fclose(f);
    assert_string_equal(out, "plain,\"a,b\",\"say \"\"hi\"\"\",\"'=1+1\",\r\n");
    free(out);
}

static void hostile_input(void **state)
{
    char longest[4000];
    (void)state;
    done(&boss, "customer_put", "{'name':'Robert\\u0022); DROP TABLE sale;--'}");
    json_t *r = good(&clerk, "customers", "{'q':'DROP TABLE'}");
    assert_int_equal(json_array_size(json_object_get(r, "customers")), 1);
    json_decref(r);
    r = good(&clerk, "customers", "{'q':'100%'}"); /* no wildcard from outside */
    assert_int_equal(json_array_size(json_object_get(r, "customers")), 0);
    json_decref(r);
    bad(&boss, "customer_put", "{'name':['x']}", STATION_BAD);
    bad(&boss, "customer_put", "{'name':'tab\\tname'}", STATION_BAD);
    bad(&boss, "customer_put", "{'name':''}", STATION_BAD);
    bad(&boss, "customer_put", "{'id':77777,'name':'nobody'}", STATION_UNKNOWN);
    snprintf(longest, sizeof longest, "{'name':'%0*d'}", 3000, 7);
    bad(&boss, "customer_put", longest, STATION_BAD);
    bad(&boss, "meter_put", "{'meter':'00000000019','sgc':123456,'ti':1}", STATION_BAD);
    bad(&boss, "meter_put", "{'meter':'00000000026','sgc':999999,'ti':1}", STATION_UNKNOWN);
    bad(&boss, "meter_put", "{'meter':'00000000026','sgc':123456,'ti':1,'customer_id':99}",
        STATION_UNKNOWN);
    bad(&admin, "key_import",
        "{'sgc':123456,'dkga':2,'krn':1,'base_date':2014,'vending_key':'ab'}", STATION_BAD);
    bad(&admin, "key_import",
        "{'sgc':123456,'dkga':2,'krn':1,'base_date':2014,'vending_key':'abababababababab'}",
        STATION_CONFLICT); /* one like it is there */
    bad(&admin, "key_import",
        "{'sgc':111111,'dkga':2,'krn':1,'base_date':2014,'vending_key':'abababababababab'}",
        STATION_UNKNOWN);
    bad(&admin, "tariff_put", "{'ti':1,'name':'x','price':'0'}", STATION_BAD);
    bad(&admin, "tariff_put", "{'ti':1,'name':'x','price':'1','vat_percent':'101'}",
        STATION_BAD);
    r = good(&admin, "keys", "{}");
    char *text = json_dumps(r, 0);
    assert_null(strstr(text, "blob"));
    free(text);
    json_decref(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(passphrases),
        TEST(keys_are_bound_to_their_use),
        TEST(the_module_makes_nothing_else),
        TEST(no_key_lies_in_the_file),
        TEST(rights),
        TEST(logins),
        TEST(a_sale),
        TEST(sales_that_are_refused),
        TEST(a_request_counts_once),
        TEST(identifiers_never_repeat),
        TEST(receipts_and_history),
        TEST(a_money_meter),
        TEST(management),
        TEST(a_change_of_key),
        TEST(a_campaign_over_all_meters),
        TEST(the_trail_shows_what_was_done_and_changed),
        TEST(lists_in_and_out),
        TEST(cells),
        TEST(hostile_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
