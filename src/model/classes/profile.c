/* profile.c - class 7: load profiles, event logs and billing, one reading of all three.
 *
 * What is read is a span of rows by absolute number, found once when the GET begins, so that a
 * capture during a long read shifts nothing. Where a range holds rows that lie outside it (the
 * clock was set back, or another column restricts) the rows are filtered, counted first because
 * the head of the array needs their number.
 */
#include "base/err.h"
#include "meter/profile/scan.h"
#include "model/classes.h"

#include <string.h>

#include "base/bytes.h"

enum { COLUMNS_MAX = CFG_COLUMNS };

union shown { /* a row of whatever is shown */
    struct profile_row survey;
    struct event_row event;
    struct billing_row billing;
    struct audit_row change;
    struct token_row token;
};

struct profile_kind {
    /* Columns in order, into column[COLUMNS_MAX]; how many. */
    unsigned (*columns)(const struct meter *m, unsigned which, uint16_t *column);
    void (*span)(struct meter *m, unsigned which, uint32_t *first, uint32_t *next);
    int (*read)(struct meter *m, unsigned which, uint32_t number, union shown *row);
    void (*scan)(struct meter *m, struct scan *q, unsigned which, utc_t from, utc_t to);
    utc_t (*time)(const union shown *row);
    /* Of a number its low octets count, as many as the column has; of a register 32 bits. */
    int64_t (*value)(const union shown *row, uint16_t column, unsigned index);
    /* A column that is no number; true when it was one of those. NULL: there are none. */
    bool (*emit)(const union shown *row, uint16_t column, struct axdr_out *o);
    uint32_t (*entries)(const struct meter *m, unsigned which);
    uint32_t (*period_s)(const struct meter *m, unsigned which);
    int (*reset)(struct meter *m, const struct who *who, unsigned which);
    int (*capture)(struct meter *m, const struct who *who, unsigned which);
    int (*set_columns)(struct meter *m, const struct who *who, unsigned which,
                       const uint16_t *column, unsigned n);
    int (*set_period_s)(struct meter *m, const struct who *who, unsigned which, uint32_t s);
};

static const struct profile_view *view_of(const struct cosem_at *at)
{
    return at->row->bind.ext;
}

/* -- surveys ----------------------------------------------------------------------------------
 */
static void survey_span(struct meter *m, unsigned which, uint32_t *first, uint32_t *next)
{
    struct profile_span s = profile_span(m, which);
    *first = s.first;
    *next = s.next;
}

static int survey_read(struct meter *m, unsigned which, uint32_t number, union shown *r)
{
    return profile_read(m, which, number, &r->survey);
}

static utc_t survey_time(const union shown *r)
{
    return r->survey.time;
}

static int64_t survey_value(const union shown *r, uint16_t column, unsigned index)
{
    (void)column;
    return r->survey.value[index];
}

const struct profile_kind profile_survey = {
    .columns = profile_columns,
    .scan = scan_begin_survey,
    .span = survey_span,
    .read = survey_read,
    .time = survey_time,
    .value = survey_value,
    .entries = profile_entries,
    .period_s = profile_period_s,
    .reset = profile_reset,
    .capture = profile_capture,
    .set_columns = profile_set_columns,
    .set_period_s = profile_set_period_s,
};

/* -- event logs -------------------------------------------------------------------------------
 */
static unsigned log_columns(const struct meter *m, unsigned which, uint16_t *column)
{
    static const uint16_t of_log[] = { COLUMN_CLOCK,     COLUMN_EVENT,    COLUMN_POWER_STATE,
                                       COLUMN_CLIENT,    COLUMN_CHANNEL,  COLUMN_WHAT,
                                       COLUMN_MAGNITUDE, COLUMN_DURATION, COLUMN_ENERGY };
    static const uint16_t of_failures[] = { COLUMN_CLOCK, COLUMN_DURATION };
    const uint16_t *from = which == LOG_POWER ? of_failures : of_log;
    unsigned n = which == LOG_POWER ? COUNT(of_failures) : COUNT(of_log);
    (void)m;
    memcpy(column, from, n * sizeof *from);
    return n;
}

static void log_span(struct meter *m, unsigned which, uint32_t *first, uint32_t *next)
{
    struct event_span s = event_span(m, (enum event_log)which);
    *first = s.first;
    *next = s.next;
}

