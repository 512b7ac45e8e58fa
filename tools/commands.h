/* commands.h - the commands of `magno`, as declared by commands.def.
 *
 * Context  host programs only.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

struct verb {
    const char *name, *summary;
    int (*main)(int argc, char **argv); /* returns one of exit.h */
};

/* All of them in the order of commands.def; the row behind the last has a NULL name. */
extern const struct verb commands[];

#define COMMAND(name, summary) int name##_main(int argc, char **argv);
#include "tools/commands.def"
#undef COMMAND

#endif
