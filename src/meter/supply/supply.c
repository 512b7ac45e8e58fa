#include "meter/supply/supply.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/tamper/tally.h"

enum { CLIENT_CLOSINGS = 6, CLIENT_REFILL_S = 600 };
enum { OWN_CLOSINGS = 12, OWN_REFILL_S = 300 };
enum { PRESS_CLOSES_S = 3, PRESS_OPENS_S = 8 };
enum { WEIGHTS_BODY = REQUESTERS * (2 * ACTIONS + 1) };
#define SECOND_US UINT64_C(1000000)

static const struct who self = { .link = LINK_SELF };

/* A meter without a relay is one that never opens. */
static unsigned mode_of(const struct meter *m)
{
    return m->io->relay ? (unsigned)param_get(m, PARAM_SUPPLY_MODE) : 0;
}

/* -- what is seen of it -------------------------------------------------------------------- */

unsigned supply_holder(const struct meter *m)
{
    return arbiter_holder(&m->supply.weights, m->supply.state.held);
}

enum control_state supply_state(const struct meter *m)
{
    return arbiter_state(mode_of(m), m->supply.state.held);
}

bool supply_is_on(const struct meter *m)
{
    return relay_is_closed(m);
}

bool supply_can_mode(const struct meter *m, int32_t mode)
{
    return mode != 0 || !m->supply.state.held;
}

static void show(struct meter *m)
{
    const struct supply_state *s = &m->supply.state;
    unsigned holder = supply_holder(m);
    m->now.quantity[VAL_SUPPLY_HOLDER] = holder == SUPPLY_NOBODY ? 0 : (int32_t)holder + 1;
    m->now.quantity[VAL_SUPPLY_CAUSE] = s->cause;
    m->now.quantity[VAL_SUPPLY_STATE] = (int32_t)supply_state(m);
    m->now.quantity[VAL_SUPPLY_ON] = supply_is_on(m);
}

/* -- the record: {held 2, cause, by, fault, closed, moving, asked 10, outcome} ------------- */

enum { BODY = 8 + REQUESTERS };

static int save(const struct supply_state *s, uint8_t *body)
{
    le_put16(body, s->held);
    body[2] = s->cause;
    body[3] = s->by;
    body[4] = s->fault;
    body[5] = s->closed;
    body[6] = s->moving;
    memcpy(body + 7, s->asked, REQUESTERS);
    body[7 + REQUESTERS] = s->outcome;
    return BODY;
}

int supply_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    return save(&m->supply.state, body);
}

void supply_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != BODY || le_get16(body) & ~SUPPLY_ALL || body[2] > REQUESTERS ||
        body[3] >= LINK_IDS || body[4] & ~RELAY_FAULTS || body[5] > 1 ||
        body[6] > MOVES_COUNTED || body[7 + REQUESTERS] > ACTIONS)
        return;
    struct supply_state *s = &m->supply.state;
    s->held = le_get16(body);
    s->cause = body[2];
    s->by = body[3];
    s->fault = body[4];
    s->closed = body[5];
    s->moving = body[6];
    memcpy(s->asked, body + 7, REQUESTERS);
    s->outcome = body[7 + REQUESTERS];
    m->supply.changed = true;
    show(m);
}

/* -- one decision: a transaction ----------------------------------------------------------- */

/* What an opening is told as. */
static enum event opened_by(const struct meter *m, bool by_token, unsigned r)
{
    static const uint16_t code[REQUESTERS] = {
        [SUPPLY_FIRE] = EV_OPEN_FIRE,
        [SUPPLY_MALFUNCTION] = EV_OPEN_MALFUNCTION,
        [SUPPLY_VOLTAGE] = EV_OPEN_OVERVOLTAGE,
        [SUPPLY_REMOTE] = EV_REMOTE_DISCONNECTION,
        [SUPPLY_OVERCURRENT] = EV_OPEN_OVERCURRENT,
        [SUPPLY_LIMIT] = EV_OPEN_POWER_LIMIT,
        [SUPPLY_TAMPER] = EV_OPEN_TAMPER,
        [SUPPLY_SCHEDULE] = EV_OPEN_SCHEDULE,
        [SUPPLY_ARREARS] = EV_OPEN_ARREARS,
        [SUPPLY_BUTTON] = EV_MANUAL_DISCONNECTION,
    };
    if (r == SUPPLY_REMOTE && by_token) return EV_OPEN_ENGINEERING;
    if (r == SUPPLY_ARREARS && m->wallets.watchman.tries && !m->wallets.owes)
        return EV_OPEN_ENGINEERING;
    if (r == SUPPLY_VOLTAGE && m->supply.opened) return (enum event)m->supply.opened;
    return (enum event)code[r];
}

