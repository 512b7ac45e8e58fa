/* Tokens by the virtual token carrier, by message and by the customer's unit: what is answered,
 * what is recorded, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "desk.h"
#include "meter/display/code.h"
#include "tools/vend/make.h"

#define T0 INT64_C(1767225600)

static struct desk *k;
static uint32_t tid;
static struct courier line;
static char heard[400];
static size_t heard_n, room = 1000;

static size_t line_room(void *ctx)
{
    (void)ctx;
    return room;
}

/* What a token did stands before anybody is told. */
static void line_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)ctx, (void)more;
    assert_true(meter_is_ready(&k->d.meter));
    assert_true(heard_n + n < sizeof heard);
    memcpy(heard + heard_n, p, n);
    heard_n += n;
    heard[heard_n] = 0;
}

static uint32_t speed;

static void line_speed(void *ctx, uint32_t baud, enum line_form form)
{
    (void)ctx;
    assert_int_equal(form, LINE_8N1);
    speed = baud;
}

static const struct link_ops ops = { .room = line_room,
                                     .send = line_send,
                                     .set_line = line_speed };

static void open_line(enum courier_kind kind)
{
    device_courier_open(&k->d, &line, kind, (struct link_io){ &ops, NULL });
}

static int setup(void **state)
{
    (void)state;
    k = desk_new(T0);
    desk_run_s(k, 60);
    tid = 6400000;
    room = 1000;
    heard_n = 0;
    heard[0] = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    device_courier_close(&k->d, &line);
    assert_null(k->d.couriers);
    desk_free(k);
    return 0;
}

static void feed(const void *p, size_t n)
{
    const uint8_t *at = p;
    for (unsigned tries = 0; n; tries++) {
        size_t taken = device_feed_courier(&k->d, &line, at, n, k->now);
        at += taken;
        n -= taken;
        desk_settle(k);
        assert_true(tries < 1000);
    }
}

/* Say it; what is answered. */
static const char *said(const char *text)
{
    heard_n = 0;
    heard[0] = 0;
    feed(text, strlen(text));
    return heard;
}

static const char *token_of(const struct sts_key *key, uint16_t tenths)
{
    static struct made m;
    struct sts_fields f = { .v = { [STS_TID] = tid++, [STS_VALUE] = tenths } };
    make_token(&m, key, 0, make_block(sts_form_find(0, 0, key->ea), &f));
    return m.digits;
}

static const char *units(uint16_t tenths)
{
    return token_of(k->meter.decoder, tenths);
}

/* A token of another meter. */
static const char *stranger(void)
{
    struct sts_key other = *k->meter.decoder;
    other.key[3] ^= 0x55;
    return token_of(&other, 10);
}

static int64_t credit(void)
{
    return wallet_balance(&k->d.meter, 0);
}

static void assert_last(uint8_t link, enum token_delivery delivery)
{
    struct token_row row;
    struct token_span s = token_span(&k->d.meter, TOKENS_ALL);
    assert_int_equal(token_read(&k->d.meter, TOKENS_ALL, s.next - 1, &row), 0);
    assert_int_equal(row.last.link, link);
    assert_int_equal(prepay_delivery(row.last.link), delivery);
}

static unsigned logged(enum event_log log, uint16_t code)
{
    struct event_span s = event_span(&k->d.meter, log);
    struct event_row row;
    unsigned n = 0;
    for (uint32_t i = s.first; i < s.next; i++)
        n += event_read(&k->d.meter, log, i, &row) == 0 && row.code == code;
    return n;
}

/* -- VTC ----------------------------------------------------------------------------------- */

static void lines_of_the_carrier_port(void **state)
{
    (void)state;
    char text[80];
    const char *t = units(100);
    open_line(COURIER_VTC);
    snprintf(text, sizeof text, "TOKEN %s\r\n", t);
    assert_string_equal(said(text), "RESULT 1 Accept\r\n");
    assert_int_equal(credit(), 10000);
    assert_last(LINK_VTC, DELIVERY_LOCAL);
    assert_string_equal(said(text), "RESULT 10 UsedError\r\n");
    t = units(50);
    snprintf(text, sizeof text, "  token  %.4s %.4s-%.4s %.4s %.4s \n", t, t + 4, t + 8, t + 12,
             t + 16);
    assert_string_equal(said(text), "RESULT 1 Accept\r\n");
    assert_string_equal(said("TOKEN 1234\r"), "RESULT 6 FormatError\r\n");
    assert_string_equal(said("TOKEN\n"), "RESULT 6 FormatError\r\n");
    assert_string_equal(said("TOKENS 1\n"), "ERROR\r\n");
    assert_string_equal(said("hello\n"), "ERROR\r\n");
    assert_string_equal(said("\r\n\r\n   \n"), "");
    assert_int_equal(credit(), 15000);
}

static void a_line_without_an_end(void **state)
{
    (void)state;
    char text[80];
    open_line(COURIER_VTC);
    for (unsigned i = 0; i < 5000; i++) assert_string_equal(said("1"), "");
    assert_string_equal(said("\n"), "ERROR\r\n");
    snprintf(text, sizeof text, "TOKEN %s\n", units(100));
    assert_string_equal(said(text), "RESULT 1 Accept\r\n");
}

/* Two orders at once: the second waits for the answer to the first, however long that takes. */
static void an_answer_that_cannot_be_sent(void **state)
{
    (void)state;
    char text[80];
    int n = snprintf(text, sizeof text, "TOKEN %s\n", units(100));
    snprintf(text + n, sizeof text - (size_t)n, "TOKEN %s\n", units(200));
    open_line(COURIER_VTC);
    room = 3;
    size_t all = strlen(text);
    size_t taken = device_feed_courier(&k->d, &line, (uint8_t *)text, all, k->now);
    assert_int_equal(taken, n);
    desk_settle(k);
    assert_int_equal(credit(), 10000);
    assert_int_equal(
        device_feed_courier(&k->d, &line, (uint8_t *)text + n, all - taken, k->now), 0);
    assert_string_equal(heard, "");
    room = 1000;
    desk_settle(k);
    assert_string_equal(heard, "RESULT 1 Accept\r\n");
    assert_string_equal(said(text + n), "RESULT 1 Accept\r\n");
    assert_int_equal(credit(), 30000);
}

static void wrong_tokens_lock_the_port_and_the_keypad(void **state)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    (void)state;
    char text[80];
    open_line(COURIER_VTC);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(text, sizeof text, "TOKEN %s\n", stranger());
        assert_string_equal(said(text), "RESULT 13 CRCError\r\n");
    }
    snprintf(text, sizeof text, "TOKEN %s\n", units(10));
    assert_string_equal(said(text), "RESULT 15 LockedOut\r\n");
    assert_int_equal(prepay_enter_text(&k->d.meter, &keypad, 0, text + 6, 20), STS_LOCKED_OUT);
    device_courier_close(&k->d, &line);
    uint8_t setup[1 + SMS_NUMBER] = { SMS_TAKES_TOKENS | SMS_REPLIES, '1', '2' };
    assert_int_equal(param_write(&k->d.meter, &keypad, PARAM_SMS, setup, sizeof setup), 0);
    desk_settle(k);
    open_line(COURIER_SMS);
    text[4] = '2'; /* "TOKEN" gives way to the sender's number */
    text[3] = '1';
    assert_string_equal(said(text + 3), "12 RESULT 1 Accept\r\n");
}

/* -- SMS ----------------------------------------------------------------------------------- */

static void allow(uint8_t orders, const char *number)
{
    static const struct who engineer = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };
    uint8_t setup[1 + SMS_NUMBER] = { orders };
    memcpy(setup + 1, number, strlen(number));
    assert_int_equal(param_write(&k->d.meter, &engineer, PARAM_SMS, setup, sizeof setup), 0);
    desk_settle(k);
}

