/* tariff.c - `magno tariff`: what a tariff scheme costs, to the last digit; and into a meter with it. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "meter/prepay/wallet.h"
#include "model/scheme.h"
#include "tools/client/connect.h"
#include "tools/client/show.h"
#include "tools/commands.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/common/when.h"
#include "tools/exit.h"
#include "tools/tariff/file.h"

enum { O_KWH = 0x300, O_DAYS, O_CONTRACT, O_DEMAND, O_TARIFF, O_PLOT, O_FROM };
enum { DIGITS = 48, POINTS = 400 };

struct options {
    struct connect_options connect;
    const char *action, *file, *kwh, *plot, *from;
    long days, contract_w, demand_w, tariff;
};

static const struct argp_option options[] = {
    { "kwh", O_KWH, "LIST", 0, "bills for these energies, as in 0,100,350.5", 0 },
    { "days", O_DAYS, "N", 0, "days of the month that have begun (30)", 0 },
    { "contract-w", O_CONTRACT, "W", 0, "contracted power (0)", 0 },
    { "demand-w", O_DEMAND, "W", 0, "maximum demand of the month (0)", 0 },
    { "tariff", O_TARIFF, "N", 0, "all energy under this tariff, 1 to 8 (1)", 0 },
    { "plot", O_PLOT, "FILE.svg", 0, "draw total and marginal cost over consumption", 0 },
    { "from", O_FROM, "TIME", 0, "write: in force from the first month that begins then", 0 },
    { 0 },
};

static const char doc[] =
    "Explain a tariff scheme and print what energy costs under it, with every component; or "
    "put "
    "it into a meter."
    "\v"
    "check refuses a scheme as the meter would, and says why. FILE is JSON with the fields of "
    "the objects 0-0:96.60.x: name, steps, service, fixed, levy, vat, subsidy "
    "(docs/tariff.md). "
    "Bills come from the meter's own code; amounts are exact, shown is rounded half up. With "
    "--json a line a bill, or the scheme without --kwh.\n"
    "write checks it likewise, writes it as the passive scheme (0-0:96.60.1), reads it back, "
    "and "
    "with --from sets when it comes into force (0-0:96.60.2). How the meter is found is told "
    "by "
    "the options of magno write.\n\n"
    "Examples:\n"
    "  magno tariff check ghana.json --kwh 25,350,750 --days 30\n"
    "  magno tariff write ghana.json --from 2026-02-01Z";

static long whole(const char *arg, long min, long max, struct argp_state *state)
{
    char *end;
    long v = strtol(arg, &end, 10);
    if (!*arg || *end || v < min || v > max)
        argp_error(state, "'%s': give a whole number from %ld to %ld", arg, min, max);
    return v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->connect;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            o->action = arg;
        else if (state->arg_num == 1)
            o->file = arg;
        else
            argp_error(state, "one file at a time");
        return 0;
    case ARGP_KEY_END:
        if (!o->action || !o->file ||
            (strcmp(o->action, "check") != 0 && strcmp(o->action, "write") != 0))
            argp_error(state, "say what to do, and with which file: check FILE, write FILE");
        return 0;
    case O_FROM:
        o->from = arg;
        return 0;
    case O_KWH:
        o->kwh = arg;
        return 0;
    case O_DAYS:
        o->days = whole(arg, 0, SCHEME_DAYS, state);
        return 0;
    case O_CONTRACT:
        o->contract_w = whole(arg, 0, SCHEME_MONTH_W, state);
        return 0;
    case O_DEMAND:
        o->demand_w = whole(arg, 0, SCHEME_MONTH_W, state);
        return 0;
    case O_TARIFF:
        o->tariff = whole(arg, 1, TARIFFS, state);
        return 0;
    case O_PLOT:
        o->plot = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* -- amounts as text ----------------------------------------------------------------------- */

/* All the digits there are: "149.4006325". */
static const char *exact_text(struct exact v, char text[DIGITS])
{
    bool minus = v.nano < 0;
    struct exact a = minus ? exact_sub(exact_of(0), v) : v;
    int n = snprintf(text, DIGITS, "%s%lld.%09lld%012lld", minus ? "-" : "",
                     (long long)(a.nano / MONEY_UNIT), (long long)(a.nano % MONEY_UNIT),
                     (long long)a.part);
    while (text[n - 1] == '0') text[--n] = 0;
    if (text[n - 1] == '.') text[--n] = 0;
    return text;
}

