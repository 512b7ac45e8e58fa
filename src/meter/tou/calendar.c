#include "meter/tou/calendar.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "meter/change.h"
#include "meter/clock/when.h"
#include "meter/meter.h"

enum {
    NAME = 9,
    SEASON = NAME + 12 + NAME,
    WEEK = NAME + 7,
    DAY = 2 + SWITCHES_MAX * 3,
    SPECIAL = 8
};
enum {
    PLACES = 2,
    PARTS = 4,
    PART_NAME = 3
};                       /* parts: seasons, weeks, days (enum calendar_list), name */
enum { ARMED = 1 << 8 }; /* an activation date waits */

/* -- places: bit p of the scalar is the active place of part p, bit 4 + p the passive one
 * -------- */

static uint16_t sides_param(enum calendar c)
{
    return (uint16_t)(PARAM_CALENDAR_SIDES + c);
}

static unsigned sides(const struct meter *m, enum calendar c)
{
    return (unsigned)param_get(m, sides_param(c));
}

static unsigned place(const struct meter *m, enum calendar c, enum side s, unsigned part)
{
    return sides(m, c) >> (s == SIDE_PASSIVE ? PARTS + part : part) & 1;
}

static uint16_t param_of(enum calendar c, unsigned part, unsigned where)
{
    static const uint16_t first[PARTS] = { PARAM_SEASONS, PARAM_WEEKS, PARAM_DAYS,
                                           PARAM_CALENDAR_NAME };
    return (uint16_t)(first[part] + (unsigned)c * PLACES + where);
}

static uint16_t param_at(const struct meter *m, enum calendar c, enum side s, unsigned part)
{
    return param_of(c, part, place(m, c, s, part));
}

static uint16_t special_param(enum calendar c)
{
    return (uint16_t)(PARAM_SPECIAL_DAYS + c);
}

/* -- rows ---------------------------------------------------------------------------------- */

static void name_put(const struct item_name *x, uint8_t o[NAME])
{
    memset(o, 0, NAME);
    o[0] = x->n;
    memcpy(o + 1, x->octets, x->n);
}

static void name_get(const uint8_t o[NAME], struct item_name *x)
{
    x->n = o[0] <= ITEM_NAME_MAX ? o[0] : ITEM_NAME_MAX;
    memcpy(x->octets, o + 1, ITEM_NAME_MAX);
}

static void season_get(const uint8_t o[SEASON], struct season *x)
{
    name_get(o, &x->name);
    memcpy(x->start, o + NAME, 12);
    name_get(o + NAME + 12, &x->week);
}

static void week_get(const uint8_t o[WEEK], struct week *x)
{
    name_get(o, &x->name);
    memcpy(x->day, o + NAME, 7);
}

/* A switch is three octets: minute of the day, with the top bit for hundredths that were FF;
 * script. */
enum { HUNDREDTHS_ANY = 0x8000 };

static void day_get(const uint8_t o[DAY], struct day *x)
{
    memset(x, 0, sizeof *x);
    x->id = o[0];
    x->n = o[1] <= SWITCHES_MAX ? o[1] : SWITCHES_MAX;
    for (unsigned i = 0; i < x->n; i++) {
        unsigned at = le_get16(o + 2 + i * 3), minute = at & 0x7FFF;
        x->at[i].start[0] = (uint8_t)(minute / 60);
        x->at[i].start[1] = (uint8_t)(minute % 60);
        x->at[i].start[3] = at & HUNDREDTHS_ANY ? 0xFF : 0;
        x->at[i].script = o[2 + i * 3 + 2];
    }
}

static void day_put(const struct day *x, uint8_t o[DAY])
{
    memset(o, 0, DAY);
    o[0] = x->id;
    o[1] = x->n;
    for (unsigned i = 0; i < x->n; i++) {
        unsigned at = x->at[i].start[0] * 60u + x->at[i].start[1];
        if (x->at[i].start[3] == 0xFF) at |= HUNDREDTHS_ANY;
        le_put16(o + 2 + i * 3, (uint16_t)at);
        o[2 + i * 3 + 2] = x->at[i].script;
    }
}

