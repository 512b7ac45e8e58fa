#include "meter/prepay/scheme.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"

#define BOUND_KWH (UINT32_MAX / 1000)  /* whole kWh that a bound can name */
#define MONTH_COST INT64_C(4000000000) /* of the currency */
enum { MICRO_NANO = 1000 };

/* -- energy -------------------------------------------------------------------------------- */

uint32_t usage_wh(const struct month_usage *u)
{
    uint32_t wh = 0;
    for (unsigned t = 0; t < TARIFFS; t++) wh += u->wh[t];
    return wh;
}

unsigned scheme_step(const struct scheme *s, uint32_t wh)
{
    unsigned i = 0;
    while (i + 1 < s->steps && wh >= s->step[i].limit_wh) i++;
    return i;
}

/* All that was used so far at the prices of step i. */
static int64_t priced(const struct scheme *s, const struct month_usage *u, unsigned i)
{
    int64_t energy = 0;
    for (unsigned t = 0; t < TARIFFS; t++) energy += (int64_t)u->wh[t] * s->step[i].price[t];
    return energy;
}

void scheme_use(const struct scheme *s, struct month_usage *u, unsigned tariff, uint32_t wh)
{
    uint32_t used = usage_wh(u);
    ensure(tariff < TARIFFS);
    while (wh) { /* a turn a step */
        unsigned i = scheme_step(s, used);
        uint32_t begin = i ? s->step[i - 1].limit_wh : 0;
        uint32_t room = i + 1 < s->steps ? s->step[i].limit_wh - used : UINT32_MAX;
        uint32_t part = wh < room ? wh : room;
        if (used == begin && s->step[i].rerate) u->energy = priced(s, u, i);
        u->energy += (int64_t)part * s->step[i].price[tariff];
        u->wh[tariff] += part;
        used += part;
        wh -= part;
    }
}

/* -- the other charges, in the order in which they see each other -------------------------- */

struct making {
    const struct scheme *s;
    const struct month_usage *u;
    struct bill *b;
    uint32_t wh;
};

static bool is_beyond(uint32_t wh, uint32_t kwh)
{
    return wh > (uint64_t)kwh * 1000;
}

/* Charges of a mask, subsidies off; never below zero. */
static struct exact base_of(const struct bill *b, uint32_t mask)
{
    struct exact sum = { 0, 0 };
    for (unsigned i = 0; i < SCHEME_CHARGES; i++) {
        if (!(mask >> i & 1)) continue;
        sum = i < CHARGE_SUBSIDY ? exact_add(sum, b->charge[i]) : exact_sub(sum, b->charge[i]);
    }
    return sum.nano < 0 ? exact_of(0) : sum;
}

static int64_t service_of(const struct making *k)
{
    unsigned i = 0;
    if (!k->s->services) return 0;
    while (i + 1u < k->s->services && is_beyond(k->wh, k->s->service[i].limit_kwh)) i++;
    return k->s->service[i].amount * MICRO_NANO;
}

/* 1e-6 a kW times W is 1e-9. */
static int64_t fixed_of(const struct making *k, unsigned i)
{
    int64_t amount = k->s->fixed[i].amount;
    switch ((enum fixed_kind)k->s->fixed[i].kind) {
    case FIXED_DAY:
        return amount * k->u->days * MICRO_NANO;
    case FIXED_MONTH:
        return amount * MICRO_NANO;
    case FIXED_CONTRACT_KW:
        return amount * k->u->contract_w;
    case FIXED_DEMAND_KW:
        return amount * k->u->demand_w;
    case FIXED_OFF:
        break;
    }
    return 0;
}

/* Wh of (from, to] kWh that were used. */
static int64_t wh_within(uint32_t wh, uint32_t from_kwh, uint32_t to_kwh)
{
    int64_t from = (int64_t)from_kwh * 1000, to = to_kwh ? (int64_t)to_kwh * 1000 : wh;
    int64_t end = wh < to ? wh : to;
    return end > from ? end - from : 0;
}

