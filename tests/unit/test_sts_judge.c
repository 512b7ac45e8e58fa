/* The order of judging, its edges, the store of TIDs, key change rules, lock-out, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "sts/code.h"
#include "sts/dkga.h"
#include "sts/lockout.h"
#include "sts/pan.h"
#include "tools/vend/make.h"

static struct sts_rules rules;
static struct sts_key key;
static struct sts_tids tids;
static struct sts_pending pending;
static struct sts_verdict v;

static int setup(void **state)
{
    (void)state;
    rules = (struct sts_rules){ .room_units = 1000000,
                                .room_currency = 1000000000,
                                .tests = 0x3FF,
                                .section_ms = 600000,
                                .management = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 11,
                                .functions = 1 << STS_FN_MODE,
                                .credits = 1 << 0 | 1 << 4 };
    key = (struct sts_key){ .key = { 1, 2, 3, 4, 5, 6, 7, 8 },
                            .ea = STS_EA_STA,
                            .kt = STS_KT_UNIQUE,
                            .krn = 1,
                            .ken = STS_KEN_NEVER };
    sts_tids_init(&tids, 1000);
    memset(&pending, 0, sizeof pending);
    return 0;
}

static int judge_digits(const char *digits)
{
    sts_judge(&v, &rules, &key, &tids, &pending, digits);
    return v.result;
}

static int judge_block(uint8_t class, uint8_t sub, const struct sts_fields *f)
{
    struct made m;
    make_token(&m, &key, class, make_block(sts_form_find(class, sub, key.ea), f));
    return judge_digits(m.digits);
}

static int judge_register(uint8_t class, uint8_t sub, uint32_t tid, uint16_t value)
{
    struct sts_fields f = { .v = { [STS_TID] = tid, [STS_RND] = 5, [STS_VALUE] = value } };
    return judge_block(class, sub, &f);
}

static int judge_money(uint32_t tid, make_money_t units)
{
    struct sts_fields f = { .v = { [STS_TID] = tid } };
    assert_int_equal(make_money(&f, units), 0);
    return judge_block(0, 4, &f);
}

static int enter_register(uint8_t class, uint8_t sub, uint32_t tid, uint16_t value)
{
    int result = judge_register(class, sub, tid, value);
    sts_tids_put(&tids, &v);
    pending = v.pending;
    return result;
}

static void digits_in_and_out(void **state)
{
    struct sts_token t, back;
    char digits[STS_DIGITS + 1], clean[STS_DIGITS];
    (void)state;
    assert_int_equal(sts_token_read(&t, "73786976294838206463"), 0);
    assert_int_equal(t.class, 3);
    assert_true(t.block == UINT64_MAX);
    assert_int_equal(sts_token_read(&t, "73786976294838206464"), E_RANGE);
    assert_int_equal(sts_token_read(&t, "99999999999999999999"), E_RANGE);
    assert_int_equal(sts_token_read(&t, "7378697629483820646x"), E_FORMAT);
    assert_int_equal(sts_token_read(&t, "/3786976294838206463"), E_FORMAT);
    assert_int_equal(sts_token_read(&t, ":3786976294838206463"), E_FORMAT);
    for (int bit = 0; bit < 66; bit++) {
        t.class = (uint8_t)(bit > 63 ? 1 << (bit - 64) : 0);
        t.block = bit > 63 ? 0 : UINT64_C(1) << bit;
        sts_token_write(digits, &t);
        assert_int_equal(sts_token_read(&back, digits), 0);
        assert_true(back.class == t.class && back.block == t.block);
    }
    assert_int_equal(sts_token_clean(clean, "7378-6976 2948 3820-6463", 24), 0);
    assert_memory_equal(clean, "73786976294838206463", STS_DIGITS);
    assert_int_equal(sts_token_clean(clean, "737869762948382064635", 21), E_FORMAT);
    assert_int_equal(sts_token_clean(clean, "7378697629483820646", 19), E_FORMAT);
    assert_int_equal(sts_token_clean(clean, "7378697629483820646\n", 20), E_FORMAT);
    assert_int_equal(sts_token_clean(clean, "", 0), E_FORMAT);
}

static void form_before_everything(void **state)
{
    (void)state;
    rules.locked_out = rules.tampered = true;
    assert_int_equal(judge_digits("73786976294838206464"), STS_FORMAT);
    assert_int_equal(judge_digits("12345678901234567x90"), STS_FORMAT);
    assert_int_equal(judge_digits("73786976294838206463"), STS_FUNCTION); /* class 3 */
    assert_false(v.is_authentic);
}

