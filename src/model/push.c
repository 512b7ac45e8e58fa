#include "model/push.h"

#include <string.h>

#include "base/err.h"
#include "model/classes.h"

enum phase { REST, REACH, SEND, AWAIT };
enum { SECOND_US = 1000000, REACH_S = 10, SEND_S = 30, AWAIT_S = 5, GASP_STEPS = 20000 };

/* How a try ended: it arrived and was confirmed; it is with the carrier; it did not arrive; it
 * never will, as it is. */
enum fate { CONFIRMED, CARRIED, FAILED, HOPELESS };

static mono_t after_s(mono_t t, uint32_t s)
{
    return mono_after(t, UINT64_C(1000000) * s);
}

static void plan(struct push *p)
{
    p->due = p->phase == REST ? MONO_NEVER : p->until;
    if (p->phase != REST) return;
    for (unsigned n = 0; n < PUSHES; n++)
        if (p->job[n].waiting) p->due = mono_min(p->due, p->job[n].due);
}

void push_init(struct push *p)
{
    *p = (struct push){ .due = MONO_NEVER };
}

static void load(struct device *d, unsigned n, struct push_setup *s, uint8_t octets[PUSH_SETUP])
{
    size_t size = push_setup_octets(d, n, octets);
    (void)push_read_setup(s, octets, size);
}

/* -- orders -------------------------------------------------------------------------------- */

/* A push without a destination is switched off. Serial lines need none. */
static bool has_place(const struct push_setup *s)
{
    return s->host_n || s->transport == PUSH_HDLC;
}

static void order(struct device *d, unsigned n, uint8_t alarms)
{
    struct push_job *j = &d->push.job[n];
    struct push_setup s;
    uint8_t octets[PUSH_SETUP];
    load(d, n, &s, octets);
    if (!has_place(&s)) {
        d->push.idle |= alarms;
        return;
    }
    j->alarms |= alarm_push_begin(&d->meter, alarms);
    if (j->waiting) { /* what it will tell is what stands then: not what was sent before */
        j->repeat = false;
        return;
    }
    uint32_t spread = s.spread_s ? rng_below(&d->rng, s.spread_s + 1u) : 0;
    *j = (struct push_job){ .waiting = true,
                            .alarms = j->alarms,
                            .due = after_s(d->meter.t, spread) };
    plan(&d->push);
}

/* What is composed already cannot tell of it: it comes after that. */
static bool is_under_way(const struct push *p, unsigned n)
{
    return p->phase != REST && p->active == n;
}

/* A descriptor crossed its threshold: its monitor runs a script, and that is a push. Where there
 * is none, or nowhere to send it, the crossing stands as it is until that is set up: what the
 * record of alarms says does not hang on when somebody looked. */
static void collect_alarms(struct device *d)
{
    struct meter *m = &d->meter;
    for (unsigned i = 0; i < 2 * ALARMS; i++) {
        uint8_t bit = (uint8_t)(1u << i);
        unsigned script = alarm_script(m, i);
        if (!(m->alarms.push & bit & ~d->push.idle)) continue;
        if (script && is_under_way(&d->push, script - 1)) continue;
        if (script)
            order(d, script - 1, bit);
        else
            d->push.idle |= bit;
    }
}

static bool alarms_wait(struct device *d)
{
    uint32_t changes = d->meter.now.counter[CNT_CHANGES];
    if (changes != d->push.changes) d->push.idle = 0;
    d->push.changes = changes;
    return d->meter.alarms.push & ~d->push.idle;
}

void push_collect(struct device *d)
{
    struct meter *m = &d->meter;
    if (!meter_is_ready(m) || !(alarms_wait(d) || m->pushes.ordered)) return;
    if (alarms_wait(d)) collect_alarms(d);
    uint8_t ordered = push_take(m);
    for (unsigned n = 0; n < PUSHES; n++) {
        if (!(ordered >> n & 1)) continue;
        if (is_under_way(&d->push, n))
            (void)push_order(m, n);
        else
            order(d, n, 0);
    }
}

void push_power_up(struct device *d)
{
    struct meter *m = &d->meter;
    (void)push_order(m, PUSH_CONNECTIVITY);
    if (!m->pushes.registered) (void)push_order(m, PUSH_INSTALLATION);
    push_collect(d);
}

/* -- the end of a try ---------------------------------------------------------------------- */

static void let_go(struct device *d)
{
    struct push *p = &d->push;
    struct dlms_link *l = p->link;
    p->phase = REST;
    p->link = NULL;
    if (!l) return;
    if (l->kind == DLMS_TCP)
        dlms_hang_up(&d->server, l);
    else
        dlms_notice_over(&d->server, l, p->client_sap);
    d->server_due = mono_min(d->server_due, d->meter.t);
}

