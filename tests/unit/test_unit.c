/* Client 96: the customer's unit reads, and does what it may, by APDUs in its sealed frames; and by
 * nothing else. Two units, other clients, replays, re-pairing, silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "dlms/acse.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"
#include "indoor.h"
#include "tools/vend/make.h"

enum { UNIT = 7001, SECOND = 7002, FAR = 22, ENERGY = 4 + 5 /* octets of its answer */ };
static const int64_t T0 = 1767225600 + 9 * 86400;
static const struct obis current = { 0, 0, 40, 0, 0, 255 }, energy = { 1, 0, 1, 8, 0, 255 };

static struct desk *k;
static struct indoor u, other;
static uint8_t octets[2][DESK_VALUE];

static int setup(void **state)
{
    (void)state;
    k = desk_new(T0);
    desk_run_s(k, 60);
    indoor_pair(k, UNIT, SECOND);
    indoor_open(&u, k, UNIT, NULL);
    indoor_open(&other, k, SECOND, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    indoor_close(&u);
    indoor_close(&other);
    assert_null(k->d.couriers);
    assert_null(k->d.server.links);
    desk_free(k);
    return 0;
}

static unsigned logged(enum event_log log, uint16_t code, struct event_row *last)
{
    struct event_span s = event_span(&k->d.meter, log);
    struct event_row row;
    unsigned n = 0;
    for (uint32_t i = s.first; i < s.next; i++) {
        if (event_read(&k->d.meter, log, i, &row) || row.code != code) continue;
        if (last) *last = row;
        n++;
    }
    return n;
}

static const char *token(uint16_t tenths)
{
    static struct made m;
    static uint32_t tid = 6400000;
    struct sts_fields f = { .v = { [STS_TID] = tid++, [STS_VALUE] = tenths } };
    make_token(&m, k->meter.decoder, 0,
               make_block(sts_form_find(0, 0, k->meter.decoder->ea), &f));
    return m.digits;
}

static int64_t credit(void)
{
    return wallet_balance(&k->d.meter, 0);
}

/* {octet-string of 20 digits} */
static enum dar enter(struct indoor *by, const char *digits)
{
    uint8_t arg[2 + 20] = { AXDR_OCTETS, 20 };
    memcpy(arg + 2, digits, 20);
    return indoor_call(by, 115, desk_ln("0-0:19.40.0"), 1, arg, sizeof arg);
}

static size_t ask_energy(uint8_t ask[INDOOR_HEAD + 1])
{
    ask[INDOOR_HEAD] = 0;
    return indoor_head(ask, XDLMS_GET_REQ, 3, energy, 2) + 1;
}

/* The octets of docs/tokens.md, made by another hand (tests/path/ciu.py). */
static uint8_t said[CIU_MOST];
static size_t said_n;

static void hear_octets(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)ctx, (void)more;
    memcpy(said, p, said_n = n);
}

static size_t much_room(void *ctx)
{
    (void)ctx;
    return COURIER_OUT;
}

static void the_frames_of_the_docs(void **state)
{
    static const uint8_t ask[] = { 0x7E, 0x00, 0x28, 0x00, 0x00, 0x1B, 0x59, 0x00, 0x00,
                                   0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x06, 0x17, 0xD7,
                                   0x32, 0xE6, 0x52, 0xD8, 0xA3, 0x57, 0x9D, 0x78, 0x3D,
                                   0x33, 0x25, 0x21, 0xA7, 0x30, 0xE3, 0x8C, 0x3E, 0xA5,
                                   0x5D, 0x2B, 0x4E, 0xF2, 0xBB, 0x2B, 0xE3 },
                         answer[] = { 0x7E, 0x00, 0x24, 0x00, 0x00, 0x1B, 0x59, 0x00,
                                      0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x86,
                                      0xDB, 0xA2, 0x42, 0xB8, 0xCC, 0xA9, 0xEF, 0xE7,
                                      0x51, 0x96, 0xE5, 0xB1, 0x0B, 0x26, 0x89, 0x89,
                                      0xE8, 0x96, 0x24, 0xFC, 0x73, 0x6C, 0x69 };
    static const struct link_ops ops = { .room = much_room, .send = hear_octets };
    struct courier line;
    (void)state;
    assert_int_equal(k->meter.serial, 1);
    device_courier_open(&k->d, &line, COURIER_CIU, (struct link_io){ &ops, NULL });
    assert_int_equal(device_feed_courier(&k->d, &line, ask, sizeof ask, k->now), sizeof ask);
    for (unsigned ms = 0; ms < 100 && !said_n; ms++) {
        desk_settle(k);
        k->now = mono_after(k->now, 1000);
    }
    assert_int_equal(said_n, sizeof answer);
    assert_memory_equal(said, answer, sizeof answer);
    device_courier_close(&k->d, &line);
}

