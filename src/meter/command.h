/* command.h - what the meter can be ordered to do: one list for scripts, schedules, monitors,
 * tokens and clients.
 *
 * The COSEM side resolves scripts to ids when they are written; the meter sees no logical
 * names.
 *
 * Power cut  each order is one transaction, done or not done.
 * Context    meter loop only.
 */
#ifndef METER_COMMAND_H
#define METER_COMMAND_H
#include <stdbool.h>
#include <stdint.h>

#include "base/who.h"

struct meter;

#define COMMAND(id, min, max) id,
enum command {
#include "meter/commands.def"
    COMMANDS
};
#undef COMMAND

/* "CMD_TARIFF", as in commands.def; command < COMMANDS. */
const char *command_name_at(uint16_t command);

/* Is there such a command, and does it take that argument? */
bool command_takes(unsigned command, int32_t arg);

/* Do it, dated as what is being handled. E_RANGE: no such command or argument; E_DENIED: not
 * now (lock-out, arbitration); E_STATE: no such part in this meter. */
int command_do(struct meter *m, const struct who *who, uint16_t command, int32_t arg);

#endif
