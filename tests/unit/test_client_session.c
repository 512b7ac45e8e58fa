/* test_client_session.c - the client against the server: the device of tests/dlms behind a
 * socket, every carrier, every protection, every service; lines that lose and spoil octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "dlms/wire.h"
#include "tools/client/objects.h"
#include "tools/client/session.h"

struct setup { /* both sides of one conversation */
    struct bench bench;
    struct wire wire;
    struct channel channel;
    struct carrier_wrapper wrapper;
    struct carrier_hdlc hdlc;
    struct carrier *way;
    struct session_config cfg;
    struct session session;
    struct trouble t;
};

static const uint8_t secret_key[32] = { 0xBB, 0xC8, 0xB5, 0xF4, 0xA1, 0xAB, 0x6D, 0xAC,
                                        0x5C, 0x05, 0x7C, 0xF8, 0xB6, 0xE8, 0x63, 0x92,
                                        0x6D, 0x4B, 0xC6, 0x64, 0x55, 0x4B, 0x18, 0x80,
                                        0x5C, 0x7F, 0x48, 0x8A, 0xED, 0x2C, 0x29, 0x76 };
static const uint8_t agree_key[32] = { 0x57, 0x53, 0x34, 0x29, 0x74, 0xF7, 0x6D, 0xCD,
                                       0xA7, 0x6F, 0x19, 0xB8, 0x7F, 0x9E, 0x70, 0x3A,
                                       0x75, 0xB8, 0x80, 0x01, 0x50, 0x50, 0xF4, 0x60,
                                       0xBE, 0x07, 0x12, 0x3D, 0xB0, 0x15, 0x0E, 0x4D };

static void give_curves(struct setup *s)
{
    struct keyring *k = &s->cfg.keys;
    static const uint8_t seed[32] = { 7 };
    memcpy(k->sign, secret_key, 32);
    memcpy(k->agree, agree_key, 32);
    for (unsigned i = 0; i < 32; i++) {
        s->bench.server_sign[i] = (uint8_t)(i + 1);
        s->bench.server_agree[i] = (uint8_t)(i + 65);
    }
    assert_int_equal(ec_public(s->bench.client_sign_q, k->sign, seed), 0);
    assert_int_equal(ec_public(s->bench.client_agree_q, k->agree, seed), 0);
    assert_int_equal(ec_public(k->peer_sign, s->bench.server_sign, seed), 0);
    assert_int_equal(ec_public(k->peer_agree, s->bench.server_agree, seed), 0);
    k->has_sign = k->has_agree = k->has_peer_sign = k->has_peer_agree = true;
}

static void give_keys(struct setup *s)
{
    struct keyring *k = &s->cfg.keys;
    memcpy(k->global.ek, s->bench.unicast, 16);
    memcpy(k->global.ak, s->bench.auth, 16);
    memcpy(k->master, s->bench.master, 16);
    memcpy(k->client_title, s->bench.security.client_title, 8);
    k->global.len = 16;
    k->has_global = k->has_master = k->has_client_title = true;
}

static struct setup *start(enum dlms_link_kind kind, uint16_t rx, uint16_t tx)
{
    struct setup *s = calloc(1, sizeof *s);
    bench_init(&s->bench, rx, tx);
    session_config_default(&s->cfg);
    s->cfg.keep_counter = false;
    s->cfg.timeout_ms = 5000;
    give_keys(s);
    give_curves(s);
    wire_start(&s->wire, &s->bench, kind);
    channel_take(&s->channel, s->wire.near, "the bench");
    s->channel.datagram = kind == DLMS_UDP;
    return s;
}

static void use_wrapper(struct setup *s, uint16_t sap)
{
    carrier_wrapper(&s->wrapper, &s->channel, sap, 1);
    s->way = &s->wrapper.base;
}

static int use_hdlc(struct setup *s, uint16_t sap, uint16_t info, uint8_t window)
{
    struct carrier_hdlc_config cfg = { .client = sap,
                                       .server = { 2, 1, 17 },
                                       .offer = { info, info, window, window },
                                       .timeout_ms = 150,
                                       .tries = 8 };
    carrier_hdlc(&s->hdlc, &s->channel, &cfg);
    s->way = &s->hdlc.base;
    return carrier_hdlc_connect(&s->hdlc, &s->t);
}

