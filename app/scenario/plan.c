/* plan.c - calendars: collected line by line, written and activated as a client would. */
#include <string.h>

#include "app/scenario/act.h"
#include "app/scenario/world.h"
#include "base/bytes.h"
#include "base/err.h"

static const struct who engineer = { .sap = 1, .link = LINK_OPTICAL, .assoc = 4 };

static bool small(const char *word, int64_t max, uint8_t *v)
{
    int64_t n;
    if (!word_int(word, &n) || n < 0 || n > max) return false;
    *v = (uint8_t)n;
    return true;
}

static bool name_of(const char *word, struct item_name *x)
{
    size_t n = strlen(word);
    if (n > ITEM_NAME_MAX) return false;
    memset(x, 0, sizeof *x);
    x->n = (uint8_t)n;
    memcpy(x->octets, word, n);
    return true;
}

/* day ID 00:00=1 06:00=2 ... */
const char *act_day(struct scenario *s, const struct words *w)
{
    struct day x = { 0 };
    if (s->calendar.days == SCENARIO_DAYS) return "too many days";
    if (!small(w->word[1], 255, &x.id) || w->n - 2 > SWITCHES_MAX)
        return "a number, then HH:MM=SCRIPT";
    for (unsigned i = 2; i < w->n; i++, x.n++) {
        char at[6] = { 0 };
        unsigned minute;
        strncpy(at, w->word[i], 5);
        if (strlen(w->word[i]) < 7 || w->word[i][5] != '=' || !word_minute(at, &minute) ||
            !small(w->word[i] + 6, 8, &x.at[x.n].script))
            return "switches like 06:30=2";
        x.at[x.n].start[0] = (uint8_t)(minute / 60);
        x.at[x.n].start[1] = (uint8_t)(minute % 60);
    }
    s->calendar.day[s->calendar.days++] = x;
    return NULL;
}

/* week NAME followed by seven day ids, Monday first */
const char *act_week(struct scenario *s, const struct words *w)
{
    struct week x;
    if (s->calendar.weeks == SCENARIO_WEEKS) return "too many weeks";
    if (!name_of(w->word[1], &x.name) || w->n != 9) return "a name and seven days";
    for (unsigned d = 0; d < 7; d++)
        if (!small(w->word[2 + d], 255, &x.day[d])) return "seven numbers of days";
    s->calendar.week[s->calendar.weeks++] = x;
    return NULL;
}

/* season NAME DATE WEEK */
const char *act_season(struct scenario *s, const struct words *w)
{
    struct season x;
    if (s->calendar.seasons == SCENARIO_SEASONS) return "too many seasons";
    memset(x.start, 0xFF, sizeof x.start);
    be_put16(x.start + 9, 0x8000);
    if (!name_of(w->word[1], &x.name) || !word_date(w->word[2], x.start) ||
        !name_of(w->word[3], &x.week))
        return "a name, a date like *-04-01, a week";
    s->calendar.season[s->calendar.seasons++] = x;
    return NULL;
}

/* special INDEX DATE DAY */
const char *act_special(struct scenario *s, const struct words *w)
{
    struct special_day x;
    int64_t index;
    if (s->calendar.specials == SCENARIO_SPECIALS) return "too many special days";
    if (!word_int(w->word[1], &index) || index < 0 || index > 65535 ||
        !word_date(w->word[2], x.date) || !small(w->word[3], 255, &x.day))
        return "a number, a date like *-12-25, a day";
    x.index = (uint16_t)index;
    s->calendar.special[s->calendar.specials++] = x;
    return NULL;
}

/* A time of day, or *:15, of every hour. */
static bool order_time(const char *word, uint8_t time[4])
{
    unsigned minute;
    size_t hourly = word[0] == '*';
    char at[6] = "00";
    if (strlen(word) != (hourly ? 4 : 5)) return false;
    memcpy(at + 2 * hourly, word + hourly, 6 - 2 * hourly);
    if (!word_minute(at, &minute)) return false;
    time[0] = (uint8_t)(hourly ? 0xFF : minute / 60);
    time[1] = (uint8_t)(minute % 60);
    return true;
}

/* order 06:00 tariff 3 within 1h: each day; without a number 0, without a window at once */
const char *act_order(struct scenario *s, const struct words *w)
{
    struct schedule_entry x = { .enabled = true, .weekdays = 0xFE };
    unsigned next = 3;
    int64_t arg = 0;
    uint64_t window_us = 0;
    int command = command_of(w->word[2]);
    if (s->calendar.orders == SCENARIO_ORDERS) return "too many orders";
    if (!order_time(w->word[1], x.time) || command < 0) return "a time, a command";
    if (w->n > next && word_int(w->word[next], &arg)) next++;
    if (w->n > next && (w->n != next + 2 || !word_is(w->word[next], "within") ||
                        !word_duration(w->word[next + 1], &window_us)))
        return "within what, like within 1h";
    if (arg < INT8_MIN || arg > INT8_MAX || window_us > 45 * UINT64_C(86400000000))
        return "a smaller number";
    x.index = ++s->calendar.orders;
    x.command = (uint8_t)command;
    x.arg = (int8_t)arg;
    x.window_min = (uint16_t)(window_us / 60000000);
    x.special_n = SCHEDULE_SPECIAL_MAX;
    memset(x.special, 0xFF, sizeof x.special);
    memset(x.begin, 0xFF, sizeof x.begin);
    memset(x.end, 0xFF, sizeof x.end);
    s->calendar.order[s->calendar.orders - 1] = x;
    return NULL;
}

