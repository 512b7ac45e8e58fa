#include "meter/profile/profile.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/meter.h"
#include "meter/profile/scan.h"

/* A row: {time 4, status 2, the low 32 bits of each register}. */
enum { HEAD = 6, VALUE = 4, ROW_MAX = HEAD + CFG_CHANNELS * VALUE };

static const uint16_t survey_1[] = { COLUMN_CLOCK,   COLUMN_STATUS,   REG_WH_IMPORT,
                                     REG_WH_EXPORT,  REG_VARH_IMPORT, REG_VARH_EXPORT,
                                     REG_VAH_IMPORT, REG_VAH_EXPORT,  REG_U_AVG,
                                     REG_I_AVG };
static const uint16_t survey_2[] = { COLUMN_CLOCK,      COLUMN_STATUS,     REG_WH_IMPORT + 1,
                                     REG_WH_IMPORT + 2, REG_WH_IMPORT + 3, REG_WH_IMPORT + 4,
                                     REG_WH_EXPORT,     REG_VARH_IMPORT,   REG_LD_P_IMPORT,
                                     REG_LD_P_EXPORT };
static const uint16_t survey_3[] = { COLUMN_CLOCK, COLUMN_STATUS, REG_U_AVG, REG_U_MIN,
                                     REG_U_MAX,    REG_I_AVG,     REG_I_MAX, REG_PF_AVG,
                                     REG_F_AVG,    REG_THD_U };
#define COUNT(a) (sizeof(a) / sizeof *(a))
static const struct {
    const uint16_t *column;
    uint8_t n;
} by_default[CFG_SURVEYS] = { { survey_1, COUNT(survey_1) },
                              { survey_2, COUNT(survey_2) },
                              { survey_3, COUNT(survey_3) } };

static unsigned series_of(unsigned survey)
{
    return SERIES_SURVEY_1 + survey;
}

static uint16_t period_param(unsigned survey)
{
    return (uint16_t)(PARAM_SURVEY_1_PERIOD_S + survey);
}

static uint16_t columns_param(unsigned survey)
{
    return (uint16_t)(PARAM_SURVEY_1_COLUMNS + survey);
}

static enum timer timer_of(unsigned survey)
{
    return (enum timer)(TIMER_SURVEY_1 + survey);
}

/* -- columns ------------------------------------------------------------------------------- */

static bool is_register(uint16_t column)
{
    return column < REG_COUNT;
}

static void use_columns(struct survey *s, const uint16_t *column, unsigned n)
{
    s->columns = (uint8_t)n;
    s->values = 0;
    for (unsigned i = 0; i < n; i++) {
        s->column[i] = column[i];
        s->values = (uint8_t)(s->values + is_register(column[i]));
    }
}

static uint16_t row_octets(unsigned values)
{
    return (uint16_t)(HEAD + values * VALUE);
}

/* Known columns, each at most once, and no more registers than channels. */
static int check_columns(const uint16_t *column, unsigned n)
{
    unsigned values = 0;
    if (!n || n > PROFILE_COLUMNS) return E_SPACE;
    for (unsigned i = 0; i < n; i++) {
        if (!is_register(column[i]) && column[i] != COLUMN_CLOCK && column[i] != COLUMN_STATUS)
            return E_RANGE;
        for (unsigned k = 0; k < i; k++)
            if (column[k] == column[i]) return E_RANGE;
        values += is_register(column[i]);
    }
    return values > CFG_CHANNELS ? E_SPACE : 0;
}

unsigned profile_columns(const struct meter *m, unsigned survey,
                         uint16_t column[PROFILE_COLUMNS])
{
    const struct survey *s = &m->survey[survey];
    memcpy(column, s->column, s->columns * sizeof *column);
    return s->columns;
}

uint32_t profile_period_s(const struct meter *m, unsigned survey)
{
    return (uint32_t)param_get(m, period_param(survey));
}

struct profile_span profile_span(const struct meter *m, unsigned survey)
{
    unsigned id = series_of(survey);
    return (struct profile_span){ scan_oldest(m, id), series_next(&m->store, id) };
}

uint32_t profile_in_use(const struct meter *m, unsigned survey)
{
    struct profile_span s = profile_span(m, survey);
    return s.next - s.first;
}

uint32_t profile_entries(const struct meter *m, unsigned survey)
{
    unsigned id = series_of(survey);
    return series_capacity(&m->store, id, row_octets(m->survey[survey].values));
}

