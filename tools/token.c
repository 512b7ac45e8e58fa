/* token.c - `magno token`: keys and STS tokens by hand, by script, by the million. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/common/suggest.h"
#include "tools/exit.h"
#include "tools/vend/words.h"
#include "tools/vend/tokens.h"

struct options {
    const char *action;
    bool batch, json;
    json_t *input; /* gathered from the command line */
    bool is_given, is_file;
};

/* ---- output */

struct shower {
    bool json, is_batch;
    int blame, code; /* what a wrong field is here; what came of it all */
};

/* "23716100501183194197" in groups of four, as receipts have it. */
static void print_token(const char *name, const char *digits)
{
    printf("%-16s", name);
    for (size_t i = 0; digits[i]; i += 4) printf(" %.4s", digits + i);
    putchar('\n');
}

static void print_value(const char *name, const json_t *v)
{
    if (json_is_string(v) && strcmp(name, "token") == 0 && strlen(json_string_value(v)) == 20)
        print_token(name, json_string_value(v));
    else if (json_is_string(v))
        printf("%-16s %s\n", name, json_string_value(v));
    else if (json_is_boolean(v))
        printf("%-16s %s\n", name, json_is_true(v) ? "yes" : "no");
    else
        printf("%-16s %lld\n", name, (long long)json_integer_value(v));
}

static void print_values(json_t *out)
{
    const char *name;
    json_t *v;
    json_object_foreach(out, name, v) if (!json_is_array(v)) print_value(name, v);
}

/* The tokens of a key change stand in a list, each an object. */
static void print_object(json_t *out)
{
    size_t i;
    json_t *token;
    print_values(out);
    json_array_foreach(json_object_get(out, "tokens"), i, token)
    {
        putchar('\n');
        print_values(token);
    }
}

/* Takes the object. */
static void show(void *ctx, json_t *out)
{
    struct shower *s = ctx;
    const json_t *error = json_object_get(out, "error");
    bool is_foreign = json_is_false(json_object_get(out, "crc_ok"));
    if (error || is_foreign) s->code = error ? s->blame : EXIT_REFUSED;
    char line[4096];
    size_t n = s->is_batch ? json_dumpb(out, line, sizeof line - 1, JSON_COMPACT) : 0;
    if (n > 0 && n < sizeof line) {
        line[n] = '\n';
        fwrite(line, 1, n + 1, stdout);
        json_decref(out);
        return;
    }
    if (s->json) {
        json_line(out);
        return;
    }
    if (error)
        say("%s%s", json_string_value(error),
            s->blame == EXIT_USAGE ? "; `magno token --help` explains the fields" : "");
    else
        print_object(out);
    if (is_foreign) say("the checksum is wrong: another key, or a slip in the digits");
    json_decref(out);
}

static void show_step(void *ctx, json_t *out)
{
    struct shower *s = ctx;
    if (s->json || json_object_get(out, "error")) {
        show(s, out);
        return;
    }
    printf("%2lld. %s  %-14s %lld.%lld kWh  %s/1e5 currency  (%s)\n",
           (long long)json_integer_value(json_object_get(out, "step")),
           json_string_value(json_object_get(out, "token")),
           json_string_value(json_object_get(out, "result_name")),
           (long long)json_integer_value(json_object_get(out, "credit_kwh_tenths")) / 10,
           llabs((long long)json_integer_value(json_object_get(out, "credit_kwh_tenths"))) % 10,
           json_string_value(json_object_get(out, "credit_currency_1e5")),
           json_string_value(json_object_get(out, "words")));
    json_decref(out);
}

/* ---- actions */

static const struct {
    const char *name;
    json_t *(*run)(const json_t *in);
} actions[] = {
    { "key", tokens_key },
    { "make", tokens_make },
    { "decode", tokens_decode },
    { "play", NULL },
};

