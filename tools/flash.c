/* flash.c - `magno flash`: what lies on a meter's flash image, read as the meter itself does.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "meter/event/event.h"
#include "meter/hot.h"
#include "meter/meter.h"
#include "port/common/nor_mem.h"
#include "store/image.h"
#include "store/keys.h"
#include "store/params.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/hex.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/common/when.h"
#include "tools/exit.h"

enum { O_JSON = 0x200, CHIP = 2048 * NOR_SECTOR, INPUT_MAX = 64 << 20 };

/* The names of the rings, in the order of enum series_id. */
static const char *const ring_name[SERIES_IDS] = {
    "survey-1",    "survey-2",     "survey-3",          "log-standard",   "log-fraud",
    "log-relay",   "log-quality",  "log-communication", "log-prepayment", "log-security",
    "log-failure", "log-firmware", "log-power",         "tokens",         "changes",
    "monthly",     "daily",        "credits",           "charges",
};

/* The kinds of records, in the order of enum hot; one that is missing is told by its number. */
static const char *const record_name[HOT_END - HOT_CELLS] = {
    "cells",    "energy", "demand",  "ring",    "maxima", "reset",   "counters",
    "stamps",   "bases",  "clock",   "surveys", "gasp",   "billing", "alarms",
    "logs",     "tariff", "input",   "scalar",  "octets", "columns", "secure",
    "supply",   "wallet", "accrued", "tids",    "locks",  "token",   "spent",
    "limiters", "period", "fund",    "debt",    "pushes", "quality",
};

static const char *const note_name[] = {
    [STORE_RETIRED] = "a sector failed and was retired",
    [STORE_MENDED] = "one wrong bit was mended",
    [STORE_FORGOT] = "params (0) or keys (1) were not found",
    [STORE_FULL] = "a ring has no good sector left",
    [STORE_LOST] = "the journal has no good segment left",
};

struct request {
    const char *verb, *file, *part;
    bool json, is_dumping; /* records are printed as they are replayed */
    unsigned records, damaged, noted[sizeof note_name / sizeof *note_name];
    struct nor_mem nor;
    struct store_app app;
    struct store_scratch scratch;
    struct meter meter;
};

static const struct argp_option options[] = {
    { "json", O_JSON, NULL, 0, "One JSON object a line on standard output", 0 },
    { 0 },
};

static const char doc[] =
    "Explain the image of a meter's flash.\v"
    "info FILE         what the parts hold: rows, room, times, registers\n"
    "check FILE        read every row, value and key as the meter would; exit status 1 when "
    "one "
    "is damaged\n"
    "dump FILE [PART]  each record, row and value in hexadecimal; of keys only which there "
    "are\n\n"
    "PART is journal, params, keys, image, survey-1 .. survey-3, log-standard, log-fraud, "
    "log-relay, log-quality, log-communication, log-prepayment, log-security, log-failure, "
    "log-firmware, log-power, tokens, changes, monthly or daily; without it, all of them.\n\n"
    "FILE is what `magno run --flash FILE` keeps, or QEMU's memory file: its first 8 MiB are "
    "read, and never written: power-up, which is all the recovery there is, happens to a copy. "
    "What every octet means is in docs/formats.md.\n\n"
    "Examples:\n"
    "  magno flash info flash.bin\n"
    "  magno flash check flash.bin && echo sound\n"
    "  magno flash dump flash.bin log-power\n"
    "  magno flash dump flash.bin survey-1 --json | tail -n 96";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (!r->verb)
            r->verb = arg;
        else if (!r->file)
            r->file = arg;
        else if (!r->part && strcmp(r->verb, "dump") == 0)
            r->part = arg;
        else
            argp_error(state, "'%s' is one word too many", arg);
        return 0;
    case ARGP_KEY_END:
        if (!r->file) argp_error(state, "say info, check or dump, and a file");
        return 0;
    case O_JSON:
        return r->json = true, 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* -- a copy of the chip, and power for it ------------------------------------------------- */

static bool is_wanted(const struct request *r, const char *part)
{
    return !r->part || strcmp(r->part, part) == 0;
}

static void show_octets(const struct request *r, const char *part, const char *what,
                        uint32_t number, const uint8_t *p, size_t n)
{
    char *hex = hex_text(p, n);
    if (r->json)
        json_line(json_pack("{s:s,s:s,s:I,s:s}", "part", part, "what", what, "number",
                            (json_int_t)number, "octets", hex));
    else
        printf("%-17s %-26s %10u  %s\n", part, what, number, hex);
    free(hex);
}

