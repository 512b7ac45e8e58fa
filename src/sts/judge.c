#include "sts/judge.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/misty1.h"
#include "sts/code.h"
#include "sts/form.h"
#include "sts/sta.h"

enum { FIRST, SECOND, THIRD, FOURTH, SECTIONS };

#define SGC_MAX 999999
#define TI_MAX 99

/* What one token is judged with. */
struct court {
    const struct sts_rules *rules;
    const struct sts_key *key;
    const struct sts_tids *tids;
    const struct sts_form *form; /* NULL: no such token */
    struct sts_fields f;
    uint64_t block; /* clear */
};

/* ---- results */

#define RESULT(name, number, text, group, words) { STS_##name, STS_GROUP_##group, text, words },
static const struct {
    uint8_t result, group;
    const char *name, *words;
} results[] = {
#include "sts/results.def"
};
#undef RESULT

static int result_at(int result)
{
    for (int i = 0; i < (int)(sizeof results / sizeof *results); i++)
        if (results[i].result == result) return i;
    return -1;
}

const char *sts_result_name(int result)
{
    int i = result_at(result);
    return i < 0 ? NULL : results[i].name;
}

const char *sts_result_words(int result)
{
    int i = result_at(result);
    return i < 0 ? NULL : results[i].words;
}

enum sts_group sts_result_group(int result)
{
    int i = result_at(result);
    return i < 0 ? STS_GROUP_EXECUTION : (enum sts_group)results[i].group;
}

/* ---- class 1 */

static enum sts_result judge_test(struct sts_verdict *v, const struct court *c)
{
    if (c->form == NULL) return STS_FUNCTION;
    bool is_four_digit = v->sub == 1;
    uint64_t all = (UINT64_C(1) << c->form->part[0].bits) - 1, asked = c->f.v[STS_CONTROL];
    uint64_t code = c->f.v[STS_MFR];
    if (code != 0 && (is_four_digit != c->rules->is_four_digit || code != c->rules->mfr_code))
        return STS_MFR_CODE;
    if (asked == all) asked = c->rules->tests;
    if (asked == 0) return STS_RANGE;
    if (asked & ~c->rules->tests) return STS_FUNCTION;
    v->effect = STS_TEST;
    v->control = asked;
    return STS_ACCEPT;
}

/* ---- key change: sections come in any order and are put together when all are there */

static const uint8_t section_subs[SECTIONS] = { 3, 4, 8, 9 };

static int section_of(uint8_t sub)
{
    for (int i = 0; i < SECTIONS; i++)
        if (section_subs[i] == sub) return i;
    return -1;
}

static enum sts_result check_section(const struct sts_fields *f, int section)
{
    uint64_t krn = f->v[STS_KRN];
    if (section == FIRST && (krn < 1 || krn > 9)) return STS_RANGE;
    if (section == SECOND && f->v[STS_TI] > TI_MAX) return STS_RANGE;
    if (f->v[STS_PAD] != 0) return STS_FORMAT;
    return f->v[STS_SGC] > SGC_MAX ? STS_RANGE : STS_ACCEPT;
}

/* Two, three or four tokens? Only the first section of a 64-bit key says. */
static bool is_complete(const struct sts_pending *p, const struct sts_form *first, uint8_t ea)
{
    struct sts_fields f;
    uint8_t needed = 1 << FIRST | 1 << SECOND;
    sts_form_get(&f, first, p->block[FIRST]);
    if (ea == STS_EA_MISTY1)
        needed = (1 << SECTIONS) - 1;
    else if (p->held & 1 << FIRST && f.v[STS_THIRD])
        needed |= 1 << THIRD;
    return (p->held & needed) == needed;
}

/* Where a section's 32 bits stand in the key: the second section is last in both kinds. */
static uint8_t place_of(int section, uint8_t ea)
{
    static const uint8_t places[SECTIONS] = { 0, 12, 4, 8 };
    return ea == STS_EA_STA && section == SECOND ? 4 : places[section];
}

/* Each field is in one section alone and zero elsewhere, so that the parts add up. */
static void assemble(struct sts_key *new, bool *is_rollover, const struct sts_pending *p,
                     uint8_t ea)
{
    struct sts_fields f;
    bool has_third = ea == STS_EA_MISTY1;
    *new = (struct sts_key){ .ea = ea };
    for (int i = 0; i < SECTIONS; i++) {
        if (!(p->held & 1 << i) || (i == THIRD && !has_third)) continue;
        sts_form_get(&f, sts_form_find(2, section_subs[i], ea), p->block[i]);
        new->kt |= (uint8_t)f.v[STS_KT];
        new->krn |= (uint8_t)f.v[STS_KRN];
        new->ti |= (uint8_t)f.v[STS_TI];
        new->ken |= (uint8_t)(f.v[STS_KEN_HIGH] << 4 | f.v[STS_KEN_LOW]);
        new->sgc |= (uint32_t)(f.v[STS_SGC] | f.v[STS_SGC_HIGH] << 12 | f.v[STS_SGC_LOW]);
        has_third |= f.v[STS_THIRD] != 0;
        *is_rollover |= f.v[STS_RO] != 0;
        if (i == THIRD && ea == STS_EA_STA) continue; /* carries no part of the key */
        be_put32(new->key + place_of(i, ea), (uint32_t)f.v[STS_KEY_PART]);
    }
    wipe(&f, sizeof f);
}

