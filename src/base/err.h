/* err.h - the one list of errors: success is >= 0, failure is one of these negative numbers.
 *
 * Cost     none; err_text() is a search of 14 rows.
 * Context  any.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR(name, value, text) name = value,
enum {
#include "base/err.def"
};
#undef ERR

/* The sentence for an error of err.def; "unknown error" for any other number. Never NULL. */
const char *err_text(int err);

#endif