static void replay(void *ctx, uint8_t type, const uint8_t *body, size_t n)
{
    struct request *r = ctx;
    if (r->is_dumping && is_wanted(r, "journal")) {
        const char *name = type < HOT_END ? record_name[type - HOT_CELLS] : NULL;
        char number[8];
        snprintf(number, sizeof number, "%02X", type);
        show_octets(r, "journal", name ? name : number, r->records, body, n);
    }
    r->records++;
    hot_replay(&r->meter, type, body, n);
}

static void note(void *ctx, enum store_note what, uint32_t detail)
{
    struct request *r = ctx;
    r->noted[what]++;
    if (strcmp(r->verb, "check") == 0 && what != STORE_MENDED)
        say("%s (%u)", note_name[what], detail);
}

static int checkpoint(void *ctx, unsigned piece, uint8_t *type, uint8_t body[JOURNAL_BODY_MAX])
{
    struct request *r = ctx;
    return hot_checkpoint(&r->meter, piece, type, body);
}

/* The chip as it is after power-up. 0, or 1: it is blank. */
static int power_up(struct request *r, const struct file *f, uint8_t *image, struct trouble *t)
{
    struct meter_io io = { .nor = &r->nor.nor, .scratch = &r->scratch };
    memcpy(image, f->text, CHIP);
    nor_mem_init(&r->nor, image, CHIP, (struct nor_times){ 0, 0 });
    r->app = (struct store_app){ r, checkpoint, replay, note, NULL, 0 };
    meter_init(&r->meter, &cfg_single_phase, &io);
    store_init(&r->meter.store, &store_map, &r->nor.nor, &r->scratch, &r->app);
    int e = store_mount(&r->meter.store);
    if (e == E_FORMAT) return trouble(t, e, "%s holds something that is no meter's", r->file);
    if (e < 0) return trouble(t, e, "%s: the journal cannot be mounted", r->file);
    energy_restored(&r->meter.energy, &r->meter.now);
    return e;
}

/* -- info --------------------------------------------------------------------------------- */

static void time_of(struct request *r, unsigned id, uint32_t number, char text[WHEN_TEXT])
{
    uint8_t row[SERIES_ROW_MAX];
    if (series_read(&r->meter.store, id, number, row) < 0)
        snprintf(text, WHEN_TEXT, "damaged");
    else
        when_format(text, (utc_t){ le_get32(row) });
}

static void show_ring(struct request *r, unsigned id)
{
    struct store *s = &r->meter.store;
    uint32_t first = series_first(s, id), next = series_next(s, id);
    uint16_t size = series_row_size(s, id);
    char from[WHEN_TEXT] = "", to[WHEN_TEXT] = "";
    if (first != next) {
        time_of(r, id, first, from);
        time_of(r, id, next - 1, to);
    }
    uint32_t room = series_capacity(s, id, size);
    if (r->json)
        json_line(json_pack("{s:s,s:I,s:I,s:I,s:i,s:i,s:i,s:s,s:s}", "part", ring_name[id],
                            "rows", (json_int_t)(next - first), "next", (json_int_t)next,
                            "keeps", (json_int_t)room, "octets", size, "sector",
                            store_map.series[id].ring.first, "sectors",
                            store_map.series[id].ring.sectors, "from", from, "to", to));
    else
        printf("%-17s %7u rows of %6u kept, next %7u, %4u octets each  %s%s%s\n", ring_name[id],
               next - first, room, next, size, from, first != next ? " .. " : "", to);
}

static void show_values(const struct request *r, const char *part, const struct kv *kv,
                        const uint16_t *index, unsigned ids, const struct part *where)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ids; i++) n += index[i] != 0;
    unsigned half = where->sectors / 2u * NOR_SECTOR;
    if (r->json)
        json_line(json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i}", "part", part, "values", n, "live",
                            (int)kv->live, "used", (int)kv->at, "octets", half, "half",
                            (int)kv->active, "sector", where->first));
    else
        printf("%-17s %7u values, %u of %u octets used in half %u, %u live\n", part, n, kv->at,
               half, kv->active, kv->live);
}