/* -- rights -------------------------------------------------------------------------------- */

static bool is_refused(enum dar dar)
{
    return dar == DAR_DENIED || dar == DAR_UNDEFINED || dar == DAR_CLASS;
}

static void check(const struct cosem_at *row, uint8_t id, bool reads, bool calls)
{
    static const uint8_t null[] = { AXDR_NULL }, odd[] = { AXDR_F32, 1, 2, 3, 4 };
    struct obis ln = cosem_ln(row);
    uint16_t cls = row->cls->id;
    struct desk_value v = { octets[0], DESK_VALUE }, w = { octets[1], DESK_VALUE };
    enum dar dar = indoor_get(&u, cls, ln, id, &v);
    bool good = reads ? dar == DAR_OK : is_refused(dar);
    if (reads && good && cls != 15) { /* of class 15 the asker's session is shown */
        good = desk_get(k, ROLE_CIU, cls, ln, id, NULL, 0, &w) == DAR_OK && v.n == w.n &&
               !memcmp(v.p, w.p, v.n);
    }
    good = good && is_refused(indoor_set(&u, cls, ln, id, null, sizeof null));
    enum dar called = indoor_call(&u, cls, ln, id, odd, sizeof odd);
    good = good && (calls ? !is_refused(called) && called != DAR_OK : is_refused(called));
    if (!good)
        print_message("class %u %u-%u:%u.%u.%u id %u: %u %u\n", cls, ln.a, ln.b, ln.c, ln.d,
                      ln.e, id, dar, called);
    assert_true(good);
}

/* What is published (docs/access.txt) is what its frames can do: each object of the meter, each
 * attribute and method, read, written, called. */
static void rights_by_frames(void **state)
{
    struct who who = { .assoc = ROLE_CIU };
    struct cosem_at at = { .who = &who };
    unsigned objects = 0, read = 0, called = 0, n = 0;
    (void)state;
    k->inputs = INPUT_METER_COVER;
    meter_feed_inputs(&k->d.meter, k->now, k->inputs);
    desk_run_s(k, 26 * 3600);
    for (uint32_t i = 0; cosem_nth(&device_model, i, &at); i++, objects++)
        for (at.id = 1; at.id <= FAR; at.id++, n++) {
            bool reads =
                at.id <= cosem_attrs(at.cls) && cosem_rights(&device_model, &at) & CAN_READ;
            bool calls = at.id <= at.cls->n_method && cosem_method(&at) &&
                         cosem_may_call(&device_model, &at);
            assert_false(at.id <= cosem_attrs(at.cls) &&
                         cosem_rights(&device_model, &at) & CAN_WRITE);
            read += reads;
            called += calls;
            check(&at, at.id, reads, calls);
        }
    print_message("%u objects, %u attributes and methods: %u read, %u called; %u frames\n",
                  objects, n, read, called, u.answers);
    assert_true(read > 1000 && called == 6);
}

/* The object list is that of a client of its role, octet for octet, though no frame holds more than
 * a twentieth of a percent of it. */
static void the_object_list(void **state)
{
    struct desk_value v = { octets[0], DESK_VALUE }, w = { octets[1], DESK_VALUE };
    (void)state;
    assert_int_equal(indoor_get(&u, 15, current, 2, &v), DAR_OK);
    assert_int_equal(desk_get(k, ROLE_CIU, 15, current, 2, NULL, 0, &w), DAR_OK);
    assert_int_equal(v.n, w.n);
    assert_memory_equal(v.p, w.p, v.n);
    assert_int_equal(axdr_length(v.p, v.n), v.n);
    print_message("%zu octets in %u frames\n", v.n, u.answers);
    assert_true(u.answers > v.n / CIU_PAYLOAD);
}

