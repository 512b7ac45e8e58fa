/* profile_show.h - a profile that was read, on standard output.
 *
 * Table: every column as wide as its widest cell, times its scaler, its unit in the title.
 * CSV:   a header, the same cells, quotes as in RFC 4180. JSON: a line of columns, then a line
 * a row with raw values.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_PROFILE_SHOW_H
#define TOOLS_CLIENT_PROFILE_SHOW_H
#include "tools/client/profile.h"

enum profile_format { PROFILE_TABLE, PROFILE_CSV, PROFILE_JSON };

/* E_FORMAT when its rows are broken; those before are shown. */
int profile_show(const struct profile *p, enum profile_format format, bool typed,
                 struct trouble *t);

#endif