static int log_read(struct meter *m, unsigned which, uint32_t number, union shown *r)
{
    return event_read(m, (enum event_log)which, number, &r->event);
}

static utc_t log_time(const union shown *r)
{
    return r->event.time;
}

static int64_t log_value(const union shown *r, uint16_t column, unsigned index)
{
    const struct event_row *e = &r->event;
    (void)index;
    switch (column) {
    case COLUMN_EVENT:
        return e->code;
    case COLUMN_POWER_STATE:
        return (e->flags & EVENT_DARK) != 0;
    case COLUMN_CLIENT:
        return e->who.sap;
    case COLUMN_CHANNEL:
        return e->who.link;
    case COLUMN_WHAT:
        return e->what;
    case COLUMN_MAGNITUDE:
        return e->magnitude;
    case COLUMN_DURATION:
        return e->duration_s;
    case COLUMN_ENERGY:
        return e->energy_wh;
    }
    return 0;
}

/* What a change changed: {logical name 6, attribute 1}. */
static bool log_emit(const union shown *r, uint16_t column, struct axdr_out *o)
{
    uint8_t name[sizeof(struct obis) + 1];
    unsigned topic = r->event.code - EV_CHANGED_TOU;
    if (column != COLUMN_WHAT) return false;
    if (r->event.code != EV_PARAMETER_CHANGED && topic > EV_CHANGED_OTHER - EV_CHANGED_TOU)
        return false;
    struct cosem_capture c = model_object_of(r->event.what);
    memcpy(name, &c.ln, sizeof c.ln);
    name[sizeof c.ln] = (uint8_t)c.attr;
    axdr_emit_octets(o, name, sizeof name);
    return true;
}

static uint32_t log_entries(const struct meter *m, unsigned which)
{
    (void)m, (void)which;
    return CFG_LOG_ROWS;
}

static uint32_t no_period(const struct meter *m, unsigned which)
{
    (void)m, (void)which;
    return 0;
}

static int log_reset(struct meter *m, const struct who *who, unsigned which)
{
    return event_clear(m, who, (enum event_log)which);
}

static void log_scan(struct meter *m, struct scan *q, unsigned which, utc_t from, utc_t to)
{
    scan_begin_log(m, q, (enum event_log)which, from, to);
}

const struct profile_kind profile_log = {
    .scan = log_scan,
    .columns = log_columns,
    .span = log_span,
    .read = log_read,
    .time = log_time,
    .value = log_value,
    .emit = log_emit,
    .entries = log_entries,
    .period_s = no_period,
    .reset = log_reset,
};

/* -- billing ----------------------------------------------------------------------------------
 */
static unsigned add_family(uint16_t *column, unsigned n, uint16_t from, unsigned members)
{
    for (unsigned i = 0; i < members; i++) column[n++] = (uint16_t)(from + i);
    return n;
}

/* Every total with its tariffs, every maximum and its time. */
static unsigned billing_columns(const struct meter *m, unsigned which, uint16_t *column)
{
    unsigned n = 0;
    (void)m, (void)which;
    column[n++] = COLUMN_CLOCK;
    column[n++] = COLUMN_STATUS;
    n = add_family(column, n, REG_WH_IMPORT, REG_VAH_Q4_last - REG_WH_IMPORT + 1);
    n = add_family(column, n, REG_MD_P_IMPORT, FAMILY * DEMANDS);
    n = add_family(column, n, REG_MDT_P_IMPORT, FAMILY * DEMANDS);
    return n;
}

static void periods_span(struct meter *m, unsigned which, uint32_t *first, uint32_t *next)
{
    struct billing_span s = billing_span(m, (enum billing)which);
    *first = s.first;
    *next = s.next;
}

static int periods_read(struct meter *m, unsigned which, uint32_t number, union shown *r)
{
    return billing_read_row(m, (enum billing)which, number, &r->billing);
}

static utc_t billing_time(const union shown *r)
{
    return r->billing.time;
}

static int64_t billing_value(const union shown *r, uint16_t column, unsigned index)
{
    (void)index;
    return column == COLUMN_STATUS ? r->billing.status : reg_at(&r->billing.regs, column);
}

static uint32_t billing_entries(const struct meter *m, unsigned which)
{
    (void)m;
    return which == BILLING_DAILY ? CFG_DAYS : CFG_MONTHS;
}