static enum event closed_by(unsigned r)
{
    if (r == SUPPLY_REMOTE) return EV_REMOTE_CONNECTION;
    return r == SUPPLY_BUTTON ? EV_MANUAL_CONNECTION : EV_LOCAL_RECONNECTION;
}

struct decision {
    struct supply_state next;
    uint16_t raised; /* requesters that began to hold */
    uint8_t actor;   /* who moved the relay, if it moves */
    uint8_t blocked; /* who holds against an order; SUPPLY_NOBODY */
    bool by_token;
};

static void put_events(struct meter *m, const struct who *who, const struct decision *d)
{
    const struct supply_state *was = &m->supply.state, *is = &d->next;
    unsigned mode = mode_of(m);
    struct event_detail x = { .what = (uint16_t)(d->actor + 1u) };
    bool local = d->actor != SUPPLY_REMOTE && d->actor != SUPPLY_BUTTON;
    if (was->closed && !is->closed && local) change_event(m, EV_LOCAL_DISCONNECTION, who, &x);
    for (unsigned r = 0; r < REQUESTERS; r++)
        if (d->raised & SUPPLY_BIT(r)) {
            struct event_detail why = { .what = (uint16_t)(r + 1u) };
            change_event(m, opened_by(m, d->by_token, r), who, &why);
        }
    if (!was->closed && is->closed) change_event(m, closed_by(d->actor), who, &x);
    if (arbiter_state(mode, is->held) == CONTROL_READY &&
        arbiter_state(mode, was->held) != CONTROL_READY)
        change_event(m, EV_RELAY_READY, who, NULL);
    if (d->blocked == SUPPLY_NOBODY) return;
    x.what = (uint16_t)(d->blocked + 1u);
    change_event(m, EV_RECONNECT_REFUSED, who, &x);
}

/* Into the open change: what is decided, as the record it leaves. */
static void put_decision(struct meter *m, const struct who *who, struct decision *d,
                         uint8_t body[BODY])
{
    struct supply *s = &m->supply;
    d->next.closed = arbiter_state(mode_of(m), d->next.held) == CONTROL_CONNECTED;
    bool moves = d->next.closed != s->state.closed;
    if (moves) {
        d->next.cause = (uint8_t)(d->actor + 1u);
        d->next.by = who->link;
        /* a coil that was driven at once has begun to move it */
        bool now = s->relay.phase == RELAY_PULSE || relay_will_move(m, d->next.closed);
        d->next.moving = now ? MOVES_COUNTED : MOVES_LATER;
    }
    put_events(m, who, d);
    if (moves && d->next.moving == MOVES_COUNTED)
        change_count(m, d->next.closed ? CNT_RELAY_CLOSES : CNT_RELAY_OPENS);
    change_put(m, HOT_SUPPLY, body, (size_t)save(&d->next, body));
    s->wants &= (uint16_t) ~(s->state.held & ~d->next.held);
}

/* Where the journal is lost the relay still obeys: a fire does not wait for flash. */
static int decide(struct meter *m, const struct who *who, struct decision *d)
{
    uint8_t body[BODY];
    int err = change_begin(m);
    if (err < 0) return err;
    put_decision(m, who, d, body);
    err = change_commit(m);
    if (err < 0) supply_take(m, body, BODY);
    return err;
}

/* -- what conditions ask for --------------------------------------------------------------- */

/* Who may open at all. */
static uint16_t openers(const struct meter *m)
{
    uint16_t may = SUPPLY_ALL & (uint16_t)~protect_off(m);
    if (!arbiter_mode(mode_of(m))->opens) return 0;
    for (unsigned r = 0; r < REQUESTERS; r++)
        if (!(m->supply.weights.may[r] & 1)) may &= (uint16_t)~SUPPLY_BIT(r);
    return may;
}

