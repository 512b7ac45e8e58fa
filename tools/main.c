/* main.c - `magno COMMAND ...`: finds the row of commands.def and hands over. */
#include <argp.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/common/say.h"
#include "tools/common/suggest.h"
#include "tools/exit.h"

const struct verb commands[] = {
#define COMMAND(name, summary) { #name, summary, name##_main },
#include "tools/commands.def"
#undef COMMAND
    { NULL, NULL, NULL },
};

static const struct verb *find(const char *name)
{
    for (const struct verb *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static void help(FILE *f)
{
    fputs("Usage: magno COMMAND [OPTION...] [ARGUMENT...]\n"
          "Magno 22: a smart electricity meter, its client, its vending station.\n\n",
          f);
    for (const struct verb *c = commands; c->name; c++)
        fprintf(f, "  %-11s %s\n", c->name, c->summary);
    fputs(
        "\n"
        "  magno COMMAND --help   what a command does, with examples\n"
        "  magno --version        print the version\n\n"
        "Every command takes --json: one JSON object a line on standard output.\n"
        "Times are 2026-01-01T00:00:00Z, 2026-01-01T01:00:00+01:00, seconds since 1970,\n"
        "or relative to now: +2d, +36h, -15m.\n"
        "Exit status: 0 done; 1 the meter or the data said no; 2 usage; 3 could not connect;\n"
        "4 not authenticated.\n",
        f);
}

static int unknown(const char *name)
{
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (const struct verb *c = commands; c->name; c++) {
        size_t d = suggest_distance(name, c->name);
        if (d < best) best = d, near = c->name;
    }
    if (near && suggest_is_near(name, best))
        return say_fail(EXIT_USAGE, "there is no command '%s'; did you mean '%s'?", name, near);
    return say_fail(EXIT_USAGE, "there is no command '%s'; `magno --help` lists them", name);
}

static int run(const struct verb *c, int argc, char **argv)
{
    char title[64];
    snprintf(title, sizeof title, "magno %s", c->name);
    say_as(title);
    argv[0] = title;
    return c->main(argc, argv);
}

/* `magno help read` is `magno read --help`. */
static int help_of(char *name)
{
    char flag[] = "--help", *argv[] = { name, flag, NULL };
    const struct verb *c = find(name);
    return c ? run(c, 2, argv) : unknown(name);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    argp_err_exit_status = EXIT_USAGE;
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("magno " MAGNO_VERSION);
        return EXIT_DONE;
    }
    bool asks = !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
    if (asks && argc > 2) return help_of(argv[2]);
    if (asks) {
        help(stdout);
        return EXIT_DONE;
    }
    if (word[0] == '-')
        return say_fail(EXIT_USAGE, "unknown option '%s'; options come after the command",
                        word);
    const struct verb *c = find(word);
    return c ? run(c, argc - 1, argv + 1) : unknown(word);
}