static void finish(struct setup *s)
{
    session_close(&s->session);
    if (s->way) s->way->close(s->way);
    carrier_wrapper_free(&s->wrapper);
    carrier_hdlc_free(&s->hdlc);
    wire_stop(&s->wire);
    bench_free(&s->bench);
    free(s);
}

static int open_as(struct setup *s, uint8_t mechanism, const char *secret)
{
    s->cfg.mechanism = mechanism;
    s->cfg.secret_n = strlen(secret);
    memcpy(s->cfg.secret, secret, s->cfg.secret_n);
    session_init(&s->session, &s->cfg, s->way);
    int e = session_open(&s->session, &s->t);
    if (e < 0) print_message("%s\n", s->t.text);
    return e;
}

static int open_managed(struct setup *s, enum guard guard)
{
    s->cfg.ciphered = true;
    s->cfg.guard = guard;
    s->cfg.dedicated = guard == GUARD_DED || guard == GUARD_GENERAL_DED;
    return open_as(s, MECH_GMAC, "");
}

/* -- what is asked ---------------------------------------------------------------------- */

static const struct target name_of_meter = { 1, { 0, 0, 96, 1, 0, 255 }, 2 };
static const struct target text0 = { 1, { 0, 0, 96, 13, 0, 255 }, 2 };
static const struct target text1 = { 1, { 0, 0, 96, 1, 10, 255 }, 2 };
static const struct target longs = { 1, { 0, 0, 96, 50, 0, 255 }, 2 };
static const struct target live = { 1, { 0, 0, 96, 51, 0, 255 }, 2 };
static const struct target nothing = { 1, { 0, 0, 99, 99, 99, 255 }, 2 };
static const struct target days = { 11, { 0, 0, 11, 0, 0, 255 }, 2 };
static const struct target buffer = { 7, { 1, 0, 99, 1, 0, 255 }, 2 };
static const struct target turn = { 64, { 0, 0, 43, 0, 0, 255 }, 6 };
static const struct target rows = { 64, { 0, 0, 43, 0, 0, 255 }, 2 };

static void check_name(struct setup *s)
{
    struct buf data = { 0 };
    int e = session_get(&s->session, &name_of_meter, NULL, &data, &s->t);
    if (e < 0) fail_msg("%s", s->t.text);
    assert_int_equal(e, 0);
    assert_int_equal(data.n, 10);
    assert_memory_equal(data.p,
                        "\x09\x08"
                        "22000042",
                        10);
    assert_int_equal(session_get(&s->session, &nothing, NULL, &data, &s->t), 4);
    buf_free(&data);
}

static void put_octets(struct buf *b, size_t n)
{
    buf_clear(b);
    buf_put_head(b, AXDR_OCTETS, (uint32_t)n);
    for (size_t i = 0; i < n; i++) buf_put_u8(b, (uint8_t)(i * 3 + 1));
}

/* Long answers, long requests, lists, methods: what a session is for. */
static void check_services(struct setup *s)
{
    struct session *x = &s->session;
    struct buf data = { 0 }, back = { 0 };
    check_name(s);
    assert_int_equal(session_get(x, &longs, NULL, &data, &s->t), 0);
    assert_int_equal(data.n, 304);
    for (size_t i = 0; i < 300; i++) assert_int_equal(data.p[4 + i], (uint8_t)i);

    put_octets(&data, 100);
    assert_int_equal(session_set(x, &text0, NULL, &data, &s->t), 0);
    assert_int_equal(session_get(x, &text0, NULL, &back, &s->t), 0);
    assert_int_equal(back.n, data.n);
    assert_memory_equal(back.p, data.p, data.n);

    buf_clear(&data);
    buf_put_head(&data, AXDR_ARRAY, 200);
    for (unsigned i = 0; i < 200; i++)
        buf_put(&data, (uint8_t[]){ 2, 2, AXDR_U16, 0, (uint8_t)i, AXDR_U8, (uint8_t)i }, 7);
    assert_int_equal(session_set(x, &days, NULL, &data, &s->t), 0);
    assert_int_equal(session_get(x, &days, NULL, &back, &s->t), 0);
    assert_int_equal(back.n, data.n);
    assert_memory_equal(back.p, data.p, data.n);

    put_octets(&data, 90);
    assert_int_equal(session_action(x, &turn, &data, &back, &s->t), 0);
    assert_int_equal(back.n, data.n);
    for (size_t i = 2; i < 92; i++) assert_int_equal(back.p[i], data.p[i] ^ 0x80);
    buf_clear(&data);
    assert_int_equal(session_action(x, &rows, &data, &back, &s->t), 0);
    struct axdr_in in = buf_in(&back);
    assert_int_equal(axdr_read_head(&in, AXDR_ARRAY), 120);
    assert_int_equal(session_action(x, &nothing, &data, &back, &s->t), 4);
    buf_free(&data);
    buf_free(&back);
}

