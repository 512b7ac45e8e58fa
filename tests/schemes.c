#include "schemes.h"

#include <string.h>

#define PRICES(p)                                                                              \
    {                                                                                          \
        p, p, p, p, p, p, p, p                                                                 \
    }
#define BIT(charge) (1u << (charge))
#define FIXED_BITS (BIT(CHARGE_FIXED) | BIT(CHARGE_FIXED + 1) | BIT(CHARGE_FIXED + 2))
#define LEVY_BITS (0x1Fu << CHARGE_LEVY)
#define SUBSIDY_BITS (0x1Fu << CHARGE_SUBSIDY)

int64_t schemes_nano(const char *s)
{
    int64_t v = 0;
    int behind = -1;
    for (; *s; s++) {
        if (*s == '.') {
            behind = 0;
            continue;
        }
        v = v * 10 + (*s - '0');
        behind += behind >= 0;
    }
    for (behind = behind < 0 ? 0 : behind; behind < 9; behind++) v *= 10;
    return v;
}

const struct scheme *schemes_ghana_2018(bool vat_on_levies)
{
    static struct scheme s;
    s = (struct scheme){
        .name = "Ghana 2018",
        .steps = 3,
        .services = 1,
        .step = { { 300000, false, PRICES(968000) },
                  { 600000, false, PRICES(1030000) },
                  { 0, false, PRICES(1625100) } },
        .service = { { 0, 10552900 } },
        .levy = { { .kind = LEVY_PERCENT, .value = 300 },
                  { .kind = LEVY_PERCENT, .value = 200 } },
        .vat = { { 1750,
                   BIT(CHARGE_ENERGY) | (vat_on_levies ? LEVY_BITS : BIT(CHARGE_SERVICE)) } },
        .subsidy = { { .kind = SUBSIDY_KWH, .value = 49800, .to_kwh = 300 },
                     { .kind = SUBSIDY_KWH, .value = 26500, .from_kwh = 300, .to_kwh = 600 },
                     { .kind = SUBSIDY_KWH, .value = 20900, .from_kwh = 600 } },
    };
    return &s;
}

const struct scheme *schemes_ghana_2025(void)
{
    static const struct scheme s = {
        .name = "Ghana 2025",
        .steps = 2,
        .services = 1,
        .step = { { 300000, false, PRICES(1801867) }, { 0, false, PRICES(2380873) } },
        .service = { { 0, 10730886 } },
        .levy = { { .kind = LEVY_PERCENT, .value = 300 },
                  { .kind = LEVY_PERCENT, .value = 200 } },
    };
    return &s;
}

const struct scheme *schemes_ghana_lifeline(void)
{
    static const struct scheme s = {
        .name = "Ghana lifeline",
        .steps = 1,
        .services = 1,
        .step = { { 0, false, PRICES(795308) } },
        .service = { { 0, 2130000 } },
        .levy = { { .kind = LEVY_PERCENT, .value = 500 } },
    };
    return &s;
}

const struct scheme *schemes_egypt(void)
{
    static const struct scheme s = {
        .name = "Egypt 2021",
        .steps = 7,
        .services = 7,
        .step = { { 50000, false, PRICES(480000) },
                  { 100000, false, PRICES(580000) },
                  { 200000, true, PRICES(770000) },
                  { 350000, false, PRICES(1060000) },
                  { 650000, false, PRICES(1280000) },
                  { 1000000, true, PRICES(1280000) },
                  { 0, true, PRICES(1450000) } },
        .service = { { 50, 1000000 },
                     { 100, 2000000 },
                     { 200, 6000000 },
                     { 350, 11000000 },
                     { 650, 15000000 },
                     { 1000, 25000000 },
                     { 0, 40000000 } },
    };
    return &s;
}