/* Two decimals, halves up. */
static const char *shown_text(struct exact v, char text[DIGITS])
{
    struct exact half = exact_add(v, exact_of(MONEY_UNIT / 200));
    int64_t cents = half.nano / (MONEY_UNIT / 100) - (half.nano % (MONEY_UNIT / 100) < 0);
    snprintf(text, DIGITS, "%s%lld.%02lld", cents < 0 ? "-" : "", llabs(cents) / 100,
             llabs(cents) % 100);
    return text;
}

/* -- bills --------------------------------------------------------------------------------- */

static void make_bill(const struct options *o, const struct scheme *s, uint32_t wh,
                      struct bill *b)
{
    struct month_usage u = { .days = (uint16_t)o->days,
                             .contract_w = (uint32_t)o->contract_w,
                             .demand_w = (uint32_t)o->demand_w };
    scheme_use(s, &u, (unsigned)o->tariff - 1, wh);
    scheme_bill(s, &u, b);
}

/* "350.5" kWh to Wh; the rest of the list behind it. */
static const char *next_kwh(const char *list, uint32_t *wh)
{
    uint64_t v = 0;
    unsigned digits = 0, behind = 0;
    bool dot = false;
    for (; *list && *list != ','; list++) {
        if (*list == '.' && !dot) {
            dot = true;
            continue;
        }
        if (*list < '0' || *list > '9' || ++digits > 12 || (dot && ++behind > 3)) return NULL;
        v = v * 10 + (uint64_t)(*list - '0');
    }
    for (; behind < 3; behind++) v *= 10;
    if (!digits || v > SCHEME_MONTH_KWH * UINT64_C(1000)) return NULL;
    *wh = (uint32_t)v;
    return *list ? list + 1 : list;
}

static void show_json(uint32_t wh, const struct bill *b)
{
    static const char *const name[] = { "EN", "SV", "F", "L", "S", "V", "T" };
    const struct exact *const v[] = { &b->energy,  &b->service, &b->fixed, &b->levy,
                                      &b->subsidy, &b->vat,     &b->total };
    char text[DIGITS], charge[12];
    json_t *o = json_object(), *each = json_object();
    snprintf(text, sizeof text, "%u.%03u", wh / 1000, wh % 1000);
    for (size_t n = strlen(text); text[n - 1] == '0' || text[n - 1] == '.';) {
        bool dot = text[n - 1] == '.';
        text[--n] = 0;
        if (dot) break;
    }
    json_object_set_new(o, "kwh", json_string(text));
    for (unsigned i = 0; i < 7; i++)
        json_object_set_new(o, name[i], json_string(exact_text(*v[i], text)));
    json_object_set_new(o, "shown", json_string(shown_text(b->total, text)));
    for (unsigned c = 0; c < SCHEME_CHARGES; c++)
        if (b->charge[c].nano || b->charge[c].part)
            json_object_set_new(each, tariff_charge_name(c, charge),
                                json_string(exact_text(b->charge[c], text)));
    json_object_set_new(o, "charges", each);
    json_line(o);
}

static void show_text(uint32_t wh, const struct bill *b)
{
    char t[7][DIGITS], shown[DIGITS];
    printf("%7u.%03u %14s %10s %10s %12s %12s %12s %16s %10s\n", wh / 1000, wh % 1000,
           exact_text(b->energy, t[0]), exact_text(b->service, t[1]),
           exact_text(b->fixed, t[2]), exact_text(b->levy, t[3]), exact_text(b->subsidy, t[4]),
           exact_text(b->vat, t[5]), exact_text(b->total, t[6]), shown_text(b->total, shown));
}