static void check_lists(struct setup *s)
{
    struct item items[6] = { { .target = name_of_meter }, { .target = live },
                             { .target = nothing },       { .target = longs },
                             { .target = text0 },         { .target = live } };
    assert_int_equal(session_get_list(&s->session, items, 6, &s->t), 0);
    static const int results[6] = { 0, 0, 4, 0, 0, 0 };
    static const size_t sizes[6] = { 10, 5, 0, 304, 0, 5 };
    for (int i = 0; i < 6; i++) {
        assert_int_equal(items[i].result, results[i]);
        if (i != 4) assert_int_equal(items[i].data.n, sizes[i]);
        buf_free(&items[i].data);
    }
    struct item sets[3] = { { .target = text0 }, { .target = nothing }, { .target = text1 } };
    for (int i = 0; i < 3; i++) put_octets(&sets[i].data, 70);
    assert_int_equal(session_set_list(&s->session, sets, 3, &s->t), 0);
    assert_int_equal(sets[0].result, 0);
    assert_int_equal(sets[1].result, 4);
    assert_int_equal(sets[2].result, 0);
    struct item calls[2] = { { .target = turn }, { .target = turn } };
    for (int i = 0; i < 2; i++) put_octets(&calls[i].data, 60);
    assert_int_equal(session_action_list(&s->session, calls, 2, &s->t), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(calls[i].result, 0);
        assert_int_equal(calls[i].data.n, 62);
        assert_int_equal(calls[i].data.p[2], 1 ^ 0x80);
    }
    for (int i = 0; i < 3; i++) buf_free(&sets[i].data);
    for (int i = 0; i < 2; i++) buf_free(&calls[i].data);
}

static void check_access(struct setup *s)
{
    struct item items[4] = { { .kind = ITEM_GET, .target = name_of_meter },
                             { .kind = ITEM_SET, .target = text0 },
                             { .kind = ITEM_ACTION, .target = turn },
                             { .kind = ITEM_GET, .target = nothing } };
    bool can = session_can(&s->session, XDLMS_C_ACCESS);
    assert_int_equal(can, s->cfg.mechanism != MECH_GMAC); /* the bench has it so */
    if (!can) return;
    put_octets(&items[1].data, 20);
    put_octets(&items[2].data, 20);
    if (session_access(&s->session, items, 4, false, &s->t) < 0) fail_msg("%s", s->t.text);
    assert_int_equal(items[0].result, 0);
    assert_int_equal(items[0].data.n, 10);
    assert_int_equal(items[1].result, 0);
    assert_int_equal(items[2].result, 0);
    assert_int_equal(items[2].data.n, 22);
    assert_int_equal(items[3].result, 4);
    for (int i = 0; i < 4; i++) buf_free(&items[i].data);
}

static uint32_t count_rows(struct setup *s, const struct selection *sel)
{
    struct buf data = { 0 };
    int e = session_get(&s->session, &buffer, sel, &data, &s->t);
    if (e < 0) fail_msg("%s", s->t.text);
    assert_int_equal(e, 0);
    struct axdr_in in = buf_in(&data);
    uint32_t n = axdr_read_head(&in, AXDR_ARRAY);
    buf_free(&data);
    return n;
}

static void check_selections(struct setup *s)
{
    struct selection sel = { 0 };
    uint8_t from[12] = { 0x07, 0xEA, 11, 22, 0xFF, 11, 0, 0, 0, 0x80, 0, 0xFF },
            to[12] = { 0x07, 0xEA, 11, 22, 0xFF, 12, 0, 0, 0, 0x80, 0, 0xFF };
    assert_int_equal(count_rows(s, NULL), 120);
    selection_range(&sel, from, to);
    assert_int_equal(count_rows(s, &sel), 5);
    selection_entry(&sel, 11, 20, 1, 0);
    assert_int_equal(count_rows(s, &sel), 10);
    selection_entry(&sel, 111, 0, 2, 3);
    assert_int_equal(count_rows(s, &sel), 10);
    selection_entry(&sel, 500, 0, 1, 0);
    assert_int_equal(count_rows(s, &sel), 0);
    buf_free(&sel.arg);
}