const struct schemes_row schemes_egypt_rows[] = {
    { 50, .en = "24", .t = "25" },
    { 51, .en = "24.58", .t = "26.58" },
    { 100, .en = "53", .t = "55" },
    { 101, .en = "77.77", .t = "83.77" },
    { 200, .en = "154", .t = "160" },
    { 201, .en = "155.06", .t = "166.06" },
    { 350, .en = "313", .t = "324" },
    { 351, .en = "314.28", .t = "329.28" },
    { 650, .en = "697", .t = "712" },
    { 651, .en = "833.28", .t = "858.28" },
    { 1000, .en = "1280", .t = "1305" },
    { 1001, .en = "1451.45", .t = "1491.45" },
    { 0, .en = 0 },
};

const struct scheme *schemes_full(void)
{
    static const struct scheme s = {
        .name = "every feature",
        .steps = 10,
        .services = 5,
        .step = { { 50000, false, PRICES(100000) },
                  { 100000, false, PRICES(120000) },
                  { 200000, false, PRICES(150000) },
                  { 300000, false, PRICES(180000) },
                  { 400000, false, PRICES(210000) },
                  { 500000, false, PRICES(240000) },
                  { 600000, false, PRICES(270000) },
                  { 800000, false, PRICES(300000) },
                  { 1000000, false, PRICES(340000) },
                  { 0, false, PRICES(400000) } },
        .service = { { 100, 2000000 },
                     { 300, 4000000 },
                     { 600, 7000000 },
                     { 1000, 12000000 },
                     { 0, 20000000 } },
        .fixed = { { FIXED_DAY, 50000 },
                   { FIXED_MONTH, 3000000 },
                   { FIXED_CONTRACT_KW, 500000 } },
        .levy = { { .kind = LEVY_PERCENT, .value = 300 },
                  { .kind = LEVY_PERCENT, .value = 200 },
                  { .kind = LEVY_KWH, .value = 1000 },
                  { .kind = LEVY_MONTH, .value = 750000 },
                  { .kind = LEVY_BASE,
                    .value = 100,
                    .base = BIT(CHARGE_ENERGY) | BIT(CHARGE_SERVICE) } },
        .vat = { { 1500, BIT(CHARGE_ENERGY) | BIT(CHARGE_SERVICE) | FIXED_BITS },
                 { 250, LEVY_BITS },
                 { 250, BIT(CHARGE_ENERGY) | SUBSIDY_BITS } },
        .subsidy = { { .kind = SUBSIDY_KWH, .value = 20000, .to_kwh = 100 },
                     { .kind = SUBSIDY_LUMP,
                       .value = 1500000,
                       .to_kwh = 150,
                       .claw_back = true },
                     { .kind = SUBSIDY_PERCENT,
                       .value = 500,
                       .to_kwh = 300,
                       .claw_back = true },
                     { .kind = SUBSIDY_FREE, .value = 10 },
                     { .kind = SUBSIDY_BASE, .value = 1000, .base = FIXED_BITS } },
    };
    return &s;
}

const struct schemes_row schemes_full_rows[] = {
    { 0, "0", "2", "7", "0.77", "0.7", "1.36925", "10.43925" },
    { 10, "1", "2", "7", "0.84", "3.45", "1.521", "8.911" },
    { 100, "11", "2", "7", "1.53", "5.75", "3.1695", "18.9495" },
    { 101, "11.15", "4", "7", "1.56", "5.7575", "3.4963125", "21.4488125" },
    { 150, "18.5", "4", "7", "2.05", "6.125", "4.785625", "30.210625" },
    { 151, "18.65", "4", "7", "2.06", "4.6325", "4.8494375", "31.9269375" },
    { 300, "44", "4", "7", "3.73", "5.9", "9.29575", "62.12575" },
    { 301, "44.21", "7", "7", "3.7736", "3.7", "9.83859", "68.12219" },
    { 600, "116", "7", "7", "8.38", "3.7", "22.517", "157.197" },
    { 601, "116.3", "12", "7", "8.449", "3.7", "23.321225", "163.370225" },
    { 1000, "244", "12", "7", "16.51", "3.7", "45.87025", "321.68025" },
    { 1200, "324", "20", "7", "21.59", "3.7", "61.19725", "430.08725" },
    { 0, .t = 0 },
};
