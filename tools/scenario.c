/* scenario.c - `magno scenario`: play stories to a meter in simulated time. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/scenario/scenario.h"
#include "base/err.h"
#include "port/common/nor_mem.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/exit.h"

enum {
    O_FLASH = 0x200,
    O_BUSY,
    O_SEED,
    SESSIONS = 1,
    APDU = 512,
    FLASH_SIZE = 8 << 20,
    SCRIPT_MAX = 1 << 20
};

struct request {
    const char *flash;
    char **files;
    int count;
    bool json, quiet, busy, has_seed;
    uint64_t seed;
};

static const struct argp_option options[] = {
    { "json", 'j', NULL, 0, "One JSON object a line", 0 },
    { "quiet", 'q', NULL, 0, "Say only what does not hold, and the end", 0 },
    { "flash", O_FLASH, "FILE", 0, "Keep the meter's memory as the story left it", 0 },
    { "busy", O_BUSY, NULL, 0, "Flash takes the time of a real chip; the hashes stay", 0 },
    { "seed", O_SEED, "N", 0, "Of everything random, instead of the story's own", 0 },
    { 0 },
};

static const char doc[] =
    "Play stories to a meter in simulated time and check what comes of them.\v"
    "A story is a text: what happens around the meter, what it is ordered, what must hold "
    "(docs/scenarios.md). It starts with a blank memory. The two hashes at the end, of all "
    "that was "
    "said and of the memory, are the same on every target.\n\n"
    "Example:\n"
    "  magno scenario tests/scenario/stories/outage.txt\n\n"
    "Exit status: 0 everything held, 1 something did not, 2 wrong usage.";

static bool parse_seed(const char *arg, uint64_t *seed)
{
    char *end;
    errno = 0;
    *seed = strtoull(arg, &end, 10);
    return *arg >= '0' && *arg <= '9' && !*end && !errno;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case 'j':
        return r->json = true, 0;
    case 'q':
        return r->quiet = true, 0;
    case O_BUSY:
        return r->busy = true, 0;
    case O_SEED:
        if (!parse_seed(arg, &r->seed)) argp_error(state, "--seed: a number from 0 on");
        return r->has_seed = true, 0;
    case O_FLASH:
        return r->flash = arg, 0;
    case ARGP_KEY_ARGS:
        r->files = state->argv + state->next;
        r->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "name a story");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* -- one meter ----------------------------------------------------------------------------- */

struct bench {
    struct scenario scenario;
    struct device device;
    struct dlms_pool pool;
    struct dlms_session session[SESSIONS];
    uint8_t buffers[DLMS_POOL_BYTES(SESSIONS, APDU, APDU)];
    struct regs frozen[SESSIONS];
    struct store_scratch scratch;
    struct nor_mem nor;
    uint8_t flash[FLASH_SIZE];
    const struct request *request;
    char *at;
    const char *end, *file;
};

static int next_line(void *ctx, char *dst, size_t cap)
{
    struct bench *b = ctx;
    char *line = file_line(&b->at, b->end);
    if (!line) return E_NONE;
    size_t n = strlen(line);
    if (n >= cap) return E_SPACE;
    memcpy(dst, line, n + 1);
    return 0;
}

static const char *const kind_name[] = { "event", "note", "value", "holds", "MISSED", "WRONG" };

static void say_json(const struct scenario_said *x, const char *file, const char *time)
{
    json_t *o = json_object();
    json_object_set_new(o, "file", json_string(file));
    json_object_set_new(o, "line", json_integer(x->line));
    json_object_set_new(o, "time", json_string(time));
    json_object_set_new(o, "kind", json_string(kind_name[x->kind]));
    json_object_set_new(o, "text", json_string(x->text));
    json_line(o);
}