static struct exact subsidy_of(const struct making *k, unsigned i)
{
    const struct price_subsidy *x = &k->s->subsidy[i];
    bool over = x->eligible_kwh && is_beyond(k->wh, x->eligible_kwh);
    bool inside = (k->wh || x->kind != SUBSIDY_LUMP) &&
                  (!x->from_kwh || is_beyond(k->wh, x->from_kwh)) &&
                  (!x->to_kwh || !is_beyond(k->wh, x->to_kwh));
    uint32_t wh = over ? x->eligible_kwh * 1000 : k->wh; /* no more beyond it */
    if (over && x->claw_back) return exact_of(0);
    switch ((enum subsidy_kind)x->kind) {
    case SUBSIDY_KWH:
        return exact_of(wh_within(wh, x->from_kwh, x->to_kwh) * x->value);
    case SUBSIDY_LUMP:
        return exact_of(inside ? x->value * MICRO_NANO : 0);
    case SUBSIDY_PERCENT:
        return inside ? exact_percent(k->b->charge[CHARGE_ENERGY], (uint32_t)x->value)
                      : exact_of(0);
    case SUBSIDY_FREE:
        return exact_of((wh < x->value * 1000 ? wh : x->value * 1000) * k->s->step[0].price[0]);
    case SUBSIDY_BASE:
        return inside ? exact_percent(base_of(k->b, x->base), (uint32_t)x->value) : exact_of(0);
    case SUBSIDY_OFF:
        break;
    }
    return exact_of(0);
}

static struct exact levy_of(const struct making *k, unsigned i)
{
    const struct price_levy *x = &k->s->levy[i];
    if (x->min_kwh && k->wh < (uint64_t)x->min_kwh * 1000) return exact_of(0);
    if (x->max_kwh && is_beyond(k->wh, x->max_kwh)) return exact_of(0);
    switch ((enum levy_kind)x->kind) {
    case LEVY_PERCENT:
        return exact_percent(k->b->charge[CHARGE_ENERGY], (uint32_t)x->value);
    case LEVY_KWH:
        return exact_of((int64_t)k->wh * x->value);
    case LEVY_MONTH:
        return exact_of(x->value * MICRO_NANO);
    case LEVY_BASE:
        return exact_percent(base_of(k->b, x->base), (uint32_t)x->value);
    case LEVY_OFF:
        break;
    }
    return exact_of(0);
}

static struct exact sum_of(const struct bill *b, unsigned first, unsigned n)
{
    struct exact sum = { 0, 0 };
    for (unsigned i = 0; i < n; i++) sum = exact_add(sum, b->charge[first + i]);
    return sum;
}

void scheme_bill(const struct scheme *s, const struct month_usage *u, struct bill *b)
{
    struct making k = { s, u, b, usage_wh(u) };
    struct exact *c = b->charge;
    memset(b, 0, sizeof *b);
    c[CHARGE_ENERGY] = exact_of(u->energy);
    c[CHARGE_SERVICE] = exact_of(service_of(&k));
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++)
        c[CHARGE_FIXED + i] = exact_of(fixed_of(&k, i));
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) c[CHARGE_SUBSIDY + i] = subsidy_of(&k, i);
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) c[CHARGE_LEVY + i] = levy_of(&k, i);
    for (unsigned i = 0; i < SCHEME_VATS; i++)
        c[CHARGE_VAT + i] = exact_percent(base_of(b, s->vat[i].base), s->vat[i].rate);
    b->energy = c[CHARGE_ENERGY];
    b->service = c[CHARGE_SERVICE];
    b->fixed = sum_of(b, CHARGE_FIXED, SCHEME_FIXEDS);
    b->levy = sum_of(b, CHARGE_LEVY, SCHEME_LEVIES);
    b->vat = sum_of(b, CHARGE_VAT, SCHEME_VATS);
    b->subsidy = sum_of(b, CHARGE_SUBSIDY, SCHEME_SUBSIDIES);
    b->total = exact_sub(sum_of(b, 0, CHARGE_SUBSIDY), b->subsidy);
}

