/* Every client x every object x every attribute and method: read, written, called. What is let
 * happen must be what the client's own object list says, and nothing else exists for it. The
 * list is taken as octets; tests/golden compares its rights with the oracle of tests/data. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "desk.h"

enum { OBJECTS = 2000, IDS = 24, FAR = 22 };
static const int64_t T0 = 1767225600 + 9 * 86400; /* 2026-01-10 */

/* -- what an object list says -------------------------------------------------------------- */
struct listed {
    uint16_t cls;
    struct obis ln;
    uint8_t version, attr[IDS], method[IDS];
    uint8_t selectors[IDS];
};

static uint8_t list_octets[DESK_VALUE];
static struct listed list[OBJECTS];

static void read_modes(struct axdr_in *in, uint8_t mode[IDS], uint8_t *selectors)
{
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    for (uint32_t i = 0; i < n; i++) {
        axdr_read_struct(in, selectors ? 3 : 2);
        int8_t id = axdr_read_i8(in);
        uint8_t m = axdr_read_enum(in);
        assert_true(!in->bad && id > 0 && id < IDS);
        assert_int_equal(mode[id], 0);
        mode[id] = m;
        if (!selectors) continue;
        if (axdr_peek(in) == AXDR_NULL) {
            axdr_read_raw(in, 1);
            continue;
        }
        for (uint32_t k = axdr_read_head(in, AXDR_ARRAY); k > 0; k--)
            selectors[id] |= (uint8_t)(1u << axdr_read_i8(in));
    }
}