static void locked_out_takes_tests_alone(void **state)
{
    (void)state;
    rules.locked_out = true;
    assert_int_equal(judge_register(0, 0, 2000, 1), STS_LOCKED_OUT);
    assert_int_equal(judge_register(2, 5, 2000, 0), STS_LOCKED_OUT);
    assert_int_equal(judge_digits("56493153725450313471"), STS_ACCEPT);
    assert_int_equal(v.effect, STS_TEST);
    assert_int_equal(v.control, rules.tests);
}

static void tampered_takes_what_cures(void **state)
{
    struct sts_key new = key;
    struct made m[4];
    (void)state;
    rules.tampered = true;
    new.key[0] ^= 1;
    assert_int_equal(judge_register(0, 0, 2000, 1), STS_NOT_READY);
    assert_false(v.takes_tid);
    assert_int_equal(judge_register(2, 1, 2000, 0), STS_NOT_READY);
    assert_int_equal(judge_digits("56493153725450313471"), STS_ACCEPT);
    assert_int_equal(judge_register(2, 5, 2000, 0), STS_ACCEPT);
    assert_int_equal(v.effect, STS_CLEAR_TAMPER);
    make_key_change(m, &key, &new, false, false);
    assert_int_equal(judge_digits(m[0].digits), STS_KCT1);
}

static int judge_test(uint8_t sub, uint64_t control, uint64_t mfr)
{
    struct sts_fields f = { .v = { [STS_CONTROL] = control, [STS_MFR] = mfr } };
    return judge_block(1, sub, &f);
}

static void test_tokens(void **state)
{
    (void)state;
    rules.mfr_code = 94;
    assert_int_equal(judge_test(0, STS_SHOW_ENERGY, 0), STS_ACCEPT);
    assert_int_equal(judge_test(1, STS_SHOW_ENERGY, 0), STS_ACCEPT);
    assert_int_equal(judge_test(0, STS_SHOW_ENERGY, 94), STS_ACCEPT);
    assert_int_equal(v.control, STS_SHOW_ENERGY);
    assert_int_equal(judge_test(0, STS_SHOW_ENERGY, 93), STS_MFR_CODE);
    assert_int_equal(judge_test(1, STS_SHOW_ENERGY, 94), STS_MFR_CODE); /* of four digits */
    rules.is_four_digit = true;
    assert_int_equal(judge_test(1, STS_SHOW_ENERGY, 94), STS_ACCEPT);
    assert_int_equal(judge_test(0, STS_SHOW_ENERGY, 94), STS_MFR_CODE);
    assert_int_equal(judge_test(0, STS_SHOW_UNBALANCE, 0), STS_FUNCTION);
    assert_int_equal(v.effect, STS_NOTHING);
    assert_int_equal(judge_test(0, STS_SHOW_UNBALANCE | 1, 0), STS_FUNCTION);
    assert_int_equal(judge_test(0, 0, 0), STS_RANGE);
    assert_false(v.takes_tid);
    struct made m;
    for (uint8_t sub = 2; sub < 16; sub++) { /* extended read, reserved, proprietary */
        uint64_t block = (uint64_t)sub << 60 | UINT64_C(1) << 24;
        make_token(&m, NULL, 1, block | sts_crc(1, block));
        assert_int_equal(judge_digits(m.digits), STS_FUNCTION);
    }
}

static void credit_needs_a_unique_key(void **state)
{
    (void)state;
    for (uint8_t kt = 0; kt < 4; kt++) {
        key.kt = kt;
        assert_int_equal(judge_register(0, 0, 2000, 1),
                         kt == STS_KT_UNIQUE ? STS_ACCEPT : STS_DDTK);
        assert_int_equal(judge_register(2, 1, 2000, 0), STS_ACCEPT);
    }
}