/* Its association as class 15 shows it, to itself and to the management client. */
static void its_association(void **state)
{
    struct desk_value v = { octets[0], DESK_VALUE };
    struct obis own = { 0, 0, 40, 0, 10, 255 };
    static const uint8_t partners[] = { AXDR_STRUCTURE, 2, AXDR_I8, 96, AXDR_U16, 0, 1 };
    (void)state;
    assert_int_equal(indoor_get(&u, 15, current, 3, &v), DAR_OK);
    assert_memory_equal(v.p, partners, sizeof partners);
    v.n = DESK_VALUE;
    assert_int_equal(indoor_get(&u, 15, own, 5, &v), DAR_OK);
    assert_memory_equal(v.p, ((uint8_t[]){ AXDR_STRUCTURE, 6, AXDR_BITS, 24 }), 4);
    uint32_t conformance = (uint32_t)v.p[4] << 16 | (uint32_t)v.p[5] << 8 | v.p[6];
    assert_int_equal(conformance & XDLMS_C_GBT, 0);
    assert_true(conformance & XDLMS_C_BLOCK_GET);
    static const uint8_t sizes[] = { AXDR_U16, 0, CIU_PAYLOAD, AXDR_U16, 0, CIU_PAYLOAD };
    assert_memory_equal(v.p + 7, sizes, sizeof sizes); /* what comes, and what goes */
    v.n = DESK_VALUE;
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 15, own, 8, NULL, 0, &v), DAR_OK);
    assert_memory_equal(v.p, ((uint8_t[]){ AXDR_ENUM, 2 }), 2);
    k->now = mono_after(k->now, 31000000); /* of silence */
    desk_settle(k);
    v.n = DESK_VALUE;
    assert_int_equal(desk_get(k, ROLE_MANAGEMENT, 15, own, 8, NULL, 0, &v), DAR_OK);
    assert_memory_equal(v.p, ((uint8_t[]){ AXDR_ENUM, 0 }), 2);
    v.n = DESK_VALUE;
    assert_int_equal(indoor_get(&u, 15, own, 8, &v), DAR_OK);
    assert_memory_equal(v.p, ((uint8_t[]){ AXDR_ENUM, 2 }), 2);
}

/* 0-0:43.1.4: a count that each of the units may use next, by any client to be read. */
static void the_count_is_shown(void **state)
{
    struct desk_value v = { octets[0], DESK_VALUE };
    struct obis ln = desk_ln("0-0:43.1.4");
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct indoor *by = i % 2 ? &other : &u;
        by->counter = 100 * (i + 1);
        assert_true(indoor_ask(by, CIU_POLL, "", 0));
        v.n = DESK_VALUE;
        assert_int_equal(desk_get(k, ROLE_PUBLIC, 1, ln, 2, NULL, 0, &v), DAR_OK);
        assert_int_equal(v.p[0], AXDR_U32);
        assert_int_equal(be_get32(v.p + 1), 100 * (i + 1) + 1);
    }
    desk_cut(k, 5);
    v.n = DESK_VALUE;
    assert_int_equal(desk_get(k, ROLE_PUBLIC, 1, ln, 2, NULL, 0, &v), DAR_OK);
    assert_int_equal(be_get32(v.p + 1), 401);
}

/* -- what it does -------------------------------------------------------------------------- */

static void tokens_and_emergency_credit(void **state)
{
    static const uint8_t preset[] = { AXDR_I32, 0, 0, 7, 208 },
                         below[] = { AXDR_I32, 0, 0, 0x4E, 0x20 }, zero[] = { AXDR_I8, 0 };
    struct obis emergency = desk_ln("0-0:19.10.1");
    struct event_row row;
    struct token_row last;
    char t[24];
    (void)state;
    snprintf(t, sizeof t, "%s", token(100));
    assert_int_equal(enter(&u, t), DAR_OK);
    assert_int_equal(credit(), 10000);
    assert_int_equal(enter(&u, t), DAR_OK); /* judged, and used */
    assert_int_equal(credit(), 10000);
    struct token_span s = token_span(&k->d.meter, TOKENS_ALL);
    assert_int_equal(token_read(&k->d.meter, TOKENS_ALL, s.next - 2, &last), 0);
    assert_int_equal(last.last.result, STS_ACCEPT);
    assert_int_equal(last.last.link, LINK_CIU);
    assert_int_equal(token_read(&k->d.meter, TOKENS_ALL, s.next - 1, &last), 0);
    assert_int_equal(last.last.result, STS_USED);
    assert_int_equal(indoor_call(&u, 112, emergency, 3, zero, sizeof zero), DAR_TEMPORARY);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 112, emergency, 9, preset, sizeof preset, 0),
                     DAR_OK);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 112, emergency, 10, below, sizeof below, 0),
                     DAR_OK);
    desk_settle(k);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_EMERGENCY_ACTIVATED, NULL), 0);
    assert_int_equal(indoor_call(&u, 112, emergency, 3, zero, sizeof zero), DAR_OK);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_EMERGENCY_ACTIVATED, &row), 1);
    assert_int_equal(row.who.sap, 96);
    assert_int_equal(row.who.link, LINK_CIU);
    assert_int_equal(indoor_call(&u, 112, desk_ln("0-0:19.10.0"), 3, zero, sizeof zero),
                     DAR_DENIED);
}

