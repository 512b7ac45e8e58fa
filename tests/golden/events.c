/* events.c - the table of events for people: docs/events.md. Prints it; with a file's name,
 * compares. */
#include "golden/doc.h"

#include "meter/event/event.h"

static const char *const log_name[LOGS] = { "standard",   "fraud",    "relay",
                                            "",           "quality",  "communication",
                                            "prepayment", "security", "failure",
                                            "firmware",   "power" };

static const char *const severity_name[] = { "notice", "warning", "alarm" };

#define A1(bit) 0
#define A2(bit) 0
#define A3(bit) 0
#define EVENT(name, code, log, also, alarm, alarm2, kind, other, severity, cause, text) cause,
static const char *const causes[] = {
#include "meter/event/events.def"
};

static void print_alarm(FILE *f, const uint8_t alarm[2])
{
    const char *comma = "";
    for (int i = 0; i < 2; i++) {
        if (!alarm[i]) continue;
        fprintf(f, "%s%d.%d", comma, alarm[i] / 32, alarm[i] % 32);
        comma = ", ";
    }
}

static void print(FILE *f)
{
    const struct event_info *e;
    fputs("# Events\n\nGenerated from `src/meter/event/events.def`; `tests/golden` checks it. "
          "Alarm: "
          "register.bit raised; what passes the filter sets the descriptor and orders push 4. "
          "An event\nthat begins something names the code of its end, and "
          "the "
          "reverse. The number of a log is the last but one field\nof its name: standard "
          "0-0:99.98.0, fraud .1, relay .2, quality .4, communication .5, prepayment .6, "
          "security "
          ".7, failure .8, firmware .9.\n\n| code | event | log | alarm | severity | kind | "
          "cause "
          "|\n|---|---|---|---|---|---|---|\n",
          f);
    for (unsigned i = 0; (e = event_table_at(i)); i++) {
        fprintf(f, "| %u | %s | %s%s%s | ", e->code, event_text(e->code), log_name[e->log],
                e->also != LOG_NONE ? ", " : "", e->also != LOG_NONE ? log_name[e->also] : "");
        print_alarm(f, e->alarm);
        fprintf(f, " | %s |", severity_name[e->severity]);
        if (e->kind == EVENT_START) fprintf(f, " begins, ends with %u", e->other);
        if (e->kind == EVENT_END) fprintf(f, " ends %u", e->other);
        fprintf(f, " | %s |\n", causes[i]);
    }
}

int main(int argc, char **argv)
{
    return doc_main(argc, argv, print, false);
}