/* -- rows ---------------------------------------------------------------------------------- */

static void make_row(struct meter *m, unsigned k, utc_t when, unsigned flags, uint8_t *row)
{
    const struct survey *s = &m->survey[k];
    int32_t shown[MEANS + 3], *mean = &m->now.quantity[VAL_U_AVG_MV];
    uint8_t *p = row + HEAD;
    memcpy(shown, mean, sizeof shown);
    average_read(&m->average, &s->interval, &m->now);
    le_put32(row, (uint32_t)when.s);
    le_put16(row + 4, (uint16_t)flags);
    for (unsigned i = 0; i < s->columns; i++) {
        if (!is_register(s->column[i])) continue;
        le_put32(p, (uint32_t)reg_at(&m->now, s->column[i]));
        p += VALUE;
    }
    if (k) memcpy(mean, shown, sizeof shown); /* the registers show the intervals of survey 1 */
}

int profile_read(struct meter *m, unsigned survey, uint32_t number, struct profile_row *row)
{
    const struct survey *s = &m->survey[survey];
    uint8_t octets[ROW_MAX];
    int err = series_read(&m->store, series_of(survey), number, octets);
    if (err < 0) return err;
    const uint8_t *p = octets + HEAD;
    row->time.s = le_get32(octets);
    row->status = le_get16(octets + 4);
    for (unsigned i = 0; i < s->columns; i++) {
        if (s->column[i] == COLUMN_CLOCK) {
            row->value[i] = (uint32_t)row->time.s;
        } else if (s->column[i] == COLUMN_STATUS) {
            row->value[i] = row->status;
        } else {
            row->value[i] = le_get32(p);
            p += VALUE;
        }
    }
    return 0;
}

/* -- capture ------------------------------------------------------------------------------- */

static unsigned flags_now(struct meter *m, unsigned k, utc_t when)
{
    unsigned flags = m->survey[k].pending;
    if (!clock_is_valid(&m->clock)) flags |= PROFILE_CLOCK_INVALID;
    if (zone_is_dst(&m->clock.zone, (utc_t){ when.s - 1 })) flags |= PROFILE_DST;
    if (m->alarms.error[0] & ~3u) flags |= PROFILE_CRITICAL;
    return flags;
}

static void begin_interval(struct meter *m, unsigned k, utc_t when)
{
    struct survey *s = &m->survey[k];
    s->begin = when;
    s->pending = 0;
    average_begin(&m->average, &s->interval);
}

static void capture(struct meter *m, unsigned k, utc_t when)
{
    uint8_t row[ROW_MAX];
    unsigned flags = flags_now(m, k, when);
    energy_record(m);
    make_row(m, k, when, flags, row);
    m->now.quantity[VAL_STATUS_1 + k] = (int32_t)flags;
    series_append(&m->store, series_of(k), row);
}

static void plan(struct meter *m, unsigned k)
{
    struct survey *s = &m->survey[k];
    uint32_t period_s = profile_period_s(m, k);
    if (!period_s) {
        timer_stop(m, timer_of(k));
        return;
    }
    utc_t from = s->begin.s > m->utc.s ? s->begin : m->utc;
    timer_set_utc(m, timer_of(k), zone_next_grid(&m->clock.zone, from, period_s));
}

void profile_due(struct meter *m, unsigned k, utc_t u)
{
    capture(m, k, u);
    begin_interval(m, k, u);
    plan(m, k);
}

void profile_plan(struct meter *m)
{
    for (unsigned k = 0; k < CFG_SURVEYS; k++) plan(m, k);
}

int profile_capture(struct meter *m, const struct who *who, unsigned survey)
{
    (void)who;
    if (survey >= CFG_SURVEYS) return E_NONE;
    if (store_is_busy(&m->store)) return E_BUSY;
    capture(m, survey, m->utc);
    return 0;
}

/* -- intervals that were broken ------------------------------------------------------------ */

/* The record of all three: {pending 2, begin 4, turned 4} each, and which intervals begin anew.
 */
enum { EACH = 10, BODY = CFG_SURVEYS * EACH + 1 };

static void save(const struct survey *s, unsigned fresh, uint8_t body[BODY])
{
    for (unsigned k = 0; k < CFG_SURVEYS; k++, body += EACH) {
        le_put16(body, s[k].pending);
        le_put32(body + 2, (uint32_t)s[k].begin.s);
        le_put32(body + 6, s[k].turned);
    }
    *body = (uint8_t)fresh;
}

