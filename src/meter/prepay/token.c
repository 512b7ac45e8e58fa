#include "meter/prepay/token.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/display/code.h"
#include "meter/meter.h"
#include "meter/profile/scan.h"
#include "store/keys.h"
#include "sts/code.h"
#include "sts/pan.h"

enum {
    KEY_BODY = 25, /* key 16, SGC 4, EA, KT, KRN, TI, KEN */
    TID_HEAD = 1,
    LOCKS_BODY = TOKEN_CHANNELS * 8, /* {left 4, wrong 4} */
    LAST_BODY = 26,
    ROW = 62,            /* the last token 26, balance 8, TID 4, class 1, sub-class 1 */
    CREDIT_ROW = 22,     /* {date 4, amount 8, TID 4, wallet 1, channel 1, sub-class 1} */
    SECTION_MS = 600000, /* STS leaves it to the maker: ten minutes are usual */
    SGC_MAX = 999999,
    TI_MAX = 99,
    SOUND_US = 3000000, /* of a test */
};
#define MONEY_GRAINS INT64_C(10000) /* of 1e-5 currency */
#define WH_GRAINS INT64_C(100)      /* of 0.1 kWh */

/* Sub-classes of class 2 beside key change, and class 1 tests, that this meter does. */
#define MANAGEMENT (1u << 0 | 1u << 1 | 1u << 5)
#define TESTS                                                                                  \
    (STS_TEST_DISPLAY | STS_SHOW_ENERGY | STS_SHOW_KEY_REVISION | STS_SHOW_TARIFF_INDEX |      \
     STS_TEST_READER | STS_SHOW_POWER_LIMIT | STS_SHOW_TAMPER | STS_SHOW_POWER)

/* PARAM_TOKEN_FUNCTIONS: bit n permits function n of 2/11, and two bits are no function. */
#define PERMITS_TARIFF_INDEX 0x0001 /* 2/2 sets the tariff index */
#define PERMITS_EXTENDED 0x8000     /* 2/10 is taken as 2/11, its index the function */

/* One token on its way. */
struct entry {
    const struct who *who;
    struct sts_verdict v;
    struct sts_key key;
    char digits[STS_DIGITS];
    uint8_t wallet, channel;
    int64_t balance; /* of the wallet, after it */
};

static enum token_channel channel_of(uint8_t link)
{
    bool local = link == LINK_KEYPAD || link == LINK_CIU || link == LINK_VTC;
    return local ? TOKEN_LOCAL : TOKEN_REMOTE;
}

enum token_delivery prepay_delivery(uint8_t link)
{
    static const uint8_t delivery[LINK_IDS] = {
        [LINK_OPTICAL] = DELIVERY_LOCAL, [LINK_RS485] = DELIVERY_LOCAL,
        [LINK_WAN] = DELIVERY_REMOTE,    [LINK_CIU] = DELIVERY_MANUAL,
        [LINK_KEYPAD] = DELIVERY_MANUAL, [LINK_VTC] = DELIVERY_LOCAL,
        [LINK_SMS] = DELIVERY_REMOTE,    [LINK_SELF] = DELIVERY_LOCAL,
    };
    return (enum token_delivery)delivery[link % LINK_IDS];
}

/* -- the decoder key ----------------------------------------------------------------------- */

static bool key_is_valid(const struct sts_key *k)
{
    bool ea = k->ea == STS_EA_STA || k->ea == STS_EA_MISTY1;
    return ea && k->kt <= STS_KT_COMMON && k->krn >= 1 && k->krn <= 9 && k->ti <= TI_MAX &&
           k->sgc <= SGC_MAX;
}

static void key_load(struct sts_key *k, const uint8_t body[KEY_BODY])
{
    memcpy(k->key, body, sizeof k->key);
    k->sgc = le_get32(body + 16);
    k->ea = body[20];
    k->kt = body[21];
    k->krn = body[22];
    k->ti = body[23];
    k->ken = body[24];
}

static void key_box(struct secure_key *box, const struct sts_key *k)
{
    *box = (struct secure_key){ .slot = SECURE_DECODER, .length = KEY_BODY };
    memcpy(box->octets, k->key, sizeof k->key);
    le_put32(box->octets + 16, k->sgc);
    box->octets[20] = k->ea;
    box->octets[21] = k->kt;
    box->octets[22] = k->krn;
    box->octets[23] = k->ti;
    box->octets[24] = k->ken;
}

int prepay_key_get(struct meter *m, struct sts_key *key)
{
    uint8_t body[SECURE_PASSWORD_MAX];
    int n = m->io->root_key ? secure_key_get(m, SECURE_DECODER, body, sizeof body) : E_NONE;
    if (n == KEY_BODY) key_load(key, body);
    wipe(body, sizeof body);
    if (n == E_NONE && m->cfg->decoder) {
        *key = *m->cfg->decoder;
        return 0;
    }
    if (n < 0) return n;
    return n == KEY_BODY && key_is_valid(key) ? 0 : E_FORMAT;
}

/* -- lock-outs ----------------------------------------------------------------------------- */

static uint32_t seconds_passed(const struct meter *m)
{
    return (uint32_t)((m->t.us - m->tokens.passed.us) / 1000000);
}