static int show_bills(const struct options *o, const struct scheme *s)
{
    const char *list = o->kwh;
    if (!o->connect.json)
        printf("%11s %14s %10s %10s %12s %12s %12s %16s %10s\n", "kWh", "energy", "service",
               "fixed", "levies", "subsidies", "VAT", "total", "shown");
    while (*list) {
        struct bill b;
        uint32_t wh;
        const char *behind = next_kwh(list, &wh);
        if (!behind)
            return say_fail(EXIT_USAGE,
                            "--kwh: '%s': give energies up to 1488000 with at most three "
                            "decimals, separated by commas",
                            list);
        make_bill(o, s, wh, &b);
        if (o->connect.json)
            show_json(wh, &b);
        else
            show_text(wh, &b);
        list = behind;
    }
    return EXIT_DONE;
}

/* -- the scheme in words ------------------------------------------------------------------- */

static const char *money(int64_t micro, char text[DIGITS])
{
    return exact_text(exact_of(micro * 1000), text);
}

static void explain_base(uint32_t base)
{
    char name[12];
    bool first = true;
    for (unsigned c = 0; c < SCHEME_CHARGES; c++) {
        if (!(base >> c & 1)) continue;
        bool less = c >= CHARGE_SUBSIDY;
        printf("%s%s", less ? " - " : first ? "" : " + ", tariff_charge_name(c, name));
        first = false;
    }
}

static void explain_percent(int64_t rate, uint32_t base)
{
    printf("%lld.%02lld %% of ", (long long)rate / 100, (long long)rate % 100);
    explain_base(base);
}

static void explain_steps(const struct scheme *s)
{
    char text[DIGITS];
    for (unsigned i = 0; i < s->steps; i++) {
        uint32_t from = i ? s->step[i - 1].limit_wh : 0;
        bool one = true;
        for (unsigned t = 1; t < TARIFFS; t++)
            one &= s->step[i].price[t] == s->step[i].price[0];
        printf("step %-2u above %u.%03u kWh: ", i + 1, from / 1000, from % 1000);
        for (unsigned t = 0; t < (one ? 1u : TARIFFS); t++)
            printf("%s%s", t ? ", " : "", money(s->step[i].price[t], text));
        printf(" a kWh%s%s\n", one ? "" : " by tariff",
               s->step[i].rerate ? ", for all energy of the month" : "");
    }
    for (unsigned i = 0; i < s->services; i++)
        printf("service above %u kWh: %s a month\n", i ? s->service[i - 1].limit_kwh : 0,
               money(s->service[i].amount, text));
}

static void explain_range(const char *what, uint32_t from, uint32_t to)
{
    if (from) printf(", %s above %u kWh", what, from);
    if (to) printf(", %s up to %u kWh", what, to);
}

static void explain_charges(const struct scheme *s)
{
    static const char *const per[] = { "", "a day", "a month", "a contracted kW",
                                       "a kW of maximum demand" };
    char text[DIGITS];
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++)
        if (s->fixed[i].kind)
            printf("fixed %u: %s %s\n", i + 1, money(s->fixed[i].amount, text),
                   per[s->fixed[i].kind]);
    for (unsigned i = 0; i < SCHEME_LEVIES; i++) {
        const struct price_levy *x = &s->levy[i];
        if (!x->kind) continue;
        printf("levy %u: ", i + 1);
        if (x->kind == LEVY_PERCENT || x->kind == LEVY_BASE)
            explain_percent(x->value, x->kind == LEVY_BASE ? x->base : 1u << CHARGE_ENERGY);
        else
            printf("%s %s", money(x->value, text), x->kind == LEVY_KWH ? "a kWh" : "a month");
        explain_range("only", x->min_kwh, x->max_kwh);
        printf("\n");
    }
    for (unsigned i = 0; i < SCHEME_VATS; i++)
        if (s->vat[i].rate) {
            printf("VAT %u: ", i + 1);
            explain_percent(s->vat[i].rate, s->vat[i].base);
            printf("\n");
        }
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        const struct price_subsidy *x = &s->subsidy[i];
        if (!x->kind) continue;
        printf("subsidy %u: ", i + 1);
        if (x->kind == SUBSIDY_PERCENT || x->kind == SUBSIDY_BASE)
            explain_percent(x->value, x->kind == SUBSIDY_BASE ? x->base : 1u << CHARGE_ENERGY);
        else if (x->kind == SUBSIDY_FREE)
            printf("the first %lld kWh at the price of step 1", (long long)x->value);
        else
            printf("%s %s", money(x->value, text),
                   x->kind == SUBSIDY_KWH ? "a kWh" : "a month");
        explain_range("for energy", x->from_kwh, x->to_kwh);
        if (x->eligible_kwh)
            printf(", %s beyond %u kWh", x->claw_back ? "taken back" : "no more",
                   x->eligible_kwh);
        printf("\n");
    }
}

