/* number.h - numbers as options: whole, and within what they may be.
 *
 * Context  host programs.
 */
#ifndef TOOLS_COMMON_NUMBER_H
#define TOOLS_COMMON_NUMBER_H
#include <argp.h>

/* The value of --name; anything but a number from low to high ends the program through
 * argp_error(). */
double number_option(struct argp_state *state, const char *name, const char *arg, double low,
                     double high);

#endif
