#include "tools/vend/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "sts/code.h"
#include "sts/dkga.h"
#include "sts/pan.h"
#include "tools/common/json.h"
#include "tools/common/when.h"

#define SPECIAL_MINUTE 1 /* 00:01 of each day is kept for special tokens */
#define DAY_MINUTES 1440

static json_t *hex_of(uint64_t v, int digits)
{
    return json_sprintf("%0*llx", digits, (unsigned long long)v);
}

static json_t *hex_octets(const uint8_t *p, size_t n)
{
    char text[64];
    for (size_t i = 0; i < n; i++) snprintf(text + 2 * i, 3, "%02x", p[i]);
    return json_string(text);
}

static size_t key_len(const struct sts_key *key)
{
    return key->ea == STS_EA_STA ? 8 : 16;
}

static json_t *key_text(const struct sts_key *key)
{
    return hex_octets(key->key, key_len(key));
}

/* ---- keys */

static uint8_t ask_ea(struct ask *a)
{
    int64_t ea = ask_int_or(a, "ea", 0, 99, STS_EA_STA);
    if (ea != STS_EA_STA && ea != STS_EA_MISTY1)
        ask_fail(a, "ea", "must be 07 (STA) or 11 (MISTY1)");
    return (uint8_t)ea;
}

static void ask_pan(struct ask *a, char pan[STS_PAN_DIGITS + 1])
{
    char buf[32];
    const char *text = ask_text(a, "meter_pan", buf);
    if (text == NULL) {
        text = ask_text(a, "drn", buf);
        if (text == NULL) ask_fail(a, "meter_pan", "is missing");
        if (text && sts_pan_of(pan, text))
            ask_fail(a, "drn",
                     "'%.20s' is no meter number of 11 or 13 digits with its check digit",
                     text);
        return;
    }
    if (strlen(text) != STS_PAN_DIGITS || !sts_pan_is_valid(text))
        ask_fail(a, "meter_pan",
                 "'%.20s' is no MeterPAN: 18 digits, with the check digits of meter and PAN",
                 text);
    else
        memcpy(pan, text, STS_PAN_DIGITS + 1);
}

static void ask_plan(struct ask *a, struct sts_key_plan *p, uint8_t ea)
{
    *p = (struct sts_key_plan){ .ea = ea };
    p->dkga = (uint8_t)ask_int(a, "dkga", 1, 4);
    p->vending_key_len =
        (uint8_t)ask_octets(a, "vending_key", p->vending_key, sizeof p->vending_key);
    p->base_year = (uint16_t)ask_int_or(a, "base_date", 1993, 2035, p->dkga == 4 ? 0 : 1993);
    p->kt = (uint8_t)ask_int_or(a, "kt", 0, 3, STS_KT_UNIQUE);
    p->sgc = (uint32_t)ask_int(a, "sgc", 0, 999999);
    p->ti = (uint8_t)ask_int(a, "ti", 0, 99);
    p->krn = (uint8_t)ask_int(a, "krn", 1, 9);
    ask_pan(a, p->pan);
}

static void derive(struct ask *a, struct sts_key *key, uint8_t ea)
{
    static const char *const lengths[5] = { "", "8", "8", "16", "20" };
    struct sts_key_plan plan;
    ask_plan(a, &plan, ea);
    if (a->wrong[0] == 0 && sts_dkga(key, &plan))
        ask_fail(
            a, "dkga",
            "%02d does not go with these fields (vending key of %s octets; 01 to 03 for EA "
            "07 only; 04 wants base_date 1993, 2014 or 2035)",
            plan.dkga, lengths[plan.dkga]);
    wipe(&plan, sizeof plan);
}

void tokens_ask_key(struct ask *a, struct sts_key *key, uint8_t ea)
{
    *key = (struct sts_key){ .ea = ea, .kt = STS_KT_UNIQUE, .krn = 1, .ken = STS_KEN_NEVER };
    if (ask_has(a, "dkga")) {
        derive(a, key, ea);
        return;
    }
    size_t n = ask_octets(a, "decoder_key", key->key, sizeof key->key);
    if (a->wrong[0] == 0 && n != key_len(key))
        ask_fail(a, "decoder_key", "EA%02u wants %zu octets, not %zu", ea, key_len(key), n);
    key->kt = (uint8_t)ask_int_or(a, "kt", 0, 3, STS_KT_UNIQUE);
    key->krn = (uint8_t)ask_int_or(a, "krn", 1, 9, 1);
    key->ti = (uint8_t)ask_int_or(a, "ti", 0, 99, 0);
    key->ken = (uint8_t)ask_int_or(a, "ken", 0, 255, STS_KEN_NEVER);
    key->sgc = (uint32_t)ask_int_or(a, "sgc", 0, 999999, 0);
}