/* Whole seconds that went by; the part of one that is left counts next time. An end is told
 * where it is found. */
static void pass(struct meter *m)
{
    uint32_t s = seconds_passed(m);
    struct tokens *t = &m->tokens;
    t->passed = mono_after(t->passed, s * UINT64_C(1000000));
    for (unsigned c = 0; c < TOKEN_CHANNELS; c++) {
        struct event_detail d = { .what = (uint16_t)c };
        uint32_t was = t->lock[c].left_s;
        sts_lockout_pass(&t->lock[c], s);
        if (!was || t->lock[c].left_s) continue;
        event_post(m, EV_TOKEN_LOCKOUT_END, NULL, &d);
        hot_put(m, HOT_LOCKS, 0);
    }
}

static void count_one(const struct meter *m, struct sts_lockout *l, int result, uint8_t class)
{
    const struct sts_lock_policy p = { (uint32_t)param_get(m, PARAM_LOCK_WRONG),
                                       (uint32_t)param_get(m, PARAM_LOCK_FIRST_S),
                                       (uint32_t)param_get(m, PARAM_LOCK_LONGEST_S) };
    sts_lockout_note(l, &p, result, class);
}

uint32_t prepay_locked_s(const struct meter *m, uint8_t link)
{
    struct sts_lockout l = m->tokens.lock[channel_of(link)];
    sts_lockout_pass(&l, seconds_passed(m));
    return l.left_s;
}

/* Lamp and buzzer show what they can do, for so long; 0: no more. */
static void sound(struct meter *m, uint64_t us)
{
    m->tokens.sounds = us ? mono_after(m->t, us) : (mono_t){ 0 };
    m->outputs_stale = true;
}

/* The next end of a lock-out, of the time for sections, of a test. */
static void arm(struct meter *m)
{
    const struct tokens *t = &m->tokens;
    mono_t due = t->pending.held ? t->pending.until : MONO_NEVER;
    if (t->sounds.us) due = mono_min(due, t->sounds);
    for (unsigned c = 0; c < TOKEN_CHANNELS; c++)
        if (t->lock[c].left_s)
            due = mono_min(due, mono_after(t->passed, t->lock[c].left_s * UINT64_C(1000000)));
    if (due.us == MONO_NEVER.us)
        timer_stop(m, TIMER_TOKEN);
    else
        timer_set(m, TIMER_TOKEN, due);
}

void token_due(struct meter *m, utc_t u)
{
    struct tokens *t = &m->tokens;
    bool had = t->pending.held != 0;
    (void)u;
    pass(m);
    if (t->sounds.us && !mono_before(m->t, t->sounds)) sound(m, 0);
    sts_pending_expire(&t->pending, m->t);
    if (had && !t->pending.held) event_post(m, EV_KEY_REFUSED, NULL, NULL);
    arm(m);
}

void token_minute(struct meter *m)
{
    const struct tokens *t = &m->tokens;
    bool running = false;
    for (unsigned c = 0; c < TOKEN_CHANNELS; c++) running |= t->lock[c].left_s != 0;
    if (!running) return;
    pass(m);
    hot_put(m, HOT_LOCKS, 0);
}

void token_power_up(struct meter *m, uint32_t dark_s)
{
    m->tokens.passed = m->t;
    for (unsigned c = 0; c < TOKEN_CHANNELS; c++) {
        struct sts_lockout *l = &m->tokens.lock[c];
        if (l->left_s) /* one that ended in the dark ends now, so that it is told */
            l->left_s = l->left_s > dark_s ? l->left_s - dark_s : 1;
    }
    arm(m);
}

/* -- functions of 2/11, and of 2/10 where that is permitted -------------------------------- */

/* A function carried out: on which wallet, its number and its data. */
struct task {
    unsigned w, number;
    int32_t data;
};

/* What its bits may be at most, whether the meter can do it as things stand, and how it is put
 * into the open change. */
struct function {
    uint16_t most;
    bool (*can)(const struct meter *m, const struct task *t);
    void (*put)(struct meter *m, const struct who *who, const struct task *t);
};

static bool can_always(const struct meter *m, const struct task *t)
{
    (void)m, (void)t;
    return true;
}

/* Whole kWh, or whole currency, as amounts are published. */
static int32_t published(const struct meter *m, const struct task *t)
{
    return t->data * (wallet_is_money(m, t->w) ? 100 : 1000);
}

static void put_mode(struct meter *m, const struct who *who, const struct task *t)
{
    bool is_postpaid = t->data == 0;
    struct mode_change c = { .mode = is_postpaid ? MODE_POSTPAID : MODE_PREPAYMENT,
                             .from_zero = !param_get(m, PARAM_MODE_CARRY),
                             .bill_to_debt = param_get(m, PARAM_MODE_DEBT) != 0 };
    if (is_postpaid != wallet_is_postpaid(m)) credit_put_mode(m, who, &c);
}

static bool can_level(const struct meter *m, const struct task *t)
{
    return credit_can_level(m, t->w, t->number - STS_FN_LEVEL_1, published(m, t));
}

static void put_level(struct meter *m, const struct who *who, const struct task *t)
{
    credit_put_level(m, who, t->w, t->number - STS_FN_LEVEL_1, published(m, t));
}

