/* Pushes of a living meter: what orders them, when they go, what they say and how it is sealed,
 * what happens when nobody hears them, and what a power cut leaves. The network is the test's:
 * what the meter dials is noted, what it sends is opened with its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/ec.h"
#include "crypto/sha256.h"
#include "desk.h"
#include "dlms/cipher.h"
#include "dlms/hdlc.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"

enum { OUT = 1 << 16 };
static const int64_t T0 = 1767225600 + 9 * 86400; /* 2026-01-10, a Saturday */

/* -- a network ----------------------------------------------------------------------------- */
static struct net {
    struct desk *k;
    struct dlms_link link;
    bool up, deaf, hung; /* deaf: nobody is at the destination */
    enum dlms_link_kind kind;
    struct push_peer to;
    unsigned dials;
    uint8_t out[OUT];
    size_t out_n;
} net;

static size_t room(void *ctx)
{
    (void)ctx;
    return OUT - net.out_n;
}

static void net_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)ctx, (void)more;
    memcpy(net.out + net.out_n, p, n);
    net.out_n += n;
}

static void net_down(void)
{
    if (net.up) device_link_close(&net.k->d, &net.link);
    net.up = false;
}

static void net_close(void *ctx)
{
    (void)ctx;
    net.hung = true;
    net_down();
}

static const struct link_ops ops = { .room = room, .send = net_send, .close = net_close };

static void dial(void *ctx, enum dlms_link_kind kind, const struct push_peer *to)
{
    (void)ctx;
    net.dials++;
    net.kind = kind;
    net.to = *to;
    if (net.deaf) {
        device_reached(&net.k->d, NULL);
        return;
    }
    net_down();
    net.up = true;
    net.hung = false;
    device_link_open(&net.k->d, &net.link, kind, LINK_WAN, (struct link_io){ &ops, NULL },
                     net.k->d.meter.t);
    assert_true(device_reached(&net.k->d, &net.link));
}

static const struct device_dialler dialler = { .dial = dial };

static struct desk *begin(void)
{
    struct desk *k = desk_new(T0);
    net = (struct net){ .k = k };
    k->cfg.dialler = &dialler;
    return k;
}

static void end(struct desk *k)
{
    net_down();
    desk_free(k);
}

static void power_cut(struct desk *k, uint64_t dark_s)
{
    net.up = false;
    desk_cut(k, dark_s);
}

/* -- setting it up ------------------------------------------------------------------------- */
static struct obis push_ln(unsigned n)
{
    return (struct obis){ 0, (uint8_t)n, 25, 9, 0, 255 };
}

static enum dar set(struct desk *k, unsigned n, uint8_t attr, const void *p, size_t size)
{
    enum dar dar = desk_set(k, ROLE_MANAGEMENT, 40, push_ln(n), attr, p, size, 0);
    desk_settle(k);
    return dar;
}

static void aim(struct desk *k, unsigned n, uint8_t transport, const char *to, uint8_t message)
{
    uint8_t b[80];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_head(&o, AXDR_STRUCTURE, 3);
    axdr_emit_enum(&o, transport);
    axdr_emit_octets(&o, to, strlen(to));
    axdr_emit_enum(&o, message);
    assert_int_equal(set(k, n, 3, b, o.len), DAR_OK);
}

static void tell(struct desk *k, unsigned n, uint8_t attr, uint8_t tag, int64_t v)
{
    uint8_t b[9];
    struct axdr_out o = axdr_out(b, sizeof b);
    axdr_emit_int(&o, tag, v);
    assert_int_equal(set(k, n, attr, b, o.len), DAR_OK);
}

static void order(struct desk *k, unsigned n)
{
    assert_int_equal(desk_call(k, ROLE_MANAGEMENT, 40, push_ln(n), 1, NULL, 0, NULL), DAR_OK);
    desk_settle(k);
}

/* -- what came ----------------------------------------------------------------------------- */
static struct {
    uint8_t apdu[OUT];
    size_t n;
    struct axdr_in body;
    uint32_t id;
    bool sealed;
    uint16_t from, to;
    uint8_t tag, box;
} got;

/* The first packet of what was sent; general blocks are put together. */
static bool receive(void)
{
    struct wrapper w;
    size_t at = 0;
    got.n = 0;
    while (net.out_n - at >= WRAPPER_HEAD && wrapper_read(net.out + at, &w) == 0) {
        const uint8_t *p = net.out + at + WRAPPER_HEAD;
        struct axdr_in in = axdr_in(p, w.length);
        struct gbt g = { .last = true, .data = p, .n = w.length };
        if (p[0] == XDLMS_GBT) assert_int_equal(gbt_read(&in, &g), 0);
        memcpy(got.apdu + got.n, g.data, g.n);
        got.n += g.n;
        got.from = w.source;
        got.to = w.destination;
        at += (size_t)WRAPPER_HEAD + w.length;
        if (g.last) break;
    }
    memmove(net.out, net.out + at, net.out_n - at);
    net.out_n -= at;
    return got.n > 0;
}

