/* test_meter_years - whole years of a meter that is not left alone.
 *
 *   leap     a leap year of quarter hours: 35 136 rows, no hole, the oldest still there, their
 *            differences the register
 *   random   load, direction, tariff, clock and power change at random; after every step all
 *            identities of all 198 registers hold, each quarter of an hour those of the totals, and
 *            what was fed is what is counted
 *
 * Usage: test_meter_years [YEARS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/sys.h"
#include "lab.h"
#include "meter/profile/scan.h"

static uint64_t random_state;

static uint64_t rnd(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 20) % below;
}

static void check(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

/* -- a leap year --------------------------------------------------------------------------- */

static void leap_year(void)
{
    static const int64_t from = 1830297600, to = 1861920000; /* 2028 */
    struct lab *l = lab_new(0, 0);
    struct profile_row r;
    uint32_t wh = 0, first_wh = 0;
    check(lab_power_up(l, from) == 0, "mount");
    for (int h = 0; h < 366 * 24; h++) {
        l->load =
            (struct lab_load){ (int32_t)rnd(6000000), (int32_t)rnd(900000), 230000, 9000 };
        lab_run_s(l, 3600);
    }
    struct profile_span s = profile_span(&l->m, 0);
    check(s.first == 0 && s.next == 35136, "35 136 rows");
    check(profile_entries(&l->m, 0) >= 35136, "room for them");
    for (uint32_t i = s.first; i < s.next; i++) {
        check(profile_read(&l->m, 0, i, &r) == 0, "a row is readable");
        check(r.time.s == from + 900 * ((int64_t)i + 1), "no hole");
        check(r.value[2] >= wh, "a register does not fall");
        if (i == 0) first_wh = r.value[2];
        wh = r.value[2];
    }
    check(r.time.s == to, "the last midnight");
    check(wh == reg_at(&l->m.now, REG_WH_IMPORT) && first_wh < 1500, "differences add up");
    struct scan q;
    scan_begin_survey(&l->m, &q, 0, (utc_t){ from + 86400 * 59 + 1 },
                      (utc_t){ from + 86400 * 60 });
    unsigned steps = 1;
    while (scan_step(&l->m, &q) == E_BUSY) steps++;
    check(q.rows == 96 && scan_next(&q) - scan_first(&q) == 96, "29 February has 96 rows");
    struct billing_span b = billing_span(&l->m, BILLING_MONTHLY);
    check(b.next == 12, "twelve months");
    printf("leap year: %u rows of 40 octets, range found in %u steps\n", s.next, steps);
    lab_free(l);
}

/* -- identities, each from the cells by the most obvious sum ------------------------------- */

static uint64_t cells(const struct regs *r, unsigned cell, unsigned q, unsigned tariff)
{
    uint64_t sum = 0;
    for (unsigned t = 0; t < TARIFFS; t++)
        if (tariff == 0 || t + 1 == tariff) sum += r->cell[cell][q][t];
    return sum;
}

/* Member `tariff` (0: the total) of each of the 22 families: what it is of the others, and of
 * the cells. */
static void member(const struct regs *r, unsigned tariff)
{
    static const uint16_t in[] = { REG_WH_IMPORT, REG_VARH_IMPORT, REG_VAH_IMPORT };
    static const uint16_t out[] = { REG_WH_EXPORT, REG_VARH_EXPORT, REG_VAH_EXPORT };
    static const uint16_t both[] = { REG_WH_ABS, REG_VARH_ABS, REG_VAH_ABS };
    static const uint16_t quadrant[][QUADRANTS] = {
        { REG_WH_Q1, REG_WH_Q2, REG_WH_Q3, REG_WH_Q4 },
        { REG_VARH_Q1, REG_VARH_Q2, REG_VARH_Q3, REG_VARH_Q4 },
        { REG_VAH_Q1, REG_VAH_Q2, REG_VAH_Q3, REG_VAH_Q4 }
    };
    for (unsigned k = 0; k < CELLS; k++) {
        int64_t q[QUADRANTS];
        unsigned with = k == CELL_VARH ? 1 : 3, other = k == CELL_VARH ? 3 : 1;
        for (unsigned i = 0; i < QUADRANTS; i++) {
            q[i] = reg_at(r, (uint16_t)(quadrant[k][i] + tariff));
            check((uint64_t)q[i] == cells(r, k, i, tariff), "a quadrant is its cells");
        }
        int64_t import = reg_at(r, (uint16_t)(in[k] + tariff));
        int64_t export = reg_at(r, (uint16_t)(out[k] + tariff));
        check(import == q[0] + q[with], "import is two quadrants");
        check(export == q[2] + q[other], "export is the others");
        check(reg_at(r, (uint16_t)(both[k] + tariff)) == import + export, "absolute is both");
        if (k == CELL_WH)
            check(reg_at(r, (uint16_t)(REG_WH_NET + tariff)) == import - export, "net");
    }
}