static void keys_expire(void **state)
{
    (void)state;
    key.ken = 5;
    assert_int_equal(judge_register(0, 0, 0x5FFFF, 1), STS_ACCEPT);
    assert_int_equal(judge_register(0, 0, 0x60000, 1), STS_EXPIRED);
    assert_int_equal(judge_register(2, 5, 0x60000, 0), STS_EXPIRED);
    key.ken = STS_KEN_NEVER;
    assert_int_equal(judge_register(0, 0, STS_TID_MAX, 1), STS_ACCEPT);
    key.ken = 0;
    struct sts_key new = key;
    struct made m[4];
    make_key_change(m, &key, &new, false, false);
    assert_int_equal(judge_digits(m[1].digits), STS_KCT2); /* carries no TID */
}

static void used_and_old(void **state)
{
    (void)state;
    assert_int_equal(judge_register(0, 0, 1000, 1), STS_USED); /* equal to the smallest */
    assert_int_equal(judge_register(0, 0, 999, 1), STS_OLD);
    assert_int_equal(judge_register(0, 0, 0, 1), STS_OLD);
    for (uint32_t tid = 3000; tid > 2950; tid--) { /* the newest first: none is lost */
        assert_int_equal(enter_register(0, 0, tid, 1), STS_ACCEPT);
        assert_int_equal(enter_register(0, 0, tid, 1), STS_USED);
    }
    assert_int_equal(judge_register(0, 0, 1001, 1), STS_OLD); /* the 50 of before are gone */
    assert_int_equal(judge_register(0, 0, 2950, 1), STS_OLD);
    assert_int_equal(enter_register(2, 1, 3001, 0),
                     STS_ACCEPT); /* one store for both classes */
    assert_int_equal(judge_register(0, 0, 2951, 1), STS_OLD);
    assert_int_equal(judge_register(0, 0, 3001, 1), STS_USED);
    assert_int_equal(judge_register(0, 0, 2952, 1), STS_USED);
}

/* A slow and obvious store beside ours, random tokens. */
static void store_agrees_with_a_slow_one(void **state)
{
    uint32_t slow[STS_TIDS], seed = 1;
    (void)state;
    for (int i = 0; i < STS_TIDS; i++) slow[i] = 1000;
    for (int round = 0; round < 20000; round++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t tid = 950 + (seed >> 8) % 400 + (uint32_t)round / 100;
        int want = STS_ACCEPT, low = 0;
        for (int i = 1; i < STS_TIDS; i++) /* insertion sort: smallest first */
            for (int j = i; j > 0 && slow[j] < slow[j - 1]; j--) {
                uint32_t t = slow[j];
                slow[j] = slow[j - 1];
                slow[j - 1] = t;
            }
        if (tid < slow[low]) want = STS_OLD;
        for (int i = 0; i < STS_TIDS; i++)
            if (slow[i] == tid) want = STS_USED;
        assert_int_equal(enter_register(0, 0, tid, 1), want);
        if (want == STS_ACCEPT) slow[low] = tid;
    }
}

static void unsupported_services(void **state)
{
    static const uint8_t credit[] = { 1, 2, 3 }, other[] = { 2, 6, 7 };
    struct made m;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(judge_register(0, credit[i], 2000, 1), STS_FUNCTION);
        assert_int_equal(judge_register(2, other[i], 2000, 1), STS_FUNCTION);
        assert_false(v.takes_tid);
    }
    for (int i = 0; i < 12; i++) { /* reserved: 0/8..15, 2/12..15 */
        uint8_t class = i < 8 ? 0 : 2;
        uint64_t block = (uint64_t)(i < 8 ? 8 + i : 4 + i) << 60 | UINT64_C(2000) << 32;
        make_token(&m, &key, class, block | sts_crc(class, block));
        assert_int_equal(judge_digits(m.digits), STS_FUNCTION);
    }
    struct sts_fields f = { .v = {
                                [STS_TID] = 2000, [STS_INDEX] = STS_FN_MODE, [STS_DATA] = 1 } };
    assert_int_equal(judge_block(2, 11, &f), STS_ACCEPT);
    assert_true(v.effect == STS_MANUFACTURER && v.index == STS_FN_MODE && v.amount == 1);
    f.v[STS_INDEX] = STS_FN_SWITCH;
    assert_int_equal(judge_block(2, 11, &f), STS_FUNCTION);
    f.v[STS_INDEX] = 63;
    f.v[STS_DATA] = 0x3FF;
    assert_int_equal(judge_block(2, 10, &f), STS_FUNCTION);
    rules.management |= 1 << 10;
    assert_int_equal(judge_block(2, 10, &f), STS_ACCEPT);
    assert_true(v.effect == STS_EXTENDED && v.index == 63 && v.amount == 0x3FF);
}

