/* Tokens a second on one core: made, read and judged, keys derived; cryptography beside it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/ec.h"
#include "crypto/gcm.h"
#include "crypto/sha256.h"
#include "sts/dkga.h"
#include "tools/vend/make.h"

#define HARDWARE 83   /* tokens a second: the published figure for vending security modules */
#define OPEN_BEST 340 /* measured for the fastest open token service, in Java, same machine */

static struct sts_key key[2];
static struct sts_key_plan plan;
static uint32_t n;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Calls a second over at least half a second of processor time. */
static double rate(void (*run)(int which), int which)
{
    uint64_t calls = 0, batch = 1;
    double start = now(), spent = 0;
    while (spent < 0.5) {
        for (uint64_t i = 0; i < batch; i++) run(which);
        calls += batch;
        if (batch < 4096) batch *= 2;
        spent = now() - start;
    }
    return (double)calls / spent;
}

static struct made make(int which)
{
    struct sts_fields f = { .v = { [STS_RND] = n & 15,
                                   [STS_TID] = 1 + n % STS_TIDS * 1000,
                                   [STS_VALUE] = n & 0xFFFF } };
    struct made m;
    n++;
    make_token(&m, &key[which], 0, make_block(sts_form_find(0, 0, key[which].ea), &f));
    return m;
}

static void make_one(int which)
{
    make(which);
}

static struct made stock[64];

static void judge_one(int which)
{
    static const struct sts_rules rules = { .room_units = INT64_MAX, .credits = 1 };
    static const struct sts_pending pending;
    static const struct sts_tids tids;
    struct sts_verdict v;
    sts_judge(&v, &rules, &key[which], &tids, &pending, stock[n++ % 64].digits);
    if (v.result != STS_ACCEPT) printf("not accepted: %s\n", sts_result_name(v.result));
}

static void derive_one(int dkga)
{
    struct sts_key out;
    plan.dkga = (uint8_t)dkga;
    plan.vending_key_len = dkga == 4 ? 20 : 8;
    plan.sgc = n++ % 1000000;
    sts_dkga(&out, &plan);
}

static void derive_and_make(int which)
{
    derive_one(which ? 4 : 2);
    make(which);
}

static void row(const char *name, double r)
{
    printf("  %-34s %11.0f /s   %8.0f x open   %8.0f x module\n", name, r, r / OPEN_BEST,
           r / HARDWARE);
}

static void tokens(void)
{
    static const char *const ea[2] = { "EA07", "EA11" };
    char name[40];
    puts("STS tokens, one core            (open: 340/s, a Java service; module: 83/s, "
         "published)");
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "make a token, %s", ea[i]);
        row(name, rate(make_one, i));
        for (int k = 0; k < 64; k++) stock[k] = make(i);
        snprintf(name, sizeof name, "read and judge a token, %s", ea[i]);
        row(name, rate(judge_one, i));
        snprintf(name, sizeof name, "derive its key and make, %s", ea[i]);
        row(name, rate(derive_and_make, i));
    }
}

/* ---- cryptography */

static uint8_t text[1024], tag[GCM_TAG], iv[GCM_IV], aes[16], point[EC_POINT], sig[EC_SIG];
static uint8_t scalar[EC_KEY], hash[EC_HASH], seed[EC_SEED] = { 1 };

static void seal(int size)
{
    gcm_seal(text, tag, aes, 16, iv, aes, 16, text, (size_t)size);
}

static void digest(int size)
{
    sha256(hash, text, (size_t)size);
}

static void curve(int which)
{
    uint8_t z[EC_SHARED];
    int err = which == 0   ? ec_sign(sig, scalar, hash, seed)
              : which == 1 ? ec_verify(point, hash, sig)
                           : ec_agree(z, scalar, point, seed);
    if (err) printf("curve: error %d\n", err);
}

static void crypto(void)
{
    ec_keygen(scalar, point, seed);
    puts("\nCryptography, one core");
    printf("  %-34s %11.0f /s\n", "AES-128-GCM, 128 octets, new key", rate(seal, 128));
    printf("  %-34s %11.0f /s\n", "AES-128-GCM, 1024 octets, new key", rate(seal, 1024));
    printf("  %-34s %11.0f /s\n", "SHA-256, 1024 octets", rate(digest, 1024));
    printf("  %-34s %11.0f /s\n", "P-256 sign", rate(curve, 0));
    printf("  %-34s %11.0f /s\n", "P-256 verify", rate(curve, 1));
    printf("  %-34s %11.0f /s\n", "P-256 agree", rate(curve, 2));
}

int main(void)
{
    plan = (struct sts_key_plan){ .vending_key = { 0xAB },
                                  .base_year = 2014,
                                  .ea = STS_EA_STA,
                                  .kt = STS_KT_UNIQUE,
                                  .krn = 1,
                                  .ti = 1,
                                  .pan = "600727000000000009" };
    key[0] = (struct sts_key){ .key = { 1 }, .ea = STS_EA_STA, .kt = 2, .ken = STS_KEN_NEVER };
    key[1] =
        (struct sts_key){ .key = { 1 }, .ea = STS_EA_MISTY1, .kt = 2, .ken = STS_KEN_NEVER };
    tokens();
    crypto();
    return 0;
}
