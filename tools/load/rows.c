#include "tools/load/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cal.h"
#include "base/err.h"
#include "tools/common/file.h"
#include "tools/common/when.h"

enum { COLUMNS_MAX = 32 };
static const size_t FILE_MAX = (size_t)1 << 30;
static const double EPOCH_FROM = 100000000; /* smaller numbers count from the first row */

enum column { NONE, TIME, DATE, CLOCK, P, Q, V, I };

struct reader {
    struct loadrows *l;
    struct trouble *t;
    const char *name;
    unsigned line;
    char separator;
    size_t columns;
    struct {
        enum column what;
        double milli; /* from the unit of the file */
    } column[COLUMNS_MAX];
    size_t room;
    int64_t first_ms;
    bool uci;
};

static int wrong(struct reader *r, const char *what)
{
    return trouble(r->t, E_FORMAT, "%s:%u: %s", r->name, r->line, what);
}

static const struct {
    const char *name;
    enum column what;
    double milli;
} known[] = {
    { "time", TIME, 1e3 },
    { "p_w", P, 1e3 },
    { "w", P, 1e3 },
    { "kw", P, 1e6 },
    { "p_kw", P, 1e6 },
    { "q_var", Q, 1e3 },
    { "var", Q, 1e3 },
    { "kvar", Q, 1e6 },
    { "q_kvar", Q, 1e6 },
    { "v_v", V, 1e3 },
    { "v", V, 1e3 },
    { "i_a", I, 1e3 },
    { "a", I, 1e3 },
    { "date", DATE, 0 },
    { "clock", CLOCK, 0 },
    { "global_active_power", P, 1e6 },
    { "global_reactive_power", Q, 1e6 },
    { "voltage", V, 1e3 },
    { "global_intensity", I, 1e3 },
    { "sub_metering_1", NONE, 0 },
    { "sub_metering_2", NONE, 0 },
    { "sub_metering_3", NONE, 0 },
};

/* Quotes around a field say nothing here. */
static char *unquote(char *text)
{
    size_t n = strlen(text);
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        text[n - 1] = 0;
        text++;
    }
    return text;
}

static int name_column(struct reader *r, size_t at, const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcasecmp(name, known[i].name) != 0) continue;
        for (size_t k = 0; k < at; k++)
            if (known[i].what != NONE && r->column[k].what == known[i].what)
                return wrong(r, "two columns say the same");
        r->column[at].what = known[i].what;
        r->column[at].milli = known[i].milli;
        return 0;
    }
    return trouble(r->t, E_FORMAT,
                   "%s:%u: unknown column '%.40s'; known are time, p_w or kw, q_var or kvar, "
                   "v_v, i_a",
                   r->name, r->line, name);
}

static bool has(const struct reader *r, enum column what)
{
    for (size_t i = 0; i < r->columns; i++)
        if (r->column[i].what == what) return true;
    return false;
}

/* In the data set with blanks, a row has two fields more than the header says: its number in
 * front, and the date again. */
static void shape_blanks(struct reader *r)
{
    static const enum column shape[] = {
        NONE, NONE, DATE, CLOCK, P, Q, V, I, NONE, NONE, NONE
    };
    static const double milli[] = { 0, 0, 0, 0, 1e6, 1e6, 1e3, 1e3, 0, 0, 0 };
    r->columns = sizeof shape / sizeof *shape;
    for (size_t i = 0; i < r->columns; i++) {
        r->column[i].what = shape[i];
        r->column[i].milli = milli[i];
    }
}

static int parse_header(struct reader *r, char *line)
{
    char *field[COLUMNS_MAX];
    r->uci = strcasestr(line, "Global_active_power") != NULL;
    r->separator = strchr(line, ',') ? ',' : strchr(line, ';') ? ';' : r->uci ? ' ' : ',';
    if (r->uci && r->separator == ' ') return shape_blanks(r), 0;
    size_t n = file_fields(line, r->separator, COLUMNS_MAX, field);
    if (n > COLUMNS_MAX) return wrong(r, "too many columns");
    r->columns = n;
    for (size_t i = 0; i < n; i++) {
        int e = name_column(r, i, unquote(field[i]));
        if (e < 0) return e;
        if (r->uci && r->column[i].what == TIME) r->column[i].what = CLOCK;
    }
    if (!has(r, TIME) && !(has(r, DATE) && has(r, CLOCK)))
        return wrong(r, "no header with a column 'time'; a load file starts with time,p_w,...");
    return has(r, P) ? 0 : wrong(r, "no column for the active power (p_w or kw)");
}

