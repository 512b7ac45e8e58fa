#include "tools/vend/make.h"

#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "crypto/misty1.h"
#include "sts/code.h"
#include "sts/sta.h"

#define MANTISSAS 16384

/* ---- amounts */

struct scaled {
    unsigned exponent, mantissa;
};

/* The smallest exponent that can say units, rounded up or down; E_RANGE above max_exponent. */
static int scale(struct scaled *s, make_unsigned_t units, unsigned max_exponent, bool up)
{
    make_unsigned_t base = 0, power = 1;
    for (unsigned e = 0; e <= max_exponent; e++) {
        make_unsigned_t rest = units > base ? units - base : 0;
        make_unsigned_t mantissa = (rest + (up ? power - 1 : 0)) / power;
        if (mantissa < MANTISSAS) {
            *s = (struct scaled){ e, (unsigned)mantissa };
            return 0;
        }
        base += MANTISSAS * power;
        power *= 10;
    }
    return E_RANGE;
}

int make_amount(uint16_t *field, uint64_t units)
{
    struct scaled s;
    if (scale(&s, units, 3, true)) return E_RANGE;
    *field = (uint16_t)(s.exponent << 14 | s.mantissa);
    return 0;
}

int make_money(struct sts_fields *f, make_money_t units_1e5)
{
    struct scaled s;
    bool negative = units_1e5 < 0;
    make_unsigned_t magnitude = (make_unsigned_t)(negative ? -units_1e5 : units_1e5);
    if (scale(&s, magnitude, 31, !negative)) return E_RANGE;
    f->v[STS_SIGN] = negative;
    f->v[STS_EXP_HIGH] = s.exponent >> 2;
    f->v[STS_EXP_LOW] = s.exponent & 3;
    f->v[STS_MANTISSA] = s.mantissa;
    return 0;
}

make_money_t make_money_worth(const struct sts_fields *f)
{
    unsigned exponent = (unsigned)(f->v[STS_EXP_HIGH] << 2 | f->v[STS_EXP_LOW]);
    make_money_t base = 0, power = 1;
    for (unsigned e = 0; e < exponent; e++) {
        base += MANTISSAS * power;
        power *= 10;
    }
    base += power * (make_money_t)f->v[STS_MANTISSA];
    return f->v[STS_SIGN] ? -base : base;
}

/* ---- blocks and tokens */

uint64_t make_block(const struct sts_form *form, const struct sts_fields *f)
{
    uint64_t block = (uint64_t)form->sub << 60;
    for (int i = 0; i < STS_FORM_FIELDS && form->part[i].field; i++) {
        uint64_t v = f->v[form->part[i].field];
        ensure(v >> form->part[i].bits == 0);
        block |= v << form->part[i].at;
    }
    return block | (form->crc_c ? sts_crc_c(form->class, block) : sts_crc(form->class, block));
}

static uint64_t encipher(const struct sts_key *key, uint64_t block)
{
    struct misty1 m;
    if (key->ea == STS_EA_STA) return sta_encrypt(be_get64(key->key), block);
    misty1_init(&m, key->key);
    block = misty1_encrypt(&m, block);
    wipe(&m, sizeof m);
    return block;
}

/* 66 bits as seventeen digits. */
static void hex66(char text[18], unsigned high, uint64_t low)
{
    text[0] = (char)('0' + high);
    for (int i = 16; i > 0; i--, low >>= 4) text[i] = "0123456789abcdef"[low & 15];
    text[17] = 0;
}

void make_token(struct made *m, const struct sts_key *key, uint8_t class, uint64_t clear)
{
    m->clear = clear;
    m->sealed = class == 1 ? clear : encipher(key, clear);
    struct sts_token t = { m->sealed, class };
    uint64_t low = (m->sealed & ~(UINT64_C(3) << 27)) | (uint64_t) class << 27;
    hex66(m->token66, (unsigned)(m->sealed >> 27 & 3), low);
    sts_token_write(m->digits, &t);
}

uint64_t make_nibble(void)
{
    uint8_t octet = 0;
    if (getrandom(&octet, 1, 0) != 1) octet = 5; /* what every published token has */
    return octet & 15;
}

/* ---- key change */

int make_key_change(struct made m[4], const struct sts_key *from, const struct sts_key *to,
                    bool is_rollover, bool with_sgc)
{
    bool is_long = from->ea == STS_EA_MISTY1;
    int n = is_long ? 4 : with_sgc ? 3 : 2;
    const uint8_t *part[4] = { to->key, to->key + (is_long ? 12 : 4), to->key + 4,
                               to->key + 8 };
    struct sts_fields f = { .v = { [STS_KEN_HIGH] = to->ken >> 4,
                                   [STS_KEN_LOW] = to->ken & 15,
                                   [STS_KRN] = to->krn,
                                   [STS_RO] = is_rollover,
                                   [STS_THIRD] = n == 3,
                                   [STS_KT] = to->kt,
                                   [STS_TI] = to->ti,
                                   [STS_SGC] = to->sgc,
                                   [STS_SGC_HIGH] = to->sgc >> 12,
                                   [STS_SGC_LOW] = to->sgc & 0xFFF } };
    static const uint8_t subs[4] = { 3, 4, 8, 9 };
    ensure(from->ea == to->ea);
    for (int i = 0; i < n; i++) {
        f.v[STS_KEY_PART] = be_get32(part[i]);
        make_token(&m[i], from, 2, make_block(sts_form_find(2, subs[i], from->ea), &f));
    }
    wipe(&f, sizeof f);
    return n;
}