static void show_journal(const struct request *r)
{
    const struct journal *j = &r->meter.store.journal;
    const struct regs *g = &r->meter.now;
    if (r->json)
        json_line(json_pack(
            "{s:s,s:i,s:I,s:i,s:i,s:I,s:I,s:I,s:i}", "part", "journal", "segment", j->segment,
            "generation", (json_int_t)j->generation, "records", (int)r->records, "used",
            (int)j->at, "import_wh", (json_int_t)reg_at(g, REG_WH_IMPORT), "export_wh",
            (json_int_t)reg_at(g, REG_WH_EXPORT), "boots", (json_int_t)g->counter[CNT_BOOTS],
            "retired", (int)r->meter.store.retired_count));
    else
        printf("%-17s segment %u, generation %u, %u records, %u of %u octets used\n"
               "%-17s import %lld Wh, export %lld Wh, %u power-ups, %u sectors retired\n",
               "journal", j->segment, j->generation, r->records, j->at,
               (unsigned)store_map.segment_sectors * NOR_SECTOR, "",
               (long long)reg_at(g, REG_WH_IMPORT), (long long)reg_at(g, REG_WH_EXPORT),
               g->counter[CNT_BOOTS], r->meter.store.retired_count);
}

static void show_image(struct request *r, bool always)
{
    struct image i;
    int there = image_mount(&i, &r->meter.store.flash, &store_map.stage);
    unsigned has = 0, blocks = there ? image_blocks(&i) : 0;
    for (uint32_t n = 0; n < blocks; n++) has += image_has(&i, n);
    if (!there && !always) return;
    if (r->json)
        json_line(json_pack("{s:s,s:i,s:i,s:i}", "part", "image", "octets",
                            there ? (int)i.size : 0, "blocks", blocks, "there", has));
    else if (there)
        printf("%-17s %u octets, %u of %u blocks there\n", "image", i.size, has, blocks);
    else
        printf("%-17s none\n", "image");
}

static void info(struct request *r)
{
    struct store *s = &r->meter.store;
    show_journal(r);
    show_values(r, "params", &s->params, s->params_index, store_map.params_ids,
                &store_map.params);
    show_values(r, "keys", &s->keys, s->keys_index, store_map.keys_ids, &store_map.keys);
    show_image(r, true);
    for (unsigned id = 0; id < SERIES_IDS; id++) show_ring(r, id);
}

/* -- check -------------------------------------------------------------------------------- */

static void damaged(struct request *r, const char *part, uint32_t number)
{
    r->damaged++;
    if (r->json)
        json_line(json_pack("{s:s,s:I}", "damaged", part, "number", (json_int_t)number));
    else
        printf("%-17s %u is damaged\n", part, number);
}

static void check(struct request *r)
{
    struct store *s = &r->meter.store;
    uint8_t row[SERIES_ROW_MAX], key[KEYS_WRAP_MAX];
    unsigned rows = 0, values = 0, keys = 0;
    for (unsigned id = 0; id < SERIES_IDS; id++)
        for (uint32_t i = series_first(s, id); i != series_next(s, id); i++, rows++)
            if (series_read(s, id, i, row) < 0) damaged(r, ring_name[id], i);
    for (uint16_t i = 0; i < store_map.params_ids; i++) {
        int e = params_check(s, i);
        values += e != E_NONE;
        if (e == E_CRC) damaged(r, "params", i);
    }
    for (uint16_t i = 0; i < store_map.keys_ids; i++) {
        int n = keys_read(s, i, key);
        keys += n != E_NONE;
        if (n == E_CRC) damaged(r, "keys", i);
    }
    for (unsigned k = 0; k < sizeof note_name / sizeof *note_name; k++)
        if (k != STORE_MENDED) r->damaged += r->noted[k];
    if (r->json)
        json_line(json_pack("{s:i,s:i,s:i,s:i,s:i,s:i}", "records", (int)r->records, "rows",
                            rows, "values", values, "keys", keys, "mended",
                            (int)r->noted[STORE_MENDED], "damaged", (int)r->damaged));
    else
        printf("%u records, %u rows, %u values, %u keys read; %u mended, %u damaged\n",
               r->records, rows, values, keys, r->noted[STORE_MENDED], r->damaged);
}

/* -- dump --------------------------------------------------------------------------------- */

