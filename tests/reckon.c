#include "reckon.h"

#include <string.h>

#include "base/sys.h"

void reckon_one(const struct scheme *s, struct count *c, unsigned tariff)
{
    c->total++;
    while (c->step + 1 < s->steps && c->total > s->step[c->step].limit_wh) {
        c->step++;
        if (!s->step[c->step].rerate) continue;
        for (unsigned i = 0; i < c->step; i++)
            for (unsigned t = 0; t < TARIFFS; t++) {
                c->wh[c->step][t] += c->wh[i][t];
                c->wh[i][t] = 0;
            }
    }
    c->wh[c->step][tariff]++;
}

static wide percent(wide v, uint64_t rate)
{
    wide p = v * (wide)rate;
    ensure(p % 10000 == 0); /* the reference has room for every digit */
    return p / 10000;
}

static wide masked(const struct sums *x, uint32_t mask)
{
    wide sum = 0;
    for (int c = 0; c < SCHEME_CHARGES; c++)
        if (mask & (1u << c)) sum += c >= CHARGE_SUBSIDY ? -x->charge[c] : x->charge[c];
    return sum > 0 ? sum : 0;
}

static wide slow_subsidy(const struct scheme *s, const struct sums *x,
                         const struct price_subsidy *y, uint64_t wh)
{
    uint64_t most = y->eligible_kwh * UINT64_C(1000);
    uint64_t granted = 0;
    if (most && wh > most && y->claw_back) return 0;
    if (y->kind == SUBSIDY_LUMP)
        return wh > y->from_kwh * UINT64_C(1000) &&
                       (!y->to_kwh || wh <= y->to_kwh * UINT64_C(1000))
                   ? y->value * 1000 * NANO
                   : 0;
    if (y->kind == SUBSIDY_PERCENT || y->kind == SUBSIDY_BASE) {
        uint64_t from = y->from_kwh * UINT64_C(1000), to = y->to_kwh * UINT64_C(1000);
        if ((from && wh <= from) || (to && wh > to)) return 0;
        return percent(y->kind == SUBSIDY_PERCENT ? x->charge[0] : masked(x, y->base),
                       (uint64_t)y->value);
    }
    if (y->kind == SUBSIDY_OFF) return 0;
    for (uint64_t n = 1; n <= wh; n++) { /* Wh by Wh */
        if (most && n > most) break;
        if (y->kind == SUBSIDY_FREE)
            granted += n <= (uint64_t)y->value * 1000;
        else
            granted += n > y->from_kwh * UINT64_C(1000) &&
                       (!y->to_kwh || n <= y->to_kwh * UINT64_C(1000));
    }
    int64_t each = y->kind == SUBSIDY_FREE ? (int64_t)s->step[0].price[0] : y->value;
    return (wide)granted * each * NANO;
}

void reckon(const struct scheme *s, const struct count *c, const struct month_usage *u,
            struct sums *x)
{
    uint64_t wh = c->total, service = 0;
    memset(x, 0, sizeof *x);
    for (unsigned i = 0; i < SCHEME_STEPS; i++)
        for (unsigned t = 0; t < TARIFFS; t++)
            x->charge[0] += (wide)c->wh[i][t] * s->step[i].price[t] * NANO;
    for (unsigned i = s->services; i-- > 0;)
        if (i + 1u == s->services || wh <= s->service[i].limit_kwh * UINT64_C(1000))
            service = (uint64_t)s->service[i].amount;
    x->charge[1] = (wide)service * 1000 * NANO;
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) {
        wide times = s->fixed[i].kind == 1   ? u->days * (wide)1000
                     : s->fixed[i].kind == 2 ? 1000
                     : s->fixed[i].kind == 3 ? u->contract_w
                     : s->fixed[i].kind == 4 ? u->demand_w
                                             : 0;
        x->charge[CHARGE_FIXED + i] = times * s->fixed[i].amount * NANO;
    }
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++)
        x->charge[CHARGE_SUBSIDY + i] = slow_subsidy(s, x, &s->subsidy[i], wh);
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        const struct price_levy *y = &s->levy[i];
        wide v = 0;
        bool on = wh >= y->min_kwh * UINT64_C(1000) &&
                  (!y->max_kwh || wh <= y->max_kwh * UINT64_C(1000));
        if (y->kind == LEVY_PERCENT) v = percent(x->charge[0], (uint64_t)y->value);
        if (y->kind == LEVY_KWH) v = (wide)wh * y->value * NANO;
        if (y->kind == LEVY_MONTH) v = (wide)y->value * 1000 * NANO;
        if (y->kind == LEVY_BASE) v = percent(masked(x, y->base), (uint64_t)y->value);
        x->charge[CHARGE_LEVY + i] = on ? v : 0;
    }
    for (unsigned i = 0; i < SCHEME_VATS; i++)
        x->charge[CHARGE_VAT + i] = percent(masked(x, s->vat[i].base), s->vat[i].rate);
    x->en = x->charge[0];
    x->sv = x->charge[1];
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) x->f += x->charge[CHARGE_FIXED + i];
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) x->l += x->charge[CHARGE_LEVY + i];
    for (unsigned i = 0; i < SCHEME_VATS; i++) x->v += x->charge[CHARGE_VAT + i];
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) x->s += x->charge[CHARGE_SUBSIDY + i];
    x->t = x->en + x->sv + x->f + x->l + x->v - x->s;
}

