#include "teller.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"

const struct who teller_keypad = { .link = LINK_KEYPAD };
const struct who teller_client = { .sap = 1, .link = LINK_WAN, .assoc = 4 };

void teller_init(struct teller *t, uint8_t ea)
{
    *t = (struct teller){
        .key = { .ea = ea, .kt = STS_KT_UNIQUE, .krn = 1, .ken = STS_KEN_NEVER, .sgc = 123456 },
        .tid = 6400000, /* in 2026, counted from 2014 */
    };
    for (unsigned i = 0; i < (ea == STS_EA_STA ? 8u : 16u); i++)
        t->key.key[i] = (uint8_t)(17 * i + 3);
}

static int root_key(void *ctx, uint8_t key[16])
{
    (void)ctx;
    memset(key, 0x42, 16);
    return 0;
}

void teller_fit(struct lab *l, const struct teller *t)
{
    l->io.root_key = root_key;
    l->cfg.decoder = &t->key;
}

static const char *make(struct teller *t, uint8_t class, uint8_t sub,
                        const struct sts_fields *f)
{
    struct made m;
    make_token(&m, &t->key, class, make_block(sts_form_find(class, sub, t->key.ea), f));
    memcpy(t->token[0], m.digits, sizeof m.digits);
    t->tokens = 1;
    return t->token[0];
}

const char *teller_units(struct teller *t, uint64_t tenths)
{
    struct sts_fields f = { .v = { [STS_TID] = t->tid++, [STS_RND] = 5 } };
    uint16_t field;
    ensure(make_amount(&field, tenths) == 0);
    f.v[STS_VALUE] = field;
    return make(t, 0, 0, &f);
}

const char *teller_money(struct teller *t, int64_t units_1e5)
{
    struct sts_fields f = { .v = { [STS_TID] = t->tid++ } };
    ensure(make_money(&f, units_1e5) == 0);
    return make(t, 0, 4, &f);
}

const char *teller_register(struct teller *t, uint8_t sub, uint16_t value)
{
    struct sts_fields f = { .v = { [STS_TID] = t->tid++, [STS_RND] = 5, [STS_VALUE] = value } };
    return make(t, 2, sub, &f);
}

const char *teller_function(struct teller *t, uint8_t sub, unsigned index, unsigned data)
{
    struct sts_fields f = {
        .v = { [STS_TID] = t->tid++, [STS_RND] = 5, [STS_INDEX] = index, [STS_DATA] = data }
    };
    return make(t, 2, sub, &f);
}

const char *teller_test(struct teller *t, uint64_t control)
{
    struct sts_fields f = { .v = { [STS_CONTROL] = control } };
    return make(t, 1, 0, &f);
}

void teller_change(struct teller *t, uint8_t mark, bool is_rollover, bool with_sgc)
{
    struct made m[4];
    struct sts_key to = t->key;
    for (unsigned i = 0; i < (to.ea == STS_EA_STA ? 8u : 16u); i++) to.key[i] ^= mark;
    to.krn = (uint8_t)(1 + mark % 9);
    to.ti = mark % 100;
    t->tokens = make_key_change(m, &t->key, &to, is_rollover, with_sgc);
    for (int i = 0; i < t->tokens; i++) memcpy(t->token[i], m[i].digits, sizeof m[i].digits);
    t->key = to;
    if (to.ea == STS_EA_STA && !with_sgc) t->key.sgc = 0; /* two tokens carry none */
}

int teller_enter(struct lab *l, const struct who *who, const char *token)
{
    lab_settle(l);
    meter_at(&l->m, l->now);
    int result = prepay_enter_text(&l->m, who, 0, token, strlen(token));
    lab_settle(l);
    return result;
}
