/* expect.c - what must have come of it. */
#include <string.h>

#include "app/scenario/act.h"
#include "app/scenario/world.h"
#include "base/err.h"

static struct meter *meter_of(struct scenario *s)
{
    return &s->host.device->meter;
}

/* NULL when it holds; else what was found instead goes into `found`. */
static bool compare(int64_t is, const char *op, int64_t want, int64_t tolerance)
{
    if (word_is(op, "=")) return is >= want - tolerance && is <= want + tolerance;
    if (word_is(op, "<")) return is < want;
    if (word_is(op, ">")) return is > want;
    if (word_is(op, "<=")) return is <= want;
    return word_is(op, ">=") && is >= want;
}

static const char *judge(struct scenario *s, const struct words *w, bool holds, int64_t found)
{
    struct text t = { .n = 0 };
    for (unsigned i = 1; i < w->n; i++) {
        if (i > 1) text_put(&t, " ");
        text_put(&t, w->word[i]);
    }
    if (!holds) {
        text_put(&t, ", but found ");
        text_int(&t, found);
    }
    holds ? s->met++ : s->missed++;
    world_say(s, holds ? SAID_MET : SAID_MISSED, t.s);
    return NULL;
}

/* expect REGISTER = N [+- N] */
static const char *expect_register(struct scenario *s, const struct words *w, int id)
{
    int64_t want, tolerance = 0;
    if (w->n < 4 || !word_int(w->word[3], &want)) return "a register, = < > <= >=, a number";
    if (w->n > 5 && word_is(w->word[4], "+_") && !word_int(w->word[5], &tolerance))
        return "+- and a number";
    meter_at(meter_of(s), s->now);
    int64_t is = reg_at(&meter_of(s)->now, (uint16_t)id);
    return judge(s, w, compare(is, w->word[2], want, tolerance), is);
}

/* -- events -------------------------------------------------------------------------------- */

static int log_of(const char *word)
{
    static const char *const name[LOGS] = { "standard",   "fraud",    "relay",
                                            "none",       "quality",  "communication",
                                            "prepayment", "security", "failure",
                                            "firmware",   "power" };
    for (unsigned i = 0; i < LOGS; i++)
        if (i != LOG_NONE && word_is(word, name[i])) return (int)i;
    return -1;
}

struct wish {
    int64_t code, at_s, what, magnitude, duration; /* -1: any */
};

static bool wished(const struct wish *x, const struct event_row *e)
{
    return e->code == x->code && (x->at_s < 0 || e->time.s == x->at_s) &&
           (x->what < 0 || e->what == x->what) &&
           (x->magnitude < 0 || e->magnitude == x->magnitude) &&
           (x->duration < 0 || e->duration_s == x->duration);
}

static int64_t count_events(struct scenario *s, int log, const struct wish *x)
{
    struct event_span span = event_span(meter_of(s), (enum event_log)log);
    int64_t n = 0;
    for (uint32_t i = span.first; i < span.next; i++) {
        struct event_row e;
        n += event_read(meter_of(s), (enum event_log)log, i, &e) >= 0 && wished(x, &e);
    }
    return n;
}

/* event LOG CODE [times N] [at TIME] [what N] [magnitude N] [duration N]; `from` is the word
 * "event" */
static const char *expect_event(struct scenario *s, const struct words *w, unsigned from,
                                bool none)
{
    struct wish x = { -1, -1, -1, -1, -1 };
    int64_t times = -1;
    int log = from + 2 < w->n ? log_of(w->word[from + 1]) : -1;
    if (log < 0 || !word_int(w->word[from + 2], &x.code)) return "event LOG CODE";
    for (unsigned i = from + 3; i + 1 < w->n; i += 2) {
        const char *key = w->word[i], *v = w->word[i + 1];
        bool good = word_is(key, "times")  ? word_int(v, &times)
                    : word_is(key, "at")   ? word_time(v, &x.at_s)
                    : word_is(key, "what") ? word_int(v, &x.what)
                    : word_is(key, "magnitude")
                        ? word_int(v, &x.magnitude)
                        : word_is(key, "duration") && word_int(v, &x.duration);
        if (!good) return "times, at, what, magnitude, duration and a value";
    }
    int64_t n = count_events(s, log, &x);
    return judge(s, w, none ? n == 0 : times < 0 ? n > 0 : n == times, n);
}