static void messages(void **state)
{
    (void)state;
    char text[120];
    const char *t = units(100);
    open_line(COURIER_SMS);
    snprintf(text, sizeof text, "+233201234567 %s\n", t);
    assert_string_equal(said(text), ""); /* nobody is heard yet */
    assert_int_equal(logged(LOG_COMMUNICATION, EV_SMS_REFUSED), 1);
    allow(SMS_TAKES_TOKENS | SMS_TAKES_WAKE | SMS_REPLIES, "+233201234567");
    assert_string_equal(said(text), "+233201234567 RESULT 1 Accept\r\n");
    assert_last(LINK_SMS, DELIVERY_REMOTE);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_SMS_TOKEN), 1);
    assert_string_equal(said(text), "+233201234567 RESULT 10 UsedError\r\n");
    t = units(25);
    snprintf(text, sizeof text, "+233201234567 token %.10s %.10s\n", t, t + 10);
    assert_string_equal(said(text), "+233201234567 RESULT 1 Accept\r\n");
    assert_string_equal(said("+233201234567 bal\n"), "+233201234567 BAL 12.500 kWh 0.00\r\n");
    assert_string_equal(said("+233201234567 WAKE\n"), "+233201234567 OK\r\n");
    assert_int_equal(logged(LOG_COMMUNICATION, EV_SMS_WAKE_UP), 1);
    assert_string_equal(said("+233201234567 what?\n"), "+233201234567 ERROR\r\n");
    assert_string_equal(said("+23320123456 BAL\n"), "");
    assert_string_equal(said("+2332012345678 BAL\n"), "");
    assert_int_equal(logged(LOG_COMMUNICATION, EV_SMS_REFUSED), 3);
}

static void messages_that_are_not_permitted(void **state)
{
    (void)state;
    char text[120];
    open_line(COURIER_SMS);
    snprintf(text, sizeof text, "0244 %s\n", units(10));
    allow(SMS_TAKES_WAKE | SMS_REPLIES, "0244");
    assert_string_equal(said(text), "0244 ERROR\r\n");
    assert_int_equal(credit(), 0);
    allow(SMS_TAKES_TOKENS, "0244");
    assert_string_equal(said(text), ""); /* taken in silence */
    assert_int_equal(credit(), 1000);
    assert_string_equal(said("0244 WAKE\n"), "");
    assert_int_equal(logged(LOG_COMMUNICATION, EV_SMS_WAKE_UP), 0);
}

static void debt_in_a_message(void **state)
{
    static const struct who engineer = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };
    (void)state;
    allow(SMS_REPLIES, "1");
    assert_int_equal(wallet_add(&k->d.meter, &engineer, 1, -5 * MONEY_UNIT / 100), 0);
    desk_settle(k);
    open_line(COURIER_SMS);
    assert_string_equal(said("1 BAL\n"), "1 BAL 0.000 kWh -0.05\r\n");
}

static void the_list_of_numbers_by_dlms(void **state)
{
    (void)state;
    struct obis ln = desk_ln("0-0:96.64.1");
    uint8_t octets[256];
    static const uint8_t two[] = {
        AXDR_STRUCTURE, 4, AXDR_ARRAY, 2,   AXDR_OCTETS, 4, '+',       '2', '3',       '3',
        AXDR_OCTETS,    2, '1',        '2', AXDR_BOOL,   1, AXDR_BOOL, 0,   AXDR_BOOL, 1
    };
    static const uint8_t letters[] = { AXDR_STRUCTURE, 4, AXDR_ARRAY, 1,
                                       AXDR_OCTETS,    2, 'A',        '2',
                                       AXDR_BOOL,      1, AXDR_BOOL,  0,
                                       AXDR_BOOL,      1 };
    static const uint8_t empty[] = { AXDR_STRUCTURE, 4, AXDR_ARRAY, 0, AXDR_BOOL, 0,
                                     AXDR_BOOL,      0, AXDR_BOOL,  0 };
    struct desk_value got = { octets, sizeof octets };
    assert_int_equal(desk_get(k, ROLE_SUPERVISOR, 1, ln, 2, NULL, 0, &got), DAR_OK);
    assert_int_equal(got.n, sizeof empty);
    assert_memory_equal(got.p, empty, sizeof empty);
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 1, ln, 2, two, sizeof two, 0), DAR_DENIED);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, ln, 2, letters, sizeof letters, 0),
                     DAR_OTHER);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, ln, 2, two, sizeof two - 2, 0), DAR_TYPE);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, ln, 2, two, sizeof two, 0), DAR_OK);
    desk_settle(k);
    desk_cut(k, 5);
    got = (struct desk_value){ octets, sizeof octets };
    assert_int_equal(desk_get(k, ROLE_SUPERVISOR, 1, ln, 2, NULL, 0, &got), DAR_OK);
    assert_int_equal(got.n, sizeof two);
    assert_memory_equal(got.p, two, sizeof two);
    open_line(COURIER_SMS);
    assert_string_equal(said("+233 BAL\n"), "+233 BAL 0.000 kWh 0.00\r\n");
}

static enum dar set_pin(const char *pin)
{
    uint8_t octets[16] = { AXDR_OCTETS, (uint8_t)strlen(pin) };
    memcpy(octets + 2, pin, strlen(pin));
    return desk_set(k, ROLE_MANAGEMENT, 1, desk_ln("0-0:96.64.6"), 2, octets, 2 + strlen(pin),
                    0);
}

static void messages_with_a_pin(void **state)
{
    (void)state;
    char text[120];
    uint8_t octets[32];
    struct desk_value got = { octets, sizeof octets };
    allow(SMS_TAKES_TOKENS | SMS_TAKES_WAKE | SMS_REPLIES, "0244");
    open_line(COURIER_SMS);
    assert_int_equal(set_pin("123"), DAR_OTHER);
    assert_int_equal(set_pin("123456789"), DAR_OTHER);
    assert_int_equal(set_pin("12a4"), DAR_OTHER);
    assert_string_equal(said("0244 BAL\n"), "0244 BAL 0.000 kWh 0.00\r\n");
    assert_int_equal(set_pin("4711"), DAR_OK);
    assert_int_not_equal(
        desk_get(k, ROLE_MANAGEMENT, 1, desk_ln("0-0:96.64.6"), 2, NULL, 0, &got), DAR_OK);
    desk_cut(k, 5);
    open_line(COURIER_SMS);
    assert_string_equal(said("0244 BAL\n"), "");
    assert_string_equal(said("0244 471 BAL\n"), "");
    assert_string_equal(said("0244 47111 BAL\n"), "");
    assert_int_equal(logged(LOG_COMMUNICATION, EV_SMS_REFUSED), 3);
    assert_string_equal(said("0244 4711 BAL\n"), "0244 BAL 0.000 kWh 0.00\r\n");
    snprintf(text, sizeof text, "0244 4711 TOKEN %s\n", units(10));
    assert_string_equal(said(text), "0244 RESULT 1 Accept\r\n");
    snprintf(text, sizeof text, "0244 %s\n", units(10));
    assert_string_equal(said(text), "");
    assert_int_equal(credit(), 1000);
    /* guessing locks the way: the right one waits like any other */
    for (unsigned i = 0; i < 4; i++) assert_string_equal(said("0244 0000 BAL\n"), "");
    assert_int_equal(logged(LOG_PREPAYMENT, EV_TOKEN_LOCKOUT), 1);
    assert_string_equal(said("0244 4711 BAL\n"), "");
    desk_run_s(k, 301);
    assert_string_equal(said("0244 4711 BAL\n"), "0244 BAL 1.000 kWh 0.00\r\n");
    assert_int_equal(set_pin(""), DAR_OK);
    assert_string_equal(said("0244 BAL\n"), "0244 BAL 1.000 kWh 0.00\r\n");
}