static void special_get(const uint8_t o[SPECIAL], struct special_day *x)
{
    x->index = le_get16(o);
    memcpy(x->date, o + 2, 5);
    x->day = o[7];
}

static void special_put(const struct special_day *x, uint8_t o[SPECIAL])
{
    le_put16(o, x->index);
    memcpy(o + 2, x->date, 5);
    o[7] = x->day;
}

/* -- reading ------------------------------------------------------------------------------- */

int calendar_name(struct meter *m, enum calendar c, enum side s,
                  uint8_t name[CALENDAR_NAME_MAX])
{
    return param_read(m, param_at(m, c, s, PART_NAME), name, CALENDAR_NAME_MAX);
}

int calendar_seasons(struct meter *m, enum calendar c, enum side s)
{
    return param_rows(m, param_at(m, c, s, LIST_SEASONS));
}

int calendar_weeks(struct meter *m, enum calendar c, enum side s)
{
    return param_rows(m, param_at(m, c, s, LIST_WEEKS));
}

int calendar_days(struct meter *m, enum calendar c, enum side s)
{
    return param_rows(m, param_at(m, c, s, LIST_DAYS));
}

int calendar_season(struct meter *m, enum calendar c, enum side s, unsigned i, struct season *x)
{
    uint8_t o[SEASON];
    int err = param_row_read(m, param_at(m, c, s, LIST_SEASONS), i, o, sizeof o);
    if (err >= 0) season_get(o, x);
    return err;
}

int calendar_week(struct meter *m, enum calendar c, enum side s, unsigned i, struct week *x)
{
    uint8_t o[WEEK];
    int err = param_row_read(m, param_at(m, c, s, LIST_WEEKS), i, o, sizeof o);
    if (err >= 0) week_get(o, x);
    return err;
}

int calendar_day(struct meter *m, enum calendar c, enum side s, unsigned i, struct day *x)
{
    uint8_t o[DAY];
    int err = param_row_read(m, param_at(m, c, s, LIST_DAYS), i, o, sizeof o);
    if (err >= 0) day_get(o, x);
    return err;
}

int special_days(struct meter *m, enum calendar c)
{
    return param_rows(m, special_param(c));
}

int special_day(struct meter *m, enum calendar c, unsigned i, struct special_day *x)
{
    uint8_t o[SPECIAL];
    int err = param_row_read(m, special_param(c), i, o, sizeof o);
    if (err >= 0) special_get(o, x);
    return err;
}

/* Rows of a block from row `from`: a read of the store costs as much as the twenty rows it gives. */
enum { BLOCK = 40 };
_Static_assert(SPECIAL_DAYS_MAX % BLOCK == 0, "five blocks");

static int special_block(struct meter *m, enum calendar c, unsigned from,
                         uint8_t rows[BLOCK][SPECIAL])
{
    return param_rows_read(m, special_param(c), from, rows, BLOCK * SPECIAL);
}

/* -- writing: rows are judged one by one --------------------------------------------------- */

static uint16_t list_param(const struct meter *m, enum calendar c, enum calendar_list list)
{
    if (list == LIST_SPECIAL) return special_param(c);
    return param_of(c, list, !place(m, c, SIDE_ACTIVE, list));
}

int calendar_begin(struct meter *m, const struct who *who, enum calendar c,
                   enum calendar_list list, unsigned rows)
{
    int err = param_stage_begin(m, who, list_param(m, c, list), rows);
    if (err < 0) return err;
    m->tou.staged = (uint8_t)c;
    m->tou.list = (uint8_t)list;
    return 0;
}

static int put_row(struct meter *m, const struct who *who, enum calendar_list list, bool good,
                   const uint8_t *o, size_t n)
{
    if (!m->stage.open || m->tou.list != list) return E_STATE;
    int err = good ? param_stage_put(m, who, o, n) : E_RANGE;
    if (err < 0) param_stage_abort(m, who);
    return err;
}

/* Is the octet that the first n - 1 rows put at offset 0 (a name, an id) free? */
static bool is_new(struct meter *m, const uint8_t *o, size_t key, size_t row)
{
    uint8_t had[DAY];
    for (unsigned i = 0; i < m->stage.put; i++)
        if (param_stage_read(m, i, had, row) < 0 || !memcmp(had, o, key)) return false;
    return true;
}

