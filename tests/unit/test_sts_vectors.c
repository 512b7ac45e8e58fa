/* Every case of vectors/sts.txt: key derivation, coding, making and judging; then the lives of
 * vectors/sts_scenarios.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "cases.h"
#include "sts/code.h"
#include "sts/dkga.h"
#include "sts/form.h"
#include "sts/judge.h"
#include "sts/pan.h"
#include "sts/sta.h"
#include "tools/vend/make.h"

#define EVERYTHING                                                                             \
    {                                                                                          \
        .room_units = INT64_MAX, .room_currency = INT64_MAX, .tests = (UINT64_C(1) << 36) - 1, \
        .section_ms = 600000, .management = 0xFFFF, .functions = 0xFFFF, .credits = 0xFF       \
    }

static struct cases c;

static const char *at(const char *prefix, const char *field)
{
    static char name[64];
    snprintf(name, sizeof name, "%s%s", prefix, field);
    return name;
}

/* ---- keys */

static uint8_t ea_of(void)
{
    return (uint8_t)(cases_find(&c, "ea") ? cases_int(&c, "ea") : 0);
}

static void check_blocks(const char *prefix, const struct sts_key_plan *plan)
{
    if (cases_find(&c, at(prefix, "pan_block")))
        assert_int_equal(sts_pan_block(plan->pan, plan->kt),
                         cases_u64(&c, at(prefix, "pan_block")));
    if (cases_find(&c, at(prefix, "control_block")))
        assert_int_equal(sts_control_block(plan), cases_u64(&c, at(prefix, "control_block")));
    if (cases_find(&c, at(prefix, "drn"))) {
        char pan[STS_PAN_DIGITS + 1];
        assert_int_equal(sts_pan_of(pan, cases_at(&c, at(prefix, "drn"))), 0);
        assert_string_equal(pan, plan->pan);
    }
}

/* The key as the case prints it; and, where it says how, the same derived. */
static struct sts_key key_of(const char *prefix)
{
    struct sts_key key = { .ea = ea_of(), .kt = STS_KT_UNIQUE, .krn = 1, .ken = STS_KEN_NEVER };
    cases_hex(&c, at(prefix, "decoder_key"), key.key, key.ea == STS_EA_STA ? 8 : 16);
    if (cases_find(&c, at(prefix, "dkga")) == NULL) return key;
    struct sts_key_plan plan = {
        .dkga = (uint8_t)cases_int(&c, at(prefix, "dkga")),
        .base_year = (uint16_t)cases_int(&c, at(prefix, "base_date")),
        .ea = key.ea,
        .kt = (uint8_t)cases_int(&c, at(prefix, "kt")),
        .krn = (uint8_t)cases_int(&c, at(prefix, "krn")),
        .ti = (uint8_t)cases_int(&c, at(prefix, "ti")),
        .sgc = (uint32_t)cases_int(&c, at(prefix, "sgc")),
    };
    struct sts_key made;
    plan.vending_key_len = (uint8_t)cases_hex(&c, at(prefix, "vending_key"), plan.vending_key,
                                              sizeof plan.vending_key);
    snprintf(plan.pan, sizeof plan.pan, "%s", cases_at(&c, at(prefix, "meter_pan")));
    assert_int_equal(sts_dkga(&made, &plan), 0);
    assert_memory_equal(made.key, key.key, sizeof key.key);
    check_blocks(prefix, &plan);
    return made;
}

/* ---- tokens */

static void check_made(const struct made *m, const char *prefix)
{
    assert_int_equal(m->clear, cases_u64(&c, at(prefix, "clear_block")));
    assert_int_equal(m->sealed, cases_u64(&c, at(prefix, "encrypted_block")));
    assert_string_equal(m->token66, cases_at(&c, at(prefix, "token66")));
    assert_string_equal(m->digits, cases_at(&c, at(prefix, "token")));
    assert_int_equal(m->clear & 0xFFFF, cases_u64(&c, at(prefix, "crc")));
}