static void put_emergency(struct meter *m, const struct who *who, const struct task *t)
{
    param_put_scalar(m, who, (uint16_t)(PARAM_EMERGENCY_1 + t->w), published(m, t));
}

static void put_friendly(struct meter *m, const struct who *who, const struct task *t)
{
    param_put_scalar(m, who, PARAM_FRIENDLY_ENABLE, t->data);
}

static enum supply_action switch_action(const struct task *t)
{
    return t->data ? ACTION_RECONNECT : ACTION_DISCONNECT;
}

static bool can_switch(const struct meter *m, const struct task *t)
{
    return supply_can_token(m, SUPPLY_REMOTE, switch_action(t)) == 0;
}

static void put_switch(struct meter *m, const struct who *who, const struct task *t)
{
    supply_put_token(m, who, SUPPLY_REMOTE, switch_action(t));
}

static void put_unit(struct meter *m, const struct who *who, const struct task *t)
{
    if (t->data)
        unit_open_window(m);
    else
        unit_put_none(m, who);
}

static const struct function function[] = {
    [STS_FN_MODE] = { 1, can_always, put_mode },
    [STS_FN_LEVEL_1] = { 0xFFF, can_level, put_level },
    [STS_FN_LEVEL_2] = { 0xFFF, can_level, put_level },
    [STS_FN_LEVEL_3] = { 0xFFF, can_level, put_level },
    [STS_FN_EMERGENCY] = { 0xFFF, can_always, put_emergency },
    [STS_FN_FRIENDLY] = { 1, can_always, put_friendly },
    [STS_FN_SWITCH] = { 1, can_switch, put_switch },
    [STS_FN_UNIT] = { 1, can_always, put_unit },
};
enum { FUNCTIONS = sizeof function / sizeof *function };

/* Those this meter has and a parameter permits. */
static uint16_t functions(const struct meter *m)
{
    unsigned has = 0;
    for (unsigned i = 0; i < FUNCTIONS; i++)
        if (function[i].put) has |= 1u << i;
    return (uint16_t)(has & (unsigned)param_get(m, PARAM_TOKEN_FUNCTIONS));
}

/* -- judging ------------------------------------------------------------------------------- */

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Tests of class 1, as things stand: the contact is tried only where it comes back by itself. */
static uint64_t tests(const struct meter *m)
{
    uint64_t bits = TESTS;
    if (m->cfg->version) bits |= STS_SHOW_VERSION;
    if (credit_can_blip(m)) bits |= STS_TEST_SWITCH;
    return bits;
}

/* How much more a wallet takes, grains. */
static int64_t room(const struct meter *m, unsigned w)
{
    int64_t balance = wallet_balance(m, w), bought = m->wallets.wallet[w].bought;
    if (balance < -WALLET_MAX) balance = -WALLET_MAX;
    int64_t r = min_i64(wallet_limit(m, w) - balance, WALLET_MAX - bought);
    int64_t most = param_get(m, (uint16_t)(PARAM_VEND_MAX_1 + w));
    if (most) r = min_i64(r, most * (wallet_is_money(m, w) ? MONEY_UNIT : 1000));
    return r > 0 ? r : 0;
}

/* Where credit of a kind goes: into the wallet named, if it is one; else into the other. */
static int wallet_for(const struct meter *m, unsigned named, bool money)
{
    for (unsigned i = 0; i < WALLETS; i++) {
        unsigned w = (named + i) % WALLETS;
        if (wallet_is_used(m, w) && wallet_is_money(m, w) == money) return (int)w;
    }
    return E_NONE;
}

/* Sub-classes of class 2 that the product always takes, and those that a parameter permits. */
static uint16_t management(const struct meter *m)
{
    int32_t permitted = param_get(m, PARAM_TOKEN_FUNCTIONS);
    unsigned subs = MANAGEMENT;
    if (permitted & PERMITS_TARIFF_INDEX) subs |= 1u << 2;
    if (permitted & PERMITS_EXTENDED) subs |= 1u << 10;
    if (functions(m)) subs |= 1u << 11;
    return (uint16_t)subs;
}

static void make_rules(const struct meter *m, const struct entry *e, struct sts_rules *r)
{
    int units = wallet_for(m, e->wallet, false), money = wallet_for(m, e->wallet, true);
    *r = (struct sts_rules){
        .now = m->t,
        .tests = tests(m),
        .section_ms = SECTION_MS,
        .management = management(m),
        .functions = functions(m),
        .locked_out = m->tokens.lock[e->channel].left_s != 0,
        .tampered = (m->supply.state.held & SUPPLY_BIT(SUPPLY_TAMPER)) != 0,
    };
    if (units >= 0) {
        r->credits |= 1u << 0;
        r->room_units = room(m, (unsigned)units) / WH_GRAINS;
    }
    if (money >= 0) {
        r->credits |= 1u << 4;
        r->room_currency = room(m, (unsigned)money) / MONEY_GRAINS;
    }
}