static void tariffs_add_up(const struct regs *r)
{
    static const uint16_t family[] = {
        REG_WH_IMPORT,  REG_WH_EXPORT,  REG_WH_ABS,  REG_WH_NET,      REG_WH_Q1,
        REG_WH_Q2,      REG_WH_Q3,      REG_WH_Q4,   REG_VARH_IMPORT, REG_VARH_EXPORT,
        REG_VARH_ABS,   REG_VARH_Q1,    REG_VARH_Q2, REG_VARH_Q3,     REG_VARH_Q4,
        REG_VAH_IMPORT, REG_VAH_EXPORT, REG_VAH_ABS, REG_VAH_Q1,      REG_VAH_Q2,
        REG_VAH_Q3,     REG_VAH_Q4
    };
    for (unsigned f = 0; f < sizeof family / sizeof *family; f++) {
        int64_t sum = 0;
        for (unsigned t = 1; t <= TARIFFS; t++) sum += reg_at(r, (uint16_t)(family[f] + t));
        check(sum == reg_at(r, family[f]), "tariffs add up");
    }
}

static void identities(const struct regs *r)
{
    for (unsigned tariff = 0; tariff <= TARIFFS; tariff++) member(r, tariff);
    tariffs_add_up(r);
}

static void fed_is_counted(struct lab *l)
{
    for (unsigned k = 0; k < CELLS * DIRECTIONS; k++)
        check(energy_nj(&l->m.energy, &l->m.now, k / 2, k % 2) == l->fed_nj[k / 2][k % 2],
              "what was fed is counted");
}

/* -- random years -------------------------------------------------------------------------- */

static void thunder(struct lab *l)
{
    bool gasp = rnd(2);
    int64_t utc = clock_utc(&l->m.clock, l->now).s;
    lab_power_down(l, gasp);
    l->rtc_lost = rnd(20) == 0;
    check(lab_power_up(l, utc + (int64_t)(rnd(4) ? rnd(7200) : rnd(40 * 86400))) == 0,
          "power-up");
    for (unsigned k = 0; k < CELLS * DIRECTIONS; k++) {
        uint64_t has = energy_nj(&l->m.energy, &l->m.now, k / 2, k % 2);
        uint64_t *fed = &l->fed_nj[k / 2][k % 2]; /* both pass 2^64 nJ, which is 5 124 kWh */
        check((int64_t)(*fed - has) >= 0 && (!gasp || has == *fed),
              "never ahead, and a gasp loses nothing");
        *fed = has;
    }
}

static void set_clock(struct lab *l)
{
    static const int32_t by[] = { 5, -7, 40, -50, 3600, -3600, 86400, -86400, 40 * 86400 };
    int64_t to = clock_utc(&l->m.clock, l->now).s + by[rnd(sizeof by / sizeof *by)];
    meter_at(&l->m, l->now);
    clock_order(&l->m, &lab_who, CLOCK_SET, to, false);
    lab_settle(l);
}

static void one_year(uint64_t seed)
{
    struct lab *l = lab_new(0, 0);
    random_state = seed * 977;
    check(lab_power_up(l, 1767225600 + (int64_t)rnd(300) * 86400) == 0, "mount");
    for (uint64_t s = 0; s < UINT64_C(365) * 86400;) {
        l->load = (struct lab_load){ (int32_t)rnd(20000000) - 8000000,
                                     (int32_t)rnd(6000000) - 3000000, 230000, 9000 };
        uint64_t n = 1 + rnd(rnd(5) ? 3600 : 86400);
        for (uint64_t i = 0; i < n; i += 900) {
            lab_run_s(l, n - i < 900 ? n - i : 900);
            member(&l->m.now, 0);
            fed_is_counted(l);
        }
        identities(&l->m.now);
        s += n;
        switch (rnd(40)) {
        case 0:
            thunder(l);
            break;
        case 1:
            set_clock(l);
            break;
        case 2:
            billing_end(&l->m, &lab_who, BILLING_REMOTE);
            break;
        default:
            command_do(&l->m, &lab_who, CMD_TARIFF, 1 + (int32_t)rnd(8));
            break;
        }
        lab_settle(l);
        identities(&l->m.now);
    }
    lab_free(l);
}

int main(int argc, char **argv)
{
    uint64_t years = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    clock_t from = clock();
    random_state = 4;
    leap_year();
    for (uint64_t i = 0; i < years; i++) one_year(seed + i);
    printf("%llu random years, %.1f s: no violation\n", (unsigned long long)years,
           (double)(clock() - from) / CLOCKS_PER_SEC);
    return 0;
}
