/* Hostile parameters: every attribute that can be written, as it stands and then with each part of
 * it changed to something that may be wrong: the meter takes all of it, or none of it and says
 * why. What it refused leaves the value as it was; what it took reads back as it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "desk.h"

static const int64_t T0 = 1768028400; /* 2026-01-10T07:00:00Z */

enum { LEAVES = 24, VALUE = 1 << 15, LONG = 300 };
static uint8_t was[DESK_VALUE], wrong[VALUE + LONG + 8], now_is[VALUE];
static size_t was_n;
static unsigned taken, refused, failures;

/* -- the parts of a value: where they begin, how many octets they are ---------------------- */

struct piece {
    size_t at, n; /* of the tag; with head and contents */
    uint8_t tag;
};
static struct piece part[4096];
static unsigned parts;

static size_t length_of(const uint8_t *p, size_t *v)
{
    if (p[0] < 0x80) {
        *v = p[0];
        return 1;
    }
    *v = 0;
    for (unsigned i = 1; i <= (p[0] & 0x7Fu); i++) *v = *v << 8 | p[i];
    return 1u + (p[0] & 0x7Fu);
}

static size_t fixed_of(uint8_t tag)
{
    switch (tag) {
    case AXDR_BOOL:
    case AXDR_ENUM:
    case AXDR_U8:
    case AXDR_I8:
        return 1;
    case AXDR_U16:
    case AXDR_I16:
        return 2;
    case AXDR_U32:
    case AXDR_I32:
        return 4;
    case AXDR_U64:
    case AXDR_I64:
        return 8;
    default:
        return 0;
    }
}

/* Adds the part at `at` and all inside it; where it ends. */
static size_t split(const uint8_t *p, size_t at)
{
    size_t v = 0, head, own = parts;
    uint8_t tag = p[at];
    assert_true(parts < sizeof part / sizeof *part);
    part[parts++] = (struct piece){ .at = at, .tag = tag };
    size_t end = at + 1 + fixed_of(tag);
    if (tag == AXDR_ARRAY || tag == AXDR_STRUCTURE) {
        head = length_of(p + at + 1, &v);
        end = at + 1 + head;
        for (size_t i = 0; i < v; i++) end = split(p, end);
    } else if (tag == AXDR_OCTETS || tag == AXDR_BITS || tag == AXDR_UTF8 ||
               tag == AXDR_VISIBLE) {
        head = length_of(p + at + 1, &v);
        end = at + 1 + head + (tag == AXDR_BITS ? (v + 7) / 8 : v);
    }
    part[own].n = end - at;
    return end;
}

/* -- one try ------------------------------------------------------------------------------- */

struct target {
    struct desk *k;
    struct obis ln;
    uint16_t cls;
    uint8_t role, id;
};

static size_t look(const struct target *t, uint8_t *dst)
{
    struct desk_value v = { dst, VALUE };
    assert_int_equal(desk_get(t->k, t->role, t->cls, t->ln, t->id, NULL, 0, &v), DAR_OK);
    memmove(dst, v.p, v.n);
    return v.n;
}

static void explain(const struct target *t, const char *what, const struct piece *p,
                    enum dar dar)
{
    print_message("class %u %u-%u:%u.%u.%u attribute %u, part at %u of type %u: %s, %d\n",
                  t->cls, t->ln.a, t->ln.b, t->ln.c, t->ln.d, t->ln.e, t->id, (unsigned)p->at,
                  p->tag, what, (int)dar);
}

/* A store at work takes it a little later. */
static enum dar set(const struct target *t, const uint8_t *p, size_t n)
{
    enum dar dar = DAR_TEMPORARY;
    for (unsigned i = 0; i < 5 && dar == DAR_TEMPORARY; i++) {
        if (i) desk_run_s(t->k, 1);
        dar = desk_set(t->k, t->role, t->cls, t->ln, t->id, p, n, n > 400 ? 300 : 0);
    }
    if (t->cls == 41 || t->cls == 42) desk_run_s(t->k, 2); /* once the answer is out */
    return dar;
}

/* Words of alarms take zeros as orders; a clock runs on; of the installation push a client writes
 * only whether it is registered. */
static bool is_order(const struct target *t)
{
    if (t->cls == 1 && t->ln.c == 96 && t->ln.d == 64 && t->ln.e == 2) return true;
    return (t->cls == 8 && t->id == 2) || (t->cls == 1 && t->ln.c == 97);
}

/* What may be said in more than one way reads back in one: script 0 of any table, a moment
 * without a date; prices at another scale. Of the network a port shows what it made of it: here
 * nothing. */
static bool is_none(const struct target *t, const struct piece *p)
{
    bool script = (t->cls == 21 || t->cls == 71) && p->tag == AXDR_OCTETS;
    if (t->cls == 113 && t->id == 6) return p->at == 6;
    if (t->cls == 41 || t->cls == 42) return true;
    return script || (p->tag == AXDR_OCTETS && p->n == 14 && wrong[p->at + 2] == 0xFF);
}

static void check(const struct target *t, const struct piece *p, size_t n)
{
    enum dar dar = set(t, wrong, n);
    size_t is_n = look(t, now_is);
    bool old = is_n == was_n && !memcmp(now_is, was, was_n);
    bool as_written = (is_n == n && !memcmp(now_is, wrong, n)) || (old && is_none(t, p));
    if (is_order(t)) return;
    if (dar != DAR_OK) {
        bool good = dar == DAR_TYPE || dar == DAR_OTHER || dar == DAR_DENIED;
        refused++;
        if (!old || !good) explain(t, "refused, and yet changed or for no reason", p, dar);
        failures += !(old && good);
        return;
    }
    taken++;
    if (!as_written) explain(t, "taken, and reads back as something else", p, dar);
    failures += !as_written;
    if (old) return;
    dar = set(t, was, was_n);
    if (dar != DAR_OK) explain(t, "the old one is not taken back", p, dar);
    failures += dar != DAR_OK;
}