/* A parameter that does not fit one frame comes in two. */
static void a_call_in_blocks(void **state)
{
    uint8_t ask[CIU_PAYLOAD] = { 0 };
    const uint8_t *p = u.heard.payload;
    (void)state;
    size_t n = indoor_head(ask, XDLMS_ACTION_REQ, 115, desk_ln("0-0:19.40.0"), 1);
    ask[1] = ACTION_FIRST;
    be_put32(ask + n + 1, 1); /* not the last, number 1 */
    ask[n + 5] = 12;
    ask[n + 6] = AXDR_OCTETS;
    ask[n + 7] = 20;
    const char *digits = token(50);
    memcpy(ask + n + 8, digits, 10);
    assert_int_equal(indoor_apdu(&u, ask, n + 18), 7);
    assert_int_equal(p[0], XDLMS_ACTION_RES);
    assert_int_equal(p[1], ACTION_RES_NEXT);
    assert_int_equal(be_get32(p + 3), 1);
    uint8_t rest[3 + 6 + 10] = { XDLMS_ACTION_REQ, ACTION_BLOCK, 0xC1, 1, 0, 0, 0, 2, 10 };
    memcpy(rest + 9, digits + 10, 10);
    assert_int_equal(credit(), 0);
    assert_int_equal(indoor_apdu(&u, rest, sizeof rest), 5);
    assert_int_equal(p[3], DAR_OK);
    assert_int_equal(credit(), 5000);
}

/* The keypad that is off enters no token this way either; wrong ones count as at the keypad. */
static void tokens_that_are_not_taken(void **state)
{
    static const uint8_t off[] = { AXDR_STRUCTURE, 2, AXDR_BOOL, 0, AXDR_U16, 0, 1 },
                         on[] = { AXDR_STRUCTURE, 2, AXDR_BOOL, 1, AXDR_U16, 0, 1 };
    struct obis setup_of = desk_ln("0-0:96.62.6");
    (void)state;
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, setup_of, 2, off, sizeof off, 0), DAR_OK);
    assert_int_equal(enter(&u, token(100)), DAR_OK);
    assert_int_equal(credit(), 0);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, setup_of, 2, on, sizeof on, 0), DAR_OK);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(enter(&u, "00000000000000000000"), DAR_OK);
    assert_true(prepay_locked_s(&k->d.meter, LINK_KEYPAD) > 0);
    assert_int_equal(prepay_locked_s(&k->d.meter, LINK_WAN), 0);
    assert_int_equal(enter(&u, token(100)), DAR_OK);
    assert_int_equal(credit(), 0);
}

/* -- what never reaches the server --------------------------------------------------------- */