static void a_carrier_port_that_is_off(void **state)
{
    (void)state;
    struct obis ln = desk_ln("0-0:96.64.4");
    char text[80];
    uint8_t octets[16];
    struct desk_value got = { octets, sizeof octets };
    static const uint8_t on[] = { AXDR_STRUCTURE, 3, AXDR_BOOL, 1, AXDR_ENUM, 5, AXDR_ENUM, 0 };
    static const uint8_t off[] = {
        AXDR_STRUCTURE, 3, AXDR_BOOL, 0, AXDR_ENUM, 5, AXDR_ENUM, 1
    };
    static const uint8_t fast[] = {
        AXDR_STRUCTURE, 3, AXDR_BOOL, 0, AXDR_ENUM, 10, AXDR_ENUM, 1
    };
    open_line(COURIER_VTC);
    snprintf(text, sizeof text, "TOKEN %s\n", units(100));
    assert_int_equal(desk_get(k, ROLE_SUPERVISOR, 1, ln, 2, NULL, 0, &got), DAR_OK);
    assert_int_equal(got.n, sizeof on);
    assert_memory_equal(octets, on, sizeof on);
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 1, ln, 2, off, sizeof off, 0), DAR_DENIED);
    assert_int_not_equal(desk_set(k, ROLE_MANAGEMENT, 1, ln, 2, fast, sizeof fast, 0), DAR_OK);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, ln, 2, off, sizeof off, 0), DAR_OK);
    assert_string_equal(said(text), "");
    assert_string_equal(said("hello\n"), "");
    assert_int_equal(credit(), 0);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, ln, 2, on, sizeof on, 0), DAR_OK);
    assert_string_equal(said(text), "RESULT 1 Accept\r\n");
    assert_int_equal(speed, 9600);
    static const uint8_t slow[] = {
        AXDR_STRUCTURE, 3, AXDR_BOOL, 1, AXDR_ENUM, 3, AXDR_ENUM, 0
    };
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, ln, 2, slow, sizeof slow, 0), DAR_OK);
    assert_int_equal(speed, 2400);
}

/* -- CIU ----------------------------------------------------------------------------------- */

enum { UNIT = 7001, SECOND = 7002, THIRD = 7003 };

static const struct who engineer = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };
static uint8_t key[16];

static size_t frame_of(uint8_t frame[CIU_MOST], uint32_t unit, uint32_t counter, uint8_t type,
                       const char *payload)
{
    struct ciu_frame f = { .unit = unit,
                           .meter = k->meter.serial,
                           .counter = counter,
                           .type = type,
                           .n = (uint8_t)strlen(payload) };
    ciu_key(key, device_development.key[SECURE_UNICAST], k->meter.serial, unit);
    memcpy(f.payload, payload, f.n);
    return ciu_put(&f, key, frame);
}

static size_t sealed(uint8_t frame[CIU_MOST], uint32_t counter, const char *payload)
{
    return frame_of(frame, UNIT, counter, CIU_TOKEN, payload);
}

static void pair(uint32_t serial)
{
    const struct unit_entry e[UNIT_PLACES] = { { serial, UNIT_RF_868 } };
    assert_int_equal(unit_set(&k->d.meter, &engineer, e, serial != 0), 0);
    desk_settle(k);
}

static struct ciu_frame answer_of(uint32_t unit, uint32_t counter, uint8_t type)
{
    struct ciu_frame f;
    size_t n = heard_n;
    assert_int_equal(ciu_get(&f, key, (const uint8_t *)heard, &n), 0);
    assert_int_equal(n, heard_n);
    assert_int_equal(f.type, type);
    assert_int_equal(f.counter, counter);
    assert_int_equal(f.unit, unit);
    assert_int_equal(f.meter, k->meter.serial);
    heard_n = 0;
    return f;
}

static void assert_answer(uint32_t counter, uint8_t result, const char *name)
{
    struct ciu_frame f = answer_of(UNIT, counter, CIU_RESULT);
    assert_int_equal(f.payload[0], result);
    assert_int_equal(f.n, 1 + strlen(name));
    assert_memory_equal(f.payload + 1, name, strlen(name));
}

static void frames_of_the_unit(void **state)
{
    (void)state;
    uint8_t frame[CIU_MOST];
    char token[STS_DIGITS + 1];
    pair(UNIT);
    open_line(COURIER_CIU);
    memcpy(token, units(100), sizeof token);
    size_t n = sealed(frame, 7, token);
    feed(frame, n);
    assert_answer(7, STS_ACCEPT, "Accept");
    assert_int_equal(credit(), 10000);
    assert_last(LINK_CIU, DELIVERY_MANUAL);
    feed(frame, n); /* sniffed and sent again */
    assert_int_equal(heard_n, 0);
    assert_int_equal(logged(LOG_FRAUD, EV_REPLAY), 1);
    feed(frame, sealed(frame, 8, token));
    assert_answer(8, STS_USED, "UsedError");
    desk_cut(k, 5);
    open_line(COURIER_CIU);
    feed(frame, n = sealed(frame, 8, units(10)));
    assert_int_equal(heard_n, 0); /* counters outlive a cut */
    assert_int_equal(credit(), 10000);
    feed(frame, sealed(frame, 9, units(10)));
    assert_answer(9, STS_ACCEPT, "Accept");
    assert_int_equal(credit(), 11000);
}

/* It asks in the ten minutes after power-up, and is told how things stand. */
static void a_unit_is_paired(void **state)
{
    (void)state;
    uint8_t frame[CIU_MOST];
    open_line(COURIER_CIU);
    feed(frame, sealed(frame, 1, units(100)));
    assert_int_equal(heard_n, 0); /* a key is not enough */
    assert_int_equal(credit(), 0);
    assert_int_equal(logged(LOG_SECURITY, EV_ACCESS_DENIED), 1);
    size_t n = frame_of(frame, UNIT, 2, CIU_PAIR, "");
    feed(frame, n);
    answer_of(UNIT, 2, CIU_PAIRED);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_CIU_PAIRED), 1);
    feed(frame, n);
    assert_int_equal(heard_n, 0);
    assert_int_equal(logged(LOG_FRAUD, EV_REPLAY), 1);
    feed(frame, sealed(frame, 3, units(100)));
    assert_answer(3, STS_ACCEPT, "Accept");
    feed(frame, frame_of(frame, UNIT, 4, CIU_PAIR, "")); /* once more: it is */
    answer_of(UNIT, 4, CIU_PAIRED);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_CIU_PAIRED), 1);
    feed(frame, frame_of(frame, UNIT, 5, CIU_POLL, ""));
    struct ciu_frame f = answer_of(UNIT, 5, CIU_STATE);
    assert_int_equal(f.n, CIU_STATE_SIZE);
    assert_int_equal(f.payload[0], 0);
    assert_int_equal(be_get64(f.payload + 3), 10000);
    assert_int_equal(be_get32(f.payload + 11), k->d.meter.utc.s);
    desk_cut(k, 5);
    open_line(COURIER_CIU);
    feed(frame, frame_of(frame, UNIT, 5, CIU_POLL, ""));
    assert_int_equal(heard_n, 0);
    feed(frame, frame_of(frame, UNIT, 6, CIU_POLL, ""));
    answer_of(UNIT, 6, CIU_STATE);
}

