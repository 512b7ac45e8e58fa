/* scheme.h - a tariff scheme: what the energy and the days of a month cost, exactly.
 *
 * A scheme is data: ten steps of the month's energy with a price for each of eight tariffs,
 * service charges by step, fixed charges, levies, VAT and subsidies (0-0:96.60.x). A month is
 * what was used: Wh by tariff, days. What a month costs is a function of both and of nothing
 * else, so it does not matter in which portions the energy came:
 *
 *     total = energy + service + fixed + levies + VAT - subsidies
 *
 * Energy is the one part that depends on which tariff each Wh fell into, and is summed as it is
 * used: scheme_use(). A step that prices anew gives all energy of the month its price from the
 * first Wh beyond the step before it. All else is worked out by scheme_bill().
 *
 * A charge that is a percentage of others names them by a mask of charges in the order below,
 * and only such as stand before it: subsidies see energy, service, fixed charges and earlier
 * subsidies; levies see these and earlier levies; VAT all and earlier VAT. Subsidies in a base
 * count off it; a base below zero is zero. No percentage stands on more than two others
 * (exact.h).
 *
 * Power cut  pure functions; nothing is kept.
 * Cost       scheme_bill() at most thirteen percentages and as many sums; scheme_use() a few
 *            additions a step that is passed, and eight products where one prices anew.
 * Memory     on a Cortex-M4 struct scheme 984 octets, struct bill 400; 4.8 KiB of code.
 * Context    any.
 */
#ifndef METER_PREPAY_SCHEME_H
#define METER_PREPAY_SCHEME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/prepay/exact.h"
#include "meter/regs.h"

enum {
    SCHEME_STEPS = 10,
    SCHEME_SERVICES = 8,
    SCHEME_FIXEDS = 3,
    SCHEME_LEVIES = 5,
    SCHEME_VATS = 3,
    SCHEME_SUBSIDIES = 5,
    SCHEME_DAYS = 366,        /* the longest month there is: billing may be yearly */
    SCHEME_MONTH_W = 1000000, /* its highest demand, contracted or measured */
    SCHEME_MONTH_KWH = 62 * 24 * (SCHEME_MONTH_W / 1000) /* all its energy: 1 488 000 kWh */
};

/* Charges in the order of 0-0:19.20.e, and of the bits of a base. */
enum scheme_charge {
    CHARGE_ENERGY,
    CHARGE_SERVICE,
    CHARGE_FIXED,
    CHARGE_LEVY = CHARGE_FIXED + SCHEME_FIXEDS,
    CHARGE_VAT = CHARGE_LEVY + SCHEME_LEVIES,
    CHARGE_SUBSIDY = CHARGE_VAT + SCHEME_VATS,
    SCHEME_CHARGES = CHARGE_SUBSIDY + SCHEME_SUBSIDIES
};

enum fixed_kind { FIXED_OFF, FIXED_DAY, FIXED_MONTH, FIXED_CONTRACT_KW, FIXED_DEMAND_KW };
enum levy_kind { LEVY_OFF, LEVY_PERCENT, LEVY_KWH, LEVY_MONTH, LEVY_BASE };
enum subsidy_kind {
    SUBSIDY_OFF,
    SUBSIDY_KWH,     /* value a kWh beyond `from`, up to `to` */
    SUBSIDY_LUMP,    /* value, once the energy is beyond `from`; gone beyond `to` */
    SUBSIDY_PERCENT, /* value of the energy charge */
    SUBSIDY_FREE,    /* the first value kWh at the price of step 1, tariff 1 */
    SUBSIDY_BASE     /* value of the base */
};

/* Amounts in 1e-6 of the currency, percentages in 0.01 %, bounds in whole kWh. A bound of 0 is
 * none. Rows behind the last used are zero. */
struct price_step {
    uint32_t limit_wh;       /* the last Wh of the step; 0 in the last step */
    bool rerate;             /* from here on all energy of the month has this price */
    uint32_t price[TARIFFS]; /* a kWh */
};
struct price_service {
    uint32_t limit_kwh; /* 0 in the last */
    int64_t amount;
};
struct price_fixed {
    uint8_t kind; /* enum fixed_kind */
    int64_t amount;
};
struct price_levy {
    uint8_t kind;  /* enum levy_kind */
    int64_t value; /* percentage, or amount */
    uint32_t base, min_kwh, max_kwh;
};
struct price_vat {
    uint16_t rate;
    uint32_t base;
};
struct price_subsidy {
    uint8_t kind;  /* enum subsidy_kind */
    int64_t value; /* percentage, amount, or kWh */
    uint32_t base, from_kwh, to_kwh;
    uint32_t eligible_kwh; /* beyond it there is none, or no more: claw_back */
    bool claw_back;        /* what was granted is taken back */
};
struct scheme {
    char name[16];
    uint8_t steps, services;
    struct price_step step[SCHEME_STEPS];
    struct price_service service[SCHEME_SERVICES];
    struct price_fixed fixed[SCHEME_FIXEDS];
    struct price_levy levy[SCHEME_LEVIES];
    struct price_vat vat[SCHEME_VATS];
    struct price_subsidy subsidy[SCHEME_SUBSIDIES];
};

/* What a month used so far. */
struct month_usage {
    int64_t energy;       /* the energy charge, 1e-9; scheme_use() sums it */
    uint32_t wh[TARIFFS]; /* in all up to SCHEME_MONTH_KWH; more are not charged */
    uint16_t days;        /* begun, up to SCHEME_DAYS; more are not charged */
    uint32_t contract_w, demand_w;
};

struct bill {
    struct exact charge[SCHEME_CHARGES]; /* subsidies as they are named: 0 or more */
    struct exact energy, service, fixed, levy, vat, subsidy, total;
};

/* Why a scheme is none; the first that is found. */
#define FAULT(id, text) id,
enum scheme_fault {
#include "meter/prepay/faults.def"
    SCHEME_FAULTS
};
#undef FAULT

/* May this scheme be used? SCHEME_SOUND, or what is wrong with it. A sound one cannot overflow
 * in a month of up to SCHEME_MONTH_KWH, SCHEME_DAYS and SCHEME_MONTH_W: who makes up the usage keeps
 * it within. */
enum scheme_fault scheme_check(const struct scheme *s);

/* A sentence on it. */
const char *scheme_fault_text(enum scheme_fault fault);

/* Which step the next Wh of a month is in that has used so much: 0..steps - 1. */
unsigned scheme_step(const struct scheme *s, uint32_t wh);

uint32_t usage_wh(const struct month_usage *u);

/* The most that the energy of a month can cost under a sound scheme, 1e-9. */
int64_t scheme_energy_max(const struct scheme *s);

/* So many Wh were used under tariff 0..7: u->wh and u->energy grow. */
void scheme_use(const struct scheme *s, struct month_usage *u, unsigned tariff, uint32_t wh);

/* What it all costs. */
void scheme_bill(const struct scheme *s, const struct month_usage *u, struct bill *b);

/* As it lies on flash: SCHEME_BODY octets. load: false where they are no scheme at all; what it
 * says is to be checked. */
enum {
    SCHEME_BODY = 16 + 2 + SCHEME_STEPS * (5 + 4 * TARIFFS) + SCHEME_SERVICES * 12 +
                  SCHEME_FIXEDS * 9 + SCHEME_LEVIES * 21 + SCHEME_VATS * 6 +
                  SCHEME_SUBSIDIES * 26
};
void scheme_save(const struct scheme *s, uint8_t body[SCHEME_BODY]);
bool scheme_load(struct scheme *s, const uint8_t *body, size_t n);

#endif