static bool is_name(const struct item_name *x)
{
    return x->n <= ITEM_NAME_MAX;
}

/* A date-time whose time is midnight or not said. */
static bool is_start(const uint8_t dt[12])
{
    struct when w = when_get(dt);
    for (unsigned i = 5; i < 9; i++)
        if (dt[i] != 0 && dt[i] != 0xFF) return false;
    return when_is_valid(&w);
}

int calendar_put_season(struct meter *m, const struct who *who, const struct season *x)
{
    uint8_t o[SEASON];
    bool good = is_name(&x->name) && is_name(&x->week) && is_start(x->start);
    if (good) {
        name_put(&x->name, o);
        memcpy(o + NAME, x->start, 12);
        name_put(&x->week, o + NAME + 12);
        good = is_new(m, o, NAME, SEASON);
    }
    return put_row(m, who, LIST_SEASONS, good, o, sizeof o);
}

int calendar_put_week(struct meter *m, const struct who *who, const struct week *x)
{
    uint8_t o[WEEK];
    bool good = is_name(&x->name);
    if (good) {
        name_put(&x->name, o);
        memcpy(o + NAME, x->day, 7);
        good = is_new(m, o, NAME, WEEK);
    }
    return put_row(m, who, LIST_WEEKS, good, o, sizeof o);
}

static unsigned scripts_of(enum calendar c)
{
    static const uint8_t scripts[CALENDARS] = { TARIFFS, 4, 2 };
    return scripts[c];
}

static bool is_switch(enum calendar c, const struct day_switch *x)
{
    return x->start[0] < 24 && x->start[1] < 60 && x->start[2] == 0 &&
           (x->start[3] == 0 || x->start[3] == 0xFF) && x->script >= 1 &&
           x->script <= scripts_of(c);
}

/* Switches ascend: two at one minute, or a list out of order, would hide a mistake. */
static bool is_day(enum calendar c, const struct day *x)
{
    int last = -1;
    if (x->n > SWITCHES_MAX) return false;
    for (unsigned i = 0; i < x->n; i++) {
        int minute = x->at[i].start[0] * 60 + x->at[i].start[1];
        if (!is_switch(c, &x->at[i]) || minute <= last) return false;
        last = minute;
    }
    return true;
}

int calendar_put_day(struct meter *m, const struct who *who, const struct day *x)
{
    uint8_t o[DAY];
    bool good = m->stage.open && is_day((enum calendar)m->tou.staged, x);
    if (good) {
        day_put(x, o);
        good = is_new(m, o, 1, DAY);
    }
    return put_row(m, who, LIST_DAYS, good, o, sizeof o);
}

int calendar_put_special(struct meter *m, const struct who *who, const struct special_day *x)
{
    uint8_t o[SPECIAL];
    struct when w = when_get(x->date);
    bool good = when_is_valid(&w);
    if (good) {
        special_put(x, o);
        good = is_new(m, o, 2, SPECIAL);
    }
    return put_row(m, who, LIST_SPECIAL, good, o, sizeof o);
}

static void put_scalar(struct meter *m, uint16_t id, int32_t value)
{
    uint8_t body[6];
    le_put16(body, id);
    le_put32(body + 2, (uint32_t)value);
    change_put(m, HOT_SCALAR, body, sizeof body);
    ensure(txn_put_param(&m->store, id, body + 2, 4) >= 0);
}

/* The passive side of a part is now the place the active side does not use. */
static void put_written(struct meter *m, const struct who *who, enum calendar c, unsigned part)
{
    unsigned s = sides(m, c), bit = 1u << (PARTS + part);
    unsigned next = place(m, c, SIDE_ACTIVE, part) ? s & ~bit : s | bit;
    put_scalar(m, sides_param(c), (int32_t)next);
    if (c == CALENDAR_TARIFF) change_event(m, EV_PASSIVE_PROGRAMMED, who, NULL);
    if (c == CALENDAR_LOAD) change_event(m, EV_LOAD_CALENDAR_PROGRAMMED, who, NULL);
}