static uint32_t billing_period_s(const struct meter *m, unsigned which)
{
    (void)m;
    return which == BILLING_DAILY ? CAL_DAY_S : 0;
}

static int billing_capture(struct meter *m, const struct who *who, unsigned which)
{
    (void)which; /* days end by themselves: their class has no method */
    int err = billing_end(m, who, BILLING_REMOTE);
    return err == E_DENIED ? E_STATE : err; /* locked out: later */
}

static void periods_scan(struct meter *m, struct scan *q, unsigned which, utc_t from, utc_t to)
{
    scan_begin_billing(m, q, (enum billing)which, from, to);
}

const struct profile_kind profile_billing = {
    .scan = periods_scan,
    .columns = billing_columns,
    .span = periods_span,
    .read = periods_read,
    .time = billing_time,
    .value = billing_value,
    .entries = billing_entries,
    .period_s = billing_period_s,
    .capture = billing_capture,
};

/* -- the who-log ------------------------------------------------------------------------------
 */
static unsigned change_columns(const struct meter *m, unsigned which, uint16_t *column)
{
    static const uint16_t of[] = { COLUMN_CLOCK, COLUMN_CHANGED, COLUMN_CLIENT, COLUMN_CHANNEL,
                                   COLUMN_DIGEST };
    (void)m, (void)which;
    memcpy(column, of, sizeof of);
    return COUNT(of);
}

static void change_span(struct meter *m, unsigned which, uint32_t *first, uint32_t *next)
{
    struct audit_span s = audit_span(m);
    (void)which;
    *first = s.first;
    *next = s.next;
}

static int change_read(struct meter *m, unsigned which, uint32_t number, union shown *r)
{
    (void)which;
    return audit_read(m, number, &r->change);
}

static void change_scan(struct meter *m, struct scan *q, unsigned which, utc_t from, utc_t to)
{
    (void)which;
    scan_begin_changes(m, q, from, to);
}

static utc_t change_time(const union shown *r)
{
    return (utc_t){ r->change.utc_s };
}

static int64_t change_value(const union shown *r, uint16_t column, unsigned index)
{
    (void)index;
    return column == COLUMN_CLIENT ? r->change.who.sap : r->change.who.link;
}

static bool change_emit(const union shown *r, uint16_t column, struct axdr_out *o)
{
    if (column == COLUMN_CHANGED) emit_changed(o, r->change.param);
    if (column == COLUMN_DIGEST)
        axdr_emit_octets(o, r->change.new_digest, sizeof r->change.new_digest);
    return column == COLUMN_CHANGED || column == COLUMN_DIGEST;
}

const struct profile_kind profile_changes = {
    .scan = change_scan,
    .columns = change_columns,
    .span = change_span,
    .read = change_read,
    .time = change_time,
    .value = change_value,
    .emit = change_emit,
    .entries = log_entries,
    .period_s = no_period,
};

/* -- tokens: all that were taken, or those that brought credit; what debts took ------------ */
static unsigned token_columns(const struct meter *m, unsigned which, uint16_t *column)
{
    static const struct {
        uint8_t n;
        uint16_t column[8];
    } of[] = { [TOKENS_ALL] = { 8,
                                { COLUMN_CLOCK, COLUMN_TOKEN, COLUMN_TOKEN_KIND,
                                  COLUMN_TOKEN_STATUS, COLUMN_TOKEN_AMOUNT,
                                  COLUMN_TOKEN_DELIVERY, COLUMN_CHANNEL,
                                  COLUMN_TOKEN_WALLET } },
               [TOKENS_CREDIT] = { 4,
                                   { COLUMN_CLOCK, COLUMN_TOKEN_AMOUNT, COLUMN_TOKEN_WALLET,
                                     COLUMN_TOKEN_TID } },
               [TOKENS_CHARGES] = { 3, { COLUMN_CLOCK, COLUMN_WHAT, COLUMN_MAGNITUDE } } };
    (void)m;
    memcpy(column, of[which].column, of[which].n * sizeof *column);
    return of[which].n;
}

static void tokens_span(struct meter *m, unsigned which, uint32_t *first, uint32_t *next)
{
    struct token_span s = token_span(m, (enum token_log)which);
    *first = s.first;
    *next = s.next;
}