/* -- rows ---------------------------------------------------------------------------------- */

/* rows SURVEY|daily|monthly = N */
static const char *expect_rows(struct scenario *s, const struct words *w)
{
    int64_t survey, want;
    struct meter *m = meter_of(s);
    if (w->n < 5 || !word_int(w->word[4], &want)) return "rows 1|2|3|daily|monthly = N";
    bool daily = word_is(w->word[2], "daily"), monthly = word_is(w->word[2], "monthly");
    if (daily || monthly) {
        struct billing_span b = billing_span(m, daily ? BILLING_DAILY : BILLING_MONTHLY);
        return judge(s, w, compare(b.next - b.first, w->word[3], want, 0), b.next - b.first);
    }
    if (!word_int(w->word[2], &survey) || survey < 1 || survey > CFG_SURVEYS)
        return "a survey, 1 to 3";
    int64_t n = profile_in_use(m, (unsigned)survey - 1);
    return judge(s, w, compare(n, w->word[3], want, 0), n);
}

static int read_row(struct meter *m, unsigned survey, int64_t index, struct profile_row *row)
{
    struct profile_span span = profile_span(m, survey);
    int64_t number = index < 0 ? (int64_t)span.next + index : (int64_t)span.first + index;
    if (number < 0 || number >= span.next) return E_NONE;
    return profile_read(m, survey, (uint32_t)number, row);
}

/* row SURVEY INDEX status|time|COLUMN = N; index 0 is the first, -1 the last */
static const char *expect_row(struct scenario *s, const struct words *w)
{
    struct profile_row row;
    int64_t survey, index, want;
    struct meter *m = meter_of(s);
    if (w->n < 7 || !word_int(w->word[2], &survey) || survey < 1 || survey > CFG_SURVEYS ||
        !word_int(w->word[3], &index))
        return "row SURVEY INDEX status|time|column N = N";
    if (read_row(m, (unsigned)survey - 1, index, &row) < 0) return judge(s, w, false, -1);
    if (word_is(w->word[4], "time")) {
        if (!word_time(w->word[6], &want)) return "a time like 2026-01-01T00:00:00Z";
        return judge(s, w, row.time.s == want, row.time.s);
    }
    if (!word_int(w->word[6], &want)) return "a number";
    if (word_is(w->word[4], "status")) return judge(s, w, row.status == want, row.status);
    int id = register_of(w->word[4]);
    uint16_t column[PROFILE_COLUMNS];
    unsigned n = profile_columns(m, (unsigned)survey - 1, column);
    for (unsigned i = 0; i < n; i++)
        if (column[i] == id)
            return judge(s, w, compare(row.value[i], w->word[5], want, 0), row.value[i]);
    return "the survey has no such column";
}

/* -- the rest ------------------------------------------------------------------------------ */

/* clock = TIME: what the meter believes */
static const char *expect_clock(struct scenario *s, const struct words *w)
{
    int64_t want;
    struct meter *m = meter_of(s);
    if (word_is(w->word[2], "valid")) return judge(s, w, clock_is_valid(&m->clock), 0);
    if (word_is(w->word[2], "invalid")) return judge(s, w, !clock_is_valid(&m->clock), 1);
    if (w->n < 4 || !word_time(w->word[3], &want))
        return "clock = TIME, clock valid, clock invalid";
    int64_t is = clock_utc(&m->clock, s->now).s;
    return judge(s, w, is == want, is);
}