/* -- associations ----------------------------------------------------------------------- */

static void plain_clients(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_TCP, 1024, 1024);
    use_wrapper(s, SAP_PUBLIC);
    assert_int_equal(open_as(s, MECH_NONE, ""), 0);
    check_name(s);
    finish(s);

    s = start(DLMS_TCP, 1024, 1024);
    use_wrapper(s, SAP_READER);
    assert_int_equal(open_as(s, MECH_LLS, "1234567x"), E_AUTH);
    assert_non_null(strstr(s->t.text, "wrong password"));
    session_close(&s->session);
    assert_int_equal(open_as(s, MECH_NONE, ""), E_AUTH);
    session_close(&s->session);
    assert_int_equal(open_as(s, MECH_LLS, "12345678"), 0);
    check_services(s);
    check_lists(s);
    check_access(s);
    check_selections(s);
    finish(s);
}

static void every_guard(void **state)
{
    (void)state;
    for (int guard = GUARD_GLO; guard < GUARD_IDENTIFIED; guard++) {
        struct setup *s = start(DLMS_TCP, 1024, 1024);
        use_wrapper(s, SAP_MANAGEMENT);
        print_message("guard %d\n", guard);
        assert_int_equal(open_managed(s, (enum guard)guard), 0);
        check_services(s);
        check_lists(s);
        check_access(s);
        check_selections(s);
        finish(s);
    }
}

static void curves(void **state)
{
    (void)state;
    static const enum guard guards[] = { GUARD_GLO, GUARD_IDENTIFIED, GUARD_WRAPPED,
                                         GUARD_ONE_PASS, GUARD_STATIC };
    for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
        for (int sign = 0; sign < 2; sign++) {
            struct setup *s = start(DLMS_TCP, 1024, 1024);
            use_wrapper(s, SAP_ECDSA);
            print_message("guard %d sign %d\n", guards[i], sign);
            s->cfg.suite = 1;
            s->cfg.sign = sign;
            s->cfg.ciphered = true;
            s->cfg.guard = guards[i];
            assert_int_equal(open_as(s, MECH_ECDSA, ""), 0);
            check_services(s);
            check_lists(s);
            check_selections(s);
            finish(s);
        }
    }
}

static void sha256_clients(void **state)
{
    (void)state;
    for (int ciphered = 0; ciphered < 2; ciphered++) {
        struct setup *s = start(DLMS_TCP, 1024, 1024);
        use_wrapper(s, SAP_SHA);
        s->cfg.ciphered = ciphered;
        assert_int_equal(open_as(s, MECH_SHA256, "sha256-secret-of-client-2"), E_AUTH);
        session_close(&s->session);
        s->cfg.first_counter = 100;
        assert_int_equal(open_as(s, MECH_SHA256, "sha256-secret-of-client-1"), 0);
        check_name(s);
        finish(s);
    }
}

static void policies(void **state)
{
    (void)state;
    static const uint8_t policy[] = { SC_AUTH, SC_CRYPT, SC_AUTH | SC_CRYPT };
    for (size_t i = 0; i < sizeof policy; i++) {
        struct setup *s = start(DLMS_TCP, 1024, 1024);
        use_wrapper(s, SAP_MANAGEMENT);
        s->cfg.policy = policy[i];
        assert_int_equal(open_managed(s, GUARD_GLO), 0);
        check_services(s);
        finish(s);
    }
}

/* The second session starts its counter where the first one did; the meter says what it wants.
 */
static void counters_are_recovered(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_TCP, 1024, 1024);
    use_wrapper(s, SAP_MANAGEMENT);
    assert_int_equal(open_managed(s, GUARD_GLO), 0);
    check_services(s);
    uint32_t used = s->session.counter.next;
    session_close(&s->session);
    assert_int_equal(open_managed(s, GUARD_GLO), 0);
    assert_true(s->session.counter.next > used);
    check_name(s);
    counter_init(&s->session.counter, &s->cfg.keys.global, s->cfg.keys.client_title, false);
    check_name(s); /* in mid-session, too */
    finish(s);
}