static int tokens_read(struct meter *m, unsigned which, uint32_t number, union shown *r)
{
    return token_read(m, (enum token_log)which, number, &r->token);
}

static void tokens_scan(struct meter *m, struct scan *q, unsigned which, utc_t from, utc_t to)
{
    scan_begin_tokens(m, q, (enum token_log)which, from, to);
}

static utc_t token_time(const union shown *r)
{
    return r->token.time;
}

static int64_t token_value(const union shown *r, uint16_t column, unsigned index)
{
    const struct token_row *t = &r->token;
    (void)index;
    switch (column) {
    case COLUMN_TOKEN_KIND:
        return t->class << 8 | t->sub;
    case COLUMN_TOKEN_DELIVERY:
        return prepay_delivery(t->last.link);
    case COLUMN_CHANNEL:
        return t->last.link;
    case COLUMN_TOKEN_WALLET:
        return t->last.wallet;
    case COLUMN_TOKEN_TID:
    case COLUMN_WHAT:
        return t->tid;
    }
    return t->last.amount;
}

static bool token_emit(const union shown *r, uint16_t column, struct axdr_out *o)
{
    const struct token_last *l = &r->token.last;
    if (column == COLUMN_TOKEN) emit_token_digits(o, l);
    if (column == COLUMN_TOKEN_STATUS) emit_token_status(o, l);
    return column == COLUMN_TOKEN || column == COLUMN_TOKEN_STATUS;
}

static int tokens_reset(struct meter *m, const struct who *who, unsigned which)
{
    return token_clear(m, who, (enum token_log)which);
}

const struct profile_kind profile_tokens = {
    .scan = tokens_scan,
    .columns = token_columns,
    .span = tokens_span,
    .read = tokens_read,
    .time = token_time,
    .value = token_value,
    .emit = token_emit,
    .entries = log_entries,
    .period_s = no_period,
    .reset = tokens_reset,
};

/* -- selecting rows ---------------------------------------------------------------------------
 */

/* span->work of a range: the search, then how far its rows have been emitted. */
enum { W_SCAN, W_STATE = 9, W_ROW, W_INDEX };
enum { RANGE_NONE, RANGE_SEARCH, RANGE_FOUND, RANGE_COUNT, RANGE_FILTERED };
_Static_assert(sizeof(struct scan) <= W_STATE * sizeof(uint32_t), "a search fits the span");

/* Rows [first, next) whose column lies between two values, both ends inclusive. Kept where a
 * search would be: the rows are counted a slice a step, then found again as they are emitted.
 */
struct filter {
    int64_t from, to;
    uint32_t first, next;
    uint32_t index; /* of the column */
};
_Static_assert(sizeof(struct filter) <= W_STATE * sizeof(uint32_t), "a filter as well");

/* Rows of billing are long: to read, check and emit one is a step's work. */
static unsigned rows_a_step(const struct profile_view *v)
{
    return v->kind == &profile_billing ? 1 : 16;
}

static struct filter filter_of(const struct span *s)
{
    struct filter f;
    memcpy(&f, s->work, sizeof f);
    return f;
}

static enum reg_kind kind_of(uint16_t column)
{
    return column < REG_COUNT ? reg_kind_at(column) : REG_UNSIGNED;
}

static int64_t value_of(struct meter *m, const struct profile_view *v, const union shown *row,
                        uint32_t index)
{
    uint16_t column[COLUMNS_MAX];
    v->kind->columns(m, v->which, column);
    if (column[index] == COLUMN_CLOCK) return v->kind->time(row).s;
    int64_t value = v->kind->value(row, column[index], index);
    return kind_of(column[index]) == REG_SIGNED ? (int32_t)value : value;
}

static bool filter_has(struct meter *m, const struct profile_view *v, const struct filter *f,
                       const union shown *row)
{
    int64_t value = value_of(m, v, row, f->index);
    return value >= f->from && value <= f->to;
}