/* Keypads can be switched off: the meter's own, those of the units. */
static bool takes_tokens(const struct meter *m, uint8_t link)
{
    if (link == LINK_KEYPAD) return (unsigned)param_get(m, PARAM_KEYPAD) & KEYPAD_TOKENS;
    return link != LINK_CIU || param_get(m, PARAM_UNIT_KEYPAD);
}

static void judge(struct meter *m, struct entry *e)
{
    struct sts_rules rules;
    struct tokens *t = &m->tokens;
    pass(m);
    if (!takes_tokens(m, e->who->link)) {
        e->v = (struct sts_verdict){ .result = STS_FUNCTION, .pending = t->pending };
        return;
    }
    int err = prepay_key_get(m, &e->key);
    if (err < 0) {
        if (err != E_NONE) event_post(m, EV_STS_KEY_ERROR, e->who, NULL);
        e->v = (struct sts_verdict){ .result = STS_NOT_READY, .pending = t->pending };
        return;
    }
    make_rules(m, e, &rules);
    sts_judge(&e->v, &rules, &e->key, &t->tids, &t->pending, e->digits);
}

/* What the numbers of this meter forbid beyond the standard's rules. */
static int64_t grains_of(const struct sts_verdict *v)
{
    return v->effect == STS_CREDIT ? v->amount * WH_GRAINS : v->amount * MONEY_GRAINS;
}

static void refuse(struct entry *e, enum sts_result result)
{
    e->v.result = (uint8_t)result;
    e->v.effect = STS_NOTHING;
    e->v.takes_tid = false;
}

static bool is_cleared(const struct meter *m, const struct entry *e, unsigned w)
{
    int64_t amount = e->v.amount;
    return wallet_is_used(m, w) &&
           (amount == 0xFFFF || amount == (wallet_is_money(m, w) ? 4 : 0));
}

/* A function the meter has, with data that it takes, and possible as things stand. */
static void check_function(struct meter *m, struct entry *e)
{
    struct sts_verdict *v = &e->v;
    struct task t = { e->wallet, v->index, (int32_t)v->amount };
    bool has = v->index < FUNCTIONS && functions(m) >> v->index & 1;
    v->effect = STS_MANUFACTURER;
    if (has && t.data > function[v->index].most)
        refuse(e, STS_RANGE);
    else if (!has || !function[v->index].can(m, &t))
        refuse(e, STS_FUNCTION);
}

/* The supply cannot be let go of while the tamper that holds it lasts: the token waits. */
static void check_clear_tamper(struct meter *m, struct entry *e)
{
    if (supply_can_token(m, SUPPLY_TAMPER, ACTION_RECONNECT) == E_DENIED)
        refuse(e, STS_NOT_READY);
}

static void check(struct meter *m, struct entry *e)
{
    const struct sts_verdict *v = &e->v;
    if (v->effect == STS_CREDIT || v->effect == STS_CURRENCY) {
        e->wallet = (uint8_t)wallet_for(m, e->wallet, v->effect == STS_CURRENCY);
        int64_t least = -(WALLET_MAX + m->wallets.wallet[e->wallet].bought) / MONEY_GRAINS;
        if (v->amount < least) refuse(e, STS_OVERFLOW);
    } else if (v->effect == STS_CLEAR_CREDIT && !is_cleared(m, e, e->wallet)) {
        unsigned other = (e->wallet + 1u) % WALLETS;
        if (is_cleared(m, e, other)) e->wallet = (uint8_t)other;
    } else if (v->effect == STS_TARIFF && v->amount > TI_MAX) {
        refuse(e, STS_RANGE);
    } else if (v->effect == STS_CLEAR_TAMPER) {
        check_clear_tamper(m, e);
    } else if (v->effect == STS_MANUFACTURER || v->effect == STS_EXTENDED) {
        check_function(m, e);
    }
}

/* -- what a token does --------------------------------------------------------------------- */

static int save_last(const struct token_last *l, uint8_t *p)
{
    memcpy(p + 4, l->bcd, sizeof l->bcd);
    le_put32(p, l->utc_s);
    p[14] = l->result;
    p[15] = l->effect;
    p[16] = l->wallet;
    p[17] = l->link;
    le_put64(p + 18, (uint64_t)l->amount);
    return LAST_BODY;
}

static void load_last(struct token_last *l, const uint8_t *p)
{
    l->utc_s = le_get32(p);
    memcpy(l->bcd, p + 4, sizeof l->bcd);
    l->result = p[14];
    l->effect = p[15];
    l->wallet = p[16] % WALLETS;
    l->link = p[17] % LINK_IDS;
    l->amount = (int64_t)le_get64(p + 18);
}

static int save_locks(const struct sts_lockout lock[TOKEN_CHANNELS], uint8_t *p)
{
    for (unsigned c = 0; c < TOKEN_CHANNELS; c++, p += 8) {
        le_put32(p, lock[c].left_s);
        le_put32(p + 4, lock[c].wrong);
    }
    return LOCKS_BODY;
}

/* The row of the token tells the balance that this leaves. */
static void put_wallet(struct meter *m, struct entry *e, unsigned w, const struct wallet *new)
{
    wallet_put_new(m, w, new);
    if (w == e->wallet) e->balance += new->bought - m->wallets.wallet[w].bought;
}

