/* Tokens in a living meter: counted once, kept with everything they did, refused with the
 * standard's own words; lock-outs, key change, wallets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "meter/display/sum.h"
#include "teller.h"

#define T0 INT64_C(1767225600) /* 2026-01-01 */

static struct lab *l;
static struct teller t;

static int setup_with(uint8_t ea)
{
    teller_init(&t, ea);
    l = lab_new(0, 0);
    teller_fit(l, &t);
    return lab_power_up(l, T0) < 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(STS_EA_STA);
}

static int setup_misty(void **state)
{
    (void)state;
    return setup_with(STS_EA_MISTY1);
}

static int teardown(void **state)
{
    (void)state;
    lab_free(l);
    return 0;
}

static void cut(uint64_t dark_s)
{
    int64_t utc = meter_utc(&l->m).s;
    lab_power_down(l, true);
    assert_true(lab_power_up(l, utc + (int64_t)dark_s) >= 0);
    lab_settle(l);
}

static int keypad(const char *token)
{
    return teller_enter(l, &teller_keypad, token);
}

/* The newest row of a log has this code. */
static void assert_logged(uint16_t code)
{
    struct event_span s = event_span(&l->m, LOG_PREPAYMENT);
    struct event_row row;
    for (uint32_t i = s.next; i-- > s.first;) {
        assert_int_equal(event_read(&l->m, LOG_PREPAYMENT, i, &row), 0);
        if (row.code == code) return;
    }
    fail_msg("no event %u", code);
}

static unsigned logged_in(enum event_log log, uint16_t code)
{
    struct event_span s = event_span(&l->m, log);
    struct event_row row;
    unsigned n = 0;
    for (uint32_t i = s.first; i < s.next; i++)
        n += event_read(&l->m, log, i, &row) == 0 && row.code == code;
    return n;
}

static unsigned logged(uint16_t code)
{
    return logged_in(LOG_PREPAYMENT, code);
}

/* A token of another meter. */
static const char *wrong(void)
{
    static struct teller stranger;
    uint32_t tid = stranger.tid;
    stranger = t;
    stranger.tid += tid % 1000;
    stranger.key.key[3] ^= 0x55;
    return teller_units(&stranger, 10);
}

static void assert_key(const struct sts_key *k)
{
    assert_memory_equal(k->key, t.key.key, sizeof k->key);
    assert_int_equal(k->sgc, t.key.sgc);
    assert_int_equal(k->ea, t.key.ea);
    assert_int_equal(k->kt, t.key.kt);
    assert_int_equal(k->krn, t.key.krn);
    assert_int_equal(k->ti, t.key.ti);
    assert_int_equal(k->ken, t.key.ken);
}

static void a_token_counts_once(void **state)
{
    (void)state;
    char token[STS_DIGITS + 1];
    memcpy(token, teller_units(&t, 100), sizeof token);
    assert_int_equal(wallet_balance(&l->m, 0), 0);
    assert_int_equal(l->m.wallets.wallet[0].status, ACCOUNT_NEW);
    assert_int_equal(keypad(token), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 0), 10000);
    assert_int_equal(l->m.wallets.wallet[0].status, ACCOUNT_ACTIVE);
    assert_int_equal(l->m.now.counter[CNT_TOKENS], 1);
    assert_logged(EV_TOKEN_ACCEPTED);
    assert_logged(EV_ACCOUNT_ACTIVATED);
    assert_int_equal(keypad(token), STS_USED);
    assert_int_equal(teller_enter(l, &teller_client, token), STS_USED);
    assert_logged(EV_TOKEN_USED);
    cut(60);
    assert_int_equal(wallet_balance(&l->m, 0), 10000);
    assert_int_equal(keypad(token), STS_USED);
    assert_int_equal(l->m.now.counter[CNT_TOKENS], 1);
    assert_int_equal(l->m.now.quantity[VAL_CREDIT_1], 10000);
}

static void the_log_tells_of_it(void **state)
{
    (void)state;
    struct token_row row;
    assert_int_equal(keypad(teller_units(&t, 123)), STS_ACCEPT);
    assert_int_equal(teller_enter(l, &teller_client, teller_money(&t, 2818624)), STS_ACCEPT);
    cut(0);
    struct token_span s = token_span(&l->m, TOKENS_ALL);
    assert_int_equal(s.next - s.first, 2);
    assert_int_equal(token_read(&l->m, TOKENS_ALL, s.first, &row), 0);
    assert_int_equal(row.time.s, T0);
    assert_int_equal(row.last.amount, 123);
    assert_int_equal(row.last.link, LINK_KEYPAD);
    assert_int_equal(row.balance, 12300);
    assert_int_equal(row.tid, 6400000);
    assert_int_equal(token_read(&l->m, TOKENS_ALL, s.first + 1, &row), 0);
    assert_int_equal(row.last.wallet, 1);
    assert_int_equal(row.last.amount, 2818624);
    assert_int_equal(row.balance, INT64_C(28186240000));
    assert_int_equal(row.sub, 4);
    assert_int_equal(l->m.tokens.last.amount, 2818624);
}

static void energy_is_drawn_to_the_unit(void **state)
{
    (void)state;
    l->load.p_mw = 3600000; /* one Wh a second */
    lab_run_s(l, 100);      /* nothing is owed for what went before the account */
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 0), 1000);
    lab_run_s(l, 999);
    assert_int_equal(wallet_balance(&l->m, 0), 1);
    lab_run_s(l, 2);
    assert_int_equal(wallet_balance(&l->m, 0), -1);
    assert_int_equal(l->m.now.quantity[VAL_CREDIT_1], -1);
    cut(0);
    assert_int_equal(wallet_balance(&l->m, 0), -1);
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 0), 999);
    l->load.p_mw = -3600000; /* what is exported is another matter */
    lab_run_s(l, 100);
    assert_int_equal(wallet_balance(&l->m, 0), 999);
}

static void run_at(int32_t p_mw, uint64_t s)
{
    l->load.p_mw = p_mw;
    lab_run_s(l, s);
}