static enum dar count_rows(struct meter *m, const struct profile_view *v, struct span *s)
{
    union shown row;
    struct filter f = filter_of(s);
    unsigned most = rows_a_step(v);
    for (unsigned i = 0; i < most && s->work[W_ROW] < f.next; i++, s->work[W_ROW]++) {
        int err = v->kind->read(m, v->which, s->work[W_ROW], &row);
        if (err == E_IO) return DAR_HW;
        if (!err && filter_has(m, v, &f, &row)) s->work[W_INDEX]++;
    }
    if (s->work[W_ROW] < f.next) return DAR_PENDING;
    s->end = s->work[W_INDEX];
    s->work[W_STATE] = RANGE_FILTERED;
    s->work[W_ROW] = f.first;
    s->work[W_INDEX] = 0;
    return DAR_OK;
}

static struct scan scan_of(const struct span *s)
{
    struct scan q;
    memcpy(&q, s->work, sizeof q);
    return q;
}

/* Elements 0 .. rows - 1; which number each has is found again as they are emitted. */
static enum dar search(struct meter *m, struct span *s)
{
    struct scan q = scan_of(s);
    int err = scan_step(m, &q);
    memcpy(s->work, &q, sizeof q);
    if (err == E_BUSY) return DAR_PENDING;
    if (err) return err;
    s->work[W_STATE] = RANGE_FOUND;
    s->work[W_ROW] = scan_first(&q);
    s->work[W_INDEX] = 0;
    s->end = q.rows;
    return DAR_OK;
}

/* Bounds of the clock, as octet-string or date-time; wildcards: the earliest and the latest. */
static enum dar read_bound(struct meter *m, struct axdr_in in, bool last, utc_t *u)
{
    uint8_t dt[12];
    axdr_read_datetime(&in, dt);
    if (!axdr_is_done(&in)) return DAR_TYPE;
    if (be_get16(dt) == 0xFFFF) be_put16(dt, last ? CAL_YEAR_MAX : CAL_YEAR_MIN);
    if (dt[2] == 0xFF) dt[2] = last ? 12 : 1;
    if (dt[3] == 0xFF) dt[3] = last ? cal_month_days(be_get16(dt), dt[2]) : 1;
    if (dt[5] == 0xFF) dt[5] = last ? 23 : 0;
    if (dt[6] == 0xFF) dt[6] = last ? 59 : 0;
    if (dt[7] == 0xFF) dt[7] = last ? 59 : 0;
    return moment_get(m, dt, u) ? DAR_TYPE : DAR_OK;
}

static int column_index(const uint16_t *column, unsigned n, uint16_t wanted)
{
    for (unsigned i = 0; i < n; i++)
        if (column[i] == wanted) return (int)i;
    return E_NONE;
}

static enum dar select_columns(struct cosem_range *r, const uint16_t *column, unsigned n,
                               struct cols *cols)
{
    if (r->n_columns == 0) cols_add(cols, 0, n);
    for (uint32_t i = 0; i < r->n_columns; i++) {
        struct cosem_capture c;
        if (cosem_read_capture(&r->columns, &c)) return DAR_TYPE;
        int id = model_column_of(&c);
        int at = id < 0 ? id : column_index(column, n, (uint16_t)id);
        if (at < 0) return DAR_OTHER;
        cols_add(cols, (unsigned)at, (unsigned)at + 1);
    }
    return DAR_OK;
}

/* A bound of a column that is no clock: a number of any type, or a moment. */
static enum dar read_value(struct meter *m, struct axdr_in in, bool is_time, bool last,
                           int64_t *v)
{
    utc_t u;
    if (is_time) {
        enum dar dar = read_bound(m, in, last, &u);
        if (dar == DAR_OK) *v = u.s;
        return dar;
    }
    *v = axdr_read_number(&in, NULL);
    return axdr_is_done(&in) ? DAR_OK : DAR_TYPE;
}

static bool is_number(int column)
{
    return column != COLUMN_CHANGED && column != COLUMN_DIGEST && column != COLUMN_TOKEN &&
           column != COLUMN_TOKEN_STATUS;
}

