/* Class 122: what is switched off is off for whoever comes by it, and comes back as it was delivered;
 * a list is taken whole or not at all, whatever it says; nobody shuts the door he came in by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "desk.h"
#include "dlms/hdlc.h"
#include "meter/display/code.h"
#include "meter/function.h"

enum { ALL = (1 << FUNCTIONS) - 1, BEFORE = ALL };
static const int64_t T0 = 1767225600 + 9 * 86400; /* 2026-01-10 */
static const char *const name[FUNCTIONS] = { "local optical",       "keypad",    "VTC", "RS485",
                                             "export registration", "prepayment" };
static struct desk *k;
static uint8_t in[512], out[512], heard[512];
static size_t heard_n;

static size_t line_room(void *ctx)
{
    (void)ctx;
    return sizeof heard;
}

static void line_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)ctx, (void)more;
    assert_true(heard_n + n <= sizeof heard);
    memcpy(heard + heard_n, p, n);
    heard_n += n;
}

static void line_speed(void *ctx, uint32_t baud, enum line_form form)
{
    (void)ctx, (void)baud, (void)form;
}

static const struct link_ops ops = { .room = line_room,
                                     .send = line_send,
                                     .set_line = line_speed };

static int setup(void **state)
{
    (void)state;
    k = desk_new(T0);
    desk_run_s(k, 60);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_free(k);
    return 0;
}

/* -- asking -------------------------------------------------------------------------------- */
/* These functions, by name, to be as `on` says. */
static size_t list(unsigned which, unsigned on)
{
    struct axdr_out o = axdr_out(in, sizeof in);
    unsigned n = 0;
    for (unsigned f = 0; f < FUNCTIONS; f++) n += which >> f & 1;
    axdr_emit_array(&o, n);
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        if (!(which >> f & 1)) continue;
        axdr_emit_struct(&o, 2);
        axdr_emit_octets(&o, name[f], strlen(name[f]));
        axdr_emit_bool(&o, on >> f & 1);
    }
    return o.len;
}

static enum dar call(uint8_t role, uint8_t method, size_t n)
{
    enum dar dar = desk_call(k, role, 122, desk_ln("0-0:44.1.0"), method, in, n, NULL);
    desk_settle(k);
    return dar;
}

static enum dar order(unsigned which, unsigned on)
{
    return call(ROLE_MANAGEMENT, 1, list(which, on));
}

static struct axdr_in read_by(uint8_t role, uint8_t attr)
{
    struct desk_value v = { out, sizeof out };
    assert_int_equal(desk_get(k, role, 122, desk_ln("0-0:44.1.0"), attr, NULL, 0, &v), DAR_OK);
    return axdr_in(v.p, v.n);
}

static void read_name(struct axdr_in *v, unsigned f)
{
    size_t n = 0;
    axdr_read_struct(v, 2);
    const uint8_t *p = axdr_read_string(v, AXDR_OCTETS, &n);
    assert_false(v->bad);
    assert_int_equal(n, strlen(name[f]));
    assert_memory_equal(p, name[f], n);
}

/* Attribute 2, as the supervisor reads it. */
static unsigned status(void)
{
    struct axdr_in v = read_by(ROLE_SUPERVISOR, 2);
    unsigned on = 0;
    assert_int_equal(axdr_read_head(&v, AXDR_ARRAY), FUNCTIONS);
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        read_name(&v, f);
        on |= (unsigned)axdr_read_bool(&v) << f;
    }
    assert_true(axdr_is_done(&v));
    return on;
}

static uint32_t audits(void)
{
    return audit_span(&k->d.meter).next;
}

/* -- is it there? -------------------------------------------------------------------------- */
static bool answers_at(uint8_t channel)
{
    struct dlms_link link;
    uint8_t snrm[16];
    const struct hdlc_frame connect = { .dst = { .len = 2, .upper = 1, .lower = 17 },
                                        .src = { .len = 1, .upper = 16 },
                                        .control = HDLC_SNRM | HDLC_PF };
    int n = hdlc_frame_write(snrm, sizeof snrm, &connect);
    bool text = channel == LINK_OPTICAL;
    heard_n = 0;
    device_link_open(&k->d, &link, text ? DLMS_OPTICAL : DLMS_HDLC, channel,
                     (struct link_io){ &ops, NULL }, k->now);
    const uint8_t *p = text ? (const uint8_t *)"/?!\r\n" : snrm;
    size_t len = text ? 5 : (size_t)n;
    assert_int_equal(device_feed_link(&k->d, &link, p, len, k->now), len);
    desk_run_s(k, 1);
    device_link_close(&k->d, &link);
    return heard_n > 0;
}