static void wrong_keys(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_TCP, 1024, 1024);
    use_wrapper(s, SAP_MANAGEMENT);
    s->cfg.keys.global.ek[0] ^= 1;
    assert_int_equal(open_managed(s, GUARD_GLO), E_AUTH);
    session_close(&s->session);
    give_keys(s);
    s->cfg.keys.client_title[7] ^= 1;
    s->bench.security.titled = true;
    assert_int_equal(open_managed(s, GUARD_GLO), E_AUTH);
    session_close(&s->session);
    give_keys(s);
    memset(s->cfg.keys.server_title, 1, 8);
    s->cfg.keys.has_server_title = true;
    assert_int_equal(open_managed(s, GUARD_GLO), E_AUTH);
    assert_non_null(strstr(s->t.text, "another meter"));
    session_close(&s->session);
    s->cfg.keys.has_server_title = false;
    s->cfg.keys.has_global = false;
    assert_int_equal(open_managed(s, GUARD_GLO), E_STATE);
    finish(s);
}

/* -- sizes ------------------------------------------------------------------------------ */

/* Every size of what the client takes, down to the smallest that can work. */
static void pdu_sizes(void **state)
{
    (void)state;
    static const uint16_t sizes[] = { 64,  65,  80,  90,  99,  100, 127, 128,
                                      129, 200, 255, 256, 257, 300, 511, 1000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct setup *s = start(DLMS_TCP, 512, 512);
        use_wrapper(s, SAP_MANAGEMENT);
        s->cfg.max_pdu = sizes[i];
        if (open_managed(s, i % 2 ? GUARD_GLO : GUARD_GENERAL_GLO) < 0)
            fail_msg("size %u: %s", sizes[i], s->t.text);
        check_services(s);
        if (sizes[i] >= 100) check_lists(s);
        check_selections(s);
        finish(s);
    }
}

static void general_blocks(void **state)
{
    (void)state;
    static const uint8_t windows[] = { 1, 2, 3, 7, 63 };
    for (size_t i = 0; i < sizeof windows; i++) {
        for (int plain = 0; plain < 2; plain++) {
            struct setup *s = start(DLMS_TCP, 1024, 1024);
            use_wrapper(s, plain ? SAP_READER : SAP_MANAGEMENT);
            s->cfg.gbt_window = windows[i];
            s->cfg.max_pdu = 128;
            print_message("window %u plain %d\n", windows[i], plain);
            assert_int_equal(
                plain ? open_as(s, MECH_LLS, "12345678") : open_managed(s, GUARD_GLO), 0);
            check_services(s);
            check_lists(s);
            check_access(s);
            assert_true(s->session.gbt_peer > 0);
            check_selections(s);
            finish(s);
        }
    }
}

/* -- carriers --------------------------------------------------------------------------- */

static void hdlc(void **state)
{
    (void)state;
    static const uint16_t infos[] = { 32, 128, 512, 2030 };
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
        for (uint8_t window = 1; window <= 7; window += 3) {
            struct setup *s = start(DLMS_HDLC, 1024, 1024);
            s->bench.serial.info_rx = s->bench.serial.info_tx = infos[i];
            assert_int_equal(use_hdlc(s, SAP_MANAGEMENT, infos[i], window), 0);
            assert_int_equal(s->hdlc.agreed.info_tx, infos[i]);
            assert_int_equal(s->hdlc.agreed.window_rx, window);
            assert_int_equal(open_managed(s, GUARD_GLO), 0);
            check_services(s);
            check_selections(s);
            finish(s);
        }
    }
}

static void hdlc_refused(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_HDLC, 1024, 1024);
    struct carrier_hdlc_config cfg = { .client = 16,
                                       .server = { 2, 1, 99 },
                                       .offer = { 128, 128, 1, 1 },
                                       .timeout_ms = 50,
                                       .tries = 2 };
    carrier_hdlc(&s->hdlc, &s->channel, &cfg);
    s->way = &s->hdlc.base;
    assert_int_equal(carrier_hdlc_connect(&s->hdlc, &s->t), E_IO); /* another meter's address */
    finish(s);
}