/* From which key type to which: bit n, to type n. A keypad meter never takes a common key. */
static bool may_change(uint8_t from, uint8_t to)
{
    static const uint8_t allowed[4] = {
        [STS_KT_INITIAL] = 1 << STS_KT_INITIAL | 1 << STS_KT_DEFAULT | 1 << STS_KT_UNIQUE,
        [STS_KT_DEFAULT] = 1 << STS_KT_DEFAULT | 1 << STS_KT_UNIQUE,
        [STS_KT_UNIQUE] = 1 << STS_KT_DEFAULT | 1 << STS_KT_UNIQUE,
        [STS_KT_COMMON] = 1 << STS_KT_DEFAULT,
    };
    return allowed[from & 3] >> to & 1;
}

static enum sts_result change_key(struct sts_verdict *v, const struct court *c)
{
    assemble(&v->key, &v->is_rollover, &v->pending, c->key->ea);
    wipe(&v->pending, sizeof v->pending); /* used up, or worth nothing */
    enum sts_result result = STS_ACCEPT;
    if (v->key.sgc > SGC_MAX)
        result = STS_RANGE;
    else if (!may_change(c->key->kt, v->key.kt))
        result = STS_KEY_TYPE;
    if (result == STS_ACCEPT) {
        v->effect = STS_CHANGE_KEY;
    } else {
        wipe(&v->key, sizeof v->key);
        v->is_rollover = false;
    }
    return result;
}

static enum sts_result judge_section(struct sts_verdict *v, const struct court *c, int section)
{
    static const uint8_t answers[SECTIONS] = { STS_KCT1, STS_KCT2, STS_KCT3, STS_KCT4 };
    struct sts_pending *p = &v->pending;
    if (c->form == NULL) return STS_FUNCTION;
    enum sts_result result = check_section(&c->f, section);
    if (result != STS_ACCEPT) return result;
    if (p->held & 1 << section && p->block[section] != c->block) wipe(p, sizeof *p);
    p->block[section] = c->block;
    p->held |= (uint8_t)(1 << section);
    p->until = mono_after(c->rules->now, (uint64_t)c->rules->section_ms * 1000);
    if (is_complete(p, sts_form_find(2, 3, c->key->ea), c->key->ea)) return change_key(v, c);
    v->effect = STS_HOLD_SECTION;
    return (enum sts_result)answers[section];
}

/* ---- class 0 and class 2 with a TID */

static enum sts_result judge_tid(struct sts_verdict *v, const struct court *c)
{
    const uint32_t *tid = c->tids->tid;
    bool is_used = false;
    for (uint8_t i = 0; i < STS_TIDS; i++) {
        if (tid[i] < tid[v->tid_slot]) v->tid_slot = i;
        if (tid[i] == v->tid) is_used = true;
    }
    if (is_used) return STS_USED;
    return v->tid < tid[v->tid_slot] ? STS_OLD : STS_ACCEPT;
}

static enum sts_result judge_units(struct sts_verdict *v, const struct court *c)
{
    v->effect = STS_CREDIT;
    v->amount = sts_amount((uint16_t)c->f.v[STS_VALUE]);
    return v->amount > c->rules->room_units ? STS_OVERFLOW : STS_ACCEPT;
}

static enum sts_result judge_currency(struct sts_verdict *v, const struct court *c)
{
    unsigned exponent = (unsigned)(c->f.v[STS_EXP_HIGH] << 2 | c->f.v[STS_EXP_LOW]);
    v->effect = STS_CURRENCY;
    if (sts_money(&v->amount, c->f.v[STS_SIGN], exponent, (unsigned)c->f.v[STS_MANTISSA]))
        return STS_OVERFLOW;
    return v->amount > c->rules->room_currency ? STS_OVERFLOW : STS_ACCEPT;
}

static enum sts_result judge_credit(struct sts_verdict *v, const struct court *c)
{
    if (c->form == NULL || !(c->rules->credits >> v->sub & 1)) return STS_FUNCTION;
    v->index = v->sub;
    return v->sub < 4 ? judge_units(v, c) : judge_currency(v, c);
}

static enum sts_result judge_clear(struct sts_verdict *v, const struct court *c)
{
    bool is_ours = v->amount < 8 && c->rules->credits >> v->amount & 1;
    return is_ours || v->amount == 0xFFFF ? STS_ACCEPT : STS_RANGE;
}

