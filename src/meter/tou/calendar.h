/* calendar.h - three activity calendars (tariff, load control, friendly time): what is kept.
 *
 * A calendar is a name, seasons, weeks and days. Each of the four lies in one of two places;
 * the active side names a place for each, the passive side another or the same. Writing a
 * passive attribute fills the place the active side does not use; activating makes the active
 * side name the passive side's places. So writing never touches what is in force, activation is
 * one scalar, and after it both sides read the same, as class 20 wants. A list is checked when
 * it is written (sizes, times, values known to the script table); that names meet (a season's
 * week, a week's days) is checked when it is activated, and a calendar that does not hold is
 * refused whole.
 *
 * Power cut  a list is the old or the new; activation happened or did not. A date that passed
 *            while the meter was off is activated at power-up.
 * Cost       writing: a page a few rows. Reading a row: one flash read.
 * Context    meter loop only.
 */
#ifndef METER_TOU_CALENDAR_H
#define METER_TOU_CALENDAR_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"

struct meter;

enum calendar { CALENDAR_TARIFF, CALENDAR_LOAD, CALENDAR_FRIENDLY, CALENDARS };
enum side { SIDE_ACTIVE, SIDE_PASSIVE };
enum {
    SEASONS_MAX = 12,
    WEEKS_MAX = 12,
    DAYS_MAX = 48,
    SWITCHES_MAX = 24,
    SPECIAL_DAYS_MAX = 200
};
enum { CALENDAR_NAME_MAX = 16, ITEM_NAME_MAX = 8 };

struct item_name {
    uint8_t n, octets[ITEM_NAME_MAX];
};

struct season {
    struct item_name name, week;
    uint8_t start[12]; /* COSEM date-time as written; of its time only midnight is taken */
};

struct week {
    struct item_name name;
    uint8_t day[7]; /* Monday first */
};

struct day_switch {
    uint8_t start[4]; /* COSEM time as written: whole minutes, seconds 0, hundredths 0 or FF */
    uint8_t script; /* 1..8 tariffs; load control 1 off, 2 on, 3 ready, 4 lower limit; friendly
                       1 on, 2 off */
};

struct day {
    uint8_t id, n;
    struct day_switch at[SWITCHES_MAX];
};

struct special_day {
    uint16_t index;
    uint8_t date[5]; /* COSEM date with wildcards, as written */
    uint8_t day;
};

/* -- reading: how many, and the i-th; E_NONE beyond, E_IO, E_CRC --------------------------- */

int calendar_name(struct meter *m, enum calendar c, enum side s,
                  uint8_t name[CALENDAR_NAME_MAX]);
int calendar_seasons(struct meter *m, enum calendar c, enum side s);
int calendar_weeks(struct meter *m, enum calendar c, enum side s);
int calendar_days(struct meter *m, enum calendar c, enum side s);
int calendar_season(struct meter *m, enum calendar c, enum side s, unsigned i,
                    struct season *x);
int calendar_week(struct meter *m, enum calendar c, enum side s, unsigned i, struct week *x);
int calendar_day(struct meter *m, enum calendar c, enum side s, unsigned i, struct day *x);
int special_days(struct meter *m, enum calendar c);
int special_day(struct meter *m, enum calendar c, unsigned i, struct special_day *x);

/* -- writing the passive side -------------------------------------------------------------- */

/* A list comes row by row and stands at commit. One list at a time in the whole meter: E_BUSY. A
 * row that is not right: E_RANGE, and the list is given up. */

enum calendar_list { LIST_SEASONS, LIST_WEEKS, LIST_DAYS, LIST_SPECIAL };

int calendar_begin(struct meter *m, const struct who *who, enum calendar c,
                   enum calendar_list list, unsigned rows);
int calendar_put_season(struct meter *m, const struct who *who, const struct season *x);
int calendar_put_week(struct meter *m, const struct who *who, const struct week *x);
int calendar_put_day(struct meter *m, const struct who *who, const struct day *x);
int calendar_put_special(struct meter *m, const struct who *who, const struct special_day *x);
int calendar_commit(struct meter *m, const struct who *who);
void calendar_abort(struct meter *m, const struct who *who);

int calendar_set_name(struct meter *m, const struct who *who, enum calendar c,
                      const uint8_t *name, unsigned n);

/* Methods of class 11: an entry of that index is replaced or added; taken away. E_SPACE,
 * E_NONE. */
int special_day_insert(struct meter *m, const struct who *who, enum calendar c,
                       const struct special_day *x);
int special_day_delete(struct meter *m, const struct who *who, enum calendar c, uint16_t index);

/* -- activation ---------------------------------------------------------------------------- */

/* E_FORMAT: the passive side names weeks or days it does not have; nothing changed. */
int calendar_activate(struct meter *m, const struct who *who, enum calendar c);

/* The date-time as written (12 octets; 0: never written), and write it: what is not specified,
 * or has a wildcard, never comes; what is past comes at once. E_RANGE: no date-time. */
int calendar_time(struct meter *m, enum calendar c, uint8_t dt[12]);
int calendar_set_time(struct meter *m, const struct who *who, enum calendar c,
                      const uint8_t dt[12]);

/* -- for the parts of meter/ alone --------------------------------------------------------- */

/* Which day of the calendar a local date takes: its id, or E_NONE. Civil weekday must be set.
 */
struct civil;
int calendar_day_of(struct meter *m, enum calendar c, const struct civil *date);
/* The day a tariff's special days give to a date: its id, or E_NONE. */
int calendar_special_of(struct meter *m, const struct civil *date);
/* The active day of that id. */
int calendar_find_day(struct meter *m, enum calendar c, uint8_t id, struct day *x);
void calendar_plan(struct meter *m);
void calendar_due(struct meter *m, utc_t due);

#endif
