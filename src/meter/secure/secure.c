#include "meter/secure/secure.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "crypto/kw.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "store/keys.h"

enum {
    ROOT = 16,
    PASSWORD_BOX = 32, /* what is no key is boxed with its length to a size kw takes */
    EMPTIED = 1        /* what an emptied slot holds is no wrap, but one octet */
};

static bool is_boxed(enum secure_slot slot)
{
    return (slot >= SECURE_PASSWORD_1 && slot <= SECURE_DECODER) || slot == SECURE_SMS_PIN;
}

/* Octets in the box of a slot, as they are wrapped. */
static size_t box_size(enum secure_slot slot)
{
    if (is_boxed(slot)) return PASSWORD_BOX;
    return slot < SECURE_PASSWORD_1 ? SECURE_KEY : SECURE_SCALAR;
}

/* -- keys -------------------------------------------------------------------------------------
 */
static int open_box(struct meter *m, const uint8_t *wrapped, size_t n, uint8_t *box)
{
    uint8_t root[ROOT];
    int err = m->io->root_key(m->io->ctx, root);
    if (!err) err = kw_unwrap(box, root, sizeof root, wrapped, n);
    wipe(root, sizeof root);
    return err;
}

int secure_key_get(struct meter *m, enum secure_slot slot, uint8_t *dst, size_t cap)
{
    uint8_t wrapped[KEYS_WRAP_MAX], box[PASSWORD_BOX] = { 0 };
    int n = keys_read(&m->store, (uint16_t)slot, wrapped);
    if (n < 0) return n;
    if (n == EMPTIED) return E_NONE;
    size_t want = box_size(slot);
    int err = (size_t)n == want + KW_EXTRA ? open_box(m, wrapped, (size_t)n, box) : E_FORMAT;
    size_t len = is_boxed(slot) ? box[0] : want;
    const uint8_t *from = is_boxed(slot) ? box + 1 : box;
    if (!err && is_boxed(slot) && len > SECURE_PASSWORD_MAX) err = E_FORMAT;
    if (!err && len > cap) err = E_SPACE;
    if (!err) memcpy(dst, from, len);
    wipe(box, sizeof box);
    return err ? err : (int)len;
}

bool secure_has_key(struct meter *m, enum secure_slot slot)
{
    uint8_t wrapped[KEYS_WRAP_MAX];
    return keys_read(&m->store, (uint16_t)slot, wrapped) > EMPTIED;
}

int secure_key_wrap(struct meter *m, struct secure_key *k)
{
    uint8_t root[ROOT], box[PASSWORD_BOX] = { 0 };
    size_t n = box_size(k->slot);
    if (k->is_wrapped) return 0;
    bool empties = k->length == 0 && k->slot >= SECURE_SIGN;
    bool fits =
        is_boxed(k->slot) ? k->length > 0 && k->length <= SECURE_PASSWORD_MAX : k->length == n;
    if (!fits && !empties) return E_RANGE;
    int err = empties ? 0 : m->io->root_key(m->io->ctx, root);
    box[0] = k->length;
    memcpy(is_boxed(k->slot) ? box + 1 : box, k->octets, k->length);
    k->octets[0] = 0;
    if (!err && !empties) kw_wrap(k->octets, root, sizeof root, box, n);
    k->length = empties ? EMPTIED : (uint8_t)(n + KW_EXTRA);
    k->is_wrapped = !err;
    wipe(root, sizeof root);
    wipe(box, sizeof box);
    return err;
}

/* What floors are once the keys are new: nothing has been taken under them. */
static void put_fresh_floors(struct meter *m)
{
    uint8_t body[SECURE_RECORD];
    struct secure fresh = m->secure;
    memset(fresh.floor, 0, sizeof fresh.floor);
    secure_put(&fresh, body);
    change_put(m, HOT_SECURE, body, sizeof body);
}

static enum event event_of(enum secure_slot slot)
{
    if (slot == SECURE_DECODER) return EV_KEY_CHANGED;
    if (slot == SECURE_SMS_PIN) return EV_CHANGED_COMM;
    return is_boxed(slot) ? (enum event)(EV_PASSWORD_1_CHANGED + slot - SECURE_PASSWORD_1)
                          : EV_KEYS_CHANGED;
}

/* The certificate into the open change, and its digests into the row that tells of it. */
static int put_cert(struct meter *m, const struct secure_cert *cert, struct audit_change *c)
{
    c->param = cert->param;
    memcpy(c->old_digest, cert->old_digest, sizeof c->old_digest);
    memcpy(c->new_digest, cert->new_digest, sizeof c->new_digest);
    return txn_put_param(&m->store, cert->param, cert->octets, cert->n);
}