/* Who never opens an association has no object that lists for it: asked of the engine. */
static size_t list_of_silent(uint8_t role)
{
    struct who who = { .assoc = role };
    struct cosem_at at = { .who = &who };
    struct span s = { 0 };
    struct axdr_out o = axdr_out(list_octets, sizeof list_octets);
    uint32_t n = cosem_list_count(&device_model, &at, -1);
    axdr_emit_head(&o, AXDR_ARRAY, n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(cosem_list_emit(&device_model, &at, i, NULL, true, &s, &o), DAR_OK);
    return o.len;
}

static unsigned read_list(struct desk *k, uint8_t role)
{
    struct desk_value v = { list_octets, sizeof list_octets };
    bool silent = role == ROLE_BROADCAST || role == ROLE_PUSH;
    memset(list, 0, sizeof list);
    if (silent)
        v.n = list_of_silent(role);
    else
        assert_int_equal(desk_get(k, role, 15, desk_ln("0-0:40.0.0"), 2, NULL, 0, &v), DAR_OK);
    struct axdr_in in = axdr_in(v.p, v.n);
    uint32_t n = axdr_read_head(&in, AXDR_ARRAY);
    assert_true(n <= OBJECTS);
    for (uint32_t i = 0; i < n; i++) {
        struct listed *l = &list[i];
        axdr_read_struct(&in, 4);
        l->cls = axdr_read_u16(&in);
        l->version = axdr_read_u8(&in);
        axdr_read_octets(&in, &l->ln, 6);
        axdr_read_struct(&in, 2);
        read_modes(&in, l->attr, l->selectors);
        read_modes(&in, l->method, NULL);
    }
    assert_true(axdr_is_done(&in));
    return n;
}

static const struct listed *listed_at(unsigned n, const struct cosem_at *at)
{
    struct obis ln = cosem_ln(at);
    for (unsigned i = 0; i < n; i++)
        if (list[i].cls == at->cls->id && !memcmp(&list[i].ln, &ln, 6)) return &list[i];
    return NULL;
}

/* -- doing it ------------------------------------------------------------------------------ */
static uint8_t value[2][DESK_VALUE];

static void say(uint8_t role, uint16_t cls, struct obis ln, char what, unsigned id,
                enum dar dar)
{
    print_message("role %u class %u %u-%u:%u.%u.%u %c%u: %u\n", role, cls, ln.a, ln.b, ln.c,
                  ln.d, ln.e, what, id, dar);
}

static bool is_refused(enum dar dar)
{
    return dar == DAR_DENIED || dar == DAR_UNDEFINED || dar == DAR_CLASS;
}

static struct desk_value got;

static void check_read(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t id,
                       bool may)
{
    struct desk_value v = { value[0], DESK_VALUE }, w = { value[1], DESK_VALUE };
    enum dar dar = desk_get(k, role, cls, ln, id, NULL, 0, &v);
    if (may ? dar != DAR_OK : !is_refused(dar)) say(role, cls, ln, 'r', id, dar);
    assert_true(may ? dar == DAR_OK : is_refused(dar));
    got = (struct desk_value){ 0 };
    if (!may) return;
    if (axdr_length(v.p, v.n) != (int)v.n) say(role, cls, ln, 'l', id, dar);
    assert_int_equal(axdr_length(v.p, v.n), v.n); /* one whole value */
    assert_int_equal(desk_get(k, role, cls, ln, id, NULL, 17, &w), DAR_OK);
    assert_int_equal(w.n, v.n);
    if (memcmp(v.p, w.p, v.n)) say(role, cls, ln, 'p', id, dar);
    assert_memory_equal(v.p, w.p, v.n);
    got = v;
}

static bool is_clock(uint16_t cls, uint8_t id)
{
    return cls == 8 && id == 2;
}

/* Calendars are renewed by writing them, whatever stood there. */
static bool is_renewed(uint16_t cls)
{
    return cls == 20 || cls == 11;
}

/* Written back as it was read: taken, and nothing changed. Where it could not be read, null is
 * refused for its type and not for want of rights. */
static void check_write(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t id,
                        bool may)
{
    static const uint8_t null[1] = { AXDR_NULL };
    const uint8_t *p = got.n ? got.p : null;
    size_t n = got.n ? got.n : 1;
    uint32_t before = (uint32_t)reg_at(&k->d.meter.now, REG_CHANGES);
    enum dar dar = desk_set(k, role, cls, ln, id, p, n, n > 200 ? 100 : 0);
    bool good = !may ? is_refused(dar) : got.n ? dar == DAR_OK : dar == DAR_TYPE;
    if (!good) say(role, cls, ln, 'w', id, dar);
    assert_true(good);
    if (!may || !got.n || is_clock(cls, id)) return;
    struct desk_value w = { value[1], DESK_VALUE };
    assert_int_equal(desk_get(k, role, cls, ln, id, NULL, 0, &w), DAR_OK);
    assert_int_equal(w.n, got.n);
    assert_memory_equal(w.p, got.p, w.n);
    if (is_renewed(cls)) return;
    if (reg_at(&k->d.meter.now, REG_CHANGES) != before) say(role, cls, ln, 'c', id, dar);
    assert_int_equal(reg_at(&k->d.meter.now, REG_CHANGES), before);
}

/* With a parameter no method takes, so that none does anything. */
static void check_call(struct desk *k, uint8_t role, uint16_t cls, struct obis ln, uint8_t id,
                       bool may)
{
    static const uint8_t odd[] = { AXDR_F32, 1, 2, 3, 4 };
    enum dar dar = desk_call(k, role, cls, ln, id, odd, sizeof odd, NULL);
    bool good = may ? !is_refused(dar) && dar != DAR_OK : is_refused(dar);
    if (!good) say(role, cls, ln, 'x', id, dar);
    assert_true(good);
}

static void check_object(struct desk *k, uint8_t role, const struct cosem_at *at, unsigned n)
{
    struct obis ln = cosem_ln(at);
    uint16_t cls = at->cls->id;
    const struct listed *l = listed_at(n, at);
    if (l) assert_int_equal(l->version, at->cls->version);
    for (uint8_t id = 1; id <= FAR; id++) {
        uint8_t mode = l ? l->attr[id] : 0;
        check_read(k, role, cls, ln, id, mode & 1);
        check_write(k, role, cls, ln, id, mode & 2);
        check_call(k, role, cls, ln, id, l && l->method[id] & 1);
    }
}

static struct desk *lived(void)
{
    struct desk *k = desk_new(T0);
    k->inputs = INPUT_METER_COVER;
    assert_int_equal(meter_feed_inputs(&k->d.meter, k->now, k->inputs), 0);
    desk_run_s(k, 26 * 3600); /* rows in every profile */
    return k;
}

static void rights_are_what_the_list_says(void **state)
{
    struct desk *k = lived();
    (void)state;
    for (uint8_t role = 0; role < ROLES; role++) {
        struct who who = { .assoc = role };
        struct cosem_at at = { .who = &who };
        unsigned n = read_list(k, role), seen = 0;
        for (uint32_t i = 0; cosem_nth(&device_model, i, &at); i++) {
            check_object(k, role, &at, n);
            seen += listed_at(n, &at) != NULL;
        }
        assert_int_equal(seen, n); /* nothing is listed that is not there */
    }
    desk_free(k);
}

/* Each instance of class 15 lists what its own client sees. */
static void lists_agree_between_instances(void **state)
{
    struct desk *k = lived();
    static uint8_t other[DESK_VALUE];
    (void)state;
    for (uint8_t role = ROLE_PUBLIC; role <= ROLE_UTILITY; role++) {
        struct desk_value own = { list_octets, sizeof list_octets },
                          by = { other, sizeof other };
        struct obis ln = { 0, 0, 40, 0, (uint8_t)(role + 1), 255 };
        assert_int_equal(desk_get(k, role, 15, desk_ln("0-0:40.0.0"), 2, NULL, 0, &own), 0);
        assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 15, ln, 2, NULL, 0, &by), 0);
        assert_int_equal(own.n, by.n);
        assert_memory_equal(own.p, by.p, own.n);
    }
    desk_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_are_what_the_list_says),
        cmocka_unit_test(lists_agree_between_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