static void values_out_of_range(void **state)
{
    static const struct {
        uint16_t reg;
        int result;
    } rows[] = { { 0, STS_ACCEPT }, { 4, STS_ACCEPT }, { 0xFFFF, STS_ACCEPT }, { 1, STS_RANGE },
                 { 7, STS_RANGE },  { 8, STS_RANGE },  { 0x100, STS_RANGE } };
    struct made m;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(judge_register(2, 1, 2000, rows[i].reg), rows[i].result);
        assert_int_equal(v.takes_tid, rows[i].result == STS_ACCEPT);
    }
    uint64_t block = UINT64_C(5) << 60 | UINT64_C(2000) << 32 | UINT64_C(1) << 16;
    make_token(&m, &key, 2, block | sts_crc(2, block)); /* clear tamper with a value */
    assert_int_equal(judge_digits(m.digits), STS_FORMAT);
    assert_int_equal(judge_register(2, 0, 2000, 0x416A), STS_ACCEPT);
    assert_true(v.effect == STS_POWER_LIMIT && v.amount == 20004);
}

static void overflow_leaves_the_token_good(void **state)
{
    (void)state;
    rules.room_units = 16383;
    assert_int_equal(enter_register(0, 0, 2000, 0x4000), STS_OVERFLOW); /* 16384 */
    assert_int_equal(v.effect, STS_NOTHING);
    rules.room_units = 16384;
    assert_int_equal(enter_register(0, 0, 2000, 0x4000), STS_ACCEPT);
    assert_int_equal(v.amount, 16384);
    assert_int_equal(enter_register(0, 0, 2000, 0x4000), STS_USED);

    rules.room_currency = 100004;
    assert_int_equal(judge_money(2001, 100000), STS_ACCEPT);
    assert_true(v.effect == STS_CURRENCY && v.index == 4 && v.amount == 100004);
    rules.room_currency = 100003;
    assert_int_equal(judge_money(2001, 100000), STS_OVERFLOW);
    rules.room_currency = 0;
    assert_int_equal(judge_money(2001, -100000), STS_ACCEPT);
    assert_int_equal(v.amount, -99994);
    rules.room_currency = INT64_MAX;
    assert_int_equal(judge_money(2001, (make_money_t)1 << 70), STS_OVERFLOW);
    assert_int_equal(judge_money(2001, -((make_money_t)1 << 70)), STS_OVERFLOW);
}

static void every_amount_decodes_to_what_it_says(void **state)
{
    uint32_t last = 0;
    (void)state;
    for (uint32_t field = 0; field <= 0xFFFF; field++) {
        uint32_t e = field >> 14, m = field & 0x3FFF, power = 1, units = 0;
        uint16_t back;
        for (uint32_t n = 1; n <= e; n++) {
            units += 16384 * power;
            power *= 10;
        }
        units += power * m;
        assert_int_equal(sts_amount((uint16_t)field), units);
        assert_true(field == 0 || units > last);
        assert_int_equal(make_amount(&back, units), 0);
        assert_int_equal(back, field);
        if (field)
            assert_int_equal(make_amount(&back, last + 1), 0); /* rounds up to this one */
        if (field) assert_int_equal(back, field);
        last = units;
    }
    uint16_t none;
    assert_int_equal(last, STS_AMOUNT_MAX);
    assert_int_equal(make_amount(&none, STS_AMOUNT_MAX + 1), E_RANGE);
}