static void shows(uint16_t number, const char *cells)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    struct display_page page;
    meter_at(&k->d.meter, k->now);
    assert_int_equal(code_enter(&k->d.meter, &keypad, number), 0);
    display_page(&k->d.meter, k->now, &page);
    assert_memory_equal(page.cell, cells, DISPLAY_CELLS);
}

static void assert_firmware(const char *text)
{
    uint8_t octets[32];
    struct desk_value v = { octets, sizeof octets };
    struct obis ln = desk_ln("1-3:0.2.0");
    assert_int_equal(desk_get(k, ROLE_READER, 1, ln, 2, NULL, 0, &v), DAR_OK);
    assert_int_equal(v.n, 2 + strlen(text));
    assert_memory_equal(octets + 2, text, strlen(text));
    assert_int_not_equal(desk_get(k, ROLE_PUBLIC, 1, ln, 2, NULL, 0, &v), DAR_OK);
}

/* Short codes 860, 891 and 892: what it told of itself, how many there are, how many of its frames
 * came. */
static void a_unit_is_shown(void **state)
{
    (void)state;
    uint8_t frame[CIU_MOST];
    shows(860, "--------");
    shows(891, "       0");
    shows(892, "--------");
    assert_firmware("");
    pair(UNIT);
    open_line(COURIER_CIU);
    shows(891, "       1");
    shows(892, "--------");
    feed(frame, frame_of(frame, UNIT, 100, CIU_POLL, "")); /* the first counts from nothing */
    answer_of(UNIT, 100, CIU_STATE);
    shows(860, "--------");
    shows(892, "     100");
    feed(frame, frame_of(frame, UNIT, 102, CIU_POLL, "\x02\x0c\x7b")); /* 101 was not heard */
    answer_of(UNIT, 102, CIU_STATE);
    shows(892, "      66");
    shows(860, "02-12-23");
    assert_firmware("2.12.123");
    for (uint32_t i = 103; i < 117; i++) {
        feed(frame, frame_of(frame, UNIT, i, CIU_POLL, i % 2 ? "" : "\x01")); /* tell nothing */
        answer_of(UNIT, i, CIU_STATE);
    }
    shows(892, "      93"); /* fifteen of sixteen */
    shows(860, "02-12-23");
    feed(frame, frame_of(frame, UNIT, 117, CIU_POLL, ""));
    answer_of(UNIT, 117, CIU_STATE);
    shows(892, "     100");
    feed(frame, frame_of(frame, UNIT, 4000000000, CIU_POLL, ""));
    answer_of(UNIT, 4000000000, CIU_STATE);
    shows(892, "       6"); /* none of the fifteen before it */
    pair(SECOND);           /* another in its place has told nothing */
    shows(860, "--------");
    shows(892, "--------");
    assert_firmware("");
}

/* By hand at the meter: 891 and its number, of eight digits or eleven. */
static void the_keypad_permits_pairing(void **state)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    (void)state;
    uint8_t frame[CIU_MOST];
    char digits[24], pan[PREPAY_PAN + 1];
    struct meter *m = &k->d.meter;
    desk_run_s(k, UNIT_WINDOW_S);
    open_line(COURIER_CIU);
    prepay_pan(m, pan);
    static const struct {
        const char *code;
        unsigned at, n;
        int err;
    } typed[] = { { "891", 7, 8, E_RANGE },  { "890", 8, 8, E_NONE }, { "891", 8, 7, E_RANGE },
                  { "8910", 8, 8, E_RANGE }, { "89", 8, 8, E_NONE },  { "891", 6, 10, E_RANGE },
                  { "0000", 6, 12, E_RANGE } };
    uint32_t counter = 1;
    for (unsigned i = 0; i < sizeof typed / sizeof *typed; i++) {
        snprintf(digits, sizeof digits, "%s%.*s", typed[i].code, (int)typed[i].n,
                 pan + typed[i].at);
        meter_at(m, k->now);
        assert_int_equal(code_type(m, &keypad, digits, strlen(digits)), typed[i].err);
        feed(frame, frame_of(frame, UNIT, counter++, CIU_PAIR, ""));
        assert_int_equal(heard_n, 0);
    }
    assert_int_equal(code_type(m, &keypad, "891", 3), 0); /* alone it shows */
    assert_int_equal(code_type(m, &keypad, "89a", 3), E_RANGE);
    assert_int_equal(code_type(m, &keypad, "", 0), E_RANGE);
    feed(frame, frame_of(frame, UNIT, counter++, CIU_PAIR, ""));
    assert_int_equal(heard_n, 0);
    for (unsigned i = 0; i < 2; i++) { /* serial number; that of vending */
        snprintf(digits, sizeof digits, "0891%.*s", i ? 11 : 8, pan + (i ? 6 : 8));
        meter_at(m, k->now);
        assert_int_equal(code_type(m, &keypad, digits, strlen(digits)), 0);
        desk_run_s(k, UNIT_WINDOW_S - 5);
        feed(frame, frame_of(frame, UNIT + i, counter, CIU_PAIR, ""));
        answer_of(UNIT + i, counter++, CIU_PAIRED);
        desk_run_s(k, 10);
        feed(frame, frame_of(frame, THIRD, counter, CIU_PAIR, ""));
        assert_int_equal(heard_n, 0);
    }
    shows(891, "       2");
}

/* The neighbour's unit, with a key that somebody gave it: later there has to be a hand at the meter,
 * or a token; two units are enough. */
static void when_units_are_paired(void **state)
{
    static const uint32_t serial[] = { UNIT, SECOND };
    (void)state;
    uint8_t frame[CIU_MOST];
    open_line(COURIER_CIU);
    desk_run_s(k, 600);
    feed(frame, frame_of(frame, UNIT, 1, CIU_PAIR, ""));
    assert_int_equal(heard_n, 0);
    assert_int_equal(logged(LOG_SECURITY, EV_ACCESS_DENIED), 1);
    meter_feed_inputs(&k->d.meter, k->now, INPUT_BUTTON);
    desk_run_s(k, 1);
    feed(frame, frame_of(frame, UNIT, 2, CIU_PAIR, ""));
    answer_of(UNIT, 2, CIU_PAIRED);
    meter_feed_inputs(&k->d.meter, k->now, 0);
    desk_run_s(k, 1);
    feed(frame, frame_of(frame, SECOND, 1, CIU_PAIR, ""));
    assert_int_equal(heard_n, 0);
    struct made made;
    struct sts_fields open = {
        .v = { [STS_TID] = tid++, [STS_INDEX] = STS_FN_UNIT, [STS_DATA] = 1 }
    };
    make_token(&made, k->meter.decoder, 2, make_block(sts_form_find(2, 11, 7), &open));
    feed(frame, frame_of(frame, UNIT, 3, CIU_TOKEN, made.digits));
    assert_answer(3, STS_ACCEPT, "Accept");
    feed(frame, frame_of(frame, SECOND, 2, CIU_PAIR, ""));
    answer_of(SECOND, 2, CIU_PAIRED);
    feed(frame, frame_of(frame, THIRD, 1, CIU_PAIR, ""));
    assert_int_equal(heard_n, 0);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_CIU_PAIRED), 2);
    for (unsigned i = 0; i < 2; i++) assert_true(unit_is_paired(&k->d.meter, serial[i]));
    struct sts_fields none = { .v = { [STS_TID] = tid++, [STS_INDEX] = STS_FN_UNIT } };
    make_token(&made, k->meter.decoder, 2, make_block(sts_form_find(2, 11, 7), &none));
    feed(frame, frame_of(frame, SECOND, 3, CIU_TOKEN, made.digits));
    answer_of(SECOND, 3, CIU_RESULT);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_CIU_UNPAIRED), 2);
    for (unsigned i = 0; i < 2; i++) assert_false(unit_is_paired(&k->d.meter, serial[i]));
    feed(frame, frame_of(frame, UNIT, 9, CIU_POLL, ""));
    assert_int_equal(heard_n, 0);
    /* what it sent while it was paired does not pair it again */
    feed(frame, frame_of(frame, UNIT, 2, CIU_PAIR, ""));
    assert_false(unit_is_paired(&k->d.meter, UNIT));
    feed(frame, frame_of(frame, UNIT, 10, CIU_PAIR, ""));
    answer_of(UNIT, 10, CIU_PAIRED);
}