static uint16_t to_raise(const struct meter *m)
{
    const struct supply *s = &m->supply;
    return s->wants & openers(m) & (uint16_t)~s->state.held;
}

bool supply_would_open(const struct meter *m, enum requester r)
{
    return m->supply.state.closed && openers(m) & SUPPLY_BIT(r);
}

/* The coil first: a fire does not wait for flash. What it opened for follows as one
 * transaction; if the supply fails between, power-up finds the contact open and drives it where
 * the last order that stands says. */
static void open_at_once(struct meter *m, uint16_t bit)
{
    struct relay *r = &m->supply.relay;
    if (m->live && r->is_known && r->target && to_raise(m) & bit) relay_order(m, false);
}

void supply_request(struct meter *m, enum requester r, bool holds)
{
    struct supply *s = &m->supply;
    uint16_t bit = SUPPLY_BIT(r);
    if (holds) {
        s->wants |= bit;
        s->ended &= (uint16_t)~bit;
        open_at_once(m, bit);
        return;
    }
    s->wants &= (uint16_t)~bit;
    if (!arbiter_row(r)->latched) s->ended |= (uint16_t)(bit & s->state.held);
}

void supply_forgo(struct meter *m, enum requester r)
{
    uint16_t bit = SUPPLY_BIT(r);
    if ((m->supply.state.held | to_raise(m)) & bit) return;
    if (limiter_asks(m, r) || monitor_asks(m, r) || protect_asks(m, r)) return;
    supply_request(m, r, false);
}

void supply_ready(struct meter *m, enum requester r)
{
    supply_request(m, r, false);
    m->supply.to_button |= (uint16_t)(SUPPLY_BIT(r) & m->supply.ended);
}

/* Saying nothing releases only what it held itself: a client may act as the schedule too. */
void supply_calendar(struct meter *m)
{
    unsigned says = tou_says(m, CALENDAR_LOAD), said = m->supply.said;
    m->supply.said = (uint8_t)says;
    if (says == said && m->live) return;
    if (says == ACTION_READY)
        supply_ready(m, SUPPLY_SCHEDULE);
    else if (says || said)
        supply_request(m, SUPPLY_SCHEDULE, says == ACTION_DISCONNECT);
}

void supply_let_go(struct meter *m, enum requester r)
{
    struct supply *s = &m->supply;
    s->wants &= (uint16_t)~SUPPLY_BIT(r);
    s->ended |= (uint16_t)(SUPPLY_BIT(r) & s->state.held);
}

static void note(struct supply_state *s, unsigned r, enum supply_action action)
{
    s->asked[r] = (uint8_t)(1u << (action - 1));
    s->outcome = (uint8_t)action;
}

static void decide_requests(struct meter *m)
{
    struct supply *s = &m->supply;
    uint16_t raise = to_raise(m), release = s->ended;
    struct decision d = { s->state, raise, 0, SUPPLY_NOBODY, false };
    for (unsigned r = 0; r < REQUESTERS; r++) {
        bool lets_go = (release & SUPPLY_BIT(r)) != 0;
        if (!lets_go && !(raise & SUPPLY_BIT(r))) continue;
        enum supply_action back =
            s->to_button & SUPPLY_BIT(r) ? ACTION_READY : ACTION_RECONNECT;
        enum supply_action action = lets_go ? back : ACTION_DISCONNECT;
        d.next.held = arbiter_judge(&s->weights, mode_of(m), d.next.held, r, action).held;
        d.actor = (uint8_t)r;
        note(&d.next, r, action);
    }
    if (raise) d.actor = (uint8_t)arbiter_holder(&s->weights, raise);
    s->ended = s->to_button = 0;
    if (d.next.held != s->state.held) decide(m, &self, &d);
}

bool supply_is_due(const struct meter *m)
{
    const struct supply *s = &m->supply;
    return to_raise(m) || s->ended || s->changed ||
           (s->relay.is_known && s->relay.target != s->state.closed);
}

static void plan_timer(struct meter *m)
{
    timer_set(m, TIMER_SUPPLY, mono_min(limiter_next(m), protect_next(m)));
}

