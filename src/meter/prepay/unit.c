#include "meter/prepay/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/display/code.h"
#include "meter/meter.h"

enum { ENTRY = 5, RECORD = 16, HOUR_S = 3600 };

/* -- the list: {serial 4, link 1} ---------------------------------------------------------- */

void unit_list(struct meter *m, struct unit_entry e[UNIT_PLACES])
{
    uint8_t o[UNIT_PLACES * ENTRY];
    int n = param_read(m, PARAM_UNITS, o, sizeof o);
    memset(e, 0, UNIT_PLACES * sizeof *e);
    for (int i = 0; (i + 1) * ENTRY <= n; i++)
        e[i] = (struct unit_entry){ le_get32(o + i * ENTRY), o[i * ENTRY + 4] };
}

static bool is_in(const struct unit_entry e[UNIT_PLACES], uint32_t serial)
{
    for (unsigned i = 0; i < UNIT_PLACES; i++)
        if (e[i].serial == serial) return true;
    return false;
}

bool unit_is_paired(struct meter *m, uint32_t serial)
{
    struct unit_entry e[UNIT_PLACES];
    unit_list(m, e);
    return serial && is_in(e, serial);
}

static unsigned place_of(const struct units *u, uint32_t serial)
{
    unsigned i = 0;
    while (i < UNIT_PLACES && u->unit[i].serial != serial) i++;
    return i;
}

const struct unit *unit_known(const struct meter *m, uint32_t serial)
{
    unsigned i = place_of(&m->units, serial);
    return i < UNIT_PLACES ? &m->units.unit[i] : NULL;
}

uint32_t unit_floor(const struct meter *m, uint32_t serial)
{
    const struct unit *u = unit_known(m, serial);
    return u ? u->floor : 0;
}

enum unit_state unit_state(const struct meter *m, const struct unit_entry *e)
{
    const struct unit *u = unit_known(m, e->serial);
    if (!e->serial) return UNIT_UNPAIRED;
    return u && u->silent_s >= UNIT_LOST_S ? UNIT_LOST : UNIT_PAIRED;
}

/* -- changes of it ------------------------------------------------------------------------- */

static void save(const struct unit unit[UNIT_PLACES], uint8_t body[UNIT_PLACES * RECORD])
{
    for (unsigned i = 0; i < UNIT_PLACES; i++, body += RECORD) {
        le_put32(body, unit[i].serial);
        le_put32(body + 4, unit[i].floor);
        le_put32(body + 8, unit[i].heard_s);
        le_put32(body + 12, unit[i].silent_s);
    }
}

static void put_record(struct meter *m, const struct unit unit[UNIT_PLACES])
{
    uint8_t body[UNIT_PLACES * RECORD];
    save(unit, body);
    change_put(m, HOT_UNITS, body, sizeof body);
}

/* Places for those of the list: the one a unit has already, or one of nobody's on it. */
static void place(struct unit unit[UNIT_PLACES], const struct unit_entry e[UNIT_PLACES],
                  uint32_t serial)
{
    for (unsigned i = 0; i < UNIT_PLACES; i++)
        if (unit[i].serial == serial) return;
    for (unsigned i = 0; i < UNIT_PLACES; i++) {
        if (unit[i].serial && is_in(e, unit[i].serial)) continue;
        unit[i] = (struct unit){ .serial = serial };
        return;
    }
    ensure(false); /* the list is as long as the places, and this one has none */
}

static bool is_lost(const struct meter *m, const struct unit_entry e[UNIT_PLACES])
{
    for (unsigned i = 0; i < UNIT_PLACES; i++)
        if (unit_state(m, &e[i]) == UNIT_LOST) return true;
    return false;
}

static void tell(struct meter *m, const struct who *who, enum event code, uint32_t serial)
{
    struct event_detail d = { .magnitude = serial };
    change_event(m, code, who, &d);
}

/* The new list into the open change, with what it makes of the old one. A unit that comes anew
 * was never silent. */