static void frames_heard_twice(void **state)
{
    uint8_t good[CIU_MOST];
    (void)state;
    assert_int_equal(enter(&u, token(100)), DAR_OK);
    size_t n = u.frame_n;
    memcpy(good, u.frame, n);
    assert_false(indoor_again(&u));
    assert_int_equal(logged(LOG_FRAUD, EV_REPLAY, NULL), 1);
    static const uint8_t ask[] = { XDLMS_GET_REQ, 1, 0xC1, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0 };
    struct ciu_frame f = { UNIT, k->meter.serial, u.counter, CIU_APDU, sizeof ask, { 0 } };
    memcpy(f.payload, ask, sizeof ask);
    n = u.frame_n = ciu_put(&f, u.key, u.frame);
    memcpy(good, u.frame, n);
    for (size_t i = 0; i < n - CIU_CRC; i++) { /* any octet bent, the checksum right again */
        u.frame[i] ^= 0x41;
        be_put16(u.frame + n - CIU_CRC, crc16(u.frame, n - CIU_CRC));
        assert_false(indoor_again(&u));
        memcpy(u.frame, good, n);
        k->now = mono_after(k->now, 2000000);
    }
    assert_null(
        k->d.unit.line); /* more than 30 s have passed, and nobody spoke to the server */
    assert_int_equal(unit_floor(&k->d.meter, UNIT), u.counter);
    assert_true(indoor_again(&u)); /* whole, and its counter is still good */
    assert_int_equal(u.heard.payload[0], XDLMS_GET_RES);
    assert_false(indoor_again(&u));
    desk_cut(k, 5);
    indoor_open(&other, k, UNIT, NULL);
    memcpy(other.frame, good, other.frame_n = n);
    assert_false(indoor_again(&other)); /* nor after a cut */
    indoor_open(&u, k, UNIT, &other);
    u.counter = unit_floor(&k->d.meter, UNIT);
    assert_int_equal(indoor_apdu(&u, ask, sizeof ask), ENERGY);
}

static void strangers(void **state)
{
    uint8_t ask[INDOOR_HEAD + 1];
    struct indoor third;
    (void)state;
    indoor_open(&third, k, 7003, NULL);
    assert_int_equal(indoor_apdu(&third, ask, ask_energy(ask)), -1);
    assert_null(k->d.unit.line);
    assert_int_equal(logged(LOG_SECURITY, EV_ACCESS_DENIED, NULL), 1);
    memcpy(third.key, u.key, sizeof third.key); /* under the key of another */
    assert_int_equal(indoor_apdu(&third, ask, ask_energy(ask)), -1);
    indoor_pair(k, 7003, 0); /* forgotten */
    assert_int_equal(indoor_apdu(&u, ask, ask_energy(ask)), -1);
    assert_null(k->d.unit.line);
    indoor_close(&third);
}

/* What a server that is open from the start passes over, and what it calls unknown. */
static void strange_apdus(void **state)
{
    static const struct {
        uint8_t n, apdu[16];
        int answer; /* -1 none, 0 not now, else its first octet */
    } say[] = {
        { 0, { 0 }, 0 },
        { 2, { ACSE_AARQ, 0 }, -1 },
        { 2, { ACSE_RLRQ, 0 }, -1 },
        { 13,
          { XDLMS_GET_REQ, 1, 0x81, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0 },
          -1 }, /* unconfirmed */
        { 1, { 0xFF }, XDLMS_EXCEPTION },
        { 1, { XDLMS_GET_REQ }, XDLMS_EXCEPTION },
        { 3, { XDLMS_READ_REQ, 1, 2 }, XDLMS_EXCEPTION },
        { 8, { XDLMS_GBT, 0x80, 0, 1, 0, 0, 1, 0xC0 }, XDLMS_EXCEPTION },
        { 7, { 0xC8, 5, 0x30, 0, 0, 0, 1 }, XDLMS_EXCEPTION }, /* glo-get: no cipher inside */
        { 7, { XDLMS_DATA_NOTIFICATION, 0, 0, 0, 1, 0, 0 }, XDLMS_EXCEPTION },
    };
    uint8_t ask[INDOOR_HEAD + 1];
    (void)state;
    for (size_t i = 0; i < sizeof say / sizeof *say; i++) {
        int n = indoor_apdu(&u, say[i].apdu, say[i].n);
        assert_int_equal(n > 0 ? u.heard.payload[0] : n, say[i].answer);
        assert_int_equal(indoor_apdu(&u, ask, ask_energy(ask)), ENERGY);
    }
}

/* Without the frame client 96 is refused, whatever it calls itself. */
static size_t wan_n;
static uint8_t wan_out[256];

static size_t wan_room(void *ctx)
{
    (void)ctx;
    return sizeof wan_out - wan_n;
}

static void wan_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)ctx, (void)more;
    memcpy(wan_out + wan_n, p, n);
    wan_n += n;
}

static const struct link_ops wan_ops = { .room = wan_room, .send = wan_send };

static const uint8_t *wan_says(struct dlms_link *l, uint16_t sap, const uint8_t *apdu, size_t n)
{
    uint8_t datagram[256];
    wan_n = 0;
    wrapper_write(datagram, &(struct wrapper){ sap, DEVICE_SAP, (uint16_t)n });
    memcpy(datagram + WRAPPER_HEAD, apdu, n);
    assert_int_equal(device_feed_link(&k->d, l, datagram, WRAPPER_HEAD + n, k->now) > 0, true);
    desk_settle(k);
    return wan_n > WRAPPER_HEAD ? wan_out + WRAPPER_HEAD : NULL;
}