static void dump_ring(struct request *r, unsigned id)
{
    struct store *s = &r->meter.store;
    uint8_t row[SERIES_ROW_MAX];
    uint16_t n = series_row_size(s, id);
    bool is_log = id >= SERIES_LOG_1 && id <= SERIES_LOG_10;
    for (uint32_t i = series_first(s, id); i != series_next(s, id); i++) {
        char when[WHEN_TEXT], what[64];
        if (series_read(s, id, i, row) < 0) {
            damaged(r, ring_name[id], i);
            continue;
        }
        when_format(when, (utc_t){ le_get32(row) });
        snprintf(what, sizeof what, "%s", when);
        if (is_log) snprintf(what, sizeof what, "%s %u", when, le_get16(row + 4));
        show_octets(r, ring_name[id], what, i, row, n);
    }
}

static void dump_params(struct request *r)
{
    uint8_t *value = malloc(PARAMS_VALUE_MAX);
    for (uint16_t id = 0; value && id < store_map.params_ids; id++) {
        int n = params_read(&r->meter.store, id, 0, value, PARAMS_VALUE_MAX);
        if (n == E_NONE) continue;
        if (n < 0)
            damaged(r, "params", id);
        else
            show_octets(r, "params", id < PARAMS ? param_name_at(id) : "unknown", id, value,
                        (size_t)n);
    }
    free(value);
}

static void dump_keys(struct request *r)
{
    for (uint16_t id = 0; id < store_map.keys_ids; id++) {
        uint32_t generation = keys_generation(&r->meter.store, id);
        if (!generation) continue;
        if (r->json)
            json_line(json_pack("{s:s,s:i,s:I}", "part", "keys", "slot", id, "generation",
                                (json_int_t)generation));
        else
            printf("%-17s slot %u, generation %u\n", "keys", id, generation);
    }
}

static void dump(struct request *r)
{
    if (is_wanted(r, "params")) dump_params(r);
    if (is_wanted(r, "keys")) dump_keys(r);
    if (is_wanted(r, "image")) show_image(r, r->part != NULL);
    for (unsigned id = 0; id < SERIES_IDS; id++)
        if (is_wanted(r, ring_name[id])) dump_ring(r, id);
}

/* -- the command -------------------------------------------------------------------------- */

static bool is_part(const char *name)
{
    static const char *const others[] = { "journal", "params", "keys", "image" };
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0) return true;
    for (unsigned i = 0; i < SERIES_IDS; i++)
        if (strcmp(name, ring_name[i]) == 0) return true;
    return false;
}

static int work(struct request *r, const struct file *f, void (*verb)(struct request *),
                struct trouble *t)
{
    uint8_t *image = f->size < CHIP ? NULL : malloc(CHIP);
    if (f->size < CHIP)
        return trouble(t, E_FORMAT, "%s is not a flash image: it has %zu octets, an image %u",
                       r->file, f->size, CHIP);
    if (!image) return trouble(t, E_SPACE, "out of memory");
    r->is_dumping = verb == dump;
    int e = power_up(r, f, image, t);
    r->is_dumping = false;
    if (e == 1) say("%s is blank: a meter that starts with it begins anew", r->file);
    if (e == 0) verb(r);
    free(image);
    return e;
}

int flash_main(int argc, char **argv)
{
    static const struct argp argp = { options, parse, "info FILE\ncheck FILE\ndump FILE [PART]",
                                      doc,     NULL,  NULL,
                                      NULL };
    static const struct {
        const char *name;
        void (*run)(struct request *);
    } verbs[] = { { "info", info }, { "check", check }, { "dump", dump } };
    static struct request r;
    struct trouble t;
    struct file f;
    unsigned k = 0;
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    while (k < 3 && strcmp(r.verb, verbs[k].name) != 0) k++;
    if (k == 3) return say_fail(EXIT_USAGE, "'%s' is none of info, check, dump", r.verb);
    if (r.part && !is_part(r.part))
        return say_fail(EXIT_USAGE, "'%s' is no part; --help lists them", r.part);
    if (file_read(&f, r.file, INPUT_MAX, &t) < 0) return say_fail(EXIT_REFUSED, "%s", t.text);
    int e = work(&r, &f, verbs[k].run, &t);
    file_free(&f);
    if (e < 0) return say_fail(EXIT_REFUSED, "%s", t.text);
    return r.damaged ? EXIT_REFUSED : EXIT_DONE;
}
