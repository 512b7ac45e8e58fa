/* vend.c - `magno vend`: the vending station, served over HTTP or worked from a shell. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/exit.h"
#include "tools/vend/words.h"
#include "tools/vend/operator.h"
#include "tools/vend/serve.h"
#include "tools/vend/station.h"

#define PASSPHRASE_MAX 256
#define CSV_MAX (64 << 20)

struct options {
    const char *action, *passphrase_file, *output;
    struct serve_options serve;
    json_t *input;
    bool json, demo;
    uint32_t serial, rounds;
    char db[4096];
};

/* ---- where and with which words */

/* The user's state folder, made on the way. */
static void default_db(char out[4096])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char folder[3000];
    if (state && *state == '/')
        snprintf(folder, sizeof folder, "%.2900s/magno", state);
    else
        snprintf(folder, sizeof folder, "%.2900s/.local/state/magno", home ? home : ".");
    for (char *p = folder + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        mkdir(folder, 0755);
        *p = '/';
    }
    mkdir(folder, 0700);
    snprintf(out, 4096, "%s/vend.db", folder);
}

static bool ask_secret(const char *prompt, char out[PASSPHRASE_MAX])
{
    struct termios before, quiet;
    FILE *tty = fopen("/dev/tty", "r+");
    if (tty == NULL) return false;
    fprintf(tty, "%s", prompt);
    fflush(tty);
    tcgetattr(fileno(tty), &before);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
    bool is_read = fgets(out, PASSPHRASE_MAX, tty) != NULL;
    tcsetattr(fileno(tty), TCSAFLUSH, &before);
    fputc('\n', tty);
    fclose(tty);
    if (is_read) out[strcspn(out, "\r\n")] = 0;
    return is_read;
}

static bool passphrase_from(const char *path, char out[PASSPHRASE_MAX])
{
    FILE *f = fopen(path, "r");
    if (f == NULL) return false;
    bool is_read = fgets(out, PASSPHRASE_MAX, f) != NULL;
    fclose(f);
    if (is_read) out[strcspn(out, "\r\n")] = 0;
    return is_read;
}

static void get_passphrase(const struct options *o, char out[PASSPHRASE_MAX])
{
    const char *named = getenv("MAGNO_VEND_PASSPHRASE");
    if (o->passphrase_file) {
        if (!passphrase_from(o->passphrase_file, out))
            exit(say_fail(EXIT_REFUSED, "%s cannot be read, or is empty", o->passphrase_file));
    } else if (named) {
        snprintf(out, PASSPHRASE_MAX, "%s", named);
    } else if (o->demo) {
        snprintf(out, PASSPHRASE_MAX, "demo");
    } else if (!ask_secret("Passphrase of the station: ", out)) {
        exit(say_fail(EXIT_USAGE, "give the passphrase by --passphrase-file or in "
                                  "MAGNO_VEND_PASSPHRASE"));
    }
    if (*out == 0) exit(say_fail(EXIT_USAGE, "the passphrase is empty"));
}

static int open_station(struct station *st, struct options *o)
{
    char why[200], passphrase[PASSPHRASE_MAX];
    if (o->db[0] == 0 && o->demo) snprintf(o->db, sizeof o->db, ":memory:");
    if (o->db[0] == 0) default_db(o->db);
    prctl(PR_SET_DUMPABLE, 0); /* no core file and no debugger of another process */
    get_passphrase(o, passphrase);
    int err = station_open(st, o->db, passphrase, o->rounds, why);
    wipe(passphrase, sizeof passphrase);
    if (err == E_AUTH) return say_fail(EXIT_AUTH, "%s", why);
    if (err) return say_fail(EXIT_CONNECT, "%s", why);
    if (o->demo && station_is_new(st) && station_demo(st, o->serial))
        return say_fail(EXIT_REFUSED, "the demonstration cannot be set up: %s", db_why(st->db));
    return EXIT_DONE;
}

/* ---- serving */

struct serving {
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct serve *serve;
};

/* The loop ends when nothing is left in it. */
static void stop(uv_signal_t *signal, int number)
{
    struct serving *s = signal->data;
    (void)number;
    serve_close(s->serve);
    for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&s->signals[i], NULL);
}