void supply_step(struct meter *m)
{
    struct supply *s = &m->supply;
    if (!m->live || store_is_busy(&m->store) || !supply_is_due(m)) return;
    if (to_raise(m) || s->ended) decide_requests(m);
    if (store_is_busy(&m->store)) return;
    if (s->relay.is_known && s->relay.target != s->state.closed)
        relay_order(m, s->state.closed);
    if (s->changed) limiter_held(m);
    s->changed = false;
    show(m);
    plan_timer(m);
}

void supply_due(struct meter *m)
{
    limiter_due(m);
    protect_due(m);
    plan_timer(m);
}

/* -- what clients order -------------------------------------------------------------------- */

/* Who floods the relay with orders is refused; opening is always possible, for it needs a
 * closing first. */
static bool may_close(struct meter *m, struct budget *b, unsigned most, unsigned refill_s)
{
    uint64_t refills = (m->t.us - b->refilled.us) / (refill_s * SECOND_US);
    b->refilled.us += refills * refill_s * SECOND_US;
    b->left = (uint8_t)(b->left + refills > most ? most : b->left + refills);
    return b->left > 0;
}

bool supply_may_return(struct meter *m)
{
    struct budget *b = &m->supply.own;
    if (!may_close(m, b, OWN_CLOSINGS, OWN_REFILL_S)) return false;
    b->left--;
    return true;
}

static int refuse(struct meter *m, const struct who *who, unsigned blocked)
{
    struct event_detail d = { .what = (uint16_t)(blocked < REQUESTERS ? blocked + 1 : 0) };
    event_post(m, EV_RECONNECT_REFUSED, who, &d);
    return E_DENIED;
}

/* Holds that are left when those of `with` whose causes are over have gone. */
static uint16_t without(const struct meter *m, uint16_t with)
{
    const struct supply *s = &m->supply;
    uint16_t held = s->state.held;
    for (unsigned r = 0; r < REQUESTERS; r++)
        if (with & held & ~s->wants & SUPPLY_BIT(r))
            held = arbiter_judge(&s->weights, mode_of(m), held, r, ACTION_RECONNECT).held;
    return held;
}

/* Those whose cause need not be over: an overload ends as it opens, the others are what was
 * ordered last. */
#define MAY_BE_TRIED                                                                           \
    (SUPPLY_BIT(SUPPLY_LIMIT) | SUPPLY_BIT(SUPPLY_OVERCURRENT) | SUPPLY_BIT(SUPPLY_SCHEDULE) | \
     SUPPLY_BIT(SUPPLY_BUTTON))

static struct verdict judge(const struct meter *m, enum requester r, enum supply_action action,
                            uint16_t with)
{
    const struct supply *s = &m->supply;
    uint16_t held = without(m, with);
    struct verdict v = arbiter_judge(&s->weights, mode_of(m), held, r, action);
    v.refused = v.refused && held == s->state.held;
    return v;
}

static int order(struct meter *m, const struct who *who, enum requester r,
                 enum supply_action action, uint16_t with)
{
    struct supply *s = &m->supply;
    if (!m->io->relay) return E_STATE;
    if (store_is_busy(&m->store)) return E_BUSY;
    bool opens = action == ACTION_DISCONNECT;
    if (!opens && s->wants & SUPPLY_BIT(r) & ~MAY_BE_TRIED) return refuse(m, who, r);
    if (r == SUPPLY_BUTTON && !opens && limiter_is_locked(m) &&
        !param_get(m, PARAM_RETRY_BUTTON))
        return refuse(m, who, supply_holder(m));
    struct verdict v = judge(m, r, action, with);
    if (v.refused) return opens ? E_DENIED : refuse(m, who, v.blocked);
    if (v.held == s->state.held) return 0;
    bool closes = v.held == 0;
    if (closes && !may_close(m, &s->client, CLIENT_CLOSINGS, CLIENT_REFILL_S))
        return refuse(m, who, SUPPLY_NOBODY);
    uint16_t raised = SUPPLY_BIT(r);
    struct decision d = { s->state, raised, (uint8_t)r, v.blocked, false };
    if (!opens) d.raised = 0;
    d.next.held = v.held;
    note(&d.next, r, action);
    int err = decide(m, who, &d);
    if (err >= 0 && closes) s->client.left--;
    return err;
}

