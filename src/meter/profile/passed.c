#include "meter/profile/passed.h"

#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/sys.h"
#include "meter/meter.h"
#include "store/params.h"
#include "store/txn.h"

/* {year 2, bits} as a value of the store behind the parameters. */
enum { BODY = 2 + PASSED_OCTETS, YEARS = 112, FIRST_ID = STORE_PARAMS_MAX - YEARS };
_Static_assert((int)PARAMS <= (int)FIRST_ID, "years have ids of their own");

static uint16_t id_of(uint16_t year)
{
    return (uint16_t)(FIRST_ID + year % YEARS);
}

static void look(struct meter *m, struct passed_year *y, uint16_t year)
{
    uint8_t body[BODY];
    if (y->year == year) return;
    memset(y, 0, sizeof *y);
    y->year = year;
    y->first = cal_days(year, 1, 1);
    y->end = cal_days((uint16_t)(year + 1), 1, 1);
    if (params_read(&m->store, id_of(year), 0, body, BODY) != BODY) return;
    if (le_get16(body) == year) memcpy(y->bits, body + 2, PASSED_OCTETS);
}

/* Of the year: days of two kinds, months of two wallets. */
static unsigned find(struct meter *m, struct passed_year *y, unsigned what, int32_t day)
{
    enum { DAYS = 366, MONTHS = 12 };
    bool is_day = what < PASSED_FREE;
    if (is_day && y->year && day >= y->first && day < y->end)
        return DAYS * what + (unsigned)(day - y->first);
    struct civil date = cal_civil(day * (int64_t)CAL_DAY_S);
    look(m, y, date.year);
    if (is_day) return DAYS * what + (unsigned)(day - y->first);
    return DAYS * PASSED_FREE + MONTHS * (what - PASSED_FREE) + date.month - 1u;
}

bool passed_is(struct meter *m, struct passed_year *y, unsigned what, int32_t day)
{
    unsigned bit = find(m, y, what, day);
    return y->bits[bit / 8] >> bit % 8 & 1;
}

void passed_mark(struct meter *m, struct passed_year *y, unsigned what, int32_t day)
{
    unsigned bit = find(m, y, what, day);
    y->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
}

void passed_put(struct meter *m, const struct passed_year *y)
{
    uint8_t body[BODY];
    le_put16(body, y->year);
    memcpy(body + 2, y->bits, PASSED_OCTETS);
    ensure(m->change.open && txn_put_param(&m->store, id_of(y->year), body, BODY) >= 0);
}