static void drop(struct device *d, unsigned n, bool done)
{
    struct push_job *j = &d->push.job[n];
    alarm_push_end(&d->meter, j->alarms, done);
    *j = (struct push_job){ 0 };
}

static void give_up(struct device *d, unsigned n)
{
    struct event_detail detail = { .what = (uint16_t)n };
    event_post(&d->meter, EV_PUSH_FAILED, NULL, &detail);
    drop(d, n, true);
}

static void try_again(struct device *d, unsigned n, const struct push_setup *s)
{
    struct push_job *j = &d->push.job[n];
    bool for_ever = n == PUSH_INSTALLATION;
    j->repeat = true;
    if (j->tries < UINT8_MAX) j->tries++;
    if (j->tries == s->retries + 1u && for_ever) {
        struct event_detail detail = { .what = (uint16_t)n };
        event_post(&d->meter, EV_PUSH_FAILED, NULL, &detail);
    }
    if (j->tries > s->retries && !for_ever) {
        give_up(d, n);
        return;
    }
    uint32_t delay = j->tries > s->retries ? s->delay_max_s : push_delay_s(s, j->tries);
    j->due = after_s(d->meter.t, delay ? delay : 1);
}

static void ended(struct device *d, enum fate f)
{
    struct push *p = &d->push;
    unsigned n = p->active;
    struct push_setup s;
    uint8_t octets[PUSH_SETUP];
    let_go(d);
    load(d, n, &s, octets);
    if (f == HOPELESS)
        give_up(d, n);
    else if (f == FAILED)
        try_again(d, n, &s);
    else
        drop(d, n, true);
    if (f == CONFIRMED) push_confirmed(&d->meter, n);
    if (n == PUSH_INSTALLATION && (f == CONFIRMED || (f == CARRIED && !p->confirm)))
        push_register(&d->meter, true);
    plan(p);
}

/* -- a try --------------------------------------------------------------------------------- */

/* Must the head-end confirm this one? */
static bool wants_confirmation(struct device *d, unsigned n, const struct push_setup *s)
{
    struct meter *m = &d->meter;
    utc_t from = { 0 };
    if (s->operation != PUSH_CONFIRMED || s->message == PUSH_EVENT) return false;
    if (moment_get(m, s->confirm_from, &from) == 0 && m->utc.s < from.s) return false;
    return m->utc.s - (int64_t)m->pushes.confirmed[n] >= (int64_t)s->confirm_every_s;
}

static int notify(struct device *d, const struct push_setup *s)
{
    struct push *p = &d->push;
    struct push_job *j = &p->job[p->active];
    bool event = s->message == PUSH_EVENT;
    struct dlms_notice n = {
        .assoc = ROLE_PUSH,
        .client_sap = s->client_sap,
        .event = event,
        .confirmed = p->confirm,
        .repeat = j->repeat && j->invoke,
        .invoke = j->invoke,
        .dated = true,
        .plain = s->plain,
        .more = s->guard,
        .titled = true,
        .general = s->general,
        .tid_n = s->tid_n,
        .parts = event ? 2 : (uint16_t)(1 + push_entries(d, p->active)),
        .part = event ? push_event_part : push_part,
        .ctx = &p->active,
    };
    memcpy(n.tid, s->tid, sizeof n.tid);
    memcpy(n.recipient, s->recipient, sizeof n.recipient);
    p->role = s->role;
    int err = dlms_notify(&d->server, p->link, &n, d->meter.t);
    if (err == 0) j->invoke = dlms_notice_id(p->link);
    return err;
}

/* The link is up: compose and send. */
static void speak(struct device *d, const struct push_setup *s)
{
    struct push *p = &d->push;
    p->client_sap = s->client_sap;
    p->confirm = wants_confirmation(d, p->active, s);
    if (notify(d, s) < 0) {
        p->until = d->meter.t;
        return;
    }
    p->phase = SEND;
    p->until = after_s(d->meter.t, SEND_S);
    d->server_due = mono_min(d->server_due, d->meter.t);
}

/* A serial line that is on carries it when nobody talks there by a data link, or by text. */
static struct dlms_link *serial_link(struct device *d, uint8_t channel)
{
    if (device_is_off(d, channel)) return NULL;
    for (struct dlms_link *l = d->server.links; l; l = l->next)
        if ((l->kind == DLMS_HDLC || l->kind == DLMS_OPTICAL) && l->channel == channel &&
            dlms_is_quiet(l))
            return l;
    return NULL;
}