static void without_the_frame(void **state)
{
    static const uint8_t initiate[] = {
        0x01, 0, 0, 0, 6, 0x5F, 0x1F, 4, 0, 0, 0x7E, 0x1F, 4, 0
    };
    uint8_t aarq[128], ask[INDOOR_HEAD + 1];
    struct dlms_link tcp;
    (void)state;
    for (unsigned kind = DLMS_UDP; kind <= DLMS_TCP; kind++) {
        device_link_open(&k->d, &tcp, (enum dlms_link_kind)kind, LINK_WAN,
                         (struct link_io){ &wan_ops, NULL }, k->now);
        for (unsigned m = 0; m < MECHS * 2; m++) {
            struct acse_aarq a = {
                .version_ok = true,
                .has_context = true,
                .context = m & 1 ? CONTEXT_LN_CIPHERED : CONTEXT_LN,
                .title = { (const uint8_t *)"MGC\0\0\0\0\1", 8 },
                .authentication = m > 1,
                .has_mechanism = m > 1,
                .mechanism = (uint8_t)(m / 2),
                .auth = { m > 1 ? (const uint8_t *)"0000000100000001" : NULL, m > 1 ? 16 : 0 },
                .user = { initiate, sizeof initiate },
            };
            int n = acse_write_aarq(aarq, sizeof aarq, &a);
            assert_true(n > 0);
            const uint8_t *p = wan_says(&tcp, 96, aarq, (size_t)n);
            struct acse_aare e;
            assert_non_null(p);
            assert_int_equal(acse_read_aare(p, wan_n - WRAPPER_HEAD, &e), 0);
            assert_int_not_equal(e.result, ACSE_ACCEPTED);
            p = wan_says(&tcp, 96, ask, ask_energy(ask));
            assert_non_null(p);
            assert_int_equal(p[0], XDLMS_EXCEPTION);
        }
        device_link_close(&k->d, &tcp);
    }
}

/* -- two units, and other clients ---------------------------------------------------------- */

/* The first block of the object list; number and the rest are left to come. */
static void begin_list(struct indoor *by)
{
    uint8_t ask[INDOOR_HEAD + 1] = { 0 };
    indoor_head(ask, XDLMS_GET_REQ, 15, current, 2);
    assert_true(indoor_apdu(by, ask, sizeof ask) > 0);
    assert_int_equal(by->heard.payload[1], GET_RES_BLOCK);
    assert_int_equal(by->heard.payload[3], 0);
}

static int next_block(struct indoor *by, uint32_t number)
{
    uint8_t next[7] = { XDLMS_GET_REQ, 2, 0xC1 };
    be_put32(next + 3, number);
    return indoor_apdu(by, next, sizeof next);
}

/* On lines of their own, then on one. Between whole exchanges each has its turn; in the middle of
 * one the other is told to wait, is served by what is not the server's, and disturbs nothing. */
static void two_units(void **state)
{
    uint8_t ask[INDOOR_HEAD + 1];
    (void)state;
    for (unsigned bus = 0; bus < 2; bus++) {
        if (bus) {
            indoor_close(&other);
            uint32_t counter = other.counter;
            indoor_open(&other, k, SECOND, &u);
            other.counter = counter;
        }
        for (unsigned i = 0; i < 20; i++) {
            struct indoor *by = i % 2 ? &other : &u;
            assert_int_equal(indoor_apdu(by, ask, ask_energy(ask)), ENERGY);
            assert_int_equal(enter(by, token(10)), DAR_OK);
            assert_int_equal(credit(), (bus * 20 + i + 1) * 1000);
        }
        begin_list(&u);
        for (uint32_t i = 1; i < 60; i++) {
            assert_int_equal(indoor_apdu(&other, ask, ask_energy(ask)), 0);
            assert_true(indoor_ask(&other, CIU_POLL, "", 0));
            assert_int_equal(other.heard.n, CIU_STATE_SIZE);
            assert_true(next_block(&u, i) > 80);
            assert_int_equal(be_get32(u.heard.payload + 4), i + 1);
        }
        /* it says no more: after 30 s the other has its turn, and what was begun is over */
        k->now = mono_after(k->now, 29000000);
        assert_int_equal(indoor_apdu(&other, ask, ask_energy(ask)), 0);
        k->now = mono_after(k->now, 2000000);
        desk_settle(k);
        assert_int_equal(indoor_apdu(&other, ask, ask_energy(ask)), ENERGY);
        assert_true(next_block(&u, 60) > 0);
        assert_int_equal(u.heard.payload[0], XDLMS_GET_RES);
        assert_int_equal(u.heard.payload[8], 1); /* a result in place of data */
    }
}

