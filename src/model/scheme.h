/* scheme.h - a tariff scheme as 0-0:96.60.0 shows it and 0-0:96.60.1 takes it.
 *
 * Context  any; pure functions of their arguments.
 */
#ifndef MODEL_SCHEME_H
#define MODEL_SCHEME_H
#include "dlms/axdr.h"
#include "meter/prepay/scheme.h"

int emit_scheme(struct axdr_out *o, const struct scheme *s);

#endif