static void put_credit(struct meter *m, struct entry *e)
{
    const struct sts_verdict *v = &e->v;
    struct wallet new = m->wallets.wallet[e->wallet];
    int64_t grains = grains_of(v);
    struct event_detail d = { .what = e->wallet,
                              .magnitude = (uint32_t)wallet_published(m, e->wallet, grains) };
    bool opens = new.status != ACCOUNT_ACTIVE &&grains > 0;
    if (opens) {
        new.status = ACCOUNT_ACTIVE;
        new.opened_s = (uint32_t)m->utc.s;
        credit_put_open(m, e->wallet, &new);
    }
    e->balance += credit_put_token(m, e->who, e->wallet, &new, grains);
    if (opens) expense_put_open(m, e->wallet);
    change_event(m, EV_TOKEN_ACCEPTED, e->who, &d);
    if (opens) change_event(m, EV_ACCOUNT_ACTIVATED, e->who, &d);
}

static void put_slot(struct meter *m, const struct who *who, const struct secure_key *box)
{
    static const struct audit_change change = { .param = AUDIT_SECRET + SECURE_DECODER };
    ensure(txn_put_key(&m->store, SECURE_DECODER, box->octets, box->length) == 0);
    audit_put(m, who, &change, 1);
}

/* The register named goes to zero, whichever side of it it was on. */
static void put_clear(struct meter *m, struct entry *e)
{
    for (unsigned w = 0; w < WALLETS; w++) {
        struct wallet new = m->wallets.wallet[w];
        struct event_detail d = { .what = (uint16_t)w,
                                  .magnitude =
                                      (uint32_t)wallet_published(m, w, wallet_balance(m, w)) };
        if (!is_cleared(m, e, w)) continue;
        new.bought -= wallet_balance(m, w);
        put_wallet(m, e, w, &new);
        change_event(m, EV_CREDIT_CLEARED, e->who, &d);
    }
}

/* Fraud bits whose condition is over go out, and the supply is let go of. */
static void put_clear_tamper(struct meter *m, const struct entry *e)
{
    static const uint32_t bits[ALARMS] = { UINT32_C(1) << 13, 0, TAMPER_ALARMS };
    struct alarms *a = &m->change.alarms;
    supply_put_token(m, e->who, SUPPLY_TAMPER, ACTION_RECONNECT);
    change_event(m, EV_TAMPER_CLEARED, e->who, NULL);
    change_event(m, EV_FRAUD_CLEARED_TOKEN, e->who, NULL);
    for (unsigned k = 0; k < ALARMS; k++) a->set[k] &= ~bits[k] | a->held[k];
    m->change.alarmed = true;
}

static void put_key(struct meter *m, const struct entry *e, const struct secure_key *box)
{
    struct event_detail d = { .magnitude = (uint32_t)e->v.key.krn };
    put_slot(m, e->who, box);
    if (e->v.effect == STS_TARIFF) {
        d.magnitude = (uint32_t)e->v.amount;
        change_event(m, EV_TARIFF_INDEX_TOKEN, e->who, &d);
        return;
    }
    change_event(m, EV_KEY_CHANGED, e->who, &d);
    if (e->v.is_rollover) change_event(m, EV_BASE_DATE_CHANGED, e->who, NULL);
}

static void put_limit(struct meter *m, const struct entry *e)
{
    struct event_detail d = { .magnitude = (uint32_t)e->v.amount };
    param_put_scalar(m, e->who, PARAM_LIMIT_3_NORMAL, (int32_t)e->v.amount);
    change_event(m, EV_POWER_LIMIT_TOKEN, e->who, &d);
}

static void put_effect(struct meter *m, struct entry *e, const struct secure_key *box)
{
    switch (e->v.effect) {
    case STS_CREDIT:
    case STS_CURRENCY:
        put_credit(m, e);
        break;
    case STS_CLEAR_CREDIT:
        put_clear(m, e);
        break;
    case STS_CLEAR_TAMPER:
        put_clear_tamper(m, e);
        break;
    case STS_POWER_LIMIT:
        put_limit(m, e);
        break;
    case STS_CHANGE_KEY:
    case STS_TARIFF:
        put_key(m, e, box);
        break;
    case STS_MANUFACTURER:
        function[e->v.index].put(m, e->who,
                                 &(struct task){ e->wallet, e->v.index, (int32_t)e->v.amount });
        break;
    default:
        break;
    }
}

/* All of the store after a roll-over, else the one entry the token takes. */
static void put_tids(struct meter *m, const struct sts_verdict *v)
{
    uint8_t body[TID_HEAD + STS_TIDS * 4] = { 0 };
    struct sts_tids tids = m->tokens.tids;
    unsigned first = v->is_rollover ? 0 : v->tid_slot, n = v->is_rollover ? STS_TIDS : 1;
    if (!v->is_rollover && !v->takes_tid) return;
    sts_tids_put(&tids, v);
    body[0] = (uint8_t)first;
    for (unsigned i = 0; i < n; i++) le_put32(body + TID_HEAD + i * 4, tids.tid[first + i]);
    change_put(m, HOT_TIDS, body, TID_HEAD + n * 4);
}