static void said(void *ctx, const struct scenario_said *x)
{
    const struct bench *b = ctx;
    char time[32];
    struct civil c = cal_civil(x->utc_s);
    snprintf(time, sizeof time, "%04u-%02u-%02uT%02u:%02u:%02uZ", c.year, c.month, c.day,
             c.hour, c.minute, c.second);
    if (b->request->quiet && x->kind < SAID_MISSED) return;
    if (b->request->json)
        say_json(x, b->file, time);
    else
        printf("%s:%u: %s %-6s %s\n", b->file, x->line, time, kind_name[x->kind], x->text);
}

static int entropy_get(void *ctx, uint8_t *dst, size_t n)
{
    (void)ctx;
    memset(dst, 0x22, n);
    return 0;
}

static int root_key(void *ctx, uint8_t key[16])
{
    (void)ctx;
    memset(key, 0x22, 16);
    return 0;
}

static const struct entropy entropy = { .get = entropy_get };

static struct scenario_end play(struct bench *b, struct file *f)
{
    memset(b->flash, 0xFF, sizeof b->flash);
    nor_mem_init(&b->nor, b->flash, FLASH_SIZE,
                 b->request->busy ? NOR_TIMES_TYPICAL : (struct nor_times){ 0, 0 });
    dlms_pool_init(&b->pool, b->session, SESSIONS, b->buffers, APDU, APDU);
    b->at = f->text;
    b->end = f->text + f->size;
    const struct scenario_host host = {
        .ctx = b,
        .line = next_line,
        .say = said,
        .device = &b->device,
        .has_seed = b->request->has_seed,
        .seed = b->request->seed,
        .cfg = { .meter = &cfg_single_phase,
                 .secrets = &device_development,
                 .firmware = "magno22-" MAGNO_VERSION,
                 .hardware = "scenario",
                 .pool = &b->pool,
                 .frozen = b->frozen },
        .io = { .nor = &b->nor.nor,
                .scratch = &b->scratch,
                .entropy = &entropy,
                .root_key = root_key },
    };
    return scenario_run(&b->scenario, &host);
}

static void tell_end(const struct bench *b, const struct scenario_end *e)
{
    if (!b->request->json) {
        printf("%s: %u hold, %u do not; trace %08X, flash %08X\n", b->file, e->met, e->missed,
               e->trace, e->flash);
        return;
    }
    char trace[9], flash[9];
    snprintf(trace, sizeof trace, "%08X", e->trace);
    snprintf(flash, sizeof flash, "%08X", e->flash);
    json_line(json_pack("{s:s,s:i,s:i,s:s,s:s}", "file", b->file, "hold", (int)e->met, "missed",
                        (int)e->missed, "trace", trace, "flash", flash));
}

static int keep(const struct bench *b, const char *path)
{
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(b->flash, 1, sizeof b->flash, f) == sizeof b->flash;
    if (f && fclose(f)) good = false;
    return good ? EXIT_DONE : say_fail(EXIT_REFUSED, "cannot write %s", path);
}

static int one(struct bench *b, const char *path)
{
    struct file f;
    struct trouble t;
    if (file_read(&f, path, SCRIPT_MAX, &t) < 0) return say_fail(EXIT_REFUSED, "%s", t.text);
    b->file = path;
    struct scenario_end e = play(b, &f);
    file_free(&f);
    tell_end(b, &e);
    int code = e.missed ? EXIT_REFUSED : EXIT_DONE;
    return b->request->flash && !code ? keep(b, b->request->flash) : code;
}

int scenario_main(int argc, char **argv)
{
    static const struct argp argp = { options, parse, "FILE...", doc, NULL, NULL, NULL };
    struct request r = { 0 };
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    struct bench *b = calloc(1, sizeof *b);
    if (!b) return say_fail(EXIT_REFUSED, "out of memory");
    b->request = &r;
    int code = EXIT_DONE;
    for (int i = 0; i < r.count; i++) {
        int err = one(b, r.files[i]);
        if (err) code = err;
    }
    free(b);
    return code;
}