static utc_t issued(void)
{
    struct civil t = { 0 };
    unsigned y, mo, d, h, mi;
    assert_int_equal(sscanf(cases_at(&c, "issue_utc"), "%u-%u-%uT%u:%u", &y, &mo, &d, &h, &mi),
                     5);
    t.year = (uint16_t)y;
    t.month = (uint8_t)mo;
    t.day = (uint8_t)d;
    t.hour = (uint8_t)h;
    t.minute = (uint8_t)mi;
    return (utc_t){ cal_seconds(&t) };
}

static void check_tid(void)
{
    uint32_t tid;
    if (cases_find(&c, "issue_utc") == NULL || cases_find(&c, "key.base_date") == NULL) return;
    int base = (int)cases_int(&c, "key.base_date");
    assert_int_equal(sts_tid_at(&tid, issued(), base), 0);
    assert_int_equal(sts_tid_utc(tid, base).s, issued().s);
    if (tid % 1440 == 1) tid++; /* 00:01 is kept for special tokens */
    assert_int_equal(tid, cases_int(&c, "tid"));
}

static make_money_t wide(const char *field)
{
    const char *text = cases_at(&c, field);
    make_money_t v = 0;
    for (const char *p = text + (*text == '-'); *p; p++) v = v * 10 + (*p - '0');
    return *text == '-' ? -v : v;
}

static void fill(struct sts_fields *f, const struct sts_form *form)
{
    for (int i = 0; i < STS_FORM_FIELDS && form->part[i].field; i++)
        switch (form->part[i].field) {
        case STS_RND:
            f->v[STS_RND] = (uint64_t)cases_int(&c, "rnd");
            break;
        case STS_TID:
            f->v[STS_TID] = (uint64_t)cases_int(&c, "tid");
            break;
        case STS_CONTROL:
            f->v[STS_CONTROL] = cases_u64(&c, "control");
            f->v[STS_MFR] = (uint64_t)cases_int(&c, "mfr_code");
            break;
        case STS_VALUE:
            f->v[STS_VALUE] = cases_u64(&c, "value_field");
            break;
        case STS_INDEX:
            f->v[STS_INDEX] = cases_u64(&c, "value_field") >> form->part[3].bits;
            f->v[STS_DATA] = cases_u64(&c, "value_field") & ((1u << form->part[3].bits) - 1);
            break;
        case STS_SIGN:
            assert_int_equal(make_money(f, wide("units_1e5")), 0);
            assert_int_equal(f->v[STS_EXP_HIGH] << 2 | f->v[STS_EXP_LOW],
                             cases_int(&c, "exponent"));
            assert_int_equal(f->v[STS_MANTISSA], cases_int(&c, "mantissa"));
            assert_int_equal(f->v[STS_SIGN], cases_int(&c, "sign"));
            assert_true(make_money_worth(f) == wide("decoded_units_1e5"));
            break;
        default:
            break;
        }
}

static void check_amount(const struct sts_verdict *v)
{
    uint16_t field;
    if (cases_is(&c, "kind", "currency")) {
        make_money_t worth = wide("decoded_units_1e5");
        if (worth > INT64_MAX) assert_int_equal(v->result, STS_OVERFLOW);
        if (worth <= INT64_MAX) assert_true(v->amount == (int64_t)worth);
    } else if (cases_find(&c, "requested_tenths")) {
        assert_int_equal(v->amount, cases_int(&c, "decoded_tenths"));
        assert_int_equal(make_amount(&field, (uint64_t)cases_int(&c, "requested_tenths")), 0);
        assert_int_equal(field, cases_u64(&c, "value_field"));
    } else if (cases_find(&c, "requested_amount")) {
        double scale = cases_is(&c, "kind", "credit") ? 10 : 1;
        double units = atof(cases_at(&c, "requested_amount")) * scale;
        assert_int_equal(make_amount(&field, (uint64_t)(units + 0.5)), 0);
        assert_int_equal(field, cases_u64(&c, "value_field"));
        assert_true((double)v->amount >= units - 0.01 && (double)v->amount < units * 1.001 + 1);
    }
}