/* Damage and loss on the line: everything arrives once and whole, or the link ends cleanly. */
static void bad_lines(void **state)
{
    (void)state;
    unsigned damaged = 0, done = 0;
    for (unsigned round = 0; round < 12; round++) {
        struct setup *s = start(DLMS_HDLC, 1024, 1024);
        int e = use_hdlc(s, SAP_MANAGEMENT, 128, (uint8_t)(1 + round % 7));
        s->wire.seed = round + 1;
        if (e == 0 && (e = open_managed(s, GUARD_GLO)) == 0) {
            s->wire.damage_ppm = 300;
            s->wire.lose_ppm = 20000;
            check_services(s);
            s->wire.damage_ppm = s->wire.lose_ppm = 0;
            done++;
        }
        damaged += s->wire.damaged;
        finish(s);
    }
    print_message("%u conversations whole, %u faults\n", done, damaged);
    assert_int_equal(done, 12);
    assert_true(damaged > 20);
}

static void optical(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_OPTICAL, 1024, 1024);
    struct mode_e found;
    assert_int_equal(mode_e_sign_on(&s->channel, "", 9600, &found, &s->t), 0);
    assert_string_equal(found.maker, "MAG");
    assert_string_equal(found.ident, "MAGNO22");
    assert_int_equal(found.baud, 9600);
    assert_int_equal(use_hdlc(s, SAP_READER, 128, 7), 0);
    assert_int_equal(open_as(s, MECH_LLS, "12345678"), 0);
    check_services(s);
    finish(s);
    s = start(DLMS_OPTICAL, 1024, 1024);
    assert_int_equal(mode_e_sign_on(&s->channel, "", 2400, &found, &s->t), 0);
    assert_int_equal(found.baud, 2400);
    finish(s);
}

static void udp(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_UDP, 1024, 1024);
    use_wrapper(s, SAP_MANAGEMENT);
    assert_true(s->way->lossy);
    assert_int_equal(open_managed(s, GUARD_GLO), 0);
    check_services(s);
    finish(s);
}

/* One datagram in twenty is lost: what is read comes all the same, whole and right. */
static void udp_with_losses(void **state)
{
    (void)state;
    unsigned lost = 0;
    for (int general = 0; general < 2; general++) {
        struct setup *s = start(DLMS_UDP, 1024, 1024);
        use_wrapper(s, SAP_MANAGEMENT);
        s->cfg.timeout_ms = 250;
        s->cfg.tries = 10;
        s->cfg.max_pdu = 128;
        s->cfg.gbt_window = general ? 5 : 0;
        assert_int_equal(open_managed(s, GUARD_GLO), 0);
        s->wire.lose_ppm = 50000;
        for (int i = 0; i < 6 && general; i++) check_selections(s);
        for (int i = 0; i < 30; i++) check_name(s);
        s->wire.lose_ppm = 0;
        lost += s->wire.damaged;
        finish(s);
    }
    print_message("%u datagrams lost\n", lost);
    assert_true(lost > 5);
}

static void object_list(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_TCP, 1024, 1024);
    struct objects list;
    use_wrapper(s, SAP_MANAGEMENT);
    assert_int_equal(open_managed(s, GUARD_GLO), 0);
    if (objects_read(&list, &s->session, &s->t) < 0) fail_msg("%s", s->t.text);
    assert_true(list.n > 200);
    const struct object_entry *e = objects_find(&list, days.ln, 0);
    assert_non_null(e);
    assert_int_equal(e->class_id, 11);
    assert_int_equal(objects_may(&list, e->attr[1].mode), ACCESS_READ | ACCESS_WRITE);
    assert_null(objects_find(&list, nothing.ln, 0));
    objects_free(&list);
    finish(s);
}

static void silence(void **state)
{
    (void)state;
    struct setup *s = start(DLMS_TCP, 1024, 1024);
    use_wrapper(s, 77); /* a client that the meter does not know */
    s->cfg.timeout_ms = 200;
    assert_int_equal(open_as(s, MECH_NONE, ""), E_IO);
    assert_non_null(strstr(s->t.text, "no answer"));
    finish(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_clients),   cmocka_unit_test(every_guard),
        cmocka_unit_test(curves),          cmocka_unit_test(sha256_clients),
        cmocka_unit_test(policies),        cmocka_unit_test(counters_are_recovered),
        cmocka_unit_test(wrong_keys),      cmocka_unit_test(pdu_sizes),
        cmocka_unit_test(general_blocks),  cmocka_unit_test(hdlc),
        cmocka_unit_test(hdlc_refused),    cmocka_unit_test(bad_lines),
        cmocka_unit_test(optical),         cmocka_unit_test(udp),
        cmocka_unit_test(udp_with_losses), cmocka_unit_test(object_list),
        cmocka_unit_test(silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