static bool is_local(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static void tell(const struct options *o, int port)
{
    const char *scheme = o->serve.cert ? "https" : "http";
    if (o->json) {
        json_line(
            json_pack("{s:b, s:i, s:s}", "ready", 1, "vend", port, "listen", o->serve.address));
        return;
    }
    say("serving %s://%s:%d, database %s", scheme, o->serve.address, port, o->db);
    if (o->demo)
        say("a demonstration: operators clerk, supervisor, admin, each its own password");
}

static int serve_station(struct station *st, struct options *o)
{
    struct serving s;
    if (!is_local(o->serve.address) && (o->demo || !o->serve.cert))
        return say_fail(EXIT_USAGE,
                        "beyond this machine the station is served by TLS, and not as a "
                        "demonstration: --cert FILE --key FILE");
    if (station_is_new(st))
        return say_fail(EXIT_REFUSED,
                        "nobody may log in yet: magno vend operator_put name=NAME "
                        "role=admin");
    uv_loop_init(&s.loop);
    int port = serve_open(&s.serve, &s.loop, st, &o->serve);
    if (port >= 0) {
        tell(o, port);
        for (int i = 0; i < 2; i++) {
            uv_signal_init(&s.loop, &s.signals[i]);
            s.signals[i].data = &s;
            uv_signal_start(&s.signals[i], stop, i ? SIGTERM : SIGINT);
        }
    } else {
        serve_close(s.serve);
    }
    uv_run(&s.loop, UV_RUN_DEFAULT);
    serve_end(s.serve);
    uv_loop_close(&s.loop);
    if (port >= 0) return EXIT_DONE;
    if (port == E_FORMAT)
        return say_fail(EXIT_REFUSED, "%s or %s cannot be used: PEM, a certificate and its key",
                        o->serve.cert, o->serve.key);
    return say_fail(EXIT_CONNECT, "%s:%u: %s", o->serve.address, o->serve.port,
                    port == E_BUSY     ? "in use; choose another with --port"
                    : port == E_DENIED ? "not allowed"
                                       : "cannot be listened on");
}

/* ---- answers for people */

static void print_token(const char *digits)
{
    for (size_t i = 0; digits[i]; i += 4) printf("%s%.4s", i ? " " : "", digits + i);
}

static void print_scalar(const char *name, const json_t *v)
{
    if (strcmp(name, "token") == 0 && json_is_string(v)) {
        printf("%-16s ", name);
        print_token(json_string_value(v));
        putchar('\n');
    } else if (json_is_string(v)) {
        printf("%-16s %s\n", name, json_string_value(v));
    } else if (json_is_integer(v)) {
        printf("%-16s %lld\n", name, (long long)json_integer_value(v));
    } else if (json_is_boolean(v)) {
        printf("%-16s %s\n", name, json_is_true(v) ? "yes" : "no");
    }
}

static void print_row(json_t *row)
{
    const char *name;
    json_t *v;
    bool is_first = true;
    json_object_foreach(row, name, v)
    {
        char *text =
            json_is_string(v) ? strdup(json_string_value(v)) : json_dumps(v, JSON_ENCODE_ANY);
        printf("%s%s", is_first ? "" : "  ", text && strcmp(text, "null") ? text : "-");
        free(text);
        is_first = false;
    }
    putchar('\n');
}

static void print_answer(json_t *out)
{
    const char *name;
    json_t *v, *row;
    size_t i;
    json_object_foreach(out, name, v)
    {
        if (json_is_array(v))
            json_array_foreach(v, i, row) print_row(row);
        else
            print_scalar(name, v);
    }
}

/* ---- working from the shell */

static int exit_of(int status)
{
    return status == STATION_OK ? EXIT_DONE : status == STATION_BAD ? EXIT_USAGE : EXIT_REFUSED;
}

/* Takes the answer. */
static int show(const struct options *o, json_t *out, int status)
{
    const json_t *error = json_object_get(out, "error");
    int code = exit_of(status);
    if (o->json)
        json_line(json_incref(out));
    else if (error)
        say("%s%s", json_string_value(error),
            code == EXIT_USAGE ? "; docs/vending.md explains the fields" : "");
    else
        print_answer(out);
    json_decref(out);
    return code;
}

static int export_list(const struct options *o, json_t *out)
{
    const json_t *csv = json_object_get(out, "csv");
    FILE *f = o->output ? fopen(o->output, "w") : stdout;
    if (f == NULL) return say_fail(EXIT_REFUSED, "%s cannot be written", o->output);
    fwrite(json_string_value(csv), 1, json_string_length(csv), f);
    int failed = ferror(f) || (o->output && fclose(f));
    json_decref(out);
    return failed ? say_fail(EXIT_REFUSED, "%s cannot be written", o->output) : EXIT_DONE;
}

/* "file=meters.csv" stands for its contents. */
static int load_csv(json_t *input)
{
    const char *path = json_string_value(json_object_get(input, "file"));
    struct file f;
    struct trouble t;
    if (path == NULL) return EXIT_DONE;
    if (file_read(&f, path, CSV_MAX, &t))
        return say_fail(EXIT_REFUSED, "%s cannot be read", path);
    int failed = json_object_set_new(input, "csv", json_stringn(f.text, f.size));
    file_free(&f);
    return failed ? say_fail(EXIT_REFUSED, "%s is not UTF-8; save it as CSV UTF-8", path)
                  : EXIT_DONE;
}

static int run_campaign(struct station *st, const struct options *o, json_t *started)
{
    int64_t id = json_integer_value(json_object_get(started, "campaign")), done = 0, total = 0;
    struct progress p;
    int n = 1;
    uint64_t since = say_now_ms();
    progress_start(&p, "meters", 0);
    while (n > 0) {
        n = station_rollover_step(st, id, &done, &total);
        p.total = (uint64_t)total;
        progress_set(&p, (uint64_t)done);
    }
    progress_end(&p);
    json_decref(started);
    if (n < 0)
        return say_fail(EXIT_REFUSED, "stopped after %lld of %lld meters: %s", (long long)done,
                        (long long)total, db_why(st->db));
    json_t *out = json_pack("{s:I, s:I, s:I}", "campaign", (json_int_t)id, "done",
                            (json_int_t)done, "total", (json_int_t)total);
    json_object_set_new(out, "seconds", json_real((double)(say_now_ms() - since) / 1000));
    if (!o->json)
        printf("campaign %lld: change tokens for %lld meters\n", (long long)id,
               (long long)done);
    if (o->json)
        json_line(out);
    else
        json_decref(out);
    return EXIT_DONE;
}

static int ask_password(json_t *input)
{
    char password[PASSPHRASE_MAX];
    if (json_object_get(input, "password")) return EXIT_DONE;
    if (!ask_secret("Password of the operator: ", password))
        return say_fail(EXIT_USAGE,
                        "give the password as password=..., or run this on a terminal");
    json_object_set_new(input, "password", json_string(password));
    wipe(password, sizeof password);
    return EXIT_DONE;
}

static int work(struct station *st, struct options *o)
{
    static const struct caller shell = { "shell", STATION_ADMIN };
    int status, code = EXIT_DONE;
    if (strcmp(o->action, "operator_put") == 0) code = ask_password(o->input);
    if (strcmp(o->action, "import") == 0) code = load_csv(o->input);
    if (code != EXIT_DONE) return code;
    json_t *out = station_do(st, &shell, o->action, o->input, &status);
    if (status == STATION_OK && strcmp(o->action, "rollover") == 0)
        return run_campaign(st, o, out);
    if (status == STATION_OK && strcmp(o->action, "export") == 0 && !o->json)
        return export_list(o, out);
    return show(o, out, status);
}

/* ---- command line */

enum {
    OPT_DB = 1000,
    OPT_PORT,
    OPT_LISTEN,
    OPT_CERT,
    OPT_KEY,
    OPT_PASSPHRASE,
    OPT_DEMO,
    OPT_SERIAL,
    OPT_JSON,
    OPT_ROUNDS
};

static long number(const char *text, long low, long high, struct argp_state *state)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (end == text || *end || v < low || v > high)
        argp_error(state, "'%s' is not a number from %ld to %ld", text, low, high);
    return v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case OPT_DB:
        snprintf(o->db, sizeof o->db, "%s", arg);
        return 0;
    case OPT_PORT:
        o->serve.port = (uint16_t)number(arg, 0, 65535, state);
        return 0;
    case OPT_LISTEN:
        o->serve.address = arg;
        return 0;
    case OPT_CERT:
        o->serve.cert = arg;
        return 0;
    case OPT_KEY:
        o->serve.key = arg;
        return 0;
    case OPT_PASSPHRASE:
        o->passphrase_file = arg;
        return 0;
    case OPT_DEMO:
        o->demo = true;
        return 0;
    case OPT_SERIAL:
        o->serial = (uint32_t)number(arg, 1, 99999999, state);
        return 0;
    case OPT_ROUNDS:
        o->rounds = (uint32_t)number(arg, 1, 100000000, state);
        return 0;
    case OPT_JSON:
        o->json = true;
        return 0;
    case 'o':
        o->output = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (o->action)
            words_take(&o->input, arg);
        else
            o->action = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    { "db", OPT_DB, "FILE|URL", 0,
      "SQLite file, or postgresql://user@host/name (default: vend.db in the state folder)", 1 },
    { "passphrase-file", OPT_PASSPHRASE, "FILE", 0,
      "first line: the passphrase that opens the vending keys (or MAGNO_VEND_PASSPHRASE, or "
      "asked)",
      1 },
    { "port", OPT_PORT, "PORT", 0, "of the server (default 8023, 0: any)", 2 },
    { "listen", OPT_LISTEN, "ADDR", 0, "of the server (default 127.0.0.1)", 2 },
    { "cert", OPT_CERT, "FILE", 0, "certificate for TLS, PEM", 2 },
    { "key", OPT_KEY, "FILE", 0, "its private key, PEM", 2 },
    { "demo", OPT_DEMO, NULL, 0,
      "a station to try, in memory unless --db: keys of an unconfigured meter", 3 },
    { "serial", OPT_SERIAL, "N", 0, "the demonstration's meter (default 1)", 3 },
    { "output", 'o', "FILE", 0, "write an export there", 4 },
    { "rounds", OPT_ROUNDS, "N", 0,
      "of PBKDF2 for the passphrase of a new station (default 600000)", 4 },
    { "json", OPT_JSON, NULL, 0, "print results as JSON", 4 },
    { 0 },
};

