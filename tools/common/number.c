#include "tools/common/number.h"

#include <stdlib.h>

double number_option(struct argp_state *state, const char *name, const char *arg, double low,
                     double high)
{
    char *end;
    double x = strtod(arg, &end);
    if (end == arg || *end || !(x >= low && x <= high))
        argp_error(state, "--%s %s: give a number from %g to %g", name, arg, low, high);
    return x;
}
