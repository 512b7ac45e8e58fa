/* trouble.h - an error that people can act on: a number of err.def and a sentence made where
 * the cause is known ("load.csv:17: 'abc' is not a number").
 *
 * Context  host programs.
 */
#ifndef TOOLS_COMMON_TROUBLE_H
#define TOOLS_COMMON_TROUBLE_H

struct trouble {
    char text[320]; /* cut where longer */
};

/* Fill t and return error: `return trouble(t, E_FORMAT, "...")`. */
int trouble(struct trouble *t, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