static void registration_says_what_is_drawn(void **state)
{
    enum { WH_A_S = 3600000 };
    (void)state;
    assert_int_equal(keypad(teller_units(&t, 100)), STS_ACCEPT);
    run_at(-WH_A_S, 50);
    assert_int_equal(wallet_balance(&l->m, 0), 10000);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_REGISTRATION, REGISTRATION_ABSOLUTE), 0);
    lab_settle(l);
    assert_int_equal(wallet_balance(&l->m, 0), 10000); /* not for what was fed back before */
    run_at(-WH_A_S, 100);
    run_at(WH_A_S, 100);
    assert_int_equal(wallet_balance(&l->m, 0), 9800);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_REGISTRATION, REGISTRATION_IMPORT_ONLY),
                     0);
    lab_settle(l);
    run_at(-WH_A_S, 100);
    run_at(WH_A_S, 100);
    assert_int_equal(wallet_balance(&l->m, 0), 9700);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_REGISTRATION, REGISTRATION_NET), 0);
    lab_settle(l);
    run_at(WH_A_S, 100);
    assert_int_equal(wallet_balance(&l->m, 0), 9600);
}

/* At every instant, whatever is cut or set in between: what was drawn is the highest that net
 * energy came to since the registration is net. */
static void net_energy_pays_with_what_was_fed_back(void **state)
{
    static const int32_t mw[] = { -3600000, 1800000, 3600000, -1200000, 7200000, -9000000, 0 };
    enum { LOADS = sizeof mw / sizeof mw[0] };
    (void)state;
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_REGISTRATION, REGISTRATION_NET), 0);
    assert_int_equal(keypad(teller_units(&t, 10000)), STS_ACCEPT);
    int64_t highest = reg_at(&l->m.now, REG_WH_NET), bought = 1000000;
    uint32_t dice = 22;
    for (unsigned i = 0; i < 300; i++) {
        dice = dice * 1103515245 + 12345;
        run_at(mw[(dice >> 16) % LOADS], 1 + (dice >> 20) % 200);
        int64_t net = reg_at(&l->m.now, REG_WH_NET);
        highest = net > highest ? net : highest;
        assert_int_equal(wallet_balance(&l->m, 0), bought - highest);
        if (i % 7 == 0) cut(i % 5); /* the last gasp keeps all */
        if (i % 11 == 0)
            assert_int_equal(param_set(&l->m, &lab_who, PARAM_SYNC_WINDOW_S, (int32_t)i % 60),
                             0);
        lab_settle(l);
        assert_int_equal(wallet_balance(&l->m, 0), bought - highest);
    }
    assert_true(reg_at(&l->m.now, REG_WH_EXPORT) > 10000);
    assert_true(highest > 1000);
    run_at(-3600000, 1000);
    lab_power_down(l, false); /* without it a minute at most, of all alike */
    assert_true(lab_power_up(l, meter_utc(&l->m).s) >= 0);
    lab_settle(l);
    assert_int_equal(wallet_balance(&l->m, 0), bought - highest);
    int64_t before = reg_at(&l->m.now, REG_WH_NET), owed = highest - before;
    assert_in_range(owed, 900, 30000);
    run_at(3600000, (uint64_t)owed);
    assert_in_range(wallet_balance(&l->m, 0), bought - highest - 1, bought - highest);
    run_at(3600000, 100);
    assert_in_range(wallet_balance(&l->m, 0), bought - highest - 101, bought - highest - 99);
}

static void a_cut_without_warning_loses_less_than_a_record(void **state)
{
    (void)state;
    l->load.p_mw = 3600000;
    assert_int_equal(keypad(teller_units(&t, 100)), STS_ACCEPT);
    lab_run_s(l, 90);
    uint64_t wh = (uint64_t)reg_at(&l->m.now, REG_WH_IMPORT);
    lab_power_down(l, false);
    assert_true(lab_power_up(l, T0 + 90) >= 0);
    uint64_t has = (uint64_t)reg_at(&l->m.now, REG_WH_IMPORT);
    assert_in_range(has, wh - 60, wh);
    assert_int_equal(wallet_balance(&l->m, 0), 10000 - (int64_t)has);
}

static void money_has_its_own_wallet(void **state)
{
    (void)state;
    assert_int_equal(keypad(teller_money(&t, 1234524)), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 0), 0);
    assert_int_equal(wallet_balance(&l->m, 1), INT64_C(12345240000));
    assert_int_equal(l->m.now.quantity[VAL_CREDIT_2], 1234);
    assert_int_equal(keypad(teller_money(&t, -1300024)), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 1), INT64_C(-655000000));
    assert_int_equal(l->m.now.quantity[VAL_CREDIT_2], -66); /* rounded down */
    assert_int_equal(l->m.wallets.wallet[1].purchased, INT64_C(12345240000));
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_WALLET_ARRANGEMENT, WALLETS_SINGLE), 0);
    lab_settle(l);
    assert_int_equal(keypad(teller_money(&t, 100000)), STS_FUNCTION);
    assert_int_equal(keypad(teller_units(&t, 1)), STS_ACCEPT);
}

static void no_room_keeps_the_token(void **state)
{
    (void)state;
    char token[STS_DIGITS + 1];
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_CREDIT_MAX_1, 5), 0);
    lab_settle(l);
    assert_int_equal(keypad(teller_units(&t, 20)), STS_ACCEPT);
    memcpy(token, teller_units(&t, 31), sizeof token);
    assert_int_equal(keypad(token), STS_OVERFLOW);
    assert_logged(EV_TOP_UP_REFUSED);
    assert_int_equal(wallet_balance(&l->m, 0), 2000);
    l->load.p_mw = 3600000;
    lab_run_s(l, 100);
    assert_int_equal(keypad(token), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 0), 5000);
}

