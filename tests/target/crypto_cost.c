/* The Cortex-M says the same as the published vectors, and target_crypto.py counts what it
 * takes. Each cost_ function is one piece of work, called through a table so that its calls are
 * seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/gcm.h"
#include "crypto/job.h"
#include "crypto/kdf.h"
#include "crypto/rng.h"
#include "crypto/sha256.h"
#include "sts/dkga.h"
#include "sts/judge.h"

#define COST(name)                                                                             \
    void name(void);                                                                           \
    __attribute__((noinline)) void name(void)

static struct job job;
static struct sts_verdict v;
static uint8_t text[1024], tag[GCM_TAG];

/* STS 531 CTSA01 step 1 in its two ciphers, 0.1 kWh. */
static const struct sts_key sta = { .key = { 0xE6, 0x53, 0x34, 0x1F, 0x9D, 0x5B, 0xF3, 0x6F },
                                    .ea = STS_EA_STA,
                                    .kt = STS_KT_UNIQUE,
                                    .krn = 1,
                                    .ken = STS_KEN_NEVER };
static const struct sts_key misty1 = { .key = { 0xF9, 0x4B, 0x6E, 0xD3, 0x53, 0xC3, 0xBF, 0xDB,
                                                0x11, 0x3E, 0x2D, 0x3A, 0x7E, 0xA3, 0xC4,
                                                0x1D },
                                       .ea = STS_EA_MISTY1,
                                       .kt = STS_KT_UNIQUE,
                                       .krn = 1,
                                       .ken = STS_KEN_NEVER };

static void judge(const struct sts_key *key, const char *token)
{
    static const struct sts_rules rules = { .room_units = 1000, .credits = 1 };
    static const struct sts_pending pending;
    static const struct sts_tids tids;
    sts_judge(&v, &rules, key, &tids, &pending, token);
}

COST(cost_judge_sta)
{
    judge(&sta, "23716100501183194197");
}

COST(cost_judge_misty1)
{
    judge(&misty1, "59386323472137426967");
}

static const uint8_t ek[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t iv[GCM_IV] = {
    'M', 'M', 'M', 0, 0, 0xBC, 0x61, 0x4E, 1, 0x23, 0x45, 0x67
};
static const uint8_t aad[17] = { 0x30, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7,
                                 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF };

COST(cost_gcm_128)
{
    gcm_seal(text, tag, ek, 16, iv, aad, sizeof aad, text, 128);
}

COST(cost_gcm_1024)
{
    gcm_seal(text, tag, ek, 16, iv, aad, sizeof aad, text, 1024);
}

COST(cost_gcm_step)
{
    struct gcm g;
    gcm_seal_begin(&g, ek, 16, iv);
    gcm_aad(&g, aad, sizeof aad);
    gcm_more(&g, text, text, 256);
}

COST(cost_sha256_1024)
{
    sha256(text, text, sizeof text);
}

static struct job_in in;
static struct job_out out;
static int result;

static void run(enum job_kind kind)
{
    job_start(&job, kind, &in);
    job_run(&job);
    result = job_done(&job, &out);
}

COST(cost_keygen)
{
    run(JOB_KEYGEN);
}

COST(cost_sign)
{
    run(JOB_SIGN);
}

COST(cost_verify)
{
    run(JOB_VERIFY);
}

COST(cost_agree)
{
    run(JOB_AGREE);
}

COST(cost_random)
{
    static struct rng r;
    rng_get(&r, text, 32);
}

static void (*volatile const work[])(void) = {
    cost_judge_sta, cost_judge_misty1, cost_gcm_128, cost_gcm_1024,
    cost_gcm_step,  cost_sha256_1024,  cost_random,  cost_keygen,
    cost_sign,      cost_verify,       cost_agree,
};

static void tokens(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        work[i]();
        assert_int_equal(v.result, STS_ACCEPT);
        assert_int_equal(v.amount, 1);
        assert_int_equal(v.tid, i ? 5871660 : 5871715);
    }
}

static void messages(void **state)
{
    static const uint8_t plain[31] = { 0x01, 0x01, 0x10, 0x00, 0x11, 0x22, 0x33, 0x44,
                                       0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC,
                                       0xDD, 0xEE, 0xFF, 0x00, 0x00, 0x06, 0x5F, 0x1F,
                                       0x04, 0x00, 0x00, 0x7E, 0x1F, 0x04, 0xB0 };
    static const uint8_t want[12] = { 0x41, 0xDB, 0x20, 0x4D, 0x39, 0xEE,
                                      0x6F, 0xDB, 0x8E, 0x35, 0x68, 0x55 };
    (void)state;
    gcm_seal(text, tag, ek, 16, iv, aad, sizeof aad, plain, sizeof plain);
    assert_memory_equal(tag, want, sizeof want);
    for (int i = 2; i < 7; i++) work[i]();
}

/* RFC 6979 A.2.5, "sample"; keys from a seed, as the host makes them. */
static void curves(void **state)
{
    static const uint8_t key[EC_KEY] = { 0xC9, 0xAF, 0xA9, 0xD8, 0x45, 0xBA, 0x75, 0x16,
                                         0x6B, 0x5C, 0x21, 0x57, 0x67, 0xB1, 0xD6, 0x93,
                                         0x4E, 0x50, 0xC3, 0xDB, 0x36, 0xE8, 0x9B, 0x12,
                                         0x7B, 0x8A, 0x62, 0x2B, 0x12, 0x0F, 0x67, 0x21 };
    static const uint8_t r[8] = { 0xEF, 0xD4, 0x8B, 0x2A, 0xAC, 0xB6, 0xA8, 0xFD };
    static const uint8_t seeded[8] = { 0x7F, 0x68, 0x15, 0x68, 0x72, 0x73, 0xA0, 0xB0 };
    (void)state;
    job_init(&job);
    in.seed[0] = 1;
    work[7]();
    assert_int_equal(result, 0);
    assert_memory_equal(out.key, seeded, sizeof seeded);
    assert_int_equal(ec_public(in.point, key, in.seed), 0);
    memcpy(in.key, key, sizeof key);
    sha256(in.hash, "sample", 6);
    work[8]();
    assert_int_equal(result, 0);
    assert_memory_equal(out.sig, r, sizeof r);
    memcpy(in.sig, out.sig, EC_SIG);
    work[9]();
    assert_int_equal(result, 0);
    work[10]();
    assert_int_equal(result, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(messages),
        cmocka_unit_test(curves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
