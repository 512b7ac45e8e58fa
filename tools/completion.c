/* completion.c - `magno completion bash|zsh|fish`: shell rules made from commands.def, so
 * that they never fall behind it. Options are asked from `magno COMMAND --help`. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/common/say.h"
#include "tools/exit.h"

static const char options_of[] =
    "magno \"$1\" --help 2>/dev/null | grep -oE -- '--[a-z0-9][a-z0-9-]*'";

static void names(void)
{
    for (const struct verb *c = commands; c->name; c++)
        printf("%s%s", c == commands ? "" : " ", c->name);
}

static void bash(void)
{
    printf("_magno_options() { %s; }\n_magno() {\n    local words\n    if [ $COMP_CWORD = 1 ]; "
           "then words='",
           options_of);
    names();
    puts("'\n    else words=$(_magno_options \"${COMP_WORDS[1]}\"); fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
         "complete -o default -F _magno magno");
}

static void zsh(void)
{
    printf("#compdef magno\n_magno_options() { %s; }\n_magno() {\n    if (( CURRENT == 2 )); "
           "then\n"
           "        local -a commands=(",
           options_of);
    for (const struct verb *c = commands; c->name; c++) printf("'%s:%s' ", c->name, c->summary);
    puts(")\n        _describe command commands\n    else\n"
         "        compadd -- $(_magno_options \"$words[2]\"); _files\n    fi\n}\n"
         "compdef _magno magno");
}

static void fish(void)
{
    for (const struct verb *c = commands; c->name; c++)
        printf("complete -c magno -n __fish_use_subcommand -a %s -d '%s'\n", c->name,
               c->summary);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const char **shell = state->input;
    if (key != ARGP_KEY_ARG || *shell) return ARGP_ERR_UNKNOWN;
    *shell = arg;
    return 0;
}

int completion_main(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "bash|zsh|fish",
        .doc = "Print the completion rules for a shell.\v"
               "Example, for the shell of now:  source <(magno completion bash)",
    };
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
    const char *shell = NULL;
    if (argp_parse(&argp, argc, argv, 0, NULL, &shell)) return EXIT_USAGE;
    for (size_t i = 0; shell && i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shell, shells[i].name) == 0) return shells[i].print(), EXIT_DONE;
    return say_fail(EXIT_USAGE, "name a shell: bash, zsh or fish");
}