static void wallets_take_no_more_than_they_can_hold(void **state)
{
    (void)state;
    int64_t huge = INT64_C(399000000000000); /* 3.99e9 currency in 1e-5 */
    assert_int_equal(keypad(teller_money(&t, huge)), STS_ACCEPT);
    assert_int_equal(keypad(teller_money(&t, huge)), STS_OVERFLOW);
    for (int i = 0; i < 2; i++) assert_int_equal(keypad(teller_money(&t, -huge)), STS_ACCEPT);
    assert_int_equal(keypad(teller_money(&t, -huge)), STS_OVERFLOW);
    assert_int_equal(wallet_add(&l->m, &lab_who, 1, INT64_MIN), E_RANGE);
    assert_int_equal(wallet_add(&l->m, &lab_who, 1, INT64_MAX), E_RANGE);
}

static void old_and_wrong_tokens(void **state)
{
    (void)state;
    char first[STS_DIGITS + 1];
    memcpy(first, teller_units(&t, 1), sizeof first);
    for (unsigned i = 0; i < STS_TIDS; i++)
        assert_int_equal(keypad(teller_units(&t, 1)), STS_ACCEPT);
    assert_int_equal(keypad(first), STS_OLD);
    assert_logged(EV_TOKEN_OLD);
    assert_int_equal(keypad("1234"), STS_FORMAT);
    assert_int_equal(keypad("99999999999999999999"), STS_FORMAT);
    assert_int_equal(keypad(wrong()), STS_CRC);
    assert_logged(EV_TOKEN_INVALID);
    assert_int_equal(wallet_balance(&l->m, 0), 100 * STS_TIDS);
    static const uint8_t none[10];
    assert_memory_equal(l->m.tokens.last.bcd, none, 10); /* it may be good elsewhere */
}

static void wrong_tokens_lock_their_way_in(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) assert_int_equal(keypad(wrong()), STS_CRC);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 0);
    assert_int_equal(keypad(wrong()), STS_CRC);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 300);
    assert_int_equal(prepay_locked_s(&l->m, LINK_WAN), 0);
    assert_logged(EV_TOKEN_LOCKOUT);
    assert_true(l->m.alarms.held[2] >> 19 & 1);
    char good[STS_DIGITS + 1];
    memcpy(good, teller_units(&t, 10), sizeof good);
    assert_int_equal(keypad(good), STS_LOCKED_OUT);
    assert_int_equal(keypad(teller_test(&t, STS_SHOW_ENERGY)), STS_ACCEPT);
    cut(100);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 200); /* the clock knows */
    assert_int_equal(keypad(good), STS_LOCKED_OUT);
    lab_run_s(l, 199);
    assert_int_equal(keypad(good), STS_LOCKED_OUT);
    lab_run_s(l, 2);
    assert_logged(EV_TOKEN_LOCKOUT_END);
    assert_false(l->m.alarms.held[2] >> 19 & 1);
    assert_int_equal(keypad(wrong()), STS_CRC); /* twice as long */
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 600);
    assert_int_equal(teller_enter(l, &teller_client, good), STS_ACCEPT);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 600);
    lab_run_s(l, 600);
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
    for (unsigned i = 0; i < 4; i++) assert_int_equal(keypad(wrong()), STS_CRC);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 0); /* all is forgiven */
}

static void a_lockout_without_a_clock_waits_for_power(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) keypad(wrong());
    lab_run_s(l, 125);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 175);
    l->rtc_lost = true;
    lab_power_down(l, false);
    assert_true(lab_power_up(l, T0 + 100000) >= 0);
    uint32_t left = prepay_locked_s(&l->m, LINK_KEYPAD);
    assert_in_range(left, 175, 240); /* from minute to minute */
    l->rtc_lost = true;
    lab_power_down(l, false);
    assert_true(lab_power_up(l, T0 + 200000) >= 0);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), left);
}

/* As many wrong tokens as can be entered on every way in, with the power cut after each and
 * the supply back at once: tries that were judged in a day. */
static void guessing_is_slow(void **state)
{
    (void)state;
    unsigned tries = 0, seconds = 0;
    while (seconds < 86400) {
        tries += keypad(wrong()) == STS_CRC;
        tries += teller_enter(l, &teller_client, wrong()) == STS_CRC;
        if (seconds % 3000 == 0) cut(0);
        lab_run_s(l, 30);
        seconds += 30;
    }
    print_message("%u tries in a day on both ways in\n", tries);
    assert_in_range(tries, 40, 70);
}