/* The key lies in an object of its own, or its fields stand at the top. */
static void ask_key_of(struct ask *a, const char *field, struct sts_key *key, uint8_t ea)
{
    char path[16];
    struct ask inner;
    if (!ask_has(a, field)) {
        tokens_ask_key(a, key, ea);
        return;
    }
    snprintf(path, sizeof path, "%s.", field);
    ask_begin(&inner, json_object_get(a->object, field), path);
    tokens_ask_key(&inner, key, ea);
    if (inner.wrong[0] && a->wrong[0] == 0) memcpy(a->wrong, inner.wrong, sizeof a->wrong);
}

static json_t *error_of(const struct ask *a)
{
    return json_error_new(a->wrong);
}

json_t *tokens_key(const json_t *in)
{
    struct ask a;
    struct sts_key key;
    struct sts_key_plan plan;
    const json_t *inner = json_object_get(in, "key");
    ask_begin(&a, in, "");
    uint8_t ea = ask_ea(&a);
    if (inner) {
        a.object = inner;
        a.path = "key.";
    }
    derive(&a, &key, ea);
    if (a.wrong[0]) return error_of(&a);
    ask_plan(&a, &plan, ea);
    json_t *out = json_object();
    json_object_set_new(out, "decoder_key", key_text(&key));
    json_object_set_new(out, "meter_pan", json_string(plan.pan));
    if (plan.dkga < 4) {
        json_object_set_new(out, "pan_block", hex_of(sts_pan_block(plan.pan, plan.kt), 16));
        json_object_set_new(out, "control_block", hex_of(sts_control_block(&plan), 16));
    }
    wipe(&plan, sizeof plan);
    wipe(&key, sizeof key);
    return out;
}

/* ---- meanings */

static void worth(char *text, size_t size, int64_t units, int digits, const char *unit)
{
    int64_t scale = 1;
    for (int i = 0; i < digits; i++) scale *= 10;
    if (digits && units % scale)
        snprintf(text, size, "%lld.%0*lld %s", (long long)(units / scale), digits,
                 (long long)(units % scale), unit);
    else
        snprintf(text, size, "%lld %s", (long long)(units / scale), unit);
}

static void money_meaning(char *text, size_t size, const struct sts_fields *f)
{
    json_t *units = ask_wide(make_money_worth(f));
    const char *digits = json_string_value(units);
    const char *sign = *digits == '-' ? "-" : "";
    size_t n = strlen(digits += *digits == '-');
    if (n > 5)
        snprintf(text, size, "%s%.*s.%s currency", sign, (int)(n - 5), digits, digits + n - 5);
    else
        snprintf(text, size, "%s0.%05d currency", sign, atoi(digits));
    json_decref(units);
}

static void class0_meaning(char *text, size_t size, const struct sts_form *form,
                           const struct sts_fields *f)
{
    static const char *const units[4] = { "kWh", "m3 water", "m3 gas", "min" };
    if (form->sub >= 4)
        money_meaning(text, size, f);
    else
        worth(text, size, sts_amount((uint16_t)f->v[STS_VALUE]), 1, units[form->sub]);
}

static void class2_meaning(char *text, size_t size, const struct sts_form *form,
                           const struct sts_fields *f)
{
    unsigned value = (unsigned)f->v[STS_VALUE];
    switch (form->sub) {
    case 0:
        snprintf(text, size, "MPL %u W", (unsigned)sts_amount((uint16_t)value));
        break;
    case 1:
        snprintf(text, size, "clear register %04X", value);
        break;
    case 5:
        snprintf(text, size, "clear tamper");
        break;
    case 6:
        snprintf(text, size, "MPPUL %u W", (unsigned)sts_amount((uint16_t)value));
        break;
    case 10:
        snprintf(text, size, "extended token index %u data %03X", (unsigned)f->v[STS_INDEX],
                 (unsigned)f->v[STS_DATA]);
        break;
    case 11:
        snprintf(text, size, "manufacturer token function %u data %03X",
                 (unsigned)f->v[STS_INDEX], (unsigned)f->v[STS_DATA]);
        break;
    default:
        snprintf(text, size, "%s", form->name);
    }
}