int supply_order(struct meter *m, const struct who *who, enum requester r,
                 enum supply_action action)
{
    return order(m, who, r, action, 0);
}

int supply_reconnect(struct meter *m, const struct who *who, bool trusted)
{
    uint16_t with = SUPPLY_BIT(SUPPLY_FIRE) | SUPPLY_BIT(SUPPLY_TAMPER);
    return order(m, who, SUPPLY_REMOTE, ACTION_RECONNECT, trusted ? with : 0);
}

/* What a token's order comes to; clearing the tamper is no order but its release. */
static int token_decision(const struct meter *m, enum requester r, enum supply_action action,
                          struct decision *d)
{
    const struct supply *s = &m->supply;
    *d = (struct decision){ s->state, 0, (uint8_t)r, SUPPLY_NOBODY, true };
    if (!m->io->relay) return E_STATE;
    if (r == SUPPLY_TAMPER) {
        bool lasts = s->state.held & s->wants & SUPPLY_BIT(SUPPLY_TAMPER);
        d->next.held = without(m, SUPPLY_BIT(SUPPLY_TAMPER));
        return lasts ? E_DENIED : 0;
    }
    struct verdict v = judge(m, r, action, 0);
    bool idle = action != ACTION_DISCONNECT && !(s->state.held & SUPPLY_BIT(r));
    d->next.held = idle ? s->state.held : v.held;
    if (action == ACTION_DISCONNECT) d->raised = SUPPLY_BIT(r);
    d->blocked = idle ? (uint8_t)SUPPLY_NOBODY : v.blocked;
    return v.refused && !idle ? E_DENIED : 0;
}

int supply_can_token(const struct meter *m, enum requester r, enum supply_action action)
{
    struct decision d;
    return token_decision(m, r, action, &d);
}

void supply_put_token(struct meter *m, const struct who *who, enum requester r,
                      enum supply_action action)
{
    uint8_t body[BODY];
    struct decision d;
    if (token_decision(m, r, action, &d) || d.next.held == m->supply.state.held) return;
    note(&d.next, r, action);
    put_decision(m, who, &d, body);
}

bool supply_press(struct meter *m, unsigned held_s)
{
    static const struct who hand = { .link = LINK_KEYPAD };
    enum control_state state = supply_state(m);
    bool closes = state == CONTROL_READY && held_s >= PRESS_CLOSES_S;
    bool opens = state == CONTROL_CONNECTED && held_s >= PRESS_OPENS_S;
    if (!closes && !(opens && arbiter_mode(mode_of(m))->button_opens)) return false;
    supply_order(m, &hand, SUPPLY_BUTTON, closes ? ACTION_RECONNECT : ACTION_DISCONNECT);
    return true;
}

int supply_forget(struct meter *m, const struct who *who)
{
    struct supply_state next = m->supply.state;
    uint8_t body[BODY];
    (void)who;
    int err = change_begin(m);
    if (err < 0) return err;
    memset(next.asked, 0, sizeof next.asked);
    next.outcome = 0;
    change_put(m, HOT_SUPPLY, body, (size_t)save(&next, body));
    return change_commit(m);
}

/* -- the weights: {3 x 2 for each requester}, {permissions 1 each} ------------------------- */

static void weights_save(const struct weights *w, uint8_t o[WEIGHTS_BODY])
{
    for (unsigned i = 0; i < REQUESTERS * ACTIONS; i++)
        le_put16(o + 2 * i, w->of[i / ACTIONS][i % ACTIONS]);
    memcpy(o + 2 * REQUESTERS * ACTIONS, w->may, REQUESTERS);
}

int supply_set_weights(struct meter *m, const struct who *who, const struct weights *w)
{
    uint8_t o[WEIGHTS_BODY];
    if (!arbiter_is_valid(w)) return E_RANGE;
    if (!memcmp(w, &m->supply.weights, sizeof *w)) return 0;
    weights_save(w, o);
    return param_write(m, who, PARAM_WEIGHTS, o, sizeof o);
}