/* Silent for a day of supply: told once, and once more when it is heard; also after cuts. */
static void a_unit_is_lost(void **state)
{
    (void)state;
    uint8_t frame[CIU_MOST];
    pair(UNIT);
    open_line(COURIER_CIU);
    desk_run_s(k, 23 * 3600);
    desk_cut(k, 48 * 3600);
    open_line(COURIER_CIU);
    desk_run_s(k, 600);
    assert_int_equal(logged(LOG_COMMUNICATION, EV_CIU_LOST), 0);
    desk_run_s(k, 3600);
    assert_int_equal(logged(LOG_COMMUNICATION, EV_CIU_LOST), 1);
    assert_true(k->d.meter.alarms.set[2] >> 22 & 1);
    desk_cut(k, 10);
    open_line(COURIER_CIU);
    desk_run_s(k, 2 * 86400);
    assert_int_equal(logged(LOG_COMMUNICATION, EV_CIU_LOST), 1);
    feed(frame, frame_of(frame, UNIT, 1, CIU_POLL, ""));
    answer_of(UNIT, 1, CIU_STATE);
    assert_int_equal(logged(LOG_COMMUNICATION, EV_CIU_RESTORED), 1);
    desk_run_s(k, 86400 + 120);
    assert_int_equal(logged(LOG_COMMUNICATION, EV_CIU_LOST), 2);
    pair(0); /* nobody is waited for any more */
    assert_int_equal(logged(LOG_COMMUNICATION, EV_CIU_RESTORED), 2);
    desk_run_s(k, 2 * 86400);
    assert_int_equal(logged(LOG_COMMUNICATION, EV_CIU_LOST), 2);
}

static void the_list_of_units_by_dlms(void **state)
{
    (void)state;
    struct obis ln = desk_ln("0-0:96.62.0");
    uint8_t octets[128];
    struct desk_value got = { octets, sizeof octets };
    static const uint8_t one[] = {
        AXDR_ARRAY, 1, AXDR_STRUCTURE, 5, AXDR_U32,    0, 0,       0x1B, 0x59,
        AXDR_ENUM,  1, AXDR_ENUM,      0, AXDR_OCTETS, 0, AXDR_U8, 0
    };
    uint8_t bad[sizeof one];
    assert_int_equal(desk_get(k, ROLE_READER, 1, ln, 2, NULL, 0, &got), DAR_OK);
    assert_int_equal(got.n, 2);
    assert_int_equal(desk_set(k, ROLE_OPERATOR, 1, ln, 2, one, sizeof one, 0), DAR_DENIED);
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 1, ln, 2, one, sizeof one - 1, 0), DAR_TYPE);
    memcpy(bad, one, sizeof one);
    bad[5] = 0x80; /* of 32 bits */
    assert_int_not_equal(desk_set(k, ROLE_SUPERVISOR, 1, ln, 2, bad, sizeof bad, 0), DAR_OK);
    memcpy(bad, one, sizeof one);
    bad[10] = UNIT_RADIOS;
    assert_int_not_equal(desk_set(k, ROLE_SUPERVISOR, 1, ln, 2, bad, sizeof bad, 0), DAR_OK);
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 1, ln, 2, one, sizeof one, 0), DAR_OK);
    assert_true(unit_is_paired(&k->d.meter, UNIT));
    assert_int_equal(logged(LOG_PREPAYMENT, EV_CIU_PAIRED), 1);
    assert_int_equal(logged(LOG_SECURITY, EV_CHANGED_COMM), 1);
    desk_cut(k, 5);
    got = (struct desk_value){ octets, sizeof octets };
    assert_int_equal(desk_get(k, ROLE_READER, 1, ln, 2, NULL, 0, &got), DAR_OK);
    assert_int_equal(got.n, 4 + 5 + 2 + 2 + 14 + 2);
    assert_int_equal(be_get32(octets + 5), UNIT);
    assert_int_equal(octets[12], UNIT_PAIRED);
    static const uint8_t none[] = { AXDR_ARRAY, 0 };
    assert_int_equal(desk_set(k, ROLE_SUPERVISOR, 1, ln, 2, none, sizeof none, 0), DAR_OK);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_CIU_UNPAIRED), 1);
}

/* -- what a unit is told, and what it may -------------------------------------------------- */

static struct desk_value value_of(const char *name, uint8_t role)
{
    static uint8_t octets[512];
    struct desk_value got = { octets, sizeof octets };
    assert_int_equal(desk_get(k, role, 1, desk_ln(name), 2, NULL, 0, &got), DAR_OK);
    return got;
}

static enum dar put(const char *name, uint8_t role, const void *p, size_t n)
{
    enum dar dar = desk_set(k, role, 1, desk_ln(name), 2, p, n, 0);
    desk_settle(k);
    return dar;
}

static void assert_value(const char *name, const void *p, size_t n)
{
    struct desk_value got = value_of(name, ROLE_READER);
    assert_int_equal(got.n, n);
    assert_memory_equal(got.p, p, n);
}

static struct ciu_frame ask(uint32_t counter, uint8_t type, const void *payload, size_t n)
{
    uint8_t frame[CIU_MOST];
    struct ciu_frame f = { .unit = UNIT,
                           .meter = k->meter.serial,
                           .counter = counter,
                           .type = type,
                           .n = (uint8_t)n };
    ciu_key(key, device_development.key[SECURE_UNICAST], k->meter.serial, UNIT);
    memcpy(f.payload, payload, n);
    feed(frame, ciu_put(&f, key, frame));
    return answer_of(UNIT, counter, type | CIU_ANSWER);
}

static unsigned changes(uint32_t counter)
{
    return be_get16(ask(counter, CIU_POLL, "", 0).payload + 22);
}

/* 0-0:96.62.1, .2, .4 and .6 are what the unit learns, together with the levels and the name of the
 * price table; a number in each answer says that something changed. */
