/* Calendars written as a client writes them, and what they say on each day, against an
 * evaluator that knows no short cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "lab.h"
#include "unit/slow_when.h"

static const int64_t T0 = 1767225600; /* 2026-01-01T00:00:00Z */
static uint64_t seed = 3;

static uint64_t rnd(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 20) % below;
}

struct book { /* a calendar as the client has it */
    unsigned seasons, weeks, days, specials;
    struct season season[SEASONS_MAX];
    struct week week[WEEKS_MAX];
    struct day day[DAYS_MAX];
    struct special_day special[SPECIAL_DAYS_MAX];
};
static struct book book;

/* -- making one ---------------------------------------------------------------------------- */

static struct item_name name_of(unsigned i)
{
    struct item_name x = { 1, { (uint8_t)('A' + i) } };
    if (i % 3 == 1)
        x = (struct item_name){ 8, { 'l', 'o', 'n', 'g', '-', 'n', 'o', (uint8_t)i } };
    return x;
}

static void random_date(uint8_t date[5], bool year)
{
    static const uint8_t special[] = { WHEN_ANY, WHEN_LAST, WHEN_SECOND_LAST };
    struct when w;
    do {
        w = (struct when){ WHEN_ANY_YEAR, WHEN_ANY, WHEN_ANY, WHEN_ANY };
        if (year) w.year = (uint16_t)(2020 + rnd(20));
        if (rnd(5)) w.month = (uint8_t)(1 + rnd(12));
        w.day = rnd(4) ? (uint8_t)(1 + rnd(31)) : special[rnd(3)];
        if (rnd(5) == 0) w.weekday = (uint8_t)(1 + rnd(7));
    } while (!when_is_valid(&w));
    when_put(date, &w);
}

static void random_day(struct day *x, unsigned i, unsigned scripts)
{
    unsigned minute = (unsigned)rnd(30);
    *x = (struct day){ .id = (uint8_t)(i * 5 + 3), .n = (uint8_t)rnd(SWITCHES_MAX + 1) };
    if (i == 0) x->n = SWITCHES_MAX;
    for (unsigned k = 0; k < x->n; k++) {
        x->at[k].start[0] = (uint8_t)(minute / 60);
        x->at[k].start[1] = (uint8_t)(minute % 60);
        x->at[k].start[3] = rnd(2) ? 0xFF : 0;
        x->at[k].script = (uint8_t)(1 + rnd(scripts));
        minute += 1 + (unsigned)rnd(58);
    }
}

static void random_book(unsigned scripts)
{
    memset(&book, 0, sizeof book);
    book.seasons = 1 + (unsigned)rnd(SEASONS_MAX);
    book.weeks = 1 + (unsigned)rnd(WEEKS_MAX);
    book.days = 1 + (unsigned)rnd(DAYS_MAX);
    book.specials = (unsigned)rnd(SPECIAL_DAYS_MAX + 1);
    for (unsigned i = 0; i < book.days; i++) random_day(&book.day[i], i, scripts);
    for (unsigned i = 0; i < book.weeks; i++) {
        book.week[i].name = name_of(i);
        for (unsigned d = 0; d < 7; d++) book.week[i].day[d] = book.day[rnd(book.days)].id;
    }
    for (unsigned i = 0; i < book.seasons; i++) {
        book.season[i].name = name_of(i);
        book.season[i].week = book.week[rnd(book.weeks)].name;
        random_date(book.season[i].start, rnd(4) == 0);
        memset(book.season[i].start + 5, i % 2 ? 0xFF : 0, 4);
        be_put16(book.season[i].start + 9, 0x8000);
        book.season[i].start[11] = 0xFF;
    }
    for (unsigned i = 0; i < book.specials; i++) {
        book.special[i].index = (uint16_t)(65535 - i * 7 % 201 * 300);
        random_date(book.special[i].date, rnd(2) == 0);
        book.special[i].day = book.day[rnd(book.days)].id;
    }
}

static void write_list(struct lab *l, enum calendar c, enum calendar_list list, unsigned n)
{
    struct meter *m = &l->m;
    int err;
    meter_at(m, l->now);
    while ((err = calendar_begin(m, &lab_who, c, list, n)) == E_BUSY) lab_settle(l);
    assert_int_equal(err, 0);
    for (unsigned i = 0; i < n; i++) {
        if (list == LIST_SEASONS) err = calendar_put_season(m, &lab_who, &book.season[i]);
        if (list == LIST_WEEKS) err = calendar_put_week(m, &lab_who, &book.week[i]);
        if (list == LIST_DAYS) err = calendar_put_day(m, &lab_who, &book.day[i]);
        if (list == LIST_SPECIAL) err = calendar_put_special(m, &lab_who, &book.special[i]);
        assert_int_equal(err, 0);
        lab_settle(l);
    }
    assert_int_equal(calendar_commit(m, &lab_who), 0);
    lab_settle(l);
}