static void keys_change_in_any_order(void **state)
{
    (void)state;
    static const uint8_t order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                         { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    static const uint8_t section[] = { STS_KCT1, STS_KCT2, STS_KCT3 };
    struct sts_key key;
    for (unsigned i = 0; i < 6; i++) {
        teller_change(&t, (uint8_t)(i + 1), false, true);
        assert_int_equal(t.tokens, 3);
        l->cfg.decoder = NULL; /* from here on the slot alone */
        if (i == 0) {
            struct teller factory;
            teller_init(&factory, STS_EA_STA);
            assert_int_equal(prepay_key_set(&l->m, &lab_who, &factory.key, 6000000), 0);
            lab_settle(l);
        }
        for (unsigned k = 0; k < 3; k++) {
            int result = keypad(t.token[order[i][k]]);
            assert_int_equal(result, k == 2 ? STS_ACCEPT : section[order[i][k]]);
        }
        assert_int_equal(prepay_key_get(&l->m, &key), 0);
        assert_key(&key);
        assert_int_equal(keypad(t.token[0]), STS_CRC); /* the old key is gone */
        assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
        cut(1);
    }
    assert_int_equal(logged(EV_KEY_CHANGED), 7);
}

static void two_tokens_carry_no_supply_group(void **state)
{
    (void)state;
    struct sts_key key;
    struct teller before = t;
    l->cfg.decoder = &before.key;
    teller_change(&t, 9, true, false);
    assert_int_equal(t.tokens, 2);
    assert_int_equal(keypad(t.token[1]), STS_KCT2);
    assert_int_equal(keypad(t.token[0]), STS_ACCEPT);
    assert_int_equal(prepay_key_get(&l->m, &key), 0);
    assert_int_equal(key.sgc, 0);
    assert_logged(EV_BASE_DATE_CHANGED);
    t.tid = 1; /* TIDs begin anew */
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
    cut(1);
    assert_int_equal(l->m.tokens.tids.tid[1], 0);
    t.tid = 1;
    assert_int_equal(keypad(teller_units(&t, 10)), STS_USED);
}

static void sections_wait_so_long_and_not_over_a_cut(void **state)
{
    (void)state;
    struct teller before = t;
    l->cfg.decoder = &before.key;
    teller_change(&t, 5, false, false);
    assert_int_equal(keypad(t.token[0]), STS_KCT1);
    assert_int_equal(keypad(teller_units(&before, 10)), STS_ACCEPT); /* the old key still */
    lab_run_s(l, 601);
    assert_logged(EV_KEY_REFUSED);
    assert_int_equal(keypad(t.token[1]), STS_KCT2);
    cut(1);
    assert_int_equal(keypad(t.token[0]), STS_KCT1);
    lab_run_s(l, 590);
    assert_int_equal(keypad(t.token[1]), STS_ACCEPT);
}

static void four_tokens_of_128_bits(void **state)
{
    (void)state;
    struct sts_key key;
    struct teller before = t;
    static const uint8_t section[] = { STS_KCT1, STS_KCT2, STS_KCT3, STS_KCT4 };
    l->cfg.decoder = &before.key;
    teller_change(&t, 6, true, true);
    assert_int_equal(t.tokens, 4);
    for (int i = 3; i > 0; i--) assert_int_equal(keypad(t.token[i]), section[i]);
    assert_int_equal(keypad(t.token[0]), STS_ACCEPT);
    cut(1);
    assert_int_equal(prepay_key_get(&l->m, &key), 0);
    assert_key(&key);
    assert_int_equal(keypad(teller_money(&t, 12345)), STS_ACCEPT);
}

static void management_tokens(void **state)
{
    (void)state;
    assert_int_equal(keypad(teller_units(&t, 100)), STS_ACCEPT);
    assert_int_equal(keypad(teller_money(&t, 100000)), STS_ACCEPT);
    assert_int_equal(keypad(teller_register(&t, 0, 2300)), STS_ACCEPT);
    assert_int_equal(param_get(&l->m, PARAM_LIMIT_3_NORMAL), 2300);
    assert_logged(EV_POWER_LIMIT_TOKEN);
    assert_int_equal(limiter_threshold(&l->m, 2), 2300);
    assert_int_equal(keypad(teller_register(&t, 1, 4)), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 1), 0);
    assert_int_equal(wallet_balance(&l->m, 0), 10000);
    assert_int_equal(keypad(teller_register(&t, 1, 1)), STS_RANGE); /* water */
    assert_int_equal(keypad(teller_register(&t, 1, 0xFFFF)), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 0), 0);
    assert_logged(EV_CREDIT_CLEARED);
    assert_int_equal(keypad(teller_register(&t, 2, 7)), STS_FUNCTION);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_TOKEN_FUNCTIONS, 1), 0);
    lab_settle(l);
    assert_int_equal(keypad(teller_register(&t, 2, 100)), STS_RANGE);
    assert_int_equal(keypad(teller_register(&t, 2, 7)), STS_ACCEPT);
    struct sts_key key;
    assert_int_equal(prepay_key_get(&l->m, &key), 0);
    assert_int_equal(key.ti, 7);
    assert_int_equal(keypad(teller_register(&t, 6, 10)), STS_FUNCTION);
    assert_int_equal(keypad(teller_register(&t, 7, 10)), STS_FUNCTION);
    cut(0);
    assert_int_equal(param_get(&l->m, PARAM_LIMIT_3_NORMAL), 2300);
    assert_int_equal(wallet_balance(&l->m, 0), 0);
}

/* Credit alone is cleared, never a debt; its row says what is left. */
static void a_clearing_leaves_the_debt(void **state)
{
    (void)state;
    struct token_row row;
    assert_int_equal(keypad(teller_money(&t, 100000)), STS_ACCEPT);
    assert_int_equal(keypad(teller_register(&t, 1, 4)), STS_ACCEPT);
    assert_int_equal(
        token_read(&l->m, TOKENS_ALL, token_span(&l->m, TOKENS_ALL).next - 1, &row), 0);
    assert_int_equal(row.last.wallet, 1);
    assert_int_equal(row.balance, 0);
    assert_int_equal(credit_set_debt(&l->m, &lab_who, 0, DEBT_DAY, 5000), 0);
    lab_settle(l);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_WALLET_ARRANGEMENT, WALLETS_MAIN_DEBT),
                     0);
    lab_settle(l);
    assert_int_equal(wallet_add(&l->m, &lab_who, 1, MONEY_UNIT), E_STATE);
    assert_int_equal(keypad(teller_units(&t, 100)), STS_ACCEPT);
    assert_int_equal(keypad(teller_register(&t, 1, 0xFFFF)), STS_ACCEPT);
    assert_int_equal(wallet_balance(&l->m, 0), 0);
    assert_int_equal(wallet_balance(&l->m, 1), -5000);
    assert_int_equal(
        token_read(&l->m, TOKENS_ALL, token_span(&l->m, TOKENS_ALL).next - 1, &row), 0);
    assert_int_equal(row.last.wallet, 0);
    assert_int_equal(row.balance, 0);
    cut(0);
    assert_int_equal(wallet_balance(&l->m, 1), -5000);
}

static void a_clear_tamper_token_clears(void **state)
{
    (void)state;
    l->inputs = INPUT_TERMINAL_COVER;
    meter_feed_inputs(&l->m, l->now, l->inputs);
    lab_run_s(l, 60);
    assert_true(l->m.alarms.set[0] >> 13 & 1);
    assert_int_equal(keypad(teller_register(&t, 5, 0)), STS_ACCEPT);
    assert_true(l->m.alarms.set[2] & 1); /* the cover is still open */
    l->inputs = 0;
    meter_feed_inputs(&l->m, l->now, 0);
    lab_run_s(l, 60);
    assert_int_equal(keypad(teller_register(&t, 5, 0)), STS_ACCEPT);
    assert_int_equal(l->m.alarms.set[0] >> 13 & 1, 0);
    assert_int_equal(l->m.alarms.set[2] & 0x3F, 0);
    assert_logged(EV_TAMPER_CLEARED);
}

