#include "meter/prepay/credit.h"

#include "base/cal.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/prepay/fund.h"

enum { BEEP_US = 2000000, BLIP_US = 1000000, COUNT_US = 500000, DAYS_MEAN = 7, DAY_S = 86400 };
#define SECOND_US UINT64_C(1000000)

static const struct who self = { .link = LINK_SELF };

static const struct fund *fund_of(const struct meter *m, unsigned w)
{
    return &m->wallets.wallet[w].fund;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t setting(const struct meter *m, unsigned w, unsigned first)
{
    return wallet_grains(m, w, param_get(m, (uint16_t)(first + w)));
}

/* -- what there is ------------------------------------------------------------------------- */

/* Lifeline credit is for who uses little. */
static int64_t free_granted(const struct meter *m, unsigned w, unsigned kind)
{
    uint32_t limit = (uint32_t)param_get(m, PARAM_LIFELINE_KWH);
    struct month_usage u;
    if (kind != FREE_LIFELINE || !limit || !fund_of(m, w)->free[kind])
        return fund_of(m, w)->free[kind];
    expense_usage(m, w, &u);
    return usage_wh(&u) > limit * UINT64_C(1000) ? 0 : fund_of(m, w)->free[kind];
}

/* Of a debit lifeline credit goes first. */
struct split {
    int64_t used[FREES];
};
static struct split split_of(const struct meter *m, unsigned w)
{
    int64_t debit = -wallet_balance(m, w);
    struct split s;
    if (debit < 0) debit = 0;
    s.used[FREE_LIFELINE] = min_i64(debit, free_granted(m, w, FREE_LIFELINE));
    debit -= s.used[FREE_LIFELINE];
    s.used[FREE_MONTH] = min_i64(debit, free_granted(m, w, FREE_MONTH));
    return s;
}

int64_t credit_used(const struct meter *m, unsigned w, unsigned kind)
{
    return split_of(m, w).used[kind];
}

int64_t credit_free(const struct meter *m, unsigned w, unsigned kind)
{
    return free_granted(m, w, kind) - split_of(m, w).used[kind];
}

int64_t credit_available(const struct meter *m, unsigned w)
{
    return wallet_balance(m, w) + free_granted(m, w, FREE_MONTH) +
           free_granted(m, w, FREE_LIFELINE);
}

int64_t credit_preset(const struct meter *m, unsigned w)
{
    return setting(m, w, PARAM_EMERGENCY_1);
}

static int64_t left_of(int64_t preset, int64_t from, int64_t available)
{
    int64_t used = available < from ? from - available : 0;
    return used < preset ? preset - used : 0;
}

int64_t credit_emergency(const struct meter *m, unsigned w)
{
    const struct fund *f = fund_of(m, w);
    if (!(f->flags & FUND_SELECTED)) return 0;
    return left_of(credit_preset(m, w), f->from, credit_available(m, w));
}

static bool may_use_again(const struct meter *m, unsigned w, const struct fund *f)
{
    int32_t uses = param_get(m, (uint16_t)(PARAM_EMERGENCY_1_USES + w));
    return !uses || f->uses < uses;
}

static bool is_offered(const struct meter *m, unsigned w, const struct fund *f)
{
    return !(f->flags & (FUND_SELECTED | FUND_POSTPAID)) && credit_preset(m, w) > 0 &&
           may_use_again(m, w, f) &&
           credit_available(m, w) <= setting(m, w, PARAM_EMERGENCY_1_BELOW);
}

bool credit_is_offered(const struct meter *m, unsigned w)
{
    return wallet_is_open(m, w) && is_offered(m, w, fund_of(m, w));
}

/* Beyond emergency credit. */
static int64_t owed(const struct meter *m, unsigned w)
{
    int64_t all = -credit_available(m, w);
    bool selected = fund_of(m, w)->flags & FUND_SELECTED;
    return selected ? all - (credit_preset(m, w) - credit_emergency(m, w)) : all;
}

int64_t credit_reserved(const struct meter *m, unsigned w)
{
    int64_t most = wallet_grains(m, w, param_get(m, PARAM_FRIENDLY_DEBT)), is = owed(m, w);
    return is <= 0 ? most : is < most ? most - is : 0;
}

int64_t credit_to_clear(const struct meter *m, unsigned w)
{
    int64_t owed = -credit_available(m, w);
    return owed > 0 ? owed + setting(m, w, PARAM_CLEARANCE_1) : 0;
}

static bool has_credit(const struct meter *m, unsigned w)
{
    return credit_available(m, w) > 0 || credit_emergency(m, w) > 0;
}

/* What was cut returns with more than a grain, where it is wanted. */
static bool is_cleared(const struct meter *m, unsigned w)
{
    return credit_available(m, w) > setting(m, w, PARAM_CLEARANCE_1) ||
           credit_emergency(m, w) > 0;
}

/* -- friendly time ------------------------------------------------------------------------- */

bool credit_is_friendly(const struct meter *m)
{
    const struct watchman *g = &m->wallets.watchman;
    unsigned ordered = fund_of(m, 0)->ordered;
    if (!param_get(m, PARAM_FRIENDLY_ENABLE) || !g->day) return false;
    if (ordered) return ordered == 1;
    struct civil date = cal_civil((int64_t)g->day * DAY_S);
    if (param_get(m, PARAM_FRIENDLY_DAYS) >> (date.weekday - 1) & 1) return true;
    return param_get(m, PARAM_FRIENDLY_CALENDAR) && g->says == 1;
}

/* The local day, and what the calendar says; 0 both while the clock is invalid. */
static void read_calendar(struct meter *m)
{
    struct watchman *g = &m->wallets.watchman;
    g->day = 0;
    g->month = 0;
    g->says = (uint8_t)tou_says(m, CALENDAR_FRIENDLY);
    if (!clock_is_valid(&m->clock)) return;
    struct civil now = zone_civil(&m->clock.zone, m->utc);
    g->day = cal_days(now.year, now.month, now.day);
    g->month = (uint16_t)(now.year * 12 + now.month);
}

/* What was ordered by hand ends where the calendar says something else. */
void credit_calendar(struct meter *m)
{
    unsigned said = m->wallets.watchman.says;
    read_calendar(m);
    if (said != m->wallets.watchman.says && fund_of(m, 0)->ordered) {
        m->wallets.wallet[0].fund.ordered = 0;
        hot_put(m, HOT_FUND, 0);
    }
    credit_look(m);
}

int credit_order_friendly(struct meter *m, const struct who *who, unsigned script)
{
    (void)who;
    if (script < 1 || script > 2) return E_RANGE;
    if (store_is_busy(&m->store)) return E_BUSY;
    m->wallets.wallet[0].fund.ordered = (uint8_t)script;
    hot_put(m, HOT_FUND, 0);
    credit_look(m);
    return 0;
}

/* -- what it means for the supply ---------------------------------------------------------- */

/* The end of a wait in halves of a second, the last of them 1; 0: none is counted. */
static uint64_t halves_left(const struct meter *m)
{
    const struct watchman *g = &m->wallets.watchman;
    uint64_t most = (uint64_t)param_get(m, PARAM_ARREARS_BEEPS) * SECOND_US;
    if (g->wait.us == MONO_NEVER.us || !mono_before(m->t, g->wait)) return 0;
    if (!supply_would_open(m, SUPPLY_ARREARS)) return 0;
    uint64_t left = g->wait.us - m->t.us;
    return left > most ? 0 : (left + COUNT_US - 1) / COUNT_US;
}

bool credit_counts(const struct meter *m)
{
    return halves_left(m) && halves_left(m) % 2 == 0;
}

/* The next beep begins or ends, or the wait does. */
static mono_t next_count(const struct meter *m)
{
    const struct watchman *g = &m->wallets.watchman;
    uint64_t most = (uint64_t)param_get(m, PARAM_ARREARS_BEEPS) * SECOND_US;
    uint64_t halves = halves_left(m), before = halves ? (halves - 1) * COUNT_US : most;
    if (g->wait.us == MONO_NEVER.us) return MONO_NEVER;
    mono_t begin = { g->wait.us - before };
    return g->wait.us > before && mono_before(m->t, begin) ? begin : g->wait;
}

static void count_down(struct meter *m)
{
    struct watchman *g = &m->wallets.watchman;
    if (g->counts == credit_counts(m)) return;
    g->counts = !g->counts;
    m->outputs_stale = true;
}

static void plan_timer(struct meter *m)
{
    const struct watchman *g = &m->wallets.watchman;
    mono_t due = mono_min(mono_min(next_count(m), g->blip), g->beep);
    if (due.us == m->timers.due[TIMER_CREDIT].us) return;
    if (due.us == MONO_NEVER.us)
        timer_stop(m, TIMER_CREDIT);
    else
        timer_set(m, TIMER_CREDIT, due);
}

static void ask(struct meter *m)
{
    struct watchman *g = &m->wallets.watchman;
    bool wants = m->wallets.owes || g->blips;
    if (m->wallets.known && wants == g->asked) return;
    g->asked = wants;
    supply_request(m, SUPPLY_ARREARS, wants);
}

/* Not before its time: after friendly time the grace, else the delay; but who owes too much has
 * none. What stood before the cut waits no more. */
static bool after_delay(struct meter *m, unsigned w, bool owes, bool was_friendly)
{
    struct watchman *g = &m->wallets.watchman;
    bool too_much = owed(m, w) > wallet_grains(m, w, param_get(m, PARAM_ARREARS_DEBT));
    if (!owes || m->wallets.owes || !m->wallets.known) {
        g->wait = MONO_NEVER;
        return owes;
    }
    if (g->wait.us == MONO_NEVER.us) {
        int32_t s = param_get(m, was_friendly ? PARAM_FRIENDLY_GRACE_S : PARAM_ARREARS_DELAY_S);
        g->wait = mono_after(m->t, (uint64_t)s * SECOND_US);
    }
    if (!too_much && mono_before(m->t, g->wait)) return false;
    g->wait = MONO_NEVER;
    return true;
}

static bool was_cut(const struct meter *m)
{
    if (m->wallets.known) return m->wallets.owes;
    return (m->supply.state.held & SUPPLY_BIT(SUPPLY_ARREARS)) != 0;
}

static bool is_outdated(struct meter *m);

void credit_look(struct meter *m)
{
    struct wallets *ws = &m->wallets;
    unsigned w = wallet_active(m);
    bool prepaid = wallet_is_open(m, w) && !wallet_is_postpaid(m), cut = was_cut(m);
    bool empty = prepaid && !(cut ? is_cleared(m, w) : has_credit(m, w));
    bool reconnects = !cut || param_get(m, PARAM_FRIENDLY_RECONNECT);
    bool was_saved = ws->watchman.saved;
    struct event_detail d = { .what = (uint16_t)w };
    if (ws->known && w != ws->active) event_post(m, EV_WALLET_CHANGED, NULL, &d);
    ws->active = (uint8_t)w;
    ws->watchman.saved =
        empty && reconnects && credit_is_friendly(m) && credit_reserved(m, w) > 0;
    ws->owes =
        after_delay(m, w, empty && !ws->watchman.saved, was_saved && !credit_is_friendly(m));
    ask(m);
    count_down(m);
    ws->known = true;
    ws->watchman.stale = is_outdated(m);
    plan_timer(m);
}

/* -- what is to be written down ------------------------------------------------------------ */

enum { TOLD_MAX = 12 };
struct outlook { /* of both wallets, as it should stand */
    struct fund fund[WALLETS];
    struct {
        uint16_t code;
        uint8_t w;
        uint32_t magnitude;
    } told[TOLD_MAX];
    unsigned n;
};

static void tell(const struct meter *m, struct outlook *o, unsigned w, enum event code,
                 int64_t grains)
{
    uint32_t magnitude = (uint32_t)wallet_published(m, w, grains);
    o->told[o->n].code = (uint16_t)code;
    o->told[o->n].w = (uint8_t)w;
    o->told[o->n++].magnitude = magnitude;
}

static void flag(struct fund *f, unsigned bit, bool on)
{
    f->flags = (uint8_t)(on ? f->flags | bit : f->flags & ~bit);
}

static unsigned level_of(const struct meter *m, unsigned w, int64_t available)
{
    const struct level_row *r = &m->wallets.watchman.level[w * CREDIT_LEVELS];
    for (unsigned k = CREDIT_LEVELS; k > 0; k--)
        if (r[k - 1].threshold && available <= wallet_grains(m, w, r[k - 1].threshold))
            return k;
    return 0;
}

static void next_level(const struct meter *m, struct outlook *o, unsigned w)
{
    struct fund *f = &o->fund[w];
    int64_t available = credit_available(m, w), bought = m->wallets.wallet[w].bought;
    unsigned level = level_of(m, w, available);
    if (level == f->level || (level < f->level && bought <= f->rearm)) return;
    if (level > f->level) tell(m, o, w, (enum event)(EV_CREDIT_LEVEL_1 + level - 1), available);
    f->level = (uint8_t)level;
    f->rearm = bought;
    if (f->silenced > level) f->silenced = (uint8_t)level;
}

static void take(struct fund *f, int64_t from)
{
    f->from = from < 0 ? from : 0;
    f->uses++;
    flag(f, FUND_SELECTED, true);
    flag(f, FUND_OFFERED | FUND_USED | FUND_SPENT, false);
}

/* Repaid, or not needed after all. */
static void next_selected(const struct meter *m, struct outlook *o, unsigned w)
{
    struct fund *f = &o->fund[w];
    int64_t available = credit_available(m, w);
    bool spent = left_of(credit_preset(m, w), f->from, available) == 0;
    bool used = (f->flags & FUND_USED) != 0;
    if (available < 0) flag(f, FUND_USED, true);
    if (spent && !(f->flags & FUND_SPENT)) tell(m, o, w, EV_EMERGENCY_EXHAUSTED, available);
    flag(f, FUND_SPENT, spent);
    if (used ? available < 0 : available <= setting(m, w, PARAM_EMERGENCY_1_BELOW)) return;
    if (!used && f->uses) f->uses--;
    f->from = 0;
    flag(f, FUND_SELECTED | FUND_USED | FUND_SPENT, false);
    tell(m, o, w, EV_EMERGENCY_REPAID, available);
}

static void next_emergency(const struct meter *m, struct outlook *o, unsigned w)
{
    struct fund *f = &o->fund[w];
    int64_t available = credit_available(m, w);
    if (f->flags & FUND_SELECTED) {
        next_selected(m, o, w);
        return;
    }
    bool offered = is_offered(m, w, f);
    if (offered && !(f->flags & FUND_OFFERED))
        tell(m, o, w, EV_EMERGENCY_OFFERED, credit_preset(m, w));
    flag(f, FUND_OFFERED, offered);
    if (!offered || available > 0 || !param_get(m, (uint16_t)(PARAM_EMERGENCY_1_AUTO + w)))
        return;
    take(f, 0);
    tell(m, o, w, EV_EMERGENCY_ACTIVATED, credit_preset(m, w));
}

static void next_empty(const struct meter *m, struct outlook *o, unsigned w)
{
    struct fund *f = &o->fund[w];
    int64_t available = credit_available(m, w);
    if (available <= 0 && !(f->flags & FUND_EMPTY))
        tell(m, o, w, EV_CREDIT_EXHAUSTED, available);
    flag(f, FUND_EMPTY, available <= 0);
}

static void outlook_of(const struct meter *m, struct outlook *o)
{
    bool postpaid = wallet_is_postpaid(m), saved = m->wallets.watchman.saved;
    o->n = 0;
    for (unsigned w = 0; w < WALLETS; w++) {
        o->fund[w] = *fund_of(m, w);
        if (postpaid || !wallet_is_open(m, w)) continue;
        next_empty(m, o, w);
        next_emergency(m, o, w);
        next_level(m, o, w);
    }
    unsigned active = m->wallets.active;
    bool held = (o->fund[0].flags & FUND_HELD) != 0;
    if (saved != held)
        tell(m, o, active, saved ? EV_FRIENDLY_START : EV_FRIENDLY_END,
             credit_available(m, active));
    flag(&o->fund[0], FUND_HELD, saved);
}

static bool is_same(const struct fund *a, const struct fund *b)
{
    return a->flags == b->flags && a->level == b->level && a->silenced == b->silenced &&
           a->uses == b->uses && a->from == b->from && a->rearm == b->rearm;
}

static bool is_new_day(const struct meter *m)
{
    return credit_is_new_day(m, 0) || credit_is_new_day(m, 1);
}

static bool is_outdated(struct meter *m)
{
    struct outlook o;
    if (is_new_day(m)) return true;
    outlook_of(m, &o);
    for (unsigned w = 0; w < WALLETS; w++)
        if (!is_same(&o.fund[w], fund_of(m, w))) return true;
    return false;
}

/* -- writing it down ----------------------------------------------------------------------- */

bool credit_can_blip(const struct meter *m)
{
    return m->io->relay && supply_is_on(m) &&
           arbiter_mode((unsigned)param_get(m, PARAM_SUPPLY_MODE))->local_closes;
}

void credit_blip(struct meter *m)
{
    struct watchman *g = &m->wallets.watchman;
    g->blips = true;
    g->tries = true;
    g->blip = mono_after(m->t, BLIP_US);
    ask(m);
    plan_timer(m);
}

/* A level was reached: it sounds, and may blink with the supply itself. */
static void sound(struct meter *m, unsigned w, unsigned level)
{
    struct watchman *g = &m->wallets.watchman;
    g->beeps = true;
    g->beep = mono_after(m->t, BEEP_US);
    if (!g->level[w * CREDIT_LEVELS + level - 1].blip || !credit_can_blip(m)) return;
    g->blips = true;
    g->blip = mono_after(m->t, BLIP_US);
    ask(m);
}

static void put_outlook(struct meter *m, const struct outlook *o)
{
    if (change_begin_alone(m) < 0) return;
    for (unsigned w = 0; w < WALLETS; w++) {
        if (is_same(&o->fund[w], fund_of(m, w))) continue;
        if (o->fund[w].level > fund_of(m, w)->level) sound(m, w, o->fund[w].level);
        credit_put_fund(m, w, &o->fund[w]);
    }
    for (unsigned i = 0; i < o->n; i++) {
        struct event_detail d = { .what = o->told[i].w, .magnitude = o->told[i].magnitude };
        change_event(m, (enum event)o->told[i].code, NULL, &d);
    }
    change_commit(m);
}

bool credit_is_due(const struct meter *m)
{
    return m->live && m->wallets.watchman.stale;
}

/* Days and months before what follows from them. The commit brings the look that says whether
 * there is more. */
void credit_step(struct meter *m)
{
    struct outlook o;
    if (!credit_is_due(m) || store_is_busy(&m->store)) return;
    m->wallets.watchman.stale = false;
    if (is_new_day(m)) {
        credit_put_days(m);
        return;
    }
    outlook_of(m, &o);
    put_outlook(m, &o);
}

/* -- orders -------------------------------------------------------------------------------- */

int credit_take_emergency(struct meter *m, const struct who *who, unsigned w)
{
    struct fund f = *fund_of(m, w);
    struct event_detail d = { .what = (uint16_t)w,
                              .magnitude =
                                  (uint32_t)wallet_published(m, w, credit_preset(m, w)) };
    if (!credit_is_offered(m, w)) return E_STATE;
    int err = change_begin(m);
    if (err < 0) return err;
    take(&f, credit_available(m, w));
    credit_put_fund(m, w, &f);
    change_event(m, EV_EMERGENCY_ACTIVATED, who, &d);
    return change_commit(m);
}

int credit_silence(struct meter *m, const struct who *who)
{
    (void)who;
    int err = change_begin(m);
    if (err < 0) return err;
    for (unsigned w = 0; w < WALLETS; w++) {
        struct fund f = *fund_of(m, w);
        f.silenced = f.level;
        credit_put_fund(m, w, &f);
    }
    return change_commit(m);
}

/* -- lamp and sound ------------------------------------------------------------------------ */

/* Of the wallet whose turn it is: the level that sounds, 0 when it is silent. */
static unsigned sounding(const struct meter *m)
{
    const struct fund *f = fund_of(m, m->wallets.active);
    return f->level > f->silenced ? f->level : 0;
}

bool credit_output(const struct meter *m, struct output_row *row)
{
    const struct watchman *g = &m->wallets.watchman;
    unsigned w = m->wallets.active, level = fund_of(m, w)->level;
    if (!level || !wallet_is_open(m, w) || wallet_is_postpaid(m)) return false;
    const struct level_row *r = &g->level[w * CREDIT_LEVELS + level - 1];
    bool sounds = sounding(m) && (g->beeps || !r->repeat_s);
    *row = (struct output_row){ .led = r->led, .ciu_led = r->led };
    if (sounds) row->buzzer = row->ciu_buzzer = r->buzzer;
    return row->led || row->buzzer;
}

static void plan_sound(struct meter *m)
{
    struct watchman *g = &m->wallets.watchman;
    unsigned level = sounding(m);
    unsigned repeat_s =
        level ? g->level[m->wallets.active * CREDIT_LEVELS + level - 1].repeat_s : 0;
    m->outputs_stale = true;
    if (!repeat_s) {
        g->beeps = false;
        g->beep = MONO_NEVER;
    } else if (g->beep.us == MONO_NEVER.us) {
        g->beeps = true;
        g->beep = mono_after(m->t, BEEP_US);
    }
}

static void next_sound(struct meter *m)
{
    struct watchman *g = &m->wallets.watchman;
    unsigned level = sounding(m);
    g->beep = MONO_NEVER;
    g->beeps = !g->beeps && level;
    if (level) {
        uint64_t pause_s = g->level[m->wallets.active * CREDIT_LEVELS + level - 1].repeat_s;
        g->beep = mono_after(m->t, g->beeps ? BEEP_US : pause_s * SECOND_US);
    }
    plan_sound(m);
}

void credit_due(struct meter *m, utc_t u)
{
    struct watchman *g = &m->wallets.watchman;
    (void)u;
    if (g->blips && !mono_before(m->t, g->blip)) {
        g->blips = g->tries = false;
        g->blip = MONO_NEVER;
    }
    if (!mono_before(m->t, g->beep)) next_sound(m);
    credit_look(m);
}

/* -- the rest ------------------------------------------------------------------------------ */

void credit_put_mode_as_set(struct meter *m, const struct who *who, uint8_t mode)
{
    const struct mode_change c = { .mode = mode,
                                   .from_zero = !param_get(m, PARAM_MODE_CARRY),
                                   .bill_to_debt = param_get(m, PARAM_MODE_DEBT) != 0 };
    credit_put_mode(m, who, &c);
}

void credit_mode_due(struct meter *m, utc_t u)
{
    (void)u;
    uint8_t mode = (uint8_t)param_get(m, PARAM_MODE_NEXT);
    if (change_begin_alone(m) < 0) return;
    if ((mode == MODE_POSTPAID) != wallet_is_postpaid(m))
        credit_put_mode_as_set(m, &self, mode);
    param_put_scalar(m, &self, PARAM_MODE_AT_S, 0);
    change_commit(m);
}

static void plan_mode(struct meter *m)
{
    uint32_t at = (uint32_t)param_get(m, PARAM_MODE_AT_S);
    if (at && clock_is_valid(&m->clock))
        timer_set_utc(m, TIMER_MODE, (utc_t){ at });
    else
        timer_stop(m, TIMER_MODE);
}

void credit_init(struct meter *m)
{
    struct watchman *g = &m->wallets.watchman;
    g->wait = g->blip = g->beep = MONO_NEVER;
}

void credit_plan(struct meter *m)
{
    read_calendar(m);
    credit_load_levels(m);
    plan_mode(m);
    plan_sound(m);
    credit_look(m);
}

uint16_t credit_days_left(struct meter *m, unsigned w)
{
    struct billing_row row;
    struct billing_span s = billing_span(m, BILLING_DAILY);
    uint32_t n = s.next - s.first < DAYS_MEAN ? s.next - s.first : DAYS_MEAN;
    int64_t has = credit_available(m, w);
    if (has <= 0) return 0;
    if (!n || billing_read(m, BILLING_DAILY, s.next - n, &row) < 0) return CREDIT_NO_USE;
    int64_t used = wallet_collected(m, w) - row.expense[w].charged;
    int64_t seconds = m->utc.s - row.time.s;
    if (used <= 0 || seconds <= 0) return CREDIT_NO_USE;
    for (; has > INT64_C(1) << 36; has >>= 1) used >>= 1;
    if (used < 1 || seconds > INT32_MAX / 32) return CREDIT_NO_USE - 1;
    int64_t days = has * seconds / used / DAY_S;
    return (uint16_t)(days < CREDIT_NO_USE ? days : CREDIT_NO_USE - 1);
}