/* Keys, certificate, and what tells of them. E_SPACE: worn sectors left too little room. */
static int put_all(struct meter *m, const struct who *who, const struct secure_key *key,
                   unsigned n, const struct secure_cert *cert)
{
    struct audit_change change[SECURE_SLOTS + 1] = { 0 };
    bool restart = false;
    for (unsigned i = 0; i < n; i++) {
        int err = txn_put_key(&m->store, (uint16_t)key[i].slot, key[i].octets, key[i].length);
        if (err < 0) return err;
        change[i].param = (uint16_t)(AUDIT_SECRET + key[i].slot);
        struct event_detail pin = { .what = change[i].param };
        change_event(m, event_of(key[i].slot), who,
                     key[i].slot == SECURE_SMS_PIN ? &pin : NULL);
        restart |= key[i].slot <= SECURE_BROADCAST && !key[i].is_same;
    }
    if (cert) {
        int err = put_cert(m, cert, &change[n]);
        if (err < 0) return err;
        change_event(m, cert->n ? EV_CERTIFICATE_IMPORTED : EV_CERTIFICATE_REMOVED, who, NULL);
    }
    audit_put(m, who, change, n + (cert != NULL));
    if (restart) put_fresh_floors(m);
    return 0;
}

int secure_keys_set(struct meter *m, const struct who *who, struct secure_key *key, unsigned n,
                    const struct secure_cert *cert)
{
    unsigned slots = 0;
    int err = 0;
    if (n + (cert != NULL) == 0 || n > SECURE_SLOTS) return E_RANGE;
    for (unsigned i = 0; i < n; i++) {
        if (slots >> key[i].slot & 1) return E_RANGE; /* which of the two? */
        slots |= 1u << key[i].slot;
    }
    for (unsigned i = 0; i < n && !err; i++) err = secure_key_wrap(m, &key[i]);
    if (!err) err = change_begin(m);
    if (err) return err;
    err = put_all(m, who, key, n, cert);
    if (err < 0) {
        change_cancel(m);
        return err;
    }
    /* The sending counters go on: a key that was in use before may come back, and a number
     * under it must not. */
    return change_commit(m);
}

int secure_setup_set(struct meter *m, const struct who *who, uint16_t param, uint8_t value)
{
    if (param_get(m, param) == value) return 0;
    int err = param_begin_scalar(m, who, param, value);
    if (err < 0) return err;
    change_event(m, param == PARAM_SECURITY_SUITE ? EV_SUITE_CHANGED : EV_POLICY_STRENGTHENED,
                 who, NULL);
    return change_commit(m);
}

/* -- counters ---------------------------------------------------------------------------------
 */
int secure_counter_take(struct meter *m, enum secure_slot slot, uint32_t *ic)
{
    ensure(slot <= SECURE_BROADCAST);
    return counters_take(&m->store, slot, ic);
}

uint32_t secure_floor_get(const struct meter *m, unsigned client)
{
    ensure(client < SECURE_FLOORS);
    return m->secure.floor[client];
}

void secure_floor_raise(struct meter *m, unsigned client, uint32_t floor)
{
    ensure(client < SECURE_FLOORS);
    if (floor <= m->secure.floor[client]) return;
    m->secure.floor[client] = floor;
    m->secure.is_dirty = true;
}

uint64_t secure_spent_get(const struct meter *m, unsigned client)
{
    ensure(client < SECURE_FLOORS);
    return m->secure.spent[client];
}

void secure_spend(struct meter *m, unsigned client, uint64_t floor)
{
    ensure(client < SECURE_FLOORS);
    if (floor <= m->secure.spent[client]) return;
    m->secure.spent[client] = floor;
    m->secure.is_spent = true;
}

void secure_settle(struct meter *m)
{
    if (m->secure.is_dirty) hot_put(m, HOT_SECURE, 0);
    if (m->secure.is_spent) hot_put(m, HOT_SPENT, 0);
    m->secure.is_dirty = m->secure.is_spent = false;
}

void secure_join(struct meter *m)
{
    uint8_t body[SECURE_RECORD], spent[SPENT_RECORD];
    if (m->secure.is_dirty) {
        secure_put(&m->secure, body);
        change_put(m, HOT_SECURE, body, sizeof body);
    }
    if (m->secure.is_spent) {
        spent_put(&m->secure, spent);
        change_put(m, HOT_SPENT, spent, sizeof spent);
    }
}

/* -- the factory --------------------------------------------------------------------------- */

bool secure_is_factory(const struct meter *m)
{
    return m->io->jumper && m->io->jumper(m->io->ctx) &&
           m->inputs.settled & INPUT_METER_COVER && !param_get(m, PARAM_COMMISSIONING);
}

/* -- lock-outs --------------------------------------------------------------------------------
 */
static uint32_t guard(const struct meter *m, unsigned port, unsigned which)
{
    return (uint32_t)param_get(m, (uint16_t)(PARAM_GUARD_1_MODE + port * GUARDS + which));
}

static uint32_t lock_duration_s(const struct meter *m, unsigned port, uint16_t failed)
{
    uint64_t s = guard(m, port, GUARD_FIRST_S);
    uint32_t longest = guard(m, port, GUARD_LONGEST_S);
    for (unsigned i = guard(m, port, GUARD_ATTEMPTS); i < failed && s && s < longest; i++) {
        s *= guard(m, port, GUARD_STEEPNESS);
        if (guard(m, port, GUARD_STEEPNESS) == 1) break;
    }
    return s < longest ? (uint32_t)s : longest;
}