static const char doc[] =
    "The vending station: sells tokens, keeps customers, meters and vending keys.\n"
    "\n"
    "  serve (or nothing)   the page to sell from and the HTTP/JSON API\n"
    "  OPERATION name=...   one operation from the shell\n"
    "\v"
    "Operations: status, groups, group_put, keys, key_import, key_generate, tariffs, "
    "tariff_put,\n"
    "customers, customer_put, meters, meter, meter_put, quote, sell, receipt, sales, tokens, "
    "manage,\n"
    "test, key_change, rollover, rollovers, export, import, operators, operator_put, audit. "
    "Their\n"
    "fields are explained in docs/vending.md.\n"
    "\n"
    "Examples:\n"
    "  magno vend --demo                      try it: http://127.0.0.1:8023, clerk / clerk\n"
    "  magno vend operator_put name=ama role=admin\n"
    "  magno vend group_put sgc=123456 name=North\n"
    "  magno vend key_generate sgc=123456 dkga=4 krn=1 base_date=2014\n"
    "  magno vend tariff_put ti=1 name=Domestic price=0.25 vat_percent=15\n"
    "  magno vend import list=meters file=meters.csv\n"
    "  magno vend sell meter=00000000018 amount=10\n"
    "  magno vend export list=sales -o sales.csv\n"
    "  magno vend rollover from_base_date=1993 base_date=2014\n";

int vend_main(int argc, char **argv)
{
    static const struct argp argp = { options, parse, "[serve|OPERATION [FIELD=VALUE...]]",
                                      doc,     NULL,  NULL,
                                      NULL };
    struct options o = { .input = json_object(),
                         .serve = { .address = "127.0.0.1", .port = 8023 },
                         .serial = 1 };
    struct station st = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    bool is_serving = o.action == NULL || strcmp(o.action, "serve") == 0;
    int code = EXIT_DONE;
    if (!is_serving && !station_knows(o.action))
        code = say_fail(EXIT_USAGE,
                        "there is no operation '%s'; `magno vend --help` lists them", o.action);
    else if (!o.serve.cert != !o.serve.key)
        code = say_fail(EXIT_USAGE, "--cert and --key belong together");
    if (code == EXIT_DONE) code = open_station(&st, &o);
    if (code == EXIT_DONE) code = is_serving ? serve_station(&st, &o) : work(&st, &o);
    if (st.db) station_close(&st);
    json_decref(o.input);
    return code;
}