static void put_list(struct meter *m, const struct who *who,
                     const struct unit_entry e[UNIT_PLACES], struct unit unit[UNIT_PLACES])
{
    struct unit_entry was[UNIT_PLACES];
    uint8_t o[UNIT_PLACES * ENTRY];
    size_t n = 0;
    unit_list(m, was);
    memcpy(unit, m->units.unit, sizeof m->units.unit);
    for (unsigned i = 0; i < UNIT_PLACES; i++) {
        if (was[i].serial && !is_in(e, was[i].serial))
            tell(m, who, EV_CIU_UNPAIRED, was[i].serial);
        if (!e[i].serial) continue;
        place(unit, e, e[i].serial);
        if (!is_in(was, e[i].serial)) {
            tell(m, who, EV_CIU_PAIRED, e[i].serial);
            for (unsigned k = 0; k < UNIT_PLACES; k++)
                if (unit[k].serial == e[i].serial) unit[k].silent_s = 0;
        }
        le_put32(o + n, e[i].serial);
        o[n + 4] = e[i].radio;
        n += ENTRY;
    }
    if (is_lost(m, was) && !is_lost(m, e)) change_event(m, EV_CIU_RESTORED, NULL, NULL);
    param_put_octets(m, who, PARAM_UNITS, o, n);
}

static bool is_list(const struct unit_entry *e, unsigned n)
{
    if (n > UNIT_PLACES) return false;
    for (unsigned i = 0; i < n; i++) {
        if (e[i].serial < 1 || e[i].serial > UNIT_SERIAL_MAX || e[i].radio >= UNIT_RADIOS)
            return false;
        for (unsigned k = 0; k < i; k++)
            if (e[k].serial == e[i].serial) return false;
    }
    return true;
}

int unit_set(struct meter *m, const struct who *who, const struct unit_entry *e, unsigned n)
{
    struct unit_entry list[UNIT_PLACES] = { { 0 } }, was[UNIT_PLACES];
    struct unit unit[UNIT_PLACES];
    if (!is_list(e, n)) return E_RANGE;
    for (unsigned i = 0; i < n; i++) list[i] = e[i];
    unit_list(m, was);
    bool same = true;
    for (unsigned i = 0; i < UNIT_PLACES; i++)
        same &= list[i].serial == was[i].serial && list[i].radio == was[i].radio;
    if (same) return 0;
    int err = change_begin(m);
    if (err < 0) return err;
    put_list(m, who, list, unit);
    put_record(m, unit);
    return change_commit(m);
}

void unit_put_none(struct meter *m, const struct who *who)
{
    static const struct unit_entry none[UNIT_PLACES];
    struct unit unit[UNIT_PLACES];
    put_list(m, who, none, unit);
}

/* -- pairing by a unit --------------------------------------------------------------------- */

void unit_open_window(struct meter *m)
{
    m->units.window = mono_after(m->t, UNIT_WINDOW_S * UINT64_C(1000000));
}

static bool may_pair(const struct meter *m)
{
    return m->t.us < UNIT_WINDOW_S * UINT64_C(1000000) || mono_before(m->t, m->units.window) ||
           m->inputs.settled & INPUT_BUTTON;
}

int unit_pair(struct meter *m, const struct who *who, uint32_t serial, uint32_t count)
{
    struct unit_entry e[UNIT_PLACES];
    struct unit unit[UNIT_PLACES];
    unsigned at = 0;
    unit_list(m, e);
    if (is_in(e, serial)) {
        unit_heard(m, serial, count);
        return 0;
    }
    if (!may_pair(m)) return E_DENIED;
    while (at < UNIT_PLACES && e[at].serial) at++;
    if (at == UNIT_PLACES) return E_SPACE;
    e[at] = (struct unit_entry){ .serial = serial };
    int err = change_begin(m);
    if (err < 0) return err;
    put_list(m, who, e, unit);
    for (unsigned i = 0; i < UNIT_PLACES; i++)
        if (unit[i].serial == serial)
            unit[i] = (struct unit){ serial, count + 1, (uint32_t)m->utc.s, 0 };
    put_record(m, unit);
    return change_commit(m);
}