void tokens_meaning(char *text, size_t size, const struct sts_form *form,
                    const struct sts_fields *f)
{
    if (form == NULL)
        snprintf(text, size, "reserved");
    else if (form->class == 0)
        class0_meaning(text, size, form, f);
    else if (form->class == 2)
        class2_meaning(text, size, form, f);
    else
        snprintf(text, size, "test %0*llX for manufacturer %u", form->part[0].bits / 4,
                 (unsigned long long)f->v[STS_CONTROL], (unsigned)f->v[STS_MFR]);
}

/* ---- making */

static void ask_tid(struct ask *a, struct sts_fields *f)
{
    char buf[32];
    uint32_t tid = 0;
    struct ask key;
    if (ask_has(a, "tid")) {
        f->v[STS_TID] = (uint64_t)ask_int(a, "tid", 0, STS_TID_MAX);
        return;
    }
    ask_begin(&key, ask_has(a, "key") ? json_object_get(a->object, "key") : a->object, "");
    int base = (int)ask_int_or(&key, "base_date", 1993, 2035, 0);
    if (base == 0) ask_fail(a, "tid", "is missing, and there is no base_date to count from");
    utc_t at = ask_text(a, "issue_utc", buf) ? ask_time(a, "issue_utc") : when_now();
    if (a->wrong[0] == 0 && sts_tid_at(&tid, at, base))
        ask_fail(a, "issue_utc", "lies outside of the 31.9 years that begin with %d", base);
    if (tid % DAY_MINUTES == SPECIAL_MINUTE && !ask_flag(a, "special")) tid++;
    f->v[STS_TID] = tid;
}

/* 16 bits by value_field, or as an amount with so many digits behind the point. */
static void ask_value(struct ask *a, struct sts_fields *f, int digits)
{
    const char *field =
        ask_has(a, "requested_tenths") ? "requested_tenths" : "requested_amount";
    uint16_t value = 0;
    if (ask_has(a, "value_field")) {
        f->v[STS_VALUE] = ask_hex(a, "value_field", 16);
        return;
    }
    if (digits < 0 || !ask_has(a, field)) {
        ask_fail(a, "value_field",
                 digits < 0 ? "is missing" : "or requested_amount is missing");
        return;
    }
    make_money_t units = ask_decimal(a, field, strcmp(field, "requested_tenths") ? digits : 0);
    if (a->wrong[0]) return;
    if (units < 0 || units > STS_AMOUNT_MAX || make_amount(&value, (uint64_t)units))
        ask_fail(a, field, "must lie between 0 and %.*f", digits,
                 digits ? STS_AMOUNT_MAX / 10.0 : (double)STS_AMOUNT_MAX);
    f->v[STS_VALUE] = value;
}

static void ask_money(struct ask *a, struct sts_fields *f)
{
    const char *field = ask_has(a, "units_1e5") ? "units_1e5" : "requested_amount";
    make_money_t units = ask_decimal(a, field, strcmp(field, "units_1e5") ? 5 : 0);
    if (a->wrong[0] == 0 && make_money(f, units))
        ask_fail(a, field, "is too large for a token");
}

static void ask_indexed(struct ask *a, struct sts_fields *f, int bits)
{
    if (ask_has(a, "value_field")) {
        uint64_t v = ask_hex(a, "value_field", 16);
        f->v[STS_INDEX] = v >> bits;
        f->v[STS_DATA] = v & ((1u << bits) - 1);
        return;
    }
    f->v[STS_INDEX] = (uint64_t)ask_int(a, "index", 0, (1 << (16 - bits)) - 1);
    f->v[STS_DATA] = (uint64_t)ask_int(a, "data", 0, (1 << bits) - 1);
}

static void ask_test(struct ask *a, struct sts_fields *f, const struct sts_form *form)
{
    f->v[STS_CONTROL] = ask_hex(a, "control", form->part[0].bits);
    f->v[STS_MFR] = (uint64_t)ask_int_or(a, "mfr_code", 0, (1 << form->part[1].bits) - 1, 0);
}

static void ask_content(struct ask *a, struct sts_fields *f, const struct sts_form *form)
{
    if (form->class == 1) {
        ask_test(a, f, form);
        return;
    }
    ask_tid(a, f);
    if (form->part[0].field == STS_RND)
        f->v[STS_RND] = (uint64_t)ask_int_or(a, "rnd", 0, 15, (int64_t)make_nibble());
    if (form->crc_c)
        ask_money(a, f);
    else if (form->class == 0)
        ask_value(a, f, 1);
    else if (form->sub >= 10)
        ask_indexed(a, f, form->part[3].bits);
    else if (form->sub != 5)
        ask_value(a, f, form->sub == 0 || form->sub == 6 ? 0 : -1);
}