static void test_tokens_change_nothing(void **state)
{
    (void)state;
    uint32_t tokens = l->m.now.counter[CNT_TOKENS];
    assert_int_equal(keypad("56493153725450313471"), STS_ACCEPT); /* all tests of this maker */
    assert_int_equal(l->m.now.quantity[VAL_KEY_REVISION], 12);
    assert_int_equal(keypad(teller_test(&t, STS_TEST_SWITCH)), STS_FUNCTION);
    assert_int_equal(l->m.now.counter[CNT_TOKENS], tokens);
    assert_logged(EV_TEST_TOKEN);
}

static void assert_cells(const char *cells, unsigned point)
{
    struct display_page p;
    char text[DISPLAY_CELLS + 1] = { 0 };
    display_page(&l->m, l->now, &p);
    memcpy(text, p.cell, DISPLAY_CELLS);
    assert_string_equal(text, cells);
    assert_int_equal(p.point, point);
}

/* Result, then all tests of this maker, a turn each; then the everyday list goes on. */
static void the_display_goes_through_a_test(void **state)
{
    static const struct {
        const char *cells;
        unsigned point;
    } page[] = { { "       1", 0 }, { "88888888", 0 }, { "     124", 2 }, { "      12", 0 },
                 { "      42", 0 }, { "in     4", 0 }, { "    2300", 0 }, { "  000100", 0 },
                 { "    3600", 3 }, { "1-22-3  ", 0 } };
    (void)state;
    t.key.ti = 42;
    l->cfg.version = "1.22.3";
    l->load.p_mw = 3600000;
    lab_run_s(l, 1230);
    assert_int_equal(keypad(teller_register(&t, 0, 2300)), STS_ACCEPT);
    l->m.alarms.set[2] |= 1 << 3; /* a magnet was there */
    assert_int_equal(keypad("56493153725450313471"), STS_ACCEPT);
    for (unsigned i = 0; i < sizeof page / sizeof *page; i++) {
        assert_cells(page[i].cells, page[i].point);
        if (i == 2) lab_run_s(l, 1);
        if (i == 2) assert_cells(page[i].cells, page[i].point);
        lab_run_s(l, i == 2 ? 5 : 6);
    }
    struct display_page p;
    display_page(&l->m, l->now, &p);
    assert_true(p.pages >= 10); /* everyday */
    assert_int_equal(keypad(teller_test(&t, STS_SHOW_TARIFF_INDEX)), STS_ACCEPT);
    assert_cells("       1", 0);
    lab_run_s(l, 6);
    assert_cells("      42", 0);
    meter_feed_inputs(&l->m, l->now, INPUT_BUTTON); /* a press ends it */
    lab_run_s(l, 1);
    meter_feed_inputs(&l->m, l->now, 0);
    lab_run_s(l, 1);
    display_page(&l->m, l->now, &p);
    assert_false(p.automatic);
    assert_true(p.pages > 2);
}

/* Lamp and buzzer for three seconds, with the display or with the keypad; then as before. */
static void a_test_sounds(void **state)
{
    static const uint32_t bits[] = { STS_TEST_DISPLAY, STS_TEST_READER };
    (void)state;
    lab_run_s(l, 10);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t lamp = l->m.lamp[LAMP_ALARM], buzzer = l->m.lamp[LAMP_BUZZER];
        assert_int_not_equal(buzzer, OUTPUT_STEADY);
        assert_int_equal(keypad(teller_test(&t, bits[i])), STS_ACCEPT);
        assert_int_equal(l->m.lamp[LAMP_ALARM], OUTPUT_STEADY);
        assert_int_equal(l->m.lamp[LAMP_BUZZER], OUTPUT_STEADY);
        lab_run_s(l, 2);
        assert_int_equal(l->m.lamp[LAMP_BUZZER], OUTPUT_STEADY);
        lab_run_s(l, 2);
        assert_int_equal(l->m.lamp[LAMP_ALARM], lamp);
        assert_int_equal(l->m.lamp[LAMP_BUZZER], buzzer);
    }
    assert_int_equal(keypad(teller_test(&t, STS_SHOW_TARIFF_INDEX)), STS_ACCEPT);
    assert_int_not_equal(l->m.lamp[LAMP_BUZZER], OUTPUT_STEADY);
}

static unsigned opens(void)
{
    return l->m.now.counter[CNT_RELAY_OPENS];
}

/* The contact is tried for a second where the meter closes by itself, and never closes what is to
 * be open; who asks too often is not heard. */
static void the_contact_is_tried(void **state)
{
    (void)state;
    const char *token = teller_test(&t, STS_TEST_SWITCH);
    char kept[STS_DIGITS + 1];
    memcpy(kept, token, sizeof kept);
    lab_fit_relay(l, true);
    cut(1);
    lab_run_s(l, 10);
    assert_int_equal(keypad(kept), STS_FUNCTION); /* mode 4 waits for somebody */
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_SUPPLY_MODE, 6), 0);
    lab_settle(l);
    assert_int_equal(keypad(kept), STS_ACCEPT);
    lab_run_s(l, 5);
    assert_int_equal(opens(), 1);
    assert_true(supply_is_on(&l->m));
    assert_int_equal(logged_in(LOG_RELAY, EV_OPEN_ENGINEERING), 1);
    assert_int_equal(logged_in(LOG_RELAY, EV_OPEN_ARREARS), 0);
    assert_int_equal(logged_in(LOG_RELAY, EV_LOCAL_RECONNECTION), 1);
    assert_int_equal(keypad(teller_units(&t, 1)), STS_ACCEPT); /* and without credit */
    l->load.p_mw = 3600000;
    lab_run_s(l, 200);
    assert_false(supply_is_on(&l->m));
    assert_int_equal(opens(), 2);
    assert_int_equal(logged_in(LOG_RELAY, EV_OPEN_ARREARS), 1);
    assert_int_equal(keypad(kept), STS_FUNCTION); /* there is nothing to try */
    lab_run_s(l, 5);
    assert_false(supply_is_on(&l->m));
    assert_int_equal(keypad(teller_units(&t, 100)), STS_ACCEPT);
    lab_run_s(l, 5);
    assert_true(supply_is_on(&l->m));
    unsigned before = opens();
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(keypad(kept), STS_ACCEPT);
        lab_run_s(l, 5);
    }
    assert_in_range(opens() - before, 8, 13);
    assert_true(supply_is_on(&l->m));
}

