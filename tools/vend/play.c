/* play.c - a meter's prepayment life on the host: what prepay does with a verdict, in memory.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "tools/common/json.h"
#include "tools/vend/tokens.h"

struct player {
    struct sts_rules rules;
    struct sts_key key;
    struct sts_tids tids;
    struct sts_pending pending;
    int64_t units, currency;
};

/* A list of sub-classes as bits. */
static uint64_t ask_bits(struct ask *a, const char *field, int size, uint64_t otherwise)
{
    uint64_t bits = 0;
    size_t i;
    json_t *v, *list = json_object_get(a->object, field);
    if (list == NULL) return otherwise;
    if (!json_is_array(list)) ask_fail(a, field, "must be a list of numbers");
    json_array_foreach(list, i, v)
    {
        json_int_t n = json_integer_value(v);
        if (!json_is_integer(v) || n < 0 || n >= size)
            ask_fail(a, field, "must hold numbers from 0 to %d", size - 1);
        else
            bits |= UINT64_C(1) << n;
    }
    return bits;
}

/* "all 50 entries 6000000", one number for all, or a list of up to 50. */
static void ask_tids(struct ask *a, struct sts_tids *tids)
{
    unsigned tid = 0;
    size_t i;
    json_t *v, *store = json_object_get(a->object, "tid_store");
    sts_tids_init(tids, 0);
    if (json_is_string(store)) {
        if (sscanf(json_string_value(store), "all %*u entries %u", &tid) != 1)
            tid = (unsigned)ask_int(a, "tid_store", 0, 0xFFFFFF);
        sts_tids_init(tids, tid & 0xFFFFFF);
    } else if (json_is_array(store)) {
        if (json_array_size(store) > STS_TIDS) ask_fail(a, "tid_store", "has more than 50");
        json_array_foreach(store, i, v) if (i < STS_TIDS) tids->tid[i] =
            (uint32_t)json_integer_value(v) & 0xFFFFFF;
    } else {
        sts_tids_init(tids, (uint32_t)ask_int_or(a, "tid_store", 0, 0xFFFFFF, 0));
    }
}

static void ask_player(struct ask *a, struct player *p)
{
    int64_t ea = ask_int_or(a, "ea", 0, 99, STS_EA_STA);
    *p = (struct player){ .rules = { .section_ms = 600000 } };
    if (ea != STS_EA_STA && ea != STS_EA_MISTY1) ask_fail(a, "ea", "must be 07 or 11");
    tokens_ask_key(a, &p->key, (uint8_t)ea);
    ask_tids(a, &p->tids);
    p->rules.mfr_code = (uint16_t)ask_int_or(a, "mfr_code", 0, 9999, 0);
    p->rules.credits = (uint8_t)ask_bits(a, "credit_subclasses", 8, 1 << 0 | 1 << 4);
    p->rules.management = (uint16_t)ask_bits(a, "management_subclasses", 16, 0xFF7F);
    p->rules.tests = ask_bits(a, "test_bits", 36, 0xFFF);
    p->rules.functions = 0xFFFF;
    p->units = ask_int_or(a, "credit_kwh_tenths", INT64_MIN / 2, INT64_MAX / 2, 0);
    p->currency = ask_int_or(a, "credit_currency_1e5", INT64_MIN / 2, INT64_MAX / 2, 0);
}

static void apply(struct player *p, const struct sts_verdict *v)
{
    p->pending = v->pending;
    sts_tids_put(&p->tids, v);
    switch (v->effect) {
    case STS_CREDIT:
        p->units += v->amount;
        break;
    case STS_CURRENCY:
        p->currency += v->amount;
        break;
    case STS_CLEAR_CREDIT:
        if (v->amount == 0 || v->amount == 0xFFFF) p->units = 0;
        if (v->amount == 4 || v->amount == 0xFFFF) p->currency = 0;
        break;
    case STS_CHANGE_KEY:
        p->key = v->key;
        break;
    default:
        break;
    }
}

static json_t *state_of(const struct player *p, const struct sts_verdict *v)
{
    uint32_t low = UINT32_MAX, high = 0;
    char key[33];
    for (int i = 0; i < STS_TIDS; i++) {
        if (p->tids.tid[i] < low) low = p->tids.tid[i];
        if (p->tids.tid[i] > high) high = p->tids.tid[i];
    }
    for (int i = 0; i < (p->key.ea == STS_EA_STA ? 8 : 16); i++)
        snprintf(key + 2 * i, 3, "%02x", p->key.key[i]);
    json_t *out = json_pack("{s:i, s:s, s:s, s:I}", "result", v->result, "result_name",
                            sts_result_name(v->result), "words", sts_result_words(v->result),
                            "credit_kwh_tenths", (json_int_t)p->units);
    json_object_set_new(out, "credit_currency_1e5", ask_wide(p->currency));
    json_object_update_new(out, json_pack("{s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:i}", "krn",
                                          p->key.krn, "ti", p->key.ti, "kt", p->key.kt, "ken",
                                          p->key.ken, "sgc", (int)p->key.sgc, "decoder_key",
                                          key, "tid_min", (int)low, "tid_max", (int)high));
    return out;
}

/* "at_s": seconds since the first step, for the time key change sections are held. */
static int step(struct player *p, const json_t *in, int number,
                void (*show)(void *ctx, json_t *step), void *ctx)
{
    struct ask a;
    struct sts_verdict v;
    char buf[32], digits[STS_DIGITS + 1], path[32];
    snprintf(path, sizeof path, "steps[%d].", number - 1);
    ask_begin(&a, in, path);
    const char *token = ask_text(&a, "token", buf);
    if (token == NULL) ask_fail(&a, "token", "is missing");
    p->rules.now.us =
        (uint64_t)ask_int_or(&a, "at_s", 0, INT32_MAX, (int64_t)(p->rules.now.us / 1000000)) *
        1000000;
    if (a.wrong[0]) {
        show(ctx, json_error_new(a.wrong));
        return -1;
    }
    if (sts_token_clean(digits, token, strlen(token))) memset(digits, '?', STS_DIGITS);
    p->rules.room_units = INT64_MAX - (p->units > 0 ? p->units : 0);
    p->rules.room_currency = INT64_MAX - (p->currency > 0 ? p->currency : 0);
    sts_judge(&v, &p->rules, &p->key, &p->tids, &p->pending, digits);
    apply(p, &v);
    json_t *out = json_pack("{s:i, s:s}", "step", number, "token", token);
    json_object_update_new(out, state_of(p, &v));
    show(ctx, out);
    wipe(&v, sizeof v);
    return 0;
}

int tokens_play(const json_t *scenario, void (*show)(void *ctx, json_t *step), void *ctx)
{
    struct player p;
    struct ask a;
    size_t i;
    json_t *in, *steps = json_object_get(scenario, "steps");
    ask_begin(&a, json_object_get(scenario, "initial"), "initial.");
    ask_player(&a, &p);
    if (!json_is_array(steps)) ask_fail(&a, "steps", "must be a list beside initial");
    int err = 0;
    if (a.wrong[0]) {
        show(ctx, json_error_new(a.wrong));
        err = -1;
    }
    if (err == 0) json_array_foreach(steps, i, in)
        {
            err = step(&p, in, (int)i + 1, show, ctx);
            if (err) break;
        }
    wipe(&p, sizeof p);
    return err;
}