/* A clock that jumped back cannot make a lock-out longer than it was. */
bool secure_is_locked(struct meter *m, unsigned port)
{
    struct secure_lock *l = &m->secure.lock[port];
    int64_t now = meter_utc(m).s, left = (int64_t)l->until_s - now;
    uint32_t mode = guard(m, port, GUARD_MODE);
    if (mode != SECURE_PORT_GUARDED) return mode == SECURE_PORT_LOCKED;
    if (l->until_s == 0 || left <= 0) return false;
    uint32_t longest = lock_duration_s(m, port, l->failed);
    if (left > longest) l->until_s = (uint32_t)(now + longest);
    return true;
}

bool secure_attempt(struct meter *m, unsigned port, unsigned client, bool failed)
{
    struct secure_lock *l = &m->secure.lock[port];
    uint16_t was = l->failing, bit = (uint16_t)(1u << client);
    l->failing = (uint16_t)(failed ? was | bit : was & ~bit);
    if (!failed && (l->failed == 0 || l->failing)) {
        m->secure.is_dirty |= l->failing != was;
        return false;
    }
    m->secure.is_dirty = true;
    if (!failed) {
        l->failed = 0;
        l->until_s = 0;
        return false;
    }
    if (l->failed < UINT16_MAX) l->failed++;
    if (l->total < UINT32_MAX) l->total++;
    if (guard(m, port, GUARD_MODE) != SECURE_PORT_GUARDED) return false;
    if (l->failed < guard(m, port, GUARD_ATTEMPTS)) return false;
    l->until_s = (uint32_t)meter_utc(m).s + lock_duration_s(m, port, l->failed);
    secure_plan(m);
    return true;
}

void secure_plan(struct meter *m)
{
    utc_t first = { INT64_MAX };
    for (unsigned i = 0; i < SECURE_PORTS; i++) {
        uint32_t until_s = m->secure.lock[i].until_s;
        if (until_s && until_s < first.s) first.s = until_s;
    }
    if (first.s == INT64_MAX)
        timer_stop(m, TIMER_PORT);
    else
        timer_set_utc(m, TIMER_PORT, first);
}

/* The attempts that failed stay counted: the next one that does locks for longer. */
void secure_port_due(struct meter *m, utc_t due)
{
    for (unsigned i = 0; i < SECURE_PORTS; i++) {
        struct secure_lock *l = &m->secure.lock[i];
        struct event_detail d = { .what = (uint16_t)i };
        if (!l->until_s || l->until_s > due.s) continue;
        l->until_s = 0;
        m->secure.is_dirty = true;
        event_post(m, EV_PORT_UNLOCKED, NULL, &d);
    }
    secure_settle(m);
    secure_plan(m);
}

bool secure_reset(struct meter *m, unsigned port)
{
    struct secure_lock *l = &m->secure.lock[port];
    bool was = l->until_s > meter_utc(m).s;
    if (l->failed == 0 && l->until_s == 0) return false;
    l->failed = 0;
    l->until_s = 0;
    l->failing = 0;
    m->secure.is_dirty = true;
    secure_settle(m);
    secure_plan(m);
    return was;
}

/* -- the record -------------------------------------------------------------------------------
 */
void secure_put(const struct secure *s, uint8_t body[SECURE_RECORD])
{
    for (unsigned i = 0; i < SECURE_FLOORS; i++, body += 4) le_put32(body, s->floor[i]);
    for (unsigned i = 0; i < SECURE_PORTS; i++, body += 12) {
        le_put16(body, s->lock[i].failed);
        le_put32(body + 2, s->lock[i].total);
        le_put32(body + 6, s->lock[i].until_s);
        le_put16(body + 10, s->lock[i].failing);
    }
}

void secure_take(struct secure *s, const uint8_t *body, size_t n)
{
    if (n != SECURE_RECORD) return;
    for (unsigned i = 0; i < SECURE_FLOORS; i++, body += 4) s->floor[i] = le_get32(body);
    for (unsigned i = 0; i < SECURE_PORTS; i++, body += 12) {
        s->lock[i].failed = le_get16(body);
        s->lock[i].total = le_get32(body + 2);
        s->lock[i].until_s = le_get32(body + 6);
        s->lock[i].failing = le_get16(body + 10);
    }
    s->is_dirty = false;
}

void spent_put(const struct secure *s, uint8_t body[SPENT_RECORD])
{
    for (unsigned i = 0; i < SECURE_FLOORS; i++) le_put64(body + 8 * i, s->spent[i]);
}

void spent_take(struct secure *s, const uint8_t *body, size_t n)
{
    if (n != SPENT_RECORD) return;
    for (unsigned i = 0; i < SECURE_FLOORS; i++) s->spent[i] = le_get64(body + 8 * i);
}