/* A utility may lock sooner and for longer; the day is the longest, and softer it does not get. */
static void a_harder_lock_out(void **state)
{
    static const struct param_value softer[] = {
        { PARAM_LOCK_WRONG, STS_LOCK_WRONG + 1 },
        { PARAM_LOCK_FIRST_S, STS_LOCK_FIRST_S - 1 },
        { PARAM_LOCK_LONGEST_S, STS_LOCK_LONGEST_S - 1 },
        { PARAM_LOCK_LONGEST_S, STS_LOCK_MOST_S + 1 }
    };
    static const uint32_t longer_s[] = { 1000, 2000, 4000, 5000, 5000 };
    (void)state;
    for (unsigned i = 0; i < sizeof softer / sizeof *softer; i++)
        assert_int_equal(param_set(&l->m, &lab_who, softer[i].id, softer[i].value), E_RANGE);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_LOCK_WRONG, 2), 0);
    lab_settle(l);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_LOCK_FIRST_S, 1000), 0);
    lab_settle(l);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_LOCK_LONGEST_S, 5000), 0);
    lab_settle(l);
    assert_int_equal(keypad(wrong()), STS_CRC);
    assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 0);
    for (unsigned i = 0; i < sizeof longer_s / sizeof *longer_s; i++) {
        assert_int_equal(keypad(wrong()), STS_CRC);
        assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), longer_s[i]);
        lab_run_s(l, longer_s[i]);
        assert_int_equal(prepay_locked_s(&l->m, LINK_KEYPAD), 0);
    }
}

/* Whatever was judged has a row; digits that may still be good are in none of them. */
static void refused_tokens_are_logged(void **state)
{
    static const uint8_t result[] = { STS_ACCEPT, STS_USED, STS_CRC, STS_ACCEPT, STS_FUNCTION };
    static const uint8_t none[STS_DIGITS / 2] = { 0 };
    (void)state;
    struct token_row row;
    char token[STS_DIGITS + 1];
    memcpy(token, teller_units(&t, 100), sizeof token);
    assert_int_equal(keypad(token), STS_ACCEPT);
    assert_int_equal(teller_enter(l, &teller_client, token), STS_USED);
    assert_int_equal(keypad(wrong()), STS_CRC);
    assert_int_equal(keypad(teller_test(&t, STS_SHOW_ENERGY)), STS_ACCEPT);
    assert_int_equal(keypad(teller_register(&t, 6, 100)), STS_FUNCTION);
    assert_int_equal(keypad("99999999999999999999"), STS_FORMAT); /* no token */
    for (unsigned i = 0; i < 4; i++) keypad(wrong());
    struct token_span s = token_span(&l->m, TOKENS_ALL);
    assert_int_equal(keypad(wrong()), STS_LOCKED_OUT); /* not looked at */
    assert_int_equal(token_span(&l->m, TOKENS_ALL).next, s.next);
    assert_int_equal(s.next - s.first, sizeof result + 4);
    cut(1);
    for (unsigned i = 0; i < sizeof result; i++) {
        assert_int_equal(token_read(&l->m, TOKENS_ALL, s.first + i, &row), 0);
        assert_int_equal(row.last.result, result[i]);
        assert_int_equal(memcmp(row.last.bcd, none, sizeof none) == 0, i != 0);
        assert_int_equal(row.last.link, i == 1 ? LINK_WAN : LINK_KEYPAD);
        assert_int_equal(row.tid != 0, i < 2 || i == 4);
    }
    assert_int_equal(token_span(&l->m, TOKENS_CREDIT).next, 1);
    struct display_page p = { .item.column = SUM_TOKEN }; /* the last one that was taken */
    display_show(&l->m, l->now, &p);
    assert_memory_equal(p.cell, token, DISPLAY_CELLS);
}

static void the_display_tells_of_credit(void **state)
{
    (void)state;
    lab_run_s(l, 10);
    assert_int_equal(keypad(teller_units(&t, 123)), STS_ACCEPT);
    assert_cells("       1", 0);
    lab_run_s(l, 6);
    assert_cells("     123", 1);
    lab_run_s(l, 6);
    assert_cells("   12300", 0);
    assert_int_equal(keypad(teller_money(&t, 1234567)), STS_ACCEPT);
    lab_run_s(l, 6);
    assert_cells("    1234", 2);
    assert_int_equal(keypad(wrong()), STS_CRC);
    assert_cells("      13", 0);
}

/* -- functions of 2/11 --------------------------------------------------------------------- */

static void an_engineer_opens_and_releases(void **state)
{
    (void)state;
    struct token_row row;
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_SWITCH, 0)),
                     STS_FUNCTION); /* no relay */
    lab_fit_relay(l, true);
    cut(1);
    lab_run_s(l, 10);
    assert_true(l->m.supply.state.closed);
    const char *token = teller_function(&t, 11, STS_FN_SWITCH, 0);
    char kept[STS_DIGITS + 1];
    memcpy(kept, token, sizeof kept);
    assert_int_equal(keypad(kept), STS_ACCEPT);
    lab_run_s(l, 10);
    assert_false(supply_is_on(&l->m));
    assert_int_equal(l->m.supply.state.held, SUPPLY_BIT(SUPPLY_REMOTE));
    assert_int_equal(logged_in(LOG_RELAY, EV_OPEN_ENGINEERING), 1);
    assert_int_equal(keypad(kept), STS_USED);
    assert_int_equal(
        token_read(&l->m, TOKENS_ALL, token_span(&l->m, TOKENS_ALL).next - 1, &row), 0);
    assert_int_equal(row.sub, 11);
    cut(30);
    assert_false(supply_is_on(&l->m));
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_SWITCH, 2)), STS_RANGE);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_SWITCH, 1)), STS_ACCEPT);
    lab_run_s(l, 10);
    assert_true(supply_is_on(&l->m));
    assert_int_equal(l->m.supply.state.held, 0);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_SWITCH, 1)),
                     STS_ACCEPT); /* nothing to release */
    assert_int_equal(keypad(teller_function(&t, 11, 0, 1)), STS_FUNCTION);
    assert_int_equal(keypad(teller_function(&t, 11, 15, 1)), STS_FUNCTION);
}