static struct token_last last_of(const struct meter *m, const struct entry *e, bool taken)
{
    struct token_last l = { .amount = e->v.amount,
                            .utc_s = (uint32_t)m->utc.s,
                            .result = e->v.result,
                            .effect = e->v.effect,
                            .wallet = e->wallet,
                            .link = e->who->link };
    for (unsigned i = 0; taken && i < sizeof l.bcd; i++)
        l.bcd[i] = (uint8_t)((e->digits[2 * i] - '0') << 4 | (e->digits[2 * i + 1] - '0'));
    return l;
}

/* Its row tells the balance after it. */
static void put_row(struct meter *m, const struct entry *e, const struct token_last *l)
{
    uint8_t row[ROW] = { 0 };
    const struct sts_verdict *v = &e->v;
    save_last(l, row);
    le_put64(row + LAST_BODY, (uint64_t)e->balance);
    le_put32(row + LAST_BODY + 8, v->tid);
    row[LAST_BODY + 12] = v->class;
    row[LAST_BODY + 13] = v->sub;
    ensure(txn_put_row(&m->store, SERIES_TOKENS, row) >= 0);
}

static void put_amount_row(struct meter *m, unsigned series, const struct token_last *l,
                           uint32_t tid, uint8_t sub)
{
    uint8_t row[CREDIT_ROW] = { 0 };
    le_put32(row, l->utc_s);
    le_put64(row + 4, (uint64_t)l->amount);
    le_put32(row + 12, tid);
    row[16] = l->wallet;
    row[17] = l->link;
    row[18] = sub;
    ensure(txn_put_row(&m->store, series, row) >= 0);
}

static void put_credit_row(struct meter *m, const struct token_last *l,
                           const struct sts_verdict *v)
{
    if (v->effect == STS_CREDIT || v->effect == STS_CURRENCY)
        put_amount_row(m, SERIES_CREDITS, l, v->tid, v->sub);
}

void token_put_charge(struct meter *m, unsigned w, unsigned e, int32_t amount)
{
    const struct token_last l = {
        .amount = amount, .utc_s = (uint32_t)m->utc.s, .wallet = (uint8_t)w, .link = LINK_SELF
    };
    put_amount_row(m, SERIES_CHARGES, &l, w << 8 | e, 0);
}

static void put_last(struct meter *m, const struct token_last *l)
{
    uint8_t body[LAST_BODY];
    change_put(m, HOT_TOKEN, body, (size_t)save_last(l, body));
}

static void put_locks(struct meter *m, const struct sts_lockout lock[TOKEN_CHANNELS])
{
    uint8_t body[LOCKS_BODY];
    change_put(m, HOT_LOCKS, body, (size_t)save_locks(lock, body));
}

/* A key that is to be kept is wrapped before the change begins: it may fail. */
static int wrap(struct meter *m, struct entry *e, struct secure_key *box)
{
    if (e->v.effect != STS_CHANGE_KEY && e->v.effect != STS_TARIFF) return 0;
    if (e->v.effect == STS_TARIFF) {
        e->v.key = e->key;
        e->v.key.ti = (uint8_t)e->v.amount;
    }
    if (!m->io->root_key) return E_STATE;
    key_box(box, &e->v.key);
    return secure_key_wrap(m, box);
}

static bool is_same_lock(const struct sts_lockout *a, const struct sts_lockout *b)
{
    return a->left_s == b->left_s && a->wrong == b->wrong;
}

/* Everything of an accepted token in one transaction. */
static int commit(struct meter *m, struct entry *e, const struct sts_lockout *lock)
{
    struct secure_key box;
    int err = wrap(m, e, &box);
    if (!err) err = change_begin(m);
    if (err < 0) return err;
    struct token_last last = last_of(m, e, true);
    e->balance = wallet_balance(m, e->wallet);
    put_effect(m, e, &box);
    put_tids(m, &e->v);
    put_last(m, &last);
    put_row(m, e, &last);
    put_credit_row(m, &last, &e->v);
    put_locks(m, lock);
    change_count(m, CNT_TOKENS);
    return change_commit(m);
}

/* -- what did not count -------------------------------------------------------------------- */

static enum event event_of(const struct entry *e)
{
    const struct sts_verdict *v = &e->v;
    switch (v->result) {
    case STS_ACCEPT:
        return EV_TEST_TOKEN;
    case STS_KCT1:
    case STS_KCT2:
    case STS_KCT3:
    case STS_KCT4:
        return EV_KEY_SECTION;
    case STS_OVERFLOW:
        return EV_TOP_UP_REFUSED;
    case STS_KEY_TYPE:
        return EV_KEY_REFUSED;
    case STS_USED:
        return EV_TOKEN_USED;
    case STS_OLD:
        return EV_TOKEN_OLD;
    default:
        return EV_TOKEN_INVALID;
    }
}

static void tell(struct meter *m, const struct entry *e)
{
    struct event_detail d = { .what = e->v.result, .magnitude = e->v.tid };
    event_post(m, event_of(e), e->who, &d);
}

