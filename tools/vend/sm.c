#include "tools/vend/sm.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/gcm.h"
#include "crypto/sha256.h"
#include "sts/dkga.h"
#include "tools/common/hex.h"

#define SALT 16
#define WRAPPED(n) (GCM_IV + (n) + GCM_TAG)
#define KEY_MAX 20
#define MINUTE_S 60

struct sm {
    uint8_t kek[32], audit_key[32];
    uint32_t limit, used; /* tokens in this minute */
    int64_t minute;
    uint64_t permitted; /* beyond the limit */
};

static const uint8_t key_lengths[5] = { 0, 8, 8, 16, 20 };
static const char check_text[] = "magno vend";

/* ---- passphrase */

void sm_pbkdf2(uint8_t out[32], const char *password, const uint8_t *salt, size_t salt_len,
               uint32_t rounds)
{
    static const uint8_t one[4] = { 0, 0, 0, 1 };
    struct hmac keyed, h;
    uint8_t u[SHA256];
    hmac_begin(&keyed, password, strlen(password));
    h = keyed;
    hmac_more(&h, salt, salt_len);
    hmac_more(&h, one, sizeof one);
    hmac_end(&h, u);
    memcpy(out, u, SHA256);
    for (uint32_t i = 1; i < rounds; i++) {
        h = keyed;
        hmac_more(&h, u, sizeof u);
        hmac_end(&h, u);
        for (int k = 0; k < SHA256; k++) out[k] ^= u[k];
    }
    wipe(&keyed, sizeof keyed);
    wipe(u, sizeof u);
}

static bool draw(void *out, size_t n)
{
    return getrandom(out, n, 0) == (ssize_t)n;
}

/* ---- wrapping */

static int seal(const uint8_t kek[32], char blob[SM_BLOB], const char *bound,
                const uint8_t *secret, size_t n)
{
    uint8_t raw[WRAPPED(KEY_MAX)];
    if (!draw(raw, GCM_IV)) return E_IO;
    gcm_seal(raw + GCM_IV, raw + GCM_IV + n, kek, 32, raw, bound, strlen(bound), secret, n);
    hex_format(blob, raw, WRAPPED(n));
    return 0;
}

/* Exactly n octets. */
static int unseal(const uint8_t kek[32], uint8_t *secret, size_t n, const char *bound,
                  const char *blob)
{
    uint8_t raw[WRAPPED(KEY_MAX)];
    if (hex_parse(blob, sizeof raw, raw) != (int)WRAPPED(n)) return E_AUTH;
    return gcm_open(secret, kek, 32, raw, bound, strlen(bound), raw + GCM_IV, n,
                    raw + GCM_IV + n);
}

static void bind(char bound[80], const struct sm_use *u)
{
    snprintf(bound, 80, "sgc %06u base %u dkga %u kt %u krn %u ken %u", (unsigned)u->sgc,
             u->base_year, u->dkga, u->kt, u->krn, u->ken);
}

/* ---- life */

static void lock_key(uint8_t kek[32], const struct sm_lock *lock, const char *passphrase)
{
    uint8_t salt[SALT] = { 0 };
    (void)hex_parse(lock->salt, sizeof salt, salt);
    sm_pbkdf2(kek, passphrase, salt, sizeof salt, lock->rounds);
}

int sm_new(struct sm_lock *lock, const char *passphrase, uint32_t rounds)
{
    uint8_t salt[SALT], kek[32];
    if (!draw(salt, sizeof salt)) return E_IO;
    hex_format(lock->salt, salt, sizeof salt);
    lock->rounds = rounds ? rounds : SM_ROUNDS;
    lock_key(kek, lock, passphrase);
    int err = seal(kek, lock->check, "check", (const uint8_t *)check_text, sizeof check_text);
    wipe(kek, sizeof kek);
    return err;
}

int sm_open(struct sm **sm, const struct sm_lock *lock, const char *passphrase)
{
    uint8_t text[sizeof check_text];
    struct sm *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *sm = NULL;
    if (s == MAP_FAILED) return E_SPACE;
    (void)mlock(s, sizeof *s); /* refused without the right; then swap must be kept safe */
    (void)madvise(s, sizeof *s, MADV_DONTDUMP);
    lock_key(s->kek, lock, passphrase);
    int err = unseal(s->kek, text, sizeof text, "check", lock->check);
    if (err) {
        sm_close(s);
        return E_AUTH;
    }
    hmac(s->audit_key, s->kek, sizeof s->kek, "audit", 5);
    s->limit = SM_LIMIT;
    *sm = s;
    return 0;
}

void sm_close(struct sm *sm)
{
    if (sm == NULL) return;
    wipe(sm, sizeof *sm);
    munmap(sm, sizeof *sm);
}

/* ---- keys */