static void functions_of_the_account(void **state)
{
    (void)state;
    assert_int_equal(keypad(teller_units(&t, 100)), STS_ACCEPT);
    const struct level_row *level = l->m.wallets.watchman.level;
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_LEVEL_1, 20)), STS_ACCEPT);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_LEVEL_2, 15)), STS_ACCEPT);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_LEVEL_3, 3)), STS_ACCEPT);
    assert_int_equal(level[0].threshold, 20000);
    assert_int_equal(level[1].threshold, 15000);
    assert_int_equal(level[2].threshold, 3000);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_LEVEL_2, 21)), STS_FUNCTION);
    assert_int_equal(level[1].threshold, 15000);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_EMERGENCY, 12)), STS_ACCEPT);
    assert_int_equal(credit_preset(&l->m, 0), 12000);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_FRIENDLY, 2)), STS_RANGE);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_FRIENDLY, 1)), STS_ACCEPT);
    assert_int_equal(param_get(&l->m, PARAM_FRIENDLY_ENABLE), 1);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_MODE, 0)), STS_ACCEPT);
    assert_true(wallet_is_postpaid(&l->m));
    assert_logged(EV_MODE_CREDIT);
    cut(30);
    assert_true(wallet_is_postpaid(&l->m));
    assert_int_equal(level[1].threshold, 15000);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_MODE, 0)),
                     STS_ACCEPT); /* it is so */
    assert_int_equal(logged(EV_MODE_CREDIT), 1);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_MODE, 1)), STS_ACCEPT);
    assert_false(wallet_is_postpaid(&l->m));
    assert_logged(EV_MODE_PREPAYMENT);
    assert_int_equal(wallet_balance(&l->m, 0), 10000);
}

/* 2/10 means what 2/11 does where a parameter says so, and nothing else. */
static void extended_tokens_are_permitted(void **state)
{
    (void)state;
    lab_fit_relay(l, true);
    cut(1);
    lab_run_s(l, 10);
    const char *token = teller_function(&t, 10, STS_FN_SWITCH, 0);
    char kept[STS_DIGITS + 1];
    memcpy(kept, token, sizeof kept);
    assert_int_equal(keypad(kept), STS_FUNCTION);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_TOKEN_FUNCTIONS, 0x80FE), 0);
    lab_settle(l);
    assert_int_equal(keypad(kept), STS_ACCEPT); /* it was not used up */
    lab_run_s(l, 10);
    assert_false(supply_is_on(&l->m));
    assert_int_equal(keypad(teller_function(&t, 10, 16 + STS_FN_SWITCH, 1)), STS_FUNCTION);
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_TOKEN_FUNCTIONS, 0x8000), 0);
    lab_settle(l);
    assert_int_equal(keypad(teller_function(&t, 10, STS_FN_SWITCH, 1)), STS_FUNCTION);
    assert_int_equal(keypad(teller_function(&t, 11, STS_FN_SWITCH, 1)), STS_FUNCTION);
}

/* A supply that a tamper holds takes tests, key changes and the clearing, and no credit. */
static void a_tamper_lock(void **state)
{
    (void)state;
    lab_fit_relay(l, true);
    cut(1);
    int32_t mask = param_get(&l->m, PARAM_PROTECT_MASK) | 1 << PROTECT_TAMPER;
    assert_int_equal(param_set(&l->m, &lab_who, PARAM_PROTECT_MASK, mask), 0);
    lab_settle(l);
    l->inputs = INPUT_TERMINAL_COVER;
    meter_feed_inputs(&l->m, l->now, l->inputs | INPUT_RELAY_CLOSED);
    lab_run_s(l, 60);
    assert_int_equal(l->m.supply.state.held, SUPPLY_BIT(SUPPLY_TAMPER));
    assert_false(supply_is_on(&l->m));
    char units[STS_DIGITS + 1], clear[STS_DIGITS + 1];
    memcpy(units, teller_units(&t, 10), sizeof units);
    memcpy(clear, teller_register(&t, 5, 0), sizeof clear);
    assert_int_equal(keypad(units), STS_NOT_READY);
    assert_int_equal(keypad("56493153725450313471"), STS_ACCEPT);
    assert_int_equal(keypad(clear), STS_NOT_READY); /* the cover is still open */
    l->inputs = 0;
    meter_feed_inputs(&l->m, l->now, 0);
    lab_run_s(l, 60);
    assert_int_equal(l->m.supply.state.held, SUPPLY_BIT(SUPPLY_TAMPER));
    assert_int_equal(keypad(clear), STS_ACCEPT);
    assert_int_equal(l->m.supply.state.held & SUPPLY_BIT(SUPPLY_TAMPER), 0);
    assert_logged(EV_TAMPER_CLEARED);
    assert_int_equal(keypad(units), STS_ACCEPT);
}

static void without_a_key_no_token_is_taken(void **state)
{
    (void)state;
    l->cfg.decoder = NULL;
    assert_int_equal(keypad(teller_units(&t, 10)), STS_NOT_READY);
    l->cfg.decoder = &t.key;
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
}

