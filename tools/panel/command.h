/* command.h - a command of the page or of a script: JSON text to struct panel_command.
 *
 * {"do":"voltage","value":230.5,"id":7}. "id" is optional and comes back in the reply. The text
 * comes from outside: it is bounded, checked whole against one table of names, types and
 * ranges, and refused with a sentence that says what would have been right.
 *
 * Cost     one JSON parse of at most COMMAND_MAX octets.
 * Context  host programs; no state.
 */
#ifndef TOOLS_PANEL_COMMAND_H
#define TOOLS_PANEL_COMMAND_H
#include <stddef.h>
#include <stdint.h>

#include "tools/panel/panel.h"

enum { COMMAND_MAX = 1024, COMMAND_WHY = 96 };

struct command_text {
    struct panel_command command;
    int64_t id;            /* of the request; 0 when it had none */
    char why[COMMAND_WHY]; /* after an error: one sentence for people */
};

/* Read n octets of text. On failure t->why says why and t->command must not be used.
 * E_FORMAT  not a JSON object of this form, or longer than COMMAND_MAX
 * E_NONE    no command of that name
 * E_TYPE    "value" is missing or of another type
 * E_RANGE   "value" is outside its range */
int command_parse(struct command_text *t, const char *text, size_t n);

#endif