/* -- heard, and not heard ------------------------------------------------------------------ */

/* The counts between are frames that did not come; before the first there is nothing to compare
 * with. */
static void note_frame(struct unit_link *x, uint32_t missed)
{
    bool all_new = !x->frames || missed >= UNIT_FRAMES;
    unsigned n = !x->frames ? 1 : missed >= UNIT_FRAMES ? UNIT_FRAMES : missed + 1;
    x->whole = (uint16_t)(all_new ? 1u : (uint32_t)x->whole << n | 1u);
    x->frames = (uint8_t)(x->frames + n < UNIT_FRAMES ? x->frames + n : UNIT_FRAMES);
}

void unit_tells(struct meter *m, uint32_t serial, const uint8_t version[3])
{
    unsigned at = place_of(&m->units, serial);
    if (at == UNIT_PLACES) return;
    memcpy(m->units.link[at].version, version, 3);
    m->units.link[at].tells = true;
}

unsigned unit_paired(struct meter *m)
{
    struct unit_entry e[UNIT_PLACES];
    unsigned n = 0;
    unit_list(m, e);
    for (unsigned i = 0; i < UNIT_PLACES; i++) n += e[i].serial != 0;
    return n;
}

const uint8_t *unit_version(const struct meter *m)
{
    const struct unit_link *x = &m->units.link[m->units.last];
    return x->tells ? x->version : NULL;
}

int unit_quality(const struct meter *m)
{
    const struct unit_link *x = &m->units.link[m->units.last];
    unsigned heard = 0;
    for (unsigned i = 0; i < x->frames; i++) heard += x->whole >> i & 1;
    return x->frames ? (int)(heard * 100 / x->frames) : E_NONE;
}

void unit_heard(struct meter *m, uint32_t serial, uint32_t count)
{
    struct unit_entry e[UNIT_PLACES];
    unsigned at = place_of(&m->units, serial);
    if (at == UNIT_PLACES) return;
    unit_list(m, e);
    bool was_lost = is_lost(m, e);
    note_frame(&m->units.link[at], count - m->units.unit[at].floor);
    m->units.last = (uint8_t)at;
    m->units.unit[at] = (struct unit){ serial, count + 1, (uint32_t)m->utc.s, 0 };
    hot_put(m, HOT_UNITS, 0);
    if (was_lost && !is_lost(m, e)) event_post(m, EV_CIU_RESTORED, NULL, NULL);
}

/* Another one is lost: told when it is the first. Without room for it now, in a minute. */
static bool lose(struct meter *m, const struct unit_entry e[UNIT_PLACES], unsigned at)
{
    struct unit unit[UNIT_PLACES];
    memcpy(unit, m->units.unit, sizeof unit);
    unit[at].silent_s = UNIT_LOST_S;
    if (change_begin_alone(m) < 0) return false;
    put_record(m, unit);
    if (!is_lost(m, e)) tell(m, NULL, EV_CIU_LOST, unit[at].serial);
    return change_commit(m) == 0;
}

/* -- the past: {UTC 4, quality 1, state 1} ------------------------------------------------- */

int unit_past(const struct meter *m, unsigned i, struct unit_past *p)
{
    const uint8_t *o = m->units.past[i % UNIT_PAST];
    if (i >= m->units.past_n) return E_NONE;
    *p = (struct unit_past){ le_get32(o), o[4], o[5] };
    return 0;
}

static enum unit_state state_of_all(struct meter *m)
{
    struct unit_entry e[UNIT_PLACES];
    unit_list(m, e);
    if (is_lost(m, e)) return UNIT_LOST;
    return e[0].serial ? UNIT_PAIRED : UNIT_UNPAIRED;
}