static int expected_result(const struct sts_key *key)
{
    if (cases_int(&c, "class") == 0 && key->kt != STS_KT_UNIQUE) return STS_DDTK;
    if (cases_is(&c, "kind", "test") && cases_int(&c, "mfr_code") != 0) return STS_MFR_CODE;
    if (cases_is(&c, "kind", "currency") && wide("decoded_units_1e5") > INT64_MAX)
        return STS_OVERFLOW;
    return STS_ACCEPT;
}

static void check_judged(const struct sts_key *key)
{
    struct sts_rules rules = EVERYTHING;
    struct sts_tids tids = { { 0 } };
    struct sts_pending none = { 0 };
    struct sts_verdict v;
    int expected = expected_result(key);
    sts_judge(&v, &rules, key, &tids, &none, cases_at(&c, "token"));
    assert_int_equal(v.result, expected);
    assert_true(v.is_authentic);
    assert_int_equal(v.class, cases_int(&c, "class"));
    assert_int_equal(v.sub, cases_int(&c, "subclass"));
    assert_int_equal(v.takes_tid, expected == STS_ACCEPT && v.class != 1);
    if (v.class != 1) assert_int_equal(v.tid, cases_int(&c, "tid"));
    if (expected != STS_ACCEPT) return;
    check_amount(&v);
    if (v.class == 1) {
        uint64_t all = v.sub == 0 ? UINT64_C(0xFFFFFFFFF) : 0xFFFFFFF;
        uint64_t asked = cases_u64(&c, "control");
        assert_int_equal(v.control, asked == all ? rules.tests : asked);
        return;
    }
    sts_tids_put(&tids, &v);
    sts_judge(&v, &rules, key, &tids, &none, cases_at(&c, "token"));
    assert_int_equal(v.result, STS_USED);
}

static void token_case(void)
{
    uint8_t class = (uint8_t)cases_int(&c, "class"), sub = (uint8_t)cases_int(&c, "subclass");
    struct sts_key key = { .ea = STS_EA_STA };
    struct sts_fields f = { { 0 } }, back;
    struct sts_token t;
    struct made m;
    if (class != 1) key = key_of("key.");
    const struct sts_form *form = sts_form_find(class, sub, key.ea);
    assert_non_null(form);
    if (class != 1) check_tid();
    fill(&f, form);
    make_token(&m, &key, class, make_block(form, &f));
    check_made(&m, "");
    assert_int_equal(sts_token_read(&t, m.digits), 0);
    assert_int_equal(t.class, class);
    assert_int_equal(t.block, m.sealed);
    sts_form_get(&back, form, m.clear);
    assert_memory_equal(&back, &f, sizeof f);
    check_judged(&key);
}

/* ---- key changes, in every order */

static void change_in_order(const struct sts_key *from, const struct sts_key *to,
                            const struct made *m, const int *order, int n)
{
    struct sts_rules rules = EVERYTHING;
    struct sts_tids tids;
    struct sts_pending pending = { 0 };
    struct sts_verdict v;
    bool is_rollover = cases_int(&c, "ro");
    sts_tids_init(&tids, 77);
    for (int i = 0; i < n; i++) {
        static const uint8_t held[4] = { STS_KCT1, STS_KCT2, STS_KCT3, STS_KCT4 };
        sts_judge(&v, &rules, from, &tids, &pending, m[order[i]].digits);
        assert_int_equal(v.result, i == n - 1 ? STS_ACCEPT : held[order[i]]);
        assert_int_equal(v.effect, i == n - 1 ? STS_CHANGE_KEY : STS_HOLD_SECTION);
        assert_false(v.takes_tid);
        pending = v.pending;
        sts_tids_put(&tids, &v);
        assert_int_equal(tids.tid[0], i == n - 1 && is_rollover ? 0 : 77);
    }
    assert_int_equal(pending.held, 0);
    struct sts_key want = *to;
    want.ken = (uint8_t)cases_int(&c, "ken");
    if (n == 2) want.sgc = 0; /* two tokens cannot say */
    assert_memory_equal(v.key.key, want.key, 16);
    assert_true(v.key.ea == want.ea && v.key.kt == want.kt && v.key.krn == want.krn &&
                v.key.ti == want.ti && v.key.ken == want.ken && v.key.sgc == want.sgc);
}