/* single SCRIPT 18:00 *-*-05 [18:00 2026-03-06 ...]: the disconnect control schedule */
const char *act_single(struct scenario *s, const struct words *w)
{
    struct single_action x = { .type = 5 };
    struct meter *m = &s->host.device->meter;
    if (!small(w->word[1], 3, &x.selector) || w->n % 2 || w->n > 2 + 2 * SINGLE_ENTRIES)
        return "a script, then times and dates";
    for (unsigned i = 2; i < w->n; i += 2, x.n++) {
        unsigned minute;
        uint8_t *o = x.when[x.n];
        if (!word_minute(w->word[i], &minute) || !word_date(w->word[i + 1], o + 4))
            return "a time like 18:00 and a date like *-*-05";
        memcpy(o, (uint8_t[]){ (uint8_t)(minute / 60), (uint8_t)(minute % 60), 0, 0 }, 4);
    }
    meter_at(m, s->now);
    int err = single_set(m, &engineer, SINGLE_SUPPLY, &x);
    world_settle(s);
    return err < 0 ? err_text(err) : NULL;
}

static int write_orders(struct scenario *s)
{
    struct meter *m = &s->host.device->meter;
    meter_at(m, s->now);
    int err = schedule_begin(m, &engineer, s->calendar.orders);
    for (unsigned i = 0; i < s->calendar.orders && err >= 0; i++) {
        err = schedule_put(m, &engineer, &s->calendar.order[i]);
        world_settle(s);
    }
    if (err >= 0) err = schedule_commit(m, &engineer);
    s->calendar.orders = 0;
    world_settle(s);
    return err;
}

static unsigned count(const struct scenario_calendar *x, enum calendar_list list)
{
    const uint8_t n[] = { x->seasons, x->weeks, x->days, x->specials };
    return n[list];
}

static int put(struct scenario *s, enum calendar_list list, unsigned i)
{
    struct meter *m = &s->host.device->meter;
    const struct scenario_calendar *x = &s->calendar;
    switch (list) {
    case LIST_SEASONS:
        return calendar_put_season(m, &engineer, &x->season[i]);
    case LIST_WEEKS:
        return calendar_put_week(m, &engineer, &x->week[i]);
    case LIST_DAYS:
        return calendar_put_day(m, &engineer, &x->day[i]);
    case LIST_SPECIAL:
        break;
    }
    return calendar_put_special(m, &engineer, &x->special[i]);
}

static int write_list(struct scenario *s, enum calendar c, enum calendar_list list)
{
    struct meter *m = &s->host.device->meter;
    unsigned n = count(&s->calendar, list);
    meter_at(m, s->now);
    int err = calendar_begin(m, &engineer, c, list, n);
    for (unsigned i = 0; i < n && err >= 0; i++) {
        err = put(s, list, i);
        world_settle(s);
    }
    if (err >= 0) err = calendar_commit(m, &engineer);
    world_settle(s);
    return err;
}

static int activate_at(struct scenario *s, enum calendar c, int64_t utc_s)
{
    struct civil t = cal_civil(utc_s);
    uint8_t dt[12] = { 0, 0, t.month, t.day, 0xFF, t.hour, t.minute, t.second, 0, 0, 0, 0xFF };
    be_put16(dt, t.year);
    return calendar_set_time(&s->host.device->meter, &engineer, c, dt);
}

/* activate tariff|load|friendly [TIME]: what was collected becomes the passive side, and the
 * active one; activate orders: the list of orders */
const char *act_activate(struct scenario *s, const struct words *w)
{
    static const char *const name[CALENDARS] = { "tariff", "load", "friendly" };
    unsigned c = 0;
    int64_t utc_s;
    int err = 0;
    if (word_is(w->word[1], "orders")) {
        err = write_orders(s);
        return err < 0 ? err_text(err) : NULL;
    }
    while (c < CALENDARS && !word_is(w->word[1], name[c])) c++;
    if (c == CALENDARS) return "tariff, load, friendly or orders";
    for (unsigned list = LIST_SEASONS; list <= LIST_SPECIAL && err >= 0; list++)
        err = write_list(s, (enum calendar)c, (enum calendar_list)list);
    memset(&s->calendar, 0, sizeof s->calendar);
    if (err >= 0 && w->n > 2) {
        if (!word_time(w->word[2], &utc_s)) return "a time like 2026-01-01T00:00:00Z";
        err = activate_at(s, (enum calendar)c, utc_s);
    } else if (err >= 0) {
        err = calendar_activate(&s->host.device->meter, &engineer, (enum calendar)c);
    }
    world_settle(s);
    return err < 0 ? err_text(err) : NULL;
}