int surveys_put(const struct meter *m, unsigned k, uint8_t *body)
{
    (void)k;
    save(m->survey, 0, body);
    return BODY;
}

void surveys_take(struct meter *m, const uint8_t *body, size_t n)
{
    if (n != BODY) return;
    for (unsigned k = 0; k < CFG_SURVEYS; k++) {
        struct survey *s = &m->survey[k];
        if (body[CFG_SURVEYS * EACH] >> k & 1) average_begin(&m->average, &s->interval);
        s->pending = le_get16(body + k * EACH);
        s->begin.s = le_get32(body + k * EACH + 2);
        s->turned = le_get32(body + k * EACH + 6);
    }
}

static void put_row(struct meter *m, unsigned k, utc_t when, unsigned flags)
{
    uint8_t row[ROW_MAX];
    make_row(m, k, when, flags_now(m, k, when) | flags, row);
    ensure(txn_put_row(&m->store, series_of(k), row) >= 0);
}

static void put_surveys(struct meter *m, const struct survey *next, unsigned fresh)
{
    uint8_t body[BODY];
    save(next, fresh, body);
    change_put(m, HOT_SURVEYS, body, sizeof body);
}

/* The open interval ends at the first grid point the outage passed. When the row of the very
 * moment of the cut is missing, that is the one. */
static bool put_outage(struct meter *m, unsigned k, struct survey *next)
{
    uint32_t period_s = profile_period_s(m, k);
    struct zone *z = &m->clock.zone;
    if (!period_s) return false;
    utc_t end = m->last;
    if (!zone_is_grid(z, end, period_s) || end.s <= next->begin.s)
        end = zone_next_grid(z, end.s > next->begin.s ? end : next->begin, period_s);
    bool passed = end.s <= m->utc.s && clock_is_valid(&m->clock);
    if (passed) {
        put_row(m, k, end, PROFILE_POWER_DOWN);
        next->begin = zone_last_grid(z, m->utc, period_s);
    }
    next->pending |= PROFILE_POWER_DOWN;
    return passed;
}

void profile_put_outage(struct meter *m)
{
    struct survey next[CFG_SURVEYS];
    unsigned fresh = 0;
    memcpy(next, m->survey, sizeof next);
    for (unsigned k = 0; k < CFG_SURVEYS; k++)
        if (put_outage(m, k, &next[k])) fresh |= 1u << k;
    put_surveys(m, next, fresh);
}

static bool put_step(struct meter *m, unsigned k, utc_t to, bool far, struct survey *next)
{
    uint32_t period_s = profile_period_s(m, k);
    unsigned flag = far ? PROFILE_CLOCK_ADJUSTED : 0;
    if (!period_s) return false;
    utc_t end = zone_next_grid(&m->clock.zone, next->begin.s > m->utc.s ? next->begin : m->utc,
                               period_s);
    bool forward = to.s >= end.s, back = far && to.s < next->begin.s;
    if (forward || back) put_row(m, k, forward ? end : m->utc, flag);
    next->pending |= (uint16_t)flag;
    if (forward || back) {
        next->pending = (uint16_t)flag;
        next->begin = zone_last_grid(&m->clock.zone, to, period_s);
    }
    if (back) next->turned = series_next(&m->store, series_of(k)) + 1;
    return forward || back;
}

void profile_put_step(struct meter *m, utc_t to, bool far)
{
    struct survey next[CFG_SURVEYS];
    unsigned fresh = 0;
    memcpy(next, m->survey, sizeof next);
    for (unsigned k = 0; k < CFG_SURVEYS; k++)
        fresh |= (unsigned)put_step(m, k, to, far, &next[k]) << k;
    put_surveys(m, next, fresh);
}

/* -- setting up ---------------------------------------------------------------------------- */

/* Rows are forgotten, their size may change; the new list is read back by whoever needs it. */
static void put_clear(struct meter *m, const struct who *who, unsigned k, uint16_t octets)
{
    struct event_detail d = { .what = (uint16_t)k };
    unsigned id = series_of(k);
    ensure(txn_put_clear(&m->store, id, series_next(&m->store, id), octets) >= 0);
    change_event(m, EV_PROFILE_CLEARED, who, &d);
}

static unsigned pack(const uint16_t *column, unsigned n, uint8_t *octets)
{
    for (unsigned i = 0; i < n; i++) le_put16(octets + i * 2, column[i]);
    return n * 2;
}

