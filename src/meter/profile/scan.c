#include "meter/profile/scan.h"

#include "base/bytes.h"
#include "base/err.h"
#include "meter/meter.h"

enum { OCTETS_A_STEP = 2048, ROW_COST = 32 }; /* of rows; what each costs beside its octets */
enum { COUNTING = 0x80 };                     /* in search.state, once the search is over */

static uint32_t clamped(utc_t u)
{
    return u.s < 0 ? 0 : u.s > UINT32_MAX ? UINT32_MAX : (uint32_t)u.s;
}

/* Rows a series is shown with at most: a ring keeps some more until a sector is given up. */
static uint32_t most(const struct meter *m, unsigned id)
{
    if (id <= SERIES_SURVEY_3) return profile_entries(m, id - SERIES_SURVEY_1);
    return id == SERIES_DAILY ? CFG_DAYS : id == SERIES_MONTHLY ? CFG_MONTHS : CFG_LOG_ROWS;
}

uint32_t scan_oldest(const struct meter *m, unsigned series)
{
    uint32_t first = series_first(&m->store, series), next = series_next(&m->store, series);
    uint32_t n = most(m, series);
    return next - first > n ? next - n : first;
}

static void begin(struct meter *m, struct scan *s, unsigned series, utc_t from, utc_t to)
{
    s->rows = 0;
    series_search_begin(&m->store, series, &s->search, clamped(from), clamped(to));
}

void scan_begin_survey(struct meter *m, struct scan *s, unsigned survey, utc_t from, utc_t to)
{
    begin(m, s, SERIES_SURVEY_1 + survey, from, to);
}

void scan_begin_billing(struct meter *m, struct scan *s, enum billing which, utc_t from,
                        utc_t to)
{
    begin(m, s, billing_series(which), from, to);
}

void scan_begin_log(struct meter *m, struct scan *s, enum event_log log, utc_t from, utc_t to)
{
    begin(m, s, event_series(log), from, to);
}

void scan_begin_changes(struct meter *m, struct scan *s, utc_t from, utc_t to)
{
    begin(m, s, SERIES_CHANGES, from, to);
}

void scan_begin_tokens(struct meter *m, struct scan *s, enum token_log log, utc_t from,
                       utc_t to)
{
    begin(m, s, token_series(log), from, to);
}

/* Rows in order of time need no counting: a bracket is exact behind the last step back. */
static bool is_sorted(const struct meter *m, const struct scan *s)
{
    unsigned id = s->search.id;
    return id <= SERIES_SURVEY_3 && m->survey[id - SERIES_SURVEY_1].turned <= s->search.first;
}

static int count(struct meter *m, struct scan *s)
{
    uint8_t row[SERIES_ROW_MAX];
    unsigned each = series_row_size(&m->store, s->search.id) + ROW_COST;
    for (unsigned n = 0; n < OCTETS_A_STEP && s->search.low < s->search.end;
         n += each, s->search.low++) {
        int err = series_read(&m->store, s->search.id, s->search.low, row);
        if (err == E_IO) return err;
        if (err >= 0 && scan_has(s, (utc_t){ le_get32(row) })) s->rows++;
    }
    return s->search.low < s->search.end ? E_BUSY : 0;
}

int scan_step(struct meter *m, struct scan *s)
{
    if (s->search.state == COUNTING) return count(m, s);
    int err = series_search_step(&m->store, &s->search);
    if (err) return err;
    uint32_t oldest = scan_oldest(m, s->search.id);
    if (s->search.first < oldest) s->search.first = oldest;
    if (s->search.end < s->search.first) s->search.end = s->search.first;
    s->rows = s->search.end - s->search.first;
    if (is_sorted(m, s) || !s->rows) return 0;
    s->rows = 0;
    s->search.state = COUNTING;
    s->search.low = s->search.first;
    return E_BUSY;
}