static void write_book(struct lab *l, enum calendar c)
{
    write_list(l, c, LIST_SEASONS, book.seasons);
    write_list(l, c, LIST_WEEKS, book.weeks);
    write_list(l, c, LIST_DAYS, book.days);
    write_list(l, c, LIST_SPECIAL, book.specials);
}

static struct lab *start(int64_t utc)
{
    struct lab *l = lab_new(0, 0);
    assert_int_equal(lab_power_up(l, utc), 0);
    return l;
}

/* -- the slow evaluator -------------------------------------------------------------------- */

static int wild(const uint8_t date[5])
{
    return (be_get16(date) == 0xFFFF) + (date[2] == 0xFF) + (date[3] == 0xFF) +
           (date[4] == 0xFF);
}

static const struct special_day *slow_special(const struct civil *c)
{
    const struct special_day *best = NULL;
    for (unsigned i = 0; i < book.specials; i++) {
        const struct special_day *x = &book.special[i];
        struct when w = when_get(x->date);
        if (!slow_matches(&w, c)) continue;
        if (!best || wild(x->date) < wild(best->date) ||
            (wild(x->date) == wild(best->date) && x->index < best->index))
            best = x;
    }
    return best;
}

static const struct season *slow_season(int32_t number)
{
    for (int32_t d = number; d > number - 366 * 8; d--) {
        struct civil c = cal_civil((int64_t)d * CAL_DAY_S);
        for (unsigned i = book.seasons; i-- > 0;) {
            struct when w = when_get(book.season[i].start);
            if (slow_matches(&w, &c)) return &book.season[i];
        }
    }
    return NULL;
}

static int slow_day_of(int32_t number)
{
    struct civil c = cal_civil((int64_t)number * CAL_DAY_S);
    const struct special_day *s = slow_special(&c);
    if (s) return s->day;
    const struct season *season = slow_season(number);
    for (unsigned i = 0; season && i < book.weeks; i++)
        if (!memcmp(&book.week[i].name, &season->week, sizeof season->week))
            return book.week[i].day[c.weekday - 1];
    return E_NONE;
}

static const struct day *day_with(int id)
{
    for (unsigned i = 0; i < book.days; i++)
        if (book.day[i].id == id) return &book.day[i];
    return NULL;
}

static const struct day *slow_profile(int32_t number)
{
    return day_with(slow_day_of(number));
}

/* The last switch at or before this local minute, up to a year back; over eight days at most that have
 * no profile. */
static unsigned slow_says(int64_t local_s)
{
    int32_t today = (int32_t)(local_s / 86400);
    int minute = (int)(local_s % 86400 / 60);
    unsigned bare = 0;
    for (int32_t d = today; d >= today - 366 && bare < 8; d--, minute = 1440) {
        const struct day *x = slow_profile(d);
        bare += !x && d < today;
        for (unsigned i = x ? x->n : 0; i-- > 0;)
            if (x->at[i].start[0] * 60 + x->at[i].start[1] <= minute) return x->at[i].script;
    }
    return 0;
}

/* -- tests --------------------------------------------------------------------------------- */

static unsigned calendars = 20; /* a hundred by calendar_torture */

/* The day's profile, switch by switch; the meter has none where the book has none. */
static void day_agrees(struct lab *l, int32_t number)
{
    struct day got;
    struct civil c = cal_civil((int64_t)number * CAL_DAY_S);
    int id = slow_day_of(number);
    const struct day *want = day_with(id);
    assert_int_equal(calendar_day_of(&l->m, CALENDAR_TARIFF, &c), id);
    if (id < 0) return;
    assert_int_equal(calendar_find_day(&l->m, CALENDAR_TARIFF, (uint8_t)id, &got),
                     want ? 0 : E_NONE);
    if (!want) return;
    assert_int_equal(got.n, want->n);
    for (unsigned i = 0; i < got.n; i++)
        assert_memory_equal(&got.at[i], &want->at[i], sizeof got.at[i]);
}