static bool read_number(const char *text, double *value)
{
    char *end;
    if (!*text) return false;
    *value = strtod(text, &end);
    return *end == 0 && isfinite(*value);
}

/* 2007-02-01 or 1/2/2007 */
static bool read_date(const char *text, struct civil *c)
{
    unsigned year, month, day;
    int used = 0;
    bool iso = sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) == 3;
    if (!iso && sscanf(text, "%2u/%2u/%4u%n", &day, &month, &year, &used) != 3) return false;
    c->year = (uint16_t)year;
    c->month = (uint8_t)month;
    c->day = (uint8_t)day;
    return text[used] == 0;
}

static bool read_clock(const char *text, struct civil *c)
{
    unsigned hour, minute, second;
    int used = 0;
    if (sscanf(text, "%2u:%2u:%2u%n", &hour, &minute, &second, &used) != 3) return false;
    c->hour = (uint8_t)hour;
    c->minute = (uint8_t)minute;
    c->second = (uint8_t)second;
    return text[used] == 0;
}

/* Milliseconds since 1970, or of the file's own count. */
static bool read_time(const char *text, int64_t *ms)
{
    double number;
    utc_t t;
    if (read_number(text, &number)) {
        if (fabs(number) > 7258118399.0) return false;
        *ms = llround(number * 1e3);
        return true;
    }
    if (when_parse(&t, text, (utc_t){ 0 }) < 0) return false;
    *ms = t.s * 1000;
    return true;
}

static bool read_milli(const char *text, double milli, int32_t *value)
{
    double v;
    if (!read_number(text, &v) || fabs(v * milli) > 2e9) return false;
    *value = (int32_t)lround(v * milli);
    return true;
}

struct draft {
    struct loadrow row;
    struct civil civil;
    int64_t ms;
};

static bool read_field(const struct reader *r, size_t i, const char *text, struct draft *d)
{
    switch (r->column[i].what) {
    case NONE:
        return true;
    case TIME:
        return read_time(text, &d->ms);
    case DATE:
        return read_date(text, &d->civil);
    case CLOCK:
        return read_clock(text, &d->civil);
    case P:
        return !*text || read_milli(text, r->column[i].milli, &d->row.p_mw);
    case Q:
        return !*text || read_milli(text, r->column[i].milli, &d->row.q_mvar);
    case V:
        return !*text ||
               (read_milli(text, r->column[i].milli, &d->row.v_mv) && d->row.v_mv >= 0);
    case I:
        return !*text ||
               (read_milli(text, r->column[i].milli, &d->row.i_ma) && d->row.i_ma >= 0);
    }
    return false;
}

static int append(struct reader *r, const struct draft *d)
{
    struct loadrows *l = r->l;
    if (l->rows == r->room) {
        size_t room = r->room ? r->room * 2 : 4096;
        struct loadrow *more = realloc(l->row, room * sizeof *more);
        if (!more) return trouble(r->t, E_SPACE, "out of memory");
        l->row = more;
        r->room = room;
    }
    if (l->rows == 0) r->first_ms = d->ms;
    struct loadrow row = d->row;
    row.at_ms = d->ms - r->first_ms;
    if (l->rows && row.at_ms <= l->row[l->rows - 1].at_ms)
        return wrong(r, "the time does not grow");
    l->row[l->rows++] = row;
    return 0;
}

static size_t cut(const struct reader *r, char *line, char *field[COLUMNS_MAX])
{
    if (r->separator != ' ') return file_fields(line, r->separator, COLUMNS_MAX, field);
    size_t n = 0;
    char *rest = NULL;
    for (char *p = strtok_r(line, " \t", &rest); p; p = strtok_r(NULL, " \t", &rest)) {
        if (n == COLUMNS_MAX) return n + 1;
        field[n++] = p;
    }
    return n;
}