static void money_at_the_edges(void **state)
{
    int64_t units;
    struct sts_fields f;
    (void)state;
    for (unsigned e = 0; e < 32; e++)
        for (unsigned m = 0; m < 16384; m += 127) {
            f.v[STS_EXP_HIGH] = e >> 2;
            f.v[STS_EXP_LOW] = e & 3;
            f.v[STS_MANTISSA] = m;
            for (f.v[STS_SIGN] = 0; f.v[STS_SIGN] < 2; f.v[STS_SIGN]++) {
                make_money_t worth = make_money_worth(&f);
                int err = sts_money(&units, f.v[STS_SIGN], e, m);
                bool fits = worth <= INT64_MAX && worth >= -INT64_MAX;
                assert_int_equal(err, fits ? 0 : E_RANGE);
                if (fits) assert_true(units == (int64_t)worth);
                if (e <= 14) assert_true(fits);
                struct sts_fields back = f;
                assert_int_equal(make_money(&back, worth), 0);
                assert_true(make_money_worth(&back) == worth);
                if (worth >
                    0) { /* one less rounds up to this, one more debit rounds down to it */
                    assert_int_equal(make_money(&back, worth - 1), 0);
                    assert_true(make_money_worth(&back) >= worth - 1 &&
                                make_money_worth(&back) <= worth);
                    assert_int_equal(make_money(&back, -(worth + 1)), 0);
                    assert_true(make_money_worth(&back) >= -(worth + 1) &&
                                make_money_worth(&back) <= -worth);
                }
            }
        }
}

/* ---- key change */

static void enter(const char *digits, int result)
{
    assert_int_equal(judge_digits(digits), result);
    pending = v.pending;
}

static void sections_time_out(void **state)
{
    struct sts_key new = key;
    struct made m[4];
    (void)state;
    new.key[7] ^= 9;
    make_key_change(m, &key, &new, false, false);
    enter(m[0].digits, STS_KCT1);
    rules.now.us = 599999999;
    assert_int_equal(judge_digits(m[1].digits), STS_ACCEPT);
    rules.now.us = 600000000; /* ten minutes: forgotten */
    enter(m[1].digits, STS_KCT2);
    rules.now.us += 599999999;
    enter(m[0].digits, STS_ACCEPT); /* a section renews the time of all */
    assert_int_equal(pending.held, 0);
    enter(m[0].digits, STS_KCT1);
    sts_pending_expire(&pending, (mono_t){ rules.now.us + 1 });
    assert_int_equal(pending.held, 1);
    sts_pending_expire(&pending, (mono_t){ rules.now.us + 600000000 });
    static const struct sts_pending none;
    assert_memory_equal(&pending, &none, sizeof none);
}

static void another_set_begins_anew(void **state)
{
    struct sts_key a = key, b = key;
    struct made ma[4], mb[4];
    (void)state;
    key.ea = a.ea = b.ea = STS_EA_MISTY1;
    a.key[0] = 0xA1;
    b.key[0] = 0xB1;
    make_key_change(ma, &key, &a, false, false);
    make_key_change(mb, &key, &b, false, false);
    enter(ma[1].digits, STS_KCT2);
    enter(ma[0].digits, STS_KCT1);
    enter(ma[0].digits, STS_KCT1); /* the same again: no harm */
    assert_int_equal(pending.held, 3);
    enter(mb[0].digits, STS_KCT1); /* another first section: the set of a is given up */
    assert_int_equal(pending.held, 1);
    enter(mb[2].digits, STS_KCT3);
    enter(mb[3].digits, STS_KCT4);
    enter(mb[1].digits, STS_ACCEPT);
    assert_memory_equal(v.key.key, b.key, 16);
}

static void credit_between_sections(void **state)
{
    struct sts_key new = key;
    struct made m[4];
    (void)state;
    new.krn = 2;
    new.sgc = 654321;
    new.ken = 0x5A;
    new.ti = 99;
    make_key_change(m, &key, &new, true, true);
    enter(m[2].digits, STS_KCT3);
    assert_int_equal(enter_register(0, 0, 2000, 1), STS_ACCEPT);
    enter(m[0].digits, STS_KCT1);
    assert_int_equal(judge_digits("12345678901234567890"), STS_CRC);
    pending = v.pending;
    enter(m[1].digits, STS_ACCEPT);
    assert_int_equal(v.effect, STS_CHANGE_KEY);
    assert_true(v.is_rollover && v.key.sgc == 654321 && v.key.ken == 0x5A && v.key.ti == 99);
    sts_tids_put(&tids, &v);
    for (int i = 0; i < STS_TIDS; i++) assert_int_equal(tids.tid[i], 0);
}