/* Restricted by another column than the clock. */
static enum dar open_filter(struct meter *m, const struct profile_view *v,
                            struct cosem_range *r, const uint16_t *column, unsigned n,
                            struct span *s)
{
    struct filter f = { .from = 0 };
    int by = model_column_of(&r->by);
    int index = by < 0 ? by : column_index(column, n, (uint16_t)by);
    if (index < 0 || !is_number(by)) return DAR_OTHER;
    bool is_time = kind_of((uint16_t)by) == REG_TIME;
    f.index = (uint32_t)index;
    enum dar dar = read_value(m, r->from, is_time, false, &f.from);
    if (dar == DAR_OK) dar = read_value(m, r->to, is_time, true, &f.to);
    if (dar == DAR_OK) dar = select_columns(r, column, n, &s->cols);
    if (dar != DAR_OK) return dar;
    v->kind->span(m, v->which, &f.first, &f.next);
    memcpy(s->work, &f, sizeof f);
    s->work[W_STATE] = RANGE_COUNT;
    s->work[W_ROW] = f.first;
    return count_rows(m, v, s);
}

static enum dar open_range(void *app, const struct profile_view *v, const struct cosem_sel *sel,
                           const uint16_t *column, unsigned n, struct span *s)
{
    struct meter *m = meter_of(app);
    struct cosem_range r;
    struct scan q = { .rows = 0 };
    utc_t from, to;
    if (s->work[W_STATE] == RANGE_SEARCH) return search(m, s);
    if (s->work[W_STATE] == RANGE_COUNT) return count_rows(m, v, s);
    enum dar dar = cosem_read_range(sel, &r);
    if (dar != DAR_OK) return dar;
    if (model_column_of(&r.by) != COLUMN_CLOCK) return open_filter(m, v, &r, column, n, s);
    dar = read_bound(m, r.from, false, &from);
    if (dar == DAR_OK) dar = read_bound(m, r.to, true, &to);
    if (dar == DAR_OK) dar = select_columns(&r, column, n, &s->cols);
    if (dar != DAR_OK) return dar;
    v->kind->scan(m, &q, v->which, from, to);
    memcpy(s->work, &q, sizeof q);
    s->work[W_STATE] = RANGE_SEARCH;
    return search(m, s);
}

static enum dar open_entry(void *app, const struct profile_view *v, const struct cosem_sel *sel,
                           unsigned n, struct span *s)
{
    struct cosem_entry e;
    uint32_t first = 0, next = 0;
    enum dar dar = cosem_read_entry(sel, &e);
    if (dar != DAR_OK) return dar;
    v->kind->span(meter_of(app), v->which, &first, &next);
    uint32_t rows = next - first, to = e.to == 0 || e.to > rows ? rows : e.to;
    uint16_t last = e.last == 0 || e.last > n ? (uint16_t)n : e.last;
    if (e.from > to || e.first > last) return DAR_OK;
    cols_add(&s->cols, e.first - 1u, last);
    s->next = first + e.from - 1;
    s->end = first + to;
    return DAR_OK;
}

static enum dar buffer_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                            struct span *s)
{
    const struct profile_view *v = view_of(at);
    uint16_t column[COLUMNS_MAX];
    unsigned n = v->kind->columns(meter_of(app), v->which, column);
    if (sel->selector == 1) return open_range(app, v, sel, column, n, s);
    if (sel->selector == 2) return open_entry(app, v, sel, n, s);
    if (sel->selector != 0) return DAR_SCOPE;
    cols_add(&s->cols, 0, n);
    v->kind->span(meter_of(app), v->which, &s->next, &s->end);
    return DAR_OK;
}

/* -- emitting rows ----------------------------------------------------------------------------
 */

/* The type a column has on the wire is that of the object it was taken from. */
static uint8_t column_tag(uint16_t column)
{
    switch (column) {
    case COLUMN_STATUS:
    case COLUMN_EVENT:
    case COLUMN_CLIENT:
    case COLUMN_WHAT:
    case COLUMN_TOKEN_KIND:
        return AXDR_U16;
    case COLUMN_POWER_STATE:
    case COLUMN_CHANNEL:
    case COLUMN_TOKEN_WALLET:
        return AXDR_U8;
    case COLUMN_MAGNITUDE:
    case COLUMN_DURATION:
    case COLUMN_ENERGY:
    case COLUMN_TOKEN_TID:
        return AXDR_U32;
    case COLUMN_TOKEN_DELIVERY:
        return AXDR_ENUM;
    case COLUMN_TOKEN_AMOUNT:
        return AXDR_I64;
    }
    return model_reg_tag(column);
}