/* -- is it sound? -------------------------------------------------------------------------- */

#define FAULT(id, text) text,
static const char *const texts[SCHEME_FAULTS] = {
#include "meter/prepay/faults.def"
};
#undef FAULT

const char *scheme_fault_text(enum scheme_fault fault)
{
    return texts[fault];
}

/* How many percentages stand on each other in each charge; the charges in the order in which
 * they are made. */
struct depths {
    uint8_t of[SCHEME_CHARGES];
    uint32_t made; /* bits of the charges that came before */
};

static enum scheme_fault stand(struct depths *d, unsigned charge, bool is_percent,
                               uint32_t base, int64_t rate)
{
    unsigned deepest = 0;
    if (rate < 0) return SCHEME_NEGATIVE;
    if (is_percent && rate > PERCENT_100) return SCHEME_PERCENT;
    if (is_percent && base & ~d->made) return SCHEME_BASE;
    for (unsigned i = 0; i < SCHEME_CHARGES && is_percent; i++)
        if (base >> i & 1 && d->of[i] > deepest) deepest = d->of[i];
    d->of[charge] = (uint8_t)(is_percent && rate ? deepest + 1 : 0);
    d->made |= UINT32_C(1) << charge;
    return d->of[charge] > EXACT_DEPTH ? SCHEME_DEPTH : SCHEME_SOUND;
}

static enum scheme_fault check_steps(const struct scheme *s)
{
    if (s->steps < 1 || s->steps > SCHEME_STEPS) return SCHEME_NO_STEP;
    for (unsigned i = 0; i < s->steps; i++) {
        bool last = i + 1u == s->steps;
        if ((s->step[i].limit_wh == 0) != last) return SCHEME_LAST_STEP;
        if (i && !last && s->step[i].limit_wh <= s->step[i - 1].limit_wh)
            return SCHEME_STEP_ORDER;
    }
    if (s->services > SCHEME_SERVICES) return SCHEME_SERVICE_COUNT;
    for (unsigned i = 0; i < s->services; i++) {
        bool last = i + 1u == s->services;
        uint32_t below = i ? s->service[i - 1].limit_kwh : 0;
        if (s->service[i].amount < 0) return SCHEME_NEGATIVE;
        if (last ? s->service[i].limit_kwh != 0 : s->service[i].limit_kwh <= below)
            return SCHEME_SERVICE_ORDER;
    }
    return SCHEME_SOUND;
}

static bool is_range(uint32_t from, uint32_t to)
{
    return from <= BOUND_KWH && to <= BOUND_KWH && (to == 0 || from < to);
}

static enum scheme_fault check_subsidy(const struct scheme *s, unsigned i, struct depths *d)
{
    const struct price_subsidy *x = &s->subsidy[i];
    bool percent = x->kind == SUBSIDY_PERCENT || x->kind == SUBSIDY_BASE;
    uint32_t base = x->kind == SUBSIDY_BASE ? x->base : 1u << CHARGE_ENERGY;
    if (x->kind > SUBSIDY_BASE) return SCHEME_KIND;
    if (!is_range(x->from_kwh, x->to_kwh) || x->eligible_kwh > BOUND_KWH ||
        (x->kind == SUBSIDY_FREE && (x->value < 0 || x->value > BOUND_KWH)))
        return SCHEME_BOUNDS;
    if (percent && x->eligible_kwh && !x->claw_back) return SCHEME_LIMIT;
    return stand(d, CHARGE_SUBSIDY + i, percent, base, x->value);
}

static enum scheme_fault check_levy(const struct scheme *s, unsigned i, struct depths *d)
{
    const struct price_levy *x = &s->levy[i];
    bool percent = x->kind == LEVY_PERCENT || x->kind == LEVY_BASE;
    uint32_t base = x->kind == LEVY_BASE ? x->base : 1u << CHARGE_ENERGY;
    if (x->kind > LEVY_BASE) return SCHEME_KIND;
    if (!is_range(x->min_kwh, x->max_kwh)) return SCHEME_BOUNDS;
    return stand(d, CHARGE_LEVY + i, percent, base, x->value);
}