static bool is_use(const struct sm_use *u)
{
    return u->sgc <= 999999 && u->krn >= 1 && u->krn <= 9 &&
           (u->kt == STS_KT_DEFAULT || u->kt == STS_KT_UNIQUE) && u->dkga >= 1 &&
           u->dkga <= 4 &&
           (u->base_year == 1993 || u->base_year == 2014 || u->base_year == 2035);
}

int sm_wrap(struct sm *sm, struct sm_key *key, const struct sm_use *use,
            const uint8_t *vending_key, size_t n)
{
    char bound[80];
    if (!is_use(use) || n != key_lengths[use->dkga]) return E_RANGE;
    key->use = *use;
    bind(bound, use);
    return seal(sm->kek, key->blob, bound, vending_key, n);
}

int sm_generate(struct sm *sm, struct sm_key *key, const struct sm_use *use)
{
    uint8_t fresh[KEY_MAX];
    if (!is_use(use)) return E_RANGE;
    if (!draw(fresh, sizeof fresh)) return E_IO;
    int err = sm_wrap(sm, key, use, fresh, key_lengths[use->dkga]);
    wipe(fresh, sizeof fresh);
    return err;
}

/* The decoder key of a meter under a wrapped vending key. */
static int derive(struct sm *sm, struct sts_key *out, const struct sm_key *key,
                  const struct sm_meter *meter)
{
    const struct sm_use *u = &key->use;
    struct sts_key_plan plan = { .dkga = u->dkga,
                                 .base_year = u->base_year,
                                 .ea = meter->ea,
                                 .kt = u->kt,
                                 .krn = u->krn,
                                 .ti = meter->ti,
                                 .sgc = u->sgc };
    char bound[80];
    if (!is_use(u)) return E_RANGE;
    bind(bound, u);
    plan.vending_key_len = key_lengths[u->dkga];
    memcpy(plan.pan, meter->pan, sizeof plan.pan);
    int err = unseal(sm->kek, plan.vending_key, plan.vending_key_len, bound, key->blob);
    if (err == 0) err = sts_dkga(out, &plan) ? E_RANGE : 0;
    if (err == 0) out->ken = u->ken;
    wipe(&plan, sizeof plan);
    return err;
}

/* ---- tokens */

static int64_t minute_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec / MINUTE_S;
}

static bool may_make(struct sm *sm, uint32_t tokens)
{
    int64_t now = minute_now();
    if (sm->permitted >= tokens) {
        sm->permitted -= tokens;
        return true;
    }
    if (now != sm->minute) sm->used = 0;
    sm->minute = now;
    if (sm->used + tokens > sm->limit) return false;
    sm->used += tokens;
    return true;
}

void sm_limit(struct sm *sm, uint32_t tokens_a_minute)
{
    sm->limit = tokens_a_minute;
}

void sm_permit(struct sm *sm, uint64_t tokens)
{
    sm->permitted = tokens;
}

int sm_token(struct sm *sm, struct made *m, const struct sm_key *key,
             const struct sm_meter *meter, uint8_t class, uint64_t clear)
{
    struct sts_key dk;
    uint8_t sub = (uint8_t)(clear >> 60), tid_high = (uint8_t)(clear >> 48);
    bool is_change = class == 2 && (sub == 3 || sub == 4 || sub == 8 || sub == 9);
    if (class == 1 || class > 2 || is_change) return E_RANGE;
    if (key->use.ken != STS_KEN_NEVER && tid_high > key->use.ken) return E_STATE;
    if (!may_make(sm, 1)) return E_BUSY;
    int err = derive(sm, &dk, key, meter);
    if (err == 0) make_token(m, &dk, class, clear);
    wipe(&dk, sizeof dk);
    return err;
}

int sm_key_change(struct sm *sm, struct made m[4], const struct sm_key *from,
                  const struct sm_meter *before, const struct sm_key *to,
                  const struct sm_meter *after, bool with_sgc)
{
    struct sts_key old, new;
    if (before->ea != after->ea || strcmp(before->pan, after->pan) != 0) return E_RANGE;
    if (!may_make(sm, 4)) return E_BUSY;
    int err = derive(sm, &old, from, before);
    if (err == 0) err = derive(sm, &new, to, after);
    bool is_rollover = from->use.base_year != to->use.base_year;
    if (err == 0) err = make_key_change(m, &old, &new, is_rollover, with_sgc);
    wipe(&old, sizeof old);
    wipe(&new, sizeof new);
    return err;
}

void sm_chain(struct sm *sm, char digest[SM_DIGEST], const char *before, const char *line)
{
    struct hmac h;
    uint8_t mac[SHA256];
    hmac_begin(&h, sm->audit_key, sizeof sm->audit_key);
    hmac_more(&h, before, strlen(before) + 1);
    hmac_more(&h, line, strlen(line));
    hmac_end(&h, mac);
    hex_format(digest, mac, sizeof mac);
}