static void every_day_of_ten_years_agrees(void **state)
{
    (void)state;
    for (unsigned round = 0; round < calendars; round++) {
        struct lab *l = start(T0);
        random_book(8);
        write_book(l, CALENDAR_TARIFF);
        assert_int_equal(calendar_activate(&l->m, &lab_who, CALENDAR_TARIFF), 0);
        lab_settle(l);
        int32_t from = cal_days((uint16_t)(2000 + rnd(91)), 1, 1);
        for (int32_t d = from; d < from + 3652; d++) day_agrees(l, d);
        lab_free(l);
    }
}

static void set(struct lab *l, uint16_t id, int32_t v)
{
    meter_at(&l->m, l->now);
    assert_int_equal(param_set(&l->m, &lab_who, id, v), 0);
    lab_settle(l);
}

static void summer_time(struct lab *l)
{
    static const uint8_t begin[12] = { 0xFF, 0xFF, 3, 0xFE, 7, 2, 0, 0, 0, 0x80, 0, 0xFF };
    static const uint8_t end[12] = { 0xFF, 0xFF, 10, 0xFE, 7, 3, 0, 0, 0, 0x80, 0, 0xFF };
    set(l, PARAM_ZONE_MIN, 60);
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_DST_BEGIN, begin, 12), 0);
    lab_settle(l);
    assert_int_equal(param_write(&l->m, &lab_who, PARAM_DST_END, end, 12), 0);
    lab_settle(l);
    set(l, PARAM_DST_ENABLED, 1);
}

/* Alive over both changes of summer time, the tariff of every minute is looked at. */
static void every_minute_agrees_over_summer_time(void **state)
{
    static const int64_t near[] = { 1774746000,
                                    1792890000 }; /* 29 March, 25 October 2026, 01:00Z */
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct lab *l = start(near[round % 2] - 2 * 86400);
        summer_time(l);
        random_book(8);
        write_book(l, CALENDAR_TARIFF);
        assert_int_equal(calendar_activate(&l->m, &lab_who, CALENDAR_TARIFF), 0);
        lab_settle(l);
        for (int i = 0; i < 4 * 1440; i++) {
            struct zone *z = &l->m.clock.zone;
            utc_t u = clock_utc(&l->m.clock, l->now);
            unsigned says = slow_says(u.s + zone_offset_s(z, u));
            assert_int_equal(tou_says(&l->m, CALENDAR_TARIFF), says);
            assert_int_equal(l->m.now.quantity[VAL_TARIFF], says ? says : 1);
            lab_run_s(l, 60);
        }
        lab_free(l);
    }
}

/* Days that switch nothing leave in force what was, for a season, over power-up and clock. */
static void what_was_switched_last_stays(void **state)
{
    (void)state;
    struct lab *l = start(T0);
    memset(&book, 0, sizeof book);
    book.seasons = book.weeks = book.days = 2;
    for (unsigned i = 0; i < 2; i++) {
        book.day[i] = (struct day){ .id = (uint8_t)(i + 1), .n = (uint8_t)(2 - 2 * i) };
        book.week[i].name = book.season[i].name = name_of(i);
        book.season[i].week = book.week[i].name;
        memset(book.week[i].day, book.day[i].id, 7);
        memcpy(book.season[i].start, (uint8_t[]){ 0xFF, 0xFF, (uint8_t)(1 + i * 2), 1, 0xFF },
               5);
        be_put16(book.season[i].start + 9, 0x8000);
        book.season[i].start[11] = 0xFF;
    }
    book.day[0].at[0] = (struct day_switch){ .start = { 6 }, .script = 2 };
    book.day[0].at[1] = (struct day_switch){ .start = { 22 }, .script = 5 };
    write_book(l, CALENDAR_TARIFF);
    assert_int_equal(calendar_activate(&l->m, &lab_who, CALENDAR_TARIFF), 0);
    lab_settle(l);
    lab_run_until(l, T0 + 58 * 86400 + 12 * 3600); /* 28 February */
    assert_int_equal(tou_says(&l->m, CALENDAR_TARIFF), 2);
    for (unsigned day = 60; day < 120; day++) { /* March and April */
        lab_run_until(l, T0 + (int64_t)day * 86400 + 60);
        assert_int_equal(tou_says(&l->m, CALENDAR_TARIFF), 5);
        if (day % 20 == 0) {
            lab_power_down(l, true);
            assert_int_equal(lab_power_up(l, T0 + (int64_t)day * 86400 + 120), 0);
            assert_int_equal(tou_says(&l->m, CALENDAR_TARIFF), 5);
        }
    }
    assert_int_equal(slow_says(T0 + 119 * 86400), 5);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 5);
    lab_free(l);
}

