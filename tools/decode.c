/* decode.c - `magno decode`: what octets on a meter's line mean. */
#include <argp.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/client/capture.h"
#include "tools/client/connect.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/hex.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/common/when.h"
#include "tools/exit.h"

enum { O_AS = 0x200, INPUT_MAX = 512 << 20 };

struct request {
    struct connect_options connect;
    struct buf words; /* all arguments, blanks between */
    const char *file; /* the only argument */
    int arguments;
    enum describe_kind kind;
    struct describer describer;
    bool broken;
};

static const struct argp_option options[] = {
    { "as", O_AS, "KIND", 0, "hdlc, wrapper, apdu or data, when it cannot be guessed", 0 },
    { 0 },
};

static const char doc[] =
    "Explain DLMS frames, APDUs and data.\v"
    "HEX is octets in hexadecimal digits, blanks between them or not. FILE is a pcapng or pcap "
    "capture, a text of such lines (also those of --trace), or raw octets; - is standard "
    "input. "
    "With the keys, protected APDUs are opened; a conversation tells the system titles and the "
    "dedicated key itself. Without keys the development keys are tried.\n\n"
    "Examples:\n"
    "  magno decode 7EA0382102233034E7E6E7006129A109060760857405080101A203020100A305A103020100"
    "BE10040E0800065F1F040000501F01F40007\n"
    "  magno decode 'C0 01 C1 00 03 01 00 01 08 00 FF 02 00'\n"
    "  magno decode --ek 000102030405060708090A0B0C0D0E0F --ak "
    "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF "
    "C81E3000000000...\n"
    "  magno decode session.pcapng --json";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const kinds[] = { "auto", "hdlc", "wrapper", "apdu", "data" };
    struct request *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->connect;
        return 0;
    case ARGP_KEY_ARG:
        r->file = arg;
        r->arguments++;
        buf_put(&r->words, arg, strlen(arg));
        buf_put_u8(&r->words, ' ');
        return 0;
    case ARGP_KEY_END:
        if (!r->arguments) argp_error(state, "give octets in hex, or a file");
        return 0;
    case O_AS:
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (strcmp(arg, kinds[i]) == 0) return r->kind = (enum describe_kind)i, 0;
        argp_error(state, "--as is hdlc, wrapper, apdu or data");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void show(struct request *r, const struct note *note, json_t *head)
{
    r->broken |= note_find(note, "error") != NULL;
    if (r->connect.json) {
        json_t *j = head ? head : json_object();
        json_object_update_new(j, note_json(note));
        json_line(j);
        return;
    }
    json_decref(head);
    for (size_t i = 0; i < note->items; i++) note_print(note->item[i], stdout, 0);
}

static void show_octets(struct request *r, const uint8_t *p, size_t n)
{
    struct note *note = describe(&r->describer, p, n, r->kind);
    show(r, note, NULL);
    note_free(note);
}

static void show_message(void *ctx, const struct capture_message *m)
{
    struct request *r = ctx;
    char time[WHEN_TEXT];
    when_format(time, (utc_t){ m->utc_us / 1000000 });
    if (r->connect.json) {
        show(r, m->note,
             json_pack("{s:s,s:s,s:s}", "time", time, "from", m->source, "to", m->destination));
        return;
    }
    printf("\n%.19s.%06dZ  %s -> %s\n", time, (int)(m->utc_us % 1000000), m->source,
           m->destination);
    show(r, m->note, NULL);
}

/* The word at *p, and the blanks before it: taken off. Its length. */
static size_t next_word(const char **p, const char **word)
{
    *word = *p + strspn(*p, " \t");
    size_t n = strcspn(*word, " \t");
    *p = *word + n;
    return n;
}

/* A line of hex, perhaps behind "->", "RX:" or the like, and behind them the name that a trace
 * gives to what was protected. Its octets, E_FORMAT when it is none. */
static int line_octets(const char *line, struct buf *out)
{
    const char *p = line, *word;
    size_t n_word = next_word(&p, &word), room = strlen(line) / 2 + 1;
    bool marked = n_word && (p[-1] == ':' || p[-1] == '>' || word[0] == '<');
    if (!marked) p = line;
    const char *rest = p;
    n_word = next_word(&p, &word);
    bool named = marked && strspn(word, "0123456789ABCDEFabcdefxX:-_,") < n_word;
    if (!named) p = rest;
    uint8_t *octets = must_alloc(room);
    int n = hex_parse(p, room, octets);
    if (n > 0) buf_put(out, octets, (size_t)n);
    free(octets);
    return n;
}

static bool is_text(const struct file *f)
{
    for (size_t i = 0; i < f->size; i++)
        if (!isprint((unsigned char)f->text[i]) && !isspace((unsigned char)f->text[i]))
            return false;
    return f->size > 0;
}

static int show_lines(struct request *r, struct file *f, struct trouble *t)
{
    char *at = f->text, *line;
    unsigned number = 0;
    while ((line = file_line(&at, f->text + f->size))) {
        struct buf octets = { 0 };
        int n = line_octets(line, &octets);
        number++;
        if (n > 0) show_octets(r, octets.p, octets.n);
        buf_free(&octets);
        if (n < 0)
            return trouble(t, E_FORMAT, "%s:%u: not hexadecimal: '%.40s'", r->file, number,
                           line);
    }
    return 0;
}

static int show_file(struct request *r, struct trouble *t)
{
    struct file f;
    int e = file_read(&f, r->file, INPUT_MAX, t);
    if (e < 0) return e;
    if (capture_is(f.text, f.size)) {
        e = capture_walk(f.text, f.size, &r->describer.keys, show_message, r, t);
        if (e == 0) say("%s holds nothing that could be DLMS", r->file);
    } else if (is_text(&f)) {
        e = show_lines(r, &f, t);
    } else {
        show_octets(r, (uint8_t *)f.text, f.size);
    }
    file_free(&f);
    return e < 0 ? e : 0;
}

static int work(struct request *r, struct trouble *t)
{
    struct keyring keys = { 0 };
    int e = connect_keys(&r->connect, &keys, t);
    if (e < 0) return e;
    describe_init(&r->describer, &keys);
    protect_wipe(&keys);
    size_t room = r->words.n / 2 + 1;
    uint8_t *octets = must_alloc(room);
    buf_put_u8(&r->words, 0);
    int n = hex_parse((char *)r->words.p, room, octets);
    if (n > 0)
        show_octets(r, octets, (size_t)n);
    else if (r->arguments == 1 && strcmp(r->file, "-") && access(r->file, F_OK))
        e = trouble(t, E_RANGE, "'%.200s' is neither octets in hex nor a file", r->file);
    else if (r->arguments == 1)
        e = show_file(r, t);
    else
        e = trouble(t, E_RANGE, "these are no hexadecimal digits: '%.60s'", (char *)r->words.p);
    free(octets);
    describe_end(&r->describer);
    return e;
}

int decode_main(int argc, char **argv)
{
    static const struct argp_child children[] = { { &connect_keys_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = {
        options, parse, "HEX...\nFILE", doc, children, NULL, NULL
    };
    struct request r = { 0 };
    struct trouble t;
    connect_defaults(&r.connect);
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    int e = work(&r, &t);
    buf_free(&r.words);
    if (e < 0) return say_fail(connect_exit(e == E_IO ? E_NONE : e), "%s", t.text);
    return r.broken ? EXIT_REFUSED : EXIT_DONE;
}
