#include "sts/dkga.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/des.h"
#include "crypto/sha256.h"

#define LABELS 13
#define CONTEXT 35

/* Decimal digits as hexadecimal ones. */
static uint64_t bcd(const char *digits, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v = v << 4 | (uint64_t)(digits[i] - '0');
    return v;
}

static void decimal(char *out, uint32_t v, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        out[i] = (char)('0' + v % 10);
        v /= 10;
    }
}

/* The sixteen digits before the check digit; a common key is not for one account. */
uint64_t sts_pan_block(const char pan[STS_PAN_DIGITS], uint8_t kt)
{
    uint64_t block = bcd(pan + 1, 16);
    int account = memcmp(pan, "0000", 4) == 0 ? 13 : 11;
    if (kt == STS_KT_COMMON) block &= ~((UINT64_C(1) << 4 * account) - 1);
    return block;
}

uint64_t sts_control_block(const struct sts_key_plan *plan)
{
    char digits[10];
    decimal(digits, plan->kt, 1);
    decimal(digits + 1, plan->sgc, 6);
    decimal(digits + 7, plan->ti, 2);
    decimal(digits + 9, plan->krn, 1);
    return bcd(digits, 10) << 24 | 0xFFFFFF;
}

static void by_des(uint8_t key[8], const struct sts_key_plan *plan)
{
    uint64_t x = sts_pan_block(plan->pan, plan->kt) ^ sts_control_block(plan);
    uint8_t in[8], out[8];
    be_put64(in, x);
    if (plan->dkga == 3)
        des3_encrypt(out, plan->vending_key, in);
    else
        des_encrypt(out, plan->vending_key, in);
    for (int i = 0; i < 8; i++) {
        key[i] = out[i] ^ in[i];
        if (plan->dkga == 2) key[i] ^= plan->vending_key[i];
    }
    wipe(out, sizeof out);
}

static char *put(char *p, const void *text, int n)
{
    *p++ = (char)n;
    memcpy(p, text, (size_t)n);
    return p + n;
}

static char *put_number(char *p, uint32_t v, int n)
{
    char digits[8];
    decimal(digits, v, n);
    return put(p, digits, n);
}

/* HMAC over labels and context, each field with its length before it. */
static void by_hmac(uint8_t key[16], const struct sts_key_plan *plan, int key_len)
{
    char message[LABELS + 1 + CONTEXT + 4], *p = message;
    uint8_t mac[SHA256];
    *p++ = 4;
    p = put_number(p, plan->dkga, 2);
    p = put_number(p, plan->base_year % 100, 2);
    p = put_number(p, plan->ea, 2);
    p = put_number(p, plan->ti, 2);
    *p++ = 0;
    *p++ = 4;
    p = put_number(p, plan->sgc, 6);
    p = put_number(p, plan->kt, 1);
    p = put_number(p, plan->krn, 1);
    p = put(p, plan->pan, STS_PAN_DIGITS);
    be_put32((uint8_t *)p, (uint32_t)key_len * 8);
    hmac(mac, plan->vending_key, plan->vending_key_len, message, (size_t)(p + 4 - message));
    memcpy(key, mac, (size_t)key_len);
    wipe(mac, sizeof mac);
}

static bool is_possible(const struct sts_key_plan *plan)
{
    static const uint8_t lengths[5] = { 0, 8, 8, 16, 20 };
    if (plan->dkga < 1 || plan->dkga > 4 || plan->vending_key_len != lengths[plan->dkga])
        return false;
    if (plan->sgc > 999999 || plan->ti > 99 || plan->krn < 1 || plan->krn > 9) return false;
    if (plan->dkga == 4)
        return (plan->ea == STS_EA_STA || plan->ea == STS_EA_MISTY1) &&
               plan->kt < STS_KT_COMMON && /* what stands for the account is not settled */
               (plan->base_year == 1993 || plan->base_year == 2014 || plan->base_year == 2035);
    if (plan->ea != STS_EA_STA || plan->kt > STS_KT_COMMON) return false;
    return plan->dkga != 1 || (plan->krn == 1 && memcmp(plan->pan, "600727", 6) == 0);
}

int sts_dkga(struct sts_key *key, const struct sts_key_plan *plan)
{
    if (!sts_pan_is_valid(plan->pan)) return E_FORMAT;
    if (!is_possible(plan)) return E_RANGE;
    *key = (struct sts_key){ .sgc = plan->sgc,
                             .ea = plan->ea,
                             .kt = plan->kt,
                             .krn = plan->krn,
                             .ti = plan->ti,
                             .ken = STS_KEN_NEVER };
    if (plan->dkga == 4)
        by_hmac(key->key, plan, plan->ea == STS_EA_STA ? 8 : 16);
    else
        by_des(key->key, plan);
    return 0;
}