static void every_order(const struct sts_key *from, const struct sts_key *to,
                        const struct made *m, int *order, int fixed, int n)
{
    if (fixed == n) change_in_order(from, to, m, order, n);
    for (int i = fixed; i < n; i++) {
        int swap = order[i];
        order[i] = order[fixed];
        order[fixed] = swap;
        every_order(from, to, m, order, fixed + 1, n);
        order[fixed] = order[i];
        order[i] = swap;
    }
}

static void change_case(void)
{
    struct sts_key from = key_of("key."), to = key_of("new_key.");
    struct made m[4];
    int order[4] = { 0, 1, 2, 3 }, n = (int)cases_int(&c, "tokens");
    to.ken = (uint8_t)cases_int(&c, "ken");
    assert_int_equal(make_key_change(m, &from, &to, cases_int(&c, "ro"), n == 3), n);
    for (int i = 0; i < n; i++) {
        char prefix[24];
        snprintf(prefix, sizeof prefix, "token%d.", i + 1);
        check_made(&m[i], prefix);
    }
    every_order(&from, &to, m, order, 0, n);
}

/* ---- primitives */

static void crc_case(void)
{
    uint8_t data[8] = { 0 };
    cases_octets(&c, "data", data + 1, 7);
    uint64_t block = be_get64(data) << 16;
    assert_int_equal(cases_is(&c, "kind", "crc16") ? sts_crc(data[1], block)
                                                   : sts_crc_c(data[1], block),
                     cases_u64(&c, "crc"));
}

static void amount_case(void)
{
    uint16_t field;
    uint64_t units = (uint64_t)cases_int(&c, "units");
    assert_int_equal(make_amount(&field, units), 0);
    assert_int_equal(field, cases_u64(&c, "field"));
    assert_true(sts_amount(field) >= units);
    if (field) assert_true(sts_amount((uint16_t)(field - 1)) < units);
}

static void luhn_case(void)
{
    const char *body = cases_at(&c, "body");
    assert_int_equal(sts_luhn(body, strlen(body)), cases_at(&c, "digit")[0]);
}

static void sta_case(void)
{
    struct sts_key key = { .ea = STS_EA_STA };
    struct made m;
    cases_octets(&c, "key", key.key, 8);
    make_token(&m, &key, 0, cases_u64(&c, "clear_block"));
    assert_string_equal(m.digits, cases_at(&c, "token"));
    assert_int_equal(sta_decrypt(be_get64(key.key), m.sealed), m.clear);
}

static void elsewhere(void) /* test_sts_sample.c: other tables are linked there */
{
}

static const struct {
    const char *kind;
    void (*run)(void);
} kinds[] = {
    { "credit", token_case }, { "currency", token_case },    { "management", token_case },
    { "test", token_case },   { "key_change", change_case }, { "crc16", crc_case },
    { "crc_c", crc_case },    { "amount", amount_case },     { "luhn", luhn_case },
    { "sta", sta_case },      { "sta_sample", elsewhere },
};

static void every_case(void **state)
{
    int done = 0;
    (void)state;
    cases_open(&c, ROOT "/tests/vectors/sts.txt");
    while (cases_next(&c)) {
        int before = done;
        print_message("  %s\n", c.name);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (cases_is(&c, "kind", kinds[i].kind)) {
                kinds[i].run();
                done++;
            }
        assert_int_equal(done, before + 1);
    }
    assert_int_equal(done, 191);
}

/* ---- lives */