static void unseal(struct desk *k)
{
    struct cipher_box box;
    struct cipher_key key = { .len = 16 };
    uint8_t title[8];
    device_title(&k->d, title);
    memcpy(key.ek, device_development.key[0], 16);
    memcpy(key.ak, device_development.key[2], 16);
    got.box = got.apdu[0];
    got.sealed = cipher_is_box(got.box);
    if (!got.sealed) return;
    assert_int_equal(cipher_read_box(got.apdu, got.n, &box), 0);
    size_t aad = box.tag == XDLMS_GENERAL_CIPHERING ? box.head.n : 0;
    uint8_t *content = got.apdu + (box.content.p - got.apdu);
    int n = cipher_open(content, box.content.n, &key, title, aad ? box.head.p : NULL, aad);
    assert_true(n > 0);
    got.n = (size_t)n;
    memmove(got.apdu, content + CIPHER_HEAD, got.n);
}

/* One push must have come; its body. */
static struct axdr_in expect(struct desk *k, unsigned entries)
{
    assert_true(receive());
    unseal(k);
    struct axdr_in in = axdr_in(got.apdu, got.n);
    got.tag = (uint8_t)axdr_read_raw(&in, 1);
    assert_int_equal(got.tag, XDLMS_DATA_NOTIFICATION);
    got.id = (uint32_t)axdr_read_raw(&in, 4);
    assert_int_equal(axdr_read_raw(&in, 1), 12);
    axdr_read_view(&in, 12);
    assert_int_equal(axdr_length(in.p, in.n), in.n);
    assert_int_equal(axdr_read_head(&in, AXDR_STRUCTURE), entries);
    got.body = in;
    return in;
}

static void expect_none(void)
{
    assert_false(receive());
}

static void confirm(struct desk *k, uint32_t id, bool sealed)
{
    static uint32_t ic;
    uint8_t b[WRAPPER_HEAD + 64], plain[6] = { XDLMS_DATA_NOTIFICATION_CONFIRM };
    uint8_t title[8] = { 'M', 'G', 'C' };
    struct cipher_key key = { .len = 16 };
    memcpy(key.ek, device_development.key[0], 16);
    memcpy(key.ak, device_development.key[2], 16);
    be_put32(plain + 1, id);
    struct axdr_out o = axdr_out(b + WRAPPER_HEAD, 64);
    if (sealed) {
        struct cipher_box box = { .tag = XDLMS_GENERAL_GLO, .title = { title, 8 } };
        cipher_emit_box(&o, &box, sizeof plain + cipher_extra(SC_AUTH | SC_CRYPT));
        memcpy(b + WRAPPER_HEAD + o.len + CIPHER_HEAD, plain, sizeof plain);
        o.len += cipher_seal(b + WRAPPER_HEAD + o.len, sizeof plain, SC_AUTH | SC_CRYPT, ++ic,
                             &key, title, NULL, 0);
    } else {
        axdr_emit(&o, plain, sizeof plain);
    }
    wrapper_write(b, &(struct wrapper){ got.to, got.from, (uint16_t)o.len });
    device_feed_link(&k->d, &net.link, b, WRAPPER_HEAD + o.len, k->now);
    desk_settle(k);
}

