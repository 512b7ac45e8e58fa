/* Numbers large enough to mean something: round trips over every form, cipher and derivation;
 * typing errors; replayed and old tokens. Each line printed is one of the claims.
 * test_sts_random [COUNT]: how many of each, a million unless told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/rng.h"
#include "sts/code.h"
#include "sts/dkga.h"
#include "tools/vend/make.h"

static uint32_t count = 1000000;

/* Fast dice; the tokens are no secrets. */
static uint64_t dice = 88172645463325252u;

static uint64_t roll64(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
}

static uint32_t roll(uint32_t below)
{
    return (uint32_t)((roll64() >> 32) * below >> 32);
}

static const struct sts_rules all = { .room_units = INT64_MAX,
                                      .room_currency = INT64_MAX,
                                      .tests = (UINT64_C(1) << 36) - 1,
                                      .section_ms = 600000,
                                      .management = 0xFFFF,
                                      .functions = 0xFFFF,
                                      .credits = 0xFF };
static const struct sts_pending none;

static struct sts_key random_key(void)
{
    struct sts_key_plan p = { .dkga = (uint8_t)(1 + roll(4)),
                              .base_year = (uint16_t)(1993 + 21 * roll(3)),
                              .ea = STS_EA_STA,
                              .kt = STS_KT_UNIQUE,
                              .krn = (uint8_t)(1 + roll(9)),
                              .ti = (uint8_t)roll(100),
                              .sgc = roll(1000000) };
    static const uint8_t lengths[5] = { 0, 8, 8, 16, 20 };
    struct sts_key key;
    for (size_t i = 0; i < sizeof p.vending_key; i++) p.vending_key[i] = (uint8_t)roll64();
    p.vending_key_len = lengths[p.dkga];
    if (p.dkga == 1) p.krn = 1;
    if (p.dkga == 4 && roll(2)) p.ea = STS_EA_MISTY1;
    sts_pan(p.pan, roll(100000000));
    assert_int_equal(sts_dkga(&key, &p), 0);
    return key;
}

/* Random, but of values a meter takes. */
static void random_fields(struct sts_fields *f, const struct sts_form *form)
{
    memset(f, 0, sizeof *f);
    for (int i = 0; i < STS_FORM_FIELDS && form->part[i].field; i++)
        f->v[form->part[i].field] = roll64() >> (64 - form->part[i].bits);
    f->v[STS_PAD] = 0;
    f->v[STS_KRN] = 1 + roll(9);
    f->v[STS_KT] = STS_KT_UNIQUE;
    f->v[STS_TI] = roll(100);
    f->v[STS_SGC] = roll(1000000);
    f->v[STS_MFR] = 0;
    f->v[STS_EXP_HIGH] &= 3; /* up to 1e-5 x 1.8e18 and some: fits 64 bits up to e = 14 */
    if (f->v[STS_EXP_HIGH] == 3 && f->v[STS_EXP_LOW] == 3) f->v[STS_EXP_LOW] = 2;
    if (form->class == 2 && form->sub == 1) f->v[STS_VALUE] = roll(8);
    if (form->class == 1 && f->v[STS_CONTROL] == 0) f->v[STS_CONTROL] = 1;
    struct sts_fields kept = { { 0 } };
    for (int i = 0; i < STS_FORM_FIELDS && form->part[i].field; i++)
        kept.v[form->part[i].field] = f->v[form->part[i].field];
    *f = kept;
}

static void round_trips(void **state)
{
    uint32_t made[4][16] = { { 0 } };
    struct sts_tids tids = { { 0 } };
    struct sts_key key = random_key();
    (void)state;
    for (uint32_t n = 0; n < count; n++) {
        struct sts_fields f, back;
        struct sts_verdict v;
        struct sts_token t;
        struct made m;
        const struct sts_form *form = &sts_forms[roll((uint32_t)sts_form_count)];
        if (n % 4 == 0) key = random_key();
        if (form->ea && form->ea != key.ea) form = &sts_forms[0];
        random_fields(&f, form);
        if (f.v[STS_TID] == 0 && form->class != 1)
            f.v[STS_TID] = form->part[0].field == STS_RND;
        make_token(&m, &key, form->class, make_block(form, &f));
        assert_int_equal(sts_token_read(&t, m.digits), 0);
        assert_true(t.class == form->class && t.block == m.sealed);
        sts_form_get(&back, form, m.clear);
        assert_memory_equal(&back, &f, sizeof f);
        sts_judge(&v, &all, &key, &tids, &none, m.digits);
        if (v.tid == 0 && v.result == STS_USED) continue; /* the store is all zeros */
        assert_int_equal(sts_result_group(v.result), STS_GROUP_OK);
        assert_true(v.class == form->class && v.sub == form->sub);
        made[v.class][v.sub]++;
    }
    for (int i = 0; i < sts_form_count; i++)
        assert_true(made[sts_forms[i].class][sts_forms[i].sub] > count / 500);
    print_message("  %u tokens made, read and taken\n", count);
}