static void what_a_unit_is_to_know(void **state)
{
    static const uint8_t link[] = { AXDR_STRUCTURE, 3,   AXDR_ENUM, 1, AXDR_U16, 1, 44,
                                    AXDR_I8,        0xF6 }, /* 868 MHz, each 300 s, -10 dBm */
        air[] = { AXDR_STRUCTURE, 2, AXDR_U8, 11, AXDR_U16, 0xBE, 0xEF },
                         keypad[] = { AXDR_STRUCTURE, 2, AXDR_BOOL, 1, AXDR_U16, 0, 5 },
                         list[] = { AXDR_ARRAY, 3,  AXDR_U16, 3, 33, AXDR_U16,
                                    3,          39, AXDR_U16, 3, 47 }; /* 801, 807, 815 */
    static const struct {
        const char *name;
        const uint8_t *p;
        size_t n;
    } set[] = { { "0-0:96.62.1", link, sizeof link },
                { "0-0:96.62.2", air, sizeof air },
                { "0-0:96.62.6", keypad, sizeof keypad },
                { "0-0:96.62.4", list, sizeof list } };
    static const uint8_t knows[] = { CIU_LINK, 1, 1, 44, 0xF6, 11, 0xBE, 0xEF, 1, 0, 5 },
                         turns[] = { CIU_LIST, 3, 33, 3, 39, 3, 47 };
    uint32_t counter = 1;
    (void)state;
    pair(UNIT);
    open_line(COURIER_CIU);
    struct ciu_frame f = ask(counter++, CIU_SETUP, "\1", 1);
    assert_int_equal(f.n, 1); /* a list of none */
    for (unsigned i = 0; i < sizeof set / sizeof *set; i++) {
        unsigned was = changes(counter++);
        assert_int_equal(put(set[i].name, ROLE_OPERATOR, set[i].p, set[i].n), DAR_DENIED);
        assert_int_equal(put(set[i].name, ROLE_SUPERVISOR, set[i].p, set[i].n - 1), DAR_TYPE);
        assert_int_equal(changes(counter++), was);
        assert_int_equal(put(set[i].name, ROLE_SUPERVISOR, set[i].p, set[i].n), DAR_OK);
        assert_int_equal(changes(counter++), was + 1);
        assert_value(set[i].name, set[i].p, set[i].n);
    }
    assert_int_equal(logged(LOG_SECURITY, EV_CHANGED_COMM), 5); /* and the pairing */
    desk_cut(k, 5);
    open_line(COURIER_CIU);
    f = ask(counter++, CIU_SETUP, "\0", 1);
    assert_int_equal(f.n, sizeof knows);
    assert_memory_equal(f.payload, knows, sizeof knows);
    f = ask(counter++, CIU_SETUP, "\1", 1);
    assert_int_equal(f.n, sizeof turns);
    assert_memory_equal(f.payload, turns, sizeof turns);
    f = ask(counter++, CIU_SETUP, "\2", 1);
    assert_int_equal(f.n, 1 + 3 * 9);
    assert_int_equal(be_get32(f.payload + 1), 10000); /* 10, 5 and 1 kWh */
    assert_int_equal(be_get32(f.payload + 10), 5000);
    assert_int_equal(be_get32(f.payload + 19), 1000);
    f = ask(counter++, CIU_SETUP, "\3", 1);
    assert_int_equal(f.n, 1); /* no price table */
    assert_int_equal(ask(counter++, CIU_SETUP, "\4", 1).n, 0);
    assert_int_equal(ask(counter++, CIU_SETUP, "", 0).n, 0);
    assert_int_equal(ask(counter++, CIU_SETUP, "\0\0", 2).n, 0);
}

static void lists_that_a_unit_cannot_show(void **state)
{
    uint8_t list[2 + (UNIT_CODES + 1) * 3] = { AXDR_ARRAY, UNIT_CODES + 1 };
    static const uint8_t none[] = { AXDR_ARRAY, 0 },
                         unknown[] = { AXDR_ARRAY, 1, AXDR_U16, 9, 9 },
                         mute[] = { AXDR_STRUCTURE, 2, AXDR_BOOL, 1, AXDR_U16, 0, 0 },
                         loud[] = { AXDR_STRUCTURE, 3, AXDR_ENUM, 0, AXDR_U16, 0, 60,
                                    AXDR_I8,        21 },
                         often[] = {
                             AXDR_STRUCTURE, 3, AXDR_ENUM, 0, AXDR_U16, 0, 0, AXDR_I8, 8
                         };
    (void)state;
    for (unsigned i = 0; i <= UNIT_CODES; i++)
        memcpy(list + 2 + i * 3, (uint8_t[]){ AXDR_U16, 3, 33 }, 3);
    assert_int_not_equal(put("0-0:96.62.4", ROLE_SUPERVISOR, list, sizeof list), DAR_OK);
    assert_int_not_equal(put("0-0:96.62.4", ROLE_SUPERVISOR, unknown, sizeof unknown), DAR_OK);
    assert_int_not_equal(put("0-0:96.62.6", ROLE_SUPERVISOR, mute, sizeof mute), DAR_OK);
    assert_int_not_equal(put("0-0:96.62.1", ROLE_SUPERVISOR, loud, sizeof loud), DAR_OK);
    assert_int_not_equal(put("0-0:96.62.1", ROLE_SUPERVISOR, often, sizeof often), DAR_OK);
    assert_value("0-0:96.62.4", none, sizeof none);
    list[1] = UNIT_CODES;
    assert_int_equal(put("0-0:96.62.4", ROLE_SUPERVISOR, list, sizeof list - 3), DAR_OK);
    assert_value("0-0:96.62.4", list, sizeof list - 3);
    assert_int_equal(put("0-0:96.62.4", ROLE_SUPERVISOR, none, sizeof none), DAR_OK);
    assert_value("0-0:96.62.4", none, sizeof none);
}

/* A code typed at the unit is shown there, and done as at the meter. */
static void short_codes_at_a_unit(void **state)
{
    static const uint8_t off[] = { AXDR_STRUCTURE, 2, AXDR_BOOL, 0, AXDR_U16, 0, 1 },
                         preset[] = { AXDR_I32, 0, 0, 7, 208 };
    uint32_t counter = 1;
    struct display_page page;
    (void)state;
    pair(UNIT);
    open_line(COURIER_CIU);
    struct ciu_frame f = ask(counter++, CIU_TOKEN, units(105), 20);
    assert_int_equal(f.payload[0], STS_ACCEPT);
    desk_run_s(k, 60); /* its result was shown */
    f = ask(counter++, CIU_CODE, "\x03\x21\0", 3);
    assert_int_equal(f.n, 4 + DISPLAY_CELLS + 6);
    assert_memory_equal(f.payload, ((uint8_t[]){ CIU_DONE, 1, 3 | CIU_KILO, UNIT_WH }), 4);
    assert_memory_equal(f.payload + 4, "   10500credit", DISPLAY_CELLS + 6);
    display_page(&k->d.meter, k->now, &page); /* the meter's own display goes on */
    assert_memory_not_equal(page.cell, f.payload + 4, DISPLAY_CELLS);
    f = ask(counter++, CIU_CODE, "\x03\x32\0", 3); /* 818, in three parts */
    assert_int_equal(f.payload[1], 3);
    char digits[3 * DISPLAY_CELLS];
    for (unsigned i = 0; i < 3; i++) {
        f = ask(counter++, CIU_CODE, (uint8_t[]){ 3, 50, (uint8_t)i }, 3);
        memcpy(digits + i * DISPLAY_CELLS, f.payload + 4, DISPLAY_CELLS);
    }
    struct token_row row;
    struct token_span s = token_span(&k->d.meter, TOKENS_ALL);
    assert_int_equal(token_read(&k->d.meter, TOKENS_ALL, s.next - 1, &row), 0);
    for (unsigned i = 0, n = 0; i < sizeof digits; i++) {
        if (digits[i] < '0' || digits[i] > '9') continue;
        assert_int_equal(digits[i] - '0',
                         n % 2 ? row.last.bcd[n / 2] & 15 : row.last.bcd[n / 2] >> 4);
        n++;
    }
    f = ask(counter++, CIU_CODE, "\x03\xe7\0", 3); /* 999 */
    assert_int_equal(f.n, 1);
    assert_int_equal(f.payload[0], CIU_NO_CODE);
    f = ask(counter++, CIU_CODE, "\x03", 1);
    assert_int_equal(f.payload[0], CIU_NO_CODE);
    f = ask(counter++, CIU_CODE, "\x03\x2b\0", 3); /* 811: there is none */
    assert_int_equal(f.payload[0], CIU_NOT_NOW);
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 112, desk_ln("0-0:19.10.1"), 9, preset, sizeof preset, 0),
        DAR_OK);
    static const uint8_t below[] = { AXDR_I32, 0, 0, 0x4E, 0x20 }; /* offered at 20 kWh */
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 112, desk_ln("0-0:19.10.1"), 10, below, sizeof below, 0),
        DAR_OK);
    desk_settle(k);
    f = ask(counter++, CIU_CODE, "\x03\x2b\1", 3); /* another part only shows */
    assert_int_equal(logged(LOG_PREPAYMENT, EV_EMERGENCY_ACTIVATED), 0);
    f = ask(counter++, CIU_CODE, "\x03\x2b\0", 3);
    assert_int_equal(f.payload[0], CIU_DONE);
    assert_int_equal(logged(LOG_PREPAYMENT, EV_EMERGENCY_ACTIVATED), 1);
    assert_int_equal(put("0-0:96.62.6", ROLE_SUPERVISOR, off, sizeof off), DAR_OK);
    f = ask(counter++, CIU_CODE, "\x03\x21\0", 3);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.payload[0], CIU_NOT_HERE);
    f = ask(counter++, CIU_TOKEN, units(10), 20);
    assert_int_equal(f.payload[0], STS_FUNCTION);
    assert_int_equal(credit(), 10500);
}