/* -- tests --------------------------------------------------------------------------------- */
static void a_push_says_which_it_is(void **state)
{
    struct desk *k = begin();
    uint8_t ln[6], name[16];
    (void)state;
    order(k, PUSH_INTERVAL_1); /* no destination: switched off */
    assert_int_equal(net.dials, 0);
    aim(k, PUSH_INTERVAL_1, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    order(k, PUSH_INTERVAL_1);
    assert_true(net.dials == 1 && net.kind == DLMS_TCP && net.to.port == 5000);
    assert_memory_equal(net.to.ip, "\x0A\0\0\x09", 4);
    struct axdr_in in = expect(k, 5);
    assert_true(got.sealed && got.box == XDLMS_GENERAL_GLO && got.from == 1 && got.to == 64);
    axdr_read_octets(&in, ln, 6);
    assert_memory_equal(ln, "\0\1\x19\x09\0\xFF", 6);
    axdr_read_octets(&in, name, 16);
    assert_memory_equal(name, "MAG2200000000001", 16);
    desk_settle(k);
    assert_true(net.hung); /* it closes what it opened */
    assert_false(got.id & LONG_INVOKE_CONFIRMED);
    end(k);
}

static void clients_with_passwords_get_it_in_plain(void **state)
{
    struct desk *k = begin();
    static const uint8_t name_only[] = { 1,    2, 2, 6,    0x12, 0, 1,    9,    6, 0,    0,
                                         42,   0, 0, 255,  0x0F, 2, 0x12, 0,    0, 2,    2,
                                         0x16, 0, 0, 1,    0,    2, 6,    0x12, 0, 3,    9,
                                         6,    1, 0, 1,    8,    0, 255,  0x0F, 2, 0x12, 0,
                                         0,    2, 2, 0x16, 0,    0, 1,    0 };
    (void)state;
    aim(k, PUSH_CONSUMER, PUSH_UDP, "[2001:db8::7]:4059", PUSH_DATA);
    assert_int_equal(set(k, PUSH_CONSUMER, 2, name_only, sizeof name_only), DAR_OK);
    tell(k, PUSH_CONSUMER, 9, AXDR_I8, 32);
    order(k, PUSH_CONSUMER);
    assert_true(net.kind == DLMS_UDP && net.to.v6);
    assert_memory_equal(net.to.ip, "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
    struct axdr_in in = expect(k, 2);
    assert_true(!got.sealed && got.to == 32);
    axdr_read_value(&in);
    assert_int_equal(axdr_peek(&in), AXDR_U32);
    tell(k, PUSH_CONSUMER, 9, AXDR_I8, 16); /* the public client may know no energy */
    order(k, PUSH_CONSUMER);
    in = expect(k, 2);
    axdr_read_value(&in);
    assert_int_equal(axdr_peek(&in), AXDR_NULL);
    const uint8_t broadcast[] = { AXDR_I8, 102 };
    assert_int_equal(set(k, PUSH_CONSUMER, 9, broadcast, 2), DAR_OTHER);
    end(k);
}

static void what_is_not_confirmed_is_sent_again(void **state)
{
    struct desk *k = begin();
    (void)state;
    aim(k, PUSH_INTERVAL_2, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    tell(k, PUSH_INTERVAL_2, 11, AXDR_ENUM, PUSH_CONFIRMED);
    order(k, PUSH_INTERVAL_2);
    expect(k, 5);
    uint32_t id = got.id;
    assert_true(id & LONG_INVOKE_CONFIRMED);
    desk_run_s(k, 4);
    assert_false(net.hung);
    desk_run_s(k, 2); /* 5 s are over; then 10, 20, 40 s */
    assert_true(net.hung && net.dials == 1);
    desk_run_s(k, 10);
    expect(k, 5);
    assert_int_equal(got.id, id); /* the same one */
    confirm(k, id, false);        /* anybody could have said that */
    desk_run_s(k, 24);
    assert_int_equal(net.dials, 3);
    expect(k, 5);
    assert_int_equal(got.id, id);
    confirm(k, id + 1, true); /* of another one */
    assert_false(net.hung);
    assert_int_equal(k->d.meter.pushes.confirmed[PUSH_INTERVAL_2], 0);
    confirm(k, id, true);
    assert_true(net.hung);
    assert_int_equal(k->d.meter.pushes.confirmed[PUSH_INTERVAL_2], k->d.meter.utc.s);
    desk_run_s(k, 600);
    assert_int_equal(net.dials, 3);
    expect_none();
    power_cut(k, 5);
    assert_true(k->d.meter.pushes.confirmed[PUSH_INTERVAL_2] > T0);
    end(k);
}

static uint32_t rows_of(struct desk *k, uint16_t code)
{
    uint32_t n = 0;
    struct event_span s = event_span(&k->d.meter, LOG_COMMUNICATION);
    struct event_row row;
    for (uint32_t i = s.first; i < s.next; i++)
        n += event_read(&k->d.meter, LOG_COMMUNICATION, i, &row) >= 0 && row.code == code;
    return n;
}

static void nobody_there_is_told_at_the_end(void **state)
{
    struct desk *k = begin();
    (void)state;
    aim(k, PUSH_INTERVAL_3, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    net.deaf = true;
    order(k, PUSH_INTERVAL_3);
    desk_run_s(k, 10 + 20 + 40 - 1);
    assert_int_equal(net.dials, 3);
    assert_int_equal(rows_of(k, 457), 0);
    desk_run_s(k, 2);
    assert_int_equal(net.dials, 4);
    assert_int_equal(rows_of(k, 457), 1);
    desk_run_s(k, 3600);
    assert_int_equal(net.dials, 4);
    end(k);
}

static void alarms_are_pushed_once(void **state)
{
    struct desk *k = begin();
    const struct obis descriptor = { 0, 0, 97, 98, 22, 255 };
    static const uint8_t none[] = { AXDR_U32, 0, 0, 0, 0 };
    (void)state;
    for (uint8_t e = 20; e < 23; e++)
        assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, (struct obis){ 0, 0, 97, 98, e, 255 },
                                  2, none, sizeof none, 0),
                         DAR_OK);
    desk_settle(k);
    aim(k, PUSH_ALARM, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    while (receive()) { /* that the configuration changed is an alarm, too */
    }
    event_post(&k->d.meter, EV_TERMINAL_COVER_OPEN, NULL, NULL);
    net.deaf = true;
    desk_run_s(k, 1);
    assert_true(net.dials >= 1);
    expect_none();
    power_cut(k, 30); /* on its way when the lights went out */
    net.deaf = false;
    desk_run_s(k, 30);
    struct axdr_in in = expect(k, 6);
    for (unsigned i = 0; i < 5; i++) axdr_read_value(&in);
    assert_int_equal(axdr_read_u32(&in) & 1, 1);
    while (receive()) { /* power up is an alarm of another register */
    }
    desk_run_s(k, 600);
    event_post(&k->d.meter, EV_TERMINAL_COVER_CLOSED, NULL, NULL);
    desk_run_s(k, 1);
    event_post(&k->d.meter, EV_TERMINAL_COVER_OPEN, NULL, NULL);
    desk_run_s(k, 60);
    expect_none(); /* its descriptor was not cleared */
    power_cut(k, 30);
    desk_run_s(k, 600);
    assert_int_equal(k->d.meter.alarms.push | k->d.meter.alarms.sending, 0);
    while (receive()) {
    }
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, descriptor, 2, none, sizeof none, 0),
                     DAR_OK);
    desk_settle(k);
    static const struct who who = { .sap = 1, .assoc = ROLE_MANAGEMENT };
    assert_int_equal(alarm_clear(&k->d.meter, &who, 2, 0), 0);
    desk_settle(k);
    event_post(&k->d.meter, EV_MAGNET, NULL, NULL);
    desk_run_s(k, 5);
    expect(k, 6);
    /* the descriptor is cleared, the register not: the next one is told all the same, once */
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, descriptor, 2, none, sizeof none, 0),
                     DAR_OK);
    for (int i = 0; i < 2; i++) {
        event_post(&k->d.meter, EV_MAGNET_END, NULL, NULL);
        desk_run_s(k, 60);
        expect_none();
        event_post(&k->d.meter, EV_MAGNET, NULL, NULL);
        desk_run_s(k, 5);
        if (i == 0) expect(k, 6);
    }
    expect_none();
    end(k);
}