/* A row where things are not as the last one says, or it is of another hour. */
static void look_back(struct meter *m)
{
    struct units *u = &m->units;
    struct unit_past last = { .state = UNIT_UNPAIRED };
    enum unit_state state = state_of_all(m);
    uint32_t utc_s = (uint32_t)m->utc.s;
    int quality = unit_quality(m);
    if (u->past_n) (void)unit_past(m, u->past_n - 1u, &last);
    bool is_hour = state != UNIT_UNPAIRED && utc_s / HOUR_S != last.utc_s / HOUR_S;
    if (state == last.state && !is_hour) return;
    if (u->past_n == UNIT_PAST)
        memmove(u->past, u->past + 1, (--u->past_n) * sizeof u->past[0]);
    uint8_t *o = u->past[u->past_n++];
    le_put32(o, utc_s);
    o[4] = quality < 0 ? UNIT_UNHEARD : (uint8_t)quality;
    o[5] = (uint8_t)state;
    hot_put(m, HOT_PAST, 0);
}

/* The silence of a unit that is on the list no more goes on as well, and means nothing. */
static void pass(struct meter *m)
{
    struct units *u = &m->units;
    struct unit_entry e[UNIT_PLACES];
    uint32_t s = (uint32_t)((m->t.us - u->passed.us) / 1000000);
    bool is_hour = false;
    u->passed = mono_after(u->passed, s * UINT64_C(1000000));
    for (unsigned i = 0; i < UNIT_PLACES; i++) {
        struct unit *x = &u->unit[i];
        uint32_t was_s = x->silent_s, is_s = was_s + s;
        if (!x->serial || was_s >= UNIT_LOST_S) continue;
        if (is_s >= UNIT_LOST_S) {
            unit_list(m, e);
            if (is_in(e, x->serial) && lose(m, e, i)) return;
            is_s = UNIT_LOST_S - 1;
        }
        x->silent_s = is_s;
        is_hour |= is_s / HOUR_S != was_s / HOUR_S;
    }
    if (is_hour) hot_put(m, HOT_UNITS, 0);
}

void unit_minute(struct meter *m)
{
    pass(m);
    look_back(m);
}

/* -- what they turn through ---------------------------------------------------------------- */

unsigned unit_codes(struct meter *m, uint16_t code[UNIT_CODES])
{
    uint8_t o[UNIT_CODES * 2];
    int n = param_read(m, PARAM_UNIT_DISPLAY, o, sizeof o) / 2;
    for (int i = 0; i < n; i++) code[i] = le_get16(o + i * 2);
    return n > 0 ? (unsigned)n : 0;
}

int unit_set_codes(struct meter *m, const struct who *who, const uint16_t *code, unsigned n)
{
    uint8_t o[UNIT_CODES * 2];
    struct short_code x;
    if (n > UNIT_CODES) return E_RANGE;
    for (unsigned i = 0; i < n; i++) {
        int err = code_find(m, code[i], &x);
        if (err < 0) return err == E_NONE ? E_RANGE : err;
        le_put16(o + i * 2, code[i]);
    }
    return param_write(m, who, PARAM_UNIT_DISPLAY, o, n * 2);
}

/* -- records ------------------------------------------------------------------------------- */

int units_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    save(m->units.unit, body);
    return UNIT_PLACES * RECORD;
}

void units_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != UNIT_PLACES * RECORD) return;
    for (unsigned i = 0; i < UNIT_PLACES; i++, body += RECORD) {
        if (le_get32(body) != m->units.unit[i].serial)
            m->units.link[i] = (struct unit_link){ .frames = 0 };
        m->units.unit[i] = (struct unit){ le_get32(body), le_get32(body + 4),
                                          le_get32(body + 8), le_get32(body + 12) };
    }
}

int past_put(const struct meter *m, unsigned k, uint8_t *body)
{
    size_t n = m->units.past_n * sizeof m->units.past[0];
    (void)k;
    memcpy(body, m->units.past, n);
    return (int)n;
}

void past_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n % UNIT_PAST_SIZE || n > sizeof m->units.past) return;
    memcpy(m->units.past, body, n);
    m->units.past_n = (uint8_t)(n / UNIT_PAST_SIZE);
}