static void play_all(struct shower *s, const json_t *list)
{
    json_t *each;
    size_t i;
    json_array_foreach(list, i, each) tokens_play(each, show_step, s);
}

/* A scenario, a list of them, or an object with a list of them ("cases"), or a list of such
 * ("scenarios"). */
static void play(struct shower *s, const json_t *in)
{
    const json_t *scenarios = json_object_get(in, "scenarios");
    json_t *each;
    size_t i;
    if (json_is_array(scenarios))
        json_array_foreach(scenarios, i, each) play_all(s, json_object_get(each, "cases"));
    else if (json_object_get(in, "cases"))
        play_all(s, json_object_get(in, "cases"));
    else if (json_is_array(in))
        play_all(s, in);
    else
        tokens_play(in, show_step, s);
}

static int action_of(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(actions[i].name, name) == 0) return i;
    return -1;
}

static void run_one(struct shower *s, int action, const json_t *in)
{
    if (actions[action].run)
        show(s, actions[action].run(in));
    else
        play(s, in);
}

static void run_line(struct shower *s, int action, const char *line, size_t n)
{
    json_error_t error;
    if (n == strspn(line, " \t\r\n")) return;
    json_t *in = json_loadb(line, n, 0, &error);
    if (in)
        run_one(s, action, in);
    else
        show(s, json_error_new(error.text));
    json_decref(in);
}

/* Reads by the block, and shows what there is before it waits for more: a pipe that asks line
 * by line gets its answers, a file is not slowed down. */
static int run_batch(struct shower *s, int action)
{
    size_t size = 1 << 16, used = 0;
    char *buf = malloc(size + 1);
    ssize_t got = 1;
    while (buf && got > 0) {
        char *line = buf, *end;
        fflush(stdout);
        got = read(STDIN_FILENO, buf + used, size - used);
        used += got > 0 ? (size_t)got : 0;
        buf[used] = 0;
        for (; (end = memchr(line, '\n', (size_t)(buf + used - line))); line = end + 1) {
            *end = 0;
            run_line(s, action, line, (size_t)(end - line));
        }
        used -= (size_t)(line - buf);
        memmove(buf, line, used);
        if (used == size) buf = realloc(buf, (size *= 2) + 1);
    }
    if (buf == NULL) return say_fail(EXIT_REFUSED, "out of memory");
    buf[used] = 0;
    run_line(s, action, buf, used);
    free(buf);
    return EXIT_DONE; /* what was wrong stands in the line that was wrong */
}

static int run(struct options *o)
{
    struct shower s = { o->json || o->batch, o->batch, EXIT_USAGE, EXIT_DONE };
    int action = o->action ? action_of(o->action) : -1;
    if (o->action == NULL)
        return say_fail(EXIT_USAGE, "say what to do: key, make, decode or play; "
                                    "`magno token --help` shows examples");
    if (action < 0)
        return say_fail(EXIT_USAGE, "there is no '%s'; it is key, make, decode or play",
                        o->action);
    if (o->batch) return run_batch(&s, action);
    if (!o->is_given) {
        if (isatty(STDIN_FILENO))
            return say_fail(EXIT_USAGE, "give fields as name=value, JSON, or a file");
        json_decref(o->input);
        o->input = words_file(NULL);
        o->is_file = true;
    }
    if (o->is_file) s.blame = EXIT_REFUSED; /* the data's fault, not the caller's */
    run_one(&s, action, o->input);
    return s.code;
}

/* ---- command line */

/* A slip of the pen must not make another token: name=value is refused where nothing asks for the name. JSON
 * may hold more than is asked for, as the vectors do. */
static const char *const fields[] = {
    "dkga",        "vending_key", "base_date",
    "meter_pan",   "drn",         "kt",
    "sgc",         "ti",          "krn",
    "decoder_key", /* so far inside a key as well; `key` takes them without */
    "ea",          "class",       "subclass",
    "token",       "tid",         "issue_utc",
    "special",     "rnd",         "requested_amount",
    "value_field", "units_1e5",   "requested_tenths",
    "control",     "mfr_code",    "index",
    "data",        "ken",         "ro",
    "tokens"
};
enum { KEY_FIELDS = 10 };