/* -- the picture --------------------------------------------------------------------------- */

static double units(struct exact v)
{
    return (double)v.nano / (double)MONEY_UNIT;
}

static void curve(FILE *f, const char *colour, const double *y, double top, double left)
{
    fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colour);
    for (unsigned i = 0; i <= POINTS; i++)
        fprintf(f, "%.1f,%.1f ", left + 700.0 * i / POINTS, 340 - 300 * y[i] / top);
    fprintf(f, "\"/>\n");
}

static double largest(const double *y)
{
    double top = 1e-9;
    for (unsigned i = 0; i <= POINTS; i++)
        if (y[i] > top) top = y[i];
    return top;
}

/* Total, and what the last kWh cost, from nothing to beyond the last step. */
/* Of the kWh that end between two energies the one that costs, or brings, most: a step of the
 * service charge is one kWh wide. */
static double dearest_kwh(const struct options *o, const struct scheme *s, uint64_t from,
                          uint64_t to)
{
    struct bill b;
    make_bill(o, s, (uint32_t)(from < 1000 ? 0 : from - 1000), &b);
    double before = units(b.total), dearest = 0;
    for (uint64_t wh = from < 1000 ? 1000 : from; wh <= to; wh += 1000) {
        make_bill(o, s, (uint32_t)wh, &b);
        double cost = units(b.total) - before;
        if ((cost < 0 ? -cost : cost) > (dearest < 0 ? -dearest : dearest)) dearest = cost;
        before += cost;
    }
    return dearest;
}

static int plot(const struct options *o, const struct scheme *s)
{
    double total[POINTS + 1], last[POINTS + 1];
    uint32_t end = 1000000;
    for (unsigned i = 0; i + 1u < s->steps; i++) end = s->step[i].limit_wh;
    end = end > 3000000000u ? end : end / 4 * 5;
    FILE *f = fopen(o->plot, "w");
    if (!f) return say_fail(EXIT_REFUSED, "cannot write %s", o->plot);
    for (unsigned i = 0; i <= POINTS; i++) {
        struct bill b;
        make_bill(o, s, (uint32_t)((uint64_t)end * i / POINTS), &b);
        total[i] = units(b.total);
        last[i] =
            i ? dearest_kwh(o, s, (uint64_t)end * (i - 1) / POINTS, (uint64_t)end * i / POINTS)
              : 0;
    }
    last[0] = last[1];
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 820 400\" "
            "font-family=\"sans-serif\" font-size=\"13\">\n"
            "<rect width=\"820\" height=\"400\" fill=\"white\"/>\n"
            "<path d=\"M60 40V340H760V40\" fill=\"none\" stroke=\"#666\"/>\n"
            "<text x=\"60\" y=\"30\" fill=\"#0057b8\">total, up to %.2f</text>\n"
            "<text x=\"760\" y=\"30\" text-anchor=\"end\" fill=\"#b84400\">the last kWh, up to "
            "%.4f</text>\n"
            "<text x=\"60\" y=\"360\">0</text>"
            "<text x=\"760\" y=\"360\" text-anchor=\"end\">%u kWh a month</text>\n",
            largest(total), largest(last), end / 1000);
    curve(f, "#0057b8", total, largest(total), 60);
    curve(f, "#b84400", last, largest(last), 60);
    fprintf(f, "</svg>\n");
    return fclose(f) ? say_fail(EXIT_REFUSED, "cannot write %s", o->plot) : EXIT_DONE;
}

/* -- check --------------------------------------------------------------------------------- */