/* Into the open change: the wrong ones so far, and the lock-out that one more begins. */
static void put_wrong(struct meter *m, const struct who *who, unsigned channel,
                      const struct sts_lockout *lock)
{
    struct event_detail locked = { .what = (uint16_t)channel,
                                   .duration_s = lock[channel].left_s };
    put_locks(m, lock);
    if (lock[channel].left_s > m->tokens.lock[channel].left_s)
        change_event(m, EV_TOKEN_LOCKOUT, who, &locked);
}

/* Its row; a wrong token and the lock-out it began, or the clearing of one, are kept before
 * anybody is told. */
static int note(struct meter *m, struct entry *e, const struct sts_lockout *lock)
{
    struct event_detail d = { .what = e->v.result, .magnitude = e->v.tid };
    struct token_last last = last_of(m, e, false);
    int err = change_begin(m);
    if (err < 0) return err;
    e->balance = wallet_balance(m, e->wallet);
    put_row(m, e, &last);
    change_event(m, event_of(e), e->who, &d);
    if (!is_same_lock(&lock[e->channel], &m->tokens.lock[e->channel]))
        put_wrong(m, e->who, e->channel, lock);
    return change_commit(m);
}

int prepay_count_wrong(struct meter *m, const struct who *who, enum event code)
{
    struct sts_lockout lock[TOKEN_CHANNELS];
    unsigned channel = channel_of(who->link);
    pass(m);
    int err = change_begin(m);
    if (err < 0) return err;
    memcpy(lock, m->tokens.lock, sizeof lock);
    count_one(m, &lock[channel], STS_CRC, 2);
    change_event(m, code, who, NULL);
    put_wrong(m, who, channel, lock);
    return change_commit(m);
}

/* -- one token ----------------------------------------------------------------------------- */

static bool lasts(const struct sts_verdict *v)
{
    return v->effect != STS_NOTHING && v->effect != STS_TEST && v->effect != STS_HOLD_SECTION;
}

/* It was a token, of this meter or of another. */
static bool is_judged(const struct sts_verdict *v)
{
    return v->is_authentic || v->result == STS_CRC;
}

/* What a test token asks for beside what the display shows. */
static void test(struct meter *m, const struct entry *e)
{
    m->now.quantity[VAL_KEY_REVISION] = e->key.krn * 10 + e->key.kt;
    m->now.quantity[VAL_TARIFF_INDEX] = e->key.ti;
    m->now.quantity[VAL_POWER_LIMIT_W] = param_get(m, PARAM_LIMIT_3_NORMAL);
    if (m->tokens.test & (STS_TEST_DISPLAY | STS_TEST_READER)) sound(m, SOUND_US);
    if (m->tokens.test & STS_TEST_SWITCH && supply_may_return(m)) credit_blip(m);
}

static int settle(struct meter *m, struct entry *e)
{
    struct tokens *t = &m->tokens;
    struct sts_lockout lock[TOKEN_CHANNELS];
    memcpy(lock, t->lock, sizeof lock);
    count_one(m, &lock[e->channel], e->v.result, e->v.class);
    int err = 0;
    if (lasts(&e->v))
        err = commit(m, e, lock);
    else if (is_judged(&e->v))
        err = note(m, e, lock);
    else
        tell(m, e);
    if (err < 0) return err;
    t->pending = e->v.pending;
    if (!lasts(&e->v)) t->last = last_of(m, e, false);
    t->shown = m->t;
    t->test = e->v.effect == STS_TEST ? (uint16_t)e->v.control : 0;
    if (t->test) test(m, e);
    arm(m);
    return e->v.result;
}

int prepay_enter(struct meter *m, const struct who *who, unsigned w,
                 const char digits[STS_DIGITS])
{
    struct entry e = { .who = who, .wallet = (uint8_t)(w % WALLETS) };
    if (!meter_is_ready(m) || billing_is_behind(m)) return E_BUSY;
    e.channel = (uint8_t)channel_of(who->link);
    memcpy(e.digits, digits, STS_DIGITS);
    judge(m, &e);
    check(m, &e);
    int result = settle(m, &e);
    wipe(&e, sizeof e);
    return result;
}

/* Digits that no token has make one that is judged like any other. */
int prepay_enter_text(struct meter *m, const struct who *who, unsigned w, const char *text,
                      size_t n)
{
    char digits[STS_DIGITS];
    if (sts_token_clean(digits, text, n)) memset(digits, '?', sizeof digits);
    return prepay_enter(m, who, w, digits);
}

_Static_assert((int)PREPAY_PAN == (int)STS_PAN_DIGITS, "one length");

void prepay_pan(const struct meter *m, char pan[PREPAY_PAN + 1])
{
    sts_pan(pan, m->cfg->serial);
}

int prepay_key_set(struct meter *m, const struct who *who, const struct sts_key *key,
                   uint32_t tid)
{
    uint8_t body[TID_HEAD + STS_TIDS * 4] = { 0 };
    struct secure_key box;
    if (!key_is_valid(key) || tid > STS_TID_MAX) return E_RANGE;
    if (!m->io->root_key) return E_STATE;
    key_box(&box, key);
    int err = secure_key_wrap(m, &box);
    if (!err) err = change_begin(m);
    if (err < 0) return err;
    for (unsigned i = 0; i < STS_TIDS; i++) le_put32(body + TID_HEAD + i * 4, tid);
    put_slot(m, who, &box);
    change_put(m, HOT_TIDS, body, sizeof body);
    change_event(m, EV_KEY_CHANGED, who, NULL);
    return change_commit(m);
}