static const struct sts_form *ask_form(struct ask *a, uint8_t ea)
{
    uint8_t class = (uint8_t)ask_int(a, "class", 0, 3);
    uint8_t sub = (uint8_t)ask_int(a, "subclass", 0, 15);
    const struct sts_form *form = sts_form_find(class, sub, ea);
    if (a->wrong[0]) return NULL;
    if (form == NULL)
        ask_fail(a, "subclass", "class %u has no sub-class %u that can be made", class, sub);
    else if (class == 2 && (sub == 3 || sub == 4 || sub == 8 || sub == 9))
        ask_fail(a, "subclass", "key change tokens are made together: give new_key, ken, ro");
    return form;
}

static void put_made(json_t *out, const struct made *m)
{
    json_object_set_new(out, "crc", hex_of(m->clear & 0xFFFF, 4));
    json_object_set_new(out, "clear_block", hex_of(m->clear, 16));
    json_object_set_new(out, "encrypted_block", hex_of(m->sealed, 16));
    json_object_set_new(out, "token66", json_string(m->token66));
    json_object_set_new(out, "token", json_string(m->digits));
}

static json_t *one_token(struct ask *a, const struct sts_key *key, const struct sts_form *form)
{
    struct sts_fields f = { { 0 } };
    struct made m;
    char text[80];
    ask_content(a, &f, form);
    if (a->wrong[0]) return error_of(a);
    make_token(&m, key, form->class, make_block(form, &f));
    json_t *out = json_object();
    json_object_set_new(out, "class", json_integer(form->class));
    json_object_set_new(out, "subclass", json_integer(form->sub));
    if (form->class != 1) {
        json_object_set_new(out, "decoder_key", key_text(key));
        json_object_set_new(out, "tid", json_integer((json_int_t)f.v[STS_TID]));
    }
    tokens_meaning(text, sizeof text, form, &f);
    json_object_set_new(out, "meaning", json_string(text));
    put_made(out, &m);
    return out;
}

/* Two tokens, or three where the caller counts three ("tokens", a number or a list). */
static bool ask_three(struct ask *a)
{
    const json_t *tokens = json_object_get(a->object, "tokens");
    if (json_is_array(tokens)) return json_array_size(tokens) == 3;
    return ask_int_or(a, "tokens", 2, 4, 2) == 3;
}

static int base_of(const json_t *key)
{
    struct ask a;
    ask_begin(&a, key, "");
    return (int)ask_int_or(&a, "base_date", 1993, 2035, 0);
}

static json_t *key_change(struct ask *a, const struct sts_key *from, uint8_t ea)
{
    struct sts_key to;
    struct made m[4];
    int base = base_of(json_object_get(a->object, "new_key"));
    bool moves = base && base != base_of(json_object_get(a->object, "key"));
    ask_key_of(a, "new_key", &to, ea);
    to.ken = (uint8_t)ask_int_or(a, "ken", 0, 255, STS_KEN_NEVER);
    bool is_rollover = ask_has(a, "ro") ? ask_flag(a, "ro") : moves;
    bool three = ask_three(a);
    if (a->wrong[0]) return error_of(a);
    int n = make_key_change(m, from, &to, is_rollover, three);
    json_t *out = json_object(), *list = json_array();
    json_object_set_new(out, "class", json_integer(2));
    json_object_set_new(out, "decoder_key", key_text(from));
    json_object_set_new(out, "new_decoder_key", key_text(&to));
    for (int i = 0; i < n; i++) {
        json_t *token = json_object();
        uint8_t sub = (uint8_t)(m[i].clear >> 60);
        json_object_set_new(token, "subclass", json_integer(sub));
        json_object_set_new(token, "name", json_string(sts_form_find(2, sub, ea)->name));
        put_made(token, &m[i]);
        json_array_append_new(list, token);
    }
    json_object_set_new(out, "tokens", list);
    wipe(&to, sizeof to);
    return out;
}

json_t *tokens_make(const json_t *in)
{
    struct ask a;
    struct sts_key key = { .ea = STS_EA_STA };
    ask_begin(&a, in, "");
    uint8_t ea = ask_ea(&a);
    bool is_change = ask_has(&a, "new_key");
    const struct sts_form *form = is_change || a.wrong[0] ? NULL : ask_form(&a, ea);
    if (a.wrong[0] == 0 && (is_change || form->class != 1)) ask_key_of(&a, "key", &key, ea);
    if (a.wrong[0]) return error_of(&a);
    json_t *out = is_change ? key_change(&a, &key, ea) : one_token(&a, &key, form);
    wipe(&key, sizeof key);
    return out;
}