/* The value that a list is read at while it is being written. */
static uint16_t seen_param(const struct meter *m, enum calendar c, enum calendar_list list)
{
    return list == LIST_SPECIAL ? special_param(c) : param_at(m, c, SIDE_PASSIVE, list);
}

int calendar_commit(struct meter *m, const struct who *who)
{
    enum calendar c = (enum calendar)m->tou.staged;
    if (param_stage_is(m, who, seen_param(m, c, (enum calendar_list)m->tou.list))) {
        param_stage_abort(m, who);
        return 0; /* written as it was: nothing changed */
    }
    int err = param_begin_stage(m, who);
    if (err < 0) return err;
    if (m->tou.list != LIST_SPECIAL) put_written(m, who, c, m->tou.list);
    return change_commit(m);
}

void calendar_abort(struct meter *m, const struct who *who)
{
    param_stage_abort(m, who);
}

int calendar_set_name(struct meter *m, const struct who *who, enum calendar c,
                      const uint8_t *name, unsigned n)
{
    uint8_t was[CALENDAR_NAME_MAX];
    if (n > CALENDAR_NAME_MAX) return E_RANGE;
    if (calendar_name(m, c, SIDE_PASSIVE, was) == (int)n && !memcmp(was, name, n)) return 0;
    uint16_t id = param_of(c, PART_NAME, !place(m, c, SIDE_ACTIVE, PART_NAME));
    int err = param_begin_octets(m, who, id, name, n);
    if (err < 0) return err;
    put_written(m, who, c, PART_NAME);
    return change_commit(m);
}

/* -- one special day: the list is staged again --------------------------------------------- */

static int copy_others(struct meter *m, const struct who *who, enum calendar c, uint16_t but)
{
    struct special_day x;
    int rows = special_days(m, c), err = 0;
    for (int i = 0; i < rows && err >= 0; i++) {
        err = special_day(m, c, (unsigned)i, &x);
        if (err >= 0 && x.index != but) err = calendar_put_special(m, who, &x);
    }
    return err;
}

static int count_of(struct meter *m, enum calendar c, uint16_t index)
{
    uint8_t rows[BLOCK][SPECIAL];
    int n = 0;
    for (unsigned from = 0; from < SPECIAL_DAYS_MAX; from += BLOCK) {
        int got = special_block(m, c, from, rows);
        for (int i = 0; i < got; i++) n += le_get16(rows[i]) == index;
    }
    return n;
}

static int rewrite(struct meter *m, const struct who *who, enum calendar c, uint16_t but,
                   const struct special_day *add)
{
    int rows = special_days(m, c);
    if (rows < 0) return rows;
    rows += (add ? 1 : 0) - count_of(m, c, but);
    if (rows > SPECIAL_DAYS_MAX) return E_SPACE;
    int err = calendar_begin(m, who, c, LIST_SPECIAL, (unsigned)rows);
    if (err < 0) return err;
    err = copy_others(m, who, c, but);
    if (err >= 0 && add) err = calendar_put_special(m, who, add);
    if (err >= 0) err = calendar_commit(m, who);
    if (err < 0) param_stage_abort(m, who);
    return err;
}

int special_day_insert(struct meter *m, const struct who *who, enum calendar c,
                       const struct special_day *x)
{
    struct when w = when_get(x->date);
    return when_is_valid(&w) ? rewrite(m, who, c, x->index, x) : E_RANGE;
}

int special_day_delete(struct meter *m, const struct who *who, enum calendar c, uint16_t index)
{
    return count_of(m, c, index) > 0 ? rewrite(m, who, c, index, NULL) : E_NONE;
}

/* -- activation ---------------------------------------------------------------------------- */

static bool has_day(struct meter *m, enum calendar c, uint8_t id)
{
    struct day x;
    int n = calendar_days(m, c, SIDE_PASSIVE);
    for (int i = 0; i < n; i++)
        if (calendar_day(m, c, SIDE_PASSIVE, (unsigned)i, &x) >= 0 && x.id == id) return true;
    return false;
}