static void the_largest_calendar_reads_back_equal(void **state)
{
    struct lab *l = start(T0);
    struct day d;
    struct season s;
    struct week w;
    struct special_day x;
    (void)state;
    do random_book(3);
    while (book.seasons < SEASONS_MAX || book.weeks < WEEKS_MAX);
    book.days = DAYS_MAX;
    for (unsigned i = 0; i < DAYS_MAX; i++) {
        random_day(&book.day[i], i, 3);
        while (book.day[i].n < SWITCHES_MAX) random_day(&book.day[i], i, 3);
    }
    book.specials = SPECIAL_DAYS_MAX;
    for (unsigned i = 0; i < SPECIAL_DAYS_MAX; i++) {
        book.special[i].index = (uint16_t)(i * 331);
        random_date(book.special[i].date, true);
        book.special[i].day = (uint8_t)(i % DAYS_MAX * 5 + 3);
    }
    for (int round = 0; round < 3; round++) {
        write_book(l, CALENDAR_LOAD);
        lab_power_down(l, round == 1);
        assert_int_equal(lab_power_up(l, T0 + 1000 + round), 0);
    }
    for (unsigned i = 0; i < DAYS_MAX; i++) {
        assert_int_equal(calendar_day(&l->m, CALENDAR_LOAD, SIDE_PASSIVE, i, &d), 0);
        assert_memory_equal(&d, &book.day[i], sizeof d);
    }
    for (unsigned i = 0; i < SEASONS_MAX; i++) {
        assert_int_equal(calendar_season(&l->m, CALENDAR_LOAD, SIDE_PASSIVE, i, &s), 0);
        assert_memory_equal(&s, &book.season[i], sizeof s);
        assert_int_equal(calendar_week(&l->m, CALENDAR_LOAD, SIDE_PASSIVE, i, &w), 0);
        assert_memory_equal(&w, &book.week[i], sizeof w);
    }
    for (unsigned i = 0; i < SPECIAL_DAYS_MAX; i++) {
        assert_int_equal(special_day(&l->m, CALENDAR_LOAD, i, &x), 0);
        assert_memory_equal(&x, &book.special[i], sizeof x);
    }
    assert_int_equal(calendar_days(&l->m, CALENDAR_LOAD, SIDE_ACTIVE), 0);
    assert_int_equal(calendar_days(&l->m, CALENDAR_TARIFF, SIDE_PASSIVE), 0);
    x = (struct special_day){ 9, { 0xFF, 0xFF, 1, 1, 0xFF }, 3 };
    assert_int_equal(special_day_insert(&l->m, &lab_who, CALENDAR_LOAD, &x), E_SPACE);
    assert_int_equal(special_day_delete(&l->m, &lab_who, CALENDAR_LOAD, 331), 0);
    lab_settle(l);
    assert_int_equal(special_day_delete(&l->m, &lab_who, CALENDAR_LOAD, 331), E_NONE);
    assert_int_equal(special_day_insert(&l->m, &lab_who, CALENDAR_LOAD, &x), 0);
    lab_settle(l);
    assert_int_equal(special_days(&l->m, CALENDAR_LOAD), SPECIAL_DAYS_MAX);
    lab_free(l);
}