/* The lamp and the sound that the unit is to make, as the matrix and the levels say. */
static void alarms_at_a_unit(void **state)
{
    uint32_t counter = 1;
    (void)state;
    pair(UNIT);
    open_line(COURIER_CIU);
    ask(counter++, CIU_TOKEN, units(105), 20);
    struct ciu_frame f = ask(counter++, CIU_POLL, "", 0);
    assert_int_equal(f.payload[1], 0);
    meter_feed_inputs(&k->d.meter, k->now, INPUT_TERMINAL_COVER);
    desk_run_s(k, 3);
    f = ask(counter++, CIU_POLL, "", 0);
    assert_memory_equal(f.payload + 15, ((uint8_t[]){ OUTPUT_STEADY, OUTPUT_OFF, 0, 2 }), 4);
    static const uint8_t matrix[] = { AXDR_ARRAY, 1, AXDR_STRUCTURE, 8, AXDR_U8, 3, AXDR_U8, 0,
                                      AXDR_U8,    0, AXDR_U8,        0, AXDR_U8, 3, AXDR_U8, 2,
                                      AXDR_U8,    2, AXDR_U8,        9 };
    assert_int_equal(put("0-0:96.50.50", ROLE_SUPERVISOR, matrix, sizeof matrix), DAR_OK);
    f = ask(counter++, CIU_POLL, "", 0);
    assert_memory_equal(f.payload + 15, ((uint8_t[]){ OUTPUT_FAST, OUTPUT_SLOW, 9, 2 }), 4);
}

/* A row at each change, and one an hour while a unit is paired; the newest 24. */
static void what_became_of_units(void **state)
{
    static const uint8_t none[] = { AXDR_ARRAY, 0 };
    struct meter *m = &k->d.meter;
    struct unit_past p;
    uint8_t frame[CIU_MOST];
    (void)state;
    desk_run_s(k, 7200);
    assert_value("0-0:96.62.5", none, sizeof none);
    pair(UNIT);
    open_line(COURIER_CIU);
    desk_run_s(k, 120);
    assert_int_equal(unit_past(m, 0, &p), 0);
    assert_int_equal(p.state, UNIT_PAIRED);
    assert_int_equal(p.quality, UNIT_UNHEARD);
    assert_int_equal(unit_past(m, 1, &p), E_NONE);
    feed(frame, frame_of(frame, UNIT, 1, CIU_POLL, ""));
    feed(frame, frame_of(frame, UNIT, 3, CIU_POLL, ""));
    desk_run_s(k, 3600);
    assert_int_equal(unit_past(m, 1, &p), 0);
    assert_int_equal(p.quality, 66);
    uint32_t at = p.utc_s;
    desk_cut(k, 5);
    assert_int_equal(unit_past(m, 1, &p), 0);
    assert_int_equal(p.utc_s, at);
    desk_run_s(k, 90000);
    assert_int_equal(m->units.past_n, UNIT_PAST);
    assert_int_equal(unit_past(m, UNIT_PAST, &p), E_NONE);
    assert_int_equal(unit_past(m, UNIT_PAST - 1, &p), 0);
    assert_int_equal(p.state, UNIT_LOST);
    for (unsigned i = 1; i < UNIT_PAST; i++) {
        uint32_t was = (unit_past(m, i - 1, &p), p.utc_s);
        assert_int_equal(unit_past(m, i, &p), 0);
        assert_true(p.utc_s > was && p.utc_s - was <= 3660);
    }
    pair(0);
    desk_run_s(k, 120);
    assert_int_equal(unit_past(m, UNIT_PAST - 1, &p), 0);
    assert_int_equal(p.state, UNIT_UNPAIRED);
    desk_run_s(k, 7200);
    assert_int_equal(unit_past(m, UNIT_PAST - 1, &p), 0);
    assert_int_equal(p.state, UNIT_UNPAIRED);
    desk_cut(k, 5);
    struct desk_value got = value_of("0-0:96.62.5", ROLE_READER);
    assert_int_equal(got.n, 2 + UNIT_PAST * (2 + 14 + 2 + 2));
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 1, desk_ln("0-0:96.62.5"), 2, none, sizeof none, 0),
        DAR_DENIED);
}

/* 0-0:96.61.13: what is below the window is old; it is lifted and never lowered, also over a cut. */
static void the_window_of_tids(void **state)
{
    uint8_t window[] = { AXDR_STRUCTURE, 2, AXDR_U16, 7, 222, AXDR_U32, 0, 0, 0, 0 };
    char text[80], early[24], late[24];
    (void)state;
    open_line(COURIER_VTC);
    tid = 7000000;
    snprintf(early, sizeof early, "%s", units(10));
    tid = 7000100;
    snprintf(late, sizeof late, "%s", units(20));
    struct desk_value got = value_of("0-0:96.61.13", ROLE_SUPERVISOR);
    assert_int_equal(got.n, sizeof window);
    assert_int_equal(be_get16(got.p + 3), 2014);
    uint32_t from = be_get32(got.p + 6);
    assert_int_equal(from, prepay_window(&k->d.meter));
    assert_int_not_equal(desk_get(k, ROLE_READER, 1, desk_ln("0-0:96.61.13"), 2, NULL, 0, &got),
                         DAR_OK);
    be_put32(window + 6, 7000050);
    assert_int_equal(put("0-0:96.61.13", ROLE_SUPERVISOR, window, sizeof window), DAR_DENIED);
    assert_int_equal(put("0-0:96.61.13", ROLE_MANAGEMENT, window, sizeof window - 1), DAR_TYPE);
    be_put16(window + 3, 2000);
    assert_int_not_equal(put("0-0:96.61.13", ROLE_MANAGEMENT, window, sizeof window), DAR_OK);
    be_put16(window + 3, 2014);
    be_put32(window + 6, 1 << 24);
    assert_int_not_equal(put("0-0:96.61.13", ROLE_MANAGEMENT, window, sizeof window), DAR_OK);
    be_put32(window + 6, 7000050);
    assert_int_equal(put("0-0:96.61.13", ROLE_MANAGEMENT, window, sizeof window), DAR_OK);
    assert_int_equal(prepay_window(&k->d.meter), 7000050);
    be_put32(window + 6, from);
    assert_int_not_equal(put("0-0:96.61.13", ROLE_MANAGEMENT, window, sizeof window), DAR_OK);
    desk_cut(k, 5);
    open_line(COURIER_VTC);
    assert_int_equal(prepay_window(&k->d.meter), 7000050);
    snprintf(text, sizeof text, "TOKEN %s\n", early);
    assert_string_equal(said(text), "RESULT 9 OldError\r\n");
    snprintf(text, sizeof text, "TOKEN %s\n", late);
    assert_string_equal(said(text), "RESULT 1 Accept\r\n");
    assert_string_equal(said(text), "RESULT 10 UsedError\r\n");
    be_put32(window + 6, 7000050); /* the year alone */
    be_put16(window + 3, 2035);
    assert_int_equal(put("0-0:96.61.13", ROLE_MANAGEMENT, window, sizeof window), DAR_OK);
    assert_int_equal(be_get16(value_of("0-0:96.61.13", ROLE_MANAGEMENT).p + 3), 2035);
    be_put32(window + 6, 7000200); /* above what was taken: old then, not new again */
    assert_int_equal(put("0-0:96.61.13", ROLE_MANAGEMENT, window, sizeof window), DAR_OK);
    assert_string_equal(said(text), "RESULT 9 OldError\r\n");
    assert_int_equal(credit(), 2000);
}

