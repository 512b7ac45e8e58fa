#include "meter/tou/single.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"

enum { HEAD = 2, SINGLE_MAX = HEAD + SINGLE_ENTRIES * SINGLE_TIME, TYPES = 5, TIME = 4 };

/* What script n of an action's table orders. */
struct order {
    uint8_t command;
    int8_t arg;
};
static const struct order supply[] = { { CMD_SUPPLY_DISCONNECT, SUPPLY_SCHEDULE },
                                       { CMD_SUPPLY_RECONNECT, SUPPLY_SCHEDULE },
                                       { CMD_SUPPLY_READY, SUPPLY_SCHEDULE } };
static const struct {
    uint16_t param, scripts;
    uint8_t stamp, n;
    const struct order *order;
} table[SINGLES] = { [SINGLE_SUPPLY] = { PARAM_SINGLE_1, PARAM_SUPPLY_SCRIPTS, STAMP_SINGLE,
                                         sizeof supply / sizeof *supply, supply } };

/* -- octets: {selector 1, type 1, moments 9 each} ------------------------------------------ */

void single_get(struct meter *m, enum single_id id, struct single_action *x)
{
    uint8_t o[SINGLE_MAX];
    int n = param_read(m, table[id].param, o, sizeof o);
    *x = (struct single_action){ .selector = 1, .type = 1 };
    if (n < HEAD || (n - HEAD) % SINGLE_TIME) return;
    x->selector = o[0];
    x->type = o[1];
    x->n = (uint8_t)((n - HEAD) / SINGLE_TIME);
    memcpy(x->when, o + HEAD, (size_t)n - HEAD);
}

static bool is_moment(const uint8_t o[SINGLE_TIME])
{
    struct when w = when_get(o + TIME);
    return o[0] < 24 && o[1] < 60 && (o[2] < 60 || o[2] == WHEN_ANY) &&
           (o[3] < 100 || o[3] == WHEN_ANY) && when_is_valid(&w);
}

static bool is_wild(const uint8_t o[SINGLE_TIME])
{
    struct when w = when_get(o + TIME);
    return w.year == WHEN_ANY_YEAR || w.month == WHEN_ANY || w.day > 31;
}

static bool is_good(enum single_id id, const struct single_action *x)
{
    bool same = x->type == 2 || x->type == 3, plain = x->type == 2 || x->type == 4;
    if (x->selector < 1 || x->selector > table[id].n || x->type < 1 || x->type > TYPES)
        return false;
    if (x->n > SINGLE_ENTRIES || (x->type == 1 && x->n > 1)) return false;
    for (unsigned i = 0; i < x->n; i++) {
        if (!is_moment(x->when[i]) || (plain && is_wild(x->when[i]))) return false;
        if (same && memcmp(x->when[i], x->when[0], TIME) != 0) return false;
    }
    return true;
}

int single_set(struct meter *m, const struct who *who, enum single_id id,
               const struct single_action *x)
{
    struct single_action was;
    uint8_t o[SINGLE_MAX] = { x->selector, x->type }, stamp[5] = { table[id].stamp };
    if (!is_good(id, x)) return E_RANGE;
    single_get(m, id, &was);
    size_t n = x->n * (size_t)SINGLE_TIME;
    bool same = was.selector == x->selector && was.type == x->type && was.n == x->n;
    if (same && !memcmp(was.when, x->when, n)) return 0;
    memcpy(o + HEAD, x->when, n);
    int err = param_begin_octets(m, who, table[id].param, o, HEAD + n);
    if (err < 0) return err;
    bool valid = clock_is_valid(&m->clock); /* else from when it is set */
    le_put32(stamp + 1, valid ? (uint32_t)m->utc.s : UINT32_MAX);
    change_put(m, HOT_STAMPS, stamp, sizeof stamp);
    return change_commit(m);
}

/* -- when ---------------------------------------------------------------------------------- */

static utc_t next_of(struct meter *m, enum single_id id)
{
    struct single_action x;
    utc_t first = { INT64_MAX }, done = { m->now.stamp[table[id].stamp] };
    if (done.s > m->utc.s) done = m->utc; /* the clock went back */
    single_get(m, id, &x);
    for (unsigned i = 0; i < x.n; i++) {
        utc_t u = zone_next_named(&m->clock.zone, x.when[i], done);
        if (u.s < first.s) first = u;
    }
    return first;
}

static void arm(struct meter *m)
{
    utc_t first = { INT64_MAX };
    for (unsigned i = 0; i < SINGLES; i++)
        if (m->single.due[i].s < first.s) first = m->single.due[i];
    if (m->single.noting) first = m->utc;
    if (clock_is_valid(&m->clock) && first.s != INT64_MAX)
        timer_set_utc(m, TIMER_SINGLE, first);
    else
        timer_stop(m, TIMER_SINGLE);
}

void single_plan(struct meter *m)
{
    for (unsigned i = 0; i < SINGLES; i++) m->single.due[i] = next_of(m, (enum single_id)i);
    arm(m);
}

static void carry_out(struct meter *m, enum single_id id)
{
    static const struct who self = { .link = LINK_SELF };
    struct single_action x;
    single_get(m, id, &x);
    unsigned script = param_script(m, table[id].scripts, x.selector);
    if (script < 1 || script > table[id].n) return;
    const struct order *o = &table[id].order[script - 1];
    command_do(m, &self, o->command, o->arg);
}

/* One action a call. That it was done is noted in a call of its own, because the store is at
 * work until then. */
void single_due(struct meter *m, utc_t due)
{
    struct single *s = &m->single;
    if (s->noting) {
        unsigned stamp = table[s->done].stamp;
        s->noting = false;
        m->now.stamp[stamp] = (uint32_t)m->utc.s;
        hot_number(m, HOT_STAMPS, stamp);
        s->due[s->done] = next_of(m, (enum single_id)s->done);
        arm(m);
        return;
    }
    for (unsigned i = 0; i < SINGLES && !s->noting; i++) {
        if (s->due[i].s > due.s) continue;
        s->done = (uint8_t)i;
        s->noting = true;
        carry_out(m, (enum single_id)i);
    }
    arm(m);
}