static void key_types(void **state)
{
    static const char allowed[4][5] = { "yyyn", "nyyn", "nyyn", "nynn" }; /* from, to */
    (void)state;
    for (uint8_t from = 0; from < 4; from++)
        for (uint8_t to = 0; to < 4; to++) {
            struct sts_key new = key;
            struct made m[4];
            key.kt = from;
            new.kt = to;
            make_key_change(m, &key, &new, true, false);
            enter(m[0].digits, STS_KCT1);
            bool may = allowed[from][to] == 'y';
            enter(m[1].digits, may ? STS_ACCEPT : STS_KEY_TYPE);
            assert_int_equal(v.effect, may ? STS_CHANGE_KEY : STS_NOTHING);
            assert_int_equal(v.is_rollover, may);
            assert_int_equal(pending.held, 0);
            sts_tids_put(&tids, &v);
            assert_int_equal(tids.tid[0], may ? 0 : 1000);
            sts_tids_init(&tids, 1000);
        }
}

static int judge_section(uint8_t sub, enum sts_field field, uint64_t value)
{
    struct sts_fields f = { .v = { [STS_KRN] = 1 } };
    f.v[field] = value;
    int result = judge_block(2, sub, &f);
    if (sts_result_group(result) != STS_GROUP_OK) assert_int_equal(v.pending.held, 0);
    return result;
}

static void sections_out_of_range(void **state)
{
    (void)state;
    assert_int_equal(judge_section(3, STS_KRN, 0), STS_RANGE);
    assert_int_equal(judge_section(3, STS_KRN, 10), STS_RANGE);
    assert_int_equal(judge_section(3, STS_KRN, 9), STS_KCT1);
    assert_int_equal(judge_section(4, STS_TI, 100), STS_RANGE);
    assert_int_equal(judge_section(4, STS_TI, 99), STS_KCT2);
    assert_int_equal(judge_section(8, STS_SGC, 1000000), STS_RANGE);
    assert_int_equal(judge_section(8, STS_SGC, 999999), STS_KCT3);
    assert_int_equal(judge_section(8, STS_PAD, 1), STS_FORMAT);
    struct made m;
    uint64_t block = UINT64_C(9) << 60;
    make_token(&m, &key, 2, block | sts_crc(2, block)); /* a fourth section with a short key */
    assert_int_equal(judge_digits(m.digits), STS_FUNCTION);

    struct sts_key new = key;
    struct made set[4];
    key.ea = new.ea = STS_EA_MISTY1;
    new.sgc = 1000000; /* in halves it can be told only at the end */
    make_key_change(set, &key, &new, false, false);
    enter(set[0].digits, STS_KCT1);
    enter(set[1].digits, STS_KCT2);
    enter(set[2].digits, STS_KCT3);
    enter(set[3].digits, STS_RANGE);
    assert_int_equal(pending.held, 0);
}

/* ---- the rest */

static void every_result_has_words(void **state)
{
    (void)state;
    for (int r = -1; r < 25; r++) {
        bool is_one = r >= 1 && r <= 18;
        assert_int_equal(sts_result_name(r) != NULL, is_one);
        assert_int_equal(sts_result_words(r) != NULL, is_one);
    }
    assert_string_equal(sts_result_name(STS_EXPIRED), "KeyExpiredError");
    assert_int_equal(sts_result_group(STS_USED), STS_GROUP_VALIDATION);
    assert_int_equal(sts_result_group(STS_KCT4), STS_GROUP_OK);
}