uint32_t prepay_window(const struct meter *m)
{
    uint32_t least = STS_TID_MAX;
    for (unsigned i = 0; i < STS_TIDS; i++)
        if (m->tokens.tids.tid[i] < least) least = m->tokens.tids.tid[i];
    return least;
}

int prepay_window_set(struct meter *m, const struct who *who, int32_t year, uint32_t tid)
{
    uint8_t body[TID_HEAD + STS_TIDS * 4] = { 0 };
    bool is_year = year == 1993 || year == 2014 || year == 2035;
    if (!is_year || tid < prepay_window(m) || tid > STS_TID_MAX) return E_RANGE;
    if (tid == prepay_window(m)) return param_set(m, who, PARAM_STS_BASE, year);
    int err = change_begin(m);
    if (err < 0) return err;
    for (unsigned i = 0; i < STS_TIDS; i++) {
        uint32_t was = m->tokens.tids.tid[i];
        le_put32(body + TID_HEAD + i * 4, was > tid ? was : tid);
    }
    change_put(m, HOT_TIDS, body, sizeof body);
    param_put_scalar(m, who, PARAM_STS_BASE, year);
    return change_commit(m);
}

/* -- the log ------------------------------------------------------------------------------- */

unsigned token_series(enum token_log log)
{
    static const uint8_t series[] = { [TOKENS_ALL] = SERIES_TOKENS,
                                      [TOKENS_CREDIT] = SERIES_CREDITS,
                                      [TOKENS_CHARGES] = SERIES_CHARGES };
    return series[log];
}

struct token_span token_span(const struct meter *m, enum token_log log)
{
    unsigned id = token_series(log);
    return (struct token_span){ scan_oldest(m, id), series_next(&m->store, id) };
}

static void load_credit_row(struct token_row *row, const uint8_t *o)
{
    *row = (struct token_row){ .last = { .utc_s = le_get32(o),
                                         .amount = (int64_t)le_get64(o + 4),
                                         .wallet = o[16] % WALLETS,
                                         .link = o[17] % LINK_IDS },
                               .tid = le_get32(o + 12),
                               .sub = o[18] };
}

static void load_row(struct token_row *row, const uint8_t *o)
{
    load_last(&row->last, o);
    row->balance = (int64_t)le_get64(o + LAST_BODY);
    row->tid = le_get32(o + LAST_BODY + 8);
    row->class = o[LAST_BODY + 12];
    row->sub = o[LAST_BODY + 13];
}

int token_read(struct meter *m, enum token_log log, uint32_t number, struct token_row *row)
{
    uint8_t o[ROW];
    int err = series_read(&m->store, token_series(log), number, o);
    if (err < 0) return err;
    if (log == TOKENS_ALL)
        load_row(row, o);
    else
        load_credit_row(row, o);
    row->time.s = row->last.utc_s;
    return 0;
}

int token_clear(struct meter *m, const struct who *who, enum token_log log)
{
    unsigned id = token_series(log);
    struct event_detail d = { .what = (uint16_t)log };
    int err = change_begin(m);
    if (err < 0) return err;
    ensure(txn_put_clear(&m->store, id, series_next(&m->store, id), 0) >= 0);
    change_event(m, EV_DATA_CLEARED, who, &d);
    return change_commit(m);
}

/* -- records ------------------------------------------------------------------------------- */

/* The minute of manufacture, counted from 2014: the base date of every meter made since. */
void token_init(struct meter *m)
{
    struct civil made = { .year = m->cfg->year, .month = 1, .day = 1 };
    struct civil base = { .year = 2014, .month = 1, .day = 1 };
    int64_t minutes = (cal_seconds(&made) - cal_seconds(&base)) / 60;
    sts_tids_init(&m->tokens.tids, minutes > 0 ? (uint32_t)minutes & STS_TID_MAX : 0);
}

int tids_put(const struct meter *m, unsigned k, uint8_t *body)
{
    body[0] = (uint8_t)k;
    for (unsigned i = 0; i < STS_TIDS; i++)
        le_put32(body + TID_HEAD + i * 4, m->tokens.tids.tid[i]);
    return TID_HEAD + STS_TIDS * 4;
}

void tids_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n < TID_HEAD || (n - TID_HEAD) % 4 || body[0] + (n - TID_HEAD) / 4 > STS_TIDS) return;
    for (unsigned i = 0; i < (n - TID_HEAD) / 4; i++)
        m->tokens.tids.tid[body[0] + i] = le_get32(body + TID_HEAD + i * 4);
}

int locks_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return save_locks(m->tokens.lock, body);
}

void locks_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != LOCKS_BODY) return;
    for (unsigned c = 0; c < TOKEN_CHANNELS; c++, body += 8)
        m->tokens.lock[c] = (struct sts_lockout){ le_get32(body), le_get32(body + 4) };
    m->tokens.passed = m->t;
    if (m->live) arm(m);
}

int last_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return save_last(&m->tokens.last, body);
}

void last_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n == LAST_BODY) load_last(&m->tokens.last, body);
}
