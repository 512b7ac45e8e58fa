/* Keys that change under a client's hands: what was sealed before is not taken after, a request
 * that names a key twice changes none, and flash that has no room left refuses and goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/kw.h"
#include "crypto/x509.h"
#include "air.h"
#include "store/txn.h"
#include "tools/client/session.h"
#include "tools/client/value.h"

enum { UTC = 1795305600, DAY_S = 86400 };
static const struct target energy = { 3, { 1, 0, 1, 8, 0, 255 }, 2 };
static const struct target setup_of = { 64, { 0, 0, 43, 0, 0, 255 }, 0 };

/* -- worn flash: the linker leads the store's doors here ----------------------------------- */

static bool is_full;

int __real_txn_put_key(struct store *s, uint16_t id, const void *wrapped, size_t n);
int __wrap_txn_put_key(struct store *s, uint16_t id, const void *wrapped, size_t n);
int __wrap_txn_put_key(struct store *s, uint16_t id, const void *wrapped, size_t n)
{
    return is_full ? E_SPACE : __real_txn_put_key(s, id, wrapped, n);
}

int __real_txn_put_param(struct store *s, uint16_t id, const void *value, size_t n);
int __wrap_txn_put_param(struct store *s, uint16_t id, const void *value, size_t n);
int __wrap_txn_put_param(struct store *s, uint16_t id, const void *value, size_t n)
{
    return is_full ? E_SPACE : __real_txn_put_param(s, id, value, n);
}

/* -- a client that remembers what it sent last ---------------------------------------------- */

static struct desk *k;
static struct air air;
static struct session s;
static uint8_t sent[512];
static size_t sent_n;
static int (*send_on)(struct carrier *c, const uint8_t *apdu, size_t n, struct trouble *t);

static int send_noted(struct carrier *c, const uint8_t *apdu, size_t n, struct trouble *t)
{
    assert_true(n <= sizeof sent);
    memcpy(sent, apdu, n);
    sent_n = n;
    return send_on(c, apdu, n, t);
}