struct meter {
    struct sts_key key;
    struct sts_tids tids;
    struct sts_pending pending;
    int64_t units, currency;
};

static void enter(struct meter *m, struct sts_verdict *v, const char *token)
{
    struct sts_rules rules = EVERYTHING;
    rules.credits = 0;
    for (const char *p = cases_at(&c, "initial.credit_subclasses"); *p; p++)
        if (*p != ' ') rules.credits |= (uint8_t)(1 << (*p - '0'));
    sts_judge(v, &rules, &m->key, &m->tids, &m->pending, token);
    m->pending = v->pending;
    sts_tids_put(&m->tids, v);
    if (v->effect == STS_CREDIT) m->units += v->amount;
    if (v->effect == STS_CURRENCY) m->currency += v->amount;
    if (v->effect == STS_CHANGE_KEY) m->key = v->key;
    if (v->effect == STS_CLEAR_CREDIT) m->units = m->currency = 0;
}

static void check_step(const struct meter *m, const struct sts_verdict *v, const char *prefix)
{
    uint32_t low = UINT32_MAX, high = 0;
    uint8_t key[16] = { 0 };
    assert_int_equal(v->result, cases_int(&c, at(prefix, "result")));
    assert_string_equal(sts_result_name(v->result), cases_at(&c, at(prefix, "result_name")));
    assert_int_equal(m->units, cases_int(&c, at(prefix, "credit_kwh_tenths")));
    assert_int_equal(m->currency, cases_int(&c, at(prefix, "credit_currency_1e5")));
    assert_int_equal(m->key.krn, cases_int(&c, at(prefix, "krn")));
    assert_int_equal(m->key.ti, cases_int(&c, at(prefix, "ti")));
    assert_int_equal(m->key.kt, cases_int(&c, at(prefix, "kt")));
    assert_int_equal(m->key.ken, cases_int(&c, at(prefix, "ken")));
    assert_int_equal(m->key.sgc, cases_int(&c, at(prefix, "sgc")));
    cases_hex(&c, at(prefix, "decoder_key"), key, sizeof key);
    assert_memory_equal(m->key.key, key, sizeof key);
    for (int i = 0; i < STS_TIDS; i++) {
        if (m->tids.tid[i] < low) low = m->tids.tid[i];
        if (m->tids.tid[i] > high) high = m->tids.tid[i];
    }
    assert_int_equal(low, cases_int(&c, at(prefix, "tid_min")));
    assert_int_equal(high, cases_int(&c, at(prefix, "tid_max")));
}

static void every_life(void **state)
{
    int lives = 0;
    (void)state;
    cases_open(&c, ROOT "/tests/vectors/sts_scenarios.txt");
    for (; cases_next(&c); lives++) {
        struct meter m = { .key = { .ea = (uint8_t)cases_int(&c, "initial.ea"),
                                    .kt = (uint8_t)cases_int(&c, "initial.kt"),
                                    .krn = (uint8_t)cases_int(&c, "initial.krn"),
                                    .ti = (uint8_t)cases_int(&c, "initial.ti"),
                                    .ken = (uint8_t)cases_int(&c, "initial.ken") } };
        unsigned tid;
        print_message("  %s\n", c.name);
        cases_hex(&c, "initial.decoder_key", m.key.key, sizeof m.key.key);
        assert_int_equal(sscanf(cases_at(&c, "initial.tid_store"), "all 50 entries %u", &tid),
                         1);
        sts_tids_init(&m.tids, tid);
        for (int step = 1; step <= (int)cases_int(&c, "steps"); step++) {
            struct sts_verdict v;
            char prefix[24], token[32];
            snprintf(prefix, sizeof prefix, "step%d.", step);
            snprintf(token, sizeof token, "%s", cases_at(&c, at(prefix, "token")));
            enter(&m, &v, token);
            check_step(&m, &v, prefix);
        }
    }
    assert_int_equal(lives, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
        cmocka_unit_test(every_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