/* Octets of a column in a row, where that is known without its value; else 0. */
static size_t column_size(const struct profile_view *v, uint16_t column)
{
    enum { TIME_SIZE = 14, WORD_SIZE = 5 };
    if (column < REG_MDT_P_IMPORT) return WORD_SIZE; /* energies and maxima: most of them */
    if (column == COLUMN_CLOCK || kind_of(column) == REG_TIME) return TIME_SIZE;
    if (v->kind->emit) return 0;
    return 1 + (size_t)axdr_width(column_tag(column));
}

static void emit_column(void *app, const struct profile_view *v, const union shown *row,
                        uint16_t column, unsigned index, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    if (column == COLUMN_CLOCK) {
        emit_moment(m, o, v->kind->time(row));
        return;
    }
    if (v->kind->emit && v->kind->emit(row, column, o)) return;
    int64_t value = v->kind->value(row, column, index);
    if (kind_of(column) == REG_TIME)
        emit_moment(m, o, (utc_t){ value });
    else
        axdr_emit_int(o, column_tag(column), value);
}

/* The row that is element i: counted, or found from where the last one stood. E_BUSY: not among
 * those of this step. */
static int row_at(struct meter *m, const struct profile_view *v, uint32_t i, struct span *s,
                  union shown *row)
{
    bool filtered = s->work[W_STATE] == RANGE_FILTERED;
    if (!filtered && s->work[W_STATE] != RANGE_FOUND) return v->kind->read(m, v->which, i, row);
    struct scan q = scan_of(s);
    struct filter f = filter_of(s);
    uint32_t next = filtered ? f.next : scan_next(&q);
    if (i < s->work[W_INDEX]) { /* asked again from the start */
        s->work[W_ROW] = filtered ? f.first : scan_first(&q);
        s->work[W_INDEX] = 0;
    }
    for (unsigned n = rows_a_step(v); s->work[W_ROW] < next; s->work[W_ROW]++) {
        if (n-- == 0) return E_BUSY;
        int err = v->kind->read(m, v->which, s->work[W_ROW], row);
        if (err == E_IO || err == E_NONE) return err;
        bool inside =
            !err && (filtered ? filter_has(m, v, &f, row) : scan_has(&q, v->kind->time(row)));
        if (!inside) continue;
        if (s->work[W_INDEX] == i) return 0;
        s->work[W_INDEX]++;
    }
    return E_NONE;
}

static enum dar buffer_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                           struct axdr_out *o)
{
    const struct profile_view *v = view_of(at);
    struct meter *m = meter_of(app);
    union shown row;
    uint16_t column[COLUMNS_MAX];
    unsigned n = v->kind->columns(m, v->which, column);
    int err = row_at(m, v, i, s, &row);
    if (err == E_BUSY) return DAR_PENDING;
    if (err) return err == E_NONE ? DAR_BLOCK : DAR_HW;
    axdr_emit_struct(o, cols_count(&s->cols));
    for (unsigned c = 0; c < n && !o->full; c++) {
        if (!cols_has(&s->cols, c)) continue;
        size_t size = o->skip ? column_size(v, column[c]) : 0;
        if (size && size <= o->skip) /* it went out with an earlier block */
            o->skip -= size;
        else
            emit_column(app, v, &row, column[c], c, o);
    }
    return rows_a_step(v) == 1 ? DAR_ENOUGH : DAR_OK;
}

static const struct cosem_seq buffer_seq = { .selectors = 1 << 1 | 1 << 2,
                                             .open = buffer_open,
                                             .row = buffer_row };

/* -- the other attributes ------------------------------------------------------------------ */
static enum dar columns_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                             struct span *s)
{
    uint16_t column[COLUMNS_MAX];
    if (sel->selector) return DAR_SCOPE;
    s->end = view_of(at)->kind->columns(meter_of(app), view_of(at)->which, column);
    return DAR_OK;
}

static enum dar columns_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                            struct axdr_out *o)
{
    const struct profile_view *v = view_of(at);
    uint16_t column[COLUMNS_MAX];
    (void)s;
    unsigned n = v->kind->columns(meter_of(app), v->which, column);
    if (i >= n) return DAR_BLOCK;
    struct cosem_capture c = model_capture_of(column[i], v);
    cosem_emit_capture(o, &c);
    return DAR_OK;
}