static void load_weights(struct meter *m)
{
    uint8_t o[WEIGHTS_BODY];
    struct weights w;
    m->supply.weights = arbiter_product;
    if (param_read(m, PARAM_WEIGHTS, o, sizeof o) != WEIGHTS_BODY) return;
    for (unsigned i = 0; i < REQUESTERS * ACTIONS; i++)
        w.of[i / ACTIONS][i % ACTIONS] = le_get16(o + 2 * i);
    memcpy(w.may, o + 2 * REQUESTERS * ACTIONS, REQUESTERS);
    if (arbiter_is_valid(&w)) m->supply.weights = w;
}

/* -- the relay tells ----------------------------------------------------------------------- */

void supply_arrived(struct meter *m)
{
    struct supply_state *s = &m->supply.state;
    if (!s->moving && !s->fault) return;
    s->moving = MOVES_NOT;
    s->fault = 0;
    hot_put(m, HOT_SUPPLY, 0);
    show(m);
}

/* What had to wait when it was ordered is counted now, if it moves at all: the count and that it
 * was counted stand together, or a cut between them would count it twice. */
bool supply_moves(struct meter *m)
{
    struct supply_state next = m->supply.state;
    bool closes = m->supply.relay.target;
    uint8_t body[BODY];
    if (next.moving != MOVES_LATER || !relay_will_move(m, closes)) return true;
    if (change_begin_alone(m) < 0) return false;
    next.moving = MOVES_COUNTED;
    change_count(m, closes ? CNT_RELAY_CLOSES : CNT_RELAY_OPENS);
    change_put(m, HOT_SUPPLY, body, (size_t)save(&next, body));
    if (change_commit(m) < 0) supply_take(m, body, BODY);
    return true;
}

void supply_failed(struct meter *m)
{
    struct supply_state next = m->supply.state;
    bool closes = m->supply.relay.target;
    uint8_t fault = closes ? RELAY_FAILS_TO_CLOSE : RELAY_FAILS_TO_OPEN, body[BODY];
    struct event_detail d = { .what = next.cause, .magnitude = relay_current_ma(m) };
    if (next.fault & fault || change_begin_alone(m) < 0) return;
    next.fault = fault;
    change_put(m, HOT_SUPPLY, body, (size_t)save(&next, body));
    change_event(m, EV_RELAY_FAILURE, NULL, &d);
    change_event(m, closes ? EV_RELAY_FAILS_TO_CLOSE : EV_RELAY_FAILS_TO_OPEN, NULL, &d);
    change_count(m, closes ? CNT_RELAY_CLOSE_FAILS : CNT_RELAY_OPEN_FAILS);
    if (change_commit(m) < 0) supply_take(m, body, BODY);
}

void supply_corrected(struct meter *m)
{
    bool closed = m->supply.state.closed;
    struct event_detail d = { .what = closed };
    event_post(m, EV_RELAY_CORRECTED, NULL, &d);
    tally_count(m, CNT_RELAY_OPENS); /* it went there and comes back */
    tally_count(m, CNT_RELAY_CLOSES);
    relay_order(m, closed);
}

/* -- the life of it ------------------------------------------------------------------------ */

void supply_init(struct meter *m)
{
    struct supply *s = &m->supply;
    s->weights = arbiter_product;
    s->state.closed = true; /* as it leaves the factory */
    s->client.left = CLIENT_CLOSINGS;
    s->own.left = OWN_CLOSINGS;
    limiter_init(m);
}

void supply_plan(struct meter *m)
{
    load_weights(m);
    limiter_plan(m);
    monitor_plan(m);
    show(m);
}

/* An operation under way is finished, and was counted when it was ordered. */
void supply_power_up(struct meter *m)
{
    const struct supply_state *s = &m->supply.state;
    struct relay *r = &m->supply.relay;
    if (!m->io->relay) return;
    r->is_known = true;
    r->target = s->closed;
    r->seen = s->moving ? !s->closed : s->closed;
    bool stands = m->cfg->relay.feedback && relay_is_closed(m) == s->closed;
    if (m->cfg->relay.feedback && !stands && !s->moving)
        supply_corrected(m);
    else if (!stands || s->fault)
        relay_order(m, s->closed);
    else
        supply_arrived(m);
    show(m);
}

void supply_window(struct meter *m, const struct quantity *q)
{
    relay_window(m, q);
    limiter_window(m, q);
    protect_window(m, q);
    monitor_window(m, q);
    show(m);
    plan_timer(m);
}