static void what_rises_meanwhile_is_told_after(void **state)
{
    struct desk *k = begin();
    static const uint8_t none[] = { AXDR_U32, 0, 0, 0, 0 };
    (void)state;
    aim(k, PUSH_ALARM, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    tell(k, PUSH_ALARM, 11, AXDR_ENUM, PUSH_CONFIRMED);
    desk_run_s(k, 600);
    while (receive()) {
    }
    for (uint8_t e = 0; e < 23; e = e == 2 ? 20 : (uint8_t)(e + 1))
        assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 1, (struct obis){ 0, 0, 97, 98, e, 255 },
                                  2, none, sizeof none, 0),
                         DAR_OK);
    desk_run_s(k, 600);
    while (receive()) {
    }
    event_post(&k->d.meter, EV_TERMINAL_COVER_OPEN, NULL, NULL);
    desk_run_s(k, 1);
    expect(k, 6);
    uint32_t first = got.id;
    event_post(&k->d.meter, EV_EXTERNAL_ALERT, NULL, NULL); /* of another register */
    desk_run_s(k, 1);
    expect_none();
    confirm(k, first, true);
    desk_run_s(k, 1);
    struct axdr_in in = expect(k, 6);
    assert_int_not_equal(got.id, first);
    for (unsigned i = 0; i < 4; i++) axdr_read_value(&in);
    assert_int_equal(axdr_read_u32(&in) >> 17 & 1, 1);
    /* not confirmed; while it waits for its repetition it is ordered anew: another id */
    uint32_t second = got.id;
    desk_run_s(k, 7);
    order(k, PUSH_ALARM);
    desk_run_s(k, 20);
    expect(k, 6);
    assert_int_not_equal(got.id, second);
    end(k);
}