static void wrong_lists_are_refused_whole(void **state)
{
    struct lab *l = start(T0);
    struct meter *m = &l->m;
    struct who other = { .sap = 2, .link = LINK_WAN };
    (void)state;
    random_book(8);
    write_book(l, CALENDAR_TARIFF);
    struct day d = { .id = 1, .n = 2, .at = { { { 6, 0, 0, 0 }, 1 }, { { 5, 0, 0, 0 }, 2 } } };
    assert_int_equal(calendar_begin(m, &lab_who, CALENDAR_TARIFF, LIST_DAYS, DAYS_MAX + 1),
                     E_RANGE);
    assert_int_equal(calendar_begin(m, &lab_who, CALENDAR_TARIFF, LIST_DAYS, 2), 0);
    assert_int_equal(calendar_begin(m, &other, CALENDAR_TARIFF, LIST_WEEKS, 1), E_BUSY);
    assert_int_equal(calendar_put_day(m, &other, &d), E_RANGE);
    assert_int_equal(calendar_put_day(m, &lab_who, &d), E_RANGE); /* out of order: given up */
    assert_int_equal(calendar_commit(m, &lab_who), E_STATE);
    d.at[1].start[0] = 7;
    d.at[1].script = 9;
    assert_int_equal(calendar_begin(m, &lab_who, CALENDAR_TARIFF, LIST_DAYS, 2), 0);
    assert_int_equal(calendar_put_day(m, &lab_who, &d), E_RANGE); /* no such script */
    d.at[1].script = 8;
    assert_int_equal(calendar_begin(m, &lab_who, CALENDAR_TARIFF, LIST_DAYS, 2), 0);
    assert_int_equal(calendar_put_day(m, &lab_who, &d), 0);
    assert_int_equal(calendar_commit(m, &lab_who), E_MORE);
    assert_int_equal(calendar_put_day(m, &lab_who, &d), E_RANGE); /* that id again */
    assert_int_equal(calendar_days(m, CALENDAR_TARIFF, SIDE_PASSIVE), book.days);
    /* a week that names a day nobody knows: refused when it is to come into force */
    book.week[0].day[3] = 255;
    for (unsigned i = 0; i < book.seasons; i++) book.season[i].week = book.week[0].name;
    write_list(l, CALENDAR_TARIFF, LIST_WEEKS, book.weeks);
    assert_int_equal(calendar_activate(m, &lab_who, CALENDAR_TARIFF), E_FORMAT);
    assert_int_equal(calendar_weeks(m, CALENDAR_TARIFF, SIDE_ACTIVE), 0);
    lab_free(l);
}

/* One day profile that is script n from midnight on. */
static void plain_book(uint8_t script)
{
    memset(&book, 0, sizeof book);
    book.seasons = book.weeks = book.days = 1;
    book.day[0] = (struct day){ .id = 1, .n = 1, .at = { { { 0 }, script } } };
    book.week[0] = (struct week){ name_of(0), { 1, 1, 1, 1, 1, 1, 1 } };
    book.season[0] = (struct season){ name_of(0), name_of(0), { 0xFF, 0xFF, 1, 1, 0xFF } };
}

static void activation_by_date_comes_even_when_off(void **state)
{
    (void)state;
    for (int off = 0; off < 2; off++) {
        struct lab *l = start(T0);
        struct event_row e;
        uint8_t dt[12] = { 2026 >> 8, 2026 & 0xFF, 1, 2, 0xFF, 6, 30, 0, 0, 0x80, 0, 0xFF };
        plain_book(3);
        write_book(l, CALENDAR_TARIFF);
        assert_int_equal(calendar_set_time(&l->m, &lab_who, CALENDAR_TARIFF, dt), 0);
        lab_settle(l);
        lab_run_s(l, 86400);
        assert_int_equal(l->m.now.quantity[VAL_TARIFF], 1);
        assert_int_equal(calendar_days(&l->m, CALENDAR_TARIFF, SIDE_ACTIVE), 0);
        if (off) {
            lab_power_down(l, true);
            assert_int_equal(lab_power_up(l, T0 + 86400 * 5), 0);
            lab_settle(l);
        } else {
            lab_run_s(l, 86400);
        }
        assert_int_equal(l->m.now.quantity[VAL_TARIFF], 3);
        assert_int_equal(calendar_days(&l->m, CALENDAR_TARIFF, SIDE_ACTIVE), 1);
        assert_int_equal(calendar_days(&l->m, CALENDAR_TARIFF, SIDE_PASSIVE), 1);
        struct event_span s = event_span(&l->m, LOG_STANDARD);
        bool found = false;
        for (uint32_t i = s.first; i < s.next; i++) {
            assert_int_equal(event_read(&l->m, LOG_STANDARD, i, &e), 0);
            if (e.code != EV_TARIFF_ACTIVATED) continue;
            found = true;
            assert_int_equal(e.time.s, off ? T0 + 86400 * 5 : T0 + 86400 + 6 * 3600 + 1800);
        }
        assert_true(found);
        /* once only: writing the passive side again does not bring the old date back */
        plain_book(5);
        write_book(l, CALENDAR_TARIFF);
        lab_run_s(l, 2 * 86400);
        assert_int_equal(l->m.now.quantity[VAL_TARIFF], 3);
        lab_free(l);
    }
}