/* Somebody tries without end, and cuts the power whenever the meter locks. */
static void guessing_is_slow(void **state)
{
    static const struct sts_lock_policy policy = { STS_LOCK_WRONG, STS_LOCK_FIRST_S,
                                                   STS_LOCK_LONGEST_S };
    struct sts_lockout l = { 0, 0 };
    int tries = 0, first = 0;
    (void)state;
    for (uint32_t s = 0; s < 86400; s++) {
        while (l.left_s == 0) {
            struct sts_lockout flash = l;
            sts_lockout_note(&flash, &policy, STS_CRC, 0);
            l = flash; /* a power cycle brings back what was written */
            tries++;
        }
        if (first == 0) first = tries;
        sts_lockout_pass(&l, 1);
    }
    assert_int_equal(first, 5);
    assert_int_equal(tries, 31);
    assert_int_equal(l.wrong, 31);
    sts_lockout_note(&l, &policy, STS_ACCEPT, 1); /* a test token proves nothing */
    assert_int_equal(l.wrong, 31);
    sts_lockout_note(&l, &policy, STS_USED, 0);
    sts_lockout_note(&l, &policy, STS_LOCKED_OUT, 0);
    assert_int_equal(l.wrong, 31);
    sts_lockout_note(&l, &policy, STS_KCT1, 2);
    assert_true(l.wrong == 0 && l.left_s == 0);
    l.wrong = UINT32_MAX;
    sts_lockout_note(&l, &policy, STS_CRC, 0);
    assert_true(l.wrong == UINT32_MAX && l.left_s == STS_LOCK_LONGEST_S);
}

static void meter_numbers(void **state)
{
    char text[STS_PAN_DIGITS + 1];
    (void)state;
    sts_drn(text, 1);
    assert_string_equal(text, "00000000018");
    sts_pan(text, 0);
    assert_string_equal(text, "600727000000000009");
    assert_true(sts_pan_is_valid("600727000000000009"));
    assert_true(sts_pan_is_valid("000001000000000082"));
    assert_true(sts_pan_is_valid("600727111111111153"));
    assert_false(sts_pan_is_valid("600727111111111152"));
    assert_false(sts_pan_is_valid("60072711111111115"));
    assert_false(sts_pan_is_valid("60072711111111115a"));
    assert_false(sts_pan_is_valid("500727000000000001"));
    assert_int_equal(sts_pan_of(text, "12345678904"), E_FORMAT);
    assert_int_equal(sts_pan_of(text, "11111111113"), E_FORMAT);
    assert_int_equal(sts_pan_of(text, "1111111111"), E_FORMAT);
    assert_int_equal(sts_pan_of(text, "11111111115"), 0);
    assert_string_equal(text, "600727111111111153");
    assert_int_equal(sts_pan_of(text, "0100000000008"), 0);
    assert_string_equal(text, "000001000000000082");
    for (uint32_t serial = 0; serial < 100000000; serial += 7654321) {
        sts_pan(text, serial);
        assert_true(sts_pan_is_valid(text));
        text[10] = text[10] == '9' ? '0' : (char)(text[10] + 1);
        assert_false(sts_pan_is_valid(text));
    }
}

static void identifiers(void **state)
{
    uint32_t tid;
    (void)state;
    assert_int_equal(sts_tid_at(&tid, (utc_t){ 725846400 }, 1993), 0);
    assert_int_equal(tid, 0);
    assert_int_equal(sts_tid_at(&tid, (utc_t){ 725846399 }, 1993), E_RANGE);
    assert_int_equal(sts_tid_utc(STS_TID_MAX, 1993).s, 1732479300); /* 24 Nov 2024 20:15 */
    assert_int_equal(sts_tid_at(&tid, (utc_t){ 1732479359 }, 1993), 0);
    assert_int_equal(tid, STS_TID_MAX);
    assert_int_equal(sts_tid_at(&tid, (utc_t){ 1732479360 }, 1993), E_RANGE);
    assert_int_equal(sts_tid_at(&tid, (utc_t){ 1732479360 }, 2014), 0);
    assert_int_equal(sts_tid_at(&tid, (utc_t){ 1732479360 }, 2000), E_RANGE);
}

