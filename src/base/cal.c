#include "base/cal.h"

/* Counting years from March puts the leap day last, and months then need no table: the days
 * before month m of such a year are (153 m + 2) / 5. */
int32_t cal_days(uint16_t year, uint8_t month, uint8_t day)
{
    int32_t y = (int32_t)year - (month <= 2);
    int32_t era = y / 400, of_era = y % 400;
    int32_t m = month > 2 ? month - 3 : month + 9;
    int32_t of_year = (153 * m + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t cal_seconds(const struct civil *c)
{
    return (int64_t)cal_days(c->year, c->month, c->day) * CAL_DAY_S + c->hour * 3600 +
           c->minute * 60 + c->second;
}

struct civil cal_civil(int64_t s)
{
    const int64_t last = (int64_t)84006 * CAL_DAY_S - 1; /* 2199-12-31T23:59:59 */
    s = s < 0 ? 0 : s > last ? last : s;
    int32_t day = (int32_t)(s / CAL_DAY_S), of_day = (int32_t)(s % CAL_DAY_S);
    int32_t z = day + 719468, era = z / 146097, of_era = z % 146097;
    int32_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int32_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    struct civil c = {
        .day = (uint8_t)(of_year - (153 * m + 2) / 5 + 1),
        .month = (uint8_t)(m < 10 ? m + 3 : m - 9),
        .weekday = (uint8_t)((day + 3) % 7 + 1), /* 1970-01-01 was a Thursday */
        .hour = (uint8_t)(of_day / 3600),
        .minute = (uint8_t)(of_day / 60 % 60),
        .second = (uint8_t)(of_day % 60),
    };
    c.year = (uint16_t)(era * 400 + y + (c.month <= 2));
    return c;
}

uint8_t cal_month_days(uint16_t year, uint8_t month)
{
    if (month == 2) return year % 4 || (year % 100 == 0 && year % 400) ? 28 : 29;
    return (uint8_t)(30 + ((month + (month >> 3)) & 1));
}

bool cal_is_valid(const struct civil *c)
{
    return c->year >= CAL_YEAR_MIN && c->year <= CAL_YEAR_MAX && c->month >= 1 &&
           c->month <= 12 && c->day >= 1 && c->day <= cal_month_days(c->year, c->month) &&
           c->hour < 24 && c->minute < 60 && c->second < 60;
}