static struct made credit(const struct sts_key *key, uint32_t tid)
{
    struct sts_fields f = {
        .v = { [STS_RND] = roll(16), [STS_TID] = tid, [STS_VALUE] = roll(65536) }
    };
    struct made m;
    make_token(&m, key, 0, make_block(sts_form_find(0, 0, key->ea), &f));
    return m;
}

/* Every single wrong digit, every swap of neighbours. A checksum of 16 bits lets one in 65 536
 * through; what gets through is counted, and few of those are credit with a fresh TID. */
static void typing_errors(void **state)
{
    uint32_t typed = 0, authentic = 0, taken = 0;
    struct sts_tids tids;
    (void)state;
    sts_tids_init(&tids, 6000000);
    for (uint32_t n = 0; n < count / 100; n++) {
        struct sts_key key = random_key();
        struct made m = credit(&key, 6000001 + roll(100000));
        struct sts_verdict v;
        for (int i = 0; i < STS_DIGITS * 10 + STS_DIGITS - 1; i++) {
            char digits[STS_DIGITS + 1];
            memcpy(digits, m.digits, sizeof digits);
            if (i < STS_DIGITS * 10) {
                digits[i / 10] = (char)('0' + i % 10);
            } else {
                digits[i - STS_DIGITS * 10] = m.digits[i - STS_DIGITS * 10 + 1];
                digits[i - STS_DIGITS * 10 + 1] = m.digits[i - STS_DIGITS * 10];
            }
            if (memcmp(digits, m.digits, STS_DIGITS) == 0) continue;
            sts_judge(&v, &all, &key, &tids, &none, digits);
            typed++;
            authentic += v.is_authentic;
            taken += v.result == STS_ACCEPT && v.class == 0;
        }
    }
    print_message("  %u wrong entries: %u passed the checksum (%u expected), %u gave credit\n",
                  typed, authentic, typed / 65536, taken);
    assert_true(authentic <= 3 * (typed / 65536) + 10);
    assert_true(taken <= typed / 65536 / 4 + 5);
}

static void replays_and_old_ones(void **state)
{
    enum { LIFE = 400 };
    uint32_t replayed = 0, old = 0, accepted = 0;
    (void)state;
    while (replayed + old < count) {
        struct sts_key key = random_key();
        struct sts_tids tids;
        struct sts_verdict v;
        struct made bought[LIFE];
        uint32_t tid = 6000000;
        sts_tids_init(&tids, tid - 1);
        for (int i = 0; i < LIFE; i++) {
            tid += 1 + roll(20000);
            bought[i] = credit(&key, tid);
            sts_judge(&v, &all, &key, &tids, &none, bought[i].digits);
            assert_int_equal(v.result, STS_ACCEPT);
            sts_tids_put(&tids, &v);
        }
        for (int i = 0; i < LIFE; i++) {
            for (int k = 0; k < 3; k++) { /* itself, and one as old that was never entered */
                struct made m = k == 0 ? bought[i] : credit(&key, roll(6000000));
                sts_judge(&v, &all, &key, &tids, &none, m.digits);
                accepted += v.result == STS_ACCEPT;
                assert_true(v.result == STS_USED || v.result == STS_OLD);
                replayed += k == 0;
                old += k != 0;
            }
        }
    }
    print_message("  %u replayed, %u old: %u accepted\n", replayed, old, accepted);
    assert_int_equal(accepted, 0);
}

/* Sets mixed with other tokens, in any order, with repeats: the key that comes out is always a
 * key that was sent, and only after all of its sections. */
static void key_changes_in_any_order(void **state)
{
    uint32_t changes = 0;
    (void)state;
    for (uint32_t n = 0; n < count / 50; n++) {
        struct sts_key from = random_key(), to = random_key();
        struct sts_pending pending = { 0 };
        struct sts_tids tids = { { 0 } };
        struct sts_verdict v = { 0 };
        struct made m[4];
        unsigned seen = 0;
        bool with_sgc = roll(2);
        if (to.ea != from.ea) continue;
        int tokens = make_key_change(m, &from, &to, roll(2), with_sgc);
        for (int tries = 0; v.effect != STS_CHANGE_KEY && tries < 100; tries++) {
            int i = (int)roll((uint32_t)tokens + 1);
            if (i == tokens) {
                struct made other = credit(&from, 1 + roll(1000000));
                sts_judge(&v, &all, &from, &tids, &pending, other.digits);
            } else {
                sts_judge(&v, &all, &from, &tids, &pending, m[i].digits);
                seen |= 1u << i;
            }
            pending = v.pending;
            assert_int_equal(v.effect == STS_CHANGE_KEY, seen == (1u << tokens) - 1);
        }
        assert_memory_equal(v.key.key, to.key, 16);
        assert_int_equal(v.key.sgc, tokens == 2 ? 0 : to.sgc);
        changes++;
    }
    print_message("  %u key changes\n", changes);
    assert_true(changes > count / 200);
}

int main(int argc, char **argv)
{
    if (argc > 1) count = (uint32_t)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(typing_errors),
        cmocka_unit_test(replays_and_old_ones),
        cmocka_unit_test(key_changes_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