/* A new list is collected in the device (one writer at a time) and handed over as a whole. */
static enum dar columns_begin(void *app, const struct cosem_at *at, uint32_t rows)
{
    struct column_stage *st = &device_of(app)->columns;
    (void)at;
    if (st->open) return DAR_TEMPORARY;
    if (rows == 0 || rows > PROFILE_COLUMNS) return DAR_OTHER;
    *st = (struct column_stage){ .open = true };
    return DAR_OK;
}

static enum dar columns_put(void *app, const struct cosem_at *at, uint32_t i,
                            struct axdr_in *in)
{
    struct column_stage *st = &device_of(app)->columns;
    struct cosem_capture c;
    (void)at;
    if (cosem_read_capture(in, &c) || !axdr_is_done(in)) return DAR_TYPE;
    int id = model_column_of(&c);
    if (id < 0 || i >= PROFILE_COLUMNS) return DAR_OTHER;
    st->column[i] = (uint16_t)id;
    st->n = (uint8_t)(i + 1);
    return DAR_OK;
}

static enum dar columns_commit(void *app, const struct cosem_at *at)
{
    struct column_stage *st = &device_of(app)->columns;
    const struct profile_view *v = view_of(at);
    int err = v->kind->set_columns(meter_of(app), at->who, v->which, st->column, st->n);
    if (err != E_BUSY) st->open = false;
    return err;
}

static void columns_abort(void *app, const struct cosem_at *at)
{
    (void)at;
    device_of(app)->columns.open = false;
}

static const struct cosem_seq columns_seq = { .open = columns_open,
                                              .row = columns_row,
                                              .begin = columns_begin,
                                              .put_row = columns_put,
                                              .commit = columns_commit,
                                              .abort = columns_abort };

static const struct cosem_seq columns_fixed = { .open = columns_open, .row = columns_row };

static enum dar get_period(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_u32(o, view_of(at)->kind->period_s(meter_of(app), view_of(at)->which));
}

static enum dar set_period(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    const struct profile_view *v = view_of(at);
    uint32_t s = axdr_read_u32(in);
    if (!axdr_is_done(in)) return DAR_TYPE;
    return v->kind->set_period_s(meter_of(app), at->who, v->which, s);
}

static enum dar get_sort_method(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_enum(o, 1); /* first in, first out */
    return DAR_OK;
}

static enum dar get_sort_object(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct cosem_capture clock = model_capture_of(COLUMN_CLOCK, view_of(at));
    (void)app;
    cosem_emit_capture(o, &clock);
    return DAR_OK;
}

static enum dar get_in_use(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint32_t first = 0, next = 0;
    view_of(at)->kind->span(meter_of(app), view_of(at)->which, &first, &next);
    return axdr_emit_u32(o, next - first);
}

static enum dar get_entries(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_u32(o, view_of(at)->kind->entries(meter_of(app), view_of(at)->which));
}

static enum dar call_reset(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    return view_of(at)->kind->reset(meter_of(app), at->who, view_of(at)->which);
}

static enum dar call_capture(void *app, const struct cosem_at *at, struct axdr_in *arg,
                             struct cosem_ret *ret)
{
    (void)arg, (void)ret;
    return view_of(at)->kind->capture(meter_of(app), at->who, view_of(at)->which);
}

#define COUNTS                                                                                 \
    [COSEM_ATTR(5)] = { .get = get_sort_method },                                              \
    [COSEM_ATTR(6)] = { .get = get_sort_object }, [COSEM_ATTR(7)] = { .get = get_in_use },     \
    [COSEM_ATTR(8)] = { .get = get_entries }

const struct cosem_attr survey_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &buffer_seq },
    [COSEM_ATTR(3)] = { .seq = &columns_seq },
    [COSEM_ATTR(4)] = { .get = get_period, .set = set_period },
    COUNTS,
};
/* Logs and billing keep the columns they were made with. */
const struct cosem_attr fixed_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &buffer_seq },
    [COSEM_ATTR(3)] = { .seq = &columns_fixed },
    [COSEM_ATTR(4)] = { .get = get_period },
    COUNTS,
};
const struct cosem_method survey_method[] = {
    [COSEM_METHOD(1)] = { .call = call_reset, .ret = &cosem_order },
    [COSEM_METHOD(2)] = { .call = call_capture, .ret = &cosem_order },
};
const struct cosem_method billing_method[] = {
    [COSEM_METHOD(2)] = { .call = call_capture, .ret = &cosem_order },
};