static int parse_row(struct reader *r, char *line)
{
    char *field[COLUMNS_MAX];
    bool first = r->l->rows == 0, missing = false;
    struct draft d = { .row = { .i_ma = -1 } };
    if (!first) d.row = r->l->row[r->l->rows - 1];
    size_t n = cut(r, line, field);
    if (n != r->columns)
        return trouble(r->t, E_FORMAT, "%s:%u: %zu columns where the header has %zu", r->name,
                       r->line, n, r->columns);
    for (size_t i = 0; i < n; i++) {
        char *text = unquote(field[i]);
        if (r->uci && strcmp(text, "?") == 0)
            missing = true;
        else if (!read_field(r, i, text, &d))
            return trouble(r->t, E_FORMAT, "%s:%u: '%.40s' is not a %s", r->name, r->line, text,
                           r->column[i].what <= CLOCK ? "time" : "number in range");
    }
    if (missing) return 0;
    if (has(r, DATE)) {
        if (!cal_is_valid(&d.civil)) return wrong(r, "no such date");
        d.ms = cal_seconds(&d.civil) * 1000;
    }
    return append(r, &d);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The middle distance of two rows stands for all: gaps are few. */
static int find_gaps(struct reader *r)
{
    struct loadrows *l = r->l;
    size_t n = l->rows - 1;
    int64_t *distance = malloc((n + 1) * sizeof *distance);
    if (!distance) return trouble(r->t, E_SPACE, "out of memory");
    for (size_t i = 0; i < n; i++) distance[i] = l->row[i + 1].at_ms - l->row[i].at_ms;
    if (n) qsort(distance, n, sizeof *distance, by_size);
    l->pace_ms = n ? distance[n / 2] : 60000;
    free(distance);
    for (size_t i = 1; i <= n; i++) {
        int64_t ms = l->row[i].at_ms - l->row[i - 1].at_ms;
        if (2 * ms <= 3 * l->pace_ms) continue;
        l->gaps++;
        if (ms > l->gap_ms) l->gap_ms = ms, l->gap_row = i;
    }
    l->end_ms = l->row[n].at_ms + l->pace_ms;
    return 0;
}

static int parse_all(struct reader *r, char *text, size_t n)
{
    char *at = text, *end = text + n, *line;
    int e = 0;
    bool headed = false;
    while (e == 0 && (line = file_line(&at, end))) {
        r->line++;
        line += strspn(line, " \t");
        if (*line == 0 || *line == '#') continue;
        e = headed ? parse_row(r, line) : parse_header(r, line);
        headed = true;
    }
    if (e == 0 && r->l->rows == 0)
        return trouble(r->t, E_FORMAT, "%s: no row of load", r->name);
    return e;
}

int loadrows_parse(struct loadrows *l, char *text, size_t n, const char *name,
                   struct trouble *t)
{
    struct reader r = { .l = l, .t = t, .name = name };
    *l = (struct loadrows){ .start_utc = LOADROWS_NO_START };
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) text += 3, n -= 3;
    int e = memchr(text, 0, n) ? trouble(t, E_FORMAT, "%s: not a text file", name)
                               : parse_all(&r, text, n);
    if (e == 0) e = find_gaps(&r);
    if (e == 0 && (double)r.first_ms >= EPOCH_FROM * 1e3) l->start_utc = r.first_ms / 1000;
    if (e < 0) loadrows_free(l);
    return e;
}

int loadrows_read(struct loadrows *l, const char *path, struct trouble *t)
{
    struct file f;
    int e = file_read(&f, path, FILE_MAX, t);
    if (e < 0) return e;
    e = loadrows_parse(l, f.text, f.size, path, t);
    file_free(&f);
    return e;
}

void loadrows_free(struct loadrows *l)
{
    free(l->row);
    *l = (struct loadrows){ .start_utc = LOADROWS_NO_START };
}

const struct loadrow *loadrows_at(const struct loadrows *l, int64_t at_ms, bool repeat)
{
    if (repeat && at_ms >= 0) at_ms %= l->end_ms;
    size_t low = 0, high = l->rows; /* the row is in [low, high) */
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (l->row[mid].at_ms <= at_ms)
            low = mid;
        else
            high = mid;
    }
    return &l->row[low];
}