wide reckon_exact(struct exact e)
{
    return (wide)e.nano * NANO + (wide)e.part * 10000;
}

/* -- random schemes ------------------------------------------------------------------------ */

uint64_t reckon_seed = 1;

uint32_t reckon_below(uint32_t n)
{
    reckon_seed = reckon_seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((reckon_seed >> 33) % n);
}

void reckon_any(struct scheme *s)
{
    memset(s, 0, sizeof *s);
    s->steps = (uint8_t)(1 + reckon_below(SCHEME_STEPS));
    s->services = (uint8_t)reckon_below(SCHEME_SERVICES + 1);
    uint32_t at = 0;
    for (unsigned i = 0; i < s->steps; i++) {
        at += 1 + reckon_below(900);
        s->step[i].limit_wh = i + 1u < s->steps ? at : 0;
        s->step[i].rerate = reckon_below(4) == 0;
        for (unsigned t = 0; t < TARIFFS; t++) s->step[i].price[t] = reckon_below(2000000);
    }
    at = 0;
    for (unsigned i = 0; i < s->services; i++) {
        at += 1 + reckon_below(2);
        s->service[i].limit_kwh = i + 1u < s->services ? at : 0;
        s->service[i].amount = reckon_below(20000000);
    }
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) {
        s->fixed[i].kind = (uint8_t)reckon_below(5);
        s->fixed[i].amount = reckon_below(3000000);
    }
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        struct price_levy *x = &s->levy[i];
        x->kind = (uint8_t)reckon_below(5);
        x->value = reckon_below(10001);
        x->base = reckon_below(1u << SCHEME_CHARGES);
        x->min_kwh = reckon_below(3) ? 0 : reckon_below(3);
        x->max_kwh = reckon_below(3) ? 0 : x->min_kwh + 1 + reckon_below(3);
    }
    for (unsigned i = 0; i < SCHEME_VATS; i++) {
        s->vat[i].rate = (uint16_t)reckon_below(10001);
        s->vat[i].base = reckon_below(1u << SCHEME_CHARGES);
    }
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        struct price_subsidy *x = &s->subsidy[i];
        x->kind = (uint8_t)reckon_below(6);
        x->value = x->kind == SUBSIDY_FREE ? reckon_below(3) : reckon_below(10001);
        x->base = reckon_below(1u << SCHEME_CHARGES);
        x->from_kwh = reckon_below(2) ? 0 : reckon_below(3);
        x->to_kwh = reckon_below(2) ? 0 : x->from_kwh + 1 + reckon_below(3);
        x->eligible_kwh = reckon_below(2) ? 0 : 1 + reckon_below(3);
        x->claw_back = reckon_below(2);
    }
}

/* Sound ones only; bases are thinned until they are. */
void reckon_scheme(struct scheme *s)
{
    do {
        reckon_any(s);
        for (unsigned i = 0; i < 60 && scheme_check(s); i++) {
            for (unsigned k = 0; k < SCHEME_LEVIES; k++)
                s->levy[k].base &= reckon_below(1u << SCHEME_CHARGES) & 0x3E01F;
            for (unsigned k = 0; k < SCHEME_VATS; k++)
                s->vat[k].base &= reckon_below(1u << SCHEME_CHARGES) & 0x3E3FF;
            for (unsigned k = 0; k < SCHEME_SUBSIDIES; k++)
                s->subsidy[k].base &= reckon_below(1u << SCHEME_CHARGES) & 0x1F;
        }
    } while (scheme_check(s));
}