static bool has_week(struct meter *m, enum calendar c, const struct item_name *name)
{
    struct week x;
    int n = calendar_weeks(m, c, SIDE_PASSIVE);
    for (int i = 0; i < n; i++)
        if (calendar_week(m, c, SIDE_PASSIVE, (unsigned)i, &x) >= 0 && x.name.n == name->n &&
            !memcmp(x.name.octets, name->octets, name->n))
            return true;
    return false;
}

/* Every season has its week, every week its days. An empty calendar holds. */
static bool holds(struct meter *m, enum calendar c)
{
    struct season s;
    struct week w;
    int seasons = calendar_seasons(m, c, SIDE_PASSIVE),
        weeks = calendar_weeks(m, c, SIDE_PASSIVE);
    if (seasons < 0 || weeks < 0 || calendar_days(m, c, SIDE_PASSIVE) < 0) return false;
    for (int i = 0; i < seasons; i++)
        if (calendar_season(m, c, SIDE_PASSIVE, (unsigned)i, &s) < 0 ||
            !has_week(m, c, &s.week))
            return false;
    for (int i = 0; i < weeks; i++) {
        if (calendar_week(m, c, SIDE_PASSIVE, (unsigned)i, &w) < 0) return false;
        for (unsigned d = 0; d < 7; d++)
            if (!has_day(m, c, w.day[d])) return false;
    }
    return true;
}

static uint16_t time_param(enum calendar c)
{
    return (uint16_t)(PARAM_CALENDAR_TIME + c);
}

int calendar_activate(struct meter *m, const struct who *who, enum calendar c)
{
    static const uint16_t code[CALENDARS] = { EV_TARIFF_ACTIVATED, EV_LOAD_CALENDAR_ACTIVATED,
                                              EV_CHANGED_OTHER };
    if (!holds(m, c)) return E_FORMAT;
    unsigned passive = sides(m, c) >> PARTS & ((1u << PARTS) - 1);
    int err = change_begin(m);
    if (err < 0) return err;
    put_scalar(m, sides_param(c), (int32_t)(passive | passive << PARTS));
    struct event_detail d = { .what = time_param(c) };
    change_event(m, (enum event)code[c], who, c == CALENDAR_FRIENDLY ? &d : NULL);
    if (c == CALENDAR_TARIFF) change_stamp(m, STAMP_CALENDAR);
    return change_commit(m);
}

int calendar_time(struct meter *m, enum calendar c, uint8_t dt[12])
{
    return param_read(m, time_param(c), dt, 12);
}

/* The moment an activation date names; INT64_MAX where it names none. */
static utc_t moment_of(struct meter *m, enum calendar c)
{
    uint8_t dt[12];
    struct civil local;
    if (!(sides(m, c) & ARMED) || calendar_time(m, c, dt) != 12) return (utc_t){ INT64_MAX };
    local = (struct civil){ be_get16(dt), dt[2], dt[3], 0, dt[5], dt[6], dt[7] };
    if (!cal_is_valid(&local)) return (utc_t){ INT64_MAX };
    int16_t deviation = (int16_t)be_get16(dt + 9);
    if (deviation == INT16_MIN) return zone_utc(&m->clock.zone, cal_seconds(&local));
    return (utc_t){ cal_seconds(&local) + deviation * 60 };
}

int calendar_set_time(struct meter *m, const struct who *who, enum calendar c,
                      const uint8_t dt[12])
{
    uint8_t was[12];
    struct when w = when_get(dt);
    int16_t deviation = (int16_t)be_get16(dt + 9);
    if (!when_is_valid(&w) || (deviation != INT16_MIN && (deviation < -720 || deviation > 840)))
        return E_RANGE;
    bool same = calendar_time(m, c, was) == 12 && !memcmp(was, dt, 12);
    if (same && sides(m, c) & ARMED) return 0;
    int err = param_begin_octets(m, who, time_param(c), dt, 12);
    if (err < 0) return err;
    put_scalar(m, sides_param(c), (int32_t)(sides(m, c) | ARMED));
    return change_commit(m);
}