static void reach(struct device *d, const struct push_setup *s)
{
    struct push *p = &d->push;
    struct push_peer to;
    p->phase = REACH;
    p->fate = DLMS_SENT_NO;
    p->until = after_s(d->meter.t, REACH_S);
    if (s->transport == PUSH_HDLC) {
        device_reached(d, serial_link(d, s->link));
    } else if (!d->cfg->dialler || push_read_peer(&to, s->host, s->host_n) < 0) {
        device_reached(d, NULL);
    } else {
        bool tcp = s->transport == PUSH_TCP;
        to.at_once = p->gasps;
        d->cfg->dialler->dial(d->cfg->dial_ctx, tcp ? DLMS_TCP : DLMS_UDP, &to);
    }
}

/* May be told at any moment: what follows from it is done in a step. */
bool device_reached(struct device *d, struct dlms_link *l)
{
    struct push *p = &d->push;
    struct push_setup s;
    uint8_t octets[PUSH_SETUP];
    if (p->phase != REACH) return false;
    load(d, p->active, &s, octets);
    p->link = l;
    if (l)
        speak(d, &s);
    else
        p->until = d->meter.t;
    plan(p);
    return l != NULL;
}

void push_lost(struct device *d, const struct dlms_link *l)
{
    struct push *p = &d->push;
    if (p->phase == REST || p->link != l) return;
    p->fate = (uint8_t)dlms_notified(l);
    p->link = NULL;
    p->until = d->meter.t;
    plan(p);
}

static void begin(struct device *d, unsigned n)
{
    struct push *p = &d->push;
    struct push_setup s;
    uint8_t octets[PUSH_SETUP];
    load(d, n, &s, octets);
    uint32_t closed = n == PUSH_POWER_DOWN ? 0 : push_closed_s(d, &s);
    if (!has_place(&s)) {
        drop(d, n, true);
    } else if (closed) {
        p->job[n].due = after_s(d->meter.t, closed);
    } else {
        p->active = (uint8_t)n;
        reach(d, &s);
    }
    plan(p);
}

/* -- steps --------------------------------------------------------------------------------- */

static void watch(struct device *d, mono_t now)
{
    struct push *p = &d->push;
    bool spoke = p->phase != REACH && p->link;
    enum dlms_sent fate = spoke ? dlms_notified(p->link) : (enum dlms_sent)p->fate;
    bool late = !mono_before(now, p->until);
    if (fate == DLMS_SENT_CONFIRMED) {
        ended(d, CONFIRMED);
    } else if (fate == DLMS_SENT_FAILED) {
        ended(d, HOPELESS);
    } else if (fate == DLMS_SENT_YES && !p->confirm) {
        ended(d, CARRIED);
    } else if (fate == DLMS_SENT_YES && p->phase == SEND && p->link) {
        p->phase = AWAIT;
        p->until = after_s(now, AWAIT_S);
    } else if (late) {
        ended(d, FAILED);
    }
    plan(p);
}

void push_step(struct device *d, mono_t now)
{
    static const uint8_t order_of[PUSHES] = { PUSH_POWER_DOWN,   PUSH_ALARM,
                                              PUSH_INSTALLATION, PUSH_CONNECTIVITY,
                                              PUSH_INTERVAL_1,   PUSH_INTERVAL_2,
                                              PUSH_INTERVAL_3,   PUSH_CONSUMER };
    struct push *p = &d->push;
    if (p->phase != REST) {
        watch(d, now);
        return;
    }
    for (unsigned i = 0; i < PUSHES; i++) {
        const struct push_job *j = &p->job[order_of[i]];
        if (!j->waiting || mono_before(now, j->due)) continue;
        begin(d, order_of[i]);
        return;
    }
    plan(p);
}

void push_reset(struct device *d, unsigned n)
{
    struct push *p = &d->push;
    if (p->phase != REST && p->active == n) let_go(d);
    if (p->job[n].waiting) drop(d, n, true);
    plan(p);
}

static void gasp(struct device *d, mono_t now)
{
    struct push *p = &d->push;
    order(d, PUSH_POWER_DOWN, 0);
    if (!p->job[PUSH_POWER_DOWN].waiting) return;
    begin(d, PUSH_POWER_DOWN);
    for (unsigned i = 0; i < GASP_STEPS && p->phase == SEND; i++) {
        (void)dlms_step(&d->server, now);
        meter_store_step(&d->meter);
        watch(d, now);
    }
    push_reset(d, PUSH_POWER_DOWN);
}

void push_gasp(struct device *d, mono_t now)
{
    struct push *p = &d->push;
    if (!param_get(&d->meter, PARAM_GASP_ENABLED)) return;
    if (p->phase != REST) { /* what is under way waits, it is not lost */
        p->job[p->active].due = now;
        let_go(d);
    }
    p->gasps = true;
    for (int32_t i = param_get(&d->meter, PARAM_GASP_COUNT); i > 0; i--) gasp(d, now);
    p->gasps = false;
}