static int setup(void **state)
{
    struct session_config c;
    struct trouble t;
    (void)state;
    is_full = false;
    k = desk_new(UTC);
    air_open(&air, k, 1);
    send_on = air.base.send;
    air.base.send = send_noted;
    session_config_default(&c);
    c.mechanism = MECH_GMAC;
    c.ciphered = true;
    c.guard = GUARD_GLO;
    c.policy = SC_AUTH | SC_CRYPT;
    c.keep_counter = false;
    c.timeout_ms = 3000;
    c.keys.has_global = c.keys.has_client_title = true;
    c.keys.global.len = 16;
    memcpy(c.keys.global.ek, device_development.key[SECURE_UNICAST], 16);
    memcpy(c.keys.global.ak, device_development.key[SECURE_AUTH], 16);
    memcpy(c.keys.client_title, "MGC\x00\x00\x00\x00\x01", 8);
    session_init(&s, &c, &air.base);
    assert_int_equal(session_open(&s, &t), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    session_close(&s);
    air_shut(&air);
    desk_free(k);
    return 0;
}

static int read_energy(void)
{
    struct trouble t;
    struct buf data = { 0 };
    int e = session_get(&s, &energy, NULL, &data, &t);
    buf_free(&data);
    return e;
}

static int method(int8_t number, struct buf *arg)
{
    struct target o = setup_of;
    struct trouble t;
    struct buf ret = { 0 };
    o.attr = number;
    int e = session_action(&s, &o, arg, &ret, &t);
    buf_free(arg);
    buf_free(&ret);
    return e;
}

/* key_transfer of these keys, wrapped under the master key. */
static int transfer(const uint8_t *id, const uint8_t key[][16], unsigned n)
{
    struct buf arg = { 0 };
    uint8_t wrapped[24];
    buf_put(&arg, (uint8_t[]){ AXDR_ARRAY, (uint8_t)n }, 2);
    for (unsigned i = 0; i < n; i++) {
        kw_wrap(wrapped, device_development.key[SECURE_MASTER], 16, key[i], 16);
        buf_put(&arg, (uint8_t[]){ AXDR_STRUCTURE, 2, AXDR_ENUM, id[i] }, 4);
        buf_put_head(&arg, AXDR_OCTETS, sizeof wrapped);
        buf_put(&arg, wrapped, sizeof wrapped);
    }
    return method(2, &arg);
}

/* Those octets once more: the answer must be an exception of this kind. */
static void assert_refused(const uint8_t *apdu, size_t n, uint8_t service)
{
    struct trouble t;
    struct buf answer = { 0 };
    assert_int_equal(send_on(&air.base, apdu, n, &t), 0);
    assert_int_equal(air.base.receive(&air.base, &answer, 3000, &t), 1);
    assert_true(answer.n >= 3 && answer.p[0] == XDLMS_EXCEPTION);
    assert_int_equal(answer.p[2], service);
    buf_free(&answer);
}

static uint32_t changes(void)
{
    return audit_span(&k->d.meter).next;
}

static const uint8_t fresh[2][16] = { "a key of sixteen", "another of those" };

/* -- tests ---------------------------------------------------------------------------------- */

static void nothing_from_before_a_transfer_is_taken_after_it(void **state)
{
    static const uint8_t unicast = 0;
    uint8_t old[512];
    (void)state;
    assert_int_equal(read_energy(), 0);
    size_t n = sent_n;
    memcpy(old, sent, n);
    assert_refused(old, n, SERVICE_COUNTER);
    assert_int_equal(transfer(&unicast, fresh, 1), 0);
    assert_refused(old, n, SERVICE_DECIPHERING);
    assert_refused(sent, sent_n, SERVICE_DECIPHERING); /* the transfer itself */
    memcpy(s.cfg.keys.global.ek, fresh[0], 16);
    assert_int_equal(read_energy(), 0);
    n = sent_n;
    memcpy(old, sent, n);
    assert_int_equal(transfer(&unicast, fresh, 1), 0); /* the key in force: floors stand */
    assert_refused(old, n, SERVICE_COUNTER);
    assert_refused(sent, sent_n, SERVICE_COUNTER);
    assert_int_equal(read_energy(), 0);
}

static void a_key_named_twice_changes_none(void **state)
{
    static const uint8_t twice[2] = { 0, 0 }, both[2] = { 0, 2 };
    (void)state;
    uint32_t rows = changes();
    assert_int_equal(transfer(twice, fresh, 2), DAR_OTHER);
    assert_int_equal(changes(), rows);
    assert_int_equal(read_energy(), 0); /* under the old keys */
    assert_int_equal(transfer(both, fresh, 2), 0);
    assert_int_equal(changes(), rows + 2);
    memcpy(s.cfg.keys.global.ek, fresh[0], 16);
    memcpy(s.cfg.keys.global.ak, fresh[1], 16);
    assert_int_equal(read_energy(), 0);
}

static int import_authority(void)
{
    uint8_t der[X509_MAX], sig[64], key[32], seed[32] = { 1 };
    struct buf arg = { 0 };
    struct x509_plan p = { .serial = { 1 },
                           .issuer_cn = "authority",
                           .subject_cn = "authority",
                           .not_before = { UTC - DAY_S },
                           .not_after = { UTC + DAY_S },
                           .usage = X509_KEY_CERT_SIGN };
    assert_int_equal(ec_keygen(key, p.point, seed), 0);
    int n = x509_put_cert(der, sizeof der, &p);
    assert_true(n > 0);
    assert_int_equal(protect_sign(sig, key, der, (size_t)n), 0);
    n = x509_seal(der, (size_t)n, sizeof der, sig);
    buf_put_head(&arg, AXDR_OCTETS, (uint32_t)n);
    buf_put(&arg, der, (size_t)n);
    return method(6, &arg);
}

static void worn_flash_refuses_and_the_meter_goes_on(void **state)
{
    static const uint8_t unicast = 0;
    (void)state;
    uint32_t rows = changes();
    is_full = true;
    assert_int_equal(transfer(&unicast, fresh, 1), DAR_OTHER);
    assert_int_equal(import_authority(), DAR_OTHER);
    assert_int_equal(changes(), rows);
    assert_int_equal(read_energy(), 0); /* old keys; counters are still taken */
    is_full = false;
    assert_int_equal(import_authority(), 0);
    assert_int_equal(transfer(&unicast, fresh, 1), 0);
    assert_int_equal(changes(), rows + 2);
    memcpy(s.cfg.keys.global.ek, fresh[0], 16);
    assert_int_equal(read_energy(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_from_before_a_transfer_is_taken_after_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_key_named_twice_changes_none, setup, teardown),
        cmocka_unit_test_setup_teardown(worn_flash_refuses_and_the_meter_goes_on, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