static void plans_that_cannot_be(void **state)
{
    const struct sts_key_plan good = { .dkga = 2,
                                       .vending_key = { 0xAB },
                                       .vending_key_len = 8,
                                       .base_year = 1993,
                                       .ea = STS_EA_STA,
                                       .kt = STS_KT_UNIQUE,
                                       .krn = 1,
                                       .sgc = 123456,
                                       .pan = "600727000000000009" };
    struct sts_key out;
    (void)state;
#define REFUSED(change, err)                                                                   \
    do {                                                                                       \
        struct sts_key_plan p = good;                                                          \
        change;                                                                                \
        assert_int_equal(sts_dkga(&out, &p), err);                                             \
    } while (0)
    REFUSED((void)0, 0);
    REFUSED(p.dkga = 1, 0);
    REFUSED((p.dkga = 3, p.vending_key_len = 16), 0);
    REFUSED((p.dkga = 4, p.vending_key_len = 20), 0);
    REFUSED((p.dkga = 1, p.krn = 2), E_RANGE);
    REFUSED(p.dkga = 0, E_RANGE);
    REFUSED(p.dkga = 5, E_RANGE);
    REFUSED(p.vending_key_len = 7, E_RANGE);
    REFUSED(p.dkga = 4, E_RANGE);
    REFUSED(p.ea = STS_EA_MISTY1, E_RANGE);
    REFUSED((p.dkga = 4, p.vending_key_len = 20, p.ea = 9), E_RANGE);
    REFUSED((p.dkga = 4, p.vending_key_len = 20, p.base_year = 2000), E_RANGE);
    REFUSED((p.dkga = 4, p.vending_key_len = 20, p.kt = STS_KT_COMMON), E_RANGE);
    REFUSED(p.krn = 0, E_RANGE);
    REFUSED(p.krn = 10, E_RANGE);
    REFUSED(p.ti = 100, E_RANGE);
    REFUSED(p.sgc = 1000000, E_RANGE);
    REFUSED(p.pan[17] = '8', E_FORMAT);
    REFUSED(p.pan[0] = 0, E_FORMAT);
#undef REFUSED
}

/* DKGA01 and 03 have no published vector: by their formulas, with keys that reduce them. */
static void other_derivations_by_their_formulas(void **state)
{
    struct sts_key_plan p = { .dkga = 2,
                              .vending_key = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8 },
                              .vending_key_len = 8,
                              .base_year = 1993,
                              .ea = STS_EA_STA,
                              .kt = STS_KT_UNIQUE,
                              .krn = 1,
                              .sgc = 123456,
                              .pan = "600727000000000009" };
    struct sts_key two, one, three;
    (void)state;
    assert_int_equal(sts_dkga(&two, &p), 0);
    p.dkga = 1;
    assert_int_equal(sts_dkga(&one, &p), 0);
    for (int i = 0; i < 8; i++) assert_int_equal(one.key[i] ^ p.vending_key[i], two.key[i]);
    p.dkga = 3;
    p.vending_key_len = 16; /* both halves equal: triple DES is DES */
    assert_int_equal(sts_dkga(&three, &p), 0);
    assert_memory_equal(three.key, one.key, 16);
    p.kt = STS_KT_COMMON;
    assert_int_equal(sts_pan_block(p.pan, p.kt), UINT64_C(0x0072700000000000));
    assert_int_equal(sts_pan_block("600727111111111153", STS_KT_COMMON),
                     UINT64_C(0x0072700000000000));
    assert_int_equal(sts_pan_block("000001000000000082", STS_KT_COMMON), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(digits_in_and_out),
        TEST(form_before_everything),
        TEST(locked_out_takes_tests_alone),
        TEST(tampered_takes_what_cures),
        TEST(test_tokens),
        TEST(credit_needs_a_unique_key),
        TEST(keys_expire),
        TEST(used_and_old),
        TEST(store_agrees_with_a_slow_one),
        TEST(unsupported_services),
        TEST(values_out_of_range),
        TEST(overflow_leaves_the_token_good),
        TEST(every_amount_decodes_to_what_it_says),
        TEST(money_at_the_edges),
        TEST(sections_time_out),
        TEST(another_set_begins_anew),
        TEST(credit_between_sections),
        TEST(key_types),
        TEST(sections_out_of_range),
        TEST(every_result_has_words),
        TEST(guessing_is_slow),
        TEST(meter_numbers),
        TEST(identifiers),
        TEST(plans_that_cannot_be),
        TEST(other_derivations_by_their_formulas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