static void moments_order_pushes(void **state)
{
    struct desk *k = begin();
    /* every day at 00:20, {time, date} */
    static const uint8_t times[] = { 1, 1, 2, 2,   9,   4,   0,   20, 0,
                                     0, 9, 5, 255, 255, 255, 255, 255 };
    (void)state;
    aim(k, PUSH_INTERVAL_1, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    assert_int_equal(desk_set(k, ROLE_MANAGEMENT, 22, (struct obis){ 0, 1, 15, 0, 4, 255 }, 4,
                              times, sizeof times, 0),
                     DAR_OK);
    desk_settle(k);
    desk_run_s(k, 1200 - 2);
    assert_int_equal(net.dials, 0);
    desk_run_s(k, 4);
    expect(k, 5);
    power_cut(k, 2 * 86400); /* two midnights in the dark: not made up for */
    desk_run_s(k, 1000);
    expect_none();
    desk_run_s(k, 86400);
    expect(k, 5);
    expect_none();
    end(k);
}

static void starts_are_spread_and_windows_bind(void **state)
{
    struct desk *k = begin();
    /* 02:00:00 to 03:00:00 of each day */
    uint8_t window[] = { 1, 1,   2, 2,  9,   12,  255, 255, 255, 255, 255, 2, 0, 0,   0, 128,
                         0, 255, 9, 12, 255, 255, 255, 255, 255, 3,   0,   0, 0, 128, 0, 255 };
    unsigned early = 0;
    (void)state;
    aim(k, PUSH_INTERVAL_1, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    tell(k, PUSH_INTERVAL_1, 5, AXDR_U16, 600);
    for (unsigned i = 0; i < 16; i++) {
        order(k, PUSH_INTERVAL_1);
        desk_run_s(k, 300);
        early += receive();
        desk_run_s(k, 302);
        if (net.out_n) assert_true(receive());
        expect_none();
    }
    assert_true(early > 0 && early < 16 && net.dials == 16);
    assert_int_equal(set(k, PUSH_INTERVAL_1, 4, window, sizeof window), DAR_OK);
    tell(k, PUSH_INTERVAL_1, 5, AXDR_U16, 0);
    int64_t day = 86400, at = (k->d.meter.utc.s - T0) % day;
    desk_run_s(k, (uint64_t)(at < 4 * 3600 ? 4 * 3600 - at : 0));
    order(k, PUSH_INTERVAL_1);
    desk_run_s(k, 60);
    expect_none();
    at = (k->d.meter.utc.s - T0) % day;
    desk_run_s(k, (uint64_t)(day + 2 * 3600 - at - 60));
    expect_none();
    desk_run_s(k, 120);
    expect(k, 5);
    order(k, PUSH_INTERVAL_1); /* it is open */
    expect(k, 5);
    window[13] = 99;
    assert_int_equal(set(k, PUSH_INTERVAL_1, 4, window, sizeof window), DAR_OTHER);
    end(k);
}

static void the_meter_makes_itself_known(void **state)
{
    struct desk *k = begin();
    static const uint8_t forget[] = { 2,   3,   3,   0,   0x11, 0,   9,   12,  255, 255,
                                      255, 255, 255, 255, 255,  255, 255, 128, 0,   255 };
    (void)state;
    net.deaf = true;
    aim(k, PUSH_INSTALLATION, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    desk_run_s(k, 86400); /* it goes on */
    assert_true(net.dials > 50 && net.dials < 200);
    net.deaf = false;
    power_cut(k, 5);
    desk_run_s(k, 3);
    expect(k, 5);
    confirm(k, got.id, true);
    assert_true(k->d.meter.pushes.registered);
    assert_int_equal(rows_of(k, 458), 1);
    power_cut(k, 5);
    desk_run_s(k, 3600);
    expect_none();
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 1, desk_ln("0-0:96.64.2"), 2, forget, sizeof forget, 0),
        DAR_OK);
    desk_run_s(k, 2);
    expect(k, 5);
    end(k);
}

static void the_last_gasp_is_heard(void **state)
{
    struct desk *k = begin();
    (void)state;
    aim(k, PUSH_POWER_DOWN, PUSH_UDP, "10.0.0.9:5000", PUSH_DATA);
    aim(k, PUSH_INTERVAL_1, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    order(k, PUSH_INTERVAL_1);
    expect(k, 5);
    device_supply_failed(&k->d, k->now);
    struct axdr_in in = expect(k, 3);
    uint8_t ln[6];
    axdr_read_octets(&in, ln, 6);
    assert_true(ln[1] == PUSH_POWER_DOWN && net.kind == DLMS_UDP && net.to.at_once);
    expect_none();
    static const uint8_t twice[] = { 2, 3, 3, 1, 0x11, 0, 0x11, 2 };
    desk_settle(k); /* the supply stayed */
    assert_int_equal(
        desk_set(k, ROLE_MANAGEMENT, 1, desk_ln("0-0:96.64.3"), 2, twice, sizeof twice, 0),
        DAR_OK);
    desk_settle(k);
    device_supply_failed(&k->d, k->now);
    expect(k, 3);
    expect(k, 3);
    expect_none();
    desk_settle(k);
    aim(k, PUSH_POWER_DOWN, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    tell(k, PUSH_POWER_DOWN, 11, AXDR_ENUM, 2);
    device_supply_failed(&k->d, k->now); /* nobody waits for the confirmation */
    expect(k, 3);
    expect(k, 3);
    assert_true(net.kind == DLMS_TCP && net.to.at_once);
    desk_run_s(k, 60);
    expect_none();
    order(k, PUSH_POWER_DOWN); /* with the supply on there is time to connect */
    assert_false(net.to.at_once);
    expect(k, 3);
    desk_run_s(k, 60);
    end(k);
}

static void profiles_come_in_part(void **state)
{
    struct desk *k = begin();
    /* the survey's newest rows by entry, and its clock alone by columns; scaler and unit of a
     * register; everything of another */
    static const uint8_t list[] = {
        1,    4, 2, 6,   0x12, 0, 7,    9, 6, 1, 0,   99,   1, 0,    255, 0x0F, 2, 0x12,
        0,    0, 2, 2,   0x16, 2, 2,    2, 6, 0, 0,   0,    2, 6,    0,   0,    0, 4,
        1,    0, 2, 6,   0x12, 0, 7,    9, 6, 1, 0,   99,   1, 0,    255, 0x0F, 2, 0x12,
        0,    0, 2, 2,   0x16, 0, 0,    1, 1, 2, 4,   0x12, 0, 8,    9,   6,    0, 0,
        1,    0, 0, 255, 0x0F, 2, 0x12, 0, 0, 2, 6,   0x12, 0, 3,    9,   6,    1, 0,
        1,    8, 0, 255, 0x0F, 3, 0x12, 0, 2, 2, 2,   0x16, 0, 0,    1,   0,    2, 6,
        0x12, 0, 3, 9,   6,    1, 0,    1, 8, 0, 255, 0x0F, 0, 0x12, 0,   0,    2, 2,
        0x16, 0, 0, 1,   0,
    };
    uint8_t bad[sizeof list];
    (void)state;
    desk_run_s(k, 86400 * 2);
    aim(k, PUSH_INTERVAL_1, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    assert_int_equal(set(k, PUSH_INTERVAL_1, 2, list, sizeof list), DAR_OK);
    order(k, PUSH_INTERVAL_1);
    desk_run_s(k, 1); /* rows are looked for */
    struct axdr_in in = expect(k, 4);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), 3);
    for (unsigned i = 0; i < 3; i++) axdr_read_value(&in);
    uint32_t rows = axdr_read_head(&in, AXDR_ARRAY);
    assert_int_equal(rows, 192);
    for (uint32_t i = 0; i < rows; i++) {
        uint8_t dt[12];
        axdr_read_struct(&in, 1);
        axdr_read_datetime(&in, dt);
        assert_false(in.bad);
    }
    assert_int_equal(axdr_read_enum(&in), 30);
    axdr_read_struct(&in, 3);
    assert_true(!in.bad && in.n > 9);
    memcpy(bad, list, sizeof list);
    bad[16] = 9; /* no such attribute */
    assert_int_equal(set(k, PUSH_INTERVAL_1, 2, bad, sizeof bad), DAR_OTHER);
    memcpy(bad, list, sizeof list);
    bad[6] = 8; /* no such object */
    assert_int_equal(set(k, PUSH_INTERVAL_1, 2, bad, sizeof bad), DAR_OTHER);
    assert_int_equal(set(k, PUSH_INTERVAL_1, 2, list, sizeof list - 1), DAR_TYPE);
    end(k);
}

static void events_are_notified(void **state)
{
    struct desk *k = begin();
    (void)state;
    static const uint8_t list[] = { 1,   1,    2, 6,    0x12, 0, 1, 9, 6,    0, 0, 97, 98, 20,
                                    255, 0x0F, 2, 0x12, 0,    0, 2, 2, 0x16, 0, 0, 1,  0 };
    aim(k, PUSH_ALARM, PUSH_TCP, "10.0.0.9:5000", PUSH_EVENT);
    assert_int_equal(set(k, PUSH_ALARM, 2, list, sizeof list), DAR_OK);
    desk_run_s(k, 1);
    while (receive()) { /* alarms that stood when there was nowhere to push them */
    }
    order(k, PUSH_ALARM);
    assert_true(receive());
    unseal(k);
    assert_true(got.sealed && got.box == XDLMS_GENERAL_GLO); /* who knows the meter's title? */
    static const uint8_t head[] = { 0, 1, 0, 0, 97, 98, 20, 255, 2, AXDR_U32 };
    assert_int_equal(got.apdu[0], XDLMS_EVENT_NOTIFICATION);
    assert_int_equal(got.apdu[1], 1);
    assert_memory_equal(got.apdu + 2 + 1 + 12, head, sizeof head);
    assert_int_equal(got.n, 2 + 1 + 12 + sizeof head + 4);
    end(k);
}

static void protection_parameters_are_used(void **state)
{
    struct desk *k = begin();
    static const uint8_t both[] = { 1, 1, 2, 2, 0x16, 2, 2,    5,   9,    4, 0, 0,
                                    0, 7, 9, 0, 9,    8, 'H',  'E', 'S',  1, 2, 3,
                                    4, 5, 9, 0, 2,    2, 0x16, 0,   0x16, 0 };
    uint8_t wrapped[sizeof both];
    struct cipher_box box;
    (void)state;
    aim(k, PUSH_INTERVAL_1, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    assert_int_equal(set(k, PUSH_INTERVAL_1, 10, both, sizeof both), DAR_OK);
    order(k, PUSH_INTERVAL_1);
    assert_true(receive());
    assert_int_equal(cipher_read_box(got.apdu, got.n, &box), 0);
    assert_int_equal(box.tag, XDLMS_GENERAL_CIPHERING);
    assert_memory_equal(box.transaction.p, "\0\0\0\7", 4);
    assert_memory_equal(box.recipient.p, "HES\1\2\3\4\5", 8);
    unseal(k);
    assert_int_equal(got.apdu[0], XDLMS_DATA_NOTIFICATION);
    memcpy(wrapped, both, sizeof both);
    wrapped[sizeof both - 3] = 1; /* a wrapped key would need one of the head-end's */
    assert_int_equal(set(k, PUSH_INTERVAL_1, 10, wrapped, sizeof wrapped), DAR_OTHER);
    end(k);
}

static void a_serial_line_carries_it(void **state)
{
    struct desk *k = begin();
    static const uint8_t rs485[] = { 9, 6, 0, 1, 22, 0, 0, 255 };
    struct hdlc_frame f;
    size_t used;
    struct dlms_link line;
    (void)state;
    aim(k, PUSH_CONSUMER, PUSH_HDLC, "", PUSH_DATA);
    assert_int_equal(set(k, PUSH_CONSUMER, 8, rs485, sizeof rs485), DAR_OK);
    tell(k, PUSH_CONSUMER, 9, AXDR_I8, 32);
    tell(k, PUSH_CONSUMER, 6, AXDR_U8, 0);
    order(k, PUSH_CONSUMER);
    desk_run_s(k, 1);
    assert_int_equal(rows_of(k, 457), 1); /* no such line */
    device_link_open(&k->d, &line, DLMS_HDLC, LINK_RS485, (struct link_io){ &ops, NULL },
                     k->now);
    order(k, PUSH_CONSUMER);
    assert_true(hdlc_frame_read(net.out, net.out_n, &f, &used) > 0);
    assert_true(f.control == HDLC_UI && f.dst.upper == 32 && f.src.lower == 17);
    assert_int_equal(f.info[HDLC_LLC], XDLMS_DATA_NOTIFICATION);
    /* its session went back to the pool */
    for (const struct dlms_session *s = line.first; s; s = s->next)
        assert_int_not_equal(s->who.sap, 32);
    uint8_t snrm[16];
    const struct hdlc_frame connect = { .dst = { .len = 2, .upper = 1, .lower = 17 },
                                        .src = { .len = 1, .upper = 32 },
                                        .control = HDLC_SNRM | HDLC_PF };
    int snrm_n = hdlc_frame_write(snrm, sizeof snrm, &connect);
    net.out_n = 0;
    device_feed_link(&k->d, &line, snrm, (size_t)snrm_n, k->now);
    desk_settle(k);
    size_t answered = net.out_n;
    assert_true(answered > 0);
    order(k, PUSH_CONSUMER);
    desk_run_s(k, 1);
    assert_int_equal(net.out_n, answered); /* somebody talks there */
    assert_int_equal(rows_of(k, 457), 2);
    device_link_close(&k->d, &line);
    end(k);
}

/* A layer of attribute 10: its kind, and the last octet of its transaction-id. */
static size_t put_layer(uint8_t *p, uint8_t type, uint8_t id)
{
    const uint8_t layer[] = { 2,   2,   0x16, type, 2, 5, 9, 4, 0, 0, 0, id, 9,    0, 9,    8,
                              'H', 'E', 'S',  1,    2, 3, 4, 5, 9, 0, 2, 2,  0x16, 0, 0x16, 0 };
    memcpy(p, layer, sizeof layer);
    return sizeof layer;
}

static enum dar set_layers(struct desk *k, unsigned n, const uint8_t (*layer)[2], uint8_t count)
{
    uint8_t b[128] = { 1, count };
    size_t at = 2;
    for (unsigned i = 0; i < count; i++) at += put_layer(b + at, layer[i][0], layer[i][1]);
    return set(k, n, 10, b, at);
}

/* One signed push must have come: take the signature off. Its container is left in got. */
static void unsign(struct desk *k, const uint8_t point[EC_POINT])
{
    struct cipher_box box;
    struct sha256 h;
    uint8_t digest[32];
    for (unsigned s = 0; s < 4; s++) desk_run_s(k, 1); /* it is worked out below the meter */
    assert_true(receive());
    assert_int_equal(got.apdu[0], XDLMS_GENERAL_SIGNING);
    assert_int_equal(cipher_read_box(got.apdu, got.n, &box), 0);
    assert_int_equal(box.signature.n, EC_SIG);
    assert_memory_equal(box.recipient.p, "HES\1\2\3\4\5", 8);
    sha256_begin(&h);
    sha256_more(&h, box.head.p, box.head.n);
    sha256_more(&h, box.content.p, box.content.n);
    sha256_end(&h, digest);
    assert_int_equal(ec_verify(point, digest, box.signature.p), 0);
    got.n = box.content.n;
    memmove(got.apdu, box.content.p, got.n);
}

static void pushes_are_signed(void **state)
{
    static const uint8_t sign[][2] = { { 3, 7 } }, both[][2] = { { 2, 8 }, { 3, 8 } };
    static const uint8_t wrong[][2][2] = {
        { { 3, 7 }, { 2, 7 } }, /* what is signed is not sealed again */
        { { 2, 7 }, { 3, 8 } }, /* other names */
        { { 3, 7 }, { 3, 7 } }, { { 2, 7 }, { 2, 7 } }, { { 4, 7 }, { 3, 7 } },
    };
    struct desk *k = begin();
    static const struct who who = { .assoc = ROLE_MANAGEMENT, .sap = 1, .link = LINK_WAN };
    struct secure_key key = { .slot = SECURE_SIGN, .length = EC_KEY };
    uint8_t point[EC_POINT], seed[EC_SEED] = { 1 };
    (void)state;
    assert_int_equal(ec_keygen(key.octets, point, seed), 0);
    aim(k, PUSH_INTERVAL_1, PUSH_TCP, "10.0.0.9:5000", PUSH_DATA);
    assert_int_equal(set_layers(k, PUSH_INTERVAL_1, sign, 1), DAR_OTHER); /* suite 0 */
    assert_int_equal(secure_keys_set(&k->d.meter, &who, &key, 1, NULL), 0);
    desk_settle(k);
    assert_int_equal(param_set(&k->d.meter, &who, PARAM_SECURITY_SUITE, 1), 0);
    desk_settle(k);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(set_layers(k, PUSH_INTERVAL_1, wrong[i], 2), DAR_OTHER);
    assert_int_equal(set_layers(k, PUSH_POWER_DOWN, sign, 1), DAR_OTHER); /* no time for it */
    assert_int_equal(set_layers(k, PUSH_INTERVAL_1, sign, 1), DAR_OK);
    order(k, PUSH_INTERVAL_1);
    unsign(k, point);
    assert_int_equal(got.apdu[0], XDLMS_GENERAL_GLO); /* as the policy asks */
    unseal(k);
    assert_int_equal(got.apdu[0], XDLMS_DATA_NOTIFICATION);
    assert_int_equal(set_layers(k, PUSH_INTERVAL_1, both, 2), DAR_OK);
    order(k, PUSH_INTERVAL_1);
    unsign(k, point);
    assert_int_equal(got.apdu[0], XDLMS_GENERAL_CIPHERING);
    unseal(k);
    assert_int_equal(got.apdu[0], XDLMS_DATA_NOTIFICATION);
    assert_int_equal(set_layers(k, PUSH_INTERVAL_1, both, 1), DAR_OK);
    order(k, PUSH_INTERVAL_1);
    assert_true(receive());
    assert_int_equal(got.apdu[0], XDLMS_GENERAL_CIPHERING); /* no signature any more */
    uint8_t list[512];
    struct axdr_out o = axdr_out(list, sizeof list);
    axdr_emit_array(&o, 12);
    for (unsigned i = 0; i < 12; i++) { /* twelve times this list */
        static const struct cosem_capture itself = { 40, { 0, 1, 25, 9, 0, 255 }, 2, 0 };
        axdr_emit_struct(&o, 6);
        push_emit_object(&o, &itself);
        axdr_emit_array(&o, 0);
    }
    assert_int_equal(set(k, PUSH_INTERVAL_1, 2, list, o.len), DAR_OK);
    order(k, PUSH_INTERVAL_1);
    assert_true(receive());
    assert_true(got.n > 3000);
    assert_int_equal(set_layers(k, PUSH_INTERVAL_1, sign, 1), DAR_OK);
    order(k, PUSH_INTERVAL_1);
    desk_run_s(k, 60);
    expect_none(); /* blocks are not signed */
    assert_int_equal(rows_of(k, 457), 1);
    end(k);
}

static void addresses_are_read(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "1.2.3.4:5", true },
        { "255.255.255.255:65535", true },
        { "1.2.3.4", false },
        { "1.2.3.4:", false },
        { "1.2.3.4:0", false },
        { "1.2.3.4:65536", false },
        { "256.1.1.1:1", false },
        { "1.2.3:1", false },
        { "[::]:1", true },
        { "[::1]:1", true },
        { "[1::]:1", true },
        { "[1:2:3:4:5:6:7:8]:9", true },
        { "[1:2:3:4:5:6:7]:9", false },
        { "[1::2::3]:9", false },
        { "[1:2:3:4:5:6:7:8:9]:9", false },
        { "[12345::]:9", false },
        { "[::1:9", false },
        { "", false },
        { "[fe80::1]9", false },
        { "[1:]:9", false },
        { "a.b.c.d:1", false },
        { "[1:2:3:4:5:6:7::]:9", true },
        { "[::2:3:4:5:6:7:8]:9", true },
    };
    struct push_peer to;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int err = push_read_peer(&to, (const uint8_t *)cases[i].text, strlen(cases[i].text));
        if ((err == 0) != cases[i].good) print_message("%s\n", cases[i].text);
        assert_int_equal(err == 0, cases[i].good);
    }
    assert_int_equal(push_read_peer(&to, (const uint8_t *)"[1:2::7:8]:9", 12), 0);
    assert_memory_equal(to.ip, "\0\1\0\2\0\0\0\0\0\0\0\0\0\7\0\x08", 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(a_push_says_which_it_is),
        cmocka_unit_test(clients_with_passwords_get_it_in_plain),
        cmocka_unit_test(what_is_not_confirmed_is_sent_again),
        cmocka_unit_test(nobody_there_is_told_at_the_end),
        cmocka_unit_test(alarms_are_pushed_once),
        cmocka_unit_test(what_rises_meanwhile_is_told_after),
        cmocka_unit_test(moments_order_pushes),
        cmocka_unit_test(starts_are_spread_and_windows_bind),
        cmocka_unit_test(the_meter_makes_itself_known),
        cmocka_unit_test(the_last_gasp_is_heard),
        cmocka_unit_test(profiles_come_in_part),
        cmocka_unit_test(events_are_notified),
        cmocka_unit_test(protection_parameters_are_used),
        cmocka_unit_test(pushes_are_signed),
        cmocka_unit_test(a_serial_line_carries_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