/* A million replayed and old tokens: none is accepted. */
static void no_credit_opens_and_credit_closes(void **state)
{
    (void)state;
    lab_fit_relay(l, true);
    cut(1);
    l->load.p_mw = 3600000;
    lab_run_s(l, 60);
    assert_true(l->m.supply.state.closed); /* an account that is new owes nothing */
    assert_int_equal(keypad(teller_units(&t, 1)), STS_ACCEPT);
    lab_run_s(l, 98);
    assert_true(l->m.supply.state.closed);
    lab_run_s(l, 10);
    assert_false(l->m.supply.state.closed);
    assert_true(l->m.supply.state.held >> SUPPLY_ARREARS & 1);
    assert_logged(EV_CREDIT_EXHAUSTED);
    l->load.p_mw = 0;
    cut(60);
    assert_false(l->m.supply.state.closed);
    assert_int_equal(logged(EV_CREDIT_EXHAUSTED), 1); /* no news at power-up */
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
    lab_run_s(l, 10);
    assert_int_equal(l->m.supply.state.held >> SUPPLY_ARREARS & 1, 0); /* the rest is its */
}

static void replays(void **state)
{
    (void)state;
    enum { KEPT = 64 };
    static char kept[KEPT][STS_DIGITS + 1];
    for (unsigned i = 0; i < KEPT; i++) {
        memcpy(kept[i], teller_units(&t, 1), sizeof kept[i]);
        assert_int_equal(keypad(kept[i]), STS_ACCEPT);
    }
    int64_t balance = wallet_balance(&l->m, 0);
    for (unsigned i = 0; i < 20000; i++) {
        int result = keypad(kept[(i * 7919) % KEPT]);
        assert_true(result == STS_USED || result == STS_OLD);
        if (i % 100 == 0) lab_run_s(l, 60);
    }
    assert_int_equal(wallet_balance(&l->m, 0), balance);
}

static void two_wallets_take_turns(void **state)
{
    (void)state;
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
    assert_int_equal(keypad(teller_money(&t, 100000)), STS_ACCEPT);
    assert_int_equal(wallet_active(&l->m), 0);
    l->load.p_mw = 3600000;
    lab_run_s(l, 1500);
    assert_int_equal(wallet_balance(&l->m, 0), 0);
    assert_int_equal(wallet_active(&l->m), 1);
    assert_int_equal(keypad(teller_units(&t, 10)), STS_ACCEPT);
    assert_int_equal(wallet_active(&l->m), 0);
}

static void each_source_has_its_wallet(void **state)
{
    (void)state;
    struct param_value v[] = { { PARAM_WALLET_ARRANGEMENT, WALLETS_SOURCES },
                               { PARAM_WALLET_2_MONEY, 0 } };
    assert_int_equal(param_set_all(&l->m, &lab_who, v, 2), 0);
    lab_settle(l);
    assert_int_equal(wallet_add(&l->m, &lab_who, 0, 12000), 0);
    lab_settle(l);
    assert_int_equal(wallet_open(&l->m, &lab_who, 0), 0);
    lab_settle(l);
    assert_int_equal(wallet_open(&l->m, &lab_who, 0), E_STATE);
    assert_int_equal(wallet_open(&l->m, &lab_who, 1), 0);
    lab_settle(l);
    l->inputs = INPUT_RESOURCE;
    meter_feed_inputs(&l->m, l->now, l->inputs);
    lab_run_s(l, 5);
    assert_int_equal(wallet_active(&l->m), 1);
    l->load.p_mw = 3600000;
    lab_run_s(l, 10);
    assert_int_equal(wallet_balance(&l->m, 0), 12000); /* no transfer between them */
    assert_int_equal(wallet_balance(&l->m, 1), -10);
    v[0] = (struct param_value){ PARAM_RESOURCE_WALLET,
                                 0 }; /* the generator draws on the grid's */
    assert_int_equal(param_set_all(&l->m, &lab_who, v, 1), 0);
    lab_settle(l);
    assert_int_equal(wallet_active(&l->m), 0);
    lab_run_s(l, 10);
    assert_int_equal(wallet_balance(&l->m, 0), 12000 - 10);
    assert_int_equal(wallet_balance(&l->m, 1), -10);
    v[0].value = 1;
    assert_int_equal(param_set_all(&l->m, &lab_who, v, 1), 0);
    lab_settle(l);
    assert_int_equal(wallet_active(&l->m), 1);
    l->inputs = 0;
    meter_feed_inputs(&l->m, l->now, 0);
    lab_run_s(l, 5);
    assert_int_equal(wallet_active(&l->m), 0);
    assert_int_equal(wallet_balance(&l->m, 0) + wallet_balance(&l->m, 1), 12000 - 25);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_token_counts_once),
        T(the_log_tells_of_it),
        T(energy_is_drawn_to_the_unit),
        T(registration_says_what_is_drawn),
        T(net_energy_pays_with_what_was_fed_back),
        T(a_cut_without_warning_loses_less_than_a_record),
        T(money_has_its_own_wallet),
        T(no_room_keeps_the_token),
        T(wallets_take_no_more_than_they_can_hold),
        T(old_and_wrong_tokens),
        T(wrong_tokens_lock_their_way_in),
        T(a_lockout_without_a_clock_waits_for_power),
        T(guessing_is_slow),
        T(keys_change_in_any_order),
        T(two_tokens_carry_no_supply_group),
        T(sections_wait_so_long_and_not_over_a_cut),
        cmocka_unit_test_setup_teardown(four_tokens_of_128_bits, setup_misty, teardown),
        T(management_tokens),
        T(a_clearing_leaves_the_debt),
        T(a_clear_tamper_token_clears),
        T(test_tokens_change_nothing),
        T(the_display_goes_through_a_test),
        T(a_test_sounds),
        T(the_contact_is_tried),
        T(refused_tokens_are_logged),
        T(a_harder_lock_out),
        T(the_display_tells_of_credit),
        T(functions_of_the_account),
        T(an_engineer_opens_and_releases),
        T(extended_tokens_are_permitted),
        T(a_tamper_lock),
        T(without_a_key_no_token_is_taken),
        T(no_credit_opens_and_credit_closes),
        T(replays),
        T(two_wallets_take_turns),
        T(each_source_has_its_wallet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