static void an_invalid_clock_counts_tariff_one(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    plain_book(4);
    write_book(l, CALENDAR_TARIFF);
    assert_int_equal(calendar_activate(&l->m, &lab_who, CALENDAR_TARIFF), 0);
    lab_settle(l);
    l->load = (struct lab_load){ 1000000, 0, 230000, 4400 };
    lab_run_s(l, 3600);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT + 4), 1000);
    lab_power_down(l, true);
    l->rtc_lost = true;
    assert_int_equal(lab_power_up(l, 0), 0);
    lab_run_s(l, 3600);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT + 1), 1000);
    assert_int_equal(clock_order(&l->m, &lab_who, CLOCK_SET, T0 + 86400, false), 0);
    lab_settle(l);
    lab_run_s(l, 3600);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT + 4), 2000);
    assert_int_equal(reg_at(&l->m.now, REG_WH_IMPORT), 3000);
    lab_free(l);
}

static void an_order_holds_until_the_next_switch(void **state)
{
    struct lab *l = start(T0);
    (void)state;
    plain_book(2);
    book.day[0].n = 2;
    book.day[0].at[1] = (struct day_switch){ { 12, 0, 0, 0 }, 6 };
    write_book(l, CALENDAR_TARIFF);
    assert_int_equal(calendar_activate(&l->m, &lab_who, CALENDAR_TARIFF), 0);
    lab_settle(l);
    lab_run_s(l, 3600);
    assert_int_equal(command_do(&l->m, &lab_who, CMD_TARIFF, 8), 0);
    assert_int_equal(command_do(&l->m, &lab_who, CMD_TARIFF, 9), E_RANGE);
    lab_settle(l);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 8);
    lab_run_s(l, 3600);
    lab_power_down(l, true);
    assert_int_equal(lab_power_up(l, T0 + 10000), 0);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 8);
    lab_run_until(l, T0 + 43199);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 8);
    lab_run_until(l, T0 + 43200);
    assert_int_equal(l->m.now.quantity[VAL_TARIFF], 6);
    lab_free(l);
}

/* Writing what is there already is no change: nobody is told, nothing moves; another is. */
static void the_same_again_is_no_change(void **state)
{
    static const uint8_t name[4] = { 'A', 'B', 'C', 'D' };
    const uint8_t dt[12] = { 2030 >> 8, 2030 & 0xFF, 1, 2, 0xFF, 6, 30, 0, 0, 0x80, 0, 0xFF };
    struct lab *l = start(T0);
    struct meter *m = &l->m;
    (void)state;
    plain_book(3);
    for (unsigned round = 0; round < 4; round++) {
        uint32_t changes = m->now.counter[CNT_CHANGES], rows = audit_span(m).next;
        if (round == 3) book.week[0].day[6] = 9;
        write_book(l, CALENDAR_TARIFF);
        assert_int_equal(calendar_set_name(m, &lab_who, CALENDAR_TARIFF, name, 4), 0);
        lab_settle(l);
        assert_int_equal(calendar_set_time(m, &lab_who, CALENDAR_TARIFF, dt), 0);
        lab_settle(l);
        unsigned want = round == 0 ? 5 : round == 3 ? 1 : 0;
        assert_int_equal(m->now.counter[CNT_CHANGES] - changes, want);
        assert_int_equal(audit_span(m).next - rows, want);
        assert_int_equal(calendar_weeks(m, CALENDAR_TARIFF, SIDE_PASSIVE), 1);
        if (round != 1) continue;
        assert_int_equal(calendar_activate(m, &lab_who, CALENDAR_TARIFF), 0);
        lab_settle(l);
        assert_int_equal(calendar_set_time(m, &lab_who, CALENDAR_TARIFF, dt), 0);
        lab_settle(l);
    }
    lab_free(l);
}

/* test_meter_tou [CALENDARS SEED]: so many calendars alone, for the campaign. */
int main(int argc, char **argv)
{
    if (argc == 3) {
        const struct CMUnitTest torture[] = { cmocka_unit_test(every_day_of_ten_years_agrees) };
        calendars = (unsigned)strtoul(argv[1], NULL, 10);
        seed = strtoull(argv[2], NULL, 10);
        int failed = cmocka_run_group_tests(torture, NULL, NULL);
        printf("%u calendars over ten years each: %s\n", calendars,
               failed ? "FAILED" : "agree");
        return failed;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_ten_years_agrees),
        cmocka_unit_test(every_minute_agrees_over_summer_time),
        cmocka_unit_test(what_was_switched_last_stays),
        cmocka_unit_test(the_largest_calendar_reads_back_equal),
        cmocka_unit_test(wrong_lists_are_refused_whole),
        cmocka_unit_test(activation_by_date_comes_even_when_off),
        cmocka_unit_test(an_invalid_clock_counts_tariff_one),
        cmocka_unit_test(an_order_holds_until_the_next_switch),
        cmocka_unit_test(the_same_again_is_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
