/* operator.h - passwords of operators: salted PBKDF2, never stored, never shown.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_OPERATOR_H
#define TOOLS_VEND_OPERATOR_H
#include "tools/vend/station.h"

#define OPERATOR_ROUNDS 100000
#define OPERATOR_PASSWORD_MIN 8

/* Make or change an operator. An error of db.h, or E_IO. */
int operator_write(struct station *st, const char *name, int role, const char *password);

/* "clerk", "supervisor", "admin"; the number of a name, 0 for none. */
const char *operator_role_name(int role);
int operator_role(const char *name);

#endif