static enum scheme_fault check_charges(const struct scheme *s)
{
    struct depths d = { .made = 1u << CHARGE_ENERGY | 1u << CHARGE_SERVICE };
    enum scheme_fault f = SCHEME_SOUND;
    for (unsigned i = 0; i < SCHEME_FIXEDS && !f; i++)
        f = s->fixed[i].kind > FIXED_DEMAND_KW
                ? SCHEME_KIND
                : stand(&d, CHARGE_FIXED + i, false, 0, s->fixed[i].amount);
    for (unsigned i = 0; i < SCHEME_SUBSIDIES && !f; i++) f = check_subsidy(s, i, &d);
    for (unsigned i = 0; i < SCHEME_LEVIES && !f; i++) f = check_levy(s, i, &d);
    for (unsigned i = 0; i < SCHEME_VATS && !f; i++)
        f = stand(&d, CHARGE_VAT + i, true, s->vat[i].base, s->vat[i].rate);
    return f;
}

/* -- what a month can cost at most: a bound, in units of the currency, that saturates ------ */
static uint64_t add(uint64_t a, uint64_t b)
{
    return a + b > (uint64_t)MONTH_COST * 4 ? (uint64_t)MONTH_COST * 4 : a + b;
}

/* value in 1e-6, n times: above, never below. */
static uint64_t times(int64_t value, uint64_t n)
{
    uint64_t v = (uint64_t)value / 1000000 + 1;
    return n && v > (uint64_t)MONTH_COST * 4 / n ? (uint64_t)MONTH_COST * 4 : v * n;
}

/* Levies, VAT, subsidies in a row; 0 where one is no percentage. */
static uint64_t percentage(const struct scheme *s, unsigned i)
{
    if (i < SCHEME_VATS) return s->vat[i].rate;
    i -= SCHEME_VATS;
    if (i < SCHEME_LEVIES) {
        bool percent = s->levy[i].kind == LEVY_PERCENT || s->levy[i].kind == LEVY_BASE;
        return percent ? (uint64_t)s->levy[i].value : 0;
    }
    const struct price_subsidy *x = &s->subsidy[i - SCHEME_LEVIES];
    bool percent = x->kind == SUBSIDY_PERCENT || x->kind == SUBSIDY_BASE;
    return percent ? (uint64_t)x->value : 0;
}

static uint64_t dearest(const struct scheme *s)
{
    uint64_t price = 0;
    for (unsigned i = 0; i < s->steps; i++)
        for (unsigned t = 0; t < TARIFFS; t++)
            if (s->step[i].price[t] > price) price = s->step[i].price[t];
    return price;
}

static uint64_t energy_bound(const struct scheme *s)
{
    return dearest(s) * SCHEME_MONTH_KWH / 1000000 + 1;
}

int64_t scheme_energy_max(const struct scheme *s)
{
    return (int64_t)(dearest(s) * SCHEME_MONTH_KWH * 1000);
}