int profile_set_columns(struct meter *m, const struct who *who, unsigned survey,
                        const uint16_t *column, unsigned columns)
{
    uint8_t body[1 + PROFILE_COLUMNS * 2] = { (uint8_t)survey };
    struct survey *s = &m->survey[survey], next;
    if (survey >= CFG_SURVEYS) return E_NONE;
    int err = check_columns(column, columns);
    if (err < 0) return err;
    if (columns == s->columns && !memcmp(column, s->column, columns * sizeof *column)) return 0;
    unsigned n = pack(column, columns, body + 1);
    use_columns(&next, column, columns);
    err = param_begin_octets(m, who, columns_param(survey), body + 1, n);
    if (err < 0) return err;
    change_put(m, HOT_COLUMNS, body, 1 + n);
    put_clear(m, who, survey, row_octets(next.values));
    return change_commit(m);
}

void columns_take(struct meter *m, const uint8_t *body, size_t n)
{
    uint16_t column[PROFILE_COLUMNS];
    size_t columns = (n - 1) / 2;
    if (n < 3 || n % 2 == 0 || columns > PROFILE_COLUMNS || body[0] >= CFG_SURVEYS) return;
    for (size_t i = 0; i < columns; i++) column[i] = le_get16(body + 1 + i * 2);
    if (check_columns(column, (unsigned)columns) < 0) return;
    use_columns(&m->survey[body[0]], column, (unsigned)columns);
    begin_interval(m, body[0], m->utc);
}

static bool is_period(uint32_t s)
{
    return s == 0 || s == 86400 || (s >= 60 && s <= 3600 && 3600 % s == 0 && s % 60 == 0);
}

int profile_set_period_s(struct meter *m, const struct who *who, unsigned survey, uint32_t s)
{
    if (survey >= CFG_SURVEYS) return E_NONE;
    if (!is_period(s)) return E_RANGE;
    if (s == profile_period_s(m, survey)) return 0;
    int err = param_begin_scalar(m, who, period_param(survey), (int32_t)s);
    if (err < 0) return err;
    put_clear(m, who, survey, row_octets(m->survey[survey].values));
    return change_commit(m);
}

int profile_reset(struct meter *m, const struct who *who, unsigned survey)
{
    if (survey >= CFG_SURVEYS) return E_NONE;
    int err = change_begin(m);
    if (err < 0) return err;
    put_clear(m, who, survey, row_octets(m->survey[survey].values));
    return change_commit(m);
}

void profile_put_clear(struct meter *m, const struct who *who)
{
    for (unsigned k = 0; k < CFG_SURVEYS; k++)
        put_clear(m, who, k, row_octets(m->survey[k].values));
}

/* -- power-up ------------------------------------------------------------------------------ */

static void load_columns(struct meter *m, unsigned k)
{
    uint8_t octets[PROFILE_COLUMNS * 2];
    uint16_t column[PROFILE_COLUMNS] = { 0 };
    int n = param_read(m, columns_param(k), octets, sizeof octets);
    for (int i = 0; i < n / 2; i++) column[i] = le_get16(octets + i * 2);
    if (n > 0 && n % 2 == 0 && check_columns(column, (unsigned)n / 2) >= 0)
        use_columns(&m->survey[k], column, (unsigned)n / 2);
    else
        use_columns(&m->survey[k], by_default[k].column, by_default[k].n);
}

/* Rows of another size belong to a list this meter no longer has (a map of another product). */
static void fit_ring(struct meter *m, unsigned k)
{
    uint16_t octets = row_octets(m->survey[k].values);
    unsigned id = series_of(k);
    if (series_row_size(&m->store, id) == octets || change_begin(m) < 0) return;
    ensure(txn_put_clear(&m->store, id, series_next(&m->store, id), octets) >= 0);
    change_commit(m);
    store_rest(&m->store);
}

void profile_mount(struct meter *m)
{
    uint8_t octets[ROW_MAX];
    for (unsigned k = 0; k < CFG_SURVEYS; k++) {
        load_columns(m, k);
        fit_ring(m, k);
        uint32_t next = series_next(&m->store, series_of(k));
        bool any = next && series_read(&m->store, series_of(k), next - 1, octets) >= 0;
        int64_t newest = any ? le_get32(octets) : 0;
        /* a row that the journal does not know of yet */
        if (newest > m->survey[k].begin.s && newest <= m->last.s) {
            m->survey[k].begin.s = newest;
            m->survey[k].pending = 0;
        }
    }
}
