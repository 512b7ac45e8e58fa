#include "port/common/household.h"

#include <stdbool.h>

/* Tenths of the chance that it is started in each hour of the day; starts are spread over the
 * hour, and so are run times between least and most. */
struct appliance {
    int32_t p_mw, q_mvar;
    uint16_t least_s, most_s; /* at most three hours */
    const char *chance;
};

/*                                                      hour: 0     6     12    18      */
static const struct appliance appliances[] = {
    { 85000, 60000, 900, 1500, "999999999999999999999999" },     /* refrigerator */
    { 110000, 75000, 500, 1100, "888888888888888888888888" },    /* freezer */
    { 2200000, 0, 100, 240, "000003675332422135532210" },        /* kettle */
    { 1800000, 20000, 600, 2700, "000000110003620026720000" },   /* hob */
    { 2300000, 40000, 900, 3300, "000000000001100002310000" },   /* oven */
    { 1200000, 250000, 60, 360, "000000431113311124311100" },    /* microwave */
    { 2000000, 120000, 700, 1200, "000000012321100011110000" },  /* washing, heating phase */
    { 350000, 260000, 1800, 3600, "000000012321100011110000" },  /* washing, the drum */
    { 2000000, 0, 1800, 5400, "411000000000000000000025" },      /* water heater */
    { 45000, -12000, 1800, 7200, "211112553111111123788864" },   /* lights, a room */
    { 60000, -18000, 1800, 9000, "100001441000000124678752" },   /* lights, another */
    { 130000, -45000, 3600, 10800, "200000121111222234667763" }, /* television and computer */
    { 900000, 15000, 120, 900, "000000120022110000101000" },     /* vacuum cleaner, iron */
};

#define APPLIANCES (sizeof appliances / sizeof appliances[0])
#define STANDBY_MW 62000
#define STANDBY_MVAR (-41000)
#define MAINS_MOHM 280 /* of the line to the house */

/* 64 well mixed bits of two numbers. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + (b + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Days of 24 hours, floor division: times before 1970 are no exception. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* A curve through random knots every `step` seconds, between -reach and +reach. */
static int32_t wander(uint64_t seed, int64_t t, int32_t step, int32_t reach)
{
    int64_t knot = floor_div(t, step);
    int32_t part = (int32_t)(t - knot * step);
    uint32_t span = 2 * (uint32_t)reach + 1;
    int32_t a = (int32_t)((uint32_t)mix(seed, (uint64_t)knot) % span) - reach;
    int32_t b = (int32_t)((uint32_t)mix(seed, (uint64_t)knot + 1) % span) - reach;
    return a + (b - a) * part / step;
}

/* Was it started in that hour, and does it still run at t? */
static bool is_on(const struct appliance *a, uint64_t seed, int64_t hour, int64_t t)
{
    int64_t of_day = hour - floor_div(hour, 24) * 24;
    uint64_t dice = mix(seed, (uint64_t)hour);
    uint32_t low = (uint32_t)dice, high = (uint32_t)(dice >> 32);
    if ((int)(low % 10) >= a->chance[of_day] - '0') return false;
    int64_t start = hour * 3600 + (low >> 8) % 3600;
    int64_t runs = a->least_s + high % (a->most_s - a->least_s + 1u);
    return start <= t && t < start + runs;
}

static bool runs_at(const struct appliance *a, uint64_t seed, int64_t t)
{
    int64_t hour = floor_div(t, 3600);
    for (int64_t h = hour - (a->most_s + 3599) / 3600; h <= hour; h++) {
        if (is_on(a, seed, h, t)) return true;
    }
    return false;
}

struct load household_at(uint64_t seed, utc_t t)
{
    struct load l = LOAD_OFF;
    l.p_mw = STANDBY_MW;
    l.q_mvar = STANDBY_MVAR;
    for (size_t k = 0; k < APPLIANCES; k++) {
        if (!runs_at(&appliances[k], mix(seed, k), t.s)) continue;
        l.p_mw += appliances[k].p_mw;
        l.q_mvar += appliances[k].q_mvar;
    }
    /* what heats follows the voltage; a little restlessness besides */
    int32_t u_mv = 231500 + wander(seed ^ 1, t.s, 1200, 4000) + wander(seed ^ 2, t.s, 15, 700);
    l.p_mw += (int32_t)((int64_t)l.p_mw * wander(seed ^ 3, t.s, 2, 400) / 100000);
    u_mv -= (int32_t)((int64_t)l.p_mw * MAINS_MOHM / u_mv);
    l.u_mv = (uint32_t)u_mv;
    l.f_mhz = (uint32_t)(50000 + wander(4, t.s, 60, 25)); /* one grid for all homes */
    return l;
}