/* A unit takes one session and gives it back; where there is none it is told to wait. */
static void no_session_is_free(void **state)
{
    struct dlms_link tcp[DESK_SESSIONS];
    static const uint8_t aarq[] = { 0x60, 0x1D, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85,
                                    0x74, 0x05, 0x08, 0x01, 0x01, 0xBE, 0x10, 0x04,
                                    0x0E, 0x01, 0x00, 0x00, 0x00, 0x06, 0x5F, 0x1F,
                                    0x04, 0x00, 0x00, 0x7E, 0x1F, 0x04, 0x00 };
    uint8_t ask[INDOOR_HEAD + 1];
    (void)state;
    for (unsigned i = 0; i < DESK_SESSIONS; i++) {
        device_link_open(&k->d, &tcp[i], DLMS_TCP, LINK_WAN, (struct link_io){ &wan_ops, NULL },
                         k->now);
        const uint8_t *p = wan_says(&tcp[i], 16, aarq, sizeof aarq);
        assert_non_null(p);
        assert_int_equal(p[0], ACSE_AARE);
    }
    assert_null(k->pool.free);
    assert_int_equal(indoor_apdu(&u, ask, ask_energy(ask)), 0);
    assert_true(indoor_ask(&u, CIU_POLL, "", 0));
    device_link_close(&k->d, &tcp[0]);
    assert_int_equal(indoor_apdu(&u, ask, ask_energy(ask)), ENERGY);
    assert_int_equal(indoor_apdu(&other, ask, ask_energy(ask)), ENERGY); /* the same one */
    assert_null(k->pool.free);
    k->now = mono_after(k->now, 31000000);
    desk_settle(k);
    assert_non_null(k->pool.free);
    for (unsigned i = 1; i < DESK_SESSIONS; i++) device_link_close(&k->d, &tcp[i]);
}

/* Who is paired anew, or stands on a list that is written, begins anew. */
static void paired_again(void **state)
{
    static const uint8_t list[] = {
        AXDR_ARRAY, 1, AXDR_STRUCTURE, 5, AXDR_U32,    0, 0,       0x1B, 0x59,
        AXDR_ENUM,  1, AXDR_ENUM,      0, AXDR_OCTETS, 0, AXDR_U8, 0
    };
    (void)state;
    begin_list(&u);
    assert_true(next_block(&u, 1) > 80);
    assert_true(indoor_ask(&u, CIU_PAIR, "", 0));
    assert_null(k->d.unit.line);
    assert_true(next_block(&u, 2) > 0);
    assert_int_equal(u.heard.payload[8], 1);
    begin_list(&u);
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 1, desk_ln("0-0:96.62.0"), 2, list, sizeof list, 0),
        DAR_OK);
    assert_null(k->d.unit.line);
    assert_true(next_block(&u, 1) > 0);
    assert_int_equal(u.heard.payload[8], 1);
}

/* The line that goes takes what is under way on it along. */
static void a_line_goes(void **state)
{
    uint8_t ask[INDOOR_HEAD + 1];
    (void)state;
    begin_list(&u);
    indoor_close(&u);
    assert_null(k->d.unit.line);
    assert_null(k->d.server.links);
    uint32_t counter = u.counter;
    indoor_open(&u, k, UNIT, NULL);
    u.counter = counter;
    assert_int_equal(indoor_apdu(&u, ask, ask_energy(ask)), ENERGY);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_frames_of_the_docs),
        T(rights_by_frames),
        T(the_object_list),
        T(its_association),
        T(the_count_is_shown),
        T(tokens_and_emergency_credit),
        T(a_call_in_blocks),
        T(tokens_that_are_not_taken),
        T(frames_heard_twice),
        T(strangers),
        T(strange_apdus),
        T(without_the_frame),
        T(two_units),
        T(no_session_is_free),
        T(paired_again),
        T(a_line_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