static int read_scheme(const struct options *o, struct scheme *s)
{
    struct trouble t;
    if (tariff_file_read(s, o->file, &t)) {
        if (o->connect.json) json_line(json_error_new(t.text));
        return say_fail(EXIT_REFUSED, "%s", t.text);
    }
    enum scheme_fault fault = scheme_check(s);
    if (!fault) return EXIT_DONE;
    if (o->connect.json) json_line(json_error_new(scheme_fault_text(fault)));
    return say_fail(EXIT_REFUSED, "%s: refused: %s", o->file, scheme_fault_text(fault));
}

static int check(const struct options *o, const struct scheme *s)
{
    if (o->connect.json && !o->kwh) json_line(tariff_file_make(s));
    if (!o->connect.json) {
        printf("%.16s\n", s->name);
        explain_steps(s);
        explain_charges(s);
    }
    int code = o->plot ? plot(o, s) : EXIT_DONE;
    return code || !o->kwh ? code : show_bills(o, s);
}

/* -- write --------------------------------------------------------------------------------- */

enum { SCHEME_ROOM = 4096 };
static const struct target passive = { .class_id = 1,
                                       .ln = { 0, 0, 96, 60, 1, 255 },
                                       .attr = 2 };
static const struct target begins = { .class_id = 1,
                                      .ln = { 0, 0, 96, 60, 2, 255 },
                                      .attr = 2 };

/* UTC, and said so. */
static void put_time(struct buf *b, utc_t u)
{
    struct civil c = cal_civil(u.s);
    uint8_t dt[12] = { 0, 0, c.month, c.day, 0xFF, c.hour, c.minute, c.second };
    struct axdr_out out = buf_room(b, 16);
    be_put16(dt, c.year);
    axdr_emit_octets(&out, dt, sizeof dt);
    buf_took(b, &out);
}

static int put(struct session *s, const struct target *to, const struct buf *data, bool json,
               bool *refused, struct trouble *t)
{
    int e = session_set(s, to, NULL, data, t);
    if (e < 0) return e;
    show_result(to, false, e, json);
    *refused |= e != 0;
    return 0;
}

/* What was written must read the same. */
static int write_scheme(const struct options *o, struct session *s, const struct scheme *scheme,
                        bool *refused, struct trouble *t)
{
    struct buf wanted = { 0 }, is = { 0 };
    struct axdr_out out = buf_room(&wanted, SCHEME_ROOM);
    emit_scheme(&out, scheme);
    buf_took(&wanted, &out);
    int e = put(s, &passive, &wanted, o->connect.json, refused, t);
    if (e == 0 && !*refused) e = session_get(s, &passive, NULL, &is, t);
    bool same = is.n == wanted.n && !memcmp(is.p, wanted.p, is.n);
    if (e == 0 && !*refused && !same) e = trouble(t, E_FORMAT, "the meter kept another scheme");
    buf_free(&wanted);
    buf_free(&is);
    return e;
}

static int write_meter(const struct options *o, const struct scheme *scheme)
{
    struct connection c;
    struct trouble t;
    struct buf when = { 0 };
    utc_t from = { 0 };
    bool refused = false;
    if (o->from && when_parse(&from, o->from, when_now()))
        return say_fail(EXIT_USAGE, "'%s' is not a time: %s", o->from, when_forms);
    int code = connect_open(&c, &o->connect);
    if (code) return code;
    int e = write_scheme(o, &c.session, scheme, &refused, &t);
    if (o->from) put_time(&when, from);
    if (o->from && e == 0 && !refused)
        e = put(&c.session, &begins, &when, o->connect.json, &refused, &t);
    buf_free(&when);
    if (e < 0) code = say_fail(e == E_FORMAT ? EXIT_REFUSED : connect_exit(e), "%s", t.text);
    connect_close(&c);
    return code ? code : refused ? EXIT_REFUSED : EXIT_DONE;
}

int tariff_main(int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &connect_argp, 0, "The meter, for write:", 2 }, { 0 }
    };
    static const struct argp argp = { options, parse, "check|write FILE", doc, children, 0, 0 };
    struct options o = { .days = 30, .tariff = 1 };
    struct scheme s;
    connect_defaults(&o.connect);
    argp_parse(&argp, argc, argv, 0, 0, &o);
    int code = read_scheme(&o, &s);
    if (code) return code;
    return strcmp(o.action, "write") ? check(&o, &s) : write_meter(&o, &s);
}