/* 0-0:96.62.7: four bits. */
static void what_the_keypad_may(void **state)
{
    static const struct who keypad = { .link = LINK_KEYPAD };
    static const uint8_t all[] = { AXDR_BITS, 4, 0xF0 };
    char digits[24], pan[PREPAY_PAN + 1];
    struct meter *m = &k->d.meter;
    (void)state;
    prepay_pan(m, pan);
    snprintf(digits, sizeof digits, "891%.8s", pan + 8);
    assert_value("0-0:96.62.7", all, sizeof all);
    for (unsigned bit = 0; bit < 4; bit++) {
        const uint8_t one[] = { AXDR_BITS, 4, (uint8_t)(0x80 >> bit) };
        int64_t was = credit();
        assert_int_equal(put("0-0:96.62.7", ROLE_OPERATOR, one, sizeof one), DAR_DENIED);
        assert_int_equal(put("0-0:96.62.7", ROLE_SUPERVISOR, one, sizeof one), DAR_OK);
        meter_at(m, k->now);
        assert_int_equal(prepay_enter_text(m, &keypad, 0, units(10), 20),
                         bit == 0 ? STS_ACCEPT : STS_FUNCTION);
        desk_settle(k);
        assert_int_equal(credit() - was, bit == 0 ? 1000 : 0);
        assert_int_equal(code_type(m, &keypad, "801", 3), bit == 1 ? 0 : E_DENIED);
        assert_int_equal(code_type(m, &keypad, "812", 3), bit == 2 ? 0 : E_DENIED);
        desk_settle(k);
        assert_int_equal(code_type(m, &keypad, digits, strlen(digits)),
                         bit == 3 ? 0 : E_DENIED);
        assert_int_equal(prepay_locked_s(m, LINK_KEYPAD), 0); /* nobody guessed */
    }
    const struct who other = { .link = LINK_VTC }; /* other ways in go on */
    assert_int_equal(prepay_enter_text(m, &other, 0, units(10), 20), STS_ACCEPT);
}

/* 0-0:96.64.5: a line is what it was when it was opened. */
static void what_rs485_carries(void **state)
{
    uint8_t role[] = { AXDR_ENUM, 0 };
    static const enum courier_kind kind[] = { COURIER_KINDS, COURIER_CIU, COURIER_VTC };
    (void)state;
    assert_int_equal(put("0-0:96.64.5", ROLE_SUPERVISOR, role, sizeof role), DAR_DENIED);
    for (role[1] = 0; role[1] < 3; role[1]++) {
        assert_int_equal(put("0-0:96.64.5", ROLE_MANAGEMENT, role, sizeof role), DAR_OK);
        assert_int_equal(device_rs485(&k->d), kind[role[1]]);
    }
    assert_int_not_equal(put("0-0:96.64.5", ROLE_MANAGEMENT, role, sizeof role), DAR_OK);
    desk_cut(k, 5);
    assert_int_equal(device_rs485(&k->d), COURIER_VTC);
    open_line(device_rs485(&k->d));
    assert_string_equal(said("RESULT 1 Accept\r\n"), ""); /* two wires hear themselves */
    assert_string_equal(said("ERROR\r\n"), "");
    assert_string_equal(said("TOKEN\r\n"), "RESULT 6 FormatError\r\n");
}

static void frames_that_are_none(void **state)
{
    (void)state;
    uint8_t frame[CIU_MOST], bent[CIU_MOST], noise[300];
    pair(UNIT);
    open_line(COURIER_CIU);
    size_t n = sealed(frame, 1, units(100));
    for (size_t i = 0; i < n;
         i++) { /* any octet changed, with a checksum that is right again */
        memcpy(bent, frame, n);
        bent[i] ^= 0x41;
        be_put16(bent + n - CIU_CRC, crc16(bent, n - CIU_CRC));
        if (i >= n - CIU_CRC) bent[i] ^= 0x41;
        feed(bent, n);
        k->now = mono_after(k->now, 2000000); /* what it looked like does not come any more */
    }
    assert_int_equal(heard_n, 0);
    assert_int_equal(credit(), 0);
    assert_true(logged(LOG_FRAUD, EV_DECRYPTION_FAILED) > 0);
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(i * 77 + 0x7E);
    feed(noise, sizeof noise);
    k->now = mono_after(k->now, 2000000);
    feed(frame, n);
    assert_answer(1, STS_ACCEPT, "Accept");
}

/* A frame of the neighbour's unit, and one of another kind. */
static void frames_for_others(void **state)
{
    (void)state;
    uint8_t frame[CIU_MOST];
    struct ciu_frame f = {
        .unit = UNIT, .meter = k->meter.serial + 1, .counter = 5, .type = CIU_TOKEN, .n = 20
    };
    pair(UNIT);
    open_line(COURIER_CIU);
    ciu_key(key, device_development.key[SECURE_UNICAST], k->meter.serial, UNIT);
    memcpy(f.payload, units(10), 20);
    feed(frame, ciu_put(&f, key, frame));
    f.meter--;
    f.type = CIU_RESULT;
    feed(frame, ciu_put(&f, key, frame));
    f.type = CIU_TOKEN;
    f.unit = SECOND; /* under the key of another */
    feed(frame, ciu_put(&f, key, frame));
    f.unit = 0x80000000u | UNIT;
    feed(frame, ciu_put(&f, key, frame));
    f.unit = UNIT;
    ciu_key(key, device_development.key[SECURE_UNICAST], k->meter.serial + 1, UNIT);
    feed(frame, ciu_put(&f, key, frame));
    assert_int_equal(heard_n, 0);
    assert_int_equal(credit(), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(lines_of_the_carrier_port),
        T(a_line_without_an_end),
        T(an_answer_that_cannot_be_sent),
        T(wrong_tokens_lock_the_port_and_the_keypad),
        T(messages),
        T(messages_that_are_not_permitted),
        T(debt_in_a_message),
        T(the_list_of_numbers_by_dlms),
        T(messages_with_a_pin),
        T(a_carrier_port_that_is_off),
        T(frames_of_the_unit),
        T(a_unit_is_paired),
        T(when_units_are_paired),
        T(a_unit_is_lost),
        T(a_unit_is_shown),
        T(the_keypad_permits_pairing),
        T(the_list_of_units_by_dlms),
        T(what_a_unit_is_to_know),
        T(lists_that_a_unit_cannot_show),
        T(short_codes_at_a_unit),
        T(alarms_at_a_unit),
        T(what_became_of_units),
        T(the_window_of_tids),
        T(what_the_keypad_may),
        T(what_rs485_carries),
        T(frames_that_are_none),
        T(frames_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