static bool is_too_dear(const struct scheme *s)
{
    static const uint16_t units[] = { [FIXED_OFF] = 0,
                                      [FIXED_DAY] = SCHEME_DAYS,
                                      [FIXED_MONTH] = 1,
                                      [FIXED_CONTRACT_KW] = SCHEME_MONTH_W / 1000,
                                      [FIXED_DEMAND_KW] = SCHEME_MONTH_W / 1000 };
    uint64_t energy = energy_bound(s), most = energy;
    for (unsigned i = 0; i < s->services; i++) most = add(most, times(s->service[i].amount, 1));
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) {
        most = add(most, times(s->fixed[i].amount, units[s->fixed[i].kind]));
    }
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        bool kwh = s->levy[i].kind == LEVY_KWH;
        if (kwh || s->levy[i].kind == LEVY_MONTH)
            most = add(most, times(s->levy[i].value, kwh ? SCHEME_MONTH_KWH : 1));
    }
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        bool kwh = s->subsidy[i].kind == SUBSIDY_KWH;
        if (kwh || s->subsidy[i].kind == SUBSIDY_LUMP)
            most = add(most, times(s->subsidy[i].value, kwh ? SCHEME_MONTH_KWH : 1));
        if (s->subsidy[i].kind == SUBSIDY_FREE) most = add(most, energy);
    }
    for (unsigned i = 0; i < SCHEME_LEVIES + SCHEME_VATS + SCHEME_SUBSIDIES;
         i++) /* of at most all there is */
        most = add(most, most * percentage(s, i) / PERCENT_100 + 1);
    return most > (uint64_t)MONTH_COST;
}

enum scheme_fault scheme_check(const struct scheme *s)
{
    enum scheme_fault f = check_steps(s);
    if (!f) f = check_charges(s);
    return !f && is_too_dear(s) ? SCHEME_TOO_DEAR : f;
}

/* -- on flash ------------------------------------------------------------------------------ */

/* One walk over the fields for both ways, so that they cannot differ. */
struct walk {
    uint8_t *at;
    bool loads;
};

static uint64_t octets(struct walk *k, unsigned n, uint64_t v)
{
    uint64_t back = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!k->loads) k->at[i] = (uint8_t)(v >> 8 * i);
        back |= (uint64_t)k->at[i] << 8 * i;
    }
    k->at += n;
    return back;
}

#define FIELD(n, f) (f) = (__typeof__(f))octets(k, n, (uint64_t)(f))

static void walk(struct walk *k, struct scheme *s)
{
    for (unsigned i = 0; i < sizeof s->name; i++) FIELD(1, s->name[i]);
    FIELD(1, s->steps);
    FIELD(1, s->services);
    for (unsigned i = 0; i < SCHEME_STEPS; i++) {
        FIELD(4, s->step[i].limit_wh);
        FIELD(1, s->step[i].rerate);
        for (unsigned t = 0; t < TARIFFS; t++) FIELD(4, s->step[i].price[t]);
    }
    for (unsigned i = 0; i < SCHEME_SERVICES; i++) {
        FIELD(4, s->service[i].limit_kwh);
        FIELD(8, s->service[i].amount);
    }
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++) {
        FIELD(1, s->fixed[i].kind);
        FIELD(8, s->fixed[i].amount);
    }
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        FIELD(1, s->levy[i].kind);
        FIELD(8, s->levy[i].value);
        FIELD(4, s->levy[i].base);
        FIELD(4, s->levy[i].min_kwh);
        FIELD(4, s->levy[i].max_kwh);
    }
    for (unsigned i = 0; i < SCHEME_VATS; i++) {
        FIELD(2, s->vat[i].rate);
        FIELD(4, s->vat[i].base);
    }
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        FIELD(1, s->subsidy[i].kind);
        FIELD(8, s->subsidy[i].value);
        FIELD(4, s->subsidy[i].base);
        FIELD(4, s->subsidy[i].from_kwh);
        FIELD(4, s->subsidy[i].to_kwh);
        FIELD(4, s->subsidy[i].eligible_kwh);
        FIELD(1, s->subsidy[i].claw_back);
    }
}

void scheme_save(const struct scheme *s, uint8_t body[SCHEME_BODY])
{
    struct walk k = { body, false };
    struct scheme copy = *s;
    walk(&k, &copy);
    ensure(k.at == body + SCHEME_BODY);
}

bool scheme_load(struct scheme *s, const uint8_t *body, size_t n)
{
    uint8_t copy[SCHEME_BODY];
    struct walk k = { copy, true };
    if (n != SCHEME_BODY) return false;
    memcpy(copy, body, n);
    memset(s, 0, sizeof *s);
    walk(&k, s);
    return true;
}