/* -- what may be wrong --------------------------------------------------------------------- */

static void put_all(size_t at, size_t n, uint8_t first, uint8_t rest)
{
    memcpy(wrong, was, was_n);
    memset(wrong + at, rest, n);
    if (n) wrong[at] = first;
}

static void try_number(const struct target *t, const struct piece *p)
{
    static const uint8_t pattern[][2] = {
        { 0, 0 }, { 0xFF, 0xFF }, { 0x7F, 0xFF }, { 0x80, 0 }
    };
    for (unsigned i = 0; i < 4; i++) {
        put_all(p->at + 1, p->n - 1, pattern[i][0], pattern[i][1]);
        if (p->tag == AXDR_BOOL && pattern[i][0] > 1) continue; /* any is true */
        if (t->cls == 42 && !pattern[i][0]) continue;           /* 0: as the port has it */
        check(t, p, was_n);
    }
}

/* Another type of the same length; one element more than there is. */
static void try_shape(const struct target *t, const struct piece *p)
{
    memcpy(wrong, was, was_n);
    wrong[p->at] = p->tag == AXDR_U8 ? AXDR_I8 : AXDR_F32;
    check(t, p, was_n);
    if (p->tag != AXDR_ARRAY && p->tag != AXDR_STRUCTURE) return;
    memcpy(wrong, was, was_n);
    if (wrong[p->at + 1] < 0x7F) {
        wrong[p->at + 1]++;
        check(t, p, was_n);
    }
    if (was_n < 400) check(t, p, p->at + 2); /* cut off in the middle, or made empty */
}

/* Octets: all FF, all 0, none, very many. */
static void try_octets(const struct target *t, const struct piece *p)
{
    size_t n, head = length_of(was + p->at + 1, &n), rest = was_n - p->at - p->n;
    put_all(p->at + 1 + head, p->n - 1 - head, 0xFF, 0xFF);
    if (p->tag == AXDR_BITS && n % 8) wrong[p->at + p->n - 1] &= (uint8_t)(0xFF00u >> n % 8);
    check(t, p, was_n);
    put_all(p->at + 1 + head, p->n - 1 - head, 0, 0);
    check(t, p, was_n);
    static const uint16_t other[] = { 0, LONG };
    for (unsigned i = 0; i < 2; i++) {
        size_t bits = p->tag == AXDR_BITS ? 8u : 1u, at = p->at;
        memcpy(wrong, was, was_n);
        wrong[at + 1] = 0x82;
        wrong[at + 2] = (uint8_t)(other[i] * bits >> 8);
        wrong[at + 3] = (uint8_t)(other[i] * bits);
        if (!other[i]) wrong[at + 1] = 0;
        size_t body = at + (other[i] ? 4 : 2);
        memset(wrong + body, 'x', other[i]);
        memcpy(wrong + body + other[i], was + p->at + p->n, rest);
        check(t, p, body + other[i] + rest);
    }
}

static void try_part(const struct target *t, const struct piece *p)
{
    bool octets = p->tag == AXDR_OCTETS || p->tag == AXDR_BITS || p->tag == AXDR_UTF8 ||
                  p->tag == AXDR_VISIBLE;
    if (fixed_of(p->tag)) try_number(t, p);
    if (octets) try_octets(t, p);
    try_shape(t, p);
}

/* A policy of security only grows: test_model_objects. A network that had no such address keeps
 * the one it was given until power-up. */
static bool is_one_way(const struct target *t)
{
    static const uint8_t none[5] = { AXDR_U32 };
    return t->cls == 64 || (t->cls == 42 && was_n == 5 && !memcmp(was, none, 5));
}

static void try_attribute(const struct target *t)
{
    struct desk_value v = { was, sizeof was };
    if (desk_get(t->k, t->role, t->cls, t->ln, t->id, NULL, 0, &v) != DAR_OK) return;
    if (v.n > VALUE / 2) return;
    memmove(was, v.p, v.n);
    was_n = v.n;
    if (is_one_way(t)) return;
    if (set(t, was, was_n) != DAR_OK) return; /* not for this client */
    parts = 0;
    assert_int_equal(split(was, 0), was_n);
    unsigned each = parts / LEAVES + 1;
    for (unsigned i = 0; i < parts; i += each) try_part(t, &part[i]);
}

static void what_is_wrong_is_refused_whole(void **state)
{
    (void)state;
    for (uint8_t role = ROLE_SUPERVISOR; role <= ROLE_MANAGEMENT; role++) {
        struct who who = { .assoc = role };
        struct cosem_at at = { .who = &who };
        struct desk *k = desk_new(T0);
        desk_run_s(k, 3600);
        for (uint32_t i = 0; cosem_nth(&device_model, i, &at); i++)
            for (uint8_t id = 2; id <= 12; id++) {
                struct target t = { k, cosem_ln(&at), at.cls->id, role, id };
                try_attribute(&t);
            }
        desk_free(k);
    }
    print_message("%u tries taken whole, %u refused whole\n", taken, refused);
    assert_int_equal(failures, 0);
    assert_true(taken > 500 && refused > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_wrong_is_refused_whole) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