/* ---- decoding */

/* Fields of a form as they are called in JSON; hex: digits of a text, 0: a number. */
static const struct {
    uint8_t field, hex;
    const char *name;
} names[] = {
    { STS_TID, 0, "tid" },
    { STS_RND, 0, "rnd" },
    { STS_SIGN, 0, "sign" },
    { STS_MANTISSA, 0, "mantissa" },
    { STS_CONTROL, 9, "control" },
    { STS_MFR, 0, "mfr_code" },
    { STS_INDEX, 0, "index" },
    { STS_DATA, 3, "data" },
    { STS_KEN_HIGH, 0, "ken_high" },
    { STS_KEN_LOW, 0, "ken_low" },
    { STS_KRN, 0, "krn" },
    { STS_RO, 0, "ro" },
    { STS_THIRD, 0, "third_token" },
    { STS_KT, 0, "kt" },
    { STS_TI, 0, "ti" },
    { STS_SGC, 0, "sgc" },
    { STS_SGC_HIGH, 0, "sgc_high" },
    { STS_SGC_LOW, 0, "sgc_low" },
    { STS_KEY_PART, 8, "key_part" },
};

static void put_fields(json_t *out, const struct sts_form *form, const struct sts_fields *f)
{
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (int i = 0; i < STS_FORM_FIELDS && form->part[i].field; i++) {
            if (form->part[i].field != names[n].field) continue;
            uint64_t v = f->v[names[n].field];
            int hex = names[n].field == STS_CONTROL ? form->part[i].bits / 4 : names[n].hex;
            json_object_set_new(out, names[n].name,
                                hex ? hex_of(v, hex) : json_integer((json_int_t)v));
        }
    if (form->crc_c) {
        json_object_set_new(
            out, "exponent",
            json_integer((json_int_t)(f->v[STS_EXP_HIGH] << 2 | f->v[STS_EXP_LOW])));
        json_object_set_new(out, "units_1e5", ask_wide(make_money_worth(f)));
    }
}

/* Takes the token and, where its class needs one, the key; the clear block. */
static uint64_t ask_block(struct ask *a, struct sts_token *t, struct sts_key *key)
{
    char buf[32], digits[STS_DIGITS + 1] = { 0 };
    const char *token = ask_text(a, "token", buf);
    if (token == NULL) ask_fail(a, "token", "is missing");
    if (a->wrong[0] == 0 && sts_token_clean(digits, token, strlen(token)))
        ask_fail(a, "token", "'%.40s' is not 20 digits", token);
    if (a->wrong[0] == 0 && sts_token_read(t, digits))
        ask_fail(a, "token", "%s is above the largest token, 73786976294838206463", digits);
    if (a->wrong[0] || t->class == 1 || t->class == 3) return t->block;
    ask_key_of(a, "key", key, key->ea);
    return a->wrong[0] ? 0 : sts_open(key, t->block);
}

json_t *tokens_decode(const json_t *in)
{
    struct ask a;
    struct sts_key key;
    struct sts_token t = { 0, 0 };
    struct sts_fields f;
    char text[80];
    ask_begin(&a, in, "");
    key.ea = ask_ea(&a);
    uint64_t clear = ask_block(&a, &t, &key);
    if (a.wrong[0]) return error_of(&a);
    uint8_t sub = (uint8_t)(clear >> 60);
    const struct sts_form *form = sts_form_find(t.class, sub, key.ea);
    json_t *out = json_object();
    json_object_set_new(out, "class", json_integer(t.class));
    json_object_set_new(out, "subclass", json_integer(sub));
    if (form) {
        sts_form_get(&f, form, clear);
        json_object_set_new(out, "name", json_string(form->name));
        put_fields(out, form, &f);
        if (form->part[0].field == STS_RND)
            json_object_set_new(out, "value_field", hex_of(clear >> 16 & 0xFFFF, 4));
    }
    tokens_meaning(text, sizeof text, form, &f);
    json_object_set_new(out, "meaning", json_string(text));
    json_object_set_new(out, "crc_ok", json_boolean(sts_is_authentic(t.class, clear)));
    json_object_set_new(out, "clear_block", hex_of(clear, 16));
    json_object_set_new(out, "encrypted_block", hex_of(t.block, 16));
    wipe(&key, sizeof key);
    return out;
}