static bool carries(bool is_bus)
{
    static const char said[] = "TOKEN\r\n";
    struct courier line;
    heard_n = 0;
    device_courier_open(&k->d, &line, COURIER_VTC, (struct link_io){ &ops, NULL });
    line.is_bus = is_bus;
    size_t n = strlen(said);
    for (size_t at = 0; at < n; desk_settle(k))
        at += device_feed_courier(&k->d, &line, (const uint8_t *)said + at, n - at, k->now);
    device_courier_close(&k->d, &line);
    return heard_n > 0;
}

static bool keypad_works(void)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    struct meter *m = &k->d.meter;
    meter_at(m, k->now);
    int shown = code_type(m, &keypad, "801", 3);
    int token = prepay_enter_text(m, &keypad, 0, "00000000000000000000", 20);
    desk_settle(k);
    assert_true(shown == 0 || shown == E_DENIED);
    assert_true((token == STS_FUNCTION) == (shown == E_DENIED));
    return shown == 0;
}

/* What can be seen of each from outside. */
static unsigned seen(void)
{
    const struct meter *m = &k->d.meter;
    unsigned on = (unsigned)answers_at(LINK_OPTICAL) << FUNCTION_OPTICAL |
                  (unsigned)keypad_works() << FUNCTION_KEYPAD |
                  (unsigned)carries(false) << FUNCTION_VTC |
                  (unsigned)answers_at(LINK_RS485) << FUNCTION_RS485;
    on |= (unsigned)(param_get(m, PARAM_REGISTRATION) != REGISTRATION_IMPORT_ONLY)
          << FUNCTION_EXPORT;
    return on | (unsigned)!wallet_is_postpaid(m) << FUNCTION_PREPAYMENT;
}

/* -- what must hold ------------------------------------------------------------------------ */
static void each_is_off_and_comes_back(void **state)
{
    (void)state;
    assert_int_equal(status(), BEFORE);
    assert_int_equal(seen(), BEFORE);
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        unsigned others = BEFORE & ~(1u << f);
        uint32_t rows = audits();
        assert_int_equal(order(1u << f, 0), DAR_OK);
        assert_int_equal(status(), others);
        assert_int_equal(seen(), others);
        assert_int_equal(order(1u << f, 0), DAR_OK); /* it is already */
        assert_int_equal(audits(), rows + (f != FUNCTION_PREPAYMENT));
        desk_cut(k, 60);
        assert_int_equal(status(), others);
        assert_int_equal(seen(), others);
        assert_int_equal(order(1u << f, ALL), DAR_OK);
        assert_int_equal(status(), BEFORE);
        assert_int_equal(seen(), BEFORE);
    }
}

static void all_at_once(void **state)
{
    struct meter *m = &k->d.meter;
    uint32_t rows = audits(), sealed = m->now.counter[CNT_PROTECTED_CHANGES];
    (void)state;
    assert_int_equal(order(ALL, 0), DAR_OK);
    assert_int_equal(status(), 0);
    assert_int_equal(audits(), rows + FUNCTION_PREPAYMENT); /* the mode has an event instead */
    assert_int_equal(m->now.counter[CNT_PROTECTED_CHANGES], sealed + 1);
    assert_int_equal(seen(), 0);
    desk_cut(k, 60);
    assert_int_equal(status(), 0);
    assert_int_equal(order(ALL, ALL), DAR_OK);
    assert_int_equal(status(), ALL);
    assert_int_equal(seen(), ALL);
    assert_int_equal(order(0, 0), DAR_OK); /* an empty list */
    assert_int_equal(status(), ALL);
}

/* What else RS485 may carry is off with it; the carrier port beside it is not. */
static void rs485_is_off_whatever_it_carries(void **state)
{
    (void)state;
    assert_true(carries(true));
    assert_int_equal(order(1u << FUNCTION_RS485, 0), DAR_OK);
    assert_false(carries(true));
    assert_true(carries(false));
}

/* The switch is the parameter, whoever writes it. */
static void a_locked_port_is_a_function_that_is_off(void **state)
{
    static const uint8_t locked[] = { AXDR_ENUM, 0 }, open[] = { AXDR_ENUM, 2 };
    struct obis ln = desk_ln("0-0:44.2.0");
    (void)state;
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 124, ln, 2, locked, sizeof locked, 0),
                     DAR_OK);
    assert_int_equal(status(), ALL & ~(1u << FUNCTION_OPTICAL));
    assert_false(answers_at(LINK_OPTICAL));
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 124, ln, 2, open, sizeof open, 0), DAR_OK);
    assert_int_equal(status(), ALL);
    assert_int_equal(order(1u << FUNCTION_OPTICAL, ALL), DAR_OK); /* it is: nothing changes */
    assert_int_equal(param_get(&k->d.meter, PARAM_GUARD_1_MODE), SECURE_PORT_OPEN);
}