/* A date on an invalid clock waits for the clock. */
void calendar_plan(struct meter *m)
{
    utc_t first = { INT64_MAX };
    for (unsigned c = 0; c < CALENDARS; c++) {
        utc_t u = moment_of(m, (enum calendar)c);
        if (u.s < first.s) first = u;
    }
    if (clock_is_valid(&m->clock) && first.s != INT64_MAX)
        timer_set_utc(m, TIMER_CALENDAR, first);
    else
        timer_stop(m, TIMER_CALENDAR);
}

/* A passive side that does not hold is left where it is, and its date is spent. */
static void give_up(struct meter *m, enum calendar c)
{
    if (change_begin(m) < 0) return;
    put_scalar(m, sides_param(c), (int32_t)(sides(m, c) & ~(unsigned)ARMED));
    change_commit(m);
}

void calendar_due(struct meter *m, utc_t due)
{
    static const struct who self = { .link = LINK_SELF };
    for (unsigned c = 0; c < CALENDARS; c++) {
        if (moment_of(m, (enum calendar)c).s > due.s) continue;
        if (calendar_activate(m, &self, (enum calendar)c) < 0) give_up(m, (enum calendar)c);
        return; /* one change at a time; another is due at once */
    }
}

/* -- which day ----------------------------------------------------------------------------- */

struct best {
    unsigned wild, index;
    int day; /* E_NONE: no match yet */
};

/* Of all that match, the most specific date; of equals the lowest index. */
static void judge_special(const uint8_t row[SPECIAL], const struct civil *date,
                          struct best *best)
{
    enum { MONTH = 4 };
    struct special_day x;
    if (row[MONTH] != WHEN_ANY && row[MONTH] != date->month) return; /* most, and at once */
    special_get(row, &x);
    struct when w = when_get(x.date);
    if (!when_matches(&w, date)) return;
    unsigned wild = when_wildness(&w);
    if (wild > best->wild || (wild == best->wild && x.index > best->index)) return;
    *best = (struct best){ wild, x.index, x.day };
}

static int special_of(struct meter *m, enum calendar c, const struct civil *date)
{
    uint8_t rows[BLOCK][SPECIAL];
    struct best best = { .wild = 5, .day = E_NONE };
    for (unsigned from = 0; from < SPECIAL_DAYS_MAX; from += BLOCK) {
        int got = special_block(m, c, from, rows);
        for (int i = 0; i < got; i++) judge_special(rows[i], date, &best);
    }
    return best.day;
}

int calendar_special_of(struct meter *m, const struct civil *date)
{
    return special_of(m, CALENDAR_TARIFF, date);
}

/* The season that began last; of two that began the same day the one written later. */
static int season_week(struct meter *m, enum calendar c, const struct civil *date,
                       struct item_name *week)
{
    struct season x;
    int32_t today = cal_days(date->year, date->month, date->day), best = -1;
    int n = calendar_seasons(m, c, SIDE_ACTIVE);
    for (int i = 0; i < n; i++) {
        if (calendar_season(m, c, SIDE_ACTIVE, (unsigned)i, &x) < 0) continue;
        struct when w = when_get(x.start);
        int32_t began = when_last(&w, today);
        if (began < 0 || began < best) continue;
        best = began;
        *week = x.week;
    }
    return best < 0 ? E_NONE : 0;
}

int calendar_day_of(struct meter *m, enum calendar c, const struct civil *date)
{
    struct item_name name;
    struct week x;
    int id = special_of(m, c, date);
    if (id >= 0) return id;
    if (season_week(m, c, date, &name) < 0) return E_NONE;
    int n = calendar_weeks(m, c, SIDE_ACTIVE);
    for (int i = 0; i < n; i++)
        if (calendar_week(m, c, SIDE_ACTIVE, (unsigned)i, &x) >= 0 && x.name.n == name.n &&
            !memcmp(x.name.octets, name.octets, name.n))
            return x.day[date->weekday - 1];
    return E_NONE;
}

int calendar_find_day(struct meter *m, enum calendar c, uint8_t id, struct day *x)
{
    int n = calendar_days(m, c, SIDE_ACTIVE);
    for (int i = 0; i < n; i++)
        if (calendar_day(m, c, SIDE_ACTIVE, (unsigned)i, x) >= 0 && x->id == id) return 0;
    return E_NONE;
}