static const uint8_t effects[16] = {
    [0] = STS_POWER_LIMIT,  [1] = STS_CLEAR_CREDIT,    [2] = STS_TARIFF,
    [5] = STS_CLEAR_TAMPER, [6] = STS_UNBALANCE_LIMIT, [7] = STS_WATER_FACTOR,
    [10] = STS_EXTENDED,    [11] = STS_MANUFACTURER,
};

static enum sts_result judge_management(struct sts_verdict *v, const struct court *c)
{
    if (c->form == NULL || !(c->rules->management >> v->sub & 1)) return STS_FUNCTION;
    v->effect = effects[v->sub];
    v->amount = (int64_t)(c->f.v[STS_VALUE] | c->f.v[STS_DATA]);
    v->index = (uint8_t)c->f.v[STS_INDEX];
    switch (v->effect) {
    case STS_POWER_LIMIT:
    case STS_UNBALANCE_LIMIT:
        v->amount = sts_amount((uint16_t)v->amount);
        return STS_ACCEPT;
    case STS_CLEAR_CREDIT:
        return judge_clear(v, c);
    case STS_CLEAR_TAMPER:
        return c->f.v[STS_PAD] ? STS_FORMAT : STS_ACCEPT;
    case STS_MANUFACTURER:
        return c->rules->functions >> v->index & 1 ? STS_ACCEPT : STS_FUNCTION;
    default:
        return STS_ACCEPT;
    }
}

static enum sts_result judge_register(struct sts_verdict *v, const struct court *c)
{
    v->tid = (uint32_t)(c->block >> 32) & STS_TID_MAX;
    if (v->class == 0 && c->key->kt != STS_KT_UNIQUE) return STS_DDTK;
    if (c->key->ken != STS_KEN_NEVER && v->tid >> 16 > c->key->ken) return STS_EXPIRED;
    enum sts_result result = judge_tid(v, c);
    if (result != STS_ACCEPT) return result;
    result = v->class == 0 ? judge_credit(v, c) : judge_management(v, c);
    v->takes_tid = result == STS_ACCEPT;
    return result;
}

/* ---- the order of it all */

uint64_t sts_open(const struct sts_key *key, uint64_t block)
{
    struct misty1 m;
    if (key->ea == STS_EA_STA) return sta_decrypt(be_get64(key->key), block);
    misty1_init(&m, key->key);
    block = misty1_decrypt(&m, block);
    wipe(&m, sizeof m);
    return block;
}

static bool is_taken_tampered(const struct sts_verdict *v)
{
    return v->class == 2 && (v->sub == 5 || section_of(v->sub) >= 0);
}

static enum sts_result judge(struct sts_verdict *v, struct court *c, const char *digits)
{
    struct sts_token t;
    if (sts_token_read(&t, digits)) return STS_FORMAT;
    v->class = t.class;
    if (t.class == 3) return STS_FUNCTION;
    if (c->rules->locked_out && t.class != 1) return STS_LOCKED_OUT;
    c->block = t.class == 1 ? t.block : sts_open(c->key, t.block);
    if (!sts_is_authentic(t.class, c->block)) return STS_CRC;
    v->is_authentic = true;
    v->sub = (uint8_t)(c->block >> 60);
    c->form = sts_form_find(v->class, v->sub, c->key->ea);
    if (c->form) sts_form_get(&c->f, c->form, c->block);
    if (v->class == 1) return judge_test(v, c);
    if (c->rules->tampered && !is_taken_tampered(v)) return STS_NOT_READY;
    int section = v->class == 2 ? section_of(v->sub) : -1;
    return section >= 0 ? judge_section(v, c, section) : judge_register(v, c);
}

void sts_judge(struct sts_verdict *v, const struct sts_rules *rules, const struct sts_key *key,
               const struct sts_tids *tids, const struct sts_pending *pending,
               const char digits[STS_DIGITS])
{
    struct court c = { .rules = rules, .key = key, .tids = tids };
    *v = (struct sts_verdict){ .pending = *pending };
    sts_pending_expire(&v->pending, rules->now);
    v->result = (uint8_t)judge(v, &c, digits);
    if (sts_result_group(v->result) != STS_GROUP_OK) v->effect = STS_NOTHING;
    wipe(&c, sizeof c);
}

/* ---- what follows from a verdict */

void sts_tids_init(struct sts_tids *tids, uint32_t tid)
{
    for (int i = 0; i < STS_TIDS; i++) tids->tid[i] = tid;
}

void sts_tids_put(struct sts_tids *tids, const struct sts_verdict *v)
{
    if (v->effect == STS_CHANGE_KEY && v->is_rollover) sts_tids_init(tids, 0);
    if (v->takes_tid) tids->tid[v->tid_slot] = v->tid;
}

void sts_pending_expire(struct sts_pending *p, mono_t now)
{
    if (p->held && !mono_before(now, p->until)) wipe(p, sizeof *p);
}