/* alarm, descriptor or error REGISTER.BIT on|off */
static const char *expect_bit(struct scenario *s, const struct words *w, const uint32_t *word,
                              unsigned words)
{
    int64_t tenfold;
    if (w->n < 4 || !word_fixed(w->word[2], 2, &tenfold)) return "like 3.07 on|off";
    unsigned k = (unsigned)(tenfold / 100), bit = (unsigned)(tenfold % 100);
    if (k < 1 || k > words || bit > 31) return "a register, two digits of a bit";
    bool on = word[k - 1] >> bit & 1;
    return judge(s, w, on == word_is(w->word[3], "on"), on);
}

static const char *expect_alarm(struct scenario *s, const struct words *w)
{
    return expect_bit(s, w, meter_of(s)->alarms.set, ALARMS);
}

static const char *expect_descriptor(struct scenario *s, const struct words *w)
{
    return expect_bit(s, w, meter_of(s)->alarms.descriptor, ALARMS);
}

static const char *expect_error(struct scenario *s, const struct words *w)
{
    return expect_bit(s, w, meter_of(s)->alarms.error, ERRORS);
}

/* page "     123": the cells of the display */
static const char *expect_page(struct scenario *s, const struct words *w)
{
    struct display_page p;
    display_page(meter_of(s), s->now, &p);
    return judge(
        s, w, strlen(w->word[2]) == DISPLAY_CELLS && !memcmp(w->word[2], p.cell, DISPLAY_CELLS),
        p.page);
}

/* lamp alarm|buzzer PATTERN; pulses wh|varh|output = N */
static const char *expect_lamp(struct scenario *s, const struct words *w)
{
    int64_t want;
    if (w->n < 4 || !word_int(w->word[3], &want)) return "lamp alarm|buzzer N";
    uint8_t is = s->lamp[word_is(w->word[2], "buzzer") ? LAMP_BUZZER : LAMP_ALARM];
    return judge(s, w, is == want, is);
}

static const char *expect_pulses(struct scenario *s, const struct words *w)
{
    int64_t want;
    if (w->n < 5 || !word_int(w->word[4], &want)) return "pulses wh|varh|output = N";
    unsigned of = word_is(w->word[2], "output") ? IMPULSE_OUTPUT
                  : word_is(w->word[2], "varh") ? IMPULSE_VARH
                                                : IMPULSE_WH;
    uint64_t is = s->pulses[of];
    return judge(s, w, compare((int64_t)is, w->word[3], want, 0), (int64_t)is);
}

static const char *expect_some(struct scenario *s, const struct words *w)
{
    return expect_event(s, w, 1, false);
}

static const char *expect_none(struct scenario *s, const struct words *w)
{
    return expect_event(s, w, 2, true);
}

/* relay open|closed: the contact itself, whatever the meter believes */
static const char *expect_relay(struct scenario *s, const struct words *w)
{
    bool closed = w->n > 2 && word_is(w->word[2], "closed");
    if (!closed && (w->n < 3 || !word_is(w->word[2], "open"))) return "open or closed";
    return judge(s, w, s->relay.closed == closed, s->relay.closed);
}

const struct scenario_verb scenario_expectations[] = {
    { "event", 0, false, expect_some },
    { "no", 0, false, expect_none },
    { "rows", 0, false, expect_rows },
    { "row", 0, false, expect_row },
    { "clock", 0, false, expect_clock },
    { "alarm", 0, false, expect_alarm },
    { "descriptor", 0, false, expect_descriptor },
    { "error", 0, false, expect_error },
    { "page", 0, false, expect_page },
    { "lamp", 0, false, expect_lamp },
    { "pulses", 0, false, expect_pulses },
    { "relay", 0, true, expect_relay },
    { NULL, 0, false, NULL },
};

const char *act_expect(struct scenario *s, const struct words *w)
{
    for (const struct scenario_verb *v = scenario_expectations; v->word; v++)
        if (word_is(w->word[1], v->word)) return v->act(s, w);
    int id = register_of(w->word[1]);
    return id < 0 ? "no such register or expectation" : expect_register(s, w, id);
}