static void nobody_shuts_his_own_door(void **state)
{
    static const uint8_t of[] = {
        [LINK_OPTICAL] = FUNCTION_OPTICAL, [LINK_RS485] = FUNCTION_RS485
    };
    struct meter *m = &k->d.meter;
    (void)state;
    for (uint8_t link = LINK_OPTICAL; link <= LINK_RS485; link++) {
        const struct who who = { .sap = 1, .link = link, .assoc = ROLE_MANAGEMENT };
        unsigned own = 1u << of[link];
        assert_int_equal(functions_set(m, &who, ALL & ~own), E_DENIED);
        assert_int_equal(functions_set(m, &who, 0), E_DENIED); /* with others: none of them */
        assert_int_equal(functions_get(m), ALL);
        assert_int_equal(functions_set(m, &who, own), 0);
        assert_int_equal(functions_set(m, &who, own), E_BUSY); /* that is being written */
        desk_settle(k);
        assert_int_equal(functions_get(m), own);
        assert_int_equal(functions_set(m, &who, ALL), 0);
        desk_settle(k);
        assert_int_equal(functions_get(m), ALL);
    }
}

static void it_says_what_each_is_of(void **state)
{
    const struct who who = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };
    struct axdr_in v = read_by(ROLE_MANAGEMENT, 3);
    (void)state;
    assert_int_equal(axdr_read_head(&v, AXDR_ARRAY), FUNCTIONS);
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        read_name(&v, f);
        uint32_t n = axdr_read_head(&v, AXDR_ARRAY);
        assert_true(n > 0);
        for (uint32_t i = 0; i < n; i++) {
            struct cosem_at at = { .who = &who, .prot = PROT_REQ | PROT_RES };
            struct obis ln;
            axdr_read_struct(&v, 2);
            uint16_t cls = axdr_read_u16(&v);
            axdr_read_octets(&v, &ln, sizeof ln);
            assert_int_equal(cosem_find(&device_model, cls, ln, &at), DAR_OK);
        }
    }
    assert_true(axdr_is_done(&v));
}

static void refused(enum dar dar, uint32_t rows)
{
    assert_int_not_equal(dar, DAR_OK);
    assert_int_equal(functions_get(&k->d.meter), ALL);
    assert_int_equal(audits(), rows);
}

static void what_is_wrong_changes_nothing(void **state)
{
    size_t n = list(ALL, 0);
    uint32_t rows = audits();
    uint8_t good[sizeof in];
    (void)state;
    memcpy(good, in, n);
    for (uint8_t role = 0; role < ROLES; role++)
        if (role != ROLE_MANAGEMENT) refused(call(role, 1, n), rows);
    for (uint8_t method = 2; method <= 3; method++)
        refused(call(ROLE_MANAGEMENT, method, n), rows); /* not offered */
    for (size_t cut = 0; cut < n; cut++) refused(call(ROLE_MANAGEMENT, 1, cut), rows);
    in[n] = 0;
    refused(call(ROLE_MANAGEMENT, 1, n + 1), rows); /* something behind it */
    for (size_t i = 0; i + 1 < n;
         i++) { /* each octet but the last, which is one of the booleans */
        for (unsigned bit = 0; bit < 8; bit++) {
            bool is_value = i > 0 && good[i - 1] == AXDR_BOOL && good[i] == 0;
            if (is_value) continue;
            memcpy(in, good, n);
            in[i] ^= (uint8_t)(1u << bit);
            refused(call(ROLE_MANAGEMENT, 1, n), rows);
        }
    }
    memcpy(in, good, n);
    memcpy(in + n, good + 2, n - 2); /* each twice */
    in[1] = 2 * FUNCTIONS;
    refused(call(ROLE_MANAGEMENT, 1, 2 * n - 2), rows);
    memcpy(in, good, n);
    assert_int_equal(call(ROLE_MANAGEMENT, 1, n), DAR_OK); /* and without a fault it is taken */
    assert_int_equal(functions_get(&k->d.meter), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_is_off_and_comes_back),       T(all_at_once),
        T(rs485_is_off_whatever_it_carries), T(a_locked_port_is_a_function_that_is_off),
        T(nobody_shuts_his_own_door),        T(it_says_what_each_is_of),
        T(what_is_wrong_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
