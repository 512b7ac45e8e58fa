/* exit.h - what `magno` tells its caller: one list, the same for every command.
 *
 * Context  host programs only.
 */
#ifndef TOOLS_EXIT_H
#define TOOLS_EXIT_H

enum {
    EXIT_DONE,    /* all that was asked was done */
    EXIT_REFUSED, /* the meter, the file or the token said no */
    EXIT_USAGE,   /* the command line was not understood */
    EXIT_CONNECT, /* nobody answered */
    EXIT_AUTH,    /* the meter answered, and did not believe who asks */
};

#endif