static void check_name(const char *arg)
{
    const char *equals = strchr(arg, '='), *dot = strchr(arg, '.'), *near = NULL;
    if (*arg == '{' || *arg == '[' || !equals || !strncmp(arg, "initial.", 8)) return;
    bool inside = dot && dot < equals;
    bool is_key = inside && (!strncmp(arg, "key.", 4) || !strncmp(arg, "new_key.", 8));
    const char *from = inside ? dot + 1 : arg;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(equals - from), from);
    size_t best = sizeof name;
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t away = suggest_distance(name, fields[i]);
        bool fits = inside ? is_key && i < KEY_FIELDS : true;
        if (away == 0 && fits) return;
        if (fits && away < best && suggest_is_near(name, away)) best = away, near = fields[i];
    }
    int shown = (int)(equals - arg), before = (int)(from - arg);
    if (near)
        exit(say_fail(EXIT_USAGE, "there is no field '%.*s'; did you mean '%.*s%s'?", shown,
                      arg, before, arg, near));
    exit(say_fail(EXIT_USAGE, "there is no field '%.*s'; `magno token --help` names them",
                  shown, arg));
}

enum { OPT_BATCH = 1000, OPT_JSON };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case OPT_BATCH:
        o->batch = true;
        return 0;
    case OPT_JSON:
        o->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->action)
            o->is_given = true, check_name(arg), o->is_file |= words_take(&o->input, arg);
        else
            o->action = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    { "batch", OPT_BATCH, NULL, 0, "read one JSON object a line, answer one a line", 0 },
    { "json", OPT_JSON, NULL, 0, "print the result as JSON", 0 },
    { 0 },
};

static const char doc[] =
    "Decoder keys and STS tokens (IEC 62055-41).\n"
    "\n"
    "  key     derive a decoder key from a vending key\n"
    "  make    make a token, or with new_key the tokens of a key change\n"
    "  decode  say what a token holds, under a key\n"
    "  play    enter tokens into a meter, and show what it says and holds\n"
    "\v"
    "INPUT is name=value (dots reach inside: key.sgc=123456), a JSON object, a\n"
    "file with one, or - for standard input. Digits alone are the token.\n"
    "\n"
    "Fields:\n"
    "  ea (07, 11), class, subclass, issue_utc or tid, rnd, special\n"
    "  key.decoder_key, or key.dkga (01 to 04), key.vending_key, key.base_date\n"
    "    (1993, 2014, 2035), key.meter_pan or key.drn, key.kt, .sgc, .ti, .krn\n"
    "  requested_amount (kWh, W, currency), value_field, requested_tenths or\n"
    "    units_1e5; index and data; control and mfr_code\n"
    "  new_key.*, ken, ro, tokens (2 or 3)\n"
    "All are explained in docs/tokens.md.\n"
    "\n"
    "Examples, 10 kWh for meter 00000000018:\n"
    "  magno token make class=0 subclass=0 requested_amount=10 \\\n"
    "      key.dkga=02 key.vending_key=abababababababab key.base_date=2014 \\\n"
    "      key.drn=00000000018 key.sgc=123456 key.ti=01 key.krn=1\n"
    "  magno token decode decoder_key=e653341f9d5bf36f 2371 6100 5011 8319 4197\n"
    "  magno token make --batch < orders.jsonl > tokens.jsonl\n"
    "  magno token play --json scenario.json\n";

int token_main(int argc, char **argv)
{
    static const struct argp argp = { options, parse, "key|make|decode|play [INPUT...]",
                                      doc,     NULL,  NULL,
                                      NULL };
    struct options o = { .input = json_object() };
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    int code = run(&o);
    json_decref(o.input);
    return code;
}
